#include "models/training/pricing.hpp"

#include <string>
#include <utility>

#include "models/experts/reach.hpp"
#include "models/training/expert_groups.hpp"
#include "models/training/parallel.hpp"
#include "sim/collective/exchange_bound.hpp"

namespace orrery::models {

TrainingPrices::TrainingPrices(const TrainingJob& job, const kernels::KernelTimer& timer,
                               const std::vector<sim::GpuClass>& classes)
    : ClusterPrices(job.cluster, timer, classes, make_placement(job)),
      job_(&job),
      row_(find_expert_exchange(job.config.expert_exchange)) {
  for (const sim::GpuClass& one : classes) host_ = max(host_, one.launch.host);
}

ExchangePrice TrainingPrices::exchange(const sim::CollectiveEntry& entry, const sim::Plan& plan) const {
  const hardware::Site& at = site(slowest(entry, plan));
  ExchangeShape shape = exchange_shape(*job_, plan.groups.at(entry.group.index()));
  shape.dispatch = shape.combine = entry.dtype;
  if (entry.kind != sim::CollectiveKind::all_to_all) return row_->price(shape, ExchangePhase::combine, at);
  ExchangePrice price = row_->price(shape, ExchangePhase::dispatch, at);
  if (!row_->has_prepare) return price;
  const ExchangePrice before = row_->price(shape, ExchangePhase::prepare, at);
  price.time += before.time;
  price.terms.insert(price.terms.begin(), before.terms.begin(), before.terms.end());
  return price;
}

Seconds TrainingPrices::time(const sim::CollectiveEntry& entry, const sim::Plan& plan) const {
  if (entry.library != sim::CollectiveLibrary::sparse_exchange) return ClusterPrices::time(entry, plan);
  return max(exchange(entry, plan).time, host_);
}

sim::LinkLoad TrainingPrices::load(const sim::CollectiveEntry& entry, const sim::Plan& plan) const {
  if (entry.library != sim::CollectiveLibrary::sparse_exchange) return ClusterPrices::load(entry, plan);
  const ExchangePrice own = exchange(entry, plan);
  return {own.node, own.network};
}

sim::CollectivePrice TrainingPrices::explain(const sim::CollectiveEntry& entry, const sim::Plan& plan) const {
  sim::CollectivePrice price = ClusterPrices::explain(entry, plan);
  if (entry.library != sim::CollectiveLibrary::sparse_exchange) return price;
  const ExchangePrice own = exchange(entry, plan);
  sim::CollectiveEstimate estimate;
  estimate.time = own.time;
  estimate.algorithm = row_->name;
  estimate.provenance = own.provenance;
  estimate.extrapolated = own.extrapolated;
  estimate.fit_key = own.fit_key;
  estimate.terms = own.terms;
  if (own.sms > 0) estimate.terms.front().equation += ", on " + std::to_string(own.sms) + " SMs";
  price.idle = time(entry, plan) - own.time;
  price.estimate = std::move(estimate);
  price.sms = own.sms;
  // The link that its bytes take longer on, at the rate that it gets there.
  const hardware::Site& at = site(slowest(entry, plan));
  const ExchangeShape shape = exchange_shape(*job_, plan.groups.at(entry.group.index()));
  const Seconds inside = own.node.value() > 0.0 ? own.node / at.node_bandwidth_per_gpu() : Seconds{};
  const Seconds outside = own.network.value() > 0.0 ? own.network / network_rate(shape, at, 1.0) : Seconds{};
  const bool leaves = outside.value() > 0.0 && outside >= inside;
  price.bound = {leaves ? sim::exchange_bound(shape.ranks, shape.nodes, at).link_class : "nvlink",
                 {},
                 leaves ? own.network : own.node};
  if (own.time > Seconds{0.0}) price.bound.bandwidth = price.bound.bytes / own.time;
  return price;
}

TrainingPrices training_prices(const TrainingJob& job, const kernels::KernelTimer& timer) {
  std::vector<sim::GpuClass> classes;
  for (const std::size_t group : groups_of(job)) {
    const hardware::Gpu& gpu = job.cluster.groups[group].gpu;
    const Seconds launch = job.config.host_overhead > Seconds{0.0} ? job.config.host_overhead : gpu.kernel_launch;
    sim::LaunchCosts costs;
    costs.stream_gap = costs.graph_gap = gpu.kernel_gap;
    costs.host = job.config.cuda_graphs ? Seconds{0.0} : launch;
    classes.push_back({group, costs});
  }
  return {job, timer, classes};
}

}  // namespace orrery::models
