// One run of jobs on a World. A part of world_job.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "models/link_ways.hpp"
#include "models/world_job.hpp"
#include "sim/process.hpp"

namespace orrery::models {

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

/// What a run is to leave of its links' loads over time.
struct LoadRecord {
  std::size_t most_changes = 0;                       ///< the run ends early with about so many of them in memory
  std::vector<std::vector<sim::LoadChange>> changes;  ///< by link
  bool whole = true;
};

class WorldRun {
 public:
  /// `record`: keeps the load of the links that are among the flows; nullptr: nothing. Every step of a job is run then:
  /// what is counted leaves no trace.
  WorldRun(sim::LinkClasses& links, const hardware::Topology* topology, const std::vector<WorldSlot>& slots,
           LoadRecord* record = nullptr);
  WorldRun(const WorldRun&) = delete;
  WorldRun& operator=(const WorldRun&) = delete;
  /// Whatever ended the run: no job may refer to this World any more.
  ~WorldRun();

  /// With `full` among the flows and all other links taken for spare.
  WorldOutcome run(const std::vector<Disturbance>& disturbances, const sim::RunControl& control,
                   const std::vector<std::uint32_t>& full);

  /// Links that were not spare.
  [[nodiscard]] const std::vector<std::uint32_t>& overloaded() const { return overloaded_; }

 private:
  /// Looks now and then whether to stop, so that no job need look: no more often than something happens, or a job of
  /// months whose steps are counted would be looked at billions of times.
  sim::Process watch(const sim::RunControl& control);
  /// Whether there is more on record than is to be kept.
  [[nodiscard]] bool is_record_full();
  void keep_record();
  /// 0 once all are done: nothing that comes then counts.
  sim::SimTime alone_until(std::size_t slot);
  /// The job can't go on. It is in the middle of something: it is stopped when that is over.
  void lost(std::size_t slot, LinkId link);
  void halt(std::size_t slot, std::string why);
  /// Takes jobs off the World at their end, at the latest: all that end then, so that one process waits for the rest of
  /// that moment (two would wait for each other). What is done at that very moment was done in time.
  sim::Process end_jobs(sim::SimTime at);
  /// One disturbance, from its begin to its end.
  sim::Process disturb(std::size_t number, Disturbance disturbance);
  /// Has operations change their ways whenever cables of the fabric go down or come back.
  void route_around(const std::vector<Disturbance>& disturbances);
  /// Once. `back`: cables that carry again from then on.
  sim::Process reroute(sim::SimTime at, std::uint32_t state, std::vector<LinkId> back);
  /// All but `full` and those whose bandwidth changes on the way.
  void take_for_spare(const std::vector<std::uint32_t>& full, const std::vector<Disturbance>& disturbances);
  /// A link of the World that a cable of the topology is part of.
  struct OnWay {
    LinkId link;
    double width = 1.0;  ///< of the cable, in what the GPUs behind it sustain together: PCIe has room to spare
  };
  [[nodiscard]] std::vector<OnWay> links_of(LinkId id) const;
  void done(std::size_t slot);
  /// Tells everybody beforehand who plans ahead.
  void expect(const Disturbance& disturbance);
  /// `update` puts the disturbance among those that last, or takes it out, and says what is left.
  template <class Update>
  void change(const Disturbance& disturbance, const Update& update);
  void set_speed(std::uint32_t gpu, double speed);
  void scale_link(LinkId id, const std::string& name, double scale);
  void set_capacity(LinkId link, BytesPerSecond capacity, const std::string& name);

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
  LoadRecord* record_;
};

}  // namespace orrery::models
