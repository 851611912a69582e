#include "scenarios/commands/command_tree.hpp"

#include <algorithm>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "calibrate/nccl_types.hpp"
#include "scenarios/ask/words.hpp"
#include "scenarios/commands/command_options.hpp"
#include "scenarios/families.hpp"

namespace orrery::scenarios {

namespace {

TreeOption option_of(const CLI::Option& option) {
  TreeOption one;
  for (const std::string& name : option.get_lnames()) one.names.push_back("--" + name);
  for (const std::string& name : option.get_snames()) one.names.push_back("-" + name);
  if (one.names.empty()) one.names.push_back(option.get_name());
  one.help = option.get_description();
  one.takes_value = option.get_items_expected_max() > 0;
  one.required = option.get_required();
  return one;
}

const std::string& type_words() {
  static const std::string kWords = [] {
    std::string words;
    for (const calibrate::NcclType& type : calibrate::nccl_types()) {
      words += (words.empty() ? "" : " ") + std::string(type.word);
    }
    return words;
  }();
  return kWords;
}

CommandTree tree_of(const CLI::App& app) {
  CommandTree tree{app.get_name(), app.get_description(), app.get_footer(), {}, {}, {}};
  for (const CLI::Option* option : app.get_options()) {
    (option->get_positional() ? tree.arguments : tree.options).push_back(option_of(*option));
  }
  for (const CLI::App* command : app.get_subcommands(nullptr)) tree.commands.push_back(tree_of(*command));
  return tree;
}

}  // namespace

CommandTree command_tree() {
  CLI::App app(kAbout, "orrery");
  RawOptions raw;
  (void)add_commands(app, raw);
  return tree_of(app);
}

const std::vector<ValueRow>& value_rows() {
  static const std::vector<ValueRow> rows = {
      {"", "--gpu", "gpus", "", true},
      {"", "--node", "nodes", ""},
      {"", "--model", "models", ""},
      {"", "--timer", "timers", ""},
      {"", "--weight-dtype", "dtypes", ""},
      {"", "--metric", "metrics", ""},
      {"", "--sort", "metrics", ""},
      {"", "--objective", "metrics", ""},
      {"", "--columns", "metrics", "", true},
      {"", "--pareto", "metrics", "", true},
      {"gui", "--theme", "", "light dark system"},
      {"collective", "OP", "", "all_reduce all_gather reduce_scatter all_to_all broadcast reduce"},
      {"collective", "--cluster", "nodes", ""},
      {"collective", "--fabric", "fabrics", ""},
      {"validate", "--cluster", "nodes", ""},
      {"validate", "--fabric", "fabrics", ""},
      {"collective", "--type", "", type_words()},
      {"list", "FAMILY", "", ""},
      {"new", "KIND", "",
       "training serving collective jobs gpu node fabric rail_fat_tree fat_tree dual_plane dragonfly sites torus "
       "single_node"},
      {"validate", "KIND_TABLE", "", "kernels collectives training serving"},
      {"calibrate", "ACTION", "", "fit"},
      {"completion", "SHELL", "", "bash zsh fish"},
  };
  return rows;
}

const ValueRow* find_value_row(const std::string& command, const TreeOption& option) {
  for (const ValueRow& row : value_rows()) {
    const bool here = row.command.empty() || row.command == command;
    if (here && std::find(option.names.begin(), option.names.end(), row.name) != option.names.end()) return &row;
  }
  return nullptr;
}

std::vector<std::string> words_of(const ValueRow& row) {
  if (row.name == "FAMILY") return family_names();
  if (row.family.empty()) return split(row.words, ' ');
  std::vector<std::string> words;
  for (const FamilyItem& item : family_items(row.family)) {
    // Those of parts, "memory.stages.<stage>.…", are no words.
    if (item.name.find('<') == std::string::npos) words.push_back(item.name);
  }
  return words;
}

}  // namespace orrery::scenarios
