// Compiling a Plan to a register program, and running it.
//
// Measured on 2 shared cores (see tests/bench/history/engine.csv for dated rows): a pass over the frozen
// program runs at several hundred million operations per second, against tens of millions for a walk that
// looks at the plan's own steps.
#include <algorithm>
#include <array>
#include <stdexcept>

#include "sim/evaluate.hpp"
#include "sim/plan_walk.hpp"
#include "sim/timeline_recorder.hpp"

namespace orrery::sim {

/// A visitor of the walk that emits instructions. Each stream holds up to two registers, the end of its
/// last operation and a time it has waited for; their maximum is where the stream stands.
class FrozenPlan::Compiler {
 public:
  Compiler(const Plan& plan, FrozenPlan& out)
      : plan_(plan), out_(out), held_(plan.streams.size()), event_(plan.events), waits_left_(plan.events, 0) {
    for (const Stream& stream : plan.streams) {
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

  void operate(const std::uint32_t* streams, std::size_t count, Step step) {
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
    const std::uint32_t end = emit(first, second, duration_index(step));
    ++out_.operations_;
    users_[end] = static_cast<std::uint32_t>(count);
    for (std::size_t i = 0; i < count; ++i) held_[streams[i]] = {end, 0};
  }

  [[nodiscard]] std::uint32_t duration_index(Step step) const {
    std::size_t offset = 1;
    if (step.kind == StepKind::launch) return static_cast<std::uint32_t>(offset + step.index);
    offset += plan_.kernels.size();
    if (step.kind == StepKind::collective) return static_cast<std::uint32_t>(offset + step.index);
    offset += plan_.collectives.size();
    if (step.kind != StepKind::copy) return static_cast<std::uint32_t>(offset + step.index);
    return static_cast<std::uint32_t>(offset + plan_.transfers.size() + step.index);
  }

  const Plan& plan_;
  FrozenPlan& out_;
  std::vector<Held> held_;
  std::vector<std::uint32_t> event_;       ///< register of a recorded event
  std::vector<std::uint32_t> waits_left_;  ///< per event
  std::vector<std::uint32_t> users_{0};    ///< per register
  std::vector<std::uint32_t> free_;        ///< last freed first: still in cache
};

FrozenPlan::FrozenPlan(const Plan& plan) {
  const RunControl control;
  Pacer pacer(control);
  require_runnable(plan, control);
  tables_ = {plan.kernels.size(), plan.collectives.size(), plan.transfers.size(), plan.copies.size()};
  Compiler compiler(plan, *this);
  (void)walk(plan, link(plan, pacer), compiler, pacer);
  compiler.finish();
}

std::size_t FrozenPlan::duration_count() const {
  return 1 + tables_.kernels + tables_.collectives + tables_.transfers + tables_.copies;
}

template <class Time>
void FrozenPlan::load_durations(const Durations& durations, Time* table, std::size_t stride) const {
  if (durations.kernels.size() != tables_.kernels || durations.collectives.size() != tables_.collectives ||
      durations.transfers.size() != tables_.transfers || durations.copies.size() != tables_.copies) {
    throw std::invalid_argument("the durations are not those of this plan: the tables have other sizes");
  }
  *table = Time{0};
  for (const std::vector<SimTime>* part :
       {&durations.kernels, &durations.collectives, &durations.transfers, &durations.copies}) {
    for (const SimTime duration : *part) *(table += stride) = static_cast<Time>(duration);
  }
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
  load_durations(durations, table, 1);
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
  std::vector<TimeBatch> table(duration_count());
  std::vector<TimeBatch> registers(registers_);
  for (std::size_t begin = 0; begin < durations.size(); begin += kBatch) {
    const std::size_t count = std::min(kBatch, durations.size() - begin);
    for (std::size_t i = 0; i < count; ++i) load_durations(durations[begin + i], table.data()->data() + i, kBatch);
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
