// What the fabric leaves of the cards to an exchange, whose messages go from every rank to all other nodes alike.
//
// Of N nodes, n of them below one switch, each rank sends (N − n)/(N − 1) of what leaves its node past that switch.
// With p ranks of a node there and C the rate of the switch's links upwards, an exchange of S bytes a rank off its node
// takes
//
//   t = S / (share of the cards) · max(1, filled)      filled = n p (N − n)/(N − 1) · share of the cards / C
//
// at leaves and at the spines of a pod. Between groups of a dragonfly and between sites C is that of the links which
// join two of them, and the messages are those for one other group, n p n'/(N − 1). Both line rates are sustained
// alike.
//
// The nodes are taken to be contiguous and the exchange alone; whatever else is on the links is the World's.
// Source: counted; the same messages are routed one by one where the World reads the fabric (sim/links/links.hpp).
// Limitation: links between the routers of a dragonfly's group are taken to be wide enough; the World counts them.
#pragma once

#include <algorithm>
#include <string_view>

#include "hardware/cluster.hpp"
#include "sim/collective/collective.hpp"

namespace orrery::sim {

struct ExchangeBound {
  double filled = 0.0;                  ///< what the cards at full rate put on the narrowest of these, over its rate
  std::string_view link_class = "nic";  ///< "leaf" or "spine" where these hold it up

  /// Against the ranks' cards.
  [[nodiscard]] double slowdown() const { return std::max(1.0, filled); }
};

/// Of `ranks` ranks on `nodes` nodes.
[[nodiscard]] ExchangeBound exchange_bound(int ranks, int nodes, const hardware::Site& site);

}  // namespace orrery::sim
