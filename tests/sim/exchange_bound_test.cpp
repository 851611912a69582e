// What over-subscribed switches, groups and sites leave to an exchange, by hand.
#include "sim/collective/exchange_bound.hpp"

#include <gtest/gtest.h>

#include "hardware/catalogue/catalogue.hpp"
#include "sim/collective/binding.hpp"
#include "sim/collective/collective.hpp"

namespace orrery::sim {
namespace {

/// DGX H100, 8 cards of 50 GB/s a node, two nodes below a plain leaf and two leaves in a pod.
hardware::Cluster small_leaves(int nodes, double oversubscription, double core = 1.0) {
  hardware::Cluster cluster = hardware::make_cluster("dgx_h100", "fat_tree_ndr", nodes);
  cluster.fabric.leaf_ports = 16;
  cluster.fabric.pod_leaves = 2;
  cluster.fabric.oversubscription = oversubscription;
  cluster.fabric.core_oversubscription = core;
  return cluster;
}

TEST(ExchangeBound, IsNoneWhereTheSwitchesCarryWhatTheCardsDo) {
  EXPECT_EQ(exchange_bound(64, 8, small_leaves(8, 1.0).site(0)).slowdown(), 1.0);
  EXPECT_EQ(exchange_bound(64, 8, small_leaves(8, 1.0).site(0)).link_class, "nic");
  // Below one leaf, and on one node.
  EXPECT_EQ(exchange_bound(16, 2, small_leaves(8, 4.0).site(0)).slowdown(), 1.0);
  EXPECT_EQ(exchange_bound(8, 1, small_leaves(8, 4.0).site(0)).slowdown(), 1.0);
}

TEST(ExchangeBound, CountsWhatLeavesALeaf) {
  // Of 4 nodes: two thirds of what leaves a node leaves its leaf, whose 16 up-links carry a quarter of its cards.
  const ExchangeBound bound = exchange_bound(32, 4, small_leaves(4, 4.0).site(0));
  EXPECT_DOUBLE_EQ(bound.slowdown(), 4.0 * 2.0 / 3.0);
  EXPECT_EQ(bound.link_class, "leaf");
  // At 4:3 the two thirds fit.
  EXPECT_EQ(exchange_bound(32, 4, small_leaves(4, 4.0 / 3.0).site(0)).slowdown(), 1.0);
  // Two cards of the eight of a node leave room: 2/8 of 8/3.
  EXPECT_EQ(exchange_bound(8, 4, small_leaves(4, 4.0).site(0)).slowdown(), 1.0);
  EXPECT_DOUBLE_EQ(exchange_bound(16, 4, small_leaves(4, 4.0).site(0)).slowdown(), 0.5 * 4.0 * 2.0 / 3.0);
}

TEST(ExchangeBound, TakesTheNarrowestOfTheTiers) {
  // 8 nodes, pods of 4: six sevenths leave the leaf, four sevenths the pod, whose spines carry a half of a seventh.
  const ExchangeBound core = exchange_bound(64, 8, small_leaves(8, 2.0, 7.0).site(0));
  EXPECT_DOUBLE_EQ(core.slowdown(), 2.0 * 7.0 * 4.0 / 7.0);
  EXPECT_EQ(core.link_class, "spine");
  const ExchangeBound leaf = exchange_bound(64, 8, small_leaves(8, 3.0, 1.0).site(0));
  EXPECT_DOUBLE_EQ(leaf.slowdown(), 3.0 * 6.0 / 7.0);
  EXPECT_EQ(leaf.link_class, "leaf");
}

TEST(ExchangeBound, OfRailsIsThatOfOneCardOfEachNode) {
  hardware::Cluster cluster = hardware::make_cluster("dgx_h100", "rail_fat_tree_ndr", 4);
  cluster.fabric.leaf_ports = 2;  // a leaf of a rail below two nodes
  cluster.fabric.oversubscription = 3.0;
  EXPECT_DOUBLE_EQ(exchange_bound(32, 4, cluster.site(0)).slowdown(), 3.0 * 2.0 / 3.0);
  EXPECT_DOUBLE_EQ(exchange_bound(4, 4, cluster.site(0)).slowdown(), 3.0 * 2.0 / 3.0) << "one card is one rail";
}

TEST(ExchangeBound, OfTwoSitesIsTheirLink) {
  // 256 nodes: each of 1,024 ranks of a site sends 128/255 of its bytes over two wavelengths of 50 GB/s; of its card
  // that leaves 100 · 255/(1024 · 128) GB/s.
  const hardware::Cluster cluster = hardware::make_cluster("dgx_h100", "two_sites_100km", 256);
  const hardware::Site site = cluster.site(0);
  const ExchangeBound bound = exchange_bound(2048, 256, site);
  EXPECT_NEAR(bound.slowdown(), 50.0 / (100.0 * 255.0 / (1024.0 * 128.0)), 1e-9);
  EXPECT_EQ(bound.link_class, "spine");
  EXPECT_EQ(exchange_bound(1024, 128, site).slowdown(), 1.0) << "all at one site";
}

TEST(ExchangeBound, IsInThePriceOfAnAllToAllAndNamedByIt) {
  const CollectiveCall call{CollectiveKind::all_to_all, Bytes{1e9}, 32, 4};
  const hardware::Cluster wide = small_leaves(4, 1.0), narrow = small_leaves(4, 4.0);
  // 750 MB leave a node at 0.85 of 50 GB/s.
  const double cards = 0.75e9 / (0.85 * 50e9);
  const double more = collective_time(call, narrow.site(0)).value() - collective_time(call, wide.site(0)).value();
  EXPECT_NEAR(more, cards * (8.0 / 3.0 - 1.0), 1e-9);
  EXPECT_EQ(binding_link(call, wide.site(0)).link_class, "nic");
  EXPECT_EQ(binding_link(call, narrow.site(0)).link_class, "leaf");
  EXPECT_NEAR(binding_link(call, narrow.site(0)).bandwidth.value(), 0.85 * 50e9 * 3.0 / 8.0, 1.0);
  // Rings of whole nodes cross a leaf once.
  const CollectiveCall ring{CollectiveKind::all_gather, Bytes{1e9}, 32, 4};
  EXPECT_EQ(collective_time(ring, narrow.site(0)), collective_time(ring, wide.site(0)));
}

}  // namespace
}  // namespace orrery::sim
