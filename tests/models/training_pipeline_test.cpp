#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "models/parallel/lanes.hpp"
#include "models/training/pipeline.hpp"
#include "sim/plan/evaluate.hpp"
#include "sim/plan/frozen.hpp"
#include "tests/sim/flat_prices.hpp"

namespace orrery::models {
namespace {

/// Every pass is one kernel: forward `forward` elements long, backward `backward`.
class OneKernel : public PassEmitter {
 public:
  OneKernel(std::int64_t forward, std::int64_t backward) : forward_(forward), backward_(backward) {}

  void emit(sim::PlanBuilder& builder, RankId rank, int, const PipelineSlot& slot) override {
    kernels::MemoryShape shape;
    const bool forward = slot.pass == PipelinePass::forward;
    shape.elements = forward ? forward_ : backward_;
    shape.read = Bytes{static_cast<double>(shape.elements)};
    builder.launch(builder.stream(rank, lanes::kCompute), shape, forward ? "F" : "B",
                   forward ? sim::Activity::forward : sim::Activity::backward);
  }

 private:
  std::int64_t forward_, backward_;
};

/// An element takes a nanosecond.
class ElementPrices final : public sim::testing::FlatPrices {
 public:
  using FlatPrices::time;
  [[nodiscard]] Seconds time(const sim::KernelEntry& entry, std::uint32_t) const override {
    return Seconds{1e-9 * static_cast<double>(std::get<kernels::MemoryShape>(entry.kernel).elements)};
  }
};

/// The plan of a schedule in which an element takes a nanosecond and messages take `message`.
sim::Timeline run(std::string_view schedule, const PipelineShape& shape, std::int64_t forward, std::int64_t backward,
                  bool overlap, Seconds message = Seconds{0.0}) {
  sim::PlanBuilder builder;
  PipelineColumn column;
  for (int stage = 0; stage < shape.stages; ++stage) column.ranks.push_back(builder.add_rank("stage"));
  column.message = Bytes{1.0};
  OneKernel emitter(forward, backward);
  lower_pipeline(builder, column, *find_schedule(schedule), shape, overlap, emitter);
  const sim::RunnablePlan plan(builder.take());
  ElementPrices prices;
  prices.transfer = message;
  const sim::Durations durations = sim::price(plan.plan(), prices);
  const sim::Timeline evaluated = sim::evaluate(plan, durations);
  std::vector<sim::SimTime> scratch;
  EXPECT_EQ(evaluated.makespan, sim::FrozenPlan(plan).makespan(durations, scratch)) << schedule;
  return evaluated;
}

/// Idle share of a stage: 1 − M·v·(tF + tB)/makespan.
double bubble(const sim::Timeline& timeline, const PipelineShape& shape, std::int64_t pass_pair) {
  const double work = static_cast<double>(shape.microbatches) * shape.chunks * static_cast<double>(pass_pair);
  return 1.0 - work * 1000.0 / static_cast<double>(timeline.makespan);
}

TEST(PassMarks, AreReadBackAsWritten) {
  for (const PipelinePass pass : {PipelinePass::forward, PipelinePass::backward}) {
    for (const int microbatch : {0, 1, 10, 2147483647}) {
      for (const int chunk : {0, 1, 17}) {
        const auto slot = pass_of({sim::LabelId(7), static_cast<int>(pass), microbatch, chunk});
        ASSERT_TRUE(slot.has_value());
        EXPECT_EQ(*slot, (PipelineSlot{pass, microbatch, chunk}));
      }
    }
  }
  EXPECT_FALSE(pass_of(sim::MarkEntry{sim::LabelId(7)}).has_value()) << "a mark of text alone";
}

std::string label_of(const PipelineSlot& slot) {
  std::string text = slot.pass == PipelinePass::forward ? "forward " : "backward ";
  text += std::to_string(slot.microbatch);
  return slot.chunk == 0 ? text : text + " chunk " + std::to_string(slot.chunk);
}

TEST(PassMarks, PartTheSpansOfAStageByPass) {
  const PipelineShape shape{2, 4, 2};
  const sim::Timeline t = run("interleaved_1f1b", shape, 10, 20, false, Seconds{1e-9});
  std::vector<int> passes(2, 0);
  for (std::size_t m = 0; m < t.marks.size(); ++m) {
    const sim::TimelineMark& mark = t.marks[m];
    const sim::TimelineStream& stream = t.streams[mark.stream.index()];
    EXPECT_EQ(stream.lane, lanes::kCompute);
    const std::string& text = t.labels[mark.mark.label.index()];
    const auto slot = pass_of(mark.mark);
    if (!slot) {
      EXPECT_EQ(text, kEndOfPasses);
      EXPECT_EQ(passes[stream.rank.index()], 16) << "4 microbatches, 2 chunks, forward and backward";
      continue;
    }
    ++passes[stream.rank.index()];
    EXPECT_EQ(text, label_of(*slot));
    const sim::Span& span = t.spans[mark.first_span];  // the pass is one kernel
    EXPECT_EQ(span.stream, mark.stream);
    EXPECT_EQ(t.labels[span.label.index()], slot->pass == PipelinePass::forward ? "F" : "B");
    ASSERT_LT(m + 1, t.marks.size());
    EXPECT_EQ(t.marks[m + 1].first_span, mark.first_span + 1);
  }
  EXPECT_EQ(passes, (std::vector<int>{16, 16}));
}

TEST(PipelineLowering, BubbleIsTheClosedFormUnderGpipeAnd1f1b) {
  // (K−1)/(K−1+M): Huang et al. 2019 (GPipe) §2.3. Uniform stages, free messages.
  for (const char* schedule : {"gpipe", "1f1b"}) {
    for (const bool overlap : {false, true}) {
      for (const int stages : {4, 8}) {
        for (const int microbatches : {1, 4, 8, 32}) {
          const PipelineShape shape{stages, microbatches, 1};
          const double expected = static_cast<double>(stages - 1) / (stages - 1 + microbatches);
          EXPECT_NEAR(bubble(run(schedule, shape, 100, 200, overlap), shape, 300), expected, 1e-12)
              << schedule << " K=" << stages << " M=" << microbatches << " overlap=" << overlap;
        }
      }
    }
  }
}

TEST(PipelineLowering, InterleavingDividesTheBubbleTimeByTheChunks) {
  // Narayanan et al. 2021 §2.2.2: bubble time (p−1)(tF+tB)/v against M(tF+tB) of work, each chunk 1/v of a stage.
  for (const int chunks : {2, 3}) {
    for (const int stages : {4, 8}) {
      for (const int groups : {1, 4}) {
        const PipelineShape shape{stages, stages * groups, chunks};
        const double work = static_cast<double>(shape.microbatches);
        const double time = static_cast<double>(stages - 1) / chunks;
        EXPECT_NEAR(bubble(run("interleaved_1f1b", shape, 100, 200, true), shape, 300), time / (time + work), 1e-12)
            << "K=" << stages << " v=" << chunks << " M=" << shape.microbatches;
      }
    }
  }
}

TEST(PipelineLowering, ExposedMessagesLengthenTheStep) {
  const PipelineShape shape{4, 8, 1};
  const auto free = run("1f1b", shape, 100, 200, false);
  const auto slow = run("1f1b", shape, 100, 200, false, Seconds{10e-9});
  const auto overlapped = run("1f1b", shape, 100, 200, true, Seconds{10e-9});
  EXPECT_GT(slow.makespan, overlapped.makespan);
  EXPECT_GT(overlapped.makespan, free.makespan);
}

TEST(PipelineLowering, TwoStagesWithChunksCloseTheRing) {
  const PipelineShape shape{2, 4, 2};
  const auto timeline = run("interleaved_1f1b", shape, 100, 200, false, Seconds{1e-9});
  EXPECT_GT(timeline.makespan, 0u);
}

}  // namespace
}  // namespace orrery::models
