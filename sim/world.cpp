// One resource stands for all operations: it wakes at the end of the next latency or flow. What starts at one time is
// solved once, when the clock has come to the end of that time.
#include "sim/world.hpp"

#include <algorithm>
#include <functional>
#include <stdexcept>

namespace orrery::sim {

World::World(std::span<const BytesPerSecond> links, FlowOptions options) : flows_(links, options) {
  id_ = clock_.add(*this);
}

void World::wake_at(SimTime time) {
  if (!clock_.is_scheduled(id_) || time < due_) {
    due_ = time;
    clock_.at(time, id_);
  }
}

OperationId World::start(const Operation& operation, Completion& who, std::uint64_t tag) {
  if (operation.work > operation.alone)
    throw std::invalid_argument("an operation can't load links for longer than it lasts");
  std::uint32_t slot = 0;
  if (free_.empty()) {
    slot = static_cast<std::uint32_t>(flights_.size());
    flights_.emplace_back();
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  Flight& flight = flights_[slot];
  flight.who = &who;
  flight.tag = tag;
  ++flight.version;
  flight.flows = false;
  flight.work = operation.uses.empty() ? 0 : operation.work;
  flight.uses.assign(operation.uses.begin(), operation.uses.end());
  const SimTime latency = operation.alone - flight.work;
  if (latency == 0 && flight.work > 0) {
    begin_flow(slot, now());
    wake_at(now());
  } else {
    const SimTime time = checked_add(now(), latency);
    delayed_.push_back({time, order_++, slot, flight.version});
    std::push_heap(delayed_.begin(), delayed_.end(), std::greater<>{});
    wake_at(time);
  }
  return {slot, flight.version};
}

// Alike operations get alike parts of a link, however many bytes they bring in how long a time.
void World::begin_flow(std::uint32_t slot, SimTime now) {
  Flight& flight = flights_[slot];
  double busiest = 0.0;
  for (const LinkUse& use : flight.uses) {
    constexpr double kPerPicosecond = 1e-12;
    busiest = std::max(busiest, use.share / (flows_.capacity(LinkId(use.link)).value() * kPerPicosecond));
  }
  flight.flow = flows_.start({slot, static_cast<double>(flight.work), 1.0 / busiest, 1.0, flight.uses}, now);
  flight.flows = true;
}

void World::cancel(OperationId id) {
  if (id.slot >= flights_.size() || !is_current(id.slot, id.version)) return;
  Flight& flight = flights_[id.slot];
  if (flight.flows) {
    (void)flows_.cancel(flight.flow, now());
    wake_at(now());
  }
  flight.who = nullptr;
  free_.push_back(id.slot);
}

void World::set_capacity(LinkId link, BytesPerSecond capacity) {
  flows_.set_capacity(link, capacity, now());
  wake_at(now());
}

SimTime World::quiet_until(ResourceId self) {
  const bool foretold = self.index() < foretold_.size() && foretold_[self.index()] != nullptr;
  const SimTime reached = foretold ? *foretold_[self.index()] : clock_.next_time();
  while (!upheavals_.empty() && upheavals_.back() < now()) upheavals_.pop_back();
  return upheavals_.empty() ? reached : std::min(reached, upheavals_.back());
}

void World::foretell(ResourceId self, const SimTime* next) {
  if (self.index() >= foretold_.size()) foretold_.resize(self.index() + 1, nullptr);
  foretold_[self.index()] = next;
}

void World::expect_upheaval(SimTime time) {
  upheavals_.insert(std::lower_bound(upheavals_.begin(), upheavals_.end(), time, std::greater<>{}), time);
}

void World::complete(std::uint32_t slot, SimTime now, const HeldUp& held_up) {
  Flight& flight = flights_[slot];
  Completion* const who = flight.who;
  const std::uint64_t tag = flight.tag;
  flight.who = nullptr;
  free_.push_back(slot);
  who->completed(tag, now, held_up);  // may start operations: no reference into flights_ from here on
}

void World::fire(SimTime now) {
  std::vector<FlowEnd> ended = std::move(ended_);
  ended.clear();
  flows_.advance(now, ended);
  std::vector<std::uint32_t> over;
  while (!delayed_.empty() && delayed_.front().time <= now) {
    const Delayed first = delayed_.front();
    std::pop_heap(delayed_.begin(), delayed_.end(), std::greater<>{});
    delayed_.pop_back();
    if (!is_current(first.slot, first.version)) continue;
    if (flights_[first.slot].work > 0) {
      begin_flow(first.slot, now);
    } else {
      over.push_back(first.slot);
    }
  }
  for (const FlowEnd& end : ended) complete(static_cast<std::uint32_t>(end.tag), now, end.held_up);
  for (const std::uint32_t slot : over) complete(slot, now, {});
  ended_ = std::move(ended);
  SimTime next = flows_.next_completion();
  if (!delayed_.empty()) next = std::min(next, delayed_.front().time);
  if (next != kNever) wake_at(next);
}

}  // namespace orrery::sim
