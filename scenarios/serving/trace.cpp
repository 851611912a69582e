#include "scenarios/serving/trace.hpp"

#include <algorithm>
#include <ostream>

#include <fmt/format.h>

#include "models/serving/step_model.hpp"
#include "scenarios/serving/job.hpp"
#include "scenarios/serving/steps.hpp"
#include "scenarios/serving/timeline.hpp"
#include "sim/plan/trace_writer.hpp"

namespace orrery::scenarios {

namespace {

using models::RequestRecord;
using models::SequenceState;
using models::ServingResult;
using models::StepRecord;
using sim::SimTime;
using sim::TraceWriter;

void write_arguments(const StepRecord& s, TraceWriter& out) {
  out.argument("tokens", s.prefill_tokens + s.decode_sequences);
  out.argument("padded_tokens", s.padded_tokens);
  out.argument("prefill_sequences", s.prefill_sequences);
  out.argument("decode_sequences", s.decode_sequences);
  out.argument("kv_tokens", s.kv_tokens);
  out.argument("used_blocks", s.used_blocks);
  out.argument("repeats", s.repeats);
}

/// Begins an event at the iteration's engine and stage.
TraceWriter& begin(TraceWriter& out, char phase, const StepRecord& step, std::string_view name, SimTime at) {
  return out.event(phase, step.replica).thread(step.stage).at(at).name(name);
}

/// The kernels from the start of the iteration on; what would run over its end is cut there, so that spans nest.
void write_kernels(const StepRecord& step, const std::vector<TracedKernel>& kernels, TraceWriter& out) {
  SimTime at = step.start;
  for (const TracedKernel& kernel : kernels) {
    const SimTime whole = kernel.duration * static_cast<SimTime>(kernel.count);
    const SimTime duration = std::min(whole, step.end - std::min(step.end, at));
    const std::string label = kernel.count > 1 ? fmt::format("{} (x {})", kernel.name, kernel.count) : kernel.name;
    begin(out, 'X', step, label, at).argument("kernel", std::string_view(kernel.detail));
    out.argument("count", kernel.count).end_arguments().lasts(duration).category("kernel");
    at += duration;
  }
}

void write_step(const StepRecord& step, TraceWriter& out) {
  begin(out, 'X', step, iteration_label(step), step.start);
  write_arguments(step, out);
  out.end_arguments().lasts(step.end - step.start).category("iteration");
  if (step.stage != 0) return;
  if (step.preempted > 0) {
    begin(out, 'i', step, fmt::format("preempted {}", step.preempted), step.start).scope("t");
  }
  begin(out, 'C', step, "KV blocks", step.start).argument("used", step.used_blocks);
  begin(out, 'C', step, "sequences", step.start).argument("running", step.running).argument("waiting", step.waiting);
}

/// Phases b, e and n: spans of one category and id make one track.
class RequestTrack {
 public:
  RequestTrack(const RequestRecord& record, TraceWriter& out) : record_(record), out_(out) {}

  TraceWriter& begin(char phase, std::string_view name, SimTime at) {
    return out_.event(phase, record_.replica).thread(0).at(at).name(name);
  }
  void tokens() {
    out_.argument("input_tokens", record_.input_tokens).argument("output_tokens", record_.output_tokens);
  }
  void end() { out_.end_arguments().category("request").id(record_.id); }

  void part(std::string_view name, SimTime from, SimTime to) {
    begin('b', name, from);
    end();
    begin('e', name, to);
    end();
  }

 private:
  const RequestRecord& record_;
  TraceWriter& out_;
};

void write_request(const RequestRecord& r, TraceWriter& out) {
  RequestTrack track(r, out);
  const std::string title = fmt::format("request {}", r.id);
  if (r.state != SequenceState::finished) {
    track.begin('n', title + " refused", r.arrival);
    track.tokens();
    return track.end();
  }
  track.begin('b', title, r.arrival);
  track.tokens();
  out.argument("cached_tokens", std::max<std::int64_t>(0, r.cached_tokens));
  out.argument("preemptions", std::int64_t{r.preemptions}).argument("warmup", r.warmup);
  track.end();
  track.part("queued", r.arrival, r.scheduled);
  track.part("prefill", r.scheduled, r.first_token);
  if (r.last_token > r.first_token) track.part("decode", r.first_token, r.last_token);
  track.begin('e', title, r.last_token);
  track.end();
}

void write_track_names(const models::ServingConfig& config, TraceWriter& out) {
  for (int replica = 0; replica < config.replicas; ++replica) {
    const auto process = static_cast<std::uint64_t>(replica);
    const std::string title = fmt::format("replica {}", replica);
    out.event('M', process).thread(0).name("process_name").argument("name", std::string_view(title));
    for (int stage = 0; stage < config.pipeline_parallel; ++stage) {
      const std::string name = fmt::format("stage {}", stage);
      out.event('M', process).thread(static_cast<std::uint64_t>(stage)).name("thread_name");
      out.argument("name", std::string_view(name));
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
  TraceWriter events(out);
  write_track_names(result.config, events);
  std::size_t written = 0;
  for (const StepRecord& step : result.timeline) {
    write_step(step, events);
    if (written < kKernelSteps) write_kernels(step, kernels(step), events);
    ++written;
  }
  for (const RequestRecord& record : result.records) write_request(record, events);
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
