// Builds a Plan: interns labels and equal table entries, hands out events, opens and closes blocks.
//
// Interning keeps a plan small (96 equal layers share one kernel entry) and makes pricing cheap: each entry is priced
// once. Who adds the same entry again and again keeps its number instead: add(), then launch() or collective().
//
// While a block is open (begin_block … end_block) everything put on the streams of its rank goes into the block's
// parts, and events are the block's own, so that the same code writes a pass into a block or straight into streams.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "sim/plan/plan.hpp"

namespace orrery::sim {

class PlanBuilder {
 public:
  /// A rank that stands for `multiplicity` members of the job from number `first` on.
  RankId add_rank(std::string name, int multiplicity = 1, std::uint32_t first = 0);
  RankId add_rank(Rank rank);
  GroupId add_group(Group group);
  void name_lane(Lane lane, std::string_view name);
  /// The stream of `lane` on `rank`, created on first use; the part of the open block.
  StreamId stream(RankId rank, Lane lane);

  /// The number of a table entry, added if it isn't there.
  std::uint32_t add(const KernelEntry& entry);
  std::uint32_t add(const CollectiveEntry& entry);
  std::uint32_t add(const MarkEntry& mark);
  void launch(StreamId stream, std::uint32_t kernel) { push(stream, StepKind::launch, kernel); }
  void collective(StreamId stream, std::uint32_t entry) { push(stream, StepKind::collective, entry); }

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
  void mark(StreamId stream, std::string_view label) { mark(stream, MarkEntry{this->label(label)}); }
  void mark(StreamId stream, const MarkEntry& mark) { push(stream, StepKind::mark, add(mark)); }
  void mark(StreamId stream, std::uint32_t mark) { push(stream, StepKind::mark, mark); }
  LabelId label(std::string_view text);

  /// Until end_block(), streams are the parts of a new block of `rank`. Throws std::logic_error inside a block.
  void begin_block(RankId rank, std::string name);
  /// The number of the block, for call().
  std::uint32_t end_block();
  /// The rank runs the block on all lanes that it has parts for.
  void call(RankId rank, std::uint32_t block);

  /// The finished plan; the builder is empty afterwards.
  [[nodiscard]] Plan take();

 private:
  std::uint32_t memory_entry(Bytes bytes, MemoryKind kind);
  void push(StreamId stream, StepKind kind, std::uint32_t index);

  Plan plan_;
  Block open_;
  RankId open_rank_;  ///< none: no block is open
  std::unordered_map<std::string, std::uint32_t> labels_;
  std::unordered_map<std::size_t, std::vector<std::uint32_t>> kernels_, collectives_, transfers_, copies_, memory_,
      marks_;
  std::vector<std::vector<std::uint32_t>> streams_;  ///< by rank
};

}  // namespace orrery::sim
