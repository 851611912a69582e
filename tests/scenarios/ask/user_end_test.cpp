// Where a search for users ends: lax goals are answered soon, and by what binds.
#include "scenarios/ask/user_end.hpp"

#include <cmath>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "scenarios/ask/answer.hpp"
#include "scenarios/ask/binding.hpp"
#include "scenarios/ask/names.hpp"
#include "scenarios/kinds.hpp"
#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class AskedUserEnd : public FolderTest {
 protected:
  explicit AskedUserEnd(const std::string& gpu = "h100") {
    question_.model = find_asked_model("llama-3.1-8b", "");
    question_.gpus = {find_asked_gpu(gpu)};
    question_.context = 2048;
    question_.input.mean = 1000.0;
    question_.output.mean = 100.0;
    question_.tpot = Seconds{0.05};
  }
  [[nodiscard]] UserEnd end(const AskedEngine& engine) const {
    const std::string text = serve_text(question_);
    return end_of_users(question_, engine, {text, "ask", {}, {serving_kind().metrics()}}, text);
  }
  json answer_of(const std::vector<std::string>& more, int code = kExitWell) const {
    std::vector<std::string> args = {"ask",  "serve",  "--model", "llama-3.1-8b", "--input",
                                     "1000", "--json", "-",       "--gpu",        "h100"};
    args.insert(args.end(), more.begin(), more.end());
    const Outcome outcome = orrery(args);
    EXPECT_EQ(outcome.code, code) << outcome.err;
    return json::parse(outcome.out, nullptr, false);
  }
  ServeQuestion question_;
};

TEST_F(AskedUserEnd, IsWhatRunsAtOnceWhereNothingLimitsTheWait) {
  // vLLM's default on 80 GB of an H100 is 1,024 sequences; fp8 weights leave 475,376 tokens, which hold fewer prompts.
  const UserEnd large = end({question_.gpus[0], 8, 1, ""});
  EXPECT_EQ(large.users, 1024);
  EXPECT_EQ(large.by, UserEnd::By::sequences);
  EXPECT_THAT(describe(large, 1),
              HasSubstr("max_num_seqs 1024 lets no more run at once; further users would only wait"));
  const UserEnd small = end({question_.gpus[0], 1, 1, ""});
  EXPECT_EQ(small.by, UserEnd::By::memory);
  EXPECT_LT(small.users, 475);
  EXPECT_GT(small.users, 300);
  EXPECT_THAT(describe(small, 2), AllOf(HasSubstr("KV memory holds the prompts of no more than "),
                                        HasSubstr(" at once of each replica; further users would only wait")));
}

TEST_F(AskedUserEnd, IsTwoForEachThatRunsWhereTtftMayBeMoreThanAnyoneWaits) {
  question_.ttft = Seconds{30.0};
  EXPECT_EQ(end({question_.gpus[0], 1, 1, ""}).users, 0) << "the limit ends it";
  question_.ttft = Seconds{1000.0};
  const UserEnd large = end({question_.gpus[0], 8, 1, ""});
  EXPECT_EQ(large.users, 2048);
  EXPECT_EQ(large.by, UserEnd::By::search);
  EXPECT_EQ(describe(large, 2),
            "nothing up to 4,096 users, where the search ends: 1,024 of each replica run at once (max_num_seqs 1024), "
            "the others wait");
}

// What can run at once is what the KV cache holds, where that is less than max_num_seqs: the tokens by the engine's own
// report of one request over 1,000 + 100.
TEST_F(AskedUserEnd, CountsThoseThatTheKvCacheHolds) {
  question_.ttft = Seconds{1000.0};
  const UserEnd found = end({question_.gpus[0], 1, 1, ""});
  const std::string text = serve_text(question_);
  const PointRunner runner(text, "ask", {}, {serving_kind().metrics()});
  const SearchPoint one = runner.run(starting_keys({question_.gpus[0], 1, 1, ""}));
  const double tokens = kept_value(runner.kept(), one, "serving.kv_cache_tokens").value();
  const auto held = static_cast<std::int64_t>(std::floor(tokens / 1100.0));
  ASSERT_LT(held, 1024);
  EXPECT_EQ(found.at_once, held);
  EXPECT_EQ(found.users, 2 * held) << "no more than twice as many as run at once";
  EXPECT_EQ(found.by, UserEnd::By::search);
  EXPECT_EQ(found.held_by, UserEnd::By::memory);
  EXPECT_EQ(describe(found, 1),
            fmt::format("nothing up to {} users, where the search ends: {} run at once (KV memory holds no more of "
                        "1,100 tokens), the others wait",
                        2 * held, held));
}

TEST_F(AskedUserEnd, IsNotKnownOfAnEngineThatCannotBe) {
  EXPECT_EQ(end({question_.gpus[0], 3, 1, ""}).users, 0) << "32 heads on 3 GPUs";
}

TEST_F(AskedUserEnd, LimitsThatNothingBreaksAreAnsweredByWhatBinds) {
  const json ttft = answer_of({"--output", "100", "--ttft", "1000s", "--tp", "1"});
  EXPECT_THAT(
      ttft["binding"].get<std::string>(),
      AllOf(HasSubstr("where the search ends"), HasSubstr("run at once (KV memory holds no more of 1,100 tokens)")));
  EXPECT_LE(ttft["answer"]["users"].get<double>(),
            2.0 * std::floor(ttft["answer"]["metrics"]["serving.kv_cache_tokens"].get<double>() / 1100.0));
  // 12 doublings of two formats, and one run each of what an engine holds.
  EXPECT_LE(ttft["runs"].get<int>(), 28);
  const json tpot = answer_of({"--output", "100", "--tpot", "24h", "--tp", "8"});
  EXPECT_EQ(tpot["answer"]["users"], 1024);
  EXPECT_THAT(tpot["binding"].get<std::string>(), HasSubstr("max_num_seqs 1024 lets no more run at once"));
}

TEST_F(AskedUserEnd, OfSeveralReplicasIsThatOfEach) {
  const json answer = answer_of({"--output", "100", "--tpot", "24h", "--tp", "4", "--gpus", "8"});
  EXPECT_EQ(answer["answer"]["replicas"], 2);
  EXPECT_EQ(answer["answer"]["users"], 2048);
  EXPECT_THAT(answer["binding"].get<std::string>(), HasSubstr("of each replica"));
}

TEST_F(AskedUserEnd, OneTokenHasNoTpotAndIsSaidTo) {
  const json answer = answer_of({"--output", "1", "--tpot", "50ms", "--tp", "1"});
  EXPECT_LE(answer["answer"]["users"].get<int>(), 1024);
  EXPECT_THAT(answer["binding"].get<std::string>(), HasSubstr("further users would only wait"));
  const auto said = [&](const std::string& output) {
    return orrery({"ask", "serve", "--model", "llama-3.1-8b", "--input", "1000", "--gpu", "h100", "--tp", "1", "--tpot",
                   "20ms", "--ttft", "1s", "--output", output})
        .out;
  };
  EXPECT_THAT(said("1"), HasSubstr("--tpot does not bind: TPOT is the time per token after the first"));
  EXPECT_THAT(said("2"), Not(HasSubstr("--tpot does not bind")));
}

/// Plans with more replicas than one, of engines that do not start.
int many_that_cannot(const json& answer) {
  int count = 0;
  for (const json& plan : answer["plans"]) {
    const bool fits = plan["metrics"].value("memory.fits", 0.0) > 0.5;
    EXPECT_TRUE(fits || plan["replicas"] == 1) << plan;
    count += fits ? 0 : 1;
  }
  return count;
}

TEST_F(AskedUserEnd, EnginesThatDoNotStartArePlansOfOneReplica) {
  const auto of_70b = [&](const std::vector<std::string>& more, int code) {
    std::vector<std::string> args = {"--model", "llama-3.1-70b", "--output", "100", "--ttft", "2s"};
    args.insert(args.end(), more.begin(), more.end());
    args.insert(args.begin(), {"ask", "serve", "--input", "1000", "--json", "-"});
    const Outcome outcome = orrery(args);
    EXPECT_EQ(outcome.code, code) << outcome.err;
    return json::parse(outcome.out, nullptr, false);
  };
  // 70 B parameters in 16 bit are 141 GB: 1, 2 and 4 cards of 24 GB hold none of them.
  EXPECT_GT(many_that_cannot(of_70b({"--gpu", "rtx_4090", "--users", "20"}, kExitWell)), 2);
  EXPECT_GT(many_that_cannot(of_70b({"--gpu", "h100", "--rate", "5"}, kExitWell)), 0);
  EXPECT_GT(many_that_cannot(of_70b({"--gpu", "h100", "--gpus", "64"}, kExitWell)), 0);
}

}  // namespace
}  // namespace orrery::scenarios::testing
