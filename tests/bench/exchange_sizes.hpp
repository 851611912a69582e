// The all-to-all that Orrery and SimGrid are both asked for: the same hosts, ports and sizes.
#pragma once

#include <cstdint>

namespace orrery::bench {

/// Of each direction of each host, bytes per second.
constexpr double kPortBytesPerSecond = 50e9;
constexpr double kMessageBytes = 1e6;

/// A linear congruential generator (Knuth, MMIX): sizes that are the same everywhere.
class Sizes {
 public:
  /// 1 ± most.
  double spread(double most) {
    state_ = state_ * 6364136223846793005ull + 1442695040888963407ull;
    return 1.0 - most + 2.0 * most * static_cast<double>(state_ >> 11) * 0x1p-53;
  }

 private:
  std::uint64_t state_ = 1;
};

}  // namespace orrery::bench
