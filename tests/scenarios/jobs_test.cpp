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
#include "tests/scenarios/two_jobs.hpp"

namespace orrery::scenarios::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

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
              HasSubstr("the job 'idle' needs a training: or a serving: or a collective: section"));
  EXPECT_THAT(error_of(std::string(kHead) + kOneJob + "    serving: {load: {rate: 1}}\n"),
              HasSubstr("the job 'learn' has a training: or a serving: or a collective: section, not both"));
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
  EXPECT_THAT(error_of(replaced(both, "start: 2 s", "start: 1e9 s")),
              AllOf(HasSubstr("two.yaml:8:12:"), HasSubstr("'start'"), HasSubstr("213 days"), Not(HasSubstr("until"))));
  EXPECT_THAT(error_of(replaced(both, "until: 60 s", "until: 1e9 s")),
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
                                 "  - {at: 10 s, until: 20 s, link: node1.nic0.out, scale: 0.5}\n"
                                 "  - {at: 1 min, gpu: 15, down: true}\n");
  ASSERT_EQ(scenario.events.size(), 2U);
  const Event &slow = scenario.events[0], &dead = scenario.events[1];
  EXPECT_DOUBLE_EQ(slow.at.value(), 10.0);
  EXPECT_DOUBLE_EQ(slow.until.value_or(Seconds{0.0}).value(), 20.0);
  EXPECT_EQ(slow.link, "node1.nic0.out");
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

}  // namespace
}  // namespace orrery::scenarios::testing
