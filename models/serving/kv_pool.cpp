// Peak activations. vLLM runs a step of max_num_batched_tokens tokens, and then samples for max_num_seqs sequences with
// temperature, top-k and top-p, while the hidden states are still held (vllm/v1/worker/gpu_model_runner.py,
// profile_run and _dummy_sampler_run; from memory). The larger of the two peaks counts; T tokens, t tensor parallel:
//
//   layer    T·b·(2·hidden + the widest moment of a layer, models/layer/activations.hpp)
//   sampler  T·b·hidden + S·vocab·(b + 4 + 12 + 8 + 12)
//            logits; their fp32 copy; sorted values and their int64 places; the places that a sort starts from; the
//            other halves of its double buffers (PyTorch aten/src/ATen/native/cuda/Sort.cu, segmented_sort_pairs)
// Check of 38 bytes a logit at b = 2: gpt-oss-120b on an H100 at 0.95 with 65.97 GiB of weights leaves 1.71 GiB
// (vllm issue 27508): 0.95·79.11 − 65.97 − 1.71 = 7.47 GiB for 1,024 x 201,088 logits, 38.9 bytes each; Llama-3.1-8B on
// an RTX 4090 below: 38.4.
//
// Graphs: 0.25 MiB per captured size and layer. Estimate, between what vLLM logged: 0.65 GiB for gemma-3-4b, 67 sizes
// of 34 layers, 0.29 MiB (vllm PR 21489), and 0.13 GiB for a 0.6B model, 35 sizes of 28 layers, 0.14 MiB (mellea PR
// 416). vLLM takes them off the budget since 0.21 ("CUDA graph memory profiling is enabled (default since v0.21.0)",
// its log); earlier versions, 0.19 among them, capture them out of what the utilisation leaves.
//
// Context: what the profile says is in use before a framework allocates, and NCCL's buffers: 342 MiB for 2 GPUs, 392
// MiB for more (ai-dynamo/aiconfigurator, systems/*.yaml, nccl_mem). The former is what nvidia-smi calls reserved: CUDA
// counts the memory without it, 79.11 of 79.65 GiB on an H100, and utilisation is a share of that. NCCL's buffers come
// with the first collective, in the profiled step, and count against the budget.
//
// Check: Llama-3.1-8B on an RTX 4090 with 2,048 tokens and 256 sequences has 2,588 blocks in vLLM 0.19 (LLMServingSim,
// docs/docs/validation.md); this formula leaves 2,544.
#include "models/serving/kv_pool.hpp"

#include <algorithm>
#include <cmath>

#include "models/layer/activations.hpp"
#include "models/layer/cache.hpp"
#include "models/layer/parameters.hpp"
#include "models/layer/serving.hpp"
#include "models/serving/engine_mesh.hpp"
#include "models/serving/engine_row.hpp"

namespace orrery::models {
namespace {

constexpr double kMostBlocks = 1e12;  // what an integer holds with room for bytes, whatever capacity is asked for

constexpr double kMiB = 1048576.0;
constexpr double kGraphMiBPerLayer = 0.25;
constexpr std::int64_t kLargestCapture = 512;

double of(std::int64_t count) { return static_cast<double>(count); }

Bytes context_memory(const ServingJob& job) {
  const int ranks = job.config.tensor_parallel;
  const double communicator = ranks == 1 ? 0.0 : ranks == 2 ? 342.0 : 392.0;
  return site_of(job).gpu.reserved_memory + Bytes{communicator * kMiB};
}

/// Bytes that a stage's layers keep of every token, and of a sequence beside that: sides count bytes, not blocks.
struct StageCache {
  Bytes kept;
  std::vector<KvSide> sides;
};

StageCache stage_cache(const ServingJob& job, int stage) {
  const StageLayers own = stage_layers(job.llm, job.config.pipeline_parallel, stage);
  const Dtype dtype = job.config.kv_cache_dtype;
  StageCache all;
  double values = 0.0;
  for (std::int64_t i = own.first; i < own.first + own.count; ++i) {
    const LayerCache cache = layer_cache(layer_elements(job.llm, i), job.config.tensor_parallel);
    values += of(cache.values);
    all.kept += cache.beside_values(dtype);
    const Bytes recent = cache.per_recent_token(dtype);
    if (!(recent + cache.state > Bytes{0.0})) continue;
    const auto like = std::find_if(all.sides.begin(), all.sides.end(),
                                   [&](const KvSide& side) { return side.window == cache.window; });
    KvSide& side = like == all.sides.end() ? all.sides.emplace_back() : *like;
    side.window = cache.window;
    side.blocks_per_token += recent.value();
    side.blocks_per_sequence += cache.state.value();
  }
  all.kept += values * element_size(dtype);
  return all;
}

/// Blocks of the sides of a sequence of max_model_len: a step's tokens stand in a window beside those that it needs
/// (vllm/v1/kv_cache_interface.py, SlidingWindowSpec.max_memory_usage_bytes).
std::int64_t longest_sides(const ServingConfig& config, const std::vector<KvSide>& sides) {
  double sum = 0.0;
  for (const KvSide& side : sides) {
    const std::int64_t ahead = side.window > 0 ? side.window - 1 + config.max_num_batched_tokens : 0;
    const std::int64_t blocks = (std::min(config.max_model_len, ahead) + config.block_size - 1) / config.block_size;
    const std::int64_t held = side.window > 0 ? (blocks + 1) * config.block_size : 0;
    sum += of(held) * side.blocks_per_token + side.blocks_per_sequence;
  }
  return static_cast<std::int64_t>(std::ceil(sum));
}

/// Weights by which the experts of `elements` grow on one rank where mxfp4's kernels pad them: hidden to 256, inter to
/// 128 (Marlin; vllm/model_executor/layers/quantization/mxfp4.py, create_weights). The kernels of triton_kernels, which
/// Hopper runs where that package is installed, pad to 64 only.
double padded_weights(const std::vector<LayerElement>& elements, std::int64_t tensor) {
  const auto up = [](std::int64_t size, std::int64_t multiple) { return (size + multiple - 1) / multiple * multiple; };
  double sum = 0.0;
  for (const LayerElement& element : elements) {
    const auto* experts = std::get_if<Experts>(&element.block);
    if (experts == nullptr) continue;
    const std::int64_t inter = (experts->inter + tensor - 1) / tensor, matrices = experts->gated ? 3 : 2;
    sum += of(experts->experts * matrices) *
           (of(up(experts->hidden, 256)) * of(up(inter, 128)) - of(experts->hidden) * of(inter));
  }
  return sum;
}

Bytes activations_of(const ServingJob& job) {
  if (job.config.activation_memory > Bytes{0.0}) return job.config.activation_memory;
  return peak_activations(job, job.config.max_num_batched_tokens);
}

}  // namespace

StageLayers stage_layers(const Llm& llm, int stages, int stage) {
  const std::int64_t each = llm.layers / stages, rest = llm.layers % stages;
  StageLayers result;
  for (int s = 0; s <= stage; ++s) {
    result.first += result.count;
    // vLLM adds a layer to partitions[-i] for i in 2 … rest + 1.
    const std::int64_t from_end = stages - s;
    result.count = each + (from_end >= 2 && from_end <= rest + 1 ? 1 : 0);
  }
  return result;
}

Bytes stage_weights(const ServingJob& job, int stage) {
  const Llm& llm = job.llm;
  const int tensor = job.config.tensor_parallel, stages = job.config.pipeline_parallel;
  const StageLayers own = stage_layers(llm, stages, stage);
  const Bytes linear_size = job.as_stored() ? llm.weights().size : element_size(job.config.weight_dtype);
  const Bytes plain_size = element_size(job.config.dtype);
  Bytes layers;
  double padding = 0.0, plain = 0.0;
  for (std::int64_t layer = own.first; layer < own.first + own.count; ++layer) {
    const std::vector<LayerElement> elements = layer_elements(llm, layer);
    const RankWeights weights = rank_weights(elements, tensor);
    layers += weights.bytes(tensor, linear_size, plain_size, job.as_stored());
    if (llm.padded_experts && is_quantised(job.config.weight_dtype)) padding += padded_weights(elements, tensor);
    plain += of(absorbed_parameters(elements, tensor));
  }
  const bool first = stage == 0, last = stage + 1 == stages;
  if (first) plain += embedding_share(llm).mean(tensor) + of(llm.vision_parameters) / of(tensor);
  const bool narrow_head = llm.head && job.as_stored();
  const Bytes head_size = narrow_head ? llm.head->size : plain_size;
  const Bytes head = last ? head_share(llm, !first).mean(tensor) * head_size : Bytes{};
  return layers + padding * linear_size + plain * plain_size + head;
}

Bytes repacking(const ServingJob& job, int stage) {
  const Dtype dtype = job.config.weight_dtype;
  const bool ordered = is_quantised(dtype) && (job.llm.padded_experts || !site_of(job).gpu.multiplies(dtype));
  if (!ordered) return {};
  const StageLayers own = stage_layers(job.llm, job.config.pipeline_parallel, stage);
  const double tensor = job.config.tensor_parallel;
  double most = 0.0;
  for (std::int64_t layer = own.first; layer < own.first + own.count; ++layer) {
    for (const LayerElement& element : layer_elements(job.llm, layer)) {
      if (const auto* linear = std::get_if<Linear>(&element.block); linear != nullptr && !linear->plain) {
        most = std::max(most, of(linear->in.whole() * linear->out.whole()) / tensor);
      }
      const auto* experts = std::get_if<Experts>(&element.block);
      if (experts == nullptr) continue;
      const double up = experts->gated ? 2.0 / 3.0 : 0.5;  // of the two or three matrices of all experts
      most = std::max(most, up * of(experts->experts * experts->matrices) / tensor);
    }
  }
  return most * element_size(dtype);
}

Bytes peak_activations(const ServingJob& job, std::int64_t tokens) {
  const Llm& llm = job.llm;
  const Bytes value = element_size(job.config.dtype);
  std::int64_t widest = 0;
  for (const LayerKind& kind : layer_kinds(llm)) {
    widest = std::max(widest, widest_values(layer_elements(llm, kind.first), llm.hidden, job.config.tensor_parallel));
  }
  const Bytes layer = of(tokens) * value * of(2 * llm.hidden + widest);
  const double rows = of(std::min(job.config.max_num_seqs, tokens));
  const Bytes logits = value, copy{4.0}, sorted{4.0 + 8.0}, places{8.0}, sorting{4.0 + 8.0};
  const Bytes of_logit = logits + copy + sorted + places + sorting;
  const Bytes sampler = of(tokens) * value * of(llm.hidden) + rows * of(llm.vocab) * of_logit;
  return max(layer, sampler);
}

std::vector<std::int64_t> graph_sizes(const ServingConfig& config) {
  std::vector<std::int64_t> sizes;
  if (config.enforce_eager) return sizes;
  const std::int64_t most = std::min({2 * config.max_num_seqs, kLargestCapture, config.max_num_batched_tokens});
  for (const std::int64_t size : {1, 2, 4}) {
    if (size <= most) sizes.push_back(size);
  }
  for (std::int64_t size = 8; size <= most; size += size < 256 ? 8 : 16) sizes.push_back(size);
  return sizes;
}

Bytes graph_memory(const ServingJob& job) {
  std::int64_t layers = 0;
  for (int stage = 0; stage < job.config.pipeline_parallel; ++stage) {
    layers = std::max(layers, stage_layers(job.llm, job.config.pipeline_parallel, stage).count);
  }
  const double graphs = of(static_cast<std::int64_t>(engine_of(job).graphs.sizes(job.config).size()));
  return Bytes{graphs * of(layers) * kGraphMiBPerLayer * kMiB};
}

bool stage_keeps_tokens(const ServingJob& job, int stage) { return stage_cache(job, stage).kept > Bytes{0.0}; }

Bytes stage_kv_bytes_per_token(const ServingJob& job, int stage) {
  const StageCache cache = stage_cache(job, stage);
  if (cache.kept > Bytes{0.0}) return cache.kept;
  Bytes recent, states;
  for (const KvSide& side : cache.sides) {
    recent += Bytes{side.blocks_per_token};
    states += Bytes{side.blocks_per_sequence};
  }
  return recent > Bytes{0.0} ? recent : states / of(std::max<std::int64_t>(1, job.config.max_model_len));
}

std::vector<KvSide> stage_kv_sides(const ServingJob& job, int stage, Bytes block) {
  StageCache cache = stage_cache(job, stage);
  for (KvSide& side : cache.sides) {
    side.blocks_per_token /= block.value();
    side.blocks_per_sequence /= block.value();
  }
  return cache.sides;
}

KvPool size_kv_pool(const ServingJob& job) { return engine_of(job).memory(job); }

namespace {

/// What an engine may give to the cache where its weights take so much.
using LeftFor = Bytes (*)(const ServingJob& job, const KvPool& pool, Bytes weights);

KvPool pool_of(const ServingJob& job, Bytes budget, LeftFor left_for) {
  const ServingConfig& config = job.config;
  KvPool pool;
  pool.capacity = site_of(job).gpu.memory;
  const bool sized = config.kv_cache_memory > Bytes{0.0};
  pool.activations = activations_of(job);
  pool.context = context_memory(job);
  pool.graphs = graph_memory(job);
  pool.budget = sized ? pool.capacity : min(pool.capacity, budget + site_of(job).gpu.reserved_memory + pool.graphs);
  pool.block_size = config.block_size;
  pool.pinned = config.num_gpu_blocks > 0;
  for (int stage = 0; stage < config.pipeline_parallel; ++stage) {
    const Bytes weights = stage_weights(job, stage);
    const Bytes block = of(config.block_size) * stage_kv_bytes_per_token(job, stage);
    Bytes left = left_for(job, pool, weights);
    if (sized && left > config.kv_cache_memory) left = config.kv_cache_memory;
    // What is there twice while weights are loaded is gone before the cache comes.
    const bool loads = weights + repacking(job, stage) + pool.context <= pool.capacity;
    const std::int64_t blocks =
        loads && left > Bytes{0.0} ? static_cast<std::int64_t>(std::min(kMostBlocks, std::floor(left / block))) : 0;
    if (stage > 0 && blocks > pool.blocks) continue;
    if (stage > 0 && blocks == pool.blocks && weights <= pool.weights) continue;
    pool.blocks = blocks;
    pool.weights = weights;
    pool.block_bytes = block;
    pool.sides = stage_kv_sides(job, stage, block);
    pool.keeps_tokens = stage_keeps_tokens(job, stage);
  }
  pool.longest = config.max_model_len;
  pool.longest_sides = longest_sides(config, pool.sides);
  if (pool.pinned) pool.blocks = config.num_gpu_blocks;
  pool.kv_cache = of(pool.blocks) * pool.block_bytes;
  return pool;
}

/// Of the budget, or of the whole GPU where a size is asked for.
Bytes left_of_budget(const ServingJob&, const KvPool& pool, Bytes weights) {
  return pool.budget - weights - pool.activations - pool.context - pool.graphs;
}

Bytes left_share(const ServingJob& job, const KvPool& pool, Bytes weights) {
  const bool sized = job.config.kv_cache_memory > Bytes{0.0};
  return (sized ? 1.0 : job.config.gpu_memory_utilization) * left_of_budget(job, pool, weights);
}

}  // namespace

KvPool profiled_kv_pool(const ServingJob& job) {
  const hardware::Gpu& gpu = site_of(job).gpu;
  return pool_of(job, job.config.gpu_memory_utilization * (gpu.memory - gpu.reserved_memory), left_of_budget);
}

KvPool free_share_kv_pool(const ServingJob& job) { return pool_of(job, site_of(job).gpu.memory, left_share); }

std::int64_t kv_pool_tokens(Bytes capacity, double utilisation, Bytes weights, Bytes workspace, Bytes per_token) {
  const double tokens = std::floor((utilisation * capacity - weights - workspace) / per_token);
  return tokens > 0.0 ? static_cast<std::int64_t>(std::min(kMostBlocks, tokens)) : 0;
}

}  // namespace orrery::models
