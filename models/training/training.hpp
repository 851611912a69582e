// One optimizer step of distributed training: what the user asks for and what comes back.
//
//   predict(TrainingJob) : Llm × TrainingConfig × Cluster → Plan → Timeline → TrainingResult
//
// The step is lowered to a Plan of one rank per pipeline stage (tensor- and data-parallel ranks are
// symmetric and folded), priced by a KernelTimer and the collective models, and evaluated.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "hardware/dtype.hpp"
#include "hardware/units.hpp"
#include "kernels/kernel.hpp"
#include "models/job.hpp"
#include "sim/plan.hpp"
#include "sim/run_control.hpp"
#include "sim/timeline.hpp"

namespace orrery::models {

enum class Recompute : std::uint8_t { none, selective, full };
enum class AttentionImplementation : std::uint8_t { flash, unfused };
enum class ZeroStage : std::uint8_t { none, optimizer };  ///< ZeRO-1 = Megatron's distributed optimizer

/// The keys of a scenario's `training:` section, with defaults.
struct TrainingConfig {
  std::int64_t sequence_length = 0;    ///< tokens
  std::int64_t global_batch_size = 0;  ///< sequences per optimizer step
  std::int64_t micro_batch_size = 1;   ///< sequences per microbatch and data-parallel rank
  int tensor_parallel = 1;
  int pipeline_parallel = 1;
  int virtual_pipeline = 1;        ///< chunks per stage; > 1 needs interleaved_1f1b
  int data_parallel = 0;           ///< 0: all GPUs that are left
  bool sequence_parallel = false;  ///< Megatron's: norms and dropout sharded along the sequence
  std::string schedule = "1f1b";
  std::vector<std::int64_t> stage_layers;  ///< layers per virtual stage in pipeline order; empty: even split
  Recompute recompute = Recompute::none;
  std::int64_t recompute_layers = -1;  ///< with full: how many layers of each virtual stage; −1: all
  AttentionImplementation attention = AttentionImplementation::flash;
  ZeroStage zero = ZeroStage::none;
  Dtype precision = Dtype::bf16;        ///< of matrix multiplications
  Dtype gradient_dtype = Dtype::fp32;   ///< of the gradient buffer that is accumulated and reduced
  bool master_weights = true;           ///< fp32 copy of the weights beside fp32 momenta
  bool overlap_gradient_reduce = true;  ///< data-parallel buckets fire during the last backward
  Bytes bucket_size{25.0 * 1048576.0};  ///< gradient bucket (PyTorch DDP's default 25 MiB)
  bool no_sync = true;                  ///< reduce gradients only after the last microbatch
  bool overlap_p2p = false;             ///< pipeline sends and receives do not hold the compute stream
  bool overlap_tensor_parallel = true;  ///< collectives of input gradients run beside the weight gradients
  double dropout = 0.0;                 ///< > 0 stores masks: Korthikanti et al. have 0.1
  bool fused_cross_entropy = false;     ///< one kernel reads the 16-bit logits and writes their gradient in place
  bool cuda_graphs = false;             ///< the host launches graphs: its cost per kernel vanishes
  Seconds host_overhead;  ///< host cost per kernel of an eager framework; 0: the GPU profile's launch cost
};

struct TrainingJob : Job {
  TrainingConfig config;
  FlopConvention flop_convention = FlopConvention::model;
};

/// Bytes on one GPU of a pipeline stage.
struct StageMemory {
  int stage = 0;
  Bytes weights, gradients, optimizer, activations, workspace;
  Bytes peak;  ///< largest sum over the step
};

struct TrainingResult {
  sim::Plan plan;
  sim::Timeline timeline;
  Seconds step_time;
  Seconds compute, communication, exposed_communication, optimizer;  ///< mean over GPUs
  double bubble_fraction = 0.0;
  double tokens_per_second = 0.0, tokens_per_second_per_gpu = 0.0;
  FlopsPerSecond model_flops_per_gpu, hardware_flops_per_gpu;
  double mfu = 0.0, hfu = 0.0;
  std::vector<StageMemory> memory;
  Bytes memory_capacity;    ///< usable bytes of one GPU
  std::uint64_t steps = 0;  ///< plan steps evaluated

  [[nodiscard]] const StageMemory& fullest() const;
  [[nodiscard]] bool out_of_memory() const { return fullest().peak > memory_capacity; }
};

/// Every impossible combination: heads not divided by TP, layers not divided by stages without an explicit
/// split, more GPUs than the cluster has, batch not divisible, interleaving without the schedule, …
[[nodiscard]] std::vector<JobError> check(const TrainingJob& job);

/// Data-parallel degree after filling in "what is left". REQUIRES check(job).empty().
[[nodiscard]] int data_parallel_degree(const TrainingJob& job);

/// REQUIRES check(job).empty(). Throws std::invalid_argument if the GPU can't compute the precision, and sim::Cancelled
/// once `control` says stop.
[[nodiscard]] TrainingResult predict(const TrainingJob& job, const kernels::KernelTimer& timer,
                                     const sim::RunControl& control = {});

/// The same job with every data- and tensor-parallel rank its own: for testing that folding changes nothing.
[[nodiscard]] TrainingResult predict_unfolded(const TrainingJob& job, const kernels::KernelTimer& timer);

}  // namespace orrery::models
