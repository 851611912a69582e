// Bound timers and remembered times give what the timer itself gives, to the last bit.
#include <set>
#include <stdexcept>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "hardware/catalogue/catalogue.hpp"
#include "kernels/family.hpp"
#include "kernels/memo.hpp"
#include "tests/kernels/random_kernels.hpp"
#include "tests/kernels/toy_gpu.hpp"

namespace orrery::kernels {
namespace {

using tests::RandomKernels;

std::unique_ptr<KernelTimer> timer(std::string_view name) {
  for (const TimerRow& row : timers()) {
    if (row.name == name) return row.make();
  }
  ADD_FAILURE() << "no timer " << name;
  return nullptr;
}

/// The time, or what is wrong.
template <class Price>
std::string priced(Price price) {
  try {
    return fmt::format("{:a}", price().value());
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
}

TEST(BoundTimer, GivesWhatItsTimerGivesToTheLastBit) {
  RandomKernels kernels;
  for (const TimerRow& row : timers()) {
    const auto unbound = row.make();
    for (const std::string& name : hardware::gpu_names()) {
      const hardware::Gpu gpu = hardware::load_gpu(name);
      const auto bound = unbound->bind(gpu);
      TimeMemo memo(*bound, 100);
      for (int i = 0; i < 1500; ++i) {
        const Kernel kernel = kernels.next();
        const std::string expected = priced([&] { return unbound->time(kernel, gpu); });
        ASSERT_EQ(priced([&] { return bound->time(kernel); }), expected)
            << row.name << ' ' << name << ' ' << describe(kernel);
        for (int again = 0; again < 2; ++again) {
          ASSERT_EQ(priced([&] { return memo.time(kernel); }), expected) << name << ' ' << describe(kernel);
        }
      }
    }
  }
}

TEST(BoundTimer, FindsTheFitThatTheKeyNames) {
  // One GPU with a fit for every key that any family can have: the largest table, told apart by the first coefficient.
  hardware::Gpu gpu = hardware::load_gpu("b200_sxm");
  gpu.fits.clear();
  double number = 0.0;
  for (const FamilyRow& row : families()) {
    std::set<std::string> keys;
    for (const auto& list : row.fit_dtypes) {
      for (const std::string_view dtype : list) {
        for (const char* by : {"cublaslt", "vllm", "sglang"}) keys.insert(fmt::format("{}/{}/{}", row.name, by, dtype));
      }
    }
    for (const std::string& key : keys) {
      hardware::Fit fit;
      fit.key = key;
      const std::vector<double> defaults = row.model.defaults(gpu);
      for (std::size_t i = 0; i < defaults.size(); ++i) {
        fit.coefficients.emplace_back(std::string(row.model.names[i]),
                                      defaults[i] * (i == 0 ? 1.0 + 0.1 * (number += 1.0) : 1.0));
      }
      gpu.fits.push_back(std::move(fit));
    }
  }
  ASSERT_GT(number, 60.0);
  RandomKernels kernels;
  const auto fitted = timer("fitted");
  const auto bound = fitted->bind(gpu);
  for (int i = 0; i < 4000; ++i) {
    const Kernel kernel = kernels.next();
    ASSERT_EQ(priced([&] { return bound->time(kernel); }), priced([&] { return fitted->time(kernel, gpu); }))
        << describe(kernel) << " by " << fit_key(kernel, gpu);
  }
}

TEST(BoundTimer, RefusesAFitOfAnotherModelOnlyWhereItPrices) {
  hardware::Gpu gpu = tests::hopper_gpu();
  hardware::Fit fit;
  fit.key = "gemm/trtllm/bf16";
  gpu.fits.push_back(fit);
  const auto bound = timer("fitted")->bind(gpu);
  GemmShape shape;
  shape.m = shape.n = shape.k = 128;
  EXPECT_EQ(priced([&] { return bound->time(shape); }),
            "fit gemm/trtllm/bf16 has no coefficient floor_us: fit its table again");
  shape.dtype = Dtype::tf32;
  EXPECT_GT(bound->time(shape).value(), 0.0);
}

TEST(BoundTimer, AGpuWithoutGenerationIsRefusedWhereItsDefaultsPrice) {
  hardware::Gpu gpu = tests::hopper_gpu();
  gpu.generation = {};
  const auto fitted = timer("fitted");
  const auto bound = fitted->bind(gpu);
  GemmShape shape;
  shape.m = shape.n = shape.k = 128;
  const std::string message = priced([&] { return bound->time(shape); });
  EXPECT_EQ(message, "hopper is of the generation '', which has no coefficient floor_us of gemm");
  EXPECT_EQ(priced([&] { return fitted->time(shape, gpu); }), message);
  EXPECT_GT(bound->time(HostCopyShape{Bytes{1e6}, true, true}).value(), 0.0);
}

/// Counts what it is asked; a gemm of m rows takes m seconds.
class CountingTimer final : public BoundTimer {
 public:
  [[nodiscard]] Seconds time(const Kernel& kernel) const override {
    ++asked;
    const std::int64_t m = std::get<GemmShape>(kernel).m;
    if (m < 0) throw std::invalid_argument("no such gemm");
    return Seconds{static_cast<double>(m)};
  }
  mutable int asked = 0;
};

GemmShape rows(std::int64_t m) {
  GemmShape shape;
  shape.m = m;
  return shape;
}

TEST(TimeMemo, AsksOncePerShape) {
  const CountingTimer counting;
  TimeMemo memo(counting);
  for (int round = 0; round < 3; ++round) {
    for (std::int64_t m = 0; m < 1000; ++m) EXPECT_EQ(memo.time(rows(m)).value(), static_cast<double>(m));
  }
  EXPECT_EQ(counting.asked, 1000);
  EXPECT_EQ(memo.size(), 1000u);
}

TEST(TimeMemo, ForgetsAllWhenItIsFull) {
  const CountingTimer counting;
  TimeMemo memo(counting, 100);
  for (std::int64_t m = 0; m < 1000; ++m) {
    EXPECT_EQ(memo.time(rows(m)).value(), static_cast<double>(m));
    EXPECT_LE(memo.size(), 100u);
  }
  EXPECT_EQ(memo.time(rows(999)).value(), 999.0);
  EXPECT_EQ(counting.asked, 1000);
  EXPECT_EQ(memo.time(rows(0)).value(), 0.0);
  EXPECT_EQ(counting.asked, 1001);
}

TEST(TimeMemo, RemembersNothingOfAnError) {
  const CountingTimer counting;
  TimeMemo memo(counting);
  EXPECT_THROW((void)memo.time(rows(-1)), std::invalid_argument);
  EXPECT_THROW((void)memo.time(rows(-1)), std::invalid_argument);
  EXPECT_EQ(memo.size(), 0u);
}

}  // namespace
}  // namespace orrery::kernels
