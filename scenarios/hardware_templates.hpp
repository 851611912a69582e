// Commented profiles to start from: `orrery new gpu`, `new node`. Those of fabrics: fabric_templates.hpp.
#pragma once

#include <array>
#include <string_view>

namespace orrery::scenarios {

/// A profile to fill in: every key, what it means and where its figure is printed. It reads as it stands.
struct HardwareTemplate {
  std::string_view name;  ///< "gpu"
  std::string_view text;
};

[[nodiscard]] const std::array<HardwareTemplate, 2>& hardware_templates();

}  // namespace orrery::scenarios
