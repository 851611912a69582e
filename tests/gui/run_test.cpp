// What a run holds for the views: made of a text, as the library alone makes it.
#include "gui/run/run.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hardware/config/config.hpp"
#include "models/training/lowered_step.hpp"
#include "scenarios/serving/job.hpp"
#include "tests/gui/gui_fixture.hpp"
#include "tests/gui/made_runs.hpp"

namespace orrery::gui::testing {
namespace {

using ::testing::HasSubstr;

RunRequest request(const std::string& text) {
  RunRequest made;
  made.number = 7;
  made.text = text;
  made.file = "a.yaml";
  made.change = "opened";
  return made;
}

TEST(MakeRun, KeepsWhatWasAsked) {
  const auto run = make_run(request(small_training()));
  EXPECT_EQ(run->request.text, small_training());
  EXPECT_EQ(run->ordinal, 7u);
  EXPECT_EQ(run->label(), "#7 opened");
}

TEST(MakeRun, TheTimelineLeavesTheReportForTheIndex) {
  const auto run = make_run(request(piped_training()));
  ASSERT_FALSE(run->timeline.spans.empty());
  EXPECT_EQ(run->index.timeline(), &run->timeline);
  std::size_t spans = 0;
  for (const Track& track : run->index.tracks()) spans += track.last - track.first;
  EXPECT_EQ(spans, run->timeline.spans.size()) << "every span is on a track";
  EXPECT_NEAR(static_cast<double>(run->timeline.makespan) * 1e-12, run->report.metric("training.step_time_s"),
              0.01 * run->report.metric("training.step_time_s"));
  EXPECT_GE(run->weight(), run->timeline.spans.size());
}

TEST(MakeRun, SeriesAreOfWhatServes) {
  EXPECT_TRUE(make_run(request(small_training()))->series.latencies.empty());
  const auto serving = make_run(request(chat(100, 10)));
  EXPECT_EQ(serving->series.latencies.size(), 4u);
  EXPECT_GT(serving->series.duration, 0.0);
  EXPECT_TRUE(serving->has_kind("serving"));
}

TEST(MakeRun, ExplainsEveryFigureThatItHas) {
  const auto run = make_run(request(small_training()));
  const std::vector<std::string> metrics = run->explanation.metrics();
  EXPECT_GT(metrics.size(), 20u);
  for (const std::string& metric : metrics) EXPECT_TRUE(run->report.find_metric(metric)) << metric;
}

// A dragged bandwidth re-prices a step that was lowered before: the figures are those of a run of its own.
TEST(MakeRun, ALoweredStepGivesTheSameFigures) {
  const auto lowered = std::make_shared<models::LoweredSteps>();
  for (const char* batch : {"64", "72", "64"}) {
    for (const char* recompute : {"none", "full", "none"}) {
      const std::string text =
          replaced(replaced(small_training(), "global_batch_size:  64", std::string("global_batch_size: ") + batch),
                   "recompute: none", std::string("recompute: ") + recompute);
      const auto kept = make_run(request(text), {}, lowered), alone = make_run(request(text));
      for (const scenarios::MetricValue& metric : alone->report.metrics) {
        if (metric.name.find("engine.") == 0) continue;  // how long it took to find out
        EXPECT_EQ(kept->report.metric(metric.name), metric.value) << metric.name << " with " << batch;
      }
      EXPECT_EQ(kept->timeline.spans.size(), alone->timeline.spans.size());
      EXPECT_EQ(kept->timeline.makespan, alone->timeline.makespan);
    }
  }
}

TEST(MakeRun, AWrongTextSaysWhere) {
  try {
    (void)make_run(request(replaced(small_training(), "recompute: none", "recompute: nono")));
    FAIL() << "it ran";
  } catch (const hardware::ConfigError& error) {
    EXPECT_THAT(error.what(), HasSubstr("a.yaml:13:14: "));
  }
}

TEST(RunKinds, AreComparedWithoutTheirOrder) {
  const auto training = tests::run_with({});
  auto both = tests::run_with({}), turned = tests::run_with({});
  const auto serve = [](gui::Run& run, bool first) {
    scenarios::Job job;
    job.kind = scenarios::find_kind("serving");
    job.name = "chat";
    auto& jobs = run.report.scenario.jobs;
    auto& results = run.report.results;
    jobs.insert(first ? jobs.begin() : jobs.end(), job);
    results.insert(first ? results.begin() : results.end(), std::make_shared<scenarios::ServingOutcome>());
  };
  serve(*both, false);
  serve(*turned, true);
  EXPECT_TRUE(both->has_kinds_of(*turned));
  EXPECT_FALSE(both->has_kinds_of(*training));
  EXPECT_FALSE(training->has_kinds_of(*both));
}

}  // namespace
}  // namespace orrery::gui::testing
