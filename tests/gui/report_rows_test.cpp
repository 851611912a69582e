// The groups of the report and what stands in their rows.
#include "gui/model/report_rows.hpp"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/gui/made_runs.hpp"

namespace orrery::gui {
namespace {

using scenarios::Outcome;
using scenarios::Unit;
using ::testing::ElementsAre;

std::vector<std::string> titles(const RunPtr& current, const RunPtr& previous = nullptr) {
  std::vector<std::string> titles;
  for (const ReportGroup& group : report_groups(current, previous)) titles.push_back(group.title.toStdString());
  return titles;
}

scenarios::ExpectationOutcome expectation(Outcome outcome, std::optional<double> predicted) {
  scenarios::ExpectationOutcome made;
  made.expectation.metric = "training.mfu";
  made.expectation.value = 0.5;
  made.expectation.tolerance = 0.05;
  made.expectation.unit = Unit::ratio;
  made.expectation.source = "a paper";
  made.predicted = predicted;
  made.outcome = outcome;
  return made;
}

/// The only row of a run with that expectation.
ReportRow row_of(scenarios::ExpectationOutcome outcome) {
  auto run = tests::run_with({});
  run->report.expectations.push_back(std::move(outcome));
  return report_groups(run, nullptr).front().rows.front();
}

TEST(ReportGroups, StandInOneOrder) {
  auto run = tests::run_with({{"cost.usd", Unit::dollars, 2.0},
                              {"memory.peak_bytes", Unit::bytes, 1.0},
                              {"memory.stages.0.peak_bytes", Unit::bytes, 1.0},
                              {"training.mfu", Unit::ratio, 0.5}});
  run->report.notes = {"a note"};
  run->report.findings = {{"out_of_memory", "too large", false}};
  run->report.expectations = {expectation(Outcome::pass, 0.5)};
  EXPECT_THAT(titles(run), ElementsAre("Findings", "Training", "Memory of the fullest GPU", "Cost", "Memory per stage",
                                       "Notes", "Expectations"));
  EXPECT_TRUE(report_groups(nullptr, run).empty());
}

TEST(ReportGroups, OfASkippedScenarioSayWhy) {
  auto run = std::make_shared<gui::Run>();
  run->report.scenario.skipped = "no trace here";
  const std::vector<ReportGroup> groups = report_groups(run, nullptr);
  ASSERT_EQ(groups.size(), 1u);
  EXPECT_EQ(groups[0].title, QStringLiteral("Skipped"));
  EXPECT_EQ(groups[0].rows[0].label, QStringLiteral("– no trace here"));
}

TEST(ReportGroups, KeysOfJobsNeverMeet) {
  std::set<unsigned> keys;
  for (std::size_t job = 0; job < 5; ++job) {
    for (unsigned key = 0; key <= static_cast<unsigned>(ReportGroup::Key::expectations); ++key) {
      EXPECT_TRUE(
          keys.insert(static_cast<unsigned>(ReportGroup::key_of(static_cast<ReportGroup::Key>(key), job))).second);
    }
  }
}

TEST(ReportRows, AMetricHasItsValueBeforeAndTheChange) {
  const auto before = tests::run_with({{"training.mfu", Unit::ratio, 0.4}});
  const auto after = tests::run_with({{"training.mfu", Unit::ratio, 0.5}, {"training.hfu", Unit::ratio, 0.6}});
  const std::vector<ReportGroup> groups = report_groups(after, before);
  const ReportRow& mfu = groups[0].rows[0];
  EXPECT_EQ(mfu.label, QStringLiteral("MFU"));
  EXPECT_EQ(mfu.value, QStringLiteral("50.00 %"));
  EXPECT_EQ(mfu.previous, QStringLiteral("40.00 %"));
  EXPECT_EQ(mfu.verdict, 1);
  EXPECT_EQ(groups[0].rows[1].change, QStringLiteral("new"));
  EXPECT_EQ(groups[0].rows[1].previous, QString());
}

TEST(ReportRows, ARunThatDoesNotFitGainsNothing) {
  const auto before = tests::run_with({{"training.mfu", Unit::ratio, 0.4}, {"memory.fits", Unit::flag, 1.0}});
  const auto after = tests::run_with({{"training.mfu", Unit::ratio, 0.5}, {"memory.fits", Unit::flag, 0.0}});
  EXPECT_EQ(report_groups(after, before)[0].rows[0].verdict, 0);
}

TEST(ReportRows, AnExpectationThatHoldsIsTicked) {
  const ReportRow row = row_of(expectation(Outcome::pass, 0.51));
  EXPECT_EQ(row.label, QStringLiteral("✓ MFU"));
  EXPECT_EQ(row.value, QStringLiteral("51.00 %"));
  EXPECT_EQ(row.previous, QStringLiteral("expected 50.00 %"));
  EXPECT_EQ(row.change, QStringLiteral("+2.0 %"));  // 0.51 / 0.50 − 1
  EXPECT_EQ(row.verdict, 1);
  EXPECT_EQ(row.tooltip, QStringLiteral("pass: training.mfu\nexpected 50.00 % ± 5 %\nsource: a paper"));
}

TEST(ReportRows, AMissIsCrossedAndAKnownOneIsNot) {
  const ReportRow miss = row_of(expectation(Outcome::miss, 0.25));
  EXPECT_EQ(miss.label, QStringLiteral("✗ MFU"));
  EXPECT_EQ(miss.change, QStringLiteral("−50.0 %"));
  EXPECT_EQ(miss.verdict, -1);
  scenarios::ExpectationOutcome known = expectation(Outcome::known_miss, 0.25);
  known.expectation.known_miss = "no model of it";
  const ReportRow row = row_of(known);
  EXPECT_EQ(row.label, QStringLiteral("≈ MFU"));
  EXPECT_EQ(row.verdict, 0);
  EXPECT_TRUE(row.tooltip.startsWith(QStringLiteral("known miss: training.mfu\n")));
  EXPECT_TRUE(row.tooltip.endsWith(QStringLiteral("\nknown miss: no model of it")));
}

TEST(ReportRows, AKnownMissThatHoldsIsAProblem) {
  scenarios::ExpectationOutcome holds = expectation(Outcome::known_miss, 0.5);
  holds.known_miss_holds = true;
  auto run = tests::run_with({});
  run->report.expectations = {holds, expectation(Outcome::pass, 0.5)};
  EXPECT_THAT(titles(run), ElementsAre("Expectations, 1 not met"));
  EXPECT_EQ(row_of(holds).verdict, -1);
  EXPECT_TRUE(row_of(holds).tooltip.startsWith(QStringLiteral("holds, although it is marked as a known miss")));
}

TEST(ReportRows, ASkippedExpectationHasNoFigure) {
  const ReportRow row = row_of(expectation(Outcome::skipped, std::nullopt));
  EXPECT_EQ(row.label, QStringLiteral("– MFU"));
  EXPECT_EQ(row.value, QStringLiteral("–"));
  EXPECT_EQ(row.change, QString());
  EXPECT_EQ(row.verdict, 0);
}

TEST(ReportRows, AnAbsoluteToleranceHasAUnitAndASwitchNone) {
  scenarios::ExpectationOutcome absolute = expectation(Outcome::pass, 0.51);
  absolute.expectation.absolute = true;
  absolute.expectation.tolerance = 0.02;
  EXPECT_TRUE(row_of(absolute).tooltip.contains(QStringLiteral("expected 50.00 % ± 2.00 %\n")));
  scenarios::ExpectationOutcome fits = expectation(Outcome::pass, 1.0);
  fits.expectation.metric = "memory.fits";
  fits.expectation.unit = Unit::flag;
  fits.expectation.value = 1.0;
  EXPECT_EQ(row_of(fits).change, QString());
  EXPECT_TRUE(row_of(fits).tooltip.contains(QStringLiteral("\nexpected yes\nsource")));
}

TEST(ReportRows, TwoExpectationsOfOneMetricAreTwoRows) {
  auto run = tests::run_with({});
  run->report.expectations = {expectation(Outcome::pass, 0.5), expectation(Outcome::miss, 0.5)};
  const std::vector<ReportGroup> groups = report_groups(run, nullptr);
  ASSERT_EQ(groups[0].rows.size(), 2u);
  EXPECT_NE(groups[0].rows[0].key, groups[0].rows[1].key);
}

}  // namespace
}  // namespace orrery::gui
