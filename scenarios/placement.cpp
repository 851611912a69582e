#include "scenarios/placement.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace orrery::scenarios {

namespace {

using hardware::ConfigNode;
using hardware::Diagnostics;
using hardware::MapReader;
using hardware::Range;

void check_order(const MapReader& reader, const std::vector<std::string>& order, Diagnostics& diagnostics) {
  if (order.empty() && reader.has("order")) {
    diagnostics.error(reader.span("order"), fmt::format("'order' names no axis: leave it out, or list some of {}",
                                                        fmt::join(all_axes(), ", ")));
  }
  for (auto axis = order.begin(); axis != order.end(); ++axis) {
    if (std::find(all_axes().begin(), all_axes().end(), *axis) == all_axes().end()) {
      diagnostics.error(reader.span("order"),
                        fmt::format("unknown axis '{}'; the axes are {}", *axis, fmt::join(all_axes(), ", ")));
    } else if (std::find(order.begin(), axis, *axis) != axis) {
      diagnostics.error(reader.span("order"), fmt::format("the axis '{}' is named twice", *axis));
    }
  }
}

}  // namespace

const std::vector<std::string>& all_axes() {
  static const std::vector<std::string> axes = {"tp", "dp", "pp"};
  return axes;
}

PlacementConfig read_placement(const ConfigNode* node, int nodes, PlacementConfig fallback, Diagnostics& diagnostics) {
  if (node == nullptr) return fallback;
  // Of a cluster that could not be read nobody knows how many it has.
  constexpr int kAnyNode = 10'000'000;
  if (nodes < 1) nodes = kAnyNode;
  MapReader reader(node, "placement", diagnostics);
  PlacementConfig placement;
  placement.order = reader.texts_or("order", fallback.order);
  placement.first_node =
      static_cast<int>(reader.integer_or("first_node", fallback.first_node, Range::between(0, nodes - 1.0)));
  placement.spread = static_cast<int>(reader.integer_or("spread", fallback.spread, Range::between(1, nodes)));
  check_order(reader, placement.order, diagnostics);
  reader.finish();
  return placement;
}

}  // namespace orrery::scenarios
