// What one layer keeps of a sequence's past on one tensor-parallel rank.
//
//   bytes(n) = n·per_token + min(n, window)·per_recent_token + state
// A layer whose attention slides a window, or attends within chunks, keeps no more than that many tokens; one that
// recurs keeps a state of one size, in fp32, and its convolution's last taps, in 16 bits
// (vllm/v1/kv_cache_interface.py: FullAttentionSpec, SlidingWindowSpec, ChunkedLocalAttentionSpec, MambaSpec). A sparse
// index keeps a key of its own for every token, in fp8 with a scale of 4 bytes
// (vllm/v1/attention/backends/mla/indexer.py). A latent in fp8 has a scale of 4 bytes for 128 values, and its rotary
// key stays in 16 bits: 512 + 4·4 + 2·64 = 656 bytes of DeepSeek-V3 (deepseek-ai/FlashMLA, README: FP8 KV cache).
// Limitation: an engine that has no cache for windows keeps every token; that is not modelled.
#pragma once

#include <cstdint>
#include <vector>

#include "hardware/dtype.hpp"
#include "hardware/units.hpp"
#include "models/layer/layer.hpp"

namespace orrery::models {

struct LayerCache {
  std::int64_t values = 0;         ///< of a token, for ever
  Bytes index;                     ///< of a token, whatever the cache's format
  Bytes fp8_extra;                 ///< of a token, beside a byte a value where the cache is fp8
  std::int64_t recent_values = 0;  ///< of a token, while it is one of the last `window`
  std::int64_t window = 0;         ///< tokens
  Bytes state;                     ///< of a sequence

  [[nodiscard]] Bytes per_token(Dtype dtype) const {
    return static_cast<double>(values) * element_size(dtype) + beside_values(dtype);
  }
  /// Of a token for ever, whatever its values' format makes of them.
  [[nodiscard]] Bytes beside_values(Dtype dtype) const { return dtype == Dtype::fp8 ? index + fp8_extra : index; }
  [[nodiscard]] Bytes per_recent_token(Dtype dtype) const {
    return static_cast<double>(recent_values) * element_size(dtype);
  }
};

/// REQUIRES tensor ≥ 1. Latent attention's and an index's cache is not divided.
[[nodiscard]] LayerCache layer_cache(const std::vector<LayerElement>& elements, std::int64_t tensor);

/// What a sequence of `tokens` keeps in `layer_cache`'s layer, of whose last steps an engine has `ahead` tokens in the
/// window beside those that it needs (the tokens of one step). 0 tokens keep nothing.
[[nodiscard]] Bytes sequence_bytes(const LayerCache& cache, std::int64_t tokens, std::int64_t ahead, Dtype dtype);

/// KV cache of one token, undivided, over the layers that slide a window, while it is in all of them: what
/// kv_bytes_per_token() of a model leaves out.
[[nodiscard]] Bytes recent_bytes_per_token(const Llm& llm, Dtype dtype);

}  // namespace orrery::models
