// Mouse and keys of the timeline's canvas.
#include <cmath>

#include <QApplication>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QScrollBar>
#include <QWheelEvent>

#include "gui/timeline/timeline_canvas.hpp"
#include "gui/timeline/timeline_text.hpp"

namespace orrery::gui {

namespace {

constexpr double kZoomStep = 1.25;  ///< per notch of the wheel
constexpr double kKeyZoom = 1.5;
constexpr double kKeyPan = 0.15;  ///< of the range
constexpr double kNotch = 120.0;  ///< eighths of a degree

}  // namespace

sim::SimTime TimelineCanvas::time_at(const QPointF& point) const {
  return scale_.time_at(point.x() - layout_.plot.left(), layout_.plot.width());
}

std::size_t TimelineCanvas::track_at(const QPointF& point) const {
  if (index_ == nullptr || !layout_.plot.contains(point)) return TimelineIndex::kNone;
  const TrackRow* const row = rows_.row_at(point.y() - layout_.plot.top() + scroll_->value());
  if (row == nullptr) return TimelineIndex::kNone;
  // A collapsed group answers for the track that does something at that time, compute streams first.
  for (std::size_t track = row->first; track < row->last; ++track) {
    if (index_->span_at(track, time_at(point)) != TimelineIndex::kNone) return track;
  }
  return row->first;
}

std::size_t TimelineCanvas::span_at(const QPointF& point) const {
  const std::size_t track = track_at(point);
  return track == TimelineIndex::kNone ? track : index_->span_at(track, time_at(point));
}

QString TimelineCanvas::describe(const QPointF& point) const {
  const std::size_t track = track_at(point);
  if (track == TimelineIndex::kNone) return {};
  const std::size_t span = index_->span_at(track, time_at(point));
  const double per_pixel = static_cast<double>(scale_.length()) / std::max(layout_.plot.width(), 1.0);
  if (span != TimelineIndex::kNone) {
    const sim::Span& s = index_->timeline()->spans[span];
    if (static_cast<double>(s.end - s.start) >= per_pixel) return describe_span(*index_, span);
  }
  // Spans narrower than a pixel: what the pixel shows.
  const double x = std::floor(point.x() - layout_.plot.left());
  const sim::SimTime begin = scale_.time_at(x, layout_.plot.width());
  return describe_shares(*index_, track, begin, std::max(scale_.time_at(x + 1.0, layout_.plot.width()), begin + 1));
}

void TimelineCanvas::hover(const QPointF& point) {
  const std::size_t span = span_at(point);
  if (span != marks_.hovered) {
    marks_.hovered = span;
    update();
  }
  emit hovered(describe(point));
}

void TimelineCanvas::wheelEvent(QWheelEvent* event) {
  event->accept();
  const QPointF point = event->position();
  const QPoint delta = event->angleDelta();
  const double notches = (delta.y() != 0 ? delta.y() : delta.x()) / kNotch;
  if (index_ == nullptr || notches == 0.0) return;
  if ((event->modifiers() & Qt::ControlModifier) != 0) {
    const double content = point.y() - layout_.plot.top() + scroll_->value(), before = rows_.stretch();
    set_stretch(before * std::pow(kZoomStep, notches));
    scroll_->setValue(static_cast<int>(content * rows_.stretch() / before - (point.y() - layout_.plot.top())));
  } else if ((event->modifiers() & Qt::ShiftModifier) != 0 || delta.y() == 0) {
    pan(-notches * kKeyPan);
  } else if (point.x() < layout_.plot.left()) {
    scroll_->setValue(scroll_->value() - static_cast<int>(notches * 3 * scroll_->singleStep()));
  } else if (layout_.plot.width() >= 1.0) {
    zoom(std::pow(kZoomStep, -notches), (point.x() - layout_.plot.left()) / layout_.plot.width());
  }
}

void TimelineCanvas::mousePressEvent(QMouseEvent* event) {
  if (event->button() != Qt::LeftButton || index_ == nullptr) return;
  press_ = event->position();
  if (press_.x() < layout_.plot.left()) {
    const TrackGroup* const group = rows_.group_at(press_.y() - layout_.gutter.top() + scroll_->value());
    if (group == nullptr || press_.y() < layout_.gutter.top()) return;
    set_collapsed(static_cast<std::size_t>(group - rows_.groups().data()), !group->collapsed);
    return;
  }
  press_scale_ = scale_;
  press_scroll_ = scroll_->value();
  press_time_ = time_at(press_);
  drag_ = (event->modifiers() & Qt::ShiftModifier) != 0 ? Drag::range : Drag::pressed;
}

void TimelineCanvas::mouseMoveEvent(QMouseEvent* event) {
  const QPointF point = event->position();
  if (drag_ == Drag::pressed && (point - press_).manhattanLength() >= QApplication::startDragDistance()) {
    drag_ = Drag::pan;
    setCursor(Qt::ClosedHandCursor);
  }
  if (drag_ == Drag::pan && layout_.plot.width() >= 1.0) {
    TimeScale moved = press_scale_;
    moved.pan((press_.x() - point.x()) / layout_.plot.width());
    set_range(moved.begin(), moved.end());
    scroll_->setValue(static_cast<int>(press_scroll_ + press_.y() - point.y()));
  } else if (drag_ == Drag::range) {
    select_range(press_time_, time_at(point));
  }
  hover(point);
}

void TimelineCanvas::mouseReleaseEvent(QMouseEvent* event) {
  if (event->button() != Qt::LeftButton) return;
  const Drag was = drag_;
  drag_ = Drag::none;
  unsetCursor();
  if (was == Drag::pressed) {
    marks_.has_range = false;
    select_span(span_at(event->position()), false);
  }
}

void TimelineCanvas::mouseDoubleClickEvent(QMouseEvent* event) {
  const std::size_t span = span_at(event->position());
  if (event->button() != Qt::LeftButton || span == TimelineIndex::kNone) return;
  select_span(span, false);
  emit activated(span);
}

void TimelineCanvas::leaveEvent(QEvent*) {
  marks_.hovered = TimelineIndex::kNone;
  update();
  emit hovered({});
}

void TimelineCanvas::keyPressEvent(QKeyEvent* event) {
  const int key = event->key();
  const bool plain = (event->modifiers() & (Qt::ControlModifier | Qt::AltModifier | Qt::MetaModifier)) == 0;
  const auto is = [key](std::initializer_list<int> keys) {
    return std::find(keys.begin(), keys.end(), key) != keys.end();
  };
  if (!plain && key == Qt::Key_0 && (event->modifiers() & Qt::ControlModifier) != 0) {
    set_stretch(1.0);
  } else if (!plain || index_ == nullptr) {
    QWidget::keyPressEvent(event);
  } else if (is({Qt::Key_W, Qt::Key_Plus, Qt::Key_Equal})) {
    zoom(1.0 / kKeyZoom);
  } else if (is({Qt::Key_S, Qt::Key_Minus})) {
    zoom(kKeyZoom);
  } else if (is({Qt::Key_A, Qt::Key_Left})) {
    pan(-kKeyPan);
  } else if (is({Qt::Key_D, Qt::Key_Right})) {
    pan(kKeyPan);
  } else if (is({Qt::Key_Up, Qt::Key_Down, Qt::Key_PageUp, Qt::Key_PageDown})) {
    const int step = is({Qt::Key_Up, Qt::Key_Down}) ? 3 * scroll_->singleStep() : scroll_->pageStep();
    scroll_->setValue(scroll_->value() + (is({Qt::Key_Up, Qt::Key_PageUp}) ? -step : step));
  } else if (key == Qt::Key_F) {
    show_all();
  } else if (key == Qt::Key_Home) {
    set_range(0, scale_.length());
  } else if (key == Qt::Key_End) {
    set_range(scale_.limit() - scale_.length(), scale_.limit());
  } else if (key == Qt::Key_Escape && (marks_.has_range || marks_.selected != TimelineIndex::kNone)) {
    clear_selection();
  } else if (is({Qt::Key_Return, Qt::Key_Enter}) && marks_.selected != TimelineIndex::kNone) {
    emit activated(marks_.selected);
  } else {
    QWidget::keyPressEvent(event);
  }
}

}  // namespace orrery::gui
