// How a section's list of fields (training_fields.hpp, serving_fields.hpp) becomes rows of the schema, each with the
// text of a configuration's value. Used by schema.cpp with a default configuration and with that of a scenario.
#pragma once

#include <string>
#include <string_view>
#include <vector>

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

/// Every field of `training:` or `serving:` with its value in `fallback`; empty where the configuration holds a
/// stand-in for "the engine decides", a value that nobody could write.
[[nodiscard]] std::vector<Field> training_fields(const models::TrainingConfig& config);
[[nodiscard]] std::vector<Field> serving_fields(const models::ServingConfig& config);

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

}  // namespace orrery::scenarios
