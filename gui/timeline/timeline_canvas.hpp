// The timeline's drawing surface: gutter with names, ruler, tracks, and how mouse and keys move through them.
//
//   wheel            zoom at the pointer          drag           pan
//   Ctrl + wheel     height of the tracks         Shift + drag   select a range
//   Shift + wheel    pan                          click          select a span; on a group's name: collapse it
//   W S A D, + −, arrows   zoom and pan           double click   where does this come from
//   F  all           Home End  the ends           Esc            forget the selection
//
// The picture of the tracks is kept; only a change of what it shows draws it again.
#pragma once

#include <QImage>
#include <QPointF>
#include <QWidget>

#include "gui/timeline/timeline_painter.hpp"

class QScrollBar;

namespace orrery::gui {

class TimelineCanvas : public QWidget {
  Q_OBJECT

 public:
  explicit TimelineCanvas(QWidget* parent = nullptr);

  /// `index` must outlive its use here; null: nothing to show but `message`. Selections are forgotten, the range stays.
  void set_index(const TimelineIndex* index, const QString& message = {});
  [[nodiscard]] const TimelineIndex* index() const { return index_; }

  [[nodiscard]] const TimeScale& scale() const { return scale_; }
  void set_limit(sim::SimTime makespan);
  void set_range(sim::SimTime begin, sim::SimTime end);
  void show_all();
  void zoom(double factor, double share = 0.5);
  void pan(double share);

  /// Fades what does not match; null: no search. Owned by the caller.
  void set_match(const LabelMatch* match);
  /// kNone: none. `reveal`: brings it into view.
  void select_span(std::size_t span, bool reveal);
  [[nodiscard]] const CanvasMarks& marks() const { return marks_; }
  void select_range(sim::SimTime begin, sim::SimTime end);
  void clear_selection();

  [[nodiscard]] const TrackRows& rows() const { return rows_; }
  void set_collapsed(std::size_t group, bool collapsed);
  void set_all_collapsed(bool collapsed);
  void set_stretch(double stretch);
  /// Where tracks and times are drawn, in the widget's coordinates.
  [[nodiscard]] const CanvasLayout& layout_rects() const { return layout_; }

  [[nodiscard]] QSize sizeHint() const override;
  [[nodiscard]] QSize minimumSizeHint() const override;

 signals:
  void range_changed(orrery::sim::SimTime begin, orrery::sim::SimTime end);
  /// Another span, range or none is selected.
  void selection_changed();
  /// The pointer is over a span or an idle moment of a track; `text` empty: over neither.
  void hovered(const QString& text);
  /// A span was double-clicked.
  void activated(std::size_t span);

 protected:
  bool event(QEvent* event) override;
  void paintEvent(QPaintEvent* event) override;
  void resizeEvent(QResizeEvent* event) override;
  void changeEvent(QEvent* event) override;
  void wheelEvent(QWheelEvent* event) override;
  void mousePressEvent(QMouseEvent* event) override;
  void mouseMoveEvent(QMouseEvent* event) override;
  void mouseReleaseEvent(QMouseEvent* event) override;
  void mouseDoubleClickEvent(QMouseEvent* event) override;
  void leaveEvent(QEvent* event) override;
  void keyPressEvent(QKeyEvent* event) override;

 private:
  enum class Drag : std::uint8_t { none, pressed, pan, range };

  template <class Move>
  void move_scale(const Move& move);
  void lay_out();
  void redraw();
  void scroll_to_track(std::size_t track);
  [[nodiscard]] RasterScene scene() const;
  /// The track and span under a point; kNone: none.
  [[nodiscard]] std::size_t track_at(const QPointF& point) const;
  [[nodiscard]] std::size_t span_at(const QPointF& point) const;
  [[nodiscard]] QString describe(const QPointF& point) const;
  [[nodiscard]] sim::SimTime time_at(const QPointF& point) const;
  void hover(const QPointF& point);

  const TimelineIndex* index_ = nullptr;
  const LabelMatch* match_ = nullptr;
  QString message_;
  TimeScale scale_;
  TrackRows rows_;
  CanvasLayout layout_;
  CanvasMarks marks_;
  RasterColors colors_;
  TimelineRaster raster_;
  TimelinePainter painter_;
  QImage image_;
  bool stale_ = true;  ///< the image shows something else
  QScrollBar* scroll_ = nullptr;

  Drag drag_ = Drag::none;
  QPointF press_;
  TimeScale press_scale_;
  double press_scroll_ = 0.0;
  sim::SimTime press_time_ = 0;
};

}  // namespace orrery::gui
