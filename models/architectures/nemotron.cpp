// NVIDIA's Nemotron: -4 (LayerNorm, squared ReLU), -H and -3 (one block per layer: Mamba-2, attention, MLP or experts)
// and -NAS (Llama whose layers were searched one by one).
//
// Nemotron-H names its layers in hybrid_override_pattern (M, *, -, E) or layers_block_type. Experts of Nemotron 3 may
// work in a latent of moe_latent_size, to which and from which the tokens are projected. Nemotron-NAS gives each layer
// of block_configs the queries that share a head of keys, and the MLP's width as a multiple; a block may be left away
// or be one matrix.
// Source: transformers models/nemotron and nemotron_h, configuration_*.py and modeling_*.py;
// nvidia/Llama-3_3-Nemotron-Super-49B-v1 modeling_decilm.py.
#include <cmath>

#include <fmt/format.h>

#include "models/architectures/architectures.hpp"

namespace orrery::models {
namespace {

RecurrentConfig read_mixer(ConfigKeys& keys) {
  RecurrentConfig r;
  r.kind = RecurrentKind::mamba2;
  r.value_heads = keys.size_or("mamba_num_heads", 128, SizeLimits::kHeads);
  r.value_dim = keys.size_or("mamba_head_dim", 64, SizeLimits::kHeadDim);
  const std::string_view groups = keys.first_of({"n_groups", "mamba_n_groups"});
  r.key_heads = keys.size_or(groups, 8, SizeLimits::kHeads);
  check_groups(keys, r, groups);
  r.key_dim = keys.size_or("ssm_state_size", 128, SizeLimits::kHeadDim);
  r.conv = keys.size_or(keys.first_of({"conv_kernel", "mamba_d_conv"}), 4, SizeLimits::kHeadDim);
  r.chunk = keys.size_or("chunk_size", 128, SizeLimits::kPositions);
  r.conv_bias = keys.flag_or("use_conv_bias", true);
  r.bias = keys.flag_or(keys.first_of({"mamba_proj_bias", "use_bias"}), false);
  return r;
}

void read_experts(ConfigKeys& keys, Llm& llm) {
  MoeConfig& moe = llm.moe;
  if (keys.absent("n_routed_experts") || keys.is_null("n_routed_experts")) return;
  moe.experts = keys.size("n_routed_experts", SizeLimits::kExperts);
  moe.topk = keys.size("num_experts_per_tok", SizeLimits::kExperts);
  moe.inter = keys.size("moe_intermediate_size", SizeLimits::kInter);
  moe.latent = keys.size_or("moe_latent_size", 0, SizeLimits::kHidden);
  moe.shared_experts = keys.size_or("n_shared_experts", 1, SizeLimits::kExperts, 0);
  moe.shared_inter = keys.size_or("moe_shared_expert_intermediate_size", moe.inter, SizeLimits::kInter);
  moe.router_bias = true;
  check_topk(keys, moe);
}

/// A layer by its letter or its name; false where it is unknown.
bool make_block(LayerConfig& layer, const std::string& type, const RecurrentConfig& mixer) {
  layer.mixer = Mixer::none;
  layer.feed_forward = FeedForward::none;
  if (type == "M" || type == "mamba") {
    layer.mixer = Mixer::recurrent;
    layer.recurrent = mixer;
  } else if (type == "*" || type == "attention") {
    layer.mixer = Mixer::attention;
  } else if (type == "-" || type == "mlp") {
    layer.feed_forward = FeedForward::dense;
  } else if (type == "E" || type == "moe") {
    layer.feed_forward = FeedForward::experts;
  } else {
    return false;
  }
  return true;
}

std::vector<std::string> block_types(ConfigKeys& keys) {
  std::vector<std::string> types = keys.texts("layers_block_type");
  if (!types.empty()) return types;
  for (const char letter : keys.text_or("hybrid_override_pattern", "")) types.emplace_back(1, letter);
  return types;
}

/// The MLP's width of a block: a multiple of hidden by 2/3, up to the next multiple of 256 (DeciLM's rule).
std::int64_t nas_width(ConfigKeys& keys, const Llm& llm, const std::string& block) {
  const std::string given = block + ".intermediate_size";
  if (!keys.absent(given) && !keys.is_null(given)) return keys.size(given, SizeLimits::kInter);
  const double multiple = keys.real_or(block + ".ffn_mult", 0.0, 0.0, 1024.0);
  const auto width = static_cast<std::int64_t>(2.0 * multiple * static_cast<double>(llm.hidden) / 3.0);
  if (width == 0) keys.error(block + ".ffn_mult", "the block has an MLP without a width");
  return std::max<std::int64_t>(256, (width + 255) / 256 * 256);
}

void read_nas_block(ConfigKeys& keys, const Llm& llm, const std::string& block, LayerConfig& layer) {
  const std::string attention = block + ".attention", ffn = block + ".ffn";
  if (keys.flag_or(attention + ".no_op", false)) {
    layer.mixer = Mixer::none;
  } else if (keys.flag_or(attention + ".replace_with_linear", false)) {
    layer.mixer = Mixer::linear;
  } else {
    const std::int64_t heads = llm.attention.heads;
    const bool counted = !keys.absent(attention + ".num_key_value_heads");
    const std::int64_t shared = counted ? 0 : keys.size(attention + ".n_heads_in_group", heads);
    layer.attention.kv_heads = counted ? keys.size(attention + ".num_key_value_heads", heads) : heads / shared;
    layer.attention.window = keys.size_or(attention + ".window_length", 0, SizeLimits::kPositions);
    if (heads % layer.attention.kv_heads != 0 || (shared > 0 && heads % shared != 0)) {
      keys.error(attention, fmt::format("{} heads can't be shared evenly", heads));
    }
  }
  if (keys.flag_or(ffn + ".no_op", false)) {
    layer.feed_forward = FeedForward::none;
  } else if (keys.flag_or(ffn + ".replace_with_linear", false)) {
    layer.feed_forward = FeedForward::linear;
  } else {
    layer.mlp.inter = nas_width(keys, llm, ffn);
  }
}

}  // namespace

void read_nemotron(ConfigKeys& keys, Llm& llm) {
  read_gated_decoder(keys, llm, {.kv_heads = 0, .head_dim = 0, .positions = 4096});
  read_attention_bias(keys, llm, false);
  llm.norm = NormKind::layer_norm;
  llm.norm_bias = true;
  llm.mlp.gated = false;
  llm.mlp.bias = keys.flag_or("mlp_bias", false);
}

void read_nemotron_h(ConfigKeys& keys, Llm& llm) {
  const std::vector<std::string> types = block_types(keys);
  if (types.empty()) {
    keys.error("layers_block_type", "the key is missing, and hybrid_override_pattern too: which block each layer is");
  }
  if (keys.absent("num_hidden_layers")) {
    keys.set_default("num_hidden_layers", static_cast<std::int64_t>(types.size()));
  }
  const DecoderDefaults defaults{.kv_heads = 8, .head_dim = 128, .positions = 4096};
  read_sizes(keys, llm, defaults);
  read_heads(keys, llm, defaults);
  read_attention_bias(keys, llm, false);
  llm.position = PositionKind::none;  // its attention has none
  llm.mlp = {.inter = keys.size_or("intermediate_size", 21'504, SizeLimits::kInter),
             .gated = false,
             .bias = keys.flag_or("mlp_bias", false)};
  read_experts(keys, llm);
  const RecurrentConfig mixer = read_mixer(keys);
  if (static_cast<std::int64_t>(types.size()) < llm.layers) {
    if (!types.empty())
      keys.error("num_hidden_layers", fmt::format("{} layers of {} blocks", llm.layers, types.size()));
    return;
  }
  std::vector<LayerConfig> layers(static_cast<std::size_t>(llm.layers));
  for (std::size_t i = 0; i < layers.size(); ++i) {
    layers[i].attention = llm.attention;
    layers[i].mlp = llm.mlp;
    layers[i].moe = llm.moe;
    if (make_block(layers[i], types[i], mixer) && (types[i] != "E" || llm.moe.experts > 0)) continue;
    keys.error("layers_block_type", fmt::format("\"{}\" is no block; known are mamba (M), attention (*), mlp (-) and "
                                                "moe (E, with n_routed_experts)",
                                                types[i]));
    return;
  }
  set_layers(llm, layers);
}

void read_nemotron_nas(ConfigKeys& keys, Llm& llm) {
  read_sizes(keys, llm, {.positions = 131'072});
  read_heads(keys, llm, {.positions = 131'072});
  read_attention_bias(keys, llm, false);
  llm.mlp.gated = true;
  llm.mlp.bias = keys.flag_or("mlp_bias", false);
  const std::int64_t blocks = keys.items("block_configs");
  if (blocks < llm.layers) {
    keys.error("block_configs", fmt::format("a list of {} blocks for {} layers", blocks, llm.layers));
    return;
  }
  std::vector<LayerConfig> layers = equal_layers(llm);
  for (std::size_t i = 0; i < layers.size(); ++i)
    read_nas_block(keys, llm, fmt::format("block_configs.{}", i), layers[i]);
  set_layers(llm, layers);
}

}  // namespace orrery::models
