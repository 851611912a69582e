// Surfaces of a fit: where a kernel lies, what lies between knots, and what they may not do to a time.
#include "kernels/table/surfaces.hpp"

#include <cmath>
#include <stdexcept>

#include <gtest/gtest.h>

#include "hardware/catalogue/catalogue.hpp"
#include "kernels/table/fit_table.hpp"
#include "tests/kernels/random_kernels.hpp"
#include "tests/kernels/toy_gpu.hpp"

namespace orrery::kernels {
namespace {

TEST(Octaves, AreLogarithmsAtPowersOfTwoAndStraightInBetween) {
  EXPECT_EQ(octaves(1.0), 0.0);
  EXPECT_EQ(octaves(4096.0), 12.0);
  EXPECT_EQ(octaves(6144.0), 12.5);
  EXPECT_EQ(octaves(0.25), -2.0);
  EXPECT_EQ(octaves(0.375), -1.5);
}

TEST(SurfaceGrid, FindsUnevenCellsAndStaysAtItsEnds) {
  const SurfaceGrid grid({-1.0, 0.25, 3.0});
  EXPECT_EQ(grid.place(-1.0).cell, 0u);
  EXPECT_DOUBLE_EQ(grid.place(-0.375).part, 0.5);
  EXPECT_EQ(grid.place(0.25).cell, 1u);
  EXPECT_DOUBLE_EQ(grid.place(0.25).part, 0.0);
  for (const double beyond : {3.0, 17.0}) {
    EXPECT_EQ(grid.place(beyond).cell, 1u);
    EXPECT_DOUBLE_EQ(grid.place(beyond).part, 1.0);
  }
  EXPECT_DOUBLE_EQ(grid.place(-20.0).part, 0.0);
}

hardware::Fit fit_with(std::vector<hardware::Surface> surfaces) {
  hardware::Fit fit;
  fit.key = "gemm/trtllm/bf16";
  fit.surfaces = std::move(surfaces);
  return fit;
}

const FamilyRow& gemm() { return *find_family("gemm"); }

TEST(Surfaces, AreLinearInLogarithmsBetweenKnotsAndMultiply) {
  const hardware::Gpu gpu = tests::hopper_gpu();
  // n from 1024 to 4096 and k from 64 to 128: by hand at n = 2048 (octave 11, half of the way) and k = 96 (half).
  const hardware::Fit fit =
      fit_with({{{{"n", {10, 12}}, {"k", {6, 7}}}, {1.0, 1.2, 1.4, 2.0}}, {{{"n", {10, 12}}}, {0.5, 1.5}}});
  const Surfaces surfaces(fit, gemm().model);
  GemmShape shape;
  shape.m = 1, shape.n = 2048, shape.k = 96;
  EXPECT_NEAR(surfaces.factor(shape, gpu), std::pow(1.0 * 1.2 * 1.4 * 2.0, 0.25) * std::sqrt(0.5 * 1.5), 1e-12);
  shape.n = 65536, shape.k = 16;  // beyond: at the last knot of n, the first of k
  EXPECT_NEAR(surfaces.factor(shape, gpu), 1.4 * 1.5, 1e-12);
  const hardware::Fit plain = fit_with({});
  EXPECT_EQ(Surfaces(plain, gemm().model).factor(shape, gpu), 1.0);
}

TEST(Surfaces, OverWhatTheModelDoesNotKnowAreRefused) {
  const hardware::Fit fit = fit_with({{{{"colour", {0, 1}}}, {1.0, 1.0}}});
  try {
    const Surfaces surfaces(fit, gemm().model);
    FAIL() << "taken";
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(
        error.what(),
        "fit gemm/trtllm/bf16 has a surface over 'colour', which its model does not know: fit its table again");
  }
}

TEST(Surfaces, WeightsOfKnotsAreWhatTheFactorIsMadeOf) {
  const hardware::Gpu gpu = tests::hopper_gpu();
  tests::RandomKernels kernels(11);
  const std::vector<SurfaceAxis> axes = {{1, {6, 8, 15}}, {2, {5, 9.5, 16}}, {3, {5, 16}}};
  std::vector<GridAxis> grids;
  hardware::Surface surface;
  for (const SurfaceAxis& axis : axes) {
    surface.axes.push_back({std::string(gemm().model.coordinates[axis.coordinate]), axis.knots});
    grids.push_back({axis.coordinate, SurfaceGrid(axis.knots)});
  }
  for (int i = 0; i < 18; ++i) surface.factors.push_back(1.0 + 0.1 * i * (i % 3));
  const hardware::Fit fit = fit_with({surface});
  const Surfaces surfaces(fit, gemm().model);
  for (int tried = 0; tried < 500;) {
    const Kernel kernel = kernels.next();
    if (!gemm().holds(kernel)) continue;
    ++tried;
    Coordinates at{};
    ASSERT_TRUE(gemm().model.locate(kernel, gpu, at));
    double sum = 0.0, whole = 0.0;
    for (const auto& [knot, weight] : knot_weights(grids, at)) {
      sum += std::log(surface.factors[knot]) * weight;
      whole += weight;
    }
    ASSERT_NEAR(whole, 1.0, 1e-12);
    ASSERT_NEAR(std::log(surfaces.factor(kernel, gpu)), sum, 1e-12) << describe(kernel);
  }
}

TEST(Surfaces, AreNotForPassesThatNobodyMeasured) {
  const hardware::Gpu gpu = hardware::load_gpu("h100_sxm");
  AttentionPrefillShape shape;
  shape.batch = 1, shape.q_len = shape.kv_len = 4096, shape.q_heads = shape.kv_heads = 32, shape.head_dim = 128;
  const hardware::Fit* fit = gpu.find_fit("attention_prefill/trtllm/bf16");
  ASSERT_TRUE(fit != nullptr && !fit->surfaces.empty());
  const FittedValues values = fitted_values(fit, find_family("attention_prefill")->model, gpu);
  EXPECT_NE(values.surfaces.factor(shape, gpu), 1.0);
  shape.pass = Pass::backward;
  EXPECT_EQ(values.surfaces.factor(shape, gpu), 1.0);
}

TEST(Surfaces, SayNothingOfACachedPrefix) {
  const hardware::Gpu gpu = tests::hopper_gpu();
  hardware::Fit fit = fit_with({{{{"queries", {0, 14}}}, {1.5, 1.5}}});
  fit.key = "attention_prefill/trtllm/bf16";
  const Surfaces surfaces(fit, find_family("attention_prefill")->model);
  AttentionPrefillShape shape;
  shape.batch = 1, shape.q_len = shape.kv_len = 256, shape.q_heads = shape.kv_heads = 32, shape.head_dim = 128;
  EXPECT_NEAR(surfaces.factor(shape, gpu), 1.5, 1e-12) << "no prefix: all of it was measured";
  shape.kv_len = 512;  // 256²/2 pairs of its own and 256² with the prefix: a third
  EXPECT_NEAR(surfaces.factor(shape, gpu), 1.0 + 0.5 / 3.0, 1e-12);
  shape.kv_len = 100256;
  EXPECT_NEAR(surfaces.factor(shape, gpu), 1.0, 1e-3);
}

// Of random kernels with a size doubled: which part takes less time by more than a hundredth. The fits ask for none,
// and pay for rows that say otherwise.
double part_that_shrinks(const hardware::Gpu& gpu, const FamilyRow& row, std::uint64_t seed) {
  tests::RandomKernels kernels(seed);
  const auto timer = timers()[1].make();
  const auto bound = timer->bind(gpu);
  int tried = 0, shrank = 0;
  while (tried < 4000) {
    const Kernel kernel = kernels.next();
    if (!row.holds(kernel) || fit_key(kernel, gpu).empty()) continue;
    try {
      const Seconds time = bound->time(kernel);
      for (const auto& grow : row.model.grown) {
        const Kernel larger = grow(kernel, 2.0);
        if (!check(larger).empty()) continue;
        ++tried;
        shrank += bound->time(larger) < time * 0.99 ? 1 : 0;
      }
    } catch (const std::invalid_argument&) {
      continue;  // a format that the GPU lacks
    }
  }
  return static_cast<double>(shrank) / tried;
}

TEST(Surfaces, LetHardlyAnyTimeFallWhereASizeDoubles) {
  // Of A100 and RTX PRO 6000 the rows themselves fall more often: one library's kernels, measured once.
  for (const auto& [name, most] : {std::pair{"h100_sxm", 0.03},
                                   {"h200_sxm", 0.03},
                                   {"b200_sxm", 0.03},
                                   {"gb200", 0.03},
                                   {"a100_sxm", 0.06},
                                   {"rtx_pro_6000_server", 0.06}}) {
    const hardware::Gpu gpu = hardware::load_gpu(name);
    std::uint64_t seed = 31;
    for (const FamilyRow& row : families()) {
      const std::string prefix = std::string(row.name) + "/";
      const bool fitted = std::any_of(gpu.fits.begin(), gpu.fits.end(),
                                      [&](const hardware::Fit& fit) { return fit.key.rfind(prefix, 0) == 0; });
      if (row.model.grown.empty() || !fitted) continue;
      EXPECT_LT(part_that_shrinks(gpu, row, ++seed), most) << name << ' ' << row.name;
    }
  }
}

}  // namespace
}  // namespace orrery::kernels
