// Keys that mean nothing where another has a certain value: a search that goes there turns them off, as the programs do
// that the scenario describes, instead of losing the point.
#pragma once

#include <string_view>
#include <vector>

#include "hardware/config/config.hpp"
#include "scenarios/overrides.hpp"

namespace orrery::scenarios {

/// Where `key` is `value`, `follows` can only be `becomes`.
struct RelaxedKey {
  std::string_view key, value;
  std::string_view follows, becomes;
  std::string_view source;
};
[[nodiscard]] const std::vector<RelaxedKey>& relaxed_key_rows();

/// What follows from the keys that a point sets, where the scenario says otherwise and the point doesn't set it
/// itself. `root`: the scenario with `set` applied.
[[nodiscard]] std::vector<Override> relaxed_keys(const hardware::ConfigNode& root, const std::vector<Override>& set);

}  // namespace orrery::scenarios
