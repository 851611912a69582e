// Gemma 3n's tower for images: timm's mobilenetv5_300m_enc, of which the config has only the name.
//
// A stem, four stages that double the channels and halve the sides, and a fusion of the last two. Three kinds of block,
// c channels in, e times as many between, d out; every convolution is without bias and followed by a norm of its
// channels:
//   edge      3 x 3 of c -> e·c, then 1 x 1 -> d
//   inverted  k x k of each channel (depthwise) where there is a k, 1 x 1 -> e·c, k' x k' of each, 1 x 1 -> d, a scale
//   attention heads of queries of width w, one head of keys and values, over half the sides (3 x 3 of each channel
//             before them) or all; a norm before and a scale behind
// Source: huggingface/pytorch-image-models timm/models/mobilenetv5.py, _gen_mobilenet_v5 (300m), with
// _efficientnet_blocks.py and layers/attention2d.py.
#include <string>
#include <string_view>

#include "models/architectures/vision.hpp"

namespace orrery::models {
namespace {

constexpr std::string_view kMobileNet = "mobilenetv5_300m_enc";

/// A convolution that mixes channels, and its norm.
constexpr std::int64_t mixing_conv(std::int64_t side, std::int64_t in, std::int64_t out) {
  return side * side * in * out + out;
}
/// One of each channel by itself; `side` 0: there is none.
constexpr std::int64_t channel_conv(std::int64_t side, std::int64_t channels) {
  return side > 0 ? side * side * channels + channels : 0;
}
constexpr std::int64_t edge_block(std::int64_t in, std::int64_t expand, std::int64_t out) {
  return mixing_conv(3, in, expand * in) + mixing_conv(1, expand * in, out);
}
constexpr std::int64_t inverted_block(std::int64_t in, std::int64_t before, std::int64_t between, std::int64_t expand,
                                      std::int64_t out) {
  return channel_conv(before, in) + mixing_conv(1, in, expand * in) + channel_conv(between, expand * in) +
         mixing_conv(1, expand * in, out) + out;
}
constexpr std::int64_t attention_block(std::int64_t channels, std::int64_t heads, std::int64_t width, bool halved) {
  const std::int64_t projections = 2 * channels * heads * width + 2 * channels * width;
  return 2 * channels + projections + (halved ? 2 * channel_conv(3, channels) : 0);
}

constexpr std::int64_t mobilenet_parameters() {
  const std::int64_t stem = mixing_conv(3, 3, 64);
  const std::int64_t first = edge_block(64, 4, 128) + 2 * edge_block(128, 4, 128);
  const std::int64_t second =
      inverted_block(128, 3, 5, 6, 256) + 2 * inverted_block(256, 5, 0, 4, 256) + 2 * inverted_block(256, 3, 0, 4, 256);
  const std::int64_t third = inverted_block(256, 5, 5, 6, 640) + 7 * inverted_block(640, 5, 0, 4, 640) +
                             inverted_block(640, 0, 0, 1, 640) +
                             14 * (attention_block(640, 12, 64, true) + inverted_block(640, 0, 0, 2, 640));
  const std::int64_t fourth = inverted_block(640, 5, 5, 6, 1280) +
                              19 * (attention_block(1280, 16, 96, false) + inverted_block(1280, 0, 0, 2, 1280));
  const std::int64_t fused = 640 + 1280;
  const std::int64_t fusion = mixing_conv(1, fused, 2 * fused) + mixing_conv(1, 2 * fused, 2048) + 2048;
  return stem + first + second + third + fourth + fusion;
}

}  // namespace

std::int64_t gemma3n_vision(ConfigKeys& keys, const Llm& llm) {
  if (!keys.is_object("vision_config")) return 0;
  const std::int64_t rows = keys.size_or("vision_config.vocab_size", 128, SizeLimits::kInter);
  const std::int64_t width = keys.size_or("vision_config.hidden_size", 2048, 1 << 17);
  const std::int64_t embedder = gemma3n_embedder(rows, width, llm);
  const std::string name = keys.text_or("vision_config.architecture", std::string(kMobileNet));
  if (name != kMobileNet) {
    keys.assume("vision tower: a network of timm that is not known here: only its embedder is counted");
    return embedder;
  }
  keys.assume("vision tower: 0.294 B parameters, timm's mobilenetv5_300m_enc, whose sizes the config does not have");
  return mobilenet_parameters() + embedder;
}

}  // namespace orrery::models
