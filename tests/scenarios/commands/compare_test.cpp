// orrery compare A B: rows of figures, from scenarios and from saved reports, and what is refused.
#include <map>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class Compare : public FolderTest {
 protected:
  /// A saved report with figures that are easy to divide.
  [[nodiscard]] std::string saved(const std::string& name, double step, double peak,
                                  const std::string& more = "") const {
    json report = {{"schema_version", 1},
                   {"orrery", "0.1.0"},
                   {"training", {{"step_time_s", step}, {"mfu", 0.5}}},
                   {"memory", {{"peak_bytes", peak}}}};
    if (!more.empty()) report["training"].update(json::parse(more));
    return write(name, report.dump());
  }
  /// The rows by metric.
  [[nodiscard]] std::map<std::string, json> rows(const std::string& a, const std::string& b,
                                                 std::vector<std::string> more = {}) const {
    std::vector<std::string> args = {"compare", a, b, "-q", "--json", path("c.json")};
    args.insert(args.end(), more.begin(), more.end());
    const Outcome outcome = orrery(args);
    EXPECT_EQ(outcome.code, kExitWell) << outcome.err;
    EXPECT_EQ(outcome.out, "");
    std::map<std::string, json> found;
    const json table = json::parse(read_file(path("c.json")));
    for (const json& row : table["rows"]) found[row["metric"]] = row;
    return found;
  }
  [[nodiscard]] std::string refused(std::vector<std::string> args) const {
    args.insert(args.begin(), "compare");
    const Outcome outcome = orrery(args);
    EXPECT_EQ(outcome.code, kExitInput) << outcome.out;
    EXPECT_EQ(outcome.out, "");
    return outcome.err;
  }
};

TEST_F(Compare, RowsAreDifferencesAndQuotients) {
  const auto all = rows(saved("a.json", 2.0, 4e9), saved("b.json", 3.0, 1e9));
  const json& step = all.at("training.step_time_s");
  EXPECT_EQ(step["a"], 2.0);
  EXPECT_EQ(step["b"], 3.0);
  EXPECT_EQ(step["difference"], 1.0);
  EXPECT_EQ(step["ratio"], 1.5);
  const json& peak = all.at("memory.peak_bytes");
  EXPECT_EQ(peak["difference"], -3e9);
  EXPECT_EQ(peak["ratio"], 0.25);
  EXPECT_EQ(all.at("training.mfu")["ratio"], 1.0);
}

TEST_F(Compare, OneSideAloneHasNoDifferenceAndNoQuotient) {
  const auto all = rows(saved("a.json", 2.0, 4e9), saved("b.json", 3.0, 1e9, "{\"tokens_per_s\": 8}"));
  const json& tokens = all.at("training.tokens_per_s");
  EXPECT_TRUE(tokens["a"].is_null());
  EXPECT_EQ(tokens["b"], 8.0);
  EXPECT_TRUE(tokens["difference"].is_null());
  EXPECT_TRUE(tokens["ratio"].is_null());
  EXPECT_EQ(all.count("training.hfu"), 0U) << "neither has it";
}

TEST_F(Compare, NothingIsDividedByNought) {
  const auto all = rows(saved("a.json", 2.0, 4e9, "{\"bubble_fraction\": 0}"),
                        saved("b.json", 2.0, 4e9, "{\"bubble_fraction\": 0.25}"));
  EXPECT_EQ(all.at("training.bubble_fraction")["difference"], 0.25);
  EXPECT_TRUE(all.at("training.bubble_fraction")["ratio"].is_null());
}

TEST_F(Compare, TextHasBothSidesAndARowForEach) {
  const std::string a = saved("a.json", 2.0, 4.0 * (1 << 30)), b = saved("b.json", 3.0, 1.0 * (1 << 30));
  const Outcome outcome = orrery({"compare", a, b});
  EXPECT_EQ(outcome.code, kExitWell) << outcome.err;
  EXPECT_THAT(outcome.out, StartsWith("A: " + a + "\nB: " + b + "\nmetric "));
  std::istringstream lines(outcome.out);
  std::map<std::string, std::string> by_metric;
  for (std::string line; std::getline(lines, line);) by_metric[line.substr(0, line.find(' '))] = line;
  EXPECT_THAT(by_metric["training.step_time_s"],
              AllOf(HasSubstr(" 2.000 s "), HasSubstr(" 3.000 s "), HasSubstr("1.5000")));
  EXPECT_THAT(by_metric["memory.peak_bytes"],
              AllOf(HasSubstr("4.000 GiB"), HasSubstr("1.000 GiB"), HasSubstr("0.2500")));
  // Lines are of one width: columns stand under each other.
  EXPECT_EQ(by_metric["training.step_time_s"].size(), by_metric["memory.peak_bytes"].size());
  EXPECT_EQ(by_metric["training.step_time_s"].size(), by_metric["metric"].size());
}

TEST_F(Compare, AScenarioIsComparedWithItsOwnReportWithoutADifference) {
  const std::string file = write("s.yaml", small_scenario());
  ASSERT_EQ(orrery({"run", file, "-q", "--json", path("s.json")}).code, kExitWell);
  const auto all = rows(file, path("s.json"));
  EXPECT_GT(all.size(), 20U);
  for (const auto& [metric, row] : all) {
    EXPECT_FALSE(row["a"].is_null()) << metric;
    EXPECT_EQ(row["a"], row["b"]) << metric;
  }
}

TEST_F(Compare, SetIsOfBothScenariosAndOfNoReport) {
  const std::string file = write("s.yaml", small_scenario());
  ASSERT_EQ(orrery({"run", file, "-q", "--json", path("s.json")}).code, kExitWell);
  const auto both = rows(file, file, {"--set", "training.global_batch_size=128"});
  EXPECT_EQ(both.at("training.step_time_s")["ratio"], 1.0);
  const auto saved_too = rows(path("s.json"), file, {"--set", "training.global_batch_size=128"});
  EXPECT_GT(saved_too.at("training.step_time_s")["ratio"], 1.5) << "twice the batch";
}

TEST_F(Compare, FindingsAreNotExitCodes) {
  // To compare what does not fit with what does is a fair question.
  const std::string over = write("o.yaml", replaced(small_scenario(), "gpt2-124m", "llama-3.1-70b"));
  EXPECT_EQ(rows(write("s.yaml", small_scenario()), over).at("memory.fits")["b"], 0.0);
}

TEST_F(Compare, InputsAndOutputsAreCheckedFirst) {
  const std::string a = saved("a.json", 2.0, 1.0), s = write("s.yaml", small_scenario());
  EXPECT_THAT(refused({a, path("none.json")}), HasSubstr("none.json: no such file"));
  EXPECT_THAT(refused({a, path("none.yaml")}), HasSubstr("none.yaml: no such file"));
  EXPECT_THAT(refused({a, s, "--json", a}), HasSubstr("the output would overwrite the input"));
  EXPECT_THAT(refused({a, s, "--json", path("no/c.json")}), HasSubstr("can't write"));
  EXPECT_THAT(refused({a, write("w.yaml", small_scenario() + "extra: 1\n")}), HasSubstr("w.yaml:12:1: "));
  EXPECT_EQ(json::parse(read_file(a))["training"]["step_time_s"], 2.0);
}

TEST_F(Compare, AReportOfSeveralRunsIsNoSide) {
  const std::string s = write("s.yaml", small_scenario());
  ASSERT_EQ(orrery({"run", s, write("t.yaml", small_scenario()), "-q", "--json", path("two.json")}).code, kExitWell);
  EXPECT_THAT(refused({s, path("two.json")}), HasSubstr("two.json: not a report of one run"));
}

TEST_F(Compare, FiguresThatNoneCanBeAreNamed) {
  const std::string a = saved("a.json", 2.0, 1.0);
  const std::string wrong = saved("w.json", 2.0, 1.0, "{\"mfu\": \"half\", \"step_time_s\": -1}");
  EXPECT_THAT(refused({a, wrong}),
              AllOf(HasSubstr("training.mfu: expected a number from 0 on, found"), HasSubstr("half"),
                    HasSubstr("training.step_time_s: expected a number from 0 on, found -1")));
}

TEST_F(Compare, JsonOnStandardOutputIsAlone) {
  const Outcome outcome = orrery({"compare", saved("a.json", 2.0, 1.0), saved("b.json", 3.0, 1.0), "--json", "-"});
  ASSERT_TRUE(json::accept(outcome.out)) << outcome.out;
  const json table = json::parse(outcome.out);
  EXPECT_EQ(table["schema_version"], 1);
  EXPECT_EQ(table["a"], path("a.json"));
  EXPECT_EQ(table["b"], path("b.json"));
  EXPECT_FALSE(table.contains("lost"));
}

}  // namespace
}  // namespace orrery::scenarios::testing
