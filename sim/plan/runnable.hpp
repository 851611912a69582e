// A Plan that was checked and linked once. Evaluating, freezing, running and executing take only this, so that no
// reading of a plan checks it again and none can take one that can't run.
#pragma once

#include <string>
#include <vector>

#include "sim/plan/block.hpp"
#include "sim/plan/plan.hpp"
#include "sim/plan/walk.hpp"
#include "sim/run_control.hpp"

namespace orrery::sim {

/// As check(); where nothing is found, `links` and the orders of `blocks` are what the plan runs by.
[[nodiscard]] std::vector<std::string> check_and_link(const Plan& plan, PlanLinks& links,
                                                      std::vector<BlockOrder>& blocks, const RunControl& control);

class RunnablePlan {
 public:
  /// Throws std::invalid_argument with every finding of check(), and Cancelled once `control` says stop.
  explicit RunnablePlan(Plan plan, const RunControl& control = {});

  [[nodiscard]] const Plan& plan() const { return plan_; }
  [[nodiscard]] const PlanLinks& links() const { return links_; }
  [[nodiscard]] const BlockOrder& block(std::uint32_t number) const { return blocks_[number]; }
  /// Steps of all streams but marks, calls counted as the steps that they run.
  [[nodiscard]] std::size_t step_count() const { return steps_; }
  /// All memory of the rank is taken and given back on one stream: in the order of its steps.
  [[nodiscard]] bool memory_in_order(RankId rank) const { return memory_in_order_[rank.index()] != 0; }

 private:
  void find_memory_order();

  Plan plan_;
  PlanLinks links_;
  std::vector<BlockOrder> blocks_;
  std::vector<std::uint8_t> memory_in_order_;
  std::size_t steps_ = 0;
};

}  // namespace orrery::sim
