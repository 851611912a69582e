// gpt-oss: every other layer slides a window, heads have sinks, all linear layers biases, every layer experts.
// Defaults: transformers models/gpt_oss, configuration_gpt_oss.py and modeling_gpt_oss.py.
#include "models/architectures/architectures.hpp"

namespace orrery::models {

void read_gpt_oss(ConfigKeys& keys, Llm& llm) {
  read_gated_decoder(keys, llm, {.kv_heads = 8, .head_dim = 64, .positions = 131'072});
  read_attention_bias(keys, llm, true);
  llm.attention.sinks = true;
  llm.mlp.bias = true;
  MoeConfig& moe = llm.moe;
  const std::string_view experts = keys.first_of({"num_local_experts", "num_experts"});
  moe.experts = keys.size_or(experts, 128, SizeLimits::kExperts);
  const std::string_view topk = keys.first_of({"num_experts_per_tok", "experts_per_token"});
  moe.topk = keys.size_or(topk, 4, SizeLimits::kExperts);
  moe.inter = llm.mlp.inter;
  moe.router_values = moe.experts;  // biases
  check_topk(keys, moe, topk);
  // An absent key is noted as every default is, a null one means none.
  const std::int64_t absent = keys.is_null("sliding_window") ? 0 : 128;
  const std::int64_t window = keys.size_or("sliding_window", absent, SizeLimits::kPositions);
  if (window == 0) {
    keys.assume("sliding_window: null, so that every layer attends to everything");
  } else if (!slide_by_types(keys, llm, window)) {
    keys.assume("layer_types: layers 0, 2, 4, … slide the window (the class's default)");
    slide_windows(llm, window, [](std::size_t i) { return i % 2 == 0; });
  }
}

}  // namespace orrery::models
