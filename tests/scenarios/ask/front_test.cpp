// Plans that no other beats: --pareto of ask.
#include "scenarios/ask/front.hpp"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kPrice = "cost.usd_per_million_output_tokens";
constexpr const char* kUser = "serving.output_tokens_per_s_per_user";

const std::vector<std::string> kTwo = {"ask", "serve",   "--model", "llama-3-8b", "--gpu", "l40s",   "--gpus",
                                       "2",   "--input", "500",     "--output",   "40",    "--tpot", "30ms"};

std::vector<std::string> with(std::vector<std::string> args, const std::vector<std::string>& more) {
  args.insert(args.end(), more.begin(), more.end());
  return args;
}

class AskFront : public FolderTest {};

TEST_F(AskFront, IsOfWholePlansThatHoldAndNoOtherBeats) {
  const std::string objectives = std::string(kPrice) + "," + kUser;
  const Outcome outcome = orrery(with(kTwo, {"--pareto", objectives, "--json", "-"}));
  ASSERT_EQ(outcome.code, kExitWell) << outcome.err;
  const json answer = json::parse(outcome.out);
  EXPECT_EQ(answer["pareto"],
            (json{"least cost.usd_per_million_output_tokens", "most serving.output_tokens_per_s_per_user"}));
  const auto figure = [](const json& plan, const char* metric) { return plan["metrics"][metric].get<double>(); };
  int on = 0;
  for (const json& plan : answer["plans"]) {
    const bool able = plan["holds"].get<bool>() && !plan.contains("findings");
    if (plan["holds"].get<bool>()) {
      EXPECT_FALSE(plan.contains("metrics_of_replicas")) << plan["replicas"];
    }
    bool beaten = !able;
    for (const json& other : answer["plans"]) {
      if (!able || !other["holds"].get<bool>() || other.contains("findings")) continue;
      const double price = figure(plan, kPrice), user = figure(plan, kUser);
      const double price_there = figure(other, kPrice), user_there = figure(other, kUser);
      const bool no_worse = price_there <= price && user_there >= user;
      beaten = beaten || (no_worse && (price_there < price || user_there > user));
    }
    EXPECT_EQ(plan["pareto"].get<bool>(), !beaten) << plan.dump(1);
    on += beaten ? 0 : 1;
  }
  EXPECT_GE(on, 1);
}

TEST_F(AskFront, LeavesTheAnswerAsItIsWithoutIt) {
  const json plain = json::parse(orrery(with(kTwo, {"--json", "-"})).out);
  const json marked =
      json::parse(orrery(with(kTwo, {"--json", "-", "--pareto", std::string(kPrice) + "," + kUser})).out);
  EXPECT_EQ(plain["answer"], marked["answer"]);
  EXPECT_EQ(plain["binding"], marked["binding"]);
  EXPECT_EQ(plain["scenario"], marked["scenario"]);
  ASSERT_EQ(plain["plans"].size(), marked["plans"].size());
  for (std::size_t i = 0; i < plain["plans"].size(); ++i) {
    EXPECT_FALSE(plain["plans"][i].contains("pareto"));
    EXPECT_EQ(plain["plans"][i]["users"], marked["plans"][i]["users"]);
  }
}

TEST_F(AskFront, IsMarkedInTheTableWhereverItStands) {
  const Outcome outcome = orrery(with(kTwo, {"--pareto", std::string(kPrice) + "," + kUser}));
  ASSERT_EQ(outcome.code, kExitWell) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("Pareto front of least cost.usd_per_million_output_tokens, most "
                                     "serving.output_tokens_per_s_per_user: "));
  const json answer =
      json::parse(orrery(with(kTwo, {"--json", "-", "--pareto", std::string(kPrice) + "," + kUser})).out);
  std::size_t on = 0, marks = 0;
  for (const json& plan : answer["plans"]) on += plan["pareto"].get<bool>() ? 1 : 0;
  for (std::size_t at = outcome.out.find(kOnTheFront); at != std::string::npos;
       at = outcome.out.find(kOnTheFront, at + 1)) {
    ++marks;
  }
  EXPECT_EQ(marks, on);
}

TEST_F(AskFront, OfWhatFitsIsOfRoomAndPrice) {
  const Outcome outcome =
      orrery({"ask", "fit", "--model", "llama-3.1-8b", "--gpu", "l40s,h100,l4", "--context", "8K", "--users", "50",
              "--pareto", "serving.max_concurrency,memory.weights_bytes", "--json", "-"});
  ASSERT_EQ(outcome.code, kExitWell) << outcome.err;
  const json answer = json::parse(outcome.out);
  // The GPU with the most room for sequences can't be beaten in it.
  double most = 0.0;
  for (const json& plan : answer["plans"]) {
    most = std::max(most, plan["metrics"]["serving.max_concurrency"].get<double>());
  }
  for (const json& plan : answer["plans"]) {
    if (plan["metrics"]["serving.max_concurrency"].get<double>() == most) {
      EXPECT_TRUE(plan["pareto"].get<bool>());
    }
  }
}

TEST_F(AskFront, NeedsTwoMetricsOfServing) {
  EXPECT_EQ(orrery(with(kTwo, {"--pareto", kPrice})).err, "orrery: --pareto: a front is of two metrics or more: a,b\n");
  EXPECT_THAT(orrery(with(kTwo, {"--pareto", "serving.tpot_s.p98,cost.usd"})).err,
              AllOf(HasSubstr("--pareto: there is no metric 'serving.tpot_s.p98'"), HasSubstr("serving.tpot_s.p9")));
  EXPECT_EQ(orrery(with(kTwo, {"--pareto", "training.mfu,cost.usd"})).err,
            "orrery: --pareto: an answer is of serving, and training.mfu is not\n");
  EXPECT_EQ(orrery(with(kTwo, {"--pareto", "training.mfu,cost.usd"})).code, kExitInput);
}

TEST_F(AskFront, HoldsNothingWhereNothingHolds) {
  const Outcome outcome =
      orrery({"ask", "serve", "--model", "llama-3-8b", "--gpu", "l40s", "--gpus", "1", "--input", "500", "--output",
              "100", "--tpot", "1ms", "--pareto", std::string(kPrice) + "," + kUser});
  EXPECT_EQ(outcome.code, kExitFinding) << outcome.err;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr(": 0 of "), Not(HasSubstr(kOnTheFront))));
}

}  // namespace
}  // namespace orrery::scenarios::testing
