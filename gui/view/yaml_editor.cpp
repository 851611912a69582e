#include "gui/view/yaml_editor.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include <QFontDatabase>
#include <QHelpEvent>
#include <QMimeData>
#include <QPainter>
#include <QScrollBar>
#include <QTextBlock>
#include <QToolTip>

#include "gui/look/text.hpp"
#include "gui/look/theme.hpp"
#include "gui/model/document.hpp"
#include "gui/view/yaml_highlighter.hpp"

namespace orrery::gui {

namespace {

QString with_plain_line_ends(const QString& text) {
  QString plain = text;
  plain.replace(QLatin1String("\r\n"), QLatin1String("\n"));
  for (const char16_t end : {u'\r', u'\u2029', u'\ufdd0', u'\ufdd1'}) plain.replace(QChar(end), QLatin1Char('\n'));
  return plain;
}

QString plain_text(const QTextDocument& document) {
  return document.toRawText().replace(QChar(QChar::ParagraphSeparator), QLatin1Char('\n'));
}

/// Where a position of the plain text lies in the source: behind as many \r as there are \r\n before it.
qsizetype source_position(const QString& source, qsizetype plain_position) {
  qsizetype at = 0;
  for (qsizetype passed = 0; passed < plain_position && at < source.size(); ++passed) {
    at += source[at] == QLatin1Char('\r') && at + 1 < source.size() && source[at + 1] == QLatin1Char('\n') ? 2 : 1;
  }
  return at;
}

bool has_long_line(const QString& plain) {
  qsizetype begin = 0;
  while (begin < plain.size()) {
    const qsizetype end = plain.indexOf(QLatin1Char('\n'), begin);
    if ((end < 0 ? plain.size() : end) - begin > YamlEditor::kLongestLine) return true;
    if (end < 0) break;
    begin = end + 1;
  }
  return false;
}

/// The UTF-16 position in a line that lies `bytes` bytes of UTF-8 behind its begin.
int position_in_line(const QString& line, std::size_t bytes) {
  std::size_t passed = 0;
  int at = 0;
  while (at < line.size() && passed < bytes) {
    const bool is_pair = line[at].isHighSurrogate() && at + 1 < line.size();
    const char16_t c = line[at].unicode();
    passed += is_pair ? 4U : c < 0x80 ? 1U : c < 0x800 ? 2U : 3U;
    at += is_pair ? 2 : 1;
  }
  return at;
}

/// Line numbers and marks of problems.
class Margin : public QWidget {
 public:
  explicit Margin(YamlEditor* editor) : QWidget(editor), editor_(editor) {}
  [[nodiscard]] QSize sizeHint() const override { return {editor_->margin_width(), 0}; }

 protected:
  void paintEvent(QPaintEvent* event) override { editor_->paint_margin(event); }
  bool event(QEvent* event) override {
    if (event->type() != QEvent::ToolTip) return QWidget::event(event);
    const auto* help = static_cast<QHelpEvent*>(event);
    QToolTip::showText(help->globalPos(), plain_tip(editor_->messages_of_line(editor_->line_at(help->pos().y()))),
                       this);
    return true;
  }

 private:
  YamlEditor* editor_;
};

}  // namespace

YamlEditor::YamlEditor(QWidget* parent) : QPlainTextEdit(parent) {
  setObjectName(QStringLiteral("yaml_editor"));
  setAccessibleName(tr("Scenario as text"));
  setUndoRedoEnabled(false);
  setLineWrapMode(QPlainTextEdit::NoWrap);
  setFont(QFontDatabase::systemFont(QFontDatabase::FixedFont));
  highlighter_ = new YamlHighlighter(document(), palette());
  margin_ = new Margin(this);
  setViewportMargins(margin_width(), 0, 0, 0);
  connect(this, &QPlainTextEdit::blockCountChanged, this, [this] { setViewportMargins(margin_width(), 0, 0, 0); });
  connect(this, &QPlainTextEdit::updateRequest, this, [this] { margin_->update(); });
  connect(this, &QPlainTextEdit::cursorPositionChanged, this, &YamlEditor::show_marks);
  connect(document(), &QTextDocument::contentsChange, this, &YamlEditor::take_change);
  connect(this, &QPlainTextEdit::textChanged, this, [this] {
    if (!std::exchange(changed_, false)) return;
    emit edited(source_);
  });
  connect(&loading_, &QTimer::timeout, this, &YamlEditor::load_piece);
  show_marks();
}

YamlEditor::~YamlEditor() { document()->disconnect(this); }

void YamlEditor::set_text(const QString& text) {
  if (text == source_) return;
  const QString plain = text.size() > kLongestText ? QString() : with_plain_line_ends(text);
  source_ = text;
  const bool too_long = text.size() > kLongestText || has_long_line(plain);
  const bool starts_over = is_loading() || too_long || std::abs(plain.size() - plain_.size()) > kPiece;
  if (!starts_over) {
    const TextChange change = difference(plain_, plain);
    const bool was_refused = isReadOnly();
    plain_ = plain;
    if (!was_refused) {
      put(change.position, change.removed.size(), change.inserted);
      return;
    }
  }
  plain_ = plain;
  loaded_ = 0;
  put(0, document()->characterCount() - 1, {});
  setReadOnly(true);
  const bool highlights = plain_.size() <= kMostHighlighted && !too_long;
  QTextDocument* colored = highlights ? document() : nullptr;
  if (highlighter_->document() != colored) highlighter_->setDocument(colored);
  setPlaceholderText(too_long ? tr("This text, or a line of it, is too long to be shown") : QString());
  if (too_long) {
    loading_.stop();
    return;
  }
  load_piece();
  if (loaded_ < plain_.size()) loading_.start(0);
}

void YamlEditor::load_piece() {
  const qsizetype end = std::min(loaded_ + kPiece, plain_.size());
  const QString piece = plain_.mid(loaded_, end - loaded_);
  const qsizetype begin = std::exchange(loaded_, end);
  put(begin, 0, piece);
  if (loaded_ < plain_.size()) return;
  loading_.stop();
  setReadOnly(false);
  place_marks();
}

void YamlEditor::put(qsizetype position, qsizetype removed, const QString& inserted) {
  if (removed == 0 && inserted.isEmpty()) return;
  updating_ = true;
  const QTextCursor before = textCursor();
  const int scroll = verticalScrollBar()->value();
  QTextCursor cursor(document());
  cursor.setPosition(static_cast<int>(position));
  cursor.setPosition(static_cast<int>(position + removed), QTextCursor::KeepAnchor);
  const int kept_position = before.position(), kept_anchor = before.anchor();
  cursor.insertText(inserted);
  // A cursor right at the place of an insertion stays before it.
  if (kept_position <= position && kept_anchor <= position) {
    QTextCursor kept = textCursor();
    kept.setPosition(kept_anchor);
    kept.setPosition(kept_position, QTextCursor::KeepAnchor);
    setTextCursor(kept);
  }
  verticalScrollBar()->setValue(scroll);
  updating_ = false;
}

void YamlEditor::take_change() {
  if (updating_ || isReadOnly()) return;  // read-only: a long text is coming in
  // Qt counts the end of the last paragraph in some changes: the texts say exactly what changed.
  const QString now = plain_text(*document());
  if (now == plain_) return;
  TextChange change = difference(plain_, now);
  const qsizetype begin = source_position(source_, change.position);
  const qsizetype end = source_position(source_, change.position + change.removed.size());
  const qsizetype first_end = source_.indexOf(QLatin1Char('\n'));
  if (first_end > 0 && source_[first_end - 1] == QLatin1Char('\r')) {
    change.inserted.replace(QLatin1Char('\n'), QLatin1String("\r\n"));
  }
  source_.replace(begin, end - begin, change.inserted);
  plain_ = now;
  changed_ = true;
}

void YamlEditor::set_problems(const std::vector<hardware::Diagnostic>& problems) {
  problems_ = problems;
  if (!is_loading()) place_marks();
}

void YamlEditor::place_marks() {
  marks_.clear();
  for (const hardware::Diagnostic& problem : problems_) {
    if (problem.span.line <= 0) continue;
    marks_.push_back({place_of(problem.span), QString::fromStdString(problem.message)});
  }
  show_marks();
  margin_->update();
}

QTextCursor YamlEditor::place_of(const hardware::SourceSpan& span) const {
  const QTextBlock found = document()->findBlockByNumber(span.line - 1);
  const QTextBlock block = found.isValid() ? found : document()->lastBlock();
  const QString line = block.text();
  const std::size_t column = span.column > 0 ? static_cast<std::size_t>(span.column - 1) : 0;
  const std::size_t bytes = span.end > span.begin ? span.end - span.begin : 0;
  int begin = position_in_line(line, column);
  int end = std::max(begin, position_in_line(line, column + bytes));  // of a longer span its first line
  while (end > begin && line[end - 1].isSpace()) --end;
  if (begin == end && end < line.size() && !line[end].isSpace()) end += line[end].isHighSurrogate() ? 2 : 1;
  while (begin == end && begin > 0) {  // nothing there: what stands before it
    --begin;
    if (line[begin].isSpace()) end = begin;
  }
  if (begin > 0 && begin < line.size() && line[begin].isLowSurrogate()) --begin;
  QTextCursor cursor(block);
  cursor.setPosition(block.position() + begin);
  cursor.setPosition(block.position() + end, QTextCursor::KeepAnchor);
  if (begin == end && block.previous().isValid()) {  // an empty line: the end of the one before
    cursor.setPosition(block.position() - 1);
    cursor.setPosition(std::max(block.position() - 2, block.previous().position()), QTextCursor::KeepAnchor);
  }
  return cursor;
}

void YamlEditor::show_marks() {
  QList<QTextEdit::ExtraSelection> selections;
  QTextEdit::ExtraSelection line;
  line.format.setBackground(palette().color(QPalette::AlternateBase));
  line.format.setProperty(QTextFormat::FullWidthSelection, true);
  line.cursor = textCursor();
  line.cursor.clearSelection();
  selections.append(line);
  for (const Mark& mark : marks_) {
    QTextEdit::ExtraSelection selection;
    selection.cursor = mark.cursor;
    selection.format.setUnderlineStyle(QTextCharFormat::WaveUnderline);
    selection.format.setUnderlineColor(worse_color(palette()));
    selections.append(selection);
  }
  setExtraSelections(selections);
}

void YamlEditor::go_to(int line, int column) {
  const QTextBlock block = document()->findBlockByNumber(std::max(0, line - 1));
  QTextCursor cursor(block.isValid() ? block : document()->lastBlock());
  const auto bytes = static_cast<std::size_t>(std::max(0, column - 1));
  cursor.setPosition(cursor.block().position() + position_in_line(cursor.block().text(), bytes));
  setTextCursor(cursor);
  centerCursor();
  setFocus();
}

QString YamlEditor::messages_of_line(int line) const {
  QStringList messages;
  for (const Mark& mark : marks_) {
    if (document()->findBlock(mark.cursor.selectionStart()).blockNumber() == line) messages += mark.message;
  }
  return messages.join(QLatin1Char('\n'));
}

int YamlEditor::line_at(int y) const { return cursorForPosition(QPoint(0, y)).blockNumber(); }

int YamlEditor::margin_width() const {
  const int digits = std::max(3, static_cast<int>(QString::number(blockCount()).size()));
  return fontMetrics().horizontalAdvance(QLatin1Char('9')) * (digits + 2);
}

void YamlEditor::paint_margin(QPaintEvent* event) {
  QPainter painter(margin_);
  painter.setFont(font());
  painter.fillRect(event->rect(), palette().color(QPalette::Window));
  const int cursor_line = textCursor().blockNumber();
  const int space = fontMetrics().horizontalAdvance(QLatin1Char('9'));
  for (QTextBlock block = firstVisibleBlock(); block.isValid(); block = block.next()) {
    const QRectF place = blockBoundingGeometry(block).translated(contentOffset());
    if (place.top() > event->rect().bottom()) break;
    const bool has_problem = !messages_of_line(block.blockNumber()).isEmpty();
    const bool is_current = block.blockNumber() == cursor_line;
    const QColor plain = palette().color(is_current ? QPalette::WindowText : QPalette::PlaceholderText);
    painter.setPen(has_problem ? worse_color(palette()) : plain);
    const QRectF number(0, place.top(), margin_->width() - space, place.height());
    painter.drawText(number, Qt::AlignRight | Qt::AlignTop, QString::number(block.blockNumber() + 1));
    if (!has_problem) continue;
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setBrush(worse_color(palette()));
    const double radius = space * 0.35;
    painter.drawEllipse(QPointF(space * 0.6, place.top() + place.height() / 2), radius, radius);
  }
}

void YamlEditor::resizeEvent(QResizeEvent* event) {
  QPlainTextEdit::resizeEvent(event);
  const QRect inside = contentsRect();
  margin_->setGeometry(inside.left(), inside.top(), margin_width(), inside.height());
}

void YamlEditor::changeEvent(QEvent* event) {
  QPlainTextEdit::changeEvent(event);
  if (margin_ == nullptr) return;
  if (event->type() == QEvent::PaletteChange) {
    highlighter_->set_palette(palette());
    show_marks();
  } else if (event->type() == QEvent::FontChange) {
    setViewportMargins(margin_width(), 0, 0, 0);
  }
}

bool YamlEditor::viewportEvent(QEvent* event) {
  if (event->type() != QEvent::ToolTip) return QPlainTextEdit::viewportEvent(event);
  const auto* help = static_cast<QHelpEvent*>(event);
  const int at = cursorForPosition(help->pos()).position();
  QStringList messages;
  for (const Mark& mark : marks_) {
    if (at >= mark.cursor.selectionStart() && at <= mark.cursor.selectionEnd()) messages += mark.message;
  }
  QToolTip::showText(help->globalPos(), plain_tip(messages.join(QLatin1Char('\n'))), viewport());
  return true;
}

bool YamlEditor::canInsertFromMimeData(const QMimeData* source) const {
  return source->hasText() && !source->hasUrls();  // files go to the window
}

}  // namespace orrery::gui
