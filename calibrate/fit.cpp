// Least squares with bounds by transform, from several starts. See fit.hpp.
//
// Limitations: models with discrete choices are piecewise smooth and have several valleys.
#include "calibrate/fit.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "calibrate/least_squares.hpp"

namespace orrery::calibrate {
namespace {

using Vector = std::vector<double>;

// A free variable z for each coefficient c in (least, most).
class Transform {
 public:
  explicit Transform(const std::vector<std::pair<double, double>>& bounds) : bounds_(bounds) {}

  [[nodiscard]] std::vector<double> coefficients(const Vector& z) const {
    std::vector<double> c(bounds_.size());
    for (std::size_t i = 0; i < c.size(); ++i) {
      const auto [low, high] = bounds_[i];
      const double part = 1.0 / (1.0 + std::exp(-z[i]));
      c[i] = logarithmic(i) ? low * std::pow(high / low, part) : low + (high - low) * part;
      c[i] = std::clamp(c[i], low, high);
    }
    return c;
  }

  [[nodiscard]] Vector variables(const std::vector<double>& c) const {
    Vector z(c.size());
    for (std::size_t i = 0; i < c.size(); ++i) {
      const auto [low, high] = bounds_[i];
      const double inside = std::clamp(c[i], low, high);
      double part = logarithmic(i) ? std::log(inside / low) / std::log(high / low) : (inside - low) / (high - low);
      part = std::clamp(part, 0.01, 0.99);
      z[i] = std::log(part / (1.0 - part));
    }
    return z;
  }

 private:
  [[nodiscard]] bool logarithmic(std::size_t i) const { return bounds_[i].second > 100.0 * bounds_[i].first; }

  std::vector<std::pair<double, double>> bounds_;
};

class Problem {
 public:
  Problem(const kernels::FittedModel& model, std::vector<Observation> observations, const hardware::Gpu& gpu)
      : model_(&model), observations_(std::move(observations)), gpu_(&gpu), transform_(model.bounds) {}

  [[nodiscard]] const Transform& transform() const { return transform_; }

  [[nodiscard]] Vector residuals(const Vector& z) const {
    const std::vector<double> c = transform_.coefficients(z);
    Vector r(observations_.size());
    for (std::size_t i = 0; i < observations_.size(); ++i) {
      const Observation& row = observations_[i];
      r[i] = std::log(model_->time(*row.kernel, *gpu_, c) / row.measured);
    }
    return r;
  }

  [[nodiscard]] Residuals function() const {
    return [this](const Vector& z) { return residuals(z); };
  }

 private:
  const kernels::FittedModel* model_;
  std::vector<Observation> observations_;
  const hardware::Gpu* gpu_;
  Transform transform_;
};

// Every n-th row of a stable order: the subsample is the same on every machine.
std::vector<Observation> subsample(const std::vector<Observation>& all, std::size_t most) {
  if (all.size() <= most) return all;
  std::vector<Observation> some;
  some.reserve(most);
  for (std::size_t i = 0; i < most; ++i) some.push_back(all[i * all.size() / most]);
  return some;
}

// A uniform number in [−1, 1) from a counter (splitmix64's finaliser): the same starts on every machine.
double jitter(std::uint64_t counter) {
  std::uint64_t x = counter * 0x9e3779b97f4a7c15ull;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  x ^= x >> 31;
  return static_cast<double>(x >> 11) * 0x1.0p-52 - 1.0;
}

// The best of several starts around the defaults: models that choose between tiles have several valleys.
Vector best_start(const Problem& problem, const Vector& defaults, const FitOptions& options) {
  Vector best = defaults;
  double least = std::numeric_limits<double>::infinity();
  std::uint64_t counter = 1;
  for (int start = 0; start < options.starts; ++start) {
    Vector z = defaults;
    if (start > 0) {
      for (double& x : z) x += 1.5 * jitter(counter++);
    }
    z = minimise(problem.function(), z, 0.5, options.iterations);
    z = minimise(problem.function(), z, 0.15, options.iterations);
    const double loss = huber_loss(problem.residuals(z), 0.15);
    if (loss < least) least = loss, best = z;
  }
  return best;
}

}  // namespace

std::vector<double> fit_coefficients(const kernels::FittedModel& model, const std::vector<Observation>& observations,
                                     const hardware::Gpu& gpu, const FitOptions& options) {
  const Problem coarse(model, subsample(observations, std::max<std::size_t>(options.rows / 4, 500)), gpu);
  const Problem fine(model, subsample(observations, options.rows), gpu);
  Vector z = best_start(coarse, coarse.transform().variables(model.defaults(gpu)), options);
  z = minimise(fine.function(), z, 0.15, options.iterations);
  z = minimise(fine.function(), z, 0.05, options.iterations);
  // What no row feels must not be left where a start happened to put it.
  const std::vector<bool> felt = felt_variables(fine.function(), z);
  const std::vector<double> defaults = model.defaults(gpu);
  std::vector<double> coefficients = fine.transform().coefficients(z);
  for (std::size_t i = 0; i < coefficients.size(); ++i) {
    if (!felt[i]) coefficients[i] = defaults[i];
  }
  return coefficients;
}

}  // namespace orrery::calibrate
