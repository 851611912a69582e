// How a serving run heeds its caller: it stops when told to, and tells which share of the requests has ended.
//
// Looking at the flag costs an event nothing that can be measured; the clock is read at every 64th event only, and
// progress is told at most every 20 ms.
#pragma once

#include <chrono>
#include <cstdint>

#include "sim/run_control.hpp"

namespace orrery::models {

class Pace {
 public:
  /// `requests`: of the whole load; 0: not known beforehand. `control` must outlive it.
  Pace(const sim::RunControl& control, std::uint64_t requests)
      : control_(control), tells_(static_cast<bool>(control.progress)), requests_(requests) {}

  /// Something happens in the simulation. Throws sim::Cancelled.
  void event() {
    control_.check();
    if (tells_ && (++events_ & kMask) == 0) tell();
  }
  /// In the middle of a long event. Throws sim::Cancelled.
  void check() const { control_.check(); }

  /// A request was answered, or refused.
  void ended() { ++ended_; }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::uint64_t kMask = 63;
  static constexpr std::chrono::milliseconds kEvery{20};

  void tell() {
    const Clock::time_point now = Clock::now();
    if (now - told_ < kEvery) return;
    told_ = now;
    control_.report(requests_ == 0 ? -1.0 : static_cast<double>(ended_) / static_cast<double>(requests_));
  }

  const sim::RunControl& control_;
  bool tells_;
  std::uint64_t requests_, ended_ = 0, events_ = 0;
  Clock::time_point told_ = Clock::now();
};

}  // namespace orrery::models
