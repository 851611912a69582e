// orrery completion SHELL: a script from the tree of commands and the tables, for the shell to read when it starts.

#include <algorithm>
#include <ostream>

#include <fmt/format.h>

#include "hardware/config/config.hpp"
#include "hardware/config/shown.hpp"
#include "scenarios/commands/command_tree.hpp"
#include "scenarios/commands/commands.hpp"

namespace orrery::scenarios {

namespace {

using hardware::ConfigError;

/// A command with its path, " ask serve"; the program itself has none.
struct Level {
  std::string path;
  const CommandTree* tree;
};

void collect(const CommandTree& tree, const std::string& path, std::vector<Level>& levels) {
  levels.push_back({path, &tree});
  for (const CommandTree& command : tree.commands) collect(command, path + " " + command.name, levels);
}

std::string names_of(const CommandTree& tree) {
  std::vector<std::string> names;
  for (const CommandTree& command : tree.commands) names.push_back(command.name);
  return fmt::format("{}", fmt::join(names, " "));
}

std::string words_text(const ValueRow& row) { return fmt::format("{}", fmt::join(words_of(row), " ")); }

/// In single quotes, as every one of the shells reads it.
std::string shell_word(std::string_view text, std::string_view also = {}) {
  std::string result = "'";
  for (const char c : text) {
    if (c == '\'') {
      result += "'\\''";
      continue;
    }
    if (also.find(c) != std::string_view::npos) result += '\\';
    result += c;
  }
  return result + "'";
}

/// The first sentence of a help text, which is all that a menu has room for.
std::string short_help(const std::string& help) { return help.substr(0, help.find_first_of(":;(\n")); }

// --- bash --------------------------------------------------------------------------------------------------

constexpr std::string_view kBashHead =
    R"(# Completion of orrery for bash. Read it from ~/.bashrc: source <(orrery completion bash)
_orrery_words() {
  mapfile -t COMPREPLY < <(compgen -W "$1" -- "$2")
}
_orrery_list() {
  local head=
  [[ $2 != *,* ]] || head=${2%,*},
  mapfile -t COMPREPLY < <(compgen -P "$head" -W "$1" -- "${2##*,}")
  compopt -o nospace
}
_orrery_files() {
  mapfile -t COMPREPLY < <(compgen -f -- "$1")
  compopt -o filenames
}
_orrery() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} path= i
  for ((i = 1; i < COMP_CWORD; ++i)); do
    case "$path ${COMP_WORDS[i]}" in
)";

std::string bash_values(const Level& level) {
  std::string text;
  for (const TreeOption& option : level.tree->options) {
    if (!option.takes_value) continue;
    const ValueRow* row = find_value_row(level.tree->name, option);
    const std::string action =
        row == nullptr
            ? "_orrery_files \"$cur\""
            : fmt::format("{} {} \"$cur\"", row->list ? "_orrery_list" : "_orrery_words", shell_word(words_text(*row)));
    text += fmt::format("        {}) {}; return ;;\n", fmt::join(option.names, "|"), action);
  }
  return text;
}

std::string bash_level(const Level& level) {
  std::vector<std::string> flags;
  for (const TreeOption& option : level.tree->options) {
    flags.insert(flags.end(), option.names.begin(), option.names.end());
  }
  std::string text = fmt::format("    {})\n", shell_word(level.path));
  if (const std::string values = bash_values(level); !values.empty()) {
    text += fmt::format("      case $prev in\n{}      esac\n", values);
  }
  text += fmt::format("      if [[ $cur == -* ]]; then _orrery_words {} \"$cur\"",
                      shell_word(fmt::format("{}", fmt::join(flags, " "))));
  const TreeOption* argument = level.tree->arguments.empty() ? nullptr : &level.tree->arguments.front();
  const ValueRow* row = argument == nullptr ? nullptr : find_value_row(level.tree->name, *argument);
  if (!level.tree->commands.empty()) {
    text += fmt::format("; else _orrery_words {} \"$cur\"", shell_word(names_of(*level.tree)));
  } else if (row != nullptr) {
    // What follows the word is files: validate KIND TABLE.
    text += fmt::format("; elif [[ $prev == {} ]]; then _orrery_words {} \"$cur\"; else _orrery_files \"$cur\"",
                        level.tree->name, shell_word(words_text(*row)));
  } else if (argument != nullptr) {
    text += "; else _orrery_files \"$cur\"";
  }
  return text + "; fi ;;\n";
}

std::string bash_script(const std::vector<Level>& levels) {
  std::string script(kBashHead);
  std::vector<std::string> paths;
  for (const Level& level : levels) {
    if (!level.path.empty()) paths.push_back(shell_word(level.path));
  }
  script += fmt::format("      {}) path+=\" ${{COMP_WORDS[i]}}\" ;;\n    esac\n  done\n  case $path in\n",
                        fmt::join(paths, "|"));
  for (const Level& level : levels) script += bash_level(level);
  return script + "  esac\n}\ncomplete -F _orrery orrery\n";
}

// --- zsh ---------------------------------------------------------------------------------------------------

/// As _arguments wants it: '(-j --jobs)'{-j,--jobs}'[runs at a time]:value:_files'.
std::string zsh_option(const CommandTree& tree, const TreeOption& option) {
  // The brackets are the form's, those of the text are its own.
  const std::string help = shell_word(short_help(option.help), ":[]");
  const std::string body = "'[" + help.substr(1, help.size() - 2) + "]'";
  std::string action;
  if (option.takes_value) {
    const ValueRow* row = find_value_row(tree.name, option);
    const char* form = row != nullptr && row->list ? "':value:_sequence compadd - {}'" : "':value:({})'";
    action = row == nullptr ? "':value:_files'" : fmt::format(fmt::runtime(form), words_text(*row));
  }
  if (option.names.size() == 1) return option.names.front() + body + action;
  return fmt::format("'({})'{{{}}}{}{}", fmt::join(option.names, " "), fmt::join(option.names, ","), body, action);
}

std::string zsh_function(const Level& level) {
  std::string name = "_orrery" + level.path;
  std::replace(name.begin(), name.end(), ' ', '_');
  std::string text = fmt::format("{}() {{\n", name);
  if (!level.tree->commands.empty()) {
    text += "  local line state\n  local -a commands=(\n";
    for (const CommandTree& command : level.tree->commands) {
      text += fmt::format("    {}\n", shell_word(command.name + ":" + short_help(command.help)));
    }
    text += "  )\n";
  }
  text += "  _arguments -C";
  for (const TreeOption& option : level.tree->options) text += " \\\n    " + zsh_option(*level.tree, option);
  if (!level.tree->commands.empty()) {
    text +=
        " \\\n    '1: :{ _describe command commands }' \\\n    '*:: :->rest'\n  case $state in\n    rest) case "
        "$line[1] in\n";
    for (const CommandTree& command : level.tree->commands) {
      text += fmt::format("      {}) {}_{} ;;\n", command.name, name, command.name);
    }
    return text + "    esac ;;\n  esac\n}\n";
  }
  if (!level.tree->arguments.empty()) {
    const ValueRow* row = find_value_row(level.tree->name, level.tree->arguments.front());
    if (row != nullptr) text += fmt::format(" \\\n    '1:word:({})'", words_text(*row));
    text += " \\\n    '*:file:_files'";
  }
  return text + "\n}\n";
}

std::string zsh_script(const std::vector<Level>& levels) {
  std::string script =
      "#compdef orrery\n# Completion of orrery for zsh: orrery completion zsh > \"${fpath[1]}/_orrery\"\n";
  for (const Level& level : levels) script += zsh_function(level);
  return script + "if [[ $funcstack[1] == _orrery ]]; then _orrery \"$@\"; else compdef _orrery orrery; fi\n";
}

// --- fish --------------------------------------------------------------------------------------------------

std::string fish_option(const std::string& when, const CommandTree& tree, const TreeOption& option) {
  std::string text = "complete -c orrery" + when;
  for (const std::string& name : option.names) {
    text += name.rfind("--", 0) == 0 ? " -l " + name.substr(2) : " -s " + name.substr(1);
  }
  if (option.takes_value) {
    const ValueRow* row = find_value_row(tree.name, option);
    text += row == nullptr ? " -r -F" : fmt::format(" -x -a {}", shell_word(words_text(*row)));
  }
  return text + " -d " + shell_word(short_help(option.help)) + "\n";
}

std::string fish_script(const std::vector<Level>& levels) {
  std::string script =
      "# Completion of orrery for fish: orrery completion fish > ~/.config/fish/completions/orrery.fish\n";
  for (const Level& level : levels) {
    std::string when = " -n __fish_use_subcommand";
    if (!level.path.empty()) {
      std::string seen = fmt::format("__fish_seen_subcommand_from {}", level.tree->name);
      if (!level.tree->commands.empty())
        seen += fmt::format("; and not __fish_seen_subcommand_from {}", names_of(*level.tree));
      when = " -n " + shell_word(seen);
    }
    for (const TreeOption& option : level.tree->options) script += fish_option(when, *level.tree, option);
    for (const CommandTree& command : level.tree->commands) {
      script += fmt::format("complete -c orrery{} -f -a {} -d {}\n", when, command.name,
                            shell_word(short_help(command.help)));
    }
    const ValueRow* row =
        level.tree->arguments.empty() ? nullptr : find_value_row(level.tree->name, level.tree->arguments.front());
    if (row != nullptr) script += fmt::format("complete -c orrery{} -a {}\n", when, shell_word(words_text(*row)));
  }
  return script;
}

}  // namespace

int print_completion(const Options& options, Console& console) {
  const std::string& shell = options.files.at(0);
  const CommandTree tree = command_tree();
  std::vector<Level> levels;
  collect(tree, "", levels);
  if (shell == "bash") {
    console.out << bash_script(levels);
  } else if (shell == "zsh") {
    console.out << zsh_script(levels);
  } else if (shell == "fish") {
    console.out << fish_script(levels);
  } else {
    throw ConfigError(fmt::format("completion {}: the shells are bash, zsh and fish", hardware::shown(shell)));
  }
  return kExitWell;
}

}  // namespace orrery::scenarios
