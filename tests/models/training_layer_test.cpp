#include <algorithm>

#include <gtest/gtest.h>

#include "models/training/layer.hpp"
#include "tests/models/training_jobs.hpp"

namespace orrery::models {
namespace {

using sim::CollectiveKind;
using testing::gpt_job;

int count(const std::vector<LayerOp>& ops, CollectiveKind kind) {
  return static_cast<int>(std::count_if(ops.begin(), ops.end(), [&](const LayerOp& op) {
    const bool collective = op.kind == LayerOp::Kind::collective || op.kind == LayerOp::Kind::start_collective;
    return collective && op.collective == kind;
  }));
}

TEST(Layer, ForwardMatrixFlopsFollowTheTransformerFormula) {
  // 24·b·s·h² + 4·b·s²·h for one layer (Narayanan et al. 2021, appendix): h = 2048, s = 2048, b = 1:
  // 24·2048·2048² + 4·2048²·2048 = 28·2048³ = 240,518,168,576.
  const TrainingJob job = gpt_job();
  const auto ops = forward_ops(job, layer_elements(job, 0));
  EXPECT_DOUBLE_EQ(matrix_flops(ops).value(), 28.0 * 2048.0 * 2048.0 * 2048.0);
}

TEST(Layer, BackwardHasTwiceTheMatrixFlopsOfForward) {
  const TrainingJob job = gpt_job();
  const auto elements = layer_elements(job, 0);
  EXPECT_DOUBLE_EQ(matrix_flops(backward_ops(job, elements)).value(),
                   2.0 * matrix_flops(forward_ops(job, elements)).value());
}

TEST(Layer, TensorParallelRanksShareTheMatrixFlopsEqually) {
  TrainingJob job = gpt_job();
  const double whole = matrix_flops(forward_ops(job, layer_elements(job, 0))).value();
  job.config.tensor_parallel = 8;
  EXPECT_DOUBLE_EQ(matrix_flops(forward_ops(job, layer_elements(job, 0))).value(), whole / 8.0);
}

TEST(Layer, TensorParallelismReducesTwiceForwardAndTwiceBackward) {
  // Shoeybi et al. 2019 §3: two all-reduces in each direction, and two more when the forward pass runs again.
  TrainingJob job = gpt_job();
  job.config.tensor_parallel = 8;
  const auto elements = layer_elements(job, 0);
  EXPECT_EQ(count(forward_ops(job, elements), CollectiveKind::all_reduce), 2);
  EXPECT_EQ(count(backward_ops(job, elements), CollectiveKind::all_reduce), 2);
  EXPECT_EQ(count(recompute_ops(job, elements, true), CollectiveKind::all_reduce), 2);
  EXPECT_EQ(count(recompute_ops(job, elements, false), CollectiveKind::all_reduce), 0);
}

TEST(Layer, OneTensorRankCommunicatesNothing) {
  const TrainingJob job = gpt_job();
  const auto elements = layer_elements(job, 0);
  for (const auto& ops : {forward_ops(job, elements), backward_ops(job, elements)}) {
    EXPECT_TRUE(
        std::all_of(ops.begin(), ops.end(), [](const LayerOp& op) { return op.kind == LayerOp::Kind::launch; }));
  }
}

TEST(Layer, TensorParallelBytesPerLayerMatchThePublishedExample) {
  // s = 4096, b = 1, h = 8192, t = 8: four all-reduces of 2·s·h bytes, 2(t−1)/t on the wire:
  // 4 · 2·7/8 · 2·4096·8192 = 469,762,048 bytes.
  TrainingJob job = gpt_job(8, 64);
  job.config.sequence_length = 4096;
  job.config.tensor_parallel = 8;
  const auto elements = layer_elements(job, 0);
  double wire = 0.0;
  for (const auto& ops : {forward_ops(job, elements), backward_ops(job, elements)}) {
    for (const LayerOp& op : ops) {
      if (op.bytes > Bytes{0.0}) wire += 2.0 * 7.0 / 8.0 * op.bytes.value();
    }
  }
  EXPECT_DOUBLE_EQ(wire, 469762048.0);
}

TEST(Layer, SequenceParallelismGathersAndScattersWithTheSameVolume) {
  TrainingJob job = gpt_job();
  job.config.tensor_parallel = 8;
  job.config.sequence_parallel = true;
  const auto elements = layer_elements(job, 0);
  const auto forward = forward_ops(job, elements);
  const auto backward = backward_ops(job, elements);
  EXPECT_EQ(count(forward, CollectiveKind::all_gather), 2);
  EXPECT_EQ(count(forward, CollectiveKind::reduce_scatter), 2);
  EXPECT_EQ(count(forward, CollectiveKind::all_reduce), 0);
  // Backward gathers the gradient twice and the two saved inputs again, and scatters twice.
  EXPECT_EQ(count(backward, CollectiveKind::all_gather), 4);
  EXPECT_EQ(count(backward, CollectiveKind::reduce_scatter), 2);
}

TEST(Layer, SelectiveRecomputationRunsOnlyTheCoreAttentionAgain) {
  TrainingJob job = gpt_job();
  job.config.recompute = Recompute::selective;
  const auto elements = layer_elements(job, 0);
  // Two batched GEMMs: 4·b·s²·h.
  EXPECT_DOUBLE_EQ(matrix_flops(recompute_ops(job, elements, false)).value(), 4.0 * 2048.0 * 2048.0 * 2048.0);
  job.config.attention = AttentionImplementation::flash;
  EXPECT_TRUE(recompute_ops(job, layer_elements(job, 0), false).empty());
}

TEST(Layer, EveryKernelPassesItsOwnCheck) {
  TrainingJob job = gpt_job();
  for (const auto attention : {AttentionImplementation::flash, AttentionImplementation::unfused}) {
    for (const double dropout : {0.0, 0.1}) {
      for (const int t : {1, 2, 8}) {
        job.config.attention = attention;
        job.config.dropout = dropout;
        job.config.tensor_parallel = t;
        for (const auto& elements : {layer_elements(job, 0), embedding_elements(job), head_elements(job)}) {
          for (const auto& ops : {forward_ops(job, elements), backward_ops(job, elements)}) {
            for (const LayerOp& op : ops) {
              if (op.kind != LayerOp::Kind::launch) continue;
              EXPECT_EQ(kernels::check(op.kernel), "") << op.label;
            }
          }
        }
      }
    }
  }
}

TEST(Layer, GatedMlpAndGroupedQueriesChangeTheShapes) {
  TrainingJob job = gpt_job(8, 64);
  job.llm.attention.kv_heads = 8;
  job.llm.mlp.gated = true;
  job.llm.mlp.inter = 28672;
  job.config.tensor_parallel = 8;
  std::int64_t qkv = 0, up = 0;
  for (const LayerOp& op : forward_ops(job, layer_elements(job, 0))) {
    if (op.label == "qkv") qkv = std::get<kernels::GemmShape>(op.kernel).n;
    if (op.label == "mlp up") up = std::get<kernels::GemmShape>(op.kernel).n;
  }
  EXPECT_EQ(qkv, (8 + 2) * 128);  // 64/8 query heads, 8/8 key and value heads
  EXPECT_EQ(up, 2 * 28672 / 8);   // gate and up together
}

TEST(Layer, AFusedLossMovesSixBytesPerLogit) {
  TrainingJob job = gpt_job();
  const auto loss_bytes = [&] {
    double bytes = 0.0;
    for (const auto& ops : {forward_ops(job, head_elements(job)), backward_ops(job, head_elements(job))}) {
      for (const LayerOp& op : ops) {
        if (op.label == "cross entropy") bytes += kernels::work(op.kernel).bytes().value();
      }
    }
    return bytes / (2048.0 * 51200.0);
  };
  EXPECT_DOUBLE_EQ(loss_bytes(), 36.0);
  job.config.fused_cross_entropy = true;
  EXPECT_DOUBLE_EQ(loss_bytes(), 6.0);
}

TEST(Layer, ExpertsReplaceTheMlpInMoeLayers) {
  TrainingJob job = gpt_job();
  job.llm.moe.experts = 8;
  job.llm.moe.topk = 2;
  job.llm.moe.inter = 4096;
  job.llm.moe.first_dense_layers = 1;
  job.config.tensor_parallel = 4;
  const auto has_experts = [&](std::int64_t layer) {
    const auto ops = forward_ops(job, layer_elements(job, layer));
    return std::any_of(ops.begin(), ops.end(), [](const LayerOp& op) {
      const auto* moe = std::get_if<kernels::MoeShape>(&op.kernel);
      return moe != nullptr && moe->tensor_parallel == 4 && moe->experts == 8;
    });
  };
  EXPECT_FALSE(has_experts(0));
  EXPECT_TRUE(has_experts(1));
}

}  // namespace
}  // namespace orrery::models
