// Collectives on a torus by hand, and what a group pays for borders between groups of a dragonfly or sites.
#include <cmath>

#include <gtest/gtest.h>

#include "hardware/catalogue/catalogue.hpp"
#include "hardware/torus.hpp"
#include "sim/collective/binding.hpp"
#include "sim/collective/collective.hpp"
#include "sim/collective/constants.hpp"
#include "sim/collective/libraries.hpp"

namespace orrery::sim {
namespace {

constexpr double kLink = 90e9;  // 0.9 of 100 GB/s
constexpr double kHop = 1e-6;

hardware::Cluster slice(std::vector<int> axes) {
  int chips = 1;
  for (const int along : axes) chips *= along;
  hardware::Cluster cluster = hardware::make_cluster("tpu_v5p_host", "torus_v5p", chips / 4);
  cluster.fabric.torus = std::move(axes);
  return cluster;
}

double time_of(const hardware::Cluster& cluster, CollectiveKind kind, double bytes, int ranks, int nodes) {
  CollectiveCall call;
  call.kind = kind, call.bytes = Bytes{bytes}, call.ranks = ranks, call.nodes = nodes;
  return collective_time(call, cluster.site(0)).value();
}

TEST(Torus, OfEqualRingsFillsAllOfItsLinks) {
  const hardware::Cluster cube = slice({4, 4, 4});
  const double gather = 1e9 * 63 / 64 / (6 * kLink);
  EXPECT_NEAR(time_of(cube, CollectiveKind::all_gather, 1e9, 64, 16), gather, 1e-9 * gather);
  EXPECT_NEAR(time_of(cube, CollectiveKind::reduce_scatter, 1e9, 64, 16), gather, 1e-9 * gather);
  for (const CollectiveKind twice : {CollectiveKind::all_reduce, CollectiveKind::broadcast, CollectiveKind::reduce}) {
    EXPECT_NEAR(time_of(cube, twice, 1e9, 64, 16), 2 * gather, 1e-9 * gather) << name(twice);
  }
  const hardware::Cluster large = slice({8, 8, 8});
  EXPECT_NEAR(time_of(large, CollectiveKind::all_gather, 1e9, 512, 128), 1e9 * 511 / 512 / (6 * kLink), 1e-12);
}

TEST(Torus, WaitsForHopsWhereBytesAreFew) {
  EXPECT_NEAR(time_of(slice({4, 4, 4}), CollectiveKind::all_gather, 64.0, 64, 16), 6 * kHop, 1e-12);
  EXPECT_NEAR(time_of(slice({4, 4, 4}), CollectiveKind::all_reduce, 64.0, 64, 16), 12 * kHop, 1e-12);
  EXPECT_NEAR(time_of(slice({8, 8, 16}), CollectiveKind::all_gather, 64.0, 1024, 256), 3 * 8 * kHop, 1e-12)
      << "phases end together on all parts, so that the longest axis counts in each";
}

TEST(Torus, HasLinesWhereAnAxisIsNotClosed) {
  // Two lines of two chips: a part gathers S/8, then S/4, over a link each way.
  EXPECT_NEAR(time_of(slice({2, 2, 1}), CollectiveKind::all_gather, 1e9, 4, 1), (1e9 / 8 + 1e9 / 4) / kLink, 1e-12);
  // 6 is no multiple of 4. Half of the buffer goes along the six first, half along the two: 5 and 1, then 6 and 10
  // parts of 24.
  EXPECT_NEAR(time_of(slice({6, 2, 1}), CollectiveKind::all_gather, 1e9, 12, 3), 1e9 * 15 / 24 / kLink, 1e-12);
}

TEST(Torus, GivesAGroupTheAxesThatItsChipsLieOn) {
  const hardware::Cluster cube = slice({4, 4, 4});
  const double ring = 1e9 * 3 / 4 / (2 * kLink), line_of_two = 1e9 / 2 / kLink;
  EXPECT_NEAR(time_of(cube, CollectiveKind::all_gather, 1e9, 4, 1), ring, 1e-12) << "the first axis";
  EXPECT_NEAR(time_of(cube, CollectiveKind::all_gather, 1e9, 2, 1), line_of_two, 1e-12) << "a part of it";
  EXPECT_NEAR(time_of(cube, CollectiveKind::all_gather, 1e9, 4, 4), ring, 1e-12)
      << "a chip of every host: the last axis";
  EXPECT_NEAR(time_of(cube, CollectiveKind::all_gather, 1e9, 16, 16), 1e9 * 15 / 16 / (4 * kLink), 1e-12);
  EXPECT_NEAR(time_of(cube, CollectiveKind::all_gather, 1e9, 12, 3), 1e9 * 11 / 12 / kLink, 1e-12) << "no box: a line";
  // 12 hosts are three planes of the cube: two rings and a line, five links of each chip.
  const double planes = time_of(cube, CollectiveKind::all_gather, 1e9, 48, 12);
  EXPECT_GE(planes, 1e9 * 47 / 48 / (5 * kLink));
  EXPECT_LT(planes, 1e9 * 47 / 48 / (3 * kLink));
}

TEST(Torus, ExchangesOverTheMiddleOfEachAxis) {
  EXPECT_NEAR(time_of(slice({4, 4, 4}), CollectiveKind::all_to_all, 1e9, 64, 16), 1e9 * 4 / 8 / kLink, 1e-12);
  EXPECT_NEAR(time_of(slice({4, 4, 8}), CollectiveKind::all_to_all, 1e9, 128, 32), 1e9 * 8 / 8 / kLink, 1e-12);
}

// Three chips in a line: one of them sends a third of its buffer to each of two over the first link, so does the middle
// one, and the other way back: 2/3 S a link. A ring of four carries S/2.
TEST(Torus, ExchangesOverTheTwoLinksOfALineOfThree) {
  EXPECT_NEAR(time_of(slice({3, 4, 1}), CollectiveKind::all_to_all, 9e8, 12, 3), 9e8 * 2 / 3 / kLink, 1e-12);
}

// All bytes times the hops of their way, over all links.
TEST(Torus, NeverExchangesFasterThanItsLinksCarryTheHops) {
  for (const auto& shape : {std::vector<int>{4, 4, 4}, {2, 2, 1}, {8, 4, 2}, {3, 4, 1}, {6, 2, 1}, {5, 4, 4}}) {
    const hardware::Cluster cluster = slice(shape);
    const int chips = cluster.gpu_count();
    const std::vector<hardware::TorusAxis> axes = hardware::torus_axes(cluster.fabric);
    double hops = 0.0, links = 0.0;
    for (int from = 0; from < chips; ++from) {
      for (int to = 0; to < chips; ++to) hops += hardware::torus_hops(axes, from, to);
      for (const hardware::TorusAxis& axis : axes) {
        for (const int step : {1, -1}) links += axis.chips > 1 && axis.neighbour(from, step) >= 0 ? 1 : 0;
      }
    }
    const double least = 1e9 / chips * hops / (links * kLink);
    const double time = time_of(cluster, CollectiveKind::all_to_all, 1e9, chips, chips / 4);
    EXPECT_GE(time, least * (1 - 1e-12)) << shape[0] << " x " << shape[1] << " x " << shape[2];
    EXPECT_LT(time, 2.5 * least);
  }
}

TEST(Torus, NeverBeatsItsLinksAndGrowsWithBytes) {
  for (const auto& axes : {std::vector<int>{4, 4, 4}, {2, 4, 4}, {8, 4, 4}, {4, 4, 1}, {2, 2, 2}}) {
    const hardware::Cluster cluster = slice(axes);
    const int chips = cluster.gpu_count();
    double before = 0.0;
    for (double bytes = 1e3; bytes < 1e11; bytes *= 3) {
      const double now = time_of(cluster, CollectiveKind::all_gather, bytes, chips, chips / 4);
      EXPECT_GE(now, bytes * (chips - 1) / chips / (6 * kLink) * (1 - 1e-12));
      EXPECT_GE(now, before);
      before = now;
    }
  }
}

TEST(Torus, IsNotAskedOfNccl) {
  const hardware::Cluster cube = slice({4, 4, 4});
  CollectiveCall call;
  call.bytes = Bytes{1e9}, call.ranks = 64, call.nodes = 16;
  const CollectiveEstimate estimate = explain_collective(call, cube.site(0));
  EXPECT_EQ(estimate.algorithm, "torus");
  EXPECT_EQ(estimate.protocol, "ICI");
  EXPECT_EQ(binding_link(call, cube.site(0)).link_class, "ici");
  const Choice choice = select(call, cube.site(0));
  EXPECT_EQ(rounding_depth(choice, call), 3 * 3) << "two ways that meet, along three rings of four";
  EXPECT_FALSE(torus_row().supports(call, hardware::make_cluster("dgx_h100", "rail_fat_tree_ndr", 8).site(0)));
}

TEST(Sites, AddTheirDistanceToWhatARingWaitsForAndShareTheirLink) {
  const hardware::Cluster far = hardware::make_cluster("dgx_h100", "two_sites_100km", 256);
  hardware::Cluster near = far;
  near.fabric.global_latency = Seconds{};
  const hardware::Site site = far.site(0);
  EXPECT_EQ(border_latency(site, CollectiveKind::all_reduce, 128).value(), 0.0) << "all at one site";
  EXPECT_DOUBLE_EQ(border_latency(site, CollectiveKind::all_reduce, 256).value(), 4 * 500e-6);
  EXPECT_DOUBLE_EQ(border_latency(site, CollectiveKind::all_gather, 256).value(), 2 * 500e-6);
  EXPECT_DOUBLE_EQ(border_latency(site, CollectiveKind::broadcast, 256).value(), 500e-6);
  const double more = time_of(far, CollectiveKind::all_reduce, 1e6, 2048, 256) -
                      time_of(near, CollectiveKind::all_reduce, 1e6, 2048, 256);
  EXPECT_NEAR(more, 4 * 500e-6, 1e-9);
  // 8 ranks of each node cross a link of 2 × 50 GB/s, of which 0.85 are sustained.
  EXPECT_NEAR(timing_constants(site, 2048, 256).network_per_rank.value(), 0.85 * 100e9 / 8, 1.0);
  EXPECT_NEAR(timing_constants(site, 1024, 128).network_per_rank.value(), 0.85 * 50e9, 1.0);
}

}  // namespace
}  // namespace orrery::sim
