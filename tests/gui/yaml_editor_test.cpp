// The text editor: what it passes on, what it keeps, and where it underlines.
#include "gui/view/yaml_editor.hpp"

#include <QApplication>
#include <QElapsedTimer>
#include <QMimeData>
#include <QScrollBar>
#include <QSignalSpy>
#include <QTest>
#include <QTextBlock>
#include <gtest/gtest.h>

#include "gui/look/theme.hpp"
#include "gui/view/yaml_highlighter.hpp"

namespace orrery::gui {
namespace {

QString q(const char* text) { return QString::fromUtf8(text); }

class YamlEditorTest : public testing::Test {
 protected:
  YamlEditorTest() {
    editor_.resize(500, 300);
    editor_.show();
  }
  void cursor_to(int position) {
    QTextCursor cursor = editor_.textCursor();
    cursor.setPosition(position);
    editor_.setTextCursor(cursor);
  }
  QStringList underlined() const {
    QStringList texts;
    for (const QTextEdit::ExtraSelection& mark : editor_.extraSelections()) {
      if (mark.format.underlineStyle() == QTextCharFormat::WaveUnderline) texts += mark.cursor.selectedText();
    }
    return texts;
  }
  std::string last() const { return edits_.isEmpty() ? "nothing" : edits_.last().at(0).toString().toStdString(); }
  YamlEditor editor_;
  QSignalSpy edits_{&editor_, &YamlEditor::edited};
};

TEST_F(YamlEditorTest, EachKeyIsPassedOnOnceAndNewTextIsNot) {
  editor_.set_text(q("a: 1\nb: 2\n"));
  EXPECT_EQ(edits_.count(), 0);
  cursor_to(4);
  QTest::keyClicks(&editor_, q("56"));
  EXPECT_EQ(edits_.count(), 2);
  EXPECT_EQ(last(), "a: 156\nb: 2\n");
  QTest::keyClick(&editor_, Qt::Key_Backspace);
  EXPECT_EQ(edits_.count(), 3);
  editor_.set_text(q("a: 15\nb: 2\n"));  // what the document answers
  EXPECT_EQ(edits_.count(), 3);
}

TEST_F(YamlEditorTest, NewTextKeepsCursorAndScrollPosition) {
  QString text;
  for (int i = 0; i < 200; ++i) text += QStringLiteral("key%1: value\n").arg(i);
  editor_.set_text(text);
  editor_.go_to(100, 3);
  const int scroll = editor_.verticalScrollBar()->value();
  ASSERT_GT(scroll, 0);
  text.replace(QStringLiteral("key5: value"), QStringLiteral("key5: another value"));
  editor_.set_text(text);
  EXPECT_EQ(editor_.toPlainText(), text);
  EXPECT_EQ(editor_.textCursor().blockNumber(), 99);
  EXPECT_EQ(editor_.textCursor().positionInBlock(), 2);
  EXPECT_EQ(editor_.verticalScrollBar()->value(), scroll);
  EXPECT_EQ(edits_.count(), 0);
}

TEST_F(YamlEditorTest, UnderlinesByBytesWhateverStandsBefore) {
  // "é" takes 2 bytes, "→" 3, "𝄞" 4 (and two UTF-16 units): `x` is the 1 + 2 + 3 + 4 + 3 = 13th byte of line 2.
  const QString text = q("ä: 1\né→𝄞: x yz\nend:\n");
  editor_.set_text(text);
  const auto at = [](int line, int column, std::size_t length) {
    return hardware::Diagnostic{"a", {line, column, 100, 100 + length}, "wrong"};
  };
  editor_.set_problems({at(2, 12, 1)});
  EXPECT_EQ(underlined(), QStringList{q("x")});
  editor_.set_problems({at(2, 14, 2), at(2, 1, 9)});
  EXPECT_EQ(underlined(), (QStringList{q("yz"), q("é→𝄞")}));
  editor_.set_problems({at(3, 5, 0)});  // behind the colon, where a value is missing
  EXPECT_EQ(underlined(), QStringList{q(":")});
  editor_.set_problems({at(2, 12, 400)});  // of a long span its first line
  EXPECT_EQ(underlined(), QStringList{q("x yz")});
  EXPECT_EQ(editor_.messages_of_line(1), q("wrong"));
  editor_.set_problems({});
  EXPECT_TRUE(underlined().isEmpty());
}

TEST_F(YamlEditorTest, KeepsLineEndsAndBytesOutsideOfTheEdit) {
  editor_.set_text(q("a: 1\r\nb:\u00a02\r\nc: 3\n"));
  cursor_to(4);
  QTest::keyClicks(&editor_, q("0"));
  EXPECT_EQ(last(), "a: 10\r\nb:\u00a02\r\nc: 3\n");
  QTest::keyClick(&editor_, Qt::Key_Return);
  EXPECT_EQ(last(), "a: 10\r\n\r\nb:\u00a02\r\nc: 3\n");
  QTest::keyClick(&editor_, Qt::Key_Backspace);
  EXPECT_EQ(last(), "a: 10\r\nb:\u00a02\r\nc: 3\n");
}

TEST_F(YamlEditorTest, IndentsAndOutdents) {
  editor_.set_text(q("training:"));
  cursor_to(9);
  QTest::keyClick(&editor_, Qt::Key_Return);
  QTest::keyClicks(&editor_, q("a: 1"));
  QTest::keyClick(&editor_, Qt::Key_Return);
  EXPECT_EQ(last(), "training:\n  a: 1\n  ");
  QTest::keyClick(&editor_, Qt::Key_Tab);
  EXPECT_EQ(last(), "training:\n  a: 1\n    ");
  QTest::keyClick(&editor_, Qt::Key_Backtab, Qt::ShiftModifier);
  EXPECT_EQ(last(), "training:\n  a: 1\n  ");
  editor_.selectAll();
  const auto before = edits_.count();
  QTest::keyClick(&editor_, Qt::Key_Slash, Qt::ControlModifier);
  EXPECT_EQ(last(), "# training:\n#   a: 1\n  ");
  EXPECT_EQ(edits_.count(), before + 1) << "one change of several lines";
  QTest::keyClick(&editor_, Qt::Key_Slash, Qt::ControlModifier);
  EXPECT_EQ(last(), "training:\n  a: 1\n  ");
}

TEST_F(YamlEditorTest, LeavesUndoAndFilesToTheWindow) {
  editor_.set_text(q("a"));
  for (const QKeySequence::StandardKey standard : {QKeySequence::Undo, QKeySequence::Redo}) {
    const QKeyCombination keys = QKeySequence(standard)[0];
    QKeyEvent event(QEvent::ShortcutOverride, keys.key(), keys.keyboardModifiers());
    event.accept();
    QCoreApplication::sendEvent(&editor_, &event);
    EXPECT_FALSE(event.isAccepted());
  }
  EXPECT_FALSE(editor_.isUndoRedoEnabled());
}

TEST_F(YamlEditorTest, ALongTextComesInPiecesAndOneLongLineNotAtAll) {
  QString text;
  while (text.size() < YamlEditor::kLongestText - 100) text += QStringLiteral("key: 80 GiB  # so much\n");
  QElapsedTimer clock;
  clock.start();
  editor_.set_text(text);
  RecordProperty("first_piece_ms", static_cast<int>(clock.elapsed()));
  EXPECT_TRUE(editor_.isReadOnly());
  ASSERT_TRUE(QTest::qWaitFor([&] { return !editor_.is_loading(); }, 30000));
  EXPECT_FALSE(editor_.isReadOnly());
  EXPECT_EQ(editor_.toPlainText(), text);
  editor_.set_text(QString(YamlEditor::kLongestLine + 1, QLatin1Char('x')));
  EXPECT_TRUE(editor_.isReadOnly());
  EXPECT_TRUE(editor_.toPlainText().isEmpty());
  editor_.set_text(text + text);
  EXPECT_TRUE(editor_.isReadOnly());
  EXPECT_TRUE(editor_.toPlainText().isEmpty());
  editor_.set_text(q("a: 1\n"));
  EXPECT_FALSE(editor_.isReadOnly());
  EXPECT_EQ(editor_.toPlainText(), q("a: 1\n"));
  EXPECT_EQ(edits_.count(), 0);
}

TEST(YamlHighlighter, ColoursContrastWithTheGround) {
  const QPalette before = QApplication::palette();
  for (const Theme theme : {Theme::light, Theme::dark}) {
    apply_theme(theme);
    const QPalette palette = QApplication::palette();
    for (std::size_t part = 0; part < YamlHighlighter::kParts; ++part) {
      const QColor color = YamlHighlighter::color(static_cast<YamlPart>(part), palette);
      EXPECT_GE(contrast(color, palette.color(QPalette::Base)), 4.5) << part;
    }
  }
  QApplication::setPalette(before);
}

}  // namespace
}  // namespace orrery::gui
