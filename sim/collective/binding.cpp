#include "sim/collective/binding.hpp"

#include "sim/collective/collectives.hpp"
#include "sim/collective/constants.hpp"
#include "sim/collective/exchange_bound.hpp"
#include "sim/collective/libraries.hpp"

namespace orrery::sim {

namespace {

/// Where the host adds: its memory, the cards that it sends from, or the copies over PCIe.
BindingLink host_bound(Bytes in_host, const LinkLoad& load, const CollectiveCall& call, const hardware::Site& site) {
  const HostRates rates = host_rates(call, site);
  const double local = ranks_per_node(call.ranks, call.nodes);
  const BytesPerSecond memory = rates.memory / local, cards = rates.network / local;
  const Seconds in_memory = in_host / memory, over_pcie = load.node / rates.link;
  const Seconds over_cards = load.network > Bytes{0.0} ? load.network / cards : Seconds{0.0};
  if (in_memory >= max(over_cards, over_pcie)) return {"host_memory", memory, in_host};
  if (over_cards >= over_pcie) return {"nic", cards, load.network};
  return {"pcie", rates.link, load.node};
}

}  // namespace

BindingLink binding_link(const CollectiveCall& call, const hardware::Site& site) {
  if (call.ranks < 2 || !(call.bytes > Bytes{0.0})) return {};
  const CollectiveRow& row = *select(call, site).row;
  const LinkLoad load = row.load(call);
  const LibraryRow* library = other_library(row);
  if (library != nullptr && library->host != nullptr) return host_bound(library->host(call), load, call, site);
  const CollectiveConstants constants = timing_constants(site, call.ranks, call.nodes, call.side_by_side);
  const bool exchanges = call.kind == CollectiveKind::all_to_all;
  const BytesPerSecond network = exchanges ? constants.exchange_per_rank : constants.network_per_rank;
  const bool has_inside = load.node > Bytes{0.0} && constants.node_bus.value() > 0.0;
  const bool has_outside = load.network > Bytes{0.0} && network.value() > 0.0;
  const Seconds inside = has_inside ? load.node / constants.node_bus : Seconds{0.0};
  const Seconds outside = has_outside ? load.network / network : Seconds{0.0};
  if (has_outside && outside >= inside) {
    return {exchanges ? exchange_bound(call.ranks, call.nodes, site).link_class : "nic", network, load.network};
  }
  if (has_inside && site.is_torus()) return {"ici", constants.node_bus, load.node};
  if (has_inside) return {constants.nvlink ? "nvlink" : "pcie", constants.node_bus, load.node};
  return {};
}

}  // namespace orrery::sim
