// How fast serving is simulated: whole runs, the engine's loop with and without running ahead, the KV cache.
#include <benchmark/benchmark.h>

#include "hardware/catalogue/catalogue.hpp"
#include "models/architectures/hf_config.hpp"
#include "models/serving/sequences/paged_cache.hpp"
#include "models/serving/serving.hpp"
#include "tests/models/serving_jobs.hpp"

namespace orrery::models {
namespace {

/// Llama-2 7B on one A100: prompts of 1,150 and answers of 211 tokens on average, as Vidur's splitwise_conv has them.
ServingJob llama_2_7b(std::int64_t requests, double rate) {
  ServingJob job;
  job.llm = load_model("llama-2-7b");
  job.cluster = hardware::make_cluster("dgx_a100", "single_node", 1, "");
  LoadConfig& load = job.config.load;
  load.rate = rate;
  load.requests = requests;
  load.input.distribution = load.output.distribution = "lognormal";
  load.input.mean = 1150.0;
  load.output.mean = 211.0;
  load.input.most = 3500;
  load.output.most = 500;
  return job;
}

std::unique_ptr<kernels::KernelTimer> fitted_timer() {
  for (const kernels::TimerRow& row : kernels::timers()) {
    if (row.name == "fitted") return row.make();
  }
  return nullptr;
}

void serve(benchmark::State& state, const ServingJob& job, bool coalesce) {
  const auto timer = fitted_timer();
  ServingOptions options;
  options.coalesce = coalesce;
  std::uint64_t steps = 0, tokens = 0;
  for (auto _ : state) {
    const ServingResult result = predict(job, *timer, options);
    steps += result.steps;
    tokens += result.input_tokens + result.output_tokens;
    benchmark::DoNotOptimize(result.ttft.mean);
  }
  state.counters["iterations_per_s"] = benchmark::Counter(static_cast<double>(steps), benchmark::Counter::kIsRate);
  state.counters["tokens_per_s"] = benchmark::Counter(static_cast<double>(tokens), benchmark::Counter::kIsRate);
}

void serve_10k_requests(benchmark::State& state) { serve(state, llama_2_7b(10'000, 4.0), true); }
void serve_10k_requests_step_by_step(benchmark::State& state) { serve(state, llama_2_7b(10'000, 4.0), false); }
void serve_10k_requests_idle(benchmark::State& state) { serve(state, llama_2_7b(10'000, 1.0), true); }
void serve_100k_requests(benchmark::State& state) { serve(state, llama_2_7b(100'000, 4.0), true); }
void serve_10k_requests_preempting(benchmark::State& state) {
  ServingJob job = llama_2_7b(10'000, 6.0);
  job.config.num_gpu_blocks = 2000;
  serve(state, job, true);
}
/// 64 engines of two GPUs on two leaves, every iteration an event: on links of their own, on a fabric that none of them
/// fills, and on one that all of them fill.
void serve_64_engines(benchmark::State& state, bool shared, double oversubscription) {
  ServingJob job = testing::small_job(64 * 8);
  job.cluster = testing::small_cluster(128, 1);
  job.cluster.fabric.leaf_ports = shared ? 64 : 0;
  job.cluster.fabric.pod_leaves = 64;
  job.cluster.fabric.oversubscription = oversubscription;
  job.config.tensor_parallel = 2;
  job.config.replicas = 64;
  job.config.load.output.mean = 900;
  job.placement.order = {MeshAxis::data, MeshAxis::tensor, MeshAxis::pipeline};
  ServingOptions options;
  options.coalesce = false;
  const testing::RooflineTimer timer;
  std::uint64_t steps = 0;
  double held_up = 0.0;
  for (auto _ : state) {
    const ServingResult result = predict(job, timer, options);
    steps += result.steps;
    for (const sim::LinkReport& link : result.links) {
      for (const sim::HeldUpOperation& one : link.held_up) held_up += one.delay.value();
    }
  }
  state.counters["us_per_iteration"] =
      benchmark::Counter(static_cast<double>(steps) * 1e-6, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  state.counters["held_up_s"] = benchmark::Counter(held_up, benchmark::Counter::kAvgIterations);
}
BENCHMARK_CAPTURE(serve_64_engines, on_links_of_their_own, false, 1.0)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(serve_64_engines, on_a_slack_fabric, true, 1.0)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(serve_64_engines, on_a_full_fabric, true, 64.0)->Unit(benchmark::kMillisecond);
BENCHMARK(serve_10k_requests)->Unit(benchmark::kMillisecond);
BENCHMARK(serve_10k_requests_step_by_step)->Unit(benchmark::kMillisecond);
BENCHMARK(serve_10k_requests_idle)->Unit(benchmark::kMillisecond);
BENCHMARK(serve_10k_requests_preempting)->Unit(benchmark::kMillisecond);
BENCHMARK(serve_100k_requests)->Unit(benchmark::kMillisecond);

/// A sequence of 1,150 tokens in and out again, half of them shared with all others.
void kv_cache_round(benchmark::State& state) {
  PagedCache cache({7'000, 16, true});
  std::uint64_t id = 0;
  for (auto _ : state) {
    Sequence sequence;
    sequence.request.id = id++;
    sequence.request.input_tokens = 1150;
    sequence.request.prefix = {1};
    sequence.request.prefix_tokens = 512;
    const std::int64_t hit = cache.lookup(sequence);
    benchmark::DoNotOptimize(cache.allocate(sequence, 1150, hit));
    cache.release(sequence);
  }
  state.counters["blocks_per_s"] = benchmark::Counter(static_cast<double>(id) * 72.0, benchmark::Counter::kIsRate);
}
BENCHMARK(kv_cache_round)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace orrery::models
