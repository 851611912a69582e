// Attention of one layer: of decodes, of prompts, and latent attention's products.
//
// Latent attention: prompts expand the latent to keys and values of every head, decodes absorb the projection into
// queries and outputs instead (vllm/v1/attention/backends/mla/common.py; DeepSeek-V2, arXiv:2405.04434 §2.1).
#include <algorithm>

#include "models/serving/step_ops_builder.hpp"

namespace orrery::models {

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
