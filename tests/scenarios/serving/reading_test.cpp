// Reading a serving scenario: every key reaches its field, defaults are the engine's, files are found.

#include <gmock/gmock.h>

#include "scenarios/report.hpp"
#include "scenarios/scenario.hpp"
#include "scenarios/serving/job.hpp"
#include "scenarios/serving/sections.hpp"
#include "tests/places.hpp"
#include "tests/scenarios/serving/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ServingReading : public FolderTest {
 protected:
  /// The serving section of the small scenario with one line changed.
  [[nodiscard]] models::ServingConfig config_with(const std::string& from, const std::string& to) const {
    return serving_job(scenario_with(from, to)).config;
  }
  [[nodiscard]] Scenario scenario_with(const std::string& from, const std::string& to) const {
    return parse_scenario(replaced(small_serving(), from, to), path("s.yaml"));
  }
};

TEST_F(ServingReading, FillsTheJobAndWhatKindsShare) {
  const Scenario scenario = scenario_with("scenario: \"small\"\n", "scenario: \"small\"\nseed: 7\n");
  ASSERT_EQ(scenario.jobs.size(), 1U);
  EXPECT_EQ(serving_job(scenario).llm.name, "llama-3-8b");
  EXPECT_EQ(serving_job(scenario).cluster.groups[0].gpu.name, "h100_sxm");
  EXPECT_EQ(serving_job(scenario).seed, 7U);
  EXPECT_EQ(scenario.seed, 7U);
  EXPECT_EQ(scenario.jobs[0].llm.layers, 32);
  EXPECT_EQ(scenario.cluster.groups[0].gpu.name, "h100_sxm");
  EXPECT_EQ(scenario.skipped, "");
  const models::ServingConfig& config = serving_job(scenario).config;
  EXPECT_EQ(config.max_model_len, 4096);
  EXPECT_EQ(config.load.arrivals, "poisson");
  EXPECT_DOUBLE_EQ(config.load.rate, 4.0);
  EXPECT_EQ(config.load.requests, 40);
  EXPECT_DOUBLE_EQ(config.slo.ttft.value(), 0.5);
  EXPECT_DOUBLE_EQ(config.slo.tpot.value(), 0.0);
}

TEST_F(ServingReading, TrainingScenariosHaveNoServingJob) {
  EXPECT_EQ(find_spec<ServingSpec>(parse_scenario(small_scenario(), "s.yaml").jobs.at(0)), nullptr);
}

TEST_F(ServingReading, LeavesToTheEngineWhatIsNotWritten) {
  const models::ServingConfig config = config_with("  slo: {ttft: 500 ms}\n", "");
  EXPECT_EQ(config.max_num_seqs, 0);
  EXPECT_EQ(config.max_num_batched_tokens, 0);
  EXPECT_DOUBLE_EQ(config.gpu_memory_utilization, 0.0);
  EXPECT_EQ(config.num_gpu_blocks, 0);
  EXPECT_EQ(config.block_size, 16);
  EXPECT_LT(config.step_overhead.value(), 0.0);
  EXPECT_FALSE(config.slo.given());
}

TEST_F(ServingReading, TakesEveryKeyOfTheEngine) {
  const models::ServingConfig config =
      config_with("  max_model_len: 4096\n",
                  "  router: least_requests\n  pipeline_parallel: 2\n  replicas: 2\n  dtype: fp16\n"
                  "  weight_dtype: fp8\n  kv_cache_dtype: fp8\n  max_model_len: 4000\n  max_num_seqs: 64\n"
                  "  max_num_batched_tokens: 1024\n  gpu_memory_utilization: 0.97\n  enforce_eager: true\n"
                  "  enable_prefix_caching: false\n  enable_chunked_prefill: true\n  async_scheduling: false\n"
                  "  reserve_full_input: false\n  long_prefill_token_threshold: 512\n  block_size: 32\n"
                  "  num_gpu_blocks: 5000\n  activation_memory: 1 GiB\n  ignore_eos: false\n  kernels: trtllm\n"
                  "  step_overhead: 2 ms\n  request_overhead: 0 us\n  warmup_requests: 3\n");
  EXPECT_EQ(config.router, "least_requests");
  EXPECT_EQ(config.pipeline_parallel, 2);
  EXPECT_EQ(config.replicas, 2);
  EXPECT_EQ(config.dtype, Dtype::fp16);
  EXPECT_EQ(config.weight_dtype, Dtype::fp8);
  EXPECT_EQ(config.kv_cache_dtype, Dtype::fp8);
  EXPECT_EQ(config.max_model_len, 4000);
  EXPECT_EQ(config.max_num_seqs, 64);
  EXPECT_EQ(config.max_num_batched_tokens, 1024);
  EXPECT_DOUBLE_EQ(config.gpu_memory_utilization, 0.97);
  EXPECT_TRUE(config.enforce_eager);
  EXPECT_FALSE(config.enable_prefix_caching);
  EXPECT_TRUE(config.enable_chunked_prefill);
  EXPECT_FALSE(config.async_scheduling);
  EXPECT_FALSE(config.reserve_full_input);
  EXPECT_EQ(config.long_prefill_token_threshold, 512);
  EXPECT_EQ(config.block_size, 32);
  EXPECT_EQ(config.num_gpu_blocks, 5000);
  EXPECT_DOUBLE_EQ(config.activation_memory.value(), 1073741824.0);
  EXPECT_FALSE(config.ignore_eos);
  EXPECT_EQ(config.kernels, kernels::Implementation::trtllm);
  EXPECT_DOUBLE_EQ(config.step_overhead.value(), 2e-3);
  EXPECT_DOUBLE_EQ(config.request_overhead.value(), 0.0);
  EXPECT_EQ(config.warmup_requests, 3);
}

TEST_F(ServingReading, WeightsAndCacheFollowTheDtype) {
  const models::ServingConfig config = config_with("  max_model_len: 4096\n", "  dtype: fp16\n");
  EXPECT_EQ(config.weight_dtype, Dtype::fp16);
  EXPECT_EQ(config.kv_cache_dtype, Dtype::fp16);
}

TEST_F(ServingReading, RateMayHaveItsUnit) {
  EXPECT_DOUBLE_EQ(config_with("rate: 4", "rate: 2.5").load.rate, 2.5);
  EXPECT_DOUBLE_EQ(config_with("rate: 4", "rate: 2.5 req/s").load.rate, 2.5);
  EXPECT_DOUBLE_EQ(config_with("rate: 4", "rate: 2.5 requests/s").load.rate, 2.5);
}

TEST_F(ServingReading, NumberIsALengthThatNeverChanges) {
  const models::LoadConfig load = config_with("rate: 4", "rate: 5").load;
  EXPECT_EQ(load.input.distribution, "fixed");
  EXPECT_DOUBLE_EQ(load.input.mean, 128.0);
  EXPECT_DOUBLE_EQ(load.output.mean, 32.0);
}

TEST_F(ServingReading, TakesDistributionsOfLengths) {
  const models::LoadConfig load =
      config_with("    input: 128\n    output: 32\n",
                  "    input: {distribution: lognormal, mean: 200.5, cv: 0.9, least: 4, most: 2000}\n"
                  "    output: {distribution: empirical, values: [10, 20, 30]}\n"
                  "    prefix_tokens: 64\n    prefix_groups: 3\n")
          .load;
  EXPECT_EQ(load.input.distribution, "lognormal");
  EXPECT_DOUBLE_EQ(load.input.mean, 200.5);
  EXPECT_DOUBLE_EQ(load.input.cv, 0.9);
  EXPECT_EQ(load.input.least, 4);
  EXPECT_EQ(load.input.most, 2000);
  EXPECT_EQ(load.output.distribution, "empirical");
  EXPECT_THAT(load.output.values, ElementsAre(10, 20, 30));
  EXPECT_EQ(load.prefix_tokens, 64);
  EXPECT_EQ(load.prefix_groups, 3);
}

TEST_F(ServingReading, TakesTheOtherArrivals) {
  const models::LoadConfig gamma = config_with("arrivals: poisson\n", "arrivals: gamma\n    cv: 2\n").load;
  EXPECT_EQ(gamma.arrivals, "gamma");
  EXPECT_DOUBLE_EQ(gamma.cv, 2.0);
  const models::LoadConfig burst =
      config_with("arrivals: poisson\n    rate: 4\n", "arrivals: burst\n    burst_size: 10\n    burst_interval: 2 s\n")
          .load;
  EXPECT_EQ(burst.burst_size, 10);
  EXPECT_DOUBLE_EQ(burst.burst_interval.value(), 2.0);
  const models::LoadConfig closed = config_with("arrivals: poisson\n    rate: 4\n",
                                                "arrivals: closed_loop\n    concurrency: 8\n    think_time: 500 ms\n")
                                        .load;
  EXPECT_EQ(closed.concurrency, 8);
  EXPECT_DOUBLE_EQ(closed.think_time.value(), 0.5);
}

TEST_F(ServingReading, OverridesReachTheLoad) {
  const Scenario scenario =
      parse_scenario(small_serving(), "s.yaml", {{"serving.load.rate", "9"}, {"serving.load.input", "77"}});
  EXPECT_DOUBLE_EQ(serving_job(scenario).config.load.rate, 9.0);
  EXPECT_DOUBLE_EQ(serving_job(scenario).config.load.input.mean, 77.0);
}

TEST_F(ServingReading, VariantsAreServingScenariosToo) {
  const std::string text =
      small_serving() + "variants:\n  - name: eager\n    set: {serving.enforce_eager: true, serving.load.output: 8}\n";
  const Scenario scenario = parse_scenario(text, "s.yaml");
  ASSERT_EQ(scenario.variants.size(), 1U);
  EXPECT_TRUE(serving_job(scenario.variants[0]).config.enforce_eager);
  EXPECT_DOUBLE_EQ(serving_job(scenario.variants[0]).config.load.output.mean, 8.0);
  EXPECT_FALSE(serving_job(scenario).config.enforce_eager);
}

class ServingFiles : public ServingReading {
 protected:
  [[nodiscard]] static std::string traced(const std::string& file) {
    return replaced(replaced(small_serving(), "    arrivals: poisson\n    rate: 4\n", "    trace: " + file + "\n"),
                    "    input: 128\n    output: 32\n", "");
  }
  [[nodiscard]] Scenario scenario_of(const std::string& file) const {
    return parse_scenario(traced(file), path("sub/s.yaml"));
  }
};

TEST_F(ServingFiles, TraceStartsAtTheScenariosFolderAndSaysHowRequestsArrive) {
  const std::string trace = write("sub/day.csv", "arrival_s,input_tokens,output_tokens\n0,10,2\n");
  const Scenario scenario = scenario_of("day.csv");
  EXPECT_EQ(serving_job(scenario).config.load.trace, trace);
  EXPECT_EQ(serving_job(scenario).config.load.arrivals, "trace");
  EXPECT_EQ(scenario.skipped, "");
}

TEST_F(ServingFiles, WithoutTheVariableTheScenarioIsSkipped) {
  const ScopedVariable unset("ORRERY_DATA", nullptr);
  const Scenario scenario = scenario_of("${ORRERY_DATA}/traces/day.csv");
  EXPECT_THAT(scenario.skipped, HasSubstr("${ORRERY_DATA}/traces/day.csv"));
  EXPECT_THAT(scenario.skipped, HasSubstr("not set"));
}

TEST_F(ServingFiles, WithoutTheFileTheScenarioIsSkipped) {
  const ScopedVariable set("ORRERY_DATA", folder_.c_str());
  const Scenario scenario = scenario_of("${ORRERY_DATA}/traces/day.csv");
  EXPECT_THAT(scenario.skipped, HasSubstr("${ORRERY_DATA}/traces/day.csv"));
  EXPECT_THAT(scenario.skipped, HasSubstr("is not in the folder"));
}

TEST_F(ServingFiles, WithTheFileTheVariableIsExpanded) {
  const ScopedVariable set("ORRERY_DATA", folder_.c_str());
  const std::string trace = write("traces/day.csv", "arrival_s,input_tokens,output_tokens\n0,10,2\n");
  const Scenario scenario = scenario_of("${ORRERY_DATA}/traces/day.csv");
  EXPECT_EQ(serving_job(scenario).config.load.trace, trace);
  EXPECT_EQ(scenario.skipped, "");
  EXPECT_EQ(portable_path(trace), "${ORRERY_DATA}/traces/day.csv");
}

TEST_F(ServingFiles, SkippedScenariosAreStillChecked) {
  const ScopedVariable unset("ORRERY_DATA", nullptr);
  const std::string text = replaced(traced("${ORRERY_DATA}/day.csv"), "tensor_parallel: 1", "tensor_parallel: 3");
  EXPECT_THROW((void)parse_scenario(text, "s.yaml"), hardware::ConfigError);
}

TEST_F(ServingFiles, LengthsMayComeFromAFileOfTheirOwn) {
  const std::string table = write("sub/lengths.csv", "input_tokens,output_tokens\n10,2\n20,3\n");
  const std::string text =
      replaced(small_serving(), "input: 128", "input: {distribution: empirical, file: lengths.csv}");
  const models::LoadConfig load = serving_job(parse_scenario(text, path("sub/s.yaml"))).config.load;
  EXPECT_EQ(load.input.file, table);
  EXPECT_EQ(load.input.column, "input_tokens");
}

TEST(PortablePath, IsTheSameOnEveryMachine) {
  const ScopedVariable set("ORRERY_DATA", "/somewhere/data/");
  EXPECT_EQ(portable_path("/somewhere/data/traces/a.csv"), "${ORRERY_DATA}/traces/a.csv");
  EXPECT_EQ(portable_path("/somewhere/data//traces/a.csv"), "${ORRERY_DATA}/traces/a.csv");
  EXPECT_EQ(portable_path("/somewhere/database/a.csv"), "/somewhere/database/a.csv");
  EXPECT_EQ(portable_path("a.csv"), "a.csv");
}

TEST(ServingNames, ComeFromTheTables) {
  EXPECT_THAT(names_of(NameFamily::schedulers), ::testing::Contains("vllm_v1"));
  EXPECT_THAT(names_of(NameFamily::routers), ::testing::Contains("round_robin"));
  EXPECT_THAT(names_of(NameFamily::arrivals), ::testing::IsSupersetOf({"poisson", "closed_loop", "trace"}));
  EXPECT_THAT(names_of(NameFamily::lengths), ::testing::IsSupersetOf({"fixed", "lognormal", "empirical"}));
  EXPECT_THAT(names_of(NameFamily::trace_formats), ::testing::Not(IsEmpty()));
}

// 60 clients whose requests grow to 2,000 tokens need 120,000 tokens of KV cache. A card of 80 GB has room for some
// 195,000, one of 48 GB for some 85,000.
TEST(ServingLibrary, LoadTestPreemptsOnTheSmallCardOnly) {
  const std::string file = orrery::tests::source_root() + "/scenarios/library/serving/qwen2.5-32b-awq-load-test.yaml";
  const auto preemptions = [&](const std::vector<Override>& changes) {
    std::vector<Override> all = {{"serving.load.input", "200"}, {"serving.load.output", "1800"}};
    all.insert(all.end(), changes.begin(), changes.end());
    return run_scenario(load_scenario(file, all)).metric("serving.preemptions");
  };
  EXPECT_EQ(preemptions({}), 0.0);
  EXPECT_GT(preemptions({{"cluster.node", "l40s_box"}, {"cluster.gpu_memory", "48 GB"}}), 0.0);
}

TEST(ServingLibrary, LoadsHaveTheMeansTheyAreNamedFor) {
  const std::string file = orrery::tests::source_root() + "/scenarios/library/serving/llama-2-7b-a100-1150x211.yaml";
  const Report report = run_scenario(load_scenario(file));
  const models::ServingResult* served = find_serving(report);
  ASSERT_NE(served, nullptr);
  const double requests = static_cast<double>(served->requests);
  ASSERT_EQ(requests, 10000.0);
  // Standard errors: 1,150 x 0.9 / 100 = 10 and 211 x 0.7 / 100 = 1.5 tokens.
  EXPECT_NEAR(static_cast<double>(served->input_tokens) / requests, 1150.0, 30.0);
  EXPECT_NEAR(static_cast<double>(served->output_tokens) / requests, 211.0, 4.5);
  EXPECT_EQ(served->rejected + served->truncated, 0U);
}

}  // namespace
}  // namespace orrery::scenarios::testing
