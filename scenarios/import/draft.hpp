// A scenario in the making: what files of other programs say, gathered before it is written.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace orrery::scenarios {

/// What the user says of an import.
struct ImportOptions {
  std::string gpu, node;      ///< names of profiles; empty: a default, marked as such
  std::string model;          ///< a name of the library or a path; empty: what the files say
  std::string output_folder;  ///< where paths in the scenario start
};

/// A key of the scenario with its value as YAML has it.
struct DraftKey {
  std::string key, value;
  std::string comment;  ///< behind it; empty: none
};

/// A measured figure.
struct DraftFigure {
  std::string metric, value;
  std::string source;
};

struct Draft {
  std::string title;
  std::vector<std::string> sources;  ///< "a launch line of vLLM, serve.sh:3:1"
  std::optional<DraftKey> model;     ///< its value
  bool model_is_guessed = false;     ///< a name that stands in for one that nobody knows here
  std::string engine;                ///< empty: the default
  std::vector<DraftKey> serving, load;
  std::vector<DraftFigure> figures;
  std::vector<std::string> notes;    ///< what was assumed
  std::vector<std::string> ignored;  ///< what was not taken, and why
  bool has_launch = false, has_load = false;

  /// Replaces the key where it is there.
  void set(std::string_view key, std::string value, std::string comment = "");
  void erase(std::string_view key);
  [[nodiscard]] const DraftKey* find(std::string_view key) const;
  /// A count among `serving`; 1 where it isn't there.
  [[nodiscard]] int count(std::string_view key) const;
};

/// In double quotes, as YAML and JSON read it.
[[nodiscard]] std::string quoted_yaml(std::string_view text);

/// The commented scenario. Throws hardware::ConfigError for a GPU or node that is not known.
[[nodiscard]] std::string write_draft(const Draft& draft, const ImportOptions& options);

}  // namespace orrery::scenarios
