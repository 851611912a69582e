// Attention: prefill (also training, forward and backward) and decode. Shapes in kernels/kernel.hpp.
//
// prefill.cpp and decode.cpp hold shape rules and work by definition; *_time.cpp the timing models;
// kernel_class.hpp which published kernel runs on which GPU.
#pragma once

#include "kernels/family.hpp"

namespace orrery::kernels {

[[nodiscard]] FamilyRow attention_prefill_family();
[[nodiscard]] FamilyRow attention_decode_family();

/// CTAs of query tiles over causal triangles, waves on the SMs, KV append.
[[nodiscard]] FittedModel attention_prefill_model();

/// KV stream against CTAs per sequence and KV head, with split KV.
[[nodiscard]] FittedModel attention_decode_model();

/// What a fit may learn beyond them: attention_surfaces.cpp.
void add_prefill_surfaces(FittedModel& model);
void add_decode_surfaces(FittedModel& model);

// work() of the shape, without looking up its family.
[[nodiscard]] Work attention_work(const AttentionPrefillShape& shape);
[[nodiscard]] Work attention_work(const AttentionDecodeShape& shape);

/// Query-key pairs that one head of one sequence computes: causal triangle, window, cached prefix. Exact.
/// REQUIRES check(shape).empty().
[[nodiscard]] double attention_pairs(const AttentionPrefillShape& shape);

/// Width of a value row: v_head_dim, or head_dim where that is 0.
[[nodiscard]] inline double value_width(const AttentionPrefillShape& shape) {
  return static_cast<double>(shape.v_head_dim > 0 ? shape.v_head_dim : shape.head_dim);
}

/// Part of an absorbed MLA latent that carries positions and no values (DeepSeek-V2, arXiv:2405.04434 §2.1.3).
inline constexpr std::int64_t kMlaRotaryWidth = 64;

/// Cached tokens that a decode step reads over all its sequences, the window applied to the mean length.
[[nodiscard]] double visible_tokens(const AttentionDecodeShape& shape);

}  // namespace orrery::kernels
