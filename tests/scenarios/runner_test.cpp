#include "scenarios/runner.hpp"

#include <sstream>
#include <stdexcept>
#include <thread>

#include <gtest/gtest.h>

namespace orrery::scenarios {
namespace {

const auto kNever = [] { return false; };
const auto kSilent = [](std::size_t) {};

TEST(ParallelFor, CallsEachIndexOnce) {
  for (const int jobs : {1, 2, 8, 100}) {
    std::vector<std::atomic<int>> calls(50);
    parallel_for(
        50, jobs, [&](std::size_t i) { ++calls[i]; }, kNever, kSilent);
    for (const std::atomic<int>& count : calls) EXPECT_EQ(count.load(), 1);
  }
}

TEST(ParallelFor, NothingToDoIsFine) {
  parallel_for(
      0, 4, [](std::size_t) { FAIL(); }, kNever, kSilent);
}

TEST(ParallelFor, TicksCountUpToAll) {
  std::size_t last = 0;
  parallel_for(
      20, 4, [](std::size_t) {}, kNever, [&](std::size_t done) { last = done; });
  EXPECT_EQ(last, 20u);
}

TEST(ParallelFor, StopsBetweenTasks) {
  std::atomic<bool> stop{false};
  int calls = 0;
  parallel_for(
      100, 1,
      [&](std::size_t i) {
        ++calls;
        if (i == 4) stop = true;
      },
      [&] { return stop.load(); }, kSilent);
  EXPECT_EQ(calls, 5);
}

TEST(ParallelFor, RethrowsTheFirstErrorByIndex) {
  const auto fail_at_three = [](std::size_t i) {
    if (i == 3) throw std::runtime_error("three");
  };
  EXPECT_THROW(parallel_for(10, 1, fail_at_three, kNever, kSilent), std::runtime_error);
  EXPECT_THROW(parallel_for(10, 4, fail_at_three, kNever, kSilent), std::runtime_error);
}

TEST(Progress, IsSilentInTheFirstSecondAndOffATerminal) {
  std::ostringstream out, err;
  Console terminal{out, err, true};
  Progress early(terminal, false, 10, "runs");
  early.show(1);
  EXPECT_EQ(err.str(), "");
  Console pipe{out, err, false};
  Progress late(pipe, false, 10, "runs");
  Progress shown(terminal, false, 10, "runs");
  Progress quiet(terminal, true, 10, "runs");
  std::this_thread::sleep_for(std::chrono::milliseconds(1050));
  late.show(5);
  quiet.show(5);
  EXPECT_EQ(err.str(), "");
  shown.show(5);
  EXPECT_NE(err.str().find("5 of 10 runs"), std::string::npos);
}

}  // namespace
}  // namespace orrery::scenarios
