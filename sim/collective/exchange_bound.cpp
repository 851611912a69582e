#include "sim/collective/exchange_bound.hpp"

#include <algorithm>

#include "sim/collective/constants.hpp"

namespace orrery::sim {

namespace {

/// `crossing`: of what a rank sends off its node, times the ranks that send past the links of capacity `links`.
void hold_up(ExchangeBound& bound, double crossing, BytesPerSecond cards, BytesPerSecond links,
             std::string_view link_class) {
  if (!(links.value() > 0.0)) return;
  const double filled = crossing * (cards / links);
  if (filled <= bound.filled) return;
  bound = {filled, filled > 1.0 ? link_class : bound.link_class};
}

}  // namespace

ExchangeBound exchange_bound(int ranks, int nodes, const hardware::Site& site) {
  ExchangeBound bound;
  const hardware::Fabric& fabric = site.fabric;
  const BytesPerSecond cards = site.network_bandwidth_per_gpu();
  if (nodes <= 1 || site.is_torus() || !(cards.value() > 0.0)) return bound;
  const double others = nodes - 1.0, of_node = ranks_per_node(ranks, nodes);
  const auto crossing = [&](int below) { return below * (nodes - below) / others; };  // of the nodes below a switch
  const int of_leaf = site.nodes_per_leaf(), of_pod = site.nodes_per_pod();
  if (hardware::is_direct(fabric.kind)) {
    if (of_pod < 1 || nodes <= of_pod) return bound;
    const double between = static_cast<double>(of_pod) * std::min(of_pod, nodes - of_pod) / others;
    hold_up(bound, between * of_node, cards, global_bandwidth(site), "spine");
    return bound;
  }
  const BytesPerSecond up = fabric.link_bandwidth * (fabric.leaf_ports / fabric.oversubscription);
  if (of_leaf > 0 && nodes > of_leaf) {
    // A rail's leaf takes one card of a node: of the ranks those that share it.
    const double of_card = static_cast<double>(site.gpus_per_node()) / std::max(1, site.node.nics);
    const double there = hardware::has_rails(fabric.kind) ? std::min(of_node, std::max(1.0, of_card)) : of_node;
    hold_up(bound, crossing(of_leaf) * there, cards, up, "leaf");
  }
  if (of_pod > 0 && nodes > of_pod) {
    hold_up(bound, crossing(of_pod) * of_node, cards, up * (fabric.pod_leaves / fabric.core_oversubscription), "spine");
  }
  return bound;
}

}  // namespace orrery::sim
