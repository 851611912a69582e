// GPT-2, and with it GPT-3 and Megatron's GPT: the same tensors in other sizes.
// Defaults: transformers models/gpt2/configuration_gpt2.py. One key more is read: "bias": false, as nanoGPT's
// GPTConfig (karpathy/nanoGPT model.py) has it, for a variant without biases in linear layers and norms.
#include "models/architectures/architectures.hpp"

namespace orrery::models {

void read_gpt2(ConfigKeys& keys, Llm& llm) {
  read_named(keys, llm, {.hidden = "n_embd", .layers = "n_layer", .heads = "n_head", .positions = "n_positions"}, 1024,
             true);
  llm.position = PositionKind::learned;
  const bool bias = keys.flag_or("bias", true);
  use_layer_norm(llm, bias);
  llm.mlp = {.inter = keys.size_or("n_inner", 4 * llm.hidden, SizeLimits::kInter), .gated = false, .bias = bias};
  llm.attention.qkv_bias = llm.attention.out_bias = bias;
  if (keys.flag_or("add_cross_attention", false)) {
    keys.error("add_cross_attention", "cross-attention is not supported: only decoders on their own are");
  }
}

// StarCoder: GPT-2 whose heads share one head of keys and values.
void read_gpt_bigcode(ConfigKeys& keys, Llm& llm) {
  read_gpt2(keys, llm);
  if (keys.flag_or("multi_query", true)) llm.attention.kv_heads = 1;
}

}  // namespace orrery::models
