// Draws the passes of a pipeline: rows of boxes over a time axis, with the bubble share of each row at its end.
//
// Far out a column of pixels is the mean of what runs in it, weighted by time, so that nothing flickers while zooming;
// boxes wide enough carry their microbatch's number. The rows are composed in an image that is kept until the range,
// the size or the palette changes. Onto SVG every box is drawn by itself.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <QImage>
#include <QWidget>

#include "gui/view/pipeline_view.hpp"

namespace orrery::gui {

/// Colour of a pass; later chunks are lighter.
[[nodiscard]] QColor pass_color(models::PipelinePass pass, int chunk, int chunks);

class PipelineCanvas : public QWidget {
  Q_OBJECT

 public:
  explicit PipelineCanvas(QWidget* parent = nullptr);

  /// `boxes` of the timeline of `run`; both are kept.
  void set_boxes(std::vector<PassBox> boxes, const RunPtr& run);
  [[nodiscard]] const std::vector<PassBox>& boxes() const { return boxes_; }
  [[nodiscard]] const std::vector<double>& bubbles() const { return bubbles_; }
  [[nodiscard]] int microbatches() const { return microbatches_; }

  /// Visible time, in picoseconds; kept within the pipeline's phase.
  void set_range(double begin, double end);
  void show_all();
  [[nodiscard]] double range_begin() const { return begin_; }
  [[nodiscard]] double range_end() const { return end_; }

  /// Where the names of the colours stand.
  [[nodiscard]] QRectF legend_rect() const;
  /// Where boxes are drawn, and where one of them is.
  [[nodiscard]] QRectF plot_rect() const { return plot_; }
  [[nodiscard]] QRectF box_rect(const PassBox& box) const;
  [[nodiscard]] const PassBox* box_at(QPointF position) const;
  /// Stage, pass, microbatch, chunk, start, duration and the waiting before it.
  [[nodiscard]] QString describe(const PassBox& box) const;

  [[nodiscard]] QSize sizeHint() const override;
  [[nodiscard]] QSize minimumSizeHint() const override;

 signals:
  void explain_requested();

 protected:
  bool event(QEvent* event) override;
  void paintEvent(QPaintEvent* event) override;
  void resizeEvent(QResizeEvent* event) override;
  void wheelEvent(QWheelEvent* event) override;
  void mousePressEvent(QMouseEvent* event) override;
  void mouseMoveEvent(QMouseEvent* event) override;
  void mouseReleaseEvent(QMouseEvent* event) override;
  void mouseDoubleClickEvent(QMouseEvent* event) override;
  void leaveEvent(QEvent* event) override;
  void keyPressEvent(QKeyEvent* event) override;
  void changeEvent(QEvent* event) override;

 private:
  struct Row {
    std::string name;
    std::size_t first = 0, last = 0;  ///< of boxes_
  };
  void lay_out();
  void zoom(double factor, double x);
  void pan(double share);
  void hover(QPointF position);
  [[nodiscard]] double x_of(double time) const;
  [[nodiscard]] double time_at(double x) const;
  [[nodiscard]] double row_height() const;
  [[nodiscard]] QRectF row_rect(std::size_t row) const;
  /// Boxes of a row that overlap the visible range.
  [[nodiscard]] std::pair<std::size_t, std::size_t> visible(const Row& row) const;

  // pipeline_paint.cpp
  [[nodiscard]] QImage compose(const QRect& area, double ratio) const;
  void compose_row(const Row& row, const QRect& area, double ratio, QImage& image, const QRectF& place) const;
  void draw_vectors(QPainter& painter) const;
  void draw_numbers(QPainter& painter) const;
  void draw_labels(QPainter& painter) const;
  void draw_axis(QPainter& painter) const;
  struct LegendEntry {
    std::vector<QColor> colors;
    QString text;
  };
  [[nodiscard]] std::vector<LegendEntry> legend() const;
  void draw_legend(QPainter& painter) const;

  RunPtr run_;
  std::vector<PassBox> boxes_;
  std::vector<Row> rows_;
  std::vector<double> bubbles_;
  int chunks_ = 1, microbatches_ = 0;
  bool recomputes_ = false;
  double phase_begin_ = 0.0, phase_end_ = 1.0;  ///< picoseconds
  double begin_ = 0.0, end_ = 1.0;
  QRectF plot_;
  QImage rows_image_;  ///< null: to be composed
  std::optional<QPointF> dragged_from_;
  std::optional<std::size_t> hovered_;  ///< of boxes_
};

}  // namespace orrery::gui
