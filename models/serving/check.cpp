// What the engine decides where the user says nothing, and what can't be asked of it.
#include <fmt/format.h>

#include "hardware/catalogue/catalogue.hpp"
#include "models/layer/layer.hpp"
#include "models/serving/engine_mesh.hpp"
#include "models/serving/engine_row.hpp"
#include "models/serving/routers/router.hpp"
#include "models/serving/schedulers/scheduler.hpp"
#include "models/serving/serving.hpp"

namespace orrery::models {

namespace {

class Errors {
 public:
  template <class... Args>
  void add(std::string_view key, fmt::format_string<Args...> format, Args&&... args) {
    errors_.push_back({fmt::format("serving.{}", key), fmt::format(format, std::forward<Args>(args)...)});
  }
  void add_all(std::vector<JobError> more) {
    for (JobError& error : more) errors_.push_back(std::move(error));
  }
  [[nodiscard]] bool empty() const { return errors_.empty(); }
  std::vector<JobError> take() { return std::move(errors_); }

 private:
  std::vector<JobError> errors_;
};

template <class Rows>
void check_name(Errors& errors, std::string_view key, const std::string& name, const Rows& rows) {
  std::vector<std::string> names;
  for (const auto& row : rows) {
    if (row.name == name) return;
    names.emplace_back(row.name);
  }
  std::string hint;
  for (const std::string& nearest : hardware::nearest_names(name, names)) {
    hint += (hint.empty() ? "; did you mean " : ", ") + nearest;
  }
  errors.add(key, "unknown name '{}'{}; known: {}", name, hint, fmt::join(names, ", "));
}

const EngineRow* find_row(const ServingJob& job) {
  return job.engine != nullptr ? job.engine : find_engine(job.config.engine);
}

/// The engine, and a scheduler by whose rules it can run.
void check_engine(const ServingJob& job, Errors& errors) {
  const EngineRow* row = find_row(job);
  if (row == nullptr) return check_name(errors, "engine", job.config.engine, engines());
  for (const hardware::NodeGroup& group : job.cluster.groups) {
    if (const std::string misfit = engine_misfit(*row, group.gpu); !misfit.empty()) errors.add("engine", "{}", misfit);
    if (!errors.empty()) return;
  }
  const std::string& scheduler = job.config.scheduler;
  if (row->find_scheduler(scheduler) != nullptr) return;
  if (find_scheduler(scheduler) == nullptr) return check_name(errors, "scheduler", scheduler, row->schedulers);
  std::vector<std::string_view> own;
  for (const SchedulerRow& one : row->schedulers) own.push_back(one.name);
  errors.add("scheduler", "the engine '{}' can't run by the rules of '{}'; it can by those of {}", row->name, scheduler,
             fmt::join(own, ", "));
}

void check_attention(const ServingConfig& c, const AttentionConfig& attention, const std::string& name,
                     Errors& errors) {
  if (attention.heads % c.tensor_parallel != 0) {
    errors.add("tensor_parallel", "{} doesn't divide the {} attention heads of {}", c.tensor_parallel, attention.heads,
               name);
  }
  const std::int64_t kv_heads = attention.kv_heads;
  if (attention.kind == AttentionKind::multi_head && kv_heads % c.tensor_parallel != 0 &&
      c.tensor_parallel % kv_heads != 0) {
    errors.add("tensor_parallel", "{} neither divides the {} KV heads of {} nor is a multiple of them",
               c.tensor_parallel, kv_heads, name);
  }
}

void check_layer(const ServingConfig& c, const LayerConfig& layer, const std::string& name, Errors& errors) {
  if (layer.mixer == Mixer::attention) check_attention(c, layer.attention, name, errors);
  if (layer.mixer == Mixer::recurrent && layer.recurrent.value_heads % c.tensor_parallel != 0) {
    errors.add("tensor_parallel", "{} doesn't divide the {} recurrent heads of {}", c.tensor_parallel,
               layer.recurrent.value_heads, name);
  }
  const bool sparse = layer.feed_forward == FeedForward::experts;
  const std::int64_t inter = sparse ? layer.moe.inter : layer.mlp.inter;
  if ((sparse || layer.feed_forward == FeedForward::dense) && inter % c.tensor_parallel != 0) {
    errors.add("tensor_parallel", "{} doesn't divide the MLP width {} of {}", c.tensor_parallel, inter, name);
  }
}

void check_parallel(const ServingJob& job, Errors& errors) {
  const ServingConfig& c = job.config;
  const Llm& llm = job.llm;
  if (c.tensor_parallel < 1) errors.add("tensor_parallel", "must be at least 1, is {}", c.tensor_parallel);
  if (c.pipeline_parallel < 1) errors.add("pipeline_parallel", "must be at least 1, is {}", c.pipeline_parallel);
  if (c.replicas < 1) errors.add("replicas", "must be at least 1, is {}", c.replicas);
  if (!errors.empty()) return;
  for (const LayerKind& kind : layer_kinds(llm)) {
    check_layer(c, llm.layer(kind.first), llm.name, errors);
    if (!errors.empty()) return;  // other layers would say the same
  }
  if (c.pipeline_parallel > llm.layers) {
    errors.add("pipeline_parallel", "{} stages are more than the {} layers of {}", c.pipeline_parallel, llm.layers,
               llm.name);
  }
  const double gpus = static_cast<double>(c.tensor_parallel) * c.pipeline_parallel * c.replicas;
  const double all = job.cluster.gpu_count();
  if (gpus > all) {
    // The first of the three that overflows by itself, taken in this order.
    const double stages = static_cast<double>(c.tensor_parallel) * c.pipeline_parallel;
    const std::string_view key = c.tensor_parallel > all ? "tensor_parallel"
                                 : stages > all          ? "pipeline_parallel"
                                                         : "replicas";
    errors.add(key, "{} x {} x {} (tensor x pipeline x replicas) are more than the {} GPUs of the cluster",
               c.tensor_parallel, c.pipeline_parallel, c.replicas, job.cluster.gpu_count());
  }
  for (const std::size_t group : groups_of(job)) {
    const int node = job.cluster.groups[group].node.gpus;
    if (c.tensor_parallel <= node || c.tensor_parallel % node == 0) continue;
    errors.add("tensor_parallel", "{} is more than the {} GPUs of a node and not a multiple of them", c.tensor_parallel,
               node);
    break;
  }
}

/// Of one that is told apart from others: its GPU, or its node where that is the same.
std::string kind_name(const hardware::NodeGroup& group) {
  return fmt::format("{} in {}", group.gpu.name, group.node.name);
}

/// An engine's nodes and GPUs are alike; those of two replicas need not be.
void check_alike(const ServingJob& job, Errors& errors) {
  if (job.cluster.groups.size() == 1) return;
  const auto last = static_cast<std::uint32_t>(job.cluster.gpu_count() - 1);
  for (int replica = 0; replica < job.config.replicas; ++replica) {
    const hardware::NodeGroup& first = job.cluster.groups[group_of(job, replica)];
    for (const std::uint32_t gpu : replica_gpus(job, replica)) {
      const hardware::NodeGroup& other = job.cluster.groups[job.cluster.group_of_gpu(std::min(gpu, last))];
      if (hardware::is_alike(other, first)) continue;
      errors.add(job.config.pipeline_parallel > 1 ? "pipeline_parallel" : "tensor_parallel",
                 "replica {} would run on unlike {}, {} and {}: placement.first_node, order or another split puts "
                 "it on one kind",
                 replica, first.gpu.name == other.gpu.name ? "nodes" : "GPUs", kind_name(first), kind_name(other));
      return;
    }
  }
}

/// What the GPU can't multiply, and no engine would widen.
void check_dtypes(const ServingJob& job, Errors& errors) {
  const auto require = [&](std::string_view key, Dtype dtype) {
    for (const std::size_t group : groups_of(job)) {
      const hardware::Gpu& gpu = job.cluster.groups[group].gpu;
      if (gpu.matrix_peak(dtype)) continue;
      errors.add(key, "{} has no matrix units for {}, and no engine widens it{}", gpu.name, name(dtype),
                 gpu.peak.has(Dtype::fp16) && dtype == Dtype::bf16 ? "; use dtype: fp16, as vLLM asks for there" : "");
      return;
    }
  };
  require("dtype", job.config.dtype);
  if (job.config.weight_dtype != job.config.dtype) require("weight_dtype", job.config.weight_dtype);
}

void check_limits(const ServingJob& job, Errors& errors) {
  const ServingConfig& c = job.config;
  const std::int64_t longest = job.llm.max_positions;
  if (c.max_model_len < kLongestThatFits) errors.add("max_model_len", "must not be negative");
  if (c.max_model_len > 0 && c.max_model_len < 2)
    errors.add("max_model_len", "must hold a prompt and a token: at least 2");
  if (longest > 0 && c.max_model_len > longest) {
    errors.add("max_model_len", "{} is more than the {} positions of {}", c.max_model_len, longest, job.llm.name);
  }
  if (c.max_num_seqs < 0) errors.add("max_num_seqs", "must be at least 1");
  if (c.max_num_batched_tokens < 0) errors.add("max_num_batched_tokens", "must be at least 1");
  if (c.gpu_memory_utilization < 0.0 || c.gpu_memory_utilization > 1.0) {
    errors.add("gpu_memory_utilization", "must be above 0 and at most 1, is {}", c.gpu_memory_utilization);
  }
  if (c.block_size < 1 || c.block_size > 4096)
    errors.add("block_size", "must be between 1 and 4096, is {}", c.block_size);
  if (c.num_gpu_blocks < 0) errors.add("num_gpu_blocks", "must be at least 1");
  if (c.long_prefill_token_threshold < 0) errors.add("long_prefill_token_threshold", "must not be negative");
  if (c.warmup_requests < 0) errors.add("warmup_requests", "must not be negative");
  if (c.slo.attainment < 0.0 || c.slo.attainment > 1.0) errors.add("slo.attainment", "must be between 0 and 1");
  if (c.slo.attainment > 0.0 && !c.slo.given())
    errors.add("slo.attainment", "needs a limit: slo.ttft, slo.tpot or both");
}

void check_resolved(const ServingJob& job, Errors& errors) {
  const ServingConfig c = resolve(job);
  if (c.max_model_len < 2) {
    errors.add("max_model_len", "the model's config names no max_position_embeddings: say max_model_len");
  }
  if (!c.enable_chunked_prefill && c.max_num_batched_tokens < c.max_model_len) {
    errors.add("max_num_batched_tokens",
               "{} is less than max_model_len {}: without chunked prefill a long prompt could never run",
               c.max_num_batched_tokens, c.max_model_len);
  }
  if (c.max_num_batched_tokens < c.max_num_seqs && job.config.max_num_batched_tokens > 0 &&
      job.config.max_num_seqs > 0) {
    errors.add("max_num_batched_tokens", "{} is less than max_num_seqs {}: not all of them could decode in a step",
               c.max_num_batched_tokens, c.max_num_seqs);
  }
  const LoadConfig& load = c.load;
  const bool fixed = load.trace.empty() && load.input.distribution == "fixed";
  if (fixed && load.input.mean >= static_cast<double>(c.max_model_len)) {
    errors.add("load.input", "prompts of {:.0f} tokens leave no room for an answer within max_model_len {}",
               load.input.mean, c.max_model_len);
  }
}

/// The longest max_model_len, up to what `resolved` has, of which one sequence fits the cache; that itself where none
/// does, which the pool then tells. Source: vllm/v1/core/kv_cache_utils.py, estimate_max_model_len, which bisects too.
std::int64_t longest_that_fits(const ServingJob& job, const EngineRow& row, const ServingConfig& resolved) {
  ServingJob trial = job;
  trial.config = resolved;
  const auto starts = [&](std::int64_t length) {
    trial.config.max_model_len = length;
    const KvPool pool = row.memory(trial);
    return pool.blocks > 0 && pool.longest_blocks() <= pool.blocks;
  };
  if (starts(resolved.max_model_len)) return resolved.max_model_len;
  std::int64_t least = 0, most = resolved.max_model_len;  // `most` doesn't fit
  while (most - least > 1) {
    const std::int64_t middle = least + (most - least) / 2;
    (starts(middle) ? least : most) = middle;
  }
  return least >= 2 ? least : resolved.max_model_len;
}

}  // namespace

ServingConfig resolve(const ServingJob& job) {
  ServingConfig c = job.config;
  const EngineRow* row = find_row(job);
  if (row == nullptr) return c;
  c.engine = row->name;
  if (c.scheduler.empty()) c.scheduler = row->schedulers.front().name;
  const bool fits = c.max_model_len == kLongestThatFits;
  if (c.max_model_len <= 0) c.max_model_len = job.llm.max_positions;
  row->resolve(job, c);
  if (fits) c.max_model_len = longest_that_fits(job, *row, c);
  if (c.step_overhead < Seconds{0.0}) c.step_overhead = row->host.step;
  if (c.request_overhead < Seconds{0.0}) c.request_overhead = row->host.request;
  return c;
}

std::vector<JobError> check(const ServingJob& job) {
  Errors errors;
  check_engine(job, errors);
  check_name(errors, "router", job.config.router, routers());
  check_parallel(job, errors);
  check_limits(job, errors);
  if (errors.empty()) {
    check_alike(job, errors);
    check_dtypes(job, errors);
  }
  errors.add_all(check(job.config.load));
  if (errors.empty()) check_resolved(job, errors);
  return errors.take();
}

}  // namespace orrery::models
