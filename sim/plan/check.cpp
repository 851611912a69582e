// The rules of a Plan, checked before anything runs it.
//
// In order: indices (nothing else can be said when they are wrong), matching (records and waits, sends
// and recvs, collectives of a group), memory, and last deadlock, by walking the plan without a clock:
// what the walk can't reach can never run. Deadlock is looked for only in plans that match, since every
// mismatch would show up again as a deadlock.
//
// Limitations: memory balance is a sum per rank and kind; whether a free on one stream precedes the
// alloc on another is a question of time and is left to the memory ledger.
#include <algorithm>
#include <array>
#include <utility>

#include "sim/plan/block.hpp"
#include "sim/plan/findings.hpp"
#include "sim/plan/memory.hpp"
#include "sim/plan/plan.hpp"
#include "sim/plan/runnable.hpp"
#include "sim/plan/walk.hpp"

namespace orrery::sim {

namespace {

std::size_t table_size(const Plan& plan, StepKind kind) {
  switch (kind) {
    case StepKind::launch:
      return plan.kernels.size();
    case StepKind::collective:
      return plan.collectives.size();
    case StepKind::send:
    case StepKind::recv:
      return plan.transfers.size();
    case StepKind::copy:
      return plan.copies.size();
    case StepKind::record:
    case StepKind::wait:
      return plan.events;
    case StepKind::alloc:
    case StepKind::free:
      return plan.memory.size();
    case StepKind::mark:
      return plan.marks.size();
    case StepKind::call:
      return plan.calls.size();
  }
  return 0;
}

void check_tables(const Plan& plan, Findings& findings) {
  const std::size_t ranks = plan.ranks.size();
  for (std::size_t r = 0; r < ranks; ++r) {
    if (plan.ranks[r].stands_for.empty()) findings.add("rank {} \"{}\" stands for nobody", r, plan.ranks[r].name);
  }
  const auto label = [&](std::string_view table, std::size_t i, LabelId id) {
    if (id.index() >= plan.labels.size()) findings.add("{} {} has no label {}", table, i, id.value);
  };
  for (std::size_t i = 0; i < plan.kernels.size(); ++i) {
    label("kernel", i, plan.kernels[i].label);
    if (plan.kernels[i].repeat < 1) findings.add("kernel {} repeats 0 times", i);
  }
  for (std::size_t i = 0; i < plan.collectives.size(); ++i) {
    label("collective", i, plan.collectives[i].label);
    if (plan.collectives[i].group.index() >= plan.groups.size()) {
      findings.add("collective {} is of group {}, the plan has {}", i, plan.collectives[i].group.value,
                   plan.groups.size());
    }
  }
  for (std::size_t i = 0; i < plan.transfers.size(); ++i) {
    label("transfer", i, plan.transfers[i].label);
    if (plan.transfers[i].source.index() >= ranks || plan.transfers[i].destination.index() >= ranks) {
      findings.add("transfer {} goes from rank {} to rank {}, the plan has {}", i, plan.transfers[i].source.value,
                   plan.transfers[i].destination.value, ranks);
    } else if (plan.ranks[plan.transfers[i].source.index()].multiplicity() !=
               plan.ranks[plan.transfers[i].destination.index()].multiplicity()) {
      findings.add("transfer {} goes from {} members to {}", i,
                   plan.ranks[plan.transfers[i].source.index()].multiplicity(),
                   plan.ranks[plan.transfers[i].destination.index()].multiplicity());
    }
  }
  for (std::size_t i = 0; i < plan.copies.size(); ++i) label("copy", i, plan.copies[i].label);
  for (std::size_t i = 0; i < plan.marks.size(); ++i) label("mark", i, plan.marks[i].label);
  for (std::size_t i = 0; i < plan.memory.size(); ++i) {
    if (!(plan.memory[i].bytes.value() >= 0.0))
      findings.add("memory entry {} has {} bytes", i, plan.memory[i].bytes.value());
  }
}

void check_groups(const Plan& plan, Findings& findings) {
  std::vector<std::uint32_t> seen_in(plan.ranks.size(), Id<struct None>::kNone);
  for (std::uint32_t g = 0; g < plan.groups.size(); ++g) {
    const Group& group = plan.groups[g];
    if (group.members.empty()) findings.add("group {} \"{}\" has no members", g, group.name);
    bool regular = !group.bases.empty();
    for (const Axis& axis : group.axes) regular = regular && axis.count >= 1 && axis.stride >= 0;
    if (!regular || static_cast<std::size_t>(group.size()) < group.members.size()) {
      findings.add("group {} \"{}\" has {} members of {} communicators of size {}", g, group.name, group.members.size(),
                   group.bases.size(), regular ? group.size() : 0);
    }
    for (const RankId rank : group.members) {
      if (rank.index() >= plan.ranks.size()) {
        findings.add("group {} \"{}\" has member rank {}, the plan has {}", g, group.name, rank.value,
                     plan.ranks.size());
      } else if (std::exchange(seen_in[rank.index()], g) == g) {
        findings.add("group {} \"{}\" lists {} twice", g, group.name, rank_name(plan, rank));
      }
    }
  }
}

void check_streams(const Plan& plan, Findings& findings, Pacer& pacer) {
  std::vector<std::pair<std::uint32_t, Lane>> lanes;
  for (std::size_t s = 0; s < plan.streams.size(); ++s) {
    const Stream& stream = plan.streams[s];
    if (stream.rank.index() >= plan.ranks.size()) {
      findings.add("stream {} is of rank {}, the plan has {}", s, stream.rank.value, plan.ranks.size());
      continue;
    }
    lanes.emplace_back(stream.rank.value, stream.lane);
    pacer.add(stream.steps.size());
    for (std::size_t i = 0; i < stream.steps.size(); ++i) {
      const Step step = stream.steps[i];
      if (step.index >= table_size(plan, step.kind)) {
        findings.add("{}: {} {}, the plan has {}", place(plan, s, i), name(step.kind), step.index,
                     table_size(plan, step.kind));
      }
    }
  }
  std::sort(lanes.begin(), lanes.end());
  for (std::size_t i = 1; i < lanes.size(); ++i) {
    if (lanes[i] == lanes[i - 1]) {
      findings.add("{} has two streams of lane {}", rank_name(plan, RankId(lanes[i].first)),
                   lane_name(plan.lane_names, lanes[i].second));
    }
  }
}

/// Kinds that outlive a plan: a plan may end with more of them than it began with.
bool persists(MemoryKind kind) { return kind != MemoryKind::activations && kind != MemoryKind::workspace; }

struct Usage {
  double allocated = 0.0;
  double freed = 0.0;
  std::uint32_t stream = PlanLinks::kNone;  ///< the only one that touched it so far
  bool shared = false;                      ///< several streams did
  bool early = false;                       ///< at some step more was freed than allocated
};

void check_memory(const Plan& plan, const std::vector<BlockOrder>& orders, Findings& findings, Pacer& pacer) {
  std::vector<std::array<Usage, kMemoryKinds>> usage(plan.ranks.size());
  constexpr double kSlack = 1.0 + 1e-9;  // sizes may be fractions of a byte; sums round
  std::uint32_t s = 0;
  const auto count = [&](Step step) {
    if (step.kind != StepKind::alloc && step.kind != StepKind::free) return;
    const MemoryEntry& entry = plan.memory[step.index];
    Usage& u = usage[plan.streams[s].rank.index()][static_cast<std::size_t>(entry.kind)];
    u.shared = u.shared || (u.stream != PlanLinks::kNone && u.stream != s);
    u.stream = s;
    (step.kind == StepKind::alloc ? u.allocated : u.freed) += entry.bytes.value();
    if (u.freed > u.allocated * kSlack) u.early = true;
  };
  for (; s < plan.streams.size(); ++s) {
    pacer.add(plan.streams[s].steps.size());
    for (const Step step : plan.streams[s].steps) {
      if (step.kind != StepKind::call) {
        count(step);
        continue;
      }
      const std::uint32_t block = plan.calls[step.index].block;
      for (const BlockStep& inner : orders[block].memory()) {
        if (plan.blocks[block].parts[inner.part].lane == plan.streams[s].lane) count(inner.step);
      }
    }
  }
  for (std::uint32_t r = 0; r < plan.ranks.size(); ++r) {
    for (std::size_t k = 0; k < kMemoryKinds; ++k) {
      const Usage& u = usage[r][k];
      const auto kind = static_cast<MemoryKind>(k);
      if (u.freed > u.allocated * kSlack) {
        findings.add("{}: frees {} bytes of {} but allocates {}", rank_name(plan, RankId(r)), u.freed, name(kind),
                     u.allocated);
      } else if (u.allocated > u.freed * kSlack && !persists(kind)) {
        findings.add("{}: allocates {} bytes of {} but frees {}", rank_name(plan, RankId(r)), u.allocated, name(kind),
                     u.freed);
      } else if (u.early && !u.shared) {
        findings.add("{}: {} are freed before they are allocated", place(plan, u.stream), name(kind));
      }
    }
  }
}

struct Ignore {
  void alone(std::uint32_t, std::size_t, Step) const {}
  void meet(const std::vector<std::uint32_t>&, const std::vector<std::size_t>&, Step) const {}
  void instant(std::uint32_t, std::size_t, Step) const {}
};

void check_deadlock(const Plan& plan, const PlanLinks& links, Findings& findings, Pacer& pacer) {
  Ignore ignore;
  const WalkState state = walk(plan, links, ignore, pacer);
  for (std::size_t s = 0; s < plan.streams.size(); ++s) {
    const std::size_t position = state.position[s];
    if (position >= plan.streams[s].steps.size()) continue;
    const Step step = plan.streams[s].steps[position];
    const std::string where = place(plan, s, position);
    if (step.kind == StepKind::wait) {
      findings.add("deadlock: {} waits for event {}", where, step.index);
    } else if (step.kind == StepKind::call) {
      findings.add("deadlock: {} waits in a call of block \"{}\" for its other lanes", where,
                   plan.blocks[plan.calls[step.index].block].name);
    } else if (step.kind == StepKind::collective) {
      const std::uint32_t meeting = links.meeting_of(s, position);
      findings.add("deadlock: {} waits in collective \"{}\", reached by {} of {} members", where,
                   label_text(plan, plan.collectives[step.index].label), state.arrivals[meeting],
                   links.meeting_size[meeting]);
    } else {
      const TransferEntry& entry = plan.transfers[step.index];
      findings.add("deadlock: {} waits to {} \"{}\" {} rank {}", where, name(step.kind), label_text(plan, entry.label),
                   step.kind == StepKind::send ? "to" : "from",
                   step.kind == StepKind::send ? entry.destination.value : entry.source.value);
    }
  }
}

}  // namespace

std::vector<std::string> check(const Plan& plan, const RunControl& control) {
  PlanLinks links;
  std::vector<BlockOrder> blocks;
  return check_and_link(plan, links, blocks, control);
}

std::vector<std::string> check_and_link(const Plan& plan, PlanLinks& links, std::vector<BlockOrder>& blocks,
                                        const RunControl& control) {
  Findings findings;
  Pacer pacer(control);
  check_tables(plan, findings);
  check_groups(plan, findings);
  check_streams(plan, findings, pacer);
  if (findings.empty()) check_blocks(plan, findings, blocks);
  if (!findings.empty()) return findings.take();
  check_events(plan, findings, pacer);
  check_transfers(plan, findings, pacer);
  check_collectives(plan, findings, pacer);
  const bool matches = findings.empty();
  check_memory(plan, blocks, findings, pacer);
  if (matches) {
    links = link(plan, pacer);
    check_deadlock(plan, links, findings, pacer);
  }
  return findings.take();
}

}  // namespace orrery::sim
