// A job that the machine's events stop keeps what it did before, and the others go on.
#include <sstream>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "scenarios/report.hpp"
#include "scenarios/training/steps.hpp"
#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

/// Three jobs on nodes of their own.
const char* const kThree =
    "scenario: three\n"
    "model: gpt2-124m\n"
    "cluster: {node: dgx_a100, nodes: 4, fabric: rail_fat_tree_hdr}\n"
    "jobs:\n"
    "  - name: one\n"
    "    training: {sequence_length: 1024, global_batch_size: 64, data_parallel: 8, steps: 20}\n"
    "  - name: spread\n"
    "    placement: {first_node: 1}\n"
    "    training: {sequence_length: 1024, global_batch_size: 64, data_parallel: 16, steps: 20}\n"
    "  - name: chat\n"
    "    model: llama-3-8b\n"
    "    placement: {first_node: 3}\n"
    "    serving: {load: {rate: 20, requests: 40, input: 128, output: 32}}\n"
    "events:\n";

Report run(const std::string& events) { return run_scenario(parse_scenario(kThree + events, "three.yaml")); }

TEST(HaltedJobs, LeaveTheOthersAsTheyWere) {
  const Report usual = run("  - {at: 1 ms, gpu: 0, scale: 1.0}\n");
  const Report report = run("  - {at: 1 s, link: node2.nic0.out, down: true}\n");
  ASSERT_EQ(report.findings.size(), 1u);
  EXPECT_EQ(report.findings[0].kind, "disturbed");
  EXPECT_THAT(report.findings[0].message,
              AllOf(HasSubstr("job spread: the link 'node2.nic0.out' is down"), HasSubstr("(at 1"),
                    HasSubstr("its figures are of what it did before")));
  const std::vector<JobView> views = job_views(report);
  ASSERT_NE(views[1].result, nullptr);
  EXPECT_GT(steps_of(views[1]).count, 0u);
  EXPECT_LT(steps_of(views[1]).count, steps_of(views[0]).count);
  for (const char* const metric :
       {"jobs.one.training.step_time_s", "jobs.spread.training.step_time_s", "jobs.chat.serving.output_tokens_per_s"}) {
    ASSERT_TRUE(report.find_metric(metric).has_value()) << metric;
    EXPECT_DOUBLE_EQ(report.metric(metric), usual.metric(metric)) << metric;
  }
}

TEST(HaltedJobs, BeforeTheirFirstStepHaveNoFigures) {
  const Report report = run("  - {at: 0 s, link: node2.nic0.out, down: true}\n  - {at: 1 s, gpu: 0, scale: 0.5}\n");
  ASSERT_EQ(report.findings.size(), 1u);
  EXPECT_THAT(report.findings[0].message, HasSubstr("before its first step ended"));
  EXPECT_EQ(job_views(report)[1].result, nullptr);
  EXPECT_EQ(report.find_metric("jobs.spread.training.step_time_s"), std::nullopt);
  EXPECT_GT(report.metric("jobs.one.training.step_time_s"), 0.0);
  EXPECT_TRUE(report.has_findings());
  // Every form of the report leaves it out.
  const nlohmann::ordered_json json = nlohmann::ordered_json::parse(to_json({report}));
  ASSERT_EQ(json["jobs"].size(), 2u);
  EXPECT_EQ(json["jobs"][1]["name"], "chat");
  std::ostringstream text;
  write_text(text, report);
  EXPECT_THAT(text.str(), AllOf(HasSubstr("Job one: training\n\nTraining step"), HasSubstr("Finding: job spread: ")));
  EXPECT_THAT(to_csv({report}), HasSubstr("three"));
  EXPECT_THAT(to_junit({report}), HasSubstr("failure message=\"job spread: the link"));
}

TEST(HaltedJobs, MayBeEngines) {
  const Report report = run("  - {at: 1 s, gpu: 24, down: true}\n");
  ASSERT_EQ(report.findings.size(), 1u);
  EXPECT_THAT(report.findings[0].message, HasSubstr("job chat: GPU 24 is down: the job on it can't go on (at 1 s)"));
  EXPECT_LT(report.metric("jobs.chat.serving.requests"), 40.0);
  EXPECT_GT(report.metric("jobs.chat.serving.requests"), 0.0);
  EXPECT_EQ(steps_of(job_views(report)[0]).count, 20u);
}

// By one event each, or at another's end, in one moment: one after the other, and nobody waits for ever.
TEST(HaltedJobs, MayBeSeveralAtOnce) {
  const Report both = run("  - {at: 1 s, gpu: 0, down: true}\n  - {at: 1 s, gpu: 24, down: true}\n");
  ASSERT_EQ(both.findings.size(), 2u);
  EXPECT_THAT(both.findings[0].message, HasSubstr("job one: GPU 0 is down"));
  EXPECT_THAT(both.findings[1].message, HasSubstr("job chat: GPU 24 is down"));
  EXPECT_GE(steps_of(job_views(both)[1]).count, 20u);
  std::string text = std::string(kThree) + "  - {at: 1 s, gpu: 0, down: true}\n";
  text.insert(text.find("    placement: {first_node: 1}"), "    until: 1 s\n");
  const Report at_an_end = run_scenario(parse_scenario(text, "three.yaml"));
  ASSERT_FALSE(at_an_end.findings.empty());
  EXPECT_THAT(at_an_end.findings[0].message, HasSubstr("job one: GPU 0 is down"));
  for (const std::string& note : at_an_end.notes) EXPECT_THAT(note, ::testing::Not(HasSubstr("ended at 0 s")));
}

// An event after the end of a job that was meant to last longer is not its author's mistake.
TEST(HaltedJobs, AreNoReasonToRefuseLaterEvents) {
  const std::string one =
      "scenario: one\n"
      "model: gpt2-124m\n"
      "cluster: {node: dgx_a100}\n"
      "training: {sequence_length: 1024, global_batch_size: 64, steps: 100}\n"
      "events:\n"
      "  - {at: 1 s, gpu: 0, down: true}\n"
      "  - {at: 2 s, gpu: 1, scale: 0.5}\n";
  const Report report = run_scenario(parse_scenario(one, "one.yaml"));
  ASSERT_EQ(report.findings.size(), 1u);
  EXPECT_THAT(report.findings[0].message, StartsWith("GPU 0 is down"));
}

}  // namespace
}  // namespace orrery::scenarios::testing
