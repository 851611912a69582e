// Step traces written out by hand from vLLM V1's schedule() (vllm/v1/core/sched/scheduler.py): running first, then
// waiting in strict order, within a budget of tokens. Blocks hold 16 tokens; serving_driver.hpp explains the notation.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/models/serving_driver.hpp"

namespace orrery::models::testing {
namespace {

using ::testing::ElementsAre;

TEST(VllmV1Scheduler, AdmitsEveryPromptThatFitsTheBudget) {
  SchedulerDriver driver(limits(64), pool(10));
  // 20 and 30 tokens are 2 blocks each; token 21 and 31 fit into them.
  EXPECT_THAT(trace(driver, {{0, 20, 2, {}, 0}, {0, 30, 2, {}, 0}}, 3),
              ElementsAre("A 20@0* B 30@0* | free 6",  //
                          "A 1@20* B 1@30* | free 6",  //
                          "| free 10"));
  EXPECT_EQ(driver.sequences[0].cached, 0);
  EXPECT_TRUE(driver.idle());
}

TEST(VllmV1Scheduler, ChunksAPromptOverStepsWhileOthersDecode) {
  SchedulerDriver driver(limits(16), pool(10));
  // B gets what A's one token leaves: 15 + 15 + 10 = 40. Its blocks grow with its chunks: 15 → 1, 30 → 2, 40 → 3.
  EXPECT_THAT(trace(driver, {{0, 4, 5, {}, 0}, {1, 40, 2, {}, 0}}, 6),
              ElementsAre("A 4@0* | free 9",           //
                          "A 1@4* B 15@0 | free 8",    //
                          "A 1@5* B 15@15 | free 7",   //
                          "A 1@6* B 10@30* | free 6",  //
                          "A 1@7* B 1@40* | free 6",   //
                          "| free 10"));
}

TEST(VllmV1Scheduler, GivesTheRestOfTheBudgetToTheHeadOfTheLine) {
  SchedulerDriver driver(limits(8), pool(20));
  // Step 0: 8 − 2 − 2 leaves 4 of C's 10 tokens and nothing for D. Step 1: 8 − 1 − 1 = 6, C's rest. C is done then.
  EXPECT_THAT(trace(driver, {{0, 2, 3, {}, 0}, {0, 2, 3, {}, 0}, {0, 10, 1, {}, 0}, {0, 3, 1, {}, 0}}, 4),
              ElementsAre("A 2@0* B 2@0* C 4@0 | free 17",   //
                          "A 1@2* B 1@2* C 6@4* | free 17",  //
                          "A 1@3* B 1@3* D 3@0* | free 17",  //
                          "| free 20"));
}

TEST(VllmV1Scheduler, LetsARunningPromptUseTheWholeBudgetBeforeItLooksAtTheQueue) {
  SchedulerDriver driver(limits(4), pool(10));
  EXPECT_THAT(trace(driver, {{0, 10, 2, {}, 0}, {1, 2, 1, {}, 0}}, 5),
              ElementsAre("A 4@0 | free 9",          //
                          "A 4@4 | free 9",          //
                          "A 2@8* B 2@0* | free 8",  //
                          "A 1@10* | free 9",        //
                          "| free 10"));
}

TEST(VllmV1Scheduler, LimitsAPromptsShareOfAStep) {
  SchedulerConfig config = limits(32);
  config.long_prefill_token_threshold = 8;
  SchedulerDriver driver(config, pool(10));
  // 8 + 8 + 4 = 20, at admission and while running alike; B gets its 6 beside the first 8.
  EXPECT_THAT(trace(driver, {{0, 20, 1, {}, 0}, {0, 6, 1, {}, 0}}, 4),
              ElementsAre("A 8@0 B 6@0* | free 8",  //
                          "A 8@8 | free 9",         //
                          "A 4@16* | free 8",       //
                          "| free 10"));
}

TEST(VllmV1Scheduler, WithoutChunkingAPromptWaitsForRoomAndHoldsUpTheLine) {
  SchedulerConfig config = limits(32);
  config.enable_chunked_prefill = false;
  SchedulerDriver driver(config, pool(10));
  // 32 − 20 = 12 are too few for B's 20. C's 4 would fit, but C is behind B.
  EXPECT_THAT(trace(driver, {{0, 20, 2, {}, 0}, {0, 20, 1, {}, 0}, {0, 4, 1, {}, 0}}, 3),
              ElementsAre("A 20@0* | free 8",                 //
                          "A 1@20* B 20@0* C 4@0* | free 5",  //
                          "| free 10"));
}

TEST(VllmV1Scheduler, RunsNoMoreThanMaxNumSeqsAtOnce) {
  SchedulerDriver driver(limits(64, 2), pool(10));
  EXPECT_THAT(trace(driver, {{0, 5, 2, {}, 0}, {0, 5, 2, {}, 0}, {0, 5, 1, {}, 0}}, 4),
              ElementsAre("A 5@0* B 5@0* | free 8",  //
                          "A 1@5* B 1@5* | free 8",  //
                          "C 5@0* | free 9",         //
                          "| free 10"));
}

TEST(VllmV1Scheduler, SkipsComputingWhatAnEarlierPromptLeftInTheCache) {
  SchedulerDriver driver(limits(128), pool(10));
  const std::vector<std::uint64_t> system = {7};
  // A computes 70 tokens: 64 shared ones in 4 blocks, 6 of its own. B finds the 4 blocks. C is the shared part alone:
  // at least one token must be computed, so that its last block is not used, and block 3 is computed again.
  EXPECT_THAT(trace(driver, {{0, 70, 1, system, 64}, {1, 80, 1, system, 64}, {2, 64, 1, system, 64}}, 4),
              ElementsAre("A 70@0* | free 5",   // ⌈70/16⌉ = 5
                          "B 16@64* | free 5",  // 4 revived and a new one
                          "C 16@48* | free 6",  // 3 revived and a new one
                          "| free 10"));
  EXPECT_EQ(driver.sequences[0].cached, 0);
  EXPECT_EQ(driver.sequences[1].cached, 64);
  EXPECT_EQ(driver.sequences[2].cached, 48);
}

TEST(VllmV1Scheduler, LetsTwoEqualPromptsOfOneStepShareBlocks) {
  SchedulerDriver driver(limits(128), pool(10));
  // What is scheduled counts as computed: B is looked up after A was given its blocks. ⌊63/16⌉·16 = 48 hit.
  EXPECT_THAT(trace(driver, {{0, 64, 1, {7}, 64}, {0, 64, 1, {7}, 64}}, 2),
              ElementsAre("A 64@0* B 16@48* | free 5",  // A 4, B 1
                          "| free 10"));
}

TEST(VllmV1Scheduler, SharesNothingBetweenPromptsWithoutNames) {
  SchedulerDriver driver(limits(128), pool(10));
  EXPECT_THAT(trace(driver, {{0, 64, 1, {}, 0}, {0, 64, 1, {}, 0}}, 2),
              ElementsAre("A 64@0* B 64@0* | free 2",  //
                          "| free 10"));
}

TEST(VllmV1Scheduler, SharesAChunkAsSoonAsItIsScheduled) {
  SchedulerDriver driver(limits(40), pool(10));
  // Step 1: A's second chunk fills blocks 2 and 3, of which B, looked up after it, may use block 2 as well.
  EXPECT_THAT(trace(driver, {{0, 64, 1, {7}, 64}, {0, 64, 1, {7}, 64}}, 3),
              ElementsAre("A 40@0 | free 7",             //
                          "A 24@40* B 16@48* | free 5",  //
                          "| free 10"));
}

TEST(VllmV1Scheduler, AppliesTheBudgetToWhatTheCacheLeaves) {
  SchedulerDriver driver(limits(20), pool(20));
  // A: 20 + 20 + 20 + 4 = 64 and its own 6 beyond. B's 64 hit tokens cost nothing of the budget: 16 of 20 in one step.
  EXPECT_THAT(trace(driver, {{0, 70, 1, {7}, 64}, {4, 80, 1, {7}, 64}, {4, 9, 1, {}, 0}}, 7),
              ElementsAre("A 20@0 | free 18",          //
                          "A 20@20 | free 17",         //
                          "A 20@40 | free 16",         //
                          "A 10@60* | free 15",        //
                          "B 16@64* C 4@0 | free 14",  // C gets 20 − 16
                          "C 5@4* | free 19",          //
                          "| free 20"));
}

TEST(VllmV1Scheduler, StopsASequenceAtMaxModelLen) {
  SchedulerConfig config = limits(64);
  config.max_model_len = 24;
  SchedulerDriver driver(config, pool(10));
  // n ≤ max_model_len − 1 − computed: A ends at 23 computed tokens and 24 known ones, and is passed over after that,
  // while B, behind it in the list, goes on.
  EXPECT_THAT(trace(driver, {{0, 20, 10, {}, 0}, {0, 5, 6, {}, 0}}, 6),
              ElementsAre("A 20@0* B 5@0* | free 7",  //
                          "A 1@20* B 1@5* | free 7",  //
                          "A 1@21* B 1@6* | free 7",  //
                          "A 1@22* B 1@7* | free 7",  //
                          "B 1@8* | free 7",          //
                          "B 1@9* | free 7"));
}

TEST(VllmV1Scheduler, AdmitsOnlyPromptsThatFitTheFreeBlocksWhole) {
  SchedulerDriver driver(limits(48), pool(6));
  // B's first 8 tokens would fit, but its 60 need 4 blocks where 3 are free.
  EXPECT_THAT(trace(driver, {{0, 40, 2, {}, 0}, {0, 60, 1, {}, 0}}, 5),
              ElementsAre("A 40@0* | free 3",   //
                          "A 1@40* | free 3",   //
                          "B 48@0 | free 3",    //
                          "B 12@48* | free 2",  //
                          "| free 6"));
}

TEST(VllmV1Scheduler, AdmitsTheFirstChunkOfAPromptWithoutTheReservation) {
  SchedulerConfig config = limits(48);
  config.reserve_full_input = false;
  SchedulerDriver driver(config, pool(6));
  // Step 1: B's next 47 tokens make 55, 4 blocks; it has 1 and 2 are free. B is the last that runs: it loses its own.
  EXPECT_THAT(trace(driver, {{0, 40, 2, {}, 0}, {0, 60, 1, {}, 0}}, 5),
              ElementsAre("A 40@0* B 8@0 | free 2",          //
                          "A 1@40* | free 3 | preempted 1",  //
                          "B 48@0 | free 3",                 //
                          "B 12@48* | free 2",               //
                          "| free 6"));
  EXPECT_EQ(driver.sequences[1].preemptions, 1);
}

TEST(VllmV1Scheduler, IsIdleWithoutRequests) {
  SchedulerDriver driver(limits(64), pool(6));
  EXPECT_THAT(trace(driver, {}, 2), ElementsAre("| free 6", "| free 6"));
}

TEST(VllmV1Scheduler, ForeseesHowOftenAStepRepeats) {
  SchedulerDriver driver(limits(64), pool(100));
  driver.add({0, 10, 20, {}, 0});
  driver.add({0, 10, 12, {}, 0});
  driver.decide();
  EXPECT_EQ(driver.batch.repeat, 1);  // a prompt runs once
  driver.settle();
  driver.decide();
  // B has emitted 1 of 12: this batch and 10 more like it, then A is alone. Less would be true too, but useless.
  EXPECT_GE(driver.batch.repeat, 10);
  EXPECT_LE(driver.batch.repeat, 11);
}

}  // namespace
}  // namespace orrery::models::testing
