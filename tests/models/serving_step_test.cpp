// What one iteration runs, and that its time is the sum of it.
#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "hardware/catalogue/catalogue.hpp"
#include "kernels/attention/mixed_batch.hpp"
#include "models/serving/step_model.hpp"
#include "models/serving/step_ops.hpp"
#include "sim/collective/collective.hpp"
#include "sim/plan/frozen.hpp"
#include "tests/models/serving_step_jobs.hpp"

namespace orrery::models {
namespace {

using testing::decodes;
using testing::PricedStep;
using testing::prompts;
using testing::serving_job;

const StepOp* find(const std::vector<StepOp>& ops, std::string_view label) {
  for (const StepOp& op : ops) {
    if (op.label == label) return &op;
  }
  return nullptr;
}

StepShape mixed(std::int64_t decode, std::int64_t kv, std::int64_t prompt) {
  StepShape shape = decodes(decode, kv);
  shape.prefill_sequences = 1;
  shape.prefill_tokens = prompt;
  shape.prefill_pairs = static_cast<double>(prompt) * static_cast<double>(prompt);
  ++shape.sampled;
  return shape;
}

double sum_of_ops(const StepModel& model, const StepShape& shape, int stage = 0) {
  return PricedStep(model, shape).sum(stage);
}

class Step : public ::testing::Test {
 protected:
  std::unique_ptr<kernels::KernelTimer> timer = testing::fitted_timer();
  ServingJob job = serving_job("dgx_h100", "llama-3.1-8b");
};

TEST_F(Step, FoldsEqualLayers) {
  const std::vector<StepOp> ops = StepOps(job).all(decodes(64, 1000), 0);
  const StepOp* qkv = find(ops, "qkv");
  ASSERT_NE(qkv, nullptr);
  EXPECT_EQ(qkv->count, 32);
  const auto& shape = std::get<kernels::GemmShape>(qkv->kernel);
  EXPECT_EQ(shape.m, 64);
  EXPECT_EQ(shape.n, 4096 + 2 * 1024);
  EXPECT_EQ(shape.k, 4096);
  EXPECT_EQ(shape.weights, kernels::CacheState::cold);
  EXPECT_EQ(shape.implementation, kernels::Implementation::vllm);
  EXPECT_EQ(find(ops, "lm_head")->count, 1);
  EXPECT_EQ(find(ops, "attention all_reduce"), nullptr);
}

TEST_F(Step, PadsTokensButNotAttentionOrLogits) {
  const std::vector<StepOp> ops = StepOps(job).all(decodes(61, 1000), 0);
  EXPECT_EQ(std::get<kernels::GemmShape>(find(ops, "gate_up")->kernel).m, 64);
  EXPECT_EQ(std::get<kernels::AttentionDecodeShape>(find(ops, "attention decode")->kernel).batch, 61);
  EXPECT_EQ(std::get<kernels::GemmShape>(find(ops, "lm_head")->kernel).m, 61);
  // 30 + 60 tokens: a mixed step is padded too; 600 are above the largest size.
  EXPECT_EQ(std::get<kernels::GemmShape>(find(StepOps(job).all(mixed(30, 500, 60), 0), "qkv")->kernel).m, 96);
  EXPECT_EQ(std::get<kernels::GemmShape>(find(StepOps(job).all(mixed(30, 500, 570), 0), "qkv")->kernel).m, 600);
}

TEST_F(Step, PadsNothingWithoutGraphs) {
  job.config.enforce_eager = true;
  const StepModel model(job, *timer);
  EXPECT_EQ(model.padded(61), 61);
}

TEST_F(Step, MakesRaggedPromptsAnEqualBatch) {
  // 2,000 tokens on 1,000 cached ones and 40 new: Σ q·(2·kv − q) = 2,000·4,000 + 40·40 = 8,001,600. As two of 1,020:
  // kv = (8,001,600/2,040 + 1,020)/2 = 2,471.2.
  StepShape shape;
  shape.prefill_sequences = shape.sampled = 2;
  shape.prefill_tokens = 2040;
  shape.prefill_pairs = 8001600.0;
  const std::vector<StepOp> ops = StepOps(job).all(shape, 0);
  const auto& attention = std::get<kernels::AttentionPrefillShape>(find(ops, "attention prefill")->kernel);
  EXPECT_EQ(attention.batch, 2);
  EXPECT_EQ(attention.q_len, 1020);
  EXPECT_EQ(attention.kv_len, 2471);
}

TEST_F(Step, DividesLayersOverTensorParallelRanks) {
  job.config.tensor_parallel = 8;
  const std::vector<StepOp> ops = StepOps(job).all(decodes(64, 1000), 0);
  EXPECT_EQ(std::get<kernels::GemmShape>(find(ops, "gate_up")->kernel).n, 2 * 14336 / 8);
  EXPECT_EQ(std::get<kernels::GemmShape>(find(ops, "lm_head")->kernel).n, 128256 / 8);
  const auto& attention = std::get<kernels::AttentionDecodeShape>(find(ops, "attention decode")->kernel);
  EXPECT_EQ(attention.q_heads, 4);
  EXPECT_EQ(attention.kv_heads, 1);
  const StepOp* reduce = find(ops, "mlp all_reduce");
  ASSERT_NE(reduce, nullptr);
  EXPECT_EQ(reduce->count, 32);
  EXPECT_EQ(reduce->collective.bytes.value(), 64.0 * 4096 * 2);
  EXPECT_EQ(reduce->collective.library, sim::CollectiveLibrary::custom_graph);
  EXPECT_EQ(find(ops, "logits all_gather")->collective.bytes.value(), 64.0 * 128256 * 2);
  EXPECT_NE(find(ops, "embedding all_reduce"), nullptr);
}

TEST_F(Step, LaunchesCustomAllReducesOneByOneWithoutGraphs) {
  job.config.tensor_parallel = 2;
  job.config.enforce_eager = true;
  EXPECT_EQ(find(StepOps(job).all(decodes(64, 1000), 0), "mlp all_reduce")->collective.library,
            sim::CollectiveLibrary::custom_eager);
}

TEST_F(Step, RunsExpertsAndSharedExpertsInSparseLayers) {
  job = serving_job("hgx_h200", "deepseek-v3", 8);
  job.config.weight_dtype = Dtype::fp8_block;
  const std::vector<StepOp> ops = StepOps(job).all(decodes(64, 1000), 0);
  const StepOp* experts = find(ops, "experts");
  ASSERT_NE(experts, nullptr);
  EXPECT_EQ(experts->count, 58);
  const auto& moe = std::get<kernels::MoeShape>(experts->kernel);
  EXPECT_EQ(moe.tensor_parallel, 8);
  EXPECT_EQ(moe.topk, 8);
  EXPECT_EQ(find(ops, "gate_up")->count, 3);
  EXPECT_EQ(find(ops, "shared gate_up")->count, 58);
  EXPECT_EQ(std::get<kernels::GemmShape>(find(ops, "router")->kernel).dtype, Dtype::bf16);
  const auto& attention = std::get<kernels::AttentionDecodeShape>(find(ops, "attention decode")->kernel);
  EXPECT_EQ(attention.latent_dim, 576);
  EXPECT_EQ(attention.q_heads, 16);
  EXPECT_EQ(std::get<kernels::GemmShape>(find(ops, "absorb query")->kernel).batch, 16);
}

TEST_F(Step, TimeIsTheSumOfItsOpsAtNodes) {
  StepModel model(job, *timer);
  for (const StepShape& shape : {decodes(1, 1), decodes(1, 64), decodes(61, 1088), decodes(700, 704),
                                 mixed(30, 704, 60), mixed(30, 704, 2000), prompts(3, 700)}) {
    const double exact = sum_of_ops(model, shape);
    EXPECT_NEAR(sim::to_seconds(model.time(shape, 0)).value(), exact, 1e-9 * exact + 2e-12);
  }
}

TEST_F(Step, DecodesBesidePromptsAddUpUnderFlashAttention2Too) {
  for (const char* node : {"rtx_pro_6000_box", "rtx_4090_box", "dgx_a100"}) {
    job = serving_job(node, "llama-3.1-8b");
    StepModel model(job, *timer);
    const kernels::MixedBatch batch(job.cluster.groups[0].gpu, *timer);
    for (const StepShape& shape : {mixed(30, 704, 60), mixed(128, 1728, 2000), mixed(1, 64, 16)}) {
      const double exact = sum_of_ops(model, shape);
      EXPECT_NEAR(sim::to_seconds(model.time(shape, 0)).value(), exact, 1e-9 * exact + 2e-12) << node;
      // One price of the batch, here and where measured layers are compared with.
      const PricedStep step(model, shape);
      const sim::KernelEntry& decode = step.kernel("attention decode");
      const Seconds whole =
          batch.time(std::get<kernels::AttentionPrefillShape>(step.kernel("attention prefill").kernel),
                     std::get<kernels::AttentionDecodeShape>(decode.kernel));
      const Seconds sum = step.alone("attention prefill") + step.alone("attention decode");
      EXPECT_NEAR(sum.value(), whole.value(), 1e-12) << node;
      EXPECT_EQ(step.prices->explain(decode, 0).idle, Seconds{}) << "one kernel with the prompts";
      EXPECT_EQ(step.prices->explain(decode, 0).total(), step.prices->time(decode, 0));
    }
  }
}

TEST_F(Step, InterpolatedMixedStepsAreWithinOnePercentOfTheSum) {
  job = serving_job("rtx_pro_6000_box", "llama-3.1-8b");
  StepModel model(job, *timer);
  for (const std::int64_t batch : {7, 64, 128}) {
    for (const std::int64_t kv : {130, 500, 1111, 4000}) {
      double exact = 0.0;
      for (std::int64_t i = 0; i < 16; ++i) exact += sum_of_ops(model, mixed(batch, kv - 60 + 8 * i, 1024)) / 16.0;
      EXPECT_NEAR(sim::to_seconds(model.time(mixed(batch, kv, 1024), 0)).value() / exact, 1.0, 0.01)
          << "batch " << batch << " kv " << kv;
    }
  }
}

TEST_F(Step, TimeIsTheSumOfItsOpsWithoutGraphsWhereTheHostKeepsUp) {
  job.config.enforce_eager = true;
  StepModel model(job, *timer);
  for (const StepShape& shape : {decodes(700, 704), mixed(30, 704, 2000), prompts(3, 700)}) {
    const double exact = sum_of_ops(model, shape);
    EXPECT_NEAR(sim::to_seconds(model.time(shape, 0)).value(), exact, 1e-9 * exact + 2e-12);
  }
}

TEST_F(Step, InterpolatedTimeIsWithinOnePercentOfTheSum) {
  for (const char* node : {"dgx_h100", "dgx_a100", "rtx_pro_6000_box"}) {
    job = serving_job(node, "llama-3.1-8b");
    StepModel model(job, *timer);
    for (const std::int64_t batch : {1, 7, 64, 200, 512}) {
      for (const std::int64_t kv : {130, 500, 1111, 4000}) {
        // Sequences whose lengths spread over one block of 128 keys around kv.
        double exact = 0.0;
        for (std::int64_t i = 0; i < 16; ++i) exact += sum_of_ops(model, decodes(batch, kv - 60 + 8 * i)) / 16.0;
        EXPECT_NEAR(sim::to_seconds(model.time(decodes(batch, kv), 0)).value() / exact, 1.0, 0.01)
            << node << " batch " << batch << " kv " << kv;
      }
    }
  }
}

TEST_F(Step, DecodeTimeIsTimeToThePicosecond) {
  StepModel hot(job, *timer), cold(job, *timer);
  for (std::int64_t batch = 1; batch < 600; batch += 13) {
    for (const std::int64_t kv : {1, 17, 640, 999}) {
      EXPECT_EQ(hot.decode_time(batch, batch * kv + 3), cold.time(
                                                            [&] {
                                                              StepShape shape = decodes(batch, kv);
                                                              shape.decode_kv_tokens += 3;
                                                              return shape;
                                                            }(),
                                                            0));
    }
  }
}

TEST_F(Step, LatentAttentionAddsUpToo) {
  job = serving_job("hgx_h200", "deepseek-v3", 8);
  StepModel model(job, *timer);
  for (const StepShape& shape : {decodes(61, 1088), mixed(30, 704, 60), mixed(30, 704, 2000)}) {
    const double exact = sum_of_ops(model, shape);
    EXPECT_NEAR(sim::to_seconds(model.time(shape, 0)).value(), exact, 1e-9 * exact);
  }
}

TEST_F(Step, WaitsForTheHostToLaunchKernelsWithoutGraphs) {
  job.config.enforce_eager = true;
  job.cluster.groups[0].gpu.kernel_launch = Seconds{20e-6};  // and 30 us of Python
  StepModel model(job, *timer);
  std::int64_t launches = 1;
  for (const StepOp& op : StepOps(job).all(decodes(1, 64), 0)) launches += op.count;
  EXPECT_NEAR(sim::to_seconds(model.time(decodes(1, 64), 0)).value(), 50e-6 * static_cast<double>(launches), 1e-9);
}

TEST_F(Step, SplitsModelsIntoStagesWithAMessageBetween) {
  job.config.pipeline_parallel = 2;
  StepModel model(job, *timer);
  ASSERT_EQ(model.stages(), 2);
  const StepShape shape = decodes(64, 704);
  EXPECT_EQ(find(StepOps(job).all(shape, 0), "lm_head"), nullptr);
  EXPECT_EQ(find(StepOps(job).all(shape, 1), "embedding"), nullptr);
  EXPECT_EQ(find(StepOps(job).all(shape, 1), "qkv")->count, 16);
  // Hidden states and residual, 64 · 4,096 values each.
  const Seconds message = sim::transfer_time(Bytes{2.0 * 64 * 4096 * 2}, true, job.cluster.site(0));
  EXPECT_NEAR(sim::to_seconds(model.time(shape, 0)).value(), sum_of_ops(model, shape, 0) + message.value(), 1e-9);
  EXPECT_NEAR(sim::to_seconds(model.time(shape, 1)).value(), sum_of_ops(model, shape, 1), 1e-9);
}

TEST_F(Step, PlanTakesAsLongAsTheStep) {
  job.config.pipeline_parallel = 2;
  job.config.tensor_parallel = 2;
  StepModel model(job, *timer);
  for (const StepShape& shape : {decodes(64, 704), mixed(30, 704, 60), mixed(30, 704, 2000)}) {
    const sim::RunnablePlan plan(model.lower(shape));
    const sim::Durations durations = sim::price(plan.plan(), *model.prices());
    std::vector<sim::SimTime> scratch;
    const double makespan = sim::to_seconds(sim::FrozenPlan(plan).makespan(durations, scratch)).value();
    const double stages = sim::to_seconds(model.time(shape, 0) + model.time(shape, 1)).value();
    EXPECT_NEAR(makespan, stages, 1e-9);
  }
}

TEST_F(Step, EveryPriceOfAPlanIsWhatItsExplanationAddsUpTo) {
  job.config.tensor_parallel = 2;
  for (const bool eager : {false, true}) {
    job.config.enforce_eager = eager;
    const StepModel model(job, *timer);
    for (const StepShape& shape : {decodes(64, 704), mixed(30, 704, 60), mixed(30, 704, 2000)}) {
      const PricedStep step(model, shape);
      for (const sim::KernelEntry& entry : step.plan.kernels) {
        EXPECT_EQ(step.prices->explain(entry, 0).total(), step.prices->time(entry, 0))
            << step.plan.labels[entry.label.index()];
      }
      for (const sim::CollectiveEntry& entry : step.plan.collectives) {
        const sim::CollectivePrice why = step.prices->explain(entry, step.plan);
        EXPECT_DOUBLE_EQ(why.total().value(), step.prices->time(entry, step.plan).value());
        EXPECT_EQ(why.call.ranks, 2);
        EXPECT_EQ(why.call.nodes, 1);
      }
    }
  }
}

TEST_F(Step, KernelsAreLaunchedAsTheGraphsSay) {
  const StepModel model(job, *timer);
  const auto path = [&](const StepShape& shape, std::string_view label) {
    return PricedStep(model, shape).kernel(label).launch;
  };
  EXPECT_EQ(path(decodes(64, 704), "attention decode"), sim::LaunchPath::graph);
  EXPECT_EQ(path(decodes(64, 704), "lm_head"), sim::LaunchPath::stream) << "never in a graph";
  EXPECT_EQ(path(mixed(30, 704, 60), "qkv"), sim::LaunchPath::graph);
  EXPECT_EQ(path(mixed(30, 704, 60), "attention prefill"), sim::LaunchPath::stream) << "cut out of it";
  EXPECT_EQ(path(mixed(30, 704, 2000), "qkv"), sim::LaunchPath::stream) << "above the largest size";
  job = serving_job("dgx_a100", "llama-3.1-8b");
  const StepModel joined(job, *timer);
  EXPECT_EQ(PricedStep(joined, mixed(30, 704, 60)).kernel("attention decode").launch, sim::LaunchPath::joined);
}

TEST_F(Step, RefusesDtypesThatTheGpuCannotCompute) {
  job = serving_job("dgx_1", "llama-3.1-8b");
  EXPECT_THROW(StepModel(job, *timer), std::invalid_argument);
}

// An A100 has no fp8 units: its kernels read half the bytes and multiply as they would in bf16.
TEST_F(Step, WidenedWeightsAreReadFasterButMultipliedAsWide) {
  const auto gemm = [&](Dtype weights, std::int64_t tokens) {
    const hardware::Gpu gpu = hardware::load_gpu("a100_sxm");
    return timer->time(kernels::Kernel{kernels::GemmShape{weights, tokens, 8192, 8192}}, gpu).value();
  };
  EXPECT_LT(gemm(Dtype::fp8, 1), 0.75 * gemm(Dtype::bf16, 1));
  EXPECT_NEAR(gemm(Dtype::fp8, 8192) / gemm(Dtype::bf16, 8192), 1.0, 0.25);
}

TEST_F(Step, HostTimeGrowsWithSequencesAndCanBeTurnedOff) {
  const StepModel model(job, *timer);
  EXPECT_EQ(model.host_time(0), sim::to_sim_time(default_step_overhead()));
  EXPECT_EQ(model.host_time(100), sim::to_sim_time(2.0 * default_step_overhead()));
  EXPECT_EQ(model.request_time(), sim::to_sim_time(default_request_overhead()));
  job.config.step_overhead = job.config.request_overhead = Seconds{0.0};
  EXPECT_EQ(model.host_time(100), 0u);
  EXPECT_EQ(model.request_time(), 0u);
}

}  // namespace
}  // namespace orrery::models
