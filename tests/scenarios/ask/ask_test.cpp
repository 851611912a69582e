// Questions and their answers: the same as those of an exhaustive search.

#include <cmath>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "scenarios/ask/answer.hpp"
#include "scenarios/ask/names.hpp"
#include "scenarios/memory_verdict.hpp"
#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class Ask : public FolderTest {
 protected:
  json answer_of(std::vector<std::string> args, int code = kExitWell) {
    args.insert(args.begin(), "ask");
    args.insert(args.end(), {"--json", "-"});
    const Outcome outcome = orrery(args);
    EXPECT_EQ(outcome.code, code) << outcome.err;
    return json::parse(outcome.out, nullptr, false);
  }
};

const std::vector<std::string> kTwoL40s = {
    "serve",   "--model", "Qwen/Qwen3-32B-FP8", "--gpu", "l40s",   "--gpus", "2",      "--context", "32K",
    "--input", "2000",    "--output",           "500",   "--tpot", "50ms",   "--ttft", "5s"};

TEST_F(Ask, UsersOfTwoL40s) {
  // The sweep over 4, 8, 12, 16, 18 … clients holds 16 and misses at 18.
  const json answer = answer_of(kTwoL40s);
  EXPECT_EQ(answer["answer"]["users"], 16);
  EXPECT_EQ(answer["answer"]["tensor_parallel"], 2);
  EXPECT_EQ(answer["answer"]["weight_dtype"], "fp8");
  EXPECT_THAT(answer["binding"].get<std::string>(), HasSubstr("TPOT: with 17 users its p99 is 5"));
  EXPECT_LT(answer["runs"].get<int>(), 40);
}

TEST_F(Ask, ScenarioOfAnAnswerHoldsItAndOneMoreUserDoesNot) {
  std::vector<std::string> args = kTwoL40s;
  args.insert(args.begin(), "ask");
  args.insert(args.end(), {"--save", path("best.yaml")});
  const Outcome outcome = orrery(args);
  ASSERT_EQ(outcome.code, kExitWell) << outcome.err;
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("Answer: 16 users at once on 2 x l40s: 1 x TP 2, fp8"),
                    HasSubstr("Maximum concurrency for 32,768 tokens per request:"), HasSubstr("tensor_parallel: 2")));
  EXPECT_EQ(orrery({"run", path("best.yaml"), "-q"}).code, kExitWell);
  EXPECT_EQ(orrery({"run", path("best.yaml"), "-q", "--set", "serving.load.concurrency=17"}).code, kExitFinding);
  // It is not replaced unasked.
  EXPECT_EQ(orrery(args).code, kExitInput);
  args.emplace_back("--force");
  EXPECT_EQ(orrery(args).code, kExitWell);
}

TEST_F(Ask, CheapestOfATwentyRequestsASecond) {
  const json answer = answer_of({"serve", "--model", "llama-3.1-70b", "--gpu", "h100", "--rate", "20", "--input",
                                 "1155:0.96:7000", "--output", "211:0.77:1000", "--context", "8K", "--ttft", "1s"});
  EXPECT_EQ(answer["answer"]["gpu"], "h100_sxm");
  EXPECT_EQ(answer["answer"]["replicas"], 3);
  EXPECT_EQ(answer["answer"]["tensor_parallel"], 2);
  EXPECT_EQ(answer["answer"]["weight_dtype"], "fp8");
  EXPECT_NEAR(answer["answer"]["metrics"]["cost.usd_per_million_output_tokens"].get<double>(), 1.389, 0.001);
}

TEST_F(Ask, APlanThatHoldsARateHoldsItForTenTimesAsLong) {
  // Two B200 serve 18.6 of these 20 requests a second: their caches fill for 100 s before the first request waits.
  const json answer = answer_of({"serve", "--model", "llama-3.1-70b", "--gpu", "b200", "--rate", "20", "--input",
                                 "1155", "--output", "211", "--ttft", "1s", "--save", path("held.yaml")});
  EXPECT_EQ(answer["answer"]["replicas"], 3);
  EXPECT_EQ(orrery({"run", path("held.yaml"), "-q", "--set", "serving.load.requests=20000"}).code, kExitWell);
}

TEST_F(Ask, AnswerDoesNotDependOnThreads) {
  const std::vector<std::string> args = {"serve",   "--model", "llama-3-8b", "--gpu", "h100,l40s", "--rate", "20",
                                         "--input", "500",     "--output",   "100",   "--ttft",    "500ms"};
  std::vector<std::string> one = args, eight = args;
  one.insert(one.end(), {"-j", "1"});
  eight.insert(eight.end(), {"-j", "8"});
  EXPECT_EQ(answer_of(one), answer_of(eight));
}

TEST_F(Ask, FewestGpusAtFullLength) {
  const json seventy = answer_of({"fit", "--model", "llama-3.1-70b", "--gpu", "h100", "--context", "128K"});
  EXPECT_EQ(seventy["answer"]["gpus"], 4);
  EXPECT_EQ(seventy["answer"]["tensor_parallel"], 4);
  const json large = answer_of({"fit", "--model", "llama-3.1-405b", "--gpu", "h100", "--context", "128K"});
  EXPECT_EQ(large["answer"]["gpus"], 16);
}

TEST_F(Ask, FiveUsersAtFullLength) {
  const json answer = answer_of({"fit", "--model", "meta-llama/Llama-3.3-70B-Instruct-FP8", "--gpu", "h100,h200",
                                 "--context", "128K", "--users", "5"});
  // 2 H200 hold 4.3 sequences and 4 H100 4.9: of each kind it takes more. Which is what vLLM prints, times replicas.
  const double room = answer["answer"]["metrics"]["serving.max_concurrency"].get<double>();
  EXPECT_GE(std::floor(room) * answer["answer"]["replicas"].get<double>(), 5.0);
  EXPECT_EQ(answer["answer"]["gpus"], 4);
  EXPECT_EQ(answer["answer"]["gpu"], "h200_sxm");
}

TEST_F(Ask, MemoryNearItsLimitIsCalledUncertain) {
  const auto check = [&](const json& answer) {
    int uncertain = 0;
    for (const json& plan : answer["plans"]) {
      if (plan["metrics"].empty()) continue;
      const double margin = plan["memory"]["margin_bytes"].get<double>();
      const double capacity = plan["metrics"]["memory.capacity_bytes"].get<double>();
      EXPECT_EQ(plan["memory"]["uncertain"].get<bool>(), std::abs(margin) < kServingMemoryDoubt * capacity);
      EXPECT_EQ(plan["memory"]["verdict"] == "does_not_fit", margin < 0.0);
      uncertain += plan["memory"]["uncertain"].get<bool>() ? 1 : 0;
    }
    return uncertain;
  };
  const std::vector<std::string> fit = {"fit", "--model", "llama-3.1-70b", "--context", "4096"};
  EXPECT_GT(check(answer_of(fit)), 0);
  std::vector<std::string> args = fit;
  args.insert(args.begin(), "ask");
  EXPECT_THAT(orrery(args).out, HasSubstr("  memory uncertain"));
  (void)check(answer_of({"serve", "--model", "llama-3.1-8b", "--gpu", "l4,l40s", "--gpus", "1", "--input", "500",
                         "--output", "50", "--tpot", "200ms", "--context", "32K"}));
}

TEST_F(Ask, WhatNothingHoldsIsAFindingThatSaysHowNear) {
  const Outcome slow = orrery({"ask", "serve", "--model", "llama-3-8b", "--gpu", "l40s", "--gpus", "1", "--input",
                               "500", "--output", "100", "--tpot", "1ms"});
  EXPECT_EQ(slow.code, kExitFinding) << slow.err;
  EXPECT_THAT(slow.out, AllOf(HasSubstr("no plan holds it; the nearest is 1 x l40s"), HasSubstr("TPOT: its p99 is")));
  const Outcome small =
      orrery({"ask", "fit", "--model", "llama-3.1-405b", "--gpu", "rtx_4090", "--gpus", "8", "--context", "32K"});
  EXPECT_EQ(small.code, kExitFinding) << small.err;
  EXPECT_THAT(small.out, HasSubstr("nothing holds 1 sequence"));
}

TEST_F(Ask, GpusThatThereAreBoundTheReplicas) {
  const json answer = answer_of({"serve", "--model", "llama-3-8b", "--gpu", "l40s", "--gpus", "1", "--rate", "200",
                                 "--input", "500", "--output", "100", "--ttft", "500ms"},
                                kExitFinding);
  for (const json& plan : answer["plans"]) EXPECT_LE(plan["gpus"].get<int>(), 1);
}

TEST_F(Ask, ApiIsComparedWithIdleHoursCounted) {
  const json answer = answer_of({"serve", "--model", "llama-3-8b", "--gpu", "h100", "--gpus", "1", "--input", "1000",
                                 "--output", "100", "--tpot", "20ms", "--compare-api", "0/1/10"});
  // 1,000 tokens at 1 USD and 100 at 10 USD per million: 0.002 USD a request.
  EXPECT_NEAR(answer["api"]["usd_per_request"].get<double>(), 0.002, 1e-9);
  const json& metrics = answer["answer"]["metrics"];
  const double own =
      answer["answer"]["usd_per_hour"].get<double>() / (3600.0 * metrics["serving.requests_per_s"].get<double>());
  EXPECT_NEAR(answer["api"]["break_even_utilisation"].get<double>(), own / 0.002, 1e-6);
}

TEST_F(Ask, QuestionsThatSayTooLittleOrTooMuchAreRefused) {
  const std::vector<std::string> head = {"ask",  "serve",   "--model", "llama-3-8b", "--gpu",
                                         "h100", "--input", "500",     "--output",   "100"};
  const auto with = [&](const std::vector<std::string>& more) {
    std::vector<std::string> args = head;
    args.insert(args.end(), more.begin(), more.end());
    const Outcome outcome = orrery(args);
    EXPECT_EQ(outcome.code, kExitInput);
    return outcome.err;
  };
  EXPECT_THAT(with({}), HasSubstr("needs a goal"));
  EXPECT_THAT(with({"--tpot", "20ms", "--users", "4", "--rate", "4"}), HasSubstr("not both"));
  EXPECT_THAT(with({"--tpot", "20ms", "--context", "256"}), HasSubstr("600 tokens"));
  EXPECT_THAT(with({"--tpot", "20ms", "--context", "1M"}), HasSubstr("positions"));
  EXPECT_THAT(with({"--tpot", "20ms", "--save", "/no/such/folder/a.yaml"}), HasSubstr("no folder"));
}

TEST_F(Ask, AProfileByItsPathNeedsTheNodeThatHoldsIt) {
  ASSERT_EQ(orrery({"new", "gpu", "-o", path("mine.yaml")}).code, kExitWell);
  EXPECT_THAT(orrery({"ask", "fit", "--model", "llama-3.1-8b", "--context", "8K", "--gpu", path("mine.yaml")}).err,
              HasSubstr("mine.yaml: a GPU of your own needs the node that holds it: add --node dgx_h100 (any of orrery "
                        "list nodes), or a path (orrery new node)"));
  const AskedGpu gpu = find_asked_gpu(path("mine.yaml"), "dgx_h100");
  EXPECT_EQ(gpu.name, "mine");
  EXPECT_EQ(gpu.profile, path("mine.yaml"));
  EXPECT_EQ(gpu.per_node, 8);
  EXPECT_TRUE(gpu.measured) << "by the fits of its silicon";
  EXPECT_EQ(find_asked_gpu("", "l4_box").name, "l4");
  EXPECT_FALSE(find_asked_gpu("l4").measured);
  EXPECT_EQ(find_asked_gpu("h200", "dgx_h100").profile, "h200_sxm");
  const Outcome outcome =
      orrery({"ask", "serve", "--model", "llama-3.1-8b", "--gpu", path("mine.yaml"), "--node", "dgx_h100", "--gpus",
              "1", "--input", "1000", "--output", "100", "--tpot", "30ms", "--save", path("s.yaml")});
  EXPECT_EQ(outcome.code, kExitWell) << outcome.err;
  EXPECT_EQ(orrery({"run", path("s.yaml"), "-q"}).code, kExitWell);
}

}  // namespace
}  // namespace orrery::scenarios::testing
