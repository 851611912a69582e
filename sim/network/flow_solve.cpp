// The rates of flows: components of flows and full links, solved when something has touched them. See flow_network.hpp.
#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>
#include <stdexcept>

#include "sim/network/flow_network.hpp"

namespace orrery::sim {
namespace {

// Rates that differ by less than this part are one: solutions add in different orders, and a flow that nothing
// disturbs should keep its end.
constexpr double kSameRate = 1e-12;

// From this many on the flows of a component that is most of all are put in the order in which they lie in memory, in
// which whoever walks them fetches each once; found by links they are strewn.
constexpr std::size_t kManyFlows = 4096;

/// To the nearest whole number: adding 2^52 leaves a double no place for less.
double whole(double x) { return x < 0x1p52 ? (x + 0x1p52) - 0x1p52 : x; }

}  // namespace

void FlowNetwork::reach(std::uint32_t slot) {
  if (marks_[slot] == mark_) return;
  marks_[slot] = mark_;
  component_.push_back(slot);
  const Flow& flow = flows_[slot];
  if (flow.group != kNone) break_up(flow.group);
  for (const Use& use : uses_of(flow)) {
    if (links_.full(use.link)) reach_link(use.link);
  }
}

void FlowNetwork::reach_link(std::uint32_t link) {
  if (link_mark_[link] == mark_) return;
  link_mark_[link] = mark_;
  local_link_[link] = static_cast<std::uint32_t>(component_links_.size());
  component_links_.push_back(link);
}

/// Flows may have left a group in parts that no full link joins any more: all of it is solved, part by part.
void FlowNetwork::break_up(std::uint32_t group) {
  if (groups_[group].mark == mark_) return;
  groups_[group].mark = mark_;
  broken_up_.insert(broken_up_.end(), groups_[group].flows.begin(), groups_[group].flows.end());
}

// Breadth-first from each link that changed, or from the flows on it where it is full no more, so that flows that
// share no full link are not solved together. Groups that flows have only left are solved again as they stand.
void FlowNetwork::solve() {
  ++mark_;
  broken_up_.clear();
  for (const std::uint32_t link : dirty_links_) {
    if (dirty_[link] != kChanged) continue;
    if (group_of_link_[link] != kNone) break_up(group_of_link_[link]);
    if (links_.full(link)) {
      solve_from_link(link);
    } else {
      for (const FlowLinks::Member& member : links_.members(link)) solve_from_flow(member.flow);
    }
  }
  for (const std::uint32_t link : dirty_links_) {
    const std::uint32_t group = group_of_link_[link];
    if (dirty_[link] != kLeft || group == kNone || groups_[group].mark == mark_) continue;
    groups_[group].mark = mark_;
    if (2 * groups_[group].size >= groups_[group].flows.size()) {
      solve_group(group);
    } else {
      broken_up_.insert(broken_up_.end(), groups_[group].flows.begin(), groups_[group].flows.end());
    }
  }
  for (std::size_t i = 0; i < broken_up_.size(); ++i) {
    if (broken_up_[i] != kNone) solve_from_flow(broken_up_[i]);
  }
  sum_up_loads();
}

void FlowNetwork::solve_from_link(std::uint32_t link) {
  if (link_mark_[link] == mark_) return;
  component_.clear();
  component_links_.clear();
  reach_link(link);
  solve_component();
}

void FlowNetwork::solve_from_flow(std::uint32_t slot) {
  if (marks_[slot] == mark_) return;
  component_.clear();
  component_links_.clear();
  reach(slot);
  solve_component();
}

void FlowNetwork::solve_component() {
  for (std::size_t next = 0; next < component_links_.size(); ++next) {
    for (const FlowLinks::Member& member : links_.members(component_links_[next])) reach(member.flow);
  }
  if (component_.empty()) return;
  if (component_.size() >= kManyFlows && 4 * component_.size() >= flows_.size()) {
    by_order_.assign(flows_.size(), kNone);
    for (const std::uint32_t slot : component_) by_order_[slot] = slot;
    component_.clear();
    std::copy_if(by_order_.begin(), by_order_.end(), std::back_inserter(component_),
                 [](std::uint32_t slot) { return slot != kNone; });
  }
  if (component_links_.empty()) {
    run_free(component_.front());
  } else {
    make_group();
  }
}

void FlowNetwork::make_group() {
  const std::uint32_t id = take_group();
  for (const std::uint32_t slot : component_) leave_group(flows_[slot]);
  Group& group = groups_[id];
  group.mark = mark_;
  group.problem.clear();
  group.links.assign(component_links_.begin(), component_links_.end());
  group.flows.assign(component_.begin(), component_.end());
  group.ends.resize(component_.size());
  group.started.clear();
  group.crosses_slack.resize(component_.size());
  group.size = static_cast<std::uint32_t>(component_.size());
  for (const std::uint32_t link : component_links_) {
    group.problem.capacity.push_back(links_.capacity(link));
    group_of_link_[link] = id;
  }
  for (std::uint32_t i = 0; i < component_.size(); ++i) {
    Flow& flow = flows_[component_[i]];
    flow.group = id;
    flow.place = i;
    if (options_.batch > 0.0) group.started.push_back(flow.started);
    local_uses_.clear();
    for (const Use& use : uses_of(flow)) {
      if (links_.full(use.link)) local_uses_.push_back({local_link_[use.link], use.share});
    }
    group.crosses_slack[i] = local_uses_.size() < flow.use_count;
    group.problem.add_flow(local_uses_.data(), local_uses_.size(), flow.weight, flow.limit);
  }
  solve_group(id);
}

void FlowNetwork::solve_group(std::uint32_t id) {
  Group& group = groups_[id];
  const std::vector<double>& rates = solver_.solve(group.problem);
  group.due = kNever;
  for (std::size_t i = 0; i < group.flows.size(); ++i) {
    const std::uint32_t slot = group.flows[i];
    if (slot == kNone) continue;
    const std::uint32_t binding = solver_.binding(i);
    set_rate(slot, rates[i], binding == kNoLink ? kNoLink : group.links[binding], group.crosses_slack[i]);
    group.ends[i] = motions_[slot].end;
    group.due = std::min(group.due, group.ends[i]);
  }
  if (options_.batch > 0.0) group.due = batch_time(group);
  for (std::size_t l = 0; l < group.links.size(); ++l) {
    // One that all flows have left may be another group's by now.
    if (group_of_link_[group.links[l]] == id)
      links_.set_load(group.links[l], group.problem.capacity[l] - solver_.left(l), now_);
  }
  queue(group.due, id | kGroupBit, ++group.queued);
  ++solutions_;
  flows_solved_ += group.size;
}

/// When the flows of a group that was solved end next, given its first end in `due`.
SimTime FlowNetwork::batch_time(const Group& group) const {
  SimTime latest = kNever;
  for (std::size_t i = 0; i < group.flows.size(); ++i) {
    if (group.flows[i] == kNone) continue;
    latest = std::min(latest, checked_add(group.ends[i], tolerance(group.started[i], group.ends[i])));
  }
  double sum = 0.0, size = 0.0;
  for (std::size_t i = 0; i < group.flows.size(); ++i) {
    if (group.flows[i] == kNone || group.ends[i] > latest + tolerance(group.started[i], group.ends[i])) continue;
    sum += static_cast<double>(group.ends[i] - group.due);
    size += 1.0;
  }
  return std::min(latest, group.due + static_cast<SimTime>(sum / size));
}

/// Of links that are full no more, and of no group.
void FlowNetwork::sum_up_loads() {
  for (const std::uint32_t link : dirty_links_) {
    dirty_[link] = kClean;
    if (links_.full(link)) continue;
    group_of_link_[link] = kNone;
    double load = 0.0;
    for (const FlowLinks::Member& member : links_.members(link)) {
      load += motions_[member.flow].rate * uses_of(flows_[member.flow])[member.use].share;
    }
    links_.set_load(link, load, now_);
  }
  dirty_links_.clear();
}

/// A flow on slack links: at its limit, with an end of its own in the queue.
void FlowNetwork::run_free(std::uint32_t slot) {
  Flow& flow = flows_[slot];
  const SimTime before = motions_[slot].end;
  const bool queued = flow.group == kNone && before != kNever;
  set_rate(slot, flow.limit, kNoLink, true);
  if (queued && motions_[slot].end == before) return;
  leave_group(flow);
  queue(motions_[slot].end, slot, ++flow.queued);
}

// Keeps the completion of a flow whose rate stays: no rounding error gathers on undisturbed flows.
void FlowNetwork::set_rate(std::uint32_t slot, double rate, std::uint32_t binding, bool crosses_slack) {
  Motion& motion = motions_[slot];
  if (binding != motion.binding) rebind(slot, binding);
  if (motion.end != kNever && std::abs(rate - motion.rate) <= kSameRate * rate) return;
  motion.remaining = left_now(slot);
  motion.updated = now_;
  if (crosses_slack) {
    for (const Use& use : uses_of(flows_[slot])) {
      if (!links_.full(use.link)) links_.add_load(use.link, (rate - motion.rate) * use.share, now_);
    }
  }
  motion.rate = rate;
  if (motion.remaining > 0.0 && !(rate > 0.0)) throw std::logic_error("a flow got no rate");
  const double left = motion.remaining > 0.0 ? whole(motion.remaining / rate) : 0.0;
  if (!(left < 1.8e19)) throw TimeOverflow("a flow would end after 2^64 picoseconds (213 days)");
  motion.end = checked_add(now_, static_cast<SimTime>(left));
}

void FlowNetwork::rebind(std::uint32_t slot, std::uint32_t binding) {
  Flow& flow = flows_[slot];
  std::uint32_t& bound = motions_[slot].binding;
  const double left = left_now(slot);
  if (bound != kNoLink && now_ > flow.bound_since) {
    const double delay = static_cast<double>(now_ - flow.bound_since) - (flow.bound_left - left) / flow.alone;
    std::uint32_t* last = &flow.first_part;
    while (*last != kNone && parts_[*last].link != bound) last = &parts_[*last].next;
    if (*last == kNone) {
      add_part(*last, bound, delay);
    } else {
      parts_[*last].delay += delay;
    }
  }
  bound = binding;
  flow.bound_since = now_;
  flow.bound_left = left;
}

/// `where`: kNone so far, in a flow or in a part.
void FlowNetwork::add_part(std::uint32_t& where, std::uint32_t link, double delay) {
  const bool free = free_part_ != kNone;
  const std::uint32_t id = free ? free_part_ : static_cast<std::uint32_t>(parts_.size());
  where = id;  // before parts_ grows: it may lie there
  if (free) {
    free_part_ = parts_[id].next;
    parts_[id] = {link, kNone, delay};
  } else {
    parts_.push_back({link, kNone, delay});
  }
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
  group.flows[flow.place] = kNone;
  group.problem.remove_flow(flow.place);
  if (--group.size == 0) free_group(flow.group);
  flow.group = kNone;
}

void FlowNetwork::free_group(std::uint32_t id) {
  Group& group = groups_[id];
  for (const std::uint32_t link : group.links) {
    if (group_of_link_[link] == id) group_of_link_[link] = kNone;
  }
  group.flows.clear();
  group.ends.clear();
  group.size = 0;
  ++group.queued;
  free_groups_.push_back(id);
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

}  // namespace orrery::sim
