// How much of a KV cache is used, over time.
#pragma once

#include <algorithm>
#include <cstdint>

#include "models/serving/tally.hpp"
#include "sim/clock.hpp"

namespace orrery::models {

/// Adds up blocks × picoseconds.
class BlockUsage {
 public:
  /// What was used so far was used until `now`.
  void until(sim::SimTime now) {
    sum_ += static_cast<TimeSum>(used_) * (now - seen_);
    seen_ = now;
  }
  /// From the latest time on so many are.
  void set(std::int64_t blocks) {
    used_ = blocks;
    peak_ = std::max(peak_, used_);
  }
  void add(std::int64_t blocks) { set(used_ + blocks); }

  [[nodiscard]] TimeSum block_time() const { return sum_; }
  [[nodiscard]] std::int64_t peak() const { return peak_; }

 private:
  TimeSum sum_ = 0;
  sim::SimTime seen_ = 0;
  std::int64_t used_ = 0, peak_ = 0;
};

}  // namespace orrery::models
