// Workers that synchronise every so many steps: what they exchange, what that adds, and what they hold for it.
#include <algorithm>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hardware/catalogue/catalogue.hpp"
#include "models/training/memory.hpp"
#include "models/training/outer_plan.hpp"
#include "models/training/parallel.hpp"
#include "tests/models/training_jobs.hpp"

namespace orrery::models {
namespace {

using testing::gpt_job;
using ::testing::HasSubstr;
using testing::RooflineTimer;

/// Two workers of one node each, of 2 x 4 ranks.
TrainingJob worker_pair(int nodes = 2) {
  TrainingJob job = gpt_job(4, 16, nodes);
  job.config.attention = AttentionImplementation::flash;
  job.config.global_batch_size = 32;
  job.config.tensor_parallel = 2;
  job.config.outer.workers = 2;
  job.config.outer.steps = 100;
  return job;
}

std::string error_of(const TrainingJob& job) {
  const std::vector<JobError> errors = check(job);
  return errors.empty() ? "" : errors.front().key + ": " + errors.front().message;
}

TEST(OuterSteps, AWorkerHasItsShareOfTheJob) {
  const TrainingJob job = worker_pair();
  ASSERT_EQ(error_of(job), "");
  EXPECT_EQ(worker_data_parallel(job), 4);
  const TrainingJob worker = worker_job(job);
  EXPECT_EQ(worker.config.global_batch_size, 16);
  EXPECT_EQ(make_mesh(worker).gpus(), 8);
  EXPECT_EQ(error_of(worker), "");
}

TEST(OuterSteps, WorkersExchangeTheModelOnce) {
  const TrainingJob job = worker_pair();
  const sim::Plan plan = lower_outer(job, OuterPart::exchange);
  ASSERT_EQ(plan.collectives.size(), 1u);
  const sim::CollectiveEntry& entry = plan.collectives.front();
  EXPECT_EQ(entry.kind, sim::CollectiveKind::all_reduce);
  const auto parameters = static_cast<double>(stage_parameters_per_rank(worker_job(job), 0));
  EXPECT_DOUBLE_EQ(entry.bytes.value(), 4.0 * parameters / 4.0);  // fp32, a fourth of what its replicas all have
  const sim::Group& group = plan.groups.at(entry.group.index());
  EXPECT_EQ(group.size(), 2);
  EXPECT_EQ(group.bases.size(), 8u);
  EXPECT_EQ(group.axes.front().stride, 8);  // the same place of the other worker
  EXPECT_EQ(plan.ranks.front().multiplicity(), 16);
}

TEST(OuterSteps, AddTheirShareToTheMeanStep) {
  const RooflineTimer timer;
  const TrainingJob job = worker_pair();
  const TrainingResult inner = predict(worker_job(job), timer), mean = predict(job, timer);
  ASSERT_TRUE(mean.outer.has_value());
  const OuterStep& outer = *mean.outer;
  EXPECT_EQ(outer.inner, inner.step_time);
  EXPECT_GT(outer.exchange, Seconds{0.0});
  EXPECT_GT(outer.update, Seconds{0.0});
  EXPECT_GT(outer.gather, Seconds{0.0});
  const Seconds each = outer.exchange + outer.update + outer.gather;
  EXPECT_DOUBLE_EQ(mean.step_time.value(), (inner.step_time + each / 100.0).value());
  EXPECT_DOUBLE_EQ(mean.tokens_per_second, 32.0 * 2048.0 / mean.step_time.value());
  EXPECT_DOUBLE_EQ(mean.tokens_per_second_per_gpu, mean.tokens_per_second / 16.0);
  EXPECT_DOUBLE_EQ(mean.exposed_communication.value(),
                   (inner.exposed_communication + (outer.exchange + outer.gather) / 100.0).value());
  // Of two workers each sends what it exchanges once: 2(W − 1)/W.
  const auto parameters = static_cast<double>(stage_parameters_per_rank(worker_job(job), 0));
  EXPECT_DOUBLE_EQ(outer.worker_sent.value(), 4.0 * parameters * 2.0);
  EXPECT_DOUBLE_EQ(outer.sent.value(), parameters);
}

// DiLoCo's point: H steps in place of one send an H-th in the mean, and take an H-th.
TEST(OuterSteps, FewerExchangesSendLess) {
  const RooflineTimer timer;
  TrainingJob job = worker_pair();
  const TrainingResult often = predict(job, timer);
  job.config.outer.steps = 500;
  const TrainingResult seldom = predict(job, timer);
  EXPECT_DOUBLE_EQ(often.outer->exposed.value(), 5.0 * seldom.outer->exposed.value());
  EXPECT_EQ(often.outer->worker_sent, seldom.outer->worker_sent);
}

TEST(OuterSteps, AnExchangeBesideStepsCostsWhatIsLeft) {
  const RooflineTimer timer;
  TrainingJob job = worker_pair();
  job.config.outer.overlap = true;
  const OuterStep hidden = *predict(job, timer).outer;
  ASSERT_LT(hidden.exchange, hidden.inner * 100.0);
  EXPECT_DOUBLE_EQ(hidden.exposed.value(), ((hidden.update + hidden.gather) / 100.0).value());
  job.config.outer.steps = 1;
  job.cluster.groups.front().node.nic_bandwidth = BytesPerSecond{1e7};
  const OuterStep late = *predict(job, timer).outer;
  ASSERT_GT(late.exchange, late.inner);
  EXPECT_DOUBLE_EQ(late.exposed.value(), (late.exchange - late.inner + late.update + late.gather).value());
}

TEST(OuterSteps, FragmentsTakeTurns) {
  const RooflineTimer timer;
  TrainingJob job = worker_pair();
  const OuterStep whole = *predict(job, timer).outer;
  job.config.outer.fragments = 4;
  const OuterStep part = *predict(job, timer).outer;
  EXPECT_DOUBLE_EQ(part.sent.value(), whole.sent.value() / 4.0);
  EXPECT_DOUBLE_EQ(part.worker_sent.value(), whole.worker_sent.value());
  EXPECT_LT(part.exchange, whole.exchange);
  EXPECT_GE(part.exposed, whole.exposed);  // four latencies in place of one
}

// One replica in a worker has all of its weights already.
TEST(OuterSteps, AWorkerOfOneReplicaGathersNothing) {
  const RooflineTimer timer;
  TrainingJob job = worker_pair();
  job.config.tensor_parallel = 8;
  ASSERT_EQ(error_of(job), "");
  const OuterStep outer = *predict(job, timer).outer;
  EXPECT_EQ(outer.gather, Seconds{0.0});
  EXPECT_GT(outer.exchange, Seconds{0.0});
}

// Each stage exchanges its own layers with the same stage of the other worker.
TEST(OuterSteps, StagesExchangeTheirOwn) {
  TrainingJob job = worker_pair(4);
  job.config.pipeline_parallel = 2;
  ASSERT_EQ(error_of(job), "");
  const sim::Plan plan = lower_outer(job, OuterPart::exchange);
  ASSERT_EQ(plan.ranks.size(), 2u);
  ASSERT_EQ(plan.groups.size(), 2u);
  EXPECT_EQ(plan.groups[0].axes.front().stride, 16);
  for (int stage = 0; stage < 2; ++stage) {
    const auto parameters = static_cast<double>(stage_parameters_per_rank(worker_job(job), stage));
    EXPECT_DOUBLE_EQ(plan.collectives.at(static_cast<std::size_t>(stage)).bytes.value(), 4.0 * parameters / 4.0);
  }
}

TEST(OuterSteps, FewerBytesAValueTakeLess) {
  const RooflineTimer timer;
  TrainingJob job = worker_pair();
  const OuterStep wide = *predict(job, timer).outer;
  job.config.outer.dtype = Dtype::bf16;
  const OuterStep narrow = *predict(job, timer).outer;
  EXPECT_DOUBLE_EQ(narrow.worker_sent.value(), wide.worker_sent.value() / 2.0);
  EXPECT_LT(narrow.exchange, wide.exchange);
}

// Momentum and the weights of the last exchange, 8 bytes a parameter over four ranks; or none of it.
TEST(OuterSteps, TheOuterStateIsInMemoryOrOnTheHost) {
  const RooflineTimer timer;
  TrainingJob job = worker_pair();
  const auto parameters = static_cast<double>(stage_parameters_per_rank(worker_job(job), 0));
  const TrainingResult on_gpu = predict(job, timer);
  job.config.outer.state = OuterState::host;
  const TrainingResult on_host = predict(job, timer);
  EXPECT_DOUBLE_EQ(on_gpu.fullest().optimizer.value() - on_host.fullest().optimizer.value(), 8.0 * parameters / 4.0);
  EXPECT_GT(on_host.outer->update, on_gpu.outer->update);
  // Fetched and put back over PCIe: 16 bytes a parameter of the share.
  const Seconds copies = Bytes{16.0 * parameters / 4.0} / BytesPerSecond{32e9};
  EXPECT_GT((on_host.outer->update - on_gpu.outer->update) / copies, 0.9);
}

// Two sites with two wavelengths of 400 Gb/s: all ranks of a site exchange at once over these.
TEST(OuterSteps, SitesShareTheirWavelengths) {
  const RooflineTimer timer;
  TrainingJob job = worker_pair(256);
  job.cluster.fabric = hardware::load_fabric("two_sites_100km");
  job.config.global_batch_size = 2048;
  ASSERT_EQ(error_of(job), "");
  const OuterStep outer = *predict(job, timer).outer;
  const Seconds wire = outer.worker_sent / BytesPerSecond{100e9};
  // 0.85 of a line rate is what NCCL sustains on a network (sim/collective/constants.cpp).
  EXPECT_NEAR(outer.exchange / (wire / 0.85), 1.0, 0.03);
}

TEST(OuterSteps, RefuseWhatMakesNoWorkers) {
  TrainingJob job = worker_pair();
  job.config.outer.workers = 3;
  EXPECT_EQ(error_of(job), "training.outer_workers: 3 does not divide data_parallel (8)");
  job = worker_pair();
  job.config.outer.workers = 4;
  EXPECT_THAT(error_of(job), HasSubstr("4 workers have 4 GPUs each, which are no whole nodes of 8"));
  job = worker_pair();
  job.config.outer.workers = 1;
  EXPECT_EQ(error_of(job),
            "training.outer_steps: tells of an exchange that one worker alone has not; set outer_workers");
  job = worker_pair();
  job.config.outer.fragments = 101;
  EXPECT_EQ(error_of(job), "training.outer_fragments: 101 of them can't take turns within 100 steps");
  job = worker_pair();
  job.config.outer.dtype = Dtype::int4;
  EXPECT_THAT(error_of(job), HasSubstr("training.outer_dtype: pseudo-gradients are exchanged in fp32, fp16 or bf16"));
  job = worker_pair(192);
  job.cluster.fabric = hardware::load_fabric("two_sites_100km");
  job.config.global_batch_size = 1536;
  EXPECT_THAT(error_of(job), HasSubstr("a worker of 96 nodes from node 0 on straddles sites of 128 nodes unevenly"));
}

TEST(OuterSteps, AreNotPlayedAmongEvents) {
  const RooflineTimer timer;
  TrainingOptions several;
  several.steps = 2;
  EXPECT_THROW((void)predict(worker_pair(), timer, several), std::invalid_argument);
}

}  // namespace
}  // namespace orrery::models
