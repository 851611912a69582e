#include "scenarios/comparison.hpp"

#include <algorithm>
#include <set>

namespace orrery::scenarios {

std::optional<Direction> find_direction(std::string_view metric) {
  const std::optional<MetricRow> row = find_metric_row(metric);
  return row ? std::optional<Direction>(row->direction) : std::nullopt;
}

namespace {

/// Of several jobs, without those of parts.
std::vector<std::string> named_metrics(const std::vector<const Report*>& reports) {
  std::vector<std::string> names;
  for (const Report* report : reports) {
    for (const MetricValue& value : report->metrics) {
      if (!job_of(value.name).empty() && !is_part_metric(value.name)) names.push_back(value.name);
    }
  }
  return names;
}

}  // namespace

Direction direction(std::string_view metric) { return find_direction(metric).value_or(Direction::neutral); }

std::optional<double> MetricChange::difference() const {
  if (!a || !b) return std::nullopt;
  return *b - *a;
}

std::optional<double> MetricChange::ratio() const {
  if (!a || !b || *a == 0.0) return std::nullopt;
  return *b / *a;
}

int MetricChange::verdict() const {
  const std::optional<double> change = difference();
  const Direction wanted = direction(name);
  if (!change || *change == 0.0 || wanted == Direction::neutral) return 0;
  return (*change > 0.0) == (wanted == Direction::more_is_better) ? 1 : -1;
}

std::vector<MetricChange> compare_values(const MetricLookup& a, const MetricLookup& b,
                                         const std::vector<std::string>& named) {
  std::vector<MetricChange> changes;
  for (const MetricRow& row : metric_rows()) {
    MetricChange change{row.name, row.unit, a(row.name), b(row.name)};
    if (change.a || change.b) changes.push_back(std::move(change));
  }
  std::set<std::string> seen;  // both sides may have named it
  for (const MetricChange& change : changes) seen.insert(change.name);
  for (const std::string& metric : named) {
    if (!seen.insert(metric).second) continue;
    MetricChange change{metric, metric_unit(metric).value_or(Unit::number), a(metric), b(metric)};
    if (change.a || change.b) changes.push_back(std::move(change));
  }
  return changes;
}

std::vector<MetricChange> compare_reports(const Report& a, const Report& b) {
  std::vector<MetricChange> changes =
      compare_values([&a](const std::string& name) { return a.find_metric(name); },
                     [&b](const std::string& name) { return b.find_metric(name); }, named_metrics({&a, &b}));
  // Parts go by their number: with unequal pipelines the later ones are on one side only.
  const auto add = [&](const std::vector<MetricValue>& values) {
    for (const MetricValue& value : values) {
      const auto same = [&](const MetricChange& change) { return change.name == value.name; };
      if (!is_part_metric(value.name) || std::any_of(changes.begin(), changes.end(), same)) continue;
      changes.push_back({value.name, value.unit, a.find_metric(value.name), b.find_metric(value.name)});
    }
  };
  const bool b_has_more = b.metrics.size() > a.metrics.size();
  add(b_has_more ? b.metrics : a.metrics);
  add(b_has_more ? a.metrics : b.metrics);
  return changes;
}

}  // namespace orrery::scenarios
