// Rows of the hottest rank: the balanced case against counting, and laws of the skewed ones.
#include "kernels/moe/expert_load.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>
#ifdef ORRERY_HAVE_RAPIDCHECK
#include <rapidcheck.h>
#endif

#include "kernels/moe/moe.hpp"

namespace orrery::kernels {
namespace {

MoeShape block(std::int64_t tokens, std::int64_t topk, std::int64_t experts, std::int64_t ranks,
               ExpertLoad load = ExpertLoad::balanced) {
  MoeShape s;
  s.tokens = tokens, s.hidden = 256, s.inter = 128, s.topk = topk, s.experts = experts;
  s.expert_parallel = ranks, s.load = load;
  return s;
}

TEST(BalancedLoad, IsWhatDealingPairsOutOneByOneGives) {
  for (const std::int64_t experts : {1, 4, 8, 60}) {
    for (const std::int64_t ranks : {1, 2, 4}) {
      if (experts % ranks != 0) continue;
      for (std::int64_t tokens = 1; tokens <= 40; ++tokens) {
        const std::int64_t topk = std::min<std::int64_t>(experts, 3);
        std::vector<std::int64_t> rows(static_cast<std::size_t>(experts));
        // Rank by rank, then expert by expert of a rank: as even as it gets.
        for (std::int64_t pair = 0; pair < tokens * topk; ++pair) {
          const std::int64_t rank = pair % ranks, inside = pair / ranks % (experts / ranks);
          ++rows[static_cast<std::size_t>(rank * (experts / ranks) + inside)];
        }
        double first = 0.0, active = 0.0;
        for (std::int64_t e = 0; e < experts / ranks; ++e) {
          first += static_cast<double>(rows[static_cast<std::size_t>(e)]);
          active += rows[static_cast<std::size_t>(e)] > 0 ? 1.0 : 0.0;
        }
        const ExpertLoadOfRank load = expert_load(block(tokens, topk, experts, ranks));
        EXPECT_EQ(std::ceil(load.rows), first) << tokens << ' ' << experts << ' ' << ranks;
        EXPECT_EQ(load.active, active) << tokens << ' ' << experts << ' ' << ranks;
      }
    }
  }
}

TEST(BalancedLoad, OfTheWholeGroupIsAllPairs) {
  const MoeShape s = block(1000, 8, 256, 32);
  EXPECT_DOUBLE_EQ(expert_load(s).rows * 32.0, 1000.0 * 8.0);
  EXPECT_DOUBLE_EQ(expert_load(s).active, 8.0);
}

TEST(SkewedLoad, OfOneTokenIsOneExpertOnEveryRankThatHasOne) {
  for (const ExpertLoad load : {ExpertLoad::power_law_1_01, ExpertLoad::power_law_1_2}) {
    const ExpertLoadOfRank one = expert_load(block(1, 1, 64, 8, load));
    EXPECT_LE(one.rows, 1.0);
    EXPECT_DOUBLE_EQ(one.active, 1.0);
  }
}

TEST(SkewedLoad, WakesNoFewerExpertsForTwoTokensThanForOne) {
  for (const ExpertLoad load : {ExpertLoad::power_law_1_01, ExpertLoad::power_law_1_2}) {
    for (const std::int64_t experts : {8, 16, 64, 256}) {
      for (const std::int64_t topk : {1, 2, 8}) {
        for (std::int64_t ranks = 1; ranks <= experts; ranks *= 2) {
          const double one = expert_load(block(1, topk, experts, ranks, load)).active;
          const double two = expert_load(block(2, topk, experts, ranks, load)).active;
          EXPECT_GE(two, one * (1.0 - 1e-12)) << experts << ' ' << topk << ' ' << ranks;
          EXPECT_GE(one, 1.0) << "the hottest rank has a token";
        }
      }
    }
  }
}

TEST(SkewedLoad, GrowsWithTheSkew) {
  for (const std::int64_t ranks : {4, 16, 64}) {
    const double even = expert_load(block(8192, 8, 128, ranks)).rows;
    const double mild = expert_load(block(8192, 8, 128, ranks, ExpertLoad::power_law_1_01)).rows;
    EXPECT_GT(mild, 1.05 * even) << ranks;
    EXPECT_GT(expert_load(block(8192, 8, 128, ranks, ExpertLoad::power_law_1_2)).rows, 1.05 * even) << ranks;
  }
}

TEST(SkewedLoad, IsWorseOnMoreRanks) {
  // Over the mean rank: 64 experts of a rank even out more than 2.
  for (const ExpertLoad load : {ExpertLoad::power_law_1_01, ExpertLoad::power_law_1_2}) {
    double before = 1.0;
    for (const std::int64_t ranks : {1, 2, 4, 8, 16, 32, 64, 128}) {
      const double over_mean =
          expert_load(block(8192, 8, 128, ranks, load)).rows * static_cast<double>(ranks) / 65536.0;
      EXPECT_GE(over_mean, before * (1.0 - 1e-9)) << ranks;
      before = over_mean;
    }
  }
}

TEST(MoeWorkBytes, ARankReadsItsTokensOnceHoweverManyOfItsExpertsTakeThem) {
  // 16 tokens to 2 of 8 experts on 4 ranks: 8 rows a rank, so at most 8 tokens; one rank has 32 rows of 16 tokens.
  const auto tokens_read = [](const MoeShape& s) { return work(s).written.value() / (256.0 * 2.0); };
  EXPECT_DOUBLE_EQ(tokens_read(block(16, 2, 8, 4)), 8.0);
  EXPECT_DOUBLE_EQ(tokens_read(block(16, 2, 8, 1)), 16.0);
  EXPECT_DOUBLE_EQ(tokens_read(block(16, 2, 8, 2)), 16.0);
}

TEST(MoeWorkBytes, WeightsAreStoredInTheirFormatAndTokensInBf16) {
  MoeShape s = block(64, 2, 8, 1);
  const double tokens = 64.0 * 256 * 2, elements = 8.0 * 3 * 256 * 128;
  const auto weights_of = [&](Dtype dtype) {
    s.dtype = dtype;
    return work(s).read.value() - tokens;
  };
  EXPECT_DOUBLE_EQ(weights_of(Dtype::bf16), 2.0 * elements);
  EXPECT_DOUBLE_EQ(weights_of(Dtype::fp8), elements);
  EXPECT_DOUBLE_EQ(weights_of(Dtype::nvfp4), 0.5625 * elements);
  EXPECT_DOUBLE_EQ(weights_of(Dtype::int4), 0.53125 * elements);
}

TEST(MoeWorkBytes, IdleExpertsAreNotRead) {
  // 3 tokens to 1 of 64 experts: three of them are read.
  const MoeShape s = block(3, 1, 64, 1);
  EXPECT_DOUBLE_EQ(work(s).read.value(), 3.0 * 3 * 256 * 128 * 2 + 3.0 * 256 * 2);
}

/// Coefficients that leave one part of the model: 100 SMs, 1 TFLOP/s each, 1 TB/s.
struct Model {
  double floor = 0, e_memory = 1e300, e_compute = 1e300, pad = 0, tile = 0, e_activation = 1e300, overlap = 1,
         expert = 0, wave = 0, all_rows = 0;
  [[nodiscard]] double us(const MoeShape& s) const {
    hardware::Gpu gpu;
    gpu.name = "round", gpu.sm_count = 100;
    gpu.peak = {{Dtype::bf16, FlopsPerSecond{100e12}}, {Dtype::fp8, FlopsPerSecond{200e12}}};
    gpu.memory_bandwidth = BytesPerSecond{1e12};
    return moe_model()
               .time(s, gpu, {floor, e_memory, e_compute, pad, tile, e_activation, overlap, expert, wave, all_rows})
               .value() *
           1e6;
  }
};

TEST(MoeModelParts, WeightsOfActiveExpertsAreStreamedOnce) {
  Model model;
  model.e_memory = 0.5;
  // 8 experts x 3 x 256 x 128 x 2 B = 1,572,864 B at 0.5 TB/s.
  EXPECT_NEAR(model.us(block(64, 2, 8, 1)), 3.145728, 1e-9);
  MoeShape s = block(64, 2, 8, 1);
  s.gated = false;
  EXPECT_NEAR(model.us(s), 3.145728 * 2.0 / 3.0, 1e-9);
  s.pass = Pass::backward, s.dtype = Dtype::fp8;
  EXPECT_NEAR(model.us(s), 3.145728 * 2.0 / 3.0, 1e-9) << "half the bytes, twice";
}

TEST(MoeModelParts, TilesOf128RowsAreWastedOnEveryActiveExpert) {
  Model model;
  model.tile = 1.0;
  // (128 rows)/128 · (⌈2·128/128⌉ + ⌈256/128⌉) tiles = 1·(2 + 2) over 100 SMs.
  EXPECT_NEAR(model.us(block(64, 2, 8, 1)), 0.04, 1e-12);
  model.pad = 64.0;  // 8 experts waste 64 rows each: 640 rows in all
  EXPECT_NEAR(model.us(block(64, 2, 8, 1)), 0.2, 1e-12);
  model.wave = 1.0;  // a wave more, or its share below one
  EXPECT_NEAR(model.us(block(64, 2, 8, 1)), 0.4, 1e-12);
}

TEST(MoeModelParts, FixedCostsAreByTheExpertsOfTheRank) {
  Model model;
  model.floor = 20.0, model.expert = 0.5;
  EXPECT_NEAR(model.us(block(64, 2, 64, 1)), 20.0 + 32.0, 1e-9);
  EXPECT_NEAR(model.us(block(64, 2, 64, 16)), 20.0 + 2.0, 1e-9);
}

TEST(MoeModelParts, RowsOfOtherRanksCostWhereTheyAreFilteredLate) {
  Model model;
  model.all_rows = 0.5;
  // 128 pairs, 32 on this rank: 96 foreign rows of 2·256 + 128·3·2 B, half of it at 1 TB/s.
  EXPECT_NEAR(model.us(block(64, 2, 8, 4)), 96.0 * (512.0 + 768.0) * 0.5 * 1e-6, 1e-9);
  EXPECT_NEAR(model.us(block(64, 2, 8, 1)), 0.0, 1e-9);
}

TEST(MoeModelParts, RowsAreMovedThreeTimesAndQuantisedWithTheWeights) {
  Model model;
  model.e_activation = 1.0;
  // A row: 2·hidden·(in + 2) + inter·(2·2 + 2·in) B, tokens in and out: 4·hidden B. 128 rows, 64 tokens.
  const auto bytes = [](double in) { return 128.0 * (512.0 * (in + 2.0) + 128.0 * (4.0 + 2.0 * in)) + 64.0 * 1024.0; };
  MoeShape s = block(64, 2, 8, 1);
  EXPECT_NEAR(model.us(s), bytes(2.0) * 1e-6, 1e-9);
  s.dtype = Dtype::fp8;
  EXPECT_NEAR(model.us(s), bytes(1.0) * 1e-6, 1e-9);
  s.dtype = Dtype::int4;
  EXPECT_NEAR(model.us(s), bytes(2.0) * 1e-6, 1e-9) << "only the weights are 4 bits wide";
}

#ifdef ORRERY_HAVE_RAPIDCHECK

TEST(ExpertLoadProperties, StayWithinWhatARankCanHave) {
  EXPECT_TRUE(rc::check([] {
    const auto ranks = std::int64_t{1} << *rc::gen::inRange(0, 7);
    const auto experts = ranks * *rc::gen::inRange<std::int64_t>(1, 17);
    const auto topk = *rc::gen::inRange<std::int64_t>(1, std::min<std::int64_t>(experts, 16) + 1);
    const auto tokens = std::int64_t{1} << *rc::gen::inRange(0, 16);
    const auto load = *rc::gen::element(ExpertLoad::balanced, ExpertLoad::power_law_1_01, ExpertLoad::power_law_1_2);
    const MoeShape s = block(tokens, topk, experts, ranks, load);
    const ExpertLoadOfRank found = expert_load(s);
    const double pairs = static_cast<double>(tokens * topk), local = static_cast<double>(experts / ranks);
    RC_ASSERT(found.rows >= pairs / static_cast<double>(ranks) * (1.0 - 1e-9));  // at least the mean rank's
    RC_ASSERT(found.rows <= pairs);
    RC_ASSERT(found.rows <= static_cast<double>(tokens) * local * (1.0 + 1e-9));  // a token picks no expert twice
    RC_ASSERT(found.active <= local);
    RC_ASSERT(found.active > 0.0);
    RC_ASSERT(found.active <= std::max(1.0, std::ceil(found.rows)));
  }));
}

TEST(ExpertLoadProperties, MoreTokensWakeNoFewerExpertsOfOneDistribution) {
  // Shares are drawn from another range as soon as there are more rows than experts, so only a side of that compares.
  EXPECT_TRUE(rc::check([] {
    const auto ranks = std::int64_t{1} << *rc::gen::inRange(0, 7);
    const auto experts = ranks * *rc::gen::inRange<std::int64_t>(1, 17);
    const auto topk = *rc::gen::inRange<std::int64_t>(1, std::min<std::int64_t>(experts, 16) + 1);
    const auto fewer = *rc::gen::inRange<std::int64_t>(1, 5000), more = fewer + *rc::gen::inRange<std::int64_t>(1, 500);
    const auto load = *rc::gen::element(ExpertLoad::balanced, ExpertLoad::power_law_1_01, ExpertLoad::power_law_1_2);
    RC_PRE((fewer * topk > experts) == (more * topk > experts));
    const ExpertLoadOfRank few = expert_load(block(fewer, topk, experts, ranks, load));
    const ExpertLoadOfRank many = expert_load(block(more, topk, experts, ranks, load));
    RC_ASSERT(many.active >= few.active * (1.0 - 1e-9));
    RC_ASSERT(few.active >= 1.0);
  }));
}

#endif

}  // namespace
}  // namespace orrery::kernels
