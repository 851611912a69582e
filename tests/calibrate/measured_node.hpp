// The node on which the collectives of a GPU were measured.
#pragma once

#include <string_view>

#include "hardware/catalogue/catalogue.hpp"
#include "hardware/cluster.hpp"

namespace orrery::tests {

/// Eight GPUs on a switch, which reduces on Hopper.
inline hardware::Cluster measured_node(std::string_view gpu) {
  hardware::Cluster cluster;
  hardware::NodeGroup& group = cluster.groups.emplace_back();
  group.gpu = hardware::load_gpu(gpu);
  group.node.gpus = 8;
  group.node.nvswitch = true;
  group.node.in_network_reduction = group.gpu.generation.name == "hopper";
  group.count = 1;
  return cluster;
}

}  // namespace orrery::tests
