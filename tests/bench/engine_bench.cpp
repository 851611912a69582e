// Speed of the engine, as it ships: cancellation, statistics and typed resources included.
//
//   hold         N pending events; each event that fires schedules its resource again (Jones 1986)
//   hold_queue   the same on a queue alone: the engine's, and the one that it was chosen against
//   cancel       the same, and every fourth event also moves another resource's event
//   processes    the hold model as coroutines
//   makespan     a pass over a frozen plan of the size of a training step
//   evaluate     the same plans with a timeline, and for their busy times alone
//   plan_run     the same plans on a World's clock
//
// Increments are exponential, drawn from a table: the numbers are the engine's, not the logarithm's.
// Figures are items per second of CPU time; take medians of at least five repetitions:
//   orrery_bench --benchmark_repetitions=7 --benchmark_report_aggregates_only=true
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <random>
#include <vector>

#include <benchmark/benchmark.h>

#include "sim/plan/evaluate.hpp"
#include "sim/plan/frozen.hpp"
#include "sim/plan/run.hpp"
#include "sim/process.hpp"
#include "sim/simulator.hpp"
#include "tests/bench/packed_heap.hpp"

namespace orrery::sim {
namespace {

/// Exponential increments with a mean of 1 µs.
const std::vector<std::uint32_t>& increments() {
  static const std::vector<std::uint32_t> table = [] {
    std::mt19937_64 random(1);
    std::vector<std::uint32_t> t(4096);
    for (std::uint32_t& x : t) {
      const double u = (static_cast<double>(random() >> 11) + 0.5) * 0x1p-53;
      x = static_cast<std::uint32_t>(1.0 - 1e6 * std::log(u));
    }
    return t;
  }();
  return table;
}

struct Holder final : Resource {
  Simulator* simulator = nullptr;
  Holder* other = nullptr;  ///< whose event every fourth firing moves
  std::uint64_t* left = nullptr;
  std::uint32_t draw = 0;
  ResourceId id;

  void fire(SimTime) override {
    const std::uint32_t delay = increments()[draw++ % 4096];
    simulator->after(delay, id);
    if (other != nullptr && draw % 4 == 0) simulator->after(delay / 2, other->id);
    if (--*left == 0) simulator->stop();
  }
};

template <bool kCancel>
void hold(benchmark::State& state) {
  const auto pending = static_cast<std::size_t>(state.range(0));
  const std::uint64_t batch = std::max<std::uint64_t>(pending, 200'000);
  auto simulator = std::make_unique<Simulator>();
  std::vector<Holder> holders(pending);
  std::uint64_t left = 0;
  std::mt19937_64 random(2);
  for (std::size_t i = 0; i < pending; ++i) {
    Holder& h = holders[i];
    h.simulator = simulator.get();
    h.left = &left;
    h.draw = static_cast<std::uint32_t>(random());
    h.other = kCancel ? &holders[random() % pending] : nullptr;
    h.id = simulator->add(h);
    simulator->after(increments()[h.draw++ % 4096], h.id);
  }
  const auto fire = [&](std::uint64_t events) {
    left = events;
    simulator->run();
  };
  fire(2 * pending);  // until the queue has its steady shape
  for (auto _ : state) fire(batch);
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(batch));
}

void hold_radix(benchmark::State& state) { hold<false>(state); }
void cancel_radix(benchmark::State& state) { hold<true>(state); }
BENCHMARK(hold_radix)->Arg(16)->Arg(1000)->Arg(100'000)->Arg(1'000'000);
BENCHMARK(cancel_radix)->Arg(1000)->Arg(100'000);

/// The hold model on a queue alone: what comes out goes in again.
template <class Queue>
void hold_queue(benchmark::State& state) {
  const auto pending = static_cast<std::uint64_t>(state.range(0));
  Queue queue;
  std::uint64_t sequence = 0;
  for (; sequence < pending; ++sequence) queue.push(increments()[sequence % 4096], sequence);
  for (auto _ : state) {
    const QueuedEvent event = queue.pop();
    queue.push(event.time + increments()[sequence % 4096], sequence);
    ++sequence;
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(hold_queue<RadixHeap>)->Arg(16)->Arg(1000)->Arg(100'000)->Arg(1'000'000);
BENCHMARK(hold_queue<PackedHeap>)->Arg(16)->Arg(1000)->Arg(100'000)->Arg(1'000'000);

Process holder(Simulator& simulator, std::uint64_t& left, std::uint32_t draw) {
  for (;;) {
    const Delay pause = delay(increments()[draw++ % 4096]);
    co_await pause;
    if (--left == 0) simulator.stop();
  }
}

void processes(benchmark::State& state) {
  const auto pending = static_cast<std::size_t>(state.range(0));
  const std::uint64_t batch = std::max<std::uint64_t>(pending, 200'000);
  auto simulator = std::make_unique<Simulator>();
  std::uint64_t left = 0;
  std::mt19937_64 random(3);
  for (std::size_t i = 0; i < pending; ++i)
    spawn(*simulator, holder(*simulator, left, static_cast<std::uint32_t>(random())));
  left = 2 * pending;
  simulator->run();
  for (auto _ : state) {
    left = batch;
    simulator->run();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(batch));
}
BENCHMARK(processes)->Arg(16)->Arg(1000)->Arg(10'000)->Arg(100'000);

/// `streams` streams, four to a rank, of `launches` launches each; every third waits for its neighbour.
Plan layered_plan(std::uint32_t streams, std::uint32_t launches) {
  constexpr std::uint32_t kKernels = 64;
  Plan plan;
  plan.labels = {"kernel"};
  for (std::uint32_t k = 0; k < kKernels; ++k) {
    kernels::GemmShape shape;
    shape.m = shape.n = shape.k = 128 * (static_cast<std::int64_t>(k) + 1);
    KernelEntry& entry = plan.kernels.emplace_back();
    entry.kernel = shape;
    entry.label = LabelId(0);
    entry.activity = Activity::forward;
  }
  plan.ranks.assign(streams / 4, {"rank", {0}, 0});
  std::mt19937_64 random(4);
  for (std::uint32_t s = 0; s < streams; ++s) {
    plan.streams.push_back({RankId(s / 4), {LaneKind::communication, static_cast<std::uint8_t>(s % 4)}, {}});
    std::vector<Step>& steps = plan.streams.back().steps;
    const std::uint32_t neighbour = s / 4 * 4 + (s + 1) % 4;
    for (std::uint32_t i = 0; i < launches; ++i) {
      if (i > 0 && i % 3 == 0) steps.push_back({StepKind::wait, (i / 3 - 1) * streams + neighbour});
      steps.push_back({StepKind::launch, static_cast<std::uint32_t>(random() % kKernels)});
      if (i % 3 == 2) steps.push_back({StepKind::record, i / 3 * streams + s});
    }
  }
  plan.events = launches / 3 * streams;
  return plan;
}

Durations layered_durations() {
  std::mt19937_64 random(5);
  Durations durations;
  for (int i = 0; i < 64; ++i) durations.kernels.push_back(1000 + random() % 100'000);
  return durations;
}

void makespan(benchmark::State& state) {
  const RunnablePlan plan(
      layered_plan(static_cast<std::uint32_t>(state.range(0)), static_cast<std::uint32_t>(state.range(1))));
  const FrozenPlan frozen(plan);
  const Durations durations = layered_durations();
  std::vector<SimTime> scratch;
  for (auto _ : state) benchmark::DoNotOptimize(frozen.makespan(durations, scratch));
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(frozen.step_count()));
}
BENCHMARK(makespan)->Args({2048, 5000})->Args({128, 5000})->Unit(benchmark::kMillisecond);

void makespan_of_eight(benchmark::State& state) {
  const RunnablePlan plan(
      layered_plan(static_cast<std::uint32_t>(state.range(0)), static_cast<std::uint32_t>(state.range(1))));
  const FrozenPlan frozen(plan);
  const std::vector<Durations> durations(8, layered_durations());
  for (auto _ : state) benchmark::DoNotOptimize(frozen.makespans(durations));
  state.SetItemsProcessed(state.iterations() * 8 * static_cast<std::int64_t>(frozen.step_count()));
}
BENCHMARK(makespan_of_eight)->Args({2048, 5000})->Args({128, 5000})->Unit(benchmark::kMillisecond);

void evaluate_plan(benchmark::State& state, bool timeline) {
  const auto streams = static_cast<std::uint32_t>(state.range(0));
  const auto launches = static_cast<std::uint32_t>(state.range(1));
  const RunnablePlan plan(layered_plan(streams, launches));
  const Durations durations = layered_durations();
  const ActivitySet sets[] = {activity_set({Activity::forward})};
  for (auto _ : state) benchmark::DoNotOptimize(evaluate(plan, durations, {timeline, sets}).makespan);
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(streams) * launches);
}
BENCHMARK_CAPTURE(evaluate_plan, timeline, true)->Args({128, 5000})->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(evaluate_plan, busy_times, false)
    ->Args({128, 5000})
    ->Args({2048, 300})
    ->Unit(benchmark::kMillisecond);

/// Each operation an event of the clock, nothing shared.
void plan_run(benchmark::State& state) {
  const auto streams = static_cast<std::uint32_t>(state.range(0));
  const auto launches = static_cast<std::uint32_t>(state.range(1));
  const RunnablePlan plan(layered_plan(streams, launches));
  const Durations durations = layered_durations();
  const Loads none;
  for (auto _ : state) {
    World world;
    PlanRun run(world, plan, durations, none);
    run.start(0, [](SimTime) {});
    benchmark::DoNotOptimize(world.clock().run());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(streams) * launches);
}
BENCHMARK(plan_run)->Args({128, 5000})->Args({2048, 300})->Unit(benchmark::kMillisecond);

void check_and_link_plan(benchmark::State& state) {
  const Plan plan =
      layered_plan(static_cast<std::uint32_t>(state.range(0)), static_cast<std::uint32_t>(state.range(1)));
  for (auto _ : state) benchmark::DoNotOptimize(RunnablePlan(plan).step_count());
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(plan.step_count()));
}
BENCHMARK(check_and_link_plan)->Args({128, 5000})->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace orrery::sim
