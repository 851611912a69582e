// Memory of a serving GPU: weights, activations, context, CUDA graphs, and the KV cache that takes the rest.
//
//   kv = min(utilisation·(HBM − reserved) − communicators, HBM − context − graphs) − weights − activations
// in whole blocks; context is what is reserved, and communicators.
// vLLM loads the weights, runs a step of max_num_batched_tokens to see the peak of activations, and gives the rest of
// its budget to the KV cache (vllm/v1/worker/gpu_worker.py, determine_available_memory). Graphs take what the
// utilisation leaves; where that is too little, they shorten the cache.
//   kv = fraction·(HBM − context − graphs − weights − peak activations)
// TensorRT-LLM takes a share of what is free once the weights are there (free_gpu_memory_fraction; docs of its KV cache
// manager).
#pragma once

#include "models/serving/serving.hpp"

namespace orrery::models {

/// Bytes of one GPU's weights at pipeline stage `stage`: linear layers in weight_dtype, embeddings, head, norms and
/// router in dtype; all over the tensor-parallel group except norms and router.
[[nodiscard]] Bytes stage_weights(const ServingJob& resolved, int stage);

/// What loading the stage's weights takes beside them: where kernels want weights in an order of their own (weights
/// that the GPU widens, and padded experts), the largest of them stands there twice (vllm
/// process_weights_after_loading).
[[nodiscard]] Bytes repacking(const ServingJob& resolved, int stage);

/// Peak of activations of one step of `tokens` tokens on one GPU. See kv_pool.cpp for the formula and its source.
[[nodiscard]] Bytes peak_activations(const ServingJob& resolved, std::int64_t tokens);

/// Batch sizes that vLLM captures CUDA graphs for: 1, 2, 4, multiples of 8 below 256, then of 16 up to
/// min(2·max_num_seqs, 512), none above max_num_batched_tokens; empty with enforce_eager.
/// Source: vllm/config/vllm.py, _set_cudagraph_sizes.
[[nodiscard]] std::vector<std::int64_t> graph_sizes(const ServingConfig& resolved);

/// Memory of the graphs that the job's engine captures.
[[nodiscard]] Bytes graph_memory(const ServingJob& resolved);

/// KV cache of one token on one GPU at `stage`: its layers that keep every token, its share of the KV heads (at least
/// one head), both in kv_cache_dtype; latent attention is not divided. Where no layer keeps every token: of a token in
/// the windows, and states alone are spread over max_model_len tokens.
[[nodiscard]] Bytes stage_kv_bytes_per_token(const ServingJob& resolved, int stage);
/// Some of the stage's layers keep every token.
[[nodiscard]] bool stage_keeps_tokens(const ServingJob& resolved, int stage);
/// What the stage's layers with windows and states keep of a sequence, in blocks of `block` bytes.
[[nodiscard]] std::vector<KvSide> stage_kv_sides(const ServingJob& resolved, int stage, Bytes block);

/// First layer and number of layers of a pipeline stage: an even split, the remainder to the stages before the last
/// (vllm/distributed/utils.py, get_pp_indices).
struct StageLayers {
  std::int64_t first = 0, count = 0;
};
[[nodiscard]] StageLayers stage_layers(const Llm& llm, int stages, int stage);

/// The pool by the formula of the job's engine.
[[nodiscard]] KvPool size_kv_pool(const ServingJob& resolved);

/// The second formula, by gpu_memory_utilization as the fraction.
[[nodiscard]] KvPool free_share_kv_pool(const ServingJob& resolved);

/// The first formula: the pool of the fullest stage, with the fewest blocks. A pinned num_gpu_blocks is taken as it is;
/// of a kv_cache_memory that is given, as much as the whole GPU leaves (vllm/v1/worker/gpu_worker.py).
/// blocks is 0 where the budget is used up before the cache.
[[nodiscard]] KvPool profiled_kv_pool(const ServingJob& resolved);

/// max(0, ⌊(utilisation·capacity − weights − workspace)/bytes per token⌋): the notes' closed form, in tokens.
[[nodiscard]] std::int64_t kv_pool_tokens(Bytes capacity, double utilisation, Bytes weights, Bytes workspace,
                                          Bytes per_token);

}  // namespace orrery::models
