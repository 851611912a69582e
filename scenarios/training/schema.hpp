// The keys of `training:` as data: rows for forms, the values in effect, help, and the template that `orrery new`
// prints.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "scenarios/kinds.hpp"
#include "scenarios/schema_fields.hpp"

namespace orrery::scenarios {

[[nodiscard]] std::vector<Field> training_fields();
[[nodiscard]] std::string training_value(const JobView& view, std::string_view key);
[[nodiscard]] const std::vector<FieldHelp>& training_help();
/// It passes `orrery check` as it stands.
[[nodiscard]] std::string_view training_template();

}  // namespace orrery::scenarios
