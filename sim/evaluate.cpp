// Static evaluation: end(step) = max(end of what it waits for) + duration, in the order of the walk.
//
// Exact where durations and the order within each stream are fixed beforehand; nothing shares a link.
#include "sim/evaluate.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "sim/plan_walk.hpp"
#include "sim/timeline_recorder.hpp"

namespace orrery::sim {

namespace {

// Of the time of an evaluation: what checking the plan takes.
constexpr double kCheckShare = 0.5;

bool is_timed(StepKind kind) {
  return kind == StepKind::launch || kind == StepKind::collective || kind == StepKind::send || kind == StepKind::recv ||
         kind == StepKind::copy;
}

class Evaluator {
 public:
  Evaluator(const Plan& plan, const Durations& durations, Pacer& pacer)
      : plan_(plan),
        durations_(durations),
        recorder_(plan, pacer),
        clock_(plan.streams.size(), 0),
        recorded_at_(plan.events, 0) {}

  void alone(std::uint32_t stream, std::size_t, Step step) {
    const StepPrice price = step_price(plan_, durations_, step);
    const SimTime start = clock_[stream];
    clock_[stream] = checked_add(start, price.duration);
    recorder_.span(stream, start, clock_[stream], price);
  }

  void meet(const std::vector<std::uint32_t>& streams, const std::vector<std::size_t>&, Step step) {
    const StepPrice price = step_price(plan_, durations_, step);
    SimTime start = 0;
    for (const std::uint32_t s : streams) start = std::max(start, clock_[s]);
    const SimTime end = checked_add(start, price.duration);
    for (const std::uint32_t s : streams) {
      clock_[s] = end;
      recorder_.span(s, start, end, price);
    }
  }

  void instant(std::uint32_t stream, std::size_t position, Step step) {
    switch (step.kind) {
      case StepKind::record:
        recorded_at_[step.index] = clock_[stream];
        break;
      case StepKind::wait:
        clock_[stream] = std::max(clock_[stream], recorded_at_[step.index]);
        break;
      case StepKind::alloc:
      case StepKind::free:
        recorder_.memory(stream, position, clock_[stream], step);
        break;
      case StepKind::mark:
        recorder_.mark(stream, step);
        break;
      default:
        break;
    }
  }

  [[nodiscard]] Timeline take() {
    SimTime makespan = 0;
    for (const SimTime time : clock_) makespan = std::max(makespan, time);
    return recorder_.take(makespan);
  }

 private:
  const Plan& plan_;
  const Durations& durations_;
  TimelineRecorder recorder_;
  std::vector<SimTime> clock_;        ///< per stream: end of its last step
  std::vector<SimTime> recorded_at_;  ///< per event
};

}  // namespace

Durations price(const Plan& plan, const Pricing& pricing, const RunControl& control) {
  Durations durations;
  durations.kernels.reserve(plan.kernels.size());
  for (const KernelEntry& entry : plan.kernels) {
    control.check();
    durations.kernels.push_back(to_sim_time(pricing.kernel(entry) * static_cast<double>(entry.repeat)));
  }
  durations.collectives.reserve(plan.collectives.size());
  for (const CollectiveEntry& entry : plan.collectives) {
    control.check();
    durations.collectives.push_back(to_sim_time(pricing.collective(entry, plan.groups.at(entry.group.index()))));
  }
  durations.transfers.reserve(plan.transfers.size());
  for (const TransferEntry& entry : plan.transfers) durations.transfers.push_back(to_sim_time(pricing.transfer(entry)));
  durations.copies.reserve(plan.copies.size());
  for (const CopyEntry& entry : plan.copies) durations.copies.push_back(to_sim_time(pricing.copy(entry)));
  return durations;
}

void require_runnable(const Plan& plan, const RunControl& control) {
  const std::vector<std::string> findings = check(plan, control);
  if (findings.empty()) return;
  std::string message = "the plan can't run: ";
  for (const std::string& finding : findings) message += finding + "; ";
  message.resize(message.size() - 2);
  throw std::invalid_argument(message);
}

void require_runnable(const Plan& plan, const Durations& durations, const RunControl& control) {
  if (durations.kernels.size() != plan.kernels.size() || durations.collectives.size() != plan.collectives.size() ||
      durations.transfers.size() != plan.transfers.size() || durations.copies.size() != plan.copies.size()) {
    throw std::invalid_argument("the durations are not those of this plan: the tables have other sizes");
  }
  require_runnable(plan, control);
}

StepPrice step_price(const Plan& plan, const Durations& durations, Step step) {
  switch (step.kind) {
    case StepKind::launch: {
      const KernelEntry& entry = plan.kernels[step.index];
      return {durations.kernels[step.index], entry.label, entry.activity};
    }
    case StepKind::collective: {
      const CollectiveEntry& entry = plan.collectives[step.index];
      return {durations.collectives[step.index], entry.label, entry.activity};
    }
    case StepKind::send:
    case StepKind::recv: {
      const TransferEntry& entry = plan.transfers[step.index];
      return {durations.transfers[step.index], entry.label, entry.activity};
    }
    case StepKind::copy:
      return {durations.copies[step.index], plan.copies[step.index].label, Activity::host_copy};
    default:
      return {};
  }
}

TimelineRecorder::TimelineRecorder(const Plan& plan, Pacer& pacer) : plan_(plan) {
  timeline_.ranks = plan.ranks;
  timeline_.labels = plan.labels;
  std::size_t spans = 0;
  std::size_t marks = 0;
  std::size_t changes = 0;
  for (const Stream& stream : plan.streams) {
    timeline_.streams.push_back({stream.rank, stream.lane});
    next_span_.push_back(spans);
    next_mark_.push_back(marks);
    pacer.add(stream.steps.size());
    for (const Step step : stream.steps) {
      spans += is_timed(step.kind) ? 1 : 0;
      marks += step.kind == StepKind::mark ? 1 : 0;
      changes += step.kind == StepKind::alloc || step.kind == StepKind::free ? 1 : 0;
    }
  }
  // In parts: the first touch of a hundred megabytes takes longer than a caller that stops would wait.
  constexpr std::size_t kPart = std::size_t{1} << 16;
  timeline_.spans.reserve(spans);
  while (timeline_.spans.size() < spans) {
    timeline_.spans.resize(std::min(spans, timeline_.spans.size() + kPart));
    pacer.add(kPart);
  }
  timeline_.marks.resize(marks);
  changes_.reserve(changes);
}

Timeline TimelineRecorder::take(SimTime makespan) {
  timeline_.makespan = makespan;
  timeline_.memory = memory_samples(plan_, std::move(changes_));
  return std::move(timeline_);
}

Timeline evaluate(const Plan& plan, const Durations& durations, const RunControl& control) {
  require_runnable(plan, durations, control);
  Pacer pacer(control);
  control.report(kCheckShare);
  control.check();
  Evaluator evaluator(plan, durations, pacer);
  (void)walk(plan, link(plan, pacer), evaluator, pacer);
  control.check();
  return evaluator.take();
}

}  // namespace orrery::sim
