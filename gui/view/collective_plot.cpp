#include "gui/view/collective_plot.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>
#include <qcustomplot.h>

#include "gui/look/text.hpp"
#include "gui/look/theme.hpp"
#include "gui/view/plot_style.hpp"

namespace orrery::gui {

namespace {

/// Powers of two, as many of them as there is room for.
class SizeTicker final : public QCPAxisTicker {
 public:
  explicit SizeTicker(const QCPAxis& axis) : axis_(axis) {}

 protected:
  int getSubTickCount(double) override { return 0; }
  QString getTickLabel(double tick, const QLocale&, QChar, int) override {
    const ReadableUnit unit = readable_unit(AxisUnit::bytes, tick);
    return QString::number(tick / unit.factor, 'g', 4) + QChar(0xa0) + unit.suffix;
  }
  QVector<double> createTickVector(double, const QCPRange& range) override {
    QVector<double> ticks;
    if (!(range.lower > 0.0) || !(range.upper > range.lower)) return ticks;
    // A label is some nine digits wide.
    const double label = 9.0 * QFontMetricsF(axis_.tickLabelFont()).horizontalAdvance(QLatin1Char('0'));
    const double doublings = std::log2(range.upper / range.lower);
    const double step = std::max(1.0, std::ceil(doublings * label / std::max(1, axis_.axisRect()->width())));
    for (double power = std::ceil(std::log2(range.lower)); std::exp2(power) <= range.upper; power += step) {
      ticks.append(std::exp2(power));
    }
    return ticks;
  }

 private:
  const QCPAxis& axis_;  ///< owns the ticker
};

std::string way_of(const scenarios::CollectiveLine& line) {
  return line.estimate.protocol.empty() ? std::string(line.estimate.algorithm)
                                        : fmt::format("{} {}", line.estimate.algorithm, line.estimate.protocol);
}

/// A little beyond the values, in proportion.
void fit(QCPAxis& axis, double least, double most) {
  const double margin = std::max(1.3, std::pow(most / least, 0.04));
  axis.setScaleType(QCPAxis::stLogarithmic);
  axis.setRange(least / margin, most * margin);
}

}  // namespace

CollectivePlot::CollectivePlot(QWidget* parent)
    : PlotView(QStringLiteral("collective_bandwidth"), tr("Bus bandwidth over size"), parent) {}

void CollectivePlot::set_table(CollectivePtr table) {
  table_ = std::move(table);
  redraw();
}

QString CollectivePlot::reason() const {
  return !table_ || table_->lines.empty() ? tr("No sizes, so there is no bandwidth to draw.") : QString();
}

QString CollectivePlot::description() const {
  const auto best = std::max_element(table_->lines.begin(), table_->lines.end(),
                                     [](const auto& one, const auto& other) { return one.busbw < other.busbw; });
  return tr("%1: bus bandwidth of at most %2, at %3 by %4.")
      .arg(to_qstring(scenarios::describe(table_->query)), readable_value(AxisUnit::bytes_per_second, best->busbw),
           readable_value(AxisUnit::bytes, best->size.value()), to_qstring(way_of(*best)));
}

void CollectivePlot::draw() {
  auto* rect = new QCPAxisRect(&plot());
  rect->setupFullAxesBox(true);
  rect->setMinimumSize(50, fontMetrics().lineSpacing());
  for (QCPAxis* axis : {rect->axis(QCPAxis::atTop), rect->axis(QCPAxis::atRight)}) axis->setVisible(false);
  plot().plotLayout()->addElement(0, 0, rect);
  QCPAxis& size = *rect->axis(QCPAxis::atBottom);
  QCPAxis& bandwidth = *rect->axis(QCPAxis::atLeft);
  size.setTicker(QSharedPointer<SizeTicker>::create(size));
  size.setLabel(tr("size"));
  bandwidth.setTicker(QSharedPointer<LogUnitTicker>::create(AxisUnit::bytes_per_second, bandwidth));
  bandwidth.setLabel(tr("bus bandwidth"));
  const auto& lines = table_->lines;
  const auto [small, large] = std::minmax_element(
      lines.begin(), lines.end(), [](const auto& one, const auto& other) { return one.size < other.size; });
  const auto [slow, fast] = std::minmax_element(
      lines.begin(), lines.end(), [](const auto& one, const auto& other) { return one.busbw < other.busbw; });
  fit(size, small->size.value(), large->size.value());
  fit(bandwidth, slow->busbw, fast->busbw);
  draw_curves(size, bandwidth);
}

/// Each size is joined to the next smaller one in the colour of its own way.
void CollectivePlot::draw_curves(QCPAxis& size, QCPAxis& bandwidth) {
  auto* legend = new QCPLegend;
  plot().plotLayout()->addElement(1, 0, legend);
  plot().plotLayout()->setRowStretchFactor(1, 0.001);
  legend->setLayer(QStringLiteral("legend"));
  legend->setFillOrder(QCPLegend::foColumnsFirst);
  legend->setWrap(3);
  std::map<std::string, QCPGraph*> ways;
  const auto add = [&](const QPen& pen) {
    QCPGraph* graph = plot().addGraph(&size, &bandwidth);
    graph->setPen(pen);
    graph->setSelectable(QCP::stNone);
    return graph;
  };
  const auto& lines = table_->lines;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto [way, is_new] = ways.try_emplace(way_of(lines[i]), nullptr);
    if (is_new) {
      way->second = add(QPen(plot_line(series_color(ways.size() - 1), palette()), 1.8));
      way->second->setLineStyle(QCPGraph::lsNone);
      way->second->setScatterStyle(QCPScatterStyle(QCPScatterStyle::ssDisc, 6.0));
      way->second->setName(to_qstring(way->first));
      way->second->addToLegend(legend);
    }
    way->second->addData(lines[i].size.value(), lines[i].busbw);
    if (i == 0) continue;
    QCPGraph* line = add(way->second->pen());
    line->addData(lines[i - 1].size.value(), lines[i - 1].busbw);
    line->addData(lines[i].size.value(), lines[i].busbw);
  }
}

}  // namespace orrery::gui
