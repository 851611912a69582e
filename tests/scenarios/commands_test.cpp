// The commands beside run: each does its main job through the front door.

#include "scenarios/commands/commands.hpp"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "scenarios/report.hpp"
#include "tests/places.hpp"
#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using Commands = FolderTest;

TEST_F(Commands, VersionAndHelpAreWell) {
  EXPECT_THAT(orrery({"--version"}).out, HasSubstr("orrery 0."));
  const Outcome help = orrery({"--help"});
  EXPECT_EQ(help.code, kExitWell);
  EXPECT_THAT(help.out, AllOf(HasSubstr("Examples:"), HasSubstr("validate"), HasSubstr("130")));
  EXPECT_EQ(orrery({"run", "--help"}).code, kExitWell);
}

TEST(Version, IsTheOneOfTheBuild) {
  const std::string cmake = read_file(orrery::tests::source_root() + "/CMakeLists.txt");
  EXPECT_THAT(cmake, HasSubstr("project(orrery VERSION " + std::string(kVersion) + " "));
}

TEST_F(Commands, TemplatePassesItsOwnCheck) {
  const Outcome made = orrery({"new", "training"});
  ASSERT_EQ(made.code, kExitWell);
  EXPECT_THAT(made.out, HasSubstr("recompute: none "));  // flash attention keeps no scores to recompute
  const Outcome checked = orrery({"check", write("mine.yaml", made.out)});
  EXPECT_EQ(checked.code, kExitWell) << checked.out << checked.err;
  const Outcome unknown = orrery({"new", "sailing"});
  EXPECT_EQ(unknown.code, kExitInput);
  EXPECT_THAT(unknown.err, HasSubstr("training, serving, collective, jobs"));
}

TEST_F(Commands, TemplateOfSeveralJobsPassesItsOwnCheckAndHoldsWithItsCommentsTakenAway) {
  std::string text = orrery({"new", "jobs"}).out;
  const Outcome checked = orrery({"check", write("mine.yaml", text)});
  EXPECT_EQ(checked.code, kExitWell) << checked.out << checked.err;
  for (const std::string key :
       {"  # network:", "  # start:", "  # until:", "    # spread: 2", "    # order:", "    # steps:"}) {
    std::string bare = key;
    bare.erase(bare.find("# "), 2);
    text = replaced(text, key, bare);
  }
  text = replaced(text, "  # - at: 3 s\n  #   gpu: 17", "  - at: 3 s\n    gpu: 17");
  text = replaced(text, "  #   scale: 0.8", "    scale: 0.8");
  text = replaced(text, "nodes: 4", "nodes: 8");
  const Outcome outcome = orrery({"run", write("all.yaml", text)});
  EXPECT_EQ(outcome.code, kExitWell) << outcome.err << outcome.out;
}

TEST_F(Commands, TemplateStillHoldsWithItsCommentsTakenAway) {
  // The commented keys are part of the template: they must be right too.
  std::string text = orrery({"new"}).out;
  for (const std::string key : {"variants:\n", "  - name: full", "    set: {", "sweep:\n",
                                "  training.tensor_parallel: [", "  training.micro_batch_size: ["}) {
    text = replaced(text, "# " + key, key);
  }
  for (const std::string key :
       {"price:", "network:", "virtual_pipeline:", "schedule:", "data_parallel:", "total_tokens:"}) {
    text = replaced(text, "  # " + key, "  " + key);
  }
  const Outcome outcome = orrery({"run", write("mine.yaml", text)});
  EXPECT_EQ(outcome.code, kExitWell) << outcome.err;
}

TEST_F(Commands, CheckWalksFolders) {
  write("a/one.yaml", small_scenario());
  write("a/b/two.yaml", small_scenario());
  write("a/notes.txt", "no scenario");
  EXPECT_THAT(orrery({"check", path("a")}).out, HasSubstr("2 of 2 scenarios checked"));
  std::filesystem::create_directory(path("empty"));
  EXPECT_EQ(orrery({"check", path("empty")}).code, kExitInput);
}

TEST_F(Commands, ListKnowsEveryFamily) {
  for (const std::string& family : family_names()) {
    const Outcome outcome = orrery({"list", family, "--json", path("list.json")});
    EXPECT_EQ(outcome.code, kExitWell) << family << outcome.err;
    const json items = json::parse(read_file(path("list.json")));
    EXPECT_GT(items.size(), 0u) << family;
    for (const json& item : items) EXPECT_NE(item["name"], "") << family;
  }
  EXPECT_THAT(orrery({"list", "gpu"}).err, HasSubstr("gpus"));
  EXPECT_EQ(orrery({"list"}).code, kExitWell);
}

TEST_F(Commands, SweepCoversTheProductAndNamesWhatItSkips) {
  // TP 1, 2, 8 by microbatch 1, 2: GPT-2's 12 heads do not divide by 8, so 4 points and 2 skipped.
  const std::string text = replaced(small_scenario(), "  data_parallel: 4\n", "") +
                           "sweep:\n  training.tensor_parallel: [1, 2, 8]\n  training.micro_batch_size: [1, 2]\n";
  const Outcome outcome = orrery({"sweep", write("s.yaml", text), "--json", path("s.json"), "--csv", path("s.csv")});
  EXPECT_EQ(outcome.code, kExitWell) << outcome.err;
  const json result = json::parse(read_file(path("s.json")));
  EXPECT_EQ(result["points"].size(), 4u);
  ASSERT_EQ(result["skipped"].size(), 2u);
  EXPECT_THAT(result["skipped"][0]["reason"].get<std::string>(), HasSubstr("heads"));
  EXPECT_EQ(result["points"][3]["set"]["training.micro_batch_size"], "2");
  EXPECT_EQ(result["points"][3]["set"]["training.tensor_parallel"], "2");
  EXPECT_GT(result["points"][3]["report"]["training"]["step_time_s"].get<double>(), 0.0);
  EXPECT_GT(result["points"][3]["report"]["memory"]["peak_bytes"].get<double>(), 1e9);
  // A head, and a row per point: those that can't be have their reason.
  const std::string csv = read_file(path("s.csv"));
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 7);
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("<- most training.tokens_per_s of those that fit"),
                                 HasSubstr("micro_batch_size=1  can't be: training.tensor_parallel: 8")));
}

TEST_F(Commands, SweepIsTheSameForAnyNumberOfThreads) {
  const std::string file = write("s.yaml", replaced(small_scenario(), "  data_parallel: 4\n", "") +
                                               "sweep:\n  training.tensor_parallel: [1, 2, 4]\n");
  ASSERT_EQ(orrery({"sweep", file, "--csv", path("1.csv"), "-j", "1"}).code, kExitWell);
  ASSERT_EQ(orrery({"sweep", file, "--csv", path("8.csv"), "-j", "8"}).code, kExitWell);
  EXPECT_EQ(read_file(path("1.csv")), read_file(path("8.csv")));
}

TEST_F(Commands, SweepWithoutListsOrWithoutAnyPointIsAnInputError) {
  EXPECT_THAT(orrery({"sweep", write("s.yaml", small_scenario())}).err, HasSubstr("sweep:"));
  const std::string text = small_scenario() + "sweep:\n  training.tensor_parallel: [5]\n";
  EXPECT_EQ(orrery({"sweep", write("t.yaml", text)}).code, kExitInput);
}

TEST_F(Commands, CompareTakesScenariosAndSavedReports) {
  const std::string a = write("a.yaml", small_scenario());
  const std::string b = write("b.yaml", replaced(small_scenario(), "global_batch_size: 64", "global_batch_size: 128"));
  ASSERT_EQ(orrery({"run", b, "--json", path("b.json"), "-q"}).code, kExitWell);
  ASSERT_EQ(orrery({"compare", a, b, "--json", path("1.json")}).code, kExitWell);
  ASSERT_EQ(orrery({"compare", a, path("b.json"), "--json", path("2.json")}).code, kExitWell);
  const json direct = json::parse(read_file(path("1.json")));
  const json saved = json::parse(read_file(path("2.json")));
  EXPECT_EQ(direct["rows"], saved["rows"]);
  EXPECT_EQ(direct["rows"][0]["metric"], "training.step_time_s");
  EXPECT_GT(direct["rows"][0]["ratio"], 1.0);
}

TEST_F(Commands, CompareRefusesWhatIsNoReport) {
  const std::string a = write("a.yaml", small_scenario());
  EXPECT_EQ(orrery({"compare", a, write("x.json", "{}")}).code, kExitInput);
  EXPECT_EQ(orrery({"compare", a, write("y.json", "{")}).code, kExitInput);
  EXPECT_EQ(orrery({"compare", a}).code, kExitInput);
}

TEST_F(Commands, ExplainNamesKernelsCollectivesAndSources) {
  const Outcome outcome = orrery({"explain", write("a.yaml", small_scenario()), "--json", path("e.json")});
  EXPECT_EQ(outcome.code, kExitWell) << outcome.err;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("gemm"), HasSubstr("all_reduce"), HasSubstr("datasheet"),
                                 HasSubstr("Facts of a100_sxm"), HasSubstr("memory.peak_bytes")));
  const json result = json::parse(read_file(path("e.json")));
  ASSERT_GT(result["steps"].size(), 3u);
  for (const json& step : result["steps"]) EXPECT_GE(step["time_s"].get<double>(), 0.0);
}

TEST_F(Commands, ValidateTrainingPredictsWhatItCanAndNamesTheRest) {
  const std::string header = "gpus,gbs,mbs,hidden,heads,layers,seq,tp,dp,pp,step_time_ms\n";
  const std::string table =
      write("steps.csv", header + "8,32,4,1024,16,24,1024,2,2,2,200\n8,32,4,1024,16,24,1024,5,1,1,200\n");
  const Outcome outcome = orrery({"validate", "training", table, "--json", path("v.json")});
  EXPECT_EQ(outcome.code, kExitWell) << outcome.err;
  const json report = json::parse(read_file(path("v.json")));
  EXPECT_EQ(report["rows"], 1);
  EXPECT_EQ(report["skipped"], 1);
  EXPECT_EQ(report["skipped_rows"][0]["line"], 3);
  EXPECT_EQ(report["groups"][0]["name"], "steps");
  for (const char* key : {"median_error", "mean_error", "p95_error", "max_error"}) {
    EXPECT_TRUE(report[key].is_number()) << key;
  }
  const double predicted = report["worst"][0]["predicted"];
  EXPECT_NEAR(report["max_error"].get<double>(), std::abs(predicted / 0.2 - 1.0), 1e-12);
}

TEST_F(Commands, ValidateTrainingReadsPublishedRows) {
  const std::string header =
      "id,family,system,model,layers,hidden,heads,kv_heads,ffn,gated_mlp,vocab,experts,gpu,gpus,tp,pp,vpp,dp,cp,ep,"
      "zero,"
      "schedule,mbs,gbs,seq,precision,recompute,metric,value,notes\n";
  const std::string shape = "gpt,24,2304,24,24,9216,0,51200,,A100-80,8,1,1,1,8,1,1,";
  const std::string table = write(
      "published.csv", header + "f-1,f,s," + shape + "0,none,4,64,2048,fp16,full,step_time,2.5,\"one, quoted\"\n" +
                           "f-2,f,s," + shape + "0,none,4,64,2048,fp16,full,tokens_per_s_per_gpu,6553.6,\n" +
                           "f-3,f,s," + shape + "3,FSDP,4,64,2048,fp16,full,step_time,2.5,\n");
  const Outcome outcome = orrery({"validate", "training", table, "--json", path("v.json")});
  EXPECT_EQ(outcome.code, kExitWell) << outcome.err;
  const json report = json::parse(read_file(path("v.json")));
  ASSERT_EQ(report["rows"], 2);
  // 64 x 2048 tokens / 8 GPUs / 6553.6 tokens/s = 2.5 s: the same step time said in two ways.
  EXPECT_DOUBLE_EQ(report["worst"][0]["measured"], 2.5);
  EXPECT_DOUBLE_EQ(report["worst"][1]["measured"], 2.5);
  EXPECT_EQ(report["skipped_rows"][0]["description"], "f-3");
  EXPECT_THAT(report["skipped_rows"][0]["reason"].get<std::string>(), HasSubstr("FSDP"));
}

TEST_F(Commands, ValidateRefusesWhatItDoesNotKnow) {
  const std::string table = write("t.csv", "a,b\n1,2\n");
  EXPECT_EQ(orrery({"validate", "training", table}).code, kExitInput);
  EXPECT_THAT(orrery({"validate", "kernel", table}).err, HasSubstr("kernels"));
  EXPECT_THAT(orrery({"validate", "kernels", table}).err, HasSubstr("--gpu"));
  EXPECT_THAT(orrery({"validate", "serving", table}).err, HasSubstr("no table of requests"));
  EXPECT_EQ(orrery({"validate", "training", path("none.csv")}).code, kExitInput);
}

TEST_F(Commands, CalibrateAsksForWhatItNeeds) {
  EXPECT_THAT(orrery({"calibrate", "measure", "x"}).err, HasSubstr("calibrate fit TABLE"));
  EXPECT_THAT(orrery({"calibrate", "fit", "x"}).err, HasSubstr("--gpu"));
}

}  // namespace
}  // namespace orrery::scenarios::testing
