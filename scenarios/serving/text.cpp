// The text form of a serving report.

#include <array>
#include <cmath>
#include <ostream>

#include <fmt/format.h>

#include "scenarios/format.hpp"
#include "scenarios/memory_verdict.hpp"
#include "scenarios/report_lines.hpp"
#include "scenarios/serving/job.hpp"
#include "scenarios/serving/pool.hpp"
#include "scenarios/serving/report.hpp"

namespace orrery::scenarios {

namespace {

std::string time_text(Seconds time) { return readable(time.value(), Unit::seconds); }

std::string lengths_text(std::string_view what, const models::LengthConfig& lengths) {
  if (!lengths.file.empty()) return fmt::format("{} drawn from a table", what);
  if (!lengths.values.empty()) return fmt::format("{} drawn from {} values", what, lengths.values.size());
  if (lengths.distribution == "fixed") return fmt::format("{} {:g}", what, lengths.mean);
  if (lengths.mean > 0.0) return fmt::format("{} {} of mean {:g}", what, lengths.distribution, lengths.mean);
  return fmt::format("{} {} of {} to {}", what, lengths.distribution, lengths.least, lengths.most);
}

void write_latencies(std::ostream& out, const JobView& view) {
  constexpr std::array<std::string_view, 5> kFigures = {"mean", "p50", "p90", "p95", "p99"};
  out << fmt::format("\n{:<22}", "Latency");
  for (const std::string_view figure : kFigures) out << fmt::format(" {:>11}", figure);
  out << "\n";
  for (const auto& [label, metric] : {std::pair<std::string_view, std::string_view>{"to first token (TTFT)", "ttft_s"},
                                      {"per token (TPOT)", "tpot_s"},
                                      {"between tokens (ITL)", "itl_s"},
                                      {"end to end", "e2e_s"},
                                      {"in the queue", "queue_s"}}) {
    out << fmt::format("  {:<20}", label);
    for (const std::string_view figure : kFigures) {
      out << fmt::format(" {:>11}", value_of(view, fmt::format("serving.{}.{}", metric, figure)));
    }
    out << "\n";
  }
}

void write_slo(std::ostream& out, const JobView& view) {
  const models::SloConfig& slo = result_of<ServingOutcome>(view).result.config.slo;
  if (!slo.given()) return;
  std::string limits;
  if (slo.ttft > Seconds{0.0}) limits = "TTFT " + time_text(slo.ttft);
  if (slo.tpot > Seconds{0.0}) limits += (limits.empty() ? "TPOT " : ", TPOT ") + time_text(slo.tpot);
  const std::string promise =
      slo.attainment > 0.0 ? fmt::format("; promised {}", readable(slo.attainment, Unit::ratio)) : "";
  write_lines(out, view, fmt::format("SLO: {}{}", limits, promise),
              {{"requests within it", "serving.slo_attainment"}, {"goodput", "serving.goodput"}});
}

void write_memory(std::ostream& out, const JobView& view) {
  const models::ServingResult& result = result_of<ServingOutcome>(view).result;
  const models::KvPool& pool = result.pool;
  write_lines(out, view, "Memory of the fullest GPU",
              {{"weights", "memory.weights_bytes"}, {"activations", "memory.activations_bytes"}});
  const auto line = [&](std::string_view label, Bytes bytes) {
    out << fmt::format("  {:<26} {:>18}\n", label, readable(bytes.value(), Unit::bytes));
  };
  line("context", pool.context);
  line("CUDA graphs", pool.graphs);
  line("KV cache", pool.kv_cache);
  // The margin is the difference of these two.
  if (const Bytes longest = longest_request(result); longest > Bytes{0.0}) line("  the longest request", longest);
  line("sum", pool.peak());
  line("allowed", pool.budget);
  line("capacity", pool.capacity);
  out << fmt::format(
      "  {:<26} {}\n", "verdict",
      describe(memory_verdict(cache_margin(result), pool.capacity, kServingMemoryDoubt), margin_basis(result)));
}

std::string describe_arrivals(const models::LoadConfig& load) {
  std::string text = load.arrivals;
  if (std::isinf(load.rate)) {
    text += " at an infinite rate: all at once";
  } else if (load.rate > 0.0) {
    text += fmt::format(" at {:g} requests/s", load.rate);
  }
  if (load.concurrency > 0) text += fmt::format(" of {} clients", load.concurrency);
  if (load.burst_size > 0) text += fmt::format(" of {}", load.burst_size);
  if (load.burst_interval > Seconds{0.0}) text += " every " + time_text(load.burst_interval);
  return text;
}

/// As vLLM prints it at start-up.
void write_concurrency(std::ostream& out, const JobView& view) {
  const std::optional<double> times = view.find_metric("serving.max_concurrency");
  if (!times || *times <= 0.0) return;
  const std::int64_t tokens = result_of<ServingOutcome>(view).result.config.max_model_len;
  out << fmt::format("  Maximum concurrency for {} tokens per request: {:.2f}x\n", grouped(tokens), *times);
}

}  // namespace

std::string describe_load(const models::LoadConfig& load) {
  if (!load.trace.empty()) {
    const std::string name = load.trace.substr(load.trace.rfind('/') + 1);
    const std::string part = load.requests > 0 ? fmt::format(", its first {} requests", load.requests) : "";
    const std::string scale =
        load.rate_scale == 1.0 ? "" : fmt::format(", arriving {:g} times as fast", load.rate_scale);
    return fmt::format("trace {}{}{}{}", name, part, scale,
                       load.arrivals == "trace" ? "" : ", " + describe_arrivals(load));
  }
  std::string text = describe_arrivals(load);
  text += fmt::format(", {} requests, {}, {}", load.requests, lengths_text("input", load.input),
                      lengths_text("output", load.output));
  if (load.prefix_tokens > 0) {
    text += fmt::format(", {} system prompts of {} tokens", load.prefix_groups, load.prefix_tokens);
  }
  return text;
}

void write_serving_setting(std::ostream& out, const JobView& view) {
  const auto* outcome = find_result<ServingOutcome>(view);
  const models::ServingConfig& c =
      outcome != nullptr ? outcome->result.config : spec_of<ServingSpec>(view.job).job.config;
  out << fmt::format("  {}: {} x TP {} PP {}, {}, weights {}, KV cache {}\n", c.scheduler, c.replicas,
                     c.tensor_parallel, c.pipeline_parallel, name(c.dtype), name(c.weight_dtype),
                     name(c.kv_cache_dtype));
  if (outcome != nullptr) {
    out << fmt::format("  up to {} sequences and {} tokens a step, {} tokens a request, {}\n", c.max_num_seqs,
                       c.max_num_batched_tokens, c.max_model_len, c.enforce_eager ? "eager" : "CUDA graphs");
  }
  out << fmt::format("  load: {}; seed {}\n", describe_load(c.load), view.scenario().seed);
}

void write_serving_figures(std::ostream& out, const JobView& view) {
  const models::ServingResult& result = result_of<ServingOutcome>(view).result;
  if (result.started) {
    write_lines(out, view, "Serving" + datasheet_mark(view),
                {{"requests answered", "serving.requests"},
                 {"duration", "serving.duration_s"},
                 {"requests", "serving.requests_per_s"},
                 {"input", "serving.input_tokens_per_s"},
                 {"output", "serving.output_tokens_per_s"},
                 {"output per GPU", "serving.output_tokens_per_s_per_gpu"},
                 {"sequences per step", "serving.mean_batch"}});
    write_latencies(out, view);
    write_slo(out, view);
    write_lines(out, view, "KV cache of a replica",
                {{"tokens", "serving.kv_cache_tokens"},
                 {"blocks", "serving.num_gpu_blocks"},
                 {"in use, mean", "serving.kv_cache_usage.mean"},
                 {"in use, peak", "serving.kv_cache_usage.peak"},
                 {"prefix hits", "serving.prefix_hit_rate"},
                 {"preemptions", "serving.preemptions"}});
  }
  write_concurrency(out, view);
  write_memory(out, view);
  if (result.requests == 0) return;
  write_lines(out, view, "Cost of the counted requests",
              {{"GPU hours", "cost.gpu_hours"},
               {"price", "cost.usd"},
               {"per million tokens", "cost.usd_per_million_tokens"},
               {"per million output tokens", "cost.usd_per_million_output_tokens"}});
}

}  // namespace orrery::scenarios
