// Calls that a run on a clock takes in one go.
//
// What a block does depends on when the lanes of its rank are free and on nothing else, as long as its operations load
// spare links only (network/world.hpp) and the rank keeps its speed. A call whose lanes all stand ready when the lane
// of part 0 comes is then one event for each lane: the block's run is known (block_run.hpp), and moved there. Lanes
// that come before part 0 wait for it in the block anyway (BlockOrder::follows_first), or the call goes step by step;
// so does a call with a lane that comes later.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sim/network/world.hpp"
#include "sim/plan/block_run.hpp"
#include "sim/plan/evaluation_builder.hpp"

namespace orrery::sim {

class WholeCalls {
 public:
  enum class Entry : std::uint8_t {
    steps,  ///< the stream goes through the block step by step
    waits,  ///< it stands at the call until the lane of part 0 comes
    whole,  ///< all lanes stand at the call: begin()
  };

  /// All arguments must outlive this. The links of `world` that are spare are known.
  WholeCalls(World& world, const RunnablePlan& plan, const Durations& durations, const Loads& loads,
             std::span<const ActivitySet> sets);

  /// The rank's calls go step by step from the next rewind() on.
  void step_by_step(RankId rank) { in_steps_[rank.index()] = 1; }
  [[nodiscard]] bool goes_in_steps(RankId rank) const { return in_steps_[rank.index()] != 0; }
  void rewind();

  /// The stream comes to a call of the plan. On `steps`, streams that waited there are appended to `released`.
  Entry arrive(std::uint32_t call, std::uint32_t stream, std::vector<std::uint32_t>& released);

  /// A lane of a call that began, and when its last step ends.
  struct Lane {
    std::uint32_t stream = 0;
    SimTime end = 0;
  };
  /// Begins the call of the rank now, after arrive() said `whole`: counts what it puts on links and tells of it,
  /// with times from `origin`, where somebody writes it down. By part; valid until the next one begins.
  std::span<const Lane> begin(std::uint32_t call, RankId rank, SimTime origin, EvaluationBuilder* out);

  /// The stream is in a call that began, and goes no further than now: what the call would still have put on links is
  /// not counted. Its other lanes stop too.
  void stop(std::uint32_t stream);

 private:
  static constexpr std::uint32_t kMixed = 0xffffffffu;    ///< of arrived_: it goes step by step
  static constexpr std::uint32_t kNowhere = 0xffffffffu;  ///< of waits_at_ and Begun

  struct Begun {
    std::uint32_t call = kNowhere;
    const BlockRun* run = nullptr;
    SimTime at = 0;
  };

  [[nodiscard]] std::uint32_t stream_of(RankId rank, orrery::sim::Lane lane) const;

  World& world_;
  const RunnablePlan& runnable_;
  const Plan& plan_;
  BlockRunner runner_;
  std::vector<std::uint8_t> can_;                    ///< by block: nothing of it can be held up
  std::vector<std::uint8_t> in_steps_;               ///< by rank
  std::vector<std::vector<std::uint32_t>> streams_;  ///< by rank
  std::vector<std::vector<std::uint32_t>> by_part_;  ///< by rank and block: the streams of a call; empty until one came
  std::vector<std::uint32_t> arrived_;               ///< by call: lanes beside part 0's that stand there
  std::vector<std::uint32_t> waits_at_;              ///< by stream: the call that it stands at
  std::vector<Begun> begun_;                         ///< by stream: the latest call that it took in one go
  std::vector<SimTime> free_;                        ///< by stream: when it came to its call
  std::vector<Lane> lanes_;                          ///< by part, of the call at hand
  std::vector<SimTime> inputs_;
};

}  // namespace orrery::sim
