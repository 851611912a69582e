// What must match between streams: records and waits, sends and recvs, the collectives of a group.
//
// Linear in the number of steps but for one sort of the collectives.
#include <algorithm>
#include <tuple>
#include <utility>

#include "sim/plan/findings.hpp"
#include "sim/plan/plan.hpp"
#include "sim/plan/walk.hpp"

namespace orrery::sim {

void check_events(const Plan& plan, Findings& findings, Pacer& pacer) {
  constexpr std::uint32_t kNone = PlanLinks::kNone;
  std::vector<std::uint32_t> recorded_on(plan.events, kNone);
  for (std::uint32_t s = 0; s < plan.streams.size(); ++s) {
    const std::vector<Step>& steps = plan.streams[s].steps;
    pacer.add(steps.size());
    for (std::size_t i = 0; i < steps.size(); ++i) {
      if (steps[i].kind != StepKind::record) continue;
      if (std::exchange(recorded_on[steps[i].index], s) != kNone) {
        findings.add("{}: event {} is recorded a second time", place(plan, s, i), steps[i].index);
      }
    }
  }
  for (std::uint32_t s = 0; s < plan.streams.size(); ++s) {
    const std::vector<Step>& steps = plan.streams[s].steps;
    pacer.add(steps.size());
    for (std::size_t i = 0; i < steps.size(); ++i) {
      if (steps[i].kind != StepKind::wait) continue;
      const std::uint32_t recorder = recorded_on[steps[i].index];
      if (recorder == kNone) {
        findings.add("{}: waits for event {}, which nothing records", place(plan, s, i), steps[i].index);
      } else if (plan.streams[recorder].rank != plan.streams[s].rank) {
        findings.add("{}: waits for event {} of another rank ({})", place(plan, s, i), steps[i].index,
                     place(plan, recorder));
      }
    }
  }
}

namespace {

/// The sends or the recvs of each transfer entry.
struct Ends {
  std::uint32_t stream = PlanLinks::kNone;
  std::size_t count = 0;
};

std::vector<Ends> find_ends(const Plan& plan, StepKind kind, Findings& findings, Pacer& pacer) {
  std::vector<Ends> ends(plan.transfers.size());
  for (std::uint32_t s = 0; s < plan.streams.size(); ++s) {
    const Stream& stream = plan.streams[s];
    pacer.add(stream.steps.size());
    for (std::size_t i = 0; i < stream.steps.size(); ++i) {
      const Step step = stream.steps[i];
      if (step.kind != kind) continue;
      const TransferEntry& entry = plan.transfers[step.index];
      Ends& end = ends[step.index];
      if (stream.rank != (kind == StepKind::send ? entry.source : entry.destination)) {
        findings.add("{}: {} of transfer {} (\"{}\", rank {} to rank {}) on the wrong rank", place(plan, s, i),
                     name(kind), step.index, label_text(plan, entry.label), entry.source.value,
                     entry.destination.value);
      }
      if (end.stream != PlanLinks::kNone && end.stream != s) {
        findings.add("{}: {} of transfer {} (\"{}\") also occurs on {}; their order is not determined",
                     place(plan, s, i), name(kind), step.index, label_text(plan, entry.label), place(plan, end.stream));
      }
      end.stream = s;
      ++end.count;
    }
  }
  return ends;
}

}  // namespace

void check_transfers(const Plan& plan, Findings& findings, Pacer& pacer) {
  const std::vector<Ends> sends = find_ends(plan, StepKind::send, findings, pacer);
  const std::vector<Ends> recvs = find_ends(plan, StepKind::recv, findings, pacer);
  for (std::size_t i = 0; i < plan.transfers.size(); ++i) {
    const TransferEntry& entry = plan.transfers[i];
    if (sends[i].count != recvs[i].count) {
      findings.add("transfer {} (\"{}\", rank {} to rank {}) is sent {} times and received {} times", i,
                   label_text(plan, entry.label), entry.source.value, entry.destination.value, sends[i].count,
                   recvs[i].count);
    } else if (sends[i].count > 0 && sends[i].stream == recvs[i].stream) {
      findings.add("transfer {} (\"{}\") is sent and received on one stream ({})", i, label_text(plan, entry.label),
                   place(plan, sends[i].stream));
    }
  }
}

namespace {

/// A collective of a group with several members in the plan.
struct GroupCall {
  std::uint32_t group;
  Lane lane;
  std::uint32_t stream;
  std::uint32_t position;
  std::uint32_t entry;
};

std::vector<GroupCall> find_calls(const Plan& plan, Findings& findings, Pacer& pacer) {
  std::vector<GroupCall> calls;
  for (std::uint32_t s = 0; s < plan.streams.size(); ++s) {
    const Stream& stream = plan.streams[s];
    pacer.add(stream.steps.size());
    for (std::uint32_t i = 0; i < stream.steps.size(); ++i) {
      if (stream.steps[i].kind != StepKind::collective) continue;
      const std::uint32_t entry = stream.steps[i].index;
      const std::uint32_t g = plan.collectives[entry].group.value;
      const std::vector<RankId>& members = plan.groups[g].members;
      if (members.size() > 1) {
        calls.push_back({g, stream.lane, s, i, entry});
      } else if (members[0] != stream.rank) {
        findings.add("{}: collective of group {} \"{}\", of which the rank is no member", place(plan, s, i), g,
                     plan.groups[g].name);
      }
    }
  }
  std::stable_sort(calls.begin(), calls.end(), [](const GroupCall& a, const GroupCall& b) {
    return std::tie(a.group, a.lane, a.stream) < std::tie(b.group, b.lane, b.stream);
  });
  return calls;
}

using CallIterator = std::vector<GroupCall>::const_iterator;

/// One group on one lane: the calls of each stream must be those of the first stream.
void check_group_order(const Plan& plan, CallIterator begin, CallIterator end, Findings& findings) {
  const Group& group = plan.groups[begin->group];
  const auto next_stream = [end](CallIterator from) {
    return std::find_if(from, end, [from](const GroupCall& call) { return call.stream != from->stream; });
  };
  const CallIterator first_end = next_stream(begin);
  std::vector<RankId> callers;
  for (CallIterator mine = begin; mine != end;) {
    const CallIterator mine_end = next_stream(mine);
    const RankId rank = plan.streams[mine->stream].rank;
    callers.push_back(rank);
    if (std::find(group.members.begin(), group.members.end(), rank) == group.members.end()) {
      findings.add("{}: collective of group {} \"{}\", of which the rank is no member",
                   place(plan, mine->stream, mine->position), begin->group, group.name);
    }
    const auto [a, b] = std::mismatch(begin, first_end, mine, mine_end,
                                      [](const GroupCall& x, const GroupCall& y) { return x.entry == y.entry; });
    if (a != first_end && b != mine_end) {
      findings.add("group {} \"{}\": {} issues \"{}\" (collective {}) where {} issues \"{}\" (collective {})",
                   begin->group, group.name, place(plan, b->stream, b->position),
                   label_text(plan, plan.collectives[b->entry].label), b->entry, place(plan, a->stream, a->position),
                   label_text(plan, plan.collectives[a->entry].label), a->entry);
    } else if (a != first_end || b != mine_end) {
      findings.add("group {} \"{}\": {} issues {} collectives and {} issues {}", begin->group, group.name,
                   place(plan, mine->stream), mine_end - mine, place(plan, begin->stream), first_end - begin);
    }
    mine = mine_end;
  }
  std::sort(callers.begin(), callers.end());
  for (const RankId member : group.members) {
    if (!std::binary_search(callers.begin(), callers.end(), member)) {
      findings.add("group {} \"{}\": {} issues none of the collectives that {} issues", begin->group, group.name,
                   rank_name(plan, member), place(plan, begin->stream));
    }
  }
}

}  // namespace

void check_collectives(const Plan& plan, Findings& findings, Pacer& pacer) {
  const std::vector<GroupCall> calls = find_calls(plan, findings, pacer);
  for (CallIterator begin = calls.begin(); begin != calls.end();) {
    const CallIterator end = std::find_if(begin, calls.end(), [begin](const GroupCall& call) {
      return call.group != begin->group || call.lane != begin->lane;
    });
    check_group_order(plan, begin, end, findings);
    begin = end;
  }
}

}  // namespace orrery::sim
