// Small parts of an engine: routers, use of the cache over time, the tally of what was refused, cut or missed, and the
// index of prefixes.
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#ifdef ORRERY_HAVE_RAPIDCHECK
#include <rapidcheck.h>
#endif

#include "models/serving/block_usage.hpp"
#include "models/serving/routers/router.hpp"
#include "models/serving/schedulers/scheduler.hpp"
#include "models/serving/sequences/prefix_index.hpp"
#include "models/serving/tally.hpp"
#include "tests/models/serving_jobs.hpp"

namespace orrery::models {
namespace {

using ::testing::ElementsAre;

constexpr sim::SimTime kSecond = sim::kPicosecondsPerSecond;

std::vector<std::size_t> picks(std::string_view router, const std::vector<ReplicaView>& replicas, int count) {
  const auto made = find_router(router)->make(1);
  std::vector<std::size_t> chosen;
  for (int i = 0; i < count; ++i) chosen.push_back(made->pick(Request{}, replicas));
  return chosen;
}

TEST(Routers, RoundRobinTakesEachInTurnWhateverItHasToDo) {
  EXPECT_THAT(picks("round_robin", {{100, 100, 0}, {}, {}}, 7), ElementsAre(0, 1, 2, 0, 1, 2, 0));
  EXPECT_THAT(picks("round_robin", {{}}, 3), ElementsAre(0, 0, 0));
}

TEST(Routers, LeastRequestsTakesTheFewestOfWaitingAndRunningTheFirstOfEquals) {
  EXPECT_THAT(picks("least_requests", {{2, 3, 0}, {4, 0, 0}, {0, 4, 0}}, 2), ElementsAre(1, 1));
  EXPECT_THAT(picks("least_requests", {{1, 0, 9}, {0, 0, 0}}, 1), ElementsAre(1)) << "free blocks don't count";
  EXPECT_THAT(picks("least_requests", {{}, {}}, 1), ElementsAre(0));
}

TEST(Tables, OfRoutersAndSchedulersFindTheirRowsByName) {
  for (const RouterRow& row : routers()) {
    EXPECT_EQ(find_router(row.name), &row);
    EXPECT_FALSE(row.equation.empty());
    EXPECT_FALSE(row.source.empty());
  }
  EXPECT_EQ(find_router("nobody"), nullptr);
  EXPECT_EQ(find_scheduler("nobody"), nullptr);
  EXPECT_EQ(find_scheduler("vllm_v1")->name, "vllm_v1");
}

TEST(BlockUsage, IsTheAreaUnderTheBlocksInUse) {
  BlockUsage usage;
  usage.set(10);
  usage.until(5);  // 10 blocks for 5 ps
  usage.add(-4);
  usage.until(8);  // 6 for 3
  usage.add(20);
  usage.until(8);  // 26 for none
  usage.set(0);
  usage.until(100);
  EXPECT_EQ(static_cast<std::uint64_t>(usage.block_time()), 10u * 5 + 6u * 3);
  EXPECT_EQ(usage.peak(), 26);
}

TEST(BlockUsage, OfMonthsOfMillionsOfBlocksDoesNotOverflow) {
  BlockUsage usage;
  usage.set(1'000'000'000);
  usage.until(~sim::SimTime{0});
  EXPECT_EQ(usage.block_time() / 1'000'000'000, TimeSum{~sim::SimTime{0}});
}

Sequence answered(std::uint64_t id, sim::SimTime first, sim::SimTime last, std::int64_t output = 3) {
  Sequence sequence;
  sequence.request.id = id;
  sequence.request.input_tokens = 10;
  sequence.request.output_tokens = sequence.generated = output;
  sequence.first_token = first;
  sequence.last_token = last;
  sequence.state = SequenceState::finished;
  return sequence;
}

ServingConfig promising(double attainment, std::int64_t requests) {
  ServingConfig config;
  config.slo = {Seconds{1.0}, Seconds{0.5}, attainment};
  config.load.requests = requests;
  return config;
}

/// As an engine tells: its first token, then its end.
void finish(Tally& tally, const Sequence& sequence, std::uint32_t replica) {
  tally.first_token(sequence.request, sequence.first_token);
  tally.finished(sequence, replica);
}

TEST(Tally, KnowsWhenAPromiseCantBeKeptAnyMore) {
  // 75 % of 20 may miss five, and one more against rounding: the seventh miss is one too many.
  Tally tally(promising(0.75, 20), {});
  for (std::uint64_t i = 0; i < 6; ++i) {
    finish(tally, answered(i, 5 * kSecond, 5 * kSecond), 0);
    EXPECT_FALSE(tally.is_missed()) << i;
  }
  finish(tally, answered(6, kSecond / 2, kSecond / 2), 0);
  EXPECT_FALSE(tally.is_missed()) << "one that is in time";
  finish(tally, answered(7, 5 * kSecond, 5 * kSecond), 0);
  EXPECT_TRUE(tally.is_missed());
}

TEST(Tally, CountsAFirstTokenThatIsLateBeforeItsAnswerEnds) {
  // The limit is 1 s: first tokens at 1 s are in time. None of the answers has ended, and each counts once.
  Tally tally(promising(0.75, 20), {});
  for (std::uint64_t i = 0; i < 7; ++i) {
    EXPECT_FALSE(tally.is_missed()) << i;
    tally.first_token(answered(i, kSecond, kSecond).request, kSecond);
    tally.first_token(answered(i + 7, 0, 0).request, kSecond + 1);
  }
  EXPECT_TRUE(tally.is_missed());
  Tally once(promising(0.75, 20), {});
  for (std::uint64_t i = 0; i < 6; ++i) finish(once, answered(i, 2 * kSecond, 90 * kSecond), 0);
  EXPECT_FALSE(once.is_missed()) << "late twice is missed once";
}

TEST(Tally, GivesUpNoPromiseThatIsKept) {
  // Of any share and number: as many misses as it allows, rounded down, are no reason.
  for (const double share : {0.5, 0.9, 0.95, 0.99, 1.0}) {
    for (const std::int64_t requests : {1, 7, 20, 100, 1000}) {
      Tally tally(promising(share, requests), {});
      std::int64_t missed = 0;
      while (static_cast<double>(requests - missed - 1) >= share * static_cast<double>(requests) - 1e-9) {
        finish(tally, answered(static_cast<std::uint64_t>(missed++), 5 * kSecond, 5 * kSecond), 0);
      }
      EXPECT_FALSE(tally.is_missed()) << share << " of " << requests << " after " << missed;
    }
  }
}

TEST(Tally, PromisesNothingWithoutAShareOrAKnownNumber) {
  ServingOptions others;
  others.workload = [] { return std::shared_ptr<Workload>(); };
  Tally no_share(promising(0.0, 20), {}), no_number(promising(0.9, 0), {}), own_workload(promising(0.9, 20), others);
  for (Tally* tally : {&no_share, &no_number, &own_workload}) {
    for (std::uint64_t i = 0; i < 100; ++i) finish(*tally, answered(i, 5 * kSecond, 5 * kSecond), 0);
    EXPECT_FALSE(tally->is_missed());
  }
}

TEST(Tally, CountsWarmUpNeitherInThePromiseNorInTheDuration) {
  ServingConfig config = promising(0.5, 12);
  config.warmup_requests = 10;
  Tally tally(config, {});
  for (std::uint64_t i = 0; i < 12; ++i) {
    Sequence sequence = answered(i, (i + 3) * kSecond, (i + 3) * kSecond);
    sequence.request.arrival = i * kSecond;
    tally.arrived(sequence.request, 0);
    finish(tally, sequence, 0);
  }
  EXPECT_FALSE(tally.is_missed()) << "half of two may miss, and one more";
  ServingResult result;
  tally.report(result, 20 * kSecond);
  EXPECT_EQ(result.requests, 2u);
  EXPECT_EQ(result.arrived, 12u);
  EXPECT_DOUBLE_EQ(result.duration.value(), 4.0) << "from the eleventh arrival, 10 s, to the last token, 14 s";
}

TEST(Tally, KeepsRefusedRequestsWithWhatTheyAskedFor) {
  ServingOptions options;
  options.keep_records = true;
  Tally tally(ServingConfig{}, options);
  Request refused;
  refused.id = 7;
  refused.arrival = 5;
  refused.input_tokens = 5000;
  refused.output_tokens = 40;
  tally.rejected(refused, 2);
  tally.truncated();
  finish(tally, answered(3, kSecond, 2 * kSecond), 1);
  ServingResult result;
  tally.report(result, kSecond);
  EXPECT_EQ(result.rejected, 1u);
  EXPECT_EQ(result.truncated, 1u);
  EXPECT_EQ(result.requests, 1u) << "a refused one is not answered";
  ASSERT_EQ(result.records.size(), 2u);
  EXPECT_EQ(result.records[0].id, 3u) << "by id, whatever the order of their ends";
  EXPECT_EQ(result.records[1].state, SequenceState::rejected);
  EXPECT_EQ(result.records[1].replica, 2u);
  EXPECT_EQ(result.records[1].output_tokens, 40);
  EXPECT_EQ(result.records[1].cached_tokens, 0) << "never scheduled is nothing found";
}

TEST(Tally, SharesOfPromptsAndStepsAreOverAllOfThem) {
  Tally tally(ServingConfig{}, {});
  Sequence half = answered(0, kSecond, kSecond);
  half.cached = 5;
  Sequence none = answered(1, kSecond, kSecond);
  none.cached = -1;
  none.request.input_tokens = 30;
  finish(tally, half, 0);
  finish(tally, none, 0);
  tally.steps(3, 10);
  tally.steps(1, 2);
  ServingResult result;
  tally.report(result, kSecond);
  EXPECT_DOUBLE_EQ(result.prefix_hit_rate, 5.0 / 40.0);
  EXPECT_EQ(result.steps, 4u);
  EXPECT_DOUBLE_EQ(result.mean_batch, 32.0 / 4.0);
}

TEST(Tally, OfNothingIsAllZero) {
  Tally tally(ServingConfig{}, {});
  ServingResult result;
  tally.report(result, 0);
  EXPECT_EQ(result.duration.value(), 0.0);
  EXPECT_EQ(result.requests_per_second(), 0.0);
  EXPECT_EQ(result.goodput(), 0.0);
  EXPECT_EQ(result.attainment(), 0.0);
  EXPECT_EQ(result.mean_batch, 0.0);
  EXPECT_EQ(result.kv_usage_mean, 0.0);
  EXPECT_EQ(result.prefix_hit_rate, 0.0);
  EXPECT_FALSE(result.saturated);
}

TEST(ServingResult, DividesByItsDuration) {
  ServingResult result;
  result.duration = Seconds{4.0};
  result.requests = 8;
  result.within_slo = 2;
  result.input_tokens = 100;
  result.output_tokens = 20;
  EXPECT_EQ(result.requests_per_second(), 2.0);
  EXPECT_EQ(result.goodput(), 0.5);
  EXPECT_EQ(result.attainment(), 0.25);
  EXPECT_EQ(result.input_tokens_per_second(), 25.0);
  EXPECT_EQ(result.output_tokens_per_second(), 5.0);
}

#ifdef ORRERY_HAVE_RAPIDCHECK

TEST(ServingPartsProperties, MeansDoNotDependOnTheOrderOfEnds) {
  EXPECT_TRUE(rc::check([] {
    const auto times = *rc::gen::container<std::vector<std::uint32_t>>(rc::gen::inRange<std::uint32_t>(1, 1u << 30));
    const auto report = [](const std::vector<std::uint32_t>& of) {
      Tally tally(ServingConfig{}, {});
      for (std::size_t i = 0; i < of.size(); ++i) finish(tally, answered(i, of[i], 2 * sim::SimTime{of[i]}, 4), 0);
      ServingResult result;
      tally.report(result, kSecond);
      return result;
    };
    const std::vector<std::uint32_t> reversed(times.rbegin(), times.rend());
    const ServingResult a = report(times), b = report(reversed);
    RC_ASSERT(a.ttft.mean == b.ttft.mean);
    RC_ASSERT(a.tpot.mean == b.tpot.mean);
    RC_ASSERT(a.e2e.p90 == b.e2e.p90);
  }));
}

TEST(ServingPartsProperties, AnIndexOfPrefixesIsAMap) {
  EXPECT_TRUE(rc::check([] {
    PrefixIndex index;
    std::map<std::uint64_t, std::uint32_t> map;
    const auto names = *rc::gen::container<std::vector<std::uint64_t>>(rc::gen::inRange<std::uint64_t>(1, 12));
    for (std::size_t i = 0; i < names.size(); ++i) {
      const auto block = static_cast<std::uint32_t>(i);
      if (i % 3 == 2) {
        index.erase(names[i]);
        map.erase(names[i]);
      } else {
        RC_ASSERT(index.insert(names[i], block) == map.emplace(names[i], block).second);
      }
      RC_ASSERT(index.size() == map.size());
    }
    for (std::uint64_t name = 1; name < 12; ++name) {
      RC_ASSERT(index.find(name) == (map.count(name) > 0 ? map[name] : PrefixIndex::kNone));
    }
  }));
}

TEST(ServingPartsProperties, LeastRequestsPicksNobodyWithMore) {
  EXPECT_TRUE(rc::check([] {
    const auto count = *rc::gen::inRange<std::size_t>(1, 9);
    std::vector<ReplicaView> replicas(count);
    for (ReplicaView& view : replicas) {
      view.waiting = *rc::gen::inRange<std::int64_t>(0, 4);
      view.running = *rc::gen::inRange<std::int64_t>(0, 4);
    }
    const std::size_t chosen = find_router("least_requests")->make(1)->pick(Request{}, replicas);
    for (std::size_t i = 0; i < count; ++i) {
      const std::int64_t own = replicas[chosen].waiting + replicas[chosen].running;
      RC_ASSERT(replicas[i].waiting + replicas[i].running >= own + (i < chosen ? 1 : 0));
    }
  }));
}

#endif

}  // namespace
}  // namespace orrery::models
