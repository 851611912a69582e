// Where the figures of a serving run come from.
//
// Latencies and shares are statistics of simulated requests, not sums: a tree shows the definition and the parts that
// explain the size, which are a typical decode and a typical prefill iteration (steps.hpp) with their kernels,
// the time in the queue, and what the host takes. An iteration itself is a sum: kernels, collectives, and gaps.

#include "scenarios/serving/explanation.hpp"

#include <array>

#include <fmt/format.h>

#include "models/serving/step_model.hpp"
#include "scenarios/format.hpp"
#include "scenarios/serving/job.hpp"
#include "scenarios/serving/report.hpp"

namespace orrery::scenarios {

namespace {

using models::ServingConfig;
using models::ServingResult;

constexpr std::string_view kSimulated = "; a statistic of simulated requests, whose parts explain its size";

const ServingResult& result_of(const ExplainedRun& e) { return result_of<ServingOutcome>(e.view).result; }

/// "serving.ttft_s.p99" with "serving.queue_s" is "serving.queue_s.p99".
std::string same_figure(const std::string& metric, std::string_view latency) {
  return fmt::format("{}{}", latency, metric.substr(metric.rfind('.')));
}

/// GPU time of a typical iteration and what of the host's shows beside it.
ExplainNode step_node(const ExplainedRun& e, const TypicalStep& step) {
  const hardware::Cluster& cluster = e.view.scenario().cluster;
  const bool async = result_of(e).config.async_scheduling;
  const double on_gpu = step.gpu_time.value(), on_host = step.host_time.value();
  const double shown = async ? std::max(0.0, on_host - on_gpu) : on_host;
  ExplainNode gpu_node = figure("on the GPU", on_gpu, Unit::seconds, "sum over kernels and collectives of all stages");
  gpu_node.parts.push_back(
      entries_node("kernels", step.entries, cluster, [](const CostedEntry& entry) { return entry.algorithm.empty(); }));
  gpu_node.parts.push_back(entries_node("collectives", step.entries, cluster,
                                        [](const CostedEntry& entry) { return !entry.algorithm.empty(); }));
  if (gpu_node.parts.back().parts.empty()) gpu_node.parts.pop_back();
  ExplainNode gaps = figure("gaps between kernels", step.gap_time.value(), Unit::seconds,
                            "kernel_gap after each kernel, 5/9 of it inside a CUDA graph");
  gaps.level = "datasheet";
  gaps.source = source_of(e.view.gpu(), "kernel_gap");
  gpu_node.parts.push_back(std::move(gaps));
  add_rest(gpu_node, "rest",
           "messages between stages, launches that the GPU waits for, and interpolation between priced shapes");
  ExplainNode host = figure("host time that shows", shown, Unit::seconds,
                            async ? "max(0, host - GPU): async_scheduling prepares a step while the GPU runs the last"
                                  : "all of it: no async_scheduling, the GPU waits for the host");
  host.parts.push_back(
      figure("host time of a step", on_host, Unit::seconds, "step_overhead, growing with the number of sequences"));
  ExplainNode node = figure("a typical " + step.title, on_gpu + shown, Unit::seconds, "GPU + host time that shows");
  node.parts = {std::move(gpu_node), std::move(host)};
  node.sums = true;
  return node;
}

void add_step(const ExplainedRun& e, ExplainNode& node, std::string_view name) {
  for (const TypicalStep& step : e.iterations) {
    if (step.name == name) node.parts.push_back(step_node(e, step));
  }
}

ExplainNode request_overhead(const ExplainedRun& e) {
  const Seconds given = result_of(e).config.request_overhead;
  const bool own = spec_of<ServingSpec>(e.view.job).job.config.request_overhead >= Seconds{0.0};
  const Seconds value = given >= Seconds{0.0} ? given : models::default_request_overhead();
  return fact("host time before the queue", value.value(), Unit::seconds, own ? "asserted" : "datasheet",
              own ? "serving.request_overhead" : "estimate (models/serving/step_model.cpp)");
}

ExplainNode mean_tokens(const ExplainedRun& e, std::string title, std::uint64_t tokens) {
  const double requests = static_cast<double>(std::max<std::uint64_t>(1, result_of(e).requests));
  return figure(std::move(title), static_cast<double>(tokens) / requests, Unit::number, "mean of the counted requests");
}

ExplainNode blocks_node(const ExplainedRun& e) {
  const models::KvPool& pool = result_of(e).pool;
  return figure("KV cache of a replica in tokens", static_cast<double>(pool.tokens()), Unit::count,
                fmt::format("{} blocks of {} tokens", pool.blocks, pool.block_size));
}

void queue_parts(const ExplainedRun& e, ExplainNode& node) {
  const ServingConfig& config = result_of(e).config;
  node.parts.push_back(figure("sequences of a step, mean", result_of(e).mean_batch, Unit::number, "simulated"));
  node.parts.push_back(asserted("serving.max_num_seqs", static_cast<double>(config.max_num_seqs)));
  node.parts.push_back(asserted("serving.max_num_batched_tokens", static_cast<double>(config.max_num_batched_tokens)));
  node.parts.push_back(figure("KV cache in use, mean", result_of(e).kv_usage_mean, Unit::ratio, "simulated"));
  node.parts.push_back(blocks_node(e));
}

ExplainNode explain_queue(const ExplainedRun& e, const std::string& metric) {
  ExplainNode node = metric_node(e.view, metric);
  node.equation += kSimulated;
  queue_parts(e, node);
  return node;
}

ExplainNode explain_ttft(const ExplainedRun& e, const std::string& metric) {
  ExplainNode node = metric_node(e.view, metric);
  node.equation += " = host + queue + iterations of the prompt";
  node.equation += kSimulated;
  node.parts = {request_overhead(e), explain_queue(e, same_figure(metric, "serving.queue_s")),
                mean_tokens(e, "prompt tokens of a request", result_of(e).input_tokens)};
  add_step(e, node, "prefill");
  return node;
}

ExplainNode explain_tpot(const ExplainedRun& e, const std::string& metric) {
  ExplainNode node = metric_node(e.view, metric);
  node.equation += ": an iteration per token, decodes with prompts of others between or beside them";
  node.equation += kSimulated;
  add_step(e, node, "decode");
  add_step(e, node, "prefill");
  return node;
}

ExplainNode explain_e2e(const ExplainedRun& e, const std::string& metric) {
  ExplainNode node = metric_node(e.view, metric);
  node.equation += " = TTFT + TPOT * (tokens - 1) of each request";
  node.equation += kSimulated;
  node.parts = {explain_ttft(e, same_figure(metric, "serving.ttft_s"))};
  const std::string tpot = same_figure(metric, "serving.tpot_s");
  if (e.view.find_metric(tpot)) node.parts.push_back(explain_tpot(e, tpot));
  node.parts.push_back(mean_tokens(e, "answer tokens of a request", result_of(e).output_tokens));
  return node;
}

ExplainNode duration(const ExplainedRun& e) {
  ExplainNode node = metric_node(e.view, "serving.duration_s");
  node.equation += ", simulated";
  node.parts.push_back(
      figure("iterations", static_cast<double>(result_of(e).steps), Unit::count, "of all engines, simulated"));
  add_step(e, node, "decode");
  add_step(e, node, "prefill");
  return node;
}

ExplainNode count_node(std::string title, std::uint64_t value) {
  return figure(std::move(title), static_cast<double>(value), Unit::count, "of the counted requests");
}

ExplainNode output_rate(const ExplainedRun& e) {
  ExplainNode node = metric_node(e.view, "serving.output_tokens_per_s");
  node.parts = {count_node("answer tokens", result_of(e).output_tokens), duration(e)};
  return node;
}

ExplainNode explain_rate(const ExplainedRun& e, const std::string& metric) {
  const ServingResult& result = result_of(e);
  if (metric == "serving.output_tokens_per_s") return output_rate(e);
  ExplainNode node = metric_node(e.view, metric);
  if (metric == "serving.output_tokens_per_s_per_gpu") {
    node.parts = {output_rate(e), figure("GPUs", serving_gpus(result.config), Unit::count,
                                         "tensor_parallel * pipeline_parallel * replicas")};
  } else if (metric == "serving.input_tokens_per_s") {
    node.parts = {count_node("prompt tokens", result.input_tokens), duration(e)};
  } else {
    node.parts = {count_node("requests", result.requests), duration(e)};
  }
  return node;
}

void slo_limits(const ExplainedRun& e, ExplainNode& node) {
  const models::SloConfig& slo = result_of(e).config.slo;
  if (slo.ttft > Seconds{0.0}) node.parts.push_back(asserted("serving.slo.ttft", slo.ttft.value(), Unit::seconds));
  if (slo.tpot > Seconds{0.0}) node.parts.push_back(asserted("serving.slo.tpot", slo.tpot.value(), Unit::seconds));
  for (const std::string& metric : {std::string("serving.ttft_s.p99"), std::string("serving.tpot_s.p99")}) {
    if (e.view.find_metric(metric)) node.parts.push_back(metric_node(e.view, metric));
  }
}

ExplainNode explain_goodput(const ExplainedRun& e, const std::string& metric) {
  ExplainNode node = metric_node(e.view, metric);
  node.parts = {count_node("requests within the limits", result_of(e).within_slo)};
  node.parts.push_back(metric == "serving.goodput" ? duration(e) : count_node("requests", result_of(e).requests));
  slo_limits(e, node);
  return node;
}

ExplainNode explain_usage(const ExplainedRun& e, const std::string& metric) {
  ExplainNode node = metric_node(e.view, metric);
  node.equation += ", simulated";
  node.parts = {blocks_node(e), figure("sequences of a step, mean", result_of(e).mean_batch, Unit::number, "simulated"),
                mean_tokens(e, "prompt tokens of a request", result_of(e).input_tokens),
                mean_tokens(e, "answer tokens of a request", result_of(e).output_tokens)};
  return node;
}

ExplainNode explain_prefix(const ExplainedRun& e, const std::string& metric) {
  const ServingConfig& config = result_of(e).config;
  ExplainNode node = metric_node(e.view, metric);
  node.equation += ", simulated";
  node.parts = {asserted("serving.enable_prefix_caching", config.enable_prefix_caching ? 1.0 : 0.0, Unit::flag),
                asserted("serving.load.prefix_tokens", static_cast<double>(config.load.prefix_tokens)),
                mean_tokens(e, "prompt tokens of a request", result_of(e).input_tokens), blocks_node(e)};
  return node;
}

/// Counters and means of the simulation: what they are counted among.
ExplainNode explain_counter(const ExplainedRun& e, const std::string& metric) {
  const ServingResult& result = result_of(e);
  ExplainNode node = metric_node(e.view, metric);
  node.equation += ", counted in the simulation";
  node.parts.push_back(figure("requests that were sent", static_cast<double>(result.arrived), Unit::count,
                              "warm-up and refused ones too"));
  if (metric == "serving.preemptions" || metric == "serving.saturated" || metric == "serving.mean_batch") {
    queue_parts(e, node);
  } else if (metric == "serving.requests") {
    node.parts.push_back(asserted("serving.warmup_requests", static_cast<double>(result.config.warmup_requests)));
    node.parts.push_back(figure("refused", static_cast<double>(result.rejected), Unit::count,
                                "longer than max_model_len or the whole KV cache"));
  } else {
    node.parts.push_back(asserted("serving.max_model_len", static_cast<double>(result.config.max_model_len)));
  }
  return node;
}

ExplainNode explain_blocks(const ExplainedRun& e, const std::string& metric) {
  const models::KvPool& pool = result_of(e).pool;
  ExplainNode blocks = metric_node(e.view, "serving.num_gpu_blocks");
  blocks.equation = pool.pinned ? "num_gpu_blocks: the scenario's own figure" : "KV cache / bytes of a block";
  if (std::optional<ExplainNode> bytes = explain_run_memory(e, "memory.kv_cache_bytes"))
    blocks.parts.push_back(std::move(*bytes));
  blocks.parts.push_back(figure("bytes of a block", pool.block_bytes.value(), Unit::bytes,
                                "block_size tokens x KV cache of one token on one GPU"));
  if (metric == "serving.num_gpu_blocks") return blocks;
  ExplainNode node = metric_node(e.view, metric);
  node.parts = {std::move(blocks),
                metric == "serving.max_concurrency"
                    ? figure("blocks of the longest request", static_cast<double>(pool.longest_blocks()), Unit::count,
                             "max_model_len / block_size, rounded up")
                    : asserted("serving.block_size", static_cast<double>(pool.block_size))};
  return node;
}

/// A row explains every metric that begins so; the first that fits is taken.
struct Row {
  std::string_view prefix;
  ExplainNode (*explain)(const ExplainedRun&, const std::string& metric);
};

constexpr std::array<Row, 19> kRows = {{
    {"serving.ttft_s.", explain_ttft},
    {"serving.tpot_s.", explain_tpot},
    {"serving.itl_s.", explain_tpot},
    {"serving.e2e_s.", explain_e2e},
    {"serving.queue_s.", explain_queue},
    {"serving.requests_per_s", explain_rate},
    {"serving.output_tokens_per_s", explain_rate},
    {"serving.input_tokens_per_s", explain_rate},
    {"serving.requests", explain_counter},
    {"serving.goodput", explain_goodput},
    {"serving.slo_attainment", explain_goodput},
    {"serving.kv_cache_usage.", explain_usage},
    {"serving.prefix_hit_rate", explain_prefix},
    {"serving.preemptions", explain_counter},
    {"serving.rejected", explain_counter},
    {"serving.truncated", explain_counter},
    {"serving.mean_batch", explain_counter},
    {"serving.saturated", explain_counter},
    {"serving.duration_s", [](const ExplainedRun& e, const std::string&) { return duration(e); }},
}};

}  // namespace

std::optional<ExplainNode> explain_run(const ExplainedRun& explained, const std::string& metric) {
  if (metric == "serving.kv_cache_tokens" || metric == "serving.num_gpu_blocks" ||
      metric == "serving.max_concurrency") {
    return explain_blocks(explained, metric);
  }
  for (const Row& row : kRows) {
    if (metric.compare(0, row.prefix.size(), row.prefix) == 0) return row.explain(explained, metric);
  }
  return std::nullopt;
}

}  // namespace orrery::scenarios
