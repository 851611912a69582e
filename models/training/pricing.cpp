#include "models/training/pricing.hpp"

#include "sim/collective/collective.hpp"

namespace orrery::models {

sim::Pricing training_pricing(const TrainingJob& job, const kernels::KernelTimer& timer) {
  const hardware::Cluster& cluster = job.cluster;
  const Seconds gap = cluster.gpu.kernel_gap;
  const Seconds launch = job.config.host_overhead > Seconds{0.0} ? job.config.host_overhead : cluster.gpu.kernel_launch;
  const Seconds host = job.config.cuda_graphs ? Seconds{0.0} : launch;
  sim::Pricing pricing;
  pricing.kernel = [&timer, &cluster, gap, host](const sim::KernelEntry& entry) {
    return max(timer.time(entry.kernel, cluster.gpu) + gap, host);
  };
  pricing.collective = [&cluster, host](const sim::CollectiveEntry& entry, const sim::Group& group) {
    if (group.size == 1) return Seconds{0.0};
    return max(sim::collective_time({entry.kind, entry.bytes, group.size, group.nodes}, cluster), host);
  };
  pricing.transfer = [&cluster](const sim::TransferEntry& entry) {
    return sim::transfer_time(entry.bytes, entry.same_node, cluster);
  };
  pricing.copy = [&timer, &cluster](const sim::CopyEntry& entry) { return timer.time(entry.copy, cluster.gpu); };
  return pricing;
}

}  // namespace orrery::models
