#include "scenarios/interrupt.hpp"

#include <csignal>

namespace orrery::scenarios {

namespace {

std::atomic<bool> interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler may only touch lock-free atomics");

extern "C" void on_interrupt(int signal) {
  interrupted = true;
  std::signal(signal, SIG_DFL);
}

}  // namespace

const std::atomic<bool>& install_interrupt_flag() {
  interrupted = false;
  std::signal(SIGINT, on_interrupt);
  return interrupted;
}

}  // namespace orrery::scenarios
