// The verdict on a serving engine's memory stands beside the two figures that it is the difference of.
#include <sstream>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "scenarios/explanation.hpp"
#include "scenarios/format.hpp"
#include "scenarios/memory_stack.hpp"
#include "scenarios/report.hpp"
#include "scenarios/serving/job.hpp"
#include "scenarios/serving/pool.hpp"

namespace orrery::scenarios {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr double kGiB = 1073741824.0;

Report run(const std::string& keys, const std::string& cluster = "node: dgx_h100") {
  return run_scenario(parse_scenario("scenario: s\nmodel: llama-3-8b\ncluster: {" + cluster + "}\nserving:\n" + keys +
                                         "  load: {rate: 9, requests: 3, input: 9, output: 3}\n",
                                     "s.yaml"),
                      Keep{true, false});
}

std::string text_of(const Report& report) {
  std::ostringstream out;
  write_text(out, report);
  return out.str();
}

/// A line of the memory's table.
std::string line(const std::string& label, double bytes) {
  const std::string size = readable(bytes, Unit::bytes);
  return "  " + label + std::string(26 - label.size() + 19 - size.size(), ' ') + size + "\n";
}

// Llama-3 8B keeps 128 KiB a token: 2 MiB a block of 16, 512 MiB of 4,096 tokens.
TEST(ServingMargin, IsTheCacheLessTheLongestRequest) {
  const Report report = run("  max_model_len: 4096\n");
  const double cache = report.metric("memory.kv_cache_bytes"), longest = 512.0 * 1048576.0;
  EXPECT_DOUBLE_EQ(report.metric("memory.margin_bytes"), cache - longest);
  const std::string text = text_of(report);
  EXPECT_THAT(text, HasSubstr(line("KV cache", cache) + line("  the longest request", longest)));
  EXPECT_THAT(text, HasSubstr("fits: " + readable(cache - longest, Unit::bytes) +
                              " to spare beside one request of 4,096 tokens\n"));
}

TEST(ServingMargin, OfTooSmallACacheIsWhatTheLongestRequestLacks) {
  // 20.6 GiB: weights and the rest leave some blocks, fewer than 8,192 tokens need.
  const Report report = run("  max_model_len: 8192\n  kv_cache_memory_bytes: 512 MiB\n");
  EXPECT_EQ(report.metric("memory.fits"), 0.0);
  // 512 MiB are 256 blocks, 8,192 tokens need 512.
  EXPECT_DOUBLE_EQ(report.metric("memory.margin_bytes"), -256.0 * 2.0 * 1048576.0);
  EXPECT_THAT(text_of(report), AllOf(HasSubstr(line("  the longest request", kGiB)),
                                     HasSubstr("does not fit: 512.0 MiB missing for one request of 8,192 tokens")));
}

TEST(ServingMargin, OfMoreCacheThanTheGpuLeavesIsTheDifference) {
  const Report report = run("  max_model_len: 2048\n  kv_cache_memory_bytes: 75 GiB\n");
  EXPECT_EQ(report.metric("memory.fits"), 0.0);
  const double left = report.metric("memory.kv_cache_bytes");
  EXPECT_LT(left, 60.0 * kGiB);
  EXPECT_DOUBLE_EQ(report.metric("memory.margin_bytes"), left - 75.0 * kGiB);
  const std::string missing = readable(75.0 * kGiB - left, Unit::bytes);
  EXPECT_THAT(
      text_of(report),
      AllOf(HasSubstr("does not fit: " + missing + " missing of the KV cache that is asked for\n"),
            HasSubstr("missing: " + missing + " of the KV cache that is asked for"), Not(HasSubstr("uncertain"))));
  const nlohmann::json memory = nlohmann::json::parse(to_json({report}))["memory"];
  EXPECT_EQ(memory["verdict"], "does_not_fit");
  EXPECT_EQ(memory["uncertain"], false);
  const std::vector<MemoryStack> stacks = report.scenario.jobs[0].kind->memory(*report.results[0]);
  ASSERT_EQ(stacks.size(), 1U);
  EXPECT_DOUBLE_EQ(stacks[0].missing, 75.0 * kGiB - left);
  EXPECT_TRUE(stacks[0].overflows());
}

TEST(ServingMargin, WithoutABlockIsWhatTheFirstLacks) {
  const Report report = run("  max_model_len: 2048\n", "node: dgx_h100, gpu_memory: 18 GiB");
  const nlohmann::json memory = nlohmann::json::parse(to_json({report}))["memory"];
  EXPECT_EQ(memory["kv_cache_bytes"], 0.0);
  const double fixed = memory["peak_bytes"], budget = memory["budget_bytes"];
  ASSERT_GT(fixed, budget);
  EXPECT_DOUBLE_EQ(memory["margin_bytes"].get<double>(), budget - fixed - memory["kv_block_bytes"].get<double>());
  const std::string text = text_of(report);
  EXPECT_THAT(
      text, AllOf(HasSubstr("missing before the first block of the KV cache"), Not(HasSubstr("the longest request"))));
}

// What the tree says of the margin is the same subtraction.
TEST(ServingMargin, IsExplainedByItsTwoParts) {
  const Report report = run("  max_model_len: 4096\n");
  const ExplainNode node = Explanation(report).of("memory.margin_bytes");
  EXPECT_TRUE(node.sums);
  ASSERT_EQ(node.parts.size(), 2U);
  EXPECT_DOUBLE_EQ(node.parts[0].value, report.metric("memory.kv_cache_bytes"));
  EXPECT_DOUBLE_EQ(node.parts[1].value, -512.0 * 1048576.0);
}

TEST(LongestRequest, IsRoundedUpToBlocks) {
  models::ServingResult result;
  EXPECT_EQ(longest_request(result), Bytes{0.0});
  result.started = true;
  result.pool.block_size = 16;
  result.pool.block_bytes = Bytes{1000.0};
  result.pool.blocks = 10;
  result.pool.longest = 33;  // three blocks
  EXPECT_EQ(longest_request(result), Bytes{3000.0});
  EXPECT_EQ(cache_margin(result), Bytes{7000.0});
  EXPECT_EQ(margin_basis(result), "beside one request of 33 tokens");
  result.pool.blocks = 2;
  EXPECT_EQ(cache_margin(result), Bytes{-1000.0});
  EXPECT_EQ(margin_basis(result), "for one request of 33 tokens");
  result.started = false;
  result.pool.blocks = 0;
  EXPECT_EQ(margin_basis(result), "before the first block of the KV cache");
}

}  // namespace
}  // namespace orrery::scenarios
