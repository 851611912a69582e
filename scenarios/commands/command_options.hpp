// The commands, their options and what each calls.
#pragma once

#include <string>
#include <vector>

#include "scenarios/commands/commands.hpp"

namespace CLI {
class App;
}

namespace orrery::scenarios {

inline constexpr const char* kAbout =
    "Orrery predicts the time, memory, throughput and cost of training and serving large language models.";

/// Options as CLI11 fills them, before --set is split.
struct RawOptions {
  Options options;
  std::vector<std::string> sets;
};

struct ParsedCommand {
  CLI::App* app;  ///< of its parent
  int (*run)(const Options& options, Console& console);
};

/// Adds every command to the program's; `raw`, which parsing fills, must outlive it.
[[nodiscard]] std::vector<ParsedCommand> add_commands(CLI::App& app, RawOptions& raw);

}  // namespace orrery::scenarios
