// The laws of the exchange kernels on a board that no fit saw (A100): each equation by hand, with the coefficients that
// its library was fitted with on another; and what a law says of where it comes from.
#include <algorithm>
#include <cmath>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hardware/catalogue/catalogue.hpp"
#include "models/experts/exchange.hpp"
#include "models/experts/law.hpp"
#include "models/experts/reach.hpp"

namespace orrery::models {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr double kUs = 1e-6;
constexpr double kNvlink = 300e9, kNetwork = 25e9;  // of an A100, and its share of eight HDR cards
constexpr double kFp8 = 7168.0 + 56.0 * 4.0;        // bytes of a row of DeepSeek-V3 with its scales
constexpr double kBf16 = 2.0 * 7168.0;

double norm(double a, double b, double q) { return std::pow(std::pow(a, q) + std::pow(b, q), 1.0 / q); }

class ExchangeLaws : public ::testing::Test {
 protected:
  /// DeepSeek-V3's layer with balanced gates, on so many nodes of 8.
  static ExchangeShape shape_of(std::int64_t tokens, int nodes) {
    ExchangeShape shape;
    shape.tokens = tokens, shape.hidden = 7168, shape.experts = 256, shape.topk = 8;
    shape.ranks = 8 * nodes, shape.nodes = nodes, shape.gating = Gating::balanced;
    return shape;
  }
  static ExchangePrice price(std::string_view name, const ExchangeShape& shape, ExchangePhase phase) {
    const hardware::Cluster cluster = hardware::make_cluster(
        "dgx_a100", shape.nodes > 1 ? "rail_fat_tree_ndr" : "single_node", std::max(1, shape.nodes));
    return find_expert_exchange(name)->price(shape, phase, cluster.site(0));
  }
  static double time(std::string_view name, const ExchangeShape& shape, ExchangePhase phase) {
    return price(name, shape, phase).time.value();
  }
};

TEST_F(ExchangeLaws, StandOnTheLinksThatTheHandHas) {
  const hardware::Cluster cluster = hardware::make_cluster("dgx_a100", "rail_fat_tree_ndr", 4);
  ASSERT_EQ(cluster.site(0).node_bandwidth_per_gpu().value(), kNvlink);
  ASSERT_EQ(cluster.site(0).network_bandwidth_per_gpu().value(), kNetwork);
  ASSERT_EQ(cluster.site(0).gpu.sm_count, 108);
}

// 256 experts on 108 SMs: three warp groups on each of 86. Of a row's 8 copies 7 leave the GPU.
TEST_F(ExchangeLaws, OfLowLatencyDispatchAreLatencyAndTheSlowerOfWavesAndWire) {
  const double b = kFp8 + 16.0;  // and the index of its source
  const double latency = 9.21 * kUs + 2.47 * kUs * std::log2(3.0) + 193e-12 * b;
  const double wire = 8.0 * b * (1.0 - 1.0 / 8.0) / (0.573 * kNvlink);
  // One token is no second wave of the 86 SMs, 86 are one, 87 begin the second.
  EXPECT_NEAR(time("deepep_low_latency", shape_of(1, 1), ExchangePhase::dispatch), latency + wire, 1e-12);
  EXPECT_NEAR(time("deepep_low_latency", shape_of(86, 1), ExchangePhase::dispatch), latency + 86.0 * wire, 1e-12);
  const double wave = 2.05 * kUs + 28e-12 * 8.0 * b;
  EXPECT_NEAR(time("deepep_low_latency", shape_of(87, 1), ExchangePhase::dispatch),
              latency + norm(wave, 87.0 * wire, 1.7), 1e-12);
  EXPECT_EQ(price("deepep_low_latency", shape_of(1, 1), ExchangePhase::dispatch).sms, 86);
}

TEST_F(ExchangeLaws, OfLowLatencyCombineHaveCoefficientsOfTheirOwn) {
  const double latency = 10.2 * kUs + 1.37 * kUs * std::log2(3.0) + 18.5e-12 * kBf16;
  const double wire = 8.0 * kBf16 * (1.0 - 1.0 / 8.0) / (0.485 * kNvlink);
  EXPECT_NEAR(time("deepep_low_latency", shape_of(1, 1), ExchangePhase::combine), latency + wire, 1e-12);
}

// The network's latency begins with the second node and grows with their doublings; half or more of the bytes cross.
TEST_F(ExchangeLaws, OfLowLatencyBetweenNodesPayForEachDoubling) {
  const double b = kFp8 + 16.0;
  const auto expected = [&](int nodes, double doublings) {
    const double latency = 9.21 * kUs + 2.47 * kUs * std::log2(3.0) + 193e-12 * b + 6.72 * kUs + 3.94 * kUs * doublings;
    const double node = 8.0 * b * (1.0 / nodes - 1.0 / (8.0 * nodes)) / (0.573 * kNvlink);
    const double network = 8.0 * b * (1.0 - 1.0 / nodes) / (0.967 * kNetwork);
    return latency + norm(node, network, 1.7);
  };
  EXPECT_NEAR(time("deepep_low_latency", shape_of(1, 2), ExchangePhase::dispatch), expected(2, 0.0), 1e-12);
  EXPECT_NEAR(time("deepep_low_latency", shape_of(1, 8), ExchangePhase::dispatch), expected(8, 2.0), 1e-12);
}

// Ten channels of two SMs each take a tenth of the tokens; a row is read once and copied to eight ranks.
TEST_F(ExchangeLaws, OfNormalKernelsOnANodeAreFillAndTheSlowerOfChannelsAndWire) {
  const double row = 0.143 * kUs + 10.7e-12 * kFp8 + 8.0 * (32.0e-9 + 16.2e-12 * kFp8);
  const auto expected = [&](double tokens, double sms) {
    const double rows = tokens * 2.0 / sms;
    const double fill = row * 15.0 * (1.0 - std::exp(-rows / 20.9));
    const double wire = tokens * 8.0 * (1.0 - 1.0 / 8.0) * kFp8 / kNvlink;
    return 25.0 * kUs + fill + norm(row * rows, wire, 2.32);
  };
  EXPECT_NEAR(time("deepep_normal", shape_of(4096, 1), ExchangePhase::dispatch), expected(4096.0, 20.0), 1e-10);
  ExchangeShape narrow = shape_of(4096, 1);
  narrow.sms = 8;
  EXPECT_NEAR(time("deepep_normal", narrow, ExchangePhase::dispatch), expected(4096.0, 8.0), 1e-10);
  narrow.sms = 20, narrow.imbalance = 1.5;
  EXPECT_NEAR(time("deepep_normal", narrow, ExchangePhase::dispatch), expected(1.5 * 4096.0, 20.0), 1e-10);
}

// On two nodes a row goes to both, once over the network; of sixteen ranks eight get it.
TEST_F(ExchangeLaws, OfNormalKernelsBetweenNodesAreOnePipeline) {
  const double tokens = 4096.0, rows = tokens / 10.0;
  const double row = kFp8 * (218e-12 + 1.0 * 36.0e-12);
  const double fill = row * 18.5 * (1.0 - std::exp(-rows / 21.9));
  const double network = tokens * 2.0 * 0.5 * kFp8 / (0.943 * kNetwork);
  const double nvlink = tokens * 8.0 * (1.0 - 2.0 / 16.0) * kFp8 / kNvlink;
  ASSERT_GT(network, nvlink) << "the slower stage decides, the other adds nothing";
  EXPECT_NEAR(time("deepep_normal", shape_of(4096, 2), ExchangePhase::dispatch),
              26.2 * kUs + 2.0 * 15.5 * kUs + fill + norm(row * rows, network, 5.99), 1e-10);
}

TEST_F(ExchangeLaws, OfNvlinkDomainsPrepareByCountingTokens) {
  EXPECT_NEAR(time("nvlink_two_sided", shape_of(1000, 1), ExchangePhase::prepare),
              11.0 * kUs + 3.0 * 0.68 * kUs + 1000.0 * 6.6e-9, 1e-13);
  EXPECT_EQ(time("nvlink_one_sided", shape_of(1000, 1), ExchangePhase::prepare), 0.0) << "they write where it is read";
  EXPECT_EQ(time("deepep_normal", shape_of(1000, 1), ExchangePhase::prepare), 0.0) << "in dispatch";
  EXPECT_EQ(time("deepep_low_latency", shape_of(1000, 1), ExchangePhase::prepare), 0.0);
}

// The first tokens hide behind the latency, all but a tenth of one in two-sided kernels, 31 of them in one-sided ones.
TEST_F(ExchangeLaws, OfNvlinkDomainsHideTheFirstTokens) {
  const auto expected = [](double tokens, double latency, double doubling, double token, double byte, double copy,
                           double hidden, double share, double q) {
    const double kernel = tokens * (token + byte * kFp8 + 8.0 * copy);
    const double wire = tokens * 8.0 * (1.0 - 1.0 / 8.0) * kFp8 / (share * kNvlink);
    return (latency + 3.0 * doubling) * kUs + norm(kernel, wire, q) * tokens / (tokens + hidden);
  };
  for (const double tokens : {1.0, 64.0, 8192.0}) {
    const ExchangeShape shape = shape_of(static_cast<std::int64_t>(tokens), 1);
    EXPECT_NEAR(time("nvlink_two_sided", shape, ExchangePhase::dispatch),
                expected(tokens, 9.5, 0.74, 30.4e-9, 0.98e-12, 1.6e-9, 0.1, 0.648, 2.56), 1e-10)
        << tokens;
    EXPECT_NEAR(time("nvlink_one_sided", shape, ExchangePhase::dispatch),
                expected(tokens, 12.1, 1.83, 6.6e-9, 1.04e-12, 1e-12, 31.1, 0.718, 8.0), 1e-10)
        << tokens;
  }
}

TEST_F(ExchangeLaws, OfAnotherBoardSaySoAndWhatBindsThem) {
  const ExchangePrice own = price("deepep_normal", shape_of(4096, 2), ExchangePhase::dispatch);
  EXPECT_EQ(own.extrapolated, "no fit saw a100_sxm");
  EXPECT_EQ(own.provenance, kernels::Provenance::published);
  EXPECT_EQ(own.fit_key, "") << "no coefficient is the board's";
  std::vector<std::string> names;
  for (const kernels::Term& term : own.terms) names.emplace_back(term.name);
  EXPECT_THAT(names, ElementsAre("latency", "fill", "transfer"));
  EXPECT_THAT(own.terms.back().equation, HasSubstr("bound by network"));
  EXPECT_THAT(price("deepep_low_latency", shape_of(64, 1), ExchangePhase::dispatch).terms.back().equation,
              HasSubstr("bound by NVLink"));
  ExchangeShape few = shape_of(8192, 1);
  few.sms = 2;
  EXPECT_THAT(price("deepep_normal", few, ExchangePhase::dispatch).terms.back().equation, HasSubstr("bound by SMs"));
}

TEST(ExchangeTime, JoinsItsPartsByTheirNorm) {
  ExchangeTime parts;
  EXPECT_EQ(parts.body().value(), 0.0);
  parts.kernel = Seconds{3.0}, parts.node = Seconds{4.0}, parts.sharpness = 2.0;
  EXPECT_DOUBLE_EQ(parts.body().value(), 5.0);
  parts.network = Seconds{12.0};
  EXPECT_DOUBLE_EQ(parts.body().value(), 13.0);
  parts.pipelined = true;  // the slower of NVLink and network alone: 3 and 12
  EXPECT_DOUBLE_EQ(parts.body().value(), std::sqrt(153.0));
  parts.shown = 0.5, parts.latency = Seconds{1.0}, parts.fill = Seconds{2.0};
  EXPECT_DOUBLE_EQ(parts.total().value(), 3.0 + 0.5 * std::sqrt(153.0));
  parts = {}, parts.kernel = parts.node = Seconds{1e-200}, parts.sharpness = 8.0;
  EXPECT_NEAR(parts.body().value() / 1e-200, std::pow(2.0, 1.0 / 8.0), 1e-12) << "no power of it is lost to 0";
}

TEST(ExchangeFits, HaveAKeyForEachLawPhaseAndFormatBelow16Bits) {
  ExchangeShape shape;
  EXPECT_EQ(exchange_fit_key(deepep_internode_law(), shape, ExchangePhase::dispatch),
            "expert_exchange/deepep_internode/dispatch");
  EXPECT_EQ(exchange_fit_key(nvlink_two_sided_law(), shape, ExchangePhase::combine),
            "expert_exchange/nvlink_two_sided/combine");
  shape.combine = Dtype::nvfp4;
  EXPECT_EQ(exchange_fit_key(nvlink_two_sided_law(), shape, ExchangePhase::combine),
            "expert_exchange/nvlink_two_sided/combine_nvfp4");
  EXPECT_EQ(exchange_fit_key(nvlink_two_sided_law(), shape, ExchangePhase::dispatch),
            "expert_exchange/nvlink_two_sided/dispatch");
}

TEST(ExchangeFits, BoundTokensRanksNodesAndSmsThatAreAChoice) {
  ExchangeShape shape;
  shape.tokens = 300, shape.ranks = 32, shape.nodes = 4;
  const auto values = [&](const ExchangeLaw& law) {
    std::vector<std::int64_t> all;
    for (const ExchangeAxis& axis : exchange_axes()) all.push_back(axis.of(law, shape));
    return all;
  };
  EXPECT_THAT(values(deepep_normal_law()), ElementsAre(300, 8, 4, 20)) << "20 of its own";
  shape.sms = 12;
  EXPECT_THAT(values(deepep_normal_law()), ElementsAre(300, 8, 4, 12));
  EXPECT_THAT(values(deepep_low_latency_law()), ElementsAre(300, 8, 4, 0)) << "their number is nobody's choice";
}

TEST(ExchangeBuffers, OfNormalKernelsFollowChannelsRanksAndNodes) {
  const auto held = [](int ranks, int nodes, int sms) {
    ExchangeShape shape;
    shape.tokens = 1, shape.hidden = 7168, shape.experts = 1024, shape.topk = 8;
    shape.ranks = ranks, shape.nodes = nodes, shape.sms = sms;
    return find_expert_exchange("deepep_normal")->buffers(shape).value();
  };
  const double row = 2.0 * 7168.0 + 8.0 + 128.0 * 12.0 + 128.0 * 4.0;
  // Chunks of 256, 288, 480, 560, 720 tokens up to 8, 64, 96, 128 ranks and beyond (get_dispatch_config).
  EXPECT_EQ(held(8, 1, 24), row * 12.0 * 256.0 * 8.0);
  EXPECT_EQ(held(16, 2, 0), row * (10.0 * 288.0 * 8.0 + 2.0 * 10.0 * 128.0 * 2.0));
  EXPECT_EQ(held(64, 8, 0), row * (10.0 * 288.0 * 8.0 + 2.0 * 10.0 * 128.0 * 8.0));
  EXPECT_EQ(held(72, 9, 0), row * (10.0 * 480.0 * 8.0 + 2.0 * 10.0 * 128.0 * 9.0));
  EXPECT_EQ(held(128, 16, 0), row * (10.0 * 560.0 * 8.0 + 2.0 * 10.0 * 128.0 * 16.0));
  EXPECT_EQ(held(136, 17, 0), row * (10.0 * 720.0 * 8.0 + 2.0 * 10.0 * 128.0 * 17.0));
}

// Distinct groups by counting every choice of k experts.
TEST(ExpertReachProperties, IsTheMeanOverAllChoices) {
  for (const int experts : {4, 6, 8, 12}) {
    for (int groups = 1; groups <= experts; ++groups) {
      if (experts % groups != 0) continue;
      for (int topk = 1; topk <= std::min(experts, 5); ++topk) {
        double sum = 0.0, choices = 0.0;
        for (unsigned set = 0; set < (1u << experts); ++set) {
          if (__builtin_popcount(set) != topk) continue;
          unsigned reached = 0;
          for (int expert = 0; expert < experts; ++expert) {
            if ((set >> expert & 1u) != 0) reached |= 1u << (expert / (experts / groups));
          }
          sum += __builtin_popcount(reached), choices += 1.0;
        }
        EXPECT_NEAR(distinct_groups(groups, experts, topk), sum / choices, 1e-12)
            << experts << " experts, " << groups << " groups, " << topk << " of a token";
      }
    }
  }
}

// Two of four nodes: 32 of 64 experts on 16 of 32 ranks are open to a token.
TEST(ExpertReach, OfAGroupLimitByHand) {
  ExchangeShape shape;
  shape.tokens = 1, shape.hidden = 64, shape.experts = 64, shape.topk = 4;
  shape.ranks = 32, shape.nodes = 4, shape.group_limit = 2;
  // Of 32 experts two a rank: a rank is missed by 30·29·28·27 of 32·31·30·29 draws, a node by 16·15·14·13.
  EXPECT_NEAR(rank_reach(shape), 16.0 * (1.0 - 28.0 * 27.0 / (32.0 * 31.0)), 1e-12);
  EXPECT_NEAR(node_reach(shape), 2.0 * (1.0 - 16.0 * 15.0 * 14.0 * 13.0 / (32.0 * 31.0 * 30.0 * 29.0)), 1e-12);
  shape.group_limit = 9;
  ExchangeShape open = shape;
  open.group_limit = 0;
  EXPECT_EQ(rank_reach(shape), rank_reach(open)) << "more than there are is all";
  shape.gating = Gating::balanced, shape.group_limit = 1, shape.topk = 20;
  EXPECT_EQ(rank_reach(shape), 8.0) << "the ranks of one node";
  EXPECT_EQ(node_reach(shape), 1.0);
}

TEST(SparseCollectives, GoOutToEachAndComeBackAsASum) {
  ExchangeShape shape;
  shape.tokens = 100, shape.hidden = 1024, shape.experts = 16, shape.topk = 2, shape.ranks = 4;
  shape.imbalance = 1.25, shape.dispatch = Dtype::fp8, shape.combine = Dtype::bf16;
  const ExchangeCollective out = sparse_collective(shape, ExchangePhase::dispatch, 1.5);
  EXPECT_EQ(out.kind, sim::CollectiveKind::all_to_all);
  EXPECT_EQ(out.library, sim::CollectiveLibrary::sparse_exchange);
  EXPECT_EQ(out.dtype, Dtype::fp8);
  EXPECT_EQ(out.bytes, Bytes{100.0 * 1.25 * 1.5 * 1024.0});
  const ExchangeCollective back = sparse_collective(shape, ExchangePhase::combine, 1.5);
  EXPECT_EQ(back.kind, sim::CollectiveKind::reduce_scatter);
  EXPECT_EQ(back.dtype, Dtype::bf16);
  EXPECT_EQ(back.bytes, Bytes{2.0 * 100.0 * 1.25 * 1.5 * 1024.0});
  // Megatron's are NCCL's own, and an all_gather brings every rank's tokens whatever the imbalance.
  const ExchangeCollective all = find_expert_exchange("all_gather")->collective(shape, ExchangePhase::dispatch);
  EXPECT_EQ(all.kind, sim::CollectiveKind::all_gather);
  EXPECT_EQ(all.library, sim::CollectiveLibrary::nccl);
  EXPECT_EQ(all.bytes, Bytes{100.0 * 4.0 * 1024.0});
}

// Of what all_to_all sends half goes to the other node; of a ring only what leaves its node.
TEST(MegatronDispatchers, PartTheirBytesBetweenNvlinkAndNetwork) {
  const hardware::Cluster cluster = hardware::make_cluster("dgx_a100", "rail_fat_tree_ndr", 2);
  ExchangeShape shape;
  shape.tokens = 1000, shape.hidden = 1024, shape.experts = 16, shape.topk = 2, shape.ranks = 16, shape.nodes = 2;
  shape.dispatch = Dtype::bf16;
  const double rows = 1000.0 * 2.0 * 2048.0;
  const ExchangePrice sent = find_expert_exchange("all_to_all")->price(shape, ExchangePhase::dispatch, cluster.site(0));
  EXPECT_NEAR(sent.network.value(), rows * 0.5, 1.0);
  EXPECT_NEAR(sent.node.value(), rows * (15.0 / 16.0 - 0.5), 1.0);
  const ExchangePrice gathered =
      find_expert_exchange("all_gather")->price(shape, ExchangePhase::dispatch, cluster.site(0));
  const double all = 1000.0 * 16.0 * 2048.0 * 15.0 / 16.0;
  EXPECT_NEAR(gathered.network.value(), all * 2.0 / 16.0, 1.0);
  EXPECT_NEAR(gathered.node.value(), all * 14.0 / 16.0, 1.0);
}

TEST(ExchangeShapes, ThatCannotBeSayWhy) {
  const auto why = [](auto change) {
    ExchangeShape shape;
    shape.tokens = 1, shape.hidden = 1, shape.experts = 16, shape.topk = 2, shape.ranks = 8, shape.nodes = 2;
    change(shape);
    return check(shape);
  };
  EXPECT_EQ(why([](ExchangeShape&) {}), "");
  EXPECT_EQ(why([](ExchangeShape& s) { s.tokens = 0; }), "an exchange needs a token and a width");
  EXPECT_EQ(why([](ExchangeShape& s) { s.hidden = 0; }), "an exchange needs a token and a width");
  EXPECT_EQ(why([](ExchangeShape& s) { s.topk = 0; }), "an exchange can't pick 0 of 16 experts");
  EXPECT_EQ(why([](ExchangeShape& s) { s.topk = 17; }), "an exchange can't pick 17 of 16 experts");
  EXPECT_EQ(why([](ExchangeShape& s) { s.nodes = 0; }), "8 ranks can't be dealt evenly to 0 nodes");
  EXPECT_EQ(why([](ExchangeShape& s) { s.nodes = 16; }), "8 ranks can't be dealt evenly to 16 nodes");
  EXPECT_EQ(why([](ExchangeShape& s) { s.experts = 4; }), "4 experts leave some of 8 ranks without one");
  EXPECT_EQ(why([](ExchangeShape& s) { s.group_limit = -1; }), "a group limit is a number of nodes");
  // Eight experts of a node hold a token's two, not its nine.
  EXPECT_EQ(why([](ExchangeShape& s) { s.group_limit = 1, s.topk = 8; }), "");
  EXPECT_EQ(why([](ExchangeShape& s) { s.group_limit = 1, s.topk = 9; }), "9 experts don't fit on 1 of 2 nodes");
  EXPECT_THAT(why([](ExchangeShape& s) { s.imbalance = std::nan(""); }), HasSubstr("imbalance must be 1 or more"));
}

TEST(ExchangePhases, HaveNames) {
  EXPECT_EQ(name(ExchangePhase::prepare), "prepare");
  EXPECT_EQ(name(ExchangePhase::dispatch), "dispatch");
  EXPECT_EQ(name(ExchangePhase::combine), "combine");
}

}  // namespace
}  // namespace orrery::models
