// Whole tasks by the keyboard alone.
#include <QApplication>
#include <QClipboard>
#include <QListWidget>
#include <QTreeView>
#include <gmock/gmock.h>

#include "gui/view/explain_view.hpp"
#include "gui/view/library_view.hpp"
#include "gui/view/problems_view.hpp"
#include "tests/gui/gui_fixture.hpp"
#include "tests/places.hpp"

namespace orrery::gui::testing {
namespace {

using ::testing::HasSubstr;

class Keyboard : public WindowTest {
 protected:
  [[nodiscard]] bool has_focus(const QWidget* part) const {
    const QWidget* focus = QApplication::focusWidget();
    return focus != nullptr && (focus == part || part->isAncestorOf(focus));
  }
  void type_letters(const char* letters) const {
    for (const char* letter = letters; *letter != '\0'; ++letter) QTest::keyClick(QApplication::focusWidget(), *letter);
  }
};

TEST_F(Keyboard, AltAndANumberGoToEachPart) {
  ASSERT_NO_FATAL_FAILURE(open(small_training()));
  press(Qt::Key_1, Qt::AltModifier);
  EXPECT_TRUE(has_focus(find<QWidget>("library_view")));
  press(Qt::Key_2, Qt::AltModifier);
  EXPECT_TRUE(has_focus(form()));
  press(Qt::Key_3, Qt::AltModifier);
  EXPECT_TRUE(has_focus(editor()));
  press(Qt::Key_4, Qt::AltModifier);
  EXPECT_TRUE(has_focus(find<QWidget>("report_view")));
  press(Qt::Key_0, Qt::AltModifier);
  EXPECT_TRUE(window_->shows_questions());
}

TEST_F(Keyboard, AScenarioIsFoundAndOpenedFromTheLibrary) {
  press(Qt::Key_1, Qt::AltModifier);
  type_letters("gpt-2 124m");
  press(Qt::Key_Return);  // to the first that was found
  ASSERT_TRUE(settle([&] { press(Qt::Key_Return); }));
  EXPECT_TRUE(window_->document().path().endsWith(QStringLiteral("gpt2-124m-8xa100.yaml")));
  EXPECT_NE(window_->current_run(), nullptr);
}

TEST_F(Keyboard, AKeyIsFilteredForEditedAndUndone) {
  ASSERT_NO_FATAL_FAILURE(open(small_training()));
  press(Qt::Key_2, Qt::AltModifier);
  type_letters("global batch");
  press(Qt::Key_Down);
  QTreeView& tree = form()->tree();
  ASSERT_TRUE(has_focus(&tree));
  const auto at_key = [&] { return tree.currentIndex().data(FormModel::kKeyRole).toString(); };
  for (int i = 0; i < 20 && at_key() != QStringLiteral("training.global_batch_size"); ++i) press(Qt::Key_Down);
  ASSERT_EQ(at_key(), QStringLiteral("training.global_batch_size"));
  press(Qt::Key_F2);
  ASSERT_TRUE(settle([&] {
    press(Qt::Key_A, Qt::ControlModifier);
    type_letters("128");
    press(Qt::Key_Return);
  }));
  EXPECT_EQ(text(), replaced(small_training(), "global_batch_size:  64", "global_batch_size:  128"));
  ASSERT_TRUE(settle([&] { press(Qt::Key_Z, Qt::ControlModifier); }));
  EXPECT_EQ(text(), small_training());
  ASSERT_TRUE(settle([&] { press(Qt::Key_Y, Qt::ControlModifier); }));
  EXPECT_THAT(text(), HasSubstr("128"));
}

TEST_F(Keyboard, EscapeLeavesAFieldAsItWas) {
  ASSERT_NO_FATAL_FAILURE(open(small_training()));
  ASSERT_NE(open_field(QStringLiteral("scenario")), nullptr);
  type_letters("xyz");
  press(Qt::Key_Escape);
  EXPECT_EQ(text(), small_training());
  EXPECT_TRUE(has_focus(&form()->tree()));
}

TEST_F(Keyboard, SectionsFoldByEnter) {
  ASSERT_NO_FATAL_FAILURE(open(small_training()));
  QTreeView& tree = form()->tree();
  tree.setFocus();
  QModelIndex section = tree.model()->index(0, 0);
  while (section.isValid() && section.data(FormModel::kKeyRole).toString() != QStringLiteral("training")) {
    section = section.siblingAtRow(section.row() + 1);
  }
  ASSERT_TRUE(section.isValid());
  tree.setCurrentIndex(section);
  press(Qt::Key_Return);
  EXPECT_FALSE(tree.isExpanded(section));
  press(Qt::Key_Return);
  EXPECT_TRUE(tree.isExpanded(section));
  press(Qt::Key_X);
  EXPECT_EQ(text(), small_training()) << "a letter on a section means nothing";
}

TEST_F(Keyboard, AProblemLeadsToItsPlace) {
  ASSERT_TRUE(settle([&] {
    window_->open_file(
        write(QStringLiteral("w.yaml"), replaced(small_training(), "recompute: none", "recompute: nono")));
  }));
  auto* list = find<QListWidget>("problems_list");
  ASSERT_EQ(list->count(), 1);
  EXPECT_THAT(list->item(0)->text().toStdString(), ::testing::StartsWith("Line 13, column 14: "));
  list->setFocus();
  list->setCurrentRow(0);
  press(Qt::Key_Return);
  EXPECT_TRUE(has_focus(editor()));
  EXPECT_EQ(editor()->textCursor().blockNumber(), 12);
  EXPECT_EQ(editor()->textCursor().positionInBlock(), 13);
}

TEST_F(Keyboard, AFigureIsExplainedAndCopied) {
  ASSERT_NO_FATAL_FAILURE(open(small_training()));
  press(Qt::Key_4, Qt::AltModifier);
  QTreeView& table = find<ReportView>("report_view")->table();
  table.setCurrentIndex(report().index_of(QStringLiteral("training.mfu")));
  press(Qt::Key_C, Qt::ControlModifier);
  EXPECT_THAT(QApplication::clipboard()->text().toStdString(), ::testing::StartsWith("MFU\t"));
  press(Qt::Key_Return);
  auto* explain = qobject_cast<ExplainView*>(window_->view(QStringLiteral("explain")));
  EXPECT_TRUE(explain->isVisible());
  EXPECT_EQ(explain->metric(), QStringLiteral("training.mfu"));
}

TEST_F(Keyboard, F5SimulatesAgainAndKeepsWhatIsComparedWith) {
  ASSERT_NO_FATAL_FAILURE(open(small_training()));
  ASSERT_TRUE(settle([&] { window_->set_value(QStringLiteral("training.recompute"), QStringLiteral("full")); }));
  const RunPtr before = window_->previous_run(), first = window_->current_run();
  ASSERT_TRUE(settle([&] { press(Qt::Key_F5); }));
  EXPECT_NE(window_->current_run(), first);
  EXPECT_EQ(window_->previous_run(), before) << "the same text again is no edit";
  EXPECT_EQ(window_->current_run()->report.metric("training.step_time_s"),
            first->report.metric("training.step_time_s"));
}

TEST_F(Keyboard, ARunIsGoneBackTo) {
  ASSERT_NO_FATAL_FAILURE(open(small_training()));
  ASSERT_TRUE(settle([&] { window_->set_value(QStringLiteral("training.recompute"), QStringLiteral("full")); }));
  auto* list = find<QListWidget>("runs_list");
  ASSERT_EQ(list->count(), 2);
  list->setFocus();
  press(Qt::Key_Down);
  ASSERT_TRUE(settle([&] { press(Qt::Key_Return); }));
  EXPECT_EQ(text(), small_training());
  EXPECT_TRUE(window_->document().undo_stack().canUndo()) << "it is an edit like any other";
}

class Variants : public WindowTest {
 protected:
  /// As a double click in the library does.
  bool open_variant(const std::string& scenario, const char* variant) {
    const QString file = write(QStringLiteral("v.yaml"), scenario);
    return settle([&] { emit find<LibraryView>("library_view")->open_requested(file, QString::fromUtf8(variant)); });
  }
};

TEST_F(Variants, SetTheirValuesInTheText) {
  const std::string scenario = small_training() +
                               "variants:\n"
                               "  - name: \"größer, mit allem\"\n"
                               "    set: {training.recompute: full, training.stage_layers: [32], cluster.nodes: 2}\n";
  ASSERT_TRUE(open_variant(scenario, "größer, mit allem"));
  EXPECT_THAT(text(), HasSubstr("  recompute: full\n"));
  EXPECT_THAT(text(), HasSubstr("stage_layers: [32]\n"));
  EXPECT_THAT(text(), HasSubstr("  nodes: 2\n"));
  EXPECT_TRUE(window_->document().is_modified()) << "the file holds the scenario, not its variant";
  while (window_->document().undo_stack().canUndo()) window_->document().undo_stack().undo();
  EXPECT_EQ(text(), scenario);
}

TEST_F(Variants, AreWhatTheLibraryRuns) {
  const QString file = QString::fromStdString(orrery::tests::source_root() +
                                              "/scenarios/library/training/korthikanti-175b-64xa100.yaml");
  ASSERT_TRUE(
      settle([&] { emit find<LibraryView>("library_view")->open_requested(file, QStringLiteral("no recompute")); }));
  const scenarios::Scenario whole = scenarios::load_scenario(file.toStdString(), {});
  for (const scenarios::Scenario& variant : whole.variants) {
    if (variant.variant != "no recompute") continue;
    EXPECT_EQ(window_->current_run()->report.metric("memory.peak_bytes"),
              scenarios::run_scenario(variant).metric("memory.peak_bytes"));
    return;
  }
  ADD_FAILURE() << "the library has no such variant any more";
}

TEST_F(Variants, ThatAreNotThereOpenTheFileAlone) {
  ASSERT_TRUE(open_variant(small_training(), "gone"));
  EXPECT_EQ(text(), small_training());
  EXPECT_FALSE(window_->document().is_modified());
}

TEST_F(Variants, ThatCantBeSetSayWhy) {
  const std::string scenario = small_training() + "variants:\n  - {name: odd, set: {scenario.title: 3}}\n";
  ASSERT_TRUE(open_variant(scenario, "odd"));
  EXPECT_THAT(last_message(), HasSubstr("v.yaml:2:11: 'small' is a single value: 'title' can't be set in it"));
  EXPECT_EQ(text(), scenario);
}

}  // namespace
}  // namespace orrery::gui::testing
