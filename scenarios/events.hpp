// What happens to the machine at a time: `events:` of a scenario.
//
//   events:
//     - {at: 10 s, until: 20 s, link: leaf0.spine1.up, scale: 0.5}   a link at half of its capacity, then whole again
//     - {at: 30 s, gpu: 17, scale: 0.8}                              a GPU at 0.8 of its speed, for good
//     - {at: 40 s, link: leaf0.spine1.up, down: true}                a link that carries nothing
//
// While several of one GPU or link last, their scales multiply; each ends for itself. A link that is down is a finding
// where an operation needs it meanwhile, not before. A GPU's own links (NVLink, PCIe, NIC) have no scale above 1: their
// bandwidth is part of how long operations take alone.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "hardware/cluster.hpp"
#include "hardware/config/config.hpp"
#include "hardware/units.hpp"

namespace orrery::scenarios {

struct Event {
  Seconds at;
  std::optional<Seconds> until;  ///< nullopt: it lasts
  std::string link;              ///< class of links; empty: it is about a GPU
  std::optional<int> gpu;        ///< number in the cluster
  double scale = 1.0;            ///< of the link's capacity or the GPU's speed; 0 with `down`
  bool down = false;
  hardware::SourceSpan span;  ///< where it stands, for errors that only a run can find
};

/// Reads the list; `node` may be nullptr. Errors go to `diagnostics`: a GPU that a cluster of `gpus` doesn't have,
/// neither or both of gpu and link, neither or both of scale and down, a scale below 0, an end that is not after the
/// start, a moment beyond the clock, the same event twice.
[[nodiscard]] std::vector<Event> read_events(const hardware::ConfigNode* node, int gpus,
                                             hardware::Diagnostics& diagnostics);

/// Links that the topology of the cluster has not, that nothing modelled passes, or that would be wider than they are.
/// REQUIRES a cluster that was read without an error.
void check_event_links(const std::vector<Event>& events, const hardware::Cluster& cluster,
                       hardware::Diagnostics& diagnostics);

}  // namespace orrery::scenarios
