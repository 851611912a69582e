#include "gui/timeline/timeline_raster.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "gui/look/theme.hpp"

namespace orrery::gui {

namespace {

constexpr double kFaded = 0.78;             ///< share of the ground in a faded colour
constexpr double kWideSpan = 2.0;           ///< pixels from which a span stands alone
constexpr double kEdgedSpan = 4.0;          ///< pixels from which it has an edge
constexpr int kLowRow = 12;                 ///< pixels up to which a row is drawn without branches
constexpr std::size_t kSpansPerColumn = 1;  ///< up to which spans are looked at one by one

/// Colours of a pixel by their share of it in 1/256, all three in one integer of 16 bits each.
constexpr std::uint32_t kWhole = 256;

std::uint64_t spread(QRgb color) {
  return (color & 0xffu) | (std::uint64_t{color} & 0xff00u) << 8 | (std::uint64_t{color} & 0xff0000u) << 16;
}
QRgb packed(std::uint64_t sum) {
  return 0xff000000u | static_cast<QRgb>((sum >> 8 & 0xffu) | (sum >> 16 & 0xff00u) | (sum >> 24 & 0xff0000u));
}

/// A row of few pixels. Far out nearly every column differs from the one before, and mispredicted branches would be
/// most of the cost. With c_k the upper edge of the k-th activity, cut to the pixel (0 … 256), and D_k its colour less
/// that of the one above:
///
///   sum = 256 · ground + Σ_k c_k · D_k        (per channel, modulo 2^16: the sum itself is at most 256 · 255)
///
/// Integers of 16 bits, so that a vector register of any machine holds eight columns.
struct LowRow {
  struct Channel {
    std::uint16_t ground = 0;
    std::array<std::uint16_t, kActivities> differences = {};
  };
  Channel red, green, blue;
  float height = 0, hidden = 0;  ///< of the row, and of its part below the image, in 1/256 pixels
  int pixels = 0;
  QRgb* lowest = nullptr;
  std::ptrdiff_t stride = 0;

  static constexpr std::size_t kChunk = 64;  ///< columns at a time

  /// Shares are [columns, kCount].
  template <std::size_t kCount>
  void draw(const float* shares, std::size_t columns) const {
    std::array<std::array<std::int16_t, kChunk>, kCount> edges;
    for (std::size_t first = 0; first < columns; first += kChunk) {
      const std::size_t count = std::min(kChunk, columns - first);
      for (std::size_t c = 0; c < count; ++c) {
        float edge = 0.5f - hidden;
        for (std::size_t a = 0; a < kCount; ++a) {
          edge += *shares++ * height;
          edges[a][c] = static_cast<std::int16_t>(edge);
        }
      }
      for (int y = 0; y < pixels; ++y) draw_pixels<kCount>(edges, y, lowest + first - y * stride, count);
    }
  }

  template <std::size_t kCount>
  void draw_pixels(const std::array<std::array<std::int16_t, kChunk>, kCount>& edges, int y, QRgb* line,
                   std::size_t count) const {
    const auto bottom = static_cast<std::int16_t>(y * static_cast<int>(kWhole));
    for (std::size_t c = 0; c < count; ++c) {
      std::uint16_t r = red.ground, g = green.ground, b = blue.ground;
      for (std::size_t a = 0; a < kCount; ++a) {
        const auto above = static_cast<std::int16_t>(edges[a][c] - bottom);
        const auto part = static_cast<std::uint16_t>(std::clamp<std::int16_t>(above, 0, kWhole));
        r = static_cast<std::uint16_t>(r + part * red.differences[a]);
        g = static_cast<std::uint16_t>(g + part * green.differences[a]);
        b = static_cast<std::uint16_t>(b + part * blue.differences[a]);
      }
      line[c] = 0xff000000u | static_cast<QRgb>(r >> 8) << 16 | (g & 0xff00u) | static_cast<QRgb>(b >> 8);
    }
  }
};

LowRow::Channel channel_of(QRgb ground, const std::vector<QRgb>& colors, int shift) {
  const auto value = [shift](QRgb color) { return color >> shift & 0xffu; };
  LowRow::Channel channel;
  channel.ground = static_cast<std::uint16_t>(value(ground) * kWhole);
  for (std::size_t a = 0; a < colors.size(); ++a) {
    const QRgb above = a + 1 < colors.size() ? colors[a + 1] : ground;
    channel.differences[a] = static_cast<std::uint16_t>(value(colors[a]) - value(above));
  }
  return channel;
}

}  // namespace

RasterColors::RasterColors(const QPalette& palette) {
  ground = palette.color(QPalette::Window).rgb();
  lane = palette.color(QPalette::Base).rgb();
  for (std::size_t a = 0; a < kActivities; ++a) {
    activity[a] = activity_color(static_cast<sim::Activity>(a)).rgb();
    faded[a] = mixed(QColor(activity[a]), QColor(lane), kFaded).rgb();
  }
}

void TimelineRaster::draw(QImage& image, const RasterScene& scene, const RasterColors& colors) {
  colors_ = colors;
  if (image.isNull()) return;
  if (scene.index == nullptr) return image.fill(colors.ground);
  bits_ = reinterpret_cast<QRgb*>(image.bits());
  stride_ = image.bytesPerLine() / static_cast<std::ptrdiff_t>(sizeof(QRgb));
  const double ratio = image.devicePixelRatio();
  int done = 0;  // pixel rows from the top: every pixel is written once, for memory is what a frame waits for
  for (const TrackRow& row : scene.rows->rows()) {
    const double top = (row.top - scene.scroll) * ratio, bottom = (row.bottom() - scene.scroll) * ratio;
    if (bottom <= 0.0 || top >= image.height()) continue;
    const auto first = static_cast<int>(std::lround(top));
    auto last = static_cast<int>(std::lround(bottom));
    if (last - first >= static_cast<int>(5 * ratio))
      last -= static_cast<int>(std::lround(ratio));  // a gap between rows
    Band band;
    band.top = std::clamp(first, 0, image.height());
    band.bottom = std::clamp(last, 0, image.height());
    band.height = last - first;
    band.hidden = last - band.bottom;
    if (band.bottom <= band.top) continue;
    fill_rows(image, done, band.top, colors.ground);
    draw_row(image, scene, row, band);
    done = band.bottom;
  }
  fill_rows(image, done, image.height(), colors.ground);
}

void TimelineRaster::fill_rows(const QImage& image, int top, int bottom, QRgb color) {
  for (int y = top; y < bottom; ++y) std::fill_n(bits_ + y * stride_, image.width(), color);
}

void TimelineRaster::draw_row(const QImage& image, const RasterScene& scene, const TrackRow& row, const Band& band) {
  const Columns columns{scene.scale->begin(), scene.scale->end(), static_cast<std::size_t>(image.width())};
  if (row.mixed) {
    mix_tracks(scene, row, columns);
  } else {
    activities_ = scene.index->activities(row.first);
    scene.index->shares(row.first, columns, shares_);
  }
  if (scene.match != nullptr) mark_matches(scene, row, columns);
  const std::size_t width = activities_.size();
  if (band.height > kLowRow || scene.match != nullptr || !draw_low_row(band, columns.count)) {
    fill_rows(image, band.top, band.bottom, colors_.lane);
    for (std::size_t c = 0; c < columns.count; ++c) {
      draw_column(band, c, shares_.data() + c * width, scene.match != nullptr && matches_[c] == 0);
    }
  }
  if (!row.mixed) draw_spans(scene, row.first, band, columns);
}

/// Of a collapsed group: what its compute streams do, and in the time that they leave, what the other streams do. So
/// communication shows where nothing hides it.
void TimelineRaster::mix_tracks(const RasterScene& scene, const TrackRow& row, const Columns& columns) {
  const TimelineIndex& index = *scene.index;
  activities_.resize(kActivities);
  std::iota(activities_.begin(), activities_.end(), std::uint8_t{0});
  shares_.assign(columns.count * kActivities, 0.0f);
  std::size_t computing = 0;
  for (std::size_t t = row.first; t < row.last; ++t)
    computing += index.tracks()[t].lane.kind == sim::LaneKind::compute ? 1 : 0;
  for (const bool compute : {true, false}) {
    const float scale = compute && computing > 1 ? 1.0f / static_cast<float>(computing) : 1.0f;
    for (std::size_t t = row.first; t < row.last; ++t) {
      if ((index.tracks()[t].lane.kind == sim::LaneKind::compute) != compute) continue;
      index.shares(t, columns, track_shares_);
      const std::vector<std::uint8_t>& present = index.activities(t);
      for (std::size_t c = 0; c < columns.count; ++c) {
        const float* const add = track_shares_.data() + c * present.size();
        float* const to = shares_.data() + c * kActivities;
        const float left = std::max(0.0f, 1.0f - std::accumulate(to, to + kActivities, 0.0f));
        const float sum = std::accumulate(add, add + present.size(), 0.0f) * scale;
        const float fit = sum > left ? left / sum * scale : scale;
        for (std::size_t a = 0; a < present.size(); ++a) to[present[a]] += add[a] * fit;
      }
    }
  }
}

void TimelineRaster::mark_matches(const RasterScene& scene, const TrackRow& row, const Columns& columns) {
  matches_.assign(columns.count, 0);
  const double per_width = 1.0 / columns.width();
  const auto most = static_cast<double>(columns.count - 1);
  for (std::size_t t = row.first; t < row.last; ++t) {
    scene.index->for_each_match(*scene.match, t, columns, [&](sim::SimTime start, sim::SimTime end) {
      const double from = std::clamp(difference(start, columns.begin) * per_width, 0.0, most);
      const double to = std::clamp(difference(end, columns.begin) * per_width, 0.0, most);
      std::fill(matches_.begin() + static_cast<std::ptrdiff_t>(from),
                matches_.begin() + static_cast<std::ptrdiff_t>(to) + 1, std::uint8_t{1});
    });
  }
}

void TimelineRaster::draw_column(const Band& band, std::size_t column, const float* shares, bool faded) {
  constexpr float kAll = 0.998f;
  const auto& palette = faded ? colors_.faded : colors_.activity;
  const std::size_t count = activities_.size();
  QRgb* const top = bits_ + band.top * stride_ + static_cast<std::ptrdiff_t>(column);
  QRgb* pixel = bits_ + (band.bottom - 1) * stride_ + static_cast<std::ptrdiff_t>(column);

  // From the bottom: whole pixels of each activity, and where some meet the mixture of them.
  const float height = static_cast<float>(band.height) * static_cast<float>(kWhole);
  auto hidden = static_cast<std::uint32_t>(band.hidden) * kWhole;
  auto room = static_cast<std::uint32_t>(band.bottom - band.top) * kWhole;
  std::uint64_t sum = 0;
  std::uint32_t filled = 0;
  for (std::size_t a = 0; a < count; ++a) {
    const QRgb color = palette[activities_[a]];
    if (shares[a] > kAll) {
      for (pixel = top; pixel < top + (band.bottom - band.top) * stride_; pixel += stride_) *pixel = color;
      return;
    }
    auto part = static_cast<std::uint32_t>(shares[a] * height + 0.5f);
    const std::uint32_t below = std::min(part, hidden);
    hidden -= below;
    part = std::min(part - below, room);
    room -= part;
    while (filled + part >= kWhole) {
      *pixel = filled == 0 ? color : packed(sum + spread(color) * (kWhole - filled));
      part -= kWhole - filled;
      filled = 0;
      sum = 0;
      pixel -= stride_;
    }
    sum += spread(color) * part;
    filled += part;
  }
  if (filled > 0) *pixel = packed(sum + spread(colors_.lane) * (kWhole - filled));
}

/// False if it has too many activities for that.
bool TimelineRaster::draw_low_row(const Band& band, std::size_t columns) {
  std::vector<QRgb> colors;
  for (const std::uint8_t activity : activities_) colors.push_back(colors_.activity[activity]);
  LowRow row;
  row.red = channel_of(colors_.lane, colors, 16);
  row.green = channel_of(colors_.lane, colors, 8);
  row.blue = channel_of(colors_.lane, colors, 0);
  row.height = static_cast<float>(band.height) * static_cast<float>(kWhole);
  row.hidden = static_cast<float>(band.hidden) * static_cast<float>(kWhole);
  row.pixels = band.bottom - band.top;
  row.lowest = bits_ + (band.bottom - 1) * stride_;
  row.stride = stride_;
  switch (activities_.size()) {
    case 1:
      row.draw<1>(shares_.data(), columns);
      return true;
    case 2:
      row.draw<2>(shares_.data(), columns);
      return true;
    case 3:
      row.draw<3>(shares_.data(), columns);
      return true;
    case 4:
      row.draw<4>(shares_.data(), columns);
      return true;
    default:
      return false;
  }
}

void TimelineRaster::draw_spans(const RasterScene& scene, std::size_t track, const Band& band, const Columns& columns) {
  const TimelineIndex& index = *scene.index;
  const auto [first, last] = index.spans_in(track, columns.begin, columns.end);
  if (last - first > kSpansPerColumn * columns.count) return;
  const double per_width = 1.0 / columns.width();
  const auto most = static_cast<double>(columns.count);
  const bool edged = band.height >= 5;
  for (std::size_t i = first; i < last; ++i) {
    const sim::Span& span = index.timeline()->spans[i];
    const double from = difference(span.start, columns.begin) * per_width;
    const double to = difference(span.end, columns.begin) * per_width;
    if (to - from < kWideSpan) continue;
    const auto left = static_cast<std::ptrdiff_t>(std::floor(std::max(from, 0.0)));
    const auto right = static_cast<std::ptrdiff_t>(std::ceil(std::min(to, most)));
    const bool faded = scene.match != nullptr && !scene.match->contains(span.label);
    const auto& palette = faded ? colors_.faded : colors_.activity;
    const QRgb color = palette[static_cast<std::size_t>(span.activity)];
    const bool edge = edged && to - from >= kEdgedSpan && from >= 0.0 && right > left;
    const QRgb edge_color = mixed(QColor(color), QColor(colors_.lane), 0.75).rgb();
    for (int y = band.top; y < band.bottom; ++y) {
      QRgb* const row = bits_ + y * stride_;
      std::fill(row + left, row + right, color);
      if (edge) row[left] = edge_color;
    }
  }
}

}  // namespace orrery::gui
