// A layer's elements, and that a new layer is one list: GPT-J's parallel block through every reading.
#include "models/layer/layer.hpp"

#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "models/architectures/hf_config.hpp"
#include "models/layer/activations.hpp"
#include "models/layer/parameters.hpp"
#include "tests/models/layer_jobs.hpp"

namespace orrery::models {
namespace {

using sim::CollectiveKind;
using testing::count;
using testing::gemm_flops;
using testing::labels;
using testing::parallel_block;
using testing::serving_reading;
using testing::training_reading;
using Labels = std::vector<std::string_view>;

TEST(Width, IsDividedDownToOneUnit) {
  const Width heads = shared_width(8, 128);
  EXPECT_EQ(heads.whole(), 1024);
  EXPECT_EQ(heads.on_rank(4), 256);
  EXPECT_EQ(heads.on_rank(16), 128);
  EXPECT_EQ(whole_width(512).on_rank(8), 512);
  EXPECT_EQ(shared_width(10).on_rank(4), 2);
  EXPECT_EQ(shared_width(10).most_on_rank(4), 3);
  EXPECT_EQ(heads.most_on_rank(16), 128);
}

TEST(Widths, LieSideBySide) {
  Widths widths{shared_width(8, 128), whole_width(64)};
  EXPECT_EQ(widths.whole(), 1088);
  EXPECT_EQ(widths.on_rank(8), 128 + 64);
  widths.add(whole_width(1));
  widths.add(whole_width(1));
  EXPECT_EQ(widths.most_on_rank(1), 1090);
  EXPECT_THROW(widths.add(whole_width(1)), std::out_of_range);
}

TEST(LayerElements, EnterAndLeaveTheTensorParallelRegionInTurns) {
  for (const std::string& model : model_names()) {
    const Llm llm = load_model(model);
    for (std::int64_t layer = 0; layer < llm.layers; ++layer) {
      bool inside = false;
      int regions = 0;
      for (const LayerElement& element : layer_elements(llm, layer)) {
        ASSERT_EQ(element.inside, inside) << model << " layer " << layer;
        if (std::holds_alternative<Enter>(element.block)) inside = true;
        if (!std::holds_alternative<Leave>(element.block)) continue;
        inside = false;
        ++regions;
      }
      ASSERT_EQ(regions, llm.parallel ? 1 : 2) << model << " layer " << layer;
      ASSERT_FALSE(inside);
    }
  }
}

TEST(LayerElements, DivideMatricesAlongOneDimensionAtMost) {
  // The first linear layer of a pair by its rows, the second by its columns: no collective lies between them.
  for (const std::string& model : model_names()) {
    const Llm llm = load_model(model);
    for (const LayerKind& kind : layer_kinds(llm)) {
      for (const LayerElement& element : layer_elements(llm, kind.first)) {
        const auto* linear = std::get_if<Linear>(&element.block);
        if (linear == nullptr) continue;
        for (const Width& out : linear->out) EXPECT_FALSE(linear->in.split && out.split) << linear->names.trainer;
        EXPECT_FALSE(linear->names.engine.empty());
      }
    }
  }
}

TEST(LayerElements, HaveACoreAttention) {
  EXPECT_EQ(core_attention(embedding_elements(load_model("llama-3-8b"))), nullptr);
  const auto elements = layer_elements(load_model("deepseek-v3"), 7);
  ASSERT_NE(core_attention(elements), nullptr);
  EXPECT_EQ(core_attention(elements)->latent_dim, 512);
  EXPECT_EQ(core_attention(elements)->queries.size, 192);
}

TEST(HeadElements, TieTheLogitsWeight) {
  for (const bool tied : {false, true}) {
    Llm llm = load_model("llama-3-8b");
    llm.tied_embeddings = tied;
    EXPECT_EQ(head_parameters(llm), tied ? 0 : 128256 * 4096);
  }
}

TEST(ParallelBlock, TrainsWithOneReductionEachWay) {
  const auto block = parallel_block();
  const TrainingReading reading = training_reading(32, 4);
  const auto forward = forward_ops(reading, block), backward = backward_ops(reading, block);
  EXPECT_EQ(labels(forward), (Labels{"norm", "qkv and up", "attention", "activation", "attention out", "down",
                                     "all_reduce", "residual"}));
  EXPECT_EQ(count(forward, CollectiveKind::all_reduce, LayerOp::Kind::collective), 1);
  EXPECT_EQ(count(backward, CollectiveKind::all_reduce, LayerOp::Kind::start_collective), 1);
  // 2·32 tokens · (64·(3·64 + 256) + 64·64 + 256·64)/4 weights.
  EXPECT_EQ(gemm_flops(forward), 2.0 * 32 * (64 * 448 + 64 * 64 + 256 * 64) / 4);
  EXPECT_EQ(gemm_flops(input_gradient_ops(reading, block)), gemm_flops(forward));
  EXPECT_EQ(gemm_flops(weight_gradient_ops(reading, block)), gemm_flops(forward));
  EXPECT_EQ(labels(recompute_ops(reading, block, true)), labels(forward));
}

TEST(ParallelBlock, ServesPromptsAndDecodes) {
  const ServedLayer layer = served(parallel_block());
  const ServingReading reading = serving_reading(4);
  EXPECT_EQ(labels(serving_ops(reading, layer.before, 32)), (Labels{"norm", "qkv and up"}));
  EXPECT_EQ(labels(serving_ops(reading, layer.after, 32)),
            (Labels{"activation", "attention out", "down", "all_reduce"}));
  EXPECT_EQ(labels(prefill_ops(reading, layer.attention, 1, 32, 32)), Labels{"attention prefill"});
  EXPECT_EQ(labels(decode_ops(reading, layer.attention, 4, 128)), Labels{"attention decode"});
}

TEST(ParallelBlock, HasParametersCacheAndMemory) {
  const auto block = parallel_block();
  const std::int64_t matrices = 64 * 448 + 64 * 64 + 256 * 64;
  EXPECT_EQ(layer_parameters(block).total(), 64 + matrices);
  const RankWeights weights = rank_weights(block, 4);
  EXPECT_EQ(weights.linear.parameters(4), matrices / 4);
  EXPECT_EQ(weights.plain.parameters(4), 64);
  EXPECT_EQ(cached_values(block, 4), 2 * 16);
  // One norm's and one region's input whole; q, k, v, out and the MLP's two widths on four ranks.
  EXPECT_EQ(kept_bytes(training_reading(32, 4), block).value(), 2.0 * 32 * (2 * 64 + (4 * 64 + 2 * 256) / 4));
  EXPECT_EQ(score_bytes(training_reading(32, 4), block).value(), 4.0 * 32 * 4 / 4);
  EXPECT_EQ(widest_values(block, 64, 1), 64 + 2 * 256);
}

}  // namespace
}  // namespace orrery::models
