// Overrides (--set, variants, sweeps): jobs are reached by name, and mistakes say which override made them and, where
// the file made them, where it did.
#include "scenarios/overrides.hpp"

#include <gmock/gmock.h>

#include "hardware/config/config.hpp"
#include "scenarios/scenario.hpp"
#include "scenarios/training/job.hpp"
#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

const char* const kTwo =
    "scenario: two\n"
    "model: gpt2-124m\n"
    "cluster: {node: dgx_a100, nodes: 2, fabric: rail_fat_tree_hdr}\n"
    "jobs:\n"
    "  - name: learn\n"
    "    training: {sequence_length: 1024, global_batch_size: 64, data_parallel: 8}  # by name or number\n"
    "  - name: teach\n"
    "    training:\n"
    "      sequence_length: 1024\n"
    "      global_batch_size: 64\n"
    "      data_parallel: 8\n"
    "    placement: {first_node: 1}\n";

std::string error_of(const std::vector<Override>& overrides, const std::string& text = kTwo) {
  try {
    (void)parse_scenario(text, "two.yaml", overrides);
    return "";
  } catch (const hardware::ConfigError& error) {
    return error.what();
  }
}

std::int64_t micro_batch(const Scenario& scenario, std::size_t job) {
  return spec_of<TrainingSpec>(scenario.jobs.at(job)).job.config.micro_batch_size;
}

TEST(Overrides, ReachJobsByNameAsByNumber) {
  for (const std::string job : {"1", "teach"}) {
    const Scenario scenario = parse_scenario(kTwo, "two.yaml", {{"jobs." + job + ".training.micro_batch_size", "4"}});
    EXPECT_EQ(micro_batch(scenario, 0), 1) << job;
    EXPECT_EQ(micro_batch(scenario, 1), 4) << job;
  }
}

TEST(Overrides, OfVariantsAndSweepsReachJobsByName) {
  const std::string text =
      std::string(kTwo) + "variants:\n  - {name: small, set: {jobs.teach.training.micro_batch_size: 2}}\n";
  EXPECT_EQ(micro_batch(parse_scenario(text, "two.yaml").variants.at(0), 1), 2);
}

TEST(Overrides, OfAJobThatIsNotThereNameTheNearest) {
  EXPECT_EQ(error_of({{"jobs.teech.training.steps", "2"}}),
            "two.yaml: --set jobs.teech.training.steps=2: there is no job 'teech'; did you mean 'teach'?");
  EXPECT_THAT(error_of({{"jobs.x.training.steps", "2"}}), HasSubstr("the jobs are learn, teach"));
  EXPECT_THAT(error_of({{"jobs.7.training.steps", "2"}}), HasSubstr("--set jobs.7.training.steps=2: "));
}

TEST(Overrides, AreNamedWhereTheirValueIsWrong) {
  EXPECT_THAT(error_of({{"jobs.0.training.micro_batch_size", "many"}}),
              AllOf(HasSubstr("two.yaml: --set jobs.0.training.micro_batch_size=many: 'micro_batch_size': expected a"),
                    Not(HasSubstr("two.yaml:"
                                  "6:"))));
  EXPECT_THAT(error_of({{"jobs.teach.training.data_parallel", "many"}}),
              HasSubstr("two.yaml: --set jobs.teach.training.data_parallel=many: "));
  EXPECT_THAT(error_of({{"cluster.node", "dgx_a10"}}), HasSubstr("two.yaml: --set cluster.node=dgx_a10: 'node': "));
  EXPECT_THAT(error_of({{"jobs.1.trainng.steps", "2"}}),
              HasSubstr("two.yaml: --set jobs.1.trainng.steps=2: 'job': unknown key 'trainng'"));
}

TEST(Overrides, AreNamedWhereAValueOfTheFileGoesNotWithTheirs) {
  EXPECT_EQ(error_of({{"jobs.0.training.micro_batch_size", "999"}}),
            "two.yaml:6:58: jobs.0.training.global_batch_size: 64 is not a multiple of micro_batch_size 999 x data "
            "parallel 8 (--set jobs.0.training.micro_batch_size=999)");
  EXPECT_THAT(
      error_of({{"jobs.teach.training.micro_batch_size", "999"}, {"jobs.learn.training.micro_batch_size", "2"}}),
      AllOf(HasSubstr("two.yaml:10:26: jobs.1."), HasSubstr(" (--set jobs.teach.training.micro_batch_size=999)"),
            Not(HasSubstr("learn"))));
}

// A value that is longer, a key that was not there, a section that becomes one line: what stands behind them has moved.
TEST(Overrides, LeaveOtherMistakesAtTheirPlaceInTheFile) {
  const std::string wrong = replaced(kTwo, "first_node: 1}", "first_nod: 1}");
  const std::string expected = "two.yaml:12:17: 'placement': unknown key 'first_nod'";
  EXPECT_THAT(error_of({}, wrong), HasSubstr(expected));
  EXPECT_THAT(error_of({{"jobs.1.training.sequence_length", "100000"}, {"jobs.0.training.steps", "2"}}, wrong),
              HasSubstr(expected));
  EXPECT_THAT(error_of({{"jobs.1.training.steps", "2"}}, wrong), HasSubstr(expected));
  EXPECT_THAT(error_of({{"jobs.1.training", "{sequence_length: 1024, global_batch_size: 64, data_parallel: 8}"},
                        {"jobs.1.training.steps", "2"}},
                       wrong),
              HasSubstr(expected));
}

TEST(Overrides, OfVariantsAreNamedAtTheVariant) {
  const std::string text =
      std::string(kTwo) + "variants:\n  - {name: small, set: {jobs.teech.training.micro_batch_size: 2}}\n";
  EXPECT_THAT(
      error_of({{"jobs.0.training.steps", "3"}}, text),
      AllOf(HasSubstr("two.yaml:14:5: variant 'small': set jobs.teech.training.micro_batch_size=2: there is no job"
                      " 'teech'")));
}

TEST(Overrides, OfABrokenFileLeaveItsErrorsAlone) {
  EXPECT_THAT(error_of({{"seed", "2"}}, "scenario: [\n"), Not(HasSubstr("--set")));
}

class Sweeps : public FolderTest {};

TEST_F(Sweeps, OfAJobByNameGoThroughItsValues) {
  const std::string text = std::string(kTwo) + "sweep:\n  jobs.teach.training.micro_batch_size: [1, 2, 5]\n";
  const Outcome outcome = orrery({"sweep", write("s.yaml", text)});
  EXPECT_EQ(outcome.code, kExitWell) << outcome.err;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("jobs.teach.training.micro_batch_size=2\n"),
                                 HasSubstr("=5  can't be: jobs.1.training.global_batch_size")));
}

TEST_F(Sweeps, OfWhatIsSetBesideThemAreRefused) {
  const std::string file =
      write("s.yaml", std::string(kTwo) + "sweep:\n  jobs.teach.training.micro_batch_size: [1, 2]\n");
  for (const std::string key : {"jobs.teach.training.micro_batch_size", "jobs.1.training.micro_batch_size"}) {
    const Outcome outcome = orrery({"sweep", file, "--set", key + "=4"});
    EXPECT_EQ(outcome.code, kExitInput) << key;
    EXPECT_THAT(outcome.err, AllOf(HasSubstr("--set " + key + "=4 is without effect"),
                                   HasSubstr("the sweep sets jobs.teach.training.micro_batch_size")));
  }
  EXPECT_EQ(orrery({"sweep", file, "--set", "jobs.0.training.micro_batch_size=4"}).code, kExitWell);
  EXPECT_THAT(orrery({"sweep", file, "--set", "sweep.jobs.teach.training.micro_batch_size=[4]"}).out,
              HasSubstr("micro_batch_size=4"));
}

TEST_F(Sweeps, OfOneKeyTwiceAreRefused) {
  const std::string text =
      std::string(kTwo) +
      "sweep:\n  jobs.teach.training.micro_batch_size: [1, 2]\n  jobs.1.training.micro_batch_size: [1, 2]\n";
  EXPECT_THAT(orrery({"sweep", write("s.yaml", text)}).err, HasSubstr("sweep one of them"));
}

}  // namespace
}  // namespace orrery::scenarios::testing
