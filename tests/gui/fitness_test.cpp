// A run that can't be says so beside its key figures, and nothing about it is a gain; nor are GPUs idle unsaid.
#include <gmock/gmock.h>

#include "gui/view/key_figure.hpp"
#include "tests/gui/gui_fixture.hpp"

namespace orrery::gui::testing {
namespace {

using ::testing::HasSubstr;

class Fitness : public WindowTest {
 protected:
  [[nodiscard]] QLabel* remark(const char* kind) const {
    return window_->findChild<QLabel*>(QStringLiteral("run_remark_") + QString::fromLatin1(kind));
  }
  /// How many figures of the report and key figures are called better.
  [[nodiscard]] int gains() const {
    int count = 0;
    for (const KeyFigure* figure : find<ReportView>("report_view")->figures()) count += figure->figure().verdict > 0;
    const ReportModel& model = report();
    for (int group = 0; group < model.rowCount(); ++group) {
      const QModelIndex parent = model.index(group, 0);
      for (int row = 0; row < model.rowCount(parent); ++row) {
        count += model.index(row, 0, parent).data(ReportModel::kVerdictRole).toInt() > 0;
      }
    }
    return count;
  }
};

TEST_F(Fitness, WhatDoesNotFitStandsBesideTheFiguresAndIsNoGain) {
  ASSERT_NO_FATAL_FAILURE(
      open(replaced(small_training(), "recompute: none", "recompute: full\n  micro_batch_size: 8")));
  ASSERT_TRUE(window_->current_run()->fits());
  EXPECT_EQ(remark("out_of_memory"), nullptr);
  // Without recomputation it would be faster, and is too large.
  ASSERT_TRUE(settle([&] { window_->set_value(QStringLiteral("training.recompute"), QStringLiteral("none")); }));
  ASSERT_FALSE(window_->current_run()->fits());
  ASSERT_GT(window_->current_run()->report.metric("training.mfu"),
            window_->previous_run()->report.metric("training.mfu"));
  QLabel* said = remark("out_of_memory");
  ASSERT_NE(said, nullptr);
  EXPECT_TRUE(said->isVisible());
  EXPECT_THAT(said->text().toStdString(), HasSubstr("Does not fit: out of GPU memory"));
  EXPECT_EQ(said->palette().color(QPalette::WindowText), worse_color(QApplication::palette()));
  EXPECT_EQ(gains(), 0);
  // Back to one that fits: its gains count.
  ASSERT_TRUE(settle([&] { window_->set_value(QStringLiteral("training.micro_batch_size"), QStringLiteral("1")); }));
  ASSERT_TRUE(window_->current_run()->fits());
  EXPECT_EQ(remark("out_of_memory"), nullptr);
  EXPECT_GT(gains(), 0);
}

TEST_F(Fitness, IdleGpusStandBesideTheFigures) {
  ASSERT_NO_FATAL_FAILURE(open(small_training()));
  EXPECT_EQ(remark("idle"), nullptr);
  ASSERT_TRUE(settle([&] { window_->set_value(QStringLiteral("training.data_parallel"), QStringLiteral("2")); }));
  QLabel* said = remark("idle");
  ASSERT_NE(said, nullptr);
  EXPECT_TRUE(said->isVisible());
  EXPECT_THAT(said->text().toStdString(), HasSubstr("Uses 4 of 8 GPUs: the others stand idle"));
}

}  // namespace
}  // namespace orrery::gui::testing
