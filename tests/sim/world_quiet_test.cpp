// Until when nothing else can reach a resource of a World.
#include <gtest/gtest.h>

#include "sim/network/world.hpp"

namespace orrery::sim {
namespace {

TEST(QuietUntil, IsWhatWasForetoldOrTheNextEvent) {
  struct Idle final : Resource {
    void fire(SimTime) override {}
  } engine, other;
  World world;
  const ResourceId self = world.clock().add(engine), another = world.clock().add(other);
  EXPECT_EQ(world.quiet_until(self), kNever);
  world.clock().at(70, another);
  EXPECT_EQ(world.quiet_until(self), 70u);
  SimTime next = 90;
  world.foretell(self, &next);
  EXPECT_EQ(world.quiet_until(self), 90u);  // the event at 70 can't reach it
  EXPECT_EQ(world.quiet_until(another), 70u);
  next = 120;
  EXPECT_EQ(world.quiet_until(self), 120u);
  world.expect_upheaval(100);
  world.expect_upheaval(60);
  EXPECT_EQ(world.quiet_until(self), 60u);
  (void)world.clock().run_until(80);
  EXPECT_EQ(world.quiet_until(self), 100u);
  world.foretell(self, nullptr);
  EXPECT_EQ(world.quiet_until(self), 100u);  // no event is left
}

}  // namespace
}  // namespace orrery::sim
