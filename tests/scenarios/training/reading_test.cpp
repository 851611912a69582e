// `training:` as it is read: every key, what it is without it, and what is wrong with a value, at its place.
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "hardware/config/config.hpp"
#include "scenarios/report.hpp"
#include "scenarios/training/job.hpp"
#include "scenarios/training/sections.hpp"
#include "tests/scenarios/fixture.hpp"
#include "tests/scenarios/training/on_two_nodes.hpp"

namespace orrery::scenarios::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

models::TrainingConfig config_of(const std::string& keys) {
  return training_job(parse_scenario(with(keys), "t.yaml")).config;
}

std::string error_of(const std::string& text, const std::vector<Override>& overrides = {}) {
  try {
    (void)parse_scenario(text, "t.yaml", overrides);
    return "";
  } catch (const hardware::ConfigError& error) {
    return error.what();
  }
}

TEST(TrainingReading, TakesEveryKey) {
  const models::TrainingConfig config = config_of(
      "  micro_batch_size: 2\n  tensor_parallel: 2\n  pipeline_parallel: 2\n  virtual_pipeline: 2\n"
      "  data_parallel: 4\n  sequence_parallel: true\n  schedule: interleaved_1f1b\n  stage_layers: [4, 3, 3, 2]\n"
      "  recompute: full\n  recompute_layers: 1\n  attention: unfused\n  zero: optimizer\n  precision: fp16\n"
      "  gradient_dtype: bf16\n  master_weights: false\n  overlap_gradient_reduce: false\n  bucket_size: 40 MiB\n"
      "  no_sync: false\n  overlap_p2p: true\n  overlap_tensor_parallel: false\n  dropout: 0.25\n"
      "  fused_cross_entropy: true\n  cuda_graphs: true\n  host_overhead: 7 us\n");
  models::TrainingConfig expected;
  expected.sequence_length = 1024;
  expected.global_batch_size = 64;
  expected.micro_batch_size = 2;
  expected.tensor_parallel = expected.pipeline_parallel = expected.virtual_pipeline = 2;
  expected.data_parallel = 4;
  expected.sequence_parallel = true;
  expected.schedule = "interleaved_1f1b";
  expected.stage_layers = {4, 3, 3, 2};
  expected.recompute = models::Recompute::full;
  expected.recompute_layers = 1;
  expected.attention = models::AttentionImplementation::unfused;
  expected.zero = models::ZeroStage::optimizer;
  expected.precision = Dtype::fp16;
  expected.gradient_dtype = Dtype::bf16;
  expected.master_weights = expected.overlap_gradient_reduce = expected.no_sync = false;
  expected.bucket_size = Bytes{40.0 * 1048576.0};
  expected.overlap_p2p = expected.fused_cross_entropy = expected.cuda_graphs = true;
  expected.overlap_tensor_parallel = false;
  expected.dropout = 0.25;
  expected.host_overhead = Seconds{7e-6};
  EXPECT_EQ(config, expected);
}

TEST(TrainingReading, TakesEveryKeyOfAnExchange) {
  const Scenario scenario = parse_scenario(
      "scenario: s\nmodel: {config: mixtral-8x7b, layers: 1}\n"
      "cluster: {node: dgx_h100}\n"
      "training: {sequence_length: 1024, global_batch_size: 64, data_parallel: 8, expert_parallel: 8, expert_exchange: "
      "deepep_normal, expert_exchange_sms: 24, expert_imbalance: 1.25, expert_group_limit: 1}\n",
      "t.yaml");
  models::TrainingConfig expected;
  expected.sequence_length = 1024, expected.global_batch_size = 64;
  expected.data_parallel = expected.expert_parallel = 8;
  expected.expert_exchange = "deepep_normal";
  expected.expert_exchange_sms = 24, expected.expert_group_limit = 1;
  expected.expert_imbalance = 1.25;
  EXPECT_EQ(training_job(scenario).config, expected);
}

TEST(TrainingReading, RefusesKeysOfAnExchangeThatOneRankHasNot) {
  EXPECT_THAT(error_of(with("  expert_imbalance: 1.25\n")),
              HasSubstr("training.expert_imbalance: tells of an exchange that one rank with all experts has not"));
}

TEST(TrainingReading, LeavesTheDefaultsOfTheModelToWhatIsNotWritten) {
  models::TrainingConfig expected;
  expected.sequence_length = 1024;
  expected.global_batch_size = 64;
  EXPECT_EQ(config_of(""), expected);
  const Scenario scenario = parse_scenario(with(""), "t.yaml");
  const auto& spec = spec_of<TrainingSpec>(scenario.jobs[0]);
  EXPECT_EQ(spec.steps, 1);
  EXPECT_EQ(spec.total_tokens, 0);
  EXPECT_EQ(spec.job.flop_convention, models::FlopConvention::model);
}

TEST(TrainingReading, TakesStepsTokensAndTheConvention) {
  const Scenario scenario =
      parse_scenario(with("  steps: 12\n  total_tokens: 300000000000\n  flop_convention: palm\n"), "t.yaml");
  const auto& spec = spec_of<TrainingSpec>(scenario.jobs[0]);
  EXPECT_EQ(spec.steps, 12);
  EXPECT_EQ(spec.repeats(), 12);
  EXPECT_EQ(spec.total_tokens, 300'000'000'000);
  EXPECT_EQ(spec.job.flop_convention, models::FlopConvention::palm);
}

TEST(TrainingReading, NamesStandInTheOrderOfTheirEnumerations) {
  EXPECT_EQ(recompute_names().at(static_cast<std::size_t>(models::Recompute::selective)), "selective");
  EXPECT_EQ(attention_names().at(static_cast<std::size_t>(models::AttentionImplementation::unfused)), "unfused");
  EXPECT_EQ(zero_names().at(static_cast<std::size_t>(models::ZeroStage::optimizer)), "optimizer");
  for (std::size_t i = 0; i < flop_convention_names().size(); ++i) {
    EXPECT_EQ(flop_convention_names()[i], models::name(static_cast<models::FlopConvention>(i)));
  }
}

// Axes that are not named follow as Megatron-LM has them: tensor, data, pipeline.
TEST(TrainingReading, PlacementOrdersTheMesh) {
  const auto order_of = [](const std::string& placement) {
    const std::string text = replaced(with(""), "fabric: rail_fat_tree_ndr", "fabric: rail_fat_tree_ndr, " + placement);
    const models::JobPlacement& read = training_job(parse_scenario(text, "t.yaml")).placement;
    return std::vector<models::MeshAxis>(read.order.begin(), read.order.end());
  };
  using models::MeshAxis;
  EXPECT_THAT(order_of("placement: {first_node: 0}"),
              ElementsAre(MeshAxis::tensor, MeshAxis::data, MeshAxis::pipeline));
  EXPECT_THAT(order_of("placement: {order: [pp]}"), ElementsAre(MeshAxis::pipeline, MeshAxis::tensor, MeshAxis::data));
  EXPECT_THAT(order_of("placement: {order: [dp, tp, pp]}"),
              ElementsAre(MeshAxis::data, MeshAxis::tensor, MeshAxis::pipeline));
}

struct Mistake {
  std::string key;    ///< "dropout"
  std::string value;  ///< that is wrong
  std::string says;   ///< a part of the message
};

/// The mistake in the last line of the section: line 7, behind "  key: ".
std::string place_of(const Mistake& mistake) { return "t.yaml:7:" + std::to_string(mistake.key.size() + 5) + ":"; }

TEST(TrainingErrors, OfValuesAreToldAtTheValueWithTheKey) {
  const std::vector<Mistake> mistakes = {
      {"micro_batch_size", "0", "must be from 1 to"},
      {"micro_batch_size", "1.5", "whole number"},
      {"micro_batch_size", "two", "whole number"},
      {"tensor_parallel", "2000000", "1000000"},
      {"pipeline_parallel", "-1", "must be from 1 to 1000000"},
      {"virtual_pipeline", "0", "must be from 1 to"},
      {"data_parallel", "-1", "must be from 0 to 10000000"},
      {"expert_parallel", "0", "must be from 1 to 1000000"},
      {"expert_imbalance", "0.5", "must be from 1 to"},
      {"sequence_parallel", "maybe", "true"},
      {"recompute_layers", "-2", "must be from -1 to"},
      {"dropout", "1.5", "must be from 0 to 1"},
      {"dropout", "-0.1", "must be from 0 to 1"},
      {"dropout", "10 %", "expected a number"},
      {"bucket_size", "25", "has no unit"},
      {"bucket_size", "25 ms", "is not a unit of"},
      {"host_overhead", "5", "has no unit"},
      {"host_overhead", "5 GB", "is not a unit of"},
      {"stage_layers", "12", "list"},
      {"stage_layers", "[6, x]", "whole number"},
      {"steps", "0", "must be from 1 to"},
      {"total_tokens", "0", "must be from 1 to"},
      {"total_tokens", "1.5", "whole number"},
      {"no_sync", "1.0", "true"},
  };
  for (const Mistake& mistake : mistakes) {
    const std::string error = error_of(with("  " + mistake.key + ": " + mistake.value + "\n"));
    EXPECT_THAT(error, AllOf(HasSubstr("t.yaml:7:"), HasSubstr(mistake.key), HasSubstr(mistake.says)))
        << mistake.key << ": " << mistake.value;
  }
}

TEST(TrainingErrors, OfChoicesNameTheNearestAndTheKnown) {
  const std::vector<Mistake> mistakes = {
      {"schedule", "1f2b", "1f1b"},
      {"recompute", "ful", "full"},
      {"attention", "flahs", "flash"},
      {"zero", "optimiser", "optimizer"},
      {"precision", "bf61", "bf16"},
      {"gradient_dtype", "fp23", "fp32"},
      {"recompute", "all", "selective"},
      {"flop_convention", "plam", "palm"},
      {"expert_exchange", "deepep_norml", "deepep_normal"},
  };
  for (const Mistake& mistake : mistakes) {
    EXPECT_THAT(error_of(with("  " + mistake.key + ": " + mistake.value + "\n")),
                AllOf(HasSubstr(place_of(mistake)), HasSubstr("'" + mistake.value + "'"), HasSubstr(mistake.says)))
        << mistake.key;
  }
}

/// What a rule of the model says, told at the key's value.
TEST(TrainingErrors, OfCombinationsAreToldAtTheirKey) {
  const std::vector<Mistake> mistakes = {
      {"tensor_parallel", "5", "5 does not divide the attention heads of gpt2-124m (12)"},
      {"sequence_parallel", "true", "needs tensor_parallel of at least 2"},
      {"expert_parallel", "2", "gpt2-124m has no routed experts"},
      {"data_parallel", "17", "tensor 1 x pipeline 1 x data 17 needs 17 GPUs, the cluster has 16"},
      {"micro_batch_size", "3", "64 is not a multiple of micro_batch_size 3 x data parallel 16"},
      {"stage_layers", "[6, 6]", "has 2 numbers, but there are 1 virtual stages"},
      {"stage_layers", "[11]", "sums to 11, but gpt2-124m has 12 layers"},
      {"virtual_pipeline", "2", "schedule"},
      {"precision", "int8", "int8 is no training precision"},
      {"precision", "nvfp4", "nvfp4 can't be computed by h100_sxm"},
      {"gradient_dtype", "fp8", "gradients are kept in fp32, fp16 or bf16, not fp8"},
      {"precision", "fp32", "flash attention has no fp32 kernels"},
      {"dropout", "1", "must be in [0, 1), not 1"},
      {"recompute_layers", "2", "counts layers of full recomputation"},
  };
  for (const Mistake& mistake : mistakes) {
    const std::string error = error_of(with("  " + mistake.key + ": " + mistake.value + "\n"));
    EXPECT_THAT(error, AllOf(StartsWith("t.yaml:"), HasSubstr("training."), HasSubstr(mistake.says)))
        << mistake.key << ": " << mistake.value;
  }
}

TEST(TrainingErrors, OfSizesThatOnlyTheModelKnows) {
  EXPECT_THAT(error_of(replaced(with(""), "sequence_length: 1024", "sequence_length: 2048")),
              AllOf(HasSubstr("t.yaml:5:20:"), HasSubstr("2048 is longer than the 1024 learned positions")));
  EXPECT_THAT(error_of(with("  pipeline_parallel: 8\n  data_parallel: 1\n")),
              AllOf(HasSubstr("t.yaml:7:22:"), HasSubstr("12 layers are not divided by 8 pipeline stages x 1 chunks"),
                    HasSubstr("give stage_layers, 8 numbers that sum to 12")));
  EXPECT_THAT(error_of(with("  tensor_parallel: 3\n")),
              AllOf(HasSubstr("t.yaml:7:20:"), HasSubstr("groups of 3 would straddle nodes of 8 GPUs unevenly")));
  EXPECT_THAT(error_of(replaced(with("  tensor_parallel: 2\n  sequence_parallel: true\n"), "1024", "1023")),
              AllOf(HasSubstr("t.yaml:5:20:"), HasSubstr("1023 is not divided by tensor_parallel (2)")));
  EXPECT_THAT(error_of(with("  recompute: full\n  recompute_layers: 13\n")),
              AllOf(HasSubstr("t.yaml:8:21:"), HasSubstr("13 is more than the 12 layers of gpt2-124m")));
  // 16 GPUs of which a pipeline of 6 leaves four: no number of replicas takes all.
  EXPECT_THAT(error_of(with("  pipeline_parallel: 6\n")), HasSubstr("6 does not divide the cluster's 16 GPUs"));
  EXPECT_THAT(error_of(with("  pipeline_parallel: 12\n  tensor_parallel: 2\n")),
              HasSubstr("tensor 2 x pipeline 12 needs 24 GPUs, the cluster has 16"));
}

TEST(TrainingErrors, RequiredKeysAreNamed) {
  const std::string text =
      replaced(replaced(with("  steps: 2\n"), "  sequence_length: 1024\n", ""), "  global_batch_size: 64\n", "");
  EXPECT_THAT(error_of(text),
              AllOf(HasSubstr("t.yaml:5:"), HasSubstr("'sequence_length'"), HasSubstr("'global_batch_size'")));
}

TEST(TrainingErrors, TheSectionMustBeAMapping) {
  const std::string head = "scenario: s\nmodel: gpt2-124m\ncluster: {node: dgx_a100}\n";
  for (const std::string section : {"training: fast\n", "training: [1, 2]\n"}) {
    EXPECT_THAT(error_of(head + section), HasSubstr("t.yaml:4:11:")) << section;
  }
  EXPECT_NE(error_of(head + "training:\n"), "");
}

TEST(TrainingErrors, OfOverridesNameTheOverride) {
  EXPECT_THAT(error_of(with(""), {{"training.dropout", "2"}}),
              AllOf(HasSubstr("--set training.dropout=2"), HasSubstr("must be from 0 to 1, found '2'")));
  EXPECT_THAT(error_of(with(""), {{"training.stage_layers", "[1, 2]"}}),
              AllOf(HasSubstr("--set training.stage_layers=[1, 2]"), HasSubstr("has 2 numbers")));
}

TEST(TrainingOverrides, TakeEveryKindOfValue) {
  const std::vector<Override> overrides = {{"training.stage_layers", "[7, 5]"},    {"training.pipeline_parallel", "2"},
                                           {"training.zero", "optimizer"},         {"training.bucket_size", "1 GB"},
                                           {"training.sequence_parallel", "true"}, {"training.tensor_parallel", "2"},
                                           {"training.dropout", "1e-1"},           {"training.host_overhead", "2.5 ms"},
                                           {"training.precision", "fp8"},          {"scenario", "\"another: title\""}};
  const Scenario scenario = parse_scenario(with("  tensor_parallel: 4\n"), "t.yaml", overrides);
  const models::TrainingConfig& config = training_job(scenario).config;
  EXPECT_THAT(config.stage_layers, ElementsAre(7, 5));
  EXPECT_EQ(config.pipeline_parallel, 2);
  EXPECT_EQ(config.tensor_parallel, 2);
  EXPECT_EQ(config.zero, models::ZeroStage::optimizer);
  EXPECT_DOUBLE_EQ(config.bucket_size.value(), 1e9);
  EXPECT_TRUE(config.sequence_parallel);
  EXPECT_DOUBLE_EQ(config.dropout, 0.1);
  EXPECT_DOUBLE_EQ(config.host_overhead.value(), 2.5e-3);
  EXPECT_EQ(config.precision, Dtype::fp8);
  EXPECT_EQ(scenario.title, "another: title");
}

// What the report calls resolved reads back as the same job.
TEST(TrainingReading, OfTheResolvedReportIsTheSameJob) {
  const std::string keys =
      "  micro_batch_size: 2\n  tensor_parallel: 2\n  pipeline_parallel: 2\n  stage_layers: [5, 7]\n  dropout: 0.1\n"
      "  recompute: selective\n  zero: optimizer\n  flop_convention: model_causal\n";
  const Scenario first = parse_scenario(with(keys), "t.yaml");
  Report report;
  report.scenario = first;
  nlohmann::ordered_json section = nlohmann::ordered_json::parse(to_json({report}))["scenario"]["training"];
  // The report has plain bytes and seconds, a file has units.
  section["bucket_size"] = std::to_string(section["bucket_size"].get<std::int64_t>()) + " B";
  section.erase("host_overhead");
  const std::string head = with("").substr(0, with("").find("training:"));
  const Scenario second = parse_scenario(head + "training: " + section.dump() + "\n", "t.yaml");
  models::TrainingConfig expected = training_job(first).config;
  expected.data_parallel = 4;                // 16 GPUs / (2 x 2)
  expected.bucket_size = Bytes{40e6 * 4.0};  // 40 M gradients of fp32
  EXPECT_EQ(training_job(second).config, expected);
  EXPECT_EQ(training_job(second).flop_convention, models::FlopConvention::model_causal);
}

}  // namespace
}  // namespace orrery::scenarios::testing
