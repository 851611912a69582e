// How long the expert block takes: grouped GEMMs against the stream of the experts' weights.
//
//   t = t0 + expert·local experts + (G ⊕ W) + permutation + all-row kernels
//   G = Σ over both GEMMs of (tiles/SMs + wave·min(1, tiles/SMs))·(tile time + tile)
//       tiles = (rows + pad·active)/128 · ⌈columns/128⌉        each active expert wastes `pad` rows of its last tile
//       tile time = 2·128·128·depth/(e_compute·peak per SM),   depth = hidden, then inter/tp
//   W = active·(g + 1)·hidden·inter/tp·bytes/(e_memory·bandwidth)
//   permutation = rows·(copies of the token, gate and up out, activation, down out)/(e_activation·bandwidth)
//   all-row kernels: engines that filter foreign experts late run activation and sum on all T·k rows;
//       all_rows says how much of that traffic is paid.
// Backward: the GEMMs twice (input and weight gradients) and twice the permutation traffic; derived, not fitted.
// In DeepSeek's trace (profile-data, train.json) MLP backward and weight gradient take 2.2 to 2.4 forwards.
// Source: MegaBlocks, arXiv:2211.15841 §5; wave and tile quantisation, NVIDIA DL Performance guide; ⊕: power_sum.
// Limitations: tactics that an auto-tuner missed (up to five times slower in the tables) are not modelled.
#include <algorithm>
#include <cmath>

#include "kernels/attention/power_sum.hpp"
#include "kernels/moe/expert_load.hpp"
#include "kernels/moe/moe.hpp"
#include "kernels/rounding.hpp"

namespace orrery::kernels {
namespace {

enum Coefficient : std::size_t {
  kFloor,
  kMemory,
  kCompute,
  kPad,
  kTile,
  kActivation,
  kOverlap,
  kExpert,
  kWave,
  kAllRows,
  kCount
};

constexpr double kMicro = 1e-6, kSide = 128.0, kBf16 = 2.0;

// Bytes of an activation element as the GEMM reads it: quantised with the weights, except under int4 weights.
double input_bytes(Dtype dtype) {
  if (dtype == Dtype::int4) return kBf16;
  return std::min(kBf16, element_size(dtype).value());
}

struct Block {
  double rows, active, local, hidden, inter, gates;
};

double gemm_time(double tiles, double depth, double rate_per_sm, double sms, const std::vector<double>& c) {
  const double share = tiles / sms;
  const double waves = share + c[kWave] * std::min(1.0, share);
  return waves * (2.0 * kSide * kSide * depth / rate_per_sm + c[kTile] * kMicro);
}

double grouped_gemms(const MoeShape& s, const Block& b, const hardware::Gpu& gpu, const std::vector<double>& c) {
  const double rows = (b.rows + c[kPad] * b.active) / kSide;
  const double sms = gpu.sm_count;
  const double rate = c[kCompute] * required_peak(gpu, s.dtype).value() / sms;
  return gemm_time(rows * ceil_of_count(b.gates * b.inter / kSide), b.hidden, rate, sms, c) +
         gemm_time(rows * ceil_of_count(b.hidden / kSide), b.inter, rate, sms, c);
}

Seconds time_moe(const Kernel& kernel, const hardware::Gpu& gpu, const std::vector<double>& c) {
  const MoeShape& s = std::get<MoeShape>(kernel);
  const ExpertLoadOfRank load = expert_load(s);
  const double tokens = static_cast<double>(s.tokens);
  const Block b = {load.rows,
                   load.active,
                   static_cast<double>(s.experts) / static_cast<double>(s.expert_parallel),
                   static_cast<double>(s.hidden),
                   static_cast<double>(s.inter) / static_cast<double>(s.tensor_parallel),
                   s.gated ? 2.0 : 1.0};
  const double bandwidth = gpu.memory_bandwidth.value();
  const double passes = s.pass == Pass::backward ? 2.0 : 1.0;
  const double gemms = passes * grouped_gemms(s, b, gpu, c);
  const double weights = passes * b.active * (b.gates + 1.0) * b.hidden * b.inter * element_size(s.dtype).value() /
                         (c[kMemory] * bandwidth);
  const double input = input_bytes(s.dtype);
  const double per_row = b.hidden * 2.0 * (input + kBf16) + b.inter * (b.gates * kBf16 + 2.0 * input);
  const double moved = b.rows * per_row + tokens * b.hidden * 2.0 * kBf16;
  const double foreign = std::max(0.0, tokens * static_cast<double>(s.topk) - b.rows);
  const double filtered = foreign * (2.0 * b.hidden + b.inter * (b.gates + 1.0) * kBf16);
  const double fixed = kMicro * (c[kFloor] + c[kExpert] * b.local);
  return Seconds{fixed + power_sum(gemms, weights, c[kOverlap]) +
                 passes * (moved / c[kActivation] + filtered * c[kAllRows]) / bandwidth};
}

// Conservative: between TensorRT-LLM's grouped CUTLASS kernels (0.8 of peak) and untuned Triton (0.35).
std::vector<double> default_coefficients(const hardware::Gpu&) {
  return {25.0, 0.8, 0.6, 32.0, 1.0, 0.6, 1.5, 0.05, 0.5, 0.01};
}

}  // namespace

FittedModel moe_model() {
  FittedModel model;
  model.names = {"floor_us",     "e_memory", "e_compute", "pad_rows", "tile_us",
                 "e_activation", "overlap",  "expert_us", "wave",     "all_rows"};
  model.time = time_moe;
  model.defaults = default_coefficients;
  model.bounds = {{1, 100},  {0.05, 1}, {0.02, 1}, {1, 160},  {1e-3, 50},
                  {0.03, 1}, {1, 10},   {1e-4, 5}, {1e-3, 4}, {1e-4, 50}};
  model.equation = "t0 + expert·local + power_sum(grouped GEMM waves, weights/bandwidth) + permutation + all rows";
  model.source = "MegaBlocks, arXiv:2211.15841 §5; NVIDIA DL Performance guide; backward derived from forward";
  add_moe_surfaces(model);
  return model;
}

}  // namespace orrery::kernels
