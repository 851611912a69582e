// The event-driven interpreter: runs a Plan through the Simulator, one pending event per stream.
//
// A stream takes its steps in order. Instant steps happen where the stream stands; a timed step that is
// alone, or whose last participant has just come, schedules its end; streams that wait for others stand in
// a list of the event or meeting and cost nothing. With a Network, transfers and collectives end when the
// network says so; it is asked once per time, after all starts of that time.
//
// Agrees with evaluate() to the picosecond where nothing shares links: same steps, same meetings
// (PlanLinks), same recorder; only the order of evaluation differs.
#include <memory>
#include <stdexcept>

#include "sim/evaluate.hpp"
#include "sim/plan_walk.hpp"
#include "sim/simulator.hpp"
#include "sim/timeline_recorder.hpp"

namespace orrery::sim {

namespace {

constexpr std::uint32_t kNone = PlanLinks::kNone;

class Interpreter {
 public:
  Interpreter(const Plan& plan, const Durations& durations, Network* network, Pacer& pacer)
      : plan_(plan),
        durations_(durations),
        links_(link(plan, pacer)),
        recorder_(plan, pacer),
        meetings_(links_.meeting_size.size()),
        event_waiter_(plan.events, kNone),
        recorded_(plan.events, 0),
        next_(plan.streams.size(), kNone),
        network_(network),
        network_timer_(*this) {
    streams_.reserve(plan.streams.size());
    for (std::uint32_t s = 0; s < plan.streams.size(); ++s) {
      streams_.emplace_back(*this, s);
      streams_.back().id = simulator_.add(streams_.back());
    }
    network_timer_.id = simulator_.add(network_timer_);
  }

  Timeline run() {
    for (std::uint32_t s = 0; s < streams_.size(); ++s) ready_.push_back(s);
    advance_ready();
    return recorder_.take(simulator_.run());
  }

 private:
  /// A stream; fires when the operation it carries ends.
  struct StreamResource final : Resource {
    StreamResource(Interpreter& owner, std::uint32_t number) : interpreter(owner), stream(number) {}
    void fire(SimTime now) override { interpreter.finish(stream, now); }

    Interpreter& interpreter;
    std::uint32_t stream;
    ResourceId id;
    std::size_t position = 0;
    SimTime started = 0;
  };

  struct NetworkTimer final : Resource {
    explicit NetworkTimer(Interpreter& owner) : interpreter(owner) {}
    void fire(SimTime now) override { interpreter.serve_network(now); }

    Interpreter& interpreter;
    ResourceId id;
  };

  struct Meeting {
    std::uint32_t first = kNone;  ///< streams that have come, linked by next_
    std::uint32_t last = kNone;
    std::uint32_t arrivals = 0;
  };

  void advance_ready() {
    // Streams that the loop wakes are appended; a queue, so that equal times keep the order of causes.
    for (std::size_t i = 0; i < ready_.size(); ++i) advance(ready_[i]);
    ready_.clear();
  }

  /// Instant steps, up to a step that takes time or must wait.
  void advance(std::uint32_t stream) {
    const std::vector<Step>& steps = plan_.streams[stream].steps;
    std::size_t& position = streams_[stream].position;
    for (; position < steps.size(); ++position) {
      const Step step = steps[position];
      switch (step.kind) {
        case StepKind::wait:
          if (recorded_[step.index] == 0) {
            next_[stream] = event_waiter_[step.index];
            event_waiter_[step.index] = stream;
            return;
          }
          break;
        case StepKind::record:
          record(step.index);
          break;
        case StepKind::alloc:
        case StepKind::free:
          recorder_.memory(stream, position, simulator_.now(), step);
          break;
        case StepKind::mark:
          recorder_.mark(stream, step);
          break;
        default:
          arrive(stream, step);
          return;
      }
    }
  }

  void record(std::uint32_t event) {
    recorded_[event] = 1;
    for (std::uint32_t s = event_waiter_[event]; s != kNone; s = next_[s]) ready_.push_back(s);
    event_waiter_[event] = kNone;
  }

  void arrive(std::uint32_t stream, Step step) {
    next_[stream] = kNone;
    const std::uint32_t number = links_.meeting_of(stream, streams_[stream].position);
    if (number == kNone) {
      start(stream, stream, step);
      return;
    }
    Meeting& meeting = meetings_[number];
    (meeting.first == kNone ? meeting.first : next_[meeting.last]) = stream;
    meeting.last = stream;
    if (++meeting.arrivals == links_.meeting_size[number]) start(meeting.first, stream, step);
  }

  /// Starts an operation of the streams linked from `first`; the event of `carrier` is its end.
  void start(std::uint32_t first, std::uint32_t carrier, Step step) {
    const SimTime now = simulator_.now();
    const SimTime duration = step_price(plan_, durations_, step).duration;
    for (std::uint32_t s = first; s != kNone; s = next_[s]) streams_[s].started = now;
    if (network_ != nullptr && start_on_network(first, step, duration)) return;
    simulator_.after(duration, streams_[carrier].id);
  }

  bool start_on_network(std::uint32_t first, Step step, SimTime alone) {
    NetworkJob job;
    job.id = flights_.size();
    job.alone = alone;
    if (step.kind == StepKind::collective) {
      job.collective = &plan_.collectives[step.index];
      job.group = &plan_.groups[job.collective->group.index()];
    } else if (step.kind == StepKind::send || step.kind == StepKind::recv) {
      job.transfer = &plan_.transfers[step.index];
    } else {
      return false;
    }
    if (!network_->start(job, simulator_.now())) return false;
    flights_.push_back(first);
    simulator_.after(0, network_timer_.id);
    return true;
  }

  /// Ends what the network has completed and asks when it wants to be served again.
  void serve_network(SimTime now) {
    completed_.clear();
    network_->advance(now, completed_);
    for (const OperationId id : completed_) end_operation(flights_.at(id), now);
    advance_ready();
    const SimTime next = network_->next_completion();
    if (next == kNever) return;
    if (next < now) throw std::logic_error("a network completes an operation in the past");
    simulator_.at(next, network_timer_.id);
  }

  void finish(std::uint32_t stream, SimTime now) {
    const std::uint32_t meeting = links_.meeting_of(stream, streams_[stream].position);
    end_operation(meeting == kNone ? stream : meetings_[meeting].first, now);
    advance_ready();
  }

  void end_operation(std::uint32_t first, SimTime now) {
    for (std::uint32_t s = first; s != kNone;) {
      StreamResource& stream = streams_[s];
      const Step step = plan_.streams[s].steps[stream.position];
      recorder_.span(s, stream.started, now, step_price(plan_, durations_, step));
      ++stream.position;
      ready_.push_back(s);
      s = next_[s];
    }
  }

  const Plan& plan_;
  const Durations& durations_;
  PlanLinks links_;
  TimelineRecorder recorder_;
  Simulator simulator_;
  std::vector<StreamResource> streams_;
  std::vector<Meeting> meetings_;
  std::vector<std::uint32_t> event_waiter_;  ///< head of the list of streams that wait for an event
  std::vector<std::uint8_t> recorded_;
  std::vector<std::uint32_t> next_;  ///< per stream: the list it stands in
  std::vector<std::uint32_t> ready_;
  Network* network_;
  NetworkTimer network_timer_;
  std::vector<std::uint32_t> flights_;  ///< first stream of each operation on the network, by its id
  std::vector<OperationId> completed_;
};

Timeline run(const Plan& plan, const Durations& durations, Network* network) {
  const RunControl control;
  Pacer pacer(control);
  require_runnable(plan, durations, control);
  // The simulator keeps the addresses of the interpreter's parts: it stays where it is.
  return std::make_unique<Interpreter>(plan, durations, network, pacer)->run();
}

}  // namespace

Timeline interpret(const Plan& plan, const Durations& durations) { return run(plan, durations, nullptr); }

Timeline interpret(const Plan& plan, const Durations& durations, Network& network) {
  return run(plan, durations, &network);
}

}  // namespace orrery::sim
