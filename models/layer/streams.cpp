// Residual streams beside the first.
//
// Hyper-connections (DeepSeek-V4) mix n streams: they become a block's input, and its output is dealt to them, by
// weights that a projection of all of them gives, 2n + n² of a token; a projection of n joins them for the head.
// Alternating updates (Gemma 3n) give a layer the first stream alone. The others are predicted before it, by n² weights
// of a token, and corrected after it, by n: both from a normed projection of hidden values to n. One matrix of
// hidden x hidden a stream makes them of the embedding, and one takes each back for the head.
// Sources: transformers models/deepseek_v4 (DeepseekV4HyperConnection) and models/gemma3n (Gemma3nTextAltUp).
#include "models/layer/elements.hpp"

namespace orrery::models {
namespace {

Linear plain_linear(std::string_view name, const Width& in, const Width& out, std::int64_t biases = 0) {
  Linear linear{{name, name}, in, {out}, biases};
  linear.plain = true;
  return linear;
}

bool alternates(const Llm& llm) { return llm.streams > 1 && llm.stream_kind == StreamKind::alternating; }

bool connects(const Llm& llm) { return llm.streams > 1 && llm.stream_kind == StreamKind::hyper_connections; }

// A matrix for each stream but the first.
void add_matrices(ElementList& list, const Llm& llm, Part part, std::string_view name) {
  if (!alternates(llm)) return;
  const Width hidden = whole_width(llm.hidden), others = whole_width((llm.streams - 1) * llm.hidden);
  list.add(part, plain_linear(name, hidden, others));
}

}  // namespace

void add_split(ElementList& list, const Llm& llm) { add_matrices(list, llm, Part::embedding, "split streams"); }

void add_mixing(ElementList& list, const Llm& llm) {
  if (!connects(llm)) return;
  const std::int64_t n = llm.streams, weights = (2 + n) * n;
  list.add(Part::norms, plain_linear("stream weights", whole_width(n * llm.hidden), whole_width(weights), weights + 3));
  list.add(Part::norms, Pass{{"mix streams", "mix streams"}, {whole_width((n + 1) * llm.hidden)}, 1.0});
}

void add_alternation(ElementList& list, const Llm& llm) {
  if (!alternates(llm)) return;
  const std::int64_t n = llm.streams;
  const Width hidden = whole_width(llm.hidden), streams = whole_width(n * llm.hidden);
  const auto weights = [&](bool again) {
    list.add(Part::norms, Norm{{"stream norm", "stream norm"}, {hidden}, again ? 0 : llm.hidden});
    Linear router = plain_linear("stream weights", hidden, whole_width(n));
    router.tied = again;
    list.add(Part::norms, router);
  };
  weights(false);
  list.add(Part::norms, Pass{{"predict streams", "predict streams"}, {streams}, 1.0, n * n * n});
  weights(true);
  // With the scale of the first stream, a value for each of hidden.
  list.add(Part::norms, Pass{{"correct streams", "correct streams"}, {streams}, 1.0, n * n + llm.hidden});
}

void add_join(ElementList& list, const Llm& llm) {
  add_matrices(list, llm, Part::head, "join streams");
  if (!connects(llm)) return;
  const std::int64_t n = llm.streams;
  list.add(Part::norms, plain_linear("join streams", whole_width(n * llm.hidden), whole_width(n), n + 1));
}

}  // namespace orrery::models
