// The figures that go into a step, each by hand: prices, placement, bytes of the optimizer, messages, buffers.
#include <string>

#include <gtest/gtest.h>

#include "models/layer/parameters.hpp"
#include "models/parallel/lanes.hpp"
#include "models/training/memory.hpp"
#include "models/training/parallel.hpp"
#include "models/training/pricing.hpp"
#include "models/training/result.hpp"
#include "models/training/step.hpp"
#include "sim/collective/collective.hpp"
#include "tests/models/training_jobs.hpp"

namespace orrery::models {
namespace {

using testing::gpt_job;

/// Every kernel takes the same time.
class ConstantTimer : public kernels::KernelTimer {
 public:
  explicit ConstantTimer(Seconds time) : time_(time) {}
  Seconds time(const kernels::Kernel&, const hardware::Gpu&) const override { return time_; }
  kernels::Estimate explain(const kernels::Kernel&, const hardware::Gpu&) const override {
    kernels::Estimate estimate;
    estimate.time = time_;
    return estimate;
  }

 private:
  Seconds time_;
};

constexpr double kMiB = 1048576.0;

TEST(TrainingPricing, AKernelCostsItsTimeAndTheGapButAtLeastTheHost) {
  // The test GPU: gap 1 us, launch 5 us.
  TrainingJob job = gpt_job();
  const auto price = [&](double microseconds) {
    const ConstantTimer timer(Seconds{microseconds * 1e-6});
    return training_prices(job, timer).time(sim::KernelEntry{}, 0).value() * 1e6;
  };
  EXPECT_NEAR(price(10.0), 11.0, 1e-9);
  EXPECT_NEAR(price(1.0), 5.0, 1e-9);
  job.config.host_overhead = Seconds{70e-6};
  EXPECT_NEAR(price(10.0), 70.0, 1e-9);
  EXPECT_NEAR(price(100.0), 101.0, 1e-9);
  job.config.cuda_graphs = true;
  EXPECT_NEAR(price(1.0), 2.0, 1e-9);
}

TEST(TrainingPricing, CollectivesAndMessagesTakeTheirClosedForms) {
  TrainingJob job = gpt_job(8, 16, 2);
  const ConstantTimer timer(Seconds{1e-6});
  const sim::ClusterPrices prices = training_prices(job, timer);
  sim::Plan plan;
  plan.ranks = {{"near", {0, 1}, 0}, {"far", {8, 9}, 0}};
  plan.groups = {sim::Group::of("tp", {RankId(0)}, 8),
                 sim::Group::of("alone", {RankId(0)}, 1),
                 {"wide", {RankId(0)}, {{2, 8}}, {0, 1}}};
  const auto price = [&](int group) {
    sim::CollectiveEntry entry;
    entry.bytes = Bytes{1e9};
    entry.group = GroupId(group);
    return prices.time(entry, plan);
  };
  const auto all_reduce = [&](int ranks, int nodes) {
    return sim::collective_time({sim::CollectiveKind::all_reduce, Bytes{1e9}, ranks, nodes}, job.cluster.site(0));
  };
  EXPECT_EQ(price(0), all_reduce(8, 1));
  EXPECT_EQ(price(1), Seconds{0.0});
  EXPECT_EQ(price(2), all_reduce(2, 2));
  sim::TransferEntry message;
  message.bytes = Bytes{1e6};
  message.source = RankId(0);
  message.destination = RankId(1);
  EXPECT_EQ(prices.time(message, plan), sim::transfer_time(Bytes{1e6}, false, job.cluster.site(0)));
}

TEST(TrainingPricing, TheHostIssuesCollectivesToo) {
  TrainingJob job = gpt_job();
  job.config.host_overhead = Seconds{1.0};
  const ConstantTimer timer(Seconds{1e-6});
  sim::CollectiveEntry entry;
  entry.bytes = Bytes{1024.0};
  entry.group = GroupId(0);
  sim::Plan plan;
  plan.groups = {sim::Group::of("tp", {RankId(0)}, 8)};
  EXPECT_EQ(training_prices(job, timer).time(entry, plan), Seconds{1.0});
}

TEST(TrainingPlacement, TensorParallelGroupsMayNotStraddleNodes) {
  TrainingJob job = gpt_job(8, 12, 2);
  job.config.global_batch_size = 4;
  job.config.tensor_parallel = 3;
  job.config.data_parallel = 4;
  const auto errors = check(job);
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_EQ(errors[0].key, "training.tensor_parallel");
  EXPECT_NE(errors[0].message.find("straddle nodes of 8"), std::string::npos);
}

/// Bytes of the kernel called `label` in the folded plan.
kernels::Work kernel_work(const TrainingJob& job, const std::string& label) {
  const sim::Plan plan = lower(job);
  for (const sim::KernelEntry& entry : plan.kernels) {
    if (plan.labels[entry.label.index()] == label) return kernels::work(entry.kernel);
  }
  ADD_FAILURE() << "no kernel " << label;
  return {};
}

double collective_bytes(const TrainingJob& job, const std::string& label) {
  const sim::Plan plan = lower(job);
  for (const sim::CollectiveEntry& entry : plan.collectives) {
    if (plan.labels[entry.label.index()] == label) return entry.bytes.value();
  }
  ADD_FAILURE() << "no collective " << label;
  return 0.0;
}

TEST(TrainingBytes, AdamReadsSixteenAndWritesFourteenPerParameter) {
  // Read: fp32 gradient 4, moments 8, master 4. Written: moments 8, master 4, 16-bit weight 2.
  TrainingJob job = gpt_job();
  const double n = static_cast<double>(parameters(job.llm));
  EXPECT_DOUBLE_EQ(kernel_work(job, "adam").read.value(), 16.0 * n);
  EXPECT_DOUBLE_EQ(kernel_work(job, "adam").written.value(), 14.0 * n);
  job.config.master_weights = false;  // gradient 4, moments 8, weight 2; moments 8, weight 2
  EXPECT_DOUBLE_EQ(kernel_work(job, "adam").read.value(), 14.0 * n);
  EXPECT_DOUBLE_EQ(kernel_work(job, "adam").written.value(), 10.0 * n);
}

TEST(TrainingBytes, ZeroOneUpdatesAShardAndGathersTheWeights) {
  TrainingJob job = gpt_job();
  job.config.zero = ZeroStage::optimizer;
  const double n = static_cast<double>(parameters(job.llm));
  EXPECT_NEAR(kernel_work(job, "adam").read.value(), 16.0 * n / 8.0, 32.0);
  EXPECT_DOUBLE_EQ(collective_bytes(job, "gather weights"), 2.0 * n);
}

TEST(TrainingBytes, ElementwiseKernelsMoveTheirTensorsOnce) {
  TrainingJob job = gpt_job();
  const double tensor = 2048.0 * 2048.0;  // tokens x hidden
  EXPECT_DOUBLE_EQ(kernel_work(job, "attention norm").read.value(), 2.0 * tensor);
  EXPECT_DOUBLE_EQ(kernel_work(job, "attention norm").written.value(), 2.0 * tensor);
  EXPECT_DOUBLE_EQ(kernel_work(job, "mlp residual").read.value(), 4.0 * tensor);
  job.config.dropout = 0.1;  // and a byte of mask
  EXPECT_DOUBLE_EQ(kernel_work(job, "mlp residual").written.value(), 3.0 * tensor);
  EXPECT_DOUBLE_EQ(kernel_work(job, "activation").read.value(), 2.0 * 4.0 * tensor);
}

TEST(TrainingBytes, PipelineMessagesAreOneTensorParallelSlice) {
  TrainingJob job = gpt_job();
  job.config.tensor_parallel = 2;
  job.config.pipeline_parallel = 2;
  const sim::Plan plan = lower(job);
  ASSERT_FALSE(plan.transfers.empty());
  for (const sim::TransferEntry& message : plan.transfers) {
    EXPECT_DOUBLE_EQ(message.bytes.value(), 2.0 * 2048.0 * 2048.0 / 2.0);
    EXPECT_TRUE(sim::same_node(message, plan, make_placement(job)));
  }
}

TEST(TrainingBytes, FullPrecisionDoublesActivationsWeightsAndMessages) {
  TrainingJob job = gpt_job();
  job.config.pipeline_parallel = 2;
  const double half = lower(job).transfers.front().bytes.value();
  const Bytes kept = layer_activations(job, 0, true);
  job.config.precision = Dtype::tf32;
  EXPECT_TRUE(check(job).empty());
  EXPECT_DOUBLE_EQ(lower(job).transfers.front().bytes.value(), 2.0 * half);
  EXPECT_DOUBLE_EQ(layer_activations(job, 0, true).value(), 2.0 * kept.value());
  EXPECT_DOUBLE_EQ(model_states(job.config, 100, 1).weights.value(), 400.0);
  job.config.attention = AttentionImplementation::flash;
  ASSERT_EQ(check(job).size(), 1u);
  EXPECT_NE(check(job)[0].message.find("flash attention has no tf32 kernels"), std::string::npos);
}

TEST(TrainingBytes, UntrainableNumberFormatsAreRefused) {
  TrainingJob job = gpt_job();
  job.config.precision = Dtype::int8;
  ASSERT_EQ(check(job).size(), 1u);
  EXPECT_EQ(check(job)[0].key, "training.precision");
  job.config.precision = Dtype::bf16;
  job.config.gradient_dtype = Dtype::nvfp4;
  ASSERT_EQ(check(job).size(), 1u);
  EXPECT_EQ(check(job)[0].key, "training.gradient_dtype");
}

TEST(TrainingBytes, WorkspaceIsCublasAndEveryCommunicator) {
  TrainingJob job = gpt_job();
  job.config.data_parallel = 1;
  EXPECT_DOUBLE_EQ(workspace(job).value(), 32.0 * kMiB);
  job.config.tensor_parallel = 8;
  EXPECT_NEAR(workspace(job).value(), (32.0 + 24.0 * 2.0 * 8.7) * kMiB, 1.0);
}

TEST(TrainingBytes, RecomputedLayersComeBackAsWorkspaceOneAtATime) {
  TrainingJob job = gpt_job();
  job.config.data_parallel = 1;
  const auto run = [&](Recompute recompute) {
    job.config.recompute = recompute;
    return predict(job, ConstantTimer(Seconds{1e-6})).memory.front();
  };
  const Bytes none = run(Recompute::none).workspace;
  // Selective: the scores of one layer, 2·a·s²·b = 2·16·2048². Full: the whole layer.
  EXPECT_DOUBLE_EQ((run(Recompute::selective).workspace - none).value(), 2.0 * 16.0 * 2048.0 * 2048.0);
  const StageMemory full = run(Recompute::full);
  job.config.recompute = Recompute::none;
  EXPECT_DOUBLE_EQ((full.workspace - none).value(), layer_activations(job, 0, false).value());
}

TEST(TrainingBytes, AShapeThatNoKernelCanHaveIsNotPriced) {
  TrainingJob job = gpt_job();
  job.llm.attention.head_dim = -128;
  EXPECT_THROW(static_cast<void>(predict(job, ConstantTimer(Seconds{1e-6}))), std::invalid_argument);
}

TEST(TrainingResultFigures, BusyExposedAndBubbleOfAHandDrawnTimeline) {
  // Two stages, in seconds:   F0 0-10, B0 30-50 | F1 10-20, B1 20-40; a message 40-45 on stage 1, Adam 50-60 on 0.
  TrainingJob job = gpt_job();
  job.config.pipeline_parallel = 2;
  TrainingResult result;
  sim::Timeline t;
  sim::Plan plan;
  t.ranks = plan.ranks = {{"stage 0", {0, 1, 2, 3}, 0}, {"stage 1", {4, 5, 6, 7}, 0}};
  result.plan = std::make_shared<const sim::Plan>(plan);
  t.streams = {{RankId{0}, {}, ""}, {RankId{1}, {}, ""}, {RankId{1}, lanes::kSendPrev, ""}};
  const auto span = [&](double start, double end, int stream, sim::Activity activity) {
    sim::Span s;
    s.start = sim::to_sim_time(Seconds{start});
    s.end = sim::to_sim_time(Seconds{end});
    s.stream = StreamId{stream};
    s.activity = activity;
    t.spans.push_back(s);
  };
  span(0, 10, 0, sim::Activity::forward);
  span(30, 50, 0, sim::Activity::backward);
  span(50, 60, 0, sim::Activity::optimizer);
  span(10, 20, 1, sim::Activity::forward);
  span(20, 40, 1, sim::Activity::backward);
  span(40, 45, 2, sim::Activity::pipeline);
  sim::Evaluation step;
  step.makespan = sim::to_sim_time(Seconds{60.0});
  step.busy = sim::busy_times(t, summary_sets());
  step.memory = sim::MemoryLedger(2);
  summarise(job, step, result);
  EXPECT_DOUBLE_EQ(result.step_time.value(), 60.0);
  EXPECT_DOUBLE_EQ(result.compute.value(), (40.0 + 30.0) / 2);
  EXPECT_DOUBLE_EQ(result.communication.value(), 5.0 / 2);
  EXPECT_DOUBLE_EQ(result.exposed_communication.value(), 5.0 / 2);
  EXPECT_DOUBLE_EQ(result.optimizer.value(), 10.0 / 2);
  EXPECT_DOUBLE_EQ(result.bubble_fraction, 1.0 - 30.0 / 50.0);  // both stages are busy 30 of the 50 s of the pipeline
}

}  // namespace
}  // namespace orrery::models
