// The Plan: what every rank does, in the order it does it. The one intermediate form of the program.
//
// A Plan has the shape of a CUDA program: ranks own streams, a stream is an ordered list of steps, and
// record/wait pairs order streams of one rank. The simulator gives it times, the executor launches it
// step by step on CUDA streams and NCCL communicators, and both return a Timeline.
//
// Steps are 8 bytes: a kind and an index into the table of that kind, so that repeated layers and
// microbatches share one kernel, collective or transfer entry.
//
// Folding. A rank stands for one or more identical members of its job (`stands_for`). A Group lists the ranks of
// the plan that take part (`members`) and which real communicators it stands for: a regular slice of the job's
// members, and where each copy of it begins. The tensor-parallel group of a folded plan has one member and size 8.
// Where members sit on a machine is no part of a plan: see placement.hpp.
//
// Blocks. What a rank does again and again (a pass through its layers) is written once, as a Block with one part
// per lane, and called. A block is what a rank does by itself: kernels, copies, collectives whose other members are
// folded away, events of its own and memory. It meets no other rank, so that its effect on the rank's lanes
// depends on their times alone and is worked out once.
//
// Semantics of steps:
//   launch      runs kernels[index] on the GPU; occupies the stream for its duration
//   collective  the k-th occurrence of an entry on each member matches the k-th of the others; it starts
//               when the last member reaches it, and all leave together. Entries of one group must be
//               issued in the same order by all its members. Occurrences count per lane: collectives
//               that a rank issues on two lanes are two sequences, as with one communicator per lane.
//   send, recv  rendezvous: the k-th send and k-th recv of transfers[index] start together, when both
//               are reached, and both streams are occupied until the data has arrived
//               (all sends of an entry are on one stream, and all its recvs on one stream)
//   copy        host copy (copies[index]); occupies the stream
//   record      marks event `index` as done when the stream reaches it; each event is recorded once
//   wait        holds the stream until event `index` (of the same rank) is done
//   alloc, free memory[index] on the rank of the stream, at the time the stream reaches the step
//   mark        an annotation (marks[index]); takes no time
//   call        runs the part of blocks[calls[index].block] that belongs to the stream's lane in place of the step.
//               A call stands once on each lane that its block has a part for, on streams of one rank; these
//               lanes reach it in the same order. Events of the block are counted from calls[index].first_event
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hardware/dtype.hpp"
#include "hardware/ids.hpp"
#include "hardware/units.hpp"
#include "kernels/kernel.hpp"
#include "sim/run_control.hpp"

namespace orrery::sim {

enum class StepKind : std::uint8_t { launch, collective, send, recv, copy, record, wait, alloc, free, mark, call };
[[nodiscard]] std::string_view name(StepKind kind);

struct Step {
  StepKind kind = StepKind::mark;
  std::uint32_t index = 0;  ///< into the Plan's table of that kind
};
static_assert(sizeof(Step) == 8);

/// What a span of time was for: colours of the timeline, rows of the report.
enum class Activity : std::uint8_t {
  forward,
  recompute,
  backward,
  weight_gradient,
  optimizer,
  tensor_parallel,
  data_parallel,
  pipeline,
  expert_parallel,
  host_copy,
  prefill,  ///< of a serving engine's iterations: prompts only
  decode,   ///< one token for each sequence
  mixed,    ///< both in one batch
  other,
};
[[nodiscard]] std::string_view name(Activity activity);
[[nodiscard]] bool is_communication(Activity activity);

enum class CollectiveKind : std::uint8_t { all_reduce, all_gather, reduce_scatter, all_to_all, broadcast, reduce };
[[nodiscard]] std::string_view name(CollectiveKind kind);

/// Whose kernel carries a collective out. Serving engines have one- and two-shot all_reduce kernels of their own for
/// small messages within a node, captured in CUDA graphs or launched one by one; where those don't apply NCCL is taken.
/// A sparse exchange goes out as an all_to_all and comes back, summed, as a reduce_scatter, in kernels that only the
/// plan's maker can price; `bytes` are those that a rank sends.
enum class CollectiveLibrary : std::uint8_t { nccl, custom_graph, custom_eager, sparse_exchange };
[[nodiscard]] std::string_view name(CollectiveLibrary library);

/// How a kernel reaches the GPU: it decides how long the stream idles around it.
enum class LaunchPath : std::uint8_t {
  stream,  ///< launched by the host
  graph,   ///< a node of a CUDA graph
  joined,  ///< part of the kernel before it
};
[[nodiscard]] std::string_view name(LaunchPath path);

enum class LaneKind : std::uint8_t { compute, communication, copy };
[[nodiscard]] std::string_view name(LaneKind kind);

/// One CUDA stream of a rank; steps of different lanes run concurrently. Whoever lowers a plan numbers its lanes and
/// names them (Plan::lane_names).
struct Lane {
  LaneKind kind = LaneKind::compute;
  std::uint8_t number = 0;

  friend constexpr auto operator<=>(const Lane&, const Lane&) = default;
};

struct LaneName {
  Lane lane;
  std::string name;  ///< "data_parallel"
};

/// What memory is for: the kinds of the report's memory section.
enum class MemoryKind : std::uint8_t { weights, gradients, optimizer, activations, kv_cache, workspace };
[[nodiscard]] std::string_view name(MemoryKind kind);

using LabelId = Id<struct LabelTag>;

struct KernelEntry {
  kernels::Kernel kernel;
  LabelId label;
  Activity activity = Activity::other;
  /// How often the kernel runs back to back in one step (a folded run of identical layers). ≥ 1
  std::uint32_t repeat = 1;
  LaunchPath launch = LaunchPath::stream;
  /// The kernel of prompts that this one shares the GPU with: its price is what it adds to that one
  /// (kernels/attention/mixed_batch.hpp).
  std::optional<kernels::AttentionPrefillShape> beside;
};

/// `bytes`: the full buffer, as nccl-tests' "size": all_gather and reduce_scatter count the gathered
/// tensor (ranks × shard), the others one rank's buffer.
struct CollectiveEntry {
  CollectiveKind kind = CollectiveKind::all_reduce;
  Bytes bytes;
  GroupId group;
  LabelId label;
  Activity activity = Activity::other;
  Dtype dtype = Dtype::bf16;
  CollectiveLibrary library = CollectiveLibrary::nccl;
  kernels::Implementation implementation = kernels::Implementation::automatic;  ///< of a custom kernel: vllm, …

  friend bool operator==(const CollectiveEntry&, const CollectiveEntry&) = default;
};

/// From each member that `source` stands for to the one at the same place of `destination`.
struct TransferEntry {
  RankId source, destination;
  Bytes bytes;
  LabelId label;
  Activity activity = Activity::pipeline;

  friend bool operator==(const TransferEntry&, const TransferEntry&) = default;
};

struct CopyEntry {
  kernels::HostCopyShape copy;
  LabelId label;
};

struct MemoryEntry {
  Bytes bytes;
  MemoryKind kind = MemoryKind::workspace;
};

/// A regular arrangement of a job's members: `count` of them at distance `stride`.
struct Axis {
  int count = 1;
  int stride = 1;

  friend bool operator==(const Axis&, const Axis&) = default;
};

/// One or more alike communicators. Member i of the copy that begins at `base` is base + Σ i_k·stride_k, the first
/// axis fastest.
struct Group {
  std::string name;                  ///< "tp0"
  std::vector<RankId> members;       ///< ranks of this plan
  std::vector<Axis> axes;            ///< of one communicator
  std::vector<std::uint32_t> bases;  ///< first member of each communicator that the group stands for; ≥ 1

  /// Ranks of one communicator.
  [[nodiscard]] int size() const {
    int product = 1;
    for (const Axis& axis : axes) product *= axis.count;
    return product;
  }
  /// A communicator of `ranks` neighbours from `base` on.
  [[nodiscard]] static Group of(std::string name, std::vector<RankId> members, int ranks, std::uint32_t base = 0) {
    return {std::move(name), std::move(members), {{ranks, 1}}, {base}};
  }
};

struct Rank {
  std::string name;                       ///< "stage 3"
  std::vector<std::uint32_t> stands_for;  ///< members of the job, by number; the first represents them
  std::uint32_t gpu_class = 0;            ///< which price of a kernel is this rank's (Durations)

  [[nodiscard]] int multiplicity() const { return static_cast<int>(stands_for.size()); }
};

struct Stream {
  RankId rank;
  Lane lane;
  std::vector<Step> steps;
};

/// The part of a block that runs on one lane of the rank.
struct BlockPart {
  Lane lane;
  std::vector<Step> steps;
};

struct Block {
  std::string name;  ///< "forward, chunk 0"
  std::vector<BlockPart> parts;
  std::uint32_t events = 0;  ///< events of its own, from 0
};

struct Call {
  std::uint32_t block = 0;
  std::uint32_t first_event = 0;  ///< the plan's number of the block's event 0
};

/// What a mark says of the steps behind it, in numbers whose meaning is its maker's: the pass of a pipeline, its
/// microbatch and its chunk.
struct MarkEntry {
  LabelId label;
  std::int32_t pass = -1;  ///< −1: none begins here
  std::int32_t microbatch = 0, chunk = 0;

  friend bool operator==(const MarkEntry&, const MarkEntry&) = default;
};

struct Plan {
  std::vector<Rank> ranks;
  std::vector<Stream> streams;
  std::vector<Group> groups;
  std::vector<KernelEntry> kernels;
  std::vector<CollectiveEntry> collectives;
  std::vector<TransferEntry> transfers;
  std::vector<CopyEntry> copies;
  std::vector<MemoryEntry> memory;
  std::vector<MarkEntry> marks;
  std::vector<Block> blocks;
  std::vector<Call> calls;
  std::vector<LaneName> lane_names;
  std::vector<std::string> labels;
  std::uint32_t events = 0;

  /// Steps of all streams but marks, which are no work; a call counts as the steps that it runs.
  [[nodiscard]] std::size_t step_count() const;
};

/// "data_parallel" where the plan names the lane, else "communication 1".
[[nodiscard]] std::string lane_name(const std::vector<LaneName>& names, Lane lane);

/// The part of `block` on `lane`, or nullptr.
[[nodiscard]] const BlockPart* find_part(const Block& block, Lane lane);

/// The same plan without blocks: every call replaced by the steps that it runs.
[[nodiscard]] Plan inlined(const Plan& plan);

/// Every rule of the header comment that the plan breaks, one sentence each with rank, stream and step:
/// indices out of range, waits without a record or on another rank, an event recorded twice, sends without
/// recvs, unequal collective order within a group, blocks that meet others, frees without allocs, allocs never freed
/// beyond those present at the end of both… (unbalanced per rank), and deadlock. Empty: the plan can run.
[[nodiscard]] std::vector<std::string> check(const Plan& plan, const RunControl& control = {});

/// A stable text form, one line per table entry and step, for golden tests and for reading.
[[nodiscard]] std::string to_text(const Plan& plan);

}  // namespace orrery::sim
