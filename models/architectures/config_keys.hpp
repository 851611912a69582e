// The keys of a config.json, read one by one with their rules.
//
// Keys of nested objects are named by their path, "vision_config.depth"; those of a list's objects by their place,
// "block_configs.3.ffn". scope() enters an object: names are then looked up in it, and what belongs to the whole model
// (ties, number format) in the objects around it where it is absent. Infinity and NaN read as Python writes them.
// What a size or a number defaults to is noted for the report: assumed().
//
// A getter whose key is missing or wrong notes a diagnostic with the key's place in the text and returns a harmless
// value, so that reading goes on and everything wrong is reported together.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hardware/config/config.hpp"

namespace orrery::models {

/// Largest sizes accepted: ten and more times the largest published ones, so that a slip of the keyboard is found.
struct SizeLimits {
  static constexpr std::int64_t kHidden = 1 << 20;
  static constexpr std::int64_t kInter = 1 << 23;
  static constexpr std::int64_t kLayers = 10'000;
  static constexpr std::int64_t kHeads = 1 << 14;
  static constexpr std::int64_t kHeadDim = 1 << 16;
  static constexpr std::int64_t kVocab = 1 << 24;
  static constexpr std::int64_t kPositions = std::int64_t{1} << 31;
  static constexpr std::int64_t kExperts = 1 << 16;
  static constexpr std::int64_t kExpansion = 64;  ///< of a state space's width over the hidden size
};

/// The beginning of a text, as messages quote it.
[[nodiscard]] std::string shorten(std::string text);
/// Every known value, the ones nearest to `word` first: "llama, opt, gpt2".
[[nodiscard]] std::string nearest_first(std::string_view word, std::vector<std::string> valid);

class ConfigKeys {
 public:
  /// Parses `text`. Throws hardware::ConfigError: empty, too large, too deep, malformed, no object, a repeated key.
  ConfigKeys(std::string_view text, const std::string& file);

  [[nodiscard]] bool absent(std::string_view key) const;
  [[nodiscard]] bool is_null(std::string_view key) const;

  /// A whole number from `least` to `most`; absent (or null) is an error.
  std::int64_t size(std::string_view key, std::int64_t most, std::int64_t least = 1);
  /// The same with a value for an absent key; null counts as absent.
  std::int64_t size_or(std::string_view key, std::int64_t fallback, std::int64_t most, std::int64_t least = 1);
  bool flag_or(std::string_view key, bool fallback);
  std::string text_or(std::string_view key, std::string fallback);
  /// A number, whole or not, from `least` to `most`; absent or null: the fallback.
  double real_or(std::string_view key, double fallback, double least, double most);
  std::vector<std::int64_t> integers(std::string_view key);
  std::vector<std::string> texts(std::string_view key);
  /// The value is a list, an object, a whole number.
  [[nodiscard]] bool is_list(std::string_view key) const;
  [[nodiscard]] bool is_object(std::string_view key) const;
  [[nodiscard]] bool is_integer(std::string_view key) const;
  /// Gives an absent key a value, and notes it.
  void set_default(std::string_view key, std::int64_t value);
  /// A size by the first of its names that is there; an error about the first where none is.
  std::int64_t size_of(std::initializer_list<std::string_view> names, std::int64_t most, std::int64_t least = 1);
  /// The first of the names that is there and not null, else the first.
  [[nodiscard]] std::string_view first_of(std::initializer_list<std::string_view> names) const;
  /// Items of a list; 0 where it is none.
  [[nodiscard]] std::int64_t items(std::string_view key) const;

  /// Reads from inside the object from now on; "" leaves all objects. REQUIRES that it is one.
  void scope(std::string_view object);
  [[nodiscard]] bool in_scope() const { return !scope_.empty(); }
  /// Notes what the config leaves open and how it is read.
  void assume(std::string note);
  [[nodiscard]] const std::vector<std::string>& assumed() const { return assumed_; }
  /// Names of an object's members, in no order; empty where it is none.
  [[nodiscard]] std::vector<std::string> members(std::string_view object) const;
  /// A text or number inside an object ("quantization_config", "quant_method"); empty or 0 where absent.
  [[nodiscard]] std::string nested_text(std::string_view object, std::string_view key) const;
  [[nodiscard]] std::int64_t nested_integer(std::string_view object, std::string_view key) const;
  [[nodiscard]] bool nested_present(std::string_view object, std::string_view key) const;

  void error(std::string_view key, std::string message);
  [[nodiscard]] const std::string& file() const { return diagnostics_.file(); }
  [[nodiscard]] bool well() const { return diagnostics_.empty(); }
  void throw_if_any() const { diagnostics_.throw_if_any(); }

 private:
  enum class Kind : std::uint8_t { null, boolean, integer, real, text, list, object };
  struct Value {
    Kind kind = Kind::object;
    std::int64_t integer = 0;            ///< also a boolean's
    double real = 0.0;                   ///< also an integer's
    std::string text;                    ///< also how a wrong value is quoted in messages
    std::vector<std::int64_t> integers;  ///< of a list of whole numbers
    std::vector<std::string> texts;      ///< of a list of texts; names of an object's members
    std::int64_t items = 0;              ///< of a list
  };

  /// Takes a nlohmann::json, which only the .cpp may see.
  static Value value_of(const void* json_node);
  void add_values(const std::string& path, const void* json_node);
  [[nodiscard]] const Value* find(std::string_view key) const;
  std::int64_t checked_size(std::string_view key, const Value& value, std::int64_t most, std::int64_t least);
  void wrong_type(std::string_view key, std::string_view expected, const Value& value);

  hardware::Diagnostics diagnostics_;
  std::map<std::string, Value, std::less<>> values_;  ///< nested ones by their path, "object.key"
  std::map<std::string, hardware::SourceSpan, std::less<>> spans_;
  std::string scope_;  ///< path of the object with its dot, or empty
  std::vector<std::string> assumed_;
};

}  // namespace orrery::models
