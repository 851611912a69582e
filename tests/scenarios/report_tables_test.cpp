// Reports as rows and as test results, made by hand: cells, columns, and outcomes that a CI server counts.
#include <algorithm>
#include <sstream>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "scenarios/kinds.hpp"
#include "scenarios/report.hpp"
#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

/// A report of one job, with no figures.
Report report_of(std::string_view kind, const std::string& name) {
  Report report;
  report.scenario.name = name;
  hardware::NodeGroup& group = report.scenario.cluster.groups.emplace_back();
  group.count = 1;
  group.node.gpus = 8;
  group.gpu.name = "some_gpu";
  Job job;
  job.kind = find_kind(kind);
  job.llm.name = "some-model";
  report.scenario.jobs.push_back(std::move(job));
  return report;
}

Expectation expectation(const std::string& metric, double value, const std::string& known_miss = "") {
  Expectation e;
  e.metric = metric;
  e.unit = metric_unit(metric).value_or(Unit::ratio);
  e.value = value;
  e.tolerance = 0.1;
  e.source = "a <source>";
  e.known_miss = known_miss;
  return e;
}

/// Lines of cells; no cell of these tests is quoted unless it is asked for.
std::vector<std::vector<std::string>> rows_of(const std::string& csv) {
  std::vector<std::vector<std::string>> rows;
  std::istringstream lines(csv);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream row(line + ",");
    std::vector<std::string>& cells = rows.emplace_back();
    for (std::string cell; std::getline(row, cell, ',');) cells.push_back(cell);
  }
  return rows;
}

std::string cell(const std::vector<std::vector<std::string>>& rows, std::size_t row, const std::string& column) {
  const auto at = std::find(rows[0].begin(), rows[0].end(), column);
  return at == rows[0].end() ? "no column" : rows.at(row).at(static_cast<std::size_t>(at - rows[0].begin()));
}

TEST(CsvReport, NumbersReadBackAsTheyAre) {
  Report report = report_of("training", "one");
  report.metrics = {{"training.step_time_s", Unit::seconds, 1.0 / 3.0}, {"memory.fits", Unit::flag, 1.0}};
  const auto rows = rows_of(to_csv({report}));
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(std::stod(cell(rows, 1, "training.step_time_s")), 1.0 / 3.0);
  EXPECT_EQ(cell(rows, 1, "memory.fits"), "1");
  EXPECT_EQ(cell(rows, 1, "scenario"), "one");
  EXPECT_EQ(cell(rows, 1, "model"), "some-model");
  EXPECT_EQ(cell(rows, 1, "gpu"), "some_gpu");
  EXPECT_EQ(cell(rows, 1, "gpus"), "8");
  EXPECT_EQ(cell(rows, 1, "training.mfu"), "") << "undefined is empty, not 0";
}

TEST(CsvReport, EveryRowHasTheColumnsOfItsHead) {
  Report training = report_of("training", "t"), serving = report_of("serving", "s");
  training.findings = {{"out_of_memory", "", false}, {"expectation_missed", "", false}};
  const auto rows = rows_of(to_csv({training, serving, training}));
  ASSERT_EQ(rows.size(), 4U);
  for (const auto& row : rows) EXPECT_EQ(row.size(), rows[0].size());
  EXPECT_EQ(cell(rows, 1, "findings"), "out_of_memory expectation_missed");
  EXPECT_EQ(cell(rows, 2, "findings"), "");
  // Both kinds are there, so both kinds' columns are.
  EXPECT_EQ(cell(rows, 1, "serving.goodput"), "");
  EXPECT_EQ(cell(rows, 2, "training.mfu"), "");
}

TEST(CsvReport, VariantsFollowTheirScenario) {
  Report report = report_of("training", "base");
  Report variant = report_of("training", "base");
  variant.scenario.variant = "larger";
  report.variants = {variant, variant};
  const auto rows = rows_of(to_csv({report, report_of("training", "next")}));
  ASSERT_EQ(rows.size(), 5U);
  EXPECT_EQ(cell(rows, 1, "variant"), "");
  EXPECT_EQ(cell(rows, 2, "variant"), "larger");
  EXPECT_EQ(cell(rows, 3, "variant"), "larger");
  EXPECT_EQ(cell(rows, 4, "scenario"), "next");
}

TEST(CsvReport, NamesThatHoldCommasStayOneCell) {
  Report report = report_of("training", "a,b");
  report.scenario.variant = "say \"x\"";
  report.scenario.cluster.groups[0].gpu.name = "my,gpu";
  const std::string csv = to_csv({report});
  EXPECT_THAT(csv, HasSubstr("\n\"a,b\",\"say \"\"x\"\"\",some-model,\"my,gpu\",8,"));
}

TEST(CsvReport, OptionalColumnsAreThereWhereOneRunHasThem) {
  Report with = report_of("training", "w"), without = report_of("training", "o");
  EXPECT_THAT(to_csv({without}), Not(HasSubstr("training.steps.first_s")));
  with.metrics = {{"training.steps.first_s", Unit::seconds, 2.0}};
  const auto rows = rows_of(to_csv({without, with}));
  EXPECT_EQ(cell(rows, 1, "training.steps.first_s"), "");
  EXPECT_EQ(cell(rows, 2, "training.steps.first_s"), "2");
}

TEST(CsvReport, NamedJobsHaveColumnsOfTheirOwnOnce) {
  Report report = report_of("training", "two");
  report.scenario.jobs[0].name = "learn";
  Job chat = report.scenario.jobs[0];
  chat.name = "chat";
  chat.kind = find_kind("serving");
  report.scenario.jobs.push_back(chat);
  report.metrics = {{"jobs.learn.training.mfu", Unit::ratio, 0.5}, {"jobs.chat.serving.goodput", Unit::ratio, 7.0}};
  const auto rows = rows_of(to_csv({report, report}));
  EXPECT_EQ(cell(rows, 1, "jobs.learn.training.mfu"), "0.5");
  EXPECT_EQ(cell(rows, 2, "jobs.chat.serving.goodput"), "7");
  EXPECT_EQ(std::count(rows[0].begin(), rows[0].end(), "jobs.learn.training.mfu"), 1);
  EXPECT_EQ(cell(rows, 1, "training.mfu"), "no column");
  EXPECT_EQ(cell(rows, 1, "model"), "some-model") << "both jobs' model, once";
}

TEST(CsvReport, PartialOnesSaySoAndNothingIsStillATable) {
  EXPECT_THAT(to_csv({report_of("training", "t")}, true), HasSubstr("\n# partial: interrupted"));
  const auto rows = rows_of(to_csv({}));
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].back(), "findings");
  EXPECT_NE(std::find(rows[0].begin(), rows[0].end(), "training.mfu"), rows[0].end());
}

/// Attributes of the suite.
std::string suite_of(const std::string& xml) {
  const std::size_t at = xml.find("<testsuite ");
  return xml.substr(at, xml.find('>', at) - at);
}

Report judged() {
  Report report = report_of("training", "j");
  report.expectations = {{expectation("training.step_time_s", 2.0), 2.0, scenarios::Outcome::pass, false},
                         {expectation("training.mfu", 0.5), 0.1, scenarios::Outcome::miss, false},
                         {expectation("training.hfu", 0.5, "not yet"), 0.1, scenarios::Outcome::known_miss, false},
                         {expectation("training.compute_s", 1.0, "was late"), 1.0, scenarios::Outcome::pass, true},
                         {expectation("training.optimizer_s", 1.0), std::nullopt, scenarios::Outcome::skipped, false}};
  return report;
}

TEST(JunitReport, CountsWhatItHolds) {
  const std::string suite = suite_of(to_junit({judged()}));
  // Five expectations and the run itself; a miss and a known miss that holds; a known miss and one without a figure.
  EXPECT_THAT(suite, AllOf(HasSubstr("tests=\"6\""), HasSubstr("failures=\"2\""), HasSubstr("skipped=\"2\""),
                           HasSubstr("errors=\"0\"")));
}

TEST(JunitReport, SaysWhyEachIsWhatItIs) {
  const std::string xml = to_junit({judged()});
  EXPECT_THAT(xml, AllOf(HasSubstr("name=\"training.step_time_s\"/>"),
                         HasSubstr("<failure message=\"expected 50.00 %, predicted 10.00 %; a &lt;source&gt;\"/>"),
                         HasSubstr("<skipped message=\"known miss: not yet\"/>"),
                         HasSubstr("<failure message=\"known miss now holds: expected 1.000 s, predicted 1.000 s; "),
                         HasSubstr("<skipped message=\"the report has no training.optimizer_s\"/>")));
}

TEST(JunitReport, FindingsFailTheRunUnlessAnExpectationStandsForThem) {
  Report report = report_of("training", "f");
  report.findings = {
      {"expectation_missed", "one", false}, {"known_miss_holds", "two", false}, {"slo_missed", "three", true}};
  EXPECT_THAT(suite_of(to_junit({report})), HasSubstr("failures=\"0\""));
  report.findings.push_back({"saturated", "four & more", false});
  EXPECT_THAT(to_junit({report}), HasSubstr("name=\"runs\"><failure message=\"four &amp; more\"/>"));
}

TEST(JunitReport, SkippedScenariosAreSkippedTests) {
  Report report = report_of("training", "s");
  report.scenario.skipped = "needs a trace";
  EXPECT_THAT(to_junit({report}), HasSubstr("name=\"runs\"><skipped message=\"needs a trace\"/>"));
}

TEST(JunitReport, VariantsAreNamedBehindTheMetric) {
  Report report = report_of("training", "v"), variant = judged();
  variant.scenario.variant = "b & c";
  report.variants = {variant};
  const std::string xml = to_junit({report});
  EXPECT_THAT(xml, AllOf(HasSubstr("name=\"runs [b &amp; c]\""), HasSubstr("name=\"training.mfu [b &amp; c]\"")));
  EXPECT_THAT(suite_of(xml), HasSubstr("tests=\"7\""));
}

TEST(JunitReport, TextsAreXml) {
  Report report = report_of("training", "n");
  report.findings = {{"saturated", "a\tb\nc \"quoted\" \x01\xff", false}};
  const std::string xml = to_junit({report});
  // Control characters are blanks; a byte that is no UTF-8 is U+FFFD.
  EXPECT_THAT(xml, HasSubstr("message=\"a b c &quot;quoted&quot;  \xEF\xBF\xBD\""));
  EXPECT_THAT(to_junit({}, true), AllOf(HasSubstr("partial: interrupted"), HasSubstr("tests=\"0\"")));
}

TEST(MetricColumns, AreThoseOfTheKindsThatAreThere) {
  const Report training = report_of("training", "t");
  const std::vector<MetricRow> none = metric_columns({}), one = metric_columns({&training});
  ASSERT_EQ(none.size(), one.size());
  for (std::size_t i = 0; i < one.size(); ++i) {
    EXPECT_EQ(one[i].name, none[i].name);
    EXPECT_NE(one[i].name.rfind("serving.", 0), 0U) << one[i].name;
  }
}

// A name that is no UTF-8 is a legal name of a file.
class NamesOfFiles : public FolderTest {};

TEST_F(NamesOfFiles, ThatAreNoUtf8AreShownInEveryReport) {
  const std::string file = write("caf\xe9.yaml", small_scenario());
  EXPECT_EQ(orrery({"run", file, "-q", "--json", path("r.json"), "--junit", path("r.xml")}).code, kExitWell);
  const nlohmann::json report = nlohmann::json::parse(read_file(path("r.json")));
  EXPECT_EQ(report["scenario"]["name"], "caf\xEF\xBF\xBD");
  EXPECT_THAT(read_file(path("r.xml")), HasSubstr("classname=\"caf\xEF\xBF\xBD\""));
  EXPECT_EQ(orrery({"explain", file, "-q", "--json", path("e.json")}).code, kExitWell);
  EXPECT_EQ(orrery({"compare", file, file, "-q", "--json", path("c.json")}).code, kExitWell);
  EXPECT_TRUE(nlohmann::json::accept(read_file(path("c.json"))));
}

}  // namespace
}  // namespace orrery::scenarios::testing
