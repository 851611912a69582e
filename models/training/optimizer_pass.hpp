// A pass of an optimizer, the inner or the outer, over the values that it keeps.
#pragma once

#include <cstdint>
#include <string_view>

#include "kernels/kernel.hpp"
#include "sim/plan/builder.hpp"

namespace orrery::models {

/// Of `values`, each of which has `read` bytes read and `written` bytes written.
inline void launch_optimizer_pass(sim::PlanBuilder& builder, StreamId stream, kernels::MemoryOp op,
                                  std::string_view label, double values, double read, double written) {
  kernels::MemoryShape shape;
  shape.op = op;
  shape.elements = static_cast<std::int64_t>(values);
  shape.read = Bytes{read * values};
  shape.written = Bytes{written * values};
  builder.launch(stream, shape, label, sim::Activity::optimizer);
}

}  // namespace orrery::models
