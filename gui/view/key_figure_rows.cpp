// Which figures stand in large type, and their texts.

#include "gui/model/metric_text.hpp"
#include "gui/view/key_figure.hpp"
#include "scenarios/format.hpp"
#include "scenarios/kinds.hpp"

namespace orrery::gui {

namespace {

using scenarios::Report;

QString read(const Report& report, std::string_view metric) {
  const std::optional<double> value = report.find_metric(metric);
  const scenarios::Unit unit = scenarios::metric_unit(metric).value_or(scenarios::Unit::ratio);
  return value ? to_qstring(scenarios::readable(*value, unit)) : QString();
}

QString note_of(const scenarios::KeyFigure& row, const Report& report) {
  if (row.note_metric.empty()) return {};
  const QString value = read(report, row.note_metric);
  if (value.isEmpty()) return {};
  const QString what = to_qstring(row.note);
  return what.isEmpty() ? value : what + QLatin1Char(' ') + value;
}

KeyFigure::Text figure_of(const scenarios::KeyFigure& row, const Report& report, const Report* before) {
  KeyFigure::Text text;
  const std::string_view metric = row.metric;
  const std::optional<double> value = report.find_metric(metric);
  if (!value) return text;
  text.metric = to_qstring(metric);
  text.title = to_qstring(row.title);
  const QString readable = read(report, metric);
  const qsizetype space = readable.indexOf(QLatin1Char(' '));
  text.value = space < 0 ? readable : readable.left(space);
  text.unit = space < 0 ? QString() : readable.mid(space + 1);
  text.note = note_of(row, report);
  text.details = metric_tooltip(metric);
  if (before != nullptr && before->find_metric(metric)) {
    const scenarios::Unit unit = scenarios::metric_unit(metric).value_or(scenarios::Unit::ratio);
    const ChangeText change = describe_change({std::string(metric), unit, before->find_metric(metric), value});
    text.change = change.text;
    text.verdict = change.verdict;
    text.details = change.details + QLatin1Char('\n') + text.details;
  }
  text.alarm = metric == "memory.peak_bytes" && report.find_metric("memory.fits").value_or(1.0) == 0.0;
  return text;
}

}  // namespace

std::vector<KeyFigure::Text> key_figures(const RunPtr& current, const RunPtr& previous) {
  std::vector<KeyFigure::Text> figures;
  if (!current) return figures;
  const Report* before = previous ? &previous->report : nullptr;
  for (const scenarios::JobView& view : scenarios::job_views(current->report)) {
    if (view.result == nullptr) continue;
    for (const scenarios::KeyFigure& row : view.job.kind->key_figures(*view.result)) {
      KeyFigure::Text text = figure_of(row, current->report, before);
      if (!text.metric.isEmpty()) figures.push_back(std::move(text));
    }
  }
  return figures;
}

}  // namespace orrery::gui
