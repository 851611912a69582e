#include "models/training/result.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "models/layer/flops.hpp"
#include "models/training/layer.hpp"
#include "models/training/parallel.hpp"

namespace orrery::models {
namespace {

using sim::Activity;
using sim::activity_set;

constexpr sim::ActivitySet kCommunication =
    activity_set({Activity::tensor_parallel, Activity::data_parallel, Activity::pipeline, Activity::expert_parallel});
constexpr sim::ActivitySet kAll = (sim::ActivitySet{1} << sim::kActivities) - 1;
/// What a stage is for between the start and the end of the pipeline.
constexpr sim::ActivitySet kPipelinePhase = activity_set(
    {Activity::forward, Activity::recompute, Activity::backward, Activity::weight_gradient, Activity::tensor_parallel});

enum Sets : std::size_t { compute, communication, pipeline_phase, any };
constexpr std::array<sim::ActivitySet, 4> kSets = {kAll & ~kCommunication, kCommunication, kPipelinePhase, kAll};

Flops recomputed_flops(const TrainingJob& job) {
  Flops flops;
  const bool causal = job.flop_convention == FlopConvention::model_causal;
  const double tokens = static_cast<double>(job.config.global_batch_size * job.config.sequence_length);
  for (const LayerRange& range : deal_layers(job)) {
    for (std::int64_t l = range.first; l < range.first + range.count; ++l) {
      const bool full = job.config.recompute == Recompute::full &&
                        (job.config.recompute_layers < 0 || l - range.first < job.config.recompute_layers);
      if (full) flops += layer_forward_flops_per_token(job.llm, l, job.config.sequence_length, causal) * tokens;
      if (job.config.recompute == Recompute::selective) {
        const Flops per_rank = matrix_flops(recompute_ops(job, layer_elements(job, l), false));
        const double copies = static_cast<double>(job.config.tensor_parallel) *
                              static_cast<double>(job.config.global_batch_size / job.config.micro_batch_size);
        flops += per_rank * copies;
      }
    }
  }
  return flops;
}

/// Of the job's GPUs, in its precision.
FlopsPerSecond mean_peak(const TrainingJob& job, const sim::Plan& plan) {
  const std::vector<std::size_t> groups = groups_of(job);
  const auto peak_of = [&](std::size_t group) {
    return *job.cluster.groups[group].gpu.matrix_peak(job.config.precision);
  };
  if (groups.size() == 1) return peak_of(groups.front());
  FlopsPerSecond sum;
  double gpus = 0.0;
  for (const sim::Rank& rank : plan.ranks) {
    sum += peak_of(groups[rank.gpu_class]) * static_cast<double>(rank.multiplicity());
    gpus += rank.multiplicity();
  }
  return sum * (1.0 / gpus);
}

void summarise_utilisation(const TrainingJob& job, TrainingResult& result) {
  const double gpus = make_mesh(job).gpus();
  const double tokens = static_cast<double>(job.config.global_batch_size * job.config.sequence_length);
  const Flops model = training_flops_per_token(job.llm, job.config.sequence_length, job.flop_convention) * tokens;
  result.tokens_per_second = tokens / result.step_time.value();
  result.tokens_per_second_per_gpu = result.tokens_per_second / gpus;
  result.model_flops_per_gpu = model / result.step_time * (1.0 / gpus);
  result.hardware_flops_per_gpu = (model + recomputed_flops(job)) / result.step_time * (1.0 / gpus);
  const FlopsPerSecond peak = mean_peak(job, *result.plan);
  result.mfu = result.model_flops_per_gpu / peak;
  result.hfu = result.hardware_flops_per_gpu / peak;
}

void summarise_times(const sim::Plan& plan, const sim::Evaluation& step, TrainingResult& result) {
  sim::SimTime pipeline_end = 0;
  double gpus = 0.0, busy_compute = 0.0, busy_communication = 0.0, exposed = 0.0, optimizer = 0.0, phase = 0.0;
  bool one_stage = true;
  const auto index = [](Activity activity) { return static_cast<std::size_t>(activity); };
  for (std::size_t r = 0; r < step.busy.size(); ++r) {
    const sim::BusyTimes& busy = step.busy[r];
    const double weight = plan.ranks[r].multiplicity();
    pipeline_end = std::max(
        {pipeline_end, busy.last_end[index(Activity::backward)], busy.last_end[index(Activity::weight_gradient)]});
    one_stage = one_stage && busy.count[index(Activity::pipeline)] == 0;
    gpus += weight;
    busy_compute += weight * sim::to_seconds(busy.unions[compute]).value();
    busy_communication += weight * sim::to_seconds(busy.unions[communication]).value();
    exposed += weight * sim::to_seconds(busy.unions[any] - busy.unions[compute]).value();
    optimizer += weight * sim::to_seconds(busy.sum[index(Activity::optimizer)]).value();
    phase += weight * sim::to_seconds(busy.unions[pipeline_phase]).value();
  }
  result.compute = Seconds{busy_compute / gpus};
  result.communication = Seconds{busy_communication / gpus};
  result.exposed_communication = Seconds{exposed / gpus};
  result.optimizer = Seconds{optimizer / gpus};
  const double whole = sim::to_seconds(pipeline_end).value();
  result.bubble_fraction = one_stage || whole <= 0.0 ? 0.0 : 1.0 - phase / gpus / whole;
}

}  // namespace

std::span<const sim::ActivitySet> summary_sets() { return kSets; }

std::vector<StageMemory> stage_memory(const TrainingJob& job, const sim::Plan& plan, const sim::MemoryLedger& ledger) {
  const std::vector<std::size_t> groups = groups_of(job);
  const auto ranks_per_stage = ledger.ranks() / static_cast<std::size_t>(job.config.pipeline_parallel);
  std::vector<StageMemory> stages;
  for (int stage = 0; stage < job.config.pipeline_parallel; ++stage) {
    const std::size_t first = static_cast<std::size_t>(stage) * ranks_per_stage;
    const sim::MemoryPeak& peak = ledger.peak(RankId(first));
    StageMemory memory;
    memory.stage = stage;
    memory.weights = peak.at_peak[sim::MemoryKind::weights];
    memory.gradients = peak.at_peak[sim::MemoryKind::gradients];
    memory.optimizer = peak.at_peak[sim::MemoryKind::optimizer];
    memory.activations = peak.at_peak[sim::MemoryKind::activations];
    memory.workspace = peak.at_peak[sim::MemoryKind::workspace];
    memory.peak = peak.total;
    for (std::size_t rank = first; rank < first + ranks_per_stage; ++rank) {
      const hardware::Gpu& gpu = job.cluster.groups[groups[plan.ranks[rank].gpu_class]].gpu;
      const Bytes usable = gpu.memory - gpu.reserved_memory;
      if (rank == first || usable < memory.capacity) memory.capacity = usable;
    }
    stages.push_back(memory);
  }
  return stages;
}

void summarise(const TrainingJob& job, const sim::Evaluation& step, TrainingResult& result) {
  result.step_time = sim::to_seconds(step.makespan);
  summarise_times(*result.plan, step, result);
  summarise_utilisation(job, result);
  result.memory = stage_memory(job, *result.plan, step.memory);
}

}  // namespace orrery::models
