#include "gui/model/report_rows.hpp"

#include <cmath>
#include <map>

#include <fmt/format.h>

#include "gui/model/metric_text.hpp"
#include "scenarios/format.hpp"
#include "scenarios/kinds.hpp"

namespace orrery::gui {

namespace {

using Key = ReportGroup::Key;
using scenarios::Expectation;
using scenarios::ExpectationOutcome;
using scenarios::Outcome;
using scenarios::Report;

/// Values of the run before by metric; a lookup in the report itself is a search.
struct Before {
  std::map<std::string_view, double> values;
  bool can_gain = true;  ///< the run itself fits
};

constexpr std::string_view kStages = "memory.stages.";

bool starts_with(std::string_view text, std::string_view prefix) { return text.substr(0, prefix.size()) == prefix; }

ReportRow metric_row(const scenarios::MetricValue& metric, const Before* before) {
  ReportRow row;
  row.key = metric.name;
  row.metric = metric.name;
  row.unit = metric.unit;
  row.number = metric.value;
  row.label = metric_label(metric.name);
  row.value = to_qstring(scenarios::readable(metric.value, metric.unit));
  row.tooltip = metric_tooltip(metric.name);
  if (before == nullptr) return row;
  if (const auto found = before->values.find(metric.name); found != before->values.end()) row.before = found->second;
  const ChangeText change = describe_change({metric.name, metric.unit, row.before, row.number}, before->can_gain);
  row.change = change.text;
  row.verdict = change.verdict;
  row.details = change.details;
  if (row.before) row.previous = to_qstring(scenarios::readable(*row.before, metric.unit));
  return row;
}

/// Metrics of the report whose names begin with `prefix`. Stages are a group of their own.
ReportGroup metric_group(const Report& report, const Before* before, ReportGroup::Key key, std::string_view prefix,
                         const QString& title) {
  ReportGroup group{key, title, {}};
  for (const scenarios::MetricValue& metric : report.metrics) {
    if (!starts_with(metric.name, prefix)) continue;
    const bool wants_parts = scenarios::own_name(prefix) == kStages;
    if (scenarios::is_part_metric(metric.name) != wants_parts) continue;
    group.rows.push_back(metric_row(metric, before));
  }
  return group;
}

ReportRow message_row(std::size_t index, ReportRow::Kind kind, const QString& text) {
  ReportRow row;
  row.key = fmt::format("{}", index);
  row.kind = kind;
  row.label = text;
  row.tooltip = text;
  return row;
}

/// Missed expectations are marked in their own group: after an edit most are missed, and that is no news.
bool is_of_expectation(const scenarios::Finding& finding) {
  return finding.kind == "expectation_missed" || finding.kind == "known_miss_holds";
}

ReportGroup finding_group(const Report& report) {
  ReportGroup group{Key::findings, QStringLiteral("Findings"), {}};
  for (const scenarios::Finding& finding : report.findings) {
    if (is_of_expectation(finding)) continue;
    const QString whole = to_qstring(finding.message);
    const QString message = whole.section(QLatin1Char('\n'), 0, 0);  // further lines are in the tooltip
    const QString text = finding.expected ? QStringLiteral("%1 expected: %2").arg(QChar(0x2713)).arg(message)
                                          : QStringLiteral("%1 %2").arg(QChar(0x26a0)).arg(message);
    const auto kind = finding.expected ? ReportRow::Kind::expected_finding : ReportRow::Kind::finding;
    group.rows.push_back(message_row(group.rows.size(), kind, text));
    group.rows.back().tooltip = whole;
    if (finding.kind == "out_of_memory") group.rows.back().metric = "memory.peak_bytes";
  }
  return group;
}

ReportGroup note_group(const Report& report) {
  ReportGroup group{Key::notes, QStringLiteral("Notes"), {}};
  for (const std::string& note : report.notes) {
    group.rows.push_back(message_row(group.rows.size(), ReportRow::Kind::note, to_qstring(note)));
  }
  return group;
}

QChar mark(const ExpectationOutcome& outcome) {
  if (outcome.known_miss_holds) return QChar(0x26a0);
  switch (outcome.outcome) {
    case Outcome::pass:
      return QChar(0x2713);
    case Outcome::miss:
      return QChar(0x2717);
    case Outcome::known_miss:
      return QChar(0x2248);
    case Outcome::skipped:
      break;
  }
  return QChar(0x2013);
}

QString outcome_text(const ExpectationOutcome& outcome) {
  if (outcome.known_miss_holds) return QStringLiteral("holds, although it is marked as a known miss");
  QString text = to_qstring(name(outcome.outcome));
  return text.replace(QLatin1Char('_'), QLatin1Char(' '));
}

ReportRow expectation_row(const ExpectationOutcome& outcome, std::size_t index) {
  const Expectation& e = outcome.expectation;
  ReportRow row;
  row.key = fmt::format("{} {}", index, e.metric);
  row.kind = ReportRow::Kind::expectation;
  row.metric = e.metric;
  row.unit = e.unit;
  row.number = outcome.predicted;
  row.label = QStringLiteral("%1 %2").arg(mark(outcome)).arg(metric_label(e.metric));
  row.value = outcome.predicted ? to_qstring(scenarios::readable(*outcome.predicted, e.unit)) : QStringLiteral("–");
  const QString expected = to_qstring(scenarios::readable(e.value, e.unit));
  const std::string tolerance =
      e.absolute ? scenarios::readable(e.tolerance, e.unit) : fmt::format("{:.3g} %", e.tolerance * 100.0);
  row.previous = QStringLiteral("expected ") + expected;
  if (outcome.predicted && e.value != 0.0 && e.unit != scenarios::Unit::flag) {
    const double off = (*outcome.predicted / e.value - 1.0) * 100.0;
    row.change = QStringLiteral("%1%2 %")
                     .arg(off < 0.0 ? QString(QChar(0x2212)) : QStringLiteral("+"))
                     .arg(std::fabs(off), 0, 'f', 1);
  }
  const bool bad = outcome.outcome == Outcome::miss || outcome.known_miss_holds;
  row.verdict = bad ? -1 : outcome.outcome == Outcome::pass ? 1 : 0;
  row.tooltip = QStringLiteral("%1: %2\nexpected %3").arg(outcome_text(outcome), to_qstring(e.metric), expected);
  if (e.unit != scenarios::Unit::flag) row.tooltip += QStringLiteral(" ± ") + to_qstring(tolerance);
  row.tooltip += QStringLiteral("\nsource: ") + to_qstring(e.source);
  if (!e.known_miss.empty()) row.tooltip += QStringLiteral("\nknown miss: ") + to_qstring(e.known_miss);
  row.details = row.tooltip;
  return row;
}

ReportGroup expectation_group(const Report& report) {
  ReportGroup group{Key::expectations, {}, {}};
  int bad = 0;
  for (const ExpectationOutcome& outcome : report.expectations) {
    group.rows.push_back(expectation_row(outcome, group.rows.size()));
    bad += group.rows.back().verdict < 0 ? 1 : 0;
  }
  group.title = bad == 0 ? QStringLiteral("Expectations") : QStringLiteral("Expectations, %1 not met").arg(bad);
  return group;
}

}  // namespace

std::vector<ReportGroup> report_groups(const RunPtr& current, const RunPtr& previous) {
  std::vector<ReportGroup> groups;
  if (!current) return groups;
  const Report& report = current->report;
  Before values{{}, current->fits()};
  if (previous) {
    for (const scenarios::MetricValue& metric : previous->report.metrics)
      values.values.emplace(metric.name, metric.value);
  }
  const Before* before = previous ? &values : nullptr;
  const auto add = [&](ReportGroup group) {
    if (!group.rows.empty()) groups.push_back(std::move(group));
  };
  if (!report.scenario.skipped.empty()) {
    const QString why = QStringLiteral("%1 %2").arg(QChar(0x2013)).arg(to_qstring(report.scenario.skipped));
    add({Key::skipped, QStringLiteral("Skipped"), {message_row(0, ReportRow::Kind::note, why)}});
  }
  add(finding_group(report));
  const std::vector<scenarios::Job>& jobs = report.scenario.jobs;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    const std::string prefix = jobs[i].prefix();
    const QString who = jobs[i].name.empty() ? QString() : to_qstring(jobs[i].name) + QStringLiteral(": ");
    const auto figures = [&](Key key, std::string_view section, const QString& title) {
      add(metric_group(report, before, ReportGroup::key_of(key, i), prefix + std::string(section), who + title));
    };
    figures(Key::figures, fmt::format("{}.", jobs[i].kind->name), to_qstring(jobs[i].kind->title));
    figures(Key::memory, "memory.", QStringLiteral("Memory of the fullest GPU"));
    figures(Key::cost, "cost.", QStringLiteral("Cost"));
    figures(Key::stages, kStages, QStringLiteral("Memory per stage"));
  }
  add(note_group(report));
  add(expectation_group(report));
  return groups;
}

}  // namespace orrery::gui
