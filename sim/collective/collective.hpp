// Collective algorithms over α–β links.
//
// A row prices one algorithm of one collective in closed form, for the case that nothing else uses the
// links, and lists its transfers for the case that something does.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "hardware/cluster.hpp"
#include "hardware/units.hpp"
#include "kernels/kernel.hpp"
#include "sim/plan/plan.hpp"

namespace orrery::sim {

/// One call: `bytes` as in CollectiveEntry, `ranks` ranks on `nodes` nodes (ranks/nodes per node).
struct CollectiveCall {
  CollectiveKind kind = CollectiveKind::all_reduce;
  Bytes bytes;
  int ranks = 1;
  int nodes = 1;
  CollectiveLibrary library = CollectiveLibrary::nccl;
  kernels::Implementation implementation = kernels::Implementation::automatic;  ///< of a custom kernel: vllm, …
  Dtype dtype = Dtype::bf16;
  int operations = 1;  ///< calls of this kind that NCCL was given as one group; `bytes` of them all
  /// Least compute capability among the ranks, where they are of several generations; 0: all are the site's.
  int capability = 0;
  bool side_by_side = true;  ///< its ranks of one node are neighbours, so that a bridge joins them where it can
};

struct CollectiveEstimate {
  Seconds time;
  std::string_view algorithm;
  std::string_view protocol;  ///< "LL", "LL128", "Simple"; empty: a kernel of its own
  int channels = 0;           ///< thread blocks of NCCL, each on an SM
  int threads = 0;            ///< of each
  kernels::Provenance provenance = kernels::Provenance::datasheet;
  std::string fit_key;
  /// Why the price is none of a measurement: "no fit saw 16 nodes", ...; empty where it is one.
  std::string extrapolated;
  std::vector<kernels::Term> terms;  ///< filled where asked for
};

/// Price of what NCCL would take (or what the cluster's nccl tells it to), with the profile's fitted constants where it
/// has them ("nccl/all_reduce/8"). 0 for one rank.
[[nodiscard]] Seconds collective_time(const CollectiveCall& call, const hardware::Site& site);
[[nodiscard]] CollectiveEstimate explain_collective(const CollectiveCall& call, const hardware::Site& site);

/// One point-to-point message between two GPUs: α + bytes/β of NVLink or network.
[[nodiscard]] Seconds transfer_time(Bytes bytes, bool same_node, const hardware::Site& site);

/// Bytes each rank puts on the wire per byte of `bytes`: 2(n−1)/n for all_reduce, (n−1)/n for the others,
/// 1 for broadcast and reduce: nccl-tests' factor of "busbw".
[[nodiscard]] double bus_factor(CollectiveKind kind, int ranks);

}  // namespace orrery::sim
