// An iteration as a Plan: one rank per pipeline stage that stands for its tensor-parallel group, one stream each.
//
// Limitations: folded layers run kernel by kernel (all of one kind, then all of the next), so that a trace shows how
// long each kind takes and not when; the host's launches and work are no steps of the plan.
#include <algorithm>
#include <string>
#include <utility>

#include "models/serving/step_model_state.hpp"
#include "sim/plan/builder.hpp"

namespace orrery::models {

sim::LaunchPath StepModel::State::path(const StepOp& op, GraphMode mode) const {
  if (joins_prompts(op)) return sim::LaunchPath::joined;
  if (op.part == StepPart::head || mode == GraphMode::none) return sim::LaunchPath::stream;
  const bool cut_out = op.part == StepPart::attention && mode == GraphMode::piecewise;
  return cut_out ? sim::LaunchPath::stream : sim::LaunchPath::graph;
}

double StepModel::State::gap(const StepOp& op, GraphMode mode) const {
  if (op.is_collective) return 0.0;
  const sim::LaunchPath how = path(op, mode);
  return how == sim::LaunchPath::joined ? 0.0 : how == sim::LaunchPath::stream ? stream_gap : graph_gap;
}

sim::Plan StepModel::lower(const StepShape& shape, int replica) const {
  sim::PlanBuilder builder;
  const Mesh& mesh = state_->ops.mesh();
  const GraphMode mode = state_->ops.mode(shape.tokens(), shape.decode_only());
  std::vector<RankId> ranks;
  for (int stage = 0; stage < stages(); ++stage) {
    ranks.push_back(builder.add_rank({"stage " + std::to_string(stage), stage_members(mesh, replica, stage)}));
  }
  for (int stage = 0; stage < stages(); ++stage) {
    const std::size_t s = static_cast<std::size_t>(stage);
    const StreamId stream = builder.stream(ranks[s], {});
    const auto transfer_to = [&](int next) {
      const std::size_t n = static_cast<std::size_t>(next);
      sim::TransferEntry entry;
      entry.source = ranks[n - 1];
      entry.destination = ranks[n];
      entry.bytes = state_->ops.message(padded(shape.tokens()), next - 1);
      entry.label = builder.label("hidden states");
      return builder.transfer(entry);
    };
    if (stage > 0) builder.recv(stream, transfer_to(stage));
    const GroupId group = builder.add_group(stage_group(mesh, replica, stage, ranks[s]));
    for (const StepOp& op : ops(shape, stage)) append(builder, stream, group, op, state_->path(op, mode));
    if (stage + 1 < stages()) builder.send(stream, transfer_to(stage + 1));
  }
  return builder.take();
}

void StepModel::append(sim::PlanBuilder& builder, StreamId stream, GroupId group, const StepOp& op,
                       sim::LaunchPath launch) {
  if (!op.is_collective) {
    sim::KernelEntry entry;
    entry.kernel = op.kernel;
    entry.label = builder.label(op.label);
    entry.activity = sim::Activity::forward;
    entry.repeat = static_cast<std::uint32_t>(op.count);
    entry.launch = launch;
    entry.beside = op.beside;
    builder.launch(stream, builder.add(entry));
    return;
  }
  sim::CollectiveEntry entry;
  entry.kind = op.collective.kind;
  entry.bytes = op.collective.bytes;
  entry.group = group;
  entry.label = builder.label(op.label);
  entry.activity = sim::Activity::tensor_parallel;
  entry.library = op.collective.library;
  entry.implementation = op.collective.implementation;
  const std::uint32_t number = builder.add(entry);
  for (std::int64_t i = 0; i < op.count; ++i) builder.collective(stream, number);
}

/// Kernels as the engine finds them: cold caches, static scales, decodes beside prompts.
class StepModel::StepPrices final : public sim::ClusterPrices {
 public:
  StepPrices(const State& state, const sim::LaunchCosts& launch, const sim::Placement& placement)
      : ClusterPrices(state.job->cluster, *state.timer, {{group_of(*state.job, state.job->replica), launch}},
                      placement),
        state_(state) {}

  using ClusterPrices::explain;
  using ClusterPrices::time;
  using Prices::time;
  [[nodiscard]] Seconds time(const sim::KernelEntry& entry, std::uint32_t) const override {
    return with_launch(Seconds{state_.price(op_of(entry))}, entry.launch, 0);
  }
  [[nodiscard]] sim::KernelPrice explain(const sim::KernelEntry& entry, std::uint32_t) const override {
    sim::KernelPrice price;
    price.kernel = state_.explain(op_of(entry));
    price.idle = idle(price.kernel.time, entry.launch, 0);
    return price;
  }

 private:
  static StepOp op_of(const sim::KernelEntry& entry) {
    StepOp op;
    op.kernel = entry.kernel;
    op.beside = entry.beside;
    return op;
  }

  const State& state_;
};

std::unique_ptr<sim::ClusterPrices> StepModel::prices() const {
  sim::LaunchCosts costs;
  costs.stream_gap = Seconds{state_->stream_gap};
  costs.graph_gap = Seconds{state_->graph_gap};
  return std::make_unique<StepPrices>(*state_, costs, state_->ops.placement());
}

}  // namespace orrery::models
