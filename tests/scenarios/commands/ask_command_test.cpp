// orrery ask KIND: answers that are checked by running the scenario that they are.
#include <cmath>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class AskCommand : public FolderTest {
 protected:
  [[nodiscard]] static std::vector<std::string> serve(std::vector<std::string> more) {
    std::vector<std::string> args = {"ask",     "serve", "--model",  "llama-3.1-8b", "--gpu", "h100",
                                     "--input", "500",   "--output", "50",           "--tp",  "1"};
    args.insert(args.end(), more.begin(), more.end());
    return args;
  }
  [[nodiscard]] json answer(std::vector<std::string> more, int code = kExitWell) const {
    more.insert(more.end(), {"-q", "--json", path("a.json"), "--save", path("a.yaml"), "--force"});
    const Outcome outcome = orrery(serve(std::move(more)));
    EXPECT_EQ(outcome.code, code) << outcome.err;
    EXPECT_EQ(outcome.out, "");
    return json::parse(read_file(path("a.json")));
  }
  [[nodiscard]] json run(std::vector<std::string> more = {}) const {
    std::vector<std::string> args = {"run", path("a.yaml"), "-q", "--json", path("r.json")};
    args.insert(args.end(), more.begin(), more.end());
    EXPECT_NE(orrery(args).code, kExitInput);
    return json::parse(read_file(path("r.json")));
  }
  [[nodiscard]] static std::string refused(std::vector<std::string> more) {
    const Outcome outcome = orrery(serve(std::move(more)));
    EXPECT_EQ(outcome.code, kExitInput) << outcome.out;
    EXPECT_EQ(outcome.out, "");
    return outcome.err;
  }
};

TEST_F(AskCommand, SavedScenarioGivesTheAnswersFigures) {
  const json a = answer({"--gpus", "1", "--tpot", "20ms"});
  EXPECT_EQ(a["ask"], "serve");
  EXPECT_TRUE(a["holds"].get<bool>());
  EXPECT_EQ(a["scenario"], read_file(path("a.yaml")));
  const json r = run();
  const json& metrics = a["answer"]["metrics"];
  EXPECT_EQ(metrics["serving.requests_per_s"], r["serving"]["requests_per_s"]);
  EXPECT_EQ(metrics["serving.tpot_s.p99"], r["serving"]["tpot_s"]["p99"]);
  EXPECT_EQ(metrics["cost.usd_per_million_output_tokens"], r["cost"]["usd_per_million_output_tokens"]);
  EXPECT_LE(r["serving"]["tpot_s"]["p99"].get<double>(), 0.020);
  EXPECT_GE(r["serving"]["slo_attainment"].get<double>(), 0.99);
}

TEST_F(AskCommand, OneUserMoreBreaksTheLimit) {
  const json a = answer({"--gpus", "1", "--tpot", "20ms"});
  const auto users = a["answer"]["users"].get<std::int64_t>();
  ASSERT_GT(users, 1);
  // As many requests for each client, and the first of each warm the engine, as in the answer.
  const json with = run();
  const double clients = with["scenario"]["serving"]["load"].value("concurrency", 0.0);
  EXPECT_EQ(clients, static_cast<double>(users));
  const json beyond = run({"--set", "serving.load.concurrency=" + std::to_string(users + 1), "--set",
                           "serving.load.requests=" + std::to_string(11 * (users + 1)), "--set",
                           "serving.warmup_requests=" + std::to_string(users + 1)});
  EXPECT_LT(beyond["serving"]["slo_attainment"].get<double>(), 0.99);
}

TEST_F(AskCommand, TighterLimitsHoldFewerUsers) {
  std::int64_t before = 0;
  for (const char* tpot : {"10ms", "20ms", "40ms"}) {
    const json a = answer({"--gpus", "1", "--weight-dtype", "bf16", "--tpot", tpot});
    const auto users = a["answer"].value("users", std::int64_t{0});
    EXPECT_GE(users, before) << tpot;
    before = users;
  }
}

TEST_F(AskCommand, PriceIsTheHoursOfItsGpus) {
  const json a = answer({"--gpus", "1", "--tpot", "20ms"});
  const json& plan = a["answer"];
  const double tokens_an_hour = plan["metrics"]["serving.output_tokens_per_s"].get<double>() * 3600.0;
  EXPECT_NEAR(plan["metrics"]["cost.usd_per_million_output_tokens"].get<double>(),
              plan["usd_per_hour"].get<double>() / tokens_an_hour * 1e6, 1e-9);
}

TEST_F(AskCommand, ApiIsComparedByHand) {
  const std::vector<std::string> words = {"--gpus", "1", "--tpot", "20ms", "--compare-api", "0/1/4"};
  const json a = answer(words);
  std::vector<std::string> printed = words;
  const Outcome text = orrery(serve(printed));
  EXPECT_EQ(text.code, kExitWell) << text.err;
  // 500 tokens at 1 and 50 at 4 USD per million: 0.7 thousandths, 0.70 USD per 1000 requests; nothing is cached.
  EXPECT_THAT(text.out,
              HasSubstr("an API at 0/1/4 USD per million cached/input/output tokens takes 0.7000 USD per 1000 "
                        "requests"));
  const double own = a["answer"]["usd_per_hour"].get<double>() /
                     (3600.0 * a["answer"]["metrics"]["serving.requests_per_s"].get<double>());
  ASSERT_TRUE(a.contains("api")) << a.dump(1).substr(0, 600);
  EXPECT_NEAR(a["api"]["own_usd_per_request"].get<double>(), own, 1e-12);
  EXPECT_NEAR(a["api"]["usd_per_request"].get<double>(), 0.7e-3, 1e-12);
  EXPECT_NEAR(a["api"]["break_even_utilisation"].get<double>(), own / 0.7e-3, 1e-9);
}

TEST_F(AskCommand, RatesAreServedByReplicasThatTogetherHoldThem) {
  const json a = answer({"--rate", "20", "--tpot", "30ms", "--ttft", "2s"});
  ASSERT_TRUE(a["holds"].get<bool>());
  const json r = run();
  EXPECT_EQ(a["question"]["rate"], 20.0);
  EXPECT_GE(r["serving"]["slo_attainment"].get<double>(), 0.99);
  EXPECT_NEAR(r["serving"]["requests_per_s"].get<double>(), 20.0, 3.0) << "as fast as they come";
  EXPECT_EQ(a["answer"]["gpus"].get<int>(),
            a["answer"]["replicas"].get<int>() * a["answer"]["tensor_parallel"].get<int>());
}

TEST_F(AskCommand, WhatNothingHoldsIsAFinding) {
  const json a = answer({"--gpus", "1", "--tpot", "1us"}, kExitFinding);
  EXPECT_FALSE(a["holds"].get<bool>());
  const Outcome text = orrery(serve({"--gpus", "1", "--tpot", "1us"}));
  EXPECT_EQ(text.code, kExitFinding);
  EXPECT_THAT(text.out,
              AllOf(HasSubstr("no plan holds it; the nearest is "), HasSubstr("in the way: TPOT: its p99 is ")));
}

TEST_F(AskCommand, FrontIsMarkedInTextAndJson) {
  const json a = answer(
      {"--gpus", "1", "--tpot", "20ms", "--pareto", "serving.output_tokens_per_s,cost.usd_per_million_output_tokens"});
  ASSERT_TRUE(a.contains("pareto"));
  bool any = false;
  for (const json& plan : a["plans"]) any = any || plan.value("pareto", false);
  EXPECT_TRUE(any);
}

TEST_F(AskCommand, FitHoldsSoManySequences) {
  const Outcome outcome = orrery({"ask", "fit", "--model", "llama-3.1-8b", "--gpu", "h100", "--context", "8K", "-q",
                                  "--json", path("f.json"), "--save", path("f.yaml")});
  EXPECT_EQ(outcome.code, kExitWell) << outcome.err;
  const json f = json::parse(read_file(path("f.json")));
  EXPECT_EQ(f["question"]["context"], 8192);
  const json& metrics = f["answer"]["metrics"];
  // K and V of 32 layers and 8 heads of 128 in bf16 are 131,072 bytes a token.
  const double tokens = metrics["memory.kv_cache_bytes"].get<double>() / 131'072.0;
  EXPECT_EQ(metrics["serving.kv_cache_tokens"].get<double>(), tokens);
  EXPECT_NEAR(metrics["serving.max_concurrency"].get<double>(), tokens / 8192, 1e-9);
  EXPECT_EQ(f["answer"]["users"].get<double>(), std::floor(tokens / 8192));
  EXPECT_EQ(orrery({"run", path("f.yaml"), "-q"}).code, kExitWell);
}

TEST_F(AskCommand, WrongWordsNameTheirOption) {
  EXPECT_THAT(refused({}), HasSubstr("goal"));
  EXPECT_THAT(refused({"--tpot", "fast"}), HasSubstr("--tpot fast: expected a time such as 50ms or 5s"));
  EXPECT_THAT(refused({"--tpot", "20ms", "--users", "3", "--rate", "3"}), HasSubstr("--users or --rate, not both"));
  EXPECT_THAT(refused({"--tpot", "20ms", "--attainment", "2"}), HasSubstr("--attainment 2: expected a number"));
  EXPECT_THAT(refused({"--tpot", "20ms", "--pareto", "a,b"}), HasSubstr("--pareto: there is no metric"));
  EXPECT_THAT(refused({"--tpot", "20ms", "--save", path("no/a.yaml")}), HasSubstr("can't write"));
  EXPECT_THAT(refused({"--tpot", "20ms", "--json", path("no/a.json")}), HasSubstr("can't write"));
  EXPECT_THAT(refused({"--tpot", "20ms", "--save", path("x"), "--json", path("x")}),
              HasSubstr("two outputs can't go to the same place"));
}

TEST_F(AskCommand, NamesThatAreNoneGetTheNearest) {
  const auto error = [](const std::vector<std::string>& args) {
    const Outcome outcome = orrery(args);
    EXPECT_EQ(outcome.code, kExitInput) << outcome.out;
    return outcome.err;
  };
  EXPECT_THAT(error({"ask", "fit", "--model", "llama-3.1-9b", "--context", "8k"}), HasSubstr("llama-3.1-8b"));
  EXPECT_THAT(error({"ask", "fit", "--model", "llama-3.1-8b", "--gpu", "h1000", "--context", "8k"}), HasSubstr("h100"));
  EXPECT_THAT(error({"ask", "fit", "--model", "llama-3.1-8b"}), HasSubstr("--context"));
  EXPECT_THAT(error({"ask", "fit", "--model", "llama-3.1-8b", "--context", "8k", "--input", "3"}),
              HasSubstr("--input"));
}

}  // namespace
}  // namespace orrery::scenarios::testing
