// A scenario as a whole: titles, seeds, variants, sweeps, files that it reads, and folders of them.
#include <gmock/gmock.h>

#include "hardware/config/config.hpp"
#include "scenarios/report.hpp"
#include "scenarios/scenario.hpp"
#include "scenarios/training/job.hpp"
#include "tests/scenarios/fixture.hpp"
#include "tests/scenarios/serving/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

Scenario read(const std::string& text) { return parse_scenario(text, "folder/small.yaml"); }

std::string mistake(const std::string& text) {
  try {
    (void)parse_scenario(text, "s.yaml");
    return "";
  } catch (const hardware::ConfigError& error) {
    return error.what();
  }
}

/// small_scenario() has eleven lines.
std::string more(const std::string& text) { return small_scenario() + text; }

TEST(ScenarioHead, HasTitleNameSeedAndTimer) {
  const Scenario plain = read(small_scenario());
  EXPECT_EQ(plain.name, "small");
  EXPECT_EQ(plain.title, "small");
  EXPECT_EQ(plain.seed, 1U);
  EXPECT_EQ(read(more("seed: 77\ntimer: roofline\n")).seed, 77U);
  EXPECT_EQ(read(more("timer: roofline\n")).timer, "roofline");
  EXPECT_NE(plain.timer, "roofline");
}

TEST(ScenarioHead, MistakesAreToldAtTheirPlace) {
  EXPECT_THAT(mistake(more("seed: -1\n")), AllOf(HasSubstr("s.yaml:12:7:"), HasSubstr("'seed'")));
  EXPECT_THAT(mistake(more("seed: 1e16\n")), HasSubstr("s.yaml:12:7:"));
  EXPECT_THAT(mistake(more("timer: sundial\n")), AllOf(HasSubstr("s.yaml:12:8:"), HasSubstr("roofline")));
  EXPECT_THAT(mistake("- 1\n- 2\n"), HasSubstr("s.yaml:1:1:"));
  EXPECT_THAT(mistake(replaced(small_scenario(), "scenario: \"small\"", "scenario: [small]")),
              HasSubstr("s.yaml:1:11:"));
}

// The roofline is a bound: no kernel is faster.
TEST(ScenarioHead, TheRooflineIsNoSlowerThanTheFits) {
  const double fitted = run_scenario(read(small_scenario())).metric("training.compute_s");
  const double bound = run_scenario(read(more("timer: roofline\n"))).metric("training.compute_s");
  EXPECT_LT(bound, fitted);
  EXPECT_GT(bound, 0.0);
}

TEST(Variants, ChangeTheScenarioAndHaveTheirOwnExpectations) {
  const Scenario scenario =
      read(more("expect:\n  - {metric: memory.fits, value: true, source: s}\n"
                "variants:\n"
                "  - name: two\n"
                "    set: {training.tensor_parallel: 1, cluster.price: 7 USD/h}\n"
                "  - {name: list, set: {training.stage_layers: [5, 7], training.pipeline_parallel: "
                "2, training.data_parallel: 2}, expect: [{metric: training.mfu, value: 40 %, "
                "tolerance: 50 %, source: s}]}\n"));
  ASSERT_EQ(scenario.variants.size(), 2U);
  const Scenario& two = scenario.variants[0];
  EXPECT_EQ(two.variant, "two");
  EXPECT_EQ(two.name, "small");
  EXPECT_EQ(training_job(two).config.tensor_parallel, 1);
  EXPECT_EQ(training_job(scenario).config.tensor_parallel, 2);
  EXPECT_DOUBLE_EQ(two.cluster.groups[0].gpu.price.value(), 7.0);
  EXPECT_THAT(two.expectations, IsEmpty()) << "the scenario's own are of the scenario";
  EXPECT_THAT(training_job(scenario.variants[1]).config.stage_layers, ElementsAre(5, 7));
  EXPECT_EQ(scenario.variants[1].expectations.size(), 1U);
  EXPECT_THAT(two.variants, IsEmpty());
}

TEST(Variants, StandOverOverridesOfTheScenario) {
  const std::string text = more("variants:\n  - {name: a, set: {training.micro_batch_size: 2}}\n");
  const Scenario scenario = parse_scenario(text, "s.yaml", {{"training.micro_batch_size", "8"}, {"seed", "5"}});
  EXPECT_EQ(training_job(scenario).config.micro_batch_size, 8);
  EXPECT_EQ(training_job(scenario.variants[0]).config.micro_batch_size, 2);
  EXPECT_EQ(scenario.variants[0].seed, 5U);
}

TEST(Variants, MistakesAreToldAtTheirPlace) {
  EXPECT_THAT(mistake(more("variants: {name: a}\n")),
              AllOf(HasSubstr("s.yaml:12:11:"), HasSubstr("variants must be a list of {name, set, expect}")));
  EXPECT_THAT(mistake(more("variants:\n  - {set: {seed: 2}}\n")),
              AllOf(HasSubstr("s.yaml:13:5:"), HasSubstr("'name'")));
  EXPECT_THAT(mistake(more("variants:\n  - {name: a}\n")), AllOf(HasSubstr("s.yaml:13:5:"), HasSubstr("'set'")));
  EXPECT_THAT(mistake(more("variants:\n  - {name: a, set: [seed]}\n")),
              AllOf(HasSubstr("s.yaml:13:20:"), HasSubstr("set must map scenario keys to values")));
  EXPECT_THAT(mistake(more("variants:\n  - {name: a, set: {seed: 2}}\n  - {name: a, set: {seed: 3}}\n")),
              AllOf(HasSubstr("s.yaml:14:12:"), HasSubstr("the variant 'a' is there twice")));
  EXPECT_THAT(mistake(more("variants:\n  - {name: \"\", set: {seed: 2}}\n")),
              AllOf(HasSubstr("s.yaml:13:12:"), HasSubstr("a variant's name is empty")));
  EXPECT_THAT(mistake(more("variants:\n  - {name: a, set: {training.sed: 2}}\n")),
              AllOf(HasSubstr("s.yaml:13:5:"), HasSubstr("variant 'a': "), HasSubstr("sed")));
  EXPECT_THAT(mistake(more("variants:\n  - {name: a, set: {seed: 2}, expects: []}\n")), HasSubstr("expects"));
}

TEST(Variants, AreNotReadWhereTheirScenarioIsWrong) {
  const std::string text = replaced(more("variants:\n  - {name: a, set: {training.sed: 2}}\n"), "nodes: 1", "nodes: 0");
  EXPECT_THAT(mistake(text), AllOf(HasSubstr("s.yaml:5:10:"), Not(HasSubstr("variant"))));
}

TEST(SweepAxes, MistakesAreToldAtTheirPlace) {
  EXPECT_THAT(mistake(more("sweep: [1]\n")),
              AllOf(HasSubstr("s.yaml:12:8:"), HasSubstr("must map scenario keys to lists")));
  EXPECT_THAT(mistake(more("sweep: {training.tensor_parallel: 2}\n")),
              AllOf(HasSubstr("s.yaml:12:35:"), HasSubstr("sweep.training.tensor_parallel must be a list of values")));
  EXPECT_THAT(mistake(more("sweep: {training.tensor_parallel: []}\n")), HasSubstr("must be a list of values"));
}

TEST(SweepAxes, KeepValuesAsTheyAreWritten) {
  const Scenario scenario = read(more("sweep:\n  training.stage_layers: [[12], \"x: y\", 3 ms]\n  seed: [1, 2]\n"));
  ASSERT_EQ(scenario.sweep.size(), 2U);
  EXPECT_THAT(scenario.sweep[0].values, ElementsAre("[12]", "\"x: y\"", "3 ms"));
  EXPECT_EQ(scenario.sweep[1].key, "seed");
}

TEST(Variables, StandForTheFolderOfTheData) {
  const ScopedVariable data("ORRERY_DATA", "/some/where");
  EXPECT_EQ(expand_variables("${ORRERY_DATA}/a.csv"), "/some/where/a.csv");
  EXPECT_EQ(expand_variables("x/${ORRERY_DATA}"), "x//some/where");
  EXPECT_EQ(expand_variables("$ORRERY_DATA/a"), "$ORRERY_DATA/a");
  EXPECT_EQ(expand_variables(""), "");
}

TEST(Variables, ThatAreNotSetAreNamed) {
  for (const char* value : {static_cast<const char*>(nullptr), ""}) {
    const ScopedVariable data("ORRERY_DATA", value);
    EXPECT_EQ(expand_variables("plain"), "plain");
    try {
      (void)expand_variables("${ORRERY_DATA}/a.csv");
      FAIL() << "there is no folder";
    } catch (const hardware::ConfigError& error) {
      EXPECT_THAT(error.what(), HasSubstr("'${ORRERY_DATA}/a.csv' needs the variable ORRERY_DATA, which is not set"));
    }
  }
}

class ScenarioFiles : public FolderTest {};

TEST_F(ScenarioFiles, OfAFolderAreItsYamlFilesInOrder) {
  write("b.yaml", "x");
  write("sub/a.yaml", "x");
  write("a.yaml", "x");
  write("c.yml", "x");
  write("d.json", "x");
  EXPECT_THAT(scenario_files(folder_.string()), ElementsAre(path("a.yaml"), path("b.yaml"), path("sub/a.yaml")));
  EXPECT_THAT(scenario_files("nowhere.yaml"), ElementsAre("nowhere.yaml"));
}

TEST_F(ScenarioFiles, OfAnEmptyFolderAreAMistake) {
  try {
    (void)scenario_files(folder_.string());
    FAIL();
  } catch (const hardware::ConfigError& error) {
    EXPECT_THAT(error.what(), HasSubstr("the folder holds no scenario (*.yaml)"));
  }
}

TEST_F(ScenarioFiles, InputsAreAllThatARunReads) {
  const Scenario scenario = read(more("variants:\n  - {name: a, set: {model: llama-3-8b}}\n"));
  const std::vector<std::string> files = input_files(scenario);
  EXPECT_THAT(files, Contains("gpt2-124m/config.json"));
  EXPECT_THAT(files, Contains("folder/gpt2-124m"));
  EXPECT_THAT(files, Contains("folder/llama-3-8b/config.json")) << "the variant's model";
  const std::string table = write("lengths.csv", "input_tokens,output_tokens\n10,5\n");
  const Scenario served = parse_scenario(
      replaced(small_serving(), "    input: 128\n", "    input: {distribution: empirical, file: " + table + "}\n"),
      "s.yaml");
  EXPECT_THAT(input_files(served), Contains(table));
}

TEST_F(ScenarioFiles, NoInputIsAnEmptyName) {
  for (const std::string& file : input_files(read(small_scenario()))) EXPECT_NE(file, "");
  EXPECT_THAT(input_files(read(small_scenario())), Contains(EndsWith("config.json")));
}

}  // namespace
}  // namespace orrery::scenarios::testing
