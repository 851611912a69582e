#include "gui/timeline/timeline_painter.hpp"

#include <algorithm>
#include <cmath>

#include <QFontMetricsF>

#include "gui/look/theme.hpp"

namespace orrery::gui {

namespace {

constexpr double kMargin = 4.0;          ///< between text and what is beside it
constexpr double kShortestLabel = 26.0;  ///< pixels of a span from which it has a label
constexpr double kWidthStep = 4.0;       ///< labels are laid out for multiples of this width
constexpr std::size_t kKeptLabels = 16384;
constexpr std::size_t kMostLabelSpans = 4096;  ///< spans of a track among which labels are looked for

void draw_triangle(QPainter& painter, const QPointF& center, double size, bool collapsed) {
  const double s = size / 2.0;
  QPolygonF shape;
  if (collapsed) {
    shape << center + QPointF(-s * 0.6, -s) << center + QPointF(s * 0.7, 0) << center + QPointF(-s * 0.6, s);
  } else {
    shape << center + QPointF(-s, -s * 0.6) << center + QPointF(s, -s * 0.6) << center + QPointF(0, s * 0.7);
  }
  painter.save();
  painter.setRenderHint(QPainter::Antialiasing);
  painter.setBrush(painter.pen().color());
  painter.setPen(Qt::NoPen);
  painter.drawPolygon(shape);
  painter.restore();
}

}  // namespace

void TimelinePainter::set_font(const QFont& font) {
  font_ = bold_ = small_ = font;
  bold_.setBold(true);
  if (font.pointSizeF() > 0.0) small_.setPointSizeF(font.pointSizeF() * 0.88);
  line_height_ = QFontMetricsF(font_).height();
  small_height_ = QFontMetricsF(small_).height();
  labels_.clear();
}

void TimelinePainter::forget_labels() { labels_.clear(); }

std::pair<double, double> TimelinePainter::name_widths(const TrackRows& rows, const std::vector<Track>& tracks) const {
  const QFontMetricsF bold(bold_), small(small_);
  double group = 0.0, track = 0.0;
  for (const TrackGroup& g : rows.groups())
    group = std::max(group, bold.horizontalAdvance(QString::fromStdString(g.name)));
  for (const Track& t : tracks) track = std::max(track, small.horizontalAdvance(QString::fromStdString(t.name)));
  return {group + line_height_ + 2 * kMargin, track + 2 * kMargin};
}

void TimelinePainter::draw_ruler(QPainter& painter, const QPalette& palette, const CanvasLayout& layout,
                                 const TimeScale& scale) const {
  const QRectF& area = layout.ruler;
  const QColor text = palette.color(QPalette::WindowText);
  const QColor minor = mixed(palette.color(QPalette::Window), text, 0.3), major = mixed(minor, text, 0.35);
  painter.setFont(small_);
  const QFontMetricsF metrics(small_);
  const Ruler ruler = scale.ruler(area.width(), metrics.horizontalAdvance(QStringLiteral("+000.000 ms")) + 4 * kMargin);
  const double bottom = area.bottom() - 0.5;
  for (const Tick& tick : ruler.ticks) {
    const double x = area.left() + scale.position(tick.time, area.width());
    painter.setPen(tick.major ? major : minor);
    painter.drawLine(QPointF(x, bottom - (tick.major ? area.height() * 0.4 : area.height() * 0.2)), QPointF(x, bottom));
    if (!tick.major) continue;
    painter.setPen(text);
    const double width = metrics.horizontalAdvance(tick.label);
    const double left = std::clamp(x - width / 2, area.left(), std::max(area.left(), area.right() - width - 1));
    painter.drawText(QPointF(left, area.top() + metrics.ascent() + 4), tick.label);
  }
  if (!ruler.base.isEmpty()) {
    painter.setPen(text);
    const QRectF corner(kMargin, area.top() + 4, area.left() - 2 * kMargin, metrics.height());
    painter.drawText(corner, Qt::AlignRight | Qt::AlignTop, ruler.base);
  }
  // Which part of the whole is in view.
  const double limit = static_cast<double>(scale.limit());
  const double from = static_cast<double>(scale.begin()) / limit, to = static_cast<double>(scale.end()) / limit;
  painter.fillRect(QRectF(area.left(), area.top(), area.width(), 3.0),
                   mixed(palette.color(QPalette::Window), text, 0.1));
  const double width = std::max((to - from) * area.width(), 3.0);
  const double left = std::min(area.left() + from * area.width(), area.right() - width);
  painter.fillRect(QRectF(left, area.top(), width, 3.0), palette.color(QPalette::Highlight));
}

void TimelinePainter::draw_gutter(QPainter& painter, const QPalette& palette, const CanvasLayout& layout,
                                  const RasterScene& scene) const {
  const QRectF& area = layout.gutter;
  const QColor text = palette.color(QPalette::WindowText), ground = palette.color(QPalette::Window);
  painter.fillRect(area, ground);
  painter.save();
  painter.setClipRect(area);
  const QFontMetricsF bold(bold_), small(small_);
  double free_from = -1e9;  // below the name of the group before
  for (const TrackGroup& group : scene.rows->groups()) {
    const double top = area.top() + group.top - scene.scroll, bottom = top + group.height;
    if (bottom < area.top() || top > area.bottom()) continue;
    painter.setPen(mixed(ground, text, 0.18));
    painter.drawLine(QPointF(area.left(), bottom + 0.5), QPointF(area.right(), bottom + 0.5));
    const double visible = std::max(top, area.top());  // the name stays in view while a part of the group is
    const double line = std::min(visible, std::max(top, bottom - line_height_));
    if (line < free_from) continue;
    free_from = line + line_height_ * 0.95;
    painter.setPen(text);
    draw_triangle(painter, {area.left() + kMargin + line_height_ / 3, line + line_height_ / 2}, line_height_ * 0.5,
                  group.collapsed);
    painter.setFont(bold_);
    const double left = area.left() + kMargin + line_height_ * 0.8;
    const QString name =
        bold.elidedText(QString::fromStdString(group.name), Qt::ElideMiddle, area.left() + layout.group_width - left);
    painter.drawText(QPointF(left, line + bold.ascent()), name);
  }
  painter.setFont(small_);
  painter.setPen(mixed(text, ground, 0.25));
  const double width = area.width() - layout.group_width - kMargin;
  for (const TrackRow& row : scene.rows->rows()) {
    const double top = area.top() + row.top - scene.scroll;
    if (row.mixed || row.height < small_height_ * 0.8 || top + row.height < area.top() || top > area.bottom()) continue;
    const QString name = QString::fromStdString(scene.index->tracks()[row.first].name);
    painter.drawText(QRectF(area.left() + layout.group_width, top, width, row.height),
                     Qt::AlignRight | Qt::AlignVCenter, small.elidedText(name, Qt::ElideRight, width));
  }
  painter.restore();
}

void TimelinePainter::draw_labels(QPainter& painter, const CanvasLayout& layout, const RasterScene& scene,
                                  const RasterColors& colors) {
  painter.save();
  painter.setClipRect(layout.plot);
  painter.setFont(small_);
  for (const TrackRow& row : scene.rows->rows()) {
    const double top = row.top - scene.scroll;
    if (row.mixed || row.height < small_height_ || top + row.height < 0.0 || top > layout.plot.height()) continue;
    draw_row_labels(painter, layout, scene, row, colors);
  }
  painter.restore();
}

void TimelinePainter::draw_row_labels(QPainter& painter, const CanvasLayout& layout, const RasterScene& scene,
                                      const TrackRow& row, const RasterColors& colors) {
  const TimelineIndex& index = *scene.index;
  const sim::Timeline& timeline = *index.timeline();
  const auto [first, last] = index.spans_in(row.first, scene.scale->begin(), scene.scale->end());
  if (last - first > kMostLabelSpans) return;
  const double width = layout.plot.width();
  const bool two_lines = row.height >= 2.0 * small_height_ + 2.0;
  for (std::size_t i = first; i < last; ++i) {
    const sim::Span& span = timeline.spans[i];
    const double left = std::max(scene.scale->position(span.start, width), 0.0);
    const double right = std::min(scene.scale->position(span.end, width), width);
    const double room = right - left - 2 * kMargin;
    if (right - left < kShortestLabel || span.label.index() >= timeline.labels.size()) continue;
    const bool faded = scene.match != nullptr && !scene.match->contains(span.label);
    const QColor ground = (faded ? colors.faded : colors.activity)[static_cast<std::size_t>(span.activity)];
    painter.setPen(faded ? mixed(text_on(ground), ground, 0.4) : text_on(ground));
    const Label& name = label(timeline, span.label.value, room);
    const double middle = layout.plot.top() + row.top - scene.scroll + (row.height - 1.0) / 2;
    const QString duration = two_lines ? format_time(static_cast<double>(span.end - span.start)) : QString();
    const bool shown = two_lines && QFontMetricsF(small_).horizontalAdvance(duration) <= room;
    // Wide spans have their label in the middle of what is in view.
    const double x = layout.plot.left() + left + kMargin + std::max(0.0, (room - name.width) / 2);
    painter.drawStaticText(QPointF(x, middle - (shown ? small_height_ : small_height_ / 2)), name.text);
    if (!shown) continue;
    const QRectF below(layout.plot.left() + left + kMargin, middle, room, small_height_);
    painter.drawText(below, Qt::AlignHCenter | Qt::AlignTop, duration);
  }
}

void TimelinePainter::draw_held_up(QPainter& painter, const QPalette& palette, const CanvasLayout& layout,
                                   const RasterScene& scene) const {
  const sim::Timeline& timeline = *scene.index->timeline();
  if (timeline.held_up.empty()) return;
  painter.save();
  painter.setClipRect(layout.plot);
  const QColor color = warning_color(palette), edge = palette.color(QPalette::Base);
  const double width = layout.plot.width();
  const auto before = [](const sim::HeldUpSpan& held, std::size_t span) { return held.span < span; };
  for (const TrackRow& row : scene.rows->rows()) {
    const double top = row.top - scene.scroll;
    if (top + row.height < 0.0 || top > layout.plot.height()) continue;
    const double height = std::clamp(row.height * 0.2, 2.0, 6.0);
    for (std::size_t track = row.first; track < row.last; ++track) {
      const auto [first, last] = scene.index->spans_in(track, scene.scale->begin(), scene.scale->end());
      auto held = std::lower_bound(timeline.held_up.begin(), timeline.held_up.end(), first, before);
      double drawn = -1.0;  // bars that fall into one pixel are one
      for (; held != timeline.held_up.end() && held->span < last; ++held) {
        const sim::Span& span = timeline.spans[held->span];
        const sim::SimTime begin = span.end - std::min(held->delay, span.end - span.start);
        const double left = std::max(scene.scale->position(begin, width), 0.0);
        const double right = std::min(std::max(scene.scale->position(span.end, width), left + 2.0), width);
        if (right < drawn + 1.0) continue;
        drawn = right;
        const QRectF bar(layout.plot.left() + left, layout.plot.top() + top + row.height - 1.0 - height, right - left,
                         height);
        painter.fillRect(bar.adjusted(0.0, -1.0, 0.0, 0.0), edge);
        painter.fillRect(bar, color);
      }
    }
  }
  painter.restore();
}

const TimelinePainter::Label& TimelinePainter::label(const sim::Timeline& timeline, std::uint32_t id, double width) {
  const auto steps = static_cast<std::uint64_t>(std::clamp(width / kWidthStep, 0.0, 4095.0));
  const std::uint64_t key = static_cast<std::uint64_t>(id) << 12 | steps;
  if (const auto found = labels_.find(key); found != labels_.end()) return found->second;
  if (labels_.size() >= kKeptLabels) labels_.clear();
  const QFontMetricsF metrics(small_);
  Label made;
  QString text = metrics.elidedText(QString::fromStdString(timeline.labels[id]), Qt::ElideRight,
                                    static_cast<double>(steps) * kWidthStep);
  if (text == QStringLiteral("…")) text.clear();
  made.text.setText(text);
  made.text.setTextFormat(Qt::PlainText);
  made.text.prepare({}, small_);
  made.width = metrics.horizontalAdvance(text);
  return labels_.emplace(key, std::move(made)).first->second;
}

QRectF TimelinePainter::span_rect(const CanvasLayout& layout, const RasterScene& scene, std::size_t span) const {
  const TrackRow* const row = scene.rows->row_of(scene.index->track_of(span));
  if (row == nullptr) return {};
  const sim::Span& s = scene.index->timeline()->spans[span];
  const QRectF& plot = layout.plot;
  const double left = std::clamp(scene.scale->position(s.start, plot.width()), -10.0, plot.width() + 10.0);
  const double right = std::clamp(scene.scale->position(s.end, plot.width()), -10.0, plot.width() + 10.0);
  return {plot.left() + left, plot.top() + row->top - scene.scroll, std::max(right - left, 1.0), row->height};
}

void TimelinePainter::draw_marks(QPainter& painter, const QPalette& palette, const CanvasLayout& layout,
                                 const RasterScene& scene, const CanvasMarks& marks) const {
  painter.save();
  painter.setClipRect(layout.plot.united(layout.ruler));
  const QColor accent = palette.color(QPalette::Highlight);
  if (marks.has_range) {
    const double from =
        std::clamp(scene.scale->position(marks.range_begin, layout.plot.width()), -5.0, layout.plot.width() + 5.0);
    const double to =
        std::clamp(scene.scale->position(marks.range_end, layout.plot.width()), -5.0, layout.plot.width() + 5.0);
    const QRectF band(layout.plot.left() + from, layout.ruler.top(), to - from,
                      layout.plot.bottom() - layout.ruler.top());
    QColor shade = accent;
    shade.setAlphaF(0.18f);
    painter.fillRect(band, shade);
    painter.setPen(QPen(accent, 1.5));
    painter.drawLine(band.topLeft(), band.bottomLeft());
    painter.drawLine(band.topRight(), band.bottomRight());
  }
  painter.setClipRect(layout.plot);
  const QColor ink = palette.color(QPalette::Text);
  if (marks.hovered != TimelineIndex::kNone && marks.hovered != marks.selected) {
    const QRectF box = span_rect(layout, scene, marks.hovered);
    if (box.width() >= 3.0) {
      painter.setPen(QPen(ink, 1.0));
      painter.drawRect(box.adjusted(0.5, 0.5, -0.5, -1.5));
    }
  }
  if (marks.selected != TimelineIndex::kNone) {
    // Two frames, so that it stands out from any colour; a pointer above, so that a narrow span is found.
    const QRectF box = span_rect(layout, scene, marks.selected);
    painter.setPen(QPen(palette.color(QPalette::Base), 4.0));
    painter.drawRect(box);
    painter.setPen(QPen(ink, 2.0));
    painter.drawRect(box);
    if (box.width() < 8.0) {
      painter.setPen(Qt::NoPen);
      painter.setBrush(ink);
      painter.setRenderHint(QPainter::Antialiasing);
      const QPointF tip(box.center().x(), box.top());
      painter.drawPolygon(QPolygonF({tip, tip + QPointF(-5, -8), tip + QPointF(5, -8)}));
    }
  }
  painter.restore();
}

}  // namespace orrery::gui
