// Questions from words: what is taken for what, and what is refused with the option that it stands behind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hardware/config/config.hpp"
#include "scenarios/ask/ask.hpp"
#include "scenarios/ask/names.hpp"
#include "scenarios/ask/replicas.hpp"
#include "scenarios/ask/words.hpp"

namespace orrery::scenarios {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

AskWords words() {
  AskWords asked;
  asked.model = "llama-3.1-8b";
  asked.gpu = "h100";
  asked.input = "1000";
  asked.output = "100";
  asked.tpot = "50ms";
  return asked;
}

template <class Change>
std::string refusal(const Change& change) {
  AskWords asked = words();
  change(asked);
  try {
    (void)read_serve_question(asked);
  } catch (const hardware::ConfigError& error) {
    return error.what();
  }
  return "read";
}

TEST(Reading, WhatIsNotSaidIsLeftOpen) {
  const ServeQuestion question = read_serve_question(words());
  EXPECT_EQ(question.gpu_count, 0);
  EXPECT_EQ(question.tensor_parallel, 0);
  EXPECT_EQ(question.users, 0);
  EXPECT_EQ(question.rate, 0.0);
  EXPECT_EQ(question.attainment, 0.99);
  EXPECT_FALSE(question.api);
  EXPECT_TRUE(question.pareto.empty());
  EXPECT_EQ(question.ttft, Seconds{0.0});
  EXPECT_DOUBLE_EQ(question.tpot.value(), 0.05);
}

TEST(Reading, ContextIsWhatARequestTakesInWholeThousandsOf1024) {
  EXPECT_EQ(read_serve_question(words()).context, 2048);  // 1,100 tokens
  AskWords exact = words();
  exact.input = "924";
  EXPECT_EQ(read_serve_question(exact).context, 1024);
  exact.context = "1024";
  EXPECT_EQ(read_serve_question(exact).context, 1024);
  exact.context = "1023";
  EXPECT_THROW((void)read_serve_question(exact), hardware::ConfigError);
}

TEST(Reading, SpreadsWithoutAnEndAreCutAtEightMeans) {
  AskWords spread = words();
  spread.input = "500:0.5";
  const ServeQuestion question = read_serve_question(spread);
  EXPECT_EQ(question.input.most, 4000);
  EXPECT_EQ(question.context, 5120);  // 4,000 + 100 up to the next 1,024
  spread.input = "500:0";
  EXPECT_EQ(read_serve_question(spread).input.most, 0) << "no spread has no end";
}

TEST(Reading, GpusAreListsOfNames) {
  AskWords several = words();
  several.gpu = "h100, l40s ,a100";
  std::vector<std::string> names;
  for (const AskedGpu& gpu : read_serve_question(several).gpus) names.push_back(gpu.name);
  EXPECT_THAT(names, ElementsAre("h100_sxm", "l40s", "a100_sxm"));
  several.gpu.clear();
  EXPECT_EQ(read_serve_question(several).gpus.size(), all_asked_gpus().size());
  several.node = "dgx_h100";
  EXPECT_EQ(read_serve_question(several).gpus.front().name, "h100_sxm");
  several.gpu = "h100,H100_SXM, h100";  // one kind: its plans are not repeated
  EXPECT_EQ(read_serve_question(several).gpus.size(), 1U);
  several.gpu = "h100,,l40s";
  EXPECT_THROW((void)read_serve_question(several), hardware::ConfigError);
  several.gpu = "warp9";
  EXPECT_THROW((void)read_serve_question(several), hardware::ConfigError);
}

TEST(Reading, EachRefusalNamesItsOption) {
  EXPECT_THAT(refusal([](AskWords& w) { w.gpu = "h100,"; }),
              HasSubstr("--gpu h100,: a name beside a comma is missing"));
  EXPECT_THAT(refusal([](AskWords& w) { w.gpus = "0"; }),
              HasSubstr("--gpus 0: expected a whole number from 1 to 4096"));
  EXPECT_THAT(refusal([](AskWords& w) { w.tensor_parallel = "9"; }),
              HasSubstr("--tp 9: expected a whole number from 1 to 8"));
  EXPECT_THAT(refusal([](AskWords& w) { w.users = "100001"; }),
              HasSubstr("--users 100001: expected a whole number from 1 to 100000"));
  EXPECT_THAT(refusal([](AskWords& w) { w.rate = "0"; }), HasSubstr("--rate 0: expected a number from 0.001 to 10000"));
  EXPECT_THAT(refusal([](AskWords& w) { w.rate = "many"; }), HasSubstr("--rate many"));
  EXPECT_THAT(refusal([](AskWords& w) { w.attainment = "99"; }),
              HasSubstr("--attainment 99: expected a number from 0.01 to 1"));
  EXPECT_THAT(refusal([](AskWords& w) { w.tpot = "50"; }), HasSubstr("--tpot 50: expected a time such as 50ms or 5s"));
  EXPECT_THAT(refusal([](AskWords& w) { w.ttft = "0s"; }), HasSubstr("--ttft 0s"));
  EXPECT_THAT(refusal([](AskWords& w) { w.input = ""; }), HasSubstr("--input is needed"));
  EXPECT_THAT(refusal([](AskWords& w) { w.output = "x"; }), HasSubstr("--output x: expected a number of tokens"));
  EXPECT_THAT(refusal([](AskWords& w) { w.input = "100:-1"; }), HasSubstr("--input 100:-1: expected a spread"));
  EXPECT_THAT(refusal([](AskWords& w) { w.input = "100:1:50"; }),
              HasSubstr("the most tokens to be no less than their mean"));
  EXPECT_THAT(refusal([](AskWords& w) { w.context = "1000"; }),
              HasSubstr("--context 1000: a request may take 1,100 tokens"));
  EXPECT_THAT(refusal([](AskWords& w) { w.context = "1M"; }),
              HasSubstr("--context 1M: llama-3.1-8b has 131,072 positions"));
  EXPECT_THAT(refusal([](AskWords& w) { w.compare_api = "1/2/x"; }),
              HasSubstr("--compare-api 1/2/x: expected CACHED/INPUT/OUTPUT"));
  EXPECT_THAT(refusal([](AskWords& w) { w.weight_dtype = "fp9"; }), HasSubstr("--weight-dtype fp9"));
  EXPECT_THAT(refusal([](AskWords& w) { w.tpot = ""; }), HasSubstr("needs a goal"));
  EXPECT_THAT(refusal([](AskWords& w) { w.users = w.rate = "5"; }), HasSubstr("--users or --rate, not both"));
  EXPECT_THAT(refusal([](AskWords& w) { w.pareto = "cost.usd"; }), HasSubstr("--pareto: a front is of two metrics"));
}

TEST(Reading, TheEndsOfEachRangeAreTaken) {
  for (const char* ends : {"1", "4096"}) EXPECT_EQ(refusal([&](AskWords& w) { w.gpus = ends; }), "read") << ends;
  for (const char* ends : {"1", "8"}) EXPECT_EQ(refusal([&](AskWords& w) { w.tensor_parallel = ends; }), "read");
  for (const char* ends : {"1", "100000"}) EXPECT_EQ(refusal([&](AskWords& w) { w.users = ends; }), "read") << ends;
  for (const char* ends : {"0.001", "10000"}) EXPECT_EQ(refusal([&](AskWords& w) { w.rate = ends; }), "read") << ends;
  for (const char* ends : {"0.01", "1"}) EXPECT_EQ(refusal([&](AskWords& w) { w.attainment = ends; }), "read") << ends;
}

TEST(Reading, NothingOfAWordReachesATerminalAsItIs) {
  EXPECT_EQ(refusal([](AskWords& w) { w.tpot = "\x1b[31m"; }).find('\x1b'), std::string::npos);
  EXPECT_EQ(refusal([](AskWords& w) { w.gpu = "\x1b[31m"; }).find('\x1b'), std::string::npos);
  EXPECT_EQ(refusal([](AskWords& w) { w.pareto = "\x1b[31m,b"; }).find("\x1b"), std::string::npos);
}

TEST(Reading, MostUsersGrowWithTheReplicas) {
  EXPECT_EQ(most_users(1), 100'000);
  EXPECT_EQ(most_users(50), 100'000);
  EXPECT_EQ(most_users(51), 102'000);
}

TEST(Reading, UsersInStepAreOneMoreOnAllReplicasButOneAndNeverBeyondTheMost) {
  EXPECT_EQ(most_in_step(10, 4), 43);
  EXPECT_EQ(most_in_step(10, 1), 10);
  EXPECT_EQ(most_in_step(33'333, 3), 100'000) << "not 99,999 + 2";
  EXPECT_EQ(most_in_step(2'000, 64), 128'000) << "not 128,000 + 63";
}

}  // namespace
}  // namespace orrery::scenarios
