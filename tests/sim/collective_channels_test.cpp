// What a group of operations, fewer channels, unlike GPUs and links between some GPUs only do to a collective.
#include <vector>

#include <gtest/gtest.h>

#include "hardware/catalogue/catalogue.hpp"
#include "sim/collective/binding.hpp"
#include "sim/collective/model.hpp"
#include "sim/plan/placement.hpp"
#include "tests/sim/collective_clusters.hpp"

namespace orrery::sim {
namespace {

using hardware::NcclAlgorithm;
using hardware::NcclFunction;
using hardware::NcclProtocol;
using testing::h100_cluster;
using testing::law_fit;
using testing::straight;

constexpr double kMiB = 1048576.0;

/// An H100 node that is told to take rings and Simple, of 20 us and 350 GB/s.
hardware::Cluster ring_of_h100() {
  hardware::Cluster cluster = h100_cluster(1);
  cluster.groups[0].gpu.fits = {law_fit("nccl/all_reduce/8", straight(20e-6, 350e9))};
  cluster.nccl.algorithms = testing::algorithms("ring");
  cluster.nccl.protocols = hardware::parse_nccl_protocols("Simple").list;
  return cluster;
}

double microseconds(const hardware::Cluster& cluster, CollectiveCall call) {
  return CollectiveModel(cluster.site(0)).time(call).value() * 1e6;
}

CollectiveCall reduce_of(double bytes, int operations = 1, int ranks = 8) {
  CollectiveCall call{CollectiveKind::all_reduce, Bytes{bytes}, ranks, 1};
  call.operations = operations;
  return call;
}

TEST(GroupedOperations, PayTheLatencyOnceForEachRoundOfChannels) {
  // nccl 2.28.9 tuning.cc: latency · ceil(operations / channels) of a ring, over six of those of anything else.
  EXPECT_EQ(nccl::latency_rounds(NcclAlgorithm::ring, 1, 24), 1);
  EXPECT_EQ(nccl::latency_rounds(NcclAlgorithm::ring, 24, 24), 1);
  EXPECT_EQ(nccl::latency_rounds(NcclAlgorithm::ring, 25, 24), 2);
  EXPECT_EQ(nccl::latency_rounds(NcclAlgorithm::tree, 6 * 24, 24), 1);
  EXPECT_EQ(nccl::latency_rounds(NcclAlgorithm::nvls, 6 * 24 + 1, 24), 2);
  // 24 channels: 100 operations are five rounds. 64 MiB · 1.75 / 350 GB/s = 335.54 us of wire whatever their number.
  const hardware::Cluster cluster = ring_of_h100();
  EXPECT_NEAR(microseconds(cluster, reduce_of(64 * kMiB)), 20.0 + 335.544, 0.001);
  EXPECT_NEAR(microseconds(cluster, reduce_of(64 * kMiB, 24)), 20.0 + 335.544, 0.001);
  EXPECT_NEAR(microseconds(cluster, reduce_of(64 * kMiB, 100)), 100.0 + 335.544, 0.001);
  const CollectiveEstimate many = explain_collective(reduce_of(64 * kMiB, 100), cluster.site(0));
  EXPECT_EQ(many.provenance, kernels::Provenance::published);
  EXPECT_FALSE(many.extrapolated.empty());
}

TEST(GroupedOperations, AreNoMeasurementHoweverFew) {
  // The tables are of one operation at a time.
  hardware::Cluster cluster = ring_of_h100();
  cluster.nccl = {};
  cluster.groups[0].gpu.fits = {law_fit("nccl/all_reduce/8", straight(20e-6, 350e9))};
  ASSERT_EQ(explain_collective(reduce_of(64 * kMiB), cluster.site(0)).provenance, kernels::Provenance::measured);
  const CollectiveEstimate two = explain_collective(reduce_of(64 * kMiB, 2), cluster.site(0));
  EXPECT_EQ(two.provenance, kernels::Provenance::published);
  EXPECT_EQ(two.extrapolated, "no fit saw groups of operations");
}

TEST(Channels, OtherThanNcclsOwnAreNoMeasurement) {
  hardware::Cluster cluster = h100_cluster(1);
  cluster.groups[0].gpu.fits = {law_fit("nccl/all_gather/8", straight(20e-6, 350e9))};
  const CollectiveCall call{CollectiveKind::all_gather, Bytes{64 * kMiB}, 8, 1};
  ASSERT_EQ(explain_collective(call, cluster.site(0)).provenance, kernels::Provenance::measured);
  cluster.nccl.max_channels = 1;
  const CollectiveEstimate one = explain_collective(call, cluster.site(0));
  EXPECT_EQ(one.provenance, kernels::Provenance::published);
  EXPECT_EQ(one.extrapolated, "told other channels or threads than NCCL takes, whose law it is");
  cluster.nccl.max_channels = 64;
  EXPECT_EQ(explain_collective(call, cluster.site(0)).provenance, kernels::Provenance::measured) << "a bound not felt";
}

TEST(Channels, FewerThanTheGraphsLeaveSoMuchLessBandwidth) {
  // Twelve rings of 30 GB/s, each on two of the 24 channels: six channels are six rings.
  hardware::Cluster cluster = ring_of_h100();
  const double usual = microseconds(cluster, reduce_of(64 * kMiB));
  cluster.nccl.max_channels = 16;
  EXPECT_DOUBLE_EQ(microseconds(cluster, reduce_of(64 * kMiB)), usual) << "every ring has a channel";
  cluster.nccl.max_channels = 6;
  EXPECT_NEAR(microseconds(cluster, reduce_of(64 * kMiB)), 20.0 + 2.0 * 335.544, 0.001);
  EXPECT_EQ(explain_collective(reduce_of(64 * kMiB), cluster.site(0)).channels, 6);
  cluster.nccl.max_channels = 0;
  cluster.nccl.min_ctas = 32;
  EXPECT_DOUBLE_EQ(microseconds(cluster, reduce_of(64 * kMiB)), usual) << "more are the same rings twice";
  EXPECT_EQ(explain_collective(reduce_of(64 * kMiB), cluster.site(0)).channels, 32) << "and more SMs";
}

TEST(Channels, ChangeNothingOfWhatNcclChoosesBy) {
  hardware::Cluster few = h100_cluster(1), many = h100_cluster(1);
  few.nccl.max_ctas = 2;
  many.nccl.min_channels = 48;
  const nccl::Tuner a(nccl::box_of(few.site(0), 8, 1)), b(nccl::box_of(many.site(0), 8, 1));
  for (const NcclAlgorithm algorithm : {NcclAlgorithm::ring, NcclAlgorithm::tree, NcclAlgorithm::nvls}) {
    EXPECT_EQ(a.cell(NcclFunction::all_reduce, algorithm, NcclProtocol::simple).bandwidth,
              b.cell(NcclFunction::all_reduce, algorithm, NcclProtocol::simple).bandwidth);
  }
}

TEST(UnlikeGpus, AreReckonedAsTheLeastOfThem) {
  // H100 beside A100: NCCL reckons all as Ampere, and takes no LL128 between unlike GPUs before 2.30.
  hardware::Cluster cluster = h100_cluster(2);
  const auto way = [&](int capability) {
    CollectiveCall call{CollectiveKind::all_reduce, Bytes{1.0 * kMiB}, 16, 2};
    call.capability = capability;
    return select(call, cluster.site(0));
  };
  EXPECT_EQ(way(0).protocol, NcclProtocol::ll128);
  EXPECT_NE(way(80).protocol, NcclProtocol::ll128);
  EXPECT_EQ(way(80).row->nccl != NcclAlgorithm::nvls_tree, true) << "no reduction in the switch for Ampere";
  EXPECT_NE(way(90).protocol, NcclProtocol::ll128) << "beside a later generation";
  cluster.nccl.version = hardware::NcclVersion::v2_30;
  EXPECT_EQ(way(90).protocol, NcclProtocol::ll128) << "2.30: between any of Hopper or later";
  EXPECT_NE(way(80).protocol, NcclProtocol::ll128);
}

TEST(Meshes, GiveAGroupTheLinksThatItsGpusShare) {
  const hardware::Cluster cluster = hardware::make_cluster("dgx_1", "single_node", 1);
  const hardware::Site site = cluster.site(0);
  // Six links of 25 GB/s: a pair has one of them, four GPUs four each, eight all.
  EXPECT_EQ(site.nvlink_among(2), BytesPerSecond{25e9});
  EXPECT_EQ(site.nvlink_among(4), BytesPerSecond{100e9});
  EXPECT_EQ(site.nvlink_among(5), BytesPerSecond{0.0}) << "the fifth has one neighbour";
  EXPECT_EQ(site.nvlink_among(8), BytesPerSecond{150e9});
  for (const int ranks : {2, 3, 4, 8}) {
    for (double bytes = 1024.0; bytes < 1e10; bytes *= 4.0) {
      for (const CollectiveKind kind : testing::kAllKinds) {
        const CollectiveCall call{kind, Bytes{bytes}, ranks, 1};
        const double wire = select(call, site).row->load(call).node.value() / site.nvlink_among(ranks).value();
        EXPECT_GE(collective_time(call, site).value(), wire) << name(kind) << ' ' << ranks << ' ' << bytes;
      }
    }
  }
}

TEST(Bridges, JoinAPairAndNoMore) {
  const hardware::Cluster cluster = hardware::make_cluster("a100_pcie_bridged_box", "single_node", 1);
  const hardware::Site site = cluster.site(0);
  EXPECT_EQ(site.nvlink_among(2), BytesPerSecond{300e9});
  EXPECT_EQ(site.nvlink_among(2, false), BytesPerSecond{0.0}) << "GPUs 1 and 2";
  EXPECT_EQ(site.nvlink_among(3), BytesPerSecond{0.0});
  // A pair: 240 GB/s of NCCL's link rate, 0.92 of it sustained. Three: PCIe of 32 GB/s, 0.4 of it.
  CollectiveCall pair{CollectiveKind::all_reduce, Bytes{1e9}, 2, 1},
      three{CollectiveKind::all_reduce, Bytes{1e9}, 3, 1};
  EXPECT_NEAR(1e9 / collective_time(pair, site).value(), 220.8e9, 0.02 * 220.8e9);
  EXPECT_NEAR(1e9 * 4 / 3 / collective_time(three, site).value(), 12.8e9, 0.02 * 12.8e9);
  EXPECT_EQ(binding_link(pair, site).link_class, "nvlink");
  EXPECT_EQ(binding_link(three, site).link_class, "pcie");
  pair.side_by_side = false;
  EXPECT_EQ(binding_link(pair, site).link_class, "pcie");
  EXPECT_NEAR(1e9 / collective_time(pair, site).value(), 19.2e9, 0.02 * 19.2e9) << "two over PCIe: 0.6";
}

TEST(Bridges, ArePlacesSideBySide) {
  const hardware::Cluster cluster = hardware::make_cluster("a100_pcie_bridged_box", "single_node", 1);
  const Placement placement = place(cluster, 0, 1, 0, 8);
  EXPECT_TRUE(is_side_by_side(Group::of("tp", {}, 2, 4), placement));
  EXPECT_FALSE(is_side_by_side(Group::of("tp", {}, 2, 3), placement)) << "GPUs 3 and 4 are on two bridges";
  const Group apart{"dp", {}, {{2, 4}}, {0}};
  EXPECT_FALSE(is_side_by_side(apart, placement));
}

// Within a protocol; where NCCL takes another one on more nodes, that may be the better choice by a little.
TEST(Broadcast, IsNoFasterOnMoreNodes) {
  constexpr double kBetterChoice = 0.99;
  for (const char* node : {"dgx_h100", "dgx_a100", "hgx_h200", "hgx_b200"}) {
    std::vector<hardware::Cluster> clusters;
    for (const int nodes : {1, 2, 4, 16}) {
      clusters.push_back(hardware::make_cluster(node, nodes > 1 ? "rail_fat_tree_ndr" : "single_node", nodes));
    }
    for (const CollectiveKind kind : {CollectiveKind::broadcast, CollectiveKind::reduce}) {
      for (double bytes = 1024.0; bytes < 2e10; bytes *= 4.0) {
        CollectiveEstimate before;
        for (const hardware::Cluster& cluster : clusters) {
          const int nodes = cluster.node_count();
          const CollectiveEstimate now = explain_collective({kind, Bytes{bytes}, 8 * nodes, nodes}, cluster.site(0));
          const double least = now.protocol == before.protocol ? 1.0 : kBetterChoice;
          EXPECT_GE(now.time, least * before.time) << node << ' ' << name(kind) << ' ' << bytes << " on " << nodes;
          before = now;
        }
      }
    }
  }
}

TEST(Extrapolation, IsNamedWhereNoFitSawTheCall) {
  hardware::Cluster cluster = h100_cluster(1);
  const auto reason = [&](CollectiveCall call) { return explain_collective(call, cluster.site(0)).extrapolated; };
  EXPECT_EQ(reason(reduce_of(kMiB)), "no fit saw ring for all_reduce of 8 GPUs") << "no fit at all";
  cluster.groups[0].gpu.fits = {law_fit("nccl/all_reduce/8", straight(20e-6, 350e9))};
  EXPECT_EQ(reason(reduce_of(kMiB)), "");
  EXPECT_EQ(reason(reduce_of(kMiB, 1, 4)), "no fit saw ring for all_reduce of 4 GPUs");
  EXPECT_EQ(reason({CollectiveKind::all_reduce, Bytes{kMiB}, 16, 2}), "no fit saw 2 nodes");
  cluster.nccl.algorithms = testing::algorithms("nvls");
  EXPECT_EQ(reason(reduce_of(16384.0)), "told otherwise than NCCL chooses, at sizes that its law was not measured at");
}

}  // namespace
}  // namespace orrery::sim
