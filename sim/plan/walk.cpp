// Matching of collectives, sends and recvs into meetings.
#include "sim/plan/walk.hpp"

namespace orrery::sim {

namespace {

/// The k-th meeting of a table entry; collectives keep one sequence per lane.
class Sequences {
 public:
  explicit Sequences(std::size_t entries) : first_(entries, PlanLinks::kNone) {}

  std::vector<std::uint32_t>& of(std::uint32_t entry, Lane lane) {
    std::uint32_t* link = &first_[entry];
    while (*link != PlanLinks::kNone) {
      if (rows_[*link].lane == lane) return rows_[*link].meetings;
      link = &rows_[*link].next;
    }
    *link = static_cast<std::uint32_t>(rows_.size());
    rows_.push_back({lane, PlanLinks::kNone, {}});
    return rows_.back().meetings;
  }

 private:
  struct Row {
    Lane lane;
    std::uint32_t next;
    std::vector<std::uint32_t> meetings;
  };
  std::vector<std::uint32_t> first_;
  std::vector<Row> rows_;
};

/// How often the current stream has met an entry so far; starting a stream costs nothing.
class Occurrences {
 public:
  explicit Occurrences(std::size_t entries) : count_(entries, 0), stream_(entries, PlanLinks::kNone) {}

  std::uint32_t next(std::uint32_t entry, std::uint32_t stream) {
    if (stream_[entry] != stream) {
      stream_[entry] = stream;
      count_[entry] = 0;
    }
    return count_[entry]++;
  }

 private:
  std::vector<std::uint32_t> count_;
  std::vector<std::uint32_t> stream_;
};

}  // namespace

PlanLinks link(const Plan& plan, Pacer& pacer) {
  PlanLinks links;
  links.first_step.reserve(plan.streams.size() + 1);
  links.first_step.push_back(0);
  for (const Stream& stream : plan.streams) links.first_step.push_back(links.first_step.back() + stream.steps.size());
  links.meeting.assign(links.first_step.back(), PlanLinks::kNone);

  Sequences collectives(plan.collectives.size());
  Sequences transfers(plan.transfers.size());
  Occurrences entered(plan.collectives.size());
  Occurrences sent(plan.transfers.size());
  Occurrences received(plan.transfers.size());

  std::vector<std::uint32_t> of_call(plan.calls.size(), PlanLinks::kNone);
  const auto meet = [&links](std::size_t step, std::vector<std::uint32_t>& sequence, std::uint32_t occurrence,
                             std::uint32_t size) {
    if (occurrence == sequence.size()) {
      sequence.push_back(static_cast<std::uint32_t>(links.meeting_size.size()));
      links.meeting_size.push_back(size);
    }
    links.meeting[step] = sequence[occurrence];
  };

  for (std::uint32_t s = 0; s < plan.streams.size(); ++s) {
    const Stream& stream = plan.streams[s];
    pacer.add(stream.steps.size());
    for (std::size_t i = 0; i < stream.steps.size(); ++i) {
      const auto [kind, index] = stream.steps[i];
      const std::size_t step = links.first_step[s] + i;
      if (kind == StepKind::collective) {
        const auto members =
            static_cast<std::uint32_t>(plan.groups[plan.collectives[index].group.index()].members.size());
        if (members < 2) continue;
        meet(step, collectives.of(index, stream.lane), entered.next(index, s), members);
      } else if (kind == StepKind::send) {
        meet(step, transfers.of(index, Lane{}), sent.next(index, s), 2);
      } else if (kind == StepKind::recv) {
        meet(step, transfers.of(index, Lane{}), received.next(index, s), 2);
      } else if (kind == StepKind::call) {
        const auto parts = static_cast<std::uint32_t>(plan.blocks[plan.calls[index].block].parts.size());
        if (parts < 2) continue;
        if (of_call[index] == PlanLinks::kNone) {
          of_call[index] = static_cast<std::uint32_t>(links.meeting_size.size());
          links.meeting_size.push_back(parts);
        }
        links.meeting[step] = of_call[index];
      }
    }
  }
  return links;
}

}  // namespace orrery::sim
