#include "calibrate/least_squares.hpp"

#include <cmath>
#include <random>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace orrery::calibrate {
namespace {

using testing::DoubleNear;
using testing::ElementsAre;

// Wide enough that no residual of these tests leaves the squares.
constexpr double kSquares = 1e9;

std::vector<double> places(int count) {
  std::vector<double> x;
  for (int i = 0; i < count; ++i) x.push_back(0.25 * i);
  return x;
}

/// Residuals of z0 + z1 x against `y`.
Residuals line_through(const std::vector<double>& x, const std::vector<double>& y) {
  return [x, y](const std::vector<double>& z) {
    std::vector<double> r;
    for (std::size_t i = 0; i < x.size(); ++i) r.push_back(z[0] + z[1] * x[i] - y[i]);
    return r;
  };
}

TEST(HuberLoss, IsASquareInsideItsWidthAndALineOutside) {
  EXPECT_DOUBLE_EQ(huber_loss({}, 1.0), 0.0);
  EXPECT_DOUBLE_EQ(huber_loss({0.5, -0.5}, 1.0), 0.25);
  EXPECT_DOUBLE_EQ(huber_loss({3.0}, 1.0), 2.5);
  EXPECT_DOUBLE_EQ(huber_loss({-3.0}, 1.0), 2.5);
  EXPECT_DOUBLE_EQ(huber_loss({2.0}, 2.0), 2.0) << "value and slope meet at the width";
  EXPECT_NEAR((huber_loss({2.0 + 1e-6}, 2.0) - huber_loss({2.0 - 1e-6}, 2.0)) / 2e-6, 2.0, 1e-5);
}

TEST(Minimise, FindsALineInOneStepOrTwo) {
  const std::vector<double> x = places(9);
  std::vector<double> y;
  for (const double at : x) y.push_back(1.5 - 0.75 * at);
  EXPECT_THAT(minimise(line_through(x, y), {0.0, 0.0}, kSquares, 20),
              ElementsAre(DoubleNear(1.5, 1e-5), DoubleNear(-0.75, 1e-5)));
}

TEST(Minimise, FindsWhatTheNormalEquationsSayOfALineWithNoise) {
  // x = 0, 1, 2, 3 and y = 1, 0, 2, 5: slope (Σxy − 4·1.5·2)/(Σx² − 4·1.5²) = 7/5, offset 2 − 1.5·1.4 = −0.1.
  const std::vector<double> z = minimise(line_through({0, 1, 2, 3}, {1, 0, 2, 5}), {0.0, 0.0}, kSquares, 50);
  EXPECT_THAT(z, ElementsAre(DoubleNear(-0.1, 1e-4), DoubleNear(1.4, 1e-4)));
}

TEST(Minimise, LetsOneWildRowMoveALineLittle) {
  const std::vector<double> x = places(21);
  std::vector<double> y;
  for (const double at : x) y.push_back(2.0 + at);
  y[10] += 50.0;
  const std::vector<double> squares = minimise(line_through(x, y), {0.0, 0.0}, kSquares, 50);
  const std::vector<double> robust = minimise(line_through(x, y), {2.0, 1.0}, 0.1, 50);
  EXPECT_GT(squares[0], 3.0) << "squares spread 50 over 21 rows";
  // At the minimum the wild row pulls with 0.1 and twenty others hold: 0.1/20 each.
  EXPECT_NEAR(robust[0], 2.0, 0.02);
  EXPECT_NEAR(robust[1], 1.0, 0.02);
}

TEST(Minimise, FindsTheBottomOfACurvedValley) {
  // Rosenbrock's function as residuals: 10(z1 − z0²), 1 − z0. Its minimum is (1, 1).
  const Residuals valley = [](const std::vector<double>& z) {
    return std::vector<double>{10.0 * (z[1] - z[0] * z[0]), 1.0 - z[0]};
  };
  EXPECT_THAT(minimise(valley, {-1.2, 1.0}, kSquares, 500), ElementsAre(DoubleNear(1.0, 1e-2), DoubleNear(1.0, 2e-2)));
}

TEST(Minimise, NeverEndsWorseThanItBegan) {
  std::mt19937 random(20261122);
  std::uniform_real_distribution<double> any(-3.0, 3.0);
  for (int trial = 0; trial < 50; ++trial) {
    const double a = any(random), b = any(random), c = any(random);
    const Residuals waves = [=](const std::vector<double>& z) {
      return std::vector<double>{std::sin(a * z[0]) + b, std::cos(z[1] * c) * z[0], 0.1 * z[1]};
    };
    const std::vector<double> start = {any(random), any(random)};
    const double width = std::abs(any(random)) + 0.01;
    const std::vector<double> end = minimise(waves, start, width, 30);
    EXPECT_LE(huber_loss(waves(end), width), huber_loss(waves(start), width)) << "trial " << trial;
  }
}

TEST(Minimise, StaysWhereNoStepHelps) {
  const Residuals constant = [](const std::vector<double>&) { return std::vector<double>{1.0, -2.0}; };
  EXPECT_THAT(minimise(constant, {0.5, -0.5}, 1.0, 10), ElementsAre(0.5, -0.5));
  const Residuals zero = [](const std::vector<double>& z) { return std::vector<double>{z[0]}; };
  EXPECT_THAT(minimise(zero, {0.0}, 1.0, 10), ElementsAre(0.0));
  EXPECT_THAT(minimise(zero, {4.0}, 1.0, 0), ElementsAre(4.0)) << "no iteration, no step";
}

TEST(Minimise, TakesNoStepLongerThanTwo) {
  const Residuals far = [](const std::vector<double>& z) { return std::vector<double>{z[0] - 100.0}; };
  EXPECT_LE(minimise(far, {0.0}, kSquares, 1)[0], 2.0);
  EXPECT_NEAR(minimise(far, {0.0}, kSquares, 100)[0], 100.0, 1e-3) << "and still arrives";
}

TEST(FeltVariables, AreThoseThatAResidualMovesWith) {
  const Residuals some = [](const std::vector<double>& z) { return std::vector<double>{z[0] * z[0], z[2] - z[0]}; };
  EXPECT_THAT(felt_variables(some, {1.0, 1.0, 1.0}), ElementsAre(true, false, true));
  // At a limit a variable has no effect there, though it has one elsewhere.
  const Residuals clamped = [](const std::vector<double>& z) { return std::vector<double>{std::min(z[0], 1.0)}; };
  EXPECT_THAT(felt_variables(clamped, {2.0}), ElementsAre(false));
  EXPECT_THAT(felt_variables(clamped, {0.5}), ElementsAre(true));
}

}  // namespace
}  // namespace orrery::calibrate
