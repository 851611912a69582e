// Tables of measured training steps: which job a row is, which rows are none, and the errors that follow.
#include "scenarios/training/tables.hpp"

#include <cmath>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "hardware/config/config.hpp"
#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string kSteps = "gpus,gbs,mbs,hidden,heads,layers,seq,tp,dp,pp,step_time_ms\n";
const std::string kPublished =
    "id,family,model,layers,hidden,heads,kv_heads,ffn,gated_mlp,vocab,experts,gpu,gpus,tp,pp,vpp,dp,cp,ep,zero,"
    "schedule,mbs,gbs,seq,precision,recompute,metric,value\n";

/// A row of kPublished; named columns are replaced.
std::string published_row(const std::vector<std::pair<std::string, std::string>>& changes = {}) {
  std::vector<std::pair<std::string, std::string>> cells = {{"id", "r1"},
                                                            {"family", "paper"},
                                                            {"model", "gpt"},
                                                            {"layers", "24"},
                                                            {"hidden", "2304"},
                                                            {"heads", "24"},
                                                            {"kv_heads", ""},
                                                            {"ffn", "9216"},
                                                            {"gated_mlp", "0"},
                                                            {"vocab", "51200"},
                                                            {"experts", ""},
                                                            {"gpu", "A100-80"},
                                                            {"gpus", "16"},
                                                            {"tp", "2"},
                                                            {"pp", "2"},
                                                            {"vpp", ""},
                                                            {"dp", "4"},
                                                            {"cp", ""},
                                                            {"ep", ""},
                                                            {"zero", ""},
                                                            {"schedule", "1F1B"},
                                                            {"mbs", "2"},
                                                            {"gbs", "64"},
                                                            {"seq", "2048"},
                                                            {"precision", "bf16"},
                                                            {"recompute", "none"},
                                                            {"metric", "step_time"},
                                                            {"value", "2.5"}};
  std::string row;
  for (auto& [name, value] : cells) {
    for (const auto& [changed, to] : changes) value = changed == name ? to : value;
    row += (row.empty() ? "" : ",") + value;
  }
  return row + "\n";
}

class TrainingTables : public FolderTest {
 protected:
  [[nodiscard]] TrainingTable read(const std::string& text, const std::string& gpu = "") const {
    return read_training_table(write("table.csv", text), gpu);
  }
  /// The only row of a table, as a job.
  [[nodiscard]] MeasuredStep step_of(const std::string& text) const {
    const TrainingTable table = read(text);
    EXPECT_EQ(table.skipped.size(), 0U) << (table.skipped.empty() ? "" : table.skipped[0].reason);
    return table.steps.empty() ? MeasuredStep{} : table.steps[0];
  }
  /// Why the only row is none.
  [[nodiscard]] std::string reason_of(const std::string& text) const {
    const TrainingTable table = read(text);
    EXPECT_EQ(table.steps.size(), 0U) << text;
    return table.skipped.empty() ? "" : table.skipped[0].reason;
  }
  [[nodiscard]] std::string reason_with(const std::string& column, const std::string& value) const {
    return reason_of(kPublished + published_row({{column, value}}));
  }
};

TEST_F(TrainingTables, ARowOfIterationTimesIsMegatronBeforeFlashAttention) {
  const MeasuredStep step = step_of(kSteps + "16,64,4,2048,32,24,1024,2,4,2,812.5\n");
  EXPECT_EQ(step.line, 2);
  EXPECT_EQ(step.group, "table");
  EXPECT_DOUBLE_EQ(step.value, 0.8125);
  const models::TrainingConfig& config = step.job.config;
  EXPECT_EQ(config.global_batch_size, 64);
  EXPECT_EQ(config.micro_batch_size, 4);
  EXPECT_EQ(config.tensor_parallel, 2);
  EXPECT_EQ(config.data_parallel, 4);
  EXPECT_EQ(config.pipeline_parallel, 2);
  EXPECT_EQ(config.precision, Dtype::fp16);
  EXPECT_EQ(config.recompute, models::Recompute::full);
  EXPECT_EQ(config.attention, models::AttentionImplementation::unfused);
  EXPECT_DOUBLE_EQ(config.dropout, 0.1);
  EXPECT_FALSE(config.overlap_gradient_reduce);
  const models::Llm& llm = step.job.llm;
  EXPECT_EQ(llm.layers, 24);
  EXPECT_EQ(llm.attention.head_dim, 64);  // 2048 / 32
  EXPECT_EQ(llm.mlp.inter, 4 * 2048);
  EXPECT_FALSE(llm.mlp.gated);
  EXPECT_EQ(llm.vocab, 50432);  // 50257 up to a multiple of 128 x 2 = 256: 197 x 256
  EXPECT_EQ(step.job.cluster.node_count(), 2);
  EXPECT_EQ(step.job.cluster.groups[0].node.nics, 4);
  EXPECT_THAT(step.description, HasSubstr("24 layers x 2048, 16 GPUs, TP 2 PP 2 DP 4, batch 64 / 4"));
}

TEST_F(TrainingTables, OneNodeKeepsAllItsCardsAndMayBeAnotherGpu) {
  const std::string row = "8,32,4,1024,16,24,1024,2,2,2,200\n";
  EXPECT_EQ(step_of(kSteps + row).job.cluster.fabric.name, "single_node");
  const TrainingTable other = read(kSteps + row, "a100_sxm_40gb");
  ASSERT_EQ(other.steps.size(), 1U);
  EXPECT_EQ(other.steps[0].job.cluster.groups[0].gpu.name, "a100_sxm_40gb");
}

TEST_F(TrainingTables, APublishedRowIsReadByItsColumns) {
  const MeasuredStep step = step_of(kPublished + published_row({{"kv_heads", "8"},
                                                                {"gated_mlp", "1"},
                                                                {"gpu", "H100"},
                                                                {"zero", "1"},
                                                                {"schedule", "1F1B-interleaved"},
                                                                {"vpp", "3"},
                                                                {"recompute", "selective+SP"}}));
  EXPECT_EQ(step.id, "r1");
  EXPECT_EQ(step.group, "paper");
  EXPECT_EQ(step.description, "r1: gpt on 16 x H100");
  EXPECT_EQ(step.metric, "step_time");
  const models::TrainingConfig& config = step.job.config;
  EXPECT_EQ(config.virtual_pipeline, 3);
  EXPECT_EQ(config.schedule, "interleaved_1f1b");
  EXPECT_EQ(config.zero, models::ZeroStage::optimizer);
  EXPECT_EQ(config.recompute, models::Recompute::selective);
  EXPECT_TRUE(config.sequence_parallel);
  EXPECT_EQ(config.precision, Dtype::bf16);
  EXPECT_EQ(config.attention, models::AttentionImplementation::flash);
  const models::Llm& llm = step.job.llm;
  EXPECT_EQ(llm.attention.kv_heads, 8);
  EXPECT_EQ(llm.mlp.inter, 9216);
  EXPECT_TRUE(llm.mlp.gated);
  EXPECT_EQ(llm.position, models::PositionKind::rotary);
  EXPECT_EQ(step.job.cluster.groups[0].gpu.name, "h100_sxm");
}

TEST_F(TrainingTables, FamiliesHaveWhatTheirFrameworksHave) {
  const auto config_of = [&](const std::string& family) {
    return step_of(kPublished + published_row({{"family", family}, {"precision", "amp_bf16"}})).job.config;
  };
  EXPECT_EQ(config_of("megatron-2021").attention, models::AttentionImplementation::unfused);
  EXPECT_DOUBLE_EQ(config_of("korthikanti").dropout, 0.1);
  EXPECT_EQ(config_of("mosaic").attention, models::AttentionImplementation::flash);
  EXPECT_TRUE(config_of("llm.c").fused_cross_entropy);
  EXPECT_EQ(config_of("llm.c").gradient_dtype, Dtype::bf16);
  // One chunk is no interleaving, whatever the column says.
  const MeasuredStep one = step_of(kPublished + published_row({{"schedule", "1F1B-I"}, {"vpp", "1"}}));
  EXPECT_EQ(one.job.config.schedule, "1f1b");
}

TEST_F(TrainingTables, RowsThatNoJobExpressesSayWhy) {
  EXPECT_EQ(reason_with("precision", "fp8"), "precision fp8 is not modelled");
  EXPECT_EQ(reason_with("schedule", "FSDP"), "schedule FSDP is not modelled");
  EXPECT_EQ(reason_with("zero", "3"), "ZeRO stage 3 is not modelled");
  EXPECT_EQ(reason_with("cp", "2"), "context parallelism is not modelled");
  EXPECT_EQ(reason_with("ep", "8"), "expert parallelism is not modelled");
  EXPECT_THAT(reason_with("experts", "8"), HasSubstr("mixture of experts"));
  EXPECT_EQ(reason_with("recompute", "block"), "recompute block is not modelled");
  EXPECT_EQ(reason_with("metric", "loss"), "metric loss is no speed");
  EXPECT_EQ(reason_with("gpu", "V100"), "there is no node profile for the GPU V100");
  EXPECT_EQ(reason_with("heads", "25"), "hidden / heads is not whole");
  EXPECT_EQ(reason_with("vocab", ""), "vocab is not given");
  EXPECT_THAT(reason_with("gbs", "63"), HasSubstr("63 is not a multiple of micro_batch_size 2 x data parallel 4"));
  EXPECT_THAT(reason_with("dp", "5"), HasSubstr("needs 20 GPUs, the cluster has 16"));
}

// What no table means: each would divide by zero, run past an integer, or be compared with no number.
TEST_F(TrainingTables, ValuesThatAreNoMeasurementAreSkipped) {
  std::string rows;
  const std::vector<std::string> values = {"0", "-1", "nan", "inf", "", "1e400", "2.5 s"};
  for (const std::string& value : values) rows += published_row({{"value", value}});
  const TrainingTable table = read(kPublished + rows);
  EXPECT_EQ(table.steps.size(), 0U);
  ASSERT_EQ(table.skipped.size(), values.size());
  for (const auto& row : table.skipped) EXPECT_EQ(row.reason, "the value is not a positive number") << row.line;
}

TEST_F(TrainingTables, SizesThatAreNoneAreSkipped) {
  std::string rows;
  std::vector<std::string> reasons;
  for (const std::string column :
       {"layers", "hidden", "heads", "ffn", "vocab", "gpus", "tp", "pp", "dp", "mbs", "seq", "kv_heads"}) {
    for (const std::string value : {"0", "-4", "1e300", "nan"}) {
      rows += published_row({{column, value}});
      reasons.push_back(column + (value == "nan" ? " is \"nan\", no number" : " is " + value));
    }
  }
  const TrainingTable table = read(kPublished + rows);
  EXPECT_EQ(table.steps.size(), 0U);
  ASSERT_EQ(table.skipped.size(), reasons.size());
  for (std::size_t i = 0; i < reasons.size(); ++i) EXPECT_EQ(table.skipped[i].reason, reasons[i]);
}

TEST_F(TrainingTables, IterationTimesWithImpossibleSizesAreSkipped) {
  const TrainingTable table = read(kSteps +
                                   "8,32,4,1024,16,24,1024,0,2,2,200\n8,32,4,1024,16,24,1024,-2,2,2,200\n"
                                   "8,32,4,1024,16,24,1024,1e300,2,2,200\n8,32,4,0,16,24,1024,2,2,2,200\n"
                                   "8,32,4,1024,16,0,1024,2,2,2,200\n8,32,4,1024,16,24,1024,2,2,2,nan\n"
                                   "8,32,4,1024,16,24,1024,2,2,2,inf\n1e18,32,4,1024,16,24,1024,2,2,2,200\n");
  EXPECT_EQ(table.steps.size(), 0U);
  std::vector<std::string> reasons;
  for (const auto& row : table.skipped) reasons.push_back(row.reason);
  EXPECT_THAT(reasons, ElementsAre("tp is 0", "tp is -2", "tp is 1e300", "hidden is 0", "layers is 0",
                                   "step_time_ms is not a positive number", "step_time_ms is not a positive number",
                                   "gpus is 1e18"));
}

TEST_F(TrainingTables, SkippedRowsAreNamedByTheirIdOrTheirLine) {
  const TrainingTable table = read(kSteps + "8,32,4,1024,16,24,1024,2,2,2,0\n8,32,4,1024,16,24,1024,2,2,2,1\n");
  ASSERT_EQ(table.skipped.size(), 1U);
  EXPECT_EQ(table.skipped[0].line, 2);
  EXPECT_EQ(table.skipped[0].description, "line 2");
  EXPECT_EQ(table.skipped[0].reason, "step_time_ms is not a positive number");
  ASSERT_EQ(table.steps.size(), 1U);
  EXPECT_EQ(table.steps[0].line, 3);
  EXPECT_EQ(read(kPublished + published_row({{"cp", "2"}})).skipped[0].description, "r1");
}

TEST_F(TrainingTables, OtherColumnsAreRefusedWithTheFile) {
  try {
    (void)read("a,b\n1,2\n");
    FAIL() << "a table of nothing";
  } catch (const hardware::ConfigError& error) {
    EXPECT_THAT(error.what(),
                AllOf(HasSubstr("table.csv"), HasSubstr("step_time_ms"), HasSubstr("recompute, metric, value")));
  }
}

/// Eight GPUs, 64 sequences of 1,024 tokens a step.
MeasuredStep measured(const std::string& metric, double value) {
  MeasuredStep step;
  step.metric = metric;
  step.value = value;
  step.job.config.global_batch_size = 64;
  step.job.config.sequence_length = 1024;
  step.job.config.tensor_parallel = 2;
  step.job.config.pipeline_parallel = 1;
  step.job.config.data_parallel = 4;
  return step;
}

TEST(ImpliedStepTime, IsWhatEachPrintedFigureMeans) {
  models::TrainingResult predicted;
  predicted.step_time = Seconds{2.0};
  predicted.mfu = 0.4;
  predicted.model_flops_per_gpu = FlopsPerSecond{120e12};
  predicted.hardware_flops_per_gpu = FlopsPerSecond{150e12};
  const auto implied = [&](const std::string& metric, double value) {
    return implied_step_time(measured(metric, value), predicted).value_or(Seconds{-1.0}).value();
  };
  EXPECT_DOUBLE_EQ(implied("step_time", 3.25), 3.25);
  EXPECT_DOUBLE_EQ(implied("tokens_per_s_per_gpu", 4096.0), 2.0);  // 65,536 tokens / 8 GPUs / 4,096
  EXPECT_DOUBLE_EQ(implied("samples_per_s", 16.0), 4.0);           // 64 / 16
  EXPECT_DOUBLE_EQ(implied("samples_per_s_per_gpu", 2.0), 4.0);    // 64 / 8 / 2
  EXPECT_DOUBLE_EQ(implied("mfu", 50.0), 1.6);                     // 2 s x 0.4 / 0.5: the paper prints per cent
  EXPECT_DOUBLE_EQ(implied("hw_tflops_per_gpu", 100.0), 3.0);      // 2 s x 150 / 100
  EXPECT_DOUBLE_EQ(implied("model_tflops_per_gpu", 160.0), 1.5);   // 2 s x 120 / 160
  EXPECT_DOUBLE_EQ(implied("loss", 1.0), -1.0);
}

// The table is measured at the prediction times a factor, so each error is known: 1/factor - 1.
TEST_F(TrainingTables, ErrorsOfAValidationAreThoseOfItsRows) {
  const std::string shape = "8,32,4,1024,16,24,1024,2,2,2,", larger = "8,64,4,1024,16,24,1024,2,2,2,";
  const auto validate = [&](const std::string& text) {
    const std::string table = write("steps.csv", text);
    EXPECT_EQ(orrery({"validate", "training", table, "--json", path("v.json"), "-q"}).code, kExitWell);
    return json::parse(read_file(path("v.json")));
  };
  const json first = validate(kSteps + shape + "1000\n" + larger + "1000\n");
  const double small = first["all"][0]["predicted"], large = first["all"][1]["predicted"];
  ASSERT_GT(large, small);
  std::string rows = kSteps;
  const std::vector<double> factors = {0.5, 0.8, 1.25, 2.0};  // errors +1, +0.25, -0.2, -0.5
  for (std::size_t i = 0; i < factors.size(); ++i) {
    rows += (i % 2 == 0 ? shape : larger) + std::to_string((i % 2 == 0 ? small : large) * factors[i] * 1e3) + "\n";
  }
  const json report = validate(rows + "8,32,4,1024,16,24,1024,7,2,2,200\n");
  EXPECT_EQ(report["rows"], 4);
  EXPECT_EQ(report["skipped"], 1);
  // Sorted errors 0.2, 0.25, 0.5, 1: the median between the middle two, 95 % at place 2.85.
  EXPECT_NEAR(report["median_error"].get<double>(), 0.375, 1e-5);
  EXPECT_NEAR(report["mean_error"].get<double>(), 1.95 / 4.0, 1e-5);
  EXPECT_NEAR(report["p95_error"].get<double>(), 0.5 + 0.85 * 0.5, 1e-5);
  EXPECT_NEAR(report["max_error"].get<double>(), 1.0, 1e-5);
  // Signed: -0.5, -0.2, 0.25, 1.
  EXPECT_NEAR(report["groups"][0]["signed_median"].get<double>(), 0.025, 1e-5);
  EXPECT_EQ(report["groups"][0]["rows"], 4);
  EXPECT_EQ(report["worst"][0]["line"], 2);
  EXPECT_EQ(report["all"][3]["line"], 5);
  for (const json& row : report["all"]) {
    EXPECT_EQ(row["metric"], "step_time_s");
    const double predicted = row["predicted"], of = row["measured"];
    EXPECT_DOUBLE_EQ(row["error"].get<double>(), std::fabs(predicted / of - 1.0));
  }
}

}  // namespace
}  // namespace orrery::scenarios::testing
