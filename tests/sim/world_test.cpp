// Operations on a World: latency, sharing, cancelling, changing capacities.
#include "sim/network/world.hpp"

#include <map>
#include <stdexcept>

#include <gtest/gtest.h>

namespace orrery::sim {
namespace {

/// Remembers when each tag completed, and may start another operation then.
class Listener final : public Completion {
 public:
  void completed(std::uint64_t tag, SimTime now, const HeldUp& held) override {
    ends[tag] = now;
    held_up[tag] = held;
    if (next) next(tag);
  }
  std::map<std::uint64_t, SimTime> ends;
  std::map<std::uint64_t, HeldUp> held_up;
  std::function<void(std::uint64_t)> next;
};

/// A link of one byte per picosecond.
const std::vector<BytesPerSecond> kOneLink{BytesPerSecond{1e12}};
const std::vector<LinkUse> kFull{{0, 1.0}};
const std::vector<LinkUse> kHalf{{0, 0.5}};

TEST(World, AnOperationAloneTakesItsTime) {
  World world(kOneLink);
  Listener listener;
  (void)world.start({1000, 400, kFull}, listener, 7);
  EXPECT_EQ(world.clock().run(), 1000u);
  EXPECT_EQ(listener.ends.at(7), 1000u);
  EXPECT_EQ(listener.held_up.at(7).delay, 0u);
}

TEST(World, WithoutLinksItIsADelay) {
  World world;
  Listener listener;
  (void)world.start({1000, 0, {}}, listener, 1);
  (void)world.start({0, 0, {}}, listener, 2);
  (void)world.clock().run();
  EXPECT_EQ(listener.ends.at(1), 1000u);
  EXPECT_EQ(listener.ends.at(2), 0u);
}

TEST(World, TwoThatFillALinkShareItForTheTimeThatTheyMeet) {
  World world(kOneLink);
  Listener listener;
  (void)world.start({1000, 1000, kFull}, listener, 1);
  (void)world.start({1600, 1000, kFull}, listener, 2);  // loads the link from 600 on
  (void)world.clock().run();
  // 600 alone, then half speed: 400 left take 800; the other has done 400 by then and 600 are left.
  EXPECT_EQ(listener.ends.at(1), 1400u);
  EXPECT_EQ(listener.ends.at(2), 2000u);
  EXPECT_EQ(listener.held_up.at(1).delay, 400u);
  EXPECT_EQ(listener.held_up.at(1).link, LinkId(0));
}

TEST(World, TwoThatFitBesideEachOtherDoNotSlowDown) {
  World world(kOneLink);
  Listener listener;
  (void)world.start({1000, 1000, kHalf}, listener, 1);
  (void)world.start({900, 900, kHalf}, listener, 2);
  (void)world.clock().run();
  EXPECT_EQ(listener.ends.at(1), 1000u);
  EXPECT_EQ(listener.ends.at(2), 900u);
}

TEST(World, MoreThanTheLinkHasIsSlowedEvenAlone) {
  World world(kOneLink);
  Listener listener;
  const std::vector<LinkUse> twice{{0, 2.0}};
  (void)world.start({1000, 1000, twice}, listener, 1);
  (void)world.clock().run();
  EXPECT_EQ(listener.ends.at(1), 2000u);
}

TEST(World, WhatUsesSpareLinksOnlyIsADelayAndIsCounted) {
  World world(std::vector<BytesPerSecond>{BytesPerSecond{1e12}, BytesPerSecond{1e12}});
  world.set_spare({1, 0});
  Listener listener;
  (void)world.start({1000, 400, kHalf}, listener, 1);
  const std::vector<LinkUse> both{{0, 0.5}, {1, 1.0}};
  (void)world.start({1000, 1000, both}, listener, 2);
  (void)world.start({1000, 1000, both}, listener, 3);  // two on link 1: half speed
  EXPECT_EQ(world.clock().run(), 2000u);
  EXPECT_EQ(listener.ends.at(1), 1000u);
  EXPECT_EQ(listener.ends.at(3), 2000u);
  const std::vector<LinkUsage> usage = world.usage();
  EXPECT_DOUBLE_EQ(usage[0].bytes.value(), 200.0 + 500.0 + 500.0);
  EXPECT_DOUBLE_EQ(usage[1].bytes.value(), 2000.0);
  EXPECT_DOUBLE_EQ(usage[1].peak_load, 1.0);
  // 0.5 + 0.5 + 0.5 from 600 to 1000 was more than link 0 has.
  EXPECT_EQ(world.overloaded(), std::vector<std::uint32_t>{0});
}

TEST(World, SpareLinksThatWereSpareAreNotOverloaded) {
  World world(kOneLink);
  world.set_spare({1});
  Listener listener;
  (void)world.start({1000, 1000, kHalf}, listener, 1);
  (void)world.start({1000, 1000, kHalf}, listener, 2);
  (void)world.clock().run();
  EXPECT_TRUE(world.overloaded().empty());
  (void)world.start({1000, 1000, kFull}, listener, 3);
  (void)world.start({10, 10, kHalf}, listener, 4);
  (void)world.clock().run();
  EXPECT_EQ(world.overloaded(), std::vector<std::uint32_t>{0});
}

TEST(World, WhatIsCancelledNeverCompletesAndLeavesTheLinkToOthers) {
  World world(kOneLink);
  Listener listener;
  const OperationId first = world.start({1000, 1000, kFull}, listener, 1);
  (void)world.start({1000, 1000, kFull}, listener, 2);
  const OperationId late = world.start({5000, 100, kFull}, listener, 3);
  (void)world.clock().run_until(500);
  world.cancel(first);
  world.cancel(late);  // still in its latency
  world.cancel(first);
  (void)world.clock().run();
  EXPECT_EQ(listener.ends.count(1), 0u);
  EXPECT_EQ(listener.ends.count(3), 0u);
  EXPECT_EQ(listener.ends.at(2), 1250u);  // 250 done by 500, 750 left at full speed
}

TEST(World, ACapacityChangesUnderWay) {
  World world(kOneLink);
  Listener listener;
  (void)world.start({1000, 1000, kFull}, listener, 1);
  (void)world.clock().run_until(500);
  world.set_capacity(LinkId(0), BytesPerSecond{0.25e12});
  (void)world.clock().run_until(1500);
  world.set_capacity(LinkId(0), BytesPerSecond{1e12});
  (void)world.clock().run();
  EXPECT_EQ(listener.ends.at(1), 1750u);  // 500 + 250 in the next 1000, then 250
  EXPECT_THROW(world.set_capacity(LinkId(0), BytesPerSecond{0.0}), std::invalid_argument);
}

TEST(World, ALinkThatIsDownIsNoMatterUntilSomethingLoadsIt) {
  World world(std::vector<BytesPerSecond>{BytesPerSecond{1e12}, BytesPerSecond{1e12}});
  Listener listener;
  const std::vector<LinkUse> other{{1, 1.0}};
  world.take_down(LinkId(0));
  (void)world.start({1000, 1000, other}, listener, 1);
  (void)world.start({1500, 100, kFull}, listener, 2);  // it comes to the link at 1400
  (void)world.clock().run_until(1300);
  world.set_capacity(LinkId(0), BytesPerSecond{1e12});
  (void)world.clock().run();
  EXPECT_EQ(listener.ends.at(1), 1000u);
  EXPECT_EQ(listener.ends.at(2), 1500u);

  world.take_down(LinkId(0));
  (void)world.start({500, 100, kFull}, listener, 3);
  (void)world.clock().run_until(1800);
  EXPECT_THROW((void)world.clock().run(), LinkDown) << "at 1900";
}

TEST(World, ALinkCantGoDownUnderWhatLoadsIt) {
  World world(kOneLink);
  Listener listener;
  const OperationId one = world.start({1000, 1000, kFull}, listener, 1);
  (void)world.clock().run_until(500);
  EXPECT_THROW(world.take_down(LinkId(0)), LinkDown);
  world.set_capacity(LinkId(0), BytesPerSecond{1e12});
  world.cancel(one);
  EXPECT_NO_THROW(world.take_down(LinkId(0)));
}

TEST(World, TellsWhoeverListensOfALinkThatIsDown) {
  struct Loser final : Completion {
    void completed(std::uint64_t tag, SimTime now, const HeldUp&) override { ends[tag] = now; }
    void lost(std::uint64_t tag, SimTime now, LinkId link) override { losses[tag] = {now, link.value}; }
    std::map<std::uint64_t, SimTime> ends;
    std::map<std::uint64_t, std::pair<SimTime, std::uint32_t>> losses;
  };
  World world(std::vector<BytesPerSecond>{BytesPerSecond{1e12}, BytesPerSecond{1e12}});
  Loser loser;
  const std::vector<LinkUse> other{{1, 1.0}};
  const OperationId first = world.start({1000, 1000, kFull}, loser, 1);
  (void)world.start({1000, 1000, other}, loser, 2);
  (void)world.start({1500, 100, kFull}, loser, 3);  // it comes to the link at 1400
  (void)world.clock().run_until(500);
  world.take_down(LinkId(0));
  world.cancel(first);  // it is over
  (void)world.clock().run();
  EXPECT_EQ(loser.ends, (std::map<std::uint64_t, SimTime>{{2, 1000}}));
  EXPECT_EQ(loser.losses, (std::map<std::uint64_t, std::pair<SimTime, std::uint32_t>>{{1, {500, 0}}, {3, {1400, 0}}}));
}

TEST(World, CountsWhatWasNotRun) {
  World world(kOneLink);
  Listener listener;
  (void)world.start({1000, 1000, kFull}, listener, 1);
  (void)world.clock().run();
  EXPECT_EQ(world.carried(), std::vector<double>{1000.0});
  world.carry_unseen(std::vector<double>{3000.0});
  (void)world.clock().run_until(5000);
  ASSERT_EQ(world.usage().size(), 1u);
  EXPECT_DOUBLE_EQ(world.usage()[0].bytes.value(), 4000.0);
  EXPECT_DOUBLE_EQ(world.usage()[0].mean_load, 0.8);
  EXPECT_DOUBLE_EQ(world.usage()[0].peak_load, 1.0);
}

TEST(World, CompletionsMayStartOperations) {
  World world(kOneLink);
  Listener listener;
  listener.next = [&](std::uint64_t tag) {
    if (tag < 5) (void)world.start({100, 100, kFull}, listener, tag + 1);
  };
  (void)world.start({100, 100, kFull}, listener, 1);
  EXPECT_EQ(world.clock().run(), 500u);
  EXPECT_EQ(listener.ends.size(), 5u);
}

TEST(World, RefusesWorkThatLastsLongerThanTheOperation) {
  World world(kOneLink);
  Listener listener;
  EXPECT_THROW((void)world.start({10, 11, kFull}, listener, 1), std::invalid_argument);
}

}  // namespace
}  // namespace orrery::sim
