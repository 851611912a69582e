// Engines on a World: links that others load too, GPUs that slow down, and what must not change without either.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/serving/engine_mesh.hpp"
#include "models/serving/serving_run.hpp"
#include "models/training/parallel.hpp"
#include "models/training/training_run.hpp"
#include "tests/models/serving_jobs.hpp"

namespace orrery::models::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

/// Two nodes of two GPUs behind each leaf.
hardware::Cluster leaf_cluster(int nodes, double oversubscription = 1.0) {
  hardware::Cluster cluster = small_cluster(nodes, 2);
  cluster.fabric.leaf_ports = 4;
  cluster.fabric.pod_leaves = 64;
  cluster.fabric.oversubscription = oversubscription;
  return cluster;
}

/// A host and launches that take no time, and steps one after another: an iteration is all GPU time.
ServingJob bare_job(hardware::Cluster cluster, int tensor, int pipeline = 1, int replicas = 1) {
  ServingJob job = small_job();
  job.cluster = std::move(cluster);
  job.config.tensor_parallel = tensor;
  job.config.pipeline_parallel = pipeline;
  job.config.replicas = replicas;
  job.config.async_scheduling = false;
  job.cluster.groups[0].gpu.kernel_launch = Seconds{0.0};
  job.config.step_overhead = job.config.request_overhead = Seconds{0.0};
  return job;
}

struct OnWorld {
  ServingResult result;
  std::vector<sim::HeldUpOn> held_up;
  WorldOutcome outcome;
};

/// The job on a World of its own; `others` run beside it.
OnWorld run_on_world(const ServingJob& job, const std::vector<Request>& requests,
                     const std::vector<Disturbance>& disturbances = {}, std::vector<TrainingRun*> others = {}) {
  const RooflineTimer timer;
  const hardware::Topology topology(job.cluster);
  ServingOptions options;
  options.keep_records = options.keep_timeline = true;
  options.workload = [&requests] { return std::make_shared<ListWorkload>(requests); };
  ServingRun run(job, timer, options);
  run.surround(disturbances, &topology);
  sim::LinkClasses links(job.cluster, &topology);
  run.join(links);
  std::vector<WorldSlot> slots = {{&run, Seconds{0.0}, {}}};
  for (TrainingRun* other : others) {
    other->join(links);
    slots.push_back({other, Seconds{0.0}, {}});
  }
  links.fold();
  OnWorld out;
  out.outcome = run_world(links, &topology, slots, disturbances, {});
  out.held_up = run.held_up();
  out.result = std::move(run).result();
  return out;
}

std::vector<Request> some_requests() {
  std::vector<Request> requests;
  for (std::int64_t i = 0; i < 24; ++i) {
    requests.push_back(request(5 + 17 * i % 90, 1 + 7 * i % 23, static_cast<sim::SimTime>(i / 4) * 700'000'000));
  }
  return requests;
}

void expect_same_times(const ServingResult& a, const ServingResult& b) {
  ASSERT_EQ(a.records.size(), b.records.size());
  for (std::size_t i = 0; i < a.records.size(); ++i) {
    EXPECT_EQ(a.records[i].replica, b.records[i].replica);
    EXPECT_EQ(a.records[i].scheduled, b.records[i].scheduled) << "request " << i;
    EXPECT_EQ(a.records[i].first_token, b.records[i].first_token) << "request " << i;
    EXPECT_EQ(a.records[i].last_token, b.records[i].last_token) << "request " << i;
  }
  EXPECT_EQ(a.itl.p99, b.itl.p99);
  EXPECT_EQ(a.kv_usage_peak, b.kv_usage_peak);
  EXPECT_EQ(a.steps, b.steps);
}

ServingResult serve_list(const ServingJob& job, const std::vector<Request>& requests, bool coalesce = true) {
  return serve(job, coalesce, std::make_shared<ListWorkload>(requests));
}

TEST(ServingWorld, TakesTheSamePicosecondsWhereNoLinkFills) {
  struct Shape {
    int tensor, pipeline, replicas;
  };
  for (const auto& [tensor, pipeline, replicas] : {Shape{4, 1, 1}, Shape{2, 2, 1}, Shape{2, 2, 2}, Shape{4, 1, 2}}) {
    for (const bool async : {false, true}) {
      ServingJob job = small_job();
      job.cluster = leaf_cluster(4);
      job.config.tensor_parallel = tensor;
      job.config.pipeline_parallel = pipeline;
      job.config.replicas = replicas;
      job.config.async_scheduling = async;
      const ServingResult on_links = serve_list(job, some_requests());
      EXPECT_FALSE(on_links.links.empty());
      job.cluster.fabric.leaf_ports = 0;  // nobody describes the leaves: its links are its own
      const ServingResult alone = serve_list(job, some_requests());
      EXPECT_TRUE(alone.links.empty());
      expect_same_times(on_links, alone);
      // Every iteration at every stage, too.
      const ServingResult steps = serve_list(job, some_requests(), false);
      ASSERT_EQ(on_links.timeline.size(), steps.timeline.size());
      for (std::size_t i = 0; i < steps.timeline.size(); ++i) {
        EXPECT_EQ(on_links.timeline[i].start, steps.timeline[i].start);
        EXPECT_EQ(on_links.timeline[i].end, steps.timeline[i].end);
        EXPECT_EQ(on_links.timeline[i].stage, steps.timeline[i].stage);
        EXPECT_EQ(on_links.timeline[i].used_blocks, steps.timeline[i].used_blocks);
      }
    }
  }
}

TEST(ServingWorld, KeepsOffTheLinksInsideANode) {
  const ServingJob job = bare_job(leaf_cluster(2), 2, 1, 2);
  const OnWorld world = run_on_world(job, some_requests());
  EXPECT_TRUE(world.outcome.links.empty());
  expect_same_times(world.result, serve_list(job, some_requests()));
}

TEST(ServingWorld, ASlowGpuSlowsItsReplicaAlone) {
  const ServingJob job = bare_job(leaf_cluster(1), 1, 1, 2);
  const std::vector<Request> requests = {request(50, 9), request(50, 9)};  // one for each
  const OnWorld usual = run_on_world(job, requests);
  const OnWorld slow = run_on_world(job, requests, {{Seconds{0.0}, {}, 1u, "", 0.5}});
  ASSERT_THAT(slow.result.records, SizeIs(2));
  EXPECT_EQ(slow.result.records[0].last_token, usual.result.records[0].last_token);
  EXPECT_EQ(slow.result.records[1].replica, 1u);
  // One GPU, no collectives, no host: all is kernels, and they take twice as long.
  EXPECT_EQ(slow.result.records[1].first_token, 2 * usual.result.records[1].first_token);
  EXPECT_EQ(slow.result.records[1].last_token, 2 * usual.result.records[1].last_token);
}

TEST(ServingWorld, AGroupGoesAtTheSpeedOfItsSlowestGpu) {
  const ServingJob job = bare_job(leaf_cluster(1), 2);
  const auto last_token = [&](const std::vector<Disturbance>& disturbances) {
    return run_on_world(job, {request(50, 9)}, disturbances).result.records.at(0).last_token;
  };
  const sim::SimTime first = last_token({{Seconds{0.0}, {}, 0u, "", 0.5}});
  EXPECT_GT(first, last_token({}));
  EXPECT_EQ(first, last_token({{Seconds{0.0}, {}, 1u, "", 0.5}}));
  EXPECT_EQ(first, last_token({{Seconds{0.0}, {}, 0u, "", 0.5}, {Seconds{0.0}, {}, 1u, "", 0.75}}));
  // The collectives between its GPUs take no longer for it.
  EXPECT_LT(first, 2 * last_token({}));
}

TEST(ServingWorld, ASlowGpuOfAStageSlowsThatStage) {
  const ServingJob job = bare_job(leaf_cluster(1), 1, 2);
  const std::vector<Request> requests = {request(50, 9), request(30, 4)};
  const OnWorld usual = run_on_world(job, requests), slow = run_on_world(job, requests, {{{}, {}, 1u, "", 0.5}});
  // Steps are the same; the second stage has no message behind it and takes twice as long.
  ASSERT_EQ(slow.result.timeline.size(), usual.result.timeline.size());
  std::map<std::uint32_t, std::vector<sim::SimTime>> before, after;
  for (const StepRecord& step : usual.result.timeline) before[step.stage].push_back(step.end - step.start);
  for (const StepRecord& step : slow.result.timeline) after[step.stage].push_back(step.end - step.start);
  EXPECT_EQ(after[0], before[0]);
  for (sim::SimTime& duration : before[1]) duration *= 2;
  EXPECT_EQ(after[1], before[1]);
}

TEST(ServingWorld, StretchesWhatIsLeftOfAnIteration) {
  const ServingJob job = bare_job(leaf_cluster(1), 1);
  const std::vector<Request> requests = {request(200, 1)};  // one iteration
  const sim::SimTime usual = run_on_world(job, requests).result.records.at(0).last_token;
  const Seconds half = sim::to_seconds(usual / 2), whole = sim::to_seconds(usual);
  // Half of the work at full speed, the other half at half of it.
  const OnWorld late = run_on_world(job, requests, {{half, {}, 0u, "", 0.5}});
  EXPECT_NEAR(static_cast<double>(late.result.records.at(0).last_token), 1.5 * static_cast<double>(usual), 2.0);
  // The same until its usual end, when a quarter is left that goes at full speed.
  const OnWorld again = run_on_world(job, requests, {{half, whole, 0u, "", 0.5}});
  EXPECT_NEAR(static_cast<double>(again.result.records.at(0).last_token), 1.25 * static_cast<double>(usual), 2.0);
}

TEST(ServingWorld, ALinkAtHalfItsRateHoldsTheWireTimeUpOnceMore) {
  // Two nodes of one GPU: every collective is a ring of two over the NICs.
  hardware::Cluster cluster = small_cluster(2, 1);
  cluster.fabric.leaf_ports = 4;
  cluster.fabric.pod_leaves = 64;
  const ServingJob job = bare_job(cluster, 2);
  const std::vector<Request> requests = {request(64, 1)};  // one iteration of 64 tokens that emits one
  const OnWorld usual = run_on_world(job, requests);
  const OnWorld slow = run_on_world(job, requests, {{Seconds{0.0}, {}, {}, "node1.nic0.out", 0.5}});
  // A rank sends 2·(n − 1)/n of an all_reduce and (n − 1)/n of an all_gather: 64·512 values in bf16 behind the
  // embedding and twice in each of 4 layers, and 32,000 logits.
  const double sent = 9.0 * 64.0 * 512.0 * 2.0 + 32'000.0 * 2.0 / 2.0;
  const auto nic = [](const sim::LinkInfo& link) { return link.link_class == "nic"; };
  const auto found = std::find_if(usual.outcome.links.begin(), usual.outcome.links.end(), nic);
  ASSERT_NE(found, usual.outcome.links.end());
  const auto number = static_cast<std::size_t>(found - usual.outcome.links.begin());
  EXPECT_NEAR(usual.outcome.usage[number].bytes.value(), sent, 1e-6 * sent);
  const double wire = sent / found->capacity.value();
  const double delay = sim::to_seconds(slow.result.records[0].last_token - usual.result.records[0].last_token).value();
  EXPECT_NEAR(delay, wire, 2e-11 + 1e-6 * wire);  // each message rounded to the picosecond
  ASSERT_THAT(slow.held_up, SizeIs(1));
  EXPECT_EQ(slow.held_up[0].operation.operation, "iterations (replica 0)");
  EXPECT_NEAR(slow.held_up[0].operation.delay.value(), delay, 1e-11);
  EXPECT_TRUE(usual.held_up.empty());
}

TEST(ServingWorld, AGroupGoesAtTheRateOfItsSlowestLink) {
  const ServingJob job = bare_job(leaf_cluster(2), 4);
  const Disturbance half{Seconds{0.0}, {}, {}, "node0.nic0.out", 0.5},
      most{Seconds{0.0}, {}, {}, "node1.nic1.out", 0.8};
  const auto last_token = [&](const std::vector<Disturbance>& disturbances) {
    return run_on_world(job, {request(64, 4)}, disturbances).result.records.at(0).last_token;
  };
  const sim::SimTime slow = last_token({half});
  EXPECT_GT(slow, last_token({most}));
  EXPECT_GT(last_token({most}), last_token({}));
  EXPECT_EQ(last_token({half, most}), slow);
  EXPECT_EQ(last_token({most, half}), slow);
}

/// Data parallel training over the second node of each leaf.
TrainingJob training_beside(const hardware::Cluster& cluster) {
  TrainingJob job = gpt_job(4, 16, 2);
  job.cluster = cluster;
  job.config.data_parallel = 4;
  job.config.global_batch_size = 16;
  job.placement.first_node = 1;
  job.placement.spread = 2;
  return job;
}

TEST(ServingWorld, TensorParallelismAcrossNodesAndTrainingOnOneLeafSlowEachOther) {
  const hardware::Cluster cluster = leaf_cluster(4, 8.0);
  ServingJob job = bare_job(cluster, 4);
  job.placement.spread = 2;
  std::vector<Request> requests;
  for (std::int64_t i = 0; i < 12; ++i) requests.push_back(request(200, 800));
  const TrainingJob learn = training_beside(cluster);
  const RooflineTimer timer;
  const MeshClasses classes = folded(make_mesh(learn));
  TrainingRun beside(learn, timer, classes, nullptr, {});
  const OnWorld alone = run_on_world(job, requests);
  const OnWorld shared = run_on_world(job, requests, {}, {&beside});
  EXPECT_GT(shared.result.records[0].last_token, alone.result.records[0].last_token);
  for (const sim::HeldUpOn& one : shared.held_up) EXPECT_THAT(one.operation.operation, HasSubstr("iterations"));
  EXPECT_FALSE(shared.held_up.empty());
  EXPECT_GT(sim::to_seconds(beside.steps().front().duration), predict(learn, timer).step_time);
  // On nodes of its own leaves neither would meet the other.
  job.placement.spread = 1;
  TrainingJob apart = learn;
  apart.placement.first_node = 2;
  apart.placement.spread = 1;
  TrainingRun far(apart, timer, classes, nullptr, {});
  const OnWorld other_leaf = run_on_world(job, requests, {}, {&far});
  expect_same_times(other_leaf.result, run_on_world(job, requests).result);
}

TEST(ServingWorld, RunsNoFurtherAheadThanTheEndOfItsJob) {
  // An answer of 900 tokens, cut off when a hundredth of it is there.
  const ServingJob job = bare_job(leaf_cluster(1), 1);
  const RooflineTimer timer;
  const std::vector<Request> requests = {request(20, 900)};
  const Seconds whole = sim::to_seconds(serve(job, requests).records.at(0).last_token);
  for (const bool coalesce : {true, false}) {
    ServingOptions options;
    options.coalesce = coalesce;
    options.workload = [&requests] { return std::make_shared<ListWorkload>(requests); };
    ServingRun run(job, timer, options);
    sim::LinkClasses links(job.cluster, nullptr);
    links.fold();
    (void)run_world(links, nullptr, {{&run, Seconds{0.0}, whole * 0.01}}, {}, {});
    const ServingResult cut = std::move(run).result();
    EXPECT_EQ(cut.requests, 0u);
    EXPECT_LT(cut.steps, 20u);
  }
}

TEST(ServingWorld, AJobIsNotStoppedByWhatItTells) {
  const ServingJob job = bare_job(leaf_cluster(1), 1);
  const RooflineTimer timer;
  const std::vector<Request> requests = {request(20, 9)};
  ServingOptions options;
  options.workload = [&requests] { return std::make_shared<ListWorkload>(requests); };
  ServingRun run(job, timer, options);
  sim::LinkClasses links(job.cluster, nullptr);
  links.fold();
  sim::World world(links.capacities());
  run.begin(world, links, 0, [&] { run.stop(); });
  EXPECT_THROW((void)world.clock().run(), std::logic_error);
  run.stop();
  EXPECT_EQ(std::move(run).result().requests, 1u);
}

TEST(ServingPlacement, CountsTensorRanksThenStagesThenReplicas) {
  ServingJob job = bare_job(small_cluster(8, 4), 2, 2, 2);
  EXPECT_THAT(replica_gpus(job, 1), ElementsAre(4, 5, 6, 7));
  job.placement.first_node = 1;
  job.placement.spread = 3;
  EXPECT_THAT(replica_gpus(job, 0), ElementsAre(4, 5, 6, 7));
  EXPECT_THAT(replica_gpus(job, 1), ElementsAre(16, 17, 18, 19));
  EXPECT_FALSE(leaves_node(job, 0));
  job.placement.order = {MeshAxis::data, MeshAxis::pipeline, MeshAxis::tensor};
  EXPECT_THAT(replica_gpus(job, 0), ElementsAre(4, 16, 6, 18));  // by stage; its tensor ranks on two nodes
  EXPECT_TRUE(leaves_node(job, 0));
  EXPECT_EQ(replica_gpus(job, 1), (std::vector<std::uint32_t>{5, 17, 7, 19}));
}

TEST(ServingPlacement, TensorParallelismAcrossNodesCostsTime) {
  ServingJob job = bare_job(small_cluster(2, 2), 2, 1, 2);
  const ServingResult inside = serve(job);
  job.placement.order = {MeshAxis::data, MeshAxis::tensor, MeshAxis::pipeline};
  EXPECT_TRUE(leaves_node(job, 0));
  EXPECT_GT(serve(job).tpot.mean, inside.tpot.mean);
}

}  // namespace
}  // namespace orrery::models::testing
