// Measured laws of collectives on one node, and what they say of calls that were not measured.
//
// NCCL's choice (collectives.hpp) says which algorithm and protocol carry a call out; what they take is the law of
// that protocol, so that a curve breaks where NCCL switches and nowhere else:
//
//   t = a + c y²/(1 + y²) + w + e x / (1 + x),   y = S / (n · 4 KiB),  w = S f (1 + m) / B,  x = w / s
//
// a is the launch and the latency of the steps, c what full thread blocks cost more than one that is not (a slice S/n
// of 4 KiB gives each of the 512 threads of LL's first block its 8 bytes; more slices start more blocks), w the wire,
// and e the part of the pipeline that is still paid for as it fills (e > 0: chunks are small at first) or that is
// hidden behind the latency (e < 0). e > −min(a, s), so that t grows with S and never beats the wire. m is what sums of
// one-byte elements (int8, fp8) lose where two-byte ones keep up with the link, and 0 for all else: the SMs add twice
// as many elements to a byte.
//
// A profile has two kinds of laws, both fitted by calibrate/nccl_law.cpp:
//   "nccl/node"              one set for all kinds and numbers of ranks: a = launch + hop · steps, c per doubling of
//                            the ranks, B by (n/8)^exponent up to 8 where there is no switch between the GPUs; in the
//                            switch a is that of at most 8;
//   "nccl/all_reduce/8"      what one kind and number of ranks was measured to take, protocol by protocol;
//   "nccl/node/sister"       the node's of another board (hardware/catalogue/sister_fits.hpp), for protocols that no
//                            table of this one shows: reduction in the switch of a board that was measured by fours.
// A call has its own law where there is one, else the node's, else the sister's. Only its own is called measured, the
// other published; and neither is where the cluster's NVLink is not the measured one (the fit's "link_scale" is not 1:
// its bus bandwidth was scaled with the link's rate, its latencies were not).
//
// Source: NVIDIA/nccl 2.28.9 src/graph/tuning.cc (latency = base + steps · hop, bus bandwidth by protocol),
// src/enqueue.cc (thread blocks of a call); nccl-tests tables of ai-dynamo/aiconfigurator @095f58a5.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hardware/cluster.hpp"
#include "sim/collective/collective.hpp"
#include "sim/collective/collectives.hpp"

namespace orrery::sim {

/// One protocol of one algorithm, of one kind and number of ranks.
struct ProtocolLaw {
  Seconds base;         ///< a
  Seconds blocks;       ///< c
  Seconds ramp;         ///< e, may be negative
  Seconds ramp_scale;   ///< s
  BytesPerSecond bus;   ///< B
  double narrow = 0.0;  ///< m

  /// The law for elements of one type: B less what their sums lose.
  [[nodiscard]] ProtocolLaw of(CollectiveKind kind, Dtype dtype) const;
  [[nodiscard]] Seconds block_time(Bytes bytes, int ranks) const;
  [[nodiscard]] Seconds wire_time(CollectiveKind kind, Bytes bytes, int ranks) const {
    return bytes * bus_factor(kind, ranks) / bus;
  }
  [[nodiscard]] Seconds ramp_time(Seconds wire) const;
  [[nodiscard]] Seconds time(CollectiveKind kind, Bytes bytes, int ranks) const;
};

/// The same for every kind and number of ranks of one platform.
struct NodeLaw {
  Seconds launch, hop;
  Seconds blocks;  ///< per doubling of the ranks
  Seconds ramp_scale;
  double ramp_share = 0.0;  ///< e / min(a, s), more than −1
  BytesPerSecond bus;       ///< of eight ranks
  double bus_exponent = 0.0;
  double narrow = 0.0;  ///< m

  [[nodiscard]] ProtocolLaw at(CollectiveKind kind, int ranks) const;
};

/// Steps that a kind's latency grows with: 2(n−1) of an all_reduce, n−1 of the others.
[[nodiscard]] int law_steps(CollectiveKind kind, int ranks);

/// A call adds up elements of at most one byte.
[[nodiscard]] bool sums_bytes(CollectiveKind kind, Dtype dtype);

/// "ring_ll128": what the names of a law's coefficients begin with.
[[nodiscard]] std::string law_name(const Choice& choice);

inline constexpr std::string_view kNodeLawKey = "nccl/node";

/// "nccl/all_reduce/8"
[[nodiscard]] std::string collective_fit_key(CollectiveKind kind, int ranks);

/// A law as coefficients of a fit, and back; nullopt where one is missing or the bandwidth is not positive.
void add_law(const ProtocolLaw& law, std::string_view name, hardware::Fit& fit);
void add_law(const NodeLaw& law, std::string_view name, hardware::Fit& fit);
[[nodiscard]] std::optional<ProtocolLaw> protocol_law(const hardware::Fit& fit, std::string_view name);
[[nodiscard]] std::optional<NodeLaw> node_law(const hardware::Fit& fit, std::string_view name);

/// What is known about one node of a cluster from measurements.
class NodeLaws {
 public:
  /// What `site` refers to must outlive the laws.
  explicit NodeLaws(const hardware::Site& site);

  struct Known {
    ProtocolLaw law;
    std::string_view key, source;  ///< of the Fit
    bool own = false;              ///< measured: of this kind, number of ranks, protocol and link
  };

  /// The law of a choice; nullopt if nothing is known of its protocol. Its bandwidth is at most what the node's links
  /// give to the bytes that the algorithm puts on them: the node's law is asked about numbers of ranks, and algorithms
  /// that are told about sizes, that nobody measured.
  [[nodiscard]] std::optional<Known> find(const Choice& choice, CollectiveKind kind, int ranks,
                                          Dtype dtype = Dtype::bf16) const;

  /// Bus bandwidth that Simple sustains at large sizes among `ranks` GPUs of a node, in rings, in the switch or,
  /// without an algorithm, by exchange; of a group that was measured where there is one: the largest that is not
  /// larger, else the smallest.
  [[nodiscard]] std::optional<BytesPerSecond> bus_bandwidth(std::optional<hardware::NcclAlgorithm> algorithm,
                                                            CollectiveKind kind, int ranks) const;

 private:
  /// Laws by the place of an algorithm's row and by protocol.
  template <typename Law>
  using Table = std::vector<std::optional<Law>>;
  struct Family {
    CollectiveKind kind;
    int ranks;
    Table<ProtocolLaw> laws;
    const hardware::Fit* fit;
    bool scaled;
  };

  /// Of one fit of a node.
  struct Node {
    Table<NodeLaw> laws;
    const hardware::Fit* fit;
  };

  /// The first that has a law there; nullptr: none.
  [[nodiscard]] const Node* node_with(std::size_t place) const;
  [[nodiscard]] BytesPerSecond most(const Choice& choice, CollectiveKind kind, int ranks) const;

  hardware::Site site_;
  std::vector<Family> families_;  ///< by kind and ranks
  std::vector<Node> nodes_;       ///< the board's own, then its sister's
};

}  // namespace orrery::sim
