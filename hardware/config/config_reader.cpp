// MapReader: typed reading of one mapping, with every complaint collected.

#include <algorithm>
#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "hardware/config/config.hpp"
#include "hardware/config/config_numbers.hpp"
#include "hardware/nearest_names.hpp"

namespace orrery::hardware {
namespace {

std::string_view kind_name(NodeKind kind) {
  switch (kind) {
    case NodeKind::null:
      return "nothing";
    case NodeKind::scalar:
      return "a single value";
    case NodeKind::sequence:
      return "a list";
    case NodeKind::mapping:
      return "a mapping";
  }
  return "nothing";
}

/// What is wrong with `value` in `range`; empty if nothing is.
std::string range_error(double value, const Range& range, std::string_view text, std::string_view unit_hint) {
  const auto bound = [&](double x) {
    constexpr double kExact = 9007199254740992.0;  // 2^53: whole numbers up to it stand in full
    const bool whole = x == std::floor(x) && std::abs(x) < kExact;
    return whole ? fmt::format("{:.0f}{}", x, unit_hint) : fmt::format("{}{}", x, unit_hint);
  };
  if (range.least_open ? value <= range.least : value < range.least) {
    const bool has_most = range.most < 1e299;
    if (range.least_open) return fmt::format("must be greater than {}, found {}", bound(range.least), in_quotes(text));
    if (has_most) {
      return fmt::format("must be from {} to {}, found {}", bound(range.least), bound(range.most), in_quotes(text));
    }
    return fmt::format("must be at least {}, found {}", bound(range.least), in_quotes(text));
  }
  if (value > range.most) {
    if (range.least <= -1e299) return fmt::format("must be at most {}, found {}", bound(range.most), in_quotes(text));
    return fmt::format("must be from {} to {}, found {}", bound(range.least), bound(range.most), in_quotes(text));
  }
  return {};
}

/// Reports through `diagnostics` unless `node` is a scalar.
bool is_scalar(const ConfigNode& node, std::string_view name, std::string_view expected, Diagnostics& diagnostics) {
  if (node.kind == NodeKind::scalar) return true;
  diagnostics.error(node.span, fmt::format("'{}': expected {}, found {}", name, expected, kind_name(node.kind)));
  return false;
}

std::optional<std::int64_t> read_integer(const ConfigNode& node, std::string_view name, const Range& range,
                                         Diagnostics& diagnostics) {
  if (!is_scalar(node, name, "a whole number", diagnostics)) return std::nullopt;
  std::string error;
  std::optional<std::int64_t> value;
  if (node.quoted) {
    error = fmt::format("expected a whole number, found the text \"{}\"", node.scalar);
  } else {
    value = parse_integer(node.scalar, error);
  }
  if (value) error = range_error(static_cast<double>(*value), range, node.scalar, "");
  if (error.empty()) return value;
  diagnostics.error(node.span, fmt::format("'{}': {}", name, error));
  return std::nullopt;
}

std::optional<double> read_number(const ConfigNode& node, std::string_view name, const Range& range,
                                  Diagnostics& diagnostics) {
  if (!is_scalar(node, name, "a number", diagnostics)) return std::nullopt;
  std::string error;
  std::optional<double> value;
  if (node.quoted) {
    error = fmt::format("expected a number, found the text \"{}\"", node.scalar);
  } else {
    value = parse_number(node.scalar, error);
  }
  if (value) error = range_error(*value, range, node.scalar, "");
  if (error.empty()) return value;
  diagnostics.error(node.span, fmt::format("'{}': {}", name, error));
  return std::nullopt;
}

std::optional<double> read_quantity(const ConfigNode& node, std::string_view name, const Dimension& dimension,
                                    const Range& range, Diagnostics& diagnostics) {
  const std::string expected = fmt::format("{} such as '{}'", dimension.what, dimension.example);
  if (!is_scalar(node, name, expected, diagnostics)) return std::nullopt;
  std::string error;
  const std::optional<double> value = parse_quantity(node.scalar, dimension, error);
  const bool is_zero_bound = range.least == 0.0;
  const std::string unit = is_zero_bound ? "" : fmt::format(" {}", dimension.units.front().name);
  if (value) error = range_error(*value, range, node.scalar, unit);
  if (error.empty()) return value;
  diagnostics.error(node.span, fmt::format("'{}': {}", name, error));
  return std::nullopt;
}

}  // namespace

MapReader::MapReader(const ConfigNode* node, std::string what, Diagnostics& diagnostics)
    : node_(node), what_(std::move(what)), diagnostics_(&diagnostics) {
  if (node_ == nullptr || node_->kind == NodeKind::mapping) return;
  diagnostics.error(node_->span,
                    fmt::format("'{}': expected a mapping (key: value), found {}", what_, kind_name(node_->kind)));
  node_ = nullptr;  // from here on silent: one complaint is enough
}

bool MapReader::has(std::string_view key) const {
  asked_.emplace_back(key);
  return node_ != nullptr && node_->find(key) != nullptr;
}

const ConfigNode* MapReader::peek(std::string_view key) const { return has(key) ? node_->find(key) : nullptr; }

const ConfigNode* MapReader::take(std::string_view key, bool required) {
  if (std::find(known_.begin(), known_.end(), key) == known_.end()) known_.emplace_back(key);
  if (node_ == nullptr) return nullptr;
  const ConfigNode* found = node_->find(key);
  if (found == nullptr && required) {
    diagnostics_->error(node_->span, fmt::format("'{}': the key '{}' is missing", what_, key));
  }
  return found;
}

const ConfigNode* MapReader::child(std::string_view key) { return take(key, false); }
const ConfigNode* MapReader::required_child(std::string_view key) { return take(key, true); }

std::string MapReader::text(std::string_view key) {
  const ConfigNode* node = take(key, true);
  if (node == nullptr || !is_scalar(*node, key, "a text", *diagnostics_)) return {};
  return node->scalar;
}

std::string MapReader::text_or(std::string_view key, std::string fallback) {
  const ConfigNode* node = take(key, false);
  if (node == nullptr || !is_scalar(*node, key, "a text", *diagnostics_)) return fallback;
  return node->scalar;
}

std::int64_t MapReader::integer(std::string_view key, Range range) {
  const ConfigNode* node = take(key, true);
  return node == nullptr ? 0 : read_integer(*node, key, range, *diagnostics_).value_or(0);
}

std::int64_t MapReader::integer_or(std::string_view key, std::int64_t fallback, Range range) {
  const ConfigNode* node = take(key, false);
  return node == nullptr ? fallback : read_integer(*node, key, range, *diagnostics_).value_or(fallback);
}

double MapReader::number(std::string_view key, Range range) {
  const ConfigNode* node = take(key, true);
  return node == nullptr ? 0.0 : read_number(*node, key, range, *diagnostics_).value_or(0.0);
}

double MapReader::number_or(std::string_view key, double fallback, Range range) {
  const ConfigNode* node = take(key, false);
  return node == nullptr ? fallback : read_number(*node, key, range, *diagnostics_).value_or(fallback);
}

bool MapReader::boolean_or(std::string_view key, bool fallback) {
  const ConfigNode* node = take(key, false);
  if (node == nullptr || !is_scalar(*node, key, "true or false", *diagnostics_)) return fallback;
  // YAML 1.1 also reads yes, no, on and off as booleans; writers disagree, so only two words are valid.
  if (!node->quoted && node->scalar == "true") return true;
  if (!node->quoted && node->scalar == "false") return false;
  diagnostics_->error(node->span, fmt::format("'{}': expected true or false, found {}", key, in_quotes(node->scalar)));
  return fallback;
}

std::vector<std::int64_t> MapReader::integers_or(std::string_view key, std::vector<std::int64_t> fallback,
                                                 Range range) {
  const ConfigNode* node = take(key, false);
  if (node == nullptr) return fallback;
  if (node->kind != NodeKind::sequence) {
    diagnostics_->error(node->span,
                        fmt::format("'{}': expected a list of whole numbers, found {}", key, kind_name(node->kind)));
    return fallback;
  }
  std::vector<std::int64_t> values;
  for (const NodePtr& item : node->items) {
    if (const auto value = read_integer(*item, key, range, *diagnostics_)) values.push_back(*value);
  }
  return values;
}

std::vector<double> MapReader::numbers(std::string_view key, Range range) {
  const ConfigNode* node = take(key, true);
  if (node == nullptr) return {};
  if (node->kind != NodeKind::sequence) {
    diagnostics_->error(node->span,
                        fmt::format("'{}': expected a list of numbers, found {}", key, kind_name(node->kind)));
    return {};
  }
  std::vector<double> values;
  for (const NodePtr& item : node->items) {
    if (const auto value = read_number(*item, key, range, *diagnostics_)) values.push_back(*value);
  }
  return values;
}

std::vector<std::string> MapReader::texts_or(std::string_view key, std::vector<std::string> fallback) {
  const ConfigNode* node = take(key, false);
  if (node == nullptr) return fallback;
  if (node->kind != NodeKind::sequence) {
    diagnostics_->error(node->span, fmt::format("'{}': expected a list, found {}", key, kind_name(node->kind)));
    return fallback;
  }
  std::vector<std::string> values;
  for (const NodePtr& item : node->items) {
    if (is_scalar(*item, key, "a text", *diagnostics_)) values.push_back(item->scalar);
  }
  return values;
}

std::size_t MapReader::choice(std::string_view key, const std::vector<std::string>& choices) {
  const ConfigNode* node = take(key, true);
  return node == nullptr ? 0 : choice_or(key, choices, 0);
}

std::size_t MapReader::choice_or(std::string_view key, const std::vector<std::string>& choices, std::size_t fallback) {
  const ConfigNode* node = take(key, false);
  if (node == nullptr || !is_scalar(*node, key, "one of: " + listed(choices), *diagnostics_)) return fallback;
  const auto found = std::find(choices.begin(), choices.end(), node->scalar);
  if (found != choices.end()) return static_cast<std::size_t>(found - choices.begin());
  // The nearest first: that is the one to read.
  std::vector<std::string> ordered = nearest_names(node->scalar, choices);
  for (const std::string& choice : choices) {
    if (std::find(ordered.begin(), ordered.end(), choice) == ordered.end()) ordered.push_back(choice);
  }
  diagnostics_->error(node->span,
                      fmt::format("'{}': {} is not valid{}; expected one of: {}", key, in_quotes(node->scalar),
                                  did_you_mean(node->scalar, choices), listed(ordered)));
  return fallback;
}

Bytes MapReader::bytes(std::string_view key, Range range) {
  const ConfigNode* node = take(key, true);
  return node == nullptr ? Bytes{} : bytes_or(key, Bytes{}, range);
}
Bytes MapReader::bytes_or(std::string_view key, Bytes fallback, Range range) {
  const ConfigNode* node = take(key, false);
  if (node == nullptr) return fallback;
  return Bytes{read_quantity(*node, key, size_dimension(), range, *diagnostics_).value_or(fallback.value())};
}

BytesPerSecond MapReader::bandwidth(std::string_view key, Range range) {
  const ConfigNode* node = take(key, true);
  return node == nullptr ? BytesPerSecond{} : bandwidth_or(key, BytesPerSecond{}, range);
}
BytesPerSecond MapReader::bandwidth_or(std::string_view key, BytesPerSecond fallback, Range range) {
  const ConfigNode* node = take(key, false);
  if (node == nullptr) return fallback;
  const auto value = read_quantity(*node, key, bandwidth_dimension(), range, *diagnostics_);
  return BytesPerSecond{value.value_or(fallback.value())};
}

FlopsPerSecond MapReader::flop_rate(std::string_view key, Range range) {
  const ConfigNode* node = take(key, true);
  if (node == nullptr) return {};
  return FlopsPerSecond{read_quantity(*node, key, flop_rate_dimension(), range, *diagnostics_).value_or(0.0)};
}

Seconds MapReader::duration(std::string_view key, Range range) {
  const ConfigNode* node = take(key, true);
  return node == nullptr ? Seconds{} : duration_or(key, Seconds{}, range);
}
Seconds MapReader::duration_or(std::string_view key, Seconds fallback, Range range) {
  const ConfigNode* node = take(key, false);
  if (node == nullptr) return fallback;
  return Seconds{read_quantity(*node, key, duration_dimension(), range, *diagnostics_).value_or(fallback.value())};
}

Hertz MapReader::frequency(std::string_view key, Range range) {
  const ConfigNode* node = take(key, true);
  if (node == nullptr) return {};
  return Hertz{read_quantity(*node, key, frequency_dimension(), range, *diagnostics_).value_or(0.0)};
}

Watts MapReader::power_or(std::string_view key, Watts fallback, Range range) {
  const ConfigNode* node = take(key, false);
  if (node == nullptr) return fallback;
  return Watts{read_quantity(*node, key, power_dimension(), range, *diagnostics_).value_or(fallback.value())};
}

DollarsPerHour MapReader::price_or(std::string_view key, DollarsPerHour fallback, Range range) {
  const ConfigNode* node = take(key, false);
  if (node == nullptr) return fallback;
  return DollarsPerHour{read_quantity(*node, key, price_dimension(), range, *diagnostics_).value_or(fallback.value())};
}

void MapReader::finish() {
  if (node_ == nullptr) return;
  std::vector<std::string> read = known_, valid = known_;
  std::sort(read.begin(), read.end());
  valid.insert(valid.end(), asked_.begin(), asked_.end());
  std::sort(valid.begin(), valid.end());
  valid.erase(std::unique(valid.begin(), valid.end()), valid.end());
  for (std::size_t i = 0; i < node_->entries.size(); ++i) {
    const std::string& key = node_->entries[i].first;
    if (std::binary_search(read.begin(), read.end(), key)) continue;
    std::string advice = did_you_mean(key, valid);
    if (advice.empty()) advice = fmt::format("; valid keys: {}", listed(valid));
    diagnostics_->error(node_->key_spans[i], fmt::format("'{}': unknown key {}{}", what_, in_quotes(key), advice));
  }
}

SourceSpan MapReader::span(std::string_view key) const {
  if (node_ == nullptr) return {};
  const ConfigNode* found = node_->find(key);
  return found == nullptr ? node_->span : found->span;
}

}  // namespace orrery::hardware
