// Flags of the servers: each one's key and value in the scenario, and what is said of a wrong one.
#include <algorithm>

#include <gmock/gmock.h>

#include "scenarios/import/launch.hpp"
#include "scenarios/scenario.hpp"
#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class LaunchFlags : public FolderTest {
 protected:
  [[nodiscard]] Outcome import(const std::string& line) const {
    return orrery({"import", write("serve.sh", line + "\n"), "--node", "hgx_h200"});
  }
  [[nodiscard]] std::string error_of(const std::string& line) const {
    const Outcome outcome = import(line);
    EXPECT_EQ(outcome.code, kExitInput) << line;
    return outcome.err;
  }
  /// "key: value" of each line is in the scenario.
  void expect_keys(const std::string& start, const std::vector<std::pair<std::string, std::string>>& rows) const {
    for (const auto& [flags, key] : rows) {
      const Outcome outcome = import(start + " " + flags);
      ASSERT_EQ(outcome.code, kExitWell) << flags << outcome.err;
      EXPECT_THAT(outcome.out, HasSubstr("\n  " + key + " ")) << flags;
    }
  }
};

TEST_F(LaunchFlags, CountsAreThoseThatTheEnginesParsersTake) {
  // Python: int("1e4") and int("8.0") are errors; "8k" is one of vLLM's own forms.
  for (const char* count : {"1e4", "1E4", "8.0", "1.5e3", "8.5", ""}) {
    EXPECT_THAT(error_of("vllm serve Qwen/Qwen3-32B --max-num-seqs '" + std::string(count) + "'"),
                HasSubstr("--max-num-seqs: expected a whole number from 1 on"))
        << count;
  }
  EXPECT_THAT(error_of("python3 -m sglang.launch_server --model-path Qwen/Qwen3-32B --tp 1e0"),
              HasSubstr("expected a whole number"));
  EXPECT_THAT(error_of("vllm serve Qwen/Qwen3-32B --kv-cache-memory-bytes 2e10"), HasSubstr("a number of bytes"));
}

TEST_F(LaunchFlags, AllThatIsWrongIsToldAtOnceEachAtItsPlace) {
  const std::string error = error_of(
      "vllm serve no/such-model --max-num-seqs 1e4 --port 80 --block-size zero \\\n  --gpu-memory-utilization 1.5 "
      "--enforce-eager=maybe --max-num-batched-tokens");
  // Columns of "1e4" and "zero" in the first line, of "1.5" and "maybe" in the second.
  EXPECT_THAT(error, AllOf(HasSubstr("serve.sh:1:41: --max-num-seqs: expected a whole number from 1 on, found \"1e4\""),
                           HasSubstr("serve.sh:1:68: --block-size: expected a whole number"),
                           HasSubstr("serve.sh:2:28: --gpu-memory-utilization: expected a share"),
                           HasSubstr("--enforce-eager: expected true or false"),
                           HasSubstr("--max-num-batched-tokens needs a value"),
                           HasSubstr("serve.sh:1:12: the model \"no/such-model\"")));
  EXPECT_EQ(std::count(error.begin(), error.end(), '\n'), 6);
}

TEST_F(LaunchFlags, WhatIsWrongInSeveralFilesIsToldAtOnce) {
  const std::string serve = write("serve.sh", "vllm serve Qwen/Qwen3-32B -tp zero -pp none\n");
  const std::string other = write("other.txt", "no launch and no load\n");
  const Outcome outcome = orrery({"import", serve, other, "--model", "no-such-model"});
  EXPECT_EQ(outcome.code, kExitInput);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("serve.sh:1:31: --tensor-parallel-size: expected"),
                                 HasSubstr("serve.sh:1:40: --pipeline-parallel-size: expected"),
                                 HasSubstr("other.txt is a text of no kind"), HasSubstr("--model no-such-model: ")));
}

TEST_F(LaunchFlags, OfVllmSetTheirKeys) {
  expect_keys("vllm serve Qwen/Qwen3-32B",
              {{"--tensor-parallel-size 2", "tensor_parallel: 2"},
               {"-tp=4", "tensor_parallel: 4"},
               {"--pipeline_parallel_size 2", "pipeline_parallel: 2"},
               {"-dp 3", "replicas: 3"},
               {"--max-model-len 32K", "max_model_len: 32768"},
               {"--max-model-len auto", "max_model_len: auto"},
               {"--max-model-len -1", "max_model_len: auto"},
               {"--max-num-seqs 64", "max_num_seqs: 64"},
               {"--max-num-batched-tokens 8k", "max_num_batched_tokens: 8000"},
               {"--gpu-memory-utilization 0.85", "gpu_memory_utilization: 0.85"},
               {"--dtype half", "dtype: fp16"},
               {"--quantization fp8", "weight_dtype: fp8"},
               {"-q awq_marlin", "weight_dtype: int4"},
               {"--kv-cache-dtype fp8_e5m2", "kv_cache_dtype: fp8"},
               {"--block-size 32", "block_size: 32"},
               {"--num-gpu-blocks-override 5000", "num_gpu_blocks: 5000"},
               {"--kv-cache-memory-bytes 20G", "kv_cache_memory_bytes: 21474836480 B"},
               {"--kv-cache-memory 20g", "kv_cache_memory_bytes: 20000000000 B"},
               {"--enforce-eager", "enforce_eager: true"},
               {"--enforce-eager false", "enforce_eager: false"},
               {"--no-enable-prefix-caching", "enable_prefix_caching: false"},
               {"--enable-prefix-caching", "enable_prefix_caching: true"},
               {"--enable-chunked-prefill=False", "enable_chunked_prefill: false"},
               {"--async-scheduling", "async_scheduling: true"},
               {"--long-prefill-token-threshold 512", "long_prefill_token_threshold: 512"}});
}

TEST_F(LaunchFlags, OfSglangSetTheirKeys) {
  expect_keys("python -m sglang.launch_server --model Qwen/Qwen3-32B",
              {{"--tp-size 2", "tensor_parallel: 2"},
               {"--pp 2", "pipeline_parallel: 2"},
               {"--dp-size 2", "replicas: 2"},
               {"--context-length 16384", "max_model_len: 16384"},
               {"--mem-fraction-static 0.8", "gpu_memory_utilization: 0.8"},
               {"--max-running-requests 48", "max_num_seqs: 48"},
               {"--chunked-prefill-size 4096", "max_num_batched_tokens: 4096"},
               {"--chunked-prefill-size -1", "enable_chunked_prefill: false"},
               {"--kv-cache-dtype fp8_e4m3", "kv_cache_dtype: fp8"},
               {"--page-size 64", "block_size: 64"},
               {"--disable-radix-cache", "enable_prefix_caching: false"},
               {"--disable-cuda-graph", "enforce_eager: true"}});
}

TEST_F(LaunchFlags, OfTensorRtLlmAndTgiSetTheirKeys) {
  expect_keys("trtllm-serve Qwen/Qwen3-32B", {{"--tp_size 2", "tensor_parallel: 2"},
                                              {"--pp_size=2", "pipeline_parallel: 2"},
                                              {"--max_seq_len 8192", "max_model_len: 8192"},
                                              {"--max_batch_size 32", "max_num_seqs: 32"},
                                              {"--max_num_tokens 2048", "max_num_batched_tokens: 2048"}});
  expect_keys("text-generation-launcher --model-id Qwen/Qwen3-32B",
              {{"--num-shard 2", "tensor_parallel: 2"},
               {"--max-total-tokens 8192", "max_model_len: 8192"},
               {"--max-batch-prefill-tokens 4096", "max_num_batched_tokens: 4096"},
               {"--max-batch-size 24", "max_num_seqs: 24"},
               {"--cuda-memory-fraction 0.7", "gpu_memory_utilization: 0.7"},
               {"--quantize awq", "weight_dtype: int4"}});
}

TEST_F(LaunchFlags, OfOneMeaningTheLastStands) {
  EXPECT_THAT(import("vllm serve Qwen/Qwen3-32B -tp 2 --tensor-parallel-size 4").out,
              AllOf(HasSubstr("tensor_parallel: 4"), Not(HasSubstr("tensor_parallel: 2"))));
}

TEST_F(LaunchFlags, WhatTheModelHasIsNotWritten) {
  EXPECT_THAT(import("vllm serve Qwen/Qwen3-32B --dtype auto --quantization none --kv-cache-dtype auto").out,
              AllOf(Not(HasSubstr("dtype:")), Not(HasSubstr("weight_dtype:"))));
}

TEST_F(LaunchFlags, WrongValuesAreRefusedAtTheirPlace) {
  // "vllm serve llama-3.1-8b " are 24 characters.
  const std::string serve = "vllm serve llama-3.1-8b ";
  EXPECT_THAT(error_of(serve + "-tp 0"),
              HasSubstr("serve.sh:1:29: --tensor-parallel-size: expected a whole number from 1 on, found \"0\""));
  EXPECT_THAT(error_of(serve + "-tp -2"), HasSubstr("serve.sh:1:29: "));
  EXPECT_THAT(error_of(serve + "-tp 1.5"), HasSubstr("found \"1.5\""));
  EXPECT_THAT(error_of(serve + "-tp 2000000000"), HasSubstr("a whole number from 1 on"));
  EXPECT_THAT(error_of(serve + "--max-num-seqs=many"),
              HasSubstr("--max-num-seqs: expected a whole number from 1 on, found \"many\""));
  EXPECT_THAT(error_of(serve + "--max-model-len long"), HasSubstr("--max-model-len: expected a whole number"));
  for (const char* share : {"0", "-0.5", "1.01", "nan", "90%"}) {
    EXPECT_THAT(error_of(serve + "--gpu-memory-utilization " + share), HasSubstr("expected a share above 0, up to 1"))
        << share;
  }
  EXPECT_THAT(error_of(serve + "--kv-cache-memory-bytes 20GiB"),
              HasSubstr("expected a number of bytes, such as 20G, found \"20GiB\""));
  EXPECT_THAT(error_of(serve + "--enforce-eager=perhaps"),
              HasSubstr("--enforce-eager: expected true or false, found \"perhaps\""));
  EXPECT_THAT(error_of(serve + "--max-num-seqs"), HasSubstr("serve.sh:1:25: --max-num-seqs needs a value"));
}

TEST_F(LaunchFlags, UnknownFormatsAreLeftOutWithARemark) {
  EXPECT_THAT(import("vllm serve llama-3.1-8b --quantization hqq").err,
              HasSubstr("not taken: " + path("serve.sh") + ":1:25 --quantization: \"hqq\" is not modelled"));
}

TEST_F(LaunchFlags, UnknownFlagsAreLeftOutWithTheirValuesAndTheNearest) {
  const Outcome outcome = import("vllm serve llama-3.1-8b --max-num-seq 64 x y --tensor-parallel-size 2 --zzzzzzzz=1");
  ASSERT_EQ(outcome.code, kExitWell) << outcome.err;
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("--max-num-seq: not known here; a flag like it is --max-num-seqs"),
                                 HasSubstr("--zzzzzzzz: not known here\n")));
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("tensor_parallel: 2"), Not(HasSubstr("max_num_seqs"))));
}

TEST_F(LaunchFlags, WordsWithoutAFlagAreToldBehindTheModel) {
  EXPECT_THAT(import("vllm serve llama-3.1-8b again").err,
              HasSubstr("serve.sh:1:25 a word without a flag: only the model may stand alone"));
}

TEST_F(LaunchFlags, EveryFlagThatIsNotTakenSaysWhy) {
  for (const Launcher& launcher : launchers()) {
    for (const FlagRow& flag : launcher.flags()) {
      EXPECT_EQ(flag.apply == nullptr, flag.key.empty() && flag.apply == nullptr) << flag.name;
      if (flag.apply != nullptr && flag.apply != take_model) {
        EXPECT_FALSE(flag.key.empty()) << flag.name;
      }
    }
  }
  const Outcome outcome = import("vllm serve llama-3.1-8b --port 80 --enable-lora --served-model-name a b c -dcp 2");
  ASSERT_EQ(outcome.code, kExitWell) << outcome.err;
  EXPECT_THAT(outcome.err,
              AllOf(HasSubstr("--port: how the server is reached or named"),
                    HasSubstr("--enable-lora: not modelled: figures are those of a run without it"),
                    HasSubstr("--served-model-name: how"), HasSubstr("--decode-context-parallel-size: not")));
  EXPECT_THAT(outcome.err, Not(HasSubstr("a word without a flag"))) << "a flag takes all its values with it";
}

TEST_F(LaunchFlags, ImagesThatAreOnlyFetchedStartNothing) {
  const Outcome outcome = import(
      "docker pull vllm/vllm-openai:latest\n"
      "docker image pull vllm/vllm-openai:v1\n"
      "docker run --gpus all vllm/vllm-openai:latest --model Qwen/Qwen3-32B -tp 2");
  ASSERT_EQ(outcome.code, kExitWell) << outcome.err;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("model: qwen3-32b"), HasSubstr("tensor_parallel: 2")));
  EXPECT_THAT(error_of("docker pull vllm/vllm-openai:latest"), Not(HasSubstr("names no model")));
}

TEST_F(LaunchFlags, TheFirstOfSeveralLaunchesIsRead) {
  const Outcome outcome = import("vllm serve llama-3.1-8b -tp 2\nvllm serve Qwen/Qwen3-32B -tp 4");
  ASSERT_EQ(outcome.code, kExitWell) << outcome.err;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("model: llama-3.1-8b"), HasSubstr("tensor_parallel: 2")));
  EXPECT_THAT(outcome.err, HasSubstr("serve.sh:2:1 a launch line of vLLM: one launch is read, the first"));
}

TEST_F(LaunchFlags, NameOfTheModelSaysNothingWhereAFlagDoes) {
  EXPECT_THAT(import("vllm serve Qwen/Qwen3-32B-FP8 --quantization awq").out,
              AllOf(HasSubstr("weight_dtype: int4"), Not(HasSubstr("weight_dtype: fp8"))));
}

}  // namespace
}  // namespace orrery::scenarios::testing
