#include "models/llm.hpp"

namespace orrery::models {

bool Llm::is_moe_layer(std::int64_t layer) const {
  if (!kinds.empty()) return kinds[kind_of(layer)].feed_forward == FeedForward::experts;
  return moe.experts > 0 && layer >= moe.first_dense_layers &&
         (layer - moe.first_dense_layers) % moe.layer_frequency == 0;
}

// A pattern that is shorter than the model starts again: what-if changes of the number of layers.
std::size_t Llm::kind_of(std::int64_t layer) const {
  if (kinds.empty()) return is_moe_layer(layer) ? 1 : 0;
  return layer_kinds[static_cast<std::size_t>(layer) % layer_kinds.size()];
}

LayerConfig Llm::layer(std::int64_t layer) const {
  if (!kinds.empty()) return kinds[kind_of(layer)];
  LayerConfig config;
  config.feed_forward = is_moe_layer(layer) ? FeedForward::experts : FeedForward::dense;
  config.attention = attention;
  config.mlp = mlp;
  config.moe = moe;
  return config;
}

std::string_view name(FlopConvention convention) {
  switch (convention) {
    case FlopConvention::model:
      return "model";
    case FlopConvention::model_causal:
      return "model_causal";
    case FlopConvention::palm:
      return "palm";
  }
  return "";
}

}  // namespace orrery::models
