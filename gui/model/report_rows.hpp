// The rows of the report table, apart from the item model that shows them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <QString>

#include "gui/run/run.hpp"

namespace orrery::gui {

struct ReportRow {
  /// What a row says, which decides on its colours.
  enum class Kind : std::uint8_t { metric, expectation, note, finding, expected_finding };

  std::string key;  ///< tells the rows of a group apart, the same from run to run
  Kind kind = Kind::metric;
  std::string metric;  ///< that it is about; empty for a note
  QString label, value, change, previous;
  QString tooltip, details;  ///< of the label, of the other columns
  int verdict = 0;

  /// For CSV.
  scenarios::Unit unit = scenarios::Unit::ratio;
  std::optional<double> number, before;
};

struct ReportGroup {
  /// In the order of display.
  enum class Key : unsigned { skipped, findings, figures, memory, cost, stages, notes, expectations };

  /// Figures of several jobs: as many further keys for each job after the first.
  static constexpr unsigned kKeysOfAJob = 16;
  [[nodiscard]] static Key key_of(Key key, std::size_t job) {
    return static_cast<Key>(static_cast<unsigned>(key) + kKeysOfAJob * static_cast<unsigned>(job));
  }

  Key key = Key::skipped;
  QString title;
  std::vector<ReportRow> rows;
};

/// The groups that have rows, in their fixed order. Takes either run as null; variants are not shown.
[[nodiscard]] std::vector<ReportGroup> report_groups(const RunPtr& current, const RunPtr& previous);

}  // namespace orrery::gui
