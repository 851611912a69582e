// The table of architectures, and what their readers share.
#include "models/architectures/architectures.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace orrery::models {

const std::vector<ArchitectureRow>& architectures() {
  static const std::vector<ArchitectureRow> rows = {
      {"deepseek_v2", "latent attention, shared and routed experts after a few dense layers",
       "DeepSeek-V2, arXiv:2405.04434; transformers models/deepseek_v2", read_deepseek_v2},
      {"deepseek_v3", "DeepSeek-V2 with a correction bias per expert instead of a balancing loss",
       "DeepSeek-V3, arXiv:2412.19437; transformers models/deepseek_v3", read_deepseek_v3},
      {"gpt2", "learned positions, LayerNorm, GELU MLP of 4·hidden, biases, tied embeddings",
       "Radford et al. 2019; transformers models/gpt2", read_gpt2},
      {"llama", "rotary positions, RMSNorm, SwiGLU MLP, grouped queries, no biases",
       "Touvron et al. 2023, arXiv:2307.09288; transformers models/llama", read_llama},
      {"mistral", "Llama with a sliding attention window",
       "Jiang et al. 2023, arXiv:2310.06825; transformers models/mistral", read_mistral},
      {"mixtral", "Mistral with 8 routed experts in every layer",
       "Jiang et al. 2024, arXiv:2401.04088; transformers models/mixtral", read_mixtral},
      {"opt", "learned positions with an offset of 2, LayerNorm, ReLU MLP, biases, tied embeddings",
       "Zhang et al. 2022, arXiv:2205.01068; transformers models/opt", read_opt},
      {"qwen2", "Llama with biases on queries, keys and values", "Qwen2.5, arXiv:2412.15115; transformers models/qwen2",
       read_qwen2},
      {"qwen3", "Llama with RMSNorm on each head's queries and keys",
       "Qwen3, arXiv:2505.09388; transformers models/qwen3", read_qwen3},
      {"qwen3_moe", "Qwen3 with many small routed experts, none shared",
       "Qwen3, arXiv:2505.09388; transformers models/qwen3_moe", read_qwen3_moe},
  };
  return rows;
}

const ArchitectureRow* find_architecture(std::string_view model_type) {
  const auto& rows = architectures();
  const auto found =
      std::find_if(rows.begin(), rows.end(), [&](const ArchitectureRow& row) { return row.model_type == model_type; });
  return found == rows.end() ? nullptr : &*found;
}

std::int64_t even_head_dim(ConfigKeys& keys, std::int64_t hidden, std::int64_t heads, std::string_view heads_key) {
  if (hidden % heads != 0) {
    keys.error(heads_key, fmt::format("{} heads do not divide the hidden size {}", heads, hidden));
    return 1;
  }
  return hidden / heads;
}

void check_topk(ConfigKeys& keys, const MoeConfig& moe) {
  if (moe.topk <= moe.experts) return;
  keys.error("num_experts_per_tok", fmt::format("{} experts per token of only {}", moe.topk, moe.experts));
}

void read_gated_decoder(ConfigKeys& keys, Llm& llm, const DecoderDefaults& defaults) {
  llm.hidden = keys.size("hidden_size", SizeLimits::kHidden);
  llm.layers = keys.size("num_hidden_layers", SizeLimits::kLayers);
  llm.vocab = keys.size("vocab_size", SizeLimits::kVocab);
  llm.max_positions = keys.size_or("max_position_embeddings", defaults.positions, SizeLimits::kPositions);
  llm.tied_embeddings = keys.flag_or("tie_word_embeddings", false);
  llm.norm = NormKind::rms_norm;
  llm.position = PositionKind::rotary;
  llm.mlp.gated = true;
  llm.mlp.inter = keys.size("intermediate_size", SizeLimits::kInter);

  AttentionConfig& a = llm.attention;
  a.heads = keys.size("num_attention_heads", SizeLimits::kHeads);
  // transformers: null means "as many as heads" in every class, absent means the class default.
  const bool as_many = keys.is_null("num_key_value_heads") || defaults.kv_heads == 0;
  a.kv_heads = keys.size_or("num_key_value_heads", as_many ? a.heads : defaults.kv_heads, SizeLimits::kHeads);
  if (a.heads % a.kv_heads != 0) {
    keys.error("num_key_value_heads", fmt::format("{} key-value heads do not divide {} heads", a.kv_heads, a.heads));
  }
  const bool derived = keys.absent("head_dim") ? defaults.head_dim == 0 : keys.is_null("head_dim");
  a.head_dim = derived ? even_head_dim(keys, llm.hidden, a.heads, "num_attention_heads")
                       : keys.size_or("head_dim", defaults.head_dim, SizeLimits::kHeadDim);
}

}  // namespace orrery::models
