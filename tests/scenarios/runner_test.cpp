#include "scenarios/runner.hpp"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <sys/resource.h>
#include <thread>
#include <unistd.h>

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
  std::atomic<int> calls{0};
  parallel_for(
      100, 1,
      [&](std::size_t i) {
        ++calls;
        if (i == 4) stop = true;
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
      },
      [&] { return stop.load(); }, kSilent);
  EXPECT_GE(calls, 5);
  EXPECT_LE(calls, 10);  // told within one poll, 50 ms
}

TEST(ParallelFor, LeavesATaskThatGoesOnBehind) {
  struct Shared {
    std::atomic<bool> begun{false}, release{false}, ended{false};
  };
  const auto shared = std::make_shared<Shared>();
  const auto start = std::chrono::steady_clock::now();
  parallel_for(
      1, 1,
      [shared](std::size_t) {
        shared->begun = true;
        while (!shared->release) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        shared->ended = true;
      },
      [shared] { return shared->begun.load(); }, kSilent);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
  EXPECT_FALSE(shared->ended);
  shared->release = true;
  while (!shared->ended) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

TEST(ComputeAll, GivesWhatWasFinishedBeforeTheStop) {
  std::ostringstream out, err;
  std::atomic<bool> stop{false};
  Console console{out, err, false, &stop};
  Progress progress(console, true, 3, "runs");
  const auto release = std::make_shared<std::atomic<bool>>(false);
  const auto ended = std::make_shared<std::atomic<bool>>(false);
  const std::vector<std::optional<std::string>> results = compute_all<std::string>(
      3, 1,
      [&stop, release, ended](std::size_t i) {
        if (i == 0) return std::string("first");
        stop = true;
        while (!*release) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        *ended = true;
        return std::string("late");
      },
      console, progress);
  ASSERT_EQ(results.size(), 3u);
  EXPECT_EQ(results[0], "first");
  EXPECT_FALSE(results[1].has_value());
  EXPECT_FALSE(results[2].has_value());
  *release = true;  // the late result finds its place taken, and goes nowhere
  while (!*ended) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

TEST(ParallelFor, RethrowsTheFirstErrorByIndex) {
  const auto fail_at_three = [](std::size_t i) {
    if (i == 3) throw std::runtime_error("three");
  };
  EXPECT_THROW(parallel_for(10, 1, fail_at_three, kNever, kSilent), std::runtime_error);
  EXPECT_THROW(parallel_for(10, 4, fail_at_three, kNever, kSilent), std::runtime_error);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif
#else
constexpr bool kSanitized = false;
#endif

/// Bytes of address space in use (proc(5), statm: pages).
rlim_t address_space() {
  rlim_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages * static_cast<rlim_t>(sysconf(_SC_PAGESIZE));
}

/// 200 threads where there is room for the stacks of a few; ends the process with 0 if all tasks were called.
[[noreturn]] void run_without_room_for_threads() {
  const rlim_t limit = address_space() + (rlim_t{96} << 20);
  const rlimit room{limit, limit};
  if (setrlimit(RLIMIT_AS, &room) != 0) std::_Exit(2);
  std::atomic<int> calls{0};
  const auto task = [&](std::size_t) {
    ++calls;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  };
  parallel_for(200, 200, task, kNever, kSilent);
  std::_Exit(calls == 200 ? 0 : 1);
}

TEST(ParallelForDeathTest, GoesOnWithTheThreadsThereIsRoomFor) {
  if (kSanitized) GTEST_SKIP() << "sanitizers take more address space than a limit could leave";
  EXPECT_EXIT(run_without_room_for_threads(), ::testing::ExitedWithCode(0), "");
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
