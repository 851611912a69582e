#include "scenarios/import/launch_prefix.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace orrery::scenarios {

namespace {

constexpr std::array<std::string_view, 12> kShellWords = {"if", "then", "else", "elif", "while",  "until",
                                                          "do", "{",    "!",    "time", "coproc", "--"};

/// Programs that start the one behind their options.
constexpr std::array<std::string_view, 52> kStarters = {
    "env",    "nohup",  "exec",    "command",   "eval",    "sudo",    "doas",    "nice",        "ionice",
    "chrt",   "setsid", "stdbuf",  "unbuffer",  "timeout", "taskset", "numactl", "prlimit",     "flock",
    "srun",   "salloc", "sbatch",  "mpirun",    "mpiexec", "orterun", "jsrun",   "prun",        "torchrun",
    "uv",     "uvx",    "poetry",  "pipenv",    "conda",   "mamba",   "pixi",    "micromamba",  "accelerate",
    "docker", "podman", "nerdctl", "container", "kubectl", "oc",      "ssh",     "singularity", "apptainer",
    "nsys",   "ncu",    "tini",    "dumb-init", "gosu",    "tmux",    "screen"};

/// Programs that a starter may start, and whose words are texts.
constexpr std::array<std::string_view, 22> kPrinters = {
    "echo",  "printf", "cat",   "grep", "egrep", "sed", "awk",  "pkill", "pgrep", "kill",   "killall",
    "which", "man",    "watch", "tee",  "ls",    "pip", "pip3", "curl",  "wget",  "logger", "test"};

template <std::size_t n>
bool is_one_of(const std::array<std::string_view, n>& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

/// "trtllm-llmapi-launch", "docker-entrypoint.sh": they end in what they are given.
bool starts_the_rest(const std::string& program) {
  return is_one_of(kStarters, program) || program.find("entrypoint") != std::string::npos ||
         program == "trtllm-llmapi-launch";
}

bool is_assignment(const ShellWord& word) {
  const std::size_t equals = word.text.find('=');
  return equals != std::string::npos && equals > 0 && word.text.front() != '-';
}

/// "python3 -u" before "-m".
bool is_interpreter(const std::vector<ShellWord>& words, std::size_t first, std::size_t at) {
  if (program_at(words, first).rfind("python", 0) != 0) return false;
  const auto is_option = [](const ShellWord& word) { return !word.text.empty() && word.text.front() == '-'; };
  const auto begin = words.begin() + static_cast<std::ptrdiff_t>(first) + 1;
  return std::all_of(begin, words.begin() + static_cast<std::ptrdiff_t>(at), is_option);
}

}  // namespace

std::string program_at(const std::vector<ShellWord>& words, std::size_t at) {
  if (at >= words.size() || !words[at].is_known()) return {};
  const std::string& text = words[at].text;
  const std::size_t slash = text.rfind('/');
  return slash == std::string::npos ? text : text.substr(slash + 1);
}

bool may_start(const std::vector<ShellWord>& words, std::size_t at) {
  bool started = false;  // behind a program that starts another
  for (std::size_t i = 0; i < at; ++i) {
    const std::string program = program_at(words, i);
    if (is_interpreter(words, i, at)) return true;
    if (is_one_of(kPrinters, program)) return false;
    // A program in a variable that the file does not set may be any.
    if (!words[i].is_known() || starts_the_rest(program)) started = true;
    if (!started && !is_one_of(kShellWords, program) && !is_assignment(words[i])) return false;
  }
  return true;
}

}  // namespace orrery::scenarios
