// Progressive filling with a lazy heap of links. See max_min.hpp.
#include "sim/network/max_min.hpp"

#include <algorithm>
#include <functional>
#include <stdexcept>

namespace orrery::sim {

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

double MaxMinSolver::level(std::uint32_t link) const {
  const Link& it = links_[link];
  return it.weight > 0.0 ? std::max(it.left, 0.0) / it.weight : 0.0;
}

void MaxMinSolver::index_links(const MaxMinProblem& problem) {
  const std::size_t count = problem.capacity.size();
  links_.assign(count, {});
  for (std::size_t l = 0; l < count; ++l) links_[l].left = problem.capacity[l];
  first_flow_.assign(count + 1, 0);
  for (std::size_t i = 0; i < problem.flows(); ++i) {
    for (std::uint32_t u = problem.first_use[i]; u < problem.first_use[i + 1]; ++u) {
      Link& link = links_[problem.uses[u].link];
      link.weight += problem.weight[i] * problem.uses[u].share;
      ++link.growing;
      ++first_flow_[problem.uses[u].link + 1];
    }
  }
  for (std::size_t l = 0; l < count; ++l) first_flow_[l + 1] += first_flow_[l];
  flows_of_link_.resize(problem.uses.size());
  std::vector<std::uint32_t> next(first_flow_.begin(), first_flow_.end() - 1);
  for (std::size_t i = 0; i < problem.flows(); ++i) {
    for (std::uint32_t u = problem.first_use[i]; u < problem.first_use[i + 1]; ++u) {
      flows_of_link_[next[problem.uses[u].link]++] = static_cast<std::uint32_t>(i);
    }
  }
}

void MaxMinSolver::freeze(const MaxMinProblem& problem, std::uint32_t flow, double rate) {
  frozen_[flow] = 1;
  rates_[flow] = rate;
  for (std::uint32_t u = problem.first_use[flow]; u < problem.first_use[flow + 1]; ++u) {
    Link& link = links_[problem.uses[u].link];
    link.left -= rate * problem.uses[u].share;
    link.weight -= problem.weight[flow] * problem.uses[u].share;
    --link.growing;
  }
}

const std::vector<double>& MaxMinSolver::solve(const MaxMinProblem& problem) {
  const std::size_t count = problem.flows();
  rates_.assign(count, 0.0);
  frozen_.assign(count, 0);
  index_links(problem);

  limit_order_.clear();
  for (std::size_t i = 0; i < count; ++i) {
    if (problem.limit[i] != kUnlimited) {
      limit_order_.emplace_back(problem.limit[i] / problem.weight[i], static_cast<std::uint32_t>(i));
    }
  }
  std::sort(limit_order_.begin(), limit_order_.end());

  heap_.clear();
  for (std::uint32_t l = 0; l < links_.size(); ++l) {
    if (links_[l].growing > 0) heap_.emplace_back(level(l), l);
  }
  const std::greater<> later;
  std::make_heap(heap_.begin(), heap_.end(), later);

  std::size_t next_limit = 0;
  while (true) {
    while (next_limit < limit_order_.size() && frozen_[limit_order_[next_limit].second]) ++next_limit;
    // A link whose flows have all stopped is done; one whose level has grown since goes back in its place.
    while (!heap_.empty()) {
      const auto [stored, link] = heap_.front();
      const double now = level(link);
      if (links_[link].growing > 0 && now <= stored) break;
      std::pop_heap(heap_.begin(), heap_.end(), later);
      heap_.pop_back();
      if (links_[link].growing == 0) continue;
      heap_.emplace_back(now, link);
      std::push_heap(heap_.begin(), heap_.end(), later);
    }
    const bool by_limit =
        next_limit < limit_order_.size() && (heap_.empty() || limit_order_[next_limit].first <= heap_.front().first);
    if (by_limit) {
      const std::uint32_t flow = limit_order_[next_limit].second;
      freeze(problem, flow, problem.limit[flow]);
      continue;
    }
    if (heap_.empty()) return rates_;
    const std::uint32_t link = heap_.front().second;
    const double reached = level(link);
    for (std::uint32_t f = first_flow_[link]; f < first_flow_[link + 1]; ++f) {
      const std::uint32_t flow = flows_of_link_[f];
      if (!frozen_[flow]) freeze(problem, flow, problem.weight[flow] * reached);
    }
  }
}

}  // namespace orrery::sim
