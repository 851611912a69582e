// One optimizer step of distributed training: what the user asks for and what comes back.
//
//   predict(TrainingJob) : Llm × TrainingConfig × Cluster → Plan → Timeline → TrainingResult
//
// The step is lowered to a Plan of one rank per pipeline stage (tensor- and data-parallel ranks that are alike are
// folded), priced once per entry, and evaluated.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hardware/dtype.hpp"
#include "hardware/units.hpp"
#include "kernels/kernel.hpp"
#include "models/job.hpp"
#include "models/parallel/mesh.hpp"
#include "models/training/outer.hpp"
#include "models/world_job.hpp"
#include "sim/links/link_report.hpp"
#include "sim/plan/plan.hpp"
#include "sim/plan/timeline.hpp"
#include "sim/run_control.hpp"

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
  std::string tensor_parallel_mode = "1d";  ///< a row of tensor_parallel_modes(): how these ranks share a layer
  int tensor_parallel_depth = 1;            ///< of the mode 2.5d: layers of its grid
  int pipeline_parallel = 1;
  int virtual_pipeline = 1;                    ///< chunks per stage; > 1 needs interleaved_1f1b
  int data_parallel = 0;                       ///< 0: all GPUs that are left
  int expert_parallel = 1;                     ///< ranks of a data-parallel group that share the routed experts
  std::string expert_exchange = "all_to_all";  ///< a row of expert_exchanges()
  int expert_exchange_sms = 0;                 ///< 0: what the library takes
  double expert_imbalance = 1.0;               ///< tokens of the most loaded rank over the mean
  int expert_group_limit = 0;                  ///< nodes that a token's experts may lie on; 0: all
  bool sequence_parallel = false;              ///< Megatron's: norms and dropout sharded along the sequence
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
  Bytes bucket_size;    ///< of gradients; whole weights fill it: a larger one is a bucket alone; 0: gradient_bucket()
  bool no_sync = true;  ///< reduce gradients only after the last microbatch
  bool overlap_p2p = false;             ///< pipeline sends and receives do not hold the compute stream
  bool overlap_tensor_parallel = true;  ///< collectives of input gradients run beside the weight gradients
  double dropout = 0.0;                 ///< > 0 stores masks: Korthikanti et al. have 0.1
  bool fused_cross_entropy = false;     ///< one kernel reads the 16-bit logits and writes their gradient in place
  bool cuda_graphs = false;             ///< the host launches graphs: its cost per kernel vanishes
  Seconds host_overhead;  ///< host cost per kernel of an eager framework; 0: the GPU profile's launch cost
  OuterConfig outer;      ///< workers that synchronise every so many steps only

  friend bool operator==(const TrainingConfig&, const TrainingConfig&) = default;
};

struct TrainingJob : Job {
  TrainingConfig config;
  FlopConvention flop_convention = FlopConvention::model;
  JobPlacement placement;
};

/// Bytes on one GPU of a pipeline stage.
struct StageMemory {
  int stage = 0;
  Bytes weights, gradients, optimizer, activations, workspace;
  Bytes peak;      ///< largest sum over the step
  Bytes capacity;  ///< usable bytes of the smallest GPU of the stage

  [[nodiscard]] bool fits() const { return peak <= capacity; }
};

/// How much longer than alone the operations of one entry of the plan took because of a link.
struct HeldUpOperations {
  sim::StepKind kind = sim::StepKind::collective;  ///< or send: the plan's table
  std::uint32_t entry = 0;
  std::string link_class;
  BytesPerSecond capacity;  ///< of the link
  Seconds delay;            ///< of all its operations in a step, mean over the steps that ended
};

/// Steps one after another that took equal times.
struct RepeatedSteps {
  Seconds duration;  ///< of each
  std::int64_t count = 1;
};

struct TrainingResult {
  std::shared_ptr<const sim::Plan> plan;  ///< shared with what LoweredSteps keeps
  sim::Timeline timeline;                 ///< only where asked for
  Seconds step_time;
  Seconds compute, communication, exposed_communication, optimizer;  ///< mean over GPUs
  double bubble_fraction = 0.0;
  double tokens_per_second = 0.0, tokens_per_second_per_gpu = 0.0;
  FlopsPerSecond model_flops_per_gpu, hardware_flops_per_gpu;
  double mfu = 0.0, hfu = 0.0;
  std::vector<StageMemory> memory;
  std::uint64_t steps = 0;                    ///< plan steps evaluated
  std::string reading = "frozen";             ///< "frozen": nothing shares a link; "flows", "messages": on a World
  sim::Batched batched;                       ///< of ends of flows
  std::uint64_t events = 0;                   ///< of the World's clock
  std::vector<sim::LinkReport> links;         ///< what the links carried in the step, or until the World stopped
  std::vector<RepeatedSteps> repeated_steps;  ///< all that ended on a World; the figures are of the median one
  std::vector<HeldUpOperations> held_up;      ///< in the steps that ended on a World
  std::optional<OuterStep> outer;             ///< of workers that synchronise every so many steps

  /// The stage with the least room to spare, the first of equals.
  [[nodiscard]] const StageMemory& fullest() const;
  [[nodiscard]] bool out_of_memory() const { return !fullest().fits(); }
};

/// Every impossible combination: heads not divided by TP, layers not divided by stages without an explicit
/// split, more GPUs than the cluster has, batch not divisible, interleaving without the schedule, …
[[nodiscard]] std::vector<JobError> check(const TrainingJob& job);

/// Data-parallel degree after filling in "what is left". REQUIRES check(job).empty().
[[nodiscard]] int data_parallel_degree(const TrainingJob& job);
/// The size of a gradient bucket: bucket_size, or the trainer's own. With data parallelism alone that of PyTorch's
/// DistributedDataParallel, 25 MiB (bucket_cap_mb); else Megatron-core's max(40 M, 1 M·data_parallel) gradients, so
/// that a ring over many replicas has something to carry (distributed/distributed_data_parallel.py, bucket_size).
[[nodiscard]] Bytes gradient_bucket(const TrainingJob& job);

class LoweredSteps;

struct TrainingOptions {
  bool keep_timeline = false;
  LoweredSteps* lowered = nullptr;  ///< steps that were lowered before; nullptr: none (lowered_step.hpp)
  /// Which members stand for each other; none: all that are alike.
  std::optional<MeshClasses> classes;
  std::int64_t steps = 1;  ///< repeated, where something happens meanwhile
  std::vector<Disturbance> disturbances;
  /// The machine that the links are of; nullptr: as the cluster describes it.
  const hardware::Topology* topology = nullptr;
  bool shares_links = true;  ///< false: as if every operation were alone
  sim::RunControl control;
};

/// Whether the borders of nodes fall alike in all communicators along an axis: each covers whole nodes, or nodes hold
/// whole numbers of them.
[[nodiscard]] bool deals_evenly(const sim::Axis& axis, int per_node);
/// The same along each axis of the mesh.
[[nodiscard]] bool is_aligned(const Mesh& mesh, int per_node);

/// The classes of members that are alike but for disturbances and where nodes begin. `topology` as for
/// disturbed_gpus().
[[nodiscard]] MeshClasses alike_members(const TrainingJob& job, const std::vector<Disturbance>& disturbances,
                                        const hardware::Topology* topology);

/// Of a job of workers: the inner step of one, and in the mean what their exchanges add. REQUIRES check(job).empty().
/// Throws std::invalid_argument if the GPU can't compute the precision, or for workers in disturbed or repeated steps,
/// and sim::Cancelled once `control` says stop.
[[nodiscard]] TrainingResult predict(const TrainingJob& job, const kernels::KernelTimer& timer,
                                     const TrainingOptions& options = {});

}  // namespace orrery::models
