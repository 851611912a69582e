// Progressive filling with lazy heaps of links and limits. See max_min.hpp.
#include "sim/network/max_min.hpp"

#include <algorithm>
#include <functional>
#include <stdexcept>

namespace orrery::sim {
namespace {

// Weights that stopped flows take away leave rounding errors of what they were: a sum that has shrunk to this part
// of itself is made anew from the flows that grow.
constexpr double kShrunk = 1e-3;

constexpr std::greater<> kLater;

}  // namespace

void MaxMinProblem::clear() {
  capacity.clear();
  first_use.assign(1, 0);
  uses.clear();
  weight.clear();
  limit.clear();
}

void MaxMinProblem::add_flow(const LinkUse* first, std::size_t count, double flow_weight, double flow_limit) {
  if (!(flow_weight > 0.0) || !(flow_limit > 0.0)) throw std::invalid_argument("a flow needs weight > 0 and limit > 0");
  if (count == 0 && flow_limit == kUnlimited) throw std::invalid_argument("a flow needs a link or a limit");
  for (std::size_t i = 0; i < count; ++i) {
    if (!(first[i].share > 0.0)) throw std::invalid_argument("a flow needs shares > 0");
    uses.push_back(first[i]);
  }
  first_use.push_back(static_cast<std::uint32_t>(uses.size()));
  weight.push_back(flow_weight);
  limit.push_back(flow_limit);
}

// Levels only grow: where rounding says otherwise, the level reached is the better figure.
double MaxMinSolver::level(const MaxMinProblem& problem, std::uint32_t link) {
  Link& it = links_[link];
  if (it.growing == 0) return reached_;
  if (it.weight < kShrunk * it.summed) {
    it.weight = 0.0;
    for (std::uint32_t f = first_flow_[link]; f < first_flow_[link + 1]; ++f) {
      const std::uint32_t flow = flows_of_link_[f];
      const bool seen = f > first_flow_[link] && flows_of_link_[f - 1] == flow;  // names the link twice
      if (stopped_[flow] || seen) continue;
      for (std::uint32_t u = problem.first_use[flow]; u < problem.first_use[flow + 1]; ++u) {
        if (problem.uses[u].link == link) it.weight += problem.weight[flow] * problem.uses[u].share;
      }
    }
    it.summed = it.weight;
  }
  return std::max(it.left / it.weight, reached_);
}

void MaxMinSolver::index_links(const MaxMinProblem& problem) {
  const std::size_t count = problem.capacity.size(), flows = problem.flows();
  links_.assign(count, {});
  for (std::size_t l = 0; l < count; ++l) links_[l].left = problem.capacity[l];
  for (std::size_t i = 0; i < flows; ++i) {
    stopped_[i] = !(problem.weight[i] > 0.0);
    if (stopped_[i]) continue;
    for (std::uint32_t u = problem.first_use[i]; u < problem.first_use[i + 1]; ++u) {
      Link& link = links_[problem.uses[u].link];
      link.weight += problem.weight[i] * problem.uses[u].share;
      ++link.growing;
    }
  }
  first_flow_.resize(count + 1);
  next_flow_.resize(count);
  std::uint32_t first = 0;
  heap_.clear();
  for (std::uint32_t l = 0; l < count; ++l) {
    first_flow_[l] = next_flow_[l] = first;
    first += links_[l].growing;
    links_[l].summed = links_[l].weight;
    if (links_[l].growing > 0) heap_.emplace_back(links_[l].left / links_[l].weight, l);
  }
  first_flow_[count] = first;
  std::make_heap(heap_.begin(), heap_.end(), kLater);
  flows_of_link_.resize(problem.uses.size());
  for (std::uint32_t i = 0; i < flows; ++i) {
    if (stopped_[i]) continue;
    for (std::uint32_t u = problem.first_use[i]; u < problem.first_use[i + 1]; ++u) {
      flows_of_link_[next_flow_[problem.uses[u].link]++] = i;
    }
  }
}

void MaxMinSolver::index_limits(const MaxMinProblem& problem) {
  limits_.clear();
  for (std::uint32_t i = 0; i < problem.flows(); ++i) {
    if (problem.limit[i] != kUnlimited && !stopped_[i]) limits_.emplace_back(problem.limit[i] / problem.weight[i], i);
  }
  std::make_heap(limits_.begin(), limits_.end(), kLater);
}

void MaxMinSolver::stop(const MaxMinProblem& problem, std::uint32_t flow, double rate, std::uint32_t link) {
  stopped_[flow] = 1;
  rates_[flow] = rate;
  binding_[flow] = link;
  for (std::uint32_t u = problem.first_use[flow]; u < problem.first_use[flow + 1]; ++u) {
    Link& used = links_[problem.uses[u].link];
    used.left -= rate * problem.uses[u].share;
    used.weight -= problem.weight[flow] * problem.uses[u].share;
    --used.growing;
  }
}

void MaxMinSolver::stop_all_on(const MaxMinProblem& problem, std::uint32_t link) {
  for (std::uint32_t f = first_flow_[link]; f < first_flow_[link + 1]; ++f) {
    const std::uint32_t flow = flows_of_link_[f];
    if (!stopped_[flow]) stop(problem, flow, problem.weight[flow] * reached_, link);
  }
  links_[link].left = 0.0;
}

// A link whose flows have all stopped is done; one whose level has grown since goes back in its place.
void MaxMinSolver::settle_first_link(const MaxMinProblem& problem) {
  while (!heap_.empty()) {
    const auto [stored, link] = heap_.front();
    const bool done = links_[link].growing == 0;
    const double now = level(problem, link);
    if (!done && now <= stored) return;
    std::pop_heap(heap_.begin(), heap_.end(), kLater);
    heap_.pop_back();
    if (done) continue;
    heap_.emplace_back(now, link);
    std::push_heap(heap_.begin(), heap_.end(), kLater);
  }
}

void MaxMinSolver::settle_first_limit() {
  while (!limits_.empty() && stopped_[limits_.front().second]) {
    std::pop_heap(limits_.begin(), limits_.end(), kLater);
    limits_.pop_back();
  }
}

// One link, as of engines on one uplink: flows that reach their limits below the level of all that grow stop there,
// which raises the level for the others, until none does. Gives up after a few rounds, where the heaps are faster.
bool MaxMinSolver::solve_one_link(const MaxMinProblem& problem) {
  constexpr int kRounds = 6;
  const std::size_t count = problem.flows();
  if (problem.capacity.size() != 1 || problem.uses.size() != count) return false;
  links_.assign(1, {});
  Link& link = links_[0];
  for (std::size_t i = 0; i < count; ++i) {
    if (problem.first_use[i + 1] != i + 1) return false;
    stopped_[i] = !(problem.weight[i] > 0.0);
  }
  for (int round = 0; round < kRounds; ++round) {
    link.left = problem.capacity[0];
    link.weight = 0.0;
    for (std::size_t i = 0; i < count; ++i) {
      const double share = problem.uses[i].share;
      (stopped_[i] ? link.left : link.weight) += stopped_[i] ? -rates_[i] * share : problem.weight[i] * share;
    }
    const double level = std::max(link.left, 0.0) / link.weight;
    bool more = false;
    for (std::size_t i = 0; i < count; ++i) {
      if (stopped_[i] || problem.limit[i] > level * problem.weight[i]) continue;
      stopped_[i] = 1;
      rates_[i] = problem.limit[i];
      more = true;
    }
    if (more) continue;
    if (!(level > 0.0) && link.weight > 0.0) return false;  // nothing is left but rounding
    if (link.weight > 0.0) link.left = 0.0;
    for (std::size_t i = 0; i < count; ++i) {
      if (stopped_[i]) continue;
      rates_[i] = level * problem.weight[i];
      binding_[i] = 0;
    }
    return true;
  }
  return false;
}

const std::vector<double>& MaxMinSolver::solve(const MaxMinProblem& problem) {
  const std::size_t count = problem.flows();
  rates_.assign(count, 0.0);
  binding_.assign(count, kNoLink);
  stopped_.resize(count);
  if (solve_one_link(problem)) return rates_;
  rates_.assign(count, 0.0);
  reached_ = 0.0;
  index_links(problem);
  index_limits(problem);
  while (true) {
    settle_first_link(problem);
    settle_first_limit();
    if (!limits_.empty() && (heap_.empty() || limits_.front().first <= heap_.front().first)) {
      const auto [at, flow] = limits_.front();
      reached_ = std::max(reached_, at);
      stop(problem, flow, problem.limit[flow], kNoLink);
      continue;
    }
    if (heap_.empty()) return rates_;
    const std::uint32_t link = heap_.front().second;
    reached_ = level(problem, link);
    stop_all_on(problem, link);
  }
}

}  // namespace orrery::sim
