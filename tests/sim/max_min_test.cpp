// Max-min rates against the definition, the textbook's algorithm and hand-made cases.
#include "sim/network/max_min.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <vector>

#include <gtest/gtest.h>

#include "tests/sim/flow_support.hpp"

namespace orrery::sim {
namespace {

using test::Numbers;
using test::random_problem;

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
  Numbers numbers(1);
  MaxMinSolver solver;
  for (int round = 0; round < 500; ++round) {
    const MaxMinProblem problem = random_problem(numbers);
    const std::vector<double> rates = solver.solve(problem);
    for (std::uint32_t l = 0; l < problem.capacity.size(); ++l) {
      const double load = load_of(problem, rates, l);
      EXPECT_LE(load, problem.capacity[l] * (1 + 1e-9));
      EXPECT_NEAR(solver.left(l), problem.capacity[l] - load, 1e-9 * problem.capacity[l]);
    }
  }
}

TEST(MaxMin, EveryFlowIsAtItsLimitOrHasABottleneck) {
  // The definition: a full link on which no flow has a larger rate per weight (Bertsekas & Gallager §6.5.2).
  Numbers numbers(2);
  MaxMinSolver solver;
  for (int round = 0; round < 500; ++round) {
    const MaxMinProblem problem = random_problem(numbers);
    const std::vector<double> rates = solver.solve(problem);
    std::vector<double> highest(problem.capacity.size(), 0.0);
    for (std::size_t i = 0; i < problem.flows(); ++i) {
      for (std::uint32_t u = problem.first_use[i]; u < problem.first_use[i + 1]; ++u) {
        highest[problem.uses[u].link] = std::max(highest[problem.uses[u].link], rates[i] / problem.weight[i]);
      }
    }
    for (std::size_t i = 0; i < problem.flows(); ++i) {
      const std::uint32_t link = solver.binding(i);
      EXPECT_GT(rates[i], 0.0);
      if (link == kNoLink) {
        EXPECT_EQ(rates[i], problem.limit[i]) << "round " << round << ", flow " << i;
        continue;
      }
      const auto first = problem.uses.begin() + problem.first_use[i],
                 last = problem.uses.begin() + problem.first_use[i + 1];
      EXPECT_TRUE(std::any_of(first, last, [&](const LinkUse& use) { return use.link == link; }));
      EXPECT_NEAR(load_of(problem, rates, link), problem.capacity[link], 1e-9 * problem.capacity[link]);
      EXPECT_GE(rates[i] / problem.weight[i], highest[link] * (1 - 1e-9)) << "round " << round << ", flow " << i;
    }
  }
}

TEST(MaxMin, EqualsTheTextbook) {
  Numbers numbers(5);
  MaxMinSolver solver;
  for (int round = 0; round < 2000; ++round) {
    const MaxMinProblem problem = random_problem(numbers);
    const std::vector<double> rates = solver.solve(problem);
    const std::vector<long double> expected = test::textbook_rates(problem);
    for (std::size_t i = 0; i < rates.size(); ++i) {
      ASSERT_NEAR(rates[i] / static_cast<double>(expected[i]), 1.0, 1e-9) << "round " << round << ", flow " << i;
    }
  }
}

TEST(MaxMin, EqualsTheTextbookOnOneLink) {
  // Few limits and many different ones: both ways of solving a single link.
  Numbers numbers(10);
  MaxMinSolver solver;
  for (int round = 0; round < 500; ++round) {
    MaxMinProblem problem;
    problem.capacity.push_back(numbers.uniform(1.0, 100.0));
    const std::uint32_t flows = 1 + numbers.below(60), limited = numbers.below(4);
    for (std::uint32_t f = 0; f < flows; ++f) {
      const LinkUse use{0, numbers.uniform(0.2, 3.0)};
      problem.add_flow(&use, 1, std::exp(numbers.uniform(-4.0, 4.0)),
                       numbers.below(3) < limited ? std::exp(numbers.uniform(-6.0, 4.0)) : kUnlimited);
    }
    if (flows > 3) problem.remove_flow(2);
    const std::vector<double> rates = solver.solve(problem);
    MaxMinProblem present = problem;
    if (flows > 3) {  // the textbook knows no flow that was taken out: one that takes next to nothing
      present.weight[2] = 1.0;
      present.limit[2] = 1e-30;
    }
    const std::vector<long double> expected = test::textbook_rates(present);
    double load = 0.0;
    for (std::size_t i = 0; i < rates.size(); ++i) {
      load += rates[i] * problem.uses[i].share;
      if (flows > 3 && i == 2) {
        EXPECT_EQ(rates[i], 0.0);
      } else {
        ASSERT_NEAR(rates[i] / static_cast<double>(expected[i]), 1.0, 1e-9) << "round " << round << ", flow " << i;
        EXPECT_EQ(solver.binding(i) == kNoLink, rates[i] == problem.limit[i]);
      }
    }
    EXPECT_NEAR(solver.left(0), problem.capacity[0] - load, 1e-9 * problem.capacity[0]);
  }
}

TEST(MaxMin, KeepsItsDigitsWhereWeightsDifferByMuch) {
  // The heavy flow stops at its limit of 1; what its weight leaves of the sum must not be the light ones' share.
  MaxMinProblem problem;
  problem.capacity = {3.0};
  const LinkUse use{0, 1.0};
  problem.add_flow(&use, 1, 1e12, 1.0);
  problem.add_flow(&use, 1, 3e-6, kUnlimited);
  problem.add_flow(&use, 1, 1e-6, kUnlimited);
  MaxMinSolver solver;
  const std::vector<double>& rates = solver.solve(problem);
  EXPECT_EQ(rates[0], 1.0);
  EXPECT_NEAR(rates[1], 1.5, 1e-12);
  EXPECT_NEAR(rates[2], 0.5, 1e-12);
}

TEST(MaxMin, GivesEveryFlowARateWhereALimitLeavesNothing) {
  // Levels tie: the first flow's limit fills the link just as the link fills.
  MaxMinProblem problem;
  problem.capacity = {0.5};
  const LinkUse use{0, 1.0};
  problem.add_flow(&use, 1, 1.0, 0.5);
  problem.add_flow(&use, 1, 1e-20, kUnlimited);
  MaxMinSolver solver;
  EXPECT_NEAR(solver.solve(problem)[1] / 0.5e-20, 1.0, 1e-9);
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
  EXPECT_EQ(solver.binding(0), kNoLink);
  EXPECT_EQ(solver.binding(1), 0u);
}

TEST(MaxMin, ALinkNamedTwiceCountsTwice) {
  MaxMinProblem problem;
  problem.capacity = {9.0};
  const LinkUse twice[] = {{0, 1.0}, {0, 1.0}}, once{0, 1.0};
  problem.add_flow(twice, 2, 1.0, kUnlimited);
  problem.add_flow(&once, 1, 1.0, kUnlimited);
  problem.add_flow(&once, 1, 1e9, 1e-3);  // leaves a thousandth of the sum: it is made anew
  MaxMinSolver solver;
  const std::vector<double>& rates = solver.solve(problem);
  EXPECT_NEAR(rates[0], (9.0 - 1e-3) / 3.0, 1e-12);
  EXPECT_NEAR(rates[1], (9.0 - 1e-3) / 3.0, 1e-12);
}

TEST(MaxMin, AFlowWithoutALinkIsAtItsLimit) {
  // As many uses as flows, but not one each.
  MaxMinProblem problem;
  problem.capacity = {9.0};
  const LinkUse twice[] = {{0, 1.0}, {0, 2.0}};
  problem.add_flow(twice, 2, 1.0, kUnlimited);
  problem.add_flow(nullptr, 0, 1.0, 5.0);
  MaxMinSolver solver;
  EXPECT_EQ(solver.solve(problem), (std::vector<double>{3.0, 5.0}));
}

// A problem of `copies` like parts that share one core link, and the same with each part's flows and links standing
// for all of them: a link class once, the flows' shares on the core times the number of copies.
TEST(MaxMin, FoldedEqualsFull) {
  Numbers numbers(6);
  MaxMinSolver solver;
  for (int round = 0; round < 300; ++round) {
    const std::uint32_t copies = 2 + numbers.below(6), links = 1 + numbers.below(5), flows = 1 + numbers.below(8);
    MaxMinProblem folded, full;
    const double core = numbers.uniform(5.0, 100.0);
    folded.capacity.push_back(core);
    full.capacity.push_back(core);
    for (std::uint32_t l = 0; l < links; ++l) folded.capacity.push_back(numbers.uniform(1.0, 30.0));
    for (std::uint32_t c = 0; c < copies; ++c) {
      full.capacity.insert(full.capacity.end(), folded.capacity.begin() + 1, folded.capacity.end());
    }
    for (std::uint32_t f = 0; f < flows; ++f) {
      std::vector<LinkUse> uses = test::random_route(numbers, links, 1);
      for (LinkUse& use : uses) ++use.link;
      const bool crosses = numbers.below(2) == 0;
      const double weight = numbers.uniform(0.5, 4.0), share = numbers.uniform(0.2, 3.0);
      const double limit = numbers.below(2) == 0 ? numbers.uniform(0.5, 20.0) : kUnlimited;
      for (std::uint32_t c = 0; c < copies; ++c) {
        std::vector<LinkUse> copy = uses;
        for (LinkUse& use : copy) use.link += c * links;
        if (crosses) copy.push_back({0, share});
        full.add_flow(copy.data(), copy.size(), weight, limit);
      }
      if (crosses) uses.push_back({0, share * copies});
      folded.add_flow(uses.data(), uses.size(), weight, limit);
    }
    const std::vector<double> of_class = solver.solve(folded);
    const std::vector<double> of_each = solver.solve(full);
    for (std::size_t i = 0; i < of_each.size(); ++i) {
      ASSERT_NEAR(of_each[i] / of_class[i / copies], 1.0, 1e-9) << "round " << round << ", flow " << i;
    }
  }
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

}  // namespace
}  // namespace orrery::sim
