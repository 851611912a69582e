#include "gui/view/load_view.hpp"

#include <algorithm>
#include <cmath>

#include <QKeyEvent>
#include <QMouseEvent>
#include <QWheelEvent>
#include <fmt/format.h>
#include <qcustomplot.h>

#include "gui/look/text.hpp"
#include "gui/look/theme.hpp"
#include "gui/view/plot_style.hpp"
#include "scenarios/format.hpp"
#include "scenarios/serving/job.hpp"

namespace orrery::gui {

namespace {

constexpr double kKeyZoom = 0.7;    ///< of the visible range, for a press of +
constexpr double kKeyPan = 0.15;    ///< of the visible range, for an arrow key
constexpr double kWheelZoom = 0.8;  ///< of the visible range, for a notch of the wheel
constexpr double kLeastRange = 1e-4;

const StateSeries* find_state(const Run& run, std::string_view name) {
  for (const StateSeries& state : run.series.states) {
    if (state.name == name) return &state;
  }
  return nullptr;
}

AxisUnit unit_of(const StateSeries& state) { return state.unit == "share" ? AxisUnit::share : AxisUnit::count; }

double most_of(const StateSeries& state) {
  return state.most.empty() ? 0.0 : *std::max_element(state.most.begin(), state.most.end());
}

double mean_of(const StateSeries& state) {
  double sum = 0.0;
  for (const double value : state.mean) sum += value;
  return state.mean.empty() ? 0.0 : sum / static_cast<double>(state.mean.size());
}

}  // namespace

LoadView::LoadView(QWidget* parent)
    : PlotView(QStringLiteral("load_view"), tr("Load of the engine over time"), parent) {
  plot().setInteractions(QCP::iRangeDrag);
}

double LoadView::duration() const { return current() ? current()->series.duration : 0.0; }

void LoadView::set_runs(const RunPtr& current, const RunPtr& previous) {
  constexpr double kSimilar = 0.2;
  const double before = duration();
  const bool is_all = begin_ <= 0.0 && end_ >= before;
  const double now = current ? current->series.duration : 0.0;
  if (is_all || before <= 0.0 || std::fabs(now - before) > kSimilar * before) {
    begin_ = 0.0;
    end_ = now;
  } else {  // as long as it was, moved where the run ends earlier
    const double size = std::min(end_ - begin_, now);
    end_ = std::min(end_, now);
    begin_ = end_ - size;
  }
  PlotView::set_runs(current, previous);
}

QString LoadView::reason() const {
  if (!current()) return tr("The load of the engine appears here when the first run is done.");
  if (!current()->report.scenario.skipped.empty()) return tr("This scenario was skipped: it has no load to show.");
  if (!current()->has_kind("serving"))
    return tr("A run that serves no requests has no queue: see its timeline instead.");
  if (!current()->series.states.empty() && duration() > 0.0) return {};
  return scenarios::find_serving(current()->report)->started ? tr("The engine had nothing to do.")
                                                             : tr("The engine did not start, so it served nothing.");
}

QString LoadView::description() const {
  QStringList parts;
  parts << tr("over %1").arg(readable_value(AxisUnit::seconds, duration()));
  for (const StateSeries& state : current()->series.states) {
    const AxisUnit unit = unit_of(state);
    if (state.name == "preemptions") {
      parts << tr("%1 preemptions").arg(readable_value(unit, most_of(state)));
    } else {
      parts << tr("%1: mean %2, at most %3")
                   .arg(to_qstring(state.name), readable_value(unit, mean_of(state)),
                        readable_value(unit, most_of(state)));
    }
  }
  return parts.join(QStringLiteral("; ")) + QLatin1Char('.');
}

std::string LoadView::csv() const {
  if (!reason().isEmpty()) return {};
  std::string table = "run,state,unit,time_s,least,mean,most\n";
  const auto add = [&](const RunPtr& run, std::string_view name) {
    if (!run) return;
    for (const StateSeries& state : run->series.states) {
      for (std::size_t i = 0; i < state.time.size(); ++i) {
        table += fmt::format("{},{},{},{},{},{},{}\n", name, state.name, state.unit, scenarios::shortest(state.time[i]),
                             scenarios::shortest(state.least[i]), scenarios::shortest(state.mean[i]),
                             scenarios::shortest(state.most[i]));
      }
    }
  };
  add(current(), "current");
  add(previous(), "previous");
  return table;
}

QCPAxisRect* LoadView::add_panel(int row, const QString& title) {
  auto* head = new QCPLayoutGrid;
  head->addElement(0, 0, make_title(plot(), title, 1.0));
  plot().plotLayout()->addElement(row, 0, head);
  auto* rect = new QCPAxisRect(&plot());
  rect->setMinimumSize(50, fontMetrics().lineSpacing());  // in a low view titles stand whole
  rect->setupFullAxesBox(true);
  for (QCPAxis* axis : {rect->axis(QCPAxis::atTop), rect->axis(QCPAxis::atRight)}) axis->setVisible(false);
  rect->setRangeDrag(Qt::Horizontal);
  plot().plotLayout()->addElement(row + 1, 0, rect);
  const auto seconds = QSharedPointer<UnitTicker>::create(AxisUnit::seconds);
  seconds->setTickCount(8);
  rect->axis(QCPAxis::atBottom)->setTicker(seconds);
  rect->axis(QCPAxis::atBottom)->setRange(begin_, end_);
  return rect;
}

void LoadView::draw_state(QCPAxisRect& rect, const StateSeries& state, std::size_t color) {
  QCPAxis* x = rect.axis(QCPAxis::atBottom);
  QCPAxis* y = rect.axis(QCPAxis::atLeft);
  const QColor line = plot_line(series_color(color), palette());
  const auto time = QVector<double>(state.time.begin(), state.time.end());
  const auto add = [&](const std::vector<double>& values) {
    QCPGraph* graph = plot().addGraph(x, y);
    graph->setData(time, QVector<double>(values.begin(), values.end()), true);
    graph->setSelectable(QCP::stNone);
    return graph;
  };
  QCPGraph* least = add(state.least);
  least->setPen(Qt::NoPen);
  QCPGraph* most = add(state.most);
  most->setPen(Qt::NoPen);
  QColor band = line;
  band.setAlpha(is_dark(palette()) ? 85 : 70);
  most->setBrush(band);
  most->setChannelFillGraph(least);
  QCPGraph* mean = add(state.mean);
  mean->setPen(QPen(line, 1.8));
  mean->setName(to_qstring(state.name));
}

void LoadView::fit_values(QCPAxisRect& rect, const std::vector<const StateSeries*>& states) const {
  double most = 0.0;
  for (const StateSeries* state : states) most = std::max(most, most_of(*state));
  const bool is_share = unit_of(*states.front()) == AxisUnit::share;
  rect.axis(QCPAxis::atLeft)->setTicker(QSharedPointer<UnitTicker>::create(unit_of(*states.front())));
  rect.axis(QCPAxis::atLeft)->setRange(0.0, is_share ? std::max(1.12, 1.05 * most) : 1.1 * std::max(1.0, most));
}

void LoadView::draw_share_limit(QCPAxisRect& rect) {
  const QColor color = warning_color(palette());
  add_line(rect, {0.0, 1.0}, {duration(), 1.0}, QPen(plot_line(color, palette()), 1.4, Qt::DashLine));
}

void LoadView::draw() {
  cursors_.clear();
  plot().plotLayout()->setRowSpacing(1);
  auto* group = new QCPMarginGroup(&plot());
  std::vector<QCPAxisRect*> panels;
  int row = 0;
  const auto panel = [&](const QString& title, const std::vector<const StateSeries*>& states, std::size_t color) {
    if (std::any_of(states.begin(), states.end(), [](const StateSeries* s) { return s == nullptr; })) return;
    QCPAxisRect* rect = add_panel(row, title);
    fit_values(*rect, states);
    for (const StateSeries* state : states) draw_state(*rect, *state, color++);
    if (unit_of(*states.front()) == AxisUnit::share) draw_share_limit(*rect);
    if (states.size() > 1) {
      // Beside the title: over a low panel it would hide the lines.
      auto* legend = new QCPLegend;
      auto* head = static_cast<QCPLayoutGrid*>(plot().plotLayout()->element(row, 0));
      head->addElement(0, 1, legend);
      head->setColumnStretchFactor(1, 0.001);
      legend->setLayer(QStringLiteral("legend"));
      legend->setFillOrder(QCPLegend::foColumnsFirst);
      for (const StateSeries* state : states) {
        for (int i = 0; i < plot().graphCount(); ++i) {
          if (plot().graph(i)->name() == to_qstring(state->name)) plot().graph(i)->addToLegend(legend);
        }
      }
    }
    panels.push_back(rect);
    row += 2;
  };
  const Run& run = *current();
  const StateSeries* preemptions = find_state(run, "preemptions");
  panel(tr("Requests running and waiting"), {find_state(run, "running"), find_state(run, "waiting")}, 0);
  panel(tr("KV cache in use"), {find_state(run, "KV cache")}, 2);
  if (preemptions != nullptr && most_of(*preemptions) > 0.0) panel(tr("Preemptions so far"), {preemptions}, 3);
  for (QCPAxisRect* rect : panels) {
    rect->setMarginGroup(QCP::msLeft | QCP::msRight, group);
    if (rect != panels.back()) rect->axis(QCPAxis::atBottom)->setTickLabels(false);
    follow(*rect);
  }
  values_ = make_title(plot(), tell(-1.0), 1.0, false);
  plot().plotLayout()->addElement(row, 0, values_);
}

void LoadView::follow(QCPAxisRect& rect) {
  QCPAxis* x = rect.axis(QCPAxis::atBottom);
  connect(x, qOverload<const QCPRange&>(&QCPAxis::rangeChanged), this, [this](const QCPRange& range) {
    if (!is_following_) set_range(range.lower, range.upper);
  });
  auto* line = new QCPItemStraightLine(&plot());
  for (QCPItemPosition* position : line->positions()) position->setAxes(x, rect.axis(QCPAxis::atLeft));
  line->setClipAxisRect(&rect);
  line->setPen(QPen(plot_faint_text(palette()), 1.0));
  line->setLayer(QStringLiteral("overlay"));
  line->setVisible(false);
  cursors_.push_back(line);
}

void LoadView::set_range(double begin, double end) {
  const double whole = duration();
  if (whole <= 0.0) return;
  const double size = std::clamp(end - begin, std::min(whole, kLeastRange), whole);
  begin_ = std::clamp(begin, 0.0, whole - size);
  end_ = begin_ + size;
  is_following_ = true;  // setting a range tells of it
  for (QCPAxisRect* rect : plot().axisRects()) rect->axis(QCPAxis::atBottom)->setRange(begin_, end_);
  is_following_ = false;
  if (isVisible()) plot().replot(QCustomPlot::rpQueuedReplot);
}

void LoadView::show_all() { set_range(0.0, duration()); }

void LoadView::zoom(double factor, double place) {
  const double size = end_ - begin_, at = begin_ + place * size;
  set_range(at - place * size * factor, at + (1.0 - place) * size * factor);
}

bool LoadView::key(const QKeyEvent& event) {
  const double step = kKeyPan * (end_ - begin_);
  switch (event.key()) {
    case Qt::Key_Plus:
    case Qt::Key_Equal:
      zoom(kKeyZoom, 0.5);
      return true;
    case Qt::Key_Minus:
      zoom(1.0 / kKeyZoom, 0.5);
      return true;
    case Qt::Key_Left:
      set_range(begin_ - step, end_ - step);
      return true;
    case Qt::Key_Right:
      set_range(begin_ + step, end_ + step);
      return true;
    case Qt::Key_Home:
      show_all();
      return true;
    default:
      return false;
  }
}

QString LoadView::tell(double time) const {
  if (time < 0.0 || time > duration()) return tr("Wheel: zoom · drag: pan · double click: all");
  QStringList parts;
  parts << tr("at %1").arg(readable_value(AxisUnit::seconds, time));
  for (const StateSeries& state : current()->series.states) {
    if (state.mean.empty()) continue;
    const auto bin = static_cast<std::size_t>(time / duration() * static_cast<double>(state.mean.size()));
    const std::size_t i = std::min(bin, state.mean.size() - 1);
    const AxisUnit unit = unit_of(state);
    QString part = to_qstring(state.name) + QLatin1Char(' ') + readable_value(unit, state.mean[i]);
    if (state.most[i] > state.least[i]) {
      part +=
          QStringLiteral(" (%1 – %2)").arg(readable_value(unit, state.least[i]), readable_value(unit, state.most[i]));
    }
    parts << part;
  }
  return parts.join(QStringLiteral(" · "));
}

void LoadView::point_at(double pixel) {
  if (plot().axisRectCount() == 0 || values_ == nullptr) return;
  const QCPAxisRect* rect = plot().axisRect(0);
  const bool is_inside = pixel >= rect->left() && pixel <= rect->right();
  const double time = is_inside ? rect->axis(QCPAxis::atBottom)->pixelToCoord(pixel) : -1.0;
  for (QCPItemStraightLine* line : cursors_) {
    line->setVisible(is_inside);
    line->point1->setCoords(time, 0.0);
    line->point2->setCoords(time, 1.0);
  }
  values_->setText(tell(time));
  plot().replot(QCustomPlot::rpQueuedReplot);
}

bool LoadView::eventFilter(QObject* watched, QEvent* event) {
  if (!reason().isEmpty() || plot().axisRectCount() == 0) return PlotView::eventFilter(watched, event);
  const QCPAxisRect* rect = plot().axisRect(0);
  switch (event->type()) {
    case QEvent::KeyPress:
      if (key(*static_cast<QKeyEvent*>(event))) return true;
      break;
    case QEvent::Wheel: {
      auto* wheel = static_cast<QWheelEvent*>(event);
      const double notches = wheel->angleDelta().y() / 120.0;
      const double place = (wheel->position().x() - rect->left()) / std::max(1, rect->width());
      zoom(std::pow(kWheelZoom, notches), std::clamp(place, 0.0, 1.0));
      return true;
    }
    case QEvent::MouseButtonDblClick:
      show_all();
      return true;
    case QEvent::MouseMove:
      point_at(static_cast<QMouseEvent*>(event)->position().x());
      break;
    case QEvent::Leave:
      point_at(-1.0);
      break;
    default:
      break;
  }
  return PlotView::eventFilter(watched, event);
}

}  // namespace orrery::gui
