// The expert block: work by hand, the closed form of skewed loads against sampling, and its timing model.
#include "kernels/moe/moe.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include <gtest/gtest.h>

#include "hardware/catalogue/catalogue.hpp"
#include "kernels/moe/expert_load.hpp"

namespace orrery::kernels {
namespace {

MoeShape small_block() {
  MoeShape s;
  s.tokens = 16, s.hidden = 64, s.inter = 32, s.topk = 2, s.experts = 8;
  return s;
}

MoeShape block(std::int64_t tokens, std::int64_t topk, std::int64_t experts, std::int64_t ranks, ExpertLoad load) {
  MoeShape s;
  s.tokens = tokens, s.hidden = 4096, s.inter = 1536, s.topk = topk, s.experts = experts;
  s.expert_parallel = ranks, s.load = load;
  return s;
}

std::unique_ptr<KernelTimer> fitted() {
  for (const TimerRow& row : timers()) {
    if (row.name == "fitted") return row.make();
  }
  return nullptr;
}

// Mean rows and active experts of the hottest rank over sampled routings, as the benchmark draws them.
ExpertLoadOfRank sampled(const MoeShape& s, int routings) {
  std::mt19937_64 random(5);
  std::uniform_real_distribution<double> uniform(0.0, 1.0);
  const double exponent = s.load == ExpertLoad::power_law_1_2 ? 1.2 : 1.01, e = 1.0 - exponent;
  const bool many = s.tokens * s.topk > s.experts;
  const double low = std::pow(many ? 1.0 : 0.01, e);
  const double high = std::pow(many ? 0.8 * static_cast<double>(s.tokens) : 2.0, e);
  const double pairs = static_cast<double>(s.tokens * s.topk);
  ExpertLoadOfRank mean;
  for (int routing = 0; routing < routings; ++routing) {
    std::vector<double> counts(static_cast<std::size_t>(s.experts));
    for (double& x : counts) x = std::pow((high - low) * uniform(random) + low, 1.0 / e);
    const double total = std::accumulate(counts.begin(), counts.end(), 0.0);
    for (double& x : counts) x = std::min(std::round(x / total * pairs), static_cast<double>(s.tokens));
    const auto local = s.experts / s.expert_parallel;
    double most = -1.0, active = 0.0;
    for (auto first = counts.begin(); first != counts.end(); first += local) {
      const double rows = std::accumulate(first, first + local, 0.0);
      if (rows <= most) continue;
      most = rows;
      active = static_cast<double>(std::count_if(first, first + local, [](double x) { return x > 0.0; }));
    }
    mean.rows += most / routings;
    mean.active += active / routings;
  }
  return mean;
}

TEST(MoeWork, CountsThreeMatricesPerRow) {
  const Work need = work(small_block());
  // 16 x 2 = 32 rows; 2 x 32 x 3 x 64 x 32 = 393,216 FLOP.
  EXPECT_DOUBLE_EQ(need.flops.value(), 393216.0);
  // 8 experts x 3 x 64 x 32 x 2 B = 98,304 of weights, 16 tokens x 64 x 2 B = 2048 in and 2048 out.
  EXPECT_DOUBLE_EQ(need.read.value(), 98304.0 + 2048.0);
  EXPECT_DOUBLE_EQ(need.written.value(), 2048.0);
}

TEST(MoeWork, DividesByBothParallelDegrees) {
  MoeShape s = small_block();
  s.expert_parallel = 4, s.tensor_parallel = 2;
  EXPECT_DOUBLE_EQ(work(s).flops.value(), 393216.0 / 8.0);
}

TEST(MoeWork, WithoutAGateHasTwoMatrices) {
  MoeShape s = small_block();
  s.gated = false;
  EXPECT_DOUBLE_EQ(work(s).flops.value(), 393216.0 * 2.0 / 3.0);
}

TEST(MoeWork, BackwardIsTwoForwardsAndWritesTheGradients) {
  MoeShape s = small_block();
  s.pass = Pass::backward;
  EXPECT_DOUBLE_EQ(work(s).flops.value(), 2.0 * 393216.0);
  EXPECT_DOUBLE_EQ(work(s).written.value(), 2048.0 + 98304.0);
}

TEST(MoeCheck, NamesWhatIsWrong) {
  const auto complaint = [](auto change) {
    MoeShape s = small_block();
    change(s);
    return check(s);
  };
  EXPECT_EQ(complaint([](auto&) {}), "");
  EXPECT_EQ(complaint([](auto& s) { s.tokens = 0; }), "moe needs tokens, hidden, inter > 0, has 0, 64, 32");
  EXPECT_EQ(complaint([](auto& s) { s.topk = 9; }), "moe can't pick 9 of 8 experts");
  EXPECT_EQ(complaint([](auto& s) { s.expert_parallel = 3; }), "moe's 8 experts don't divide over 3 ranks");
  EXPECT_EQ(complaint([](auto& s) { s.tensor_parallel = 5; }),
            "moe's intermediate width 32 does not divide over 5 ranks");
  EXPECT_EQ(complaint([](auto& s) { s.tensor_parallel = 0; }),
            "moe needs parallel degrees > 0, has tensor 0, expert 1");
}

TEST(MoeDescribe, TellsShapesApart) {
  MoeShape s = small_block();
  s.load = ExpertLoad::power_law_1_2, s.gated = false, s.pass = Pass::backward;
  EXPECT_EQ(describe(s), "moe bf16 t16 64x32 top2 of 8 tp1 ep1 power_law_1.2 ungated backward");
}

TEST(ExpertLoad, BalancedSpreadsPairsEvenly) {
  // 3 tokens x top 2 over 4 ranks of 2 experts: 1.5 rows, 2 of 2 experts active.
  const ExpertLoadOfRank load = expert_load(block(3, 2, 8, 4, ExpertLoad::balanced));
  EXPECT_DOUBLE_EQ(load.rows, 1.5);
  EXPECT_DOUBLE_EQ(load.active, 2.0);
  EXPECT_DOUBLE_EQ(expert_load(block(1, 8, 256, 256, ExpertLoad::balanced)).active, 1.0);
}

TEST(ExpertLoad, OneRankTakesAllRowsOfAnySkew) {
  for (const ExpertLoad load : {ExpertLoad::power_law_1_01, ExpertLoad::power_law_1_2}) {
    EXPECT_DOUBLE_EQ(expert_load(block(4096, 8, 128, 1, load)).rows, 4096.0 * 8.0);
  }
}

TEST(ExpertLoad, AgreesWithSampledRoutings) {
  struct Case {
    std::int64_t topk, experts, ranks;
  };
  for (const Case c : {Case{8, 128, 8}, Case{8, 128, 64}, Case{8, 256, 16}, Case{8, 256, 256}, Case{22, 512, 32}}) {
    for (const std::int64_t tokens : {128, 1024, 8192}) {
      for (const ExpertLoad skew : {ExpertLoad::power_law_1_01, ExpertLoad::power_law_1_2}) {
        const MoeShape s = block(tokens, c.topk, c.experts, c.ranks, skew);
        const ExpertLoadOfRank expected = sampled(s, 40), load = expert_load(s);
        EXPECT_NEAR(load.rows, expected.rows, 0.30 * expected.rows) << describe(s);
        EXPECT_NEAR(load.active, expected.active, 0.15 * expected.active + 0.3) << describe(s);
      }
    }
  }
}

TEST(ExpertLoad, HottestRankHasAtLeastTheMean) {
  for (std::int64_t tokens = 1; tokens <= 16384; tokens *= 4) {
    for (const ExpertLoad skew : {ExpertLoad::power_law_1_01, ExpertLoad::power_law_1_2}) {
      const MoeShape s = block(tokens, 8, 128, 16, skew);
      const ExpertLoadOfRank load = expert_load(s);
      EXPECT_GE(load.rows, 0.999 * static_cast<double>(tokens) * 8.0 / 16.0) << describe(s);
      EXPECT_LE(load.rows, static_cast<double>(tokens) * 8.0) << describe(s);
      EXPECT_LE(load.active, 8.0) << describe(s);
      EXPECT_GT(load.active, 0.0) << describe(s);
    }
  }
}

TEST(MoeModel, MatchesAHandComputedCase) {
  hardware::Gpu gpu;
  gpu.name = "round", gpu.sm_count = 100, gpu.peak[Dtype::bf16] = FlopsPerSecond{100e12};
  gpu.memory_bandwidth = BytesPerSecond{1e12};
  MoeShape s;  // 128 tokens to 1 of 1 expert, 256 wide inside and out
  s.tokens = 128, s.hidden = 256, s.inter = 256, s.topk = 1, s.experts = 1;
  const std::vector<double> c = {20.0, 0.5, 0.5, 128.0, 1.0, 0.5, 1.0, 0.5, 0.5, 0.01};
  // Tiles: (128 + 128)/128 = 2 rows x 4 columns (gate and up) = 8, x 2 columns = 4. A tile: 2 x 128 x 128 x 256 /
  // 0.5 TFLOP/s = 16.777216 us + 1. Waves 0.08 + 0.5 x 0.08 = 0.12 and 0.06: 0.18 x 17.777216 = 3.19989888 us.
  // Weights: 3 x 256 x 256 x 2 B at 0.5 TB/s = 0.786432 us. Rows: 128 x (256 x 2 x 4 + 256 x (4 + 4)) = 524,288 B
  // and 128 x 256 x 4 = 131,072 B at 0.5 TB/s = 1.31072 us. No foreign rows. Floor 20 + 0.5.
  EXPECT_NEAR(moe_model().time(s, gpu, c).value() * 1e6, 20.5 + 3.19989888 + 0.786432 + 1.31072, 1e-9);
}

TEST(MoeModel, StreamsWeightsAtSmallBatches) {
  // H100 TensorRT-LLM bf16, Mixtral 8x7B on one GPU: 972 us for 4 tokens, 14.3 ms for 16,384 (balanced).
  const hardware::Gpu gpu = hardware::load_gpu("h100_sxm");
  MoeShape s;
  s.tokens = 4, s.hidden = 4096, s.inter = 14336, s.topk = 2, s.experts = 8;
  EXPECT_NEAR(fitted()->time(s, gpu).value(), 972e-6, 0.2 * 972e-6);
  s.tokens = 16384;
  EXPECT_NEAR(fitted()->time(s, gpu).value(), 14.3e-3, 0.25 * 14.3e-3);
}

TEST(MoeModel, GrowsWithTokensAndStaysAboveTheRoofline) {
  const auto timer = fitted();
  for (const char* name : {"h100_sxm", "a100_sxm", "b200_sxm", "l40s"}) {
    const hardware::Gpu gpu = hardware::load_gpu(name);
    for (const std::int64_t ranks : {1, 8, 64}) {
      for (const ExpertLoad load : {ExpertLoad::balanced, ExpertLoad::power_law_1_2}) {
        double before = 0.0;
        for (std::int64_t tokens = 1; tokens <= 16384; tokens *= 2) {
          const MoeShape s = block(tokens, 8, 128, ranks, load);
          const Seconds time = timer->time(s, gpu);
          EXPECT_GE(time, roofline(s, gpu)) << name << " " << describe(s);
          EXPECT_GE(time.value(), 0.97 * before) << name << " " << describe(s);
          before = time.value();
        }
      }
    }
  }
}

TEST(MoeModel, SkewCostsTime) {
  const hardware::Gpu gpu = hardware::load_gpu("h100_sxm");
  const auto timer = fitted();
  const Seconds even = timer->time(block(8192, 8, 128, 16, ExpertLoad::balanced), gpu);
  const Seconds skewed = timer->time(block(8192, 8, 128, 16, ExpertLoad::power_law_1_2), gpu);
  EXPECT_GT(skewed.value(), 1.5 * even.value());
}

TEST(MoeModel, BackwardTakesAboutTwoForwards) {
  const hardware::Gpu gpu = hardware::load_gpu("h100_sxm");
  MoeShape s = block(16384, 8, 128, 8, ExpertLoad::balanced);
  const double forward = fitted()->time(s, gpu).value();
  s.pass = Pass::backward;
  const double ratio = fitted()->time(s, gpu).value() / forward;
  EXPECT_GT(ratio, 1.7);
  EXPECT_LT(ratio, 2.3);
}

}  // namespace
}  // namespace orrery::kernels
