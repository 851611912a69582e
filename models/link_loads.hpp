// The load of every link over the time of a run.
//
// What a run keeps of its links are sums and peaks. This is the same run once more, in which no link is taken for spare
// and every step is run: each change of the rate on a link is written down. What that changes of the times is nothing
// (run_world() says why), and it costs an event for each operation and 16 bytes for each change. Defined in
// world_job.cpp, beside the runs that it repeats.
#pragma once

#include <cstddef>
#include <vector>

#include "hardware/cluster.hpp"
#include "hardware/topology/topology.hpp"
#include "models/world_job.hpp"
#include "sim/clock.hpp"
#include "sim/network/flow_links.hpp"

namespace orrery::models {

struct RecordedLoads {
  std::vector<sim::LinkInfo> links;                   ///< the World's, by number
  std::vector<std::vector<sim::LoadChange>> changes;  ///< of each; before the first it carries nothing
  sim::SimTime end = 0;
  bool whole = true;  ///< else the run was ended there, since it had more than `most_changes`
};

/// As run_on_cluster(). The jobs are of no use afterwards but for their held_up(). REQUIRES that the cluster does not
/// read messages one by one: what goes over a link while nothing else does is not written down then.
[[nodiscard]] RecordedLoads record_loads(const hardware::Cluster& cluster, const hardware::Topology* topology,
                                         const std::vector<WorldSlot>& slots,
                                         const std::vector<Disturbance>& disturbances, const sim::RunControl& control,
                                         std::size_t most_changes);

}  // namespace orrery::models
