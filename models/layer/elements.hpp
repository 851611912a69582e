// Appends elements to a list. Private to the files that write layers.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "models/layer/layer.hpp"

namespace orrery::models {

/// Elements inside and outside the tensor-parallel region, of one part after the other.
class ElementList {
 public:
  explicit ElementList(bool inside = false) : inside_(inside) { elements_.reserve(24); }

  template <class Block>
  LayerElement& add(Part part, Block block, Widths kept = {}) {
    LayerElement& element = elements_.emplace_back();
    element.block = std::move(block);
    element.part = part;
    element.inside = inside_;
    element.kept = kept;
    return element;
  }
  /// The input is kept as it is outside: sequence parallelism gathers it again.
  void enter(std::int64_t hidden) {
    add(Part::norms, Enter{hidden}, {whole_width(hidden)});
    inside_ = true;
  }
  void leave(std::string_view name, std::int64_t hidden) {
    add(Part::norms, Leave{name, hidden});
    inside_ = false;
  }
  std::vector<LayerElement> take() { return std::move(elements_); }

 private:
  std::vector<LayerElement> elements_;
  bool inside_;
};

// Residual streams beside the first (streams.cpp); nothing where a model has one.
/// The embedding becomes all streams.
void add_split(ElementList& list, const Llm& llm);
/// A block's input of all streams, and its output to them.
void add_mixing(ElementList& list, const Llm& llm);
/// The streams that no layer reads are predicted before it, and corrected by what it made.
void add_alternation(ElementList& list, const Llm& llm);
/// All streams become the head's input.
void add_join(ElementList& list, const Llm& llm);

/// From the normed input to the output projection.
void add_attention(ElementList& list, const Llm& llm, const AttentionConfig& attention);
/// The same of compressed attention.
void add_compressed(ElementList& list, const Llm& llm, const AttentionConfig& attention);
/// The same of a recurrent mixer.
void add_recurrent(ElementList& list, const Llm& llm, const RecurrentConfig& recurrent);
/// From the normed input to the down projection, dense.
void add_mlp(ElementList& list, const Llm& llm, const MlpConfig& mlp);
/// The router, the routed experts, the shared ones, and a dense MLP where one runs beside them.
void add_experts(ElementList& list, const Llm& llm, const LayerConfig& layer);

}  // namespace orrery::models
