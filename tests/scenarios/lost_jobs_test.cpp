// A job that an event of the machine stops before its first step: explain and compare say so as run does.
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "scenarios/explanation.hpp"
#include "scenarios/report.hpp"
#include "scenarios/serving/job.hpp"
#include "scenarios/training/job.hpp"
#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

/// Three jobs on nodes of their own; the second is lost where its network card is.
const char* const kThree =
    "scenario: three\n"
    "model: gpt2-124m\n"
    "cluster: {node: dgx_a100, nodes: 4, fabric: rail_fat_tree_hdr}\n"
    "jobs:\n"
    "  - name: one\n"
    "    training: {sequence_length: 1024, global_batch_size: 64, data_parallel: 8, steps: 2}\n"
    "  - name: spread\n"
    "    placement: {first_node: 1}\n"
    "    training: {sequence_length: 1024, global_batch_size: 64, data_parallel: 16, steps: 2}\n"
    "  - name: chat\n"
    "    model: llama-3-8b\n"
    "    placement: {first_node: 3}\n"
    "    serving: {load: {rate: 20, requests: 20, input: 128, output: 8}}\n";
const char* const kLoss = "events:\n  - {at: 0 s, link: node2.nic0.out, down: true}\n";
const char* const kWhy = "job spread: the link 'node2.nic0.out' is down";

const char* const kAlone =
    "scenario: alone\n"
    "model: gpt2-124m\n"
    "cluster: {node: dgx_a100}\n"
    "training: {sequence_length: 1024, global_batch_size: 64}\n"
    "events:\n  - {at: 0 s, gpu: 0, down: true}\n";

class LostJobs : public FolderTest {
 protected:
  [[nodiscard]] std::string lossy() const { return write("lossy.yaml", std::string(kThree) + kLoss); }
  [[nodiscard]] std::string whole() const { return write("whole.yaml", kThree); }
  [[nodiscard]] json read(const std::string& name) const { return json::parse(read_file(path(name))); }
};

TEST_F(LostJobs, LeaveTheExplanationsOfOthersInTheirPlaces) {
  const Report report = run_scenario(parse_scenario(std::string(kThree) + kLoss, "three.yaml"), Keep{true, false});
  const Explanation explanation(report);
  ASSERT_EQ(explanation.jobs().size(), 3U);
  EXPECT_EQ(explanation.jobs()[1], nullptr);
  for (const char* metric : {"jobs.one.training.step_time_s", "jobs.chat.serving.ttft_s.mean"}) {
    const ExplainNode node = explanation.of(metric);
    EXPECT_TRUE(node.has_value) << metric;
    EXPECT_DOUBLE_EQ(node.value, report.metric(metric)) << metric;
    EXPECT_FALSE(node.parts.empty()) << metric;
  }
  EXPECT_FALSE(explanation.of("jobs.spread.training.step_time_s").has_value);
}

TEST_F(LostJobs, AreNamedByExplain) {
  const Outcome outcome = orrery({"explain", lossy(), "--json", path("e.json")});
  EXPECT_EQ(outcome.code, kExitWell) << outcome.err;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("Job one\nstep time"), HasSubstr("Job chat\n20 requests"),
                                 HasSubstr(std::string("Finding: ") + kWhy), Not(HasSubstr("Job spread\n"))));
  // Each job's explanation beside its own figures.
  const json jobs = read("e.json")["jobs"];
  ASSERT_EQ(jobs.size(), 2U);
  EXPECT_EQ(jobs[0]["name"], "one");
  EXPECT_TRUE(jobs[0].contains("sensitivity"));
  EXPECT_EQ(jobs[1]["name"], "chat");
  EXPECT_TRUE(jobs[1].contains("kv_pool"));
  EXPECT_FALSE(jobs[1].contains("sensitivity"));
}

TEST_F(LostJobs, AreTheReasonWhyAFigureIsMissing) {
  const Outcome outcome = orrery({"explain", lossy(), "--metric", "jobs.spread.training.mfu"});
  EXPECT_EQ(outcome.code, kExitInput);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("has no figure 'jobs.spread.training.mfu'"), HasSubstr(kWhy)));
}

TEST_F(LostJobs, TheOnlyOneIsExplainedByItsFinding) {
  const Outcome outcome = orrery({"explain", write("alone.yaml", kAlone)});
  EXPECT_EQ(outcome.code, kExitWell) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("Finding: GPU 0 is down"));
}

TEST_F(LostJobs, AreNamedByCompareOfScenarios) {
  const Outcome outcome = orrery({"compare", whole(), lossy(), "--json", path("c.json")});
  EXPECT_EQ(outcome.code, kExitWell) << outcome.err;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr(std::string("Finding of B: ") + kWhy), Not(HasSubstr("Finding of A"))));
  const json lost = read("c.json")["lost"];
  EXPECT_THAT(lost["a"], IsEmpty());
  ASSERT_EQ(lost["b"].size(), 1U);
  EXPECT_THAT(lost["b"][0].get<std::string>(), HasSubstr(kWhy));
}

TEST_F(LostJobs, AreNamedByCompareOfSavedReports) {
  EXPECT_EQ(orrery({"run", lossy(), "-q", "--json", path("b.json")}).code, kExitFinding);
  EXPECT_EQ(orrery({"run", whole(), "-q", "--json", path("a.json")}).code, kExitWell);
  const Outcome outcome = orrery({"compare", path("b.json"), path("a.json"), "--json", path("c.json")});
  EXPECT_EQ(outcome.code, kExitWell) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr(std::string("Finding of A: ") + kWhy));
  EXPECT_EQ(read("c.json")["lost"]["a"].size(), 1U);
}

TEST_F(LostJobs, AComparisonWithoutThemSaysNothing) {
  const Outcome outcome = orrery({"compare", whole(), whole(), "--json", path("c.json")});
  EXPECT_EQ(outcome.code, kExitWell) << outcome.err;
  EXPECT_THAT(outcome.out, Not(HasSubstr("Finding")));
  EXPECT_FALSE(read("c.json").contains("lost"));
}

TEST_F(LostJobs, AreWhyTwoRunsCannotBeCompared) {
  const std::string alone = write("alone.yaml", kAlone);
  const std::string before = std::string(kAlone).substr(0, std::string(kAlone).find("events:"));
  const Outcome outcome = orrery({"compare", alone, write("well.yaml", before)});
  EXPECT_EQ(outcome.code, kExitInput);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("no figure of their speed in common"), HasSubstr("GPU 0 is down"),
                                 Not(HasSubstr("jobs of other names"))));
  // The same of its saved report, which has no figures at all.
  EXPECT_EQ(orrery({"run", alone, "-q", "--json", path("alone.json")}).code, kExitFinding);
  const Outcome saved = orrery({"compare", path("alone.json"), path("well.yaml")});
  EXPECT_EQ(saved.code, kExitInput);
  EXPECT_THAT(saved.err, HasSubstr("GPU 0 is down"));
}

TEST_F(LostJobs, OfABrokenReportAreNoReasonToFail) {
  // Findings of no kind that a report has.
  const std::string broken = write("broken.json",
                                   "{\"schema_version\": 1, \"memory\": {\"peak_bytes\": 1}, \"jobs\": [], "
                                   "\"findings\": [3, {\"kind\": 4}, {\"kind\": \"disturbed\"}]}");
  const Outcome outcome = orrery({"compare", broken, broken});
  EXPECT_EQ(outcome.code, kExitInput);
  EXPECT_THAT(outcome.err, HasSubstr("no figure of their speed in common"));
}

TEST_F(LostJobs, HaveNoResultToAskFor) {
  const Report report = run_scenario(parse_scenario(kAlone, "alone.yaml"));
  const std::vector<JobView> views = job_views(report);
  ASSERT_EQ(views.size(), 1U);
  EXPECT_EQ(find_result<TrainingOutcome>(views[0]), nullptr);
  EXPECT_THROW((void)result_of<TrainingOutcome>(views[0]), std::bad_cast);
  EXPECT_EQ(lost_jobs(report).size(), 1U);
  EXPECT_THAT(lost_jobs(Report{}), IsEmpty());
}

TEST_F(LostJobs, AreOnlyThoseThatFindingsOfThatKindSpeakOf) {
  Report report;
  report.findings = {{"slo_missed", "one", false}, {"disturbed", "two", false}, {"disturbed", "three", true}};
  EXPECT_THAT(lost_jobs(report), ElementsAre("two", "three"));
}

}  // namespace
}  // namespace orrery::scenarios::testing
