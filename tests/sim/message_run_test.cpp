// Operations as the messages of a ring or of trees: alone, on slow links, beside others, folded and taken off.
#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "sim/collective/collectives.hpp"
#include "sim/network/world.hpp"
#include "tests/sim/flow_support.hpp"

namespace orrery::sim {
namespace {

using test::Numbers;

/// What completed, when, and what held it up.
struct Listener final : Completion {
  void completed(std::uint64_t tag, SimTime now, const HeldUp& held) override {
    ends[tag] = now;
    held_up[tag] = held;
  }
  void lost(std::uint64_t tag, SimTime now, LinkId) override { losses[tag] = now; }
  std::map<std::uint64_t, SimTime> ends, losses;
  std::map<std::uint64_t, HeldUp> held_up;
};

/// Something that goes on beside a ring, so that it can't be taken in one go.
class Ticks final : Resource {
 public:
  Ticks(Simulator& clock, SimTime every, SimTime until) : clock_(clock), every_(every), until_(until) {
    id_ = clock.add(*this);
    clock.at(0, id_);
  }

 private:
  void fire(SimTime now) override {
    if (now < until_) clock_.at(now + every_, id_);
  }
  Simulator& clock_;
  SimTime every_, until_;
  ResourceId id_;
};

/// `hops` hops with a link each, which a message fills; link h at capacity[h] bytes per picosecond.
MessageGraph ring_of(std::uint32_t hops, std::uint32_t steps, std::uint64_t rounds, std::uint32_t slices,
                     std::uint32_t window) {
  MessageGraph ring;
  for (std::uint32_t h = 0; h < hops; ++h) ring.hops.push_back({{{h, 1.0}}, {h > 0 ? h - 1 : hops - 1}});
  ring.steps = steps;
  ring.rounds = rounds;
  ring.slices = slices;
  ring.window = window;
  ring.lag = slices;
  return ring;
}

Operation operation(const MessageGraph& ring, SimTime alone, SimTime work) {
  Operation out;
  out.alone = alone;
  out.work = work;
  out.messages = &ring;
  return out;
}

std::vector<BytesPerSecond> links(std::size_t count, std::size_t slow = 0, double scale = 1.0) {
  std::vector<BytesPerSecond> out(count, BytesPerSecond{1e12});
  out[slow] = out[slow] * scale;
  return out;
}

struct Ran {
  SimTime end = 0;
  HeldUp held_up;
  std::vector<double> carried;
  std::uint64_t events = 0;
};

Ran run(const MessageGraph& ring, SimTime alone, SimTime work, const std::vector<BytesPerSecond>& capacities,
        bool by_messages) {
  World world(capacities);
  Listener listener;
  std::optional<Ticks> ticks;
  if (by_messages) ticks.emplace(world.clock(), std::max<SimTime>(1, alone / 7), alone);
  (void)world.start(operation(ring, alone, work), listener, 1);
  (void)world.clock().run();
  EXPECT_EQ(listener.ends.count(1), 1u);
  return {listener.ends[1], listener.held_up[1], world.carried(), world.clock().statistics().fired};
}

TEST(MessageRun, AloneItTakesItsDurationInOneGoAndMessageByMessage) {
  Numbers numbers(51);
  for (int round = 0; round < 60; ++round) {
    const std::uint32_t hops = 1 + numbers.below(9), slices = 1 + numbers.below(2);
    const MessageGraph ring =
        ring_of(hops, 1 + numbers.below(2 * hops), 1 + numbers.below(4), slices, slices + 1 + numbers.below(6));
    const SimTime alone = 1000 + numbers.below(1'000'000), work = numbers.below(static_cast<std::uint32_t>(alone)) + 1;
    const Ran whole = run(ring, alone, work, links(hops), false), single = run(ring, alone, work, links(hops), true);
    EXPECT_EQ(whole.end, alone);
    EXPECT_EQ(single.end, alone) << round;
    EXPECT_EQ(whole.held_up.delay, 0u);
    EXPECT_EQ(single.held_up.delay, 0u);
    EXPECT_LE(whole.events, 3u) << "in one go";
    for (std::uint32_t h = 0; h < hops; ++h) {
      EXPECT_DOUBLE_EQ(whole.carried[h], static_cast<double>(work));
      EXPECT_NEAR(single.carried[h], static_cast<double>(work), 1e-6) << h;
    }
  }
}

TEST(MessageRun, ASlowLinkSetsThePaceOfAll) {
  // 8 hops, 14 steps, 1,000 ps a message, no latency: the slow hop sends 14 messages of 2,000 ps one after the other,
  // and all others are done before it.
  const MessageGraph ring = ring_of(8, 14, 1, 1, 8);
  for (const bool by_messages : {false, true}) {
    const Ran ran = run(ring, 14'000, 14'000, links(8, 3, 0.5), by_messages);
    EXPECT_EQ(ran.end, 28'000u);
    EXPECT_EQ(ran.held_up.link, LinkId(3));
    EXPECT_EQ(ran.held_up.delay, 14'000u);
  }
}

TEST(MessageRun, LatenciesAreNotStretched) {
  // The same with 400 of the 1,000 ps a latency: 400 + 1,200 a message.
  const MessageGraph ring = ring_of(8, 14, 1, 1, 8);
  EXPECT_EQ(run(ring, 14'000, 8'400, links(8, 3, 0.5), false).end, 14u * 1'600);
  EXPECT_EQ(run(ring, 14'000, 8'400, links(8, 3, 0.5), true).end, 14u * 1'600);
}

TEST(MessageRun, OneGoAndMessagesAgreeOnLinksOfAnySpeed) {
  Numbers numbers(52);
  for (int round = 0; round < 80; ++round) {
    const std::uint32_t hops = 2 + numbers.below(9), slices = 1 + numbers.below(2);
    const MessageGraph ring =
        ring_of(hops, 1 + numbers.below(2 * hops), 1 + numbers.below(4), slices, slices + 1 + numbers.below(6));
    std::vector<BytesPerSecond> capacities;
    for (std::uint32_t h = 0; h < hops; ++h) capacities.emplace_back(numbers.uniform(0.2, 1.5) * 1e12);
    const SimTime alone = 10'000'000, work = 8'000'000;
    const Ran whole = run(ring, alone, work, capacities, false), single = run(ring, alone, work, capacities, true);
    // Ends are whole picoseconds: half of one for each message of a path.
    const auto most = static_cast<double>(ring.messages());
    EXPECT_NEAR(static_cast<double>(whole.end), static_cast<double>(single.end), most) << round;
    double slowest = 1.5e12;
    for (const BytesPerSecond capacity : capacities) slowest = std::min(slowest, capacity.value());
    const double stage = std::max(1.0, 1e12 / slowest);
    EXPECT_GE(static_cast<double>(whole.end) + most, 2e6 + 8e6 * stage) << "the slowest hop's messages in a row";
    for (std::uint32_t h = 0; h < hops; ++h) EXPECT_NEAR(whole.carried[h], single.carried[h], 1.0);
  }
}

TEST(MessageRun, AHopThatIsSlowForAWhileHoldsUpTheNextOnesOnlyAsItsMessagesCome) {
  // 4 hops, 6 steps of 1,000 ps. Hop 0 stands still from 0 to 1,000: its first message ends at 2,000, and every message
  // of the chunk that it begins is a step late; the others' first messages were on time.
  const MessageGraph ring = ring_of(4, 6, 1, 1, 8);
  World world(links(4, 0, 1e-9));
  Listener listener;
  (void)world.start(operation(ring, 6'000, 6'000), listener, 1);
  Ticks ticks(world.clock(), 500, 6'000);
  (void)world.clock().run_until(1'000);
  EXPECT_NEAR(world.carried()[1], 1'000.0, 1e-6);
  EXPECT_NEAR(world.carried()[0], 0.0, 1e-3);
  world.set_capacity(LinkId(0), BytesPerSecond{1e12});
  (void)world.clock().run();
  EXPECT_EQ(listener.ends.at(1), 7'000u);
}

TEST(MessageRun, TwoOnTheSameLinksShareThem) {
  const MessageGraph ring = ring_of(4, 6, 2, 2, 4);
  World world(links(4));
  Listener listener;
  (void)world.start(operation(ring, 240'000, 240'000), listener, 1);
  (void)world.start(operation(ring, 240'000, 240'000), listener, 2);
  (void)world.clock().run();
  EXPECT_EQ(listener.ends.at(1), 480'000u);
  EXPECT_EQ(listener.ends.at(2), 480'000u);
  EXPECT_EQ(listener.held_up.at(1).delay, 240'000u);
  for (const double bytes : world.carried()) EXPECT_NEAR(bytes, 480'000.0, 1e-3);
}

TEST(MessageRun, OneThatComesLaterIsMetUnderWay) {
  // Taken in one go only where nothing else can come: another starts at half time, and both share from then on.
  const MessageGraph ring = ring_of(2, 2, 50, 1, 8);
  World world(links(2));
  Listener listener;
  (void)world.start(operation(ring, 100'000, 100'000), listener, 1);
  const std::vector<LinkUse> both{{0, 1.0}, {1, 1.0}};
  (void)world.start({150'000, 100'000, both}, listener, 2);  // its latency passes until 50,000
  (void)world.clock().run();
  EXPECT_NEAR(static_cast<double>(listener.ends.at(1)), 150'000.0, 1'000.0);
  EXPECT_NEAR(static_cast<double>(listener.ends.at(2)), 200'000.0, 1'000.0);
}

// One hop that stands for six alike, each with a part of a link that all share, against the six.
TEST(MessageRun, FoldedHopsEndAsTheirMembersDo) {
  constexpr std::uint32_t kHops = 6;
  const auto ran = [](bool folded) {
    MessageGraph ring;
    ring.steps = 10;
    ring.rounds = 3;
    ring.slices = 2;
    ring.window = 4;
    const std::uint32_t hops = folded ? 1 : kHops;
    for (std::uint32_t h = 0; h < hops; ++h) {
      ring.hops.push_back({{{h + 1, 1.0}, {0, 6.0 / hops}}, {h > 0 ? h - 1 : hops - 1}});
    }
    ring.lag = ring.slices;
    World world(links(kHops + 1, 0, 8.0));
    Listener listener;
    Operation one = operation(ring, 600'000, 480'000);
    one.weight = 1.0;
    (void)world.start(one, listener, 1);
    const std::vector<LinkUse> shared{{0, 6.0}};
    (void)world.start({400'000, 300'000, shared, 1.0}, listener, 2);
    (void)world.clock().run();
    return listener.ends;
  };
  const auto folded = ran(true), all = ran(false);
  EXPECT_GT(folded.at(1), 600'000u);
  for (const auto& [tag, end] : folded) EXPECT_NEAR(static_cast<double>(all.at(tag)), static_cast<double>(end), 60.0);
}

TEST(MessageRun, TakenOffItLeavesTheLinksToOthers) {
  const MessageGraph ring = ring_of(2, 2, 10, 1, 8);
  for (const SimTime at : {0u, 5'000u}) {
    World world(links(2));
    Listener listener;
    const OperationId id = world.start(operation(ring, 20'000, 20'000), listener, 1);
    const std::vector<LinkUse> both{{0, 1.0}, {1, 1.0}};
    (void)world.start({20'000, 20'000, both}, listener, 2);
    if (at > 0) (void)world.clock().run_until(at);
    world.cancel(id);
    world.cancel(id);
    (void)world.clock().run();
    EXPECT_EQ(listener.ends.count(1), 0u);
    EXPECT_NEAR(static_cast<double>(listener.ends.at(2)), 20'000.0 + static_cast<double>(at) / 2, 500.0);
  }
}

TEST(MessageRun, IsLostWithALinkThatIsDown) {
  const MessageGraph ring = ring_of(3, 4, 10, 1, 8);
  World world(links(3));
  Listener listener;
  Ticks ticks(world.clock(), 1'000, 40'000);
  (void)world.start(operation(ring, 40'000, 40'000), listener, 1);
  (void)world.clock().run_until(10'500);
  world.take_down(LinkId(1));
  (void)world.clock().run();
  EXPECT_EQ(listener.losses, (std::map<std::uint64_t, SimTime>{{1, 10'500}}));
  EXPECT_TRUE(listener.ends.empty());
}

TEST(MessageRun, IsLostWhereItBeginsOnALinkThatIsDown) {
  const MessageGraph ring = ring_of(3, 4, 10, 1, 8);
  World world(links(3));
  Listener listener;
  world.take_down(LinkId(1));
  (void)world.start(operation(ring, 40'000, 40'000), listener, 1);
  const std::vector<LinkUse> other{{0, 1.0}};
  (void)world.start({1'000, 1'000, other}, listener, 2);
  (void)world.clock().run();
  EXPECT_EQ(listener.losses, (std::map<std::uint64_t, SimTime>{{1, 0}}));
  EXPECT_EQ(listener.ends, (std::map<std::uint64_t, SimTime>{{2, 1'000}})) << "what it had begun is off the links";
}

TEST(MessageRun, AWorldMayEndBeforeIt) {
  const MessageGraph ring = ring_of(3, 4, 10, 1, 8);
  World world(links(3));
  Listener listener;
  Ticks ticks(world.clock(), 1'000, 40'000);
  (void)world.start(operation(ring, 40'000, 40'000), listener, 1);
  (void)world.clock().run_until(10'500);
  EXPECT_TRUE(listener.ends.empty());
}

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

TEST(MessageRun, RefusesWhatIsNeither) {
  World world(links(2));
  Listener listener;
  MessageGraph ring = ring_of(2, 2, 1, 2, 2);
  EXPECT_THROW((void)world.start(operation(ring, 10, 10), listener, 1), std::invalid_argument) << "no room";
  ring = ring_of(2, 2, 0, 1, 8);
  EXPECT_THROW((void)world.start(operation(ring, 10, 10), listener, 1), std::invalid_argument) << "no message";
  ring = ring_of(2, 2, 1, 1, 8);
  ring.lag = 0;
  EXPECT_THROW((void)world.start(operation(ring, 10, 10), listener, 1), std::invalid_argument)
      << "each after the other";
}

}  // namespace
}  // namespace orrery::sim
