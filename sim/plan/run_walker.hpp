// The walker of a PlanRun: where its streams stand, and what each waits for. Of run.cpp alone.
#pragma once

#include <algorithm>
#include <functional>
#include <optional>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

#include "sim/plan/gpu_shares.hpp"
#include "sim/plan/run.hpp"
#include "sim/plan/whole_calls.hpp"

namespace orrery::sim {

class PlanRun::Walker final : private Completion, private Resource {
 public:
  Walker(World& world, const RunnablePlan& runnable, const Durations& durations, const Loads& loads,
         std::span<const ActivitySet> sets, const RunControl& control)
      : world_(world),
        runnable_(runnable),
        plan_(runnable.plan()),
        durations_(durations),
        loads_(loads),
        pacer_(control),
        calls_(world, runnable, durations, loads, sets),
        speeds_(plan_) {
    streams_of_.resize(plan_.ranks.size());
    streams_.reserve(plan_.streams.size());
    for (std::uint32_t s = 0; s < plan_.streams.size(); ++s) {
      streams_.emplace_back(*this, s);
      streams_.back().id = world.clock().add(streams_.back());
      streams_of_[plan_.streams[s].rank.index()].push_back(s);
    }
    id_ = world.clock().add(*this);
  }

  ~Walker() {
    stop();
    for (StreamResource& stream : streams_) world_.clock().remove(stream.id);
    world_.clock().remove(id_);
  }

  Walker(const Walker&) = delete;
  Walker& operator=(const Walker&) = delete;

  void start(SimTime at, std::function<void(SimTime)> ended, EvaluationBuilder* out) {
    ended_ = std::move(ended);
    out_ = out;
    started_ = at;
    held_up_before_.add(held_up_);
    held_up_.clear();
    meetings_.assign(runnable_.links().meeting_size.size(), {});
    event_waiter_.assign(plan_.events, kNone);
    recorded_.assign(plan_.events, 0);
    next_.assign(plan_.streams.size(), kNone);
    calls_.rewind();
    speeds_.clear();
    for (StreamResource& stream : streams_) stream.rewind();
    unfinished_ = streams_.size();
    world_.clock().at(at, id_);
  }

  void stop() {
    world_.clock().cancel(id_);
    for (StreamResource& stream : streams_) {
      world_.clock().cancel(stream.id);
      if (stream.operation) world_.cancel(*stream.operation);
      if (stream.whole) calls_.stop(stream.stream);
      stream.rewind();
    }
  }

  void step_by_step(RankId rank) { calls_.step_by_step(rank); }

  void set_speed(RankId rank, double speed) {
    speeds_.set(rank, speed);
    change_pace(rank);
  }

  void share_gpus(const GpuShares& shares) {
    speeds_.share(shares);
    for (std::uint32_t rank = 0; rank < plan_.ranks.size(); ++rank) step_by_step(RankId(rank));
  }

  void on_lost(std::function<void(LinkId)> lost) { lost_ = std::move(lost); }

  void count_again(std::uint64_t times) { held_up_before_.add(held_up_, times); }

  [[nodiscard]] std::vector<HeldUpEntry> held_up() const {
    HeldUpTable all = held_up_before_;
    all.add(held_up_);
    return all.list();
  }
  [[nodiscard]] std::vector<HeldUpEntry> held_up_in_ended() const {
    return ended_ ? held_up_before_.list() : held_up();
  }

 private:
  static constexpr std::uint32_t kNone = PlanLinks::kNone;

  /// A stream; fires when the operation that it carries ends.
  struct StreamResource final : Resource {
    StreamResource(Walker& owner, std::uint32_t number) : walker(owner), stream(number) {}
    void fire(SimTime now) override { walker.finish(stream, now); }
    void rewind() {
      position = inner = 0;
      part = nullptr;
      runs = whole = false;
      operation.reset();
    }

    Walker& walker;
    std::uint32_t stream;
    ResourceId id;
    std::size_t position = 0;                 ///< in the stream
    std::size_t inner = 0;                    ///< in the part of the block that is called there
    const std::vector<Step>* part = nullptr;  ///< none: no call is under way
    std::uint32_t first_event = 0;            ///< of that call
    SimTime started = 0, end = 0;
    bool runs = false;                     ///< a kernel or copy: what a slower GPU stretches
    double speed = 1.0;                    ///< of it, since `started` or the last change
    bool whole = false;                    ///< a call in one go
    std::optional<OperationId> operation;  ///< on the links, of which this stream is the first
  };

  struct Meeting {
    std::uint32_t first = kNone;  ///< streams that have come, linked by next_
    std::uint32_t last = kNone;
    std::uint32_t arrivals = 0;
  };

  static SimTime stretched(SimTime duration, double speed) {
    if (speed == 1.0) return duration;
    return to_sim_time(Seconds{static_cast<double>(duration) * 1e-12 / speed});
  }

  /// Kernels and copies of the rank that are on their way go on at the speed that it has now.
  void change_pace(RankId rank) {
    const SimTime now = world_.now();
    for (const std::uint32_t number : streams_of_[rank.index()]) {
      StreamResource& stream = streams_[number];
      if (stream.whole) throw std::logic_error("a rank whose speed changes must go step by step");
      if (!stream.runs) continue;
      const double before = std::exchange(stream.speed, speeds_.of(rank, current(stream)));
      if (stream.speed == before) continue;
      stream.end = checked_add(now, stretched(stream.end - now, stream.speed / before));
      world_.clock().at(stream.end, stream.id);
    }
  }

  /// Begins the run.
  void fire(SimTime now) override {
    for (std::uint32_t s = 0; s < streams_.size(); ++s) ready_.push_back(s);
    advance_ready();
    end_if_done(now);
  }

  void end_if_done(SimTime now) {
    if (unfinished_ > 0 || !ended_) return;
    const std::function<void(SimTime)> ended = std::exchange(ended_, nullptr);
    ended(now);
  }

  void advance_ready() {
    // Streams that the loop wakes are appended; a queue, so that equal times keep the order of causes.
    for (std::size_t i = 0; i < ready_.size(); ++i) advance(streams_[ready_[i]]);
    pacer_.add(ready_.size());
    ready_.clear();
  }

  /// Instant steps, up to a step that takes time or must wait.
  void advance(StreamResource& stream) {
    const std::vector<Step>& steps = plan_.streams[stream.stream].steps;
    for (;;) {
      if (stream.part != nullptr && stream.inner == stream.part->size()) {
        stream.part = nullptr;
        ++stream.position;
      }
      if (stream.part == nullptr && stream.position == steps.size()) {
        --unfinished_;
        return;
      }
      Step step = stream.part != nullptr ? (*stream.part)[stream.inner] : steps[stream.position];
      if (step.kind == StepKind::call) {
        if (!enter(stream, step)) return;
        const Call& call = plan_.calls[step.index];
        stream.part = &find_part(plan_.blocks[call.block], plan_.streams[stream.stream].lane)->steps;
        stream.first_event = call.first_event;
        stream.inner = 0;
        continue;
      }
      if (stream.part != nullptr && (step.kind == StepKind::wait || step.kind == StepKind::record)) {
        step.index += stream.first_event;
      }
      if (is_timed(step.kind)) return arrive(stream, step);
      if (!instant(stream, step)) return;
      pass(stream);
    }
  }

  /// False: the stream does not go into the call itself.
  bool enter(const StreamResource& stream, Step step) {
    const WholeCalls::Entry entry = calls_.arrive(step.index, stream.stream, ready_);
    if (entry == WholeCalls::Entry::whole) {
      const RankId rank = plan_.streams[stream.stream].rank;
      const std::span<const WholeCalls::Lane> lanes = calls_.begin(step.index, rank, started_, out_);
      // Backwards, so that the lane of part 0 comes last of those that end together to the next call.
      for (std::size_t part = lanes.size(); part-- > 0;) {
        StreamResource& lane = streams_[lanes[part].stream];
        lane.whole = true;
        world_.clock().at(lanes[part].end, lane.id);
      }
    }
    return entry == WholeCalls::Entry::steps;
  }

  static void pass(StreamResource& stream) { ++(stream.part != nullptr ? stream.inner : stream.position); }

  /// False: the stream waits.
  bool instant(StreamResource& stream, Step step) {
    switch (step.kind) {
      case StepKind::wait:
        if (recorded_[step.index] != 0) return true;
        next_[stream.stream] = event_waiter_[step.index];
        event_waiter_[step.index] = stream.stream;
        return false;
      case StepKind::record:
        recorded_[step.index] = 1;
        for (std::uint32_t s = event_waiter_[step.index]; s != kNone; s = next_[s]) ready_.push_back(s);
        event_waiter_[step.index] = kNone;
        return true;
      case StepKind::alloc:
      case StepKind::free:
        if (out_ != nullptr) out_->memory(stream.stream, world_.now() - started_, step);
        return true;
      default:
        if (out_ != nullptr) out_->mark(stream.stream, step);
        return true;
    }
  }

  void arrive(StreamResource& stream, Step step) {
    next_[stream.stream] = kNone;
    const std::uint32_t number =
        stream.part != nullptr ? kNone : runnable_.links().meeting_of(stream.stream, stream.position);
    if (number == kNone) return begin(stream.stream, stream, step);
    Meeting& meeting = meetings_[number];
    (meeting.first == kNone ? meeting.first : next_[meeting.last]) = stream.stream;
    meeting.last = stream.stream;
    if (++meeting.arrivals == runnable_.links().meeting_size[number]) begin(meeting.first, stream, step);
  }

  /// Begins an operation of the streams linked from `first`; the event of `carrier` is its end.
  void begin(std::uint32_t first, StreamResource& carrier, Step step) {
    const SimTime now = world_.now();
    const RankId rank = plan_.streams[carrier.stream].rank;
    const SimTime duration = step_price(plan_, durations_, step, plan_.ranks[rank.index()].gpu_class).duration;
    for (std::uint32_t s = first; s != kNone; s = next_[s]) streams_[s].started = now;
    for (std::uint32_t s = first; s != kNone; s = next_[s]) {
      if (speeds_.begin(plan_.streams[s].rank, step)) change_pace(plan_.streams[s].rank);
    }
    const LinkLoadEntry* load = loads_.of(step);
    if (load != nullptr && load->work > 0) {
      streams_[first].operation = world_.start(
          {duration, load->work, load->uses, load->weight, load->messages.get(), load->ways}, *this, first);
      return;
    }
    carrier.runs = step.kind == StepKind::launch || step.kind == StepKind::copy;
    if (carrier.runs) carrier.speed = speeds_.of(rank, step);
    carrier.end = checked_add(now, carrier.runs ? stretched(duration, carrier.speed) : duration);
    world_.clock().at(carrier.end, carrier.id);
  }

  [[nodiscard]] Step current(const StreamResource& stream) const {
    return stream.part != nullptr ? (*stream.part)[stream.inner] : plan_.streams[stream.stream].steps[stream.position];
  }

  void completed(std::uint64_t first, SimTime now, const HeldUp& held) override {
    StreamResource& stream = streams_[first];
    stream.operation.reset();
    held_up_.add(current(stream), held);
    end_operation(static_cast<std::uint32_t>(first), now, held);
  }

  void lost(std::uint64_t first, SimTime now, LinkId link) override {
    streams_[first].operation.reset();
    if (!lost_) return Completion::lost(first, now, link);
    lost_(link);
  }

  void finish(std::uint32_t number, SimTime now) {
    StreamResource& stream = streams_[number];
    stream.runs = false;
    if (std::exchange(stream.whole, false)) {
      ++stream.position;
      ready_.push_back(number);
      advance_ready();
      return end_if_done(now);
    }
    const std::uint32_t meeting =
        stream.part != nullptr ? kNone : runnable_.links().meeting_of(number, stream.position);
    end_operation(meeting == kNone ? number : meetings_[meeting].first, now, {});
  }

  void end_operation(std::uint32_t first, SimTime now, const HeldUp& held) {
    for (std::uint32_t s = first; s != kNone;) {
      StreamResource& stream = streams_[s];
      if (out_ != nullptr) {
        const std::uint32_t gpu_class = plan_.ranks[plan_.streams[s].rank.index()].gpu_class;
        out_->span(s, stream.started - started_, now - started_,
                   step_price(plan_, durations_, current(stream), gpu_class));
        if (held.delay > 0) out_->held_up(s, held.link, held.delay);
      }
      if (speeds_.end(plan_.streams[s].rank, current(stream))) change_pace(plan_.streams[s].rank);
      pass(stream);
      ready_.push_back(s);
      s = next_[s];
    }
    advance_ready();
    end_if_done(now);
  }

  World& world_;
  const RunnablePlan& runnable_;
  const Plan& plan_;
  const Durations& durations_;
  const Loads& loads_;
  Pacer pacer_;
  WholeCalls calls_;
  EvaluationBuilder* out_ = nullptr;
  ResourceId id_;
  std::vector<StreamResource> streams_;
  std::vector<Meeting> meetings_;
  std::vector<std::uint32_t> event_waiter_;  ///< head of the list of streams that wait for an event
  std::vector<std::uint8_t> recorded_;
  std::vector<std::uint32_t> next_;  ///< per stream: the list it stands in
  std::vector<std::uint32_t> ready_;
  RankSpeeds speeds_;
  std::vector<std::vector<std::uint32_t>> streams_of_;  ///< per rank
  HeldUpTable held_up_, held_up_before_;                ///< in the latest run, and in those before it
  std::function<void(SimTime)> ended_;
  std::function<void(LinkId)> lost_;
  SimTime started_ = 0;
  std::size_t unfinished_ = 0;  ///< streams
};

}  // namespace orrery::sim
