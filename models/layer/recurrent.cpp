// Recurrent mixers' elements: the gated delta rule and Kimi's, lightning attention, and Mamba's two generations of
// selective state spaces.
//
//   gated delta  S ← g·S + k·β(v − kᵀ·g·S)ᵀ, o = Sᵀ·q    heads of values share heads of keys (Qwen3-Next, Qwen3.5)
//   kimi delta   the same with a decay per channel of a key; narrow projections make decay and gate (Kimi-Linear)
//   lightning    S ← λ·S + k·vᵀ, o = Sᵀ·q, λ is fixed; its norm is of all heads together (MiniMax-01)
//   mamba2       S ← a·S + (Δ·x)·Bᵀ, y = S·C + D·x         heads of x share groups of B and C (Mamba-2, Nemotron-H)
//   mamba        the same with a state per channel, Δ from a compressed projection of x
//   rg-lru       h ← a·h + √(1 − a²)·(i·x) per channel, a and i from gates that are blocks per head (RecurrentGemma)
// Before it a causal convolution of a few taps runs over what the input projection gives (lightning has none), after it
// a gated norm (mamba: a gate) and the output projection. A sequence keeps S, in fp32, and the convolution's last taps.
// Source: transformers models/{qwen3_next,mamba2,mamba,nemotron_h,minimax,recurrent_gemma}/modeling_*.py; vllm
// vllm/model_executor/layers/kda.py.
#include "models/layer/elements.hpp"

namespace orrery::models {
namespace {

constexpr Part kPart = Part::attention;

void add_convolution(ElementList& list, const RecurrentConfig& r, const Widths& over) {
  const std::int64_t channels = over.whole();
  list.add(kPart, Pass{{"convolution", "convolution"}, over, 1.0, channels * (r.conv + (r.conv_bias ? 1 : 0))}, over);
}

// What a sequence keeps of the convolution: all its taps but the newest.
Width tail(const RecurrentConfig& r, const Width& heads, std::int64_t channels) {
  return shared_width(heads.count, (r.conv - 1) * channels / heads.count);
}

/// What reads `values` of a token, writes `out`, and keeps a state of key_dim x value_dim values a head.
Recurrence recurrence(std::string_view name, const Widths& values, const Width& out, const RecurrentConfig& r) {
  Recurrence state{{name, name}, values, out};
  state.state = shared_width(r.value_heads, r.key_dim * r.value_dim);
  state.key_dim = r.key_dim;
  state.value_dim = r.value_dim;
  state.chunk = r.chunk;
  return state;
}

void add_gated_delta(ElementList& list, const Llm& llm, const RecurrentConfig& r) {
  const Width keys = shared_width(r.key_heads, r.key_dim), values = shared_width(r.value_heads, r.value_dim);
  const Width hidden = whole_width(llm.hidden);
  list.add(kPart, Linear{{"recurrent in", "recurrent in"}, hidden, {keys, keys, values, values}});
  Linear gates{{"decay and beta", "decay and beta"}, hidden, {shared_width(r.value_heads, 2)}};
  gates.plain = true;
  list.add(kPart, gates);
  add_convolution(list, r, {keys, keys, values});
  Recurrence state = recurrence("gated delta rule", {keys, keys, values}, values, r);
  state.products = 3;
  state.tail = tail(r, values, 2 * keys.whole() + values.whole());
  state.parameters = 2 * r.value_heads;  // A_log, dt_bias
  list.add(kPart, state, {values});
  list.add(kPart, Pass{{"gated norm", "gated norm"}, {values}, 2.0, r.value_dim}, {values});
  list.add(kPart, Linear{{"recurrent out", "recurrent out"}, values, {hidden}});
}

// Through a width of dt_rank, which every rank has whole.
void add_narrow(ElementList& list, const Names& down, const Names& up, const Width& hidden, const RecurrentConfig& r,
                const Width& out) {
  const Width rank = whole_width(r.dt_rank);
  list.add(kPart, Linear{down, hidden, {rank}});
  list.add(kPart, Linear{up, rank, {out}}, {rank});
}

void add_kimi_delta(ElementList& list, const Llm& llm, const RecurrentConfig& r) {
  const Width keys = shared_width(r.key_heads, r.key_dim), values = shared_width(r.value_heads, r.value_dim);
  const Width hidden = whole_width(llm.hidden);
  list.add(kPart, Linear{{"recurrent in", "recurrent in"}, hidden, {keys, keys, values}});
  add_narrow(list, {"decay down", "decay down"}, {"decay up", "decay up"}, hidden, r, keys);
  list.add(kPart, Linear{{"beta", "beta"}, hidden, {shared_width(r.key_heads)}});
  add_narrow(list, {"gate down", "gate down"}, {"gate up", "gate up"}, hidden, r, values);
  add_convolution(list, r, {keys, keys, values});
  Recurrence state = recurrence("kimi delta rule", {keys, keys, keys, values}, values, r);
  state.products = 3;
  state.tail = tail(r, values, 2 * keys.whole() + values.whole());
  state.parameters = r.key_heads + keys.whole();  // A_log, dt_bias
  list.add(kPart, state, {values});
  list.add(kPart, Pass{{"gated norm", "gated norm"}, {values}, 2.0, r.value_dim}, {values});
  list.add(kPart, Linear{{"recurrent out", "recurrent out"}, values, {hidden}});
}

void add_lightning(ElementList& list, const Llm& llm, const RecurrentConfig& r) {
  const Width keys = shared_width(r.key_heads, r.key_dim), values = shared_width(r.value_heads, r.value_dim);
  const Width hidden = whole_width(llm.hidden);
  list.add(kPart, Linear{{"recurrent in", "recurrent in"}, hidden, {keys, keys, values, values}});
  Recurrence state = recurrence("lightning attention", {keys, keys, values}, values, r);
  list.add(kPart, state, {values});
  list.add(kPart, Pass{{"gated norm", "gated norm"}, {values}, 2.0, values.whole()}, {values});
  list.add(kPart, Linear{{"recurrent out", "recurrent out"}, values, {hidden}});
}

void add_mamba2(ElementList& list, const Llm& llm, const RecurrentConfig& r) {
  const Width inner = shared_width(r.value_heads, r.value_dim), hidden = whole_width(llm.hidden);
  const Width groups = shared_width(r.key_heads, 2 * r.key_dim);  // B and C
  const Widths in{inner, inner, groups, shared_width(r.value_heads)};
  list.add(kPart, Linear{{"recurrent in", "recurrent in"}, hidden, in, r.bias ? in.whole() : 0});
  add_convolution(list, r, {inner, groups});
  Recurrence state = recurrence("selective scan", {inner, groups}, inner, r);
  state.tail = tail(r, inner, inner.whole() + groups.whole());
  state.parameters = 3 * r.value_heads;  // A_log, D, dt_bias
  list.add(kPart, state, {inner});
  list.add(kPart, Pass{{"gated norm", "gated norm"}, {inner}, 2.0, inner.whole()}, {inner});
  list.add(kPart, Linear{{"recurrent out", "recurrent out"}, inner, {hidden}, r.bias ? llm.hidden : 0});
}

void add_mamba(ElementList& list, const Llm& llm, const RecurrentConfig& r) {
  const Width inner = shared_width(r.value_heads), hidden = whole_width(llm.hidden);
  const Width dt = whole_width(r.dt_rank), groups = whole_width(2 * r.key_dim);
  list.add(kPart, Linear{{"recurrent in", "recurrent in"}, hidden, {inner, inner}, r.bias ? 2 * inner.whole() : 0});
  add_convolution(list, r, {inner});
  list.add(kPart, Linear{{"selection", "selection"}, inner, {dt, groups}});
  list.add(kPart, Linear{{"time step", "time step"}, dt, {inner}, inner.whole()});
  Recurrence state = recurrence("selective scan", {inner, inner, groups}, inner, r);
  state.tail = tail(r, inner, inner.whole());
  state.parameters = inner.whole() * (r.key_dim + 1);  // A_log, D
  list.add(kPart, state, {inner});
  list.add(kPart, Pass{{"gate", "gate"}, {inner}, 2.0}, {inner});
  list.add(kPart, Linear{{"recurrent out", "recurrent out"}, inner, {hidden}, r.bias ? llm.hidden : 0});
}

void add_rg_lru(ElementList& list, const Llm& llm, const RecurrentConfig& r) {
  const Width inner = shared_width(r.value_heads, r.value_dim), hidden = whole_width(llm.hidden);
  list.add(kPart, Linear{{"recurrent in", "recurrent in"}, hidden, {inner, inner}, r.bias ? 2 * inner.whole() : 0});
  add_convolution(list, r, {inner});
  // Of the input and of the recurrence, head by head: blocks on a diagonal.
  list.add(kPart, Linear{{"gates", "gates"}, whole_width(r.value_dim), {inner, inner}, 2 * inner.whole()});
  Recurrence state = recurrence("gated recurrence", {inner, inner, inner}, inner, r);
  state.key_dim = state.value_dim = 1;
  state.chunk = 256;
  state.tail = tail(r, inner, inner.whole());
  state.parameters = inner.whole();  // its decay
  list.add(kPart, state, {inner});
  list.add(kPart, Pass{{"gate", "gate"}, {inner}, 2.0}, {inner});
  list.add(kPart, Linear{{"recurrent out", "recurrent out"}, inner, {hidden}, r.bias ? llm.hidden : 0});
}

}  // namespace

void add_recurrent(ElementList& list, const Llm& llm, const RecurrentConfig& recurrent) {
  switch (recurrent.kind) {
    case RecurrentKind::gated_delta:
      return add_gated_delta(list, llm, recurrent);
    case RecurrentKind::kimi_delta:
      return add_kimi_delta(list, llm, recurrent);
    case RecurrentKind::lightning:
      return add_lightning(list, llm, recurrent);
    case RecurrentKind::mamba2:
      return add_mamba2(list, llm, recurrent);
    case RecurrentKind::mamba:
      return add_mamba(list, llm, recurrent);
    case RecurrentKind::rg_lru:
      return add_rg_lru(list, llm, recurrent);
  }
}

}  // namespace orrery::models
