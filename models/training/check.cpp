// Which training jobs make sense: every rule with the scenario key that breaks it.
#include <algorithm>
#include <array>
#include <numeric>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "models/layer/layer.hpp"
#include "models/schedule/schedule.hpp"
#include "models/training/expert_groups.hpp"
#include "models/training/outer_plan.hpp"
#include "models/training/parallel.hpp"
#include "models/training/tensor_grid_check.hpp"
#include "models/training/training.hpp"

namespace orrery::models {
namespace {

class Checker {
 public:
  explicit Checker(const TrainingJob& job) : job_(job), config_(job.config), llm_(job.llm) {}

  std::vector<JobError> run() {
    sizes();
    if (!errors_.empty()) return errors_;  // the rules below divide by these sizes
    if (std::optional<JobError> wrong = check_tensor_grid(job_)) return {std::move(*wrong)};
    tensor_parallel();
    gpus();
    if (!errors_.empty()) return errors_;
    expert_parallel();
    if (std::optional<JobError> wrong = check_outer(job_)) errors_.push_back(std::move(*wrong));
    batch();
    pipeline();
    precision();
    return errors_;
  }

 private:
  template <class... Args>
  void error(std::string key, fmt::format_string<Args...> format, Args&&... args) {
    errors_.push_back({"training." + key, fmt::format(format, std::forward<Args>(args)...)});
  }

  void positive(std::string key, std::int64_t value) {
    if (value < 1) error(std::move(key), "must be at least 1, not {}", value);
  }

  void sizes() {
    positive("sequence_length", config_.sequence_length);
    positive("global_batch_size", config_.global_batch_size);
    positive("micro_batch_size", config_.micro_batch_size);
    positive("tensor_parallel", config_.tensor_parallel);
    positive("pipeline_parallel", config_.pipeline_parallel);
    positive("virtual_pipeline", config_.virtual_pipeline);
    positive("expert_parallel", config_.expert_parallel);
    if (config_.data_parallel < 0) error("data_parallel", "must be at least 1, or 0 for all GPUs that are left");
    if (!find_schedule(config_.schedule)) error("schedule", "unknown pipeline schedule '{}'", config_.schedule);
  }

  void divides(std::string_view what, std::int64_t size) {
    const int ranks = tensor_grid(config_).width_ranks;
    if (size % ranks == 0) return;
    if (ranks == config_.tensor_parallel)
      return error("tensor_parallel", "{} does not divide {} ({})", ranks, what, size);
    error("tensor_parallel", "its grid's side {} does not divide {} ({})", ranks, what, size);
  }

  void attention(const AttentionConfig& a) {
    divides("the attention heads of " + llm_.name, a.heads);
    const std::int64_t t = tensor_grid(config_).width_ranks, kv = a.kv_heads;
    if (a.kind == AttentionKind::multi_head && kv % t != 0 && t % std::max<std::int64_t>(kv, 1) != 0) {
      error("tensor_parallel", "{} neither divides nor is a multiple of the key/value heads ({})", t, kv);
    }
  }

  void layer(const LayerConfig& config) {
    if (config.mixer == Mixer::attention) attention(config.attention);
    if (config.mixer == Mixer::recurrent) divides("the recurrent heads", config.recurrent.value_heads);
    const bool sparse = config.feed_forward == FeedForward::experts;
    if (config.feed_forward == FeedForward::dense || (sparse && config.moe.beside_dense)) {
      divides("the MLP width", config.mlp.inter);
    }
    if (!sparse) return;
    divides("the expert width", config.moe.inter);
    if (config.moe.shared_experts > 0) divides("the shared experts' width", config.moe.shared_inter);
  }

  void tensor_parallel() {
    const int t = config_.tensor_parallel;
    for (const LayerKind& kind : layer_kinds(llm_)) {
      layer(llm_.layer(kind.first));
      if (!errors_.empty()) break;  // other layers would say the same
    }
    for (const std::size_t group : groups_of(job_)) {
      const int node = job_.cluster.groups[group].node.gpus;
      if (job_.cluster.node_count() == 1 || t == 1 || node % t == 0 || t % node == 0) continue;
      error("tensor_parallel", "groups of {} would straddle nodes of {} GPUs unevenly; use a divisor or a multiple", t,
            node);
      break;
    }
    if (std::optional<JobError> wrong = check_grid_nodes(job_)) errors_.push_back(std::move(*wrong));
    if (config_.sequence_parallel && t == 1) {
      error("sequence_parallel", "needs tensor_parallel of at least 2: it shards along the same ranks");
    }
    if (config_.sequence_parallel && config_.sequence_length % t != 0) {
      error("sequence_length", "{} is not divided by tensor_parallel ({}), which sequence_parallel needs",
            config_.sequence_length, t);
    }
    if (llm_.position == PositionKind::learned && config_.sequence_length > llm_.max_positions) {
      error("sequence_length", "{} is longer than the {} learned positions of {}", config_.sequence_length,
            llm_.max_positions, llm_.name);
    }
  }

  void gpus() {
    const std::int64_t model = static_cast<std::int64_t>(config_.tensor_parallel) * config_.pipeline_parallel;
    const std::int64_t available = job_.cluster.gpu_count();
    if (config_.data_parallel > 0) {
      const std::int64_t needed = model * config_.data_parallel;
      if (needed > available) {
        error("data_parallel", "tensor {} x pipeline {} x data {} needs {} GPUs, the cluster has {}",
              config_.tensor_parallel, config_.pipeline_parallel, config_.data_parallel, needed, available);
      }
    } else if (model > available) {
      error("tensor_parallel", "tensor {} x pipeline {} needs {} GPUs, the cluster has {}", config_.tensor_parallel,
            config_.pipeline_parallel, model, available);
    } else if (available % model != 0) {
      error("data_parallel", "tensor {} x pipeline {} = {} does not divide the cluster's {} GPUs; set data_parallel",
            config_.tensor_parallel, config_.pipeline_parallel, model, available);
    }
  }

  void expert_parallel() {
    if (std::optional<JobError> wrong = check_experts(job_)) errors_.push_back(std::move(*wrong));
  }

  void batch() {
    const std::int64_t per_step = config_.micro_batch_size * data_parallel_degree(job_);
    if (config_.global_batch_size % per_step != 0) {
      error("global_batch_size", "{} is not a multiple of micro_batch_size {} x data parallel {}",
            config_.global_batch_size, config_.micro_batch_size, data_parallel_degree(job_));
    }
  }

  void pipeline() {
    const std::int64_t stages = config_.pipeline_parallel;
    const std::int64_t virtual_stages = stages * config_.virtual_pipeline;
    if (config_.stage_layers.empty()) {
      if (llm_.layers % virtual_stages != 0) {
        error("pipeline_parallel",
              "{} layers are not divided by {} pipeline stages x {} chunks; give stage_layers, {} numbers that sum "
              "to {}",
              llm_.layers, stages, config_.virtual_pipeline, virtual_stages, llm_.layers);
      }
    } else {
      stage_layers(virtual_stages);
    }
    if (!errors_.empty()) return;
    const PipelineShape shape{
        config_.pipeline_parallel,
        static_cast<int>(config_.global_batch_size / (config_.micro_batch_size * data_parallel_degree(job_))),
        config_.virtual_pipeline};
    const std::string reason = find_schedule(config_.schedule)->check(shape);
    if (!reason.empty()) error("schedule", "{}: {}", config_.schedule, reason);
  }

  void stage_layers(std::int64_t virtual_stages) {
    const auto count = static_cast<std::int64_t>(config_.stage_layers.size());
    if (count != virtual_stages) {
      error("stage_layers", "has {} numbers, but there are {} virtual stages", count, virtual_stages);
    }
    for (const std::int64_t layers : config_.stage_layers) {
      if (layers < 0) error("stage_layers", "a stage can't hold {} layers", layers);
    }
    const std::int64_t sum = std::accumulate(config_.stage_layers.begin(), config_.stage_layers.end(), std::int64_t{0});
    if (sum != llm_.layers) error("stage_layers", "sums to {}, but {} has {} layers", sum, llm_.name, llm_.layers);
  }

  void precision() {
    static constexpr std::array kTrainable = {Dtype::fp32, Dtype::tf32,      Dtype::fp16, Dtype::bf16,
                                              Dtype::fp8,  Dtype::fp8_block, Dtype::nvfp4};
    static constexpr std::array kGradients = {Dtype::fp32, Dtype::fp16, Dtype::bf16};
    const auto has = [](const auto& list, Dtype dtype) {
      return std::find(list.begin(), list.end(), dtype) != list.end();
    };
    if (!has(kTrainable, config_.precision)) {
      error("precision", "{} is no training precision: fp32, tf32, fp16, bf16, fp8, fp8_block, nvfp4",
            name(config_.precision));
    } else {
      for (const std::size_t group : groups_of(job_)) {
        const hardware::Gpu& gpu = job_.cluster.groups[group].gpu;
        if (gpu.multiplies(config_.precision)) continue;
        error("precision", "{} can't be computed by {}", name(config_.precision), gpu.name);
        break;
      }
    }
    if (!has(kGradients, config_.gradient_dtype)) {
      error("gradient_dtype", "gradients are kept in fp32, fp16 or bf16, not {}", name(config_.gradient_dtype));
    }
    const bool full = config_.precision == Dtype::fp32 || config_.precision == Dtype::tf32;
    if (full && config_.attention == AttentionImplementation::flash) {
      error("attention", "flash attention has no {} kernels; use unfused, fp16 or bf16", name(config_.precision));
    }
    if (config_.dropout < 0.0 || config_.dropout >= 1.0) error("dropout", "must be in [0, 1), not {}", config_.dropout);
    if (config_.recompute_layers >= 0 && config_.recompute != Recompute::full) {
      error("recompute_layers", "counts layers of full recomputation; set recompute: full");
    }
    if (config_.recompute_layers > llm_.layers) {
      error("recompute_layers", "{} is more than the {} layers of {}", config_.recompute_layers, llm_.layers,
            llm_.name);
    }
  }

  const TrainingJob& job_;
  const TrainingConfig& config_;
  const Llm& llm_;
  std::vector<JobError> errors_;
};

}  // namespace

std::vector<JobError> check(const TrainingJob& job) { return Checker(job).run(); }

int data_parallel_degree(const TrainingJob& job) {
  if (job.config.data_parallel > 0) return job.config.data_parallel;
  return job.cluster.gpu_count() / (job.config.tensor_parallel * job.config.pipeline_parallel);
}

Bytes gradient_bucket(const TrainingJob& job) {
  const TrainingConfig& config = job.config;
  if (config.bucket_size > Bytes{0.0}) return config.bucket_size;
  const bool alone = config.tensor_parallel == 1 && config.pipeline_parallel == 1 && config.zero == ZeroStage::none;
  if (alone) return Bytes{25.0 * 1048576.0};
  return std::max(40e6, 1e6 * data_parallel_degree(job)) * element_size(config.gradient_dtype);
}

}  // namespace orrery::models
