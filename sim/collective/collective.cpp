// Pricing of collectives and point-to-point messages when nothing else uses the links.
//
// One node: the measured law of the algorithm and protocol that NCCL chooses where the profile has one (fitted.hpp),
// else their α–β form. Several nodes: the α–β form with the network's published constants and, for the part inside a
// node, the bus bandwidth that the profile's laws reach.
//
// A cluster that tells NCCL what to take (nccl, as NCCL_ALGO and NCCL_PROTO do): the law of what it is told holds where
// there is one, at sizes that it was not measured at, so that it is published and not measured; else the closed form.
//
// A cluster that names another library's algorithm: its closed form for what it carries out (libraries.hpp); one whose
// buffers are registered windows: NCCL's kernels over symmetric memory (symmetric.hpp).
//
// A call that asks for a serving engine's own all_reduce is priced by custom.hpp where that kernel would run.
//
// Limitations: one collective at a time (network/ prices contention); the group's ranks are spread evenly over its
// nodes.
#include "sim/collective/collective.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "sim/collective/collectives.hpp"
#include "sim/collective/fitted.hpp"
#include "sim/collective/libraries.hpp"
#include "sim/collective/model.hpp"
#include "sim/collective/nccl/constants.hpp"

namespace orrery::sim {
namespace {

void require_valid(const CollectiveCall& call) {
  if (call.ranks < 1 || call.nodes < 1 || call.nodes > call.ranks || !(call.bytes.value() >= 0.0)) {
    throw std::invalid_argument("a collective needs 1 <= nodes <= ranks and bytes >= 0, not " +
                                std::to_string(call.ranks) + " ranks on " + std::to_string(call.nodes) +
                                " nodes with " + std::to_string(call.bytes.value()) + " bytes");
  }
}

bool is_free(const CollectiveCall& call) { return call.ranks == 1 || call.bytes.value() == 0.0; }

// Chunks of small buffers leave a tree's pipeline half empty: NCCL's own share of its bandwidth at 64 B · 2^k, all of
// it above its table, and between two of them what lies between, so that a larger buffer never takes less.
double tree_share(const nccl::Constants& k, hardware::NcclProtocol protocol, Bytes bytes) {
  const auto& shares = k.tree_correction[static_cast<std::size_t>(protocol)];
  const auto share_at = [&](int power) {
    return power < k.tree_corrections ? shares[static_cast<std::size_t>(power)] : 1.0;
  };
  const double at =
      std::clamp(std::log2(std::max(bytes.value() / 64.0, 1.0)), 0.0, static_cast<double>(k.tree_corrections));
  const int below = static_cast<int>(at);
  return share_at(below) + (share_at(below + 1) - share_at(below)) * (at - std::floor(at));
}

void add_model_terms(const CollectiveRow& row, const CollectiveCost& cost, bool forced, CollectiveEstimate& out) {
  const std::string protocol = cost.protocol.empty() ? "" : " (" + std::string(cost.protocol) + ")";
  const std::string source =
      std::string(row.source) + (forced ? "; told so by cluster.nccl or cluster.collective_algorithm" : "");
  out.terms.push_back({"launch", cost.base, "base" + protocol, source});
  out.terms.push_back({"hops", cost.hops, std::string(row.equation), source});
  out.terms.push_back({"wire", cost.wire, "S f / B" + protocol, source});
}

void add_law_terms(const NodeLaws::Known& known, const CollectiveCall& call, CollectiveEstimate& out) {
  const std::string source(known.source);
  const Seconds wire = known.law.wire_time(call.kind, call.bytes, call.ranks);
  out.terms.push_back({"launch", known.law.base, "a", source});
  out.terms.push_back(
      {"thread blocks", known.law.block_time(call.bytes, call.ranks), "c y^2 / (1 + y^2), y = S / (n 4 KiB)", source});
  out.terms.push_back({"wire", wire, "w = S f / B", source});
  out.terms.push_back({"pipeline", known.law.ramp_time(wire), "e x / (1 + x), x = w / s", source});
}

}  // namespace

double bus_factor(CollectiveKind kind, int ranks) {
  if (ranks <= 1) return 0.0;
  const double n = ranks;
  switch (kind) {
    case CollectiveKind::all_reduce:
      return 2.0 * (n - 1.0) / n;
    case CollectiveKind::all_gather:
    case CollectiveKind::reduce_scatter:
    case CollectiveKind::all_to_all:
      return (n - 1.0) / n;
    case CollectiveKind::broadcast:
    case CollectiveKind::reduce:
      return 1.0;
  }
  return 1.0;
}

CollectiveModel::CollectiveModel(const hardware::Site& site) : site_(site), laws_(site), custom_(site) {
  for (int ranks = 2; ranks <= site.gpus_per_node(); ++ranks) node_tuners_.emplace_back(nccl::box_of(site, ranks, 1));
}

Choice CollectiveModel::choose(const CollectiveCall& call) const {
  const auto at = static_cast<std::size_t>(call.ranks - 2);
  const bool usual = call.capability == 0 && call.side_by_side;
  if (usual && call.nodes == 1 && at < node_tuners_.size()) return select(call, site_, node_tuners_[at]);
  return select(call, site_);
}

// A law was measured with all links of a GPU: it says nothing of a mesh that gives the group fewer.
std::optional<NodeLaws::Known> CollectiveModel::law_of(const Choice& choice, const CollectiveCall& call) const {
  if (call.nodes > 1 || !site_.node.nvlink_mesh.empty()) return std::nullopt;
  auto known = laws_.find(choice, call.kind, call.ranks, call.dtype);
  if (!known) return known;
  known->law.base = static_cast<double>(choice.rounds) * known->law.base;
  known->law.bus = known->law.bus * choice.share;
  return known;
}

std::string CollectiveModel::extrapolated(const Choice& choice, const CollectiveCall& call,
                                          const std::optional<NodeLaws::Known>& known) const {
  const std::string group = std::string(name(call.kind)) + " of " + std::to_string(call.ranks) + " GPUs";
  if (other_library(*choice.row) != nullptr) return "no fit saw " + std::string(choice.row->name);
  if (call.nodes > 1) return "no fit saw " + std::to_string(call.nodes) + " nodes";
  if (!site_.node.nvlink_mesh.empty()) return "no fit saw GPUs that are joined by pairs";
  if (!known) return "no fit saw " + std::string(choice.row->name) + " for " + group;
  if (is_forced(call)) return "told otherwise than NCCL chooses, at sizes that its law was not measured at";
  if (call.operations > 1) return "no fit saw groups of operations";
  if (site_.nccl.directs() && !choice.as_wide(nccl_choice(call, site_))) {
    return "told other channels or threads than NCCL takes, whose law it is";
  }
  if (known->own) return {};
  if (known->key == kNodeLawKey) return "no fit saw " + group;
  return "its law is of another NVLink rate or another board";
}

bool CollectiveModel::is_forced(const CollectiveCall& call) const {
  return site_.nccl.directs() && !choose(call).same_way(nccl_choice(call, site_));
}

CollectiveConstants CollectiveModel::constants(const CollectiveCall& call) const {
  CollectiveConstants out = timing_constants(site_, call.ranks, call.nodes, call.side_by_side);
  const int local = ranks_per_node(call.ranks, call.nodes);
  if (local <= 1 || !site_.node.nvlink_mesh.empty()) return out;
  const auto gather = laws_.bus_bandwidth(hardware::NcclAlgorithm::ring, CollectiveKind::all_gather, local);
  const auto ring = laws_.bus_bandwidth(hardware::NcclAlgorithm::ring, CollectiveKind::reduce_scatter, local);
  if (ring || gather) out.node_bus = ring && gather ? max(*ring, *gather) : (ring ? *ring : *gather);
  // Neither a chain from or to a root nor an exchange is faster inside each of several nodes than inside the only one.
  const bool chain = has_root(call.kind);
  std::optional<BytesPerSecond> own;
  if (chain) own = laws_.bus_bandwidth(hardware::NcclAlgorithm::ring, call.kind, local);
  if (call.kind == CollectiveKind::all_to_all) own = laws_.bus_bandwidth(std::nullopt, call.kind, local);
  if (own) out.node_bus = min(out.node_bus, *own);
  // A full board's all_reduce is the one that runs in the switch.
  const auto in_switch = laws_.bus_bandwidth(hardware::NcclAlgorithm::nvls, CollectiveKind::all_reduce, kSwitchRanks);
  if (site_.node.in_network_reduction && in_switch) out.nvls_bus = *in_switch;
  return out;
}

Seconds CollectiveModel::time(const CollectiveCall& call) const {
  require_valid(call);
  if (is_free(call)) return Seconds{};
  if (const auto custom = custom_.time(call)) return *custom;
  return time_by(choose(call), call);
}

Seconds CollectiveModel::time_by(const Choice& choice, const CollectiveCall& call) const {
  if (const auto known = law_of(choice, call)) return known->law.time(call.kind, call.bytes, call.ranks);
  return unmeasured(choice, call).total();
}

CollectiveCost CollectiveModel::unmeasured(const Choice& choice, const CollectiveCall& call) const {
  const CollectiveConstants k = constants(call);
  CollectiveCost cost = closed_form(choice, call, site_, k);
  cost.base = static_cast<double>(choice.rounds) * cost.base;
  Seconds far = border_latency(site_, call.kind, call.nodes);
  // The hops of a torus have it in them (message_constants).
  if (!site_.is_torus()) far += choice.row->network_hops(call, site_) * site_.fabric.transport_latency;
  cost.hops = static_cast<double>(choice.rounds) * (cost.hops + far);
  cost.wire = cost.wire / choice.share;
  return call.nodes == 1 && choice.row->nccl == hardware::NcclAlgorithm::tree ? chain(choice, call, k, cost) : cost;
}

CollectiveCost CollectiveModel::chain(const Choice& tree, const CollectiveCall& call, const CollectiveConstants& k,
                                      CollectiveCost cost) const {
  cost.wire = cost.wire / tree_share(nccl::constants(site_.nccl.version), tree.protocol, call.bytes);
  const std::span<const CollectiveRow> rows = collective_algorithms();
  Choice ring = tree;
  ring.row = &*std::find_if(rows.begin(), rows.end(),
                            [](const CollectiveRow& row) { return row.nccl == hardware::NcclAlgorithm::ring; });
  const CollectiveCost around = closed_form(ring, call, site_, k);
  const double rounds = tree.rounds;
  cost.base = max(cost.base, rounds * around.base);
  cost.hops = max(cost.hops, rounds * around.hops);
  cost.wire = max(cost.wire, around.wire / tree.share);
  const auto known = law_of(ring, call);
  if (!known) return cost;
  const double pace = known->law.time(call.kind, call.bytes, call.ranks) /
                      (rounds * (around.base + around.hops) + around.wire / tree.share);
  cost.base = pace * cost.base;
  cost.hops = pace * cost.hops;
  cost.wire = pace * cost.wire;
  // A ring that is faster than the closed form has it says nothing of links that the other algorithm fills already.
  const BytesPerSecond limit =
      site_.has_nvlink() ? node_bus_limit(site_.gpu, call.kind, call.ranks) : site_.node_bandwidth_per_gpu();
  cost.wire = max(cost.wire, call.bytes * bus_factor(call.kind, call.ranks) / limit);
  return cost;
}

CollectiveEstimate CollectiveModel::explain(const CollectiveCall& call) const {
  require_valid(call);
  CollectiveEstimate out;
  if (is_free(call)) return out;
  if (const auto custom = custom_.explain(call)) return *custom;
  const Choice choice = choose(call);
  const CollectiveRow& row = *choice.row;
  out.algorithm = row.name;
  out.protocol = other_library(row) == nullptr ? hardware::name(choice.protocol) : unmeasured(choice, call).protocol;
  out.channels = choice.channels;
  out.threads = choice.threads;
  const std::optional<NodeLaws::Known> known = law_of(choice, call);
  out.extrapolated = extrapolated(choice, call, known);
  if (!known) {
    const CollectiveCost cost = unmeasured(choice, call);
    out.time = cost.total();
    out.provenance = kernels::Provenance::published;
    add_model_terms(row, cost, other_library(row) == nullptr && is_forced(call), out);
    return out;
  }
  out.time = known->law.time(call.kind, call.bytes, call.ranks);
  out.provenance = out.extrapolated.empty() ? kernels::Provenance::measured : kernels::Provenance::published;
  out.fit_key = std::string(known->key);
  add_law_terms(*known, call, out);
  return out;
}

Seconds collective_time(const CollectiveCall& call, const hardware::Site& site) {
  return CollectiveModel(site).time(call);
}

CollectiveEstimate explain_collective(const CollectiveCall& call, const hardware::Site& site) {
  return CollectiveModel(site).explain(call);
}

Seconds transfer_time(Bytes bytes, bool same_node, const hardware::Site& site) {
  if (!(bytes.value() >= 0.0)) throw std::invalid_argument("a transfer needs bytes >= 0");
  if (bytes.value() == 0.0) return Seconds{};
  const LinkConstants link = message_constants(site, same_node);
  return link.latency + bytes / link.bandwidth;
}

}  // namespace orrery::sim
