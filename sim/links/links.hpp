// The links of a cluster as the operations of jobs load them.
//
// Own links. Every rank of a plan stands for GPUs with links of their own: into and out of the node's switch, and into
// and out of its share of the NICs; four links per rank are all that is needed.
// Fabric links. What leaves a node crosses leaves, spines and cores of the topology. Parallel up-links of one switch
// are one link (even spread); by_link() has each of them apart, with flows on the one that their hash chooses. Which of
// them an operation loads is found by routing its messages between the GPUs where the job was placed:
//   transfer     from each member of the source to its partner
//   collective   from each member to the one at the same place of the group's next node, in a ring over nodes
//   tree         from each member to the one at the same place of the node above its own in each of NCCL's two trees,
//                and back: each message a half of what goes up (NCCL's tree and nvls_tree; not those of LL, which are
//                all latency, where flows are read: they would tell apart what is alike to all that takes time)
//   exchange     from each member to the one at the same place of every other node of the group, which share what the
//                member sends off its node evenly
//                (all_to_all, sparse_exchange)
// Folding. Fabric links with equal capacity that all operations of all jobs load alike are one constraint and stand for
// each other (LinkInfo::count), so that a symmetric job on 16,384 GPUs has some dozen links.
//
// An operation is a latency and then one flow of `work` picoseconds; work is what its bytes take on its slowest own
// link, as its busiest rank loads it. What it asks of each link is what a rank puts there in the mean, since roots and
// ends of chains take turns (LinkLoad), and what it asks of the fabric likewise. A closed form that is faster than the
// own links' figure is what was measured, so that nothing slows it while it is alone; on the fabric nothing is clamped.
//
// An operation of a folded plan stands for copies that may cross other links than each other; it advances with its
// slowest. parting() says which members must not stand for each other so that all copies of an operation load links
// alike: the folded plan then takes the time of the unfolded one.
//
// States. Where cables go down that messages have a choice of (a dragonfly's, or up-links that hashes choose), or a
// dragonfly's become slow, what an operation crosses is found for every set of them that is so together
// (expect_states()); an operation that crosses other links in some state has Ways.
//
// Adaptive routing. On a dragonfly whose flows are not hashed an exchange keeps off a cable that holds it up longer
// than its cards where all its messages then go around sooner: a crowded one inside a group, or any that has become
// slow, so that this is never worse than a dead one (after UGAL, which weighs the queue of the short way against that
// of one around: Kim, Dally, Scott & Abts, ISCA 2008). It is whole cables that it keeps off, by what it itself puts on
// them; rings, trees and transfers have but one message on a way and don't see what shares it, so that they stay.
//
// Messages. Where the cluster's network is to be read by messages, what NCCL carries out on a ring or in a tree over
// nodes has the messages of collective/chunks.hpp. Those of a member of a ring load its own links outwards and the next
// member's inwards, and an equal part of what all of them load of the fabric. Those of an edge of a tree load the own
// links of all members on its nodes, outwards and inwards, with the chains or switches inside the lower one (and inside
// a root, which has one child), and the fabric between them. A link that stands for several carries what the busiest
// of them does. Every other operation is a flow.
//
// Limitations: what is neither exchange nor tree follows a ring over nodes whatever the algorithm; capacities are what
// NCCL's measured bus bandwidths leave of the line rates (collective/constants.hpp).
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "hardware/cluster.hpp"
#include "hardware/topology/topology.hpp"
#include "sim/plan/run.hpp"
#include "sim/prices/prices.hpp"

namespace orrery::sim {

/// Between which nodes of a communicator its messages go.
enum class Pattern : std::uint8_t { ring, exchange, tree };

class Messages;

/// A cable of the topology at so much of its bandwidth; 0: down.
struct CableState {
  LinkId link;
  double factor = 0.0;
  friend bool operator==(const CableState&, const CableState&) = default;
  friend bool operator<(const CableState& a, const CableState& b) {
    return a.link != b.link ? a.link < b.link : a.factor < b.factor;
  }
};
/// Of the cables that are not as built, in ascending order.
using FabricState = std::vector<CableState>;

/// One link of the World, or several that are alike.
struct LinkInfo {
  std::string link_class;      ///< "nvlink", "ici", "pcie", "nic", "leaf", "spine"
  int count = 1;               ///< how many it stands for
  BytesPerSecond capacity;     ///< of each
  std::string representative;  ///< "leaf0.up", or "stage 3" for a rank's own link
};

class LinkClasses {
 public:
  /// `topology`: nullptr where nothing beyond the nodes is modelled. Both must outlive this.
  LinkClasses(const hardware::Cluster& cluster, const hardware::Topology* topology);

  /// Sets of cables of the topology that will be down or slow together, each a state of the fabric from 1 on in which
  /// messages take the ways that are left; those that have none keep theirs. Before the first add(). Ignored where the
  /// up-links of a switch are one link: what is left of them carries on.
  void expect_states(const std::vector<FabricState>& states);
  /// How many there are, with the fabric as built.
  [[nodiscard]] std::size_t states() const { return states_.size() + 1; }
  /// That one, as expect_states() had it; 0: as built, or none of its.
  [[nodiscard]] std::uint32_t state_of(const FabricState& state) const;
  /// A job whose operations load the links; returns its number. The plan and the prices must live until loads().
  std::size_t add(const Plan& plan, const ClusterPrices& prices);
  /// The bundle of a fabric link of the topology stands for itself alone: something will happen to it. Before fold().
  void tell_apart(LinkId topology_link);
  /// Parts the fabric links into classes. After the last add(), once.
  void fold();

  /// For each job a number for each of its members: those of a rank with unequal numbers do not load links alike. From
  /// the ranks on by colour refinement over members, copies of operations and links (Paige & Tarjan, SIAM J. Comput.
  /// 1987), so that the numbers are the fewest. Empty if the ranks do already. After fold().
  [[nodiscard]] std::vector<std::vector<std::uint32_t>> parting() const;

  [[nodiscard]] const std::vector<LinkInfo>& links() const { return links_; }
  /// Of the fabric, not a rank's own.
  [[nodiscard]] bool is_fabric(LinkId link) const { return link.index() >= first_fabric_; }
  [[nodiscard]] std::vector<BytesPerSecond> capacities() const;
  /// How the World of these links lets flows end.
  [[nodiscard]] FlowOptions flow_options() const { return {.batch = settings_.completion_batching}; }
  [[nodiscard]] bool reads_messages() const { return settings_.reading == hardware::NetworkReading::messages; }
  /// What a network link of that line rate sustains.
  [[nodiscard]] BytesPerSecond sustained(BytesPerSecond line) const { return line * network_share_; }
  /// What the job's operations load, given how long they take alone.
  [[nodiscard]] Loads loads(std::size_t job, const Durations& durations) const;
  /// The same for another plan with the job's ranks and groups, whose collectives have the patterns of the job's (trees
  /// and rings stand in for each other) and whose transfers go between the same ranks in the same order.
  [[nodiscard]] Loads loads(std::size_t job, const Plan& plan, const Durations& durations) const;
  /// Links of the World that stand for a link of the topology; empty if no operation crosses it.
  [[nodiscard]] std::vector<LinkId> find(LinkId topology_link) const;
  /// The job's own links of the GPUs that `rank` stands for: out of and into the node, out to and in from the network.
  [[nodiscard]] std::vector<LinkId> own(std::size_t job, RankId rank) const;

 private:
  enum class Port : std::uint8_t { node_out, node_in, network_out, network_in };
  static constexpr std::uint32_t kPorts = 4;
  static constexpr double kPerPicosecond = 1e-12;
  static constexpr std::uint32_t kNoBundle = 0xffffffffu, kNoRow = 0xffffffffu;
  /// How many messages of an operation cross a bundle of fabric links: of all its copies, and of the one with most.
  struct Crossing {
    std::uint32_t bundle = 0, count = 0, of_one = 0;
  };
  using Crossings = std::vector<Crossing>;
  class Colouring;
  /// What the copies of an operation cross, and in how many messages a member of one of them sends what leaves its
  /// node.
  struct Row {
    Crossings crossings;
    std::uint32_t peers = 1;
    std::shared_ptr<const hardware::Topology> around = {};  ///< without the cables that it keeps off; none: with all
  };
  /// One of those that an operation stands for: what it crosses is crossed_[first … the next copy's first).
  struct Copy {
    std::uint32_t row = 0, first = 0;
    std::uint32_t nodes = 0;  ///< that it covers
    std::uint32_t job = 0;
    std::uint32_t entry = 0;  ///< the group, or after them the transfer, of the job
    std::uint32_t copy = 0;   ///< of that entry
  };
  /// What own links sustain.
  struct Rates {
    BytesPerSecond node, network;
  };
  struct Job {
    const Plan* plan = nullptr;
    const ClusterPrices* prices = nullptr;
    std::uint32_t first_own = 0;  ///< its ranks' own links begin there
    std::vector<Rates> rates;     ///< of its ranks' own links, by gpu_class
    /// Rows of rows_, by table entry; of a group by pattern, kNoRow where nothing goes that way. Each is the first of
    /// one for every state of the fabric.
    std::vector<std::array<std::uint32_t, 3>> groups;
    std::vector<std::uint32_t> transfers;
    std::vector<std::uint32_t> rank_of;  ///< each member's
    /// By group, after fold(), and state: how many messages each hop of a tree puts on a link; empty: it has none.
    std::vector<std::vector<std::shared_ptr<const MessageGraph>>> trees;
  };

  void add_own(const Plan& plan, Job& job);
  [[nodiscard]] std::uint32_t own_link(const Job& job, RankId rank, Port port) const;
  void bundle_fabric();
  void bundle_each();
  void make_room();
  /// Links between the same switches do not stand for each other.
  [[nodiscard]] bool by_link() const {
    return topology_->is_direct() || settings_.spread == hardware::FlowSpread::hash;
  }
  /// Copies of the job's groups and transfers, and what each crosses.
  void list_copies(std::uint32_t job, std::uint32_t state, std::vector<Copy>& copies,
                   std::vector<std::uint32_t>& crossed) const;
  [[nodiscard]] bool are_uniform(const std::vector<Copy>& copies, const std::vector<std::uint32_t>& crossed) const;
  /// Calls each(bundle) for those between two GPUs of different nodes. `route`: room for a way.
  template <class Each>
  void for_each_bundle(const hardware::Topology& fabric, std::uint32_t from_gpu, std::uint32_t to_gpu,
                       std::vector<LinkId>& route, Each each) const;
  void find_route(const hardware::Topology& fabric, std::uint32_t from_gpu, std::uint32_t to_gpu,
                  std::vector<LinkId>& route) const;
  /// As it is in a state; with a row, as that one's messages take it.
  [[nodiscard]] const hardware::Topology& fabric_in(std::uint32_t state) const {
    return state > 0 ? states_[state - 1] : *topology_;
  }
  [[nodiscard]] const hardware::Topology& fabric_in(std::uint32_t state, std::uint32_t row) const {
    return rows_[row].around != nullptr ? *rows_[row].around : fabric_in(state);
  }
  /// Counts the bundles between two GPUs, until take_crossings().
  void cross(const hardware::Topology& fabric, std::uint32_t from_gpu, std::uint32_t to_gpu);
  /// Where a row is held up longest in a state: seconds for a byte of each message.
  struct Crowded {
    std::uint32_t bundle = kNoBundle;
    double time = 0.0;
    std::size_t bundles = 0;  ///< that are as crowded
  };
  [[nodiscard]] Crowded most_crowded(const Row& row, std::uint32_t state) const;
  /// What count(fabric) finds, without the cables that it is better to keep off.
  template <class Count>
  [[nodiscard]] Row adapted(std::uint32_t state, Count count) const;
  /// What was counted since was one copy of the operation.
  void end_copy();
  [[nodiscard]] Crossings take_crossings();
  [[nodiscard]] Row row_of(const Group& group, Pattern pattern, const Placement& placement, std::uint32_t state);
  [[nodiscard]] Row row_of(const TransferEntry& transfer, const Plan& plan, const Placement& placement,
                           std::uint32_t state);
  /// `of_one`: the bytes of one copy of the operation.
  void add_use(LinkLoadEntry& out, std::uint32_t link, double bytes, double of_one, bool clamp) const;
  /// What a rank of a collective puts on its own links in the mean: out of `from`, into `to`.
  void add_own_uses(LinkLoadEntry& out, const Job& job, RankId from, RankId to, const LinkLoad& bytes) const;
  void add_fabric(LinkLoadEntry& out, std::uint32_t row, double bytes) const;
  /// Adds what it loads of the fabric, in every state. `finish` is told of each.
  template <class Finish>
  void add_ways(LinkLoadEntry& out, std::uint32_t row, double bytes, Finish finish) const;
  [[nodiscard]] LinkLoadEntry load(const Job& job, const CollectiveEntry& entry, SimTime alone) const;
  [[nodiscard]] LinkLoadEntry load(const Job& job, const TransferEntry& entry, std::uint32_t row, SimTime alone) const;

  /// The row of a group's pattern, or of what stands in for it.
  [[nodiscard]] static std::uint32_t row_for(const Job& job, GroupId group, Pattern pattern);
  // The messages of a collective, given what all of it loads.
  void add_messages(LinkLoadEntry& out, const Job& job, const CollectiveEntry& entry, const LinkLoad& bytes,
                    std::uint32_t state) const;
  [[nodiscard]] MessageGraph ring_messages(const LinkLoadEntry& all, const Job& job, const Group& group,
                                           const LinkLoad& bytes, CollectiveKind kind) const;
  [[nodiscard]] MessageGraph tree_messages(const MessageGraph& tree, SimTime work, const Job& job,
                                           const LinkLoad& bytes, std::uint32_t nodes) const;
  [[nodiscard]] std::shared_ptr<const MessageGraph> tree_of(const Job& job, const Group& group,
                                                            std::uint32_t state) const;
  /// What the edges of one communicator's trees load of own links.
  void add_tree_uses(const Job& job, Messages& messages, std::uint32_t nodes,
                     std::vector<std::map<std::uint32_t, double>>& uses) const;

  const hardware::Topology* topology_;
  hardware::NetworkSettings settings_;
  double network_share_ = 1.0;  ///< of a line rate that is sustained
  std::vector<Job> jobs_;
  std::vector<LinkInfo> links_;
  /// To the switches above and from them.
  struct Bundles {
    std::uint32_t up = kNoBundle, down = kNoBundle;
  };
  std::vector<std::uint32_t> bundle_of_;  ///< of each link of the topology
  std::vector<LinkId> link_of_;           ///< of each bundle, where each is one link
  std::vector<Bundles> leaf_bundles_;     ///< of each leaf
  std::vector<Bundles> spine_bundles_;    ///< of all spines of each pod
  std::vector<LinkInfo> bundle_info_;
  std::vector<std::uint8_t> apart_;      ///< of each bundle: it has no like
  std::vector<std::uint32_t> class_of_;  ///< of each bundle: its link, after fold(); kNoBundle: nothing crosses it
  std::vector<Row> rows_;
  BytesPerSecond card_;                     ///< of a GPU, the fastest, at its line rate
  std::vector<hardware::Topology> states_;  ///< of the fabric, from 1 on
  std::vector<FabricState> conditions_;     ///< in each of them
  std::size_t first_fabric_ = 0;            ///< of links_, after fold()
  std::vector<LinkId> route_;
  std::vector<std::uint32_t> counted_, touched_;       ///< bundles of the operation at hand
  std::vector<std::uint32_t> by_copy_, crossed_once_;  ///< those of its copy at hand
  std::vector<std::uint32_t> most_by_copy_;
};

}  // namespace orrery::sim
