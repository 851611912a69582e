// What layers keep, against the closed forms and figures that Korthikanti et al. 2022 (arXiv:2205.05198) print.
#include <cstdint>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include "models/architectures/hf_config.hpp"
#include "models/layer/activations.hpp"
#include "models/schedule/schedule.hpp"
#include "tests/models/layer_jobs.hpp"

namespace orrery::models {
namespace {

constexpr double kGiB = 1073741824.0;

/// Of a GPT in 16 bits with dropout and unfused attention, s = 2048.
TrainingReading korthikanti(std::int64_t batch, std::int64_t tensor, bool sequence_parallel) {
  TrainingReading reading = testing::training_reading(2048, tensor, sequence_parallel);
  reading.batch = batch;
  reading.dropout = true;
  reading.fused_attention = false;
  return reading;
}

/// Layers whose activations the first stage holds at most (§4.2.3): L, interleaved L·(1 + (p − 1)/(p·m)).
double layers_in_flight(std::int64_t layers, int stages, int chunks) {
  const double more = static_cast<double>(stages - 1) / static_cast<double>(stages * chunks);
  return static_cast<double>(layers) * (chunks > 1 ? 1.0 + more : 1.0);
}

/// A row of Table 3 and figure 1 (GiB of rank 0), as calculon-ai/calculon calculon/llm/validation.py transcribes it.
struct Figure1 {
  const char* model;
  int pipeline, chunks;
  std::int64_t microbatch;
  double activations_none, activations_present;  ///< "present": sequence parallel and selective
};

constexpr Figure1 kFigure1[] = {
    {"korthikanti-22b", 1, 1, 4, 59.25, 9.5625},
    {"korthikanti-175b", 8, 3, 1, 66.84375, 12.3515625},
    {"korthikanti-530b", 35, 3, 1, 114.0234375, 23.076171875},
    {"korthikanti-1t", 64, 1, 1, 131.25, 26.5625},
};

TEST(KeptBytes, AreTable2) {
  // sbh·(10 + 24/t) and 5·a·s²·b/t; with sequence parallelism 34·sbh/t.
  for (const Figure1& row : kFigure1) {
    const Llm llm = load_model(row.model);
    const auto elements = layer_elements(llm, 0);
    for (const std::int64_t t : {1, 2, 8}) {
      const TrainingReading plain = korthikanti(row.microbatch, t, false),
                            sharded = korthikanti(row.microbatch, t, true);
      const double values = 2048.0 * static_cast<double>(row.microbatch * llm.hidden), ranks = static_cast<double>(t);
      const double scores = 5.0 * static_cast<double>(llm.attention.heads * row.microbatch) * 2048 * 2048 / ranks;
      EXPECT_EQ(kept_bytes(plain, elements).value(), values * (10.0 + 24.0 / ranks)) << row.model;
      EXPECT_EQ(kept_bytes(sharded, elements).value(), values * 34.0 / ranks) << row.model;
      EXPECT_EQ(score_bytes(plain, elements).value(), scores) << row.model;
      EXPECT_EQ(score_bytes(sharded, elements).value(), scores) << row.model;
    }
  }
}

TEST(KeptBytes, OfFigure1AreLayersInFlight) {
  for (const Figure1& row : kFigure1) {
    const Llm llm = load_model(row.model);
    const auto elements = layer_elements(llm, 0);
    const double layers = layers_in_flight(llm.layers, row.pipeline, row.chunks);
    const TrainingReading plain = korthikanti(row.microbatch, 8, false), sharded = korthikanti(row.microbatch, 8, true);
    const Bytes none = kept_bytes(plain, elements) + score_bytes(plain, elements);
    EXPECT_NEAR((layers * none).value() / kGiB, row.activations_none, 1e-9) << row.model;
    EXPECT_NEAR((layers * kept_bytes(sharded, elements)).value() / kGiB, row.activations_present, 1e-9) << row.model;
  }
}

TEST(KeptBytes, OfFigure7AreThePrintedPercentages) {
  // Percent of plain tensor parallelism: sequence parallel, selective, both. The bars are read off to some 0.1.
  for (const auto& [model, sequence, selective, both] :
       {std::tuple{"korthikanti-22b", 66.84, 49.42, 16.18}, std::tuple{"korthikanti-175b", 62.04, 56.53, 18.49},
        std::tuple{"korthikanti-530b", 58.31, 62.04, 20.27}}) {
    const auto elements = layer_elements(load_model(model), 0);
    const TrainingReading plain = korthikanti(1, 8, false), sharded = korthikanti(1, 8, true);
    const Bytes scores = score_bytes(plain, elements), all = kept_bytes(plain, elements) + scores;
    EXPECT_NEAR(100.0 * ((kept_bytes(sharded, elements) + scores) / all), sequence, 0.15) << model;
    EXPECT_NEAR(100.0 * (kept_bytes(plain, elements) / all), selective, 0.15) << model;
    EXPECT_NEAR(100.0 * (kept_bytes(sharded, elements) / all), both, 0.15) << model;
  }
}

TEST(ScoreBytes, AreTheSharesThatSelectiveRecomputationSaves) {
  // §5 prints 70 % for GPT-3 and 65 % for MT-NLG 530B: 80/(34 + 80) and 64/(34 + 64).
  const auto share = [](const char* model) {
    const auto elements = layer_elements(load_model(model), 0);
    const TrainingReading reading = korthikanti(1, 8, true);
    const Bytes scores = score_bytes(reading, elements);
    return scores / (kept_bytes(reading, elements) + scores);
  };
  EXPECT_DOUBLE_EQ(share("korthikanti-175b"), 80.0 / 114.0);
  EXPECT_DOUBLE_EQ(share("korthikanti-530b"), 64.0 / 98.0);
  EXPECT_NEAR(share("korthikanti-22b"), 0.758, 0.0005);
}

TEST(ScoreBytes, OfAFusedKernelAreASumPerRow) {
  TrainingReading reading = korthikanti(2, 4, false);
  reading.fused_attention = true;
  const auto elements = layer_elements(load_model("korthikanti-22b"), 0);
  EXPECT_EQ(score_bytes(reading, elements).value(), 4.0 * 2 * 2048 * 64 / 4);
  EXPECT_EQ(score_bytes(reading, {}).value(), 0.0);
}

TEST(LayersInFlight, AreThoseThatTheScheduleHolds) {
  for (const auto& [name, k, v] :
       {std::tuple{"1f1b", 8, 1}, std::tuple{"interleaved_1f1b", 8, 3}, std::tuple{"interleaved_1f1b", 35, 3}}) {
    const int chunks = most_in_flight(find_schedule(name)->order(0, {k, 8 * k, v}));
    EXPECT_NEAR(layers_in_flight(2 * k * v, k, v), 2.0 * chunks, 1e-9) << name << k;  // two layers per chunk
  }
}

TEST(KeptBytes, OfEmbeddingAndHeadAreSmallTerms) {
  // §4.3: sbh/t of the embedding's dropout; 4·sbh/t·(1 + V/h) of final norm, head's input and fp32 logits. 22B, b = 4.
  const Llm llm = load_model("korthikanti-22b");
  TrainingReading reading = korthikanti(4, 8, true);
  const double values = 2048.0 * 4 * 6144 / 8;
  EXPECT_EQ(kept_bytes(reading, embedding_elements(llm)).value(), values);
  EXPECT_NEAR(kept_bytes(reading, head_elements(llm)).value() / kGiB, 0.21875, 1e-12);
  EXPECT_DOUBLE_EQ(kept_bytes(reading, head_elements(llm)).value(), 4.0 * values * (1.0 + 51200.0 / 6144));
  reading.dropout = false;
  EXPECT_EQ(kept_bytes(reading, embedding_elements(llm)).value(), 0.0);
}

TEST(KeptBytes, OfExpertsAreTheirRowsAndThePermutedInput) {
  // Mixtral: outside 2·2·h each of norms and inputs, attention 2·(2·heads + 2·kv)·d, experts topk·(3·inter + h).
  const Llm llm = load_model("mixtral-8x7b");
  const double outside = 4.0 * 4096, attention = (2.0 * 32 + 2.0 * 8) * 128, experts = 2.0 * (3 * 14336 + 4096);
  EXPECT_EQ(kept_bytes(testing::training_reading(100), layer_elements(llm, 0)).value(),
            2.0 * 100 * (outside + attention + experts));
}

TEST(KeptBytes, OfLatentAttentionHoldTheLatentsOnEveryRank) {
  const auto elements = layer_elements(load_model("deepseek-v3"), 0);
  const auto kept = [&](std::int64_t t) { return kept_bytes(testing::training_reading(100, t), elements).value(); };
  const double whole = 2.0 * 100 * (4.0 * 7168 + 1536 + 512 + 64);
  const double shared = 2.0 * 100 * (128.0 * (192 + 192 + 128 + 128) + 3.0 * 18432);
  EXPECT_EQ(kept(1), whole + shared);
  EXPECT_EQ(kept(8), whole + shared / 8);
}

TEST(WidestValues, AreOfTheWidestPart) {
  // Llama-3-8B: MLP, hidden + 3·inter; Mixtral: experts, 2·hidden + topk·(2·inter + inter).
  EXPECT_EQ(widest_values(layer_elements(load_model("llama-3-8b"), 0), 4096, 1), 4096 + 3 * 14336);
  EXPECT_EQ(widest_values(layer_elements(load_model("llama-3-8b"), 0), 4096, 8), 4096 + 3 * 1792);
  EXPECT_EQ(widest_values(layer_elements(load_model("mixtral-8x7b"), 0), 4096, 1), 2 * 4096 + 2 * 3 * 14336);
  // DeepSeek-V3's dense layers on one GPU: attention, whose queries' latent is gone.
  EXPECT_EQ(widest_values(layer_elements(load_model("deepseek-v3"), 0), 7168, 1),
            7168 + 128 * (192 + 192 + 128 + 128) + 512 + 64);
  EXPECT_EQ(widest_values({}, 64, 1), 0);
}

}  // namespace
}  // namespace orrery::models
