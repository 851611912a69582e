// The rates of flows: components of flows and full links, solved when something has touched them. See flow_network.hpp.
#include <algorithm>
#include <cmath>
#include <functional>
#include <stdexcept>

#include "sim/network/flow_network.hpp"

namespace orrery::sim {
namespace {

// Rates that differ by less than this part are one: solutions add in different orders, and a flow that nothing
// disturbs should keep its end.
constexpr double kSameRate = 1e-12;

/// To the nearest whole number: adding 2^52 leaves a double no place for less.
double whole(double x) { return x < 0x1p52 ? (x + 0x1p52) - 0x1p52 : x; }

}  // namespace

void FlowNetwork::reach(std::uint32_t slot) {
  Flow& flow = flows_[slot];
  if (flow.mark == mark_) return;
  flow.mark = mark_;
  component_.push_back(slot);
  for (const Use& use : flow.uses) {
    if (links_.full(use.link)) reach_link(use.link);
  }
}

void FlowNetwork::reach_link(std::uint32_t link) {
  if (link_mark_[link] == mark_) return;
  link_mark_[link] = mark_;
  local_link_[link] = static_cast<std::uint32_t>(component_links_.size());
  component_links_.push_back(link);
}

// Breadth-first from each touched link, or from the flows on it where it is full no more, so that flows that share
// no full link are not solved together.
void FlowNetwork::solve() {
  ++mark_;
  for (const std::uint32_t link : dirty_links_) {
    dirty_[link] = 0;
    if (links_.full(link)) {
      component_.clear();
      component_links_.clear();
      reach_link(link);
      solve_component();
      continue;
    }
    for (const FlowLinks::Member& member : links_.members(link)) {
      component_.clear();
      component_links_.clear();
      reach(member.flow);
      solve_component();
    }
  }
  for (const std::uint32_t link : dirty_links_) {
    if (links_.full(link)) continue;
    double load = 0.0;
    for (const FlowLinks::Member& member : links_.members(link)) {
      load += flows_[member.flow].rate * flows_[member.flow].uses[member.use].share;
    }
    links_.set_load(link, load, now_);
  }
  dirty_links_.clear();
}

void FlowNetwork::solve_component() {
  for (std::size_t next = 0; next < component_links_.size(); ++next) {
    for (const FlowLinks::Member& member : links_.members(component_links_[next])) reach(member.flow);
  }
  if (component_.empty()) return;
  if (component_links_.empty()) {
    run_free(component_.front());
    return;
  }
  solve_links();
}

void FlowNetwork::solve_links() {
  problem_.clear();
  for (const std::uint32_t link : component_links_) problem_.capacity.push_back(links_.capacity(link));
  for (const std::uint32_t slot : component_) {
    const Flow& flow = flows_[slot];
    local_uses_.clear();
    for (const Use& use : flow.uses) {
      if (links_.full(use.link)) local_uses_.push_back({local_link_[use.link], use.share});
    }
    problem_.add_flow(local_uses_.data(), local_uses_.size(), flow.weight, flow.limit);
  }
  const std::vector<double>& rates = solver_.solve(problem_);
  const std::uint32_t id = take_group();
  SimTime first = kNever;
  for (std::size_t i = 0; i < component_.size(); ++i) {
    const std::uint32_t slot = component_[i], binding = solver_.binding(i);
    set_rate(slot, rates[i], binding == kNoLink ? kNoLink : component_links_[binding]);
    Flow& flow = flows_[slot];
    leave_group(flow);
    flow.group = id;
    groups_[id].ends.push_back(flow.end);
    first = std::min(first, flow.end);
  }
  Group& group = groups_[id];
  group.flows.assign(component_.begin(), component_.end());
  group.size = static_cast<std::uint32_t>(component_.size());
  for (std::size_t l = 0; l < component_links_.size(); ++l) {
    links_.set_load(component_links_[l], problem_.capacity[l] - solver_.left(l), now_);
  }
  queue(first, id | kGroupBit, group.queued);
  ++solutions_;
  flows_solved_ += component_.size();
}

/// A flow on slack links: at its limit, with an end of its own in the queue.
void FlowNetwork::run_free(std::uint32_t slot) {
  Flow& flow = flows_[slot];
  const bool alone = flow.group == kNone && flow.end != kNever;
  const SimTime before = flow.end;
  set_rate(slot, flow.limit, kNoLink);
  if (alone && flow.end == before) return;
  leave_group(flow);
  queue(flow.end, slot, ++flow.queued);
}

// Keeps the completion of a flow whose rate stays: no rounding error gathers on undisturbed flows.
void FlowNetwork::set_rate(std::uint32_t slot, double rate, std::uint32_t binding) {
  Flow& flow = flows_[slot];
  if (binding != flow.binding) rebind(flow, binding);
  if (flow.end != kNever && std::abs(rate - flow.rate) <= kSameRate * rate) return;
  flow.remaining = left_now(flow);
  flow.updated = now_;
  for (const Use& use : flow.uses) {
    if (!links_.full(use.link)) links_.add_load(use.link, (rate - flow.rate) * use.share, now_);
  }
  flow.rate = rate;
  if (flow.remaining > 0.0 && !(rate > 0.0)) throw std::logic_error("a flow got no rate");
  const double left = flow.remaining > 0.0 ? whole(flow.remaining / rate) : 0.0;
  if (!(left < 1.8e19)) throw TimeOverflow("a flow would end after 2^64 picoseconds (213 days)");
  flow.end = checked_add(now_, static_cast<SimTime>(left));
}

void FlowNetwork::rebind(Flow& flow, std::uint32_t binding) {
  const double left = left_now(flow);
  if (flow.binding != kNoLink && now_ > flow.bound_since) {
    const double delay = static_cast<double>(now_ - flow.bound_since) - (flow.bound_left - left) / flow.alone;
    const auto same = [&](const Part& part) { return part.link == flow.binding; };
    const auto part = std::find_if(flow.held.begin(), flow.held.end(), same);
    if (part == flow.held.end()) {
      flow.held.push_back({flow.binding, delay});
    } else {
      part->delay += delay;
    }
  }
  flow.binding = binding;
  flow.bound_since = now_;
  flow.bound_left = left;
}

std::uint32_t FlowNetwork::take_group() {
  if (free_groups_.empty()) {
    groups_.emplace_back();
    return static_cast<std::uint32_t>(groups_.size() - 1);
  }
  const std::uint32_t id = free_groups_.back();
  free_groups_.pop_back();
  return id;
}

void FlowNetwork::leave_group(Flow& flow) {
  if (flow.group == kNone) {
    ++flow.queued;  // it had an end of its own
    return;
  }
  Group& group = groups_[flow.group];
  if (--group.size == 0) {
    group.flows.clear();
    group.ends.clear();
    ++group.queued;
    free_groups_.push_back(flow.group);
  }
  flow.group = kNone;
}

bool FlowNetwork::stale(const Ending& ending) const {
  if (ending.id & kGroupBit) return groups_[ending.id & ~kGroupBit].queued != ending.version;
  return flows_[ending.id].queued != ending.version;
}

// Entries of flows that were disturbed are dropped when they surface, or all at once when they are the more.
void FlowNetwork::queue(SimTime time, std::uint32_t id, std::uint32_t version) {
  if (endings_.size() > 2 * active_ + 16) {
    std::erase_if(endings_, [this](const Ending& ending) { return stale(ending); });
    std::make_heap(endings_.begin(), endings_.end(), std::greater<>{});
  }
  endings_.push_back({time, id, version});
  std::push_heap(endings_.begin(), endings_.end(), std::greater<>{});
}

void FlowNetwork::drop_stale() {
  while (!endings_.empty() && stale(endings_.front())) {
    std::pop_heap(endings_.begin(), endings_.end(), std::greater<>{});
    endings_.pop_back();
  }
}

/// The flow for whose sake an entry stands in the queue.
std::uint32_t FlowNetwork::first_flow(const Ending& ending) const {
  if (!(ending.id & kGroupBit)) return ending.id;
  const Group& group = groups_[ending.id & ~kGroupBit];
  const auto first = std::find(group.ends.begin(), group.ends.end(), ending.time);
  return group.flows[static_cast<std::size_t>(first - group.ends.begin())];
}

}  // namespace orrery::sim
