// Answers in words and in JSON, of plans whose figures are given.
#include "scenarios/ask/answer_words.hpp"

#include <map>
#include <sstream>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "scenarios/ask/names.hpp"
#include "scenarios/kinds.hpp"

namespace orrery::scenarios {
namespace {

using nlohmann::json;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

class AnswerWordsTest : public ::testing::Test {
 protected:
  AnswerWordsTest() {
    question_.model = find_asked_model("llama-3.1-8b", "");
    question_.gpus = {find_asked_gpu("h100")};
    question_.context = 4096;
    question_.input.mean = 1000.0;
    question_.output.mean = 100.0;
    question_.tpot = Seconds{0.05};
    question_.attainment = 0.95;
    answer_.kept = {serving_kind().metrics()};
    answer_.binding = "TPOT: as it is";
  }
  AskedPlan& add(std::int64_t users, bool holds, const std::map<std::string, double>& figures) {
    AskedPlan& plan = answer_.plans.emplace_back();
    plan.engine = {question_.gpus[0], 1, 1, ""};
    plan.users = users;
    plan.holds = holds;
    for (const MetricRow& row : answer_.kept.rows) {
      const auto found = figures.find(row.name);
      plan.point.values.push_back(found != figures.end() ? found->second : 0.0);
    }
    return plan;
  }
  [[nodiscard]] AnswerWords words() const { return serve_words(question_, answer_); }
  [[nodiscard]] static std::string printed(const AnswerWords& words, const std::string& scenario = "") {
    std::ostringstream out;
    write_answer(out, words, scenario);
    return out.str();
  }

  ServeQuestion question_;
  Answer answer_;
};

TEST_F(AnswerWordsTest, HeadlineHasUsersPlanAndPrice) {
  add(16, true, {{"cost.usd_per_million_output_tokens", 1.5}});
  EXPECT_EQ(words().headline, "16 users at once on 1 x h100_sxm: 1 x TP 1, 1.500 USD per million output tokens");
  answer_.plans[0].users = 1;
  EXPECT_THAT(words().headline, StartsWith("1 user at once on"));
  question_.rate = 2.5;
  EXPECT_THAT(words().headline, StartsWith("2.5 requests/s on"));
  EXPECT_EQ(words().question,
            "1000 + 100 tokens a request, 4,096 of context; TPOT 50.00 ms for 95.00 % of the requests");
}

TEST_F(AnswerWordsTest, WithoutALimitOnTtftTheQueueIsSpokenOf) {
  add(16, true, {{"serving.ttft_s.p99", 12.0}});
  EXPECT_THAT(words().facts, Contains(HasSubstr("no limit on TTFT was given: its p99 is 12.00 s")));
  question_.ttft = Seconds{5.0};
  EXPECT_THAT(words().facts, Not(Contains(HasSubstr("no limit on TTFT"))));
}

TEST_F(AnswerWordsTest, WhereNothingHoldsTheNearestAndItsShareAreNamed) {
  add(1, false, {{"serving.slo_attainment", 0.5}}).point.findings = {{"slo_missed", "", false}};
  EXPECT_EQ(words().headline, "no plan holds it; the nearest is 1 x h100_sxm: 1 x TP 1, within the limits for 50.00 %");
  EXPECT_THAT(words().facts, Contains("in the way: TPOT: as it is"));
  EXPECT_THAT(words().rows.front().remarks, Contains("slo missed"));
  answer_.plans.clear();
  EXPECT_EQ(words().headline, "there is no plan to try");
  EXPECT_THAT(words().rows, IsEmpty());
}

TEST_F(AnswerWordsTest, PlansThatCannotBeSayWhy) {
  add(1, false, {}).point.reason = "ask:3:4: 8 doesn't divide 12";
  EXPECT_THAT(words().rows.front().remarks, ElementsAre("can't be: 8 doesn't divide 12"));
}

TEST_F(AnswerWordsTest, FiguresOfARunThatEndedEarlyAreNotShown) {
  AskedPlan& plan = add(3, false, {{"serving.ttft_s.p99", 12.0}});
  EXPECT_EQ(words().rows.front().cells[2], "12.00 s");
  plan.point.given_up = true;
  EXPECT_EQ(words().rows.front().cells[2], "-");
}

TEST_F(AnswerWordsTest, PlansThatWereNotAskedOnAreMarked) {
  add(64, true, {});
  AskedPlan& left = add(48, true, {});
  left.left = true;
  EXPECT_EQ(words().rows[0].cells[1], "64");
  EXPECT_EQ(words().rows[1].cells[1], "~48");
  EXPECT_THAT(words().footnote, StartsWith("~: what one replica holds"));
}

TEST_F(AnswerWordsTest, DatasheetsAndMemoryNearItsLimitAreMarked) {
  AskedPlan& plan = add(8, true, {{"memory.capacity_bytes", 80e9}, {"memory.margin_bytes", 1e6}});
  plan.engine.gpu.measured = false;
  EXPECT_THAT(words().facts, Contains("datasheet figures only: no kernel of h100_sxm was measured"));
  EXPECT_THAT(words().rows.front().remarks, ElementsAre("datasheet only", "memory uncertain"));
}

TEST_F(AnswerWordsTest, FitsOfAnotherBoardWithTheSameChipAreMarked) {
  AskedPlan& plan = add(8, true, {});
  plan.engine.gpu.fits_of = "h200_sxm";
  EXPECT_THAT(words().facts, Contains(HasSubstr("are timed by the fits of h200_sxm, which has the same chip")));
  EXPECT_THAT(words().rows.front().remarks, ElementsAre("fits of h200_sxm"));
}

TEST_F(AnswerWordsTest, TenPlansAreShownAndThoseOfTheFront) {
  for (int i = 0; i < 14; ++i) add(100 - i, true, {});
  EXPECT_THAT(printed(words()), HasSubstr("  ... and 4 more (--json)\n"));
  answer_.front = ParetoFront{{{"cost.usd", false}, {"serving.requests_per_s", true}}, std::vector<bool>(14, false)};
  answer_.front->has[0] = answer_.front->has[12] = true;
  const std::string text = printed(words());
  EXPECT_THAT(text, HasSubstr("  ... and 3 more (--json)\n"));
  EXPECT_THAT(text, HasSubstr("  Pareto front of least cost.usd, most serving.requests_per_s: 2 of 14 plans\n"));
  EXPECT_THAT(words().rows[12].remarks, ElementsAre("on the Pareto front"));
  EXPECT_TRUE(words().rows[12].on_front);
  EXPECT_FALSE(words().rows[11].on_front);
}

TEST_F(AnswerWordsTest, ApiIsComparedByPricePerRequestAndUtilisation) {
  // 10 requests/s of 1,000 + 100 tokens; an H100 at its price an hour.
  add(8, true,
      {{"serving.requests_per_s", 10.0},
       {"serving.input_tokens_per_s", 10'000.0},
       {"serving.output_tokens_per_s", 1'000.0},
       {"serving.prefix_hit_rate", 0.25}});
  question_.api = ApiPrice{0.1, 1.0, 10.0};
  const std::optional<ApiComparison> api = compare_api(answer_, question_);
  ASSERT_TRUE(api);
  // 250 cached at 0.1, 750 at 1 and 100 at 10 USD per million: 25 + 750 + 1,000 millionths.
  EXPECT_NEAR(api->api_per_request, 1775e-6, 1e-12);
  EXPECT_NEAR(api->own_per_request, question_.gpus[0].price / 36'000.0, 1e-12);
  EXPECT_NEAR(api->break_even(), question_.gpus[0].price / 36'000.0 / 1775e-6, 1e-9);
  question_.api = ApiPrice{0.0, 0.0, 0.0};
  EXPECT_FALSE(compare_api(answer_, question_)) << "nothing is cheaper than nothing";
  question_.api.reset();
  EXPECT_FALSE(compare_api(answer_, question_));
}

TEST_F(AnswerWordsTest, JsonHasWhatWasAskedAndEachPlan) {
  question_.api.reset();
  question_.gpu_count = 4;
  AskedPlan& whole = add(64, true, {{"serving.requests_per_s", 3.0}});
  whole.replicas = 4;
  whole.point.set = {{"serving.replicas", "4", "ask"}};
  AskedPlan& part = add(48, true, {});
  part.replicas = 4;
  part.left = true;
  add(0, false, {}).point.given_up = true;
  const json answer = json::parse(serve_json(question_, answer_));
  EXPECT_EQ(answer["ask"], "serve");
  EXPECT_EQ(answer["question"]["gpus"], 4);
  EXPECT_EQ(answer["question"]["input"], json::parse(R"({"mean": 1000})"));
  EXPECT_EQ(answer["question"]["attainment"], 0.95);
  EXPECT_FALSE(answer["question"].contains("ttft_s"));
  EXPECT_EQ(answer["answer"]["metrics"]["serving.requests_per_s"], 3.0);
  EXPECT_FALSE(answer["plans"][0].contains("metrics_of_replicas"));
  EXPECT_EQ(answer["plans"][1]["metrics_of_replicas"], 1);
  EXPECT_TRUE(answer["plans"][1]["users_estimated"].get<bool>());
  EXPECT_FALSE(answer["plans"][2].contains("users"));
  EXPECT_TRUE(answer["plans"][2]["metrics"].empty());
  EXPECT_FALSE(answer["plans"][0].contains("pareto"));
  answer_.front = ParetoFront{{{"cost.usd", false}}, {true, false, false}};
  const json marked = json::parse(serve_json(question_, answer_));
  EXPECT_TRUE(marked["plans"][0]["pareto"].get<bool>());
  EXPECT_EQ(marked["pareto"], json::parse(R"(["least cost.usd"])"));
}

TEST_F(AnswerWordsTest, PlansOfALoadThatMissAreSaidToHaveHadNoMoreMoneyThanTheFirst) {
  question_.rate = 20.0;
  add(0, true, {{"memory.fits", 1.0}});
  EXPECT_EQ(words().footnote, "");
  add(0, false, {}).point.findings = {{"out_of_memory", "", false}};
  EXPECT_EQ(words().footnote, "") << "no number of them starts";
  add(0, false, {{"memory.fits", 1.0}}).point.findings = {{"slo_missed", "", false}};
  EXPECT_THAT(words().footnote, StartsWith("plans that miss had no more GPUs than the first one's money buys"));
  question_.rate = 0.0;
  EXPECT_EQ(words().footnote, "") << "users are counted, not given";
}

TEST_F(AnswerWordsTest, MissingMemoryIsAShareOfWhatThereIs) {
  add(0, false, {{"memory.capacity_bytes", 80e9}, {"memory.margin_bytes", -40e9}});
  EXPECT_THAT(words().headline, ::testing::EndsWith(": 37.25 GiB a GPU are missing, 50.00 % of what it has"));
  answer_.plans[0].point.values[*answer_.kept.find("memory.margin_bytes")] = -200e9;
  EXPECT_THAT(fit_words(question_, answer_).headline, ::testing::EndsWith("are missing, 2.50 times what it has"));
}

TEST_F(AnswerWordsTest, FitSaysHowMuchRoomIsLeftOrHowNearItComes) {
  AskedPlan& plan = add(12, true, {{"serving.max_concurrency", 6.5}, {"memory.kv_cache_bytes", 65e9}});
  plan.replicas = 2;
  question_.users = 10;
  // 10 users on 2 replicas of 6.5 are 5 of 6.5 each: 1.5 · 10 GB are free, and 13 − 10 more fit.
  const AnswerWords words = fit_words(question_, answer_);
  EXPECT_THAT(words.headline, StartsWith("2 x h100_sxm: 2 x TP 1 hold 10 sequences of 4,096 tokens; USD/h "));
  EXPECT_THAT(words.facts, Contains("margin: 13.97 GiB a GPU, 3.00 sequences more in all"));
  EXPECT_THAT(words.facts, Contains("Maximum concurrency for 4,096 tokens per request: 6.50x a replica"));
  plan.holds = false;
  plan.point.findings = {{"out_of_memory", "too much\nby far", false}};
  const AnswerWords nearest = fit_words(question_, answer_);
  EXPECT_THAT(nearest.headline, StartsWith("nothing holds 10 sequences of 4,096 tokens; the nearest is "));
  EXPECT_THAT(nearest.facts, Contains("in the way: too much"));
  EXPECT_EQ(nearest.rows.front().cells.back(), "no");
  answer_.plans.clear();
  question_.users = 0;
  EXPECT_EQ(fit_words(question_, answer_).headline, "nothing that can be tried holds 1 sequence of 4,096 tokens");
}

TEST_F(AnswerWordsTest, ScenarioStandsBehindTheTable) {
  add(16, true, {});
  EXPECT_THAT(printed(words(), "scenario: x\n"),
              HasSubstr("\nThe scenario (--save FILE keeps it for run, explain, sweep)\nscenario: x\n"));
  EXPECT_THAT(printed(words()), Not(HasSubstr("The scenario")));
}

}  // namespace
}  // namespace orrery::scenarios
