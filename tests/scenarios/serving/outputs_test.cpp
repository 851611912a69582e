// --requests and --trace of a serving run: the files on their own.

#include <map>
#include <set>
#include <sstream>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "scenarios/report.hpp"
#include "scenarios/serving/requests_csv.hpp"
#include "scenarios/serving/trace.hpp"
#include "tests/scenarios/fixture.hpp"
#include "tests/scenarios/serving/small_serving.hpp"

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

class TraceOfARun : public FolderTest {};

TEST_F(TraceOfARun, FollowsEveryRequest) {
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

}  // namespace
}  // namespace orrery::scenarios::testing
