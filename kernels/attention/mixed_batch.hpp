// Attention over a batch in which some sequences decode while others bring a chunk of their prompt.
//
// An engine calls one kernel for the whole batch. FlashAttention-2 then gives a decoding sequence what it gives a
// prompt: a tile of 64 query rows per query head, of which one row is filled, without sharing a KV head's bytes among
// its query heads and without splitting the keys. So each query head walks the whole cache in one CTA, and decoding
// costs several times what it costs alone. FlashAttention-3, TensorRT-LLM and FlashInfer pack heads and split keys for
// every sequence (or call two kernels): there decoding costs the same in either batch.
//
//   t = t0 + max(max x, Σ x·f)     t0: one token, the launch that all parts share; x = t(part) − t0
//                                  f: the share of the SMs that a part's CTAs fill; parts that leave some idle overlap
//
// Source: Dao-AILab/flash-attention, csrc/flash_attn/flash_api.cpp, mha_varlen_fwd: seqlenq_ngroups_swapped and
// num_splits only where max_seqlen_q = 1; vllm-project/vllm v1/attention/backends/flash_attn.py: one call a batch.
// Checked on layers inside vLLM 0.19 (LLMServingSim @5daddb21). Limitations: parts that fill the
// SMs run one after the other; sequences of a part are taken at their mean length.
#pragma once

#include <vector>

#include "hardware/gpu.hpp"
#include "kernels/kernel.hpp"

namespace orrery::kernels {

/// What the decoding sequences of a batch with prompts are priced as. REQUIRES check(decode).empty().
[[nodiscard]] Kernel decode_beside_prompts(const AttentionDecodeShape& decode, const hardware::Gpu& gpu);

/// Time of one call over `parts`: prompts, and decoding sequences as decode_beside_prompts() gives them.
[[nodiscard]] Seconds attention_batch_time(const std::vector<Kernel>& parts, const hardware::Gpu& gpu,
                                           const KernelTimer& timer);

}  // namespace orrery::kernels
