// Surfaces are found again where measurements hold them, and nowhere else.
#include "calibrate/surface_fit.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "hardware/catalogue/catalogue.hpp"
#include "kernels/table/fit_table.hpp"

namespace orrery::calibrate {
namespace {

using kernels::GemmShape;
using kernels::Kernel;

struct Table {
  std::vector<Kernel> kernels;
  std::vector<Observation> rows;
};

/// Multiplications over octaves of m, n and k, timed by the model times `wrong(shape)`.
template <class Wrong>
Table measured(const kernels::FittedModel& model, const hardware::Gpu& gpu, Wrong wrong) {
  Table table;
  for (std::int64_t m = 1; m <= 16384; m *= 2) {
    for (std::int64_t n = 256; n <= 16384; n *= 2) {
      for (std::int64_t k = 256; k <= 16384; k *= 2) {
        GemmShape shape;
        shape.m = m, shape.n = n, shape.k = k;
        table.kernels.emplace_back(shape);
      }
    }
  }
  const std::vector<double> values = model.defaults(gpu);
  for (const Kernel& kernel : table.kernels) {
    const Seconds time = max(model.time(kernel, gpu, values), kernels::roofline(kernel, gpu));
    table.rows.push_back({&kernel, time * wrong(std::get<GemmShape>(kernel))});
  }
  return table;
}

class SurfaceFit : public ::testing::Test {
 protected:
  const hardware::Gpu gpu = hardware::load_gpu("h100_sxm");
  const kernels::FittedModel& model = kernels::find_family("gemm")->model;

  hardware::Fit fitted(const std::vector<Observation>& rows) const {
    hardware::Fit fit;
    fit.surfaces = fit_surfaces(model, model.defaults(gpu), rows, gpu);
    return fit;
  }
};

TEST_F(SurfaceFit, FindsWhatGrowsWithASize) {
  const auto wrong = [](const GemmShape& s) { return 1.0 + 0.05 * (std::log2(s.n) - 8.0); };
  const Table table = measured(model, gpu, wrong);
  const hardware::Fit fit = fitted(table.rows);
  ASSERT_FALSE(fit.surfaces.empty());
  const kernels::Surfaces surfaces(fit, model);
  double worst = 0.0;
  for (const Kernel& kernel : table.kernels) {
    worst = std::max(worst, std::abs(surfaces.factor(kernel, gpu) / wrong(std::get<GemmShape>(kernel)) - 1.0));
  }
  EXPECT_LT(worst, 0.03);
}

TEST_F(SurfaceFit, LeavesARightModelAlone) {
  const Table table = measured(model, gpu, [](const GemmShape&) { return 1.0; });
  const hardware::Fit fit = fitted(table.rows);
  const kernels::Surfaces surfaces(fit, model);
  for (const Kernel& kernel : table.kernels) ASSERT_NEAR(surfaces.factor(kernel, gpu), 1.0, 0.01);
}

TEST_F(SurfaceFit, HearsNoTacticThatATunerMissed) {
  int row = 0;
  const Table table = measured(model, gpu, [&row](const GemmShape&) { return ++row % 10 == 0 ? 4.0 : 1.0; });
  const hardware::Fit fit = fitted(table.rows);
  const kernels::Surfaces surfaces(fit, model);
  for (const Kernel& kernel : table.kernels) ASSERT_NEAR(surfaces.factor(kernel, gpu), 1.0, 0.06);
}

TEST_F(SurfaceFit, TakesNoMoreFromALargerKernelThanTheEquationAdds) {
  // Measurements that say a longer k is quicker, where the equation hardly grows: few rows, narrow matrices.
  const auto wrong = [](const GemmShape& s) { return s.k >= 2048 ? 0.7 : 1.0; };
  Table table = measured(model, gpu, wrong);
  const hardware::Fit fit = fitted(table.rows);
  const kernels::FittedValues values{model.defaults(gpu), kernels::Surfaces(fit, model)};
  for (const Kernel& kernel : table.kernels) {
    const Kernel larger = model.grown[2](kernel, 2.0);
    ASSERT_GE(values.time(model, larger, gpu, Seconds{}), values.time(model, kernel, gpu, Seconds{}) * 0.98)
        << describe(kernel);
  }
}

TEST_F(SurfaceFit, OfFewRowsIsNone) {
  Table table = measured(model, gpu, [](const GemmShape&) { return 2.0; });
  table.rows.resize(kFewestSurfaceRows - 1);
  EXPECT_TRUE(fit_surfaces(model, model.defaults(gpu), table.rows, gpu).empty());
}

TEST_F(SurfaceFit, CodesSayWhatTheFactorsAre) {
  const Table table = measured(model, gpu, [](const GemmShape& s) { return s.m > 64 ? 1.3 : 0.9; });
  for (const hardware::Surface& surface : fitted(table.rows).surfaces) {
    const auto codes = factor_codes(surface);
    for (std::size_t i = 0; i < codes.size(); ++i) {
      ASSERT_LT(codes[i], 1u << hardware::kFactorBits);
      ASSERT_EQ(surface.factors[i], hardware::coded_factor(surface.step, codes[i]));
    }
  }
}

}  // namespace
}  // namespace orrery::calibrate
