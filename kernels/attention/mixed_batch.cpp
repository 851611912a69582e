// Attention over mixed batches. See mixed_batch.hpp.
#include "kernels/attention/mixed_batch.hpp"

#include <algorithm>
#include <cmath>

#include "kernels/attention/attention.hpp"
#include "kernels/attention/kernel_class.hpp"
#include "kernels/attention/power_sum.hpp"
#include "kernels/rounding.hpp"

namespace orrery::kernels {
namespace {

constexpr double kTileRows = 64.0;  // of FlashAttention-2's kernel for paged caches (kernel_class.hpp)
constexpr double kEmptyTile = 0.33e-6;
constexpr double kMemory = 0.85;
constexpr double kKept = 0.7;
constexpr double kOverlap = 2.0;
constexpr double kFreeMemory = 1e6;  // times the GPU's bandwidths

double count(std::int64_t value) { return static_cast<double>(value); }

double tiles_of(const AttentionPrefillShape& prompts) { return ceil_of_count(count(prompts.q_len) / kTileRows); }

double filled(double ctas, const hardware::Gpu& gpu) { return std::min(1.0, ctas / count(gpu.sm_count)); }

// A prompt of two tokens: a single query would be priced as packed and split. A tile has 64 rows either way.
AttentionPrefillShape as_tiles(const AttentionDecodeShape& decode, std::int64_t batch, std::int64_t length) {
  AttentionPrefillShape shape;
  shape.dtype = decode.dtype, shape.kv_dtype = decode.kv_dtype;
  shape.batch = batch;
  shape.q_len = 2;
  shape.kv_len = std::max<std::int64_t>(shape.q_len, length);
  shape.q_heads = decode.q_heads, shape.kv_heads = decode.kv_heads, shape.head_dim = decode.head_dim;
  shape.window = decode.window;
  shape.implementation = decode.implementation;
  return shape;
}

hardware::Gpu with_free_memory(const hardware::Gpu& gpu) {
  hardware::Gpu out = gpu;
  out.memory_bandwidth = kFreeMemory * gpu.memory_bandwidth;
  out.l2_bandwidth = kFreeMemory * gpu.l2_bandwidth;
  return out;
}

Seconds cache_time(const AttentionDecodeShape& decode, const hardware::Gpu& gpu) {
  const double head = 2.0 * count(decode.head_dim) * visible_tokens(decode) * element_size(decode.kv_dtype).value();
  const double group = count(decode.q_heads / decode.kv_heads);
  const double reads = std::clamp(group * count(decode.batch) / count(gpu.sm_count), 1.0, group);
  const double kept = std::min(1.0, kKept * gpu.l2_size.value() / head);
  const double bytes = count(decode.kv_heads) * head * (1.0 + (reads - 1.0) * (1.0 - kept * kept));
  return Bytes{bytes} / (kMemory * gpu.memory_bandwidth);
}

}  // namespace

MixedBatch::MixedBatch(const hardware::Gpu& gpu, const KernelTimer& timer)
    : gpu_(&gpu),
      compute_(with_free_memory(gpu)),
      timer_(timer.bind(gpu)),
      compute_timer_(timer.bind(compute_)),
      tokens_(*timer_),
      compute_tokens_(*compute_timer_) {}

bool MixedBatch::tiles_each(const AttentionDecodeShape& decode) const {
  return decode.latent_dim == 0 && attention_class(decode.implementation, *gpu_) == AttentionClass::flash2;
}

bool MixedBatch::one_call(const AttentionDecodeShape& decode) const {
  if (decode.latent_dim > 0) return false;
  const AttentionClass kind = attention_class(decode.implementation, *gpu_);
  return kind == AttentionClass::flash2 || kind == AttentionClass::flash3;
}

Seconds MixedBatch::launch(const AttentionPrefillShape& prompts) const {
  AttentionPrefillShape token = prompts;
  token.batch = 1, token.q_len = 1, token.kv_len = 1;
  return tokens_.time(token);
}

Seconds MixedBatch::decodes(const AttentionDecodeShape& decode, Seconds alone) const {
  if (!one_call(decode)) return alone;
  if (!tiles_each(decode)) {
    AttentionDecodeShape token = decode;
    token.batch = 1, token.kv_tokens = 1;
    return alone - min(alone, tokens_.time(token));
  }
  const std::int64_t length = (decode.kv_tokens + decode.batch - 1) / decode.batch;
  const Seconds tiles = compute_timer_->time(as_tiles(decode, decode.batch, length));
  const Seconds token = compute_tokens_.time(as_tiles(decode, 1, 1));
  const Seconds compute = tiles - min(tiles, token);
  return Seconds{power_sum(compute.value(), cache_time(decode, *gpu_).value(), kOverlap)};
}

Seconds MixedBatch::empty_tiles(const AttentionPrefillShape& prompts, const AttentionDecodeShape& decode) const {
  const double ctas = (tiles_of(prompts) - 1.0) * count(decode.batch) * count(decode.q_heads);
  return Seconds{kEmptyTile * ctas / count(gpu_->sm_count)};
}

Seconds MixedBatch::added(const AttentionPrefillShape& prompts, Seconds prompts_time, Seconds launch,
                          const AttentionDecodeShape& decode, Seconds own) const {
  if (!tiles_each(decode)) return own;
  const Seconds first = prompts_time - min(prompts_time, launch);
  const Seconds second = own + empty_tiles(prompts, decode);
  // All but FlashAttention-2 split what would leave SMs idle.
  const double first_share = filled(count(prompts.batch * prompts.q_heads) * tiles_of(prompts), *gpu_);
  const double second_share = filled(count(decode.batch * decode.q_heads), *gpu_);
  return max(max(first, second), first * first_share + second * second_share) - first;
}

Seconds MixedBatch::time(const AttentionPrefillShape& prompts, const AttentionDecodeShape& decode) const {
  const Seconds whole = timer_->time(prompts);
  const Seconds own = decodes(decode, timer_->time(decode));
  return whole + added(prompts, whole, launch(prompts), decode, own);
}

}  // namespace orrery::kernels
