// Reads profiles of fabrics. See profile_reader.hpp.
#include <string>
#include <vector>

#include "hardware/catalogue/profile_reader.hpp"
#include "hardware/catalogue/profile_sources.hpp"

namespace orrery::hardware {
namespace {

void read_torus(MapReader& map, Fabric& fabric) {
  fabric.axes = static_cast<int>(map.integer("axes", Range::between(1, 6)));
  fabric.ring_multiple = static_cast<int>(map.integer("ring_multiple", Range::between(0, 1024)));
}

/// Leaves, or routers, and what is above them or between them.
void read_switches(MapReader& map, Fabric& fabric) {
  fabric.leaf_ports =
      static_cast<int>(map.integer("leaf_ports", Range::between(1, is_direct(fabric.kind) ? 65536 : 1024)));
  if (!is_direct(fabric.kind)) {
    fabric.pod_leaves = static_cast<int>(map.integer("pod_leaves", Range::between(1, 65536)));
    fabric.oversubscription = map.number_or("oversubscription", 1.0, Range::between(1, 1000));
    fabric.core_oversubscription = map.number_or("core_oversubscription", 1.0, Range::between(1, 1000));
    if (fabric.kind == FabricKind::dual_plane) {
      fabric.planes = static_cast<int>(map.integer("planes", Range::between(2, 16)));
    }
    return;
  }
  const bool sites = fabric.kind == FabricKind::sites;
  fabric.pod_leaves = sites ? 1 : static_cast<int>(map.integer("group_routers", Range::between(2, 1024)));
  fabric.global_links = static_cast<int>(map.integer("global_links", Range::between(1, 65536)));
  fabric.global_bandwidth = map.bandwidth("global_bandwidth");
  fabric.global_latency = map.duration("global_latency");
}

/// Of cards that do not speak InfiniBand or RoCE.
void read_transport(MapReader& map, Fabric& fabric) {
  if (map.has("transport_share")) fabric.transport_share = map.number("transport_share", Range::between(0.01, 1.0));
  if (map.has("transport_latency")) fabric.transport_latency = map.duration("transport_latency");
}

}  // namespace

Fabric read_fabric(const ConfigNode& root, const std::string& file, const std::string& name) {
  Diagnostics diagnostics(file);
  MapReader profile(&root, "profile", diagnostics);
  Fabric fabric;
  fabric.name = name;
  fabric.title = profile.text("title");
  std::vector<std::string> facts;
  add_facts(facts, profile.required_child("fabric"));
  MapReader map(profile.required_child("fabric"), "fabric", diagnostics);
  std::vector<std::string> kinds;
  for (const FabricKindRow& row : fabric_kinds()) kinds.emplace_back(row.name);
  const std::size_t before = diagnostics.items().size();
  fabric.kind = static_cast<FabricKind>(map.choice("kind", kinds));
  // Which keys it may have, a kind that is none does not say.
  if (diagnostics.items().size() > before) diagnostics.throw_if_any();
  fabric.max_nodes = static_cast<int>(map.integer("max_nodes", Range::between(1, 1e6)));
  if (fabric.kind == FabricKind::single_node) {
    if (fabric.max_nodes > 1) {
      diagnostics.error(map.span("max_nodes"), "'max_nodes': a single_node fabric holds 1 node");
    }
  } else {
    fabric.link_bandwidth = map.bandwidth("link_bandwidth");
    fabric.switch_latency = map.duration("switch_latency");
    fabric.cable_latency = map.duration("cable_latency");
    fabric.kind == FabricKind::torus ? read_torus(map, fabric) : read_switches(map, fabric);
    if (fabric.kind != FabricKind::torus) read_transport(map, fabric);
  }
  map.finish();
  fabric.sources = read_sources(profile, facts);
  profile.finish();
  diagnostics.throw_if_any();
  return fabric;
}

}  // namespace orrery::hardware
