// Recurrent mixers of every kind: their tensors one by one, what a sequence keeps, and the products of prompts and
// decodes, for heads so small that they can be counted by hand.
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "models/layer/cache.hpp"
#include "models/layer/flops.hpp"
#include "models/layer/parameters.hpp"
#include "models/layer/serving.hpp"
#include "tests/models/layer_jobs.hpp"

namespace orrery::models {
namespace {

using testing::find;
using testing::labels;
using testing::serving_reading;
using testing::training_reading;

/// Hidden 64, two key heads of 8, four value heads of 16, four taps.
RecurrentConfig mixer(RecurrentKind kind) {
  RecurrentConfig r;
  r.kind = kind;
  r.key_heads = 2;
  r.value_heads = 4;
  r.key_dim = 8;
  r.value_dim = 16;
  r.conv = 4;
  r.chunk = 64;
  r.dt_rank = 5;
  return r;
}

/// A model of one layer: the mixer behind a norm of 64, nothing else.
Llm model(const RecurrentConfig& recurrent) {
  Llm llm;
  llm.hidden = 64;
  llm.layers = 1;
  llm.vocab = 10;
  LayerConfig layer;
  layer.mixer = Mixer::recurrent;
  layer.feed_forward = FeedForward::none;
  layer.recurrent = recurrent;
  llm.kinds = {layer};
  llm.layer_kinds = {0};
  return llm;
}

std::int64_t attention_parameters(const RecurrentConfig& recurrent) {
  return layer_parameters(model(recurrent), 0).attention;
}

const Recurrence& recurrence(const std::vector<LayerElement>& elements) {
  for (const LayerElement& element : elements) {
    if (const auto* found = std::get_if<Recurrence>(&element.block)) return *found;
  }
  throw std::logic_error("no recurrence");
}

LayerCache cache(const RecurrentConfig& recurrent, std::int64_t tensor = 1) {
  return layer_cache(layer_elements(model(recurrent), 0), tensor);
}

TEST(RecurrentParameters, OfTheGatedDeltaRule) {
  // in_proj_qkvz 64·(16 + 16 + 64 + 64), in_proj_ba 64·(4 + 4), conv1d 4·(16 + 16 + 64), A_log and dt_bias 4 + 4, norm
  // 16, out_proj 64·64.
  EXPECT_EQ(attention_parameters(mixer(RecurrentKind::gated_delta)), 64 * 160 + 64 * 8 + 4 * 96 + 8 + 16 + 64 * 64);
}

TEST(RecurrentParameters, OfKimisDeltaRule) {
  // q, k, v 64·(16 + 16 + 64); decay 64·5 + 5·16; beta 64·2; gate 64·5 + 5·64; convolutions 4·96; A_log 2, dt_bias 16;
  // norm 16; out 64·64.
  EXPECT_EQ(attention_parameters(mixer(RecurrentKind::kimi_delta)),
            64 * 96 + 64 * 5 + 5 * 16 + 64 * 2 + 64 * 5 + 5 * 64 + 4 * 96 + 2 + 16 + 16 + 64 * 64);
}

TEST(RecurrentParameters, OfLightningAttention) {
  // q, k, v and the gate 64·(16 + 16 + 64 + 64), norm over all 64, out 64·64: no convolution, no decay to learn.
  EXPECT_EQ(attention_parameters(mixer(RecurrentKind::lightning)), 64 * 160 + 64 + 64 * 64);
}

TEST(RecurrentParameters, OfMamba2WithAndWithoutBiases) {
  // in_proj 64·(64 + 64 + 2·2·8 + 4), conv1d 4·(64 + 32), A_log, D and dt_bias 3·4, norm 64, out_proj 64·64.
  RecurrentConfig r = mixer(RecurrentKind::mamba2);
  const std::int64_t plain = 64 * 164 + 4 * 96 + 12 + 64 + 64 * 64;
  EXPECT_EQ(attention_parameters(r), plain);
  r.conv_bias = true;
  EXPECT_EQ(attention_parameters(r), plain + 96);
  r.bias = true;
  EXPECT_EQ(attention_parameters(r), plain + 96 + 164 + 64);
}

/// A state of 8 values for each of 64 channels.
RecurrentConfig channels(RecurrentKind kind) {
  RecurrentConfig r = mixer(kind);
  r.key_heads = r.value_dim = 1;
  r.value_heads = 64;
  return r;
}

TEST(RecurrentParameters, OfMamba) {
  // in_proj 64·128, conv1d 4·64, x_proj 64·(5 + 16), dt_proj 5·64 + 64, A_log 64·8, D 64, out_proj 64·64.
  EXPECT_EQ(attention_parameters(channels(RecurrentKind::mamba)),
            64 * 128 + 4 * 64 + 64 * 21 + 5 * 64 + 64 + 64 * 8 + 64 + 64 * 64);
}

TEST(RecurrentParameters, OfTheGatedRecurrence) {
  // linear_x and linear_y 64·128, conv1d 4·64, two gates of four blocks 16·16 with biases, Λ 64, linear_out 64·64.
  RecurrentConfig r = mixer(RecurrentKind::rg_lru);
  EXPECT_EQ(attention_parameters(r), 64 * 128 + 4 * 64 + 2 * (4 * 16 * 16 + 64) + 64 + 64 * 64);
}

TEST(RecurrentCaches, AreAStateInFp32AndTapsIn16Bits) {
  // A state of 8·16 in each of 4 heads, three taps of 96 channels.
  EXPECT_EQ(cache(mixer(RecurrentKind::gated_delta)).state.value(), 4.0 * 4 * 128 + 2.0 * 3 * 96);
  EXPECT_EQ(cache(mixer(RecurrentKind::kimi_delta)).state.value(), 4.0 * 4 * 128 + 2.0 * 3 * 96);
  EXPECT_EQ(cache(mixer(RecurrentKind::mamba2)).state.value(), 4.0 * 4 * 128 + 2.0 * 3 * 96);
  EXPECT_EQ(cache(mixer(RecurrentKind::lightning)).state.value(), 4.0 * 4 * 128) << "no convolution, no taps";
  EXPECT_EQ(cache(channels(RecurrentKind::mamba)).state.value(), 4.0 * 64 * 8 + 2.0 * 3 * 64);
  for (const RecurrentKind kind : {RecurrentKind::gated_delta, RecurrentKind::mamba2, RecurrentKind::lightning}) {
    EXPECT_EQ(cache(mixer(kind)).values, 0);
    EXPECT_EQ(cache(mixer(kind)).recent_values, 0);
    EXPECT_EQ(cache(mixer(kind), 4).state.value(), cache(mixer(kind)).state.value() / 4) << "ranks share the heads";
  }
}

TEST(RecurrentCaches, DoNotGrowWithTheSequence) {
  const LayerCache kept = cache(mixer(RecurrentKind::mamba2));
  EXPECT_EQ(sequence_bytes(kept, 1, 0, Dtype::bf16), kept.state);
  EXPECT_EQ(sequence_bytes(kept, 1'000'000, 64, Dtype::bf16), kept.state);
  EXPECT_EQ(sequence_bytes(kept, 0, 64, Dtype::bf16).value(), 0.0);
}

TEST(RecurrentPrompts, RunTheProductsOfTheirChunks) {
  // 150 tokens of two prompts: 2·3 chunks of 64 tokens in 4 heads.
  const auto ops = prefill_ops(serving_reading(),
                               served(layer_elements(model(mixer(RecurrentKind::mamba2)), 0)).attention, 2, 150, 150);
  EXPECT_EQ(labels(ops), (std::vector<std::string_view>{"chunk scores", "chunk values", "state read", "state update",
                                                        "selective scan", "states"}));
  const auto gemm = [&](std::string_view label) { return std::get<kernels::GemmShape>(find(ops, label)->kernel); };
  EXPECT_EQ(gemm("chunk scores").batch, 6 * 4);
  EXPECT_EQ(gemm("chunk scores").m, 64);
  EXPECT_EQ(gemm("chunk scores").k, 8);
  EXPECT_EQ(gemm("chunk values").n, 16);
  EXPECT_EQ(gemm("state update").m, 8);
  EXPECT_EQ(gemm("state update").k, 64);
  // The states of all heads, once for each chunk, in fp32.
  const auto& states = std::get<kernels::MemoryShape>(find(ops, "states")->kernel);
  EXPECT_EQ(states.elements, 6 * 4 * 128);
  EXPECT_EQ(states.read.value(), 4.0 * 6 * 4 * 128);
  EXPECT_EQ(states.written, states.read);
}

TEST(RecurrentPrompts, OfDeltaRulesHaveAnotherProductOfScores) {
  const auto count = [](RecurrentKind kind) {
    const auto ops = prefill_ops(serving_reading(), served(layer_elements(model(mixer(kind)), 0)).attention, 1, 64, 64);
    const auto all = labels(ops);
    return std::count(all.begin(), all.end(), "chunk scores");
  };
  EXPECT_EQ(count(RecurrentKind::gated_delta), 2);
  EXPECT_EQ(count(RecurrentKind::kimi_delta), 2);
  EXPECT_EQ(count(RecurrentKind::lightning), 1);
}

TEST(RecurrentPrompts, ShorterThanAChunkAreOneOfTheirLength) {
  const auto ops = prefill_ops(serving_reading(),
                               served(layer_elements(model(mixer(RecurrentKind::mamba2)), 0)).attention, 1, 10, 10);
  EXPECT_EQ(std::get<kernels::GemmShape>(find(ops, "chunk scores")->kernel).m, 10);
  EXPECT_EQ(std::get<kernels::GemmShape>(find(ops, "chunk scores")->kernel).batch, 4);
}

TEST(RecurrentPrompts, OfAStatePerChannelKeepItInRegisters) {
  const auto layer = served(layer_elements(model(channels(RecurrentKind::mamba)), 0));
  const auto ops = prefill_ops(serving_reading(), layer.attention, 3, 500, 500);
  EXPECT_EQ(labels(ops), (std::vector<std::string_view>{"selective scan", "states"}));
  EXPECT_EQ(std::get<kernels::MemoryShape>(find(ops, "states")->kernel).elements, 3 * 64 * 8) << "once a prompt";
}

TEST(RecurrentDecodes, PassOverTheStatesWhateverTheContext) {
  const auto layer = served(layer_elements(model(mixer(RecurrentKind::gated_delta)), 0));
  const auto near = decode_ops(serving_reading(2), layer.attention, 8, 8);
  const auto far = decode_ops(serving_reading(2), layer.attention, 8, 8'000'000);
  ASSERT_EQ(labels(near), std::vector<std::string_view>{"gated delta rule"});
  EXPECT_EQ(near.front().kernel, far.front().kernel);
  const auto& pass = std::get<kernels::MemoryShape>(near.front().kernel);
  EXPECT_EQ(pass.elements, 8 * 2 * 128) << "two of four heads a rank";
  EXPECT_EQ(pass.read.value(), 4.0 * 8 * 2 * 128);
}

TEST(RecurrentFlops, CountTheStatesProducts) {
  // Of a token: two multiply-adds (three of a delta rule) for each of the state's 4·8·16 values, beside its matrices.
  const auto flops = [](RecurrentKind kind) {
    return layer_forward_flops_per_token(model(mixer(kind)), 0, 1000, true).value();
  };
  const double lightning = 64.0 * 160 + 64 * 64, state = 4.0 * 8 * 16;
  EXPECT_EQ(flops(RecurrentKind::lightning), 2.0 * (lightning + 2.0 * state));
  const double delta = 64.0 * 160 + 64 * 8 + 64 * 64;
  EXPECT_EQ(flops(RecurrentKind::gated_delta), 2.0 * (delta + 3.0 * state));
  EXPECT_EQ(layer_forward_flops_per_token(model(mixer(RecurrentKind::lightning)), 0, 10, false),
            layer_forward_flops_per_token(model(mixer(RecurrentKind::lightning)), 0, 100'000, false));
}

TEST(RecurrentTraining, PassesOverTheStateOnceAChunk) {
  // Of a token: 16 + 16 + 64 values read, 64 written, and a 64th of the state's 512 values in fp32 each way.
  const auto elements = layer_elements(model(mixer(RecurrentKind::lightning)), 0);
  EXPECT_EQ(recurrence(elements).state.whole(), 512);
  const auto ops = forward_ops(training_reading(640), elements);
  const auto& pass = std::get<kernels::MemoryShape>(find(ops, "lightning attention")->kernel);
  EXPECT_EQ(pass.elements, 640 * 64);
  EXPECT_DOUBLE_EQ(pass.read.value(), 640 * (2.0 * 96 + 4.0 * 512 / 64));
  EXPECT_DOUBLE_EQ(pass.written.value(), 640 * (2.0 * 64 + 4.0 * 512 / 64));
}

}  // namespace
}  // namespace orrery::models
