// The `orrery` command: see scenarios/commands/command_line.hpp.

#include <cstdlib>
#include <iostream>
#include <unistd.h>

#include "scenarios/commands/command_line.hpp"
#include "scenarios/interrupt.hpp"
#include "scenarios/kept_memory.hpp"

int main(int argc, char** argv) {
  using orrery::scenarios::Console;
  orrery::scenarios::keep_freed_memory();
  Console console{std::cout, std::cerr, isatty(STDERR_FILENO) != 0, &orrery::scenarios::install_interrupt_flag(), true};
  const int code = orrery::scenarios::run_command({argv + 1, argv + argc}, console);
  std::cerr.flush();
  // Runs that Ctrl-C left behind may still be at work: end without taking statics from under them.
  if (code == orrery::scenarios::kExitInterrupted) std::_Exit(code);
  return code;
}
