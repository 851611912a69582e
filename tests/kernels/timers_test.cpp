#include <random>

#include <gtest/gtest.h>

#include "hardware/catalogue/catalogue.hpp"
#include "kernels/family.hpp"
#include "kernels/kernel.hpp"
#include "tests/kernels/toy_gpu.hpp"

namespace orrery::kernels {
namespace {

std::unique_ptr<KernelTimer> timer(std::string_view name) {
  for (const TimerRow& row : timers()) {
    if (row.name == name) return row.make();
  }
  ADD_FAILURE() << "no timer " << name;
  return nullptr;
}

GemmShape gemm(std::int64_t m, std::int64_t n, std::int64_t k, Dtype dtype = Dtype::bf16) {
  GemmShape shape;
  shape.dtype = dtype, shape.m = m, shape.n = n, shape.k = k;
  return shape;
}

hardware::Fit fit_of(const FittedModel& model, const std::vector<double>& values, std::string key) {
  hardware::Fit fit;
  fit.key = std::move(key), fit.source = "a table", fit.date = "2025-01-01";
  for (std::size_t i = 0; i < values.size(); ++i) fit.coefficients.emplace_back(std::string(model.names[i]), values[i]);
  return fit;
}

// Log-uniform: small and large shapes alike.
class Shapes {
 public:
  std::int64_t side(double most) {
    const double exponent = std::uniform_real_distribution<double>(0.0, std::log2(most))(random_);
    return static_cast<std::int64_t>(std::exp2(exponent));
  }
  bool coin() { return std::uniform_int_distribution<int>(0, 1)(random_) == 1; }
  GemmShape gemm(const hardware::Gpu& gpu) {
    std::vector<Dtype> dtypes;
    for (const Dtype dtype : all_dtypes()) {
      if (gpu.peak.has(dtype)) dtypes.push_back(dtype);
    }
    GemmShape shape;
    shape.dtype = dtypes[std::uniform_int_distribution<std::size_t>(0, dtypes.size() - 1)(random_)];
    shape.m = side(65536), shape.n = side(65536), shape.k = side(65536);
    shape.batch = coin() ? 1 : side(64);
    shape.weights = coin() ? CacheState::warm : CacheState::cold;
    shape.accumulate = coin() && coin();
    return shape;
  }
  MemoryShape memory() {
    MemoryShape shape;
    shape.op =
        static_cast<MemoryOp>(std::uniform_int_distribution<int>(0, static_cast<int>(MemoryOp::memset))(random_));
    shape.elements = side(1e10);
    shape.read = Bytes{static_cast<double>(side(1e10))}, shape.written = Bytes{static_cast<double>(side(1e10))};
    shape.flops_per_element = static_cast<double>(side(64));
    return shape;
  }

 private:
  std::mt19937_64 random_{20240229};
};

TEST(Timers, TableNamesItsSources) {
  ASSERT_EQ(timers().size(), 2u);
  EXPECT_EQ(timers()[0].name, "roofline");
  EXPECT_EQ(timers()[1].name, "fitted");
  for (const TimerRow& row : timers()) {
    EXPECT_FALSE(row.equation.empty());
    EXPECT_FALSE(row.source.empty());
    EXPECT_NE(row.make(), nullptr);
  }
}

TEST(Timers, RooflineTimerIsTheRoofline) {
  const auto gpu = tests::hopper_gpu();
  EXPECT_EQ(timer("roofline")->time(gemm(100, 200, 300), gpu), roofline(gemm(100, 200, 300), gpu));
  const Estimate estimate = timer("roofline")->explain(gemm(100, 200, 300), gpu);
  EXPECT_EQ(estimate.time, roofline(gemm(100, 200, 300), gpu));
  EXPECT_EQ(estimate.provenance, Provenance::datasheet);
  ASSERT_EQ(estimate.terms.size(), 3u);
  Seconds most;
  for (const Term& term : estimate.terms) most = max(most, term.time);
  EXPECT_EQ(most, estimate.time);
}

TEST(FittedTimer, IsNeverFasterThanTheRoofline) {
  Shapes shapes;
  const auto fitted = timer("fitted");
  for (const auto& gpu : {tests::hopper_gpu(), tests::round_gpu()}) {
    for (int i = 0; i < 3000; ++i) {
      const Kernel kernel = i % 3 == 0 ? Kernel{shapes.memory()} : Kernel{shapes.gemm(gpu)};
      ASSERT_EQ(check(kernel), "");
      EXPECT_GE(fitted->time(kernel, gpu), roofline(kernel, gpu)) << describe(kernel);
    }
  }
}

TEST(FittedTimer, IsNeverFasterThanTheRooflineEvenWithAnAbsurdFit) {
  // Bounds hold the efficiencies, but a profile is a file: whatever stands there, physics wins.
  auto gpu = tests::hopper_gpu();
  std::vector<double> values = families()[0].model.defaults(gpu);
  values[0] = 1e-6, values[1] = 50.0, values[2] = 50.0;
  gpu.fits.push_back(fit_of(families()[0].model, values, "gemm/trtllm/bf16"));
  const Kernel kernel = gemm(8192, 8192, 8192);
  EXPECT_LT(families()[0].model.time(kernel, gpu, values), roofline(kernel, gpu));
  EXPECT_EQ(timer("fitted")->time(kernel, gpu), roofline(kernel, gpu));
}

TEST(FittedTimer, CallsAFitOfAnotherNumberFormatAnEstimate) {
  auto gpu = tests::hopper_gpu();
  gpu.peak[Dtype::int8] = gpu.peak[Dtype::fp8] = FlopsPerSecond{2e15};
  gpu.fits.push_back(fit_of(families()[0].model, families()[0].model.defaults(gpu), "gemm/vllm/fp8"));
  GemmShape shape;
  shape.m = shape.n = shape.k = 512;
  shape.dtype = Dtype::fp8;
  EXPECT_EQ(timer("fitted")->explain(shape, gpu).provenance, Provenance::measured);
  shape.dtype = Dtype::int8;
  const Estimate borrowed = timer("fitted")->explain(shape, gpu);
  EXPECT_EQ(borrowed.provenance, Provenance::datasheet);
  EXPECT_EQ(borrowed.fit_key, "gemm/vllm/fp8");
  EXPECT_NE(borrowed.terms.back().source.find("no int8 measurements"), std::string::npos);
}

// At equal peaks int8 saves the pass that looks for a tensor's largest value; at its own, lower one it takes longer.
TEST(FittedTimer, PricesInt8ByItsOwnRate) {
  auto gpu = tests::hopper_gpu();
  gpu.peak[Dtype::int8] = gpu.peak[Dtype::fp8] = FlopsPerSecond{2e15};
  const auto time = [&](Dtype dtype) {
    GemmShape shape;
    shape.m = 2048, shape.n = shape.k = 8192;
    shape.dtype = dtype;
    return timer("fitted")->time(shape, gpu);
  };
  EXPECT_LT(time(Dtype::int8), time(Dtype::fp8));
  const Seconds fast = time(Dtype::int8);
  gpu.peak[Dtype::int8] = FlopsPerSecond{5e14};
  EXPECT_GT(time(Dtype::int8).value(), 2.0 * fast.value());
  const auto a100 = hardware::load_gpu("a100_sxm");  // no fp8, but int8
  GemmShape large;
  large.m = large.n = large.k = 8192;
  large.dtype = Dtype::int8;
  const Seconds whole = timer("fitted")->time(large, a100);
  large.dtype = Dtype::fp8;
  EXPECT_LT(whole.value(), 0.7 * timer("fitted")->time(large, a100).value());
}

TEST(FittedTimer, UsesTheProfilesFitAndSaysSo) {
  auto gpu = tests::hopper_gpu();
  const auto before = timer("fitted")->explain(gemm(1, 512, 512), gpu);
  EXPECT_EQ(before.provenance, Provenance::datasheet);
  EXPECT_EQ(before.fit_key, "");
  std::vector<double> values = families()[0].model.defaults(gpu);
  values[0] += 5.0;  // floor
  gpu.fits.push_back(fit_of(families()[0].model, values, "gemm/vllm/bf16"));
  const auto after = timer("fitted")->explain(gemm(1, 512, 512), gpu);
  EXPECT_EQ(after.provenance, Provenance::measured);
  EXPECT_EQ(after.fit_key, "gemm/vllm/bf16");
  EXPECT_NEAR((after.time - before.time).value() * 1e6, 5.0, 1e-9);
  EXPECT_EQ(after.terms.back().name, "model");
  EXPECT_EQ(after.terms.back().source, "a table, fitted 2025-01-01");
  EXPECT_NE(after.terms.back().equation.find("floor_us=7.7"), std::string::npos) << after.terms.back().equation;
}

TEST(FittedTimer, ReadsCoefficientsByNameNotByPlace) {
  auto gpu = tests::hopper_gpu();
  std::vector<double> values = families()[0].model.defaults(gpu);
  auto fit = fit_of(families()[0].model, values, "gemm/trtllm/bf16");
  std::swap(fit.coefficients[0], fit.coefficients[3]);
  const Seconds defaults = timer("fitted")->time(gemm(100, 1000, 1000), gpu);
  gpu.fits.push_back(fit);
  EXPECT_EQ(timer("fitted")->time(gemm(100, 1000, 1000), gpu), defaults);
}

TEST(FittedTimer, AFitOfAnotherModelIsRefused) {
  auto gpu = tests::hopper_gpu();
  auto fit = fit_of(families()[0].model, families()[0].model.defaults(gpu), "gemm/trtllm/bf16");
  fit.coefficients.pop_back();
  gpu.fits.push_back(fit);
  try {
    static_cast<void>(timer("fitted")->time(gemm(1, 1, 1), gpu));
    FAIL() << "a coefficient is missing";
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(), "fit gemm/trtllm/bf16 has no coefficient e_scale: fit its table again");
  }
}

TEST(FittedTimer, UnmeasuredFamiliesSayDatasheet) {
  const auto gpu = tests::hopper_gpu();
  MemoryShape adam;
  adam.op = MemoryOp::adam, adam.elements = 1000, adam.read = Bytes{1e6}, adam.written = Bytes{1e6};
  const auto fitted = timer("fitted");
  EXPECT_EQ(fitted->explain(adam, gpu).provenance, Provenance::datasheet);
  EXPECT_EQ(fitted->explain(HostCopyShape{Bytes{1e6}, true, true}, gpu).provenance, Provenance::datasheet);
}

TEST(FittedTimer, BackwardAttentionSaysDatasheetAndNamesTheForwardFit) {
  const hardware::Gpu gpu = hardware::load_gpu("a100_sxm");
  AttentionPrefillShape shape;
  shape.batch = 4, shape.q_len = shape.kv_len = 2048, shape.q_heads = shape.kv_heads = 16, shape.head_dim = 128;
  shape.implementation = Implementation::cudnn;
  EXPECT_EQ(timer("fitted")->explain(shape, gpu).provenance, Provenance::measured);
  shape.pass = Pass::backward;
  const Estimate backward = timer("fitted")->explain(shape, gpu);
  EXPECT_EQ(backward.provenance, Provenance::datasheet);
  EXPECT_EQ(backward.fit_key, "");
  EXPECT_NE(backward.terms.back().source.find("no backward measurements; from the forward fit"), std::string::npos);
}

TEST(FittedTimer, ExplainsTheTimeItGives) {
  Shapes shapes;
  const auto gpu = tests::hopper_gpu();
  const auto fitted = timer("fitted");
  for (int i = 0; i < 200; ++i) {
    const Kernel kernel = shapes.gemm(gpu);
    const Estimate estimate = fitted->explain(kernel, gpu);
    EXPECT_EQ(estimate.time, fitted->time(kernel, gpu));
    Seconds most;
    for (const Term& term : estimate.terms) most = max(most, term.time);
    EXPECT_EQ(most, estimate.time) << describe(kernel);
  }
}

TEST(Profiles, KeepEveryFittedEfficiencyWithinItsBounds) {
  int fits = 0;
  for (const std::string& name : hardware::gpu_names()) {
    const hardware::Gpu gpu = hardware::load_gpu(name);
    for (const hardware::Fit& fit : gpu.fits) {
      for (const auto& [coefficient, value] : fit.coefficients) {
        if (coefficient.rfind("e_", 0) == 0) {
          EXPECT_LE(value, 1.0) << name << ' ' << fit.key << ' ' << coefficient;
        }
        // Of a collective's law: what a pipeline hides is negative, only LL pays for its blocks, and sums of bytes may
        // be as fast as others.
        const auto says = [&](const char* what) { return coefficient.find(what) != std::string::npos; };
        const bool signed_one = says("_ramp_s") || says("_bus_exponent");
        if (fit.is_collective() && says("_narrow")) {
          EXPECT_GE(value, 0.0) << name << ' ' << fit.key << ' ' << coefficient;
          continue;
        }
        if (fit.is_collective() && (says("_blocks_s") || (signed_one && !says("_ramp_scale_s")))) continue;
        EXPECT_GT(value, 0.0) << name << ' ' << fit.key << ' ' << coefficient;
      }
      const FamilyRow* row = find_family(fit.key.substr(0, fit.key.find('/')));
      if (row == nullptr) continue;  // nccl: not a kernel
      ++fits;
      EXPECT_FALSE(fit.source.empty()) << fit.key;
      for (std::size_t i = 0; i < row->model.names.size(); ++i) {
        const auto value = fit.coefficient(row->model.names[i]);
        ASSERT_TRUE(value.has_value()) << name << ' ' << fit.key << ' ' << row->model.names[i];
        EXPECT_GE(*value, row->model.bounds[i].first * 0.999) << name << ' ' << fit.key << ' ' << row->model.names[i];
        EXPECT_LE(*value, row->model.bounds[i].second * 1.001) << name << ' ' << fit.key << ' ' << row->model.names[i];
      }
    }
  }
  EXPECT_GE(fits, 17) << "gemm alone has 17 fits on six GPUs";
}

TEST(Profiles, NeverBeatTheRooflineOnThousandsOfShapes) {
  Shapes shapes;
  const auto fitted = timer("fitted");
  for (const std::string& name : hardware::gpu_names()) {
    const hardware::Gpu gpu = hardware::load_gpu(name);
    for (int i = 0; i < 1000; ++i) {
      const GemmShape shape = shapes.gemm(gpu);
      EXPECT_GE(fitted->time(shape, gpu), roofline(shape, gpu)) << name << ' ' << describe(shape);
    }
  }
}

}  // namespace
}  // namespace orrery::kernels
