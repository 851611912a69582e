#include "hardware/torus.hpp"

#include <cstdlib>

namespace orrery::hardware {

int TorusAxis::neighbour(int chip, int steps) const {
  const int before = at(chip);
  int place = before + steps;
  if (ring) {
    place = (place + chips) % chips;
  } else if (place < 0 || place >= chips) {
    return -1;
  }
  return chip + (place - before) * stride;
}

int TorusAxis::shift(int from, int to) const {
  const int straight = at(to) - at(from);
  if (!ring) return straight;
  const int ahead = (straight + chips) % chips;
  const int others = from % stride + from / (stride * chips);
  if (2 * ahead == chips) return (at(from) + others) % 2 == 0 ? ahead : -ahead;
  return 2 * ahead < chips ? ahead : ahead - chips;
}

std::vector<TorusAxis> torus_axes(const Fabric& fabric) {
  std::vector<TorusAxis> axes;
  int stride = 1;
  for (const int chips : fabric.torus) {
    axes.push_back({chips, fabric.closes(chips), stride});
    stride *= chips;
  }
  return axes;
}

int torus_hops(const std::vector<TorusAxis>& axes, int from, int to) {
  int hops = 0;
  for (const TorusAxis& axis : axes) hops += std::abs(axis.shift(from, to));
  return hops;
}

}  // namespace orrery::hardware
