#include "models/llm.hpp"

namespace orrery::models {

bool Llm::is_moe_layer(std::int64_t layer) const {
  return moe.experts > 0 && layer >= moe.first_dense_layers &&
         (layer - moe.first_dense_layers) % moe.layer_frequency == 0;
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
