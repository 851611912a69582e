// The link that bounds a collective, against arithmetic by hand.
#include <gtest/gtest.h>

#include "sim/collective/binding.hpp"
#include "sim/collective/constants.hpp"
#include "tests/sim/collective_clusters.hpp"

namespace orrery::sim {
namespace {

CollectiveCall call_of(CollectiveKind kind, int ranks, int nodes, double bytes = 1e9) {
  CollectiveCall call;
  call.kind = kind;
  call.bytes = Bytes{bytes};
  call.ranks = ranks;
  call.nodes = nodes;
  return call;
}

TEST(BindingLink, OnOneNodeIsNvlinkOrPcie) {
  hardware::Cluster cluster = testing::a100_cluster(1);
  const BindingLink inside = binding_link(call_of(CollectiveKind::all_gather, 8, 1), cluster.site(0));
  EXPECT_EQ(inside.link_class, "nvlink");
  EXPECT_EQ(inside.bandwidth, timing_constants(cluster.site(0), 8, 1).node_bus);
  EXPECT_DOUBLE_EQ(inside.bytes.value(), 7.0 / 8.0 * 1e9);
  cluster.groups[0].node.nvswitch = false;
  cluster.groups[0].gpu.nvlink_bandwidth = BytesPerSecond{0.0};
  const BindingLink pcie = binding_link(call_of(CollectiveKind::all_gather, 8, 1), cluster.site(0));
  EXPECT_EQ(pcie.link_class, "pcie");
  EXPECT_LT(pcie.bandwidth, inside.bandwidth);
}

TEST(BindingLink, OfARingOverNodesIsTheNicUntilThatIsFasterThanNvlink) {
  hardware::Cluster cluster = testing::a100_cluster(4);
  const BindingLink usual = binding_link(call_of(CollectiveKind::all_gather, 4, 4), cluster.site(0));
  EXPECT_EQ(usual.link_class, "nic");
  EXPECT_EQ(usual.bandwidth, timing_constants(cluster.site(0), 4, 4).network_per_rank);
  EXPECT_DOUBLE_EQ(usual.bytes.value(), 3.0 / 4.0 * 1e9) << "a ring of 4 nodes";
  cluster.nccl.algorithms = testing::algorithms("ring");
  ASSERT_EQ(binding_link(call_of(CollectiveKind::all_gather, 32, 4), cluster.site(0)).link_class, "nic");
  cluster.groups[0].gpu.nvlink_bandwidth = BytesPerSecond{3e9};
  EXPECT_EQ(binding_link(call_of(CollectiveKind::all_gather, 32, 4), cluster.site(0)).link_class, "nvlink");
}

TEST(BindingLink, IsNoneWhereNothingMoves) {
  const hardware::Cluster cluster = testing::a100_cluster(1);
  EXPECT_EQ(binding_link(call_of(CollectiveKind::all_gather, 1, 1), cluster.site(0)).link_class, "");
  EXPECT_EQ(binding_link(call_of(CollectiveKind::all_gather, 8, 1, 0.0), cluster.site(0)).link_class, "");
}

}  // namespace
}  // namespace orrery::sim
