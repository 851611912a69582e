// Which figures stand in large type, and their texts.

#include "gui/model/metric_text.hpp"
#include "gui/view/key_figure.hpp"
#include "scenarios/format.hpp"
#include "scenarios/kinds.hpp"

namespace orrery::gui {

namespace {

using scenarios::JobView;
using scenarios::Report;

QString read(const JobView& view, std::string_view metric) {
  const std::optional<double> value = view.find_metric(metric);
  const scenarios::Unit unit = scenarios::metric_unit(metric).value_or(scenarios::Unit::ratio);
  return value ? to_qstring(scenarios::readable(*value, unit)) : QString();
}

QString note_of(const scenarios::KeyFigure& row, const JobView& view) {
  if (row.note_metric.empty()) return {};
  const QString value = read(view, row.note_metric);
  if (value.isEmpty()) return {};
  const QString what = to_qstring(row.note);
  return what.isEmpty() ? value : what + QLatin1Char(' ') + value;
}

KeyFigure::Text figure_of(const scenarios::KeyFigure& row, const JobView& view, const Report* before, bool can_gain) {
  KeyFigure::Text text;
  const std::string_view metric = row.metric;
  const std::optional<double> value = view.find_metric(metric);
  if (!value) return text;
  const std::string full = view.job.prefix() + std::string(metric);
  text.metric = to_qstring(full);
  text.title = to_qstring(row.title);
  if (!view.job.name.empty()) text.title = to_qstring(view.job.name) + QStringLiteral(": ") + text.title;
  const QString readable = read(view, metric);
  const qsizetype space = readable.indexOf(QLatin1Char(' '));
  text.value = space < 0 ? readable : readable.left(space);
  text.unit = space < 0 ? QString() : readable.mid(space + 1);
  text.note = note_of(row, view);
  text.details = metric_tooltip(metric);
  if (before != nullptr && before->find_metric(full)) {
    const scenarios::Unit unit = scenarios::metric_unit(metric).value_or(scenarios::Unit::ratio);
    const ChangeText change = describe_change({full, unit, before->find_metric(full), value}, can_gain);
    text.change = change.text;
    text.verdict = change.verdict;
    text.details = change.details + QLatin1Char('\n') + text.details;
  }
  text.alarm = metric == "memory.peak_bytes" && view.find_metric("memory.fits").value_or(1.0) == 0.0;
  return text;
}

}  // namespace

std::vector<RunRemark> run_remarks(const RunPtr& run) {
  std::vector<RunRemark> remarks;
  if (!run) return remarks;
  const Report& report = run->report;
  for (const scenarios::Finding& finding : report.findings) {
    const bool can_not_run = finding.kind == "out_of_memory";
    if (finding.kind == "expectation_missed" || finding.kind == "known_miss_holds") continue;  // as a row of the report
    if (finding.expected && !can_not_run) continue;
    const QString whole = to_qstring(finding.message);
    const QString first = whole.section(QLatin1Char('\n'), 0, 0);
    remarks.push_back({to_qstring(finding.kind), can_not_run ? QObject::tr("Does not fit: %1").arg(first) : first,
                       whole, !finding.expected});
  }
  int used = 0;
  for (const JobView& view : scenarios::job_views(report)) {
    if (view.result == nullptr) return remarks;  // skipped: it uses none
    used += view.job.kind->gpus(*view.job.spec);
  }
  const int all = report.scenario.cluster.gpu_count();
  if (used < all) {
    remarks.push_back({QStringLiteral("idle"),
                       QObject::tr("Uses %1 of %2 GPUs: the others stand idle").arg(used).arg(all),
                       QObject::tr("The cost counts only those that are used"), false});
  }
  return remarks;
}

std::vector<KeyFigure::Text> key_figures(const RunPtr& current, const RunPtr& previous) {
  std::vector<KeyFigure::Text> figures;
  if (!current) return figures;
  const Report* before = previous ? &previous->report : nullptr;
  for (const scenarios::JobView& view : scenarios::job_views(current->report)) {
    if (view.result == nullptr) continue;
    for (const scenarios::KeyFigure& row : view.job.kind->key_figures(*view.result)) {
      KeyFigure::Text text = figure_of(row, view, before, current->fits());
      if (!text.metric.isEmpty()) figures.push_back(std::move(text));
    }
  }
  return figures;
}

}  // namespace orrery::gui
