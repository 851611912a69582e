// The kernel timers: `roofline`, the datasheet's bound, and `fitted`, the models with a profile's coefficients.
//
// The fitted timer looks up the fit that the family's fit_key() names; without one it takes the model's default
// efficiencies and says "datasheet". It is never faster than the roofline. Bound to a GPU it finds its fits by small
// numbers (fit_table.hpp).
// Limitations: a kernel alone on the GPU; sharing SMs or HBM with another stream is the simulator's concern.
#include <fmt/format.h>

#include "kernels/family.hpp"
#include "kernels/table/fit_table.hpp"
#include "kernels/table/roofline.hpp"

namespace orrery::kernels {
namespace {

std::string source_of(const hardware::Gpu& gpu, const std::string& fact) {
  const auto found = gpu.sources.find(fact);
  return found == gpu.sources.end() ? "profile " + gpu.name : found->second;
}

std::vector<Term> roofline_terms(const Kernel& kernel, const hardware::Gpu& gpu) {
  const Bounds bounds = roofline_bounds(kernel, gpu);
  const Work need = work(kernel);
  if (std::holds_alternative<HostCopyShape>(kernel)) {
    return {{"memory", bounds.memory, fmt::format("{:.4g} B / PCIe bandwidth", need.bytes().value()),
             source_of(gpu, "pcie_bandwidth")}};
  }
  return {
      {"compute", bounds.compute, fmt::format("{:.4g} FLOP / peak", need.flops.value()), source_of(gpu, "peak")},
      {"memory", bounds.memory,
       fmt::format("bytes of {:.4g} that L2 can't hold / memory bandwidth", need.bytes().value()),
       source_of(gpu, "memory_bandwidth")},
      {"l2", bounds.l2, fmt::format("{:.4g} B / L2 bandwidth", need.bytes().value()), source_of(gpu, "l2_bandwidth")}};
}

class RooflineTimer final : public KernelTimer {
 public:
  [[nodiscard]] Seconds time(const Kernel& kernel, const hardware::Gpu& gpu) const override {
    return roofline(kernel, gpu);
  }
  [[nodiscard]] Estimate explain(const Kernel& kernel, const hardware::Gpu& gpu) const override {
    Estimate estimate;
    estimate.time = roofline(kernel, gpu);
    estimate.terms = roofline_terms(kernel, gpu);
    return estimate;
  }
};

std::string with_values(const FittedModel& model, const std::vector<double>& coefficients) {
  std::string text(model.equation);
  for (std::size_t i = 0; i < coefficients.size(); ++i) {
    text += fmt::format("{} {}={:.4g}", i == 0 ? ":" : ",", model.names[i], coefficients[i]);
  }
  return text;
}

// int8 takes fp8's fit, at its own rate, where it has none: an estimate, not a measurement.
bool is_borrowed(const Kernel& kernel, const hardware::Fit& fit) {
  const auto* gemm = std::get_if<GemmShape>(&kernel);
  const auto* moe = std::get_if<MoeShape>(&kernel);
  const bool int8 = (gemm != nullptr && gemm->dtype == Dtype::int8) || (moe != nullptr && moe->dtype == Dtype::int8);
  return int8 && fit.key.find("int8") == std::string::npos;
}

// What the board's clock adds to a kernel that is priced at the clock of short ones.
void add_clock(Estimate& estimate, const Kernel& kernel, const hardware::Gpu& gpu, const FittedValues& values) {
  FittedValues short_ones = values;
  short_ones.clock = nullptr;
  const Seconds before = short_ones.time(family_of(kernel).model, kernel, gpu, roofline(kernel, gpu));
  estimate.terms.push_back({"sustained clock", estimate.time - before,
                            fmt::format("t*{:.3g}*d*t/(t + {:.3g} us), d: density, 1 from half of the matrix peak on",
                                        values.clock->slowdown - 1.0, values.clock->onset.value() * 1e6),
                            values.clock->source});
}

class BoundFitted final : public BoundTimer {
 public:
  explicit BoundFitted(const hardware::Gpu& gpu) : gpu_(gpu), fits_(gpu), rows_(families().data()) {}

  [[nodiscard]] Seconds time(const Kernel& kernel) const override {
    const FamilyRow& row = rows_[kernel.index()];
    return fits_.values(kernel).time(row.model, kernel, gpu_, roofline(kernel, row.work(kernel), gpu_));
  }

 private:
  const hardware::Gpu& gpu_;
  FitTable fits_;
  const FamilyRow* rows_;
};

class FittedTimer final : public KernelTimer {
 public:
  [[nodiscard]] Seconds time(const Kernel& kernel, const hardware::Gpu& gpu) const override {
    return chosen(kernel, gpu).values.time(family_of(kernel).model, kernel, gpu, roofline(kernel, gpu));
  }

  [[nodiscard]] Estimate explain(const Kernel& kernel, const hardware::Gpu& gpu) const override {
    const FamilyRow& row = family_of(kernel);
    const auto [fit, values] = chosen(kernel, gpu);
    Estimate estimate;
    estimate.time = values.time(row.model, kernel, gpu, roofline(kernel, gpu));
    estimate.terms = roofline_terms(kernel, gpu);
    std::string source(row.model.source);
    if (fit != nullptr && is_backward(kernel)) {
      source = fmt::format("no backward measurements; from the forward fit {} and {}", fit->key, row.model.source);
    } else if (fit != nullptr && is_borrowed(kernel, *fit)) {
      estimate.fit_key = fit->key;
      source = fmt::format("estimate: no int8 measurements, taken from the fit {}", fit->key);
    } else if (fit != nullptr) {
      const bool own = fit->of.empty();
      estimate.provenance = own ? Provenance::measured : Provenance::published;
      estimate.fit_key = fit->key;
      source =
          fmt::format("{}{}, fitted {}", own ? "" : fit->of + "'s fit at this board's rates: ", fit->source, fit->date);
    } else {
      source += "; default efficiencies, no measurements of this GPU";
    }
    const double factor = values.surfaces.factor(kernel, gpu);
    std::string equation = with_values(row.model, values.coefficients);
    if (factor != 1.0)
      equation += fmt::format("; times {:.4g}, what the surfaces of the fit add at these sizes", factor);
    estimate.terms.push_back(
        {"model", row.model.time(kernel, gpu, values.coefficients) * factor, std::move(equation), std::move(source)});
    if (values.clock != nullptr) add_clock(estimate, kernel, gpu, values);
    return estimate;
  }

  [[nodiscard]] std::unique_ptr<BoundTimer> bind(const hardware::Gpu& gpu) const override {
    return std::make_unique<BoundFitted>(gpu);
  }

 private:
  struct Chosen {
    const hardware::Fit* fit = nullptr;
    FittedValues values;
  };

  static Chosen chosen(const Kernel& kernel, const hardware::Gpu& gpu) {
    const std::string key = fit_key(kernel, gpu);
    const hardware::Fit* fit = key.empty() ? nullptr : gpu.find_fit(key);
    return {fit, fitted_values(fit, family_of(kernel).model, gpu)};
  }
};

}  // namespace

std::unique_ptr<BoundTimer> KernelTimer::bind(const hardware::Gpu& gpu) const {
  class Bound final : public BoundTimer {
   public:
    Bound(const KernelTimer& timer, const hardware::Gpu& on) : timer_(timer), gpu_(on) {}
    [[nodiscard]] Seconds time(const Kernel& kernel) const override { return timer_.time(kernel, gpu_); }

   private:
    const KernelTimer& timer_;
    const hardware::Gpu& gpu_;
  };
  return std::make_unique<Bound>(*this, gpu);
}

const std::vector<TimerRow>& timers() {
  static const std::vector<TimerRow> table = [] {
    std::vector<TimerRow> rows;
    rows.push_back({"roofline", "max(flops / peak, HBM bytes / bandwidth, bytes / L2 bandwidth)",
                    "Williams, Waterman & Patterson, CACM 2009",
                    []() -> std::unique_ptr<KernelTimer> { return std::make_unique<RooflineTimer>(); }});
    rows.push_back({"fitted", "the family's model with the profile's coefficients, at least the roofline",
                    "coefficients fitted to NVIDIA AIConfigurator's measurements (profiles, key fits)",
                    []() -> std::unique_ptr<KernelTimer> { return std::make_unique<FittedTimer>(); }});
    return rows;
  }();
  return table;
}

}  // namespace orrery::kernels
