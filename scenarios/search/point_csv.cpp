#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "scenarios/format.hpp"
#include "scenarios/search/fnv.hpp"
#include "scenarios/search/point_forms.hpp"

namespace orrery::scenarios {

namespace {

/// An axis' own value, which may be empty; the cell of an axis without effect is empty itself.
const std::string kEmptyValue = "\"\"";

/// The cells of one line, as csv_field() writes them, with kEmptyValue as it is. A reason or a value has no line ends
/// of its own here.
std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells(1);
  bool quoted = false;
  std::size_t begin = 0;
  const auto end_cell = [&](std::size_t end) {
    if (line.compare(begin, end - begin, kEmptyValue) == 0) cells.back() = kEmptyValue;
    begin = end + 1;
  };
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quoted && c == '"' && i + 1 < line.size() && line[i + 1] == '"') {
      cells.back() += line[++i];
    } else if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      end_cell(i);
      cells.emplace_back();
    } else {
      cells.back() += c;
    }
  }
  end_cell(line.size());
  return cells;
}

std::optional<double> number(const std::string& cell) {
  if (cell.empty()) return std::numeric_limits<double>::quiet_NaN();
  double value = 0.0;
  const auto [end, code] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  const bool whole = code == std::errc{} && end == cell.data() + cell.size() && std::isfinite(value);
  return whole ? std::optional<double>(value) : std::nullopt;
}

std::string one_line(std::string text) {
  for (char& c : text) {
    if (c == '\n' || c == '\r') c = ' ';
  }
  return text;
}

}  // namespace

std::string row_check(std::string_view row) {
  Fnv hash;
  hash.add(row);
  return fmt::format("{:016x}", hash.value());
}

std::string csv_head(const PointForm& form) {
  std::string csv;
  for (const SweepAxis& axis : form.axes) csv += csv_field(axis.key) + ",";
  csv += "gpus";
  for (const MetricRow& column : form.kept.rows) csv += "," + column.name;
  return csv + ",findings,reason";
}

std::string csv_line(const PointForm& form, const SearchPoint& point) {
  std::string csv;
  for (const SweepAxis& axis : form.axes) {
    // Empty where the axis has no effect.
    const auto own = std::find_if(point.set.begin(), point.set.end(),
                                  [&](const Override& change) { return change.key == axis.key; });
    csv += (own == point.set.end() ? "" : own->value.empty() ? kEmptyValue : csv_field(one_line(own->value))) + ",";
  }
  if (point.ran()) csv += fmt::format("{}", point.gpus);
  for (std::size_t i = 0; i < form.kept.rows.size(); ++i) {
    const bool there = i < point.values.size() && !std::isnan(point.values[i]);
    csv += "," + (there ? shortest(point.values[i]) : "");
  }
  std::string kinds;
  for (const Finding& finding : point.findings) kinds += (kinds.empty() ? "" : " ") + finding.kind;
  return csv + "," + kinds + "," + csv_field(one_line(point.reason));
}

std::string points_csv(const PointForm& form, const std::vector<SearchPoint>& points, const std::string& partial,
                       const ParetoFront* front) {
  std::string csv = csv_head(form) + (!partial.empty() ? ",check\n" : front != nullptr ? ",pareto\n" : "\n");
  for (std::size_t i = 0; i < points.size(); ++i) {
    csv += partial.empty() ? csv_line(form, points[i]) : checked_csv_line(form, points[i]);
    if (partial.empty() && front != nullptr) csv += front->has[i] ? ",1" : ",0";
    csv += "\n";
  }
  if (!partial.empty()) csv += "# " + partial + "\n";
  return csv;
}

std::string checked_csv_line(const PointForm& form, const SearchPoint& point) {
  const std::string row = csv_line(form, point);
  return row + "," + row_check(row);
}

std::optional<SearchPoint> read_csv_line(const PointForm& form, const std::string& checked) {
  const std::size_t last = checked.rfind(',');
  if (last == std::string::npos || checked.substr(last + 1) != row_check(checked.substr(0, last))) return std::nullopt;
  const std::string line = checked.substr(0, last);
  const std::size_t axes = form.axes.size(), metrics = form.kept.rows.size();
  const std::vector<std::string> cells = cells_of(line);
  if (cells.size() != axes + metrics + 3) return std::nullopt;
  SearchPoint point;
  for (std::size_t i = 0; i < axes; ++i) {
    if (cells[i].empty()) continue;
    point.set.push_back({form.axes[i].key, cells[i] == kEmptyValue ? "" : cells[i], "sweep"});
  }
  point.reason = cells.back();
  if (!point.ran()) return point;
  const std::optional<double> gpus = number(cells[axes]);
  if (!gpus || !(*gpus >= 1.0 && *gpus <= std::numeric_limits<int>::max())) return std::nullopt;
  point.gpus = static_cast<int>(*gpus);
  for (std::size_t i = 0; i < metrics; ++i) {
    const std::optional<double> value = number(cells[axes + 1 + i]);
    if (!value) return std::nullopt;
    point.values.push_back(*value);
  }
  const std::string& kinds = cells[axes + metrics + 1];
  for (std::size_t at = 0; at < kinds.size();) {
    const std::size_t end = std::min(kinds.find(' ', at), kinds.size());
    point.findings.push_back({kinds.substr(at, end - at), "", false});
    at = end + 1;
  }
  return point;
}

}  // namespace orrery::scenarios
