// One resource stands for all operations: it wakes at the end of the next latency or flow. What starts at one time is
// solved once, when the clock has come to the end of that time.
#include "sim/network/world.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <stdexcept>
#include <utility>

#include "sim/network/message_run.hpp"

namespace orrery::sim {

namespace {

/// Of two ways one after the other: what both took longer, and the link that held it up most.
HeldUp both(const HeldUp& a, const HeldUp& b) { return {a.delay > b.delay ? a.link : b.link, a.delay + b.delay}; }

}  // namespace

void Completion::lost(std::uint64_t, SimTime, LinkId link) { throw LinkDown(link); }

// A run takes its messages off the links: before these go.
World::~World() { runs_.clear(); }

World::World(std::span<const BytesPerSecond> links, FlowOptions options) : flows_(links, options), carried_(links) {
  id_ = clock_.add(*this);
}

void World::set_spare(std::vector<std::uint8_t> spare) { spare_ = std::move(spare); }

void World::carry(std::uint32_t link, SimTime start, SimTime end, double share, double bytes) {
  constexpr std::size_t kMany = 1 << 16;  // a job of months would fill the memory with them
  if (++counted_ == kMany) settle();
  carried_.add(link, start, end, share, bytes);
}

void World::cut(std::uint32_t link, SimTime start, SimTime end, double share, double undone) {
  carried_.cut(link, {start, end, share}, now(), undone);
}

// What is under way is counted at its end, from its start on.
void World::settle() {
  counted_ = 0;
  SimTime first = now();
  for (const Flight& flight : flights_) {
    if (flight.who != nullptr && !flight.spare.empty()) first = std::min(first, flight.begins);
  }
  carried_.settle(first);
}

std::vector<std::uint32_t> World::overloaded() {
  std::vector<std::uint32_t> links;
  for (std::uint32_t link = 0; link < spare_.size(); ++link) {
    if (is_spare(link) && carried_.filled(link)) links.push_back(link);
  }
  return links;
}

std::vector<LinkUsage> World::usage() {
  std::vector<LinkUsage> usage = carried_.usage(now());
  for (std::uint32_t link = 0; link < usage.size(); ++link) {
    if (is_spare(link)) continue;
    const LinkStatistics carried = flows_.statistics(LinkId(link), now());
    usage[link] = {carried.carried, carried.mean_load, carried.peak_load};
  }
  for (std::uint32_t link = 0; link < unseen_.size(); ++link) {
    const double offered = flows_.statistics(LinkId(link), now()).offered.value();
    usage[link].bytes = usage[link].bytes + Bytes{unseen_[link]};
    if (offered > 0.0) usage[link].mean_load += unseen_[link] / offered;
  }
  return usage;
}

std::vector<double> World::carried() {
  std::vector<double> bytes;
  for (std::uint32_t link = 0; link < flows_.links(); ++link) {
    bytes.push_back(is_spare(link) ? carried_.bytes(link) : flows_.statistics(LinkId(link), now()).carried.value());
  }
  return bytes;
}

void World::carry_unseen(std::span<const double> bytes) {
  unseen_.resize(flows_.links(), 0.0);
  for (std::size_t link = 0; link < bytes.size(); ++link) unseen_[link] += bytes[link];
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
  flight.run = nullptr;
  flight.ways = operation.ways;
  flight.held = {};
  flight.spare_work = operation.work;
  flight.begins = checked_add(now(), operation.alone - operation.work);
  const OperationId id{slot, flight.version};
  if (operation.ways == nullptr) {
    use_links(flight, operation.uses, operation.weight);
    if (operation.messages != nullptr && operation.work > 0)
      return start_messages(slot, operation, *operation.messages);
  } else {
    const Way& way = operation.ways->at(state_);
    use_links(flight, way.uses, way.weight);
    if (way.messages && operation.work > 0) return start_messages(slot, operation, *way.messages);
  }
  begin_or_wait(slot);
  return id;
}

void World::use_links(Flight& flight, std::span<const LinkUse> uses, double weight) {
  flight.uses.clear();
  flight.spare.clear();
  for (const LinkUse& use : uses) (is_spare(use.link) ? flight.spare : flight.uses).push_back(use);
  flight.weight = weight;
  flight.work = flight.uses.empty() ? 0 : flight.spare_work;
}

void World::begin_or_wait(std::uint32_t slot) {
  Flight& flight = flights_[slot];
  flight.order = order_++;
  if (flight.work > 0 && flight.begins == now()) {
    begin_flow(slot, now());
    return wake_at(now());
  }
  const SimTime time = checked_add(flight.begins, flight.spare_work - flight.work);
  delayed_.push_back({time, flight.order, slot, flight.version});
  std::push_heap(delayed_.begin(), delayed_.end(), std::greater<>{});
  wake_at(time);
}

void World::move(OperationId id, std::span<const LinkUse> uses, double weight) {
  if (id.slot >= flights_.size() || !is_current(id.slot, id.version)) return;
  Flight& flight = flights_[id.slot];
  if (now() >= flight.begins) {
    if (flight.flows) flight.held = both(flight.held, flows_.held_up(flight.flow, now()));
    flight.spare_work = leave_links(flight);
    flight.begins = now();
    flight.flows = false;
  }
  use_links(flight, uses, weight);
  begin_or_wait(id.slot);
}

// Alike operations get alike parts of a link, however many bytes they bring in how long a time. Spare links count too:
// which are taken for spare must change nothing.
void World::begin_flow(std::uint32_t slot, SimTime now) {
  Flight& flight = flights_[slot];
  if (const std::optional<LinkId> down = down_link(flight)) return lose(slot, *down);
  double weight = flight.weight;
  if (weight == 0.0) {
    double busiest = 0.0;
    for (const std::vector<LinkUse>* uses : {&flight.uses, &flight.spare}) {
      for (const LinkUse& use : *uses) {
        constexpr double kPerPicosecond = 1e-12;
        busiest = std::max(busiest, use.share / (flows_.capacity(LinkId(use.link)).value() * kPerPicosecond));
      }
    }
    weight = 1.0 / busiest;
  }
  flight.flow = flows_.start({slot, static_cast<double>(flight.work), weight, 1.0, flight.uses}, now);
  flight.flows = true;
}

void World::cancel(OperationId id) {
  if (id.slot >= flights_.size() || !is_current(id.slot, id.version)) return;
  (void)leave_links(flights_[id.slot]);
  const std::unique_ptr<MessageRun> run = take_messages(id.slot);
  flights_[id.slot].who = nullptr;
  free_.push_back(id.slot);
}

SimTime World::leave_links(Flight& flight) {
  double left = 0.0;
  if (flight.flows) {
    left = flows_.cancel(flight.flow, now()).value_or(0.0);
    wake_at(now());
  } else if (now() < flight.begins + flight.spare_work) {
    left = static_cast<double>(flight.begins + flight.spare_work - now());
  }
  if (now() <= flight.begins) return flight.spare_work;
  const double done = static_cast<double>(flight.spare_work) - left;
  for (const LinkUse& use : flight.spare) carry(use.link, flight.begins, now(), use.share, use.share * done);
  return static_cast<SimTime>(std::llround(left));
}

void World::set_capacity(LinkId link, BytesPerSecond capacity) {
  bring_up(link);
  flows_.set_capacity(link, capacity, now());
  wake_at(now());
}

void World::take_down(LinkId link) {
  down_.push_back(link);
  std::vector<std::pair<std::uint32_t, std::uint32_t>> lost;  // whoever is told may start others
  for (std::uint32_t slot = 0; slot < flights_.size(); ++slot) {
    const Flight& flight = flights_[slot];
    if (flight.who != nullptr && flight.flows && down_link(flight) == link) lost.emplace_back(slot, flight.version);
  }
  for (const auto& [slot, version] : lost) {
    if (!is_current(slot, version)) continue;
    (void)leave_links(flights_[slot]);
    lose(slot, link);
  }
}

void World::bring_up(LinkId link) { down_.erase(std::remove(down_.begin(), down_.end(), link), down_.end()); }

void World::reroute(std::uint32_t state) {
  const std::uint32_t before = std::exchange(state_, state);
  std::vector<OperationId> moving;  // whoever is lost on its new way may start others
  for (std::uint32_t slot = 0; slot < flights_.size(); ++slot) {
    if (flights_[slot].who != nullptr && flights_[slot].ways) moving.push_back({slot, flights_[slot].version});
  }
  for (const OperationId id : moving) {
    if (!is_current(id.slot, id.version)) continue;
    const Flight& flight = flights_[id.slot];
    const std::shared_ptr<const Ways> ways = flight.ways;
    const Way& way = ways->at(state);
    if (is_same(ways->at(before), way)) continue;
    if (flight.run != nullptr) {
      flight.run->go_by(*way.messages, way.weight);
    } else {
      move(id, way.uses, way.weight);
    }
  }
}

std::optional<LinkId> World::down_link(const Flight& flight) const {
  for (const LinkId link : down_) {
    for (const LinkUse& use : flight.uses) {
      if (use.link == link.value) return link;
    }
  }
  return std::nullopt;
}

void World::lose(std::uint32_t slot, LinkId link) {
  Flight& flight = flights_[slot];
  Completion* const who = std::exchange(flight.who, nullptr);
  const std::uint64_t tag = flight.tag;
  free_.push_back(slot);
  who->lost(tag, now(), link);
}

SimTime World::quiet_until(ResourceId self) {
  const bool foretold = self.index() < foretold_.size() && foretold_[self.index()] != nullptr;
  const SimTime reached = foretold ? *foretold_[self.index()] : clock_.next_time();
  return std::min(reached, next_upheaval());
}

SimTime World::next_upheaval() {
  while (!upheavals_.empty() && upheavals_.back() < now()) upheavals_.pop_back();
  return upheavals_.empty() ? kNever : upheavals_.back();
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
  // At the full rate even where it was slowed: no less than what it asked for at any time.
  for (const LinkUse& use : flight.spare) {
    carry(use.link, flight.begins, now, use.share, use.share * static_cast<double>(flight.spare_work));
  }
  const HeldUp held = both(flight.held, held_up);
  flight.who = nullptr;
  free_.push_back(slot);
  who->completed(tag, now, held);  // may start operations: no reference into flights_ from here on
}

void World::fire(SimTime now) {
  lost_runs_.clear();
  std::vector<FlowEnd> ended = std::move(ended_);
  ended.clear();
  flows_.advance(now, ended);
  std::vector<std::uint32_t> over;
  while (!delayed_.empty() && delayed_.front().time <= now) {
    const Delayed first = delayed_.front();
    std::pop_heap(delayed_.begin(), delayed_.end(), std::greater<>{});
    delayed_.pop_back();
    if (!is_current(first.slot, first.version) || flights_[first.slot].order != first.order) continue;
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
