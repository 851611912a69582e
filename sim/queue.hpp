// The event queue: what happens next.
//
// It holds 16-byte events, a time and a 64-bit payload, and gives them back by increasing time. Equal times come out in
// the order in which they were pushed: the heap never reorders them. Cancelling is lazy: whoever owns the queue
// recognises an outdated payload when it comes out.
//
//   RadixHeap    Ahuja, Mehlhorn, Orlin, Tarjan 1990 ("Faster algorithms for the shortest path problem"):
//                bucket = highest bit in which a time differs from the last one popped. Needs that
//                nothing is pushed before the last popped time, which simulated time guarantees. Every
//                pass over a bucket is sequential, so that large event sets are not bound by latency.
//
// It was chosen against a 4-ary heap with packed keys (tests/bench/packed_heap.hpp, history/engine.csv).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "sim/clock.hpp"

namespace orrery::sim {

struct QueuedEvent {
  SimTime time = 0;
  std::uint64_t payload = 0;
};

class RadixHeap {
 public:
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] std::size_t size() const { return size_; }

  /// REQUIRES time ≥ the last popped time.
  void push(SimTime time, std::uint64_t payload) {
    place({time, payload});
    ++size_;
  }

  /// The earliest event. REQUIRES !empty().
  QueuedEvent pop() {
    return pop([](std::uint64_t, bool) {});
  }

  /// The same. soon(payload, is_next) is told what comes out within the next few dozen events, and again
  /// within the next few: time enough to fetch from memory what the event is about.
  template <class Soon>
  QueuedEvent pop(Soon soon) {
    if (next_ == now_.size()) refill(soon);
    --size_;
    return now_[next_++];
  }

  /// Time of the earliest event, without moving on to it: later pushes may still come before. REQUIRES !empty().
  [[nodiscard]] SimTime next_time() const {
    if (next_ < now_.size()) return now_[next_].time;
    return earliest(buckets_[lowest()]);
  }

  /// Allows pushes from `time` on again. REQUIRES empty().
  void rebase(SimTime time) { last_ = time; }

 private:
  [[nodiscard]] std::size_t lowest() const { return static_cast<std::size_t>(__builtin_ctzll(occupied_)); }

  [[nodiscard]] static SimTime earliest(const std::vector<QueuedEvent>& bucket) {
    SimTime time = bucket.front().time;
    for (const QueuedEvent& event : bucket) time = event.time < time ? event.time : time;
    return time;
  }

  void place(QueuedEvent event) {
    const std::uint64_t difference = event.time ^ last_;
    if (difference == 0) {
      now_.push_back(event);
      return;
    }
    const auto bucket = static_cast<std::size_t>(63 - __builtin_clzll(difference));
    buckets_[bucket].push_back(event);
    occupied_ |= std::uint64_t{1} << bucket;
  }

  /// Moves on to the earliest time and spreads its bucket over the lower ones.
  template <class Soon>
  void refill(Soon soon) {
    now_.clear();
    next_ = 0;
    const std::size_t bucket = lowest();
    std::vector<QueuedEvent>& events = buckets_[bucket];
    occupied_ &= occupied_ - 1;
    last_ = earliest(events);
    const std::size_t ahead = events.size();
    if (ahead <= kSoon) {
      for (const QueuedEvent& event : events) soon(event.payload, ahead <= kNext);
    }
    for (const QueuedEvent& event : events) place(event);  // into lower buckets only
    events.clear();
  }

  static constexpr std::size_t kSoon = 48;
  static constexpr std::size_t kNext = 12;

  std::array<std::vector<QueuedEvent>, 64> buckets_;  ///< by highest bit that differs from last_
  std::vector<QueuedEvent> now_;                      ///< events at last_, from next_ on
  std::size_t next_ = 0;
  std::uint64_t occupied_ = 0;  ///< bit b: buckets_[b] is not empty
  SimTime last_ = 0;
  std::size_t size_ = 0;
};

}  // namespace orrery::sim
