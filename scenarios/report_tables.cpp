// Reports as rows (CSV) and as test results (JUnit XML).

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "scenarios/format.hpp"
#include "scenarios/kinds.hpp"
#include "scenarios/report.hpp"

namespace orrery::scenarios {

namespace {

/// Names of files may have bytes that are none; a parser refuses the whole document for one.
std::string as_utf8(std::string_view text) {
  const std::string quoted = Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
  return Json::parse(quoted).get<std::string>();
}

std::string xml_text(std::string_view text) {
  std::string escaped;
  for (const char c : as_utf8(text)) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  return escaped;
}

/// Reports and their variants in order.
void flatten(const std::vector<Report>& reports, std::vector<const Report*>& all) {
  for (const Report& report : reports) {
    all.push_back(&report);
    flatten(report.variants, all);
  }
}

std::string findings_text(const Report& report) {
  std::string kinds;
  for (const Finding& finding : report.findings) kinds += (kinds.empty() ? "" : " ") + finding.kind;
  return kinds;
}

std::string junit_case(const Report& report, const ExpectationOutcome& outcome) {
  const Expectation& e = outcome.expectation;
  const std::string suffix = report.scenario.variant.empty() ? "" : fmt::format(" [{}]", report.scenario.variant);
  std::string xml = fmt::format("    <testcase classname=\"{}\" name=\"{}\"", xml_text(report.scenario.name),
                                xml_text(e.metric + suffix));
  const std::string detail = outcome.predicted ? fmt::format("expected {}, predicted {}; {}", readable(e.value, e.unit),
                                                             readable(*outcome.predicted, e.unit), e.source)
                                               : fmt::format("the report has no {}", e.metric);
  if (outcome.outcome == Outcome::miss || outcome.known_miss_holds) {
    const std::string message = outcome.known_miss_holds ? "known miss now holds: " + detail : detail;
    return xml + fmt::format("><failure message=\"{}\"/></testcase>\n", xml_text(message));
  }
  if (outcome.outcome == Outcome::skipped || outcome.outcome == Outcome::known_miss) {
    const std::string message = outcome.outcome == Outcome::known_miss ? "known miss: " + e.known_miss : detail;
    return xml + fmt::format("><skipped message=\"{}\"/></testcase>\n", xml_text(message));
  }
  return xml + "/>\n";
}

/// The case "runs": fails on findings that no expectation stands for.
std::string junit_run(const Report& report) {
  const std::string suffix = report.scenario.variant.empty() ? "" : fmt::format(" [{}]", report.scenario.variant);
  std::string xml =
      fmt::format("    <testcase classname=\"{}\" name=\"runs{}\"", xml_text(report.scenario.name), xml_text(suffix));
  if (!report.scenario.skipped.empty()) {
    return xml + fmt::format("><skipped message=\"{}\"/></testcase>\n", xml_text(report.scenario.skipped));
  }
  for (const Finding& finding : report.findings) {
    const bool of_an_expectation = finding.kind == "expectation_missed" || finding.kind == "known_miss_holds";
    if (!of_an_expectation && !finding.expected) {
      return xml + fmt::format("><failure message=\"{}\"/></testcase>\n", xml_text(finding.message));
    }
  }
  return xml + "/>\n";
}

/// The metrics of one of several jobs by their full names, each once.
void append_named(std::vector<MetricRow>& rows, const Job& job) {
  for (MetricRow row : job.kind->metrics()) {
    row.name.insert(0, job.prefix());
    const auto same = [&](const MetricRow& known) { return known.name == row.name; };
    if (std::none_of(rows.begin(), rows.end(), same)) rows.push_back(std::move(row));
  }
}

/// Of all jobs, each once.
std::string model_names(const Scenario& scenario) {
  std::vector<std::string> names;
  for (const Job& job : scenario.jobs) {
    if (std::find(names.begin(), names.end(), job.llm.name) == names.end()) names.push_back(job.llm.name);
  }
  return fmt::format("{}", fmt::join(names, " + "));
}

std::size_t count(const std::string& text, std::string_view word) {
  std::size_t found = 0;
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++found;
  return found;
}

}  // namespace

std::vector<MetricRow> metric_columns(const std::vector<const Report*>& reports) {
  std::vector<const KindRow*> present;
  std::vector<MetricRow> named;
  for (const Report* report : reports) {
    for (const Job& job : report->scenario.jobs) {
      job.name.empty() ? present.push_back(job.kind) : append_named(named, job);
    }
  }
  if (present.empty() && named.empty()) present.push_back(kinds().front());
  std::vector<MetricRow> columns;
  for (const MetricRow& row : metric_rows()) {
    const auto has_row = [&](const KindRow* kind) {
      const auto same = [&](const MetricRow& own) { return own.name == row.name; };
      return std::any_of(kind->metrics().begin(), kind->metrics().end(), same);
    };
    const auto has_value = [&](const Report* report) { return report->find_metric(row.name).has_value(); };
    const bool wanted = !row.optional || std::any_of(reports.begin(), reports.end(), has_value);
    if (wanted && std::any_of(present.begin(), present.end(), has_row)) columns.push_back(row);
  }
  for (MetricRow& row : named) columns.push_back(std::move(row));
  return columns;
}

std::string to_csv(const std::vector<Report>& reports, bool partial) {
  std::vector<const Report*> rows;
  flatten(reports, rows);
  std::string csv = "scenario,variant,model,gpu,gpus";
  const std::vector<MetricRow> columns = metric_columns(rows);
  for (const MetricRow& column : columns) csv += fmt::format(",{}", column.name);
  csv += ",findings\n";
  for (const Report* report : rows) {
    const Scenario& scenario = report->scenario;
    csv += fmt::format("{},{},{},{},{}", csv_field(scenario.name), csv_field(scenario.variant),
                       csv_field(model_names(scenario)), csv_field(scenario.cluster.gpu_names()),
                       scenario.cluster.gpu_count());
    for (const MetricRow& column : columns) {
      const std::optional<double> value = report->find_metric(column.name);
      csv += "," + (value ? shortest(*value) : "");
    }
    csv += "," + findings_text(*report) + "\n";
  }
  if (partial) csv += "# partial: interrupted before every run was done\n";
  return csv;
}

std::string to_junit(const std::vector<Report>& reports, bool partial) {
  std::vector<const Report*> rows;
  flatten(reports, rows);
  std::string cases;
  for (const Report* report : rows) {
    cases += junit_run(*report);
    for (const ExpectationOutcome& outcome : report->expectations) cases += junit_case(*report, outcome);
  }
  std::string xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n";
  xml += fmt::format("  <testsuite name=\"orrery check{}\" tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\">\n",
                     partial ? " (partial: interrupted)" : "", count(cases, "<testcase"), count(cases, "<failure"),
                     count(cases, "<skipped"));
  return xml + cases + "  </testsuite>\n</testsuites>\n";
}

}  // namespace orrery::scenarios
