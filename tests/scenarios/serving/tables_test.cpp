// Reading tables of measured serving runs, and comparing them with predictions: small tables written by hand.
#include "scenarios/serving/tables.hpp"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "hardware/config/config.hpp"
#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::orrery;
using testing::Outcome;
using testing::read_file;

constexpr const char* kRequestColumns =
    "run,vllm,tp,dp,ep,max_num_seqs,max_batched_tokens,request,input_tokens,output_tokens,arrival_s,queued_s,"
    "scheduled_s,first_token_s,last_token_s\n";

constexpr const char* kBenchmarkColumns =
    "id,backend,backend_version,model_path,system,precision,mode,isl,osl,gemm_quant_mode,tp_size,pp_size,"
    "attention_dp_size,moe_ep_size,silicon_ttft_ms,silicon_tpot_ms,concurrency,source\n";

class ServingTables : public testing::FolderTest {
 protected:
  [[nodiscard]] ServingTable requests(const std::string& rows, const std::string& gpu = "") const {
    return read_serving_table(write("requests.csv", kRequestColumns + rows), gpu);
  }
  [[nodiscard]] ServingTable benchmarks(const std::string& rows, const std::string& gpu = "") const {
    return read_serving_table(write("benchmarks.csv", kBenchmarkColumns + rows), gpu);
  }
  /// Why the only row of a table is skipped.
  [[nodiscard]] static std::string reason(const ServingTable& table) {
    EXPECT_TRUE(table.runs.empty());
    return table.skipped.size() == 1 ? table.skipped.front().reason : "not one skipped row";
  }
};

std::unique_ptr<kernels::KernelTimer> fitted() { return kernels::timers().back().make(); }

const models::ServingConfig& config_of(const ServingTable& table) { return table.runs.at(0).job.config; }

const calibrate::PredictedRow& figure(const ServingErrors& errors, std::string_view group) {
  for (const calibrate::PredictedRow& row : errors.figures) {
    if (row.group == group) return row;
  }
  throw std::out_of_range("no figure " + std::string(group));
}

TEST_F(ServingTables, OneRunHoldsTheRequestsOfItsRowsByArrival) {
  const ServingTable table = requests(
      "RTXPRO6000/Llama-3.1-8B,0.19.0,1,1,0,128,2048,b,30,7,0.5,0.6,0.6,0.7,0.9\n"
      "RTXPRO6000/Llama-3.1-8B,0.19.0,1,1,0,128,2048,a,20,5,0,0,0,0.1,0.3\n");
  ASSERT_EQ(table.runs.size(), 1u);
  EXPECT_TRUE(table.skipped.empty());
  const MeasuredRun& run = table.runs[0];
  EXPECT_EQ(run.group, "rtx_pro_6000_server");
  EXPECT_EQ(run.job.llm.name, "llama-3.1-8b");
  EXPECT_EQ(run.job.cluster.groups[0].gpu.name, "rtx_pro_6000_server");
  EXPECT_EQ(run.job.config.max_num_seqs, 128);
  EXPECT_EQ(run.job.config.max_num_batched_tokens, 2048);
  EXPECT_EQ(run.job.config.num_gpu_blocks, 0);
  ASSERT_EQ(run.requests.size(), 2u);
  EXPECT_EQ(run.requests[0].name, "a");
  EXPECT_EQ(run.requests[0].line, 3);
  EXPECT_EQ(run.requests[1].input_tokens, 30);
  EXPECT_EQ(run.requests[1].output_tokens, 7);
  EXPECT_DOUBLE_EQ(run.requests[1].queued, 0.6);
}

TEST_F(ServingTables, TheRtx4090RunHasTheBlocksThatItPrinted) {
  const ServingTable table = requests("RTX4090/Llama-3.1-8B,0.19.0,1,1,0,256,2048,a,20,5,0,0,0,0.1,0.3\n");
  EXPECT_EQ(config_of(table).num_gpu_blocks, 2588);
  EXPECT_EQ(config_of(table).max_model_len, 32768);
}

TEST_F(ServingTables, RunsThatCantBeExpressedAreSkippedByRow) {
  const std::string tail = "128,2048,a,20,5,0,0,0,0.1,0.3\n";
  EXPECT_THAT(reason(requests("RTX9999/Llama-3.1-8B,0.19.0,1,1,0," + tail)), HasSubstr("no node profile"));
  EXPECT_THAT(reason(requests("RTX4090/Llama-9,0.19.0,1,1,0," + tail)), HasSubstr("no model llama-9"));
  EXPECT_THAT(reason(requests("RTX4090,0.19.0,1,1,0," + tail)), HasSubstr("MACHINE/MODEL"));
  EXPECT_THAT(reason(requests("RTX4090/Llama-3.1-8B,0.19.0,1,2,0," + tail)), HasSubstr("data parallelism"));
  EXPECT_THAT(reason(requests("RTX4090/Llama-3.1-8B,0.19.0,1,1,2," + tail)), HasSubstr("expert parallelism"));
  EXPECT_THAT(reason(requests("RTX4090/Llama-3.1-8B,0.19.0,3,1,0," + tail)), HasSubstr("heads"));
  EXPECT_THAT(reason(requests("RTX4090/Llama-3.1-8B,0.19.0,1,1,0," + tail, "h100_sxm")),
              HasSubstr("measured on rtx_4090, not h100_sxm"));
}

TEST_F(ServingTables, OneBrokenRequestSkipsItsWholeRun) {
  const std::string run = "RTX4090/Llama-3.1-8B,0.19.0,1,1,0,256,2048,";
  const std::string good = run + "a,20,5,0,0,0,0.1,0.3\n";
  for (const char* broken : {"b,-3,5,1,1,1,1.1,1.3\n", "b,20,0,1,1,1,1.1,1.3\n", "b,20,x,1,1,1,1.1,1.3\n",
                             "b,20,5,-1,1,1,1.1,1.3\n", "b,20,5,1,1,1,0.9,1.3\n", "b,20,5,1,1,1,1.1,1.0\n",
                             "b,20,5,1,1,1,1,1\n", "b,20,5,1,1,1,nan,1.3\n", "b,20,5,1,1,1,inf,inf\n"}) {
    const ServingTable table = requests(good + run + broken);
    EXPECT_TRUE(table.runs.empty()) << broken;
    ASSERT_EQ(table.skipped.size(), 2u) << broken;
    EXPECT_THAT(table.skipped[0].reason, HasSubstr("line 3: ")) << broken;
    EXPECT_EQ(table.skipped[1].line, 3);
  }
}

TEST_F(ServingTables, ABenchmarkOfAiconfiguratorHasFixedLengths) {
  const ServingTable table = benchmarks(
      "x,trtllm,1.0.0rc3,Qwen/Qwen3-32B,h100_sxm,fp8,agg,1024,512,fp8,4,1,,1,137,7.5,8,h100_sxm/trtllm/q.csv\n");
  const models::ServingConfig& config = config_of(table);
  EXPECT_EQ(table.runs[0].job.llm.name, "qwen3-32b");
  EXPECT_EQ(config.tensor_parallel, 4);
  EXPECT_EQ(config.weight_dtype, Dtype::fp8);
  EXPECT_EQ(config.kv_cache_dtype, Dtype::fp8);
  EXPECT_EQ(config.kernels, kernels::Implementation::trtllm);
  EXPECT_EQ(config.max_model_len, 1024 + 512);
  EXPECT_EQ(config.max_num_seqs, 0);
  EXPECT_EQ(config.max_num_batched_tokens, 8 + 1024 + 1500);
  EXPECT_FALSE(config.enable_chunked_prefill);
  EXPECT_EQ(config.load.arrivals, "closed_loop");
  EXPECT_EQ(config.load.concurrency, 8);
  EXPECT_EQ(config.load.requests, 80);
  EXPECT_EQ(config.load.input.distribution, "fixed");
  EXPECT_EQ(config.load.input.mean, 1024.0);
  EXPECT_EQ(config.load.output.mean, 512.0);
  EXPECT_DOUBLE_EQ(table.runs[0].ttft.value(), 0.137);
  EXPECT_DOUBLE_EQ(table.runs[0].tpot.value(), 0.0075);
  EXPECT_EQ(table.runs[0].group, "trtllm h100_sxm");
}

TEST_F(ServingTables, ABenchmarkOfInferenceMaxDrawsLengths) {
  const ServingTable table =
      benchmarks("x,vllm,,meta-llama/Llama-3.1-70B,h200_sxm,fp8,agg,1024,8192,fp8,4,1,1,1,90,10,16,2026-04-06.csv\n");
  const models::ServingConfig& config = config_of(table);
  EXPECT_EQ(config.load.input.distribution, "uniform");
  EXPECT_EQ(config.load.input.least, 819);  // ⌊0.8 · 1024⌋
  EXPECT_EQ(config.load.input.most, 1024);
  EXPECT_EQ(config.load.output.least, 6553);  // ⌊0.8 · 8192⌋
  EXPECT_EQ(config.load.output.most, 8192);
  EXPECT_EQ(config.max_num_seqs, 16);
  EXPECT_EQ(config.kv_cache_dtype, Dtype::fp8);
  EXPECT_FALSE(config.enable_prefix_caching);
  // The scripts leave the cache of H100 as it is.
  EXPECT_EQ(config_of(benchmarks("x,vllm,,meta-llama/Llama-3.1-70B,h100_sxm,fp8,agg,1024,8192,fp8,4,1,1,1,90,10,16,"
                                 "2026-04-06.csv\n"))
                .kv_cache_dtype,
            Dtype::bf16);
}

TEST_F(ServingTables, CheckpointsOfNvidiaHaveStaticActivationScales) {
  const auto scales = [&](const std::string& model, const std::string& mode, const std::string& source) {
    return config_of(benchmarks("x,vllm,0.14.0," + model + ",h200_sxm,fp8,agg,1024,512," + mode + ",4,1,,1,90,10,16," +
                                source + "\n"))
        .static_activation_scales;
  };
  EXPECT_TRUE(scales("meta-llama/Llama-3.1-70B", "fp8", "2026-04-06.csv"));
  EXPECT_FALSE(scales("meta-llama/Llama-3.1-70B", "bf16", "2026-04-06.csv"));
  EXPECT_TRUE(scales("nvidia/Llama-3.1-8B-Instruct-FP8", "fp8", "h/v/m.csv"));
  EXPECT_FALSE(scales("Qwen/Qwen3-32B", "fp8", "h/v/m.csv"));
  EXPECT_FALSE(scales("Qwen/Qwen3-235B-A22B-FP8", "fp8_block", "h/v/m.csv"));
}

TEST_F(ServingTables, TensorRtLlmHasABudgetOfItsOwn) {
  const std::string row = "x,trtllm,1,Qwen/Qwen3-32B,h100_sxm,fp8,agg,1024,";
  EXPECT_EQ(config_of(benchmarks(row + "512,fp8,4,1,,1,90,10,16,2026-04-06.csv\n")).max_num_batched_tokens, 16384);
  // 16 + 1024 + 1500 tokens are fewer than the longest sequence: chunks are the only way to recompute it.
  EXPECT_TRUE(config_of(benchmarks(row + "2048,fp8,4,1,,1,90,10,16,h/t/m.csv\n")).enable_chunked_prefill);
  EXPECT_EQ(config_of(benchmarks("x,vllm,1,Qwen/Qwen3-32B,h100_sxm,fp8,agg,1024,512,fp8,4,1,,1,90,10,16,h/v/m.csv\n"))
                .max_num_batched_tokens,
            0);
}

TEST_F(ServingTables, VllmSchedulesAsynchronouslySince014) {
  const auto asynchronous = [&](const std::string& version, const std::string& source) {
    return config_of(benchmarks("x,vllm," + version + ",Qwen/Qwen3-32B,h100_sxm,fp8,agg,1024,512,fp8,4,1,,1,90,10,16," +
                                source + "\n"))
        .async_scheduling;
  };
  EXPECT_FALSE(asynchronous("0.12.0", "h/v/m.csv"));
  EXPECT_TRUE(asynchronous("0.14.0", "h/v/m.csv"));
  EXPECT_TRUE(asynchronous("0.19.0", "h/v/m.csv"));
  EXPECT_TRUE(asynchronous("0.12.0", "2026-04-06.csv"));  // asked for
}

TEST_F(ServingTables, PrecisionAndModelComeFromTheCheckpoint) {
  const auto read = [&](const std::string& model, const std::string& precision, const std::string& system) {
    return benchmarks("x,sglang,1," + model + "," + system + "," + precision + ",agg,1024,128," + precision +
                      ",8,1,,1,100,10,4,h/s/m.csv\n");
  };
  EXPECT_EQ(config_of(read("Qwen/Qwen3-32B", "", "h100_sxm")).weight_dtype, Dtype::bf16);
  const ServingTable deepseek = read("deepseek-ai/DeepSeek-R1", "fp8", "h200_sxm");
  EXPECT_EQ(deepseek.runs.at(0).job.llm.name, "deepseek-v3");
  EXPECT_EQ(config_of(deepseek).weight_dtype, Dtype::fp8_block);
  EXPECT_EQ(config_of(read("nvidia/Qwen3-32B-NVFP4", "nvfp4", "b200_sxm")).weight_dtype, Dtype::nvfp4);
  const ServingTable llama = read("nvidia/Llama-3.1-8B-Instruct-FP8", "fp8", "h200_sxm");
  EXPECT_EQ(llama.runs.at(0).job.llm.name, "llama-3.1-8b");
  const ServingTable qwen = read("Qwen/Qwen3-235B-A22B-FP8", "fp8_block", "h200_sxm");
  EXPECT_EQ(qwen.runs.at(0).job.llm.name, "qwen3-235b-a22b");
  EXPECT_EQ(config_of(qwen).weight_dtype, Dtype::fp8_block);
}

struct Skip {
  const char* row;
  const char* reason;
};

TEST_F(ServingTables, BenchmarksThatCantBeExpressedAreSkipped) {
  const Skip skips[] = {
      {"x,vllm,,meta-llama/Llama-3.1-70B,h100_sxm,fp8,disagg,1024,128,fp8,4,1,1,1,90,10,16,d.csv", "mode disagg"},
      {"x,vllm,,meta-llama/Llama-3.1-70B,b300_sxm,fp8,agg,1024,128,fp8,4,1,1,1,90,10,16,d.csv", "b300_sxm"},
      {"x,vllm,,moonshotai/Kimi-K2.5,h100_sxm,fp8,agg,1024,128,fp8,4,1,1,1,90,10,16,d.csv", "no model moonshotai"},
      {"x,vllm,,meta-llama/Llama-3.1-70B,h100_sxm,fp8,agg,1024,128,fp8,4,1,8,1,90,10,16,d.csv", "attention"},
      {"x,vllm,,meta-llama/Llama-3.1-70B,h100_sxm,fp8,agg,1024,128,fp8,4,1,1,4,90,10,16,d.csv", "expert"},
      {"x,vllm,,meta-llama/Llama-3.1-70B,h100_sxm,fp8,agg,1024,128,fp8,4,1,1,1,90,10,,d.csv", "concurrency is not"},
      {"x,vllm,,meta-llama/Llama-3.1-70B,h100_sxm,fp6,agg,1024,128,fp6,4,1,1,1,90,10,16,d.csv", "precision fp6"},
      {"x,mlc,,meta-llama/Llama-3.1-70B,h100_sxm,fp8,agg,1024,128,fp8,4,1,1,1,90,10,16,d.csv", "backend mlc"},
      {"x,vllm,,meta-llama/Llama-3.1-70B,h100_sxm,fp8,agg,1024,128,fp8,16,1,1,1,90,10,16,d.csv", "GPUs"},
      {"x,vllm,,meta-llama/Llama-3.1-70B,h100_sxm,fp8,agg,1024,128,fp8,4,1,1,1,90,0,16,d.csv", "zero"},
      {"x,vllm,,meta-llama/Llama-3.1-70B,h100_sxm,fp8,agg,0,128,fp8,4,1,1,1,90,10,16,d.csv", "isl is 0"},
      {"x,vllm,,meta-llama/Llama-3.1-70B,h100_sxm,fp8,agg,200000,128,fp8,4,1,1,1,90,10,16,d.csv", "positions"},
  };
  for (const Skip& skip : skips) EXPECT_THAT(reason(benchmarks(std::string(skip.row) + "\n")), HasSubstr(skip.reason));
  EXPECT_THAT(reason(benchmarks("x,vllm,,meta-llama/Llama-3.1-70B,h200_sxm,fp8,agg,1024,128,fp8,4,1,1,1,90,10,16,d\n",
                                "h100_sxm")),
              HasSubstr("measured on h200_sxm, not h100_sxm"));
}

TEST_F(ServingTables, OtherColumnsAreRefusedWithBothKinds) {
  try {
    (void)read_serving_table(write("t.csv", "a,b\n1,2\n"), "");
    FAIL() << "read a table with other columns";
  } catch (const hardware::ConfigError& error) {
    EXPECT_THAT(error.what(), AllOf(HasSubstr("t.csv"), HasSubstr("first_token_s"), HasSubstr("silicon_tpot_ms")));
  }
}

TEST_F(ServingTables, MeasuredFiguresFollowTheDefinitions) {
  // a: TTFT 0.5, TPOT (2.5 − 1.5)/(11 − 1) = 0.1, end to end 1.5. b: one token, so no TPOT; TTFT = e2e = 0.7.
  const ServingTable table = requests(
      "RTXPRO6000/Llama-3.1-8B,0.19.0,1,1,0,128,2048,a,20,11,0,1,1,1.5,2.5\n"
      "RTXPRO6000/Llama-3.1-8B,0.19.0,1,1,0,128,2048,b,20,1,9,9.1,9.1,9.8,9.8\n");
  const ServingErrors errors = compare_serving(table.runs.at(0), *fitted());
  ASSERT_EQ(errors.rows.size(), 2u);
  EXPECT_TRUE(errors.skipped.empty());
  EXPECT_DOUBLE_EQ(errors.rows[0].measured, 1.5);
  EXPECT_NEAR(errors.rows[1].measured, 0.7, 1e-12);
  EXPECT_EQ(errors.figures.size(), 9u);
  EXPECT_NEAR(figure(errors, "rtx_pro_6000_server ttft mean").measured, 0.6, 1e-12);
  EXPECT_NEAR(figure(errors, "rtx_pro_6000_server ttft p50").measured, 0.6, 1e-12);
  EXPECT_NEAR(figure(errors, "rtx_pro_6000_server ttft p99").measured, 0.5 + 0.99 * 0.2, 1e-12);
  EXPECT_NEAR(figure(errors, "rtx_pro_6000_server tpot mean").measured, 0.1, 1e-12);
  EXPECT_NEAR(figure(errors, "rtx_pro_6000_server e2e mean").measured, 1.1, 1e-12);
  // Alone on the card the two requests cost the same first token; the ten others of `a` take ten steps.
  const double first = errors.rows[1].predicted;
  EXPECT_NEAR(errors.rows[0].predicted, first + 10.0 * figure(errors, "rtx_pro_6000_server tpot p50").predicted, 1e-9);
  // 8 · 10⁹ weights of 2 bytes at 1.8 TB/s: no step is shorter than 8.9 ms.
  EXPECT_GT(first, 0.008);
  EXPECT_LT(first, 0.05);
}

TEST_F(ServingTables, ARequestLongerThanTheModelIsNamedAndTheOthersAreCompared) {
  const ServingTable table = requests(
      "RTX4090/Llama-3.1-8B,0.19.0,1,1,0,256,2048,long,40000,5,0,0,0,0.1,0.3\n"
      "RTX4090/Llama-3.1-8B,0.19.0,1,1,0,256,2048,short,20,5,0.1,0.1,0.1,0.2,0.3\n");
  const ServingErrors errors = compare_serving(table.runs.at(0), *fitted());
  ASSERT_EQ(errors.rows.size(), 1u);
  EXPECT_EQ(errors.rows[0].line, 3);
  ASSERT_EQ(errors.skipped.size(), 1u);
  EXPECT_THAT(errors.skipped[0].description, HasSubstr("long"));
}

TEST_F(ServingTables, AModelThatDoesNotFitIsSkippedWithTheEnginesWords) {
  // 141 GB of bf16 weights on one GPU of 80 GB.
  const ServingTable table =
      benchmarks("x,vllm,,meta-llama/Llama-3.1-70B,h100_sxm,bf16,agg,1024,128,,1,1,1,1,90,10,4,h/v/m.csv\n");
  const ServingErrors errors = compare_serving(table.runs.at(0), *fitted());
  EXPECT_TRUE(errors.rows.empty());
  ASSERT_EQ(errors.skipped.size(), 1u);
  EXPECT_THAT(errors.skipped[0].reason, HasSubstr("memory"));
}

TEST_F(ServingTables, ABenchmarkIsComparedByTpotAndTtft) {
  const ServingTable table =
      benchmarks("x,vllm,,nvidia/Llama-3.1-8B-Instruct-FP8,h200_sxm,fp8,agg,256,32,fp8,1,1,,1,20,4,4,h/v/m.csv\n");
  const auto timer = fitted();
  const ServingErrors errors = compare_serving(table.runs.at(0), *timer);
  const models::ServingResult result = models::predict(table.runs[0].job, *timer);
  ASSERT_EQ(errors.rows.size(), 1u);
  ASSERT_EQ(errors.figures.size(), 1u);
  EXPECT_EQ(result.requests, 40u);
  EXPECT_EQ(errors.rows[0].group, "vllm h200_sxm tpot");
  EXPECT_DOUBLE_EQ(errors.rows[0].predicted, result.tpot.mean);
  EXPECT_DOUBLE_EQ(errors.rows[0].measured, 0.004);
  EXPECT_EQ(errors.figures[0].group, "vllm h200_sxm ttft");
  EXPECT_DOUBLE_EQ(errors.figures[0].predicted, result.ttft.mean);
}

TEST_F(ServingTables, TheCommandReportsGroupsFiguresAndSkippedRows) {
  const std::string row = ",vllm,,nvidia/Llama-3.1-8B-Instruct-FP8,h200_sxm,fp8,agg,256,32,fp8,1,1,,1,20,4,";
  const std::string table = write(
      "b.csv", kBenchmarkColumns + ("a" + row) + "4,h/v/m.csv\nb" + row + "8,h/v/m.csv\nc" + row + ",h/v/m.csv\n");
  const Outcome outcome = orrery({"validate", "serving", table, "--json", path("1.json"), "-j", "1"});
  EXPECT_EQ(outcome.code, kExitWell) << outcome.err;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("vllm h200_sxm tpot"), HasSubstr("concurrency is not given")));
  const json report = json::parse(read_file(path("1.json")));
  EXPECT_EQ(report["kind"], "serving");
  EXPECT_EQ(report["rows"], 2);
  EXPECT_EQ(report["skipped"], 1);
  EXPECT_EQ(report["skipped_rows"][0]["description"], "c");
  ASSERT_EQ(report["groups"].size(), 2u);
  EXPECT_EQ(report["groups"][0]["name"], "vllm h200_sxm tpot");
  EXPECT_EQ(report["groups"][0]["rows"], 2);
  EXPECT_EQ(report["groups"][0]["median_error"], report["median_error"]);
  EXPECT_EQ(report["groups"][1]["name"], "vllm h200_sxm ttft");
  EXPECT_EQ(report["figures"].size(), 2u);
  ASSERT_EQ(orrery({"validate", "serving", table, "--json", path("2.json"), "-j", "2"}).code, kExitWell);
  EXPECT_EQ(read_file(path("1.json")), read_file(path("2.json")));
}

TEST_F(ServingTables, TheCommandRefusesWhatIsNoTable) {
  EXPECT_EQ(orrery({"validate", "serving", path("none.csv")}).code, kExitInput);
  EXPECT_EQ(orrery({"validate", "serving", write("t.csv", "a,b\n1,2\n")}).code, kExitInput);
  EXPECT_THAT(orrery({"validate", "serve", write("t.csv", "a,b\n1,2\n")}).err, HasSubstr("serving"));
}

}  // namespace
}  // namespace orrery::scenarios
