#include "models/layer/layer.hpp"

#include <algorithm>
#include <cmath>

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

void add_mixer(ElementList& list, const Llm& llm, const LayerConfig& layer) {
  switch (layer.mixer) {
    case Mixer::attention:
      return add_attention(list, llm, layer.attention);
    case Mixer::recurrent:
      return add_recurrent(list, llm, layer.recurrent);
    case Mixer::linear:
      list.add(Part::attention, Linear{{"linear", "linear"}, whole_width(llm.hidden), {shared_width(llm.hidden)}});
      return;
    case Mixer::none:
      return;
  }
}

void add_feed_forward(ElementList& list, const Llm& llm, const LayerConfig& layer) {
  switch (layer.feed_forward) {
    case FeedForward::dense:
      return add_mlp(list, llm, layer.mlp);
    case FeedForward::experts:
      return add_experts(list, llm, layer);
    case FeedForward::linear:
      list.add(Part::mlp, Linear{{"linear", "linear"}, whole_width(llm.hidden), {shared_width(llm.hidden)}});
      return;
    case FeedForward::none:
      return;
  }
}

struct BlockNames {
  std::string_view norm, out_norm, leave, residual;
};

// A block between its norms, with its residual add.
template <class Add>
void add_block(ElementList& list, const Llm& llm, const BlockNames& names, const Add& add) {
  add_mixing(list, llm);
  if (llm.norms != NormPlacement::after) add_norm(list, llm, names.norm);
  list.enter(llm.hidden);
  add();
  list.leave(names.leave, llm.hidden);
  if (llm.norms != NormPlacement::before) add_norm(list, llm, names.out_norm);
  list.add(Part::norms, Residual{names.residual, llm.hidden});
}

constexpr BlockNames kAttention{"attention norm", "attention out norm", "attention all_reduce", "attention residual"};
constexpr BlockNames kMlp{"mlp norm", "mlp out norm", "mlp all_reduce", "mlp residual"};
constexpr BlockNames kBoth{"layer norm", "layer out norm", "layer all_reduce", "layer residual"};

// A map of low rank of attention's input, which is added to its output (learned augmented residual, Gemma 3n).
void add_laurel(ElementList& list, const Llm& llm) {
  if (llm.laurel_rank == 0) return;
  const Width hidden = whole_width(llm.hidden), rank = whole_width(llm.laurel_rank);
  list.add(Part::mlp, Linear{{"laurel down", "laurel down"}, hidden, {rank}});
  list.add(Part::mlp, Linear{{"laurel up", "laurel up"}, rank, {hidden}}, {rank});
  add_norm(list, llm, "laurel norm");
  list.add(Part::norms, Residual{"laurel residual", llm.hidden});
}

// An embedding of the token for this layer alone, gated by the hidden states (transformers models/gemma3n).
void add_layer_input(ElementList& list, const Llm& llm) {
  if (llm.layer_input == 0) return;
  const Width hidden = whole_width(llm.hidden), width = whole_width(llm.layer_input);
  list.add(Part::mlp, Linear{{"layer input gate", "layer input gate"}, hidden, {width}});
  list.add(Part::mlp, Pass{{"layer input", "layer input"}, {width}, 2.0}, {width});
  list.add(Part::mlp, Linear{{"layer input up", "layer input up"}, width, {hidden}});
  add_norm(list, llm, "layer input norm");
  list.add(Part::norms, Residual{"layer input residual", llm.hidden});
}

}  // namespace

namespace {

/// Modules that the checkpoint stores otherwise than most; those in 16 bit are plain.
std::vector<LayerElement> store(std::vector<LayerElement> elements, const StoredModules& stored) {
  if (stored == StoredModules{}) return elements;
  for (LayerElement& element : elements) {
    if (auto* experts = std::get_if<Experts>(&element.block)) experts->stored = stored.experts;
    auto* linear = std::get_if<Linear>(&element.block);
    if (linear == nullptr || linear->plain) continue;
    const bool mlp = element.part == Part::mlp, attention = element.part == Part::attention;
    const auto& own = attention           ? stored.mixer
                      : element.on_shared ? stored.shared
                      : mlp               ? stored.mlp
                                          : stored.experts;  // the width that experts work in
    if (!own) continue;
    linear->plain = !is_quantised(own->dtype);
    if (!linear->plain) linear->stored = own;
  }
  return elements;
}

}  // namespace

std::vector<LayerElement> layer_elements(const Llm& llm, std::int64_t layer) {
  const LayerConfig config = llm.layer(layer);
  ElementList list;
  if (llm.parallel) {
    if (llm.parallel_norms) add_norm(list, llm, "attention norm");
    add_block(list, llm, kBoth, [&] {
      add_mixer(list, llm, config);
      add_feed_forward(list, llm, config);
    });
    return store(list.take(), config.stored);
  }
  if (config.mixer != Mixer::none) add_block(list, llm, kAttention, [&] { add_mixer(list, llm, config); });
  add_laurel(list, llm);
  if (config.feed_forward != FeedForward::none) {
    add_block(list, llm, kMlp, [&] { add_feed_forward(list, llm, config); });
  }
  add_alternation(list, llm);
  add_layer_input(list, llm);
  return store(list.take(), config.stored);
}

std::vector<LayerElement> embedding_elements(const Llm& llm) {
  ElementList list(true);  // each rank gathers from its slice of the vocabulary
  list.add(Part::embedding, Embedding{llm.vocab, embedding_width(llm)});
  list.leave("embedding all_reduce", llm.hidden);
  add_projection(list, Part::embedding, "embedding projection", embedding_width(llm), llm.hidden);
  const bool learned = llm.position == PositionKind::learned;
  list.add(Part::embedding, PositionEmbedding{learned ? llm.max_positions + llm.position_offset : 0, llm.hidden});
  if (llm.embedding_norm) {
    list.add(Part::embedding,
             Norm{{"embedding norm", "embedding norm"}, {whole_width(llm.hidden)}, norm_parameters(llm)});
  }
  add_split(list, llm);
  if (llm.layer_input > 0) {
    const Width inputs = whole_width(llm.layers * llm.layer_input);
    list.add(Part::embedding, Embedding{llm.layer_input_vocab, inputs.whole()});
    Linear projection{{"layer inputs", "layer inputs"}, whole_width(llm.hidden), {inputs}};
    projection.plain = true;
    list.add(Part::embedding, projection);
    list.add(Part::embedding, Norm{{"layer inputs norm", "layer inputs norm"}, {inputs}, llm.layer_input});
  }
  return list.take();
}

std::vector<LayerElement> head_elements(const Llm& llm) {
  ElementList list;
  add_join(list, llm);
  if (llm.final_norm) add_norm(list, llm, "final norm");
  list.enter(llm.hidden);
  add_projection(list, Part::head, "head projection", llm.hidden, embedding_width(llm));
  Linear logits{{"logits", "lm_head"}, whole_width(embedding_width(llm)), {shared_width(llm.vocab)}};
  logits.plain = !llm.head;
  logits.stored = llm.head;
  logits.tied = llm.tied_embeddings;
  logits.biases = llm.lm_head_bias ? llm.vocab : 0;
  list.add(Part::head, logits);
  list.add(Part::head, Output{shared_width(llm.vocab)});
  return list.take();
}

std::vector<LayerKind> layer_kinds(const Llm& llm) {
  std::vector<LayerKind> kinds;
  std::vector<std::size_t> numbers;  // of the kinds, as the model counts them
  for (std::int64_t layer = 0; layer < llm.layers; ++layer) {
    const std::size_t number = llm.kind_of(layer);
    const auto like = std::find(numbers.begin(), numbers.end(), number);
    if (like == numbers.end()) {
      kinds.push_back({layer, 1});
      numbers.push_back(number);
    } else {
      ++kinds[static_cast<std::size_t>(like - numbers.begin())].count;
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

double mean_chunked_keys(std::int64_t chunk, double tokens) {
  const double size = static_cast<double>(chunk), whole = std::floor(tokens / size), rest = tokens - whole * size;
  return (whole * size * size + rest * rest) / (2.0 * tokens);
}

double attended_keys(const CoreAttention& a, double tokens) {
  const auto at_most = [&](std::int64_t limit, double keys) {
    return limit > 0 ? std::min(keys, static_cast<double>(limit)) : keys;
  };
  if (a.chunk > 0 && tokens > static_cast<double>(a.chunk)) return 0.5 * static_cast<double>(a.chunk);
  if (a.compress == 0) return at_most(a.topk, at_most(a.window, tokens));
  return at_most(a.window, tokens) + at_most(a.topk, tokens / static_cast<double>(a.compress));
}

}  // namespace orrery::models
