// Outer synchronisation: workers that train by themselves for H steps and then exchange what these made of the weights.
//
// Local SGD with an outer optimizer (DiLoCo, Douillard et al. 2023, arXiv:2311.08105 algorithm 1): every worker, a site
// or a pod of many GPUs, takes H inner steps; the pseudo-gradient, weights at the last exchange less weights now, is
// averaged over the workers; Nesterov momentum on it makes the weights that all go on with.
//
// A rank exchanges the share of its weights that no other data-parallel rank of its worker does, so that a worker sends
// the model once; within the worker the new weights are gathered. Per exchange and rank, P parameters of the rank, D
// data-parallel ranks in a worker, W workers:
//   all_reduce of P/D pseudo-gradients over the W ranks of the same place   (over the WAN)
//   all_gather of P weights over the D ranks
// With F fragments (Streaming DiLoCo, arXiv:2501.18512 section 2.2) an F-th of that is exchanged every H/F steps.
//
//   step = inner step + F/H·(exchange + update + gather); with overlap max(exchange − H/F·inner step, 0) in its place
//
// Limitations: workers' inner steps slow each other nowhere, nor does the exchange beside them; all workers are alike;
// how well such a training converges is not predicted.
#pragma once

#include <cstdint>

#include "hardware/dtype.hpp"
#include "hardware/units.hpp"

namespace orrery::models {

/// Where a rank keeps the outer momentum and the weights of the last exchange.
enum class OuterState : std::uint8_t { gpu, host };

struct OuterConfig {
  int workers = 1;            ///< that share the data-parallel ranks; 1: all synchronise in every step
  std::int64_t steps = 500;   ///< H; DiLoCo's
  int fragments = 1;          ///< F
  Dtype dtype = Dtype::fp32;  ///< of what is exchanged
  bool overlap = false;       ///< beside the inner steps that follow (arXiv:2502.12996, eager updates)
  OuterState state = OuterState::gpu;
  bool is_share = false;  ///< of a job that is one worker of another job: it has that one's outer state

  [[nodiscard]] bool is_on() const { return workers > 1; }

  friend bool operator==(const OuterConfig&, const OuterConfig&) = default;
};

/// One exchange, of one fragment, and what it comes to.
struct OuterStep {
  Seconds inner;           ///< step
  Seconds exchange;        ///< of pseudo-gradients between workers
  Seconds update;          ///< kernels before and after it, and host copies
  Seconds gather;          ///< of the new weights within a worker
  Seconds exposed;         ///< of all three, by which the mean step is longer than an inner one
  Bytes sent;              ///< between workers by the rank that sends most
  Bytes worker_sent;       ///< by a worker in H steps, all fragments
  double exchanges = 0.0;  ///< in an inner step, F/H
};

}  // namespace orrery::models
