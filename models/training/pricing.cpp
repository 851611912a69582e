#include "models/training/pricing.hpp"

#include "models/training/parallel.hpp"

namespace orrery::models {

sim::ClusterPrices training_prices(const TrainingJob& job, const kernels::KernelTimer& timer) {
  std::vector<sim::GpuClass> classes;
  for (const std::size_t group : groups_of(job)) {
    const hardware::Gpu& gpu = job.cluster.groups[group].gpu;
    const Seconds launch = job.config.host_overhead > Seconds{0.0} ? job.config.host_overhead : gpu.kernel_launch;
    sim::LaunchCosts costs;
    costs.stream_gap = costs.graph_gap = gpu.kernel_gap;
    costs.host = job.config.cuda_graphs ? Seconds{0.0} : launch;
    classes.push_back({group, costs});
  }
  return {job.cluster, timer, classes, make_placement(job)};
}

}  // namespace orrery::models
