#include "sim/prices/prices.hpp"

#include "sim/collective/collective.hpp"

namespace orrery::sim {

ClusterPrices::ClusterPrices(const hardware::Cluster& cluster, const kernels::KernelTimer& timer,
                             const LaunchCosts& launch, const Placement& placement,
                             std::vector<const hardware::Gpu*> gpus)
    : cluster_(&cluster),
      timer_(&timer),
      launch_(launch),
      placement_(placement),
      gpus_(std::move(gpus)),
      collectives_(cluster) {
  if (gpus_.empty()) gpus_.push_back(&cluster.gpu);
  for (const hardware::Gpu* gpu : gpus_) bound_.push_back(timer.bind(*gpu));
}

Seconds ClusterPrices::with_launch(Seconds alone, LaunchPath path) const { return alone + idle(alone, path); }

Seconds ClusterPrices::idle(Seconds alone, LaunchPath path) const {
  if (path == LaunchPath::joined) return Seconds{0.0};
  const Seconds gap = path == LaunchPath::graph ? launch_.graph_gap : launch_.stream_gap;
  return alone + gap < launch_.host ? launch_.host - alone : gap;
}

Seconds ClusterPrices::time(const KernelEntry& entry, std::uint32_t gpu_class) const {
  return with_launch(bound_[gpu_class]->time(entry.kernel), entry.launch);
}

KernelPrice ClusterPrices::explain(const KernelEntry& entry, std::uint32_t gpu_class) const {
  KernelPrice price;
  price.kernel = timer_->explain(entry.kernel, gpu(gpu_class));
  price.idle = idle(price.kernel.time, entry.launch);
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
  return call;
}

Seconds ClusterPrices::time(const CollectiveEntry& entry, const Plan& plan) const {
  if (plan.groups.at(entry.group.index()).size() == 1) return Seconds{0.0};
  return max(collectives_.time(call_of(entry, plan)), launch_.host);
}

CollectivePrice ClusterPrices::explain(const CollectiveEntry& entry, const Plan& plan) const {
  CollectivePrice price;
  price.call = call_of(entry, plan);
  price.estimate = collectives_.explain(price.call);
  price.idle = time(entry, plan) - price.estimate.time;
  price.bound = binding_link(price.call, *cluster_);
  // Where the price has a wire term, measured or modelled, the link is as fast as that says.
  Seconds wire;
  for (const kernels::Term& term : price.estimate.terms) {
    if (term.name == "wire") wire += term.time;
  }
  if (wire > Seconds{0.0} && price.bound.bytes > Bytes{0.0}) price.bound.bandwidth = price.bound.bytes / wire;
  return price;
}

TransferPrice ClusterPrices::explain(const TransferEntry& entry, const Plan& plan) const {
  const bool near = same_node(entry, plan, placement_);
  return {near, transfer_time(entry.bytes, near, *cluster_)};
}

Seconds ClusterPrices::time(const CopyEntry& entry) const { return bound_[0]->time(entry.copy); }

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
