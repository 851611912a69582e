// What a report says of a serving run, on results made by hand: figures, findings, notes, and the forms of the report.

#include "scenarios/serving/report.hpp"

#include <sstream>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "hardware/catalogue/catalogue.hpp"
#include "models/architectures/hf_config.hpp"
#include "models/serving/engine_row.hpp"
#include "scenarios/serving/job.hpp"
#include "scenarios/serving/metrics.hpp"
#include "scenarios/serving/pool.hpp"
#include "scenarios/training/job.hpp"
#include "scenarios/training/metrics.hpp"
#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using models::ServingResult;
using nlohmann::ordered_json;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr double kGiB = 1073741824.0;

/// 100 requests in 50 s on 2 replicas of TP 2; 10,000 tokens in and 5,000 out.
ServingResult served() {
  ServingResult r;
  r.config.scheduler = "vllm_v1";
  r.config.tensor_parallel = 2;
  r.config.replicas = 2;
  r.config.max_model_len = 8192;
  r.config.max_num_seqs = 256;
  r.config.max_num_batched_tokens = 2048;
  r.config.gpu_memory_utilization = 0.9;
  r.pool.capacity = Bytes{80 * kGiB};
  r.pool.budget = Bytes{72 * kGiB};
  r.pool.weights = Bytes{8 * kGiB};
  r.pool.activations = Bytes{2 * kGiB};
  r.pool.context = Bytes{1 * kGiB};
  r.pool.graphs = Bytes{0.5 * kGiB};
  r.pool.kv_cache = Bytes{60 * kGiB};
  r.pool.blocks = 1000;
  r.pool.block_size = 16;
  r.pool.block_bytes = Bytes{0.06 * kGiB};
  r.started = true;
  r.requests = 100;
  r.duration = Seconds{50.0};
  r.input_tokens = 10'000;
  r.output_tokens = 5'000;
  r.ttft = {100, 0.25, 0.2, 0.4, 0.5, 0.9};
  r.tpot = {100, 0.02, 0.019, 0.025, 0.03, 0.04};
  r.within_slo = 90;
  r.kv_usage_mean = 0.25;
  r.kv_usage_peak = 0.75;
  r.mean_batch = 12.5;
  r.steps = 4000;
  r.events = 600;
  return r;
}

Report report_of(const ServingResult& result) {
  Report report;
  report.scenario.file = "chat.yaml";
  report.scenario.name = "chat";
  report.scenario.title = "a chat";
  report.scenario.cluster = hardware::make_cluster("dgx_h100", "single_node", 1);
  Job job;
  job.kind = find_kind("serving");
  job.llm = models::load_model("llama-3-8b");
  auto spec = std::make_shared<ServingSpec>();
  spec->job = {{job.llm, report.scenario.cluster, 1}, result.config};
  report.metrics = evaluate_metrics(result, serving_cost_basis(spec->job, result));
  job.spec = std::move(spec);
  report.scenario.jobs.push_back(std::move(job));
  report.results.push_back(std::make_shared<ServingOutcome>(result));
  add_serving_findings(job_views(report).front(), report.findings);
  add_serving_notes(job_views(report).front(), report.notes);
  return report;
}

TEST(ServingMetrics, FollowFromTheResult) {
  Report report = report_of(served());
  EXPECT_EQ(report.find_metric("serving.requests"), 100.0);
  EXPECT_EQ(report.find_metric("serving.requests_per_s"), 2.0);                // 100 / 50 s
  EXPECT_EQ(report.find_metric("serving.output_tokens_per_s"), 100.0);         // 5,000 / 50 s
  EXPECT_EQ(report.find_metric("serving.output_tokens_per_s_per_gpu"), 25.0);  // 2 replicas of TP 2
  EXPECT_EQ(report.find_metric("serving.goodput"), 1.8);                       // 90 / 50 s
  EXPECT_EQ(report.find_metric("serving.slo_attainment"), 0.9);
  EXPECT_EQ(report.find_metric("serving.ttft_s.p99"), 0.9);
  EXPECT_EQ(report.find_metric("serving.kv_cache_usage.peak"), 0.75);
  EXPECT_EQ(report.find_metric("serving.kv_cache_tokens"), 16'000.0);  // 1,000 blocks of 16
  EXPECT_EQ(report.find_metric("memory.workspace_bytes"), 1.5 * kGiB);
  EXPECT_EQ(report.find_metric("memory.peak_bytes"), 71.5 * kGiB);  // 8 + 2 + 1.5 + 60
  EXPECT_EQ(report.find_metric("memory.fits"), 1.0);
  EXPECT_FALSE(report.find_metric("training.mfu").has_value());
}

TEST(ServingMetrics, CostCountsAllReplicas) {
  const ServingResult result = served();
  models::ServingJob job;
  hardware::NodeGroup& group = job.cluster.groups.emplace_back();
  group.count = 1;
  group.node.gpus = 8;
  group.gpu.price = DollarsPerHour{3.0};
  const std::vector<MetricValue> values = evaluate_metrics(result, serving_cost_basis(job, result));
  Report report;
  report.metrics = values;
  // 4 GPUs · 50 s = 200/3600 h; at 3 USD/h 1/6 USD, for 15,000 tokens 100/9 USD a million, for 5,000 100/3.
  EXPECT_DOUBLE_EQ(report.metric("cost.gpu_hours"), 200.0 / 3600.0);
  EXPECT_DOUBLE_EQ(report.metric("cost.usd"), 1.0 / 6.0);
  EXPECT_NEAR(report.metric("cost.usd_per_million_tokens"), 100.0 / 9.0, 1e-9);
  EXPECT_NEAR(report.metric("cost.usd_per_million_output_tokens"), 100.0 / 3.0, 1e-9);
}

TEST(ServingMetrics, WhatARunLeavesUndefinedIsLeftOut) {
  ServingResult result = served();
  result.tpot = {};  // every answer has one token
  const Report report = report_of(result);
  EXPECT_FALSE(report.find_metric("serving.tpot_s.mean").has_value());
  EXPECT_TRUE(report.find_metric("serving.ttft_s.mean").has_value());
  const ordered_json json = ordered_json::parse(to_json({report}));
  EXPECT_TRUE(json["serving"]["tpot_s"]["mean"].is_null());
  result.requests = 0;
  const Report none = report_of(result);
  EXPECT_EQ(none.find_metric("serving.requests"), 0.0);
  EXPECT_FALSE(none.find_metric("serving.mean_batch").has_value());
}

TEST(ServingJson, HasTheNamesOfTheContract) {
  const ordered_json json = ordered_json::parse(to_json({report_of(served())}));
  EXPECT_FALSE(json.contains("training"));
  const ordered_json& serving = json["serving"];
  for (const char* key : {"requests", "duration_s", "input_tokens_per_s", "output_tokens_per_s", "requests_per_s",
                          "goodput", "kv_cache_usage", "prefix_hit_rate", "preemptions", "mean_batch"}) {
    EXPECT_TRUE(serving.contains(key)) << key;
  }
  for (const char* key : {"ttft_s", "tpot_s", "itl_s", "e2e_s", "queue_s"}) {
    std::vector<std::string> names;
    for (const auto& [name, value] : serving[key].items()) names.push_back(name);
    EXPECT_THAT(names, ElementsAre("mean", "p50", "p90", "p95", "p99")) << key;
  }
  EXPECT_EQ(serving["requests"].dump(), "100");
  EXPECT_EQ(serving["saturated"], false);
  EXPECT_EQ(serving["kv_cache_usage"]["mean"], 0.25);
  EXPECT_EQ(json["memory"]["gradients_bytes"], 0.0);
  EXPECT_EQ(json["memory"]["context_bytes"], kGiB);
  EXPECT_EQ(json["memory"]["fits"], true);
  EXPECT_EQ(json["engine"]["events"], 600);
  EXPECT_EQ(json["engine"]["steps"], 4000);
  EXPECT_EQ(json["scenario"]["serving"]["max_num_seqs"], 256);
  EXPECT_EQ(json["scenario"]["serving"]["load"]["arrivals"], "poisson");
  EXPECT_FALSE(json["scenario"]["serving"]["load"].contains("concurrency"));  // not given
}

TEST(ServingFindings, MissedSloNamesBothShares) {
  ServingResult result = served();
  result.config.slo = {Seconds{0.5}, Seconds{0.03}, 0.95};
  const Report report = report_of(result);
  ASSERT_EQ(report.findings.size(), 1u);
  EXPECT_EQ(report.findings[0].kind, "slo_missed");
  EXPECT_THAT(report.findings[0].message, AllOf(HasSubstr("90.00 %"), HasSubstr("95.00 %")));
  EXPECT_TRUE(report.has_findings());
}

TEST(ServingFindings, SloIsMetAtItsBoundAndOnlyReportedWithoutAPromise) {
  ServingResult result = served();
  result.config.slo = {Seconds{0.5}, Seconds{0.03}, 0.9};
  EXPECT_TRUE(report_of(result).findings.empty());
  result.within_slo = 1;
  result.config.slo.attainment = 0.0;
  EXPECT_TRUE(report_of(result).findings.empty());
}

TEST(ServingFindings, SaturationIsANoteUntilAnSloIsPromised) {
  ServingResult result = served();
  result.saturated = true;
  const Report noted = report_of(result);
  EXPECT_TRUE(noted.findings.empty());
  ASSERT_EQ(noted.notes.size(), 1u);
  EXPECT_THAT(noted.notes[0], HasSubstr("saturated"));
  result.config.slo = {Seconds{0.5}, Seconds{0.0}, 0.5};
  const Report found = report_of(result);
  EXPECT_TRUE(found.notes.empty());
  ASSERT_EQ(found.findings.size(), 1u);
  EXPECT_EQ(found.findings[0].kind, "saturated");
}

TEST(ServingFindings, RefusedAndCutRequestsAreCounted) {
  ServingResult result = served();
  result.rejected = 3;
  result.truncated = 1;
  EXPECT_THAT(report_of(result).notes,
              ElementsAre(HasSubstr("3 requests refused"), HasSubstr("1 request cut short at max_model_len 8192")));
  result.requests = 0;
  ASSERT_EQ(report_of(result).findings.size(), 1u);
  EXPECT_EQ(report_of(result).findings[0].kind, "nothing_served");
}

TEST(Refusal, SaysWhatIsMissingAndWhatWouldFit) {
  ServingResult result = served();
  EXPECT_EQ(refusal_message(result), "");
  result.started = false;
  result.refusal = "the KV cache is too small";
  result.pool.blocks = 100;
  result.pool.longest = 8192;
  // ⌈8192/16⌉ = 512 blocks needed, 412 missing of 0.06 GiB = 24.72 GiB; 100 blocks hold 1,600 tokens.
  EXPECT_THAT(refusal_message(result),
              AllOf(HasSubstr("the KV cache is too small"), HasSubstr("weights 8.000 GiB"), HasSubstr("512 blocks"),
                    HasSubstr("missing: 24.72 GiB"), HasSubstr("max_model_len 1600")));
}

TEST(Refusal, WithoutABlockNamesTheMissingMemory) {
  ServingResult result = served();
  result.started = false;
  result.pool.blocks = 0;
  result.pool.kv_cache = Bytes{0.0};
  result.pool.weights = Bytes{70 * kGiB};
  // 70 + 2 + 1.5 = 73.5 GiB of 72.
  EXPECT_THAT(refusal_message(result), AllOf(HasSubstr("missing: 1.500 GiB"), HasSubstr("no max_model_len")));
}

TEST(ServingText, IsShortAndHasTheLatencyTable) {
  std::ostringstream out;
  ServingResult result = served();
  result.config.slo = {Seconds{0.5}, Seconds{0.03}, 0.95};
  write_text(out, report_of(result));
  EXPECT_THAT(out.str(), AllOf(HasSubstr("vllm_v1: 2 x TP 2 PP 1"), HasSubstr("p50         p90         p95"),
                               HasSubstr("to first token (TTFT)"), HasSubstr("900.0 ms"), HasSubstr("CUDA graphs"),
                               HasSubstr("SLO: TTFT 500.0 ms, TPOT 30.00 ms; promised 95.00 %"),
                               HasSubstr("per million output tokens"), HasSubstr("Finding: SLO missed")));
  EXPECT_THAT(out.str(), Not(HasSubstr("Training")));
  const std::string text = out.str();
  EXPECT_LT(std::count(text.begin(), text.end(), '\n'), 62);
}

TEST(ServingCsv, KindsShareATableWithEmptyCells) {
  Report training;
  training.scenario.name = "step";
  Job job;
  job.kind = find_kind("training");
  job.spec = std::make_shared<TrainingSpec>();
  training.scenario.jobs.push_back(std::move(job));
  models::TrainingResult result;
  result.memory.emplace_back();
  training.metrics = evaluate_metrics(result, {});
  const Report serving = report_of(served());
  const auto header = [](const std::string& csv) { return csv.substr(0, csv.find('\n')); };
  EXPECT_THAT(header(to_csv({training})),
              AllOf(HasSubstr("training.mfu"), Not(HasSubstr("serving.")), Not(HasSubstr("usd_per_million_output"))));
  EXPECT_THAT(header(to_csv({serving})), AllOf(Not(HasSubstr("training.")), HasSubstr("serving.ttft_s.p99")));
  const std::string both = to_csv({training, serving});
  EXPECT_THAT(header(both), AllOf(HasSubstr("training.mfu"), HasSubstr("serving.ttft_s.p99")));
  std::istringstream lines(both);
  std::string line;
  std::vector<std::ptrdiff_t> commas;
  while (std::getline(lines, line)) commas.push_back(std::count(line.begin(), line.end(), ','));
  EXPECT_THAT(commas, ElementsAre(commas[0], commas[0], commas[0]));
  // Model, GPU and count of the served run, then a cell per training metric: none.
  EXPECT_THAT(both, HasSubstr("chat,,llama-3-8b,h100_sxm,8" + std::string(13, ',') + "100,"));
}

TEST(ServingJunit, AMissedSloFailsTheRun) {
  ServingResult result = served();
  result.config.slo = {Seconds{0.5}, Seconds{0.03}, 0.95};
  EXPECT_THAT(to_junit({report_of(result)}), HasSubstr("failures=\"1\""));
}

TEST(SkippedScenario, IsReportedWithoutFigures) {
  Report report = report_of(served());
  Scenario scenario = report.scenario;
  scenario.skipped = "needs a trace";
  scenario.expectations.push_back({"serving.ttft_s.p50", Unit::seconds, 0.2, 0.1, false, "a source", ""});
  const Report skipped = run_scenario(scenario);
  EXPECT_FALSE(skipped.has_findings());
  ASSERT_EQ(skipped.expectations.size(), 1u);
  EXPECT_EQ(skipped.expectations[0].outcome, scenarios::Outcome::skipped);
  const ordered_json json = ordered_json::parse(to_json({skipped}));
  EXPECT_EQ(json["skipped"], "needs a trace");
  EXPECT_FALSE(json.contains("serving"));
  std::ostringstream out;
  write_text(out, skipped);
  EXPECT_THAT(out.str(), HasSubstr("Skipped: needs a trace"));
  EXPECT_THAT(to_junit({skipped}), AllOf(HasSubstr("failures=\"0\""), HasSubstr("skipped=\"2\"")));
}

TEST(DescribeLoad, SaysWhatArrives) {
  models::LoadConfig load;
  load.rate = 4.0;
  load.requests = 100;
  load.input.distribution = "lognormal";
  load.input.mean = 1150;
  load.output.mean = 211;
  EXPECT_EQ(describe_load(load), "poisson at 4 requests/s, 100 requests, input lognormal of mean 1150, output 211");
  load.trace = "/somewhere/code.jsonl";
  EXPECT_EQ(describe_load(load), "trace code.jsonl, its first 100 requests, poisson at 4 requests/s");
  load.arrivals = "trace";
  load.rate_scale = 2.0;
  EXPECT_EQ(describe_load(load), "trace code.jsonl, its first 100 requests, arriving 2 times as fast");
}

TEST(ServingSources, AreTheEnginesOwn) {
  models::EngineRow row = models::vllm_v1_engine();
  row.memory_sources = {"by formula from a notebook", "estimate from a dream", "all that is left over", "of a guess"};
  models::ServingJob job;
  job.cluster = hardware::make_cluster("dgx_h100", "single_node", 1, "");
  job.engine = &row;
  job.config.scheduler = "vllm_v1";
  const std::vector<PoolTerm> terms = pool_terms(job, served());
  const auto source_of = [&terms](std::string_view name) {
    for (const PoolTerm& term : terms) {
      if (term.name == name) return term.source;
    }
    return std::string("no such term");
  };
  EXPECT_EQ(source_of("activations"), "by formula from a notebook");
  EXPECT_EQ(source_of("CUDA graphs"), "estimate from a dream");
  EXPECT_EQ(source_of("KV cache"), "all that is left over");
  std::string memory;
  for (const Provenance& line : provenance_of(job, {})) {
    if (line.name == "memory beside the KV cache") memory = line.source;
  }
  EXPECT_EQ(memory, "activations by formula from a notebook; CUDA graphs: estimate");
}

}  // namespace
}  // namespace orrery::scenarios::testing
