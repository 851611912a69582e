// A layer as an inference engine runs it, on one tensor-parallel rank, for one iteration.
//
// The list follows vLLM's model code, where it differs from a trainer's on purpose:
//   - the residual add is part of the norm that follows it;
//   - projections of one input are one GEMM, norms side by side one kernel (LayerElement::fused);
//   - shared experts run before the routed ones, and their output is added by a kernel of its own;
//   - where the ranks' shares are uneven (the vocabulary), the largest counts; a trainer's count is rounded down;
//   - linear layers compute in the weights' precision, those that stay plain in the activations', those that the
//     checkpoint has in a second format in that;
//   - element-wise kernels find what the kernel before left in L2: their shapes hold the bytes of HBM time that is
//   left;
//   - latent attention: prompts expand the latent to keys and values of every head, decodes absorb the projection into
//     queries and outputs instead (vllm/v1/attention/backends/mla/common.py; DeepSeek-V2, arXiv:2405.04434 §2.1).
// Quantising activations is part of a quantised GEMM's measured time.
//
// Limitations: biases are not priced (they are epilogues). What is made of the logits is the engine's business.
#pragma once

#include <cstdint>
#include <vector>

#include "hardware/dtype.hpp"
#include "hardware/gpu.hpp"
#include "kernels/kernel.hpp"
#include "models/layer/layer.hpp"
#include "models/layer/ops.hpp"

namespace orrery::models {

/// How an engine reads a layer. `gpu` must outlive it.
struct ServingReading {
  const hardware::Gpu* gpu = nullptr;  ///< whose L2 activations pass through
  std::int64_t tensor = 1;
  Dtype dtype = Dtype::bf16;  ///< of activations, and of weights that are not quantised
  Dtype weight_dtype = Dtype::bf16;
  bool as_stored = false;  ///< weights are the checkpoint's: what it stores otherwise is read so
  Dtype kv_dtype = Dtype::bf16;
  kernels::Implementation kernels = kernels::Implementation::automatic;
};

/// The layer's elements as the engine runs them.
struct ServedLayer {
  std::vector<LayerElement> before, after;  ///< its core attention
  /// The core attention, and before it what expands its latent or chooses its keys; a recurrence; may be empty.
  std::vector<LayerElement> attention;
};
[[nodiscard]] ServedLayer served(const std::vector<LayerElement>& elements);

/// What runs on `rows` tokens, whether of prompts or decodes. REQUIRES no attention among the elements.
[[nodiscard]] std::vector<LayerOp> serving_ops(const ServingReading& reading, const std::vector<LayerElement>& elements,
                                               std::int64_t rows);

// Of ServedLayer::attention (serving_attention.cpp). The core attention's kernel is the last.

/// `batch` equal prompts, whose last q_len of kv_len tokens are new.
[[nodiscard]] std::vector<LayerOp> prefill_ops(const ServingReading& reading,
                                               const std::vector<LayerElement>& attention, std::int64_t batch,
                                               std::int64_t q_len, std::int64_t kv_len);
/// One new token of each sequence over kv_tokens in all.
[[nodiscard]] std::vector<LayerOp> decode_ops(const ServingReading& reading, const std::vector<LayerElement>& attention,
                                              std::int64_t sequences, std::int64_t kv_tokens);
/// Latent attention's products with the absorbed projection, of queries and of outputs; empty for other attention.
[[nodiscard]] std::vector<LayerOp> absorbed_ops(const ServingReading& reading,
                                                const std::vector<LayerElement>& attention, std::int64_t rows);

/// A pass over `elements` values that the kernel before has just written, of each of which so many bytes are read and
/// written.
[[nodiscard]] kernels::MemoryShape warm_pass(kernels::MemoryOp op, std::int64_t elements, Bytes read, Bytes written);

/// Elements of the projection from the latent on one rank, which the engine keeps a second time, split for absorption,
/// in the activations' precision (process_weights_after_loading in the file above; from memory).
[[nodiscard]] std::int64_t absorbed_parameters(const std::vector<LayerElement>& elements, std::int64_t tensor);

}  // namespace orrery::models
