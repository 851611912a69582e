// The table of pipeline schedules. K stages, M microbatches, v chunks, F and B the time of one stage's passes.
#include <algorithm>

#include "models/schedule/schedule.hpp"

namespace orrery::models {

const std::vector<ScheduleRow>& schedules() {
  static const std::vector<ScheduleRow> rows = {
      {"gpipe", "bubble = (K−1)/(K−1+M); M microbatches in flight", "Huang et al. 2019, arXiv:1811.06965 §2.3",
       check_gpipe, order_gpipe},
      {"1f1b", "bubble = (K−1)/(K−1+M); min(M, K−stage) microbatches in flight",
       "Narayanan et al. 2021, arXiv:2006.09503 (PipeDream-Flush) and arXiv:2104.04473 §2.2.1", check_one_f_one_b,
       order_one_f_one_b},
      {"interleaved_1f1b", "bubble time (K−1)(F+B)/v: bubble = (K−1)/(K−1+v·M)",
       "Narayanan et al. 2021, arXiv:2104.04473 §2.2.2; NVIDIA/Megatron-LM "
       "megatron/core/pipeline_parallel/schedules.py",
       check_interleaved, order_interleaved},
  };
  return rows;
}

const ScheduleRow* find_schedule(std::string_view name) {
  const auto& rows = schedules();
  const auto found = std::find_if(rows.begin(), rows.end(), [&](const ScheduleRow& row) { return row.name == name; });
  return found == rows.end() ? nullptr : &*found;
}

int most_in_flight(const std::vector<PipelineSlot>& order) {
  int now = 0, most = 0;
  for (const PipelineSlot& slot : order) {
    now += slot.pass == PipelinePass::forward ? 1 : -1;
    most = std::max(most, now);
  }
  return most;
}

}  // namespace orrery::models
