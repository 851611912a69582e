// The ledger: peaks of the total and of each kind, and samples in an order that does not depend on who
// found the changes.
#include "sim/plan/memory.hpp"

#include <algorithm>
#include <stdexcept>

#include <gtest/gtest.h>

#include "tests/sim/lanes.hpp"

namespace orrery::sim {
namespace {

TEST(MemoryLedger, ThePeakIsTheLargestTotalAndItsMoment) {
  MemoryLedger ledger(2);
  const RankId r(0);
  ledger.alloc(0, r, MemoryKind::weights, 100_B);
  ledger.alloc(5, r, MemoryKind::activations, 50_B);
  ledger.alloc(6, r, MemoryKind::activations, 10_B);  // 160 in all
  ledger.free(7, r, MemoryKind::activations, 60_B);
  ledger.alloc(8, r, MemoryKind::workspace, 55_B);  // 155
  EXPECT_EQ(ledger.peak(r).time, 6u);
  EXPECT_EQ(ledger.peak(r).total, 160_B);
  EXPECT_EQ(ledger.peak(r).at_peak[MemoryKind::activations], 60_B);
  EXPECT_EQ(ledger.peak(r).at_peak[MemoryKind::workspace], 0_B);
  EXPECT_EQ(ledger.peak_of_kind(r)[MemoryKind::workspace], 55_B);
  EXPECT_EQ(ledger.in_use(r).total(), 155_B);
  EXPECT_EQ(ledger.peak(RankId(1)).total, 0_B);
  EXPECT_EQ(ledger.fullest(), r);
}

TEST(MemoryLedger, TheFirstOfEqualPeaksCounts) {
  MemoryLedger ledger(1);
  const RankId r(0);
  ledger.alloc(1, r, MemoryKind::weights, 10_B);
  ledger.free(2, r, MemoryKind::weights, 10_B);
  ledger.alloc(3, r, MemoryKind::weights, 10_B);
  EXPECT_EQ(ledger.peak(r).time, 1u);
}

TEST(MemoryLedger, UnknownRanksAreRefused) {
  MemoryLedger ledger(0);
  EXPECT_THROW(ledger.alloc(0, RankId(0), MemoryKind::weights, 1_B), std::out_of_range);
  EXPECT_THROW((void)ledger.fullest(), std::out_of_range);
}

TEST(MemorySamples, OrderIsTimeThenStreamThenStep) {
  Plan plan;
  plan.ranks.push_back({"r", {0}, 0});
  plan.streams = {{RankId(0), kCompute, {}}, {RankId(0), kCopies, {}}};
  plan.memory = {{100_B, MemoryKind::activations}};
  const std::vector<MemoryChange> changes{
      {5, 1, 0, 0, true}, {5, 0, 3, 0, false}, {5, 0, 2, 0, true}, {1, 1, 1, 0, true}};
  const std::vector<MemorySample> samples = memory_samples(plan, changes);
  ASSERT_EQ(samples.size(), 4u);
  EXPECT_EQ(samples[0].time, 1u);
  EXPECT_EQ(samples[0].bytes_after, 100.0);
  EXPECT_EQ(samples[1].bytes_after, 200.0);  // stream 0, step 2
  EXPECT_EQ(samples[2].bytes_after, 100.0);  // stream 0, step 3
  EXPECT_EQ(samples[3].bytes_after, 200.0);  // stream 1
  std::vector<MemoryChange> reversed(changes.rbegin(), changes.rend());
  const std::vector<MemorySample> again = memory_samples(plan, reversed);
  for (std::size_t i = 0; i < samples.size(); ++i) EXPECT_EQ(again[i].bytes_after, samples[i].bytes_after);

  Timeline timeline;
  timeline.ranks = plan.ranks;
  timeline.memory = samples;
  const MemoryLedger ledger = memory_ledger(timeline);
  EXPECT_EQ(ledger.peak(RankId(0)).time, 5u);
  EXPECT_EQ(ledger.peak(RankId(0)).total, 200_B);
}

}  // namespace
}  // namespace orrery::sim
