#include "models/world_job.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "models/link_ways.hpp"
#include "sim/process.hpp"

namespace orrery::models {

namespace {

/// What disturbances leave of each GPU or link while they last: the product of their scales.
class Scales {
 public:
  /// Disturbances are told apart by their numbers. Returns what is left of `of` from now on.
  double begin(std::uint32_t of, std::size_t disturbance, double scale) {
    active_[of][disturbance] = scale;
    return left(of);
  }
  double end(std::uint32_t of, std::size_t disturbance) {
    active_[of].erase(disturbance);
    return left(of);
  }

 private:
  // From the beginning each time, so that what is over leaves no rounding behind.
  [[nodiscard]] double left(std::uint32_t of) {
    double product = 1.0;
    for (const auto& [disturbance, scale] : active_[of]) product *= scale;
    return product;
  }
  std::map<std::uint32_t, std::map<std::size_t, double>> active_;
};

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

class WorldRun {
 public:
  WorldRun(sim::LinkClasses& links, const hardware::Topology* topology, const std::vector<WorldSlot>& slots)
      : topology_(topology),
        slots_(slots),
        links_(links),
        capacities_(links.capacities()),
        world_(capacities_, links.flow_options()),
        pending_(slots.size()),
        halted_(slots.size()) {}

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
    for (std::size_t i = 0; i < disturbances.size(); ++i) {
      expect(disturbances[i]);
      spawn(world_.clock(), disturb(i, disturbances[i]));
    }
    take_for_spare(full, disturbances);
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      if (slots_[i].until) ends_[sim::to_sim_time(*slots_[i].until)].push_back(i);
    }
    for (const auto& [at, ending] : ends_) world_.expect_upheaval(at);
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      slots_[i].job->keep({[this, i] { return alone_until(i); }, [this, i](LinkId link) { lost(i, link); }});
      slots_[i].job->begin(world_, links_, sim::to_sim_time(slots_[i].start), [this, i] { done(i); });
    }
    for (const auto& [at, ending] : ends_) spawn(world_.clock(), end_jobs(at));
    if (control.stop != nullptr) spawn(world_.clock(), watch(control));
    WorldOutcome outcome;
    outcome.end = world_.clock().run();
    control.check();
    for (const WorldSlot& slot : slots_) slot.job->stop();
    outcome.halted = halted_;
    outcome.events = world_.clock().statistics().fired;
    outcome.links = links_.links();
    outcome.usage = world_.usage();
    outcome.batched = world_.links().batched();
    overloaded_ = world_.overloaded();
    return outcome;
  }

  /// Links that were not spare.
  [[nodiscard]] const std::vector<std::uint32_t>& overloaded() const { return overloaded_; }

 private:
  /// Looks now and then whether to stop, so that no job need: no more often than something happens, or a job of months
  /// whose steps are counted would be looked at billions of times.
  sim::Process watch(const sim::RunControl& control) {
    constexpr sim::SimTime kEvery = 10'000'000'000;  // 10 ms of simulated time
    while (world_.clock().next_time() != ~sim::SimTime{0}) {
      co_await sim::delay(std::max(kEvery, world_.clock().next_time() - world_.now()));
      if (control.stop->load(std::memory_order_relaxed)) world_.clock().stop();
    }
  }

  /// 0 once all are done: nothing that comes then counts.
  sim::SimTime alone_until(std::size_t slot) {
    if (pending_ == 0) return 0;
    sim::SimTime until = world_.next_upheaval();
    for (std::size_t other = 0; other < slots_.size(); ++other) {
      if (other == slot || stopped_[other] || (finished_[other] && !slots_[other].job->goes_on())) continue;
      const sim::SimTime start = sim::to_sim_time(slots_[other].start);
      until = std::min(until, std::max(start, world_.now()));
    }
    return until;
  }

  /// The job can't go on. It is in the middle of something: it is stopped when that is over.
  void lost(std::size_t slot, LinkId link) {
    if (halted_[slot]) return;
    halt(slot, fmt::format("the link '{}' is down and no way is left beside it ({})", down_.at(link.value),
                           links_.links()[link.index()].representative));
  }
  void halt(std::size_t slot, std::string why) {
    const sim::SimTime now = world_.now();
    halted_[slot] = Halt{now, std::move(why)};
    std::vector<std::size_t>& ending = ends_[now];
    ending.push_back(slot);
    if (ending.size() == 1) spawn(world_.clock(), end_jobs(now));
  }

  /// Takes jobs off the World at their end, at the latest: all that end then, so that one process waits for the rest of
  /// that moment (two would wait for each other). What is done at that very moment was done in time.
  sim::Process end_jobs(sim::SimTime at) {
    co_await sim::delay(at - world_.now());
    while (world_.clock().next_time() == at) co_await sim::delay(0);
    const std::vector<std::size_t> ending = std::move(ends_[at]);
    ends_.erase(at);
    for (const std::size_t slot : ending) {
      slots_[slot].job->stop();
      stopped_[slot] = true;
      done(slot);
    }
  }

  /// One disturbance, from its begin to its end.
  sim::Process disturb(std::size_t number, Disturbance disturbance) {
    const sim::SimTime at = sim::to_sim_time(disturbance.at);
    if (at > 0) co_await sim::delay(at);  // at 0 the jobs have not begun yet
    change(disturbance, [&](Scales& scales, std::uint32_t of) { return scales.begin(of, number, disturbance.scale); });
    if (!disturbance.until) co_return;
    co_await sim::delay(sim::to_sim_time(*disturbance.until) - at);
    change(disturbance, [&](Scales& scales, std::uint32_t of) { return scales.end(of, number); });
  }

  /// All but `full` and those whose bandwidth changes on the way.
  void take_for_spare(const std::vector<std::uint32_t>& full, const std::vector<Disturbance>& disturbances) {
    std::vector<std::uint8_t> spare(capacities_.size(), 1);
    for (const std::uint32_t link : full) spare[link] = 0;
    for (const Disturbance& disturbance : disturbances) {
      if (disturbance.gpu) continue;
      for (const OnWay& way : links_of(topology_->find_link(disturbance.link))) spare[way.link.index()] = 0;
    }
    world_.set_spare(std::move(spare));
  }

  /// A link of the World that a cable of the topology is part of.
  struct OnWay {
    LinkId link;
    double width = 1.0;  ///< of the cable, in what the GPUs behind it sustain together: PCIe has room to spare
  };
  [[nodiscard]] std::vector<OnWay> links_of(LinkId id) const {
    std::vector<OnWay> found;
    const hardware::Link& cable = topology_->link(id);
    if (is_fabric(*topology_, id)) {
      for (const LinkId link : links_.find(id)) found.push_back({link});
      return found;
    }
    const Served served = served_by(*topology_, id);
    for (const std::uint32_t gpu : served.gpus) {
      for (const WorldSlot& slot : slots_) {
        const std::vector<LinkId> own = slot.job->own_links(links_, gpu);
        if (own.empty()) continue;
        for (const std::size_t port : served.ports) {
          const BytesPerSecond all =
              links_.links()[own[port].index()].capacity * static_cast<double>(served.gpus.size());
          const bool may_be_wider = cable.link_class == hardware::LinkClass::pcie && port >= kNetworkOut;
          found.push_back({own[port], may_be_wider ? std::max(1.0, cable.bandwidth / all) : 1.0});
        }
      }
    }
    return found;
  }

  void done(std::size_t slot) {
    if (finished_[slot]) return;
    finished_[slot] = true;
    if (--pending_ == 0) world_.clock().stop();
  }

  /// Tells everybody beforehand who plans ahead.
  void expect(const Disturbance& disturbance) {
    world_.expect_upheaval(sim::to_sim_time(disturbance.at));
    if (disturbance.until) world_.expect_upheaval(sim::to_sim_time(*disturbance.until));
    if (!disturbance.gpu) return;
    for (const WorldSlot& slot : slots_) slot.job->expect_speed(*disturbance.gpu);
  }

  /// `update` puts the disturbance among those that last, or takes it out, and says what is left.
  template <class Update>
  void change(const Disturbance& disturbance, const Update& update) {
    if (disturbance.gpu) return set_speed(*disturbance.gpu, update(gpu_scales_, *disturbance.gpu));
    const LinkId id = topology_->find_link(disturbance.link);
    scale_link(id, disturbance.link, update(link_scales_, id.value));
  }

  // A GPU that is down matters to a job that computes on it and is not over.
  void set_speed(std::uint32_t gpu, double speed) {
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      if (finished_[i]) continue;
      const bool has = slots_[i].job->set_speed(gpu, speed > 0.0 ? speed : 1.0);
      if (has && speed <= 0.0 && !halted_[i]) halt(i, fmt::format("GPU {} is down: the job on it can't go on", gpu));
    }
  }

  // On the fabric the up-links of one switch share what is left of them; a GPU's own link is its own.
  void scale_link(LinkId id, const std::string& name, double scale) {
    const auto known = scales_.emplace(id.value, 1.0).first;
    const double before = std::exchange(known->second, scale);
    if (is_fabric(*topology_, id)) {
      const double change = (scale - before) * links_.sustained(topology_->link(id).bandwidth).value();
      for (const OnWay& way : links_of(id)) {
        set_capacity(way.link, BytesPerSecond{capacities_[way.link.index()].value() + change}, name);
      }
      return;
    }
    for (const OnWay& way : links_of(id)) {
      std::map<std::uint32_t, double>& in_a_row = own_scales_[way.link.value];
      in_a_row[id.value] = std::min(1.0, scale * way.width);
      const auto narrowest = std::min_element(in_a_row.begin(), in_a_row.end(),
                                              [](const auto& a, const auto& b) { return a.second < b.second; });
      set_capacity(way.link, links_.links()[way.link.index()].capacity * narrowest->second, name);
    }
  }

  void set_capacity(LinkId link, BytesPerSecond capacity, const std::string& name) {
    capacities_[link.index()] = capacity;
    // What is left of a sum of up-links that are all down is rounding.
    if (capacity.value() <= 1e-6 * links_.links()[link.index()].capacity.value()) {
      down_[link.value] = name;
      world_.take_down(link);
    } else {
      world_.set_capacity(link, capacity);
    }
  }

  const hardware::Topology* topology_;
  const std::vector<WorldSlot>& slots_;
  sim::LinkClasses& links_;
  std::vector<BytesPerSecond> capacities_;
  sim::World world_;
  Scales gpu_scales_, link_scales_;
  std::map<std::uint32_t, double> scales_;  ///< of the topology's links that were disturbed, as they are
  std::map<std::uint32_t, std::map<std::uint32_t, double>> own_scales_;  ///< own link → those of the topology
  std::map<std::uint32_t, std::string> down_;  ///< links of the World → the event's name of the one that is down
  std::vector<std::uint32_t> overloaded_;
  std::size_t pending_;
  std::vector<std::optional<Halt>> halted_;
  std::map<sim::SimTime, std::vector<std::size_t>> ends_;  ///< jobs that end at a time, until they have
  std::vector<bool> finished_ = std::vector<bool>(slots_.size(), false);
  std::vector<bool> stopped_ = std::vector<bool>(slots_.size(), false);  ///< while others go on
};

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
  for (;; full.clear(), links.reset()) {
    if (!links) {
      links.emplace(cluster, topology);
      for (const WorldSlot& slot : slots) slot.job->join(*links);
      tell_apart(*links, topology, disturbances);
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

}  // namespace orrery::models
