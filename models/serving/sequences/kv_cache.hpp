// The KV cache of one engine, as its scheduler and its loop see it: blocks of tokens that sequences hold.
//
// A sequence of n tokens holds ⌈n/B⌉ whole blocks. What is kept of a sequence once it has let go of them, and what
// another finds of it, is the business of the kind of cache (paged_cache.hpp).
#pragma once

#include <cstdint>

#include "models/serving/sequences/request.hpp"

namespace orrery::models {

class KvCache {
 public:
  virtual ~KvCache() = default;

  /// Leading tokens of a sequence without blocks that need no computing: whole blocks, at most known() − 1, so that
  /// at least one token is computed.
  [[nodiscard]] virtual std::int64_t lookup(const Sequence& sequence) const = 0;

  /// Gives the sequence slots for its first `tokens` tokens. A sequence without blocks takes its first `hit` tokens
  /// (from lookup()) from the cache. False, with nothing changed, if too few blocks are free. What is scheduled counts
  /// as computed.
  [[nodiscard]] virtual bool allocate(Sequence& sequence, std::int64_t tokens, std::int64_t hit = 0) = 0;

  /// allocate() would succeed.
  [[nodiscard]] virtual bool fits(const Sequence& sequence, std::int64_t tokens, std::int64_t hit) const = 0;

  /// Frees the sequence's blocks. The list stays in the sequence as a memory of what it held.
  virtual void release(Sequence& sequence) = 0;

  /// Blocks that a request takes beside those of its tokens: windows and states of some layers, from first to last.
  [[nodiscard]] virtual std::int64_t side_blocks(const Request& request) const {
    (void)request;
    return 0;
  }

  [[nodiscard]] std::int64_t blocks() const { return blocks_; }
  [[nodiscard]] std::int64_t block_size() const { return block_size_; }
  [[nodiscard]] std::int64_t free_blocks() const { return free_; }
  [[nodiscard]] std::int64_t used_blocks() const { return blocks_ - free_; }
  /// Blocks that `tokens` tokens need: ⌈tokens/B⌉; none where no layer keeps every token.
  [[nodiscard]] std::int64_t blocks_for(std::int64_t tokens) const {
    return keeps_tokens_ ? (tokens + block_size_ - 1) / block_size_ : 0;
  }

 protected:
  /// REQUIRES blocks ≥ 0 and block_size ≥ 1.
  KvCache(std::int64_t blocks, std::int64_t block_size, bool keeps_tokens = true)
      : free_(blocks), blocks_(blocks), block_size_(block_size), keeps_tokens_(keeps_tokens) {}
  KvCache(const KvCache&) = default;
  KvCache& operator=(const KvCache&) = default;

  std::int64_t free_;

 private:
  std::int64_t blocks_, block_size_;
  bool keeps_tokens_;
};

}  // namespace orrery::models
