// An operation as the messages that go round a ring, on the links of a World.
//
// Message m of hop h is sent when the hop's message before it has arrived, and
//   m − slices has come from hop h − 1, unless a chunk begins its way with m
//   hop h + 1 has passed on what message m − window was, so that there is room, unless that was at its end
// Each takes its part of the operation's duration alone, and loads the hop's links during its part of the work: on
// links that nothing else loads the operation ends after exactly its duration (a pipelined chain: the sum of the hops'
// latencies and all stages of the slowest). A link that is slow holds up its own hop first, and the others step by
// step.
//
// Where nothing else can happen until its end, and no link of its own can fill, the times are a longest path, found in
// one go at about a nanosecond a message; else every message is an operation of the World.
// Limitation: what it held up is reported as one delay, by the link that held its messages up longest.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "sim/network/world.hpp"

namespace orrery::sim {

class RingRun final : private Completion, private Resource {
 public:
  /// A part of `world`, which is told of the end as that of the operation in its slot `owner`.
  RingRun(World& world, std::uint32_t owner, const Operation& operation, const RingMessages& messages, double weight);
  ~RingRun();  ///< takes what is on its way off the links
  RingRun(const RingRun&) = delete;
  RingRun& operator=(const RingRun&) = delete;

  /// The same messages load other links from now on, those on their way with what is left of them.
  void go_by(const RingMessages& messages, double weight);

 private:
  enum class State : std::uint8_t { begins, in_one_go, by_messages, lost };
  struct Hop {
    std::uint64_t begun = 0, done = 0;
    double speed = 1.0;  ///< alone on its links
    std::optional<OperationId> message;
  };

  void fire(SimTime now) override;
  void completed(std::uint64_t hop, SimTime now, const HeldUp& held_up) override;
  void lost(std::uint64_t hop, SimTime now, LinkId link) override;

  [[nodiscard]] std::size_t next(std::size_t hop) const { return hop + 1 < hops_.size() ? hop + 1 : 0; }
  [[nodiscard]] std::size_t before(std::size_t hop) const { return hop > 0 ? hop - 1 : hops_.size() - 1; }
  [[nodiscard]] std::uint64_t step(std::uint64_t message) const { return message / ring_->slices % ring_->steps; }
  /// Part `message` of `whole` in as many parts as there are messages, which add up to it.
  [[nodiscard]] SimTime part(SimTime whole, std::uint64_t message) const;
  void begin_next(std::size_t hop);
  void drop_messages();

  /// Nothing else loads its links, and none of them can fill but by one hop's messages. Sets the hops' speeds.
  [[nodiscard]] bool is_alone();
  /// When it ends if nothing else happens; nullopt: not before `until`.
  [[nodiscard]] std::optional<SimTime> longest_path(SimTime until) const;
  void carry(SimTime end);

  World& world_;
  std::uint32_t owner_;
  const RingMessages* ring_;
  SimTime alone_, work_;
  double weight_;
  std::uint64_t messages_;
  ResourceId id_;
  State state_ = State::begins;
  SimTime started_;
  std::vector<Hop> hops_;
  std::size_t unfinished_;
  std::vector<std::pair<LinkId, SimTime>> held_up_;
};

}  // namespace orrery::sim
