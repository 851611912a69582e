#include "scenarios/expectation.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "hardware/catalogue/catalogue.hpp"

namespace orrery::scenarios {

namespace {

using hardware::ConfigNode;
using hardware::Diagnostics;
using hardware::MapReader;

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool strip_suffix(std::string_view& text, std::string_view suffix) {
  if (text.size() < suffix.size() || text.substr(text.size() - suffix.size()) != suffix) return false;
  text = trim(text.substr(0, text.size() - suffix.size()));
  return true;
}

std::optional<double> parse_plain(std::string_view text) {
  text = trim(text);
  double value = 0.0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

/// A plain number with an optional unit word behind it.
std::optional<double> parse_counted(std::string_view text, std::string_view unit, std::string& error) {
  std::string_view number = trim(text);
  strip_suffix(number, unit);
  const std::optional<double> value = parse_plain(number);
  if (!value) error = fmt::format("'{}' is not a number in {}", text, unit);
  return value;
}

std::optional<double> parse_ratio(std::string_view text, std::string& error) {
  std::string_view number = trim(text);
  const bool percent = strip_suffix(number, "%");
  const std::optional<double> value = parse_plain(number);
  if (!value) {
    error = fmt::format("'{}' is not a ratio; write 0.514 or 51.4 %", text);
    return std::nullopt;
  }
  return percent ? *value / 100.0 : *value;
}

/// Reads "10 %", "0.5 GiB", "± 0.5 GiB" into `expectation`.
void read_tolerance(MapReader& reader, Expectation& expectation, Diagnostics& diagnostics) {
  const std::string text = reader.text("tolerance");
  std::string_view rest = trim(text);
  if (rest.empty()) return;  // already reported as missing
  for (const std::string_view sign : {std::string_view("±"), std::string_view("+-")}) {
    if (rest.substr(0, sign.size()) == sign) rest = trim(rest.substr(sign.size()));
  }
  std::string error;
  std::optional<double> value;
  if (rest.back() == '%') {
    value = parse_ratio(rest, error);
  } else {
    expectation.absolute = true;
    value = parse_metric_value(rest, expectation.unit, error);
  }
  if (!value || *value < 0.0) {
    diagnostics.error(reader.span("tolerance"),
                      fmt::format("'{}' is not a tolerance; write a share of the value (10 %) or an amount in {}", text,
                                  name(expectation.unit)));
    return;
  }
  expectation.tolerance = *value;
}

/// What is wrong with the job that a metric is of, or nothing.
std::string job_fault(std::string_view metric, const std::vector<std::string>& jobs) {
  const std::string_view job = job_of(metric);
  if (jobs.empty())
    return job.empty() ? "" : fmt::format("'{}': the scenario has no jobs:, so no metric is of one", metric);
  const std::string known = fmt::format("{}", fmt::join(jobs, ", "));
  if (job.empty()) return fmt::format("'{}' is of no job; write jobs.<name>.{} with one of {}", metric, metric, known);
  const bool is_known = std::find(jobs.begin(), jobs.end(), job) != jobs.end();
  return is_known ? "" : fmt::format("'{}': there is no job '{}'; the jobs are {}", metric, job, known);
}

Expectation read_one(const ConfigNode& node, Diagnostics& diagnostics, const std::vector<std::string>& jobs) {
  Expectation expectation;
  MapReader reader(&node, "expect", diagnostics);
  expectation.metric = reader.text("metric");
  const std::optional<Unit> unit = metric_unit(expectation.metric);
  if (!expectation.metric.empty() && !unit) {
    std::string nearest;
    for (const std::string& candidate : hardware::nearest_names(expectation.metric, metric_names())) {
      nearest += (nearest.empty() ? "; did you mean " : ", ") + candidate;
    }
    diagnostics.error(reader.span("metric"), fmt::format("unknown metric '{}'{} (orrery list metrics)",
                                                         expectation.metric, nearest.empty() ? "" : nearest + "?"));
  }
  const std::string fault = unit ? job_fault(expectation.metric, jobs) : std::string();
  if (!fault.empty()) diagnostics.error(reader.span("metric"), fault);
  expectation.unit = unit.value_or(Unit::ratio);
  const std::string value = reader.text("value");
  if (!value.empty() && unit) {
    std::string error;
    const std::optional<double> parsed = parse_metric_value(value, expectation.unit, error);
    if (!parsed) diagnostics.error(reader.span("value"), error);
    expectation.value = parsed.value_or(0.0);
  }
  if (unit && (*unit != Unit::flag || reader.has("tolerance"))) {
    read_tolerance(reader, expectation, diagnostics);
  } else {
    reader.text_or("tolerance", "");
  }
  expectation.source = reader.text("source");
  expectation.known_miss = reader.text_or("known_miss", "");
  reader.finish();
  return expectation;
}

}  // namespace

std::string_view name(Outcome outcome) {
  switch (outcome) {
    case Outcome::pass:
      return "pass";
    case Outcome::miss:
      return "miss";
    case Outcome::known_miss:
      return "known_miss";
    case Outcome::skipped:
      return "skipped";
  }
  return "";
}

std::optional<double> parse_metric_value(std::string_view text, Unit unit, std::string& error) {
  switch (unit) {
    case Unit::seconds: {
      const std::optional<Seconds> value = hardware::parse_duration(text, error);
      return value ? std::optional<double>(value->value()) : std::nullopt;
    }
    case Unit::bytes: {
      const std::optional<Bytes> value = hardware::parse_bytes(text, error);
      return value ? std::optional<double>(value->value()) : std::nullopt;
    }
    case Unit::tflops:
      return parse_counted(text, "TFLOP/s", error);
    case Unit::tokens_per_second:
      return parse_counted(text, "tokens/s", error);
    case Unit::hours:
      return parse_counted(text, "h", error);
    case Unit::dollars:
      return parse_counted(text, "USD", error);
    case Unit::requests_per_second:
      return parse_counted(text, "requests/s", error);
    case Unit::bytes_per_second: {
      const std::optional<BytesPerSecond> value = hardware::parse_bandwidth(text, error);
      return value ? std::optional<double>(value->value()) : std::nullopt;
    }
    case Unit::count:
    case Unit::number: {
      const std::optional<double> value = parse_plain(text);
      if (!value) error = fmt::format("'{}' is not a number", text);
      return value;
    }
    case Unit::ratio:
      return parse_ratio(text, error);
    case Unit::flag:
      if (text == "1" || text == "true") return 1.0;
      if (text == "0" || text == "false") return 0.0;
      error = fmt::format("'{}' is neither true nor false", text);
      return std::nullopt;
  }
  return std::nullopt;
}

std::vector<Expectation> read_expectations(const ConfigNode* node, Diagnostics& diagnostics,
                                           const std::vector<std::string>& jobs) {
  std::vector<Expectation> expectations;
  if (node == nullptr) return expectations;
  if (node->kind != hardware::NodeKind::sequence) {
    diagnostics.error(node->span, "expect must be a list of {metric, value, tolerance, source}");
    return expectations;
  }
  for (const hardware::NodePtr& item : node->items) expectations.push_back(read_one(*item, diagnostics, jobs));
  return expectations;
}

ExpectationOutcome judge(const Expectation& expectation, const std::vector<MetricValue>& metrics) {
  ExpectationOutcome outcome;
  outcome.expectation = expectation;
  for (const MetricValue& metric : metrics) {
    if (metric.name == expectation.metric) outcome.predicted = metric.value;
  }
  if (!outcome.predicted) return outcome;
  const double allowed =
      expectation.absolute ? expectation.tolerance : expectation.tolerance * std::fabs(expectation.value);
  const bool holds = std::fabs(*outcome.predicted - expectation.value) <= allowed;
  if (expectation.known_miss.empty()) {
    outcome.outcome = holds ? Outcome::pass : Outcome::miss;
  } else {
    outcome.outcome = holds ? Outcome::pass : Outcome::known_miss;
    outcome.known_miss_holds = holds;
  }
  return outcome;
}

}  // namespace orrery::scenarios
