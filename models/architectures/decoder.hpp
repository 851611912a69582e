// What readers of architectures share: the sizes that every decoder has, experts, and lists of layers.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "models/architectures/config_keys.hpp"
#include "models/llm.hpp"

namespace orrery::models {

/// What the pre-norm gated decoders share: hidden, layers, heads, intermediate, vocabulary, positions, ties.
struct DecoderDefaults {
  std::int64_t kv_heads = 0;  ///< of an absent num_key_value_heads; 0: as many as heads
  std::int64_t head_dim = 0;  ///< of an absent head_dim; 0: hidden / heads
  std::int64_t positions = 0;
  bool tied = false;
};
void read_gated_decoder(ConfigKeys& keys, Llm& llm, const DecoderDefaults& defaults);
/// Hidden size, layers, vocabulary, positions, ties; RMSNorm, rotary positions.
void read_sizes(ConfigKeys& keys, Llm& llm, const DecoderDefaults& defaults);
/// Heads, key-value heads and their width.
void read_heads(ConfigKeys& keys, Llm& llm, const DecoderDefaults& defaults);

/// The same under names of a config's own; as many heads of keys, each hidden / heads wide.
struct DecoderNames {
  std::string_view hidden = "hidden_size", layers = "num_hidden_layers", heads = "num_attention_heads";
  std::string_view vocab = "vocab_size", positions = "max_position_embeddings";
};
void read_named(ConfigKeys& keys, Llm& llm, const DecoderNames& names, std::int64_t positions, bool tied);

/// LayerNorm in place of RMSNorm.
void use_layer_norm(Llm& llm, bool bias);

/// attention_bias, for all four projections; qkv alone where `out` is false.
void read_attention_bias(ConfigKeys& keys, Llm& llm, bool fallback, bool out = true);

/// What an absent key of routed and shared experts of one width says, as DeepSeek's relatives name them.
struct RoutedDefaults {
  std::int64_t experts = 0, topk = 0, inter = 0;  ///< n_routed_experts, num_experts_per_tok, moe_intermediate_size
  std::int64_t shared = 1;                        ///< n_shared_experts
};
void read_routed(ConfigKeys& keys, MoeConfig& moe, const RoutedDefaults& defaults);

/// An error at the key where a token takes more experts than there are.
void check_topk(ConfigKeys& keys, const MoeConfig& moe, std::string_view key = "num_experts_per_tok");
/// An error at the key where the key-value heads do not divide the heads.
void check_kv_heads(ConfigKeys& keys, const AttentionConfig& attention, std::string_view key);
/// An error at the key where groups of B and C do not divide the heads of a state space.
void check_groups(ConfigKeys& keys, const RecurrentConfig& recurrent, std::string_view key);
/// The first layer from `first` on whose number, `ahead` more, is a multiple of `every`.
[[nodiscard]] std::int64_t first_multiple(std::int64_t first, std::int64_t every, std::int64_t ahead = 0);

/// hidden / heads; an error at `heads_key` where it is no whole number.
[[nodiscard]] std::int64_t even_head_dim(ConfigKeys& keys, std::int64_t hidden, std::int64_t heads,
                                         std::string_view heads_key);

/// The key's list of texts, one for each layer at least (what is more belongs to speculative heads); empty where it is
/// absent or, which is an error, too short.
[[nodiscard]] std::vector<std::string> layer_texts(ConfigKeys& keys, const Llm& llm, std::string_view key);
/// The same where each is one of `known`; another is an error that names its layer and the nearest that are.
[[nodiscard]] std::vector<std::string> layer_names(ConfigKeys& keys, const Llm& llm, std::string_view key,
                                                   std::initializer_list<std::string_view> known);
/// An error at the key where a name is none of `known`; false then. Layers are counted from 0.
bool check_names(ConfigKeys& keys, std::string_view key, const std::vector<std::string>& names,
                 std::initializer_list<std::string_view> known);
/// The same of whole numbers.
[[nodiscard]] std::vector<std::int64_t> layer_integers(ConfigKeys& keys, const Llm& llm, std::string_view key);

/// Every layer as the fields of `llm` say: the list to change where layers differ.
[[nodiscard]] std::vector<LayerConfig> equal_layers(const Llm& llm);
/// Makes them the model's, of which the first with attention and the first with experts stand for all in reports.
void set_layers(Llm& llm, const std::vector<LayerConfig>& layers);

/// An attention's window in the layers that `sliding` tells; none in the others.
template <class Sliding>
void slide_windows(Llm& llm, std::int64_t window, const Sliding& sliding) {
  std::vector<LayerConfig> layers = equal_layers(llm);
  for (std::size_t i = 0; i < layers.size(); ++i) layers[i].attention.window = sliding(i) ? window : 0;
  set_layers(llm, layers);
}
/// By layer_types ("sliding_attention" slides, "full_attention" does not); false where the config has none.
bool slide_by_types(ConfigKeys& keys, Llm& llm, std::int64_t window);

}  // namespace orrery::models
