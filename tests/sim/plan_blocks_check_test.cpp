// Every rule of blocks and calls, each broken once, with the sentence that says so.
#include <algorithm>

#include <gtest/gtest.h>

#include "sim/plan/builder.hpp"
#include "tests/sim/findings.hpp"
#include "tests/sim/lanes.hpp"

namespace orrery::sim {
namespace {

using testing::Clean;
using testing::Says;

/// A block of two lanes with one event, called twice on rank "a"; rank "b" has both lanes too.
struct TwoCalls {
  TwoCalls() {
    PlanBuilder builder;
    const RankId a = builder.add_rank("a"), b = builder.add_rank("b");
    const GroupId own = builder.add_group(Group::of("own", {a}, 8));
    (void)builder.add_group(Group::of("both", {a, b}, 2));
    (void)builder.transfer({a, b, 1_MiB, builder.label("p2p"), Activity::pipeline});
    builder.begin_block(a, "pass");
    builder.launch(builder.stream(a, kCompute), kernels::GemmShape{}, "k", Activity::forward);
    builder.wait(builder.stream(a, kCopies), builder.record(builder.stream(a, kCompute)));
    builder.collective(builder.stream(a, kCopies), CollectiveKind::all_reduce, 1_MiB, own, "ar",
                       Activity::tensor_parallel);
    const std::uint32_t block = builder.end_block();
    builder.call(a, block);
    builder.call(a, block);
    for (const Lane lane : {kCompute, kCopies}) builder.mark(builder.stream(b, lane), "m");
    plan = builder.take();
  }
  std::vector<Step>& part(std::size_t i) { return plan.blocks[0].parts[i].steps; }
  std::vector<Step>& stream(std::size_t i) { return plan.streams[i].steps; }
  Plan plan;
};

TEST(PlanBlocksCheck, APlanThatKeepsTheRulesHasNoFindings) { EXPECT_TRUE(Clean(check(TwoCalls().plan))); }

TEST(PlanBlocksCheck, ALaneHasOnePart) {
  TwoCalls p;
  p.plan.blocks[0].parts[1].lane = kCompute;
  EXPECT_TRUE(Says(check(p.plan), "block 0 \"pass\" has two parts of lane compute"));
}

TEST(PlanBlocksCheck, NothingThatMeetsAnotherRankIsInside) {
  for (const StepKind kind : {StepKind::send, StepKind::recv, StepKind::mark, StepKind::call}) {
    TwoCalls p;
    p.part(0).push_back({kind, 0});
    EXPECT_TRUE(Says(check(p.plan), "block 0 \"pass\": " + std::string(name(kind)) + " 0 can't be there"));
  }
  TwoCalls p;
  p.plan.collectives[0].group = GroupId(1);
  EXPECT_TRUE(Says(check(p.plan), "block 0 \"pass\": collective 0 meets other ranks of the plan"));
}

TEST(PlanBlocksCheck, IndicesAreInRange) {
  TwoCalls p;
  p.part(0).push_back({StepKind::launch, 7});
  EXPECT_TRUE(Says(check(p.plan), "block 0 \"pass\": launch 7 can't be there"));
  TwoCalls q;
  q.part(0).push_back({StepKind::record, 1});
  EXPECT_TRUE(Says(check(q.plan), "block 0 \"pass\": record 1 can't be there"));
  TwoCalls r;
  r.plan.calls[1].block = 3;
  EXPECT_TRUE(Says(check(r.plan), "call 1 is of block 3, the plan has 1"));
  TwoCalls s;
  s.stream(0).push_back({StepKind::call, 2});
  EXPECT_TRUE(Says(check(s.plan), "call 2, the plan has 2"));
}

TEST(PlanBlocksCheck, AnEventIsRecordedOnceAndBeforeItIsWaitedFor) {
  TwoCalls p;
  p.part(0).push_back({StepKind::record, 0});
  EXPECT_TRUE(Says(check(p.plan), "block 0 \"pass\": event 0 is recorded a second time"));
  TwoCalls q;
  q.part(0).pop_back();
  EXPECT_TRUE(Says(check(q.plan), "deadlock: block 0 \"pass\" waits for an event that it never records"));
  TwoCalls r;  // each lane waits for what the other records behind its own wait
  r.plan.blocks[0].events = 2;
  r.part(0) = {{StepKind::wait, 1}, {StepKind::record, 0}};
  r.part(1) = {{StepKind::wait, 0}, {StepKind::record, 1}};
  r.plan.calls[1].first_event = 2;
  r.plan.events = 4;
  EXPECT_TRUE(Says(check(r.plan), "deadlock: block 0 \"pass\" waits for an event that it never records"));
}

TEST(PlanBlocksCheck, ACallStandsOnceOnEachLaneOfOneRank) {
  constexpr auto kFinding = "call 1 of block \"pass\" does not stand once on each of its 2 lanes of one rank";
  TwoCalls missing;
  missing.stream(1).pop_back();
  EXPECT_TRUE(Says(check(missing.plan), kFinding));
  TwoCalls twice;
  twice.stream(1).push_back({StepKind::call, 1});
  EXPECT_TRUE(Says(check(twice.plan), kFinding));
  TwoCalls on_one_lane;
  on_one_lane.stream(1).pop_back();
  on_one_lane.stream(0).push_back({StepKind::call, 1});
  EXPECT_TRUE(Says(check(on_one_lane.plan), kFinding));
  TwoCalls on_two_ranks;
  on_two_ranks.stream(1).pop_back();
  on_two_ranks.stream(3).push_back({StepKind::call, 1});
  EXPECT_TRUE(Says(check(on_two_ranks.plan), kFinding));
  TwoCalls on_another_lane;
  on_another_lane.plan.streams[1].lane = communication(0);
  EXPECT_TRUE(Says(check(on_another_lane.plan), kFinding));
}

TEST(PlanBlocksCheck, EventsOfCallsAreTheirOwn) {
  TwoCalls p;
  p.plan.calls[1].first_event = 0;
  EXPECT_TRUE(Says(check(p.plan), "the events 0 to 1 of a call are another's too"));
  TwoCalls q;
  q.plan.events = 1;
  EXPECT_TRUE(Says(check(q.plan), "the events 1 to 2 of a call are another's too, or beyond the plan's 1"));
  TwoCalls r;
  r.stream(0).push_back({StepKind::record, 1});
  EXPECT_TRUE(Says(check(r.plan), "step 2: records event 1, which is a call's own"));
  TwoCalls s;  // nor can a stream wait for one: it is over when the call is
  s.stream(0).push_back({StepKind::wait, 1});
  EXPECT_TRUE(Says(check(s.plan), "waits for event 1, which nothing records"));
}

TEST(PlanBlocksCheck, TheCallerIsInTheGroupsOfTheBlock) {
  TwoCalls p;
  p.plan.groups[0].members = {RankId(1)};
  EXPECT_TRUE(Says(check(p.plan), "call 0: collective of group \"own\", of which the rank is no member"));
}

TEST(PlanBlocksCheck, LanesReachTheirCallsInOneOrder) {
  TwoCalls p;
  std::swap(p.stream(1)[0], p.stream(1)[1]);
  EXPECT_TRUE(Says(check(p.plan),
                   "deadlock: rank 0 \"a\", stream 0 (compute), step 0 waits in a call of block "
                   "\"pass\" for its other lanes"));
}

TEST(PlanBlocksCheck, MemoryOfCallsBalancesWithThatOfStreams) {
  TwoCalls p;
  p.plan.memory.push_back({2_B, MemoryKind::activations});
  p.part(1).push_back({StepKind::free, 0});
  EXPECT_TRUE(Says(check(p.plan), "rank 0 \"a\": frees 4 bytes of activations but allocates 0"));
  p.stream(1).insert(p.stream(1).begin(), 2, {StepKind::alloc, 0});
  EXPECT_TRUE(Clean(check(p.plan)));
  std::rotate(p.stream(1).begin(), p.stream(1).begin() + 1, p.stream(1).end());  // one alloc behind both calls
  EXPECT_TRUE(Says(check(p.plan), "stream 1 (copy): activations are freed before they are allocated"));
}

}  // namespace
}  // namespace orrery::sim
