// Operations of a World that are messages. See world.hpp.
#include <algorithm>
#include <utility>

#include "sim/network/message_run.hpp"
#include "sim/network/world.hpp"

namespace orrery::sim {

OperationId World::start_messages(std::uint32_t slot, const Operation& operation, const MessageGraph& graph) {
  Flight& flight = flights_[slot];
  const double weight = flight.weight;
  flight.uses.clear();
  flight.spare.clear();
  flight.work = 0;
  try {
    runs_.push_back(std::make_unique<MessageRun>(*this, slot, operation, graph, weight));
  } catch (...) {
    flight.who = nullptr;
    free_.push_back(slot);
    throw;
  }
  flight.run = runs_.back().get();
  return {slot, flight.version};
}

std::unique_ptr<MessageRun> World::take_messages(std::uint32_t slot) {
  MessageRun* const run = std::exchange(flights_[slot].run, nullptr);
  if (run == nullptr) return nullptr;
  const auto found = std::find_if(runs_.begin(), runs_.end(), [run](const auto& each) { return each.get() == run; });
  std::unique_ptr<MessageRun> out = std::exchange(*found, std::move(runs_.back()));
  runs_.pop_back();
  return out;
}

// The run that tells of its end does nothing afterwards: it is gone.
void World::end_messages(std::uint32_t slot, SimTime lasted, SimTime alone,
                         std::span<const std::pair<LinkId, SimTime>> held_up) {
  HeldUp held;
  SimTime most = 0;
  for (const auto& [link, delay] : held_up) {
    if (delay > most) held = {link, lasted > alone ? lasted - alone : 0};
    most = std::max(most, delay);
  }
  const std::unique_ptr<MessageRun> run = take_messages(slot);
  complete(slot, now(), held);
}

void World::lose_messages(std::uint32_t slot, LinkId link) {
  lost_runs_.push_back(take_messages(slot));
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
