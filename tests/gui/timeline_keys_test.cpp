// The timeline by keys and buttons: ends, heights, search, selection, and what each asks for.
#include <QApplication>
#include <QLabel>
#include <QLineEdit>
#include <QScrollBar>
#include <QSignalSpy>
#include <QTest>
#include <QToolButton>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gui/timeline/timeline_canvas.hpp"
#include "gui/timeline/timeline_view.hpp"
#include "tests/gui/timeline_samples.hpp"

namespace orrery::gui {
namespace {

using sim::SimTime;

class TimelineKeys : public ::testing::Test {
 protected:
  TimelineKeys() {
    view_.resize(900, 400);
    view_.set_runs(run_of(two_ranks()), nullptr);
    view_.show();
    view_.activateWindow();
    QTest::qWait(1);
    canvas().setFocus();
  }
  TimelineCanvas& canvas() { return view_.canvas(); }
  void press(Qt::Key key, Qt::KeyboardModifiers modifiers = Qt::NoModifier) {
    QTest::keyClick(&canvas(), key, modifiers);
  }
  [[nodiscard]] QLineEdit& search() { return *view_.findChild<QLineEdit*>(QStringLiteral("timeline_search")); }
  [[nodiscard]] QToolButton& button(const char* name) {
    return *view_.findChild<QToolButton*>(QString::fromLatin1(name));
  }
  [[nodiscard]] std::string matches() {
    return view_.findChild<QLabel*>(QStringLiteral("timeline_matches"))->text().toStdString();
  }
  [[nodiscard]] std::string selected_label() {
    const std::size_t span = canvas().marks().selected;
    if (span == TimelineIndex::kNone) return "none";
    const sim::Timeline& timeline = *canvas().index()->timeline();
    return timeline.labels[timeline.spans[span].label.index()];
  }

  TimelineView view_;
};

TEST_F(TimelineKeys, HomeAndEndShowTheEndsAtTheSameLength) {
  view_.set_range(kSecond / 4, kSecond / 2);
  press(Qt::Key_End);
  EXPECT_EQ(view_.range_begin(), kSecond / 4 * 3);
  EXPECT_EQ(view_.range_end(), kSecond);
  press(Qt::Key_Home);
  EXPECT_EQ(view_.range_begin(), 0u);
  EXPECT_EQ(view_.range_end(), kSecond / 4);
}

TEST_F(TimelineKeys, LettersWithCtrlAreNotTheTimelines) {
  const SimTime before = view_.range_end();
  for (const Qt::Key key : {Qt::Key_W, Qt::Key_S, Qt::Key_A, Qt::Key_D}) press(key, Qt::ControlModifier);
  EXPECT_EQ(view_.range_end(), before);
}

TEST_F(TimelineKeys, CtrlZeroFitsTheTracksToTheHeightAgain) {
  canvas().set_stretch(6.0);
  auto* bar = canvas().findChild<QScrollBar*>();
  ASSERT_TRUE(bar->isVisible());
  press(Qt::Key_PageDown);
  EXPECT_GT(bar->value(), 0);
  press(Qt::Key_PageUp);
  EXPECT_EQ(bar->value(), 0);
  press(Qt::Key_Down);
  EXPECT_EQ(bar->value(), 3 * bar->singleStep());
  press(Qt::Key_0, Qt::ControlModifier);
  EXPECT_EQ(canvas().rows().stretch(), 1.0);
  EXPECT_FALSE(bar->isVisible());
}

TEST_F(TimelineKeys, SlashBeginsASearchAndEscapeEndsIt) {
  press(Qt::Key_Slash);
  ASSERT_TRUE(search().hasFocus());
  QTest::keyClicks(&search(), QStringLiteral("WARM"));
  EXPECT_EQ(matches(), "2 matches") << "whatever its case, one on each rank";
  QTest::keyClick(&search(), Qt::Key_Return);
  EXPECT_EQ(selected_label(), "warm");
  QTest::keyClick(&search(), Qt::Key_Escape);
  EXPECT_EQ(search().text(), QString());
  EXPECT_TRUE(canvas().hasFocus());
  EXPECT_EQ(matches(), "");
}

TEST_F(TimelineKeys, NAndShiftNStepThroughTheMatches) {
  search().setText(QStringLiteral("cold"));
  canvas().setFocus();
  press(Qt::Key_N);
  const std::size_t first = canvas().marks().selected;
  press(Qt::Key_N);
  const std::size_t second = canvas().marks().selected;
  EXPECT_NE(first, second);
  press(Qt::Key_N);
  EXPECT_EQ(canvas().marks().selected, first) << "round again";
  press(Qt::Key_N, Qt::ShiftModifier);
  EXPECT_EQ(canvas().marks().selected, second);
}

TEST_F(TimelineKeys, WithoutAMatchThereIsNothingToStepThrough) {
  search().setText(QStringLiteral("tepid"));
  EXPECT_EQ(matches(), "no match");
  EXPECT_FALSE(button("timeline_next").isEnabled());
  EXPECT_FALSE(button("timeline_previous").isEnabled());
  press(Qt::Key_N);
  EXPECT_EQ(selected_label(), "none");
  search().setText(QStringLiteral("all-reduce"));
  EXPECT_TRUE(button("timeline_next").isEnabled());
}

TEST_F(TimelineKeys, EscapeLetsGoOfSpanAndRange) {
  canvas().select_span(0, false);
  canvas().select_range(kSecond / 2, kSecond / 4);  // either way round
  EXPECT_TRUE(canvas().marks().has_range);
  EXPECT_EQ(canvas().marks().range_begin, kSecond / 4);
  press(Qt::Key_Escape);
  EXPECT_FALSE(canvas().marks().has_range);
  EXPECT_EQ(selected_label(), "none");
}

TEST_F(TimelineKeys, EnterAsksWhereTheSelectedTimeComesFrom) {
  QSignalSpy asked(&view_, &RunView::explain_requested);
  press(Qt::Key_Return);
  EXPECT_EQ(asked.count(), 0) << "nothing is selected";
  ASSERT_TRUE(view_.find_next(QStringLiteral("all-reduce")));
  press(Qt::Key_Return);
  ASSERT_EQ(asked.count(), 1);
  EXPECT_EQ(asked.last().at(0).toString(), QStringLiteral("training.communication_s"));
  EXPECT_EQ(asked.last().at(1).toString(), QStringLiteral("tensor_parallel: all-reduce"));
}

TEST_F(TimelineKeys, ButtonsDoWhatTheirKeysDo) {
  button("timeline_zoom_in").click();
  EXPECT_EQ(view_.range_end() - view_.range_begin(), kSecond / 2);
  button("timeline_zoom_out").click();
  EXPECT_TRUE(canvas().scale().is_all());
  view_.set_range(0, kSecond / 8);
  button("timeline_zoom_all").click();
  EXPECT_TRUE(canvas().scale().is_all());
  button("timeline_collapse").click();
  EXPECT_EQ(canvas().rows().rows().size(), 2u) << "a row for each rank";
  button("timeline_collapse").click();
  EXPECT_EQ(canvas().rows().rows().size(), 4u);
}

TEST_F(TimelineKeys, AnotherScenarioForgetsSearchAndRange) {
  search().setText(QStringLiteral("warm"));
  view_.set_range(0, kSecond / 8);
  view_.forget();
  EXPECT_EQ(search().text(), QString());
  EXPECT_TRUE(canvas().scale().is_all());
}

}  // namespace
}  // namespace orrery::gui
