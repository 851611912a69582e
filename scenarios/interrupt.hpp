// Ctrl-C as a flag.
#pragma once

#include <atomic>

namespace orrery::scenarios {

/// From now on the first SIGINT sets the returned flag; the second ends the process as usual.
/// The flag is the one piece of process-wide state: a signal handler can reach nothing else.
[[nodiscard]] const std::atomic<bool>& install_interrupt_flag();

}  // namespace orrery::scenarios
