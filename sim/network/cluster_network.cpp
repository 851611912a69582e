// Transfers and collectives as flows over a cluster's links. See cluster_network.hpp.
#include "sim/network/cluster_network.hpp"

#include <algorithm>
#include <cmath>

#include "sim/collective/constants.hpp"

namespace orrery::sim {
namespace {

constexpr std::uint32_t kPorts = 4;
constexpr double kPerPicosecond = 1e-12;

BytesPerSecond node_capacity(const hardware::Cluster& cluster) {
  if (!cluster.node.nvswitch || cluster.gpu.nvlink_bandwidth.value() <= 0.0) {
    return timing_constants(cluster, cluster.gpus_per_node(), 1).node_bus;
  }
  return node_bus_limit(cluster.gpu, CollectiveKind::all_gather, cluster.gpus_per_node());
}

BytesPerSecond network_capacity(const hardware::Cluster& cluster) {
  return timing_constants(cluster, cluster.gpus_per_node(), 1).network_per_rank;
}

// A cluster without a network keeps the links, so that their numbers do not depend on it; nothing uses them.
std::vector<BytesPerSecond> capacities(std::size_t ranks, BytesPerSecond node, BytesPerSecond network) {
  std::vector<BytesPerSecond> out;
  out.reserve(ranks * kPorts);
  const BytesPerSecond unused{1.0};
  for (std::size_t r = 0; r < ranks; ++r) {
    out.insert(out.end(), 2, node.value() > 0.0 ? node : unused);
    out.insert(out.end(), 2, network.value() > 0.0 ? network : unused);
  }
  return out;
}

/// Picoseconds that `bytes` take at `rate`, at most `most`.
SimTime wire_time(double bytes, BytesPerSecond rate, SimTime most) {
  const double time = bytes / (rate.value() * kPerPicosecond);
  return time >= static_cast<double>(most) ? most : static_cast<SimTime>(std::llround(time));
}

}  // namespace

ClusterNetwork::ClusterNetwork(std::size_t ranks, const hardware::Cluster& cluster, FlowOptions options)
    : cluster_(&cluster),
      node_capacity_(node_capacity(cluster)),
      network_capacity_(network_capacity(cluster)),
      flows_(capacities(ranks, node_capacity_, network_capacity_), options) {}

std::uint32_t ClusterNetwork::link(RankId rank, Port port) {
  return rank.value * kPorts + static_cast<std::uint32_t>(port);
}

void ClusterNetwork::add_use(Delayed& out, RankId rank, Port port, double bytes) const {
  if (bytes <= 0.0) return;
  const bool inside = port == Port::node_out || port == Port::node_in;
  const double capacity = (inside ? node_capacity_ : network_capacity_).value() * kPerPicosecond;
  // A closed form faster than the link's figure must not be slowed down while it is alone.
  out.uses.push_back({link(rank, port), std::min(bytes / static_cast<double>(out.work), capacity)});
}

bool ClusterNetwork::describe(const TransferEntry& transfer, SimTime alone, Delayed& out) const {
  const double bytes = transfer.bytes.value();
  const BytesPerSecond capacity = transfer.same_node ? node_capacity_ : network_capacity_;
  if (bytes <= 0.0 || !(capacity.value() > 0.0)) return false;
  out.work = wire_time(bytes, min(message_constants(*cluster_, transfer.same_node).bandwidth, capacity), alone);
  if (out.work == 0) return false;
  add_use(out, transfer.source, transfer.same_node ? Port::node_out : Port::network_out, bytes);
  add_use(out, transfer.destination, transfer.same_node ? Port::node_in : Port::network_in, bytes);
  return true;
}

bool ClusterNetwork::describe(const CollectiveEntry& collective, const Group& group, SimTime alone,
                              Delayed& out) const {
  if (group.size < 2 || collective.bytes.value() <= 0.0) return false;
  const CollectiveCall call{collective.kind, collective.bytes, group.size, group.nodes};
  const LinkLoad load = select_algorithm(call, *cluster_).load(call);
  const double inside = load.node.value(), outside = load.network.value();
  if (inside > 0.0 && !(node_capacity_.value() > 0.0)) return false;
  if (outside > 0.0 && !(network_capacity_.value() > 0.0)) return false;
  if (inside > 0.0) out.work = wire_time(inside, node_capacity_, alone);
  if (outside > 0.0) out.work = std::max(out.work, wire_time(outside, network_capacity_, alone));
  if (out.work == 0) return false;
  for (const RankId member : group.members) {
    add_use(out, member, Port::node_out, inside);
    add_use(out, member, Port::node_in, inside);
    add_use(out, member, Port::network_out, outside);
    add_use(out, member, Port::network_in, outside);
  }
  return true;
}

bool ClusterNetwork::start(const NetworkJob& job, SimTime now) {
  Delayed operation;
  const bool modelled = job.transfer != nullptr ? describe(*job.transfer, job.alone, operation)
                                                : describe(*job.collective, *job.group, job.alone, operation);
  if (!modelled) return false;
  delayed_.emplace(std::make_pair(checked_add(now, job.alone - operation.work), job.id), std::move(operation));
  return true;
}

SimTime ClusterNetwork::next_completion() {
  const SimTime flow = flows_.next_completion();
  return delayed_.empty() ? flow : std::min(flow, delayed_.begin()->first.first);
}

void ClusterNetwork::release(OperationId id, const Delayed& operation, SimTime now) {
  double busiest = 0.0;
  for (const LinkUse& use : operation.uses) {
    const bool inside = use.link % kPorts < 2;
    busiest = std::max(busiest, use.share / ((inside ? node_capacity_ : network_capacity_).value() * kPerPicosecond));
  }
  flows_.start({id, static_cast<double>(operation.work), 1.0 / busiest, 1.0, operation.uses}, now);
}

void ClusterNetwork::advance_flows(SimTime now, std::vector<OperationId>& completed) {
  ended_.clear();
  flows_.advance(now, ended_);
  const auto first = static_cast<std::ptrdiff_t>(completed.size());
  for (const FlowEnd& flow : ended_) completed.push_back(flow.tag);
  std::sort(completed.begin() + first, completed.end());
}

void ClusterNetwork::advance(SimTime now, std::vector<OperationId>& completed) {
  while (!delayed_.empty() && delayed_.begin()->first.first <= now) {
    const auto first = delayed_.begin();
    const SimTime at = first->first.first;
    advance_flows(at, completed);
    release(first->first.second, first->second, at);
    delayed_.erase(first);
  }
  advance_flows(now, completed);
}

}  // namespace orrery::sim
