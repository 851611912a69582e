#include "gui/timeline/timeline_canvas.hpp"

#include <algorithm>
#include <cmath>

#include <QHelpEvent>
#include <QPaintEvent>
#include <QScrollBar>
#include <QToolTip>

#include "gui/timeline/timeline_text.hpp"

namespace orrery::gui {

TimelineCanvas::TimelineCanvas(QWidget* parent) : QWidget(parent), colors_(palette()) {
  setObjectName(QStringLiteral("timeline_canvas"));
  setAccessibleName(tr("Timeline of the run"));
  setFocusPolicy(Qt::StrongFocus);
  setMouseTracking(true);
  setAttribute(Qt::WA_OpaquePaintEvent);
  painter_.set_font(font());
  scroll_ = new QScrollBar(Qt::Vertical, this);
  scroll_->setAccessibleName(tr("Scroll through the tracks"));
  scroll_->hide();
  connect(scroll_, &QScrollBar::valueChanged, this, [this] { redraw(); });
}

void TimelineCanvas::set_index(const TimelineIndex* index, const QString& message) {
  index_ = index != nullptr && index->timeline() != nullptr && !index->tracks().empty() ? index : nullptr;
  message_ = message;
  setAccessibleDescription(index_ == nullptr ? message : QString());
  match_ = nullptr;
  marks_ = {};
  drag_ = Drag::none;
  painter_.forget_labels();
  rows_.set_tracks(index_ != nullptr ? index_->tracks() : std::vector<Track>{});
  lay_out();
  emit hovered({});  // what it told is of the index before
  emit selection_changed();
}

template <class Move>
void TimelineCanvas::move_scale(const Move& move) {
  const sim::SimTime begin = scale_.begin(), end = scale_.end();
  move(scale_);
  if (begin == scale_.begin() && end == scale_.end()) return;
  redraw();
  emit range_changed(scale_.begin(), scale_.end());
}

void TimelineCanvas::set_limit(sim::SimTime makespan) {
  move_scale([=](TimeScale& scale) { scale.set_limit(makespan); });
  redraw();
}
void TimelineCanvas::set_range(sim::SimTime begin, sim::SimTime end) {
  move_scale([=](TimeScale& scale) { scale.set_range(begin, end); });
}
void TimelineCanvas::show_all() {
  // A range from elsewhere may have reached beyond the end of this timeline.
  const sim::SimTime makespan = index_ != nullptr ? index_->timeline()->makespan : scale_.limit();
  move_scale([=](TimeScale& scale) {
    scale.set_limit(makespan);
    scale.show_all();
  });
}
void TimelineCanvas::zoom(double factor, double share) {
  move_scale([=](TimeScale& scale) { scale.zoom(factor, share); });
}
void TimelineCanvas::pan(double share) {
  move_scale([=](TimeScale& scale) { scale.pan(share); });
}

void TimelineCanvas::set_match(const LabelMatch* match) {
  match_ = match;
  redraw();
}

void TimelineCanvas::select_span(std::size_t span, bool reveal) {
  marks_.selected = index_ != nullptr && span < index_->timeline()->spans.size() ? span : TimelineIndex::kNone;
  if (reveal && marks_.selected != TimelineIndex::kNone) {
    const sim::Span& s = index_->timeline()->spans[span];
    move_scale([&](TimeScale& scale) { scale.reveal(s.start, s.end); });
    scroll_to_track(index_->track_of(span));
  }
  update();
  emit selection_changed();
}

void TimelineCanvas::select_range(sim::SimTime begin, sim::SimTime end) {
  marks_.range_begin = std::min(begin, end);
  marks_.range_end = std::max(begin, end);
  marks_.has_range = marks_.range_begin < marks_.range_end;
  update();
  emit selection_changed();
}

void TimelineCanvas::clear_selection() {
  marks_.has_range = false;
  marks_.selected = TimelineIndex::kNone;
  update();
  emit selection_changed();
}

void TimelineCanvas::set_collapsed(std::size_t group, bool collapsed) {
  rows_.set_collapsed(group, collapsed);
  lay_out();
}
void TimelineCanvas::set_all_collapsed(bool collapsed) {
  rows_.set_all_collapsed(collapsed);
  lay_out();
}
void TimelineCanvas::set_stretch(double stretch) {
  rows_.set_stretch(stretch);
  lay_out();
}

void TimelineCanvas::scroll_to_track(std::size_t track) {
  const TrackRow* const row = rows_.row_of(track);
  if (row == nullptr) return;
  const double top = scroll_->value(), height = layout_.plot.height();
  if (row->top < top || row->bottom() > top + height) {
    scroll_->setValue(static_cast<int>(row->top + row->height / 2 - height / 2));
  }
}

RasterScene TimelineCanvas::scene() const {
  return {index_, &rows_, &scale_, match_, static_cast<double>(scroll_->value())};
}

QSize TimelineCanvas::sizeHint() const { return {900, 420}; }
QSize TimelineCanvas::minimumSizeHint() const { return {160, 80}; }

/// Gutter as wide as the names, up to a third; scroll bar only where the rows don't fit.
void TimelineCanvas::lay_out() {
  const double line = painter_.line_height();
  const double ruler = std::min(std::ceil(line * 1.9), height() * 1.0);
  const double plot_height = std::max(0.0, height() - ruler);
  rows_.lay_out(plot_height);
  const bool scrolls = rows_.height() > plot_height + 0.5 && plot_height >= 1.0;
  const int bar = scrolls ? std::min(scroll_->sizeHint().width(), width()) : 0;
  scroll_->setVisible(scrolls);
  scroll_->setGeometry(width() - bar, static_cast<int>(ruler), bar, static_cast<int>(plot_height));
  scroll_->setRange(0, scrolls ? static_cast<int>(std::ceil(rows_.height() - plot_height)) : 0);
  scroll_->setPageStep(std::max(1, static_cast<int>(plot_height)));
  scroll_->setSingleStep(static_cast<int>(line));

  double group = 0.0, track = 0.0;
  if (index_ != nullptr) {
    std::tie(group, track) = painter_.name_widths(rows_, index_->tracks());
    const bool named = std::any_of(rows_.rows().begin(), rows_.rows().end(),
                                   [&](const TrackRow& row) { return !row.mixed && row.height >= line * 0.7; });
    if (!named) track = 6.0;
    const double most = width() / 3.0;
    if (group + track > most) {
      group *= most / (group + track);
      track = most - group;
    }
  }
  const double gutter = std::ceil(group + track);
  const double plot_width = std::max(0.0, width() - gutter - bar);
  layout_.group_width = group;
  layout_.ruler = {gutter, 0.0, plot_width, ruler};
  layout_.gutter = {0.0, ruler, gutter, plot_height};
  layout_.plot = {gutter, ruler, plot_width, plot_height};
  redraw();
}

void TimelineCanvas::redraw() {
  stale_ = true;
  update();
}

void TimelineCanvas::paintEvent(QPaintEvent*) {
  QPainter painter(this);
  if (index_ == nullptr) {
    painter.fillRect(rect(), palette().color(QPalette::Window));
    painter.setPen(palette().color(QPalette::PlaceholderText));
    painter.drawText(rect().adjusted(8, 8, -8, -8), Qt::AlignCenter | Qt::TextWordWrap, message_);
    return;
  }
  const double ratio = devicePixelRatioF();
  const QSize size(static_cast<int>(std::lround(layout_.plot.width() * ratio)),
                   static_cast<int>(std::lround(layout_.plot.height() * ratio)));
  if (size.isEmpty()) return painter.fillRect(rect(), palette().color(QPalette::Window));
  if (image_.size() != size || image_.devicePixelRatio() != ratio) {
    image_ = QImage(size, QImage::Format_RGB32);
    image_.setDevicePixelRatio(ratio);
    stale_ = true;
  }
  const RasterScene shown = scene();
  if (stale_) raster_.draw(image_, shown, colors_);
  stale_ = false;
  painter.drawImage(layout_.plot.topLeft(), image_);
  painter_.draw_labels(painter, layout_, shown, colors_);
  painter_.draw_held_up(painter, palette(), layout_, shown);
  painter.fillRect(QRectF(0, 0, width(), layout_.ruler.bottom()), palette().color(QPalette::Window));
  painter_.draw_ruler(painter, palette(), layout_, scale_);
  painter_.draw_gutter(painter, palette(), layout_, shown);
  painter_.draw_marks(painter, palette(), layout_, shown, marks_);
  if (hasFocus()) {
    painter.setPen(palette().color(QPalette::Highlight));
    painter.drawRect(layout_.plot.adjusted(0.5, 0.5, -0.5, -0.5));
  }
}

void TimelineCanvas::resizeEvent(QResizeEvent*) { lay_out(); }

void TimelineCanvas::changeEvent(QEvent* event) {
  QWidget::changeEvent(event);
  if (event->type() == QEvent::PaletteChange || event->type() == QEvent::StyleChange) {
    colors_ = RasterColors(palette());
    redraw();
  } else if (event->type() == QEvent::FontChange) {
    painter_.set_font(font());
    lay_out();
  }
}

bool TimelineCanvas::event(QEvent* event) {
  if (event->type() != QEvent::ToolTip) return QWidget::event(event);
  const auto* const help = static_cast<QHelpEvent*>(event);
  QString text = describe(help->pos());
  if (text.isEmpty()) {
    QToolTip::hideText();
  } else {
    QToolTip::showText(help->globalPos(), text.replace(QStringLiteral("  ·  "), QStringLiteral("\n")), this);
  }
  return true;
}

}  // namespace orrery::gui
