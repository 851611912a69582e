// Fits the coefficients of a timing model to measurements: robust non-linear least squares on log residuals.
#pragma once

#include <utility>
#include <vector>

#include "hardware/gpu.hpp"
#include "kernels/family.hpp"

namespace orrery::calibrate {

/// One measurement, as the fit sees it.
struct Observation {
  const kernels::Kernel* kernel = nullptr;
  Seconds measured;
};

struct FitOptions {
  int iterations = 40;      ///< of each stage
  int starts = 6;           ///< around the defaults, the first is the defaults themselves
  std::size_t rows = 6000;  ///< observations used by the optimiser: an even subsample
};

/// The coefficients in their bounds that minimise Σ huber(ln(predicted/measured)).
/// Levenberg–Marquardt on z with c = least + (most − least)·σ(z) (in logarithms where the bounds span more than
/// a factor of 100), so that bounds need no special case; the Jacobian is numeric. Stages with a narrowing
/// Huber width go from the bulk to the tails: a row with an odd kernel choice must not bend the physics.
[[nodiscard]] std::vector<double> fit_coefficients(const kernels::FittedModel& model,
                                                   const std::vector<Observation>& observations,
                                                   const hardware::Gpu& gpu, const FitOptions& options = {});

}  // namespace orrery::calibrate
