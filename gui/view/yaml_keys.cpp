// Keys of the YAML editor: indentation, comments, and those that belong to the window.

#include <algorithm>
#include <utility>

#include <QKeyEvent>
#include <QTextBlock>

#include "gui/view/yaml_editor.hpp"

namespace orrery::gui {

namespace {

constexpr int kIndent = 2;

int leading_spaces(const QString& line) {
  int count = 0;
  while (count < line.size() && line[count] == QLatin1Char(' ')) ++count;
  return count;
}

/// Undo is the document's: the window has the shortcuts.
bool is_undo(const QKeyEvent& event) { return event.matches(QKeySequence::Undo) || event.matches(QKeySequence::Redo); }

/// First and last line of the selection; a last line of which nothing is selected does not count.
std::pair<QTextBlock, QTextBlock> selected_lines(const QTextCursor& cursor) {
  const QTextBlock first = cursor.document()->findBlock(cursor.selectionStart());
  QTextBlock last = cursor.document()->findBlock(cursor.selectionEnd());
  if (last != first && last.position() == cursor.selectionEnd()) last = last.previous();
  return {first, last};
}

}  // namespace

bool YamlEditor::event(QEvent* event) {
  if (event->type() == QEvent::ShortcutOverride && is_undo(*static_cast<QKeyEvent*>(event))) {
    event->ignore();
    return true;
  }
  return QPlainTextEdit::event(event);
}

void YamlEditor::keyPressEvent(QKeyEvent* event) {
  if (is_undo(*event)) {
    event->ignore();
    return;
  }
  if (event->key() == Qt::Key_Escape) {
    leaves_ = true;
    event->ignore();
    return;
  }
  const bool is_modifier = event->key() == Qt::Key_Shift || event->key() == Qt::Key_Control ||
                           event->key() == Qt::Key_Alt || event->key() == Qt::Key_Meta;
  const bool leaves = is_modifier ? leaves_ : std::exchange(leaves_, false);
  const bool is_tab = event->key() == Qt::Key_Tab || event->key() == Qt::Key_Backtab;
  if (is_tab && (leaves || isReadOnly())) {
    QWidget::focusNextPrevChild(event->key() == Qt::Key_Tab);
    return;
  }
  if (!isReadOnly() && indent_key(*event)) return;
  QPlainTextEdit::keyPressEvent(event);
}

bool YamlEditor::indent_key(const QKeyEvent& event) {
  const Qt::KeyboardModifiers modifiers = event.modifiers() & ~Qt::KeypadModifier;
  if (event.key() == Qt::Key_Tab && modifiers == Qt::NoModifier) {
    indent(false);
  } else if (event.key() == Qt::Key_Backtab) {
    indent(true);
  } else if ((event.key() == Qt::Key_Return || event.key() == Qt::Key_Enter) && modifiers == Qt::NoModifier) {
    new_line();
  } else if (event.key() == Qt::Key_Slash && modifiers == Qt::ControlModifier) {
    toggle_comment();
  } else {
    return false;
  }
  return true;
}

void YamlEditor::indent(bool outwards) {
  QTextCursor cursor = textCursor();
  const auto [first, last] = selected_lines(cursor);
  if (!outwards && first == last) {
    const int column = cursor.selectionStart() - first.position();
    cursor.insertText(QString(kIndent - column % kIndent, QLatin1Char(' ')));
    setTextCursor(cursor);
    return;
  }
  QTextCursor edit(document());
  edit.beginEditBlock();
  for (QTextBlock line = first; line.isValid() && line.position() <= last.position(); line = line.next()) {
    edit.setPosition(line.position());
    if (outwards) {
      const int count = std::min(kIndent, leading_spaces(line.text()));
      edit.setPosition(line.position() + count, QTextCursor::KeepAnchor);
      edit.removeSelectedText();
    } else if (!line.text().isEmpty()) {
      edit.insertText(QString(kIndent, QLatin1Char(' ')));
    }
  }
  edit.endEditBlock();
}

void YamlEditor::new_line() {
  QTextCursor cursor = textCursor();
  const QTextBlock block = document()->findBlock(cursor.selectionStart());
  const QString before = block.text().left(cursor.selectionStart() - block.position());
  const QString content = before.trimmed();
  int spaces = leading_spaces(before);
  const bool is_item = content.startsWith(QLatin1String("- "));
  if (is_item && content.contains(QLatin1Char(':'))) spaces += kIndent;  // further keys of the item
  if (content.endsWith(QLatin1Char(':')) && !content.startsWith(QLatin1Char('#'))) spaces += kIndent;
  cursor.insertText(QLatin1Char('\n') + QString(spaces, QLatin1Char(' ')));
  setTextCursor(cursor);
  ensureCursorVisible();
}

void YamlEditor::toggle_comment() {
  const auto [first, last] = selected_lines(textCursor());
  bool all_are_comments = true;
  int column = -1;
  for (QTextBlock line = first; line.isValid() && line.position() <= last.position(); line = line.next()) {
    const QString text = line.text();
    if (text.trimmed().isEmpty()) continue;
    const int spaces = leading_spaces(text);
    column = column < 0 ? spaces : std::min(column, spaces);
    all_are_comments = all_are_comments && text[spaces] == QLatin1Char('#');
  }
  if (column < 0) return;
  QTextCursor edit(document());
  edit.beginEditBlock();
  for (QTextBlock line = first; line.isValid() && line.position() <= last.position(); line = line.next()) {
    const QString text = line.text();
    if (text.trimmed().isEmpty()) continue;
    if (!all_are_comments) {
      edit.setPosition(line.position() + column);
      edit.insertText(QStringLiteral("# "));
      continue;
    }
    const int spaces = leading_spaces(text);
    const bool has_space = spaces + 1 < text.size() && text[spaces + 1] == QLatin1Char(' ');
    edit.setPosition(line.position() + spaces);
    edit.setPosition(line.position() + spaces + (has_space ? 2 : 1), QTextCursor::KeepAnchor);
    edit.removeSelectedText();
  }
  edit.endEditBlock();
}

}  // namespace orrery::gui
