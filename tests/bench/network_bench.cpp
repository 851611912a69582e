// Cost of pricing collectives in closed form, of max-min rates, and of an engine's iteration on shared links.
#include <cstdint>
#include <vector>

#include <benchmark/benchmark.h>

#include "hardware/catalogue/catalogue.hpp"
#include "hardware/cluster.hpp"
#include "sim/collective/model.hpp"
#include "sim/network/flow_network.hpp"

namespace orrery::sim {
namespace {

hardware::Cluster h100_cluster() {
  hardware::Cluster c;
  c.groups.resize(1);
  c.groups[0].gpu.generation = hardware::load_generation("hopper");
  c.groups[0].gpu.nvlink_bandwidth = BytesPerSecond{450e9};
  c.groups[0].gpu.pcie_bandwidth = BytesPerSecond{64e9};
  c.groups[0].node.gpus = 8;
  c.groups[0].node.nvswitch = true;
  c.groups[0].node.in_network_reduction = true;
  c.groups[0].node.nics = 8;
  c.groups[0].node.nic_bandwidth = BytesPerSecond{50e9};
  c.groups[0].node.pcie_bandwidth = BytesPerSecond{64e9};
  c.groups[0].count = 128;
  hardware::Fit fit;
  fit.key = "nccl/all_gather/8";
  const ProtocolLaw law{Seconds{1e-5}, Seconds{1e-6}, Seconds{-4e-6}, Seconds{2e-5}, BytesPerSecond{350e9}};
  for (const char* name : {"ring_ll", "ring_ll128", "ring_simple"}) add_law(law, name, fit);
  c.groups[0].gpu.fits.push_back(fit);
  return c;
}

void price(benchmark::State& state, CollectiveKind kind, int ranks, int nodes) {
  const hardware::Cluster cluster = h100_cluster();
  const CollectiveModel model(cluster.site(0));
  double bytes = 1e6;
  for (auto _ : state) {
    benchmark::DoNotOptimize(model.time({kind, Bytes{bytes}, ranks, nodes}));
    bytes += 1.0;
  }
}

void ring_closed_form(benchmark::State& state) {
  const hardware::Cluster cluster = h100_cluster();
  const CollectiveConstants constants = timing_constants(cluster.site(0), 128, 16);
  const CollectiveRow row = ring_row();
  double bytes = 1e6;
  for (auto _ : state) {
    benchmark::DoNotOptimize(row.time({CollectiveKind::all_gather, Bytes{bytes}, 128, 16}, cluster.site(0), constants));
    bytes += 1.0;
  }
}

// All-to-all over a star of `hosts`; sizes ±20 % where `unequal`.
void all_to_all(benchmark::State& state, bool unequal, double batch) {
  const auto hosts = static_cast<std::uint32_t>(state.range(0));
  std::uint64_t flows = 0;
  for (auto _ : state) {
    const std::vector<BytesPerSecond> capacities(2 * hosts, BytesPerSecond{50e9});
    FlowNetwork network(capacities, {batch});
    std::uint64_t tag = 0, random = 1;
    for (std::uint32_t s = 0; s < hosts; ++s) {
      for (std::uint32_t d = 0; d < hosts; ++d) {
        if (s == d) continue;
        random = random * 6364136223846793005ull + 1442695040888963407ull;
        const double spread = unequal ? 0.8 + 0.4 * static_cast<double>(random >> 11) * 0x1p-53 : 1.0;
        const LinkUse route[] = {{s, 1.0}, {hosts + d, 1.0}};
        network.start({tag++, 1e6 * spread, 1.0, kUnlimited, route}, 0);
      }
    }
    flows += tag;
    std::vector<FlowEnd> done;
    for (SimTime next = network.next_completion(); next != kNever; next = network.next_completion()) {
      done.clear();
      network.advance(next, done);
    }
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(flows));
}

// Engines whose iterations are one flow each over their own port and a leaf's uplink that all share; the next
// iteration starts when one ends. `load` is what all of them together ask of the uplink.
void engines(benchmark::State& state, double load) {
  const auto count = static_cast<std::uint32_t>(state.range(0));
  std::vector<BytesPerSecond> capacities(count + 1, BytesPerSecond{50e9});
  capacities[count] = BytesPerSecond{20e9 * count / load};
  FlowNetwork network(capacities);
  std::uint64_t random = 1;
  const auto start = [&](std::uint64_t engine, SimTime now) {
    random = random * 6364136223846793005ull + 1442695040888963407ull;
    const LinkUse uses[] = {{static_cast<std::uint32_t>(engine), 0.02}, {count, 0.02}};
    network.start({engine, 20e9 + static_cast<double>(random >> 30), 1.0, 1.0, uses}, now);
  };
  for (std::uint32_t e = 0; e < count; ++e) start(e, 0);
  std::vector<FlowEnd> done;
  std::int64_t iterations = 0;
  for (auto _ : state) {
    const SimTime now = network.next_completion();
    done.clear();
    network.advance(now, done);
    for (const FlowEnd& flow : done) start(flow.tag, now);
    iterations += static_cast<std::int64_t>(done.size());
  }
  state.SetItemsProcessed(iterations);
}

BENCHMARK_CAPTURE(engines, on_a_slack_link, 0.5)->Arg(8)->Arg(64);
BENCHMARK_CAPTURE(engines, on_a_full_link, 1.5)->Arg(8)->Arg(64);
BENCHMARK(ring_closed_form);
BENCHMARK_CAPTURE(price, fitted_one_node, CollectiveKind::all_gather, 8, 1);
BENCHMARK_CAPTURE(price, all_gather_16_nodes, CollectiveKind::all_gather, 128, 16);
BENCHMARK_CAPTURE(price, all_reduce_16_nodes, CollectiveKind::all_reduce, 128, 16);
BENCHMARK_CAPTURE(all_to_all, equal, false, 0.0)->Arg(64)->Arg(512)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(all_to_all, unequal_exact, true, 0.0)->Arg(64)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(all_to_all, unequal_batch_1_per_mille, true, 0.001)->Arg(64)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(all_to_all, unequal_batch_1_percent, true, 0.01)->Arg(64)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace orrery::sim
