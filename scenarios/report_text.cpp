// The text form of a report: one screen, readable units.

#include <algorithm>
#include <ostream>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "models/layer/parameters.hpp"
#include "scenarios/format.hpp"
#include "scenarios/kinds.hpp"
#include "scenarios/report_lines.hpp"

namespace orrery::scenarios {

std::string value_of(const JobView& view, std::string_view metric) {
  const std::optional<double> value = view.find_metric(metric);
  return value ? readable(*value, metric_unit(metric).value_or(Unit::ratio)) : "-";
}

std::string datasheet_mark(const JobView& view) {
  return rests_on_datasheets(view.report.provenance) ? " (datasheet figures only)" : "";
}

void write_lines(std::ostream& out, const JobView& view, std::string_view heading,
                 const std::vector<ReportLine>& lines) {
  out << "\n" << heading << "\n";
  for (const ReportLine& line : lines) {
    out << fmt::format("  {:<26} {:>18}\n", line.label, value_of(view, line.metric));
  }
}

namespace {

/// "Job chat: serving, from 10 s to 60 s".
std::string job_heading(const Job& job) {
  std::string text = fmt::format("Job {}: {}", job.name, job.kind->name);
  const auto when = [](Seconds time) { return readable(time.value(), Unit::seconds); };
  if (job.start > Seconds{0.0}) text += fmt::format(", from {}", when(job.start));
  if (job.until) text += fmt::format("{} to {}", job.start > Seconds{0.0} ? "" : ",", when(*job.until));
  return text;
}

void write_setting(std::ostream& out, const Report& report) {
  const Scenario& scenario = report.scenario;
  const hardware::Cluster& cluster = scenario.cluster;
  out << scenario.title;
  if (!scenario.variant.empty()) out << " [" << scenario.variant << "]";
  out << "\n";
  const auto write_model = [&](const Job& job) {
    if (!job.kind->has_model) return;
    out << fmt::format("  {}: {:.3f} B parameters, {} layers\n", job.llm.name,
                       static_cast<double>(models::parameters(job.llm)) * 1e-9, job.llm.layers);
  };
  for (const Job& job : scenario.jobs) {
    if (job.name.empty()) write_model(job);
  }
  std::string nodes;
  for (const hardware::NodeGroup& group : cluster.groups) {
    nodes += fmt::format("{}{} x {}", nodes.empty() ? "" : " + ", group.count, group.node.name);
  }
  out << fmt::format("  {} ({} GPUs, {}), {}\n", nodes, cluster.gpu_count(), cluster.gpu_names(), cluster.fabric.name);
  for (const JobView& view : job_views(report)) {
    if (!view.job.name.empty()) {
      out << job_heading(view.job) << "\n";
      write_model(view.job);
    }
    view.job.kind->setting_text(out, view);
  }
  if (!scenario.skipped.empty()) out << "  Skipped: " << scenario.skipped << "\n";
  for (const std::string& note : report.notes) out << "  Note: " << note << "\n";
}

void write_expectations(std::ostream& out, const Report& report) {
  if (report.expectations.empty()) return;
  out << "\nExpectations\n";
  for (const ExpectationOutcome& outcome : report.expectations) {
    const Expectation& e = outcome.expectation;
    const std::string tolerance =
        e.absolute ? readable(e.tolerance, e.unit) : fmt::format("{:.3g} %", e.tolerance * 100.0);
    out << fmt::format("  {:<10} {} expected {}{}, predicted {}", name(outcome.outcome), e.metric,
                       readable(e.value, e.unit), e.unit == Unit::flag ? "" : " +- " + tolerance,
                       outcome.predicted ? readable(*outcome.predicted, e.unit) : "nothing");
    if (outcome.predicted && e.value != 0.0 && e.unit != Unit::flag) {
      out << fmt::format(" ({:+.1f} %)", (*outcome.predicted / e.value - 1.0) * 100.0);
    }
    out << "\n             " << e.source << "\n";
    if (!e.known_miss.empty()) out << "             known miss: " << e.known_miss << "\n";
  }
}

void write_provenance(std::ostream& out, const Report& report) {
  out << "\nWhere the numbers come from (orrery explain says more)\n";
  for (const std::string_view level : {"measured", "published", "datasheet"}) {
    std::vector<std::string> names;  // unlike GPUs have fits of one name
    for (const Provenance& line : report.provenance) {
      if (line.level != level) continue;
      const std::string& entry = line.fit.empty() ? line.name : line.fit;
      if (std::find(names.begin(), names.end(), entry) == names.end()) names.push_back(entry);
    }
    if (!names.empty()) out << fmt::format("  {:<10} {}\n", level, fmt::join(names, ", "));
  }
}

}  // namespace

namespace {

std::string shown_value(double value, Unit unit) {
  return unit == Unit::ratio || unit == Unit::number ? fmt::format("{:.4g}", value) : readable(value, unit);
}

/// Metrics that are not zero, with what they may be in nine of ten cases.
void write_intervals(std::ostream& out, const Report& report) {
  if (!report.intervals) return;
  out << "\nHow far off (nine of ten, from rows that the fits never saw; collectives and host times as predicted)\n";
  for (const MetricValue& metric : report.metrics) {
    const MetricInterval* interval = report.intervals->find(metric.name);
    if (interval == nullptr || !(metric.value > 0.0)) continue;
    out << fmt::format("  {:<38} {:>14}  {:+.1f} / {:+.1f} %   {} to {}\n", metric.name,
                       shown_value(metric.value, metric.unit), (interval->low / metric.value - 1.0) * 100.0,
                       (interval->high / metric.value - 1.0) * 100.0, shown_value(interval->low, metric.unit),
                       shown_value(interval->high, metric.unit));
  }
  for (const IntervalSource& source : report.intervals->sources) {
    out << fmt::format("  {:<38} {:+.1f} / {:+.1f} % of its time, {}\n",
                       source.fit.empty() ? source.family : source.fit, (source.low - 1.0) * 100.0,
                       (source.high - 1.0) * 100.0, source.of);
  }
}

/// Where operations met on links: what each class of links carried, and the operation that it held up longest.
void write_links(std::ostream& out, const Report& report) {
  if (report.reading == "frozen" || report.links.empty()) return;
  out << "\nLinks that are shared           count  mean load  peak load  held up longest\n";
  for (const sim::LinkReport& link : report.links) {
    const std::string held = link.held_up.empty()
                                 ? "-"
                                 : fmt::format("{}, {}", link.held_up.front().operation,
                                               readable(link.held_up.front().delay.value(), Unit::seconds));
    out << fmt::format("  {:<8} {:>13.1f} GB/s {:>9} {:>8.1f} % {:>8.1f} %  {}\n", link.link_class,
                       link.capacity.value() / 1e9, link.count, 100.0 * link.mean_load, 100.0 * link.peak_load, held);
  }
}

}  // namespace

void write_text(std::ostream& out, const Report& report) {
  write_setting(out, report);
  for (const JobView& view : job_views(report)) {
    if (view.result == nullptr) continue;
    if (!view.job.name.empty()) out << "\n" << job_heading(view.job) << "\n";
    view.job.kind->figures_text(out, view);
  }
  write_intervals(out, report);
  write_links(out, report);
  write_expectations(out, report);
  for (const Finding& finding : report.findings) {
    out << fmt::format("\nFinding{}: {}\n", finding.expected ? " (expected)" : "", finding.message);
  }
  if (report.scenario.skipped.empty()) write_provenance(out, report);
  for (const Report& variant : report.variants) {
    out << "\n";
    write_text(out, variant);
  }
}

}  // namespace orrery::scenarios
