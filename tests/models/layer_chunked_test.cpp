// Attention within blocks of tokens, against counting every pair of a query and a key.
#include <cmath>
#include <cstdint>
#include <string>

#include <gtest/gtest.h>
#ifdef ORRERY_HAVE_RAPIDCHECK
#include <rapidcheck.h>
#endif

#include "models/architectures/hf_config.hpp"
#include "models/layer/flops.hpp"
#include "models/layer/parameters.hpp"
#include "models/layer/training.hpp"
#include "tests/models/family_configs.hpp"
#include "tests/models/layer_jobs.hpp"

namespace orrery::models {
namespace {

using testing::find;
using testing::training_reading;

/// Two layers of four heads of 16: the first within chunks of so many tokens, the second full.
Llm chunked(std::int64_t chunk) {
  return read_hf_config(decoder("llama4", R"("num_key_value_heads": 2, "head_dim": 16, "num_local_experts": 8,
      "no_rope_layer_interval": 2, "attention_chunk_size": )" +
                                              std::to_string(chunk)),
                        "m.json");
}

/// Pairs of a query and a key at or before it in the same block, of which half count where a query meets itself: the
/// area of the triangle that closed forms give.
double counted_pairs(std::int64_t chunk, std::int64_t tokens) {
  double pairs = 0.0;
  for (std::int64_t query = 0; query < tokens; ++query) {
    for (std::int64_t key = query / chunk * chunk; key <= query; ++key) pairs += key == query ? 0.5 : 1.0;
  }
  return pairs;
}

TEST(MeanChunkedKeys, AreThePairsThatCountingFinds) {
  for (const std::int64_t chunk : {1, 2, 7, 64}) {
    for (const std::int64_t tokens : {1, 2, 6, 7, 8, 63, 64, 65, 200}) {
      const double s = static_cast<double>(tokens);
      EXPECT_NEAR(mean_chunked_keys(chunk, s) * s, counted_pairs(chunk, tokens), 1e-9) << chunk << ' ' << tokens;
    }
  }
  EXPECT_EQ(mean_chunked_keys(8192, 4096.0), 2048.0) << "one chunk is full causal attention";
  EXPECT_EQ(mean_chunked_keys(100, 1e6), 50.0);
}

TEST(ChunkedTraining, IsFullAttentionWhereTheSequenceIsOneChunk) {
  for (const std::int64_t sequence : {256, 1024}) {
    const Llm llm = chunked(1024);
    const auto first = forward_ops(training_reading(sequence), layer_elements(llm, 0));
    const auto second = forward_ops(training_reading(sequence), layer_elements(llm, 1));
    EXPECT_EQ(find(first, "attention")->kernel, find(second, "attention")->kernel) << sequence;
    for (const bool causal : {false, true}) {
      EXPECT_EQ(layer_forward_flops_per_token(llm, 0, sequence, causal),
                layer_forward_flops_per_token(llm, 1, sequence, causal))
          << sequence;
    }
  }
}

TEST(ChunkedTraining, KernelsHaveTheFlopsOfTheirPairs) {
  // 4 FLOPs a pair, head and value of 16 each; kernels count whole keys of a query, a half more than the triangle.
  for (const std::int64_t sequence : {1536, 2048, 4096, 10'000}) {
    const auto ops = forward_ops(training_reading(sequence), layer_elements(chunked(1024), 0));
    const double flops = kernels::work(find(ops, "attention")->kernel).flops.value();
    EXPECT_NEAR(flops / (4.0 * 4 * 16 * counted_pairs(1024, sequence)), 1.0, 0.005) << sequence;
  }
}

TEST(ChunkedTraining, ModelFlopsCountWholeBlocksWithoutCausality) {
  const Llm llm = chunked(1024);
  const double none = layer_forward_flops_per_token(llm, 0, 0, false).value();
  const auto scores = [&](std::int64_t sequence, bool causal) {
    return layer_forward_flops_per_token(llm, 0, sequence, causal).value() - none;
  };
  // 4 heads of 16 + 16 values, 2 FLOPs each a key: a token sees its 1024, or half of them.
  EXPECT_DOUBLE_EQ(scores(4096, false), 2.0 * 1024 * 4 * 32);
  EXPECT_DOUBLE_EQ(scores(4096, true), 2.0 * 512 * 4 * 32);
  // 1.5 chunks: (1024² + 512²)/1536 keys on average.
  EXPECT_DOUBLE_EQ(scores(1536, false), 2.0 * ((1024.0 * 1024 + 512.0 * 512) / 1536) * 4 * 32);
}

#ifdef ORRERY_HAVE_RAPIDCHECK

TEST(ChunkedProperties, LieBetweenHalfABlockAndFullAttention) {
  EXPECT_TRUE(rc::check([] {
    const auto chunk = *rc::gen::inRange<std::int64_t>(1, 10'000);
    const double tokens = static_cast<double>(*rc::gen::inRange<std::int64_t>(1, 1'000'000));
    const double keys = mean_chunked_keys(chunk, tokens);
    RC_ASSERT(keys <= 0.5 * tokens * (1.0 + 1e-12));
    RC_ASSERT(keys <= 0.5 * static_cast<double>(chunk) * (1.0 + 1e-12));
    // The last block may be almost empty: no less than half of what whole blocks have.
    RC_ASSERT(keys >= 0.25 * std::min(tokens, static_cast<double>(chunk)) * (1.0 - 1e-12));
  }));
}

#endif

}  // namespace
}  // namespace orrery::models
