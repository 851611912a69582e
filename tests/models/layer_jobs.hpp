// What the tests of layers share: readings, sums over ops, and a layer that no library model has.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

#include "hardware/gpu.hpp"
#include "models/layer/layer.hpp"
#include "models/layer/ops.hpp"
#include "models/layer/serving.hpp"
#include "models/layer/training.hpp"

namespace orrery::models::testing {

inline TrainingReading training_reading(std::int64_t tokens, std::int64_t tensor = 1, bool sequence_parallel = false) {
  TrainingReading reading;
  reading.sequence = tokens;
  reading.tensor = tensor;
  reading.sequence_parallel = sequence_parallel;
  return reading;
}

/// On a GPU without L2, so that passes over memory count all their bytes.
inline ServingReading serving_reading(std::int64_t tensor = 1) {
  static const hardware::Gpu gpu;
  ServingReading reading;
  reading.gpu = &gpu;
  reading.tensor = tensor;
  return reading;
}

inline bool is_gemm(const LayerOp& op) {
  return op.kind == LayerOp::Kind::launch && std::holds_alternative<kernels::GemmShape>(op.kernel);
}

/// FLOPs of the linear layers: of all GEMMs, where attention is fused.
inline double gemm_flops(const std::vector<LayerOp>& ops) {
  double sum = 0.0;
  for (const LayerOp& op : ops) sum += is_gemm(op) ? kernels::work(op.kernel).flops.value() : 0.0;
  return sum;
}

inline std::vector<std::string_view> labels(const std::vector<LayerOp>& ops) {
  std::vector<std::string_view> result;
  for (const LayerOp& op : ops) result.push_back(op.label);
  return result;
}

inline std::int64_t count(const std::vector<LayerOp>& ops, sim::CollectiveKind kind, LayerOp::Kind how) {
  return std::count_if(ops.begin(), ops.end(),
                       [&](const LayerOp& op) { return op.kind == how && op.collective == kind; });
}

inline const LayerOp* find(const std::vector<LayerOp>& ops, std::string_view label) {
  const auto found = std::find_if(ops.begin(), ops.end(), [&](const LayerOp& op) { return op.label == label; });
  return found == ops.end() ? nullptr : &*found;
}

/// GPT-J's block: attention and MLP read one norm, side by side in one tensor-parallel region. 4 heads of 16, MLP 256.
inline std::vector<LayerElement> parallel_block() {
  const Width hidden{64, 1, false}, heads = shared_width(4, 16), inter = shared_width(256);
  std::vector<LayerElement> list;
  const auto add = [&](Part part, auto block, bool inside, Widths kept = {}) {
    LayerElement element;
    element.block = block;
    element.part = part;
    element.inside = inside;
    element.kept = kept;
    list.push_back(element);
  };
  add(Part::norms, Norm{{"norm", "norm"}, {hidden}, 64, true}, false, {hidden});
  add(Part::norms, Enter{64}, false, {hidden});
  add(Part::attention, Linear{{"qkv and up", "qkv and up"}, hidden, {heads, heads, heads, inter}}, true);
  add(Part::attention, CoreAttention{heads, heads, 16, 0, 0, 0, {heads, heads}}, true, {heads, heads, heads, heads});
  add(Part::mlp, Activation{{"activation", "activation"}, inter, false}, true, {inter, inter});
  add(Part::attention, Linear{{"attention out", "attention out"}, heads, {hidden}}, true);
  add(Part::mlp, Linear{{"down", "down"}, inter, {hidden}}, true);
  add(Part::norms, Leave{"all_reduce", 64}, true);
  add(Part::norms, Residual{"residual", 64}, false);
  return list;
}

}  // namespace orrery::models::testing
