// The KV pool of any model and limits: a ledger that balances, and no room that appears from nowhere.
#include <cmath>
#include <cstdint>
#include <string>

#include <gtest/gtest.h>
#ifdef ORRERY_HAVE_RAPIDCHECK
#include <rapidcheck.h>
#endif

#include "models/architectures/hf_config.hpp"
#include "models/layer/cache.hpp"
#include "models/layer/parameters.hpp"
#include "models/serving/kv_pool.hpp"
#include "models/serving/sequences/paged_cache.hpp"
#include "tests/models/more_family_configs.hpp"
#include "tests/models/serving_jobs.hpp"

namespace orrery::models {
namespace {

using testing::small_job;

/// Resolved, its pool by what memory leaves.
ServingJob unpinned() {
  ServingJob job = small_job();
  job.config.num_gpu_blocks = 0;
  job.config = resolve(job);
  return job;
}

class FamilyPools : public ::testing::TestWithParam<FamilyConfig> {
 protected:
  FamilyPools() : job_(unpinned()) {
    job_.llm = read_hf_config(decoder(GetParam().type, GetParam().more), "tiny.json");
  }
  ServingJob job_;
};

TEST_P(FamilyPools, BalanceTheirLedger) {
  const KvPool pool = size_kv_pool(job_);
  EXPECT_GT(pool.blocks, 0);
  EXPECT_LE(pool.peak(), pool.budget);
  EXPECT_DOUBLE_EQ(pool.kv_cache.value(), static_cast<double>(pool.blocks) * pool.block_bytes.value());
  EXPECT_GT((pool.peak() + pool.block_bytes).value(), pool.budget.value() * (1.0 - 1e-12)) << "one more has no room";
  EXPECT_DOUBLE_EQ(pool.weights.value(), stage_weights(job_, 0).value());
}

TEST_P(FamilyPools, KeepTokensOrTellWhatTheyKeepInstead) {
  const KvPool pool = size_kv_pool(job_);
  EXPECT_EQ(pool.keeps_tokens, kv_bytes_per_token(job_.llm, Dtype::bf16) > Bytes{0.0});
  EXPECT_EQ(stage_keeps_tokens(job_, 0), pool.keeps_tokens);
  EXPECT_TRUE(pool.keeps_tokens || !pool.sides.empty());
  if (pool.keeps_tokens) {
    EXPECT_DOUBLE_EQ(stage_kv_bytes_per_token(job_, 0).value(), kv_bytes_per_token(job_.llm, Dtype::bf16).value());
  }
  EXPECT_GT(pool.longest_blocks(), 0) << "the longest request takes something";
}

TEST_P(FamilyPools, SidesHoldTheBytesOfWindowsAndStates) {
  // Of a sequence far longer than any window, in bytes: the layers' own count of it.
  const KvPool pool = size_kv_pool(job_);
  double sides = 0.0, layers = 0.0;
  for (const KvSide& side : pool.sides) {
    sides += (static_cast<double>(side.window) * side.blocks_per_token + side.blocks_per_sequence) *
             pool.block_bytes.value();
  }
  for (std::int64_t layer = 0; layer < job_.llm.layers; ++layer) {
    const LayerCache cache = layer_cache(layer_elements(job_.llm, layer), 1);
    layers += (static_cast<double>(cache.window) * cache.per_recent_token(Dtype::bf16) + cache.state).value();
  }
  EXPECT_NEAR(sides, layers, 1e-6 * (1.0 + layers));
}

INSTANTIATE_TEST_SUITE_P(Table, FamilyPools, ::testing::ValuesIn(all_family_configs()),
                         [](const auto& of) { return std::string(of.param.type); });

TEST(KvSides, TakeWholeBlocksForARequestAtItsLongest) {
  // 10 tokens of a window of 8 at a quarter block each, and a state of 1.2 blocks: 2 + 1.2, rounded up.
  PagedCache cache({.blocks = 100, .block_size = 16, .sides = {{8, 0.25, 1.2}}});
  EXPECT_EQ(cache.side_blocks(testing::request(6, 4)), 4);
  EXPECT_EQ(cache.side_blocks(testing::request(1, 1)), 2) << "2 tokens: 0.5 + 1.2";
  Sequence sequence;
  sequence.request = testing::request(6, 4);
  ASSERT_TRUE(cache.allocate(sequence, 6));
  EXPECT_EQ(cache.used_blocks(), 1 + 4);
  ASSERT_TRUE(cache.allocate(sequence, 10));
  EXPECT_EQ(cache.used_blocks(), 1 + 4) << "sides are taken at once";
  cache.release(sequence);
  EXPECT_EQ(cache.used_blocks(), 0);
}

TEST(KvSides, CanFillACacheWithoutTokensOfTheirOwn) {
  PagedCache cache({.blocks = 10, .block_size = 16, .sides = {{0, 0.0, 3.0}}, .keeps_tokens = false});
  EXPECT_EQ(cache.blocks_for(1'000'000), 0);
  std::vector<Sequence> sequences(4);
  for (std::size_t i = 0; i < 3; ++i) {
    sequences[i].request = testing::request(1000, 10);
    EXPECT_TRUE(cache.allocate(sequences[i], 1000)) << i;
  }
  sequences[3].request = testing::request(1, 1);
  EXPECT_FALSE(cache.fits(sequences[3], 1, 0)) << "nine of ten are held, a state takes three";
  EXPECT_FALSE(cache.allocate(sequences[3], 1));
  cache.release(sequences[0]);
  EXPECT_TRUE(cache.allocate(sequences[3], 1));
}

TEST(PagedCache, RefusesNoSequenceThatFits) {
  PagedCache cache({.blocks = 4, .block_size = 4});
  Sequence first, second;
  first.request = testing::request(9, 1);
  second.request = testing::request(4, 1);
  second.request.id = 1;
  ASSERT_TRUE(cache.allocate(first, 9));
  EXPECT_EQ(cache.free_blocks(), 1);
  EXPECT_TRUE(cache.fits(second, 4, 0));
  EXPECT_FALSE(cache.fits(second, 5, 0));
  EXPECT_FALSE(cache.allocate(second, 5));
  EXPECT_EQ(cache.free_blocks(), 1) << "nothing has changed";
  EXPECT_FALSE(second.holds_blocks);
}

#ifdef ORRERY_HAVE_RAPIDCHECK

TEST(KvPoolProperties, MoreMemoryOrUtilisationNeverLeavesFewerBlocks) {
  EXPECT_TRUE(rc::check([] {
    ServingJob job = unpinned();
    job.config.gpu_memory_utilization = 0.01 * *rc::gen::inRange(10, 99);
    const KvPool before = size_kv_pool(job);
    ServingJob more = job;
    more.config.gpu_memory_utilization += 0.01;
    RC_ASSERT(size_kv_pool(more).blocks >= before.blocks);
    more = job;
    more.cluster.groups.front().gpu.memory = more.cluster.groups.front().gpu.memory + Bytes{1e9};
    RC_ASSERT(size_kv_pool(more).blocks >= before.blocks);
    more = job;
    more.config.max_num_batched_tokens *= 2;
    RC_ASSERT(size_kv_pool(more).blocks <= before.blocks);
    RC_ASSERT(before.peak() <= before.budget);
  }));
}

TEST(KvPoolProperties, StagesShareTheLayersWithoutRest) {
  EXPECT_TRUE(rc::check([] {
    Llm llm;
    llm.layers = *rc::gen::inRange<std::int64_t>(1, 200);
    const int stages = *rc::gen::inRange(1, static_cast<int>(llm.layers) + 1);
    std::int64_t next = 0, least = llm.layers, most = 0;
    for (int stage = 0; stage < stages; ++stage) {
      const StageLayers own = stage_layers(llm, stages, stage);
      RC_ASSERT(own.first == next);
      next += own.count;
      least = std::min(least, own.count);
      most = std::max(most, own.count);
    }
    RC_ASSERT(next == llm.layers);
    RC_ASSERT(most - least <= 1);
    RC_ASSERT(least >= 1);
  }));
}

TEST(KvPoolProperties, CapturedSizesAscendToTheSmallestLimit) {
  EXPECT_TRUE(rc::check([] {
    ServingConfig config;
    config.max_num_seqs = *rc::gen::inRange<std::int64_t>(1, 2000);
    config.max_num_batched_tokens = *rc::gen::inRange<std::int64_t>(1, 4000);
    const std::vector<std::int64_t> sizes = graph_sizes(config);
    const std::int64_t most = std::min({2 * config.max_num_seqs, std::int64_t{512}, config.max_num_batched_tokens});
    RC_ASSERT(!sizes.empty());
    RC_ASSERT(sizes.front() == 1);
    RC_ASSERT(sizes.back() <= most);
    RC_ASSERT(2 * sizes.back() >= most);
    for (std::size_t i = 1; i < sizes.size(); ++i) RC_ASSERT(sizes[i] > sizes[i - 1]);
  }));
}

#endif

}  // namespace
}  // namespace orrery::models
