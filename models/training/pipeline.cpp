#include "models/training/pipeline.hpp"

#include <array>
#include <utility>

#include <fmt/format.h>

#include "models/parallel/lanes.hpp"

namespace orrery::models {
namespace {

/// "forward 3", "backward 3 chunk 1": chunk 0 is not named.
std::string pass_label(const PipelineSlot& slot) {
  std::string label(slot.pass == PipelinePass::forward ? "forward " : "backward ");
  label += fmt::format_int(slot.microbatch).c_str();
  if (slot.chunk > 0) label.append(" chunk ").append(fmt::format_int(slot.chunk).c_str());
  return label;
}

/// The marks of the passes, which are the same on all stages.
class PassMarks {
 public:
  PassMarks(sim::PlanBuilder& builder, const PipelineShape& shape)
      : builder_(builder),
        shape_(shape),
        known_(2 * static_cast<std::size_t>(shape.chunks) * static_cast<std::size_t>(shape.microbatches)) {}

  std::uint32_t of(const PipelineSlot& slot) {
    const int place = (slot.chunk * shape_.microbatches + slot.microbatch) * 2 + static_cast<int>(slot.pass);
    std::optional<std::uint32_t>& known = known_.at(static_cast<std::size_t>(place));
    if (!known) {
      known = builder_.add(
          sim::MarkEntry{builder_.label(pass_label(slot)), static_cast<int>(slot.pass), slot.microbatch, slot.chunk});
    }
    return *known;
  }

 private:
  sim::PlanBuilder& builder_;
  const PipelineShape& shape_;
  std::vector<std::optional<std::uint32_t>> known_;  ///< by chunk, microbatch and pass
};

class StageLowering {
 public:
  StageLowering(sim::PlanBuilder& builder, const PipelineColumn& column, const PipelineShape& shape, int stage,
                bool overlap, PassMarks& marks)
      : builder_(builder),
        column_(column),
        shape_(shape),
        stage_(stage),
        overlap_(overlap),
        marks_(marks),
        rank_(column.ranks[static_cast<std::size_t>(stage)]),
        compute_(builder.stream(rank_, lanes::kCompute)) {}

  void run(const std::vector<PipelineSlot>& order, PassEmitter& emitter) {
    for (const PipelineSlot& slot : order) {
      receive(slot);
      builder_.mark(compute_, marks_.of(slot));
      emitter.emit(builder_, rank_, stage_, slot);
      send(slot);
    }
    builder_.mark(compute_, kEndOfPasses);
    if (pending_send_) builder_.wait(compute_, *pending_send_);
  }

 private:
  [[nodiscard]] int virtual_stage(const PipelineSlot& slot) const { return slot.chunk * shape_.stages + stage_; }
  [[nodiscard]] int last_virtual_stage() const { return shape_.stages * shape_.chunks - 1; }
  [[nodiscard]] bool has_producer(const PipelineSlot& slot) const {
    return slot.pass == PipelinePass::forward ? virtual_stage(slot) > 0 : virtual_stage(slot) < last_virtual_stage();
  }
  [[nodiscard]] bool has_consumer(const PipelineSlot& slot) const {
    return slot.pass == PipelinePass::forward ? virtual_stage(slot) < last_virtual_stage() : virtual_stage(slot) > 0;
  }

  // Forward messages go to the next stage, backward ones to the previous; the ring closes for chunks. Sends from here
  // and receives to here, each of both directions, are asked for again and again.
  std::uint32_t transfer(bool sends, bool forward) {
    std::optional<std::uint32_t>& known = transfers_[(sends ? 2u : 0u) + (forward ? 1u : 0u)];
    if (known) return *known;
    const int stages = shape_.stages;
    const int next = (stage_ + 1) % stages, previous = (stage_ + stages - 1) % stages;
    const int other = sends == forward ? next : previous;
    sim::TransferEntry entry;
    entry.source = column_.ranks[static_cast<std::size_t>(sends ? stage_ : other)];
    entry.destination = column_.ranks[static_cast<std::size_t>(sends ? other : stage_)];
    entry.bytes = column_.message;
    entry.label = builder_.label(forward ? "activations" : "gradients");
    known = builder_.transfer(entry);
    return *known;
  }

  void receive(const PipelineSlot& slot) {
    std::optional<EventId> arrived;
    if (has_producer(slot)) {
      const bool forward = slot.pass == PipelinePass::forward;
      const StreamId lane = builder_.stream(rank_, forward ? lanes::kRecvPrev : lanes::kRecvNext);
      builder_.recv(lane, transfer(false, forward));
      arrived = builder_.record(lane);
    }
    if (pending_send_) builder_.wait(compute_, *pending_send_);
    pending_send_.reset();
    if (arrived) builder_.wait(compute_, *arrived);
  }

  void send(const PipelineSlot& slot) {
    if (!has_consumer(slot)) return;
    const bool forward = slot.pass == PipelinePass::forward;
    const StreamId lane = builder_.stream(rank_, forward ? lanes::kSendNext : lanes::kSendPrev);
    builder_.wait(lane, builder_.record(compute_));
    builder_.send(lane, transfer(true, forward));
    if (!overlap_) pending_send_ = builder_.record(lane);
  }

  sim::PlanBuilder& builder_;
  const PipelineColumn& column_;
  const PipelineShape& shape_;
  int stage_;
  bool overlap_;
  PassMarks& marks_;
  RankId rank_;
  StreamId compute_;
  std::optional<EventId> pending_send_;
  std::array<std::optional<std::uint32_t>, 4> transfers_;
};

}  // namespace

std::optional<PipelineSlot> pass_of(const sim::MarkEntry& mark) {
  if (mark.pass < 0) return std::nullopt;
  return PipelineSlot{static_cast<PipelinePass>(mark.pass), mark.microbatch, mark.chunk};
}

void lower_pipeline(sim::PlanBuilder& builder, const PipelineColumn& column, const ScheduleRow& schedule,
                    const PipelineShape& shape, bool overlap_p2p, PassEmitter& emitter) {
  PassMarks marks(builder, shape);
  for (int stage = 0; stage < shape.stages; ++stage) {
    StageLowering lowering(builder, column, shape, stage, overlap_p2p, marks);
    lowering.run(schedule.order(stage, shape), emitter);
  }
}

}  // namespace orrery::models
