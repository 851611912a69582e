// Where the bytes of a GPU of a pipeline stage come from, by the formulas of models/training/memory.hpp.
//
// Limitation: with several chunks per stage the mix of passes in flight at the peak isn't kept, so the activations of
// each chunk are listed without adding up.

#include <charconv>

#include <fmt/format.h>

#include "models/training/memory.hpp"
#include "models/training/outer_plan.hpp"
#include "models/training/parallel.hpp"
#include "scenarios/format.hpp"
#include "scenarios/training/explanation.hpp"
#include "scenarios/training/job.hpp"

namespace orrery::scenarios {

namespace {

using models::ModelStateBytes;
using models::StageMemory;
using models::TrainingJob;

constexpr std::string_view kMemory = "memory.";
constexpr std::string_view kStages = "memory.stages.";
constexpr std::string_view kStatesSource =
    "Rajbhandari et al. 2020 section 5.1; Megatron-LM theoretical_memory_usage.py (models/training/memory.hpp)";
constexpr std::string_view kActivationsSource = "Korthikanti et al. 2022 section 4 (models/training/memory.hpp)";

/// One stage of a training step and what names its metrics.
struct Stage {
  const ExplainedStep& e;
  const StageMemory& memory;
  std::string prefix;  ///< "memory." or "memory.stages.3."

  [[nodiscard]] const TrainingJob& job() const { return spec_of<TrainingSpec>(e.view.job).job; }
  [[nodiscard]] ExplainNode node(std::string_view kind) const {
    ExplainNode node = metric_node(e.view, prefix + std::string(kind));
    if (prefix == kMemory) node.equation += fmt::format("; the fullest GPU is one of stage {}", memory.stage);
    return node;
  }
};

/// Layers of a stage: one range per chunk.
std::vector<models::LayerRange> ranges_of(const TrainingJob& job, int stage) {
  const std::vector<models::LayerRange> all = models::deal_layers(job);
  std::vector<models::LayerRange> own;
  for (std::size_t i = static_cast<std::size_t>(stage); i < all.size();
       i += static_cast<std::size_t>(job.config.pipeline_parallel)) {
    own.push_back(all[i]);
  }
  return own;
}

/// Parameters of the stage on one rank, as the plan counts them.
struct Share {
  std::string title;
  std::int64_t parameters = 0;
};

std::vector<Share> shares_of(const TrainingJob& job, int stage) {
  std::vector<Share> shares;
  Share layers;
  std::int64_t count = 0;
  for (const models::LayerRange& range : ranges_of(job, stage)) {
    for (std::int64_t l = range.first; l < range.first + range.count; ++l) {
      layers.parameters += models::layer_parameters_per_rank(job, l);
      ++count;
    }
  }
  layers.title = fmt::format("{} layers", count);
  shares.push_back(layers);
  if (stage == 0) shares.push_back({"embedding", models::embedding_parameters_per_rank(job)});
  if (stage + 1 == job.config.pipeline_parallel) {
    shares.push_back({"output head and final norm", models::head_parameters_per_rank(job)});
  }
  return shares;
}

/// Weights, gradients or optimizer: parameters times bytes each.
ExplainNode state_node(const Stage& stage, std::string_view kind, Bytes ModelStateBytes::*bytes) {
  const TrainingJob& job = stage.job();
  const int replicas = models::worker_data_parallel(job);
  ExplainNode node = stage.node(kind);
  const bool sharded = bytes == &ModelStateBytes::optimizer && job.config.zero == models::ZeroStage::optimizer;
  node.source = std::string(kStatesSource);
  double outer = 0.0;
  for (const Share& share : shares_of(job, stage.memory.stage)) {
    double size = (models::model_states(job.config, share.parameters, replicas).*bytes).value();
    if (bytes == &ModelStateBytes::optimizer) {
      const double own = models::outer_state(job.config, share.parameters, replicas).value();
      outer += own;
      size -= own;
    }
    const double each = share.parameters > 0 ? size / static_cast<double>(share.parameters) : 0.0;
    node.parts.push_back(figure(
        share.title, size, Unit::bytes,
        sharded ? fmt::format("{} parameters of a tensor-parallel rank x {} B / {} data-parallel ranks (zero: "
                              "optimizer)",
                              share.parameters, shortest(each * replicas), replicas)
                : fmt::format("{} parameters of a tensor-parallel rank x {} B", share.parameters, shortest(each))));
  }
  if (outer > 0.0) {
    ExplainNode state = figure("outer optimizer", outer, Unit::bytes,
                               fmt::format("momentum and the weights of the last exchange, parameters of a "
                                           "tensor-parallel rank x 8 B / {} data-parallel ranks of a worker",
                                           replicas));
    state.source = "Douillard et al. 2023 (DiLoCo), arXiv:2311.08105 algorithm 1 (models/training/outer.hpp)";
    state.level = "published";
    node.parts.push_back(std::move(state));
  }
  add_rest(node, "rest", "rounding of shares to whole parameters");
  return node;
}

/// What one microbatch keeps on a chunk from its forward to its backward pass.
ExplainNode kept_node(const TrainingJob& job, const models::LayerRange& range, bool first, bool last) {
  const models::TrainingConfig& config = job.config;
  ExplainNode node =
      figure(fmt::format("kept by a microbatch in layers {} to {}", range.first, range.first + range.count - 1), 0.0,
             Unit::bytes, "sum over layers");
  node.sums = true;
  node.source = std::string(kActivationsSource);
  const std::int64_t recomputed = config.recompute != models::Recompute::full ? 0
                                  : config.recompute_layers < 0               ? range.count
                                                                              : config.recompute_layers;
  double whole = 0.0, inputs = 0.0;
  std::int64_t of_inputs = 0;
  for (std::int64_t l = range.first; l < range.first + range.count; ++l) {
    const bool again = l - range.first < recomputed;
    (again ? inputs : whole) += models::layer_activations(job, l, again).value();
    of_inputs += again ? 1 : 0;
  }
  const auto add = [&](std::string title, double value, std::string equation) {
    if (value <= 0.0) return;
    node.value += value;
    node.parts.push_back(figure(std::move(title), value, Unit::bytes, std::move(equation)));
  };
  add(fmt::format("{} layers", range.count - of_inputs), whole,
      "inputs of norms, attention and MLP, and what attention keeps");
  add(fmt::format("{} recomputed layers", of_inputs), inputs, "the input of each layer alone");
  if (first) add("embedding", models::embedding_activations(job).value(), "dropout mask");
  if (last) add("output head", models::head_activations(job).value(), "inputs of norm and head, and the logits");
  return node;
}

ExplainNode activations_node(const Stage& stage) {
  const TrainingJob& job = stage.job();
  ExplainNode node = stage.node("activations_bytes");
  const std::vector<models::LayerRange> ranges = ranges_of(job, stage.memory.stage);
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    const bool first = stage.memory.stage == 0 && i == 0;
    const bool last = stage.memory.stage + 1 == job.config.pipeline_parallel && i + 1 == ranges.size();
    node.parts.push_back(kept_node(job, ranges[i], first, last));
  }
  if (ranges.size() == 1 && node.parts.front().value > 0.0) {
    node.parts.push_back(figure("microbatches in flight at the peak", node.value / node.parts.front().value,
                                Unit::number, "forward passes whose backward has not run yet, by the schedule"));
  }
  return node;
}

ExplainNode workspace_node(const Stage& stage) {
  ExplainNode node = stage.node("workspace_bytes");
  const Bytes blocks = models::grid_buffers(stage.job());
  ExplainNode libraries = figure("library buffers", (models::workspace(stage.job()) - blocks).value(), Unit::bytes,
                                 "cuBLAS 32 MiB + 24 channels x 2 x 8.7 MiB of NCCL per communicator");
  libraries.source = "NVIDIA, cuBLAS documentation, cublasSetWorkspace; nccl src/init.cc, 2.28.9";
  libraries.level = "published";
  node.parts.push_back(std::move(libraries));
  if (blocks > Bytes{0.0}) {
    node.parts.push_back(figure("blocks of other ranks of the grid", blocks.value(), Unit::bytes,
                                "the largest two operands of a linear layer's step, and the next step's"));
  }
  add_rest(node, "recomputed tensors", "of the layer whose backward pass runs at the peak");
  return node;
}

/// The node of one kind of a stage.
std::optional<ExplainNode> stage_node(const Stage& stage, std::string_view kind) {
  if (kind == "weights_bytes") return state_node(stage, kind, &ModelStateBytes::weights);
  if (kind == "gradients_bytes") return state_node(stage, kind, &ModelStateBytes::gradients);
  if (kind == "optimizer_bytes") return state_node(stage, kind, &ModelStateBytes::optimizer);
  if (kind == "activations_bytes") return activations_node(stage);
  if (kind == "workspace_bytes") return workspace_node(stage);
  const bool states = kind == "model_state_bytes";
  if (!states && kind != "peak_bytes") return std::nullopt;
  ExplainNode node = stage.node(kind);
  node.parts = {*stage_node(stage, "weights_bytes"), *stage_node(stage, "gradients_bytes"),
                *stage_node(stage, "optimizer_bytes")};
  if (!states) {
    node.parts.push_back(activations_node(stage));
    node.parts.push_back(workspace_node(stage));
  }
  node.sums = true;
  return node;
}

ExplainNode training_capacity(const ExplainedStep& e) {
  // Of the fullest stage's smallest GPU.
  const Bytes capacity = result_of<TrainingOutcome>(e.view).result.fullest().capacity;
  const std::vector<const hardware::NodeGroup*> groups = e.view.groups();
  const auto found = std::find_if(groups.begin(), groups.end(), [&](const hardware::NodeGroup* group) {
    return group->gpu.memory - group->gpu.reserved_memory == capacity;
  });
  const hardware::Gpu& gpu = (found == groups.end() ? groups.front() : *found)->gpu;
  ExplainNode node = metric_node(e.view, "memory.capacity_bytes");
  node.parts = {gpu_fact("memory of " + gpu.title, gpu, "memory", gpu.memory.value(), Unit::bytes),
                fact("context and driver, taken off", -gpu.reserved_memory.value(), Unit::bytes, "measured",
                     source_of(gpu, "reserved_memory"))};
  node.sums = true;
  return node;
}

ExplainNode explain_fullest(const ExplainedStep& e, const std::string& metric) {
  if (metric == "memory.capacity_bytes") return training_capacity(e);
  ExplainNode node = metric_node(e.view, metric);
  if (metric == "memory.kv_cache_bytes") {
    node.equation = "0: training has no KV cache";
    return node;
  }
  const Stage fullest{e, result_of<TrainingOutcome>(e.view).result.fullest(), std::string(kMemory)};
  if (metric == "memory.margin_bytes") {
    ExplainNode peak = *stage_node(fullest, "peak_bytes");
    ExplainNode taken = figure("peak, taken off", -peak.value, Unit::bytes, "of the stage with the least to spare");
    taken.parts = {std::move(peak)};
    node.parts = {training_capacity(e), std::move(taken)};
    node.sums = true;
    return node;
  }
  if (metric == "memory.fits") {
    node.parts = {*stage_node(fullest, "peak_bytes"), training_capacity(e)};
    return node;
  }
  return stage_node(fullest, std::string_view(metric).substr(kMemory.size())).value_or(std::move(node));
}

std::optional<ExplainNode> explain_stage(const ExplainedStep& e, const std::string& metric) {
  const std::string_view rest = std::string_view(metric).substr(kStages.size());
  const std::size_t dot = rest.find('.');
  int number = -1;
  std::from_chars(rest.data(), rest.data() + dot, number);
  for (const StageMemory& memory : result_of<TrainingOutcome>(e.view).result.memory) {
    if (memory.stage == number) {
      return stage_node({e, memory, metric.substr(0, kStages.size() + dot + 1)}, rest.substr(dot + 1));
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<ExplainNode> explain_step_memory(const ExplainedStep& explained, const std::string& metric) {
  if (metric.compare(0, kMemory.size(), kMemory) != 0) return std::nullopt;
  if (metric.compare(0, kStages.size(), kStages) == 0) return explain_stage(explained, metric);
  return explain_fullest(explained, metric);
}

}  // namespace orrery::scenarios
