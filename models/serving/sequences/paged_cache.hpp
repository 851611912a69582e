// The paged KV cache: blocks of tokens, a queue of free ones, and prefix caching by content.
//
// A sequence of n tokens holds ⌈n/B⌉ blocks; at most B−1 slots of its last block are unused (PagedAttention, Kwon et
// al., SOSP'23 §4.3). Full blocks are registered under the name of their content. Freed blocks keep it and go to the
// end of the free queue, last block first, so that the tail of a prefix is reused before its head; a block is taken
// from the front and forgets its name then: least recently used first. A hit on a free block takes it out of the
// queue.
//
// Source: vLLM V1, vllm/v1/core/kv_cache_manager.py and block_pool.py (FreeKVCacheBlockQueue).
// vLLM names a block by a hash of its tokens and its parent's name. Here names come from the request's `prefix`
// pieces, or are the sequence's own (only a preempted sequence finds those again): exact where equal names mean equal
// tokens. Limitations: one block per name is remembered (vLLM keeps duplicates that were computed at the same time);
// all blocks are usable (vLLM keeps one as a placeholder); windows and states are taken at once and as counts, so that
// what they overwrite is forgotten late, and where they are all that a model keeps no prefix is found again.
#pragma once

#include <cstdint>
#include <vector>

#include "models/serving/sequences/kv_cache.hpp"
#include "models/serving/sequences/kv_side.hpp"
#include "models/serving/sequences/prefix_index.hpp"
#include "models/serving/sequences/request.hpp"

namespace orrery::models {

struct KvCacheConfig {
  std::int64_t blocks = 0;       ///< usable ones
  std::int64_t block_size = 16;  ///< tokens
  bool prefix_caching = true;
  std::vector<KvSide> sides = {};
  bool keeps_tokens = true;  ///< false: sides are all that a sequence takes, and no prefix of it is found again
};

class PagedCache final : public KvCache {
 public:
  /// REQUIRES blocks ≥ 0 and block_size ≥ 1. A block takes memory once it has been used.
  explicit PagedCache(const KvCacheConfig& config);

  /// 0 without prefix caching.
  [[nodiscard]] std::int64_t lookup(const Sequence& sequence) const override;
  /// Full blocks of known tokens are registered at once.
  [[nodiscard]] bool allocate(Sequence& sequence, std::int64_t tokens, std::int64_t hit = 0) override;
  [[nodiscard]] bool fits(const Sequence& sequence, std::int64_t tokens, std::int64_t hit) const override;
  /// Last block first.
  void release(Sequence& sequence) override;
  /// Whole blocks for the windows and states of the request at its longest.
  [[nodiscard]] std::int64_t side_blocks(const Request& request) const override;

 private:
  static constexpr std::uint32_t kNone = 0xffffffffu;

  struct Block {
    std::uint64_t name = 0;  ///< of the content; 0: none
    std::uint32_t previous = kNone, next = kNone;
    std::uint32_t references = 0;
  };

  [[nodiscard]] std::uint64_t name_of(const Sequence& sequence, std::int64_t block) const;
  [[nodiscard]] std::uint32_t find(const Sequence& sequence, std::int64_t block) const;
  [[nodiscard]] std::int64_t free_hits(const Sequence& sequence, std::int64_t hit_blocks) const;
  void register_full(Sequence& sequence, std::int64_t tokens);
  std::uint32_t take();
  void unlink(std::uint32_t block);
  void append(std::uint32_t block);
  void forget(Block& block);

  KvCacheConfig config_;
  std::vector<Block> pool_;  ///< blocks that have been used; the others are free, and come first
  PrefixIndex index_;
  std::uint32_t first_free_ = kNone, last_free_ = kNone;
};

}  // namespace orrery::models
