// Bounds, the best point, the Pareto front.

#include "scenarios/search/goal.hpp"

#include <algorithm>
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#ifdef ORRERY_HAVE_RAPIDCHECK
#include <rapidcheck/gtest.h>
#endif

namespace orrery::scenarios {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

KeptMetrics kept() {
  return {{*find_metric_row("serving.output_tokens_per_s"), *find_metric_row("cost.usd_per_million_output_tokens")}};
}

SearchPoint point(double speed, double price) {
  SearchPoint made;
  made.values = {speed, price};
  return made;
}

const Objective kSpeed{"serving.output_tokens_per_s", true};
const Objective kPrice{"cost.usd_per_million_output_tokens", false};

TEST(Goal, DirectionOfAnObjectiveIsTheMetrics) {
  EXPECT_TRUE(objective_of("serving.output_tokens_per_s", "--objective").most);
  EXPECT_FALSE(objective_of("serving.ttft_s.p99", "--objective").most);
  EXPECT_TRUE(objective_of("serving.mean_batch", "--objective").most);  // a neutral one
  EXPECT_EQ(kPrice.words(), "least cost.usd_per_million_output_tokens");
  try {
    (void)objective_of("serving.ttft_s.p98", "--sort");
    ADD_FAILURE();
  } catch (const hardware::ConfigError& error) {
    EXPECT_THAT(error.what(), ::testing::AllOf(HasSubstr("--sort"), HasSubstr("did you mean serving.ttft_s.p9")));
  }
}

TEST(Goal, BestHoldsItsBoundsAndIsWell) {
  std::vector<SearchPoint> points = {point(100, 2), point(300, 9), point(200, 1), point(kUndefined, kUndefined)};
  points[1].findings.push_back({"slo_missed", "", false});
  EXPECT_EQ(best_of(kept(), points, kSpeed), 2U);
  EXPECT_EQ(best_of(kept(), points, kPrice), 2U);
  EXPECT_EQ(best_of(kept(), points, kPrice, {{"serving.output_tokens_per_s", false, 150.0}}), 0U);
  EXPECT_EQ(best_of(kept(), points, kSpeed, {{"serving.output_tokens_per_s", true, 250.0}}), std::nullopt);
  points[2].reason = "can't be";
  EXPECT_EQ(best_of(kept(), points, kSpeed), 0U);
}

TEST(Goal, OfEqualPointsTheFirstIsBest) { EXPECT_EQ(best_of(kept(), {point(1, 1), point(1, 1)}, kSpeed), 0U); }

TEST(Goal, ParetoFrontIsWhatNoOtherBeats) {
  // (200, 2) beats (100, 2) and (150, 3); (50, 1) is cheaper; equal points stay beside each other.
  const std::vector<SearchPoint> points = {point(100, 2), point(200, 2), point(150, 3),
                                           point(50, 1),  point(200, 2), point(kUndefined, 0)};
  EXPECT_THAT(pareto_front(kept(), points, {kSpeed, kPrice}), ElementsAre(1, 3, 4));
  EXPECT_THAT(pareto_front(kept(), points, {kSpeed}), ElementsAre(1, 4));
}

TEST(Goal, FrontObjectivesAreTwoOrMoreAndOfAJob) {
  const std::vector<Objective> front =
      front_objectives({"serving.ttft_s.p99", "jobs.b.cost.usd"}, "jobs.a.", "--pareto");
  ASSERT_EQ(front.size(), 2U);
  EXPECT_EQ(front[0].words(), "least jobs.a.serving.ttft_s.p99");
  EXPECT_EQ(front[1].words(), "least jobs.b.cost.usd") << "it says already which job";
  EXPECT_TRUE(front_objectives({}, "", "--pareto").empty());
  for (const std::vector<std::string>& wrong :
       {std::vector<std::string>{"cost.usd"}, {"cost.usd", "cost.eur"}, {"", ""}}) {
    EXPECT_THROW((void)front_objectives(wrong, "", "--pareto"), hardware::ConfigError);
  }
}

TEST(Goal, FrontMarksEachPoint) {
  const ParetoFront front = front_of(kept(), {point(100, 2), point(200, 2), point(50, 1)}, {kSpeed, kPrice});
  EXPECT_EQ(front.has, (std::vector<bool>{false, true, true}));
  EXPECT_EQ(front.words("plans"),
            "Pareto front of most serving.output_tokens_per_s, least cost.usd_per_million_output_tokens: 2 of 3 plans");
  EXPECT_THAT(front_of(kept(), {}, {kSpeed, kPrice}).words("plans"), ::testing::EndsWith(": 0 of 0 plans"));
}

#ifdef ORRERY_HAVE_RAPIDCHECK
// Each point is on the front, or a point of the front beats it; none of the front beats another.
RC_GTEST_PROP(Goal, FrontIsWhatBeatsAllOthers, ()) {
  std::vector<SearchPoint> points;
  for (int i = 0, count = *rc::gen::inRange(0, 20); i < count; ++i) {
    points.push_back(point(*rc::gen::inRange(0, 6), *rc::gen::inRange(0, 6)));
    if (*rc::gen::inRange(0, 6) == 0) points.back().findings.push_back({"slo_missed", "", false});
  }
  const auto beats = [&](std::size_t a, std::size_t b) {
    const std::vector<double>&x = points[a].values, &y = points[b].values;
    return x[0] >= y[0] && x[1] <= y[1] && (x[0] > y[0] || x[1] < y[1]);
  };
  const std::vector<std::size_t> front = pareto_front(kept(), points, {kSpeed, kPrice});
  for (std::size_t i = 0; i < points.size(); ++i) {
    const bool on = std::find(front.begin(), front.end(), i) != front.end();
    const bool beaten = std::any_of(front.begin(), front.end(), [&](std::size_t other) { return beats(other, i); });
    RC_ASSERT(on == (points[i].is_well() && !beaten));
  }
}
#endif

TEST(Goal, SortedPutsTheUndefinedLast) {
  const std::vector<SearchPoint> points = {point(kUndefined, 1), point(100, 3), point(300, 2), point(100, 1)};
  EXPECT_THAT(sorted_by(kept(), points, kSpeed), ElementsAre(2, 1, 3, 0));
  EXPECT_THAT(sorted_by(kept(), points, kPrice), ElementsAre(0, 3, 2, 1));
}

}  // namespace
}  // namespace orrery::scenarios
