#include <cmath>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hardware/catalogue/catalogue.hpp"
#include "models/experts/exchange.hpp"
#include "models/experts/law.hpp"
#include "models/experts/reach.hpp"
#include "sim/collective/collective.hpp"

namespace orrery::models {
namespace {

using ::testing::HasSubstr;

hardware::Cluster cluster_of(const std::string& node, int nodes) {
  return hardware::make_cluster(node, nodes > 1 ? "rail_fat_tree_ndr" : "single_node", nodes);
}

/// DeepSeek-V3's layer on so many nodes of 8.
ExchangeShape deepseek(std::int64_t tokens, int nodes) {
  ExchangeShape shape;
  shape.tokens = tokens, shape.hidden = 7168, shape.experts = 256, shape.topk = 8;
  shape.ranks = 8 * nodes, shape.nodes = nodes;
  return shape;
}

ExchangePrice price_of(std::string_view name, const ExchangeShape& shape, ExchangePhase phase,
                       const hardware::Site& site) {
  return find_expert_exchange(name)->price(shape, phase, site);
}

TEST(ExpertReach, CountsDistinctGroups) {
  // Two of eight experts, one a group, are two groups.
  EXPECT_NEAR(distinct_groups(8.0, 8.0, 2), 2.0, 1e-12);
  // Two of four in two groups: both in one group by 1 of 3 draws of the second.
  EXPECT_NEAR(distinct_groups(2.0, 4.0, 2), 5.0 / 3.0, 1e-12);
  EXPECT_NEAR(distinct_groups(1.0, 256.0, 8), 1.0, 1e-12);
  // C(224, 8)/C(256, 8) = 0.875 · 223/255 · … · 217/249.
  EXPECT_NEAR(distinct_groups(8.0, 256.0, 8), 8.0 * (1.0 - 0.3381685), 1e-5);
}

TEST(ExpertReach, OfBalancedGatesIsAsFarAsTheExpertsGo) {
  ExchangeShape shape = deepseek(1, 2);
  shape.gating = Gating::balanced;
  EXPECT_EQ(rank_reach(shape), 8.0);
  EXPECT_EQ(node_reach(shape), 2.0);
  shape.ranks = 4, shape.nodes = 1;
  EXPECT_EQ(rank_reach(shape), 4.0);
}

TEST(ExpertReach, StaysWithinTheGroupLimit) {
  ExchangeShape shape = deepseek(1, 16);
  const double free = node_reach(shape);
  shape.group_limit = 4;
  EXPECT_LE(node_reach(shape), 4.0);
  EXPECT_LT(node_reach(shape), free);
  EXPECT_LE(rank_reach(shape), 8.0);
  // Four nodes of 16 are as four of four.
  ExchangeShape four = deepseek(1, 4);
  four.experts = 64;
  EXPECT_NEAR(node_reach(shape), node_reach(four), 1e-12);
}

TEST(ExpertReach, RowsCarryTheirScales) {
  EXPECT_EQ(row_bytes(7168, Dtype::fp8_block), Bytes{7168.0 + 224.0});  // DeepEP: one fp32 per 128 values
  EXPECT_EQ(row_bytes(7168, Dtype::fp8), Bytes{7168.0});                // one scale a tensor: no row brings it
  EXPECT_EQ(row_bytes(7168, Dtype::bf16), Bytes{14336.0});
  EXPECT_EQ(row_bytes(7168, Dtype::nvfp4), Bytes{3584.0 + 448.0});
}

// 128 tokens x top-8 x (7168 + 224 B) = 7.57 MB, of which the share of other ranks is on a wire.
TEST(DeepEpLowLatency, SendsACopyToEveryExpert) {
  const hardware::Cluster cluster = cluster_of("dgx_h100", 2);
  const ExchangePrice price =
      price_of("deepep_low_latency", deepseek(128, 2), ExchangePhase::dispatch, cluster.site(0));
  const double all = 128.0 * 8.0 * (7168.0 + 224.0 + 16.0);
  EXPECT_NEAR(price.network.value(), all / 2.0, 1.0);
  EXPECT_NEAR(price.node.value(), all * (1.0 / 2.0 - 1.0 / 16.0), 1.0);
}

TEST(DeepEpNormal, CrossesTheNetworkOncePerNode) {
  const hardware::Cluster cluster = cluster_of("dgx_h100", 2);
  ExchangeShape shape = deepseek(4096, 2);
  shape.gating = Gating::balanced;
  shape.dispatch = Dtype::bf16;
  const ExchangePrice price = price_of("deepep_normal", shape, ExchangePhase::dispatch, cluster.site(0));
  EXPECT_NEAR(price.network.value(), 4096.0 * 2.0 * 0.5 * 14336.0, 1.0);  // the other node's copy
  EXPECT_NEAR(price.node.value(), 4096.0 * 8.0 * 0.875 * 14336.0, 1.0);   // 8 ranks, forwarded within their nodes
}

TEST(ExpertExchanges, TakeWhatOverSubscribedLeavesLeaveThem) {
  // Leaves of four nodes with up-links of a quarter: of 8 nodes 4/7 of what leaves a node leaves its leaf.
  const hardware::Cluster wide = hardware::make_cluster("dgx_h100", "fat_tree_ndr", 8);
  const hardware::Cluster narrow = hardware::make_cluster("dgx_h100", "fat_tree_ndr_4to1", 8);
  const ExchangeShape shape = deepseek(4096, 8);
  EXPECT_DOUBLE_EQ(network_rate(shape, wide.site(0), 1.0).value(), 50e9);
  EXPECT_DOUBLE_EQ(network_rate(shape, wide.site(0), 0.9).value(), 45e9);
  EXPECT_DOUBLE_EQ(network_rate(shape, narrow.site(0), 1.0).value(), 0.85 * 50e9 * 7.0 / 16.0);
  EXPECT_DOUBLE_EQ(network_rate(shape, narrow.site(0), 0.3).value(), 0.3 * 50e9);
  for (const char* name : {"deepep_normal", "deepep_low_latency", "all_to_all"}) {
    ExchangeShape few = shape;
    if (std::string_view(name) == "deepep_low_latency") few.tokens = 128;
    const ExchangePrice alone = price_of(name, few, ExchangePhase::dispatch, wide.site(0));
    const ExchangePrice held = price_of(name, few, ExchangePhase::dispatch, narrow.site(0));
    EXPECT_EQ(alone.network, held.network) << name;
    EXPECT_GE(held.time.value(), held.network.value() / (50e9 * 7.0 / 16.0)) << name;
    EXPECT_GT(held.time, alone.time) << name;
  }
  // Two nodes are below one leaf.
  EXPECT_EQ(price_of("deepep_normal", deepseek(4096, 2), ExchangePhase::dispatch, narrow.site(0)).time,
            price_of("deepep_normal", deepseek(4096, 2), ExchangePhase::dispatch, wide.site(0)).time);
}

TEST(ExpertExchanges, RefuseWhatTheyCannotCarryOut) {
  const hardware::Cluster pcie = cluster_of("l40s_box", 1), rack = cluster_of("dgx_h100", 2);
  const ExchangeShape one = deepseek(16, 1), two = deepseek(16, 2);
  EXPECT_THAT(find_expert_exchange("deepep_normal")->refuses(one, pcie.site(0)), HasSubstr("needs NVLink"));
  EXPECT_THAT(find_expert_exchange("nvlink_two_sided")->refuses(two, rack.site(0)), HasSubstr("one domain"));
  EXPECT_EQ(find_expert_exchange("all_to_all")->refuses(one, pcie.site(0)), "");
  EXPECT_EQ(find_expert_exchange("deepep"), nullptr);
}

TEST(ExpertExchanges, CheckTheirShape) {
  ExchangeShape shape = deepseek(16, 1);
  EXPECT_EQ(check(shape), "");
  shape.imbalance = 0.5;
  EXPECT_THAT(check(shape), HasSubstr("imbalance"));
  // 32 experts of a rank take all 8 copies of every token: eight times the mean of 8 ranks, not more.
  shape.imbalance = 8.0;
  EXPECT_EQ(check(shape), "");
  shape.imbalance = 8.1;
  EXPECT_THAT(check(shape), HasSubstr("8 times the mean at most"));
  // With an expert each of 8, a rank gets one of a token's four copies: twice the mean.
  shape.experts = 8, shape.topk = 4;
  EXPECT_EQ(most_imbalance(shape), 2.0);
  shape = deepseek(16, 1), shape.topk = 300;
  EXPECT_THAT(check(shape), HasSubstr("pick 300 of 256"));
  shape = deepseek(16, 1), shape.ranks = 7, shape.nodes = 2;
  EXPECT_THAT(check(shape), HasSubstr("evenly"));
  shape = deepseek(16, 8), shape.group_limit = 1, shape.topk = 64;
  EXPECT_THAT(check(shape), HasSubstr("fit on 1 of 8"));
}

TEST(ExpertExchanges, AreTheCollectivesThatMegatronCalls) {
  const hardware::Cluster cluster = cluster_of("dgx_h100", 1);
  ExchangeShape shape = deepseek(4096, 1);
  shape.dispatch = Dtype::bf16;
  const sim::CollectiveCall gather{sim::CollectiveKind::all_gather, Bytes{4096.0 * 8.0 * 14336.0}, 8, 1};
  EXPECT_EQ(price_of("all_gather", shape, ExchangePhase::dispatch, cluster.site(0)).time,
            sim::collective_time(gather, cluster.site(0)));
  const sim::CollectiveCall messages{sim::CollectiveKind::all_to_all, Bytes{4096.0 * 8.0 * 14336.0}, 8, 1};
  EXPECT_EQ(price_of("all_to_all", shape, ExchangePhase::combine, cluster.site(0)).time,
            sim::collective_time(messages, cluster.site(0)));
}

class EveryExchange : public ::testing::TestWithParam<std::size_t> {
 protected:
  const ExchangeRow& row() const { return expert_exchanges()[GetParam()]; }
  template <typename Each>
  void for_each_phase(Each each) const {
    for (const int nodes : {1, 4}) {
      const hardware::Cluster cluster = cluster_of("dgx_h100", nodes);
      if (!row().refuses(deepseek(1, nodes), cluster.site(0)).empty()) continue;
      for (const ExchangePhase phase : {ExchangePhase::dispatch, ExchangePhase::combine}) each(cluster, nodes, phase);
    }
  }
};

TEST_P(EveryExchange, TakesNoLessThanTheWireAndNoLessForMore) {
  for_each_phase([&](const hardware::Cluster& cluster, int nodes, ExchangePhase phase) {
    const hardware::Site site = cluster.site(0);
    Seconds before;
    for (std::int64_t tokens = 1; tokens <= 131072; tokens *= 2) {
      const ExchangePrice price = row().price(deepseek(tokens, nodes), phase, site);
      EXPECT_GE(price.time, price.network / site.network_bandwidth_per_gpu()) << tokens;
      // NCCL's collectives grow within a choice (tests/sim/collective_laws_test.cpp) and may dip where NCCL changes it.
      if (!row().is_of_nccl) {
        EXPECT_GE(price.time, before) << row().name << " " << name(phase) << " of " << tokens << " on " << nodes;
        EXPECT_GE(price.time, price.node / site.node_bandwidth_per_gpu()) << tokens;
      }
      before = price.time;
      Seconds sum;
      for (const kernels::Term& term : price.terms) sum += term.time;
      EXPECT_NEAR(sum.value(), price.time.value(), 1e-9 * price.time.value()) << row().name;
    }
  });
}

TEST_P(EveryExchange, WaitsForTheMostLoadedRank) {
  for_each_phase([&](const hardware::Cluster& cluster, int nodes, ExchangePhase phase) {
    ExchangeShape shape = deepseek(8192, nodes);
    const Seconds even = row().price(shape, phase, cluster.site(0)).time;
    shape.imbalance = 2.0;
    const Seconds uneven = row().price(shape, phase, cluster.site(0)).time;
    if (row().name == "all_gather") {
      EXPECT_EQ(uneven, even);  // all ranks get everything
    } else {
      EXPECT_GT(uneven, 1.7 * even) << row().name;
      EXPECT_LT(uneven, 2.0 * even) << row().name;
    }
  });
}

INSTANTIATE_TEST_SUITE_P(Rows, EveryExchange, ::testing::Range<std::size_t>(0, 7),
                         [](const auto& one) { return std::string(expert_exchanges()[one.param].name); });

// Between nodes the network and NVLink are stages of one pipeline: the slower decides, the other adds nothing.
TEST(DeepEpNormal, IsAsFastAsTheSlowerOfItsTwoStagesBetweenNodes) {
  hardware::Cluster cluster = cluster_of("dgx_h100", 2);
  ExchangeShape shape = deepseek(131072, 2);
  const auto time = [&] { return price_of("deepep_normal", shape, ExchangePhase::dispatch, cluster.site(0)).time; };
  const Seconds own = time();
  cluster.groups[0].gpu.nvlink_bandwidth = BytesPerSecond{900e9};
  EXPECT_EQ(time(), own) << "450 GB/s of NVLink are the faster stage already";
  // 131,072 tokens go to 16 (1 - C(240, 8)/C(256, 8)) ranks, of a node's eight the other seven over NVLink.
  cluster.groups[0].gpu.nvlink_bandwidth = BytesPerSecond{50e9};
  const double missed = 240.0 / 256 * 239 / 255 * 238 / 254 * 237 / 253 * 236 / 252 * 235 / 251 * 234 / 250 * 233 / 249;
  const double bytes = 131072.0 * 7392.0 * 16.0 * (1.0 - missed) * 7.0 / 8.0;
  EXPECT_GE(time(), Bytes{bytes} / BytesPerSecond{50e9});
  EXPECT_LE(time(), 1.05 * (Bytes{bytes} / BytesPerSecond{50e9}));
}

TEST(ExpertExchanges, SendWhatTheirKernelsSend) {
  ExchangeShape shape = deepseek(4096, 1);
  shape.dispatch = Dtype::bf16, shape.gating = Gating::balanced;
  const auto bytes = [&](std::string_view name) {
    return find_expert_exchange(name)->collective(shape, ExchangePhase::dispatch).bytes;
  };
  EXPECT_EQ(bytes("all_gather"), Bytes{4096.0 * 8.0 * 14336.0});          // all ranks' tokens
  EXPECT_EQ(bytes("all_to_all"), Bytes{4096.0 * 8.0 * 14336.0});          // once to each of 8 experts
  EXPECT_EQ(bytes("deepep_low_latency"), Bytes{4096.0 * 8.0 * 14336.0});  // the same
  shape.topk = 16;
  EXPECT_EQ(bytes("all_gather"), Bytes{4096.0 * 8.0 * 14336.0});
  EXPECT_EQ(bytes("deepep_low_latency"), Bytes{4096.0 * 16.0 * 14336.0});
  EXPECT_EQ(bytes("deepep_normal"), Bytes{4096.0 * 8.0 * 14336.0});  // once to each of 8 ranks
}

TEST(ExpertExchanges, HoldTheBuffersOfTheirLibraries) {
  ExchangeShape shape = deepseek(128, 1);
  shape.dispatch = Dtype::bf16;
  const auto held = [&](std::string_view name) { return find_expert_exchange(name)->buffers(shape).value(); };
  // 128 x 8 tokens of 14,336 bytes gathered, and as many sums before they are reduced.
  EXPECT_EQ(held("all_gather"), 2.0 * 128.0 * 8.0 * 14336.0);
  // Twice a place for each of 128 tokens with each of 256 experts, to send and to receive: 14,336 bytes and 56 scales
  // of 4 (deepseek-ai/DeepEP csrc/config.hpp, LowLatencyLayout).
  EXPECT_EQ(held("deepep_low_latency"), 2.0 * 2.0 * 256.0 * 128.0 * (14336.0 + 224.0));
  // Ten channels, 256 tokens for each of 8 ranks; 128 scales and weights a token (get_nvl_buffer_size_hint).
  EXPECT_EQ(held("deepep_normal"), 10.0 * 8.0 * 256.0 * (14336.0 + 8.0 + 1536.0 + 512.0));
}

// DeepEP's own figures of 8 H800 a node and 400 Gb/s InfiniBand (deepseek-ai/DeepEP docs/legacy.md, low-latency
// kernels, 128 tokens of 7168, top-8): a board and a software that no fit saw. Its EP8 combine ran over RDMA, not
// NVLink.
TEST(DeepEpLowLatency, IsNearThePublishedTimes) {
  struct Published {
    int nodes;
    double dispatch, combine;  // us
  };
  constexpr Published kPublished[] = {{1, 77, 0},    {2, 118, 195},  {4, 155, 273},
                                      {8, 173, 314}, {16, 192, 369}, {32, 194, 360}};
  for (const Published& one : kPublished) {
    const hardware::Cluster cluster = cluster_of("hgx_h800", one.nodes);
    ExchangeShape shape = deepseek(128, one.nodes);
    shape.experts = 288;
    const auto error = [&](ExchangePhase phase, double published) {
      const Seconds time = price_of("deepep_low_latency", shape, phase, cluster.site(0)).time;
      return std::abs(time.value() * 1e6 / published - 1.0);
    };
    EXPECT_LE(error(ExchangePhase::dispatch, one.dispatch), 0.10) << one.nodes;
    if (one.combine == 0.0) continue;
    const double combine = error(ExchangePhase::combine, one.combine);
    // A known miss: 16 nodes were slower than 32. It fails here once it holds.
    if (one.nodes == 16) {
      EXPECT_GT(combine, 0.10);
    } else {
      EXPECT_LE(combine, 0.10) << one.nodes;
    }
  }
}

TEST(DeepEpNormal, IsFasterOnMoreSms) {
  const hardware::Cluster cluster = cluster_of("dgx_h100", 1);
  ExchangeShape shape = deepseek(4096, 1);
  shape.sms = 4;
  const Seconds few = price_of("deepep_normal", shape, ExchangePhase::dispatch, cluster.site(0)).time;
  shape.sms = 24;
  const ExchangePrice many = price_of("deepep_normal", shape, ExchangePhase::dispatch, cluster.site(0));
  EXPECT_LT(many.time, 0.4 * few);
  EXPECT_EQ(many.sms, 24);
  EXPECT_EQ(many.provenance, kernels::Provenance::measured);
  EXPECT_EQ(many.fit_key, "expert_exchange/deepep_normal/dispatch");
}

// The tables of the board have 8 ranks a node, 4 to 24 SMs, and 2 and 4 nodes.
TEST(ExpertExchanges, OutsideWhatTheFitSawAreCalledExtrapolated) {
  const hardware::Cluster one = cluster_of("dgx_h100", 1), many = cluster_of("dgx_h100", 16);
  const auto why = [](const ExchangeShape& shape, const hardware::Cluster& cluster) {
    const ExchangePrice price = price_of("deepep_normal", shape, ExchangePhase::combine, cluster.site(0));
    EXPECT_EQ(price.extrapolated.empty(), price.provenance == kernels::Provenance::measured);
    return price.extrapolated;
  };
  ExchangeShape shape = deepseek(4096, 1);
  EXPECT_EQ(why(shape, one), "") << "20 SMs of the library's own";
  shape.sms = 48;
  EXPECT_EQ(why(shape, one), "no fit saw 48 SMs, but 4 to 24");
  shape.sms = 0, shape.ranks = 4;
  EXPECT_EQ(why(shape, one), "no fit saw 4 ranks a node, but 8");
  EXPECT_EQ(why(deepseek(4096, 4), many), "");
  EXPECT_EQ(why(deepseek(4096, 16), many), "no fit saw 16 nodes, but 2 to 4");
  EXPECT_EQ(why(deepseek(262144, 1), one), "no fit saw 262144 tokens a rank, but 1 to 131072");
  EXPECT_EQ(why(deepseek(4096, 1), cluster_of("hgx_h800", 1)), "its law is of another NVLink rate or another board");
}

TEST(ExpertExchanges, OfAnotherLinkAreNotCalledMeasured) {
  hardware::Cluster cluster = cluster_of("dgx_h100", 1);
  const ExchangeShape shape = deepseek(65536, 1);
  const ExchangePrice own = price_of("deepep_normal", shape, ExchangePhase::dispatch, cluster.site(0));
  hardware::set_nvlink_bandwidth(cluster.groups[0].gpu, BytesPerSecond{200e9});
  const ExchangePrice slower = price_of("deepep_normal", shape, ExchangePhase::dispatch, cluster.site(0));
  EXPECT_GT(slower.time, own.time);
  EXPECT_EQ(slower.provenance, kernels::Provenance::published);
  EXPECT_GE(slower.time, slower.node / BytesPerSecond{200e9});
}

}  // namespace
}  // namespace orrery::models
