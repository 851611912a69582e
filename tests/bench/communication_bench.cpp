// How long an exchange of a whole cluster takes to predict as a job on its World: lowering, its messages between all
// nodes, links that are alike folded, and the run. What network_bench.cpp has as a flow for each pair is one here.
#include <memory>
#include <optional>

#include <benchmark/benchmark.h>

#include "hardware/catalogue/catalogue.hpp"
#include "hardware/topology/topology.hpp"
#include "models/communication/communication_run.hpp"
#include "models/world_run.hpp"

namespace orrery::models {
namespace {

// One GPU of each of so many nodes, or all eight.
void all_to_all_as_a_job(benchmark::State& state, int gpus_per_node) {
  CommunicationJob job;
  job.cluster = hardware::make_cluster("dgx_h100", "fat_tree_ndr", static_cast<int>(state.range(0)));
  job.operation = "all_to_all";
  job.bytes = Bytes{512e6};
  job.gpus_per_node = gpus_per_node;
  const auto timer = kernels::timers()[0].make();
  const hardware::Topology topology(job.cluster);
  Seconds time;
  for (auto _ : state) {
    CommunicationRun run(job, *timer, {}, false);
    std::optional<sim::LinkClasses> links;
    (void)run_on_cluster(job.cluster, &topology, {{&run, Seconds{}, std::nullopt}}, {}, {}, links);
    benchmark::DoNotOptimize(time = run.times()[0]);
  }
  state.counters["time_ms"] = time.value() * 1e3;
}

BENCHMARK_CAPTURE(all_to_all_as_a_job, one_card, 1)->Arg(64)->Arg(512)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(all_to_all_as_a_job, whole_nodes, 8)->Arg(512)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace orrery::models
