// An operation as the messages of a graph, on the links of a World.
//
// Message m of a hop is sent when the hop's message before it has arrived, and
//   message m − lag has come from each hop whose messages it passes on; on a ring, unless a chunk begins its way with m
//   each hop that passes its messages on has passed on what message m − window was, so that there is room; on a ring,
//   unless that was at its end
// and takes its part of the operation's duration alone, of which the last, its part of the work, loads the hop's links.
//
//   ring   lag = a chunk's slices; all hops send from the beginning on:    part = alone / messages
//   tree   lag = 0; hop after hop begins, `fill` messages until the last:  part = max(alone, work·(1 + fill /
//   messages))
//                                                                                 / (messages + fill)
//
// On links that nothing else loads a ring ends after exactly the operation's duration, and a tree too where the latency
// in it is as long as the filling of the pipeline, which a closed form leaves out; else it ends later by the rest of
// it. A link that is slow holds up its own hop first, and the others step by step.
//
// Where nothing else can happen until its end, and no link of its own can fill, the times are a longest path, found in
// one go at some nanoseconds a message; else every message is an operation of the World.
// Limitation: what it held up is reported as one delay, by the link that held its messages up longest.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "sim/network/world.hpp"

namespace orrery::sim {

class MessageRun final : private Completion, private Resource {
 public:
  /// A part of `world`, which is told of the end as that of the operation in its slot `owner`. Throws
  /// std::invalid_argument on a graph without hops, messages or room, or with lag 0 and hops before those they pass on.
  MessageRun(World& world, std::uint32_t owner, const Operation& operation, const MessageGraph& graph, double weight);
  ~MessageRun();  ///< takes what is on its way off the links
  MessageRun(const MessageRun&) = delete;
  MessageRun& operator=(const MessageRun&) = delete;

  /// The same messages load other links from now on, those on their way with what is left of them. REQUIRES as many
  /// hops that pass on the same ones.
  void go_by(const MessageGraph& graph, double weight);

 private:
  enum class State : std::uint8_t { begins, in_one_go, by_messages, lost };
  struct Hop {
    std::uint64_t begun = 0, done = 0;
    std::uint32_t level = 0;  ///< hops on the longest way to it, where there is no lag
    double speed = 1.0;       ///< alone on its links
    std::optional<OperationId> message;
  };
  /// Hops that each hop goes with, one list after the other.
  struct Lists {
    std::vector<std::uint32_t> first, hops;
    [[nodiscard]] std::span<const std::uint32_t> of(std::size_t hop) const {
      return std::span(hops).subspan(first[hop], first[hop + 1] - first[hop]);
    }
  };
  static Lists lists(const std::vector<std::vector<std::uint32_t>>& of);

  void fire(SimTime now) override;
  void completed(std::uint64_t hop, SimTime now, const HeldUp& held_up) override;
  void lost(std::uint64_t hop, SimTime now, LinkId link) override;

  void connect();
  void set_times(const Operation& operation);
  [[nodiscard]] std::uint64_t step(std::uint64_t message) const { return message / graph_->slices % graph_->steps; }
  /// A chunk begins its way round a ring with the message, or ends it.
  [[nodiscard]] bool begins_way(std::uint64_t message) const { return graph_->lag > 0 && step(message) == 0; }
  [[nodiscard]] bool ends_way(std::uint64_t message) const {
    return graph_->lag > 0 && step(message) + 1 == graph_->steps;
  }
  [[nodiscard]] bool has_come(std::size_t hop, std::uint64_t message) const;
  [[nodiscard]] bool has_room(std::size_t hop, std::uint64_t message) const;
  /// How long a message lasts undisturbed that is the so many'th of its way, its hop's level included.
  [[nodiscard]] SimTime lasts(std::uint64_t place) const;
  [[nodiscard]] SimTime work(std::uint64_t message) const;
  void begin_next(std::size_t hop);
  void drop_messages();

  /// Nothing else loads its links, and none of them can fill but by one hop's messages. Sets the hops' speeds.
  [[nodiscard]] bool is_alone();
  /// When it ends if nothing else happens; nullopt: not before `until`.
  [[nodiscard]] std::optional<SimTime> longest_path(SimTime until) const;
  void set_lasting(std::uint64_t message, std::vector<SimTime>& takes) const;
  void carry(SimTime end);
  void end(SimTime now);

  World& world_;
  std::uint32_t owner_;
  const MessageGraph* graph_;
  SimTime alone_ = 0;  ///< of all messages, undisturbed
  SimTime work_;
  double weight_;
  std::uint64_t messages_;
  std::uint64_t fill_ = 0;  ///< the highest level of a hop
  ResourceId id_;
  State state_ = State::begins;
  SimTime started_;
  std::vector<Hop> hops_;
  std::vector<std::size_t> slow_;  ///< of them
  Lists after_, then_;
  std::size_t unfinished_;
  std::vector<std::pair<LinkId, SimTime>> held_up_;
};

}  // namespace orrery::sim
