// Laws of fair shares: what changes of names, units and parts must leave alone, of rates and of flows over time.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>

#include "tests/sim/flow_support.hpp"

namespace orrery::sim {
namespace {

using test::Numbers;
using test::random_problem;

std::vector<std::size_t> random_order(Numbers& numbers, std::size_t count) {
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  for (std::size_t i = count; i > 1; --i) std::swap(order[i - 1], order[numbers.below(static_cast<std::uint32_t>(i))]);
  return order;
}

/// Flow order[i] of `problem` is flow i of the result; link l becomes renamed[l].
MaxMinProblem permuted(const MaxMinProblem& problem, const std::vector<std::size_t>& order,
                       const std::vector<std::size_t>& renamed) {
  MaxMinProblem out;
  out.capacity.resize(problem.capacity.size());
  for (std::size_t l = 0; l < renamed.size(); ++l) out.capacity[renamed[l]] = problem.capacity[l];
  for (const std::size_t f : order) {
    std::vector<LinkUse> uses(problem.uses.begin() + problem.first_use[f],
                              problem.uses.begin() + problem.first_use[f + 1]);
    for (LinkUse& use : uses) use.link = static_cast<std::uint32_t>(renamed[use.link]);
    std::reverse(uses.begin(), uses.end());
    out.add_flow(uses.data(), uses.size(), problem.weight[f], problem.limit[f]);
  }
  return out;
}

TEST(MaxMinLaws, NamesOfFlowsAndLinksDoNotMatter) {
  Numbers numbers(31);
  MaxMinSolver solver;
  for (int round = 0; round < 300; ++round) {
    const MaxMinProblem problem = random_problem(numbers);
    const std::vector<double> rates = solver.solve(problem);
    const auto order = random_order(numbers, problem.flows()), renamed = random_order(numbers, problem.capacity.size());
    const std::vector<double> other = solver.solve(permuted(problem, order, renamed));
    for (std::size_t i = 0; i < order.size(); ++i) ASSERT_NEAR(other[i] / rates[order[i]], 1.0, 1e-9) << round;
  }
}

TEST(MaxMinLaws, RatesScaleWithCapacitiesAndLimits) {
  Numbers numbers(32);
  MaxMinSolver solver;
  for (int round = 0; round < 300; ++round) {
    const MaxMinProblem problem = random_problem(numbers);
    const std::vector<double> rates = solver.solve(problem);
    MaxMinProblem larger = problem;
    const double factor = std::exp(numbers.uniform(-5.0, 5.0));
    for (double& capacity : larger.capacity) capacity *= factor;
    for (double& limit : larger.limit) limit *= factor;
    const std::vector<double> scaled = solver.solve(larger);
    for (std::size_t i = 0; i < rates.size(); ++i) ASSERT_NEAR(scaled[i] / rates[i], factor, 1e-9 * factor);
  }
}

TEST(MaxMinLaws, OnlyTheRatiosOfWeightsCount) {
  Numbers numbers(33);
  MaxMinSolver solver;
  for (int round = 0; round < 300; ++round) {
    MaxMinProblem problem = random_problem(numbers);
    const std::vector<double> rates = solver.solve(problem);
    for (double& weight : problem.weight) weight *= 37.5;
    const std::vector<double> same = solver.solve(problem);
    for (std::size_t i = 0; i < rates.size(); ++i) ASSERT_NEAR(same[i] / rates[i], 1.0, 1e-9);
  }
}

TEST(MaxMinLaws, AFlowCutInTwoOfItsWeightAndLimitGetsWhatItGotAlone) {
  Numbers numbers(34);
  MaxMinSolver solver;
  for (int round = 0; round < 300; ++round) {
    const MaxMinProblem problem = random_problem(numbers);
    const std::vector<double> rates = solver.solve(problem);
    const std::size_t cut = numbers.below(static_cast<std::uint32_t>(problem.flows()));
    const double part = numbers.uniform(0.1, 0.9);
    MaxMinProblem parts = problem;
    parts.weight[cut] *= part;
    parts.limit[cut] *= part;
    const LinkUse* first = problem.uses.data() + problem.first_use[cut];
    parts.add_flow(first, problem.first_use[cut + 1] - problem.first_use[cut], problem.weight[cut] * (1.0 - part),
                   problem.limit[cut] * (1.0 - part));
    const std::vector<double> both = solver.solve(parts);
    ASSERT_NEAR((both[cut] + both.back()) / rates[cut], 1.0, 1e-9) << round;
    for (std::size_t i = 0; i < rates.size(); ++i) {
      if (i != cut) {
        ASSERT_NEAR(both[i] / rates[i], 1.0, 1e-9) << round;
      }
    }
  }
}

TEST(MaxMinLaws, TheLeastFavouredFlowNeverLosesWhenALinkGrows) {
  // The smallest rate per weight is the largest possible: more capacity can't make it smaller.
  Numbers numbers(35);
  MaxMinSolver solver;
  for (int round = 0; round < 300; ++round) {
    MaxMinProblem problem = random_problem(numbers);
    const auto least = [&] {
      const std::vector<double>& rates = solver.solve(problem);
      double level = 1e300;
      for (std::size_t i = 0; i < rates.size(); ++i) level = std::min(level, rates[i] / problem.weight[i]);
      return level;
    };
    const double before = least();
    problem.capacity[numbers.below(static_cast<std::uint32_t>(problem.capacity.size()))] *= 1.5;
    EXPECT_GE(least(), before * (1 - 1e-9)) << round;
  }
}

/// Flows of bytes over random routes that start at random times; each tag's end.
struct Traffic {
  struct Flow {
    SimTime start;
    double bytes;
    std::vector<LinkId> route;
  };
  std::vector<BytesPerSecond> capacities;
  std::vector<Flow> flows;

  static Traffic random(Numbers& numbers) {
    Traffic out;
    const std::uint32_t links = 2 + numbers.below(6), count = 2 + numbers.below(20);
    for (std::uint32_t l = 0; l < links; ++l) out.capacities.emplace_back(1e9 * numbers.uniform(1.0, 100.0));
    SimTime now = 0;
    for (std::uint32_t f = 0; f < count; ++f) {
      now += numbers.below(2'000'000);
      std::vector<LinkId> route{LinkId(numbers.below(links))};
      const LinkId second(numbers.below(links));
      if (second != route[0]) route.push_back(second);
      out.flows.push_back({now, numbers.uniform(1e4, 1e6), route});
    }
    return out;
  }

  [[nodiscard]] std::vector<SimTime> run(FlowNetwork& network) const {
    std::vector<SimTime> ends(flows.size(), 0);
    std::vector<FlowEnd> done;
    const auto advance = [&](SimTime until) {
      for (SimTime next = network.next_completion(); next <= until && next != kNever;
           next = network.next_completion()) {
        done.clear();
        network.advance(next, done);
        for (const FlowEnd& flow : done) ends[flow.tag] = next;
      }
    };
    for (std::size_t f = 0; f < flows.size(); ++f) {
      advance(flows[f].start);
      network.start_bytes(f, Bytes{flows[f].bytes}, flows[f].route, flows[f].start);
    }
    advance(kNever);
    return ends;
  }
  [[nodiscard]] double alone(std::size_t f) const {
    double rate = 1e300;
    for (const LinkId link : flows[f].route) rate = std::min(rate, capacities[link.index()].value());
    return flows[f].bytes / rate * 1e12;
  }
};

TEST(FlowLaws, EveryLinkCarriesTheBytesOfTheFlowsThatCrossIt) {
  Numbers numbers(36);
  for (int round = 0; round < 100; ++round) {
    const Traffic traffic = Traffic::random(numbers);
    FlowNetwork network(traffic.capacities, {0.0, true});
    const std::vector<SimTime> ends = traffic.run(network);
    for (std::size_t l = 0; l < traffic.capacities.size(); ++l) {
      double expected = 0.0, carried = 0.0;
      for (const Traffic::Flow& flow : traffic.flows) {
        if (std::find(flow.route.begin(), flow.route.end(), LinkId(l)) != flow.route.end()) expected += flow.bytes;
      }
      // The integral of the load over time, from the recorded changes.
      const auto changes = network.changes(LinkId(l));
      for (std::size_t i = 0; i + 1 < changes.size(); ++i) {
        carried += changes[i].rate.value() * static_cast<double>(changes[i + 1].time - changes[i].time) * 1e-12;
        EXPECT_LE(changes[i].rate.value(), traffic.capacities[l].value() * (1 + 1e-9));
      }
      EXPECT_NEAR(carried, expected, 1e-6 * expected + 1.0) << "round " << round << ", link " << l;
    }
    EXPECT_EQ(network.active(), 0u);
    for (const SimTime end : ends) EXPECT_GT(end, 0u);
  }
}

TEST(FlowLaws, NoFlowIsFasterThanAloneAndNoneSlowerThanOneAfterTheOther) {
  Numbers numbers(37);
  for (int round = 0; round < 100; ++round) {
    const Traffic traffic = Traffic::random(numbers);
    FlowNetwork network(traffic.capacities);
    const std::vector<SimTime> ends = traffic.run(network);
    double all = 0.0;
    for (std::size_t f = 0; f < ends.size(); ++f) all += traffic.alone(f);
    for (std::size_t f = 0; f < ends.size(); ++f) {
      const auto took = static_cast<double>(ends[f] - traffic.flows[f].start);
      EXPECT_GE(took, traffic.alone(f) - 1.0) << "round " << round;
      EXPECT_LE(took, all + static_cast<double>(ends.size())) << "some link is always full: " << round;
    }
  }
}

TEST(FlowLaws, TwiceTheBytesOnLinksTwiceAsWideTakeTheSameTime) {
  Numbers numbers(38);
  for (int round = 0; round < 60; ++round) {
    const Traffic traffic = Traffic::random(numbers);
    Traffic twice = traffic;
    for (BytesPerSecond& capacity : twice.capacities) capacity *= 2.0;
    for (Traffic::Flow& flow : twice.flows) flow.bytes *= 2.0;
    FlowNetwork one(traffic.capacities), two(twice.capacities);
    EXPECT_EQ(traffic.run(one), twice.run(two)) << round;
  }
}

}  // namespace
}  // namespace orrery::sim
