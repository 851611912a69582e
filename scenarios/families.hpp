// The families of `orrery list`: everything that a scenario can name, by table.
#pragma once

#include <string_view>
#include <vector>

#include "scenarios/schema.hpp"

namespace orrery::scenarios {

struct Family {
  std::string_view name;
  std::string_view summary;
  std::vector<FamilyItem> (*items)();
};

[[nodiscard]] const std::vector<Family>& families();

}  // namespace orrery::scenarios
