// Steps that are lowered once and priced again.
#include <gtest/gtest.h>

#include "models/training/lowered_step.hpp"
#include "models/training/pricing.hpp"
#include "sim/prices/prices.hpp"
#include "tests/models/serving_jobs.hpp"
#include "tests/models/training_jobs.hpp"

namespace orrery::models {
namespace {

using testing::gpt_job;

TrainingJob pipeline_job() {
  TrainingJob job = gpt_job(4, 16, 2);
  job.config.tensor_parallel = 2;
  job.config.pipeline_parallel = 4;
  job.config.global_batch_size = 16;
  return job;
}

TEST(LoweredSteps, OtherPricesLowerNothingAgain) {
  const testing::RooflineTimer timer;
  LoweredSteps kept;
  TrainingOptions options;
  options.lowered = &kept;
  TrainingJob job = pipeline_job();
  const auto expect_as_anew = [&] {
    const TrainingResult again = predict(job, timer, options), anew = predict(job, timer);
    EXPECT_EQ(again.step_time, anew.step_time);
    EXPECT_EQ(again.compute, anew.compute);
    EXPECT_EQ(again.communication, anew.communication);
    EXPECT_EQ(again.fullest().peak, anew.fullest().peak);
    return again.step_time;
  };
  const Seconds first = expect_as_anew();
  EXPECT_EQ(kept.lowered(), 1u);
  job.cluster.groups[0].node.nic_bandwidth = job.cluster.groups[0].node.nic_bandwidth * 0.1;
  EXPECT_GT(expect_as_anew(), first);
  job.cluster.groups[0].gpu.memory_bandwidth = job.cluster.groups[0].gpu.memory_bandwidth * 0.5;
  expect_as_anew();
  job.config.host_overhead = Seconds{1e-4};
  expect_as_anew();
  job.placement.first_node = 1;
  job.cluster.groups[0].count = 4;
  job.placement.spread = 2;
  job.config.data_parallel = 2;  // as before: "what is left" would be more
  expect_as_anew();
  EXPECT_EQ(kept.lowered(), 1u);
}

TEST(LoweredSteps, WhateverLoweringReadsLowersAgain) {
  const TrainingJob job = pipeline_job();
  const MeshClasses classes = alike_members(job, {}, nullptr);
  const LoweredStep step(job, classes, {});
  EXPECT_TRUE(step.is_of(job, classes));
  const auto differs = [&](auto change) {
    TrainingJob other = job;
    change(other);
    return !step.is_of(other, alike_members(other, {}, nullptr));
  };
  EXPECT_TRUE(differs([](TrainingJob& j) { j.config.tensor_parallel = 4; }));
  EXPECT_TRUE(differs([](TrainingJob& j) { j.config.recompute = Recompute::full; }));
  EXPECT_TRUE(differs([](TrainingJob& j) { j.config.bucket_size = Bytes{1e6}; }));
  EXPECT_TRUE(differs([](TrainingJob& j) { j.config.global_batch_size = 32; }));
  EXPECT_TRUE(differs([](TrainingJob& j) { j.llm.hidden *= 2; }));
  EXPECT_TRUE(differs([](TrainingJob& j) { j.llm.mlp.gated = true; }));
  EXPECT_TRUE(differs([](TrainingJob& j) { j.cluster.groups[0].count = 4; }));  // data parallel over what is left
  EXPECT_TRUE(differs([](TrainingJob& j) {
    j.placement.order = {MeshAxis::data, MeshAxis::tensor, MeshAxis::pipeline};
  }));
  EXPECT_FALSE(step.is_of(job, unfolded(Mesh({2, 2, 4}))));
}

TEST(LoweredSteps, KeepsTheLatest) {
  LoweredSteps kept;
  TrainingJob job = pipeline_job();
  const auto get = [&](std::int64_t batch) {
    job.config.global_batch_size = batch;
    return kept.get(job, alike_members(job, {}, nullptr), {});
  };
  const auto first = get(16);
  for (const std::int64_t batch : {32, 48, 64}) (void)get(batch);
  EXPECT_EQ(get(16), first);  // of four it was the oldest, and is the latest now
  (void)get(80);
  EXPECT_EQ(get(16), first);
  EXPECT_EQ(kept.lowered(), 5u);
  (void)get(32);
  EXPECT_EQ(kept.lowered(), 6u);
}

TEST(LoweredSteps, AFrozenPassIsTheUndisturbedStep) {
  const TrainingJob job = pipeline_job();
  const testing::RooflineTimer timer;
  const LoweredStep step(job, alike_members(job, {}, nullptr), {});
  const std::vector<sim::SimTime> ends = step.makespans({sim::price(step.plan(), training_prices(job, timer))});
  TrainingOptions alone;
  alone.shares_links = false;
  EXPECT_EQ(sim::to_seconds(ends.front()), predict(job, timer, alone).step_time);
}

}  // namespace
}  // namespace orrery::models
