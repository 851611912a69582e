// Which links of the World a cable of the topology is part of: whom an event of it reaches.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "hardware/topology/topology.hpp"

namespace orrery::models {

// What own_links() of a job lists: out of its node's switch and in, then out to the network and in.
inline constexpr std::size_t kNodeOut = 0, kNetworkOut = 2;  ///< and in: the next

/// The GPUs whose way a cable of a node is on, and which of their own links that is (WorldJob::own_links()).
struct Served {
  std::vector<std::uint32_t> gpus;
  std::vector<std::size_t> ports;
};

/// None for a cable on which nothing passes that is modelled, and for those of the fabric.
[[nodiscard]] Served served_by(const hardware::Topology& topology, LinkId id);

/// Of a leaf or above: shared, not a GPU's own.
[[nodiscard]] bool is_fabric(const hardware::Topology& topology, LinkId id);

}  // namespace orrery::models
