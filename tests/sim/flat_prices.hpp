// Prices that are the same for every entry of a kind.
#pragma once

#include "sim/prices/prices.hpp"

namespace orrery::sim::testing {

class FlatPrices : public Prices {
 public:
  Seconds kernel;             ///< on GPUs of class 0; on class c as often again for each class
  Seconds collective_member;  ///< for each rank of the communicator
  Seconds transfer, copy;

  using Prices::time;
  [[nodiscard]] Seconds time(const KernelEntry&, std::uint32_t gpu_class) const override {
    return kernel * (1.0 + gpu_class);
  }
  [[nodiscard]] KernelPrice explain(const KernelEntry& entry, std::uint32_t gpu_class) const override {
    KernelPrice price;
    price.kernel.time = time(entry, gpu_class);
    return price;
  }
  [[nodiscard]] Seconds time(const CollectiveEntry& entry, const Plan& plan) const override {
    return collective_member * static_cast<double>(plan.groups.at(entry.group.index()).size());
  }
  [[nodiscard]] CollectivePrice explain(const CollectiveEntry& entry, const Plan& plan) const override {
    CollectivePrice price;
    price.estimate.time = time(entry, plan);
    return price;
  }
  [[nodiscard]] TransferPrice explain(const TransferEntry&, const Plan&) const override { return {false, transfer}; }
  [[nodiscard]] Seconds time(const CopyEntry&) const override { return copy; }
};

}  // namespace orrery::sim::testing
