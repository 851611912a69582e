// A visitor of the walk that keeps a clock per stream.
#include "sim/plan/evaluate.hpp"

#include <algorithm>

#include "sim/network/link_spans.hpp"
#include "sim/plan/block_run.hpp"
#include "sim/plan/walk.hpp"

namespace orrery::sim {

namespace {

class Evaluator {
 public:
  Evaluator(const RunnablePlan& runnable, const Durations& durations, const EvaluateOptions& options, Pacer& pacer)
      : plan_(runnable.plan()),
        durations_(durations),
        loads_(options.loads),
        link_spans_(options.capacities),
        runner_(runnable, durations, options.busy, options.loads),
        out_(runnable, options.busy, options.timeline, pacer),
        clock_(plan_.streams.size(), 0),
        recorded_at_(plan_.events, 0) {}

  void alone(std::uint32_t stream, std::size_t, Step step) {
    if (step.kind == StepKind::call) {
      streams_.assign(1, stream);
      call(streams_, step);
      return;
    }
    const StepPrice price = step_price(plan_, durations_, step, rank_of(stream).gpu_class);
    const SimTime start = clock_[stream];
    clock_[stream] = checked_add(start, price.duration);
    tell({start, clock_[stream], nullptr, step, stream});
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
      tell({start, end, nullptr, step, s});
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
      default:
        tell({clock_[stream], clock_[stream], nullptr, step, stream});
        break;
    }
  }

  [[nodiscard]] Evaluation take(const RunControl& control) {
    SimTime makespan = 0;
    for (const SimTime time : clock_) makespan = std::max(makespan, time);
    if (loads_ == nullptr) return out_.take(makespan, control);
    Evaluation out;
    out.makespan = makespan;
    out.filled_links = link_spans_.filled();
    if (!out.filled_links.empty()) return out;
    for (const Told& told : told_) pass_on(told);
    out = out_.take(makespan, control);
    out.links = link_spans_.usage(makespan);
    return out;
  }

 private:
  /// What the builder is to be told of: a step, or a call with its run, which lasts.
  struct Told {
    SimTime start = 0, end = 0;
    BlockRun* run = nullptr;
    Step step;
    std::uint32_t stream = 0;  ///< of a call: where its streams begin in streams_of_calls_
  };

  // Of an evaluation whose links turn out to be filled nobody wants the figures: they wait until that is known.
  void tell(const Told& told) {
    if (loads_ != nullptr) {
      told_.push_back(told);
    } else {
      pass_on(told);
    }
  }

  void pass_on(const Told& told) {
    switch (told.step.kind) {
      case StepKind::call: {
        const std::uint32_t number = plan_.calls[told.step.index].block;
        runner_.sum_up(*told.run);
        out_.call(number, *told.run, told.start,
                  std::span(streams_of_calls_).subspan(told.stream, plan_.blocks[number].parts.size()));
        if (loads_ == nullptr) streams_of_calls_.clear();
        break;
      }
      case StepKind::alloc:
      case StepKind::free:
        out_.memory(told.stream, told.start, told.step);
        break;
      case StepKind::mark:
        out_.mark(told.stream, told.step);
        break;
      default:
        out_.span(told.stream, told.start, told.end,
                  step_price(plan_, durations_, told.step, rank_of(told.stream).gpu_class));
        break;
    }
  }

  void add_links(Step step, SimTime end) {
    if (loads_ == nullptr) return;
    const LinkLoadEntry* load = loads_->of(step);
    if (load != nullptr) link_spans_.add(load->uses, load->work, end);
  }

  [[nodiscard]] const Rank& rank_of(std::uint32_t stream) const {
    return plan_.ranks[plan_.streams[stream].rank.index()];
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
    BlockRun& run = runner_.run(number, rank_of(streams.front()).gpu_class, inputs_);
    const SimTime reference = inputs_[0];
    for (std::size_t part = 0; part < of_part_.size(); ++part) {
      clock_[of_part_[part]] = moved(reference, run.outputs[part]);
    }
    const auto first = static_cast<std::uint32_t>(streams_of_calls_.size());
    streams_of_calls_.insert(streams_of_calls_.end(), of_part_.begin(), of_part_.end());
    tell({reference, reference, &run, step, first});
    for (const BlockLinkUse& use : run.links) {
      link_spans_.add(use.link, moved(reference, use.start), moved(reference, use.end), use.share, use.bytes);
    }
  }

  const Plan& plan_;
  const Durations& durations_;
  const Loads* loads_;
  LinkSpans link_spans_;
  BlockRunner runner_;
  EvaluationBuilder out_;
  std::vector<SimTime> clock_;        ///< per stream: end of its last step
  std::vector<SimTime> recorded_at_;  ///< per event
  std::vector<std::uint32_t> streams_, of_part_;
  std::vector<SimTime> inputs_;
  std::vector<Told> told_;
  std::vector<std::uint32_t> streams_of_calls_;  ///< by part, of each call that the builder was not told of
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
