#include "gui/view/plot_style.hpp"

#include <array>
#include <cmath>

#include "gui/look/theme.hpp"

namespace orrery::gui {

namespace {

constexpr double kKiB = 1024.0;

QString number_text(double value) {
  // Rounds away what is left of a sum of steps; no exponents for the sizes met here.
  return QString::number(std::fabs(value) < 1e-12 ? 0.0 : value, 'g', 6);
}

void style_axis(QCPAxis& axis, const QFont& font, const QPalette& palette) {
  const QColor text = plot_text(palette);
  const QPen line(plot_faint_text(palette), 1.0);
  axis.setBasePen(line);
  axis.setTickPen(line);
  axis.setSubTickPen(line);
  axis.setLabelColor(text);
  axis.setTickLabelColor(text);
  axis.setLabelFont(font);
  axis.setTickLabelFont(font);
  axis.setTickLength(0, 4);
  axis.setSubTickLength(0, 2);
  axis.grid()->setPen(QPen(plot_grid(palette), 1.0));
  axis.grid()->setZeroLinePen(QPen(plot_grid(palette), 1.0));
  axis.grid()->setSubGridVisible(false);
}

void style_legend(QCPLegend& legend, const QFont& font, const QPalette& palette) {
  QColor ground = palette.color(QPalette::Base);
  ground.setAlpha(225);
  legend.setBrush(ground);
  legend.setBorderPen(QPen(plot_grid(palette)));
  legend.setFont(font);
  legend.setTextColor(plot_text(palette));
  for (int i = 0; i < legend.itemCount(); ++i) {
    if (legend.item(i) == nullptr) continue;
    legend.item(i)->setFont(font);
    legend.item(i)->setTextColor(plot_text(palette));
  }
}

}  // namespace

ReadableUnit readable_unit(AxisUnit unit, double most) {
  const double size = std::fabs(most);
  switch (unit) {
    case AxisUnit::seconds:
      if (size >= 3.0 * 3600.0) return {3600.0, QStringLiteral("h")};
      if (size >= 600.0) return {60.0, QStringLiteral("min")};
      if (size >= 1.0 || size == 0.0) return {1.0, QStringLiteral("s")};
      if (size >= 1e-3) return {1e-3, QStringLiteral("ms")};
      return {1e-6, QStringLiteral("µs")};
    case AxisUnit::bytes:
      if (size >= kKiB * kKiB * kKiB || size == 0.0) return {kKiB * kKiB * kKiB, QStringLiteral("GiB")};
      if (size >= kKiB * kKiB) return {kKiB * kKiB, QStringLiteral("MiB")};
      return size >= kKiB ? ReadableUnit{kKiB, QStringLiteral("KiB")} : ReadableUnit{1.0, QStringLiteral("B")};
    case AxisUnit::bytes_per_second:
      if (size >= 1e12) return {1e12, QStringLiteral("TB/s")};
      if (size >= 1e9 || size == 0.0) return {1e9, QStringLiteral("GB/s")};
      return {1e6, QStringLiteral("MB/s")};
    case AxisUnit::share:
      return {0.01, QStringLiteral("%")};
    case AxisUnit::count:
      break;
  }
  return {1.0, QString()};
}

QString readable_value(AxisUnit unit, double value) {
  ReadableUnit readable = readable_unit(unit, value);
  double scaled = value / readable.factor;
  if (const double whole = std::round(scaled); std::fabs(whole) >= 1000.0) {  // 999.7 ms are a second
    readable = readable_unit(unit, whole * readable.factor);
    scaled = value / readable.factor;
  }
  QString text;
  if (unit == AxisUnit::count) {
    text = std::fabs(scaled - std::round(scaled)) < 1e-9 ? QString::number(scaled, 'f', 0)
                                                         : QString::number(scaled, 'f', scaled < 10.0 ? 2 : 1);
  } else {
    const double size = std::fabs(scaled);
    text = QString::number(scaled, 'f', scaled == 0.0 || size >= 99.95 ? 0 : (size >= 9.995 ? 1 : 2));
  }
  return readable.suffix.isEmpty() ? text : text + QChar(0xa0) + readable.suffix;
}

double round_step(double rough) {
  if (!(rough > 0.0) || !std::isfinite(rough)) return 1.0;
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  for (const double mantissa : {1.0, 2.0, 5.0}) {
    if (mantissa * power >= rough * (1.0 - 1e-9)) return mantissa * power;
  }
  return 10.0 * power;
}

double UnitTicker::getTickStep(const QCPRange& range) {
  readable_ = readable_unit(unit_, std::max(std::fabs(range.lower), std::fabs(range.upper)));
  double step = round_step(range.size() / readable_.factor / std::max(1, mTickCount));
  if (unit_ == AxisUnit::count) step = std::max(1.0, step);
  return step * readable_.factor;
}

int UnitTicker::getSubTickCount(double) { return 0; }

QString UnitTicker::getTickLabel(double tick, const QLocale&, QChar, int) {
  const QString text = number_text(tick / readable_.factor);
  return readable_.suffix.isEmpty() ? text : text + QChar(0xa0) + readable_.suffix;
}

int LogUnitTicker::getSubTickCount(double) { return 0; }

QString LogUnitTicker::getTickLabel(double tick, const QLocale&, QChar, int) {
  const double power = std::pow(10.0, std::floor(std::log10(tick) + 1e-9));
  if (is_tight_ && tick / power > 1.5) return {};
  const ReadableUnit readable = readable_unit(unit_, tick * (1.0 + 1e-9));
  return number_text(tick / readable.factor) + QChar(0xa0) + readable.suffix;
}

QVector<double> LogUnitTicker::createTickVector(double, const QCPRange& range) {
  QVector<double> ticks;
  if (!(range.lower > 0.0) || !(range.upper > range.lower)) return ticks;
  const double decades = std::log10(range.upper / range.lower);
  // A label is some seven digits wide; the closest two stand 0.3 decades apart.
  const double label = 7.0 * QFontMetricsF(axis_.tickLabelFont()).horizontalAdvance(QLatin1Char('0'));
  is_tight_ = decades > 1.0 && 0.3 / decades * axis_.axisRect()->width() < label;
  const int first = static_cast<int>(std::floor(std::log10(range.lower)));
  const int last = static_cast<int>(std::ceil(std::log10(range.upper)));
  const std::array<double, 3> mantissas{1.0, 2.0, 5.0};
  for (int exponent = first; exponent <= last; ++exponent) {
    for (const double mantissa : mantissas) {
      const double tick = mantissa * std::pow(10.0, exponent);
      if ((decades <= 3.0 || mantissa == 1.0) && tick >= range.lower && tick <= range.upper) ticks.append(tick);
    }
  }
  if (ticks.size() < 2) {  // a narrow range: even steps
    const double step = round_step(range.size() / 5.0);
    ticks.clear();
    for (double tick = std::ceil(range.lower / step) * step; tick <= range.upper; tick += step) ticks.append(tick);
  }
  return ticks;
}

QColor plot_text(const QPalette& palette) { return palette.color(QPalette::Text); }
QColor plot_faint_text(const QPalette& palette) {
  return mixed(palette.color(QPalette::Base), palette.color(QPalette::Text), 0.65);
}
QColor plot_grid(const QPalette& palette) {
  return mixed(palette.color(QPalette::Base), palette.color(QPalette::Text), 0.14);
}

QColor plot_line(const QColor& color, const QPalette& palette) {
  constexpr double kReadable = 3.0;  // WCAG 2.1, 1.4.11: graphical objects
  const QColor ground = palette.color(QPalette::Base), text = plot_text(palette);
  QColor line = color;
  for (int i = 0; i < 10 && contrast(line, ground) < kReadable; ++i) line = mixed(line, text, 0.15);
  return line;
}

QColor plot_pale(const QColor& color, const QPalette& palette, double share) {
  return mixed(palette.color(QPalette::Base), color, share);
}

void style_plot(QCustomPlot& plot) {
  const QPalette& palette = plot.palette();
  const QFont& font = plot.font();
  plot.setBackground(QBrush(palette.color(QPalette::Base)));
  plot.setAntialiasedElements(QCP::aeAll);
  plot.setNotAntialiasedElements(QCP::aeAxes | QCP::aeGrid);
  plot.setPlottingHints(QCP::phCacheLabels | QCP::phFastPolylines);
  for (QCPAxisRect* rect : plot.axisRects()) {
    for (QCPAxis* axis : rect->axes()) style_axis(*axis, font, palette);
  }
  for (QCPLayoutElement* element : plot.plotLayout()->elements(true)) {
    if (auto* legend = qobject_cast<QCPLegend*>(element)) style_legend(*legend, font, palette);
    if (auto* text = qobject_cast<QCPTextElement*>(element)) {
      if (!text->property(kOwnColor).toBool()) text->setTextColor(plot_text(palette));
    }
  }
}

QCPTextElement* make_title(QCustomPlot& plot, const QString& text, double size, bool bold) {
  QFont font = plot.font();
  font.setPointSizeF(font.pointSizeF() * size);
  font.setBold(bold);
  auto* title = new QCPTextElement(&plot, text, font);
  title->setTextColor(plot_text(plot.palette()));
  title->setMargins(QMargins(4, 4, 4, 2));
  return title;
}

QCPItemText* add_text(QCPAxisRect& rect, double x, double y, const QString& text, Qt::Alignment alignment,
                      const QColor& color) {
  auto* item = new QCPItemText(rect.parentPlot());
  for (QCPItemPosition* position : item->positions()) {
    position->setAxes(rect.axis(QCPAxis::atBottom), rect.axis(QCPAxis::atLeft));
    position->setAxisRect(&rect);
  }
  item->setClipAxisRect(&rect);
  item->position->setCoords(x, y);
  item->setPositionAlignment(alignment);
  item->setText(text);
  item->setColor(color);
  item->setFont(rect.parentPlot()->font());
  item->setPadding(QMargins(3, 1, 3, 1));
  return item;
}

QCPItemLine* add_line(QCPAxisRect& rect, QPointF from, QPointF to, const QPen& pen) {
  auto* item = new QCPItemLine(rect.parentPlot());
  for (QCPItemPosition* position : item->positions()) {
    position->setAxes(rect.axis(QCPAxis::atBottom), rect.axis(QCPAxis::atLeft));
    position->setAxisRect(&rect);
  }
  item->setClipAxisRect(&rect);
  item->start->setCoords(from);
  item->end->setCoords(to);
  item->setPen(pen);
  return item;
}

}  // namespace orrery::gui
