// Which links of the World a cable of the topology is part of: whom an event of it reaches.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "hardware/topology/topology.hpp"
#include "models/world_job.hpp"

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

/// What is left of a bandwidth that is down, in rounding.
inline constexpr double kDown = 1e-6;

/// From a moment on the fabric is so.
struct FabricChange {
  sim::SimTime from = 0;
  sim::FabricState state;
};

/// Each moment at which other fabric links are down than before or, where switches are linked to each other and route
/// around what is slow, at another part of their bandwidth; in order.
[[nodiscard]] std::vector<FabricChange> fabric_changes(const hardware::Topology& topology,
                                                       const std::vector<Disturbance>& disturbances);

/// Of a leaf or above: shared, not a GPU's own.
[[nodiscard]] bool is_fabric(const hardware::Topology& topology, LinkId id);

}  // namespace orrery::models
