// Appends kernels and collectives to an iteration's list. Private to step_ops*.cpp.
#pragma once

#include <utility>

#include "models/serving/step_ops.hpp"

namespace orrery::models {

// Appends ops of one part, each to be run `count` times.
class StepOps::Builder {
 public:
  Builder(const StepOps& ops, GraphMode mode, int stage)
      : ops_(ops), mode_(mode), group_nodes_(ops.group_nodes(stage)) {}

  void part(StepPart part) { part_ = part; }
  void count(std::int64_t count) { count_ = count; }

  void append(const std::vector<LayerOp>& layer) {
    for (const LayerOp& op : layer) {
      if (op.kind == LayerOp::Kind::launch) {
        launch(op.label, op.kernel);
      } else {
        const bool graph = mode_ != GraphMode::none;
        collective(op.label, op.collective, op.bytes,
                   graph ? sim::CollectiveLibrary::custom_graph : sim::CollectiveLibrary::custom_eager);
      }
    }
  }
  void append(const std::vector<StepOp>& ops) {
    for (StepOp op : ops) {
      op.count *= count_;
      list_.push_back(op);
    }
  }
  void memory(std::string_view label, kernels::MemoryOp op, std::int64_t elements, Bytes read, Bytes written) {
    launch(label, warm_pass(op, elements, read, written));
  }
  void all_gather(std::string_view label, std::int64_t rows, std::int64_t columns) {
    if (ops_.reading_.tensor == 1) return;
    const Bytes bytes = value() * static_cast<double>(rows) * static_cast<double>(columns);
    collective(label, sim::CollectiveKind::all_gather, bytes, sim::CollectiveLibrary::nccl);
  }

  /// Of an activation.
  [[nodiscard]] Bytes value() const { return element_size(ops_.reading_.dtype); }
  std::vector<StepOp> take() { return std::move(list_); }

 private:
  void launch(std::string_view label, const kernels::Kernel& kernel) {
    StepOp op;
    op.label = label;
    op.part = part_;
    op.kernel = kernel;
    op.count = count_;
    list_.push_back(op);
  }
  void collective(std::string_view label, sim::CollectiveKind kind, Bytes bytes, sim::CollectiveLibrary library) {
    StepOp op;
    op.label = label;
    op.part = part_;
    op.is_collective = true;
    op.collective.kind = kind;
    op.collective.bytes = bytes;
    op.collective.ranks = static_cast<int>(ops_.reading_.tensor);
    op.collective.nodes = group_nodes_;
    op.collective.library = library;
    op.collective.implementation = ops_.reading_.kernels;
    op.count = count_;
    list_.push_back(op);
  }

  const StepOps& ops_;
  GraphMode mode_;
  int group_nodes_;
  StepPart part_ = StepPart::body;
  std::int64_t count_ = 1;
  std::vector<StepOp> list_;
};

}  // namespace orrery::models
