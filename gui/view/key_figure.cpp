// Painting of one key figure: title, large value, change and note in three lines.

#include "gui/view/key_figure.hpp"

#include <QPainter>
#include <QStyle>
#include <QStyleOptionFocusRect>

#include "gui/theme.hpp"

namespace orrery::gui {

struct KeyFigure::Fonts {
  QFont small, large;
};

KeyFigure::KeyFigure(QWidget* parent) : QAbstractButton(parent) {
  setFocusPolicy(Qt::TabFocus);
  setCursor(Qt::PointingHandCursor);
  setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
}

void KeyFigure::set_text(const Text& text) {
  text_ = text;
  setObjectName(QStringLiteral("key_figure_") + text.metric);
  setToolTip(QStringLiteral("%1 %2\n%3\nClick: where does this come from?")
                 .arg(text.title, QStringList{text.value, text.unit, text.note}.join(QLatin1Char(' ')), text.details));
  setAccessibleName(QStringLiteral("%1: %2 %3").arg(text.title, text.value, text.unit));
  setAccessibleDescription(text.details);
  update();
}

void KeyFigure::set_dimmed(bool dimmed) {
  if (dimmed_ == dimmed) return;
  dimmed_ = dimmed;
  update();
}

KeyFigure::Fonts KeyFigure::fonts() const {
  Fonts out{font(), font()};
  out.small.setPointSizeF(font().pointSizeF() * 0.9);
  out.large.setPointSizeF(font().pointSizeF() * 1.7);
  out.large.setWeight(QFont::DemiBold);
  return out;
}

QSize KeyFigure::sizeHint() const {
  const Fonts f = fonts();
  const QFontMetrics small(f.small), large(f.large);
  const int gap = small.height() / 3;
  return {small.averageCharWidth() * 22 + 2 * gap, 2 * small.lineSpacing() + large.lineSpacing() + 2 * gap};
}

QSize KeyFigure::minimumSizeHint() const {
  return {QFontMetrics(fonts().small).averageCharWidth() * 12, sizeHint().height()};
}

void KeyFigure::paintEvent(QPaintEvent*) {
  QPainter painter(this);
  const Fonts f = fonts();
  const QFontMetrics small(f.small);
  const int gap = small.height() / 3;
  const QRect area = rect().adjusted(gap, gap, -gap, -gap);
  const QColor quiet = palette().color(QPalette::PlaceholderText);
  const QColor normal = dimmed_ ? quiet : palette().color(QPalette::WindowText);
  if (underMouse()) {
    painter.setOpacity(0.12);
    painter.fillRect(rect(), palette().color(QPalette::Highlight));
    painter.setOpacity(1.0);
  }
  painter.setFont(f.small);
  painter.setPen(quiet);
  int y = area.top();
  painter.drawText(QRect(area.left(), y, area.width(), small.lineSpacing()), Qt::AlignLeft | Qt::AlignVCenter,
                   small.elidedText(text_.title, Qt::ElideRight, area.width()));
  y += small.lineSpacing();

  // The value, smaller where the column is too narrow for it and its unit.
  QFont value_font = f.large;
  const int space = small.horizontalAdvance(QLatin1Char(' '));
  const int unit_width = text_.unit.isEmpty() ? 0 : small.horizontalAdvance(text_.unit) + space;
  const int value_width = QFontMetrics(value_font).horizontalAdvance(text_.value);
  if (value_width + unit_width > area.width() && value_width > 0) {
    const double fit = static_cast<double>(std::max(1, area.width() - unit_width)) / value_width;
    value_font.setPointSizeF(std::max(f.small.pointSizeF(), value_font.pointSizeF() * fit));
  }
  const QFontMetrics large(value_font);
  const int baseline = y + QFontMetrics(f.large).ascent();
  painter.setPen(text_.alarm && !dimmed_ ? worse_color(palette()) : normal);
  painter.setFont(value_font);
  painter.drawText(area.left(), baseline, text_.value);
  painter.setFont(f.small);
  const int unit_left = area.left() + large.horizontalAdvance(text_.value) + space;
  painter.drawText(unit_left, baseline, small.elidedText(text_.unit, Qt::ElideRight, area.right() + 1 - unit_left));
  y += QFontMetrics(f.large).lineSpacing();

  int left = area.left();
  if (!text_.change.isEmpty()) {
    QColor color = text_.verdict > 0 ? better_color(palette()) : text_.verdict < 0 ? worse_color(palette()) : quiet;
    painter.setPen(dimmed_ ? quiet : color);
    painter.drawText(left, y + small.ascent(), text_.change);
    left += small.horizontalAdvance(text_.change) + 2 * space;
  }
  painter.setPen(quiet);
  if (left < area.right()) {
    painter.drawText(left, y + small.ascent(), small.elidedText(text_.note, Qt::ElideRight, area.right() - left));
  }
  if (hasFocus()) {
    QStyleOptionFocusRect option;
    option.initFrom(this);
    option.backgroundColor = palette().color(QPalette::Window);
    style()->drawPrimitive(QStyle::PE_FrameFocusRect, &option, &painter, this);
  }
}

}  // namespace orrery::gui
