// Estimates of plans under a rate: they say what is run first, and the answer is that of asking every plan.
#include "scenarios/ask/estimates.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scenarios/ask/answer.hpp"
#include "scenarios/ask/control.hpp"
#include "scenarios/ask/names.hpp"
#include "scenarios/ask/replicas.hpp"
#include "scenarios/kinds.hpp"
#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

ServeQuestion at_rate(double rate, const std::vector<std::string>& gpus) {
  ServeQuestion question;
  question.model = find_asked_model("llama-3-8b", "fp8");
  for (const std::string& gpu : gpus) question.gpus.push_back(find_asked_gpu(gpu));
  question.context = 2048;
  question.input.mean = 500.0;
  question.output.mean = 10.0;
  question.ttft = Seconds{0.3};
  question.rate = rate;
  question.tensor_parallel = 1;
  return question;
}

Answer answer_of(const ServeQuestion& question) {
  std::ostringstream out, err;
  Console console{out, err};
  return answer_serve(question, {2, true, console, {}});
}

TEST(Estimates, ReplicasEndWhereGpusOrMoneyDo) {
  ServeQuestion question = at_rate(150.0, {"h100"});
  AskedEngine two{question.gpus[0], 2, 1, "fp8"};
  two.gpu.price = 3.0;  // 6 USD an hour a replica
  const RangeLimits open = replica_limits(question, two, kAnyPrice);
  EXPECT_EQ(open.most, 2048);
  EXPECT_FALSE(open.top_first) << "nothing says that so many are too dear";
  const RangeLimits dear = replica_limits(question, two, 20.0);
  EXPECT_EQ(dear.most, 3);
  EXPECT_TRUE(dear.top_first);
  question.gpu_count = 5;
  EXPECT_EQ(replica_limits(question, two, 20.0).most, 2);
  EXPECT_EQ(replica_limits(question, two, 1.0).most, 0);
}

TEST(Estimates, AreSortedByPriceWithUnknownOnesLastInTheirOrder) {
  const ServeQuestion question = at_rate(150.0, {"h100", "l40s", "l4", "a100"});
  std::vector<AskedEngine> engines;
  for (const AskedGpu& gpu : question.gpus) engines.push_back({gpu, 1, 1, ""});
  for (AskedEngine& engine : engines) engine.gpu.price = 2.0;
  std::vector<RateEstimate> estimates = {{0}, {9}, {0}, {4}};
  sort_by_estimate(engines, estimates);
  std::vector<std::string> names;
  for (const AskedEngine& engine : engines) names.push_back(engine.gpu.name);
  EXPECT_THAT(names, ElementsAre("a100_sxm", "l40s", "h100_sxm", "l4"));
  EXPECT_DOUBLE_EQ(estimates[0].usd_per_hour(engines[0]), 8.0);
  EXPECT_EQ(estimates[2].usd_per_hour(engines[2]), kAnyPrice);
}

TEST(Estimates, OfFewReplicasAreTheWholeAndDropOut) {
  // 16 replicas and fewer are their own sample: what they found is what a search of the plan finds.
  const ServeQuestion question = at_rate(150.0, {"l40s", "h100"});
  const PointRunner runner(serve_text(question), "ask", {}, {serving_kind().metrics()});
  const TurnSampler sampler(question, runner, {});
  std::ostringstream out, err;
  Console console{out, err};
  const AskControl control{1, true, console, {}};
  SearchQuery blank;
  blank.until_missed = true;
  blank.rows.at = [](std::size_t) { return std::vector<Override>(); };
  const EstimateRuns runs{sampler, blank,
                          [&](const SearchQuery& query) { return control.search(runner, query, "engines"); },
                          [] { return false; }};
  std::vector<AskedEngine> engines = engines_for(question, {1});
  std::vector<RateEstimate> estimates = estimate_replicas(engines, question, runs);
  ASSERT_EQ(estimates.size(), engines.size());
  ASSERT_TRUE(estimates[0].whole);
  const std::int64_t found = estimates[0].replicas;
  EXPECT_LE(found, 16);
  EXPECT_EQ(words_of(estimates[0].whole->point.set), words_of(plan_keys(question, engines[0], found, 0)));
  EXPECT_TRUE(holds(runner.kept(), runner.run(plan_keys(question, engines[0], found, 0), true), {}));
  EXPECT_FALSE(holds(runner.kept(), runner.run(plan_keys(question, engines[0], found - 1, 0), true), {}));
  const std::size_t before = engines.size();
  drop_whole(engines, estimates);
  EXPECT_LT(engines.size(), before);
  EXPECT_EQ(engines.size(), estimates.size());
  for (const RateEstimate& estimate : estimates) EXPECT_FALSE(estimate.whole);
  std::vector<RateEstimate> none;
  drop_whole(engines, none);
  EXPECT_EQ(engines.size(), estimates.size()) << "without estimates all are asked";
}

TEST(Estimates, OfFewRequestsThereAreNone) {
  const ServeQuestion question = at_rate(99.0, {"l40s"});
  const PointRunner runner(serve_text(question), "ask", {}, {serving_kind().metrics()});
  const TurnSampler sampler(question, runner, {});
  const EstimateRuns runs{
      sampler, {}, [](const SearchQuery&) { return std::vector<SearchRow>(); }, [] { return false; }};
  EXPECT_THAT(estimate_replicas(engines_for(question, {1}), question, runs), IsEmpty());
}

TEST(Estimates, WhatIsHopelessForManyIsForFewer) {
  const ServeQuestion question = at_rate(400.0, {"l4"});
  const AskedEngine engine{question.gpus[0], 1, 1, "fp8"};
  RateEstimate estimate;
  EXPECT_FALSE(estimate.hopeless_of(question, engine, 1));
  estimate.hopeless_at = 7;
  estimate.hopeless = SearchPoint();
  ASSERT_TRUE(estimate.hopeless_of(question, engine, 5));
  EXPECT_EQ(words_of(estimate.hopeless_of(question, engine, 5)->set), words_of(plan_keys(question, engine, 5, 0)));
  EXPECT_FALSE(estimate.hopeless_of(question, engine, 8));
}

TEST(Estimates, CheapestPlanIsThatOfAskingEveryNumberOfEveryEngine) {
  for (const double rate : {150.0, 240.0}) {
    const ServeQuestion question = at_rate(rate, {"l4", "l40s", "a10", "h100", "h200"});
    const Answer answer = answer_of(question);
    ASSERT_TRUE(answer.holds());
    const PointRunner runner(serve_text(question), "ask", {}, {serving_kind().metrics()});
    std::string cheapest;
    double least = kAnyPrice;
    for (const AskedEngine& engine : engines_for(question, {1})) {
      std::int64_t fewest = 1;
      while (!holds(runner.kept(), runner.run(plan_keys(question, engine, fewest, 0), true), {})) ++fewest;
      const SearchPoint whole = runner.run(plan_keys(question, engine, fewest, 0));
      const double price = kept_value(runner.kept(), whole, "cost.usd_per_million_output_tokens").value_or(kAnyPrice);
      if (price >= least) continue;
      least = price;
      cheapest = describe(engine, fewest);
    }
    const AskedPlan& best = answer.plans.front();
    EXPECT_EQ(describe(best.engine, best.replicas), cheapest) << rate;
    EXPECT_DOUBLE_EQ(answer.value(best, "cost.usd_per_million_output_tokens"), least) << rate;
  }
}

}  // namespace
}  // namespace orrery::scenarios::testing
