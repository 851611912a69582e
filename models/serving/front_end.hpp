// Brings requests from the load to the replicas.
//
// The front end (tokenising, transport to the engine) delays each by the same time. A load far beyond what is served
// would grow without bound: it ends where kMostWaiting requests wait, or kMostWaitingAtOnce of a burst.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "models/serving/engine.hpp"
#include "models/serving/pace.hpp"
#include "models/serving/routers/router.hpp"
#include "models/serving/tally.hpp"
#include "models/serving/workload/workload.hpp"
#include "sim/simulator.hpp"

namespace orrery::models {

/// Of requests that come one after another: of thousands a second, a queue of minutes that only grows.
inline constexpr std::int64_t kMostWaiting = 1'000'000;
/// Of requests that come together, as a batch of documents does: some 2 GB of memory.
inline constexpr std::int64_t kMostWaitingAtOnce = 10'000'000;

class FrontEnd final : public sim::Resource {
 public:
  /// The load's time 0 is `origin` on the clock.
  FrontEnd(sim::Simulator& clock, Workload& workload, Router& router, std::vector<std::unique_ptr<Engine>>& engines,
           Tally& tally, Pace& pace, sim::SimTime delay, sim::SimTime origin)
      : clock_(clock),
        workload_(workload),
        router_(router),
        engines_(engines),
        tally_(tally),
        pace_(pace),
        delay_(delay),
        origin_(origin) {
    id_ = clock_.add(*this);
  }

  /// Sets the alarm for the next request that is known of.
  void look_ahead() {
    const std::optional<sim::SimTime> next = next_due();
    if (!next) return;
    const sim::SimTime due = std::max(clock_.now(), *next);
    if (clock_.is_scheduled(id_) && due >= next_request_) return;
    next_request_ = due;
    clock_.at(due, id_);
  }

  /// When a request may reach an engine next, kept up to date (World::foretell()); nullptr where answers bring
  /// arrivals.
  [[nodiscard]] const sim::SimTime* next_request() const { return workload_.reacts() ? nullptr : &next_request_; }

  void ended(const Request& request, sim::SimTime now) {
    pace_.ended();
    tell_workload(request, now);
    look_ahead();
  }

  /// Nobody is being served and nobody will come.
  [[nodiscard]] bool is_over() {
    if (!is_cut_off_ && workload_.next_arrival()) return false;
    return std::all_of(engines_.begin(), engines_.end(), [](const auto& engine) { return engine->live() == 0; });
  }

  /// The load ended before its end: too many requests wait.
  [[nodiscard]] bool is_cut_off() const { return is_cut_off_; }

  /// No further alarm.
  void leave() { clock_.remove(id_); }

  void fire(sim::SimTime now) override {
    next_request_ = sim::kNever;
    for (;;) {
      const std::optional<sim::SimTime> next = next_due();
      if (!next || *next > now) break;
      pace_.event();  // reading a trace takes most of the time of a burst
      Request request = workload_.take();
      request.arrival = sim::checked_add(request.arrival, origin_);
      deliver(std::move(request), now);
    }
    look_ahead();
  }

 private:
  /// When the next request that is known of reaches an engine.
  [[nodiscard]] std::optional<sim::SimTime> next_due() {
    if (is_cut_off_) return std::nullopt;
    const std::optional<sim::SimTime> next = workload_.next_arrival();
    if (!next) return std::nullopt;
    return sim::checked_add(sim::checked_add(*next, origin_), delay_);
  }

  void tell_workload(Request request, sim::SimTime now) {
    request.arrival -= origin_;
    workload_.ended(request, now - origin_);
  }

  void deliver(Request request, sim::SimTime now) {
    views_.clear();
    std::int64_t waiting = 0;
    for (const std::unique_ptr<Engine>& engine : engines_) {
      views_.push_back(engine->view());
      waiting += views_.back().waiting;
    }
    tally_.arrived(request, waiting);
    if (waiting == 0) burst_ = request.arrival;
    is_cut_off_ = waiting >= (request.arrival == burst_ ? kMostWaitingAtOnce : kMostWaiting);
    Engine& engine = *engines_[router_.pick(request, views_)];
    const Request copy = request;
    if (engine.submit(std::move(request))) return;
    pace_.ended();
    tell_workload(copy, now);
  }

  sim::Simulator& clock_;
  Workload& workload_;
  Router& router_;
  std::vector<std::unique_ptr<Engine>>& engines_;
  Tally& tally_;
  Pace& pace_;
  sim::SimTime delay_, origin_;
  sim::ResourceId id_;
  sim::SimTime next_request_ = sim::kNever;  ///< of those that are known of
  sim::SimTime burst_ = 0;                   ///< when the first of those that wait came
  bool is_cut_off_ = false;
  std::vector<ReplicaView> views_;
};

}  // namespace orrery::models
