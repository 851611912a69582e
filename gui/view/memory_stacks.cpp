// The layers of memory as the report's metrics give them, so that a click can ask where each comes from.

#include <algorithm>

#include <fmt/format.h>

#include "gui/view/memory_view.hpp"

namespace orrery::gui {

namespace {

using models::KvPool;
using models::ServingResult;
using models::StageMemory;
using sim::MemoryKind;

std::vector<MemoryStack> training_stacks(const models::TrainingResult& result) {
  std::vector<MemoryStack> stacks;
  for (const StageMemory& m : result.memory) {
    MemoryStack stack;
    stack.name = fmt::format("stage {}", m.stage);
    const auto add = [&](std::string_view name, Bytes bytes, MemoryKind kind) {
      stack.parts.push_back(
          {std::string(name), bytes.value(), kind, fmt::format("memory.stages.{}.{}_bytes", m.stage, name)});
    };
    add("weights", m.weights, MemoryKind::weights);
    add("gradients", m.gradients, MemoryKind::gradients);
    add("optimizer", m.optimizer, MemoryKind::optimizer);
    add("activations", m.activations, MemoryKind::activations);
    add("workspace", m.workspace, MemoryKind::workspace);
    stack.peak = m.peak.value();
    stack.capacity = result.memory_capacity.value();
    stack.missing = std::max(0.0, stack.peak - stack.capacity);
    stacks.push_back(std::move(stack));
  }
  return stacks;
}

/// What an engine that did not start would need beyond its budget: as the report's refusal says it.
double missing_bytes(const ServingResult& result) {
  if (result.started) return 0.0;
  const KvPool& pool = result.pool;
  if (pool.blocks > 0 && pool.block_size > 0) {
    const std::int64_t needed = (result.config.max_model_len + pool.block_size - 1) / pool.block_size;
    return pool.block_bytes.value() * static_cast<double>(std::max<std::int64_t>(1, needed - pool.blocks));
  }
  const Bytes fixed = pool.weights + pool.activations + pool.context + pool.graphs;
  // At least a block: what is left may be less than one.
  return std::max((fixed - pool.budget).value(), pool.block_bytes.value() - (pool.budget - fixed).value());
}

MemoryStack serving_stack(const ServingResult& result) {
  const KvPool& pool = result.pool;
  MemoryStack stack;
  stack.name = "fullest GPU";
  stack.parts = {
      {"weights", pool.weights.value(), MemoryKind::weights, "memory.weights_bytes"},
      {"activations", pool.activations.value(), MemoryKind::activations, "memory.activations_bytes"},
      {"context", pool.context.value(), MemoryKind::workspace, "memory.workspace_bytes"},
      {"CUDA graphs", pool.graphs.value(), MemoryKind::optimizer, "memory.workspace_bytes"},
      {"KV cache", pool.kv_cache.value(), MemoryKind::kv_cache, "memory.kv_cache_bytes"},
  };
  stack.peak = pool.peak().value();
  stack.capacity = pool.capacity.value();
  stack.budget = pool.budget.value();
  stack.missing = missing_bytes(result);
  return stack;
}

}  // namespace

std::vector<MemoryStack> memory_stacks(const scenarios::Report& report) {
  if (!report.scenario.skipped.empty()) return {};
  if (report.serving) return {serving_stack(*report.serving)};
  return training_stacks(report.result);
}

}  // namespace orrery::gui
