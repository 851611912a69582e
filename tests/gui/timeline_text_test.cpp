// What the timeline says in words and writes as a table.
#include "gui/timeline/timeline_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/gui/timeline_samples.hpp"

namespace orrery::gui {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string plain(QString text) { return text.replace(QChar(0xa0), QLatin1Char(' ')).toStdString(); }

TEST(TimelineWords, TellASpan) {
  const sim::Timeline timeline = two_ranks();
  const TimelineIndex index(timeline);
  EXPECT_EQ(plain(describe_span(index, 0)),
            "warm  ·  forward  ·  starts 0 s  ·  lasts 250.0 ms  ·  stage 0 (8 GPUs), compute");
  const std::size_t collective = index.tracks()[3].first;
  EXPECT_EQ(plain(describe_span(index, collective)),
            "all-reduce  ·  tensor parallel  ·  starts 250.0000 ms  ·  lasts 250.0 ms  ·  stage 1 (8 GPUs), "
            "tensor parallel");
}

TEST(TimelineWords, TellASpanWhoseLabelOrLinkIsGone) {
  sim::Timeline timeline = two_ranks();
  timeline.labels.clear();
  timeline.held_up = {{0, 7, 100'000'000'000}};  // by a link that the timeline does not name
  const TimelineIndex index(timeline);
  EXPECT_THAT(plain(describe_span(index, 0)), StartsWith("forward  ·  starts 0 s"));
  EXPECT_THAT(plain(describe_span(index, 0)), HasSubstr("held up 100.0 ms by a link"));
}

TEST(TimelineWords, TellTheSharesOfAMoment) {
  const sim::Timeline timeline = two_ranks();
  const TimelineIndex index(timeline);
  // A quarter forward, half backward, and a quarter in which the collective ran elsewhere.
  EXPECT_EQ(plain(describe_shares(index, 0, 0, kSecond)),
            "1.000 s from 0 s  ·  stage 0 (8 GPUs), compute  ·  forward 25 %, backward 50 %, idle 25 %");
  EXPECT_THAT(plain(describe_shares(index, 0, 0, kSecond / 4)), HasSubstr("·  forward 100 %")) << "no idle";
  // Of 300 … 510 ms the last 10 ms are backward: 1/21.
  EXPECT_THAT(plain(describe_shares(index, 0, kSecond / 100 * 30, kSecond / 100 * 51)),
              HasSubstr("backward 4.8 %, idle 95 %"));
}

TEST(TimelineWords, SumUpASelection) {
  const sim::Timeline timeline = two_ranks();
  const TimelineIndex index(timeline);
  // Of four tracks over a second 2 · 0.25 + 2 · 0.5 + 2 · 0.25 = 2 s: a half.
  EXPECT_EQ(plain(describe_selection(index, 0, kSecond)),
            "Selected 1.000 s from 0 s, summed over 4 tracks (50 % busy): forward 500.0 ms, backward 1.000 s, "
            "tensor parallel 500.0 ms");
}

TEST(TimelineWords, SayThatNothingRan) {
  sim::Timeline timeline = two_ranks();
  timeline.makespan = 3 * kSecond;
  const TimelineIndex index(timeline);
  EXPECT_THAT(plain(describe_selection(index, 2 * kSecond, 3 * kSecond)), HasSubstr("(0.0 % busy): nothing ran"));
}

TEST(TimelineWords, ListWhatIsThere) {
  const sim::Timeline timeline = two_ranks();
  EXPECT_THAT(activities_present(TimelineIndex(timeline)),
              ElementsAre(sim::Activity::forward, sim::Activity::backward, sim::Activity::tensor_parallel));
  EXPECT_TRUE(activities_present(TimelineIndex()).empty());
}

TEST(TimelineTable, HasARowForEachActivityOfATrack) {
  const sim::Timeline timeline = two_ranks();
  EXPECT_EQ(timeline_csv(TimelineIndex(timeline), 0, kSecond),
            "group,track,activity,begin_s,end_s,busy_s,share\n"
            "stage 0 (8 GPUs),compute,forward,0,1,0.25,0.25\n"
            "stage 0 (8 GPUs),compute,backward,0,1,0.5,0.5\n"
            "stage 0 (8 GPUs),tensor parallel,tensor_parallel,0,1,0.25,0.25\n"
            "stage 1 (8 GPUs),compute,forward,0,1,0.25,0.25\n"
            "stage 1 (8 GPUs),compute,backward,0,1,0.5,0.5\n"
            "stage 1 (8 GPUs),tensor parallel,tensor_parallel,0,1,0.25,0.25\n");
  EXPECT_EQ(timeline_csv(TimelineIndex(), 0, kSecond), "");
}

TEST(TimelineTable, IsOfTheRangeAlone) {
  const sim::Timeline timeline = two_ranks();
  EXPECT_THAT(timeline_csv(TimelineIndex(timeline), kSecond / 2, kSecond),
              HasSubstr("stage 0 (8 GPUs),compute,forward,0.5,1,0,0\n"
                        "stage 0 (8 GPUs),compute,backward,0.5,1,0.5,1\n"));
}

TEST(TimelineTable, QuotesNamesWithCommas) {
  sim::Timeline timeline = two_ranks();
  timeline.ranks[0].name = "a, \"b\"";
  EXPECT_THAT(timeline_csv(TimelineIndex(timeline), 0, kSecond), HasSubstr("\n\"a, \"\"b\"\" (8 GPUs)\",compute,"));
}

TEST(TimelineTracks, OfOneNameAreNumbered) {
  sim::Timeline timeline;
  timeline.labels = {"k"};
  timeline.ranks = {{"replica 0", {0}, 0}};
  for (int i = 0; i < 2; ++i) {
    add_stream(timeline, 0, models::lanes::kCompute);
    add_span(timeline, 0, kSecond, 0, sim::Activity::decode);
  }
  const TimelineIndex index(timeline);
  ASSERT_EQ(index.tracks().size(), 2u);
  EXPECT_EQ(index.tracks()[0].name, "compute 1");
  EXPECT_EQ(index.tracks()[1].name, "compute 2");
  EXPECT_EQ(index.tracks()[0].group, "replica 0") << "one GPU is not counted";
}

}  // namespace
}  // namespace orrery::gui
