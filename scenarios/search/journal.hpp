// Rows of a search on disk as they come: what a killed or interrupted sweep is taken up from.
//
// Beside "grid.csv" stands "grid.partial.csv" while the sweep runs, beside "grid.json" the lines of
// "grid.partial.json"; after Ctrl-C the latter becomes one document. A mark in it names the sweep by a fingerprint of
// the scenario's text, what was set over it, the columns, and the version: `--resume` takes the rows of the same sweep
// only.
// Limitations: files that the scenario names (traces, a config.json) are not in the fingerprint.
#pragma once

#include <cstdint>
#include <fstream>
#include <map>
#include <string>

#include "scenarios/search/point_forms.hpp"

namespace orrery::scenarios {

enum class JournalForm : std::uint8_t { csv, json };

[[nodiscard]] std::string fingerprint_of(const std::string& text, const std::vector<Override>& overrides,
                                         const PointForm& form);

/// What a partial file of that sweep says of itself.
[[nodiscard]] std::string journal_mark(const std::string& fingerprint);

/// Finished points by words_of() their keys.
using FinishedPoints = std::map<std::string, SearchPoint>;

/// The rows of the partial file of `output`; empty: there is none. Throws ConfigError if it is of another sweep.
[[nodiscard]] FinishedPoints read_journal(const std::string& output, JournalForm kind, const PointForm& form,
                                          const std::string& fingerprint);

class Journal {
 public:
  /// Begins the partial file of `output` anew. Throws ConfigError if it can't be written.
  Journal(const std::string& output, JournalForm kind, const PointForm& form, const std::string& fingerprint);

  /// Written through at once: a row that was taken is there whatever happens next.
  void add(const PointForm& form, const SearchPoint& point);
  /// Nothing more comes: the partial file may be replaced by its final form.
  void close();
  /// The output itself is written.
  void remove();

 private:
  void write(const std::string& line);

  std::string path_;
  JournalForm kind_;
  std::ofstream out_;
};

}  // namespace orrery::scenarios
