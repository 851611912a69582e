#include "models/layer/parameters.hpp"

#include "models/layer/cache.hpp"
#include "models/layer/ops.hpp"

namespace orrery::models {
namespace {

std::int64_t matrix(const Linear& linear) { return linear.in.whole() * linear.out.whole(); }

std::int64_t parameters_of(const LayerElement& element) {
  return std::visit(Overloaded{
                        [](const Norm& e) { return e.parameters; },
                        [](const Linear& e) { return (e.tied ? 0 : matrix(e)) + e.biases; },
                        [](const Experts& e) { return e.parameters; },
                        [](const Embedding& e) { return e.vocab * e.width; },
                        [](const PositionEmbedding& e) { return e.rows * e.hidden; },
                        [](const CoreAttention& e) { return e.parameters; },
                        [](const Recurrence& e) { return e.parameters; },
                        [](const Pass& e) { return e.parameters; },
                        [](const auto&) { return std::int64_t{0}; },
                    },
                    element.block);
}

std::int64_t sum_of(const std::vector<LayerElement>& elements, Part part) {
  std::int64_t sum = 0;
  for (const LayerElement& element : elements) sum += element.part == part ? parameters_of(element) : 0;
  return sum;
}

/// Weights of attention that each rank holds whole, or as a copy of a head.
RankShare copied(const Linear& linear, std::int64_t tensor) {
  RankShare share;
  if (linear.in.split) return share;
  bool any_split = false;
  for (const Width& out : linear.out) any_split = any_split || out.split;
  for (const Width& out : linear.out) {
    if (any_split && out.count >= tensor) continue;
    share.divided += linear.in.whole() * out.whole();
    share.whole += linear.in.whole() * out.on_rank(tensor);
  }
  return share;
}

}  // namespace

LayerParameters layer_parameters(const std::vector<LayerElement>& elements) {
  LayerParameters p;
  p.attention = sum_of(elements, Part::attention);
  p.mlp = sum_of(elements, Part::mlp);
  p.router = sum_of(elements, Part::router);
  p.experts = sum_of(elements, Part::experts);
  p.norms = sum_of(elements, Part::norms);
  return p;
}

LayerParameters layer_parameters(const Llm& llm, std::int64_t layer) {
  return layer_parameters(layer_elements(llm, layer));
}

std::int64_t position_parameters(const Llm& llm) {
  std::int64_t sum = 0;
  for (const LayerElement& element : embedding_elements(llm)) {
    if (std::holds_alternative<PositionEmbedding>(element.block)) sum += parameters_of(element);
  }
  return sum;
}

std::int64_t embedding_parameters(const Llm& llm) {
  return sum_of(embedding_elements(llm), Part::embedding) - position_parameters(llm);
}

std::int64_t head_parameters(const Llm& llm) { return sum_of(head_elements(llm), Part::head); }

std::int64_t final_norm_parameters(const Llm& llm) { return sum_of(head_elements(llm), Part::norms); }

std::int64_t parameters(const Llm& llm) {
  std::int64_t sum =
      embedding_parameters(llm) + position_parameters(llm) + head_parameters(llm) + final_norm_parameters(llm);
  for (const LayerKind& kind : layer_kinds(llm)) sum += kind.count * layer_parameters(llm, kind.first).total();
  return sum + (llm.vision_apart ? 0 : llm.vision_parameters);
}

std::int64_t routed_parameters(const Llm& llm) {
  std::int64_t sum = 0;
  for (const LayerKind& kind : layer_kinds(llm)) {
    for (const LayerElement& element : layer_elements(llm, kind.first)) {
      if (const auto* experts = std::get_if<Experts>(&element.block)) sum += kind.count * experts->parameters;
    }
  }
  return sum;
}

std::int64_t correction_biases(const Llm& llm) {
  std::int64_t sum = 0;
  for (const LayerKind& kind : layer_kinds(llm)) {
    const LayerConfig layer = llm.layer(kind.first);
    const bool has = layer.feed_forward == FeedForward::experts && layer.moe.router_bias;
    sum += has ? kind.count * layer.moe.experts : 0;
  }
  return sum;
}

std::int64_t active_parameters(const Llm& llm) {
  std::int64_t sum = parameters(llm);
  for (const LayerKind& kind : layer_kinds(llm)) {
    for (const LayerElement& element : layer_elements(llm, kind.first)) {
      const auto* experts = std::get_if<Experts>(&element.block);
      if (experts == nullptr) continue;
      sum -= kind.count * (experts->parameters / experts->experts * (experts->experts - experts->topk));
    }
  }
  return sum;
}

namespace {

/// The format that the checkpoint has of the element alone.
std::optional<WeightFormat> stored_format(const LayerElement& element) {
  if (const auto* experts = std::get_if<Experts>(&element.block)) return experts->stored;
  const auto* linear = std::get_if<Linear>(&element.block);
  return linear != nullptr ? linear->stored : std::nullopt;
}

/// Where the element's weights are counted.
RankShare& share_of_element(RankWeights& weights, const LayerElement& element) {
  const auto* linear = std::get_if<Linear>(&element.block);
  if (linear != nullptr && linear->plain) return weights.plain;
  const std::optional<WeightFormat> format = stored_format(element);
  if (!format) return weights.linear;
  for (StoredShare& stored : weights.stored) {
    if (stored.format == *format) return stored.share;
  }
  return weights.stored.emplace_back(StoredShare{*format, {}}).share;
}

}  // namespace

std::int64_t RankWeights::parameters(std::int64_t tensor) const {
  std::int64_t sum = linear.parameters(tensor) + plain.parameters(tensor);
  for (const StoredShare& other : stored) sum += other.share.parameters(tensor);
  return sum;
}

Bytes RankWeights::bytes(std::int64_t tensor, Bytes linear_size, Bytes plain_size, bool as_stored) const {
  Bytes sum = linear.mean(tensor) * linear_size + plain.mean(tensor) * plain_size;
  for (const StoredShare& other : stored)
    sum += other.share.mean(tensor) * (as_stored ? other.format.size : linear_size);
  return sum;
}

Bytes checkpoint_bytes(const Llm& llm) {
  const Bytes linear = llm.weights().size, plain = is_quantised(llm.dtype) ? Bytes{2.0} : linear;
  Bytes sum;
  for (const LayerKind& kind : layer_kinds(llm)) {
    const RankWeights weights = rank_weights(layer_elements(llm, kind.first), 1);
    sum += static_cast<double>(kind.count) * weights.bytes(1, linear, plain, true);
  }
  const RankShare embedding = embedding_share(llm), head = head_share(llm, false);
  sum += (embedding.mean(1) + static_cast<double>(llm.vision_parameters)) * plain;
  return sum + head.mean(1) * (llm.head ? llm.head->size : plain);
}

RankWeights rank_weights(const std::vector<LayerElement>& elements, std::int64_t tensor) {
  RankWeights weights;
  for (const LayerElement& element : elements) {
    const std::int64_t all = parameters_of(element);
    if (element.part == Part::norms || element.part == Part::router) {
      weights.plain.whole += all;
      continue;
    }
    const auto* linear = std::get_if<Linear>(&element.block);
    RankShare& share_of = share_of_element(weights, element);
    share_of.divided += all;
    if (linear == nullptr || element.part != Part::attention) continue;
    const RankShare share = copied(*linear, tensor);
    share_of.divided -= share.divided;
    share_of.whole += share.whole;
  }
  return weights;
}

RankShare embedding_share(const Llm& llm) { return {embedding_parameters(llm), position_parameters(llm)}; }

RankShare head_share(const Llm& llm, bool apart) {
  const bool copy = llm.tied_embeddings && apart;
  return {copy ? embedding_parameters(llm) : head_parameters(llm), final_norm_parameters(llm)};
}

std::int64_t cached_values(const std::vector<LayerElement>& elements, std::int64_t tensor) {
  const LayerCache cache = layer_cache(elements, tensor);
  return cache.values + cache.recent_values;
}

Bytes kv_bytes_per_token(const Llm& llm, Dtype kv_dtype) {
  Bytes sum;
  for (const LayerKind& kind : layer_kinds(llm)) {
    const LayerCache cache = layer_cache(layer_elements(llm, kind.first), 1);
    sum += static_cast<double>(kind.count) * cache.per_token(kv_dtype);
  }
  return sum;
}

}  // namespace orrery::models
