// How wrong predictions are on a table of measurements.
//
// Errors are |predicted/measured − 1|, a ratio. Groups part the rows that a fit saw from unseen points of
// seen shape families and from unseen families; the last is the honest figure.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace orrery::calibrate {

struct ErrorSummary {
  std::string name;
  int rows = 0;
  double median_error = 0.0, mean_error = 0.0, p95_error = 0.0, max_error = 0.0;
  double signed_median = 0.0;    ///< of predicted/measured − 1: which way the errors lean
  double low = 0.0, high = 0.0;  ///< 5th and 95th percentile of measured/predicted
  std::optional<double> inside;  ///< share of the rows that lie in the band of their fit; none: no fit has one
};

struct PredictedRow {
  int line = 0;                            ///< of the table, 1 is the header
  std::string description;                 ///< the row in words
  std::string group;                       ///< "seen", "unseen_point", "unseen_family", or a family of published runs
  double predicted = 0.0, measured = 0.0;  ///< in the unit of `metric`
  std::string metric = "time_s";
  std::string id = {};              ///< the table's own name for the row
  std::string family = {};          ///< a further group that the row counts in; empty: none
  std::optional<bool> inside = {};  ///< the band of the fit that priced it (hardware::Fit::band())

  [[nodiscard]] double error() const;
  [[nodiscard]] double signed_error() const { return predicted / measured - 1.0; }
};

struct SkippedRow {
  int line = 0;
  std::string description;
  std::string reason;
  std::string id = {};
};

struct ErrorReport {
  ErrorSummary all;                  ///< named "all"
  std::vector<ErrorSummary> groups;  ///< in the order seen, unseen_point, unseen_family, others by name; then families
  std::vector<PredictedRow> rows;    ///< every row that was predicted, as the table orders them
  std::vector<PredictedRow> worst;   ///< the ten largest errors
  std::vector<SkippedRow> skipped;   ///< every row that can't be predicted, with the reason
  std::vector<std::string> notes;    ///< what was taken for granted
};

/// Linear interpolation between order statistics; 0 of an empty set. `q` in [0, 1].
[[nodiscard]] double percentile(std::vector<double> values, double q);

[[nodiscard]] ErrorReport summarise(std::vector<PredictedRow> rows, std::vector<SkippedRow> skipped);

}  // namespace orrery::calibrate
