// The all_reduce kernels of serving engines for small messages on one node.
//
//   one-shot   t = L1 + S·(n−1)/B1        each rank reads every other rank's buffer
//   two-shot   t = L2 + S·2(n−1)/n/B2     reduce-scatter, then all-gather, in one kernel
//   symmetric  t = L3 + S·2(n−1)/n/B3     PyTorch's symmetric-memory kernels, where they are told from two-shot ones
//   eager      t = max(H, t(graph) + C + S·c)   H: the host's time for a call; the copy into the shared buffer
//
// A profile's fit "custom_allreduce/<library>_graph/<n>" holds L1, B1, L2, B2, L3, B3, the sizes from which the second
// and the third form hold and the largest message that the library gives to such a kernel; ".../<library>_eager/<n>"
// holds H, C and c.
// Where buffers are NCCL's windows (nccl.symmetric) vLLM leaves 4 and more ranks to NCCL up to 16 KiB and from 512 KiB
// on, 8 from 128 KiB on (vllm-project/vllm distributed/device_communicators/all_reduce_utils.py). Above that size, on
// several nodes, without NVLink between all ranks (vLLM turns the kernels off for more than two PCIe-only GPUs), for
// other collectives and for numbers of ranks that the libraries refuse, NCCL's price holds. For 6 ranks the equations
// take the fit of 8. Without a fit of eager launches they take the graph's time plus the host's cost of one launch.
//
// Source: vllm-project/vllm csrc/custom_all_reduce.cuh (one-shot for 2 ranks, below 512 KiB for 4, below 256 KiB
// for 8) and vllm/distributed/device_communicators/custom_all_reduce.py (2, 4, 6 or 8 ranks of one node).
// Limitations: where a library goes from one-shot straight to the symmetric-memory kernels, as vLLM does on Hopper, the
// second form stands for these; the in-switch ones move fewer bytes, so B2 and B3 can pass a ring's rate.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "hardware/cluster.hpp"
#include "sim/collective/collective.hpp"

namespace orrery::sim {

/// The equations above for one library and number of ranks. The coefficients are named so in a Fit.
struct CustomCurve {
  kernels::Implementation library = kernels::Implementation::automatic;
  int ranks = 0;                       ///< of the fit
  Seconds one_shot;                    ///< "one_shot_s": L1
  BytesPerSecond one_shot_bandwidth;   ///< B1
  Seconds two_shot;                    ///< "two_shot_s": L2
  BytesPerSecond two_shot_bandwidth;   ///< B2; 0 where there is no second form
  Bytes switch_bytes;                  ///< the first size in the second form
  Seconds symmetric;                   ///< "symmetric_s": L3
  BytesPerSecond symmetric_bandwidth;  ///< B3; 0 where there is no third form
  Bytes symmetric_bytes;               ///< the first size in the third form
  Bytes limit;                         ///< "limit_bytes": the largest message
  std::string_view key, source;        ///< of the Fit, which must outlive the curve
  bool scaled = false;                 ///< its bandwidths follow from another link's measurement

  enum class Form : std::uint8_t { one_shot, two_shot, symmetric };
  [[nodiscard]] Form form(Bytes bytes) const;
  [[nodiscard]] Seconds latency(Bytes bytes) const;
  /// Wire time among n ranks, which may be others than the fit's.
  [[nodiscard]] Seconds wire_time(Bytes bytes, int n) const;
  [[nodiscard]] Seconds time(Bytes bytes, int n) const { return latency(bytes) + wire_time(bytes, n); }
};

/// What launching it one by one adds.
struct EagerLaunch {
  kernels::Implementation library = kernels::Implementation::automatic;
  int ranks = 0;
  Seconds host;          ///< "host_s": H
  Seconds copy;          ///< "copy_s": C, 0 where absent
  Seconds copy_per_mib;  ///< "copy_s_per_mib": c, 0 where absent
  std::string_view key, source;

  [[nodiscard]] Seconds time(Bytes bytes, Seconds graph) const;
};

/// "custom_allreduce/vllm_graph/8"
[[nodiscard]] std::string custom_fit_key(kernels::Implementation library, bool eager, int ranks);

/// The curve in one "..._graph/..." fit; nullopt for other fits and where a coefficient is missing.
[[nodiscard]] std::optional<CustomCurve> custom_curve(const hardware::Fit& fit);

/// The same of one "..._eager/..." fit.
[[nodiscard]] std::optional<EagerLaunch> eager_launch(const hardware::Fit& fit);

/// What a cluster's profile says about such kernels. The cluster must outlive it.
class CustomCurves {
 public:
  explicit CustomCurves(const hardware::Site& site);

  /// Price of the call; nullopt where NCCL carries it out.
  [[nodiscard]] std::optional<CollectiveEstimate> explain(const CollectiveCall& call) const;
  [[nodiscard]] std::optional<Seconds> time(const CollectiveCall& call) const;

 private:
  struct Match {
    const CustomCurve* curve = nullptr;
    const EagerLaunch* eager = nullptr;
  };
  [[nodiscard]] Match find(const CollectiveCall& call) const;
  [[nodiscard]] Seconds eager_time(Bytes bytes, Seconds graph, const EagerLaunch* eager) const;

  hardware::Site site_;
  std::vector<CustomCurve> curves_;
  std::vector<EagerLaunch> launches_;
};

}  // namespace orrery::sim
