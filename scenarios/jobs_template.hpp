// The commented scenario of several jobs that `orrery new jobs` prints.
#pragma once

#include <string_view>

namespace orrery::scenarios {

[[nodiscard]] std::string_view jobs_template();

}  // namespace orrery::scenarios
