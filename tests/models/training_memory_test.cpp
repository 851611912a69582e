#include <gtest/gtest.h>

#include "models/layer/parameters.hpp"
#include "models/training/memory.hpp"
#include "models/training/parallel.hpp"
#include "tests/models/training_jobs.hpp"

namespace orrery::models {
namespace {

constexpr double kGiB = 1073741824.0;

/// The four models of Korthikanti et al. 2022, Table 3.
TrainingJob korthikanti(std::int64_t layers, std::int64_t hidden, std::int64_t heads, std::int64_t micro_batch) {
  TrainingJob job = testing::gpt_job(layers, heads);
  job.llm.hidden = hidden;
  job.llm.attention.head_dim = hidden / heads;
  job.llm.mlp.inter = 4 * hidden;
  job.config.micro_batch_size = micro_batch;
  job.config.tensor_parallel = 8;
  job.config.dropout = 0.1;
  return job;
}

struct Published {
  std::int64_t layers, hidden, heads, micro_batch;
  double interleave;  ///< activations of p stages' worth of layers: 1 + (p−1)/(p·m)
  double none, selective_sequence;
};

// Fig. 1: activation GiB per GPU of the first stage. 22B: p = 1; 175B: p = 8, m = 3; 530B: p = 35, m = 3; 1T: p = 64.
const Published kFigure1[] = {
    {48, 6144, 64, 4, 1.0, 59.25, 9.5625},
    {96, 12288, 96, 1, 1.0 + 7.0 / 24.0, 66.84375, 12.3515625},
    {105, 20480, 128, 1, 1.0 + 34.0 / 105.0, 114.0234375, 23.076171875},
    {128, 25600, 160, 1, 1.0, 131.25, 26.5625},
};

TEST(TrainingMemory, ActivationsMatchKorthikantiFigure1) {
  for (const Published& p : kFigure1) {
    TrainingJob job = korthikanti(p.layers, p.hidden, p.heads, p.micro_batch);
    const double scale = static_cast<double>(p.layers) * p.interleave / kGiB;
    EXPECT_NEAR(layer_activations(job, 0, false).value() * scale, p.none, 1e-6 * p.none);
    job.config.sequence_parallel = true;
    job.config.recompute = Recompute::selective;
    EXPECT_NEAR(layer_activations(job, 0, false).value() * scale, p.selective_sequence, 1e-6 * p.selective_sequence);
  }
}

TEST(TrainingMemory, FullRecomputationKeepsTheLayerInput) {
  // 2·s·b·h = 2·2048·4·6144 bytes (Korthikanti et al. Table 2, last row).
  const TrainingJob job = korthikanti(48, 6144, 64, 4);
  EXPECT_DOUBLE_EQ(layer_activations(job, 0, true).value(), 2.0 * 2048 * 4 * 6144);
}

TEST(TrainingMemory, FusedAttentionKeepsNoScores) {
  TrainingJob job = korthikanti(96, 12288, 96, 1);
  const double unfused = layer_activations(job, 0, false).value();
  job.config.attention = AttentionImplementation::flash;
  const double fused = layer_activations(job, 0, false).value();
  // 5·a·s²·b/t of scores go, 4·s·b·a/t of log-sum-exp come.
  EXPECT_DOUBLE_EQ(unfused - fused, 5.0 * 96 * 2048 * 2048 / 8 - 4.0 * 2048 * 96 / 8);
}

TEST(TrainingMemory, ModelStatesFollowTheFourConventions) {
  TrainingConfig config;
  config.gradient_dtype = Dtype::fp32;
  const auto per_parameter = [&](int data_parallel) {
    const ModelStateBytes s = model_states(config, 1'000'000, data_parallel);
    return (s.weights + s.gradients + s.optimizer).value() / 1e6;
  };
  EXPECT_DOUBLE_EQ(per_parameter(8), 18.0);  // Megatron-LM: 2 + 4 + 12
  config.zero = ZeroStage::optimizer;
  EXPECT_DOUBLE_EQ(per_parameter(8), 6.0 + 12.0 / 8);  // distributed optimizer
  config.gradient_dtype = Dtype::bf16;
  EXPECT_DOUBLE_EQ(per_parameter(64), 4.0 + 12.0 / 64);  // ZeRO-1
  config.zero = ZeroStage::none;
  EXPECT_DOUBLE_EQ(per_parameter(1), 16.0);
  config.master_weights = false;
  EXPECT_DOUBLE_EQ(per_parameter(1), 12.0);
}

TEST(TrainingMemory, ModelStatesAreTheFiguresThatPapersPrint) {
  TrainingConfig config;
  const auto gb = [&](double parameters, int data_parallel) {
    const ModelStateBytes s = model_states(config, static_cast<std::int64_t>(parameters), data_parallel);
    return (s.weights + s.gradients + s.optimizer).value() / 1e9;
  };
  // Rajbhandari et al. 2020 figure 1, 16-bit gradients, 7.5 B parameters on 64 GPUs: 120 and 31.4 GB.
  config.gradient_dtype = Dtype::fp16;
  EXPECT_DOUBLE_EQ(gb(7.5e9, 64), 120.0);
  config.zero = ZeroStage::optimizer;
  EXPECT_DOUBLE_EQ(gb(7.5e9, 64), 31.40625);  // 30 + 90/64
  // Korthikanti et al. 2022 figure 1, 22B on 8 GPUs, matrices alone: 18·12·6144²·48/8 B = 45.5625 GiB.
  config = TrainingConfig{};
  EXPECT_DOUBLE_EQ(gb(12.0 * 6144 * 6144 * 48 / 8, 1) * 1e9 / kGiB, 45.5625);
}

TEST(TrainingMemory, AFusedLossKeepsSixteenBitLogits) {
  TrainingJob job = testing::gpt_job();
  const double fp32 = head_activations(job).value();
  job.config.fused_cross_entropy = true;
  EXPECT_DOUBLE_EQ(fp32 - head_activations(job).value(), 2.0 * 2048 * 51200);  // two bytes a logit
}

TEST(TrainingMemory, StagesSumToTheWholeModel) {
  TrainingJob job = testing::gpt_job(8, 16, 2);
  const std::int64_t whole = parameters(job.llm);
  job.config.pipeline_parallel = 4;
  job.config.virtual_pipeline = 2;
  std::int64_t sum = 0;
  for (int stage = 0; stage < 4; ++stage) sum += stage_parameters_per_rank(job, stage);
  EXPECT_EQ(sum, whole);
}

TEST(TrainingMemory, CopiesOfHeadsCountOnEachRank) {
  TrainingJob job = testing::gpt_job(8, 16);
  job.llm.attention.kv_heads = 2;
  job.config.tensor_parallel = 8;
  const LayerParameters layer = layer_parameters(job.llm, 0);
  // Two heads of keys and of values, 2048 x 128 each; a rank holds one of each, a quarter of them would be its share.
  EXPECT_EQ(layer_parameters_per_rank(job, 0),
            (layer.total() - layer.norms) / 8 + layer.norms + 2 * 2048 * 128 * 3 / 4);
  job.config.tensor_parallel = 2;
  EXPECT_EQ(layer_parameters_per_rank(job, 0), (layer.total() - layer.norms) / 2 + layer.norms);
}

TEST(TrainingMemory, ATiedHeadOnItsOwnStageIsASecondCopy) {
  TrainingJob job = testing::gpt_job(8, 16);
  job.llm.tied_embeddings = true;
  const std::int64_t vocab_rows = embedding_parameters(job.llm);
  const std::int64_t one_stage = stage_parameters_per_rank(job, 0);
  job.config.pipeline_parallel = 2;
  EXPECT_EQ(stage_parameters_per_rank(job, 0) + stage_parameters_per_rank(job, 1), one_stage + vocab_rows);
}

}  // namespace
}  // namespace orrery::models
