#include "models/training/memory.hpp"

#include "models/training/layer.hpp"
#include "models/training/parallel.hpp"

namespace orrery::models {
namespace {

double to_double(std::int64_t n) { return static_cast<double>(n); }

// Terms that live outside the tensor-parallel region: divided by t only with sequence parallelism.
double boundary_bytes(const TrainingJob& job, const LayerSizes& sizes) {
  const double size = activation_size(job.config);
  const double tensor = to_double(sizes.tokens) * to_double(job.llm.hidden);
  const double shard = job.config.sequence_parallel ? to_double(sizes.tensor) : 1.0;
  const double masks = job.config.dropout > 0.0 ? 2.0 * tensor : 0.0;
  return (2 * size * tensor + 2 * size * tensor + masks) / shard;
}

double attention_bytes(const TrainingJob& job, const LayerSizes& sizes) {
  const double size = activation_size(job.config);
  const AttentionConfig& a = job.llm.attention;
  const double t = to_double(sizes.tensor);
  const double tokens = to_double(sizes.tokens);
  const bool latent = a.kind == AttentionKind::latent;
  const double qk_dim = to_double(latent ? a.nope_head_dim + a.rope_head_dim : a.head_dim);
  const double v_dim = to_double(latent ? a.v_head_dim : a.head_dim);
  const double heads = to_double(a.heads);
  const double kv_heads = latent ? heads : to_double(a.kv_heads);
  double bytes = size * tokens * (heads * qk_dim + kv_heads * qk_dim + kv_heads * v_dim + heads * v_dim) / t;
  if (latent) bytes += size * tokens * to_double(a.q_lora_rank + a.kv_lora_rank + a.rope_head_dim);
  return bytes;
}

// What an unfused core attention keeps of its scores, and what a fused kernel keeps instead.
double score_bytes(const TrainingJob& job, const LayerSizes& sizes) {
  const double t = to_double(sizes.tensor);
  const double heads = to_double(job.llm.attention.heads);
  if (job.config.attention == AttentionImplementation::flash) return 4.0 * to_double(sizes.tokens) * heads / t;
  const double size = activation_size(job.config);
  const double per_score = job.config.dropout > 0.0 ? size + 1.0 + size : size;
  return per_score * heads * to_double(sizes.tokens) * to_double(sizes.sequence) / t;
}

// Selective recomputation drops the scores; a fused kernel never stores them.
bool drops_scores(const TrainingJob& job) {
  return job.config.recompute == Recompute::selective && job.config.attention == AttentionImplementation::unfused;
}

double mlp_bytes(const TrainingJob& job, const LayerSizes& sizes, std::int64_t layer) {
  const double size = activation_size(job.config);
  const double t = to_double(sizes.tensor);
  const double up = job.llm.mlp.gated ? 2.0 : 1.0;
  const auto hidden_rows = [&](double tokens, std::int64_t inter) {
    return size * tokens * (up + 1.0) * to_double(inter) / t;
  };
  const double tokens = to_double(sizes.tokens);
  if (!job.llm.is_moe_layer(layer)) return hidden_rows(tokens, job.llm.mlp.inter);
  const MoeConfig& moe = job.llm.moe;
  const double routed = tokens * to_double(moe.topk);
  return hidden_rows(routed, moe.inter) + size * routed * to_double(job.llm.hidden) +
         hidden_rows(tokens * to_double(moe.shared_experts), moe.shared_inter);
}

}  // namespace

ModelStateBytes model_states(const TrainingConfig& config, std::int64_t parameters, int data_parallel) {
  const double n = to_double(parameters);
  const bool full_precision = config.precision == Dtype::fp32 || config.precision == Dtype::tf32;
  const double moments = 8.0;
  const double master = config.master_weights && !full_precision ? 4.0 : 0.0;
  ModelStateBytes bytes;
  bytes.weights = Bytes{n * activation_size(config)};
  bytes.gradients = Bytes{n * element_size(config.gradient_dtype).value()};
  bytes.optimizer = Bytes{n * (moments + master)};
  if (config.zero == ZeroStage::optimizer) bytes.optimizer *= 1.0 / data_parallel;
  return bytes;
}

Bytes layer_activations(const TrainingJob& job, std::int64_t layer, bool recomputed) {
  const LayerSizes sizes(job);
  if (recomputed) {  // only the layer's input
    return job.config.sequence_parallel ? sizes.boundary / to_double(sizes.tensor) : sizes.boundary;
  }
  const double scores = drops_scores(job) ? 0.0 : score_bytes(job, sizes);
  return Bytes{boundary_bytes(job, sizes) + attention_bytes(job, sizes) + scores + mlp_bytes(job, sizes, layer)};
}

Bytes recomputed_activations(const TrainingJob& job, std::int64_t layer, bool recomputed) {
  const LayerSizes sizes(job);
  const double scores = score_bytes(job, sizes);
  if (!recomputed) return Bytes{drops_scores(job) ? scores : 0.0};
  return Bytes{boundary_bytes(job, sizes) + attention_bytes(job, sizes) + scores + mlp_bytes(job, sizes, layer)};
}

Bytes embedding_activations(const TrainingJob& job) {
  const LayerSizes sizes(job);
  return Bytes{job.config.dropout > 0.0 ? to_double(sizes.shard_tokens) * to_double(job.llm.hidden) : 0.0};
}

Bytes head_activations(const TrainingJob& job) {
  const LayerSizes sizes(job);
  const double hidden = to_double(sizes.shard_tokens) * to_double(job.llm.hidden);
  const double logits = to_double(sizes.tokens) * to_double(job.llm.vocab) / to_double(sizes.tensor);
  const double size = activation_size(job.config);
  return Bytes{2 * size * hidden + (job.config.fused_cross_entropy ? size : 4.0) * logits};
}

Bytes workspace(const TrainingJob& job) {
  // cuBLAS asks for 32 MiB on Hopper and 4 MiB before (NVIDIA, cuBLAS documentation, cublasSetWorkspace); NCCL
  // keeps about 4 + 4.7 MiB of buffers per channel and peer pair, 24 channels (nccl src/init.cc, 2.28.9).
  const double cublas = 32.0 * 1048576.0;
  const double per_communicator = 24.0 * 2.0 * 8.7 * 1048576.0;
  const Mesh mesh = make_mesh(job);
  const double communicators = (mesh.tensor() > 1) + (mesh.data() > 1) + (mesh.pipeline() > 1);
  return Bytes{cublas + communicators * per_communicator};
}

}  // namespace orrery::models
