// How far off predictions may be.
#include <cmath>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "kernels/table/scaled_timer.hpp"
#include "scenarios/report.hpp"
#include "scenarios/scenario.hpp"
#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class RunIntervals : public FolderTest {
 protected:
  nlohmann::json run(const std::string& file, std::vector<std::string> more = {"--intervals"}) const {
    std::vector<std::string> args = {"run", file, "--json", path("r.json"), "--quiet", "--reproducible"};
    args.insert(args.end(), more.begin(), more.end());
    const Outcome outcome = orrery(args);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return nlohmann::json::parse(read_file(path("r.json")));
  }
};

TEST_F(RunIntervals, HoldThePredictionAndSayWhoseErrorsTheyAre) {
  const nlohmann::json report = run(library("llama-3-8b-hgx-h100"));
  const auto& step = report.at("intervals").at("training.step_time_s");
  const double predicted = report.at("training").at("step_time_s");
  EXPECT_LT(step.at("low").get<double>(), predicted);
  EXPECT_GT(step.at("high").get<double>(), predicted);
  EXPECT_GT(step.at("low").get<double>(), 0.7 * predicted);
  EXPECT_LT(step.at("high").get<double>(), 1.5 * predicted);
  // A rate is at its low end where the time is at its high one.
  const auto& rate = report.at("intervals").at("training.tokens_per_s");
  const double tokens = report.at("training").at("tokens_per_s");
  EXPECT_NEAR(rate.at("low").get<double>() / tokens, predicted / step.at("high").get<double>(), 0.03);
  // The optimizer has no fit: the datasheet's error, of which three kernels have their part each.
  const auto& optimizer = report.at("intervals").at("training.optimizer_s");
  const double pass = report.at("training").at("optimizer_s");
  EXPECT_GT(optimizer.at("high").get<double>(), 1.1 * pass);
  EXPECT_LE(optimizer.at("high").get<double>(), 1.4 * pass);
  EXPECT_FALSE(report.at("intervals").contains("memory.peak_bytes")) << "no kernel's time changes what fits";
  bool measured = false, datasheet = false;
  for (const auto& source : report.at("interval_sources")) {
    EXPECT_LE(source.at("low").get<double>(), 1.0);
    EXPECT_GE(source.at("high").get<double>(), 1.0);
    measured = measured || source.at("of") == "unseen_family";
    datasheet = datasheet || source.at("of") == "datasheet only";
  }
  EXPECT_TRUE(measured && datasheet) << report.at("interval_sources").dump(1);
}

TEST_F(RunIntervals, OfACollectiveAloneAreNone) {
  const nlohmann::json report = run(write(
      "s.yaml", "scenario: alone\ncluster: {node: dgx_h100}\ncollective: {operation: all_reduce, bytes: 64 MiB}\n"));
  EXPECT_TRUE(report.at("intervals").empty()) << "collectives are taken as predicted, not as certain";
}

TEST_F(RunIntervals, AreThereOnDemandAndTheSameEachTime) {
  const std::string file = library("llama-3-8b-hgx-h100");
  EXPECT_FALSE(run(file, {}).contains("intervals"));
  nlohmann::json once = run(file);
  EXPECT_EQ(once, run(file));
  for (const char* added : {"intervals", "interval_sources"}) once.erase(added);
  EXPECT_EQ(once, run(file, {})) << "the prediction itself is as without";
  const Outcome text = orrery({"run", file, "--intervals"});
  EXPECT_THAT(text.out, HasSubstr("How far off (nine of ten"));
  EXPECT_THAT(text.out, HasSubstr("gemm/trtllm/bf16"));
  EXPECT_THAT(orrery({"run", file}).out, Not(HasSubstr("How far off")));
}

TEST_F(RunIntervals, CombineEndsAsTheRootOfTheSumOfSquares) {
  const auto loaded = load_scenario(library("llama-3-8b-hgx-h100"));
  Keep keep;
  keep.intervals = true;
  const Report report = run_scenario(loaded, keep);
  const auto timer = make_timer(loaded.timer);
  double squares = 0.0;
  for (const IntervalSource& source : report.intervals->sources) {
    for (const double factor : {source.low, source.high}) {
      const auto scaled = kernels::scaled_timer(*timer, {source.fit, source.family, factor});
      const double change =
          run_scenario_with(loaded, *scaled).metric("training.step_time_s") - report.metric("training.step_time_s");
      if (change > 0.0) squares += change * change;
    }
  }
  EXPECT_NEAR(report.intervals->find("training.step_time_s")->high,
              report.metric("training.step_time_s") + std::sqrt(squares), 1e-12);
}

TEST_F(RunIntervals, OfAServedModelAreOfItsLatenciesAndRates) {
  const nlohmann::json report =
      run(write("s.yaml",
                "scenario: served\nmodel: llama-3.1-8b\ncluster: {node: dgx_h100}\n"
                "serving:\n  tensor_parallel: 1\n  load: {arrivals: closed_loop, concurrency: 16, requests: 64, "
                "input: 512, output: 64}\n"));
  const auto& tpot = report.at("intervals").at("serving.tpot_s.mean");
  const double predicted = report.at("serving").at("tpot_s").at("mean");
  EXPECT_LT(tpot.at("low").get<double>(), predicted);
  EXPECT_GT(tpot.at("high").get<double>(), predicted);
  EXPECT_LT(tpot.at("high").get<double>(), 1.4 * predicted);
}

}  // namespace
}  // namespace orrery::scenarios::testing
