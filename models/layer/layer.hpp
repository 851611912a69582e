// The layers of a decoder-only language model, written once: an ordered list of elements per layer, for the embedding
// and for the head.
//
// An element says what one kernel (or one collective of the tensor-parallel group) works on: widths, names, what it
// holds and keeps. It says nothing of tokens, precision or pass. Readings say the rest, each in a file of its own:
//   training.hpp     forward, recomputation, input gradient and weight gradient
//   serving.hpp      an iteration of an inference engine: prompts and decodes
//   parameters.hpp   parameters of the model and of a rank, KV cache per token
//   cache.hpp        what a sequence keeps of its past: keys, windows, states
//   activations.hpp  bytes that stay until the backward pass; the widest moment of an inference step
//   flops.hpp        model FLOPs by the papers' conventions
// A new architecture's layer is a change of this folder alone: its elements here and, if a block is new, one branch in
// each reading, which the compiler asks for.
//
// Tensor parallelism (Megatron-LM's f and g, Shoeybi et al. 2019 §3; with sequence parallelism their g-bar, Korthikanti
// et al. 2022 §4.2.2) is data: a Width says whether the ranks share it, `enter` and `leave` bound the region:
//   enter  forward: identity, or all_gather with sequence parallelism; backward: all_reduce or reduce_scatter
//   leave  forward: all_reduce or reduce_scatter; backward: identity or all_gather
//
// Limitations: one list stands for all tensor-parallel ranks; inputs of the norms inside attention are not kept.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "models/llm.hpp"

namespace orrery::models {

/// Values of one token: `count` units (heads, columns) of `size` values.
struct Width {
  std::int64_t count = 0, size = 1;
  bool split = false;  ///< tensor-parallel ranks share the units; where these are fewer, each rank has a copy of one

  [[nodiscard]] std::int64_t whole() const { return count * size; }
  [[nodiscard]] std::int64_t on_rank(std::int64_t tensor) const {
    return split ? std::max<std::int64_t>(1, count / tensor) * size : whole();
  }
  /// Of the rank with most units, where they are dealt unevenly.
  [[nodiscard]] std::int64_t most_on_rank(std::int64_t tensor) const {
    return split ? (count + tensor - 1) / tensor * size : whole();
  }
};

/// A width that every tensor-parallel rank has, and one that they share.
[[nodiscard]] inline Width whole_width(std::int64_t values) { return {values, 1, false}; }
[[nodiscard]] inline Width shared_width(std::int64_t units, std::int64_t size = 1) { return {units, size, true}; }

/// Up to four widths side by side: the columns of a fused projection.
class Widths {
 public:
  Widths() = default;
  Widths(std::initializer_list<Width> widths) {
    for (const Width& width : widths) add(width);
  }
  /// REQUIRES room for it.
  void add(const Width& width) { widths_.at(count_++) = width; }

  [[nodiscard]] const Width* begin() const { return widths_.data(); }
  [[nodiscard]] const Width* end() const { return widths_.data() + count_; }
  [[nodiscard]] std::int64_t whole() const {
    std::int64_t sum = 0;
    for (const Width& width : *this) sum += width.whole();
    return sum;
  }
  [[nodiscard]] std::int64_t on_rank(std::int64_t tensor) const {
    std::int64_t sum = 0;
    for (const Width& width : *this) sum += width.on_rank(tensor);
    return sum;
  }
  [[nodiscard]] std::int64_t most_on_rank(std::int64_t tensor) const {
    std::int64_t sum = 0;
    for (const Width& width : *this) sum += width.most_on_rank(tensor);
    return sum;
  }

 private:
  std::array<Width, 4> widths_;
  std::size_t count_ = 0;
};

/// What a trainer (Megatron-LM) and an inference engine (vLLM) call the kernel.
struct Names {
  std::string_view trainer, engine;
};

struct Norm {
  Names names;
  Widths values;
  std::int64_t parameters = 0;
  bool residual = false;    ///< follows a residual add, which an inference engine fuses with it
  std::int64_t summed = 0;  ///< values of a token that ranks of a grid add up, as each has a part of the width
  std::int64_t row = 0;     ///< values that are normed together, a head's; 0: all of a token's
};

/// Y[tokens, out] = X[tokens, in] · W[out, in]ᵀ, `out` of several projections side by side.
struct Linear {
  Names names;
  Width in;
  Widths out;
  std::int64_t biases = 0;
  bool plain = false;      ///< stays in the activations' precision where weights are quantised
  bool tied = false;       ///< the weight is another element's
  bool on_latent = false;  ///< expands the latent that the KV cache holds: prompts run it on all they attend to
  std::optional<WeightFormat> stored = {};  ///< in the checkpoint, where not as the model's others
  bool leaves = false;                      ///< of ranks in a line it takes the shared width and makes the whole one
};

/// Rotary position embedding in place, on queries and keys.
struct Rotary {
  Widths values;
};

/// Scores, softmax and values.
struct CoreAttention {
  Width queries, keys;           ///< units are heads, of the width of a query
  std::int64_t value_dim = 0;    ///< of a head
  std::int64_t window = 0;       ///< sliding window, tokens; 0: full
  std::int64_t latent_dim = 0;   ///< of the keys and values' common latent; 0: multi-head
  std::int64_t rotary_dim = 0;   ///< of the latent attention's key that all heads share
  Widths cached = {};            ///< what the KV cache holds of a token
  std::int64_t chunk = 0;        ///< attends within blocks of so many tokens; 0: full
  std::int64_t topk = 0;         ///< keys that an index chooses, at most; 0: all
  std::int64_t compress = 0;     ///< beyond the window, tokens that are one key; 0: none are
  Widths recent = {};            ///< what the KV cache holds of a token of the window beside `cached`
  bool keys_are_values = false;  ///< one tensor is both
  std::int64_t parameters = 0;   ///< logits of sinks
};

/// Scores of small heads that choose the keys of the attention after it; keys of its own, in fp8 with a scale.
/// Every tensor-parallel rank computes them all.
struct SparseIndex {
  std::int64_t heads = 0, dim = 0;
  std::int64_t compress = 1;  ///< tokens that share a key
};

/// A causal convolution's output becomes an update of a state, and a read of it: gated delta rule, Mamba.
struct Recurrence {
  Names names;
  Widths values;     ///< what it reads of a token
  Width out;         ///< what it writes of a token
  Width state = {};  ///< of a sequence, in fp32: heads, and key_dim x value_dim values of each
  std::int64_t key_dim = 0, value_dim = 0;
  std::int64_t chunk = 64;    ///< tokens between two passes over the state in a prompt
  std::int64_t products = 2;  ///< multiply-adds of a state's value for a token
  Width tail = {};            ///< of a sequence: what the convolution remembers, in the activations' precision
  std::int64_t parameters = 0;
};

/// A pass over memory that no other element names: convolution, output gate, gated norm, mixing of streams.
struct Pass {
  Names names;
  Widths values;      ///< of a token, as written
  double read = 1.0;  ///< values read for one that is written
  std::int64_t parameters = 0;
};

/// x + f(x), with dropout on f(x) where the model is trained with it.
struct Residual {
  std::string_view name;
  std::int64_t hidden = 0;
};

struct Activation {
  Names names;
  Width inter;
  bool gated = false;
};

/// The chosen experts of a token.
struct TopK {
  std::int64_t experts = 0;
};

/// Routed experts: permutation, two grouped GEMMs, weighted sum.
struct Experts {
  std::int64_t hidden = 0, inter = 0, experts = 0, topk = 0;
  bool gated = false;
  std::int64_t parameters = 0;  ///< of all experts
  std::int64_t matrices = 0;    ///< weights of one expert's linear layers
  std::optional<WeightFormat> stored = {};
};

/// The shared experts' output joins the routed ones'.
struct AddShared {
  std::int64_t hidden = 0;
};

/// Gather of the tokens' rows; the ranks share the vocabulary.
struct Embedding {
  std::int64_t vocab = 0, width = 0;
};

/// Learned rows that are added to the tokens', with dropout on the sum; rotary models have the dropout alone.
struct PositionEmbedding {
  std::int64_t rows = 0, hidden = 0;
  [[nodiscard]] bool learned() const { return rows > 0; }
};

/// What is made of the logits: a loss in training, tokens in serving.
struct Output {
  Width vocab;
};

struct Enter {
  std::int64_t hidden = 0;
};
struct Leave {
  std::string_view name;  ///< of its all_reduce in an inference engine
  std::int64_t hidden = 0;
};

/// What an element belongs to in a count of parameters.
enum class Part : std::uint8_t { norms, attention, mlp, router, experts, embedding, head };

struct LayerElement {
  std::variant<Norm, Linear, Rotary, CoreAttention, Residual, Activation, TopK, Experts, AddShared, Embedding,
               PositionEmbedding, Output, Enter, Leave, SparseIndex, Recurrence, Pass>
      block;
  Part part = Part::norms;
  bool inside = false;     ///< of the tensor-parallel region: all tokens; outside, sequence parallelism shards them
  bool on_shared = false;  ///< of the shared experts, which an inference engine runs before the routed ones
  Widths kept;             ///< values of a token that stay until the backward pass
  std::string_view fused;  ///< elements of one layer with the same name here are one kernel of an engine, so called
};

/// Attention and MLP (or experts) with their norms and residual adds.
[[nodiscard]] std::vector<LayerElement> layer_elements(const Llm& llm, std::int64_t layer);
/// Token and position embedding; the first stage's front.
[[nodiscard]] std::vector<LayerElement> embedding_elements(const Llm& llm);
/// Final norm, logits and what is made of them; the last stage's end.
[[nodiscard]] std::vector<LayerElement> head_elements(const Llm& llm);

/// Keys that a query at the end of `tokens` tokens attends to: min(tokens, window), half a chunk on average beyond the
/// first, min(tokens, topk), or min(tokens, window) + min(tokens/compress, topk).
[[nodiscard]] double attended_keys(const CoreAttention& attention, double tokens);

/// Keys that a token of a causal sequence of so many tokens attends to on average within blocks of `chunk`: half of its
/// block, Σ n²/(2·tokens) over the blocks' n tokens, of which the last may be fewer. REQUIRES chunk ≥ 1, tokens > 0.
[[nodiscard]] double mean_chunked_keys(std::int64_t chunk, double tokens);

/// Layers that are alike: the first of them, and how many there are.
struct LayerKind {
  std::int64_t first = 0, count = 0;
};
/// In the order of their first layers.
[[nodiscard]] std::vector<LayerKind> layer_kinds(const Llm& llm);

/// The layer's attention, or nullptr.
[[nodiscard]] const CoreAttention* core_attention(const std::vector<LayerElement>& elements);

}  // namespace orrery::models
