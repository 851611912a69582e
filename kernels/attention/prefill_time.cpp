// How long prefill and training attention take: CTAs of query tiles, each walking its keys block by block.
//
//   t = t0 + regroup + (C ⊕ M) + append
//   C = balance(total/SMs, longest CTA),   a CTA costs cta + blocks·(matrix time of a block + softmax time)
//   M = (Q + K + V + O bytes)/(e_memory·bandwidth),   a ⊕ b = (aᵖ + bᵖ)^(1/p)
//   append = cache bytes read and written/(e_append·bandwidth) + tokens·token cost·min(1, row elements/512)
// Blocks of a tile: keys up to its last query (causal), from its window's start. Their sum over tiles is closed
// (arithmetic series; rounding up to whole blocks counts its mean). FlashAttention-3 packs the query heads of a
// KV head into one tile, FlashAttention-2 only when there is a single query (and then regroups the heads with
// two copies); TensorRT-LLM doesn't pack, and its fp8 kernels on Hopper pad heads of 192 to 256 and mask one block
// more where a window starts. Appending to the cache is part of serving engines' attention only:
// vLLM starts a thread block of up to 512 threads per token for it.
//
// Backward: C scaled by 2.5·551/445 = 3.10, DeepSeek's trace of FlashAttention on H800 (profile-data, train.json:
// forward 551, backward 445 TFLOP/s), and 10 bytes per output element for the dO·O dot product and the
// conversion of dQ. No backward measurement enters a fit: the factor is published, not fitted.
// Source: FlashAttention-2, arXiv:2307.08691 §3; FlashAttention-3, arXiv:2407.08608; tiles: kernel_class.hpp.
// Limitations: sequences of a batch are equally long; clocks under power limits are part of the efficiencies;
// a GPU measured with one library only lends that fit to the other library's tiles.
#include <algorithm>
#include <cmath>

#include "kernels/attention/attention.hpp"
#include "kernels/attention/kernel_class.hpp"
#include "kernels/attention/power_sum.hpp"
#include "kernels/rounding.hpp"

namespace orrery::kernels {
namespace {

enum Coefficient : std::size_t {
  kFloor,
  kCompute,
  kSoftmax,
  kCta,
  kMemory,
  kBalance,
  kOverlap,
  kAppend,
  kToken,
  kChain,
  kRegroup,
  kCount
};

constexpr double kMicro = 1e-6, kNano = 1e-9;
constexpr double kReferenceTile = 128.0 * 128.0;
constexpr double kBackwardFactor = 2.5 * 551.0 / 445.0;
constexpr double kBackwardPassBytes = 10.0;  // O and dO read (2 + 2), fp32 dQ read (4), dQ written (2)
constexpr double kAppendThreads = 512.0;

// Values narrower than keys: the latent is expanded. Only TensorRT-LLM's kernels are measured.
bool is_mla(const AttentionPrefillShape& s) { return s.v_head_dim > 0 && s.v_head_dim != s.head_dim; }

bool is_fp8(Dtype dtype) { return dtype == Dtype::fp8 || dtype == Dtype::fp8_block; }

// Matrices in fp8: TensorRT-LLM on Hopper takes the cache's dtype for both.
bool is_narrow(const AttentionPrefillShape& s) { return is_fp8(s.dtype) || is_fp8(s.kv_dtype); }

struct Tiles {
  double rows, keys;     // of a block
  bool packed;           // query heads of a KV head side by side
  double padding = 0.0;  // blocks more where a window starts
};

Tiles tiles_of(const AttentionPrefillShape& s, AttentionClass kind) {
  const bool packs = s.q_heads > s.kv_heads;
  switch (kind) {
    case AttentionClass::flash2:
      return {64.0, 128.0, packs && s.q_len == 1};
    case AttentionClass::flash3:
      return {s.head_dim <= 64 ? 192.0 : 128.0, 128.0, packs};
    case AttentionClass::trtllm_hopper:
      return is_narrow(s) ? Tiles{64.0, 256.0, false, 1.0} : Tiles{64.0, 128.0, false};
    case AttentionClass::blackwell: {
      const bool trtllm = s.implementation == Implementation::trtllm || s.implementation == Implementation::automatic;
      return {trtllm || is_mla(s) ? 64.0 : 128.0, 128.0, false};
    }
  }
  return {128.0, 128.0, false};
}

struct Grid {
  double ctas, blocks, longest;  // CTAs, key blocks of all CTAs, key blocks of the longest CTA
};

// Σ over `count` tiles of ⌈(cached + end)/keys⌉ with ends span, 2·span, … capped at `last`.
double blocks_up_to(double count, double span, double last, double cached, double keys) {
  const double full = std::min(count, floor_of_count(last / span));
  const double partial = count > full ? 1.0 : 0.0;
  const double exact = (count * cached + span * full * (full + 1.0) / 2.0 + partial * last) / keys;
  const double rounding = span >= keys ? 0.0 : 0.5 * (1.0 - span / keys) * full;
  return exact + rounding + partial * (ceil_of_count(last / keys) - last / keys);
}

Grid grid_of(const AttentionPrefillShape& s, const Tiles& tiles) {
  const double queries = static_cast<double>(s.q_len), keys = static_cast<double>(s.kv_len);
  const double group = tiles.packed ? static_cast<double>(s.q_heads) / static_cast<double>(s.kv_heads) : 1.0;
  const double heads = static_cast<double>(s.batch) * static_cast<double>(tiles.packed ? s.kv_heads : s.q_heads);
  const double count = ceil_of_count(queries * group / tiles.rows), span = tiles.rows / group;
  const double all = ceil_of_count(keys / tiles.keys);
  if (!s.causal) return {heads * count, heads * count * all, all};
  const double cached = keys - queries;
  const double triangle = std::max(count, blocks_up_to(count, span, queries, cached, tiles.keys));
  const double window = static_cast<double>(s.window);
  if (s.window == 0 || window >= keys) return {heads * count, heads * triangle, all};
  // A tile whose window is full touches `wide` blocks; the tiles before still grow.
  const double straddles = std::fmod(window - 1.0, tiles.keys) > 0.0 ? 1.0 : 0.0;
  const double wide = std::min(
      floor_of_count((window - 1.0) / tiles.keys) + std::max(1.0, span / tiles.keys) + straddles + tiles.padding, all);
  const double growing = std::min(count, floor_of_count(std::max(0.0, window - cached) / span));
  const double before =
      std::max(growing, blocks_up_to(growing, span, std::min(queries, growing * span), cached, tiles.keys));
  return {heads * count, heads * std::min(triangle, before + (count - growing) * wide), wide};
}

// Matrix rate of the kernel: fp8 caches are multiplied in fp8 where the GPU can.
double matrix_rate(const AttentionPrefillShape& s, const hardware::Gpu& gpu) {
  double rate = required_peak(gpu, s.dtype).value();
  if (is_fp8(s.kv_dtype)) {
    if (const auto narrow = gpu.matrix_peak(Dtype::fp8)) rate = std::max(rate, narrow->value());
  }
  return rate;
}

double compute_time(const AttentionPrefillShape& s, const hardware::Gpu& gpu, AttentionClass kind,
                    const std::vector<double>& c) {
  const Tiles tiles = tiles_of(s, kind);
  const Grid grid = grid_of(s, tiles);
  const double sms = gpu.sm_count;
  const double area = tiles.rows * tiles.keys;
  double width = static_cast<double>(s.head_dim) + value_width(s);
  if (kind == AttentionClass::trtllm_hopper && is_narrow(s) && s.head_dim == 192 && !is_mla(s)) width = 2.0 * 256.0;
  const double block =
      2.0 * area * width / (c[kCompute] * matrix_rate(s, gpu) / sms) + c[kSoftmax] * kMicro * area / kReferenceTile;
  const double cta = c[kCta] * kMicro;
  double longest = grid.longest;
  // Queries on a long cached prefix fill idle SMs by splitting the keys, as decode does; FlashAttention-2 in engines
  // splits for single queries only.
  const bool splits = kind != AttentionClass::flash2 || tiles.packed;
  if (splits && s.kv_len > s.q_len && grid.ctas < 0.8 * sms)
    longest /= std::min(floor_of_count(sms / grid.ctas), longest);
  const double total = (grid.ctas * cta + grid.blocks * block) / sms;
  return power_sum(total, cta + c[kChain] * longest * block, c[kBalance]);
}

double append_time(const AttentionPrefillShape& s, const hardware::Gpu& gpu, const std::vector<double>& c) {
  const bool engine = s.implementation == Implementation::trtllm || s.implementation == Implementation::vllm ||
                      s.implementation == Implementation::sglang;
  if (!engine) return 0.0;
  const double tokens = static_cast<double>(s.batch) * static_cast<double>(s.q_len);
  const double row = static_cast<double>(s.kv_heads) * (static_cast<double>(s.head_dim) + value_width(s));
  const double bytes = tokens * row * (2.0 + element_size(s.kv_dtype).value());
  return bytes / (c[kAppend] * gpu.memory_bandwidth.value()) +
         c[kToken] * kNano * tokens * std::min(1.0, row / 2.0 / kAppendThreads);
}

Seconds unfused_time(const AttentionPrefillShape& s, const hardware::Gpu& gpu, const std::vector<double>& c) {
  const Work need = attention_work(s);
  const Seconds compute = need.flops / (required_peak(gpu, s.dtype) * c[kCompute]);
  const Seconds memory = need.bytes() / (gpu.memory_bandwidth * c[kMemory]);
  return max(compute, memory) + Seconds{c[kFloor] * kMicro};
}

Seconds time_prefill(const Kernel& kernel, const hardware::Gpu& gpu, const std::vector<double>& c) {
  const AttentionPrefillShape& s = std::get<AttentionPrefillShape>(kernel);
  if (s.implementation == Implementation::unfused) return unfused_time(s, gpu, c);
  const AttentionClass kind = attention_class(is_mla(s) ? Implementation::trtllm : s.implementation, gpu);
  const double bandwidth = c[kMemory] * gpu.memory_bandwidth.value();
  const double tokens = static_cast<double>(s.batch) * static_cast<double>(s.q_len);
  const double outputs = tokens * static_cast<double>(s.q_heads) * value_width(s);
  double compute = compute_time(s, gpu, kind, c);
  double memory = attention_work(s).bytes().value() / bandwidth;
  double time = c[kFloor] * kMicro;
  if (s.pass == Pass::backward) {
    compute *= kBackwardFactor;
    memory += kBackwardPassBytes * outputs / bandwidth;
  } else {
    time += append_time(s, gpu, c);
  }
  const bool regroups =
      kind == AttentionClass::flash2 && s.q_len == 1 && s.batch > 1 && s.kv_heads > 1 && s.q_heads > s.kv_heads;
  if (regroups) time += c[kRegroup] * kMicro;
  return Seconds{time + power_sum(compute, memory, c[kOverlap])};
}

// Conservative: FlashAttention-2 on A100 reaches about 55 % of the peak at head width 128 (arXiv:2307.08691 §4).
std::vector<double> default_coefficients(const hardware::Gpu&) {
  return {10.0, 0.6, 0.3, 1.5, 0.7, 2.0, 1.3, 0.7, 3.0, 1.0, 5.0};
}

}  // namespace

FittedModel attention_prefill_model() {
  FittedModel model;
  model.names = {"floor_us", "e_compute", "softmax_us", "cta_us", "e_memory",  "balance",
                 "overlap",  "e_append",  "token_ns",   "chain",  "regroup_us"};
  model.time = time_prefill;
  model.defaults = default_coefficients;
  model.bounds = {{0.5, 40}, {0.05, 1}, {1e-3, 20},  {1e-2, 20}, {0.1, 1},  {1, 10},
                  {1, 10},   {0.05, 1}, {1e-3, 100}, {0.1, 3},   {1e-2, 20}};
  model.equation = "t0 + regroup + power_sum(balance(CTAs/SMs, longest CTA), bytes/bandwidth) + append";
  model.source = "FlashAttention-2/3 tiling, arXiv:2307.08691, arXiv:2407.08608; backward: DeepSeek profile-data";
  add_prefill_surfaces(model);
  return model;
}

}  // namespace orrery::kernels
