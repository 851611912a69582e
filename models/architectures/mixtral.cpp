// Mixtral: every layer routes each token to topk of num_local_experts SwiGLU experts of width intermediate_size.
// Defaults: transformers models/mixtral/configuration_mixtral.py.
#include "models/architectures/architectures.hpp"

namespace orrery::models {

void read_mixtral(ConfigKeys& keys, Llm& llm) {
  read_gated_decoder(keys, llm, {.kv_heads = 8, .head_dim = 0, .positions = 131'072});
  llm.attention.window = keys.size_or("sliding_window", 0, SizeLimits::kPositions);
  llm.moe.experts = keys.size_or("num_local_experts", 8, SizeLimits::kExperts);
  llm.moe.topk = keys.size_or("num_experts_per_tok", 2, SizeLimits::kExperts);
  llm.moe.inter = llm.mlp.inter;
  check_topk(keys, llm.moe);
}

}  // namespace orrery::models
