// The table of a sweep: its lines, its front and what it says is best.
#include "scenarios/search/sweep_text.hpp"

#include <sstream>

#include <gmock/gmock.h>

#include "tests/scenarios/search/small_search.hpp"

namespace orrery::scenarios::testing {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view kPromise = "serving.slo_attainment";

class Table : public ::testing::Test {
 protected:
  Table() {
    kept_ = speed_and_price();
    kept_.rows.push_back(*find_metric_row(kPromise));
  }
  [[nodiscard]] SweepText text() {
    return {out_,
            kept_,
            {{"tok/s", "serving.output_tokens_per_s", 8}, {"USD", "cost.usd_per_million_output_tokens", 6}},
            "",
            "dir/grid.yaml"};
  }
  [[nodiscard]] static SearchPoint at(const std::string& x, double speed, double price, double kept = kUndefined) {
    SearchPoint point = point_of(speed, price, {{"x", x, "sweep"}});
    point.values.push_back(kept);
    return point;
  }

  std::ostringstream out_;
  KeptMetrics kept_;
  const Objective speed_{"serving.output_tokens_per_s", true};
};

TEST_F(Table, LinesAreFiguresKeysFindingsAndMarks) {
  text().head();
  EXPECT_EQ(out_.str(), "   tok/s    USD  point\n");
  out_.str("");
  SearchPoint point = at("4", 12, kUndefined);
  point.findings = {{"slo_missed", "", false}, {"out_of_memory", "", false}};
  text().line(point, "on the Pareto front");
  EXPECT_THAT(out_.str(), HasSubstr("     -  x=4  slo missed, out of memory  on the Pareto front\n"));
}

TEST_F(Table, PointsThatCannotBeSayWhyInTheirLine) {
  SearchPoint point = at("5", kUndefined, kUndefined);
  point.reason = "dir/grid.yaml:12:5: 5 does not divide 12";
  text().line(point);
  EXPECT_THAT(out_.str(), EndsWith("x=5  can't be: 5 does not divide 12\n"));
}

TEST_F(Table, NothingOfAValueReachesTheTerminalAsItIs) {
  text().line(at("\x1b[31m", 1, 1));
  EXPECT_THAT(out_.str(), Not(HasSubstr("\x1b")));
}

TEST_F(Table, FrontIsSortedByItsFirstObjective) {
  const std::vector<SearchPoint> points = {at("a", 10, 1), at("b", 30, 3), at("c", 20, 5), at("d", 20, 2)};
  const ParetoFront front = front_of(kept_, points, {speed_, {"cost.usd_per_million_output_tokens", false}});
  EXPECT_EQ(front.has, (std::vector<bool>{true, true, false, true}));
  text().front(points, front);
  const std::string shown = out_.str();
  EXPECT_THAT(shown, HasSubstr("\nPareto front of most serving.output_tokens_per_s, least "
                               "cost.usd_per_million_output_tokens: 3 of 4 points\n"));
  EXPECT_LT(shown.find("x=b"), shown.find("x=d"));
  EXPECT_LT(shown.find("x=d"), shown.find("x=a"));
  EXPECT_THAT(shown, Not(HasSubstr("x=c")));
}

TEST_F(Table, BestIsNamedWithWhatItIsBestAt) {
  text().best({at("a", 10, 1), at("b", 30, 3)}, speed_, kPromise);
  EXPECT_THAT(out_.str(), EndsWith("x=b  <- most serving.output_tokens_per_s of those that fit\n"));
  out_.str("");
  SearchPoint missed = at("b", 30, 3, 0.5);
  missed.findings = {{"slo_missed", "", false}};
  text().best({at("a", 10, 1, 1.0), missed}, speed_, kPromise);
  EXPECT_THAT(out_.str(), EndsWith("x=a  <- most serving.output_tokens_per_s of those that hold the SLO\n"));
}

TEST_F(Table, WhereNothingHoldsTheNearestIsNamed) {
  SearchPoint near = at("a", 10, 1, 0.75), far = at("b", 30, 3, 0.5);
  near.findings = far.findings = {{"slo_missed", "", false}};
  text().best({far, near}, speed_, kPromise);
  EXPECT_EQ(out_.str(), "\nNo point holds the SLO; the nearest keeps it for 75.00 %: x=a\n");
  out_.str("");
  SearchPoint full = at("a", 10, 1);
  full.findings = {{"out_of_memory", "", false}};
  text().best({full}, speed_, kPromise);
  EXPECT_EQ(out_.str(), "\nNo point fits without a finding\n");
}

TEST(ShortReasons, LoseWhatTheLineSaysAlready) {
  EXPECT_EQ(short_reason("a.yaml:3: no", "a.yaml"), "no");
  EXPECT_EQ(short_reason("a.yaml: no", "a.yaml"), "no");
  EXPECT_EQ(short_reason("a.yaml: sweep t.tp=5: no", "a.yaml"), "no");
  EXPECT_EQ(short_reason("sweep without end", "a.yaml"), "sweep without end");
  EXPECT_EQ(short_reason("b.yaml:3:4: no", "a.yaml"), "b.yaml:3:4: no");
  EXPECT_EQ(short_reason("12 GPUs are too few", "a.yaml"), "12 GPUs are too few");
  EXPECT_EQ(short_reason("", "a.yaml"), "");
}

TEST(ShortReasons, AreCutBetweenCharacters) {
  EXPECT_EQ(short_reason(std::string(100, 'x'), "a"), std::string(100, 'x'));
  EXPECT_EQ(short_reason(std::string(101, 'x'), "a"), std::string(100, 'x') + "...");
  // Two bytes each: the 100th byte would be the first half of one.
  std::string umlauts = "x";
  for (int i = 0; i < 60; ++i) umlauts += "\xc3\xa4";
  const std::string cut = short_reason(umlauts, "a");
  EXPECT_EQ(cut, umlauts.substr(0, 99) + "...");
}

}  // namespace
}  // namespace orrery::scenarios::testing
