// The timeline of a run: every stream a track, time from left to right.
//
// Far out, a column of pixels shows the fractions of its time by activity, stacked; close up, single spans with their
// labels. Wheel zooms at the pointer, dragging pans, Shift+drag selects a range whose sums by activity are shown,
// hovering tells what runs; / or Ctrl+F searches labels; W/S zoom, A/D pan, F shows all, Home/End the ends (Perfetto's
// keys). The canvas is a raster image: painting does not depend on the number of spans.
#pragma once

#include "gui/view/run_view.hpp"
#include "sim/clock.hpp"

namespace orrery::gui {

class TimelineCanvas;

class TimelineView : public RunView {
  Q_OBJECT

 public:
  explicit TimelineView(QWidget* parent = nullptr);

  void set_runs(const RunPtr& current, const RunPtr& previous) override;

  /// Keeps the range when a run with a similar makespan comes (the eye stays where it was); else shows all.
  void set_range(sim::SimTime begin, sim::SimTime end);
  [[nodiscard]] sim::SimTime range_begin() const;
  [[nodiscard]] sim::SimTime range_end() const;
  void show_all();

  /// Selects the next span whose label contains `text` and brings it into view; false if there is none.
  bool find_next(const QString& text);

  /// For tests and benchmarks.
  [[nodiscard]] TimelineCanvas& canvas() { return *canvas_; }

 signals:
  /// The visible range changed, by whatever means. Two views are aligned by connecting it to set_range() crosswise.
  void range_changed(orrery::sim::SimTime begin, orrery::sim::SimTime end);

 private:
  TimelineCanvas* canvas_ = nullptr;
};

}  // namespace orrery::gui
