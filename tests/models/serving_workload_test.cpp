// Arrival processes and what generated requests hold: moments, determinism, independence of the draws, closed loops.
#include <cmath>
#include <map>
#include <set>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/serving/workload/workload.hpp"

namespace orrery::models {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

LengthConfig fixed(double tokens) {
  LengthConfig config;
  config.mean = tokens;
  return config;
}

LoadConfig load_of(const std::string& arrivals, std::int64_t requests) {
  LoadConfig load;
  load.arrivals = arrivals;
  load.requests = requests;
  load.input = fixed(100);
  load.output = fixed(10);
  return load;
}

std::vector<Request> all_of(const LoadConfig& load, std::uint64_t seed = 1) {
  EXPECT_THAT(check(load), IsEmpty());
  const std::unique_ptr<Workload> workload = make_workload(load, seed);
  std::vector<Request> requests;
  while (const auto arrival = workload->next_arrival()) {
    requests.push_back(workload->take());
    EXPECT_EQ(requests.back().arrival, *arrival);
  }
  return requests;
}

std::vector<sim::SimTime> arrivals_of(const std::vector<Request>& requests) {
  std::vector<sim::SimTime> times;
  for (const Request& request : requests) times.push_back(request.arrival);
  return times;
}

struct Moments {
  double mean = 0.0, deviation = 0.0;
};

Moments moments(const std::vector<double>& values) {
  Moments result;
  const auto n = static_cast<double>(values.size());
  for (const double x : values) result.mean += x / n;
  double squares = 0.0;
  for (const double x : values) squares += (x - result.mean) * (x - result.mean);
  result.deviation = std::sqrt(squares / (n - 1.0));
  return result;
}

std::vector<double> gaps(const std::vector<Request>& requests) {
  std::vector<double> result;
  sim::SimTime last = 0;
  for (const Request& request : requests) {
    result.push_back(sim::to_seconds(request.arrival - last).value());
    last = request.arrival;
  }
  return result;
}

TEST(Arrivals, ConstantComesEveryRthOfASecond) {
  // r = 3/s: 0, 1/3, 2/3, 1 s; from the count, so that rounding does not add up.
  LoadConfig load = load_of("constant", 4);
  load.rate = 3.0;
  EXPECT_THAT(arrivals_of(all_of(load)), ElementsAre(0u, 333'333'333'333u, 666'666'666'667u, 1'000'000'000'000u));
}

TEST(Arrivals, IdsCountFromZero) {
  LoadConfig load = load_of("constant", 3);
  load.rate = 1.0;
  std::uint64_t next = 0;
  for (const Request& request : all_of(load)) EXPECT_EQ(request.id, next++);
  EXPECT_EQ(next, 3u);
}

TEST(Arrivals, PoissonGapsAreExponential) {
  // n = 100,000 gaps of mean 1/r = 0.05 s. Standard error of the mean: 0.05/√n = 1.6e-4; of the deviation, with
  // kurtosis 9: 0.05·√((9 − 1)/(4n)) = 2.2e-4. Four of each are allowed. P(gap > mean) = 1/e ± 4·√(p(1−p)/n) = 0.0061.
  LoadConfig load = load_of("poisson", 100'000);
  load.rate = 20.0;
  const std::vector<double> values = gaps(all_of(load));
  const Moments m = moments(values);
  EXPECT_NEAR(m.mean, 0.05, 4 * 1.6e-4);
  EXPECT_NEAR(m.deviation, 0.05, 4 * 2.2e-4);
  double above = 0.0;
  for (const double gap : values) above += gap > 0.05 ? 1.0 : 0.0;
  EXPECT_NEAR(above / 100'000.0, std::exp(-1.0), 0.0061);
}

TEST(Arrivals, GammaGapsHaveTheCvAsked) {
  // n = 100,000 gaps of mean 0.1 s. Gamma with shape a = 1/c² has kurtosis 3 + 6/a. Standard errors: of the mean
  // c·0.1/√n; of the deviation c·0.1·√((kurtosis − 1)/(4n)).
  for (const double cv : {0.5, 1.0, 2.0, 4.0}) {
    LoadConfig load = load_of("gamma", 100'000);
    load.rate = 10.0;
    load.cv = cv;
    const Moments m = moments(gaps(all_of(load)));
    const double deviation = cv * 0.1;
    EXPECT_NEAR(m.mean, 0.1, 4 * deviation / std::sqrt(1e5)) << cv;
    EXPECT_NEAR(m.deviation, deviation, 4 * deviation * std::sqrt((2 + 6 * cv * cv) / 4e5)) << cv;
  }
}

TEST(Arrivals, BurstsComeTogether) {
  LoadConfig load = load_of("burst", 5);
  EXPECT_THAT(arrivals_of(all_of(load)), ElementsAre(0u, 0u, 0u, 0u, 0u));
  load.burst_size = 2;
  load.burst_interval = Seconds{0.5};
  constexpr sim::SimTime kHalf = 500'000'000'000;
  EXPECT_THAT(arrivals_of(all_of(load)), ElementsAre(0u, 0u, kHalf, kHalf, 2 * kHalf));
}

TEST(Arrivals, SameSeedGivesTheSameStreamAndAnotherSeedAnother) {
  for (const char* process : {"poisson", "gamma"}) {
    LoadConfig load = load_of(process, 1000);
    load.rate = 5.0;
    EXPECT_EQ(arrivals_of(all_of(load, 3)), arrivals_of(all_of(load, 3)));
    EXPECT_NE(arrivals_of(all_of(load, 3)), arrivals_of(all_of(load, 4)));
  }
}

TEST(Arrivals, AShorterLoadIsThePrefixOfALongerOne) {
  LoadConfig load = load_of("poisson", 1000);
  load.rate = 5.0;
  std::vector<sim::SimTime> longer = arrivals_of(all_of(load));
  load.requests = 10;
  longer.resize(10);
  EXPECT_EQ(arrivals_of(all_of(load)), longer);
}

TEST(RequestDraws, DoNotShiftOneAnother) {
  // Another distribution of answers leaves arrivals and prompts alone, another arrival process leaves lengths alone.
  LoadConfig load = load_of("poisson", 500);
  load.rate = 5.0;
  load.input = {"lognormal", 1000.0, 0.8};
  load.output = {"lognormal", 200.0, 1.2};
  const std::vector<Request> base = all_of(load);
  LoadConfig answers = load;
  answers.output = fixed(7);
  LoadConfig process = load;
  process.arrivals = "gamma";
  process.cv = 3.0;
  const std::vector<Request> other_answers = all_of(answers), other_process = all_of(process);
  for (std::size_t i = 0; i < base.size(); ++i) {
    EXPECT_EQ(other_answers[i].arrival, base[i].arrival);
    EXPECT_EQ(other_answers[i].input_tokens, base[i].input_tokens);
    EXPECT_EQ(other_process[i].input_tokens, base[i].input_tokens);
    EXPECT_EQ(other_process[i].output_tokens, base[i].output_tokens);
  }
  EXPECT_NE(arrivals_of(other_process), arrivals_of(base));
}

TEST(RequestDraws, InputAndOutputHaveStreamsOfTheirOwn) {
  LoadConfig load = load_of("burst", 200);
  load.input = {"lognormal", 500.0, 1.0};
  load.output = load.input;
  int equal = 0;
  for (const Request& request : all_of(load)) equal += request.input_tokens == request.output_tokens ? 1 : 0;
  EXPECT_LT(equal, 20);
}

TEST(SystemPrompts, StartEveryPromptAndAreDrawnEvenly) {
  // 4 groups over 40,000 requests: 10,000 each, standard deviation √(n·p·(1−p)) = 87; four of them are allowed.
  LoadConfig load = load_of("burst", 40'000);
  load.input = {"lognormal", 300.0, 1.0};
  load.prefix_tokens = 256;
  load.prefix_groups = 4;
  std::map<std::uint64_t, int> groups;
  std::int64_t shortest = 1'000'000;
  for (const Request& request : all_of(load)) {
    ASSERT_EQ(request.prefix.size(), 1u);
    EXPECT_EQ(request.prefix_tokens, 256);
    ++groups[request.prefix.front()];
    shortest = std::min(shortest, request.input_tokens);
  }
  EXPECT_EQ(shortest, 257);  // a shorter draw is raised: at least one token is the user's own
  ASSERT_EQ(groups.size(), 4u);
  for (const auto& [name, count] : groups) {
    EXPECT_GE(name, kSystemPromptNames);  // apart from the block ids of traces
    EXPECT_LT(name, std::uint64_t{1} << 40);
    EXPECT_NEAR(count, 10'000, 4 * 87);
  }
}

TEST(SystemPrompts, AreAbsentUnlessAskedFor) {
  for (const Request& request : all_of(load_of("burst", 3))) {
    EXPECT_TRUE(request.prefix.empty());
    EXPECT_EQ(request.prefix_tokens, 0);
  }
}

TEST(ClosedLoop, KeepsExactlyItsClientsInFlight) {
  // Served one at a time, a second each: whenever the load has been asked for all it has, 4 requests are in flight,
  // until fewer than 4 are left.
  LoadConfig load = load_of("closed_loop", 20);
  load.concurrency = 4;
  ASSERT_THAT(check(load), IsEmpty());
  const auto workload = make_workload(load, 1);
  std::vector<Request> in_flight;
  sim::SimTime now = 0;
  std::size_t sent = 0;
  for (std::size_t done = 0; done < 20; ++done) {
    while (const auto arrival = workload->next_arrival()) {
      EXPECT_EQ(*arrival, now);
      in_flight.push_back(workload->take());
      EXPECT_EQ(in_flight.back().id, sent++);
    }
    EXPECT_EQ(in_flight.size(), std::min<std::size_t>(4, 20 - done));
    now += sim::kPicosecondsPerSecond;
    workload->ended(in_flight.front(), now);
    in_flight.erase(in_flight.begin());
  }
  EXPECT_EQ(workload->next_arrival(), std::nullopt);
  EXPECT_EQ(sent, 20u);
}

TEST(ClosedLoop, WaitsForAnAnswer) {
  LoadConfig load = load_of("closed_loop", 3);
  load.concurrency = 1;
  const auto workload = make_workload(load, 1);
  ASSERT_EQ(workload->next_arrival(), sim::SimTime{0});
  const Request first = workload->take();
  EXPECT_EQ(workload->next_arrival(), std::nullopt);
  workload->ended(first, 5);
  EXPECT_EQ(workload->next_arrival(), sim::SimTime{5});
}

TEST(ClosedLoop, ThinksForAnExponentialTime) {
  // One client, answered at once: gaps are think times of mean 2 s. n = 20,000: standard error 2/√n = 0.014, of the
  // deviation 2·√(8/(4n)) = 0.02.
  LoadConfig load = load_of("closed_loop", 20'000);
  load.concurrency = 1;
  load.think_time = Seconds{2.0};
  const auto workload = make_workload(load, 1);
  std::vector<double> thought;
  sim::SimTime now = 0;
  while (const auto arrival = workload->next_arrival()) {
    if (*arrival > 0) thought.push_back(sim::to_seconds(*arrival - now).value());
    now = *arrival;
    workload->ended(workload->take(), now);
  }
  ASSERT_EQ(thought.size(), 19'999u);
  EXPECT_NEAR(moments(thought).mean, 2.0, 4 * 0.014);
  EXPECT_NEAR(moments(thought).deviation, 2.0, 4 * 0.02);
}

TEST(ClosedLoop, WhoHasThoughtFirstSendsTheLastRequest) {
  LoadConfig load = load_of("closed_loop", 3);
  load.concurrency = 2;
  load.think_time = Seconds{10.0};
  const auto workload = make_workload(load, 9);
  const Request a = workload->take(), b = workload->take();
  workload->ended(a, 0);
  const auto alone = workload->next_arrival();
  workload->ended(b, 0);
  const auto both = workload->next_arrival();
  ASSERT_TRUE(alone && both);
  EXPECT_LE(*both, *alone);
  EXPECT_EQ(workload->take().id, 2u);
  EXPECT_EQ(workload->next_arrival(), std::nullopt);
}

TEST(ClosedLoop, HasNoMoreClientsThanRequests) {
  LoadConfig load = load_of("closed_loop", 2);
  load.concurrency = 1'000'000;
  EXPECT_EQ(all_of(load).size(), 2u);
}

TEST(ArrivalTable, NamesWhatTheContractNames) {
  std::vector<std::string> names;
  for (const ArrivalRow& row : arrival_processes()) names.emplace_back(row.name);
  EXPECT_THAT(names, ElementsAre("constant", "poisson", "gamma", "burst", "closed_loop", "trace"));
  EXPECT_EQ(find_arrival_process("poisson"), &arrival_processes()[1]);
  EXPECT_EQ(find_arrival_process("poison"), nullptr);
}

}  // namespace
}  // namespace orrery::models
