// Blocks with times: when a block's steps run, given when the lanes of its rank are free.
//
// Nothing in a block depends on anything outside but these times, so that a run is worked out once for each set of
// differences between them and every further call only moves it. A lane that first waits for what part 0 records
// counts as free when part 0's is, if it was free before: the usual case has one set only.
//
// Times of a run are relative to when the lane of part 0 was free; before it they are negative.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "sim/plan/busy.hpp"
#include "sim/plan/durations.hpp"
#include "sim/plan/loads.hpp"
#include "sim/plan/runnable.hpp"

namespace orrery::sim {

struct BlockSpan {
  std::int64_t start = 0, end = 0;
  std::uint32_t part = 0;
  Step step;
  LabelId label;
  Activity activity = Activity::other;
};

/// What the operations of a block put on a link: see network/link_spans.hpp.
struct BlockLinkUse {
  std::uint32_t link = 0;
  std::int64_t start = 0, end = 0;
  double share = 0.0, bytes = 0.0;
};

struct BlockRun {
  std::vector<std::int64_t> inputs;   ///< by part: when its lane was free
  std::vector<std::int64_t> outputs;  ///< by part: when its last step ends
  std::vector<BlockSpan> spans;       ///< in an order in which the spans of a part are by start
  std::vector<std::int64_t> memory;   ///< when each step of BlockOrder::memory() happens
  std::vector<BlockLinkUse> links;
  // Figures, once is_summed_up.
  bool is_summed_up = false;
  std::vector<IntervalSet> unions;  ///< by set of activities
  std::array<SimTime, kActivities> sum{};
  std::array<std::int64_t, kActivities> last_end{};
  std::array<std::uint64_t, kActivities> count{};
};

class BlockRunner {
 public:
  /// All arguments must outlive the runner. `loads`: nullptr, or what operations put on links.
  BlockRunner(const RunnablePlan& plan, const Durations& durations, std::span<const ActivitySet> sets,
              const Loads* loads = nullptr);

  /// The run of `block` on a rank of `gpu_class` whose lanes are free at `inputs`, by part. REQUIRES ≥ 1 part. The
  /// result stays where it is; its figures come with sum_up(). Throws TimeOverflow.
  BlockRun& run(std::uint32_t block, std::uint32_t gpu_class, std::span<const SimTime> inputs);

  /// Gives a run of this runner its figures, once: not everybody who wants its times wants them.
  void sum_up(BlockRun& run);

  /// BlockRun::links of a run of this runner with the bytes that are carried by `until` only. REQUIRES loads.
  [[nodiscard]] std::vector<BlockLinkUse> links_until(const BlockRun& run, std::int64_t until) const;

 private:
  void evaluate(std::uint32_t block, std::uint32_t gpu_class, BlockRun& run);

  const RunnablePlan& plan_;
  const Durations& durations_;
  std::span<const ActivitySet> sets_;
  const Loads* loads_;
  std::vector<std::vector<BlockRun*>> known_;  ///< by class and block
  std::deque<BlockRun> runs_;
  std::vector<std::int64_t> relative_, events_;
  std::vector<BlockSpan> by_start_;  ///< spans of the run that is summed up
  IntervalSet united_;
};

}  // namespace orrery::sim
