// Operations as the messages of NCCL's two trees: the filling of the pipeline, what each card carries, slow cards,
// folded and taken off.
#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "sim/collective/collectives.hpp"
#include "sim/network/world.hpp"
#include "tests/sim/message_support.hpp"

namespace orrery::sim {
namespace {

using test::links;
using test::Listener;
using test::operation;
using test::Ran;
using test::run;
using test::Ticks;

/// NCCL's two trees over nodes with a card each, in so many messages: link 2n leads out of node n, 2n + 1 into it. Each
/// message asks for a quarter of a card (a half, of two nodes), so that the busiest cards are full.
MessageGraph trees_over(int nodes, std::uint64_t rounds) {
  MessageGraph out;
  out.rounds = rounds;
  const double share = nodes == 2 ? 0.5 : 0.25;
  for (const Transfer& edge : tree_row().transfers({CollectiveKind::all_reduce, Bytes{2.0}, nodes, nodes})) {
    out.hops.push_back({{{static_cast<std::uint32_t>(2 * edge.source), share},
                         {static_cast<std::uint32_t>(2 * edge.destination + 1), share}},
                        edge.after});
  }
  return out;
}

TEST(TreeRun, AloneItLastsItsWorkAndTheFillingOfThePipeline) {
  // 16 messages of 1,000 ps, and as many more as a chunk's way has hops beside the first: up to the root and down again
  // on 2, 3, 4 and 8 nodes, whose deepest leaves lie 1, 2, 2 and 3 hops below it.
  const std::map<int, SimTime> ends{{2, 17'000}, {3, 19'000}, {4, 19'000}, {8, 21'000}};
  for (const auto& [nodes, end] : ends) {
    const MessageGraph trees = trees_over(nodes, 16);
    for (const bool by_messages : {false, true}) {
      const Ran ran = run(trees, 16'000, 16'000, links(2 * static_cast<std::size_t>(nodes)), by_messages);
      EXPECT_EQ(ran.end, end) << nodes;
      EXPECT_EQ(ran.held_up.delay, 0u) << "no link held it up";
      EXPECT_EQ(by_messages, ran.events > 3u);
    }
  }
}

TEST(TreeRun, AloneItTakesItsDurationWhereTheLatencyIsAsLongAsTheFilling) {
  for (const int nodes : {2, 3, 4, 5, 8, 13}) {
    for (const bool by_messages : {false, true}) {
      const Ran ran =
          run(trees_over(nodes, 16), 40'001, 16'003, links(2 * static_cast<std::size_t>(nodes)), by_messages);
      EXPECT_EQ(ran.end, 40'001u) << nodes;
    }
  }
}

TEST(TreeRun, EachCardCarriesItsEdges) {
  // Four nodes, quarters of 16,000. 0 ← 2 ← {1, 3} and 3 ← 1 ← {2, 0}: nodes 0 and 3 send one message up and one down,
  // nodes 1 and 2 two up and two down; all receive as much.
  for (const bool by_messages : {false, true}) {
    const Ran ran = run(trees_over(4, 16), 16'000, 16'000, links(8), by_messages);
    const std::vector<double> bytes{8e3, 8e3, 16e3, 16e3, 16e3, 16e3, 8e3, 8e3};
    for (std::size_t link = 0; link < bytes.size(); ++link) EXPECT_NEAR(ran.carried[link], bytes[link], 1e-6) << link;
  }
}

TEST(TreeRun, ADegradedCardLengthensItByWhatItsEdgesCarry) {
  // At half its rate a card of four edges takes twice as long, one of two edges none: half of it was free.
  const auto slowed = [](std::size_t link) {
    return run(trees_over(4, 64), 64'000, 64'000, links(8, link, 0.5), true);
  };
  const SimTime usual = 67'000;
  EXPECT_EQ(run(trees_over(4, 64), 64'000, 64'000, links(8), true).end, usual);
  EXPECT_EQ(slowed(0).end, usual);
  EXPECT_EQ(slowed(7).end, usual);
  const Ran ran = slowed(2);
  EXPECT_GE(ran.end, 128'000u) << "64,000 bytes at half a byte per picosecond";
  EXPECT_LE(ran.end, 2 * usual);
  EXPECT_EQ(ran.held_up.link, LinkId(2));
  EXPECT_EQ(slowed(2).end, ran.end) << "the same again";
}

TEST(TreeRun, TwoOnTheSameLinksTakeAtLeastTheirBytesOverTheCapacity) {
  const MessageGraph trees = trees_over(4, 16);
  World world(links(8));
  Listener listener;
  for (const std::uint64_t tag : {1u, 2u}) {
    Operation one = operation(trees, 16'000, 16'000);
    one.weight = 1.0;
    (void)world.start(one, listener, tag);
  }
  (void)world.clock().run();
  for (const std::uint64_t tag : {1u, 2u}) {
    EXPECT_GE(listener.ends.at(tag), 32'000u);
    EXPECT_LE(listener.ends.at(tag), 2 * 19'000u);
  }
}

/// The same edges on one link that all share, as where nothing but a fabric can fill.
MessageGraph on_one_link(MessageGraph trees) {
  for (MessageGraph::Hop& hop : trees.hops) hop.uses = {{0, 1.0}};
  return trees;
}

TEST(TreeRun, AlikeEdgesAreOne) {
  // 0 ← 4 ← {2, 6} ← {1, 3, 5, 7} and its mirror: three levels up and three down, of 8, 4 and 2 edges.
  const MessageGraph all = on_one_link(trees_over(8, 4)), few = folded(all);
  ASSERT_EQ(few.hops.size(), 6u);
  std::multiset<double> shares;
  for (const MessageGraph::Hop& hop : few.hops) shares.insert(hop.uses.at(0).share);
  EXPECT_EQ(shares, (std::multiset<double>{2, 2, 4, 4, 8, 8}));
  for (const int nodes : {2, 3, 5, 8, 12}) {
    // Of the links of cards each is another: nothing is alike.
    EXPECT_EQ(folded(trees_over(nodes, 4)).hops.size(), trees_over(nodes, 4).hops.size());
  }
}

TEST(TreeRun, FoldedItEndsAsUnfoldedOnALinkThatFills) {
  for (const int nodes : {2, 3, 4, 6, 8, 11}) {
    const MessageGraph all = on_one_link(trees_over(nodes, 12));
    const auto end = [&](const MessageGraph& graph) {
      World world(links(1, 0, 5.0));
      Listener listener;
      Operation one = operation(graph, 50'000, 36'000);
      one.weight = 1.0;
      (void)world.start(one, listener, 1);
      (void)world.clock().run();
      return static_cast<double>(listener.ends.at(1));
    };
    EXPECT_NEAR(end(folded(all)), end(all), 12.0 * 2 * nodes) << nodes;
  }
}

TEST(TreeRun, IsLostWithALinkThatIsDown) {
  const MessageGraph trees = trees_over(4, 16);
  World world(links(8));
  Listener listener;
  Ticks ticks(world.clock(), 1'000, 16'000);
  Operation one = operation(trees, 16'000, 16'000);
  one.weight = 1.0;
  (void)world.start(one, listener, 1);
  (void)world.clock().run_until(5'500);
  world.take_down(LinkId(2));
  (void)world.clock().run();
  EXPECT_EQ(listener.losses, (std::map<std::uint64_t, SimTime>{{1, 5'500}}));
}

}  // namespace
}  // namespace orrery::sim
