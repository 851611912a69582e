#include "calibrate/error_report.hpp"

#include <gtest/gtest.h>

namespace orrery::calibrate {
namespace {

PredictedRow row(std::string group, double predicted, double measured, int line = 2) {
  return {line, "row", std::move(group), predicted, measured};
}

TEST(PredictedRow, ErrorIsARatioWithoutSign) {
  EXPECT_DOUBLE_EQ(row("seen", 1.5, 1.0).error(), 0.5);
  EXPECT_DOUBLE_EQ(row("seen", 0.5, 1.0).error(), 0.5);
  EXPECT_DOUBLE_EQ(row("seen", 2.0, 2.0).error(), 0.0);
}

TEST(Percentile, InterpolatesBetweenOrderStatistics) {
  const std::vector<double> values = {4.0, 1.0, 3.0, 2.0};
  EXPECT_DOUBLE_EQ(percentile(values, 0.0), 1.0);
  EXPECT_DOUBLE_EQ(percentile(values, 1.0), 4.0);
  EXPECT_DOUBLE_EQ(percentile(values, 0.5), 2.5);    // between 2 and 3
  EXPECT_DOUBLE_EQ(percentile(values, 0.95), 3.85);  // place 2.85: 3 + 0.85·(4 − 3)
  EXPECT_DOUBLE_EQ(percentile({}, 0.5), 0.0);
  EXPECT_DOUBLE_EQ(percentile({7.0}, 0.95), 7.0);
}

TEST(Summarise, CountsRowsInsideTheBandOfTheirFit) {
  std::vector<PredictedRow> rows(4, row("seen", 1.0, 1.0));
  rows[0].inside = true, rows[1].inside = true, rows[2].inside = false;  // the last has no band
  rows.push_back(row("mixed", 1.0, 1.0));
  const ErrorReport report = summarise(rows, {});
  EXPECT_DOUBLE_EQ(report.all.inside.value(), 2.0 / 3.0);
  EXPECT_DOUBLE_EQ(report.groups[0].inside.value(), 2.0 / 3.0);
  EXPECT_FALSE(report.groups[1].inside.has_value());
}

TEST(Summarise, PartsGroupsInTheirOrder) {
  const ErrorReport report = summarise({row("unseen_family", 1.3, 1.0), row("llama", 2.0, 1.0), row("seen", 1.1, 1.0),
                                        row("seen", 0.7, 1.0), row("gpt", 1.0, 1.0), row("unseen_point", 1.2, 1.0)},
                                       {{9, "odd", "no such kernel"}});
  ASSERT_EQ(report.groups.size(), 5u);
  EXPECT_EQ(report.groups[0].name, "seen");
  EXPECT_EQ(report.groups[1].name, "unseen_point");
  EXPECT_EQ(report.groups[2].name, "unseen_family");
  EXPECT_EQ(report.groups[3].name, "gpt");
  EXPECT_EQ(report.groups[4].name, "llama");
  EXPECT_EQ(report.groups[0].rows, 2);
  EXPECT_NEAR(report.groups[0].mean_error, 0.2, 1e-12);
  EXPECT_NEAR(report.groups[0].max_error, 0.3, 1e-12);
  EXPECT_EQ(report.all.name, "all");
  EXPECT_EQ(report.all.rows, 6);
  EXPECT_NEAR(report.all.max_error, 1.0, 1e-12);
  ASSERT_EQ(report.skipped.size(), 1u);
  EXPECT_EQ(report.skipped[0].reason, "no such kernel");
}

TEST(Summarise, KeepsTheTenWorstInOrder) {
  std::vector<PredictedRow> rows;
  for (int i = 0; i < 30; ++i) rows.push_back(row("seen", 1.0 + 0.01 * i, 1.0, i));
  const ErrorReport report = summarise(rows, {});
  ASSERT_EQ(report.worst.size(), 10u);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(report.worst[static_cast<std::size_t>(i)].line, 29 - i);
}

TEST(Summarise, OfNothingIsEmpty) {
  const ErrorReport report = summarise({}, {});
  EXPECT_EQ(report.all.rows, 0);
  EXPECT_EQ(report.all.median_error, 0.0);
  EXPECT_TRUE(report.groups.empty());
}

}  // namespace
}  // namespace orrery::calibrate
