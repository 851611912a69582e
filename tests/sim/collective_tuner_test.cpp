// NCCL's own figures, as its tuner printed them, against the rows' equations and against its model for our profiles.
//
// Source: NCCL 2.28.9, its graph search and tuner run on hand-written topologies of DGX H100 (400 Gb/s, Intel hosts)
// and DGX A100; latencies in µs, algorithm bandwidths in GB/s.
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "sim/collective/collectives.hpp"
#include "tests/sim/collective_clusters.hpp"

namespace orrery::sim {
namespace {

using hardware::NcclAlgorithm;
using hardware::NcclFunction;
using hardware::NcclProtocol;
using testing::h100_cluster;

constexpr CollectiveKind kReduce = CollectiveKind::all_reduce, kGather = CollectiveKind::all_gather;

struct Cell {
  CollectiveKind kind;
  int ranks, nodes;
  double ll, ll128, simple;
};

/// Price of a byte by one protocol alone, with NCCL's constants: the latency.
double latency_us(const CollectiveRow& row, const Cell& cell, std::size_t protocol, const hardware::Cluster& cluster) {
  CollectiveConstants k = timing_constants(cluster.site(0), cell.ranks, cell.nodes);
  k.protocols = k.protocols.subspan(protocol, 1);
  return row.time({cell.kind, Bytes{1.0}, cell.ranks, cell.nodes}, cluster.site(0), k).total().value() * 1e6;
}

void expect_latencies(const CollectiveRow& row, const std::vector<Cell>& cells) {
  for (const Cell& cell : cells) {
    const hardware::Cluster cluster = h100_cluster(cell.nodes);
    const double expected[] = {cell.ll, cell.ll128, cell.simple};
    for (std::size_t p = 0; p < 3; ++p) {
      // Printed with four digits.
      EXPECT_NEAR(latency_us(row, cell, p, cluster), expected[p], 0.001 * expected[p])
          << row.name << ' ' << cell.ranks << " ranks on " << cell.nodes << ", protocol " << p;
    }
  }
}

TEST(TunerLatencies, OfRings) {
  expect_latencies(ring_row(), {{kReduce, 8, 1, 15.0, 40.6, 56.0},
                                {kReduce, 16, 2, 40.0, 75.2, 131.6},
                                {kReduce, 32, 4, 78.8, 144.4, 282.8},
                                {kReduce, 128, 16, 311.6, 559.6, 1190},
                                {kReduce, 1024, 128, 2484, 4435, 9657},
                                {kGather, 8, 1, 10.8, 27.3, 32.2},
                                {kGather, 16, 2, 23.3, 44.6, 70.0},
                                {kGather, 32, 4, 42.7, 79.2, 145.6},
                                {kGather, 128, 16, 159.1, 286.8, 599.2},
                                {kGather, 1024, 128, 1245.5, 2224, 4833}});
}

TEST(TunerLatencies, OfTrees) {
  expect_latencies(tree_row(), {{kReduce, 8, 1, 15.2, 31.5, 64.4},
                                {kReduce, 16, 2, 25.2, 48.5, 92.4},
                                {kReduce, 32, 4, 35.2, 65.5, 120.4},
                                {kReduce, 128, 16, 55.2, 99.5, 176.4},
                                {kReduce, 1024, 128, 85.2, 150.5, 260.4}});
}

TEST(TunerLatencies, OfReductionInTheSwitch) {
  const auto us = [](const CollectiveRow& row, int nodes) {
    const hardware::Cluster cluster = h100_cluster(nodes);
    const int ranks = 8 * nodes;
    return row.time({kReduce, Bytes{1.0}, ranks, nodes}, cluster.site(0),
                    timing_constants(cluster.site(0), ranks, nodes))
               .total()
               .value() *
           1e6;
  };
  EXPECT_NEAR(us(nvls_row(), 1), 25.0, 0.01);
  EXPECT_NEAR(us(nvls_tree_row(), 2), 66.8, 0.01);
  EXPECT_NEAR(us(nvls_tree_row(), 4), 108.6, 0.01);
  EXPECT_NEAR(us(nvls_tree_row(), 16), 192.2, 0.01);
  EXPECT_NEAR(us(nvls_tree_row(), 128), 317.6, 0.01);
}

/// A cell of NCCL's table for a communicator of whole nodes: "latency,bandwidth", as it prints them.
std::string cell(const hardware::Cluster& cluster, NcclFunction function, NcclAlgorithm algorithm,
                 NcclProtocol protocol) {
  const int nodes = cluster.node_count();
  const nccl::Cell found =
      nccl::Tuner(nccl::box_of(cluster.site(0), 8 * nodes, nodes)).cell(function, algorithm, protocol);
  return fmt::format("{:.1f},{:.1f}", found.latency_us, found.bandwidth);
}

TEST(TunerCells, OfProfilesAreThosePrinted) {
  using hardware::make_cluster;
  constexpr auto kAr = NcclFunction::all_reduce, kAg = NcclFunction::all_gather, kB = NcclFunction::broadcast;
  constexpr auto kRing = NcclAlgorithm::ring, kTree = NcclAlgorithm::tree;
  constexpr auto kLl = NcclProtocol::ll, kLl128 = NcclProtocol::ll128, kSimple = NcclProtocol::simple;
  const hardware::Cluster one = make_cluster("dgx_h100", "single_node", 1);
  EXPECT_EQ(cell(one, kAr, kTree, kLl), "15.2,43.6");
  EXPECT_EQ(cell(one, kAr, kRing, kLl128), "40.6,189.3");
  EXPECT_EQ(cell(one, kAr, NcclAlgorithm::nvls, kSimple), "25.0,272.0");
  EXPECT_EQ(cell(one, kAg, NcclAlgorithm::nvls, kSimple), "25.0,208.2");
  EXPECT_EQ(cell(one, kB, kRing, kSimple), "11.8,360.0");
  const hardware::Cluster four = make_cluster("dgx_h100", "rail_fat_tree_ndr", 4);
  EXPECT_EQ(cell(four, kAr, kTree, kSimple), "120.4,122.4");
  EXPECT_EQ(cell(four, kAr, NcclAlgorithm::nvls_tree, kSimple), "108.6,187.9");
  EXPECT_EQ(cell(four, kAg, kRing, kSimple), "145.6,396.4");
  const hardware::Cluster a100 = make_cluster("dgx_a100", "rail_fat_tree_hdr", 16);
  EXPECT_EQ(cell(a100, kAr, kTree, kLl128), "99.5,66.8");
  EXPECT_EQ(cell(a100, kAr, kRing, kLl), "535.6,9.6") << "AMD hosts: 2 us a step, 19 GB/s";
  EXPECT_EQ(cell(make_cluster("hgx_b200", "single_node", 1), kAr, NcclAlgorithm::nvls, kSimple), "25.0,411.4");
  EXPECT_EQ(cell(make_cluster("l40s_box", "single_node", 1), kAr, kRing, kLl128), "0.0,0.0") << "never over PCIe";
}

TEST(TunerCells, OfVersion230DifferWhereItsConstantsDo) {
  hardware::Cluster b200 = hardware::make_cluster("hgx_b200", "rail_fat_tree_ndr", 4);
  const auto tree = [&] {
    return cell(b200, NcclFunction::all_reduce, NcclAlgorithm::nvls_tree, NcclProtocol::simple);
  };
  const std::string before = tree();
  b200.nccl.version = hardware::NcclVersion::v2_30;
  // 8 channels x min(48 x 0.74 x 7/8 x 2, 48, cap) x 32/62: the cap rises from 43.8 to 80, and 48 holds.
  EXPECT_EQ(before, "108.6,180.9");
  EXPECT_EQ(tree(), "108.6,198.2");
}

TEST(TunerGraphs, OfOneRankPerNodeSplitTheirCard) {
  // One H100 a node, 400 Gb/s: rings 2 x 24, trees 2 x 48/24 of the pattern tree, 4 channels.
  const hardware::Cluster cluster = h100_cluster(2);
  const nccl::Graphs graphs = nccl::search(nccl::box_of(cluster.site(0), 2, 2));
  EXPECT_EQ(graphs.ring.channels, 2);
  EXPECT_EQ(graphs.ring.intra, 24.0);
  EXPECT_EQ(graphs.tree.channels, 2);
  EXPECT_EQ(graphs.tree.intra, 48.0);
  EXPECT_EQ(graphs.tree.inter, 24.0);
  EXPECT_EQ(graphs.tree.pattern, nccl::Pattern::tree);
  EXPECT_EQ(graphs.nvls.channels, 0);
  EXPECT_EQ(graphs.channels, 4);
}

TEST(ExchangeRounds, TakeA128PeersAtOnce) {
  // 16 channels of 8 messages (device.h): one network hop for 128 remote peers, two for 129.
  const auto hops = [](int nodes) {
    const hardware::Cluster cluster = h100_cluster(nodes);
    const CollectiveCall call{CollectiveKind::all_to_all, Bytes{1.0}, 8 * nodes, nodes};
    const CollectiveConstants k = timing_constants(cluster.site(0), call.ranks, nodes);
    const Seconds peers = static_cast<double>(call.ranks - 1) * k.exchange_peer;
    return (pairwise_row().time(call, cluster.site(0), k).hops - peers) / k.exchange_network_hop;
  };
  EXPECT_NEAR(hops(1), 0.0, 1e-9);
  EXPECT_NEAR(hops(2), 1.0, 1e-9);
  EXPECT_NEAR(hops(17), 1.0, 1e-9) << "128 ranks on other nodes";
  EXPECT_NEAR(hops(18), 2.0, 1e-9) << "136";
  EXPECT_NEAR(hops(33), 2.0, 1e-9) << "256";
}

TEST(TunerChoices, ChangeWhereNcclsDo) {
  // Switch points of an all_reduce by the same tuner: powers of two, so that a factor of two either way is its grid.
  const auto chosen = [](int nodes, double bytes) {
    const hardware::Cluster cluster = h100_cluster(nodes);
    return std::string(nccl_choice({kReduce, Bytes{bytes}, 8 * nodes, nodes}, cluster.site(0)).row->name);
  };
  const double mib = 1048576.0;
  EXPECT_EQ(chosen(1, 1 * mib), "ring");
  EXPECT_EQ(chosen(1, 4 * mib), "nvls") << "from 2 MiB, and never a tree";
  for (double bytes = 512; bytes < 17e9; bytes *= 2) EXPECT_NE(chosen(1, bytes), "tree") << bytes;
  EXPECT_EQ(chosen(2, 0.25 * mib), "tree");
  EXPECT_EQ(chosen(2, 8 * mib), "nvls_tree") << "from 2 MiB";
  EXPECT_EQ(chosen(4, 1 * mib), "tree");
  EXPECT_EQ(chosen(4, 32 * mib), "nvls_tree") << "from 8 MiB";
  EXPECT_EQ(chosen(16, 1 * mib), "tree");
  EXPECT_EQ(chosen(16, 64 * mib), "nvls_tree") << "from 16 MiB";
  EXPECT_EQ(chosen(128, 4 * mib), "tree");
  EXPECT_EQ(chosen(128, 256 * mib), "nvls_tree") << "from 32 MiB, and never a ring up to 16 GiB";
  for (double bytes = 512; bytes < 17e9; bytes *= 2) EXPECT_NE(chosen(128, bytes), "ring") << bytes;
}

TEST(TunerChoices, OfGathersWithOneRankPerNodeArePat) {
  const hardware::Cluster cluster = h100_cluster(32);
  const auto chosen = [&](CollectiveKind kind, double bytes, int ranks) {
    return std::string(nccl_choice({kind, Bytes{bytes}, ranks, 32}, cluster.site(0)).row->name);
  };
  // 32 ranks, 16 MB: PAT 8 + 5 x 14/3.5 + 2.8 x 32 = 117.6 us at 36 GB/s, a ring 14 + 31 x 8.5 = 277.5 at 45.6 at best.
  EXPECT_EQ(chosen(kGather, 16e6, 32), "pat");
  EXPECT_EQ(chosen(CollectiveKind::reduce_scatter, 16e6, 32), "pat");
  EXPECT_EQ(chosen(kGather, 1e9, 32), "ring") << "bandwidth decides";
  EXPECT_EQ(chosen(kReduce, 16e6, 32), "tree") << "PAT reduces nothing to all";
  EXPECT_EQ(chosen(kGather, 16e6, 256), "ring") << "8 ranks a node";
}

TEST(TunerChoices, TakeChannelsAndThreadsByTheSize) {
  const hardware::Cluster cluster = h100_cluster(1);
  const auto way = [&](CollectiveKind kind, double bytes) {
    const Choice c = nccl_choice({kind, Bytes{bytes}, 8, 1}, cluster.site(0));
    return fmt::format("{} {} {}x{}", c.row->name, hardware::name(c.protocol), c.channels, c.threads);
  };
  // LL takes 8 B x 8 ranks a thread: 32 KiB fill one channel of 512 threads; 4 KiB an eighth of its threads, at least 3
  // warps.
  EXPECT_EQ(way(kReduce, 32768), "ring LL 1x512");
  EXPECT_EQ(way(kReduce, 65536), "ring LL 2x512");
  EXPECT_EQ(way(kReduce, 4096), "ring LL 1x96");
  EXPECT_EQ(way(kReduce, 1048576), "ring LL 24x512");
  EXPECT_EQ(way(kReduce, 1073741824), "nvls Simple 16x640");
  EXPECT_EQ(way(kGather, 16777216), "ring LL128 24x640");
  EXPECT_EQ(way(kGather, 1073741824), "ring Simple 24x544") << "a warp more to synchronise";
}

TEST(TunerChoices, DependOnTheDatatype) {
  const hardware::Cluster one = h100_cluster(1), two = h100_cluster(2);
  const auto chosen = [](const hardware::Cluster& cluster, CollectiveKind kind, Dtype dtype) {
    CollectiveCall call{kind, Bytes{1e9}, 8 * cluster.node_count(), cluster.node_count()};
    call.dtype = dtype;
    return std::string(nccl_choice(call, cluster.site(0)).row->name);
  };
  EXPECT_EQ(chosen(one, kReduce, Dtype::bf16), "nvls");
  EXPECT_EQ(chosen(one, kReduce, Dtype::int8), "ring") << "the switch adds floats only";
  EXPECT_EQ(chosen(one, kReduce, Dtype::fp8), "ring");
  EXPECT_EQ(chosen(two, kReduce, Dtype::fp8), "tree") << "fp8 sums over more than eight ranks of a ring are avoided";
}

TEST(TunerChoices, OfAGroupOfCallsAreMadeTogether) {
  // 96 all_gathers of 64 KiB on 24 channels: four rounds of a ring's latency, one of a launch's elsewhere.
  const hardware::Cluster cluster = h100_cluster(1);
  const nccl::Tuner tuner(nccl::box_of(cluster.site(0), 8, 1));
  const nccl::Call one{NcclFunction::all_reduce, 96 * 65536.0},
      many{NcclFunction::all_reduce, 96 * 65536.0, Dtype::bf16, 96};
  const auto ring = [&](const nccl::Call& call) {
    return *tuner.time_us(call, NcclAlgorithm::ring, NcclProtocol::simple);
  };
  EXPECT_NEAR(ring(many) - ring(one), 3 * 56.0, 0.01);
  const auto tree = [&](const nccl::Call& call) {
    return *tuner.time_us(call, NcclAlgorithm::tree, NcclProtocol::simple);
  };
  EXPECT_NEAR(tree(many) - tree(one), 0.0, 0.01);
}

TEST(TunerChoices, AreTheLeastOfAllCells) {
  for (const int nodes : {1, 2, 5, 64}) {
    for (const int local : {1, 2, 8}) {
      if (nodes * local < 2) continue;
      const hardware::Cluster cluster = h100_cluster(nodes);
      const nccl::Tuner tuner(nccl::box_of(cluster.site(0), nodes * local, nodes));
      for (double bytes = 64; bytes < 1e10; bytes *= 5) {
        for (std::size_t f = 0; f < hardware::kNcclFunctions; ++f) {
          const nccl::Call call{static_cast<NcclFunction>(f), bytes};
          const nccl::Selected chosen = tuner.choose(call);
          EXPECT_EQ(tuner.time_us(call, chosen.algorithm, chosen.protocol), chosen.time_us);
          for (std::size_t cell = 0; cell < hardware::kNcclAlgorithms * hardware::kNcclProtocols; ++cell) {
            const auto time =
                tuner.time_us(call, static_cast<NcclAlgorithm>(cell / 3), static_cast<NcclProtocol>(cell % 3));
            if (time) {
              EXPECT_LE(chosen.time_us, *time) << cell;
            }
          }
        }
      }
      for (const CollectiveKind kind : testing::kAllKinds) {
        const CollectiveCall call{kind, Bytes{1e6}, nodes * local, nodes};
        const Choice choice = nccl_choice(call, cluster.site(0));
        EXPECT_TRUE(choice.row->supports(call, cluster.site(0)) && nccl_offers(*choice.row, kind));
      }
    }
  }
}

}  // namespace
}  // namespace orrery::sim
