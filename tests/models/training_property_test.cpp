// Laws that hold for every training job, tried on random ones.
#ifdef ORRERY_HAVE_RAPIDCHECK

#include <cstdint>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "models/training/parallel.hpp"
#include "models/training/step.hpp"
#include "tests/models/training_jobs.hpp"

namespace orrery::models {
namespace {

using testing::RooflineTimer;

TrainingJob random_job() {
  TrainingJob job = testing::gpt_job(*rc::gen::element(4, 8), *rc::gen::element(8, 16), 4);
  TrainingConfig& config = job.config;
  config.tensor_parallel = *rc::gen::element(1, 2, 4);
  config.pipeline_parallel = *rc::gen::element(1, 2, 4);
  config.data_parallel = *rc::gen::element(1, 2);
  config.sequence_length = *rc::gen::element(256, 2048);
  config.global_batch_size = config.data_parallel * config.pipeline_parallel * *rc::gen::inRange(1, 4);
  config.schedule = *rc::gen::element(std::string("gpipe"), std::string("1f1b"));
  config.sequence_parallel = config.tensor_parallel > 1 && *rc::gen::arbitrary<bool>();
  config.recompute = *rc::gen::element(Recompute::none, Recompute::selective, Recompute::full);
  config.attention = *rc::gen::element(AttentionImplementation::flash, AttentionImplementation::unfused);
  config.zero = *rc::gen::element(ZeroStage::none, ZeroStage::optimizer);
  config.overlap_p2p = *rc::gen::arbitrary<bool>();
  config.overlap_gradient_reduce = *rc::gen::arbitrary<bool>();
  config.overlap_tensor_parallel = *rc::gen::arbitrary<bool>();
  config.no_sync = *rc::gen::arbitrary<bool>();
  job.llm.tied_embeddings = *rc::gen::arbitrary<bool>();
  return job;
}

TEST(TrainingProperties, EveryCheckedJobLowersToAPlanThatRuns) {
  EXPECT_TRUE(rc::check([] {
    const TrainingJob job = random_job();
    RC_ASSERT(check(job).empty());
    RC_ASSERT(sim::check(lower(job)).empty());
  }));
}

TEST(TrainingProperties, BusyTimesFitIntoTheStepAndUtilisationBelowOne) {
  EXPECT_TRUE(rc::check([] {
    const TrainingJob job = random_job();
    const TrainingResult r = predict(job, RooflineTimer{});
    RC_ASSERT(r.step_time > Seconds{0.0});
    RC_ASSERT(r.compute <= r.step_time * (1.0 + 1e-9));
    RC_ASSERT(r.communication <= r.step_time * (1.0 + 1e-9));
    RC_ASSERT(r.exposed_communication <= r.communication * (1.0 + 1e-9));
    RC_ASSERT(r.optimizer <= r.compute * (1.0 + 1e-9));
    RC_ASSERT(r.bubble_fraction >= -1e-9 && r.bubble_fraction < 1.0);
    RC_ASSERT(r.mfu > 0.0 && r.mfu < 1.0);
    RC_ASSERT(r.hfu >= r.mfu);
    for (const StageMemory& m : r.memory) {
      const Bytes sum = m.weights + m.gradients + m.optimizer + m.activations + m.workspace;
      RC_ASSERT(m.peak >= sum * (1.0 - 1e-9) && m.peak <= sum * (1.0 + 1e-9));
    }
  }));
}

TEST(TrainingProperties, FoldedAndUnfoldedStepsTakeTheSameTime) {
  EXPECT_TRUE(rc::check([] {
    TrainingJob job = random_job();
    RC_PRE(job.config.tensor_parallel * job.config.pipeline_parallel * job.config.data_parallel <= 8);
    const RooflineTimer timer;
    const Mesh mesh = make_mesh(job);
    TrainingOptions options;
    options.classes = unfolded(mesh);
    const TrainingResult whole = predict(job, timer), each = predict(job, timer, options);
    RC_ASSERT(each.plan->ranks.size() == static_cast<std::size_t>(mesh.gpus()));
    RC_ASSERT(whole.step_time == each.step_time);
  }));
}

TEST(TrainingProperties, AnyPartingOfAlikeMembersTakesTheSameTime) {
  EXPECT_TRUE(rc::check([] {
    const TrainingJob job = random_job();
    const RooflineTimer timer;
    const Mesh mesh = make_mesh(job);
    const auto keys = *rc::gen::container<std::vector<std::uint64_t>>(
        static_cast<std::size_t>(mesh.gpus()), rc::gen::weightedElement<std::uint64_t>({{5, 0}, {1, 1}}));
    TrainingOptions options;
    options.classes = refine(mesh, [&](std::uint32_t member) { return keys[member]; });
    const TrainingResult whole = predict(job, timer), parted = predict(job, timer, options);
    for (const sim::Rank& rank : parted.plan->ranks) {
      for (const std::uint32_t member : rank.stands_for) RC_ASSERT(keys[member] == keys[rank.stands_for.front()]);
    }
    RC_ASSERT(whole.step_time == parted.step_time);
    for (std::size_t s = 0; s < whole.memory.size(); ++s) RC_ASSERT(whole.memory[s].peak == parted.memory[s].peak);
  }));
}

TEST(TrainingProperties, OverlapNeverLengthensAStep) {
  EXPECT_TRUE(rc::check([] {
    TrainingJob job = random_job();
    job.config.overlap_tensor_parallel = false;
    const Seconds exposed = predict(job, RooflineTimer{}).step_time;
    job.config.overlap_tensor_parallel = true;
    RC_ASSERT(predict(job, RooflineTimer{}).step_time <= exposed);
  }));
}

}  // namespace
}  // namespace orrery::models

#endif
