#include <stdexcept>

#include <gtest/gtest.h>

#include "models/serving/sequences/paged_cache.hpp"
#include "tests/models/serving_naive_cache.hpp"
#ifdef ORRERY_HAVE_RAPIDCHECK
#include <rapidcheck.h>
#endif

namespace orrery::models::testing {
namespace {

Sequence sequence_of(std::uint64_t id, std::int64_t input, std::vector<std::uint64_t> prefix = {},
                     std::int64_t prefix_tokens = 0) {
  Sequence sequence;
  sequence.request.id = id;
  sequence.request.input_tokens = input;
  sequence.request.output_tokens = 1'000'000;
  sequence.request.prefix = std::move(prefix);
  sequence.request.prefix_tokens = prefix_tokens;
  return sequence;
}

/// Admits a sequence with all of its known tokens, as a scheduler with a large budget would.
bool admit(KvCache& cache, Sequence& sequence) {
  const std::int64_t hit = cache.lookup(sequence);
  if (!cache.allocate(sequence, sequence.known(), hit)) return false;
  sequence.computed = sequence.known();
  return true;
}

void free_all(KvCache& cache, Sequence& sequence) {
  cache.release(sequence);
  sequence.computed = 0;
}

/// Passes a prompt through the cache and leaves its blocks free and named.
void leave_behind(KvCache& cache, Sequence sequence) {
  ASSERT_TRUE(admit(cache, sequence));
  free_all(cache, sequence);
}

TEST(KvCache, GivesWholeBlocks) {
  PagedCache cache({10, 16, true});
  Sequence a = sequence_of(0, 40);
  EXPECT_TRUE(cache.allocate(a, 1));
  EXPECT_EQ(cache.used_blocks(), 1);
  EXPECT_TRUE(a.holds_blocks);
  EXPECT_TRUE(cache.allocate(a, 16));
  EXPECT_EQ(cache.used_blocks(), 1);
  EXPECT_TRUE(cache.allocate(a, 17));
  EXPECT_EQ(cache.used_blocks(), 2);
  EXPECT_TRUE(cache.allocate(a, 40));  // ⌈40/16⌉ = 3
  EXPECT_EQ(cache.used_blocks(), 3);
  EXPECT_EQ(a.blocks.size(), 3u);
  EXPECT_EQ(cache.free_blocks(), 7);
  cache.release(a);
  EXPECT_EQ(cache.free_blocks(), 10);
  EXPECT_FALSE(a.holds_blocks);
  EXPECT_EQ(a.blocks.size(), 3u);  // a memory of what it held
}

TEST(KvCache, ChangesNothingWhenTooFewBlocksAreFree) {
  PagedCache cache({6, 16, true});
  leave_behind(cache, sequence_of(0, 65, {1}, 64));  // 4 named blocks and one without
  Sequence other = sequence_of(1, 20);
  ASSERT_TRUE(admit(cache, other));  // the never used sixth block and the one without a name
  ASSERT_EQ(cache.free_blocks(), 4);

  Sequence again = sequence_of(2, 65, {1}, 64);
  EXPECT_EQ(cache.lookup(again), 64);
  EXPECT_FALSE(cache.fits(again, 65, 64));  // 4 hits leave the free queue, and nothing is left for the fifth block
  EXPECT_FALSE(cache.allocate(again, 65, 64));
  EXPECT_FALSE(again.holds_blocks);
  EXPECT_EQ(cache.free_blocks(), 4);
  EXPECT_EQ(cache.lookup(again), 64);
  EXPECT_FALSE(cache.allocate(other, 16 * 7));
  EXPECT_EQ(cache.free_blocks(), 4);
  EXPECT_EQ(cache.lookup(again), 64);
  EXPECT_TRUE(cache.allocate(other, 48));  // other's third block takes the prefix's last one
  EXPECT_EQ(cache.lookup(again), 48);
}

TEST(KvCache, EvictsTheTailOfAPrefixBeforeItsHead) {
  PagedCache cache({8, 16, true});
  leave_behind(cache, sequence_of(0, 65, {1}, 64));
  const Sequence probe = sequence_of(1, 65, {1}, 64);
  Sequence other = sequence_of(2, 1000);
  ASSERT_TRUE(cache.allocate(other, 64));  // 3 never used blocks and the one without a name
  EXPECT_EQ(cache.lookup(probe), 64);
  for (const std::int64_t left : {48, 32, 16, 0}) {
    ASSERT_TRUE(cache.allocate(other, 64 + (64 - left)));
    EXPECT_EQ(cache.lookup(probe), left);
  }
  EXPECT_EQ(cache.free_blocks(), 0);
}

TEST(KvCache, RevivesAFreeBlockThatIsHit) {
  PagedCache cache({8, 16, true});
  leave_behind(cache, sequence_of(0, 65, {1}, 64));
  Sequence b = sequence_of(1, 65, {1}, 64);
  ASSERT_TRUE(cache.allocate(b, 65, cache.lookup(b)));
  EXPECT_EQ(cache.free_blocks(), 3);
  Sequence other = sequence_of(2, 1000);
  ASSERT_TRUE(cache.allocate(other, 48));  // everything that is free
  EXPECT_EQ(cache.free_blocks(), 0);
  Sequence c = sequence_of(3, 65, {1}, 64);
  EXPECT_EQ(cache.lookup(c), 64);  // B's blocks were not taken
  EXPECT_FALSE(cache.allocate(c, 65, 64));
  cache.release(other);
  ASSERT_TRUE(cache.allocate(c, 65, 64));  // 4 shared, 1 new
  EXPECT_EQ(cache.free_blocks(), 2);
  cache.release(b);  // gives back its fifth block only
  EXPECT_EQ(cache.free_blocks(), 3);
  EXPECT_EQ(cache.lookup(b), 64);
  cache.release(c);
  EXPECT_EQ(cache.free_blocks(), 8);
}

TEST(KvCache, EvictsWhatWasUsedLeastRecently) {
  PagedCache cache({8, 16, true});
  leave_behind(cache, sequence_of(0, 33, {1}, 32));  // 2 named blocks and one without, as the next
  leave_behind(cache, sequence_of(1, 33, {2}, 32));
  leave_behind(cache, sequence_of(2, 33, {1}, 32));  // used again
  Sequence other = sequence_of(3, 1000);
  const Sequence first = sequence_of(4, 33, {1}, 32);
  const Sequence second = sequence_of(5, 33, {2}, 32);
  std::int64_t tokens = 0;
  while (cache.lookup(second) > 0) ASSERT_TRUE(cache.allocate(other, tokens += 16));
  EXPECT_EQ(cache.lookup(first), 32);
  while (cache.free_blocks() > 0) ASSERT_TRUE(cache.allocate(other, tokens += 16));
  EXPECT_EQ(cache.lookup(first), 0);
}

TEST(KvCache, NeverHitsTheWholePrompt) {
  PagedCache cache({20, 16, true});
  leave_behind(cache, sequence_of(0, 64, {1}, 64));
  EXPECT_EQ(cache.lookup(sequence_of(1, 64, {1}, 64)), 48);
  EXPECT_EQ(cache.lookup(sequence_of(1, 65, {1}, 64)), 64);
  EXPECT_EQ(cache.lookup(sequence_of(1, 16, {1}, 64)), 0);
  EXPECT_EQ(cache.lookup(sequence_of(1, 17, {1}, 64)), 16);
}

TEST(KvCache, FindsNothingWithoutPrefixCaching) {
  PagedCache cache({20, 16, false});
  leave_behind(cache, sequence_of(0, 64, {1}, 64));
  EXPECT_EQ(cache.lookup(sequence_of(1, 64, {1}, 64)), 0);
}

TEST(KvCache, ExpandsPiecesOf512TokensTo32Blocks) {
  PagedCache cache({200, 16, true});
  // 700 tokens: 32 blocks of piece 10, ⌊188/16⌋ = 11 of piece 11, and 12 tokens that fill no block.
  leave_behind(cache, sequence_of(0, 700, {10, 11}, 512));
  EXPECT_EQ(cache.lookup(sequence_of(1, 700, {10, 11}, 512)), 688);       // 43 blocks
  EXPECT_EQ(cache.lookup(sequence_of(2, 1024, {10, 11}, 512)), 688);      // what there is of piece 11
  EXPECT_EQ(cache.lookup(sequence_of(3, 1500, {10, 12, 13}, 512)), 512);  // the second piece differs
  EXPECT_EQ(cache.lookup(sequence_of(4, 530, {10, 11}, 512)), 528);
  EXPECT_EQ(cache.lookup(sequence_of(5, 700, {9, 11}, 512)), 0);  // the first piece differs
}

TEST(KvCache, TakesEqualNamesAtDifferentPlacesForDifferentTokens) {
  PagedCache cache({200, 16, true});
  leave_behind(cache, sequence_of(0, 96, {10, 11}, 48));
  EXPECT_EQ(cache.lookup(sequence_of(1, 96, {11, 10}, 48)), 0);
}

TEST(KvCache, SharesOnlyBlocksThatAreFullOfSharedTokens) {
  PagedCache cache({100, 16, true});
  // A system prompt of 100 tokens: 6 blocks, and 4 tokens in a block with the client's own.
  leave_behind(cache, sequence_of(0, 200, {5}, 100));
  EXPECT_EQ(cache.lookup(sequence_of(1, 300, {5}, 100)), 96);
  EXPECT_EQ(cache.lookup(sequence_of(2, 100, {5}, 100)), 96);
}

TEST(KvCache, SharesPiecesThatEndInsideABlock) {
  PagedCache cache({100, 16, true});
  // Pieces of 24: block 0 is of piece 1; block 1 (tokens 16 to 31) ends in piece 2, block 2 (32 to 47) too.
  leave_behind(cache, sequence_of(0, 49, {1, 2}, 24));
  EXPECT_EQ(cache.lookup(sequence_of(1, 49, {1, 2}, 24)), 48);
  EXPECT_EQ(cache.lookup(sequence_of(2, 49, {1, 3}, 24)), 16);
}

TEST(KvCache, KeepsAnAnswersTokensFromOthersButNotFromThePreempted) {
  PagedCache cache({100, 16, true});
  Sequence a = sequence_of(0, 700, {10, 11}, 512);
  ASSERT_TRUE(admit(cache, a));
  a.generated = 10;  // 710 tokens: block 43 holds 12 of the prompt and 4 of the answer
  ASSERT_TRUE(cache.allocate(a, 710));
  a.computed = 710;
  EXPECT_EQ(cache.lookup(sequence_of(1, 1024, {10, 11}, 512)), 688);
  free_all(cache, a);
  EXPECT_EQ(cache.lookup(sequence_of(1, 1024, {10, 11}, 512)), 688);
  EXPECT_EQ(cache.lookup(a), 704);
  EXPECT_EQ(cache.lookup(sequence_of(2, 710)), 0);
}

TEST(KvCache, RegistersABlockOnceItsTokensAreKnown) {
  PagedCache cache({10, 16, true});
  Sequence a = sequence_of(0, 31);
  ASSERT_TRUE(admit(cache, a));
  ASSERT_TRUE(cache.allocate(a, 32));  // the 32nd token is a placeholder: block 1 is full, but of what?
  a.computed = 32;
  free_all(cache, a);
  a.generated = 2;
  EXPECT_EQ(cache.lookup(a), 16);

  Sequence b = sequence_of(1, 31);
  ASSERT_TRUE(admit(cache, b));
  ASSERT_TRUE(cache.allocate(b, 32));
  b.computed = 32;
  b.generated = 1;
  ASSERT_TRUE(cache.allocate(b, 33));  // now it is known
  b.computed = 33;
  free_all(cache, b);
  b.generated = 2;
  EXPECT_EQ(cache.lookup(b), 32);
}

TEST(KvCache, HoldsTheFirstOfTwoBlocksWithOneName) {
  PagedCache cache({20, 16, true});
  Sequence a = sequence_of(0, 64, {1}, 64);
  Sequence b = sequence_of(1, 64, {1}, 64);
  ASSERT_TRUE(cache.allocate(a, 64));
  ASSERT_TRUE(cache.allocate(b, 64));  // computed without a look into the cache
  EXPECT_EQ(cache.used_blocks(), 8);
  cache.release(b);
  EXPECT_EQ(cache.lookup(sequence_of(2, 80, {1}, 64)), 64);
  cache.release(a);
  EXPECT_EQ(cache.free_blocks(), 20);
  EXPECT_EQ(cache.lookup(sequence_of(2, 80, {1}, 64)), 64);
}

TEST(KvCache, HasNothingToGiveWithoutBlocks) {
  PagedCache cache({0, 16, true});
  Sequence a = sequence_of(0, 5);
  EXPECT_EQ(cache.lookup(a), 0);
  EXPECT_FALSE(cache.allocate(a, 1));
  EXPECT_EQ(cache.free_blocks(), 0);
}

TEST(KvCache, CountsTheBlocksOfAnyLength) {
  const PagedCache cache({1, 16, true});
  EXPECT_EQ(cache.blocks_for(0), 0);
  EXPECT_EQ(cache.blocks_for(1), 1);
  EXPECT_EQ(cache.blocks_for(16), 1);
  EXPECT_EQ(cache.blocks_for(17), 2);
}

#ifdef ORRERY_HAVE_RAPIDCHECK

TEST(KvCacheProperties, AgreesWithListsAndMaps) {
  EXPECT_TRUE(rc::check([] {
    const auto blocks = *rc::gen::inRange<std::int64_t>(1, 40);
    const auto size = *rc::gen::element<std::int64_t>(1, 4, 16);
    const bool caching = *rc::gen::weightedElement<bool>({{4, true}, {1, false}});
    const auto piece = *rc::gen::element(size + 0, 3 * size, size + size / 2 + 1);
    PagedCache cache({blocks, size, caching});
    NaiveCache naive(blocks, size, caching);
    std::vector<Sequence> sequences;
    const auto operations = *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 1 << 20));
    for (const int draw : operations) {
      const int choice = draw % 4;
      const int number = draw / 4;
      if (choice == 0 || sequences.empty()) {
        // A new request whose prompt starts with a path of a small tree of pieces.
        std::vector<std::uint64_t> prefix;
        std::uint64_t node = 1;
        for (int depth = 0; depth < number % 4; ++depth) {
          node = 2 * node + static_cast<std::uint64_t>((number >> (2 + depth)) % 2);
          prefix.push_back(node);
        }
        sequences.push_back(sequence_of(sequences.size(), 1 + (number >> 6) % (6 * size), prefix, piece));
      }
      Sequence& sequence = sequences[static_cast<std::size_t>(number) % sequences.size()];
      if (!sequence.holds_blocks) {
        const std::int64_t hit = cache.lookup(sequence);
        RC_ASSERT(hit == naive.lookup(sequence));
        RC_ASSERT(hit % size == 0 && hit < sequence.known());
        const std::int64_t tokens = std::min(sequence.known(), hit + 1 + number % (3 * size));
        RC_ASSERT(cache.fits(sequence, tokens, hit) == naive.fits(sequence, tokens, hit));
        const bool given = naive.allocate(sequence, tokens, hit);
        RC_ASSERT(cache.allocate(sequence, tokens, hit) == given);
        if (given) sequence.computed = tokens;
      } else if (choice == 1) {
        naive.release(sequence);
        cache.release(sequence);
        sequence.computed = 0;
      } else {
        // The next chunk, or one more token, known before or after it is computed.
        if (choice == 2 && sequence.computed >= sequence.known()) ++sequence.generated;
        const std::int64_t most = std::max(sequence.known() - sequence.computed, std::int64_t{1});
        const std::int64_t tokens = sequence.computed + 1 + number % most;
        const bool given = naive.allocate(sequence, tokens, 0);
        RC_ASSERT(cache.allocate(sequence, tokens, 0) == given);
        if (given) sequence.computed = tokens;
        if (sequence.computed > sequence.known())
          sequence.generated = sequence.computed - sequence.request.input_tokens;
      }
      RC_ASSERT(cache.free_blocks() == naive.free_blocks());
      RC_ASSERT(cache.free_blocks() + cache.used_blocks() == blocks);
      for (const Sequence& other : sequences) {
        RC_ASSERT(other.holds_blocks == naive.holds(other));
        if (!other.holds_blocks) {
          RC_ASSERT(cache.lookup(other) == naive.lookup(other));
        } else {
          // Fragmentation: at most B − 1 slots of the last block are unused.
          const auto slots = static_cast<std::int64_t>(other.blocks.size()) * size;
          RC_ASSERT(slots >= other.computed && slots - other.computed <= size - 1);
        }
      }
    }
    for (Sequence& sequence : sequences) {
      if (sequence.holds_blocks) cache.release(sequence);
    }
    RC_ASSERT(cache.free_blocks() == blocks);
  }));
}

#endif

TEST(KvCache, TakesNoMemoryForBlocksThatWereNeverUsed) {
  PagedCache cache({1'000'000'000'000, 16, true});  // as objects they would be 24 TB
  Sequence sequence;
  sequence.request.input_tokens = 100;
  ASSERT_TRUE(cache.allocate(sequence, 100));
  EXPECT_EQ(cache.used_blocks(), 7);
  EXPECT_EQ(cache.free_blocks(), 1'000'000'000'000 - 7);
  cache.release(sequence);
  EXPECT_EQ(cache.used_blocks(), 0);
}

}  // namespace
}  // namespace orrery::models::testing
