// Ends that are reported together: how far they are moved, what that does to everything else, and what it leaves alone.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include "sim/network/flow_network.hpp"
#include "tests/sim/flow_support.hpp"

namespace orrery::sim {
namespace {

using test::Numbers;
using test::run_to_end;

/// Flows over a random graph that all start at 0, some of them limited.
struct RandomFlows {
  std::vector<BytesPerSecond> capacities;
  std::vector<std::vector<LinkUse>> uses;
  std::vector<FlowSpec> specs;
};

RandomFlows random_flows(Numbers& numbers) {
  RandomFlows out;
  const std::uint32_t links = 2 + numbers.below(12), flows = 5 + numbers.below(120);
  for (std::uint32_t l = 0; l < links; ++l) out.capacities.emplace_back(numbers.uniform(1e12, 100e12));
  for (std::uint32_t f = 0; f < flows; ++f) out.uses.push_back(test::random_route(numbers, links, 1));
  for (std::uint32_t f = 0; f < flows; ++f) {
    const double limit = numbers.below(3) == 0 ? numbers.uniform(0.5, 20.0) : kUnlimited;
    out.specs.push_back({f, std::round(numbers.uniform(5e9, 1e10)), numbers.uniform(0.5, 4.0), limit, out.uses[f]});
  }
  return out;
}

FlowNetwork started(const RandomFlows& flows, double batch, std::vector<FlowHandle>* handles = nullptr) {
  FlowNetwork network(flows.capacities, {batch});
  for (const FlowSpec& spec : flows.specs) {
    const FlowHandle handle = network.start(spec, 0);
    if (handles != nullptr) handles->push_back(handle);
  }
  return network;
}

/// All-to-all of 64 hosts at 50 GB/s, sizes 1 MB ± 20 %.
FlowNetwork exchange(double batch) {
  constexpr std::uint32_t kHosts = 64;
  Numbers numbers(4);
  FlowNetwork network(std::vector<BytesPerSecond>(2 * kHosts, BytesPerSecond{50e9}), {batch});
  std::uint64_t tag = 0;
  for (std::uint32_t s = 0; s < kHosts; ++s) {
    for (std::uint32_t d = 0; d < kHosts; ++d) {
      const std::vector<LinkId> route{LinkId{s}, LinkId{kHosts + d}};
      if (s != d) (void)network.start_bytes(tag++, Bytes{1e6 * numbers.uniform(0.8, 1.2)}, route, 0);
    }
  }
  return network;
}

SimTime last(const std::vector<SimTime>& ends) { return *std::max_element(ends.begin(), ends.end()); }

TEST(FlowBatching, AnUnequalAllToAllIsWithinItsStatedErrorInAFractionOfTheSolutions) {
  FlowNetwork exact = exchange(0.0);
  const auto makespan = static_cast<double>(last(run_to_end(exact, 4032)));
  EXPECT_EQ(exact.batched().batches, 0u);
  EXPECT_EQ(exact.batched().bound, 0u);
  for (const double batch : {0.0005, 0.001, 0.002, 0.003}) {
    FlowNetwork network = exchange(batch);
    const auto end = static_cast<double>(last(run_to_end(network, 4032)));
    EXPECT_NEAR(end / makespan, 1.0, 0.002) << batch;
    EXPECT_LE(std::abs(end - makespan), static_cast<double>(network.batched().bound)) << batch;
    EXPECT_LT(static_cast<double>(network.solutions()), static_cast<double>(exact.solutions()) * 0.005 / batch / 16)
        << batch;
  }
}

TEST(FlowBatching, MovesNoFlowByMoreThanItsShareOfItsDuration) {
  Numbers numbers(41);
  for (int round = 0; round < 60; ++round) {
    const double batch = round % 2 == 0 ? 0.01 : 0.05;
    const RandomFlows flows = random_flows(numbers);
    std::vector<FlowHandle> handles;
    FlowNetwork network = started(flows, batch, &handles);
    std::vector<FlowEnd> done;
    SimTime now = 0;
    for (SimTime next = network.next_completion(); next != kNever; next = network.next_completion()) {
      std::vector<double> ends;
      for (const FlowHandle handle : handles) {
        const double rate = network.rate(handle);
        ends.push_back(rate > 0.0 ? static_cast<double>(now) + network.remaining(handle) / rate : 0.0);
      }
      done.clear();
      network.advance(next, done);
      ASSERT_FALSE(done.empty());
      for (const FlowEnd& flow : done) {
        EXPECT_LE(std::abs(ends[flow.tag] - static_cast<double>(next)), batch * ends[flow.tag] + 2.0) << round;
      }
      now = next;
    }
  }
}

TEST(FlowBatching, EndsOnRandomGraphsAreWithinTheAccumulatedBound) {
  Numbers numbers(42);
  std::uint64_t exact_solutions = 0, batched_solutions = 0;
  for (int round = 0; round < 200; ++round) {
    const RandomFlows flows = random_flows(numbers);
    FlowNetwork exact = started(flows, 0.0), network = started(flows, 0.01);
    const std::vector<SimTime> expected = run_to_end(exact, flows.specs.size());
    const std::vector<SimTime> ends = run_to_end(network, flows.specs.size());
    for (std::size_t f = 0; f < ends.size(); ++f) {
      const double moved = static_cast<double>(ends[f]) - static_cast<double>(expected[f]);
      EXPECT_LE(std::abs(moved), static_cast<double>(network.batched().bound) + 3.0) << round << ", flow " << f;
    }
    exact_solutions += exact.solutions();
    batched_solutions += network.solutions();
  }
  EXPECT_LT(batched_solutions * 3, exact_solutions * 2);
}

TEST(FlowBatching, RatesAreFairAndLinksNeverOverfullBetweenTheBatches) {
  Numbers numbers(43);
  for (int round = 0; round < 40; ++round) {
    const RandomFlows flows = random_flows(numbers);
    std::vector<FlowHandle> handles;
    FlowNetwork network = started(flows, 0.02, &handles);
    std::vector<FlowEnd> done;
    for (SimTime next = network.next_completion(); next != kNever; next = network.next_completion()) {
      MaxMinProblem problem;
      for (const BytesPerSecond capacity : flows.capacities) problem.capacity.push_back(capacity.value() * 1e-12);
      std::vector<std::size_t> active;
      for (std::size_t f = 0; f < handles.size(); ++f) {
        if (!network.is_active(handles[f])) continue;
        const FlowSpec& spec = flows.specs[f];
        problem.add_flow(spec.uses.data(), spec.uses.size(), spec.weight, spec.limit);
        active.push_back(f);
      }
      const std::vector<long double> rates = test::textbook_rates(problem);
      for (std::size_t i = 0; i < active.size(); ++i) {
        EXPECT_NEAR(network.rate(handles[active[i]]) / static_cast<double>(rates[i]), 1.0, 1e-9) << round;
      }
      for (std::uint32_t l = 0; l < flows.capacities.size(); ++l) {
        EXPECT_LE(network.load(LinkId{l}).value(), flows.capacities[l].value() * (1 + 1e-9)) << round;
      }
      network.advance(next, done);
    }
    std::vector<double> bytes(flows.capacities.size(), 0.0);
    for (const FlowSpec& spec : flows.specs) {
      for (const LinkUse& use : spec.uses) bytes[use.link] += spec.work * use.share;
    }
    for (std::uint32_t l = 0; l < bytes.size(); ++l) {
      EXPECT_NEAR(network.statistics(LinkId{l}).carried.value(), bytes[l], 1e-9 * bytes[l] + 1e-3) << "what was begun";
    }
  }
}

TEST(FlowBatching, FlowsThatEndApartAndFlowsThatNothingHoldsUpStayWhereTheyAre) {
  // 1 TB/s shared: 1,000, 2,000 and 3,000 bytes end at 3,000, 5,000 and 6,000 ps. One on a slack link ends at 3,001.
  const std::vector<BytesPerSecond> capacities{BytesPerSecond{1e12}, BytesPerSecond{1e12}};
  FlowNetwork network(capacities, {0.01});
  const LinkUse shared{0, 1.0}, slack{1, 0.5};
  for (std::uint64_t i = 0; i < 3; ++i) {
    (void)network.start({i, 1000.0 * static_cast<double>(i + 1), 1.0, kUnlimited, {&shared, 1}}, 0);
  }
  (void)network.start({3, 3001.0, 1.0, 1.0, {&slack, 1}}, 0);
  EXPECT_EQ(run_to_end(network, 4), (std::vector<SimTime>{3000, 5000, 6000, 3001}));
  EXPECT_EQ(network.batched().batches, 0u);
}

TEST(FlowBatching, EndsThatLieTogetherAreReportedAtTheirMean) {
  // 1 TB/s shared by four: 1,000, 1,004, 1,008 and 9,000 bytes. At a quarter each the first three would end at 4,000,
  // 4,016 and 4,032 ps; 1 % of 4,000 is 40: all at 4,016, the second as it is. The last has 9,000 - 1,004 left: 12,012.
  const std::vector<BytesPerSecond> capacities{BytesPerSecond{1e12}};
  FlowNetwork network(capacities, {0.01});
  const std::vector<LinkId> route{LinkId{0}};
  const double sizes[] = {1000.0, 1004.0, 1008.0, 9000.0};
  for (std::uint64_t i = 0; i < 4; ++i) (void)network.start_bytes(i, Bytes{sizes[i]}, route, 0);
  EXPECT_EQ(run_to_end(network, 4), (std::vector<SimTime>{4016, 4016, 4016, 12012}));
  EXPECT_EQ(network.batched().batches, 1u);
  EXPECT_EQ(network.batched().bound, 16u);
}

TEST(FlowBatching, AShortFlowBesideLongOnesIsNotDrawnIntoTheirBatch) {
  // Two of 10,000,000 ps at half the link; 1 % is 100,000 ps. One that starts 1,000 ps before their end and takes
  // 1,500 ps is no part of it: it may be moved by 15 ps.
  const std::vector<BytesPerSecond> capacities{BytesPerSecond{1e12}};
  FlowNetwork network(capacities, {0.01});
  const std::vector<LinkId> route{LinkId{0}};
  (void)network.start_bytes(0, Bytes{5e6}, route, 0);
  (void)network.start_bytes(1, Bytes{5e6}, route, 0);
  (void)network.start_bytes(2, Bytes{500.0}, route, 9'999'000);  // a third of the link: 1,500 ps
  const std::vector<SimTime> ends = run_to_end(network, 3);
  EXPECT_EQ(ends[2], 10'000'500u);
}

TEST(FlowBatching, IsDeterministic) {
  Numbers numbers(44);
  for (int round = 0; round < 20; ++round) {
    const RandomFlows flows = random_flows(numbers);
    FlowNetwork one = started(flows, 0.01), other = started(flows, 0.01);
    EXPECT_EQ(run_to_end(one, flows.specs.size()), run_to_end(other, flows.specs.size()));
    EXPECT_EQ(one.batched().bound, other.batched().bound);
  }
}

}  // namespace
}  // namespace orrery::sim
