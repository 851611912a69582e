#include "models/serving/sequences/paged_cache.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace orrery::models {

namespace {

// A name is 64 bits: whose content it is, a shared piece or a sequence, and the block's number in its sequence.
constexpr unsigned kBlockBits = 22;
constexpr std::uint64_t kOwn = std::uint64_t{1} << 63;
constexpr std::uint64_t kOwnerMask = (std::uint64_t{1} << 40) - 1;

std::uint64_t shared_name(std::uint64_t piece, std::int64_t block) {
  // Plus one: 0 means no name.
  return (((piece & kOwnerMask) + 1) << kBlockBits) | static_cast<std::uint64_t>(block);
}

std::uint64_t own_name(std::uint64_t request, std::int64_t block) {
  return kOwn | ((request & kOwnerMask) << kBlockBits) | static_cast<std::uint64_t>(block);
}

}  // namespace

PagedCache::PagedCache(const KvCacheConfig& config)
    : KvCache(config.blocks, config.block_size, config.keeps_tokens), config_(config) {
  config_.prefix_caching = config.prefix_caching && config.keeps_tokens;
}

std::uint64_t PagedCache::name_of(const Sequence& sequence, std::int64_t block) const {
  const Request& request = sequence.request;
  const std::int64_t end = (block + 1) * config_.block_size;
  if (request.prefix.empty() || end > request.input_tokens) return own_name(request.id, block);
  // Equal names at equal places mean that all tokens up to there are equal, so the piece of a block's last token tells
  // all of the block.
  const std::int64_t piece = (end - 1) / request.prefix_tokens;
  if (piece >= static_cast<std::int64_t>(request.prefix.size())) return own_name(request.id, block);
  return shared_name(request.prefix[static_cast<std::size_t>(piece)], block);
}

std::uint32_t PagedCache::find(const Sequence& sequence, std::int64_t block) const {
  const std::uint64_t name = name_of(sequence, block);
  if ((name & kOwn) == 0) return index_.find(name);
  // Only the sequence itself can know its own blocks: those that it held before it was preempted.
  if (block >= static_cast<std::int64_t>(sequence.blocks.size())) return kNone;
  const std::uint32_t held = sequence.blocks[static_cast<std::size_t>(block)];
  return pool_[held].name == name ? held : kNone;
}

std::int64_t PagedCache::lookup(const Sequence& sequence) const {
  if (!config_.prefix_caching || sequence.holds_blocks) return 0;
  if (sequence.request.prefix.empty() && sequence.blocks.empty()) return 0;
  const std::int64_t most = (sequence.known() - 1) / config_.block_size;
  std::int64_t hits = 0;
  while (hits < most && find(sequence, hits) != kNone) ++hits;
  return hits * config_.block_size;
}

// Hits that are free now: taking them costs free blocks too.
std::int64_t PagedCache::free_hits(const Sequence& sequence, std::int64_t hit_blocks) const {
  std::int64_t count = 0;
  for (std::int64_t i = 0; i < hit_blocks; ++i) {
    if (pool_[find(sequence, i)].references == 0) ++count;
  }
  return count;
}

bool PagedCache::fits(const Sequence& sequence, std::int64_t tokens, std::int64_t hit) const {
  const std::int64_t held = sequence.holds_blocks ? static_cast<std::int64_t>(sequence.blocks.size()) : 0;
  const std::int64_t hits = hit / config_.block_size;
  const std::int64_t sides = sequence.holds_blocks ? 0 : side_blocks(sequence.request);
  const std::int64_t fresh = std::max<std::int64_t>(0, blocks_for(tokens) - held - hits) + sides;
  if (fresh > free_) return false;
  return hits == 0 || fresh + free_hits(sequence, hits) <= free_;
}

bool PagedCache::allocate(Sequence& sequence, std::int64_t tokens, std::int64_t hit) {
  const std::int64_t size = config_.block_size;
  if (sequence.holds_blocks && tokens <= static_cast<std::int64_t>(sequence.blocks.size()) * size) {
    register_full(sequence, std::min(tokens, sequence.known()));
    return true;
  }
  if (!fits(sequence, tokens, hit)) return false;
  if (!sequence.holds_blocks) {
    const std::int64_t hits = hit / size;
    for (std::int64_t i = 0; i < hits; ++i) {
      const std::uint32_t block = find(sequence, i);
      if (pool_[block].references++ == 0) unlink(block);
      if (i < static_cast<std::int64_t>(sequence.blocks.size())) {
        sequence.blocks[static_cast<std::size_t>(i)] = block;
      } else {
        sequence.blocks.push_back(block);
      }
    }
    sequence.blocks.resize(static_cast<std::size_t>(hits));
    sequence.holds_blocks = true;
    sequence.sides = side_blocks(sequence.request);
    free_ -= sequence.sides;
    sequence.named = hits;
  }
  const auto needed = static_cast<std::size_t>(blocks_for(tokens));
  while (sequence.blocks.size() < needed) sequence.blocks.push_back(take());
  register_full(sequence, std::min(tokens, sequence.known()));
  return true;
}

// Names the blocks that `tokens` tokens fill and that have none yet.
void PagedCache::register_full(Sequence& sequence, std::int64_t tokens) {
  if (!config_.prefix_caching) return;
  for (; (sequence.named + 1) * config_.block_size <= tokens; ++sequence.named) {
    const std::uint32_t number = sequence.blocks[static_cast<std::size_t>(sequence.named)];
    Block& block = pool_[number];
    const std::uint64_t name = name_of(sequence, sequence.named);
    if ((name & kOwn) == 0 && !index_.insert(name, number)) continue;  // computed twice: the first one is known
    block.name = name;
  }
}

void PagedCache::release(Sequence& sequence) {
  if (!sequence.holds_blocks) return;
  for (auto block = sequence.blocks.rbegin(); block != sequence.blocks.rend(); ++block) {
    if (--pool_[*block].references == 0) append(*block);
  }
  sequence.holds_blocks = false;
  free_ += sequence.sides;
  sequence.sides = 0;
}

std::int64_t PagedCache::side_blocks(const Request& request) const {
  double sum = 0.0;
  const std::int64_t tokens = request.input_tokens + request.output_tokens;
  for (const KvSide& side : config_.sides) {
    sum += static_cast<double>(std::min(tokens, side.window)) * side.blocks_per_token + side.blocks_per_sequence;
  }
  return static_cast<std::int64_t>(std::ceil(sum));
}

std::uint32_t PagedCache::take() {
  // Blocks that were never used stand before all others.
  if (static_cast<std::int64_t>(pool_.size()) < config_.blocks) {
    if (pool_.size() >= kNone) throw std::length_error("a KV cache uses fewer than 2^32 blocks");
    pool_.emplace_back();
    pool_.back().references = 1;
    --free_;
    return static_cast<std::uint32_t>(pool_.size() - 1);
  }
  const std::uint32_t number = first_free_;
  Block& block = pool_[number];
  unlink(number);
  forget(block);
  block.references = 1;
  return number;
}

void PagedCache::forget(Block& block) {
  if (block.name != 0 && (block.name & kOwn) == 0) index_.erase(block.name);
  block.name = 0;
}

void PagedCache::unlink(std::uint32_t number) {
  const Block& block = pool_[number];
  (block.previous == kNone ? first_free_ : pool_[block.previous].next) = block.next;
  (block.next == kNone ? last_free_ : pool_[block.next].previous) = block.previous;
  --free_;
}

void PagedCache::append(std::uint32_t number) {
  Block& block = pool_[number];
  block.previous = last_free_;
  block.next = kNone;
  (last_free_ == kNone ? first_free_ : pool_[last_free_].next) = number;
  last_free_ = number;
  ++free_;
}

}  // namespace orrery::models
