// A Scenario: everything that one prediction needs, as a plain value read from one YAML file.
//
//   scenario: title        model: library name, path to config.json, or {config: …, overrides}
//   cluster: {node, nodes, fabric, gpu, price, placement, …}
//   one section of a kind of job (kinds.hpp):
//   training: the fields of models::TrainingConfig, steps, flop_convention, total_tokens
//   serving: the fields of models::ServingConfig, load: {…}, slo: {…}
//   or several on the one cluster:
//   jobs: [{name, start, until, model, placement, training|serving}]   (model and placement default to the scenario's)
//   events: [{at, until, gpu|link, scale|down}]
//   expect: [...]          variants: [{name, set, expect}]       sweep: {key: [values]}
//
// Every key is checked. Errors of a file (and of its variants) are reported together, each with
// file:line:column. `--set key=value` edits the text before it is read, so that an override is checked
// exactly as if it stood in the file.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hardware/cluster.hpp"
#include "hardware/config/config.hpp"
#include "scenarios/events.hpp"
#include "scenarios/expectation.hpp"
#include "scenarios/job.hpp"
#include "scenarios/overrides.hpp"

namespace orrery::scenarios {

/// One key of a sweep and the texts it takes in turn.
struct SweepAxis {
  std::string key;
  std::vector<std::string> values;
};

struct Scenario {
  std::string file;  ///< as the user named it
  std::string name;  ///< file name without folder and extension
  std::string title;
  std::string variant;  ///< name of the variant, empty for the scenario itself
  std::string timer = "fitted";
  std::uint64_t seed = 1;
  hardware::Cluster cluster;
  std::vector<std::string> profiles;  ///< files of one's own that `cluster` was read from
  std::vector<Job> jobs;              ///< one without a name, or those of `jobs:`
  std::vector<Event> events;
  std::string skipped;  ///< why it can't be run here (a trace of ${ORRERY_DATA}); empty: it can
  std::vector<Expectation> expectations;
  std::vector<Scenario> variants;
  std::vector<SweepAxis> sweep;
  std::shared_ptr<const EditedText> source;  ///< what it was read from, for errors that only a run can find

  /// Throws ConfigError with what was found at places of `source`, told of the file, if there is anything.
  void throw_if_any(const hardware::Diagnostics& diagnostics) const;
};

/// Reads, checks and resolves a scenario. Throws ConfigError with every diagnostic.
[[nodiscard]] Scenario load_scenario(const std::string& path, const std::vector<Override>& overrides = {});

/// The same from a text; `file` names it in messages, and relative paths inside start at its folder.
[[nodiscard]] Scenario parse_scenario(std::string text, const std::string& file,
                                      const std::vector<Override>& overrides = {});

/// The same from a text that was edited already.
[[nodiscard]] Scenario parse_scenario(EditedText source);

/// What is wrong with the text of the sections as they are read: unknown keys, values of no meaning, told of the file.
/// Not whether what they say can be together, nor `variants`, `sweep` and `expect`.
[[nodiscard]] std::vector<hardware::Diagnostic> reading_errors(const EditedText& source);

/// `${ORRERY_DATA}` replaced by the variable's value. Throws ConfigError if it is used but not set.
[[nodiscard]] std::string expand_variables(std::string_view text);

/// The files that a run of the scenario or its variants reads beside it: traces, tables of lengths, model configs.
[[nodiscard]] std::vector<std::string> input_files(const Scenario& scenario);

/// The scenario files below `path` (a file, or a folder searched recursively for .yaml), sorted.
/// Throws ConfigError if there are none.
[[nodiscard]] std::vector<std::string> scenario_files(const std::string& path);

}  // namespace orrery::scenarios
