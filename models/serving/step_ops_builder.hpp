// Appends kernels and collectives to an iteration's list. Private to step_ops*.cpp.
#pragma once

#include <algorithm>
#include <utility>

#include "models/serving/step_ops.hpp"

namespace orrery::models {

/// Of a tensor-parallel rank; at least one (KV heads are copied where there are too few).
inline std::int64_t rank_share(std::int64_t total, std::int64_t parts) {
  return std::max<std::int64_t>(1, total / parts);
}

// Activations pass from kernel to kernel through L2: of what fits into half of it all is found there, of half more than
// it nothing. Bytes from L2 count as what HBM moves in that time. Vendors' kernels inside vLLM 0.19: the norm of 1,904
// tokens (62 MB) runs at 4.2 TB/s on an RTX PRO 6000 (128 MiB of L2), the activation of 2,032 (175 MB) at 1.9 TB/s;
// on an RTX 4090 (72 MiB) at 2.4 and 1.0 TB/s (LLMServingSim @5daddb2, dense).
inline double memory_share(double bytes, const hardware::Gpu& gpu) {
  if (!(gpu.l2_size.value() > 0.0) || !(gpu.l2_bandwidth > gpu.memory_bandwidth)) return 1.0;
  const double missing = std::clamp(bytes / gpu.l2_size.value() - 0.5, 0.0, 1.0);
  return missing + (1.0 - missing) * (gpu.memory_bandwidth / gpu.l2_bandwidth);
}

// Appends ops of one part, each to be run `count` times.
class StepOps::Builder {
 public:
  Builder(const ServingJob& job, int nodes, GraphMode mode) : job_(job), nodes_(nodes), mode_(mode) {}

  void part(StepPart part) { part_ = part; }
  void count(std::int64_t count) { count_ = count; }

  void gemm(std::string_view label, Dtype dtype, std::int64_t m, std::int64_t n, std::int64_t k,
            std::int64_t batch = 1) {
    kernels::GemmShape shape;
    shape.dtype = dtype;
    shape.m = m;
    shape.n = n;
    shape.k = k;
    shape.batch = batch;
    shape.implementation = job_.config.kernels;
    launch(label, shape);
  }
  void linear(std::string_view label, std::int64_t m, std::int64_t n, std::int64_t k) {
    gemm(label, job_.config.weight_dtype, m, n, k);
  }
  void memory(std::string_view label, kernels::MemoryOp op, std::int64_t elements, double read, double write) {
    const double all = static_cast<double>(elements), scale = memory_share((read + write) * all, job_.cluster.gpu);
    kernels::MemoryShape shape;
    shape.op = op;
    shape.elements = elements;
    shape.read = Bytes{read * all * scale};
    shape.written = Bytes{write * all * scale};
    launch(label, shape);
  }
  void norm(std::string_view label, std::int64_t elements, bool residual) {
    const double size = width() * (residual ? 2.0 : 1.0);
    memory(label, kernels::MemoryOp::norm, elements, size, size);
  }
  void launch(std::string_view label, const kernels::Kernel& kernel) {
    StepOp op;
    op.label = label;
    op.part = part_;
    op.kernel = kernel;
    op.count = count_;
    ops_.push_back(op);
  }
  void append(const std::vector<StepOp>& ops) {
    for (StepOp op : ops) {
      op.count *= count_;
      ops_.push_back(op);
    }
  }
  void all_reduce(std::string_view label, std::int64_t rows) {
    const bool graph = mode_ != GraphMode::none;
    collective(label, sim::CollectiveKind::all_reduce, rows, job_.llm.hidden,
               graph ? sim::CollectiveLibrary::custom_graph : sim::CollectiveLibrary::custom_eager);
  }
  void all_gather(std::string_view label, std::int64_t rows, std::int64_t columns) {
    collective(label, sim::CollectiveKind::all_gather, rows, columns, sim::CollectiveLibrary::nccl);
  }

  [[nodiscard]] double width() const { return element_size(job_.config.dtype).value(); }
  std::vector<StepOp> take() { return std::move(ops_); }

 private:
  void collective(std::string_view label, sim::CollectiveKind kind, std::int64_t rows, std::int64_t columns,
                  sim::CollectiveLibrary library) {
    const int tensor = job_.config.tensor_parallel;
    if (tensor == 1) return;
    StepOp op;
    op.label = label;
    op.part = part_;
    op.is_collective = true;
    op.collective.kind = kind;
    op.collective.bytes = width() * static_cast<double>(rows) * Bytes{static_cast<double>(columns)};
    op.collective.ranks = tensor;
    op.collective.nodes = nodes_;
    op.collective.library = library;
    op.collective.implementation = job_.config.kernels;
    op.count = count_;
    ops_.push_back(op);
  }

  const ServingJob& job_;
  int nodes_;
  GraphMode mode_;
  StepPart part_ = StepPart::body;
  std::int64_t count_ = 1;
  std::vector<StepOp> ops_;
};

}  // namespace orrery::models
