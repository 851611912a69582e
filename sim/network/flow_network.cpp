// Starts, ends and what is asked of flows. Their rates are found in flow_solve.cpp. See flow_network.hpp.
#include "sim/network/flow_network.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <stdexcept>

namespace orrery::sim {
namespace {

constexpr double kPerPicosecond = 1e-12;

}  // namespace

FlowNetwork::FlowNetwork(std::span<const BytesPerSecond> capacities, FlowOptions options)
    : options_(options), links_(capacities, options.record) {
  if (!(options.batch >= 0.0 && options.batch < 1.0)) throw std::invalid_argument("batch must be in [0, 1)");
  dirty_.assign(capacities.size(), kClean);
  group_of_link_.assign(capacities.size(), kNone);
  link_mark_.assign(capacities.size(), 0);
  local_link_.assign(capacities.size(), kNoLink);
}

void FlowNetwork::check(const FlowSpec& spec) const {
  if (!(spec.work >= 0.0)) throw std::invalid_argument("a flow needs work >= 0");
  if (!(spec.weight > 0.0) || !(spec.limit > 0.0)) throw std::invalid_argument("a flow needs weight > 0 and limit > 0");
  if (spec.uses.empty() && spec.limit == kUnlimited) throw std::invalid_argument("a flow needs a link or a limit");
  for (const LinkUse& use : spec.uses) {
    if (use.link >= links_.size()) throw std::invalid_argument("a flow uses a link that does not exist");
    if (!(use.share > 0.0)) throw std::invalid_argument("a flow needs shares > 0");
  }
}

/// What happened at an earlier time takes effect from then on, so it is solved before the clock moves.
void FlowNetwork::move_to(SimTime now) {
  if (now < now_) throw std::invalid_argument("time can't go back");
  if (now == now_) return;
  settle();
  now_ = now;
}

std::uint32_t FlowNetwork::take_slot() {
  if (free_slots_.empty()) {
    flows_.emplace_back();
    motions_.emplace_back();
    return static_cast<std::uint32_t>(flows_.size() - 1);
  }
  const std::uint32_t slot = free_slots_.back();
  free_slots_.pop_back();
  return slot;
}

void FlowNetwork::touch(std::uint32_t link, bool only_left) {
  if (dirty_[link] == kClean) dirty_links_.push_back(link);
  if (!only_left) {
    dirty_[link] = kChanged;
  } else if (dirty_[link] == kClean) {
    dirty_[link] = kLeft;
  }
}

FlowHandle FlowNetwork::start(const FlowSpec& spec, SimTime now) {
  check(spec);
  move_to(now);
  const std::uint32_t slot = take_slot();
  Flow& flow = flows_[slot];
  flow.tag = spec.tag;
  flow.order = started_++;
  flow.work = spec.work;
  flow.weight = spec.weight;
  flow.limit = flow.alone = spec.limit;
  flow.started = now;
  flow.active = true;
  motions_[slot] = {spec.work, 0.0, now, kNever, kNoLink};
  ++active_;
  join_links(slot, spec);
  return {slot, flow.version};
}

void FlowNetwork::join_links(std::uint32_t slot, const FlowSpec& spec) {
  Flow& flow = flows_[slot];
  flow.uses.clear();
  bool held = false;
  for (const LinkUse& use : spec.uses) {
    const auto index = static_cast<std::uint32_t>(flow.uses.size());
    flow.uses.push_back({use.link, links_.join(use.link, {slot, index}, spec.limit * use.share), use.share});
    if (!links_.full(use.link)) continue;
    touch(use.link, false);
    held = true;
  }
  if (spec.limit == kUnlimited) {
    for (const Use& use : flow.uses) flow.alone = std::min(flow.alone, links_.capacity(use.link) / use.share);
  }
  if (!held) run_free(slot);
}

FlowHandle FlowNetwork::start_bytes(std::uint64_t tag, Bytes bytes, std::span<const LinkId> route, SimTime now) {
  std::vector<LinkUse> uses;
  uses.reserve(route.size());
  for (const LinkId link : route) uses.push_back({link.value, 1.0});
  return start({tag, bytes.value(), 1.0, kUnlimited, uses}, now);
}

/// Takes a flow off its links with `left` of its work undone.
void FlowNetwork::remove(std::uint32_t slot, double left) {
  Flow& flow = flows_[slot];
  for (const Use& use : flow.uses) {
    links_.carry(use.link, (flow.work - left) * use.share);
    const bool was_full = links_.full(use.link);
    links_.leave(use.link, use.position, flow.limit * use.share);
    const auto members = links_.members(use.link);
    // A link that is full no more sets the others on it free; one that nobody crosses any more needs no solution.
    if (was_full) touch(use.link, links_.full(use.link) || members.empty());
    if (use.position < members.size()) {
      const FlowLinks::Member moved = members[use.position];
      flows_[moved.flow].uses[moved.use].position = use.position;
    }
    if (dirty_[use.link] == kClean) links_.add_load(use.link, -motions_[slot].rate * use.share, now_);
  }
  leave_group(flow);
  flow.held.clear();
  flow.active = false;
  ++flow.version;
  ++flow.queued;
  --active_;
  free_slots_.push_back(slot);
}

bool FlowNetwork::cancel(FlowHandle handle, SimTime now) {
  move_to(now);
  if (!knows(handle)) return false;
  remove(handle.slot, left_now(handle.slot));
  return true;
}

void FlowNetwork::set_capacity(LinkId link, BytesPerSecond capacity, SimTime now) {
  if (link.index() >= links_.size()) throw std::invalid_argument("a link that does not exist has no capacity");
  if (!(capacity.value() > 0.0)) throw std::invalid_argument("a link needs a capacity > 0");
  move_to(now);
  const bool was_full = links_.full(link.value);
  links_.set_capacity(link.value, capacity, now);
  if (was_full || links_.full(link.value)) touch(link.value, false);
}

SimTime FlowNetwork::next_completion() {
  settle();
  drop_stale();
  if (endings_.empty()) return kNever;
  const Ending& first = endings_.front();
  if (options_.batch == 0.0) return first.time;
  const double duration = static_cast<double>(first.time - flows_[first_flow(first)].started);
  return checked_add(first.time, static_cast<SimTime>(options_.batch * duration));
}

void FlowNetwork::finish(std::uint32_t slot, std::vector<FlowEnd>& ended) {
  const Flow& flow = flows_[slot];
  ended.push_back({flow.tag, {slot, flow.version}, held_up_until_now(slot, 0.0)});
  remove(slot, 0.0);
}

void FlowNetwork::advance(SimTime now, std::vector<FlowEnd>& ended) {
  if (now < now_) throw std::invalid_argument("time can't go back");
  settle();
  now_ = now;
  due_.clear();
  for (drop_stale(); !endings_.empty() && endings_.front().time <= now; drop_stale()) {
    const Ending ending = endings_.front();
    std::pop_heap(endings_.begin(), endings_.end(), std::greater<>{});
    endings_.pop_back();
    if (!(ending.id & kGroupBit)) {
      due_.push_back(ending.id);
      continue;
    }
    const Group& group = groups_[ending.id & ~kGroupBit];
    for (std::size_t i = 0; i < group.flows.size(); ++i) {
      if (group.ends[i] <= now && group.flows[i] != kNone) due_.push_back(group.flows[i]);
    }
  }
  if (due_.size() > 1) {
    std::sort(due_.begin(), due_.end(),
              [this](std::uint32_t a, std::uint32_t b) { return flows_[a].order < flows_[b].order; });
  }
  for (const std::uint32_t slot : due_) finish(slot, ended);
}

bool FlowNetwork::knows(FlowHandle flow) const {
  return flow.slot < flows_.size() && flows_[flow.slot].active && flows_[flow.slot].version == flow.version;
}

double FlowNetwork::left_at(std::uint32_t slot, SimTime time) const {
  const Motion& motion = motions_[slot];
  return std::max(0.0, motion.remaining - motion.rate * static_cast<double>(time - motion.updated));
}

HeldUp FlowNetwork::held_up_until_now(std::uint32_t slot, double left) const {
  const Flow& flow = flows_[slot];
  const std::uint32_t binding = motions_[slot].binding;
  if (binding == kNoLink && flow.held.empty()) return {};
  Part most{kNoLink, -1.0};
  for (const Part& part : flow.held) {
    if (part.delay > most.delay) most = part;
  }
  if (binding != kNoLink) {
    double delay = static_cast<double>(now_ - flow.bound_since) - (flow.bound_left - left) / flow.alone;
    for (const Part& part : flow.held) {
      if (part.link == binding) delay += part.delay;
    }
    if (delay > most.delay) most.link = binding;
  }
  const double delay = static_cast<double>(now_ - flow.started) - (flow.work - left) / flow.alone;
  return {LinkId(most.link), delay > 0.0 ? static_cast<SimTime>(std::llround(delay)) : 0};
}

bool FlowNetwork::is_active(FlowHandle flow) const { return knows(flow); }

double FlowNetwork::remaining(FlowHandle flow) const { return knows(flow) ? left_now(flow.slot) : 0.0; }

double FlowNetwork::rate(FlowHandle flow) {
  settle();
  return knows(flow) ? motions_[flow.slot].rate : 0.0;
}

HeldUp FlowNetwork::held_up(FlowHandle flow) {
  settle();
  if (!knows(flow)) return {};
  return held_up_until_now(flow.slot, left_now(flow.slot));
}

BytesPerSecond FlowNetwork::load(LinkId link) {
  settle();
  return BytesPerSecond{links_.load(link.value) / kPerPicosecond};
}

BytesPerSecond FlowNetwork::capacity(LinkId link) const {
  return BytesPerSecond{links_.capacity(link.value) / kPerPicosecond};
}

LinkStatistics FlowNetwork::statistics(LinkId link, SimTime until) {
  settle();
  double running = 0.0;
  for (const FlowLinks::Member& member : links_.members(link.value)) {
    const Flow& flow = flows_[member.flow];
    running += (flow.work - left_at(member.flow, until)) * flow.uses[member.use].share;
  }
  return links_.statistics(link.value, running, until);
}

std::span<const LoadChange> FlowNetwork::changes(LinkId link) {
  settle();
  return links_.changes(link.value);
}

}  // namespace orrery::sim
