// What scripts read of a report: its keys, and figures that follow from each other, worked out here once more.
#include <cmath>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// Four requests of 10 + 5 tokens, one after another.
std::string small_serving() {
  return "scenario: served\nmodel: gpt2-124m\ncluster: {node: dgx_a100}\nserving:\n"
         "  load: {arrivals: closed_loop, concurrency: 1, requests: 4, input: 10, output: 5}\n";
}

class ReportContract : public FolderTest {
 protected:
  [[nodiscard]] json report(const std::string& text, std::vector<std::string> more = {}) const {
    std::vector<std::string> args = {"run", write("s.yaml", text), "-q", "--json", path("r.json")};
    args.insert(args.end(), more.begin(), more.end());
    const Outcome outcome = orrery(args);
    EXPECT_EQ(outcome.code, kExitWell) << outcome.err;
    return json::parse(read_file(path("r.json")));
  }
  static void expect_keys(const json& object, const std::vector<std::string>& keys, const std::string& what) {
    for (const std::string& key : keys) EXPECT_TRUE(object.contains(key)) << what << "." << key;
  }
  static void expect_near(const json& value, double expected, const std::string& what) {
    ASSERT_TRUE(value.is_number()) << what;
    EXPECT_NEAR(value.get<double>(), expected, 1e-9 * std::abs(expected)) << what;
  }
};

TEST_F(ReportContract, OfTrainingHasEveryKey) {
  const json r = report(small_scenario());
  expect_keys(r,
              {"schema_version", "orrery", "scenario", "seed", "provenance", "findings", "expectations", "training",
               "memory", "cost", "engine", "model", "links"},
              "report");
  expect_keys(r["training"],
              {"flop_convention", "step_time_s", "tokens_per_s", "tokens_per_s_per_gpu", "model_tflops_per_gpu",
               "hardware_tflops_per_gpu", "mfu", "hfu", "bubble_fraction", "exposed_communication_s", "compute_s",
               "communication_s", "optimizer_s"},
              "training");
  expect_keys(r["memory"],
              {"peak_bytes", "weights_bytes", "gradients_bytes", "optimizer_bytes", "activations_bytes",
               "kv_cache_bytes", "workspace_bytes", "capacity_bytes", "stages"},
              "memory");
  expect_keys(r["cost"], {"gpu_hours", "usd", "usd_per_million_tokens"}, "cost");
  expect_keys(r["engine"], {"reading", "events", "wall_s", "events_per_s"}, "engine");
  expect_keys(r["model"], {"parameters", "active_parameters", "weights_bytes", "kv_bytes_per_token", "assumed"},
              "model");
  EXPECT_THAT(r["findings"], IsEmpty());
  EXPECT_THAT(r["expectations"], IsEmpty());
}

TEST_F(ReportContract, OfServingHasEveryKey) {
  const json r = report(small_serving());
  for (const char* latency : {"ttft_s", "tpot_s", "itl_s", "e2e_s", "queue_s"}) {
    expect_keys(r["serving"][latency], {"mean", "p50", "p90", "p95", "p99"}, latency);
  }
  expect_keys(r["serving"],
              {"requests", "duration_s", "input_tokens_per_s", "output_tokens_per_s", "requests_per_s", "goodput",
               "kv_cache_usage", "prefix_hit_rate", "preemptions", "mean_batch"},
              "serving");
  expect_keys(r["engine"], {"reading", "events", "wall_s", "events_per_s"}, "engine");
  EXPECT_FALSE(r.contains("training"));
}

TEST_F(ReportContract, ReadingIsOneOfThree) {
  for (const std::string& text : {small_scenario(), small_serving()}) {
    const std::string reading = report(text)["engine"]["reading"];
    EXPECT_TRUE(reading == "frozen" || reading == "flows" || reading == "messages") << reading;
  }
}

TEST_F(ReportContract, RatesOfTrainingAreItsTokensOverItsTime) {
  const json r = report(small_scenario()), &t = r["training"];
  const double step = t["step_time_s"], tokens = 64 * 1024;
  expect_near(t["tokens_per_s"], tokens / step, "tokens_per_s");
  expect_near(t["tokens_per_s_per_gpu"], tokens / step / 8, "tokens_per_s_per_gpu");
  // The A100's dense bf16 peak is 312 TFLOP/s.
  expect_near(t["mfu"], t["model_tflops_per_gpu"].get<double>() / 312.0, "mfu");
  expect_near(t["hfu"], t["hardware_tflops_per_gpu"].get<double>() / 312.0, "hfu");
  EXPECT_EQ(t["model_tflops_per_gpu"], t["hardware_tflops_per_gpu"]) << "nothing is recomputed";
}

TEST_F(ReportContract, FlopsAreThoseOfTheMatrices) {
  // Six per weight of a matrix and token: 12 layers of 12·768² and the head of 50,257·768; attention in full has
  // 12·layers·hidden·sequence per token beside it.
  const json r = report(small_scenario());
  const double weights = 12.0 * 12.0 * 768.0 * 768.0 + 50'257.0 * 768.0, tokens = 64.0 * 1024.0;
  const double flops = tokens * (6.0 * weights + 12.0 * 12.0 * 768.0 * 1024.0);
  const double step = r["training"]["step_time_s"];
  EXPECT_NEAR(r["training"]["model_tflops_per_gpu"].get<double>(), flops / step / 8 / 1e12, 1e-4 * flops / step / 8e12);
}

TEST_F(ReportContract, CostIsTheHoursOfTheGpusAtTheirPrice) {
  const json r = report(small_scenario(), {"--set", "cluster.price=2.5 USD/h"});
  const double hours = r["training"]["step_time_s"].get<double>() * 8.0 / 3600.0;
  expect_near(r["cost"]["gpu_hours"], hours, "gpu_hours");
  expect_near(r["cost"]["usd"], 2.5 * hours, "usd");
  expect_near(r["cost"]["usd_per_million_tokens"], 2.5 * hours / (64 * 1024) * 1e6, "per million tokens");
}

TEST_F(ReportContract, MemoryOfGpt2IsItsParametersTimesTheirBytes) {
  const json r = report(small_scenario(), {"--set", "training.tensor_parallel=1", "--set", "training.data_parallel=8"});
  // 124,439,808: 12·(12·768² + 13·768) + (50,257 + 1,024)·768 + 2·768.
  const double parameters = 12.0 * (12.0 * 768 * 768 + 13.0 * 768) + (50'257.0 + 1'024.0) * 768 + 2.0 * 768;
  EXPECT_EQ(r["model"]["parameters"].get<double>(), parameters);
  EXPECT_EQ(r["memory"]["weights_bytes"].get<double>(), 2 * parameters) << "bf16";
  EXPECT_EQ(r["memory"]["gradients_bytes"].get<double>(), 4 * parameters) << "fp32";
  EXPECT_EQ(r["memory"]["optimizer_bytes"].get<double>(), 12 * parameters) << "fp32 weights and two moments";
  EXPECT_EQ(r["model"]["weights_bytes"].get<double>(), 2 * parameters);
  EXPECT_EQ(r["model"]["kv_bytes_per_token"].get<double>(), 2.0 * 12 * 768 * 2) << "K and V of 12 layers in bf16";
}

TEST_F(ReportContract, StagesAreOneForEachPipelineRankAndThePeakIsTheFullest) {
  const json r = report(small_scenario(), {"--set", "training.tensor_parallel=1", "--set", "training.data_parallel=2",
                                           "--set", "training.pipeline_parallel=4"});
  ASSERT_EQ(r["memory"]["stages"].size(), 4U);
  double fullest = 0.0;
  for (const json& stage : r["memory"]["stages"]) fullest = std::max(fullest, stage["peak_bytes"].get<double>());
  EXPECT_EQ(r["memory"]["peak_bytes"].get<double>(), fullest);
  // One forward and one backward: (K − 1)/(K − 1 + M) of equal stages, M = 64/(4·2) microbatches; the head makes the
  // last one longer.
  EXPECT_GT(r["training"]["bubble_fraction"].get<double>(), 3.0 / 11.0);
  EXPECT_LT(r["training"]["bubble_fraction"].get<double>(), 1.0);
}

TEST_F(ReportContract, RatesOfServingAreItsTokensOverItsTime) {
  const json r = report(small_serving()), &s = r["serving"];
  const double duration = s["duration_s"];
  EXPECT_EQ(s["requests"], 4);
  expect_near(s["requests_per_s"], 4 / duration, "requests_per_s");
  expect_near(s["input_tokens_per_s"], 40 / duration, "input_tokens_per_s");
  expect_near(s["output_tokens_per_s"], 20 / duration, "output_tokens_per_s");
  EXPECT_EQ(s["goodput"], s["requests_per_s"]) << "nothing is promised, so every request counts";
  EXPECT_EQ(s["mean_batch"], 1.0);
  EXPECT_EQ(s["preemptions"], 0);
  // One client: a request begins where the one before it ends.
  expect_near(s["e2e_s"]["mean"], duration / 4, "e2e_s.mean");
  expect_near(s["e2e_s"]["mean"], s["ttft_s"]["mean"].get<double>() + 4 * s["tpot_s"]["mean"].get<double>(),
              "TTFT and four more tokens");
}

TEST_F(ReportContract, PercentilesDoNotFall) {
  const json r = report(replaced(small_serving(), "concurrency: 1, requests: 4", "concurrency: 7, requests: 40"));
  for (const char* latency : {"ttft_s", "tpot_s", "itl_s", "e2e_s", "queue_s"}) {
    const json& values = r["serving"][latency];
    double before = 0.0;
    for (const char* percentile : {"p50", "p90", "p95", "p99"}) {
      EXPECT_GE(values[percentile].get<double>(), before) << latency << " " << percentile;
      before = values[percentile];
    }
    EXPECT_LE(values["mean"].get<double>(), before) << latency;
  }
}

TEST_F(ReportContract, CacheOfServingIsWhatIsLeftInBlocks) {
  const json r = report(small_serving()), &m = r["memory"];
  const double sum = m["weights_bytes"].get<double>() + m["activations_bytes"].get<double>() +
                     m["kv_cache_bytes"].get<double>() + m["workspace_bytes"].get<double>();
  expect_near(m["peak_bytes"], sum, "peak_bytes");
  // A block has 16 tokens of 12 layers, K and V of 768 in bf16; the rest is less than a block.
  const double block = 16.0 * 12 * 2 * 768 * 2;
  EXPECT_EQ(std::fmod(m["kv_cache_bytes"].get<double>(), block), 0.0);
  EXPECT_EQ(r["serving"]["kv_cache_tokens"].get<double>(), m["kv_cache_bytes"].get<double>() / block * 16);
  expect_near(r["serving"]["max_concurrency"], r["serving"]["kv_cache_tokens"].get<double>() / 1024,
              "requests of GPT-2's 1,024 positions");
}

TEST_F(ReportContract, CostOfServingIsOfTheGpusThatItUses) {
  const json r = report(small_serving(), {"--set", "cluster.price=3.6 USD/h"});
  const double usd = 3.6 * r["serving"]["duration_s"].get<double>() / 3600.0;
  expect_near(r["cost"]["usd"], usd, "one of the node's eight");
  expect_near(r["cost"]["usd_per_million_tokens"], usd / 60 * 1e6, "of 4·(10 + 5) tokens");
  expect_near(r["cost"]["usd_per_million_output_tokens"], usd / 20 * 1e6, "of 4·5");
}

TEST_F(ReportContract, RequestsFileHasARowOfEachWithItsTimes) {
  ASSERT_EQ(orrery({"run", write("v.yaml", small_serving()), "-q", "--requests", path("r.csv")}).code, kExitWell);
  std::istringstream lines(read_file(path("r.csv")));
  std::string head, line;
  std::getline(lines, head);
  EXPECT_EQ(head,
            "id,replica,state,arrival_s,queued_s,scheduled_s,first_token_s,last_token_s,input_tokens,output_tokens,"
            "cached_tokens,preemptions,ttft_s,tpot_s,e2e_s,warmup");
  int rows = 0;
  double last = 0.0;
  for (; std::getline(lines, line); ++rows) {
    std::vector<std::string> cells;
    std::istringstream row(line);
    for (std::string cell; std::getline(row, cell, ',');) cells.push_back(cell);
    ASSERT_EQ(cells.size(), 16U) << line;
    const auto number = [&](std::size_t i) { return std::stod(cells[i]); };
    EXPECT_EQ(cells[0], std::to_string(rows));
    EXPECT_EQ(cells[2], "finished");
    EXPECT_NEAR(number(3), last, 1e-12) << "the one client asks again at once";
    EXPECT_EQ(number(8), 10);
    EXPECT_EQ(number(9), 5);
    EXPECT_NEAR(number(12), number(6) - number(3), 1e-12) << "TTFT";
    EXPECT_NEAR(number(13), (number(7) - number(6)) / 4, 1e-12) << "TPOT: four tokens after the first";
    EXPECT_NEAR(number(14), number(7) - number(3), 1e-12) << "end to end";
    last = number(7);
  }
  EXPECT_EQ(rows, 4);
}

TEST_F(ReportContract, ScenarioIsTheOneAfterSet) {
  const json r = report(small_scenario(), {"--set", "training.global_batch_size=128", "--set", "seed=7"});
  EXPECT_EQ(r["scenario"]["training"]["global_batch_size"], 128);
  EXPECT_EQ(r["seed"], 7);
  EXPECT_EQ(r["schema_version"], 1);
  EXPECT_EQ(report(small_scenario())["seed"], 1);
}

TEST_F(ReportContract, EveryProfileThatWasUsedIsNamedWithWhatItsFiguresAre) {
  const json r = report(small_scenario());
  std::vector<std::string> named;
  for (const json& line : r["provenance"]) {
    const std::string level = line["provenance"];
    EXPECT_TRUE(level == "datasheet" || level == "published" || level == "measured") << line;
    EXPECT_NE(line["source"], "") << line;
    named.push_back(line["kind"].get<std::string>() + " " + line["name"].get<std::string>());
  }
  for (const char* name : {"gpu a100_sxm", "node dgx_a100", "fabric single_node", "model gpt2-124m"}) {
    EXPECT_THAT(named, ::testing::Contains(name));
  }
}

TEST_F(ReportContract, ExpectationsHaveTheirFiguresAndOutcome) {
  const std::string text = small_scenario() +
                           "expect:\n  - {metric: training.mfu, value: 0.9, tolerance: 1 %, source: a dream, "
                           "known_miss: \"no model of it\"}\n";
  const json r = report(text);
  ASSERT_EQ(r["expectations"].size(), 1U);
  const json& e = r["expectations"][0];
  EXPECT_EQ(e["metric"], "training.mfu");
  EXPECT_EQ(e["expected"], 0.9);
  EXPECT_EQ(e["tolerance"], 0.01);
  EXPECT_EQ(e["predicted"], r["training"]["mfu"]);
  EXPECT_EQ(e["outcome"], "known_miss");
}

}  // namespace
}  // namespace orrery::scenarios::testing
