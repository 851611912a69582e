// Operations among GPUs that do nothing else: alone by hand, beside each other, and on links that are shared.
#include <algorithm>
#include <optional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hardware/catalogue/catalogue.hpp"
#include "hardware/topology/topology.hpp"
#include "models/communication/communication_run.hpp"
#include "sim/collective/collective.hpp"
#include "sim/collective/constants.hpp"

namespace orrery::models {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// DGX H100 on leaves of four nodes, their up-links a quarter of their down-links.
CommunicationJob job_on(int nodes, std::string operation, double bytes, std::string_view fabric = "fat_tree_ndr_4to1") {
  CommunicationJob job;
  job.cluster = hardware::make_cluster("dgx_h100", fabric, nodes);
  job.operation = std::move(operation);
  job.bytes = Bytes{bytes};
  return job;
}

struct Ran {
  std::vector<double> times;
  std::vector<sim::HeldUpOn> held_up;
};

Ran run(const CommunicationJob& job, Calls calls = {}, const std::vector<Disturbance>& disturbances = {}) {
  const auto timer = kernels::timers()[0].make();
  EXPECT_THAT(check(job), IsEmpty());
  CommunicationRun run(job, *timer, calls, false);
  const hardware::Topology topology(job.cluster);
  std::optional<sim::LinkClasses> links;
  (void)run_on_cluster(job.cluster, &topology, {{&run, Seconds{0.0}, std::nullopt}}, disturbances, {}, links);
  Ran out;
  for (const Seconds time : run.times()) out.times.push_back(time.value());
  out.held_up = run.held_up();
  return out;
}

std::vector<std::string> keys_of(const CommunicationJob& job) {
  std::vector<std::string> keys;
  for (const JobError& error : check(job)) keys.push_back(error.key);
  return keys;
}

TEST(Communication, OfACollectiveAloneTakesItsClosedForm) {
  for (const char* operation : {"all_reduce", "all_gather", "reduce_scatter", "all_to_all", "broadcast", "reduce"}) {
    const CommunicationJob job = job_on(4, operation, 1e8);
    sim::CollectiveCall call;
    call.kind = *find_operation(operation)->collective;
    call.bytes = job.bytes, call.ranks = 32, call.nodes = 4;
    const double expected = sim::collective_time(call, job.cluster.site(0)).value();
    ASSERT_EQ(run(job).times.size(), 1u) << operation;
    EXPECT_NEAR(run(job).times[0], expected, 1e-12) << operation;
  }
}

// A message alone: 14.15 µs and 36 GB/s. The receivers' cards sustain 0.85 x 50 GB/s, the leaf's down-links together
// 0.85 x 32 x 12.5 GB/s.
constexpr double kStart = 14.15e-6, kCard = 42.5e9, kDown = 340e9;

TEST(Incast, IsHeldUpByTheReceiversCard) {
  CommunicationJob job = job_on(4, "incast", 64e6);  // below one leaf
  job.gpus_per_node = 1;
  EXPECT_NEAR(run(job).times[0], kStart + 3 * 64e6 / kCard, 1e-9);
  job.gpus = 2;
  EXPECT_NEAR(run(job).times[0], kStart + 64e6 / 36e9, 1e-9) << "one message alone";
}

TEST(Incast, IsHeldUpByAnOversubscribedSpine) {
  CommunicationJob job = job_on(16, "incast", 64e6);
  job.receivers = 32;
  const Ran four_to_one = run(job);
  EXPECT_NEAR(four_to_one.times[0], kStart + 96 * 64e6 / kDown, 1e-6);
  ASSERT_FALSE(four_to_one.held_up.empty());
  CommunicationJob full = job_on(16, "incast", 64e6, "fat_tree_ndr");
  full.receivers = 32;
  EXPECT_NEAR(run(full).times[0], kStart + 3 * 64e6 / kCard, 1e-6);
}

TEST(Incast, TakesLongerWhereHashesCollide) {
  CommunicationJob even = job_on(16, "incast", 64e6), hash = even;
  even.receivers = hash.receivers = 32;
  hash.cluster.network.spread = hardware::FlowSpread::hash;
  double all = 0.0;
  constexpr int kSeeds = 12;
  for (int seed = 0; seed < kSeeds; ++seed) {
    hash.cluster.network.hash_seed = static_cast<std::uint64_t>(seed);
    const double time = run(hash).times[0];
    EXPECT_GT(time, run(even).times[0]) << seed;
    all += time;
  }
  // The fullest of 32 down-links has 7.09 of 96 flows in the mean (balls in bins), each link 0.85 x 12.5 GB/s.
  EXPECT_NEAR(all / kSeeds, kStart + 7.09 * 64e6 / 10.625e9, 0.1 * 7.09 * 64e6 / 10.625e9);
}

TEST(Halfway, SendsEachHalfToTheOther) {
  CommunicationJob job = job_on(8, "halfway", 64e6);
  // 32 messages from each leaf to the other over up-links of 340 GB/s.
  EXPECT_NEAR(run(job).times[0], kStart + 32 * 64e6 / kDown, 1e-6);
}

TEST(Halfway, OfADragonflyCrossesOneGlobalLink) {
  CommunicationJob job = job_on(2, "halfway", 64e6, "two_sites_100km");
  job.cluster = hardware::make_cluster("dgx_h100", "two_sites_100km", 256);
  job.spread = 128;  // one node at each site
  // 8 messages each way over 0.85 x 100 GB/s, and 500 us of fibre.
  EXPECT_NEAR(run(job).times[0], 14e-6 + 450e-9 + 500e-6 + 8 * 64e6 / 85e9, 1e-6);
}

/// What the operation takes where nothing else is on its links.
double alone(const CommunicationJob& job) {
  const auto timer = kernels::timers()[0].make();
  const sim::Plan plan = lower(job);
  return communication_prices(job, *timer).time(plan.collectives.at(0), plan).value();
}

TEST(AllToAll, LoadsTheUpLinksWithWhatLeavesTheirLeaf) {
  CommunicationJob job = job_on(8, "all_to_all", 1e9);
  // 32 GPUs of a leaf send 7/8 of 1 GB off their node, 4/7 of it to the other leaf: 16 GB over 340 GB/s.
  EXPECT_NEAR(run(job).times[0], 16e9 / kDown, 0.01 * 16e9 / kDown);
  EXPECT_NEAR(run(job).times[0], alone(job), 1e-9) << "alone on its links, nothing holds it up beyond its price";
  // Where the up-links carry as much as the cards do, the cards decide: 875 MB over 42.5 GB/s.
  const CommunicationJob wide = job_on(8, "all_to_all", 1e9, "fat_tree_ndr");
  EXPECT_NEAR(run(wide).times[0], 0.875e9 / 42.5e9, 0.01 * 0.875e9 / 42.5e9);
}

// A card that took the same cable to every group would send all it has by one router.
TEST(AllToAll, OfADragonflyIsNoSlowerDealtThanHashed) {
  for (const int nodes : {32, 64}) {
    CommunicationJob even = job_on(2, "all_to_all", 64e6, "dragonfly_hdr"), hash = even;
    even.cluster = hash.cluster = hardware::make_cluster("dgx_a100", "dragonfly_hdr", nodes);
    hash.cluster.network.spread = hardware::FlowSpread::hash;
    double all = 0.0;
    constexpr int kSeeds = 3;
    for (int seed = 0; seed < kSeeds; ++seed) {
      hash.cluster.network.hash_seed = static_cast<std::uint64_t>(seed);
      all += run(hash).times[0];
    }
    EXPECT_LE(run(even).times[0], all / kSeeds) << nodes;
  }
}

TEST(AllToAll, OfTwoSitesWaitsForTheLinkBetweenThem) {
  CommunicationJob job = job_on(2, "all_to_all", 64e6, "two_sites_100km");
  job.cluster = hardware::make_cluster("dgx_h100", "two_sites_100km", 256);
  // 1,024 GPUs send half of 64 MB to the other site, over 0.85 x 100 GB/s.
  constexpr double kBetween = 1024 * 32e6 / 85e9;
  EXPECT_NEAR(run(job).times[0], kBetween, 0.01 * kBetween);
  EXPECT_NEAR(run(job).times[0], alone(job), 1e-9);
  // Placed with one node at each site, which no closed form knows: 8 of 64 MB's half each way.
  job.spread = 128;
  EXPECT_NEAR(run(job).times[0], alone(job) - 32e6 / 42.5e9 + 8 * 32e6 / 85e9, 1e-6);
}

TEST(Communication, CallsAgainAfterItsInterval) {
  CommunicationJob job = job_on(2, "all_reduce", 1e8);
  EXPECT_EQ(run(job, {3, Seconds{}, false}).times.size(), 3u);
  const Ran apart =
      run(job, {3, Seconds{0.5}, false}, {{Seconds{0.25}, Seconds{0.75}, std::nullopt, "node0.nic0.out", 0.5}});
  ASSERT_EQ(apart.times.size(), 3u);
  EXPECT_GT(apart.times[1], 1.3 * apart.times[0]) << "the second falls into the event";
  EXPECT_NEAR(apart.times[2], apart.times[0], 1e-12) << "the third begins at 1 s";
}

TEST(Communication, InTheBackgroundEndsWithTheOthers) {
  const auto timer = kernels::timers()[0].make();
  CommunicationJob front = job_on(4, "all_reduce", 1e9), back = front;
  front.gpus = back.gpus = 16;
  back.first_node = 2;
  back.bytes = Bytes{1e8};
  CommunicationRun one(front, *timer, {2, Seconds{}, false}, false), other(back, *timer, {1, Seconds{}, true}, false);
  const hardware::Topology topology(front.cluster);
  std::optional<sim::LinkClasses> links;
  const WorldOutcome outcome = run_on_cluster(
      front.cluster, &topology, {{&one, Seconds{}, std::nullopt}, {&other, Seconds{}, std::nullopt}}, {}, {}, links);
  EXPECT_EQ(one.times().size(), 2u);
  EXPECT_GT(other.times().size(), 8u) << "a tenth of the bytes each time";
  EXPECT_NEAR(sim::to_seconds(outcome.end).value(), (one.times()[0] + one.times()[1]).value(), 1e-12);
}

/// Halfway between 8 nodes, with `taken` down from 0.1 ms on.
WorldOutcome halfway_without(const std::string& taken) {
  CommunicationJob job = job_on(8, "halfway", 64e6);
  job.cluster.network.spread = hardware::FlowSpread::hash;
  const auto timer = kernels::timers()[0].make();
  CommunicationRun run(job, *timer, {}, false);
  const hardware::Topology topology(job.cluster);
  std::optional<sim::LinkClasses> links;
  return run_on_cluster(job.cluster, &topology, {{&run, Seconds{}, std::nullopt}},
                        {{Seconds{1e-4}, std::nullopt, std::nullopt, taken, 0.0}}, {}, links);
}

TEST(Communication, OnALinkThatIsDownTakesAnotherWayOrIsLost) {
  const CommunicationJob job = job_on(8, "halfway", 64e6);
  const hardware::Topology topology(job.cluster);
  std::string leaf;
  for (const LinkId id : topology.route(RankId(0), RankId(32))) {
    if (topology.link_class_name(id) == "leaf" && leaf.empty()) leaf = topology.name(id);
  }
  ASSERT_FALSE(leaf.empty());
  EXPECT_FALSE(halfway_without(leaf).halted[0].has_value()) << "the leaf has other up-links";
  const std::string card = "node0.nic0.out";
  const WorldOutcome lost = halfway_without(card);
  ASSERT_TRUE(lost.halted[0].has_value());
  EXPECT_NE(lost.halted[0]->why.find(card), std::string::npos) << lost.halted[0]->why;
}

TEST(CommunicationCheck, NamesTheKeyOfEachMistake) {
  const CommunicationJob good = job_on(4, "incast", 1e6);
  CommunicationJob bad = good;
  bad.gpus = 33;
  EXPECT_THAT(keys_of(bad), Contains("collective.gpus"));
  bad = good, bad.gpus_per_node = 9;
  EXPECT_THAT(keys_of(bad), Contains("collective.gpus_per_node"));
  bad = good, bad.gpus = 1;
  EXPECT_THAT(keys_of(bad), Contains("collective.gpus"));
  bad = good, bad.receivers = 32;
  EXPECT_THAT(keys_of(bad), ElementsAre("collective.receivers"));
  bad = good, bad.receivers = 5;
  EXPECT_THAT(keys_of(bad), ElementsAre("collective.receivers"));
  bad = job_on(64, "incast", 1e6);
  EXPECT_THAT(keys_of(bad), ElementsAre("collective.receivers")) << "511 senders to one";
  bad = good, bad.operation = "all_reduce", bad.bytes = Bytes{1e12};
  EXPECT_THAT(keys_of(bad), ElementsAre("collective.bytes"));
  bad = good, bad.bytes = Bytes{4e9};
  EXPECT_THAT(keys_of(bad), ElementsAre("collective.bytes")) << "31 of them come to one GPU";
  bad = good, bad.operation = "halfway", bad.bytes = Bytes{1e12};
  EXPECT_THAT(keys_of(bad), ElementsAre("collective.bytes"));
  bad = good, bad.operation = "gather";
  EXPECT_THAT(keys_of(bad), ElementsAre("collective.operation"));
}

TEST(Operations, HaveNamesAndSources) {
  for (const OperationRow& row : operations()) {
    EXPECT_EQ(find_operation(row.name), &row);
    EXPECT_FALSE(row.equation.empty() || row.source.empty()) << row.name;
    EXPECT_EQ(row.collective.has_value(), row.messages == nullptr) << row.name;
    EXPECT_GT(row.bus_factor(row.collective.value_or(sim::CollectiveKind::all_reduce), 8, 2), 0.0) << row.name;
  }
}

}  // namespace
}  // namespace orrery::models
