#include "sim/collective/binding.hpp"

#include "sim/collective/collectives.hpp"
#include "sim/collective/constants.hpp"

namespace orrery::sim {

BindingLink binding_link(const CollectiveCall& call, const hardware::Site& site) {
  if (call.ranks < 2 || !(call.bytes > Bytes{0.0})) return {};
  const LinkLoad load = select(call, site).row->load(call);
  const CollectiveConstants constants = timing_constants(site, call.ranks, call.nodes, call.side_by_side);
  const bool has_inside = load.node > Bytes{0.0} && constants.node_bus.value() > 0.0;
  const bool has_outside = load.network > Bytes{0.0} && constants.network_per_rank.value() > 0.0;
  const Seconds inside = has_inside ? load.node / constants.node_bus : Seconds{0.0};
  const Seconds outside = has_outside ? load.network / constants.network_per_rank : Seconds{0.0};
  if (has_outside && outside >= inside) return {"nic", constants.network_per_rank, load.network};
  if (has_inside) return {constants.nvlink ? "nvlink" : "pcie", constants.node_bus, load.node};
  return {};
}

}  // namespace orrery::sim
