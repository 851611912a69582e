// How much longer than alone the operations of a plan took because of links that others loaded too.
#pragma once

#include <cstdint>
#include <map>
#include <tuple>
#include <vector>

#include "hardware/ids.hpp"
#include "sim/clock.hpp"
#include "sim/network/flow_network.hpp"
#include "sim/plan/plan.hpp"

namespace orrery::sim {

/// Of the operations of a table entry, because of a link, over all runs.
struct HeldUpEntry {
  StepKind kind = StepKind::collective;  ///< or send, for a transfer
  std::uint32_t entry = 0;
  LinkId link;
  Seconds delay;
};

class HeldUpTable {
 public:
  /// A collective, send or recv that has completed.
  void add(Step step, const HeldUp& held) {
    if (held.delay == 0) return;
    const StepKind kind = step.kind == StepKind::collective ? step.kind : StepKind::send;
    delays_[{kind, step.index, held.link.value}] += held.delay;
  }
  /// What another table counted, `times` times.
  void add(const HeldUpTable& other, std::uint64_t times = 1) {
    for (const auto& [key, delay] : other.delays_) delays_[key] += delay * times;
  }
  void clear() { delays_.clear(); }
  /// By kind, entry and link.
  [[nodiscard]] std::vector<HeldUpEntry> list() const {
    std::vector<HeldUpEntry> list;
    for (const auto& [key, delay] : delays_) {
      const Seconds sum{static_cast<double>(delay) * 1e-12};
      list.push_back({std::get<0>(key), std::get<1>(key), LinkId(std::get<2>(key)), sum});
    }
    return list;
  }

 private:
  // Operations side by side are held up for longer than the clock lasts.
  __extension__ using Picoseconds = unsigned __int128;
  std::map<std::tuple<StepKind, std::uint32_t, std::uint32_t>, Picoseconds> delays_;
};

}  // namespace orrery::sim
