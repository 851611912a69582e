#include "models/training/step.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "models/layer/parameters.hpp"
#include "models/parallel/lanes.hpp"
#include "models/training/memory.hpp"
#include "models/training/optimizer_pass.hpp"
#include "models/training/passes.hpp"
#include "models/training/tensor_groups.hpp"

namespace orrery::models {
namespace {

using sim::Activity;
using sim::CollectiveKind;
using sim::MemoryKind;
using sim::PlanBuilder;

class StepLowering : public PassEmitter {
 public:
  StepLowering(const TrainingJob& job, const MeshClasses& classes, const sim::RunControl& control)
      : job_(job),
        config_(job.config),
        mesh_(make_mesh(job)),
        classes_(classes),
        control_(control),
        microbatches_(static_cast<int>(config_.global_batch_size / (config_.micro_batch_size * mesh_.data()))),
        workspace_(workspace(job)),
        passes_(job, mesh_, microbatches_) {}

  sim::Plan run() {
    lanes::name_lanes(builder_);
    add_ranks();
    add_groups();
    for (const RankState& rank : ranks_) allocate_states(rank);
    lower_columns();
    for (const RankState& rank : ranks_) finish_step(rank);
    return builder_.take();
  }

  void emit(PlanBuilder& builder, RankId rank, int, const PipelineSlot& slot) override {
    tell_progress();
    passes_.write(builder, ranks_[rank.index()], slot);
  }

 private:
  /// Positions of a rank's classes.
  struct ClassPlace {
    std::size_t tensor = 0, data = 0, pipeline = 0;
  };

  // A pass is some hundred steps: few enough to look whether to stop, too many to tell of each.
  void tell_progress() {
    constexpr std::int64_t kEvery = 512;
    control_.check();
    if (++told_ % kEvery != 0) return;
    const std::int64_t all = static_cast<std::int64_t>(ranks_.size()) * config_.virtual_pipeline * 2 * microbatches_;
    control_.report(static_cast<double>(told_) / static_cast<double>(all));
  }

  [[nodiscard]] std::size_t rank_index(std::size_t pipeline, std::size_t data, std::size_t tensor) const {
    return (pipeline * classes_.count(MeshAxis::data) + data) * classes_.count(MeshAxis::tensor) + tensor;
  }

  void add_ranks();
  void add_groups();
  void add_tensor_groups();
  void add_grid_groups(std::size_t pipeline, std::size_t data);
  void add_data_groups();
  void add_embedding_groups();
  void add_expert_groups();
  [[nodiscard]] ModelStateBytes states_of(const RankState& rank) const;
  void allocate_states(const RankState& rank);
  void lower_columns();
  void finish_step(const RankState& rank);
  void optimizer(const RankState& rank, StreamId compute, double parameters, double experts);
  [[nodiscard]] double gradient_size() const { return element_size(config_.gradient_dtype).value(); }

  const TrainingJob& job_;
  const TrainingConfig& config_;
  Mesh mesh_;
  const MeshClasses& classes_;
  const sim::RunControl& control_;
  int microbatches_;
  Bytes workspace_;  ///< of a rank
  PassWriter passes_;
  PlanBuilder builder_;
  std::vector<RankState> ranks_;
  std::int64_t told_ = 0;  ///< passes lowered so far
};

void StepLowering::add_ranks() {
  const std::vector<std::uint32_t> gpus = gpu_classes(job_, classes_);
  const bool folded = classes_.count(MeshAxis::data) == 1 && classes_.count(MeshAxis::tensor) == 1;
  for (const std::vector<int>& stage : classes_.of(MeshAxis::pipeline)) {
    for (const std::vector<int>& data : classes_.of(MeshAxis::data)) {
      for (const std::vector<int>& tensor : classes_.of(MeshAxis::tensor)) {
        RankState state;
        state.place = {tensor.front(), data.front(), stage.front()};
        sim::Rank rank;
        rank.name = folded ? fmt::format("stage {}", stage.front())
                           : fmt::format("stage {} dp {} tp {}", stage.front(), data.front(), tensor.front());
        rank.stands_for = members_of(mesh_, tensor, data, stage);
        rank.gpu_class = gpus[ranks_.size()];
        state.id = builder_.add_rank(std::move(rank));
        ranks_.push_back(state);
      }
    }
  }
  passes_.set_ranks(ranks_.size());
}

// A group is named by the coordinates that its members share; in a folded plan one member stands for all.
void StepLowering::add_groups() {
  if (job_.llm.tied_embeddings && mesh_.pipeline() > 1) add_embedding_groups();
  add_data_groups();
  add_tensor_groups();
  if (config_.expert_parallel > 1) add_expert_groups();
  sim::Group world{"world", {}, mesh_.along({MeshAxis::tensor, MeshAxis::data, MeshAxis::pipeline}), {0}};
  for (const RankState& rank : ranks_) world.members.push_back(rank.id);
  const GroupId id = builder_.add_group(std::move(world));
  for (RankState& rank : ranks_) {
    rank.world_group = id;
    rank.meets_ranks = classes_.count(MeshAxis::tensor) > 1 || classes_.count(MeshAxis::data) > 1;
  }
}

void StepLowering::add_tensor_groups() {
  for (std::size_t p = 0; p < classes_.count(MeshAxis::pipeline); ++p) {
    for (std::size_t d = 0; d < classes_.count(MeshAxis::data); ++d) {
      const std::vector<int>& stage = classes_.of(MeshAxis::pipeline)[p];
      const std::vector<int>& data = classes_.of(MeshAxis::data)[d];
      sim::Group group{fmt::format("tp stage {} dp {}", stage.front(), data.front()),
                       {},
                       mesh_.along({MeshAxis::tensor}),
                       members_of(mesh_, {0}, data, stage)};
      for (std::size_t t = 0; t < classes_.count(MeshAxis::tensor); ++t) {
        group.members.push_back(ranks_[rank_index(p, d, t)].id);
      }
      const GroupId id = builder_.add_group(std::move(group));
      for (std::size_t t = 0; t < classes_.count(MeshAxis::tensor); ++t) {
        RankState& rank = ranks_[rank_index(p, d, t)];
        rank.tensor_group = rank.grid_groups.front() = id;
      }
      add_grid_groups(p, d);
    }
  }
}

void StepLowering::add_grid_groups(std::size_t pipeline, std::size_t data) {
  for (GridGroup& one : grid_groups(job_, classes_, data, pipeline)) {
    for (const std::size_t place : one.places) {
      one.group.members.push_back(ranks_[rank_index(pipeline, data, place)].id);
    }
    const GroupId id = builder_.add_group(std::move(one.group));
    for (const std::size_t place : one.places) {
      ranks_[rank_index(pipeline, data, place)].grid_groups[static_cast<std::size_t>(one.axis)] = id;
    }
  }
}

void StepLowering::add_data_groups() {
  for (std::size_t p = 0; p < classes_.count(MeshAxis::pipeline); ++p) {
    for (std::size_t t = 0; t < classes_.count(MeshAxis::tensor); ++t) {
      const std::vector<int>& stage = classes_.of(MeshAxis::pipeline)[p];
      const std::vector<int>& tensor = classes_.of(MeshAxis::tensor)[t];
      sim::Group group{fmt::format("dp stage {} tp {}", stage.front(), tensor.front()),
                       {},
                       mesh_.along({MeshAxis::data}),
                       members_of(mesh_, tensor, {0}, stage)};
      for (std::size_t d = 0; d < classes_.count(MeshAxis::data); ++d) {
        group.members.push_back(ranks_[rank_index(p, d, t)].id);
      }
      const GroupId id = builder_.add_group(std::move(group));
      for (std::size_t d = 0; d < classes_.count(MeshAxis::data); ++d) ranks_[rank_index(p, d, t)].data_group = id;
    }
  }
}

// The first and the last stage hold a copy of the embedding each.
void StepLowering::add_embedding_groups() {
  const std::size_t last = classes_.count(MeshAxis::pipeline) - 1;
  const sim::Axis ends{2, mesh_.stride(MeshAxis::pipeline) * (mesh_.pipeline() - 1)};
  for (std::size_t d = 0; d < classes_.count(MeshAxis::data); ++d) {
    for (std::size_t t = 0; t < classes_.count(MeshAxis::tensor); ++t) {
      const std::vector<int>& data = classes_.of(MeshAxis::data)[d];
      const std::vector<int>& tensor = classes_.of(MeshAxis::tensor)[t];
      RankState& first_rank = ranks_[rank_index(0, d, t)];
      RankState& last_rank = ranks_[rank_index(last, d, t)];
      const GroupId id = builder_.add_group({fmt::format("embedding dp {} tp {}", data.front(), tensor.front()),
                                             {first_rank.id, last_rank.id},
                                             {ends},
                                             members_of(mesh_, tensor, data, {0})});
      first_rank.embedding_group = last_rank.embedding_group = id;
    }
  }
}

// Neighbours along the axis of data share the experts; who is at the same place of every such group has the same ones.
// Where data-parallel ranks stand for each other one communicator stands for all, else each rank is its own.
void StepLowering::add_expert_groups() {
  const int ep = config_.expert_parallel, copies = mesh_.data() / ep, stride = mesh_.stride(MeshAxis::data);
  const std::size_t apart = classes_.count(MeshAxis::data);
  const auto coordinates = [](int count, int step, int first) {
    std::vector<int> out;
    for (int i = 0; i < count; ++i) out.push_back(first + i * step);
    return out;
  };
  for (std::size_t p = 0; p < classes_.count(MeshAxis::pipeline); ++p) {
    const std::vector<int>& stage = classes_.of(MeshAxis::pipeline)[p];
    const auto add = [&](std::string name, const sim::Axis& axis, const std::vector<int>& first, int step,
                         GroupId RankState::*group) {
      sim::Group made{std::move(name), {}, {axis}, members_of(mesh_, {0}, first, stage)};
      std::vector<std::size_t> places{rank_index(p, 0, 0)};
      if (apart > 1) places.clear();
      for (int i = 0; apart > 1 && i < axis.count; ++i) {
        places.push_back(rank_index(p, static_cast<std::size_t>(first.front() + i * step), 0));
      }
      for (const std::size_t place : places) made.members.push_back(ranks_[place].id);
      if (group == &RankState::expert_group) {
        const ExchangeShape exchange = exchange_shape(job_, made);
        for (const std::size_t place : places) ranks_[place].exchange = exchange;
      }
      const GroupId id = builder_.add_group(std::move(made));
      for (const std::size_t place : places) ranks_[place].*group = id;
    };
    for (int i = 0; i < (apart > 1 ? copies : 1); ++i) {
      add(fmt::format("ep stage {} block {}", stage.front(), i), {ep, stride},
          apart > 1 ? std::vector<int>{i * ep} : coordinates(copies, ep, 0), 1, &RankState::expert_group);
    }
    for (int i = 0; copies > 1 && i < (apart > 1 ? ep : 1); ++i) {
      add(fmt::format("expert dp stage {} place {}", stage.front(), i), {copies, stride * ep},
          apart > 1 ? std::vector<int>{i} : coordinates(ep, 1, 0), ep, &RankState::expert_data_group);
    }
  }
}

ModelStateBytes StepLowering::states_of(const RankState& rank) const {
  const std::int64_t experts = stage_expert_parameters_per_rank(job_, rank.stage());
  ModelStateBytes states = model_states(config_, stage_parameters_per_rank(job_, rank.stage()) - experts, mesh_.data());
  if (experts == 0) return states;
  const ModelStateBytes more = model_states(config_, experts, expert_data_parallel(job_));
  states.weights += more.weights, states.gradients += more.gradients, states.optimizer += more.optimizer;
  return states;
}

void StepLowering::allocate_states(const RankState& rank) {
  const StreamId compute = builder_.stream(rank.id, lanes::kCompute);
  const ModelStateBytes states = states_of(rank);
  builder_.alloc(compute, states.weights, MemoryKind::weights);
  builder_.alloc(compute, states.gradients, MemoryKind::gradients);
  builder_.alloc(compute, states.optimizer, MemoryKind::optimizer);
  builder_.alloc(compute, workspace_, MemoryKind::workspace);
}

void StepLowering::lower_columns() {
  const PipelineShape shape{mesh_.pipeline(), microbatches_, config_.virtual_pipeline};
  const ScheduleRow& schedule = *find_schedule(config_.schedule);
  for (std::size_t d = 0; d < classes_.count(MeshAxis::data); ++d) {
    for (std::size_t t = 0; t < classes_.count(MeshAxis::tensor); ++t) {
      PipelineColumn column;
      for (std::size_t p = 0; p < classes_.count(MeshAxis::pipeline); ++p) {
        column.ranks.push_back(ranks_[rank_index(p, d, t)].id);
      }
      // Each tensor-parallel rank sends its slice and the receivers gather it (Narayanan et al. 2021 §4.1).
      // On a grid what it has is its slice.
      const bool is_line = tensor_grid(config_).is_line();
      column.message = LayerSizes(job_).boundary / static_cast<double>(is_line ? mesh_.tensor() : 1);
      lower_pipeline(builder_, column, schedule, shape, config_.overlap_p2p, *this);
    }
  }
}

void StepLowering::finish_step(const RankState& rank) {
  const StreamId compute = builder_.stream(rank.id, lanes::kCompute);
  const std::int64_t parameters = stage_parameters_per_rank(job_, rank.stage());
  const double total = static_cast<double>(parameters);
  const double experts = static_cast<double>(stage_expert_parameters_per_rank(job_, rank.stage()));
  if (mesh_.data() > 1) {
    if (!config_.overlap_gradient_reduce) passes_.reduce_all(builder_, rank, total, experts);
    builder_.wait(compute, builder_.record(builder_.stream(rank.id, lanes::kDataParallel)));
  }
  if (rank.embedding_group.valid()) {
    const int holders = tensor_grid(config_).weight_ranks;
    const double bytes = static_cast<double>(embedding_parameters(job_.llm)) / holders * gradient_size();
    builder_.collective(compute, CollectiveKind::all_reduce, Bytes{bytes}, rank.embedding_group,
                        "tied embedding gradients", Activity::data_parallel);
  }
  optimizer(rank, compute, total, experts);
  const ModelStateBytes states = states_of(rank);
  builder_.free(compute, states.weights, MemoryKind::weights);
  builder_.free(compute, states.gradients, MemoryKind::gradients);
  builder_.free(compute, states.optimizer, MemoryKind::optimizer);
  builder_.free(compute, workspace_, MemoryKind::workspace);
}

void StepLowering::optimizer(const RankState& rank, StreamId compute, double parameters, double experts) {
  const bool sharded = config_.zero == ZeroStage::optimizer;
  const double owned =
      !sharded ? parameters
               : (parameters - experts) * (1.0 / mesh_.data()) + experts * (1.0 / expert_data_parallel(job_));
  const auto memory_op = [&](kernels::MemoryOp op, std::string_view label, double elements, double read,
                             double written) {
    launch_optimizer_pass(builder_, compute, op, label, elements, read, written);
  };
  if (config_.precision == Dtype::fp16) {  // loss scaling: divide and look for infinities
    memory_op(kernels::MemoryOp::elementwise, "unscale gradients", owned, gradient_size(), gradient_size());
  }
  memory_op(kernels::MemoryOp::grad_norm, "gradient norm", owned, gradient_size(), 0.0);
  if (mesh_.gpus() > 1) {
    builder_.collective(compute, CollectiveKind::all_reduce, Bytes{4.0}, rank.world_group, "gradient norm",
                        Activity::data_parallel);
  }
  // Reads gradient, moments and the fp32 master (or the weight itself); writes moments, master and weight.
  const double weight = activation_size(config_);
  const bool master = config_.master_weights && weight < 4.0;
  memory_op(kernels::MemoryOp::adam, "adam", owned, gradient_size() + 8.0 + (master ? 4.0 : weight),
            8.0 + (master ? 4.0 : 0.0) + weight);
  memory_op(kernels::MemoryOp::memset, "zero gradients", parameters, 0.0, gradient_size());
  if (!sharded || mesh_.data() == 1) return;
  builder_.collective(compute, CollectiveKind::all_gather, Bytes{activation_size(config_) * (parameters - experts)},
                      rank.data_group, "gather weights", Activity::data_parallel);
  if (experts == 0.0 || !rank.expert_data_group.valid()) return;
  builder_.collective(compute, CollectiveKind::all_gather, Bytes{activation_size(config_) * experts},
                      rank.expert_data_group, "gather expert weights", Activity::data_parallel);
}

}  // namespace

sim::Plan lower(const TrainingJob& job, const MeshClasses& classes, const sim::RunControl& control) {
  return StepLowering(job, classes, control).run();
}

sim::Plan lower(const TrainingJob& job, const sim::RunControl& control) {
  return lower(job, folded(make_mesh(job)), control);
}

}  // namespace orrery::models
