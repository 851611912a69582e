// Texts of files in messages: nothing that a file holds reaches a terminal as it is.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace orrery::hardware {

/// The text without quotes: cut to `most` bytes, with '?' for whatever is not printable ASCII.
[[nodiscard]] std::string printable(std::string_view text, std::size_t most = 40);
/// A path as a shell takes it: in quotes where it has blanks or signs that a shell reads, and as $'a\x0ab' where it has
/// control characters. All other bytes stay as they are.
[[nodiscard]] std::string quoted_path(const std::string& path);

/// The same in quotes.
[[nodiscard]] std::string shown(std::string_view text, std::size_t most = 40);

}  // namespace orrery::hardware
