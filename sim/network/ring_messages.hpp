// The messages of an operation that goes round a ring. See ring_run.hpp.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/network/max_min.hpp"

namespace orrery::sim {

struct RingMessages {
  std::vector<std::vector<LinkUse>> hops;  ///< of each: bytes per picosecond on each link while a message is sent
  std::uint32_t steps = 1;                 ///< hops that a chunk takes
  std::uint64_t rounds = 1;                ///< in each of which every hop sends a chunk at each step
  std::uint32_t slices = 1;                ///< messages of a chunk
  std::uint32_t window = 8;                ///< messages that the far end of a hop holds; > slices

  [[nodiscard]] std::uint64_t messages() const { return rounds * steps * slices; }
};

}  // namespace orrery::sim
