// How a section's list of fields (training/fields.hpp, serving/fields.hpp) becomes rows of the schema, each with the
// text of a configuration's value: of a default configuration for forms, of a scenario's for what is in effect.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "hardware/dtype.hpp"
#include "scenarios/field_limits.hpp"
#include "scenarios/schema.hpp"

namespace orrery::scenarios {

/// What is said of a key beyond what the reader knows.
struct FieldHelp {
  std::string_view key;
  std::string_view help;
  std::string_view automatic;  ///< see Field::automatic
};
/// nullptr: the key is unknown.
[[nodiscard]] const FieldHelp* find_help(std::string_view key);

/// The value of a key among fields that carry values in `fallback`; empty for one that is not there.
[[nodiscard]] std::string find_value(const std::vector<Field>& fields, std::string_view key);

/// `cluster:` with its menus. `fallback` is empty: its values come from profiles.
[[nodiscard]] std::vector<Field> cluster_fields();
[[nodiscard]] std::string cluster_value(const hardware::Cluster& cluster, std::string_view key);

/// Rows made by hand: section and the last part of the key.
[[nodiscard]] Field make_field(std::string_view section, std::string_view key, FieldKind kind);
/// Menu of a family of `orrery list`.
[[nodiscard]] std::vector<Choice> choices_of(std::string_view family);
[[nodiscard]] Field make_choice(std::string_view section, std::string_view key, std::vector<Choice> choices);
[[nodiscard]] Field make_integer(std::string_view section, std::string_view key, const IntegerLimits& limits);

/// As a scenario writes them; they read back as the same value.
[[nodiscard]] std::string bytes_text(Bytes value);
[[nodiscard]] std::string seconds_text(Seconds value);
[[nodiscard]] std::string bandwidth_text(BytesPerSecond value);

/// Visits a section's list of fields: a row per field, with the value in `fallback`; empty where the configuration
/// holds a stand-in for "the engine decides", a value that nobody could write. A kind adds what is its own.
struct FieldLister {
  std::string section;
  std::vector<Field>* fields;

  Field& add(Field field, std::string value) const;
  Field& add(std::string_view key, FieldKind kind, std::string value) const;
  /// Keys where 0 means that something else decides.
  [[nodiscard]] bool zero_is_automatic(std::string_view key) const;

  template <class Integer>
  void integer(std::string_view key, const Integer& value, const IntegerLimits& limits) const {
    const double number = static_cast<double>(value);
    const bool written = number >= limits.least && number <= limits.most;
    add(make_integer(section, key, limits), written ? std::to_string(value) : "");
  }
  void number(std::string_view key, double value, const NumberLimits& limits) const;
  void boolean(std::string_view key, bool value) const { add(key, FieldKind::boolean, value ? "true" : "false"); }
  void menu(std::string_view key, std::vector<Choice> choices, std::string value) const {
    add(make_choice(section, key, std::move(choices)), std::move(value));
  }
  /// A menu of an enumeration whose names stand in a few words here.
  void small(std::string_view key, const std::vector<std::string>& names, std::string value) const;
  void dtype(std::string_view key, Dtype value) const;
  void integers(std::string_view key, const std::vector<std::int64_t>& value,
                const IntegerLimits& limits = {0.0, 1e6}) const;
  void bytes(std::string_view key, Bytes value) const;
  void seconds(std::string_view key, Seconds value) const;
  void text(std::string_view key, const std::string& value) const { add(key, FieldKind::text, value); }
};

}  // namespace orrery::scenarios
