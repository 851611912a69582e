// The serving engine over time: requests running and waiting, KV cache in use, preemptions; the mean as a line within
// the band of least and most. One time axis for all; zoom and pan together.
//
// Wheel zooms at the pointer, dragging pans, double click shows all; + and -, the arrow keys and Home do the same. A
// cursor follows the pointer and tells the values there.
#pragma once

#include "gui/view/plot_view.hpp"

class QCPAxis;
class QCPAxisRect;
class QCPItemStraightLine;
class QCPTextElement;
class QKeyEvent;

namespace orrery::gui {

class LoadView : public PlotView {
  Q_OBJECT

 public:
  explicit LoadView(QWidget* parent = nullptr);
  /// Keeps the visible range where the run is about as long as the one before.
  void set_runs(const RunPtr& current, const RunPtr& previous) override;
  void forget() override { show_all(); }
  [[nodiscard]] std::string csv() const override;

  /// The visible time, in seconds.
  void set_range(double begin, double end);
  void show_all();
  [[nodiscard]] double range_begin() const { return begin_; }
  [[nodiscard]] double range_end() const { return end_; }

 protected:
  [[nodiscard]] QString reason() const override;
  void draw() override;
  [[nodiscard]] QString description() const override;
  bool eventFilter(QObject* watched, QEvent* event) override;

 private:
  QCPAxisRect* add_panel(int row, const QString& title);
  void draw_state(QCPAxisRect& rect, const StateSeries& state, std::size_t color);
  void draw_share_limit(QCPAxisRect& rect);
  void fit_values(QCPAxisRect& rect, const std::vector<const StateSeries*>& states) const;
  void follow(QCPAxisRect& rect);
  /// Zooms by `factor` (below 1: in) around a place given as a share of the visible range.
  void zoom(double factor, double place);
  bool key(const QKeyEvent& event);
  void point_at(double pixel);
  [[nodiscard]] QString tell(double time) const;
  [[nodiscard]] double duration() const;

  std::vector<QCPItemStraightLine*> cursors_;
  QCPTextElement* values_ = nullptr;
  double begin_ = 0.0, end_ = 0.0;
  bool is_following_ = false;
};

}  // namespace orrery::gui
