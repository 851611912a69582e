#include "models/layer/parameters.hpp"

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
  return sum;
}

std::int64_t active_parameters(const Llm& llm) {
  std::int64_t sum = parameters(llm);
  for (const LayerKind& kind : layer_kinds(llm)) {
    const std::int64_t all = layer_parameters(llm, kind.first).experts;
    if (all > 0) sum -= kind.count * (all / llm.moe.experts * (llm.moe.experts - llm.moe.topk));
  }
  return sum;
}

RankWeights rank_weights(const std::vector<LayerElement>& elements, std::int64_t tensor) {
  RankWeights weights;
  for (const LayerElement& element : elements) {
    const std::int64_t all = parameters_of(element);
    if (element.part == Part::norms || element.part == Part::router) {
      weights.plain.whole += all;
      continue;
    }
    weights.linear.divided += all;
    const auto* linear = std::get_if<Linear>(&element.block);
    if (linear == nullptr || element.part != Part::attention) continue;
    const RankShare share = copied(*linear, tensor);
    weights.linear.divided -= share.divided;
    weights.linear.whole += share.whole;
  }
  return weights;
}

RankShare embedding_share(const Llm& llm) { return {embedding_parameters(llm), position_parameters(llm)}; }

RankShare head_share(const Llm& llm, bool apart) {
  const bool copy = llm.tied_embeddings && apart;
  return {copy ? embedding_parameters(llm) : head_parameters(llm), final_norm_parameters(llm)};
}

std::int64_t cached_values(const std::vector<LayerElement>& elements, std::int64_t tensor) {
  const CoreAttention* attention = core_attention(elements);
  return attention == nullptr ? 0 : attention->cached.on_rank(tensor);
}

Bytes kv_bytes_per_token(const Llm& llm, Dtype kv_dtype) {
  const std::int64_t per_layer = cached_values(layer_elements(llm, 0), 1);
  return static_cast<double>(per_layer * llm.layers) * element_size(kv_dtype);
}

}  // namespace orrery::models
