// The keys of a config.json, read one by one with their rules.
//
// A getter whose key is missing or wrong notes a diagnostic with the key's place in the text and returns a harmless
// value, so that reading goes on and everything wrong is reported together.
#pragma once

#include <cstdint>
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
};

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
  std::vector<std::int64_t> integers(std::string_view key);
  /// A text or number inside an object ("quantization_config", "quant_method"); empty or 0 where absent.
  [[nodiscard]] std::string nested_text(std::string_view object, std::string_view key) const;
  [[nodiscard]] std::int64_t nested_integer(std::string_view object, std::string_view key) const;
  [[nodiscard]] bool nested_present(std::string_view object, std::string_view key) const;

  void error(std::string_view key, std::string message);
  [[nodiscard]] const std::string& file() const { return diagnostics_.file(); }
  [[nodiscard]] bool well() const { return diagnostics_.empty(); }
  void throw_if_any() const { diagnostics_.throw_if_any(); }

 private:
  enum class Kind : std::uint8_t { null, boolean, integer, text, integers, other };
  struct Value {
    Kind kind = Kind::other;
    std::int64_t integer = 0;  ///< also a boolean's
    std::string text;          ///< also how a wrong value is quoted in messages
    std::vector<std::int64_t> integers;
  };

  /// Takes a nlohmann::json, which only the .cpp may see.
  static Value value_of(const void* json_node);
  [[nodiscard]] const Value* find(std::string_view key) const;
  std::int64_t checked_size(std::string_view key, const Value& value, std::int64_t most, std::int64_t least);
  void wrong_type(std::string_view key, std::string_view expected, const Value& value);

  hardware::Diagnostics diagnostics_;
  std::map<std::string, Value, std::less<>> values_;  ///< nested ones by their path, "object.key"
  std::map<std::string, hardware::SourceSpan, std::less<>> spans_;
};

}  // namespace orrery::models
