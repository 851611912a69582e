// Measured curves of collectives on one node, and what follows from them for calls that were not measured.
//
// A profile's fit "nccl/<kind>/<n>" is the curve t = a + c·(S/1 MiB)^p + S·f/B: launch floor, the sub-linear
// middle where the protocol changes, and the bus bandwidth. For a call without its own fit, in this order:
//   all_reduce = reduce_scatter + all_gather − one launch (a ring all_reduce is these two in a row);
//   all_gather = reduce_scatter and the reverse (the same messages, reversed);
//   another n of the same kind: the α–β model of n times the ratio curve/model of the neighbours in n,
//   interpolated in log n.
// Only a call with its own fit is called measured, the others published; and none is where the cluster's NVLink is
// not the measured one (the fit's "link_scale" is not 1: its bus bandwidth was scaled with the link's rate, its launch
// and protocol times were not).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "hardware/cluster.hpp"
#include "sim/collective/collective.hpp"

namespace orrery::sim {

/// The curve's coefficients are named so in a Fit.
struct CollectiveCurve {
  CollectiveKind kind = CollectiveKind::all_reduce;
  int ranks = 0;
  Seconds base;             ///< "base_s": a
  Seconds middle;           ///< "mid_s_per_mib": c, at 1 MiB
  double exponent = 0.0;    ///< "exponent": p, in (0, 1)
  BytesPerSecond bus;       ///< "bus_bandwidth": B in bytes/s
  std::string_view key;     ///< of the Fit, which must outlive the curve
  std::string_view source;  ///< of the Fit
  bool scaled = false;      ///< "link_scale" is there and not 1: B follows from another link's measurement

  [[nodiscard]] Seconds middle_time(Bytes bytes) const;
  [[nodiscard]] Seconds wire_time(Bytes bytes) const;
  [[nodiscard]] Seconds time(Bytes bytes) const { return base + middle_time(bytes) + wire_time(bytes); }
};

/// "nccl/all_reduce/8"
[[nodiscard]] std::string collective_fit_key(CollectiveKind kind, int ranks);

/// The curves in a GPU's profile, ordered by kind and ranks. The Gpu must outlive the result.
[[nodiscard]] std::vector<CollectiveCurve> collective_curves(const hardware::Gpu& gpu);

/// What is known about one node of a cluster from measurements.
class NodeCurves {
 public:
  explicit NodeCurves(const hardware::Site& site) : site_(site), curves_(collective_curves(site.gpu)) {}

  struct Result {
    Seconds time;
    const CollectiveCurve* first = nullptr;   ///< the curve used
    const CollectiveCurve* second = nullptr;  ///< the second, if two were combined
    bool own = false;                         ///< `first` is of this kind, number of ranks and link
    double ratio = 1.0;                       ///< model → curve, where it was scaled from another n
  };

  /// Time of a call on one node; nullopt if no curve says anything about its kind.
  [[nodiscard]] std::optional<Result> time(const CollectiveCall& call) const;

  /// Bus bandwidth that rings (or, for all_reduce in the switch, NVLS) sustain among `ranks` GPUs of a node.
  [[nodiscard]] std::optional<BytesPerSecond> bus_bandwidth(CollectiveKind kind, int ranks) const;

  [[nodiscard]] const CollectiveCurve* find(CollectiveKind kind, int ranks) const;

 private:
  [[nodiscard]] std::optional<Result> at(CollectiveKind kind, int ranks, Bytes bytes) const;

  hardware::Site site_;
  std::vector<CollectiveCurve> curves_;
};

}  // namespace orrery::sim
