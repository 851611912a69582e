// Painting of the pipeline's canvas.
//
//   colour of a column = Σ (share of its time that a box takes · colour of the box) + rest · ground
//
// computed once per row and device pixel, so that a hundred thousand boxes cost what a hundred do.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include <QPaintEngine>
#include <QPainter>
#include <QStaticText>
#include <fmt/format.h>

#include "gui/look/theme.hpp"
#include "gui/view/pipeline_canvas.hpp"
#include "gui/view/plot_style.hpp"

namespace orrery::gui {

namespace {

constexpr double kSeparatedBox = 4.0;   // device pixels from which on boxes are told apart by a line
constexpr double kRecomputeBox = 24.0;  // device pixels from which on a box shows what of it is recompute
constexpr double kRecomputeRow = 10.0;
constexpr double kSwatch = 0.8;  // lines, a side of a legend's colour
constexpr double kSecondsPerPicosecond = 1e-12;

/// The mean colour of a column of pixels, as far as boxes cover it.
struct Cell {
  float red = 0.0F, green = 0.0F, blue = 0.0F, cover = 0.0F;
  void add(const std::array<float, 3>& color, float share) {
    red += share * color[0];
    green += share * color[1];
    blue += share * color[2];
    cover += share;
  }
};

std::array<float, 3> channels(const QColor& color) {
  return {static_cast<float>(color.red()), static_cast<float>(color.green()), static_cast<float>(color.blue())};
}

/// Adds [begin, end), in columns, to the cells that it covers.
void cover(std::vector<Cell>& cells, double begin, double end, const std::array<float, 3>& color) {
  begin = std::max(begin, 0.0);
  end = std::min(end, static_cast<double>(cells.size()));
  if (begin >= end) return;
  const auto first = static_cast<std::size_t>(begin);
  const auto last = std::min(static_cast<std::size_t>(end), cells.size() - 1);
  if (first == last) return cells[first].add(color, static_cast<float>(end - begin));
  cells[first].add(color, static_cast<float>(static_cast<double>(first + 1) - begin));
  for (std::size_t c = first + 1; c < last; ++c) cells[c].add(color, 1.0F);
  cells[last].add(color, static_cast<float>(end - static_cast<double>(last)));
}

std::vector<QRgb> colors_of(const std::vector<Cell>& cells, const QColor& ground) {
  std::vector<QRgb> line(cells.size());
  const std::array<float, 3> back = channels(ground);
  for (std::size_t c = 0; c < cells.size(); ++c) {
    const Cell& cell = cells[c];
    const float rest = std::max(0.0F, 1.0F - cell.cover);
    const auto channel = [rest](float sum, float under) {
      return static_cast<int>(std::min(255.0F, sum + rest * under + 0.5F));
    };
    line[c] = qRgb(channel(cell.red, back[0]), channel(cell.green, back[1]), channel(cell.blue, back[2]));
  }
  return line;
}

}  // namespace

void PipelineCanvas::compose_row(const Row& row, const QRect& area, double ratio, QImage& image,
                                 const QRectF& place) const {
  const auto columns = static_cast<std::size_t>(image.width());
  std::vector<Cell> cells(columns);
  std::vector<Cell> recompute;  // along the foot of wide boxes
  const double scale = static_cast<double>(columns) / (end_ - begin_);
  const auto column = [&](sim::SimTime time) { return (static_cast<double>(time) - begin_) * scale; };
  const QColor ground = palette().color(QPalette::Base);
  const std::array<float, 3> line_color = channels(ground);
  const std::array<float, 3> redo = channels(activity_color(sim::Activity::recompute));
  std::vector<std::array<float, 3>> fills;
  for (int chunk = 0; chunk < chunks_; ++chunk) {
    fills.push_back(channels(pass_color(models::PipelinePass::forward, chunk, chunks_)));
    fills.push_back(channels(pass_color(models::PipelinePass::backward, chunk, chunks_)));
  }
  const auto [first, last] = visible(row);
  for (std::size_t b = first; b < last; ++b) {
    const PassBox& box = boxes_[b];
    const double left = column(box.begin), right = column(box.end);
    const auto fill = static_cast<std::size_t>(2 * box.slot.chunk + static_cast<int>(box.slot.pass));
    const bool apart = right - left >= kSeparatedBox;
    if (apart) cover(cells, left, left + ratio, line_color);
    cover(cells, apart ? left + ratio : left, right, fills[fill]);
    if (!recomputes_ || right - left < kRecomputeBox || place.height() < kRecomputeRow) continue;
    recompute.resize(columns);
    for (std::size_t s = box.first; s < box.last; ++s) {
      const sim::Span& span = run_->timeline.spans[s];
      if (span.activity == sim::Activity::recompute) cover(recompute, column(span.start), column(span.end), redo);
    }
  }
  const std::vector<QRgb> line = colors_of(cells, ground);
  std::vector<QRgb> foot = line;
  for (std::size_t c = 0; c < recompute.size(); ++c) {
    if (recompute[c].cover > 0.0F) foot[c] = colors_of({recompute[c]}, QColor(line[c]))[0];
  }
  const int top = static_cast<int>(std::lround((place.top() - area.top()) * ratio));
  const int bottom = std::max(top + 1, static_cast<int>(std::lround((place.bottom() - area.top()) * ratio)));
  const int foot_from = bottom - (bottom - top) / 4;
  for (int y = top; y < std::min(bottom, image.height()); ++y) {
    std::memcpy(image.scanLine(y), (y >= foot_from ? foot : line).data(), columns * sizeof(QRgb));
  }
}

QImage PipelineCanvas::compose(const QRect& area, double ratio) const {
  QImage image((QSizeF(area.size()) * ratio).toSize().expandedTo({1, 1}), QImage::Format_RGB32);
  image.fill(palette().color(QPalette::Window));
  for (std::size_t r = 0; r < rows_.size(); ++r) compose_row(rows_[r], area, ratio, image, row_rect(r));
  image.setDevicePixelRatio(ratio);
  QPainter painter(&image);
  painter.setFont(font());
  painter.translate(-area.topLeft());
  draw_numbers(painter);
  return image;
}

void PipelineCanvas::draw_vectors(QPainter& painter) const {
  painter.setPen(Qt::NoPen);
  for (std::size_t r = 0; r < rows_.size(); ++r) {
    const QRectF place = row_rect(r);
    painter.fillRect(place, palette().color(QPalette::Base));
    const auto [first, last] = visible(rows_[r]);
    for (std::size_t b = first; b < last; ++b) {
      const PassBox& box = boxes_[b];
      QRectF rect = box_rect(box).intersected(plot_);
      if (rect.width() >= kSeparatedBox) rect.setLeft(rect.left() + 1.0);
      painter.fillRect(rect, pass_color(box.slot.pass, box.slot.chunk, chunks_));
    }
  }
  draw_numbers(painter);
}

void PipelineCanvas::draw_numbers(QPainter& painter) const {
  const QFontMetricsF metrics(painter.font());
  if (row_height() < metrics.ascent()) return;
  const double digit = metrics.horizontalAdvance(QLatin1Char('0'));
  std::vector<QStaticText> texts(static_cast<std::size_t>(microbatches_));
  for (const Row& row : rows_) {
    const auto [first, last] = visible(row);
    for (std::size_t b = first; b < last; ++b) {
      const PassBox& box = boxes_[b];
      const QRectF rect = box_rect(box).intersected(plot_);
      if (rect.width() < digit + 4.0) continue;
      QStaticText& text = texts[static_cast<std::size_t>(box.slot.microbatch)];
      if (text.text().isEmpty()) {
        text = QStaticText(QString::number(box.slot.microbatch));
        text.setTextFormat(Qt::PlainText);
        text.prepare({}, painter.font());
      }
      if (rect.width() < text.size().width() + 4.0) continue;
      painter.setPen(text_on(pass_color(box.slot.pass, box.slot.chunk, chunks_)));
      painter.drawStaticText(rect.center() - QPointF(text.size().width(), text.size().height()) / 2.0, text);
    }
  }
}

void PipelineCanvas::draw_labels(QPainter& painter) const {
  const QFontMetricsF metrics(font());
  const double line = metrics.height();
  painter.setPen(palette().color(QPalette::WindowText));
  const double right = plot_.right() + line / 2;
  const QRectF heading(right, plot_.top() - 1.2 * line, width() - right - line / 4, line);
  painter.drawText(heading, Qt::AlignRight | Qt::AlignVCenter, tr("bubble"));
  // Where rows are lower than a line of text, every n-th one has its name.
  const auto every = std::max<std::size_t>(1, static_cast<std::size_t>(std::ceil(line / row_height())));
  for (std::size_t r = 0; r < rows_.size(); r += every) {
    const double y = row_rect(r).center().y() - line / 2;
    painter.drawText(QRectF(0.0, y, plot_.left() - line / 2, line), Qt::AlignRight | Qt::AlignVCenter,
                     QString::fromStdString(rows_[r].name));
    painter.drawText(QRectF(right, y, width() - right - line / 4, line), Qt::AlignRight | Qt::AlignVCenter,
                     QString::fromStdString(fmt::format("{:.1f} %", 100.0 * bubbles_[r])));
  }
}

void PipelineCanvas::draw_axis(QPainter& painter) const {
  const QFontMetricsF metrics(font());
  const double line = metrics.height();
  const ReadableUnit unit = readable_unit(AxisUnit::seconds, 0.5 * (end_ - begin_) * kSecondsPerPicosecond);
  const double picoseconds = unit.factor / kSecondsPerPicosecond;
  // Ticks of one length whatever the range: six digits and a point fit between them.
  const double least = (end_ - begin_) / picoseconds * metrics.horizontalAdvance("0000000.00") / plot_.width();
  const double step = round_step(least);
  const int decimals = std::max(0, static_cast<int>(-std::floor(std::log10(step) + 1e-9)));
  painter.setPen(palette().color(QPalette::WindowText));
  painter.drawLine(plot_.bottomLeft(), plot_.bottomRight());
  for (double tick = std::ceil(begin_ / picoseconds / step - 1e-9) * step; tick <= end_ / picoseconds * (1.0 + 1e-12);
       tick += step) {
    const double x = x_of(tick * picoseconds);
    painter.drawLine(QPointF(x, plot_.bottom()), QPointF(x, plot_.bottom() + 0.3 * line));
    const QString text =
        QString::fromStdString(fmt::format("{:.{}f}", std::abs(tick) < step / 2 ? 0.0 : tick, decimals));
    painter.drawText(QRectF(x - 5 * line, plot_.bottom() + 0.35 * line, 10 * line, line), Qt::AlignHCenter, text);
  }
  painter.drawText(QRectF(plot_.left(), plot_.bottom() + 1.4 * line, plot_.width(), line), Qt::AlignHCenter,
                   tr("time within the step (%1)").arg(unit.suffix));
}

std::vector<PipelineCanvas::LegendEntry> PipelineCanvas::legend() const {
  std::vector<LegendEntry> entries;
  for (const auto pass : {models::PipelinePass::forward, models::PipelinePass::backward}) {
    std::vector<QColor> colors;
    // Of many chunks, the darkest, the middle and the lightest.
    const int shown = std::min(chunks_, 3);
    for (int c = 0; c < shown; ++c) {
      colors.push_back(pass_color(pass, shown < chunks_ ? c * (chunks_ - 1) / 2 : c, chunks_));
    }
    const QString name = pass == models::PipelinePass::forward ? tr("forward") : tr("backward");
    entries.push_back({std::move(colors), chunks_ > 1 ? tr("%1, chunks 0 – %2").arg(name).arg(chunks_ - 1) : name});
  }
  if (recomputes_) entries.push_back({{activity_color(sim::Activity::recompute)}, tr("recompute")});
  entries.push_back({{palette().color(QPalette::Base)}, tr("bubble")});
  return entries;
}

QRectF PipelineCanvas::legend_rect() const {
  const QFontMetricsF metrics(font());
  const double line = metrics.height();
  double width = 0.0;
  for (const LegendEntry& entry : legend()) {
    width += kSwatch * line * static_cast<double>(entry.colors.size()) + 0.4 * line +
             metrics.horizontalAdvance(entry.text) + line;
  }
  // Above the plot, but further left where it would not fit.
  const double left = std::max(0.0, std::min(plot_.left(), this->width() - width));
  return {left, 0.6 * line, width, line};
}

void PipelineCanvas::draw_legend(QPainter& painter) const {
  const QFontMetricsF metrics(font());
  const double line = metrics.height();
  const QRectF area = legend_rect();
  double x = area.left();
  for (const LegendEntry& entry : legend()) {
    for (const QColor& color : entry.colors) {
      const QRectF swatch(x, 0.7 * line, kSwatch * line, kSwatch * line);
      painter.fillRect(swatch, color);
      painter.setPen(palette().color(QPalette::PlaceholderText));
      painter.drawRect(swatch);
      x += kSwatch * line;
    }
    x += 0.4 * line;
    painter.setPen(palette().color(QPalette::WindowText));
    painter.drawText(QRectF(x, area.top(), 20 * line, line), Qt::AlignLeft | Qt::AlignVCenter, entry.text);
    x += metrics.horizontalAdvance(entry.text) + line;
  }
}

void PipelineCanvas::paintEvent(QPaintEvent*) {
  QPainter painter(this);
  if (boxes_.empty()) return;
  const QRect area = plot_.toAlignedRect();
  const bool pixels = painter.paintEngine()->type() == QPaintEngine::Raster;
  if (pixels) {
    const double ratio = painter.device()->devicePixelRatioF();
    if (rows_image_.isNull() || rows_image_.devicePixelRatio() != ratio) rows_image_ = compose(area, ratio);
    painter.drawImage(area.topLeft(), rows_image_);
  } else {
    draw_vectors(painter);
  }
  draw_legend(painter);
  draw_labels(painter);
  draw_axis(painter);
  if (hovered_ && pixels) {
    painter.setPen(QPen(palette().color(QPalette::WindowText), 2.0));
    painter.setBrush(Qt::NoBrush);
    painter.drawRect(box_rect(boxes_[*hovered_]).intersected(plot_).adjusted(1.0, 1.0, -1.0, -1.0));
  }
  if (hasFocus() && pixels) {
    painter.setPen(QPen(palette().color(QPalette::Highlight), 1.0));
    painter.setBrush(Qt::NoBrush);
    painter.drawRect(QRectF(plot_).adjusted(-1.5, -1.5, 1.5, 1.5));
  }
}

}  // namespace orrery::gui
