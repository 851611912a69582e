#include "models/layer/cache.hpp"

#include <algorithm>

namespace orrery::models {

namespace {

constexpr double kIndexScale = 4.0;                        // bytes of a key
constexpr double kLatentScale = 4.0, kLatentTile = 128.0;  // bytes for so many values
constexpr double kState = 4.0, kTail = 2.0;

void add_attention(LayerCache& cache, const CoreAttention& attention, std::int64_t tensor) {
  const std::int64_t values = attention.cached.on_rank(tensor);
  if (attention.compress > 0) {
    cache.values += values;
    cache.recent_values += attention.recent.on_rank(tensor);
    cache.window = attention.window;
    return;
  }
  if (attention.latent_dim > 0) {
    cache.fp8_extra += Bytes{kLatentScale * static_cast<double>(attention.latent_dim) / kLatentTile +
                             static_cast<double>(attention.rotary_dim)};
  }
  const std::int64_t window = attention.window > 0 ? attention.window : attention.chunk;
  if (window == 0) {
    cache.values += values;
    return;
  }
  cache.recent_values += values + attention.recent.on_rank(tensor);
  cache.window = window;
}

}  // namespace

LayerCache layer_cache(const std::vector<LayerElement>& elements, std::int64_t tensor) {
  LayerCache cache;
  for (const LayerElement& element : elements) {
    if (const auto* attention = std::get_if<CoreAttention>(&element.block)) add_attention(cache, *attention, tensor);
    if (const auto* index = std::get_if<SparseIndex>(&element.block)) {
      cache.index += Bytes{(static_cast<double>(index->dim) + kIndexScale) / static_cast<double>(index->compress)};
    }
    if (const auto* recurrence = std::get_if<Recurrence>(&element.block)) {
      cache.state += Bytes{kState * static_cast<double>(recurrence->state.on_rank(tensor)) +
                           kTail * static_cast<double>(recurrence->tail.on_rank(tensor))};
    }
  }
  return cache;
}

Bytes sequence_bytes(const LayerCache& cache, std::int64_t tokens, std::int64_t ahead, Dtype dtype) {
  if (tokens <= 0) return Bytes{};
  const double recent = static_cast<double>(std::min(tokens, cache.window + ahead));
  return static_cast<double>(tokens) * cache.per_token(dtype) + recent * cache.per_recent_token(dtype) + cache.state;
}

Bytes recent_bytes_per_token(const Llm& llm, Dtype dtype) {
  Bytes sum;
  for (const LayerKind& kind : layer_kinds(llm)) {
    sum += static_cast<double>(kind.count) * layer_cache(layer_elements(llm, kind.first), 1).per_recent_token(dtype);
  }
  return sum;
}

}  // namespace orrery::models
