#include "gui/view/memory_view.hpp"

#include <QSignalSpy>
#include <QtTest>
#include <gtest/gtest.h>
#include <qcustomplot.h>

#include "gui/look/theme.hpp"
#include "tests/gui/serving_runs.hpp"

namespace orrery::gui {
namespace {

constexpr double kGiB = 1024.0 * 1024.0 * 1024.0;

/// Of `report`, whatever the kind of run: the stacks must say what its metrics say.
void expect_agrees(const scenarios::Report& report) {
  const std::vector<MemoryStack> stacks = memory_stacks(report);
  ASSERT_FALSE(stacks.empty());
  bool over = false;
  double fullest = 0.0;
  for (const MemoryStack& stack : stacks) {
    double sum = 0.0;
    for (const MemoryPart& part : stack.parts) {
      sum += part.bytes;
      EXPECT_TRUE(report.find_metric(part.metric).has_value()) << part.metric;
    }
    EXPECT_NEAR(sum, stack.peak, 1.0) << stack.name;
    EXPECT_DOUBLE_EQ(stack.capacity, report.metric("memory.capacity_bytes"));
    over = over || stack.overflows();
    fullest = std::max(fullest, stack.peak);
  }
  EXPECT_DOUBLE_EQ(fullest, report.metric("memory.peak_bytes"));
  EXPECT_EQ(over, report.metric("memory.fits") == 0.0);
}

void show(MemoryView& view, const RunPtr& current, const RunPtr& previous = nullptr) {
  view.resize(900, 500);
  view.set_runs(current, previous);
  view.show();
  QTest::qWait(30);
}

TEST(MemoryStacks, AreTheStagesOfATrainingReport) {
  const tests::MadeRun run = tests::run_of("training/korthikanti-175b-64xa100");
  expect_agrees(run->report);
  const std::vector<MemoryStack> stacks = memory_stacks(run->report);
  ASSERT_EQ(stacks.size(), 8u);
  for (std::size_t i = 0; i < stacks.size(); ++i) {
    const std::string stage = "memory.stages." + std::to_string(i);
    EXPECT_DOUBLE_EQ(stacks[i].peak, run->report.metric(stage + ".peak_bytes"));
    for (const MemoryPart& part : stacks[i].parts) {
      EXPECT_EQ(part.metric, stage + "." + part.name + "_bytes");
      EXPECT_DOUBLE_EQ(part.bytes, run->report.metric(part.metric));
    }
    EXPECT_FALSE(stacks[i].overflows());
  }
}

TEST(MemoryStacks, OverflowWhereTheReportDoesNotFit) {
  const tests::MadeRun run = tests::run_of("training/korthikanti-175b-64xa100", {}, "no recompute");
  expect_agrees(run->report);
  const MemoryStack first = memory_stacks(run->report).front();
  EXPECT_TRUE(first.overflows());
  EXPECT_DOUBLE_EQ(first.missing, first.peak - first.capacity);
}

TEST(MemoryStacks, OfAnEngineAreItsGpu) {
  const tests::MadeRun run = tests::serving_run();
  expect_agrees(run->report);
  const std::vector<MemoryStack> stacks = memory_stacks(run->report);
  ASSERT_EQ(stacks.size(), 1u);
  EXPECT_DOUBLE_EQ(stacks[0].budget, scenarios::find_serving(run->report)->pool.budget.value());
  EXPECT_LE(stacks[0].peak, stacks[0].budget);
}

TEST(MemoryStacks, OfAnEngineThatDoesNotStartLackSomething) {
  // 16 GB of weights in 0.2 · 80 GiB; and enough for weights, but not for a request of the longest length.
  for (const char* utilization : {"0.2", "0.25"}) {
    const tests::MadeRun run = tests::serving_run({{"serving.gpu_memory_utilization", utilization}});
    const MemoryStack stack = memory_stacks(run->report).front();
    EXPECT_EQ(stack.overflows(), !scenarios::find_serving(run->report)->started) << utilization;
  }
  const tests::MadeRun run = tests::serving_run({{"serving.gpu_memory_utilization", "0.2"}});
  ASSERT_FALSE(scenarios::find_serving(run->report)->started);
  EXPECT_GT(memory_stacks(run->report).front().missing, 0.0);
}

TEST(MemoryStacks, OfASkippedScenarioAreNone) {
  scenarios::Report report;
  report.scenario.skipped = "its trace is not here";
  EXPECT_TRUE(memory_stacks(report).empty());
}

TEST(MemoryView, AsksWhereAPartComesFromWhenItIsClicked) {
  MemoryView view;
  const RunPtr run = tests::run_of("training/korthikanti-175b-64xa100");
  show(view, run);
  QSignalSpy asked(&view, &RunView::explain_requested);
  QTest::mouseClick(&view.plot(), Qt::LeftButton, {}, view.part_rect(3, 0).center().toPoint());
  ASSERT_EQ(asked.count(), 1);
  EXPECT_EQ(asked.at(0).at(0).toString(), "memory.stages.3.weights_bytes");
  QTest::mouseClick(&view.plot(), Qt::LeftButton, {}, view.part_rect(5, 3).center().toPoint());
  ASSERT_EQ(asked.count(), 2);
  EXPECT_EQ(asked.at(1).at(0).toString(), "memory.stages.5.activations_bytes");
  QTest::mouseClick(&view.plot(), Qt::LeftButton, {}, QPoint(view.plot().width() / 2, 60));  // above the bars
  EXPECT_EQ(asked.count(), 2);
}

TEST(MemoryView, AsksByKeyboardToo) {
  MemoryView view;
  const RunPtr run = tests::run_of("training/korthikanti-175b-64xa100");
  show(view, run);
  QSignalSpy asked(&view, &RunView::explain_requested);
  QTest::keyClick(&view.plot(), Qt::Key_Right);
  QTest::keyClick(&view.plot(), Qt::Key_Up);
  QTest::keyClick(&view.plot(), Qt::Key_Return);
  ASSERT_EQ(asked.count(), 1);
  EXPECT_EQ(asked.at(0).at(0).toString(), "memory.stages.1.gradients_bytes");
  EXPECT_TRUE(view.plot().accessibleDescription().contains("stage 1: gradients"));
}

TEST(MemoryView, DrawsStacksAsHighAsTheirPeaks) {
  MemoryView view;
  const tests::MadeRun run = tests::run_of("training/korthikanti-175b-64xa100");
  show(view, run);
  const std::vector<MemoryStack> stacks = memory_stacks(run->report);
  const QCPAxis* y = view.plot().axisRect(0)->axis(QCPAxis::atLeft);
  EXPECT_NEAR(view.part_rect(0, stacks[0].parts.size() - 1).top(), y->coordToPixel(stacks[0].peak), 1.0);
  EXPECT_GT(y->range().upper, 79.0 * kGiB);
}

TEST(MemoryView, SaysInWordsWhatIsMissing) {
  MemoryView view;
  const tests::MadeRun run = tests::run_of("training/korthikanti-175b-64xa100", {}, "no recompute");
  show(view, run, tests::run_of("training/korthikanti-175b-64xa100"));
  EXPECT_TRUE(view.accessibleDescription().startsWith("Does not fit: stage 0 needs"))
      << view.accessibleDescription().toStdString();
  EXPECT_TRUE(view.accessibleDescription().contains("Before: Fits"));
  EXPECT_NE(view.csv().find("current,stage 0,activations,"), std::string::npos);
  EXPECT_NE(view.csv().find("previous,stage 7,weights,"), std::string::npos);
}

TEST(MemoryView, ShowsEveryKindOfRunAndNone) {
  MemoryView view;
  show(view, nullptr);
  EXPECT_FALSE(view.message().isEmpty());
  show(view, tests::training_run());
  EXPECT_TRUE(view.message().isEmpty());
  show(view, tests::serving_run(), tests::training_run());
  EXPECT_TRUE(view.message().isEmpty());
  const auto skipped = std::make_shared<gui::Run>();
  skipped->report.scenario.skipped = "its trace is not here";
  show(view, skipped);
  EXPECT_TRUE(view.message().contains("skipped"));
}

TEST(MemoryView, FollowsThePalette) {
  MemoryView view;
  show(view, tests::training_run());
  const QImage light = view.grab().toImage();
  apply_theme(Theme::dark);
  QTest::qWait(30);
  const QImage dark = view.grab().toImage();
  apply_theme(Theme::light);
  EXPECT_GT(light.pixelColor(3, light.height() - 3).lightness(), 200);
  EXPECT_LT(dark.pixelColor(3, dark.height() - 3).lightness(), 80);
}

TEST(MemoryView, PutsOffDrawingWhileItIsHidden) {
  MemoryView view;
  view.set_runs(tests::training_run(), nullptr);
  EXPECT_EQ(view.plot().plottableCount(), 0);
  EXPECT_TRUE(view.accessibleDescription().startsWith("Fits"));
  view.resize(600, 400);
  view.show();
  EXPECT_GT(view.plot().plottableCount(), 0);
}

}  // namespace
}  // namespace orrery::gui
