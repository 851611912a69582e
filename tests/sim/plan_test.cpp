// PlanBuilder: interning, streams, events, and that a builder can be used again.
#include "sim/plan/plan.hpp"

#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

namespace orrery::sim {
namespace {

kernels::Kernel gemm(std::int64_t m) {
  kernels::GemmShape shape;
  shape.m = m;
  shape.n = 4096;
  shape.k = 1024;
  return shape;
}

TEST(PlanBuilder, EqualEntriesShareOneTableRow) {
  PlanBuilder builder;
  const RankId a = builder.add_rank("stage 0");
  const RankId b = builder.add_rank("stage 1");
  const StreamId stream = builder.stream(a, Lane::compute);
  for (int layer = 0; layer < 96; ++layer) builder.launch(stream, gemm(8192), "qkv", Activity::forward);
  const GroupId group = builder.add_group({"tp0", {a}, 8, 1});
  for (int i = 0; i < 3; ++i) {
    builder.collective(stream, CollectiveKind::all_reduce, 1_MiB, group, "ar", Activity::tensor_parallel);
    builder.copy(stream, {1_MiB, true, true}, "load");
    builder.alloc(stream, 1_MiB, MemoryKind::activations);
    builder.free(stream, 1_MiB, MemoryKind::activations);
  }
  TransferEntry entry{a, b, 2_MiB, false, builder.label("p2p"), Activity::pipeline};
  EXPECT_EQ(builder.transfer(entry), 0u);
  EXPECT_EQ(builder.transfer(entry), 0u);
  entry.same_node = true;
  EXPECT_EQ(builder.transfer(entry), 1u);

  const Plan plan = builder.take();
  EXPECT_EQ(plan.kernels.size(), 1u);
  EXPECT_EQ(plan.collectives.size(), 1u);
  EXPECT_EQ(plan.copies.size(), 1u);
  EXPECT_EQ(plan.memory.size(), 1u);
  EXPECT_EQ(plan.transfers.size(), 2u);
  EXPECT_EQ(plan.step_count(), 96u + 3u * 4u);
}

TEST(PlanBuilder, EntriesThatDifferInOneFieldStayApart) {
  PlanBuilder builder;
  const RankId rank = builder.add_rank("gpu");
  const StreamId stream = builder.stream(rank, Lane::compute);
  const GroupId g = builder.add_group({"a", {rank}, 2, 1});
  const GroupId h = builder.add_group({"b", {rank}, 2, 1});
  builder.launch(stream, gemm(1), "x", Activity::forward);
  builder.launch(stream, gemm(2), "x", Activity::forward);
  builder.launch(stream, gemm(1), "y", Activity::forward);
  builder.launch(stream, gemm(1), "x", Activity::backward);
  builder.launch(stream, gemm(1), "x", Activity::forward, 2);
  builder.collective(stream, CollectiveKind::all_reduce, 1_MiB, g, "c", Activity::data_parallel);
  builder.collective(stream, CollectiveKind::all_gather, 1_MiB, g, "c", Activity::data_parallel);
  builder.collective(stream, CollectiveKind::all_reduce, 2_MiB, g, "c", Activity::data_parallel);
  builder.collective(stream, CollectiveKind::all_reduce, 1_MiB, h, "c", Activity::data_parallel);
  builder.collective(stream, CollectiveKind::all_reduce, 1_MiB, g, "d", Activity::data_parallel);
  builder.collective(stream, CollectiveKind::all_reduce, 1_MiB, g, "c", Activity::tensor_parallel);
  builder.copy(stream, {1_MiB, true, true}, "c");
  builder.copy(stream, {1_MiB, false, true}, "c");
  builder.copy(stream, {1_MiB, true, false}, "c");
  builder.alloc(stream, 1_MiB, MemoryKind::weights);
  builder.alloc(stream, 1_MiB, MemoryKind::gradients);
  const Plan plan = builder.take();
  EXPECT_EQ(plan.kernels.size(), 5u);
  EXPECT_EQ(plan.collectives.size(), 6u);
  EXPECT_EQ(plan.copies.size(), 3u);
  EXPECT_EQ(plan.memory.size(), 2u);
}

TEST(PlanBuilder, AStreamIsCreatedOncePerRankAndLane) {
  PlanBuilder builder;
  const RankId a = builder.add_rank("a");
  const RankId b = builder.add_rank("b");
  const StreamId first = builder.stream(a, Lane::compute);
  EXPECT_EQ(builder.stream(a, Lane::compute), first);
  EXPECT_NE(builder.stream(a, Lane::data_parallel), first);
  EXPECT_NE(builder.stream(b, Lane::compute), first);
  EXPECT_EQ(builder.take().streams.size(), 3u);
}

TEST(PlanBuilder, EventsAreNumberedInRecordOrder) {
  PlanBuilder builder;
  const StreamId stream = builder.stream(builder.add_rank("a"), Lane::compute);
  EXPECT_EQ(builder.record(stream), EventId(0));
  EXPECT_EQ(builder.record(stream), EventId(1));
  EXPECT_EQ(builder.take().events, 2u);
}

TEST(PlanBuilder, TakeLeavesAnEmptyBuilder) {
  PlanBuilder builder;
  builder.launch(builder.stream(builder.add_rank("a"), Lane::compute), gemm(1), "x", Activity::forward);
  EXPECT_EQ(builder.take().kernels.size(), 1u);
  const Plan empty = builder.take();
  EXPECT_TRUE(empty.ranks.empty() && empty.streams.empty() && empty.kernels.empty() && empty.labels.empty());
  // The interning maps are empty too: the same kernel gets a fresh row in the next plan.
  builder.launch(builder.stream(builder.add_rank("a"), Lane::compute), gemm(1), "x", Activity::forward);
  EXPECT_EQ(builder.take().kernels.size(), 1u);
}

TEST(PlanBuilder, AnUnknownStreamIsRefused) {
  PlanBuilder builder;
  EXPECT_THROW(builder.mark(StreamId(3), "x"), std::out_of_range);
}

TEST(PlanNames, EveryEnumeratorHasItsName) {
  EXPECT_EQ(name(StepKind::launch), "launch");
  EXPECT_EQ(name(StepKind::mark), "mark");
  EXPECT_EQ(name(Activity::other), "other");
  EXPECT_EQ(name(Activity::weight_gradient), "weight_gradient");
  EXPECT_EQ(name(CollectiveKind::broadcast), "broadcast");
  EXPECT_EQ(name(Lane::expert_parallel), "expert_parallel");
  EXPECT_EQ(name(Lane::copy), "copy");
  EXPECT_EQ(name(MemoryKind::workspace), "workspace");
  EXPECT_TRUE(is_communication(Activity::pipeline));
  EXPECT_FALSE(is_communication(Activity::recompute));
  EXPECT_FALSE(is_communication(Activity::host_copy));
}

}  // namespace
}  // namespace orrery::sim
