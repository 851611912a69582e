// The table of architectures that a config.json may name in "model_type".
#pragma once

#include <string_view>
#include <vector>

#include "models/architectures/config_keys.hpp"
#include "models/llm.hpp"

namespace orrery::models {

/// A row of the architectures' table.
struct ArchitectureRow {
  std::string_view model_type;  ///< as config.json names it
  std::string_view summary;     ///< one line: what sets it apart
  std::string_view source;
  void (*read)(ConfigKeys& keys, Llm& llm);
};

[[nodiscard]] const std::vector<ArchitectureRow>& architectures();
[[nodiscard]] const ArchitectureRow* find_architecture(std::string_view model_type);

// Readers, one file per family.
void read_llama(ConfigKeys& keys, Llm& llm);
void read_mistral(ConfigKeys& keys, Llm& llm);
void read_mixtral(ConfigKeys& keys, Llm& llm);
void read_qwen2(ConfigKeys& keys, Llm& llm);
void read_qwen3(ConfigKeys& keys, Llm& llm);
void read_qwen3_moe(ConfigKeys& keys, Llm& llm);
void read_gpt2(ConfigKeys& keys, Llm& llm);
void read_opt(ConfigKeys& keys, Llm& llm);
void read_deepseek_v2(ConfigKeys& keys, Llm& llm);
void read_deepseek_v3(ConfigKeys& keys, Llm& llm);

/// What the pre-norm gated decoders share: hidden, layers, heads, intermediate, vocabulary, positions, ties.
struct DecoderDefaults {
  std::int64_t kv_heads = 0;  ///< of an absent num_key_value_heads; 0: as many as heads
  std::int64_t head_dim = 0;  ///< of an absent head_dim; 0: hidden / heads
  std::int64_t positions = 0;
};
void read_gated_decoder(ConfigKeys& keys, Llm& llm, const DecoderDefaults& defaults);

/// An error where num_experts_per_tok is more than there are.
void check_topk(ConfigKeys& keys, const MoeConfig& moe);

/// hidden / heads; an error at `heads_key` where it is no whole number.
[[nodiscard]] std::int64_t even_head_dim(ConfigKeys& keys, std::int64_t hidden, std::int64_t heads,
                                         std::string_view heads_key);

}  // namespace orrery::models
