// Cost of pricing collectives in closed form, of max-min rates, of an engine's iteration on shared links, and of rings
// in chunks.
#include <cstdint>
#include <vector>

#include <benchmark/benchmark.h>

#include "hardware/catalogue/catalogue.hpp"
#include "hardware/cluster.hpp"
#include "sim/collective/chunks.hpp"
#include "sim/collective/model.hpp"
#include "sim/network/flow_network.hpp"
#include "sim/network/world.hpp"
#include "sim/plan/durations.hpp"
#include "tests/bench/exchange_sizes.hpp"

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

// What a plan's steps ask: a collective is priced once for all steps that are alike.
void price_again(benchmark::State& state) {
  Plan plan;
  Durations durations;
  for (SimTime i = 0; i < 64; ++i) {
    plan.collectives.emplace_back();
    durations.collectives.push_back(1000 + i);
  }
  std::uint32_t index = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(step_price(plan, durations, {StepKind::collective, index++ % 64u}, 0).duration);
  }
}

using bench::Sizes;
constexpr BytesPerSecond kPort{bench::kPortBytesPerSecond};

/// Runs until nothing is left; `each` is told of every flow that ends.
template <class Each>
SimTime run_to_end(FlowNetwork& network, Each each) {
  std::vector<FlowEnd> done;
  SimTime now = 0;
  for (SimTime next = network.next_completion(); next != kNever; next = network.next_completion()) {
    done.clear();
    network.advance(now = next, done);
    for (const FlowEnd& flow : done) each(flow, now);
  }
  return now;
}

/// All-to-all over a star of `hosts` from `now` on, a flow for each pair; sizes ±20 % where `unequal`. Its end.
SimTime exchange(FlowNetwork& network, std::uint32_t hosts, bool unequal, SimTime now) {
  Sizes sizes;
  std::uint64_t tag = 0;
  for (std::uint32_t s = 0; s < hosts; ++s) {
    for (std::uint32_t d = 0; d < hosts; ++d) {
      if (s == d) continue;
      const LinkUse route[] = {{s, 1.0}, {hosts + d, 1.0}};
      network.start({tag++, bench::kMessageBytes * sizes.spread(unequal ? 0.2 : 0.0), 1.0, kUnlimited, route}, now);
    }
  }
  return run_to_end(network, [](const FlowEnd&, SimTime) {});
}

// `of_exact`: the makespan over the exact one, to be within 0.2 %.
void all_to_all(benchmark::State& state, bool unequal, double batch) {
  const auto hosts = static_cast<std::uint32_t>(state.range(0));
  const std::vector<BytesPerSecond> capacities(2 * hosts, kPort);
  SimTime end = 0;
  for (auto _ : state) {
    FlowNetwork network(capacities, {batch});
    end = exchange(network, hosts, unequal, 0);
    state.counters["solutions"] = static_cast<double>(network.solutions());
  }
  if (batch > 0.0) {
    FlowNetwork exact(capacities);
    state.counters["of_exact"] = static_cast<double>(end) / static_cast<double>(exchange(exact, hosts, unequal, 0));
  }
  state.counters["makespan_ms"] = to_seconds(end).value() * 1e3;
  state.SetItemsProcessed(state.iterations() * hosts * (hosts - 1));
}

// In a network that has its memory, as a simulation's has from its first exchange on.
void all_to_all_again(benchmark::State& state) {
  const auto hosts = static_cast<std::uint32_t>(state.range(0));
  FlowNetwork network(std::vector<BytesPerSecond>(2 * hosts, kPort));
  SimTime now = exchange(network, hosts, false, 0);
  for (auto _ : state) now = exchange(network, hosts, false, now);
  state.SetItemsProcessed(state.iterations() * hosts * (hosts - 1));
}

// The same with a flow for each host, over its own port and a part of everybody's: 16.8 M uses of links by 4,096 flows
// that are not folded into one class.
void all_to_all_by_host(benchmark::State& state) {
  const auto hosts = static_cast<std::uint32_t>(state.range(0));
  const std::vector<BytesPerSecond> capacities(2 * hosts, kPort);
  for (auto _ : state) {
    FlowNetwork network(capacities);
    for (std::uint32_t s = 0; s < hosts; ++s) {
      std::vector<LinkUse> uses{{s, 1.0}};
      for (std::uint32_t d = 0; d < hosts; ++d) {
        if (d != s) uses.push_back({hosts + d, 1.0 / (hosts - 1)});
      }
      network.start({s, 1e6 * (hosts - 1), 1.0, kUnlimited, uses}, 0);
    }
    benchmark::DoNotOptimize(run_to_end(network, [](const FlowEnd&, SimTime) {}));
  }
  state.SetItemsProcessed(state.iterations() * hosts);
}

// Steps of a ring over a fat tree with 32 hosts a leaf, sizes ±10 %: a host sends when it has sent and received before.
void ring_on_a_fat_tree(benchmark::State& state) {
  constexpr std::uint32_t kLeaf = 32, kSteps = 16;
  const auto hosts = static_cast<std::uint32_t>(state.range(0));
  std::vector<BytesPerSecond> capacities(2 * hosts, kPort);
  capacities.resize(capacities.size() + 2 * (hosts / kLeaf), kPort * double{kLeaf});
  for (auto _ : state) {
    FlowNetwork network(capacities);
    Sizes sizes;
    std::vector<std::uint32_t> begun(hosts, 0), sent(hosts, 0), received(hosts, 0);
    const auto send = [&](std::uint32_t host, SimTime now) {
      if (begun[host] == kSteps || sent[host] < begun[host] || received[host] < begun[host]) return;
      ++begun[host];
      const std::uint32_t to = (host + 1) % hosts;
      std::vector<LinkUse> route{{host, 1.0}, {hosts + to, 1.0}};
      if (host / kLeaf != to / kLeaf) {
        route.push_back({2 * hosts + host / kLeaf, 1.0});
        route.push_back({2 * hosts + hosts / kLeaf + to / kLeaf, 1.0});
      }
      network.start({host, 1e6 * sizes.spread(0.1), 1.0, kUnlimited, route}, now);
    };
    for (std::uint32_t host = 0; host < hosts; ++host) send(host, 0);
    benchmark::DoNotOptimize(run_to_end(network, [&](const FlowEnd& flow, SimTime now) {
      const auto host = static_cast<std::uint32_t>(flow.tag), to = (host + 1) % hosts;
      ++sent[host];
      ++received[to];
      send(host, now);
      send(to, now);
    }));
  }
  state.SetItemsProcessed(state.iterations() * hosts * kSteps);
}

struct NobodyListens final : Completion {
  void completed(std::uint64_t, SimTime, const HeldUp&) override {}
};

// A ring all-reduce of 1 GB over 4,096 GPUs in chunks, at 50 GB/s a hop: where all are alike one hop stands for all;
// with one card at half its rate every GPU is another one.
void ring_in_chunks(benchmark::State& state, std::uint32_t hops, double slowest) {
  constexpr int kRanks = 4096;
  Choice choice;
  choice.row = &collective_algorithms().front();
  choice.channels = 16;
  const CollectiveCall call{CollectiveKind::all_reduce, Bytes{1e9}, kRanks, kRanks / 8};
  const auto chunks = chunks_of(choice, call);
  if (!chunks) return state.SkipWithError("no ring");
  MessageGraph ring;
  ring.steps = chunks->steps, ring.rounds = chunks->rounds, ring.slices = chunks->slices, ring.window = chunks->window;
  ring.lag = ring.slices;
  for (std::uint32_t h = 0; h < hops; ++h) ring.hops.push_back({{{h, 0.05}}, {h > 0 ? h - 1 : hops - 1}});
  std::vector<BytesPerSecond> capacities(hops, kPort);
  capacities[0] = kPort * slowest;
  // Bytes on the wire at the port's rate, and 2 µs a step.
  const SimTime work = to_sim_time(call.bytes * bus_factor(call.kind, kRanks) / kPort);
  const SimTime alone = work + 2'000'000 * SimTime{ring.steps};
  SimTime end = 0;
  for (auto _ : state) {
    World world(capacities);
    NobodyListens nobody;
    Operation operation;
    operation.alone = alone, operation.work = work, operation.messages = &ring;
    (void)world.start(operation, nobody, 0);
    end = world.clock().run();
  }
  state.counters["of_closed_form"] =
      static_cast<double>(end) / (static_cast<double>(alone - work) + static_cast<double>(work) / slowest);
  state.SetItemsProcessed(state.iterations() * hops * static_cast<std::int64_t>(ring.messages()));
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
BENCHMARK(price_again);
BENCHMARK_CAPTURE(price, fitted_one_node, CollectiveKind::all_gather, 8, 1);
BENCHMARK_CAPTURE(price, all_gather_16_nodes, CollectiveKind::all_gather, 128, 16);
BENCHMARK_CAPTURE(price, all_reduce_16_nodes, CollectiveKind::all_reduce, 128, 16);
BENCHMARK_CAPTURE(all_to_all, equal, false, 0.0)->Arg(64)->Arg(512)->Unit(benchmark::kMillisecond);
BENCHMARK(all_to_all_again)->Arg(64)->Arg(512)->Unit(benchmark::kMillisecond);
BENCHMARK(all_to_all_by_host)->Arg(4096)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(all_to_all, unequal_exact, true, 0.0)->Arg(64)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(all_to_all, unequal_batch_1_per_mille, true, 0.001)->Arg(64)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(all_to_all, unequal_batch_3_per_mille, true, 0.003)->Arg(64)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(all_to_all, unequal_batch_1_percent, true, 0.01)->Arg(64)->Unit(benchmark::kMillisecond);
BENCHMARK(ring_on_a_fat_tree)->Arg(4096)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(ring_in_chunks, folded, 1, 1.0)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(ring_in_chunks, one_degraded_card, 4096, 0.5)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace orrery::sim
