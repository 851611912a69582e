// What a form says of a field beside its value.
#pragma once

#include <QString>

#include "scenarios/schema.hpp"

namespace orrery::gui {

/// What it means, its range and unit, and what stands in its place where it is not given: paragraphs of HTML.
[[nodiscard]] QString field_help(const scenarios::Field& field);

}  // namespace orrery::gui
