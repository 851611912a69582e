// What tests of max-min rates and flows share: numbers that are the same on every machine, the textbook's solution,
// and a run to the end.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include "sim/network/flow_network.hpp"
#include "sim/network/max_min.hpp"

namespace orrery::sim::test {

/// splitmix64 (Steele et al., OOPSLA 2014).
class Numbers {
 public:
  explicit Numbers(std::uint64_t seed) : state_(seed) {}
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

/// Up to four links, each once.
inline std::vector<LinkUse> random_route(Numbers& numbers, std::uint32_t links, std::uint32_t least = 0) {
  std::vector<LinkUse> uses;
  const std::uint32_t hops = least + numbers.below(5 - least);
  for (std::uint32_t h = 0; h < hops; ++h) {
    const std::uint32_t link = numbers.below(links);
    if (std::none_of(uses.begin(), uses.end(), [&](const LinkUse& u) { return u.link == link; })) {
      uses.push_back({link, numbers.uniform(0.2, 3.0)});
    }
  }
  return uses;
}

inline MaxMinProblem random_problem(Numbers& numbers) {
  MaxMinProblem problem;
  const std::uint32_t links = 1 + numbers.below(20), flows = 1 + numbers.below(60);
  for (std::uint32_t l = 0; l < links; ++l) problem.capacity.push_back(numbers.uniform(1.0, 100.0));
  for (std::uint32_t f = 0; f < flows; ++f) {
    const std::vector<LinkUse> uses = random_route(numbers, links);
    const bool limited = uses.empty() || numbers.below(3) == 0;
    problem.add_flow(uses.data(), uses.size(), numbers.uniform(0.5, 4.0),
                     limited ? numbers.uniform(0.5, 50.0) : kUnlimited);
  }
  return problem;
}

/// Max-min rates as the textbook has them (Bertsekas & Gallager, §6.5.2): raise the level of all flows that still grow
/// to the first that any link or limit allows, stop the flows concerned, sum everything up anew. O(flows² · uses),
/// in long double, with nothing in common with the solver but the problem.
inline std::vector<long double> textbook_rates(const MaxMinProblem& problem) {
  const std::size_t flows = problem.flows(), links = problem.capacity.size();
  std::vector<long double> rate(flows, -1.0L);
  const auto each_use = [&](auto&& visit) {
    for (std::size_t i = 0; i < flows; ++i) {
      for (std::uint32_t u = problem.first_use[i]; u < problem.first_use[i + 1]; ++u) visit(i, problem.uses[u]);
    }
  };
  while (true) {
    std::vector<long double> left(problem.capacity.begin(), problem.capacity.end()), grows(links, 0.0L);
    each_use([&](std::size_t i, const LinkUse& use) {
      if (rate[i] < 0.0L) {
        grows[use.link] += static_cast<long double>(problem.weight[i]) * use.share;
      } else {
        left[use.link] -= rate[i] * use.share;
      }
    });
    long double lowest = std::numeric_limits<long double>::infinity();
    for (std::size_t l = 0; l < links; ++l) {
      if (grows[l] > 0.0L) lowest = std::min(lowest, left[l] / grows[l]);
    }
    for (std::size_t i = 0; i < flows; ++i) {
      if (rate[i] < 0.0L) lowest = std::min(lowest, static_cast<long double>(problem.limit[i]) / problem.weight[i]);
    }
    if (lowest == std::numeric_limits<long double>::infinity()) return rate;
    std::vector<char> stops(flows, 0);
    each_use([&](std::size_t i, const LinkUse& use) {
      if (rate[i] < 0.0L && left[use.link] / grows[use.link] <= lowest * (1.0L + 1e-15L)) stops[i] = 1;
    });
    for (std::size_t i = 0; i < flows; ++i) {
      if (rate[i] >= 0.0L) continue;
      const bool at_limit = static_cast<long double>(problem.limit[i]) / problem.weight[i] <= lowest;
      if (at_limit) {
        rate[i] = problem.limit[i];
      } else if (stops[i]) {
        rate[i] = lowest * problem.weight[i];
      }
    }
  }
}

/// A flow of `work` picoseconds at full speed that puts `share` on a link meanwhile.
inline FlowSpec busy(std::uint64_t tag, double work, const LinkUse& use) { return {tag, work, 1.0, 1.0, {&use, 1}}; }

/// Runs until nothing is left; each tag's completion (tags count from 0).
inline std::vector<SimTime> run_to_end(FlowNetwork& network, std::size_t flows) {
  std::vector<SimTime> ends(flows, 0);
  std::vector<FlowEnd> done;
  for (SimTime next = network.next_completion(); next != kNever; next = network.next_completion()) {
    done.clear();
    network.advance(next, done);
    for (const FlowEnd& flow : done) ends[flow.tag] = next;
  }
  return ends;
}

inline std::vector<std::uint64_t> tags(const std::vector<FlowEnd>& ended) {
  std::vector<std::uint64_t> out;
  for (const FlowEnd& flow : ended) out.push_back(flow.tag);
  return out;
}

}  // namespace orrery::sim::test
