#include "models/link_ways.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace orrery::models {

// PCIe leads to the card; between GPUs it is the way where there is no NVSwitch. A cluster of one node has no network.
Served served_by(const hardware::Topology& topology, LinkId id) {
  using hardware::VertexKind;
  const hardware::Link& link = topology.link(id);
  const VertexKind from = topology.vertices()[link.from.index()].kind, to = topology.vertices()[link.to.index()].kind;
  const bool of_gpu = from == VertexKind::gpu || to == VertexKind::gpu;
  const bool of_nic = from == VertexKind::nic || to == VertexKind::nic;
  if (!of_gpu && !of_nic) return {};
  // Chips of a torus talk over their own links alone.
  if (topology.is_torus() && link.link_class == hardware::LinkClass::pcie) return {};
  const bool to_network = link.link_class != hardware::LinkClass::nvlink && topology.node_count() > 1;
  const NodeId node = topology.vertices()[(of_gpu && from != VertexKind::gpu ? link.to : link.from).index()].node;
  const auto is_nvswitch = [node](const hardware::Vertex& vertex) {
    return vertex.kind == VertexKind::nvswitch && vertex.node == node;
  };
  const bool to_gpus = of_gpu && (link.link_class == hardware::LinkClass::nvlink ||
                                  std::none_of(topology.vertices().begin(), topology.vertices().end(), is_nvswitch));
  // Into a card from its node is on the way out.
  const bool outwards =
      of_gpu ? from == VertexKind::gpu : (link.link_class == hardware::LinkClass::nic) == (from == VertexKind::nic);
  Served served;
  if (to_gpus) served.ports.push_back(kNodeOut + (outwards ? 0 : 1));
  if (to_network) served.ports.push_back(kNetworkOut + (outwards ? 0 : 1));
  if (served.ports.empty()) return {};
  for (std::uint32_t gpu = 0; gpu < static_cast<std::uint32_t>(topology.gpu_count()); ++gpu) {
    const VertexId end = of_gpu ? topology.gpu(RankId(gpu)) : topology.nic(RankId(gpu));
    if (end == link.from || end == link.to) served.gpus.push_back(gpu);
  }
  return served;
}

bool is_fabric(const hardware::Topology& topology, LinkId id) {
  const hardware::LinkClass link_class = topology.link(id).link_class;
  return link_class == hardware::LinkClass::leaf || link_class == hardware::LinkClass::spine ||
         link_class == hardware::LinkClass::ici;
}

Reach reach_of(const hardware::Topology& topology, LinkId link) {
  if (is_fabric(topology, link)) return Reach::fabric;
  return served_by(topology, link).gpus.empty() ? Reach::nothing : Reach::own_links;
}

std::vector<FabricChange> fabric_changes(const hardware::Topology& topology,
                                         const std::vector<Disturbance>& disturbances) {
  std::map<sim::SimTime, std::set<LinkId>> changes;
  std::vector<std::pair<LinkId, const Disturbance*>> of_fabric;
  for (const Disturbance& disturbance : disturbances) {
    if (disturbance.gpu) continue;
    const LinkId link = topology.find_link(disturbance.link);
    if (!is_fabric(topology, link)) continue;
    of_fabric.emplace_back(link, &disturbance);
    changes[sim::to_sim_time(disturbance.at)].insert(link);
    if (disturbance.until) changes[sim::to_sim_time(*disturbance.until)].insert(link);
  }
  const bool adapts = topology.is_direct() && !topology.is_torus();
  const auto left_of = [&](LinkId link, sim::SimTime at) {
    double left = 1.0;
    for (const auto& [of, disturbance] : of_fabric) {
      const bool over = disturbance->until && at >= sim::to_sim_time(*disturbance->until);
      if (of == link && at >= sim::to_sim_time(disturbance->at) && !over) left *= disturbance->scale;
    }
    if (left <= kDown) return 0.0;
    return adapts ? left : 1.0;
  };
  std::vector<FabricChange> out;
  std::map<LinkId, double> now;  // those that are not as built
  for (const auto& [at, links] : changes) {
    const std::map<LinkId, double> before = now;
    for (const LinkId link : links) {
      now[link] = left_of(link, at);
      if (now[link] == 1.0) now.erase(link);
    }
    if (now == before) continue;
    FabricChange& change = out.emplace_back();
    change.from = at;
    for (const auto& [link, factor] : now) change.state.push_back({link, factor});
  }
  return out;
}

void foresee(sim::LinkClasses& links, const hardware::Topology* topology,
             const std::vector<Disturbance>& disturbances) {
  for (const Disturbance& disturbance : disturbances) {
    if (!disturbance.gpu) links.tell_apart(topology->find_link(disturbance.link));
  }
  if (topology == nullptr) return;
  std::set<sim::FabricState> sets;
  for (FabricChange& change : fabric_changes(*topology, disturbances)) {
    if (!change.state.empty()) sets.insert(std::move(change.state));
  }
  links.expect_states({sets.begin(), sets.end()});
}

std::vector<std::uint32_t> disturbed_gpus(const std::vector<Disturbance>& disturbances,
                                          const hardware::Topology* topology) {
  std::vector<std::uint32_t> gpus;
  for (const Disturbance& disturbance : disturbances) {
    if (disturbance.gpu) {
      gpus.push_back(*disturbance.gpu);
      continue;
    }
    if (topology == nullptr) continue;
    const LinkId id = topology->find_link(disturbance.link);
    if (is_fabric(*topology, id)) continue;
    const Served served = served_by(*topology, id);
    gpus.insert(gpus.end(), served.gpus.begin(), served.gpus.end());
  }
  std::sort(gpus.begin(), gpus.end());
  gpus.erase(std::unique(gpus.begin(), gpus.end()), gpus.end());
  return gpus;
}

}  // namespace orrery::models
