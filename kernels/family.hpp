// One kernel family as a vertical slice: its shape rules, its work and its timing model, in one table row.
//
// The timer (table/timers.cpp), the fit (calibrate/fit.cpp) and `orrery explain` all go through this table, so a
// new family is its folder and its row. A timing model is a pure function of a shape, a GPU and a vector of
// named coefficients: the fit and the timer call the very same function.
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hardware/gpu.hpp"
#include "kernels/kernel.hpp"

namespace orrery::kernels {

/// Where a kernel lies for the surfaces of a fit: as many numbers as its model has coordinates.
inline constexpr std::size_t kMostCoordinates = 8;
using Coordinates = std::array<double, kMostCoordinates>;

/// What a size is on an axis: log₂ at powers of two, linear in between. Exact, and the same on every machine, for the
/// cost of two additions. REQUIRES a positive normal number.
[[nodiscard]] inline double octaves(double size) {
  constexpr int kFraction = 52, kBias = 1023;
  const auto bits = std::bit_cast<std::uint64_t>(size);
  const auto exponent = static_cast<double>(static_cast<std::int64_t>(bits >> kFraction) - kBias);
  constexpr std::uint64_t kOne = std::uint64_t{kBias} << kFraction;
  constexpr std::uint64_t kMask = (std::uint64_t{1} << kFraction) - 1;
  return exponent + (std::bit_cast<double>(kOne | (bits & kMask)) - 1.0);
}

/// One axis of a surface that a fit may learn.
struct SurfaceAxis {
  std::size_t coordinate;
  std::vector<double> knots;  ///< ascending multiples of ¼
};

/// A timing model with named coefficients.
/// Contract: time() never depends on anything but its arguments; times grow when efficiencies shrink.
/// Names that start with "e_" are efficiencies: their bounds lie in (0, 1]. Names that end in "_us" are
/// microseconds.
struct FittedModel {
  std::vector<std::string_view> names;
  /// The model's own time; the timer takes the larger of it and roofline(). Throws std::invalid_argument if the
  /// GPU can't compute the dtype.
  Seconds (*time)(const Kernel&, const hardware::Gpu&, const std::vector<double>& coefficients) = nullptr;
  /// Where there is no fit: conservative efficiencies, one per name. They read as provenance "datasheet". Throws
  /// std::invalid_argument where they differ between generations and the GPU's has none.
  std::vector<double> (*defaults)(const hardware::Gpu&) = nullptr;
  /// Least and most value of each coefficient, least > 0.
  std::vector<std::pair<double, double>> bounds;
  std::string_view equation, source;

  /// What the equation leaves, as a fit may learn it where measured points are dense: names of coordinates, the
  /// kernel's place in them (false: the fit was not made for such a kernel), and the surfaces, whose factors multiply
  /// the time (hardware::Surface). Without: the equation stands alone.
  std::vector<std::string_view> coordinates;
  bool (*locate)(const Kernel&, const hardware::Gpu&, Coordinates&) = nullptr;
  std::vector<std::vector<SurfaceAxis>> surfaces;
  /// The part of a kernel's time that its tables measured, between 0 and 1; nullptr: all of it.
  double (*surfaces_part)(const Kernel&) = nullptr;
  /// The sizes with which work grows, and a fit is asked not to let the time fall where the equation does not: the
  /// kernel with one of them `by` times as large, rounded up.
  std::vector<Kernel (*)(const Kernel&, double by)> grown;
};

/// A size `by` times as large, rounded up.
[[nodiscard]] inline std::int64_t grown_size(std::int64_t size, double by) {
  return static_cast<std::int64_t>(std::ceil(static_cast<double>(size) * by - 1e-9));
}

/// Which of a profile's fits price a kernel: those of an implementation, or of one that stands in for it, in the
/// formats of one list. A few small numbers, so that a timer bound to a GPU looks a fit up without building its key.
struct FitChoice {
  Implementation implementation = Implementation::automatic;
  std::size_t dtypes = 0;  ///< place in FamilyRow::fit_dtypes
};

struct FamilyRow {
  std::string_view name, equation, source;
  bool (*holds)(const Kernel&) = nullptr;
  std::string (*check)(const Kernel&) = nullptr;
  Work (*work)(const Kernel&) = nullptr;
  std::string (*describe)(const Kernel&) = nullptr;
  /// Lists of what a fit's key may end with ("bf16", "mla_fp8"), best first within each. Empty: nothing was measured.
  std::vector<std::vector<std::string_view>> fit_dtypes;
  /// Of every kernel of a family that has fit_dtypes.
  FitChoice (*fit_choice)(const Kernel&) = nullptr;
  FittedModel model;
};

/// The explicit table: gemm, attention_prefill, attention_decode, moe, memory, host_copy.
[[nodiscard]] const std::vector<FamilyRow>& families();

/// The row that holds `kernel`.
[[nodiscard]] const FamilyRow& family_of(const Kernel& kernel);

/// The row called `name`, or nullptr.
[[nodiscard]] const FamilyRow* find_family(std::string_view name);

/// The key of the profile's fit that prices this kernel ("gemm/trtllm/bf16"), "" when there is none.
[[nodiscard]] std::string fit_key(const Kernel& kernel, const hardware::Gpu& gpu);

/// A backward pass, of which nothing was measured: priced by the forward fit and a published factor.
[[nodiscard]] bool is_backward(const Kernel& kernel);

/// What kernels of a kind are called together: the family, of memory kernels with the operator ("memory.norm").
[[nodiscard]] std::string group_name(const Kernel& kernel);

/// The first of `family/implementation/dtype` that the GPU has a fit for: implementations in the order given,
/// dtypes in the order given within each. "" if none is there.
[[nodiscard]] std::string first_fit(const hardware::Gpu& gpu, std::string_view family,
                                    const std::vector<Implementation>& implementations,
                                    const std::vector<std::string_view>& dtypes);

/// Implementations to look for when a shape asks for `wanted`: itself first, then the rest by how well its
/// measurements repeat (trtllm, vllm, sglang, cudnn, cublaslt); sglang takes vllm's first, which it shares kernels
/// with. `unfused` stands alone.
[[nodiscard]] const std::vector<Implementation>& implementation_order(Implementation wanted);

/// The coefficients of a family that the GPU's generation carries, in the order of `names`. Throws
/// std::invalid_argument naming GPU, generation and what is missing.
[[nodiscard]] std::vector<double> defaults_of(const hardware::Gpu& gpu, std::string_view family,
                                              std::span<const std::string_view> names);

/// The rate that stands in for one of `dtype` that `gpu` lacks. Throws std::invalid_argument naming both where none
/// does.
[[nodiscard]] FlopsPerSecond stand_in_peak(const hardware::Gpu& gpu, Dtype dtype);

/// The rate of `dtype` on `gpu`, or what stands in for it. Throws as stand_in_peak(). Every price asks: no call where
/// the GPU has the rate.
[[nodiscard]] inline FlopsPerSecond required_peak(const hardware::Gpu& gpu, Dtype dtype) {
  return gpu.peak.has(dtype) ? gpu.peak[dtype] : stand_in_peak(gpu, dtype);
}

}  // namespace orrery::kernels
