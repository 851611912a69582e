// Replicas that stand unlike each other: on other GPUs, or over other borders of nodes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/serving/engine_mesh.hpp"
#include "models/serving/kv_pool.hpp"
#include "tests/models/serving_jobs.hpp"

namespace orrery::models::testing {
namespace {

using ::testing::HasSubstr;

/// A node of two test GPUs and one of two with half the memory, bandwidth and rates.
hardware::Cluster mixed_cluster() {
  hardware::Cluster cluster = small_cluster(2, 2);
  hardware::NodeGroup half = cluster.groups.front();
  half.gpu = half_gpu(half.gpu);
  half.gpu.memory = half.gpu.memory * 0.5;
  cluster.groups.front().count = half.count = 1;
  cluster.groups.push_back(std::move(half));
  return cluster;
}

ServingJob job_on(hardware::Cluster cluster, int tensor, int replicas) {
  ServingJob job = small_job(16);
  job.cluster = std::move(cluster);
  job.config.tensor_parallel = tensor;
  job.config.replicas = replicas;
  job.config.num_gpu_blocks = 0;
  return job;
}

/// Mean time of an iteration of a replica.
double mean_step(const ServingResult& result, std::uint32_t replica) {
  double sum = 0.0, count = 0.0;
  for (const StepRecord& step : result.timeline) {
    if (step.replica != replica) continue;
    sum += static_cast<double>(step.end - step.start);
    count += static_cast<double>(step.repeats);
  }
  return sum / count;
}

TEST(UnlikeReplicas, EachServesAsItsOwnGpuDoes) {
  const hardware::Cluster cluster = mixed_cluster();
  const ServingResult mixed = serve(job_on(cluster, 2, 2));
  const auto alone_on = [&](std::size_t group) {
    hardware::Cluster one = cluster;
    one.groups = {cluster.groups[group]};
    one.groups.front().count = 2;
    return serve(job_on(one, 2, 2));
  };
  const ServingResult fast = alone_on(0), slow = alone_on(1);
  ASSERT_EQ(mixed.requests, 16u);
  EXPECT_EQ(mean_step(mixed, 0), mean_step(fast, 0));
  EXPECT_EQ(mean_step(mixed, 1), mean_step(slow, 1));
  EXPECT_LT(mean_step(mixed, 0), mean_step(mixed, 1));
  EXPECT_EQ(mixed.pool.blocks, slow.pool.blocks) << "the smaller cache is what is reported";
  EXPECT_LT(mixed.pool.blocks, fast.pool.blocks);
}

TEST(UnlikeReplicas, DoNotStartWhereOneDoesNot) {
  ServingJob job = job_on(mixed_cluster(), 2, 2);
  job.cluster.groups[1].gpu.memory = job.cluster.groups[1].gpu.reserved_memory * 1.01;
  const ServingResult result = serve(job);
  EXPECT_FALSE(result.started);
  EXPECT_THAT(result.refusal, HasSubstr("no memory for the KV cache"));
  EXPECT_THAT(result.refusal, HasSubstr("on half_gpu: "));
  EXPECT_EQ(result.pool.capacity, job.cluster.groups[1].gpu.memory) << "of the replica that does not start";
  job.config.replicas = 1;
  EXPECT_TRUE(serve(job).started) << "the first stands on the other GPUs";
}

TEST(UnlikeReplicas, GroupsThatAreAlikeAreOne) {
  ServingJob whole = job_on(small_cluster(2, 2), 1, 4), parted = whole;
  parted.cluster.groups.front().count = 1;
  parted.cluster.groups.push_back(parted.cluster.groups.front());
  const ServingResult one = serve(whole), two = serve(parted);
  ASSERT_EQ(one.records.size(), two.records.size());
  for (std::size_t i = 0; i < one.records.size(); ++i) EXPECT_EQ(one.records[i].last_token, two.records[i].last_token);
  EXPECT_EQ(one.kv_usage_mean, two.kv_usage_mean);
  parted.config.tensor_parallel = 4;
  parted.config.replicas = 1;
  EXPECT_TRUE(check(parted).empty()) << "over two groups of one kind";
}

TEST(UnlikeReplicas, AnEngineOverUnlikeGpusIsRefused) {
  const ServingJob job = job_on(mixed_cluster(), 4, 1);
  const std::vector<JobError> errors = check(job);
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_EQ(errors[0].key, "serving.tensor_parallel");
  EXPECT_THAT(errors[0].message,
              HasSubstr("replica 0 would run on unlike GPUs, test_gpu in test_node and half_gpu in test_node"));
}

TEST(UnlikeReplicas, AnEngineOverUnlikeNodesIsRefused) {
  ServingJob job = job_on(small_cluster(2, 2), 4, 1);
  job.cluster.groups.front().count = 1;
  job.cluster.groups.push_back(job.cluster.groups.front());
  EXPECT_TRUE(check(job).empty());
  job.cluster.groups[1].node.nic_bandwidth = job.cluster.groups[1].node.nic_bandwidth * 0.1;
  ASSERT_FALSE(check(job).empty());
  EXPECT_THAT(check(job).front().message, HasSubstr("unlike nodes"));
}

TEST(UnlikeReplicas, ArePricedWhereEachStands) {
  // Nodes of three GPUs, engines of two: the second of them has a GPU on each of two nodes.
  ServingJob job = job_on(small_cluster(2, 3), 2, 3);
  job.config.load.requests = 15;  // five each
  EXPECT_FALSE(leaves_node(job, 0));
  EXPECT_TRUE(leaves_node(job, 1));
  EXPECT_FALSE(leaves_node(job, 2));
  const ServingResult result = serve(job);
  EXPECT_EQ(mean_step(result, 0), mean_step(result, 2));
  EXPECT_GT(mean_step(result, 1), mean_step(result, 0)) << "its collectives pass the network";
}

TEST(UnlikeReplicas, StagesKnowTheirOwnBorders) {
  // Nodes of three: stage 0 of the replica in one node, stage 1 over two.
  ServingJob job = job_on(small_cluster(2, 3), 2, 1);
  job.config.pipeline_parallel = 2;
  const ReplicaStand stand = stand_of(job, 0);
  EXPECT_EQ(stand.group_nodes, (std::vector<int>{1, 2}));
  EXPECT_EQ(stand.next_on_same_node, (std::vector<std::uint8_t>{1}));
  EXPECT_TRUE(leaves_node(job, 0));
}

}  // namespace
}  // namespace orrery::models::testing
