// Sources: vLLM, vllm/model_executor/models/{llama,qwen3_moe,deepseek_v2}.py and layers/ for the kernels of a layer,
// v1/attention/backends/mla/common.py for latent attention (prompts expand the latent, decodes absorb the projection),
// v1/sample/sampler.py for sampling, v1/worker/gpu_worker.py for the message between stages (hidden states and
// residual, a slice per rank, gathered on arrival), config/compilation.py for the graph modes. From memory.
#include <algorithm>

#include "models/serving/kv_pool.hpp"
#include "models/serving/step_ops_builder.hpp"

namespace orrery::models {
namespace {

using kernels::MemoryOp;

constexpr double kLogit = 4.0;  // samplers work in fp32 (vllm/v1/sample/sampler.py)

// Small kernels around greedy sampling: gather of the last rows, index and token-id bookkeeping. Estimate: vLLM 0.19
// takes 26 us to sample 3 sequences of Llama-3.1-8B on an RTX PRO 6000 (LLMServingSim @5daddb2, per_sequence).
constexpr std::int64_t kSamplerKernels = 10;

}  // namespace

StepOps::StepOps(const ServingJob& job) : job_(&job) {
  const std::vector<std::int64_t> sizes = graph_sizes(job.config);
  for (const std::int64_t size : sizes) padded_.resize(static_cast<std::size_t>(size) + 1, size);
}

std::int64_t StepOps::layers(int stage) const { return stage_layers(job_->llm, stages(), stage).count; }

std::int64_t StepOps::padded(std::int64_t tokens) const {
  const std::size_t index = static_cast<std::size_t>(tokens);
  return index < padded_.size() ? padded_[index] : tokens;
}

GraphMode StepOps::mode(std::int64_t tokens, bool decode_only) const {
  if (static_cast<std::size_t>(tokens) >= padded_.size()) return GraphMode::none;
  return decode_only ? GraphMode::full : GraphMode::piecewise;
}

int StepOps::group_nodes() const {
  const int per_node = std::max(1, job_->cluster.gpus_per_node());
  return std::min(job_->config.tensor_parallel, (job_->config.tensor_parallel + per_node - 1) / per_node);
}

bool StepOps::next_on_same_node(int stage) const {
  const int tensor = job_->config.tensor_parallel, per_node = std::max(1, job_->cluster.gpus_per_node());
  return stage * tensor / per_node == (stage + 1) * tensor / per_node;
}

Bytes StepOps::message(std::int64_t rows, int stage) const {
  if (stage + 1 >= stages()) return Bytes{0.0};
  const double values = 2.0 * static_cast<double>(rows) * static_cast<double>(job_->llm.hidden);
  return values / job_->config.tensor_parallel * element_size(job_->config.dtype);
}

void StepOps::front(Builder& b, std::int64_t rows, int stage) const {
  const Llm& llm = job_->llm;
  if (stage > 0) {
    b.count(2);
    b.all_gather("gather stage input", rows, llm.hidden);
    b.count(1);
    return;
  }
  const std::int64_t width = llm.embedding_dim > 0 ? llm.embedding_dim : llm.hidden;
  b.memory("embedding", MemoryOp::embedding, rows * width, b.width(), b.width());
  b.all_reduce("embedding all_reduce", rows);
  if (width != llm.hidden) b.gemm("embedding projection", job_->config.dtype, rows, llm.hidden, width);
  if (llm.position == PositionKind::learned) {
    b.memory("position embedding", MemoryOp::elementwise, rows * llm.hidden, 2.0 * b.width(), b.width());
  }
}

void StepOps::before_attention(Builder& b, std::int64_t rows) const {
  const Llm& llm = job_->llm;
  const AttentionConfig& a = llm.attention;
  const std::int64_t heads = rank_share(a.heads, job_->config.tensor_parallel);
  b.norm("attention norm", rows * llm.hidden, true);
  if (a.kind == AttentionKind::latent) {
    const std::int64_t latent = a.kv_lora_rank + a.rope_head_dim, query = a.nope_head_dim + a.rope_head_dim;
    if (a.q_lora_rank > 0) {
      b.linear("q and kv down", rows, a.q_lora_rank + latent, llm.hidden);
      b.norm("latent norms", rows * (a.q_lora_rank + a.kv_lora_rank), false);
      b.linear("q up", rows, heads * query, a.q_lora_rank);
    } else {
      b.linear("q", rows, heads * query, llm.hidden);
      b.linear("kv down", rows, latent, llm.hidden);
      b.norm("latent norms", rows * a.kv_lora_rank, false);
    }
    b.memory("rotary", MemoryOp::rotary, rows * (heads + 1) * a.rope_head_dim, b.width(), b.width());
    return;
  }
  const std::int64_t kv_heads = rank_share(a.kv_heads, job_->config.tensor_parallel);
  b.linear("qkv", rows, (heads + 2 * kv_heads) * a.head_dim, llm.hidden);
  const std::int64_t rotated = rows * (heads + kv_heads) * a.head_dim;
  if (a.qk_norm) b.norm("qk norm", rotated, false);
  if (llm.position == PositionKind::rotary) b.memory("rotary", MemoryOp::rotary, rotated, b.width(), b.width());
}

void StepOps::mlp(Builder& b, std::int64_t rows, std::int64_t inter, bool shared) const {
  const std::int64_t local = rank_share(inter, job_->config.tensor_parallel), hidden = job_->llm.hidden;
  const bool gated = job_->llm.mlp.gated;
  b.linear(shared ? "shared gate_up" : gated ? "gate_up" : "mlp up", rows, gated ? 2 * local : local, hidden);
  b.memory(shared ? "shared activation" : "activation", MemoryOp::activation, rows * local,
           (gated ? 2.0 : 1.0) * b.width(), b.width());
  b.linear(shared ? "shared down" : gated ? "down" : "mlp down", rows, hidden, local);
}

void StepOps::experts(Builder& b, std::int64_t rows) const {
  const MoeConfig& moe = job_->llm.moe;
  if (moe.shared_experts > 0) mlp(b, rows, moe.shared_experts * moe.shared_inter, true);
  b.gemm("router", job_->config.dtype, rows, moe.experts, job_->llm.hidden);
  b.memory("top-k", MemoryOp::router, rows * moe.experts, b.width(), 0.0);
  kernels::MoeShape shape;
  const Dtype weights = job_->config.weight_dtype;
  shape.dtype = weights == Dtype::fp16 ? Dtype::bf16 : weights;
  shape.tokens = rows;
  shape.hidden = job_->llm.hidden;
  shape.inter = moe.inter;
  shape.topk = moe.topk;
  shape.experts = moe.experts;
  shape.tensor_parallel = job_->config.tensor_parallel;
  shape.gated = job_->llm.mlp.gated;
  shape.implementation = job_->config.kernels;
  b.launch("experts", shape);
  if (moe.shared_experts > 0) {
    const double elements = 2.0 * b.width();
    b.memory("add shared experts", MemoryOp::elementwise, rows * job_->llm.hidden, elements, b.width());
  }
}

void StepOps::after_attention(Builder& b, std::int64_t rows, bool moe) const {
  const AttentionConfig& a = job_->llm.attention;
  const std::int64_t heads = rank_share(a.heads, job_->config.tensor_parallel);
  const std::int64_t value = a.kind == AttentionKind::latent ? a.v_head_dim : a.head_dim;
  b.linear("attention out", rows, job_->llm.hidden, heads * value);
  b.all_reduce("attention all_reduce", rows);
  b.norm("mlp norm", rows * job_->llm.hidden, true);
  if (moe) {
    experts(b, rows);
  } else {
    mlp(b, rows, job_->llm.mlp.inter, false);
  }
  b.all_reduce("mlp all_reduce", rows);
}

void StepOps::layers_of(Builder& b, std::int64_t rows, int stage, const std::vector<StepOp>& attention) const {
  const StageLayers own = stage_layers(job_->llm, stages(), stage);
  std::int64_t moe = 0;
  for (std::int64_t i = own.first; i < own.first + own.count; ++i) moe += job_->llm.is_moe_layer(i) ? 1 : 0;
  for (const bool sparse : {false, true}) {
    const std::int64_t count = sparse ? moe : own.count - moe;
    if (count == 0) continue;
    b.count(count);
    before_attention(b, rows);
    b.append(attention);
    after_attention(b, rows, sparse);
  }
  b.count(1);
  const bool last = stage + 1 == stages();
  if (last && job_->llm.final_norm) b.norm("final norm", rows * job_->llm.hidden, true);
}

std::vector<StepOp> StepOps::body(std::int64_t rows, GraphMode mode, int stage) const {
  Builder b(*job_, group_nodes(), mode);
  front(b, rows, stage);
  layers_of(b, rows, stage, {});
  return b.take();
}

std::vector<StepOp> StepOps::head(std::int64_t sampled, int stage) const {
  if (sampled == 0 || stage + 1 != stages()) return {};
  const Llm& llm = job_->llm;
  const int tensor = job_->config.tensor_parallel;
  const std::int64_t vocab = (llm.vocab + tensor - 1) / tensor;
  const std::int64_t width = llm.embedding_dim > 0 ? llm.embedding_dim : llm.hidden;
  Builder b(*job_, group_nodes(), GraphMode::none);
  b.part(StepPart::head);
  if (width != llm.hidden) b.gemm("head projection", job_->config.dtype, sampled, width, llm.hidden);
  b.gemm("lm_head", job_->config.dtype, sampled, vocab, width);
  b.all_gather("logits all_gather", sampled, llm.vocab);
  b.memory("logits cast", MemoryOp::elementwise, sampled * llm.vocab, b.width(), kLogit);
  b.memory("argmax", MemoryOp::softmax, sampled * llm.vocab, kLogit, 0.0);
  b.count(kSamplerKernels);
  b.memory("sampler", MemoryOp::elementwise, sampled, kLogit, kLogit);
  return b.take();
}

std::vector<StepOp> StepOps::all(const StepShape& shape, int stage) const {
  const std::int64_t rows = padded(shape.tokens());
  const GraphMode how = mode(shape.tokens(), shape.decode_only());
  std::vector<StepOp> attention = prefill_attention(shape);
  if (shape.decode_sequences > 0) {
    const std::vector<StepOp> products = absorbed(shape.decode_only() ? rows : shape.decode_sequences);
    std::vector<StepOp> decode = decode_attention(shape.decode_sequences, shape.decode_kv_tokens);
    if (!attention.empty()) decode.front().beside = std::get<kernels::AttentionPrefillShape>(attention.back().kernel);
    if (!products.empty()) attention.push_back(products.front());
    attention.insert(attention.end(), decode.begin(), decode.end());
    if (!products.empty()) attention.push_back(products.back());
  }
  Builder b(*job_, group_nodes(), how);
  front(b, rows, stage);
  layers_of(b, rows, stage, attention);
  b.append(head(shape.sampled, stage));
  return b.take();
}

}  // namespace orrery::models
