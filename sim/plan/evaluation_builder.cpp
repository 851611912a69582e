#include "sim/plan/evaluation_builder.hpp"

#include <algorithm>
#include <utility>

namespace orrery::sim {

EvaluationBuilder::EvaluationBuilder(const RunnablePlan& plan, std::span<const ActivitySet> sets, bool timeline,
                                     Pacer& pacer)
    : runnable_(plan),
      plan_(plan.plan()),
      sets_(sets),
      busy_(plan_.ranks.size()),
      unions_(plan_.ranks.size() * sets_.size()),
      ledger_(plan_.ranks.size()),
      in_order_(!timeline) {
  for (std::uint32_t r = 0; r < plan_.ranks.size(); ++r) in_order_ = in_order_ && plan.memory_in_order(RankId(r));
  if (timeline) recorder_.emplace(plan, pacer);
}

void EvaluationBuilder::span(std::uint32_t stream, SimTime start, SimTime end, const StepPrice& price) {
  if (recorder_) return recorder_->span(stream, start, end, price);
  const std::size_t rank = plan_.streams[stream].rank.index();
  const auto a = static_cast<std::size_t>(price.activity);
  BusyTimes& busy = busy_[rank];
  busy.sum[a] += end - start;
  busy.last_end[a] = std::max(busy.last_end[a], end);
  ++busy.count[a];
  for (std::size_t i = 0; i < sets_.size(); ++i) {
    if (!contains(sets_[i], price.activity)) continue;
    unions_[rank * sets_.size() + i].add({static_cast<std::int64_t>(start), static_cast<std::int64_t>(end)});
  }
}

void EvaluationBuilder::memory(std::uint32_t stream, SimTime time, Step step) {
  if (recorder_) return recorder_->memory(stream, time, step);
  const MemoryEntry& entry = plan_.memory[step.index];
  const bool is_alloc = step.kind == StepKind::alloc;
  if (!in_order_) {
    changes_.push_back({time, stream, static_cast<std::uint32_t>(changes_.size()), step.index, is_alloc});
  } else if (is_alloc) {
    ledger_.alloc(time, plan_.streams[stream].rank, entry.kind, entry.bytes);
  } else {
    ledger_.free(time, plan_.streams[stream].rank, entry.kind, entry.bytes);
  }
}

void EvaluationBuilder::call(std::uint32_t block, const BlockRun& run, SimTime reference,
                             std::span<const std::uint32_t> streams) {
  if (recorder_) {
    write_spans(run, reference, streams);
  } else {
    add_busy(run, reference, plan_.streams[streams[0]].rank.index());
  }
  const std::vector<BlockStep>& steps = runnable_.block(block).memory();
  for (std::size_t i = 0; i < steps.size(); ++i) {
    memory(streams[steps[i].part], moved(reference, run.memory[i]), steps[i].step);
  }
}

void EvaluationBuilder::write_spans(const BlockRun& run, SimTime reference, std::span<const std::uint32_t> streams) {
  for (const BlockSpan& span : run.spans) {
    recorder_->span(streams[span.part], moved(reference, span.start), moved(reference, span.end),
                    {0, span.label, span.activity});
  }
}

void EvaluationBuilder::add_busy(const BlockRun& run, SimTime reference, std::size_t rank) {
  BusyTimes& busy = busy_[rank];
  for (std::size_t a = 0; a < kActivities; ++a) {
    if (run.count[a] == 0) continue;
    busy.sum[a] += run.sum[a];
    busy.last_end[a] = std::max(busy.last_end[a], moved(reference, run.last_end[a]));
    busy.count[a] += run.count[a];
  }
  for (std::size_t i = 0; i < sets_.size(); ++i) {
    unions_[rank * sets_.size() + i].add(run.unions[i], static_cast<std::int64_t>(reference));
  }
}

Evaluation EvaluationBuilder::take(SimTime makespan, const RunControl& control) {
  Evaluation out;
  out.makespan = makespan;
  if (recorder_) {
    out.timeline = recorder_->take(makespan);
    out.busy = busy_times(out.timeline, sets_, control);
    out.memory = memory_ledger(out.timeline);
    return out;
  }
  for (std::size_t i = 0; i < unions_.size(); ++i) busy_[i / sets_.size()].unions.push_back(unions_[i].total());
  out.busy = std::move(busy_);
  out.memory =
      in_order_ ? std::move(ledger_) : memory_ledger(plan_.ranks.size(), memory_samples(plan_, std::move(changes_)));
  return out;
}

}  // namespace orrery::sim
