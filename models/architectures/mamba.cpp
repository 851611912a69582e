// Mamba, Falcon-Mamba and Mamba-2: a layer is one selective state space behind one norm; nothing is cached per token.
// Defaults: transformers models/mamba and mamba2, configuration_*.py and modeling_*.py.
#include "models/architectures/architectures.hpp"

namespace orrery::models {
namespace {

void read_common(ConfigKeys& keys, Llm& llm, bool tied) {
  llm.hidden = keys.size("hidden_size", SizeLimits::kHidden);
  llm.layers = keys.size_of({"num_hidden_layers", "n_layer"}, SizeLimits::kLayers);
  llm.vocab = keys.size("vocab_size", SizeLimits::kVocab);
  llm.max_positions = keys.size_or("max_position_embeddings", 0, SizeLimits::kPositions);
  llm.tied_embeddings = keys.flag_or("tie_word_embeddings", tied);
  llm.norm = NormKind::rms_norm;
  llm.position = PositionKind::none;
}

std::int64_t inner_width(ConfigKeys& keys, const Llm& llm) {
  const std::int64_t expanded = keys.size_or("expand", 2, SizeLimits::kExpansion) * llm.hidden;
  const bool given = !keys.absent("intermediate_size") && !keys.is_null("intermediate_size");
  return given ? keys.size("intermediate_size", SizeLimits::kInter) : expanded;
}

void set_all(Llm& llm, const RecurrentConfig& recurrent) {
  LayerConfig layer;
  layer.mixer = Mixer::recurrent;
  layer.feed_forward = FeedForward::none;
  layer.recurrent = recurrent;
  set_layers(llm, std::vector<LayerConfig>(static_cast<std::size_t>(llm.layers), layer));
}

void read_flags(ConfigKeys& keys, RecurrentConfig& r) {
  r.conv = keys.size_or("conv_kernel", 4, SizeLimits::kHeadDim);
  r.bias = keys.flag_or("use_bias", false);
  r.conv_bias = keys.flag_or("use_conv_bias", true);
}

}  // namespace

void read_mamba(ConfigKeys& keys, Llm& llm) {
  read_common(keys, llm, true);
  RecurrentConfig r;
  r.kind = RecurrentKind::mamba;
  read_flags(keys, r);
  r.key_heads = r.value_dim = 1;
  r.value_heads = inner_width(keys, llm);
  r.key_dim = keys.size_or("state_size", 16, SizeLimits::kHeadDim);
  // "auto" in some configs: a sixteenth of the hidden size.
  const bool given = keys.is_integer("time_step_rank");
  r.dt_rank = given ? keys.size("time_step_rank", SizeLimits::kHidden) : (llm.hidden + 15) / 16;
  set_all(llm, r);
}

void read_mamba2(ConfigKeys& keys, Llm& llm) {
  read_common(keys, llm, false);
  RecurrentConfig r;
  r.kind = RecurrentKind::mamba2;
  read_flags(keys, r);
  r.value_dim = keys.size_or("head_dim", 64, SizeLimits::kHeadDim);
  r.value_heads = keys.size_or("num_heads", inner_width(keys, llm) / r.value_dim, SizeLimits::kHeads);
  r.key_heads = keys.size_or("n_groups", 8, SizeLimits::kHeads);
  check_groups(keys, r, "n_groups");
  r.key_dim = keys.size_or("state_size", 128, SizeLimits::kHeadDim);
  r.chunk = keys.size_or("chunk_size", 256, SizeLimits::kPositions);
  if (r.value_heads == 0) {
    keys.error("head_dim", "the heads are wider than the layer");
    return;
  }
  set_all(llm, r);
}

}  // namespace orrery::models
