// orrery import: what comes of launch lines, loads and results, and what is said of everything else.
#include "scenarios/import/import.hpp"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scenarios/import/launch.hpp"
#include "scenarios/scenario.hpp"
#include "scenarios/serving/job.hpp"
#include "tests/places.hpp"
#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::string sample(const std::string& name) {
  return orrery::tests::source_root() + "/tests/fuzz/corpus/trace/" + name;
}

class Import : public FolderTest {
 protected:
  /// The scenario of one script.
  [[nodiscard]] models::ServingJob job_of(const std::string& script, std::vector<std::string> more = {}) const {
    std::vector<std::string> args = {"import", write("serve.sh", script), "-q"};
    args.insert(args.end(), more.begin(), more.end());
    const Outcome outcome = orrery(args);
    EXPECT_EQ(outcome.code, kExitWell) << outcome.err;
    if (outcome.code != kExitWell) return {};
    return serving_job(parse_scenario(outcome.out, path("mine.yaml")));
  }
  [[nodiscard]] std::string error_of(const std::string& script, std::vector<std::string> more = {}) const {
    std::vector<std::string> args = {"import", write("serve.sh", script)};
    args.insert(args.end(), more.begin(), more.end());
    const Outcome outcome = orrery(args);
    EXPECT_EQ(outcome.code, kExitInput);
    EXPECT_EQ(outcome.out, "");
    return outcome.err;
  }
};

constexpr const char* kServe =
    "#!/bin/bash\n"
    "# how we serve\n"
    "export MODEL=meta-llama/Llama-3.1-70B-Instruct\n"
    "VLLM_USE_V1=1 vllm serve $MODEL \\\n"
    "  --tensor-parallel-size 4 \\\n"
    "  --max-model-len 16k --max-num-seqs=64 \\\n"
    "  --gpu-memory-utilization 0.92 --kv-cache-dtype fp8_e4m3 \\\n"
    "  --no-enable-prefix-caching --enforce-eager \\\n"
    "  --port $PORT --api-key \"$KEY\" --speculative-config '{\"a\": 1}' --new-thing 3\n";

TEST_F(Import, ReadsWhatWindowsSaves) {
  const std::string text = "\xEF\xBB\xBF" + replaced(kServe, "#!/bin/bash\n", "");
  EXPECT_EQ(job_of(text, {"--gpu", "h200_sxm"}).llm.name, "llama-3.1-70b");
  EXPECT_EQ(job_of("\xEF\xBB\xBF"
                   "vllm serve Qwen/Qwen3-32B\n",
                   {"--gpu", "h200_sxm"})
                .llm.name,
            "qwen3-32b");
}

TEST_F(Import, ReadsALaunchLineOfVllm) {
  const models::ServingJob job = job_of(kServe, {"--gpu", "h200_sxm"});
  EXPECT_EQ(job.llm.name, "llama-3.1-70b");
  EXPECT_EQ(job.cluster.groups.front().gpu.name, "h200_sxm");
  EXPECT_EQ(job.config.tensor_parallel, 4);
  EXPECT_EQ(job.config.max_model_len, 16'000);
  EXPECT_EQ(job.config.max_num_seqs, 64);
  EXPECT_EQ(job.config.gpu_memory_utilization, 0.92);
  EXPECT_EQ(job.config.kv_cache_dtype, Dtype::fp8);
  EXPECT_FALSE(job.config.enable_prefix_caching);
  EXPECT_TRUE(job.config.enforce_eager);
  EXPECT_EQ(job.config.engine, "vllm_v1");
}

TEST_F(Import, SaysWhatItDidNotTake) {
  const Outcome outcome = orrery({"import", write("serve.sh", kServe)});
  ASSERT_EQ(outcome.code, kExitWell) << outcome.err;
  for (const std::string& text : {outcome.err, outcome.out}) {
    EXPECT_THAT(text, AllOf(HasSubstr("serve.sh:9:3 --port: "), HasSubstr("--api-key: "),
                            HasSubstr("--speculative-config: not modelled"), HasSubstr("--new-thing: not known here"),
                            HasSubstr("serve.sh:4:1 VLLM_USE_V1: the environment is not looked at")));
  }
  EXPECT_THAT(outcome.out, HasSubstr("# change me: import --gpu or --node"));
}

TEST_F(Import, ReadsLaunchesInEveryForm) {
  const char* const forms[] = {
      "python -m vllm.entrypoints.openai.api_server --model llama-3.1-8b -tp 2\n",
      "CUDA_VISIBLE_DEVICES=0,1 nohup python3 -m vllm.entrypoints.openai.api_server --tensor_parallel_size=2 "
      "--model=NousResearch/Meta-Llama-3.1-8B > log 2>&1 &\n",
      "docker run --gpus all -p 8000:8000 vllm/vllm-openai:v0.19 --model meta-llama/Llama-3.1-8B-Instruct -tp 2\n",
      "exec /opt/venv/bin/vllm serve --tensor-parallel-size 2 --model meta-llama/Llama-3.1-8B\n",
      "ARGS=(--tensor-parallel-size 2)\nif true; then\n  vllm serve meta-llama/Llama-3.1-8B \"${ARGS[@]}\"\nfi\n",
      "ARGS='--tensor-parallel-size 2 --port 1'; vllm serve meta-llama/Llama-3.1-8B $ARGS\n",
  };
  for (const char* form : forms) {
    const models::ServingJob job = job_of(form);
    EXPECT_EQ(job.llm.name, "llama-3.1-8b") << form;
    EXPECT_EQ(job.config.tensor_parallel, 2) << form;
  }
}

TEST_F(Import, ReadsTheOtherEngines) {
  const models::ServingJob sglang = job_of(
      "python -m sglang.launch_server --model-path Qwen/Qwen3-32B --tp 2 --dp 2 --context-length 32768 "
      "--mem-fraction-static 0.85 --disable-radix-cache --disable-cuda-graph\n");
  EXPECT_EQ(sglang.config.engine, "sglang");
  EXPECT_EQ(sglang.config.replicas, 2);
  EXPECT_EQ(sglang.config.gpu_memory_utilization, 0.85);
  EXPECT_FALSE(sglang.config.enable_prefix_caching);
  EXPECT_TRUE(sglang.config.enforce_eager);
  const models::ServingJob trtllm =
      job_of("trtllm-serve serve Qwen/Qwen3-32B --tp_size 2 --max_batch_size 128 --max_num_tokens 4096\n");
  EXPECT_EQ(trtllm.config.engine, "trtllm");
  EXPECT_EQ(trtllm.config.max_num_seqs, 128);
  EXPECT_EQ(trtllm.config.max_num_batched_tokens, 4096);
  const models::ServingJob tgi = job_of(
      "text-generation-launcher --model-id meta-llama/Llama-3.1-8B-Instruct --num-shard 2 --max-total-tokens 8192\n");
  EXPECT_EQ(tgi.config.engine, "tgi");
  EXPECT_EQ(tgi.config.tensor_parallel, 2);
  EXPECT_EQ(tgi.config.max_model_len, 8192);
}

TEST_F(Import, RunsAnEngineThatIsNotModelledAndSaysSo) {
  const std::string yaml = path("mine.yaml");
  const std::string script = write("s.sh", "python -m sglang.launch_server --model-path llama-3.1-8b\n");
  ASSERT_EQ(orrery({"import", script, "-o", yaml}).code, kExitWell);
  const Outcome run = orrery({"run", yaml});
  EXPECT_EQ(run.code, kExitWell) << run.err;
  EXPECT_THAT(run.out, HasSubstr("the engine sglang is not modelled yet: it runs under the rules of vllm_v1"));
}

TEST_F(Import, ReadsWhatANameSaysOfWeights) {
  EXPECT_EQ(job_of("vllm serve Qwen/Qwen2.5-32B-Instruct-AWQ\n").config.weight_dtype, Dtype::int4);
  EXPECT_EQ(job_of("vllm serve RedHatAI/Meta-Llama-3.1-8B-Instruct-FP8-dynamic\n").config.weight_dtype, Dtype::fp8);
  EXPECT_EQ(job_of("vllm serve meta-llama/Llama-3.1-8B --quantization fp8\n").config.weight_dtype, Dtype::fp8);
}

TEST_F(Import, NamesTheNearestModelsOfOneThatItDoesNotKnow) {
  EXPECT_THAT(
      error_of("set -e\nvllm serve Qwen/Qwen3-14B-Instruct-2507 -tp 2\n"),
      AllOf(HasSubstr("serve.sh:2:12: the model \"Qwen/Qwen3-14B-Instruct-2507\" is neither one of the library"),
            HasSubstr("did you mean qwen3-32b"), HasSubstr("import --model PATH names its config.json")));
  EXPECT_THAT(error_of("vllm serve llama-3.1-8b\n", {"--model", "Qwen/Qwen3-14B-Instruct-2507"}),
              AllOf(HasSubstr("--model Qwen/Qwen3-14B-Instruct-2507"), HasSubstr("did you mean qwen3-32b")));
  EXPECT_THAT(error_of("vllm serve zzzzzzzzzzzz\n"), Not(HasSubstr("did you mean")));
}

// The same names as a question takes.
TEST_F(Import, TakesModelsThatHaveTheSizesOfOneOfTheLibrary) {
  EXPECT_EQ(job_of("vllm serve meta-llama/Llama-3.3-70B-Instruct -tp 8\n").llm.name, "llama-3.1-70b");
  EXPECT_EQ(job_of("vllm serve deepseek-ai/DeepSeek-R1-0528 -tp 8\n", {"--gpu", "h200"}).llm.name, "deepseek-v3");
}

TEST_F(Import, FindsAConfigBesideTheScript) {
  std::filesystem::create_directories(folder_ / "my-model");
  std::filesystem::copy_file(std::filesystem::path(orrery::tests::source_root()) / "models/library/llama-3-8b.json",
                             folder_ / "my-model/config.json");
  const std::string script = write("serve.sh", "vllm serve ./my-model\n");
  const Outcome outcome = orrery({"import", script, "-o", path("out.yaml")});
  ASSERT_EQ(outcome.code, kExitWell) << outcome.err;
  EXPECT_THAT(read_file(path("out.yaml")), HasSubstr("my-model\"  # ./my-model"));
  EXPECT_EQ(orrery({"run", path("out.yaml"), "-q"}).code, kExitWell);
}

TEST_F(Import, RefusesWhatItCannotRead) {
  EXPECT_THAT(error_of("vllm serve meta-llama/Llama-3.1-8B --port 'a\n"),
              HasSubstr("serve.sh:1:43: this quote (') is never closed"));
  EXPECT_THAT(error_of("vllm serve $(cat model)\n"), HasSubstr("serve.sh:1:12: the output of a command"));
  EXPECT_THAT(error_of("vllm serve `cat model`\n"), HasSubstr("serve.sh:1:12: the output of a command"));
  EXPECT_THAT(error_of("vllm serve $MODEL\n"), HasSubstr("serve.sh:1:12: the variable MODEL is not set"));
  EXPECT_THAT(error_of("vllm serve llama-3.1-8b --max-model-len $LEN\n"),
              HasSubstr("serve.sh:1:41: the variable LEN is not set"));
  EXPECT_THAT(error_of("vllm serve org/Llama-3.1-8C\n"),
              AllOf(HasSubstr("serve.sh:1:12: the model \"org/Llama-3.1-8C\""), HasSubstr("did you mean llama-3.1-8b"),
                    HasSubstr("--model PATH")));
  EXPECT_THAT(error_of("vllm serve --port 80\n"), HasSubstr("serve.sh:1:1: the launch line names no model"));
  EXPECT_THAT(error_of("vllm serve llama-3.1-8b -tp two\n"),
              HasSubstr("serve.sh:1:29: --tensor-parallel-size: expected a whole number from 1 on, found \"two\""));
  EXPECT_THAT(error_of("vllm serve llama-3.1-8b -tp\n"),
              HasSubstr("serve.sh:1:25: --tensor-parallel-size needs a value"));
  EXPECT_THAT(error_of("vllm serve llama-3.1-8b --gpu-memory-utilization 1.2\n"),
              HasSubstr("a share above 0, up to 1"));
  // One mistake is one line, with all that it breaks.
  const std::string split = error_of("vllm serve llama-3.1-8b -tp 3\n");
  EXPECT_THAT(split,
              AllOf(HasSubstr("3 doesn't divide the 32 attention heads"), HasSubstr("; 3 doesn't divide the MLP")));
  EXPECT_EQ(std::count(split.begin(), split.end(), '\n'), 1) << split;
  EXPECT_THAT(error_of("vllm serve llama-3.1-8b\n", {"--gpu", "h100_smx"}),
              AllOf(HasSubstr("did you mean"), HasSubstr("h100_sxm")));
  EXPECT_THAT(error_of("vllm serve llama-3.1-8b\n", {"--model", "lama-3.1-8b"}),
              HasSubstr("did you mean llama-3.1-8b"));
}

TEST_F(Import, ShowsNothingOfAFileAsItIs) {
  const std::string text = error_of("vllm serve 'org/\x1b[31mred'\n");
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  const Outcome outcome = orrery({"import", write("a.sh", "vllm serve llama-3.1-8b '--\x1b[31m' \"--x\ny\" \n")});
  EXPECT_EQ(outcome.code, kExitWell) << outcome.err;
  EXPECT_EQ(outcome.err.find('\x1b'), std::string::npos);
  EXPECT_EQ(outcome.out.find('\x1b'), std::string::npos);
}

TEST_F(Import, JoinsALaunchAndALoad) {
  const std::string yaml = path("mine.yaml");
  const std::string script = write("serve.sh", "vllm serve meta-llama/Llama-3.1-8B\n");
  ASSERT_EQ(orrery({"import", script, sample("burstgpt.csv"), "-o", yaml}).code, kExitWell);
  EXPECT_THAT(read_file(yaml), AllOf(HasSubstr("trace_format: burstgpt"), HasSubstr("3 requests over 42.5"),
                                     HasSubstr("1 more without an answer")));
  const Outcome run = orrery({"run", yaml});
  EXPECT_EQ(run.code, kExitWell) << run.err;
  EXPECT_THAT(run.out, HasSubstr("1 of the trace's requests have no answer (0 tokens) and are left out"));
  const Outcome twice = orrery({"import", script, script});
  EXPECT_EQ(twice.code, kExitInput);
  EXPECT_THAT(twice.err, HasSubstr("a launch line has been given already"));
}

TEST_F(Import, ReadsEveryLoad) {
  for (const char* name :
       {"burstgpt.csv", "vidur.csv", "vidur_lengths.csv", "lengths.csv", "llmservingsim.jsonl", "aiperf.jsonl",
        "sharegpt.json", "mooncake_nohash.jsonl", "mooncake.jsonl", "mooncake.jsonl.gz", "table.csv"}) {
    const std::string yaml = path(std::string(name) + ".yaml");
    const Outcome outcome = orrery({"import", sample(name), "-o", yaml, "--gpu", "h100_sxm"});
    ASSERT_EQ(outcome.code, kExitWell) << name << outcome.err;
    const Outcome run = orrery({"run", yaml});
    EXPECT_EQ(run.code, kExitWell) << name << run.err << run.out;
  }
}

TEST_F(Import, ReadsAResultOfVllmAsLoadAndExpectations) {
  const std::string yaml = path("mine.yaml");
  ASSERT_EQ(orrery({"import", sample("vllm_bench.json"), "-o", yaml}).code, kExitWell);
  const std::string text = read_file(yaml);
  EXPECT_THAT(text,
              AllOf(HasSubstr("model: llama-3.1-8b"), HasSubstr("arrivals: closed_loop"), HasSubstr("concurrency: 2"),
                    HasSubstr("metric: serving.ttft_s.mean"), HasSubstr("value: 21.5 ms"), HasSubstr("tolerance: 10 %"),
                    HasSubstr("metric: serving.duration_s")));
  const Outcome run = orrery({"run", yaml});
  EXPECT_NE(run.code, kExitInput) << run.err;
  EXPECT_THAT(run.out, HasSubstr("serving.ttft_s.mean"));
}

TEST_F(Import, ReadsAResultWithoutLengths) {
  const std::string file = write("r.json",
                                 "{\"model_id\": \"nobody/knows\", \"num_prompts\": 10, \"completed\": 10, "
                                 "\"request_rate\": 4.0, \"burstiness\": 0.25, \"total_input_tokens\": 5000, "
                                 "\"total_output_tokens\": 1000, \"mean_tpot_ms\": 9.5}");
  const Outcome outcome = orrery({"import", file});
  ASSERT_EQ(outcome.code, kExitWell) << outcome.err;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("input: 500"), HasSubstr("output: 100"), HasSubstr("arrivals: gamma"),
                                 HasSubstr("cv: 2"), HasSubstr("rate: 4"), HasSubstr("change me")));
  EXPECT_THAT(outcome.err, HasSubstr("the model \"nobody/knows\" is none of the library"));
}

TEST_F(Import, NamesEveryOtherFileForWhatItIs) {
  const std::vector<std::tuple<std::string, std::string, std::string>> files = {
      {"pretrain.sh", "torchrun --nproc_per_node 8 pretrain_gpt.py --tensor-model-parallel-size 8\n",
       "is a launch script of Megatron-LM"},
      {"ds.sh", "deepspeed train.py --deepspeed ds_config.json\n", "is a launch script of DeepSpeed"},
      {"run.sh", "torchrun --nproc_per_node 8 train.py\n", "is a launch script of torchrun"},
      {"ds_config.json", "{\"train_batch_size\": 64, \"zero_optimization\": {}}", "is a DeepSpeed configuration"},
      {"config.json", "{\"model_type\": \"llama\"}", "is a model's config.json"},
      {"trace.json", "{\"traceEvents\": []}", "is a Chrome/Perfetto trace"},
      {"kineto.json", "{\"schemaVersion\": 1, \"deviceProperties\": [], \"traceEvents\": []}",
       "is a trace of the PyTorch profiler"},
      {"a.sqlite", std::string("SQLite format 3\0", 16), "is an SQLite database, as nsys exports it"},
      {"rank.0.et", "\x0a\x07", "is a Chakra execution trace"},
      {"s.yaml", "scenario: a\nmodel: b\ncluster: {}\n", "is a scenario of Orrery; run it"},
      {"r.json", "{\"schema_version\": 1, \"orrery\": \"1\"}", "is a report of Orrery"},
      {"nccl.log", "# nThread 1 nGpus 8\n# out-of-place\n", "is a log of nccl-tests"},
      {"a.parquet", "PAR1....", "is a Parquet table"},
      {"a.safetensors", "abc", "is a model's weights"},
      {"pod.yaml", "apiVersion: v1\nkind: Pod\n", "is a Kubernetes manifest"},
      {"a.bin2", std::string("ab\0cd", 5), "is a binary file"},
      {"a.json", "{\"a\": 1}", "is JSON of no kind that is known here"},
      {"a.csv", "x,y\n1,2\n", "is a table of columns that no load has"},
      {"a.txt", "hello\n", "is a text of no kind that is known here"},
      {"empty", "", "is empty"},
  };
  for (const auto& [name, text, expected] : files) {
    const Outcome outcome = orrery({"import", write(name, text)});
    EXPECT_EQ(outcome.code, kExitInput) << name;
    EXPECT_THAT(outcome.err, HasSubstr(name + " " + expected)) << name;
    EXPECT_EQ(outcome.out, "") << name;
  }
}

TEST_F(Import, OverwritesOnlyWhenTold) {
  const std::string script = write("serve.sh", "vllm serve llama-3.1-8b\n");
  const std::string there = write("there.yaml", "mine");
  const Outcome refused = orrery({"import", script, "-o", there});
  EXPECT_EQ(refused.code, kExitInput);
  EXPECT_THAT(refused.err, HasSubstr("there.yaml: is there already; --force replaces it"));
  EXPECT_EQ(read_file(there), "mine");
  EXPECT_EQ(orrery({"import", script, "-o", there, "--force"}).code, kExitWell);
  EXPECT_THAT(read_file(there), HasSubstr("model: llama-3.1-8b"));
  EXPECT_EQ(orrery({"import", script, "-o", script}).code, kExitInput);
}

TEST_F(Import, PutsManyGpusOnNodesWithAFabric) {
  const models::ServingJob job = job_of("vllm serve meta-llama/Llama-3.1-405B -tp 8 -pp 2 --quantization fp8\n");
  EXPECT_EQ(job.cluster.gpu_count(), 16);
}

TEST(ImportTables, HaveRowsWithNamesAndSources) {
  std::set<std::string_view> names;
  for (const ImportKind& row : import_kinds()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_FALSE(row.equation.empty() || row.source.empty()) << row.name;
  }
  for (const OtherFile& row : other_files()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_FALSE(row.equation.empty() || row.advice.empty() || row.source.empty()) << row.name;
  }
  for (const Launcher& launcher : launchers()) {
    std::set<std::string_view> flags;
    EXPECT_FALSE(launcher.equation.empty() || launcher.source.empty()) << launcher.name;
    for (const FlagRow& flag : launcher.flags()) {
      EXPECT_TRUE(flags.insert(flag.name).second) << flag.name;
      EXPECT_TRUE(flag.other.empty() || flags.insert(flag.other).second) << flag.other;
      EXPECT_FALSE(flag.equation.empty()) << flag.name;
      EXPECT_EQ(flag.name.find('_'), std::string_view::npos) << flag.name;
    }
  }
}

}  // namespace
}  // namespace orrery::scenarios::testing
