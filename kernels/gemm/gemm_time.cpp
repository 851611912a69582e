// How long a matrix multiplication takes: the best of a set of CTA tiles and split-K factors, by this model.
//
//   t = t0 + scale(A) + min over (tile, split) of [ max(S, D) + o·min(S, D) + split cost ]
//   S = W·(depth·(c + latency) + tile stores)    the streaming multiprocessors: W waves of CTAs, depth = k / split
//       c = max(x, y) + o·min(x, y) per k element, x = 2·bm·bn / (e_compute·clock·peak of an SM),
//       y = (bm + bn)·bytes / (e_operand·128 B/clock)
//   W = (1−q)·max(ctas/SMs, 1) + q·⌈ctas/SMs⌉     q: how much of a partial wave is lost (1: no stream-K)
//   D = HBM bytes / (e_memory·bandwidth)          cold weights, and what of A, C and warm weights L2 can't hold
//   clock = 1 / (1 + droop·F/(F + F0))            long multiplications run into the power limit
//
// o is the part of the shorter of two overlapped times that shows. Quantised dtypes first read A for its scale,
// then read it again and write it narrow. Block-scaled dtypes have no split-K kernels.
//
// Source: wave and tile quantisation, NVIDIA Deep Learning Performance guide, Matrix Multiplication, §3.1-3.2;
// split-K and stream-K, Osama et al., PPoPP 2023; 128 B/clock is an SM's shared-memory rate (CUDA C++ Programming
// Guide, compute capabilities); coefficients are fitted (profile, `fits:`).
// Limitations: the library's own heuristic is not the best choice by this model (10-30 % at the tails);
// transposed operands are not told apart; the clock depends on the data's bit patterns.
#include <algorithm>
#include <cmath>

#include "kernels/gemm/gemm.hpp"

namespace orrery::kernels {
namespace {

enum Coefficient : std::size_t {
  kFloor,
  kCompute,
  kMemory,
  kL2,
  kOperand,
  kStore,
  kCapacity,
  kQuantisation,
  kOverlap,
  kLatency,
  kSplit,
  kDroop,
  kDroopFlops,
  kScale,
  kScaleRate
};

struct Tile {
  double m, n;
};

// Tiles by what the tensor cores of an architecture are fed with. Hopper's and Blackwell's libraries (nvjet, CUTLASS 3)
// come in many widths, Ampere's in powers of two; block-scaled FP4 needs whole 128-wide blocks.
constexpr Tile kFineTiles[] = {{16, 64},   {16, 128},  {32, 64},   {64, 32},   {64, 64},   {64, 128},
                               {128, 64},  {128, 96},  {96, 128},  {64, 192},  {192, 64},  {128, 128},
                               {64, 256},  {256, 64},  {128, 160}, {160, 128}, {128, 192}, {192, 128},
                               {128, 256}, {256, 128}, {192, 192}, {256, 256}};
constexpr Tile kPowerTiles[] = {{16, 64},   {32, 64},  {64, 64},  {64, 128},  {128, 64},
                                {128, 128}, {64, 256}, {256, 64}, {128, 256}, {256, 128}};
constexpr Tile kBlockTiles[] = {{128, 128}, {128, 256}, {256, 128}, {256, 256}};
constexpr double kSplits[] = {1, 2, 3, 4, 6, 8, 12, 16, 32};

// Everything that does not depend on the tile. Rates are per microsecond.
struct Problem {
  double m, n, k, batch, sms;
  double width;     // bytes of an operand element inside the multiplication
  double flops;     // of one SM
  double operands;  // bytes that one SM takes in
  double stores;    // bytes that one SM's epilogue writes
  double l2;        // bytes of the whole GPU
  double dram;      // microseconds of HBM time
  double overlap, quantisation, latency, split;
  bool splits;
};

double overlapped(double a, double b, double overlap) { return std::max(a, b) + overlap * std::min(a, b); }

// std::ceil is a library call without SSE 4.1; counts stay far below 2^53.
double blocks(double size, double block) {
  return static_cast<double>(static_cast<std::int64_t>((size + block - 1.0) / block));
}

double config_time(const Problem& p, double grid, double cta_k, double stores, double split) {
  const double share = grid * split / p.sms;
  const double waves = (1.0 - p.quantisation) * std::max(share, 1.0) + p.quantisation * blocks(grid * split, p.sms);
  const double depth = blocks(p.k, split * 64.0) * 64.0;
  const double time = overlapped(waves * (depth * cta_k + stores), p.dram, p.overlap);
  // Partial sums go out and in once each, in fp32.
  return split > 1.0 ? time + p.split + 8.0 * split * p.batch * p.m * p.n / p.l2 : time;
}

template <std::size_t N>
double best_config(const Problem& p, const Tile (&tiles)[N]) {
  const bool large = blocks(p.m, 128.0) * blocks(p.n, 128.0) * p.batch > 16.0 * p.sms;
  double best = 1e300;
  for (const Tile tile : tiles) {
    // Half the tile would do as well; tiles that fetch operands twice as often can't win over many waves.
    if ((tile.m > 128.0 && tile.m >= 2.0 * p.m) || (tile.n > 128.0 && tile.n >= 2.0 * p.n)) continue;
    if (large && tile.m * tile.n < 96.0 * 128.0) continue;
    const double grid = blocks(p.m, tile.m) * blocks(p.n, tile.n) * p.batch;
    const double compute = 2.0 * tile.m * tile.n / p.flops;
    const double fetch = (tile.m + tile.n) * p.width / p.operands;
    const double cta_k = overlapped(compute, fetch, p.overlap) + p.latency;
    const double stores = tile.m * tile.n * 2.0 / p.stores;
    for (const double split : kSplits) {
      if (split > 1.0 && (!p.splits || grid * split > 2.0 * p.sms || split * 128.0 > p.k)) break;
      best = std::min(best, config_time(p, grid, cta_k, stores, split));
    }
  }
  return best;
}

double operand_width(Dtype dtype) {
  switch (dtype) {
    case Dtype::fp32:
    case Dtype::tf32:
      return 4.0;
    case Dtype::fp8:
    case Dtype::fp8_block:
    case Dtype::int8:
      return 1.0;
    case Dtype::nvfp4:
      return 0.5625;
    default:
      return 2.0;
  }
}

constexpr double kMicro = 1e-6;

Problem problem_of(const GemmShape& s, const hardware::Gpu& gpu, const std::vector<double>& c) {
  Problem p{};
  p.m = static_cast<double>(s.m), p.n = static_cast<double>(s.n), p.k = static_cast<double>(s.k);
  p.batch = static_cast<double>(s.batch), p.sms = static_cast<double>(gpu.sm_count);
  p.width = operand_width(s.dtype);
  const double flops = 2.0 * p.batch * p.m * p.n * p.k;
  const double slowdown = 1.0 + c[kDroop] * flops / (flops + c[kDroopFlops] * 1e9);
  p.flops = c[kCompute] * required_peak(gpu, s.dtype).value() * kMicro / p.sms / slowdown;
  const double sm_bytes = 128.0 * gpu.boost_clock.value() * kMicro;
  p.operands = c[kOperand] * sm_bytes;
  p.stores = c[kStore] * sm_bytes;
  p.l2 = c[kL2] * gpu.l2_bandwidth.value() * kMicro;
  p.overlap = c[kOverlap], p.quantisation = c[kQuantisation];
  p.latency = c[kLatency] * 1e-3 / 64.0, p.split = c[kSplit];
  p.splits = s.dtype != Dtype::nvfp4 && s.dtype != Dtype::fp8_block;

  const double weights = p.batch * p.n * p.k * element_size(s.dtype).value();
  const double outer = p.batch * p.m * (p.k * 2.0 + p.n * (s.accumulate ? 8.0 : 2.0));
  const bool cold = s.weights == CacheState::cold;
  const double resident = outer + (cold ? 0.0 : weights);
  const double spilled = std::max(0.0, resident - c[kCapacity] * gpu.l2_size.value());
  p.dram = ((cold ? weights : 0.0) + spilled) / (c[kMemory] * gpu.memory_bandwidth.value() * kMicro);
  return p;
}

// Reading A for its scale, then again to write it in `width` bytes: two kernels in front of the multiplication.
double scale_time(const GemmShape& s, const Problem& p, const hardware::Gpu& gpu, const std::vector<double>& c) {
  const double elements = p.batch * p.m * p.k;
  const bool in_l2 = 2.0 * elements <= c[kCapacity] * gpu.l2_size.value();
  const double rate = (in_l2 ? gpu.l2_bandwidth : gpu.memory_bandwidth).value() * kMicro;
  return c[kScale] + elements * (4.0 + operand_width(s.dtype)) / (c[kScaleRate] * rate);
}

Seconds time_gemm(const Kernel& kernel, const hardware::Gpu& gpu, const std::vector<double>& c) {
  const GemmShape& s = std::get<GemmShape>(kernel);
  const Problem p = problem_of(s, gpu, c);
  double time = c[kFloor];
  if (s.dtype == Dtype::nvfp4) {
    time += best_config(p, kBlockTiles);
  } else if (gpu.architecture == "hopper" || gpu.architecture == "blackwell") {
    time += best_config(p, kFineTiles);
  } else {
    time += best_config(p, kPowerTiles);
  }
  if (p.width < 2.0) time += scale_time(s, p, gpu, c);
  return Seconds{time * kMicro};
}

// Without measurements a GPU takes its architecture's measured bf16 coefficients (A100, H100, B200), rounded.
std::vector<double> default_coefficients(const hardware::Gpu& gpu) {
  if (gpu.architecture == "hopper") {
    return {2.7, 0.99, 0.85, 0.9, 0.54, 0.125, 0.17, 0.08, 0.17, 1.0, 2.7, 0.21, 1000.0, 4.0, 0.7};
  }
  if (gpu.architecture == "blackwell") {
    return {2.1, 0.99, 0.75, 0.4, 0.95, 0.22, 0.33, 0.6, 0.18, 21.0, 2.8, 0.3, 500.0, 4.0, 0.7};
  }
  return {3.5, 0.99, 0.77, 0.9, 0.5, 0.085, 0.05, 0.42, 0.17, 140.0, 2.5, 0.09, 2000.0, 4.0, 0.7};
}

}  // namespace

FittedModel gemm_model() {
  FittedModel model;
  model.names = {"floor_us", "e_compute",  "e_memory", "e_l2",  "e_operand",   "e_store",  "e_capacity", "quantisation",
                 "overlap",  "latency_ns", "split_us", "droop", "droop_gflop", "scale_us", "e_scale"};
  model.bounds = {{1.0, 20.0},  {0.2, 1.0},  {0.2, 1.0},  {0.05, 1.0},  {0.05, 1.0},
                  {0.01, 1.0},  {0.02, 1.0}, {1e-3, 1.0}, {1e-3, 1.0},  {0.1, 500.0},
                  {1e-3, 20.0}, {1e-3, 1.5}, {1.0, 1e5},  {0.1, 200.0}, {0.05, 1.0}};
  model.time = time_gemm;
  model.defaults = default_coefficients;
  model.equation = "t0 + scale(A) + min over (tile, split) of max(S, D) + o·min(S, D)";
  model.source = "wave and tile quantisation, split-K: NVIDIA DL Performance guide; Osama et al., PPoPP 2023";
  return model;
}

}  // namespace orrery::kernels
