#include "scenarios/serving/trace.hpp"

#include <algorithm>
#include <array>
#include <ostream>

#include <fmt/format.h>

#include "models/serving/step_model.hpp"
#include "scenarios/serving/job.hpp"
#include "scenarios/serving/steps.hpp"
#include "sim/trace_writer.hpp"

namespace orrery::scenarios {

namespace {

using models::RequestRecord;
using models::SequenceState;
using models::ServingResult;
using models::StepRecord;
using sim::SimTime;

/// Picoseconds as microseconds, exactly.
std::string microseconds(SimTime time) {
  constexpr SimTime kPerMicrosecond = 1'000'000;
  const SimTime fraction = time % kPerMicrosecond;
  return fraction == 0 ? fmt::format("{}", time / kPerMicrosecond)
                       : fmt::format("{}.{:06}", time / kPerMicrosecond, fraction);
}

/// One event of the trace; `args` is the inside of a JSON object.
struct TraceEvent {
  char phase = 'X';
  std::uint64_t process = 0, thread = 0;
  std::string_view name;
  SimTime at = 0;
  std::string args;
};

/// Streams events one by one.
class TraceEvents {
 public:
  explicit TraceEvents(std::ostream& out) : out_(out) { out_ << R"({"displayTimeUnit":"ms","traceEvents":[)"; }

  void metadata(std::string_view kind, std::uint64_t process, std::uint64_t thread, std::string_view name) {
    next();
    out_ << fmt::format(R"({{"ph":"M","pid":{},"tid":{},"name":"{}","args":{{"name":{}}}}})", process, thread, kind,
                        sim::json_string(name));
  }
  void span(const TraceEvent& event, SimTime duration, std::string_view category) {
    begin(event);
    out_ << fmt::format(R"(,"dur":{},"cat":"{}"}})", microseconds(duration), category);
  }
  void counter(const TraceEvent& event) {
    begin(event);
    out_ << "}";
  }
  void instant(const TraceEvent& event) {
    begin(event);
    out_ << R"(,"s":"t"})";
  }
  /// Phases b, e and n: spans of one category and id make one track.
  void async(const TraceEvent& event, std::string_view category, std::uint64_t id) {
    begin(event);
    out_ << fmt::format(R"(,"cat":"{}","id":{}}})", category, id);
  }
  void finish() { out_ << "\n]}\n"; }

 private:
  void next() {
    out_ << (is_first_ ? "\n" : ",\n");
    is_first_ = false;
  }
  void begin(const TraceEvent& event) {
    next();
    out_ << fmt::format(R"({{"ph":"{}","pid":{},"tid":{},"ts":{},"name":{})", event.phase, event.process, event.thread,
                        microseconds(event.at), sim::json_string(event.name));
    if (!event.args.empty()) out_ << R"(,"args":{)" << event.args << "}";
  }

  std::ostream& out_;
  bool is_first_ = true;
};

std::string step_name(const StepRecord& step) {
  std::string name;
  if (step.prefill_sequences > 0) name = fmt::format("prefill {}", step.prefill_tokens);
  if (step.decode_sequences > 0) name += fmt::format("{}decode {}", name.empty() ? "" : " + ", step.decode_sequences);
  if (step.repeats > 1) name += fmt::format(" (x {})", step.repeats);
  return name;
}

std::string step_args(const StepRecord& s) {
  return fmt::format(
      R"("tokens":{},"padded_tokens":{},"prefill_sequences":{},"decode_sequences":{},"kv_tokens":{},"used_blocks":{},)"
      R"("repeats":{})",
      s.prefill_tokens + s.decode_sequences, s.padded_tokens, s.prefill_sequences, s.decode_sequences, s.kv_tokens,
      s.used_blocks, s.repeats);
}

/// The kernels from the start of the iteration on; what would run over its end is cut there, so that spans nest.
void write_kernels(const StepRecord& step, const std::vector<TracedKernel>& kernels, TraceEvents& events) {
  SimTime at = step.start;
  for (const TracedKernel& kernel : kernels) {
    const SimTime whole = kernel.duration * static_cast<SimTime>(kernel.count);
    const SimTime duration = std::min(whole, step.end - std::min(step.end, at));
    const std::string label = kernel.count > 1 ? fmt::format("{} (x {})", kernel.name, kernel.count) : kernel.name;
    events.span({'X', step.replica, step.stage, label, at,
                 fmt::format(R"("kernel":{},"count":{})", sim::json_string(kernel.detail), kernel.count)},
                duration, "kernel");
    at += duration;
  }
}

void write_step(const StepRecord& step, TraceEvents& events) {
  events.span({'X', step.replica, step.stage, step_name(step), step.start, step_args(step)}, step.end - step.start,
              "iteration");
  if (step.stage != 0) return;
  if (step.preempted > 0) {
    events.instant({'i', step.replica, step.stage, fmt::format("preempted {}", step.preempted), step.start, ""});
  }
  events.counter({'C', step.replica, 0, "KV blocks", step.start, fmt::format(R"("used":{})", step.used_blocks)});
  events.counter({'C', step.replica, 0, "sequences", step.start,
                  fmt::format(R"("running":{},"waiting":{})", step.running, step.waiting)});
}

void write_request(const RequestRecord& r, TraceEvents& events) {
  const std::string title = fmt::format("request {}", r.id);
  const std::string tokens = fmt::format(R"("input_tokens":{},"output_tokens":{})", r.input_tokens, r.output_tokens);
  if (r.state != SequenceState::finished) {
    events.async({'n', r.replica, 0, title + " refused", r.arrival, tokens}, "request", r.id);
    return;
  }
  const auto part = [&](std::string_view name, SimTime from, SimTime to) {
    events.async({'b', r.replica, 0, name, from, ""}, "request", r.id);
    events.async({'e', r.replica, 0, name, to, ""}, "request", r.id);
  };
  events.async({'b', r.replica, 0, title, r.arrival,
                fmt::format(R"({},"cached_tokens":{},"preemptions":{},"warmup":{})", tokens,
                            std::max<std::int64_t>(0, r.cached_tokens), r.preemptions, r.warmup)},
               "request", r.id);
  part("queued", r.arrival, r.scheduled);
  part("prefill", r.scheduled, r.first_token);
  if (r.last_token > r.first_token) part("decode", r.first_token, r.last_token);
  events.async({'e', r.replica, 0, title, r.last_token, ""}, "request", r.id);
}

void write_track_names(const models::ServingConfig& config, TraceEvents& events) {
  for (int replica = 0; replica < config.replicas; ++replica) {
    const auto process = static_cast<std::uint64_t>(replica);
    events.metadata("process_name", process, 0, fmt::format("replica {}", replica));
    for (int stage = 0; stage < config.pipeline_parallel; ++stage) {
      events.metadata("thread_name", process, static_cast<std::uint64_t>(stage), fmt::format("stage {}", stage));
    }
  }
}

/// What an iteration worked on, as far as its record says: prompts count as equally long ones without a context.
models::StepShape shape_of(const StepRecord& step) {
  models::StepShape shape;
  shape.decode_sequences = step.decode_sequences;
  shape.decode_kv_tokens = step.kv_tokens;
  shape.prefill_sequences = step.prefill_sequences;
  shape.prefill_tokens = step.prefill_tokens;
  shape.prefill_pairs = step.prefill_pairs;
  shape.sampled = step.sampled;
  return shape;
}

/// The steps of one stage in their order; equal ones in a row are one kernel that runs so often.
std::vector<TracedKernel> traced_kernels(const sim::Plan& plan, const sim::Prices& prices, std::uint32_t stage) {
  std::vector<TracedKernel> list;
  const sim::Step* before = nullptr;
  for (const sim::Step& step : plan.streams.at(stage).steps) {
    if (step.kind == sim::StepKind::launch) {
      const sim::KernelEntry& entry = plan.kernels[step.index];
      list.push_back({plan.labels[entry.label.index()], kernels::describe(entry.kernel),
                      sim::to_sim_time(prices.time(entry, 0)), entry.repeat});
    } else if (step.kind == sim::StepKind::collective) {
      if (before != nullptr && before->kind == step.kind && before->index == step.index) {
        ++list.back().count;
        continue;
      }
      const sim::CollectiveEntry& entry = plan.collectives[step.index];
      list.push_back({plan.labels[entry.label.index()],
                      fmt::format("{} of {:.0f} B over {} GPUs", sim::name(entry.kind), entry.bytes.value(),
                                  plan.groups[entry.group.index()].size()),
                      sim::to_sim_time(prices.time(entry, plan)), 1});
    }
    before = &step;
  }
  return list;
}

}  // namespace

void write_serving_trace(const ServingResult& result, const KernelsOf& kernels, std::ostream& out) {
  TraceEvents events(out);
  write_track_names(result.config, events);
  std::size_t written = 0;
  for (const StepRecord& step : result.timeline) {
    write_step(step, events);
    if (written < kKernelSteps) write_kernels(step, kernels(step), events);
    ++written;
  }
  for (const RequestRecord& record : result.records) write_request(record, events);
  events.finish();
}

void write_serving_trace(const JobView& view, std::ostream& out) {
  const ServingResult& result = result_of<ServingOutcome>(view).result;
  const std::unique_ptr<kernels::KernelTimer> timer = make_timer(view.scenario().timer);
  const models::ServingJob job = resolved_job(spec_of<ServingSpec>(view.job).job, result);
  if (!result.started) {
    write_serving_trace(
        result, [](const StepRecord&) { return std::vector<TracedKernel>(); }, out);
    return;
  }
  const models::StepModel model(job, *timer);
  const std::unique_ptr<sim::Prices> prices = model.prices();
  const auto kernels = [&](const StepRecord& step) {
    return traced_kernels(model.lower(shape_of(step)), *prices, step.stage);
  };
  write_serving_trace(result, kernels, out);
}

}  // namespace orrery::scenarios
