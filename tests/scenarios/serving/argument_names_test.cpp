// vLLM's argument names and values as keys of `serving:`, in files and by --set.
#include "scenarios/serving/argument_names.hpp"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scenarios/overrides.hpp"
#include "scenarios/scenario.hpp"
#include "scenarios/serving/job.hpp"
#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string scenario(const std::string& serving, const std::string& load = "rate: 1, requests: 4") {
  return "scenario: names\nmodel: llama-3.1-8b\ncluster: {node: dgx_h100}\nserving:\n" + serving + "  load: {" + load +
         ", input: 64, output: 8}\n";
}

models::ServingConfig read(const std::string& text, const std::vector<std::string>& sets = {}) {
  std::vector<Override> overrides;
  for (const std::string& set : sets) overrides.push_back(parse_override(set));
  return serving_job(parse_scenario(text, "a.yaml", overrides)).config;
}

std::string error_of(const std::string& text, const std::vector<std::string>& sets = {}) {
  try {
    (void)read(text, sets);
    return "no error";
  } catch (const hardware::ConfigError& error) {
    return error.what();
  }
}

TEST(ArgumentNames, AreReadAsKeys) {
  const models::ServingConfig config = read(
      scenario("  tensor_parallel_size: 2\n  pipeline_parallel_size: 2\n  data_parallel_size: 2\n  quantization: fp8\n"
               "  num_gpu_blocks_override: 4000\n"));
  EXPECT_EQ(config.tensor_parallel, 2);
  EXPECT_EQ(config.pipeline_parallel, 2);
  EXPECT_EQ(config.replicas, 2);
  EXPECT_EQ(config.weight_dtype, Dtype::fp8);
  EXPECT_EQ(config.num_gpu_blocks, 4000);
}

TEST(ArgumentNames, AreReadWithTheirValues) {
  const auto with = [](const std::string& set) { return read(scenario("  tensor_parallel: 1\n"), {"serving." + set}); };
  EXPECT_EQ(with("dtype=auto").dtype, Dtype::bf16);
  EXPECT_EQ(with("dtype=half").dtype, Dtype::fp16);
  EXPECT_EQ(with("dtype=bfloat16").dtype, Dtype::bf16);
  EXPECT_EQ(with("kv_cache_dtype=fp8_e4m3").kv_cache_dtype, Dtype::fp8);
  EXPECT_EQ(with("kv_cache_dtype=fp8").kv_cache_dtype, Dtype::fp8);
  EXPECT_EQ(with("kv_cache_dtype=auto").kv_cache_dtype, Dtype::bf16);
  EXPECT_EQ(with("quantization=awq_marlin").weight_dtype, Dtype::int4);
  EXPECT_EQ(with("quantization=none").weight_dtype, Dtype::bf16);
  EXPECT_EQ(with("quantization=null").weight_dtype, Dtype::bf16);
  EXPECT_EQ(with("max_model_len=auto").max_model_len, models::kLongestThatFits);
  EXPECT_EQ(with("max_model_len=-1").max_model_len, models::kLongestThatFits);
  EXPECT_EQ(with("max_model_len=32k").max_model_len, 32'000);
  EXPECT_EQ(with("max_model_len=32K").max_model_len, 32'768);
  EXPECT_EQ(with("max_model_len=25.6k").max_model_len, 25'600);
  EXPECT_EQ(with("max_num_batched_tokens=8k").max_num_batched_tokens, 8'000);
  EXPECT_EQ(with("kv_cache_memory_bytes=4 GiB").kv_cache_memory, Bytes{4294967296.0});
  EXPECT_EQ(with("kv_cache_memory_bytes=4G").kv_cache_memory, Bytes{4294967296.0});
  EXPECT_EQ(with("kv_cache_memory_bytes=4294967296").kv_cache_memory, Bytes{4294967296.0});
}

TEST(ArgumentNames, SetWhatTheFileCallsOtherwise) {
  EXPECT_EQ(read(scenario("  tensor_parallel: 4\n"), {"serving.tensor_parallel_size=2"}).tensor_parallel, 2);
  EXPECT_EQ(read(scenario("  tensor_parallel_size: 4\n"), {"serving.tensor_parallel=2"}).tensor_parallel, 2);
  EXPECT_EQ(read(scenario("  enforce_eager: true\n"), {"serving.tensor_parallel_size=2"}).tensor_parallel, 2);
  EXPECT_EQ(read(scenario("  weight_dtype: fp8\n"), {"serving.quantization=awq"}).weight_dtype, Dtype::int4);
}

TEST(ArgumentNames, ContradictTheirKeys) {
  EXPECT_THAT(error_of(scenario("  tensor_parallel: 2\n  tensor_parallel_size: 2\n")),
              AllOf(HasSubstr("a.yaml:6:3: 'tensor_parallel_size' is another name of 'tensor_parallel', which is given "
                              "too"),
                    ::testing::Not(HasSubstr("\n"))));
}

TEST(ArgumentNames, StandInErrorsAndAdvice) {
  EXPECT_THAT(error_of(scenario("  tensor_parallel_size: 3\n")),
              HasSubstr("a.yaml:5:25: serving.tensor_parallel_size: 3 doesn't divide"));
  EXPECT_THAT(error_of(scenario("  tensor_paralel_size: 2\n")), HasSubstr("tensor_parallel_size"));
  EXPECT_THAT(error_of(scenario("  quantization: awk\n")), AllOf(HasSubstr("a.yaml:5:17"), HasSubstr("awq")));
  EXPECT_THAT(error_of(scenario("  max_model_len: 3x\n")), HasSubstr("a.yaml:5:18"));
  EXPECT_THAT(error_of(scenario("  kv_cache_memory_bytes: 4 miles\n")), HasSubstr("a.yaml:5:26"));
}

TEST(ArgumentNames, AreListed) {
  const Outcome outcome = orrery({"list", "argument_names"});
  EXPECT_EQ(outcome.code, kExitWell);
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("tensor_parallel_size"), HasSubstr("serving.replicas")));
}

TEST(ReadableCounts, FollowVllm) {
  EXPECT_EQ(parse_readable_count("1k"), 1000);
  EXPECT_EQ(parse_readable_count("1K"), 1024);
  EXPECT_EQ(parse_readable_count("2M"), 2 * 1024 * 1024);
  EXPECT_EQ(parse_readable_count("0.5g"), 500'000'000);
  for (const char* text : {"", "k", "1", "1.5K", "-1k", "1kk", "x1k", "1e3k", "99999999999999999999g"}) {
    EXPECT_EQ(parse_readable_count(text), std::nullopt) << text;
  }
}

TEST(InfiniteRate, IsRunAndReadsBack) {
  const std::string text = scenario("  max_model_len: 2048\n", "rate: inf, requests: 4");
  EXPECT_TRUE(std::isinf(read(text).load.rate));
  const Report report = run_scenario(parse_scenario(text, "a.yaml"), {});
  EXPECT_THAT(to_json({report}), HasSubstr("\"rate\": \"inf\""));
  EXPECT_EQ(report.metric("serving.requests"), 4.0);
}

TEST(KvCacheMemory, IsRefusedWhereTheGpuHasLess) {
  const std::string text = scenario("  kv_cache_memory_bytes: 75 GiB\n  max_model_len: 2048\n");
  const Report report = run_scenario(parse_scenario(text, "a.yaml"), {});
  ASSERT_FALSE(report.findings.empty());
  EXPECT_THAT(report.findings.front().message,
              HasSubstr("kv_cache_memory_bytes asks for 75.00 GiB, and the GPU leaves"));
}

}  // namespace
}  // namespace orrery::scenarios::testing
