// Names of the plan's vocabularies, and what follows from a plan alone.
#include "sim/plan/plan.hpp"

#include <algorithm>
#include <array>

namespace orrery::sim {

namespace {

template <class Enum, std::size_t N>
std::string_view lookup(const std::array<std::string_view, N>& names, Enum value) {
  const auto index = static_cast<std::size_t>(value);
  return index < N ? names[index] : std::string_view("?");
}

}  // namespace

std::string_view name(StepKind kind) {
  static constexpr std::array<std::string_view, 11> kNames{"launch", "collective", "send", "recv", "copy", "record",
                                                           "wait",   "alloc",      "free", "mark", "call"};
  return lookup(kNames, kind);
}

std::string_view name(Activity activity) {
  static constexpr std::array<std::string_view, 14> kNames{
      "forward",  "recompute",       "backward",  "weight_gradient", "optimizer", "tensor_parallel", "data_parallel",
      "pipeline", "expert_parallel", "host_copy", "prefill",         "decode",    "mixed",           "other"};
  return lookup(kNames, activity);
}

bool is_communication(Activity activity) {
  return activity == Activity::tensor_parallel || activity == Activity::data_parallel ||
         activity == Activity::pipeline || activity == Activity::expert_parallel;
}

std::string_view name(CollectiveKind kind) {
  static constexpr std::array<std::string_view, 6> kNames{"all_reduce", "all_gather", "reduce_scatter",
                                                          "all_to_all", "broadcast",  "reduce"};
  return lookup(kNames, kind);
}

std::string_view name(CollectiveLibrary library) {
  static constexpr std::array<std::string_view, 4> kNames{"nccl", "custom_graph", "custom_eager", "sparse_exchange"};
  return lookup(kNames, library);
}

std::string_view name(LaunchPath path) {
  static constexpr std::array<std::string_view, 3> kNames{"stream", "graph", "joined"};
  return lookup(kNames, path);
}

std::string_view name(LaneKind kind) {
  static constexpr std::array<std::string_view, 3> kNames{"compute", "communication", "copy"};
  return lookup(kNames, kind);
}

std::string lane_name(const std::vector<LaneName>& names, Lane lane) {
  for (const LaneName& known : names) {
    if (known.lane == lane) return known.name;
  }
  std::string text(name(lane.kind));
  return lane.number == 0 ? text : text + " " + std::to_string(lane.number);
}

const BlockPart* find_part(const Block& block, Lane lane) {
  for (const BlockPart& part : block.parts) {
    if (part.lane == lane) return &part;
  }
  return nullptr;
}

std::string_view name(MemoryKind kind) {
  static constexpr std::array<std::string_view, 6> kNames{"weights",     "gradients", "optimizer",
                                                          "activations", "kv_cache",  "workspace"};
  return lookup(kNames, kind);
}

std::size_t Plan::step_count() const {
  const auto work = [](const std::vector<Step>& steps) {
    return static_cast<std::size_t>(
        std::count_if(steps.begin(), steps.end(), [](Step step) { return step.kind != StepKind::mark; }));
  };
  std::vector<std::vector<std::size_t>> of_parts(blocks.size());
  for (std::size_t b = 0; b < blocks.size(); ++b) {
    for (const BlockPart& part : blocks[b].parts) of_parts[b].push_back(work(part.steps));
  }
  std::size_t count = 0;
  for (const Stream& stream : streams) {
    count += work(stream.steps);
    for (const Step step : stream.steps) {
      if (step.kind != StepKind::call) continue;
      const std::uint32_t number = calls[step.index].block;
      const Block& block = blocks[number];
      const BlockPart* part = find_part(block, stream.lane);
      if (part != nullptr) count += of_parts[number][static_cast<std::size_t>(part - block.parts.data())] - 1;
    }
  }
  return count;
}

Plan inlined(const Plan& plan) {
  Plan out = plan;
  for (Stream& stream : out.streams) {
    std::vector<Step> steps;
    for (const Step step : stream.steps) {
      if (step.kind != StepKind::call) {
        steps.push_back(step);
        continue;
      }
      const Call& call = plan.calls[step.index];
      for (Step inner : find_part(plan.blocks[call.block], stream.lane)->steps) {
        if (inner.kind == StepKind::record || inner.kind == StepKind::wait) inner.index += call.first_event;
        steps.push_back(inner);
      }
    }
    stream.steps = std::move(steps);
  }
  out.blocks.clear();
  out.calls.clear();
  return out;
}

}  // namespace orrery::sim
