// One simulation: a clock and the links of the machine.
//
// Everything that takes time on links is an Operation: how long it takes undisturbed, and what it loads meanwhile. Any
// number of plans, engines and transfers start operations in one World; those that meet on a link share it max-min
// fairly (network/flow_network.hpp), weighted so that operations alike get alike parts.
//
//   start            the latency passes: alone − work
//   … + latency      a flow of `work` begins; undisturbed it advances 1 ps per ps
//   … it is done     the owner is told
//
// An operation that is alone on its links ends exactly `alone` after its start.
// Links that never fill can be taken out: whoever starts operations says which are spare. What uses only those is a
// delay; what they were asked for is counted, so that overloaded() tells afterwards whether they were spare indeed. If
// so nothing would have been otherwise with them: the first moment at which one would have held something up never
// came. Sources: aggregate flows in place of messages as in SimGrid's parallel tasks (Casanova et al., JPDC 2014).
// Where a link goes down, what has another way takes it with what is left of its work (reroute()), and the rest is
// lost. Limitation: the latency is not stretched, and an operation advances at the rate of its slowest part.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

#include "hardware/units.hpp"
#include "sim/clock.hpp"
#include "sim/network/flow_network.hpp"
#include "sim/network/link_spans.hpp"
#include "sim/network/message_graph.hpp"
#include "sim/network/ways.hpp"
#include "sim/simulator.hpp"

namespace orrery::sim {

/// What a collective, a message, a copy or a whole iteration of an engine is to the links.
struct Operation {
  SimTime alone = 0;              ///< duration undisturbed
  SimTime work = 0;               ///< its last `work` loads the links; ≤ alone
  std::span<const LinkUse> uses;  ///< bytes per picosecond on each link meanwhile; empty: nothing is shared
  /// Its part of a shared link relative to others'; 0: 1 / max(share / capacity), so that operations alike get alike
  /// parts. One that stands for several has the weight of one of them.
  double weight = 0.0;
  /// nullptr: the work is one flow over `uses`. Else it is these messages (message_run.hpp), and `uses` are not
  /// looked at; REQUIRES that they outlive the operation, and that its weight is given or its hops load one link each.
  const MessageGraph* messages = nullptr;
  /// Uses, weight and messages by state of the fabric (World::reroute()), in place of those above; null: the same in
  /// each.
  std::shared_ptr<const Ways> ways = {};
};

/// Names a started operation until it has completed or was cancelled.
struct OperationId {
  std::uint32_t slot = std::numeric_limits<std::uint32_t>::max();
  std::uint32_t version = 0;
};

/// An operation loads a link that is down.
class LinkDown : public std::runtime_error {
 public:
  explicit LinkDown(LinkId of) : std::runtime_error("an operation loads a link that is down"), link(of) {}
  LinkId link;
};

/// Who started an operation.
class Completion {
 public:
  /// `tag` as given to start(); `held_up`: how much longer than alone it took, and by which link. New operations may be
  /// started.
  virtual void completed(std::uint64_t tag, SimTime now, const HeldUp& held_up) = 0;
  /// It never completes: `link`, which it loads, is down. Whoever does not listen ends the run: throws LinkDown.
  virtual void lost(std::uint64_t tag, SimTime now, LinkId link);

 protected:
  ~Completion() = default;
};

class MessageRun;

class World final : private Resource {
 public:
  /// Capacities of the links, > 0.
  explicit World(std::span<const BytesPerSecond> links = {}, FlowOptions options = {});
  ~World();

  /// Which links are taken for spare, by number, before anything starts. REQUIRES that their capacities stay.
  void set_spare(std::vector<std::uint8_t> spare);
  [[nodiscard]] bool is_spare(std::uint32_t link) const { return link < spare_.size() && spare_[link] != 0; }
  /// Counts what was put on a spare link.
  void carry(std::uint32_t link, SimTime start, SimTime end, double share, double bytes);
  /// What was counted with these arguments ends now, without `undone` of its bytes.
  void cut(std::uint32_t link, SimTime start, SimTime end, double share, double undone);

  [[nodiscard]] Simulator& clock() { return clock_; }
  [[nodiscard]] SimTime now() const { return clock_.now(); }

  /// Starts an operation now. `uses` is read before the return. Throws std::invalid_argument if work > alone, or on a
  /// link that does not exist.
  OperationId start(const Operation& operation, Completion& who, std::uint64_t tag);
  /// It never completes. An operation that is over is left alone.
  void cancel(OperationId id);
  /// From now on; it is up. Throws std::invalid_argument on a capacity that is not positive: such a link is down.
  void set_capacity(LinkId link, BytesPerSecond capacity);
  /// It carries nothing until set_capacity(): what loads it now, or comes to load it later, is lost (Completion::lost).
  /// REQUIRES that it is not spare.
  void take_down(LinkId link);
  /// It carries again what it did before it was taken down.
  void bring_up(LinkId link);
  /// The fabric is in another state from now on: operations go on by their ways of it with what is left to do.
  /// REQUIRES that all ways that are ever given have it.
  void reroute(std::uint32_t state);

  /// Until when nothing else can reach `self`: up to then it may go on without coming back to the clock. The earliest
  /// of what foretell() promised, or of any event of the clock where nothing was, and of the next upheaval.
  [[nodiscard]] SimTime quiet_until(ResourceId self);
  /// Nothing but what `next` foretells can reach `self`: whoever keeps `next` up to date reaches it no earlier. It
  /// stays where it is until another is given; nullptr: nothing is foretold any more, before `self` leaves the clock.
  void foretell(ResourceId self, const SimTime* next);
  /// At `time` ≥ now something happens that may reach anybody: to the machine, or the end of a job.
  void expect_upheaval(SimTime time);
  /// The next of them, now at the earliest; kNever: none is left.
  [[nodiscard]] SimTime next_upheaval();

  [[nodiscard]] FlowNetwork& links() { return flows_; }
  /// It is up and no flow is on it.
  [[nodiscard]] bool is_idle(LinkId link) const;
  /// Links taken for spare that were asked for more than they have: with these the run was another one.
  [[nodiscard]] std::vector<std::uint32_t> overloaded();
  /// What each link carried until now. REQUIRES that nothing is started meanwhile.
  [[nodiscard]] std::vector<LinkUsage> usage();
  /// Bytes of it, by link.
  [[nodiscard]] std::vector<double> carried();
  /// Counts bytes, by link, of work that is known to load the links as other work did, and was not run itself.
  void carry_unseen(std::span<const double> bytes);

 private:
  struct Flight {
    Completion* who = nullptr;  ///< none: the slot is free
    std::uint64_t tag = 0;
    std::uint32_t version = 0;
    std::uint64_t order = 0;             ///< of its entry in delayed_: others that it had are stale
    bool flows = false;                  ///< else its latency still passes
    SimTime begins = 0, spare_work = 0;  ///< when it loads links, and for how long undisturbed
    FlowHandle flow;
    SimTime work = 0;
    double weight = 0.0;
    std::vector<LinkUse> uses, spare;
    HeldUp held;                ///< on ways that it left
    MessageRun* run = nullptr;  ///< of runs_
    std::shared_ptr<const Ways> ways;
  };
  friend MessageRun;
  /// The end of a latency.
  struct Delayed {
    SimTime time;
    std::uint64_t order;
    std::uint32_t slot, version;
    friend bool operator>(const Delayed& a, const Delayed& b) {
      return a.time != b.time ? a.time > b.time : a.order > b.order;
    }
  };

  void fire(SimTime now) override;
  /// Sorts out which links are spare.
  void use_links(Flight& flight, std::span<const LinkUse> uses, double weight);
  /// The flow of a flight, or the end of one without a flow, at its time.
  void begin_or_wait(std::uint32_t slot);
  void begin_flow(std::uint32_t slot, SimTime now);
  /// Goes on on these links, with what is left to do.
  void move(OperationId id, std::span<const LinkUse> uses, double weight);
  /// A link of the flight's flow that is down.
  [[nodiscard]] std::optional<LinkId> down_link(const Flight& flight) const;
  /// Takes what does not complete on these links off them, and counts what it put on spare ones until now. Returns what
  /// is left of its work.
  SimTime leave_links(Flight& flight);
  void lose(std::uint32_t slot, LinkId link);
  void complete(std::uint32_t slot, SimTime now, const HeldUp& held_up);
  // Of messages.
  OperationId start_messages(std::uint32_t slot, const Operation& operation, const MessageGraph& graph);
  void end_messages(std::uint32_t slot, SimTime lasted, SimTime alone,
                    std::span<const std::pair<LinkId, SimTime>> held_up);
  void lose_messages(std::uint32_t slot, LinkId link);
  std::unique_ptr<MessageRun> take_messages(std::uint32_t slot);
  /// Counts what went over a link while no flow was on it.
  void carry_alone(std::uint32_t link, SimTime start, SimTime end, double rate, double bytes);
  void wake_at(SimTime time);
  void settle();
  [[nodiscard]] bool is_current(std::uint32_t slot, std::uint32_t version) const {
    return flights_[slot].who != nullptr && flights_[slot].version == version;
  }

  Simulator clock_;
  FlowNetwork flows_;
  LinkSpans carried_;           ///< by spare links
  std::vector<double> unseen_;  ///< bytes by link; empty: none
  std::vector<std::uint8_t> spare_;
  std::vector<LinkId> down_;
  std::uint32_t state_ = 0;  ///< of the fabric
  std::size_t counted_ = 0;  ///< of carried_, since it was settled
  ResourceId id_;
  std::vector<Flight> flights_;
  std::vector<std::uint32_t> free_;
  std::vector<Delayed> delayed_;  ///< min-heap; entries of what was cancelled are dropped when they surface
  std::uint64_t order_ = 0;
  std::vector<FlowEnd> ended_;
  SimTime due_ = 0;                       ///< when it wakes, if it is scheduled
  std::vector<const SimTime*> foretold_;  ///< by resource; null: nothing
  std::vector<SimTime> upheavals_;        ///< the latest first
  std::vector<std::unique_ptr<MessageRun>> runs_;
  std::vector<std::unique_ptr<MessageRun>> lost_runs_;  ///< they may have learnt of it while they began a message
};

}  // namespace orrery::sim
