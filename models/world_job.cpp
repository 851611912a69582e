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

  WorldOutcome run(const std::vector<Disturbance>& disturbances, const sim::RunControl& control) {
    for (const Disturbance& disturbance : disturbances) plan(disturbance);
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
    for (std::uint32_t link = 0; link < outcome.links.size(); ++link) {
      const sim::LinkStatistics carried = world_.links().statistics(LinkId(link));
      outcome.usage.push_back({carried.carried, carried.mean_load, carried.peak_load});
    }
    return outcome;
  }

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
    if (is_fabric(*topology_, id)) {
      for (const LinkId link : links_.find(id)) {
        const double change = (scale - before) * links_.sustained(topology_->link(id).bandwidth).value();
        set_capacity(link, BytesPerSecond{capacities_[link.index()].value() + change}, name);
      }
      return;
    }
    const Served served = served_by(*topology_, id);
    for (const std::uint32_t gpu : served.gpus) {
      for (const WorldSlot& slot : slots_) {
        const std::vector<LinkId> own = slot.job->own_links(links_, gpu);
        if (own.empty()) continue;
        const LinkId link = own[served.port];
        // A rank that stands for several GPUs goes at the rate of the slowest of their links.
        std::map<std::uint32_t, double>& scales = own_scales_[link.value];
        scales[id.value] = scale;
        double slowest = scale;
        for (const auto& [other, its] : scales) slowest = std::min(slowest, its);
        set_capacity(link, links_.links()[link.index()].capacity * slowest, name);
      }
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
  std::size_t pending_;
  std::vector<bool> finished_ = std::vector<bool>(slots_.size(), false);
};

}  // namespace

WorldOutcome run_world(sim::LinkClasses& links, const hardware::Topology* topology, const std::vector<WorldSlot>& slots,
                       const std::vector<Disturbance>& disturbances, const sim::RunControl& control) {
  WorldOutcome outcome = WorldRun(links, topology, slots).run(disturbances, control);
  bool again = false;
  for (const WorldSlot& slot : slots) again = slot.job->wants_again() || again;
  return again ? WorldRun(links, topology, slots).run(disturbances, control) : outcome;
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
