// Where the rows of a timeline stand.
#include "gui/timeline/track_rows.hpp"

#include <gtest/gtest.h>

#include "tests/gui/timeline_samples.hpp"

namespace orrery::gui {
namespace {

/// Two ranks, each with a compute stream (weight 3) and another (weight 1).
std::vector<Track> four_tracks() { return TimelineIndex(two_ranks()).tracks(); }

TrackRows rows_of(double height) {
  TrackRows rows;
  rows.set_tracks(four_tracks());
  rows.lay_out(height);
  return rows;
}

TEST(TrackRows, ShareTheHeightByWeight) {
  const TrackRows rows = rows_of(90.0);  // two gaps of 5 leave 80 for weights 3 + 1 + 3 + 1
  ASSERT_EQ(rows.rows().size(), 4u);
  EXPECT_DOUBLE_EQ(rows.rows()[0].height, 30.0);
  EXPECT_DOUBLE_EQ(rows.rows()[1].height, 10.0);
  EXPECT_DOUBLE_EQ(rows.rows()[1].top, 30.0);
  EXPECT_DOUBLE_EQ(rows.rows()[2].top, 45.0) << "behind the gap";
  EXPECT_DOUBLE_EQ(rows.height(), 90.0);
  EXPECT_DOUBLE_EQ(rows.groups()[1].top, 45.0);
  EXPECT_DOUBLE_EQ(rows.groups()[1].height, 40.0);
}

TEST(TrackRows, AreNoHigherThanReadsWell) {
  const TrackRows rows = rows_of(2000.0);
  EXPECT_DOUBLE_EQ(rows.rows()[0].height, 60.0);  // 3 · 20
  EXPECT_DOUBLE_EQ(rows.height(), 170.0);         // 8 · 20 and two gaps
}

TEST(TrackRows, GiveUpTheirGapsAndThenTheHeightWhereThereIsLittle) {
  EXPECT_DOUBLE_EQ(rows_of(26.0).rows()[0].height, 9.0);  // (26 − 2 · 1) / 8 · 3
  EXPECT_DOUBLE_EQ(rows_of(5.0).rows()[0].height, 6.0);   // 3 · 2, the least
  EXPECT_GT(rows_of(5.0).height(), 5.0) << "the view scrolls";
}

TEST(TrackRows, ACollapsedGroupIsOneRowOfAll) {
  TrackRows rows = rows_of(90.0);
  rows.set_collapsed(0, true);
  rows.lay_out(45.0);  // (45 − 10) / (3 + 4) = 5
  ASSERT_EQ(rows.rows().size(), 3u);
  EXPECT_TRUE(rows.rows()[0].mixed);
  EXPECT_EQ(rows.rows()[0].last, 2u);
  EXPECT_DOUBLE_EQ(rows.rows()[0].height, 15.0);
  EXPECT_EQ(rows.row_of(1), &rows.rows()[0]);
  EXPECT_EQ(rows.row_of(2), &rows.rows()[1]);
  EXPECT_EQ(rows.row_of(9), nullptr);
  rows.set_collapsed(7, true);  // there is none
  EXPECT_FALSE(rows.groups()[1].collapsed);
}

TEST(TrackRows, CollapsedGroupsStayCollapsedByName) {
  TrackRows rows = rows_of(90.0);
  rows.set_collapsed(1, true);
  std::vector<Track> others = four_tracks();
  others.erase(others.begin(), others.begin() + 2);  // the second rank alone
  rows.set_tracks(others);
  EXPECT_TRUE(rows.groups()[0].collapsed);
  rows.set_all_collapsed(false);
  rows.set_tracks(four_tracks());
  EXPECT_FALSE(rows.groups()[1].collapsed);
}

TEST(TrackRows, AreFoundByTheirHeight) {
  const TrackRows rows = rows_of(90.0);
  EXPECT_EQ(rows.row_at(0.0), &rows.rows()[0]);
  EXPECT_EQ(rows.row_at(29.9), &rows.rows()[0]);
  EXPECT_EQ(rows.row_at(30.0), &rows.rows()[1]);
  EXPECT_EQ(rows.row_at(42.0), nullptr) << "between the groups";
  EXPECT_EQ(rows.group_at(42.0), &rows.groups()[0]) << "gaps and all";
  EXPECT_EQ(rows.group_at(45.0), &rows.groups()[1]);
  for (const double outside : {-1.0, 90.0, 1e6}) {
    EXPECT_EQ(rows.group_at(outside), nullptr);
    EXPECT_EQ(rows.row_at(outside), nullptr);
  }
}

TEST(TrackRows, StretchWithinLimits) {
  TrackRows rows = rows_of(90.0);
  rows.set_stretch(2.0);
  rows.lay_out(90.0);
  EXPECT_DOUBLE_EQ(rows.rows()[0].height, 60.0);
  rows.set_stretch(0.0);
  EXPECT_DOUBLE_EQ(rows.stretch(), TrackRows::kLeastStretch);
  rows.set_stretch(1e9);
  EXPECT_DOUBLE_EQ(rows.stretch(), TrackRows::kMostStretch);
}

TEST(TrackRows, OfNothingAreNone) {
  TrackRows rows;
  rows.set_tracks({});
  rows.lay_out(100.0);
  EXPECT_TRUE(rows.rows().empty());
  EXPECT_EQ(rows.height(), 0.0);
  EXPECT_EQ(rows.group_at(0.0), nullptr);
}

}  // namespace
}  // namespace orrery::gui
