#include "models/architectures/vision.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

namespace orrery::models {
namespace {

// So small that no product of them overflows.
constexpr std::int64_t kMostSide = 1 << 12, kMostMerge = 16, kMostHidden = 1 << 17, kMostItems = 1000;

/// Sizes of vision_config, or of another object.
class Tower {
 public:
  explicit Tower(ConfigKeys& keys, std::string object = "vision_config") : keys_(keys), object_(std::move(object)) {}

  [[nodiscard]] bool there() const { return keys_.is_object(object_); }
  std::int64_t hidden(std::string_view key, std::int64_t fallback) {
    return keys_.size_or(path(key), std::min(fallback, kMostHidden), kMostHidden);
  }
  std::int64_t inter(std::string_view key, std::int64_t fallback) {
    return keys_.size_or(path(key), fallback, SizeLimits::kInter);
  }
  std::int64_t layers(std::string_view key, std::int64_t fallback) {
    return keys_.size_or(path(key), fallback, SizeLimits::kLayers, 0);
  }
  std::int64_t side(std::string_view key, std::int64_t fallback) {
    return keys_.size_or(path(key), fallback, kMostSide);
  }
  std::int64_t merge(std::string_view key, std::int64_t fallback) {
    return keys_.size_or(path(key), fallback, kMostMerge);
  }
  std::int64_t items(std::string_view key) { return std::min(kMostItems, keys_.items(path(key))); }

 private:
  [[nodiscard]] std::string path(std::string_view key) const { return object_ + "." + std::string(key); }

  ConfigKeys& keys_;
  std::string object_;
};

std::int64_t linear(std::int64_t in, std::int64_t out) { return in * out + out; }

/// Attention of four projections and an MLP of two, all with biases, and two LayerNorms.
std::int64_t plain_block(std::int64_t hidden, std::int64_t inter) {
  return 4 * linear(hidden, hidden) + linear(hidden, inter) + linear(inter, hidden) + 4 * hidden;
}

}  // namespace

std::int64_t qwen2_5_vision(ConfigKeys& keys, const Llm& llm) {
  Tower t(keys);
  if (!t.there()) return 0;
  const std::int64_t hidden = t.hidden("hidden_size", 1280), inter = t.inter("intermediate_size", 3420);
  const std::int64_t patch = t.side("patch_size", 14), merge = t.merge("spatial_merge_size", 2);
  const std::int64_t patches = 3 * t.merge("temporal_patch_size", 2) * patch * patch * hidden;
  const std::int64_t block =
      4 * linear(hidden, hidden) + 2 * linear(hidden, inter) + linear(inter, hidden) + 2 * hidden;
  const std::int64_t merged = merge * merge * hidden, out = t.hidden("out_hidden_size", llm.hidden);
  return patches + t.layers("depth", 32) * block + hidden + linear(merged, merged) + linear(merged, out);
}

std::int64_t qwen3_vision(ConfigKeys& keys, const Llm& llm) {
  Tower t(keys);
  if (!t.there()) return 0;
  const std::int64_t hidden = t.hidden("hidden_size", 1152), inter = t.inter("intermediate_size", 4304);
  const std::int64_t patch = t.side("patch_size", 16), merge = t.merge("spatial_merge_size", 2);
  const std::int64_t volume = t.merge("in_channels", 3) * t.merge("temporal_patch_size", 2) * patch * patch;
  const std::int64_t merged = merge * merge * hidden, out = t.hidden("out_hidden_size", llm.hidden);
  const std::int64_t merger = linear(merged, merged) + linear(merged, out);
  return linear(volume, hidden) + t.inter("num_position_embeddings", 2304) * hidden +
         t.layers("depth", 27) * plain_block(hidden, inter) + 2 * hidden + merger +
         t.items("deepstack_visual_indexes") * (2 * merged + merger);
}

std::int64_t kimi_vision(ConfigKeys& keys, const Llm& llm) {
  Tower t(keys);
  if (!t.there()) return 0;
  const std::int64_t hidden = t.hidden("vt_hidden_size", 1152), inter = t.inter("vt_intermediate_size", 4304);
  const std::int64_t patch = t.side("patch_size", 14);
  const std::int64_t positions = t.side("init_pos_emb_height", 64) * t.side("init_pos_emb_width", 64) * hidden;
  const std::int64_t merged = 4 * hidden;  // merge_kernel_size [2, 2]
  const std::int64_t projector = 2 * hidden + linear(merged, merged) + linear(merged, llm.hidden);
  return linear(3 * patch * patch, hidden) + positions +
         t.layers("vt_num_hidden_layers", 27) * plain_block(hidden, inter) + 2 * hidden + projector;
}

std::int64_t minimax_vision(ConfigKeys& keys, const Llm& llm) {
  Tower t(keys);
  if (!t.there()) return 0;
  const std::int64_t hidden = t.hidden("hidden_size", 1280), inter = t.inter("intermediate_size", 5120);
  const std::int64_t patch = t.side("patch_size", 14), out = t.hidden("projection_dim", llm.hidden);
  const std::int64_t patches = 3 * t.merge("temporal_patch_size", 2) * patch * patch * hidden;
  const std::int64_t projector = linear(hidden, out) + linear(out, out) + linear(4 * out, out) + linear(out, out);
  return patches + 2 * hidden + t.layers("num_hidden_layers", 32) * plain_block(hidden, inter) + projector;
}

std::int64_t gemma3_vision(ConfigKeys& keys, const Llm& llm) {
  Tower t(keys);
  if (!t.there()) return 0;
  const std::int64_t hidden = t.hidden("hidden_size", 1152), inter = t.inter("intermediate_size", 4304);
  const std::int64_t patch = t.side("patch_size", 14), side = t.side("image_size", 896) / patch;
  return linear(3 * patch * patch, hidden) + side * side * hidden +
         t.layers("num_hidden_layers", 27) * plain_block(hidden, inter) + 2 * hidden + hidden * llm.hidden + hidden;
}

std::int64_t gemma4_vision(ConfigKeys& keys, const Llm& llm) {
  Tower t(keys);
  if (!t.there()) return 0;
  const std::int64_t hidden = t.hidden("hidden_size", 768), inter = t.inter("intermediate_size", 3072);
  const std::int64_t heads = t.side("num_attention_heads", 12), width = t.hidden("head_dim", 64);
  const std::int64_t patch = t.side("patch_size", 16), positions = t.inter("position_embedding_size", 10'240);
  const std::int64_t block = 4 * hidden * heads * width + 3 * hidden * inter + 4 * hidden + 2 * width;
  return 3 * patch * patch * hidden + 2 * positions * hidden + t.layers("num_hidden_layers", 16) * block +
         hidden * llm.hidden;
}

std::int64_t step_vision(ConfigKeys& keys, const Llm& llm) {
  Tower t(keys);
  if (!t.there()) keys.assume("vision tower: the class's default, which the config does not mention");
  const std::int64_t hidden = t.hidden("hidden_size", 1536), patch = t.side("patch_size", 14);
  const std::int64_t inter = hidden * 8960 / 1536, side = t.side("image_size", 728) / patch;
  const std::int64_t downsampling = linear(9 * hidden, 2 * hidden) + linear(18 * hidden, 4 * hidden);
  return 3 * patch * patch * hidden + side * side * hidden + 2 * hidden +
         t.layers("num_hidden_layers", 47) * (plain_block(hidden, inter) + 2 * hidden) + downsampling +
         4 * hidden * llm.hidden;
}

std::int64_t step3_vision(ConfigKeys& keys, const Llm& llm) {
  Tower t(keys);
  if (!t.there()) return 0;
  const std::int64_t hidden = t.hidden("hidden_size", 1792), inter = t.inter("intermediate_size", 3072);
  const std::int64_t out = t.hidden("output_hidden_size", 4096), patch = t.side("patch_size", 14);
  const std::int64_t side = t.side("image_size", 728) / patch;
  const std::int64_t downsampling = linear(4 * hidden, out) + linear(9 * out, 2 * out);
  return linear(3 * patch * patch, hidden) + hidden + (side * side + 1) * hidden +
         t.layers("num_hidden_layers", 63) * plain_block(hidden, inter) + downsampling + 2 * out * llm.hidden;
}

std::int64_t llama4_vision(ConfigKeys& keys, const Llm& llm) {
  Tower t(keys);
  if (!t.there()) return 0;
  const std::int64_t hidden = t.hidden("hidden_size", 768), inter = t.inter("intermediate_size", 5632);
  const std::int64_t patch = t.side("patch_size", 14), side = t.side("image_size", 448) / patch;
  const std::int64_t in = t.hidden("projector_input_dim", 4096), out = t.hidden("projector_output_dim", 4096);
  return 3 * patch * patch * hidden + hidden + (side * side + 1) * hidden + 4 * hidden +
         t.layers("num_hidden_layers", 34) * plain_block(hidden, inter) + inter * in + in * out +
         t.hidden("vision_output_dim", 7680) * llm.hidden;
}

namespace {

/// Patches, a norm, and blocks of two norms, four projections and a gated MLP, none with biases.
std::int64_t pixtral_tower(Tower& t) {
  const std::int64_t hidden = t.hidden("hidden_size", 1024), inter = t.inter("intermediate_size", 4096);
  const std::int64_t patch = t.side("patch_size", 16);
  const std::int64_t block = 4 * hidden * hidden + 3 * hidden * inter + 2 * hidden;
  return 3 * patch * patch * hidden + hidden + t.layers("num_hidden_layers", 24) * block;
}

}  // namespace

std::int64_t pixtral_vision(ConfigKeys& keys, const Llm& llm) {
  Tower t(keys);
  if (!t.there()) return 0;
  if (keys.text_or("vision_config.model_type", "") != "pixtral") return 0;  // LLaVA stands before many towers
  const std::int64_t hidden = t.hidden("hidden_size", 1024);
  return pixtral_tower(t) + linear(hidden, llm.hidden) + linear(llm.hidden, llm.hidden);
}

std::int64_t mistral3_vision(ConfigKeys& keys, const Llm& llm) {
  Tower t(keys);
  if (!t.there()) return 0;
  const std::int64_t hidden = t.hidden("hidden_size", 1024);
  const std::int64_t merge = keys.size_or("spatial_merge_size", 2, kMostMerge);
  const std::int64_t biases = keys.flag_or("multimodal_projector_bias", false) ? 2 * llm.hidden : 0;
  return pixtral_tower(t) + hidden + merge * merge * hidden * hidden + hidden * llm.hidden + llm.hidden * llm.hidden +
         biases;
}

namespace {

/// A block of a conformer: two feed-forward halves, attention with relative positions, a light convolution, and their
/// norms.
std::int64_t conformer_block(std::int64_t h, std::int64_t heads, std::int64_t kernel) {
  const std::int64_t feed = 8 * h * h + 2 * h, attention = 5 * h * h + 2 * h + h / heads;
  const std::int64_t light = 3 * h * h + 2 * h + kernel * h;
  return 2 * feed + attention + light + h;
}

/// Two convolutions of 3 x 3 in strides of two, and the projection of what they leave of `bands`.
std::int64_t conformer_front(std::int64_t bands, std::int64_t h) {
  constexpr std::int64_t kFirst = 128, kSecond = 32, kTaps = 9;
  return kTaps * kFirst + kFirst + kTaps * kFirst * kSecond + kSecond + kSecond * (bands / 4) * h;
}

}  // namespace

std::int64_t gemma3n_embedder(std::int64_t rows, std::int64_t width, const Llm& llm) {
  return rows * width + 2 * width + width * llm.hidden;
}

std::int64_t gemma3n_audio(ConfigKeys& keys, const Llm& llm) {
  Tower t(keys, "audio_config");
  if (!t.there()) return 0;
  const std::int64_t h = t.hidden("hidden_size", 1536), heads = t.merge("conf_num_attention_heads", 8);
  const std::int64_t block = conformer_block(h, heads, t.merge("conf_conv_kernel_size", 5));
  return conformer_front(t.side("input_feat_size", 128), h) + t.layers("conf_num_hidden_layers", 12) * block +
         gemma3n_embedder(t.inter("vocab_size", 128), h, llm);
}

std::int64_t gemma4_audio(ConfigKeys& keys, const Llm& llm) {
  constexpr std::int64_t kBands = 128;  // of its first convolution's channels, whose number the projection takes
  Tower t(keys, "audio_config");
  if (!t.there()) return 0;
  const std::int64_t h = t.hidden("hidden_size", 1024), heads = t.merge("num_attention_heads", 8);
  const std::int64_t block = conformer_block(h, heads, t.merge("conv_kernel_size", 5));
  const std::int64_t out = t.hidden("output_proj_dims", 1536);
  return conformer_front(kBands, h) + t.layers("num_hidden_layers", 12) * block + linear(h, out) + out * llm.hidden;
}

}  // namespace orrery::models
