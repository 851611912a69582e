// The window's menus and titles: what they offer, when, and that names of any kind are read as they are.
#include <QAccessible>
#include <QLabel>
#include <gmock/gmock.h>

#include "gui/look/elided_label.hpp"
#include "gui/look/text.hpp"
#include "gui/view/explain_view.hpp"
#include "gui/view/pipeline_canvas.hpp"
#include "gui/view/views.hpp"
#include "scenarios/kinds.hpp"
#include "tests/gui/gui_fixture.hpp"

namespace orrery::gui::testing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

class Actions : public WindowTest {
 protected:
  void TearDown() override {
    WindowTest::TearDown();
    QSettings().clear();
  }
  [[nodiscard]] QMenu* menu(const char* title) const {
    for (QMenu* found : window_->findChildren<QMenu*>()) {
      if (found->title().remove(u'&') == QString::fromLatin1(title)) return found;
    }
    ADD_FAILURE() << title;
    return nullptr;
  }
  /// What the rows of a menu say to the eye and to a screen reader: without the marks of mnemonics.
  static std::vector<std::string> shown_rows(QMenu& of_menu) {
    std::vector<std::string> rows;
    QAccessibleInterface* const all = QAccessible::queryAccessibleInterface(&of_menu);
    for (int i = 0; all != nullptr && i < all->childCount(); ++i) {
      rows.push_back(all->child(i)->text(QAccessible::Name).toStdString());
    }
    return rows;
  }
  [[nodiscard]] std::string shown_title() const { return window_->windowHandle()->title().toStdString(); }
  [[nodiscard]] std::string status() const { return find<ElidedLabel>("window_status")->line().toStdString(); }
};

TEST_F(Actions, ARecentFilesNameIsReadAsItIs) {
  const QString name = QStringLiteral("r&d, größe.yaml");
  ASSERT_TRUE(window_->open_file(write(name, small_training())));
  QMenu* const recent = menu("Open recent");
  ASSERT_NE(recent, nullptr);
  emit recent->aboutToShow();
  EXPECT_THAT(shown_rows(*recent), Contains(native(name)));
  ASSERT_TRUE(window_->open_file(write(QStringLiteral("b.yaml"), small_training())));
  emit recent->aboutToShow();
  for (QAction* one : recent->actions()) {
    if (one->text().contains(QStringLiteral("größe"))) one->trigger();
  }
  EXPECT_EQ(window_->document().path(), path(name)) << "and opens that file";
}

TEST_F(Actions, AnEditsNameIsReadAsItIs) {
  ASSERT_NO_FATAL_FAILURE(open(small_training()));
  ASSERT_TRUE(window_->set_value(QStringLiteral("scenario"), QStringLiteral("\"R&D\"")));
  QMenu* const edit = menu("Edit");
  ASSERT_NE(edit, nullptr);
  EXPECT_THAT(shown_rows(*edit), Contains(HasSubstr("scenario: \"small\" → \"R&D\"")));
  action(QStringLiteral("undo"))->trigger();
  EXPECT_THAT(shown_rows(*edit), Contains(HasSubstr("R&D"))) << "to be done again";
  EXPECT_EQ(text(), small_training());
}

// Where Qt would take a part of the name for the mark of an unsaved file.
TEST_F(Actions, TheTitleHasTheFilesWholeName) {
  ASSERT_NO_FATAL_FAILURE(open(small_training(), QStringLiteral("a[*]b.yaml")));
  EXPECT_THAT(shown_title(), ::testing::StartsWith("a[*]b.yaml — Orrery"));
  ASSERT_TRUE(window_->set_value(QStringLiteral("seed"), QStringLiteral("9")));
  EXPECT_THAT(shown_title(), ::testing::StartsWith("a[*]b.yaml* — Orrery"));
}

TEST_F(Actions, EveryKindOfScenarioCanBeNew) {
  std::size_t place = 0;
  for (const scenarios::KindRow* kind : scenarios::kinds()) {
    const QString name = place++ == 0 ? QStringLiteral("new") : QStringLiteral("new_") + to_qstring(kind->name);
    ASSERT_TRUE(settle([&] { action(name)->trigger(); })) << kind->name;
    EXPECT_EQ(text(), kind->scenario_template());
    ASSERT_NE(window_->current_run(), nullptr);
    EXPECT_TRUE(window_->current_run()->has_kind(kind->name)) << "a template runs as it is";
    EXPECT_FALSE(window_->document().is_modified());
    EXPECT_TRUE(window_->document().path().isEmpty());
  }
}

TEST_F(Actions, CancelIsThereWhileSomethingRuns) {
  QAction* const cancel = action(QStringLiteral("cancel"));
  EXPECT_FALSE(cancel->isEnabled());
  QSignalSpy started(&window_->simulation(), &Simulation::started);
  ASSERT_TRUE(window_->open_file(write(QStringLiteral("long.yaml"), endless_serving())));
  ASSERT_TRUE(wait_for([&] { return started.count() > 0; }));
  EXPECT_TRUE(cancel->isEnabled());
  cancel->trigger();
  ASSERT_TRUE(wait_for([&] { return !window_->simulation().is_busy(); }));
  EXPECT_FALSE(cancel->isEnabled());
  EXPECT_THAT(status(), HasSubstr("Cancelled"));
  EXPECT_FALSE(find<QProgressBar>("progress_bar")->isVisible());
}

TEST_F(Actions, TheStatusSaysWhatIsShown) {
  EXPECT_THAT(status(), HasSubstr("Open a scenario"));
  ASSERT_NO_FATAL_FAILURE(open(small_training()));
  const gui::Run& run = *window_->current_run();
  EXPECT_EQ(status(), run.label() + ": " + std::to_string(run.timeline.spans.size()) + " spans on " +
                          std::to_string(run.index.tracks().size()) + " streams");
  ASSERT_TRUE(settle([&] { window_->set_value(QStringLiteral("training.recompute"), QStringLiteral("nono")); }));
  EXPECT_THAT(status(), ::testing::StartsWith("Not simulated: "));
  EXPECT_EQ(status().find('\n'), std::string::npos);
  ASSERT_TRUE(window_->save_file(path(QStringLiteral("saved.yaml"))));
  EXPECT_EQ(status(), "Saved " + native(QStringLiteral("saved.yaml")));
}

TEST_F(Actions, PanelsAreClosedAndOpenedFromTheMenu) {
  QMenu* const panels = menu("Panels");
  ASSERT_NE(panels, nullptr);
  ASSERT_EQ(panels->actions().size(), 4);
  for (QAction* one : panels->actions()) {
    EXPECT_TRUE(one->isChecked());
    one->trigger();
    EXPECT_FALSE(one->isChecked());
  }
  turn_event_loop(30);
  for (const auto* dock : window_->findChildren<QDockWidget*>()) EXPECT_FALSE(dock->isVisible());
  for (QAction* one : panels->actions()) one->trigger();
  turn_event_loop(30);
  for (const auto* dock : window_->findChildren<QDockWidget*>()) EXPECT_TRUE(dock->isVisible());
}

TEST_F(Actions, EveryViewSaysInTheStatusWhatItShows) {
  for (const ViewRow& row : views()) {
    EXPECT_EQ(action(QStringLiteral("show_") + to_qstring(row.name))->statusTip(), to_qstring(row.summary));
  }
  EXPECT_FALSE(window_->show_view(QStringLiteral("timelime")));
  EXPECT_TRUE(window_->shows_questions()) << "an unknown view changes nothing";
}

TEST_F(Actions, OneOfThreeColoursIsChosen) {
  for (const char* chosen : {"light", "dark", "system", "light"}) {
    action(QString::fromLatin1(chosen))->trigger();
    for (const char* name : {"light", "dark", "system"}) {
      EXPECT_EQ(action(QString::fromLatin1(name))->isChecked(), std::string(name) == chosen) << name;
    }
  }
}

TEST_F(Actions, QuitCloses) {
  action(QStringLiteral("quit"))->trigger();
  EXPECT_FALSE(window_->isVisible());
}

// The schedule is the first job's: its bubble is explained under that job's name.
TEST_F(Actions, TheBubbleOfAJobIsThatJobsFigure) {
  ASSERT_NO_FATAL_FAILURE(
      open("scenario: two\ncluster: {node: dgx_h100, nodes: 2, fabric: rail_fat_tree_ndr}\njobs:\n"
           "  - name: learn\n    model: llama-3-8b\n"
           "    training: {sequence_length: 4096, global_batch_size: 32, tensor_parallel: 2, pipeline_parallel: 2, "
           "data_parallel: 2, zero: optimizer, sequence_parallel: true, attention: flash}\n"
           "  - name: chat\n    model: llama-3-8b\n    placement: {first_node: 1}\n"
           "    serving: {load: {rate: 20, requests: 100, input: 256, output: 64}}\n"));
  ASSERT_TRUE(window_->show_view(QStringLiteral("pipeline")));
  turn_event_loop(30);
  auto* const canvas = find<PipelineCanvas>("pipeline_canvas");
  ASSERT_FALSE(canvas->boxes().empty());
  canvas->setFocus();
  press(Qt::Key_Return);
  const auto* const explain = find<ExplainView>("explain_view");
  EXPECT_TRUE(explain->isVisible());
  EXPECT_EQ(explain->metric().toStdString(), "jobs.learn.training.bubble_fraction");
  EXPECT_TRUE(window_->current_run()->report.find_metric(explain->metric().toStdString()));
}

}  // namespace
}  // namespace orrery::gui::testing
