// Answers about several replicas: the same as when every plan is run as a whole with every number of users.

#include "scenarios/ask/replicas.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scenarios/ask/answer.hpp"
#include "scenarios/ask/control.hpp"
#include "scenarios/ask/names.hpp"
#include "scenarios/kinds.hpp"
#include "scenarios/search/goal.hpp"
#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

ServeQuestion question_of(const std::string& gpu, int gpus, double cv) {
  ServeQuestion question;
  question.model = find_asked_model("llama-3-8b", "");
  question.gpus = {find_asked_gpu(gpu)};
  question.gpu_count = gpus;
  question.context = 2048;
  question.input.mean = 500.0;
  question.output.mean = 40.0;
  question.input.cv = cv;
  question.input.most = cv > 0.0 ? 1500 : 0;
  question.tpot = Seconds{0.030};
  return question;
}

PointRunner runner_of(const ServeQuestion& question) {
  return {serve_text(question), "ask", {}, {serving_kind().metrics()}};
}

bool well(const PointRunner& runner, const SearchPoint& point) {
  return holds(runner.kept(), point, {{"serving.rejected", false, 0.0}, {"serving.truncated", false, 0.0}});
}

TEST(AskReplicas, AGroupDoesWhatTheWholeDoes) {
  const ServeQuestion question = question_of("l40s", 8, 0.0);
  const PointRunner runner = runner_of(question);
  const AskedEngine one{question.gpus[0], 1, 1, "fp8"}, two{question.gpus[0], 2, 1, ""};
  for (const auto& [engine, replicas, users] : std::vector<std::tuple<AskedEngine, std::int64_t, std::int64_t>>{
           {one, 4, 40}, {one, 4, 42}, {one, 6, 45}, {one, 8, 8}, {two, 4, 100}, {two, 3, 31}}) {
    ASSERT_TRUE(go_in_step(question, engine));
    const SearchPoint whole = runner.run(plan_keys(question, engine, replicas, users));
    const SearchPoint group = runner.run(group_keys(question, engine, replicas, users));
    for (const char* name : {"serving.slo_attainment", "serving.kv_cache_usage.peak", "serving.mean_batch",
                             "serving.duration_s", "serving.ttft_s.mean", "serving.tpot_s.mean", "serving.itl_s.mean",
                             "serving.e2e_s.mean", "serving.output_tokens_per_s_per_gpu"}) {
      EXPECT_DOUBLE_EQ(*kept_value(runner.kept(), whole, name), *kept_value(runner.kept(), group, name))
          << name << " of " << replicas << " replicas and " << users << " users";
    }
  }
}

TEST(AskReplicas, DoNotGoInStepWhereChanceOrAFabricComesIn) {
  const AskedEngine engine{find_asked_gpu("l40s"), 2, 1, ""};
  EXPECT_FALSE(go_in_step(question_of("l40s", 8, 0.5), engine));
  ServeQuestion by_rate = question_of("l40s", 8, 0.0);
  by_rate.rate = 3.0;
  EXPECT_FALSE(go_in_step(by_rate, engine));
  EXPECT_FALSE(go_in_step(question_of("l40s", 8, 0.0), {find_asked_gpu("l40s"), 8, 2, ""}));
}

TEST(AskReplicas, RoundsAreEnoughForAStatement) {
  EXPECT_EQ(rounds_of(1), 200);
  EXPECT_EQ(rounds_of(16), 13);
  EXPECT_EQ(rounds_of(300), 10);
  EXPECT_EQ(rounds_of(20'000), 2);
}

/// The best plan and its users by running every plan as a whole with every number of users.
std::pair<std::string, std::int64_t> exhaustive(const ServeQuestion& question, std::int64_t end) {
  const PointRunner runner = runner_of(question);
  std::pair<std::string, std::int64_t> best;
  for (const AskedEngine& engine : engines_for(question, {1})) {
    const std::int64_t replicas = question.gpu_count / engine.gpus();
    for (std::int64_t users = end; users > best.second; --users) {
      if (!well(runner, runner.run(plan_keys(question, engine, replicas, users)))) continue;
      best = {describe(engine, replicas), users};
    }
  }
  return best;
}

Answer answer_of(const ServeQuestion& question) {
  std::ostringstream out, err;
  Console console{out, err};
  return answer_serve(question, {2, true, console, {}});
}

TEST(AskReplicas, AnswerIsThatOfAskingEverything) {
  for (const auto& [gpu, gpus] : {std::pair{"l40s", 4}, {"l40s", 6}, {"l4", 8}}) {
    const ServeQuestion question = question_of(gpu, gpus, 0.0);
    const Answer answer = answer_of(question);
    ASSERT_TRUE(answer.holds()) << gpu;
    const AskedPlan& plan = answer.plans.front();
    const auto [name, users] = exhaustive(question, plan.users + 12);
    EXPECT_EQ(describe(plan.engine, plan.replicas), name) << gpus << " " << gpu;
    EXPECT_EQ(plan.users, users) << gpus << " " << gpu;
    EXPECT_EQ(plan.replicas_run(), plan.replicas) << "the first plan's figures are of all of it";
  }
}

TEST(AskReplicas, LengthsWithASpreadTurnWhereTheNextUserIsTooMany) {
  const ServeQuestion question = question_of("l40s", 4, 0.4);
  const Answer answer = answer_of(question);
  ASSERT_TRUE(answer.holds());
  const AskedPlan& plan = answer.plans.front();
  const auto [name, users] = exhaustive(question, plan.users + 12);
  EXPECT_EQ(describe(plan.engine, plan.replicas), name);
  EXPECT_LE(plan.users, users);
  EXPECT_GE(plan.users, users - 8);
  const PointRunner runner = runner_of(question);
  EXPECT_TRUE(well(runner, runner.run(plan_keys(question, plan.engine, plan.replicas, plan.users))));
  EXPECT_FALSE(well(runner, runner.run(plan_keys(question, plan.engine, plan.replicas, plan.users + 1))));
}

TEST(AskReplicas, FewestReplicasForUsersIsThatOfAskingEverything) {
  ServeQuestion question = question_of("l40s", 0, 0.0);
  question.users = 210;
  const Answer answer = answer_of(question);
  ASSERT_TRUE(answer.holds());
  const PointRunner runner = runner_of(question);
  const AskedPlan& plan = answer.plans.front();
  EXPECT_TRUE(well(runner, runner.run(plan_keys(question, plan.engine, plan.replicas, 210))));
  for (std::int64_t fewer = 1; fewer < plan.replicas; ++fewer) {
    EXPECT_FALSE(well(runner, runner.run(plan_keys(question, plan.engine, fewer, 210)))) << fewer;
  }
}

}  // namespace
}  // namespace orrery::scenarios::testing
