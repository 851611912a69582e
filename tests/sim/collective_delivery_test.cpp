// What arrives where: the messages of every algorithm carried out on sets of contributions.
#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "sim/collective/libraries.hpp"
#include "tests/sim/collective_clusters.hpp"

namespace orrery::sim {
namespace {

using testing::adds_on_hosts;
using testing::h100_cluster;
using testing::in_order;
using testing::kAllKinds;

/// Whose contributions are summed in a chunk.
using Sum = std::set<int>;

/// The ring's messages on n ranks, each rank's buffer in n chunks. What a message carries is the chunk that arrived by
/// the one it waits for; the first passes sum, the later ones replace.
std::vector<std::map<int, Sum>> after_ring(CollectiveKind kind, int n) {
  const CollectiveCall call{kind, Bytes{static_cast<double>(n)}, n, 1};
  const std::vector<Transfer> transfers = ring_row().transfers(call);
  std::vector<std::map<int, Sum>> buffers(static_cast<std::size_t>(n));
  for (int r = 0; r < n; ++r) {
    for (int chunk = 0; chunk < n; ++chunk) {
      if (kind == CollectiveKind::all_gather && chunk != r) continue;
      buffers[static_cast<std::size_t>(r)][chunk] = {r};
    }
  }
  std::vector<int> chunk_of(transfers.size());
  const std::size_t summing =
      kind == CollectiveKind::all_gather ? 0 : static_cast<std::size_t>(n) * (static_cast<std::size_t>(n) - 1);
  for (std::size_t i = 0; i < transfers.size(); ++i) {
    const Transfer& t = transfers[i];
    chunk_of[i] = t.source;
    for (const std::uint32_t before : t.after) {
      if (transfers[before].destination == t.source) chunk_of[i] = chunk_of[before];
    }
    const Sum carried = buffers[static_cast<std::size_t>(t.source)].at(chunk_of[i]);
    Sum& target = buffers[static_cast<std::size_t>(t.destination)][chunk_of[i]];
    if (i < summing) {
      target.insert(carried.begin(), carried.end());
    } else {
      target = carried;
    }
  }
  return buffers;
}

Sum everybody(int n) {
  Sum all;
  for (int r = 0; r < n; ++r) all.insert(r);
  return all;
}

TEST(RingDelivery, AllReduceLeavesTheWholeSumOfEveryChunkWithEveryRank) {
  for (int n = 2; n <= 9; ++n) {
    for (const auto& buffer : after_ring(CollectiveKind::all_reduce, n)) {
      ASSERT_EQ(buffer.size(), static_cast<std::size_t>(n));
      for (const auto& [chunk, sum] : buffer) EXPECT_EQ(sum, everybody(n)) << n << " ranks, chunk " << chunk;
    }
  }
}

TEST(RingDelivery, ReduceScatterLeavesOneWholeSumWithEachRank) {
  for (int n = 2; n <= 9; ++n) {
    std::set<int> owned;
    for (const auto& buffer : after_ring(CollectiveKind::reduce_scatter, n)) {
      int whole = 0;
      for (const auto& [chunk, sum] : buffer) {
        if (sum != everybody(n)) continue;
        ++whole;
        owned.insert(chunk);
      }
      EXPECT_EQ(whole, 1) << n;
    }
    EXPECT_EQ(owned.size(), static_cast<std::size_t>(n)) << "each another chunk";
  }
}

TEST(RingDelivery, AllGatherLeavesEveryShardWithEveryRank) {
  for (int n = 2; n <= 9; ++n) {
    for (const auto& buffer : after_ring(CollectiveKind::all_gather, n)) {
      ASSERT_EQ(buffer.size(), static_cast<std::size_t>(n));
      for (const auto& [shard, owner] : buffer) EXPECT_EQ(owner, Sum{shard});
    }
  }
}

TEST(BroadcastDelivery, TheRootsBufferReachesEveryRankOnceAndFromOneThatHasIt) {
  for (const CollectiveRow& row : {ring_row(), tree_row()}) {
    for (const auto& [ranks, nodes] : {std::pair{2, 1}, {8, 1}, {7, 7}, {16, 2}, {24, 3}, {40, 5}}) {
      const auto transfers = row.transfers({CollectiveKind::broadcast, Bytes{100.0}, ranks, nodes});
      ASSERT_TRUE(in_order(transfers));
      ASSERT_EQ(transfers.size(), static_cast<std::size_t>(ranks - 1)) << row.name;
      std::set<int> has{transfers.front().source};
      for (std::size_t i = 0; i < transfers.size(); ++i) {
        const Transfer& t = transfers[i];
        EXPECT_DOUBLE_EQ(t.bytes.value(), 100.0);
        EXPECT_TRUE(has.count(t.source)) << row.name;
        EXPECT_TRUE(has.insert(t.destination).second) << row.name << ": rank " << t.destination << " gets it twice";
        // Whoever is not the root waits for the message that brought it the buffer.
        const bool waits = std::any_of(t.after.begin(), t.after.end(),
                                       [&](std::uint32_t before) { return transfers[before].destination == t.source; });
        EXPECT_EQ(waits, t.source != transfers.front().source) << row.name << " message " << i;
      }
      EXPECT_EQ(has.size(), static_cast<std::size_t>(ranks));
    }
  }
}

TEST(SwitchDelivery, EveryRankHearsWhatAllHaveSent) {
  const auto transfers = nvls_row().transfers({CollectiveKind::all_reduce, Bytes{80.0}, 8, 1});
  Sum in_switch;
  std::vector<Sum> heard(8);
  for (const Transfer& t : transfers) {
    if (t.destination == 8) {
      in_switch.insert(t.source);
      continue;
    }
    ASSERT_EQ(t.source, 8);
    ASSERT_EQ(t.after.size(), 8u) << "the sum is whole before it goes out";
    heard[static_cast<std::size_t>(t.destination)] = in_switch;
  }
  for (const Sum& sum : heard) EXPECT_EQ(sum, everybody(8));
}

TEST(SwitchDelivery, MovesShardsTheOneWayAndBuffersTheOther) {
  // all_gather: a rank sends its shard and hears all; reduce_scatter: it sends all and hears its shard.
  const auto bytes = [](CollectiveKind kind) {
    const auto transfers = nvls_row().transfers({kind, Bytes{80.0}, 8, 1});
    return std::pair{transfers.front().bytes.value(), transfers.back().bytes.value()};
  };
  EXPECT_EQ(bytes(CollectiveKind::all_gather), std::pair(10.0, 80.0));
  EXPECT_EQ(bytes(CollectiveKind::reduce_scatter), std::pair(80.0, 10.0));
  EXPECT_EQ(bytes(CollectiveKind::all_reduce), std::pair(80.0, 80.0));
}

TEST(ExchangeDelivery, EveryRankSendsAndReceivesEquallyInEveryRound) {
  for (const int n : {2, 3, 8, 12}) {
    const auto transfers = pairwise_row().transfers({CollectiveKind::all_to_all, Bytes{120.0}, n, 1});
    ASSERT_EQ(transfers.size(), static_cast<std::size_t>(n * (n - 1)));
    for (int round = 0; round < n - 1; ++round) {
      std::set<int> senders, receivers;
      for (int r = 0; r < n; ++r) {
        const Transfer& t = transfers[static_cast<std::size_t>(round * n + r)];
        senders.insert(t.source);
        receivers.insert(t.destination);
      }
      EXPECT_EQ(senders.size(), static_cast<std::size_t>(n));
      EXPECT_EQ(receivers.size(), static_cast<std::size_t>(n)) << "no rank hears two at once";
    }
  }
}

TEST(TreeDelivery, TheTwoTreesShareTheInnerWorkOnOddNumbersOfNodesToo) {
  // A node that is inner in both trees would send more than two buffers.
  for (int nodes = 2; nodes <= 33; ++nodes) {
    const auto transfers = tree_row().transfers({CollectiveKind::all_reduce, Bytes{100.0}, nodes, nodes});
    const auto sent = testing::bytes_sent(transfers, nodes);
    double all = 0.0;
    for (const double bytes : sent) all += bytes;
    EXPECT_DOUBLE_EQ(all, 2.0 * 100.0 * (nodes - 1)) << "each edge once up and once down, half a buffer in each tree";
    EXPECT_LE(*std::max_element(sent.begin(), sent.end()), 200.0 + 1e-9) << nodes << " nodes";
  }
}

TEST(TreeDelivery, HasTheDepthOfALogarithm) {
  for (const int nodes : {2, 4, 8, 16, 32, 64}) {
    int levels = 0;
    for (int n = nodes; n > 1; n /= 2) ++levels;
    const auto transfers = tree_row().transfers({CollectiveKind::all_reduce, Bytes{1.0}, nodes, nodes});
    EXPECT_LE(testing::depth(transfers), 2 * (levels + 1)) << nodes;
    EXPECT_GE(testing::depth(transfers), 2 * levels) << nodes;
  }
}

TEST(Deliveries, SendNoMoreThanTheLoadsThatContentionIsReckonedWith) {
  for (const CollectiveRow& row : collective_algorithms()) {
    for (const CollectiveKind kind : kAllKinds) {
      for (const auto& [ranks, nodes] : {std::pair{8, 1}, {6, 6}, {9, 9}}) {
        const CollectiveCall call{kind, Bytes{720.0}, ranks, nodes};
        if (!row.supports(call, h100_cluster(nodes).site(0))) continue;
        const LinkLoad load = row.load(call);
        if (adds_on_hosts(row)) continue;  // through the hosts: collective_host_test.cpp
        const auto sent = testing::bytes_sent(row.transfers(call), ranks);
        const double most = std::max(load.node.value(), load.network.value());
        for (int r = 0; r < ranks; ++r) {
          // A broadcast's tree forwards to several, which the load of one pipelined chain does not.
          if (kind == CollectiveKind::broadcast && row.name == "tree") continue;
          EXPECT_LE(sent[static_cast<std::size_t>(r)], most + 1e-9) << row.name << " rank " << r;
        }
      }
    }
  }
}

}  // namespace
}  // namespace orrery::sim
