#include <algorithm>
#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include "sim/network/flow_network.hpp"
#include "sim/network/max_min.hpp"

namespace orrery::sim {
namespace {

// splitmix64: the same numbers on every machine.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    state_ += 0x9e3779b97f4a7c15ull;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
  }
  std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(next() % n); }
  double uniform(double a, double b) { return a + (b - a) * static_cast<double>(next() >> 11) * 0x1p-53; }

 private:
  std::uint64_t state_;
};

MaxMinProblem random_problem(Random& random) {
  MaxMinProblem problem;
  const std::uint32_t links = 1 + random.below(20), flows = 1 + random.below(60);
  for (std::uint32_t l = 0; l < links; ++l) problem.capacity.push_back(random.uniform(1.0, 100.0));
  for (std::uint32_t f = 0; f < flows; ++f) {
    std::vector<LinkUse> uses;
    const std::uint32_t hops = random.below(5);
    for (std::uint32_t h = 0; h < hops; ++h) {
      const std::uint32_t link = random.below(links);
      if (std::none_of(uses.begin(), uses.end(), [&](const LinkUse& u) { return u.link == link; })) {
        uses.push_back({link, random.uniform(0.2, 3.0)});
      }
    }
    const bool limited = uses.empty() || random.below(3) == 0;
    problem.add_flow(uses.data(), uses.size(), random.uniform(0.5, 4.0),
                     limited ? random.uniform(0.5, 50.0) : kUnlimited);
  }
  return problem;
}

double load_of(const MaxMinProblem& problem, const std::vector<double>& rates, std::uint32_t link) {
  double sum = 0.0;
  for (std::size_t i = 0; i < problem.flows(); ++i) {
    for (std::uint32_t u = problem.first_use[i]; u < problem.first_use[i + 1]; ++u) {
      if (problem.uses[u].link == link) sum += rates[i] * problem.uses[u].share;
    }
  }
  return sum;
}

TEST(MaxMin, NoLinkCarriesMoreThanItsCapacity) {
  Random random(1);
  MaxMinSolver solver;
  for (int round = 0; round < 500; ++round) {
    const MaxMinProblem problem = random_problem(random);
    const std::vector<double> rates = solver.solve(problem);
    for (std::uint32_t l = 0; l < problem.capacity.size(); ++l) {
      EXPECT_LE(load_of(problem, rates, l), problem.capacity[l] * (1 + 1e-9));
    }
  }
}

TEST(MaxMin, EveryFlowIsAtItsLimitOrHasABottleneck) {
  // The definition: a full link on which no flow has a larger rate per weight (Bertsekas & Gallager §6.5.2).
  Random random(2);
  MaxMinSolver solver;
  for (int round = 0; round < 500; ++round) {
    const MaxMinProblem problem = random_problem(random);
    const std::vector<double> rates = solver.solve(problem);
    std::vector<double> highest(problem.capacity.size(), 0.0);
    for (std::size_t i = 0; i < problem.flows(); ++i) {
      for (std::uint32_t u = problem.first_use[i]; u < problem.first_use[i + 1]; ++u) {
        highest[problem.uses[u].link] = std::max(highest[problem.uses[u].link], rates[i] / problem.weight[i]);
      }
    }
    for (std::size_t i = 0; i < problem.flows(); ++i) {
      bool bound = rates[i] >= problem.limit[i] * (1 - 1e-9);
      for (std::uint32_t u = problem.first_use[i]; u < problem.first_use[i + 1] && !bound; ++u) {
        const std::uint32_t link = problem.uses[u].link;
        bound = load_of(problem, rates, link) >= problem.capacity[link] * (1 - 1e-9) &&
                rates[i] / problem.weight[i] >= highest[link] * (1 - 1e-9);
      }
      EXPECT_TRUE(bound) << "round " << round << ", flow " << i;
      EXPECT_GT(rates[i], 0.0);
    }
  }
}

TEST(MaxMin, SharesAndWeightsScaleRates) {
  // One link of 12: weights 1 and 2 with share 1, weight 1 with share 3. Level: 12/(1 + 2 + 3) = 2.
  MaxMinProblem problem;
  problem.capacity = {12.0};
  const LinkUse plain{0, 1.0}, heavy{0, 3.0};
  problem.add_flow(&plain, 1, 1.0, kUnlimited);
  problem.add_flow(&plain, 1, 2.0, kUnlimited);
  problem.add_flow(&heavy, 1, 1.0, kUnlimited);
  MaxMinSolver solver;
  EXPECT_EQ(solver.solve(problem), (std::vector<double>{2.0, 4.0, 2.0}));
}

TEST(MaxMin, LeavesToOthersWhatALimitedFlowDoesNotTake) {
  // Link of 10: one flow stops at 1, the two others share 9.
  MaxMinProblem problem;
  problem.capacity = {10.0};
  const LinkUse use{0, 1.0};
  problem.add_flow(&use, 1, 1.0, 1.0);
  problem.add_flow(&use, 1, 1.0, kUnlimited);
  problem.add_flow(&use, 1, 1.0, kUnlimited);
  MaxMinSolver solver;
  EXPECT_EQ(solver.solve(problem), (std::vector<double>{1.0, 4.5, 4.5}));
}

TEST(MaxMin, RefusesFlowsWithoutMeaning) {
  MaxMinProblem problem;
  problem.capacity = {1.0};
  const LinkUse use{0, 1.0}, negative{0, -1.0};
  EXPECT_THROW(problem.add_flow(&use, 1, 0.0, 1.0), std::invalid_argument);
  EXPECT_THROW(problem.add_flow(&use, 1, 1.0, 0.0), std::invalid_argument);
  EXPECT_THROW(problem.add_flow(&use, 0, 1.0, kUnlimited), std::invalid_argument);
  EXPECT_THROW(problem.add_flow(&negative, 1, 1.0, kUnlimited), std::invalid_argument);
}

// Runs until nothing is left; returns each tag's completion (tags count from 0).
std::vector<SimTime> run(FlowNetwork& network, std::size_t flows) {
  std::vector<SimTime> ends(flows, 0);
  std::vector<std::uint64_t> done;
  for (SimTime next = network.next_completion(); next != kNever; next = network.next_completion()) {
    done.clear();
    network.advance(next, done);
    for (const std::uint64_t tag : done) ends[tag] = next;
  }
  return ends;
}

const std::vector<LinkId> kFirst{LinkId{0}}, kSecond{LinkId{1}}, kBoth{LinkId{0}, LinkId{1}};

TEST(FlowNetwork, ThreeFlowsOverTwoLinks) {
  // Links of 10 and 4 GB/s. A crosses both, B the first, C the second. C and A share 4: 2 each; B takes 8.
  const std::vector<BytesPerSecond> capacities{BytesPerSecond{10e9}, BytesPerSecond{4e9}};
  FlowNetwork network(capacities);
  network.start_bytes(0, Bytes{4e9}, kBoth, 0);
  network.start_bytes(1, Bytes{4e9}, kFirst, 0);
  network.start_bytes(2, Bytes{2e9}, kSecond, 0);
  EXPECT_NEAR(network.rate(0) * 1e12, 2e9, 1.0);
  EXPECT_NEAR(network.rate(1) * 1e12, 8e9, 1.0);
  EXPECT_NEAR(network.rate(2) * 1e12, 2e9, 1.0);
  EXPECT_NEAR(network.load(LinkId{0}).value(), 10e9, 10.0);
  EXPECT_NEAR(network.load(LinkId{1}).value(), 4e9, 10.0);
  // B ends at 0.5 s, C at 1 s; A has 2 GB left then and the second link's 4 GB/s for itself: 1.5 s.
  const auto ends = run(network, 3);
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
  std::vector<std::uint64_t> done;
  network.advance(kPicosecondsPerSecond / 2, done);
  EXPECT_TRUE(done.empty());
  network.start_bytes(1, Bytes{2e9}, kFirst, kPicosecondsPerSecond / 2);
  const auto ends = run(network, 2);
  EXPECT_EQ(ends[1], kPicosecondsPerSecond / 10 * 9);
  EXPECT_EQ(ends[0], kPicosecondsPerSecond / 10 * 12);
}

TEST(FlowNetwork, ADisturbanceElsewhereLeavesCompletionsAlone) {
  // 7 bytes at 3 GB/s take 2333.3 ps; flows that come and go on the other link must not move that by rounding.
  const std::vector<BytesPerSecond> capacities{BytesPerSecond{3e9}, BytesPerSecond{1e9}};
  FlowNetwork network(capacities);
  network.start_bytes(0, Bytes{7.0}, kFirst, 0);
  for (std::uint64_t i = 1; i <= 100; ++i) network.start_bytes(i, Bytes{0.01 * static_cast<double>(i)}, kSecond, 0);
  const auto ends = run(network, 101);
  EXPECT_EQ(ends[0], 2333u);
}

TEST(FlowNetwork, SolvesOnlyTheComponentThatChanged) {
  const std::vector<BytesPerSecond> capacities(100, BytesPerSecond{1e9});
  FlowNetwork network(capacities);
  for (std::uint32_t i = 0; i < 100; ++i) {
    network.start_bytes(i, Bytes{1e6 * (i + 1)}, std::vector<LinkId>{LinkId{i}}, 0);
  }
  (void)network.next_completion();
  EXPECT_EQ(network.solutions(), 1u);
  EXPECT_EQ(network.flows_solved(), 100u);
  (void)run(network, 100);
  EXPECT_EQ(network.flows_solved(), 100u) << "a flow that ends alone on its link concerns nobody";
}

// Random arrivals; after each step the incremental rates equal those of one solution from scratch.
TEST(FlowNetwork, IncrementalRatesEqualAFullSolution) {
  Random random(3);
  for (int round = 0; round < 20; ++round) {
    const std::uint32_t links = 12;
    std::vector<BytesPerSecond> capacities;
    for (std::uint32_t l = 0; l < links; ++l) capacities.emplace_back(random.uniform(1e9, 50e9));
    FlowNetwork network(capacities);
    std::vector<std::vector<LinkUse>> uses;
    std::vector<char> alive;
    SimTime now = 0;
    for (std::uint64_t tag = 0; tag < 150; ++tag) {
      std::vector<LinkUse> route;
      for (std::uint32_t l = random.below(3); l < links; l += 1 + random.below(8)) route.push_back({l, 1.0});
      network.start({tag, random.uniform(1e3, 1e6), 1.0, kUnlimited, route}, now);
      uses.push_back(route);
      alive.push_back(1);
      const SimTime next = network.next_completion();
      const SimTime then = now + random.below(20'000'000);
      std::vector<std::uint64_t> done;
      now = std::min(next, then);
      network.advance(now, done);
      for (const std::uint64_t ended : done) alive[ended] = 0;

      MaxMinProblem full;
      for (const BytesPerSecond c : capacities) full.capacity.push_back(c.value() * 1e-12);
      std::vector<std::uint64_t> tags;
      for (std::uint64_t t = 0; t < alive.size(); ++t) {
        if (!alive[t]) continue;
        full.add_flow(uses[t].data(), uses[t].size(), 1.0, kUnlimited);
        tags.push_back(t);
      }
      MaxMinSolver solver;
      const std::vector<double>& rates = solver.solve(full);
      for (std::size_t i = 0; i < tags.size(); ++i) ASSERT_NEAR(network.rate(tags[i]) / rates[i], 1.0, 1e-12);
    }
  }
}

struct Exchange {
  SimTime makespan = 0;
  std::uint64_t solutions = 0;
};

// All-to-all of `hosts` over a star; sizes bytes·(1 ± spread).
Exchange all_to_all(std::uint32_t hosts, double bytes, double spread, double batch) {
  Random random(4);
  std::vector<BytesPerSecond> capacities(2 * hosts, BytesPerSecond{50e9});
  FlowNetwork network(capacities, {batch});
  std::uint64_t tag = 0;
  for (std::uint32_t s = 0; s < hosts; ++s) {
    for (std::uint32_t d = 0; d < hosts; ++d) {
      if (s == d) continue;
      const std::vector<LinkId> route{LinkId{s}, LinkId{hosts + d}};
      network.start_bytes(tag++, Bytes{bytes * random.uniform(1 - spread, 1 + spread)}, route, 0);
    }
  }
  const auto ends = run(network, tag);
  return {*std::max_element(ends.begin(), ends.end()), network.solutions()};
}

TEST(FlowNetwork, AllToAllOfEqualSizesIsOneSolution) {
  // 64 hosts, 1 MB to each of 63 peers at 50 GB/s: 63 MB/50 GB/s = 1.26 ms.
  const Exchange exchange = all_to_all(64, 1e6, 0.0, 0.0);
  EXPECT_NEAR(static_cast<double>(exchange.makespan), 1.26e9, 1.0);
  EXPECT_LE(exchange.solutions, 2u);
}

TEST(FlowNetwork, AllToAllOfUnequalSizesLiesBetweenItsBounds) {
  // ±20 %: no host can be faster than its own bytes (mean 1.26 ms, the largest of 64 sums of 63 sizes some per cent
  // above), and the makespan can't exceed the time at the equal share of the largest message, 1.2 · 1.26 ms.
  const Exchange exact = all_to_all(64, 1e6, 0.2, 0.0);
  EXPECT_GT(exact.makespan, 1'260'000'000u);
  EXPECT_LT(exact.makespan, 1'512'000'000u);
  EXPECT_GT(exact.solutions, 3'000u) << "nearly every completion changes rates";
}

TEST(FlowNetwork, BatchingIsLateByAtMostItsShare) {
  const Exchange exact = all_to_all(48, 1e6, 0.2, 0.0);
  for (const double batch : {0.001, 0.01}) {
    const Exchange batched = all_to_all(48, 1e6, 0.2, batch);
    const double ratio = static_cast<double>(batched.makespan) / static_cast<double>(exact.makespan);
    EXPECT_GT(ratio, 1.0 - 1e-3);
    EXPECT_LT(ratio, 1.0 + 3.0 * batch);
    EXPECT_LT(batched.solutions, exact.solutions / (batch < 0.005 ? 5 : 20)) << batch;
  }
}

TEST(FlowNetwork, IsDeterministic) {
  EXPECT_EQ(all_to_all(24, 1e6, 0.2, 0.0).makespan, all_to_all(24, 1e6, 0.2, 0.0).makespan);
}

TEST(FlowNetwork, CompletionsOfOneTimeComeByTag) {
  const std::vector<BytesPerSecond> capacities{BytesPerSecond{1e9}, BytesPerSecond{1e9}};
  FlowNetwork network(capacities);
  for (const std::uint64_t tag : {7u, 3u, 5u}) network.start_bytes(tag, Bytes{1e6}, tag == 5 ? kSecond : kFirst, 0);
  std::vector<std::uint64_t> done;
  network.advance(network.next_completion(), done);
  EXPECT_EQ(done, (std::vector<std::uint64_t>{5}));
  done.clear();
  network.advance(network.next_completion(), done);
  EXPECT_EQ(done, (std::vector<std::uint64_t>{3, 7}));
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
  EXPECT_EQ(network.active(), 0u);
  std::vector<std::uint64_t> done;
  network.advance(5, done);
  EXPECT_THROW(network.start_bytes(0, Bytes{1.0}, kFirst, 4), std::invalid_argument);
  EXPECT_THROW(network.advance(4, done), std::invalid_argument);
}

TEST(FlowNetwork, AFlowOfNoBytesEndsAtOnce) {
  const std::vector<BytesPerSecond> capacities{BytesPerSecond{1e9}};
  FlowNetwork network(capacities);
  network.start_bytes(0, Bytes{0.0}, kFirst, 42);
  EXPECT_EQ(network.next_completion(), 42u);
}

}  // namespace
}  // namespace orrery::sim
