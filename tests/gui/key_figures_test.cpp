// The figures in large type, and what keeps a run from being one.
#include <QLabel>
#include <QSignalSpy>
#include <QTest>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gui/look/elided_label.hpp"
#include "gui/look/theme.hpp"
#include "gui/view/figure_strip.hpp"
#include "scenarios/format.hpp"
#include "tests/gui/made_runs.hpp"
#include "tests/gui/serving_runs.hpp"

namespace orrery::gui {
namespace {

using ::testing::HasSubstr;

KeyFigure::Text text_of(const QString& title, const QString& value, const QString& unit = {}) {
  KeyFigure::Text text;
  text.metric = QStringLiteral("training.mfu");
  text.title = title;
  text.value = value;
  text.unit = unit;
  text.details = QStringLiteral("40.00 % → 50.00 %, better");
  return text;
}

TEST(KeyFigures, AreThoseOfTheReportInItsUnits) {
  const tests::MadeRun run = tests::training_run();
  const std::vector<KeyFigure::Text> figures = key_figures(run, nullptr);
  ASSERT_FALSE(figures.empty());
  for (const KeyFigure::Text& figure : figures) {
    const std::string metric = figure.metric.toStdString();
    const auto unit = scenarios::metric_unit(metric);
    ASSERT_TRUE(unit) << metric;
    EXPECT_EQ((figure.value + (figure.unit.isEmpty() ? QString() : u' ' + figure.unit)).toStdString(),
              scenarios::readable(run->report.metric(metric), *unit));
    EXPECT_EQ(figure.change, QString()) << "there is nothing to compare with";
  }
  EXPECT_TRUE(key_figures(nullptr, run).empty());
}

TEST(KeyFigures, SayHowTheyChanged) {
  const tests::MadeRun before = tests::training_run();
  const tests::MadeRun after = tests::training_run({{"training.global_batch_size", "1024"}});
  bool changed = false;
  for (const KeyFigure::Text& figure : key_figures(after, before)) {
    changed = changed || figure.verdict != 0;
    EXPECT_NE(figure.change, QString()) << figure.title.toStdString();
  }
  EXPECT_TRUE(changed);
}

TEST(KeyFigures, OfARunThatDoesNotFitAreAnAlarmAndNoGain) {
  const tests::MadeRun fits = tests::training_run();
  auto large = tests::training_run();
  for (scenarios::MetricValue& metric : large->report.metrics) {
    if (metric.name == "memory.fits") metric.value = 0.0;
    if (metric.name == "training.step_time_s") metric.value /= 2.0;
  }
  int alarms = 0;
  for (const KeyFigure::Text& figure : key_figures(large, fits)) {
    alarms += figure.alarm ? 1 : 0;
    EXPECT_LE(figure.verdict, 0) << figure.title.toStdString();
  }
  EXPECT_EQ(alarms, 1) << "the peak of memory";
}

TEST(KeyFigure, IsAButtonWithANameForScreenReaders) {
  KeyFigure figure;
  figure.set_text(text_of(QStringLiteral("MFU"), QStringLiteral("50.00"), QStringLiteral("%")));
  EXPECT_EQ(figure.accessibleName(), QStringLiteral("MFU: 50.00 %"));
  EXPECT_EQ(figure.accessibleDescription(), QStringLiteral("40.00 % → 50.00 %, better"));
  EXPECT_EQ(figure.objectName(), QStringLiteral("key_figure_training.mfu"));
  EXPECT_TRUE(figure.toolTip().endsWith(QStringLiteral("Click: where does this come from?")));
  EXPECT_EQ(figure.focusPolicy(), Qt::TabFocus);
}

TEST(KeyFigure, IsAsWideAsItsWidestLine) {
  KeyFigure narrow, wide;
  narrow.set_text(text_of(QStringLiteral("a"), QStringLiteral("1")));
  wide.set_text(text_of(QStringLiteral("a title of many letters"), QStringLiteral("1")));
  EXPECT_GT(wide.sizeHint().width(), narrow.sizeHint().width());
  EXPECT_EQ(wide.sizeHint().height(), narrow.sizeHint().height()) << "always four lines";
  KeyFigure unit;
  unit.set_text(text_of(QStringLiteral("a"), QStringLiteral("123456789"), QStringLiteral("tokens/s")));
  KeyFigure bare;
  bare.set_text(text_of(QStringLiteral("a"), QStringLiteral("123456789")));
  EXPECT_GT(unit.sizeHint().width(), bare.sizeHint().width());
}

class Strip : public ::testing::Test {
 protected:
  void show(const RunPtr& current, int width) {
    strip_.resize(width, 100);
    strip_.set_runs(current, nullptr);
    strip_.show();
    QTest::qWait(1);
  }
  /// How many figures stand in the first row.
  [[nodiscard]] std::size_t columns() const {
    std::size_t count = 0;
    for (const KeyFigure* figure : strip_.figures()) count += figure->y() == 0 ? 1 : 0;
    return count;
  }
  FigureStrip strip_;
};

TEST_F(Strip, StandsInAsManyRowsAsItTakesToStandWhole) {
  show(tests::training_run(), 2000);
  const std::size_t all = strip_.figures().size();
  ASSERT_GT(all, 2u);
  EXPECT_EQ(columns(), all);
  const int one_row = strip_.height();
  int widest = 0;
  for (const KeyFigure* figure : strip_.figures()) widest = std::max(widest, figure->sizeHint().width());
  show(tests::training_run(), 2 * widest + 5);
  EXPECT_EQ(columns(), 2u);
  EXPECT_GT(strip_.height(), one_row);
  for (const KeyFigure* figure : strip_.figures()) {
    EXPECT_GE(figure->width(), figure->sizeHint().width());
    EXPECT_TRUE(strip_.rect().contains(figure->geometry()));
  }
  show(tests::training_run(), widest / 2);
  EXPECT_EQ(columns(), 1u) << "narrower than one";
}

TEST_F(Strip, RowsAreAsLongAsEachOther) {
  show(tests::training_run(), 2000);
  const auto all = static_cast<int>(strip_.figures().size());
  int widest = 0;
  for (const KeyFigure* figure : strip_.figures()) widest = std::max(widest, figure->sizeHint().width());
  show(tests::training_run(), (all - 1) * widest + 1);  // one too few for a single row
  EXPECT_EQ(static_cast<int>(columns()), (all + 1) / 2);
}

TEST_F(Strip, AskWhereAClickedFigureComesFrom) {
  show(tests::training_run(), 2000);
  QSignalSpy asked(&strip_, &FigureStrip::explain_requested);
  KeyFigure* first = strip_.figures().front();
  QTest::mouseClick(first, Qt::LeftButton);
  ASSERT_EQ(asked.count(), 1);
  EXPECT_EQ(asked.last().at(0).toString(), first->figure().metric);
  first->setFocus();
  QTest::keyClick(first, Qt::Key_Space);
  EXPECT_EQ(asked.count(), 2) << "by keyboard too";
}

TEST_F(Strip, OfNoRunIsEmpty) {
  show(tests::training_run(), 1000);
  show(nullptr, 1000);
  EXPECT_TRUE(strip_.figures().empty());
  EXPECT_EQ(strip_.height(), 0);
}

TEST_F(Strip, RemarksTakeTheirColourFromThePalette) {
  auto run = tests::training_run();
  run->report.findings = {{"saturated", "the queue <b>grows</b>", false}};
  show(run, 1000);
  auto* remark = strip_.findChild<QLabel*>(QStringLiteral("run_remark_saturated"));
  ASSERT_NE(remark, nullptr);
  EXPECT_EQ(remark->textFormat(), Qt::PlainText);
  EXPECT_THAT(remark->text().toStdString(), HasSubstr("the queue <b>grows</b>"));
  EXPECT_THAT(remark->toolTip().toStdString(), HasSubstr("&lt;b&gt;grows")) << "no markup in the tooltip either";
  apply_theme(Theme::dark);
  QTest::qWait(1);
  EXPECT_EQ(remark->palette().color(QPalette::WindowText), worse_color(QApplication::palette()));
  apply_theme(Theme::light);
  show(tests::training_run(), 1000);
  EXPECT_EQ(strip_.findChild<QLabel*>(QStringLiteral("run_remark_saturated")), nullptr);
}

TEST(ElidedLabelTest, EndsInAnEllipsisAndKeepsTheWholeLine) {
  ElidedLabel label;
  label.resize(60, 20);
  label.show();
  const QString line = QStringLiteral("a line that is far too long for <i>sixty</i> pixels");
  label.set_line(line);
  EXPECT_TRUE(label.text().endsWith(QChar(0x2026)));
  EXPECT_EQ(label.line(), line);
  EXPECT_THAT(label.toolTip().toStdString(), HasSubstr("&lt;i&gt;sixty"));
  label.resize(2000, 20);
  QTest::qWait(1);
  EXPECT_EQ(label.text(), line) << "there is room again";
  EXPECT_EQ(label.toolTip(), QString());
  label.set_line({});
  EXPECT_EQ(label.text(), QString());
}

}  // namespace
}  // namespace orrery::gui
