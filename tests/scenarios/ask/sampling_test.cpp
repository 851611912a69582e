// Samples of plans: they lead to the answer that the whole gives, and spare runs of it.
#include "scenarios/ask/sampling.hpp"

#include <cmath>
#include <map>

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

ServeQuestion at_rate(double rate) {
  ServeQuestion question;
  question.model = find_asked_model("llama-3-8b", "fp8");
  question.gpus = {find_asked_gpu("l40s")};
  question.context = 2048;
  question.input.mean = 500.0;
  question.output.mean = 10.0;
  question.ttft = Seconds{0.3};
  question.rate = rate;
  return question;
}

/// Long prompts on a small GPU: it takes many.
ServeQuestion on_many() {
  ServeQuestion question = at_rate(400.0);
  question.gpus = {find_asked_gpu("l4")};
  question.input.mean = 1800.0;
  question.output.mean = 2.0;
  question.ttft = Seconds{1.0};
  return question;
}

std::map<std::string, std::string> by_key(const std::vector<Override>& keys) {
  std::map<std::string, std::string> map;
  for (const Override& key : keys) map[key.key] = key.value;
  return map;
}

TEST(Sampling, ScalesGoDownByEightAndEndAtTwo) {
  EXPECT_THAT(sample_scales(256.0, 8.0), ElementsAre(32, 4));
  EXPECT_THAT(sample_scales(100.0, 8.0), ElementsAre(12));  // 12 / 8 is one
  EXPECT_THAT(sample_scales(16.0, 8.0), ElementsAre(2));
  EXPECT_THAT(sample_scales(15.0, 8.0), IsEmpty());
  EXPECT_THAT(sample_scales(0.0, 8.0), IsEmpty());
}

TEST(Sampling, PartSeesItsShareOfRateRequestsAndChance) {
  // 20,000 requests come at 200 a second; 100 replicas get 200 each: 16 replicas, 3,200 requests at 32 a second. Each
  // 100th of Poisson arrivals is an Erlang law of 100 stages; 16 in turn get it from gamma gaps of 100 / 16 stages.
  const ServeQuestion question = at_rate(200.0);
  const AskedEngine engine{question.gpus[0], 1, 1, "fp8"};
  EXPECT_EQ(part_of(question, 100), 16);
  const std::map<std::string, std::string> part = by_key(part_keys(question, engine, 100));
  EXPECT_EQ(part.at("serving.replicas"), "16");
  EXPECT_EQ(part.at("serving.load.arrivals"), "gamma");
  EXPECT_DOUBLE_EQ(std::stod(part.at("serving.load.cv")), 0.4);  // sqrt(16 / 100)
  EXPECT_DOUBLE_EQ(std::stod(part.at("serving.load.rate")), 32.0);
  EXPECT_EQ(part.at("serving.load.requests"), "3200");
  // 1,000 replicas get 20 requests each: 50 of them make 1,000. Few are all of them, and their load is the whole.
  EXPECT_EQ(part_of(question, 1000), 50);
  EXPECT_EQ(part_of(question, 7), 7);
  const std::map<std::string, std::string> whole = by_key(part_keys(question, engine, 7));
  EXPECT_EQ(whole.count("serving.load.arrivals"), 0U);
  EXPECT_EQ(whole.at("serving.load.requests"), by_key(plan_keys(question, engine, 7, 0)).at("serving.load.requests"));
}

TEST(Sampling, PartDoesWhatTheWholeDoes) {
  const ServeQuestion question = at_rate(400.0);
  const PointRunner runner(serve_text(question), "ask", {}, {serving_kind().metrics()});
  const AskedEngine engine{question.gpus[0], 1, 1, "fp8"};
  const SearchPoint whole = runner.run(plan_keys(question, engine, 64, 0));
  const SearchPoint part = runner.run(part_keys(question, engine, 64));
  for (const char* metric : {"serving.ttft_s.mean", "serving.tpot_s.mean", "serving.mean_batch"}) {
    const double of_whole = *kept_value(runner.kept(), whole, metric);
    EXPECT_NEAR(*kept_value(runner.kept(), part, metric), of_whole, 0.05 * of_whole) << metric;
  }
}

Answer answer_of(const ServeQuestion& question) {
  std::ostringstream out, err;
  Console console{out, err};
  return answer_serve(question, {2, true, console, {}});
}

TEST(Sampling, FewestReplicasByRateIsThatOfAskingEveryNumber) {
  ServeQuestion question = at_rate(150.0);
  question.tensor_parallel = 1;
  const Answer answer = answer_of(question);
  ASSERT_TRUE(answer.holds());
  const PointRunner runner(serve_text(question), "ask", {}, {serving_kind().metrics()});
  const AskedPlan& plan = answer.plans.front();
  std::int64_t fewest = 1;
  while (!holds(runner.kept(), runner.run(plan_keys(question, plan.engine, fewest, 0), true), {})) ++fewest;
  EXPECT_EQ(plan.replicas, fewest);
  EXPECT_GT(fewest, 2) << "else it would be no search";
  ASSERT_TRUE(plan.beyond);
  EXPECT_FALSE(plan.beyond->is_well());
  EXPECT_EQ(plan.replicas_run(), plan.replicas) << "its figures are of the whole";
}

TEST(Sampling, GuessIsNearTheTurnOfTheWhole) {
  const ServeQuestion question = on_many();
  const AskedEngine engine{question.gpus[0], 1, 1, "fp8"};
  const PointRunner runner(serve_text(question), "ask", {}, {serving_kind().metrics()});
  const TurnSampler sampler(question, runner, {});
  const TurnStart guess = sampler.fewest_replicas(engine, {1, 4096});
  ASSERT_GT(guess.n, 40) << "else the sample would be the whole";
  EXPECT_GT(sampler.runs(), 0);
  const auto well = [&](std::int64_t n) {
    return holds(runner.kept(), runner.run(plan_keys(question, engine, n, 0), true), {});
  };
  EXPECT_TRUE(well(guess.n + guess.n / 10 + 1));
  EXPECT_FALSE(well(guess.n - guess.n / 10 - 1));
}

TEST(Sampling, LowRatesAreRunAsAWhole) {
  const ServeQuestion question = at_rate(20.0);
  const AskedEngine engine{question.gpus[0], 1, 1, "fp8"};
  const PointRunner runner(serve_text(question), "ask", {}, {serving_kind().metrics()});
  const TurnSampler sampler(question, runner, {});
  EXPECT_EQ(sampler.fewest_replicas(engine, {3, 4096}).n, 3);
  EXPECT_FALSE(sampler.hopeless(engine, 64));
  EXPECT_EQ(sampler.runs(), 0);
}

TEST(Sampling, OnlyWhatIsFarFromHoldingIsHopeless) {
  const ServeQuestion question = on_many();
  const AskedEngine engine{question.gpus[0], 1, 1, "fp8"};
  const PointRunner runner(serve_text(question), "ask", {}, {serving_kind().metrics()});
  const TurnSampler sampler(question, runner, {});
  const std::int64_t enough = sampler.fewest_replicas(engine, {1, 4096}).n + 5;
  ASSERT_GT(enough, 40);
  EXPECT_FALSE(sampler.hopeless(engine, enough));
  const std::optional<SearchPoint> half = sampler.hopeless(engine, enough / 2);
  ASSERT_TRUE(half);
  EXPECT_TRUE(half->given_up) << "figures of a part are none of the plan";
  EXPECT_FALSE(holds(runner.kept(), runner.run(plan_keys(question, engine, enough / 2, 0), true), {}));
  EXPECT_EQ(words_of(half->set), words_of(plan_keys(question, engine, enough / 2, 0)));
  EXPECT_FALSE(sampler.hopeless(engine, 20)) << "16 of 20 are no sample";
}

}  // namespace
}  // namespace orrery::scenarios::testing
