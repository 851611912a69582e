// The Plan: what every rank does, in the order it does it. The one intermediate form of the program.
//
// A Plan has the shape of a CUDA program: ranks own streams, a stream is an ordered list of steps, and
// record/wait pairs order streams of one rank. The simulator gives it times, the executor launches it
// step by step on CUDA streams and NCCL communicators, and both return a Timeline.
//
// Steps are 8 bytes: a kind and an index into the table of that kind, so that repeated layers and
// microbatches share one kernel, collective or transfer entry.
//
// Folding. A rank may stand for `multiplicity` identical GPUs. A Group lists the ranks of the plan that
// take part (`members`) and says how large the real communicator is (`size`, over `nodes` nodes): the
// tensor-parallel group of a folded plan has one member and size 8.
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
//   mark        an annotation (labels[index]); takes no time
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "hardware/ids.hpp"
#include "hardware/units.hpp"
#include "kernels/kernel.hpp"
#include "sim/run_control.hpp"

namespace orrery::sim {

enum class StepKind : std::uint8_t { launch, collective, send, recv, copy, record, wait, alloc, free, mark };
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

enum class CollectiveKind : std::uint8_t { all_reduce, all_gather, reduce_scatter, all_to_all, broadcast };
[[nodiscard]] std::string_view name(CollectiveKind kind);

/// What a stream is for. Lanes name CUDA streams; steps of different lanes of a rank run concurrently.
enum class Lane : std::uint8_t {
  compute,
  tensor_parallel,
  data_parallel,
  send_next,
  recv_prev,
  send_prev,
  recv_next,
  expert_parallel,
  copy
};
[[nodiscard]] std::string_view name(Lane lane);

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
};

/// `bytes`: the full buffer, as nccl-tests' "size": all_gather and reduce_scatter count the gathered
/// tensor (ranks × shard), all_reduce, all_to_all and broadcast one rank's buffer.
struct CollectiveEntry {
  CollectiveKind kind = CollectiveKind::all_reduce;
  Bytes bytes;
  GroupId group;
  LabelId label;
  Activity activity = Activity::other;
};

struct TransferEntry {
  RankId source, destination;
  Bytes bytes;
  bool same_node = false;
  LabelId label;
  Activity activity = Activity::pipeline;
};

struct CopyEntry {
  kernels::HostCopyShape copy;
  LabelId label;
};

struct MemoryEntry {
  Bytes bytes;
  MemoryKind kind = MemoryKind::workspace;
};

struct Group {
  std::string name;             ///< "tp0"
  std::vector<RankId> members;  ///< ranks of this plan
  int size = 1;                 ///< real communicator size
  int nodes = 1;                ///< nodes that the real communicator spans
};

struct Rank {
  std::string name;      ///< "stage 3"
  int multiplicity = 1;  ///< GPUs that this rank stands for
  int node = 0;          ///< for grouping in views
};

struct Stream {
  RankId rank;
  Lane lane = Lane::compute;
  std::vector<Step> steps;
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
  std::vector<std::string> labels;
  std::uint32_t events = 0;

  /// Steps of all streams but marks, which are no work.
  [[nodiscard]] std::size_t step_count() const;
};

/// Every rule of the header comment that the plan breaks, one sentence each with rank, stream and step:
/// indices out of range, waits without a record or on another rank, an event recorded twice, sends without
/// recvs, unequal collective order within a group, frees without allocs, allocs never freed beyond those
/// present at the end of both… (unbalanced per rank), and deadlock. Empty: the plan can run.
[[nodiscard]] std::vector<std::string> check(const Plan& plan, const RunControl& control = {});

/// A stable text form, one line per table entry and step, for golden tests and for reading.
[[nodiscard]] std::string to_text(const Plan& plan);

/// Reads what to_text wrote. Throws std::invalid_argument with the line number on malformed text.
[[nodiscard]] Plan plan_from_text(std::string_view text);

/// Builds a Plan: interns labels and equal table entries, hands out events.
class PlanBuilder {
 public:
  RankId add_rank(std::string name, int multiplicity = 1, int node = 0);
  GroupId add_group(Group group);
  /// The stream of `lane` on `rank`, created on first use.
  StreamId stream(RankId rank, Lane lane);

  void launch(StreamId stream, const kernels::Kernel& kernel, std::string_view label, Activity activity,
              std::uint32_t repeat = 1);
  void collective(StreamId stream, CollectiveKind kind, Bytes bytes, GroupId group, std::string_view label,
                  Activity activity);
  /// Adds (or finds) a transfer; use its index with send() and recv().
  std::uint32_t transfer(const TransferEntry& entry);
  void send(StreamId stream, std::uint32_t transfer);
  void recv(StreamId stream, std::uint32_t transfer);
  void copy(StreamId stream, const kernels::HostCopyShape& copy, std::string_view label);
  EventId record(StreamId stream);
  void wait(StreamId stream, EventId event);
  void alloc(StreamId stream, Bytes bytes, MemoryKind kind);
  void free(StreamId stream, Bytes bytes, MemoryKind kind);
  void mark(StreamId stream, std::string_view label);
  LabelId label(std::string_view text);

  /// The finished plan; the builder is empty afterwards.
  [[nodiscard]] Plan take();

 private:
  struct Interned;
  std::uint32_t memory_entry(Bytes bytes, MemoryKind kind);
  Step& push(StreamId stream, StepKind kind, std::uint32_t index);

  Plan plan_;
  std::unordered_map<std::string, std::uint32_t> labels_;
  std::unordered_map<std::size_t, std::vector<std::uint32_t>> kernels_, collectives_, transfers_, copies_, memory_;
  std::unordered_map<std::uint64_t, std::uint32_t> streams_;
};

}  // namespace orrery::sim
