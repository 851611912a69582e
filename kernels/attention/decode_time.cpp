// How long decode attention takes: the KV stream against the CTAs that walk it.
//
//   t = t0 + combine + regroup + (S ⊕ M)
//   S = cta·waves(n·splits/SMs) + block·blocks·(n/SMs ⊕ chain/splits),   M = KV bytes/(HBM or L2 rate)
// n: CTAs, one per sequence and KV head. Masked multi-head attention (TensorRT-LLM, without grouped queries or
// with more than 32 per KV head) has one per query head; absorbed MLA one per 64 heads. A kernel with too few
// CTAs splits the keys until four waves are full or a split has `split_blocks` blocks of 128 keys; the partial
// results are combined by one more step. FlashAttention-2 splits only grouped queries, and regroups their heads
// by two copies where a batch has several KV heads. TensorRT-LLM's bf16 kernels decide by the whole cache and
// not by the window, so a windowed sequence pays for idle splits.
// Its fp8 kernel for heads of 64 starts 2.5 us later than the one for wider heads, as the per-head kernel does.
// The cost per CTA is what many short sequences cost: it does not depend on the cache's length.
// Source: FlashDecoding (Dao et al., crfm.stanford.edu/2023/10/12/flashdecoding.html); kernel_class.hpp.
// Limitations: ragged batches go by their mean length; the longest sequence of a batch is not seen.
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
  kMemory,
  kL2,
  kCta,
  kWide,
  kRow,
  kBlock,
  kChain,
  kCombine,
  kOverlap,
  kHeadCta,
  kHeadBlock,
  kSplitBlocks,
  kExtra,
  kCount
};

constexpr double kMicro = 1e-6;
constexpr double kKeys = 128.0;             // keys of a block
constexpr double kWaves = 4.0;              // waves of CTAs that splitting aims at
constexpr double kMlaRows = 64.0;           // query heads of an absorbed MLA tile
constexpr std::int64_t kLargestGroup = 32;  // query heads per KV head that grouped kernels take

struct Layout {
  double ctas = 0.0, splits = 1.0;
  double blocks = 0.0;    // of 128 keys that one CTA walks without splitting
  double width = 1.0;     // head width in units of 128, 192 padded to 256
  double rows = 0.0;      // query heads of a CTA
  bool per_head = false;  // masked multi-head attention: a CTA per query head
  bool extra = false;     // regrouping copies, or a longer start (see above)
};

bool is_fp8(Dtype dtype) { return dtype == Dtype::fp8 || dtype == Dtype::fp8_block; }

double splits_of(double ctas, double sms, double blocks, double least) {
  return std::max(1.0, std::min(ceil_of_count(kWaves * sms / ctas), blocks / least));
}

Layout mla_layout(const AttentionDecodeShape& s, const hardware::Gpu& gpu, const std::vector<double>& c) {
  const double batch = static_cast<double>(s.batch), heads = static_cast<double>(s.q_heads);
  Layout layout;
  const double tiles = ceil_of_count(heads / kMlaRows);
  layout.ctas = batch * tiles;
  layout.rows = heads / tiles;
  layout.width = 2.0;
  layout.blocks = ceil_of_count(visible_tokens(s) / batch / kKeys);
  if (gpu.generation.latent_decode_splits)
    layout.splits = splits_of(layout.ctas, gpu.sm_count, layout.blocks, c[kSplitBlocks]);
  return layout;
}

Layout layout_of(const AttentionDecodeShape& s, const hardware::Gpu& gpu, const std::vector<double>& c) {
  if (s.latent_dim > 0) return mla_layout(s, gpu, c);
  const AttentionClass kind = attention_class(s.implementation, gpu);
  const std::int64_t group = s.q_heads / s.kv_heads;
  const bool flashinfer = s.implementation == Implementation::vllm || s.implementation == Implementation::sglang;
  const double batch = static_cast<double>(s.batch);
  const double length = static_cast<double>(s.kv_tokens) / batch;
  const bool windowed = s.window > 0 && static_cast<double>(s.window) < length;
  const double seen = visible_tokens(s) / batch;
  Layout layout;
  layout.per_head = (kind == AttentionClass::trtllm_hopper && (group == 1 || group > kLargestGroup)) ||
                    (kind == AttentionClass::blackwell && !flashinfer && group > kLargestGroup);
  layout.ctas = batch * static_cast<double>(layout.per_head ? s.q_heads : s.kv_heads);
  layout.rows = static_cast<double>(layout.per_head ? 1 : group);
  layout.width = static_cast<double>(s.head_dim == 192 ? 256 : s.head_dim) / 128.0;
  // TensorRT-LLM's kernels load exactly what is seen; the others whole blocks, one more where a window starts.
  const bool whole = kind != AttentionClass::trtllm_hopper;
  layout.blocks = whole ? ceil_of_count(seen / kKeys) + (windowed ? 1.0 : 0.0) : seen / kKeys;
  const bool by_cache = kind == AttentionClass::trtllm_hopper && (layout.per_head || !is_fp8(s.kv_dtype));
  const bool splits = kind != AttentionClass::flash2 || group > 1;
  if (splits) {
    layout.splits = splits_of(layout.ctas, gpu.sm_count, (by_cache ? length : seen) / kKeys, c[kSplitBlocks]);
  }
  const bool regroups = kind == AttentionClass::flash2 && group > 1 && s.kv_heads > 1 && s.batch > 1;
  const bool narrow = kind == AttentionClass::trtllm_hopper && is_fp8(s.kv_dtype) && s.head_dim <= 64;
  layout.extra = layout.per_head || regroups || narrow;
  return layout;
}

// Bytes that fit in L2 are still there from the step before (nothing else runs in the measurements).
double memory_time(const AttentionDecodeShape& s, const hardware::Gpu& gpu, const std::vector<double>& c) {
  const double bytes = attention_work(s).bytes().value();
  const double queries = 2.0 * static_cast<double>(s.batch) * static_cast<double>(s.q_heads) *
                         static_cast<double>(s.latent_dim > 0 ? s.latent_dim : s.head_dim) * 2.0;
  const double cache = std::max(0.0, bytes - queries);
  const double missing = std::clamp(cache / gpu.l2_size.value() - 1.0, 0.0, 1.0);
  const double far = missing / (c[kMemory] * gpu.memory_bandwidth.value());
  const double near = (1.0 - missing) / (c[kL2] * gpu.l2_bandwidth.value());
  return cache * (far + near) + queries / gpu.l2_bandwidth.value();
}

Seconds time_decode(const Kernel& kernel, const hardware::Gpu& gpu, const std::vector<double>& c) {
  const AttentionDecodeShape& s = std::get<AttentionDecodeShape>(kernel);
  (void)required_peak(gpu, s.dtype);  // throws where the GPU can't compute it
  const Layout layout = layout_of(s, gpu, c);
  const double sms = gpu.sm_count;
  const double cta =
      layout.per_head ? c[kHeadCta]
                      : c[kCta] + c[kWide] * std::max(0.0, layout.width - 1.0) + c[kRow] * layout.rows * layout.width;
  const double share = layout.ctas * layout.splits / sms;
  const double waves = share <= 1.0 ? 1.0 : 0.5 * (share + ceil_of_count(share));
  const double block = (layout.per_head ? c[kHeadBlock] : c[kBlock]) * layout.width * layout.blocks;
  const double chain = c[kChain] * layout.width * layout.blocks / layout.splits;
  // The power 4: how sharply throughput gives way to the chain of one CTA.
  const double sm = kMicro * (cta * waves + power_sum_of_4(block * layout.ctas / sms, chain));
  double time = kMicro * (c[kFloor] + c[kCombine] * std::min(1.0, layout.splits - 1.0));
  if (layout.extra) time += kMicro * c[kExtra];
  return Seconds{time + power_sum(sm, memory_time(s, gpu, c), c[kOverlap])};
}

// Conservative: the fits of all GPUs lie at 0.7-0.95 of HBM and 5-10 us.
std::vector<double> default_coefficients(const hardware::Gpu&) {
  return {8.0, 0.75, 0.35, 3.5, 0.2, 0.05, 0.6, 1.0, 3.0, 2.0, 1.3, 1.0, 3.0, 3.0};
}

}  // namespace

FittedModel attention_decode_model() {
  FittedModel model;
  model.names = {"floor_us", "e_memory",   "e_l2",    "cta_us",      "wide_us",       "row_us",       "block_us",
                 "chain_us", "combine_us", "overlap", "head_cta_us", "head_block_us", "split_blocks", "extra_us"};
  model.time = time_decode;
  model.defaults = default_coefficients;
  model.bounds = {{0.5, 40},  {0.1, 1},   {0.05, 1}, {1e-2, 30}, {1e-3, 10}, {1e-3, 2}, {1e-3, 30},
                  {1e-2, 30}, {1e-2, 20}, {1, 8},    {1e-2, 30}, {1e-3, 10}, {0.5, 15}, {1e-2, 20}};
  model.equation = "t0 + combine + power_sum(cta·waves + block·blocks, KV bytes/bandwidth)";
  model.source = "split KV: FlashDecoding 2023; kernels of TensorRT-LLM and FlashAttention by their source";
  add_decode_surfaces(model);
  return model;
}

}  // namespace orrery::kernels
