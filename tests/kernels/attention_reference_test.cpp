// Prompt attention counted query by query and tile by tile: pairs, keys read, and the blocks of the timing model's
// grid.
#include <algorithm>
#include <cmath>
#include <random>
#include <set>

#include <gtest/gtest.h>
#ifdef ORRERY_HAVE_RAPIDCHECK
#include <rapidcheck.h>
#endif

#include "hardware/catalogue/catalogue.hpp"
#include "kernels/attention/attention.hpp"

namespace orrery::kernels {
namespace {

/// The keys [first, last] that the query at place `q` of the chunk sees.
struct Seen {
  std::int64_t first, last;
};

Seen seen_by(const AttentionPrefillShape& s, std::int64_t q) {
  if (!s.causal) return {0, s.kv_len - 1};
  const std::int64_t position = s.kv_len - s.q_len + q;
  return {s.window > 0 ? std::max<std::int64_t>(0, position - s.window + 1) : 0, position};
}

AttentionPrefillShape random_chunk(std::mt19937& random) {
  AttentionPrefillShape s;
  s.batch = 1 + random() % 3;
  s.q_len = 1 + random() % 200;
  s.kv_len = s.q_len + (random() % 2 == 0 ? 0 : random() % 500);
  s.kv_heads = 1 + random() % 3;
  s.q_heads = s.kv_heads * (1 + random() % 4);
  s.head_dim = 64;
  s.causal = random() % 4 > 0;
  if (s.causal && random() % 2 == 0) s.window = 1 + random() % 300;
  return s;
}

TEST(AttentionReference, PairsAreThoseOfEveryQueryTogether) {
  std::mt19937 random(20261122);
  for (int i = 0; i < 500; ++i) {
    const AttentionPrefillShape s = random_chunk(random);
    std::int64_t pairs = 0;
    for (std::int64_t q = 0; q < s.q_len; ++q) pairs += seen_by(s, q).last - seen_by(s, q).first + 1;
    ASSERT_EQ(attention_pairs(s), static_cast<double>(pairs)) << describe(s);
  }
}

TEST(AttentionReference, KeysAreReadThatAnyQuerySees) {
  std::mt19937 random(20261123);
  for (int i = 0; i < 200; ++i) {
    const AttentionPrefillShape s = random_chunk(random);
    std::set<std::int64_t> keys;
    for (std::int64_t q = 0; q < s.q_len; ++q) {
      for (std::int64_t key = seen_by(s, q).first; key <= seen_by(s, q).last; ++key) keys.insert(key);
    }
    // bf16: K and V of every key seen, Q once.
    const double heads = static_cast<double>(s.batch * s.kv_heads), width = 2.0 * 64 * 2.0;
    const double queries = static_cast<double>(s.batch * s.q_heads * s.q_len) * 64 * 2.0;
    ASSERT_DOUBLE_EQ(work(s).read.value(), queries + heads * width * static_cast<double>(keys.size())) << describe(s);
  }
}

TEST(AttentionReference, ChunksOfAPromptMakeThePairsOfTheWhole) {
  std::mt19937 random(20261124);
  for (int i = 0; i < 300; ++i) {
    AttentionPrefillShape whole;
    whole.batch = 1, whole.q_heads = 4, whole.kv_heads = 2, whole.head_dim = 128;
    whole.q_len = whole.kv_len = 1 + random() % 5000;
    whole.window = random() % 2 == 0 ? 0 : 1 + random() % 3000;
    AttentionPrefillShape chunk = whole;
    double pairs = 0.0, flops = 0.0;
    for (chunk.kv_len = 0; chunk.kv_len < whole.kv_len;) {
      chunk.q_len = std::min<std::int64_t>(1 + random() % 1000, whole.kv_len - chunk.kv_len);
      chunk.kv_len += chunk.q_len;
      pairs += attention_pairs(chunk);
      flops += work(chunk).flops.value();
    }
    ASSERT_EQ(pairs, attention_pairs(whole));
    ASSERT_DOUBLE_EQ(flops, work(whole).flops.value());
  }
}

TEST(AttentionReference, ChunksReadMoreThanTheWhole) {
  // Each chunk reads the keys before it again: 4 chunks of 1,024 read 1 + 2 + 3 + 4 quarters of the cache.
  AttentionPrefillShape chunk;
  chunk.batch = 1, chunk.q_heads = chunk.kv_heads = 1, chunk.head_dim = 128, chunk.q_len = 1024;
  double keys = 0.0;
  for (int i = 1; i <= 4; ++i) {
    chunk.kv_len = 1024 * i;
    keys += work(chunk).read.value() - 1024.0 * 128 * 2;
  }
  AttentionPrefillShape whole = chunk;
  whole.q_len = 4096;
  EXPECT_DOUBLE_EQ(keys, 2.5 * (work(whole).read.value() - 4096.0 * 128 * 2));
}

// Coefficients that leave nothing of the model but the key blocks of all CTAs over the SMs.
hardware::Gpu gpu_of_blocks(const char* generation) {
  hardware::Gpu gpu;
  gpu.generation = hardware::load_generation(generation);
  gpu.sm_count = 1;
  gpu.peak[Dtype::bf16] = gpu.peak[Dtype::fp8] = FlopsPerSecond{1.0};
  gpu.memory_bandwidth = gpu.l2_bandwidth = BytesPerSecond{1e300};
  gpu.l2_size = Bytes{1e9};
  return gpu;
}

struct TileSize {
  double rows, keys;
  bool packed;
};

/// Key blocks of all CTAs by the model: its time over that of one block, 2·rows·keys·(d + dv) FLOP.
double blocks_of_model(const AttentionPrefillShape& s, const hardware::Gpu& gpu, const TileSize& tile) {
  // floor, e_compute, softmax, cta, e_memory, balance, overlap, e_append, token, chain, regroup
  const std::vector<double> c = {0.0, 1.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0};
  const double block = 2.0 * tile.rows * tile.keys * 2.0 * static_cast<double>(s.head_dim);
  return attention_prefill_model().time(s, gpu, c).value() / block;
}

struct Count {
  double blocks = 0.0, tiles = 0.0;
};

/// The same tile by tile: from the block of the first key that a query of the tile sees to that of the last.
Count blocks_by_tile(const AttentionPrefillShape& s, const TileSize& tile) {
  const std::int64_t group = tile.packed ? s.q_heads / s.kv_heads : 1;
  const std::int64_t heads = s.batch * (tile.packed ? s.kv_heads : s.q_heads);
  const std::int64_t rows = s.q_len * group, side = static_cast<std::int64_t>(tile.rows);
  const std::int64_t keys = static_cast<std::int64_t>(tile.keys);
  Count count;
  for (std::int64_t row = 0; row < rows; row += side) {
    const std::int64_t first = seen_by(s, row / group).first;
    const std::int64_t last = seen_by(s, (std::min(row + side, rows) - 1) / group).last;
    count.blocks += static_cast<double>(heads * (last / keys - first / keys + 1));
    count.tiles += static_cast<double>(heads);
  }
  return count;
}

void expect_blocks(const char* generation, Implementation implementation, const TileSize& tile) {
  const hardware::Gpu gpu = gpu_of_blocks(generation);
  std::mt19937 random(20261125);
  for (int i = 0; i < 400; ++i) {
    AttentionPrefillShape s;
    s.implementation = implementation;
    s.batch = 1 + random() % 4;
    s.q_len = 2 + random() % 4000;
    s.kv_len = s.q_len + (random() % 2 == 0 ? 0 : random() % 4000);
    s.kv_heads = 1 + random() % 4;
    s.q_heads = s.kv_heads * (tile.packed ? 2 << (random() % 3) : 1 + random() % 4);
    s.head_dim = 128;
    s.causal = random() % 4 > 0;
    if (s.causal && random() % 3 == 0) s.window = 1 + random() % 3000;
    const Count expected = blocks_by_tile(s, tile);
    const double blocks = blocks_of_model(s, gpu, tile);
    // Closed sums round each tile's end by its mean: less than a block a tile.
    ASSERT_NEAR(blocks, expected.blocks, expected.tiles) << describe(s);
    if (s.causal) continue;
    ASSERT_NEAR(blocks, expected.blocks, 1e-9 * blocks) << "whole rectangles are exact: " << describe(s);
  }
}

TEST(AttentionGrid, OfFlashAttention2HasTilesOf64Queries) {
  expect_blocks("ampere", Implementation::vllm, {64.0, 128.0, false});
}

TEST(AttentionGrid, OfFlashAttention3PacksTheHeadsOfAGroup) {
  expect_blocks("hopper", Implementation::vllm, {128.0, 128.0, true});
}

TEST(AttentionGrid, OfTensorRtOnHopperDoesNotPack) {
  expect_blocks("hopper", Implementation::trtllm, {64.0, 128.0, false});
}

TEST(AttentionGrid, OfBlackwellDependsOnTheLibrary) {
  expect_blocks("blackwell", Implementation::trtllm, {64.0, 128.0, false});
  expect_blocks("blackwell", Implementation::vllm, {128.0, 128.0, false});
}

TEST(AttentionGrid, OfAlignedPromptsIsExact) {
  // Whole tiles in pairs that end with a block: the arithmetic series has no rounding.
  const hardware::Gpu gpu = gpu_of_blocks("ampere");
  for (const std::int64_t length : {128, 256, 1024, 4096, 32768}) {
    for (const std::int64_t cached : {0, 128, 8192}) {
      AttentionPrefillShape s;
      s.implementation = Implementation::vllm;
      s.batch = 2, s.q_heads = 3, s.kv_heads = 3, s.head_dim = 128;
      s.q_len = length, s.kv_len = length + cached;
      const TileSize tile{64.0, 128.0, false};
      EXPECT_DOUBLE_EQ(blocks_of_model(s, gpu, tile), blocks_by_tile(s, tile).blocks) << describe(s);
    }
  }
}

TEST(AttentionGrid, APromptCostsAboutHalfOfItsRectangle) {
  const hardware::Gpu gpu = gpu_of_blocks("hopper");
  AttentionPrefillShape s;
  s.implementation = Implementation::trtllm;
  s.batch = 1, s.q_heads = s.kv_heads = 8, s.head_dim = 128, s.q_len = s.kv_len = 65536;
  const TileSize tile{64.0, 128.0, false};
  const double causal = blocks_of_model(s, gpu, tile);
  s.causal = false;
  EXPECT_NEAR(causal / blocks_of_model(s, gpu, tile), 0.5, 0.001);
}

#ifdef ORRERY_HAVE_RAPIDCHECK

TEST(AttentionProperties, WorkOfABatchIsThatOfItsSequencesTogether) {
  EXPECT_TRUE(rc::check([] {
    AttentionPrefillShape s;
    s.q_len = *rc::gen::inRange<std::int64_t>(1, 5000);
    s.kv_len = s.q_len + *rc::gen::inRange<std::int64_t>(0, 5000);
    s.kv_heads = *rc::gen::inRange<std::int64_t>(1, 9);
    s.q_heads = s.kv_heads * *rc::gen::inRange<std::int64_t>(1, 9);
    s.head_dim = *rc::gen::element<std::int64_t>(64, 128, 192);
    s.v_head_dim = *rc::gen::element<std::int64_t>(0, 128);
    s.window = *rc::gen::element<std::int64_t>(0, 1, 777);
    s.pass = *rc::gen::element(Pass::forward, Pass::backward);
    const auto some = *rc::gen::inRange<std::int64_t>(1, 100), others = *rc::gen::inRange<std::int64_t>(1, 100);
    AttentionPrefillShape a = s, b = s, both = s;
    a.batch = some, b.batch = others, both.batch = some + others;
    const Work first = work(a), second = work(b), together = work(both);
    const auto sums = [](double x, double y, double sum) { return std::abs(x + y - sum) <= 1e-12 * sum; };
    RC_ASSERT(sums(first.flops.value(), second.flops.value(), together.flops.value()));
    RC_ASSERT(sums(first.read.value(), second.read.value(), together.read.value()));
    RC_ASSERT(sums(first.written.value(), second.written.value(), together.written.value()));
  }));
}

TEST(AttentionProperties, AWindowNeverAddsPairsAndAWiderOneNeverTakesAny) {
  EXPECT_TRUE(rc::check([] {
    AttentionPrefillShape s;
    s.batch = s.q_heads = s.kv_heads = 1, s.head_dim = 64;
    s.q_len = *rc::gen::inRange<std::int64_t>(1, 3000);
    s.kv_len = s.q_len + *rc::gen::inRange<std::int64_t>(0, 3000);
    const double full = attention_pairs(s);
    s.window = *rc::gen::inRange<std::int64_t>(1, 4000);
    const double narrow = attention_pairs(s);
    ++s.window;
    const double wide = attention_pairs(s);
    RC_ASSERT(narrow <= wide);
    RC_ASSERT(wide <= full);
    RC_ASSERT(wide - narrow <= static_cast<double>(s.q_len));  // one more key for each query at most
    s.window = s.kv_len;
    RC_ASSERT(attention_pairs(s) == full);
  }));
}

#endif

}  // namespace
}  // namespace orrery::kernels
