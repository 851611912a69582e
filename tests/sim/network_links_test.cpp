// The links of a FlowNetwork: slack and full ones, what held flows up, and statistics.
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include "sim/network/flow_network.hpp"
#include "tests/sim/flow_support.hpp"

namespace orrery::sim {
namespace {

using test::busy;
using test::run_to_end;

TEST(FlowLinks, SlackLinksCostNoSolution) {
  // 64 flows that take a 65th of a link each, and one more that fills it to the last bit.
  const std::vector<BytesPerSecond> capacities{BytesPerSecond{65e9}};
  FlowNetwork network(capacities);
  const LinkUse use{0, 1e-3};
  for (std::uint64_t i = 0; i < 65; ++i) network.start(busy(i, 1e6 + static_cast<double>(i), use), 0);
  EXPECT_NEAR(network.load(LinkId{0}).value(), 65e9, 100.0);
  const std::vector<SimTime> ends = run_to_end(network, 65);
  for (std::uint64_t i = 0; i < 65; ++i) EXPECT_EQ(ends[i], 1'000'000 + i);
  EXPECT_EQ(network.solutions(), 0u);
  EXPECT_EQ(network.load(LinkId{0}).value(), 0.0);
  EXPECT_NEAR(network.statistics(LinkId{0}).peak_load, 1.0, 1e-12);
}

TEST(FlowLinks, ASlackLinkDoesNotJoinComponents) {
  // Two full links with two flows each; one of each also crosses a wide link.
  const std::vector<BytesPerSecond> capacities{BytesPerSecond{1e9}, BytesPerSecond{1e9}, BytesPerSecond{50e9}};
  FlowNetwork network(capacities);
  const LinkUse first[] = {{0, 1e-3}, {2, 1e-3}}, second[] = {{1, 1e-3}, {2, 1e-3}};
  std::vector<FlowHandle> flows;
  for (std::uint64_t i = 0; i < 4; ++i) {
    flows.push_back(network.start({i, 1e6 * static_cast<double>(i + 1), 1.0, 1.0, i % 2 == 0 ? first : second}, 0));
  }
  EXPECT_EQ(network.rate(flows[0]), 0.5);
  EXPECT_EQ(network.solutions(), 2u);
  EXPECT_EQ(network.flows_solved(), 4u);
  EXPECT_NEAR(network.load(LinkId{2}).value(), 2e9, 10.0);
  std::vector<FlowEnd> done;
  network.advance(network.next_completion(), done);
  EXPECT_EQ(network.rate(flows[2]), 1.0) << "alone on its link, which fits";
  EXPECT_EQ(network.flows_solved(), 4u);
  EXPECT_NEAR(network.load(LinkId{2}).value(), 2e9, 10.0);
}

TEST(FlowLinks, NothingIsClampedToTheLink) {
  // A closed form that is faster than the link: 4 GB/s asked of 1 GB/s. It takes four times as long, also alone.
  const std::vector<BytesPerSecond> capacities{BytesPerSecond{1e9}};
  FlowNetwork network(capacities);
  const LinkUse use{0, 4e-3};
  network.start(busy(0, 1e6, use), 0);
  std::vector<FlowEnd> done;
  network.advance(network.next_completion(), done);
  ASSERT_EQ(done.size(), 1u);
  EXPECT_EQ(done[0].held_up.link, LinkId{0});
  EXPECT_EQ(done[0].held_up.delay, 3'000'000u);
}

TEST(FlowLinks, TellsWhichLinkHeldAFlowUpMost) {
  // At full speed 1 s. The first link lets it run at half speed for 0.2 s, the second at a quarter for 0.4 s, the
  // first at half again for 0.4 s; 0.6 s are left then at full speed. Delays: 0.1 + 0.2 s, 0.3 s, less for the first.
  const std::vector<BytesPerSecond> capacities{BytesPerSecond{1e9}, BytesPerSecond{1e9}};
  FlowNetwork network(capacities);
  const SimTime tenth = kPicosecondsPerSecond / 10;
  const LinkUse uses[] = {{0, 0.5e-3}, {1, 0.5e-3}};
  const FlowHandle flow = network.start({0, 1e12, 1.0, 1.0, uses}, 0);
  EXPECT_FALSE(network.held_up(flow).link.valid());
  network.set_capacity(LinkId{0}, BytesPerSecond{0.25e9}, 0);
  network.set_capacity(LinkId{1}, BytesPerSecond{0.125e9}, 2 * tenth);
  EXPECT_EQ(network.held_up(flow).link, LinkId{0});
  EXPECT_EQ(network.held_up(flow).delay, tenth);
  network.set_capacity(LinkId{1}, BytesPerSecond{1e9}, 6 * tenth);
  EXPECT_EQ(network.held_up(flow).link, LinkId{1});
  EXPECT_EQ(network.held_up(flow).delay, 4 * tenth);
  network.set_capacity(LinkId{0}, BytesPerSecond{1e9}, 9 * tenth);
  std::vector<FlowEnd> done;
  network.advance(network.next_completion(), done);
  ASSERT_EQ(done.size(), 1u);
  EXPECT_EQ(done[0].held_up.link, LinkId{1}) << "0.3 s against 0.1 + 0.15 s";
  EXPECT_EQ(done[0].held_up.delay, 11 * tenth / 2);
}

TEST(FlowLinks, ALinkKnowsWhatItCarried) {
  // Two flows of 2 GB/s for 1 and 3 s over a link of 10 GB/s, then nothing until 4 s: 8 GB of 40.
  const std::vector<BytesPerSecond> capacities{BytesPerSecond{10e9}};
  FlowNetwork network(capacities, {.record = true});
  const SimTime second = kPicosecondsPerSecond;
  const LinkUse use{0, 2e-3};
  network.start(busy(0, 1e12, use), 0);
  network.start(busy(1, 3e12, use), 0);
  std::vector<FlowEnd> done;
  network.advance(second, done);
  EXPECT_NEAR(network.statistics(LinkId{0}).carried.value(), 4e9, 1.0);
  network.advance(2 * second, done);
  EXPECT_NEAR(network.statistics(LinkId{0}).carried.value(), 6e9, 1.0) << "what runs counts too";
  network.advance(3 * second, done);
  network.advance(4 * second, done);
  const LinkStatistics link = network.statistics(LinkId{0});
  EXPECT_NEAR(link.carried.value(), 8e9, 1.0);
  EXPECT_NEAR(link.mean_load, 0.2, 1e-12);
  EXPECT_NEAR(link.peak_load, 0.4, 1e-12);
  std::vector<SimTime> times;
  std::vector<double> rates;
  for (const LoadChange& change : network.changes(LinkId{0})) {
    times.push_back(change.time);
    rates.push_back(change.rate.value());
  }
  EXPECT_EQ(times, (std::vector<SimTime>{0, second, 3 * second}));
  ASSERT_EQ(rates.size(), 3u);
  EXPECT_NEAR(rates[0], 4e9, 1.0);
  EXPECT_NEAR(rates[1], 2e9, 1.0);
  EXPECT_EQ(rates[2], 0.0);
}

TEST(FlowLinks, WhatComesAndGoesAtOneTimeLeavesNoPeak) {
  const std::vector<BytesPerSecond> capacities{BytesPerSecond{10e9}};
  FlowNetwork network(capacities, {.record = true});
  const LinkUse use{0, 3e-3};
  const FlowHandle first = network.start(busy(0, 1e12, use), 0);
  const FlowHandle second = network.start(busy(1, 1e12, use), 0);
  const FlowHandle third = network.start(busy(2, 1e12, use), 0);
  network.cancel(second, 0);
  network.cancel(third, 0);
  network.cancel(first, 10);
  EXPECT_NEAR(network.statistics(LinkId{0}).peak_load, 0.3, 1e-12);
  EXPECT_EQ(network.changes(LinkId{0}).size(), 2u);
  EXPECT_TRUE(FlowNetwork(capacities).changes(LinkId{0}).empty()) << "only where asked for";
}

}  // namespace
}  // namespace orrery::sim
