// Robust non-linear least squares: Levenberg–Marquardt with Huber weights and a numeric Jacobian.
//
// Source: Nocedal & Wright, Numerical Optimization, §10.3; Huber, Robust Statistics, §7.8 (reweighting).
// Limitations: finds a local minimum; a step is accepted only where the robust loss falls.
#pragma once

#include <functional>
#include <vector>

namespace orrery::calibrate {

/// How far measurements of one thing repeat, relative: what a residual of 1 stands for.
inline constexpr double kNoise = 0.03;

/// Residuals at z, always of one length.
using Residuals = std::function<std::vector<double>(const std::vector<double>&)>;

/// Σ ½r² for |r| ≤ width, else width (|r| − ½ width).
[[nodiscard]] double huber_loss(const std::vector<double>& residuals, double width);

/// The best z found from `z` on at a fixed Huber width. A step moves no variable by more than 2.
[[nodiscard]] std::vector<double> minimise(const Residuals& residuals, std::vector<double> z, double width,
                                           int iterations);

/// For each variable whether any residual moves with it at z.
[[nodiscard]] std::vector<bool> felt_variables(const Residuals& residuals, const std::vector<double>& z);

}  // namespace orrery::calibrate
