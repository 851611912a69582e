// The Chrome trace of a training step: well-formed, within the step, and its spans on a stream follow each other.
#include <algorithm>
#include <map>
#include <set>
#include <sstream>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "scenarios/kinds.hpp"
#include "scenarios/report.hpp"
#include "scenarios/training/job.hpp"
#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using nlohmann::json;

/// A step in two pipeline stages, and its trace.
class StepTrace : public FolderTest {
 protected:
  void SetUp() override {
    FolderTest::SetUp();
    run("  pipeline_parallel: 2\n  data_parallel: 2\n");
  }
  void run(const std::string& keys) {
    const std::string file = write("s.yaml", replaced(small_scenario(), "  data_parallel: 4\n", keys));
    const Outcome outcome = orrery({"run", file, "-q", "--trace", path("t.json"), "--json", path("r.json")});
    ASSERT_EQ(outcome.code, kExitWell) << outcome.err;
    events_ = json::parse(read_file(path("t.json")))["traceEvents"];
    report_ = json::parse(read_file(path("r.json")));
  }
  [[nodiscard]] std::vector<json> of(const std::string& phase) const {
    std::vector<json> some;
    for (const json& event : events_) {
      if (event["ph"] == phase) some.push_back(event);
    }
    return some;
  }

  json events_, report_;
};

TEST_F(StepTrace, SpansLieWithinTheStep) {
  const double step = report_["training"]["step_time_s"].get<double>() * 1e6;  // us
  double end = 0.0;
  ASSERT_FALSE(of("X").empty());
  for (const json& span : of("X")) {
    EXPECT_GE(span["ts"].get<double>(), 0.0);
    EXPECT_GE(span["dur"].get<double>(), 0.0);
    end = std::max(end, span["ts"].get<double>() + span["dur"].get<double>());
  }
  EXPECT_NEAR(end, step, 1e-3);
}

TEST_F(StepTrace, SpansOfAStreamFollowEachOther) {
  std::map<std::pair<int, int>, std::vector<std::pair<double, double>>> streams;
  for (const json& span : of("X")) {
    const double start = span["ts"];
    streams[{span["pid"], span["tid"]}].push_back({start, start + span["dur"].get<double>()});
  }
  EXPECT_GE(streams.size(), 2U);
  for (auto& [stream, spans] : streams) {
    std::sort(spans.begin(), spans.end());
    for (std::size_t i = 1; i < spans.size(); ++i) {
      EXPECT_GE(spans[i].first, spans[i - 1].second - 1e-5) << stream.first << "/" << stream.second;
    }
  }
}

TEST_F(StepTrace, EveryProcessAndThreadIsNamedOnce) {
  std::set<std::pair<int, int>> threads;
  std::set<int> processes;
  for (const json& event : of("M")) {
    if (event["name"] == "process_name") {
      EXPECT_TRUE(processes.insert(event["pid"].get<int>()).second);
    }
    if (event["name"] == "thread_name") {
      EXPECT_TRUE(threads.insert({event["pid"].get<int>(), event["tid"].get<int>()}).second);
    }
    EXPECT_FALSE(event["args"]["name"].get<std::string>().empty());
  }
  EXPECT_EQ(processes.size(), 2U) << "a rank per stage stands for its GPUs";
  for (const json& span : of("X")) {
    EXPECT_EQ(threads.count({span["pid"].get<int>(), span["tid"].get<int>()}), 1U) << span;
  }
}

TEST_F(StepTrace, BusyTimesAreThoseOfTheReport) {
  // Computing of both stages, in seconds, is the mean that the report has, twice; gaps between kernels are within it.
  std::map<int, double> busy;
  std::map<std::pair<int, int>, std::string> names;
  for (const json& event : of("M")) {
    if (event["name"] == "thread_name") names[{event["pid"], event["tid"]}] = event["args"]["name"].get<std::string>();
  }
  for (const json& span : of("X")) {
    const std::pair<int, int> thread(span["pid"].get<int>(), span["tid"].get<int>());
    if (names[thread].find("compute") != std::string::npos) busy[thread.first] += span["dur"].get<double>() * 1e-6;
  }
  ASSERT_EQ(busy.size(), 2U);
  const double step = report_["training"]["step_time_s"];
  for (const auto& [rank, seconds] : busy) EXPECT_LE(seconds, step * (1 + 1e-9)) << rank;
  EXPECT_GE((busy[0] + busy[1]) / 2.0, report_["training"]["compute_s"].get<double>() * 0.999);
}

TEST_F(StepTrace, MemoryNeverExceedsThePeakAndReachesIt) {
  std::map<int, double> highest;
  for (const json& counter : of("C")) {
    double sum = 0.0;
    for (const auto& [kind, bytes] : counter["args"].items()) {
      EXPECT_GE(bytes.get<double>(), -1.0) << kind;
      sum += bytes.get<double>();
    }
    double& most = highest[counter["pid"].get<int>()];
    most = std::max(most, sum);
  }
  ASSERT_EQ(highest.size(), 2U);
  for (const json& stage : report_["memory"]["stages"]) {
    const double peak = stage["peak_bytes"];
    EXPECT_NEAR(highest[stage["stage"].get<int>()], peak, 1e-6 * peak) << stage["stage"];
  }
}

TEST_F(StepTrace, IsTheSameBytesAgain) {
  const std::string first = read_file(path("t.json"));
  run("  pipeline_parallel: 2\n  data_parallel: 2\n");
  EXPECT_EQ(read_file(path("t.json")), first);
}

TEST_F(StepTrace, CountsAPassForEachMicrobatch) {
  // 64 / (4 x 2) = 8 microbatches: each stage begins eight forward passes and ends eight backward ones.
  const Report report = run_scenario(load_scenario(path("s.yaml")), Keep{true, false});
  const sim::Plan& plan = *find_training(report)->plan;
  std::size_t sends = 0;
  for (const sim::Stream& stream : plan.streams) {
    for (const sim::Step& one : stream.steps) sends += one.kind == sim::StepKind::send ? 1U : 0U;
  }
  EXPECT_EQ(sends, 16U) << "eight activations one way, eight gradients back";
}

}  // namespace
}  // namespace orrery::scenarios::testing
