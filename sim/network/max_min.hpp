// Weighted max-min fair rates by progressive filling.
//
// A flow i of rate r_i puts r_i·share_il on link l. All rates grow together as r_i = weight_i·level until a link
// is full or a flow reaches its limit; the flows concerned stop there and the others grow on. In the result every
// flow is at its limit or crosses a full link on which no flow has a larger r/weight (its bottleneck).
//
// Example: links of 10 and 4; A crosses both, B the first, C the second, weights and shares 1. The second link is
// full at level 2: A and C stop there. B alone grows on until the first is full, at 8.
//
// Two links with equal capacity and equal rows of (flow, share) are one constraint, and flows that are alike in all
// but their name may be one flow with the sum of their shares: rates stay the same.
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
  friend bool operator==(const LinkUse&, const LinkUse&) = default;
};

inline constexpr double kUnlimited = std::numeric_limits<double>::infinity();

/// "No link": what binds a flow that is at its limit.
inline constexpr std::uint32_t kNoLink = 0xffffffffu;

/// Flows in compressed rows: flow i uses uses[first_use[i], first_use[i + 1]).
struct MaxMinProblem {
  std::vector<double> capacity;  ///< per link, > 0
  std::vector<std::uint32_t> first_use{0};
  std::vector<LinkUse> uses;
  std::vector<double> weight;  ///< per flow, > 0; 0 for one that was taken out, whose rate is 0
  std::vector<double> limit;   ///< per flow, > 0; kUnlimited where only links bound it

  void clear();
  /// Appends a flow. Throws std::invalid_argument on a weight, limit or share that is not positive, or a flow
  /// that neither uses a link nor has a limit.
  void add_flow(const LinkUse* first, std::size_t count, double flow_weight, double flow_limit);
  /// The flow keeps its number and counts no more.
  void remove_flow(std::size_t flow) { weight[flow] = 0.0; }
  [[nodiscard]] std::size_t flows() const { return weight.size(); }
};

/// Solves problems; keeps its memory between them.
class MaxMinSolver {
 public:
  /// The rate of each flow that is there, > 0; exactly its limit where no link holds it up.
  const std::vector<double>& solve(const MaxMinProblem& problem);

  // Of the problem solved last:
  /// The link at which a flow stopped; kNoLink for one at its limit.
  [[nodiscard]] std::uint32_t binding(std::size_t flow) const { return binding_[flow]; }
  /// What the flows leave of a link's capacity; 0 where they fill it.
  [[nodiscard]] double left(std::size_t link) const { return links_[link].left > 0.0 ? links_[link].left : 0.0; }

 private:
  struct Link {
    double left = 0.0;    ///< capacity that flows that have stopped leave
    double weight = 0.0;  ///< Σ weight·share of the flows that still grow
    double summed = 0.0;  ///< `weight` when it was last summed up anew
    std::uint32_t growing = 0;
  };

  [[nodiscard]] bool solve_one_link(const MaxMinProblem& problem);
  void index_links(const MaxMinProblem& problem);
  void index_limits(const MaxMinProblem& problem);
  void stop(const MaxMinProblem& problem, std::uint32_t flow, double rate, std::uint32_t link);
  void stop_all_on(const MaxMinProblem& problem, std::uint32_t link);
  [[nodiscard]] double level(const MaxMinProblem& problem, std::uint32_t link);
  void settle_first_link(const MaxMinProblem& problem);
  void settle_first_limit();

  std::vector<Link> links_;
  std::vector<std::uint32_t> first_flow_, next_flow_, flows_of_link_;
  std::vector<std::pair<double, std::uint32_t>> heap_;    // (level, link); levels only grow, so stale ones are low
  std::vector<std::pair<double, std::uint32_t>> limits_;  // heap of (level at its limit, flow)
  std::vector<double> rates_;
  std::vector<std::uint32_t> binding_;
  std::vector<char> stopped_;
  double reached_ = 0.0;  // the level at which the last flows stopped
};

}  // namespace orrery::sim
