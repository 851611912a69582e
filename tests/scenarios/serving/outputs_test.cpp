// --requests and --trace of a serving run: the files on their own, and through the front door.

#include <map>
#include <set>
#include <sstream>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "scenarios/report.hpp"
#include "scenarios/serving/requests_csv.hpp"
#include "scenarios/serving/trace.hpp"
#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using models::RequestRecord;
using models::SequenceState;
using models::ServingResult;
using models::StepRecord;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr sim::SimTime kMs = 1'000'000'000;  // ps

RequestRecord answered() {
  RequestRecord r;
  r.id = 4;
  r.arrival = 1000 * kMs;
  r.queued = 1001 * kMs;
  r.scheduled = 1002 * kMs;
  r.first_token = 1050 * kMs + 1;
  r.last_token = 1250 * kMs + 1;
  r.input_tokens = 100;
  r.output_tokens = 11;
  r.cached_tokens = 16;
  r.preemptions = 2;
  return r;
}

RequestRecord refused() {
  RequestRecord r;
  r.id = 3;
  r.state = SequenceState::rejected;
  r.arrival = 500 * kMs;
  r.input_tokens = 9000;
  r.output_tokens = 5;
  r.warmup = true;
  return r;
}

TEST(ExactSeconds, WritesEveryPicosecondAndNoMore) {
  EXPECT_EQ(exact_seconds(0), "0");
  EXPECT_EQ(exact_seconds(1), "0.000000000001");
  EXPECT_EQ(exact_seconds(1'500'000'000'000), "1.5");
  EXPECT_EQ(exact_seconds(20'000'000'000'000), "20");
  EXPECT_EQ(exact_seconds(18'446'744'073'709'551'615ull), "18446744.073709551615");
}

TEST(RequestsCsv, HasARowPerRequestByIdWithEmptyCellsForWhatNeverWas) {
  std::ostringstream out;
  write_requests_csv({answered(), refused()}, false, out);
  // TTFT 1050.000000001 − 1000 ms; TPOT 200 ms / 10; E2E 250.000000001 ms.
  EXPECT_EQ(out.str(),
            "id,replica,state,arrival_s,queued_s,scheduled_s,first_token_s,last_token_s,input_tokens,output_tokens,"
            "cached_tokens,preemptions,ttft_s,tpot_s,e2e_s,warmup\n"
            "3,0,rejected,0.5,,,,,9000,5,0,0,,,,1\n"
            "4,0,finished,1,1.001,1.002,1.050000000001,1.250000000001,100,11,16,2,0.050000000001,0.02,"
            "0.250000000001,0\n");
}

TEST(RequestsCsv, OneTokenHasNoTpotAndAPartialFileSaysSo) {
  RequestRecord one = answered();
  one.output_tokens = 1;
  one.last_token = one.first_token;
  std::ostringstream out;
  write_requests_csv({one}, true, out);
  EXPECT_THAT(out.str(), AllOf(HasSubstr(",0.050000000001,,0.050000000001,0\n"), HasSubstr("# partial")));
}

/// Two iterations on one replica: a prompt with a decode, then 40 decodes.
ServingResult traced() {
  ServingResult result;
  result.started = true;
  StepRecord prefill;
  prefill.start = 1002 * kMs;
  prefill.end = 1050 * kMs;
  prefill.prefill_sequences = 1;
  prefill.prefill_tokens = 100;
  prefill.decode_sequences = 12;
  prefill.kv_tokens = 1200;
  prefill.padded_tokens = 112;
  prefill.used_blocks = 90;
  prefill.preempted = 1;
  prefill.waiting = 3;
  prefill.running = 13;
  StepRecord decode = prefill;
  decode.start = 1050 * kMs;
  decode.end = 1250 * kMs;
  decode.repeats = 40;
  decode.prefill_sequences = decode.prefill_tokens = 0;
  decode.preempted = 0;
  result.timeline = {prefill, decode};
  result.records = {refused(), answered()};
  return result;
}

json trace_of(const ServingResult& result) {
  const auto kernels = [](const StepRecord& step) {
    return std::vector<TracedKernel>{{"qkv", "gemm \"bf16\"", (step.end - step.start) / 4, 2},
                                     {"attention", "attention", step.end - step.start, 1},
                                     {"head", "gemm", kMs, 1}};
  };
  std::ostringstream out;
  write_serving_trace(result, kernels, out);
  return json::parse(out.str());
}

std::vector<json> events(const json& trace, const std::string& phase, const std::string& category = "") {
  std::vector<json> found;
  for (const json& event : trace["traceEvents"]) {
    if (event["ph"] != phase) continue;
    if (category.empty() || event.value("cat", "") == category) found.push_back(event);
  }
  return found;
}

TEST(ServingTrace, IterationsSayWhatTheyWorkOn) {
  const json trace = trace_of(traced());
  const std::vector<json> steps = events(trace, "X", "iteration");
  ASSERT_EQ(steps.size(), 2u);
  EXPECT_EQ(steps[0]["name"], "prefill 100 + decode 12");
  EXPECT_EQ(steps[0]["args"]["tokens"], 112);
  EXPECT_EQ(steps[0]["ts"], 1'002'000);  // us
  EXPECT_EQ(steps[0]["dur"], 48'000);
  EXPECT_EQ(steps[1]["name"], "decode 12 (x 40)");
  EXPECT_EQ(events(trace, "i").at(0)["name"], "preempted 1");
  ASSERT_EQ(events(trace, "C").size(), 4u);
  EXPECT_EQ(events(trace, "C")[0]["args"]["used"], 90);
  EXPECT_EQ(events(trace, "C")[1]["args"]["waiting"], 3);
}

TEST(ServingTrace, KernelsNestInTheirIteration) {
  const json trace = trace_of(traced());
  const std::vector<json> kernels = events(trace, "X", "kernel");
  ASSERT_EQ(kernels.size(), 6u);
  EXPECT_EQ(kernels[0]["name"], "qkv (x 2)");
  EXPECT_EQ(kernels[0]["dur"], 24'000);  // 2 of 48 / 4 ms
  EXPECT_EQ(kernels[0]["args"]["kernel"], "gemm \"bf16\"");
  EXPECT_EQ(kernels[1]["ts"], 1'026'000);
  EXPECT_EQ(kernels[1]["dur"], 24'000);  // 48 ms, cut where the iteration ends
  EXPECT_EQ(kernels[2]["dur"], 0);
}

TEST(ServingTrace, KernelsStopAfterTheFirstIterations) {
  ServingResult result = traced();
  result.timeline.assign(kKernelSteps + 50, result.timeline.front());
  EXPECT_EQ(events(trace_of(result), "X", "kernel").size(), 3 * kKernelSteps);
  EXPECT_EQ(events(trace_of(result), "X", "iteration").size(), kKernelSteps + 50);
}

/// Spans of a request open and close as brackets do, at times that never go back.
void expect_lives_in_order(const json& trace) {
  std::map<std::uint64_t, std::vector<std::string>> open;
  std::map<std::uint64_t, double> latest;
  for (const json& event : trace["traceEvents"]) {
    const std::string phase = event["ph"];
    if (phase != "b" && phase != "e") continue;
    const std::uint64_t id = event["id"];
    EXPECT_GE(event["ts"].get<double>(), latest[id]) << event;
    latest[id] = event["ts"];
    if (phase == "b") {
      open[id].push_back(event["name"]);
    } else {
      ASSERT_FALSE(open[id].empty()) << event;
      EXPECT_EQ(open[id].back(), event["name"]);
      open[id].pop_back();
    }
  }
  for (const auto& [id, names] : open) EXPECT_TRUE(names.empty()) << id;
}

TEST(ServingTrace, ARequestsLifeCanBeFollowed) {
  const json trace = trace_of(traced());
  expect_lives_in_order(trace);
  std::vector<std::string> names;
  for (const json& event : events(trace, "b", "request")) names.push_back(event["name"]);
  EXPECT_THAT(names, ElementsAre("request 4", "queued", "prefill", "decode"));
  EXPECT_EQ(events(trace, "b")[0]["args"]["preemptions"], 2);
  EXPECT_EQ(events(trace, "n").at(0)["name"], "request 3 refused");
}

// --- Through the front door ------------------------------------------------------------------------------

/// Llama-3 8B on one H100, 40 requests.
std::string small_serving() {
  return "scenario: \"chat\"\n"
         "model: llama-3-8b\n"
         "cluster:\n"
         "  node: dgx_h100\n"
         "  nodes: 1\n"
         "serving:\n"
         "  tensor_parallel: 1\n"
         "  max_model_len: 4096\n"
         "  load:\n"
         "    arrivals: poisson\n"
         "    rate: 10\n"
         "    requests: 40\n"
         "    input: {distribution: lognormal, mean: 500, cv: 0.8, most: 3000}\n"
         "    output: 50\n";
}

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

TEST_F(ServingRun, TraceFollowsEveryRequest) {
  const std::string file = write("chat.yaml", small_serving());
  ASSERT_EQ(orrery({"run", file, "--trace", path("t.json"), "-q"}).code, kExitWell);
  const json trace = json::parse(read_file(path("t.json")));
  expect_lives_in_order(trace);
  std::set<std::uint64_t> ids;
  for (const json& event : events(trace, "b", "request")) ids.insert(event["id"].get<std::uint64_t>());
  EXPECT_EQ(ids.size(), 40u);
  EXPECT_FALSE(events(trace, "X", "kernel").empty());
  // Iterations of one stage follow each other.
  double end = 0.0;
  for (const json& step : events(trace, "X", "iteration")) {
    EXPECT_GE(step["ts"].get<double>(), end - 1e-3);
    end = step["ts"].get<double>() + step["dur"].get<double>();
  }
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
