// Stopping runs, hearing how far they are, and that neither changes a figure.
#include <atomic>
#include <ctime>
#include <vector>

#include <gtest/gtest.h>

#include "scenarios/report.hpp"
#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios {
namespace {

using testing::library;

/// Processor time of this thread in seconds: other programs on the machine don't count.
double processor_time() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// Processor time from setting the flag, at `share` of the progress, until run_scenario() has thrown.
double stop_at(const Scenario& scenario, const Keep& keep, double share) {
  std::atomic<bool> stop = false;
  double stopped = 0.0;
  const sim::RunControl control{&stop, [&](double done) {
                                  if (done < share || stop) return;
                                  stopped = processor_time();
                                  stop = true;
                                }};
  EXPECT_THROW((void)run_scenario(scenario, keep, control), sim::Cancelled) << share;
  return processor_time() - stopped;
}

std::vector<double> progress_of(const Scenario& scenario) {
  std::vector<double> told;
  const sim::RunControl control{nullptr, [&](double share) { told.push_back(share); }};
  (void)run_scenario(scenario, {}, control);
  return told;
}

void expect_monotone_to_one(const std::vector<double>& told) {
  ASSERT_GE(told.size(), 3u);
  for (std::size_t i = 1; i < told.size(); ++i) EXPECT_GE(told[i], told[i - 1]) << i;
  EXPECT_GE(told.front(), 0.0);
  EXPECT_LT(told.front(), 0.5);
  EXPECT_DOUBLE_EQ(told.back(), 1.0);
}

/// Llama-3 8B on one H100, a load of some 0.1 s of simulation.
Scenario long_serving(const std::string& load) {
  const auto path = std::filesystem::temp_directory_path() / ("orrery-run-control-" + std::to_string(::getpid()));
  std::ofstream(path)
      << "scenario: long\nmodel: llama-3-8b\ncluster: {node: dgx_h100}\nserving:\n  max_model_len: 8192\n"
         "  load: "
      << load << "\n";
  const Scenario scenario = load_scenario(path.string());
  std::filesystem::remove(path);
  return scenario;
}

constexpr const char* kLongLoad = "{arrivals: poisson, rate: 20, requests: 20000, input: 500, output: 200}";

TEST(RunControlOfRuns, StopsATrillionParameterStepWithinFiftyMilliseconds) {
  const Scenario scenario = load_scenario(library("korthikanti-1t-512xa100"));
  const Keep keep{true, false};
  for (const double share : {0.0, 0.1, 0.25, 0.45, 0.7, 0.9}) EXPECT_LT(stop_at(scenario, keep, share), 0.05) << share;
}

TEST(RunControlOfRuns, StopsServingWithinFiftyMilliseconds) {
  const Scenario scenario = long_serving(kLongLoad);
  const Keep keep{true, true};
  for (const double share : {0.0, 0.3, 0.9, 0.97}) EXPECT_LT(stop_at(scenario, keep, share), 0.05) << share;
}

TEST(RunControlOfRuns, DoesNotStartWhatIsAlreadyStopped) {
  const std::atomic<bool> stop = true;
  const double before = processor_time();
  EXPECT_THROW((void)run_scenario(load_scenario(library("korthikanti-1t-512xa100")), {}, {&stop, {}}), sim::Cancelled);
  EXPECT_THROW((void)run_scenario(long_serving(kLongLoad), {}, {&stop, {}}), sim::Cancelled);
  EXPECT_LT(processor_time() - before, 0.1);
}

TEST(RunControlOfRuns, TellsAGrowingShareOfTrainingUpToAll) {
  expect_monotone_to_one(progress_of(load_scenario(library("korthikanti-175b-64xa100"))));
}

TEST(RunControlOfRuns, TellsAGrowingShareOfServingUpToAll) {
  const std::vector<double> told = progress_of(long_serving(kLongLoad));
  expect_monotone_to_one(told);
  EXPECT_LT(told.size(), 1000u) << "told now and then, not for every request";
}

TEST(RunControlOfRuns, SaysThatATraceOfUnknownLengthHasNoShare) {
  const auto trace = std::filesystem::temp_directory_path() / ("orrery-trace-" + std::to_string(::getpid()) + ".jsonl");
  {
    std::ofstream out(trace);
    for (int i = 0; i < 20'000; ++i) {
      out << "{\"timestamp\": " << 50 * i << ", \"input_length\": 500, \"output_length\": 200, \"hash_ids\": [" << i
          << "]}\n";
    }
  }
  const std::vector<double> told = progress_of(long_serving("{arrivals: trace, trace: " + trace.string() + "}"));
  std::filesystem::remove(trace);
  ASSERT_GE(told.size(), 2u);
  EXPECT_DOUBLE_EQ(told.front(), -1.0);
  EXPECT_DOUBLE_EQ(told.back(), 1.0);
}

TEST(RunControlOfRuns, ChangesNoFigure) {
  for (const Scenario& scenario : {load_scenario(library("korthikanti-22b-8xa100")),
                                   long_serving("{rate: 4, requests: 40, input: 128, output: 32}")}) {
    const std::atomic<bool> stop = false;
    const sim::RunControl control{&stop, [](double) {}};
    EXPECT_EQ(to_json_without_engine({run_scenario(scenario, {}, control)}),
              to_json_without_engine({run_scenario(scenario)}));
  }
}

}  // namespace
}  // namespace orrery::scenarios
