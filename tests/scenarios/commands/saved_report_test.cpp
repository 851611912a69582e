// Saved reports: which figures come out of one, and what is said of a file that is none.
#include "scenarios/commands/saved_report.hpp"

#include <algorithm>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "hardware/config/config.hpp"
#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

class SavedReport : public FolderTest {
 protected:
  [[nodiscard]] std::map<std::string, double> read(const std::string& text) const {
    return read_saved_report(write("r.json", text)).metrics;
  }
  [[nodiscard]] std::string refusal(const std::string& text) const {
    try {
      (void)read(text);
    } catch (const hardware::ConfigError& error) {
      return error.what();
    }
    return "read";
  }
};

TEST_F(SavedReport, HasTheMetricsThatItKnowsAndNoOthers) {
  // A truth is 1; null and names that no report has are no figures.
  EXPECT_THAT(read(R"({"schema_version": 1, "memory": {"fits": true, "peak_bytes": 12.5, "weights_bytes": null,
                       "nonsense": "4"}, "cost": {"usd": -0.0}, "training": null, "own": {"peak": 1}})"),
              UnorderedElementsAre(Pair("memory.fits", 1.0), Pair("memory.peak_bytes", 12.5), Pair("cost.usd", 0.0)));
}

TEST_F(SavedReport, FiguresThatNoneCanBeAreRefusedWithTheirKeys) {
  const auto with = [&](const std::string& sections) { return refusal(R"({"schema_version": 1, )" + sections + "}"); };
  EXPECT_THAT(with(R"("memory": {"peak_bytes": "3"})"),
              HasSubstr("r.json: memory.peak_bytes: expected a number from 0 on, found \"3\""));
  EXPECT_THAT(with(R"("memory": {}, "serving": {"ttft_s": {"p99": -0.5}})"),
              HasSubstr("serving.ttft_s.p99: expected a number from 0 on, found -0.5"));
  EXPECT_THAT(with(R"("memory": {}, "serving": {"requests_per_s": true})"),
              HasSubstr("serving.requests_per_s: expected a number from 0 on, found true"));
  EXPECT_THAT(with(R"("memory": {"fits": "yes"})"), HasSubstr("memory.fits: expected true or false, found \"yes\""));
  EXPECT_THAT(with(R"("memory": {"fits": 2})"), HasSubstr("memory.fits: expected true or false, found 2"));
  // What is missing of memory is below 0.
  EXPECT_EQ(with(R"("memory": {"fits": 0, "margin_bytes": -5e9})"), "read");
  // All at once, and a section that is none once.
  const std::string several = with(R"("memory": [1], "serving": {"ttft_s": 3, "tpot_s": {"p50": [], "p99": {}}})");
  EXPECT_THAT(several, HasSubstr("r.json: memory: expected an object with figures, found a list"));
  EXPECT_THAT(several, HasSubstr("serving.ttft_s: expected an object with figures, found 3\n"));
  EXPECT_THAT(several, HasSubstr("serving.tpot_s.p50: expected a number from 0 on, found a list\n"));
  EXPECT_THAT(several, HasSubstr("serving.tpot_s.p99: expected a number from 0 on, found an object\n"));
  EXPECT_EQ(std::count(several.begin(), several.end(), '\n'), 3) << several;
  EXPECT_THAT(with(R"("memory": {}, "jobs": [{"name": "chat", "serving": {"goodput": "high"}}])"),
              HasSubstr("jobs.chat.serving.goodput: expected a number from 0 on, found \"high\""));
}

TEST_F(SavedReport, ThatWasCutShortIsSaidToBe) {
  const std::string whole = R"({"schema_version": 1, "memory": {"peak_bytes": 12.5, "verdict": "fits"}})";
  for (const std::size_t length : {std::size_t{10}, std::size_t{40}, whole.size() - 4, whole.size() - 1}) {
    const std::string said = refusal(whole.substr(0, length));
    EXPECT_THAT(said, HasSubstr("not a JSON report: parse error at line 1, column ")) << length;
    EXPECT_THAT(said, HasSubstr("the file ends there: was it cut short?")) << length;
    EXPECT_THAT(said, Not(HasSubstr("json.exception"))) << length;
  }
  EXPECT_THAT(refusal(R"({"schema_version": 1, "memory": }  })"), Not(HasSubstr("cut short")));
}

TEST_F(SavedReport, OfOneRunMayStandInAList) {
  EXPECT_THAT(read(R"([{"schema_version": 1, "memory": {"peak_bytes": 3}}])"),
              UnorderedElementsAre(Pair("memory.peak_bytes", 3.0)));
  const std::string one = R"({"schema_version": 1, "memory": {"peak_bytes": 3}})";
  EXPECT_THAT(refusal("[" + one + "," + one + "]"), HasSubstr("not a report of one run"));
  EXPECT_THAT(refusal("[]"), HasSubstr("not a report of one run"));
}

TEST_F(SavedReport, OfSeveralJobsHasTheirFullNames) {
  EXPECT_THAT(read(R"({"schema_version": 1, "memory": {"peak_bytes": 9}, "jobs": [
                       {"name": "a", "memory": {"peak_bytes": 3}},
                       {"name": "chat", "serving": {"ttft_s": {"p99": 0.5, "p42": 1}}}]})"),
              UnorderedElementsAre(Pair("memory.peak_bytes", 9.0), Pair("jobs.a.memory.peak_bytes", 3.0),
                                   Pair("jobs.chat.serving.ttft_s.p99", 0.5)));
}

TEST_F(SavedReport, JobsThatNoneCanBeAreRefused) {
  const auto with_jobs = [&](const std::string& jobs) {
    return refusal(R"({"schema_version": 1, "jobs": )" + jobs + "}");
  };
  EXPECT_THAT(with_jobs(R"({"a": 1})"), HasSubstr("r.json: not a report of one run: its jobs are no list"));
  EXPECT_THAT(with_jobs("null"), HasSubstr("its jobs are no list"));
  for (const char* jobs : {"[1]", "[null]", R"(["a"])", R"([{"memory": {}}])", R"([{"name": 7}])", R"([{"name": ""}])",
                           R"([{"name": "a.b"}])", R"([{"name": "a"}, []])"}) {
    EXPECT_THAT(with_jobs(jobs), EndsWith("one of its jobs has no name that a job may have")) << jobs;
  }
  EXPECT_EQ(with_jobs("[]"), "read");
}

TEST_F(SavedReport, TextsThatAreNoneAreRefusedWithTheirPlace) {
  EXPECT_THAT(refusal("{"), AllOf(HasSubstr("r.json: not a JSON report: "), HasSubstr("line 1, column 2")));
  EXPECT_THAT(refusal("{\n  \"a\": }"), HasSubstr("line 2, column 8"));
  EXPECT_THAT(refusal(""), HasSubstr("not a JSON report"));
  EXPECT_THAT(refusal("7"), HasSubstr("not a report of one run"));
  EXPECT_THAT(refusal(R"({"memory": {}})"), HasSubstr("not a report of one run"));
  EXPECT_THAT(refusal(R"({"schema_version": 1})"), HasSubstr("not a report of one run"));
  // What no double holds.
  EXPECT_THAT(refusal(R"({"schema_version": 1, "memory": {"peak_bytes": 1e999}})"),
              AllOf(HasSubstr("r.json: not a JSON report"), HasSubstr("1e999")));
  EXPECT_THAT(refusal("{\"schema_version\": 1, \"memory\": {\"\xff\": 1}}"), HasSubstr("not a JSON report"));
}

TEST_F(SavedReport, OfAnotherVersionSaysWhichInFewWords) {
  EXPECT_THAT(refusal(R"({"schema_version": 2, "memory": {}})"), HasSubstr("schema_version 2 is not 1"));
  EXPECT_THAT(refusal(R"({"schema_version": null, "memory": {}})"), HasSubstr("schema_version is no number"));
  EXPECT_LT(refusal(R"({"memory": {}, "schema_version": ")" + std::string(100'000, 'x') + "\"}").size(), 400U);
}

TEST_F(SavedReport, NestedDeepIsReadOrRefused) {
  const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
  EXPECT_THAT(refusal(deep), HasSubstr("not a report of one run"));
  EXPECT_THAT(refusal(R"({"schema_version": 1, "memory": {"peak_bytes": )" + deep + "}}"),
              HasSubstr("memory.peak_bytes: expected a number from 0 on, found a list"));
  EXPECT_THAT(refusal(R"({"memory": {}, "schema_version": )" + deep + "}"), HasSubstr("schema_version is no number"));
  EXPECT_THAT(refusal(R"({"schema_version": 1, "jobs": [{"name": )" + deep + "}]}"), HasSubstr("no name that a job"));
}

// What compare does with them.
TEST_F(SavedReport, ComparesSideBySide) {
  const std::string a = write("a.json", R"({"schema_version": 1, "memory": {"peak_bytes": 10},
      "serving": {"requests_per_s": 4, "mean_batch": 0}, "jobs": [{"name": "x", "serving": {"requests_per_s": 1}}]})");
  const std::string b = write("b.json", R"({"schema_version": 1, "memory": {"peak_bytes": 15},
      "serving": {"requests_per_s": 5, "mean_batch": 2}, "jobs": [{"name": "x", "serving": {"requests_per_s": 3}},
                                                                  {"name": "y", "serving": {"requests_per_s": 7}}]})");
  const Outcome outcome = orrery({"compare", a, b, "--json", "-"});
  ASSERT_EQ(outcome.code, kExitWell) << outcome.err;
  std::map<std::string, nlohmann::json> rows;
  const nlohmann::json table = nlohmann::json::parse(outcome.out);
  for (const nlohmann::json& row : table["rows"]) rows[row["metric"]] = row;
  ASSERT_EQ(rows.size(), 5U);
  EXPECT_EQ(rows["memory.peak_bytes"]["ratio"], 1.5);          // 15 / 10
  EXPECT_EQ(rows["serving.requests_per_s"]["difference"], 1);  // 5 − 4
  EXPECT_TRUE(rows["serving.mean_batch"]["ratio"].is_null()) << "of nothing there is no ratio";
  EXPECT_EQ(rows["jobs.x.serving.requests_per_s"]["ratio"], 3.0);
  EXPECT_TRUE(rows["jobs.y.serving.requests_per_s"]["a"].is_null());
  EXPECT_EQ(rows["jobs.y.serving.requests_per_s"]["b"], 7);
}

TEST_F(SavedReport, OfUnlikeKindsAreNotCompared) {
  const auto report = [&](const std::string& name, const std::string& rest) {
    return write(name, R"({"schema_version": 1, "memory": {"peak_bytes": 10}, )" + rest + "}");
  };
  const std::string training = report("t.json", R"("training": {"step_time_s": 2})");
  const std::string serving = report("s.json", R"("serving": {"requests_per_s": 2})");
  const Outcome outcome = orrery({"compare", training, serving});
  EXPECT_EQ(outcome.code, kExitInput);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("no figure of their speed in common"), HasSubstr("t.json: training; "),
                                 HasSubstr("s.json: serving)")));
  // Nor where their jobs have memory alone in common. A name that is a part of "jobs" is a name like any other.
  const std::string one =
      report("o.json", R"("jobs": [{"name": "o", "memory": {"peak_bytes": 1}, "training": {"step_time_s": 2}}])");
  const std::string two =
      report("w.json", R"("jobs": [{"name": "o", "memory": {"peak_bytes": 1}, "serving": {"requests_per_s": 2}}])");
  const Outcome jobs = orrery({"compare", one, two});
  EXPECT_EQ(jobs.code, kExitInput) << jobs.out;
  EXPECT_THAT(jobs.err, AllOf(HasSubstr("o.json: training; "), HasSubstr("w.json: serving)")));
}

}  // namespace
}  // namespace orrery::scenarios::testing
