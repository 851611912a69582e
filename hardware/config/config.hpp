// The strict configuration reader: YAML in, typed values or located errors out.
//
// Built on yaml-cpp's event parser (seen only by config.cpp), so that duplicate keys, anchors and aliases
// are errors and every value keeps its span in the text: a form can edit a value in place and leave the
// comments alone. Rules: UTF-8 only; at most 8 MiB and 64 levels; mappings with plain string keys; one
// document. Errors are collected, not thrown one by one.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hardware/units.hpp"

namespace orrery::hardware {

/// A place in a text: 1-based line and column (in bytes), and the byte range [begin, end) of the value.
struct SourceSpan {
  int line = 0, column = 0;
  std::size_t begin = 0, end = 0;
};

struct Diagnostic {
  std::string file;
  SourceSpan span;
  std::string message;

  /// "file:line:column: message"; without the position where the line is 0.
  [[nodiscard]] std::string str() const;
};

/// Input is wrong. what() holds every diagnostic, one a line.
class ConfigError : public std::runtime_error {
 public:
  explicit ConfigError(std::vector<Diagnostic> diagnostics);
  explicit ConfigError(std::string message);
  [[nodiscard]] const std::vector<Diagnostic>& diagnostics() const { return diagnostics_; }

 private:
  std::vector<Diagnostic> diagnostics_;
};

/// Collects diagnostics of one file.
class Diagnostics {
 public:
  explicit Diagnostics(std::string file) : file_(std::move(file)) {}
  void error(const SourceSpan& span, std::string message);
  [[nodiscard]] bool empty() const { return items_.empty(); }
  [[nodiscard]] const std::vector<Diagnostic>& items() const { return items_; }
  [[nodiscard]] const std::string& file() const { return file_; }
  /// Throws ConfigError with everything collected, in order of position, if there is anything.
  void throw_if_any() const;

 private:
  std::string file_;
  std::vector<Diagnostic> items_;
};

/// A parsed value. Values form a tree owned by the Document.
struct ConfigNode;
using NodePtr = std::shared_ptr<const ConfigNode>;

enum class NodeKind : std::uint8_t { null, scalar, sequence, mapping };

struct ConfigNode {
  NodeKind kind = NodeKind::null;
  std::string scalar;
  bool quoted = false;
  SourceSpan span;
  std::vector<NodePtr> items;                            ///< of a sequence
  std::vector<std::pair<std::string, NodePtr>> entries;  ///< of a mapping, in file order
  std::vector<SourceSpan> key_spans;                     ///< of the mapping's keys

  [[nodiscard]] const ConfigNode* find(std::string_view key) const;
};

/// Parses `text`. Throws ConfigError: not UTF-8, too large, too deep, a YAML syntax error, a duplicate key, an
/// anchor or alias, several documents. An empty document is an error ("the file is empty").
[[nodiscard]] NodePtr parse_config(std::string_view text, const std::string& file);

/// Reads a file, or standard input for "-". Throws ConfigError: missing, unreadable, a folder or a pipe (see
/// hardware/config/files.hpp), larger than 8 MiB.
[[nodiscard]] std::string read_text_file(const std::string& path);
[[nodiscard]] NodePtr load_config(const std::string& path);

/// Replaces (or adds) the value at a dotted path ("training.tensor_parallel", "sweep.0") by the scalar or flow
/// text `value`, in the text itself: everything else stays byte for byte. Used by --set and by forms.
/// Throws ConfigError if the path runs through a scalar or the result does not parse.
[[nodiscard]] std::string set_value(std::string_view text, const std::string& file, std::string_view path,
                                    std::string_view value);

/// Takes the entry at a dotted path out of the text, key and value: everything else stays byte for byte, and reads as
/// before. Lines that it had to itself go, with a comment behind the value; comments on lines of their own stay. In a
/// flow collection ("{a: 1, b: 2}") the entry goes with one comma. The only entry of a mapping or list takes the key of
/// that one along; of the document, or of an item of a list, it leaves {} or []. A path that isn't there leaves the
/// text as it is. Throws ConfigError: the text doesn't parse, the path runs through a scalar, or the result would not
/// parse.
[[nodiscard]] std::string remove_value(std::string_view text, const std::string& file, std::string_view path);

/// Limits of a number.
struct Range {
  double least = -1e300, most = 1e300;
  bool least_open = false;  ///< least itself is not allowed

  static Range positive() { return {0.0, 1e300, true}; }
  static Range at_least(double x) { return {x, 1e300, false}; }
  static Range between(double a, double b) { return {a, b, false}; }
};

/// Reads one mapping: each key once, unknown keys reported by finish() with the nearest valid name.
/// A getter that fails adds a diagnostic and returns the default (or a zero value), so that reading goes on.
class MapReader {
 public:
  /// `what` names the mapping in messages ("training"). A node that is no mapping is reported here.
  MapReader(const ConfigNode* node, std::string what, Diagnostics& diagnostics);

  /// Whether the key is there. It counts as valid from now on in the advice of finish(), but not as read.
  [[nodiscard]] bool has(std::string_view key) const;
  /// The raw child, which counts as has() does; nullptr if absent.
  [[nodiscard]] const ConfigNode* peek(std::string_view key) const;
  /// The raw child, marked as read; nullptr if absent.
  const ConfigNode* child(std::string_view key);
  const ConfigNode* required_child(std::string_view key);

  std::string text(std::string_view key);
  std::string text_or(std::string_view key, std::string fallback);
  std::int64_t integer(std::string_view key, Range range = {});
  std::int64_t integer_or(std::string_view key, std::int64_t fallback, Range range = {});
  double number(std::string_view key, Range range = {});
  double number_or(std::string_view key, double fallback, Range range = {});
  bool boolean_or(std::string_view key, bool fallback);
  std::vector<std::int64_t> integers_or(std::string_view key, std::vector<std::int64_t> fallback, Range range = {});
  std::vector<double> numbers(std::string_view key, Range range = {});
  std::vector<std::string> texts_or(std::string_view key, std::vector<std::string> fallback);
  /// One of `choices`; returns its index. Otherwise an error that lists the choices, nearest first.
  std::size_t choice(std::string_view key, const std::vector<std::string>& choices);
  std::size_t choice_or(std::string_view key, const std::vector<std::string>& choices, std::size_t fallback);

  // Quantities carry a unit: "80 GiB", "450 GB/s", "312 TFLOP/s", "1.5 us", "1.41 GHz", "400 W", "2 USD/h".
  // Link rates may be written in Gb/s. A missing or wrong unit is an error that names the accepted ones.
  Bytes bytes(std::string_view key, Range range = Range::positive());
  Bytes bytes_or(std::string_view key, Bytes fallback, Range range = Range::positive());
  BytesPerSecond bandwidth(std::string_view key, Range range = Range::positive());
  BytesPerSecond bandwidth_or(std::string_view key, BytesPerSecond fallback, Range range = Range::positive());
  FlopsPerSecond flop_rate(std::string_view key, Range range = Range::positive());
  Seconds duration(std::string_view key, Range range = Range::at_least(0));
  Seconds duration_or(std::string_view key, Seconds fallback, Range range = Range::at_least(0));
  Hertz frequency(std::string_view key, Range range = Range::positive());
  Watts power_or(std::string_view key, Watts fallback, Range range = Range::positive());
  DollarsPerHour price_or(std::string_view key, DollarsPerHour fallback, Range range = Range::at_least(0));

  /// Reports every key that was never asked for. Call last.
  void finish();
  /// The span of a key's value (or of the mapping, if absent), for cross-field errors.
  [[nodiscard]] SourceSpan span(std::string_view key) const;
  [[nodiscard]] Diagnostics& diagnostics() { return *diagnostics_; }

 private:
  const ConfigNode* take(std::string_view key, bool required);

  const ConfigNode* node_;
  std::string what_;
  Diagnostics* diagnostics_;
  std::vector<std::string> known_;
  mutable std::vector<std::string> asked_;  ///< by has()
};

/// Parses "80 GiB" and the like outside a mapping; nullopt with `error` filled when malformed.
[[nodiscard]] std::optional<Bytes> parse_bytes(std::string_view text, std::string& error);
[[nodiscard]] std::optional<BytesPerSecond> parse_bandwidth(std::string_view text, std::string& error);
[[nodiscard]] std::optional<Seconds> parse_duration(std::string_view text, std::string& error);
[[nodiscard]] std::optional<FlopsPerSecond> parse_flop_rate(std::string_view text, std::string& error);

}  // namespace orrery::hardware
