// Keys without effect at a point: one value stands for all, whichever way the scenario says that there is none.
#include "scenarios/search/distinct_points.hpp"

#include <cstdlib>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "models/experts/exchange.hpp"
#include "scenarios/search/journal.hpp"
#include "scenarios/search/point.hpp"
#include "scenarios/search/relaxed_keys.hpp"
#include "tests/scenarios/fixture.hpp"
#include "tests/scenarios/search/small_search.hpp"

namespace orrery::scenarios::testing {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

struct Points {
  std::vector<std::string> words, left_out;
};

Points points_of(const std::string& text, const std::vector<SweepAxis>& axes) {
  const DistinctPoints points = distinct_points(*hardware::parse_config(text, "s.yaml"), axes);
  Points result{{}, points.left_out};
  for (std::size_t i = 0; i < points.rows.count; ++i) result.words.push_back(words_of(points.rows.at(i)));
  return result;
}

const SweepAxis kRanks{"training.expert_parallel", {"1", "8"}};
const SweepAxis kExchanges{"training.expert_exchange", {"all_to_all", "flex"}};
const SweepAxis kSms{"training.expert_exchange_sms", {"0", "24"}};

TEST(DistinctPoints, LeaveOutAnExchangeOfOneRankAndSmsThatNoExchangeTakes) {
  const Points points = points_of("training: {}\n", {kRanks, kExchanges, kSms});
  // Of 2 x 2 x 2: one rank exchanges nothing; all_to_all lets nobody choose its SMs.
  EXPECT_THAT(
      points.words,
      ElementsAre("training.expert_parallel=1", "training.expert_parallel=8 training.expert_exchange=all_to_all",
                  "training.expert_parallel=8 training.expert_exchange=flex training.expert_exchange_sms=0",
                  "training.expert_parallel=8 training.expert_exchange=flex training.expert_exchange_sms=24"));
  EXPECT_THAT(points.left_out,
              ElementsAre("training.expert_exchange where training.expert_parallel=1: 2 points",
                          "training.expert_exchange_sms where training.expert_exchange=all_to_all: 1 point",
                          "training.expert_exchange_sms where training.expert_parallel=1: 1 point"));
}

TEST(DistinctPoints, ComeToTheSameWhicheverAxisRunsFastest) {
  EXPECT_THAT(
      points_of("training: {}\n", {kExchanges, kRanks}).words,
      ElementsAre("training.expert_parallel=1", "training.expert_exchange=all_to_all training.expert_parallel=8",
                  "training.expert_exchange=flex training.expert_parallel=8"));
}

TEST(DistinctPoints, KnowWhatTheScenarioSaysAndWhatHoldsWhereItDoesNot) {
  // One rank is the default; eight are said to be.
  EXPECT_THAT(points_of("training: {}\n", {kExchanges}).words, ElementsAre(""));
  EXPECT_THAT(points_of("training: {expert_parallel: 1}\n", {kExchanges}).words, ElementsAre(""));
  EXPECT_EQ(points_of("training: {expert_parallel: 8}\n", {kExchanges}).words.size(), 2U);
  // Of two values of recompute that leave layers without a meaning one is the default.
  const SweepAxis layers{"training.recompute_layers", {"1", "2"}};
  EXPECT_EQ(points_of("training: {}\n", {layers}).words.size(), 1U);
  EXPECT_EQ(points_of("training: {recompute: selective}\n", {layers}).words.size(), 1U);
  EXPECT_EQ(points_of("training: {recompute: full}\n", {layers}).words.size(), 2U);
}

TEST(DistinctPoints, AreAllWhereEveryAxisHasAnEffect) {
  const Points points = points_of(
      "training: {}\n", {{"training.tensor_parallel", {"1", "2"}}, {"training.micro_batch_size", {"1", "2"}}});
  EXPECT_EQ(points.words.size(), 4U);
  EXPECT_THAT(points.left_out, IsEmpty());
}

TEST(DistinctPoints, AreThoseOfTheSameJob) {
  const char* const jobs = "jobs:\n  - {name: a, training: {expert_parallel: 8}}\n  - {name: b, training: {}}\n";
  EXPECT_EQ(points_of(jobs, {{"jobs.a.training.expert_exchange", {"all_to_all", "flex"}}}).words.size(), 2U);
  EXPECT_EQ(points_of(jobs, {{"jobs.b.training.expert_exchange", {"all_to_all", "flex"}}}).words.size(), 1U);
  EXPECT_THAT(points_of(jobs, {{"jobs.b.training.expert_parallel", {"1", "8"}},
                               {"jobs.1.training.expert_exchange", {"all_to_all", "flex"}}})
                  .words,
              ElementsAre("jobs.b.training.expert_parallel=1",
                          "jobs.b.training.expert_parallel=8 jobs.1.training.expert_exchange=all_to_all",
                          "jobs.b.training.expert_parallel=8 jobs.1.training.expert_exchange=flex"));
}

TEST(DistinctPoints, OfAnAxisThatSetsAWholeSectionAreAll) {
  const SweepAxis sections{"training", {"{expert_parallel: 1}", "{expert_parallel: 8}"}};
  EXPECT_EQ(points_of("scenario: s\n", {sections, kExchanges}).words.size(), 4U) << "the section may say anything";
}

// What is left out has the figures of what stands for it: the rows claim it, a run of each shows it.
TEST(DistinctPoints, EveryRowOfTheTableIsSoInARun) {
  const std::string training =
      "scenario: s\nmodel: gpt2-124m\ncluster: {node: dgx_a100}\ntraining: {sequence_length: 1024, global_batch_size: "
      "64}\n";
  const std::string serving =
      "scenario: s\nmodel: gpt2-124m\ncluster: {node: dgx_a100}\nserving:\n  load: {arrivals: closed_loop, "
      "concurrency: "
      "4, requests: 20, input: 50, output: 5}\n";
  const auto values_of = [](std::string_view key) -> std::vector<std::string> {
    if (key == "training.expert_exchange") return {"all_gather", "flex"};
    if (key == "serving.router") return {"round_robin", "least_requests"};
    return {"true", "false"};
  };
  int rows = 0;
  for (const RelaxedKey& row : relaxed_key_rows()) {
    if (!row.becomes.empty()) continue;  // any other value is refused there
    ++rows;
    const std::string& text = row.key.substr(0, 8) == "training" ? training : serving;
    std::vector<std::string> reports;
    for (const std::string& value : values_of(row.follows)) {
      const Scenario scenario = parse_scenario(
          text, "s.yaml", {{std::string(row.key), std::string(row.value)}, {std::string(row.follows), value}});
      Report report = run_scenario(scenario);
      json whole = json::parse(to_json_without_engine({report}));
      whole.erase("scenario");
      reports.push_back(whole.dump());
    }
    EXPECT_EQ(reports[0], reports[1]) << row.follows;
  }
  EXPECT_GE(rows, 4);
}

// Mixtral's experts on one rank or eight, by two exchanges: three points, and a report of which says why.
class SweepOfExchanges : public FolderTest {
 protected:
  [[nodiscard]] std::string file() const {
    return write("s.yaml",
                 "scenario: s\nmodel: {config: mixtral-8x7b, layers: 1}\ncluster: {node: dgx_h100}\n"
                 "training: {sequence_length: 128, global_batch_size: 8}\n"
                 "sweep:\n  training.expert_parallel: [1, 8]\n  training.expert_exchange: [all_to_all, flex]\n");
  }
};

// What an interrupted sweep left of such points is known again: its fingerprint is theirs, and so are its keys.
TEST_F(SweepOfExchanges, IsTakenUpWithThePointsThatSetFewerKeys) {
  const PointForm form{{kRanks, kExchanges}, speed_and_price(), {}};
  const SearchPoint alone = point_of(1.0, 2.0, {{"training.expert_parallel", "1", "sweep"}});
  const SearchPoint both =
      point_of(3.0, 4.0, {{"training.expert_parallel", "8", "sweep"}, {"training.expert_exchange", "flex", "sweep"}});
  for (const auto& [kind, name] : {std::pair{JournalForm::csv, "g.csv"}, {JournalForm::json, "g.json"}}) {
    Journal journal(path(name), kind, form, "print");
    journal.add(form, alone);
    journal.add(form, both);
    journal.close();
    const FinishedPoints finished = read_journal(path(name), kind, form, "print");
    ASSERT_EQ(finished.size(), 2U) << name;
    EXPECT_EQ(finished.at("training.expert_parallel=1").values, alone.values);
    EXPECT_EQ(finished.at("training.expert_parallel=8 training.expert_exchange=flex").values, both.values);
  }
}

TEST_F(SweepOfExchanges, HasOneRowOfOneRank) {
  const Outcome outcome = orrery({"sweep", file(), "--json", path("r.json"), "--csv", path("r.csv")});
  ASSERT_EQ(outcome.code, kExitWell) << outcome.err;
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr(" training.expert_parallel=1\n"), Not(HasSubstr("expert_parallel=1 training")),
                    HasSubstr("Note: without effect: training.expert_exchange where "
                              "training.expert_parallel=1: 1 point left out\n")));
  const json report = json::parse(read_file(path("r.json")));
  ASSERT_EQ(report["points"].size(), 3U);
  EXPECT_EQ(report["points"][0]["set"], json::parse(R"({"training.expert_parallel": "1"})"));
  EXPECT_EQ(report["left_out"],
            json::parse(R"(["training.expert_exchange where training.expert_parallel=1: 1 point"])"));
  const std::string csv = read_file(path("r.csv"));
  EXPECT_THAT(csv, HasSubstr("\n1,,8,")) << "the cell of an axis without effect is empty";
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 4);
}

}  // namespace
}  // namespace orrery::scenarios::testing
