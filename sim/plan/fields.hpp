// How plan_text writes and reads the fields of table entries: their order, keys and value texts.
//
// One list of fields per type serves both directions: an Archive is a writer or a reader with
// field(key, value). The lists of kernel shapes are those of kernels/fields.hpp.
#pragma once

#include <charconv>
#include <cmath>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <vector>

#include <fmt/format.h>

#include "kernels/fields.hpp"
#include "sim/plan/plan.hpp"

namespace orrery::sim::plan_fields {

/// The first line of the text.
inline constexpr std::string_view kHeader = "orrery_plan 2";

/// The name of each alternative of Kernel, in its order.
inline constexpr std::string_view kShapes[] = {"gemm",   "attention_prefill", "attention_decode", "moe",
                                               "memory", "host_copy"};

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
constexpr auto last(CollectiveKind) { return CollectiveKind::reduce; }
constexpr auto last(CollectiveLibrary) { return CollectiveLibrary::sparse_exchange; }
constexpr auto last(LaunchPath) { return LaunchPath::joined; }
constexpr auto last(LaneKind) { return LaneKind::copy; }
constexpr auto last(MemoryKind) { return MemoryKind::workspace; }
constexpr auto last(StepKind) { return StepKind::call; }

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
  if constexpr (std::is_floating_point_v<Number>) {
    if (!std::isfinite(value)) return false;  // "nan" and "inf" are none that a plan has
  }
  return error == std::errc() && end == text.data() + text.size();
}

/// Numbers as runs: "0-127,256".
inline std::string runs_text(const std::vector<std::uint32_t>& numbers) {
  std::string text;
  for (std::size_t i = 0; i < numbers.size();) {
    std::size_t last = i;
    while (last + 1 < numbers.size() && numbers[last + 1] == std::uint64_t{numbers[last]} + 1) ++last;
    if (i > 0) text += ',';
    text += fmt::format("{}", numbers[i]);
    if (last > i) text += fmt::format("-{}", numbers[last]);
    i = last + 1;
  }
  return text.empty() ? "none" : text;
}

/// Calls `each` with the parts of "a,b,c"; false as soon as it says so.
template <class Each>
bool split(std::string_view text, char at, Each each) {
  for (;;) {
    const std::size_t end = text.find(at);
    if (!each(text.substr(0, end))) return false;
    if (end == std::string_view::npos) return true;
    text.remove_prefix(end + 1);
  }
}

inline bool parse_runs(std::string_view text, std::vector<std::uint32_t>& numbers) {
  constexpr std::size_t kMost = std::size_t{1} << 24;  // GPUs of no cluster: a slip must not fill the memory
  numbers.clear();
  if (text == "none") return true;
  return split(text, ',', [&numbers](std::string_view part) {
    const std::size_t dash = part.find('-');
    std::uint32_t first = 0, last = 0;
    if (!parse_number(part.substr(0, dash), first)) return false;
    last = first;
    if (dash != std::string_view::npos && !parse_number(part.substr(dash + 1), last)) return false;
    if (last < first || numbers.size() + (last - first) >= kMost) return false;
    for (std::uint32_t i = 0; i <= last - first; ++i) numbers.push_back(first + i);
    return true;
  });
}

/// Axes as count and stride: "8x1,128x8".
inline std::string axes_text(const std::vector<Axis>& axes) {
  std::string text;
  for (const Axis& axis : axes) text += fmt::format("{}{}x{}", text.empty() ? "" : ",", axis.count, axis.stride);
  return text.empty() ? "none" : text;
}

inline bool parse_axes(std::string_view text, std::vector<Axis>& axes) {
  axes.clear();
  if (text == "none") return true;
  return split(text, ',', [&axes](std::string_view part) {
    const std::size_t by = part.find('x');
    Axis axis;
    if (by == std::string_view::npos || !parse_number(part.substr(0, by), axis.count)) return false;
    if (!parse_number(part.substr(by + 1), axis.stride)) return false;
    axes.push_back(axis);
    return true;
  });
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
  } else if constexpr (std::is_same_v<T, std::vector<std::uint32_t>>) {
    return runs_text(value);
  } else if constexpr (std::is_same_v<T, std::vector<Axis>>) {
    return axes_text(value);
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
  } else if constexpr (std::is_same_v<T, std::vector<std::uint32_t>>) {
    return parse_runs(text, value);
  } else if constexpr (std::is_same_v<T, std::vector<Axis>>) {
    return parse_axes(text, value);
  } else if constexpr (requires { value.index(); }) {
    return parse_number(text, value.value);
  } else {
    return parse_number(text, value);
  }
}

template <class Archive, class Shape>
void fields(Archive& a, Shape& s) {
  if constexpr (kernels::HasFields<Shape>) {
    kernels::for_each_field(s, [&a](std::string_view key, auto& value) { a.field(key, value); });
  } else if constexpr (std::is_same_v<std::remove_const_t<Shape>, KernelEntry>) {
    a.field("label", s.label), a.field("activity", s.activity), a.field("repeat", s.repeat);
    a.field("launch", s.launch);
  } else if constexpr (std::is_same_v<std::remove_const_t<Shape>, CollectiveEntry>) {
    a.field("kind", s.kind), a.field("bytes", s.bytes), a.field("group", s.group), a.field("label", s.label);
    a.field("activity", s.activity), a.field("dtype", s.dtype), a.field("library", s.library);
    a.field("implementation", s.implementation);
  } else if constexpr (std::is_same_v<std::remove_const_t<Shape>, TransferEntry>) {
    a.field("source", s.source), a.field("destination", s.destination), a.field("bytes", s.bytes);
    a.field("label", s.label), a.field("activity", s.activity);
  } else if constexpr (std::is_same_v<std::remove_const_t<Shape>, CopyEntry>) {
    fields(a, s.copy);
    a.field("label", s.label);
  } else if constexpr (std::is_same_v<std::remove_const_t<Shape>, MemoryEntry>) {
    a.field("bytes", s.bytes), a.field("kind", s.kind);
  } else if constexpr (std::is_same_v<std::remove_const_t<Shape>, Rank>) {
    a.field("stands_for", s.stands_for), a.field("gpu_class", s.gpu_class);
  } else if constexpr (std::is_same_v<std::remove_const_t<Shape>, Group>) {
    a.field("axes", s.axes), a.field("bases", s.bases);
  } else if constexpr (std::is_same_v<std::remove_const_t<Shape>, MarkEntry>) {
    a.field("label", s.label), a.field("pass", s.pass), a.field("microbatch", s.microbatch), a.field("chunk", s.chunk);
  } else if constexpr (std::is_same_v<std::remove_const_t<Shape>, Call>) {
    a.field("block", s.block), a.field("first_event", s.first_event);
  } else if constexpr (std::is_same_v<std::remove_const_t<Shape>, Lane>) {
    a.field("lane", s.kind), a.field("number", s.number);
  } else {
    a.field("rank", s.rank);
    fields(a, s.lane);
  }
}

}  // namespace orrery::sim::plan_fields
