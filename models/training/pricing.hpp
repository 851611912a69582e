// What each table entry of a training plan costs.
//
//   kernel      max(GPU time + gap, host cost): the GPU idles for the profile's gap between dependent kernels, and
//               an eager framework can't issue kernels faster than its host cost allows. CUDA graphs leave the gap.
//   collective  max(sim::collective_time with the group's real size and nodes, host cost)
//   exchange    a collective of the library sparse_exchange: the row of expert_exchanges() that the job names
//   transfer    sim::transfer_time
//
// The host cost is that of one step of the plan. An eager framework issues several operations for it: the measured
// iterations of Megatron-DeepSpeed on A100 (vTrain's ground truth, single node) ask for about 70 µs per step (6.6 %
// mean error on a tenth of the rows). Limitation: it is charged per step; a host that has run ahead during long kernels
// would hide it.
#pragma once

#include <vector>

#include "models/experts/exchange.hpp"
#include "models/training/training.hpp"
#include "sim/prices/prices.hpp"

namespace orrery::models {

class TrainingPrices : public sim::ClusterPrices {
 public:
  TrainingPrices(const TrainingJob& job, const kernels::KernelTimer& timer, const std::vector<sim::GpuClass>& classes);

  using sim::ClusterPrices::explain;
  using sim::ClusterPrices::time;
  [[nodiscard]] Seconds time(const sim::CollectiveEntry& entry, const sim::Plan& plan) const override;
  [[nodiscard]] sim::CollectivePrice explain(const sim::CollectiveEntry& entry, const sim::Plan& plan) const override;
  [[nodiscard]] sim::LinkLoad load(const sim::CollectiveEntry& entry, const sim::Plan& plan) const override;

 private:
  /// Of an exchange's entry.
  [[nodiscard]] ExchangePrice exchange(const sim::CollectiveEntry& entry, const sim::Plan& plan) const;

  const TrainingJob* job_;
  const ExchangeRow* row_;
  Seconds host_;  ///< that the slowest host takes to issue an exchange
};

/// `job` and `timer` must outlive the prices.
[[nodiscard]] TrainingPrices training_prices(const TrainingJob& job, const kernels::KernelTimer& timer);

}  // namespace orrery::models
