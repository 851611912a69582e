// An iteration as a Plan: one rank per pipeline stage that stands for its tensor-parallel group, one stream each.
//
// Limitations: folded layers run kernel by kernel (all of one kind, then all of the next), so that a trace shows how
// long each kind takes and not when; the host's launches and work are no steps of the plan.
#include <algorithm>
#include <string>
#include <utility>

#include "models/serving/step_model_state.hpp"

namespace orrery::models {

sim::Plan StepModel::lower(const StepShape& shape) const {
  sim::PlanBuilder builder;
  const ServingConfig& config = state_->job->config;
  std::vector<RankId> ranks;
  for (int stage = 0; stage < stages(); ++stage) {
    const int node = stage * config.tensor_parallel / std::max(1, state_->job->cluster.gpus_per_node());
    ranks.push_back(builder.add_rank("stage " + std::to_string(stage), config.tensor_parallel, node));
  }
  for (int stage = 0; stage < stages(); ++stage) {
    const std::size_t s = static_cast<std::size_t>(stage);
    const StreamId stream = builder.stream(ranks[s], sim::Lane::compute);
    const auto transfer_to = [&](int next) {
      const std::size_t n = static_cast<std::size_t>(next);
      sim::TransferEntry entry;
      entry.source = ranks[n - 1];
      entry.destination = ranks[n];
      entry.bytes = state_->ops.message(padded(shape.tokens()), next - 1);
      entry.same_node = state_->ops.next_on_same_node(next - 1);
      entry.label = builder.label("hidden states");
      return builder.transfer(entry);
    };
    if (stage > 0) builder.recv(stream, transfer_to(stage));
    sim::Group group{"tp" + std::to_string(stage), {ranks[s]}, config.tensor_parallel, state_->ops.group_nodes()};
    const GroupId group_id = builder.add_group(std::move(group));
    for (const StepOp& op : ops(shape, stage)) {
      if (!op.is_collective) {
        builder.launch(stream, op.kernel, op.label, sim::Activity::forward, static_cast<std::uint32_t>(op.count));
        continue;
      }
      for (std::int64_t i = 0; i < op.count; ++i) {
        builder.collective(stream, op.collective.kind, op.collective.bytes, group_id, op.label,
                           sim::Activity::tensor_parallel);
      }
    }
    if (stage + 1 < stages()) builder.send(stream, transfer_to(stage + 1));
  }
  return builder.take();
}

sim::Pricing StepModel::pricing(const sim::Plan& plan, const StepShape& shape) const {
  // Labels tell ops apart: an op keeps its part and its collective's library across the plan.
  std::vector<StepOp> by_label(plan.labels.size());
  for (int stage = 0; stage < stages(); ++stage) {
    for (const StepOp& op : ops(shape, stage)) {
      for (std::size_t i = 0; i < plan.labels.size(); ++i) {
        if (plan.labels[i] == op.label) by_label[i] = op;
      }
    }
  }
  const State* state = state_.get();
  const GraphMode mode = state->ops.mode(shape.tokens(), shape.decode_only());
  sim::Pricing pricing;
  pricing.kernel = [state, mode, by_label](const sim::KernelEntry& entry) {
    StepOp op = by_label[entry.label.index()];
    op.kernel = entry.kernel;
    return Seconds{state->price(op) + state->gap(op, mode)};
  };
  pricing.collective = [state, by_label](const sim::CollectiveEntry& entry, const sim::Group&) {
    StepOp op = by_label[entry.label.index()];
    op.collective.bytes = entry.bytes;
    return Seconds{state->price(op)};
  };
  pricing.transfer = [state](const sim::TransferEntry& entry) {
    return sim::transfer_time(entry.bytes, entry.same_node, state->job->cluster);
  };
  pricing.copy = [](const sim::CopyEntry&) { return Seconds{0.0}; };
  return pricing;
}

}  // namespace orrery::models
