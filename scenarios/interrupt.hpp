// Ctrl-C as a flag, and what a batch system or a closed terminal sends in its place.
#pragma once

#include <atomic>

namespace orrery::scenarios {

/// From now on the first SIGINT, SIGTERM or SIGHUP sets the returned flag; the second ends the process as usual. A
/// signal that was ignored stays so. The flag is the one piece of process-wide state: a signal handler can reach
/// nothing else.
[[nodiscard]] const std::atomic<bool>& install_interrupt_flag();

}  // namespace orrery::scenarios
