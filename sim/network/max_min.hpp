// Weighted max-min fair rates by progressive filling.
//
// A flow i of rate r_i puts r_i·share_il on link l. All rates grow together as r_i = weight_i·level until a link
// is full or a flow reaches its limit; the flows concerned stop there and the others grow on. In the result every
// flow is at its limit or crosses a full link on which no flow has a larger r/weight (its bottleneck).
//
// Cost: O(uses · log links). Source: Bertsekas & Gallager, Data Networks, §6.5.2.
// Limitations: capacities are per link and constant; shares are positive.
#pragma once

#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace orrery::sim {

/// One link of a flow's route: `share` units of the link's capacity per unit of rate.
struct LinkUse {
  std::uint32_t link = 0;
  double share = 1.0;
};

inline constexpr double kUnlimited = std::numeric_limits<double>::infinity();

/// Flows in compressed rows: flow i uses uses[first_use[i], first_use[i + 1]).
struct MaxMinProblem {
  std::vector<double> capacity;  ///< per link, > 0
  std::vector<std::uint32_t> first_use{0};
  std::vector<LinkUse> uses;
  std::vector<double> weight;  ///< per flow, > 0
  std::vector<double> limit;   ///< per flow, > 0; kUnlimited where only links bound it

  void clear();
  /// Appends a flow. Throws std::invalid_argument on a weight, limit or share that is not positive, or a flow
  /// that neither uses a link nor has a limit.
  void add_flow(const LinkUse* first, std::size_t count, double flow_weight, double flow_limit);
  [[nodiscard]] std::size_t flows() const { return weight.size(); }
};

/// Solves problems; keeps its memory between them.
class MaxMinSolver {
 public:
  /// The rate of each flow.
  const std::vector<double>& solve(const MaxMinProblem& problem);

 private:
  struct Link {
    double left = 0.0;    ///< capacity that frozen flows leave
    double weight = 0.0;  ///< Σ weight·share of the flows that still grow
    std::uint32_t growing = 0;
  };

  void index_links(const MaxMinProblem& problem);
  void freeze(const MaxMinProblem& problem, std::uint32_t flow, double rate);
  [[nodiscard]] double level(std::uint32_t link) const;

  std::vector<Link> links_;
  std::vector<std::uint32_t> first_flow_, flows_of_link_;
  std::vector<std::pair<double, std::uint32_t>> heap_;         // (level, link); levels only grow, so stale ones are low
  std::vector<std::pair<double, std::uint32_t>> limit_order_;  // (level at its limit, flow)
  std::vector<double> rates_;
  std::vector<char> frozen_;
};

}  // namespace orrery::sim
