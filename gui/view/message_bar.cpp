#include "gui/view/message_bar.hpp"

#include <QAccessible>
#include <QApplication>
#include <QEvent>
#include <QHBoxLayout>
#include <QKeyEvent>
#include <QLabel>
#include <QStyle>
#include <QTextLayout>
#include <QToolButton>

#include "gui/look/text.hpp"
#include "gui/look/theme.hpp"

namespace orrery::gui {

namespace {

constexpr int kMostLines = 4;

/// At most kMostLines lines of `text` at this width; the rest becomes "…".
QString elided(const QString& text, const QFont& font, int width) {
  QString out;
  int lines = 0;
  const QFontMetrics metrics(font);
  for (const QString& paragraph : text.split(QLatin1Char('\n'))) {
    QTextLayout layout(paragraph, font);
    layout.beginLayout();
    for (QTextLine line = layout.createLine(); line.isValid(); line = layout.createLine()) {
      line.setLineWidth(std::max(1, width));
      if (++lines == kMostLines) {
        const QString rest = paragraph.mid(line.textStart());
        const bool more = line.textStart() + line.textLength() < paragraph.size() || !text.endsWith(paragraph);
        layout.endLayout();
        return out + (more ? metrics.elidedText(rest + QChar(0x2026), Qt::ElideRight, width) : rest);
      }
    }
    layout.endLayout();
    out += paragraph + QLatin1Char('\n');
  }
  out.chop(1);
  return out;
}

}  // namespace

MessageBar::MessageBar(QWidget* parent) : QFrame(parent) {
  setObjectName(QStringLiteral("message_bar"));
  setAccessibleName(QStringLiteral("Message"));
  setFrameShape(QFrame::StyledPanel);
  setAutoFillBackground(true);
  label_ = new QLabel(this);
  label_->setObjectName(QStringLiteral("message_text"));
  label_->setTextFormat(Qt::PlainText);
  label_->setWordWrap(true);
  label_->setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
  label_->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
  label_->installEventFilter(this);
  setSizePolicy(QSizePolicy::Preferred, QSizePolicy::Maximum);
  close_ = new QToolButton(this);
  close_->setObjectName(QStringLiteral("message_close"));
  close_->setIcon(style()->standardIcon(QStyle::SP_DialogCloseButton));
  close_->setAutoRaise(true);
  close_->setToolTip(QStringLiteral("Close (Esc)"));
  close_->setAccessibleName(QStringLiteral("Close message"));
  close_->installEventFilter(this);
  connect(close_, &QToolButton::clicked, this, &QWidget::hide);
  auto* layout = new QHBoxLayout(this);
  const int gap = style()->pixelMetric(QStyle::PM_LayoutHorizontalSpacing);
  layout->setContentsMargins(2 * gap, gap, gap, gap);
  layout->addWidget(label_, 1);
  layout->addWidget(close_, 0, Qt::AlignTop);
  color();
  hide();
}

void MessageBar::show_message(const QString& text) {
  message_ = text.trimmed();
  if (message_.isEmpty()) {
    hide();
    return;
  }
  setToolTip(plain_tip(message_));
  setAccessibleDescription(message_);
  show();
  fit();
  QAccessibleEvent alert(this, QAccessible::Alert);
  QAccessible::updateAccessibility(&alert);
}

QString MessageBar::message() const { return message_; }

void MessageBar::fit() {
  const QString text = elided(message_, label_->font(), label_->width());
  if (label_->text() != text) label_->setText(text);
}

void MessageBar::color() {
  const QPalette base = QApplication::palette();
  // The window's ground with a little of the warning colour: text stays as readable as elsewhere.
  QPalette palette = base;
  palette.setColor(QPalette::Window, mixed(base.color(QPalette::Window), warning_color(base), 0.2));
  if (palette != this->palette()) setPalette(palette);
}

bool MessageBar::eventFilter(QObject* watched, QEvent* event) {
  if (watched == label_ && event->type() == QEvent::Resize) fit();
  if (event->type() == QEvent::KeyPress && static_cast<QKeyEvent*>(event)->key() == Qt::Key_Escape) {
    hide();
    return true;
  }
  return QFrame::eventFilter(watched, event);
}

void MessageBar::keyPressEvent(QKeyEvent* event) {
  if (event->key() == Qt::Key_Escape) {
    hide();
    return;
  }
  QFrame::keyPressEvent(event);
}

bool MessageBar::event(QEvent* event) {
  if (event->type() == QEvent::ApplicationPaletteChange) color();
  return QFrame::event(event);
}

}  // namespace orrery::gui
