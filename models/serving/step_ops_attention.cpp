// Attention of one layer: of decodes alone, of decodes beside prompts, of prompts, and latent attention's products.
//
// Latent attention: prompts expand the latent to keys and values of every head, decodes absorb the projection into
// queries and outputs instead (vllm/v1/attention/backends/mla/common.py; DeepSeek-V2, arXiv:2405.04434 §2.1).
#include <algorithm>

#include "kernels/attention/kernel_class.hpp"
#include "models/serving/step_ops_builder.hpp"

namespace orrery::models {
namespace {

// FlashAttention-2 runs a batch with prompts in it as one kernel of variable lengths, which neither packs the query
// heads of a KV head into a tile nor splits the keys, so that decodes cost about twice what they cost alone. A prompt
// of two tokens is the shortest that the prefill model prices so. Median error on mixed batches of vLLM 0.19: 13 % of
// 11,233 with Llama-3.1-8B and 12 % of as many with Qwen3-32B, TP 2, on an RTX PRO 6000, 17 % of 5,036 with
// Llama-3.1-8B on an RTX 4090 (LLMServingSim @5daddb2, attention); with the decode kernel 29 to 46 %.
constexpr std::int64_t kUnpackedQueries = 2;

}  // namespace

std::vector<StepOp> StepOps::absorbed(std::int64_t rows) const {
  const AttentionConfig& a = job_->llm.attention;
  if (a.kind != AttentionKind::latent || rows == 0) return {};
  const std::int64_t heads = rank_share(a.heads, job_->config.tensor_parallel);
  Builder b(*job_, group_nodes(), GraphMode::none);
  b.part(StepPart::attention);
  b.gemm("absorb query", job_->config.dtype, rows, a.kv_lora_rank, a.nope_head_dim, heads);
  b.gemm("absorb value", job_->config.dtype, rows, a.v_head_dim, a.kv_lora_rank, heads);
  return b.take();
}

std::vector<StepOp> StepOps::decode_attention(std::int64_t sequences, std::int64_t kv_tokens) const {
  if (sequences == 0) return {};
  const AttentionConfig& a = job_->llm.attention;
  const int tensor = job_->config.tensor_parallel;
  kernels::AttentionDecodeShape shape;
  shape.dtype = job_->config.dtype;
  shape.kv_dtype = job_->config.kv_cache_dtype;
  shape.batch = sequences;
  shape.kv_tokens = std::max(sequences, kv_tokens);
  shape.q_heads = rank_share(a.heads, tensor);
  if (a.kind == AttentionKind::latent) {
    shape.kv_heads = 1;
    shape.head_dim = shape.latent_dim = a.kv_lora_rank + a.rope_head_dim;
  } else {
    shape.kv_heads = rank_share(a.kv_heads, tensor);
    shape.head_dim = a.head_dim;
    shape.window = a.window;
  }
  shape.implementation = job_->config.kernels;
  Builder b(*job_, group_nodes(), GraphMode::none);
  b.part(StepPart::attention);
  b.launch("attention decode", shape);
  return b.take();
}

bool StepOps::decodes_join_prompts() const {
  const AttentionConfig& a = job_->llm.attention;
  const kernels::Implementation engine = job_->config.kernels;
  return engine == kernels::Implementation::vllm && a.kind == AttentionKind::multi_head && a.heads > a.kv_heads &&
         kernels::attention_class(engine, job_->cluster.gpu) == kernels::AttentionClass::flash2;
}

std::vector<StepOp> StepOps::mixed_decode_attention(std::int64_t sequences, std::int64_t kv_tokens) const {
  if (!decodes_join_prompts() || sequences == 0) return decode_attention(sequences, kv_tokens);
  const AttentionConfig& a = job_->llm.attention;
  const int tensor = job_->config.tensor_parallel;
  kernels::AttentionPrefillShape shape;
  shape.dtype = job_->config.dtype;
  shape.kv_dtype = job_->config.kv_cache_dtype;
  shape.batch = sequences;
  shape.q_len = kUnpackedQueries;
  shape.kv_len = std::max(shape.q_len, (kv_tokens + sequences / 2) / sequences);
  shape.q_heads = rank_share(a.heads, tensor);
  shape.kv_heads = rank_share(a.kv_heads, tensor);
  shape.head_dim = a.head_dim;
  shape.window = a.window;
  shape.implementation = job_->config.kernels;
  Builder b(*job_, group_nodes(), GraphMode::none);
  b.part(StepPart::attention);
  b.launch("attention decode", shape);
  return b.take();
}

std::vector<StepOp> StepOps::prefill_attention(const StepShape& step) const {
  if (step.prefill_sequences == 0 || step.prefill_tokens == 0) return {};
  const AttentionConfig& a = job_->llm.attention;
  const int tensor = job_->config.tensor_parallel;
  kernels::AttentionPrefillShape shape;
  shape.dtype = job_->config.dtype;
  shape.kv_dtype = job_->config.kv_cache_dtype;
  shape.batch = std::min(step.prefill_sequences, step.prefill_tokens);
  shape.q_len = (step.prefill_tokens + shape.batch - 1) / shape.batch;
  // batch · q · (2·kv − q) = Σ q·(2·kv − q)
  const double q = static_cast<double>(shape.q_len);
  const double kv = 0.5 * (step.prefill_pairs / (static_cast<double>(shape.batch) * q) + q);
  shape.kv_len = std::max(shape.q_len, static_cast<std::int64_t>(kv + 0.5));
  shape.q_heads = rank_share(a.heads, tensor);
  shape.kv_heads = a.kind == AttentionKind::latent ? shape.q_heads : rank_share(a.kv_heads, tensor);
  shape.head_dim = a.kind == AttentionKind::latent ? a.nope_head_dim + a.rope_head_dim : a.head_dim;
  if (a.kind == AttentionKind::latent && a.v_head_dim != shape.head_dim) shape.v_head_dim = a.v_head_dim;
  shape.window = a.window;
  shape.implementation = job_->config.kernels;
  Builder b(*job_, group_nodes(), GraphMode::none);
  b.part(StepPart::attention);
  if (a.kind == AttentionKind::latent) {
    b.linear("expand latent", shape.batch * shape.kv_len, shape.q_heads * (a.nope_head_dim + a.v_head_dim),
             a.kv_lora_rank);
  }
  b.launch("attention prefill", shape);
  return b.take();
}

}  // namespace orrery::models
