// Where chips stand on a torus. Chips are numbered along the first axis, then the second, and so on.
#pragma once

#include <vector>

#include "hardware/cluster.hpp"

namespace orrery::hardware {

/// One axis of a slice.
struct TorusAxis {
  int chips = 1;
  bool ring = false;  ///< else a line
  int stride = 1;     ///< between the numbers of neighbours

  [[nodiscard]] int at(int chip) const { return chip / stride % chips; }
  /// The chip `steps` further on, or back; −1 beyond the end of a line. REQUIRES |steps| < chips.
  [[nodiscard]] int neighbour(int chip, int steps) const;
  /// From one chip's place to another's, the shorter way: positive onwards. Half a ring apart it is onwards from one
  /// chip and backwards from its neighbour on the ring and beside it, so that both ways carry the same where all send
  /// as far, or to one (Dally & Towles, Principles and Practices of Interconnection Networks, 2004, §8.4).
  [[nodiscard]] int shift(int from, int to) const;
};

/// The axes of the fabric's slice. REQUIRES a torus.
[[nodiscard]] std::vector<TorusAxis> torus_axes(const Fabric& fabric);

/// Hops from one chip to another: Σ |shift| over the axes.
[[nodiscard]] int torus_hops(const std::vector<TorusAxis>& axes, int from, int to);

}  // namespace orrery::hardware
