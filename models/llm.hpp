// The architecture of a decoder-only language model, as plain numbers.
//
// Read from a Hugging Face config.json as it is (hf_config.hpp). Tensor shapes follow that library: a
// linear layer's weight is [out, in]. models/layer/ makes the layers of it, and counts their parameters.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "hardware/dtype.hpp"

namespace orrery::models {

enum class AttentionKind : std::uint8_t { multi_head, latent };  ///< MHA, MQA and GQA differ by kv_heads only
enum class NormKind : std::uint8_t { layer_norm, rms_norm };
enum class PositionKind : std::uint8_t { learned, rotary };

struct AttentionConfig {
  AttentionKind kind = AttentionKind::multi_head;
  std::int64_t heads = 0, kv_heads = 0, head_dim = 0;
  std::int64_t window = 0;  ///< sliding window, tokens; 0: full
  bool qkv_bias = false, out_bias = false;
  bool qk_norm = false;  ///< RMSNorm over head_dim on queries and keys (Qwen3)
  // Multi-head latent attention (DeepSeek-V2 §2.1): compressed queries (0: not compressed) and keys/values.
  std::int64_t q_lora_rank = 0, kv_lora_rank = 0;
  std::int64_t rope_head_dim = 0, nope_head_dim = 0, v_head_dim = 0;

  friend bool operator==(const AttentionConfig&, const AttentionConfig&) = default;
};

struct MlpConfig {
  std::int64_t inter = 0;
  bool gated = false;  ///< gate and up projections with SiLU (SwiGLU), else one projection with GELU/ReLU
  bool bias = false;

  friend bool operator==(const MlpConfig&, const MlpConfig&) = default;
};

struct MoeConfig {
  std::int64_t experts = 0;  ///< routed; 0: dense model
  std::int64_t topk = 0, inter = 0;
  std::int64_t shared_experts = 0;  ///< always on, each of width `shared_inter`
  std::int64_t shared_inter = 0;
  std::int64_t first_dense_layers = 0;       ///< layers before the first MoE layer
  std::int64_t layer_frequency = 1;          ///< every how many layers after that is MoE
  std::int64_t groups = 1, topk_groups = 1;  ///< device-limited routing
  bool router_bias = false;                  ///< per-expert correction bias (DeepSeek-V3); not trained by gradient

  friend bool operator==(const MoeConfig&, const MoeConfig&) = default;
};

struct Llm {
  std::string name;  ///< library name, "llama-3.1-405b"
  std::string title;
  std::string architecture;  ///< config.json "model_type"
  std::string source;        ///< where the config is published
  std::int64_t hidden = 0, layers = 0, vocab = 0, max_positions = 0;
  std::int64_t embedding_dim = 0;  ///< width of a token's embedding where a projection leads to hidden; 0: hidden
  AttentionConfig attention;
  MlpConfig mlp;
  MoeConfig moe;
  NormKind norm = NormKind::rms_norm;
  bool norm_bias = false;
  bool final_norm = true;
  PositionKind position = PositionKind::rotary;
  std::int64_t position_offset = 0;  ///< extra learned rows (OPT: 2)
  bool tied_embeddings = false;
  bool lm_head_bias = false;
  Dtype dtype = Dtype::bf16;

  [[nodiscard]] bool is_moe_layer(std::int64_t layer) const;

  friend bool operator==(const Llm&, const Llm&) = default;
};

/// How FLOPs of a training step are counted; papers differ.
enum class FlopConvention : std::uint8_t {
  model,         ///< forward + 2 × forward backward, full (non-causal) attention: Korthikanti et al. §A, llm-foundry
  model_causal,  ///< the same with causal attention halved
  palm,  ///< 6N + 12·L·heads·head_dim·seq per token, N without position embeddings: PaLM appendix B, nanoGPT
};
[[nodiscard]] std::string_view name(FlopConvention convention);

}  // namespace orrery::models
