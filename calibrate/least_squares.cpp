#include "calibrate/least_squares.hpp"

#include <algorithm>
#include <cmath>

namespace orrery::calibrate {
namespace {

using Vector = Eigen::VectorXd;
using Matrix = Eigen::MatrixXd;

Vector huber_weights(const Vector& r, double width) {
  return r.unaryExpr([width](double x) { return std::abs(x) <= width ? 1.0 : width / std::abs(x); });
}

}  // namespace

double huber_loss(const Vector& r, double width) {
  double sum = 0.0;
  for (Eigen::Index i = 0; i < r.size(); ++i) {
    const double a = std::abs(r[i]);
    sum += a <= width ? 0.5 * a * a : width * (a - 0.5 * width);
  }
  return sum;
}

Matrix numeric_jacobian(const Residuals& residuals, const Vector& z, const Vector& at) {
  constexpr double kStep = 1e-3;
  Matrix j(at.size(), z.size());
  for (Eigen::Index i = 0; i < z.size(); ++i) {
    Vector moved = z;
    moved[i] += kStep;
    j.col(i) = (residuals(moved) - at) / kStep;
  }
  return j;
}

Vector minimise(const Residuals& residuals, Vector z, double width, int iterations) {
  Vector r = residuals(z);
  double loss = huber_loss(r, width);
  double damping = 1e-2;
  for (int iteration = 0; iteration < iterations; ++iteration) {
    const Matrix j = numeric_jacobian(residuals, z, r);
    const Vector weights = huber_weights(r, width);
    const Matrix normal = j.transpose() * weights.asDiagonal() * j;
    const Vector gradient = j.transpose() * weights.cwiseProduct(r);
    const double floor = 1e-9 * (normal.diagonal().maxCoeff() + 1e-12);
    bool accepted = false;
    for (int attempt = 0; attempt < 10 && !accepted; ++attempt) {
      Matrix damped = normal;
      damped.diagonal() += damping * normal.diagonal() + Vector::Constant(z.size(), floor);
      Vector step = -damped.ldlt().solve(gradient);
      step = step.cwiseMax(-2.0).cwiseMin(2.0);
      const Vector next = z + step;
      const Vector next_r = residuals(next);
      const double next_loss = huber_loss(next_r, width);
      if (next_loss < loss) {
        const double gain = (loss - next_loss) / loss;
        z = next, r = next_r, loss = next_loss;
        damping = std::max(damping * 0.3, 1e-7);
        accepted = true;
        if (gain < 1e-5) return z;
      } else {
        damping *= 4.0;
      }
    }
    if (!accepted) return z;
  }
  return z;
}

}  // namespace orrery::calibrate
