#include "sim/plan/runnable.hpp"

#include <stdexcept>
#include <string>
#include <utility>

namespace orrery::sim {

namespace {

constexpr std::uint32_t kNone = PlanLinks::kNone;

[[noreturn]] void throw_findings(const std::vector<std::string>& findings) {
  std::string message = "the plan can't run: ";
  for (const std::string& finding : findings) message += finding + "; ";
  message.resize(message.size() - 2);
  throw std::invalid_argument(message);
}

}  // namespace

RunnablePlan::RunnablePlan(Plan plan, const RunControl& control) : plan_(std::move(plan)) {
  const std::vector<std::string> findings = check_and_link(plan_, links_, blocks_, control);
  if (!findings.empty()) throw_findings(findings);
  steps_ = plan_.step_count();
  find_memory_order();
}

void RunnablePlan::find_memory_order() {
  std::vector<std::uint32_t> stream_of(plan_.ranks.size(), kNone);
  memory_in_order_.assign(plan_.ranks.size(), 1);
  for (std::uint32_t s = 0; s < plan_.streams.size(); ++s) {
    const Stream& stream = plan_.streams[s];
    std::uint32_t& known = stream_of[stream.rank.index()];
    const auto touches = [&](const Step& step) {
      if (step.kind == StepKind::alloc || step.kind == StepKind::free) return true;
      if (step.kind != StepKind::call) return false;
      const std::uint32_t block = plan_.calls[step.index].block;
      for (const BlockStep& inner : blocks_[block].memory()) {
        if (plan_.blocks[block].parts[inner.part].lane == stream.lane) return true;
      }
      return false;
    };
    for (const Step& step : stream.steps) {
      if (!touches(step)) continue;
      if (known != kNone && known != s) memory_in_order_[stream.rank.index()] = 0;
      known = s;
      break;
    }
  }
}

}  // namespace orrery::sim
