// Decoders that differ from Llama in a few keys: Phi-3 and Phi-3.5-MoE, InternLM, OLMo 2, StarCoder 2, Grok.
// Defaults: transformers models/phi3, phimoe, olmo2 and starcoder2, configuration_*.py and modeling_*.py;
// internlm/internlm2-7b and internlm3-8b-instruct, configuration_*.py; xai-org/grok-1 model.py and grok-2 config.json.
#include "models/architectures/architectures.hpp"

namespace orrery::models {

void read_phi3(ConfigKeys& keys, Llm& llm) {
  read_gated_decoder(keys, llm, {.positions = 4096});
  read_attention_bias(keys, llm, false);
  llm.attention.window = keys.size_or("sliding_window", 0, SizeLimits::kPositions);
}

void read_phimoe(ConfigKeys& keys, Llm& llm) {
  read_gated_decoder(keys, llm, {.kv_heads = 8, .positions = 131'072});
  read_attention_bias(keys, llm, false);
  llm.norm = NormKind::layer_norm;
  llm.norm_bias = true;
  llm.lm_head_bias = keys.flag_or("lm_head_bias", false);
  llm.attention.window = keys.size_or("sliding_window", 0, SizeLimits::kPositions);
  llm.moe.experts = keys.size_or("num_local_experts", 16, SizeLimits::kExperts);
  llm.moe.topk = keys.size_or("num_experts_per_tok", 2, SizeLimits::kExperts);
  llm.moe.inter = llm.mlp.inter;
  check_topk(keys, llm.moe);
}

void read_internlm(ConfigKeys& keys, Llm& llm) {
  read_gated_decoder(keys, llm, {.positions = 2048});
  llm.attention.qkv_bias = llm.attention.out_bias = keys.flag_or("bias", true);
}

void read_internlm2(ConfigKeys& keys, Llm& llm) {
  read_gated_decoder(keys, llm, {.positions = 2048});
  llm.attention.qkv_bias = llm.attention.out_bias = keys.flag_or("bias", false);
}

void read_internlm3(ConfigKeys& keys, Llm& llm) {
  read_gated_decoder(keys, llm, {.positions = 32'768});
  llm.attention.qkv_bias = keys.flag_or("qkv_bias", false);
  llm.attention.out_bias = llm.mlp.bias = keys.flag_or("bias", false);
}

void read_olmo2(ConfigKeys& keys, Llm& llm) {
  read_gated_decoder(keys, llm, {.positions = 2048});
  read_attention_bias(keys, llm, false);
  llm.norms = NormPlacement::after;
  llm.attention.qk_norm = llm.attention.wide_norm = true;
  slide_by_types(keys, llm, keys.size_or("sliding_window", 0, SizeLimits::kPositions));
}

void read_starcoder2(ConfigKeys& keys, Llm& llm) {
  read_gated_decoder(keys, llm, {.kv_heads = 2, .positions = 4096, .tied = true});
  llm.mlp.gated = false;
  llm.norm = NormKind::layer_norm;
  llm.norm_bias = true;
  const bool bias = keys.flag_or("use_bias", true);
  llm.attention.qkv_bias = llm.attention.out_bias = llm.mlp.bias = bias;
  llm.attention.window = keys.size_or("sliding_window", 0, SizeLimits::kPositions);
}

// Norms before and behind the blocks; Grok-2 has a dense MLP beside its experts.
void read_grok(ConfigKeys& keys, Llm& llm) {
  read_gated_decoder(keys, llm, {.kv_heads = 8, .head_dim = 128, .positions = 8192});
  llm.norms = NormPlacement::both;
  llm.moe.experts = keys.size_of({"num_local_experts", "num_experts"}, SizeLimits::kExperts);
  const std::string_view topk = keys.first_of({"num_experts_per_tok", "num_selected_experts"});
  llm.moe.topk = keys.size_or(topk, 2, SizeLimits::kExperts);
  llm.moe.inter = keys.size_or("moe_intermediate_size", llm.mlp.inter, SizeLimits::kInter);
  llm.moe.beside_dense = keys.flag_or("residual_moe", false);
  check_topk(keys, llm.moe, topk);
}

}  // namespace orrery::models
