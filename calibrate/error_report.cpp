// Summaries of prediction errors.
#include "calibrate/error_report.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

namespace orrery::calibrate {
namespace {

/// `leanings` are signed errors.
ErrorSummary summary(std::string name, const std::vector<double>& leanings) {
  ErrorSummary result;
  result.name = std::move(name);
  result.rows = static_cast<int>(leanings.size());
  if (leanings.empty()) return result;
  std::vector<double> errors;
  errors.reserve(leanings.size());
  for (const double leaning : leanings) errors.push_back(std::abs(leaning));
  result.signed_median = percentile(leanings, 0.5);
  std::vector<double> ratios;
  ratios.reserve(leanings.size());
  for (const double leaning : leanings) ratios.push_back(1.0 / std::max(1.0 + leaning, 1e-9));
  result.low = percentile(ratios, 0.05);
  result.high = percentile(std::move(ratios), 0.95);
  double sum = 0.0;
  for (const double error : errors) sum += error;
  result.mean_error = sum / static_cast<double>(errors.size());
  result.median_error = percentile(errors, 0.5);
  result.p95_error = percentile(errors, 0.95);
  result.max_error = *std::max_element(errors.begin(), errors.end());
  return result;
}

/// Of rows that have a band.
std::optional<double> share_inside(const std::vector<bool>& inside) {
  if (inside.empty()) return std::nullopt;
  return static_cast<double>(std::count(inside.begin(), inside.end(), true)) / static_cast<double>(inside.size());
}

constexpr int kFamilies = 4;

// The three parts of a split first, in that order; published families by name.
int rank_of(const std::string& group) {
  if (group == "seen") return 0;
  if (group == "unseen_point") return 1;
  if (group == "unseen_family") return 2;
  return 3;
}

}  // namespace

double PredictedRow::error() const { return std::abs(signed_error()); }

double percentile(std::vector<double> values, double q) {
  if (values.empty()) return 0.0;
  std::sort(values.begin(), values.end());
  const double place = std::clamp(q, 0.0, 1.0) * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  if (below + 1 >= values.size()) return values.back();
  const double part = place - static_cast<double>(below);
  return values[below] + part * (values[below + 1] - values[below]);
}

ErrorReport summarise(std::vector<PredictedRow> rows, std::vector<SkippedRow> skipped) {
  ErrorReport report;
  report.skipped = std::move(skipped);
  std::map<std::pair<int, std::string>, std::vector<double>> by_group;
  std::map<std::pair<int, std::string>, std::vector<bool>> inside;
  std::vector<bool> all_inside;
  std::vector<double> all;
  all.reserve(rows.size());
  for (const PredictedRow& row : rows) {
    by_group[{rank_of(row.group), row.group}].push_back(row.signed_error());
    if (row.inside) inside[{rank_of(row.group), row.group}].push_back(*row.inside), all_inside.push_back(*row.inside);
    if (!row.family.empty()) by_group[{kFamilies, row.family}].push_back(row.signed_error());
    all.push_back(row.signed_error());
  }
  report.all = summary("all", all);
  report.all.inside = share_inside(all_inside);
  for (const auto& [group, errors] : by_group) {
    report.groups.push_back(summary(group.second, errors));
    report.groups.back().inside = share_inside(inside[group]);
  }

  constexpr std::size_t kWorst = 10;
  report.rows = rows;
  report.worst = std::move(rows);
  std::stable_sort(report.worst.begin(), report.worst.end(),
                   [](const PredictedRow& a, const PredictedRow& b) { return a.error() > b.error(); });
  if (report.worst.size() > kWorst) report.worst.resize(kWorst);
  return report;
}

}  // namespace orrery::calibrate
