// The table of schedulers.
#include "models/serving/schedulers/scheduler.hpp"

namespace orrery::models {

const std::vector<SchedulerRow>& schedulers() {
  static const std::vector<SchedulerRow> table = {vllm_v1_row()};
  return table;
}

const SchedulerRow* find_scheduler(std::string_view name) {
  for (const SchedulerRow& row : schedulers()) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

}  // namespace orrery::models
