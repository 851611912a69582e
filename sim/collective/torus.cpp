// Collectives on a torus of chips (TPU): a bidirectional ring along every axis, the buffer cut into as many parts as
// there are axes, each of which goes along the axes in another order, so that all links carry all the time.
//
//   all_gather      t = max(Σ_p max_j b(j,p) / r(a), Σ_p max_j h(a)·hop),  a = (j + p) mod k
//                   b(j,p) = (n_a − 1)·g(j,p)·S/(k N): what part j's chips gather in phase p, g the chips that already
//                   have each other's; r = 2W on a ring, W on a line; h = ⌊n/2⌋ on a ring, n − 1 on a line
//                   n_a all equal and rings: S (N − 1)/N / (2 k W)
//   reduce_scatter  the same backwards; all_reduce, broadcast and reduce twice that
//   all_to_all      t = max(max_a S ⌊n_a²/4⌋/(2 n_a W) on a ring, S ⌊n_a²/4⌋/(n_a W) on a line, Σ h(a)·hop)
//                   what crosses the middle of an axis, N/2 chips sending S/N to each of N/2 others, over the links
//                   there: one of a line and two of a ring in each of N/n_a rows. Never less than all bytes times the
//                   mean hops over all links, S Σ m(a) / Σ l(a): m = ⌊n²/4⌋/n on a ring and (n²−1)/(3n) on a line, l
//                   links of a chip along it
//
// N ranks on k axes of n_a chips, W the payload rate of a link one way: the lesser of the fabric's and the chip's. A
// group of N neighbours takes whole axes from the first on and a part of the next one, which is a line; one that has
// only some of the chips of each host takes them from the last axis on. Where it fills no such box it is one line.
//
// Source: Austin et al., How to Scale Your Model (DeepMind, 2025), sharding: V / (W axes), at least a hop's latency
// times the hops; Jouppi et al., ISCA 2023 (TPU v4); Chan et al., 2007 (rings along axes); Dally & Towles, Principles
// and Practices of Interconnection Networks, 2004, §5.2 (bisection and mean hops of tori).
// Limitations: phases end together on all parts; launching costs nothing, since nobody publishes what it does; in a
// World a collective loads all links of its chips alike, a message those on its way.
#include <algorithm>
#include <cmath>

#include "sim/collective/libraries.hpp"

namespace orrery::sim {
namespace {

/// Along one axis.
struct Extent {
  int chips = 1;
  bool ring = false;
  [[nodiscard]] int hops() const { return ring ? chips / 2 : chips - 1; }
};

/// What the group takes of the torus.
std::vector<Extent> extents_of(const CollectiveCall& call, const hardware::Site& site) {
  const hardware::Fabric& fabric = site.fabric;
  std::vector<int> lengths = fabric.torus;
  const bool whole_hosts = call.nodes == 1 || ranks_per_node(call.ranks, call.nodes) == site.gpus_per_node();
  if (!whole_hosts) std::reverse(lengths.begin(), lengths.end());
  std::vector<Extent> extents;
  int left = call.ranks;
  for (std::size_t axis = 0; axis < lengths.size() && left > 1; ++axis) {
    const int length = lengths[axis];
    if (length == 1) continue;
    // Planes of whole hosts, one after the other: a box however many they are.
    const bool planes = whole_hosts && axis + 1 == lengths.size() && left < length;
    if (left % length == 0) {
      extents.push_back({length, fabric.ring_multiple > 0 && length % fabric.ring_multiple == 0});
      left /= length;
    } else if (length % left == 0 || planes) {
      extents.push_back({left, false});
      left = 1;
    } else {
      break;
    }
  }
  return left == 1 ? extents : std::vector<Extent>{{call.ranks, false}};
}

bool supports(const CollectiveCall&, const hardware::Site& site) { return site.is_torus(); }

int passes(CollectiveKind kind) {
  return kind == CollectiveKind::all_gather || kind == CollectiveKind::reduce_scatter ? 1 : 2;
}

/// Phase by phase a part waits for the hops along its axis: the longest of them in every phase, since each axis has one
/// of the parts. An exchange goes along all axes.
double network_hops(const CollectiveCall& call, const hardware::Site& site) {
  int sum = 0, longest = 0;
  const std::vector<Extent> extents = extents_of(call, site);
  for (const Extent& along : extents) {
    sum += along.hops();
    longest = std::max(longest, along.hops());
  }
  if (call.kind == CollectiveKind::all_to_all) return sum;
  return passes(call.kind) * longest * static_cast<int>(extents.size());
}

/// What all parts of an all_gather take on the wire, phase by phase.
Seconds gather(const std::vector<Extent>& extents, Bytes bytes, int ranks, BytesPerSecond link) {
  const std::size_t axes = extents.size();
  std::vector<double> gathered(axes, 1.0);
  Seconds all;
  for (std::size_t phase = 0; phase < axes; ++phase) {
    Seconds wire;
    for (std::size_t part = 0; part < axes; ++part) {
      const Extent& along = extents[(part + phase) % axes];
      const Bytes brought = bytes * ((along.chips - 1) * gathered[part] / (static_cast<double>(axes) * ranks));
      wire = max(wire, brought / (along.ring ? link * 2.0 : link));
      gathered[part] *= along.chips;
    }
    all += wire;
  }
  return all;
}

Seconds exchange(const std::vector<Extent>& extents, Bytes bytes, BytesPerSecond link) {
  Seconds wire;
  for (const Extent& along : extents) {
    const double n = along.chips, across = std::floor(n * n / 4.0);
    wire = max(wire, bytes * (across / (along.ring ? 2.0 * n : n)) / link);
  }
  return wire;
}

CollectiveCost time(const CollectiveCall& call, const hardware::Site& site, const CollectiveConstants&) {
  const std::vector<Extent> extents = extents_of(call, site);
  const LinkConstants link = message_constants(site, true);
  CollectiveCost cost;
  cost.wire = call.kind == CollectiveKind::all_to_all
                  ? exchange(extents, call.bytes, link.bandwidth)
                  : passes(call.kind) * gather(extents, call.bytes, call.ranks, link.bandwidth);
  // The longer of the two: bytes follow each other over the hops.
  cost.hops = max(Seconds{}, network_hops(call, site) * link.latency - cost.wire);
  cost.protocol = "ICI";
  return cost;
}

// What has a root takes two passes, of which one scatters or collects parts on few links: one buffer to each but it.
LinkLoad load(const CollectiveCall& call) {
  const bool rooted = has_root(call.kind);
  const Bytes sent = call.bytes * bus_factor(rooted ? CollectiveKind::all_reduce : call.kind, call.ranks);
  return {sent, Bytes{}, both_ways(rooted ? 0.5 : 1.0)};
}

// Without its axes a group is a ring of all.
std::vector<Transfer> transfers(const CollectiveCall& call) {
  switch (call.kind) {
    case CollectiveKind::all_to_all:
      return pairwise_row().transfers(call);
    case CollectiveKind::broadcast:
    case CollectiveKind::reduce:
      return ring_row().transfers(call);
    default:
      return bidirectional_ring_row().transfers(call);
  }
}

// Along the longer way of a ring all_reduce: where its axes are not known.
int additions(const CollectiveCall& call) { return call.ranks < 3 ? call.ranks - 1 : call.ranks / 2 + 1; }

}  // namespace

int torus_additions(const CollectiveCall& call, const hardware::Site& site) {
  int depth = 0;
  // Two ways that meet on a ring; one way along a line.
  for (const Extent& along : extents_of(call, site)) depth += along.ring ? along.hops() + 1 : along.hops();
  return depth;
}

LibraryRow torus_row() {
  return {{"torus",
           "t = max(w S (N-1)/N / (2 k W), w sum of n/2 hops): rings both ways along k axes, w passes, W of a link",
           "Austin et al., How to Scale Your Model (DeepMind, 2025); Jouppi et al., TPU v4, ISCA 2023", std::nullopt,
           supports, time, load, transfers, network_hops},
          additions};
}

}  // namespace orrery::sim
