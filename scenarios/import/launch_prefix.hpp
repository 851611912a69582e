// Which words of a command may stand before the program that it starts.
#pragma once

#include <string>
#include <vector>

#include "scenarios/import/shell.hpp"

namespace orrery::scenarios {

/// The last part of a word's path, "/opt/bin/vllm"; empty: none is there, or it is not known.
[[nodiscard]] std::string program_at(const std::vector<ShellWord>& words, std::size_t at);

/// A command whose words from `at` on start a server does start it: before them stand only words of the shell ("if",
/// "{"), assignments, and programs that start others with their options (env, nohup, srun, docker run, …). One that
/// prints, looks for, installs or ends a server starts none.
/// — Limitation: which words are values of a launcher's options is not known; each is passed over.
[[nodiscard]] bool may_start(const std::vector<ShellWord>& words, std::size_t at);

}  // namespace orrery::scenarios
