// The engine: order, cancellation, limits, and independence of two simulators.
#include "sim/simulator.hpp"

#include <algorithm>
#include <functional>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace orrery::sim {
namespace {

struct Call final : Resource {
  explicit Call(std::function<void(SimTime)> f) : function(std::move(f)) {}
  void fire(SimTime now) override { function(now); }
  std::function<void(SimTime)> function;
};

class Engine : public ::testing::Test {
 public:
  Simulator simulator;
  std::vector<std::pair<SimTime, int>> log;
  std::vector<std::unique_ptr<Call>> calls;

  ResourceId logger(int number) {
    calls.push_back(std::make_unique<Call>([this, number](SimTime now) { log.emplace_back(now, number); }));
    return simulator.add(*calls.back());
  }
};
using Log = std::vector<std::pair<SimTime, int>>;

TEST_F(Engine, EqualTimesFireInScheduleOrder) {
  const ResourceId a = this->logger(0);
  const ResourceId b = this->logger(1);
  const ResourceId c = this->logger(2);
  this->simulator.at(5, c);
  this->simulator.at(5, a);
  this->simulator.at(3, b);
  EXPECT_EQ(this->simulator.run(), 5u);
  EXPECT_EQ(this->log, (Log{{3, 1}, {5, 2}, {5, 0}}));
}

TEST_F(Engine, SchedulingAgainMovesTheEvent) {
  const ResourceId a = this->logger(0);
  this->simulator.at(10, a);
  this->simulator.at(4, a);
  EXPECT_EQ(this->simulator.run(), 4u);
  EXPECT_EQ(this->log, (Log{{4, 0}}));
  EXPECT_EQ(this->simulator.statistics().fired, 1u);
  EXPECT_EQ(this->simulator.statistics().scheduled, 2u);
  EXPECT_EQ(this->simulator.statistics().cancelled, 1u);
  EXPECT_EQ(this->simulator.statistics().most_queued, 2u);
}

TEST_F(Engine, ACancelledEventNeverFires) {
  const ResourceId a = this->logger(0);
  const ResourceId b = this->logger(1);
  this->simulator.at(1, a);
  this->simulator.at(2, b);
  this->simulator.cancel(b);
  EXPECT_FALSE(this->simulator.is_scheduled(b));
  EXPECT_TRUE(this->simulator.is_scheduled(a));
  EXPECT_EQ(this->simulator.run(), 1u);
  EXPECT_EQ(this->log, (Log{{1, 0}}));
}

TEST_F(Engine, TimeStandsWhereTheLastEventFired) {
  // The cancelled event at 1000 leaves the queue but not a mark on the clock: 6 is still the future.
  const ResourceId a = this->logger(0);
  const ResourceId b = this->logger(1);
  this->simulator.at(5, a);
  this->simulator.at(1000, b);
  this->simulator.cancel(b);
  EXPECT_EQ(this->simulator.run(), 5u);
  this->simulator.at(6, b);
  EXPECT_EQ(this->simulator.run(), 6u);
  EXPECT_EQ(this->log, (Log{{5, 0}, {6, 1}}));
}

TEST_F(Engine, ThePastIsRefused) {
  const ResourceId a = this->logger(0);
  this->simulator.at(5, a);
  this->simulator.run();
  EXPECT_THROW(this->simulator.at(4, a), std::invalid_argument);
  EXPECT_THROW(this->simulator.after(~SimTime{0}, a), TimeOverflow);
}

TEST_F(Engine, RunUntilStopsAtTheLimit) {
  const ResourceId a = this->logger(0);
  const ResourceId b = this->logger(1);
  this->simulator.at(5, a);
  this->simulator.at(100, b);
  EXPECT_EQ(this->simulator.run_until(50), 50u);
  EXPECT_EQ(this->log, (Log{{5, 0}}));
  this->simulator.at(60, a);  // before what is pending, after the limit
  EXPECT_EQ(this->simulator.run_until(100), 100u);
  EXPECT_EQ(this->log, (Log{{5, 0}, {60, 0}, {100, 1}}));
}

TEST_F(Engine, ARemovedIdIsGivenOutAgainWithoutItsEvents) {
  const ResourceId a = this->logger(0);
  this->simulator.at(5, a);
  this->simulator.remove(a);
  const ResourceId b = this->logger(1);
  EXPECT_EQ(a, b);
  this->simulator.at(9, b);
  this->simulator.run();
  EXPECT_EQ(this->log, (Log{{9, 1}}));
}

TEST_F(Engine, RandomSchedulingMatchesASortedReference) {
  // Each resource has one event; rescheduling and cancelling at random, in the middle of the run too.
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    std::mt19937_64 random(seed);
    Simulator engine;
    struct Pending {
      SimTime time;
      std::uint64_t order;
      std::size_t resource;
    };
    std::vector<Pending> reference;
    std::vector<std::unique_ptr<Call>> stored;
    std::vector<ResourceId> ids;
    std::uint64_t order = 0;
    int left = 2000;
    const auto drop = [&](std::size_t r) {
      reference.erase(
          std::remove_if(reference.begin(), reference.end(), [r](const Pending& p) { return p.resource == r; }),
          reference.end());
    };
    const auto change = [&] {
      const std::size_t r = random() % ids.size();
      drop(r);
      if (random() % 4 == 0) {
        engine.cancel(ids[r]);
      } else {
        const SimTime time = engine.now() + random() % 50;
        engine.at(time, ids[r]);
        reference.push_back({time, order++, r});
      }
    };
    for (std::size_t r = 0; r < 20; ++r) {
      stored.push_back(std::make_unique<Call>([&, r](SimTime now) {
        const auto expected = std::min_element(
            reference.begin(), reference.end(),
            [](const Pending& a, const Pending& b) { return std::pair(a.time, a.order) < std::pair(b.time, b.order); });
        ASSERT_NE(expected, reference.end());
        ASSERT_EQ(expected->resource, r);
        ASSERT_EQ(expected->time, now);
        reference.erase(expected);
        for (int i = 0; i < 2 && left > 0; ++i, --left) change();
      }));
      ids.push_back(engine.add(*stored.back()));
    }
    for (int i = 0; i < 40; ++i) change();
    engine.run();
    EXPECT_TRUE(reference.empty());
  }
}

TEST_F(Engine, TwoSimulatorsDoNotMeet) {
  Simulator other;
  Call elsewhere([this](SimTime now) { this->log.emplace_back(now, 99); });
  other.at(7, other.add(elsewhere));
  const ResourceId a = this->logger(0);
  this->simulator.at(3, a);
  this->simulator.run();
  EXPECT_EQ(this->simulator.now(), 3u);
  EXPECT_EQ(other.now(), 0u);
  other.run();
  EXPECT_EQ(this->log, (Log{{3, 0}, {7, 99}}));
}

TEST_F(Engine, StopEndsTheRunAfterTheEvent) {
  Call stopper([this](SimTime) { this->simulator.stop(); });
  const ResourceId s = this->simulator.add(stopper);
  const ResourceId a = this->logger(0);
  this->simulator.at(1, s);
  this->simulator.at(1, a);
  this->simulator.run();
  EXPECT_TRUE(this->log.empty());
  this->simulator.run();
  EXPECT_EQ(this->log, (Log{{1, 0}}));
}

}  // namespace
}  // namespace orrery::sim
