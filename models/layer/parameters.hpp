// Parameters and KV cache of a model and of a tensor-parallel rank, summed over the elements of its layers.
//
// A linear layer [out, in] holds out·in weights and a bias `out` more. Sources: Hugging Face transformers modeling_*.py
// for the tensors. Limitations: multi-token prediction modules are not part of the model; of towers for images and
// sound only the total is known.
#pragma once

#include <cstdint>
#include <vector>

#include "hardware/dtype.hpp"
#include "hardware/units.hpp"
#include "models/layer/layer.hpp"
#include "models/llm.hpp"

namespace orrery::models {

/// Parameters of one decoder layer, by block. Counts, not bytes.
struct LayerParameters {
  std::int64_t attention = 0;  ///< projections and their biases, norms inside attention
  std::int64_t mlp = 0;        ///< dense MLP, or shared experts
  std::int64_t router = 0;
  std::int64_t experts = 0;  ///< all routed experts
  std::int64_t norms = 0;

  [[nodiscard]] std::int64_t total() const { return attention + mlp + router + experts + norms; }
};

[[nodiscard]] LayerParameters layer_parameters(const std::vector<LayerElement>& elements);
[[nodiscard]] LayerParameters layer_parameters(const Llm& llm, std::int64_t layer);
/// vocab · hidden, or vocab · embedding_dim and the projection to hidden.
[[nodiscard]] std::int64_t embedding_parameters(const Llm& llm);
/// Learned position rows; 0 for rotary.
[[nodiscard]] std::int64_t position_parameters(const Llm& llm);
/// 0 when tied, else vocab · hidden (+ vocab with a bias); with an embedding_dim also the projection back to it.
[[nodiscard]] std::int64_t head_parameters(const Llm& llm);
[[nodiscard]] std::int64_t final_norm_parameters(const Llm& llm);

/// All parameters, exactly as the checkpoint counts them (router correction bias included), with the towers that the
/// language model's class has (Llm::vision_apart).
[[nodiscard]] std::int64_t parameters(const Llm& llm);
/// Of these, what all layers' routed experts hold.
[[nodiscard]] std::int64_t routed_parameters(const Llm& llm);
/// Of these, the routers' correction biases, which are no parameters but buffers in transformers.
[[nodiscard]] std::int64_t correction_biases(const Llm& llm);
/// Bytes of all of them as the checkpoint stores them: what is not quantised in 16 bit, or in the format of the model.
[[nodiscard]] Bytes checkpoint_bytes(const Llm& llm);
/// Parameters that one token uses: topk experts of each MoE layer instead of all.
[[nodiscard]] std::int64_t active_parameters(const Llm& llm);

/// What a rank holds of some elements: a t-th of `divided`, and `whole`.
struct RankShare {
  std::int64_t divided = 0, whole = 0;

  /// Rounded up: the vocabulary padded to a multiple of the ranks is not modelled.
  [[nodiscard]] std::int64_t parameters(std::int64_t tensor) const { return (divided + tensor - 1) / tensor + whole; }
  /// The exact fraction.
  [[nodiscard]] double mean(std::int64_t tensor) const {
    return static_cast<double>(divided) / static_cast<double>(tensor) + static_cast<double>(whole);
  }
};

/// Weights in a format of their own.
struct StoredShare {
  WeightFormat format;
  RankShare share;
};

/// Weights that quantisation reaches, those that stay in the activations' precision, and those that the checkpoint has
/// in a second format.
struct RankWeights {
  RankShare linear, plain;
  std::vector<StoredShare> stored;

  [[nodiscard]] std::int64_t parameters(std::int64_t tensor) const;
  /// Of the linear weights and of the plain ones so many bytes each; what is stored otherwise as it is where
  /// `as_stored`, else as the linear ones.
  [[nodiscard]] Bytes bytes(std::int64_t tensor, Bytes linear_size, Bytes plain_size, bool as_stored) const;
};

/// One rank's part of a layer: attention, MLP and experts are divided, norms and router are whole. What of attention
/// can't be divided is on each: a head where key/value heads are fewer than ranks (vllm QKVParallelLinear), as the
/// GEMMs of both readings compute it, and latents' compression (vllm deepseek_v2.py; Megatron-core
/// multi_latent_attention.py, parallel_mode "duplicated"). Limitations: their biases count as divided; a trainer sums
/// the copies' gradients over their ranks, or divides such heads all the same and gathers what comes out of the
/// projection (Megatron-core attention.py), neither of which the training step does.
[[nodiscard]] RankWeights rank_weights(const std::vector<LayerElement>& elements, std::int64_t tensor);
/// Of the embedding; the position rows are whole.
[[nodiscard]] RankShare embedding_share(const Llm& llm);
/// Of the head, which is a copy of the embedding where that is tied and on another stage; the final norm is whole.
[[nodiscard]] RankShare head_share(const Llm& llm, bool apart);

/// KV cache of one token and layer on one rank, in values, while it is in the layer's window; latent attention's is not
/// divided.
[[nodiscard]] std::int64_t cached_values(const std::vector<LayerElement>& elements, std::int64_t tensor);
/// KV cache of one token over the layers that keep every token: 2·L·kv_heads·head_dim·b, or
/// (kv_lora_rank + rope_head_dim)·L·b for latent attention, and an index's keys. Source: seed of every paged cache;
/// DeepSeek-V2 §2.1. Windows and states are cache.hpp's.
[[nodiscard]] Bytes kv_bytes_per_token(const Llm& llm, Dtype kv_dtype);

}  // namespace orrery::models
