// A block laid out for running: its steps in an order in which everything a step waits for comes first.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/plan/findings.hpp"
#include "sim/plan/plan.hpp"

namespace orrery::sim {

struct BlockStep {
  std::uint32_t part = 0;
  std::uint32_t position = 0;  ///< in the part
  Step step;
};

/// REQUIRES a block whose every wait can be reached: check_blocks() found nothing.
class BlockOrder {
 public:
  BlockOrder() = default;
  explicit BlockOrder(const Block& block);

  [[nodiscard]] const std::vector<BlockStep>& steps() const { return steps_; }
  /// The alloc and free steps, in the order of their parts.
  [[nodiscard]] const std::vector<BlockStep>& memory() const { return memory_; }
  /// Steps that take time.
  [[nodiscard]] std::size_t timed() const { return timed_; }
  /// Whether the part does nothing before it has waited for what part 0 recorded: when its lane was free before is then
  /// of no account, as long as part 0 came later.
  [[nodiscard]] bool follows_first(std::size_t part) const { return follows_first_[part] != 0; }
  /// Whether the end of part `out` depends on when the lane of part `in` was free.
  [[nodiscard]] bool reaches(std::size_t in, std::size_t out) const { return reach_[in * parts_ + out] != 0; }
  [[nodiscard]] std::size_t parts() const { return parts_; }

 private:
  friend void check_blocks(const Plan& plan, Findings& findings, std::vector<BlockOrder>& orders);
  /// Appends all steps that can be reached; returns whether that was all.
  bool order(const Block& block);
  /// The rest, once the steps are in order.
  void look_into(const Block& block);
  void find_reach(const Block& block);

  std::size_t parts_ = 0, timed_ = 0;
  std::vector<BlockStep> steps_, memory_;
  std::vector<std::uint8_t> follows_first_, reach_;
};

/// The rules of blocks and calls. Where nothing is found, `orders` are those of the plan's blocks.
void check_blocks(const Plan& plan, Findings& findings, std::vector<BlockOrder>& orders);

}  // namespace orrery::sim
