#include "sim/prices/prices.hpp"

#include <algorithm>
#include <utility>

#include "hardware/torus.hpp"
#include "sim/collective/collective.hpp"
#include "sim/collective/constants.hpp"

namespace orrery::sim {

ClusterPrices::ClusterPrices(const hardware::Cluster& cluster, const kernels::KernelTimer& timer,
                             const std::vector<GpuClass>& classes, Placement placement)
    : timer_(&timer), placement_(std::move(placement)) {
  classes_.reserve(classes.size());
  for (const GpuClass& one : classes) {
    const hardware::Site site = cluster.site(one.group);
    classes_.push_back({one.group, site, one.launch, timer.bind(site.gpu), CollectiveModel(site)});
  }
}

Seconds ClusterPrices::with_launch(Seconds alone, LaunchPath path, std::uint32_t gpu_class) const {
  return alone + idle(alone, path, gpu_class);
}

Seconds ClusterPrices::idle(Seconds alone, LaunchPath path, std::uint32_t gpu_class) const {
  if (path == LaunchPath::joined) return Seconds{0.0};
  const LaunchCosts& launch = classes_[gpu_class].launch;
  const Seconds gap = path == LaunchPath::graph ? launch.graph_gap : launch.stream_gap;
  return alone + gap < launch.host ? launch.host - alone : gap;
}

Seconds ClusterPrices::time(const KernelEntry& entry, std::uint32_t gpu_class) const {
  return with_launch(classes_[gpu_class].timer->time(entry.kernel), entry.launch, gpu_class);
}

KernelPrice ClusterPrices::explain(const KernelEntry& entry, std::uint32_t gpu_class) const {
  KernelPrice price;
  price.kernel = timer_->explain(entry.kernel, gpu(gpu_class));
  price.idle = idle(price.kernel.time, entry.launch, gpu_class);
  return price;
}

CollectiveCall ClusterPrices::call_of(const CollectiveEntry& entry, const Plan& plan) const {
  const Group& group = plan.groups.at(entry.group.index());
  CollectiveCall call;
  call.kind = entry.kind;
  call.bytes = entry.bytes;
  call.ranks = group.size();
  call.nodes = nodes_spanned(group, placement_);
  call.library = entry.library;
  call.implementation = entry.implementation;
  call.dtype = entry.dtype;
  const auto capability = [](const Class& one) { return one.site.gpu.generation.compute_capability; };
  const bool unlike = std::any_of(classes_.begin(), classes_.end(),
                                  [&](const Class& one) { return capability(one) != capability(classes_.front()); });
  if (unlike) call.capability = least_capability(group, plan);
  const std::vector<int>& mesh = classes_.front().site.node.nvlink_mesh;
  if (!mesh.empty() && call.nodes == 1) call.side_by_side = is_side_by_side(group, placement_);
  return call;
}

int ClusterPrices::least_capability(const Group& group, const Plan& plan) const {
  int least = 0, most = 0;
  for (const RankId member : group.members) {
    const std::uint32_t one = plan.ranks[member.index()].gpu_class;
    const int own = classes_[one].site.gpu.generation.compute_capability;
    least = least == 0 ? own : std::min(least, own);
    most = std::max(most, own);
  }
  return least == most ? 0 : least;
}

std::uint32_t ClusterPrices::slowest(const CollectiveEntry& entry, const Plan& plan) const {
  const std::vector<RankId>& members = plan.groups.at(entry.group.index()).members;
  if (classes_.size() == 1 || members.empty()) return 0;
  const CollectiveCall call = call_of(entry, plan);
  std::vector<std::uint8_t> seen(classes_.size(), 0);
  std::uint32_t found = plan.ranks[members.front().index()].gpu_class;
  Seconds most{-1.0};
  for (const RankId member : members) {
    const std::uint32_t one = plan.ranks[member.index()].gpu_class;
    if (std::exchange(seen[one], 1) != 0) continue;
    const Seconds time = classes_[one].collectives.time(call);
    if (!(time > most)) continue;
    most = time;
    found = one;
  }
  return found;
}

std::uint32_t ClusterPrices::slowest(const TransferEntry& entry, const Plan& plan) const {
  const std::uint32_t from = plan.ranks[entry.source.index()].gpu_class;
  const std::uint32_t to = plan.ranks[entry.destination.index()].gpu_class;
  if (from == to) return from;
  const bool near = same_node(entry, plan, placement_);
  return transfer_time(entry.bytes, near, site(from)) < transfer_time(entry.bytes, near, site(to)) ? to : from;
}

// The host of any member may be what a communicator waits for.
Seconds ClusterPrices::time(const CollectiveEntry& entry, const Plan& plan) const {
  const Group& group = plan.groups.at(entry.group.index());
  if (group.size() == 1) return Seconds{0.0};
  Seconds time = classes_[slowest(entry, plan)].collectives.time(call_of(entry, plan));
  if (classes_.size() == 1) return max(time, classes_.front().launch.host);
  for (const RankId member : group.members) {
    time = max(time, classes_[plan.ranks[member.index()].gpu_class].launch.host);
  }
  return time;
}

LinkLoad ClusterPrices::load(const CollectiveEntry& entry, const Plan& plan) const {
  const CollectiveCall call = call_of(entry, plan);
  if (call.ranks < 2 || !(call.bytes > Bytes{0.0})) return {};
  return select(call, site(slowest(entry, plan))).row->load(call);
}

CollectivePrice ClusterPrices::explain(const CollectiveEntry& entry, const Plan& plan) const {
  CollectivePrice price;
  const Class& slow = classes_[slowest(entry, plan)];
  price.call = call_of(entry, plan);
  price.estimate = slow.collectives.explain(price.call);
  price.idle = time(entry, plan) - price.estimate.time;
  price.sms = price.estimate.channels;
  price.bound = binding_link(price.call, slow.site);
  price.load = load(entry, plan);
  const bool moves = price.call.ranks > 1 && price.call.bytes > Bytes{0.0};
  if (moves && price.estimate.protocol.empty()) {
    // A kernel of its own: every rank adds what it reads of all the others.
    const double n = price.call.ranks;
    const double read = price.estimate.algorithm == "custom two-shot" ? 2.0 * (n - 1.0) / n : n - 1.0;
    price.load.node = price.bound.bytes = price.call.bytes * read;
    price.rounding_depth = price.call.ranks - 1;
  } else if (moves) {
    price.rounding_depth = rounding_depth(select(price.call, slow.site), price.call);
  }
  // Where the price has a wire term, measured or modelled, the link is as fast as that says.
  Seconds wire;
  for (const kernels::Term& term : price.estimate.terms) {
    if (term.name == "wire") wire += term.time;
  }
  if (wire > Seconds{0.0} && price.bound.bytes > Bytes{0.0}) price.bound.bandwidth = price.bound.bytes / wire;
  return price;
}

// Of all pairs that the transfer stands for: it advances with its slowest.
int ClusterPrices::most_hops(const TransferEntry& entry, const Plan& plan) const {
  const std::vector<hardware::TorusAxis> axes = hardware::torus_axes(classes_.front().site.fabric);
  const std::vector<std::uint32_t>& from = plan.ranks[entry.source.index()].stands_for;
  const std::vector<std::uint32_t>& to = plan.ranks[entry.destination.index()].stands_for;
  int most = 1;
  for (std::size_t i = 0; i < std::min(from.size(), to.size()); ++i) {
    const int hops =
        hardware::torus_hops(axes, static_cast<int>(placement_.gpu(from[i])), static_cast<int>(placement_.gpu(to[i])));
    most = std::max(most, hops);
  }
  return most;
}

TransferPrice ClusterPrices::explain(const TransferEntry& entry, const Plan& plan) const {
  const bool near = same_node(entry, plan, placement_);
  const hardware::Site& at = site(slowest(entry, plan));
  Seconds time = transfer_time(entry.bytes, near, at);
  if (at.is_torus() && entry.bytes > Bytes{}) {
    time += static_cast<double>(most_hops(entry, plan) - 1) * message_constants(at, true).latency;
  }
  if (!near && hardware::is_direct(at.fabric.kind) && at.nodes_per_pod() > 0 && entry.bytes > Bytes{}) {
    // Of its copies the one that goes furthest counts.
    const std::vector<std::uint32_t>& from = plan.ranks[entry.source.index()].stands_for;
    const std::vector<std::uint32_t>& to = plan.ranks[entry.destination.index()].stands_for;
    const auto group_of = [&](std::uint32_t member) { return placement_.node(member) / at.nodes_per_pod(); };
    const bool crosses =
        !std::equal(from.begin(), from.end(), to.begin(), to.end(),
                    [&](auto source, auto destination) { return group_of(source) == group_of(destination); });
    if (crosses) time += at.fabric.global_latency;
  }
  return {near, time};
}

int ClusterPrices::channels(const TransferEntry& entry, const Plan& plan) const {
  const hardware::Site& at = site(slowest(entry, plan));
  if (at.is_torus() || !(entry.bytes > Bytes{})) return 0;
  const int nodes = same_node(entry, plan, placement_) ? 1 : 2;
  return select({CollectiveKind::all_to_all, entry.bytes * 2.0, 2, nodes}, at).channels;
}

Seconds ClusterPrices::time(const CopyEntry& entry) const { return classes_[0].timer->time(entry.copy); }

Durations price(const Plan& plan, const Prices& prices, const RunControl& control) {
  Durations durations;
  const auto classes = static_cast<std::uint32_t>(gpu_classes(plan));
  durations.kernels.reserve(plan.kernels.size() * classes);
  for (std::uint32_t gpu_class = 0; gpu_class < classes; ++gpu_class) {
    for (const KernelEntry& entry : plan.kernels) {
      control.check();
      durations.kernels.push_back(to_sim_time(prices.time(entry, gpu_class) * static_cast<double>(entry.repeat)));
    }
  }
  durations.collectives.reserve(plan.collectives.size());
  for (const CollectiveEntry& entry : plan.collectives) {
    control.check();
    durations.collectives.push_back(to_sim_time(prices.time(entry, plan)));
  }
  for (const TransferEntry& entry : plan.transfers) {
    durations.transfers.push_back(to_sim_time(prices.time(entry, plan)));
  }
  for (const CopyEntry& entry : plan.copies) durations.copies.push_back(to_sim_time(prices.time(entry)));
  return durations;
}

}  // namespace orrery::sim
