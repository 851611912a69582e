// Starts, ends and what is asked of flows. Their rates are found in flow_solve.cpp. See flow_network.hpp.
#include "sim/network/flow_network.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>
#include <stdexcept>
#include <utility>

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
    marks_.push_back(0);
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

void FlowNetwork::take_uses(Flow& flow, std::size_t count) {
  flow.use_count = static_cast<std::uint32_t>(count);
  if (count >= free_uses_.size()) free_uses_.resize(count + 1);
  if (std::vector<std::uint32_t>& free = free_uses_[count]; !free.empty()) {
    flow.first_use = free.back();
    free.pop_back();
    return;
  }
  flow.first_use = static_cast<std::uint32_t>(uses_.size());
  uses_.resize(uses_.size() + count);
}

void FlowNetwork::join_links(std::uint32_t slot, const FlowSpec& spec) {
  Flow& flow = flows_[slot];
  take_uses(flow, spec.uses.size());
  bool held = false;
  for (std::uint32_t index = 0; index < flow.use_count; ++index) {
    const LinkUse& use = spec.uses[index];
    uses_[flow.first_use + index] = {use.link, links_.join(use.link, {slot, index}, spec.limit * use.share), use.share};
    if (!links_.full(use.link)) continue;
    touch(use.link, false);
    held = true;
  }
  if (spec.limit == kUnlimited) {
    for (const LinkUse& use : spec.uses) flow.alone = std::min(flow.alone, links_.capacity(use.link) / use.share);
  }
  if (!held) run_free(slot);
}

FlowHandle FlowNetwork::start_bytes(std::uint64_t tag, Bytes bytes, std::span<const LinkId> route, SimTime now) {
  std::vector<LinkUse> uses;
  uses.reserve(route.size());
  for (const LinkId link : route) uses.push_back({link.value, 1.0});
  return start({tag, bytes.value(), 1.0, kUnlimited, uses}, now);
}

void FlowNetwork::leave_link(Use& use, double limit) {
  const bool was_full = links_.full(use.link);
  links_.leave(use.link, use.position, limit * use.share);
  const auto members = links_.members(use.link);
  // A link that is full no more sets the others on it free; one that nobody crosses any more needs no solution.
  if (was_full) touch(use.link, links_.full(use.link) || members.empty());
  if (use.position < members.size()) {
    const FlowLinks::Member moved = members[use.position];
    uses_[flows_[moved.flow].first_use + moved.use].position = use.position;
  }
}

/// Takes a flow off its links with `left` of its work undone.
void FlowNetwork::remove(std::uint32_t slot, double left) {
  Flow& flow = flows_[slot];
  for (Use& use : uses_of(flow)) {
    links_.carry(use.link, (flow.work - left) * use.share);
    leave_link(use, flow.limit);
    if (dirty_[use.link] == kClean) links_.add_load(use.link, -motions_[slot].rate * use.share, now_);
  }
  leave_group(flow);
  release(slot);
}

void FlowNetwork::release(std::uint32_t slot) {
  Flow& flow = flows_[slot];
  while (flow.first_part != kNone) {
    Part& part = parts_[flow.first_part];
    const std::uint32_t next = std::exchange(part.next, free_part_);
    free_part_ = std::exchange(flow.first_part, next);
  }
  free_uses_[flow.use_count].push_back(flow.first_use);
  flow.active = false;
  ++flow.version;
  ++flow.queued;
  --active_;
  free_slots_.push_back(slot);
}

std::optional<double> FlowNetwork::cancel(FlowHandle handle, SimTime now) {
  move_to(now);
  if (!knows(handle)) return std::nullopt;
  const double left = left_now(handle.slot);
  remove(handle.slot, left);
  return left;
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
  return endings_.empty() ? kNever : endings_.front().time;
}

/// The flows of a group that end now, and with batching those that end at nearly this time.
void FlowNetwork::collect_due(const Group& group) {
  SimTime shift = 0;
  for (std::size_t i = 0; i < group.flows.size(); ++i) {
    const std::uint32_t slot = group.flows[i];
    if (slot == kNone) continue;
    const SimTime end = group.ends[i];
    if (end > now_) {
      if (options_.batch == 0.0 || now_ < group.due || end - now_ > tolerance(group.started[i], end)) continue;
      shift = std::max(shift, end - now_);
    } else {
      shift = std::max(shift, now_ - end);
    }
    due_.push_back(slot);
  }
  if (options_.batch == 0.0 || shift == 0) return;
  ++batched_.batches;
  batched_.bound = checked_add(batched_.bound, shift);
}

FlowEnd FlowNetwork::end_of(std::uint32_t slot) const {
  return {flows_[slot].tag, {slot, flows_[slot].version}, held_up_until_now(slot, 0.0)};
}

/// All of a group ends: its links are emptied at once. What is due are its flows.
void FlowNetwork::finish_group(std::uint32_t id, std::vector<FlowEnd>& ended) {
  for (const std::uint32_t slot : due_) {
    ended.push_back(end_of(slot));
    Flow& flow = flows_[slot];
    for (Use& use : uses_of(flow)) {
      links_.carry(use.link, flow.work * use.share);
      if (group_of_link_[use.link] == id) continue;
      leave_link(use, flow.limit);
      if (dirty_[use.link] == kClean) links_.add_load(use.link, -motions_[slot].rate * use.share, now_);
    }
    release(slot);
    flow.group = kNone;
  }
  for (const std::uint32_t link : groups_[id].links) {
    if (group_of_link_[link] != id) continue;
    links_.empty(link);
    touch(link, true);
  }
  free_group(id);
}

/// By their starts. Flows that started in one go, as of an all-to-all, are put in their places; few are sorted.
void FlowNetwork::sort_due() {
  const std::size_t count = due_.size();
  if (count < 2) return;
  const auto order = [this](std::uint32_t slot) { return flows_[slot].order; };
  std::uint64_t least = order(due_[0]), most = least;
  for (const std::uint32_t slot : due_) {
    least = std::min(least, order(slot));
    most = std::max(most, order(slot));
  }
  if (most - least >= 4 * count) {
    std::sort(due_.begin(), due_.end(), [&](std::uint32_t x, std::uint32_t y) { return order(x) < order(y); });
    return;
  }
  by_order_.assign(most - least + 1, kNone);
  for (const std::uint32_t slot : due_) by_order_[order(slot) - least] = slot;
  due_.clear();
  std::copy_if(by_order_.begin(), by_order_.end(), std::back_inserter(due_),
               [](std::uint32_t slot) { return slot != kNone; });
}

void FlowNetwork::advance(SimTime now, std::vector<FlowEnd>& ended) {
  if (now < now_) throw std::invalid_argument("time can't go back");
  settle();
  now_ = now;
  due_.clear();
  std::uint32_t whole = kNone;  // the group of which all that is due is, and which ends
  for (drop_stale(); !endings_.empty() && endings_.front().time <= now; drop_stale()) {
    const Ending ending = endings_.front();
    std::pop_heap(endings_.begin(), endings_.end(), std::greater<>{});
    endings_.pop_back();
    const bool first = due_.empty();
    whole = kNone;
    if (!(ending.id & kGroupBit)) {
      due_.push_back(ending.id);
      continue;
    }
    const std::uint32_t group = ending.id & ~kGroupBit;
    collect_due(groups_[group]);
    if (first && due_.size() == groups_[group].size) whole = group;
  }
  sort_due();
  if (whole != kNone) return finish_group(whole, ended);
  for (const std::uint32_t slot : due_) {
    ended.push_back(end_of(slot));
    remove(slot, 0.0);
  }
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
  if (binding == kNoLink && flow.first_part == kNone) return {};
  Part most{kNoLink, kNone, -1.0};
  for (std::uint32_t p = flow.first_part; p != kNone; p = parts_[p].next) {
    if (parts_[p].delay > most.delay) most = parts_[p];
  }
  if (binding != kNoLink) {
    double delay = static_cast<double>(now_ - flow.bound_since) - (flow.bound_left - left) / flow.alone;
    for (std::uint32_t p = flow.first_part; p != kNone; p = parts_[p].next) {
      if (parts_[p].link == binding) delay += parts_[p].delay;
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

HeldUp FlowNetwork::held_up(FlowHandle flow, SimTime now) {
  move_to(now);
  return held_up(flow);
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
    running += (flow.work - left_at(member.flow, until)) * uses_of(flow)[member.use].share;
  }
  return links_.statistics(link.value, running, until);
}

std::span<const LoadChange> FlowNetwork::changes(LinkId link) {
  settle();
  return links_.changes(link.value);
}

}  // namespace orrery::sim
