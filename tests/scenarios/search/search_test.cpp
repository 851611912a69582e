// Searches: grids and ranges, several at a time, in a fixed order, taken up and stopped.
#include "scenarios/search/search.hpp"

#include <mutex>

#include <gmock/gmock.h>

#include "scenarios/kinds.hpp"
#include "sim/run_control.hpp"
#include "tests/scenarios/search/small_search.hpp"

namespace orrery::scenarios::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(Grid, LastAxisRunsFastest) {
  const SearchRows rows = grid_of({{"a", {"1", "2"}}, {"b", {"x", "y", "z"}}});
  ASSERT_EQ(rows.count, 6U);
  std::vector<std::string> words;
  for (std::size_t i = 0; i < rows.count; ++i) words.push_back(words_of(rows.at(i)));
  EXPECT_THAT(words, ElementsAre("a=1 b=x", "a=1 b=y", "a=1 b=z", "a=2 b=x", "a=2 b=y", "a=2 b=z"));
  EXPECT_EQ(grid_of({}).count, 1U);
  EXPECT_THAT(grid_of({}).at(0), IsEmpty());
}

class Search : public ::testing::Test {
 protected:
  Search() : runner_(quick_scenario(), "quick.yaml", {}, {training_kind_metrics()}) {}

  static std::vector<MetricRow> training_kind_metrics() {
    return {*find_metric_row("training.step_time_s"), *find_metric_row("training.tokens_per_s"),
            *find_metric_row("memory.peak_bytes")};
  }
  static SearchQuery batches(std::vector<std::string> values) {
    SearchQuery query;
    query.rows = grid_of({{"training.global_batch_size", std::move(values)}});
    return query;
  }
  std::vector<SearchRow> run(const SearchQuery& query, int jobs = 1) {
    Progress progress(console_, true, query.rows.count, "points");
    SearchControl control{jobs, console_, progress, known_, take_};
    return search(runner_, query, control);
  }
  [[nodiscard]] double value(const SearchRow& row, std::string_view metric) const {
    return kept_value(runner_.kept(), row.point, metric).value_or(-1.0);
  }

  std::ostringstream out_, err_;
  Console console_{out_, err_};
  PointRunner runner_;
  std::function<std::optional<SearchRow>(std::size_t)> known_;
  std::function<void(std::size_t, const SearchRow&)> take_;
};

TEST_F(Search, RunsEveryRowInOrderOnAnyNumberOfThreads) {
  const SearchQuery query = batches({"32", "64", "5", "128", "256"});
  const std::vector<SearchRow> one = run(query, 1), four = run(query, 4);
  ASSERT_EQ(one.size(), 5U);
  ASSERT_EQ(four.size(), 5U);
  for (std::size_t i = 0; i < one.size(); ++i) {
    EXPECT_EQ(words_of(one[i].point.set), words_of(query.rows.at(i)));
    EXPECT_EQ(words_of(four[i].point.set), words_of(query.rows.at(i)));
    EXPECT_EQ(one[i].point.values, four[i].point.values);
    EXPECT_EQ(one[i].runs, 1);
  }
  EXPECT_FALSE(one[2].point.ran());
  EXPECT_FALSE(one[2].holds) << "a batch of 5 is none of micro-batches of 4";
  EXPECT_TRUE(one[0].holds);
}

TEST_F(Search, BoundsSayWhichRowsHold) {
  SearchQuery query = batches({"32", "64", "128"});
  const std::vector<SearchRow> all = run(query);
  const double middle = value(all[1], "training.step_time_s");
  query.bounds = {{"training.step_time_s", false, middle}};
  const std::vector<SearchRow> quick = run(query);
  EXPECT_TRUE(quick[0].holds && quick[1].holds);
  EXPECT_FALSE(quick[2].holds);
  query.bounds = {{"training.step_time_s", true, middle}};
  const std::vector<SearchRow> slow = run(query);
  EXPECT_FALSE(slow[0].holds);
  EXPECT_TRUE(slow[1].holds && slow[2].holds);
}

TEST_F(Search, FindsTheMostByBisectionAsAskingEveryNumberDoes) {
  // Batches of 32·n: the longest step below 1.9 times that of 128.
  SearchQuery query = batches({"32"});
  query.rows = {1, [](std::size_t) { return std::vector<Override>(); }};
  query.also = [](std::size_t, std::int64_t n) {
    return std::vector<Override>{{"training.global_batch_size", std::to_string(32 * n), "test"}};
  };
  query.range = SearchRange{"", Seek::most, [](std::size_t) { return RangeLimits{1, 40}; }};
  const double limit = 1.9 * value(run(batches({"128"})).front(), "training.step_time_s");
  query.bounds = {{"training.step_time_s", false, limit}};
  std::int64_t most = 0;
  for (std::int64_t n = 1; n <= 12; ++n) {
    const SearchRow row = run(batches({std::to_string(32 * n)})).front();
    if (value(row, "training.step_time_s") <= limit) most = n;
  }
  ASSERT_GT(most, 4);
  ASSERT_LT(most, 12);
  const SearchRow found = run(query).front();
  EXPECT_TRUE(found.holds);
  EXPECT_EQ(found.value, most);
  EXPECT_LE(value(found, "training.step_time_s"), limit);
  ASSERT_TRUE(found.beyond);
  EXPECT_GT(*kept_value(runner_.kept(), *found.beyond, "training.step_time_s"), limit);
  EXPECT_LE(found.runs, 8);
  // With a guess: the same, with less; whatever the guess is.
  for (const TurnStart guess : {TurnStart{most, 1}, TurnStart{-7, 3}, TurnStart{99, 99}}) {
    query.range->guess = [guess](std::size_t, const RangeLimits& limits) {
      EXPECT_EQ(limits.most, 40);
      return guess;
    };
    const SearchRow guessed = run(query).front();
    EXPECT_EQ(guessed.value, most) << guess.n;
    EXPECT_EQ(guessed.point.values, found.point.values);
    if (guess.n == most) {
      EXPECT_EQ(guessed.runs, 2);
    }
  }
}

TEST_F(Search, FindsTheFewestAndSaysWhatComesBefore) {
  SearchQuery query = batches({});
  query.rows = {1, [](std::size_t) { return std::vector<Override>(); }};
  query.range = SearchRange{"", Seek::fewest, [](std::size_t) { return RangeLimits{1, 16, true}; }};
  query.also = [](std::size_t, std::int64_t n) {
    return std::vector<Override>{{"training.global_batch_size", std::to_string(32 * n), "test"}};
  };
  // Large batches take long: from some number on a step takes as long as that of 5·32.
  const double least = value(run(batches({"160"})).front(), "training.step_time_s");
  query.bounds = {{"training.step_time_s", true, least}};
  const SearchRow found = run(query).front();
  EXPECT_EQ(found.value, 5);
  ASSERT_TRUE(found.beyond);
  EXPECT_LT(*kept_value(runner_.kept(), *found.beyond, "training.step_time_s"), least);
  query.bounds = {{"training.step_time_s", true, 1e9}};
  const SearchRow none = run(query).front();
  EXPECT_FALSE(none.holds);
  EXPECT_EQ(none.runs, 1) << "the top is asked first";
  EXPECT_EQ(none.value, 16);
}

TEST_F(Search, WhatIsHopelessIsNotRun) {
  SearchQuery query = batches({"64"});
  query.range = SearchRange{"training.micro_batch_size", Seek::fewest, [](std::size_t) { return RangeLimits{1, 4}; }};
  query.range->hopeless = [](std::size_t row, const RangeLimits& limits) {
    EXPECT_EQ(row, 0U);
    EXPECT_EQ(limits.most, 4);
    SearchPoint point;
    point.reason = "told by others";
    return std::optional<SearchPoint>(point);
  };
  query.range->guess = [](std::size_t, const RangeLimits&) -> TurnStart { throw std::logic_error("asked"); };
  const SearchRow row = run(query).front();
  EXPECT_FALSE(row.holds);
  EXPECT_EQ(row.point.reason, "told by others");
  EXPECT_EQ(row.value, 4);
  query.range->hopeless = [](std::size_t, const RangeLimits&) { return std::optional<SearchPoint>(); };
  query.range->guess = {};
  EXPECT_TRUE(run(query).front().holds);
}

TEST_F(Search, OfAnEmptyRangeThereIsNothingToTry) {
  SearchQuery query = batches({"64"});
  query.range = SearchRange{"training.micro_batch_size", Seek::most, [](std::size_t) { return RangeLimits{5, 4}; }};
  const SearchRow row = run(query).front();
  EXPECT_FALSE(row.holds);
  EXPECT_EQ(row.runs, 0);
  EXPECT_EQ(row.point.reason, "there is nothing to try");
}

TEST_F(Search, WhereTheTurnIsKnownOnlyWhatLiesBetweenIsAsked) {
  SearchQuery query = batches({"64"});
  query.range = SearchRange{"training.micro_batch_size", Seek::most, [](std::size_t) {
                              return RangeLimits{4, 4, false, true};
                            }};
  const SearchRow row = run(query).front();
  EXPECT_TRUE(row.holds);
  EXPECT_EQ(row.value, 4);
  EXPECT_EQ(row.runs, 1);
  EXPECT_FALSE(row.beyond) << "it was not run";
}

TEST_F(Search, TakesUpWhatIsKnownWithoutRunningIt) {
  known_ = [](std::size_t i) {
    SearchRow row;
    row.point = point_of(7, 7);
    row.point.set = {{"known", std::to_string(i), "test"}};
    return i == 1 ? std::optional<SearchRow>(row) : std::nullopt;
  };
  std::vector<std::size_t> taken;
  take_ = [&](std::size_t i, const SearchRow&) { taken.push_back(i); };
  const std::vector<SearchRow> rows = run(batches({"32", "64", "128"}), 3);
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(words_of(rows[1].point.set), "known=1");
  EXPECT_EQ(rows[1].runs, 0);
  EXPECT_THAT(taken, ElementsAre(0, 1, 2)) << "in their order";
}

TEST_F(Search, StopsWhereTheTakerThrowsAndThrowsThat) {
  std::vector<std::size_t> taken;
  take_ = [&](std::size_t i, const SearchRow&) {
    taken.push_back(i);
    if (i == 1) throw std::runtime_error("full disk");
  };
  try {
    (void)run(batches({"32", "64", "128", "256"}));
    ADD_FAILURE();
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "full disk");
  }
  EXPECT_THAT(taken, ElementsAre(0, 1));
}

TEST_F(Search, IsEmptyOnceItIsStopped) {
  const std::atomic<bool> stop{true};
  console_.stop = &stop;
  EXPECT_THAT(run(batches({"32", "64"})), IsEmpty());
}

TEST_F(Search, PointsThatCannotBeHaveTheFirstLineOfTheirReason) {
  const SearchRow row = run(batches({"banana"})).front();
  EXPECT_THAT(row.point.reason, HasSubstr("global_batch_size"));
  EXPECT_EQ(row.point.reason.find('\n'), std::string::npos);
  EXPECT_FALSE(row.point.is_well());
  EXPECT_TRUE(row.point.values.empty());
}

TEST_F(Search, StoppedRunnersRunNothingMoreInAnyCopy) {
  const PointRunner copy = runner_;
  runner_.stop();
  EXPECT_THROW((void)copy.run({}), sim::Cancelled);
}

}  // namespace
}  // namespace orrery::scenarios::testing
