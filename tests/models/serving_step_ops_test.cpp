// The ops of a step, part by part: together they are the whole step, every layer once, whatever the model, the stage
// and the graphs.
#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include "models/serving/kv_pool.hpp"
#include "models/serving/step_ops.hpp"
#include "tests/models/more_family_configs.hpp"
#include "tests/models/serving_jobs.hpp"
#include "tests/models/serving_step_jobs.hpp"

namespace orrery::models {
namespace {

using testing::decodes;
using testing::prompts;
using testing::small_job;

/// How often each label runs.
std::map<std::string, std::int64_t> counts(const std::vector<StepOp>& ops) {
  std::map<std::string, std::int64_t> sum;
  for (const StepOp& op : ops) sum[std::string(op.label)] += op.count;
  return sum;
}

void add(std::map<std::string, std::int64_t>& sum, const std::vector<StepOp>& ops, std::int64_t times = 1) {
  for (const auto& [label, count] : counts(ops)) sum[label] += times * count;
}

StepShape mixed() {
  StepShape shape = prompts(2, 30);
  shape.decode_sequences = 5;
  shape.decode_kv_tokens = 500;
  shape.sampled = 7;
  return shape;
}

ServingJob family_job(const FamilyConfig& family) {
  ServingJob job = small_job();
  job.llm = read_hf_config(decoder(family.type, family.more), "tiny.json");
  return job;
}

class FamilySteps : public ::testing::TestWithParam<FamilyConfig> {};

TEST_P(FamilySteps, AreTheirBodyTheAttentionOfEachLayerAndTheHead) {
  ServingJob job = family_job(GetParam());
  for (const int stages : {1, 2}) {
    if (stages > job.llm.layers) continue;
    job.config.pipeline_parallel = stages;
    const StepOps ops(job);
    for (const StepShape& shape : {decodes(6, 100), prompts(2, 30), mixed()}) {
      for (int stage = 0; stage < stages; ++stage) {
        std::map<std::string, std::int64_t> parts;
        const std::int64_t rows = ops.padded(shape.tokens());
        add(parts, ops.body(rows, ops.mode(shape.tokens(), shape.decode_only()), stage));
        add(parts, ops.head(shape.sampled, stage));
        for (std::size_t mixer = 0; mixer < ops.mixers(); ++mixer) {
          const std::int64_t layers = ops.layers(stage, mixer);
          add(parts, ops.prefill_attention(mixer, shape), layers);
          if (shape.decode_sequences == 0) continue;
          add(parts, ops.decode_attention(mixer, shape.decode_sequences, shape.decode_kv_tokens), layers);
          add(parts, ops.absorbed(mixer, shape.decode_only() ? rows : shape.decode_sequences), layers);
        }
        std::erase_if(parts, [](const auto& part) { return part.second == 0; });
        EXPECT_EQ(counts(ops.all(shape, stage)), parts) << stages << " stages, stage " << stage;
      }
    }
  }
}

TEST_P(FamilySteps, HaveAMixerForEveryLayerThatMixes) {
  ServingJob job = family_job(GetParam());
  const StepOps ops(job);
  std::int64_t mixing = 0, counted = 0;
  for (std::int64_t layer = 0; layer < job.llm.layers; ++layer) {
    const Mixer mixer = job.llm.layer(layer).mixer;
    mixing += mixer == Mixer::attention || mixer == Mixer::recurrent ? 1 : 0;
  }
  for (std::size_t mixer = 0; mixer < ops.mixers(); ++mixer) {
    counted += ops.decode_attention(mixer, 1, 10).empty() ? 0 : ops.layers(0, mixer);
  }
  EXPECT_EQ(counted, mixing);
  EXPECT_EQ(ops.layers(0), job.llm.layers);
}

INSTANTIATE_TEST_SUITE_P(Table, FamilySteps, ::testing::ValuesIn(all_family_configs()),
                         [](const auto& of) { return std::string(of.param.type); });

TEST(StepOps, PadsToTheNextCapturedSizeAndNoFurther) {
  // 16 sequences and 256 tokens a step: sizes up to 2·16 = 32.
  const ServingJob job = small_job();
  const StepOps ops(job);
  for (const auto& [tokens, padded] : {std::pair{1, 1}, {2, 2}, {3, 4}, {5, 8}, {8, 8}, {9, 16}, {31, 32}, {32, 32}}) {
    EXPECT_EQ(ops.padded(tokens), padded) << tokens;
  }
  EXPECT_EQ(ops.padded(33), 33);
  EXPECT_EQ(ops.padded(1000), 1000);
}

TEST(StepOps, LaunchesGraphsWhereTheStepFitsOne) {
  ServingJob job = small_job();
  EXPECT_EQ(StepOps(job).mode(32, true), GraphMode::full);
  EXPECT_EQ(StepOps(job).mode(32, false), GraphMode::piecewise);
  EXPECT_EQ(StepOps(job).mode(33, true), GraphMode::none);
  EXPECT_EQ(StepOps(job).mode(33, false), GraphMode::none);
  job.config.enforce_eager = true;
  EXPECT_EQ(StepOps(job).mode(1, true), GraphMode::none);
}

TEST(StepOps, SendsHiddenStatesAndResidualsToTheNextStage) {
  ServingJob job = small_job();
  job.config.pipeline_parallel = 2;
  job.config.tensor_parallel = 2;
  const StepOps ops(job);
  // Two tensors of 10 rows of 512 values in 16 bits, half of them a rank; none behind the last stage.
  EXPECT_EQ(ops.message(10, 0).value(), 2.0 * 10 * 512 * 2 / 2);
  EXPECT_EQ(ops.message(10, 1).value(), 0.0);
}

TEST(StepOps, SamplesOnTheLastStageAlone) {
  ServingJob job = small_job();
  job.config.pipeline_parallel = 2;
  const StepOps ops(job);
  EXPECT_TRUE(ops.head(5, 0).empty());
  EXPECT_TRUE(ops.head(0, 1).empty());
  const std::vector<StepOp> head = ops.head(5, 1);
  ASSERT_FALSE(head.empty());
  EXPECT_EQ(std::get<kernels::GemmShape>(head.front().kernel).m, 5);
  EXPECT_EQ(std::get<kernels::GemmShape>(head.front().kernel).n, 32000);
  for (const StepOp& op : head) EXPECT_EQ(op.part, StepPart::head) << op.label;
  EXPECT_EQ(counts(ops.body(8, GraphMode::none, 0)).count("embedding"), 1u);
  EXPECT_EQ(counts(ops.body(8, GraphMode::none, 1)).count("embedding"), 0u);
}

TEST(StepOps, DecodesBesidePromptsNameThePromptsKernel) {
  const ServingJob job = small_job();
  const StepOps ops(job);
  int beside = 0;
  for (const StepOp& op : ops.all(mixed(), 0)) {
    if (!op.beside) continue;
    ++beside;
    EXPECT_EQ(op.label, "attention decode");
    EXPECT_EQ(op.beside->batch, 2);
    EXPECT_EQ(op.beside->q_len, 30);
    EXPECT_EQ(op.count, 4) << "of four layers";
  }
  EXPECT_EQ(beside, 1);
  for (const StepOp& op : ops.all(decodes(5, 100), 0)) EXPECT_FALSE(op.beside) << op.label;
}

TEST(StepOps, ReduceTwiceALayerUnderTensorParallelism) {
  ServingJob job = small_job();
  job.config.tensor_parallel = 2;
  const StepOps ops(job);
  std::int64_t reductions = 0, gathers = 0;
  for (const StepOp& op : ops.all(decodes(6, 100), 0)) {
    if (!op.is_collective) continue;
    (op.collective.kind == sim::CollectiveKind::all_reduce ? reductions : gathers) += op.count;
  }
  EXPECT_EQ(reductions, 2 * 4 + 1) << "and once behind the embedding";
  EXPECT_EQ(gathers, 1) << "of the logits";
}

}  // namespace
}  // namespace orrery::models
