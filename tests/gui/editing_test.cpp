// One document, two views: breaking and mending the text, form and text edits in turn, undo across both, saving.
#include <set>

#include <QListWidget>

#include "gui/view/problems_view.hpp"
#include "tests/gui/gui_fixture.hpp"

namespace orrery::gui::testing {
namespace {

class Editing : public WindowTest {
 protected:
  [[nodiscard]] ProblemsView* problems() const { return find<ProblemsView>("problems_view"); }

  /// The text of the list of problems, a row a line.
  [[nodiscard]] std::string listed() const {
    const auto* list = problems()->findChild<QListWidget*>();
    std::string rows;
    for (int row = 0; list != nullptr && row < list->count(); ++row) {
      rows += list->item(row)->text().toStdString() + "\n";
    }
    return rows;
  }

  /// Lines (1-based) with a mark of an error in the editor.
  [[nodiscard]] std::set<int> underlined() const {
    std::set<int> lines;
    for (const QTextEdit::ExtraSelection& mark : editor()->extraSelections()) {
      if (mark.format.underlineStyle() != QTextCharFormat::NoUnderline) lines.insert(mark.cursor.blockNumber() + 1);
    }
    for (QTextBlock block = editor()->document()->begin(); block.isValid(); block = block.next()) {
      for (const QTextLayout::FormatRange& range : block.layout()->formats()) {
        if (range.format.underlineStyle() != QTextCharFormat::NoUnderline) lines.insert(block.blockNumber() + 1);
      }
    }
    return lines;
  }

  /// Puts the editor's cursor behind `column` characters of a line, as a click would.
  void place(int line, int column) const {
    editor()->setFocus(Qt::MouseFocusReason);
    QTextCursor cursor(editor()->document()->findBlockByNumber(line - 1));
    cursor.movePosition(QTextCursor::Right, QTextCursor::MoveAnchor, column);
    editor()->setTextCursor(cursor);
  }

  /// Types over what is selected, in the editor.
  void type_over(int line, int column, int length, const QString& typed) const {
    place(line, column);
    for (int i = 0; i < length; ++i) QTest::keyClick(editor(), Qt::Key_Delete);
    QTest::keyClicks(editor(), typed);
  }

  /// An edit that makes the text wrong: one problem at `line` whose message holds `words`; the last result stays.
  void expect_problem(const std::function<void()>& edit, int line, const std::vector<std::string>& words) {
    const RunPtr good = window_->current_run();
    ASSERT_TRUE(settle(edit)) << "nothing was said";
    ASSERT_EQ(problems()->count(), 1) << listed();
    EXPECT_TRUE(problems()->isVisible());
    ASSERT_EQ(editor()->problems().size(), 1u);
    EXPECT_EQ(editor()->problems()[0].span.line, line) << editor()->problems()[0].str();
    for (const std::string& word : words) EXPECT_NE(listed().find(word), std::string::npos) << listed();
    EXPECT_EQ(underlined(), std::set<int>{line});
    EXPECT_EQ(window_->current_run(), good) << "the last good result stays";
    EXPECT_NE(report().rowCount(), 0);
  }

  void expect_well() const {
    EXPECT_EQ(problems()->count(), 0) << listed();
    EXPECT_FALSE(problems()->isVisible());
    EXPECT_TRUE(editor()->problems().empty());
    EXPECT_TRUE(underlined().empty());
  }
};

TEST_F(Editing, AnUnknownKeyIsUnderlinedWithTheNearestNameAndGoesWhenItIsMended) {
  ASSERT_NO_FATAL_FAILURE(open(small_training()));
  // Line 13 is "  recompute: none": without its last "e" the key is "recomput".
  expect_problem([&] { type_over(13, 10, 1, {}); }, 13, {"recomput", "recompute"});
  ASSERT_FALSE(HasFatalFailure());
  const RunPtr good = window_->current_run();
  ASSERT_TRUE(settle([&] { type_over(13, 10, 0, QStringLiteral("e")); }));
  expect_well();
  EXPECT_EQ(text(), small_training());
  EXPECT_NE(window_->current_run(), good);
  EXPECT_EQ(window_->current_run()->report.metric("training.step_time_s"), good->report.metric("training.step_time_s"));
}

TEST_F(Editing, AWrongUnitSaysWhichUnitsThereAre) {
  ASSERT_NO_FATAL_FAILURE(open(small_training() + "  bucket_size: 40 MiB\n"));
  expect_problem([&] { type_over(17, 18, 3, QStringLiteral("GHz")); }, 17, {"GHz", "MiB"});
}

TEST_F(Editing, TextThatIsNoYamlIsAProblemAtItsLine) {
  ASSERT_NO_FATAL_FAILURE(open(small_training()));
  // Line 4 "cluster:" loses its colon: the mapping below it has no key.
  ASSERT_TRUE(settle([&] { type_over(4, 7, 1, {}); }));
  ASSERT_GE(problems()->count(), 1);
  const int line = editor()->problems().at(0).span.line;
  EXPECT_TRUE(line == 4 || line == 5) << editor()->problems().at(0).str();
  ASSERT_TRUE(settle([&] { press(Qt::Key_Z, Qt::ControlModifier); }));
  expect_well();
  EXPECT_EQ(text(), small_training());
}

TEST_F(Editing, AllProblemsAreShownAtOnceAndActivatingOneGoesThere) {
  ASSERT_NO_FATAL_FAILURE(open(small_training()));
  std::string broken = replaced(small_training(), "recompute: none", "recompute: nono");
  broken = replaced(broken, "tensor_parallel: 2 ", "tensor_parallel: x ");
  ASSERT_TRUE(settle([&] { window_->document().set_text(QString::fromStdString(broken)); }));
  EXPECT_EQ(problems()->count(), 2) << listed();
  EXPECT_EQ(underlined(), (std::set<int>{11, 13}));
  place(1, 0);
  auto* list = problems()->findChild<QListWidget*>();
  ASSERT_NE(list, nullptr);
  list->setCurrentRow(1);
  list->setFocus();
  QTest::keyClick(list, Qt::Key_Return);
  EXPECT_EQ(editor()->textCursor().blockNumber() + 1, 13);
}

TEST_F(Editing, AFormEditThatIsWrongIsMarkedInTheFormToo) {
  ASSERT_NO_FATAL_FAILURE(open(small_training()));
  const QString key = QStringLiteral("training.global_batch_size");
  // 65 sequences don't divide by 4 data-parallel ranks of micro-batches of 1.
  expect_problem([&] { type(key, QStringLiteral("65")); }, 8, {"65 is not a multiple"});
  const QModelIndex field = form()->model().index_of(key);
  ASSERT_TRUE(field.isValid());
  EXPECT_FALSE(field.data(FormModel::kProblemRole).toString().isEmpty());
}

TEST_F(Editing, FormAndTextEditsAreOneUndoHistory) {
  ASSERT_NO_FATAL_FAILURE(open(small_training()));
  const std::string first = small_training();
  ASSERT_TRUE(settle([&] { type(QStringLiteral("training.tensor_parallel"), QStringLiteral("4")); }));
  const std::string second = text();
  EXPECT_EQ(second, replaced(first, "tensor_parallel: 2 ", "tensor_parallel: 4 "));
  // Line 8 is "  global_batch_size:  64", its value begins after 22 characters.
  ASSERT_TRUE(settle([&] { type_over(8, 22, 2, QStringLiteral("128")); }));
  const std::string third = text();
  EXPECT_EQ(third, replaced(second, "global_batch_size:  64", "global_batch_size:  128"));
  ASSERT_TRUE(settle([&] { choose(QStringLiteral("training.recompute"), QStringLiteral("full")); }));
  const std::string fourth = text();
  EXPECT_EQ(fourth, replaced(third, "recompute: none", "recompute: full"));

  // Back to the first text, past every edit; how many steps typing is depends on its words.
  const auto back_to = [&](const std::string& wanted) {
    for (int steps = 0; steps < 6 && text() != wanted; ++steps) {
      editor()->setFocus();
      press(Qt::Key_Z, Qt::ControlModifier);
    }
    return text() == wanted;
  };
  EXPECT_TRUE(back_to(third)) << text();
  EXPECT_TRUE(back_to(second)) << text();
  EXPECT_TRUE(back_to(first)) << text();
  EXPECT_EQ(editor()->toPlainText().toStdString(), first);
  EXPECT_FALSE(window_->document().is_modified());
  while (action(QStringLiteral("redo"))->isEnabled()) action(QStringLiteral("redo"))->trigger();
  EXPECT_EQ(text(), fourth);
  EXPECT_EQ(editor()->toPlainText().toStdString(), fourth);
  // The form shows what the text says.
  ASSERT_TRUE(wait_for([&] { return !window_->simulation().is_busy(); }));
  EXPECT_EQ(form()->model().index_of(QStringLiteral("training.global_batch_size")).data().toString(),
            QStringLiteral("128"));
}

TEST_F(Editing, TheFormCannotEditATextThatDoesNotParseAndSaysSo) {
  ASSERT_NO_FATAL_FAILURE(open(small_training()));
  const std::string broken = replaced(small_training(), "cluster:\n", "cluster\n");
  ASSERT_TRUE(settle([&] { window_->document().set_text(QString::fromStdString(broken)); }));
  EXPECT_FALSE(window_->set_value(QStringLiteral("training.tensor_parallel"), QStringLiteral("4")));
  EXPECT_FALSE(last_message().empty());
  EXPECT_EQ(text(), broken);
}

TEST_F(Editing, TheTitleNamesTheFileAndMarksChanges) {
  ASSERT_NO_FATAL_FAILURE(open(small_training(), QStringLiteral("titled.yaml")));
  EXPECT_TRUE(window_->windowTitle().contains(QStringLiteral("titled.yaml")));
  EXPECT_TRUE(window_->windowTitle().contains(QStringLiteral("[*]")));
  EXPECT_FALSE(window_->isWindowModified());
  type_over(1, 0, 0, QStringLiteral("#"));
  EXPECT_TRUE(window_->isWindowModified());
  EXPECT_TRUE(window_->document().is_modified());
  action(QStringLiteral("save"))->trigger();
  EXPECT_FALSE(window_->isWindowModified());
  EXPECT_EQ(read_bytes(native(QStringLiteral("titled.yaml"))), "#" + small_training());
}

TEST_F(Editing, SavingUnderAnotherNameLeavesTheFirstFileAlone) {
  ASSERT_NO_FATAL_FAILURE(open(small_training()));
  ASSERT_TRUE(window_->set_value(QStringLiteral("training.recompute"), QStringLiteral("full")));
  const QString other = path(QStringLiteral("other name ü.yaml"));
  EXPECT_TRUE(window_->save_file(other)) << last_message();
  EXPECT_EQ(read_bytes(native(QStringLiteral("case.yaml"))), small_training());
  EXPECT_EQ(read_bytes(other.toStdString()), replaced(small_training(), "recompute: none", "recompute: full"));
  EXPECT_TRUE(window_->windowTitle().contains(QStringLiteral("other name ü.yaml")));
  // Nothing is left of the temporary names.
  EXPECT_EQ(
      QDir(folder_.path()).entryList({QStringLiteral("*.yaml*"), QStringLiteral(".*")}, QDir::Files | QDir::Hidden),
      (QStringList{QStringLiteral("case.yaml"), QStringLiteral("other name ü.yaml")}));
}

struct Bytes {
  const char* name;
  std::string text;
};

// What a file holds beside its values is the user's: an edit and a save keep it.
TEST_F(Editing, LineEndsByteOrderMarkAndAMissingLastNewlineAreKept) {
  std::string crlf = small_training();
  for (std::size_t at = 0; (at = crlf.find('\n', at)) != std::string::npos; at += 2) crlf.replace(at, 1, "\r\n");
  std::string open_end = small_training();
  open_end.pop_back();
  const std::vector<Bytes> cases = {{"crlf.yaml", crlf},
                                    {"bom.yaml", "\xef\xbb\xbf" + small_training()},
                                    {"open_end.yaml", open_end},
                                    {"umlaut.yaml",
                                     "# Gr\xc3\xb6\xc3\x9f"
                                     "e \xf0\x9f\x94\xad\n" +
                                         small_training()}};
  for (const Bytes& one : cases) {
    SCOPED_TRACE(one.name);
    ASSERT_NO_FATAL_FAILURE(open(one.text, QString::fromLatin1(one.name)));
    const std::string file = native(QString::fromLatin1(one.name));
    EXPECT_TRUE(window_->save_file()) << last_message();
    EXPECT_EQ(read_bytes(file), one.text) << "loaded and saved";
    ASSERT_TRUE(settle([&] { type(QStringLiteral("training.tensor_parallel"), QStringLiteral("4")); }));
    EXPECT_TRUE(window_->save_file()) << last_message();
    EXPECT_EQ(read_bytes(file), replaced(one.text, "tensor_parallel: 2 ", "tensor_parallel: 4 "))
        << "edited in the form";
    ASSERT_TRUE(settle([&] { type_over(3, 0, 0, QStringLiteral(" ")); })) << "typed into the text";
    ASSERT_TRUE(settle([&] { press(Qt::Key_Z, Qt::ControlModifier); }));
    EXPECT_TRUE(window_->save_file()) << last_message();
    EXPECT_EQ(read_bytes(file), replaced(one.text, "tensor_parallel: 2 ", "tensor_parallel: 4 "))
        << "typed and taken back";
  }
}

// A permission that the user set is no part of the text, but his all the same.
TEST_F(Editing, SavingKeepsTheFilesPermissionsAndFollowsLinks) {
  ASSERT_NO_FATAL_FAILURE(open(small_training(), QStringLiteral("real.yaml")));
  const QFile::Permissions rights = QFile::ReadOwner | QFile::WriteOwner | QFile::ReadGroup;
  ASSERT_TRUE(QFile::setPermissions(path(QStringLiteral("real.yaml")), rights));
  const QFile::Permissions before = QFile::permissions(path(QStringLiteral("real.yaml")));
  ASSERT_TRUE(QFile::link(path(QStringLiteral("real.yaml")), path(QStringLiteral("link.yaml"))));
  ASSERT_TRUE(settle([&] { EXPECT_TRUE(window_->open_file(path(QStringLiteral("link.yaml")))); }));
  ASSERT_TRUE(window_->set_value(QStringLiteral("training.recompute"), QStringLiteral("full")));
  EXPECT_TRUE(window_->save_file()) << last_message();
  EXPECT_TRUE(QFileInfo(path(QStringLiteral("link.yaml"))).isSymLink());
  EXPECT_EQ(read_bytes(native(QStringLiteral("real.yaml"))),
            replaced(small_training(), "recompute: none", "recompute: full"));
  EXPECT_EQ(QFile::permissions(path(QStringLiteral("real.yaml"))), before);
}

}  // namespace
}  // namespace orrery::gui::testing
