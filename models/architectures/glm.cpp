// GLM-4 and GLM-4.5: Llama with biases on queries, keys and values; GLM-4-0414 with norms behind the blocks too;
// GLM-4.5 and 4.6 with fine-grained experts, one shared, after the first layers. (GLM-5 is DeepSeek's relative.)
// Defaults: transformers models/glm, glm4 and glm4_moe, configuration_*.py and modeling_*.py.
#include "models/architectures/architectures.hpp"

namespace orrery::models {

void read_glm(ConfigKeys& keys, Llm& llm) {
  read_gated_decoder(keys, llm, {.kv_heads = 2, .head_dim = 128, .positions = 131'072});
  read_attention_bias(keys, llm, true, false);
}

void read_glm4(ConfigKeys& keys, Llm& llm) {
  read_glm(keys, llm);
  llm.norms = NormPlacement::both;
}

void read_glm4_moe(ConfigKeys& keys, Llm& llm) {
  read_gated_decoder(keys, llm, {.kv_heads = 8, .head_dim = 128, .positions = 131'072});
  read_attention_bias(keys, llm, false, false);
  llm.attention.qk_norm = keys.flag_or("use_qk_norm", false);
  MoeConfig& moe = llm.moe;
  read_routed(keys, moe, {.experts = 128, .topk = 8, .inter = 1408});
  moe.first_dense_layers = keys.size_or("first_k_dense_replace", 1, SizeLimits::kLayers, 0);
  moe.router_bias = true;
}

}  // namespace orrery::models
