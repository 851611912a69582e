// What one GPU can do: datasheet facts and the coefficients fitted to measurements of it.
//
// A Gpu is a value read from `hardware/profiles/<name>.yaml`. Facts are what the vendor prints; fits are
// what `orrery calibrate fit` wrote. Each figure keeps its source, which `orrery explain` prints.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hardware/dtype.hpp"
#include "hardware/generation.hpp"
#include "hardware/units.hpp"

namespace orrery::hardware {

/// Error of a fit on one part of its table: |predicted/measured − 1|, ratios.
struct FitResidual {
  std::string group;  ///< "seen", "unseen_point", "unseen_family"; "transfer": another board's, see Fit::of
  int rows = 0;
  double median = 0.0;
  double p95 = 0.0;
  double low = 0.0, high = 0.0;  ///< 5th and 95th percentile of measured/predicted; 0: not kept
};

/// What a time may be in place of a prediction, in nine of ten cases: factors on it, low ≤ 1 ≤ high.
struct Band {
  double low = 1.0, high = 1.0;
  std::string of;  ///< whose errors: "unseen_family", …
};

/// What measurements say beyond a model's equation: a factor on its time, linear between the knots of up to three axes
/// and constant beyond the outer ones.
struct Surface {
  struct Axis {
    std::string coordinate;     ///< one of the model's (kernels/family.hpp)
    std::vector<double> knots;  ///< ascending multiples of ¼, two at least
  };
  std::vector<Axis> axes;
  std::vector<double> factors;  ///< of the knots, the last axis fastest
  double step = 0.0;            ///< between the logarithms that a profile can hold, see coded_factor()
};

/// A factor as a profile holds it, in kFactorBits: exp(step·(code − kNoResidual)).
inline constexpr int kFactorBits = 9;
inline constexpr int kNoResidual = 1 << (kFactorBits - 1);
[[nodiscard]] inline double coded_factor(double step, std::uint32_t code) {
  return std::exp(step * (static_cast<double>(code) - kNoResidual));
}

/// How many bits of a shape family's hash a profile keeps.
inline constexpr int kFamilyBits = 18;

/// Coefficients of one timing model for one kernel family on one GPU.
struct Fit {
  std::string key;     ///< "<family>/<implementation>/<dtype>", e.g. "gemm/trtllm/bf16"
  std::string source;  ///< table and measuring software
  std::string date;    ///< ISO date of the fit
  std::string split;   ///< how test rows were chosen
  std::vector<std::pair<std::string, double>> coefficients;  ///< in the order the model names them
  std::vector<Surface> surfaces;                             ///< their factors multiply
  std::vector<FitResidual> residuals;
  std::vector<std::uint32_t> families_seen;  ///< hashes of the shape families that the fit saw, kFamilyBits, sorted
  std::string of;                            ///< the board that was measured, where it is another of the same silicon

  /// The coefficient called `name`, if the fit has it.
  [[nodiscard]] std::optional<double> coefficient(std::string_view name) const;
  /// Of rows that the fit never saw: of whole families where there are some, else of points, else of another board's
  /// tables. A group that keeps no percentiles gives those of its p95, both ways. nullopt: nothing was held back.
  [[nodiscard]] std::optional<Band> band() const;
  /// Of a collective: bound to the board's links.
  [[nodiscard]] bool is_collective() const {
    return key.rfind("nccl/", 0) == 0 || key.rfind("custom_allreduce/", 0) == 0;
  }
};

/// The clock that a board keeps under long, dense work, which draws as much as the board may: how much longer such
/// kernels take than in the short bursts that most tables hold (kernels/table/sustained.hpp).
struct SustainedClock {
  std::string name;       ///< of a state that boards of a kind were found in; "": of the power limit
  double slowdown = 1.0;  ///< at least 1: of kernels without end
  Seconds onset{150e-6};  ///< a kernel as long as this has half of it
  std::string source;
};

/// The clock at which work that would draw `needed` draws `limit`: time × (needed/limit)^⅕ where that is more.
/// Source: SimuMax @4dcaae5, gemm_training of an A100 PCIe (300 W), forward and input gradient, 1.06 times what fits of
/// an A100 SXM (400 W) give. One pair of boards: an estimate for all others.
[[nodiscard]] SustainedClock clock_at_power(Watts needed, Watts limit);

/// What is known of programs on one board: facts that no datasheet has.
struct Software {
  std::string gemm_table = "trtllm";      ///< the library that AIConfigurator's gemm table of the board measured
  bool impossible_fp8_attention = false;  ///< its attention tables have times below any bound where the cache is fp8
  bool vllm_small_batches = false;        ///< vLLM takes its smaller defaults, as large as the memory may be
  std::string training_state;             ///< of `states`: that of the board whose training kernels were measured
  std::string source;
};

/// A rate for some of the number formats. Every kernel asks for one: a place for each format, not a search.
class PeakRates {
 public:
  PeakRates() = default;
  PeakRates(std::initializer_list<std::pair<Dtype, FlopsPerSecond>> rates) {
    for (const auto& [dtype, rate] : rates) (*this)[dtype] = rate;
  }
  [[nodiscard]] FlopsPerSecond& operator[](Dtype dtype) { return rates_[static_cast<std::size_t>(dtype)]; }
  [[nodiscard]] FlopsPerSecond operator[](Dtype dtype) const { return rates_[static_cast<std::size_t>(dtype)]; }
  [[nodiscard]] bool has(Dtype dtype) const { return (*this)[dtype].value() > 0.0; }

 private:
  std::array<FlopsPerSecond, static_cast<std::size_t>(Dtype::nvfp4) + 1> rates_{};  ///< 0: none
};

struct Gpu {
  std::string name;   ///< contract name, "h100_sxm"
  std::string title;  ///< "NVIDIA H100 SXM5 80 GB"
  Generation generation;
  int sm_count = 0;
  Hertz boost_clock;
  PeakRates peak;              ///< dense (no sparsity) matrix peak per dtype
  FlopsPerSecond vector_peak;  ///< fp32 outside the tensor cores
  Bytes memory;                ///< HBM or GDDR capacity as sold
  Bytes reserved_memory;       ///< CUDA context and driver: not available to a framework
  BytesPerSecond memory_bandwidth;
  Bytes l2_size;
  BytesPerSecond l2_bandwidth;
  BytesPerSecond nvlink_bandwidth;  ///< per direction, all links together; 0: none
  Seconds nvlink_latency;           ///< one hop through the switch
  BytesPerSecond pcie_bandwidth;    ///< per direction, line rate of the slot
  Seconds pcie_latency;
  Seconds kernel_launch;                       ///< host cost of one launch outside CUDA graphs
  Seconds kernel_gap;                          ///< idle GPU time between dependent kernels of one stream
  Watts power;                                 ///< board power limit
  DollarsPerHour price;                        ///< list price of one GPU hour
  std::map<std::string, std::string> sources;  ///< key of the fact → where it is printed
  Software software;
  std::vector<Fit> fits;
  std::vector<SustainedClock> states;  ///< in which boards of this kind were found
  SustainedClock clock;                ///< of every kernel
  SustainedClock lent_clock;           ///< of kernels that another board's fit prices, where this one has less power

  /// Peak of `dtype`; a dtype without tensor-core support gives the peak it is computed in instead (int4 weights, and
  /// fp8 and nvfp4 ones where there are no such units, compute in 16 bits), and nullopt where the GPU can't compute it
  /// at all.
  [[nodiscard]] std::optional<FlopsPerSecond> matrix_peak(Dtype dtype) const {
    return peak.has(dtype) ? std::optional(peak[dtype]) : stand_in_peak(dtype);
  }

  /// The GPU multiplies in that format itself: nothing is widened.
  [[nodiscard]] bool multiplies(Dtype dtype) const;

  /// CUDA, and with it NCCL, runs on it: not on a TPU.
  [[nodiscard]] bool has_cuda() const { return generation.interconnect != Interconnect::ici; }
  /// Why NCCL does not run on it; empty: it does.
  [[nodiscard]] std::string nccl_misfit() const;

  /// The state called `name`, or nullptr.
  [[nodiscard]] const SustainedClock* find_state(std::string_view name) const;

  /// The fit stored under `key`, or nullptr.
  [[nodiscard]] const Fit* find_fit(std::string_view key) const;

 private:
  [[nodiscard]] std::optional<FlopsPerSecond> stand_in_peak(Dtype dtype) const;
};

}  // namespace orrery::hardware
