// Laws that an iteration's time obeys, whatever the fits say.
#include <algorithm>
#include <cstdint>

#include <gtest/gtest.h>

#include "models/layer/parameters.hpp"
#include "models/serving/kv_pool.hpp"
#include "models/serving/step_model.hpp"
#include "tests/models/serving_step_jobs.hpp"

namespace orrery::models {
namespace {

using testing::decodes;
using testing::fitted_timer;
using testing::milliseconds;
using testing::PricedStep;
using testing::prompts;
using testing::serving_job;

double time_of(const ServingJob& job, const StepShape& shape) {
  const auto timer = fitted_timer();
  StepModel model(job, *timer);
  return milliseconds(model.time(shape, 0));
}

TEST(StepPhysics, NoStepBeatsTheWeightsThroughMemory) {
  for (const char* node : {"dgx_h100", "dgx_a100", "rtx_pro_6000_box", "hgx_b200", "rtx_4090_box"}) {
    for (const int tensor : {1, 2, 4}) {
      const ServingJob job = serving_job(node, "llama-3.1-8b", tensor);
      // All but the embedding table is read.
      const double table = 2.0 * static_cast<double>(embedding_parameters(job.llm)) / tensor;
      const double bound =
          (stage_weights(job, 0).value() - table) / job.cluster.groups[0].gpu.memory_bandwidth.value() * 1e3;
      EXPECT_GT(time_of(job, decodes(1, 100)), bound) << node << " tp " << tensor;
      EXPECT_GT(time_of(job, decodes(256, 100)), bound) << node << " tp " << tensor;
    }
  }
}

TEST(StepPhysics, NoPromptBeatsThePeak) {
  for (const char* node : {"dgx_h100", "dgx_a100", "rtx_pro_6000_box", "hgx_b200"}) {
    const ServingJob job = serving_job(node, "llama-3.1-8b");
    for (const std::int64_t tokens : {256, 2048, 8192}) {
      // 2 FLOP per weight of the layers and token; attention only adds.
      const double layers = static_cast<double>(parameters(job.llm) - 2 * embedding_parameters(job.llm));
      const double flops = 2.0 * layers * static_cast<double>(tokens);
      const double bound = flops / job.cluster.groups[0].gpu.matrix_peak(Dtype::bf16)->value() * 1e3;
      EXPECT_GT(time_of(job, prompts(1, tokens)), bound) << node << " " << tokens;
    }
  }
}

TEST(StepPhysics, ASmallBatchOnH100ReadsTheWeightsOnce) {
  // Llama-3.1-8B without its embedding table: 15.0 GB at 3.352 TB/s are 4.48 ms.
  const double time = time_of(serving_job("dgx_h100", "llama-3.1-8b"), decodes(1, 1000));
  EXPECT_GT(time, 4.48);
  EXPECT_LT(time, 1.6 * 4.48);
}

TEST(StepPhysics, DecodeTimeGrowsWithCacheAndBatch) {
  const auto timer = fitted_timer();
  const ServingJob job = serving_job("dgx_h100", "llama-3.1-8b");
  StepModel model(job, *timer);
  for (const std::int64_t batch : {8, 64, 256}) {
    EXPECT_LT(model.decode_time(batch, batch * 500), model.decode_time(batch, batch * 2000));
    EXPECT_LT(model.decode_time(batch, batch * 2000), model.decode_time(batch, batch * 8000));
    EXPECT_LT(model.decode_time(batch, batch * 1000), model.decode_time(2 * batch, 2 * batch * 1000));
  }
}

TEST(StepPhysics, TwoGpusAreFasterThanOneButNotTwice) {
  for (const StepShape& shape : {decodes(1, 1000), decodes(64, 1000), prompts(2, 2048)}) {
    const double one = time_of(serving_job("dgx_h100", "llama-3.1-8b"), shape);
    const double two = time_of(serving_job("dgx_h100", "llama-3.1-8b", 2), shape);
    EXPECT_LT(two, one);
    EXPECT_GT(two, one / 2.0);
  }
}

TEST(StepPhysics, FourBitWeightsHelpSmallBatchesOnly) {
  const auto timer = fitted_timer();
  ServingJob job = serving_job("dgx_h100", "llama-3.1-70b");
  const auto layers = [&](Dtype weights, const StepShape& shape) {
    job.config.weight_dtype = weights;
    const StepModel model(job, *timer);
    double sum = 0.0;
    const PricedStep step(model, shape);
    for (const sim::KernelEntry& entry : step.plan.kernels) {
      const auto* gemm = std::get_if<kernels::GemmShape>(&entry.kernel);
      if (gemm == nullptr || step.plan.labels[entry.label.index()] == "lm_head") continue;
      sum += static_cast<double>(entry.repeat) * step.prices->explain(entry, 0).kernel.time.value();
    }
    return sum;
  };
  const double alone = layers(Dtype::bf16, decodes(1, 1000)) / layers(Dtype::int4, decodes(1, 1000));
  EXPECT_GT(alone, 3.0);
  EXPECT_LT(alone, 4.0);
  const double many = layers(Dtype::bf16, prompts(4, 2048)) / layers(Dtype::int4, prompts(4, 2048));
  EXPECT_LT(many, 1.02);
}

TEST(StepPhysics, AnFp8CacheHalvesTheBytesOfAttention) {
  ServingJob job = serving_job("dgx_h100", "llama-3.1-8b");
  const auto timer = fitted_timer();
  const auto cache_bytes = [&] {
    const StepModel model(job, *timer);
    return kernels::work(PricedStep(model, decodes(64, 4000)).kernel("attention decode").kernel).read.value();
  };
  const double wide = cache_bytes();
  job.config.kv_cache_dtype = Dtype::fp8;
  EXPECT_NEAR(cache_bytes() / wide, 0.5, 0.01);
}

TEST(StepPhysics, TheCacheIsNotFoundInL2) {
  // 32 sequences of 1,024 tokens: 134 MB per layer, as much as the L2 of the board, are read from memory.
  const ServingJob job = serving_job("rtx_pro_6000_box", "llama-3.1-8b");
  const auto timer = fitted_timer();
  const StepModel model(job, *timer);
  const PricedStep step(model, decodes(32, 1024));
  const sim::KernelEntry& decode = step.kernel("attention decode");
  EXPECT_GT(step.alone("attention decode").value(),
            32.0 * 1024 * 4096 / job.cluster.groups[0].gpu.memory_bandwidth.value());
  EXPECT_EQ(step.prices->explain(decode, 0).total(), step.prices->time(decode, 0));
}

TEST(StepPhysics, GraphsMakeASmallStepFaster) {
  ServingJob job = serving_job("dgx_h100", "llama-3.1-8b");
  const double graphs = time_of(job, decodes(1, 1000));
  job.config.enforce_eager = true;
  EXPECT_GT(time_of(job, decodes(1, 1000)), graphs);
}

TEST(StepPhysics, APipelineStageTakesLessThanTheModel) {
  ServingJob job = serving_job("dgx_h100", "llama-3.1-8b");
  const double whole = time_of(job, decodes(64, 1000));
  job.config.pipeline_parallel = 2;
  EXPECT_LT(time_of(job, decodes(64, 1000)), 0.55 * whole);
}

TEST(StepPhysics, DecodesBesidePromptsCostMoreWithFlashAttention2) {
  // One kernel of variable lengths neither packs grouped heads nor splits keys.
  const ServingJob job = serving_job("rtx_pro_6000_box", "llama-3.1-8b");
  const auto timer = fitted_timer();
  StepModel model(job, *timer);
  StepShape both = decodes(64, 2048);
  both.prefill_sequences = 1;
  both.prefill_tokens = 64;
  both.prefill_pairs = 64.0 * 64.0;
  const double beside = PricedStep(model, both).alone("attention decode").value();
  const double alone = PricedStep(model, decodes(64, 2048)).alone("attention decode").value();
  EXPECT_GT(beside, 1.2 * alone);
  EXPECT_LT(beside, 2.2 * alone);
}

}  // namespace
}  // namespace orrery::models
