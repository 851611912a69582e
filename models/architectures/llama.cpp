// Llama 1 to 3 and Mistral. Defaults: transformers models/llama and models/mistral, configuration_*.py.
#include "models/architectures/architectures.hpp"

namespace orrery::models {

void read_llama(ConfigKeys& keys, Llm& llm) {
  read_gated_decoder(keys, llm, {.kv_heads = 0, .head_dim = 0, .positions = 2048});
  llm.attention.qkv_bias = llm.attention.out_bias = keys.flag_or("attention_bias", false);
  llm.mlp.bias = keys.flag_or("mlp_bias", false);
}

void read_mistral(ConfigKeys& keys, Llm& llm) {
  read_gated_decoder(keys, llm, {.kv_heads = 8, .head_dim = 0, .positions = 131'072});
  // Absent means the class default of 4096; null (v0.2 and later) means none.
  const std::int64_t absent = keys.is_null("sliding_window") ? 0 : 4096;
  llm.attention.window = keys.size_or("sliding_window", absent, SizeLimits::kPositions);
}

}  // namespace orrery::models
