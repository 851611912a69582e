// A small config.json of every architecture of the table, and the parameters that its layers have, written out.
//
// The sizes are no published model's: hidden 64, heads of 16 values, so that every tensor can be counted by hand.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace orrery::models {

struct FamilyConfig {
  std::string_view type;
  std::string more;             ///< keys beside those of decoder()
  std::int64_t parameters = 0;  ///< all, correction biases left away
  std::string_view arithmetic;  ///< of the parameters
};

/// Its type, where a test names its parameter.
inline void PrintTo(const FamilyConfig& config, std::ostream* out) { *out << config.type; }

/// Hidden 64, two layers (unless `more` tells) of four heads, vocabulary 100, and `more`.
inline std::string decoder(std::string_view type, const std::string& more) {
  const bool told = more.find("num_hidden_layers") != std::string::npos;
  return "{\"model_type\": \"" + std::string(type) + "\", \"hidden_size\": 64, " +
         (told ? "" : "\"num_hidden_layers\": 2, ") +
         "\"num_attention_heads\": 4, \"vocab_size\": 100, \"max_position_embeddings\": 4096, "
         "\"intermediate_size\": 128" +
         (more.empty() ? "" : ", " + more) + "}";
}

/// Rows that the library has models of, and kimi_k25, step3_vl and step3p7, which are kimi_k2, step3 and step3p5 with
/// towers, have none.
inline const std::vector<FamilyConfig>& family_configs() {
  static const std::vector<FamilyConfig> all =
      {
          {"bloom", R"("n_head": 4)", 106624,
           "100*64 + 128 + 2*(4*64*64 + 4*64 + 2*64*256 + 256 + 64 + 4*64) + 128, tied"},
          {"cohere", R"("num_key_value_heads": 2, "head_dim": 16)", 80320,
           "6400 + 2*(12288 + 3*64*128 + 64) + 64: one norm a layer, tied"},
          {"cohere2", R"("num_key_value_heads": 2, "head_dim": 16, "sliding_window": 8)", 80320, "as cohere"},
          {"deepseek_ref",
           R"("head_dim": 16, "qk_rope_head_dim": 8, "q_lora_rank": 24, "o_lora_rank": 8, "o_groups": 2, "index_n_heads": 4, "index_head_dim": 8, "index_topk": 16, "sliding_window": 8, "hc_mult": 2, "n_routed_experts": 8, "compress_ratios": [128, 4, 0], "num_experts_per_tok": 2, "moe_intermediate_size": 32)",
           151983, "attention, a compressor of each kind, hyper-connections of 8*(128 + 1) + 3 twice a layer"},
          {"deepseek_v32",
           R"("q_lora_rank": 24, "kv_lora_rank": 96, "qk_rope_head_dim": 8, "qk_nope_head_dim": 16, "v_head_dim": 16, "n_routed_experts": 8, "n_group": 1, "topk_group": 1, "first_k_dense_replace": 1, "num_experts_per_tok": 2, "moe_intermediate_size": 32, "index_n_heads": 4, "index_head_dim": 8, "index_topk": 16)",
           150608, "an index a layer: 24*32 + 64*8 + 16 + 64*4"},
          {"deepseek_v4",
           R"("head_dim": 16, "qk_rope_head_dim": 8, "q_lora_rank": 24, "o_lora_rank": 8, "o_groups": 2, "index_n_heads": 4, "index_head_dim": 8, "index_topk": 16, "sliding_window": 8, "hc_mult": 2, "n_routed_experts": 8, "compress_ratios": [128, 4, 0], "num_experts_per_tok": 2, "moe_intermediate_size": 32)",
           151983, "attention, a compressor of each kind, hyper-connections of 8*(128 + 1) + 3 twice a layer"},
          {"falcon", R"("ffn_hidden_size": 128, "new_decoder_architecture": true, "num_kv_heads": 2)", 64384,
           "6400 + 2*(12288 + 2*64*128 + 4*64) + 128, tied"},
          {"falcon_mamba", R"("state_size": 16)", 71872,
           "a layer: 64*256 + 128*5 + 128*(4 + 32) + 4*128 + 128 + 128*17 + 128*64 + 64"},
          {"gemma", R"("num_key_value_heads": 2, "head_dim": 16)", 80448, "6400 + 2*(12288 + 24576 + 128) + 64, tied"},
          {"gemma2", R"("num_key_value_heads": 2, "head_dim": 16)", 80704, "four norms a layer"},
          {"gemma3", R"("num_key_value_heads": 2, "head_dim": 16, "sliding_window": 8, "sliding_window_pattern": 2)",
           80768, "four norms a layer, 2*16 for queries and keys"},
          {"gemma3n",
           R"("num_key_value_heads": 2, "head_dim": 16, "sliding_window": 8, "layer_types": ["sliding_attention", "full_attention"], "hidden_size_per_layer_input": 8, "vocab_size_per_layer_input": 50, "altup_num_inputs": 2, "laurel_rank": 4, "num_kv_shared_layers": 1)",
           94656,
           "a layer: 12288 + 32 + 24576 + 256, laurel 512 + 64, streams 64 + 128 + 8 + 4 + 64, its input 1024 + 64; a "
           "matrix of 64*64 for the second stream, and one back"},
          {"gemma4",
           R"("num_key_value_heads": 2, "head_dim": 16, "global_head_dim": 32, "num_global_key_value_heads": 1, "attention_k_eq_v": true, "hidden_size_per_layer_input": 0, "sliding_window": 8, "layer_types": ["sliding_attention", "full_attention"])",
           86944, "12288 + 32 and 64*32*(8 + 1) + 64 for two kinds of heads"},
          {"git",
           R"("num_key_value_heads": 2, "head_dim": 16, "num_local_experts": 8, "residual_moe": true, "moe_intermediate_size": 32)",
           186432, "a dense MLP beside the experts"},
          {"glm", R"("num_key_value_heads": 2, "head_dim": 16)", 87104, "biases of 16*(4 + 4)"},
          {"glm4", R"("num_key_value_heads": 2, "head_dim": 16)", 87360, "glm with four norms a layer"},
          {"glm4_moe",
           R"("num_key_value_heads": 2, "head_dim": 16, "n_routed_experts": 8, "use_qk_norm": true, "num_experts_per_tok": 2, "moe_intermediate_size": 32)",
           118144, "a dense layer, one of 8 experts and a shared one of 3*64*32"},
          {"glm4_moe_lite",
           R"("q_lora_rank": 24, "kv_lora_rank": 96, "qk_rope_head_dim": 8, "qk_nope_head_dim": 16, "v_head_dim": 16, "n_routed_experts": 8, "n_group": 1, "topk_group": 1, "first_k_dense_replace": 1, "num_experts_per_tok": 2, "moe_intermediate_size": 32)",
           147504, "latent attention: 64*24 + 24 + 24*96 + 64*104 + 96 + 96*128 + 64*64"},
          {"glm4v_moe",
           R"("num_key_value_heads": 2, "head_dim": 16, "n_routed_experts": 8, "use_qk_norm": true, "num_experts_per_tok": 2, "moe_intermediate_size": 32)",
           118144, "as glm4_moe"},
          {"glm_moe_dsa",
           R"("q_lora_rank": 24, "kv_lora_rank": 96, "qk_rope_head_dim": 8, "qk_nope_head_dim": 16, "v_head_dim": 16, "n_routed_experts": 8, "n_group": 1, "topk_group": 1, "first_k_dense_replace": 1, "num_experts_per_tok": 2, "moe_intermediate_size": 32, "index_n_heads": 4, "index_head_dim": 8, "index_topk": 16, "indexer_types": ["full", "shared"])",
           149056, "one index for both layers"},
          {"gpt_bigcode", R"("n_embd": 64, "n_layer": 2, "n_head": 4, "n_positions": 4096)", 356160,
           "one head of keys and values, learned positions"},
          {"gpt_neox", R"()", 79872, "two LayerNorms a layer, biases everywhere"},
          {"gpt_oss",
           R"("num_key_value_heads": 2, "head_dim": 16, "num_local_experts": 8, "num_experts_per_tok": 2, "sliding_window": 8)",
           437464, "sinks 4, biases of router and experts"},
          {"gptj", R"("n_embd": 64, "n_layer": 2, "n_head": 4, "n_inner": 128)", 79204,
           "one LayerNorm a layer, the head has a bias"},
          {"grok_1", R"("num_key_value_heads": 2, "head_dim": 16, "num_experts": 8)", 432192, "four norms a layer"},
          {"internlm", R"()", 95552, "biases of 4*64"},
          {"internlm2", R"("num_key_value_heads": 2, "head_dim": 16)", 86848, "as Llama"},
          {"internlm3", R"("num_key_value_heads": 2, "head_dim": 16, "qkv_bias": true)", 87104, "biases of 128"},
          {"kimi_k2",
           R"("q_lora_rank": 24, "kv_lora_rank": 96, "qk_rope_head_dim": 8, "qk_nope_head_dim": 16, "v_head_dim": 16, "n_routed_experts": 8, "n_group": 1, "topk_group": 1, "first_k_dense_replace": 1, "num_experts_per_tok": 2, "moe_intermediate_size": 32)",
           147504, "latent attention: 64*24 + 24 + 24*96 + 64*104 + 96 + 96*128 + 64*64"},
          {"kimi_linear",
           R"("kv_lora_rank": 96, "qk_rope_head_dim": 8, "qk_nope_head_dim": 16, "v_head_dim": 16, "linear_attn_config": {"full_attn_layers": [2], "kda_layers": [1], "head_dim": 8, "num_heads": 4, "short_conv_kernel_size": 4}, "num_experts": 8, "num_experts_per_token": 2, "moe_intermediate_size": 32)",
           133196, "the delta rule: 64*96 + 2*(64*8 + 8*32) + 64*4 + 96*4 + 4 + 32 + 8 + 32*64; latent attention"},
          {"llama4",
           R"("num_key_value_heads": 2, "head_dim": 16, "num_local_experts": 8, "intermediate_size_mlp": 256, "interleave_moe_layer_step": 2)",
           308544, "a dense layer of 256, one of 8 experts and a shared one of 128"},
          {"llava", R"("num_key_value_heads": 2, "head_dim": 16)", 86848, "as Llama"},
          {"mamba", R"("state_size": 16, "time_step_rank": "auto")", 71872, "as falcon_mamba"},
          {"mamba2", R"("state_size": 8, "n_groups": 2, "head_dim": 16, "num_heads": 8)", 69168,
           "a layer: 64*(128 + 128 + 32 + 8) + 160*5 + 3*8 + 128 + 128*64 + 64"},
          {"mimo", R"("num_key_value_heads": 2, "head_dim": 16)", 87104, "as Qwen2"},
          {"mimo_v2_flash",
           R"("num_key_value_heads": 2, "head_dim": 24, "v_head_dim": 16, "swa_num_key_value_heads": 4, "sliding_window": 8, "hybrid_layer_pattern": [0, 1], "moe_layer_freq": [0, 1], "n_routed_experts": 8, "num_experts_per_tok": 2, "moe_intermediate_size": 32)",
           123204, "keys of 24 and values of 16; sinks in the layer that slides"},
          {"minimax",
           R"("num_key_value_heads": 2, "num_local_experts": 8, "layer_types": ["linear_attention", "full_attention"])",
           440192, "lightning attention: 64*256 + 64 + 64*64; experts of 128 in both layers"},
          {"minimax_m1", R"("num_key_value_heads": 2, "num_local_experts": 8, "attn_type_list": [0, 1])", 440192,
           "as minimax"},
          {"minimax_m2",
           R"("num_key_value_heads": 2, "head_dim": 16, "num_local_experts": 8, "num_experts_per_tok": 2)", 432128,
           "norms of 16*(4 + 2)"},
          {"minimax_m3",
           R"("num_key_value_heads": 2, "head_dim": 16, "sparse_attention_config": {"sparse_num_index_heads": 2, "sparse_index_dim": 8, "sparse_topk_blocks": 2, "sparse_block_size": 8, "sparse_attention_freq": [0, 1]}, "moe_layer_freq": [0, 1], "dense_intermediate_size": 256, "shared_intermediate_size": 32, "num_local_experts": 8, "num_experts_per_tok": 2)", 291728,
           "an index of 64*8*3 + 16 in the second layer"},
          {"minimax_m3_vl",
           R"("num_key_value_heads": 2, "head_dim": 16, "sparse_attention_config": {"sparse_num_index_heads": 2, "sparse_index_dim": 8, "sparse_topk_blocks": 2, "sparse_block_size": 8, "sparse_attention_freq": [0, 1]}, "moe_layer_freq": [0, 1], "dense_intermediate_size": 256, "shared_intermediate_size": 32, "num_local_experts": 8, "num_experts_per_tok": 2)",
           291728, "an index of 64*8*3 + 16 in the second layer"},
          {"minimax_text_01", R"("num_key_value_heads": 2, "num_local_experts": 8, "attn_type_list": [0, 1])", 440192,
           "as minimax"},
          {"ministral3", R"("num_key_value_heads": 2, "head_dim": 16)", 86848, "as Llama"},
          {"mistral3", R"("num_key_value_heads": 2, "head_dim": 16)", 86848, "as Llama"},
          {"nemotron", R"("num_key_value_heads": 2, "head_dim": 16)", 70784, "no gate; LayerNorm"},
          {"nemotron_h",
           R"("num_key_value_heads": 2, "head_dim": 16, "hybrid_override_pattern": "M*E-", "num_hidden_layers": 4, "mamba_num_heads": 8, "mamba_head_dim": 16, "n_groups": 2, "ssm_state_size": 8, "n_routed_experts": 8, "moe_latent_size": 16, "moe_shared_expert_intermediate_size": 48, "num_experts_per_tok": 2, "moe_intermediate_size": 32)",
           86776, "one block a layer, experts in a latent of 16"},
          {"nemotron_nas",
           R"("block_configs": [{"attention": {"n_heads_in_group": 2}, "ffn": {"ffn_mult": 3.0}}, {"attention": {"no_op": true}, "ffn": {"replace_with_linear": true}}])",
           78592, "128 becomes 256; the second layer is one matrix and its norm"},
          {"olmo2", R"("num_key_value_heads": 2, "head_dim": 16)", 87040, "norms of 16*(4 + 2)"},
          {"phi", R"()", 79716, "one LayerNorm a layer, biases everywhere"},
          {"phi3", R"("num_key_value_heads": 2, "head_dim": 16)", 86848, "as Llama"},
          {"phimoe",
           R"("num_key_value_heads": 2, "head_dim": 16, "num_local_experts": 8, "attention_bias": true, "lm_head_bias": true)",
           432740, "biases; LayerNorm"},
          {"qwen2_5_vl", R"("num_key_value_heads": 2, "head_dim": 16)", 87104, "Qwen2 without a tower"},
          {"qwen2_moe",
           R"("num_key_value_heads": 2, "num_experts": 8, "shared_expert_intermediate_size": 48, "num_experts_per_tok": 2, "moe_intermediate_size": 32)",
           155840, "a gated shared expert of 48"},
          {"qwen2_vl", R"("num_key_value_heads": 2, "head_dim": 16)", 87104, "as Qwen2"},
          {"qwen3_5",
           R"("num_key_value_heads": 2, "head_dim": 16, "linear_num_key_heads": 2, "linear_num_value_heads": 4, "linear_key_head_dim": 8, "linear_value_head_dim": 8, "full_attention_interval": 2)",
           87664, "the delta rule: 64*(32 + 64) + 8*64 + 64*4 + 8 + 8 + 32*64; gated attention"},
          {"qwen3_5_moe",
           R"("num_key_value_heads": 2, "head_dim": 16, "linear_num_key_heads": 2, "linear_num_value_heads": 4, "linear_key_head_dim": 8, "linear_value_head_dim": 8, "full_attention_interval": 2, "num_experts": 8, "shared_expert_intermediate_size": 48, "num_experts_per_tok": 2, "moe_intermediate_size": 32)",
           156400, "the same with experts"},
          {"qwen3_next",
           R"("num_key_value_heads": 2, "head_dim": 16, "linear_num_key_heads": 2, "linear_num_value_heads": 4, "linear_key_head_dim": 8, "linear_value_head_dim": 8, "full_attention_interval": 2, "num_experts": 8, "shared_expert_intermediate_size": 48, "num_experts_per_tok": 2, "moe_intermediate_size": 32)",
           156400, "the same with experts"},
          {"qwen3_vl", R"("num_key_value_heads": 2, "head_dim": 16)", 86912, "Qwen3 without a tower"},
          {"qwen3_vl_moe",
           R"("num_key_value_heads": 2, "head_dim": 16, "num_experts": 8, "num_experts_per_tok": 2, "moe_intermediate_size": 32)",
           137088, "Qwen3's experts without a tower"},
          {"starcoder2", R"("num_key_value_heads": 2, "head_dim": 16)", 65152, "biases, LayerNorm, tied"},
          {"step3",
           R"("num_attention_groups": 1, "head_dim": 32, "share_q_dim": 24, "moe_num_experts": 8, "moe_top_k": 2, "moe_intermediate_size": 32, "share_expert_dim": 48, "moe_layers_enum": "1")",
           130416, "attention: 64*(24 + 2*32) + 24 + 24*128 + 128*64"},
          {"step3p5",
           R"("num_attention_groups": 2, "head_dim": 16, "moe_num_experts": 8, "moe_top_k": 2, "moe_intermediate_size": 32, "share_expert_dim": 48, "moe_layers_enum": "1", "sliding_window": 8, "layer_types": ["full_attention", "sliding_attention"], "attention_other_setting": {"num_attention_heads": 6})",
           125952, "the layer that slides has 6 heads; a gate of 64 a head"},
      };
  return all;
}

}  // namespace orrery::models
