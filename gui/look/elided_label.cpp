#include "gui/look/elided_label.hpp"

#include <QEvent>

#include "gui/look/text.hpp"

namespace orrery::gui {

ElidedLabel::ElidedLabel(QWidget* parent) : QLabel(parent) {
  setTextFormat(Qt::PlainText);
  setTextInteractionFlags(Qt::TextSelectableByMouse);
  setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Fixed);
}

void ElidedLabel::set_line(const QString& text) {
  line_ = text;
  fit();
}

void ElidedLabel::fit() {
  const QString line = line_.contains(QLatin1Char('\n')) ? line_.simplified() : line_;
  const QString shown = fontMetrics().elidedText(line, Qt::ElideRight, contentsRect().width() - std::max(0, indent()));
  if (shown != text()) setText(shown);
  setToolTip(shown == line_ ? QString() : plain_tip(line_));
}

void ElidedLabel::resizeEvent(QResizeEvent* event) {
  QLabel::resizeEvent(event);
  fit();
}

void ElidedLabel::changeEvent(QEvent* event) {
  QLabel::changeEvent(event);
  if (event->type() == QEvent::FontChange) fit();
}

}  // namespace orrery::gui
