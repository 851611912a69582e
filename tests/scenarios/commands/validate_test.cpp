// orrery validate KIND TABLE: errors worked out here from the rows that it lists, groups, and what is skipped.
#include <algorithm>
#include <cmath>

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

constexpr const char* kSteps = "gpus,gbs,mbs,hidden,heads,layers,seq,tp,dp,pp,step_time_ms\n";

class Validate : public FolderTest {
 protected:
  /// The table of one plan that was measured so many milliseconds.
  [[nodiscard]] std::string steps(const std::vector<int>& milliseconds, const std::string& more = "") const {
    std::string text = kSteps;
    for (const int time : milliseconds) text += "8,32,4,1024,16,24,1024,2,2,2," + std::to_string(time) + "\n";
    return write("steps.csv", text + more);
  }
  [[nodiscard]] json report(const std::string& table, std::vector<std::string> more = {},
                            const std::string& kind = "training") const {
    std::vector<std::string> args = {"validate", kind, table, "-q", "--json", path("v.json")};
    args.insert(args.end(), more.begin(), more.end());
    const Outcome outcome = orrery(args);
    EXPECT_EQ(outcome.code, kExitWell) << outcome.err;
    EXPECT_EQ(outcome.out, "");
    return json::parse(read_file(path("v.json")));
  }
};

/// Of sorted values between the two that stand beside the place q·(n − 1).
double quantile(std::vector<double> values, double q) {
  std::sort(values.begin(), values.end());
  const double place = q * (static_cast<double>(values.size()) - 1.0);
  const auto below = static_cast<std::size_t>(std::floor(place)), above = static_cast<std::size_t>(std::ceil(place));
  return values[below] + (place - std::floor(place)) * (values[above] - values[below]);
}

TEST_F(Validate, SummaryIsThatOfTheListedRows) {
  const json r = report(steps({100, 150, 200, 260, 270, 300, 500}));
  ASSERT_EQ(r["rows"], 7);
  ASSERT_EQ(r["all"].size(), 7U);
  std::vector<double> errors, leanings;
  double sum = 0.0;
  for (const json& row : r["all"]) {
    const double leaning = row["predicted"].get<double>() / row["measured"].get<double>() - 1.0;
    EXPECT_NEAR(row["error"].get<double>(), std::abs(leaning), 1e-12);
    leanings.push_back(leaning);
    errors.push_back(std::abs(leaning));
    sum += std::abs(leaning);
  }
  EXPECT_NEAR(r["median_error"].get<double>(), quantile(errors, 0.5), 1e-12);
  EXPECT_NEAR(r["p95_error"].get<double>(), quantile(errors, 0.95), 1e-12);
  EXPECT_NEAR(r["mean_error"].get<double>(), sum / 7, 1e-12);
  EXPECT_NEAR(r["max_error"].get<double>(), quantile(errors, 1.0), 1e-12);
  EXPECT_NEAR(r["signed_median"].get<double>(), quantile(leanings, 0.5), 1e-12);
}

TEST_F(Validate, AllStandAsInTheTableAndTheWorstFirst) {
  const json r = report(steps({100, 500, 260, 1000}));
  std::vector<int> lines;
  for (const json& row : r["all"]) lines.push_back(row["line"]);
  EXPECT_EQ(lines, (std::vector<int>{2, 3, 4, 5}));
  double before = 1e300;
  for (const json& row : r["worst"]) {
    EXPECT_LE(row["error"].get<double>(), before);
    before = row["error"];
  }
  EXPECT_EQ(r["worst"][0]["error"], r["max_error"]);
  EXPECT_DOUBLE_EQ(r["all"][1]["measured"], 0.5) << "milliseconds in the table, seconds here";
}

TEST_F(Validate, TenOfTheWorstAreListed) {
  std::vector<int> times;
  for (int i = 0; i < 14; ++i) times.push_back(100 + 10 * i);
  const json r = report(steps(times));
  EXPECT_EQ(r["worst"].size(), 10U);
  EXPECT_EQ(r["all"].size(), 14U);
  EXPECT_EQ(r["groups"].size(), 1U);
  EXPECT_EQ(r["groups"][0]["rows"], 14);
  EXPECT_EQ(r["groups"][0]["median_error"], r["median_error"]);
}

TEST_F(Validate, SkippedRowsAreNamedWithTheirReasonAndCounted) {
  // Sixteen heads among five ranks; five GPUs of eight.
  const std::string table = steps({200}, "8,32,4,1024,16,24,1024,5,1,1,200\n8,32,4,1024,16,24,1024,2,2,3,200\n");
  const json r = report(table);
  EXPECT_EQ(r["rows"], 1);
  EXPECT_EQ(r["skipped"], 2);
  ASSERT_EQ(r["skipped_rows"].size(), 2U);
  EXPECT_EQ(r["skipped_rows"][0]["line"], 3);
  EXPECT_THAT(r["skipped_rows"][0]["reason"].get<std::string>(), HasSubstr("5 does not divide the attention heads"));
  EXPECT_EQ(r["skipped_rows"][1]["line"], 4);
  const Outcome text = orrery({"validate", "training", table});
  EXPECT_THAT(text.out, AllOf(HasSubstr("\n2 rows skipped, each named in the JSON report; by reason\n"),
                              HasSubstr("\n      1  5 does not divide")));
}

TEST_F(Validate, EqualReasonsAreCountedTogether) {
  const std::string row = "8,32,4,1024,16,24,1024,5,1,1,200\n";
  EXPECT_THAT(orrery({"validate", "training", steps({200}, row + row + row)}).out,
              HasSubstr("\n      3  5 does not divide the attention heads"));
}

TEST_F(Validate, TextIsATableOfGroupsInPercent) {
  const std::string table = steps({200, 400});
  const json r = report(table);
  const Outcome outcome = orrery({"validate", "training", table});
  EXPECT_EQ(outcome.code, kExitWell) << outcome.err;
  EXPECT_THAT(outcome.out, StartsWith("group "));
  char median[32];
  std::snprintf(median, sizeof median, "%9.2f %%", r["median_error"].get<double>() * 100.0);
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("\nsteps "), HasSubstr("\nall "), HasSubstr(median), HasSubstr("\nWorst rows\n  line "),
                    HasSubstr("measured   400.0 ms"), Not(HasSubstr("rows skipped"))));
}

TEST_F(Validate, CellsThatAreNoNumbersAreToldFromEmptyOnes) {
  const json r = report(steps({200},
                              "8,many,4,1024,16,24,1024,2,2,2,200\n8,,4,1024,16,24,1024,2,2,2,200\n"
                              "8,\x1b[31m,4,1024,16,24,1024,2,2,2,200\n"));
  ASSERT_EQ(r["skipped"], 3);
  EXPECT_EQ(r["skipped_rows"][0]["reason"], "gbs is \"many\", no number");
  EXPECT_EQ(r["skipped_rows"][1]["reason"], "gbs is not given");
  EXPECT_EQ(r["skipped_rows"][2]["reason"].get<std::string>().find('\x1b'), std::string::npos);
}

TEST_F(Validate, NoUsableRowIsAFinding) {
  const std::string table = write("t.csv", std::string(kSteps) + "8,32,4,1024,16,24,1024,5,1,1,200\n");
  const Outcome outcome = orrery({"validate", "training", table, "--json", path("v.json")});
  EXPECT_EQ(outcome.code, kExitFinding);
  EXPECT_THAT(outcome.err, HasSubstr("t.csv: no row could be used: 1 skipped"));
  const json r = json::parse(read_file(path("v.json")));
  EXPECT_EQ(r["rows"], 0);
  EXPECT_EQ(r["skipped"], 1);
  EXPECT_THAT(outcome.err, HasSubstr("for the reasons above"));
  // What was not printed is not above.
  for (const std::vector<std::string>& quiet : {std::vector<std::string>{"-q"}, {"--json", "-"}}) {
    std::vector<std::string> args = {"validate", "training", table};
    args.insert(args.end(), quiet.begin(), quiet.end());
    EXPECT_THAT(orrery(args).err,
                ::testing::AllOf(HasSubstr("1 skipped, the first (line 2): "), ::testing::Not(HasSubstr("above"))));
  }
}

TEST_F(Validate, JsonNamesWhatWasAsked) {
  const json r = report(steps({200}));
  EXPECT_EQ(r["kind"], "training");
  EXPECT_EQ(r["table"], path("steps.csv"));
  EXPECT_EQ(r["schema_version"], 1);
  EXPECT_FALSE(r.contains("partial"));
  for (const char* key : {"id", "line", "group", "metric", "predicted", "measured", "error"}) {
    EXPECT_TRUE(r["all"][0].contains(key)) << key;
  }
}

TEST_F(Validate, KernelsAreComparedWithTheirOwnTimer) {
  // A GEMM of 2·4096³ operations: at 989 TFLOP/s, the H100's dense bf16 peak, 139 us.
  const std::string table =
      write("gemm.csv", "m,n,k,dtype,time_us\n4096,4096,4096,bf16,200\n4096,4096,4096,bf16,100000\n");
  const json r = report(table, {"--gpu", "h100_sxm"}, "kernels");
  EXPECT_EQ(r["gpu"], "h100_sxm");
  ASSERT_GE(r["rows"].get<int>(), 1);
  for (const json& row : r["all"]) {
    EXPECT_GE(row["predicted"].get<double>(), 2.0 * std::pow(4096.0, 3) / 989.5e12) << "nothing beats the roofline";
    EXPECT_LT(row["predicted"].get<double>(), 400e-6);
  }
}

TEST_F(Validate, CollectivesAreThoseOfTheNode) {
  // 64 MiB among eight at 450 GB/s each way: no less than 2·7/8·64 MiB / 450 GB/s by rings, half of it in the switch.
  const std::string table = write("c.csv", "op,dtype,gpus,bytes,time_us\nall_reduce,half,8,67108864,400\n");
  const json r = report(table, {"--gpu", "h100_sxm"}, "collectives");
  ASSERT_EQ(r["rows"], 1);
  EXPECT_DOUBLE_EQ(r["all"][0]["measured"], 400e-6);
  EXPECT_GT(r["all"][0]["predicted"].get<double>(), 67108864.0 / 450e9);
  EXPECT_LT(r["all"][0]["predicted"].get<double>(), 2e-3);
}

TEST_F(Validate, TablesThatAreNoneAreRefusedAtTheirPlace) {
  const auto refused = [&](const std::string& text) {
    const Outcome outcome = orrery({"validate", "training", write("t.csv", text)});
    EXPECT_EQ(outcome.code, kExitInput) << outcome.out;
    return outcome.err;
  };
  EXPECT_THAT(refused(std::string(kSteps) + "8,32,4\n"), HasSubstr("t.csv:2:1: the row has 3 cells, the header 11"));
  EXPECT_THAT(refused(kSteps), HasSubstr("the table is empty"));
  EXPECT_THAT(refused(""), HasSubstr("t.csv"));
  EXPECT_EQ(orrery({"validate", "training"}).code, kExitInput);
  EXPECT_EQ(orrery({"validate", "training", steps({200}), "extra"}).code, kExitInput);
}

TEST_F(Validate, AnswersDoNotDependOnThreads) {
  std::vector<int> times;
  for (int i = 0; i < 9; ++i) times.push_back(100 + 50 * i);
  const std::string table = steps(times);
  EXPECT_EQ(report(table, {"-j", "1"}), report(table, {"-j", "8"}));
}

}  // namespace
}  // namespace orrery::scenarios::testing
