// Flows over time: hand-made cases, what a solution touches, cancelling, capacities and statistics.
#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <vector>

#include <gtest/gtest.h>

#include "sim/network/flow_network.hpp"
#include "tests/sim/flow_support.hpp"

namespace orrery::sim {
namespace {

using test::busy;
using test::Numbers;
using test::run_to_end;
using test::tags;

const std::vector<LinkId> kFirst{LinkId{0}}, kSecond{LinkId{1}}, kBoth{LinkId{0}, LinkId{1}};

TEST(FlowNetwork, ThreeFlowsOverTwoLinks) {
  // Links of 10 and 4 GB/s. A crosses both, B the first, C the second. C and A share 4: 2 each; B takes 8.
  const std::vector<BytesPerSecond> capacities{BytesPerSecond{10e9}, BytesPerSecond{4e9}};
  FlowNetwork network(capacities);
  const FlowHandle a = network.start_bytes(0, Bytes{4e9}, kBoth, 0);
  const FlowHandle b = network.start_bytes(1, Bytes{4e9}, kFirst, 0);
  const FlowHandle c = network.start_bytes(2, Bytes{2e9}, kSecond, 0);
  EXPECT_NEAR(network.rate(a) * 1e12, 2e9, 1.0);
  EXPECT_NEAR(network.rate(b) * 1e12, 8e9, 1.0);
  EXPECT_NEAR(network.rate(c) * 1e12, 2e9, 1.0);
  EXPECT_NEAR(network.load(LinkId{0}).value(), 10e9, 10.0);
  EXPECT_NEAR(network.load(LinkId{1}).value(), 4e9, 10.0);
  // B ends at 0.5 s, C at 1 s; A has 2 GB left then and the second link's 4 GB/s for itself: 1.5 s.
  const auto ends = run_to_end(network, 3);
  EXPECT_EQ(ends[1], kPicosecondsPerSecond / 2);
  EXPECT_EQ(ends[2], kPicosecondsPerSecond);
  EXPECT_EQ(ends[0], kPicosecondsPerSecond / 2 * 3);
}

TEST(FlowNetwork, AFlowThatJoinsHalvesTheRate) {
  // 10 GB/s. First flow of 10 GB from 0; second of 2 GB from 0.5 s: 5 GB are left and both run at 5 GB/s. The second
  // ends at 0.9 s; the first has 3 GB left and ends at 1.2 s.
  const std::vector<BytesPerSecond> capacities{BytesPerSecond{10e9}};
  FlowNetwork network(capacities);
  network.start_bytes(0, Bytes{10e9}, kFirst, 0);
  EXPECT_EQ(network.next_completion(), kPicosecondsPerSecond);
  std::vector<FlowEnd> done;
  network.advance(kPicosecondsPerSecond / 2, done);
  EXPECT_TRUE(done.empty());
  network.start_bytes(1, Bytes{2e9}, kFirst, kPicosecondsPerSecond / 2);
  const auto ends = run_to_end(network, 2);
  EXPECT_EQ(ends[1], kPicosecondsPerSecond / 10 * 9);
  EXPECT_EQ(ends[0], kPicosecondsPerSecond / 10 * 12);
}

TEST(FlowNetwork, ADisturbanceElsewhereLeavesCompletionsAlone) {
  // 7 bytes at 3 GB/s take 2333.3 ps; flows that come and go on the other link must not move that by rounding.
  const std::vector<BytesPerSecond> capacities{BytesPerSecond{3e9}, BytesPerSecond{1e9}};
  FlowNetwork network(capacities);
  network.start_bytes(0, Bytes{7.0}, kFirst, 0);
  for (std::uint64_t i = 1; i <= 100; ++i) network.start_bytes(i, Bytes{0.01 * static_cast<double>(i)}, kSecond, 0);
  const auto ends = run_to_end(network, 101);
  EXPECT_EQ(ends[0], 2333u);
}

TEST(FlowNetwork, SolvesOnlyTheComponentThatChanged) {
  const std::vector<BytesPerSecond> capacities(100, BytesPerSecond{1e9});
  FlowNetwork network(capacities);
  for (std::uint32_t i = 0; i < 100; ++i) {
    network.start_bytes(i, Bytes{1e6 * (i + 1)}, std::vector<LinkId>{LinkId{i}}, 0);
  }
  (void)network.next_completion();
  EXPECT_EQ(network.solutions(), 100u) << "a component each";
  EXPECT_EQ(network.flows_solved(), 100u);
  (void)run_to_end(network, 100);
  EXPECT_EQ(network.flows_solved(), 100u) << "a flow that ends alone on its link concerns nobody";
}

struct Exchange {
  SimTime makespan = 0;
  std::uint64_t solutions = 0;
};

// All-to-all of `hosts` over a star; sizes bytes·(1 ± spread).
Exchange all_to_all(std::uint32_t hosts, double bytes, double spread) {
  Numbers random(4);
  std::vector<BytesPerSecond> capacities(2 * hosts, BytesPerSecond{50e9});
  FlowNetwork network(capacities);
  std::uint64_t tag = 0;
  for (std::uint32_t s = 0; s < hosts; ++s) {
    for (std::uint32_t d = 0; d < hosts; ++d) {
      if (s == d) continue;
      const std::vector<LinkId> route{LinkId{s}, LinkId{hosts + d}};
      network.start_bytes(tag++, Bytes{bytes * random.uniform(1 - spread, 1 + spread)}, route, 0);
    }
  }
  const auto ends = run_to_end(network, tag);
  return {*std::max_element(ends.begin(), ends.end()), network.solutions()};
}

TEST(FlowNetwork, AllToAllOfEqualSizesIsOneSolution) {
  // 64 hosts, 1 MB to each of 63 peers at 50 GB/s: 63 MB/50 GB/s = 1.26 ms.
  const Exchange exchange = all_to_all(64, 1e6, 0.0);
  EXPECT_NEAR(static_cast<double>(exchange.makespan), 1.26e9, 1.0);
  EXPECT_LE(exchange.solutions, 2u);
}

TEST(FlowNetwork, AllToAllOfUnequalSizesLiesBetweenItsBounds) {
  // ±20 %: no host can be faster than its own bytes (mean 1.26 ms, the largest of 64 sums of 63 sizes some per cent
  // above), and the makespan can't exceed the time at the equal share of the largest message, 1.2 · 1.26 ms.
  const Exchange exact = all_to_all(64, 1e6, 0.2);
  EXPECT_GT(exact.makespan, 1'260'000'000u);
  EXPECT_LT(exact.makespan, 1'512'000'000u);
  EXPECT_GT(exact.solutions, 3'000u) << "nearly every completion changes rates";
}

TEST(FlowNetwork, IsDeterministic) { EXPECT_EQ(all_to_all(24, 1e6, 0.2).makespan, all_to_all(24, 1e6, 0.2).makespan); }

TEST(FlowNetwork, CompletionsOfOneTimeComeInTheOrderOfTheirStarts) {
  const std::vector<BytesPerSecond> capacities{BytesPerSecond{1e9}, BytesPerSecond{1e9}};
  FlowNetwork network(capacities);
  for (const std::uint64_t tag : {7u, 3u, 5u}) network.start_bytes(tag, Bytes{1e6}, tag == 5 ? kSecond : kFirst, 0);
  std::vector<FlowEnd> done;
  network.advance(network.next_completion(), done);
  EXPECT_EQ(tags(done), (std::vector<std::uint64_t>{5}));
  done.clear();
  network.advance(network.next_completion(), done);
  EXPECT_EQ(tags(done), (std::vector<std::uint64_t>{7, 3})) << "tags are the caller's and order nothing";
  EXPECT_EQ(network.active(), 0u);
  EXPECT_EQ(network.next_completion(), kNever);
}

TEST(FlowNetwork, RefusesWhatCanNotBe) {
  const std::vector<BytesPerSecond> capacities{BytesPerSecond{1e9}}, none{BytesPerSecond{0.0}};
  EXPECT_THROW(FlowNetwork{none}, std::invalid_argument);
  EXPECT_THROW((FlowNetwork{capacities, {-0.1}}), std::invalid_argument);
  FlowNetwork network(capacities);
  EXPECT_THROW(network.start_bytes(0, Bytes{1.0}, kSecond, 0), std::invalid_argument);
  EXPECT_THROW(network.start_bytes(0, Bytes{-1.0}, kFirst, 0), std::invalid_argument);
  EXPECT_THROW(network.start_bytes(0, Bytes{1.0}, std::vector<LinkId>{}, 0), std::invalid_argument);
  EXPECT_THROW(network.set_capacity(LinkId{0}, BytesPerSecond{0.0}, 0), std::invalid_argument);
  EXPECT_THROW(network.set_capacity(LinkId{1}, BytesPerSecond{1e9}, 0), std::invalid_argument);
  EXPECT_EQ(network.active(), 0u);
  std::vector<FlowEnd> done;
  network.advance(5, done);
  EXPECT_THROW(network.start_bytes(0, Bytes{1.0}, kFirst, 4), std::invalid_argument);
  EXPECT_THROW(network.advance(4, done), std::invalid_argument);
  EXPECT_THROW(network.cancel({}, 4), std::invalid_argument);
  EXPECT_THROW(network.set_capacity(LinkId{0}, BytesPerSecond{1e9}, 4), std::invalid_argument);
}

TEST(FlowNetwork, AFlowOfNoBytesEndsAtOnce) {
  const std::vector<BytesPerSecond> capacities{BytesPerSecond{1e9}};
  FlowNetwork network(capacities);
  network.start_bytes(0, Bytes{0.0}, kFirst, 42);
  EXPECT_EQ(network.next_completion(), 42u);
}

TEST(FlowNetwork, ACancelledFlowLeavesItsShareToTheOthers) {
  // 10 GB/s, two flows of 10 GB: half each until one is cancelled at 0.5 s with 7.5 GB left; the other has 7.5 GB left
  // too and ends at 1.25 s.
  const std::vector<BytesPerSecond> capacities{BytesPerSecond{10e9}};
  FlowNetwork network(capacities);
  const FlowHandle a = network.start_bytes(1, Bytes{10e9}, kFirst, 0);
  const FlowHandle b = network.start_bytes(1, Bytes{10e9}, kFirst, 0);
  EXPECT_EQ(network.next_completion(), 2 * kPicosecondsPerSecond);
  EXPECT_TRUE(network.cancel(a, kPicosecondsPerSecond / 2));
  EXPECT_FALSE(network.is_active(a));
  EXPECT_FALSE(network.cancel(a, kPicosecondsPerSecond / 2)) << "it is gone";
  EXPECT_NEAR(network.remaining(b), 7.5e9, 1.0);
  EXPECT_EQ(network.remaining(a), 0.0);
  EXPECT_EQ(network.next_completion(), kPicosecondsPerSecond / 4 * 5);
  std::vector<FlowEnd> done;
  network.advance(network.next_completion(), done);
  ASSERT_EQ(done.size(), 1u) << "a cancelled flow doesn't complete";
  EXPECT_EQ(done[0].flow, b);
  EXPECT_EQ(network.active(), 0u);
  EXPECT_NEAR(network.statistics(LinkId{0}).carried.value(), 12.5e9, 10.0);
}

TEST(FlowNetwork, AnOldHandleDoesNotNameTheFlowThatTookItsPlace) {
  const std::vector<BytesPerSecond> capacities{BytesPerSecond{10e9}};
  FlowNetwork network(capacities);
  const FlowHandle a = network.start_bytes(0, Bytes{1e9}, kFirst, 0);
  network.cancel(a, 5);
  const FlowHandle b = network.start_bytes(0, Bytes{1e9}, kFirst, 5);
  EXPECT_EQ(a.slot, b.slot);
  EXPECT_FALSE(network.cancel(a, 6));
  EXPECT_FALSE(network.cancel(FlowHandle{}, 6));
  EXPECT_TRUE(network.is_active(b));
  EXPECT_EQ(network.rate(a), 0.0);
  EXPECT_GT(network.rate(b), 0.0);
}

TEST(FlowNetwork, ACapacityChangesWhileFlowsRun) {
  // 10 GB at 10 GB/s; half the rate from 0.5 s on and a quarter of it between 1 and 1.2 s: 5 + 2.5 + 0.5 GB, and 2 GB
  // at 5 GB/s from then on.
  const std::vector<BytesPerSecond> capacities{BytesPerSecond{10e9}};
  FlowNetwork network(capacities);
  const SimTime second = kPicosecondsPerSecond;
  const FlowHandle flow = network.start_bytes(0, Bytes{10e9}, kFirst, 0);
  network.set_capacity(LinkId{0}, BytesPerSecond{5e9}, second / 2);
  EXPECT_EQ(network.next_completion(), second / 2 * 3);
  network.set_capacity(LinkId{0}, BytesPerSecond{2.5e9}, second);
  EXPECT_NEAR(network.rate(flow), 2.5e-3, 1e-15);
  EXPECT_EQ(network.capacity(LinkId{0}).value(), 2.5e9);
  network.set_capacity(LinkId{0}, BytesPerSecond{5e9}, second / 5 * 6);
  EXPECT_EQ(run_to_end(network, 1)[0], second / 5 * 8);
  // 5 + 2.5 + 0.5 + 2 GB of what could have been 5 + 2.5 + 0.5 + 2.
  EXPECT_NEAR(network.statistics(LinkId{0}).mean_load, 1.0, 1e-12);
  EXPECT_NEAR(network.statistics(LinkId{0}).peak_load, 1.0, 1e-12);
}

TEST(FlowNetwork, ACapacityMakesALinkFullAndSlackAgain) {
  // A flow that needs 4 of 10 GB/s for 1 s; the link falls to 2 GB/s at 0.5 s and recovers at 0.7 s: a tenth of a
  // second lost.
  const std::vector<BytesPerSecond> capacities{BytesPerSecond{10e9}};
  FlowNetwork network(capacities);
  const SimTime second = kPicosecondsPerSecond;
  const LinkUse use{0, 4e-3};
  const FlowHandle flow = network.start(busy(0, 1e12, use), 0);
  EXPECT_EQ(network.next_completion(), second);
  network.set_capacity(LinkId{0}, BytesPerSecond{2e9}, second / 2);
  EXPECT_EQ(network.next_completion(), second / 2 * 3);
  network.set_capacity(LinkId{0}, BytesPerSecond{10e9}, second / 10 * 7);
  EXPECT_EQ(network.rate(flow), 1.0);
  std::vector<FlowEnd> done;
  network.advance(network.next_completion(), done);
  ASSERT_EQ(done.size(), 1u);
  EXPECT_EQ(network.statistics(LinkId{0}).peak_load, 1.0);
  EXPECT_EQ(done[0].held_up.link, LinkId{0});
  EXPECT_EQ(done[0].held_up.delay, second / 10);
}

TEST(FlowNetwork, PartsThatAFlowJoinedEndAsIfItHadNotBeen) {
  // The flow over both links ends first and leaves two parts that were solved together. All that is left of the first
  // part ends at one time, and a flow takes its place then: the second part's ends stay.
  const std::vector<BytesPerSecond> capacities{BytesPerSecond{1e12}, BytesPerSecond{1e12}};
  FlowNetwork network(capacities);
  network.start_bytes(0, Bytes{1000.0}, kBoth, 0);    // 3 on each link: ends at 3,000
  network.start_bytes(1, Bytes{2000.0}, kFirst, 0);   // 1,000 done by then, half the link from then on: 5,000
  network.start_bytes(2, Bytes{2000.0}, kFirst, 0);   // the same
  network.start_bytes(3, Bytes{5000.0}, kSecond, 0);  // 4,000 left at 3,000
  network.start_bytes(4, Bytes{7000.0}, kSecond, 0);  // 6,000 left; 2,000 at 11,000: 13,000
  std::vector<FlowEnd> done;
  network.advance(3000, done);
  EXPECT_EQ(tags(done), (std::vector<std::uint64_t>{0}));
  EXPECT_EQ(network.next_completion(), 5000u);
  network.advance(5000, done);
  EXPECT_EQ(tags(done), (std::vector<std::uint64_t>{0, 1, 2}));
  network.start_bytes(5, Bytes{500.0}, kFirst, 5000);
  const std::vector<SimTime> ends = run_to_end(network, 6);
  EXPECT_EQ(ends[5], 5500u);
  EXPECT_EQ(ends[3], 11000u);
  EXPECT_EQ(ends[4], 13000u);
}

}  // namespace
}  // namespace orrery::sim
