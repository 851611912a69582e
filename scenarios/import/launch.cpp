#include "scenarios/import/launch.hpp"

#include <algorithm>
#include <array>
#include <filesystem>

#include <fmt/format.h>

#include "hardware/config/shown.hpp"
#include "hardware/nearest_names.hpp"
#include "scenarios/import/launch_prefix.hpp"
#include "scenarios/import/model_name.hpp"
#include "scenarios/model_names.hpp"

namespace orrery::scenarios {

namespace {

using hardware::shown;

std::string place_of(const std::string& file, const ShellPlace& place) {
  return fmt::format("{}:{}:{}", hardware::quoted_path(file), place.line, place.column);
}

/// A launch in a script: whose, and its arguments.
struct Found {
  const Launcher* launcher = nullptr;
  const ShellCommand* command = nullptr;
  std::size_t first = 0;  ///< word of the arguments
};

std::vector<Found> find_launches(const ShellScript& script) {
  std::vector<Found> found;
  for (const ShellCommand& command : script.commands) {
    for (std::size_t at = 0; at < command.words.size(); ++at) {
      const auto starts = [&](const Launcher& one) { return one.starts(command.words, at) > 0; };
      const auto launcher = std::find_if(launchers().begin(), launchers().end(), starts);
      if (launcher == launchers().end() || !may_start(command.words, at)) continue;
      found.push_back({&*launcher, &command, launcher->starts(command.words, at)});
      break;
    }
  }
  return found;
}

/// "--Max_Model_Len" and "--max-model-len" are one flag.
std::string normal_name(std::string name) {
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

bool is_flag(const ShellWord& word) {
  return word.text.size() > 1 && word.text.front() == '-' && !(word.text[1] >= '0' && word.text[1] <= '9');
}

class FlagReader {
 public:
  FlagReader(const Found& found, Launch& launch)
      : words_(found.command->words), flags_(found.launcher->flags()), at_(found.first), launch_(launch) {}

  void read() {
    while (at_ < words_.size()) {
      const ShellWord& word = words_[at_++];
      launch_.attempt([&] { is_flag(word) ? flag(word) : alone(word); });
    }
  }

 private:
  void alone(const ShellWord& word) {
    const std::string& text = launch_.script->text(word);
    if (!launch_.model && !text.empty() && text != "serve") {
      launch_.model = word;
    } else if (text != "serve") {
      launch_.ignore(word.place, "a word without a flag", "only the model may stand alone");
    }
  }

  void flag(const ShellWord& word) {
    const std::size_t equals = word.text.find('=');
    if (equals == std::string::npos) (void)launch_.script->text(word);  // its name must be known
    const std::string name = normal_name(word.text.substr(0, equals));
    const FlagRow* row = find(name);
    const bool opposite = row == nullptr && name.rfind("--no-", 0) == 0;
    if (opposite) row = find("--" + name.substr(5));
    if (opposite && row != nullptr && row->takes != FlagTakes::nothing) row = nullptr;  // only a switch has an opposite
    if (row == nullptr) return unknown(word, name, equals != std::string::npos);
    FlagUse use{*row, word.place, nullptr, ""};
    if (equals != std::string::npos) {
      inline_value_ = word;
      inline_value_.text.erase(0, equals + 1);
      use.value = &inline_value_;
    } else if (row->takes == FlagTakes::anything) {
      skip_values();
    } else if (row->takes == FlagTakes::value && at_ < words_.size()) {
      use.value = &words_[at_++];
    } else if (row->takes == FlagTakes::nothing && !opposite && at_ < words_.size() && is_boolean(words_[at_].text)) {
      use.value = &words_[at_++];
    }
    if (row->apply == nullptr) return launch_.ignore(word.place, row->name, row->equation);
    if (row->takes == FlagTakes::value && use.value == nullptr) {
      launch_.fail(word.place, fmt::format("{} needs a value", row->name));
    }
    if (opposite && use.value != nullptr) {
      launch_.fail(word.place, fmt::format("{} takes no value: it turns {} off", name, row->name));
    }
    use.text = use.value != nullptr ? launch_.script->text(*use.value) : opposite ? "false" : "true";
    row->apply(use, launch_);
  }

  [[nodiscard]] const FlagRow* find(std::string_view name) const {
    const auto found = std::find_if(flags_.begin(), flags_.end(), [&](const FlagRow& row) {
      return row.name == name || (!row.other.empty() && row.other == name);
    });
    return found == flags_.end() ? nullptr : &*found;
  }

  static bool is_boolean(std::string_view text) {
    return text == "true" || text == "True" || text == "false" || text == "False";
  }

  void skip_values() {
    while (at_ < words_.size() && !is_flag(words_[at_])) ++at_;
  }

  void unknown(const ShellWord& word, const std::string& name, bool has_value) {
    if (!has_value) skip_values();
    std::vector<std::string> names;
    for (const FlagRow& row : flags_) names.emplace_back(row.name);
    const std::vector<std::string> near = hardware::nearest_names(name, names);
    launch_.ignore(word.place, hardware::printable(name, 60),
                   near.empty() ? "not known here" : fmt::format("not known here; a flag like it is {}", near.front()));
  }

  const std::vector<ShellWord>& words_;
  const std::vector<FlagRow>& flags_;
  std::size_t at_;
  Launch& launch_;
  ShellWord inline_value_;
};

/// The model that the launch names, as the scenario names it.
void resolve_model(const ImportFile& file, const ImportOptions& options, const Found& found, Launch& launch) {
  Draft& draft = *launch.draft;
  if (!launch.model) {
    // A word that can't be read may have been it.
    if (options.model.empty() && launch.wrong.empty()) {
      launch.fail(found.command->words.front().place,
                  "the launch line names no model: --model NAME of import says which one");
    }
    return;
  }
  const std::string& written = launch.script->text(*launch.model);
  if (!options.model.empty()) return;
  const std::string folder = std::filesystem::path(file.path).parent_path().string();
  const std::optional<ModelName> name = find_model_name(written, folder, options);
  if (!name) {
    const std::vector<std::string> near = similar_models(written);
    launch.fail(
        launch.model->place,
        fmt::format("the model {} is neither one of the library (orrery list models) nor a folder with a "
                    "config.json{}; import --model PATH names its config.json",
                    shown(written, 80), near.empty() ? "" : fmt::format(": did you mean {}?", fmt::join(near, ", "))));
  }
  draft.model = DraftKey{"model", name->value, written};
  if (!name->weight_dtype.empty() && draft.find("weight_dtype") == nullptr) {
    draft.set("weight_dtype", name->weight_dtype, "as the model's name says");
  }
}

/// A variable that a program of the launch may read.
void note_variable(const std::string& name, const ShellPlace& place, Launch& launch) {
  for (const std::string_view prefix : {"VLLM_", "SGLANG_", "SGL_", "TRTLLM_", "NCCL_", "CUDA_"}) {
    if (name.rfind(prefix, 0) == 0) launch.ignore(place, name, "the environment is not looked at");
  }
}

/// What a container is started with, before its image: "-e NAME=value", "--env=NAME=value", "--gpus all".
void note_container(const Found& found, Launch& launch) {
  const std::vector<ShellWord>& words = found.command->words;
  for (std::size_t i = 0; i < found.first; ++i) {
    std::string text = words[i].text;
    const bool behind = i > 0 && (words[i - 1].text == "-e" || words[i - 1].text == "--env");
    const bool joined = text.rfind("--env=", 0) == 0;
    if (text == "--gpus" || text.rfind("--gpus=", 0) == 0) {
      launch.ignore(words[i].place, "--gpus", "the GPUs follow from the parallel sizes of the launch");
    }
    if (!behind && !joined) continue;
    if (joined) text.erase(0, std::string_view("--env=").size());
    note_variable(text.substr(0, text.find('=')), words[i].place, launch);
  }
}

/// What a script that launches one of the servers will hold, however it is broken.
constexpr std::array<std::string_view, 8> kSigns = {
    "vllm serve",   "vllm.entrypoints", "vllm/vllm-openai",         "sglang.launch_server",
    "sglang serve", "trtllm-serve",     "text-generation-launcher", "text-generation-inference"};

}  // namespace

void Launch::ignore(const ShellPlace& place, std::string_view what, std::string_view why) {
  draft->ignored.push_back(fmt::format("{} {}: {}", place_of(script->file, place), what, why));
}

bool is_launch(const ImportFile& file) {
  const std::size_t begin = file.head.find_first_not_of(" \t\r\n");
  if (file.is_gzip || begin == std::string::npos || file.head.find('\0') != std::string::npos) return false;
  const char first = file.head[begin];
  if (first == '{' || first == '[' || first == '<') return false;
  try {
    return holds_launch(parse_shell(file.whole(), file.path));
  } catch (const hardware::ConfigError&) {
    // A quote that nobody closes: said when it is read, if this looks like a launch at all.
    return std::any_of(kSigns.begin(), kSigns.end(),
                       [&](std::string_view sign) { return file.head.find(sign) != std::string::npos; });
  }
}

bool holds_launch(const ShellScript& script) { return !find_launches(script).empty(); }

void read_launch(const ImportFile& file, const ImportOptions& options, Console&, Draft& draft) {
  read_script(parse_shell(file.whole(), file.path), file, options, draft);
}

void read_script(const ShellScript& script, const ImportFile& file, const ImportOptions& options, Draft& draft) {
  const std::vector<Found> all = find_launches(script);
  if (all.empty())
    throw hardware::ConfigError(fmt::format("{}: no launch line is found", hardware::quoted_path(file.path)));
  const Found& found = all.front();
  Launch launch{&script, std::nullopt, &draft};
  draft.has_launch = true;
  draft.sources.push_back(
      fmt::format("{}, {}", found.launcher->equation, place_of(file.path, found.command->words.front().place)));
  if (found.launcher->name != "vllm_v1") draft.engine = found.launcher->name;
  FlagReader(found, launch).read();
  // What flags mean together is asked of right ones only.
  if (found.launcher->finish != nullptr && launch.wrong.empty())
    launch.attempt([&] { found.launcher->finish(launch); });
  launch.attempt([&] { resolve_model(file, options, found, launch); });
  if (!launch.wrong.empty()) throw hardware::ConfigError(std::move(launch.wrong));
  for (const ShellWord& name : script.assigned) note_variable(name.text, name.place, launch);
  note_container(found, launch);
  for (std::size_t i = 1; i < all.size(); ++i) {
    launch.ignore(all[i].command->words.front().place, all[i].launcher->equation, "one launch is read, the first");
  }
}

}  // namespace orrery::scenarios
