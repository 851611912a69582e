// The text of a training report: what is shown, in which unit, and that it is the report's own figures.
#include <sstream>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "scenarios/format.hpp"
#include "scenarios/report.hpp"
#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::string with(const std::string& keys, const std::string& cluster = "node: dgx_a100",
                 const std::string& model = "gpt2-124m") {
  return "scenario: \"A title\"\nmodel: " + model + "\ncluster: {" + cluster +
         "}\ntraining:\n  sequence_length: 1024\n  global_batch_size: 64\n" + keys;
}

Report run(const std::string& text) { return run_scenario(parse_scenario(text, "s.yaml")); }

std::string text_of(const Report& report) {
  std::ostringstream out;
  write_text(out, report);
  return out.str();
}

/// What stands behind the label on its line; empty: there is no such line.
std::string value_of(const std::string& text, const std::string& label) {
  const std::size_t at = text.find("\n  " + label + "  ");
  if (at == std::string::npos) return "";
  std::string line = text.substr(at + 3 + label.size());
  line = line.substr(0, line.find('\n'));
  return line.substr(line.find_first_not_of(' '));
}

TEST(TrainingText, ShowsTheReportsFigures) {
  const Report report = run(with("  tensor_parallel: 2\n  micro_batch_size: 4\n"));
  const std::string text = text_of(report);
  for (const auto& [label, metric] :
       std::vector<std::pair<std::string, std::string>>{{"step time", "training.step_time_s"},
                                                        {"throughput", "training.tokens_per_s"},
                                                        {"throughput per GPU", "training.tokens_per_s_per_gpu"},
                                                        {"MFU", "training.mfu"},
                                                        {"HFU", "training.hfu"},
                                                        {"compute", "training.compute_s"},
                                                        {"communication", "training.communication_s"},
                                                        {"  of it exposed", "training.exposed_communication_s"},
                                                        {"optimizer", "training.optimizer_s"},
                                                        {"peak", "memory.peak_bytes"},
                                                        {"capacity", "memory.capacity_bytes"},
                                                        {"weights", "memory.weights_bytes"},
                                                        {"activations", "memory.activations_bytes"},
                                                        {"GPU hours", "cost.gpu_hours"},
                                                        {"price", "cost.usd"},
                                                        {"per million tokens", "cost.usd_per_million_tokens"}}) {
    EXPECT_EQ(value_of(text, label), readable(report.metric(metric), *metric_unit(metric))) << label;
  }
}

TEST(TrainingText, BeginsWithWhatIsRun) {
  const std::string text = text_of(run(with("  tensor_parallel: 2\n  pipeline_parallel: 2\n  micro_batch_size: 4\n")));
  EXPECT_THAT(text, AllOf(HasSubstr("A title\n  gpt2-124m: 0.124 B parameters, 12 layers\n"),
                          HasSubstr("  1 x dgx_a100 (8 GPUs, a100_sxm), single_node\n"),
                          HasSubstr("  TP 2  PP 2x1 1f1b  DP 2  batch 64 x 1024 tokens, microbatch 4, bf16, recompute "
                                    "none\n")));
}

TEST(TrainingText, NamesTheConventionInWords) {
  EXPECT_THAT(text_of(run(with(""))), HasSubstr("FLOP convention: model (attention counted in full, recompute not)"));
  EXPECT_THAT(text_of(run(with("  flop_convention: model_causal\n"))),
              HasSubstr("model_causal (causal attention counted as half, recompute not)"));
  EXPECT_THAT(text_of(run(with("  flop_convention: palm\n"))), HasSubstr("palm (6 per parameter and token"));
}

TEST(TrainingText, CostNamesItsBasis) {
  EXPECT_THAT(text_of(run(with(""))), HasSubstr("\nCost of one step\n"));
  EXPECT_THAT(text_of(run(with("  total_tokens: 1000000\n"))), HasSubstr("\nCost of 1000000 tokens\n"));
}

// capacity - peak, as the two lines above it say.
TEST(TrainingText, VerdictIsCapacityLessPeak) {
  for (const std::string memory : {"80 GiB", "4 GiB", "3 GiB", "2 GiB"}) {
    const Report report = run(with("", "node: dgx_a100, gpu_memory: " + memory));
    const double margin = report.metric("memory.capacity_bytes") - report.metric("memory.peak_bytes");
    const std::string size = readable(std::abs(margin), Unit::bytes);
    EXPECT_THAT(value_of(text_of(report), "verdict"), HasSubstr(size + (margin < 0.0 ? " missing" : " to spare")))
        << memory;
  }
}

TEST(TrainingText, OneStageHasNoTableOfStages) {
  EXPECT_THAT(text_of(run(with(""))), Not(HasSubstr("stage     weights")));
  EXPECT_THAT(text_of(run(with("  pipeline_parallel: 2\n"))), HasSubstr("  stage     weights   gradients"));
}

/// Rows of the table of stages, by their first number.
std::vector<int> shown_stages(const std::string& text) {
  std::vector<int> stages;
  std::istringstream lines(text.substr(text.find("\n  stage ")));
  std::string line;
  std::getline(lines, line);
  std::getline(lines, line);
  while (std::getline(lines, line) && !line.empty()) {
    if (line.find("...") == std::string::npos) stages.push_back(std::stoi(line));
  }
  return stages;
}

TEST(TrainingText, SixteenStagesAreShownInFullMoreByTheirEnds) {
  const std::string cluster = "node: dgx_a100, nodes: 3, fabric: rail_fat_tree_hdr";
  const auto stages = [&](int count) {
    const std::string keys = fmt::format("  data_parallel: 1\n  pipeline_parallel: {}\n", count);
    const Report report =
        run(replaced(with(keys, cluster, "{config: gpt2-124m, layers: " + std::to_string(count) + "}"),
                     "global_batch_size: 64", "global_batch_size: 4"));
    return std::pair(shown_stages(text_of(report)), text_of(report));
  };
  EXPECT_EQ(stages(16).first.size(), 16U);
  const auto [some, text] = stages(17);
  EXPECT_THAT(text, HasSubstr("\n    ...\n"));
  for (const int stage : {0, 1, 2, 14, 15, 16}) EXPECT_THAT(some, ::testing::Contains(stage));
  EXPECT_LE(some.size(), 7U);  // and the fullest, where it is none of them
}

TEST(TrainingText, OfSeveralStepsHasTheirSummary) {
  const std::string text = text_of(run(with("  steps: 3\n")));
  EXPECT_THAT(text, HasSubstr("\nSteps\n  3 in all: first "));
  // Nothing happens meanwhile: they are alike.
  EXPECT_THAT(text, HasSubstr(", spread 0 s\n"));
}

TEST(TrainingText, OfEventsSaysWhatTheyAreAbout) {
  const std::string events =
      "events:\n"
      "  - {at: 1 ms, until: 2 s, gpu: 3, scale: 0.25}\n"
      "  - {at: 2 ms, link: node0.gpu1.nvlink_out, scale: 0.5}\n";
  const std::string text = text_of(run(with("  tensor_parallel: 2\n  steps: 2\n") + events));
  EXPECT_THAT(text, AllOf(HasSubstr("under GPU 3 at 0.25, from 1.000 ms to 2.000 s: "),
                          HasSubstr("under node0.gpu1.nvlink_out at 0.5, from 2.000 ms on: ")));
}

TEST(TrainingText, ExpectationsStandWithValueToleranceAndDeviation) {
  const std::string expect =
      "expect:\n"
      "  - {metric: memory.weights_bytes, value: 248879616 B, tolerance: 1 %, source: \"arithmetic\"}\n"
      "  - {metric: memory.gradients_bytes, value: 1 GiB, tolerance: ± 10 MiB, source: s, known_miss: \"why not\"}\n"
      "  - {metric: memory.fits, value: true, source: s}\n"
      "  - {metric: training.steps.first_s, value: 1 s, tolerance: 5 %, source: s}\n";
  const std::string text = text_of(run(with("") + expect));
  EXPECT_THAT(text, HasSubstr("  pass       memory.weights_bytes expected 237.4 MiB +- 1 %, predicted 237.4 MiB (+0.0 "
                              "%)\n             arithmetic\n"));
  // 4 B x 124,439,808 = 497,759,232 B = 474.7 MiB, 53.6 % below 1 GiB.
  EXPECT_THAT(text,
              HasSubstr("  known_miss memory.gradients_bytes expected 1.000 GiB +- 10.00 MiB, predicted 474.7 MiB "
                        "(-53.6 %)"));
  EXPECT_THAT(text, HasSubstr("             known miss: why not\n"));
  EXPECT_THAT(text, HasSubstr("  pass       memory.fits expected yes, predicted yes\n"));
  EXPECT_THAT(text, HasSubstr("  skipped    training.steps.first_s expected 1.000 s +- 5 %, predicted nothing\n"));
}

TEST(TrainingText, VariantsFollowWithTheirName) {
  const std::string text = text_of([] {
    Report report = run(with(""));
    report.variants.push_back(run(with("  tensor_parallel: 2\n")));
    report.variants[0].scenario.variant = "two";
    return report;
  }());
  EXPECT_THAT(text, HasSubstr("\n\nA title [two]\n"));
}

}  // namespace
}  // namespace orrery::scenarios::testing
