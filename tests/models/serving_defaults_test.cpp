// What an engine decides where the user says nothing: vLLM's rules, vllm/engine/arg_utils.py.
#include <gtest/gtest.h>

#include "hardware/catalogue/catalogue.hpp"
#include "models/architectures/hf_config.hpp"
#include "models/serving/engine_row.hpp"
#include "models/serving/kv_pool.hpp"
#include "models/serving/serving.hpp"

namespace orrery::models {
namespace {

ServingJob job_on(const std::string& node) {
  ServingJob job;
  job.llm = load_model("llama-3.1-8b");
  job.cluster = hardware::make_cluster(node, "single_node", 1, "");
  return job;
}

TEST(ServingDefaults, FollowTheDevice) {
  const ServingConfig h100 = resolve(job_on("dgx_h100"));
  EXPECT_EQ(h100.max_num_batched_tokens, 8192);
  EXPECT_EQ(h100.max_num_seqs, 1024);
  const ServingConfig a100 = resolve(job_on("dgx_a100"));  // 80 GB, but excepted by name
  EXPECT_EQ(a100.max_num_batched_tokens, 2048);
  EXPECT_EQ(a100.max_num_seqs, 256);
  const ServingConfig ada = resolve(job_on("rtx_4090_box"));  // 24 GB
  EXPECT_EQ(ada.max_num_batched_tokens, 2048);
  EXPECT_EQ(ada.max_num_seqs, 256);
}

TEST(ServingDefaults, RunNoMoreSequencesThanAStepHasTokens) {
  ServingJob job = job_on("dgx_h100");
  job.config.max_num_batched_tokens = 512;
  EXPECT_EQ(resolve(job).max_num_seqs, 512);
}

TEST(ServingDefaults, GiveAPromptThatCannotBeCutAStepOfItsOwn) {
  ServingJob job = job_on("dgx_a100");
  job.config.enable_chunked_prefill = false;
  job.config.max_model_len = 8000;
  EXPECT_EQ(resolve(job).max_num_batched_tokens, 8000);
  job.config.max_model_len = 1000;
  EXPECT_EQ(resolve(job).max_num_batched_tokens, 2048);
}

TEST(ServingDefaults, MakeNoStepLargerThanAllSequences) {
  ServingJob job = job_on("dgx_h100");
  job.config.max_num_seqs = 2;
  job.config.max_model_len = 1000;
  EXPECT_EQ(resolve(job).max_num_batched_tokens, 2000);
}

TEST(ServingDefaults, LeaveWhatIsGivenAlone) {
  ServingJob job = job_on("dgx_h100");
  job.config.max_num_batched_tokens = 4096;
  job.config.max_num_seqs = 8;
  job.config.gpu_memory_utilization = 0.5;
  const ServingConfig resolved = resolve(job);
  EXPECT_EQ(resolved.max_num_batched_tokens, 4096);
  EXPECT_EQ(resolved.max_num_seqs, 8);
  EXPECT_EQ(resolved.gpu_memory_utilization, 0.5);
}

std::string key_of(const ServingJob& job) {
  const std::vector<JobError> errors = check(job);
  return errors.empty() ? "" : errors.front().key;
}

TEST(ServingCheck, TellsTooManyGpusAtTheKeyThatAsksForThem) {
  ServingJob job = job_on("dgx_h100");
  job.config.load.rate = 1.0;
  job.config.load.requests = 10;
  job.config.load.input.mean = job.config.load.output.mean = 100.0;
  EXPECT_EQ(key_of(job), "");
  job.config.replicas = 9;
  EXPECT_EQ(key_of(job), "serving.replicas");
  job.config.replicas = 1;
  job.config.pipeline_parallel = 16;
  EXPECT_EQ(key_of(job), "serving.pipeline_parallel");
  job.config.pipeline_parallel = 1;
  job.config.tensor_parallel = 16;
  EXPECT_EQ(key_of(job), "serving.tensor_parallel");
}

TEST(ServingCheck, TellsADtypeThatTheGpuCannotMultiply) {
  ServingJob job = job_on("dgx_a100");
  job.config.load.rate = 1.0;
  job.config.load.requests = 10;
  job.config.load.input.mean = job.config.load.output.mean = 100.0;
  // Multiplied in bf16: engines widen such weights in their kernels.
  for (const Dtype dtype : {Dtype::fp8, Dtype::nvfp4, Dtype::int4}) {
    job.config.weight_dtype = dtype;
    EXPECT_EQ(key_of(job), "") << name(dtype);
  }
  ServingJob old = job_on("dgx_1");
  old.config = job.config;
  EXPECT_EQ(key_of(old), "serving.dtype") << "V100 has no bf16";
}

TEST(ServingDefaults, ShortenTheLongestRequestToWhatFits) {
  ServingJob job = job_on("rtx_4090_box");
  job.config.max_model_len = kLongestThatFits;
  job.config = resolve(job);
  const KvPool pool = size_kv_pool(job);
  EXPECT_LT(job.config.max_model_len, job.llm.max_positions);
  EXPECT_EQ(pool.longest_blocks(), pool.blocks);  // the next block would be one too many
  ServingJob large = job_on("dgx_h100");
  large.config.max_model_len = kLongestThatFits;
  EXPECT_EQ(resolve(large).max_model_len, large.llm.max_positions);
}

TEST(ServingDefaults, TakeTheCacheThatIsAskedFor) {
  // 131,072 bytes a token (8 KV heads of 128, 32 layers, K and V, bf16), blocks of 16: 2 GiB are 1,024 blocks.
  ServingJob job = job_on("dgx_h100");
  job.config.kv_cache_memory = Bytes{2147483648.0};
  job.config.gpu_memory_utilization = 0.1;
  job.config = resolve(job);
  EXPECT_EQ(size_kv_pool(job).blocks, 1024);
  job.config.kv_cache_memory = Bytes{1e12};
  EXPECT_LT(size_kv_pool(job).peak(), job.cluster.groups.front().gpu.memory);
}

TEST(ServingDefaults, GiveEnginesWithoutRulesThoseOfVllm) {
  for (const EngineRow& row : engines()) {
    ServingJob job = job_on("dgx_h100");
    job.config.engine = row.name;
    const ServingConfig resolved = resolve(job);
    EXPECT_EQ(resolved.engine, row.name);
    EXPECT_EQ(resolved.max_num_seqs, 1024) << row.name;
    EXPECT_EQ(row.runs_under, row.name == "vllm_v1" ? "" : "vllm_v1");
    EXPECT_EQ(resolved.kernels == kernels::Implementation::sglang, row.name == "sglang");
  }
}

}  // namespace
}  // namespace orrery::models
