// How plan_text writes and reads the fields of table entries: their order, keys and value texts.
//
// One list of fields per type serves both directions: an Archive is a writer or a reader with
// field(key, value).
#pragma once

#include <charconv>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>

#include <fmt/format.h>

#include "sim/plan.hpp"

namespace orrery::sim::plan_fields {

inline std::string_view enum_name(kernels::CacheState state) {
  return state == kernels::CacheState::cold ? "cold" : "warm";
}
inline std::string_view enum_name(kernels::Pass pass) {
  return pass == kernels::Pass::forward ? "forward" : "backward";
}
inline std::string_view enum_name(kernels::ExpertLoad load) {
  switch (load) {
    case kernels::ExpertLoad::balanced:
      return "balanced";
    case kernels::ExpertLoad::power_law_1_01:
      return "power_law_1_01";
    case kernels::ExpertLoad::power_law_1_2:
      return "power_law_1_2";
  }
  return "?";
}

// The last enumerator of each vocabulary: reading tries the names up to it.
constexpr auto last(kernels::CacheState) { return kernels::CacheState::warm; }
constexpr auto last(kernels::Pass) { return kernels::Pass::backward; }
constexpr auto last(kernels::ExpertLoad) { return kernels::ExpertLoad::power_law_1_2; }
constexpr auto last(kernels::Implementation) { return kernels::Implementation::unfused; }
constexpr auto last(kernels::MemoryOp) { return kernels::MemoryOp::memset; }
constexpr auto last(Dtype) { return Dtype::nvfp4; }
constexpr auto last(Activity) { return Activity::other; }
constexpr auto last(CollectiveKind) { return CollectiveKind::broadcast; }
constexpr auto last(Lane) { return Lane::copy; }
constexpr auto last(MemoryKind) { return MemoryKind::workspace; }
constexpr auto last(StepKind) { return StepKind::mark; }

template <class Enum>
std::string_view enum_name(Enum value) {
  return name(value);
}

template <class Enum>
bool parse_name(std::string_view text, Enum& value) {
  using kernels::name;
  using sim::name;
  for (int i = 0; i <= static_cast<int>(last(Enum{})); ++i) {
    const auto candidate = static_cast<Enum>(i);
    if (enum_name(candidate) == text) {
      value = candidate;
      return true;
    }
  }
  return false;
}

template <class Number>
bool parse_number(std::string_view text, Number& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

/// One field's text in both directions.
template <class T>
std::string to_token(const T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    return value ? "1" : "0";
  } else if constexpr (std::is_enum_v<T>) {
    using kernels::name;
    using sim::name;
    return std::string(enum_name(value));
  } else if constexpr (std::is_same_v<T, Bytes>) {
    return fmt::format("{}", value.value());
  } else if constexpr (requires { value.index(); }) {
    return fmt::format("{}", value.value);
  } else {
    return fmt::format("{}", value);
  }
}

template <class T>
bool from_token(std::string_view text, T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    value = text == "1";
    return text == "0" || text == "1";
  } else if constexpr (std::is_enum_v<T>) {
    return parse_name(text, value);
  } else if constexpr (std::is_same_v<T, Bytes>) {
    double number = 0.0;
    if (!parse_number(text, number)) return false;
    value = Bytes{number};
    return true;
  } else if constexpr (requires { value.index(); }) {
    return parse_number(text, value.value);
  } else {
    return parse_number(text, value);
  }
}

using kernels::AttentionDecodeShape;
using kernels::AttentionPrefillShape;
using kernels::GemmShape;
using kernels::HostCopyShape;
using kernels::MemoryShape;
using kernels::MoeShape;

template <class Archive, class Shape>
void fields(Archive& a, Shape& s) {
  if constexpr (std::is_same_v<std::remove_const_t<Shape>, GemmShape>) {
    a.field("dtype", s.dtype), a.field("m", s.m), a.field("n", s.n), a.field("k", s.k), a.field("batch", s.batch);
    a.field("weights", s.weights), a.field("implementation", s.implementation), a.field("accumulate", s.accumulate);
  } else if constexpr (std::is_same_v<std::remove_const_t<Shape>, AttentionPrefillShape>) {
    a.field("dtype", s.dtype), a.field("kv_dtype", s.kv_dtype), a.field("batch", s.batch), a.field("q_len", s.q_len);
    a.field("kv_len", s.kv_len), a.field("q_heads", s.q_heads), a.field("kv_heads", s.kv_heads);
    a.field("head_dim", s.head_dim), a.field("v_head_dim", s.v_head_dim), a.field("window", s.window);
    a.field("causal", s.causal), a.field("pass", s.pass), a.field("implementation", s.implementation);
  } else if constexpr (std::is_same_v<std::remove_const_t<Shape>, AttentionDecodeShape>) {
    a.field("dtype", s.dtype), a.field("kv_dtype", s.kv_dtype), a.field("batch", s.batch);
    a.field("kv_tokens", s.kv_tokens), a.field("q_heads", s.q_heads), a.field("kv_heads", s.kv_heads);
    a.field("head_dim", s.head_dim), a.field("latent_dim", s.latent_dim), a.field("window", s.window);
    a.field("implementation", s.implementation);
  } else if constexpr (std::is_same_v<std::remove_const_t<Shape>, MoeShape>) {
    a.field("dtype", s.dtype), a.field("tokens", s.tokens), a.field("hidden", s.hidden), a.field("inter", s.inter);
    a.field("topk", s.topk), a.field("experts", s.experts), a.field("tensor_parallel", s.tensor_parallel);
    a.field("expert_parallel", s.expert_parallel), a.field("load", s.load), a.field("gated", s.gated);
    a.field("pass", s.pass), a.field("implementation", s.implementation);
  } else if constexpr (std::is_same_v<std::remove_const_t<Shape>, MemoryShape>) {
    a.field("op", s.op), a.field("dtype", s.dtype), a.field("elements", s.elements), a.field("read", s.read);
    a.field("written", s.written), a.field("flops_per_element", s.flops_per_element);
  } else if constexpr (std::is_same_v<std::remove_const_t<Shape>, HostCopyShape>) {
    a.field("bytes", s.bytes), a.field("to_device", s.to_device), a.field("pinned", s.pinned);
  } else if constexpr (std::is_same_v<std::remove_const_t<Shape>, KernelEntry>) {
    a.field("label", s.label), a.field("activity", s.activity), a.field("repeat", s.repeat);
  } else if constexpr (std::is_same_v<std::remove_const_t<Shape>, CollectiveEntry>) {
    a.field("kind", s.kind), a.field("bytes", s.bytes), a.field("group", s.group), a.field("label", s.label);
    a.field("activity", s.activity);
  } else if constexpr (std::is_same_v<std::remove_const_t<Shape>, TransferEntry>) {
    a.field("source", s.source), a.field("destination", s.destination), a.field("bytes", s.bytes);
    a.field("same_node", s.same_node), a.field("label", s.label), a.field("activity", s.activity);
  } else if constexpr (std::is_same_v<std::remove_const_t<Shape>, CopyEntry>) {
    fields(a, s.copy);
    a.field("label", s.label);
  } else if constexpr (std::is_same_v<std::remove_const_t<Shape>, MemoryEntry>) {
    a.field("bytes", s.bytes), a.field("kind", s.kind);
  } else if constexpr (std::is_same_v<std::remove_const_t<Shape>, Rank>) {
    a.field("multiplicity", s.multiplicity), a.field("node", s.node);
  } else if constexpr (std::is_same_v<std::remove_const_t<Shape>, Group>) {
    a.field("size", s.size), a.field("nodes", s.nodes);
  } else {
    a.field("rank", s.rank), a.field("lane", s.lane);
  }
}

}  // namespace orrery::sim::plan_fields
