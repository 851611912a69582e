// The worker without a window: what becomes of each text, and in which order.
#include "gui/run/simulation.hpp"

#include <QSignalSpy>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/gui/gui_fixture.hpp"
#include "tests/gui/made_runs.hpp"

namespace orrery::gui::testing {
namespace {

using ::testing::HasSubstr;

class SimulationTest : public ::testing::Test {
 protected:
  SimulationTest() {
    QObject::connect(&simulation_, &Simulation::finished, [this](const RunPtr& run) { runs_.push_back(run); });
    QObject::connect(&simulation_, &Simulation::rejected,
                     [this](const std::vector<hardware::Diagnostic>& problems) { problems_ = problems; });
    QObject::connect(&simulation_, &Simulation::cancelled, [this] { ++cancelled_; });
  }
  bool wait() {
    return wait_for([this] { return !simulation_.is_busy(); });
  }

  Simulation simulation_;
  std::vector<RunPtr> runs_;
  std::vector<hardware::Diagnostic> problems_;
  int cancelled_ = 0;
};

TEST_F(SimulationTest, GivesTheRunOfATextWithItsRequest) {
  simulation_.submit(small_training(), "a.yaml", "opened", true);
  EXPECT_TRUE(simulation_.is_busy());
  ASSERT_TRUE(wait());
  ASSERT_EQ(runs_.size(), 1u);
  EXPECT_EQ(runs_[0]->request.text, small_training());
  EXPECT_EQ(runs_[0]->label(), "#1 opened");
  // As the library alone predicts it.
  const scenarios::Report alone = scenarios::run_scenario(scenarios::parse_scenario(small_training(), "a.yaml"));
  EXPECT_EQ(runs_[0]->report.metric("training.step_time_s"), alone.metric("training.step_time_s"));
}

TEST_F(SimulationTest, TellsWhatIsWrongAndWhere) {
  simulation_.submit(replaced(small_training(), "recompute: none", "recompute: nono"), "a.yaml", "", true);
  ASSERT_TRUE(wait());
  ASSERT_EQ(problems_.size(), 1u);
  EXPECT_EQ(problems_[0].span.line, 13);
  EXPECT_EQ(problems_[0].span.column, 14);  // behind two spaces and "recompute: "
  EXPECT_THAT(problems_[0].message, HasSubstr("nono"));
  EXPECT_TRUE(runs_.empty());
}

TEST_F(SimulationTest, RunsOnlyTheLastOfTextsThatFollowEachOther) {
  for (const char* batch : {"64", "72", "80"}) {
    simulation_.submit(replaced(small_training(), "global_batch_size:  64", std::string("global_batch_size: ") + batch),
                       "a.yaml", batch);
  }
  ASSERT_TRUE(wait());
  ASSERT_EQ(runs_.size(), 1u);
  EXPECT_EQ(runs_[0]->request.number, 3u) << "requests are counted";
  EXPECT_EQ(runs_[0]->ordinal, 1u) << "and results";
  EXPECT_EQ(runs_[0]->request.change, "80");
}

TEST_F(SimulationTest, AFailureOfAnOlderTextIsNotTold) {
  simulation_.submit("scenario: [", "a.yaml", "", true);
  simulation_.submit(small_training(), "a.yaml", "");
  ASSERT_TRUE(wait());
  EXPECT_TRUE(problems_.empty());
  EXPECT_EQ(runs_.size(), 1u);
}

TEST_F(SimulationTest, CancelledBeforeItBeganItDoesNotRun) {
  simulation_.submit(small_training(), "a.yaml", "");
  simulation_.cancel();
  EXPECT_EQ(cancelled_, 1);
  EXPECT_FALSE(simulation_.is_busy());
  turn_event_loop(100);
  EXPECT_TRUE(runs_.empty());
}

TEST_F(SimulationTest, CancelledMeanwhileItSaysSoOnceAndRunsTheNext) {
  QSignalSpy started(&simulation_, &Simulation::started);
  simulation_.submit(endless_serving(), "a.yaml", "", true);
  ASSERT_TRUE(wait_for([&] { return started.count() == 1; }));
  simulation_.cancel();
  ASSERT_TRUE(wait());
  EXPECT_EQ(cancelled_, 1);
  simulation_.submit(small_training(), "a.yaml", "", true);
  ASSERT_TRUE(wait());
  EXPECT_EQ(runs_.size(), 1u);
}

TEST_F(SimulationTest, TwoThatShareTheirNumbersNeverGiveTheSame) {
  Simulation other;
  other.share_numbers(simulation_);
  QObject::connect(&other, &Simulation::finished, [&](const RunPtr& run) { runs_.push_back(run); });
  simulation_.submit(small_training(), "a.yaml", "", true);
  other.submit(small_training(), "b.yaml", "", true);
  ASSERT_TRUE(wait_for([&] { return runs_.size() == 2; }));
  EXPECT_EQ(runs_[0]->request.number + runs_[1]->request.number, 1u + 2u);
  EXPECT_EQ(runs_[0]->ordinal + runs_[1]->ordinal, 1u + 2u);
}

TEST(RunTest, HasTheKindsOfItsJobs) {
  const auto training = tests::run_with({});
  EXPECT_TRUE(training->has_kind("training"));
  EXPECT_FALSE(training->has_kind("serving"));
  const gui::Run nothing;
  EXPECT_FALSE(nothing.has_kind("training"));
  EXPECT_FALSE(training->has_kinds_of(nothing));
  EXPECT_TRUE(training->has_kinds_of(*tests::run_with({})));
  const auto skipped = tests::run_with({});
  skipped->report.results.front() = nullptr;
  EXPECT_FALSE(skipped->has_kind("training")) << "it did not run";
}

TEST(RunTest, FitsUnlessAJobSaysThatItDoesNot) {
  using scenarios::Unit;
  EXPECT_TRUE(tests::run_with({})->fits());
  EXPECT_TRUE(tests::run_with({{"memory.fits", Unit::flag, 1.0}})->fits());
  EXPECT_FALSE(tests::run_with({{"memory.fits", Unit::flag, 0.0}})->fits());
}

TEST(RunTest, WeighsWhatItHolds) {
  RunRequest request;
  request.text = small_training();
  request.file = "a.yaml";
  const RunPtr run = make_run(request);
  EXPECT_GE(run->weight(), run->timeline.spans.size());
  EXPECT_GT(run->timeline.spans.size(), 100u);
  EXPECT_EQ(gui::Run().weight(), 0u);
}

TEST(RunTest, AStoppedOneIsNone) {
  std::atomic<bool> stop{true};
  sim::RunControl control;
  control.stop = &stop;
  RunRequest request;
  request.text = small_training();
  EXPECT_THROW((void)make_run(request, control), sim::Cancelled);
}

}  // namespace
}  // namespace orrery::gui::testing
