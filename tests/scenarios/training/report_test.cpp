// The figures of a training report against each other, and against the arithmetic of GPT-2 124M: 12 layers, hidden 768,
// 12 heads of 64, vocabulary 50257, 1024 positions, 124,439,808 parameters.
#include "scenarios/training/report.hpp"

#include <cmath>
#include <sstream>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "scenarios/report.hpp"
#include "scenarios/training/job.hpp"
#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using nlohmann::ordered_json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr double kParameters = 124'439'808.0;
constexpr double kLayers = 12, kHidden = 768, kVocabulary = 50257, kSequence = 1024;
/// Forward FLOPs of a token: 24 h² + 4 s h in each layer, 2 h V in the head (Korthikanti et al. 2022, appendix A).
constexpr double kForwardLayers = kLayers * (24 * kHidden * kHidden + 4 * kSequence * kHidden);
constexpr double kForward = kForwardLayers + 2 * kHidden * kVocabulary;

/// On one DGX A100, whose GPUs multiply bf16 at 312 TFLOP/s.
std::string with(const std::string& keys, const std::string& cluster = "node: dgx_a100") {
  return "scenario: s\nmodel: gpt2-124m\ncluster: {" + cluster +
         "}\ntraining:\n  sequence_length: 1024\n  global_batch_size: 64\n  micro_batch_size: 2\n" + keys;
}

Report run(const std::string& keys, const std::string& cluster = "node: dgx_a100") {
  return run_scenario(parse_scenario(with(keys, cluster), "s.yaml"));
}

const std::vector<std::string>& some_keys() {
  static const std::vector<std::string> all = {
      "",
      "  tensor_parallel: 2\n",
      "  pipeline_parallel: 2\n",
      "  pipeline_parallel: 4\n  schedule: gpipe\n",
      "  tensor_parallel: 2\n  pipeline_parallel: 2\n  sequence_parallel: true\n  zero: optimizer\n",
      "  pipeline_parallel: 2\n  virtual_pipeline: 3\n  schedule: interleaved_1f1b\n",
      "  recompute: full\n  attention: unfused\n  dropout: 0.1\n",
      "  data_parallel: 4\n  overlap_gradient_reduce: false\n",
      "  precision: fp16\n  gradient_dtype: bf16\n  cuda_graphs: true\n",
      "  steps: 3\n  tensor_parallel: 4\n",
  };
  return all;
}

TEST(TrainingFigures, OfRatesFollowFromTheStepTime) {
  for (const std::string& keys : some_keys()) {
    const Report report = run(keys);
    const double step = report.metric("training.step_time_s");
    const double gpus = training_gpus(*report.scenario.jobs[0].spec);
    ASSERT_GT(step, 0.0) << keys;
    const double tokens = 64.0 * 1024.0;
    EXPECT_NEAR(report.metric("training.tokens_per_s") * step, tokens, 1e-6 * tokens) << keys;
    EXPECT_NEAR(report.metric("training.tokens_per_s_per_gpu") * step * gpus, tokens, 1e-6 * tokens) << keys;
    // FLOPs of a step: forward, and twice that backward.
    const double flops = report.metric("training.model_tflops_per_gpu") * 1e12 * step * gpus;
    EXPECT_NEAR(flops / (3.0 * kForward * tokens), 1.0, 1e-3) << keys;
    EXPECT_NEAR(report.metric("training.mfu") * 312.0, report.metric("training.model_tflops_per_gpu"), 1e-9) << keys;
    EXPECT_NEAR(report.metric("training.hfu") * 312.0, report.metric("training.hardware_tflops_per_gpu"), 1e-9);
    EXPECT_GE(report.metric("training.hfu"), report.metric("training.mfu")) << keys;
    EXPECT_LE(report.metric("training.hfu"), 1.0) << keys;
  }
}

TEST(TrainingFigures, OfTimesLieWithinTheStep) {
  for (const std::string& keys : some_keys()) {
    const Report report = run(keys);
    const double step = report.metric("training.step_time_s");
    const double compute = report.metric("training.compute_s"),
                 exposed = report.metric("training.exposed_communication_s");
    EXPECT_LE(exposed, report.metric("training.communication_s") * (1 + 1e-9)) << keys;
    EXPECT_LE(compute + exposed, step * (1 + 1e-9)) << keys;
    EXPECT_GT(report.metric("training.optimizer_s"), 0.0) << keys;
    EXPECT_LE(report.metric("training.optimizer_s"), compute) << keys;
    const bool pipelined = keys.find("pipeline_parallel") != std::string::npos;
    EXPECT_EQ(report.metric("training.bubble_fraction") > 0.0, pipelined) << keys;
    EXPECT_LT(report.metric("training.bubble_fraction"), 1.0) << keys;
  }
}

TEST(TrainingFigures, OfRecomputationCountTheLayersOnceMore) {
  const Report none = run("  attention: unfused\n"), full = run("  attention: unfused\n  recompute: full\n");
  EXPECT_NEAR(none.metric("training.hfu") / none.metric("training.mfu"), 1.0, 1e-9);
  // (3 F + F of the layers) / 3 F: the head is not computed again.
  EXPECT_NEAR(full.metric("training.hfu") / full.metric("training.mfu"), 1.0 + kForwardLayers / (3.0 * kForward), 1e-3);
  EXPECT_GT(full.metric("training.step_time_s"), none.metric("training.step_time_s"));
  EXPECT_LT(full.metric("memory.activations_bytes"), none.metric("memory.activations_bytes"));
}

TEST(TrainingFigures, OfFlopConventionsDifferByWhatTheyCount) {
  const auto flops = [](const std::string& convention) {
    const Report report = run("  flop_convention: " + convention + "\n");
    return report.metric("training.model_tflops_per_gpu") * 1e12 * report.metric("training.step_time_s") * 8.0 /
           (64.0 * 1024.0);
  };
  EXPECT_NEAR(flops("model") / (3.0 * kForward), 1.0, 1e-3);
  // Causal attention as half: 2 s h in each layer.
  EXPECT_NEAR(flops("model_causal") / (3.0 * (kForward - kLayers * 2 * kSequence * kHidden)), 1.0, 1e-3);
  // 6 N + 12 L H Q T; a table of positions multiplies nothing, so N is without its 1,024 x 768.
  EXPECT_NEAR(flops("palm") / (6.0 * (kParameters - 1024.0 * kHidden) + 12.0 * kLayers * 12 * 64 * kSequence), 1.0,
              1e-3);
}

TEST(TrainingFigures, OfConventionsChangeNoTime) {
  const double step = run("").metric("training.step_time_s");
  EXPECT_EQ(run("  flop_convention: palm\n").metric("training.step_time_s"), step);
  EXPECT_EQ(run("  flop_convention: model_causal\n").metric("training.step_time_s"), step);
}

TEST(TrainingMemory, HasTwoFourAndTwelveBytesAParameter) {
  const Report plain = run("");
  EXPECT_DOUBLE_EQ(plain.metric("memory.weights_bytes"), 2.0 * kParameters);
  EXPECT_DOUBLE_EQ(plain.metric("memory.gradients_bytes"), 4.0 * kParameters);
  EXPECT_DOUBLE_EQ(plain.metric("memory.optimizer_bytes"), 12.0 * kParameters);
  // A shard of the eight replicas; without master weights only the two moments.
  EXPECT_NEAR(run("  zero: optimizer\n").metric("memory.optimizer_bytes"), 12.0 * kParameters / 8.0, 12.0);
  EXPECT_DOUBLE_EQ(run("  master_weights: false\n").metric("memory.optimizer_bytes"), 8.0 * kParameters);
  EXPECT_DOUBLE_EQ(run("  gradient_dtype: bf16\n").metric("memory.gradients_bytes"), 2.0 * kParameters);
}

TEST(TrainingMemory, OfStagesAddUpToTheModelAndASecondEmbedding) {
  const Report report = run("  pipeline_parallel: 3\n  data_parallel: 2\n");
  double weights = 0.0;
  for (int stage = 0; stage < 3; ++stage) {
    weights += report.metric("memory.stages." + std::to_string(stage) + ".weights_bytes");
  }
  // Embedding and head are one matrix, and stand on the first and the last stage.
  EXPECT_DOUBLE_EQ(weights, 2.0 * (kParameters + kVocabulary * kHidden));
  EXPECT_EQ(report.find_metric("memory.stages.3.weights_bytes"), std::nullopt);
}

TEST(TrainingMemory, SumsToItsPeakOnEveryStage) {
  for (const std::string& keys : some_keys()) {
    const Report report = run(keys);
    const ordered_json memory = ordered_json::parse(to_json({report}))["memory"];
    double fullest = 0.0;
    for (const ordered_json& stage : memory["stages"]) {
      const auto bytes = [&](const char* name) { return stage[name].get<double>(); };
      const double states = bytes("weights_bytes") + bytes("gradients_bytes") + bytes("optimizer_bytes");
      EXPECT_DOUBLE_EQ(bytes("model_state_bytes"), states) << keys;
      const double sum = states + bytes("activations_bytes") + bytes("workspace_bytes");
      EXPECT_NEAR(bytes("peak_bytes"), sum, 1e-9 * sum) << keys;
      fullest = std::max(fullest, bytes("peak_bytes"));
    }
    EXPECT_EQ(memory["peak_bytes"].get<double>(), fullest) << keys;
    const auto stage = memory["fullest_stage"].get<std::size_t>();
    EXPECT_EQ(memory["stages"][stage]["peak_bytes"].get<double>(), fullest) << keys;
    EXPECT_DOUBLE_EQ(memory["margin_bytes"].get<double>(), memory["capacity_bytes"].get<double>() - fullest) << keys;
    EXPECT_EQ(memory["kv_cache_bytes"], 0.0);
    EXPECT_EQ(memory["fits"], true);
  }
}

// Groups of unlike nodes: the stage with the least to spare is not the one with the most bytes.
TEST(TrainingMemory, MarginIsOfTheStageWithTheLeastToSpare) {
  const std::string nodes =
      "nodes: [{node: dgx_a100, count: 1}, {node: dgx_h100, count: 1, gpu_memory: 20 GiB}], "
      "fabric: rail_fat_tree_ndr";
  const Report report = run("  pipeline_parallel: 2\n  data_parallel: 8\n", nodes);
  const ordered_json memory = ordered_json::parse(to_json({report}))["memory"];
  EXPECT_EQ(memory["fullest_stage"], 1);
  EXPECT_EQ(memory["peak_bytes"], memory["stages"][1]["peak_bytes"]);
  EXPECT_EQ(memory["capacity_bytes"], memory["stages"][1]["capacity_bytes"]);
  EXPECT_GT(memory["stages"][0]["capacity_bytes"].get<double>(), memory["capacity_bytes"].get<double>());
  EXPECT_DOUBLE_EQ(memory["margin_bytes"].get<double>(),
                   memory["capacity_bytes"].get<double>() - memory["peak_bytes"].get<double>());
}

TEST(TrainingCost, IsGpusTimesTimeTimesPrice) {
  const Report report = run("  data_parallel: 4\n", "node: dgx_a100, price: 2.5 USD/h");
  const double hours = 4.0 * report.metric("training.step_time_s") / 3600.0;
  EXPECT_DOUBLE_EQ(report.metric("cost.gpu_hours"), hours);
  EXPECT_DOUBLE_EQ(report.metric("cost.usd"), hours * 2.5);
  EXPECT_DOUBLE_EQ(report.metric("cost.usd_per_million_tokens"), hours * 2.5 / (64.0 * 1024.0) * 1e6);
  EXPECT_EQ(report.find_metric("cost.usd_per_million_output_tokens"), std::nullopt);
  EXPECT_EQ(ordered_json::parse(to_json({report}))["cost"]["basis"], "one optimizer step");
}

TEST(TrainingCost, OfAWholeRunCountsWholeSteps) {
  // 10^9 tokens / 65,536 = 15,258.79 steps: 15,259.
  const Report report = run("  total_tokens: 1000000000\n", "node: dgx_a100, price: 2 USD/h");
  const double hours = 8.0 * report.metric("training.step_time_s") * 15259.0 / 3600.0;
  EXPECT_NEAR(report.metric("cost.gpu_hours"), hours, 1e-9 * hours);
  EXPECT_NEAR(report.metric("cost.usd_per_million_tokens"), hours * 2.0 / 1000.0, 1e-9 * hours);
  EXPECT_EQ(ordered_json::parse(to_json({report}))["cost"]["basis"], "training.total_tokens");
}

TEST(TrainingCost, OfUnlikeGpusIsTheMeanOverTheJobs) {
  // Eight GPUs at 1 USD/h and eight at 4 USD/h: 2.5 USD a GPU hour. Of the first eight alone: 1 USD.
  const std::string nodes =
      "nodes: [{node: dgx_a100, count: 1, price: 1 USD/h}, {node: dgx_h100, count: 1, price: 4 "
      "USD/h}], fabric: rail_fat_tree_ndr";
  const Report both = run("  data_parallel: 16\n", nodes), one = run("  data_parallel: 8\n", nodes);
  EXPECT_NEAR(both.metric("cost.usd") / both.metric("cost.gpu_hours"), 2.5, 1e-12);
  EXPECT_EQ(one.metric("cost.usd"), one.metric("cost.gpu_hours"));
}

TEST(TrainingFindings, OutOfMemoryNamesTheFullestStagesFirst) {
  const Report report = run("  pipeline_parallel: 6\n  data_parallel: 1\n", "node: dgx_a100, gpu_memory: 1100 MiB");
  ASSERT_FALSE(report.findings.empty());
  const std::string& message = report.findings[0].message;
  EXPECT_EQ(report.findings[0].kind, "out_of_memory");
  EXPECT_TRUE(report.has_findings());
  EXPECT_THAT(message, AllOf(HasSubstr("out of GPU memory: stage "), HasSubstr("\n  stage "), HasSubstr(": peak "),
                             HasSubstr(", weights "), Not(HasSubstr("model_state"))));
  EXPECT_EQ(report.metric("memory.fits"), 0.0);
  EXPECT_LT(report.metric("memory.margin_bytes"), 0.0);
  // Three stages in full, the others by number.
  std::size_t over = 0;
  for (const models::StageMemory& stage : find_training(report)->memory) over += stage.fits() ? 0U : 1U;
  ASSERT_GT(over, 3U) << message;
  EXPECT_THAT(message, HasSubstr("and " + std::to_string(over - 3) + " more stages"));
}

TEST(TrainingFindings, OutOfMemoryThatIsExpectedIsNone) {
  const std::string small = with("", "node: dgx_a100, gpu_memory: 2 GiB");
  const auto run_with = [&](const std::string& expect) {
    return run_scenario(parse_scenario(small + "expect:\n  - " + expect + "\n", "s.yaml"));
  };
  EXPECT_FALSE(run_with("{metric: memory.fits, value: false, source: s}").has_findings());
  EXPECT_TRUE(run_with("{metric: memory.fits, value: true, source: s}").has_findings());
}

// deepseek-ai/DeepEP docs/legacy.md: its low-latency buffers are for less than 256 tokens of a rank.
TEST(TrainingFindings, MoreTokensThanALibraryRecommendsAreOne) {
  const auto kinds = [](int sequence) {
    const Report report = run_scenario(
        parse_scenario("scenario: s\nmodel: {config: mixtral-8x7b, layers: 1}\ncluster: {node: dgx_h100}\ntraining: "
                       "{sequence_length: " +
                           std::to_string(sequence) +
                           ", global_batch_size: 8, expert_parallel: 8, expert_exchange: deepep_low_latency}\n",
                       "s.yaml"));
    std::vector<std::string> all;
    for (const Finding& finding : report.findings) all.push_back(finding.kind);
    return all;
  };
  EXPECT_THAT(kinds(255), ::testing::IsEmpty());
  EXPECT_THAT(kinds(256), ::testing::ElementsAre("expert_exchange_tokens"));
}

TEST(TrainingGpus, OfAJobAreThoseOfItsPlacement) {
  const std::string cluster =
      "node: dgx_a100, nodes: 4, fabric: rail_fat_tree_hdr, placement: {first_node: 1, spread: 2}";
  const Scenario scenario = parse_scenario(with("  data_parallel: 16\n", cluster), "s.yaml");
  const std::vector<std::uint32_t> gpus = training_gpu_numbers(*scenario.jobs[0].spec);
  ASSERT_EQ(gpus.size(), 16U);
  // Nodes 1 and 3, of eight GPUs each.
  EXPECT_EQ(gpus.front(), 8U);
  EXPECT_EQ(gpus[7], 15U);
  EXPECT_EQ(gpus[8], 24U);
  EXPECT_EQ(gpus.back(), 31U);
}

}  // namespace
}  // namespace orrery::scenarios::testing
