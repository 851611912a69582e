// What stands around and on the tracks: the ruler, the names, the labels of spans, and what is selected.
//
// Labels are laid out once per text and width and kept; a frame has at most some thousands of them.
#pragma once

#include <cstdint>
#include <unordered_map>

#include <QFont>
#include <QPainter>
#include <QPalette>
#include <QStaticText>

#include "gui/timeline/timeline_raster.hpp"

namespace orrery::gui {

/// Parts of the canvas, in logical pixels.
struct CanvasLayout {
  QRectF ruler, gutter, plot;
  double group_width = 0.0;  ///< of the gutter's left part, the names of groups
};

/// What the user points at, by index of spans; kNone: nothing.
struct CanvasMarks {
  std::size_t hovered = TimelineIndex::kNone, selected = TimelineIndex::kNone;
  bool has_range = false;
  sim::SimTime range_begin = 0, range_end = 0;
};

class TimelinePainter {
 public:
  /// REQUIRES a call before anything is drawn, and after a change of font or timeline.
  void set_font(const QFont& font);
  void forget_labels();

  /// Widths that the gutter's columns want: of the names of groups, and of tracks.
  [[nodiscard]] std::pair<double, double> name_widths(const TrackRows& rows, const std::vector<Track>& tracks) const;
  [[nodiscard]] double line_height() const { return line_height_; }

  void draw_ruler(QPainter& painter, const QPalette& palette, const CanvasLayout& layout, const TimeScale& scale) const;
  void draw_gutter(QPainter& painter, const QPalette& palette, const CanvasLayout& layout,
                   const RasterScene& scene) const;
  void draw_labels(QPainter& painter, const CanvasLayout& layout, const RasterScene& scene, const RasterColors& colors);
  /// A bar at the foot of each span that a link held up, as long as that lasted, at its end.
  void draw_held_up(QPainter& painter, const QPalette& palette, const CanvasLayout& layout,
                    const RasterScene& scene) const;
  void draw_marks(QPainter& painter, const QPalette& palette, const CanvasLayout& layout, const RasterScene& scene,
                  const CanvasMarks& marks) const;

 private:
  struct Label {
    QStaticText text;
    double width = 0.0;
  };
  const Label& label(const sim::Timeline& timeline, std::uint32_t id, double width);
  void draw_row_labels(QPainter& painter, const CanvasLayout& layout, const RasterScene& scene, const TrackRow& row,
                       const RasterColors& colors);
  [[nodiscard]] QRectF span_rect(const CanvasLayout& layout, const RasterScene& scene, std::size_t span) const;

  QFont font_, bold_, small_;
  double line_height_ = 0.0;
  double small_height_ = 0.0;
  std::unordered_map<std::uint64_t, Label> labels_;  ///< by label and width
};

}  // namespace orrery::gui
