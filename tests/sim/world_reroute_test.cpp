// Operations that take other links when a link goes down: what is left of them, who is held up, and what was carried.
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "sim/network/world.hpp"

namespace orrery::sim {
namespace {

struct Listener final : Completion {
  void completed(std::uint64_t tag, SimTime now, const HeldUp& held) override {
    ends[tag] = now;
    held_up[tag] = held;
  }
  void lost(std::uint64_t tag, SimTime now, LinkId link) override { losses[tag] = {now, link.value}; }
  std::map<std::uint64_t, SimTime> ends;
  std::map<std::uint64_t, HeldUp> held_up;
  std::map<std::uint64_t, std::pair<SimTime, std::uint32_t>> losses;
};

/// Links of one byte per picosecond.
std::vector<BytesPerSecond> links(std::size_t count) {
  return std::vector<BytesPerSecond>(count, BytesPerSecond{1e12});
}

const std::vector<LinkUse> kFirst{{0, 1.0}}, kSecond{{1, 1.0}};

/// The first link as built, the second in state 1.
std::shared_ptr<const Ways> by_the_second() { return std::make_shared<const Ways>(Ways{{kFirst}, {kSecond}}); }

OperationId start(World& world, Listener& listener, std::uint64_t tag, SimTime alone, SimTime work) {
  return world.start({alone, work, kFirst, 0.0, nullptr, by_the_second()}, listener, tag);
}

void go_down(World& world) {
  world.reroute(1);
  world.take_down(LinkId(0));
}

std::vector<double> carried(World& world) { return world.carried(); }

TEST(Reroute, TakesWhatIsLeftToTheOtherLink) {
  World world(links(2));
  Listener listener;
  (void)start(world, listener, 1, 1000, 1000);
  (void)world.clock().run_until(400);
  go_down(world);
  (void)world.clock().run();
  EXPECT_EQ(listener.ends.at(1), 1000u);
  EXPECT_EQ(listener.held_up.at(1).delay, 0u);
  EXPECT_TRUE(listener.losses.empty());
  EXPECT_EQ(carried(world), (std::vector<double>{400.0, 600.0}));
}

TEST(Reroute, SharesTheOtherLinkWithWhoIsThere) {
  World world(links(2));
  Listener listener;
  (void)start(world, listener, 1, 1000, 1000);
  (void)world.start({2000, 2000, kSecond}, listener, 2);
  (void)world.clock().run_until(400);
  go_down(world);
  (void)world.clock().run();
  // 600 are left at half speed; the other has done 400 and 600 by then, and has 1000 left alone.
  EXPECT_EQ(listener.ends.at(1), 1600u);
  EXPECT_EQ(listener.ends.at(2), 2600u);
  EXPECT_EQ(listener.held_up.at(1).link, LinkId(1));
  EXPECT_EQ(listener.held_up.at(1).delay, 600u);
}

TEST(Reroute, KeepsWhatHeldItUpBefore) {
  World world(links(2));
  Listener listener;
  (void)start(world, listener, 1, 1000, 1000);
  (void)world.start({1000, 1000, kFirst}, listener, 2);
  (void)world.clock().run_until(500);
  world.reroute(1);  // 250 done, 750 left, with a link each
  (void)world.clock().run();
  EXPECT_EQ(listener.ends, (std::map<std::uint64_t, SimTime>{{1, 1250}, {2, 1250}}));
  EXPECT_EQ(listener.held_up.at(1).link, LinkId(0));
  EXPECT_EQ(listener.held_up.at(1).delay, 250u);
}

TEST(Reroute, IsOfWhatStillWaitsAndOfWhatStartsLater) {
  World world(links(2));
  Listener listener;
  (void)start(world, listener, 1, 1500, 100);  // it comes to the links at 1400
  (void)world.clock().run_until(500);
  go_down(world);
  (void)start(world, listener, 2, 300, 300);
  (void)world.clock().run();
  EXPECT_EQ(listener.ends, (std::map<std::uint64_t, SimTime>{{1, 1500}, {2, 800}}));
  EXPECT_EQ(carried(world), (std::vector<double>{0.0, 400.0}));
}

TEST(Reroute, GoesBackWhenTheLinkDoes) {
  World world(links(2));
  Listener listener;
  (void)start(world, listener, 1, 1000, 1000);
  (void)world.clock().run_until(400);
  go_down(world);
  (void)world.clock().run_until(700);
  world.bring_up(LinkId(0));
  world.reroute(0);
  (void)world.clock().run();
  EXPECT_EQ(listener.ends.at(1), 1000u);
  EXPECT_EQ(carried(world), (std::vector<double>{700.0, 300.0}));
}

TEST(Reroute, LosesWhatHasNoOtherWay) {
  World world(links(2));
  Listener listener;
  const auto no_other = std::make_shared<const Ways>(Ways{{kFirst}, {kFirst}});
  (void)world.start({1000, 1000, kFirst, 0.0, nullptr, no_other}, listener, 1);
  (void)world.start({1000, 1000, kFirst}, listener, 2);
  (void)start(world, listener, 3, 500, 500);
  (void)world.clock().run_until(300);
  go_down(world);
  (void)world.clock().run();
  EXPECT_EQ(listener.losses,
            (std::map<std::uint64_t, std::pair<SimTime, std::uint32_t>>{{1, {300, 0}}, {2, {300, 0}}}));
  EXPECT_EQ(listener.ends, (std::map<std::uint64_t, SimTime>{{3, 700}})) << "a third of 300 done, 400 left";
}

TEST(Reroute, FromAndToLinksThatAreSpare) {
  for (const bool first_is_spare : {true, false}) {
    World world(links(2));
    world.set_spare(first_is_spare ? std::vector<std::uint8_t>{1, 0} : std::vector<std::uint8_t>{0, 1});
    Listener listener;
    (void)start(world, listener, 1, 1000, 1000);
    if (first_is_spare) (void)world.start({2000, 2000, kSecond}, listener, 2);
    (void)world.clock().run_until(400);
    world.reroute(1);
    (void)world.clock().run();
    EXPECT_EQ(listener.ends.at(1), first_is_spare ? 1600u : 1000u) << "as in a World without spare links";
    EXPECT_EQ(carried(world)[0], 400.0);
    EXPECT_EQ(carried(world)[1], first_is_spare ? 2600.0 : 600.0);
    EXPECT_TRUE(world.overloaded().empty());
  }
}

TEST(Reroute, IsOfEveryMessageOfARing) {
  MessageGraph usual;
  for (std::uint32_t hop = 0; hop < 3; ++hop) usual.hops.push_back({{{hop, 1.0}}, {hop > 0 ? hop - 1 : 2}});
  usual.steps = 4;
  usual.rounds = 10;
  usual.lag = 1;
  MessageGraph around = usual;
  around.hops[1].uses = {{3, 1.0}};
  const auto ways = std::make_shared<const Ways>(Ways{{{}, 0.0, std::make_shared<const MessageGraph>(usual)},
                                                      {{{3, 1.0}}, 0.0, std::make_shared<const MessageGraph>(around)}});
  const auto run = [&](bool goes_down) {
    World world(links(4));
    Listener listener;
    const Operation operation{40'000, 40'000, {}, 0.0, usual.messages() > 0 ? ways->front().messages.get() : nullptr,
                              ways};
    world.expect_upheaval(10'500);
    (void)world.start(operation, listener, 1);
    (void)world.clock().run_until(10'500);
    if (goes_down) {
      world.reroute(1);
      world.take_down(LinkId(1));
    }
    (void)world.clock().run();
    EXPECT_TRUE(listener.losses.empty());
    return std::pair(listener.ends.at(1), carried(world));
  };
  const auto [undisturbed, all] = run(false);
  const auto [rerouted, parts] = run(true);
  EXPECT_EQ(rerouted, undisturbed);
  EXPECT_EQ(all[3], 0.0);
  EXPECT_GT(parts[1], 0.0);
  EXPECT_GT(parts[3], 0.0);
  EXPECT_NEAR(parts[1] + parts[3], all[1], 1e-6 * all[1]);
}

}  // namespace
}  // namespace orrery::sim
