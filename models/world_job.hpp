// Jobs that share a World: what starts, ends and disturbs them.
//
// A job has work that it must do (the steps of a training job, the requests of a serving one) and may go on beyond it:
// training repeats its step as long as anybody else is not done, so that what stands beside a job stands there all the
// time. The World stops when every job is done.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "hardware/topology/topology.hpp"
#include "sim/links/link_report.hpp"
#include "sim/links/links.hpp"
#include "sim/network/world.hpp"
#include "sim/run_control.hpp"

namespace orrery::models {

/// What whoever runs jobs tells one of them about the others and the machine; any of it may be empty.
struct Company {
  /// Until when nothing but the job itself changes what it meets; now, if another may. Asked at any time of a run.
  std::function<sim::SimTime()> alone_until;
  /// Told of a link that is down and that an operation of the job comes to load: the operation never completes, and the
  /// job will be stopped. Empty: LinkDown is thrown.
  std::function<void(LinkId)> lost;
};

class WorldJob {
 public:
  virtual ~WorldJob() = default;
  /// Before begin().
  void keep(Company company) { company_ = std::move(company); }

  /// Makes its operations known to the links, before they are folded.
  virtual void join(sim::LinkClasses& links) = 0;
  /// Members of unequal colours (sim::LinkClasses::parting(), for each number of join()) must stand for each other no
  /// more. False: it stays as it is. Then join() again, if any job has changed.
  virtual bool part(const std::vector<std::vector<std::uint32_t>>& colours) {
    (void)colours;
    return false;
  }
  /// Links, by number, that it is known to fill when it is alone. After join() of all jobs.
  [[nodiscard]] virtual std::vector<std::uint32_t> fills(const sim::LinkClasses& links) const {
    (void)links;
    return {};
  }
  /// set_speed() will be called of this GPU: told before begin().
  virtual void expect_speed(std::uint32_t gpu) { (void)gpu; }
  /// Begins at `at` on the World of these links. `done` is told once, through tell(), when all that it must do is done.
  /// It may stop the clock, not the job: stop() takes away what has just told it and goes on when it returns.
  virtual void begin(sim::World& world, const sim::LinkClasses& links, sim::SimTime at, std::function<void()> done) = 0;
  /// No further from now on. Throws std::logic_error from within `done`.
  virtual void stop() = 0;
  /// Whether it goes on when it has told that it is done, until it is stopped.
  [[nodiscard]] virtual bool goes_on() const { return false; }

  /// After a run: it needs another, with the same times, to keep what it now knows to be worth keeping.
  [[nodiscard]] virtual bool wants_again() { return false; }
  /// What links held up, with the names that reports give operations.
  [[nodiscard]] virtual std::vector<sim::HeldUpOn> held_up() const = 0;

  /// Its GPU of that number in the cluster computes at `speed` of its rate from now on. False: it has no such GPU.
  virtual bool set_speed(std::uint32_t gpu, double speed) = 0;
  /// Own links of the job's ranks that stand for the GPU: out of and into the node, out to and in from the network.
  [[nodiscard]] virtual std::vector<LinkId> own_links(const sim::LinkClasses& links, std::uint32_t gpu) const = 0;

 protected:
  /// Calls `done`; whoever is told may not stop() the job meanwhile.
  void tell(const std::function<void()>& done);
  /// The first line of stop(). Throws std::logic_error within tell().
  void require_not_telling() const;
  /// 0 where nobody says.
  [[nodiscard]] sim::SimTime alone_until() const { return company_.alone_until ? company_.alone_until() : 0; }
  /// Throws LinkDown if nobody is to be told.
  void lose(LinkId link) const;

 private:
  Company company_;
  bool is_telling_ = false;
};

/// Something that happens to a machine at a time. While several of one GPU or link last, their scales multiply; links
/// in a row carry what the narrowest of them does. How wide a GPU's own links are is part of how long its operations
/// take alone: more than that (a scale above 1) they don't carry. A link that is down matters to what loads it
/// meanwhile: a cable of the fabric is routed around, with what is left of the work, where another way is.
struct Disturbance {
  Seconds at;
  std::optional<Seconds> until;      ///< then it is as before; none: for good
  std::optional<std::uint32_t> gpu;  ///< computes at `scale` of its rate
  std::string link;                  ///< or a link has `scale` of its bandwidth (names: hardware/topology/topology.hpp)
  double scale = 1.0;                ///< ≥ 0; 0: it is down
};

/// One job of several: when it may begin, and when it is stopped at the latest.
struct WorldSlot {
  WorldJob* job = nullptr;
  Seconds start;
  std::optional<Seconds> until;
};

/// A disturbance that a job can't live with; the message names the GPU or link.
class Disturbed : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A job that could not go on.
struct Halt {
  sim::SimTime at = 0;
  std::string why;  ///< names the GPU or link
};

struct WorldOutcome {
  sim::SimTime end = 0;
  std::vector<std::optional<Halt>> halted;  ///< by slot
  std::uint64_t events = 0;                 ///< of the clock
  std::vector<sim::LinkInfo> links;         ///< the World's, by number
  std::vector<sim::LinkUsage> usage;        ///< what each carried
  sim::Batched batched;                     ///< of ends of flows
};

/// Runs the jobs until each is done, or can't go on. `links`: joined by all jobs and folded, of `topology` (nullptr
/// where nothing leaves a node). Throws Cancelled once `control` says stop.
///
/// Links are taken for spare (sim/network/world.hpp) until a run fills them: it is then run again with those among the
/// flows, until what was taken for spare was. `full`: links, by number, of which it is known beforehand that they fill;
/// none: the jobs are asked. A job may ask for one more run.
[[nodiscard]] WorldOutcome run_world(sim::LinkClasses& links, const hardware::Topology* topology,
                                     const std::vector<WorldSlot>& slots, const std::vector<Disturbance>& disturbances,
                                     const sim::RunControl& control, const std::vector<std::uint32_t>& full = {});

/// The same on the links of a cluster, which the jobs join: again with their members parted, where the fabric held some
/// of those up that stood for each other. `links`: joined and folded already, or none; receives those of the last run.
/// `full` is of the former.
[[nodiscard]] WorldOutcome run_on_cluster(const hardware::Cluster& cluster, const hardware::Topology* topology,
                                          const std::vector<WorldSlot>& slots,
                                          const std::vector<Disturbance>& disturbances, const sim::RunControl& control,
                                          std::optional<sim::LinkClasses>& links, std::vector<std::uint32_t> full = {});

/// What an event of a link of the topology can reach: nothing that is modelled (PCIe to a host, or to a card in a
/// cluster of one node), links that GPUs have for themselves, or one of the fabric, which all share.
enum class Reach : std::uint8_t { nothing, own_links, fabric };
[[nodiscard]] Reach reach_of(const hardware::Topology& topology, LinkId link);

/// Fabric links that disturbances name have no like, and those that they take down are routed around. Before the first
/// job joins.
void foresee(sim::LinkClasses& links, const hardware::Topology* topology, const std::vector<Disturbance>& disturbances);

/// GPUs of which a disturbance is, or of a link of their node that they use: they have no like. In ascending order,
/// each once. `topology` may be nullptr if no disturbance is of a link.
[[nodiscard]] std::vector<std::uint32_t> disturbed_gpus(const std::vector<Disturbance>& disturbances,
                                                        const hardware::Topology* topology);

}  // namespace orrery::models
