// Where the tracks of a timeline stand: rows from top to bottom, grouped by rank.
//
// An open group has a row per track, a collapsed one a single row in which all its tracks are mixed. Compute streams
// are three times as high as others. By default all rows fit the height that there is, as long as they stay readable;
// `stretch` makes them higher, and the view then scrolls. Heights are in logical pixels.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <vector>

#include "gui/run/timeline_index.hpp"

namespace orrery::gui {

struct TrackRow {
  double top = 0.0, height = 0.0;
  std::size_t first = 0, last = 0;  ///< tracks: one, or all of a collapsed group
  std::size_t group = 0;
  bool mixed = false;

  [[nodiscard]] double bottom() const { return top + height; }
};

struct TrackGroup {
  std::string name;
  double top = 0.0, height = 0.0;
  std::size_t first = 0, last = 0;  ///< tracks
  bool collapsed = false;
};

class TrackRows {
 public:
  static constexpr double kLeastStretch = 1.0, kMostStretch = 24.0;

  /// Groups that were collapsed stay so, by name.
  void set_tracks(const std::vector<Track>& tracks);
  /// Collapses or opens; out of range: nothing happens.
  void set_collapsed(std::size_t group, bool collapsed);
  void set_all_collapsed(bool collapsed);
  void set_stretch(double stretch);
  [[nodiscard]] double stretch() const { return stretch_; }
  /// Places the rows into a height; they may take more.
  void lay_out(double height);

  [[nodiscard]] const std::vector<TrackRow>& rows() const { return rows_; }
  [[nodiscard]] const std::vector<TrackGroup>& groups() const { return groups_; }
  [[nodiscard]] double height() const { return height_; }
  /// The row at a height; null between them. The group likewise, gaps and all.
  [[nodiscard]] const TrackRow* row_at(double y) const;
  [[nodiscard]] const TrackGroup* group_at(double y) const;
  /// The row that shows a track; null if there is none.
  [[nodiscard]] const TrackRow* row_of(std::size_t track) const;

 private:
  void add_row(TrackRow row, double height);

  std::vector<double> weights_;  ///< of each track
  std::vector<TrackGroup> groups_;
  std::vector<TrackRow> rows_;
  std::set<std::string> collapsed_;
  double stretch_ = 1.0;
  double height_ = 0.0;
};

}  // namespace orrery::gui
