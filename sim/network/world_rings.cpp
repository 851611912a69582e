// Operations of a World that are rings of messages. See world.hpp.
#include <algorithm>
#include <utility>

#include "sim/network/ring_run.hpp"
#include "sim/network/world.hpp"

namespace orrery::sim {

OperationId World::start_ring(std::uint32_t slot, const Operation& operation, const RingMessages& messages) {
  Flight& flight = flights_[slot];
  const double weight = flight.weight;
  flight.uses.clear();
  flight.spare.clear();
  flight.work = 0;
  try {
    rings_.push_back(std::make_unique<RingRun>(*this, slot, operation, messages, weight));
  } catch (...) {
    flight.who = nullptr;
    free_.push_back(slot);
    throw;
  }
  flight.ring = rings_.back().get();
  return {slot, flight.version};
}

std::unique_ptr<RingRun> World::take_ring(std::uint32_t slot) {
  RingRun* const ring = std::exchange(flights_[slot].ring, nullptr);
  if (ring == nullptr) return nullptr;
  const auto found =
      std::find_if(rings_.begin(), rings_.end(), [ring](const auto& each) { return each.get() == ring; });
  std::unique_ptr<RingRun> out = std::exchange(*found, std::move(rings_.back()));
  rings_.pop_back();
  return out;
}

// The ring that tells of its end does nothing afterwards: it is gone.
void World::end_ring(std::uint32_t slot, SimTime now, SimTime alone,
                     std::span<const std::pair<LinkId, SimTime>> held_up) {
  HeldUp held;
  const SimTime lasted = now - (flights_[slot].begins + flights_[slot].spare_work - alone);
  SimTime most = 0;
  for (const auto& [link, delay] : held_up) {
    if (delay > most) held = {link, lasted > alone ? lasted - alone : 0};
    most = std::max(most, delay);
  }
  const std::unique_ptr<RingRun> ring = take_ring(slot);
  complete(slot, now, held);
}

void World::lose_ring(std::uint32_t slot, LinkId link) {
  lost_rings_.push_back(take_ring(slot));
  lose(slot, link);
}

bool World::is_idle(LinkId link) const {
  return flows_.is_idle(link) && std::find(down_.begin(), down_.end(), link) == down_.end();
}

void World::carry_alone(std::uint32_t link, SimTime start, SimTime end, double rate, double bytes) {
  if (is_spare(link)) return carry(link, start, end, rate, bytes);
  flows_.carry(LinkId(link), bytes, rate);
}

}  // namespace orrery::sim
