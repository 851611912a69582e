// A visitor of the walk that keeps a clock per stream.
#include "sim/plan/evaluate.hpp"

#include <algorithm>
#include <optional>

#include "sim/plan/block_run.hpp"
#include "sim/plan/recorder.hpp"
#include "sim/plan/walk.hpp"

namespace orrery::sim {

namespace {

SimTime moved(SimTime reference, std::int64_t by) {
  return by >= 0 ? checked_add(reference, static_cast<SimTime>(by)) : reference - static_cast<SimTime>(-by);
}

class Evaluator {
 public:
  Evaluator(const RunnablePlan& runnable, const Durations& durations, const EvaluateOptions& options, Pacer& pacer)
      : runnable_(runnable),
        plan_(runnable.plan()),
        durations_(durations),
        sets_(options.busy),
        loads_(options.loads),
        link_spans_(options.capacities),
        runner_(runnable, durations, options.busy, options.loads),
        clock_(plan_.streams.size(), 0),
        recorded_at_(plan_.events, 0),
        busy_(plan_.ranks.size()),
        unions_(plan_.ranks.size() * sets_.size()),
        ledger_(plan_.ranks.size()),
        in_order_(!options.timeline) {
    for (std::uint32_t r = 0; r < plan_.ranks.size(); ++r) in_order_ = in_order_ && runnable.memory_in_order(RankId(r));
    if (options.timeline) recorder_.emplace(runnable, pacer);
  }

  void alone(std::uint32_t stream, std::size_t, Step step) {
    if (step.kind == StepKind::call) {
      streams_.assign(1, stream);
      call(streams_, step);
      return;
    }
    const StepPrice price = step_price(plan_, durations_, step, rank_of(stream).gpu_class);
    const SimTime start = clock_[stream];
    clock_[stream] = checked_add(start, price.duration);
    record(stream, start, clock_[stream], price);
    add_links(step, clock_[stream]);
  }

  void meet(const std::vector<std::uint32_t>& streams, const std::vector<std::size_t>&, Step step) {
    if (step.kind == StepKind::call) return call(streams, step);
    const StepPrice price = step_price(plan_, durations_, step, 0);
    SimTime start = 0;
    for (const std::uint32_t s : streams) start = std::max(start, clock_[s]);
    const SimTime end = checked_add(start, price.duration);
    for (const std::uint32_t s : streams) {
      clock_[s] = end;
      record(s, start, end, price);
    }
    add_links(step, end);
  }

  void instant(std::uint32_t stream, std::size_t, Step step) {
    switch (step.kind) {
      case StepKind::record:
        recorded_at_[step.index] = clock_[stream];
        break;
      case StepKind::wait:
        clock_[stream] = std::max(clock_[stream], recorded_at_[step.index]);
        break;
      case StepKind::alloc:
      case StepKind::free:
        change_memory(stream, clock_[stream], step);
        break;
      case StepKind::mark:
        if (recorder_) recorder_->mark(stream, step);
        break;
      default:
        break;
    }
  }

  [[nodiscard]] Evaluation take(const RunControl& control) {
    Evaluation out;
    for (const SimTime time : clock_) out.makespan = std::max(out.makespan, time);
    if (loads_ != nullptr) {
      out.links_filled = link_spans_.filled();
      if (!out.links_filled) out.links = link_spans_.usage(out.makespan);
    }
    if (recorder_) {
      out.timeline = recorder_->take(out.makespan);
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

 private:
  void add_links(Step step, SimTime end) {
    if (loads_ == nullptr) return;
    if (step.kind == StepKind::collective) link_spans_.add(loads_->collectives[step.index], end);
    if (step.kind == StepKind::send || step.kind == StepKind::recv) link_spans_.add(loads_->transfers[step.index], end);
  }

  [[nodiscard]] const Rank& rank_of(std::uint32_t stream) const {
    return plan_.ranks[plan_.streams[stream].rank.index()];
  }

  void record(std::uint32_t stream, SimTime start, SimTime end, const StepPrice& price) {
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

  void change_memory(std::uint32_t stream, SimTime time, Step step) {
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

  void call(const std::vector<std::uint32_t>& streams, Step step) {
    const std::uint32_t number = plan_.calls[step.index].block;
    const Block& block = plan_.blocks[number];
    of_part_.assign(block.parts.size(), 0);
    inputs_.assign(block.parts.size(), 0);
    for (const std::uint32_t s : streams) {
      const auto part = static_cast<std::size_t>(find_part(block, plan_.streams[s].lane) - block.parts.data());
      of_part_[part] = s;
      inputs_[part] = clock_[s];
    }
    const BlockRun& run = runner_.run(number, rank_of(streams.front()).gpu_class, inputs_);
    const SimTime reference = inputs_[0];
    for (std::size_t part = 0; part < of_part_.size(); ++part) {
      clock_[of_part_[part]] = moved(reference, run.outputs[part]);
    }
    recorder_ ? write_spans(run, reference) : add_busy(run, reference);
    for (const BlockLinkUse& use : run.links) {
      link_spans_.add(use.link, moved(reference, use.start), moved(reference, use.end), use.share, use.bytes);
    }
    const std::vector<BlockStep>& memory = runnable_.block(number).memory();
    for (std::size_t i = 0; i < memory.size(); ++i) {
      change_memory(of_part_[memory[i].part], moved(reference, run.memory[i]), memory[i].step);
    }
  }

  void write_spans(const BlockRun& run, SimTime reference) {
    for (const BlockSpan& span : run.spans) {
      recorder_->span(of_part_[span.part], moved(reference, span.start), moved(reference, span.end),
                      {0, span.label, span.activity});
    }
  }

  void add_busy(const BlockRun& run, SimTime reference) {
    const std::size_t rank = plan_.streams[of_part_[0]].rank.index();
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

  const RunnablePlan& runnable_;
  const Plan& plan_;
  const Durations& durations_;
  std::span<const ActivitySet> sets_;
  const Loads* loads_;
  LinkSpans link_spans_;
  BlockRunner runner_;
  std::optional<TimelineRecorder> recorder_;
  std::vector<SimTime> clock_;        ///< per stream: end of its last step
  std::vector<SimTime> recorded_at_;  ///< per event
  std::vector<BusyTimes> busy_;
  std::vector<UnionLength> unions_;  ///< by rank, then set
  MemoryLedger ledger_;
  bool in_order_;  ///< memory goes straight into the ledger
  std::vector<MemoryChange> changes_;
  std::vector<std::uint32_t> streams_, of_part_;
  std::vector<SimTime> inputs_;
};

}  // namespace

Evaluation evaluate(const RunnablePlan& plan, const Durations& durations, const EvaluateOptions& options,
                    const RunControl& control) {
  require_durations_of(plan.plan(), durations);
  Pacer pacer(control);
  control.check();
  Evaluator evaluator(plan, durations, options, pacer);
  (void)walk(plan.plan(), plan.links(), evaluator, pacer);
  control.check();
  return evaluator.take(control);
}

Timeline evaluate(const RunnablePlan& plan, const Durations& durations, const RunControl& control) {
  return evaluate(plan, durations, EvaluateOptions{}, control).timeline;
}

}  // namespace orrery::sim
