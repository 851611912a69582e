// Training steps whose collectives are read message by message.
#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "hardware/nccl.hpp"
#include "models/training/training_run.hpp"
#include "tests/models/serving_jobs.hpp"
#include "tests/models/world_jobs.hpp"

namespace orrery::models {
namespace {

using testing::spread_job;

/// The job with NCCL told to take an algorithm, read by messages or as flows.
TrainingJob told(const char* algorithm, TrainingJob job, bool messages) {
  job.cluster.nccl.algorithms = hardware::parse_nccl_algorithms(algorithm).list;
  if (messages) job.cluster.network.reading = hardware::NetworkReading::messages;
  return job;
}

TrainingJob on_rings(const TrainingJob& job, bool messages) { return told("ring", job, messages); }

TrainingOptions steps(int count) {
  TrainingOptions options;
  options.steps = count;
  return options;
}

TEST(TrainingMessages, WithoutCompanyTakeTheUndisturbedTime) {
  const testing::RooflineTimer timer;
  TrainingOptions alone;
  alone.shares_links = false;
  const TrainingJob job = on_rings(testing::gpt_job(4, 16, 1), true);
  const TrainingResult frozen = predict(job, timer, alone), messages = predict(job, timer, steps(2));
  EXPECT_EQ(frozen.reading, "frozen");
  EXPECT_EQ(messages.reading, "messages");
  EXPECT_EQ(messages.step_time, frozen.step_time) << "to the picosecond";
  EXPECT_EQ(messages.exposed_communication, frozen.exposed_communication);
}

TEST(TrainingMessages, CarryWhatFlowsCarry) {
  const testing::RooflineTimer timer;
  const TrainingResult flows = predict(on_rings(spread_job(4), false), timer, steps(2));
  const TrainingResult messages = predict(on_rings(spread_job(4), true), timer, steps(2));
  ASSERT_EQ(messages.links.size(), flows.links.size());
  for (std::size_t i = 0; i < flows.links.size(); ++i) {
    EXPECT_EQ(messages.links[i].link_class, flows.links[i].link_class);
    EXPECT_NEAR(messages.links[i].bytes / flows.links[i].bytes, 1.0, 1e-9) << flows.links[i].link_class;
  }
  EXPECT_NEAR(messages.step_time / flows.step_time, 1.0, 0.02) << "they share links with messages of the pipeline";
}

TEST(TrainingMessages, ADegradedCardHoldsUpItsRing) {
  // Which of the two readings is the slower is not said: a flow is slowed as a whole, messages step by step.
  const testing::RooflineTimer timer;
  const auto slowed = [&](bool messages) {
    TrainingOptions options = steps(2);
    options.disturbances.push_back({Seconds{0.0}, std::nullopt, std::nullopt, "node1.nic0.out", 0.1});
    return predict(on_rings(spread_job(4), messages), timer, options);
  };
  const TrainingResult usual = predict(on_rings(spread_job(4), false), timer, steps(2));
  const TrainingResult flows = slowed(false), messages = slowed(true);
  EXPECT_EQ(messages.reading, "messages");
  EXPECT_GT(messages.events, flows.events) << "a message is an event";
  EXPECT_GT(flows.step_time.value(), usual.step_time.value() * 1.001);
  EXPECT_GT(messages.step_time.value(), usual.step_time.value() * 1.001);
  EXPECT_NEAR(messages.step_time / flows.step_time, 1.0, 0.05);
}

TEST(TrainingMessages, OfTreesGoOverTheirEdges) {
  // Gradients of two replicas on nodes 0 and 2 or 1 and 3 are summed by trees: of two nodes both are one edge, as a
  // ring is, so that every link carries what the flow puts on it. The gradient norm's 4 B go over all four: a card that
  // stands for those of several nodes counts the busiest's 2 x 4 B / 2 for its two GPUs in place of the mean's three
  // quarters of that, 8 cards, out and in, in both steps.
  const testing::RooflineTimer timer;
  const TrainingResult flows = predict(told("tree", spread_job(4), false), timer, steps(2));
  const TrainingResult messages = predict(told("tree", spread_job(4), true), timer, steps(2));
  EXPECT_EQ(messages.reading, "messages");
  EXPECT_GT(messages.events, flows.events) << "a message is an event";
  ASSERT_EQ(messages.links.size(), flows.links.size());
  for (std::size_t i = 0; i < flows.links.size(); ++i) {
    const Bytes norm{flows.links[i].link_class == "nic" ? 4.0 * 0.25 * 8 * 2 * 2 : 0.0};
    EXPECT_NEAR((messages.links[i].bytes - norm) / flows.links[i].bytes, 1.0, 1e-9) << flows.links[i].link_class;
  }
  EXPECT_NEAR(messages.step_time / flows.step_time, 1.0, 0.02);
}

TEST(TrainingMessages, ADegradedCardHoldsUpItsTree) {
  const testing::RooflineTimer timer;
  const auto step = [&](bool degraded) {
    TrainingOptions options = steps(2);
    if (degraded) options.disturbances.push_back({Seconds{0.0}, std::nullopt, std::nullopt, "node1.nic0.out", 0.1});
    return predict(told("tree", spread_job(8), true), timer, options).step_time;
  };
  EXPECT_GT(step(true).value(), step(false).value() * 1.001);
  EXPECT_EQ(step(true), step(true));
}

TEST(TrainingMessages, EndsOfFlowsTogetherMoveAStepByNoMoreThanTheirBound) {
  const testing::RooflineTimer timer;
  TrainingJob job = spread_job(4);
  job.cluster.fabric.oversubscription = 8.0;
  const TrainingResult exact = predict(job, timer, steps(2));
  EXPECT_EQ(exact.batched.batches, 0u);
  job.cluster.network.completion_batching = 0.01;
  const TrainingResult batched = predict(job, timer, steps(2));
  EXPECT_LE(std::abs(batched.step_time.value() - exact.step_time.value()),
            sim::to_seconds(batched.batched.bound).value() + 1e-12);
}

}  // namespace
}  // namespace orrery::models
