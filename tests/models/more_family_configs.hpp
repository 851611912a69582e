// The architectures of family_configs.hpp that are dense relatives, shared experts or hybrids, in the same sizes.
#pragma once

#include <vector>

#include "tests/models/family_configs.hpp"

namespace orrery::models {

inline const std::vector<FamilyConfig>& more_family_configs() {
  static const std::vector<FamilyConfig> all = {
      {"apertus", R"()", 78720, "2*6400 + 2*(4*64*64 + 2*16 + 2*64*128 + 2*64) + 64"},
      {"arcee", R"()", 78656, "2*6400 + 2*(4*64*64 + 2*64*128 + 2*64) + 64"},
      {"baichuan", R"()", 95040, "2*6400 + 2*(4*64*64 + 3*64*128 + 2*64) + 64"},
      {"bailing_moe",
       R"("num_key_value_heads": 2, "num_experts": 8, "num_experts_per_tok": 2, "moe_intermediate_size": 32, "num_shared_experts": 2, "first_k_dense_replace": 1)",
       124224, "2*6400 + 2*(12288 + 2*64) + 3*64*128 + 8*64 + (8 + 2)*3*64*32 + 64"},
      {"bailing_moe_v2",
       R"("num_key_value_heads": 2, "num_experts": 8, "num_experts_per_tok": 2, "moe_intermediate_size": 32, "num_shared_experts": 1, "first_k_dense_replace": 1, "moe_router_enable_expert_bias": true)",
       118144, "2*6400 + 2*(12288 + 2*16 + 2*64) + 3*64*128 + 8*64 + (8 + 1)*3*64*32 + 64"},
      {"bamba", R"("num_key_value_heads": 2, "attn_layer_indices": [1], "mamba_n_heads": 8, "mamba_d_state": 16)",
       102648, "2*6400 + 64*(2*128 + 2*16 + 8) + 160*5 + 3*8 + 128 + 128*64 + 12288 + 2*(3*64*128 + 2*64) + 64"},
      {"chatglm",
       R"("num_layers": 2, "padded_vocab_size": 100, "seq_length": 4096, "kv_channels": 16, "multi_query_attention": true, "multi_query_group_num": 2, "ffn_hidden_size": 128, "add_qkv_bias": true)",
       87104, "2*6400 + 2*(12288 + 64 + 2*32 + 3*64*128 + 2*64) + 64"},
      {"codegen", R"("n_embd": 64, "n_layer": 2, "n_head": 4, "n_inner": 128)", 79204, "as gptj"},
      {"dbrx",
       R"("d_model": 64, "n_layers": 2, "n_heads": 4, "max_seq_len": 4096, "attn_config": {"kv_n_heads": 2}, "ffn_config": {"ffn_hidden_size": 32, "moe_num_experts": 8, "moe_top_k": 2})",
       137024, "2*6400 + 2*(12288 + 8*64 + 8*3*64*32 + 2*64) + 64"},
      {"deepseek",
       R"("num_key_value_heads": 2, "n_routed_experts": 8, "n_shared_experts": 2, "num_experts_per_tok": 2, "moe_intermediate_size": 32, "first_k_dense_replace": 1)",
       124224, "2*6400 + 2*(12288 + 2*64) + 3*64*128 + 8*64 + (8 + 2)*3*64*32 + 64"},
      {"dots1",
       R"("num_key_value_heads": 2, "n_routed_experts": 8, "n_shared_experts": 2, "num_experts_per_tok": 2, "moe_intermediate_size": 32, "first_k_dense_replace": 1)",
       124288, "2*6400 + 2*(12288 + 2*16 + 2*64) + 3*64*128 + 8*64 + (8 + 2)*3*64*32 + 64"},
      {"ernie4_5", R"("num_key_value_heads": 2, "head_dim": 16)", 80448, "6400 + 2*(12288 + 3*64*128 + 2*64) + 64"},
      {"ernie4_5_moe",
       R"("num_key_value_heads": 2, "moe_num_experts": [8, 8], "moe_k": 2, "moe_intermediate_size": 32, "moe_num_shared_experts": 2)",
       117824, "6400 + 2*(12288 + 2*64) + 3*64*128 + 8*64 + (8 + 2)*3*64*32 + 64"},
      {"exaone", R"("num_layers": 2, "num_key_value_heads": 2)", 86848, "2*6400 + 2*(12288 + 3*64*128 + 2*64) + 64"},
      {"exaone4", R"("num_key_value_heads": 2)", 86912, "2*6400 + 2*(12288 + 2*16 + 3*64*128 + 2*64) + 64"},
      {"glm_130b", R"()", 90112, "6400 + 2*(4*64*64 + 4*64 + 3*64*128 + 2*128 + 64 + 4*64) + 128"},
      {"gpt_neo", R"("num_layers": 2, "num_heads": 4)", 335232,
       "6400 + 4096*64 + 2*(4*64*64 + 64 + 2*64*128 + 128 + 64 + 4*64) + 128"},
      {"granite", R"()", 95040, "2*6400 + 2*(4*64*64 + 3*64*128 + 2*64) + 64"},
      {"granitemoe", R"("num_local_experts": 8)", 440128, "2*6400 + 2*(4*64*64 + 8*64 + 8*3*64*128 + 2*64) + 64"},
      {"granitemoehybrid",
       R"("num_local_experts": 0, "num_experts_per_tok": 0, "shared_intermediate_size": 96, "layer_types": ["mamba", "attention"], "mamba_n_heads": 8, "mamba_d_state": 16)",
       94456, "2*6400 + 64*(2*128 + 2*16 + 8) + 160*5 + 3*8 + 128 + 128*64 + 4*64*64 + 2*(3*64*96 + 2*64) + 64"},
      {"granitemoeshared", R"("num_local_experts": 8, "shared_intermediate_size": 32)", 452416,
       "2*6400 + 2*(4*64*64 + 8*64 + 8*3*64*128 + 3*64*32 + 2*64) + 64"},
      {"hunyuan", R"("num_experts": 8, "moe_topk": 2, "moe_intermediate_size": 32, "use_qk_norm": false)", 157504,
       "2*6400 + 2*(4*64*64 + 8*64 + (8 + 1)*3*64*32 + 2*64) + 64"},
      {"hunyuan_v1_dense", R"()", 95104, "2*6400 + 2*(4*64*64 + 2*16 + 3*64*128 + 2*64) + 64"},
      {"hunyuan_v1_moe",
       R"("num_experts": 8, "moe_topk": [2, 2], "moe_intermediate_size": [32, 32], "num_shared_expert": [1, 1])",
       157568, "2*6400 + 2*(4*64*64 + 2*16 + 8*64 + (8 + 1)*3*64*32 + 2*64) + 64"},
      {"jamba", R"("num_key_value_heads": 2, "num_experts": 4, "attn_layer_period": 2, "attn_layer_offset": 1)", 181184,
       "2*6400 + 64*256 + 128*5 + 128*(4 + 32) + 4*128 + 128 + 128*17 + 128*64 + 12288 + 3*64*128 + 4*64 + 4*3*64*128 "
       "+ 4*64 + 64"},
      {"minicpm", R"()", 88640, "6400 + 2*(4*64*64 + 3*64*128 + 2*64) + 64"},
      {"mpt", R"("d_model": 64, "n_layers": 2, "n_heads": 4, "max_seq_len": 4096, "expansion_ratio": 2)", 72256,
       "6400 + 2*(4*64*64 + 2*64*128 + 2*64) + 64"},
      {"olmo", R"()", 95040, "2*6400 + 2*(4*64*64 + 3*64*128 + 2*64) + 64"},
      {"olmo3", R"()", 95296, "2*6400 + 2*(4*64*64 + 2*64 + 3*64*128 + 2*64) + 64"},
      {"olmoe", R"("num_experts": 8, "num_experts_per_tok": 2)", 440384,
       "2*6400 + 2*(4*64*64 + 2*64 + 8*64 + 8*3*64*128 + 2*64) + 64"},
      {"palm", R"("head_dim": 16)", 76224, "6400 + 2*(2*64*64 + 2*64*16 + 3*64*128 + 64) + 64"},
      {"qwen", R"("seq_length": 4096)", 70848, "2*6400 + 2*(4*64*64 + 3*64 + 3*64*64 + 2*64) + 64"},
      {"recurrent_gemma", R"("block_types": ["recurrent", "attention"])", 57024,
       "6400 + 64*128 + 128 + 64*5 + 2*4*16*16 + 128 + 64 + 64*64 + 64 + 2*64*64 + 2*64*16 + 64 + 2*(3*64*64 + 2*64 + "
       "64 + 2*64) + 64"},
      {"seed_oss", R"("num_key_value_heads": 2, "head_dim": 16)", 87104,
       "2*6400 + 2*(12288 + 64 + 2*32 + 3*64*128 + 2*64) + 64"},
      {"smollm3", R"()", 88640, "6400 + 2*(4*64*64 + 3*64*128 + 2*64) + 64"},
      {"stablelm", R"()", 95360, "2*6400 + 2*(4*64*64 + 3*64*128 + 4*64) + 128"},
      {"t5",
       R"("d_model": 64, "num_layers": 1, "num_decoder_layers": 1, "num_heads": 4, "d_kv": 16, "d_ff": 128, "n_positions": 4096)",
       88704, "6400 + 3*4*64*64 + 2*2*64*128 + 5*64 + 64"},
  };
  return all;
}

/// All of them.
inline std::vector<FamilyConfig> all_family_configs() {
  std::vector<FamilyConfig> all = family_configs();
  all.insert(all.end(), more_family_configs().begin(), more_family_configs().end());
  return all;
}

}  // namespace orrery::models
