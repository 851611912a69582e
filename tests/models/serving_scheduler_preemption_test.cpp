// Step traces, written out by hand, of what vLLM V1 does when blocks run out: the newest running sequence loses its
// blocks, goes to the front of the queue and computes prompt and answer again, less what the cache still holds.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/models/serving_driver.hpp"

namespace orrery::models::testing {
namespace {

using ::testing::ElementsAre;

TEST(VllmV1Preemption, TakesTheBlocksOfTheNewestAndRecomputesItLater) {
  SchedulerDriver driver(limits(128), pool(8));
  // Step 1: A's token 65 needs a fifth block. B's are freed last first, so that A gets B's block 3, which was not full
  // and has no name; 3 stay free with B's first 48 tokens. Step 2: B, now of 60 + 1 tokens, needs 4 blocks, and 3 are
  // free. Step 3: A is done; B finds 48 of its 61 tokens and computes 13.
  EXPECT_THAT(trace(driver, {{0, 64, 3, {}, 0}, {0, 60, 3, {}, 0}}, 6),
              ElementsAre("A 64@0* B 60@0* | free 0",        //
                          "A 1@64* | free 3 | preempted 1",  //
                          "A 1@65* | free 3",                //
                          "B 13@48* | free 4",               //
                          "B 1@61* | free 4",                //
                          "| free 8"));
  EXPECT_EQ(driver.sequences[0].preemptions, 0);
  EXPECT_EQ(driver.sequences[1].preemptions, 1);
  EXPECT_EQ(driver.sequences[1].cached, 0);  // as first scheduled
}

TEST(VllmV1Preemption, RecomputesEverythingWithoutPrefixCaching) {
  SchedulerDriver driver(limits(128), {8, 16, false});
  EXPECT_THAT(trace(driver, {{0, 64, 3, {}, 0}, {0, 60, 3, {}, 0}}, 6),
              ElementsAre("A 64@0* B 60@0* | free 0",        //
                          "A 1@64* | free 3 | preempted 1",  //
                          "A 1@65* | free 3",                //
                          "B 61@0* | free 4",                // prompt and the token that it had emitted
                          "B 1@61* | free 4",                //
                          "| free 8"));
}

TEST(VllmV1Preemption, AdmitsNobodyInTheSameStepAndPutsTheVictimFirst) {
  SchedulerDriver driver(limits(128), pool(8));
  // C's one block is free in step 1, but that step preempted; in step 2 B is before it and does not fit.
  EXPECT_THAT(trace(driver, {{0, 64, 3, {}, 0}, {0, 60, 3, {}, 0}, {1, 10, 1, {}, 0}}, 6),
              ElementsAre("A 64@0* B 60@0* | free 0",        //
                          "A 1@64* | free 3 | preempted 1",  //
                          "A 1@65* | free 3",                //
                          "B 13@48* C 10@0* | free 3",       //
                          "B 1@61* | free 4",                //
                          "| free 8"));
}

TEST(VllmV1Preemption, EndsTheRunningPhaseWhenTheVictimIsTheSequenceItself) {
  SchedulerDriver driver(limits(128), pool(8));
  // A's 51 and 52 tokens fit its 4 blocks. B's token 65 needs a fifth: B is the newest itself. Its 4 full blocks stay
  // named; with a known length of 65 it hits all 64 and computes one token, once 5 blocks are free.
  EXPECT_THAT(trace(driver, {{0, 50, 3, {}, 0}, {0, 64, 3, {}, 0}}, 6),
              ElementsAre("A 50@0* B 64@0* | free 0",        //
                          "A 1@50* | free 4 | preempted 1",  //
                          "A 1@51* | free 4",                //
                          "B 1@64* | free 3",                //
                          "B 1@65* | free 3",                //
                          "| free 8"));
}

TEST(VllmV1Preemption, KeepsTheMiddleSequenceWhenTheLastOnesBlocksSuffice) {
  SchedulerDriver driver(limits(256), pool(9));
  // All need a fourth block in step 1. C gives 3: A takes C's block 2, B its block 1; block 0 stays free. When A and B
  // are done after step 3, C (48 + 1 tokens) finds block 0 and computes 33.
  EXPECT_THAT(trace(driver, {{0, 48, 4, {}, 0}, {0, 48, 4, {}, 0}, {0, 48, 4, {}, 0}}, 8),
              ElementsAre("A 48@0* B 48@0* C 48@0* | free 0",        //
                          "A 1@48* B 1@48* | free 1 | preempted 1",  //
                          "A 1@49* B 1@49* | free 1",                //
                          "A 1@50* B 1@50* | free 1",                //
                          "C 33@16* | free 5",                       //
                          "C 1@49* | free 5",                        //
                          "C 1@50* | free 5",                        //
                          "| free 9"));
}

TEST(VllmV1Preemption, TakesAVictimForEverySequenceThatLacksABlock) {
  SchedulerConfig config = limits(64);
  config.reserve_full_input = false;
  config.long_prefill_token_threshold = 32;
  SchedulerDriver driver(config, pool(6));
  // Step 0: 2 + 1 + 1 blocks, 2 free. Step 1: A's next 32 tokens take both; B's 17th finds none, so that C's only block
  // becomes B's and forgets its name. Step 2: A's last 16 need a fifth block: B gives 2, of which A takes the last; the
  // first stays free with its name. Step 3: B and C wait in the order of their admission; B hits 16 of its 18 tokens, C
  // none of its 17.
  EXPECT_THAT(trace(driver, {{0, 80, 1, {}, 0}, {0, 16, 3, {}, 0}, {0, 16, 3, {}, 0}}, 6),
              ElementsAre("A 32@0 B 16@0* C 16@0* | free 2",         //
                          "A 32@32 B 1@16* | free 0 | preempted 1",  //
                          "A 16@64* | free 1 | preempted 1",         //
                          "B 2@16* C 17@0* | free 2",                //
                          "C 1@17* | free 4",                        //
                          "| free 6"));
}

TEST(VllmV1Preemption, TakesSeveralVictimsInAStepAndKeepsTheirOrder) {
  SchedulerConfig config = limits(64);
  config.reserve_full_input = false;
  config.long_prefill_token_threshold = 32;
  SchedulerDriver driver(config, pool(4));
  // Step 1: A's 64 tokens need 2 blocks more: C gives one, then B one. Both are overwritten.
  EXPECT_THAT(trace(driver, {{0, 64, 1, {}, 0}, {0, 16, 3, {}, 0}, {0, 16, 3, {}, 0}}, 5),
              ElementsAre("A 32@0 B 16@0* C 16@0* | free 0",  //
                          "A 32@32* | free 0 | preempted 2",  //
                          "B 17@0* C 17@0* | free 0",         //
                          "B 1@17* C 1@17* | free 0",         //
                          "| free 4"));
}

}  // namespace
}  // namespace orrery::models::testing
