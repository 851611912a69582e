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

// What the pointer or the arrow keys are on is told with its bytes and its share of the peak.
TEST(MemoryView, TellsTheBytesOfThePartUnderTheCursor) {
  MemoryView view;
  const tests::MadeRun run = tests::run_of("training/korthikanti-175b-64xa100");
  show(view, run);
  const MemoryStack first = memory_stacks(run->report).front();
  QTest::keyClick(&view.plot(), Qt::Key_Left);  // there is none further left
  QTest::keyClick(&view.plot(), Qt::Key_Down);
  const std::string share = QString::number(first.parts[0].bytes / first.peak * 100.0, 'f', 1).toStdString();
  const std::string told = view.plot().accessibleDescription().toStdString();
  EXPECT_EQ(told.find("stage 0: weights "), 0u) << told;
  EXPECT_NE(told.find("(" + QLocale::c().toString(first.parts[0].bytes, 'f', 0).toStdString() + " bytes), " + share +
                      " % of the peak of "),
            std::string::npos)
      << told;
  for (int i = 0; i < 20; ++i) QTest::keyClick(&view.plot(), Qt::Key_Up);
  EXPECT_TRUE(view.plot().accessibleDescription().contains(": workspace ")) << "the topmost";
  for (int i = 0; i < 20; ++i) QTest::keyClick(&view.plot(), Qt::Key_Right);
  EXPECT_TRUE(view.plot().accessibleDescription().startsWith("stage 7: ")) << "the last";
}

TEST(MemoryView, DoesNotExplainTheRunBefore) {
  MemoryView view;
  show(view, tests::training_run(), tests::training_run());
  QSignalSpy asked(&view, &RunView::explain_requested);
  const QRectF current = view.part_rect(0, 0);
  QTest::mouseClick(&view.plot(), Qt::LeftButton, {}, (current.center() - QPointF(current.width(), 0.0)).toPoint());
  EXPECT_EQ(asked.count(), 0) << "the pale bars beside it are of another run";
  QTest::mouseClick(&view.plot(), Qt::LeftButton, {}, current.center().toPoint());
  EXPECT_EQ(asked.count(), 1);
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

/// The bytes that bars of a name have over a stack; nothing drawn is 0.
double drawn(MemoryView& view, const QString& name, double stack) {
  double bytes = 0.0;
  for (int i = 0; i < view.plot().plottableCount(); ++i) {
    const auto* bars = qobject_cast<QCPBars*>(view.plot().plottable(i));
    if (bars == nullptr || bars->name() != name) continue;
    for (auto bar = bars->data()->constBegin(); bar != bars->data()->constEnd(); ++bar) {
      if (bar->key == stack) bytes += bar->value;
    }
  }
  return bytes;
}

// A training stage and an engine have unlike parts: each is drawn as what it is.
TEST(MemoryView, TellsThePartsOfUnlikeJobsApart) {
  MemoryView view;
  const tests::MadeRun run = tests::run_of("cluster/training-beside-serving");
  show(view, run);
  const std::vector<MemoryStack> stacks = memory_stacks(run->report);
  ASSERT_EQ(stacks.size(), 2u);
  for (std::size_t stack = 0; stack < 2; ++stack) {
    for (const MemoryPart& part : stacks[stack].parts) {
      EXPECT_DOUBLE_EQ(drawn(view, QString::fromStdString(part.name), static_cast<double>(stack)), part.bytes)
          << stacks[stack].name << " " << part.name;
    }
  }
  EXPECT_EQ(drawn(view, "KV cache", 0.0), 0.0);
  EXPECT_EQ(drawn(view, "gradients", 1.0), 0.0);
  QStringList legend, names;
  for (QCPLayoutElement* element : view.plot().plotLayout()->elements(true)) {
    auto* item = qobject_cast<QCPPlottableLegendItem*>(element);
    if (item != nullptr) legend << item->plottable()->name();
  }
  for (const char* name : {"weights", "gradients", "optimizer", "activations", "KV cache"}) {
    EXPECT_EQ(legend.count(name), 1) << name;
  }
  const auto* x = view.plot().axisRect(0)->axis(QCPAxis::atBottom);
  EXPECT_EQ(x->label(), "") << "they are no stages of one pipeline";
  for (const QString& name : x->tickVectorLabels()) names << name;
  EXPECT_EQ(names, (QStringList{"learn stage 0", "chat fullest GPU"}));
}

// The engine alone has less than all: its limit is over its own stack.
TEST(MemoryView, DrawsALimitOverTheStacksThatHaveIt) {
  MemoryView view;
  const tests::MadeRun run = tests::run_of("cluster/training-beside-serving");
  show(view, run);
  const double budget = memory_stacks(run->report)[1].budget;
  ASSERT_GT(budget, 0.0);
  int lines = 0;
  for (int i = 0; i < view.plot().itemCount(); ++i) {
    const auto* line = qobject_cast<QCPItemLine*>(view.plot().item(i));
    if (line == nullptr || line->start->value() != budget) continue;
    ++lines;
    EXPECT_DOUBLE_EQ(line->start->key(), 0.5) << "between the first stack and the second";
  }
  EXPECT_EQ(lines, 1);
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
