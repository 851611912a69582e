// Steps of a job that are repeated while things happen: their summary, and those under each event.
#include "scenarios/training/steps.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using ::testing::HasSubstr;

Event event(double at, std::optional<double> until = std::nullopt) {
  Event made;
  made.at = Seconds{at};
  if (until) made.until = Seconds{*until};
  made.gpu = 0;
  made.scale = 0.5;
  return made;
}

TEST(Steps, AreSummedUp) {
  const StepsSummary steps =
      summarise_steps({{Seconds{4.0}}, {Seconds{1.0}}, {Seconds{3.0}}, {Seconds{2.0}}}, Seconds{0.0}, {});
  EXPECT_EQ(steps.count, 4U);
  EXPECT_EQ(steps.first, Seconds{4.0});
  EXPECT_EQ(steps.median, Seconds{2.0}) << "the lower of two";
  EXPECT_EQ(steps.last, Seconds{2.0});
  EXPECT_EQ(steps.shortest, Seconds{1.0});
  EXPECT_EQ(steps.longest, Seconds{4.0});
  EXPECT_EQ(steps.spread(), Seconds{3.0});
  EXPECT_TRUE(steps.events.empty());
}

TEST(Steps, AreUnderAnEventIfSomePartOfThemIs) {
  // From 10 s on: [10, 12), [12, 15), [15, 16).
  const std::vector<models::RepeatedSteps> steps = {{Seconds{2.0}}, {Seconds{3.0}}, {Seconds{1.0}}};
  const std::vector<Event> events = {event(0.0, 10.0), event(0.0, 10.5), event(12.0, 15.0), event(14.0), event(16.0)};
  const StepsSummary summary = summarise_steps(steps, Seconds{10.0}, events);
  ASSERT_EQ(summary.events.size(), 5U);
  const std::size_t counts[] = {0, 1, 1, 2, 0};
  const double means[] = {0.0, 2.0, 3.0, 2.0, 0.0};
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(summary.events[i].event, &events[i]);
    EXPECT_EQ(summary.events[i].count, counts[i]) << i;
    EXPECT_DOUBLE_EQ(summary.events[i].mean.value(), means[i]) << i;
  }
}

TEST(Steps, OfOneEntryCountEach) {
  // [0, 2), a thousand from 2 s to 3,002 s, [3002, 3006).
  const std::vector<models::RepeatedSteps> steps = {{Seconds{2.0}}, {Seconds{3.0}, 1000}, {Seconds{4.0}}};
  const std::vector<Event> events = {event(0.0, 2.0), event(1.0, 3005.0), event(3002.0)};
  const StepsSummary summary = summarise_steps(steps, Seconds{0.0}, events);
  EXPECT_EQ(summary.count, 1002U);
  EXPECT_EQ(summary.median, Seconds{3.0});
  EXPECT_EQ(summary.events[0].count, 1U);
  EXPECT_EQ(summary.events[1].count, 1002U);
  EXPECT_DOUBLE_EQ(summary.events[1].mean.value(), 3006.0 / 1002.0);
  EXPECT_EQ(summary.events[2].count, 1U);
}

const char* const kTwo =
    "scenario: two\n"
    "model: gpt2-124m\n"
    "cluster: {node: dgx_a100, nodes: 2, fabric: rail_fat_tree_hdr}\n"
    "jobs:\n"
    "  - name: one\n"
    "    training: {sequence_length: 1024, global_batch_size: 64, data_parallel: 8, steps: 3}\n"
    "  - name: other\n"
    "    placement: {first_node: 1}\n"
    "    training: {sequence_length: 1024, global_batch_size: 64, data_parallel: 8, steps: 3}\n"
    "events:\n"
    "  - {at: 0 s, until: 1 ms, gpu: 2, scale: 0.5}\n"
    "  - {at: 2 ms, gpu: 9, scale: 0.5}\n";

TEST(Steps, StandInTheReportOfEachJob) {
  const Report report = run_scenario(parse_scenario(kTwo, "two.yaml"));
  const nlohmann::ordered_json json = nlohmann::ordered_json::parse(to_json({report}));
  const auto& one = json["jobs"][0]["training"]["steps"];
  const auto& other = json["jobs"][1]["training"]["steps"];
  EXPECT_GE(one["count"], 3);
  EXPECT_GT(one["first_s"], one["last_s"]) << "only its first step was slowed";
  EXPECT_EQ(one["longest_s"], one["first_s"]);
  EXPECT_EQ(one["spread_s"].get<double>(), one["longest_s"].get<double>() - one["shortest_s"].get<double>());
  ASSERT_EQ(one["events"].size(), 2U);
  EXPECT_EQ(one["events"][0]["gpu"], 2);
  EXPECT_EQ(one["events"][0]["until_s"], 0.001);
  EXPECT_EQ(one["events"][0]["steps"], 1);
  EXPECT_EQ(one["events"][0]["mean_s"], one["first_s"]);
  EXPECT_EQ(one["events"][1]["scale"], 0.5);
  EXPECT_EQ(one["events"][1]["steps"], one["count"]) << "it began during the first step and lasts";
  EXPECT_GT(other["last_s"].get<double>(), 1.5 * one["last_s"].get<double>());
  std::ostringstream text;
  write_text(text, report);
  EXPECT_THAT(text.str(), HasSubstr("in all: first "));
  EXPECT_THAT(text.str(), HasSubstr("under GPU 2 at 0.5, from 0 s to 1.000 ms: 1 of "));
  EXPECT_THAT(text.str(), HasSubstr("under GPU 9 at 0.5, from 2.000 ms on: "));
}

// So that an expectation can hold what an event did to a step.
TEST(Steps, AreMetricsThatAnExpectationCanName) {
  const Report report = run_scenario(parse_scenario(kTwo, "two.yaml"));
  const StepsSummary one = steps_of(job_views(report).front());
  EXPECT_EQ(report.find_metric("jobs.one.training.steps.first_s"), one.first.value());
  EXPECT_EQ(report.find_metric("jobs.one.training.steps.median_s"),
            report.find_metric("jobs.one.training.step_time_s"));
  EXPECT_EQ(report.find_metric("jobs.one.training.steps.spread_s"), one.spread().value());
  const Report single = run_scenario(parse_scenario(small_scenario(), "small.yaml"));
  EXPECT_EQ(single.find_metric("training.steps.first_s"), std::nullopt);
}

TEST(Steps, OfAJobThatEndsBeforeItsFirstAreAFindingThatNamesIt) {
  const std::string text = replaced(kTwo, "  - name: other\n", "  - name: other\n    until: 1 us\n");
  const Report report = run_scenario(parse_scenario(text, "two.yaml"));
  ASSERT_EQ(report.findings.size(), 1U);
  EXPECT_THAT(report.findings[0].message, HasSubstr("job other: it ended before its first step did"));
}

TEST(Steps, ThatTheEndOfTheJobCutsOffAreCounted) {
  const std::string one =
      "scenario: one\n"
      "model: gpt2-124m\n"
      "cluster: {node: dgx_a100}\n"
      "jobs:\n"
      "  - name: learn\n"
      "    until: 1 h\n"
      "    training: {sequence_length: 1024, global_batch_size: 64, steps: 4}\n";
  const auto json_of = [](const Report& report) {
    return nlohmann::ordered_json::parse(to_json({report}))["jobs"][0]["training"]["steps"];
  };
  const Report whole = run_scenario(parse_scenario(one, "one.yaml"));
  EXPECT_EQ(json_of(whole)["count"], 4);
  EXPECT_FALSE(json_of(whole).contains("asked"));
  EXPECT_TRUE(whole.notes.empty());
  const double step = whole.metric("jobs.learn.training.step_time_s");
  for (const auto& [steps, done] : std::vector<std::pair<double, int>>{{1.5, 1}, {2.0, 2}, {3.999, 3}}) {
    const Report cut = run_scenario(
        parse_scenario(replaced(one, "until: 1 h", fmt::format("until: {:.12f} s", steps * step)), "one.yaml"));
    EXPECT_EQ(json_of(cut)["count"], done) << steps;
    EXPECT_EQ(json_of(cut)["asked"], 4) << steps;
    std::ostringstream text;
    write_text(text, cut);
    EXPECT_THAT(text.str(), HasSubstr(fmt::format("{} of 4 steps were done when the job ended at", done)));
    EXPECT_THAT(text.str(), HasSubstr(fmt::format("{} of the 4 asked for: first", done)));
    EXPECT_FALSE(cut.has_findings());
  }
}

TEST(Steps, AreNotSpokenOfWhereThereIsOneAndNothingHappens) {
  const Report report = run_scenario(parse_scenario(small_scenario(), "small.yaml"));
  const nlohmann::ordered_json json = nlohmann::ordered_json::parse(to_json({report}));
  EXPECT_FALSE(json["training"].contains("steps"));
  std::ostringstream text;
  write_text(text, report);
  EXPECT_THAT(text.str(), ::testing::Not(HasSubstr("\nSteps\n")));
}

}  // namespace
}  // namespace orrery::scenarios::testing
