// PlanBuilder: interning, streams, events, and that a builder can be used again.
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include "sim/plan/builder.hpp"
#include "tests/sim/lanes.hpp"

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
  const StreamId stream = builder.stream(a, kCompute);
  for (int layer = 0; layer < 96; ++layer) builder.launch(stream, gemm(8192), "qkv", Activity::forward);
  const GroupId group = builder.add_group(Group::of("tp0", {a}, 8));
  for (int i = 0; i < 3; ++i) {
    builder.collective(stream, CollectiveKind::all_reduce, 1_MiB, group, "ar", Activity::tensor_parallel);
    builder.copy(stream, {1_MiB, true, true}, "load");
    builder.alloc(stream, 1_MiB, MemoryKind::activations);
    builder.free(stream, 1_MiB, MemoryKind::activations);
  }
  TransferEntry entry{a, b, 2_MiB, builder.label("p2p"), Activity::pipeline};
  EXPECT_EQ(builder.transfer(entry), 0u);
  EXPECT_EQ(builder.transfer(entry), 0u);
  entry.source = b;
  entry.destination = a;
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
  const StreamId stream = builder.stream(rank, kCompute);
  const GroupId g = builder.add_group(Group::of("a", {rank}, 2));
  const GroupId h = builder.add_group(Group::of("b", {rank}, 2));
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
  const StreamId first = builder.stream(a, kCompute);
  EXPECT_EQ(builder.stream(a, kCompute), first);
  EXPECT_NE(builder.stream(a, communication(1)), first);
  EXPECT_NE(builder.stream(b, kCompute), first);
  EXPECT_EQ(builder.take().streams.size(), 3u);
}

TEST(PlanBuilder, AMarkThatIsKeptByNumberIsTheSameMark) {
  PlanBuilder builder;
  const StreamId stream = builder.stream(builder.add_rank("gpu"), kCompute);
  const MarkEntry entry{builder.label("forward 3"), 0, 3, 1};
  const std::uint32_t number = builder.add(entry);
  builder.mark(stream, number);
  builder.mark(stream, entry);
  const Plan plan = builder.take();
  ASSERT_EQ(plan.marks.size(), 1u);
  EXPECT_EQ(plan.marks[0], entry);
  EXPECT_EQ(plan.streams[0].steps[0].index, plan.streams[0].steps[1].index);
}

TEST(PlanBuilder, AStreamOfNoRankIsRefused) {
  PlanBuilder builder;
  EXPECT_THROW((void)builder.stream(RankId(), kCompute), std::out_of_range);
}

TEST(PlanBuilder, EventsAreNumberedInRecordOrder) {
  PlanBuilder builder;
  const StreamId stream = builder.stream(builder.add_rank("a"), kCompute);
  EXPECT_EQ(builder.record(stream), EventId(0));
  EXPECT_EQ(builder.record(stream), EventId(1));
  EXPECT_EQ(builder.take().events, 2u);
}

TEST(PlanBuilder, TakeLeavesAnEmptyBuilder) {
  PlanBuilder builder;
  builder.launch(builder.stream(builder.add_rank("a"), kCompute), gemm(1), "x", Activity::forward);
  EXPECT_EQ(builder.take().kernels.size(), 1u);
  const Plan empty = builder.take();
  EXPECT_TRUE(empty.ranks.empty() && empty.streams.empty() && empty.kernels.empty() && empty.labels.empty());
  // The interning maps are empty too: the same kernel gets a fresh row in the next plan.
  builder.launch(builder.stream(builder.add_rank("a"), kCompute), gemm(1), "x", Activity::forward);
  EXPECT_EQ(builder.take().kernels.size(), 1u);
}

TEST(PlanBuilder, AnUnknownStreamIsRefused) {
  PlanBuilder builder;
  EXPECT_THROW(builder.mark(StreamId(3), "x"), std::out_of_range);
}

TEST(PlanBuilder, TheNewFieldsOfEntriesTellThemApart) {
  PlanBuilder builder;
  const GroupId group = builder.add_group(Group::of("a", {builder.add_rank("gpu")}, 2));
  KernelEntry kernel;
  kernel.kernel = gemm(1);
  kernel.label = builder.label("x");
  EXPECT_EQ(builder.add(kernel), 0u);
  kernel.launch = LaunchPath::graph;
  EXPECT_EQ(builder.add(kernel), 1u);
  kernel.beside.emplace().q_len = 1;
  EXPECT_EQ(builder.add(kernel), 2u);
  kernel.beside->q_len = 2;
  EXPECT_EQ(builder.add(kernel), 3u);
  EXPECT_EQ(builder.add(kernel), 3u);
  CollectiveEntry collective;
  collective.group = group;
  collective.label = kernel.label;
  EXPECT_EQ(builder.add(collective), 0u);
  collective.dtype = Dtype::fp32;
  EXPECT_EQ(builder.add(collective), 1u);
  collective.library = CollectiveLibrary::custom_graph;
  EXPECT_EQ(builder.add(collective), 2u);
  collective.implementation = kernels::Implementation::vllm;
  EXPECT_EQ(builder.add(collective), 3u);
  EXPECT_EQ(builder.add(collective), 3u);
}

TEST(PlanBuilder, RanksAndLanesAreWhatTheyStandFor) {
  PlanBuilder builder;
  const RankId rank = builder.add_rank("stage 1", 3, 8);
  builder.name_lane(communication(1), "gradients");
  const StreamId stream = builder.stream(rank, communication(1));
  EXPECT_NE(builder.stream(rank, communication(2)), stream) << "lanes of one kind differ by number";
  EXPECT_NE(builder.stream(rank, {LaneKind::copy, 1}), stream) << "and of one number by kind";
  const Plan plan = builder.take();
  EXPECT_EQ(plan.ranks[0].stands_for, (std::vector<std::uint32_t>{8, 9, 10}));
  EXPECT_EQ(plan.ranks[0].multiplicity(), 3);
  EXPECT_EQ(lane_name(plan.lane_names, communication(1)), "gradients");
  EXPECT_EQ(lane_name(plan.lane_names, communication(2)), "communication 2");
  EXPECT_EQ(lane_name(plan.lane_names, kCompute), "compute");
}

TEST(PlanNames, EveryEnumeratorHasItsName) {
  EXPECT_EQ(name(StepKind::launch), "launch");
  EXPECT_EQ(name(StepKind::mark), "mark");
  EXPECT_EQ(name(Activity::other), "other");
  EXPECT_EQ(name(Activity::weight_gradient), "weight_gradient");
  EXPECT_EQ(name(CollectiveKind::broadcast), "broadcast");
  EXPECT_EQ(name(StepKind::call), "call");
  EXPECT_EQ(name(LaneKind::communication), "communication");
  EXPECT_EQ(name(LaneKind::copy), "copy");
  EXPECT_EQ(name(CollectiveLibrary::custom_eager), "custom_eager");
  EXPECT_EQ(name(LaunchPath::joined), "joined");
  EXPECT_EQ(name(MemoryKind::workspace), "workspace");
  EXPECT_TRUE(is_communication(Activity::pipeline));
  EXPECT_FALSE(is_communication(Activity::recompute));
  EXPECT_FALSE(is_communication(Activity::host_copy));
}

}  // namespace
}  // namespace orrery::sim
