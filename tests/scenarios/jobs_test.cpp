// Reading several jobs on one cluster, events and placement: what is filled in, and each mistake at its place.
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

namespace orrery::scenarios::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

const char* const kHead =
    "scenario: two\n"
    "model: gpt2-124m\n"
    "cluster: {node: dgx_a100, nodes: 2, fabric: rail_fat_tree_hdr}\n";

const char* const kJobs =
    "jobs:\n"
    "  - name: learn\n"
    "    training: {sequence_length: 1024, global_batch_size: 64, data_parallel: 8}\n"
    "  - name: chat\n"
    "    start: 2 s\n"
    "    until: 60 s\n"
    "    model: llama-3-8b\n"
    "    placement: {order: [tp, pp], first_node: 1}\n"
    "    serving: {load: {rate: 4, requests: 40, input: 128, output: 32}}\n";

const char* const kOneJob =
    "jobs:\n"
    "  - name: learn\n"
    "    training: {sequence_length: 1024, global_batch_size: 64}\n";

Scenario read(const std::string& text) { return parse_scenario(text, "two.yaml"); }

std::string error_of(const std::string& text) {
  try {
    (void)read(text);
    return "";
  } catch (const hardware::ConfigError& error) {
    return error.what();
  }
}

TEST(Jobs, AreReadWithWhatIsTheirOwnAndWhatTheyShare) {
  const Scenario scenario = read(std::string(kHead) + kJobs);
  ASSERT_EQ(scenario.jobs.size(), 2U);
  const Job &learn = scenario.jobs[0], &chat = scenario.jobs[1];
  EXPECT_EQ(learn.name, "learn");
  EXPECT_EQ(learn.kind, find_kind("training"));
  EXPECT_EQ(learn.model, "gpt2-124m");
  EXPECT_EQ(spec_of<TrainingSpec>(learn).job.llm.name, "gpt2-124m");
  EXPECT_DOUBLE_EQ(learn.start.value(), 0.0);
  EXPECT_FALSE(learn.until.has_value());
  EXPECT_EQ(learn.placement, PlacementConfig{});
  EXPECT_EQ(chat.kind, find_kind("serving"));
  EXPECT_EQ(chat.model, "llama-3-8b");
  EXPECT_EQ(spec_of<ServingSpec>(chat).job.llm.name, "llama-3-8b");
  EXPECT_EQ(spec_of<ServingSpec>(chat).job.cluster.gpu_count(), 16);
  EXPECT_DOUBLE_EQ(chat.start.value(), 2.0);
  EXPECT_DOUBLE_EQ(chat.until.value_or(Seconds{0.0}).value(), 60.0);
  EXPECT_THAT(chat.placement.order, ElementsAre("tp", "pp"));
  EXPECT_EQ(chat.placement.first_node, 1);
  EXPECT_EQ(chat.prefix(), "jobs.chat.");
  EXPECT_EQ(chat.span.line, 7);
}

TEST(Jobs, ReadThePlacementOfTheClusterUnlessTheyHaveTheirOwn) {
  const std::string placed = replaced(std::string(kHead) + kJobs, "fabric: rail_fat_tree_hdr",
                                      "fabric: rail_fat_tree_hdr, placement: {order: [dp], spread: 2}");
  const Scenario scenario = read(placed);
  EXPECT_THAT(scenario.jobs[0].placement.order, ElementsAre("dp"));
  EXPECT_EQ(scenario.jobs[0].placement.spread, 2);
  EXPECT_EQ(scenario.jobs[1].placement.spread, 2);  // what its own mapping leaves out
  EXPECT_THAT(scenario.jobs[1].placement.order, ElementsAre("tp", "pp"));
}

TEST(Jobs, AreReachedByOverridesAndVariants) {
  const Scenario scenario =
      parse_scenario(std::string(kHead) + kJobs + "variants:\n  - {name: late, set: {jobs.1.start: 5 s}}\n", "two.yaml",
                     {{"jobs.0.training.global_batch_size", "128"}});
  EXPECT_EQ(spec_of<TrainingSpec>(scenario.jobs[0]).job.config.global_batch_size, 128);
  EXPECT_DOUBLE_EQ(scenario.variants.at(0).jobs[1].start.value(), 5.0);
}

TEST(Jobs, NameTheFilesOfAllOfThem) {
  const std::vector<std::string> files = input_files(read(std::string(kHead) + kJobs));
  EXPECT_THAT(files, ::testing::IsSupersetOf({"gpt2-124m/config.json", "llama-3-8b/config.json"}));
}

TEST(BadJobs, WithASectionBesideThem) {
  const std::string error =
      error_of(std::string(kHead) + kJobs + "training: {sequence_length: 8, global_batch_size: 8}\n");
  EXPECT_THAT(error, AllOf(HasSubstr("two.yaml:13:"), HasSubstr("jobs: or a training: section, not both")));
}

TEST(BadJobs, None) {
  EXPECT_THAT(error_of(std::string(kHead) + "jobs: []\n"),
              AllOf(HasSubstr("two.yaml:4:7"), HasSubstr("at least one"), HasSubstr("training|serving")));
  EXPECT_THAT(error_of(std::string(kHead) + "jobs: {name: a}\n"), HasSubstr("at least one"));
}

TEST(BadJobs, TheSameNameTwice) {
  const std::string error = error_of(replaced(std::string(kHead) + kJobs, "name: chat", "name: learn"));
  EXPECT_THAT(error, AllOf(HasSubstr("two.yaml:7:"), HasSubstr("the job 'learn' is there twice")));
}

TEST(BadJobs, NamesThatDifferOnlyInCase) {
  // Their traces would be one file where file systems don't tell 'learn' from 'Learn'.
  const std::string error = error_of(replaced(std::string(kHead) + kJobs, "name: chat", "name: Learn"));
  EXPECT_THAT(error, AllOf(HasSubstr("two.yaml:7:"), HasSubstr("'Learn' differs from 'learn' only in case")));
}

TEST(BadJobs, NoNameOrOneWithDots) {
  EXPECT_THAT(error_of(replaced(std::string(kHead) + kJobs, "name: chat", "name: a.b")),
              HasSubstr("'a.b' is no name of a job"));
  EXPECT_THAT(error_of(replaced(std::string(kHead) + kJobs, "- name: chat\n    start", "- start")),
              HasSubstr("'name'"));
}

TEST(BadJobs, AnUnknownKeyIsToldWithTheNearest) {
  const std::string error = error_of(replaced(std::string(kHead) + kJobs, "until: 60 s", "untill: 60 s"));
  EXPECT_THAT(error, AllOf(HasSubstr("two.yaml:9:"), HasSubstr("untill"), HasSubstr("until")));
}

TEST(BadJobs, NoSectionOrTwo) {
  EXPECT_THAT(error_of(std::string(kHead) + "jobs:\n  - name: idle\n"),
              HasSubstr("the job 'idle' needs a training: or a serving: section"));
  EXPECT_THAT(error_of(std::string(kHead) + kOneJob + "    serving: {load: {rate: 1}}\n"),
              HasSubstr("the job 'learn' has a training: or a serving: section, not both"));
}

TEST(BadJobs, NoModelAnywhere) {
  const std::string text = replaced(std::string(kHead) + kJobs, "model: gpt2-124m\n", "");
  EXPECT_THAT(error_of(text), AllOf(HasSubstr("the job 'learn' needs a model:"), Not(HasSubstr("'chat'"))));
}

TEST(BadJobs, EndBeforeTheirStart) {
  EXPECT_THAT(error_of(replaced(std::string(kHead) + kJobs, "until: 60 s", "until: 2 s")),
              AllOf(HasSubstr("two.yaml:9:"), HasSubstr("'until' is not after 'start'")));
  EXPECT_NE(error_of(replaced(std::string(kHead) + kJobs, "start: 2 s", "start: -2 s")), "");
}

TEST(BadJobs, MomentsBeyondTheClockAreToldAtTheirPlace) {
  const std::string both = std::string(kHead) + kJobs;
  EXPECT_THAT(error_of(replaced(both, "start: 2 s", "start: 1e12 s")),
              AllOf(HasSubstr("two.yaml:8:12:"), HasSubstr("'start'"), HasSubstr("213 days"), Not(HasSubstr("until"))));
  EXPECT_THAT(error_of(replaced(both, "until: 60 s", "until: 1e12 s")),
              AllOf(HasSubstr("two.yaml:9:12:"), HasSubstr("'until'"), HasSubstr("213 days")));
  // The clock counts to 2^64 ps = 18446744.07 s.
  EXPECT_EQ(error_of(replaced(both, "until: 60 s", "until: 18446744 s")), "");
  EXPECT_NE(error_of(replaced(both, "until: 60 s", "until: 18446744.1 s")), "");
}

TEST(BadJobs, WhatAModelFindsIsToldAtTheJobsKey) {
  const std::string error = error_of(replaced(std::string(kHead) + kJobs, "data_parallel: 8", "tensor_parallel: 7"));
  EXPECT_THAT(error, AllOf(HasSubstr("two.yaml:6:"), HasSubstr("jobs.0.training.")));
}

TEST(BadPlacement, AnUnknownAxisOrOneTwice) {
  EXPECT_THAT(error_of(replaced(std::string(kHead) + kJobs, "[tp, pp]", "[tp, ep]")),
              AllOf(HasSubstr("two.yaml:11:"), HasSubstr("unknown axis 'ep'"), HasSubstr("tp, dp, pp")));
  EXPECT_THAT(error_of(replaced(std::string(kHead) + kJobs, "[tp, pp]", "[tp, pp, tp]")),
              HasSubstr("the axis 'tp' is named twice"));
}

TEST(BadPlacement, ANodeThatIsNotThere) {
  EXPECT_THAT(error_of(replaced(std::string(kHead) + kJobs, "first_node: 1", "first_node: 2")),
              HasSubstr("'first_node'"));
  EXPECT_THAT(error_of(replaced(std::string(kHead) + kJobs, "first_node: 1", "spread: 0")), HasSubstr("'spread'"));
  EXPECT_THAT(error_of(replaced(std::string(kHead) + kJobs, "first_node: 1", "corner: 0")), HasSubstr("corner"));
}

TEST(Events, AreReadWithTheirTimes) {
  const Scenario scenario = read(std::string(kHead) + kJobs +
                                 "events:\n"
                                 "  - {at: 10 s, until: 20 s, link: leaf_up, scale: 0.5}\n"
                                 "  - {at: 1 min, gpu: 15, down: true}\n");
  ASSERT_EQ(scenario.events.size(), 2U);
  const Event &slow = scenario.events[0], &dead = scenario.events[1];
  EXPECT_DOUBLE_EQ(slow.at.value(), 10.0);
  EXPECT_DOUBLE_EQ(slow.until.value_or(Seconds{0.0}).value(), 20.0);
  EXPECT_EQ(slow.link, "leaf_up");
  EXPECT_FALSE(slow.gpu.has_value());
  EXPECT_DOUBLE_EQ(slow.scale, 0.5);
  EXPECT_EQ(slow.span.line, 14);
  EXPECT_DOUBLE_EQ(dead.at.value(), 60.0);
  EXPECT_FALSE(dead.until.has_value());
  EXPECT_EQ(dead.gpu, 15);
  EXPECT_TRUE(dead.down);
  EXPECT_DOUBLE_EQ(dead.scale, 0.0);
}

std::string event_error(const std::string& event) {
  return error_of(std::string(kHead) + kOneJob + "events:\n  - " + event + "\n");
}

TEST(BadEvents, AreToldAtTheirPlace) {
  EXPECT_THAT(event_error("{at: 1 s, scale: 0.5}"),
              AllOf(HasSubstr("two.yaml:8:"), HasSubstr("needs a gpu: or a link:")));
  EXPECT_THAT(event_error("{at: 1 s, gpu: 1, link: nic, scale: 0.5}"), HasSubstr("a gpu or a link, not both"));
  EXPECT_THAT(event_error("{at: 1 s, gpu: 1}"), HasSubstr("needs scale:"));
  EXPECT_THAT(event_error("{at: 1 s, gpu: 1, scale: 0.5, down: true}"), HasSubstr("not both"));
  EXPECT_THAT(event_error("{at: 1 s, gpu: 1, down: false}"), HasSubstr("only ever true"));
  EXPECT_THAT(event_error("{at: 5 s, until: 5 s, gpu: 1, scale: 0.5}"), HasSubstr("'until' is not after 'at'"));
  EXPECT_THAT(event_error("{at: 1 s, gpu: 1, scale: -0.5}"), HasSubstr("'scale'"));
  EXPECT_THAT(event_error("{at: 1 s, gpu: 16, scale: 0.5}"), HasSubstr("'gpu'"));
  EXPECT_THAT(event_error("{gpu: 1, scale: 0.5}"), HasSubstr("'at'"));
  EXPECT_THAT(event_error("{at: 1 s, gpu: 1, scale: 0.5, forever: true}"), HasSubstr("forever"));
  EXPECT_THAT(error_of(std::string(kHead) + kOneJob + "events: {at: 1 s}\n"), HasSubstr("events must be a list"));
}

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
  EXPECT_THAT(run_error(one + "events:\n  - {at: 0 s, link: node0.nic9.out, scale: 0.5}\n"),
              AllOf(HasSubstr("two.yaml:8:"), HasSubstr("node0.nic9.out")));
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
  report.scenario =
      read(std::string(kHead) + kJobs +
           "events:\n  - {at: 10 s, until: 20 s, link: leaf_up, scale: 0.5}\n  - {at: 1 s, gpu: 3, down: true}\n");
  const nlohmann::ordered_json json = nlohmann::ordered_json::parse(to_json({report}))["scenario"];
  EXPECT_EQ(json["jobs"][1]["start_s"], 2.0);
  EXPECT_EQ(json["jobs"][1]["until_s"], 60.0);
  EXPECT_EQ(json["jobs"][1]["placement"]["order"].dump(), R"(["tp","pp"])");
  EXPECT_FALSE(json["jobs"][0].contains("placement"));
  EXPECT_EQ(json["events"][0].dump(), R"({"at_s":10.0,"until_s":20.0,"link":"leaf_up","scale":0.5})");
  EXPECT_EQ(json["events"][1].dump(), R"({"at_s":1.0,"gpu":3,"down":true})");
}

}  // namespace
}  // namespace orrery::scenarios::testing
