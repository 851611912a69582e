#include <algorithm>

#include <gtest/gtest.h>

#include "sim/collective/collective.hpp"
#include "sim/evaluate.hpp"
#include "sim/network/cluster_network.hpp"
#include "tests/sim/collective_clusters.hpp"

namespace orrery::sim {
namespace {

using testing::a100_cluster;
using testing::h100_cluster;
using testing::kAllKinds;

// Runs until nothing is left; returns each operation's completion.
std::vector<SimTime> run(ClusterNetwork& network, std::size_t operations) {
  std::vector<SimTime> ends(operations, 0);
  std::vector<OperationId> done;
  for (SimTime next = network.next_completion(); next != kNever; next = network.next_completion()) {
    done.clear();
    network.advance(next, done);
    for (const OperationId id : done) ends[id] = next;
  }
  return ends;
}

TransferEntry transfer(std::uint32_t from, std::uint32_t to, double bytes, bool same_node) {
  TransferEntry entry;
  entry.source = RankId{from};
  entry.destination = RankId{to};
  entry.bytes = Bytes{bytes};
  entry.same_node = same_node;
  return entry;
}

Group group(std::vector<std::uint32_t> ranks, int size, int nodes) {
  Group out;
  for (const std::uint32_t rank : ranks) out.members.push_back(RankId{rank});
  out.size = size;
  out.nodes = nodes;
  return out;
}

SimTime alone(const CollectiveEntry& entry, const Group& on, const hardware::Cluster& cluster) {
  return to_sim_time(collective_time({entry.kind, entry.bytes, on.size, on.nodes}, cluster));
}

TEST(ClusterNetwork, UncontendedOperationsTakeTheirClosedForm) {
  for (const hardware::Cluster& cluster : {h100_cluster(8), a100_cluster(8)}) {
    for (const CollectiveKind kind : kAllKinds) {
      for (const auto& [size, nodes] : {std::pair{2, 1}, {8, 1}, {8, 8}, {64, 8}}) {
        for (const double bytes : {100.0, 12345.0, 1e6, 3.3e7, 1.7e9}) {
          CollectiveEntry entry;
          entry.kind = kind;
          entry.bytes = Bytes{bytes};
          const Group on = group({0, 1}, size, nodes);
          const SimTime time = alone(entry, on, cluster);
          ClusterNetwork network(2, cluster);
          ASSERT_TRUE(network.start({0, nullptr, &entry, &on, time}, 1'000));
          EXPECT_EQ(run(network, 1)[0], 1'000 + time) << name(kind) << " " << size << "/" << nodes << " " << bytes;
        }
      }
    }
    for (const bool same_node : {true, false}) {
      const TransferEntry entry = transfer(0, 1, 7654321.0, same_node);
      const SimTime time = to_sim_time(transfer_time(entry.bytes, same_node, cluster));
      ClusterNetwork network(2, cluster);
      ASSERT_TRUE(network.start({0, &entry, nullptr, nullptr, time}, 5));
      EXPECT_EQ(run(network, 1)[0], 5 + time);
    }
  }
}

TEST(ClusterNetwork, TwoCollectivesOnOneNicTakeTwiceAsLong) {
  // Both all_gathers load rank 0's NIC with 1 GB·15/16 at 42.5 GB/s: 22.06 ms of wire each alone, twice that together.
  const hardware::Cluster cluster = h100_cluster(16);
  CollectiveEntry entry;
  entry.kind = CollectiveKind::all_gather;
  entry.bytes = Bytes{1e9};
  const Group first = group({0, 1}, 16, 16), second = group({0, 2}, 16, 16);
  const SimTime time = alone(entry, first, cluster);
  ClusterNetwork network(3, cluster);
  ASSERT_TRUE(network.start({0, nullptr, &entry, &first, time}, 0));
  ASSERT_TRUE(network.start({1, nullptr, &entry, &second, time}, 0));
  const auto ends = run(network, 2);
  EXPECT_EQ(ends[0], ends[1]);
  const double wire = 1e9 * 15.0 / 16.0 / 42.5e9 * 1e12;
  EXPECT_NEAR(static_cast<double>(ends[0]), static_cast<double>(time) + wire, 10.0);
  EXPECT_NEAR(static_cast<double>(ends[0]) / static_cast<double>(time), 2.0, 0.01);
}

TEST(ClusterNetwork, CollectivesOnDifferentRanksOrLinksDoNotDisturbEachOther) {
  const hardware::Cluster cluster = h100_cluster(16);
  CollectiveEntry inside, across;
  inside.kind = CollectiveKind::all_gather;
  across.kind = CollectiveKind::reduce_scatter;
  inside.bytes = across.bytes = Bytes{1e9};
  const Group tensor = group({0}, 8, 1), data = group({0}, 16, 16), other = group({1}, 16, 16);
  ClusterNetwork network(2, cluster);
  ASSERT_TRUE(network.start({0, nullptr, &inside, &tensor, alone(inside, tensor, cluster)}, 0));  // rank 0's NVLink
  ASSERT_TRUE(network.start({1, nullptr, &across, &data, alone(across, data, cluster)}, 0));      // rank 0's NIC
  ASSERT_TRUE(network.start({2, nullptr, &across, &other, alone(across, other, cluster)}, 0));    // rank 1's NIC
  const auto ends = run(network, 3);
  EXPECT_EQ(ends[0], alone(inside, tensor, cluster));
  EXPECT_EQ(ends[1], alone(across, data, cluster));
  EXPECT_EQ(ends[2], alone(across, other, cluster));
}

TEST(ClusterNetwork, OppositeTransfersUseBothDirections) {
  const hardware::Cluster cluster = a100_cluster(2);
  const TransferEntry there = transfer(0, 1, 1e8, false), back = transfer(1, 0, 1e8, false);
  const SimTime time = to_sim_time(transfer_time(Bytes{1e8}, false, cluster));
  ClusterNetwork network(2, cluster);
  ASSERT_TRUE(network.start({0, &there, nullptr, nullptr, time}, 0));
  ASSERT_TRUE(network.start({1, &back, nullptr, nullptr, time}, 0));
  EXPECT_EQ(run(network, 2), (std::vector<SimTime>{time, time}));
}

TEST(ClusterNetwork, TwoTransfersIntoOneNicShareIt) {
  // A100: 21.25 GB/s. 100 MB each from two ranks: 14 µs + 200 MB/21.25 GB/s = 9.4258 ms.
  const hardware::Cluster cluster = a100_cluster(3);
  const TransferEntry first = transfer(0, 2, 1e8, false), second = transfer(1, 2, 1e8, false);
  const SimTime time = to_sim_time(transfer_time(Bytes{1e8}, false, cluster));
  ClusterNetwork network(3, cluster);
  ASSERT_TRUE(network.start({0, &first, nullptr, nullptr, time}, 0));
  ASSERT_TRUE(network.start({1, &second, nullptr, nullptr, time}, 0));
  const auto ends = run(network, 2);
  EXPECT_NEAR(static_cast<double>(ends[0]), 14e6 + 2e8 / 21.25e9 * 1e12, 10.0);
  EXPECT_EQ(ends[0], ends[1]);
}

TEST(ClusterNetwork, APipelineTransferSlowsTheGradientsOfItsRank) {
  // Half way through nothing changes for bytes: rank 0's NIC has to send both, so that the later end is at least
  // the sum of the wire times.
  const hardware::Cluster cluster = a100_cluster(16);
  CollectiveEntry gradients;
  gradients.kind = CollectiveKind::reduce_scatter;
  gradients.bytes = Bytes{1e9};
  const Group data = group({0}, 16, 16);
  const TransferEntry activations = transfer(0, 1, 5e7, false);
  ClusterNetwork network(2, cluster);
  const SimTime time = alone(gradients, data, cluster);
  ASSERT_TRUE(network.start({0, nullptr, &gradients, &data, time}, 0));
  ASSERT_TRUE(network.start({1, &activations, nullptr, nullptr, to_sim_time(transfer_time(Bytes{5e7}, false, cluster))},
                            1'000'000'000));
  const auto ends = run(network, 2);
  EXPECT_NEAR(static_cast<double>(ends[0] - time), 5e7 / 21.25e9 * 1e12, 1e4) << "the collective waits for 50 MB";
  // The transfer has half of the NIC all the while: 14 µs + 2·50 MB/21.25 GB/s after its start.
  EXPECT_NEAR(static_cast<double>(ends[1] - 1'000'000'000), 14e6 + 1e8 / 21.25e9 * 1e12, 1e4);
}

TEST(ClusterNetwork, StretchesAnInterpretedPlan) {
  // Rank 0 gathers on its data-parallel lane while it sends activations: both use its NIC.
  const hardware::Cluster cluster = a100_cluster(16);
  PlanBuilder builder;
  const RankId first = builder.add_rank("stage 0"), second = builder.add_rank("stage 1", 1, 1);
  const GroupId data = builder.add_group(group({0}, 8, 8));
  builder.collective(builder.stream(first, Lane::data_parallel), CollectiveKind::all_gather, Bytes{4e8}, data, "gather",
                     Activity::data_parallel);
  TransferEntry entry = transfer(0, 1, 1e8, false);
  entry.label = builder.label("activations");
  const std::uint32_t index = builder.transfer(entry);
  builder.send(builder.stream(first, Lane::send_next), index);
  builder.recv(builder.stream(second, Lane::recv_prev), index);
  const Plan plan = builder.take();

  Durations durations;
  durations.collectives = {to_sim_time(collective_time({CollectiveKind::all_gather, Bytes{4e8}, 8, 8}, cluster))};
  durations.transfers = {to_sim_time(transfer_time(Bytes{1e8}, false, cluster))};
  const SimTime apart = evaluate(plan, durations).makespan;
  EXPECT_EQ(apart, std::max(durations.collectives[0], durations.transfers[0]));
  ClusterNetwork network(plan.ranks.size(), cluster);
  const SimTime shared = interpret(plan, durations, network).makespan;
  // The NIC carries 100 MB more than the gather's bytes: 100 MB/21.25 GB/s = 4705.88 µs. The gather's latency is
  // longer than the transfer's 14 µs: 1.4·8.4 + 7·14 = 109.76 µs (Simple, 7 network hops), and in the 95.76 µs between
  // the transfer has the NIC for itself.
  EXPECT_NEAR(static_cast<double>(shared - apart), (4705.88 - 95.76) * 1e6, 1e4);
}

TEST(ClusterNetwork, LeavesAloneWhatCrossesNoLink) {
  hardware::Cluster single = h100_cluster(1);
  single.node.nics = 0;
  ClusterNetwork network(2, single);
  CollectiveEntry entry;
  entry.bytes = Bytes{1e6};
  const Group one = group({0}, 1, 1), none = group({0}, 8, 1);
  EXPECT_FALSE(network.start({0, nullptr, &entry, &one, 0}, 0));
  CollectiveEntry empty;
  EXPECT_FALSE(network.start({0, nullptr, &empty, &none, 0}, 0));
  const TransferEntry across = transfer(0, 1, 1e6, false);
  EXPECT_FALSE(network.start({0, &across, nullptr, nullptr, 1000}, 0)) << "there is no network";
  EXPECT_EQ(network.next_completion(), kNever);
}

}  // namespace
}  // namespace orrery::sim
