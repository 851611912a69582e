// The order of a block's steps, and the rules that blocks and calls keep.
#include "sim/plan/block.hpp"

#include <algorithm>
#include <numeric>
#include <span>
#include <utility>

#include "sim/plan/durations.hpp"

namespace orrery::sim {

BlockOrder::BlockOrder(const Block& block) {
  (void)order(block);
  look_into(block);
}

void BlockOrder::look_into(const Block& block) {
  find_reach(block);
  for (const BlockStep& s : steps_) timed_ += is_timed(s.step.kind) ? 1 : 0;
  for (std::uint32_t part = 0; part < block.parts.size(); ++part) {
    const std::vector<Step>& steps = block.parts[part].steps;
    for (std::uint32_t i = 0; i < steps.size(); ++i) {
      if (steps[i].kind == StepKind::alloc || steps[i].kind == StepKind::free) memory_.push_back({part, i, steps[i]});
    }
  }
}

// Each part in turn as far as it goes, until none goes on.
bool BlockOrder::order(const Block& block) {
  parts_ = block.parts.size();
  std::vector<std::uint32_t> position(parts_, 0);
  std::vector<std::uint8_t> recorded(block.events, 0);
  for (bool moved = true; moved;) {
    moved = false;
    for (std::uint32_t part = 0; part < parts_; ++part) {
      const std::vector<Step>& steps = block.parts[part].steps;
      std::uint32_t& at = position[part];
      for (; at < steps.size(); ++at, moved = true) {
        if (steps[at].kind == StepKind::wait && recorded[steps[at].index] == 0) break;
        if (steps[at].kind == StepKind::record) recorded[steps[at].index] = 1;
        steps_.push_back({part, at, steps[at]});
      }
    }
  }
  for (std::size_t part = 0; part < parts_; ++part) {
    if (position[part] < block.parts[part].steps.size()) return false;
  }
  return true;
}

void BlockOrder::find_reach(const Block& block) {
  follows_first_.assign(parts_, 0);
  reach_.assign(parts_ * parts_, 0);
  for (std::size_t in = 0; in < parts_; ++in) {
    std::vector<std::uint8_t> lane(parts_, 0), event(block.events, 0), waited(parts_, 0), busy(parts_, 0);
    lane[in] = 1;
    for (const BlockStep& s : steps_) {
      if (s.step.kind == StepKind::record) event[s.step.index] = lane[s.part];
      if (s.step.kind == StepKind::wait) {
        lane[s.part] = lane[s.part] | event[s.step.index];
        if (in == 0 && busy[s.part] == 0 && event[s.step.index] != 0) waited[s.part] = 1;
      }
      if (s.step.kind != StepKind::wait && waited[s.part] == 0) busy[s.part] = 1;
    }
    for (std::size_t out = 0; out < parts_; ++out) reach_[in * parts_ + out] = lane[out];
    if (in == 0) follows_first_ = waited;
  }
}

namespace {

bool belongs_in_block(StepKind kind) {
  return kind != StepKind::send && kind != StepKind::recv && kind != StepKind::mark && kind != StepKind::call;
}

std::size_t table_size(const Plan& plan, const Block& block, StepKind kind) {
  switch (kind) {
    case StepKind::launch:
      return plan.kernels.size();
    case StepKind::collective:
      return plan.collectives.size();
    case StepKind::copy:
      return plan.copies.size();
    case StepKind::record:
    case StepKind::wait:
      return block.events;
    default:
      return plan.memory.size();
  }
}

/// Indices, kinds and records of one block; returns whether its order can be asked for.
bool check_block(const Plan& plan, std::size_t number, Findings& findings) {
  const Block& block = plan.blocks[number];
  std::vector<std::uint8_t> recorded(block.events, 0);
  bool sound = true;
  for (std::size_t part = 0; part < block.parts.size(); ++part) {
    for (std::size_t other = 0; other < part; ++other) {
      if (block.parts[other].lane != block.parts[part].lane) continue;
      findings.add("block {} \"{}\" has two parts of lane {}", number, block.name,
                   lane_name(plan.lane_names, block.parts[part].lane));
      sound = false;
    }
    for (const Step step : block.parts[part].steps) {
      const bool in_range = belongs_in_block(step.kind) && step.index < table_size(plan, block, step.kind);
      if (!in_range) {
        findings.add("block {} \"{}\": {} {} can't be there", number, block.name, name(step.kind), step.index);
        sound = false;
      } else if (step.kind == StepKind::collective &&
                 plan.groups[plan.collectives[step.index].group.index()].members.size() != 1) {
        findings.add("block {} \"{}\": collective {} meets other ranks of the plan", number, block.name, step.index);
      } else if (step.kind == StepKind::record && recorded[step.index]++ != 0) {
        findings.add("block {} \"{}\": event {} is recorded a second time", number, block.name, step.index);
      }
    }
  }
  return sound;
}

using EventRanges = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

/// The events of a call are nobody else's. `events`: first and one past the last of each call.
void check_call_events(const Plan& plan, EventRanges events, Findings& findings) {
  if (events.empty()) return;
  std::vector<std::uint8_t> of_call(plan.events, 0);
  std::sort(events.begin(), events.end());
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (events[i].second > plan.events || (i > 0 && events[i].first < events[i - 1].second)) {
      findings.add("the events {} to {} of a call are another's too, or beyond the plan's {}", events[i].first,
                   events[i].second, plan.events);
      return;
    }
    for (std::uint64_t event = events[i].first; event < events[i].second; ++event) of_call[event] = 1;
  }
  for (std::size_t s = 0; s < plan.streams.size(); ++s) {
    const std::vector<Step>& steps = plan.streams[s].steps;
    for (std::size_t i = 0; i < steps.size(); ++i) {
      if (steps[i].kind != StepKind::record || of_call[steps[i].index] == 0) continue;
      findings.add("{}: records event {}, which is a call's own", place(plan, s, i), steps[i].index);
    }
  }
}

/// The streams on which each call stands, in their order.
class CallStreams {
 public:
  explicit CallStreams(const Plan& plan) : first_(plan.calls.size() + 1, 0) {
    for_each(plan, [this](std::uint32_t call, std::uint32_t) { ++first_[call + 1]; });
    std::partial_sum(first_.begin(), first_.end(), first_.begin());
    streams_.resize(first_.back());
    std::vector<std::uint32_t> next(first_.begin(), first_.end() - 1);
    for_each(plan, [&](std::uint32_t call, std::uint32_t stream) { streams_[next[call]++] = stream; });
  }
  [[nodiscard]] std::span<const std::uint32_t> of(std::size_t call) const {
    return std::span(streams_).subspan(first_[call], first_[call + 1] - first_[call]);
  }

 private:
  template <class Each>
  static void for_each(const Plan& plan, Each each) {
    for (std::uint32_t s = 0; s < plan.streams.size(); ++s) {
      for (const Step step : plan.streams[s].steps) {
        if (step.kind == StepKind::call && step.index < plan.calls.size()) each(step.index, s);
      }
    }
  }

  std::vector<std::uint32_t> first_;  ///< of each call in streams_, and one past the last
  std::vector<std::uint32_t> streams_;
};

/// The groups of one member whose collectives each block has, in their order.
std::vector<std::vector<GroupId>> own_groups(const Plan& plan) {
  std::vector<std::vector<GroupId>> groups(plan.blocks.size());
  for (std::size_t b = 0; b < plan.blocks.size(); ++b) {
    for (const BlockPart& part : plan.blocks[b].parts) {
      for (const Step step : part.steps) {
        if (step.kind != StepKind::collective) continue;
        const GroupId group = plan.collectives[step.index].group;
        if (plan.groups[group.index()].members.size() == 1) groups[b].push_back(group);
      }
    }
  }
  return groups;
}

void check_calls(const Plan& plan, Findings& findings) {
  const CallStreams calls(plan);
  const std::vector<std::vector<GroupId>> own = own_groups(plan);
  EventRanges events;
  events.reserve(plan.calls.size());
  for (std::size_t c = 0; c < plan.calls.size(); ++c) {
    const Call& call = plan.calls[c];
    if (call.block >= plan.blocks.size()) {
      findings.add("call {} is of block {}, the plan has {}", c, call.block, plan.blocks.size());
      continue;
    }
    const Block& block = plan.blocks[call.block];
    events.emplace_back(call.first_event, std::uint64_t{call.first_event} + block.events);
    const std::span<const std::uint32_t> streams = calls.of(c);
    bool whole = streams.size() == block.parts.size();
    for (const std::uint32_t s : streams) {
      const Stream& stream = plan.streams[s];
      whole = whole && find_part(block, stream.lane) != nullptr && stream.rank == plan.streams[streams[0]].rank;
    }
    for (std::size_t i = 1; i < streams.size(); ++i) whole = whole && streams[i] != streams[i - 1];
    if (!whole) {
      findings.add("call {} of block \"{}\" does not stand once on each of its {} lanes of one rank", c, block.name,
                   block.parts.size());
      continue;
    }
    for (const GroupId id : own[call.block]) {
      const Group& group = plan.groups[id.index()];
      if (group.members[0] == plan.streams[streams[0]].rank) continue;
      findings.add("{}: call {}: collective of group \"{}\", of which the rank is no member", place(plan, streams[0]),
                   c, group.name);
    }
  }
  check_call_events(plan, std::move(events), findings);
}

}  // namespace

void check_blocks(const Plan& plan, Findings& findings, std::vector<BlockOrder>& orders) {
  bool sound = true;
  for (std::size_t b = 0; b < plan.blocks.size(); ++b) {
    if (!check_block(plan, b, findings)) {
      sound = false;
      continue;
    }
    BlockOrder order;
    if (order.order(plan.blocks[b])) {
      order.look_into(plan.blocks[b]);
      orders.push_back(std::move(order));
    } else {
      findings.add("deadlock: block {} \"{}\" waits for an event that it never records", b, plan.blocks[b].name);
    }
  }
  if (sound) check_calls(plan, findings);
}

}  // namespace orrery::sim
