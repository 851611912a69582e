#include "gui/view/link_load_plot.hpp"

#include <algorithm>
#include <utility>

#include <qcustomplot.h>

#include "gui/look/text.hpp"
#include "gui/look/theme.hpp"
#include "gui/view/plot_style.hpp"

namespace orrery::gui {

LinkLoadPlot::LinkLoadPlot(QWidget* parent)
    : PlotView(QStringLiteral("link_load"), tr("Load of a link over time"), parent) {}

void LinkLoadPlot::set_link(std::optional<sim::LinkReport> link) {
  link_ = std::move(link);
  redraw();
}

void LinkLoadPlot::set_loads(LoadsPtr loads, const QString& problem) {
  loads_ = std::move(loads);
  problem_ = problem;
  redraw();
}

const scenarios::LoadSeries* LinkLoadPlot::series() const {
  return link_ && loads_ ? loads_->find(link_->link_class, link_->capacity) : nullptr;
}

QString LinkLoadPlot::reason() const {
  if (!link_) return tr("Select a link: its load over time appears here.");
  if (!problem_.isEmpty()) return problem_;
  if (!loads_) return tr("Running once more with the loads of all links on record …");
  return series() == nullptr ? tr("Nothing was on this link in the time that is on record.") : QString();
}

QString LinkLoadPlot::description() const {
  const scenarios::LoadSeries& shown = *series();
  double mean = 0.0;
  for (const double value : shown.mean) mean += value / static_cast<double>(shown.mean.size());
  const QString time = readable_value(AxisUnit::seconds, loads_->duration.value());
  return tr("%1, %2 each, over %3: mean %4 of the capacity, at most %5")
      .arg(to_qstring(shown.link_class), readable_value(AxisUnit::bytes_per_second, shown.capacity.value()),
           loads_->whole ? time : tr("the first %1").arg(time), readable_value(AxisUnit::share, mean),
           readable_value(AxisUnit::share, *std::max_element(shown.most.begin(), shown.most.end())));
}

void LinkLoadPlot::draw() {
  const scenarios::LoadSeries& shown = *series();
  plot().plotLayout()->setRowSpacing(1);
  plot().plotLayout()->addElement(0, 0, make_title(plot(), description(), 1.0, false));
  auto* rect = new QCPAxisRect(&plot());
  rect->setMinimumSize(50, fontMetrics().lineSpacing());
  rect->setupFullAxesBox(true);
  for (QCPAxis* axis : {rect->axis(QCPAxis::atTop), rect->axis(QCPAxis::atRight)}) axis->setVisible(false);
  plot().plotLayout()->addElement(1, 0, rect);
  QCPAxis* time = rect->axis(QCPAxis::atBottom);
  QCPAxis* share = rect->axis(QCPAxis::atLeft);
  const double duration = loads_->duration.value();
  time->setTicker(QSharedPointer<UnitTicker>::create(AxisUnit::seconds));
  time->setRange(0.0, duration);
  share->setTicker(QSharedPointer<UnitTicker>::create(AxisUnit::share));
  share->setRange(0.0, std::max(1.12, 1.05 * *std::max_element(shown.most.begin(), shown.most.end())));
  const QColor line = plot_line(series_color(0), palette());
  const double part = duration / static_cast<double>(shown.mean.size());
  const auto add = [&](const std::vector<double>& values, const QString& name) {
    QCPGraph* graph = plot().addGraph(time, share);
    graph->setLineStyle(QCPGraph::lsStepLeft);
    graph->setSelectable(QCP::stNone);
    graph->setName(name);
    for (std::size_t i = 0; i < values.size(); ++i) graph->addData(part * static_cast<double>(i), values[i]);
    graph->addData(duration, values.back());
    return graph;
  };
  QCPGraph* most = add(shown.most, tr("the fullest"));
  most->setPen(Qt::NoPen);
  QColor band = line;
  band.setAlpha(is_dark(palette()) ? 85 : 70);
  most->setBrush(band);
  add(shown.mean, tr("mean"))->setPen(QPen(line, 1.8));
  add_line(*rect, {0.0, 1.0}, {duration, 1.0}, QPen(plot_line(warning_color(palette()), palette()), 1.4, Qt::DashLine));
}

}  // namespace orrery::gui
