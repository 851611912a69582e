#include "gui/look/labels.hpp"

#include <QApplication>

namespace orrery::gui {

QLabel* make_text(QWidget& parent, const QString& name) {
  auto* label = new QLabel(&parent);
  label->setObjectName(name);
  label->setTextFormat(Qt::PlainText);
  label->setWordWrap(true);
  label->setTextInteractionFlags(Qt::TextSelectableByMouse);
  return label;
}

QFont scaled(const QFont& font, double factor, bool bold) {
  QFont result = font;
  result.setPointSizeF(font.pointSizeF() * factor);
  result.setBold(bold);
  return result;
}

void tint(QLabel& label, const QColor& ink) {
  QPalette colors = QApplication::palette(&label);
  colors.setColor(QPalette::WindowText, ink);
  label.setPalette(colors);
}

}  // namespace orrery::gui
