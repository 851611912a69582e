// Keys that mean nothing where another has a certain value: a search that goes there turns them off, as the programs do
// that the scenario describes, instead of losing the point, and tries no second value of them (distinct_points.hpp).
#pragma once

#include <string_view>
#include <vector>

#include "hardware/config/config.hpp"
#include "scenarios/overrides.hpp"

namespace orrery::scenarios {

/// Where `key` is `value`, `follows` has no effect and can only be `becomes`, or, without that, may be anything.
struct RelaxedKey {
  std::string_view key, value;
  std::string_view follows, becomes;
  std::string_view source;
  bool is_default = false;  ///< `key` is `value` where the scenario does not say
};
[[nodiscard]] const std::vector<RelaxedKey>& relaxed_key_rows();

/// "jobs.0.training.tensor_parallel" with its key "training.tensor_parallel" replaced; empty: it is another key.
[[nodiscard]] std::string key_beside(const std::string& path, std::string_view key, std::string_view other);

/// What follows from the keys that a point sets, where the scenario says otherwise and the point doesn't set it
/// itself. `root`: the scenario with `set` applied.
[[nodiscard]] std::vector<Override> relaxed_keys(const hardware::ConfigNode& root, const std::vector<Override>& set);

}  // namespace orrery::scenarios
