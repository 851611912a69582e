// The event queue that the radix heap was chosen against: for benchmarks, and as its reference in tests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "sim/queue.hpp"

namespace orrery::sim {

/// A 4-ary heap with time and payload in one 128-bit key: one branch-free compare. Equal times come out by increasing
/// payload, which begins with a sequence number.
class PackedHeap {
 public:
  [[nodiscard]] bool empty() const { return heap_.empty(); }
  [[nodiscard]] std::size_t size() const { return heap_.size(); }

  /// Equal times come out by increasing payload.
  void push(SimTime time, std::uint64_t payload) {
    const Key key = (Key{time} << 64) | payload;
    std::size_t i = heap_.size();
    heap_.push_back(key);
    while (i > 0) {
      const std::size_t parent = (i - 1) / kArity;
      if (heap_[parent] < key) break;
      heap_[i] = heap_[parent];
      i = parent;
    }
    heap_[i] = key;
  }

  QueuedEvent pop() {
    return pop([](std::uint64_t, bool) {});
  }

  /// As RadixHeap::pop(soon); only the very next events are known, the children of the root.
  template <class Soon>
  QueuedEvent pop(Soon soon) {
    const Key top = heap_.front();
    const Key key = heap_.back();
    heap_.pop_back();
    if (!heap_.empty()) {
      sift_down(key);
      soon(static_cast<std::uint64_t>(heap_.front()), true);
      const std::size_t end = kArity < heap_.size() ? kArity + 1 : heap_.size();
      for (std::size_t i = 1; i < end; ++i) soon(static_cast<std::uint64_t>(heap_[i]), false);
    }
    return {static_cast<SimTime>(top >> 64), static_cast<std::uint64_t>(top)};
  }

  [[nodiscard]] SimTime next_time() const { return static_cast<SimTime>(heap_.front() >> 64); }

  void rebase(SimTime) {}

 private:
  __extension__ using Key = unsigned __int128;
  static constexpr std::size_t kArity = 4;

  void sift_down(Key key) {
    const std::size_t size = heap_.size();
    std::size_t i = 0;
    for (std::size_t child = 1; child < size; child = kArity * i + 1) {
      const std::size_t end = child + kArity < size ? child + kArity : size;
      std::size_t least = child;
      for (std::size_t c = child + 1; c < end; ++c) least = heap_[c] < heap_[least] ? c : least;
      if (key < heap_[least]) break;
      heap_[i] = heap_[least];
      i = least;
    }
    heap_[i] = key;
  }

  std::vector<Key> heap_;
};

}  // namespace orrery::sim
