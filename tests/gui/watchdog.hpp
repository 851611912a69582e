// How long the window's thread leaves the user without an answer.
//
// A thread of its own posts a heartbeat to the window's thread and waits for it, again and again: what passes between
// two answered beats is the longest time that a key press would have waited. On a shared machine part of that is other
// programs' turn, so a gap is also counted in the time that the thread itself used or chose to wait: wall time less the
// time that it stood ready without a processor (/proc/self/task/…/schedstat). Where the kernel does not tell, it is 0.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>
#include <thread>
#include <unistd.h>

#include <QCoreApplication>
#include <QObject>

namespace orrery::gui::testing {

class Watchdog {
 public:
  using Clock = std::chrono::steady_clock;

  /// Made on the thread that it watches, which turns its event loop until the watchdog goes.
  Watchdog() : schedule_("/proc/self/task/" + std::to_string(::gettid()) + "/schedstat") {
    last_ = Clock::now();
    last_ready_ = ready();
    last_cpu_ = cpu();
    thread_ = std::thread([this] { beat(); });
  }
  ~Watchdog() {
    stop_ = true;
    thread_.join();
    QCoreApplication::removePostedEvents(&target_);
  }
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  /// Longest gap in ms: on the wall clock, less the wait for a processor, and in the thread's own computing.
  [[nodiscard]] double wall() const { return wall_; }
  [[nodiscard]] double own() const { return own_; }
  [[nodiscard]] double computing() const { return computing_; }
  /// Answers; with few of them nothing was watched.
  [[nodiscard]] int beats() const { return beats_; }

  /// Forgets what was, from now on.
  void reset() {
    wall_ = own_ = computing_ = 0.0;
    last_ = Clock::now();
    last_ready_ = ready();
    last_cpu_ = cpu();
  }

 private:
  void beat() {
    while (!stop_) {
      answered_ = false;
      QMetaObject::invokeMethod(
          &target_, [this] { answer(); }, Qt::QueuedConnection);
      while (!answered_ && !stop_) std::this_thread::sleep_for(std::chrono::microseconds(500));
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

  void answer() {
    const Clock::time_point now = Clock::now();
    const double ready_now = ready(), cpu_now = cpu();
    const double gap = std::chrono::duration<double, std::milli>(now - last_).count();
    wall_ = std::max(wall_, gap);
    own_ = std::max(own_, gap - (ready_now - last_ready_));
    computing_ = std::max(computing_, cpu_now - last_cpu_);
    last_ = now;
    last_ready_ = ready_now;
    last_cpu_ = cpu_now;
    ++beats_;
    answered_ = true;
  }

  /// Time in ms that the thread was ready to run but did not.
  [[nodiscard]] double ready() const {
    std::ifstream file(schedule_);
    std::uint64_t ran = 0, waited = 0;
    return file >> ran >> waited ? static_cast<double>(waited) * 1e-6 : 0.0;
  }
  [[nodiscard]] static double cpu() {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) * 1e-6;
  }

  QObject target_;
  std::string schedule_;
  Clock::time_point last_;
  double last_ready_ = 0.0, last_cpu_ = 0.0;
  double wall_ = 0.0, own_ = 0.0, computing_ = 0.0;
  int beats_ = 0;
  std::atomic<bool> stop_{false}, answered_{false};
  std::thread thread_;
};

}  // namespace orrery::gui::testing
