// Folded jobs against unfolded ones: two jobs on random fabrics, links shared, with and without a slow GPU.
#include <algorithm>
#include <cmath>
#include <random>

#include <gtest/gtest.h>

#include "models/training/parallel.hpp"
#include "models/training/training_run.hpp"
#include "tests/models/serving_jobs.hpp"
#include "tests/models/training_jobs.hpp"

namespace orrery::models {
namespace {

using hardware::FabricKind;

/// Two jobs on up to 64 GPUs of nodes with 2 or 4.
class RandomWorld {
 public:
  explicit RandomWorld(std::uint64_t seed) : random_(seed) {
    const int gpus = 2 << below(2), nodes = std::max(4, (64 / gpus) >> below(3));
    cluster = testing::small_cluster(nodes, gpus);
    hardware::Fabric& fabric = cluster.fabric;
    fabric.kind = below(2) == 0 ? FabricKind::fat_tree : FabricKind::rail_fat_tree;
    fabric.leaf_ports = (2 << below(4)) * (fabric.kind == FabricKind::fat_tree ? gpus : 1);
    fabric.pod_leaves = below(3) == 0 ? 4 * gpus : 64;
    fabric.oversubscription = 1 << below(4);
    fabric.core_oversubscription = 1 << below(2);
    const bool interleaved = below(2) == 0;
    for (int i = 0; i < 2; ++i) jobs.push_back(job(i, nodes / 2, interleaved));
    if (below(2) == 0) {
      const auto gpu = static_cast<std::uint32_t>(below(nodes * gpus));
      disturbances.push_back({Seconds{1e-3 * below(5)}, std::nullopt, gpu, "", 0.5 + 0.05 * below(9)});
    }
  }

  hardware::Cluster cluster;
  std::vector<TrainingJob> jobs;
  std::vector<Disturbance> disturbances;

 private:
  int below(int n) { return static_cast<int>(random_() % static_cast<std::uint64_t>(n)); }

  /// On half of the nodes: every second one, or neighbours.
  TrainingJob job(int number, int nodes, bool interleaved) {
    TrainingJob job = testing::gpt_job(4, 16, 2 * nodes);
    job.cluster = cluster;
    const int gpus = nodes * cluster.groups[0].node.gpus;
    TrainingConfig& config = job.config;
    config.tensor_parallel = 1 << below(2);
    config.pipeline_parallel = 1 << below(3);
    while (config.tensor_parallel * config.pipeline_parallel > gpus) config.pipeline_parallel /= 2;
    // All GPUs, or any number of them: nodes then begin in the middle of communicators.
    config.data_parallel = gpus / (config.tensor_parallel * config.pipeline_parallel);
    if (below(3) == 0) config.data_parallel = 1 + below(config.data_parallel);
    config.global_batch_size = config.data_parallel * (2 + 2 * below(2));
    config.zero = below(2) == 0 ? ZeroStage::none : ZeroStage::optimizer;
    std::shuffle(job.placement.order.begin(), job.placement.order.end(), random_);
    job.placement.spread = interleaved ? 2 : 1;
    job.placement.first_node = number == 0 ? 0 : interleaved ? 1 : nodes;
    return job;
  }

  std::mt19937_64 random_;
};

struct Steps {
  double first = 0.0, second = 0.0;  ///< seconds
  std::size_t ranks = 0;
  bool held_up = false;
};

Steps run(const RandomWorld& world, bool fold) {
  const testing::RooflineTimer timer;
  const hardware::Topology topology(world.cluster);
  const auto classes = [&](const TrainingJob& job) {
    return fold ? alike_members(job, world.disturbances, &topology) : unfolded(make_mesh(job));
  };
  TrainingRun first(world.jobs[0], timer, classes(world.jobs[0]), nullptr, {});
  TrainingRun second(world.jobs[1], timer, classes(world.jobs[1]), nullptr, {});
  std::optional<sim::LinkClasses> links;
  (void)run_on_cluster(world.cluster, &topology, {{&first, Seconds{0.0}, {}}, {&second, Seconds{1e-3}, {}}},
                       world.disturbances, {}, links);
  const auto step = [](const TrainingRun& of) { return sim::to_seconds(of.steps().front().duration).value(); };
  return {step(first), step(second), first.plan().ranks.size() + second.plan().ranks.size(),
          !first.held_up().empty() || !second.held_up().empty()};
}

TEST(TrainingFolding, TakesTheTimeOfTheUnfoldedJobsOnAnyFabric) {
  int held_up = 0, folded = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const RandomWorld world(seed);
    ASSERT_TRUE(check(world.jobs[0]).empty());
    const Steps few = run(world, true), all = run(world, false);
    EXPECT_LT(std::abs(few.first / all.first - 1.0), 1e-9) << "seed " << seed;
    EXPECT_LT(std::abs(few.second / all.second - 1.0), 1e-9) << "seed " << seed;
    held_up += all.held_up ? 1 : 0;
    folded += few.ranks < all.ranks ? 1 : 0;
  }
  EXPECT_GT(held_up, 50);
  EXPECT_GT(folded, 50);
}

TEST(TrainingFolding, WhereNothingIsSharedItIsEqual) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    RandomWorld world(seed);
    // A job alone on a fabric that holds nothing up, and no slow GPU.
    world.disturbances.clear();
    world.cluster.fabric.leaf_ports = 0;
    const testing::RooflineTimer timer;
    for (TrainingJob& job : world.jobs) {
      job.cluster = world.cluster;
      TrainingOptions alone, apart;
      alone.shares_links = apart.shares_links = false;
      apart.classes = unfolded(make_mesh(job));
      EXPECT_EQ(predict(job, timer, alone).step_time, predict(job, timer, apart).step_time) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace orrery::models
