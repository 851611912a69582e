#include "sim/links/links.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "sim/collective/collectives.hpp"
#include "sim/collective/constants.hpp"
#include "sim/collective/exchange_bound.hpp"
#include "sim/links/links_messages.hpp"

namespace orrery::sim {

namespace {

BytesPerSecond node_rate(const hardware::Site& site) {
  if (!site.has_nvlink()) return timing_constants(site, site.gpus_per_node(), 1).node_bus;
  return node_bus_limit(site.gpu, CollectiveKind::all_gather, site.gpus_per_node());
}

BytesPerSecond network_rate(const hardware::Site& site) {
  return timing_constants(site, site.gpus_per_node(), 1).network_per_rank;
}

/// Picoseconds that `bytes` take at `rate`, at most `most`.
SimTime wire_time(double bytes, BytesPerSecond rate, SimTime most) {
  const double time = bytes / (rate.value() * 1e-12);
  return time >= static_cast<double>(most) ? most : static_cast<SimTime>(std::llround(time));
}

/// NCCL's trees over nodes are told apart from rings; with `short_ones` those of LL too, which are all latency.
Pattern pattern_of(const CollectiveEntry& entry, const Plan& plan, const ClusterPrices& prices, bool short_ones) {
  const bool exchanges =
      entry.kind == CollectiveKind::all_to_all || entry.library == CollectiveLibrary::sparse_exchange;
  if (exchanges) return Pattern::exchange;
  const bool adds_up = entry.kind == CollectiveKind::all_reduce && entry.library == CollectiveLibrary::nccl;
  if (!adds_up) return Pattern::ring;
  const CollectiveCall call = prices.call_of(entry, plan);
  if (call.nodes < 2 || call.ranks < 2 || call.bytes.value() <= 0.0) return Pattern::ring;
  const Choice choice = select(call, prices.site(prices.slowest(entry, plan)));
  if (!short_ones && choice.protocol == hardware::NcclProtocol::ll) return Pattern::ring;
  const auto algorithm = choice.row->nccl;
  const bool tree = algorithm == hardware::NcclAlgorithm::tree || algorithm == hardware::NcclAlgorithm::nvls_tree;
  return tree ? Pattern::tree : Pattern::ring;
}

}  // namespace

LinkClasses::LinkClasses(const hardware::Cluster& cluster, const hardware::Topology* topology)
    : topology_(topology), settings_(cluster.network) {
  // The share is the transport's, the same for all NICs.
  for (std::size_t group = 0; group < cluster.groups.size(); ++group) {
    const hardware::Site site = cluster.site(group);
    const BytesPerSecond line = site.network_bandwidth_per_gpu();
    if (line.value() > 0.0) network_share_ = network_rate(site) / line;
    card_ = max(card_, line);
  }
  if (topology != nullptr) bundle_fabric();
}

// All up-links of a leaf are one bundle, and all its down-links; those of the spines that serve the same leaves
// likewise. The first leaf that a spine serves stands for its pod.
void LinkClasses::bundle_fabric() {
  const std::vector<hardware::Link>& links = topology_->links();
  const std::vector<hardware::Vertex>& vertices = topology_->vertices();
  bundle_of_.assign(links.size(), kNoBundle);
  if (by_link()) return bundle_each();
  leaf_bundles_.assign(static_cast<std::size_t>(topology_->leaf_count()), {});
  spine_bundles_.assign(leaf_bundles_.size(), {});
  const std::uint32_t first_leaf = topology_->leaf_vertex(0).value;
  std::vector<int> pod(vertices.size() - first_leaf, 0);  // of each spine; links from leaves come before all others
  for (std::uint32_t id = topology_->first_switch_link().value; id < links.size(); ++id) {
    const hardware::Link& link = links[id];
    const bool leaf = link.link_class == hardware::LinkClass::leaf;
    if (!leaf && link.link_class != hardware::LinkClass::spine) continue;
    const bool up = vertices[link.from.index()].tier < vertices[link.to.index()].tier;
    const std::uint32_t lower = (up ? link.from : link.to).value - first_leaf;
    if (leaf && up) pod[link.to.value - first_leaf] = topology_->pod_of_leaf(static_cast<int>(lower));
    Bundles& both = leaf ? leaf_bundles_[lower] : spine_bundles_[static_cast<std::size_t>(pod[lower])];
    std::uint32_t& bundle = up ? both.up : both.down;
    if (bundle == kNoBundle) {
      bundle = static_cast<std::uint32_t>(bundle_info_.size());
      bundle_info_.emplace_back().link_class = hardware::link_class_name(link.link_class);
      const int home = leaf ? static_cast<int>(lower) : topology_->first_leaf_of_pod(pod[lower]);
      bundle_info_.back().representative =
          topology_->name(topology_->leaf_vertex(home)) + (leaf ? "" : "'s spines") + (up ? ".up" : ".down");
    }
    bundle_info_[bundle].capacity += sustained(link.bandwidth);
    bundle_of_[id] = bundle;
  }
  make_room();
}

// A hash chooses among them, or they lead to unlike places.
void LinkClasses::bundle_each() {
  const std::vector<hardware::Link>& links = topology_->links();
  for (std::uint32_t id = topology_->first_switch_link().value; id < links.size(); ++id) {
    if (links[id].link_class == hardware::LinkClass::nic) continue;
    bundle_of_[id] = static_cast<std::uint32_t>(bundle_info_.size());
    link_of_.emplace_back(id);
    bundle_info_.push_back({std::string(hardware::link_class_name(links[id].link_class)), 1,
                            sustained(links[id].bandwidth), topology_->name(LinkId(id))});
  }
  make_room();
}

void LinkClasses::make_room() {
  apart_.assign(bundle_info_.size(), 0);
  counted_.assign(bundle_info_.size(), 0);
  by_copy_.assign(bundle_info_.size(), 0);
  most_by_copy_.assign(bundle_info_.size(), 0);
}

std::uint32_t LinkClasses::own_link(const Job& job, RankId rank, Port port) const {
  return job.first_own + rank.value * kPorts + static_cast<std::uint32_t>(port);
}

void LinkClasses::add_own(const Plan& plan, Job& job) {
  for (std::uint32_t gpu_class = 0; gpu_class < gpu_classes(plan); ++gpu_class) {
    const hardware::Site& site = job.prices->site(gpu_class);
    job.rates.push_back({node_rate(site), network_rate(site)});
  }
  // A cluster without a network keeps the links, so that their numbers do not depend on it; nothing uses them.
  const BytesPerSecond unused{1.0};
  for (const Rank& rank : plan.ranks) {
    const Rates& rates = job.rates[rank.gpu_class];
    const hardware::Site& site = job.prices->site(rank.gpu_class);
    const std::string node_class = site.is_torus() ? "ici" : site.has_nvlink() ? "nvlink" : "pcie";
    for (std::uint32_t port = 0; port < kPorts; ++port) {
      const BytesPerSecond rate = port < 2 ? rates.node : rates.network;
      links_.push_back(
          {port < 2 ? node_class : "nic", rank.multiplicity(), rate.value() > 0.0 ? rate : unused, rank.name});
    }
  }
}

void LinkClasses::expect_states(const std::vector<FabricState>& states) {
  if (topology_ == nullptr || !by_link()) return;
  for (const FabricState& state : states) {
    conditions_.push_back(state);
    hardware::Topology& fabric = states_.emplace_back(*topology_);
    for (const CableState& cable : state) fabric.scale(cable.link, cable.factor);
  }
}

std::uint32_t LinkClasses::state_of(const FabricState& state) const {
  const auto found = std::find(conditions_.begin(), conditions_.end(), state);
  return found == conditions_.end() ? 0 : static_cast<std::uint32_t>(found - conditions_.begin()) + 1;
}

std::size_t LinkClasses::add(const Plan& plan, const ClusterPrices& prices) {
  Job job;
  job.plan = &plan;
  job.prices = &prices;
  job.first_own = static_cast<std::uint32_t>(links_.size());
  add_own(plan, job);
  for (std::uint32_t rank = 0; rank < plan.ranks.size(); ++rank) {
    for (const std::uint32_t member : plan.ranks[rank].stands_for) {
      if (member >= job.rank_of.size()) job.rank_of.resize(member + 1, 0);
      job.rank_of[member] = rank;
    }
  }
  const auto add = [&](const auto&... of) {
    const auto first = static_cast<std::uint32_t>(rows_.size());
    for (std::uint32_t state = 0; state < states(); ++state) rows_.push_back(row_of(of..., state));
    return first;
  };
  job.groups.assign(plan.groups.size(), {kNoRow, kNoRow, kNoRow});
  for (const CollectiveEntry& entry : plan.collectives) {
    const Pattern pattern = pattern_of(entry, plan, prices, reads_messages());
    std::uint32_t& row = job.groups[entry.group.index()][static_cast<std::size_t>(pattern)];
    if (row == kNoRow) row = add(plan.groups[entry.group.index()], pattern, prices.placement());
  }
  // Another plan with these groups may call them (loads()).
  for (std::size_t g = 0; g < plan.groups.size(); ++g) {
    const bool is_called =
        std::any_of(job.groups[g].begin(), job.groups[g].end(), [](auto row) { return row != kNoRow; });
    if (!is_called) job.groups[g][0] = add(plan.groups[g], Pattern::ring, prices.placement());
  }
  for (const TransferEntry& entry : plan.transfers) {
    job.transfers.push_back(add(entry, plan, prices.placement()));
  }
  jobs_.push_back(std::move(job));
  return jobs_.size() - 1;
}

void LinkClasses::tell_apart(LinkId id) {
  if (topology_ != nullptr && bundle_of_[id.index()] != kNoBundle) apart_[bundle_of_[id.index()]] = 1;
}

// One pass: a bundle's row is what each group and transfer puts on it.
std::uint32_t LinkClasses::row_for(const Job& job, GroupId group, Pattern pattern) {
  const auto& rows = job.groups[group.index()];
  const std::uint32_t row = rows[static_cast<std::size_t>(pattern)];
  if (row != kNoRow || pattern == Pattern::exchange) return row;
  return rows[static_cast<std::size_t>(pattern == Pattern::ring ? Pattern::tree : Pattern::ring)];
}

std::vector<BytesPerSecond> LinkClasses::capacities() const {
  std::vector<BytesPerSecond> out;
  for (const LinkInfo& link : links_) out.push_back(link.capacity);
  return out;
}

void LinkClasses::add_use(LinkLoadEntry& out, std::uint32_t link, double bytes, double of_one, bool clamp) const {
  if (bytes <= 0.0) return;
  const double capacity = links_[link].capacity.value() * kPerPicosecond;
  const auto share = [&](double all) {
    const double asked = all / static_cast<double>(out.work);
    return clamp ? std::min(asked, capacity) : asked;
  };
  out.uses.push_back({link, share(bytes)});
  const double weight = capacity / share(of_one);
  out.weight = out.weight == 0.0 ? weight : std::min(out.weight, weight);
}

void LinkClasses::add_own_uses(LinkLoadEntry& out, const Job& job, RankId from, RankId to,
                               const LinkLoad& bytes) const {
  const auto add = [&](RankId rank, Port port, Bytes busiest, double mean) {
    const double own = busiest.value() * mean;
    add_use(out, own_link(job, rank, port), own, own, true);
  };
  add(from, Port::node_out, bytes.node, bytes.node_mean.out);
  add(to, Port::node_in, bytes.node, bytes.node_mean.in);
  add(from, Port::network_out, bytes.network, bytes.network_mean.out);
  add(to, Port::network_in, bytes.network, bytes.network_mean.in);
}

void LinkClasses::add_fabric(LinkLoadEntry& out, std::uint32_t row, double bytes) const {
  if (bytes <= 0.0) return;
  const double message = bytes / rows_[row].peers;
  for (const Crossing& crossing : rows_[row].crossings) {
    const std::uint32_t link = class_of_[crossing.bundle];
    const bool known =
        std::any_of(out.uses.begin(), out.uses.end(), [&](const LinkUse& use) { return use.link == link; });
    if (!known) add_use(out, link, message * crossing.count, message * crossing.of_one, false);
  }
}

template <class Finish>
void LinkClasses::add_ways(LinkLoadEntry& out, std::uint32_t row, double bytes, Finish finish) const {
  if (states_.empty()) {
    add_fabric(out, row, bytes);
    return finish(out, 0);
  }
  Ways ways;
  bool differ = false;
  for (std::uint32_t state = 0; state < states(); ++state) {
    LinkLoadEntry in = out;
    add_fabric(in, row + state, bytes);
    finish(in, state);
    ways.push_back({std::move(in.uses), in.weight, std::move(in.messages)});
    differ = differ || !is_same(ways.front(), ways.back());
  }
  out.uses = ways.front().uses;
  out.weight = ways.front().weight;
  out.messages = ways.front().messages;
  if (differ) out.ways = std::make_shared<const Ways>(std::move(ways));
}

LinkLoadEntry LinkClasses::load(const Job& job, const CollectiveEntry& entry, SimTime alone) const {
  LinkLoadEntry out;
  const Group& group = job.plan->groups[entry.group.index()];
  if (group.size() < 2 || entry.bytes.value() <= 0.0) return out;
  const std::uint32_t slowest = job.prices->slowest(entry, *job.plan);
  const CollectiveCall call = job.prices->call_of(entry, *job.plan);
  const LinkLoad bytes = job.prices->load(entry, *job.plan);
  const double inside = bytes.node.value(), outside = bytes.network.value();
  Rates rates = job.rates[slowest];
  for (const RankId member : group.members) {
    const Rates& own = job.rates[job.plan->ranks[member.index()].gpu_class];
    rates = {min(rates.node, own.node), min(rates.network, own.network)};
  }
  if (inside > 0.0 && !(rates.node.value() > 0.0)) return out;
  if (outside > 0.0 && !(rates.network.value() > 0.0)) return out;
  if (inside > 0.0) out.work = wire_time(inside, rates.node, alone);
  const Pattern pattern = pattern_of(entry, *job.plan, *job.prices, reads_messages());
  if (outside > 0.0 && pattern == Pattern::exchange) {
    // That the fabric holds it up by itself is in its price.
    rates.network = rates.network / exchange_bound(call.ranks, call.nodes, job.prices->site(slowest)).slowdown();
  }
  if (outside > 0.0) out.work = std::max(out.work, wire_time(outside, rates.network, alone));
  if (out.work == 0) return out;
  for (const RankId member : group.members) add_own_uses(out, job, member, member, bytes);
  const bool by_messages = reads_messages() && entry.library == CollectiveLibrary::nccl;
  const std::uint32_t row = row_for(job, entry.group, pattern);
  // An edge of a tree has a part of what the busiest node sends, that of a chain all of it.
  const bool by_edges = row == job.groups[entry.group.index()][static_cast<std::size_t>(Pattern::tree)];
  const double mean = by_edges || has_root(entry.kind) ? 1.0 : std::max(bytes.network_mean.out, bytes.network_mean.in);
  add_ways(out, row, outside * mean, [&](LinkLoadEntry& in, std::uint32_t state) {
    if (by_messages) add_messages(in, job, entry, bytes, state);
  });
  return out;
}

LinkLoadEntry LinkClasses::load(const Job& job, const TransferEntry& entry, std::uint32_t row, SimTime alone) const {
  LinkLoadEntry out;
  const double bytes = entry.bytes.value();
  const bool near = same_node(entry, *job.plan, job.prices->placement());
  const auto rate_of = [&](RankId rank) {
    const Rates& own = job.rates[job.plan->ranks[rank.index()].gpu_class];
    return near ? own.node : own.network;
  };
  const BytesPerSecond rate = min(rate_of(entry.source), rate_of(entry.destination));
  if (bytes <= 0.0 || !(rate.value() > 0.0)) return out;
  const hardware::Site& slowest = job.prices->site(job.prices->slowest(entry, *job.plan));
  out.work = wire_time(bytes, min(message_constants(slowest, near).bandwidth, rate), alone);
  if (out.work == 0) return out;
  add_use(out, own_link(job, entry.source, near ? Port::node_out : Port::network_out), bytes, bytes, true);
  add_use(out, own_link(job, entry.destination, near ? Port::node_in : Port::network_in), bytes, bytes, true);
  add_ways(out, row, bytes, [](const LinkLoadEntry&, std::uint32_t) {});
  return out;
}

Loads LinkClasses::loads(std::size_t number, const Durations& durations) const {
  return loads(number, *jobs_.at(number).plan, durations);
}

Loads LinkClasses::loads(std::size_t number, const Plan& plan, const Durations& durations) const {
  const Job& job = jobs_.at(number);
  Loads loads;
  for (std::size_t i = 0; i < plan.collectives.size(); ++i) {
    loads.collectives.push_back(load(job, plan.collectives[i], durations.collectives[i]));
  }
  for (std::size_t i = 0; i < plan.transfers.size(); ++i) {
    loads.transfers.push_back(load(job, plan.transfers[i], job.transfers[i], durations.transfers[i]));
  }
  return loads;
}

std::vector<LinkId> LinkClasses::find(LinkId id) const {
  if (topology_ == nullptr || bundle_of_[id.index()] == kNoBundle) return {};
  const std::uint32_t link = class_of_[bundle_of_[id.index()]];
  return link == kNoBundle ? std::vector<LinkId>{} : std::vector<LinkId>{LinkId(link)};
}

std::vector<LinkId> LinkClasses::own(std::size_t job, RankId rank) const {
  std::vector<LinkId> out;
  for (const Port port : {Port::node_out, Port::node_in, Port::network_out, Port::network_in}) {
    out.push_back(LinkId(own_link(jobs_.at(job), rank, port)));
  }
  return out;
}

}  // namespace orrery::sim
