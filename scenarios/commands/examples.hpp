// What stands below the options in a command's help.
#pragma once

#include <string>
#include <string_view>

namespace orrery::scenarios {

/// Lines to try of one command, or the first of every command for an empty name.
[[nodiscard]] std::string examples_of(std::string_view command);

/// What the program's exit codes mean.
[[nodiscard]] std::string_view exit_codes();

}  // namespace orrery::scenarios
