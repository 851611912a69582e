// orrery run: what it prints and writes, what its exit code says, and how it refuses.
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

std::string serving() {
  return "scenario: served\nmodel: gpt2-124m\ncluster: {node: dgx_a100}\nserving:\n"
         "  load: {arrivals: closed_loop, concurrency: 1, requests: 4, input: 10, output: 5}\n";
}

class Run : public FolderTest {
 protected:
  [[nodiscard]] std::string training(const std::string& more = "") const {
    return write("s.yaml", small_scenario() + more);
  }
  /// What is said of a run that does not begin; nothing is printed or written then.
  [[nodiscard]] std::string refused(std::vector<std::string> args) const {
    args.insert(args.begin(), "run");
    const Outcome outcome = orrery(args);
    EXPECT_EQ(outcome.code, kExitInput) << outcome.err;
    EXPECT_EQ(outcome.out, "");
    EXPECT_THAT(outcome.err, StartsWith("orrery: "));
    return outcome.err;
  }
  [[nodiscard]] bool is_there(const std::string& name) const { return std::filesystem::exists(path(name)); }
};

TEST_F(Run, PrintsATitleAndEverySection) {
  const Outcome outcome = orrery({"run", training()});
  EXPECT_EQ(outcome.code, kExitWell) << outcome.err;
  EXPECT_THAT(outcome.out, StartsWith("small\n"));
  for (const char* section : {"\nTraining step\n", "\nMemory of the fullest GPU", "\nCost of one step\n",
                              "\nWhere the numbers come from", "MFU", "verdict"}) {
    EXPECT_THAT(outcome.out, HasSubstr(section));
  }
}

TEST_F(Run, SeveralFilesArePrintedInTheirOrderAndApart) {
  const std::string a = write("a.yaml", replaced(small_scenario(), "\"small\"", "first"));
  const std::string b = write("b.yaml", replaced(small_scenario(), "\"small\"", "second"));
  const Outcome outcome = orrery({"run", b, a, "-j", "4"});
  EXPECT_EQ(outcome.code, kExitWell) << outcome.err;
  EXPECT_THAT(outcome.out, StartsWith("second\n"));
  EXPECT_THAT(outcome.out, HasSubstr("\n\nfirst\n"));
  const json both = json::parse(orrery({"run", b, a, "--json", "-"}).out);
  EXPECT_EQ(both[0]["scenario"]["title"], "second");
  EXPECT_EQ(both[1]["scenario"]["title"], "first");
}

TEST_F(Run, OutputOnStandardOutputIsAlone) {
  const std::string file = training();
  EXPECT_TRUE(json::accept(orrery({"run", file, "--json", "-"}).out));
  EXPECT_THAT(orrery({"run", file, "--csv", "-"}).out, StartsWith("scenario,variant,model,gpu,gpus,"));
  EXPECT_THAT(orrery({"run", file, "--junit", "-"}).out, StartsWith("<?xml"));
  EXPECT_TRUE(json::accept(orrery({"run", file, "--trace", "-"}).out));
  EXPECT_THAT(orrery({"run", write("v.yaml", serving()), "--requests", "-"}).out, StartsWith("id,replica,state,"));
  EXPECT_THAT(refused({file, "--json", "-", "--csv", "-"}), HasSubstr("two outputs can't go to the same place"));
}

TEST_F(Run, EveryFileIsWritten) {
  const Outcome outcome =
      orrery({"run", write("v.yaml", serving()), "-q", "--json", path("r.json"), "--csv", path("r.csv"), "--trace",
              path("t.json"), "--junit", path("j.xml"), "--requests", path("q.csv"), "--plan", path("p.txt")});
  EXPECT_EQ(outcome.code, kExitWell) << outcome.err;
  for (const char* name : {"r.json", "r.csv", "t.json", "j.xml", "q.csv", "p.txt"}) {
    EXPECT_GT(read_file(path(name)).size(), 20U) << name;
  }
  std::size_t files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder_)) ++files;
  EXPECT_EQ(files, 7U) << "nothing temporary is left beside them";
}

TEST_F(Run, TraceIsOfTheStepItself) {
  ASSERT_EQ(orrery({"run", training(), "-q", "--trace", path("t.json"), "--json", path("r.json")}).code, kExitWell);
  const json trace = json::parse(read_file(path("t.json")));
  const double step_us = json::parse(read_file(path("r.json")))["training"]["step_time_s"].get<double>() * 1e6;
  const json& events = trace.is_array() ? trace : trace["traceEvents"];
  double last = 0.0;
  std::size_t spans = 0;
  for (const json& event : events) {
    if (event.value("ph", "") != "X") continue;
    ++spans;
    EXPECT_GE(event["ts"].get<double>(), 0.0);
    last = std::max(last, event["ts"].get<double>() + event["dur"].get<double>());
  }
  EXPECT_GT(spans, 100U);
  EXPECT_NEAR(last, step_us, 1e-3) << "it ends where the step does";
}

TEST_F(Run, ExitCodesTellWellFindingsAndWrongInputApart) {
  EXPECT_EQ(orrery({"run", training(), "-q"}).code, kExitWell);
  const Outcome large = orrery({"run", training(), "--set", "model=llama-3.1-70b"});
  EXPECT_EQ(large.code, kExitFinding);
  EXPECT_THAT(large.out, HasSubstr("Finding: out of GPU memory: stage 0 needs "));
  const Outcome slow = orrery({"run", write("v.yaml", serving()), "--set", "serving.slo.ttft=1us"});
  EXPECT_EQ(slow.code, kExitFinding);
  EXPECT_THAT(slow.out, HasSubstr("Finding: "));
  EXPECT_EQ(orrery({"run", training("extra: 1\n"), "-q"}).code, kExitInput);
  // One of several is enough.
  const std::string well = write("w.yaml", small_scenario());
  const std::string over = write("o.yaml", replaced(small_scenario(), "gpt2-124m", "llama-3.1-70b"));
  EXPECT_EQ(orrery({"run", well, over, "-q"}).code, kExitFinding);
  EXPECT_EQ(orrery({"run", over, well, "-q"}).code, kExitFinding);
}

TEST_F(Run, FindingsStandInEveryFile) {
  const Outcome outcome = orrery({"run", training(), "--set", "model=llama-3.1-70b", "-q", "--json", path("r.json"),
                                  "--csv", path("r.csv"), "--junit", path("j.xml")});
  EXPECT_EQ(outcome.code, kExitFinding);
  EXPECT_EQ(outcome.out, "");
  const json report = json::parse(read_file(path("r.json")));
  ASSERT_EQ(report["findings"].size(), 1U);
  EXPECT_EQ(report["findings"][0]["kind"], "out_of_memory");
  EXPECT_FALSE(report["memory"]["fits"].get<bool>());
  EXPECT_GT(report["memory"]["peak_bytes"], report["memory"]["capacity_bytes"]);
  EXPECT_THAT(read_file(path("r.csv")), HasSubstr(",out_of_memory\n"));
  EXPECT_THAT(read_file(path("j.xml")), AllOf(HasSubstr("failures=\"1\""), HasSubstr("out of GPU memory")));
}

TEST_F(Run, AFindingThatIsExpectedIsNone) {
  const std::string text = replaced(small_scenario(), "gpt2-124m", "llama-3.1-70b") +
                           "expect:\n  - {metric: memory.fits, value: false, source: arithmetic}\n";
  const Outcome outcome = orrery({"run", write("o.yaml", text)});
  EXPECT_EQ(outcome.code, kExitWell) << outcome.out << outcome.err;
}

TEST_F(Run, MistakesOfEveryFileAreToldTogetherInTheOrderOfTheFiles) {
  const std::string a = write("a.yaml", small_scenario() + "extra: 1\n");
  const std::string b = write("b.yaml", replaced(small_scenario(), "micro_batch_size: 4", "micro_batch_size: four"));
  const std::string error = refused({a, path("none.yaml"), b, "-j", "3"});
  const std::size_t first = error.find("a.yaml:12:1: "), second = error.find("none.yaml: no such file"),
                    third = error.find("b.yaml:9:");
  EXPECT_NE(first, std::string::npos) << error;
  EXPECT_LT(first, second) << error;
  EXPECT_LT(second, third) << error;
}

TEST_F(Run, SetNamesItsKeyAndTheNearest) {
  const std::string file = training();
  EXPECT_THAT(refused({file, "--set", "training.tensor_paralel=4"}),
              AllOf(HasSubstr("--set training.tensor_paralel=4: "), HasSubstr("unknown key 'tensor_paralel'"),
                    HasSubstr("did you mean 'tensor_parallel'?")));
  EXPECT_THAT(refused({file, "--set", "training.tensor_parallel"}),
              HasSubstr("--set training.tensor_parallel: expected key=value"));
  EXPECT_THAT(refused({file, "--set", "training.tensor_parallel=two"}),
              HasSubstr("--set training.tensor_parallel=two: 'tensor_parallel': expected a whole number, found 'two'"));
  EXPECT_THAT(refused({file, "--set", "=4"}), HasSubstr("--set"));
  EXPECT_THAT(refused({file, "--set", "training.sequence_length.x=4"}),
              HasSubstr("--set training.sequence_length.x=4"));
  EXPECT_THAT(refused({file, "--set", "model=gpt2-124"}),
              AllOf(HasSubstr("--set model=gpt2-124"), HasSubstr("gpt2-124m")));
  EXPECT_THAT(refused({file, "--set", "cluster.gpu=a100_sx"}), HasSubstr("a100_sxm"));
}

TEST_F(Run, OutputsThatCannotBeWrittenAreToldBeforeTheRun) {
  const std::string file = training();
  for (const char* option : {"--json", "--csv", "--trace", "--junit", "--plan"}) {
    EXPECT_THAT(refused({file, option, path("no/such/folder.x")}), HasSubstr("can't write: there is no folder"))
        << option;
    EXPECT_NE(refused({file, option, folder_.string()}), "") << option << ": a folder";
    EXPECT_THAT(refused({file, option, file}), HasSubstr("the output would overwrite the input")) << option;
  }
  EXPECT_EQ(read_file(file), small_scenario());
  EXPECT_THAT(refused({write("v.yaml", serving()), "--requests", path("no/r.csv")}), HasSubstr("can't write"));
  EXPECT_THAT(refused({file, "--json", path("a.out"), "--csv", path("./a.out")}),
              HasSubstr("two outputs can't go to the same place"));
  EXPECT_FALSE(is_there("a.out"));
}

TEST_F(Run, WhatTheScenarioReadsIsNotOverwritten) {
  write("trace.csv", "arrived_at,num_prefill_tokens,num_decode_tokens\n0.0,10,5\n1.0,10,5\n");
  const std::string file = write("v.yaml",
                                 "scenario: t\nmodel: gpt2-124m\ncluster: {node: dgx_a100}\nserving:\n"
                                 "  load: {trace: trace.csv, trace_format: vidur}\n");
  EXPECT_EQ(orrery({"run", file, "-q"}).code, kExitWell);
  EXPECT_THAT(refused({file, "--csv", path("trace.csv")}), HasSubstr("the output would overwrite the input"));
  EXPECT_THAT(read_file(path("trace.csv")), StartsWith("arrived_at,"));
}

TEST_F(Run, TracesPlansAndRequestsAreOfOneScenario) {
  const std::string a = training(), b = write("b.yaml", small_scenario());
  for (const char* option : {"--trace", "--requests", "--plan"}) {
    EXPECT_THAT(refused({a, b, option, path("x")}), HasSubstr(std::string(option) + " takes one scenario at a time"));
  }
  EXPECT_THAT(refused({a, "--requests", path("x")}), HasSubstr("is a training run, which serves no requests"));
  EXPECT_FALSE(is_there("x"));
}

TEST_F(Run, VariantsAreRunBesideTheirScenario) {
  const std::string text =
      "variants:\n  - name: four\n    set: {training.tensor_parallel: 4, training.data_parallel: 2}\n";
  ASSERT_EQ(orrery({"run", training(text), "-q", "--json", path("r.json"), "--csv", path("r.csv")}).code, kExitWell);
  const json report = json::parse(read_file(path("r.json")));
  ASSERT_EQ(report["variants"].size(), 1U);
  EXPECT_EQ(report["variants"][0]["scenario"]["training"]["tensor_parallel"], 4);
  EXPECT_EQ(report["scenario"]["training"]["tensor_parallel"], 2);
  // What the variant is by itself.
  ASSERT_EQ(orrery({"run", write("w.yaml", small_scenario()), "-q", "--set", "training.tensor_parallel=4", "--set",
                    "training.data_parallel=2", "--json", path("alone.json")})
                .code,
            kExitWell);
  EXPECT_EQ(report["variants"][0]["training"], json::parse(read_file(path("alone.json")))["training"]);
  EXPECT_THAT(read_file(path("r.csv")), HasSubstr("\ns,four,gpt2-124m,"));
}

TEST_F(Run, SetReachesEveryFile) {
  const std::string a = training(), b = write("b.yaml", small_scenario());
  const json both = json::parse(orrery({"run", a, b, "--set", "training.global_batch_size=32", "--json", "-"}).out);
  for (const json& report : both) EXPECT_EQ(report["scenario"]["training"]["global_batch_size"], 32);
}

TEST_F(Run, StandardInputIsAScenarioToo) {
  // "-" is read by the reader of texts; a folder and a missing file are told apart.
  EXPECT_THAT(refused({path("none.yaml")}), HasSubstr("none.yaml: no such file"));
  EXPECT_THAT(refused({folder_.string()}), Not(IsEmpty()));
}

}  // namespace
}  // namespace orrery::scenarios::testing
