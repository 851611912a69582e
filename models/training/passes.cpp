#include "models/training/passes.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "models/parallel/lanes.hpp"
#include "models/training/memory.hpp"

namespace orrery::models {

namespace {

using sim::Activity;
using sim::CollectiveKind;
using sim::MemoryKind;
using sim::PlanBuilder;

constexpr std::uint32_t kNoBlock = 0xffffffffu;
/// Forward, backward, and the backward pass that reduces gradients.
constexpr std::size_t kPassKinds = 3;

// A layer doesn't know how many nodes its exchange goes over; the rank's group does.
sim::CollectiveEntry exchange_entry(const ExchangeRow& row, const RankState& rank, const LayerOp& op) {
  ExchangeShape shape = rank.exchange;
  shape.dispatch = shape.combine = op.dtype;
  const ExchangeCollective call = row.collective(shape, op.phase);
  sim::CollectiveEntry entry;
  entry.kind = call.kind, entry.bytes = call.bytes, entry.dtype = call.dtype, entry.library = call.library;
  entry.group = rank.expert_group;
  return entry;
}

sim::CollectiveEntry collective_entry(const RankState& rank, const LayerOp& op) {
  sim::CollectiveEntry entry;
  entry.kind = op.collective, entry.bytes = op.bytes;
  entry.group = rank.grid_groups[static_cast<std::size_t>(op.along)];
  return entry;
}

}  // namespace

PassWriter::PassWriter(const TrainingJob& job, const Mesh& mesh, int microbatches)
    : job_(job),
      config_(job.config),
      bucket_size_(gradient_bucket(job).value()),
      mesh_(mesh),
      is_on_grid_(!tensor_grid(job.config).is_line()),
      microbatches_(microbatches) {
  prepare_layers();
  prepare_ends();
}

PassWriter::PassOps PassWriter::pass_ops(const std::vector<LayerElement>& elements) const {
  PassOps ops;
  ops.forward = forward_ops(job_, elements);
  ops.backward = backward_ops(job_, elements);
  if (config_.recompute == Recompute::selective) ops.recompute = recompute_ops(job_, elements, false);
  if (config_.recompute == Recompute::full) ops.full_recompute = recompute_ops(job_, elements, true);
  return ops;
}

// Layers of a kind are alike: what one costs is worked out once.
const PassWriter::LayerPlan& PassWriter::layer_plan(std::int64_t layer, bool recomputed) {
  const std::size_t kind = job_.llm.kind_of(layer);
  const auto [found, is_new] = layer_plans_.try_emplace({kind, recomputed});
  LayerPlan& plan = found->second;
  if (!is_new) return plan;
  std::unique_ptr<PassOps>& ops = layer_ops_[kind];
  if (!ops) ops = std::make_unique<PassOps>(pass_ops(layer_elements(job_, layer)));
  plan.ops = ops.get();
  plan.recomputed = recomputed;
  plan.kept = layer_activations(job_, layer, recomputed);
  plan.transient = recomputed_activations(job_, layer, recomputed);
  plan.parameters = layer_parameters_per_rank(job_, layer);
  return plan;
}

void PassWriter::prepare_layers() {
  for (const LayerRange& range : deal_layers(job_)) {
    ChunkPlan chunk;
    const std::int64_t recomputed = config_.recompute != Recompute::full ? 0
                                    : config_.recompute_layers < 0       ? range.count
                                                                         : config_.recompute_layers;
    for (std::int64_t l = range.first; l < range.first + range.count; ++l) {
      chunk.layers.push_back(layer_plan(l, l - range.first < recomputed));
      chunk.kept += chunk.layers.back().kept;
    }
    chunks_.push_back(std::move(chunk));
  }
}

void PassWriter::prepare_ends() {
  embedding_ = pass_ops(embedding_elements(job_));
  head_ = pass_ops(head_elements(job_));
  chunks_.front().embedding = true;
  chunks_.front().kept += embedding_activations(job_);
  chunks_.back().head = true;
  chunks_.back().kept += head_activations(job_);
}

void PassWriter::set_ranks(std::size_t ranks) {
  const std::size_t chunks = static_cast<std::size_t>(config_.virtual_pipeline);
  bucket_.assign(ranks, 0.0);
  expert_bucket_.assign(ranks, 0.0);
  backward_passes_.assign(ranks * chunks, 0);
  blocks_.assign(ranks * chunks * kPassKinds, kNoBlock);
}

void PassWriter::write(PlanBuilder& builder, const RankState& rank, const PipelineSlot& slot) {
  const std::size_t place =
      rank.id.index() * static_cast<std::size_t>(config_.virtual_pipeline) + static_cast<std::size_t>(slot.chunk);
  const ChunkPlan& chunk = chunks_[static_cast<std::size_t>(slot.chunk * config_.pipeline_parallel + rank.stage())];
  const bool forward = slot.pass == PipelinePass::forward;
  // The last backward pass of a chunk is not always the last microbatch's: GPipe runs backward in reverse.
  const bool last = !forward && ++backward_passes_[place] == microbatches_;
  const bool reduce = !forward && mesh_.data() > 1 && config_.overlap_gradient_reduce && (last || !config_.no_sync);
  if (rank.meets_ranks) return write_pass(builder, rank, chunk, slot.pass, reduce);
  std::uint32_t& block = blocks_[place * kPassKinds + (forward ? 0u : reduce ? 2u : 1u)];
  if (block == kNoBlock) {
    builder.begin_block(rank.id, fmt::format("{} chunk {} of stage {}{}", forward ? "forward" : "backward", slot.chunk,
                                             rank.stage(), reduce ? ", reducing gradients" : ""));
    write_pass(builder, rank, chunk, slot.pass, reduce);
    block = builder.end_block();
  }
  builder.call(rank.id, block);
}

void PassWriter::write_pass(PlanBuilder& builder, const RankState& rank, const ChunkPlan& chunk, PipelinePass pass,
                            bool reduce) {
  if (pass == PipelinePass::forward) {
    write_forward(builder, rank, chunk);
  } else {
    write_backward(builder, rank, chunk, reduce);
  }
}

void PassWriter::write_forward(PlanBuilder& builder, const RankState& rank, const ChunkPlan& chunk) {
  const StreamId compute = builder.stream(rank.id, lanes::kCompute);
  builder.alloc(compute, chunk.kept, MemoryKind::activations);
  if (chunk.embedding) {
    write_ops(builder, rank, embedding_.forward);
  } else if (mesh_.tensor() > 1 && !config_.sequence_parallel && !is_on_grid_) {
    // The slices of the received activations become whole again.
    builder.collective(compute, CollectiveKind::all_gather, LayerSizes(job_).boundary, rank.tensor_group,
                       "gather activations", Activity::tensor_parallel);
  }
  for (const LayerPlan& layer : chunk.layers) write_ops(builder, rank, layer.ops->forward);
  if (chunk.head) write_ops(builder, rank, head_.forward);
}

void PassWriter::write_backward(PlanBuilder& builder, const RankState& rank, const ChunkPlan& chunk, bool reduce) {
  const StreamId compute = builder.stream(rank.id, lanes::kCompute);
  if (chunk.head) {
    write_gradients(builder, rank, head_.backward, head_parameters_per_rank(job_), reduce);
  } else if (mesh_.tensor() > 1 && !config_.sequence_parallel && !is_on_grid_) {
    builder.collective(compute, CollectiveKind::all_gather, LayerSizes(job_).boundary, rank.tensor_group,
                       "gather gradients", Activity::tensor_parallel);
  }
  for (std::size_t i = chunk.layers.size(); i-- > 0;) {
    const LayerPlan& layer = chunk.layers[i];
    const bool transient = layer.transient > Bytes{0.0};
    if (transient) builder.alloc(compute, layer.transient, MemoryKind::workspace);
    write_ops(builder, rank, layer.recomputed ? layer.ops->full_recompute : layer.ops->recompute);
    write_gradients(builder, rank, layer.ops->backward, layer.parameters, reduce);
    if (transient) builder.free(compute, layer.transient, MemoryKind::workspace);
  }
  if (chunk.embedding) {
    write_gradients(builder, rank, embedding_.backward, embedding_parameters_per_rank(job_), reduce);
  }
  builder.free(compute, chunk.kept, MemoryKind::activations);
  if (!reduce) return;
  flush_bucket(builder, rank, true);
  flush_bucket(builder, rank, false);
}

const std::vector<std::uint32_t>& PassWriter::entries(PlanBuilder& builder, const RankState& rank,
                                                      const std::vector<LayerOp>& ops) {
  // Ranks of one group have other rows and columns.
  const std::uint32_t whose = is_on_grid_ ? rank.id.value : rank.tensor_group.value;
  const auto [found, is_new] = entries_.try_emplace({&ops, whose});
  if (!is_new) return found->second;
  for (const LayerOp& op : ops) {
    if (op.kind == LayerOp::Kind::finish_collectives) {
      found->second.push_back(0);
    } else if (op.kind == LayerOp::Kind::launch) {
      sim::KernelEntry entry;
      entry.kernel = op.kernel;
      entry.label = builder.label(op.label);
      entry.activity = op.activity;
      found->second.push_back(builder.add(entry));
    } else {
      sim::CollectiveEntry entry = op.kind == LayerOp::Kind::exchange
                                       ? exchange_entry(*find_expert_exchange(config_.expert_exchange), rank, op)
                                       : collective_entry(rank, op);
      entry.label = builder.label(op.label);
      entry.activity = op.activity;
      found->second.push_back(builder.add(entry));
    }
  }
  return found->second;
}

// A weight's gradient joins the bucket as soon as it is done; those of biases and norms, which have no kernel of their
// own, behind all of them.
void PassWriter::write_gradients(PlanBuilder& builder, const RankState& rank, const std::vector<LayerOp>& ops,
                                 std::int64_t parameters, bool reduce) {
  write_ops(builder, rank, ops, reduce);
  if (!reduce) return;
  std::int64_t done = 0;
  for (const LayerOp& op : ops) done += op.gradients;
  add_gradients(builder, rank, std::max<std::int64_t>(0, parameters - done), false);
}

void PassWriter::write_ops(PlanBuilder& builder, const RankState& rank, const std::vector<LayerOp>& ops, bool reduce) {
  if (ops.empty()) return;
  const StreamId compute = builder.stream(rank.id, lanes::kCompute);
  const std::vector<std::uint32_t>& entry = entries(builder, rank, ops);
  bool on_lane = false, on_column = false;  // something was started there that nobody has waited for
  for (std::size_t i = 0; i < ops.size(); ++i) {
    const LayerOp::Kind kind = ops[i].kind;
    if (kind == LayerOp::Kind::launch) {
      builder.launch(compute, entry[i]);
    } else if (kind == LayerOp::Kind::start_collective && config_.overlap_tensor_parallel) {
      const bool column = ops[i].along == GridAxis::column;
      const StreamId lane = builder.stream(rank.id, column ? lanes::kTensorColumn : lanes::kTensorParallel);
      builder.wait(lane, builder.record(compute));
      builder.collective(lane, entry[i]);
      (column ? on_column : on_lane) = true;
    } else if (kind == LayerOp::Kind::finish_collectives) {
      if (std::exchange(on_lane, false)) {
        builder.wait(compute, builder.record(builder.stream(rank.id, lanes::kTensorParallel)));
      }
      if (std::exchange(on_column, false)) {
        builder.wait(compute, builder.record(builder.stream(rank.id, lanes::kTensorColumn)));
      }
    } else {
      builder.collective(compute, entry[i]);
    }
    if (reduce && ops[i].gradients > 0) add_gradients(builder, rank, ops[i].gradients, ops[i].of_experts);
  }
}

void PassWriter::add_gradients(PlanBuilder& builder, const RankState& rank, std::int64_t parameters, bool of_experts) {
  double& waiting = (of_experts ? expert_bucket_ : bucket_)[rank.id.index()];
  waiting += static_cast<double>(parameters) * element_size(config_.gradient_dtype).value();
  if (waiting >= bucket_size_) flush_bucket(builder, rank, of_experts);
}

void PassWriter::flush_bucket(PlanBuilder& builder, const RankState& rank, bool of_experts) {
  double& waiting = (of_experts ? expert_bucket_ : bucket_)[rank.id.index()];
  const double bytes = std::exchange(waiting, 0.0);
  const GroupId group = of_experts ? rank.expert_data_group : rank.data_group;
  if (bytes <= 0.0 || !group.valid()) return;  // an expert that no other rank has
  const StreamId lane = builder.stream(rank.id, lanes::kDataParallel);
  builder.wait(lane, builder.record(builder.stream(rank.id, lanes::kCompute)));
  const bool sharded = config_.zero == ZeroStage::optimizer;
  builder.collective(lane, sharded ? CollectiveKind::reduce_scatter : CollectiveKind::all_reduce, Bytes{bytes}, group,
                     of_experts ? "expert gradient bucket" : "gradient bucket", Activity::data_parallel);
}

void PassWriter::reduce_all(PlanBuilder& builder, const RankState& rank, double parameters, double experts) {
  const double size = element_size(config_.gradient_dtype).value();
  bucket_[rank.id.index()] = (parameters - experts) * size;
  expert_bucket_[rank.id.index()] = experts * size;
  flush_bucket(builder, rank, true);
  flush_bucket(builder, rank, false);
}

}  // namespace orrery::models
