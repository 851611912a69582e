// Attention over mixed batches. See mixed_batch.hpp.
#include "kernels/attention/mixed_batch.hpp"

#include <algorithm>
#include <cmath>

#include "kernels/attention/kernel_class.hpp"

namespace orrery::kernels {
namespace {

constexpr double kTileRows = 64.0;  // of FlashAttention-2's kernel for paged caches (kernel_class.hpp)

Kernel one_token(Kernel part) {
  if (auto* prompt = std::get_if<AttentionPrefillShape>(&part)) {
    prompt->batch = 1, prompt->q_len = 1, prompt->kv_len = 1;
  } else if (auto* decode = std::get_if<AttentionDecodeShape>(&part)) {
    decode->batch = 1, decode->kv_tokens = 1;
  }
  return part;
}

// The share of the SMs that a part's CTAs occupy. Other kernels than FlashAttention-2 split what would leave SMs idle.
double filled(const Kernel& part, const hardware::Gpu& gpu) {
  const auto* prompt = std::get_if<AttentionPrefillShape>(&part);
  if (prompt == nullptr || attention_class(prompt->implementation, gpu) != AttentionClass::flash2) return 1.0;
  const double tiles = std::ceil(static_cast<double>(prompt->q_len) / kTileRows);
  const double ctas = static_cast<double>(prompt->batch * prompt->q_heads) * tiles;
  return std::min(1.0, ctas / static_cast<double>(gpu.sm_count));
}

}  // namespace

Kernel decode_beside_prompts(const AttentionDecodeShape& decode, const hardware::Gpu& gpu) {
  const bool latent = decode.latent_dim > 0;
  if (latent || attention_class(decode.implementation, gpu) != AttentionClass::flash2) return decode;
  AttentionPrefillShape shape;
  shape.dtype = decode.dtype, shape.kv_dtype = decode.kv_dtype;
  shape.batch = decode.batch;
  // Two rows stand for the one: a single query would be priced as packed and split. A tile has 64 rows either way.
  shape.q_len = 2;
  shape.kv_len = std::max<std::int64_t>(shape.q_len, (decode.kv_tokens + decode.batch - 1) / decode.batch);
  shape.q_heads = decode.q_heads, shape.kv_heads = decode.kv_heads, shape.head_dim = decode.head_dim;
  shape.window = decode.window;
  shape.implementation = decode.implementation;
  return shape;
}

Seconds attention_batch_time(const std::vector<Kernel>& parts, const hardware::Gpu& gpu, const KernelTimer& timer) {
  if (parts.size() == 1) return timer.time(parts[0], gpu);
  Seconds launch, longest, together;
  for (const Kernel& part : parts) {
    const Seconds whole = timer.time(part, gpu), token = timer.time(one_token(part), gpu);
    const Seconds own = whole - min(whole, token);
    launch = max(launch, min(whole, token));
    longest = max(longest, own);
    together += own * filled(part, gpu);
  }
  return launch + max(longest, together);
}

}  // namespace orrery::kernels
