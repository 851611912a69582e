// `orrery run FILE --plan F`: what every rank does, as text that reads back as the same plan.
#include <gmock/gmock.h>

#include "kernels/kernel.hpp"
#include "models/training/training.hpp"
#include "scenarios/output.hpp"
#include "scenarios/report.hpp"
#include "scenarios/scenario.hpp"
#include "scenarios/training/job.hpp"
#include "sim/plan/plan.hpp"
#include "sim/plan/runnable.hpp"
#include "tests/scenarios/fixture.hpp"
#include "tests/sim/plan_text_reader.hpp"

namespace orrery::scenarios::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using PlanOutput = FolderTest;

const char* const kServing =
    "scenario: chat\n"
    "model: llama-3-8b\n"
    "cluster: {node: dgx_h100, nodes: 1}\n"
    "serving: {tensor_parallel: 2, load: {rate: 4, requests: 20, input: 128, output: 32}}\n";

const char* const kTwoJobs =
    "scenario: two\n"
    "cluster: {node: dgx_a100, nodes: 2, fabric: rail_fat_tree_hdr}\n"
    "jobs:\n"
    "  - name: learn\n"
    "    model: gpt2-124m\n"
    "    training: {sequence_length: 1024, global_batch_size: 64, data_parallel: 8}\n"
    "  - name: chat\n"
    "    model: llama-3-8b\n"
    "    placement: {first_node: 1}\n"
    "    serving: {load: {rate: 40, requests: 10, input: 128, output: 8}}\n";

TEST_F(PlanOutput, IsThePlanOfTheTrainingStep) {
  const std::string file = write("small.yaml", small_scenario());
  const Outcome outcome = orrery({"run", file, "--plan", path("plan.txt")});
  ASSERT_EQ(outcome.code, kExitWell) << outcome.err;
  const std::string text = read_file(path("plan.txt"));
  models::TrainingOptions options;
  options.keep_timeline = true;
  const models::TrainingResult result =
      models::predict(training_job(load_scenario(file)), *make_timer("fitted"), options);
  EXPECT_TRUE(text == sim::to_text(*result.plan));
  sim::Plan plan = sim::plan_from_text(text);
  EXPECT_TRUE(text == sim::to_text(plan));
  EXPECT_EQ(sim::RunnablePlan(std::move(plan)).step_count(), result.steps);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 2) << "no temporary file is left";
}

TEST_F(PlanOutput, OfAServingRunIsATypicalIteration) {
  const Outcome outcome = orrery({"run", write("chat.yaml", kServing), "--plan", "-"});
  ASSERT_EQ(outcome.code, kExitWell) << outcome.err;
  EXPECT_THAT(outcome.out, StartsWith("orrery_plan"));
  const sim::Plan plan = sim::plan_from_text(outcome.out);
  ASSERT_EQ(plan.ranks.size(), 1U);
  EXPECT_EQ(plan.ranks[0].multiplicity(), 2) << "of the tensor-parallel group";
  const auto decodes = [](const sim::KernelEntry& entry) {
    return std::holds_alternative<kernels::AttentionDecodeShape>(entry.kernel);
  };
  EXPECT_TRUE(std::any_of(plan.kernels.begin(), plan.kernels.end(), decodes));
  EXPECT_FALSE(plan.collectives.empty());
}

TEST_F(PlanOutput, OfSeveralJobsHasAFileEach) {
  const std::string file = write("two.yaml", kTwoJobs);
  const Outcome outcome = orrery({"run", file, "-q", "--plan", path("plan.txt")});
  ASSERT_EQ(outcome.code, kExitWell) << outcome.err;
  EXPECT_FALSE(std::filesystem::exists(path("plan.txt")));
  const sim::Plan learn = sim::plan_from_text(read_file(path("plan.learn.txt")));
  const sim::Plan chat = sim::plan_from_text(read_file(path("plan.chat.txt")));
  EXPECT_NE(sim::to_text(learn), sim::to_text(chat));
  EXPECT_EQ(learn.ranks[0].multiplicity(), 8);
  const Outcome both = orrery({"run", file, "--plan", "-"});
  EXPECT_EQ(both.out, sim::to_text(learn) + sim::to_text(chat));
}

TEST_F(PlanOutput, ATraceOfSeveralJobsHasAFileEachToo) {
  const std::string file = write("two.yaml", kTwoJobs);
  const Outcome outcome = orrery({"run", file, "-q", "--trace", path("trace.json")});
  ASSERT_EQ(outcome.code, kExitWell) << outcome.err;
  EXPECT_FALSE(std::filesystem::exists(path("trace.json")));
  EXPECT_THAT(read_file(path("trace.learn.json")), HasSubstr("gradient"));
  EXPECT_THAT(read_file(path("trace.chat.json")), HasSubstr("request"));
}

TEST_F(PlanOutput, OfARunThatServedNothingIsSaidToBeNone) {
  const std::string file = write("chat.yaml", replaced(kServing, "dgx_h100", "rtx_4090_box"));
  const Outcome outcome = orrery({"run", file, "-q", "--plan", path("plan.txt"), "--set", "serving.tensor_parallel=1",
                                  "--set", "serving.gpu_memory_utilization=0.1"});
  EXPECT_EQ(outcome.code, kExitFinding) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("no plan: nothing ran"));
  EXPECT_FALSE(std::filesystem::exists(path("plan.txt")));
}

TEST_F(PlanOutput, RefusesWhatItCannotWrite) {
  const std::string file = write("two.yaml", kTwoJobs);
  const auto error = [&](std::vector<std::string> more) {
    std::vector<std::string> args = {"run", file, "-q"};
    args.insert(args.end(), more.begin(), more.end());
    const Outcome outcome = orrery(args);
    EXPECT_EQ(outcome.code, kExitInput);
    return outcome.err;
  };
  EXPECT_THAT(error({"--plan", path("none/plan.txt")}), HasSubstr("there is no folder"));
  EXPECT_THAT(error({"--plan", path("a.txt"), "--json", path("a.chat.txt")}), HasSubstr("the same place"));
  EXPECT_THAT(error({"--plan", "-", "--csv", "-"}), HasSubstr("the same place"));
  EXPECT_THAT(error({write("small.yaml", small_scenario()), "--plan", path("a.txt")}),
              HasSubstr("--plan takes one scenario at a time"));
  const std::string input = write("a.learn.yaml", kTwoJobs);
  EXPECT_THAT(orrery({"run", input, "--plan", path("a.yaml")}).err, HasSubstr("would overwrite the input"));
}

TEST(NameWith, StandsBeforeTheEnding) {
  EXPECT_EQ(name_with("out/plan.txt", "chat"), "out/plan.chat.txt");
  EXPECT_EQ(name_with("plan", "chat"), "plan.chat");
}

TEST(Execute, SaysWhatThisMachineHas) {
  const Outcome outcome = orrery({"execute", "any.yaml"});
  EXPECT_EQ(outcome.code, kExitInput);
  EXPECT_THAT(outcome.err, HasSubstr("this build has no executor"));
  EXPECT_THAT(outcome.err, HasSubstr("(here: "));
  EXPECT_THAT(outcome.err, ::testing::Not(HasSubstr("(here: )")));
}

}  // namespace
}  // namespace orrery::scenarios::testing
