// The pipeline schedule of a training step as it is drawn in papers: a row per stage, a box per pass of a microbatch
// with its number, forward, recompute and backward passes and the chunks of interleaved schedules told apart by colour,
// bubbles left empty. Beside it the share of each stage's time that is bubble:
//
//   bubble(stage) = 1 − Σ durations of its passes / (end of the last pass − begin of the first, of all stages)
//
// Wheel zooms at the pointer, dragging pans; W/S, A/D, F, Home/End as in the timeline. Double click explains the
// bubble.
#pragma once

#include <cstdint>
#include <vector>

#include "gui/run/run_view.hpp"
#include "models/schedule/schedule.hpp"
#include "sim/clock.hpp"

class QLabel;

namespace orrery::gui {

/// One pass of a microbatch through a chunk on a stage: from its first to the end of its last kernel or collective.
struct PassBox {
  std::uint32_t stage = 0;
  models::PipelineSlot slot;
  sim::SimTime begin = 0, end = 0;
  std::size_t first = 0, last = 0;  ///< its spans on the stage's compute stream: [first, last) of the timeline
};

/// The passes of every stage in order of time, from the marks of the timeline; none for a step without a pipeline.
[[nodiscard]] std::vector<PassBox> pass_boxes(const sim::Timeline& timeline);

/// bubble(stage) for every stage; empty without boxes. REQUIRES boxes as pass_boxes() returns them.
[[nodiscard]] std::vector<double> bubble_shares(const std::vector<PassBox>& boxes);

class PipelineCanvas;

class PipelineView : public RunView {
  Q_OBJECT

 public:
  explicit PipelineView(QWidget* parent = nullptr);
  void set_runs(const RunPtr& current, const RunPtr& previous) override;
  [[nodiscard]] std::string csv() const override;

  /// For tests and benchmarks.
  [[nodiscard]] PipelineCanvas& canvas() { return *canvas_; }

 protected:
  void showEvent(QShowEvent* event) override;

 private:
  void refresh();

  RunPtr current_, previous_;
  bool stale_ = false;  ///< the runs came while the view was hidden
  PipelineCanvas* canvas_ = nullptr;
  QLabel* summary_ = nullptr;
  QLabel* message_ = nullptr;
};

}  // namespace orrery::gui
