// Stopping a long computation from outside, and hearing how far it is.
//
// Plain data handed down by the caller; nothing in it can change a result.
#pragma once

#include <atomic>
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
};

}  // namespace orrery::sim
