// Which figures stand in large type, and their texts.

#include <algorithm>

#include "gui/model/metric_text.hpp"
#include "gui/view/key_figure.hpp"
#include "scenarios/format.hpp"

namespace orrery::gui {

namespace {

using scenarios::Report;

/// A figure of the strip: its metric, and a second one as a note.
struct FigureRow {
  const char* metric;
  const char* title;
  const char* note;  ///< text before the second metric
  const char* note_metric;
};

constexpr FigureRow kTraining[] = {
    {"training.step_time_s", "step time", "bubble", "training.bubble_fraction"},
    {"training.tokens_per_s_per_gpu", "per GPU", "", "training.tokens_per_s"},
    {"training.mfu", "MFU", "HFU", "training.hfu"},
    {"memory.peak_bytes", "memory peak", "of", "memory.capacity_bytes"},
    {"cost.usd_per_million_tokens", "per million tokens", "total", "cost.usd"},
};

constexpr FigureRow kServing[] = {
    {"serving.output_tokens_per_s", "output", "", "serving.requests_per_s"},
    {"serving.ttft_s.p99", "TTFT p99", "p50", "serving.ttft_s.p50"},
    {"serving.tpot_s.p99", "TPOT p99", "p50", "serving.tpot_s.p50"},
    {"serving.slo_attainment", "within the SLO", "", "serving.goodput"},
    {"serving.kv_cache_usage.peak", "KV cache peak", "mean", "serving.kv_cache_usage.mean"},
    {"cost.usd_per_million_tokens", "per million tokens", "total", "cost.usd"},
};

/// Of an engine that did not start.
constexpr FigureRow kRefused[] = {
    {"memory.peak_bytes", "memory peak", "of", "memory.capacity_bytes"},
    {"memory.weights_bytes", "weights", "", nullptr},
    {"memory.kv_cache_bytes", "KV cache", "", nullptr},
};

QString read(const Report& report, std::string_view metric) {
  const std::optional<double> value = report.find_metric(metric);
  const scenarios::Unit unit = scenarios::metric_unit(metric).value_or(scenarios::Unit::ratio);
  return value ? to_qstring(scenarios::readable(*value, unit)) : QString();
}

QString note_of(const FigureRow& row, const Report& report) {
  if (row.note_metric == nullptr) return {};
  const QString value = read(report, row.note_metric);
  if (value.isEmpty()) return {};
  const QString what = QString::fromUtf8(row.note);
  return what.isEmpty() ? value : what + QLatin1Char(' ') + value;
}

KeyFigure::Text figure_of(const FigureRow& row, const Report& report, const Report* before) {
  KeyFigure::Text text;
  const std::string_view metric = row.metric;
  const std::optional<double> value = report.find_metric(metric);
  if (!value) return text;
  text.metric = to_qstring(metric);
  text.title = QString::fromUtf8(row.title);
  const QString readable = read(report, metric);
  const qsizetype space = readable.indexOf(QLatin1Char(' '));
  text.value = space < 0 ? readable : readable.left(space);
  text.unit = space < 0 ? QString() : readable.mid(space + 1);
  text.note = note_of(row, report);
  text.details = metric_tooltip(metric);
  if (before != nullptr && before->find_metric(metric)) {
    const scenarios::Unit unit = scenarios::metric_unit(metric).value_or(scenarios::Unit::ratio);
    const ChangeText change = describe_change({row.metric, unit, before->find_metric(metric), value});
    text.change = change.text;
    text.verdict = change.verdict;
    text.details = change.details + QLatin1Char('\n') + text.details;
  }
  text.alarm = metric == "memory.peak_bytes" && report.find_metric("memory.fits").value_or(1.0) == 0.0;
  return text;
}

template <std::size_t n>
std::vector<KeyFigure::Text> figures_of(const FigureRow (&rows)[n], const Report& report, const Report* before) {
  std::vector<KeyFigure::Text> figures;
  for (const FigureRow& row : rows) {
    KeyFigure::Text text = figure_of(row, report, before);
    if (!text.metric.isEmpty()) figures.push_back(std::move(text));
  }
  return figures;
}

}  // namespace

std::vector<KeyFigure::Text> key_figures(const RunPtr& current, const RunPtr& previous) {
  if (!current || current->report.metrics.empty()) return {};
  const Report& report = current->report;
  const Report* before = previous ? &previous->report : nullptr;
  if (!report.serving) return figures_of(kTraining, report, before);
  if (report.serving->requests == 0) return figures_of(kRefused, report, before);
  std::vector<KeyFigure::Text> figures = figures_of(kServing, report, before);
  if (!report.serving->config.slo.given()) {  // every request is within no limit
    const auto is_slo = [](const KeyFigure::Text& text) {
      return text.metric == QStringLiteral("serving.slo_attainment");
    };
    figures.erase(std::remove_if(figures.begin(), figures.end(), is_slo), figures.end());
  }
  return figures;
}

}  // namespace orrery::gui
