// Lowering a pipeline schedule to a Plan: the order of passes, the messages between stages, the waiting.
//
// What a pass does is the caller's business (PassEmitter); this part knows only stages, microbatches and
// chunks. Each rank has a compute stream and one stream per direction and peer, so that a send and a receive
// are in flight together, as Megatron-LM's batched p2p does.
//
// Receives are posted as early as their stream allows, so that messages wait for data only and no order of
// passes can deadlock. Without overlap the compute stream waits, before its next pass, for its last send as well:
// a message then costs its sender and its receiver time (Megatron-LM without overlap_p2p_communication).
// A mark at the start of each pass on the compute stream names it and carries its pass, microbatch and chunk; one
// behind the last pass says that no pass runs any more: a view can tell microbatches apart though their kernels share
// labels. Limitation: a sender never waits for a receiver that is late in posting.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "models/schedule/schedule.hpp"
#include "sim/plan/builder.hpp"

namespace orrery::models {

class PassEmitter {
 public:
  virtual ~PassEmitter() = default;
  /// Puts the kernels of one pass on the compute stream of `rank`.
  virtual void emit(sim::PlanBuilder& builder, RankId rank, int stage, const PipelineSlot& slot) = 0;
};

/// One column of the pipeline: the rank of each stage, and what a message between neighbours looks like.
struct PipelineColumn {
  std::vector<RankId> ranks;  ///< by stage
  Bytes message;              ///< activations or gradients of one microbatch on one rank
};

/// The pass that a mark begins; nullopt where it begins none.
[[nodiscard]] std::optional<PipelineSlot> pass_of(const sim::MarkEntry& mark);
/// Of the mark behind the last pass of a stage: what follows (reduction of gradients, optimizer) is no pass.
inline constexpr std::string_view kEndOfPasses = "end of passes";

/// Appends every stage's passes in the order of `schedule`. REQUIRES schedule.check(shape).empty().
void lower_pipeline(sim::PlanBuilder& builder, const PipelineColumn& column, const ScheduleRow& schedule,
                    const PipelineShape& shape, bool overlap_p2p, PassEmitter& emitter);

}  // namespace orrery::models
