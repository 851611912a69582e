// An edit of a configuration's text that says which bytes it changed, so that whoever made it can tell a place of the
// new text from one that the file has. set_value() (config.hpp) is the same for those who only want the text.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "hardware/config/config.hpp"

namespace orrery::hardware {

/// A text with one value set: its bytes [begin, end) stand where [begin, old_end) did, all others are as before.
struct ValueEdit {
  std::string text;
  std::size_t begin = 0, old_end = 0, end = 0;
};

/// What set_value() does, and where. Throws as that.
[[nodiscard]] ValueEdit edit_value(std::string_view text, const std::string& file, std::string_view path,
                                   std::string_view value);

}  // namespace orrery::hardware
