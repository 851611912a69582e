// What the operations of a random plan put on some links.
#pragma once

#include "sim/plan/durations.hpp"
#include "sim/plan/loads.hpp"
#include "tests/sim/random_plan.hpp"

namespace orrery::sim::testing {

inline constexpr std::size_t kRandomLinks = 3;

/// Loads of every collective and transfer on some links, in small whole shares; `durations` bound their work.
inline Loads random_loads(RandomPlan& random, const Durations& durations) {
  const auto fill = [&](const std::vector<SimTime>& table) {
    std::vector<LinkLoadEntry> entries;
    for (const SimTime duration : table) {
      LinkLoadEntry entry;
      entry.work = duration == 0 ? 0 : random.below(duration + 1);
      entry.weight = 1.0;
      for (std::uint32_t link = 0; link < kRandomLinks && entry.work > 0; ++link) {
        if (random.below(2) == 0) entry.uses.push_back({link, static_cast<double>(1 + random.below(4))});
      }
      entries.push_back(entry);
    }
    return entries;
  };
  return {fill(durations.collectives), fill(durations.transfers)};
}

}  // namespace orrery::sim::testing
