// How long an entry of a plan takes when nothing else is running, and why.
//
// One answer for evaluation, runs, explain, provenance and traces: time() is what explain() adds up to. A plan's maker
// may price what it knows better: serving engines override kernels, and whoever brings a collective of its own adds a
// library to CollectiveLibrary and overrides collectives.
#pragma once

#include <memory>
#include <vector>

#include "hardware/cluster.hpp"
#include "kernels/kernel.hpp"
#include "sim/collective/binding.hpp"
#include "sim/collective/model.hpp"
#include "sim/plan/durations.hpp"
#include "sim/plan/placement.hpp"
#include "sim/plan/plan.hpp"

namespace orrery::sim {

struct KernelPrice {
  kernels::Estimate kernel;  ///< of the kernel itself, one run
  Seconds idle;              ///< by which its stream is held up beyond that

  [[nodiscard]] Seconds total() const { return kernel.time + idle; }
};

struct CollectivePrice {
  CollectiveCall call;          ///< as its library sees it
  CollectiveEstimate estimate;  ///< of the collective itself
  Seconds idle;
  BindingLink bound;       ///< what it would have to be faster on
  LinkLoad load;           ///< of the busiest rank, per direction
  int sms = 0;             ///< that it keeps while it lasts: of NCCL's kernels one a channel
  int rounding_depth = 0;  ///< additions one after the other; 0: nothing is added

  [[nodiscard]] Seconds total() const { return estimate.time + idle; }
};

struct TransferPrice {
  bool same_node = false;
  Seconds time;
};

class Prices {
 public:
  virtual ~Prices() = default;

  /// Of one run on GPUs of that class, what the stream idles around it included.
  [[nodiscard]] virtual Seconds time(const KernelEntry& entry, std::uint32_t gpu_class) const = 0;
  [[nodiscard]] virtual KernelPrice explain(const KernelEntry& entry, std::uint32_t gpu_class) const = 0;
  [[nodiscard]] virtual Seconds time(const CollectiveEntry& entry, const Plan& plan) const = 0;
  [[nodiscard]] virtual CollectivePrice explain(const CollectiveEntry& entry, const Plan& plan) const = 0;
  [[nodiscard]] virtual TransferPrice explain(const TransferEntry& entry, const Plan& plan) const = 0;
  [[nodiscard]] virtual Seconds time(const CopyEntry& entry) const = 0;
  [[nodiscard]] Seconds time(const TransferEntry& entry, const Plan& plan) const { return explain(entry, plan).time; }
};

/// What launching costs beyond the kernels' own time.
struct LaunchCosts {
  Seconds stream_gap;  ///< idle time between dependent kernels of a stream
  Seconds graph_gap;   ///< the same inside a CUDA graph
  Seconds host;        ///< the host issues one kernel or collective in this time: a stream goes no faster
};

/// The GPUs of a class of ranks (Rank::gpu_class).
struct GpuClass {
  std::size_t group = 0;  ///< of the cluster
  LaunchCosts launch;
};

/// Prices on a cluster: kernel timers, collective models, links. What ranks of several classes do together takes as
/// long as it would take the slowest of them among its like.
class ClusterPrices : public Prices {
 public:
  /// `cluster` and `timer` must outlive the prices, and the GPUs stay as they are: the timer is bound to each. REQUIRES
  /// a class at least.
  ClusterPrices(const hardware::Cluster& cluster, const kernels::KernelTimer& timer,
                const std::vector<GpuClass>& classes, Placement placement);

  using Prices::time;
  [[nodiscard]] Seconds time(const KernelEntry& entry, std::uint32_t gpu_class) const override;
  [[nodiscard]] KernelPrice explain(const KernelEntry& entry, std::uint32_t gpu_class) const override;
  /// 0 for a communicator of one.
  [[nodiscard]] Seconds time(const CollectiveEntry& entry, const Plan& plan) const override;
  [[nodiscard]] CollectivePrice explain(const CollectiveEntry& entry, const Plan& plan) const override;
  [[nodiscard]] TransferPrice explain(const TransferEntry& entry, const Plan& plan) const override;
  /// Thread blocks of NCCL, each on an SM, that a message keeps at each end while it lasts: the channels of an exchange
  /// of two. 0 for no bytes and between chips of a torus, which have no NCCL.
  [[nodiscard]] int channels(const TransferEntry& entry, const Plan& plan) const;
  [[nodiscard]] Seconds time(const CopyEntry& entry) const override;

  /// What the busiest rank puts on its links, per direction, by the algorithm that NCCL or another library takes.
  [[nodiscard]] virtual LinkLoad load(const CollectiveEntry& entry, const Plan& plan) const;

  [[nodiscard]] const Placement& placement() const { return placement_; }
  [[nodiscard]] CollectiveCall call_of(const CollectiveEntry& entry, const Plan& plan) const;
  [[nodiscard]] std::size_t gpu_classes() const { return classes_.size(); }
  /// The cluster's node group that a class is of.
  [[nodiscard]] std::size_t group(std::uint32_t gpu_class) const { return classes_[gpu_class].group; }
  /// The cluster as ranks of a class see it.
  [[nodiscard]] const hardware::Site& site(std::uint32_t gpu_class) const { return classes_[gpu_class].site; }
  /// The class whose ranks make a collective or a transfer last as long as it does.
  [[nodiscard]] std::uint32_t slowest(const CollectiveEntry& entry, const Plan& plan) const;
  [[nodiscard]] std::uint32_t slowest(const TransferEntry& entry, const Plan& plan) const;

 protected:
  [[nodiscard]] const hardware::Gpu& gpu(std::uint32_t gpu_class) const { return site(gpu_class).gpu; }
  [[nodiscard]] const kernels::KernelTimer& timer() const { return *timer_; }
  /// Of a kernel whose own time is `alone`.
  [[nodiscard]] Seconds with_launch(Seconds alone, LaunchPath path, std::uint32_t gpu_class) const;
  /// with_launch() − alone, without the rounding of a difference where the gap decides.
  [[nodiscard]] Seconds idle(Seconds alone, LaunchPath path, std::uint32_t gpu_class) const;

 private:
  struct Class {
    std::size_t group;
    hardware::Site site;
    LaunchCosts launch;
    std::unique_ptr<kernels::BoundTimer> timer;
    CollectiveModel collectives;
  };

  /// Of ranks of several generations; 0: all are of one.
  [[nodiscard]] int least_capability(const Group& group, const Plan& plan) const;
  /// Of a transfer between chips of a torus.
  [[nodiscard]] int most_hops(const TransferEntry& entry, const Plan& plan) const;

  const kernels::KernelTimer* timer_;
  Placement placement_;
  std::vector<Class> classes_;
};

/// Prices each table entry once. Throws TimeOverflow, and Cancelled once `control` says stop.
[[nodiscard]] Durations price(const Plan& plan, const Prices& prices, const RunControl& control = {});

}  // namespace orrery::sim
