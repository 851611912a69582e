// Llama 4: three of four layers attend within chunks, the fourth to everything (and has no rotary positions); every
// interleave_moe_layer_step-th layer routes to one expert beside a shared one of the same width.
// Defaults: transformers models/llama4, configuration_llama4.py and modeling_llama4.py.
// Limitations: norms of queries and keys, which have no weights, are not priced.
#include <algorithm>

#include "models/architectures/architectures.hpp"

namespace orrery::models {

void read_llama4(ConfigKeys& keys, Llm& llm) {
  read_gated_decoder(keys, llm, {.kv_heads = 8, .head_dim = 128, .positions = 131'072});
  read_attention_bias(keys, llm, false);
  MoeConfig& moe = llm.moe;
  moe.experts = keys.size_or("num_local_experts", 16, SizeLimits::kExperts);
  moe.topk = keys.size_or("num_experts_per_tok", 1, SizeLimits::kExperts);
  moe.inter = moe.shared_inter = llm.mlp.inter;
  moe.shared_experts = 1;
  check_topk(keys, moe);
  llm.mlp.inter = keys.size_or("intermediate_size_mlp", 16'384, SizeLimits::kInter);
  const std::int64_t step = keys.size_or("interleave_moe_layer_step", 1, SizeLimits::kLayers);
  const std::int64_t full = keys.size_or("no_rope_layer_interval", 4, SizeLimits::kLayers);
  const std::int64_t chunk = keys.size_or("attention_chunk_size", 8192, SizeLimits::kPositions);
  const std::vector<std::int64_t> listed = keys.integers("moe_layers");
  const std::vector<std::string> types = layer_names(keys, llm, "layer_types", {"chunked_attention", "full_attention"});
  std::vector<LayerConfig> layers = equal_layers(llm);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const auto number = static_cast<std::int64_t>(i);
    const bool chunked = types.empty() ? (number + 1) % full != 0 : types[i] == "chunked_attention";
    layers[i].attention.chunk = chunked ? chunk : 0;
    const bool sparse =
        listed.empty() ? (number + 1) % step == 0 : std::find(listed.begin(), listed.end(), number) != listed.end();
    layers[i].feed_forward = sparse ? FeedForward::experts : FeedForward::dense;
  }
  set_layers(llm, layers);
}

}  // namespace orrery::models
