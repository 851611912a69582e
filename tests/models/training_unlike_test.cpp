// Training on unlike GPUs: each rank computes as its own GPU does, and what ranks do together waits for the slowest.
#include <gtest/gtest.h>

#include "models/link_ways.hpp"
#include "models/training/parallel.hpp"
#include "models/training/pricing.hpp"
#include "tests/models/serving_jobs.hpp"

namespace orrery::models::testing {
namespace {

using namespace orrery::literals;

/// `fast` nodes of the test GPU, then `slow` ones of half its rates and memory.
hardware::Cluster mixed_cluster(int fast, int slow, int gpus_per_node = 2) {
  hardware::Cluster cluster = small_cluster(fast + slow, gpus_per_node);
  hardware::NodeGroup half = cluster.groups.front();
  cluster.groups.front().count = fast;
  half.count = slow;
  half.gpu = half_gpu(half.gpu);
  half.gpu.memory = 40_GiB;
  half.gpu.nvlink_bandwidth = half.gpu.nvlink_bandwidth * 0.5;
  half.node.nic_bandwidth = half.node.nic_bandwidth * 0.5;
  cluster.groups.push_back(std::move(half));
  return cluster;
}

/// The cluster with all nodes of one of its groups.
hardware::Cluster all_of(hardware::Cluster cluster, std::size_t group) {
  const int nodes = cluster.node_count();
  cluster.groups = {cluster.groups[group]};
  cluster.groups.front().count = nodes;
  return cluster;
}

TrainingJob job_on(hardware::Cluster cluster, int tensor = 1, int pipeline = 1) {
  TrainingJob job = gpt_job(8, 16);
  job.cluster = std::move(cluster);
  job.config.tensor_parallel = tensor;
  job.config.pipeline_parallel = pipeline;
  job.config.global_batch_size = 32;
  return job;
}

TrainingResult run(const TrainingJob& job, const TrainingOptions& options = {}) {
  EXPECT_TRUE(check(job).empty()) << check(job).front().message;
  return predict(job, RooflineTimer(), options);
}

TEST(UnlikeGpus, GroupsThatAreAlikeAreOne) {
  for (const int tensor : {1, 2}) {
    for (const int pipeline : {1, 2}) {
      const TrainingJob whole = job_on(small_cluster(4, 2), tensor, pipeline);
      TrainingJob parted = whole;
      parted.cluster.groups.front().count = 1;
      parted.cluster.groups.push_back(whole.cluster.groups.front());
      parted.cluster.groups.back().count = 3;
      const TrainingResult one = run(whole), two = run(parted);
      EXPECT_EQ(one.step_time, two.step_time) << tensor << " x " << pipeline;
      EXPECT_NEAR(one.mfu, two.mfu, 1e-12);
      EXPECT_EQ(one.fullest().peak, two.fullest().peak);
    }
  }
}

TEST(UnlikeGpus, DataParallelReplicasWaitForTheSlowest) {
  const hardware::Cluster cluster = mixed_cluster(2, 2);
  const TrainingResult mixed = run(job_on(cluster));
  const TrainingResult slow = run(job_on(all_of(cluster, 1)));
  const TrainingResult fast = run(job_on(all_of(cluster, 0)));
  EXPECT_EQ(mixed.step_time, slow.step_time) << "every collective is at the slow ones' pace";
  EXPECT_GT(mixed.step_time, fast.step_time);
  EXPECT_NEAR(mixed.compute.value(), 0.5 * (slow.compute.value() + fast.compute.value()), 1e-9);
  // Of the mean peak: model FLOPs are the same, a half of the GPUs has half the peak.
  EXPECT_NEAR(mixed.mfu, slow.mfu * 0.5 / 0.75, 1e-9);
}

TEST(UnlikeGpus, StagesComputeEachAtItsOwnRate) {
  const hardware::Cluster cluster = mixed_cluster(1, 1);
  const auto step = [&](std::vector<std::int64_t> layers) {
    TrainingJob job = job_on(cluster, 1, 2);
    job.config.stage_layers = std::move(layers);
    return run(job).step_time;
  };
  const Seconds even = step({4, 4}), balanced = step({5, 3}), worse = step({3, 5});
  EXPECT_LT(balanced, even) << "the slow stage has fewer layers";
  EXPECT_GT(worse, even);
}

TEST(UnlikeGpus, FoldedIsUnfolded) {
  for (const int tensor : {1, 2}) {
    for (const int pipeline : {1, 2}) {
      for (const int size : {2, 4}) {
        const TrainingJob job = job_on(mixed_cluster(2, 2, size), tensor, pipeline);
        TrainingOptions apart;
        apart.classes = unfolded(make_mesh(job));
        EXPECT_EQ(run(job).step_time, run(job, apart).step_time) << tensor << " x " << pipeline << " of " << size;
      }
    }
  }
}

TEST(UnlikeGpus, NodesOfUnlikeSizesStandSideBySide) {
  hardware::Cluster cluster = mixed_cluster(1, 2, 4);
  cluster.groups[1].node.gpus = cluster.groups[1].node.nics = 2;  // 4, 2 and 2 GPUs
  const TrainingJob job = job_on(cluster, 2);
  ASSERT_EQ(data_parallel_degree(job), 4);
  TrainingOptions apart;
  apart.classes = unfolded(make_mesh(job));
  EXPECT_EQ(run(job).step_time, run(job, apart).step_time);
  TrainingJob wide = job_on(cluster, 4);
  EXPECT_TRUE(check(wide).empty()) << "a group over the two small nodes";
  EXPECT_GT(run(wide).communication, run(job).communication);
}

TEST(UnlikeGpus, EachStageHasTheMemoryOfItsSmallestGpu) {
  const hardware::Cluster cluster = mixed_cluster(1, 1);
  const TrainingResult result = run(job_on(cluster, 1, 2));
  ASSERT_EQ(result.memory.size(), 2u);
  EXPECT_EQ(result.memory[0].capacity, 79_GiB);
  EXPECT_EQ(result.memory[1].capacity, 39_GiB);
  const TrainingResult across = run(job_on(cluster, 1, 1));
  EXPECT_EQ(across.memory[0].capacity, 39_GiB);
  EXPECT_EQ(result.fullest().stage, 1) << "with the least room, not with the most bytes";
}

TEST(UnlikeGpus, APlacementOnOneKindAsksOnlyThat) {
  const hardware::Cluster cluster = mixed_cluster(2, 2);
  TrainingJob job = job_on(cluster);
  job.config.data_parallel = 4;
  job.placement.first_node = 2;
  EXPECT_EQ(groups_of(job), (std::vector<std::size_t>{1}));
  TrainingJob alone = job_on(all_of(cluster, 1));
  alone.config.data_parallel = 4;
  EXPECT_EQ(run(job).step_time, run(alone).step_time);
  // What the other kind can't compute is no matter then.
  job.cluster.groups[0].gpu.peak = {};
  EXPECT_TRUE(check(job).empty());
  job.placement.first_node = 0;
  job.config.data_parallel = 0;
  ASSERT_FALSE(check(job).empty());
  EXPECT_EQ(check(job).front().message, "bf16 can't be computed by test_gpu");
}

TEST(UnlikeGpus, NodesThatTheJobDoesNotTouchChangeNothing) {
  hardware::Cluster cluster = small_cluster(4, 2);
  TrainingJob job = job_on(cluster, 2);
  job.config.data_parallel = 2;
  job.placement.first_node = 1;
  const TrainingResult alone = run(job);
  hardware::NodeGroup large = cluster.groups.front();
  large.count = 1;
  large.node.gpus = large.node.nics = 6;
  for (const bool before : {false, true}) {
    job.cluster = cluster;
    job.cluster.groups.insert(before ? job.cluster.groups.begin() : job.cluster.groups.end(), large);
    const TrainingResult beside = run(job);
    EXPECT_EQ(beside.step_time, alone.step_time);
    EXPECT_EQ(beside.steps, alone.steps) << "folded as much";
  }
}

TEST(UnlikeGpus, ASlowGpuAmongThemIsToldApartAsWell) {
  const TrainingJob job = job_on(mixed_cluster(2, 2));
  TrainingOptions options;
  options.disturbances = {{Seconds{0.0}, std::nullopt, 5u, "", 0.5}};
  const TrainingResult folded_step = run(job, options);
  options.classes = unfolded(make_mesh(job));
  EXPECT_EQ(folded_step.step_time, run(job, options).step_time);
  EXPECT_GT(folded_step.step_time, run(job).step_time);
}

TEST(UnlikeGpus, WhatACableServesIsItsOwnNodesMatter) {
  // Over PCIe a GPU of the node without a switch reaches its neighbours; one of the other does not.
  hardware::Cluster cluster = mixed_cluster(1, 1);
  cluster.groups[1].node.nvswitch = false;
  cluster.fabric.leaf_ports = 4;
  cluster.fabric.pod_leaves = 16;
  const hardware::Topology topology(cluster);
  const auto ports = [&](const char* link) { return served_by(topology, topology.find_link(link)).ports; };
  EXPECT_EQ(ports("node0.gpu0.pcie_out"), (std::vector<std::size_t>{kNetworkOut}));
  EXPECT_EQ(ports("node1.gpu0.pcie_out"), (std::vector<std::size_t>{kNodeOut, kNetworkOut}));
  EXPECT_EQ(ports("node1.gpu0.pcie_in"), (std::vector<std::size_t>{kNodeOut + 1, kNetworkOut + 1}));
}

TEST(UnlikeGpus, SharedLinksFoldAsWell) {
  hardware::Cluster cluster = mixed_cluster(2, 2);
  cluster.fabric.leaf_ports = 2;
  cluster.fabric.pod_leaves = 16;
  cluster.fabric.oversubscription = 4.0;
  const TrainingJob job = job_on(cluster);
  TrainingOptions apart;
  apart.classes = unfolded(make_mesh(job));
  const TrainingResult one = run(job), two = run(job, apart);
  EXPECT_EQ(one.reading, "flows");
  EXPECT_NEAR(one.step_time / two.step_time, 1.0, 1e-9);
  EXPECT_GT(one.step_time, run(job_on(mixed_cluster(2, 2))).step_time);
}

}  // namespace
}  // namespace orrery::models::testing
