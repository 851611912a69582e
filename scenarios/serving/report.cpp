// A serving run as a report: what is worth saying of it, and what the user should act on.

#include "scenarios/serving/report.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "models/serving/engine_mesh.hpp"
#include "models/serving/engine_row.hpp"
#include "models/serving/front_end.hpp"
#include "models/serving/serving_run.hpp"
#include "scenarios/format.hpp"
#include "scenarios/serving/job.hpp"
#include "scenarios/serving/metrics.hpp"
#include "scenarios/serving/pool.hpp"
#include "scenarios/serving/steps.hpp"
#include "scenarios/serving/weight_formats.hpp"

namespace orrery::scenarios {

namespace {

using models::KvPool;
using models::ServingResult;

std::string shown_bytes(Bytes bytes) { return readable(bytes.value(), Unit::bytes); }

/// Everything but the KV cache.
Bytes fixed_memory(const KvPool& pool) { return pool.weights + pool.activations + pool.context + pool.graphs; }

/// What stands in the way: memory that is missing before the first block, or blocks for the longest request.
std::string missing_text(const ServingResult& result) {
  const KvPool& pool = result.pool;
  if (pool.blocks > 0 && pool.longest_blocks() <= pool.blocks) {
    return fmt::format("\n  missing: {} {}", shown_bytes(-cache_margin(result)), margin_basis(result));
  }
  if (pool.blocks > 0) {
    const std::int64_t needed = pool.longest_blocks();
    return fmt::format(
        "\n  missing: {} for a request of max_model_len {}, which needs {} blocks of {}; the {} there are would fit "
        "max_model_len {}",
        shown_bytes(pool.block_bytes * static_cast<double>(std::max<std::int64_t>(0, needed - pool.blocks))),
        result.config.max_model_len, needed, shown_bytes(pool.block_bytes), pool.blocks, pool.tokens());
  }
  const Bytes fixed = fixed_memory(pool);
  if (fixed > pool.budget) {
    return fmt::format("\n  missing: {} before the first block; no max_model_len would fit",
                       shown_bytes(fixed - pool.budget));
  }
  return fmt::format("\n  missing: {} left are less than one block of {}; no max_model_len would fit",
                     shown_bytes(pool.budget - fixed), shown_bytes(pool.block_bytes));
}

}  // namespace

bool promises_slo(const models::SloConfig& slo) { return slo.given() && slo.attainment > 0.0; }

namespace {

/// In the cluster, in ascending order.
std::vector<std::uint32_t> gpus_of(const models::ServingJob& job) {
  std::vector<std::uint32_t> numbers;
  for (int replica = 0; replica < job.config.replicas; ++replica) {
    for (const std::uint32_t gpu : models::replica_gpus(job, replica)) numbers.push_back(gpu);
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

}  // namespace

int serving_gpus(const models::ServingConfig& config) {
  return config.tensor_parallel * config.pipeline_parallel * config.replicas;
}

CostBasis serving_cost_basis(const models::ServingJob& job, const ServingResult& result) {
  const double input = static_cast<double>(result.input_tokens);
  const double output = static_cast<double>(result.output_tokens);
  return {input + output, result.duration, serving_gpus(result.config), mean_price(job.cluster, gpus_of(job)), output};
}

namespace {

models::ServingOptions options_for(const Keep& keep, const sim::RunControl& control) {
  models::ServingOptions options;
  options.keep_records = keep.records;
  options.keep_timeline = keep.timeline;
  options.until_missed = keep.until_missed;
  options.control = control;
  return options;
}

JobRun report_run(const models::ServingJob& job, const kernels::KernelTimer& timer, ServingResult result) {
  auto outcome = std::make_shared<ServingOutcome>(std::move(result));
  std::vector<CostedEntry> entries;
  for (TypicalStep& step : typical_steps(job, outcome->result, timer)) {
    for (CostedEntry& entry : step.entries) entries.push_back(std::move(entry));
  }
  return {outcome, provenance_of(job, entries)};
}

class SharedServing final : public SharedJob {
 public:
  SharedServing(const ServingSpec& spec, const kernels::KernelTimer& timer, const Surroundings& around)
      : spec_(spec), timer_(timer), run_(spec.job, timer, options_for(around.keep, around.control)) {
    run_.surround(around.disturbances, around.topology);
  }

  [[nodiscard]] models::WorldJob& job() override { return run_; }
  [[nodiscard]] JobRun finish(const models::WorldOutcome&) override {
    return report_run(spec_.job, timer_, std::move(run_).result());
  }

 private:
  const ServingSpec& spec_;
  const kernels::KernelTimer& timer_;
  models::ServingRun run_;
};

}  // namespace

JobRun run_serving(const JobSpec& spec, const kernels::KernelTimer& timer, const Keep& keep,
                   const sim::RunControl& control) {
  const models::ServingJob& job = dynamic_cast<const ServingSpec&>(spec).job;
  return report_run(job, timer, models::predict(job, timer, options_for(keep, control)));
}

std::unique_ptr<SharedJob> share_serving(const JobSpec& spec, const kernels::KernelTimer& timer,
                                         const Surroundings& around) {
  return std::make_unique<SharedServing>(dynamic_cast<const ServingSpec&>(spec), timer, around);
}

std::vector<std::uint32_t> serving_gpu_numbers(const JobSpec& spec) {
  return gpus_of(dynamic_cast<const ServingSpec&>(spec).job);
}

std::vector<MetricValue> serving_values(const JobSpec& spec, const JobResult& result) {
  const ServingResult& of_run = dynamic_cast<const ServingOutcome&>(result).result;
  return evaluate_metrics(of_run, serving_cost_basis(dynamic_cast<const ServingSpec&>(spec).job, of_run));
}

std::string refusal_message(const ServingResult& result) {
  if (result.started) return "";
  const KvPool& pool = result.pool;
  return fmt::format(
      "out of GPU memory: {}\n  {} of {} ({:.1f} %) may be used: weights {}, activations {}, context {}, CUDA graphs "
      "{}, KV cache {} ({} blocks of {} tokens{}){}",
      result.refusal, shown_bytes(pool.budget), shown_bytes(pool.capacity),
      pool.capacity > Bytes{0.0} ? pool.budget / pool.capacity * 100.0 : 0.0, shown_bytes(pool.weights),
      shown_bytes(pool.activations), shown_bytes(pool.context), shown_bytes(pool.graphs), shown_bytes(pool.kv_cache),
      pool.blocks, pool.block_size, pool.pinned ? ", pinned" : "", missing_text(result));
}

namespace {

/// Said of every run, and no reason to fail: whoever names such an engine can't mend it.
void add_engine_finding(const models::ServingConfig& config, std::vector<Finding>& findings) {
  const models::EngineRow* engine = models::find_engine(config.engine);
  if (engine == nullptr || engine->runs_under.empty()) return;
  findings.push_back({"engine_not_modelled",
                      fmt::format("the engine {} is not modelled yet: it runs under the rules of {}, with the kernels "
                                  "of {}",
                                  engine->name, engine->runs_under, kernels::name(config.kernels)),
                      true});
}

/// The figures are what the kernels would take; whoever reads them learns that no engine starts, in the words of `ask`.
void add_weights_refusal(const JobView& view, Dtype most, std::vector<Finding>& findings) {
  for (const hardware::NodeGroup* group : view.groups()) {
    std::string refusal = weights_refusal(view.job.llm, most, group->gpu);
    if (refusal.empty()) continue;
    findings.push_back({"weights_refused", std::move(refusal), false});
    return;
  }
}

}  // namespace

/// By Little's law λ·W requests are in service, W their time without the queue: a limit below that, and nearly reached,
/// holds the load back whatever the GPU can do.
void add_small_limit(const ServingResult& result, std::vector<Finding>& findings) {
  const models::ServingConfig& c = result.config;
  const double in_service = c.load.rate * std::max(0.0, result.e2e.mean - result.queue.mean);
  const double limit = static_cast<double>(c.max_num_seqs) * c.replicas;
  constexpr double kReached = 0.9;
  if (!result.saturated || in_service <= limit || result.mean_batch < kReached * static_cast<double>(c.max_num_seqs)) {
    return;
  }
  findings.push_back({"max_num_seqs",
                      fmt::format("max_num_seqs {} x {} replica{} is less than the {:.0f} requests that {:g} a second, "
                                  "each {} in service, come to: raise it, or use more replicas",
                                  c.max_num_seqs, c.replicas, c.replicas == 1 ? "" : "s", in_service, c.load.rate,
                                  readable(result.e2e.mean - result.queue.mean, Unit::seconds)),
                      false});
}

void add_serving_findings(const JobView& view, std::vector<Finding>& findings) {
  const ServingResult& result = result_of<ServingOutcome>(view).result;
  add_engine_finding(result.config, findings);
  add_weights_refusal(view, result.config.weight_dtype, findings);
  if (!result.started) {
    findings.push_back({"out_of_memory", refusal_message(result), view.expects_below("memory.fits", 0.5)});
    return;
  }
  if (result.given_up) {
    findings.push_back({"slo_missed",
                        fmt::format("SLO missed: after {} of {} requests more have missed its limits than may",
                                    result.arrived, result.config.load.requests),
                        false});
    return;
  }
  if (result.requests == 0) {
    findings.push_back({"nothing_served",
                        fmt::format("no request was answered and counted: {} were refused, {} belong to the warm-up",
                                    result.rejected, result.config.warmup_requests),
                        false});
    return;
  }
  if (result.cut_off) {
    findings.push_back({"saturated",
                        fmt::format("saturated: the load was cut off after {} of {} requests, of which more than {} "
                                    "waited: it is far beyond what this deployment serves",
                                    result.arrived, result.config.load.requests, models::kMostWaiting - 1),
                        false});
    return;
  }
  add_small_limit(result, findings);
  const models::SloConfig& slo = result.config.slo;
  if (!promises_slo(slo)) return;
  const bool expected = view.expects_below("serving.slo_attainment", slo.attainment);
  if (result.attainment() < slo.attainment) {
    findings.push_back({"slo_missed",
                        fmt::format("SLO missed: {} of the requests are within its limits, {} are promised",
                                    readable(result.attainment(), Unit::ratio), readable(slo.attainment, Unit::ratio)),
                        expected});
  }
  if (result.saturated) {
    findings.push_back(
        {"saturated", "saturated: requests arrive faster than they are served, so no SLO lasts", expected});
  }
}

void add_serving_notes(const JobView& view, std::vector<std::string>& notes) {
  if (const auto groups = view.groups(); groups.size() > 1) {
    notes.push_back(
        fmt::format("replicas stand on unlike GPUs: the limits of a step and the steps that explain shows are "
                    "of those on {}, the KV cache and memory of those with the smallest cache",
                    groups.front()->gpu.name));
  }
  const hardware::NetworkSettings& network = view.scenario().cluster.network;
  if (network.reading != hardware::NetworkReading::flows || network.gpu_shares) {
    notes.push_back(fmt::format("cluster.network: {} is for training's collectives: those of an engine stay {}",
                                network.gpu_shares ? "gpu_shares" : "reading",
                                network.gpu_shares ? "beside no kernel" : "flows"));
  }
  const ServingResult& result = result_of<ServingOutcome>(view).result;
  for (const Dtype weights : weight_formats(view.job.llm, result.config.weight_dtype)) {
    for (const hardware::NodeGroup* group : view.groups()) {
      if (!is_widened(group->gpu, weights)) continue;
      const bool is_taken = !is_refused(group->gpu, weights);
      notes.push_back(fmt::format(
          "{} has no units for {}: weights are read as they are stored and widened in the kernels{}, so that they "
          "compute in 16 bits",
          group->gpu.name, name(weights),
          is_taken ? " (as vLLM's Marlin does)" : ", as an engine would that takes them"));
      break;
    }
  }
  const auto note = [&](std::uint64_t count, std::string_view what) {
    if (count > 0) notes.push_back(fmt::format("{} {} {}", count, count == 1 ? "request" : "requests", what));
  };
  note(result.rejected,
       fmt::format("refused: longer than max_model_len {} or the KV cache", result.config.max_model_len));
  note(result.truncated, fmt::format("cut short at max_model_len {}", result.config.max_model_len));
  const models::LoadConfig& load = result.config.load;
  if (result.trace.unanswered > 0) {
    notes.push_back(
        fmt::format("{} of the trace's requests have no answer (0 tokens) and are left out", result.trace.unanswered));
  }
  if (!result.trace.estimated.empty()) {
    notes.push_back(fmt::format("the trace holds texts, not counts (format {}): lengths are estimated, {}",
                                result.trace.format, result.trace.estimated));
  }
  if (!load.trace.empty() && result.arrived < static_cast<std::uint64_t>(load.requests)) {
    notes.push_back(
        fmt::format("the trace ends after {} requests, before the {} asked for", result.arrived, load.requests));
  }
  if (result.saturated && !result.cut_off && !promises_slo(result.config.slo)) {
    notes.emplace_back(
        "saturated: requests arrive faster than they are served; throughput is the limit of this deployment, and "
        "latencies grow with the length of the run");
  }
}

}  // namespace orrery::scenarios
