// Several jobs on one cluster, several steps, and events: as they run, are expected and are reported.
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "hardware/config/config.hpp"
#include "scenarios/comparison.hpp"
#include "scenarios/explanation.hpp"
#include "scenarios/job_sections.hpp"
#include "scenarios/kinds.hpp"
#include "scenarios/report.hpp"
#include "scenarios/schema.hpp"
#include "scenarios/sections.hpp"
#include "scenarios/serving/job.hpp"
#include "scenarios/training/job.hpp"
#include "tests/scenarios/fixture.hpp"
#include "tests/scenarios/two_jobs.hpp"

namespace orrery::scenarios::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(Steps, AreReadWithOneAsTheDefault) {
  EXPECT_EQ(spec_of<TrainingSpec>(read(std::string(kHead) + kOneJob).jobs[0]).steps, 1);
  const std::string three = replaced(std::string(kHead) + kOneJob, "size: 64", "size: 64, steps: 3");
  EXPECT_EQ(read(three).jobs[0].spec->repeats(), 3);
  EXPECT_THAT(error_of(replaced(three, "steps: 3", "steps: 0")), AllOf(HasSubstr("two.yaml:6:"), HasSubstr("'steps'")));
}

TEST(ExpectationsOfJobs, SayWhichJobTheyAreOf) {
  const std::string expect = "expect:\n  - {metric: jobs.learn.training.mfu, value: 0.4, tolerance: 90 %, source: s}\n";
  EXPECT_EQ(error_of(std::string(kHead) + kJobs + expect), "");
  EXPECT_THAT(error_of(std::string(kHead) + kJobs + replaced(expect, "jobs.learn.", "")),
              AllOf(HasSubstr("two.yaml:14:"), HasSubstr("is of no job"), HasSubstr("learn, chat")));
  EXPECT_THAT(error_of(std::string(kHead) + kJobs + replaced(expect, "learn", "lern")),
              HasSubstr("there is no job 'lern'"));
  EXPECT_THAT(error_of(small_scenario() + expect), HasSubstr("has no jobs:"));
}

TEST(MetricNames, OfJobsAreThoseOfTheirKind) {
  EXPECT_EQ(metric_unit("jobs.a.training.step_time_s"), Unit::seconds);
  EXPECT_EQ(metric_unit("jobs.a.memory.stages.3.peak_bytes"), Unit::bytes);
  EXPECT_FALSE(metric_unit("jobs.a.training.step_time").has_value());
  EXPECT_FALSE(metric_unit("jobs.a").has_value());
  EXPECT_EQ(job_of("jobs.a.training.mfu"), "a");
  EXPECT_EQ(own_name("jobs.a.training.mfu"), "training.mfu");
  EXPECT_EQ(job_of("training.mfu"), "");
  EXPECT_EQ(own_name("training.mfu"), "training.mfu");
  EXPECT_EQ(direction("jobs.a.training.mfu"), Direction::more_is_better);
}

class NamedJob : public FolderTest {
 protected:
  static Report run() { return run_scenario(read(std::string(kHead) + kOneJob), {true, false}); }
};

TEST_F(NamedJob, HasTheFiguresOfTheSameJobWithoutAName) {
  const Report named = run();
  const std::string section = replaced(kOneJob, "jobs:\n  - name: learn\n    ", "");
  const Report alone = run_scenario(read(std::string(kHead) + section));
  ASSERT_EQ(named.metrics.size(), alone.metrics.size());
  for (const MetricValue& value : alone.metrics) {
    EXPECT_EQ(named.find_metric("jobs.learn." + value.name), value.value) << value.name;
    EXPECT_FALSE(named.find_metric(value.name).has_value()) << value.name;
  }
}

TEST_F(NamedJob, StandsInJobsOfTheJsonReport) {
  const Report report = run();
  const nlohmann::ordered_json json = nlohmann::ordered_json::parse(to_json({report}));
  ASSERT_EQ(json["jobs"].size(), 1U);
  EXPECT_EQ(json["jobs"][0]["name"], "learn");
  EXPECT_EQ(json["jobs"][0]["kind"], "training");
  EXPECT_EQ(json["jobs"][0]["training"]["step_time_s"], report.metric("jobs.learn.training.step_time_s"));
  EXPECT_FALSE(json["jobs"][0]["memory"]["stages"].empty());
  EXPECT_FALSE(json.contains("training"));
  EXPECT_EQ(json["scenario"]["jobs"][0]["training"]["global_batch_size"], 64);
  EXPECT_EQ(json["scenario"]["jobs"][0]["model"]["name"], "gpt2-124m");
  EXPECT_FALSE(json["scenario"].contains("model"));
}

TEST_F(NamedJob, IsNamedInTextCsvAndExplanation) {
  const Report report = run();
  std::ostringstream text;
  write_text(text, report);
  EXPECT_THAT(text.str(), AllOf(HasSubstr("Job learn: training"), HasSubstr("step time"), Not(HasSubstr(" - \n"))));
  const std::string csv = to_csv({report});
  EXPECT_THAT(csv.substr(0, csv.find('\n')),
              AllOf(HasSubstr(",jobs.learn.training.mfu,"), Not(HasSubstr(",training."))));
  const Explanation explanation(report);
  const ExplainNode node = explanation.of("jobs.learn.training.mfu");
  EXPECT_EQ(node.title, "jobs.learn.training.mfu");
  EXPECT_DOUBLE_EQ(node.value, report.metric("jobs.learn.training.mfu"));
  EXPECT_FALSE(node.parts.empty());
}

TEST_F(NamedJob, IsComparedByItsNames) {
  const std::string a = write("a.yaml", std::string(kHead) + kOneJob);
  const std::string b = write("b.yaml", replaced(std::string(kHead) + kOneJob, "size: 64", "size: 128"));
  ASSERT_EQ(orrery({"run", a, "-q", "--json", path("a.json")}).code, kExitWell);
  const Outcome outcome = orrery({"compare", path("a.json"), b});
  EXPECT_EQ(outcome.code, kExitWell) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("jobs.learn.training.step_time_s"));
  EXPECT_EQ(orrery({"explain", a, "--metric", "jobs.learn.training.mfu"}).code, kExitWell);
}

TEST_F(NamedJob, ChangesIncludeThoseOfPartsAndOfNames) {
  const Report report = run();
  const std::vector<MetricChange> changes = compare_reports(report, report);
  EXPECT_EQ(changes.size(), report.metrics.size());
}

TEST(SeveralJobs, RunOnOneClusterAndAreReportedByName) {
  const Report report = run_scenario(read(std::string(kHead) + kJobs));
  EXPECT_EQ(report.reading, "flows");
  ASSERT_EQ(report.results.size(), 2U);
  EXPECT_GT(report.metric("jobs.learn.training.step_time_s"), 0.0);
  EXPECT_EQ(report.metric("jobs.chat.serving.requests"), 40.0);
  EXPECT_FALSE(report.links.empty());
  // The load begins at 2 s, and nobody shares anything with it: it is served as if it were alone.
  const std::string alone =
      replaced(std::string(kHead) + kJobs,
               "  - name: learn\n    training: {sequence_length: 1024, global_batch_size: 64, data_parallel: 8}\n", "");
  const Report chat = run_scenario(read(replaced(alone, "    start: 2 s\n    until: 60 s\n", "")));
  EXPECT_NEAR(report.metric("jobs.chat.serving.ttft_s.mean"), chat.metric("jobs.chat.serving.ttft_s.mean"), 1e-9);
  EXPECT_NEAR(report.metric("jobs.chat.serving.e2e_s.p99"), chat.metric("jobs.chat.serving.e2e_s.p99"), 1e-9);
}

TEST(SeveralSteps, TakeAsLongAsOneWhereNothingHappens) {
  const std::string one = std::string(kHead) + kOneJob;
  const Report single = run_scenario(read(one));
  const Report three = run_scenario(read(replaced(one, "size: 64", "size: 64, steps: 3")));
  EXPECT_EQ(find_training(three)->repeated_steps.size(), 3U);
  EXPECT_DOUBLE_EQ(three.metric("jobs.learn.training.step_time_s"), single.metric("jobs.learn.training.step_time_s"));
}

TEST(AnEvent, SlowsTheStepsUnderIt) {
  const std::string one = std::string(kHead) + kOneJob;
  const double usual = run_scenario(read(one)).metric("jobs.learn.training.step_time_s");
  const Report slow = run_scenario(read(one + "events:\n  - {at: 0 s, gpu: 3, scale: 0.5}\n"));
  EXPECT_GT(slow.metric("jobs.learn.training.step_time_s"), 1.5 * usual);
}

TEST(BadRuns, AreToldAtTheirPlaceOrAsAFinding) {
  const auto run_error = [](const std::string& text) {
    try {
      (void)run_scenario(read(text));
      return std::string();
    } catch (const hardware::ConfigError& error) {
      return std::string(error.what());
    }
  };
  const std::string one = std::string(kHead) + kOneJob;
  // With every other error of the scenario.
  EXPECT_THAT(
      error_of(one + "events:\n  - {at: 0 s, link: node0.nic9.out, scale: 0.5}\n  - {at: 1 s, gpu: 99, scale: 1}\n"),
      AllOf(HasSubstr("two.yaml:8:"), HasSubstr("node0.nic9.out"), HasSubstr("two.yaml:9:")));
  EXPECT_THAT(run_error(one + "events:\n  - {at: 900 s, gpu: 0, scale: 0.5}\n"),
              AllOf(HasSubstr("two.yaml:8:"), HasSubstr("after the end")));
  const Report down = run_scenario(read(one + "events:\n  - {at: 0 s, link: node0.nic1.out, down: true}\n"));
  ASSERT_FALSE(down.findings.empty());
  EXPECT_EQ(down.findings.front().kind, "disturbed");
  EXPECT_THAT(down.findings.front().message, HasSubstr("node0.nic1.out"));
  EXPECT_TRUE(down.has_findings());
}

TEST(BadJobs, ThatOverlapOrDoNotFit) {
  const std::string both = std::string(kHead) + kJobs;
  EXPECT_THAT(error_of(replaced(both, "first_node: 1", "first_node: 0")),
              AllOf(HasSubstr("two.yaml:11:46:"), HasSubstr("GPU 0"), HasSubstr("'learn'")));
  EXPECT_THAT(error_of(replaced(both, "data_parallel: 8}", "data_parallel: 16}\n    placement: {first_node: 1}")),
              AllOf(HasSubstr("two.yaml:7:29:"), HasSubstr("does not fit")));
}

TEST(ResolvedScenario, HasPlacementEventsAndSteps) {
  Report report;
  report.scenario = read(
      std::string(kHead) + kJobs +
      "events:\n  - {at: 10 s, until: 20 s, link: node1.nic0.out, scale: 0.5}\n  - {at: 1 s, gpu: 3, down: true}\n");
  const nlohmann::ordered_json json = nlohmann::ordered_json::parse(to_json({report}))["scenario"];
  EXPECT_EQ(json["jobs"][1]["start_s"], 2.0);
  EXPECT_EQ(json["jobs"][1]["until_s"], 60.0);
  EXPECT_EQ(json["jobs"][1]["placement"]["order"].dump(), R"(["tp","pp"])");
  EXPECT_FALSE(json["jobs"][0].contains("placement"));
  EXPECT_EQ(json["events"][0].dump(), R"({"at_s":10.0,"until_s":20.0,"link":"node1.nic0.out","scale":0.5})");
  EXPECT_EQ(json["events"][1].dump(), R"({"at_s":1.0,"gpu":3,"down":true})");
}

}  // namespace
}  // namespace orrery::scenarios::testing
