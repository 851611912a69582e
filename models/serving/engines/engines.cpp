// The table of serving engines.
#include <stdexcept>

#include <fmt/format.h>

#include "models/serving/engine_row.hpp"

namespace orrery::models {

const std::vector<EngineRow>& engines() {
  static const std::vector<EngineRow> table = {vllm_v1_engine(), sglang_engine(), trtllm_engine(), tgi_engine()};
  return table;
}

const EngineRow* find_engine(std::string_view name) {
  for (const EngineRow& row : engines()) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

std::string engine_misfit(const EngineRow& row, const hardware::Gpu& gpu) {
  if (!row.needs_cuda || gpu.has_cuda()) return {};
  return fmt::format("the engine '{}' runs on CUDA, which '{}' has not: serving on a TPU is not modelled", row.name,
                     gpu.name);
}

const EngineRow& engine_of(const ServingJob& job) {
  const EngineRow* row = job.engine != nullptr ? job.engine : find_engine(job.config.engine);
  if (row == nullptr) throw std::invalid_argument("unknown serving engine: " + job.config.engine);
  return *row;
}

const SchedulerRow* EngineRow::find_scheduler(std::string_view wanted) const {
  for (const SchedulerRow& row : schedulers) {
    if (wanted.empty() || row.name == wanted) return &row;
  }
  return nullptr;
}

}  // namespace orrery::models
