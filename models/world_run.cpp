#include "models/world_run.hpp"

#include <algorithm>
#include <iterator>
#include <span>
#include <utility>

#include <fmt/format.h>

namespace orrery::models {

WorldRun::WorldRun(sim::LinkClasses& links, const hardware::Topology* topology, const std::vector<WorldSlot>& slots,
                   LoadRecord* record)
    : topology_(topology),
      slots_(slots),
      links_(links),
      capacities_(links.capacities()),
      world_(capacities_, {.batch = links.flow_options().batch, .record = record != nullptr}),
      pending_(slots.size()),
      halted_(slots.size()),
      record_(record) {}

WorldRun::~WorldRun() {
  for (const WorldSlot& slot : slots_) {
    try {
      slot.job->stop();
    } catch (...) {  // what ended the run is on its way already
    }
  }
}

WorldOutcome WorldRun::run(const std::vector<Disturbance>& disturbances, const sim::RunControl& control,
                           const std::vector<std::uint32_t>& full) {
  route_around(disturbances);
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
  if (control.stop != nullptr || record_ != nullptr) spawn(world_.clock(), watch(control));
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
  if (record_ != nullptr) keep_record();
  return outcome;
}

sim::Process WorldRun::watch(const sim::RunControl& control) {
  constexpr sim::SimTime kEvery = 10'000'000'000;  // 10 ms of simulated time
  while (world_.clock().next_time() != ~sim::SimTime{0}) {
    co_await sim::delay(std::max(kEvery, world_.clock().next_time() - world_.now()));
    if (control.stop != nullptr && control.stop->load(std::memory_order_relaxed)) world_.clock().stop();
    if (record_ == nullptr || !is_record_full()) continue;
    record_->whole = false;
    world_.clock().stop();
  }
}

bool WorldRun::is_record_full() {
  std::size_t changes = 0;
  for (std::uint32_t link = 0; link < capacities_.size(); ++link) {
    changes += world_.links().changes(LinkId(link)).size();
  }
  return changes > record_->most_changes;
}

void WorldRun::keep_record() {
  for (std::uint32_t link = 0; link < capacities_.size(); ++link) {
    const std::span<const sim::LoadChange> changes = world_.links().changes(LinkId(link));
    record_->changes.emplace_back(changes.begin(), changes.end());
  }
}

sim::SimTime WorldRun::alone_until(std::size_t slot) {
  if (pending_ == 0 || record_ != nullptr) return 0;
  sim::SimTime until = world_.next_upheaval();
  for (std::size_t other = 0; other < slots_.size(); ++other) {
    if (other == slot || stopped_[other] || (finished_[other] && !slots_[other].job->goes_on())) continue;
    const sim::SimTime start = sim::to_sim_time(slots_[other].start);
    until = std::min(until, std::max(start, world_.now()));
  }
  return until;
}

void WorldRun::lost(std::size_t slot, LinkId link) {
  if (halted_[slot]) return;
  halt(slot, fmt::format("the link '{}' is down and no way is left beside it ({})", down_.at(link.value),
                         links_.links()[link.index()].representative));
}

void WorldRun::halt(std::size_t slot, std::string why) {
  const sim::SimTime now = world_.now();
  halted_[slot] = Halt{now, std::move(why)};
  std::vector<std::size_t>& ending = ends_[now];
  ending.push_back(slot);
  if (ending.size() == 1) spawn(world_.clock(), end_jobs(now));
}

sim::Process WorldRun::end_jobs(sim::SimTime at) {
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

sim::Process WorldRun::disturb(std::size_t number, Disturbance disturbance) {
  const sim::SimTime at = sim::to_sim_time(disturbance.at);
  if (at > 0) co_await sim::delay(at);  // at 0 the jobs have not begun yet
  change(disturbance, [&](Scales& scales, std::uint32_t of) { return scales.begin(of, number, disturbance.scale); });
  if (!disturbance.until) co_return;
  co_await sim::delay(sim::to_sim_time(*disturbance.until) - at);
  change(disturbance, [&](Scales& scales, std::uint32_t of) { return scales.end(of, number); });
}

// Before the disturbances of the same moment: what is on a cable when it goes down is lost.
void WorldRun::route_around(const std::vector<Disturbance>& disturbances) {
  if (topology_ == nullptr || links_.states() == 1) return;
  std::vector<LinkId> down;
  for (const FabricChange& change : fabric_changes(*topology_, disturbances)) {
    std::vector<LinkId> now, back;
    for (const sim::CableState& cable : change.state) {
      if (cable.factor == 0.0) now.push_back(cable.link);
    }
    std::set_difference(down.begin(), down.end(), now.begin(), now.end(), std::back_inserter(back));
    down = std::move(now);
    spawn(world_.clock(), reroute(change.from, links_.state_of(change.state), std::move(back)));
  }
}

sim::Process WorldRun::reroute(sim::SimTime at, std::uint32_t state, std::vector<LinkId> back) {
  if (at > 0) co_await sim::delay(at);
  for (const LinkId link : back) {
    for (const OnWay& way : links_of(link)) world_.bring_up(way.link);
  }
  world_.reroute(state);
}

void WorldRun::take_for_spare(const std::vector<std::uint32_t>& full, const std::vector<Disturbance>& disturbances) {
  std::vector<std::uint8_t> spare(capacities_.size(), 1);
  for (const std::uint32_t link : full) spare[link] = 0;
  for (const Disturbance& disturbance : disturbances) {
    if (disturbance.gpu) continue;
    for (const OnWay& way : links_of(topology_->find_link(disturbance.link))) spare[way.link.index()] = 0;
  }
  world_.set_spare(std::move(spare));
}

std::vector<WorldRun::OnWay> WorldRun::links_of(LinkId id) const {
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
        const BytesPerSecond all = links_.links()[own[port].index()].capacity * static_cast<double>(served.gpus.size());
        const bool may_be_wider = cable.link_class == hardware::LinkClass::pcie && port >= kNetworkOut;
        found.push_back({own[port], may_be_wider ? std::max(1.0, cable.bandwidth / all) : 1.0});
      }
    }
  }
  return found;
}

void WorldRun::done(std::size_t slot) {
  if (finished_[slot]) return;
  finished_[slot] = true;
  if (--pending_ == 0) world_.clock().stop();
}

void WorldRun::expect(const Disturbance& disturbance) {
  world_.expect_upheaval(sim::to_sim_time(disturbance.at));
  if (disturbance.until) world_.expect_upheaval(sim::to_sim_time(*disturbance.until));
  if (!disturbance.gpu) return;
  for (const WorldSlot& slot : slots_) slot.job->expect_speed(*disturbance.gpu);
}

template <class Update>
void WorldRun::change(const Disturbance& disturbance, const Update& update) {
  if (disturbance.gpu) return set_speed(*disturbance.gpu, update(gpu_scales_, *disturbance.gpu));
  const LinkId id = topology_->find_link(disturbance.link);
  scale_link(id, disturbance.link, update(link_scales_, id.value));
}

// A GPU that is down matters to a job that computes on it and is not over.
void WorldRun::set_speed(std::uint32_t gpu, double speed) {
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (finished_[i]) continue;
    const bool has = slots_[i].job->set_speed(gpu, speed > 0.0 ? speed : 1.0);
    if (has && speed <= 0.0 && !halted_[i]) halt(i, fmt::format("GPU {} is down: the job on it can't go on", gpu));
  }
}

// On the fabric the up-links of one switch share what is left of them; a GPU's own link is its own.
void WorldRun::scale_link(LinkId id, const std::string& name, double scale) {
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

void WorldRun::set_capacity(LinkId link, BytesPerSecond capacity, const std::string& name) {
  capacities_[link.index()] = capacity;
  // What is left of a sum of up-links that are all down is rounding.
  if (capacity.value() <= kDown * links_.links()[link.index()].capacity.value()) {
    down_[link.value] = name;
    world_.take_down(link);
  } else {
    world_.set_capacity(link, capacity);
  }
}

}  // namespace orrery::models
