// The JSON report: the contract that scripts rely on.

#include "scenarios/report.hpp"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "scenarios/kinds.hpp"
#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using nlohmann::ordered_json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ReportTest : public FolderTest {
 protected:
  ordered_json report_of(const std::string& text, const std::vector<std::string>& more = {}) {
    std::vector<std::string> args = {"run", write("small.yaml", text), "--json", path("r.json"), "--quiet"};
    args.insert(args.end(), more.begin(), more.end());
    last_ = orrery(args);
    return ordered_json::parse(read_file(path("r.json")));
  }
  Outcome last_;
};

std::vector<std::string> keys(const ordered_json& object) {
  std::vector<std::string> names;
  for (const auto& [key, value] : object.items()) names.push_back(key);
  return names;
}

TEST_F(ReportTest, HasTheSectionsOfTheContractInOrder) {
  const ordered_json report = report_of(small_scenario());
  EXPECT_THAT(keys(report), ElementsAre("schema_version", "orrery", "scenario", "seed", "provenance", "findings",
                                        "expectations", "model", "training", "memory", "cost", "links", "engine"));
  EXPECT_THAT(keys(report["training"]),
              ElementsAre("flop_convention", "step_time_s", "tokens_per_s", "tokens_per_s_per_gpu",
                          "model_tflops_per_gpu", "hardware_tflops_per_gpu", "mfu", "hfu", "bubble_fraction",
                          "exposed_communication_s", "compute_s", "communication_s", "optimizer_s"));
  for (const char* key : {"peak_bytes", "weights_bytes", "gradients_bytes", "optimizer_bytes", "activations_bytes",
                          "kv_cache_bytes", "workspace_bytes", "capacity_bytes", "stages"}) {
    EXPECT_TRUE(report["memory"].contains(key)) << key;
  }
  for (const char* key : {"gpu_hours", "usd", "usd_per_million_tokens"}) EXPECT_TRUE(report["cost"].contains(key));
  EXPECT_THAT(keys(report["engine"]), ElementsAre("reading", "events", "wall_s", "events_per_s", "steps"));
}

TEST_F(ReportTest, NumbersAgreeWithEachOther) {
  const ordered_json report = report_of(small_scenario());
  const double step = report["training"]["step_time_s"];
  EXPECT_GT(step, 0.0);
  // 64 sequences of 1024 tokens on 8 GPUs.
  EXPECT_NEAR(report["training"]["tokens_per_s"], 64 * 1024 / step, 1e-6 * 64 * 1024 / step);
  EXPECT_NEAR(report["training"]["tokens_per_s_per_gpu"], 8 * 1024 / step, 1e-6 * 8 * 1024 / step);
  EXPECT_NEAR(report["cost"]["gpu_hours"], 8 * step / 3600, 1e-9 * step);
  EXPECT_EQ(report["memory"]["stages"].size(), 1u);
  EXPECT_EQ(report["memory"]["stages"][0]["peak_bytes"], report["memory"]["peak_bytes"]);
  EXPECT_LE(report["training"]["mfu"], 1.0);
}

TEST_F(ReportTest, ScenarioIsResolvedAfterOverridesAndDefaults) {
  const ordered_json report =
      report_of(replaced(small_scenario(), "  data_parallel: 4\n", ""), {"--set", "training.micro_batch_size=2"});
  EXPECT_EQ(report["scenario"]["training"]["micro_batch_size"], 2);
  EXPECT_EQ(report["scenario"]["training"]["data_parallel"], 4);  // 8 GPUs / TP 2
  EXPECT_EQ(report["scenario"]["training"]["schedule"], "1f1b");
  EXPECT_EQ(report["scenario"]["model"]["parameters"], 124439808);
  EXPECT_EQ(report["scenario"]["cluster"]["gpus"], 8);
}

// A config of one's own under another's row: what it left open is named, once for the model and once for the scenario.
TEST_F(ReportTest, NamesWhatAConfigLeftOpen) {
  const std::string config = write("tiny.json", R"({"model_type": "my_llama", "hidden_size": 64, "vocab_size": 1000,
      "intermediate_size": 128, "num_hidden_layers": 12, "num_attention_heads": 4, "max_position_embeddings": 1024})");
  const ordered_json report =
      report_of(replaced(small_scenario(), "model: gpt2-124m", "model: {config: " + config + ", as: llama}"));
  EXPECT_EQ(report["model"]["assumed"][0], "model_type \"my_llama\": read as llama, as told");
  EXPECT_EQ(report["model"]["assumed"][1], "head_dim: hidden/heads");
  // 12·(4·64² + 3·64·128 + 2·64) + 64 + 2·1000·64
  EXPECT_EQ(report["model"]["parameters"], 12 * (16'384 + 24'576 + 128) + 64 + 128'000);
  EXPECT_EQ(report["scenario"]["model"]["assumed"], report["model"]["assumed"]);
}

// Whole, as the checkpoint stores it: GPT-2's 124,439,808 parameters in 16 bit, its keys and values 2·12·768·2 bytes.
TEST_F(ReportTest, SaysWhatTheModelWeighs) {
  const ordered_json trained = report_of(small_scenario());
  EXPECT_EQ(trained["model"]["parameters"], 124439808);
  EXPECT_EQ(trained["model"]["active_parameters"], 124439808);
  EXPECT_EQ(trained["model"]["weights_bytes"], 2.0 * 124439808);
  EXPECT_EQ(trained["model"]["kv_bytes_per_token"], 2.0 * 12 * 768 * 2);
  EXPECT_TRUE(trained["model"]["assumed"].empty());
  const std::string served =
      write("serve.yaml",
            "scenario: s\nmodel: deepseek-v3\ncluster: {node: hgx_h200}\nserving:\n  tensor_parallel: 8\n"
            "  load: {arrivals: burst, requests: 1, input: 10, output: 2}\n");
  ASSERT_EQ(orrery({"run", served, "--json", path("served.json"), "-q"}).code, kExitWell);
  const ordered_json report = ordered_json::parse(read_file(path("served.json")));
  // 8 bits and a scale of 32 for 128 x 128 weights; embeddings, head, norms and routers in 16.
  const double parameters = report["model"]["parameters"], bytes = report["model"]["weights_bytes"];
  EXPECT_GT(bytes, parameters * (1.0 + 4.0 / 16384));
  EXPECT_NEAR(bytes, parameters + 2.0 * 129280 * 7168 + 58.0 * 256 * 7168, 0.001 * bytes);
}

TEST_F(ReportTest, SeveralFilesGiveAnArray) {
  const std::string file = write("small.yaml", small_scenario());
  ASSERT_EQ(orrery({"run", file, file, "--json", path("two.json"), "-q"}).code, kExitWell);
  EXPECT_EQ(ordered_json::parse(read_file(path("two.json"))).size(), 2u);
}

TEST_F(ReportTest, ExpectationsAreJudged) {
  const std::string expect =
      "expect:\n"
      "  - {metric: memory.fits, value: true, source: s}\n"
      "  - {metric: training.step_time_s, value: 1000 s, tolerance: 1 %, source: s}\n"
      "  - {metric: training.mfu, value: 0.99, tolerance: 1 %, source: s, known_miss: because}\n"
      "  - {metric: serving.goodput, value: 1, tolerance: 1 %, source: s}\n";
  const ordered_json report = report_of(small_scenario() + expect);
  EXPECT_EQ(last_.code, kExitFinding);
  std::vector<std::string> outcomes;
  for (const ordered_json& row : report["expectations"]) outcomes.push_back(row["outcome"]);
  EXPECT_THAT(outcomes, ElementsAre("pass", "miss", "known_miss", "skipped"));
  EXPECT_EQ(report["findings"].size(), 1u);
  EXPECT_EQ(report["findings"][0]["kind"], "expectation_missed");
}

TEST_F(ReportTest, KnownMissThatHoldsIsAFinding) {
  const ordered_json report = report_of(
      small_scenario() + "expect:\n  - {metric: memory.fits, value: true, source: s, known_miss: it does not fit}\n");
  EXPECT_EQ(last_.code, kExitFinding);
  EXPECT_EQ(report["findings"][0]["kind"], "known_miss_holds");
}

TEST_F(ReportTest, VariantsAreReportsWithTheirOwnExpectations) {
  const ordered_json report =
      report_of(small_scenario() +
                "variants:\n  - name: two nodes of memory\n    set: {cluster.gpu_memory: 2 GiB}\n    expect:\n"
                "      - {metric: memory.fits, value: false, source: s}\n");
  EXPECT_EQ(last_.code, kExitWell) << last_.err;  // the finding is expected
  ASSERT_EQ(report["variants"].size(), 1u);
  EXPECT_EQ(report["variants"][0]["scenario"]["variant"], "two nodes of memory");
  EXPECT_EQ(report["variants"][0]["expectations"][0]["outcome"], "pass");
  EXPECT_EQ(report["variants"][0]["findings"][0]["expected"], true);
}

TEST_F(ReportTest, CsvHasARowPerRunAndEveryMetric) {
  ASSERT_EQ(orrery({"run", write("small.yaml", small_scenario()), "--csv", path("r.csv"), "-q"}).code, kExitWell);
  const std::string csv = read_file(path("r.csv"));
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 2);
  const std::string header = csv.substr(0, csv.find('\n'));
  for (const MetricRow& row : metric_rows()) {
    const bool there = ("," + header + ",").find("," + row.name + ",") != std::string::npos;
    const auto same = [&](const MetricRow& own) { return own.name == row.name; };
    const std::vector<MetricRow>& own = find_kind("training")->metrics();
    const bool always = std::any_of(own.begin(), own.end(), same) && !row.optional;
    EXPECT_EQ(there, always) << row.name;
  }
  const std::string row = csv.substr(csv.find('\n') + 1);
  EXPECT_EQ(std::count(header.begin(), header.end(), ','), std::count(row.begin(), row.end(), ','));
}

TEST_F(ReportTest, IdleGpusAreNotedAndNoFinding) {
  EXPECT_FALSE(report_of(small_scenario()).contains("notes"));
  const std::string two = replaced(small_scenario(), "data_parallel: 4", "data_parallel: 1");
  const ordered_json report = report_of(two);
  EXPECT_EQ(last_.code, kExitWell) << last_.err;
  ASSERT_EQ(report["notes"].size(), 1u);
  EXPECT_THAT(report["notes"][0].get<std::string>(), HasSubstr("uses 2 of 8 GPUs"));
  EXPECT_THAT(orrery({"run", write("two.yaml", two)}).out, HasSubstr("uses 2 of 8 GPUs"));
}

TEST_F(ReportTest, TextSaysWhatTheFlopConventionMeans) {
  const std::string file = write("small.yaml", small_scenario());
  const auto text = [&](const std::string& convention) {
    return orrery({"run", file, "--set", "training.flop_convention=" + convention}).out;
  };
  EXPECT_THAT(text("model"), HasSubstr("FLOP convention: model (attention counted in full, recompute not)"));
  EXPECT_THAT(text("model_causal"), HasSubstr("model_causal (causal attention counted as half"));
  EXPECT_THAT(text("palm"), HasSubstr("palm (6 per parameter and token"));
}

TEST_F(ReportTest, StandardOutputTakesTheReportAlone) {
  const Outcome outcome = orrery({"run", write("small.yaml", small_scenario()), "--json", "-"});
  EXPECT_TRUE(ordered_json::accept(outcome.out)) << outcome.out.substr(0, 200);
}

TEST_F(ReportTest, JunitCountsFailures) {
  const std::string expect =
      "expect:\n  - {metric: training.step_time_s, value: 1000 s, tolerance: 1 %, source: \"a < b & c\"}\n";
  EXPECT_EQ(orrery({"check", write("small.yaml", small_scenario() + expect), "--junit", path("j.xml")}).code,
            kExitFinding);
  const std::string xml = read_file(path("j.xml"));
  EXPECT_THAT(xml, HasSubstr("tests=\"2\" failures=\"1\""));
  EXPECT_THAT(xml, HasSubstr("a &lt; b &amp; c"));
}

TEST_F(ReportTest, TraceIsJson) {
  ASSERT_EQ(orrery({"run", write("small.yaml", small_scenario()), "--trace", path("t.json"), "-q"}).code, kExitWell);
  const std::string trace = read_file(path("t.json"));
  EXPECT_TRUE(ordered_json::accept(trace));
  EXPECT_THAT(trace, HasSubstr("traceEvents"));
}

}  // namespace
}  // namespace orrery::scenarios::testing
