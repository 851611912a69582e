// Options and exit codes of every command, as a shell sees them.
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

const char* const kCommands[] = {"run", "check",     "sweep", "compare", "explain", "validate",   "list",
                                 "new", "calibrate", "ask",   "import",  "gui",     "completion", "man"};

class Options : public FolderTest {
 protected:
  [[nodiscard]] std::string scenario(const std::string& more = "") const {
    return write("s.yaml", small_scenario() + more);
  }
};

TEST_F(Options, EveryCommandHasHelpAndRefusesOptionsThatItDoesNotKnow) {
  for (const char* command : kCommands) {
    const Outcome help = orrery({command, "--help"});
    EXPECT_EQ(help.code, kExitWell) << command;
    EXPECT_THAT(help.out, HasSubstr(std::string("orrery ") + command)) << command;
    EXPECT_EQ(help.err, "") << command;
    const Outcome unknown = orrery({command, "--no-such-option"});
    EXPECT_EQ(unknown.code, kExitInput) << command;
    EXPECT_EQ(unknown.out, "") << command;
    EXPECT_THAT(unknown.err, Not(HasSubstr("internal error"))) << command;
  }
}

TEST_F(Options, AnUnknownOptionIsNamedWhateverStandsBehindIt) {
  const std::vector<std::vector<std::string>> lines{
      {"collective", "all_reduce", "--cluster", "dgx_h100", "--byte", "1MiB"},
      {"validate", "--byte", "3", "kernels", "t.csv"},
      {"run", "s.yaml", "--byte=3"},
      {"ask", "serve", "--byte", "3"}};
  for (const std::vector<std::string>& line : lines) {
    const Outcome outcome = orrery(line);
    EXPECT_EQ(outcome.code, kExitInput) << line[0];
    EXPECT_THAT(outcome.err, HasSubstr("orrery: unknown option --byte of ")) << line[0];
  }
  EXPECT_THAT(orrery(lines[0]).err, HasSubstr("did you mean --bytes"));
}

TEST_F(Options, HelpIsGivenWhateverElseIsMissing) {
  const std::vector<std::vector<std::string>> lines{{"validate", "collectives", "--help"},
                                                    {"collective", "all_reduce", "-h"},
                                                    {"compare", "a.json", "--help"},
                                                    {"run", "--help", "s.yaml", "--none"}};
  for (const std::vector<std::string>& line : lines) {
    const Outcome help = orrery(line);
    EXPECT_EQ(help.code, kExitWell) << line[0] << help.err;
    EXPECT_THAT(help.out, HasSubstr("orrery " + line[0])) << line[0];
  }
  EXPECT_THAT(orrery({"ask", "serve", "--help"}).out, HasSubstr("orrery ask serve"));
}

TEST_F(Options, CommandsThatNeedAFileSaySo) {
  for (const char* command :
       {"run", "check", "sweep", "compare", "explain", "validate", "calibrate", "import", "completion"}) {
    const Outcome outcome = orrery({command});
    EXPECT_EQ(outcome.code, kExitInput) << command;
    EXPECT_NE(outcome.err, "") << command;
  }
  EXPECT_EQ(orrery({"compare", scenario()}).code, kExitInput);
  EXPECT_EQ(orrery({"explain", scenario(), scenario()}).code, kExitInput) << "one file at a time";
  EXPECT_EQ(orrery({"ask"}).code, kExitInput);
  EXPECT_EQ(orrery({"ask", "serve"}).code, kExitInput);
}

TEST_F(Options, ThreadsAreFrom0To1024) {
  for (const char* jobs : {"-1", "1025", "many", ""}) {
    EXPECT_EQ(orrery({"run", scenario(), "-q", "-j", jobs}).code, kExitInput) << jobs;
  }
  for (const char* jobs : {"0", "1", "1024"})
    EXPECT_EQ(orrery({"run", scenario(), "-q", "-j", jobs}).code, kExitWell) << jobs;
}

TEST_F(Options, QuietPrintsNothingAndWritesWhatIsNamed) {
  const Outcome outcome = orrery({"run", scenario(), "-q", "--json", path("r.json"), "--csv", path("r.csv")});
  EXPECT_EQ(outcome.code, kExitWell) << outcome.err;
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(outcome.err, "");
  EXPECT_EQ(json::parse(read_file(path("r.json")))["schema_version"], 1);
  // A head and a row.
  const std::string csv = read_file(path("r.csv"));
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 2);
}

TEST_F(Options, SetIsRepeatedAndTheLastOfAKeyStands) {
  const auto batch = [&](const std::vector<std::string>& sets) {
    std::vector<std::string> args = {"run", scenario(), "-q", "--json", "-"};
    for (const std::string& set : sets) args.insert(args.end(), {"--set", set});
    const Outcome outcome = orrery(args);
    EXPECT_EQ(outcome.code, kExitWell) << outcome.err;
    return json::parse(outcome.out)["scenario"].dump();
  };
  EXPECT_THAT(batch({"training.global_batch_size=128"}), HasSubstr("128"));
  const std::string last = batch({"training.global_batch_size=128", "training.global_batch_size=256"});
  EXPECT_THAT(last, AllOf(HasSubstr("256"), Not(HasSubstr("\"128\""))));
}

TEST_F(Options, CheckTellsWellMissedAndWrongApart) {
  const auto code = [&](const std::string& more) { return orrery({"check", scenario(more), "-q"}).code; };
  const json run = json::parse(orrery({"run", scenario(), "-q", "--json", "-"}).out);
  const double step = run["training"]["step_time_s"].get<double>();
  const auto expecting = [](double value) {
    return "expect:\n  - {metric: training.step_time_s, value: " + std::to_string(value) +
           " s, tolerance: 10 %, source: here}\n";
  };
  EXPECT_EQ(code(expecting(step)), kExitWell);
  EXPECT_EQ(code(expecting(1.05 * step)), kExitWell);
  EXPECT_EQ(code(expecting(1.5 * step)), kExitFinding);
  EXPECT_EQ(code("expect:\n  - {metric: training.step_time, value: 1 s, tolerance: 10 %, source: here}\n"), kExitInput);
  const Outcome text = orrery({"check", scenario(expecting(1.5 * step))});
  EXPECT_THAT(text.out,
              AllOf(HasSubstr("training.step_time_s: expected "), HasSubstr("(-33.3 %)"),
                    HasSubstr("1 of 1 scenarios checked, 1 with findings; expectations: 0 passed, 1 missed, 0 "
                              "known misses, 0 skipped")));
  EXPECT_EQ(orrery({"check", path("none.yaml")}).code, kExitInput);
}

TEST_F(Options, KnownMissesAreToldAndAreNoFinding) {
  const std::string missed =
      "expect:\n  - {metric: training.step_time_s, value: 100 s, tolerance: 10 %, source: here, known_miss: \"of "
      "old\"}\n";
  const Outcome outcome = orrery({"check", scenario(missed)});
  EXPECT_EQ(outcome.code, kExitWell);
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("known miss: of old"), HasSubstr("1 known misses")));
}

TEST_F(Options, JunitHasACasePerExpectation) {
  const std::string expected =
      "expect:\n  - {metric: training.step_time_s, value: 100 s, tolerance: 10 %, source: here}\n";
  EXPECT_EQ(orrery({"check", scenario(expected), "-q", "--junit", path("j.xml")}).code, kExitFinding);
  EXPECT_THAT(read_file(path("j.xml")),
              AllOf(HasSubstr("<testsuite"), HasSubstr("training.step_time_s"), HasSubstr("<failure")));
}

TEST_F(Options, ReproducibleLeavesWallTimesOut) {
  const Outcome timed = orrery({"run", scenario(), "-q", "--json", "-"});
  const Outcome same = orrery({"run", scenario(), "-q", "--json", "-", "--reproducible"});
  EXPECT_TRUE(json::parse(timed.out)["engine"].contains("wall_s"));
  EXPECT_FALSE(json::parse(same.out)["engine"].contains("wall_s"));
}

TEST_F(Options, SeveralFilesGiveAList) {
  const std::string a = write("a.yaml", small_scenario()), b = write("b.yaml", small_scenario());
  const json both = json::parse(orrery({"run", a, b, "-q", "--json", "-"}).out);
  ASSERT_TRUE(both.is_array());
  EXPECT_EQ(both.size(), 2U);
  EXPECT_TRUE(json::parse(orrery({"run", a, "-q", "--json", "-"}).out).is_object());
}

TEST_F(Options, SweepTakesMetricsByNameAndNamesTheOptionOfAnUnknownOne) {
  const std::string file = scenario("sweep:\n  training.micro_batch_size: [2, 4]\n");
  for (const char* option : {"--columns", "--sort", "--objective", "--pareto"}) {
    const Outcome outcome = orrery({"sweep", file, option, "training.mfuu,training.mfu"});
    EXPECT_EQ(outcome.code, kExitInput) << option;
    EXPECT_THAT(outcome.err, HasSubstr(std::string(option) + ": there is no metric")) << option;
  }
  const Outcome resume = orrery({"sweep", file, "--resume"});
  EXPECT_EQ(resume.code, kExitInput);
  EXPECT_THAT(resume.err, HasSubstr("--resume: takes up the rows of --json or --csv; name the file"));
  const Outcome without = orrery({"sweep", file, "--set", "training.micro_batch_size=8"});
  EXPECT_EQ(without.code, kExitInput);
  EXPECT_THAT(without.err, HasSubstr("is without effect: the sweep sets training.micro_batch_size at every point"));
}

TEST_F(Options, SweepRefusesAxesThatSetEachOther) {
  const std::string file = scenario("sweep:\n  training: [{}]\n  training.micro_batch_size: [2]\n");
  EXPECT_EQ(orrery({"sweep", file}).code, kExitInput);
  // 1,001 times 1,001 points.
  std::string numbers = "1";
  for (int i = 2; i <= 1001; ++i) numbers += ", " + std::to_string(i);
  const Outcome large = orrery({"sweep", scenario("sweep:\n  training.micro_batch_size: [" + numbers +
                                                  "]\n  training.global_batch_size: [" + numbers + "]\n")});
  EXPECT_EQ(large.code, kExitInput);
  EXPECT_THAT(large.err, HasSubstr("the sweep has more than 1000000 points"));
}

TEST_F(Options, ExplainTakesOneMetricAndTellsTheNearest) {
  const Outcome tree = orrery({"explain", scenario(), "--metric", "training.step_time_s", "--json", "-"});
  EXPECT_EQ(tree.code, kExitWell) << tree.err;
  EXPECT_GT(json::parse(tree.out)["value"].get<double>(), 0.0);
  const Outcome unknown = orrery({"explain", scenario(), "--metric", "training.step_tim_s"});
  EXPECT_EQ(unknown.code, kExitInput);
  EXPECT_THAT(unknown.err, HasSubstr("did you mean training.step_time_s"));
  const Outcome other = orrery({"explain", scenario(), "--metric", "serving.ttft_s.p99"});
  EXPECT_EQ(other.code, kExitInput);
  EXPECT_THAT(other.err, HasSubstr("a run of this scenario has no figure 'serving.ttft_s.p99'"));
  EXPECT_THAT(orrery({"explain", scenario(), "--log", write("v.log", "x\n")}).err,
              HasSubstr("serves nothing: only engines log their memory"));
}

TEST_F(Options, ExecuteSaysWhatIsMissing) {
  const Outcome outcome = orrery({"execute", scenario()});
  EXPECT_EQ(outcome.code, kExitInput);
  EXPECT_THAT(outcome.err, HasSubstr("this build has no executor"));
}

TEST_F(Options, ImportKeepsQuietWhenAsked) {
  const std::string script = write("serve.sh", "vllm serve llama-3.1-8b --port 80\n");
  const Outcome told = orrery({"import", script}), quiet = orrery({"import", script, "-q"});
  EXPECT_EQ(told.out, quiet.out);
  EXPECT_THAT(told.err, HasSubstr("not taken: "));
  EXPECT_EQ(quiet.err, "");
}

TEST_F(Options, AskSavesItsScenarioBesideItsJson) {
  const std::vector<std::string> fit = {"ask", "fit", "--model", "llama-3.1-8b", "--gpu", "h100", "--context", "8K"};
  const auto with = [&](const std::vector<std::string>& more) {
    std::vector<std::string> args = fit;
    args.insert(args.end(), more.begin(), more.end());
    return orrery(args);
  };
  EXPECT_EQ(with({"--save", path("a.yaml"), "--json", path("a.yaml")}).code, kExitInput) << "one place for two";
  const Outcome both = with({"--save", path("a.yaml"), "--json", path("a.json"), "-q"});
  EXPECT_EQ(both.code, kExitWell) << both.err;
  EXPECT_EQ(both.out, "");
  EXPECT_EQ(json::parse(read_file(path("a.json")))["scenario"], read_file(path("a.yaml")));
  EXPECT_THAT(with({"--save", path("a.yaml")}).err, HasSubstr("is there already; --force replaces it"));
  EXPECT_EQ(with({"--save", path("a.yaml"), "--force", "-q"}).code, kExitWell);
}

}  // namespace
}  // namespace orrery::scenarios::testing
