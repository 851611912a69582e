#include "calibrate/machines.hpp"

#include <utility>

#include <fmt/format.h>

#include "hardware/catalogue/catalogue.hpp"
#include "hardware/config/config.hpp"
#include "hardware/config/shown.hpp"

namespace orrery::calibrate {

std::string_view usual_fabric(const hardware::Node& node) {
  constexpr BytesPerSecond kHdr{25e9};
  return node.nic_bandwidth > kHdr ? "rail_fat_tree_ndr" : "rail_fat_tree_hdr";
}

Machine::Machine(hardware::Cluster of)
    : cluster(std::move(of)), model(std::make_unique<sim::CollectiveModel>(cluster.site(0))) {}

Machines::Machines(const hardware::Site& site, std::string node, std::string fabric)
    : node_(std::move(node)), fabric_(std::move(fabric)) {
  one_.groups.resize(1);
  one_.groups[0].gpu = site.gpu;
  one_.groups[0].node = site.node;
  one_.groups[0].count = site.nodes;
  one_.fabric = site.fabric;
  one_.nccl = site.nccl;
}

Machines::Machines(hardware::Cluster cluster) : one_(std::move(cluster)), is_whole_(true) {}

const Machine& Machines::of(int nodes) {
  if (is_whole_ && nodes > one_.node_count()) {
    throw hardware::ConfigError(
        fmt::format("the cluster has {} node{}", one_.node_count(), one_.node_count() == 1 ? "" : "s"));
  }
  std::unique_ptr<Machine>& machine = by_nodes_[is_whole_ ? 0 : nodes];
  if (machine != nullptr) return *machine;
  if (is_whole_ || nodes == 1) {
    machine = std::make_unique<Machine>(one_);
    return *machine;
  }
  const hardware::NodeGroup& group = one_.groups.front();
  const std::string fabric = fabric_.empty() ? std::string(usual_fabric(group.node)) : fabric_;
  hardware::Cluster cluster =
      hardware::make_cluster(node_.empty() ? group.node.name : node_, fabric, nodes, group.gpu.name);
  cluster.groups[0].gpu = group.gpu;
  cluster.groups[0].node = group.node;
  cluster.nccl = one_.nccl;
  machine = std::make_unique<Machine>(std::move(cluster));
  return *machine;
}

std::string Machines::describe(int nodes) {
  const hardware::Cluster& cluster = of(nodes).cluster;
  const hardware::Node& node = cluster.groups.front().node;
  return fmt::format("{} x {} with {} card{} of {:g} GB/s each, {}{}", nodes, hardware::printable(node.name), node.nics,
                     node.nics == 1 ? "" : "s", node.nic_bandwidth.value() / 1e9,
                     hardware::printable(cluster.fabric.name),
                     is_whole_ || !fabric_.empty() ? "" : " (assumed: --fabric, or --cluster, says another)");
}

}  // namespace orrery::calibrate
