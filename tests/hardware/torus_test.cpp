// Chips on a torus: which links they have, and which way messages go.
#include "hardware/torus.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hardware/catalogue/catalogue.hpp"
#include "hardware/config/config.hpp"
#include "hardware/topology/topology.hpp"

namespace orrery::hardware {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

Cluster slice(std::vector<int> axes) {
  int chips = 1;
  for (const int along : axes) chips *= along;
  Cluster cluster = make_cluster("tpu_v5p_host", "torus_v5p", chips / 4);
  cluster.fabric.torus = std::move(axes);
  return cluster;
}

std::vector<LinkId> between_chips(const Topology& topology, int from, int to) {
  std::vector<LinkId> route = topology.route(RankId(from), RankId(to));
  route.erase(std::remove_if(route.begin(), route.end(),
                             [&](LinkId id) { return topology.link(id).link_class != LinkClass::ici; }),
              route.end());
  return route;
}

// 64 chips on three rings of four: six links of 100 GB/s each, and a port each way.
TEST(TorusTopology, LinksEachChipToItsNeighbours) {
  const Topology topology(slice({4, 4, 4}));
  EXPECT_TRUE(topology.is_torus());
  EXPECT_EQ(topology.leaf_count(), 64);
  std::map<VertexId, int> links;
  for (const Link& link : topology.links()) {
    if (link.link_class != LinkClass::ici) continue;
    EXPECT_EQ(link.bandwidth.value(), 100e9);
    ++links[link.from];
  }
  EXPECT_EQ(links.size(), 64u);
  for (const auto& [router, count] : links) EXPECT_EQ(count, 6);
  for (const char* name :
       {"chip0.chip1", "chip0.chip3", "chip0.chip4", "chip0.chip12", "chip0.chip16", "chip0.chip48"}) {
    EXPECT_NO_THROW((void)topology.find_link(name)) << name;
  }
  EXPECT_THROW((void)topology.find_link("chip0.chip2"), ConfigError);
  EXPECT_EQ(topology.link(topology.find_link("node0.gpu1.ici_out")).bandwidth.value(), 600e9);
  for (std::uint32_t id = 0; id < topology.links().size(); ++id) {
    EXPECT_EQ(topology.find_link(topology.name(LinkId(id))), LinkId(id)) << topology.name(LinkId(id));
  }
}

// Lines of two, of which each chip has one link; no third axis.
TEST(TorusTopology, HasOneLinkAlongALineOfTwo) {
  const Cluster cluster = slice({2, 2, 1});
  EXPECT_EQ(cluster.site(0).torus_ports(), 2);
  const Topology topology(cluster);
  const auto links = std::count_if(topology.links().begin(), topology.links().end(),
                                   [](const Link& link) { return link.link_class == LinkClass::ici; });
  EXPECT_EQ(links, 8);
  EXPECT_EQ(topology.link(topology.find_link("node0.gpu0.ici_in")).bandwidth.value(), 200e9);
}

TEST(TorusTopology, GoesAlongOneAxisAfterTheOtherTheShorterWay) {
  const Cluster cluster = slice({4, 4, 8});
  const std::vector<TorusAxis> axes = torus_axes(cluster.fabric);
  const Topology topology(cluster);
  for (int from = 0; from < 128; from += 5) {
    for (int to = 0; to < 128; ++to) {
      const std::vector<LinkId> route = topology.route(RankId(from), RankId(to));
      if (from == to) {
        EXPECT_THAT(route, IsEmpty());
        continue;
      }
      ASSERT_EQ(topology.link(route.front()).from, topology.gpu(RankId(from)));
      ASSERT_EQ(topology.link(route.back()).to, topology.gpu(RankId(to)));
      for (std::size_t i = 1; i < route.size(); ++i) {
        ASSERT_EQ(topology.link(route[i]).from, topology.link(route[i - 1]).to);
      }
      const auto hops = static_cast<std::size_t>(torus_hops(axes, from, to));
      EXPECT_EQ(route.size(), hops + 2) << from << " " << to;
      EXPECT_DOUBLE_EQ(topology.latency(route).value(), static_cast<double>(hops) * 1e-6);
      EXPECT_EQ(topology.bottleneck(route).value(), 100e9);
    }
  }
  EXPECT_EQ(torus_hops(axes, 0, 3), 1) << "around the ring";
  EXPECT_EQ(torus_hops(axes, 0, 2 + 4 * 2 + 16 * 4), 2 + 2 + 4) << "the diameter: half of each ring";
  const Topology line(slice({6, 2, 1}));
  EXPECT_EQ(between_chips(line, 0, 5).size(), 5u) << "six is no multiple of four: a line";
}

// Every chip of 8 x 8 x 8 sends to the one half a ring away: 4 hops each over two links of each chip along that axis.
TEST(TorusTopology, SendsBothWaysAroundARingWhereAllSendHalfwayAround) {
  const Topology topology(slice({8, 8, 8}));
  std::map<LinkId, int> flows;
  for (int chip = 0; chip < 512; ++chip) {
    for (const LinkId id : between_chips(topology, chip, (chip + 256) % 512)) ++flows[id];
  }
  EXPECT_EQ(flows.size(), 1024u);
  for (const auto& [link, count] : flows) EXPECT_EQ(count, 2);
}

TEST(TorusTopology, GoesAnotherWayWhereACableIsDown) {
  Topology topology(slice({4, 4, 4}));
  const LinkId cable = topology.find_link("chip0.chip1");
  topology.remove(cable);
  const std::vector<LinkId> around = between_chips(topology, 0, 1);
  EXPECT_THAT(around, Not(Contains(cable)));
  EXPECT_EQ(around.size(), 3u) << "the longer way around the ring";
  EXPECT_EQ(between_chips(topology, 0, 5).size(), 2u) << "the second axis first";
  // A pair on lines of two: by the neighbour's row.
  Topology square(slice({2, 2, 1}));
  square.remove(square.find_link("chip0.chip1"));
  EXPECT_EQ(between_chips(square, 0, 1).size(), 3u);
  square.remove(square.find_link("chip0.chip2"));
  EXPECT_THROW((void)square.route(RankId(0), RankId(1)), NoRoute) << "nothing leads out of the chip";
}

// The narrower end of a cable decides: six ports of 50 GB/s of a v4 chip, links of 100 GB/s of the other fabric.
TEST(TorusTopology, TakesTheLesserOfTheFabricsLinkAndTheChipsPort) {
  Cluster cluster = make_cluster("tpu_v4_host", "torus_v5p", 16);
  cluster.fabric.torus = {4, 4, 4};
  EXPECT_DOUBLE_EQ(cluster.site(0).torus_link().value(), 50e9);
  EXPECT_DOUBLE_EQ(cluster.site(0).network_bandwidth_per_gpu().value(), 300e9);
  Cluster other = make_cluster("tpu_v5p_host", "torus_v4", 16);
  other.fabric.torus = {4, 4, 4};
  EXPECT_DOUBLE_EQ(other.site(0).torus_link().value(), 50e9);
  EXPECT_EQ(Topology(other).link(Topology(other).find_link("chip0.chip1")).bandwidth.value(), 50e9);
}

TEST(TorusTopology, IsForChipsThatAreLinkedToEachOtherAlone) {
  Cluster gpus = make_cluster("dgx_h100", "torus_v5p", 8);
  gpus.fabric.torus = {4, 4, 4};
  EXPECT_THAT(gpus.misfit(), HasSubstr("'h100_sxm' has no such links"));
  EXPECT_THROW(Topology{gpus}, ConfigError);
  const Cluster host = make_cluster("tpu_v5p_host", "single_node", 1);
  EXPECT_THAT(host.misfit(), HasSubstr("nothing but a torus joins the chips 'tpu_v5p'"));
  EXPECT_THAT(slice({2, 2, 1}).misfit(), IsEmpty());
}

}  // namespace
}  // namespace orrery::hardware
