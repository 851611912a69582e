// The pipeline schedule of a training step as it is drawn in papers: a row per stage, a box per pass of a microbatch
// with its number, forward, recompute and backward passes and the chunks of interleaved schedules told apart by colour,
// bubbles left empty. Below it the share of each stage's time that is bubble.
#pragma once

#include <cstdint>
#include <vector>

#include "gui/view/run_view.hpp"
#include "models/schedule/schedule.hpp"
#include "sim/clock.hpp"

namespace orrery::gui {

/// One pass of a microbatch through a chunk on a stage: from its first to the end of its last kernel or collective.
struct PassBox {
  std::uint32_t stage = 0;
  models::PipelineSlot slot;
  sim::SimTime begin = 0, end = 0;
};

/// The passes of every stage in order of time, from the marks of the timeline; none for a step without a pipeline.
[[nodiscard]] std::vector<PassBox> pass_boxes(const sim::Timeline& timeline);

class PipelineCanvas;

class PipelineView : public RunView {
  Q_OBJECT

 public:
  explicit PipelineView(QWidget* parent = nullptr);
  void set_runs(const RunPtr& current, const RunPtr& previous) override;
  [[nodiscard]] std::string csv() const override;

 private:
  PipelineCanvas* canvas_ = nullptr;
};

}  // namespace orrery::gui
