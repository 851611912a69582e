// Tensor parallelism on grids and workers with outer steps, from the file to the report.
#include <algorithm>
#include <filesystem>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "hardware/config/config.hpp"
#include "scenarios/report.hpp"
#include "scenarios/training/job.hpp"
#include "tests/scenarios/explanation_tree.hpp"
#include "tests/scenarios/fixture.hpp"
#include "tests/scenarios/training/on_two_nodes.hpp"

namespace orrery::scenarios::testing {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string error_of(const std::string& text) {
  try {
    (void)parse_scenario(text, "t.yaml");
    return "";
  } catch (const hardware::ConfigError& error) {
    return error.what();
  }
}

Report report_of(const std::string& keys) { return run_scenario(parse_scenario(with(keys), "t.yaml"), {true, false}); }

TEST(GridsAndWorkers, EveryKeyIsRead) {
  const models::TrainingConfig config =
      training_job(parse_scenario(with("  micro_batch_size: 4\n  tensor_parallel: 8\n  tensor_parallel_mode: 2.5d\n"
                                       "  tensor_parallel_depth: 2\n  outer_workers: 2\n  outer_steps: 64\n"
                                       "  outer_fragments: 4\n  outer_dtype: bf16\n  outer_overlap: true\n"
                                       "  outer_state: host\n"),
                                  "t.yaml"))
          .config;
  EXPECT_EQ(config.tensor_parallel_mode, "2.5d");
  EXPECT_EQ(config.tensor_parallel_depth, 2);
  models::OuterConfig outer;
  outer.workers = 2, outer.steps = 64, outer.fragments = 4, outer.dtype = Dtype::bf16;
  outer.overlap = true, outer.state = models::OuterState::host;
  EXPECT_EQ(config.outer, outer);
}

TEST(GridsAndWorkers, WhatTheyRefuseIsNamedAtItsPlace) {
  const std::string square = "  micro_batch_size: 2\n  tensor_parallel: 4\n  tensor_parallel_mode: 2d\n";
  EXPECT_THAT(error_of(with(square + "  sequence_parallel: true\n")),
              StartsWith("t.yaml:10:22: training.sequence_parallel: can't go with tensor_parallel_mode 2d"));
  EXPECT_THAT(error_of(with("  micro_batch_size: 2\n  tensor_parallel: 8\n  tensor_parallel_mode: 2d\n")),
              StartsWith("t.yaml:8:20: training.tensor_parallel: 8 is not q x q, which tensor_parallel_mode 2d needs; "
                         "the nearest are 4 and 9"));
  EXPECT_THAT(error_of(with("  tensor_parallel: 4\n  tensor_parallel_mode: 2e\n")),
              AllOf(StartsWith("t.yaml:8:25: "), HasSubstr("did you mean '2d'?")));
  EXPECT_THAT(error_of(with("  outer_workers: 3\n")),
              StartsWith("t.yaml:7:18: training.outer_workers: 3 does not divide data_parallel (16)"));
  EXPECT_THAT(error_of(with("  outer_overlap: true\n")),
              StartsWith("t.yaml:7:18: training.outer_overlap: tells of an exchange that one worker alone has not"));
  EXPECT_THAT(error_of(with("  outer_workers: 2\n  steps: 3\n")), StartsWith("t.yaml:8:10: training.steps: can't go"));
}

TEST(GridsAndWorkers, WorkersAreNotPredictedAmongEvents) {
  const std::string text = with("  outer_workers: 2\n") + "events:\n  - {at: 1 s, gpu: 3, scale: 0.5}\n";
  EXPECT_THROW((void)run_scenario(parse_scenario(text, "t.yaml")), hardware::ConfigError);
}

TEST(GridsAndWorkers, TheReportSaysWhatTheyAre) {
  const json grid =
      json::parse(to_json({report_of("  micro_batch_size: 2\n  tensor_parallel: 4\n  tensor_parallel_mode: 2d\n")}));
  EXPECT_EQ(grid["scenario"]["training"]["tensor_parallel_mode"], "2d");
  EXPECT_FALSE(grid["scenario"]["training"].contains("outer_workers"));
  EXPECT_FALSE(grid["training"].contains("outer"));
  const json workers = json::parse(to_json({report_of("  outer_workers: 2\n")}));
  EXPECT_FALSE(workers["scenario"]["training"].contains("tensor_parallel_mode"));
  EXPECT_EQ(workers["scenario"]["training"]["outer_workers"], 2);
  EXPECT_EQ(workers["scenario"]["training"]["outer_steps"], 500);
  const json& outer = workers["training"]["outer"];
  const double mean = outer["inner_step_s"].get<double>() + outer["exposed_s"].get<double>();
  EXPECT_DOUBLE_EQ(workers["training"]["step_time_s"].get<double>(), mean);
}

// The parts of each figure give it, exchanges among them.
TEST(GridsAndWorkers, TheTreeOfAWorkersStepAddsUp) {
  const Tree tree(with("  outer_workers: 2\n  outer_steps: 2\n"));
  for (const char* metric : {"training.step_time_s", "training.compute_s", "training.optimizer_s"}) {
    const ExplainNode node = tree.of(metric);
    double sum = 0.0;
    for (const ExplainNode& one : node.parts) sum += one.value;
    EXPECT_NEAR(sum, node.value, 1e-9 * node.value) << metric;
  }
  EXPECT_NE(part(tree.of("training.compute_s"), "outer update"), nullptr);
  EXPECT_NE(part(tree.of("training.communication_s"), "pseudo-gradients between workers"), nullptr);
}

// GPT-2's 124,439,808 parameters: 8 B of momentum and anchor each, over the 8 replicas of a worker.
TEST(GridsAndWorkers, TheTreeOfOptimizerMemoryNamesTheOuterState) {
  const Tree tree(with("  outer_workers: 2\n"));
  const ExplainNode node = tree.of("memory.optimizer_bytes");
  EXPECT_NEAR(part(node, "outer optimizer")->value, 124439808.0, 1e-6 * 124439808.0);
  EXPECT_NEAR(sum_of(node), node.value, 1e-9 * node.value);
}

// Each of two workers of 8 ranks sends 2 (W - 1) / W = 1 times its 124,439,808 pseudo-gradients of 4 bytes.
TEST(GridsAndWorkers, TheTreesOfAnExchangeHaveItsTerms) {
  const Tree tree(with("  outer_workers: 2\n  outer_steps: 4\n  outer_fragments: 2\n"));
  const ExplainNode sent = tree.of("training.outer.worker_sent_bytes");
  EXPECT_NEAR(sent.value, 4.0 * 124439808.0, 1e-6 * sent.value);
  EXPECT_NEAR(sum_of(sent), sent.value, 1e-9 * sent.value);
  const ExplainNode exchange = tree.of("training.outer.exchange_s");
  const double rank = part(exchange, "sent by a rank")->value;
  EXPECT_NEAR(rank, 4.0 * 124439808.0 / 8.0 / 2.0, 1e-6 * rank);
  EXPECT_NEAR(part(exchange, "rate of a rank")->value * exchange.value, rank, 1e-9 * rank);
  const ExplainNode exposed = tree.of("training.outer.exposed_s");
  EXPECT_NEAR(sum_of(exposed), exposed.value, 1e-9 * exposed.value);
}

double throughput(const Scenario& scenario) { return run_scenario(scenario).metric("training.tokens_per_s"); }

// What the abstracts give are ratios; a file expects a rate, which is to be that ratio of the variant's own.
TEST(GridsAndWorkers, ExpectedRatesAreThePublishedRatios) {
  struct Published {
    std::string file, variant;
    std::size_t expectation;
    double ratio;
  };
  for (const Published& one :
       {Published{"optimus-2d-64xrtx5000", "1d", 0, 1.48}, Published{"tesseract-2.5d-64xa100", "1d", 0, 1.38},
        Published{"tesseract-2.5d-64xa100", "2d", 1, 1.53}, Published{"tensor-3d-64xv100", "1d", 0, 2.32},
        Published{"tensor-3d-64xv100", "2d", 1, 1.57}}) {
    const Scenario scenario = load_scenario(library(one.file));
    const auto variant = std::find_if(scenario.variants.begin(), scenario.variants.end(),
                                      [&](const Scenario& candidate) { return candidate.variant == one.variant; });
    ASSERT_NE(variant, scenario.variants.end()) << one.file;
    EXPECT_NEAR(scenario.expectations.at(one.expectation).value / (one.ratio * throughput(*variant)), 1.0, 0.01)
        << one.file << " " << one.variant;
  }
}

// DiLoCo's 500 times: what a site sends the other in a step of data parallelism, gradients and weights in 16 bits, is
// what it sends in 500 inner steps, pseudo-gradients in fp32.
TEST(GridsAndWorkers, OuterStepsSendFiveHundredTimesLess) {
  const std::filesystem::path file = std::filesystem::path(orrery::tests::source_root()) / "scenarios" / "library" /
                                     "cluster" / "70b-outer-steps-two-sites.yaml";
  const Scenario scenario = load_scenario(file.string());
  const double in_500 = run_scenario(scenario).metric("training.outer.worker_sent_bytes");
  const json every = json::parse(to_json({run_scenario(scenario.variants.at(0))}));
  double each_way = 0.0;
  for (const json& link : every["links"]) {
    if (link["class"] == "spine") each_way = link["bytes"].get<double>() / link["count"].get<double>();
  }
  EXPECT_NEAR(each_way / in_500, 1.0, 0.02);
}

}  // namespace
}  // namespace orrery::scenarios::testing
