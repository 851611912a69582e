// What pricing one kernel costs: by a timer that is given the GPU with every call, by one bound to it, and remembered.
#include <array>

#include <benchmark/benchmark.h>

#include "hardware/catalogue/catalogue.hpp"
#include "kernels/kernel.hpp"
#include "kernels/memo.hpp"

namespace orrery::kernels {
namespace {

std::unique_ptr<KernelTimer> fitted_timer() {
  for (const TimerRow& row : timers()) {
    if (row.name == "fitted") return row.make();
  }
  return nullptr;
}

// Sixteen shapes of a kind, so that a branch predictor can't learn one by heart.
using Shapes = std::array<Kernel, 16>;

Shapes gemms(std::int64_t first_m) {
  Shapes shapes;
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    GemmShape s;
    s.m = first_m + static_cast<std::int64_t>(i) * first_m / 4, s.n = 4096 + 512 * static_cast<std::int64_t>(i % 5);
    s.k = 8192;
    shapes[i] = s;
  }
  return shapes;
}

Shapes prefills() {
  Shapes shapes;
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    AttentionPrefillShape s;
    s.batch = 1 + static_cast<std::int64_t>(i % 3), s.q_len = 512 + 100 * static_cast<std::int64_t>(i);
    s.kv_len = s.q_len + 64 * static_cast<std::int64_t>(i), s.q_heads = 32, s.kv_heads = 8, s.head_dim = 128;
    s.implementation = Implementation::vllm;
    shapes[i] = s;
  }
  return shapes;
}

Shapes decodes() {
  Shapes shapes;
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    AttentionDecodeShape s;
    s.batch = 1 + 7 * static_cast<std::int64_t>(i), s.kv_tokens = s.batch * 1000;
    s.q_heads = 32, s.kv_heads = 8, s.head_dim = 128;
    s.implementation = Implementation::vllm;
    shapes[i] = s;
  }
  return shapes;
}

Shapes experts() {
  Shapes shapes;
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    MoeShape s;
    s.tokens = 64 + 100 * static_cast<std::int64_t>(i), s.hidden = 4096, s.inter = 14336, s.topk = 2, s.experts = 8;
    shapes[i] = s;
  }
  return shapes;
}

Shapes norms() {
  Shapes shapes;
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    MemoryShape s;
    s.op = MemoryOp::norm, s.elements = 4096 * (1 + static_cast<std::int64_t>(i));
    s.read = s.written = Bytes{2.0 * static_cast<double>(s.elements)};
    shapes[i] = s;
  }
  return shapes;
}

template <class Time>
void price(benchmark::State& state, const Shapes& shapes, Time time) {
  std::size_t i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(time(shapes[i]));
    i = (i + 1) % shapes.size();
  }
}

void each_time(benchmark::State& state, const Shapes& shapes) {
  const hardware::Gpu gpu = hardware::load_gpu("h100_sxm");
  const auto timer = fitted_timer();
  price(state, shapes, [&](const Kernel& kernel) { return timer->time(kernel, gpu); });
}
BENCHMARK_CAPTURE(each_time, gemm_of_a_decode, gemms(8));
BENCHMARK_CAPTURE(each_time, gemm_of_a_prompt, gemms(1024));
BENCHMARK_CAPTURE(each_time, prefill, prefills());
BENCHMARK_CAPTURE(each_time, decode, decodes());
BENCHMARK_CAPTURE(each_time, moe, experts());
BENCHMARK_CAPTURE(each_time, norm, norms());

void bound_time(benchmark::State& state, const Shapes& shapes) {
  const hardware::Gpu gpu = hardware::load_gpu("h100_sxm");
  const auto timer = fitted_timer();
  const auto bound = timer->bind(gpu);
  price(state, shapes, [&](const Kernel& kernel) { return bound->time(kernel); });
}
BENCHMARK_CAPTURE(bound_time, gemm_of_a_decode, gemms(8));
BENCHMARK_CAPTURE(bound_time, gemm_of_a_prompt, gemms(1024));
BENCHMARK_CAPTURE(bound_time, prefill, prefills());
BENCHMARK_CAPTURE(bound_time, decode, decodes());
BENCHMARK_CAPTURE(bound_time, moe, experts());
BENCHMARK_CAPTURE(bound_time, norm, norms());

void remembered_time(benchmark::State& state, const Shapes& shapes) {
  const hardware::Gpu gpu = hardware::load_gpu("h100_sxm");
  const auto timer = fitted_timer();
  const auto bound = timer->bind(gpu);
  TimeMemo memo(*bound);
  price(state, shapes, [&](const Kernel& kernel) { return memo.time(kernel); });
}
BENCHMARK_CAPTURE(remembered_time, gemm_of_a_decode, gemms(8));
BENCHMARK_CAPTURE(remembered_time, prefill, prefills());
BENCHMARK_CAPTURE(remembered_time, decode, decodes());
BENCHMARK_CAPTURE(remembered_time, norm, norms());

void bind(benchmark::State& state) {
  const hardware::Gpu gpu = hardware::load_gpu("h100_sxm");
  const auto timer = fitted_timer();
  for (auto _ : state) benchmark::DoNotOptimize(timer->bind(gpu));
}
BENCHMARK(bind);

}  // namespace
}  // namespace orrery::kernels
