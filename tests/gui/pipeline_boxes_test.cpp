// Passes of a pipeline out of a timeline: made by hand, and of real schedules.

#include <gtest/gtest.h>

#include "gui/view/pipeline_view.hpp"
#include "kernels/kernel.hpp"
#include "models/parallel/lanes.hpp"
#include "models/training/training.hpp"
#include "tests/gui/pipeline_runs.hpp"
#include "tests/models/training_jobs.hpp"

namespace orrery::gui {
namespace {

using models::PipelinePass;
using models::PipelineSlot;

/// Kernels at datasheet rates.
using models::testing::RooflineTimer;

/// 32 equal layers on 4 stages, links that cost nothing, a vocabulary that costs next to nothing.
models::TrainingJob equal_stages() {
  models::TrainingJob job = models::testing::gpt_job(32, 16, 1);
  job.llm.vocab = 256;
  job.cluster.groups[0].gpu.nvlink_bandwidth = BytesPerSecond{1e18};
  job.cluster.groups[0].gpu.nvlink_latency = Seconds{1e-12};
  job.config.pipeline_parallel = 4;
  job.config.data_parallel = 1;
  job.config.global_batch_size = 8;
  return job;
}

std::vector<PassBox> of_stage(const std::vector<PassBox>& boxes, std::uint32_t stage) {
  std::vector<PassBox> found;
  for (const PassBox& box : boxes) {
    if (box.stage == stage) found.push_back(box);
  }
  return found;
}

TEST(PassBoxes, LastFromTheFirstToTheLastSpanOfAPass) {
  const sim::Timeline timeline = testing::two_stages();
  const std::vector<PassBox> boxes = pass_boxes(timeline);
  ASSERT_EQ(boxes.size(), 4U);
  EXPECT_EQ(boxes[0].stage, 0U);
  EXPECT_EQ(boxes[0].slot, (PipelineSlot{PipelinePass::forward, 0, 0}));
  EXPECT_EQ(boxes[0].begin, 0U);
  EXPECT_EQ(boxes[0].end, 100U);
  EXPECT_EQ(boxes[0].last - boxes[0].first, 2U);
  EXPECT_EQ(boxes[1].slot, (PipelineSlot{PipelinePass::backward, 0, 0}));
  EXPECT_EQ(boxes[1].begin, 400U);
  EXPECT_EQ(boxes[1].end, 600U);  // the optimizer behind the end mark is no pass
  EXPECT_EQ(boxes[2].stage, 1U);
  EXPECT_EQ(boxes[2].begin, 100U);
  EXPECT_EQ(boxes[3].end, 400U);
}

TEST(PassBoxes, IncludeACollectiveThatEndsLater) {
  sim::Timeline timeline = testing::two_stages();
  // On stage 1's tensor-parallel lane: begun within its forward pass (100 … 200), it ends at 230. The next pass then
  // starts at 230 too.
  for (sim::Span& span : timeline.spans) {
    if (span.stream.index() == 1 && span.start == 200) span.start = 230;
  }
  timeline.streams.push_back({RankId(1), models::lanes::kTensorParallel, ""});
  timeline.spans.push_back({150, 230, StreamId(2), sim::LabelId(0), sim::Activity::tensor_parallel});
  const std::vector<PassBox> boxes = pass_boxes(timeline);
  ASSERT_EQ(boxes.size(), 4U);
  EXPECT_EQ(boxes[2].end, 230U);
  EXPECT_EQ(boxes[3].begin, 230U);
}

TEST(PassBoxes, GiveTheBubbleOfEachStage) {
  // Phase 0 … 600. Stage 0 runs 100 + 200: half is bubble. Stage 1 runs 100 + 200: the same.
  const std::vector<double> shares = bubble_shares(pass_boxes(testing::two_stages()));
  ASSERT_EQ(shares.size(), 2U);
  EXPECT_DOUBLE_EQ(shares[0], 0.5);
  EXPECT_DOUBLE_EQ(shares[1], 0.5);
  EXPECT_TRUE(bubble_shares({}).empty());
}

TEST(PassBoxes, AreNoneWithoutAPipeline) {
  EXPECT_TRUE(pass_boxes({}).empty());
  sim::Timeline unmarked = testing::two_stages();
  unmarked.marks.clear();
  EXPECT_TRUE(pass_boxes(unmarked).empty());
  models::TrainingJob job = equal_stages();
  job.config.pipeline_parallel = 1;
  EXPECT_TRUE(pass_boxes(models::predict(job, RooflineTimer{}, models::testing::with_timeline()).timeline).empty());
}

TEST(PassBoxes, FollowTheScheduleOfARealStep) {
  for (const char* name : {"gpipe", "1f1b", "interleaved_1f1b"}) {
    models::TrainingJob job = equal_stages();
    job.config.schedule = name;
    job.config.virtual_pipeline = std::string_view(name) == "interleaved_1f1b" ? 2 : 1;
    const std::vector<PassBox> boxes =
        pass_boxes(models::predict(job, RooflineTimer{}, models::testing::with_timeline()).timeline);
    const models::PipelineShape shape{4, 8, job.config.virtual_pipeline};
    for (std::uint32_t stage = 0; stage < 4; ++stage) {
      const std::vector<PipelineSlot> order = models::find_schedule(name)->order(static_cast<int>(stage), shape);
      const std::vector<PassBox> row = of_stage(boxes, stage);
      ASSERT_EQ(row.size(), order.size()) << name << " stage " << stage;
      for (std::size_t i = 0; i < row.size(); ++i) {
        EXPECT_EQ(row[i].slot, order[i]) << name << " stage " << stage << " pass " << i;
        EXPECT_LT(row[i].begin, row[i].end);
        const sim::SimTime free = i > 0 ? row[i - 1].end : 0;
        EXPECT_GE(row[i].begin, free) << name << " stage " << stage << " pass " << i;
      }
    }
    for (std::uint32_t stage = 1; stage < 4; ++stage) {
      EXPECT_GE(of_stage(boxes, stage).front().begin, of_stage(boxes, stage - 1).front().end) << name;
    }
  }
}

TEST(PassBoxes, ShowTheBubbleThatTheEquationGives) {
  // (p − 1)/(m + p − 1) = 3/11 for 1F1B and GPipe. Interleaved with v chunks: the idle time (p − 1)(f + b)/v beside
  // m(f + b) of work: 1.5/9.5.
  for (const auto& [name, chunks, expected] : {std::tuple<const char*, int, double>{"1f1b", 1, 3.0 / 11.0},
                                               {"gpipe", 1, 3.0 / 11.0},
                                               {"interleaved_1f1b", 2, 1.5 / 9.5}}) {
    models::TrainingJob job = equal_stages();
    job.config.schedule = name;
    job.config.virtual_pipeline = chunks;
    const std::vector<double> shares =
        bubble_shares(pass_boxes(models::predict(job, RooflineTimer{}, models::testing::with_timeline()).timeline));
    ASSERT_EQ(shares.size(), 4U);
    for (const double share : shares) EXPECT_NEAR(share, expected, 0.01) << name;
  }
}

}  // namespace
}  // namespace orrery::gui
