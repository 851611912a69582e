// The points of a sweep as rows: JSON, CSV, and the journal that an interrupted sweep is taken up from.
//
// JSON: {schema_version, orrery, sweep: {key: [values]}, points: [{set, gpus, report}], skipped: [{set, reason}],
// left_out: [what]}. The `report` of a point has its findings and its metrics, each where a report of `orrery run` has
// it; the rest of a report is not kept. CSV: a column per axis, gpus, the metrics, findings, and the reason of a point
// that could not be. Where an axis has no effect a point does not set it: its cell is empty, and `left_out` counts what
// would repeat it. With a Pareto front the JSON names its objectives and each point says whether it is on it, and the
// CSV ends in a column of 1 and 0.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/search/goal.hpp"
#include "scenarios/search/point.hpp"

namespace orrery::scenarios {

/// What all rows of a sweep share.
struct PointForm {
  std::vector<SweepAxis> axes;
  KeptMetrics kept;
  std::vector<std::string> left_out = {};  ///< points that would repeat others: DistinctPoints
};

/// What a partial file adds to each row, so that one that somebody edited is not taken for the sweep's own.
[[nodiscard]] std::string row_check(std::string_view row);

/// One line without its end. `partial`, of whole documents, is the mark of an interrupted sweep; empty: it is done.
[[nodiscard]] std::string json_line(const PointForm& form, const SearchPoint& point);
[[nodiscard]] std::string points_json(const PointForm& form, const std::vector<SearchPoint>& points,
                                      const std::string& partial, const ParetoFront* front = nullptr);
/// json_line() or csv_line() with its check.
[[nodiscard]] std::string checked_json_line(const PointForm& form, const SearchPoint& point);
[[nodiscard]] std::string checked_csv_line(const PointForm& form, const SearchPoint& point);
/// What checked_json_line() wrote; nullopt: it is none, of other axes, or somebody edited it.
[[nodiscard]] std::optional<SearchPoint> read_json_line(const PointForm& form, const std::string& line);
/// The points of a partial document that points_json() wrote; empty: it is none. Throws std::invalid_argument with the
/// check of one that somebody edited.
[[nodiscard]] std::vector<SearchPoint> read_points_json(const PointForm& form, const std::string& text);

[[nodiscard]] std::string csv_head(const PointForm& form);
[[nodiscard]] std::string csv_line(const PointForm& form, const SearchPoint& point);
[[nodiscard]] std::string points_csv(const PointForm& form, const std::vector<SearchPoint>& points,
                                     const std::string& partial, const ParetoFront* front = nullptr);
/// What checked_csv_line() wrote; nullopt: it is none, or somebody edited it.
[[nodiscard]] std::optional<SearchPoint> read_csv_line(const PointForm& form, const std::string& checked);

}  // namespace orrery::scenarios
