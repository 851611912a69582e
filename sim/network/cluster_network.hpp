// The links of a cluster as the event-driven interpreter sees them: transfers and collectives that share a GPU's
// NVLink or NIC slow each other down.
//
// Every rank of the plan has four links: into and out of its node's switch, and into and out of its share of the
// NICs. A folded rank stands for GPUs with links of their own, so that the plan's ranks are all that is needed.
// An operation is a delay (its latency) and then one flow: a transfer loads its two ends; a collective is one
// aggregate flow that loads the links of all its members with the bytes that its algorithm puts there. Links are
// shared by equal parts of their capacity. An operation that is alone takes exactly its duration `alone`.
//
// Source: aggregate flows in place of messages as in SimGrid's parallel tasks (Casanova et al., JPDC 2014).
// Limitations: the fabric beyond the NICs is not shared here (over-subscription is part of the closed form), and
// all members of a collective advance at the rate of the slowest.
#pragma once

#include <map>
#include <utility>
#include <vector>

#include "hardware/cluster.hpp"
#include "sim/collective/collectives.hpp"
#include "sim/network.hpp"
#include "sim/network/flow_network.hpp"

namespace orrery::sim {

class ClusterNetwork final : public Network {
 public:
  /// `cluster` must outlive the network. Jobs are those of plans with `ranks` ranks.
  ClusterNetwork(std::size_t ranks, const hardware::Cluster& cluster, FlowOptions options = {});

  /// False for an operation without bytes or other ranks, or over a network that the cluster does not have.
  [[nodiscard]] bool start(const NetworkJob& job, SimTime now) override;

  /// Also the end of a latency, at which nothing completes but rates change.
  [[nodiscard]] SimTime next_completion() override;

  void advance(SimTime now, std::vector<OperationId>& completed) override;

  [[nodiscard]] const FlowNetwork& flows() const { return flows_; }

 private:
  enum class Port : std::uint8_t { node_out, node_in, network_out, network_in };
  struct Delayed {
    SimTime work = 0;
    std::vector<LinkUse> uses;  // bytes per picosecond at full speed
  };

  [[nodiscard]] static std::uint32_t link(RankId rank, Port port);
  [[nodiscard]] bool describe(const TransferEntry& transfer, SimTime alone, Delayed& out) const;
  [[nodiscard]] bool describe(const CollectiveEntry& collective, const Group& group, SimTime alone, Delayed& out) const;
  void add_use(Delayed& out, RankId rank, Port port, double bytes) const;
  void release(OperationId id, const Delayed& operation, SimTime now);
  void advance_flows(SimTime now, std::vector<OperationId>& completed);

  const hardware::Cluster* cluster_;
  BytesPerSecond node_capacity_, network_capacity_;
  FlowNetwork flows_;
  std::vector<FlowEnd> ended_;
  std::map<std::pair<SimTime, OperationId>, Delayed> delayed_;  // by end of latency
};

}  // namespace orrery::sim
