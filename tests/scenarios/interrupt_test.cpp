// Ctrl-C: exit code 130, and partial results that say so in their name and their content.

#include "scenarios/interrupt.hpp"

#include <chrono>
#include <csignal>
#include <sys/wait.h>
#include <thread>

#include <gmock/gmock.h>

#include "tests/places.hpp"
#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using ::testing::HasSubstr;
using Interrupt = FolderTest;

/// The small scenario with a sweep far too long to finish.
std::string endless_sweep() {
  std::string sweep = "sweep:\n  training.global_batch_size: [";
  for (int i = 1; i <= 1000; ++i) sweep += (i > 1 ? ", " : "") + std::to_string(16 * i);
  sweep += "]\n  seed: [";
  for (int i = 1; i <= 500; ++i) sweep += (i > 1 ? ", " : "") + std::to_string(i);
  return small_scenario() + sweep + "]\n";
}

TEST_F(Interrupt, StopBeforeTheFirstRunLeavesAnEmptyPartialReport) {
  const std::atomic<bool> stop{true};
  std::ostringstream out, err;
  Console console{out, err, false, &stop};
  const std::string file = write("small.yaml", small_scenario());
  EXPECT_EQ(run_command({"run", file, file, "--json", path("r.json"), "--csv", path("r.csv")}, console),
            kExitInterrupted);
  EXPECT_FALSE(std::filesystem::exists(path("r.json")));
  EXPECT_THAT(read_file(path("r.partial.json")), HasSubstr("\"partial\": true"));
  EXPECT_THAT(read_file(path("r.partial.csv")), HasSubstr("# partial"));
  EXPECT_THAT(err.str(), HasSubstr("0 of 2"));
}

TEST_F(Interrupt, CheckAndValidateStopToo) {
  const std::atomic<bool> stop{true};
  std::ostringstream out, err;
  Console console{out, err, false, &stop};
  EXPECT_EQ(run_command({"check", write("small.yaml", small_scenario()), "--junit", path("j.xml")}, console),
            kExitInterrupted);
  EXPECT_THAT(read_file(path("j.partial.xml")), HasSubstr("partial"));
}

TEST_F(Interrupt, SignalDuringASweepKeepsWhatIsDone) {
  const std::string file = write("sweep.yaml", endless_sweep());
  const std::string json = path("sweep.json");
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    // The child is the command: its own handler, its own flag.
    std::ostringstream out, err;
    Console console{out, err, false, &install_interrupt_flag()};
    std::ofstream(path("ready")) << "yes";
    ::_exit(run_command({"sweep", file, "--json", json, "-j", "2"}, console));
  }
  while (!std::filesystem::exists(path("ready"))) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  ASSERT_EQ(::kill(child, SIGINT), 0);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), kExitInterrupted);
  EXPECT_FALSE(std::filesystem::exists(json));
  EXPECT_THAT(read_file(path("sweep.partial.json")), HasSubstr("\"partial\": true"));
}

/// Starts the program itself and interrupts it while its one prediction runs; returns the status of waitpid().
int status_of_interrupted(const std::vector<std::string>& args) {
  std::vector<std::string> words = {orrery::tests::orrery_program()};
  words.insert(words.end(), args.begin(), args.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    ::execv(argv[0], argv.data());
    ::_exit(99);
  }
  std::this_thread::sleep_for(std::chrono::seconds(1));
  ::kill(child, SIGINT);
  int status = 0;
  ::waitpid(child, &status, 0);
  return status;
}

TEST_F(Interrupt, SignalDuringOneLongPredictionEndsItSoon) {
  // Minutes of work: 2048 microbatches through 64 stages of Korthikanti's 1T model.
  const std::string file = library("korthikanti-1t-512xa100");
  for (const std::string command : {"run", "check", "explain"}) {
    const std::string json = path(command + ".json");
    const auto start = std::chrono::steady_clock::now();
    const int status =
        status_of_interrupted({command, file, "--set", "training.global_batch_size=16384", "--json", json, "-q"});
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5)) << command;
    ASSERT_TRUE(WIFEXITED(status)) << command;
    EXPECT_EQ(WEXITSTATUS(status), kExitInterrupted) << command;
    EXPECT_FALSE(std::filesystem::exists(json)) << command;
    EXPECT_THAT(read_file(path(command + ".partial.json")), HasSubstr("\"partial\": true")) << command;
  }
}

TEST_F(Interrupt, SignalDuringALongServingRunEndsItSoon) {
  // 500 million requests: hours of work, whichever step is reached.
  const std::string file = write("long.yaml",
                                 "scenario: long\nmodel: llama-3-8b\ncluster: {node: dgx_h100}\nserving:\n"
                                 "  max_model_len: 4096\n  load:\n    arrivals: poisson\n    rate: 50\n"
                                 "    requests: 500000000\n    input: 200\n    output: 20\n");
  const std::string json = path("long.json"), requests = path("long.csv");
  const auto start = std::chrono::steady_clock::now();
  const int status = status_of_interrupted({"run", file, "--json", json, "--requests", requests, "-q"});
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), kExitInterrupted);
  EXPECT_FALSE(std::filesystem::exists(json));
  EXPECT_FALSE(std::filesystem::exists(requests));
  EXPECT_THAT(read_file(path("long.partial.json")), HasSubstr("\"partial\": true"));
  EXPECT_THAT(read_file(path("long.partial.csv")), HasSubstr("# partial"));
}

}  // namespace
}  // namespace orrery::scenarios::testing
