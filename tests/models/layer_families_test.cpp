// Every architecture of the table through every reading of its layers: whatever a layer is made of, the readings tell
// one story of it.
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "models/architectures/decoder.hpp"
#include "models/architectures/hf_config.hpp"
#include "models/layer/activations.hpp"
#include "models/layer/cache.hpp"
#include "models/layer/flops.hpp"
#include "models/layer/parameters.hpp"
#include "tests/models/layer_jobs.hpp"
#include "tests/models/more_family_configs.hpp"

namespace orrery::models {
namespace {

using testing::gemm_flops;
using testing::labels;
using testing::serving_reading;
using testing::training_reading;
using Elements = std::vector<LayerElement>;

class FamilyReadings : public ::testing::TestWithParam<FamilyConfig> {
 protected:
  FamilyReadings() : llm_(read_hf_config(decoder(GetParam().type, GetParam().more), "tiny.json")) {
    for (const LayerKind& kind : layer_kinds(llm_)) kinds_.push_back(layer_elements(llm_, kind.first));
  }

  Llm llm_;
  std::vector<Elements> kinds_;  ///< elements of each kind of layer
};

/// FLOPs of GEMMs but an index's scores, whose keys depend on the sequence.
double linear_flops(const std::vector<LayerOp>& ops) {
  std::vector<LayerOp> linear;
  for (const LayerOp& op : ops) {
    if (op.label != "index scores") linear.push_back(op);
  }
  return gemm_flops(linear);
}

/// Of the linear layers, written out: 2·tokens·in·out.
double linear_flops(const Elements& elements, double tokens) {
  double sum = 0.0;
  for (const LayerElement& element : elements) {
    const auto* linear = std::get_if<Linear>(&element.block);
    if (linear != nullptr) sum += 2.0 * tokens * static_cast<double>(linear->in.whole() * linear->out.whole());
  }
  return sum;
}

TEST_P(FamilyReadings, TrainingRunsEveryLinearLayerForwardAndTwiceBackward) {
  const TrainingReading reading = training_reading(96);
  for (const Elements& elements : kinds_) {
    const double forward = linear_flops(forward_ops(reading, elements));
    EXPECT_EQ(forward, linear_flops(elements, 96.0));
    EXPECT_EQ(linear_flops(backward_ops(reading, elements)), 2.0 * forward);
    EXPECT_EQ(linear_flops(input_gradient_ops(reading, elements)), forward);
    EXPECT_EQ(linear_flops(weight_gradient_ops(reading, elements)), forward);
    EXPECT_EQ(labels(recompute_ops(reading, elements, true)), labels(forward_ops(reading, elements)));
  }
}

TEST_P(FamilyReadings, ServingRunsTheSameLinearLayers) {
  for (const Elements& elements : kinds_) {
    const ServedLayer layer = served(elements);
    double sum = gemm_flops(serving_ops(serving_reading(), layer.before, 96)) +
                 gemm_flops(serving_ops(serving_reading(), layer.after, 96)) + linear_flops(layer.attention, 96.0);
    EXPECT_EQ(sum, linear_flops(elements, 96.0));
    // What is not attention's own stands before or behind it, each element once; fused ones are fewer.
    EXPECT_LE(layer.before.size() + layer.attention.size() + layer.after.size(), elements.size());
  }
}

TEST_P(FamilyReadings, FlopsOfATokenAreThoseOfItsLinearLayersExpertsAndStates) {
  for (std::size_t i = 0; i < kinds_.size(); ++i) {
    double states = 0.0, experts = 0.0;
    for (const LayerElement& element : kinds_[i]) {
      if (const auto* e = std::get_if<Recurrence>(&element.block)) {
        states += 2.0 * static_cast<double>(e->products * e->state.whole());
      }
      if (const auto* e = std::get_if<Experts>(&element.block)) {
        experts += 2.0 * static_cast<double>(e->topk * (e->gated ? 3 : 2) * e->hidden * e->inter);
      }
    }
    const std::int64_t layer = layer_kinds(llm_)[i].first;
    EXPECT_DOUBLE_EQ(layer_forward_flops_per_token(llm_, layer, 0, false).value(),
                     linear_flops(kinds_[i], 1.0) + states + experts);
  }
}

TEST_P(FamilyReadings, CausalAttentionIsHalfOfFullAttentionAtMost) {
  for (const LayerKind& kind : layer_kinds(llm_)) {
    const double none = layer_forward_flops_per_token(llm_, kind.first, 0, false).value();
    double last = none;
    for (const std::int64_t sequence : {1, 7, 8, 9, 64, 1000, 4096, 10'000}) {
      const double full = layer_forward_flops_per_token(llm_, kind.first, sequence, false).value() - none;
      const double causal = layer_forward_flops_per_token(llm_, kind.first, sequence, true).value() - none;
      EXPECT_LE(causal, full * (1.0 + 1e-12)) << sequence;
      EXPECT_GE(causal, 0.5 * full * (1.0 - 1e-12)) << "a window is cut off less: " << sequence;
      EXPECT_GE(none + full, last * (1.0 - 1e-12)) << "more tokens, no fewer keys: " << sequence;
      last = none + full;
    }
  }
}

TEST_P(FamilyReadings, ARankOfOneHoldsTheWholeLayerAndMoreRanksNoMore) {
  for (const Elements& elements : kinds_) {
    const std::int64_t all = layer_parameters(elements).total();
    EXPECT_EQ(rank_weights(elements, 1).parameters(1), all);
    std::int64_t before = all;
    for (const std::int64_t tensor : {2, 4, 8}) {
      const std::int64_t held = rank_weights(elements, tensor).parameters(tensor);
      EXPECT_LE(held, before) << tensor;
      EXPECT_GE(held * tensor, all) << "nothing is lost: " << tensor;
      before = held;
    }
  }
}

TEST_P(FamilyReadings, CachesOfMoreRanksAreNoLargerAndNoneIsLost) {
  for (const Elements& elements : kinds_) {
    const LayerCache one = layer_cache(elements, 1), two = layer_cache(elements, 2);
    EXPECT_LE(two.values, one.values);
    EXPECT_GE(2 * two.values, one.values);
    EXPECT_LE(two.recent_values, one.recent_values);
    EXPECT_LE(two.state, one.state);
    EXPECT_GE(2.0 * two.state.value(), one.state.value() * (1.0 - 1e-12));
    EXPECT_EQ(two.index, one.index) << "every rank computes an index whole";
    EXPECT_EQ(cached_values(elements, 1), one.values + one.recent_values);
  }
}

TEST_P(FamilyReadings, WhatSequencesKeepGrowsWithThemAndByAWindowAtMost) {
  for (const Elements& elements : kinds_) {
    const LayerCache cache = layer_cache(elements, 1);
    Bytes last;
    for (std::int64_t tokens = 1; tokens <= 10'000; tokens *= 3) {
      const Bytes kept = sequence_bytes(cache, tokens, 0, Dtype::bf16);
      EXPECT_GE(kept, last) << tokens;
      EXPECT_LE(kept,
                static_cast<double>(tokens) * (cache.per_token(Dtype::bf16) + cache.per_recent_token(Dtype::bf16)) +
                    cache.state);
      last = kept;
    }
  }
}

TEST_P(FamilyReadings, ActivationsAreLinearInTheBatchAndShardedByItsSequence) {
  for (const Elements& elements : kinds_) {
    TrainingReading one = training_reading(64, 2), two = one, sharded = training_reading(64, 2, true);
    two.batch = 2;
    EXPECT_DOUBLE_EQ(kept_bytes(two, elements).value(), 2.0 * kept_bytes(one, elements).value());
    EXPECT_DOUBLE_EQ(score_bytes(two, elements).value(), 2.0 * score_bytes(one, elements).value());
    EXPECT_LE(kept_bytes(sharded, elements), kept_bytes(one, elements));
    EXPECT_LE(kept_bytes(one, elements), kept_bytes(training_reading(64, 1), elements));
    EXPECT_GT(kept_bytes(one, elements).value(), 0.0);
  }
}

TEST_P(FamilyReadings, TensorParallelRegionsCloseAndReduceOncePerRegion) {
  const TrainingReading reading = training_reading(64, 2);
  for (const Elements& elements : kinds_) {
    std::int64_t regions = 0;
    bool inside = false;
    for (const LayerElement& element : elements) {
      EXPECT_EQ(element.inside, inside);
      if (std::holds_alternative<Enter>(element.block)) inside = true;
      if (!std::holds_alternative<Leave>(element.block)) continue;
      inside = false;
      ++regions;
    }
    EXPECT_FALSE(inside);
    const auto reduces = [](const std::vector<LayerOp>& ops) {
      return std::count_if(ops.begin(), ops.end(),
                           [](const LayerOp& op) { return op.kind == LayerOp::Kind::collective; });
    };
    EXPECT_EQ(reduces(forward_ops(reading, elements)), regions);
    const ServedLayer layer = served(elements);
    EXPECT_EQ(reduces(serving_ops(serving_reading(2), layer.before, 4)) +
                  reduces(serving_ops(serving_reading(2), layer.after, 4)),
              regions);
    EXPECT_EQ(reduces(serving_ops(serving_reading(1), layer.after, 4)), 0) << "one rank reduces nothing";
  }
}

TEST_P(FamilyReadings, ListingTheLayersAndSettingThemAgainChangesNothing) {
  Llm again = llm_;
  set_layers(again, equal_layers(llm_));
  ASSERT_EQ(equal_layers(again), equal_layers(llm_));
  EXPECT_EQ(parameters(again), parameters(llm_));
  EXPECT_EQ(active_parameters(again), active_parameters(llm_));
  EXPECT_EQ(kv_bytes_per_token(again, Dtype::bf16), kv_bytes_per_token(llm_, Dtype::bf16));
  std::int64_t counted = 0;
  for (const LayerKind& kind : layer_kinds(again)) counted += kind.count;
  EXPECT_EQ(counted, llm_.layers);
}

TEST_P(FamilyReadings, ACheckpointIn16BitsHasTwoBytesAParameter) {
  EXPECT_DOUBLE_EQ(checkpoint_bytes(llm_).value(), 2.0 * static_cast<double>(parameters(llm_)));
  EXPECT_LE(routed_parameters(llm_), parameters(llm_));
  EXPECT_LE(active_parameters(llm_), parameters(llm_));
  EXPECT_GE(active_parameters(llm_), parameters(llm_) - routed_parameters(llm_));
}

INSTANTIATE_TEST_SUITE_P(Table, FamilyReadings, ::testing::ValuesIn(all_family_configs()),
                         [](const auto& of) { return std::string(of.param.type); });

}  // namespace
}  // namespace orrery::models
