// Kernels of an engine's layer, appended in stream order. Private to serving*.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "models/layer/serving.hpp"

namespace orrery::models {

class ServingOps {
 public:
  explicit ServingOps(const ServingReading& reading) : r_(reading), value_(element_size(reading.dtype)) {}

  void add(const LayerElement& element, std::int64_t rows);
  void gemm(std::string_view label, Dtype dtype, std::int64_t m, std::int64_t n, std::int64_t k,
            std::int64_t batch = 1) {
    kernels::GemmShape shape;
    shape.dtype = dtype;
    shape.m = m;
    shape.n = n;
    shape.k = k;
    shape.batch = batch;
    shape.implementation = r_.kernels;
    launch(label, shape);
  }
  void launch(std::string_view label, const kernels::Kernel& kernel) {
    LayerOp op;
    op.label = label;
    op.kernel = kernel;
    ops_.push_back(op);
  }
  std::vector<LayerOp> take() { return std::move(ops_); }

 private:
  /// `rows`: a block works through one at a time; 0: every element for itself.
  void pass(std::string_view label, kernels::MemoryOp op, std::int64_t elements, Bytes read, Bytes written,
            std::int64_t rows = 0) {
    kernels::MemoryShape shape = warm_pass(op, elements, read, written);
    shape.rows = rows;
    launch(label, shape);
  }
  /// The number format of weights that the checkpoint may have in one of their own.
  [[nodiscard]] Dtype format_of(const std::optional<WeightFormat>& stored, Dtype others) const;
  void norm(const Norm& e, std::int64_t rows);
  void experts(const Experts& e, std::int64_t rows);
  void all_reduce(const Leave& e, std::int64_t rows);

  const ServingReading& r_;
  Bytes value_;  ///< of an activation
  std::vector<LayerOp> ops_;
};

}  // namespace orrery::models
