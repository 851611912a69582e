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

/// A signal that whoever started the program had ignored (nohup) stays ignored.
void handle(int signal) {
  if (std::signal(signal, on_interrupt) == SIG_IGN) std::signal(signal, SIG_IGN);
}

}  // namespace

const std::atomic<bool>& install_interrupt_flag() {
  interrupted = false;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) handle(signal);
  return interrupted;
}

}  // namespace orrery::scenarios
