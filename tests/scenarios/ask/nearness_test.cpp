// How near a plan that does not hold comes, and what an answer says of its plans, by figures that are given.
#include "scenarios/ask/nearness.hpp"

#include <cmath>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scenarios/ask/names.hpp"
#include "scenarios/kinds.hpp"

namespace orrery::scenarios {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

using Figures = std::map<std::string, double>;

class Nearness : public ::testing::Test {
 protected:
  Nearness() {
    answer_.kept = {serving_kind().metrics()};
    gpu_ = find_asked_gpu("h100");
  }
  /// Of figures that are not given none is there.
  [[nodiscard]] AskedPlan plan(const Figures& figures, std::int64_t replicas = 1) const {
    AskedPlan one;
    one.engine = {gpu_, 1, 1, ""};
    one.replicas = replicas;
    for (const MetricRow& row : answer_.kept.rows) {
      const auto found = figures.find(row.name);
      one.point.values.push_back(found != figures.end() ? found->second : std::nan(""));
    }
    return one;
  }
  [[nodiscard]] static AskedPlan impossible() {
    AskedPlan one;
    one.point.reason = "3 doesn't divide 8";
    return one;
  }
  void expect_nearer(const AskedPlan& a, const AskedPlan& b) const {
    EXPECT_TRUE(serves_nearer(answer_, question_, a, b));
    EXPECT_FALSE(serves_nearer(answer_, question_, b, a));
  }

  Answer answer_;
  ServeQuestion question_;
  AskedGpu gpu_;
};

TEST_F(Nearness, LackOfMemoryIsAShareOfWhatThereIs) {
  EXPECT_DOUBLE_EQ(memory_lack(answer_, plan({{"memory.capacity_bytes", 80e9}, {"memory.margin_bytes", -120e9}})), 1.5);
  EXPECT_EQ(memory_lack(answer_, plan({{"memory.capacity_bytes", 80e9}, {"memory.margin_bytes", 1.0}})), 0.0);
  EXPECT_EQ(memory_lack(answer_, impossible()), 0.0) << "it has no figures";
}

TEST_F(Nearness, IsBeyondTheLimitThatIsBrokenMost) {
  const AskedPlan one = plan({{"serving.ttft_s.p99", 3.0}, {"serving.tpot_s.p99", 0.2}});
  EXPECT_EQ(beyond_limits(answer_, question_, one), 0.0) << "there is no limit";
  question_.ttft = Seconds{2.0};
  EXPECT_DOUBLE_EQ(beyond_limits(answer_, question_, one), 1.5);
  question_.tpot = Seconds{0.05};
  EXPECT_DOUBLE_EQ(beyond_limits(answer_, question_, one), 4.0);
  EXPECT_TRUE(std::isinf(beyond_limits(answer_, question_, plan({{"serving.ttft_s.p99", 1.0}}))))
      << "a limit whose figure is missing";
}

TEST_F(Nearness, OfPlansThatDoNotServePrefersThoseThatCanBeThenStartThenServeMost) {
  question_.tpot = Seconds{0.05};
  const AskedPlan starts = plan({{"memory.capacity_bytes", 80e9},
                                 {"memory.margin_bytes", 5e9},
                                 {"serving.slo_attainment", 0.10},
                                 {"serving.tpot_s.p99", 0.5}});
  const AskedPlan lacks = plan({{"memory.capacity_bytes", 80e9}, {"memory.margin_bytes", -8e9}});
  const AskedPlan lacks_more = plan({{"memory.capacity_bytes", 24e9}, {"memory.margin_bytes", -8e9}});
  expect_nearer(lacks_more, impossible());
  expect_nearer(lacks, lacks_more);
  expect_nearer(starts, lacks);
  AskedPlan better = plan({{"memory.capacity_bytes", 80e9},
                           {"memory.margin_bytes", 5e9},
                           {"serving.slo_attainment", 0.90},
                           {"serving.tpot_s.p99", 0.9}});
  expect_nearer(better, starts);
  // Of as many in time the one whose tail is less beyond the limit.
  AskedPlan longer = starts;
  longer.point.values = plan({{"memory.capacity_bytes", 80e9},
                              {"memory.margin_bytes", 5e9},
                              {"serving.slo_attainment", 0.10},
                              {"serving.tpot_s.p99", 0.7}})
                            .point.values;
  expect_nearer(starts, longer);
  // What a run served before it was given up says less than one that ended.
  better.point.given_up = true;
  expect_nearer(starts, better);
  EXPECT_FALSE(serves_nearer(answer_, question_, starts, starts));
}

TEST_F(Nearness, OfPlansThatDoNotHoldSequencesPrefersRoomThenMemoryThenFewerGpus) {
  const auto nearer = [&](const AskedPlan& a, const AskedPlan& b) {
    return fits_nearer(answer_, a, b) && !fits_nearer(answer_, b, a);
  };
  const AskedPlan some = plan({{"serving.max_concurrency", 3.0}, {"memory.capacity_bytes", 80e9}});
  const AskedPlan none =
      plan({{"serving.max_concurrency", 0.0}, {"memory.capacity_bytes", 80e9}, {"memory.margin_bytes", -40e9}});
  const AskedPlan less =
      plan({{"serving.max_concurrency", 0.0}, {"memory.capacity_bytes", 80e9}, {"memory.margin_bytes", -10e9}});
  EXPECT_TRUE(nearer(none, impossible()));
  EXPECT_TRUE(nearer(some, less));
  EXPECT_TRUE(nearer(less, none));
  // Two replicas of two are more room than one of three, and one of four is fewer GPUs than two of two.
  const AskedPlan two = plan({{"serving.max_concurrency", 2.0}, {"memory.capacity_bytes", 80e9}}, 2);
  const AskedPlan four = plan({{"serving.max_concurrency", 4.0}, {"memory.capacity_bytes", 80e9}});
  EXPECT_TRUE(nearer(two, some));
  EXPECT_TRUE(nearer(four, two));
}

// What a plan and an answer say of themselves.

TEST_F(Nearness, APlansGpusAndMoneyAreThoseOfAllItsReplicas) {
  AskedPlan one = plan({}, 3);
  one.engine.tensor_parallel = 2, one.engine.pipeline_parallel = 4, one.engine.gpu.price = 2.5;
  EXPECT_EQ(one.gpus(), 24);
  EXPECT_DOUBLE_EQ(one.usd_per_hour(), 60.0);
  EXPECT_EQ(one.replicas_run(), 1) << "where the point sets no number of them";
  one.point.set = {{"serving.replicas", "2", "ask"}};
  EXPECT_EQ(one.replicas_run(), 2);
}

TEST_F(Nearness, TheMostUsersAreThoseOfTheSearchOrOfTheEngine) {
  EXPECT_EQ(plan({}).most_users(), 100'000);
  EXPECT_EQ(plan({}, 60).most_users(), 120'000) << "2,000 of each replica";
  AskedPlan ends = plan({}, 3);
  ends.end.users = 256;
  EXPECT_EQ(ends.most_users(), 768);
  ends.end.users = 1'000'000;
  EXPECT_EQ(ends.most_users(), 100'000);
}

TEST_F(Nearness, AnAnswersMemoryIsOfWhatRan) {
  EXPECT_FALSE(answer_.memory(impossible()).has_value());
  const auto verdict = [&](double margin) {
    return *answer_.memory(plan({{"memory.capacity_bytes", 100e9}, {"memory.margin_bytes", margin}}));
  };
  EXPECT_EQ(verdict(3e9).fit, Fit::fits);
  EXPECT_EQ(verdict(1e9).fit, Fit::tight) << "within 2 % of the GPU";
  EXPECT_EQ(verdict(-1.0).fit, Fit::does_not_fit);
}

// 1000 prompt tokens, a quarter of them cached, and 100 of answer: 0.25·1·1000 + 0.75·4·1000 + 10·100 = 4250 µUSD.
TEST_F(Nearness, AnApiIsPaidByTheTokenAndOwnGpusByTheHour) {
  question_.api = ApiPrice{1.0, 4.0, 10.0};
  EXPECT_FALSE(compare_api(answer_, question_)) << "there is no plan";
  const Figures served = {{"serving.requests_per_s", 2.0},
                          {"serving.input_tokens_per_s", 2000.0},
                          {"serving.output_tokens_per_s", 200.0},
                          {"serving.prefix_hit_rate", 0.25}};
  answer_.plans = {plan(served, 2)};
  answer_.plans[0].engine.gpu.price = 3.6;
  const std::optional<ApiComparison> found = compare_api(answer_, question_);
  ASSERT_TRUE(found);
  EXPECT_NEAR(found->api_per_request, 4250e-6, 1e-12);
  EXPECT_NEAR(found->own_per_request, 7.2 / 7200.0, 1e-12) << "two GPUs, 7,200 requests an hour";
  EXPECT_NEAR(found->break_even(), 1000.0 / 4250.0, 1e-12);
  question_.api = ApiPrice{};
  EXPECT_FALSE(compare_api(answer_, question_)) << "an API that charges nothing";
  question_.api = ApiPrice{1.0, 4.0, 10.0};
  answer_.plans = {plan({{"serving.requests_per_s", 0.0}})};
  EXPECT_FALSE(compare_api(answer_, question_)) << "a plan that serves nothing";
  question_.api.reset();
  answer_.plans = {plan(served)};
  EXPECT_FALSE(compare_api(answer_, question_)) << "nobody asked";
}

TEST_F(Nearness, TheScenarioOfAnAnswerIsThatOfItsBestPlanAndSaysWhenItIsNone) {
  const std::string text = "scenario: s\nserving:\n  tensor_parallel: 1\n";
  const std::vector<Override> keys = {{"serving.tensor_parallel", "2", "ask"}};
  EXPECT_EQ(scenario_of(answer_, text, keys), "") << "no plan";
  answer_.plans = {impossible()};
  EXPECT_EQ(scenario_of(answer_, text, keys), "") << "nothing to run";
  answer_.plans = {plan({})};
  EXPECT_THAT(scenario_of(answer_, text, keys), StartsWith("# No plan holds what was asked for; this is the nearest"));
  EXPECT_THAT(scenario_of(answer_, text, keys), HasSubstr("\nscenario: s\nserving:\n  tensor_parallel: 2\n"));
  answer_.plans[0].holds = true;
  EXPECT_EQ(scenario_of(answer_, text, keys), "scenario: s\nserving:\n  tensor_parallel: 2\n");
}

}  // namespace
}  // namespace orrery::scenarios
