// A serving scenario through the front door: its report and files, findings, expectations and explanation.
#include <set>
#include <sstream>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "scenarios/report.hpp"
#include "tests/scenarios/fixture.hpp"
#include "tests/scenarios/serving/small_serving.hpp"

namespace orrery::scenarios::testing {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;

class ServingRun : public FolderTest {};

TEST_F(ServingRun, ReportsLatenciesAndNotesIdleGpus) {
  const Outcome outcome = orrery({"run", write("chat.yaml", small_serving()), "--json", path("r.json")});
  ASSERT_EQ(outcome.code, kExitWell) << outcome.err;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("to first token (TTFT)"), HasSubstr("uses 1 of 8 GPUs")));
  const json report = json::parse(read_file(path("r.json")));
  const json& serving = report["serving"];
  EXPECT_EQ(serving["requests"], 40);
  EXPECT_GT(serving["ttft_s"]["mean"], 0.0);
  EXPECT_LE(serving["ttft_s"]["p50"], serving["ttft_s"]["p99"]);
  EXPECT_NEAR(serving["output_tokens_per_s"].get<double>(), 40 * 50 / serving["duration_s"].get<double>(), 1e-6);
  EXPECT_EQ(report["memory"]["optimizer_bytes"], 0.0);
  EXPECT_LE(report["memory"]["peak_bytes"], report["memory"]["capacity_bytes"]);
  std::set<std::string> kinds;
  for (const json& line : report["provenance"]) kinds.insert(line["kind"].get<std::string>());
  EXPECT_THAT(kinds, AllOf(::testing::Contains("engine"), ::testing::Contains("kernels"), ::testing::Contains("gpu")));
}

TEST_F(ServingRun, RequestsFileAgreesWithTheReport) {
  const std::string file = write("chat.yaml", small_serving());
  ASSERT_EQ(orrery({"run", file, "--requests", path("q.csv"), "--json", path("r.json"), "-q"}).code, kExitWell);
  std::istringstream lines(read_file(path("q.csv")));
  std::string line;
  std::getline(lines, line);
  double ttft = 0.0;
  int rows = 0;
  while (std::getline(lines, line)) {
    std::vector<std::string> cells;
    std::istringstream row(line);
    for (std::string cell; std::getline(row, cell, ',');) cells.push_back(cell);
    ASSERT_EQ(cells.size(), 16u) << line;
    EXPECT_EQ(cells[0], std::to_string(rows++));
    EXPECT_EQ(cells[9], "50");
    ttft += std::stod(cells[12]);
  }
  EXPECT_EQ(rows, 40);
  const json report = json::parse(read_file(path("r.json")));
  EXPECT_NEAR(ttft / 40, report["serving"]["ttft_s"]["mean"].get<double>(), 1e-9);
}

TEST_F(ServingRun, RequestsTakesOneServingScenario) {
  const std::string file = write("chat.yaml", small_serving());
  const Outcome two = orrery({"run", file, file, "--requests", path("q.csv")});
  EXPECT_EQ(two.code, kExitInput);
  EXPECT_THAT(two.err, HasSubstr("one scenario at a time"));
  const Outcome training = orrery({"run", write("small.yaml", small_scenario()), "--requests", path("q.csv")});
  EXPECT_EQ(training.code, kExitInput);
  EXPECT_THAT(training.err, HasSubstr("training run"));
  EXPECT_FALSE(std::filesystem::exists(path("q.csv")));
  const Outcome piped = orrery({"run", file, "--requests", "-"});
  EXPECT_EQ(piped.out.substr(0, 11), "id,replica,") << piped.out.substr(0, 80);
}

TEST_F(ServingRun, MissedSloAndAModelThatDoesNotFitAreFindings) {
  const std::string file = write("chat.yaml", small_serving() + "  slo: {ttft: 1 us, attainment: 0.9}\n");
  const Outcome slo = orrery({"run", file});
  EXPECT_EQ(slo.code, kExitFinding);
  EXPECT_THAT(slo.out, HasSubstr("SLO missed"));
  const Outcome big = orrery({"run", file, "--set", "cluster.gpu_memory=18 GiB"});
  EXPECT_EQ(big.code, kExitFinding) << big.err;
  EXPECT_THAT(big.out, AllOf(HasSubstr("out of GPU memory"), HasSubstr("missing:")));
}

TEST_F(ServingRun, ExpectationsAreHeldAndUnknownMetricsRefused) {
  const std::string expect =
      "expect:\n"
      "  - {metric: serving.requests, value: 40, tolerance: 0 %, source: s}\n"
      "  - {metric: serving.ttft_s.p50, value: 1000 s, tolerance: 1 %, source: s, known_miss: because}\n"
      "  - {metric: training.mfu, value: 0.5, tolerance: 1 %, source: s}\n";
  const Outcome held = orrery({"check", write("chat.yaml", small_serving() + expect)});
  EXPECT_EQ(held.code, kExitWell) << held.out << held.err;
  EXPECT_THAT(held.out, HasSubstr("1 passed, 0 missed, 1 known misses, 1 skipped"));
  const Outcome unknown =
      orrery({"check", write("bad.yaml", small_serving() + "expect:\n  - {metric: serving.ttft_s.p42, value: 1 s, "
                                                           "tolerance: 1 %, source: s}\n")});
  EXPECT_EQ(unknown.code, kExitInput);
  EXPECT_THAT(unknown.err, AllOf(HasSubstr("unknown metric"), HasSubstr("serving.ttft_s.p")));
}

TEST_F(ServingRun, MissingTraceIsSkippedWithItsReason) {
  const std::string load =
      "  load:\n    arrivals: trace\n    trace: ${ORRERY_DATA}/there/is/no/such/trace.jsonl\n"
      "expect:\n  - {metric: serving.ttft_s.p50, value: 1 s, tolerance: 1 %, source: s}\n";
  const std::string text = small_serving();
  const std::string file = write("chat.yaml", text.substr(0, text.find("  load:")) + load);
  const Outcome checked = orrery({"check", file, "--junit", path("j.xml")});
  EXPECT_EQ(checked.code, kExitWell) << checked.err;
  EXPECT_THAT(checked.out, AllOf(HasSubstr("skipped    needs"), HasSubstr("1 can't run here"), HasSubstr("1 skipped")));
  EXPECT_THAT(read_file(path("j.xml")), HasSubstr("failures=\"0\""));
  const Outcome ran = orrery({"run", file, "--requests", path("q.csv"), "--json", path("r.json")});
  EXPECT_EQ(ran.code, kExitWell) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("Skipped: needs"));
  EXPECT_TRUE(json::parse(read_file(path("r.json"))).contains("skipped"));
  EXPECT_FALSE(std::filesystem::exists(path("q.csv")));
  EXPECT_EQ(orrery({"explain", file}).code, kExitInput);
}

TEST_F(ServingRun, ExplainShowsThePoolAndTypicalSteps) {
  const std::string file = write("chat.yaml", small_serving());
  const Outcome outcome = orrery({"explain", file, "--json", path("e.json")});
  ASSERT_EQ(outcome.code, kExitWell) << outcome.err;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("determine_available_memory"), HasSubstr("A typical decode of"),
                                 HasSubstr("A typical prefill of"), HasSubstr("async_scheduling")));
  const json explained = json::parse(read_file(path("e.json")));
  ASSERT_EQ(explained["iterations"].size(), 2u);
  for (const json& step : explained["iterations"]) {
    double sum = step["gaps_s"];
    for (const json& entry : step["steps"]) sum += entry["total_s"].get<double>();
    // What the parts take is what the step takes, but for the interpolation of attention.
    EXPECT_NEAR(sum, step["gpu_s"].get<double>(), 0.03 * sum) << step["name"];
  }
  double rest = 0.0;
  for (const json& term : explained["kv_pool"]) {
    rest += (term["name"] == "budget" ? 1.0 : -1.0) * term["bytes"].get<double>();
  }
  EXPECT_GE(rest, 0.0);  // less than a block is left
  EXPECT_LT(rest, explained["memory"]["kv_block_bytes"].get<double>());
}

TEST_F(ServingRun, CompareAndSweepTakeServing) {
  const std::string file = write("chat.yaml", small_serving() + "sweep:\n  serving.load.rate: [5, 20]\n");
  const Outcome swept = orrery({"sweep", file, "--csv", path("s.csv")});
  EXPECT_EQ(swept.code, kExitWell) << swept.err;
  EXPECT_THAT(swept.out, AllOf(HasSubstr("TTFT p95"), HasSubstr("<- most serving.output_tokens_per_s")));
  EXPECT_THAT(read_file(path("s.csv")), HasSubstr("serving.tpot_s.p50"));
  ASSERT_EQ(orrery({"run", file, "--json", path("r.json"), "-q"}).code, kExitWell);
  const Outcome same = orrery({"compare", file, path("r.json"), "--json", path("c.json")});
  EXPECT_EQ(same.code, kExitWell) << same.err;
  bool any = false;
  const json compared = json::parse(read_file(path("c.json")));
  for (const json& row : compared["rows"]) {
    EXPECT_EQ(row["a"], row["b"]) << row;
    any = any || row["metric"] == "serving.ttft_s.p95";
  }
  EXPECT_TRUE(any);
}

}  // namespace
}  // namespace orrery::scenarios::testing
