#include "scenarios/serving/timeline.hpp"

#include <gtest/gtest.h>

#include "scenarios/serving/job.hpp"
#include "tests/scenarios/serving/fixture.hpp"

namespace orrery::scenarios {
namespace {

using models::ServingResult;
using models::StepRecord;

StepRecord step(sim::SimTime start, sim::SimTime end, std::uint32_t replica, std::uint32_t stage) {
  StepRecord record;
  record.start = start;
  record.end = end;
  record.replica = replica;
  record.stage = stage;
  return record;
}

/// Two replicas of two stages; ordered by replica and start, as the engine leaves them.
ServingResult pipeline_result() {
  ServingResult result;
  result.config.replicas = 2;
  result.config.pipeline_parallel = 2;
  result.config.tensor_parallel = 4;
  result.pool.block_bytes = Bytes{1000.0};
  StepRecord a = step(10, 20, 0, 0);
  a.prefill_sequences = 2;
  a.prefill_tokens = 2048;
  a.used_blocks = 7;
  StepRecord b = a;
  b.start = 20;
  b.end = 30;
  b.stage = 1;
  StepRecord c = step(20, 40, 0, 0);
  c.prefill_sequences = 1;
  c.prefill_tokens = 16;
  c.decode_sequences = 2;
  c.used_blocks = 7;
  StepRecord d = step(5, 65, 1, 0);
  d.decode_sequences = 12;
  d.repeats = 40;
  d.used_blocks = 3;
  result.timeline = {a, b, c, d};
  return result;
}

TEST(ServingTimeline, HasARankPerReplicaAndAStreamPerStage) {
  const sim::Timeline timeline = timeline_of(pipeline_result());
  ASSERT_EQ(timeline.ranks.size(), 2u);
  EXPECT_EQ(timeline.ranks[0].name, "replica 0");
  EXPECT_EQ(timeline.ranks[1].name, "replica 1");
  EXPECT_EQ(timeline.ranks[1].multiplicity(), 8);  // 4 tensor-parallel GPUs in each of 2 stages
  ASSERT_EQ(timeline.streams.size(), 4u);
  EXPECT_EQ(timeline.streams[1].rank, RankId{0});
  EXPECT_EQ(timeline.streams[2].rank, RankId{1});
  EXPECT_EQ(timeline.makespan, 65u);
}

TEST(ServingTimeline, NamesIterationsAsTheTraceDoes) {
  const sim::Timeline timeline = timeline_of(pipeline_result());
  ASSERT_EQ(timeline.spans.size(), 4u);
  const auto label = [&](std::size_t i) { return timeline.labels[timeline.spans[i].label.index()]; };
  EXPECT_EQ(label(0), "prefill 2048");
  EXPECT_EQ(timeline.spans[0].activity, sim::Activity::prefill);
  EXPECT_EQ(label(1), "prefill 16 + decode 2");
  EXPECT_EQ(timeline.spans[1].activity, sim::Activity::mixed);
  EXPECT_EQ(timeline.spans[2].label, timeline.spans[0].label);  // the same iteration on the next stage
  EXPECT_EQ(timeline.spans[2].stream, StreamId{1});
  EXPECT_EQ(label(3), "decode 12 (x 40)");
  EXPECT_EQ(timeline.spans[3].activity, sim::Activity::decode);
  EXPECT_EQ(timeline.labels.size(), 3u);
}

TEST(ServingTimeline, KeepsTimesExactly) {
  const sim::Timeline timeline = timeline_of(pipeline_result());
  EXPECT_EQ(timeline.spans[0].start, 10u);
  EXPECT_EQ(timeline.spans[0].end, 20u);
  EXPECT_EQ(timeline.spans[3].start, 5u);
  EXPECT_EQ(timeline.spans[3].end, 65u);
}

TEST(ServingTimeline, SamplesTheCacheInUseWhereItChanges) {
  const sim::Timeline timeline = timeline_of(pipeline_result());
  // Replica 0 holds 7 blocks of 1,000 bytes in both of its iterations: one sample; replica 1 holds 3 from time 5 on.
  ASSERT_EQ(timeline.memory.size(), 2u);
  EXPECT_EQ(timeline.memory[0].time, 5u);
  EXPECT_EQ(timeline.memory[0].rank, RankId{1});
  EXPECT_DOUBLE_EQ(timeline.memory[0].bytes_after, 3000.0);
  EXPECT_EQ(timeline.memory[1].time, 10u);
  EXPECT_DOUBLE_EQ(timeline.memory[1].bytes_after, 7000.0);
  EXPECT_EQ(timeline.memory[1].kind, sim::MemoryKind::kv_cache);
}

TEST(ServingTimeline, OrdersSpansOfARealRunByStreamThenStart) {
  const std::string text = testing::replaced(testing::small_serving(), "tensor_parallel: 1", "replicas: 2");
  const Report report = run_scenario(parse_scenario(text, "s.yaml"), {true, true});
  const ServingResult& result = *find_serving(report);
  const sim::Timeline timeline = timeline_of(result);
  ASSERT_GT(timeline.spans.size(), 10u);
  ASSERT_EQ(timeline.spans.size(), result.timeline.size());
  for (std::size_t i = 1; i < timeline.spans.size(); ++i) {
    const sim::Span &a = timeline.spans[i - 1], &b = timeline.spans[i];
    ASSERT_TRUE(a.stream < b.stream || (a.stream == b.stream && a.start <= b.start)) << i;
    ASSERT_LT(b.label.index(), timeline.labels.size());
  }
}

TEST(ServingTimeline, OfNothingIsEmpty) {
  const sim::Timeline timeline = timeline_of(ServingResult{});
  EXPECT_TRUE(timeline.spans.empty());
  EXPECT_EQ(timeline.ranks.size(), 1u);
  EXPECT_EQ(timeline.makespan, 0u);
}

}  // namespace
}  // namespace orrery::scenarios
