#include "models/world_job.hpp"

#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>

#include "models/link_loads.hpp"
#include "models/world_run.hpp"

namespace orrery::models {

namespace {

/// Lets whoever is told know that `value` holds meanwhile.
class Meanwhile {
 public:
  explicit Meanwhile(bool& value) : value_(value) { value_ = true; }
  Meanwhile(const Meanwhile&) = delete;
  Meanwhile& operator=(const Meanwhile&) = delete;
  ~Meanwhile() { value_ = false; }

 private:
  bool& value_;
};

/// Calls run(links) until no member of a rank is held up that its like are not. See run_on_cluster().
template <class Run>
WorldOutcome on_cluster(const hardware::Cluster& cluster, const hardware::Topology* topology,
                        const std::vector<WorldSlot>& slots, const std::vector<Disturbance>& disturbances,
                        std::optional<sim::LinkClasses>& links, const Run& run) {
  for (;; links.reset()) {
    if (!links) {
      links.emplace(cluster, topology);
      foresee(*links, topology, disturbances);
      for (const WorldSlot& slot : slots) slot.job->join(*links);
      links->fold();
    }
    WorldOutcome outcome = run(*links);
    const auto on_the_fabric = [&](const sim::HeldUpOn& held) { return links->is_fabric(held.link); };
    const bool held_up = std::any_of(slots.begin(), slots.end(), [&](const WorldSlot& slot) {
      const std::vector<sim::HeldUpOn> list = slot.job->held_up();
      return std::any_of(list.begin(), list.end(), on_the_fabric);
    });
    if (!held_up) return outcome;
    const std::vector<std::vector<std::uint32_t>> colours = links->parting();
    bool parted = false;
    for (const WorldSlot& slot : slots) parted = (!colours.empty() && slot.job->part(colours)) || parted;
    if (!parted) return outcome;
  }
}

}  // namespace

void WorldJob::tell(const std::function<void()>& done) {
  const Meanwhile telling(is_telling_);
  done();
}

void WorldJob::require_not_telling() const {
  if (is_telling_) throw std::logic_error("a job can't be stopped by what it tells that it is done");
}

void WorldJob::lose(LinkId link) const {
  if (!company_.lost) throw sim::LinkDown(link);
  company_.lost(link);
}

WorldOutcome run_world(sim::LinkClasses& links, const hardware::Topology* topology, const std::vector<WorldSlot>& slots,
                       const std::vector<Disturbance>& disturbances, const sim::RunControl& control,
                       const std::vector<std::uint32_t>& known_full) {
  std::vector<std::uint32_t> full = known_full;
  for (std::size_t i = 0; known_full.empty() && i < slots.size(); ++i) {
    const std::vector<std::uint32_t> own = slots[i].job->fills(links);
    full.insert(full.end(), own.begin(), own.end());
  }
  for (;;) {
    WorldRun run(links, topology, slots);
    WorldOutcome outcome = run.run(disturbances, control, full);
    if (run.overloaded().empty()) {
      bool again = false;
      for (const WorldSlot& slot : slots) again = slot.job->wants_again() || again;
      if (!again) return outcome;
    }
    full.insert(full.end(), run.overloaded().begin(), run.overloaded().end());
  }
}

WorldOutcome run_on_cluster(const hardware::Cluster& cluster, const hardware::Topology* topology,
                            const std::vector<WorldSlot>& slots, const std::vector<Disturbance>& disturbances,
                            const sim::RunControl& control, std::optional<sim::LinkClasses>& links,
                            std::vector<std::uint32_t> full) {
  return on_cluster(cluster, topology, slots, disturbances, links, [&](sim::LinkClasses& joined) {
    // What is known to fill is of the first of the links.
    return run_world(joined, topology, slots, disturbances, control, std::exchange(full, {}));
  });
}

RecordedLoads record_loads(const hardware::Cluster& cluster, const hardware::Topology* topology,
                           const std::vector<WorldSlot>& slots, const std::vector<Disturbance>& disturbances,
                           const sim::RunControl& control, std::size_t most_changes) {
  LoadRecord record;
  std::optional<sim::LinkClasses> links;
  WorldOutcome outcome = on_cluster(cluster, topology, slots, disturbances, links, [&](sim::LinkClasses& joined) {
    record = {most_changes, {}, true};
    std::vector<std::uint32_t> all(joined.links().size());
    std::iota(all.begin(), all.end(), 0u);
    return WorldRun(joined, topology, slots, &record).run(disturbances, control, all);
  });
  return {std::move(outcome.links), std::move(record.changes), outcome.end, record.whole};
}

}  // namespace orrery::models
