#include "gui/timeline/timeline_raster.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "gui/theme.hpp"

namespace orrery::gui {

namespace {

constexpr double kFaded = 0.78;             ///< share of the ground in a faded colour
constexpr double kWideSpan = 2.0;           ///< pixels from which a span stands alone
constexpr double kEdgedSpan = 4.0;          ///< pixels from which it has an edge
constexpr std::size_t kSpansPerColumn = 1;  ///< up to which spans are looked at one by one

QRgb mixed(QRgb a, QRgb b, double share_of_b) {
  const auto part = [share_of_b](int x, int y) {
    return static_cast<int>(std::lround(x * (1.0 - share_of_b) + y * share_of_b));
  };
  return qRgb(part(qRed(a), qRed(b)), part(qGreen(a), qGreen(b)), part(qBlue(a), qBlue(b)));
}

/// Collects the colours of a pixel by their share of it.
struct PixelMix {
  float red = 0, green = 0, blue = 0, filled = 0;

  void add(QRgb color, float share) {
    red += static_cast<float>(qRed(color)) * share;
    green += static_cast<float>(qGreen(color)) * share;
    blue += static_cast<float>(qBlue(color)) * share;
    filled += share;
  }
  [[nodiscard]] QRgb over(QRgb ground) {
    add(ground, std::max(0.0f, 1.0f - filled));
    return qRgb(static_cast<int>(red + 0.5f), static_cast<int>(green + 0.5f), static_cast<int>(blue + 0.5f));
  }
};

}  // namespace

RasterColors::RasterColors(const QPalette& palette) {
  ground = palette.color(QPalette::Window).rgb();
  lane = palette.color(QPalette::Base).rgb();
  for (std::size_t a = 0; a < kActivities; ++a) {
    activity[a] = activity_color(static_cast<sim::Activity>(a)).rgb();
    faded[a] = mixed(activity[a], lane, kFaded);
  }
}

void TimelineRaster::draw(QImage& image, const RasterScene& scene, const RasterColors& colors) {
  colors_ = colors;
  image.fill(colors.ground);
  if (scene.index == nullptr || image.isNull()) return;
  bits_ = reinterpret_cast<QRgb*>(image.bits());
  stride_ = image.bytesPerLine() / static_cast<std::ptrdiff_t>(sizeof(QRgb));
  const double ratio = image.devicePixelRatio();
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
    if (band.bottom > band.top) draw_row(image, scene, row, band);
  }
}

void TimelineRaster::draw_row(QImage& image, const RasterScene& scene, const TrackRow& row, const Band& band) {
  const Columns columns{scene.scale->begin(), scene.scale->end(), static_cast<std::size_t>(image.width())};
  for (int y = band.top; y < band.bottom; ++y) std::fill_n(bits_ + y * stride_, image.width(), colors_.lane);
  if (row.mixed) {
    mix_tracks(scene, row, columns);
  } else {
    activities_ = scene.index->activities(row.first);
    scene.index->shares(row.first, columns, shares_);
  }
  if (scene.match != nullptr) mark_matches(scene, row, columns);
  const std::size_t width = activities_.size();
  for (std::size_t c = 0; c < columns.count; ++c) {
    draw_column(band, c, shares_.data() + c * width, scene.match != nullptr && matches_[c] == 0);
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
  for (std::size_t t = row.first; t < row.last; ++t) computing += index.tracks()[t].lane == sim::Lane::compute ? 1 : 0;
  for (const bool compute : {true, false}) {
    const float scale = compute && computing > 1 ? 1.0f / static_cast<float>(computing) : 1.0f;
    for (std::size_t t = row.first; t < row.last; ++t) {
      if ((index.tracks()[t].lane == sim::Lane::compute) != compute) continue;
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
  constexpr float kAll = 0.998f, kNothing = 0.0005f;
  const auto& palette = faded ? colors_.faded : colors_.activity;
  const std::size_t count = activities_.size();
  QRgb* const top = bits_ + band.top * stride_ + static_cast<std::ptrdiff_t>(column);
  float total = 0.0f;
  for (std::size_t a = 0; a < count; ++a) {
    total += shares[a];
    if (shares[a] < kAll) continue;
    QRgb* pixel = top;
    for (int y = band.top; y < band.bottom; ++y, pixel += stride_) *pixel = palette[activities_[a]];
    return;
  }
  if (total < kNothing) return;

  // From the bottom: whole pixels of each activity, and where two meet the mixture of both.
  const auto height = static_cast<float>(band.height);
  const int lowest = band.bottom - 1;
  float position = -static_cast<float>(band.hidden);  // above the lowest visible pixel row
  PixelMix mix;
  int y = 0;  // pixel rows above the lowest that are done
  for (std::size_t a = 0; a < count; ++a) {
    if (shares[a] <= 0.0f) continue;
    const QRgb color = palette[activities_[a]];
    const float end = std::min(position + shares[a] * height, static_cast<float>(band.bottom - band.top));
    float from = std::max(position, 0.0f);
    while (from < end) {
      const auto next = static_cast<float>(y + 1);
      if (end < next) {
        mix.add(color, end - from);
        break;
      }
      QRgb* const pixel = bits_ + (lowest - y) * stride_ + static_cast<std::ptrdiff_t>(column);
      if (mix.filled > 0.0f || from > static_cast<float>(y)) {
        mix.add(color, next - from);
        *pixel = mix.over(colors_.lane);
        mix = {};
      } else {
        *pixel = color;
      }
      from = next;
      ++y;
    }
    position += shares[a] * height;
  }
  if (mix.filled > 0.0f && y <= lowest - band.top) {
    bits_[(lowest - y) * stride_ + static_cast<std::ptrdiff_t>(column)] = mix.over(colors_.lane);
  }
}

void TimelineRaster::draw_spans(const RasterScene& scene, std::size_t track, const Band& band, const Columns& columns) {
  const TimelineIndex& index = *scene.index;
  const auto [first, last] = index.spans_in(track, columns.begin, columns.end);
  if (last - first > kSpansPerColumn * columns.count) return;
  const double per_width = 1.0 / columns.width();
  const auto most = static_cast<double>(columns.count);
  const bool edged = band.height >= 5.0;
  for (std::size_t i = first; i < last; ++i) {
    const sim::Span& span = index.timeline()->spans[i];
    const double from = difference(span.start, columns.begin) * per_width;
    const double to = difference(span.end, columns.begin) * per_width;
    if (to - from < kWideSpan) continue;
    const auto left = static_cast<std::ptrdiff_t>(std::lround(std::max(from, 0.0)));
    const auto right = static_cast<std::ptrdiff_t>(std::lround(std::min(to, most)));
    const bool faded = scene.match != nullptr && !scene.match->contains(span.label);
    const auto& palette = faded ? colors_.faded : colors_.activity;
    const QRgb color = palette[static_cast<std::size_t>(span.activity)];
    const bool edge = edged && to - from >= kEdgedSpan && from >= 0.0 && right > left;
    const QRgb edge_color = mixed(color, colors_.lane, 0.75);
    for (int y = band.top; y < band.bottom; ++y) {
      QRgb* const row = bits_ + y * stride_;
      std::fill(row + left, row + right, color);
      if (edge) row[left] = edge_color;
    }
  }
}

}  // namespace orrery::gui
