// The fields of every kernel shape, each listed once: equality, hash and the plan's text are read off these lists.
//
// A shape with a field that its list lacks, or has twice, does not compile.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>
#include <tuple>
#include <type_traits>

#include "kernels/kernel.hpp"

namespace orrery::kernels {

/// A field of `Shape` and the name it has in texts.
template <class Shape, class Value>
struct Field {
  std::string_view name;
  Value Shape::*member;
};
template <class Shape, class Value>
Field(const char*, Value Shape::*) -> Field<Shape, Value>;

/// The list of a shape, in the order of its declaration. No list: not a shape.
template <class Shape>
inline constexpr auto kFields = std::tuple<>{};

template <>
inline constexpr auto kFields<GemmShape> = std::tuple{
    Field{"dtype", &GemmShape::dtype},
    Field{"m", &GemmShape::m},
    Field{"n", &GemmShape::n},
    Field{"k", &GemmShape::k},
    Field{"batch", &GemmShape::batch},
    Field{"weights", &GemmShape::weights},
    Field{"implementation", &GemmShape::implementation},
    Field{"accumulate", &GemmShape::accumulate},
    Field{"strided", &GemmShape::strided},
};
template <>
inline constexpr auto kFields<AttentionPrefillShape> = std::tuple{
    Field{"dtype", &AttentionPrefillShape::dtype},
    Field{"kv_dtype", &AttentionPrefillShape::kv_dtype},
    Field{"batch", &AttentionPrefillShape::batch},
    Field{"q_len", &AttentionPrefillShape::q_len},
    Field{"kv_len", &AttentionPrefillShape::kv_len},
    Field{"q_heads", &AttentionPrefillShape::q_heads},
    Field{"kv_heads", &AttentionPrefillShape::kv_heads},
    Field{"head_dim", &AttentionPrefillShape::head_dim},
    Field{"v_head_dim", &AttentionPrefillShape::v_head_dim},
    Field{"window", &AttentionPrefillShape::window},
    Field{"causal", &AttentionPrefillShape::causal},
    Field{"pass", &AttentionPrefillShape::pass},
    Field{"implementation", &AttentionPrefillShape::implementation},
};
template <>
inline constexpr auto kFields<AttentionDecodeShape> = std::tuple{
    Field{"dtype", &AttentionDecodeShape::dtype},       Field{"kv_dtype", &AttentionDecodeShape::kv_dtype},
    Field{"batch", &AttentionDecodeShape::batch},       Field{"kv_tokens", &AttentionDecodeShape::kv_tokens},
    Field{"q_heads", &AttentionDecodeShape::q_heads},   Field{"kv_heads", &AttentionDecodeShape::kv_heads},
    Field{"head_dim", &AttentionDecodeShape::head_dim}, Field{"latent_dim", &AttentionDecodeShape::latent_dim},
    Field{"window", &AttentionDecodeShape::window},     Field{"implementation", &AttentionDecodeShape::implementation},
};
template <>
inline constexpr auto kFields<MoeShape> = std::tuple{
    Field{"dtype", &MoeShape::dtype},
    Field{"tokens", &MoeShape::tokens},
    Field{"hidden", &MoeShape::hidden},
    Field{"inter", &MoeShape::inter},
    Field{"topk", &MoeShape::topk},
    Field{"experts", &MoeShape::experts},
    Field{"tensor_parallel", &MoeShape::tensor_parallel},
    Field{"expert_parallel", &MoeShape::expert_parallel},
    Field{"load", &MoeShape::load},
    Field{"gated", &MoeShape::gated},
    Field{"pass", &MoeShape::pass},
    Field{"implementation", &MoeShape::implementation},
};
template <>
inline constexpr auto kFields<MemoryShape> = std::tuple{
    Field{"op", &MemoryShape::op},
    Field{"dtype", &MemoryShape::dtype},
    Field{"elements", &MemoryShape::elements},
    Field{"read", &MemoryShape::read},
    Field{"written", &MemoryShape::written},
    Field{"flops_per_element", &MemoryShape::flops_per_element},
    Field{"rows", &MemoryShape::rows},
    Field{"inputs", &MemoryShape::inputs},
};
template <>
inline constexpr auto kFields<HostCopyShape> = std::tuple{
    Field{"bytes", &HostCopyShape::bytes},
    Field{"to_device", &HostCopyShape::to_device},
    Field{"pinned", &HostCopyShape::pinned},
};

template <class Shape>
inline constexpr std::size_t kFieldCount = std::tuple_size_v<std::remove_const_t<decltype(kFields<Shape>)>>;

template <class Shape>
concept HasFields = kFieldCount<std::remove_const_t<Shape>> >
0;

/// Calls each(name, field) for every field of the shape, in order.
template <HasFields Shape, class Each>
constexpr void for_each_field(Shape& shape, Each&& each) {
  std::apply([&](const auto&... field) { (each(field.name, shape.*field.member), ...); },
             kFields<std::remove_const_t<Shape>>);
}

namespace fields_detail {

/// Stands for a value of any type where it is counted how many an aggregate takes.
struct Any {
  template <class T>
  constexpr operator T() const noexcept;  // NOLINT: implicit by purpose
};

template <class Aggregate, class... Members>
consteval std::size_t member_count() {
  if constexpr (requires { Aggregate{Members{}..., Any{}}; }) {
    return member_count<Aggregate, Members..., Any>();
  } else {
    return sizeof...(Members);
  }
}

template <class A, class B>
constexpr bool same_member(const A& a, const B& b) {
  if constexpr (std::is_same_v<A, B>) {
    return a.member == b.member;
  } else {
    return false;
  }
}

/// How often fields of the list name a member that the list has, each beside itself included.
template <class Shape>
consteval std::size_t coincidences() {
  return std::apply(
      [](const auto&... field) {
        const auto against_all = [&](const auto& one) { return (std::size_t{0} + ... + same_member(one, field)); };
        return (std::size_t{0} + ... + against_all(field));
      },
      kFields<Shape>);
}

}  // namespace fields_detail

/// Every member of the shape stands in its list exactly once.
template <class Shape>
consteval bool lists_every_member() {
  return kFieldCount<Shape> == fields_detail::member_count<Shape>() &&
         fields_detail::coincidences<Shape>() == kFieldCount<Shape>;
}

template <class... Shapes>
consteval bool lists_every_member_of(const std::variant<Shapes...>*) {
  return (lists_every_member<Shapes>() && ...);
}
static_assert(lists_every_member_of(static_cast<const Kernel*>(nullptr)),
              "a kernel shape and its list of fields in this file differ");

namespace fields_detail {

template <class Value>
inline constexpr bool is_narrow = sizeof(Value) == 1;

inline std::uint64_t word_of(double value) {
  const double canonical = value + 0.0;  // turns -0 into 0, which equals it
  std::uint64_t bits = 0;
  std::memcpy(&bits, &canonical, sizeof bits);
  return bits ^ bits >> 32;  // the few leading bits of a round number to where a product keeps them
}
inline std::uint64_t word_of(Bytes value) { return word_of(value.value()); }
inline std::uint64_t word_of(std::int64_t value) { return static_cast<std::uint64_t>(value); }

/// 0 where they are equal.
template <class Value>
constexpr std::uint64_t difference(const Value& a, const Value& b) {
  if constexpr (std::is_integral_v<Value> || std::is_enum_v<Value>) {
    return static_cast<std::uint64_t>(a) ^ static_cast<std::uint64_t>(b);
  } else {
    return static_cast<std::uint64_t>(a == b ? 0 : 1);
  }
}

// Brings the high bits of a sum of products, which depend on every field, down to where a table looks: neighbouring
// shapes spread over all of it. A round of splitmix64's finaliser.
constexpr std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 32)) * 0xbf58476d1ce4e5b9ull;
  return x ^ (x >> 29);
}

}  // namespace fields_detail

template <HasFields Shape>
[[nodiscard]] inline bool same_fields(const Shape& a, const Shape& b) {
  // Without a branch for each field: the bits in which whole numbers differ, or'ed.
  return std::apply(
      [&](const auto&... field) { return (... | fields_detail::difference(a.*field.member, b.*field.member)) == 0; },
      kFields<Shape>);
}

/// Equal shapes hash alike; `index` is the shape's place in Kernel. A sum of products, so that the multiplications need
/// not wait for one another; fields of one byte share a factor.
template <HasFields Shape>
[[nodiscard]] inline std::uint64_t hash_fields(const Shape& shape, std::size_t index) {
  std::uint64_t narrow = index, sum = 0, factor = 0x9e3779b97f4a7c15ull;
  int place = 0;
  for_each_field(shape, [&](std::string_view, const auto& value) {
    if constexpr (fields_detail::is_narrow<std::decay_t<decltype(value)>>) {
      narrow |= std::uint64_t{static_cast<std::uint8_t>(value)} << (place += 8);
    } else {
      sum += fields_detail::word_of(value) * factor;
      factor = factor * 0xd1342543de82ef95ull + 2;  // odd again; a constant once the calls are inlined
    }
  });
  return fields_detail::mix(sum + narrow * factor);
}

}  // namespace orrery::kernels
