// Results of vllm bench serve: how requests came, how long they were, and what was measured.
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "scenarios/scenario.hpp"
#include "scenarios/serving/job.hpp"
#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class Bench : public FolderTest {
 protected:
  /// A result with means alone: 8 requests of 500 + 100 tokens.
  [[nodiscard]] static json result() {
    return {{"model_id", "llama-3.1-8b"}, {"num_prompts", 8},           {"completed", 8},
            {"request_rate", 4.0},        {"total_input_tokens", 4000}, {"total_output_tokens", 800}};
  }
  [[nodiscard]] Outcome import(const json& bench) const { return orrery({"import", write("r.json", bench.dump())}); }
  [[nodiscard]] std::string yaml(const json& bench) const {
    const Outcome outcome = import(bench);
    EXPECT_EQ(outcome.code, kExitWell) << outcome.err;
    return outcome.out;
  }
};

TEST_F(Bench, MeanLengthsAreTheQuotients) {
  const std::string text = yaml(result());
  EXPECT_THAT(text, AllOf(HasSubstr("requests: 8"), HasSubstr("input: 500"), HasSubstr("output: 100"),
                          HasSubstr("model: llama-3.1-8b")));
  EXPECT_THAT(import(result()).err,
              HasSubstr("all lengths are the mean; with --save-detailed each request has its own"));
}

TEST_F(Bench, OlderNamesOfTheTotalsAreRead) {
  json older = result();
  older.erase("total_input_tokens");
  older.erase("total_output_tokens");
  older.erase("completed");
  older["total_input"] = 1600;
  older["total_output"] = 80;
  EXPECT_THAT(yaml(older), AllOf(HasSubstr("requests: 8"), HasSubstr("input: 200"), HasSubstr("output: 10")));
}

TEST_F(Bench, WithoutLengthsOfAnyKindIsRefused) {
  for (const char* missing : {"total_input_tokens", "total_output_tokens"}) {
    json less = result();
    less.erase(missing);
    const Outcome outcome = import(less);
    EXPECT_EQ(outcome.code, kExitInput) << missing;
    EXPECT_THAT(outcome.err, HasSubstr("r.json:1:1: the result has neither input_lens and output_lens"));
  }
  json none = result();
  none["completed"] = 0;
  EXPECT_EQ(import(none).code, kExitInput);
  none["completed"] = 1e12;
  EXPECT_EQ(import(none).code, kExitInput);
}

TEST_F(Bench, RequestsCameAtARate) {
  EXPECT_THAT(yaml(result()), AllOf(HasSubstr("arrivals: poisson"), HasSubstr("rate: 4 ")));
  json bursty = result();
  bursty["burstiness"] = 0.25;  // a gamma law of that shape has a cv of 1/√0.25
  EXPECT_THAT(yaml(bursty), AllOf(HasSubstr("arrivals: gamma"), HasSubstr("cv: 2 ")));
  bursty["burstiness"] = 1.0;
  EXPECT_THAT(yaml(bursty), AllOf(HasSubstr("arrivals: poisson"), Not(HasSubstr("cv:"))));
}

TEST_F(Bench, OrFromSoManyClientsOrAllAtOnce) {
  json clients = result();
  clients["max_concurrency"] = 16;
  EXPECT_THAT(import(clients).err, HasSubstr("not taken: max_concurrency: a rate and a number of clients at once"));
  clients["request_rate"] = "inf";
  EXPECT_THAT(yaml(clients), AllOf(HasSubstr("arrivals: closed_loop"), HasSubstr("concurrency: 16")));
  clients.erase("max_concurrency");
  EXPECT_THAT(yaml(clients), AllOf(HasSubstr("arrivals: poisson"), HasSubstr("rate: inf")));
}

TEST_F(Bench, WhatWasMeasuredIsExpected) {
  json bench = result();
  bench["date"] = "20260301-101500";
  bench["duration"] = 2.5;
  bench["request_throughput"] = 3.2;
  bench["output_throughput"] = 320.0;
  bench["failed"] = 2;
  bench["p99_tpot_ms"] = 0.0;  // nothing was measured
  const std::pair<const char*, const char*> latencies[] = {
      {"mean_ttft_ms", "serving.ttft_s.mean"}, {"median_ttft_ms", "serving.ttft_s.p50"},
      {"p99_ttft_ms", "serving.ttft_s.p99"},   {"mean_tpot_ms", "serving.tpot_s.mean"},
      {"median_itl_ms", "serving.itl_s.p50"},  {"p90_e2el_ms", "serving.e2e_s.p90"}};
  double value = 11.5;
  for (const auto& [key, metric] : latencies) bench[key] = value++;
  const Outcome outcome = import(bench);
  ASSERT_EQ(outcome.code, kExitWell) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("r.json: 2 requests failed"));
  const Scenario scenario = parse_scenario(outcome.out, "r.yaml");
  std::map<std::string, double> expected;
  for (const Expectation& one : scenario.expectations) expected[one.metric] = one.value;
  EXPECT_EQ(expected.size(), 9U) << "three of throughput, six latencies";
  EXPECT_DOUBLE_EQ(expected.at("serving.duration_s"), 2.5);
  EXPECT_DOUBLE_EQ(expected.at("serving.requests_per_s"), 3.2);
  EXPECT_DOUBLE_EQ(expected.at("serving.output_tokens_per_s"), 320.0);
  value = 11.5;
  for (const auto& [key, metric] : latencies) EXPECT_DOUBLE_EQ(expected.at(metric), 1e-3 * value++) << key;
  EXPECT_THAT(outcome.out, HasSubstr("measured: mean_ttft_ms of "));
  EXPECT_THAT(outcome.out, HasSubstr("20260301-101500"));
}

TEST_F(Bench, ListedLengthsAreTheLoad) {
  json bench = result();
  bench["input_lens"] = {70, 64, 12};
  bench["output_lens"] = {6, 4, 0};
  const Outcome outcome = import(bench);
  // (70 + 64) / 2 and (6 + 4) / 2; the third failed.
  EXPECT_THAT(outcome.err, HasSubstr("2 requests, prompts of 67 and answers of 5 tokens on average, the longest 76"));
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("trace_format: vllm_bench"), HasSubstr("rate: 4 ")));
  bench["output_lens"] = {6, 4};
  EXPECT_EQ(import(bench).code, kExitInput) << "lists of unequal length";
}

TEST_F(Bench, LaunchLineNamesTheModelThatWasMeasured) {
  const std::string script = write("serve.sh", "vllm serve Qwen/Qwen3-32B -tp 2\n");
  const std::string file = write("r.json", result().dump());
  for (const std::vector<std::string>& files : {std::vector<std::string>{script, file}, {file, script}}) {
    const Outcome outcome = orrery({"import", files[0], files[1], "-q"});
    ASSERT_EQ(outcome.code, kExitWell) << outcome.err;
    const models::ServingJob job = serving_job(parse_scenario(outcome.out, "r.yaml"));
    EXPECT_EQ(job.llm.name, "qwen3-32b");
    EXPECT_EQ(job.config.tensor_parallel, 2);
  }
}

TEST_F(Bench, CutFilesAreRefused) {
  const std::string text = result().dump();
  const Outcome outcome = orrery({"import", write("r.json", text.substr(0, text.size() - 1))});
  EXPECT_EQ(outcome.code, kExitInput);
  EXPECT_THAT(outcome.err, HasSubstr("r.json:1:1: "));
}

}  // namespace
}  // namespace orrery::scenarios::testing
