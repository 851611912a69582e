// What an operation among GPUs is made of: who sends to whom, who stands for whom, which GPUs it occupies, and what a
// run of it can be told.
#include <map>
#include <optional>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hardware/catalogue/catalogue.hpp"
#include "hardware/topology/topology.hpp"
#include "models/communication/communication_run.hpp"
#include "models/world_run.hpp"
#include "sim/collective/collective.hpp"

namespace orrery::models {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

CommunicationJob job_of(const std::string& operation, int nodes, double bytes = 1e6) {
  CommunicationJob job;
  job.cluster = hardware::make_cluster("dgx_h100", "fat_tree_ndr", nodes);
  job.operation = operation;
  job.bytes = Bytes{bytes};
  return job;
}

std::vector<std::string> messages_of(const CommunicationJob& job) {
  std::vector<std::string> all;
  for (const JobError& error : check(job)) all.push_back(error.key + ": " + error.message);
  return all;
}

TEST(Operations, DealSendersOutToReceiversInTurn) {
  const OperationRow& incast = *find_operation("incast");
  EXPECT_THAT(incast.messages(6, 2), ElementsAre(Pair(2, 0), Pair(3, 1), Pair(4, 0), Pair(5, 1)));
  EXPECT_EQ(incast.bus_factor({}, 6, 2), 2.0) << "two messages through each receiver's card";
  EXPECT_TRUE(incast.has_receivers);
  const OperationRow& halfway = *find_operation("halfway");
  EXPECT_THAT(halfway.messages(4, 1), ElementsAre(Pair(0, 2), Pair(1, 3), Pair(2, 0), Pair(3, 1)));
  EXPECT_THAT(halfway.messages(5, 1), ElementsAre(Pair(0, 2), Pair(1, 3), Pair(2, 4), Pair(3, 0), Pair(4, 1)));
  EXPECT_EQ(halfway.bus_factor({}, 4, 1), 1.0);
  EXPECT_FALSE(halfway.has_receivers);
}

// nccl-tests doc/PERFORMANCE.md: 2(n-1)/n, (n-1)/n, and 1 where one sends to all.
TEST(Operations, OfCollectivesHaveTheFactorsOfNcclTests) {
  const auto factor = [](const char* name) {
    const OperationRow& row = *find_operation(name);
    return row.bus_factor(*row.collective, 8, 1);
  };
  EXPECT_DOUBLE_EQ(factor("all_reduce"), 14.0 / 8.0);
  for (const char* name : {"all_gather", "reduce_scatter", "all_to_all"}) EXPECT_DOUBLE_EQ(factor(name), 7.0 / 8.0);
  for (const char* name : {"broadcast", "reduce"}) EXPECT_DOUBLE_EQ(factor(name), 1.0);
}

TEST(CommunicationMembers, AreAllThatStandFromTheFirstNodeOn) {
  CommunicationJob job = job_of("all_reduce", 6);
  EXPECT_EQ(members_of(job), 48);
  job.first_node = 2;
  EXPECT_EQ(members_of(job), 32);
  job.spread = 2;  // nodes 2 and 4
  EXPECT_EQ(members_of(job), 16);
  job.gpus_per_node = 3;
  EXPECT_EQ(members_of(job), 6);
  const sim::Placement placement = make_placement(job);
  std::vector<std::uint32_t> gpus;
  for (std::uint32_t member = 0; member < 6; ++member) gpus.push_back(placement.gpu(member));
  EXPECT_THAT(gpus, ElementsAre(16, 17, 18, 32, 33, 34));
  job.gpus = 5;
  EXPECT_EQ(members_of(job), 5) << "as many as it says";
}

TEST(CommunicationPlan, OfACollectiveHasARankForEachKindOfGpu) {
  CommunicationJob job = job_of("all_gather", 2, 3e6);
  job.dtype = Dtype::fp32;
  hardware::NodeGroup other = hardware::make_cluster("dgx_a100", "fat_tree_ndr", 1).groups.front();
  job.cluster.groups.push_back(other);
  const sim::Plan plan = lower(job);
  ASSERT_EQ(plan.ranks.size(), 2u);
  EXPECT_EQ(plan.ranks[0].multiplicity(), 16);
  EXPECT_EQ(plan.ranks[0].name, "h100_sxm");
  EXPECT_EQ(plan.ranks[1].multiplicity(), 8);
  EXPECT_EQ(plan.ranks[1].name, "a100_sxm");
  EXPECT_EQ(plan.ranks[1].gpu_class, 1u);
  EXPECT_EQ(plan.ranks[1].stands_for.front(), 16u);
  ASSERT_EQ(plan.collectives.size(), 1u);
  EXPECT_EQ(plan.collectives[0].bytes, Bytes{3e6});
  EXPECT_EQ(plan.collectives[0].dtype, Dtype::fp32);
  EXPECT_EQ(plan.groups[plan.collectives[0].group.index()].size(), 24);
  // Of one kind they are all of one name.
  EXPECT_EQ(lower(job_of("all_gather", 2)).ranks.front().name, "every GPU");
}

TEST(CommunicationPlan, OfMessagesHasARankForEachGpuAndALaneForEachMessage) {
  CommunicationJob job = job_of("incast", 1, 5e6);
  job.receivers = 2;
  const sim::Plan plan = lower(job);
  ASSERT_EQ(plan.ranks.size(), 8u);
  EXPECT_EQ(plan.ranks[3].name, "GPU 3");
  ASSERT_EQ(plan.transfers.size(), 6u);
  for (const sim::TransferEntry& transfer : plan.transfers) {
    EXPECT_EQ(transfer.bytes, Bytes{5e6});
    EXPECT_EQ(transfer.destination.index(), transfer.source.index() % 2);
  }
  // Three lanes of each receiver, one of each sender: no message waits for another's step.
  std::map<std::size_t, std::size_t> streams;
  for (const sim::Stream& stream : plan.streams) {
    ++streams[stream.rank.index()];
    EXPECT_EQ(stream.steps.size(), 1u);
  }
  EXPECT_THAT(streams, ElementsAre(Pair(0, 3), Pair(1, 3), Pair(2, 1), Pair(3, 1), Pair(4, 1), Pair(5, 1), Pair(6, 1),
                                   Pair(7, 1)));
}

TEST(CommunicationCheck, TellsEverythingThatIsWrongAtOnceAndByHowMuch) {
  CommunicationJob bad = job_of("gather", 2);
  bad.gpus_per_node = 9, bad.gpus = 17;
  EXPECT_THAT(messages_of(bad), ElementsAre("collective.operation: there is no operation 'gather'",
                                            "collective.gpus_per_node: 9 GPUs of a node 'dgx_h100' that has 8",
                                            "collective.gpus: 17 GPUs of a cluster of 16"));
  bad = job_of("all_reduce", 1), bad.gpus = 1;
  EXPECT_THAT(messages_of(bad), ElementsAre("collective.gpus: an operation needs two GPUs, not 1"));
  // 81,559 MiB are 85.52 GB.
  bad = job_of("all_reduce", 1, 86e9);
  EXPECT_THAT(messages_of(bad), ElementsAre(HasSubstr("collective.bytes: a buffer of 86 GB is more than the memory of "
                                                      "h100_sxm, 85.52 GB")));
  EXPECT_THAT(messages_of(job_of("all_reduce", 1, 85e9)), IsEmpty());
  EXPECT_THAT(messages_of(job_of("incast", 1, 13e9)),
              ElementsAre(HasSubstr("a buffer of 91 GB is more than the memory of h100_sxm")))
      << "seven messages to one";
  bad = job_of("incast", 1), bad.receivers = 3;
  EXPECT_THAT(messages_of(bad), ElementsAre("collective.receivers: 3 of 8 GPUs receive: the other 5 can't be dealt out "
                                            "to them evenly"));
  bad.receivers = 8;
  EXPECT_THAT(messages_of(bad), ElementsAre(HasSubstr("8 of 8 GPUs receive: the other 0 can't")));
  bad = job_of("incast", 33), bad.gpus = 258;
  EXPECT_THAT(messages_of(bad), ElementsAre("collective.receivers: 257 senders to one receiver, of 256 at most"));
  bad.gpus = 257;
  EXPECT_THAT(messages_of(bad), IsEmpty());
}

TEST(CommunicationCheck, BoundsTheMessagesButNotTheCollectives) {
  CommunicationJob many = job_of("halfway", 1);
  many.cluster.groups.front().count = 1025;
  many.cluster.fabric.max_nodes = 4096;
  EXPECT_THAT(messages_of(many), ElementsAre("collective.gpus: messages of 8200 GPUs, of 8192 at most"));
  many.gpus = 8192;
  EXPECT_THAT(messages_of(many), IsEmpty());
  many.gpus = 0, many.operation = "all_reduce";
  EXPECT_THAT(messages_of(many), IsEmpty());
}

class CommunicationRuns : public ::testing::Test {
 protected:
  WorldOutcome go(CommunicationRun& run, const CommunicationJob& job, const std::vector<Disturbance>& events = {}) {
    const hardware::Topology topology(job.cluster);
    links_.reset();
    return run_on_cluster(job.cluster, &topology, {{&run, Seconds{}, std::nullopt}}, events, {}, links_);
  }
  std::unique_ptr<kernels::KernelTimer> timer_ = kernels::timers()[0].make();
  std::optional<sim::LinkClasses> links_;
};

TEST_F(CommunicationRuns, KeepTheTimelineOfTheFirstCallAlone) {
  const CommunicationJob job = job_of("all_reduce", 2, 1e8);
  CommunicationRun run(job, *timer_, {3, Seconds{0.01}, false}, true);
  go(run, job);
  ASSERT_EQ(run.times().size(), 3u);
  const sim::Timeline timeline = run.take_timeline();
  ASSERT_EQ(timeline.spans.size(), 1u);
  EXPECT_NEAR(sim::to_seconds(timeline.makespan).value(), run.times()[0].value(), 1e-12);
  EXPECT_FALSE(timeline.links.empty());
  CommunicationRun none(job, *timer_, {1, Seconds{}, false}, false);
  go(none, job);
  EXPECT_THAT(none.take_timeline().spans, IsEmpty());
}

TEST_F(CommunicationRuns, AloneTakeTheLongestOfTheirOperations) {
  CommunicationJob job = job_of("incast", 2, 64e6);
  job.receivers = 8;  // each from the other node: nothing is shared
  CommunicationRun run(job, *timer_, {}, false);
  go(run, job);
  EXPECT_NEAR(run.times()[0].value(), run.alone().value(), 1e-9);
  job.receivers = 4;  // two of three senders on other cards: the receiver's card is shared
  CommunicationRun shared(job, *timer_, {}, false);
  go(shared, job);
  EXPECT_GT(shared.times()[0].value(), 1.5 * shared.alone().value());
  EXPECT_FALSE(shared.held_up().empty());
  for (const sim::HeldUpOn& held : shared.held_up()) EXPECT_GT(held.operation.delay.value(), 0.0);
}

TEST_F(CommunicationRuns, KnowWhichGpusTheyHave) {
  CommunicationJob job = job_of("all_reduce", 4);
  job.first_node = 1, job.gpus = 16;  // GPUs 8 to 23
  CommunicationRun run(job, *timer_, {}, false);
  go(run, job);
  for (const auto& [gpu, is_one] : std::map<std::uint32_t, bool>{{7, false}, {8, true}, {23, true}, {24, false}}) {
    EXPECT_EQ(run.set_speed(gpu, 0.5), is_one) << gpu;
    EXPECT_EQ(run.own_links(*links_, gpu).empty(), !is_one) << gpu;
  }
  EXPECT_FALSE(run.goes_on());
  EXPECT_TRUE(CommunicationRun(job, *timer_, {1, Seconds{}, true}, false).goes_on()) << "in the background";
}

TEST_F(CommunicationRuns, ASlowGpuIsNoMatterAndOneThatIsDownIs) {
  const CommunicationJob job = job_of("all_reduce", 2, 1e8);
  CommunicationRun whole(job, *timer_, {2, Seconds{}, false}, false), slow(job, *timer_, {2, Seconds{}, false}, false),
      down(job, *timer_, {200, Seconds{}, false}, false);
  go(whole, job);
  go(slow, job, {{Seconds{}, std::nullopt, 3u, "", 0.1}});
  ASSERT_EQ(slow.times().size(), whole.times().size());
  EXPECT_EQ(slow.times()[1], whole.times()[1]) << "nothing of it computes";
  const WorldOutcome outcome = go(down, job, {{Seconds{1e-3}, std::nullopt, 3u, "", 0.0}});
  ASSERT_TRUE(outcome.halted[0].has_value());
  EXPECT_EQ(outcome.halted[0]->why, "GPU 3 is down: the job on it can't go on");
  EXPECT_EQ(outcome.halted[0]->at, sim::to_sim_time(Seconds{1e-3}));
  EXPECT_LT(down.times().size(), 200u);
}

// While several disturbances of one thing last their scales multiply; what is over leaves no rounding behind.
TEST(DisturbanceScales, AreTheProductOfThoseThatLast) {
  Scales scales;
  EXPECT_EQ(scales.begin(4, 0, 0.1), 0.1);
  EXPECT_EQ(scales.begin(4, 1, 0.3), 0.1 * 0.3);
  EXPECT_EQ(scales.begin(5, 2, 0.7), 0.7) << "another GPU's";
  EXPECT_EQ(scales.begin(4, 3, 0.0), 0.0) << "down";
  EXPECT_EQ(scales.end(4, 3), 0.1 * 0.3) << "up again, as before";
  EXPECT_EQ(scales.end(4, 0), 0.3) << "and not 0.03 over 0.1";
  EXPECT_EQ(scales.end(4, 1), 1.0);
  EXPECT_EQ(scales.end(4, 1), 1.0) << "over is over";
  EXPECT_EQ(scales.begin(5, 2, 0.2), 0.2) << "the same one, changed";
}

}  // namespace
}  // namespace orrery::models
