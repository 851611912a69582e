// Which labels a search meets, and that what it skips holds none of them.
#include <algorithm>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/gui/timeline_samples.hpp"

namespace orrery::gui {
namespace {

using sim::SimTime;
using ::testing::ElementsAre;

/// Labels "kernel 0" … "kernel n − 1".
std::vector<std::string> kernels(std::size_t count) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < count; ++i) names.push_back("kernel " + std::to_string(i));
  return names;
}

/// Four streams of `spans` spans each, whose starts often meet, with labels at random.
sim::Timeline random_timeline(std::uint32_t seed, std::size_t spans, std::size_t labels) {
  std::mt19937 random(seed);
  sim::Timeline timeline;
  timeline.labels = kernels(labels);
  for (std::uint32_t rank = 0; rank < 2; ++rank) {
    timeline.ranks.push_back({"stage " + std::to_string(rank), {0}, 0});
    for (const sim::Lane lane : {models::lanes::kCompute, models::lanes::kTensorParallel}) {
      add_stream(timeline, rank, lane);
      SimTime now = 0;
      for (std::size_t i = 0; i < spans; ++i) {
        now += 100 * (random() % 3);
        add_span(timeline, now, now + random() % 101, static_cast<std::uint32_t>(random() % labels),
                 sim::Activity::forward);
        now = timeline.spans.back().end + (100 - timeline.spans.back().end % 100) % 100;
      }
    }
  }
  return timeline;
}

/// The spans with a matching label in order of start, then index.
std::vector<std::size_t> brute_matches(const sim::Timeline& timeline, const std::string& text) {
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < timeline.spans.size(); ++i) {
    if (timeline.labels[timeline.spans[i].label.index()].find(text) != std::string::npos) found.push_back(i);
  }
  std::stable_sort(found.begin(), found.end(),
                   [&](std::size_t a, std::size_t b) { return timeline.spans[a].start < timeline.spans[b].start; });
  return found;
}

sim::Timeline labelled(std::vector<std::string> labels) {
  sim::Timeline timeline;
  timeline.labels = std::move(labels);
  timeline.ranks = {{"stage 0", {0}, 0}};
  add_stream(timeline, 0, models::lanes::kCompute);
  for (std::uint32_t i = 0; i < timeline.labels.size(); ++i) {
    add_span(timeline, 10 * i, 10 * i + 5, i, sim::Activity::forward);
  }
  return timeline;
}

TEST(LabelMatch, IsOfAnyPartWhateverItsCase) {
  const sim::Timeline timeline = labelled({"Attention QKV", "attention core", "MLP up", "größe", "GRÖSSE"});
  const TimelineIndex index(timeline);
  EXPECT_THAT(index.match("TENTION").labels, ElementsAre(1, 1, 0, 0, 0));
  EXPECT_THAT(index.match("mlp UP").labels, ElementsAre(0, 0, 1, 0, 0));
  EXPECT_THAT(index.match("größe").labels, ElementsAre(0, 0, 0, 1, 0)) << "other letters are compared as they are";
  EXPECT_THAT(index.match("attention core plus").labels, ElementsAre(0, 0, 0, 0, 0));
  EXPECT_EQ(index.match("attention").spans, 2u);
  EXPECT_TRUE(index.match("").labels.empty());
}

TEST(LabelMatch, CountsSpansAndNotLabels) {
  sim::Timeline timeline = labelled({"a", "b"});
  timeline.labels.emplace_back("never ran");
  for (SimTime i = 0; i < 5; ++i) add_span(timeline, 100 + 10 * i, 105 + 10 * i, 1, sim::Activity::forward);
  const TimelineIndex index(timeline);
  EXPECT_EQ(index.count("b"), 6u);
  EXPECT_EQ(index.count("never"), 0u);
  EXPECT_EQ(index.find("never", TimelineIndex::kNone, true), TimelineIndex::kNone);
}

TEST(LabelMatch, KnowsNothingOfALabelThatIsNotThere) {
  const sim::Timeline timeline = labelled({"a"});
  const TimelineIndex index(timeline);
  const LabelMatch match = index.match("a");
  EXPECT_TRUE(match.contains(sim::LabelId(0)));
  EXPECT_FALSE(match.contains(sim::LabelId(1)));
  EXPECT_FALSE(LabelMatch().contains(sim::LabelId(0)));
}

// Labels 3 and 67 share a bit: how many match between the least and the largest of a block tells them apart.
TEST(LabelMatch, TellsLabelsOfOneBitApart) {
  const sim::Timeline timeline = labelled(kernels(70));
  const TimelineIndex index(timeline);
  const LabelMatch match = index.match("kernel 67");
  const std::uint64_t bit = std::uint64_t{1} << 3;
  EXPECT_EQ(match.mask, bit);
  EXPECT_TRUE(match.may_meet({bit, 67, 67}));
  EXPECT_TRUE(match.may_meet({bit, 3, 68}));
  EXPECT_FALSE(match.may_meet({bit, 3, 3}));
  EXPECT_FALSE(match.may_meet({bit, 0, 66}));
  EXPECT_FALSE(match.may_meet({bit << 1, 60, 69})) << "none of its bits";
  EXPECT_FALSE(LabelMatch().may_meet({~std::uint64_t{0}, 0, 69}));
}

TEST(LabelMatch, NeverSkipsABlockThatHoldsOne) {
  std::mt19937 random(5);
  const sim::Timeline timeline = labelled(kernels(300));
  const TimelineIndex index(timeline);
  for (const char* text : {"1", "kernel 2", "99", "kernel 17", "kernel"}) {
    const LabelMatch match = index.match(text);
    for (int i = 0; i < 500; ++i) {
      SpanBlocks::Labels block{0, 299, 0};
      bool holds = false;
      for (std::size_t n = 1 + random() % 20; n > 0; --n) {
        const auto label = static_cast<std::uint32_t>(random() % 300);
        block.mask |= std::uint64_t{1} << label % 64;
        block.least = std::min(block.least, label);
        block.most = std::max(block.most, label);
        holds = holds || match.contains(sim::LabelId(label));
      }
      EXPECT_TRUE(!holds || match.may_meet(block)) << text;
    }
  }
}

// From every span, found or not, in both directions; starts of different tracks often are the same.
TEST(TimelineSearch, GoesToTheNextMatchFromAnywhere) {
  for (std::uint32_t seed = 1; seed <= 3; ++seed) {
    const sim::Timeline timeline = random_timeline(seed, 200, 150);
    const TimelineIndex index(timeline);
    for (const std::string text : {"kernel 7", "kernel 149", "kernel 1"}) {
      const std::vector<std::size_t> matches = brute_matches(timeline, text);
      ASSERT_FALSE(matches.empty());
      const auto before = [&](std::size_t a, std::size_t b) {
        const SimTime at = timeline.spans[a].start, to = timeline.spans[b].start;
        return at != to ? at < to : a < b;
      };
      for (std::size_t from = 0; from < timeline.spans.size(); from += 3) {
        const auto next = std::upper_bound(matches.begin(), matches.end(), from, before);
        const auto here = std::lower_bound(matches.begin(), matches.end(), from, before);
        ASSERT_EQ(index.find(text, from, true), next == matches.end() ? matches.front() : *next) << text;
        ASSERT_EQ(index.find(text, from, false), here == matches.begin() ? matches.back() : *(here - 1)) << text;
      }
      EXPECT_EQ(index.find(text, TimelineIndex::kNone, true), matches.front());
      EXPECT_EQ(index.find(text, TimelineIndex::kNone, false), matches.back());
    }
  }
}

TEST(TimelineSearch, MarksEachMatchWhereColumnsHoldFew) {
  const sim::Timeline timeline = random_timeline(8, 400, 90);
  const TimelineIndex index(timeline);
  const LabelMatch match = index.match("kernel 5");
  for (std::size_t t = 0; t < index.tracks().size(); ++t) {
    const Columns columns{1000, 20'000, 400};
    std::vector<std::pair<SimTime, SimTime>> marked, expected;
    index.for_each_match(match, t, columns, [&](SimTime start, SimTime end) { marked.emplace_back(start, end); });
    const auto [first, last] = index.spans_in(t, columns.begin, columns.end);
    for (std::size_t i = first; i < last; ++i) {
      const sim::Span& span = timeline.spans[i];
      if (match.contains(span.label)) expected.emplace_back(span.start, span.end);
    }
    EXPECT_EQ(marked, expected) << t;
    EXPECT_FALSE(expected.empty()) << t;
  }
}

// Where a column holds very many, whole blocks are marked: more than what matches, but never less.
TEST(TimelineSearch, MarksWholeBlocksWhereColumnsHoldMany) {
  const sim::Timeline timeline = random_timeline(9, 4000, 4000);
  const TimelineIndex index(timeline);
  const LabelMatch match = index.match("kernel 3333");
  ASSERT_GT(match.spans, 0u);
  std::size_t blocks = 0;
  for (std::size_t t = 0; t < index.tracks().size(); ++t) {
    std::vector<std::pair<SimTime, SimTime>> marked;
    index.for_each_match(match, t, {0, timeline.makespan, 10},
                         [&](SimTime start, SimTime end) { marked.emplace_back(start, end); });
    blocks += marked.size();
    for (std::size_t i = index.tracks()[t].first; i < index.tracks()[t].last; ++i) {
      const sim::Span& span = timeline.spans[i];
      if (!match.contains(span.label)) continue;
      EXPECT_TRUE(std::any_of(marked.begin(), marked.end(), [&](const auto& mark) {
        return mark.first <= span.start && span.end <= mark.second;
      })) << i;
    }
  }
  EXPECT_LT(blocks, 4 * (4000 / SpanBlocks::kBlock + 1)) << "blocks without one are skipped";
}

}  // namespace
}  // namespace orrery::gui
