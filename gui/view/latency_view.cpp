#include "gui/view/latency_view.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include <QHelpEvent>
#include <QToolTip>
#include <fmt/format.h>
#include <qcustomplot.h>

#include "gui/look/text.hpp"
#include "gui/look/theme.hpp"
#include "gui/view/latency_labels.hpp"
#include "gui/view/plot_style.hpp"
#include "scenarios/format.hpp"
#include "scenarios/serving/job.hpp"

namespace orrery::gui {

namespace {

constexpr std::array<double, 3> kPercentiles{0.50, 0.90, 0.99};
/// Of the axis of shares: above all of them stands the name of p99, also in a low panel.
constexpr double kTop = 1.3;
/// Of the width of a panel: a name beyond it has no room to its right.
constexpr double kNearEdge = 0.85;

QString seconds_text(double seconds) { return readable_value(AxisUnit::seconds, seconds); }
QString percent_text(double share) { return QString::number(share * 100.0, 'f', 1) + QChar(0xa0) + QLatin1Char('%'); }

QString long_name(const LatencyCurve& curve) {
  if (curve.name == "TTFT") return QObject::tr("Time to first token (TTFT)");
  if (curve.name == "TPOT") return QObject::tr("Time per output token (TPOT)");
  if (curve.name == "E2E") return QObject::tr("End to end");
  if (curve.name == "queue") return QObject::tr("Queueing");
  return to_qstring(curve.name);
}

double requests(const LatencyCurve& curve) {
  double sum = 0.0;
  for (const double count : curve.counts) sum += count;
  return sum;
}

QString percentiles_text(const LatencyCurve& curve) {
  QStringList parts;
  for (const double q : kPercentiles) {
    parts << QStringLiteral("p%1 %2").arg(std::lround(q * 100.0)).arg(seconds_text(quantile_of(curve, q)));
  }
  return parts.join(QStringLiteral(" · "));
}

/// A value on a logarithmic axis: nothing there is 0.
double on_axis(const LatencyCurve& curve, double seconds) { return std::max(seconds, curve.bin_edges.front()); }

/// Of a logarithmic axis: where a value stands, 0 at its left end and 1 at its right.
double share_of_width(const QCPAxis& x, double value) {
  return std::log(value / x.range().lower) / std::log(x.range().upper / x.range().lower);
}

void add_histogram(QCPAxis* x, QCPAxis* y, const LatencyCurve& curve, const QColor& color) {
  // A closed outline of steps: bars of equal width in log10 can't be had of QCPBars on a logarithmic axis.
  QVector<double> at, height;
  for (std::size_t i = 0; i < curve.counts.size(); ++i) {
    at << curve.bin_edges[i] << curve.bin_edges[i + 1];
    height << curve.counts[i] << curve.counts[i];
  }
  QCPGraph* graph = x->parentPlot()->addGraph(x, y);
  graph->setData(at, height, true);
  graph->setPen(QPen(color, 1.0));
  QColor fill = color;
  fill.setAlpha(110);
  graph->setBrush(fill);
  graph->setSelectable(QCP::stNone);
}

void add_cumulative(QCPAxis* x, QCPAxis* y, const LatencyCurve& curve, const QPen& pen) {
  QVector<double> at, share;
  const auto last = static_cast<double>(std::max<std::size_t>(1, curve.quantiles.size() - 1));
  // As many points as the eye can tell apart in a panel.
  constexpr std::size_t kPoints = 250;
  const std::size_t stride = std::max<std::size_t>(1, curve.quantiles.size() / kPoints);
  for (std::size_t i = 0; i < curve.quantiles.size(); i += stride) {
    at << on_axis(curve, curve.quantiles[i]);
    share << static_cast<double>(i) / last;
  }
  if (share.last() < 1.0 && curve.quantiles.size() > 1) {
    at << on_axis(curve, curve.quantiles.back());
    share << 1.0;
  }
  auto* line = new QCPCurve(x, y);  // a curve: steps of equal latency go straight up
  QVector<double> order;
  for (int i = 0; i < at.size(); ++i) order << i;
  line->setData(order, at, share, true);
  line->setPen(pen);
  line->setSelectable(QCP::stNone);
}

}  // namespace

double quantile_of(const LatencyCurve& curve, double q) {
  const double position = std::clamp(q, 0.0, 1.0) * static_cast<double>(curve.quantiles.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const std::size_t above = std::min(below + 1, curve.quantiles.size() - 1);
  const double share = position - static_cast<double>(below);
  return (1.0 - share) * curve.quantiles[below] + share * curve.quantiles[above];
}

double share_within(const LatencyCurve& curve, double seconds) {
  const std::vector<double>& q = curve.quantiles;
  if (q.empty()) return 0.0;
  const auto above = static_cast<std::size_t>(std::upper_bound(q.begin(), q.end(), seconds) - q.begin());
  if (above == 0) return 0.0;
  if (above == q.size()) return 1.0;
  const double step = q[above] - q[above - 1];
  const double part = step > 0.0 ? (seconds - q[above - 1]) / step : 0.0;
  return (static_cast<double>(above - 1) + part) / static_cast<double>(q.size() - 1);
}

LatencyView::LatencyView(QWidget* parent)
    : PlotView(QStringLiteral("latency_view"), tr("Latencies of requests"), parent) {
  connect(&plot(), &QCustomPlot::afterLayout, this, &LatencyView::place_limits);
}

QString LatencyView::reason() const {
  if (!current()) return tr("Latencies appear here when the first run is done.");
  if (!current()->report.scenario.skipped.empty()) return tr("This scenario was skipped: it has no latencies.");
  if (!current()->has_kind("serving"))
    return tr("Latencies are measured on requests: a run that serves none has none.");
  for (const LatencyCurve& curve : current()->series.latencies) {
    if (!curve.quantiles.empty()) return {};
  }
  return scenarios::find_serving(current()->report)->started
             ? tr("No request was answered and counted, so there are no latencies.")
             : tr("The engine did not start, so no request was answered.");
}

QString LatencyView::description() const {
  QString words;
  for (const LatencyCurve& curve : current()->series.latencies) {
    if (curve.quantiles.empty()) continue;
    words += long_name(curve) + QStringLiteral(": ") + percentiles_text(curve);
    if (curve.limit > 0.0) {
      words += tr("; %1 of the requests within the SLO's %2")
                   .arg(percent_text(share_within(curve, curve.limit)), seconds_text(curve.limit));
    }
    words += QStringLiteral(". ");
  }
  return words;
}

std::string LatencyView::csv() const {
  if (!reason().isEmpty()) return {};
  std::string table = "run,latency,share,seconds\n";
  const auto add = [&](const RunPtr& run, std::string_view name) {
    if (!run) return;
    for (const LatencyCurve& curve : run->series.latencies) {
      const auto last = static_cast<double>(std::max<std::size_t>(1, curve.quantiles.size() - 1));
      for (std::size_t i = 0; i < curve.quantiles.size(); ++i) {
        table += fmt::format("{},{},{},{}\n", name, curve.name, scenarios::shortest(static_cast<double>(i) / last),
                             scenarios::shortest(curve.quantiles[i]));
      }
    }
  };
  add(current(), "current");
  add(previous(), "previous");
  return table;
}

void LatencyView::draw() {
  panels_.clear();
  const std::vector<LatencyCurve>& curves = current()->series.latencies;
  int cell = 0;
  for (std::size_t i = 0; i < curves.size(); ++i) {
    if (curves[i].quantiles.empty()) continue;
    const LatencyCurve* before = nullptr;
    if (previous()) {
      for (const LatencyCurve& other : previous()->series.latencies) {
        if (other.name == curves[i].name && !other.quantiles.empty()) before = &other;
      }
    }
    auto* grid = new QCPLayoutGrid;
    plot().plotLayout()->addElement(cell / 2, cell % 2, grid);
    panels_.push_back({&draw_panel(*grid, curves[i], before, i), i, {}, nullptr, {}});
    draw_marks(panels_.back(), curves[i]);
    ++cell;
  }
}

QCPAxisRect& LatencyView::draw_panel(QCPLayoutGrid& cell, const LatencyCurve& curve, const LatencyCurve* before,
                                     std::size_t color) {
  cell.setRowSpacing(0);
  cell.addElement(0, 0, make_title(plot(), long_name(curve), 1.05));
  QString facts = percentiles_text(curve);
  if (before != nullptr) facts += tr("\ndashed: the run before, p50 %1").arg(seconds_text(quantile_of(*before, 0.5)));
  cell.addElement(1, 0, make_title(plot(), facts, 0.95, false));
  auto* rect = new QCPAxisRect(&plot());
  rect->setupFullAxesBox(true);
  cell.addElement(2, 0, rect);
  QCPAxis* x = rect->axis(QCPAxis::atBottom);
  QCPAxis* left = rect->axis(QCPAxis::atLeft);
  QCPAxis* right = rect->axis(QCPAxis::atRight);
  QObject::disconnect(left, nullptr, right, nullptr);  // setupFullAxesBox ties their ranges
  rect->axis(QCPAxis::atTop)->setVisible(false);
  x->setScaleType(QCPAxis::stLogarithmic);
  x->setTicker(QSharedPointer<LogUnitTicker>::create(AxisUnit::seconds, *x));
  left->setTicker(QSharedPointer<UnitTicker>::create(AxisUnit::count));
  right->setTicker(QSharedPointer<UnitTicker>::create(AxisUnit::share));
  right->setTickLabels(true);
  right->setVisible(true);
  left->setLabel(tr("requests"));
  left->grid()->setVisible(false);
  right->grid()->setVisible(true);

  double least = curve.bin_edges.front(), most = curve.bin_edges.back();
  if (before != nullptr) {
    least = std::min(least, before->bin_edges.front());
    most = std::max(most, before->bin_edges.back());
  }
  if (curve.limit > 0.0) {
    least = std::min(least, curve.limit);
    most = std::max(most, curve.limit);
  }
  const double margin = std::pow(most / least, 0.04);
  x->setRange(least / margin, most * margin);
  left->setRange(0.0, 1.15 * std::max(1.0, *std::max_element(curve.counts.begin(), curve.counts.end())));
  right->setRange(0.0, kTop);
  const QColor line = plot_line(series_color(color), palette());
  add_histogram(x, left, curve, line);
  if (before != nullptr) add_cumulative(x, right, *before, QPen(plot_faint_text(palette()), 1.6, Qt::DashLine));
  add_cumulative(x, right, curve, QPen(line, 2.2));
  return *rect;
}

void LatencyView::draw_marks(Panel& panel, const LatencyCurve& curve) {
  QCPAxisRect& rect = *panel.rect;
  QCPAxis* x = rect.axis(QCPAxis::atBottom);
  QCPAxis* share = rect.axis(QCPAxis::atRight);
  const auto on_share = [&](QCPAbstractItem* item) {
    for (QCPItemPosition* position : item->positions()) position->setAxes(x, share);
  };
  for (const double q : kPercentiles) {
    const double at = on_axis(curve, quantile_of(curve, q));
    on_share(add_line(rect, {at, 0.0}, {at, q}, QPen(plot_faint_text(palette()), 1.0, Qt::DotLine)));
    // Below 90 % to the right of the curve, where nothing is; p99 above it.
    const bool is_top = q > 0.95;
    const bool is_last = share_of_width(*x, at) > kNearEdge;  // no room to its right
    const Qt::Alignment side = is_last ? Qt::AlignRight : is_top ? Qt::AlignHCenter : Qt::AlignLeft;
    QCPItemText* label = add_text(rect, at, q, QStringLiteral("p%1").arg(std::lround(q * 100.0)),
                                  side | (is_top ? Qt::AlignBottom : Qt::AlignTop), plot_text(palette()));
    on_share(label);
    panel.percentiles.push_back(label);
  }
  if (curve.limit <= 0.0) return;
  const QColor color = warning_color(palette());
  on_share(add_line(rect, {curve.limit, 0.0}, {curve.limit, kTop}, QPen(color, 2.0)));
  panel.limit_text =
      tr("SLO %1\n%2 within").arg(seconds_text(curve.limit), percent_text(share_within(curve, curve.limit)));
  panel.limit =
      add_text(rect, curve.limit, 0.3, panel.limit_text, Qt::AlignVCenter | Qt::AlignLeft, plot_line(color, palette()));
  QColor ground = palette().color(QPalette::Base);
  ground.setAlpha(210);
  panel.limit->setBrush(ground);
  on_share(panel.limit);
}

void LatencyView::place_limits() {
  if (!reason().isEmpty()) return;
  for (const Panel& panel : panels_) {
    const LatencyCurve& curve = current()->series.latencies[panel.curve];
    if (panel.limit == nullptr || curve.quantiles.empty()) continue;  // hidden, it may still be of the run before
    place_limit(*panel.limit, panel.limit_text, *panel.rect, curve, panel.percentiles);
  }
}

QString LatencyView::tell(const QPointF& position) const {
  for (const Panel& panel : panels_) {
    if (!panel.rect->rect().contains(position.toPoint())) continue;
    const LatencyCurve& curve = current()->series.latencies[panel.curve];
    const double at = panel.rect->axis(QCPAxis::atBottom)->pixelToCoord(position.x());
    const double within = share_within(curve, at);
    return tr("%1: %2 of %3 requests within %4")
        .arg(to_qstring(curve.name), percent_text(within), QString::number(requests(curve), 'f', 0), seconds_text(at));
  }
  return {};
}

bool LatencyView::eventFilter(QObject* watched, QEvent* event) {
  if (event->type() == QEvent::ToolTip && reason().isEmpty()) {
    auto* help = static_cast<QHelpEvent*>(event);
    QToolTip::showText(help->globalPos(), tell(help->pos()), &plot());
    return true;
  }
  return PlotView::eventFilter(watched, event);
}

}  // namespace orrery::gui
