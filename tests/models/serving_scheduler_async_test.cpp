// Step traces, written out by hand, with two steps in flight: asynchronous scheduling, where the outputs of the step
// that runs count as placeholders (vllm/v1/core/sched/async_scheduler.py), and two pipeline stages, where a sequence in
// flight has nothing to schedule.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/models/serving_driver.hpp"

namespace orrery::models::testing {
namespace {

using ::testing::ElementsAre;

SchedulerConfig async(SchedulerConfig config) {
  config.async_scheduling = true;
  return config;
}

TEST(VllmV1AsyncScheduling, SchedulesAgainBeforeTheOutputIsKnownAndForeseesTheLast) {
  SchedulerDriver driver(async(limits(64)), pool(10), 2);
  // Step 1: n = 10 known + 1 placeholder − 10 computed. Step 3: two tokens emitted and one in flight are all three, so
  // that nothing is left to schedule; A keeps its block until that step has run.
  EXPECT_THAT(trace(driver, {{0, 10, 3, {}, 0}}, 5),
              ElementsAre("A 10@0* | free 9",  //
                          "A 1@10* | free 9",  //
                          "A 1@11* | free 9",  //
                          "| free 9",          //
                          "| free 10"));
  EXPECT_EQ(driver.sequences[0].generated, 3);
  EXPECT_EQ(driver.sequences[0].placeholders, 0);
}

TEST(VllmV1AsyncScheduling, FreesASlotOneStepLate) {
  SchedulerDriver driver(async(limits(64, 1)), pool(10), 2);
  // In step 2 A has nothing to schedule but still runs: B's place is taken for one step more.
  EXPECT_THAT(trace(driver, {{0, 10, 2, {}, 0}, {0, 10, 1, {}, 0}}, 6),
              ElementsAre("A 10@0* | free 9",  //
                          "A 1@10* | free 9",  //
                          "| free 9",          //
                          "B 10@0* | free 9",  //
                          "| free 9",          //
                          "| free 10"));
}

TEST(VllmV1AsyncScheduling, WastesAStepWhereTheEndIsNotForeseen) {
  SchedulerConfig config = async(limits(64, 1));
  config.foresees_end = false;
  SchedulerDriver driver(config, pool(10), 2);
  // That a token ended the answer is known one step late: A and B each run once more, and those tokens are dropped.
  EXPECT_THAT(trace(driver, {{0, 10, 2, {}, 0}, {0, 10, 1, {}, 0}}, 6),
              ElementsAre("A 10@0* | free 9",  //
                          "A 1@10* | free 9",  //
                          "A 1@11* | free 9",  //
                          "B 10@0* | free 9",  //
                          "B 1@10* | free 9",  //
                          "| free 10"));
  EXPECT_EQ(driver.sequences[0].generated, 2);
  EXPECT_EQ(driver.sequences[1].generated, 1);
}

TEST(VllmV1AsyncScheduling, PassesOverASequenceThatIsDoneAndServesTheNext) {
  SchedulerDriver driver(async(limits(64)), pool(10), 2);
  EXPECT_THAT(trace(driver, {{0, 10, 1, {}, 0}, {0, 10, 3, {}, 0}}, 5),
              ElementsAre("A 10@0* B 10@0* | free 8",  //
                          "B 1@10* | free 8",          // A is in flight with its only token
                          "B 1@11* | free 9",          //
                          "| free 9",                  //
                          "| free 10"));
}

TEST(VllmV1AsyncScheduling, ContinuesAPromptWhileItsFirstChunkRuns) {
  SchedulerDriver driver(async(limits(16)), pool(10), 2);
  EXPECT_THAT(trace(driver, {{0, 40, 2, {}, 0}}, 6),
              ElementsAre("A 16@0 | free 9",   //
                          "A 16@16 | free 8",  //
                          "A 8@32* | free 7",  //
                          "A 1@40* | free 7",  //
                          "| free 7",          //
                          "| free 10"));
}

TEST(VllmV1AsyncScheduling, KeepsTheTokenThatAVictimHasInFlight) {
  SchedulerDriver driver(async(limits(128)), pool(8), 2);
  // Step 1: A's placeholder is its token 65, a fifth block: B is preempted while step 0 runs, which emits B's first
  // token all the same. Step 2: B knows 61 tokens and needs 4 blocks of 3. A ends with step 2, which is applied after
  // the empty decision 3.
  EXPECT_THAT(trace(driver, {{0, 64, 3, {}, 0}, {0, 60, 3, {}, 0}}, 8),
              ElementsAre("A 64@0* B 60@0* | free 0",        //
                          "A 1@64* | free 3 | preempted 1",  //
                          "A 1@65* | free 3",                //
                          "| free 3",                        //
                          "B 13@48* | free 4",               //
                          "B 1@61* | free 4",                //
                          "| free 4",                        //
                          "| free 8"));
  EXPECT_EQ(driver.sequences[1].generated, 3);
}

TEST(VllmV1AsyncScheduling, StopsASequenceAtMaxModelLen) {
  SchedulerConfig config = async(limits(64));
  config.max_model_len = 24;
  SchedulerDriver driver(config, pool(10), 2);
  // 20 + 3 tokens are computed, the last is the placeholder of token 23; token 24 is emitted and never computed.
  EXPECT_THAT(trace(driver, {{0, 20, 10, {}, 0}}, 5),
              ElementsAre("A 20@0* | free 8",  //
                          "A 1@20* | free 8",  //
                          "A 1@21* | free 8",  //
                          "A 1@22* | free 8",  //
                          "| free 8"));
}

TEST(VllmV1PipelineParallel, PassesOverSequencesInFlight) {
  SchedulerDriver driver(limits(64), pool(10), 2);
  // Without placeholders a sequence in flight has n = known − computed = 0. Step 3: A is skipped, B behind it runs.
  EXPECT_THAT(trace(driver, {{0, 10, 2, {}, 0}, {1, 20, 2, {}, 0}}, 6),
              ElementsAre("A 10@0* | free 9",  //
                          "B 20@0* | free 7",  //
                          "A 1@10* | free 7",  //
                          "B 1@20* | free 7",  //
                          "| free 8",          //
                          "| free 10"));
}

TEST(VllmV1PipelineParallel, KeepsTwoChunksOfAPromptInFlight) {
  SchedulerDriver driver(limits(16), pool(10), 2);
  EXPECT_THAT(trace(driver, {{0, 40, 1, {}, 0}}, 5),
              ElementsAre("A 16@0 | free 9",   //
                          "A 16@16 | free 8",  //
                          "A 8@32* | free 7",  //
                          "| free 7",          //
                          "| free 10"));
}

}  // namespace
}  // namespace orrery::models::testing
