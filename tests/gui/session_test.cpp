// What one session leaves to the next, and two windows at once.
#include <QDockWidget>
#include <gmock/gmock.h>

#include "tests/gui/gui_fixture.hpp"

namespace orrery::gui::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Session : public WindowTest {
 protected:
  void TearDown() override {
    WindowTest::TearDown();
    QSettings().clear();  // themes and files of one test are not the next one's
  }
  /// The window closes, and the program starts again.
  void restart(const QSize& size = {1600, 1000}) {
    ASSERT_TRUE(window_->close());
    messages_.reset();
    window_ = std::make_unique<MainWindow>();
    messages_ = std::make_unique<QSignalSpy>(window_.get(), &MainWindow::notified);
    window_->resize(size);
    window_->restore_layout();
    window_->show();
    turn_event_loop(50);
  }
  [[nodiscard]] QDockWidget* dock(const char* name) const { return find<QDockWidget>(name); }
  [[nodiscard]] qsizetype tabbed() const { return window_->tabifiedDockWidgets(dock("library_dock")).size(); }
  [[nodiscard]] std::vector<std::string> recent() const {
    QMenu* menu = nullptr;
    std::vector<std::string> names;
    for (QMenu* found : window_->findChildren<QMenu*>()) {
      if (found->title().contains(QStringLiteral("recent"))) menu = found;
    }
    if (menu == nullptr) return names;
    emit menu->aboutToShow();
    for (const QAction* action : menu->actions()) names.push_back(QFileInfo(action->text()).fileName().toStdString());
    return names;
  }
};

TEST_F(Session, HasTheSizeAndThePanelsOfTheLast) {
  const QSize size(780, 640);  // no larger than the screen: a window is never restored beyond it
  window_->resize(size);
  dock("library_dock")->close();
  turn_event_loop(50);
  ASSERT_NO_FATAL_FAILURE(restart());
  EXPECT_EQ(window_->size(), size);
  EXPECT_FALSE(dock("library_dock")->toggleViewAction()->isChecked());
  EXPECT_TRUE(dock("form_dock")->toggleViewAction()->isChecked());
}

TEST_F(Session, OfANarrowWindowHasItsPanelsSideBySideInAWideOne) {
  window_->resize(900, 620);
  turn_event_loop(50);
  ASSERT_EQ(tabbed(), 3) << "a narrow window has them as tabs";
  ASSERT_NO_FATAL_FAILURE(restart());
  window_->resize(1600, 1000);
  turn_event_loop(50);
  EXPECT_EQ(tabbed(), 0);
  EXPECT_LT(dock("form_dock")->geometry().right(), dock("yaml_dock")->geometry().right());
}

TEST_F(Session, WithoutOneBeforeIsAsItComes) {
  window_->restore_layout();
  EXPECT_TRUE(dock("library_dock")->isVisible());
}

TEST_F(Session, OfBrokenSettingsIsAsItComes) {
  QSettings settings;
  settings.setValue(QStringLiteral("geometry"), QByteArray("nonsense"));
  settings.setValue(QStringLiteral("state"), QByteArray(1000, '\xff'));
  settings.setValue(QStringLiteral("theme"), QStringLiteral("pink"));
  settings.setValue(QStringLiteral("recent_files"), 7);
  window_->restore_layout();
  EXPECT_TRUE(dock("form_dock")->isVisible());
  MainWindow other;
  other.show();
  EXPECT_TRUE(other.isVisible());
}

TEST_F(Session, RemembersTenFilesTheNewestFirst) {
  EXPECT_THAT(recent(), ElementsAre("none yet"));
  for (int i = 0; i < 12; ++i) {
    ASSERT_TRUE(window_->open_file(write(QStringLiteral("f%1.yaml").arg(i), small_training())));
  }
  ASSERT_TRUE(window_->open_file(path(QStringLiteral("f5.yaml"))));
  EXPECT_THAT(recent(), ElementsAre("f5.yaml", "f11.yaml", "f10.yaml", "f9.yaml", "f8.yaml", "f7.yaml", "f6.yaml",
                                    "f4.yaml", "f3.yaml", "f2.yaml"));
}

TEST_F(Session, AFileThatIsGoneFromTheRecentOnesSaysSo) {
  ASSERT_TRUE(window_->open_file(write(QStringLiteral("a.yaml"), small_training())));
  ASSERT_TRUE(window_->open_file(write(QStringLiteral("b.yaml"), small_training())));
  ASSERT_TRUE(QFile::remove(path(QStringLiteral("a.yaml"))));
  (void)recent();
  for (QAction* action : window_->findChildren<QAction*>()) {
    if (action->text() == path(QStringLiteral("a.yaml"))) action->trigger();
  }
  EXPECT_THAT(last_message(), HasSubstr("a.yaml: no such file"));
  EXPECT_EQ(window_->document().path(), path(QStringLiteral("b.yaml")));
}

TEST_F(Session, KeepsTheThemeThatWasChosen) {
  action(QStringLiteral("dark"))->trigger();
  EXPECT_TRUE(is_dark(QApplication::palette()));
  EXPECT_EQ(QSettings().value(QStringLiteral("theme")).toString(), QStringLiteral("dark"));
  ASSERT_NO_FATAL_FAILURE(restart());
  EXPECT_TRUE(action(QStringLiteral("dark"))->isChecked());
  action(QStringLiteral("light"))->trigger();
  EXPECT_FALSE(is_dark(QApplication::palette()));
  EXPECT_FALSE(action(QStringLiteral("dark"))->isChecked()) << "one of them";
}

class TwoWindows : public WindowTest {
 protected:
  void SetUp() override {
    WindowTest::SetUp();
    other_.resize(1200, 800);
    other_.show();
  }
  MainWindow other_;
};

TEST_F(TwoWindows, HaveDocumentsAndRunsOfTheirOwn) {
  ASSERT_NO_FATAL_FAILURE(open(small_training(), QStringLiteral("a.yaml")));
  QSignalSpy settled(&other_, &MainWindow::settled);
  ASSERT_TRUE(other_.open_file(write(QStringLiteral("b.yaml"), chat(100, 10))));
  ASSERT_TRUE(wait_for([&] { return settled.count() > 0; }));
  EXPECT_TRUE(window_->current_run()->has_kind("training"));
  EXPECT_TRUE(other_.current_run()->has_kind("serving"));
  EXPECT_EQ(window_->runs().size(), 1u);
  ASSERT_TRUE(settle([&] { window_->set_value(QStringLiteral("training.recompute"), QStringLiteral("full")); }));
  EXPECT_FALSE(other_.document().is_modified());
  EXPECT_EQ(other_.previous_run(), nullptr);
}

TEST_F(TwoWindows, OnOneFileTellEachOtherOfASave) {
  ASSERT_NO_FATAL_FAILURE(open(small_training(), QStringLiteral("a.yaml")));
  ASSERT_TRUE(other_.open_file(path(QStringLiteral("a.yaml"))));
  QSignalSpy told(&other_, &MainWindow::notified);
  ASSERT_TRUE(window_->set_value(QStringLiteral("training.recompute"), QStringLiteral("full")));
  ASSERT_TRUE(window_->save_file());
  ASSERT_TRUE(wait_for([&] { return told.count() > 0; }, 5000));
  EXPECT_THAT(told.last().at(0).toString().toStdString(), HasSubstr("Another program changed"));
  // The other one's edit does not overwrite it by a slip.
  ASSERT_TRUE(other_.set_value(QStringLiteral("seed"), QStringLiteral("3")));
  EXPECT_FALSE(other_.save_file());
  EXPECT_THAT(read_bytes(native(QStringLiteral("a.yaml"))), HasSubstr("recompute: full"));
  other_.document().undo_stack().setClean();
}

TEST_F(TwoWindows, ClosingOneLeavesTheOtherAtWork) {
  ASSERT_NO_FATAL_FAILURE(open(small_training(), QStringLiteral("a.yaml")));
  EXPECT_TRUE(other_.close());
  EXPECT_TRUE(settle([&] { window_->set_value(QStringLiteral("training.recompute"), QStringLiteral("full")); }));
  EXPECT_NE(window_->previous_run(), nullptr);
}

}  // namespace
}  // namespace orrery::gui::testing
