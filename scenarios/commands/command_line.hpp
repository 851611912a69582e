// The command line: arguments in, exit code out.
//
//   0 well   1 a finding (expectation missed, out of memory)   2 the input is wrong   3 internal error
//   130 interrupted (outputs are named *.partial.*)
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "scenarios/runner.hpp"

namespace orrery::scenarios {

inline constexpr int kExitWell = 0;
inline constexpr int kExitFinding = 1;
inline constexpr int kExitInput = 2;
inline constexpr int kExitInternal = 3;
inline constexpr int kExitInterrupted = 130;

/// Runs one command; `args` without the program's name. Never throws.
int run_command(const std::vector<std::string>& args, Console& console);
int run_command(const std::vector<std::string>& args, std::ostream& out, std::ostream& err);

}  // namespace orrery::scenarios
