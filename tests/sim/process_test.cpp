// Coroutine processes: time, signals, joining, failure, and who destroys what.
#include "sim/process.hpp"

#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace orrery::sim {
namespace {

using Log = std::vector<std::string>;

struct Counted {
  explicit Counted(int& n) : alive(&n) { ++*alive; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  ~Counted() { --*alive; }
  int* alive;
};

Process ticker(Simulator& simulator, Log& log, std::string name, SimTime period, int ticks) {
  for (int i = 0; i < ticks; ++i) {
    co_await delay(period);
    log.push_back(name + "@" + std::to_string(simulator.now()));
  }
}

TEST(Process, DelaysLetTimePass) {
  Simulator simulator;
  Log log;
  spawn(simulator, ticker(simulator, log, "a", 3, 3));
  spawn(simulator, ticker(simulator, log, "b", 4, 2));
  EXPECT_EQ(simulator.run(), 9u);
  EXPECT_EQ(log, (Log{"a@3", "b@4", "a@6", "b@8", "a@9"}));
}

TEST(Process, EqualTimesRunInTheOrderTheyWereScheduled) {
  Simulator simulator;
  Log log;
  for (const char* name : {"x", "y", "z"}) spawn(simulator, ticker(simulator, log, name, 5, 2));
  simulator.run();
  EXPECT_EQ(log, (Log{"x@5", "y@5", "z@5", "x@10", "y@10", "z@10"}));
}

Process waiter(Simulator& simulator, Log& log, Signal& signal, std::string name) {
  co_await signal.wait();
  log.push_back(name + "@" + std::to_string(simulator.now()));
}

Process notifier(Signal& signal) {
  co_await delay(5);
  signal.notify_one();
  co_await delay(5);
  signal.notify_all();
}

TEST(Process, ASignalWakesThoseWhoWaitInOrder) {
  Simulator simulator;
  Log log;
  Signal signal;
  for (const char* name : {"a", "b", "c"}) spawn(simulator, waiter(simulator, log, signal, name));
  spawn(simulator, notifier(signal));
  simulator.run();
  EXPECT_EQ(log, (Log{"a@5", "b@10", "c@10"}));
  EXPECT_EQ(signal.waiting(), 0u);
}

Process setter(Condition& condition) {
  co_await delay(7);
  condition.set();
}

Process condition_waiter(Simulator& simulator, Log& log, Condition& condition, SimTime first) {
  co_await delay(first);
  co_await condition.wait();
  log.push_back(std::to_string(simulator.now()));
}

TEST(Process, AConditionThatHoldsDoesNotHoldUp) {
  Simulator simulator;
  Log log;
  Condition condition;
  spawn(simulator, setter(condition));
  spawn(simulator, condition_waiter(simulator, log, condition, 2));   // waits until 7
  spawn(simulator, condition_waiter(simulator, log, condition, 20));  // set long ago
  simulator.run();
  EXPECT_EQ(log, (Log{"7", "20"}));
}

Process parent(Simulator& simulator, Log& log) {
  const ProcessRef child = spawn(simulator, ticker(simulator, log, "child", 4, 2));
  EXPECT_FALSE(child.has_ended());
  co_await child.join();
  log.push_back("joined@" + std::to_string(simulator.now()));
  co_await child.join();  // again, at once
  EXPECT_TRUE(child.has_ended());
}

TEST(Process, JoinWaitsForTheEnd) {
  Simulator simulator;
  Log log;
  spawn(simulator, parent(simulator, log));
  simulator.run();
  EXPECT_EQ(log, (Log{"child@4", "child@8", "joined@8"}));
}

Process holder(int& alive, Signal& never, bool ends) {
  const Counted counted(alive);
  if (!ends) co_await never.wait();
}

TEST(Process, FramesEndWithTheProcessOrWithTheSimulator) {
  int alive = 0;
  Signal never;
  {
    Simulator simulator;
    spawn(simulator, holder(alive, never, true));
    spawn(simulator, holder(alive, never, false));
    EXPECT_EQ(alive, 0);  // nothing runs before run()
    simulator.run();
    EXPECT_EQ(alive, 1);
  }
  EXPECT_EQ(alive, 0);
  { const Process never_spawned = holder(alive, never, true); }
  EXPECT_EQ(alive, 0);
}

Process failing() {
  co_await delay(3);
  throw std::runtime_error("engine failed");
}

TEST(Process, AnExceptionLeavesRunAndEndsTheProcess) {
  Simulator simulator;
  Log log;
  const ProcessRef ref = spawn(simulator, failing());
  spawn(simulator, ticker(simulator, log, "a", 5, 1));
  EXPECT_THROW(simulator.run(), std::runtime_error);
  EXPECT_TRUE(ref.has_ended());
  simulator.run();
  EXPECT_EQ(log, (Log{"a@5"}));
}

TEST(Process, TwoSimulatorsRunTheirOwnProcesses) {
  Simulator left;
  Simulator right;
  Log log;
  spawn(left, ticker(left, log, "left", 3, 1));
  spawn(right, ticker(right, log, "right", 2, 1));
  right.run();
  left.run();
  EXPECT_EQ(log, (Log{"right@2", "left@3"}));
}

}  // namespace
}  // namespace orrery::sim
