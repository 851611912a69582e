#include "models/world_job.hpp"

#include <algorithm>
#include <deque>
#include <map>

#include <fmt/format.h>

namespace orrery::models {

namespace {

/// Does one thing at one time.
class Alarm final : public sim::Resource {
 public:
  Alarm(sim::Simulator& clock, sim::SimTime at, std::function<void()> action) : action_(std::move(action)) {
    clock.at(at, clock.add(*this));
  }
  void fire(sim::SimTime) override { action_(); }

 private:
  std::function<void()> action_;
};

/// The GPUs that a link of a node serves, and on which of a rank's own links they meet it.
struct Served {
  std::vector<std::uint32_t> gpus;
  std::size_t port = 0;
};

Served served_by(const hardware::Topology& topology, LinkId id) {
  const hardware::Link& link = topology.link(id);
  const auto kind = [&](VertexId v) { return topology.vertices()[v.index()].kind; };
  const bool network = link.link_class == hardware::LinkClass::nic || kind(link.from) == hardware::VertexKind::nic ||
                       kind(link.to) == hardware::VertexKind::nic;
  const bool outwards = kind(link.from) == hardware::VertexKind::gpu || kind(link.from) == hardware::VertexKind::nic;
  Served served;
  served.port = (network ? 2u : 0u) + (outwards ? 0u : 1u);
  for (std::uint32_t gpu = 0; gpu < static_cast<std::uint32_t>(topology.gpu_count()); ++gpu) {
    const VertexId end = network ? topology.nic(RankId(gpu)) : topology.gpu(RankId(gpu));
    if (end == link.from || end == link.to) served.gpus.push_back(gpu);
  }
  return served;
}

bool is_fabric(const hardware::Topology& topology, LinkId id) {
  const hardware::LinkClass link_class = topology.link(id).link_class;
  return link_class == hardware::LinkClass::leaf || link_class == hardware::LinkClass::spine;
}

class WorldRun {
 public:
  WorldRun(sim::LinkClasses& links, const hardware::Topology* topology, const std::vector<WorldSlot>& slots)
      : topology_(topology),
        slots_(slots),
        links_(links),
        capacities_(links.capacities()),
        world_(capacities_),
        pending_(slots.size()) {}

  WorldRun(const WorldRun&) = delete;
  WorldRun& operator=(const WorldRun&) = delete;
  /// Whatever ended the run: no job may refer to this World any more.
  ~WorldRun() {
    for (const WorldSlot& slot : slots_) {
      try {
        slot.job->stop();
      } catch (...) {  // what ended the run is on its way already
      }
    }
  }

  /// With `full` among the flows and all other links taken for spare.
  WorldOutcome run(const std::vector<Disturbance>& disturbances, const sim::RunControl& control,
                   const std::vector<std::uint32_t>& full) {
    for (const Disturbance& disturbance : disturbances) plan(disturbance);
    take_for_spare(full, disturbances);
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      const WorldSlot& slot = slots_[i];
      slot.job->begin(world_, links_, sim::to_sim_time(slot.start), [this, i] { done(i); });
      if (!slot.until) continue;
      at(*slot.until, [this, i] {
        slots_[i].job->stop();
        done(i);
      });
    }
    watch(control);
    WorldOutcome outcome;
    outcome.end = world_.clock().run();
    control.check();
    for (const WorldSlot& slot : slots_) slot.job->stop();
    outcome.events = world_.clock().statistics().fired;
    outcome.links = links_.links();
    outcome.usage = world_.usage();
    overloaded_ = world_.overloaded();
    return outcome;
  }

  /// Links that were not spare.
  [[nodiscard]] const std::vector<std::uint32_t>& overloaded() const { return overloaded_; }

 private:
  /// Looks now and then whether to stop: an event of its own, so that no job need.
  class Watch final : public sim::Resource {
   public:
    Watch(sim::Simulator& clock, const sim::RunControl& control) : clock_(clock), control_(control) {
      id_ = clock.add(*this);
      clock.at(kEvery, id_);
    }
    void fire(sim::SimTime now) override {
      if (control_.stop != nullptr && control_.stop->load(std::memory_order_relaxed)) return clock_.stop();
      if (clock_.next_time() != ~sim::SimTime{0}) clock_.at(sim::checked_add(now, kEvery), id_);
    }

   private:
    static constexpr sim::SimTime kEvery = 10'000'000'000;  // 10 ms of simulated time
    sim::Simulator& clock_;
    const sim::RunControl& control_;
    sim::ResourceId id_;
  };

  void watch(const sim::RunControl& control) {
    if (control.stop != nullptr) watch_.emplace(world_.clock(), control);
  }

  /// All but `full` and those whose bandwidth changes on the way.
  void take_for_spare(const std::vector<std::uint32_t>& full, const std::vector<Disturbance>& disturbances) {
    std::vector<std::uint8_t> spare(capacities_.size(), 1);
    for (const std::uint32_t link : full) spare[link] = 0;
    for (const Disturbance& disturbance : disturbances) {
      if (disturbance.gpu) continue;
      for (const LinkId link : links_of(topology_->find_link(disturbance.link))) spare[link.index()] = 0;
    }
    world_.set_spare(std::move(spare));
  }

  /// Links of the World that stand for one of the topology.
  [[nodiscard]] std::vector<LinkId> links_of(LinkId id) const {
    if (is_fabric(*topology_, id)) return links_.find(id);
    std::vector<LinkId> found;
    const Served served = served_by(*topology_, id);
    for (const std::uint32_t gpu : served.gpus) {
      for (const WorldSlot& slot : slots_) {
        const std::vector<LinkId> own = slot.job->own_links(links_, gpu);
        if (!own.empty()) found.push_back(own[served.port]);
      }
    }
    return found;
  }

  void done(std::size_t slot) {
    if (finished_[slot]) return;
    finished_[slot] = true;
    if (--pending_ == 0) world_.clock().stop();
  }

  void at(Seconds time, std::function<void()> action) {
    world_.expect_upheaval(sim::to_sim_time(time));
    alarms_.emplace_back(world_.clock(), sim::to_sim_time(time), std::move(action));
  }

  void plan(const Disturbance& disturbance) {
    if (disturbance.gpu) {
      if (disturbance.scale <= 0.0) {
        throw Disturbed(fmt::format("GPU {} is down: the jobs on it can't go on", *disturbance.gpu));
      }
      for (const WorldSlot& slot : slots_) slot.job->expect_speed(*disturbance.gpu);
      at(disturbance.at, [this, d = disturbance] { set_speed(*d.gpu, d.scale); });
      if (disturbance.until) at(*disturbance.until, [this, d = disturbance] { set_speed(*d.gpu, 1.0); });
      return;
    }
    at(disturbance.at, [this, d = disturbance] { scale_link(d.link, d.scale); });
    if (disturbance.until) at(*disturbance.until, [this, d = disturbance] { scale_link(d.link, 1.0); });
  }

  void set_speed(std::uint32_t gpu, double speed) {
    for (const WorldSlot& slot : slots_) (void)slot.job->set_speed(gpu, speed);
  }

  // On the fabric the up-links of one switch share what is left of them; a GPU's own link is its own.
  void scale_link(const std::string& name, double scale) {
    const LinkId id = topology_->find_link(name);
    const double before = scales_.count(id.value) != 0 ? scales_[id.value] : 1.0;
    scales_[id.value] = scale;
    const hardware::Link& cable = topology_->link(id);
    if (is_fabric(*topology_, id)) {
      const double change = (scale - before) * links_.sustained(cable.bandwidth).value();
      for (const LinkId link : links_of(id)) {
        set_capacity(link, BytesPerSecond{capacities_[link.index()].value() + change}, name);
      }
      return;
    }
    for (const LinkId link : links_of(id)) {
      // A rank that stands for several GPUs goes at the rate of the slowest of their links.
      std::map<std::uint32_t, double>& scales = own_scales_[link.value];
      scales[id.value] = scale;
      double slowest = scale;
      for (const auto& [other, its] : scales) slowest = std::min(slowest, its);
      set_capacity(link, links_.links()[link.index()].capacity * slowest, name);
    }
  }

  void set_capacity(LinkId link, BytesPerSecond capacity, const std::string& name) {
    // What is left of a sum of up-links that are all down is rounding.
    if (capacity.value() <= 1e-6 * links_.links()[link.index()].capacity.value()) {
      throw Disturbed(fmt::format("the link '{}' is down and no way is left beside it ({})", name,
                                  links_.links()[link.index()].representative));
    }
    capacities_[link.index()] = capacity;
    world_.set_capacity(link, capacity);
  }

  const hardware::Topology* topology_;
  const std::vector<WorldSlot>& slots_;
  sim::LinkClasses& links_;
  std::vector<BytesPerSecond> capacities_;
  sim::World world_;
  std::deque<Alarm> alarms_;  // the clock keeps their addresses
  std::optional<Watch> watch_;
  std::map<std::uint32_t, double> scales_;                               // by link of the topology
  std::map<std::uint32_t, std::map<std::uint32_t, double>> own_scales_;  // by the World's link, then by the topology's
  std::vector<std::uint32_t> overloaded_;
  std::size_t pending_;
  std::vector<bool> finished_ = std::vector<bool>(slots_.size(), false);
};

}  // namespace

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
  for (;; full.clear(), links.reset()) {
    if (!links) {
      links.emplace(cluster, topology);
      for (const WorldSlot& slot : slots) slot.job->join(*links);
      links->fold();
    }
    WorldOutcome outcome = run_world(*links, topology, slots, disturbances, control, full);
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

bool is_disturbed(std::uint32_t gpu, const std::vector<Disturbance>& disturbances, const hardware::Topology* topology) {
  for (const Disturbance& disturbance : disturbances) {
    if (disturbance.gpu && *disturbance.gpu == gpu) return true;
    if (disturbance.gpu || topology == nullptr) continue;
    const LinkId id = topology->find_link(disturbance.link);
    if (is_fabric(*topology, id)) continue;
    const Served served = served_by(*topology, id);
    if (std::find(served.gpus.begin(), served.gpus.end(), gpu) != served.gpus.end()) return true;
  }
  return false;
}

}  // namespace orrery::models
