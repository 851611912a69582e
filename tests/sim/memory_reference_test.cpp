// The ledger against adding everything up again at every moment, and laws of peaks.
#include <algorithm>
#include <array>
#include <random>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "sim/plan/memory.hpp"

namespace orrery::sim {
namespace {

struct Event {
  SimTime time;
  RankId rank;
  MemoryKind kind;
  double bytes;  ///< < 0: freed
};

MemoryKind kind_of(std::size_t i) { return static_cast<MemoryKind>(i); }

/// Random takes and gives of whole bytes in the order of time; nothing is freed that wasn't taken.
std::vector<Event> random_events(std::mt19937& random, std::size_t ranks, std::size_t count) {
  std::vector<std::array<double, kMemoryKinds>> held(ranks);
  std::vector<Event> events;
  SimTime time = 0;
  for (std::size_t i = 0; i < count; ++i) {
    time += random() % 3;
    const std::size_t rank = random() % ranks, kind = random() % kMemoryKinds;
    const bool frees = random() % 2 == 0 && held[rank][kind] > 0.0;
    const double bytes = frees ? -static_cast<double>(1 + random() % static_cast<unsigned>(held[rank][kind]))
                               : static_cast<double>(1 + random() % 100);
    held[rank][kind] += bytes;
    events.push_back({time, RankId(rank), kind_of(kind), bytes});
  }
  return events;
}

MemoryLedger ledger_of(std::size_t ranks, const std::vector<Event>& events) {
  MemoryLedger ledger(ranks);
  for (const Event& e : events) {
    if (e.bytes >= 0.0) {
      ledger.alloc(e.time, e.rank, e.kind, Bytes{e.bytes});
    } else {
      ledger.free(e.time, e.rank, e.kind, Bytes{-e.bytes});
    }
  }
  return ledger;
}

/// What the rank holds after the first `count` events.
std::array<double, kMemoryKinds> held_after(const std::vector<Event>& events, RankId rank, std::size_t count) {
  std::array<double, kMemoryKinds> held{};
  for (std::size_t i = 0; i < count; ++i) {
    if (events[i].rank == rank) held[static_cast<std::size_t>(events[i].kind)] += events[i].bytes;
  }
  return held;
}

double sum(const std::array<double, kMemoryKinds>& held) {
  double all = 0.0;
  for (const double bytes : held) all += bytes;
  return all;
}

TEST(MemoryReference, PeaksAreTheLargestOfEveryMoment) {
  std::mt19937 random(20261122);
  for (int round = 0; round < 40; ++round) {
    const std::size_t ranks = 1 + random() % 4;
    const std::vector<Event> events = random_events(random, ranks, random() % 120);
    const MemoryLedger ledger = ledger_of(ranks, events);
    double fullest = -1.0;
    RankId expected_fullest;
    for (std::size_t r = 0; r < ranks; ++r) {
      const RankId rank(r);
      double most = 0.0;
      SimTime when = 0;
      std::array<double, kMemoryKinds> at_peak{}, of_kind{};
      for (std::size_t i = 1; i <= events.size(); ++i) {
        const auto held = held_after(events, rank, i);
        for (std::size_t k = 0; k < kMemoryKinds; ++k) of_kind[k] = std::max(of_kind[k], held[k]);
        if (sum(held) <= most) continue;
        most = sum(held);
        when = events[i - 1].time;
        at_peak = held;
      }
      EXPECT_EQ(ledger.peak(rank).total.value(), most);
      EXPECT_EQ(ledger.peak(rank).time, when);
      const auto now = held_after(events, rank, events.size());
      for (std::size_t k = 0; k < kMemoryKinds; ++k) {
        EXPECT_EQ(ledger.peak(rank).at_peak[kind_of(k)].value(), at_peak[k]);
        EXPECT_EQ(ledger.peak_of_kind(rank)[kind_of(k)].value(), of_kind[k]);
        EXPECT_EQ(ledger.in_use(rank)[kind_of(k)].value(), now[k]);
      }
      if (most > fullest) fullest = most, expected_fullest = rank;
    }
    EXPECT_EQ(ledger.fullest(), expected_fullest) << "the first of equals";
  }
}

TEST(MemoryReference, APeakHoldsWhatAddsUpToItAndNoKindMoreThanItsOwnPeak) {
  std::mt19937 random(7);
  for (int round = 0; round < 100; ++round) {
    const MemoryLedger ledger = ledger_of(1, random_events(random, 1, 80));
    const MemoryPeak& peak = ledger.peak(RankId(0));
    EXPECT_EQ(peak.at_peak.total(), peak.total);
    Bytes of_kinds;
    for (std::size_t k = 0; k < kMemoryKinds; ++k) {
      EXPECT_LE(peak.at_peak[kind_of(k)], ledger.peak_of_kind(RankId(0))[kind_of(k)]);
      of_kinds += ledger.peak_of_kind(RankId(0))[kind_of(k)];
    }
    EXPECT_LE(peak.total, of_kinds);
    EXPECT_LE(ledger.in_use(RankId(0)).total(), peak.total);
  }
}

TEST(MemoryReference, RanksDoNotSeeEachOther) {
  std::mt19937 random(9);
  const std::vector<Event> events = random_events(random, 3, 200);
  const MemoryLedger together = ledger_of(3, events);
  for (std::size_t r = 0; r < 3; ++r) {
    std::vector<Event> own;
    for (const Event& e : events) {
      if (e.rank == RankId(r)) own.push_back(e);
    }
    const MemoryLedger alone = ledger_of(3, own);
    EXPECT_EQ(alone.peak(RankId(r)).total, together.peak(RankId(r)).total);
    EXPECT_EQ(alone.peak(RankId(r)).time, together.peak(RankId(r)).time);
  }
}

TEST(MemoryReference, SamplesOfChangesInAnyOrderMakeTheSameLedger) {
  std::mt19937 random(10);
  Plan plan;
  plan.ranks = {{"a", {0}, 0}, {"b", {1}, 0}};
  plan.streams = {{RankId(0), {}, {}}, {RankId(0), {LaneKind::copy, 0}, {}}, {RankId(1), {}, {}}};
  for (std::size_t k = 0; k < kMemoryKinds; ++k) {
    plan.memory.push_back({Bytes{static_cast<double>(1 << k)}, kind_of(k)});
  }
  for (int round = 0; round < 50; ++round) {
    std::vector<MemoryChange> changes;
    for (std::uint32_t i = 0; i < 60; ++i) {
      changes.push_back({random() % 5, static_cast<std::uint32_t>(random() % 3), i,
                         static_cast<std::uint32_t>(random() % kMemoryKinds), true});
    }
    const std::vector<MemorySample> samples = memory_samples(plan, changes);
    ASSERT_EQ(samples.size(), changes.size());
    for (std::size_t i = 1; i < samples.size(); ++i) ASSERT_LE(samples[i - 1].time, samples[i].time);
    std::shuffle(changes.begin(), changes.end(), random);
    const std::vector<MemorySample> again = memory_samples(plan, changes);
    const MemoryLedger one = memory_ledger(2, samples), two = memory_ledger(2, again);
    for (const RankId rank : {RankId(0), RankId(1)}) {
      EXPECT_EQ(one.peak(rank).total, two.peak(rank).total);
      EXPECT_EQ(one.peak(rank).time, two.peak(rank).time);
      EXPECT_EQ(one.peak(rank).at_peak.bytes, two.peak(rank).at_peak.bytes);
      double all = 0.0;
      for (const MemoryChange& change : changes) {
        if (plan.streams[change.stream].rank == rank) all += plan.memory[change.entry].bytes.value();
      }
      EXPECT_EQ(one.in_use(rank).total().value(), all);
    }
  }
}

TEST(MemoryReference, SamplesOfAnUnknownRankAreRefused) {
  EXPECT_THROW((void)memory_ledger(1, {{0, RankId(1), MemoryKind::weights, 5.0}}), std::out_of_range);
}

}  // namespace
}  // namespace orrery::sim
