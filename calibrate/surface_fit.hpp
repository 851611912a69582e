// Fits the surfaces of a model: what is left of measured times once its equation is fitted.
//
//   minimise Σ huber(ln(measured/predicted) − Σ over surfaces, knots of weight·value) + smoothness + ridge
// Smoothness is the squared second difference of neighbouring knots along each axis (the first, where an axis has two),
// so that a knot without rows goes on as its neighbours do; the ridge brings what nothing says to no correction.
// under: of up to 3,000 of the rows, and of kernels that have some sizes of one row and some of another, none gets
// quicker as one of its sizes grows by a quarter of an octave, or by an octave; a soft bound, that many rows outweigh.
// Source: P-splines: Eilers & Marx, Statistical Science 11(2), 1996; reweighting: Huber, Robust Statistics, §7.8.
#pragma once

#include <vector>

#include "calibrate/fit.hpp"
#include "hardware/gpu.hpp"
#include "kernels/family.hpp"

namespace orrery::calibrate {

/// Fewer rows are not worth surfaces.
inline constexpr std::size_t kFewestSurfaceRows = 300;

/// The surfaces of `model` that minimise the above on the rows, with axes cut to where rows lie, coded as a profile
/// keeps them. None where the model has none or the rows are fewer than kFewestSurfaceRows.
[[nodiscard]] std::vector<hardware::Surface> fit_surfaces(const kernels::FittedModel& model,
                                                          const std::vector<double>& coefficients,
                                                          const std::vector<Observation>& observations,
                                                          const hardware::Gpu& gpu);

/// A surface's factors as the profile codes them by its step (hardware::kFactorBits each).
[[nodiscard]] std::vector<std::uint32_t> factor_codes(const hardware::Surface& surface);

}  // namespace orrery::calibrate
