// Points of a sweep as rows of JSON and CSV: what they say, and that they are read back as they were.
#include "scenarios/search/point_forms.hpp"

#include <cmath>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>
#ifdef ORRERY_HAVE_RAPIDCHECK
#include <rapidcheck/gtest.h>
#endif

#include "tests/scenarios/search/small_search.hpp"

namespace orrery::scenarios::testing {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::StartsWith;

PointForm form() { return {{{"a.x", {"1", "2"}}, {"a.y", {"p", "q"}}}, speed_and_price()}; }

std::vector<Override> at(const std::string& x, const std::string& y) {
  return {{"a.x", x, "sweep"}, {"a.y", y, "sweep"}};
}

SearchPoint impossible(const std::string& reason) {
  SearchPoint point;
  point.set = at("2", "q");
  point.reason = reason;
  return point;
}

TEST(PointCsv, HasAColumnPerAxisAndMetric) {
  EXPECT_EQ(csv_head(form()),
            "a.x,a.y,gpus,serving.output_tokens_per_s,cost.usd_per_million_output_tokens,findings,reason");
  SearchPoint point = point_of(12.5, kUndefined, at("1", "p, \"q\""));
  point.gpus = 8;
  point.findings = {{"slo_missed", "TTFT", false}, {"queue_grows", "", false}};
  EXPECT_EQ(csv_line(form(), point), "1,\"p, \"\"q\"\"\",8,12.5,,slo_missed queue_grows,");
  EXPECT_EQ(csv_line(form(), impossible("5 does not divide 12,\nsays it")),
            "2,q,,,,,\"5 does not divide 12, says it\"");
}

TEST(PointCsv, OfAWholeSweepEndsInTheFrontOrTheChecks) {
  const std::vector<SearchPoint> points = {point_of(1, 2, at("1", "p")), point_of(2, 1, at("1", "q"))};
  const ParetoFront front{{{"serving.output_tokens_per_s", true}}, {false, true}};
  EXPECT_EQ(points_csv(form(), points, "", &front), csv_head(form()) + ",pareto\n1,p,1,1,2,,,0\n1,q,1,2,1,,,1\n");
  EXPECT_EQ(points_csv(form(), points, ""), csv_head(form()) + "\n1,p,1,1,2,,\n1,q,1,2,1,,\n");
  const std::string partial = points_csv(form(), points, "partial: me", &front);
  EXPECT_THAT(partial, StartsWith(csv_head(form()) + ",check\n1,p,1,1,2,,," + row_check("1,p,1,1,2,,") + "\n"));
  EXPECT_THAT(partial, HasSubstr("\n# partial: me\n"));
}

TEST(PointForms, APointThatDoesNotSetAnAxisIsReadBackWithoutIt) {
  PointForm some = form();
  some.left_out = {"a.y where a.x=1: 1 point"};
  const SearchPoint point = point_of(1, 2, {{"a.x", "1", "sweep"}});
  EXPECT_EQ(csv_line(some, point), "1,,1,1,2,,");
  for (const auto& read :
       {read_csv_line(some, checked_csv_line(some, point)), read_json_line(some, checked_json_line(some, point))}) {
    ASSERT_TRUE(read);
    EXPECT_EQ(words_of(read->set), "a.x=1");
  }
  const SearchPoint foreign = point_of(1, 2, {{"b.z", "1", "sweep"}});
  EXPECT_FALSE(read_json_line(some, checked_json_line(some, foreign))) << "of another sweep";
  EXPECT_EQ(json::parse(points_json(some, {point}, ""))["left_out"], json::parse(R"(["a.y where a.x=1: 1 point"])"));
  EXPECT_FALSE(json::parse(points_json(form(), {point}, "")).contains("left_out"));
}

TEST(PointJson, PutsMetricsWhereAReportHasThem) {
  PointForm several = form();
  several.kept.rows.push_back(*find_metric_row("jobs.chat.serving.ttft_s.p99"));
  several.kept.rows.push_back(*find_metric_row("memory.fits"));
  several.kept.rows.push_back(*find_metric_row("serving.requests"));
  SearchPoint point = point_of(12.5, kUndefined, at("1", "p"));
  point.values.insert(point.values.end(), {0.25, 1.0, 200.0});
  point.relaxed = {{"a.z", "false", "search"}};
  point.findings = {{"slo_missed", "TTFT over 1 s", false}};
  EXPECT_EQ(json::parse(json_line(several, point)),
            json::parse(R"({"set": {"a.x": "1", "a.y": "p"}, "relaxed": {"a.z": "false"}, "gpus": 1, "report": {
                "findings": [{"kind": "slo_missed", "message": "TTFT over 1 s"}],
                "serving": {"output_tokens_per_s": 12.5, "requests": 200},
                "jobs": [{"name": "chat", "serving": {"ttft_s": {"p99": 0.25}}}], "memory": {"fits": true}}})"));
}

TEST(PointJson, OfAWholeSweepPartsThoseThatCannotBe) {
  const std::vector<SearchPoint> points = {point_of(1, 2, at("1", "p")), impossible("no"),
                                           point_of(2, 1, at("1", "q"))};
  const ParetoFront front{{{"serving.output_tokens_per_s", true}, {"cost.usd_per_million_output_tokens", false}},
                          {false, false, true}};
  const json whole = json::parse(points_json(form(), points, "", &front));
  EXPECT_EQ(whole["sweep"], json::parse(R"({"a.x": ["1", "2"], "a.y": ["p", "q"]})"));
  EXPECT_EQ(whole["pareto"],
            json::parse(R"(["most serving.output_tokens_per_s", "least cost.usd_per_million_output_tokens"])"));
  ASSERT_EQ(whole["points"].size(), 2U);
  EXPECT_FALSE(whole["points"][0]["pareto"].get<bool>());
  EXPECT_TRUE(whole["points"][1]["pareto"].get<bool>());
  EXPECT_EQ(whole["skipped"], json::parse(R"([{"set": {"a.x": "2", "a.y": "q"}, "reason": "no"}])"));
  EXPECT_FALSE(whole.contains("partial"));
}

void expect_same(const SearchPoint& a, const SearchPoint& b) {
  EXPECT_EQ(words_of(a.set), words_of(b.set));
  EXPECT_EQ(a.reason, b.reason);
  if (!a.ran()) return;
  EXPECT_EQ(a.gpus, b.gpus);
  ASSERT_EQ(a.values.size(), b.values.size());
  for (std::size_t i = 0; i < a.values.size(); ++i) {
    EXPECT_TRUE(a.values[i] == b.values[i] || (std::isnan(a.values[i]) && std::isnan(b.values[i]))) << a.values[i];
  }
  ASSERT_EQ(a.findings.size(), b.findings.size());
  for (std::size_t i = 0; i < a.findings.size(); ++i) EXPECT_EQ(a.findings[i].kind, b.findings[i].kind);
}

TEST(PointForms, ReadBackAsWritten) {
  SearchPoint missed = point_of(0.1, 1e-300, at("1", "p"));
  missed.findings = {{"slo_missed", "a", false}, {"queue_grows", "b", false}};
  for (const SearchPoint& point : {point_of(1.0 / 3.0, kUndefined, at("1", "p")), missed, impossible("a, \"b\": c"),
                                   point_of(-0.0, 1e308, at("", ","))}) {
    const auto from_json = read_json_line(form(), checked_json_line(form(), point));
    const auto from_csv = read_csv_line(form(), checked_csv_line(form(), point));
    ASSERT_TRUE(from_json && from_csv) << json_line(form(), point);
    expect_same(point, *from_json);
    expect_same(point, *from_csv);
  }
  EXPECT_EQ(read_json_line(form(), checked_json_line(form(), missed))->findings[1].message, "b");
}

#ifdef ORRERY_HAVE_RAPIDCHECK
RC_GTEST_PROP(PointForms, AnyFigureAndAnyTextReadsBack, ()) {
  const auto speed = *rc::gen::arbitrary<double>(), price = *rc::gen::arbitrary<double>();
  RC_PRE(std::isfinite(speed) && std::isfinite(price));
  const auto letters = rc::gen::elementOf(std::string("ab,\"' =:#\t;{}[]\\"));
  const SearchPoint point = point_of(speed, price, at(*rc::gen::container<std::string>(letters), "q"));
  const auto from_json = read_json_line(form(), checked_json_line(form(), point));
  const auto from_csv = read_csv_line(form(), checked_csv_line(form(), point));
  RC_ASSERT(from_json && from_csv);
  for (const auto& read : {from_json, from_csv}) {
    RC_ASSERT(read->values == point.values);
    RC_ASSERT(words_of(read->set) == words_of(point.set));
  }
}
#endif

TEST(PointForms, EditedRowsAreNone) {
  const SearchPoint point = point_of(12.5, 3, at("1", "p"));
  const std::string csv = checked_csv_line(form(), point), text = checked_json_line(form(), point);
  ASSERT_TRUE(read_csv_line(form(), csv) && read_json_line(form(), text));
  for (std::size_t i = 0; i < csv.size(); ++i) {
    std::string edited = csv;
    edited[i] = edited[i] == '7' ? '8' : '7';
    EXPECT_FALSE(read_csv_line(form(), edited)) << edited;
  }
  for (std::size_t i = text.find("12.5"); i < text.find("12.5") + 4; ++i) {
    std::string edited = text;
    edited[i] = edited[i] == '7' ? '8' : '7';
    EXPECT_FALSE(read_json_line(form(), edited)) << edited;
  }
  for (const char* nothing : {"", "{", "[]", "null", "{}", R"({"check": 7})", R"({"set": {}, "check": "0"})"}) {
    EXPECT_FALSE(read_json_line(form(), nothing)) << nothing;
    EXPECT_FALSE(read_csv_line(form(), nothing)) << nothing;
  }
}

/// A row with the check that belongs to it, whatever it says.
std::string checked(std::string row) { return row + "," + row_check(row); }

TEST(PointForms, RowsThatNoSweepWritesAreNone) {
  EXPECT_TRUE(read_csv_line(form(), checked("1,p,8,12.5,3,,")));
  for (const char* row : {"1,p,8,12.5,,", "1,p,8,12.5,3,,,", "1,p,0,12.5,3,,", "1,p,-1,12.5,3,,", "1,p,,12.5,3,,",
                          "1,p,1e99,12.5,3,,", "1,p,8,x,3,,", "1,p,8,inf,3,,", "1,p,8,12.5 ,3,,", "1,p,8,1e999,3,,"}) {
    EXPECT_FALSE(read_csv_line(form(), checked(row))) << row;
  }
}

TEST(PointForms, OfOtherAxesAreNone) {
  PointForm one = form();
  one.axes.pop_back();
  EXPECT_FALSE(read_json_line(one, checked_json_line(form(), point_of(1, 2, at("1", "p")))));
  EXPECT_FALSE(read_csv_line(one, checked_csv_line(form(), point_of(1, 2, at("1", "p")))));
}

TEST(PointForms, InterruptedDocumentsReadBackWithTheirChecks) {
  const std::vector<SearchPoint> points = {point_of(1, 2, at("1", "p")), impossible("no"),
                                           point_of(3, 4, at("1", "q"))};
  const std::string text = points_json(form(), points, "partial: me");
  const std::vector<SearchPoint> read = read_points_json(form(), text);
  ASSERT_EQ(read.size(), 3U);  // those that can't be stand last
  expect_same(points[0], read[0]);
  expect_same(points[2], read[1]);
  expect_same(points[1], read[2]);
  nlohmann::ordered_json edited = nlohmann::ordered_json::parse(text);
  const std::string check = edited["points"][1]["check"].dump();
  edited["points"][1]["report"]["serving"]["output_tokens_per_s"] = 99;
  try {
    (void)read_points_json(form(), edited.dump());
    ADD_FAILURE();
  } catch (const std::invalid_argument& error) {
    EXPECT_EQ(error.what(), check);
  }
  EXPECT_TRUE(read_points_json(form(), "[1]").empty());
  EXPECT_TRUE(read_points_json(form(), R"({"points": 7})").empty());
  EXPECT_THROW((void)read_points_json(form(), R"({"points": [7]})"), std::invalid_argument);
}

}  // namespace
}  // namespace orrery::scenarios::testing
