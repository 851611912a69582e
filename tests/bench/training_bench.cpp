// How long one prediction of a training step takes: lowering, checking, pricing, evaluation and summary; and how long
// it takes again where only prices change.
#include <benchmark/benchmark.h>

#include "hardware/catalogue/catalogue.hpp"
#include "models/architectures/hf_config.hpp"
#include "models/training/lowered_step.hpp"
#include "models/training/pricing.hpp"
#include "models/training/step.hpp"
#include "models/training/training.hpp"
#include "models/training/training_run.hpp"
#include "sim/plan/frozen.hpp"

namespace orrery::models {
namespace {

/// Llama 3.1 405B on 16,384 H100: tensor 8, pipeline 16 with 126 layers, data 128, sequences of 8,192.
TrainingJob llama_405b() {
  TrainingJob job;
  job.llm = load_model("llama-3.1-405b");
  job.cluster = hardware::make_cluster("dgx_h100", "rail_fat_tree_ndr", 2048);
  job.config.sequence_length = 8192;
  job.config.global_batch_size = 2048;
  job.config.tensor_parallel = 8;
  job.config.pipeline_parallel = 16;
  job.config.virtual_pipeline = 8;
  job.config.schedule = "interleaved_1f1b";
  job.config.stage_layers.assign(128, 1);
  job.config.stage_layers.front() = job.config.stage_layers.back() = 0;
  job.config.sequence_parallel = true;
  job.config.zero = ZeroStage::optimizer;
  return job;
}

/// GPT-3 175B on 64 A100 with 64 microbatches (Korthikanti et al. 2022, Table 3), as
/// scenarios/library/training/korthikanti-175b-64xa100.yaml has it.
TrainingJob gpt3_175b() {
  TrainingJob job;
  job.llm = load_model("korthikanti-175b");
  job.cluster = hardware::make_cluster("dgx_a100", "rail_fat_tree_hdr", 8);
  job.config.sequence_length = 2048;
  job.config.global_batch_size = 64;
  job.config.tensor_parallel = 8;
  job.config.pipeline_parallel = 8;
  job.config.virtual_pipeline = 3;
  job.config.schedule = "interleaved_1f1b";
  job.config.sequence_parallel = true;
  job.config.recompute = Recompute::selective;
  job.config.attention = AttentionImplementation::unfused;
  job.config.dropout = 0.1;
  job.config.precision = Dtype::fp16;
  return job;
}

std::unique_ptr<kernels::KernelTimer> fitted_timer() {
  for (const kernels::TimerRow& row : kernels::timers()) {
    if (row.name == "fitted") return row.make();
  }
  return nullptr;
}

void predict_step(benchmark::State& state, const TrainingJob& job) {
  const auto timer = fitted_timer();
  std::uint64_t steps = 0;
  for (auto _ : state) {
    const TrainingResult result = predict(job, *timer);
    steps += result.steps;
    benchmark::DoNotOptimize(result.step_time);
  }
  state.counters["plan_steps_per_s"] = benchmark::Counter(static_cast<double>(steps), benchmark::Counter::kIsRate);
}

void predict_llama_405b_16384_gpus(benchmark::State& state) { predict_step(state, llama_405b()); }
void predict_gpt3_175b_64_gpus(benchmark::State& state) { predict_step(state, gpt3_175b()); }
BENCHMARK(predict_llama_405b_16384_gpus)->Unit(benchmark::kMillisecond);
BENCHMARK(predict_gpt3_175b_64_gpus)->Unit(benchmark::kMillisecond);

/// Two such jobs on alternate nodes of 4,096, leaves and spines with 2:1 above them; links of the topology included.
void two_llama_405b_on_a_2to1_spine(benchmark::State& state) {
  std::vector<TrainingJob> jobs(2, llama_405b());
  hardware::Cluster cluster = hardware::make_cluster("dgx_h100", "rail_fat_tree_ndr", 2048);
  cluster.groups[0].count = 4096;
  cluster.fabric.oversubscription = 2.0;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    jobs[i].cluster = cluster;
    jobs[i].placement.spread = 2;
    jobs[i].placement.first_node = static_cast<int>(i);
    jobs[i].config.data_parallel = 128;
  }
  const auto timer = fitted_timer();
  for (auto _ : state) {
    const hardware::Topology topology(cluster);
    TrainingRun first(jobs[0], *timer, alike_members(jobs[0], {}, &topology), nullptr, {});
    TrainingRun second(jobs[1], *timer, alike_members(jobs[1], {}, &topology), nullptr, {});
    std::optional<sim::LinkClasses> links;
    const WorldOutcome outcome =
        run_on_cluster(cluster, &topology, {{&first, Seconds{0.0}, {}}, {&second, Seconds{0.0}, {}}}, {}, {}, links);
    benchmark::DoNotOptimize(outcome.end);
    state.counters["step_s"] = sim::to_seconds(first.steps().front().duration).value();
  }
}
BENCHMARK(two_llama_405b_on_a_2to1_spine)->Unit(benchmark::kMillisecond);

/// What a sweep over bandwidths and the window's slider do: the whole report's figures again, but for lowering.
void predict_again_llama_405b(benchmark::State& state) {
  TrainingJob job = llama_405b();
  const auto timer = fitted_timer();
  LoweredSteps lowered;
  TrainingOptions options;
  options.lowered = &lowered;
  for (auto _ : state) {
    job.cluster.groups[0].node.nic_bandwidth = job.cluster.groups[0].node.nic_bandwidth * 1.0001;
    benchmark::DoNotOptimize(predict(job, *timer, options).step_time);
  }
}
BENCHMARK(predict_again_llama_405b)->Unit(benchmark::kMillisecond);

void lower_llama_405b(benchmark::State& state) {
  const TrainingJob job = llama_405b();
  for (auto _ : state) benchmark::DoNotOptimize(lower(job).step_count());
}
BENCHMARK(lower_llama_405b)->Unit(benchmark::kMillisecond);

void check_and_link_llama_405b(benchmark::State& state) {
  const sim::Plan plan = lower(llama_405b());
  for (auto _ : state) benchmark::DoNotOptimize(sim::RunnablePlan(plan).step_count());
}
BENCHMARK(check_and_link_llama_405b)->Unit(benchmark::kMillisecond);

/// One point of a sweep over the network's bandwidth: the plan stays, every entry is priced, a frozen pass follows.
void reprice_llama_405b(benchmark::State& state) {
  TrainingJob job = llama_405b();
  const auto timer = fitted_timer();
  const sim::RunnablePlan plan(lower(job));
  const sim::FrozenPlan frozen(plan);
  std::vector<sim::SimTime> scratch;
  for (auto _ : state) {
    job.cluster.groups[0].node.nic_bandwidth = job.cluster.groups[0].node.nic_bandwidth * 1.0001;
    const sim::ClusterPrices prices = training_prices(job, *timer);
    benchmark::DoNotOptimize(frozen.makespan(sim::price(plan.plan(), prices), scratch));
  }
}
BENCHMARK(reprice_llama_405b)->Unit(benchmark::kMicrosecond);

void frozen_pass_llama_405b(benchmark::State& state) {
  const TrainingJob job = llama_405b();
  const sim::RunnablePlan plan(lower(job));
  const sim::FrozenPlan frozen(plan);
  const sim::Durations durations = sim::price(plan.plan(), training_prices(job, *fitted_timer()));
  std::vector<sim::SimTime> scratch;
  for (auto _ : state) benchmark::DoNotOptimize(frozen.makespan(durations, scratch));
}
BENCHMARK(frozen_pass_llama_405b)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace orrery::models
