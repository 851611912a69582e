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
using sim::SimTime;
using sim::Span;

/// Total length of the union of intervals, which come in order of their starts.
class UnionLength {
 public:
  void add(const Span& span) {
    const SimTime start = std::max(span.start, reach_);
    if (span.end > start) total_ += span.end - start;
    reach_ = std::max(reach_, span.end);
  }
  [[nodiscard]] SimTime total() const { return total_; }

 private:
  SimTime total_ = 0, reach_ = 0;
};

/// Busy times of one rank.
struct RankBusy {
  SimTime compute = 0, communication = 0, any = 0, optimizer = 0, pipeline = 0;
};

bool in_pipeline_phase(Activity activity) {
  return activity == Activity::forward || activity == Activity::recompute || activity == Activity::backward ||
         activity == Activity::weight_gradient || activity == Activity::tensor_parallel;
}

/// `spans` is sorted in place.
RankBusy busy_of(std::vector<const Span*>& spans) {
  std::sort(spans.begin(), spans.end(), [](const Span* a, const Span* b) { return a->start < b->start; });
  UnionLength compute, communication, pipeline, any;
  RankBusy busy;
  for (const Span* span : spans) {
    any.add(*span);
    (sim::is_communication(span->activity) ? communication : compute).add(*span);
    if (in_pipeline_phase(span->activity)) pipeline.add(*span);
    if (span->activity == Activity::optimizer) busy.optimizer += span->end - span->start;
  }
  busy.compute = compute.total();
  busy.communication = communication.total();
  busy.pipeline = pipeline.total();
  busy.any = any.total();
  return busy;
}

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

void summarise_utilisation(const TrainingJob& job, TrainingResult& result) {
  const double gpus = make_mesh(job).gpus();
  const double tokens = static_cast<double>(job.config.global_batch_size * job.config.sequence_length);
  const Flops model = training_flops_per_token(job.llm, job.config.sequence_length, job.flop_convention) * tokens;
  result.tokens_per_second = tokens / result.step_time.value();
  result.tokens_per_second_per_gpu = result.tokens_per_second / gpus;
  result.model_flops_per_gpu = model / result.step_time * (1.0 / gpus);
  result.hardware_flops_per_gpu = (model + recomputed_flops(job)) / result.step_time * (1.0 / gpus);
  const FlopsPerSecond peak = *job.cluster.gpu.matrix_peak(job.config.precision);
  result.mfu = result.model_flops_per_gpu / peak;
  result.hfu = result.hardware_flops_per_gpu / peak;
}

void summarise_times(TrainingResult& result, const sim::RunControl& control) {
  const sim::Timeline& timeline = result.timeline;
  std::vector<std::vector<const Span*>> by_rank(timeline.ranks.size());
  SimTime pipeline_end = 0;
  sim::Pacer pacer(control);
  for (const Span& span : timeline.spans) {
    pacer.add();
    by_rank[timeline.streams[span.stream.index()].rank.index()].push_back(&span);
    const bool backward = span.activity == Activity::backward || span.activity == Activity::weight_gradient;
    if (backward) pipeline_end = std::max(pipeline_end, span.end);
  }
  double gpus = 0.0, compute = 0.0, communication = 0.0, exposed = 0.0, optimizer = 0.0, pipeline = 0.0;
  for (std::size_t r = 0; r < by_rank.size(); ++r) {
    control.check();
    control.report(static_cast<double>(r) / static_cast<double>(by_rank.size()));
    const double weight = timeline.ranks[r].multiplicity;
    const RankBusy busy = busy_of(by_rank[r]);
    gpus += weight;
    compute += weight * sim::to_seconds(busy.compute).value();
    communication += weight * sim::to_seconds(busy.communication).value();
    exposed += weight * sim::to_seconds(busy.any - busy.compute).value();
    optimizer += weight * sim::to_seconds(busy.optimizer).value();
    pipeline += weight * sim::to_seconds(busy.pipeline).value();
  }
  result.compute = Seconds{compute / gpus};
  result.communication = Seconds{communication / gpus};
  result.exposed_communication = Seconds{exposed / gpus};
  result.optimizer = Seconds{optimizer / gpus};
  const double phase = sim::to_seconds(pipeline_end).value();
  const bool one_stage = std::none_of(timeline.spans.begin(), timeline.spans.end(),
                                      [](const Span& s) { return s.activity == Activity::pipeline; });
  result.bubble_fraction = one_stage || phase <= 0.0 ? 0.0 : 1.0 - pipeline / gpus / phase;
}

}  // namespace

std::vector<StageMemory> stage_memory(const TrainingJob& job, const sim::Timeline& timeline) {
  constexpr std::size_t kKinds = 6;
  struct Usage {
    std::array<double, kKinds> now{};
    double total = 0.0, peak = 0.0;
    std::array<double, kKinds> at_peak{};
  };
  std::vector<Usage> usage(timeline.ranks.size());
  for (const sim::MemorySample& sample : timeline.memory) {
    Usage& u = usage[sample.rank.index()];
    double& kind = u.now[static_cast<std::size_t>(sample.kind)];
    u.total += sample.bytes_after - kind;
    kind = sample.bytes_after;
    if (u.total > u.peak) {
      u.peak = u.total;
      u.at_peak = u.now;
    }
  }
  const auto ranks_per_stage = timeline.ranks.size() / static_cast<std::size_t>(job.config.pipeline_parallel);
  std::vector<StageMemory> stages;
  for (int stage = 0; stage < job.config.pipeline_parallel; ++stage) {
    const Usage& u = usage[static_cast<std::size_t>(stage) * ranks_per_stage];
    const auto of = [&](sim::MemoryKind kind) { return Bytes{u.at_peak[static_cast<std::size_t>(kind)]}; };
    StageMemory memory;
    memory.stage = stage;
    memory.weights = of(sim::MemoryKind::weights);
    memory.gradients = of(sim::MemoryKind::gradients);
    memory.optimizer = of(sim::MemoryKind::optimizer);
    memory.activations = of(sim::MemoryKind::activations);
    memory.workspace = of(sim::MemoryKind::workspace);
    memory.peak = Bytes{u.peak};
    stages.push_back(memory);
  }
  return stages;
}

void summarise(const TrainingJob& job, TrainingResult& result, const sim::RunControl& control) {
  result.step_time = sim::to_seconds(result.timeline.makespan);
  summarise_times(result, control);
  summarise_utilisation(job, result);
  result.memory = stage_memory(job, result.timeline);
  result.memory_capacity = job.cluster.gpu.memory - job.cluster.gpu.reserved_memory;
}

}  // namespace orrery::models
