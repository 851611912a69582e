// Robust non-linear least squares: Levenberg–Marquardt with Huber weights and a numeric Jacobian.
//
// Source: Nocedal & Wright, Numerical Optimization, §10.3; Huber, Robust Statistics, §7.8 (reweighting).
// Limitations: finds a local minimum; a step is accepted only where the robust loss falls.
#pragma once

#include <functional>

#include <Eigen/Dense>

namespace orrery::calibrate {

/// Residuals at z, always of one length.
using Residuals = std::function<Eigen::VectorXd(const Eigen::VectorXd&)>;

/// Σ ½r² for |r| ≤ width, else width (|r| − ½ width).
[[nodiscard]] double huber_loss(const Eigen::VectorXd& residuals, double width);

/// Columns ∂r/∂z at z, where the residuals are `at`: forward differences of 1e-3.
[[nodiscard]] Eigen::MatrixXd numeric_jacobian(const Residuals& residuals, const Eigen::VectorXd& z,
                                               const Eigen::VectorXd& at);

/// The best z found from `z` on at a fixed Huber width. A step moves no variable by more than 2.
[[nodiscard]] Eigen::VectorXd minimise(const Residuals& residuals, Eigen::VectorXd z, double width, int iterations);

}  // namespace orrery::calibrate
