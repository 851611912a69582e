#include "kernels/table/scaled_timer.hpp"

#include <utility>

#include <fmt/format.h>

#include "kernels/family.hpp"

namespace orrery::kernels {
namespace {

double factor_of(const Scaled& scaled, const Kernel& kernel, const hardware::Gpu& gpu) {
  const std::string key = is_backward(kernel) ? std::string() : fit_key(kernel, gpu);
  const bool meant = scaled.fit.empty() ? key.empty() && group_name(kernel) == scaled.group : key == scaled.fit;
  return meant ? scaled.factor : 1.0;
}

class BoundScaled final : public BoundTimer {
 public:
  BoundScaled(const KernelTimer& timer, const Scaled& scaled, const hardware::Gpu& gpu)
      : timer_(timer.bind(gpu)), scaled_(scaled), gpu_(gpu) {}

  [[nodiscard]] Seconds time(const Kernel& kernel) const override {
    return timer_->time(kernel) * factor_of(scaled_, kernel, gpu_);
  }

 private:
  std::unique_ptr<BoundTimer> timer_;
  const Scaled& scaled_;
  const hardware::Gpu& gpu_;
};

class ScaledTimer final : public KernelTimer {
 public:
  ScaledTimer(const KernelTimer& timer, Scaled scaled) : timer_(timer), scaled_(std::move(scaled)) {}

  [[nodiscard]] Seconds time(const Kernel& kernel, const hardware::Gpu& gpu) const override {
    return timer_.time(kernel, gpu) * factor_of(scaled_, kernel, gpu);
  }

  [[nodiscard]] Estimate explain(const Kernel& kernel, const hardware::Gpu& gpu) const override {
    Estimate estimate = timer_.explain(kernel, gpu);
    const double factor = factor_of(scaled_, kernel, gpu);
    if (factor == 1.0) return estimate;
    const Seconds time = estimate.time * factor;
    estimate.terms.push_back(
        {"quantile", time - estimate.time, fmt::format("times {:.4g}", factor), "rows that the fit never saw"});
    estimate.time = time;
    return estimate;
  }

  [[nodiscard]] std::unique_ptr<BoundTimer> bind(const hardware::Gpu& gpu) const override {
    return std::make_unique<BoundScaled>(timer_, scaled_, gpu);
  }

 private:
  const KernelTimer& timer_;
  Scaled scaled_;
};

}  // namespace

std::unique_ptr<KernelTimer> scaled_timer(const KernelTimer& timer, Scaled scaled) {
  return std::make_unique<ScaledTimer>(timer, std::move(scaled));
}

}  // namespace orrery::kernels
