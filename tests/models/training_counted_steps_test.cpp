// Steps that can only be what the ones before them were are counted, not run: with the figures of those that are run.
#include <algorithm>
#include <numeric>

#include <gtest/gtest.h>

#include "kernels/kernel.hpp"
#include "models/training/training_run.hpp"
#include "tests/models/serving_jobs.hpp"
#include "tests/models/world_jobs.hpp"

namespace orrery::models {
namespace {

using testing::gpt_job;
using testing::spread_job;
using testing::with_leaves;

struct Played {
  std::vector<TrainingRun::Steps> steps;
  WorldOutcome outcome;
  double held_up_s = 0.0;

  [[nodiscard]] std::int64_t count() const {
    return std::accumulate(steps.begin(), steps.end(), std::int64_t{0},
                           [](std::int64_t sum, const TrainingRun::Steps& some) { return sum + some.count; });
  }
  [[nodiscard]] double bytes() const {
    return std::accumulate(outcome.usage.begin(), outcome.usage.end(), 0.0,
                           [](double sum, const sim::LinkUsage& link) { return sum + link.bytes.value(); });
  }
  /// One step an entry.
  [[nodiscard]] std::vector<sim::SimTime> each() const {
    std::vector<sim::SimTime> list;
    for (const TrainingRun::Steps& some : steps)
      list.insert(list.end(), static_cast<std::size_t>(some.count), some.duration);
    return list;
  }
};

/// The job alone on its cluster.
Played play(const TrainingJob& job, std::int64_t steps, const std::vector<Disturbance>& disturbances = {}) {
  const testing::RooflineTimer timer;
  std::optional<hardware::Topology> fabric;
  const hardware::Topology* topology = job.cluster.fabric.leaf_ports > 0 ? &fabric.emplace(job.cluster) : nullptr;
  TrainingRun run(job, timer, alike_members(job, disturbances, topology), nullptr, {});
  run.set_steps(steps, false);
  std::optional<sim::LinkClasses> links;
  Played played;
  played.outcome = run_on_cluster(job.cluster, topology, {{&run, Seconds{0.0}, std::nullopt}}, disturbances, {}, links);
  played.steps = run.steps();
  for (const sim::HeldUpOn& one : run.held_up()) played.held_up_s += one.operation.delay.value();
  return played;
}

/// Its buckets of gradients contend with its messages on an oversubscribed fabric.
TrainingJob contended_job() {
  TrainingJob job = spread_job(8);
  job.cluster = with_leaves(job.cluster, 4, 16.0);
  return job;
}

TEST(CountedSteps, AMillionTakeThreeOfThem) {
  const Played played = play(spread_job(4), 1'000'000);
  ASSERT_EQ(played.steps.size(), 3u);
  EXPECT_EQ(played.steps[0].count, 1);
  EXPECT_EQ(played.steps[1].count, 999'998);
  EXPECT_EQ(played.steps[2].count, 1);
  EXPECT_EQ(played.steps[2].start, played.steps[1].start + 999'998 * played.steps[1].duration);
  EXPECT_EQ(played.outcome.end, 1'000'000 * played.steps[0].duration);
}

// Two steps are run one by one: nothing is counted.
TEST(CountedSteps, PutOnLinksAndAreHeldUpAsIfTheyWereRun) {
  for (const TrainingJob& job : {spread_job(4), contended_job()}) {
    const Played two = play(job, 2), many = play(job, 50);
    ASSERT_EQ(two.steps.size(), 2u);
    EXPECT_EQ(many.count(), 50);
    EXPECT_EQ(many.steps.size(), 3u);
    EXPECT_NEAR(many.bytes(), 25.0 * two.bytes(), 1e-9 * many.bytes());
    EXPECT_NEAR(many.held_up_s, 25.0 * two.held_up_s, 1e-9 * many.held_up_s);
    ASSERT_EQ(many.outcome.usage.size(), two.outcome.usage.size());
    for (std::size_t link = 0; link < two.outcome.usage.size(); ++link) {
      EXPECT_NEAR(many.outcome.usage[link].mean_load, two.outcome.usage[link].mean_load, 1e-9);
      EXPECT_EQ(many.outcome.usage[link].peak_load, two.outcome.usage[link].peak_load);
    }
  }
  EXPECT_GT(play(contended_job(), 2).held_up_s, 0.0);
}

// Up to an event, between two, and after the last: the same steps as where each event keeps them from being counted.
TEST(CountedSteps, StopAtWhatHappens) {
  const TrainingJob job = spread_job(4);
  const sim::SimTime usual = play(job, 1).steps.front().duration;
  const auto at = [&](double steps) { return sim::to_seconds(usual) * steps; };
  std::vector<Disturbance> events = {{at(10.5), at(12.25), std::nullopt, "node1.nic0.out", 0.1},
                                     {at(40.0), at(45.5), 3u, "", 0.5}};
  const Played counted = play(job, 60, events);
  EXPECT_LT(counted.steps.size(), 25u);
  // An event that changes nothing stands in every step, so that none is counted.
  for (double when = 0.5; when < 90.0; when += 0.4) events.push_back({at(when), at(when + 0.1), 0u, "", 1.0});
  const Played run = play(job, 60, events);
  EXPECT_EQ(run.steps.size(), 60u);
  EXPECT_EQ(counted.each(), run.each());
  EXPECT_NEAR(counted.bytes(), run.bytes(), 1e-9 * run.bytes());
}

TEST(CountedSteps, OneThatStandsBesideAnotherIsRun) {
  TrainingJob job = gpt_job(4, 16, 2);
  job.config.data_parallel = 8;  // a node each
  TrainingJob other = job;
  other.placement.first_node = 1;
  const testing::RooflineTimer timer;
  TrainingRun first(job, timer, alike_members(job, {}, nullptr), nullptr, {});
  TrainingRun second(other, timer, alike_members(other, {}, nullptr), nullptr, {});
  first.set_steps(200, false);
  second.set_steps(5, false);
  sim::LinkClasses links(job.cluster, nullptr);
  for (TrainingRun* run : {&first, &second}) run->join(links);
  links.fold();
  const sim::SimTime step = play(job, 1).steps.front().duration;
  const Seconds begins = sim::to_seconds(100 * step + step / 2), ends = sim::to_seconds(120 * step);
  (void)run_world(links, nullptr, {{&first, Seconds{0.0}, {}}, {&second, begins, ends}}, {}, {});
  const std::vector<TrainingRun::Steps>& steps = first.steps();
  // Alone, beside the other one by one, and alone again.
  EXPECT_EQ(steps[1].count, 99);
  EXPECT_GT(steps.size(), 20u);
  EXPECT_LT(steps.size(), 30u);
  EXPECT_EQ(steps.back().start + step, 200 * step);
}

TEST(CountedSteps, EndInTimeForTheirJob) {
  const TrainingJob job = spread_job(4);
  const testing::RooflineTimer timer;
  const sim::SimTime step = play(job, 1).steps.front().duration;
  for (const sim::SimTime end : {30 * step - 1, 30 * step, 30 * step + 1}) {
    TrainingRun run(job, timer, alike_members(job, {}, nullptr), nullptr, {});
    run.set_steps(1000, false);
    sim::LinkClasses links(job.cluster, nullptr);
    run.join(links);
    links.fold();
    (void)run_world(links, nullptr, {{&run, Seconds{0.0}, sim::to_seconds(end)}}, {}, {});
    Played played;
    played.steps = run.steps();
    EXPECT_EQ(played.count(), static_cast<std::int64_t>(sim::to_sim_time(sim::to_seconds(end)) / step));
  }
}

TEST(CountedSteps, BeyondTheClockAreAnError) {
  EXPECT_THROW((void)play(spread_job(4), std::int64_t{1} << 60), sim::TimeOverflow);
}

}  // namespace
}  // namespace orrery::models
