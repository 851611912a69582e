// GPT-2, and with it GPT-3 and Megatron's GPT: the same tensors in other sizes.
// Defaults: transformers models/gpt2/configuration_gpt2.py. One key more is read: "bias": false, as nanoGPT's
// GPTConfig (karpathy/nanoGPT model.py) has it, for a variant without biases in linear layers and norms.
#include "models/architectures/architectures.hpp"

namespace orrery::models {

void read_gpt2(ConfigKeys& keys, Llm& llm) {
  llm.hidden = keys.size("n_embd", SizeLimits::kHidden);
  llm.layers = keys.size("n_layer", SizeLimits::kLayers);
  llm.vocab = keys.size("vocab_size", SizeLimits::kVocab);
  llm.max_positions = keys.size_or("n_positions", 1024, SizeLimits::kPositions);
  llm.tied_embeddings = keys.flag_or("tie_word_embeddings", true);
  llm.norm = NormKind::layer_norm;
  llm.position = PositionKind::learned;
  const bool bias = keys.flag_or("bias", true);
  llm.norm_bias = bias;
  llm.mlp = {.inter = keys.size_or("n_inner", 4 * llm.hidden, SizeLimits::kInter), .gated = false, .bias = bias};
  AttentionConfig& a = llm.attention;
  a.heads = a.kv_heads = keys.size("n_head", SizeLimits::kHeads);
  a.head_dim = even_head_dim(keys, llm.hidden, a.heads, "n_head");
  a.qkv_bias = a.out_bias = bias;
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
