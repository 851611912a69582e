// Memory of one GPU as layers that stand on each other: what a kind of job shows of a run's memory.
//
// Parts are those of the fullest moment: a training step's are kept when its sum is largest
// (models/training/result.cpp), so that they add up to the peak. A serving engine takes its KV cache as a whole when it
// starts.
#pragma once

#include <string>
#include <vector>

#include "sim/plan/plan.hpp"

namespace orrery::scenarios {

/// One layer of a stack.
struct MemoryPart {
  std::string name;  ///< "weights", "KV cache"
  double bytes = 0.0;
  sim::MemoryKind kind = sim::MemoryKind::workspace;  ///< its colour
  std::string metric;                                 ///< whose explanation tells where it comes from
};

struct MemoryStack {
  std::string name;  ///< "stage 3"
  std::vector<MemoryPart> parts;
  double peak = 0.0;      ///< bytes at the fullest moment: at most the sum, since peaks of parts may not coincide
  double capacity = 0.0;  ///< usable bytes
  double budget = 0.0;    ///< of them, what a serving engine may take (gpu_memory_utilization); 0: all
  double missing = 0.0;   ///< bytes that it needs beyond what it may take: over the limit, or too small a KV cache
  [[nodiscard]] bool overflows() const { return missing > 0.0 || peak > capacity; }
};

}  // namespace orrery::scenarios
