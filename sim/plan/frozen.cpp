// Compiling a Plan to a register program, and running it.
//
// Measured on 2 shared cores (see tests/bench/history/engine.csv for dated rows): a pass over the frozen
// program runs at several hundred million operations per second, against tens of millions for a walk that
// looks at the plan's own steps.
#include "sim/plan/frozen.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <stdexcept>

#include "sim/plan/walk.hpp"

namespace orrery::sim {

// A visitor of the walk that emits instructions. Each stream holds up to two registers, the end of its
/// last operation and a time it has waited for; their maximum is where the stream stands.
class FrozenPlan::Compiler {
 public:
  Compiler(const RunnablePlan& runnable, FrozenPlan& out)
      : runnable_(runnable),
        plan_(runnable.plan()),
        out_(out),
        held_(plan_.streams.size()),
        event_(plan_.events),
        waits_left_(plan_.events, 0),
        known_paths_(plan_.blocks.size() * gpu_classes(plan_), kNoPaths) {
    kernels_ = plan_.kernels.size() * gpu_classes(plan_);
    out_.duration_count_ = 1 + kernels_ + plan_.collectives.size() + plan_.transfers.size() + plan_.copies.size();
    for (const Stream& stream : plan_.streams) {
      for (const Step step : stream.steps) {
        if (step.kind == StepKind::wait) ++waits_left_[step.index];
      }
    }
  }

  void alone(std::uint32_t stream, std::size_t, Step step) { operate(&stream, 1, step); }

  void meet(const std::vector<std::uint32_t>& streams, const std::vector<std::size_t>&, Step step) {
    operate(streams.data(), streams.size(), step);
  }

  void instant(std::uint32_t stream, std::size_t, Step step) {
    if (step.kind == StepKind::record && waits_left_[step.index] > 0) {
      flatten(held_[stream]);
      event_[step.index] = held_[stream].end;
      take(event_[step.index]);
    } else if (step.kind == StepKind::wait) {
      wait(held_[stream], event_[step.index]);
      if (--waits_left_[step.index] == 0) drop(event_[step.index]);
    }
  }

  void finish() {
    for (Held& held : held_) {
      out_.results_.push_back(held.end);
      out_.results_.push_back(held.waited);
    }
    std::sort(out_.results_.begin(), out_.results_.end());
    out_.results_.erase(std::unique(out_.results_.begin(), out_.results_.end()), out_.results_.end());
    out_.registers_ = static_cast<std::uint32_t>(users_.size());
    if (users_.size() <= kNarrow && out_.duration_count() <= kNarrow) narrow();
  }

 private:
  struct Held {
    std::uint32_t end = 0;
    std::uint32_t waited = 0;  ///< 0: nothing, the start is never later
  };

  static constexpr std::size_t kNarrow = 65536;

  void narrow() {
    const auto cut = [](std::uint32_t index) { return static_cast<std::uint16_t>(index); };
    out_.narrow_.reserve(out_.wide_.size());
    for (const auto& i : out_.wide_) {
      out_.narrow_.push_back({cut(i.target), cut(i.first), cut(i.second), cut(i.duration)});
    }
    out_.wide_ = {};
  }

  void take(std::uint32_t reg) {
    if (reg != 0) ++users_[reg];
  }

  void drop(std::uint32_t reg) {
    if (reg != 0 && --users_[reg] == 0) free_.push_back(reg);
  }

  /// max(first, second) + duration in a new register with one user; gives up one use of both operands.
  std::uint32_t emit(std::uint32_t first, std::uint32_t second, std::uint32_t duration) {
    drop(first);
    drop(second);
    std::uint32_t target = 0;
    if (free_.empty()) {
      target = static_cast<std::uint32_t>(users_.size());
      users_.push_back(0);
    } else {
      target = free_.back();
      free_.pop_back();
    }
    users_[target] = 1;
    out_.wide_.push_back({target, first, second, duration});
    return target;
  }

  void flatten(Held& held) {
    if (held.waited == 0) return;
    held.end = held.end == 0 ? held.waited : emit(held.end, held.waited, 0);
    held.waited = 0;
  }

  void wait(Held& held, std::uint32_t reg) {
    if (reg == 0 || reg == held.end || reg == held.waited) return;
    flatten(held);
    take(reg);
    held.waited = reg;
  }

  /// The number of the block's paths on GPUs of that class.
  std::size_t paths_of(std::uint32_t block, std::uint32_t gpu_class) {
    std::size_t& known = known_paths_[gpu_class * plan_.blocks.size() + block];
    if (known == kNoPaths) {
      known = out_.paths_.size();
      out_.paths_.push_back({block, gpu_class, out_.duration_count_});
      const std::size_t parts = runnable_.block(block).parts();
      out_.duration_count_ += parts * parts;
    }
    return known;
  }

  void call(const std::uint32_t* streams, std::size_t count, Step step) {
    const std::uint32_t number = plan_.calls[step.index].block;
    const Block& block = plan_.blocks[number];
    const BlockOrder& order = runnable_.block(number);
    const std::uint32_t gpu_class = plan_.ranks[plan_.streams[streams[0]].rank.index()].gpu_class;
    const std::size_t first = out_.paths_[paths_of(number, gpu_class)].first;
    std::vector<std::uint32_t> of_part(count), before(count), after(count);
    for (std::size_t i = 0; i < count; ++i) {
      of_part[static_cast<std::size_t>(find_part(block, plan_.streams[streams[i]].lane) - block.parts.data())] =
          streams[i];
    }
    for (std::size_t in = 0; in < count; ++in) {
      flatten(held_[of_part[in]]);
      before[in] = held_[of_part[in]].end;
    }
    for (std::size_t out = 0; out < count; ++out) {
      std::uint32_t latest = 0;
      bool any = false;
      for (std::size_t in = 0; in < count; ++in) {
        if (!order.reaches(in, out)) continue;
        take(before[in]);
        const std::uint32_t path = emit(before[in], 0, static_cast<std::uint32_t>(first + in * count + out));
        latest = any ? emit(latest, path, 0) : path;
        any = true;
      }
      after[out] = latest;
    }
    ++out_.operations_;
    for (std::size_t part = 0; part < count; ++part) {
      drop(before[part]);
      held_[of_part[part]] = {after[part], 0};
    }
  }

  void operate(const std::uint32_t* streams, std::size_t count, Step step) {
    if (step.kind == StepKind::call) return call(streams, count, step);
    std::uint32_t first = held_[streams[0]].end;
    std::uint32_t second = held_[streams[0]].waited;
    for (std::size_t i = 1; i < count; ++i) {
      for (const std::uint32_t reg : {held_[streams[i]].end, held_[streams[i]].waited}) {
        if (reg == 0 || reg == first || reg == second) {
          drop(reg);
        } else if (second == 0) {
          second = reg;
        } else if (first == 0) {
          first = reg;
        } else {
          first = emit(first, second, 0);
          second = reg;
        }
      }
    }
    const std::uint32_t end =
        emit(first, second, duration_index(step, plan_.ranks[plan_.streams[streams[0]].rank.index()].gpu_class));
    ++out_.operations_;
    users_[end] = static_cast<std::uint32_t>(count);
    for (std::size_t i = 0; i < count; ++i) held_[streams[i]] = {end, 0};
  }

  [[nodiscard]] std::uint32_t duration_index(Step step, std::uint32_t gpu_class) const {
    std::size_t offset = 1;
    if (step.kind == StepKind::launch) {
      return static_cast<std::uint32_t>(offset + gpu_class * plan_.kernels.size() + step.index);
    }
    offset += kernels_;
    if (step.kind == StepKind::collective) return static_cast<std::uint32_t>(offset + step.index);
    offset += plan_.collectives.size();
    if (step.kind != StepKind::copy) return static_cast<std::uint32_t>(offset + step.index);
    return static_cast<std::uint32_t>(offset + plan_.transfers.size() + step.index);
  }

  static constexpr std::size_t kNoPaths = std::numeric_limits<std::size_t>::max();

  const RunnablePlan& runnable_;
  const Plan& plan_;
  FrozenPlan& out_;
  std::vector<Held> held_;
  std::vector<std::uint32_t> event_;       ///< register of a recorded event
  std::vector<std::uint32_t> waits_left_;  ///< per event
  std::vector<std::uint32_t> users_{0};    ///< per register
  std::vector<std::uint32_t> free_;        ///< last freed first: still in cache
  std::vector<std::size_t> known_paths_;   ///< by class and block
  std::size_t kernels_ = 0;                ///< table entries of kernels, all classes
};

FrozenPlan::FrozenPlan(const RunnablePlan& plan) : plan_(&plan) {
  const RunControl control;
  Pacer pacer(control);
  Compiler compiler(plan, *this);
  (void)walk(plan.plan(), plan.links(), compiler, pacer);
  compiler.finish();
}

template <class Time>
void FrozenPlan::load_paths(const BlockPaths& paths, const Durations& durations, Time* table, std::size_t stride,
                            Scratch& scratch) const {
  constexpr std::int64_t kNotReached = std::numeric_limits<std::int64_t>::min() / 2;
  const BlockOrder& order = plan_->block(paths.block);
  for (std::size_t in = 0; in < order.parts(); ++in) {
    scratch.lanes.assign(order.parts(), kNotReached);
    scratch.lanes[in] = 0;
    scratch.events.assign(plan_->plan().blocks[paths.block].events, kNotReached);
    for (const BlockStep& s : order.steps()) {
      std::int64_t& lane = scratch.lanes[s.part];
      if (s.step.kind == StepKind::record) {
        scratch.events[s.step.index] = lane;
      } else if (s.step.kind == StepKind::wait) {
        lane = std::max(lane, scratch.events[s.step.index]);
      } else if (is_timed(s.step.kind)) {
        const SimTime duration = step_price(plan_->plan(), durations, s.step, paths.gpu_class).duration;
        if (__builtin_add_overflow(lane, duration, &lane)) {
          throw TimeOverflow("simulated time exceeds 2^63 picoseconds (106 days) within one block");
        }
      }
    }
    for (std::size_t out = 0; out < order.parts(); ++out) {
      const std::int64_t longest = scratch.lanes[out];
      table[(paths.first + in * order.parts() + out) * stride] = static_cast<Time>(longest < 0 ? 0 : longest);
    }
  }
}

template <class Time>
void FrozenPlan::load_durations(const Durations& durations, Time* table, std::size_t stride, Scratch& scratch) const {
  require_durations_of(plan_->plan(), durations);
  Time* next = table;
  *next = Time{0};
  for (const std::vector<SimTime>* part :
       {&durations.kernels, &durations.collectives, &durations.transfers, &durations.copies}) {
    for (const SimTime duration : *part) *(next += stride) = static_cast<Time>(duration);
  }
  for (const BlockPaths& paths : paths_) load_paths(paths, durations, table, stride, scratch);
}

namespace {

constexpr std::size_t kBatch = 8;
using TimeBatch = std::array<double, kBatch>;

/// Runs the program in integers; returns whether a time wrapped.
template <class Program>
bool run(const Program& program, const SimTime* table, SimTime* registers) {
  std::uint64_t overflow = 0;
  for (const auto& instruction : program) {
    const SimTime start = std::max(registers[instruction.first], registers[instruction.second]);
    const SimTime end = start + table[instruction.duration];
    overflow |= static_cast<std::uint64_t>(end < start);
    registers[instruction.target] = end;
  }
  return overflow != 0;
}

template <class Program>
void run(const Program& program, const TimeBatch* table, TimeBatch* registers) {
  for (const auto& instruction : program) {
    const TimeBatch& first = registers[instruction.first];
    const TimeBatch& second = registers[instruction.second];
    const TimeBatch& duration = table[instruction.duration];
    TimeBatch end;
    for (std::size_t i = 0; i < kBatch; ++i) end[i] = (first[i] > second[i] ? first[i] : second[i]) + duration[i];
    registers[instruction.target] = end;
  }
}

}  // namespace

SimTime FrozenPlan::makespan(const Durations& durations, std::vector<SimTime>& scratch) const {
  const std::size_t table_size = duration_count();
  scratch.resize(table_size + registers_);
  SimTime* const table = scratch.data();
  SimTime* const registers = table + table_size;
  Scratch paths;
  load_durations(durations, table, 1, paths);
  registers[0] = 0;
  if (wide_.empty() ? run(narrow_, table, registers) : run(wide_, table, registers)) {
    throw TimeOverflow("simulated time exceeds 2^64 picoseconds (213 days)");
  }
  SimTime result = 0;
  for (const std::uint32_t reg : results_) result = std::max(result, registers[reg]);
  return result;
}

std::vector<SimTime> FrozenPlan::makespans(const std::vector<Durations>& durations) const {
  constexpr double kExact = 9007199254740992.0;  // 2^53
  std::vector<SimTime> result;
  result.reserve(durations.size());
  std::vector<SimTime> scratch;
  Scratch paths;
  std::vector<TimeBatch> table(duration_count());
  std::vector<TimeBatch> registers(registers_);
  for (std::size_t begin = 0; begin < durations.size(); begin += kBatch) {
    const std::size_t count = std::min(kBatch, durations.size() - begin);
    for (std::size_t i = 0; i < count; ++i)
      load_durations(durations[begin + i], table.data()->data() + i, kBatch, paths);
    registers[0].fill(0.0);
    wide_.empty() ? run(narrow_, table.data(), registers.data()) : run(wide_, table.data(), registers.data());
    for (std::size_t i = 0; i < count; ++i) {
      double last = 0.0;
      for (const std::uint32_t reg : results_) last = std::max(last, registers[reg][i]);
      // Durations are not negative, so nothing before the end was less exact than the end.
      result.push_back(last < kExact ? static_cast<SimTime>(last) : makespan(durations[begin + i], scratch));
    }
  }
  return result;
}

}  // namespace orrery::sim
