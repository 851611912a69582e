// The tracks as pixels: a column of pixels shows the shares of its time by activity, stacked from the bottom, idle time
// left empty; spans at least two pixels wide stand alone with an edge between them.
//
// Drawn straight into the image, because a fill by QPainter costs more than a whole column here: cost is a few
// nanoseconds per pixel column of a track, whatever the number of spans. Shares smaller than a pixel blend into it.
#pragma once

#include <array>
#include <vector>

#include <QImage>
#include <QPalette>

#include "gui/timeline/time_scale.hpp"
#include "gui/timeline/track_rows.hpp"

namespace orrery::gui {

struct RasterColors {
  std::array<QRgb, kActivities> activity = {};
  std::array<QRgb, kActivities> faded = {};  ///< of spans that a search did not find
  QRgb ground = 0, lane = 0;                 ///< between the rows, and under a row

  RasterColors() = default;
  explicit RasterColors(const QPalette& palette);
};

/// What is drawn; all of it must outlive the raster.
struct RasterScene {
  const TimelineIndex* index = nullptr;
  const TrackRows* rows = nullptr;
  const TimeScale* scale = nullptr;
  const LabelMatch* match = nullptr;  ///< null: no search
  double scroll = 0.0;                ///< logical pixels
};

class TimelineRaster {
 public:
  /// Draws the scene over the whole image, whose device pixel ratio scales the rows.
  void draw(QImage& image, const RasterScene& scene, const RasterColors& colors);

 private:
  struct Band {
    int top = 0, bottom = 0;  ///< pixel rows of the image, both within it
    int height = 0;           ///< of the row, also where it is cut off
    int hidden = 0;           ///< of its bottom, below the image
  };
  void fill_rows(const QImage& image, int top, int bottom, QRgb color);
  void draw_row(const QImage& image, const RasterScene& scene, const TrackRow& row, const Band& band);
  void mix_tracks(const RasterScene& scene, const TrackRow& row, const Columns& columns);
  void draw_column(const Band& band, std::size_t column, const float* shares, bool faded);
  [[nodiscard]] bool draw_low_row(const Band& band, std::size_t columns);
  void draw_spans(const RasterScene& scene, std::size_t track, const Band& band, const Columns& columns);
  void mark_matches(const RasterScene& scene, const TrackRow& row, const Columns& columns);

  RasterColors colors_;
  QRgb* bits_ = nullptr;
  std::ptrdiff_t stride_ = 0;             ///< pixels from one row of the image to the next
  std::vector<std::uint8_t> activities_;  ///< of the row being drawn
  std::vector<float> shares_, track_shares_;
  std::vector<std::uint8_t> matches_;  ///< by column
};

}  // namespace orrery::gui
