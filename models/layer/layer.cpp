#include "models/layer/layer.hpp"

#include <algorithm>

#include "models/layer/elements.hpp"

namespace orrery::models {
namespace {

std::int64_t norm_parameters(const Llm& llm) { return llm.norm_bias ? 2 * llm.hidden : llm.hidden; }

void add_norm(ElementList& list, const Llm& llm, std::string_view name) {
  const Width hidden = whole_width(llm.hidden);
  list.add(Part::norms, Norm{{name, name}, {hidden}, norm_parameters(llm), true}, {hidden});
}

std::int64_t embedding_width(const Llm& llm) { return llm.embedding_dim > 0 ? llm.embedding_dim : llm.hidden; }

// Between the embedding's own width and the layers'; in the activations' precision.
void add_projection(ElementList& list, Part part, std::string_view name, std::int64_t from, std::int64_t to) {
  if (from == to) return;
  Linear projection{{name, name}, whole_width(from), {whole_width(to)}};
  projection.plain = true;
  list.add(part, projection);
}

}  // namespace

std::vector<LayerElement> layer_elements(const Llm& llm, std::int64_t layer) {
  ElementList list;
  add_norm(list, llm, "attention norm");
  list.enter(llm.hidden);
  add_attention(list, llm);
  list.leave("attention all_reduce", llm.hidden);
  list.add(Part::norms, Residual{"attention residual", llm.hidden});
  add_norm(list, llm, "mlp norm");
  list.enter(llm.hidden);
  if (llm.is_moe_layer(layer)) {
    add_experts(list, llm);
  } else {
    add_mlp(list, llm);
  }
  list.leave("mlp all_reduce", llm.hidden);
  list.add(Part::norms, Residual{"mlp residual", llm.hidden});
  return list.take();
}

std::vector<LayerElement> embedding_elements(const Llm& llm) {
  ElementList list(true);  // each rank gathers from its slice of the vocabulary
  list.add(Part::embedding, Embedding{llm.vocab, embedding_width(llm)});
  list.leave("embedding all_reduce", llm.hidden);
  add_projection(list, Part::embedding, "embedding projection", embedding_width(llm), llm.hidden);
  const bool learned = llm.position == PositionKind::learned;
  list.add(Part::embedding, PositionEmbedding{learned ? llm.max_positions + llm.position_offset : 0, llm.hidden});
  return list.take();
}

std::vector<LayerElement> head_elements(const Llm& llm) {
  ElementList list;
  if (llm.final_norm) add_norm(list, llm, "final norm");
  list.enter(llm.hidden);
  add_projection(list, Part::head, "head projection", llm.hidden, embedding_width(llm));
  Linear logits{{"logits", "lm_head"}, whole_width(embedding_width(llm)), {shared_width(llm.vocab)}};
  logits.plain = true;
  logits.tied = llm.tied_embeddings;
  logits.biases = llm.lm_head_bias ? llm.vocab : 0;
  list.add(Part::head, logits);
  list.add(Part::head, Output{shared_width(llm.vocab)});
  return list.take();
}

std::vector<LayerKind> layer_kinds(const Llm& llm) {
  std::vector<LayerKind> kinds;
  for (std::int64_t layer = 0; layer < llm.layers; ++layer) {
    const auto like = std::find_if(kinds.begin(), kinds.end(), [&](const LayerKind& kind) {
      return llm.is_moe_layer(kind.first) == llm.is_moe_layer(layer);
    });
    if (like == kinds.end()) {
      kinds.push_back({layer, 1});
    } else {
      ++like->count;
    }
  }
  return kinds;
}

const CoreAttention* core_attention(const std::vector<LayerElement>& elements) {
  for (const LayerElement& element : elements) {
    if (const auto* attention = std::get_if<CoreAttention>(&element.block)) return attention;
  }
  return nullptr;
}

}  // namespace orrery::models
