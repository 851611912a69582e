#include "models/layer/flops.hpp"

#include <algorithm>
#include <optional>
#include <vector>

#include "models/layer/layer.hpp"
#include "models/layer/parameters.hpp"

namespace orrery::models {
namespace {

/// Weights whose matrix products one token passes.
std::int64_t active_matrices(const std::vector<LayerElement>& elements) {
  std::int64_t sum = 0;
  for (const LayerElement& element : elements) {
    if (const auto* linear = std::get_if<Linear>(&element.block)) sum += linear->in.whole() * linear->out.whole();
    if (const auto* experts = std::get_if<Experts>(&element.block)) sum += experts->topk * experts->matrices;
  }
  return sum;
}

/// Summed over heads: widths of a query and of a value. 0 without attention.
std::int64_t score_width(const std::vector<LayerElement>& elements) {
  const CoreAttention* attention = core_attention(elements);
  return attention == nullptr ? 0 : attention->queries.count * (attention->queries.size + attention->value_dim);
}

/// Multiply-adds of a token in the states of a recurrence, and of an index's scores per key.
std::int64_t state_products(const std::vector<LayerElement>& elements) {
  std::int64_t sum = 0;
  for (const LayerElement& element : elements) {
    if (const auto* e = std::get_if<Recurrence>(&element.block)) sum += e->products * e->state.whole();
  }
  return sum;
}

double index_width(const std::vector<LayerElement>& elements) {
  double sum = 0.0;
  for (const LayerElement& element : elements) {
    const auto* e = std::get_if<SparseIndex>(&element.block);
    if (e != nullptr) sum += static_cast<double>(e->heads * e->dim) / static_cast<double>(e->compress);
  }
  return sum;
}

/// Keys that a token of a sequence of `seq` attends to: all of them by convention, or their mean when causal.
double attended_keys(const std::vector<LayerElement>& elements, std::int64_t seq, bool causal) {
  const CoreAttention* attention = core_attention(elements);
  const double s = static_cast<double>(seq);
  if (attention != nullptr && attention->compress > 0) return attended_keys(*attention, causal ? 0.5 * s : s);
  if (attention != nullptr && attention->chunk > 0 && s > 0.0) {
    return (causal ? 1.0 : 2.0) * mean_chunked_keys(attention->chunk, s);
  }
  double limit = attention == nullptr ? 0.0 : static_cast<double>(attention->window);
  if (attention != nullptr && limit == 0.0) limit = static_cast<double>(attention->topk);
  const double window = limit > 0.0 ? std::min(limit, s) : s;
  // Causal: the first `window` tokens see window/2 keys on average, the others `window`. s/2 without a window.
  return causal && s > 0.0 ? window - window * window / (2.0 * s) : window;
}

double palm_flops_per_token(const Llm& llm, std::int64_t seq) {
  const std::int64_t n = active_parameters(llm) - position_parameters(llm);
  std::int64_t widths = 0;
  for (const LayerKind& kind : layer_kinds(llm)) widths += kind.count * score_width(layer_elements(llm, kind.first));
  // 12·L·heads·head_dim·seq, where query and value widths differ 6·L·heads·(both)·seq.
  return 6.0 * static_cast<double>(n) + 6.0 * static_cast<double>(widths) * static_cast<double>(seq);
}

}  // namespace

Flops layer_forward_flops_per_token(const Llm& llm, std::int64_t layer, std::int64_t seq, bool causal) {
  const std::vector<LayerElement> elements = layer_elements(llm, layer);
  const double scores = 2.0 * attended_keys(elements, seq, causal) * static_cast<double>(score_width(elements));
  const double index = 2.0 * (causal ? 0.5 : 1.0) * static_cast<double>(seq) * index_width(elements);
  return Flops{2.0 * static_cast<double>(active_matrices(elements) + state_products(elements)) + scores + index};
}

Flops training_flops_per_token(const Llm& llm, std::int64_t seq, FlopConvention convention) {
  if (convention == FlopConvention::palm) return Flops{palm_flops_per_token(llm, seq)};
  const bool causal = convention == FlopConvention::model_causal;
  // The input embedding is a gather; the projections around an embedding of its own width are products.
  Flops forward{2.0 *
                static_cast<double>(active_matrices(embedding_elements(llm)) + active_matrices(head_elements(llm)))};
  std::vector<std::optional<Flops>> known(std::max<std::size_t>(2, llm.kinds.size()));
  for (std::int64_t layer = 0; layer < llm.layers; ++layer) {
    std::optional<Flops>& of_kind = known[llm.kind_of(layer)];
    if (!of_kind) of_kind = layer_forward_flops_per_token(llm, layer, seq, causal);
    forward += *of_kind;
  }
  return 3.0 * forward;
}

}  // namespace orrery::models
