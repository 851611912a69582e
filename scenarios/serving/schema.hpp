// The keys of `serving:` as data: rows for forms, the values in effect, help, and the template that `orrery new`
// prints.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "scenarios/kinds.hpp"
#include "scenarios/schema_fields.hpp"

namespace orrery::scenarios {

[[nodiscard]] std::vector<Field> serving_fields();
[[nodiscard]] std::string serving_value(const JobView& view, std::string_view key);
[[nodiscard]] const std::vector<FieldHelp>& serving_help();
/// It passes `orrery check` as it stands.
[[nodiscard]] std::string_view serving_template();

}  // namespace orrery::scenarios
