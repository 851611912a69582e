// Attention over a batch in which some sequences decode while others bring a chunk of their prompt.
//
// FlashAttention serves the whole batch in one call. FlashAttention-2 then gives a decoding sequence what it gives a
// prompt: a tile of 64 query rows per query head, of which one row is filled, without packing the query heads of a KV
// head and without splitting the keys. FlashAttention-3 packs and splits for every sequence: decoding costs what it
// costs alone. TensorRT-LLM, FlashInfer and latent attention call two kernels.
//
//   t = t(prompts) + max(max(x_p, x_d), x_p·f_p + x_d·f_d) − x_p    one call; x: beyond the launch, that of one token;
//                                                                   f: the share of the SMs that a part's CTAs fill
//   t = t(prompts) + t(decodes)                                     two calls
//
// x_d of FlashAttention-2, from n sequences of kv cached tokens, h query heads and g of them per KV head:
//   x_d = C ⊕ M + E,   a ⊕ b = √(a² + b²)
//   C  tiles of the prefill model, their bytes free
//   M  cache bytes·(1 + (r − 1)·miss)/(0.85·bandwidth), r = clamp(g·n/SMs, 1, g) reads of a KV head's cache: CTAs start
//      sequence by sequence, then head by head, so that the heads that run at once read together and later ones again;
//      miss = 1 − (0.7·L2/bytes of one KV head)²: what the whole batch keeps of a KV head until it is read again
//   E  0.33 us·(⌈q/64⌉ − 1)·n·h/SMs: the grid has as many tiles per sequence as the longest prompt, empty but started
//
// Source: Dao-AILab/flash-attention, csrc/flash_attn/flash_api.cpp, mha_varlen_fwd (seqlenq_ngroups_swapped and
// num_splits only where max_seqlen_q = 1; grid of tiles x batch x heads); vllm v1/attention/backends/flash_attn.py: one
// call a batch. The four constants are set by hand on layers inside vLLM 0.19 (LLMServingSim @5daddb21: mixed rows of
// six tables of an RTX PRO 6000 and one of an RTX 4090; E shows as 0.32 to 0.35 us on both); no serving run entered.
//
// Limitations: sequences are equally long; prompts of one batch start no empty tiles for each other.
#pragma once

#include "hardware/gpu.hpp"
#include "kernels/kernel.hpp"
#include "kernels/memo.hpp"

namespace orrery::kernels {

/// Remembers what single tokens take: one user at a time.
class MixedBatch {
 public:
  /// `gpu` and `timer` must outlive this, and the GPU stay as it is.
  MixedBatch(const hardware::Gpu& gpu, const KernelTimer& timer);
  MixedBatch(const MixedBatch&) = delete;
  MixedBatch& operator=(const MixedBatch&) = delete;

  /// Decodes run in the prompts' call. REQUIRES check(decode).empty(), as everywhere here.
  [[nodiscard]] bool one_call(const AttentionDecodeShape& decode) const;

  /// What all sequences of a call share: the time of one token.
  [[nodiscard]] Seconds launch(const AttentionPrefillShape& prompts) const;

  /// x_d less E, or the whole time of a call of their own: what does not depend on the prompts. `alone`: what the
  /// decodes take in a batch without prompts.
  [[nodiscard]] Seconds decodes(const AttentionDecodeShape& decode, Seconds alone) const;

  /// What `decode` adds to a batch of prompts that take `prompts_time`; `own` is decodes(decode, …) and `launch` that
  /// of the prompts. Cheap.
  [[nodiscard]] Seconds added(const AttentionPrefillShape& prompts, Seconds prompts_time, Seconds launch,
                              const AttentionDecodeShape& decode, Seconds own) const;

  /// All of the above: the batch in one number.
  [[nodiscard]] Seconds time(const AttentionPrefillShape& prompts, const AttentionDecodeShape& decode) const;

 private:
  [[nodiscard]] bool tiles_each(const AttentionDecodeShape& decode) const;
  [[nodiscard]] Seconds empty_tiles(const AttentionPrefillShape& prompts, const AttentionDecodeShape& decode) const;

  const hardware::Gpu* gpu_;
  hardware::Gpu compute_;  ///< the same with memory that costs nothing
  std::unique_ptr<BoundTimer> timer_, compute_timer_;
  mutable TimeMemo tokens_, compute_tokens_;  ///< single tokens: the same shapes at every call
};

}  // namespace orrery::kernels
