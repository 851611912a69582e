// `orrery gui`: hands over to the program orrery-gui.
//
// The window is a program of its own because it links Qt and QCustomPlot (GPL-3), which this one does not. It stands
// beside this program, or in PATH; this process becomes it, so that its exit code and signals need no passing on.

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>
#include <ostream>
#include <unistd.h>

#include <fmt/format.h>

#include "hardware/config/config.hpp"
#include "scenarios/commands/commands.hpp"

namespace orrery::scenarios {

namespace fs = std::filesystem;
using hardware::ConfigError;

namespace {

constexpr std::string_view kProgram = "orrery-gui";

bool can_run(const fs::path& path) {
  std::error_code code;
  return fs::is_regular_file(path, code) && ::access(path.c_str(), X_OK) == 0;
}

std::optional<fs::path> find_window() {
  std::error_code code;
  const fs::path self = fs::read_symlink("/proc/self/exe", code);
  if (!code && can_run(self.parent_path() / kProgram)) return self.parent_path() / kProgram;
  const char* variable = std::getenv("PATH");
  const std::string_view list = variable != nullptr ? variable : "";
  for (std::size_t at = 0; at < list.size();) {
    const std::size_t end = std::min(list.find(':', at), list.size());
    const fs::path folder(list.substr(at, end - at));
    if (!folder.empty() && can_run(folder / kProgram)) return folder / kProgram;
    at = end + 1;
  }
  return std::nullopt;
}

std::vector<std::string> arguments(const Options& options) {
  std::vector<std::string> args{std::string(kProgram)};
  for (const auto& [name, value] : {std::pair<const char*, const std::string&>{"--screenshot", options.screenshot},
                                    {"--size", options.size},
                                    {"--scale", options.scale},
                                    {"--theme", options.theme},
                                    {"--view", options.view}}) {
    if (!value.empty()) args.insert(args.end(), {name, value});
  }
  for (const Override& edit : options.overrides) args.insert(args.end(), {"--set", edit.key + "=" + edit.value});
  for (const std::string& file : options.files) {
    args.push_back(file.rfind('-', 0) == 0 ? "./" + file : file);  // a name, never an option
  }
  return args;
}

}  // namespace

int open_window(const Options& options, Console& console) {
  if (!console.replaceable) throw ConfigError("gui: the window opens from the command line alone");
  const std::optional<fs::path> program = find_window();
  if (!program) {
    throw ConfigError(
        "gui: this build has no window: Qt 6 or QCustomPlot was not found when it was built (Debian and Ubuntu: "
        "qt6-base-dev qt6-svg-dev libqcustomplot-dev); install them and build again, or run ./orrery gui");
  }
  std::vector<std::string> args = arguments(options);
  std::vector<char*> pointers;
  for (std::string& arg : args) pointers.push_back(arg.data());
  pointers.push_back(nullptr);
  console.out.flush();
  console.err.flush();
  ::execv(program->c_str(), pointers.data());
  throw ConfigError(fmt::format("gui: can't start {}: {}", program->string(), std::strerror(errno)));
}

}  // namespace orrery::scenarios
