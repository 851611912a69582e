#include "hardware/cluster.hpp"

namespace orrery::hardware {

// A GPU reaches its NIC over PCIe: the slower of the two sets its rate.
BytesPerSecond Cluster::network_bandwidth_per_gpu() const {
  if (node.gpus == 0) return BytesPerSecond{};
  const BytesPerSecond port = nodes > 1 && fabric.link_bandwidth.value() > 0.0
                                  ? min(node.nic_bandwidth, fabric.link_bandwidth)
                                  : node.nic_bandwidth;
  const BytesPerSecond share = port * (static_cast<double>(node.nics) / static_cast<double>(node.gpus));
  return min(share, min(node.pcie_bandwidth, gpu.pcie_bandwidth));
}

BytesPerSecond Cluster::node_bandwidth_per_gpu() const {
  const bool has_nvlink = node.nvswitch && gpu.nvlink_bandwidth.value() > 0.0;
  return has_nvlink ? gpu.nvlink_bandwidth : min(node.pcie_bandwidth, gpu.pcie_bandwidth);
}

}  // namespace orrery::hardware
