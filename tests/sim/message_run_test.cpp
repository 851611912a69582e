// Operations as the messages of a ring: alone, on slow links, beside others, folded and taken off.
#include <algorithm>
#include <cstdint>
#include <map>
#include <vector>

#include <gtest/gtest.h>

#include "sim/network/world.hpp"
#include "tests/sim/flow_support.hpp"
#include "tests/sim/message_support.hpp"

namespace orrery::sim {
namespace {

using test::links;
using test::Listener;
using test::Numbers;
using test::operation;
using test::Ran;
using test::run;
using test::Ticks;

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
