// Model FLOPs of a token, by the conventions of the papers.
//
// A linear layer [out, in] does 2·out·in FLOPs for one token, a bias none. Attention scores and values cost
// 2·keys·heads·(query + value width) FLOPs per query token. Backward costs twice forward. Sources: Korthikanti et al.
// 2022 (arXiv:2205.05198) §A; Chowdhery et al. 2022 (PaLM) appendix B for `palm`.
// Limitations: norms, softmax, activations and rotary are not counted.
#pragma once

#include <cstdint>

#include "hardware/units.hpp"
#include "models/llm.hpp"

namespace orrery::models {

/// Model FLOPs of one token of a sequence of `seq`, forward and backward, recompute not counted.
[[nodiscard]] Flops training_flops_per_token(const Llm& llm, std::int64_t seq, FlopConvention convention);
/// Matrix FLOPs of one token's forward pass through `layer` (attention full, 4·s·h per token).
[[nodiscard]] Flops layer_forward_flops_per_token(const Llm& llm, std::int64_t layer, std::int64_t seq, bool causal);

}  // namespace orrery::models
