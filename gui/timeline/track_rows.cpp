#include "gui/timeline/track_rows.hpp"

#include <algorithm>

namespace orrery::gui {

namespace {

constexpr double kComputeWeight = 3.0;              ///< height of a compute stream against others
constexpr double kLeastUnit = 2.0;                  ///< height of weight 1, logical pixels
constexpr double kMostUnit = 20.0;                  ///< without stretching
constexpr double kWideGap = 5.0, kNarrowGap = 1.0;  ///< between groups, where there is room and where there isn't
constexpr double kRoomyUnit = 4.0;

}  // namespace

void TrackRows::set_tracks(const std::vector<Track>& tracks) {
  weights_.clear();
  groups_.clear();
  for (std::size_t t = 0; t < tracks.size(); ++t) {
    weights_.push_back(tracks[t].lane.kind == sim::LaneKind::compute ? kComputeWeight : 1.0);
    if (t == 0 || tracks[t].rank != tracks[t - 1].rank) {
      groups_.push_back({tracks[t].group, 0.0, 0.0, t, t, collapsed_.count(tracks[t].group) != 0});
    }
    groups_.back().last = t + 1;
  }
}

void TrackRows::set_collapsed(std::size_t group, bool collapsed) {
  if (group >= groups_.size()) return;
  groups_[group].collapsed = collapsed;
  if (collapsed) {
    collapsed_.insert(groups_[group].name);
  } else {
    collapsed_.erase(groups_[group].name);
  }
}

void TrackRows::set_all_collapsed(bool collapsed) {
  for (std::size_t g = 0; g < groups_.size(); ++g) set_collapsed(g, collapsed);
  if (!collapsed) collapsed_.clear();
}

void TrackRows::set_stretch(double stretch) { stretch_ = std::clamp(stretch, kLeastStretch, kMostStretch); }

void TrackRows::lay_out(double height) {
  rows_.clear();
  double total = 0.0;
  for (const TrackGroup& group : groups_) {
    for (std::size_t t = group.first; t < group.last; ++t) total += group.collapsed ? 0.0 : weights_[t];
    if (group.collapsed) total += kComputeWeight;
  }
  const double boundaries = static_cast<double>(groups_.size());
  double gap = kWideGap;
  double unit = total > 0.0 ? (height - gap * boundaries) / total : kMostUnit;
  if (unit < kRoomyUnit && total > 0.0) {
    gap = kNarrowGap;
    unit = (height - gap * boundaries) / total;
  }
  unit = std::clamp(unit, kLeastUnit, kMostUnit) * stretch_;

  height_ = 0.0;
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    TrackGroup& group = groups_[g];
    group.top = height_;
    if (group.collapsed) {
      add_row({0.0, 0.0, group.first, group.last, g, true}, kComputeWeight * unit);
    } else {
      for (std::size_t t = group.first; t < group.last; ++t)
        add_row({0.0, 0.0, t, t + 1, g, false}, weights_[t] * unit);
    }
    group.height = height_ - group.top;
    height_ += gap;
  }
}

void TrackRows::add_row(TrackRow row, double height) {
  row.top = height_;
  row.height = height;
  height_ += height;
  rows_.push_back(row);
}

const TrackRow* TrackRows::row_at(double y) const {
  const auto row = std::partition_point(rows_.begin(), rows_.end(), [y](const TrackRow& r) { return r.bottom() <= y; });
  return row != rows_.end() && y >= row->top ? &*row : nullptr;
}

const TrackGroup* TrackRows::group_at(double y) const {
  if (y < 0.0 || y >= height_) return nullptr;
  const auto next =
      std::partition_point(groups_.begin(), groups_.end(), [y](const TrackGroup& g) { return g.top <= y; });
  return next == groups_.begin() ? nullptr : &*(next - 1);
}

const TrackRow* TrackRows::row_of(std::size_t track) const {
  const auto row =
      std::partition_point(rows_.begin(), rows_.end(), [track](const TrackRow& r) { return r.last <= track; });
  return row != rows_.end() && track >= row->first ? &*row : nullptr;
}

}  // namespace orrery::gui
