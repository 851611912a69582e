// Which figures stand in large type, what stands beside them, and how one is painted.
#include <QPainter>
#include <QTest>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gui/look/theme.hpp"
#include "gui/view/key_figure.hpp"
#include "scenarios/kinds.hpp"
#include "tests/gui/made_runs.hpp"
#include "tests/gui/serving_runs.hpp"

namespace orrery::gui {
namespace {

using scenarios::Unit;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> kinds_of(const std::vector<RunRemark>& remarks) {
  std::vector<std::string> kinds;
  for (const RunRemark& remark : remarks) kinds.push_back(remark.kind.toStdString());
  return kinds;
}

/// One that uses all its GPUs.
tests::MadeRun busy_run() {
  static const tests::MadeRun run = tests::training_run();
  auto copy = std::make_shared<Run>();
  copy->report = run->report;
  copy->report.findings.clear();
  return copy;
}

TEST(RunRemarks, AreTheFindingsThatNobodyExpected) {
  EXPECT_THAT(run_remarks(nullptr), IsEmpty());
  const tests::MadeRun run = busy_run();
  EXPECT_THAT(run_remarks(run), IsEmpty());
  run->report.findings = {{"saturated", "the queue grows\nby 3 requests a second", false},
                          {"expectation_missed", "step time: 3 s, expected 2 s", false},
                          {"known_miss_holds", "step time holds", false},
                          {"slo_missed", "as the scenario says", true}};
  const std::vector<RunRemark> remarks = run_remarks(run);
  ASSERT_THAT(kinds_of(remarks), ElementsAre("saturated")) << "expectations are rows of the report";
  EXPECT_EQ(remarks[0].text, QStringLiteral("the queue grows")) << "one line";
  EXPECT_EQ(remarks[0].details, QStringLiteral("the queue grows\nby 3 requests a second"));
  EXPECT_TRUE(remarks[0].alarm);
}

// A scenario may say that it does not fit: it is no alarm then, but no run either.
TEST(RunRemarks, WhatDoesNotFitIsSaidThoughItIsExpected) {
  const tests::MadeRun run = busy_run();
  for (const bool expected : {false, true}) {
    run->report.findings = {{"out_of_memory", "stage 0 needs 3 GiB more", expected}};
    const std::vector<RunRemark> remarks = run_remarks(run);
    ASSERT_EQ(remarks.size(), 1u);
    EXPECT_EQ(remarks[0].text, QStringLiteral("Does not fit: stage 0 needs 3 GiB more"));
    EXPECT_EQ(remarks[0].alarm, !expected);
  }
}

TEST(RunRemarks, CountGpusThatStandIdle) {
  const tests::MadeRun half = tests::training_run({{"training.data_parallel", "4"}});
  const std::vector<RunRemark> remarks = run_remarks(half);
  ASSERT_THAT(kinds_of(remarks), ::testing::Contains("idle"));
  EXPECT_EQ(remarks.back().text, QStringLiteral("Uses 4 of 8 GPUs: the others stand idle"));
  EXPECT_FALSE(remarks.back().alarm);
  half->report.results.front() = nullptr;
  EXPECT_THAT(kinds_of(run_remarks(half)), ::testing::Not(::testing::Contains("idle"))) << "skipped: it uses none";
}

TEST(KeyFigureRows, StandInTheOrderOfTheirKind) {
  const tests::MadeRun run = tests::serving_run();
  const scenarios::JobView view = scenarios::job_views(run->report).front();
  const auto rows = view.job.kind->key_figures(*view.result);
  const std::vector<KeyFigure::Text> figures = key_figures(run, nullptr);
  std::size_t next = 0;
  for (const auto& row : rows) {
    if (!view.find_metric(row.metric)) continue;
    ASSERT_LT(next, figures.size());
    EXPECT_EQ(figures[next].metric.toStdString(), row.metric);
    EXPECT_EQ(figures[next].title.toStdString(), row.title);
    ++next;
  }
  EXPECT_EQ(next, figures.size());
}

TEST(KeyFigureRows, HaveASecondFigureInWords) {
  for (const KeyFigure::Text& figure : key_figures(tests::serving_run(), nullptr)) {
    if (figure.metric == QStringLiteral("serving.ttft_s.p99")) {
      EXPECT_THAT(figure.note.toStdString(), ::testing::MatchesRegex("p50 [0-9.]+ m?s"));
    }
  }
  const auto lone = tests::run_with({{"training.step_time_s", Unit::seconds, 2.0}});
  const std::vector<KeyFigure::Text> figures = key_figures(lone, nullptr);
  ASSERT_EQ(figures.size(), 1u) << "a figure that the run lacks is left out";
  EXPECT_EQ(figures[0].note, QString()) << "it has no bubble to tell";
  EXPECT_EQ(figures[0].value + u' ' + figures[0].unit, QStringLiteral("2.000 s"));
}

TEST(KeyFigureRows, TellTheChangeOverTheExplanation) {
  const auto before = tests::run_with({{"training.step_time_s", Unit::seconds, 4.0}}),
             after = tests::run_with({{"training.step_time_s", Unit::seconds, 2.0}});
  const KeyFigure::Text figure = key_figures(after, before).front();
  EXPECT_EQ(figure.verdict, 1);
  EXPECT_THAT(figure.change.toStdString(), HasSubstr("50"));
  EXPECT_THAT(figure.details.toStdString(), ::testing::StartsWith("4.000 s → 2.000 s"));
  EXPECT_EQ(key_figures(before, after).front().verdict, -1);
  const auto other = tests::run_with({{"training.mfu", Unit::ratio, 0.5}});
  EXPECT_EQ(key_figures(after, other).front().change, QString()) << "the run before has no such figure";
}

/// Pixels of a colour, or near it.
int pixels(QWidget& widget, const QColor& color) {
  const QImage image = widget.grab().toImage();
  int count = 0;
  for (int y = 0; y < image.height(); ++y) {
    for (int x = 0; x < image.width(); ++x) {
      const QColor pixel = image.pixelColor(x, y);
      const int apart = std::abs(pixel.red() - color.red()) + std::abs(pixel.green() - color.green()) +
                        std::abs(pixel.blue() - color.blue());
      count += apart < 24 ? 1 : 0;
    }
  }
  return count;
}

class Painted : public ::testing::Test {
 protected:
  Painted() {
    text_.metric = QStringLiteral("training.mfu");
    text_.title = QStringLiteral("MFU");
    text_.value = QStringLiteral("88.88");
    text_.unit = QStringLiteral("%");
    text_.change = QStringLiteral("+88.88 %");
  }
  void show() {
    figure_.set_text(text_);
    figure_.resize(figure_.sizeHint());
    figure_.show();
    QTest::qWait(1);
  }
  KeyFigure::Text text_;
  KeyFigure figure_;
};

TEST_F(Painted, AChangeHasTheColourOfItsVerdict) {
  const QPalette palette = QApplication::palette();
  const QColor better = better_color(palette), worse = worse_color(palette);
  text_.verdict = 1;
  show();
  EXPECT_GT(pixels(figure_, better), 5);
  EXPECT_EQ(pixels(figure_, worse), 0);
  text_.verdict = -1;
  show();
  EXPECT_EQ(pixels(figure_, better), 0);
  EXPECT_GT(pixels(figure_, worse), 5);
  figure_.set_dimmed(true);
  EXPECT_EQ(pixels(figure_, worse), 0) << "an old change is no news";
}

TEST_F(Painted, AnAlarmIsInTheColourOfBadNewsUntilItIsOutOfDate) {
  const QColor worse = worse_color(QApplication::palette()), ink = QApplication::palette().color(QPalette::WindowText);
  show();
  EXPECT_GT(pixels(figure_, ink), 20);
  text_.alarm = true;
  show();
  EXPECT_EQ(pixels(figure_, ink), 0);
  EXPECT_GT(pixels(figure_, worse), 20);
  figure_.set_dimmed(true);
  EXPECT_EQ(pixels(figure_, worse), 0);
}

TEST_F(Painted, AValueThatHasNoRoomIsSmallerAndWhole) {
  show();
  const QColor ink = QApplication::palette().color(QPalette::WindowText);
  const auto right_edge = [&] {
    const QImage image = figure_.grab().toImage();
    int right = 0;
    for (int y = 0; y < image.height(); ++y) {
      for (int x = 0; x < image.width(); ++x) {
        if (image.pixelColor(x, y) == ink) right = std::max(right, x);
      }
    }
    return right / image.devicePixelRatio();
  };
  figure_.resize(figure_.sizeHint() * 3 / 4);
  const int gap = QFontMetrics(figure_.font()).height() / 3;
  EXPECT_LE(right_edge(), figure_.width() - gap / 2.0);
}

}  // namespace
}  // namespace orrery::gui
