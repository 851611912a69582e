// What links carried by the time at which a run is stopped: the same, however the World came to know of it.
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "sim/plan/builder.hpp"
#include "sim/plan/run.hpp"
#include "tests/sim/random_loads.hpp"
#include "tests/sim/random_plan.hpp"

namespace orrery::sim {
namespace {

const std::vector<BytesPerSecond> kOneLink{BytesPerSecond{1e12}};

/// One rank that calls a block of two collectives on one lane and one on another, twice.
Plan calls_on_two_lanes() {
  PlanBuilder b;
  const RankId rank = b.add_rank("a");
  (void)b.stream(rank, communication(0));  // it comes to a call before the lane of part 0
  const GroupId group = b.add_group(Group::of("tp", {rank}, 4));
  b.begin_block(rank, "layer");
  const EventId begun = b.record(b.stream(rank, {}));
  b.wait(b.stream(rank, communication(0)), begun);
  for (const char* label : {"first", "second"}) {
    b.collective(b.stream(rank, {}), CollectiveKind::all_reduce, 1_MiB, group, label, Activity::tensor_parallel);
  }
  b.collective(b.stream(rank, communication(0)), CollectiveKind::all_gather, 1_MiB, group, "beside",
               Activity::data_parallel);
  const std::uint32_t block = b.end_block();
  b.call(rank, block);
  b.call(rank, block);
  return b.take();
}

/// "first" loads the link from 20 to 100, "second" from 150 to 300, "beside" from 0 to 250; a call takes 300.
const Durations kDurations{{}, {100, 200, 250}, {}, {}};
const Loads kLoads{{{80, {{0, 0.5}}}, {150, {{0, 0.25}}}, {250, {{0, 0.125}}}}, {}};

/// Bytes on a link that is spare after a run of calls_on_two_lanes() that is stopped at `time`.
LinkUsage stopped_at(SimTime time) {
  const RunnablePlan plan(calls_on_two_lanes());
  World world(kOneLink);
  world.set_spare({1});
  PlanRun run(world, plan, kDurations, kLoads);
  run.start(0, [](SimTime) {});
  (void)world.clock().run_until(time);
  run.stop();
  EXPECT_LE(world.clock().statistics().fired, 5u) << "more than the start and two lanes of two calls";
  return world.usage()[0];
}

TEST(StoppedUsage, OfACallInOneGoIsThatOfItsOperationsUntilThen) {
  constexpr double kCall = 40.0 + 37.5 + 31.25;
  EXPECT_DOUBLE_EQ(stopped_at(10).bytes.value(), 1.25);
  EXPECT_DOUBLE_EQ(stopped_at(60).bytes.value(), 0.5 * 40 + 0.125 * 60);
  EXPECT_DOUBLE_EQ(stopped_at(100).bytes.value(), 40.0 + 12.5);
  EXPECT_DOUBLE_EQ(stopped_at(120).bytes.value(), 40.0 + 15.0);
  EXPECT_DOUBLE_EQ(stopped_at(280).bytes.value(), 40.0 + 0.25 * 130 + 31.25);
  EXPECT_DOUBLE_EQ(stopped_at(299).mean_load, (kCall - 0.25) / 299.0);
  EXPECT_DOUBLE_EQ(stopped_at(360).bytes.value(), kCall + 0.5 * 40 + 0.125 * 60);
  EXPECT_DOUBLE_EQ(stopped_at(600).bytes.value(), 2.0 * kCall);
}

TEST(StoppedUsage, PeaksAreOfWhatBegan) {
  EXPECT_DOUBLE_EQ(stopped_at(10).peak_load, 0.125);
  EXPECT_DOUBLE_EQ(stopped_at(60).peak_load, 0.625);
}

TEST(StoppedUsage, WhatWasStoppedIsNotInTheWayOfWhatFollows) {
  const RunnablePlan plan(calls_on_two_lanes());
  World world(kOneLink);
  world.set_spare({1});
  PlanRun one(world, plan, kDurations, kLoads), other(world, plan, kDurations, kLoads);
  one.start(0, [](SimTime) {});
  other.start(60, [](SimTime) {});
  (void)world.clock().run_until(60);
  one.stop();
  (void)world.clock().run();
  EXPECT_TRUE(world.overloaded().empty()) << "together they would ask for 1.25 of it from 80 to 100";
  EXPECT_DOUBLE_EQ(world.usage()[0].peak_load, 0.625);
  EXPECT_DOUBLE_EQ(world.usage()[0].bytes.value(), 27.5 + 2.0 * 108.75);
}

// By calls on spare links and by flows on links that never fill, with the bytes of every operation counted as it goes.
TEST(StoppedUsage, ByCallsIsThatByFlows) {
  int cut = 0;
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    testing::RandomPlan random(seed);
    const RunnablePlan plan(random.make(1 + seed % 5, 10 + seed));
    const Durations durations = random.durations(plan.plan(), 1000);
    const Loads loads = testing::random_loads(random, durations);
    const std::vector<BytesPerSecond> links(testing::kRandomLinks, BytesPerSecond{1e18});
    World by_flows(links), by_calls(links);
    by_calls.set_spare(std::vector<std::uint8_t>(links.size(), 1));
    PlanRun flows(by_flows, plan, durations, loads), calls(by_calls, plan, durations, loads);
    SimTime end = 0;
    const SimTime stop = 1 + random.below(2000 * (1 + seed / 20));
    flows.start(0, [&end](SimTime at) { end = at; });
    calls.start(0, [](SimTime) {});
    for (World* world : {&by_flows, &by_calls}) (void)world->clock().run_until(stop);
    flows.stop();
    calls.stop();
    if (end == 0) ++cut;
    const std::vector<LinkUsage> expected = by_flows.usage(), counted = by_calls.usage();
    for (std::size_t link = 0; link < links.size(); ++link) {
      const double bytes = expected[link].bytes.value();
      ASSERT_NEAR(counted[link].bytes.value(), bytes, 1e-9 * bytes) << "seed " << seed << ", link " << link;
      ASSERT_NEAR(counted[link].mean_load, expected[link].mean_load, 1e-9 * expected[link].mean_load) << seed;
      ASSERT_GE(counted[link].peak_load, expected[link].peak_load * (1.0 - 1e-9)) << seed;
    }
  }
  EXPECT_GT(cut, 50);
}

/// Remembers nothing.
struct Nobody final : Completion {
  void completed(std::uint64_t, SimTime, const HeldUp&) override {}
  void lost(std::uint64_t, SimTime, LinkId) override {}
};

// Two that fill link 1 go at half speed, and so does what they put on link 0 beside.
TEST(StoppedUsage, OfWhatIsSlowedIsWhatItDid) {
  const std::vector<LinkUse> both{{0, 0.25}, {1, 1.0}};
  const auto carried = [&](const auto& end) {
    World world(std::vector<BytesPerSecond>(2, BytesPerSecond{1e12}));
    world.set_spare({1, 0});
    Nobody nobody;
    const OperationId one = world.start({1000, 1000, both}, nobody, 1),
                      other = world.start({900, 800, both}, nobody, 2);
    (void)world.clock().run_until(500);  // 100 alone, 400 at half speed
    end(world, one, other);
    return world.usage()[0].bytes.value();
  };
  EXPECT_DOUBLE_EQ(carried([](World& world, OperationId one, OperationId other) {
                     world.cancel(one);
                     world.cancel(other);
                   }),
                   0.25 * (300.0 + 200.0));
  EXPECT_DOUBLE_EQ(carried([](World& world, OperationId, OperationId) { world.take_down(LinkId(1)); }),
                   0.25 * (300.0 + 200.0));
}

}  // namespace
}  // namespace orrery::sim
