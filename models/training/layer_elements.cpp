// Which elements a layer has, by architecture. Bytes per element follow the fused kernels of Megatron-LM
// (bias+GELU, bias+dropout+add, scale+mask+softmax); `compile = false` with an unfused framework adds nothing
// here, its extra launches are priced as host overhead.
#include <utility>

#include "models/training/layer.hpp"

namespace orrery::models {
namespace {

using kernels::MemoryOp;

class Builder {
 public:
  explicit Builder(const TrainingJob& job)
      : job_(job), llm_(job.llm), sizes_(job), size_(activation_size(job.config)) {}

  void norm(std::string_view label, std::int64_t tokens, std::int64_t width) {
    // Backward reads dY and X and writes dX; the gain's gradient is small.
    memory({label, MemoryOp::norm, tokens * width, size_, size_, 2 * size_, size_});
  }

  void residual_add(std::string_view label) {
    const bool dropout = job_.config.dropout > 0.0;
    const double mask = dropout ? 1.0 : 0.0;
    // Backward of the add is free; with dropout dY passes through the mask.
    memory({label, MemoryOp::dropout_add, sizes_.shard_tokens * llm_.hidden, 2 * size_, size_ + mask,
            dropout ? size_ + mask : 0.0, dropout ? size_ : 0.0});
  }

  void linear(std::string_view label, std::int64_t n, std::int64_t k) { linear(label, sizes_.tokens, n, k); }
  void linear(std::string_view label, std::int64_t m, std::int64_t n, std::int64_t k) {
    push(LinearElement{label, m, n, k});
  }

  void rotary(std::int64_t width) {
    memory({"rotary", MemoryOp::rotary, sizes_.tokens * width, size_, size_, size_, size_});
  }

  void activation(std::string_view label, std::int64_t tokens, std::int64_t inter, bool gated) {
    const double in = gated ? 2 * size_ : size_;
    memory({label, MemoryOp::activation, tokens * inter, in, size_, in + size_, in});
  }

  void memory(MemoryElement element) { push(element); }
  void enter() {
    if (sizes_.tensor > 1) push(EnterElement{});
  }
  void leave() {
    if (sizes_.tensor > 1) push(LeaveElement{});
  }

  void core_attention(std::int64_t heads, std::int64_t kv_heads, std::int64_t head_dim, std::int64_t v_head_dim) {
    core_ = true;
    if (job_.config.attention == AttentionImplementation::flash) {
      kernels::AttentionPrefillShape shape;
      shape.dtype = shape.kv_dtype = attention_dtype(job_.config);
      shape.batch = sizes_.batch;
      shape.q_len = shape.kv_len = sizes_.sequence;
      shape.q_heads = heads;
      shape.kv_heads = kv_heads;
      shape.head_dim = head_dim;
      shape.v_head_dim = v_head_dim == head_dim ? 0 : v_head_dim;
      shape.window = llm_.attention.window;
      shape.implementation = kernels::Implementation::cudnn;  // trainers call FlashAttention or cuDNN
      push(AttentionElement{shape});
    } else {
      unfused_attention(heads, head_dim, v_head_dim);
    }
    core_ = false;
  }

  void experts() {
    const MoeConfig& moe = llm_.moe;
    kernels::MoeShape shape;
    shape.dtype = job_.config.precision == Dtype::fp16 ? Dtype::bf16 : job_.config.precision;
    shape.tokens = sizes_.tokens;
    shape.hidden = llm_.hidden;
    shape.inter = moe.inter;
    shape.topk = moe.topk;
    shape.experts = moe.experts;
    shape.tensor_parallel = sizes_.tensor;
    linear("router", moe.experts, llm_.hidden);
    memory({"top-k", MemoryOp::router, sizes_.tokens * moe.experts, 4.0, 4.0, 8.0, 4.0});
    push(ExpertsElement{shape});
  }

  const LayerSizes& sizes() const { return sizes_; }
  double size() const { return size_; }
  std::vector<LayerElement> take() { return std::move(elements_); }

 private:
  // Scores, softmax and dropout each pass through memory: Korthikanti et al. 2022 Fig. 3.
  void unfused_attention(std::int64_t heads, std::int64_t head_dim, std::int64_t v_head_dim) {
    const std::int64_t s = sizes_.sequence;
    const std::int64_t batch = sizes_.batch * heads;
    const std::int64_t scores = batch * s * s;
    push(MatmulElement{"attention scores", batch, s, s, head_dim});
    memory({"softmax", MemoryOp::softmax, scores, size_, size_, 2 * size_, size_});
    if (job_.config.dropout > 0.0) {
      memory({"attention dropout", MemoryOp::softmax, scores, size_, size_ + 1.0, size_ + 1.0, size_});
    }
    push(MatmulElement{"attention values", batch, s, v_head_dim, s});
  }

  template <class Block>
  void push(Block block) {
    LayerElement element;
    element.block = std::move(block);
    element.core_attention = core_;
    elements_.push_back(std::move(element));
  }

  const TrainingJob& job_;
  const Llm& llm_;
  LayerSizes sizes_;
  double size_;  ///< bytes of an activation
  std::vector<LayerElement> elements_;
  bool core_ = false;
};

void add_multi_head(Builder& b, const TrainingJob& job) {
  const AttentionConfig& a = job.llm.attention;
  const std::int64_t t = b.sizes().tensor;
  const std::int64_t heads = a.heads / t;
  const std::int64_t kv_heads = a.kv_heads >= t ? a.kv_heads / t : 1;  // replicated when TP exceeds KV heads
  b.linear("qkv", (heads + 2 * kv_heads) * a.head_dim, job.llm.hidden);
  if (a.qk_norm) b.norm("qk norm", b.sizes().tokens, (heads + kv_heads) * a.head_dim);
  if (job.llm.position == PositionKind::rotary) b.rotary((heads + kv_heads) * a.head_dim);
  b.core_attention(heads, kv_heads, a.head_dim, a.head_dim);
  b.linear("attention out", job.llm.hidden, heads * a.head_dim);
}

void add_latent(Builder& b, const TrainingJob& job) {
  const AttentionConfig& a = job.llm.attention;
  const std::int64_t heads = a.heads / b.sizes().tensor;
  const std::int64_t qk_dim = a.nope_head_dim + a.rope_head_dim;
  if (a.q_lora_rank > 0) {
    b.linear("q down", a.q_lora_rank, job.llm.hidden);
    b.norm("q norm", b.sizes().tokens, a.q_lora_rank);
    b.linear("q up", heads * qk_dim, a.q_lora_rank);
  } else {
    b.linear("q", heads * qk_dim, job.llm.hidden);
  }
  b.linear("kv down", a.kv_lora_rank + a.rope_head_dim, job.llm.hidden);
  b.norm("kv norm", b.sizes().tokens, a.kv_lora_rank);
  b.linear("kv up", heads * (a.nope_head_dim + a.v_head_dim), a.kv_lora_rank);
  b.rotary((heads + 1) * a.rope_head_dim);
  b.core_attention(heads, heads, qk_dim, a.v_head_dim);
  b.linear("attention out", job.llm.hidden, heads * a.v_head_dim);
}

void add_mlp(Builder& b, const TrainingJob& job, std::int64_t inter, std::string_view up, std::string_view down) {
  const std::int64_t local = inter / b.sizes().tensor;
  b.linear(up, job.llm.mlp.gated ? 2 * local : local, job.llm.hidden);
  b.activation("activation", b.sizes().tokens, local, job.llm.mlp.gated);
  b.linear(down, job.llm.hidden, local);
}

}  // namespace

double activation_size(const TrainingConfig& config) {
  return config.precision == Dtype::fp32 || config.precision == Dtype::tf32 ? 4.0 : 2.0;
}

Dtype attention_dtype(const TrainingConfig& config) {
  const bool low =
      config.precision == Dtype::fp8 || config.precision == Dtype::fp8_block || config.precision == Dtype::nvfp4;
  return low ? Dtype::bf16 : config.precision;
}

LayerSizes::LayerSizes(const TrainingJob& job)
    : batch(job.config.micro_batch_size),
      sequence(job.config.sequence_length),
      tokens(batch * sequence),
      shard_tokens(job.config.sequence_parallel ? tokens / job.config.tensor_parallel : tokens),
      tensor(job.config.tensor_parallel),
      boundary(activation_size(job.config) * static_cast<double>(tokens) * static_cast<double>(job.llm.hidden)) {}

std::vector<LayerElement> layer_elements(const TrainingJob& job, std::int64_t layer) {
  Builder b(job);
  b.norm("attention norm", b.sizes().shard_tokens, job.llm.hidden);
  b.enter();
  if (job.llm.attention.kind == AttentionKind::latent) {
    add_latent(b, job);
  } else {
    add_multi_head(b, job);
  }
  b.leave();
  b.residual_add("attention residual");
  b.norm("mlp norm", b.sizes().shard_tokens, job.llm.hidden);
  b.enter();
  if (job.llm.is_moe_layer(layer)) {
    b.experts();
    if (job.llm.moe.shared_experts > 0) {
      add_mlp(b, job, job.llm.moe.shared_experts * job.llm.moe.shared_inter, "shared up", "shared down");
    }
  } else {
    add_mlp(b, job, job.llm.mlp.inter, "mlp up", "mlp down");
  }
  b.leave();
  b.residual_add("mlp residual");
  return b.take();
}

std::vector<LayerElement> embedding_elements(const TrainingJob& job) {
  Builder b(job);
  const std::int64_t elements = b.sizes().tokens * job.llm.hidden;
  // Backward scatters fp32 or 16-bit rows: read the gradient and the row, write the row.
  b.memory({"embedding", MemoryOp::embedding, elements, b.size(), b.size(), 2 * b.size(), b.size()});
  b.leave();  // each rank holds a slice of the vocabulary
  if (job.llm.position == PositionKind::learned || job.config.dropout > 0.0) b.residual_add("position embedding");
  return b.take();
}

std::vector<LayerElement> head_elements(const TrainingJob& job) {
  Builder b(job);
  const std::int64_t vocab = job.llm.vocab / b.sizes().tensor;
  if (job.llm.final_norm) b.norm("final norm", b.sizes().shard_tokens, job.llm.hidden);
  b.enter();
  b.linear("logits", vocab, job.llm.hidden);
  if (job.config.fused_cross_entropy) {
    // Read for the sum, read for the gradient, write it: llm.c llmc/fused_classifier.cuh.
    b.memory({"cross entropy", MemoryOp::cross_entropy, b.sizes().tokens * vocab, 2 * b.size(), b.size(), 0.0, 0.0});
  } else {
    // fp32 cast, maximum, subtraction, exponent with sum, division: Megatron-LM core/tensor_parallel/cross_entropy.py.
    b.memory({"cross entropy", MemoryOp::cross_entropy, b.sizes().tokens * vocab, 14.0, 12.0, 4.0, 6.0});
  }
  return b.take();
}

}  // namespace orrery::models
