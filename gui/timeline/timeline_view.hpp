// The timeline of a run: every stream a track, time from left to right.
//
// Far out, a column of pixels shows the fractions of its time by activity, stacked; close up, single spans with their
// labels. Wheel zooms at the pointer, dragging pans, Shift+drag selects a range whose sums by activity are shown,
// hovering tells what runs; / or Ctrl+F searches labels; W/S zoom, A/D pan, F shows all, Home/End the ends (Perfetto's
// keys). The canvas is a raster image: painting does not depend on the number of spans.
#pragma once

#include "gui/run/run_view.hpp"
#include "gui/run/timeline_index.hpp"
#include "sim/clock.hpp"

class QLabel;
class QLineEdit;
class QToolButton;

namespace orrery::gui {

class ElidedLabel;
class TimelineCanvas;

class TimelineView : public RunView {
  Q_OBJECT

 public:
  explicit TimelineView(QWidget* parent = nullptr);

  void set_runs(const RunPtr& current, const RunPtr& previous) override;
  /// Empties the search, shows all, lets go of the selection.
  void forget() override;
  /// Sums by track and activity over the visible range.
  [[nodiscard]] std::string csv() const override;

  /// Keeps the range when a run with a similar makespan comes (the eye stays where it was); else shows all.
  void set_range(sim::SimTime begin, sim::SimTime end);
  [[nodiscard]] sim::SimTime range_begin() const;
  [[nodiscard]] sim::SimTime range_end() const;
  void show_all();

  /// Selects the next span whose label contains `text` and brings it into view; false if there is none.
  bool find_next(const QString& text);
  bool find_previous(const QString& text);
  /// For a view of two runs: every group one row at first, no line for the pointer, and no tools if they stand
  /// elsewhere.
  void set_compact(bool with_tools);
  /// Puts the cursor into the search field.
  void focus_search();

  /// For tests and benchmarks.
  [[nodiscard]] TimelineCanvas& canvas() { return *canvas_; }
  [[nodiscard]] QString status() const;

 signals:
  /// The visible range changed, by whatever means. Two views are aligned by connecting it to set_range() crosswise.
  void range_changed(orrery::sim::SimTime begin, orrery::sim::SimTime end);

 protected:
  void changeEvent(QEvent* event) override;

 private:
  QWidget* make_toolbar();
  QLabel* make_legend();
  void make_shortcuts();
  bool find(const QString& text, bool forward);
  void search(const QString& text);
  void end_search();
  void update_legend();
  void update_status();
  void explain(std::size_t span);

  RunPtr run_;
  LabelMatch match_;
  QString hover_text_;
  TimelineCanvas* canvas_ = nullptr;
  QLineEdit* search_ = nullptr;
  QLabel *count_ = nullptr, *legend_ = nullptr;
  ElidedLabel *status_ = nullptr, *summary_ = nullptr;
  QWidget* tools_ = nullptr;
  QToolButton *previous_ = nullptr, *next_ = nullptr, *fold_ = nullptr;
};

}  // namespace orrery::gui
