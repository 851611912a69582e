// Sweeps: what the table marks, columns and order, keys that follow, resuming, and what is kept.

#include <algorithm>
#include <chrono>
#include <csignal>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "scenarios/runner.hpp"
#include "scenarios/search/search.hpp"
#include "scenarios/search/sweep_text.hpp"
#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class Sweep : public FolderTest {};

std::string chat(const std::string& more) {
  return "scenario: \"chat\"\n"
         "model: llama-3-8b\n"
         "cluster: {node: dgx_h100}\n"
         "serving:\n"
         "  tensor_parallel: 1\n"
         "  load: {arrivals: closed_loop, concurrency: 4, requests: 60, input: 500, output: 50}\n" +
         more;
}

std::string last_line(const std::string& text) {
  const std::size_t end = text.find_last_not_of('\n');
  return text.substr(text.rfind('\n', end) + 1);
}

TEST_F(Sweep, NeverMarksARowThatMissesItsSlo) {
  // TPOT grows with the batch: 64 clients are fastest and miss 7 ms, which a limit without attainment promises to 99 %.
  const std::string text = chat("  slo: {tpot: 7 ms}\nsweep:\n  serving.load.concurrency: [1, 4, 64]\n");
  const Outcome outcome = orrery({"sweep", write("s.yaml", text)});
  EXPECT_EQ(outcome.code, kExitWell) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("serving.load.concurrency=64  slo missed"));
  EXPECT_THAT(last_line(outcome.out), AllOf(HasSubstr("concurrency=4"), HasSubstr("<- most serving.output_tokens_per_s "
                                                                                  "of those that hold the SLO")));
  const Outcome none = orrery({"sweep", path("s.yaml"), "--set", "serving.slo.tpot=1 us"});
  EXPECT_THAT(none.out, AllOf(HasSubstr("No point holds the SLO; the nearest"), Not(HasSubstr("<-"))));
}

TEST_F(Sweep, OfAJobThatIsHaltedSaysThatItFindsNothingWithoutAFinding) {
  const std::string text =
      "scenario: halted\n"
      "model: gpt2-124m\n"
      "cluster: {node: dgx_a100}\n"
      "training: {sequence_length: 1024, global_batch_size: 64, steps: 100}\n"
      "events:\n  - {at: 1 s, gpu: 0, down: true}\n"
      "sweep:\n  training.micro_batch_size: [1, 2]\n";
  const Outcome outcome = orrery({"sweep", write("halted.yaml", text)});
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("disturbed"), HasSubstr("No point fits without a finding")));
}

TEST_F(Sweep, WithoutAnSloClaimsNone) {
  const Outcome outcome = orrery(
      {"sweep", write("s.yaml", chat("sweep:\n  serving.load.concurrency: [1, 4]\n")), "--json", path("s.json")});
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("of those that fit"), Not(HasSubstr("100.00 %"))));
  const json result = json::parse(read_file(path("s.json")));
  EXPECT_FALSE(result["points"][0]["report"]["serving"].contains("slo_attainment"));
}

TEST_F(Sweep, MarksTheCheapestWherePricesDiffer) {
  const std::string text = chat("sweep:\n  serving.tensor_parallel: [1, 2, 4]\n");
  const Outcome outcome = orrery({"sweep", write("s.yaml", text)});
  EXPECT_THAT(last_line(outcome.out), HasSubstr("tensor_parallel=1  <- least cost.usd_per_million_output_tokens"));
  const Outcome chosen = orrery({"sweep", path("s.yaml"), "--objective", "serving.tpot_s.p99"});
  EXPECT_THAT(last_line(chosen.out), HasSubstr("tensor_parallel=4  <- least serving.tpot_s.p99"));
}

TEST_F(Sweep, ShowsTheColumnsAndTheOrderThatAreAskedFor) {
  const std::string text = chat("sweep:\n  serving.load.concurrency: [4, 1, 16]\n");
  const Outcome outcome = orrery({"sweep", write("s.yaml", text), "--columns", "serving.ttft_s.p99,serving.tpot_s.p99",
                                  "--sort", "serving.tpot_s.p99", "--csv", path("s.csv")});
  ASSERT_EQ(outcome.code, kExitWell) << outcome.err;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("ttft_s.p99"), HasSubstr("tpot_s.p99"), Not(HasSubstr("USD"))));
  const std::size_t one = outcome.out.find("concurrency=1\n"), four = outcome.out.find("concurrency=4\n");
  EXPECT_LT(one, four);
  EXPECT_LT(four, outcome.out.find("concurrency=16\n"));
  EXPECT_EQ(read_file(path("s.csv")).find("serving.load.concurrency,gpus,serving.ttft_s.p99,serving.tpot_s.p99"), 0U);
  const Outcome wrong = orrery({"sweep", path("s.yaml"), "--columns", "serving.ttft_s.p98"});
  EXPECT_EQ(wrong.code, kExitInput);
  EXPECT_THAT(wrong.err, AllOf(HasSubstr("--columns"), HasSubstr("did you mean")));
}

TEST_F(Sweep, TurnsSequenceParallelismOffWithOneRank) {
  const std::string text = replaced(small_scenario(), "  data_parallel: 4\n", "  sequence_parallel: true\n") +
                           "sweep:\n  training.tensor_parallel: [1, 2]\n";
  const Outcome outcome = orrery({"sweep", write("s.yaml", text), "--json", path("s.json")});
  EXPECT_EQ(outcome.code, kExitWell) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("Note: 1 point runs with training.sequence_parallel=false"));
  const json result = json::parse(read_file(path("s.json")));
  EXPECT_EQ(result["points"].size(), 2U);
  EXPECT_EQ(result["points"][0]["relaxed"]["training.sequence_parallel"], "false");
  // Where the sweep itself asks for it, with and without, one rank has it but once, turned off.
  const Outcome both = orrery({"sweep", write("t.yaml", text + "  training.sequence_parallel: [true, false]\n")});
  EXPECT_THAT(both.out, AllOf(HasSubstr(" training.tensor_parallel=1\n"),
                              HasSubstr(" training.tensor_parallel=2 training.sequence_parallel=true\n"),
                              HasSubstr(" training.tensor_parallel=2 training.sequence_parallel=false\n"),
                              Not(HasSubstr("can't be"))));
}

TEST_F(Sweep, MarksTheParetoFront) {
  // More clients give a GPU more tokens and each user fewer; TP 8 gives one user most.
  const std::string text = chat("sweep:\n  serving.tensor_parallel: [1, 8]\n  serving.load.concurrency: [1, 16, 64]\n");
  const Outcome outcome = orrery({"sweep", write("s.yaml", text), "--pareto",
                                  "serving.output_tokens_per_s_per_gpu,serving.output_tokens_per_s_per_user", "--sort",
                                  "serving.tpot_s.p99", "--json", path("s.json"), "--csv", path("s.csv")});
  ASSERT_EQ(outcome.code, kExitWell) << outcome.err;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("Pareto front of most serving.output_tokens_per_s_per_gpu, most "
                                           "serving.output_tokens_per_s_per_user: "),
                                 HasSubstr("concurrency=64  on the Pareto front")));
  const json result = json::parse(read_file(path("s.json")));
  EXPECT_EQ(result["pareto"].size(), 2U);
  const auto figure = [](const json& point, const char* name) {
    return point["report"]["serving"][name].get<double>();
  };
  int on_front = 0;
  for (const json& point : result["points"]) {
    bool beaten = false;
    for (const json& other : result["points"]) {
      beaten =
          beaten || (figure(other, "output_tokens_per_s_per_gpu") > figure(point, "output_tokens_per_s_per_gpu") &&
                     figure(other, "output_tokens_per_s_per_user") > figure(point, "output_tokens_per_s_per_user"));
    }
    EXPECT_EQ(point["pareto"].get<bool>(), !beaten) << point["set"];
    on_front += beaten ? 0 : 1;
  }
  EXPECT_GE(on_front, 3);
  const std::string csv = read_file(path("s.csv"));
  EXPECT_THAT(csv, AllOf(HasSubstr(",findings,reason,pareto\n"), HasSubstr(",,,1\n")));
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 7);
  const Outcome one = orrery({"sweep", path("s.yaml"), "--pareto", "serving.tpot_s.p99"});
  EXPECT_EQ(one.code, kExitInput);
  EXPECT_THAT(one.err, HasSubstr("--pareto: a front is of two metrics"));
  EXPECT_THAT(orrery({"sweep", path("s.yaml"), "--pareto", "a,b"}).err, HasSubstr("--pareto: there is no metric 'a'"));
}

/// A program of its own that sweeps, and is killed once its journal has so many lines.
void sweep_and_kill(const std::vector<std::string>& args, const std::string& journal, int lines) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    std::ostringstream out, err;
    Console console{out, err};
    ::_exit(run_command(args, console));
  }
  for (int i = 0; i < 2000; ++i) {
    const std::string text = std::filesystem::exists(journal) ? read_file(journal) : "";
    if (std::count(text.begin(), text.end(), '\n') >= lines) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  ::kill(child, SIGKILL);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
}

TEST_F(Sweep, ResumesWhereAKilledOneStopped) {
  std::string rates = "1";
  for (int i = 2; i <= 120; ++i) rates += ", " + std::to_string(i);
  const std::string file = write("s.yaml", chat("sweep:\n  serving.load.concurrency: [" + rates + "]\n"));
  for (const std::string kind : {"csv", "json"}) {
    const std::string whole = path("whole." + kind), grid = path("grid." + kind), left = path("grid.partial." + kind);
    ASSERT_EQ(orrery({"sweep", file, "--" + kind, whole, "-q"}).code, kExitWell);
    EXPECT_FALSE(std::filesystem::exists(path("whole.partial." + kind)));
    sweep_and_kill({"sweep", file, "--" + kind, grid, "-q"}, left, 6);
    ASSERT_TRUE(std::filesystem::exists(left));
    std::ofstream(left, std::ios::app) << "torn, without an e";
    const Outcome other =
        orrery({"sweep", file, "--" + kind, grid, "-q", "--resume", "--set", "serving.load.input=400"});
    EXPECT_EQ(other.code, kExitInput);
    EXPECT_THAT(other.err, AllOf(HasSubstr("grid.partial." + kind), HasSubstr("another sweep")));
    ASSERT_EQ(orrery({"sweep", file, "--" + kind, grid, "-q", "--resume"}).code, kExitWell);
    EXPECT_EQ(read_file(grid), read_file(whole));
    EXPECT_FALSE(std::filesystem::exists(left));
  }
}

TEST_F(Sweep, RefusesRowsThatSomebodyEdited) {
  const std::string file = write("s.yaml", chat("sweep:\n  serving.load.concurrency: [1, 2, 3, 4, 5, 6, 7, 8, 9]\n"));
  for (const std::string kind : {"csv", "json"}) {
    const std::string grid = path("grid." + kind), left = path("grid.partial." + kind);
    sweep_and_kill({"sweep", file, "--" + kind, grid, "-q"}, left, 4);
    ASSERT_TRUE(std::filesystem::exists(left));
    const std::string whole = read_file(left);
    std::string edited = whole;
    // A digit in the third line, which is a row.
    const std::size_t row = edited.find('\n', edited.find('\n') + 1) + 1;
    const std::size_t digit = edited.find_first_of("123456789", edited.find(kind == "csv" ? "." : "gpus", row));
    edited[digit] = edited[digit] == '9' ? '8' : '9';
    write("grid.partial." + kind, edited);
    const Outcome outcome = orrery({"sweep", file, "--" + kind, grid, "-q", "--resume"});
    EXPECT_EQ(outcome.code, kExitInput);
    EXPECT_THAT(outcome.err,
                HasSubstr("grid.partial." + kind + ":3:1: --resume: the row is not as the sweep wrote it"));
    write("grid.partial." + kind, whole);
    EXPECT_EQ(orrery({"sweep", file, "--" + kind, grid, "-q", "--resume"}).code, kExitWell);
  }
}

// A pipe would block, and what a link leads to is somebody else's.
TEST_F(Sweep, WritesItsPartialFileNowhereElse) {
  const std::string file = write("s.yaml", small_scenario() + "sweep:\n  training.micro_batch_size: [1, 2]\n");
  ASSERT_EQ(::mkfifo(path("a.partial.csv").c_str(), 0600), 0);
  for (const bool resume : {false, true}) {
    std::vector<std::string> args = {"sweep", file, "--csv", path("a.csv"), "-q"};
    if (resume) args.emplace_back("--resume");
    const Outcome pipe = orrery(args);
    EXPECT_EQ(pipe.code, kExitInput);
    EXPECT_THAT(pipe.err, HasSubstr("is a pipe"));
  }
  write("victim", "kept\n");
  std::filesystem::create_symlink(path("victim"), path("b.partial.csv"));
  const Outcome link = orrery({"sweep", file, "--csv", path("b.csv"), "-q"});
  EXPECT_EQ(link.code, kExitInput);
  EXPECT_THAT(link.err, HasSubstr("is a symbolic link"));
  EXPECT_EQ(read_file(path("victim")), "kept\n");
}

TEST_F(Sweep, AbsentJournalIsNoObstacleToResuming) {
  const std::string file = write("s.yaml", chat("sweep:\n  serving.load.concurrency: [1, 2]\n"));
  ASSERT_EQ(orrery({"sweep", file, "--csv", path("a.csv"), "-q"}).code, kExitWell);
  ASSERT_EQ(orrery({"sweep", file, "--csv", path("b.csv"), "-q", "--resume"}).code, kExitWell);
  EXPECT_EQ(read_file(path("a.csv")), read_file(path("b.csv")));
  EXPECT_THAT(orrery({"sweep", file, "--resume"}).err, HasSubstr("--csv"));
}

TEST(ShortReason, IsWithoutFileAndPlaceAndControlCharacters) {
  EXPECT_EQ(short_reason("a/s.yaml:8:12: training.x: no", "a/s.yaml"), "training.x: no");
  EXPECT_EQ(short_reason("a/s.yaml: sweep training.x=5: it is 5", "a/s.yaml"), "it is 5");
  EXPECT_EQ(short_reason("bad \x1b[31m", "s.yaml"), "bad \\x1b[31m");
  EXPECT_LT(short_reason(std::string(400, 'a'), "s.yaml").size(), 110U);
}

TEST(ProgressText, SaysRateAndTimeLeft) {
  EXPECT_EQ(progress_text(0, 100, 0, 2.0, "points"), "0 of 100 points");
  EXPECT_EQ(progress_text(40, 100, 0, 2.0, "points"), "40 of 100 points, 20/s, 3 s left");
  EXPECT_EQ(progress_text(10, 100, 0, 20.0, "points"), "10 of 100 points, 0.5/s, 3 min 0 s left");
  EXPECT_EQ(progress_text(60, 100, 50, 5.0, "points"), "60 of 100 points, 2/s, 20 s left");  // 50 were there before
}

}  // namespace
}  // namespace orrery::scenarios::testing
