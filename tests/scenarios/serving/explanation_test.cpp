// What the trees of a serving run say: rates are quotients of their parts, memory the terms of the pool, an iteration
// the sum of its kernels, collectives and gaps.
#include "scenarios/serving/explanation.hpp"

#include <cmath>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "scenarios/serving/job.hpp"
#include "scenarios/serving/steps.hpp"
#include "tests/scenarios/explanation_tree.hpp"
#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::string with(const std::string& keys, const std::string& load = "rate: 20, requests: 40, input: 200, output: 20") {
  return "scenario: s\nmodel: llama-3-8b\ncluster: {node: dgx_h100}\nserving:\n  max_model_len: 2048\n" + keys +
         "  load: {" + load + "}\n";
}

TEST(ServingTrees, OfRatesAreTokensOverTheDuration) {
  const Tree tree(with("  replicas: 2\n"));
  const ExplainNode output = tree.of("serving.output_tokens_per_s");
  EXPECT_DOUBLE_EQ(part(output, "answer tokens")->value, 800.0);  // 40 requests of 20
  EXPECT_NEAR(output.value, output.parts[0].value / output.parts[1].value, 1e-9 * output.value);
  const ExplainNode input = tree.of("serving.input_tokens_per_s");
  EXPECT_DOUBLE_EQ(part(input, "prompt tokens")->value, 8000.0);
  EXPECT_NEAR(input.value, input.parts[0].value / input.parts[1].value, 1e-9 * input.value);
  const ExplainNode each = tree.of("serving.output_tokens_per_s_per_gpu");
  EXPECT_NEAR(each.value, each.parts[0].value / part(each, "GPUs")->value, 1e-9 * each.value);
  EXPECT_DOUBLE_EQ(part(each, "GPUs")->value, 2.0);
  const ExplainNode requests = tree.of("serving.requests_per_s");
  EXPECT_NEAR(requests.value, 40.0 / tree.metric("serving.duration_s"), 1e-9);
}

TEST(ServingTrees, OfGoodputCountTheRequestsWithinTheLimits) {
  const Tree tree(with("  slo: {ttft: 30 ms, tpot: 20 ms, attainment: 0}\n"));
  const ExplainNode goodput = tree.of("serving.goodput");
  EXPECT_NEAR(goodput.value, goodput.parts[0].value / goodput.parts[1].value, 1e-9);
  EXPECT_DOUBLE_EQ(part(goodput, "serving.slo.ttft")->value, 0.03);
  EXPECT_DOUBLE_EQ(part(goodput, "serving.slo.tpot")->value, 0.02);
  EXPECT_EQ(part(goodput, "serving.slo.tpot")->level, "asserted");
  const ExplainNode share = tree.of("serving.slo_attainment");
  EXPECT_NEAR(share.value, share.parts[0].value / share.parts[1].value, 1e-12);
  EXPECT_DOUBLE_EQ(part(share, "requests within the limits")->value, goodput.parts[0].value);
}

TEST(ServingTrees, OfLatenciesTakeTheSameFigureOfTheirParts) {
  const Tree tree(with(""));
  for (const std::string figure : {"mean", "p50", "p99"}) {
    const ExplainNode ttft = tree.of("serving.ttft_s." + figure);
    EXPECT_DOUBLE_EQ(part(ttft, "serving.queue_s." + figure)->value, tree.metric("serving.queue_s." + figure));
    EXPECT_DOUBLE_EQ(part(ttft, "prompt tokens of a request")->value, 200.0);
    const ExplainNode e2e = tree.of("serving.e2e_s." + figure);
    EXPECT_DOUBLE_EQ(part(e2e, "serving.ttft_s." + figure)->value, ttft.value);
    EXPECT_DOUBLE_EQ(part(e2e, "serving.tpot_s." + figure)->value, tree.metric("serving.tpot_s." + figure));
    EXPECT_DOUBLE_EQ(part(e2e, "answer tokens of a request")->value, 20.0);
  }
}

TEST(ServingTrees, OfOneTokenAnswersHaveNoTimePerToken) {
  const Tree tree(with("", "rate: 20, requests: 10, input: 200, output: 1"));
  for (const ExplainNode& one : tree.of("serving.e2e_s.mean").parts) {
    EXPECT_THAT(one.title, Not(StartsWith("serving.tpot_s")));
  }
  EXPECT_FALSE(tree.of("serving.tpot_s.mean").has_value);
}

TEST(ServingTrees, OfAnIterationAreItsKernelsCollectivesAndGaps) {
  for (const std::string keys : {"", "  tensor_parallel: 2\n", "  pipeline_parallel: 2\n", "  enforce_eager: true\n"}) {
    const Tree tree(with(keys));
    const ExplainNode step = *part(tree.of("serving.tpot_s.mean"), "a typical decode of");
    ASSERT_TRUE(step.sums) << keys;
    EXPECT_NEAR(sum_of(step), step.value, 1e-12) << keys;
    const ExplainNode* gpu = part(step, "on the GPU");
    EXPECT_TRUE(gpu->sums);
    EXPECT_NEAR(sum_of(*gpu), gpu->value, 1e-9 * gpu->value) << keys;
    EXPECT_GT(part(*gpu, "kernels")->value, 0.0) << keys;
    EXPECT_GT(part(*gpu, "gaps between kernels")->value, 0.0) << keys;
    const bool communicates = std::any_of(gpu->parts.begin(), gpu->parts.end(),
                                          [](const ExplainNode& one) { return one.title == "collectives"; });
    EXPECT_EQ(communicates, keys.find("tensor") != std::string::npos) << keys;
  }
}

TEST(ServingTrees, OfTheHostShowWhatTheGpuDoesNotHide) {
  const auto host = [](const std::string& keys) {
    const Tree tree(with(keys));
    return *part(*part(tree.of("serving.tpot_s.mean"), "a typical decode of"), "host time that shows");
  };
  // Half a second a step is far beyond what the GPU takes: less the GPU's time where the host runs ahead.
  const ExplainNode ahead = host("  step_overhead: 100 ms\n  async_scheduling: true\n");
  const ExplainNode waits = host("  step_overhead: 100 ms\n  async_scheduling: false\n");
  EXPECT_DOUBLE_EQ(waits.value, waits.parts.at(0).value);
  EXPECT_LT(ahead.value, ahead.parts.at(0).value);
  EXPECT_GT(ahead.value, 0.05);
  EXPECT_EQ(host("  async_scheduling: true\n").value, 0.0) << "its own host time hides behind the GPU's";
}

TEST(ServingTrees, OfTheCacheAreWhatTheBudgetLeaves) {
  const ExplainNode cache = Tree(with("")).of("memory.kv_cache_bytes");
  EXPECT_TRUE(cache.sums);
  EXPECT_NEAR(sum_of(cache), cache.value, 1.0);
  EXPECT_EQ(cache.parts[0].title, "budget");
  EXPECT_GT(cache.parts[0].value, 0.0);
  for (std::size_t i = 1; i < 5; ++i) {
    EXPECT_THAT(cache.parts[i].title, HasSubstr(", taken off"));
    EXPECT_LE(cache.parts[i].value, 0.0);
  }
}

TEST(ServingTrees, OfAPinnedCacheMultiplyItsBlocks) {
  for (const std::string key : {"num_gpu_blocks: 300", "kv_cache_memory_bytes: 600 MiB"}) {
    const Tree tree(with("  " + key + "\n"));
    const ExplainNode cache = tree.of("memory.kv_cache_bytes");
    // 600 MiB are 300 blocks of 2 MiB.
    EXPECT_DOUBLE_EQ(part(cache, "blocks")->value, 300.0) << key;
    EXPECT_DOUBLE_EQ(part(cache, "bytes of a block")->value, 2.0 * 1048576.0) << key;
    EXPECT_NEAR(cache.value, cache.parts[0].value * cache.parts[1].value, 1.0) << key;
    EXPECT_THAT(part(cache, "blocks")->equation, HasSubstr(key.substr(0, key.find(':')))) << key;
  }
}

TEST(ServingTrees, OfMemoryAreTheTermsOfThePool) {
  const Tree tree(with("  tensor_parallel: 2\n"));
  for (const std::string metric : {"memory.peak_bytes", "memory.weights_bytes", "memory.activations_bytes",
                                   "memory.workspace_bytes", "memory.capacity_bytes", "memory.model_state_bytes"}) {
    const ExplainNode node = tree.of(metric);
    EXPECT_TRUE(node.sums) << metric;
    EXPECT_NEAR(sum_of(node), node.value, 1.0) << metric;
  }
  EXPECT_THAT(tree.of("memory.gradients_bytes").equation, StartsWith("0: serving keeps none"));
}

TEST(ServingTrees, OfBlocksTokensAndConcurrencyLeadToTheCache) {
  const Tree tree(with("  block_size: 32\n"));
  const ExplainNode tokens = tree.of("serving.kv_cache_tokens");
  EXPECT_NEAR(tokens.value, tokens.parts[0].value * tokens.parts[1].value, 1e-9 * tokens.value);
  EXPECT_DOUBLE_EQ(part(tokens, "serving.block_size")->value, 32.0);
  const ExplainNode blocks = tree.of("serving.num_gpu_blocks");
  EXPECT_NEAR(blocks.value, std::floor(blocks.parts[0].value / blocks.parts[1].value + 0.5), 1e-9);
  const ExplainNode users = tree.of("serving.max_concurrency");
  EXPECT_DOUBLE_EQ(part(users, "blocks of the longest request")->value, 64.0);  // 2,048 / 32
  EXPECT_NEAR(users.value, users.parts[0].value / 64.0, 1e-9);
}

TEST(ServingTrees, OfCostPayPromptsAndAnswers) {
  const Tree tree(with("  replicas: 2\n"));
  const ExplainNode all = tree.of("cost.usd_per_million_tokens");
  const ExplainNode* tokens = part(all, "tokens");
  EXPECT_TRUE(tokens->sums);
  EXPECT_DOUBLE_EQ(tokens->value, 8800.0);
  EXPECT_NEAR(all.value, all.parts[0].value / tokens->value * 1e6, 1e-9 * all.value);
  const ExplainNode output = tree.of("cost.usd_per_million_output_tokens");
  EXPECT_DOUBLE_EQ(part(output, "answer tokens")->value, 800.0);
  const ExplainNode hours = tree.of("cost.gpu_hours");
  EXPECT_NEAR(hours.value, part(hours, "GPUs")->value * part(hours, "serving.duration_s")->value / 3600.0, 1e-12);
}

TEST(ServingTrees, OfAnEngineThatDoesNotStartSayWhy) {
  const Tree tree(replaced(with(""), "{node: dgx_h100}", "{node: dgx_h100, gpu_memory: 18 GiB}"));
  EXPECT_THAT(tree.of("memory.fits").equation, HasSubstr("leave no memory for the KV cache"));
  EXPECT_THAT(tree.of("memory.margin_bytes").equation, HasSubstr("leave no memory for the KV cache"));
  EXPECT_THAT(part(tree.of("memory.kv_cache_bytes"), "blocks")->equation, HasSubstr("the budget is used up"));
  EXPECT_FALSE(tree.of("serving.output_tokens_per_s").has_value) << "nothing ran";
}

// The typical decode has the mean number of sequences, in the middle of their answers.
TEST(TypicalShapes, AreTheMeansOfTheRun) {
  models::ServingResult result;
  result.requests = 10;
  result.input_tokens = 2000;
  result.output_tokens = 600;
  result.mean_batch = 7.6;
  result.config.max_num_batched_tokens = 150;
  const models::StepShape decode = typical_decode(result);
  EXPECT_EQ(decode.decode_sequences, 8);
  EXPECT_EQ(decode.decode_kv_tokens, 8 * 230);  // 200 of the prompt and half of 60
  EXPECT_EQ(decode.sampled, 8);
  const models::StepShape cut = typical_prefill(result);
  EXPECT_EQ(cut.prefill_tokens, 150);
  EXPECT_EQ(cut.sampled, 0) << "a part of a prompt emits nothing";
  EXPECT_DOUBLE_EQ(cut.prefill_pairs, 150.0 * 150.0);
  result.config.max_num_batched_tokens = 8192;
  EXPECT_EQ(typical_prefill(result).prefill_tokens, 200);
  EXPECT_EQ(typical_prefill(result).sampled, 1);
}

class ExplainServing : public FolderTest {};

TEST_F(ExplainServing, JsonHasThePoolAndTheIterations) {
  const std::string file = write("s.yaml", with("  tensor_parallel: 2\n"));
  ASSERT_EQ(orrery({"explain", file, "-q", "--json", path("e.json")}).code, kExitWell);
  const json report = json::parse(read_file(path("e.json")));
  double sum = 0.0;
  for (const json& term : report["kv_pool"]) {
    if (term["name"] != "budget") sum += term["bytes"].get<double>();
    EXPECT_FALSE(term["source"].get<std::string>().empty()) << term["name"];
  }
  EXPECT_NEAR(sum, report["memory"]["peak_bytes"].get<double>(), 1.0);
  ASSERT_EQ(report["iterations"].size(), 2U);
  EXPECT_EQ(report["iterations"][0]["name"], "decode");
  EXPECT_EQ(report["iterations"][1]["name"], "prefill");
  for (const json& step : report["iterations"]) {
    EXPECT_GT(step["gpu_s"].get<double>(), step["gaps_s"].get<double>());
    EXPECT_FALSE(step["steps"].empty());
  }
}

}  // namespace
}  // namespace orrery::scenarios::testing
