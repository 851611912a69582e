// Every rule of check(), each broken once, with the sentence that says so.
#include <chrono>

#include <gtest/gtest.h>

#include "sim/plan/builder.hpp"
#include "tests/sim/findings.hpp"
#include "tests/sim/lanes.hpp"

namespace orrery::sim {
namespace {

using testing::Clean;
using testing::Says;

struct TwoRanks {
  PlanBuilder builder;
  RankId a = builder.add_rank("left");
  RankId b = builder.add_rank("right");
  StreamId on_a = builder.stream(a, kCompute);
  StreamId on_b = builder.stream(b, kCompute);
  GroupId group = builder.add_group(Group::of("tp0", {a, b}, 2));

  std::uint32_t transfer(RankId from, RankId to, std::string_view label) {
    return builder.transfer({from, to, 1_MiB, builder.label(label), Activity::pipeline});
  }
  void collective(StreamId stream, std::string_view label) {
    builder.collective(stream, CollectiveKind::all_reduce, 1_MiB, group, label, Activity::tensor_parallel);
  }
  std::vector<std::string> check() { return sim::check(builder.take()); }
};

TEST(PlanCheck, AnEmptyPlanCanRun) { EXPECT_TRUE(Clean(check(Plan{}))); }

TEST(PlanCheck, APlanThatMatchesHasNoFindings) {
  TwoRanks p;
  const std::uint32_t t = p.transfer(p.a, p.b, "p2p");
  p.builder.alloc(p.on_a, 1_MiB, MemoryKind::activations);
  p.collective(p.on_a, "x");
  p.collective(p.on_b, "x");
  p.builder.send(p.on_a, t);
  p.builder.recv(p.on_b, t);
  const EventId e = p.builder.record(p.on_a);
  p.builder.wait(p.builder.stream(p.a, kCopies), e);
  p.builder.free(p.on_a, 1_MiB, MemoryKind::activations);
  p.builder.alloc(p.on_b, 3_MiB, MemoryKind::weights);  // outlives the plan
  EXPECT_TRUE(Clean(p.check()));
}

TEST(PlanCheck, IndicesOutOfRangeAreNamed) {
  Plan plan;
  plan.ranks.push_back({"only", {0}, 0});
  plan.streams.push_back({RankId(0), kCompute, {{StepKind::launch, 7}}});
  EXPECT_TRUE(Says(check(plan), "rank 0 \"only\", stream 0 (compute), step 0: launch 7, the plan has 0"));
  plan.streams[0].rank = RankId(5);
  EXPECT_TRUE(Says(check(plan), "stream 0 is of rank 5, the plan has 1"));
  plan.streams.clear();
  plan.groups.push_back(Group::of("g", {RankId(0), RankId(0), RankId(9)}, 1));
  EXPECT_TRUE(Says(check(plan), "group 0 \"g\" lists rank 0 \"only\" twice"));
  EXPECT_TRUE(Says(check(plan), "group 0 \"g\" has member rank 9"));
  EXPECT_TRUE(Says(check(plan), "group 0 \"g\" has 3 members of 1 communicators of size 1"));
}

TEST(PlanCheck, RanksGroupsAndTransfersStandForSomebody) {
  TwoRanks p;
  (void)p.transfer(p.a, p.b, "p2p");
  Plan plan = p.builder.take();
  plan.ranks[0].stands_for = {0, 1};
  EXPECT_TRUE(Says(check(plan), "transfer 0 goes from 2 members to 1"));
  plan.ranks[0].stands_for.clear();
  EXPECT_TRUE(Says(check(plan), "rank 0 \"left\" stands for nobody"));
  plan.ranks[0].stands_for = {0};
  plan.groups[0].bases.clear();
  EXPECT_TRUE(Says(check(plan), "group 0 \"tp0\" has 2 members of 0 communicators of size 0"));
  plan.groups[0].bases = {0};
  plan.groups[0].axes = {{2, -1}};
  EXPECT_TRUE(Says(check(plan), "group 0 \"tp0\" has 2 members of 1 communicators of size 0"));
}

TEST(PlanCheck, TwoStreamsOfOneLaneAreRefused) {
  Plan plan;
  plan.ranks.push_back({"r", {0}, 0});
  plan.streams.assign(2, {RankId(0), kCopies, {}});
  EXPECT_TRUE(Says(check(plan), "rank 0 \"r\" has two streams of lane copy"));
}

TEST(PlanCheck, WaitsNeedARecordOnTheSameRank) {
  TwoRanks p;
  const EventId e = p.builder.record(p.on_a);
  p.builder.wait(p.on_b, e);
  EXPECT_TRUE(Says(p.check(), "rank 1 \"right\", stream 1 (compute), step 0: waits for event 0 of another rank"));

  Plan plan;
  plan.ranks.push_back({"r", {0}, 0});
  plan.events = 2;
  plan.streams.push_back({RankId(0), kCompute, {{StepKind::record, 0}, {StepKind::record, 0}, {StepKind::wait, 1}}});
  EXPECT_TRUE(Says(check(plan), "step 1: event 0 is recorded a second time"));
  EXPECT_TRUE(Says(check(plan), "step 2: waits for event 1, which nothing records"));
}

TEST(PlanCheck, SendsAndRecvsMustMatch) {
  TwoRanks p;
  const std::uint32_t t = p.transfer(p.a, p.b, "fwd");
  p.builder.send(p.on_a, t);
  p.builder.send(p.on_a, t);
  p.builder.recv(p.on_b, t);
  EXPECT_TRUE(Says(p.check(), "transfer 0 (\"fwd\", rank 0 to rank 1) is sent 2 times and received 1 times"));
}

TEST(PlanCheck, SendsBelongToTheSource) {
  TwoRanks p;
  const std::uint32_t t = p.transfer(p.a, p.b, "fwd");
  p.builder.send(p.on_b, t);
  p.builder.recv(p.on_a, t);
  EXPECT_TRUE(Says(p.check(), "step 0: send of transfer 0 (\"fwd\", rank 0 to rank 1) on the wrong rank"));
}

TEST(PlanCheck, SendsOfOneEntryOnTwoStreamsAreAmbiguous) {
  TwoRanks p;
  const std::uint32_t t = p.transfer(p.a, p.b, "fwd");
  p.builder.send(p.on_a, t);
  p.builder.send(p.builder.stream(p.a, communication(2)), t);
  p.builder.recv(p.on_b, t);
  p.builder.recv(p.on_b, t);
  EXPECT_TRUE(Says(p.check(), "their order is not determined"));
}

TEST(PlanCheck, CollectivesOfAGroupComeInOneOrder) {
  TwoRanks p;
  p.collective(p.on_a, "x");
  p.collective(p.on_a, "y");
  p.collective(p.on_b, "y");
  p.collective(p.on_b, "x");
  EXPECT_TRUE(Says(p.check(),
                   "group 0 \"tp0\": rank 1 \"right\", stream 1 (compute), step 0 issues \"y\" (collective 1) "
                   "where rank 0 \"left\", stream 0 (compute), step 0 issues \"x\" (collective 0)"));
}

TEST(PlanCheck, EveryMemberIssuesEveryCollective) {
  TwoRanks p;
  p.collective(p.on_a, "x");
  EXPECT_TRUE(Says(p.check(), "rank 1 \"right\" issues none of the collectives"));

  TwoRanks q;
  q.collective(q.on_a, "x");
  q.collective(q.on_a, "x");
  q.collective(q.on_b, "x");
  EXPECT_TRUE(Says(q.check(), "issues 1 collectives and rank 0 \"left\", stream 0 (compute) issues 2"));
}

TEST(PlanCheck, OnlyMembersIssueCollectives) {
  TwoRanks p;
  const RankId c = p.builder.add_rank("stranger");
  p.collective(p.on_a, "x");
  p.collective(p.on_b, "x");
  p.collective(p.builder.stream(c, kCompute), "x");
  EXPECT_TRUE(Says(p.check(), "rank 2 \"stranger\", stream 2 (compute), step 0: collective of group 0"));

  TwoRanks q;
  const GroupId folded = q.builder.add_group(Group::of("dp", {q.a}, 64));
  q.builder.collective(q.on_b, CollectiveKind::all_reduce, 1_MiB, folded, "x", Activity::data_parallel);
  EXPECT_TRUE(Says(q.check(), "of which the rank is no member"));
}

TEST(PlanCheck, TwoLanesOfAGroupAreTwoSequences) {
  TwoRanks p;
  const StreamId side_a = p.builder.stream(p.a, communication(0));
  const StreamId side_b = p.builder.stream(p.b, communication(0));
  p.collective(p.on_a, "x");
  p.collective(side_a, "y");
  p.collective(side_b, "y");
  p.collective(p.on_b, "x");
  EXPECT_TRUE(Clean(p.check()));
}

TEST(PlanCheck, MemoryThatDoesNotOutliveThePlanBalances) {
  TwoRanks p;
  p.builder.alloc(p.on_a, 3_MiB, MemoryKind::activations);
  p.builder.free(p.on_a, 1_MiB, MemoryKind::activations);
  EXPECT_TRUE(Says(p.check(), "rank 0 \"left\": allocates 3145728 bytes of activations but frees 1048576"));

  TwoRanks q;
  q.builder.free(q.on_b, 1_MiB, MemoryKind::weights);
  EXPECT_TRUE(Says(q.check(), "rank 1 \"right\": frees 1048576 bytes of weights but allocates 0"));

  TwoRanks r;
  r.builder.free(r.on_a, 1_MiB, MemoryKind::workspace);
  r.builder.alloc(r.on_a, 1_MiB, MemoryKind::workspace);
  EXPECT_TRUE(Says(r.check(), "stream 0 (compute): workspace are freed before they are allocated"));
}

TEST(PlanCheck, WhichOfTwoStreamsComesFirstIsAQuestionOfTime) {
  // Freed on the first stream, taken on the second: what order they run in no count of steps tells.
  PlanBuilder b;
  const RankId rank = b.add_rank("gpu");
  b.free(b.stream(rank, kCompute), 1_MiB, MemoryKind::workspace);
  b.alloc(b.stream(rank, kCopies), 1_MiB, MemoryKind::workspace);
  EXPECT_TRUE(Clean(check(b.take())));
}

TEST(PlanCheck, NobodySendsToItselfOnOneStream) {
  TwoRanks p;
  const std::uint32_t t = p.transfer(p.a, p.a, "echo");
  p.builder.send(p.on_a, t);
  p.builder.recv(p.on_a, t);
  EXPECT_TRUE(Says(p.check(), "transfer 0 (\"echo\") is sent and received on one stream (rank 0 \"left\", stream 0"));
}

TEST(PlanCheck, ACycleOfWaitsIsADeadlock) {
  PlanBuilder builder;
  const RankId rank = builder.add_rank("gpu");
  const StreamId a = builder.stream(rank, kCompute);
  const StreamId b = builder.stream(rank, kCopies);
  Plan plan;
  builder.mark(a, "x");
  plan = [&] {
    (void)b;
    Plan p = builder.take();
    p.events = 2;
    p.streams[0].steps = {{StepKind::wait, 1}, {StepKind::record, 0}};
    p.streams[1].steps = {{StepKind::wait, 0}, {StepKind::record, 1}};
    return p;
  }();
  const std::vector<std::string> findings = check(plan);
  EXPECT_EQ(findings.size(), 2u);
  EXPECT_TRUE(Says(findings, "deadlock: rank 0 \"gpu\", stream 0 (compute), step 0 waits for event 1"));
  EXPECT_TRUE(Says(findings, "deadlock: rank 0 \"gpu\", stream 1 (copy), step 0 waits for event 0"));
}

TEST(PlanCheck, TwoSendsFacingEachOtherAreADeadlock) {
  // Both ranks send before they receive: a rendezvous that never happens.
  TwoRanks p;
  const std::uint32_t right = p.transfer(p.a, p.b, "right");
  const std::uint32_t left = p.transfer(p.b, p.a, "left");
  p.builder.send(p.on_a, right);
  p.builder.recv(p.on_a, left);
  p.builder.send(p.on_b, left);
  p.builder.recv(p.on_b, right);
  const std::vector<std::string> findings = p.check();
  EXPECT_TRUE(
      Says(findings, "deadlock: rank 0 \"left\", stream 0 (compute), step 0 waits to send \"right\" to rank 1"));
  EXPECT_TRUE(
      Says(findings, "deadlock: rank 1 \"right\", stream 1 (compute), step 0 waits to send \"left\" to rank 0"));
}

TEST(PlanCheck, TwoGroupsInOppositeOrderAreADeadlock) {
  // Each group has one collective, so the order within each group is fine; across groups it is not.
  TwoRanks p;
  const GroupId other = p.builder.add_group(Group::of("dp0", {p.a, p.b}, 2));
  const auto second = [&](StreamId s) {
    p.builder.collective(s, CollectiveKind::all_gather, 1_MiB, other, "g", Activity::data_parallel);
  };
  p.collective(p.on_a, "x");
  second(p.on_a);
  second(p.on_b);
  p.collective(p.on_b, "x");
  EXPECT_TRUE(Says(p.check(), "waits in collective \"x\", reached by 1 of 2 members"));
}

TEST(PlanCheck, ManyFindingsAreCut) {
  Plan plan;
  plan.ranks.push_back({"r", {0}, 0});
  plan.streams.push_back({RankId(0), kCompute, std::vector<Step>(1000, {StepKind::launch, 0})});
  const std::vector<std::string> findings = check(plan);
  EXPECT_EQ(findings.size(), 101u);
  EXPECT_EQ(findings.back(), "… and 900 more");
}

TEST(PlanCheck, AMillionStepsAreCheckedInASecond) {
  Plan plan;
  plan.labels = {"x"};
  plan.ranks.assign(64, {"r", {0}, 0});
  Group group = Group::of("g", {}, 64);
  for (std::uint32_t r = 0; r < 64; ++r) group.members.push_back(RankId(r));
  plan.groups.push_back(group);
  plan.collectives.push_back({CollectiveKind::all_reduce, 1_MiB, GroupId(0), LabelId(0), Activity::data_parallel});
  plan.kernels.emplace_back().label = LabelId(0);
  for (std::uint32_t r = 0; r < 64; ++r) {
    Stream stream{RankId(r), kCompute, {}};
    for (int i = 0; i < 16384; ++i) stream.steps.push_back({i % 4 == 3 ? StepKind::collective : StepKind::launch, 0});
    plan.streams.push_back(std::move(stream));
  }
  ASSERT_EQ(plan.step_count(), 1u << 20);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(Clean(check(plan)));
  const double elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  RecordProperty("milliseconds", static_cast<int>(elapsed * 1e3));
#if defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  EXPECT_LT(elapsed, 1.0);
#endif
}

}  // namespace
}  // namespace orrery::sim
