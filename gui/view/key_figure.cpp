// Painting of one key figure: title, large value, change and note in four lines.

#include "gui/view/key_figure.hpp"

#include <algorithm>

#include <QPainter>
#include <QStyle>
#include <QStyleOptionFocusRect>

#include "gui/look/theme.hpp"

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
  int width = large.horizontalAdvance(text_.value);
  if (!text_.unit.isEmpty()) width += small.horizontalAdvance(QLatin1Char(' ') + text_.unit) + 2;
  for (const QString& line : {text_.title, text_.change, text_.note}) {
    width = std::max(width, small.horizontalAdvance(line) + 2);
  }
  return {width + 2 * gap, 3 * small.lineSpacing() + large.lineSpacing() + 2 * gap};
}

void KeyFigure::paintEvent(QPaintEvent*) {
  QPainter painter(this);
  const Fonts f = fonts();
  const QFontMetrics small(f.small);
  const int gap = small.height() / 3;
  const QRect area = rect().adjusted(gap, gap, -gap, -gap);
  const QColor quiet = palette().color(QPalette::PlaceholderText);
  if (underMouse()) {
    painter.setOpacity(0.12);
    painter.fillRect(rect(), palette().color(QPalette::Highlight));
    painter.setOpacity(1.0);
  }
  painter.setFont(f.small);
  int y = area.top();
  const auto line = [&](const QString& text, const QColor& color) {
    painter.setPen(color);
    painter.drawText(area.left(), y + small.ascent(), small.elidedText(text, Qt::ElideRight, area.width()));
    y += small.lineSpacing();
  };
  line(text_.title, quiet);
  paint_value(painter, f, QRect(area.left(), y, area.width(), QFontMetrics(f.large).lineSpacing()));
  y += QFontMetrics(f.large).lineSpacing();
  const QColor change = text_.verdict > 0   ? better_color(palette())
                        : text_.verdict < 0 ? worse_color(palette())
                                            : quiet;
  line(text_.change, dimmed_ ? quiet : change);
  line(text_.note, quiet);
  if (hasFocus()) {
    QStyleOptionFocusRect option;
    option.initFrom(this);
    option.backgroundColor = palette().color(QPalette::Window);
    style()->drawPrimitive(QStyle::PE_FrameFocusRect, &option, &painter, this);
  }
}

/// The value, smaller where the column is too narrow for it and its unit.
void KeyFigure::paint_value(QPainter& painter, const Fonts& f, const QRect& area) const {
  const QFontMetrics small(f.small);
  const int space = small.horizontalAdvance(QLatin1Char(' '));
  const int unit_width = text_.unit.isEmpty() ? 0 : small.horizontalAdvance(text_.unit) + space;
  const int value_width = QFontMetrics(f.large).horizontalAdvance(text_.value);
  QFont font = f.large;
  if (value_width + unit_width > area.width() && value_width > 0) {
    const double fit = static_cast<double>(std::max(1, area.width() - unit_width)) / value_width;
    font.setPointSizeF(std::max(f.small.pointSizeF(), font.pointSizeF() * fit));
  }
  const QColor normal = palette().color(QPalette::WindowText);
  painter.setPen(dimmed_ ? palette().color(QPalette::PlaceholderText) : text_.alarm ? worse_color(palette()) : normal);
  const int baseline = area.top() + QFontMetrics(f.large).ascent();
  painter.setFont(font);
  painter.drawText(area.left(), baseline, text_.value);
  painter.setFont(f.small);
  const int left = area.left() + QFontMetrics(font).horizontalAdvance(text_.value) + space;
  painter.drawText(left, baseline, small.elidedText(text_.unit, Qt::ElideRight, area.right() + 1 - left));
}

}  // namespace orrery::gui
