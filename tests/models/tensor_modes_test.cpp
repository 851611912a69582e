// Tensor parallelism on grids: what ranks have, what they exchange, and what it costs against the closed forms of the
// papers and of ColossalAI's documentation (docs/source/en/features/{2D,2p5D,3D}_tensor_parallel.md).
#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/layer/activations.hpp"
#include "models/layer/training_grid.hpp"
#include "models/training/layer.hpp"
#include "models/training/memory.hpp"
#include "models/training/parallel.hpp"
#include "models/training/step.hpp"
#include "tests/models/layer_jobs.hpp"
#include "tests/models/training_jobs.hpp"

namespace orrery::models {
namespace {

using sim::CollectiveKind;
using ::testing::ElementsAre;
using testing::gpt_job;
using ::testing::HasSubstr;
using testing::RooflineTimer;

constexpr double kSide = 1024.0;  // of the square operands below

/// A reading of `tokens` tokens, of which a rank of the grid has its part.
TrainingReading grid_reading(const std::string& mode, int ranks, int depth, std::int64_t tokens) {
  TrainingReading reading;
  reading.mode = find_tensor_parallel_mode(mode);
  reading.grid = reading.mode->grid(ranks, depth);
  reading.batch = tokens / reading.grid.token_ranks;  // sequences of one token
  reading.sequence = 1;
  reading.tensor = reading.grid.width_ranks;
  return reading;
}

/// Y = X · W with three operands of 1024 x 1024 values.
std::vector<LayerElement> square_linear(const TensorGrid& grid) {
  LayerElement element;
  element.block = Linear{{"linear", "linear"}, whole_width(1024), {shared_width(1024)}};
  element.part = Part::mlp;
  return share_on_grid({element}, grid, NormKind::layer_norm);
}

/// What one linear layer's exchanges come to, forward and backward.
struct Exchanged {
  double wire_bytes = 0.0;      ///< on the links within the communicators that a rank is in
  double received_bytes = 0.0;  ///< by a rank
  double messages = 0.0;        ///< that it receives
};

bool is_rooted(CollectiveKind kind) { return kind == CollectiveKind::broadcast || kind == CollectiveKind::reduce; }

Exchanged exchanged(const std::vector<LayerOp>& ops, const TensorGrid& grid) {
  Exchanged out;
  for (const LayerOp& op : ops) {
    const bool is_exchange = op.kind == LayerOp::Kind::collective || op.kind == LayerOp::Kind::start_collective;
    if (!is_exchange || op.collective == CollectiveKind::all_reduce) continue;
    const double n = grid.along(op.along).count, bytes = op.bytes.value();
    // Of q rooted collectives a rank is the root of one; a ring of blocks brings it one from each other.
    out.wire_bytes += is_rooted(op.collective) ? (n - 1.0) * bytes : (n - 1.0) / n * bytes * n;
    out.received_bytes += is_rooted(op.collective) ? (n - 1.0) / n * bytes : (n - 1.0) / n * bytes;
    out.messages += is_rooted(op.collective) ? (n - 1.0) / n : n - 1.0;
  }
  return out;
}

Exchanged linear_exchanges(const std::string& mode, int ranks, int depth = 1) {
  const TrainingReading reading = grid_reading(mode, ranks, depth, 1024);
  const std::vector<LayerElement> elements = square_linear(reading.grid);
  std::vector<LayerOp> ops = forward_ops(reading, elements);
  for (LayerOp& op : backward_ops(reading, elements)) ops.push_back(op);
  return exchanged(ops, reading.grid);
}

const double kOperand = 2.0 * kSide * kSide;  // bytes

TEST(TensorModes, SquareCostsTheClosedForm) {
  for (const double q : {2.0, 4.0, 8.0}) {
    const Exchanged sum = linear_exchanges("2d", static_cast<int>(q * q));
    EXPECT_NEAR(sum.wire_bytes / kOperand, 6.0 * (q - 1.0) / q, 1e-12) << q;
    EXPECT_NEAR(sum.messages, 6.0 * (q - 1.0), 1e-9) << q;
  }
}

TEST(TensorModes, LayersCostTheClosedForm) {
  for (const double q : {2.0, 4.0}) {
    for (const double d : {1.0, 2.0, 4.0}) {
      const Exchanged sum = linear_exchanges("2.5d", static_cast<int>(d * q * q), static_cast<int>(d));
      EXPECT_NEAR(sum.wire_bytes / kOperand, 3.0 * (q - 1.0) * (d + 1.0) / (d * q), 1e-12) << q << " " << d;
      EXPECT_NEAR(sum.messages, 6.0 * (q - 1.0), 1e-9) << q << " " << d;
    }
  }
}

TEST(TensorModes, CubeCostsTheClosedForm) {
  for (const double q : {2.0, 4.0}) {
    const Exchanged sum = linear_exchanges("3d", static_cast<int>(q * q * q));
    EXPECT_NEAR(sum.received_bytes / kOperand, 6.0 * (q - 1.0) / (q * q * q), 1e-12) << q;
    EXPECT_NEAR(sum.messages, 6.0 * (q - 1.0), 1e-9) << q;
  }
}

// The gradient of weights that layers hold each: all_reduce of a block of W/q².
TEST(TensorModes, LayersAddUpTheirWeightsGradient) {
  const TrainingReading reading = grid_reading("2.5d", 32, 2, 1024);
  const std::vector<LayerOp> ops = backward_ops(reading, square_linear(reading.grid));
  const auto sums = std::count_if(ops.begin(), ops.end(), [](const LayerOp& op) {
    return op.kind == LayerOp::Kind::collective && op.collective == CollectiveKind::all_reduce &&
           op.along == GridAxis::depth && op.bytes == Bytes{kOperand / 16.0};
  });
  EXPECT_EQ(sums, 1);
}

// Of a LayerNorm the sums of values and of their squares, in fp32, forward and backward; of an RMSNorm the latter.
TEST(TensorModes, NormsAddUpWhatRanksOfAWidthHave) {
  const TrainingReading reading = grid_reading("2d", 16, 1, 1024);
  LayerElement norm;
  norm.block = Norm{{"norm", "norm"}, {whole_width(1024)}, 1024};
  for (const auto& [kind, sums] : {std::pair{NormKind::layer_norm, 2.0}, std::pair{NormKind::rms_norm, 1.0}}) {
    const std::vector<LayerElement> elements = share_on_grid({norm}, reading.grid, kind);
    for (const std::vector<LayerOp>& ops : {forward_ops(reading, elements), backward_ops(reading, elements)}) {
      ASSERT_EQ(ops.size(), 2u);
      EXPECT_EQ(ops.front().collective, CollectiveKind::all_reduce);
      EXPECT_EQ(ops.front().along, GridAxis::row);
      EXPECT_EQ(ops.front().bytes, Bytes{4.0 * sums * 1024.0 / 4.0});
    }
  }
}

TEST(TensorModes, RanksShareTheProducts) {
  const std::vector<LayerElement> whole = square_linear({});
  TrainingReading alone;
  alone.batch = 1024, alone.sequence = 1;
  for (const auto& [mode, ranks, depth] :
       {std::tuple{"2d", 64, 1}, std::tuple{"2.5d", 64, 4}, std::tuple{"3d", 64, 1}}) {
    const TrainingReading reading = grid_reading(mode, ranks, depth, 1024);
    const std::vector<LayerElement> part = square_linear(reading.grid);
    EXPECT_DOUBLE_EQ(testing::gemm_flops(forward_ops(reading, part)) * ranks,
                     testing::gemm_flops(forward_ops(alone, whole)))
        << mode;
    EXPECT_DOUBLE_EQ(testing::gemm_flops(backward_ops(reading, part)) * ranks,
                     testing::gemm_flops(backward_ops(alone, whole)))
        << mode;
  }
}

/// 1,024 tokens of 16 sequences on 8 GPUs a node.
TrainingJob grid_job(const std::string& mode, int ranks, int depth = 1, int nodes = 0) {
  TrainingJob job = gpt_job(2, 16, nodes > 0 ? nodes : (ranks + 7) / 8);
  job.config.sequence_length = 64;
  job.config.micro_batch_size = job.config.global_batch_size = 16;
  job.config.tensor_parallel = ranks;
  job.config.tensor_parallel_mode = mode;
  job.config.tensor_parallel_depth = depth;
  job.config.attention = AttentionImplementation::flash;
  return job;
}

std::string error_of(const TrainingJob& job) {
  const std::vector<JobError> errors = check(job);
  return errors.empty() ? "" : errors.front().key + ": " + errors.front().message;
}

TEST(TensorModes, RanksShareWeightsAndActivations) {
  TrainingJob alone = grid_job("1d", 1);
  alone.config.data_parallel = 1;
  const double linear = 12.0 * 2048.0 * 2048.0, gains = 2.0 * 2048.0;  // of a layer without biases
  ASSERT_EQ(layer_parameters_per_rank(alone, 0), static_cast<std::int64_t>(linear + gains));
  const double kept = layer_activations(alone, 0, false).value();
  struct Case {
    std::string mode;
    int ranks, depth;
    double q, weights, tokens;
  };
  for (const Case& one : {Case{"2d", 16, 1, 4, 16, 4}, Case{"2.5d", 16, 4, 2, 4, 8}, Case{"3d", 8, 1, 2, 8, 4}}) {
    const TrainingJob job = grid_job(one.mode, one.ranks, one.depth);
    ASSERT_EQ(error_of(job), "") << one.mode;
    EXPECT_EQ(layer_parameters_per_rank(job, 0), static_cast<std::int64_t>(linear / one.weights + gains / one.q));
    // What a cube gathers stays: inputs of four linear layers (k = h, h, h, 4h) from q ranks, and their weights.
    const double inputs = (one.q - 1.0) * 1024.0 / one.tokens * 7.0 * 2048.0 / one.q * 2.0;
    const double gathered = one.mode == "3d" ? inputs + linear / (one.q * one.q) * 2.0 : 0.0;
    EXPECT_DOUBLE_EQ(layer_activations(job, 0, false).value(), kept / (one.tokens * one.q) + gathered) << one.mode;
  }
}

/// Bytes that the plan's own steps put on the wires of a rank's row and column, by kind of collective.
double wire_bytes(const sim::Plan& blocks) {
  const sim::Plan plan = sim::inlined(blocks);
  double sum = 0.0;
  for (const sim::Stream& stream : plan.streams) {
    for (const sim::Step& step : stream.steps) {
      if (step.kind != sim::StepKind::collective) continue;
      const sim::CollectiveEntry& entry = plan.collectives[step.index];
      if (is_rooted(entry.kind)) sum += (plan.groups[entry.group.index()].size() - 1) * entry.bytes.value();
    }
  }
  return sum;
}

TEST(TensorModes, APlanHasTheExchangesOfAllItsLayers) {
  const TrainingJob job = grid_job("2d", 16);
  const double q = 4.0, m = 1024.0, h = 2048.0, v = 51200.0;
  // Of X: qkv, out, up and down (h, h, h, 4h) in two layers, and the head; of W: 12 h² in each, the head and the table,
  // which has no X and is not multiplied with a gradient.
  const double inputs = m * (2.0 * 7.0 * h + h), weights = 2.0 * 12.0 * h * h + v * h;
  const double expected = 2.0 * (q - 1.0) / q * (3.0 * (inputs + weights) + 2.0 * v * h);
  EXPECT_NEAR(wire_bytes(lower(job)) / expected, 1.0, 1e-12);
}

// Rows are neighbours: of 16 ranks on nodes of 8 a row of 4 is in one, a column in two.
TEST(TensorModes, AxesLieWhereTheirRanksAre) {
  const sim::Plan plan = lower(grid_job("2d", 16));
  std::map<std::string, std::pair<int, int>> nodes;  // size and nodes by axis
  const sim::Placement placement = make_placement(grid_job("2d", 16));
  for (const sim::Group& group : plan.groups) {
    if (group.name.rfind("tp row", 0) == 0) nodes["row"] = {group.size(), sim::nodes_spanned(group, placement)};
    if (group.name.rfind("tp column", 0) == 0) nodes["column"] = {group.size(), sim::nodes_spanned(group, placement)};
  }
  EXPECT_EQ(nodes["row"], (std::pair{4, 1}));
  EXPECT_EQ(nodes["column"], (std::pair{4, 2}));
}

// A rank of the plan for each GPU, or one for all: the step is the same.
TEST(TensorModes, FoldedAndUnfoldedStepsAgree) {
  const RooflineTimer timer;
  for (const auto& [mode, ranks, depth] :
       {std::tuple{"2d", 4, 1}, std::tuple{"2d", 16, 1}, std::tuple{"2.5d", 8, 2}, std::tuple{"3d", 8, 1}}) {
    for (const bool overlap : {false, true}) {
      TrainingJob job = grid_job(mode, ranks, depth);
      job.config.data_parallel = 1;
      job.config.overlap_tensor_parallel = overlap;
      TrainingOptions apart;
      apart.classes = unfolded(make_mesh(job));
      EXPECT_EQ(predict(job, timer, apart).step_time, predict(job, timer).step_time) << mode << overlap;
    }
  }
}

TEST(TensorModes, PrefetchedBlocksHideBehindProducts) {
  const RooflineTimer timer;
  for (const auto& [mode, ranks, depth] :
       {std::tuple{"2d", 16, 1}, std::tuple{"2.5d", 32, 2}, std::tuple{"3d", 8, 1}}) {
    TrainingJob job = grid_job(mode, ranks, depth);
    const TrainingResult beside = predict(job, timer);
    job.config.overlap_tensor_parallel = false;
    const TrainingResult between = predict(job, timer);
    EXPECT_LT(beside.step_time, between.step_time) << mode;
    EXPECT_LT(beside.exposed_communication, between.exposed_communication) << mode;
  }
}

// With a pipeline and replicas: every parameter's gradient is reduced once, and stages send what a rank has.
TEST(TensorModes, GoWithPipelinesAndReplicas) {
  TrainingJob job = grid_job("2d", 4, 1, 2);
  job.config.pipeline_parallel = 2;
  job.config.data_parallel = 2;
  job.config.global_batch_size = 64;
  ASSERT_EQ(error_of(job), "");
  const sim::Plan plan = sim::inlined(lower(job));
  for (const sim::TransferEntry& transfer : plan.transfers) {
    EXPECT_EQ(transfer.bytes, Bytes{2.0 * 1024.0 * 2048.0 / 4.0});
  }
  double reduced = 0.0;
  for (const sim::Stream& stream : plan.streams) {
    for (const sim::Step& step : stream.steps) {
      if (step.kind != sim::StepKind::collective) continue;
      const sim::CollectiveEntry& entry = plan.collectives[step.index];
      if (plan.labels[entry.label.index()] == "gradient bucket") reduced += entry.bytes.value();
    }
  }
  EXPECT_DOUBLE_EQ(reduced,
                   4.0 * static_cast<double>(stage_parameters_per_rank(job, 0) + stage_parameters_per_rank(job, 1)));
}

TEST(TensorModes, NameTheNearestSizes) {
  EXPECT_THAT(nearest_sizes(*find_tensor_parallel_mode("2d"), 60, 1), ElementsAre(49, 64));
  EXPECT_THAT(nearest_sizes(*find_tensor_parallel_mode("2.5d"), 60, 2), ElementsAre(50, 72));
  EXPECT_THAT(nearest_sizes(*find_tensor_parallel_mode("3d"), 60, 1), ElementsAre(27, 64));
  EXPECT_THAT(nearest_sizes(*find_tensor_parallel_mode("3d"), 2, 1), ElementsAre(8));
  EXPECT_EQ(error_of(grid_job("2d", 8)),
            "training.tensor_parallel: 8 is not q x q, which tensor_parallel_mode 2d needs; the nearest are 4 and 9");
  EXPECT_THAT(error_of(grid_job("2.5d", 12, 4)), HasSubstr("the nearest are 16"));
  EXPECT_THAT(error_of(grid_job("3d", 16)), HasSubstr("the nearest are 8 and 27"));
}

TEST(TensorModes, RefuseWhatTheyCannotShare) {
  TrainingJob job = grid_job("2d", 4);
  job.config.sequence_parallel = true;
  EXPECT_THAT(error_of(job), HasSubstr("training.sequence_parallel: can't go with tensor_parallel_mode 2d"));
  job = grid_job("2d", 4);
  job.config.tensor_parallel_depth = 2;
  EXPECT_THAT(error_of(job), HasSubstr("training.tensor_parallel_depth: tells of layers"));
  job = grid_job("2d", 4);
  job.config.micro_batch_size = 1;
  EXPECT_THAT(error_of(job), HasSubstr("training.micro_batch_size: 1 is not a multiple of 2"));
  job = grid_job("2d", 4);
  job.llm.moe.experts = 16, job.llm.moe.topk = 2, job.llm.moe.inter = 1024;
  EXPECT_THAT(error_of(job), HasSubstr("training.tensor_parallel_mode: 2d is not modelled for routed experts"));
  job.config.expert_parallel = 2;
  EXPECT_THAT(error_of(job), HasSubstr("training.expert_parallel: can't go with tensor_parallel_mode 2d"));
  job = grid_job("2d", 36, 1, 9);
  job.cluster = testing::small_cluster(9, 4);
  job.config.micro_batch_size = job.config.global_batch_size = 36;
  job.llm = testing::gpt(2, 18);
  EXPECT_THAT(error_of(job), HasSubstr("the row of its grid, 6 ranks, would straddle nodes of 4 GPUs unevenly"));
  job = grid_job("2d", 9, 1, 1);
  job.cluster = testing::small_cluster(1, 9);
  job.config.micro_batch_size = job.config.global_batch_size = 9;
  EXPECT_THAT(error_of(job), HasSubstr("its grid's side 3 does not divide"));
}

}  // namespace
}  // namespace orrery::models
