#include "scenarios/search/point.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "models/training/lowered_step.hpp"
#include "scenarios/kinds.hpp"
#include "scenarios/search/relaxed_keys.hpp"
#include "sim/run_control.hpp"

namespace orrery::scenarios {

namespace {

using hardware::ConfigError;

/// The first line of an error that may have many.
std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

EditedText edited(const std::string& text, const std::string& file, const std::vector<Override>& base) {
  EditedText whole(text, file, base);
  const hardware::NodePtr root = hardware::parse_config(whole.text(), file);
  // Lists that no point has a use for would be read again at each.
  std::vector<Override> emptied;
  if (root->find("variants") != nullptr) emptied.push_back({"variants", "[]", "search"});
  if (root->find("sweep") != nullptr) emptied.push_back({"sweep", "{}", "search"});
  return whole.with(emptied);
}

void take(SearchPoint& point, const Report& report, const KeptMetrics& kept) {
  // Where nothing is promised, "100 % within" would read as if something were.
  std::vector<std::string> empty_promises;
  for (const Job& job : report.scenario.jobs) {
    if (!job.kind->promises(*job.spec)) empty_promises.push_back(job.prefix() + std::string(job.kind->promise));
  }
  for (const MetricRow& row : kept.rows) {
    const bool empty = std::find(empty_promises.begin(), empty_promises.end(), row.name) != empty_promises.end();
    const std::optional<double> value = empty ? std::nullopt : report.find_metric(row.name);
    point.values.push_back(value.value_or(std::numeric_limits<double>::quiet_NaN()));
  }
  for (const auto& result : report.results) point.given_up = point.given_up || (result && result->given_up());
  for (const Finding& finding : report.findings) {
    if (!finding.expected) point.findings.push_back(finding);
  }
}

}  // namespace

std::optional<std::size_t> KeptMetrics::find(std::string_view name) const {
  const auto found = std::find_if(rows.begin(), rows.end(), [&](const MetricRow& row) { return row.name == name; });
  return found == rows.end() ? std::nullopt : std::optional<std::size_t>(found - rows.begin());
}

std::optional<double> kept_value(const KeptMetrics& kept, const SearchPoint& point, std::string_view metric) {
  const std::optional<std::size_t> at = kept.find(metric);
  if (!at || *at >= point.values.size() || std::isnan(point.values[*at])) return std::nullopt;
  return point.values[*at];
}

PointRunner::PointRunner(const std::string& text, const std::string& file, const std::vector<Override>& base,
                         KeptMetrics kept) {
  Keep keep;
  keep.lowered = std::make_shared<models::LoweredSteps>();
  shared_.reset(new Shared{edited(text, file, base), std::move(kept), keep});
}

SearchPoint PointRunner::run(std::vector<Override> set, bool until_missed) const {
  sim::RunControl control;
  control.stop = &shared_->stop;
  control.check();
  SearchPoint point;
  point.set = std::move(set);
  try {
    const EditedText here = shared_->text.with(point.set);
    const hardware::NodePtr root = hardware::parse_config(here.text(), here.file());
    point.relaxed = relaxed_keys(*root, point.set);
    Scenario scenario = parse_scenario(here.with(point.relaxed));
    scenario.expectations.clear();
    point.inputs = input_files(scenario);
    point.gpus = scenario.cluster.gpu_count();
    point.reason = scenario.skipped;
    Keep keep = shared_->keep;
    keep.until_missed = until_missed;
    if (point.ran()) take(point, run_scenario(scenario, keep, control), shared_->kept);
  } catch (const ConfigError& error) {
    point.reason = first_line(error.what());
  }
  return point;
}

std::string words_of(const std::vector<Override>& set) {
  std::string text;
  for (const Override& change : set) text += fmt::format("{}{}={}", text.empty() ? "" : " ", change.key, change.value);
  return text;
}

}  // namespace orrery::scenarios
