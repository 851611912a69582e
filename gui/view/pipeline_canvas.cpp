// Geometry and input of the pipeline's canvas; painting is in pipeline_paint.cpp.

#include "gui/view/pipeline_canvas.hpp"

#include <algorithm>
#include <cmath>

#include <QHelpEvent>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QToolTip>
#include <QWheelEvent>
#include <fmt/format.h>

#include "gui/look/theme.hpp"
#include "scenarios/format.hpp"

namespace orrery::gui {

namespace {

constexpr double kLeastRange = 1000.0;  // picoseconds
constexpr double kTallestRow = 2.6;     // lines of text

QString time_text(double picoseconds) {
  return QString::fromStdString(scenarios::readable(picoseconds * 1e-12, scenarios::Unit::seconds));
}

}  // namespace

QColor pass_color(models::PipelinePass pass, int chunk, int chunks) {
  const bool forward = pass == models::PipelinePass::forward;
  const QColor base = activity_color(forward ? sim::Activity::forward : sim::Activity::backward);
  if (chunks <= 1) return base;
  // From a fifth darker to half way to white: hue and lightness tell the passes and the chunks apart.
  const double place = static_cast<double>(chunk) / (chunks - 1);
  const QColor dark = base.darker(120);
  const auto mix = [&](int low) { return static_cast<int>(std::lround(low + place * 0.55 * (255 - low))); };
  return {mix(dark.red()), mix(dark.green()), mix(dark.blue())};
}

PipelineCanvas::PipelineCanvas(QWidget* parent) : QWidget(parent) {
  setObjectName(QStringLiteral("pipeline_canvas"));
  setAccessibleName(tr("Pipeline schedule"));
  setAccessibleDescription(
      tr("A row per stage, a box per pass of a microbatch. W and S zoom, A and D pan, F shows "
         "all, Enter explains the bubble."));
  setFocusPolicy(Qt::StrongFocus);
  setMouseTracking(true);
  setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Expanding);
}

void PipelineCanvas::set_boxes(std::vector<PassBox> boxes, const RunPtr& run) {
  const bool all = boxes_.empty() || (begin_ <= phase_begin_ && end_ >= phase_end_);
  boxes_ = std::move(boxes);
  run_ = run;
  hovered_.reset();
  bubbles_ = bubble_shares(boxes_);
  rows_.assign(bubbles_.size(), {});
  chunks_ = 1;
  microbatches_ = 0;
  phase_begin_ = boxes_.empty() ? 0.0 : static_cast<double>(boxes_.front().begin);
  phase_end_ = phase_begin_ + 1.0;
  for (std::size_t b = 0; b < boxes_.size(); ++b) {
    const PassBox& box = boxes_[b];
    Row& row = rows_[box.stage];
    if (row.last == 0) row.first = b;
    row.last = b + 1;
    chunks_ = std::max(chunks_, box.slot.chunk + 1);
    microbatches_ = std::max(microbatches_, box.slot.microbatch + 1);
    phase_begin_ = std::min(phase_begin_, static_cast<double>(box.begin));
    phase_end_ = std::max(phase_end_, static_cast<double>(box.end));
  }
  for (std::size_t r = 0; r < rows_.size() && run_ != nullptr; ++r) rows_[r].name = run_->timeline.ranks[r].name;
  // The last pass of a stage is a backward one; if any recomputes, it does.
  const auto recomputes = [&](const PassBox& box) {
    const auto spans = run_->timeline.spans.begin();
    return std::any_of(spans + static_cast<std::ptrdiff_t>(box.first), spans + static_cast<std::ptrdiff_t>(box.last),
                       [](const sim::Span& span) { return span.activity == sim::Activity::recompute; });
  };
  recomputes_ = std::any_of(rows_.begin(), rows_.end(),
                            [&](const Row& row) { return row.last > row.first && recomputes(boxes_[row.last - 1]); });
  lay_out();
  if (all) show_all();
  set_range(begin_, end_);
}

void PipelineCanvas::set_range(double begin, double end) {
  const double whole = phase_end_ - phase_begin_;
  const double width = std::clamp(end - begin, std::min(kLeastRange, whole), whole);
  begin_ = std::clamp(begin, phase_begin_, phase_end_ - width);
  end_ = begin_ + width;
  rows_image_ = {};
  update();
}

void PipelineCanvas::show_all() { set_range(phase_begin_, phase_end_); }

QSize PipelineCanvas::sizeHint() const { return {fontMetrics().height() * 50, fontMetrics().height() * 18}; }
QSize PipelineCanvas::minimumSizeHint() const { return {fontMetrics().height() * 20, fontMetrics().height() * 7}; }

void PipelineCanvas::lay_out() {
  const QFontMetricsF metrics(font());
  double names = 0.0;
  for (const Row& row : rows_) names = std::max(names, metrics.horizontalAdvance(QString::fromStdString(row.name)));
  const double line = metrics.height();
  const double bubble = std::max(metrics.horizontalAdvance(tr("bubble")), metrics.horizontalAdvance("100.0 %"));
  const double left = std::ceil(names + line);
  const double top = std::ceil(3.2 * line);  // legend and headings; below are two lines of the axis
  const double most = std::ceil(kTallestRow * line * static_cast<double>(rows_.size()));
  plot_ = QRectF(left, top, std::max(1.0, std::floor(width() - left - bubble - line)),
                 std::max(1.0, std::min(std::floor(height() - top - 2.6 * line), most)));
  rows_image_ = {};
  update();
}

void PipelineCanvas::resizeEvent(QResizeEvent* event) {
  lay_out();
  QWidget::resizeEvent(event);
}

double PipelineCanvas::row_height() const {
  return plot_.height() / std::max<double>(1.0, static_cast<double>(rows_.size()));
}

QRectF PipelineCanvas::row_rect(std::size_t row) const {
  const double height = row_height();
  // Rows stand apart where there is room.
  const double gap = height >= 8.0 ? std::min(4.0, 0.15 * height) : 0.0;
  return {plot_.x(), plot_.y() + static_cast<double>(row) * height + gap / 2, plot_.width(), height - gap};
}

double PipelineCanvas::x_of(double time) const { return plot_.x() + (time - begin_) / (end_ - begin_) * plot_.width(); }

double PipelineCanvas::time_at(double x) const { return begin_ + (x - plot_.x()) / plot_.width() * (end_ - begin_); }

QRectF PipelineCanvas::box_rect(const PassBox& box) const {
  const QRectF row = row_rect(box.stage);
  const double left = x_of(static_cast<double>(box.begin));
  return {left, row.y(), x_of(static_cast<double>(box.end)) - left, row.height()};
}

std::pair<std::size_t, std::size_t> PipelineCanvas::visible(const Row& row) const {
  const auto at = [&](std::size_t index) { return boxes_.begin() + static_cast<std::ptrdiff_t>(index); };
  const auto first = std::partition_point(at(row.first), at(row.last),
                                          [&](const PassBox& box) { return static_cast<double>(box.end) <= begin_; });
  const auto last = std::partition_point(first, at(row.last),
                                         [&](const PassBox& box) { return static_cast<double>(box.begin) < end_; });
  return {static_cast<std::size_t>(first - boxes_.begin()), static_cast<std::size_t>(last - boxes_.begin())};
}

const PassBox* PipelineCanvas::box_at(QPointF position) const {
  if (boxes_.empty() || !plot_.contains(position)) return nullptr;
  const auto index = static_cast<std::size_t>((position.y() - plot_.y()) / row_height());
  if (index >= rows_.size()) return nullptr;
  const Row& row = rows_[index];
  const double time = time_at(position.x());
  const auto at = [&](std::size_t box) { return boxes_.begin() + static_cast<std::ptrdiff_t>(box); };
  const auto found = std::partition_point(at(row.first), at(row.last),
                                          [&](const PassBox& box) { return static_cast<double>(box.end) <= time; });
  return found != at(row.last) && static_cast<double>(found->begin) <= time ? &*found : nullptr;
}

QString PipelineCanvas::describe(const PassBox& box) const {
  const Row& row = rows_[box.stage];
  const auto index = static_cast<std::size_t>(&box - boxes_.data());
  const sim::SimTime free = index > row.first ? boxes_[index - 1].end : static_cast<sim::SimTime>(phase_begin_);
  const QString pass = box.slot.pass == models::PipelinePass::forward ? tr("forward") : tr("backward");
  QString text = tr("%1: %2 of microbatch %3").arg(QString::fromStdString(row.name), pass).arg(box.slot.microbatch);
  if (chunks_ > 1) text += tr(", chunk %1").arg(box.slot.chunk);
  text += tr("\nstarts at %1, takes %2")
              .arg(time_text(static_cast<double>(box.begin)), time_text(static_cast<double>(box.end - box.begin)));
  if (box.begin > free)
    text += tr("\nthe stage waited %1 before it").arg(time_text(static_cast<double>(box.begin - free)));
  return text;
}

void PipelineCanvas::zoom(double factor, double x) {
  const double fixed = time_at(x);
  set_range(fixed - (fixed - begin_) / factor, fixed + (end_ - fixed) / factor);
}

void PipelineCanvas::pan(double share) {
  const double step = share * (end_ - begin_);
  set_range(begin_ + step, end_ + step);
}

void PipelineCanvas::hover(QPointF position) {
  const PassBox* box = box_at(position);
  std::optional<std::size_t> now;
  if (box != nullptr) now = static_cast<std::size_t>(box - boxes_.data());
  if (now == hovered_) return;
  hovered_ = now;
  update();
}

bool PipelineCanvas::event(QEvent* event) {
  if (event->type() == QEvent::ToolTip) {
    auto* help = static_cast<QHelpEvent*>(event);
    const PassBox* box = box_at(help->pos());
    if (box == nullptr) {
      QToolTip::hideText();
      event->ignore();
    } else {
      QToolTip::showText(help->globalPos(), describe(*box), this, box_rect(*box).toAlignedRect());
    }
    return true;
  }
  return QWidget::event(event);
}

void PipelineCanvas::wheelEvent(QWheelEvent* event) {
  const QPoint turn = event->angleDelta();
  if (turn.x() != 0 || (event->modifiers() & Qt::ShiftModifier) != 0) {
    pan(-0.1 * (turn.x() != 0 ? turn.x() : turn.y()) / 120.0);
  } else {
    zoom(std::pow(1.25, turn.y() / 120.0), event->position().x());
  }
  event->accept();
}

void PipelineCanvas::mousePressEvent(QMouseEvent* event) {
  if (event->button() != Qt::LeftButton) return QWidget::mousePressEvent(event);
  dragged_from_ = event->position();
}

void PipelineCanvas::mouseMoveEvent(QMouseEvent* event) {
  if (!dragged_from_) return hover(event->position());
  setCursor(Qt::ClosedHandCursor);
  pan((dragged_from_->x() - event->position().x()) / plot_.width());
  dragged_from_ = event->position();
}

void PipelineCanvas::mouseReleaseEvent(QMouseEvent* event) {
  dragged_from_.reset();
  unsetCursor();
  hover(event->position());
}

void PipelineCanvas::mouseDoubleClickEvent(QMouseEvent* event) {
  if (event->button() == Qt::LeftButton) emit explain_requested();
}

void PipelineCanvas::leaveEvent(QEvent*) {
  if (!hovered_) return;
  hovered_.reset();
  update();
}

void PipelineCanvas::keyPressEvent(QKeyEvent* event) {
  if ((event->modifiers() & (Qt::ControlModifier | Qt::AltModifier | Qt::MetaModifier)) != 0) {
    return QWidget::keyPressEvent(event);
  }
  const double middle = plot_.center().x();
  switch (event->key()) {
    case Qt::Key_W:
    case Qt::Key_Plus:
      return zoom(1.25, middle);
    case Qt::Key_S:
    case Qt::Key_Minus:
      return zoom(0.8, middle);
    case Qt::Key_A:
    case Qt::Key_Left:
      return pan(-0.1);
    case Qt::Key_D:
    case Qt::Key_Right:
      return pan(0.1);
    case Qt::Key_F:
      return show_all();
    case Qt::Key_Home:
      return set_range(phase_begin_, phase_begin_ + end_ - begin_);
    case Qt::Key_End:
      return set_range(phase_end_ - (end_ - begin_), phase_end_);
    case Qt::Key_Return:
    case Qt::Key_Enter:
      emit explain_requested();
      return;
    default:
      QWidget::keyPressEvent(event);
  }
}

void PipelineCanvas::changeEvent(QEvent* event) {
  if (event->type() == QEvent::PaletteChange || event->type() == QEvent::FontChange) {
    lay_out();
  }
  QWidget::changeEvent(event);
}

}  // namespace orrery::gui
