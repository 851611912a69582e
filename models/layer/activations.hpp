// Bytes of activations: what a layer keeps from its forward to its backward pass, and the widest moment of a layer that
// only runs forward. Both read what the elements keep.
//
// Training, per tensor-parallel rank and microbatch, follows Korthikanti et al. 2022 §4 with grouped queries, gated
// MLPs and fused attention added. T = s·b tokens, t = tensor-parallel degree, 2 the size of a 16-bit activation (fp32
// and tf32 have 4); with sequence parallelism the terms marked * are divided by t as well:
//   norm inputs 2·2·T·h *, inputs of qkv and mlp 2·2·T·h *, dropout masks 2·T·h *
//   q, k, v and the output projection's input 2·T·(2·heads + 2·kv_heads)·d/t
//   scores: unfused 2·a·s²·b/t for softmax, and with dropout 1 + 2 more for mask and output; fused 4·T·a/t
//   MLP 2·T·(up + inter)/t where up = inter, or 2·inter when gated
//   latent attention: 2·T·(q_lora_rank + kv_lora_rank + rope_head_dim), on every rank
// Experts keep the MLP terms for topk rows per token, plus the permuted input.
#pragma once

#include <cstdint>
#include <vector>

#include "hardware/units.hpp"
#include "models/layer/layer.hpp"
#include "models/layer/training.hpp"

namespace orrery::models {

/// What the elements keep of a microbatch, apart from attention's scores.
[[nodiscard]] Bytes kept_bytes(const TrainingReading& reading, const std::vector<LayerElement>& elements);
/// What an unfused core attention keeps of its scores, or a fused kernel instead (a sum per row, fp32).
[[nodiscard]] Bytes score_bytes(const TrainingReading& reading, const std::vector<LayerElement>& elements);

/// Values of a token beside the two residual streams at the layer's widest moment on one rank, each buffer given back
/// after its last reader, as an inference engine does:
///   attention  hidden + q + k + v + out (+ the latent)      MLP  hidden + up + inter
///   experts    2·hidden + topk·(max(up/t, hidden) + inter/t)
[[nodiscard]] std::int64_t widest_values(const std::vector<LayerElement>& elements, std::int64_t hidden,
                                         std::int64_t tensor);

}  // namespace orrery::models
