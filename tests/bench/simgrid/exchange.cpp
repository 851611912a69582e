// SimGrid on the all-to-all that network_bench.cpp asks of Orrery: a star of hosts, a message for each pair, max-min
// fair shares and nothing else (no latency, no TCP).
//
// SimGrid has one engine a process, so that each measurement is a child: the CPU time is the child's, from the empty
// platform to the end, as Orrery's is from the empty network. `makespan_ms` is to be that of the other.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <simgrid/s4u.hpp>
#include <string>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include <benchmark/benchmark.h>

#include "tests/bench/exchange_sizes.hpp"

namespace orrery::bench {
namespace {

namespace s4u = simgrid::s4u;

std::vector<s4u::Host*> star_of(std::uint32_t count) {
  s4u::NetZone* zone = s4u::create_star_zone("star");
  std::vector<s4u::Host*> hosts;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::string name = "host" + std::to_string(i);
    s4u::Host* host = zone->create_host(name, 1e9);
    const auto port = [&](const char* way) { return zone->create_link(name + way, kPortBytesPerSecond)->seal(); };
    zone->add_route(host->get_netpoint(), nullptr, nullptr, nullptr, {s4u::LinkInRoute(port("-out"))}, false);
    zone->add_route(nullptr, host->get_netpoint(), nullptr, nullptr, {s4u::LinkInRoute(port("-in"))}, false);
    hosts.push_back(host->seal());
  }
  zone->seal();
  return hosts;
}

/// The makespan in seconds.
double exchange(std::uint32_t count, bool unequal) {
  std::array<std::string, 6> words = {"exchange",
                                      "--cfg=network/model:CM02",
                                      "--cfg=network/TCP-gamma:0",
                                      "--cfg=network/crosstraffic:0",
                                      "--cfg=network/loopback-lat:0",
                                      "--log=root.thresh:error"};
  std::array<char*, words.size() + 1> arguments{};
  for (std::size_t i = 0; i < words.size(); ++i) arguments[i] = words[i].data();
  int given = static_cast<int>(words.size());
  s4u::Engine engine(&given, arguments.data());
  const std::vector<s4u::Host*> hosts = star_of(count);
  s4u::Actor::create("exchange", hosts.front(), [&] {
    Sizes sizes;
    std::vector<s4u::CommPtr> messages;
    for (std::uint32_t s = 0; s < count; ++s) {
      for (std::uint32_t d = 0; d < count; ++d) {
        if (s == d) continue;
        const double bytes = kMessageBytes * sizes.spread(unequal ? 0.2 : 0.0);
        messages.push_back(s4u::Comm::sendto_async(hosts[s], hosts[d], static_cast<std::uint64_t>(bytes)));
      }
    }
    s4u::Comm::wait_all(messages);
  });
  engine.run();
  return s4u::Engine::get_clock();
}

struct Run {
  double makespan = 0.0, cpu_seconds = 0.0;
};

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
}

/// In a child; a makespan of 0 if that fails.
Run run_apart(std::uint32_t count, bool unequal) {
  std::array<int, 2> pipe{};
  if (::pipe(pipe.data()) != 0) return {};
  const pid_t child = fork();
  if (child == 0) {
    const double makespan = exchange(count, unequal);
    const bool told = write(pipe[1], &makespan, sizeof makespan) == static_cast<ssize_t>(sizeof makespan);
    std::_Exit(told ? 0 : 1);
  }
  close(pipe[1]);
  Run run;
  int status = 1;
  rusage usage{};
  if (child > 0 && read(pipe[0], &run.makespan, sizeof run.makespan) < 0) run.makespan = 0.0;
  close(pipe[0]);
  if (child > 0) wait4(child, &status, 0, &usage);
  if (status != 0) return {};
  run.cpu_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  return run;
}

void simgrid_all_to_all(benchmark::State& state, bool unequal) {
  const auto hosts = static_cast<std::uint32_t>(state.range(0));
  for (auto _ : state) {
    const Run run = run_apart(hosts, unequal);
    if (run.makespan <= 0.0) return state.SkipWithError("SimGrid failed");
    state.SetIterationTime(run.cpu_seconds);
    state.counters["makespan_ms"] = run.makespan * 1e3;
  }
  state.SetItemsProcessed(state.iterations() * hosts * (hosts - 1));
}
BENCHMARK_CAPTURE(simgrid_all_to_all, equal, false)->Arg(64)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(simgrid_all_to_all, unequal, true)->Arg(64)->UseManualTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace orrery::bench
