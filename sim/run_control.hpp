// Stopping a long computation from outside, and hearing how far it is.
//
// Plain data handed down by the caller; nothing in it can change a result.
#pragma once

#include <atomic>
#include <cstddef>
#include <exception>
#include <functional>

namespace orrery::sim {

/// Thrown by a computation that was stopped; what it had is lost.
class Cancelled : public std::exception {
 public:
  [[nodiscard]] const char* what() const noexcept override { return "cancelled"; }
};

struct RunControl {
  const std::atomic<bool>* stop = nullptr;  ///< set: the computation throws Cancelled within some 50 ms
  /// Told every now and then, on the computing thread, which share is done (0 … 1; −1: it isn't known).
  std::function<void(double share)> progress;

  void check() const {
    if (stop != nullptr && stop->load(std::memory_order_relaxed)) throw Cancelled();
  }
  void report(double share) const {
    if (progress) progress(share);
  }

  /// The control of a part of the computation: its 0 … 1 are `from` … `to` of the whole.
  [[nodiscard]] RunControl part(double from, double to) const {
    if (!progress) return *this;
    return {stop,
            [tell = progress, from, to](double share) { tell(share < 0.0 ? share : from + (to - from) * share); }};
  }
};

/// Looks at a control once in some 64 thousand steps of a loop: a step of a few nanoseconds stays one.
class Pacer {
 public:
  explicit Pacer(const RunControl& control) : stop_{control.stop, {}} {}

  void add(std::size_t steps = 1) {
    count_ += steps;
    if (count_ < kEvery) return;
    count_ = 0;
    stop_.check();
  }

 private:
  static constexpr std::size_t kEvery = std::size_t{1} << 16;
  RunControl stop_;
  std::size_t count_ = 0;
};

}  // namespace orrery::sim
