// Keys of the text editor: indentation, comments, and those that are the window's.
#include <QSignalSpy>
#include <QTest>
#include <gtest/gtest.h>

#include "gui/view/yaml_editor.hpp"

namespace orrery::gui {
namespace {

class YamlKeys : public ::testing::Test {
 protected:
  YamlKeys() {
    editor_.resize(400, 200);
    editor_.show();
  }
  /// Text with "|" at the cursor, or with two at the ends of the selection.
  void put(const char* text) {
    QString plain = QString::fromUtf8(text);
    const auto first = static_cast<int>(plain.indexOf(u'|'));
    plain.remove(first, 1);
    const auto second = static_cast<int>(plain.indexOf(u'|'));
    if (second >= 0) plain.remove(second, 1);
    editor_.set_text(plain);
    QTextCursor cursor = editor_.textCursor();
    cursor.setPosition(first);
    if (second >= 0) cursor.setPosition(second, QTextCursor::KeepAnchor);
    editor_.setTextCursor(cursor);
  }
  /// The text after a key, with "|" at the cursor.
  std::string after(Qt::Key key, Qt::KeyboardModifiers modifiers = Qt::NoModifier) {
    QTest::keyClick(&editor_, key, modifiers);
    QString text = editor_.toPlainText();
    return text.insert(editor_.textCursor().position(), u'|').toStdString();
  }
  std::string text() const { return editor_.toPlainText().toStdString(); }

  YamlEditor editor_;
};

TEST_F(YamlKeys, ANewLineIsIndentedAsTheOneBefore) {
  put("a:\n  b: 1|\n");
  EXPECT_EQ(after(Qt::Key_Return), "a:\n  b: 1\n  |\n");
}

TEST_F(YamlKeys, ANewLineBehindAKeyWithoutValueIsOneLevelIn) {
  put("a:|\n");
  EXPECT_EQ(after(Qt::Key_Return), "a:\n  |\n");
  put("# a comment:|\n");
  EXPECT_EQ(after(Qt::Key_Return), "# a comment:\n|\n") << "a comment has no level";
}

TEST_F(YamlKeys, ANewLineBehindAnItemsKeyStandsBelowThatKey) {
  put("jobs:\n  - name: a|\n");
  EXPECT_EQ(after(Qt::Key_Return), "jobs:\n  - name: a\n    |\n");
  put("list:\n  - 1|\n");
  EXPECT_EQ(after(Qt::Key_Return), "list:\n  - 1\n  |\n");
}

TEST_F(YamlKeys, ANewLineWithinALineTakesTheRestAlong) {
  put("a: 1| b: 2\n");
  EXPECT_EQ(after(Qt::Key_Return), "a: 1\n| b: 2\n");
}

TEST_F(YamlKeys, TabGoesToTheNextLevel) {
  put("a|\n");
  EXPECT_EQ(after(Qt::Key_Tab), "a |\n");
  put("ab|\n");
  EXPECT_EQ(after(Qt::Key_Tab), "ab  |\n");
}

TEST_F(YamlKeys, TabIndentsEverySelectedLineThatIsNotEmpty) {
  put("|a: 1\n\nb: 2\n|c: 3\n");
  QTest::keyClick(&editor_, Qt::Key_Tab);
  EXPECT_EQ(text(), "  a: 1\n\n  b: 2\nc: 3\n") << "of the last line nothing is selected";
  QTest::keyClick(&editor_, Qt::Key_Backtab, Qt::ShiftModifier);
  EXPECT_EQ(text(), "a: 1\n\nb: 2\nc: 3\n");
}

TEST_F(YamlKeys, BacktabTakesWhatSpacesThereAre) {
  put(" a: |1\n");
  QTest::keyClick(&editor_, Qt::Key_Backtab, Qt::ShiftModifier);
  EXPECT_EQ(text(), "a: 1\n");
  QTest::keyClick(&editor_, Qt::Key_Backtab, Qt::ShiftModifier);
  EXPECT_EQ(text(), "a: 1\n");
}

TEST_F(YamlKeys, CommentsGoAtTheLeastIndentationAndBack) {
  put("|a:\n    b: 1\n\n  c: 2|\n");
  QTest::keyClick(&editor_, Qt::Key_Slash, Qt::ControlModifier);
  EXPECT_EQ(text(), "# a:\n#     b: 1\n\n#   c: 2\n");
  QTest::keyClick(&editor_, Qt::Key_Slash, Qt::ControlModifier);
  EXPECT_EQ(text(), "a:\n    b: 1\n\n  c: 2\n");
}

TEST_F(YamlKeys, OneLineThatIsNoCommentMakesCommentsOfAll) {
  put("|# a: 1\nb: 2|\n");
  QTest::keyClick(&editor_, Qt::Key_Slash, Qt::ControlModifier);
  EXPECT_EQ(text(), "# # a: 1\n# b: 2\n");
}

TEST_F(YamlKeys, ACommentWithoutASpaceLosesItsHashAlone) {
  put("#a: |1\n");
  QTest::keyClick(&editor_, Qt::Key_Slash, Qt::ControlModifier);
  EXPECT_EQ(text(), "a: 1\n");
  put("|\n");
  QTest::keyClick(&editor_, Qt::Key_Slash, Qt::ControlModifier);
  EXPECT_EQ(text(), "\n") << "an empty line stays one";
}

TEST_F(YamlKeys, EachKeyIsOneEdit) {
  QSignalSpy edits(&editor_, &YamlEditor::edited);
  put("|a: 1\nb: 2|\n");
  QTest::keyClick(&editor_, Qt::Key_Tab);
  EXPECT_EQ(edits.count(), 1);
  EXPECT_EQ(edits.last().at(0).toString().toStdString(), "  a: 1\n  b: 2\n");
}

TEST_F(YamlKeys, LineEndsOfTheFileAreThoseOfNewLines) {
  QSignalSpy edits(&editor_, &YamlEditor::edited);
  editor_.set_text(QStringLiteral("a: 1\r\nb: 2\r\n"));
  editor_.go_to(1, 5);
  QTest::keyClick(&editor_, Qt::Key_Return);
  EXPECT_EQ(edits.last().at(0).toString().toStdString(), "a: 1\r\n\r\nb: 2\r\n");
}

TEST_F(YamlKeys, GoingToAPlaceThatIsNotThereStaysWithinTheText) {
  editor_.set_text(QStringLiteral("a: 1\nfé: 2\n"));
  editor_.go_to(99, 1);
  EXPECT_EQ(editor_.textCursor().blockNumber(), 2) << "the last line";
  editor_.go_to(2, 99);
  EXPECT_EQ(editor_.textCursor().positionInBlock(), 5) << "its end";
  editor_.go_to(0, 0);
  EXPECT_EQ(editor_.textCursor().position(), 0);
  editor_.go_to(2, 4);  // behind "é", of two bytes
  EXPECT_EQ(editor_.textCursor().positionInBlock(), 2);
}

}  // namespace
}  // namespace orrery::gui
