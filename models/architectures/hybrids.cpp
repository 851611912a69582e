// Decoders whose layers mix attention and state spaces, each with a feed-forward block: Jamba, Bamba, Granite 4,
// RecurrentGemma. And T5, whose encoder and decoder stand one behind the other.
// Defaults: transformers models/{jamba,bamba,granitemoehybrid,recurrent_gemma,t5}, configuration_*.py and
// modeling_*.py.
#include <algorithm>

#include <fmt/format.h>

#include "models/architectures/architectures.hpp"

namespace orrery::models {
namespace {

/// Mamba-2 under the names that hybrids give its sizes.
RecurrentConfig read_mamba2_mixer(ConfigKeys& keys, const Llm& llm, std::int64_t state) {
  RecurrentConfig r;
  r.kind = RecurrentKind::mamba2;
  r.value_heads = keys.size_or("mamba_n_heads", 128, SizeLimits::kHeads);
  const std::int64_t inner = keys.size_or("mamba_expand", 2, SizeLimits::kExpansion) * llm.hidden;
  if (inner % r.value_heads != 0) keys.error("mamba_n_heads", "the heads do not divide mamba_expand · hidden_size");
  const bool given = keys.is_integer("mamba_d_head");
  r.value_dim = given ? keys.size("mamba_d_head", SizeLimits::kHeadDim) : inner / r.value_heads;
  r.key_heads = keys.size_or("mamba_n_groups", 1, SizeLimits::kHeads);
  check_groups(keys, r, "mamba_n_groups");
  r.key_dim = keys.size_or("mamba_d_state", state, SizeLimits::kHeadDim);
  r.conv = keys.size_or("mamba_d_conv", 4, SizeLimits::kHeadDim);
  r.chunk = keys.size_or("mamba_chunk_size", 256, SizeLimits::kPositions);
  r.conv_bias = keys.flag_or("mamba_conv_bias", true);
  r.bias = keys.flag_or("mamba_proj_bias", false);
  return r;
}

RecurrentConfig read_mamba_mixer(ConfigKeys& keys, const Llm& llm) {
  RecurrentConfig r;
  r.kind = RecurrentKind::mamba;
  r.key_heads = r.value_dim = 1;
  r.value_heads = keys.size_or("mamba_expand", 2, SizeLimits::kExpansion) * llm.hidden;
  r.key_dim = keys.size_or("mamba_d_state", 16, SizeLimits::kHeadDim);
  const bool given = keys.is_integer("mamba_dt_rank");
  r.dt_rank = given ? keys.size("mamba_dt_rank", SizeLimits::kHidden) : (llm.hidden + 15) / 16;
  r.conv = keys.size_or("mamba_d_conv", 4, SizeLimits::kHeadDim);
  r.conv_bias = keys.flag_or("mamba_conv_bias", true);
  r.bias = keys.flag_or("mamba_proj_bias", false);
  return r;
}

/// Layers at `offset` and every `period` after it.
struct Period {
  std::size_t period = 1, offset = 0;
  [[nodiscard]] bool has(std::size_t layer) const { return layer % period == offset; }
};
Period read_period(ConfigKeys& keys, std::string_view period, std::string_view offset, Period fallback) {
  const auto every = keys.size_or(period, static_cast<std::int64_t>(fallback.period), SizeLimits::kLayers);
  const auto first = keys.size_or(offset, static_cast<std::int64_t>(fallback.offset), SizeLimits::kLayers, 0);
  if (first >= every) keys.error(offset, "the offset must be smaller than the period");
  return {static_cast<std::size_t>(every), static_cast<std::size_t>(first)};
}

/// Recurrent where `attends` says no.
template <class Attends>
void mix(std::vector<LayerConfig>& layers, const RecurrentConfig& mixer, const Attends& attends) {
  for (std::size_t i = 0; i < layers.size(); ++i) {
    if (attends(i)) continue;
    layers[i].mixer = Mixer::recurrent;
    layers[i].recurrent = mixer;
  }
}

/// Of the recurrence of all heads together; hidden where it is absent.
std::int64_t read_lru_width(ConfigKeys& keys, const Llm& llm) {
  const std::int64_t heads = llm.attention.heads;
  const std::int64_t width = keys.size_or("lru_width", llm.hidden, SizeLimits::kInter, heads);
  if (width % heads == 0) return width;
  const bool own = keys.is_integer("lru_width");
  keys.error(own ? "lru_width" : "num_attention_heads",
             fmt::format("{} heads do not divide the recurrence's width {}", heads, width));
  return heads;
}

}  // namespace

void read_jamba(ConfigKeys& keys, Llm& llm) {
  read_gated_decoder(keys, llm, {.kv_heads = 8, .positions = 262'144});
  llm.position = PositionKind::none;
  llm.moe.experts = keys.size_or("num_experts", 16, SizeLimits::kExperts);
  llm.moe.topk = keys.size_or("num_experts_per_tok", 2, SizeLimits::kExperts);
  llm.moe.inter = llm.mlp.inter;
  check_topk(keys, llm.moe);
  const Period attends = read_period(keys, "attn_layer_period", "attn_layer_offset", {8, 4});
  const Period routes = read_period(keys, "expert_layer_period", "expert_layer_offset", {2, 1});
  std::vector<LayerConfig> layers = equal_layers(llm);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const bool experts = llm.moe.experts > 1 && routes.has(i);
    layers[i].feed_forward = experts ? FeedForward::experts : FeedForward::dense;
  }
  mix(layers, read_mamba_mixer(keys, llm), [&](std::size_t i) { return attends.has(i); });
  keys.assume("norms of the selection (dt, B, C): not counted");
  set_layers(llm, layers);
}

void read_bamba(ConfigKeys& keys, Llm& llm) {
  read_gated_decoder(keys, llm, {.kv_heads = 8, .positions = 262'144});
  const std::vector<std::int64_t> list = keys.integers("attn_layer_indices");
  std::vector<LayerConfig> layers = equal_layers(llm);
  mix(layers, read_mamba2_mixer(keys, llm, 256),
      [&](std::size_t i) { return std::find(list.begin(), list.end(), static_cast<std::int64_t>(i)) != list.end(); });
  set_layers(llm, layers);
}

void read_granitemoehybrid(ConfigKeys& keys, Llm& llm) {
  read_granitemoe(keys, llm);
  if (keys.text_or("position_embedding_type", "") != "rope") llm.position = PositionKind::none;
  const std::vector<std::string> types =
      layer_names(keys, llm, keys.first_of({"layer_types", "layers_block_type"}), {"mamba", "attention"});
  std::vector<LayerConfig> layers = equal_layers(llm);
  mix(layers, read_mamba2_mixer(keys, llm, 256),
      [&](std::size_t i) { return !types.empty() && types[i] == "attention"; });
  set_layers(llm, layers);
}

// intermediate_size counts the gate and the up projection together.
void read_recurrent_gemma(ConfigKeys& keys, Llm& llm) {
  const DecoderDefaults defaults{.kv_heads = 1, .positions = 8192, .tied = true};
  read_sizes(keys, llm, defaults);
  read_heads(keys, llm, defaults);
  llm.attention.qkv_bias = keys.flag_or("attention_bias", false);
  llm.attention.out_bias = true;
  llm.attention.window = keys.size_or("attention_window_size", 2048, SizeLimits::kPositions);
  llm.mlp = {.inter = keys.size("intermediate_size", SizeLimits::kInter) / 2, .gated = true, .bias = true};
  RecurrentConfig r;
  r.kind = RecurrentKind::rg_lru;
  r.value_heads = llm.attention.heads;
  r.value_dim = read_lru_width(keys, llm) / r.value_heads;
  r.key_heads = r.key_dim = 1;
  r.conv = keys.size_or("conv1d_width", 4, SizeLimits::kHeadDim);
  r.bias = r.conv_bias = true;
  const std::string_view listed = keys.first_of({"block_types", "_block_types"});
  std::vector<std::string> types = keys.texts(listed);
  if (types.empty() || !check_names(keys, listed, types, {"recurrent", "attention"}))
    types = {"recurrent", "recurrent", "attention"};
  std::vector<LayerConfig> layers = equal_layers(llm);
  mix(layers, r, [&](std::size_t i) { return types[i % types.size()] == "attention"; });
  set_layers(llm, layers);
}

// An encoder layer is self-attention and an MLP; a decoder layer has attention to the encoder's output between them,
// which is a layer of its own without a feed-forward block. Norms and weights are the model's to a norm and the biases
// of relative positions.
void read_t5(ConfigKeys& keys, Llm& llm) {
  llm.hidden = keys.size_or("d_model", 512, SizeLimits::kHidden);
  const std::int64_t encoder = keys.size_or("num_layers", 6, SizeLimits::kLayers);
  const std::int64_t decoder = keys.size_or("num_decoder_layers", encoder, SizeLimits::kLayers);
  llm.layers = encoder + 2 * decoder;
  llm.vocab = keys.size_or("vocab_size", 32'128, SizeLimits::kVocab);
  llm.max_positions = keys.size_or("n_positions", 512, SizeLimits::kPositions);
  llm.tied_embeddings = keys.flag_or("tie_word_embeddings", true);
  llm.norm = NormKind::rms_norm;
  llm.position = PositionKind::none;
  AttentionConfig& a = llm.attention;
  a.heads = a.kv_heads = keys.size_or("num_heads", 8, SizeLimits::kHeads);
  a.head_dim = keys.size_or("d_kv", 64, SizeLimits::kHeadDim);
  llm.mlp = {.inter = keys.size_or("d_ff", 2048, SizeLimits::kInter),
             .gated = keys.text_or("feed_forward_proj", "relu").rfind("gated", 0) == 0};
  std::vector<LayerConfig> layers = equal_layers(llm);
  for (auto i = static_cast<std::size_t>(encoder); i < layers.size(); i += 2)
    layers[i].feed_forward = FeedForward::none;
  keys.assume("encoder and decoder: priced as one stack over one sequence, attention to the encoder as to itself");
  set_layers(llm, layers);
}

}  // namespace orrery::models
