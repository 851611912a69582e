// The closed forms against the numbers that their papers print.
#include "models/memory_formulas.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>

#include <gtest/gtest.h>

#include "models/hf_config.hpp"
#include "models/llm.hpp"
#include "models/schedule/schedule.hpp"

namespace orrery::models {
namespace {

constexpr double kGiB = 1073741824.0;

/// A row of Korthikanti et al. 2022, arXiv:2205.05198 Table 3 and figure 1 (GiB of rank 0), as
/// calculon-ai/calculon calculon/llm/validation.py transcribes the figure. The authors computed these, too.
struct Figure1 {
  const char* model;
  int pipeline, chunks;
  std::int64_t microbatch;
  double states, activations_none, activations_present;  ///< "present": sequence parallel and selective
};

constexpr int kTensor = 8;
constexpr Figure1 kFigure1[] = {
    {"korthikanti-22b", 1, 1, 4, 45.5625, 59.25, 9.5625},
    {"korthikanti-175b", 8, 3, 1, 45.5625, 66.84375, 12.3515625},
    {"korthikanti-530b", 35, 3, 1, 31.640625, 114.0234375, 23.076171875},
    {"korthikanti-1t", 64, 1, 1, 32.958984375, 131.25, 26.5625},
};

ActivationShape shape_of(const Figure1& row, bool sequence_parallel) {
  const Llm llm = load_model(row.model);
  return {2048, row.microbatch, llm.hidden, llm.attention.heads, kTensor, sequence_parallel};
}

TEST(ModelStates, OfFigure1AreEighteenBytesPerMatrixWeight) {
  // 18·12h²·L/(p·t): no embedding, no biases, no norms. 22B: 18·12·6144²·48/8 B = 45.5625 GiB.
  for (const Figure1& row : kFigure1) {
    const Llm llm = load_model(row.model);
    const double h = static_cast<double>(llm.hidden);
    const double matrices = 12.0 * h * h * static_cast<double>(llm.layers) / (row.pipeline * kTensor);
    EXPECT_EQ(model_state_memory(*find_model_state_preset("megatron_18"), matrices, 1).value() / kGiB, row.states)
        << row.model;
  }
}

TEST(Activations, OfFigure1AreLayersInFlightOfTable2) {
  // No embedding, head or logits; L·(1 + (p−1)/(p·m)) layers where interleaved, L where not.
  for (const Figure1& row : kFigure1) {
    const double layers = first_stage_layers_in_flight(load_model(row.model).layers, row.pipeline, row.chunks);
    const Bytes none = activations_per_layer(shape_of(row, false), Recompute::none);
    const Bytes present = activations_per_layer(shape_of(row, true), Recompute::selective);
    EXPECT_NEAR((layers * none).value() / kGiB, row.activations_none, 1e-9) << row.model;
    EXPECT_NEAR((layers * present).value() / kGiB, row.activations_present, 1e-9) << row.model;
  }
}

TEST(Activations, OfFigure7AreThePrintedPercentages) {
  // Ibid. figure 7, percent of plain tensor parallelism: sequence parallel, selective, both, full. The bars are read
  // off to some 0.1.
  struct Bars {
    const char* model;
    double sequence, selective, both, full;
  };
  for (const Bars& bars :
       {Bars{"korthikanti-22b", 66.84, 49.42, 16.18, 7.64}, Bars{"korthikanti-175b", 62.04, 56.53, 18.49, 8.71},
        Bars{"korthikanti-530b", 58.31, 62.04, 20.27, 9.42}}) {
    const Figure1 row{bars.model, 1, 1, 1, 0, 0, 0};
    const Bytes all = activations_per_layer(shape_of(row, false), Recompute::none);
    const auto percent = [&](bool sequence_parallel, Recompute recompute) {
      return 100.0 * (activations_per_layer(shape_of(row, sequence_parallel), recompute) / all);
    };
    EXPECT_NEAR(percent(true, Recompute::none), bars.sequence, 0.15) << bars.model;
    EXPECT_NEAR(percent(false, Recompute::selective), bars.selective, 0.15) << bars.model;
    EXPECT_NEAR(percent(true, Recompute::selective), bars.both, 0.15) << bars.model;
    EXPECT_NEAR(percent(false, Recompute::full), bars.full, 0.15) << bars.model;
  }
}

TEST(Activations, OfOneGpuAreThirtyFourBytesAndTheScores) {
  // s = 4, b = 2, h = 8, a = 2: 64 values · (34 + 5·2·4/8 = 5) = 2496 B; no sharding, so both forms agree.
  ActivationShape shape{4, 2, 8, 2, 1, false};
  EXPECT_EQ(activations_per_layer(shape, Recompute::none).value(), 2496.0);
  EXPECT_EQ(activations_per_layer(shape, Recompute::selective).value(), 64.0 * 34);
  EXPECT_EQ(activations_per_layer(shape, Recompute::full).value(), 128.0);
  shape.sequence_parallel = true;
  EXPECT_EQ(activations_per_layer(shape, Recompute::none).value(), 2496.0);
}

TEST(Activations, WithSequenceParallelismAreDividedByTheRanks) {
  const ActivationShape one{2048, 1, 12288, 96, 1, false};
  const ActivationShape eight{2048, 1, 12288, 96, 8, true};
  for (const Recompute recompute : {Recompute::none, Recompute::selective, Recompute::full}) {
    EXPECT_EQ(activations_per_layer(eight, recompute), activations_per_layer(one, recompute) / 8.0);
  }
}

TEST(SelectiveRecompute, SavesThePrintedShares) {
  // Ibid. §5 prints 70 % for GPT-3 and 65 % for MT-NLG 530B: 80/(34+80) and 64/(34+64).
  const auto share = [](const char* model) {
    return selective_recompute_share(shape_of({model, 1, 1, 1, 0, 0, 0}, true));
  };
  EXPECT_EQ(share("korthikanti-175b"), 80.0 / 114.0);
  EXPECT_EQ(share("korthikanti-530b"), 64.0 / 98.0);
  EXPECT_EQ(share("korthikanti-1t"), 64.0 / 98.0);
  EXPECT_NEAR(share("korthikanti-22b"), 0.758, 0.0005);
  EXPECT_NEAR(share("korthikanti-175b"), 0.702, 0.0005);
  EXPECT_NEAR(share("korthikanti-530b"), 0.653, 0.0005);
}

TEST(LayersInFlight, AreThoseThatTheScheduleHolds) {
  for (const auto& [name, k, v] :
       {std::tuple{"1f1b", 8, 1}, std::tuple{"interleaved_1f1b", 8, 3}, std::tuple{"interleaved_1f1b", 35, 3}}) {
    const PipelineShape shape{k, 8 * k, v};
    const int chunks = most_in_flight(find_schedule(name)->order(0, shape));
    const std::int64_t layers = 2 * k * v;  // two per chunk
    EXPECT_NEAR(first_stage_layers_in_flight(layers, k, v), 2.0 * chunks, 1e-9) << name << k;
  }
}

TEST(EmbeddingAndHead, AddSmallTerms) {
  // 22B, p = 1, b = 4: 4·2048·4·6144/8·(1 + 51200/6144) B: 0.21875 GiB.
  const ActivationShape shape = shape_of(kFigure1[0], true);
  EXPECT_NEAR(output_activations(shape, 51200).value() / kGiB, 0.21875, 1e-12);
  EXPECT_EQ(embedding_dropout_activations(shape, 1, 1).value(), 2048.0 * 4 * 6144 / 8);
  // 175B: sbh·p/t·(1 + 7/24).
  EXPECT_NEAR(embedding_dropout_activations(shape_of(kFigure1[1], true), 8, 3).value(), 2048.0 * 12288 * (1 + 7.0 / 24),
              1e-6);
}

TEST(Zero, DividesSevenAndAHalfBillionParametersOver64Gpus) {
  // Rajbhandari et al. 2020 figure 1: 120, 31.4, 16.6 and 1.9 GB.
  EXPECT_EQ(zero_memory(7.5e9, 0, 64).value(), 120e9);
  EXPECT_EQ(zero_memory(7.5e9, 1, 64).value(), 31.40625e9);   // 30 + 90/64
  EXPECT_EQ(zero_memory(7.5e9, 2, 64).value(), 16.640625e9);  // 15 + 105/64
  EXPECT_EQ(zero_memory(7.5e9, 3, 64).value(), 1.875e9);      // 120/64
  for (int stage = 0; stage <= 3; ++stage) EXPECT_EQ(zero_memory(7.5e9, stage, 1).value(), 120e9);
}

TEST(Zero, SendsHalfAsMuchAgainAtStageThree) {
  for (int stage = 0; stage <= 2; ++stage) EXPECT_EQ(zero_communication(1e9, stage).value(), 4e9);
  EXPECT_EQ(zero_communication(1e9, 3) / zero_communication(1e9, 2), 1.5);
}

TEST(ModelStatePresets, AreSixteenEighteenTwentyAndSixPlusTwelveOverRanks) {
  const auto memory = [](std::string_view name, double parameters, int ranks) {
    return model_state_memory(*find_model_state_preset(name), parameters, ranks).value();
  };
  EXPECT_EQ(memory("fused_20", 1.3e9, 1), 26e9);
  EXPECT_EQ(memory("zero_16", 7.5e9, 64), zero_memory(7.5e9, 0, 64).value());
  EXPECT_EQ(memory("megatron_18", 1e9, 64), 18e9);
  EXPECT_EQ(memory("distributed_optimizer", 1e9, 1), 18e9);
  EXPECT_EQ(memory("distributed_optimizer", 1e9, 64), 6e9 + 12e9 / 64);
  // GPT-2 XL has 1.5576 B parameters: 24.9, 28.0 and 31.2 GB.
  const std::string xl = R"({"model_type": "gpt2", "n_embd": 1600, "n_layer": 48, "n_head": 25, "vocab_size": 50257})";
  const double n = static_cast<double>(parameters(read_hf_config(xl, "gpt2-xl.json")));
  EXPECT_EQ(n, 1'557'611'200.0);  // as openai-community/gpt2-xl
  EXPECT_NEAR(memory("zero_16", n, 1), 24.9e9, 0.05e9);
  EXPECT_NEAR(memory("megatron_18", n, 1), 28.0e9, 0.05e9);
  EXPECT_NEAR(memory("fused_20", n, 1), 31.2e9, 0.05e9);
  EXPECT_EQ(find_model_state_preset("adam"), nullptr);
  for (const auto& preset : model_state_presets()) EXPECT_FALSE(preset.source.empty()) << preset.name;
}

TEST(TensorParallel, TakesTwoAllReducesEachWayAndTwoMoreToRecompute) {
  EXPECT_EQ(tensor_parallel_all_reduces(Recompute::none), 4);
  EXPECT_EQ(tensor_parallel_all_reduces(Recompute::selective), 4);
  EXPECT_EQ(tensor_parallel_all_reduces(Recompute::full), 6);
}

TEST(TensorParallel, SendsFourHundredSeventyMegabytesPerLayer) {
  // s = 4096, b = 1, h = 8192, t = 8: 4 · 2·7/8 · 4096·8192 · 2 B = 469,762,048 B.
  ActivationShape shape{4096, 1, 8192, 64, 8, false};
  EXPECT_EQ(tensor_parallel_traffic_per_layer(shape, Recompute::none).value(), 469'762'048.0);
  EXPECT_EQ(tensor_parallel_traffic_per_layer(shape, Recompute::full).value(), 1.5 * 469'762'048.0);
  shape.tensor_parallel = 1;
  EXPECT_EQ(tensor_parallel_traffic_per_layer(shape, Recompute::none).value(), 0.0);
}

}  // namespace
}  // namespace orrery::models
