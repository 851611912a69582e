#include "models/training/step.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "models/layer/parameters.hpp"
#include "models/schedule/schedule.hpp"
#include "models/training/layer.hpp"
#include "models/training/memory.hpp"
#include "models/training/parallel.hpp"
#include "models/training/pipeline.hpp"

namespace orrery::models {
namespace {

using sim::Activity;
using sim::CollectiveKind;
using sim::Lane;
using sim::MemoryKind;
using sim::PlanBuilder;

/// Kernels of one kind of layer (or of the embedding, or the head) for every pass.
struct PassOps {
  std::vector<LayerOp> forward, recompute, full_recompute, backward;
};

PassOps pass_ops(const TrainingJob& job, const std::vector<LayerElement>& elements) {
  PassOps ops;
  ops.forward = forward_ops(job, elements);
  ops.backward = backward_ops(job, elements);
  if (job.config.recompute == Recompute::selective) ops.recompute = recompute_ops(job, elements, false);
  if (job.config.recompute == Recompute::full) ops.full_recompute = recompute_ops(job, elements, true);
  return ops;
}

/// What a layer of a virtual stage costs in memory and whether it is recomputed.
struct LayerPlan {
  const PassOps* ops = nullptr;
  bool recomputed = false;
  Bytes kept;       ///< from forward to backward
  Bytes transient;  ///< while what was recomputed runs backward
  std::int64_t parameters = 0;
};

struct ChunkPlan {
  std::vector<LayerPlan> layers;
  bool embedding = false, head = false;
  Bytes kept;
};

/// A rank of the plan and the streams and groups it uses.
struct RankState {
  RankId id;
  int stage = 0, data_rank = 0, tensor_rank = 0;
  GroupId tensor_group, data_group, model_group, embedding_group;
};

class StepLowering : public PassEmitter {
 public:
  StepLowering(const TrainingJob& job, Folding folding, const sim::RunControl& control)
      : job_(job), config_(job.config), mesh_(make_mesh(job)), folding_(folding), control_(control) {
    prepare_layers();
  }

  sim::Plan run() {
    add_ranks();
    add_groups();
    for (RankState& rank : ranks_) allocate_states(rank);
    lower_columns();
    for (RankState& rank : ranks_) finish_step(rank);
    return builder_.take();
  }

  void emit(PlanBuilder& builder, RankId rank, int stage, const PipelineSlot& slot) override {
    tell_progress();
    RankState& state = ranks_[rank.index()];
    const ChunkPlan& chunk = chunks_[static_cast<std::size_t>(slot.chunk * config_.pipeline_parallel + stage)];
    if (slot.pass == PipelinePass::forward) {
      emit_forward(builder, state, chunk);
      return;
    }
    // The last backward pass of a chunk is not always the last microbatch's: GPipe runs backward in reverse.
    const auto chunks = static_cast<std::size_t>(config_.virtual_pipeline);
    int& seen = backward_passes_[rank.index() * chunks + static_cast<std::size_t>(slot.chunk)];
    emit_backward(builder, state, chunk, ++seen == microbatches());
  }

 private:
  [[nodiscard]] int microbatches() const {
    return static_cast<int>(config_.global_batch_size / (config_.micro_batch_size * mesh_.data));
  }
  // A pass is some hundred steps: few enough to look whether to stop, too many to tell of each.
  void tell_progress() {
    constexpr std::int64_t kEvery = 512;
    control_.check();
    if (++passes_ % kEvery != 0) return;
    const std::int64_t columns = static_cast<std::int64_t>(ranks_.size()) / mesh_.pipeline;
    const std::int64_t all = columns * mesh_.pipeline * config_.virtual_pipeline * 2 * microbatches();
    control_.report(static_cast<double>(passes_) / static_cast<double>(all));
  }

  [[nodiscard]] bool unfolded() const { return folding_ == Folding::unfolded; }

  void prepare_layers();
  void add_ranks();
  void add_groups();
  void allocate_states(const RankState& rank);
  void lower_columns();
  void finish_step(const RankState& rank);

  void emit_forward(PlanBuilder& builder, const RankState& rank, const ChunkPlan& chunk);
  void emit_backward(PlanBuilder& builder, const RankState& rank, const ChunkPlan& chunk, bool last_pass);
  void emit_ops(PlanBuilder& builder, const RankState& rank, const std::vector<LayerOp>& ops);

  void add_gradients(const RankState& rank, std::int64_t parameters);
  void flush_bucket(const RankState& rank);
  void optimizer(const RankState& rank, StreamId compute, double parameters);
  [[nodiscard]] double gradient_size() const { return element_size(config_.gradient_dtype).value(); }

  const TrainingJob& job_;
  const TrainingConfig& config_;
  Mesh mesh_;
  Folding folding_;
  const sim::RunControl& control_;
  PlanBuilder builder_;
  std::map<bool, std::unique_ptr<PassOps>> layer_ops_;  ///< by "is an MoE layer"
  PassOps embedding_, head_;
  Bytes embedding_kept_, head_kept_;
  std::vector<ChunkPlan> chunks_;  ///< by virtual stage
  std::vector<RankState> ranks_;
  std::vector<double> bucket_;        ///< gradient bytes waiting, by rank
  std::vector<int> backward_passes_;  ///< lowered so far, by rank and chunk
  std::int64_t passes_ = 0;           ///< lowered so far
};

void StepLowering::prepare_layers() {
  embedding_ = pass_ops(job_, embedding_elements(job_));
  head_ = pass_ops(job_, head_elements(job_));
  embedding_kept_ = embedding_activations(job_);
  head_kept_ = head_activations(job_);
  for (const LayerRange& range : deal_layers(job_)) {
    ChunkPlan chunk;
    const std::int64_t recomputed = config_.recompute != Recompute::full ? 0
                                    : config_.recompute_layers < 0       ? range.count
                                                                         : config_.recompute_layers;
    for (std::int64_t l = range.first; l < range.first + range.count; ++l) {
      std::unique_ptr<PassOps>& ops = layer_ops_[job_.llm.is_moe_layer(l)];
      if (!ops) ops = std::make_unique<PassOps>(pass_ops(job_, layer_elements(job_, l)));
      LayerPlan layer;
      layer.ops = ops.get();
      layer.recomputed = l - range.first < recomputed;
      layer.kept = layer_activations(job_, l, layer.recomputed);
      layer.transient = recomputed_activations(job_, l, layer.recomputed);
      layer.parameters = layer_parameters_per_rank(job_, l);
      chunk.kept += layer.kept;
      chunk.layers.push_back(layer);
    }
    chunks_.push_back(std::move(chunk));
  }
  chunks_.front().embedding = true;
  chunks_.front().kept += embedding_kept_;
  chunks_.back().head = true;
  chunks_.back().kept += head_kept_;
}

void StepLowering::add_ranks() {
  const int data = unfolded() ? mesh_.data : 1;
  const int tensor = unfolded() ? mesh_.tensor : 1;
  const int multiplicity = unfolded() ? 1 : mesh_.data * mesh_.tensor;
  for (int stage = 0; stage < mesh_.pipeline; ++stage) {
    for (int d = 0; d < data; ++d) {
      for (int t = 0; t < tensor; ++t) {
        RankState state;
        state.stage = stage;
        state.data_rank = d;
        state.tensor_rank = t;
        const std::string name =
            unfolded() ? fmt::format("stage {} dp {} tp {}", stage, d, t) : fmt::format("stage {}", stage);
        state.id = builder_.add_rank(name, multiplicity, mesh_.node(mesh_.rank(stage, d, t)));
        ranks_.push_back(state);
      }
    }
  }
  bucket_.assign(ranks_.size(), 0.0);
  backward_passes_.assign(ranks_.size() * static_cast<std::size_t>(config_.virtual_pipeline), 0);
}

// A group is named by the coordinates that its members share; in a folded plan one member stands for all.
void StepLowering::add_groups() {
  std::map<std::string, sim::Group> groups;
  const auto join = [&](const std::string& name, const RankState& rank, int size, int nodes) {
    sim::Group& group = groups[name];
    group.name = name;
    group.members.push_back(rank.id);
    group.size = size;
    group.nodes = nodes;
  };
  const auto tensor_name = [](const RankState& r) { return fmt::format("tp stage {} dp {}", r.stage, r.data_rank); };
  const auto data_name = [](const RankState& r) { return fmt::format("dp stage {} tp {}", r.stage, r.tensor_rank); };
  const auto embedding_name = [](const RankState& r) {
    return fmt::format("embedding dp {} tp {}", r.data_rank, r.tensor_rank);
  };
  const bool shared_embedding = job_.llm.tied_embeddings && mesh_.pipeline > 1;
  const auto holds_embedding = [&](const RankState& r) {
    return shared_embedding && (r.stage == 0 || r.stage == mesh_.pipeline - 1);
  };
  const int stride = mesh_.data * mesh_.tensor;
  for (const RankState& rank : ranks_) {
    join(tensor_name(rank), rank, mesh_.tensor, mesh_.tensor_nodes());
    join(data_name(rank), rank, mesh_.data, mesh_.data_nodes());
    join("world", rank, mesh_.gpus(), mesh_.nodes_spanned(mesh_.gpus(), 1));
    if (holds_embedding(rank))
      join(embedding_name(rank), rank, 2, mesh_.nodes_spanned(2, stride * (mesh_.pipeline - 1)));
  }
  std::map<std::string, GroupId> ids;
  for (auto& [name, group] : groups) ids[name] = builder_.add_group(std::move(group));
  for (RankState& rank : ranks_) {
    rank.tensor_group = ids[tensor_name(rank)];
    rank.data_group = ids[data_name(rank)];
    rank.model_group = ids["world"];
    if (holds_embedding(rank)) rank.embedding_group = ids[embedding_name(rank)];
  }
}

void StepLowering::allocate_states(const RankState& rank) {
  const StreamId compute = builder_.stream(rank.id, Lane::compute);
  const ModelStateBytes states = model_states(config_, stage_parameters_per_rank(job_, rank.stage), mesh_.data);
  builder_.alloc(compute, states.weights, MemoryKind::weights);
  builder_.alloc(compute, states.gradients, MemoryKind::gradients);
  builder_.alloc(compute, states.optimizer, MemoryKind::optimizer);
  builder_.alloc(compute, workspace(job_), MemoryKind::workspace);
}

void StepLowering::lower_columns() {
  const PipelineShape shape{mesh_.pipeline, microbatches(), config_.virtual_pipeline};
  const ScheduleRow& schedule = *find_schedule(config_.schedule);
  const int data = unfolded() ? mesh_.data : 1;
  const int tensor = unfolded() ? mesh_.tensor : 1;
  for (int d = 0; d < data; ++d) {
    for (int t = 0; t < tensor; ++t) {
      PipelineColumn column;
      for (int stage = 0; stage < mesh_.pipeline; ++stage) {
        column.ranks.push_back(ranks_[static_cast<std::size_t>((stage * data + d) * tensor + t)].id);
        const int here = mesh_.node(mesh_.rank(stage, d, t));
        const int next = mesh_.node(mesh_.rank((stage + 1) % mesh_.pipeline, d, t));
        column.same_node.push_back(here == next);
      }
      // Each tensor-parallel rank sends its slice and the receivers gather it (Narayanan et al. 2021 §4.1).
      column.message = LayerSizes(job_).boundary / static_cast<double>(mesh_.tensor);
      lower_pipeline(builder_, column, schedule, shape, config_.overlap_p2p, *this);
    }
  }
}

void StepLowering::emit_ops(PlanBuilder& builder, const RankState& rank, const std::vector<LayerOp>& ops) {
  const StreamId compute = builder.stream(rank.id, Lane::compute);
  for (const LayerOp& op : ops) {
    const bool overlapped = op.kind == LayerOp::Kind::start_collective && config_.overlap_tensor_parallel;
    if (op.kind == LayerOp::Kind::launch) {
      builder.launch(compute, op.kernel, op.label, op.activity);
    } else if (overlapped) {
      const StreamId lane = builder.stream(rank.id, Lane::tensor_parallel);
      builder.wait(lane, builder.record(compute));
      builder.collective(lane, op.collective, op.bytes, rank.tensor_group, op.label, op.activity);
    } else if (op.kind == LayerOp::Kind::finish_collectives) {
      if (!config_.overlap_tensor_parallel) continue;
      const StreamId lane = builder.stream(rank.id, Lane::tensor_parallel);
      builder.wait(compute, builder.record(lane));
    } else {
      builder.collective(compute, op.collective, op.bytes, rank.tensor_group, op.label, op.activity);
    }
  }
}

void StepLowering::emit_forward(PlanBuilder& builder, const RankState& rank, const ChunkPlan& chunk) {
  const StreamId compute = builder.stream(rank.id, Lane::compute);
  builder.alloc(compute, chunk.kept, MemoryKind::activations);
  if (chunk.embedding) {
    emit_ops(builder, rank, embedding_.forward);
  } else if (mesh_.tensor > 1 && !config_.sequence_parallel) {
    // The slices of the received activations become whole again.
    builder.collective(compute, CollectiveKind::all_gather, LayerSizes(job_).boundary, rank.tensor_group,
                       "gather activations", Activity::tensor_parallel);
  }
  for (const LayerPlan& layer : chunk.layers) emit_ops(builder, rank, layer.ops->forward);
  if (chunk.head) emit_ops(builder, rank, head_.forward);
}

void StepLowering::emit_backward(PlanBuilder& builder, const RankState& rank, const ChunkPlan& chunk, bool last_pass) {
  const StreamId compute = builder.stream(rank.id, Lane::compute);
  const bool reduce = mesh_.data > 1 && config_.overlap_gradient_reduce && (last_pass || !config_.no_sync);
  if (chunk.head) {
    emit_ops(builder, rank, head_.backward);
    if (reduce) add_gradients(rank, head_parameters_per_rank(job_));
  } else if (mesh_.tensor > 1 && !config_.sequence_parallel) {
    builder.collective(compute, CollectiveKind::all_gather, LayerSizes(job_).boundary, rank.tensor_group,
                       "gather gradients", Activity::tensor_parallel);
  }
  for (std::size_t i = chunk.layers.size(); i-- > 0;) {
    const LayerPlan& layer = chunk.layers[i];
    const bool transient = layer.transient > Bytes{0.0};
    if (transient) builder.alloc(compute, layer.transient, MemoryKind::workspace);
    emit_ops(builder, rank, layer.recomputed ? layer.ops->full_recompute : layer.ops->recompute);
    emit_ops(builder, rank, layer.ops->backward);
    if (transient) builder.free(compute, layer.transient, MemoryKind::workspace);
    if (reduce) add_gradients(rank, layer.parameters);
  }
  if (chunk.embedding) {
    emit_ops(builder, rank, embedding_.backward);
    if (reduce) add_gradients(rank, embedding_parameters_per_rank(job_));
  }
  builder.free(compute, chunk.kept, MemoryKind::activations);
  if (reduce) flush_bucket(rank);
}

void StepLowering::add_gradients(const RankState& rank, std::int64_t parameters) {
  double& waiting = bucket_[rank.id.index()];
  waiting += static_cast<double>(parameters) * gradient_size();
  if (waiting >= config_.bucket_size.value()) flush_bucket(rank);
}

void StepLowering::flush_bucket(const RankState& rank) {
  double& waiting = bucket_[rank.id.index()];
  if (waiting <= 0.0) return;
  const StreamId lane = builder_.stream(rank.id, Lane::data_parallel);
  builder_.wait(lane, builder_.record(builder_.stream(rank.id, Lane::compute)));
  const bool sharded = config_.zero == ZeroStage::optimizer;
  builder_.collective(lane, sharded ? CollectiveKind::reduce_scatter : CollectiveKind::all_reduce, Bytes{waiting},
                      rank.data_group, "gradient bucket", Activity::data_parallel);
  waiting = 0.0;
}

void StepLowering::finish_step(const RankState& rank) {
  const StreamId compute = builder_.stream(rank.id, Lane::compute);
  const std::int64_t parameters = stage_parameters_per_rank(job_, rank.stage);
  const double total = static_cast<double>(parameters);
  if (mesh_.data > 1) {
    if (!config_.overlap_gradient_reduce) {
      bucket_[rank.id.index()] = total * gradient_size();
      flush_bucket(rank);
    }
    builder_.wait(compute, builder_.record(builder_.stream(rank.id, Lane::data_parallel)));
  }
  if (rank.embedding_group.valid()) {
    const double bytes = static_cast<double>(embedding_parameters(job_.llm)) / mesh_.tensor * gradient_size();
    builder_.collective(compute, CollectiveKind::all_reduce, Bytes{bytes}, rank.embedding_group,
                        "tied embedding gradients", Activity::data_parallel);
  }
  optimizer(rank, compute, total);
  const ModelStateBytes states = model_states(config_, parameters, mesh_.data);
  builder_.free(compute, states.weights, MemoryKind::weights);
  builder_.free(compute, states.gradients, MemoryKind::gradients);
  builder_.free(compute, states.optimizer, MemoryKind::optimizer);
  builder_.free(compute, workspace(job_), MemoryKind::workspace);
}

void StepLowering::optimizer(const RankState& rank, StreamId compute, double parameters) {
  const double share = config_.zero == ZeroStage::optimizer ? 1.0 / mesh_.data : 1.0;
  const double owned = parameters * share;
  const auto memory_op = [&](kernels::MemoryOp op, std::string_view label, double elements, double read,
                             double written) {
    kernels::MemoryShape shape;
    shape.op = op;
    shape.elements = static_cast<std::int64_t>(elements);
    shape.read = Bytes{read * elements};
    shape.written = Bytes{written * elements};
    builder_.launch(compute, shape, label, Activity::optimizer);
  };
  if (config_.precision == Dtype::fp16) {  // loss scaling: divide and look for infinities
    memory_op(kernels::MemoryOp::elementwise, "unscale gradients", owned, gradient_size(), gradient_size());
  }
  memory_op(kernels::MemoryOp::grad_norm, "gradient norm", owned, gradient_size(), 0.0);
  if (mesh_.gpus() > 1) {
    builder_.collective(compute, CollectiveKind::all_reduce, Bytes{4.0}, rank.model_group, "gradient norm",
                        Activity::data_parallel);
  }
  // Reads gradient, moments and the fp32 master (or the weight itself); writes moments, master and weight.
  const double weight = activation_size(config_);
  const bool master = config_.master_weights && weight < 4.0;
  memory_op(kernels::MemoryOp::adam, "adam", owned, gradient_size() + 8.0 + (master ? 4.0 : weight),
            8.0 + (master ? 4.0 : 0.0) + weight);
  memory_op(kernels::MemoryOp::memset, "zero gradients", parameters, 0.0, gradient_size());
  if (config_.zero == ZeroStage::optimizer && mesh_.data > 1) {
    builder_.collective(compute, CollectiveKind::all_gather, Bytes{activation_size(config_) * parameters},
                        rank.data_group, "gather weights", Activity::data_parallel);
  }
}

}  // namespace

sim::Plan lower(const TrainingJob& job, Folding folding, const sim::RunControl& control) {
  return StepLowering(job, folding, control).run();
}

}  // namespace orrery::models
