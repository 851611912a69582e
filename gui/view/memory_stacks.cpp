// The layers of memory as the kinds of job give them, so that a click can ask where each comes from.

#include "gui/view/memory_view.hpp"
#include "scenarios/kinds.hpp"

namespace orrery::gui {

std::vector<MemoryStack> memory_stacks(const scenarios::Report& report) {
  std::vector<MemoryStack> stacks;
  for (const scenarios::JobView& view : scenarios::job_views(report)) {
    if (view.result == nullptr) continue;
    for (MemoryStack& stack : view.job.kind->memory(*view.result)) {
      if (!view.job.name.empty()) stack.name = view.job.name + " " + stack.name;
      for (MemoryPart& part : stack.parts) part.metric.insert(0, view.job.prefix());
      stacks.push_back(std::move(stack));
    }
  }
  return stacks;
}

}  // namespace orrery::gui
