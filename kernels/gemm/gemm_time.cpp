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
// then read it again and write it narrow; int8 has a scale a row, which the kernel that writes it finds itself
// (vllm csrc/quantization/w8a8/int8, dynamic_scaled_int8_quant_kernel). Block-scaled dtypes have no split-K kernels.
//
// Source: wave and tile quantisation, NVIDIA Deep Learning Performance guide, Matrix Multiplication, §3.1-3.2;
// split-K and stream-K, Osama et al., PPoPP 2023; 128 B/clock is an SM's shared-memory rate (CUDA C++ Programming
// Guide, compute capabilities); coefficients are fitted (profile, `fits:`).
// Limitations: the library's own heuristic is not the best choice by this model (10-30 % at the tails);
// transposed operands are not told apart; the clock depends on the data's bit patterns.
#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <utility>

#include "kernels/gemm/gemm.hpp"
#include "kernels/rounding.hpp"

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
constexpr double kSplits[] = {2, 3, 4, 6, 8, 12, 16, 32};

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

// Sizes stay far below 2^53.
double blocks(double size, double block) {
  return static_cast<double>(static_cast<std::int64_t>((size + block - 1.0) / block));
}

// Tiles have few sides: how often one fits is counted once for all of them.
constexpr std::array<double, 8> kSides = {16, 32, 64, 96, 128, 160, 192, 256};

constexpr std::size_t side_index(double length) {
  std::size_t i = 0;
  while (kSides.at(i) != length) ++i;
  return i;
}

constexpr double kNever = 1e300;

// Two tiles side by side: what any processor of 64 bits computes at once.
using Pair = double __attribute__((vector_size(16)));
Pair both(double x) { return Pair{x, x}; }
Pair lesser(Pair a, Pair b) { return b < a ? b : a; }
Pair larger(Pair a, Pair b) { return b > a ? b : a; }
double least(Pair a) { return std::min(a[0], a[1]); }

// ⌈share⌉: adding 2^52 rounds to a whole number without a conversion.
Pair whole_waves(Pair share) {
  const Pair nearest = (share + kWhole) - kWhole;
  return nearest + (nearest < share ? both(1.0) : both(0.0));
}

// ⌈size/side⌉ of two of the sides. The quotient of size − ½ is half a side's part away from every half at least, so
// that no rounding of it carries over to another whole number.
template <std::size_t kPair>
Pair often(Pair size) {
  constexpr Pair kInverse = {1.0 / kSides[2 * kPair], 1.0 / kSides[2 * kPair + 1]};
  return (((size - 0.5) * kInverse + 0.5) + kWhole) - kWhole;
}

// What all tiles share: how often a side fits, and what an element of a tile's area or perimeter takes. A quotient for
// all tiles in place of one for each differs in the last bit at most.
struct Shared {
  std::array<double, kSides.size()> along_m, along_n;  // kNever: half the side would do as well
  double compute, fetch;
  bool large;  // many waves, which tiles that fetch operands twice as often can't win

  explicit Shared(const Problem& p)
      : compute(2.0 / p.flops),
        fetch(p.width / p.operands),
        large(blocks(p.m, 128.0) * blocks(p.n, 128.0) * p.batch > 16.0 * p.sms) {
    count(p, std::make_index_sequence<kSides.size() / 2>());
    for (std::size_t i = side_index(160.0); i < kSides.size(); ++i) {
      if (kSides[i] >= 2.0 * p.m) along_m[i] = kNever;
      if (kSides[i] >= 2.0 * p.n) along_n[i] = kNever;
    }
  }

 private:
  template <std::size_t... kPair>
  void count(const Problem& p, std::index_sequence<kPair...>) {
    const auto keep = [](std::array<double, kSides.size()>& along, std::size_t pair, Pair value) {
      along[2 * pair] = value[0], along[2 * pair + 1] = value[1];
    };
    (keep(along_m, kPair, often<kPair>(both(p.m)) * p.batch), ...);
    (keep(along_n, kPair, often<kPair>(both(p.n))), ...);
  }
};

constexpr bool is_small(Tile tile) { return tile.m * tile.n < 96.0 * 128.0; }

// Of each tile how many CTAs there are and their time per k element. One that can't win has endlessly many, or stands
// before `first`.
template <const auto& kTiles>
struct Candidates {
  static constexpr std::size_t kPairs = std::size(kTiles) / 2;
  static_assert(std::size(kTiles) % 2 == 0 && std::is_partitioned(std::begin(kTiles), std::end(kTiles), is_small));
  std::array<Pair, kPairs> grid, cta_k;
  std::size_t first;  // pair
  double least_grid;

  explicit Candidates(const Problem& p) {
    const Shared shared(p);
    constexpr std::size_t kSmall = std::count_if(std::begin(kTiles), std::end(kTiles), is_small);
    first = shared.large ? kSmall / 2 : 0;
    count(shared, std::make_index_sequence<kPairs>());
    if (shared.large && kSmall % 2 != 0) grid[first][0] = kNever;
    const Pair overlap = both(p.overlap), latency = both(p.latency);
    Pair grids = both(kNever);
    for (std::size_t i = first; i < kPairs; ++i) {
      const Pair compute = kAreas[i] * shared.compute, fetch = kPerimeters[i] * shared.fetch;
      cta_k[i] = larger(compute, fetch) + overlap * lesser(compute, fetch) + latency;
      grids = lesser(grids, grid[i]);
    }
    least_grid = least(grids);
  }

  // Per k element: of one CTA, and of all CTAs together.
  struct Least {
    double cta_k, work;
  };
  [[nodiscard]] Least least_times() const {
    Pair cta_ks = both(kNever), works = both(kNever);
    for (std::size_t i = first; i < kPairs; ++i) {
      cta_ks = lesser(cta_ks, grid[i] < kNever ? cta_k[i] : both(kNever));
      works = lesser(works, grid[i] * cta_k[i]);
    }
    return {least(cta_ks), least(works)};
  }

  template <class Of>
  static constexpr std::array<Pair, kPairs> of_tiles(Of of) {
    std::array<Pair, kPairs> values{};
    for (std::size_t i = 0; i < kPairs; ++i) values[i] = Pair{of(kTiles[2 * i]), of(kTiles[2 * i + 1])};
    return values;
  }
  static constexpr std::array<Pair, kPairs> kAreas = of_tiles([](Tile tile) { return tile.m * tile.n; });
  static constexpr std::array<Pair, kPairs> kPerimeters = of_tiles([](Tile tile) { return tile.m + tile.n; });

 private:
  template <std::size_t kIndex>
  static double grid_of(const Shared& shared) {
    constexpr std::size_t m = side_index(kTiles[kIndex].m), n = side_index(kTiles[kIndex].n);
    return shared.along_m[m] * shared.along_n[n];
  }
  template <std::size_t... kPair>
  void count(const Shared& shared, std::index_sequence<kPair...>) {
    ((grid[kPair] = Pair{grid_of<2 * kPair>(shared), grid_of<2 * kPair + 1>(shared)}), ...);
  }
};

// The least S of the candidates at one split; kNever or more where none may split so far.
template <bool kSplit, const auto& kTiles>
double best_sm_time(const Problem& p, const Candidates<kTiles>& tiles, double split) {
  const Pair depth = both(blocks(p.k, split * 64.0) * 64.0), stores = both(2.0 / p.stores);
  const Pair most = both(2.0 * p.sms), never = both(kNever), one = both(1.0);
  const Pair lost = both(p.quantisation), kept = both(1.0 - p.quantisation), sms = both(p.sms), splits = both(split);
  Pair best = never;
  for (std::size_t i = tiles.first; i < tiles.kPairs; ++i) {
    const Pair ctas = kSplit ? tiles.grid[i] * splits : tiles.grid[i];
    const Pair share = ctas / sms;
    const Pair waves = kept * larger(share, one) + lost * whole_waves(share);
    const Pair sm = waves * (depth * tiles.cta_k[i] + tiles.kAreas[i] * stores);
    best = lesser(best, kSplit && ctas > most ? never : sm);
  }
  return least(best);
}

// The shortest time of all tiles and splits. At one split the tile with the least S has the least time, since D and
// the cost are the same for all. Splitting k costs one more step, and partial sums that go out and in once each, in
// fp32.
template <const auto& kTiles>
double best_config(const Problem& p) {
  const Candidates<kTiles> tiles(p);
  double best = overlapped(best_sm_time<false>(p, tiles, 1.0), p.dram, p.overlap);
  if (!p.splits || 256.0 > p.k || tiles.least_grid * 2.0 > 2.0 * p.sms) return best;
  const auto [least_cta_k, least_work] = tiles.least_times();
  const double even_share = p.k * least_work / p.sms;
  for (const double split : kSplits) {
    if (split * 128.0 > p.k || tiles.least_grid * split > 2.0 * p.sms) break;
    const double sums = 8.0 * split * p.batch * p.m * p.n / p.l2;
    const auto with_cost = [&](double time) { return time + p.split + sums; };
    if (with_cost(p.dram) >= best) break;  // the cost alone is too much, and grows
    // Each CTA walks its depth at least once, and the SMs share the work at best evenly. The factor outweighs any
    // rounding.
    const double least_sm = std::max(p.k / split * least_cta_k, even_share) * (1.0 - 1e-9);
    if (with_cost(overlapped(least_sm, p.dram, p.overlap)) >= best) continue;
    const double sm = best_sm_time<true>(p, tiles, split);
    if (sm < kNever) best = std::min(best, with_cost(overlapped(sm, p.dram, p.overlap)));
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
  // Weights that the GPU can't multiply are widened on their way; activations stay as they are.
  p.width = gpu.multiplies(s.dtype) ? operand_width(s.dtype) : 2.0;
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

// Reading A for its scale, then again to write it in `width` bytes: two kernels in front of the multiplication, or one.
double scale_time(const GemmShape& s, const Problem& p, const hardware::Gpu& gpu, const std::vector<double>& c) {
  const double elements = p.batch * p.m * p.k;
  const bool in_l2 = 2.0 * elements <= c[kCapacity] * gpu.l2_size.value();
  const double rate = (in_l2 ? gpu.l2_bandwidth : gpu.memory_bandwidth).value() * kMicro;
  const double passes = s.dtype == Dtype::int8 ? 1.0 : 2.0;
  return 0.5 * passes * c[kScale] + elements * (2.0 * passes + operand_width(s.dtype)) / (c[kScaleRate] * rate);
}

Seconds time_gemm(const Kernel& kernel, const hardware::Gpu& gpu, const std::vector<double>& c) {
  const GemmShape& s = std::get<GemmShape>(kernel);
  const Problem p = problem_of(s, gpu, c);
  double time = c[kFloor];
  if (s.dtype == Dtype::nvfp4 && gpu.multiplies(s.dtype)) {
    time += best_config<kBlockTiles>(p);
  } else if (gpu.generation.gemm_tiles == hardware::GemmTiles::fine) {
    time += best_config<kFineTiles>(p);
  } else {
    time += best_config<kPowerTiles>(p);
  }
  if (p.width < 2.0) time += scale_time(s, p, gpu, c);
  return Seconds{time * kMicro};
}

constexpr std::array<std::string_view, 15> kNames = {"floor_us", "e_compute",  "e_memory",     "e_l2",     "e_operand",
                                                     "e_store",  "e_capacity", "quantisation", "overlap",  "latency_ns",
                                                     "split_us", "droop",      "droop_gflop",  "scale_us", "e_scale"};

std::vector<double> default_coefficients(const hardware::Gpu& gpu) { return defaults_of(gpu, "gemm", kNames); }

}  // namespace

FittedModel gemm_model() {
  FittedModel model;
  model.names.assign(kNames.begin(), kNames.end());
  model.bounds = {{1.0, 20.0},  {0.2, 1.0},  {0.2, 1.0},  {0.05, 1.0},  {0.05, 1.0},
                  {0.01, 1.0},  {0.02, 1.0}, {1e-3, 1.0}, {1e-3, 1.0},  {0.1, 500.0},
                  {1e-3, 20.0}, {1e-3, 1.5}, {1.0, 1e5},  {0.1, 200.0}, {0.05, 1.0}};
  model.time = time_gemm;
  model.defaults = default_coefficients;
  model.equation = "t0 + scale(A) + min over (tile, split) of max(S, D) + o·min(S, D)";
  model.source = "wave and tile quantisation, split-K: NVIDIA DL Performance guide; Osama et al., PPoPP 2023";
  add_gemm_surfaces(model);
  return model;
}

}  // namespace orrery::kernels
