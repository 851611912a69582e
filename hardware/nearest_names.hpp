// "Did you mean": the names nearest to a misspelt one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace orrery::hardware {

/// Up to three of `valid` nearest to `word` by edit distance, for "did you mean".
[[nodiscard]] std::vector<std::string> nearest_names(std::string_view word, const std::vector<std::string>& valid);

}  // namespace orrery::hardware
