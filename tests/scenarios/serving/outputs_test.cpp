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
#include "tests/scenarios/serving/traces.hpp"

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

TEST(ServingTrace, ARequestsLifeCanBeFollowed) {
  const json trace = trace_of(traced());
  expect_lives_in_order(trace);
  std::vector<std::string> names;
  for (const json& event : events(trace, "b", "request")) names.push_back(event["name"]);
  EXPECT_THAT(names, ElementsAre("request 4", "queued", "prefill", "decode"));
  EXPECT_EQ(events(trace, "b")[0]["args"]["preemptions"], 2);
  EXPECT_EQ(events(trace, "n").at(0)["name"], "request 3 refused");
}

}  // namespace
}  // namespace orrery::scenarios::testing
