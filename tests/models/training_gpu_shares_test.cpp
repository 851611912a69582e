// Steps whose collectives take SMs and memory bandwidth from the kernels beside them.
#include <algorithm>

#include <gtest/gtest.h>

#include "models/training/training.hpp"
#include "sim/collective/collective.hpp"
#include "tests/models/training_jobs.hpp"

namespace orrery::models {
namespace {

using testing::gpt_job;

TrainingResult run(TrainingJob job, bool shared) {
  job.cluster.network.gpu_shares = shared;
  return predict(job, testing::RooflineTimer{}, testing::with_timeline());
}

TEST(TrainingGpuShares, ChangeNothingWhereNothingOverlaps) {
  TrainingJob job = gpt_job();
  job.config.tensor_parallel = 2;
  job.config.sequence_parallel = true;
  job.config.overlap_gradient_reduce = job.config.overlap_tensor_parallel = false;
  const TrainingResult apart = run(job, false), shared = run(job, true);
  ASSERT_GT(apart.communication, Seconds{0.0});
  EXPECT_EQ(shared.step_time, apart.step_time);
  EXPECT_EQ(shared.compute, apart.compute);
  EXPECT_EQ(apart.reading, "frozen");
  EXPECT_EQ(shared.reading, "flows");
}

TEST(TrainingGpuShares, KernelsBesideGradientsTakeLongerByWhatTheyLose) {
  const TrainingJob job = gpt_job();
  const TrainingResult apart = run(job, false), shared = run(job, true);
  EXPECT_GT(shared.compute, apart.compute);
  EXPECT_GT(shared.step_time, apart.step_time);
  EXPECT_EQ(shared.communication, apart.communication) << "the collectives are there first";
  // While communication lasts nothing loses more than the greatest part that a collective takes.
  double most = 0.0;
  for (const sim::CollectiveEntry& entry : apart.plan->collectives) {
    sim::CollectiveCall call;
    call.kind = entry.kind, call.bytes = entry.bytes, call.ranks = 8, call.dtype = entry.dtype;
    const sim::CollectiveEstimate estimate = sim::explain_collective(call, job.cluster.site(0));
    const double wire = sim::bus_factor(entry.kind, 8) * entry.bytes.value();
    most = std::max({most, estimate.channels / 108.0, 3.0 * wire / estimate.time.value() / 2e12});
  }
  ASSERT_LT(most, 1.0);
  EXPECT_LE((shared.compute - apart.compute).value(), apart.communication.value() * most * (1.0 + 1e-9));
}

TEST(TrainingGpuShares, AreAskedForInVainWhereEveryOperationIsAlone) {
  const TrainingJob job = gpt_job();
  TrainingJob asked = job;
  asked.cluster.network.gpu_shares = true;
  TrainingOptions alone;
  alone.shares_links = false;
  EXPECT_EQ(predict(asked, testing::RooflineTimer{}, alone).step_time, run(job, false).step_time);
}

}  // namespace
}  // namespace orrery::models
