// Summaries of errors and tables of cells, beside slow ways to the same.
#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "calibrate/error_report.hpp"
#include "calibrate/rows.hpp"
#include "calibrate/tables.hpp"
#include "tests/calibrate/temporary_folder.hpp"
#ifdef ORRERY_HAVE_RAPIDCHECK
#include <rapidcheck/gtest.h>
#endif

namespace orrery::calibrate {
namespace {

TEST(Percentile, OfEqualValuesIsThatValue) {
  for (const double q : {0.0, 0.3, 0.5, 0.95, 1.0}) EXPECT_DOUBLE_EQ(percentile({2.5, 2.5, 2.5, 2.5}, q), 2.5);
}

TEST(Percentile, BeyondItsRangeIsItsEnd) {
  EXPECT_DOUBLE_EQ(percentile({1.0, 2.0}, -0.5), 1.0);
  EXPECT_DOUBLE_EQ(percentile({1.0, 2.0}, 1.5), 2.0);
}

TEST(Summarise, AFamilyCountsBesideItsGroup) {
  PredictedRow row;
  row.measured = 1.0;
  row.predicted = 1.5;
  row.group = "seen";
  row.family = "llama";
  PredictedRow other = row;
  other.predicted = 0.9;
  other.family.clear();
  const ErrorReport report = summarise({row, other}, {});
  ASSERT_EQ(report.groups.size(), 2U);
  EXPECT_EQ(report.groups[0].name, "seen");
  EXPECT_EQ(report.groups[0].rows, 2);
  EXPECT_EQ(report.groups[1].name, "llama");
  EXPECT_EQ(report.groups[1].rows, 1);
  EXPECT_DOUBLE_EQ(report.groups[1].signed_median, 0.5);
  EXPECT_EQ(report.all.rows, 2) << "no row counts twice";
}

#ifdef ORRERY_HAVE_RAPIDCHECK

// The p-quantile has at least so many values on each side, and moves with all of them.
RC_GTEST_PROP(Percentile, PartsTheValues, ()) {
  std::vector<double> values;
  for (int i = 0, count = *rc::gen::inRange(1, 40); i < count; ++i) values.push_back(*rc::gen::inRange(-50, 50));
  const double q = *rc::gen::inRange(0, 101) / 100.0, found = percentile(values, q);
  const auto at_most = std::count_if(values.begin(), values.end(), [&](double v) { return v <= found + 1e-12; });
  const auto at_least = std::count_if(values.begin(), values.end(), [&](double v) { return v >= found - 1e-12; });
  const double places = q * (static_cast<double>(values.size()) - 1.0);
  RC_ASSERT(static_cast<double>(at_most) >= std::floor(places + 1e-9));
  RC_ASSERT(static_cast<double>(at_least) >= std::floor(static_cast<double>(values.size()) - 1.0 - places + 1e-9));
  std::vector<double> moved = values;
  for (double& value : moved) value = 3.0 * value + 7.0;
  RC_ASSERT(std::abs(percentile(moved, q) - (3.0 * found + 7.0)) < 1e-9);
  std::reverse(values.begin(), values.end());
  RC_ASSERT(percentile(values, q) == found);
}

// Groups part the rows: their counts add up, and the largest error is one of theirs.
RC_GTEST_PROP(Summarise, GroupsPartTheRows, ()) {
  std::vector<PredictedRow> rows;
  for (int i = 0, count = *rc::gen::inRange(1, 60); i < count; ++i) {
    PredictedRow row;
    row.line = i + 2;
    row.group = *rc::gen::element<std::string>("seen", "unseen_point", "unseen_family", "gpt", "llama");
    row.measured = *rc::gen::inRange(1, 100);
    row.predicted = *rc::gen::inRange(0, 200);
    rows.push_back(row);
  }
  const ErrorReport report = summarise(rows, {});
  int count = 0;
  double largest = 0.0, sum = 0.0;
  for (const ErrorSummary& group : report.groups) {
    count += group.rows;
    largest = std::max(largest, group.max_error);
    sum += group.mean_error * group.rows;
    RC_ASSERT(group.median_error <= group.p95_error && group.p95_error <= group.max_error);
    RC_ASSERT(std::abs(group.signed_median) <= group.max_error + 1e-12);
  }
  RC_ASSERT(count == static_cast<int>(rows.size()));
  RC_ASSERT(report.all.rows == count);
  RC_ASSERT(report.all.max_error == largest);
  RC_ASSERT(std::abs(report.all.mean_error * count - sum) < 1e-9 * (1.0 + sum));
  RC_ASSERT(report.worst.size() == std::min<std::size_t>(10, rows.size()));
  // No row outside of the worst is worse than one of them.
  for (const PredictedRow& row : rows) {
    const bool listed = std::any_of(report.worst.begin(), report.worst.end(),
                                    [&](const PredictedRow& worst) { return worst.line == row.line; });
    RC_ASSERT(listed || row.error() <= report.worst.back().error());
  }
}

// RFC 4180: cells that are written with quotes where they need them are read as they were.
RC_GTEST_PROP(CsvTables, CellsComeBackAsTheyWere, ()) {
  const int columns = *rc::gen::inRange(1, 5), lines = *rc::gen::inRange(1, 8);
  const bool windows = *rc::gen::arbitrary<bool>();
  std::vector<std::vector<std::string>> expected(static_cast<std::size_t>(lines));
  std::string text;
  const auto write = [&](const std::vector<std::string>& cells) {
    for (std::size_t i = 0; i < cells.size(); ++i) {
      std::string quoted = "\"";
      for (const char c : cells[i]) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
      const bool needs = cells[i].find_first_of(",\"") != std::string::npos || *rc::gen::arbitrary<bool>();
      text += (i > 0 ? "," : "") + (needs ? quoted + "\"" : cells[i]);
    }
    text += windows ? "\r\n" : "\n";
  };
  std::vector<std::string> head;
  for (int c = 0; c < columns; ++c) head.push_back("c" + std::to_string(c));
  write(head);
  for (std::vector<std::string>& row : expected) {
    for (int c = 0; c < columns; ++c) {
      std::string& cell = row.emplace_back("x");
      for (int i = 0, size = *rc::gen::inRange(0, 6); i < size; ++i)
        cell += *rc::gen::elementOf(std::string("ab,\" 1.;"));
    }
    write(row);
  }
  const tests::TemporaryFolder folder;
  const CsvTable table = read_csv(folder.file("t.csv", text));
  RC_ASSERT(table.columns == head);
  RC_ASSERT(table.rows == expected);
}

#endif

}  // namespace
}  // namespace orrery::calibrate
