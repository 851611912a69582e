// How every plot looks: colours from the palette, fonts from the application, axes in readable units.
//
// Ticks stand at 1, 2 or 5 times a power of ten of the unit that suits the visible range ("20 ms", "5 min", "16 GiB",
// "40 %"), so each label reads without the axis' title. GiB is 2^30 bytes; GB/s is 10^9 bytes a second.
#pragma once

#include <qcustomplot.h>

namespace orrery::gui {

/// What an axis counts, in SI: seconds, bytes, bytes per second, a share of one, or a number of things.
enum class AxisUnit : std::uint8_t { seconds, bytes, bytes_per_second, share, count };

/// A unit that people read: `factor` of the SI unit is one `suffix`.
struct ReadableUnit {
  double factor = 1.0;
  QString suffix;  ///< "ms"
};

/// The unit in which values up to `most` read well.
[[nodiscard]] ReadableUnit readable_unit(AxisUnit unit, double most);
/// "12.3 GiB", "450 ms": three significant digits.
[[nodiscard]] QString readable_value(AxisUnit unit, double value);
/// The least of 1, 2 and 5 times a power of ten that is at least `rough`.
[[nodiscard]] double round_step(double rough);

class UnitTicker : public QCPAxisTicker {
 public:
  explicit UnitTicker(AxisUnit unit) : unit_(unit) {}

 protected:
  double getTickStep(const QCPRange& range) override;
  int getSubTickCount(double step) override;
  QString getTickLabel(double tick, const QLocale& locale, QChar format, int precision) override;

 private:
  AxisUnit unit_;
  ReadableUnit readable_;
};

/// Of a logarithmic axis: 1, 2 and 5 of each decade, over more than three decades 1 alone. Labels that would touch are
/// left out.
class LogUnitTicker : public QCPAxisTicker {
 public:
  /// `axis` owns the ticker.
  LogUnitTicker(AxisUnit unit, const QCPAxis& axis) : unit_(unit), axis_(axis) {}

 protected:
  int getSubTickCount(double step) override;
  QString getTickLabel(double tick, const QLocale& locale, QChar format, int precision) override;
  QVector<double> createTickVector(double step, const QCPRange& range) override;

 private:
  AxisUnit unit_;
  const QCPAxis& axis_;
  bool is_tight_ = false;
};

/// Background, antialiasing and fonts of the plot, and every axis rect, legend and text element that is in its layout.
/// Call it after the parts are made and again when the palette or the font changes; texts in another colour than the
/// palette's are left as they are if they carry the property kOwnColor.
void style_plot(QCustomPlot& plot);
inline constexpr const char* kOwnColor = "own_color";

/// Colours of a plot: text and lines on its ground, and fainter ones.
[[nodiscard]] QColor plot_text(const QPalette& palette);
[[nodiscard]] QColor plot_faint_text(const QPalette& palette);
[[nodiscard]] QColor plot_grid(const QPalette& palette);
/// `color` so that thin lines in it stand out from the ground (contrast 3 at least).
[[nodiscard]] QColor plot_line(const QColor& color, const QPalette& palette);
/// `color` as a ghost of itself on the ground.
[[nodiscard]] QColor plot_pale(const QColor& color, const QPalette& palette, double share = 0.35);

/// A title in the plot's layout.
[[nodiscard]] QCPTextElement* make_title(QCustomPlot& plot, const QString& text, double size = 1.0, bool bold = true);
/// A text at a place of an axis rect, in plot coordinates; it stays within the rect.
QCPItemText* add_text(QCPAxisRect& rect, double x, double y, const QString& text, Qt::Alignment alignment,
                      const QColor& color);
/// A line from one point to another, in plot coordinates.
QCPItemLine* add_line(QCPAxisRect& rect, QPointF from, QPointF to, const QPen& pen);

}  // namespace orrery::gui
