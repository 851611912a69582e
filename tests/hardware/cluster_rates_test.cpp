// What a GPU gets of its node's cards and links, by hand, and what changing a rate does to measured collectives.
#include <string>

#include <gtest/gtest.h>

#include "hardware/catalogue/catalogue.hpp"
#include "hardware/cluster.hpp"

namespace orrery::hardware {
namespace {

/// Round numbers: 8 GPUs of 300 GB/s NVLink, 4 cards of 50 GB/s, PCIe 30 GB/s (node) and 40 GB/s (board).
Cluster round_cluster() {
  Cluster cluster;
  NodeGroup group;
  group.count = 2;
  group.node.name = "round";
  group.node.gpus = 8;
  group.node.nvswitch = true;
  group.node.nics = 4;
  group.node.nic_bandwidth = 50_GBps;
  group.node.pcie_bandwidth = 30_GBps;
  group.gpu.name = "toy";
  group.gpu.nvlink_bandwidth = 300_GBps;
  group.gpu.pcie_bandwidth = 40_GBps;
  cluster.groups.push_back(group);
  cluster.fabric.name = "plain";
  cluster.fabric.kind = FabricKind::fat_tree;
  cluster.fabric.link_bandwidth = 100_GBps;
  cluster.fabric.leaf_ports = 32;
  cluster.fabric.pod_leaves = 16;
  return cluster;
}

double network(const Cluster& cluster) { return cluster.site(0).network_bandwidth_per_gpu().value() / 1e9; }

TEST(NetworkShare, IsTheCardsOverTheGpusAtMostPcie) {
  Cluster cluster = round_cluster();
  EXPECT_DOUBLE_EQ(network(cluster), 25.0) << "4 x 50 / 8";
  cluster.groups[0].node.nics = 8;
  EXPECT_DOUBLE_EQ(network(cluster), 30.0) << "50 of a card of its own, but the slot gives 30";
  cluster.groups[0].node.pcie_bandwidth = 60_GBps;
  EXPECT_DOUBLE_EQ(network(cluster), 40.0) << "now the board's own side is the slower";
  cluster.groups[0].gpu.pcie_bandwidth = 64_GBps;
  EXPECT_DOUBLE_EQ(network(cluster), 50.0);
  cluster.groups[0].node.nics = 16;
  EXPECT_DOUBLE_EQ(network(cluster), 60.0) << "two cards give more than the slot";
  cluster.groups[0].node.nics = 0;
  EXPECT_DOUBLE_EQ(network(cluster), 0.0);
  cluster.groups[0].node.gpus = 0;
  EXPECT_DOUBLE_EQ(network(cluster), 0.0) << "no division by no GPUs";
}

TEST(NetworkShare, ASlowSwitchPortBindsOnlyWhereThereIsANetwork) {
  Cluster cluster = round_cluster();
  cluster.fabric.link_bandwidth = 12_GBps;
  EXPECT_DOUBLE_EQ(network(cluster), 6.0) << "4 x 12 / 8";
  cluster.groups[0].count = 1;
  EXPECT_DOUBLE_EQ(network(cluster), 25.0) << "one node alone";
  cluster.groups[0].count = 2;
  cluster.fabric.link_bandwidth = BytesPerSecond{};
  EXPECT_DOUBLE_EQ(network(cluster), 25.0) << "no figure of the port is no port of rate 0";
}

TEST(NodeRate, IsNvlinkWhereBoardAndNodeHaveIt) {
  Cluster cluster = round_cluster();
  EXPECT_EQ(cluster.site(0).node_bandwidth_per_gpu(), 300_GBps);
  cluster.groups[0].node.nvswitch = false;
  EXPECT_EQ(cluster.site(0).node_bandwidth_per_gpu(), 30_GBps) << "the slower end of PCIe";
  cluster.groups[0].node.nvswitch = true;
  cluster.groups[0].gpu.nvlink_bandwidth = BytesPerSecond{};
  EXPECT_FALSE(cluster.site(0).has_nvlink());
  EXPECT_EQ(cluster.site(0).node_bandwidth_per_gpu(), 30_GBps);
}

TEST(Leaves, OfAPlainTreeTakeWholeNodesOfARailTreeOneCardEach) {
  Cluster cluster = round_cluster();
  EXPECT_EQ(cluster.site(0).nodes_per_leaf(), 8) << "32 ports, 4 cards a node";
  EXPECT_EQ(cluster.site(0).nodes_per_pod(), 16 * 8);
  cluster.fabric.kind = FabricKind::rail_fat_tree;
  EXPECT_EQ(cluster.site(0).nodes_per_leaf(), 32);
  EXPECT_EQ(cluster.site(0).nodes_per_pod(), 16 / 4 * 32) << "4 leaves a set of rails, 4 sets";
}

TEST(Leaves, AreNeverTooSmallForANode) {
  Cluster cluster = round_cluster();
  cluster.groups[0].node.nics = 64;
  EXPECT_EQ(cluster.site(0).nodes_per_leaf(), 1) << "64 cards below 32 ports";
  cluster.fabric.kind = FabricKind::rail_fat_tree;
  EXPECT_EQ(cluster.site(0).nodes_per_pod(), 32) << "a set of 64 rails in a pod of 16 leaves is still one set";
  cluster.groups[0].node.nics = 0;
  cluster.fabric.kind = FabricKind::fat_tree;
  EXPECT_EQ(cluster.site(0).nodes_per_leaf(), 32) << "no division by no cards";
  cluster.fabric.leaf_ports = 0;
  EXPECT_EQ(cluster.site(0).nodes_per_leaf(), 0);
  cluster.fabric.pod_leaves = 0;
  EXPECT_EQ(cluster.site(0).nodes_per_pod(), 0);
}

TEST(Alike, IsByKindAndByEveryFigureThatAScenarioMayChange) {
  const NodeGroup base = round_cluster().groups[0];
  const auto differs = [&](auto change) {
    NodeGroup other = base;
    change(other);
    return !is_alike(base, other) && !is_alike(other, base);
  };
  NodeGroup more = base;
  more.count = 17;
  EXPECT_TRUE(is_alike(base, more)) << "how many there are is no difference";
  EXPECT_TRUE(differs([](NodeGroup& g) { g.gpu.name = "other"; }));
  EXPECT_TRUE(differs([](NodeGroup& g) { g.gpu.memory = 1_GB; }));
  EXPECT_TRUE(differs([](NodeGroup& g) { g.gpu.memory_bandwidth = 1_GBps; }));
  EXPECT_TRUE(differs([](NodeGroup& g) { g.gpu.nvlink_bandwidth = 1_GBps; }));
  EXPECT_TRUE(differs([](NodeGroup& g) { g.node.name = "other"; }));
  EXPECT_TRUE(differs([](NodeGroup& g) { g.node.gpus = 4; }));
  EXPECT_TRUE(differs([](NodeGroup& g) { g.node.nics = 8; }));
  EXPECT_TRUE(differs([](NodeGroup& g) { g.node.nic_bandwidth = 1_GBps; }));
}

Gpu measured_gpu() {
  Gpu gpu;
  gpu.name = "toy";
  gpu.nvlink_bandwidth = 300_GBps;
  gpu.memory_bandwidth = 2000_GBps;
  gpu.sources["nvlink_bandwidth"] = "a datasheet";
  const auto fit = [](std::string key, std::vector<std::pair<std::string, double>> coefficients) {
    Fit out;
    out.key = std::move(key), out.source = "a table", out.coefficients = std::move(coefficients);
    return out;
  };
  gpu.fits = {fit("gemm/trtllm/bf16", {{"floor_us", 2.0}, {"e_memory", 0.9}}),
              fit("nccl/all_reduce", {{"launch_us", 7.0}, {"bus_bandwidth", 240e9}, {"_bandwidth", 1.0}}),
              fit("custom_allreduce/vllm", {{"one_shot_bandwidth", 90e9}, {"two_shot_bandwidth", 120e9}})};
  return gpu;
}

TEST(NvlinkOverride, ScalesTheRatesOfMeasuredCollectivesAndNoTimes) {
  Gpu gpu = measured_gpu();
  set_nvlink_bandwidth(gpu, 150_GBps);
  EXPECT_EQ(gpu.nvlink_bandwidth, 150_GBps);
  const Fit& nccl = *gpu.find_fit("nccl/all_reduce");
  EXPECT_EQ(nccl.coefficient("bus_bandwidth"), 120e9);
  EXPECT_EQ(nccl.coefficient("launch_us"), 7.0);
  EXPECT_EQ(nccl.coefficient("_bandwidth"), 1.0) << "a suffix alone is no rate";
  EXPECT_EQ(nccl.coefficient("link_scale"), 0.5);
  EXPECT_EQ(gpu.find_fit("custom_allreduce/vllm")->coefficient("two_shot_bandwidth"), 60e9);
  EXPECT_EQ(gpu.find_fit("gemm/trtllm/bf16")->coefficients.size(), 2u) << "no kernel runs over NVLink";
  EXPECT_EQ(gpu.find_fit("gemm/trtllm/bf16")->source, "a table");
  EXPECT_EQ(nccl.source, "a table; bus bandwidth scaled from NVLink of 300 GB/s to 150 GB/s");
  EXPECT_EQ(gpu.sources.at("nvlink_bandwidth"), "changed by the scenario; the profile has 300 GB/s (a datasheet)");
}

TEST(NvlinkOverride, OfTheSameRateChangesNothing) {
  Gpu gpu = measured_gpu();
  set_nvlink_bandwidth(gpu, 300_GBps);
  EXPECT_EQ(gpu.sources.at("nvlink_bandwidth"), "a datasheet");
  EXPECT_FALSE(gpu.find_fit("nccl/all_reduce")->coefficient("link_scale").has_value());
}

TEST(NvlinkOverride, BetweenNoLinkAndALinkNoFitHolds) {
  for (const bool cut : {true, false}) {
    Gpu gpu = measured_gpu();
    if (!cut) gpu.nvlink_bandwidth = BytesPerSecond{};
    set_nvlink_bandwidth(gpu, cut ? BytesPerSecond{} : 300_GBps);
    ASSERT_EQ(gpu.fits.size(), 1u);
    EXPECT_EQ(gpu.fits[0].key, "gemm/trtllm/bf16");
  }
}

TEST(MemoryOverride, SaysWhatWasMeasuredAtAnotherRate) {
  Gpu gpu = measured_gpu();
  set_memory_bandwidth(gpu, 1000_GBps);
  EXPECT_EQ(gpu.memory_bandwidth, 1000_GBps);
  EXPECT_EQ(gpu.find_fit("gemm/trtllm/bf16")->source,
            "a table; measured at 2000 GB/s of memory bandwidth, used at 1000 GB/s");
  EXPECT_EQ(gpu.find_fit("gemm/trtllm/bf16")->coefficient("e_memory"), 0.9) << "an efficiency stays one";
  EXPECT_EQ(gpu.find_fit("nccl/all_reduce")->source, "a table");
  EXPECT_EQ(gpu.sources.at("memory_bandwidth"), "changed by the scenario; the profile has 2000 GB/s")
      << "no source of the profile to repeat";
}

TEST(NvlinkOverride, KeepsTheSharesOfExpertExchanges) {
  Gpu gpu = measured_gpu();
  Fit exchange;
  exchange.key = "expert_exchange/deepep_normal/dispatch", exchange.source = "a table";
  exchange.coefficients = {{"latency_s", 25e-6}, {"node_share", 0.9}};
  gpu.fits.push_back(exchange);
  set_nvlink_bandwidth(gpu, 150_GBps);
  const Fit& scaled = *gpu.find_fit(exchange.key);
  EXPECT_EQ(scaled.coefficient("node_share"), 0.9) << "of whatever link";
  EXPECT_EQ(scaled.coefficient("link_scale"), 0.5) << "but no longer measured";
  set_memory_bandwidth(gpu, 1000_GBps);
  EXPECT_EQ(gpu.find_fit(exchange.key)->source.find("of memory bandwidth"), std::string::npos);
  set_nvlink_bandwidth(gpu, BytesPerSecond{});
  EXPECT_EQ(gpu.find_fit(exchange.key), nullptr);
}

TEST(Collectives, AreToldFromKernelsByTheirKey) {
  const auto collective = [](const char* key) {
    Fit fit;
    fit.key = key;
    return fit.is_collective();
  };
  EXPECT_TRUE(collective("nccl/all_reduce/8"));
  EXPECT_TRUE(collective("custom_allreduce/vllm/8"));
  EXPECT_FALSE(collective("gemm/nccl/bf16"));
  EXPECT_FALSE(collective("nccl"));
  EXPECT_FALSE(collective("ncclx/all_reduce"));
}

}  // namespace
}  // namespace orrery::hardware
