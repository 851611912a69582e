#include "models/architectures/decoder.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace orrery::models {

std::int64_t even_head_dim(ConfigKeys& keys, std::int64_t hidden, std::int64_t heads, std::string_view heads_key) {
  if (hidden % heads != 0) {
    keys.error(heads_key, fmt::format("{} heads do not divide the hidden size {}", heads, hidden));
    return 1;
  }
  return hidden / heads;
}

void check_topk(ConfigKeys& keys, const MoeConfig& moe, std::string_view key) {
  if (moe.topk <= moe.experts) return;
  keys.error(key, fmt::format("{} experts per token of only {}", moe.topk, moe.experts));
}

void check_kv_heads(ConfigKeys& keys, const AttentionConfig& a, std::string_view key) {
  if (a.heads % a.kv_heads == 0) return;
  keys.error(key, fmt::format("{} key-value heads do not divide {} heads", a.kv_heads, a.heads));
}

void check_groups(ConfigKeys& keys, const RecurrentConfig& r, std::string_view key) {
  if (r.value_heads % r.key_heads == 0) return;
  keys.error(key, fmt::format("{} groups do not divide {} heads", r.key_heads, r.value_heads));
}

std::int64_t first_multiple(std::int64_t first, std::int64_t every, std::int64_t ahead) {
  return (first + ahead + every - 1) / every * every - ahead;
}

void read_routed(ConfigKeys& keys, MoeConfig& moe, const RoutedDefaults& defaults) {
  moe.experts = keys.size_or("n_routed_experts", defaults.experts, SizeLimits::kExperts);
  moe.topk = keys.size_or("num_experts_per_tok", defaults.topk, SizeLimits::kExperts);
  moe.inter = keys.size_or("moe_intermediate_size", defaults.inter, SizeLimits::kInter);
  moe.shared_experts = keys.size_or("n_shared_experts", defaults.shared, SizeLimits::kExperts, 0);
  moe.shared_inter = moe.shared_experts > 0 ? moe.inter : 0;
  check_topk(keys, moe);
}

/// The longest sequence where rotary positions are stretched: YaRN multiplies what the model was trained for, others
/// what it has; Llama 3's and Phi's kinds state the result already (vllm/config/model.py, _get_and_verify_max_len;
/// Gemma 3 is left out there, too).
std::int64_t scaled_positions(ConfigKeys& keys, std::int64_t positions) {
  const char* object = keys.is_object("rope_scaling") ? "rope_scaling" : "rope_parameters";
  if (!keys.is_object(object) || keys.text_or("model_type", "").rfind("gemma3", 0) == 0) return positions;
  const std::string prefix = std::string(object) + ".";
  const std::string kind = keys.text_or(prefix + "rope_type", keys.text_or(prefix + "type", ""));
  if (kind.empty() || kind == "su" || kind == "longrope" || kind == "llama3" || kind == "mrope" || kind == "default") {
    return positions;
  }
  constexpr double kMostFactor = 1e6;
  const double factor = keys.real_or(prefix + "factor", 1.0, 0.0, kMostFactor);
  const std::int64_t trained =
      kind == "yarn" ? keys.size_or(prefix + "original_max_position_embeddings", positions, SizeLimits::kPositions)
                     : positions;
  const double scaled = factor * static_cast<double>(trained);
  return scaled >= 1.0 && scaled <= static_cast<double>(SizeLimits::kPositions) ? static_cast<std::int64_t>(scaled)
                                                                                : positions;
}

void read_sizes(ConfigKeys& keys, Llm& llm, const DecoderDefaults& defaults) {
  llm.hidden = keys.size("hidden_size", SizeLimits::kHidden);
  llm.layers = keys.size("num_hidden_layers", SizeLimits::kLayers);
  llm.vocab = keys.size("vocab_size", SizeLimits::kVocab);
  llm.max_positions =
      scaled_positions(keys, keys.size_or("max_position_embeddings", defaults.positions, SizeLimits::kPositions));
  llm.tied_embeddings = keys.flag_or("tie_word_embeddings", defaults.tied);
  llm.norm = NormKind::rms_norm;
  llm.position = PositionKind::rotary;
}

void read_heads(ConfigKeys& keys, Llm& llm, const DecoderDefaults& defaults) {
  AttentionConfig& a = llm.attention;
  a.heads = keys.size("num_attention_heads", SizeLimits::kHeads);
  // transformers: null means "as many as heads" in every class, absent means the class default.
  const bool as_many = keys.is_null("num_key_value_heads") || defaults.kv_heads == 0;
  if (keys.absent("num_key_value_heads") && as_many) {
    a.kv_heads = a.heads;
  } else {
    a.kv_heads = keys.size_or("num_key_value_heads", as_many ? a.heads : defaults.kv_heads, SizeLimits::kHeads);
  }
  check_kv_heads(keys, a, "num_key_value_heads");
  const bool derived = keys.absent("head_dim") ? defaults.head_dim == 0 : keys.is_null("head_dim");
  if (!derived) {
    a.head_dim = keys.size_or("head_dim", defaults.head_dim, SizeLimits::kHeadDim);
    return;
  }
  keys.assume("head_dim: hidden/heads");
  a.head_dim = even_head_dim(keys, llm.hidden, a.heads, "num_attention_heads");
}

void read_gated_decoder(ConfigKeys& keys, Llm& llm, const DecoderDefaults& defaults) {
  read_sizes(keys, llm, defaults);
  llm.mlp.gated = true;
  llm.mlp.inter = keys.size("intermediate_size", SizeLimits::kInter);
  read_heads(keys, llm, defaults);
}

void read_named(ConfigKeys& keys, Llm& llm, const DecoderNames& names, std::int64_t positions, bool tied) {
  llm.hidden = keys.size(names.hidden, SizeLimits::kHidden);
  llm.layers = keys.size(names.layers, SizeLimits::kLayers);
  llm.vocab = keys.size(names.vocab, SizeLimits::kVocab);
  llm.max_positions = keys.size_or(names.positions, positions, SizeLimits::kPositions);
  llm.tied_embeddings = keys.flag_or("tie_word_embeddings", tied);
  AttentionConfig& a = llm.attention;
  a.heads = a.kv_heads = keys.size(names.heads, SizeLimits::kHeads);
  a.head_dim = even_head_dim(keys, llm.hidden, a.heads, names.heads);
}

void use_layer_norm(Llm& llm, bool bias) {
  llm.norm = NormKind::layer_norm;
  llm.norm_bias = bias;
}

void read_attention_bias(ConfigKeys& keys, Llm& llm, bool fallback, bool out) {
  llm.attention.qkv_bias = keys.flag_or("attention_bias", fallback);
  llm.attention.out_bias = out && llm.attention.qkv_bias;
}

namespace {

template <class Item>
std::vector<Item> per_layer(ConfigKeys& keys, const Llm& llm, std::string_view key, std::vector<Item> items) {
  if (items.empty()) return items;
  const std::size_t layers = static_cast<std::size_t>(llm.layers);
  if (items.size() < layers) {
    keys.error(key, fmt::format("a list of {} for {} layers", items.size(), llm.layers));
    return {};
  }
  items.resize(layers);
  return items;
}

}  // namespace

std::vector<std::string> layer_texts(ConfigKeys& keys, const Llm& llm, std::string_view key) {
  return per_layer(keys, llm, key, keys.texts(key));
}

bool check_names(ConfigKeys& keys, std::string_view key, const std::vector<std::string>& names,
                 std::initializer_list<std::string_view> known) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (std::find(known.begin(), known.end(), names[i]) != known.end()) continue;
    const std::vector<std::string> valid(known.begin(), known.end());
    keys.error(key, fmt::format("\"{}\" of layer {} is no kind of layer; known, nearest first: {}", shorten(names[i]),
                                i, nearest_first(names[i], valid)));
    return false;
  }
  return true;
}

std::vector<std::string> layer_names(ConfigKeys& keys, const Llm& llm, std::string_view key,
                                     std::initializer_list<std::string_view> known) {
  std::vector<std::string> names = layer_texts(keys, llm, key);
  return check_names(keys, key, names, known) ? names : std::vector<std::string>{};
}

std::vector<std::int64_t> layer_integers(ConfigKeys& keys, const Llm& llm, std::string_view key) {
  return per_layer(keys, llm, key, keys.integers(key));
}

std::vector<LayerConfig> equal_layers(const Llm& llm) {
  std::vector<LayerConfig> layers;
  layers.reserve(static_cast<std::size_t>(llm.layers));
  for (std::int64_t i = 0; i < llm.layers; ++i) layers.push_back(llm.layer(i));
  return layers;
}

void set_layers(Llm& llm, const std::vector<LayerConfig>& layers) {
  llm.kinds.clear();
  llm.layer_kinds.clear();
  for (const LayerConfig& layer : layers) {
    const auto found = std::find(llm.kinds.begin(), llm.kinds.end(), layer);
    llm.layer_kinds.push_back(static_cast<std::uint16_t>(found - llm.kinds.begin()));
    if (found == llm.kinds.end()) llm.kinds.push_back(layer);
  }
  const auto first = [&](const auto& has) { return std::find_if(llm.kinds.begin(), llm.kinds.end(), has); };
  const auto attends = first([](const LayerConfig& kind) { return kind.mixer == Mixer::attention; });
  if (attends != llm.kinds.end()) llm.attention = attends->attention;
  const auto dense = first([](const LayerConfig& kind) { return kind.feed_forward == FeedForward::dense; });
  if (dense != llm.kinds.end()) llm.mlp = dense->mlp;
  const auto sparse = first([](const LayerConfig& kind) { return kind.feed_forward == FeedForward::experts; });
  if (sparse != llm.kinds.end()) llm.moe = sparse->moe;
}

bool slide_by_types(ConfigKeys& keys, Llm& llm, std::int64_t window) {
  const std::vector<std::string> types = layer_names(keys, llm, "layer_types", {"sliding_attention", "full_attention"});
  if (types.empty()) return false;
  slide_windows(llm, window, [&](std::size_t i) { return types[i] == "sliding_attention"; });
  return true;
}

}  // namespace orrery::models
