// Loads that make no sense are refused with the key that says so.
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/serving/workload/workload.hpp"

namespace orrery::models {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

LoadConfig poisson() {
  LoadConfig load;
  load.rate = 2.0;
  load.requests = 100;
  load.input.mean = 1000.0;
  load.output.mean = 100.0;
  return load;
}

LoadConfig with_arrivals(const std::string& arrivals) {
  LoadConfig load = poisson();
  load.arrivals = arrivals;
  if (arrivals == "burst" || arrivals == "closed_loop" || arrivals == "trace") load.rate = 0.0;
  if (arrivals == "closed_loop") load.concurrency = 4;
  if (arrivals == "trace") {
    load.input = load.output = LengthConfig{};
    load.requests = 0;
    load.trace = "trace.jsonl";
  }
  return load;
}

/// "key: message" of the only error; all of them where there are more.
std::string error_of(const LoadConfig& load) {
  std::string text;
  for (const JobError& error : check(load)) text += (text.empty() ? "" : "\n") + error.key + ": " + error.message;
  return text;
}

struct Case {
  std::string arrivals;
  std::function<void(LoadConfig&)> change;
  std::string expected;
};

void expect_refused(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    LoadConfig load = with_arrivals(c.arrivals);
    c.change(load);
    const std::string text = error_of(load);
    EXPECT_EQ(text.substr(0, ("serving.load." + c.expected).size()), "serving.load." + c.expected) << text;
    EXPECT_EQ(text.find('\n'), std::string::npos) << text;
  }
}

TEST(LoadCheck, PassesOneLoadOfEachKind) {
  for (const ArrivalRow& row : arrival_processes()) {
    EXPECT_THAT(check(with_arrivals(std::string(row.name))), IsEmpty()) << row.name;
  }
}

TEST(LoadCheck, RefusesRatesAndCountsOutOfRange) {
  const double nan = std::nan("");
  expect_refused({
      {"poisson", [](LoadConfig& l) { l.rate = 0.0; }, "rate: must be above 0"},
      {"constant", [](LoadConfig& l) { l.rate = -1.0; }, "rate: must be above 0"},
      {"gamma", [=](LoadConfig& l) { l.rate = nan; }, "rate: must be above 0"},
      {"poisson", [=](LoadConfig& l) { l.rate = -HUGE_VAL; }, "rate: must be above 0"},
      {"poisson", [](LoadConfig& l) { l.rate = 1e-6; }, "rate: at 1e-06 requests per second the last of 100"},
      {"gamma", [](LoadConfig& l) { l.cv = 0.0; }, "cv: must be from"},
      {"gamma", [=](LoadConfig& l) { l.cv = nan; }, "cv: must be from"},
      {"burst", [](LoadConfig& l) { l.burst_size = -2; }, "burst_size: must be"},
      {"burst", [](LoadConfig& l) { l.burst_size = 2; }, "burst_interval: must be above 0 s"},
      {"burst", [](LoadConfig& l) { l.burst_interval = Seconds{1.0}; }, "burst_interval: needs burst_size"},
      {"burst",
       [](LoadConfig& l) {
         l.burst_size = 1;
         l.burst_interval = Seconds{1e6};
       },
       "burst_interval: the last burst"},
      {"closed_loop", [](LoadConfig& l) { l.concurrency = 0; }, "concurrency: must be at least 1"},
      {"closed_loop", [](LoadConfig& l) { l.think_time = Seconds{-1.0}; }, "think_time: must be"},
      {"poisson", [](LoadConfig& l) { l.requests = 0; }, "requests: must be at least 1"},
      {"poisson", [](LoadConfig& l) { l.requests = -1; }, "requests: must be from 1"},
      {"trace", [](LoadConfig& l) { l.requests = -1; }, "requests: must be from 1"},
      {"trace", [](LoadConfig& l) { l.rate_scale = 0.0; }, "rate_scale: must be above 0"},
      {"trace", [](LoadConfig& l) { l.trace.clear(); }, "trace: arrivals: trace needs the file"},
  });
}

TEST(LoadCheck, RefusesKeysOfAnotherArrivalProcess) {
  expect_refused({
      {"burst", [](LoadConfig& l) { l.rate = 1.0; },
       "rate: belongs to arrivals: constant, poisson, gamma, not to burst"},
      {"poisson", [](LoadConfig& l) { l.cv = 2.0; }, "cv: belongs to arrivals: gamma"},
      {"poisson", [](LoadConfig& l) { l.burst_size = 2; }, "burst_size: belongs to"},
      {"poisson", [](LoadConfig& l) { l.burst_interval = Seconds{1.0}; }, "burst_interval: belongs to"},
      {"poisson", [](LoadConfig& l) { l.concurrency = 2; }, "concurrency: belongs to"},
      {"gamma", [](LoadConfig& l) { l.think_time = Seconds{1.0}; }, "think_time: belongs to"},
      {"poisson", [](LoadConfig& l) { l.trace_format = "azure"; }, "trace_format: belongs to a trace: azure, which"},
      {"closed_loop", [](LoadConfig& l) { l.rate_scale = 2.0; }, "rate_scale: belongs to"},
      {"trace", [](LoadConfig& l) { l.input.mean = 5.0; }, "input: prompts are as long as the trace says"},
      {"trace", [](LoadConfig& l) { l.output.most = 5; }, "output: answers are as long as the trace says"},
      {"trace", [](LoadConfig& l) { l.prefix_tokens = 5; }, "prefix_tokens: what prompts share"},
      {"trace", [](LoadConfig& l) { l.prefix_groups = 5; }, "prefix_groups: what prompts share"},
  });
}

TEST(LoadCheck, TakesTheLengthsOfATraceWithAnyArrivals) {
  for (const char* arrivals : {"poisson", "closed_loop", "burst"}) {
    LoadConfig load = with_arrivals(arrivals);
    load.trace = "trace.jsonl";
    load.requests = 0;
    load.input = load.output = LengthConfig{};
    EXPECT_THAT(check(load), IsEmpty()) << arrivals;
  }
}

TEST(LoadCheck, TakesAnInfiniteRate) {
  for (const char* arrivals : {"poisson", "gamma", "constant"}) {
    LoadConfig load = with_arrivals(arrivals);
    load.rate = HUGE_VAL;
    EXPECT_THAT(check(load), IsEmpty()) << arrivals;
  }
}

TEST(LoadCheck, RefusesLengthsThatContradictEachOther) {
  expect_refused({
      {"poisson", [](LoadConfig& l) { l.input.mean = 0.5; }, "input.mean: must be from 1"},
      {"poisson", [](LoadConfig& l) { l.output.mean = 0.0; }, "output.mean: must be from 1"},
      {"poisson", [](LoadConfig& l) { l.input.mean = 10.5; }, "input.mean: a fixed length is a whole number"},
      {"poisson", [](LoadConfig& l) { l.input.most = 10; }, "input.mean: 1000 is not between"},
      {"poisson", [](LoadConfig& l) { l.output.least = 0; }, "output.least: must be at least 1"},
      {"poisson", [](LoadConfig& l) { l.output.most = kMostTokens + 1; }, "output.most: must be at most"},
      {"poisson", [](LoadConfig& l) { l.input.cv = 0.5; }, "input.cv: belongs to lognormal"},
      {"poisson",
       [](LoadConfig& l) {
         l.input = {"lognormal", 10.0, 0.0};
       },
       "input.cv: must be above 0"},
      {"poisson",
       [](LoadConfig& l) {
         l.input = {"uniform", 10.0, 1.0, 1, 20};
       },
       "input.mean: follows from"},
      {"poisson",
       [](LoadConfig& l) {
         l.input = {"uniform", 0.0, 1.0, 30, 20};
       },
       "input.least: 30 is more than most"},
      {"poisson", [](LoadConfig& l) { l.input = {"uniform"}; }, "input.most: uniform lengths need"},
      {"poisson", [](LoadConfig& l) { l.input = {"empirical"}; }, "input.values: empirical lengths come from"},
      {"poisson", [](LoadConfig& l) { l.input.values = {4}; }, "input.values: belongs to empirical"},
      {"poisson", [](LoadConfig& l) { l.input.column = "x"; }, "input.column: belongs to empirical"},
      {"poisson",
       [](LoadConfig& l) {
         l.input = {"empirical"};
         l.input.values = {4, 0, -1};
       },
       "input.values: must be from 1"},
      {"poisson",
       [](LoadConfig& l) {
         l.input = {"empirical"};
         l.input.file = "a.csv";
       },
       "input.file: file and column go together"},
  });
}

TEST(LoadCheck, RefusesSystemPromptsThatLeaveNoRoom) {
  expect_refused({
      {"poisson", [](LoadConfig& l) { l.prefix_tokens = -1; }, "prefix_tokens: must be from 0"},
      {"poisson", [](LoadConfig& l) { l.prefix_tokens = 1000; }, "prefix_tokens: 1000 leave nothing"},
      {"poisson", [](LoadConfig& l) { l.prefix_groups = 2; }, "prefix_groups: needs prefix_tokens"},
      {"poisson", [](LoadConfig& l) { l.prefix_groups = 0; }, "prefix_groups: must be from 1"},
  });
  LoadConfig load = poisson();
  load.prefix_tokens = 999;
  EXPECT_THAT(check(load), IsEmpty());
}

TEST(LoadCheck, NamesTheNearestOfEachFamily) {
  expect_refused({
      {"poison", [](LoadConfig&) {}, "arrivals: unknown arrival process 'poison'; did you mean poisson"},
      {"poisson", [](LoadConfig& l) { l.input.distribution = "log_normal"; },
       "input.distribution: unknown length distribution 'log_normal'; did you mean lognormal"},
      {"trace", [](LoadConfig& l) { l.trace_format = "moncake"; },
       "trace_format: unknown trace format 'moncake'; did you"},
  });
}

TEST(LoadCheck, ReportsEverythingAtOnce) {
  LoadConfig load;  // no rate, no requests, no lengths
  EXPECT_EQ(check(load).size(), 4u) << error_of(load);
}

}  // namespace
}  // namespace orrery::models
