// Peak activations. vLLM runs a step of max_num_batched_tokens tokens, and then samples for max_num_seqs sequences with
// temperature, top-k and top-p, while the hidden states are still held (vllm/v1/worker/gpu_model_runner.py,
// profile_run and _dummy_sampler_run; from memory). The larger of the two peaks counts; T tokens, t tensor parallel:
//
//   layer    T·b·(2·hidden + max(hidden + qkv/t + heads·d/t,  hidden + (g + 1)·inter/t)),   g = 2 with a gate, else 1
//   experts  T·b·(2·hidden + hidden + topk·(max(2·inter/t, hidden) + inter/t) + hidden)
//   sampler  T·b·hidden + S·vocab·(b + 4 + 12 + 12)
//            logits; their fp32 copy; sorted values and their int64 places; a second such pair while sorting
//
// Graphs: 0.25 MiB per captured size and layer. Estimate, between what vLLM logged: 0.65 GiB for gemma-3-4b, 67 sizes
// of 34 layers, 0.29 MiB (vllm PR 21489), and 0.13 GiB for a 0.6B model, 35 sizes of 28 layers, 0.14 MiB (mellea PR
// 416). vLLM counts them since 0.21 ("CUDA graph memory profiling is enabled (default since v0.21.0)", its log);
// earlier versions, 0.19 among them, capture them out of what the utilisation leaves. They are counted here always, so
// that the ledger is whole: some 0.4 GiB less cache for an 8B model.
//
// Context: what the profile says is in use before a framework allocates, and NCCL's buffers: 342 MiB for 2 GPUs, 392
// MiB for more (ai-dynamo/aiconfigurator, systems/*.yaml, nccl_mem).
//
// Check: Llama-3.1-8B on an RTX 4090 with 2,048 tokens and 256 sequences has 2,588 blocks in vLLM 0.19 (LLMServingSim,
// docs/docs/validation.md). Weights alone would leave 3,395; this formula leaves 2,436, without graphs 2,640.
#include "models/serving/kv_pool.hpp"

#include <algorithm>
#include <cmath>

namespace orrery::models {
namespace {

constexpr double kMostBlocks = 1e12;  // what an integer holds with room for bytes, whatever capacity is asked for

constexpr double kMiB = 1048576.0;
constexpr double kGraphMiBPerLayer = 0.25;
constexpr std::int64_t kLargestCapture = 512;

double of(std::int64_t count) { return static_cast<double>(count); }

std::int64_t local_kv_heads(const Llm& llm, int tensor) {
  return std::max<std::int64_t>(1, llm.attention.kv_heads / tensor);
}

// Attention weights of one layer on one GPU, in elements. Latent compression is on every GPU (vllm deepseek_v2.py).
double attention_elements(const Llm& llm, std::int64_t layer, int tensor) {
  const AttentionConfig& a = llm.attention;
  const double all = of(layer_parameters(llm, layer).attention);
  if (a.kind == AttentionKind::latent) {
    const double copied = of(llm.hidden) * of(a.q_lora_rank + a.kv_lora_rank + a.rope_head_dim);
    return copied + (all - copied) / tensor;
  }
  const double kv = 2.0 * of(llm.hidden) * of(a.head_dim) * of(a.kv_heads);
  return (all - kv) / tensor + kv * of(local_kv_heads(llm, tensor)) / of(a.kv_heads);
}

// vLLM keeps the projection from the latent a second time, split for absorption, in the activations' dtype
// (v1/attention/backends/mla/common.py, process_weights_after_loading; from memory).
double absorbed_elements(const Llm& llm, int tensor) {
  const AttentionConfig& a = llm.attention;
  if (a.kind != AttentionKind::latent) return 0.0;
  return of(a.heads) / tensor * of(a.nope_head_dim + a.v_head_dim) * of(a.kv_lora_rank);
}

Bytes context_memory(const ServingJob& job) {
  const int ranks = job.config.tensor_parallel;
  const double communicator = ranks == 1 ? 0.0 : ranks == 2 ? 342.0 : 392.0;
  return job.cluster.gpu.reserved_memory + Bytes{communicator * kMiB};
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
  double linear = 0.0, plain = 0.0;
  for (std::int64_t layer = own.first; layer < own.first + own.count; ++layer) {
    const LayerParameters p = layer_parameters(llm, layer);
    linear += attention_elements(llm, layer, tensor) + (of(p.mlp) + of(p.experts)) / tensor;
    plain += of(p.router) + of(p.norms) + absorbed_elements(llm, tensor);
  }
  const bool first = stage == 0, last = stage + 1 == stages;
  if (first) plain += of(embedding_parameters(llm)) / tensor + of(position_parameters(llm));
  if (last) {
    // A tied head on a stage of its own is a second copy of the embedding.
    const std::int64_t head = llm.tied_embeddings && !first ? embedding_parameters(llm) : head_parameters(llm);
    plain += of(head) / tensor + of(final_norm_parameters(llm));
  }
  return linear * element_size(job.config.weight_dtype) + plain * element_size(job.config.dtype);
}

Bytes peak_activations(const ServingJob& job, std::int64_t tokens) {
  const Llm& llm = job.llm;
  const AttentionConfig& a = llm.attention;
  const double tensor = job.config.tensor_parallel;
  const double b = element_size(job.config.dtype).value(), hidden = of(llm.hidden);
  const double gates = llm.mlp.gated ? 2.0 : 1.0;
  const double kv_heads = of(local_kv_heads(llm, job.config.tensor_parallel));
  const double value = of(a.kind == AttentionKind::latent ? a.v_head_dim : a.head_dim);
  const double keys = a.kind == AttentionKind::latent
                          ? of(a.heads) / tensor * (of(a.head_dim) + value) + of(a.kv_lora_rank + a.rope_head_dim)
                          : 2.0 * kv_heads * of(a.head_dim);
  const double attention = hidden + of(a.heads) / tensor * (of(a.head_dim) + value) + keys;
  double widest = std::max(attention, hidden + (gates + 1.0) * of(llm.mlp.inter) / tensor);
  if (llm.moe.experts > 0) {
    const double inter = of(llm.moe.inter) / tensor;
    const double routed = of(llm.moe.topk) * (std::max(gates * inter, hidden) + inter);
    widest = std::max(widest, 2.0 * hidden + routed);
  }
  const double layer = of(tokens) * b * (2.0 * hidden + widest);
  const double rows = of(std::min(job.config.max_num_seqs, tokens));
  const double logits = b, copy = 4.0, sorted = 4.0 + 8.0, sorting = 4.0 + 8.0;
  const double sampler = of(tokens) * b * hidden + rows * of(llm.vocab) * (logits + copy + sorted + sorting);
  return Bytes{std::max(layer, sampler)};
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
  const double graphs = of(static_cast<std::int64_t>(graph_sizes(job.config).size()));
  return Bytes{graphs * of(layers) * kGraphMiBPerLayer * kMiB};
}

Bytes stage_kv_bytes_per_token(const ServingJob& job, int stage) {
  const AttentionConfig& a = job.llm.attention;
  const double layers = of(stage_layers(job.llm, job.config.pipeline_parallel, stage).count);
  const double elements = a.kind == AttentionKind::latent
                              ? of(a.kv_lora_rank + a.rope_head_dim)
                              : 2.0 * of(local_kv_heads(job.llm, job.config.tensor_parallel)) * of(a.head_dim);
  return layers * elements * element_size(job.config.kv_cache_dtype);
}

KvPool size_kv_pool(const ServingJob& job) {
  const ServingConfig& config = job.config;
  KvPool pool;
  pool.capacity = job.cluster.gpu.memory;
  pool.budget = config.gpu_memory_utilization * pool.capacity;
  pool.activations = activations_of(job);
  pool.context = context_memory(job);
  pool.graphs = graph_memory(job);
  pool.block_size = config.block_size;
  pool.pinned = config.num_gpu_blocks > 0;
  for (int stage = 0; stage < config.pipeline_parallel; ++stage) {
    const Bytes weights = stage_weights(job, stage);
    const Bytes block = of(config.block_size) * stage_kv_bytes_per_token(job, stage);
    const Bytes left = pool.budget - weights - pool.activations - pool.context - pool.graphs;
    const std::int64_t blocks =
        left > Bytes{0.0} ? static_cast<std::int64_t>(std::min(kMostBlocks, std::floor(left / block))) : 0;
    if (stage > 0 && blocks > pool.blocks) continue;
    if (stage > 0 && blocks == pool.blocks && weights <= pool.weights) continue;
    pool.blocks = blocks;
    pool.weights = weights;
    pool.block_bytes = block;
  }
  if (pool.pinned) pool.blocks = config.num_gpu_blocks;
  pool.kv_cache = of(pool.blocks) * pool.block_bytes;
  return pool;
}

std::int64_t kv_pool_tokens(Bytes capacity, double utilisation, Bytes weights, Bytes workspace, Bytes per_token) {
  const double tokens = std::floor((utilisation * capacity - weights - workspace) / per_token);
  return tokens > 0.0 ? static_cast<std::int64_t>(std::min(kMostBlocks, tokens)) : 0;
}

}  // namespace orrery::models
