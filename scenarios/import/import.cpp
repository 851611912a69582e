#include "scenarios/import/import.hpp"

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <iterator>
#include <stdexcept>

#include <fmt/format.h>

#include "hardware/config/config.hpp"
#include "hardware/config/config_text.hpp"
#include "hardware/config/files.hpp"
#include "hardware/config/shown.hpp"
#include "models/serving/workload/byte_reader.hpp"
#include "scenarios/import/model_name.hpp"
#include "scenarios/model_names.hpp"
#include "scenarios/scenario.hpp"

namespace orrery::scenarios {

namespace {

namespace fs = std::filesystem;
using hardware::ConfigError;
using hardware::Diagnostic;

/// Standard input is kept whole: it can't be read twice.
ImportFile from_bytes(const std::string& path) {
  ImportFile file;
  file.path = path;
  try {
    models::ByteReader bytes(path);
    file.head = bytes.head();
    file.is_gzip = bytes.is_gzip();
    if (path != "-") return file;
    for (std::string_view more = bytes.read(); !more.empty(); more = bytes.read()) {
      file.text += more;
      hardware::check_config_size(file.text, path);
    }
  } catch (const std::invalid_argument& error) {
    throw ConfigError(std::vector<Diagnostic>{{path, {}, error.what()}});
  }
  return file;
}

[[noreturn]] void name_what_it_is(const ImportFile& file) {
  for (const OtherFile& other : other_files()) {
    if (!other.recognise(file)) continue;
    throw ConfigError(fmt::format("{} is {}; {}", hardware::quoted_path(file.path), other.equation, other.advice));
  }
  std::string kinds;
  for (const ImportKind& kind : import_kinds()) kinds += fmt::format("\n  {}: {}", kind.name, kind.equation);
  throw ConfigError(
      fmt::format("{} is a text of no kind that is known here; these are{}", hardware::quoted_path(file.path), kinds));
}

const ImportKind& kind_of(const ImportFile& file) {
  for (const ImportKind& row : import_kinds()) {
    if (row.recognise(file)) return row;
  }
  name_what_it_is(file);
}

void read_file(const ImportFile& file, const ImportOptions& options, Console& console, Draft& draft) {
  const std::string& path = file.path;
  const ImportKind& kind = kind_of(file);
  if (kind.read == nullptr) {
    throw ConfigError(
        fmt::format("{} describes a machine: import it alone, and name the profile that it gives in the "
                    "scenario's cluster.node",
                    hardware::quoted_path(path)));
  }
  Draft part = draft;
  part.has_launch = part.has_load = false;
  kind.read(file, options, console, part);
  const auto refuse_second = [&](bool had, bool has, const char* what) {
    if (had && has)
      throw ConfigError(
          fmt::format("{}: {} has been given already; one is imported at a time", hardware::quoted_path(path), what));
  };
  refuse_second(draft.has_launch, part.has_launch, "a launch line");
  refuse_second(draft.has_load, part.has_load, "a load");
  part.has_launch = part.has_launch || draft.has_launch;
  part.has_load = part.has_load || draft.has_load;
  draft = std::move(part);
}

/// The model that the user names, else what the files say.
void choose_model(const ImportOptions& options, Draft& draft) {
  if (options.model.empty()) return;
  const std::optional<ModelName> name = find_model_name(options.model, "", options);
  if (!name) {
    const std::vector<std::string> near = similar_models(options.model);
    throw ConfigError(
        fmt::format("--model {}: neither a model of the library (orrery list models) nor a config.json, "
                    "nor a folder with one{}",
                    hardware::quoted_path(options.model),
                    near.empty() ? "" : fmt::format("; did you mean {}?", fmt::join(near, ", "))));
  }
  draft.model = DraftKey{"model", name->value, "--model"};
  if (!name->weight_dtype.empty() && draft.find("weight_dtype") == nullptr) {
    draft.set("weight_dtype", name->weight_dtype, "as the model's name says");
  }
}

std::string title_of(const std::vector<std::string>& paths) {
  std::vector<std::string> names;
  for (const std::string& path : paths)
    names.push_back(path == "-" ? "standard input" : fs::path(path).filename().string());
  return fmt::format("imported from {}", fmt::join(names, ", "));
}

/// What `orrery run` would say of the scenario, said now. Places in it mean nothing to whoever has not seen it.
void check(const std::string& yaml, const std::vector<std::string>& paths, const ImportOptions& options) {
  const std::string file = (fs::path(options.output_folder) / "imported.yaml").string();
  try {
    (void)parse_scenario(yaml, file);
  } catch (const ConfigError& error) {
    std::vector<Diagnostic> items;
    for (const Diagnostic& item : error.diagnostics()) {
      items.push_back({paths.front(), {}, fmt::format("as a scenario: {}", item.message)});
    }
    throw ConfigError(std::move(items));
  }
}

}  // namespace

std::string ImportFile::whole() const {
  if (path == "-") return std::string(hardware::without_byte_order_mark(text));
  if (is_gzip) throw ConfigError(std::vector<Diagnostic>{{path, {}, "is a gzip archive: unpack it"}});
  return std::string(hardware::without_byte_order_mark(hardware::read_text_file(path)));
}

std::string ImportFile::name() const { return fs::path(path).filename().string(); }

bool ImportFile::has_yaml_key(std::string_view key) const {
  for (std::size_t at = head.find(key); at != std::string::npos; at = head.find(key, at + 1)) {
    const bool first = at == 0 || head[at - 1] == '\n';
    if (first && at + key.size() < head.size() && head[at + key.size()] == ':') return true;
  }
  return false;
}

std::string path_from(const ImportOptions& options, const std::string& path) {
  const fs::path target(path);
  if (target.is_absolute() || options.output_folder.empty()) return target.lexically_normal().string();
  std::error_code code;
  const fs::path from = fs::proximate(target, options.output_folder, code);
  return code || from.empty() ? target.string() : from.string();
}

Imported import_files(const std::vector<std::string>& paths, const ImportOptions& options, Console& console) {
  Draft draft;
  draft.title = title_of(paths);
  std::vector<Diagnostic> wrong;  // of all files, told together
  const auto attempt = [&](const auto& step) {
    try {
      step();
    } catch (const ConfigError& error) {
      wrong.insert(wrong.end(), error.diagnostics().begin(), error.diagnostics().end());
    }
  };
  if (paths.size() == 1) {
    const ImportFile file = from_bytes(paths.front());
    const ImportKind& kind = kind_of(file);
    if (kind.profile != nullptr) return kind.profile(file, options);
    attempt([&] { read_file(file, options, console, draft); });
  } else {
    for (const std::string& path : paths) attempt([&] { read_file(from_bytes(path), options, console, draft); });
  }
  attempt([&] { choose_model(options, draft); });
  if (!wrong.empty()) throw ConfigError(std::move(wrong));
  const bool sized = draft.find("max_model_len") != nullptr;
  if (!draft.has_launch && !sized) draft.set("max_model_len", "auto", "what fits");
  Imported imported{write_draft(draft, options), draft.notes, draft.ignored};
  check(imported.yaml, paths, options);
  return imported;
}

}  // namespace orrery::scenarios
