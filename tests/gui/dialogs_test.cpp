// The questions that the window asks: which file, what becomes of unsaved edits, and what it says of itself.
#include <QFileDialog>
#include <QMessageBox>
#include <QTextBrowser>
#include <gmock/gmock.h>

#include "gui/look/text.hpp"
#include "gui/view/field_delegate.hpp"
#include "gui/view/views.hpp"
#include "tests/gui/gui_fixture.hpp"

namespace orrery::gui::testing {
namespace {

using ::testing::HasSubstr;

class Dialogs : public WindowTest {
 protected:
  void SetUp() override {
    WindowTest::SetUp();
    answer_.stop();  // these tests answer themselves
  }

  template <class Dialog>
  [[nodiscard]] Dialog* asked() const {
    Dialog* dialog = nullptr;
    EXPECT_TRUE(wait_for(
        [&] {
          for (Dialog* found : window_->findChildren<Dialog*>()) {
            if (found->isVisible()) dialog = found;
          }
          return dialog != nullptr;
        },
        3000));
    return dialog;
  }
  /// Answers a file dialog with a name.
  void choose_file(const QString& file) const {
    auto* dialog = asked<QFileDialog>();
    ASSERT_NE(dialog, nullptr);
    emit dialog->fileSelected(file);
    dialog->close();
    QCoreApplication::sendPostedEvents(nullptr, QEvent::DeferredDelete);
  }
  void answer(QMessageBox::StandardButton button) const {
    auto* box = asked<QMessageBox>();
    ASSERT_NE(box, nullptr);
    ASSERT_NE(box->button(button), nullptr);
    QTest::mouseClick(box->button(button), Qt::LeftButton);
    QCoreApplication::sendPostedEvents(nullptr, QEvent::DeferredDelete);
  }
  void edit() { ASSERT_TRUE(window_->set_value(QStringLiteral("seed"), QStringLiteral("9"))); }
};

TEST_F(Dialogs, OpenAsksForAFileAndOpensIt) {
  const QString file = write(QStringLiteral("größe.yaml"), small_training());
  action(QStringLiteral("open"))->trigger();
  EXPECT_EQ(asked<QFileDialog>()->fileMode(), QFileDialog::ExistingFile);
  choose_file(file);
  EXPECT_EQ(window_->document().path(), file);
  EXPECT_EQ(window_->windowTitle(), QStringLiteral("größe.yaml[*] — Orrery"));
}

TEST_F(Dialogs, OpenBeginsWhereTheOpenFileIs) {
  ASSERT_NO_FATAL_FAILURE(open(small_training()));
  action(QStringLiteral("open"))->trigger();
  EXPECT_EQ(asked<QFileDialog>()->directory().canonicalPath(), QDir(folder_.path()).canonicalPath());
}

TEST_F(Dialogs, SaveAsksForANameOnlyWhereThereIsNone) {
  action(QStringLiteral("new"))->trigger();
  ASSERT_TRUE(window_->document().path().isEmpty());
  action(QStringLiteral("save"))->trigger();
  EXPECT_EQ(asked<QFileDialog>()->defaultSuffix(), QStringLiteral("yaml"));
  choose_file(path(QStringLiteral("new.yaml")));
  EXPECT_EQ(read_bytes(native(QStringLiteral("new.yaml"))), text());
  edit();
  action(QStringLiteral("save"))->trigger();
  EXPECT_EQ(window_->findChild<QFileDialog*>(), nullptr) << "it has a name now";
  EXPECT_THAT(read_bytes(native(QStringLiteral("new.yaml"))), HasSubstr("seed: 9"));
}

TEST_F(Dialogs, ExportsEndAsTheirKindDoes) {
  ASSERT_NO_FATAL_FAILURE(open(small_training()));
  action(QStringLiteral("export"))->trigger();
  auto* dialog = asked<QFileDialog>();
  ASSERT_NE(dialog, nullptr);
  EXPECT_EQ(dialog->defaultSuffix(), QStringLiteral("png"));
  emit dialog->filterSelected(QStringLiteral("CSV table (*.csv)"));
  EXPECT_EQ(dialog->defaultSuffix(), QStringLiteral("csv"));
  choose_file(path(QStringLiteral("front.csv")));
  EXPECT_THAT(read_bytes(native(QStringLiteral("front.csv"))), HasSubstr("group,track,activity"));
  action(QStringLiteral("export_trace"))->trigger();
  EXPECT_EQ(asked<QFileDialog>()->defaultSuffix(), QStringLiteral("json"));
}

TEST_F(Dialogs, CompareAsksForAFileAndShowsBoth) {
  ASSERT_NO_FATAL_FAILURE(open(small_training()));
  const QString other = write(QStringLiteral("b.yaml"), replaced(small_training(), "\"small\"", "\"other\""));
  action(QStringLiteral("compare_file"))->trigger();
  choose_file(other);
  ASSERT_TRUE(wait_for([&] { return window_->runs().size() == 2; }));
  EXPECT_TRUE(window_->view(QStringLiteral("compare"))->isVisible());
}

TEST_F(Dialogs, DiscardGivesUnsavedEditsUp) {
  ASSERT_NO_FATAL_FAILURE(open(small_training()));
  edit();
  action(QStringLiteral("new"))->trigger();
  EXPECT_THAT(asked<QMessageBox>()->text().toStdString(), HasSubstr("case.yaml has changes that are not saved."));
  answer(QMessageBox::Discard);
  EXPECT_TRUE(window_->document().path().isEmpty());
  EXPECT_EQ(read_bytes(native(QStringLiteral("case.yaml"))), small_training());
}

TEST_F(Dialogs, CancelKeepsUnsavedEdits) {
  ASSERT_NO_FATAL_FAILURE(open(small_training()));
  edit();
  action(QStringLiteral("new"))->trigger();
  answer(QMessageBox::Cancel);
  EXPECT_THAT(text(), HasSubstr("seed: 9"));
  EXPECT_TRUE(window_->document().is_modified());
}

TEST_F(Dialogs, SaveGoesOnOnceItIsSaved) {
  ASSERT_NO_FATAL_FAILURE(open(small_training()));
  edit();
  action(QStringLiteral("new"))->trigger();
  answer(QMessageBox::Save);
  EXPECT_THAT(read_bytes(native(QStringLiteral("case.yaml"))), HasSubstr("seed: 9"));
  EXPECT_TRUE(window_->document().path().isEmpty()) << "the new scenario is there";
}

TEST_F(Dialogs, SaveOfAnUntitledOneAsksForItsNameFirst) {
  action(QStringLiteral("new"))->trigger();
  edit();
  const std::string edited = text();
  action(QStringLiteral("new_serving"))->trigger();
  answer(QMessageBox::Save);
  choose_file(path(QStringLiteral("named.yaml")));
  EXPECT_EQ(read_bytes(native(QStringLiteral("named.yaml"))), edited);
  EXPECT_THAT(text(), HasSubstr("serving:"));
}

TEST_F(Dialogs, SaveThatFailsKeepsTheEdits) {
  ASSERT_NO_FATAL_FAILURE(open(small_training()));
  edit();
  write(QStringLiteral("case.yaml"), "scenario: theirs\n");
  action(QStringLiteral("new"))->trigger();
  answer(QMessageBox::Save);
  EXPECT_THAT(last_message(), HasSubstr("another program changed the file"));
  EXPECT_THAT(text(), HasSubstr("seed: 9"));
}

TEST_F(Dialogs, AFilesNameIsNeverMarkup) {
  ASSERT_NO_FATAL_FAILURE(open(small_training(), QStringLiteral("<b>bold<b>.yaml")));
  edit();
  action(QStringLiteral("new"))->trigger();
  EXPECT_EQ(asked<QMessageBox>()->textFormat(), Qt::PlainText);
  answer(QMessageBox::Discard);
}

TEST_F(Dialogs, APathIsBrowsedForFromItsRow) {
  const std::string trace = replaced(chat(100, 10), "arrivals: poisson", "arrivals: trace\n    trace: a.csv");
  ASSERT_NO_FATAL_FAILURE(settle([&] { window_->open_file(write(QStringLiteral("t.yaml"), trace)); }));
  const QModelIndex row = form()->model().index_of(QStringLiteral("serving.load.trace"));
  ASSERT_TRUE(row.isValid());
  FieldDelegate delegate;
  delegate.browse(row, window_.get());
  choose_file(path(QStringLiteral("größe, 2.csv")));
  EXPECT_THAT(text(), HasSubstr("größe, 2.csv\""));
}

TEST_F(Dialogs, HelpNamesEveryViewAndEveryKey) {
  action(QStringLiteral("keys"))->trigger();
  const QString help = find<QTextBrowser>("help_text")->toPlainText();
  for (const ViewRow& row : views()) EXPECT_TRUE(help.contains(to_qstring(row.summary))) << row.name;
  for (const QAction* one : window_->actions()) {
    if (one->shortcut().isEmpty()) continue;
    const QString keys = one->shortcut().toString(QKeySequence::NativeText);
    EXPECT_TRUE(help.contains(keys)) << one->text().toStdString() << " " << keys.toStdString();
  }
}

TEST_F(Dialogs, AboutSaysVersionAndLicence) {
  action(QStringLiteral("about"))->trigger();
  const auto* box = asked<QMessageBox>();
  ASSERT_NE(box, nullptr);
  EXPECT_THAT(box->text().toStdString(), HasSubstr("Orrery " + std::string(scenarios::kVersion)));
  EXPECT_THAT(box->text().toStdString(), HasSubstr("GNU GPL, version 3"));
}

}  // namespace
}  // namespace orrery::gui::testing
