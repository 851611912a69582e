// What tests of operations that are messages share: who listens, and a run on links of a byte per picosecond.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

#include "sim/network/world.hpp"

namespace orrery::sim::test {

/// What completed, when, and what held it up.
struct Listener final : Completion {
  void completed(std::uint64_t tag, SimTime now, const HeldUp& held) override {
    ends[tag] = now;
    held_up[tag] = held;
  }
  void lost(std::uint64_t tag, SimTime now, LinkId) override { losses[tag] = now; }
  std::map<std::uint64_t, SimTime> ends, losses;
  std::map<std::uint64_t, HeldUp> held_up;
};

/// Something that goes on beside messages, so that it can't be taken in one go.
class Ticks final : Resource {
 public:
  Ticks(Simulator& clock, SimTime every, SimTime until) : clock_(clock), every_(every), until_(until) {
    id_ = clock.add(*this);
    clock.at(0, id_);
  }

 private:
  void fire(SimTime now) override {
    if (now < until_) clock_.at(now + every_, id_);
  }
  Simulator& clock_;
  SimTime every_, until_;
  ResourceId id_;
};

inline Operation operation(const MessageGraph& graph, SimTime alone, SimTime work) {
  Operation out;
  out.alone = alone;
  out.work = work;
  out.messages = &graph;
  return out;
}

inline std::vector<BytesPerSecond> links(std::size_t count, std::size_t slow = 0, double scale = 1.0) {
  std::vector<BytesPerSecond> out(count, BytesPerSecond{1e12});
  out[slow] = out[slow] * scale;
  return out;
}

struct Ran {
  SimTime end = 0;
  HeldUp held_up;
  std::vector<double> carried;
  std::uint64_t events = 0;
};

inline Ran run(const MessageGraph& graph, SimTime alone, SimTime work, const std::vector<BytesPerSecond>& capacities,
               bool by_messages) {
  World world(capacities);
  Listener listener;
  std::optional<Ticks> ticks;
  if (by_messages) ticks.emplace(world.clock(), std::max<SimTime>(1, alone / 7), alone);
  (void)world.start(operation(graph, alone, work), listener, 1);
  (void)world.clock().run();
  EXPECT_EQ(listener.ends.count(1), 1u);
  return {listener.ends[1], listener.held_up[1], world.carried(), world.clock().statistics().fired};
}

}  // namespace orrery::sim::test
