#include "scenarios/serving/weight_formats.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "models/layer/parameters.hpp"

namespace orrery::scenarios {

std::vector<Dtype> weight_formats(const models::Llm& llm, Dtype most) {
  std::vector<Dtype> formats = {most};
  if (most != llm.dtype) return formats;
  for (const models::LayerConfig& kind : llm.kinds) {
    const models::StoredModules& stored = kind.stored;
    for (const auto& format : {stored.mixer, stored.mlp, stored.shared, stored.experts, llm.head}) {
      if (!format || !models::is_quantised(format->dtype)) continue;
      if (std::find(formats.begin(), formats.end(), format->dtype) == formats.end()) formats.push_back(format->dtype);
    }
  }
  return formats;
}

bool is_widened(const hardware::Gpu& gpu, Dtype weights) { return !gpu.multiplies(weights) && weights != Dtype::int4; }

bool is_refused(const hardware::Gpu& gpu, Dtype weights) {
  constexpr int kMarlin = 80;  // compute capability
  return is_widened(gpu, weights) && gpu.generation.compute_capability < kMarlin;
}

std::string weights_refusal(const models::Llm& llm, Dtype most, const hardware::Gpu& gpu) {
  for (const Dtype weights : weight_formats(llm, most)) {
    if (!models::is_quantised(weights) || !is_refused(gpu, weights)) continue;
    return fmt::format("{} has no units for {}, which vLLM's Marlin widens from compute capability 8.0 on: refused",
                       gpu.name, name(weights));
  }
  return {};
}

}  // namespace orrery::scenarios
