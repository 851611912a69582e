// Pricing of collectives and point-to-point messages when nothing else uses the links.
//
// One node: the measured curve of the profile where there is one (fitted.hpp), else the α–β form of the
// algorithm that NCCL would choose. Several nodes: the α–β form with the network's published constants and,
// for the part inside a node, the bus bandwidth that the profile's curves reach.
//
// A cluster that tells NCCL what to take (nccl, as NCCL_ALGO and NCCL_PROTO do): where that is not what it would have
// chosen, no curve measured it, so that the call is priced in closed form, on one node as well, with the bus bandwidths
// of the curves, which are the links' and not the algorithm's. It is published, not measured; where the closed form
// falls short of what a curve knows (the middle sizes), so does the comparison with it.
//
// A call that asks for a serving engine's own all_reduce is priced by custom.hpp where that kernel would run.
//
// Limitations: one collective at a time (network/ prices contention); the group's ranks are spread evenly over its
// nodes.
#include "sim/collective/collective.hpp"

#include <stdexcept>
#include <string>
#include <utility>

#include "sim/collective/collectives.hpp"
#include "sim/collective/fitted.hpp"
#include "sim/collective/model.hpp"

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

void add_model_terms(const CollectiveRow& row, const CollectiveCost& cost, bool forced, CollectiveEstimate& out) {
  const std::string protocol = cost.protocol.empty() ? "" : " (" + std::string(cost.protocol) + ")";
  const std::string source = std::string(row.source) + (forced ? "; told so by cluster.nccl" : "");
  out.terms.push_back({"launch", cost.base, "base" + protocol, source});
  out.terms.push_back({"hops", cost.hops, std::string(row.equation), source});
  out.terms.push_back({"wire", cost.wire, "S f / B" + protocol, source});
}

void add_curve_terms(const CollectiveCurve& curve, Bytes bytes, CollectiveEstimate& out) {
  const std::string source(curve.source);
  out.terms.push_back({"launch", curve.base, "a", source});
  out.terms.push_back({"protocol", curve.middle_time(bytes), "c (S / 1 MiB)^p", source});
  out.terms.push_back({"wire", curve.wire_time(bytes), "S f / B", source});
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

bool CollectiveModel::is_forced(const CollectiveCall& call) const {
  return site_.nccl.directs() && !select(call, site_).same_way(nccl_choice(call, site_));
}

CollectiveConstants CollectiveModel::constants(const CollectiveCall& call) const {
  CollectiveConstants out = timing_constants(site_, call.ranks, call.nodes);
  const int local = ranks_per_node(call.ranks, call.nodes);
  // On one node NCCL's own choice has the constants that its curves are compared with.
  if (local <= 1 || (call.nodes <= 1 && !is_forced(call))) return out;
  const auto gather = curves_.bus_bandwidth(CollectiveKind::all_gather, local);
  const auto ring = curves_.bus_bandwidth(CollectiveKind::reduce_scatter, local);
  if (ring || gather) out.node_bus = ring && gather ? max(*ring, *gather) : (ring ? *ring : *gather);
  // A full board's all_reduce is the one that runs in the switch.
  const CollectiveCurve* in_switch = curves_.find(CollectiveKind::all_reduce, kSwitchRanks);
  if (site_.node.in_network_reduction && in_switch != nullptr) out.nvls_bus = in_switch->bus;
  return out;
}

Seconds CollectiveModel::time(const CollectiveCall& call) const {
  require_valid(call);
  if (is_free(call)) return Seconds{};
  if (const auto custom = custom_.time(call)) return *custom;
  if (call.nodes == 1 && !is_forced(call)) {
    if (const auto known = curves_.time(call)) return known->time;
  }
  return closed_form(select(call, site_), call, site_, constants(call)).total();
}

CollectiveEstimate CollectiveModel::explain(const CollectiveCall& call) const {
  require_valid(call);
  CollectiveEstimate out;
  if (is_free(call)) return out;
  if (const auto custom = custom_.explain(call)) return *custom;
  const Choice choice = select(call, site_);
  const CollectiveRow& row = *choice.row;
  out.algorithm = row.name;
  out.protocol = hardware::name(choice.protocol);
  out.channels = choice.channels;
  out.threads = choice.threads;
  const CollectiveCost cost = closed_form(choice, call, site_, constants(call));
  const bool forced = is_forced(call);
  const auto known = call.nodes == 1 && !forced ? curves_.time(call) : std::nullopt;
  if (!known) {
    out.time = cost.total();
    out.provenance = kernels::Provenance::published;
    add_model_terms(row, cost, forced, out);
    return out;
  }
  out.time = known->time;
  out.provenance = known->own ? kernels::Provenance::measured : kernels::Provenance::published;
  out.fit_key = std::string(known->first->key);
  if (known->second != nullptr) out.fit_key += " + " + std::string(known->second->key);
  if (known->ratio != 1.0) {
    add_model_terms(row, cost, false, out);
    out.terms.push_back({"neighbours", known->time - cost.total(),
                         "(ratio - 1) x the terms above, ratio " + std::to_string(known->ratio) +
                             " of measured to model at " + out.fit_key,
                         std::string(known->first->source)});
    return out;
  }
  Seconds sum;
  add_curve_terms(*known->first, call.bytes, out);
  if (known->second != nullptr) add_curve_terms(*known->second, call.bytes, out);
  for (const kernels::Term& term : out.terms) sum += term.time;
  if (known->second != nullptr) {
    out.terms.push_back({"one launch", known->time - sum, "all_reduce = reduce_scatter + all_gather - launch",
                         "NVIDIA/nccl 2.28.9 src/graph/tuning.cc (base 6.6 us)"});
  }
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
