#include "calibrate/least_squares.hpp"

#include <algorithm>
#include <cmath>

#include <Eigen/Dense>

namespace orrery::calibrate {
namespace {

using Vector = Eigen::VectorXd;
using Matrix = Eigen::MatrixXd;

Vector vector_of(const std::vector<double>& values) {
  return Eigen::Map<const Vector>(values.data(), static_cast<Eigen::Index>(values.size()));
}

std::vector<double> values_of(const Vector& v) { return {v.data(), v.data() + v.size()}; }

Vector huber_weights(const Vector& r, double width) {
  return r.unaryExpr([width](double x) { return std::abs(x) <= width ? 1.0 : width / std::abs(x); });
}

// Columns ∂r/∂z at z, where the residuals are `at`.
Matrix jacobian(const Residuals& residuals, const std::vector<double>& z, const Vector& at) {
  constexpr double kStep = 1e-3;
  Matrix j(at.size(), static_cast<Eigen::Index>(z.size()));
  for (std::size_t i = 0; i < z.size(); ++i) {
    std::vector<double> moved = z;
    moved[i] += kStep;
    j.col(static_cast<Eigen::Index>(i)) = (vector_of(residuals(moved)) - at) / kStep;
  }
  return j;
}

}  // namespace

double huber_loss(const std::vector<double>& residuals, double width) {
  double sum = 0.0;
  for (const double r : residuals) {
    const double a = std::abs(r);
    sum += a <= width ? 0.5 * a * a : width * (a - 0.5 * width);
  }
  return sum;
}

std::vector<double> minimise(const Residuals& residuals, std::vector<double> z, double width, int iterations) {
  std::vector<double> r = residuals(z);
  double loss = huber_loss(r, width);
  double damping = 1e-2;
  for (int iteration = 0; iteration < iterations; ++iteration) {
    const Vector at = vector_of(r);
    const Matrix j = jacobian(residuals, z, at);
    const Vector weights = huber_weights(at, width);
    const Matrix normal = j.transpose() * weights.asDiagonal() * j;
    const Vector gradient = j.transpose() * weights.cwiseProduct(at);
    const double floor = 1e-9 * (normal.diagonal().maxCoeff() + 1e-12);
    bool accepted = false;
    for (int attempt = 0; attempt < 10 && !accepted; ++attempt) {
      Matrix damped = normal;
      damped.diagonal() += damping * normal.diagonal() + Vector::Constant(normal.rows(), floor);
      Vector step = -damped.ldlt().solve(gradient);
      step = step.cwiseMax(-2.0).cwiseMin(2.0);
      const std::vector<double> next = values_of(vector_of(z) + step);
      std::vector<double> next_r = residuals(next);
      const double next_loss = huber_loss(next_r, width);
      if (next_loss < loss) {
        const double gain = (loss - next_loss) / loss;
        z = next, r = std::move(next_r), loss = next_loss;
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

std::vector<bool> felt_variables(const Residuals& residuals, const std::vector<double>& z) {
  const Matrix j = jacobian(residuals, z, vector_of(residuals(z)));
  std::vector<bool> felt(z.size());
  for (std::size_t i = 0; i < z.size(); ++i) {
    felt[i] = j.col(static_cast<Eigen::Index>(i)).cwiseAbs().maxCoeff() != 0.0;
  }
  return felt;
}

}  // namespace orrery::calibrate
