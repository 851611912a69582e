// Training steps on a World: one job, several, and what happens to the machine meanwhile.
#include <algorithm>
#include <memory>
#include <numeric>

#include <gtest/gtest.h>

#include "kernels/kernel.hpp"
#include "models/training/parallel.hpp"
#include "models/training/pricing.hpp"
#include "models/training/training_run.hpp"
#include "tests/models/serving_jobs.hpp"
#include "tests/models/world_jobs.hpp"

namespace orrery::models {
namespace {

using testing::gpt_job, testing::spread_job, testing::with_leaves;

TrainingOptions on_world() {
  TrainingOptions options;
  options.steps = 2;  // more than one step is always taken through a World
  return options;
}

TEST(TrainingWorld, AJobThatSharesNothingTakesItsUndisturbedTime) {
  const TrainingJob job = gpt_job(4, 16, 1);  // data parallel: buckets on one lane, nothing beside them
  const testing::RooflineTimer timer;
  TrainingOptions alone;
  alone.shares_links = false;
  const TrainingResult frozen = predict(job, timer, alone);
  const TrainingResult flows = predict(job, timer, on_world());
  EXPECT_EQ(frozen.reading, "frozen");
  EXPECT_EQ(flows.reading, "flows");
  ASSERT_EQ(flows.repeated_steps.size(), 2u);
  EXPECT_EQ(flows.repeated_steps[0].duration, frozen.step_time);
  EXPECT_EQ(flows.step_time, frozen.step_time);
  EXPECT_EQ(flows.compute, frozen.compute);
  EXPECT_EQ(flows.exposed_communication, frozen.exposed_communication);
  EXPECT_EQ(flows.bubble_fraction, frozen.bubble_fraction);
  EXPECT_EQ(flows.fullest().peak, frozen.fullest().peak);
}

TEST(TrainingWorld, LinksSayWhatTheyCarried) {
  const TrainingJob job = spread_job(4);
  const testing::RooflineTimer timer;
  const TrainingResult result = predict(job, timer);
  const auto nic = std::find_if(result.links.begin(), result.links.end(),
                                [](const sim::LinkReport& line) { return line.link_class == "nic"; });
  ASSERT_NE(nic, result.links.end());
  EXPECT_GT(nic->bytes.value(), 0.0);
  EXPECT_GT(nic->peak_load, 0.0);
  EXPECT_LE(nic->peak_load, 1.0 + 1e-9);
  EXPECT_GT(nic->mean_load, 0.0);
  EXPECT_LT(nic->mean_load, nic->peak_load);
}

TEST(TrainingWorld, ASlowGpuStretchesTheStepByItsWorkOnTheCriticalPath) {
  TrainingJob job = gpt_job(4, 16, 1);
  job.cluster = testing::small_cluster(1, 1);
  job.config.global_batch_size = 4;
  const testing::RooflineTimer timer;
  const TrainingResult usual = predict(job, timer);
  TrainingOptions options;
  options.disturbances.push_back({Seconds{0.0}, std::nullopt, 0u, "", 0.8});
  const TrainingResult slow = predict(job, timer, options);
  // One GPU alone: all of its step is work on the critical path.
  EXPECT_NEAR(slow.step_time.value(), usual.step_time.value() / 0.8, 1e-9 * usual.step_time.value());
}

TEST(TrainingWorld, OneSlowGpuFoldedIsOneSlowGpuUnfolded) {
  const testing::RooflineTimer timer;
  for (const std::uint32_t gpu : {0u, 3u, 13u}) {
    TrainingJob job = spread_job(8);
    TrainingOptions options;
    options.disturbances.push_back({Seconds{0.0}, std::nullopt, gpu, "", 0.5});
    const TrainingResult folded_result = predict(job, timer, options);
    options.classes = unfolded(make_mesh(job));
    const TrainingResult unfolded_result = predict(job, timer, options);
    EXPECT_LT(folded_result.plan->ranks.size(), unfolded_result.plan->ranks.size());
    EXPECT_NEAR(folded_result.step_time.value(), unfolded_result.step_time.value(),
                1e-9 * unfolded_result.step_time.value())
        << "GPU " << gpu;
  }
}

TEST(TrainingWorld, ADegradedNicSlowsOnlyWhileItIs) {
  const TrainingJob job = spread_job(4);
  const testing::RooflineTimer timer;
  const Seconds usual = predict(job, timer).step_time;
  TrainingOptions options;
  options.steps = 4;
  options.disturbances.push_back({usual * 1.5, usual * 2.5, std::nullopt, "node1.nic0.out", 0.1});
  const TrainingResult result = predict(job, timer, options);
  ASSERT_EQ(result.repeated_steps.size(), 4u);
  EXPECT_NEAR(result.repeated_steps[0].duration.value(), usual.value(), 1e-6 * usual.value());
  EXPECT_GT(result.repeated_steps[1].duration.value(), usual.value() * 1.0001);
  EXPECT_NEAR(result.repeated_steps[3].duration.value(), usual.value(), 1e-6 * usual.value());
}

// Disturbances of one GPU multiply while they last, and the end of one leaves the other.
TEST(TrainingWorld, TwoEventsOnOneGpuMultiplyAndEndEachForItself) {
  TrainingJob job = gpt_job(4, 16, 1);
  job.cluster = testing::small_cluster(1, 1);
  job.config.global_batch_size = 4;
  const testing::RooflineTimer timer;
  const Seconds usual = predict(job, timer).step_time;
  TrainingOptions options;
  options.steps = 4;
  // One GPU alone takes 1/(0.5·0.4) for the first step, 1/0.5 for the second, and then its usual time.
  options.disturbances = {{Seconds{0.0}, usual * 7.0, 0u, "", 0.5}, {Seconds{0.0}, usual * 5.0, 0u, "", 0.4}};
  const TrainingResult result = predict(job, timer, options);
  ASSERT_EQ(result.repeated_steps.size(), 4u);
  const double expected[] = {5.0, 2.0, 1.0, 1.0};
  for (std::size_t step = 0; step < 4; ++step) {
    EXPECT_NEAR(result.repeated_steps[step].duration.value(), expected[step] * usual.value(), 1e-9 * usual.value())
        << step;
  }
}

TEST(TrainingWorld, AnUplinkTakenFromTheTopologyChangesThePrediction) {
  TrainingJob job = spread_job(8, 2);
  job.cluster = with_leaves(job.cluster, 4, 1.0);  // two nodes of two NICs on a leaf
  const testing::RooflineTimer timer;
  hardware::Topology topology(job.cluster);
  TrainingOptions options;
  options.topology = &topology;
  const TrainingResult whole = predict(job, timer, options);
  // All but one spine of the first leaf.
  int removed = 0;
  for (std::uint32_t id = 0; id < topology.links().size(); ++id) {
    const std::string name = topology.name(LinkId(id));
    const bool uplink = name.rfind("leaf0.", 0) == 0 && name.find(".up") != std::string::npos;
    if (!uplink || name.find("spine0") != std::string::npos) continue;
    topology.remove(LinkId(id));
    ++removed;
  }
  ASSERT_GT(removed, 0);
  const TrainingResult cut = predict(job, timer, options);
  EXPECT_GT(cut.step_time.value(), whole.step_time.value());
  EXPECT_EQ(cut.reading, "flows");
}

/// Two jobs of half the cluster each.
struct Pair {
  TrainingJob first, second;
};

Pair two_jobs(int nodes, int leaf_ports, double oversubscription, int spread) {
  Pair pair{spread_job(nodes), spread_job(nodes)};
  for (TrainingJob* job : {&pair.first, &pair.second}) {
    job->cluster = with_leaves(job->cluster, leaf_ports, oversubscription);
    job->config.data_parallel = nodes / 4;
    job->placement.spread = spread;
  }
  pair.second.placement.first_node = spread > 1 ? 1 : nodes / 2;
  return pair;
}

std::vector<Seconds> run_pair(const Pair& pair, bool fold, const std::vector<Disturbance>& disturbances,
                              bool all_full = false) {
  const testing::RooflineTimer timer;
  const hardware::Topology topology(pair.first.cluster);
  const auto classes = [&](const TrainingJob& job) {
    return fold ? alike_members(job, disturbances, &topology) : unfolded(make_mesh(job));
  };
  TrainingRun first(pair.first, timer, classes(pair.first), nullptr, {});
  TrainingRun second(pair.second, timer, classes(pair.second), nullptr, {});
  sim::LinkClasses links(pair.first.cluster, &topology);
  first.join(links);
  second.join(links);
  links.fold();
  std::vector<std::uint32_t> full(all_full ? links.links().size() : 0);
  std::iota(full.begin(), full.end(), 0u);
  (void)run_world(links, &topology, {{&first, Seconds{0.0}, {}}, {&second, Seconds{1e-3}, {}}}, disturbances, {}, full);
  return {sim::to_seconds(first.steps().front().duration), sim::to_seconds(second.steps().front().duration)};
}

/// What the jobs put on the links of the fabric.
struct OnLinks {
  std::vector<sim::LinkInfo> links;
  std::vector<sim::Loads> loads;
};

OnLinks on_links(const Pair& pair, const hardware::Topology& topology) {
  const testing::RooflineTimer timer;
  sim::LinkClasses links(pair.first.cluster, &topology);
  std::vector<std::unique_ptr<TrainingRun>> runs;
  for (const TrainingJob* job : {&pair.first, &pair.second}) {
    runs.push_back(
        std::make_unique<TrainingRun>(*job, timer, alike_members(*job, {}, &topology), nullptr, sim::RunControl{}));
    runs.back()->join(links);
  }
  links.fold();
  OnLinks out{links.links(), {}};
  for (std::size_t i = 0; i < runs.size(); ++i) {
    out.loads.push_back(
        links.loads(i, sim::price(runs[i]->plan(), training_prices(i == 0 ? pair.first : pair.second, timer))));
  }
  return out;
}

void expect_same(const std::vector<sim::LinkLoadEntry>& a, const std::vector<sim::LinkLoadEntry>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].work, b[i].work);
    EXPECT_EQ(a[i].weight, b[i].weight);
    ASSERT_EQ(a[i].uses.size(), b[i].uses.size());
    for (std::size_t use = 0; use < a[i].uses.size(); ++use) {
      EXPECT_EQ(a[i].uses[use].link, b[i].uses[use].link);
      EXPECT_EQ(a[i].uses[use].share, b[i].uses[use].share);
    }
  }
}

// A cable that is down beside all ways makes LinkClasses ask for every route; without one the leaves are enough.
TEST(TrainingWorld, LeavesTellWhatTheRoutesOfMessagesCross) {
  for (const int pod_leaves : {64, 2}) {
    for (const int spread : {1, 2}) {
      Pair pair = two_jobs(16, 4, 2.0, spread);
      for (TrainingJob* job : {&pair.first, &pair.second}) job->cluster.fabric.pod_leaves = pod_leaves;
      hardware::Topology topology(pair.first.cluster);
      const OnLinks by_leaves = on_links(pair, topology);
      topology.remove(topology.find_link("node0.pcie0.up"));
      const OnLinks by_routes = on_links(pair, topology);
      ASSERT_EQ(by_leaves.links.size(), by_routes.links.size());
      const auto above_leaves = [](const sim::LinkInfo& link) { return link.link_class == "spine"; };
      EXPECT_EQ(std::any_of(by_leaves.links.begin(), by_leaves.links.end(), above_leaves), pod_leaves == 2);
      for (std::size_t i = 0; i < by_leaves.links.size(); ++i) {
        EXPECT_EQ(by_leaves.links[i].representative, by_routes.links[i].representative);
        EXPECT_EQ(by_leaves.links[i].count, by_routes.links[i].count);
        EXPECT_EQ(by_leaves.links[i].capacity, by_routes.links[i].capacity);
      }
      for (std::size_t job = 0; job < 2; ++job) {
        expect_same(by_leaves.loads[job].collectives, by_routes.loads[job].collectives);
        expect_same(by_leaves.loads[job].transfers, by_routes.loads[job].transfers);
      }
    }
  }
}

TEST(TrainingWorld, TakingLinksForSpareChangesNothing) {
  for (const double oversubscription : {1.0, 2.0, 8.0}) {
    for (const int spread : {1, 2}) {
      const Pair pair = two_jobs(8, 4, oversubscription, spread);
      EXPECT_EQ(run_pair(pair, true, {}), run_pair(pair, true, {}, true)) << oversubscription << " " << spread;
      const std::vector<Disturbance> slow{{Seconds{1e-3}, std::nullopt, 3u, "", 0.7},
                                          {Seconds{2e-3}, Seconds{5e-3}, std::nullopt, "node1.nic0.out", 0.25}};
      EXPECT_EQ(run_pair(pair, true, slow), run_pair(pair, true, slow, true)) << oversubscription << " " << spread;
    }
  }
}

TEST(TrainingWorld, NodesThatBeginInTheMiddleOfACommunicatorAreToldApart) {
  TrainingJob job = gpt_job(4, 16, 2);
  job.config.tensor_parallel = 2;
  job.config.pipeline_parallel = 2;
  job.config.data_parallel = 3;  // members i and i + 6: four of six pairs cross the border at 8
  job.config.global_batch_size = 12;
  EXPECT_FALSE(is_aligned(make_mesh(job), 8));
  const testing::RooflineTimer timer;
  TrainingOptions apart;
  apart.classes = unfolded(make_mesh(job));
  EXPECT_EQ(predict(job, timer).step_time, predict(job, timer, apart).step_time);
  job.config.data_parallel = 4;
  EXPECT_TRUE(is_aligned(make_mesh(job), 8));
  EXPECT_TRUE(is_aligned(Mesh({16, 2, 2}), 8));  // a communicator of two whole nodes
  EXPECT_FALSE(is_aligned(Mesh({3, 2, 2}), 8));
}

TEST(TrainingWorld, TwoJobsOnOneOversubscribedFabricSlowEachOtherDown) {
  const Pair apart = two_jobs(8, 4, 8.0, 1), beside = two_jobs(8, 4, 8.0, 2);
  const testing::RooflineTimer timer;
  const std::vector<Seconds> shared = run_pair(beside, true, {});
  const Seconds alone = predict(beside.first, timer).step_time;
  EXPECT_GT(shared[0].value(), alone.value());
  EXPECT_GT(run_pair(apart, true, {})[0].value(), 0.0);
}

TEST(TrainingWorld, AStepThatEndsWithItsJobCounts) {
  const TrainingJob job = gpt_job(4, 16, 1);
  const testing::RooflineTimer timer;
  const sim::SimTime step = sim::to_sim_time(predict(job, timer).step_time);
  const auto steps_until = [&](sim::SimTime end) {
    TrainingRun run(job, timer, alike_members(job, {}, nullptr), nullptr, {});
    run.set_steps(5, false);
    sim::LinkClasses links(job.cluster, nullptr);
    run.join(links);
    links.fold();
    (void)run_world(links, nullptr, {{&run, Seconds{0.0}, sim::to_seconds(end)}}, {}, {});
    return run.steps().size();
  };
  EXPECT_EQ(steps_until(2 * step - 1), 1u);
  EXPECT_EQ(steps_until(2 * step), 2u);
  EXPECT_EQ(steps_until(2 * step + 1), 2u);
}

TEST(TrainingWorld, JobsThatEndTogetherEachHaveTheirLastStep) {
  TrainingJob job = gpt_job(4, 16, 2);
  job.config.data_parallel = 8;  // a node each
  TrainingJob other = job;
  other.placement.first_node = 1;
  const testing::RooflineTimer timer;
  const sim::SimTime end = 2 * sim::to_sim_time(predict(job, timer).step_time);
  TrainingRun first(job, timer, alike_members(job, {}, nullptr), nullptr, {});
  TrainingRun second(other, timer, alike_members(other, {}, nullptr), nullptr, {});
  sim::LinkClasses links(job.cluster, nullptr);
  for (TrainingRun* run : {&first, &second}) {
    run->set_steps(5, false);
    run->join(links);
  }
  links.fold();
  const Seconds until = sim::to_seconds(end);
  (void)run_world(links, nullptr, {{&first, Seconds{0.0}, until}, {&second, Seconds{0.0}, until}}, {}, {});
  EXPECT_EQ(first.steps().size(), 2u);
  EXPECT_EQ(second.steps().size(), 2u);
}

TEST(TrainingWorld, AJobIsNotStoppedByWhatItTells) {
  const TrainingJob job = gpt_job(4, 16, 1);
  const testing::RooflineTimer timer;
  TrainingRun run(job, timer, alike_members(job, {}, nullptr), nullptr, {});
  sim::LinkClasses links(job.cluster, nullptr);
  run.join(links);
  links.fold();
  sim::World world(links.capacities());
  run.begin(world, links, 0, [&] { run.stop(); });
  EXPECT_THROW((void)world.clock().run(), std::logic_error);
  run.stop();
  EXPECT_EQ(run.steps().size(), 1u);
}

TEST(TrainingWorld, RefusesWhatNobodyCanLiveWith) {
  const TrainingJob job = spread_job(4);
  const testing::RooflineTimer timer;
  TrainingOptions options;
  options.disturbances.push_back({Seconds{0.0}, std::nullopt, 1u, "", 0.0});
  EXPECT_THROW((void)predict(job, timer, options), Disturbed);
  options.disturbances = {{Seconds{0.0}, std::nullopt, std::nullopt, "node0.nic1.out", 0.0}};
  try {
    (void)predict(job, timer, options);
    FAIL() << "a NIC that is down stops the job";
  } catch (const Disturbed& error) {
    EXPECT_NE(std::string(error.what()).find("node0.nic1.out"), std::string::npos);
  }
}

}  // namespace
}  // namespace orrery::models
