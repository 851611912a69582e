// A collective algorithm that the cluster forces, as NCCL_ALGO does.
#include <gtest/gtest.h>

#include "sim/collective/collective.hpp"
#include "sim/collective/collectives.hpp"
#include "tests/sim/collective_clusters.hpp"

namespace orrery::sim {
namespace {

using testing::a100_cluster;
using testing::h100_cluster;
using testing::kAllKinds;
using testing::law_fit;
using testing::straight;

hardware::Cluster forced(hardware::Cluster cluster, const char* algorithm) {
  cluster.nccl.algorithms = testing::algorithms(algorithm);
  return cluster;
}

double seconds(const hardware::Cluster& cluster, double bytes, int ranks) {
  return collective_time({CollectiveKind::all_reduce, Bytes{bytes}, ranks, cluster.node_count()}, cluster.site(0))
      .value();
}

constexpr double kMiB = 1048576.0;

TEST(ForcedAlgorithm, RingCostsLatencyWhereTheTreeCostsBandwidth) {
  // 4 nodes of 8 H100, all_reduce. Ring: 62 steps, 6 of them between nodes; tree: chains of 7, 2 levels, up and down.
  const hardware::Cluster ring = forced(h100_cluster(4), "ring"), tree = forced(h100_cluster(4), "tree");
  // 8 B, LL: ring 6.6 + 56·1.0 + 6·2.7 = 78.8 us; tree 6.8 + 2·(7·0.6 + 2·5.0) = 35.2 us.
  EXPECT_NEAR(seconds(ring, 8.0, 32), 78.8e-6, 1e-8);
  EXPECT_NEAR(seconds(tree, 8.0, 32), 35.2e-6, 1e-8);
  // 1 GB, Simple, 8 NICs of 50 GB/s·0.85 = 340 GB/s: ring 8.4 + 56·3.4 + 6·14 = 282.8 us and 1 GB·(62/32)/340 GB/s =
  // 5,698.5 us; tree 8.4 + 2·(7·4 + 2·14) = 120.4 us and 2 GB/(340·0.7 GB/s) = 8,403.4 us.
  EXPECT_NEAR(seconds(ring, 1e9, 32), 282.8e-6 + 5698.5294e-6, 1e-9);
  EXPECT_NEAR(seconds(tree, 1e9, 32), 120.4e-6 + 8403.3613e-6, 1e-9);
}

// NCCL's ring of LL128 over 4 nodes, AllGather of nccl_golden: DGX H100 303.1 of Simple's 396.4 GB/s (8 channels
// of 36.7 GB/s on cards of 48), H800 167.1 of 181.7 (0.92, its channels carry 22); DGX A100 20 of 24.
TEST(ForcedAlgorithm, RingOfLl128IsAsWideAsItsChannels) {
  const auto per_byte = [](hardware::Cluster cluster) {
    cluster = forced(std::move(cluster), "ring");
    cluster.nccl.protocols = hardware::parse_nccl_protocols("LL128").list;
    return (seconds(cluster, 2e9, 32) - seconds(cluster, 1e9, 32)) / 1e9;
  };
  EXPECT_NEAR(per_byte(h100_cluster(4)), 62.0 / 32.0 / (8 * 50e9 * 0.85 * 36.7 / 48.0), 1e-15);
  EXPECT_NEAR(per_byte(a100_cluster(4)), 62.0 / 32.0 / (8 * 25e9 * 0.85 * 20.0 / 24.0), 1e-15);
  hardware::Cluster h800 = h100_cluster(4);
  h800.groups[0].gpu.nvlink_bandwidth = BytesPerSecond{200e9};
  const double bus = timing_constants(h800.site(0), 32, 4).node_bus.value();
  EXPECT_NEAR(per_byte(h800), 62.0 / 32.0 / (bus * 0.92), 1e-15) << "NVLink holds it up";
}

// NCCL's own latencies of a ring of LL over 16 nodes of 8: 6.6 + 224 steps inside + 30 · 2.7 us between nodes, where no
// step is shorter than the proxy's overhead: 1 us of an Intel host (DGX H100: 311.6 us), 2 us of an AMD one (DGX A100:
// 535.6 us; NVIDIA/nccl 2.28.9 src/graph/tuning.cc, run on both topologies).
TEST(ForcedAlgorithm, RingOverNodesWaitsForTheHostsProxy) {
  hardware::Cluster ring = forced(h100_cluster(16), "ring");
  EXPECT_NEAR(seconds(ring, 8.0, 128), 311.6e-6, 1e-8);
  ring.groups[0].node.cpu = hardware::HostCpu::amd;
  EXPECT_NEAR(seconds(ring, 8.0, 128), 535.6e-6, 1e-8);
}

TEST(ForcedAlgorithm, TakesTheTimeOfAnAutomaticChoiceOfTheSame) {
  for (const hardware::Cluster& cluster : {h100_cluster(1), h100_cluster(4), a100_cluster(2), a100_cluster(16)}) {
    for (const CollectiveKind kind : kAllKinds) {
      for (const double bytes : {64.0, 64.0 * 1024.0, 16.0 * kMiB, 1024.0 * kMiB}) {
        const CollectiveCall call{kind, Bytes{bytes}, 8 * cluster.node_count(), cluster.node_count()};
        const std::string choice(nccl_choice(call, cluster.site(0)).row->name);
        EXPECT_EQ(collective_time(call, forced(cluster, choice.c_str()).site(0)),
                  collective_time(call, cluster.site(0)))
            << choice;
      }
    }
  }
}

// A chain of the node's GPUs up and down: as many steps as the ring, each byte twice over each link.
TEST(ForcedAlgorithm, TreeOnOneNodeIsNeverFasterThanTheRingOfItsProtocol) {
  for (const char* node : {"dgx_a100", "hgx_a800", "dgx_h100", "v100_pcie_box"}) {
    for (const char* protocol : {"LL", "LL128", "Simple"}) {
      hardware::Cluster ring = forced(hardware::make_cluster(node, "single_node", 1), "ring");
      ring.nccl.protocols = hardware::parse_nccl_protocols(protocol).list;
      hardware::Cluster tree = ring;
      tree.nccl.algorithms = testing::algorithms("tree");
      for (const int ranks : {2, 4, 8}) {
        for (double bytes = 512.0; bytes < 4e9; bytes *= 2.0) {
          EXPECT_GE(seconds(tree, bytes, ranks), seconds(ring, bytes, ranks) * (1 - 1e-12))
              << node << " " << protocol << ", " << ranks << " ranks, " << bytes;
        }
      }
    }
  }
}

TEST(ForcedAlgorithm, FallsBackWhereNcclDoesNotOfferIt) {
  const hardware::Cluster plain = h100_cluster(4);
  const Bytes bytes{64.0 * kMiB};
  const CollectiveCall gather{CollectiveKind::all_gather, bytes, 32, 4},
      exchange{CollectiveKind::all_to_all, bytes, 32, 4};
  const CollectiveCall reduce{CollectiveKind::all_reduce, bytes, 32, 4};
  EXPECT_EQ(collective_time(gather, forced(plain, "tree").site(0)), collective_time(gather, plain.site(0)))
      << "trees only reduce";
  EXPECT_EQ(collective_time(exchange, forced(plain, "ring").site(0)), collective_time(exchange, plain.site(0)));
  EXPECT_EQ(collective_time(reduce, forced(plain, "nvls").site(0)), collective_time(reduce, plain.site(0)))
      << "one node only";
  EXPECT_EQ(collective_time(reduce, forced(plain, "pairwise").site(0)), collective_time(reduce, plain.site(0)));
  EXPECT_EQ(select(gather, forced(plain, "tree").site(0)).row->name, "ring");
  EXPECT_EQ(select(reduce, forced(plain, "tree").site(0)).row->name, "tree");
  EXPECT_TRUE(select(reduce, forced(plain, "").site(0)).same_way(nccl_choice(reduce, plain.site(0))));
}

TEST(ForcedAlgorithm, DoesNotPassOffAnotherAlgorithmsMeasurement) {
  hardware::Cluster cluster = h100_cluster(1);
  cluster.groups[0].gpu.fits = {law_fit("nccl/all_reduce/8", straight(20e-6, 470e9), {"nvls_simple", "ring_ll"}),
                                law_fit("nccl/reduce_scatter/8", straight(15e-6, 350e9), {"ring_simple"})};
  const CollectiveCall call{CollectiveKind::all_reduce, Bytes{256e6}, 8, 1};
  const CollectiveEstimate automatic = explain_collective(call, cluster.site(0));
  ASSERT_EQ(automatic.algorithm, "nvls");
  EXPECT_EQ(automatic.provenance, kernels::Provenance::measured);
  EXPECT_EQ(explain_collective(call, forced(cluster, "nvls").site(0)).provenance, kernels::Provenance::measured);
  // Ring, Simple: 8.4 + 14·3.4 = 56 us, and 256 MB·1.75 over the 350 GB/s that the links were measured to sustain.
  const CollectiveEstimate ring = explain_collective(call, forced(cluster, "ring").site(0));
  EXPECT_EQ(ring.algorithm, "ring");
  EXPECT_EQ(ring.provenance, kernels::Provenance::published);
  EXPECT_TRUE(ring.fit_key.empty());
  EXPECT_NEAR(ring.time.value(), 56e-6 + 1280e-6, 1e-9);
  EXPECT_EQ(ring.time, collective_time(call, forced(cluster, "ring").site(0)));
  EXPECT_NE(ring.terms.front().source.find("cluster.nccl"), std::string::npos);
  // A small message is a ring's in any case: its law holds.
  const CollectiveCall small{CollectiveKind::all_reduce, Bytes{65536.0}, 8, 1};
  EXPECT_EQ(explain_collective(small, forced(cluster, "ring").site(0)).provenance, kernels::Provenance::measured);
}

TEST(ForcedAlgorithm, LeavesAServingEnginesOwnKernelsAlone) {
  hardware::Cluster cluster = h100_cluster(1);
  hardware::Fit fit;
  fit.key = "custom_allreduce/vllm_graph/8";
  fit.source = "a table";
  fit.coefficients = {{"one_shot_s", 5e-6}, {"one_shot_bandwidth", 200e9}, {"limit_bytes", 8 * kMiB}};
  cluster.groups[0].gpu.fits = {fit};
  const CollectiveCall call{CollectiveKind::all_reduce,   Bytes{65536.0}, 8, 1, CollectiveLibrary::custom_graph,
                            kernels::Implementation::vllm};
  EXPECT_EQ(collective_time(call, forced(cluster, "tree").site(0)), collective_time(call, cluster.site(0)));
  CollectiveCall large = call;
  large.bytes = Bytes{64.0 * kMiB};
  EXPECT_EQ(explain_collective(large, forced(cluster, "tree").site(0)).algorithm, "tree")
      << "above their limit NCCL reduces";
}

TEST(ForcedAlgorithm, ATreeOnOneAmpereNodeIsNeverFasterThanTheRing) {
  // A tree inside a node is a chain up and down: NCCL's own constants never have it below the ring there.
  for (const char* node : {"dgx_a100", "hgx_a800", "dgx_a100_40gb"}) {
    const hardware::Cluster plain = hardware::make_cluster(node, "single_node", 1);
    for (const int ranks : {2, 3, 4, 8}) {
      for (double bytes = 512.0; bytes < 2e10; bytes *= 2.0) {
        EXPECT_GE(seconds(forced(plain, "tree"), bytes, ranks), seconds(forced(plain, "ring"), bytes, ranks))
            << node << ' ' << ranks << " at " << bytes;
      }
    }
  }
}

TEST(ForcedAlgorithm, ATreesTimeGrowsWithTheMessageWithinAProtocol) {
  for (const char* node : {"dgx_a100", "dgx_h100", "a100_pcie_box"}) {
    const hardware::Cluster cluster = forced(hardware::make_cluster(node, "single_node", 1), "tree");
    Seconds before;
    std::string_view protocol;
    for (double bytes = 64.0; bytes < 1e10; bytes *= 1.07) {
      const CollectiveEstimate now =
          explain_collective({CollectiveKind::all_reduce, Bytes{bytes}, 8, 1}, cluster.site(0));
      if (now.protocol == protocol) {
        EXPECT_GT(now.time, before) << node << " at " << bytes;
      }
      before = now.time;
      protocol = now.protocol;
    }
  }
}

TEST(ForcedAlgorithm, NothingIsFasterThanTheLinksCarryItsBytes) {
  for (const char* node : {"dgx_h100", "hgx_b200", "gb200_nvl72", "dgx_a100"}) {
    for (const char* algorithm : {"", "ring", "nvls"}) {
      const hardware::Cluster cluster = forced(hardware::make_cluster(node, "single_node", 1), algorithm);
      const hardware::Site site = cluster.site(0);
      for (const CollectiveKind kind : kAllKinds) {
        for (const int ranks : {2, 3, 4, 8, 16, 36, 72}) {
          if (ranks > site.gpus_per_node()) continue;
          const CollectiveCall call{kind, Bytes{16.0 * 1073741824.0}, ranks, 1};
          const Seconds least = select(call, site).row->load(call).node / site.node_bandwidth_per_gpu();
          EXPECT_GE(collective_time(call, site), least)
              << node << ' ' << algorithm << ' ' << name(kind) << ' ' << ranks;
        }
      }
    }
  }
}

}  // namespace
}  // namespace orrery::sim
