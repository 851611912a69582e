// Tables of published serving results: which run a printed figure is of, in which unit, and which rows are none.
#include <utility>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "hardware/config/config.hpp"
#include "scenarios/serving/tables.hpp"
#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::orrery;
using Changes = std::vector<std::pair<std::string, std::string>>;

const std::string kColumns =
    "id,family,engine,model,layers,hidden,heads,kv_heads,ffn,vocab,experts,gpu,gpus,tp,pp,dp_attn,ep,disaggregation,"
    "isl,"
    "osl,concurrency,num_requests,dataset,arrival,weight_dtype,kv_dtype,spec_method,metric,value\n";

/// A static batch of TensorRT-LLM on one H100; named columns are replaced.
std::string row(const Changes& changes = {}) {
  Changes cells = {{"id", "r1"},
                   {"family", "f"},
                   {"engine", "TensorRT-LLM"},
                   {"model", "llama-x"},
                   {"layers", "32"},
                   {"hidden", "4096"},
                   {"heads", "32"},
                   {"kv_heads", "8"},
                   {"ffn", "14336"},
                   {"vocab", "128256"},
                   {"experts", ""},
                   {"gpu", "H100"},
                   {"gpus", "1"},
                   {"tp", "1"},
                   {"pp", "1"},
                   {"dp_attn", ""},
                   {"ep", ""},
                   {"disaggregation", "no"},
                   {"isl", "128"},
                   {"osl", "64"},
                   {"concurrency", "4"},
                   {"num_requests", ""},
                   {"dataset", ""},
                   {"arrival", "static batch"},
                   {"weight_dtype", "FP8"},
                   {"kv_dtype", ""},
                   {"spec_method", ""},
                   {"metric", "mean_tpot"},
                   {"value", "10"}};
  std::string text, comma;
  for (auto& [name, value] : cells) {
    for (const auto& [changed, to] : changes) value = changed == name ? to : value;
    text += std::exchange(comma, ",") + value;
  }
  return text + "\n";
}

class PublishedServing : public testing::FolderTest {
 protected:
  [[nodiscard]] ServingTable read(const std::string& rows, const std::string& gpu = "") const {
    return read_serving_table(write("p.csv", kColumns + rows), gpu);
  }
  [[nodiscard]] MeasuredRun run_of(const Changes& changes = {}) const {
    const ServingTable table = read(row(changes));
    EXPECT_TRUE(table.skipped.empty()) << table.skipped[0].reason;
    return table.runs.empty() ? MeasuredRun{} : table.runs[0];
  }
  [[nodiscard]] std::string reason(const Changes& changes, const std::string& gpu = "") const {
    const ServingTable table = read(row(changes), gpu);
    EXPECT_TRUE(table.runs.empty());
    return table.skipped.empty() ? "" : table.skipped[0].reason;
  }
};

TEST_F(PublishedServing, AStaticBatchIsOneWaveWhosePromptsFitOneStep) {
  const MeasuredRun run = run_of({{"concurrency", "64"}});
  EXPECT_EQ(run.id, "r1");
  EXPECT_EQ(run.group, "f (TensorRT-LLM as vLLM V1)");
  const models::ServingConfig& config = run.job.config;
  EXPECT_EQ(config.engine, "trtllm");
  EXPECT_EQ(config.kernels, kernels::Implementation::trtllm);
  EXPECT_EQ(config.load.arrivals, "closed_loop");
  EXPECT_EQ(config.load.concurrency, 64);
  EXPECT_EQ(config.load.requests, 64);
  EXPECT_EQ(config.max_num_seqs, 64);
  EXPECT_EQ(config.max_num_batched_tokens, 64 * 128);
  EXPECT_EQ(config.max_model_len, 2048);  // at least, whatever 128 + 64 are
  EXPECT_FALSE(config.enable_prefix_caching);
  EXPECT_DOUBLE_EQ(config.load.input.mean, 128.0);
  EXPECT_DOUBLE_EQ(config.load.output.mean, 64.0);
  EXPECT_EQ(run_of({{"concurrency", "4"}}).job.config.max_num_batched_tokens, 2048);  // 4 x 128 is less
  EXPECT_EQ(run_of({{"arrival", "batch 1"}, {"concurrency", "1"}}).job.config.max_num_seqs, 1);
}

TEST_F(PublishedServing, AnInfiniteRateSendsAllRequestsAtOnceUnderTheEnginesLimits) {
  const Changes all = {{"arrival", "infinite rate"}, {"num_requests", "500"}, {"concurrency", ""}};
  const models::ServingConfig trtllm = run_of(all).job.config;
  EXPECT_EQ(trtllm.load.concurrency, 500);
  EXPECT_EQ(trtllm.load.requests, 500);
  EXPECT_EQ(trtllm.max_num_seqs, 2048);
  EXPECT_EQ(trtllm.max_num_batched_tokens, 8192);
  EXPECT_DOUBLE_EQ(trtllm.gpu_memory_utilization, 0.95);
  Changes of_vllm = all;
  of_vllm.insert(of_vllm.end(), {{"engine", "vLLM"}, {"arrival", "QPS=inf"}});
  const MeasuredRun vllm = run_of(of_vllm);
  EXPECT_EQ(vllm.job.config.max_num_seqs, models::ServingConfig().max_num_seqs);  // its own engine's
  EXPECT_EQ(vllm.job.config.engine, models::ServingConfig().engine);
  EXPECT_EQ(vllm.group, "f (vLLM V0 as V1)");
  Changes at_once = all;
  at_once.push_back({"arrival", "all at t=0"});
  EXPECT_EQ(run_of(at_once).job.config.load.requests, 500);
}

TEST_F(PublishedServing, LongPromptsRaiseTheLimits) {
  const models::ServingConfig config =
      run_of({{"arrival", "infinite rate"}, {"num_requests", "8"}, {"isl", "20000"}, {"osl", "2000"}}).job.config;
  EXPECT_EQ(config.max_num_batched_tokens, 20000);
  EXPECT_EQ(config.max_model_len, 22000);
}

TEST_F(PublishedServing, ShareGptIsAsUnlikeAsALognormal) {
  const models::LoadConfig load = run_of({{"dataset", "ShareGPT-v3"}}).job.config.load;
  for (const models::LengthConfig& length : {load.input, load.output}) {
    EXPECT_EQ(length.distribution, "lognormal");
    EXPECT_DOUBLE_EQ(length.cv, 1.0);
    EXPECT_EQ(length.most, 1024);
  }
}

TEST_F(PublishedServing, FormatsAreThoseOfTheCheckpoint) {
  const auto formats = [&](const std::string& weights, const std::string& cache) {
    const models::ServingConfig config = run_of({{"weight_dtype", weights}, {"kv_dtype", cache}}).job.config;
    return std::tuple(config.weight_dtype, config.kv_cache_dtype, config.dtype, config.static_activation_scales);
  };
  EXPECT_EQ(formats("FP8", ""), std::tuple(Dtype::fp8, Dtype::fp8, Dtype::bf16, true));
  EXPECT_EQ(formats("FP8 (checkpoint)", "FP16"), std::tuple(Dtype::fp8, Dtype::fp16, Dtype::bf16, true));
  EXPECT_EQ(formats("FP16", ""), std::tuple(Dtype::fp16, Dtype::fp16, Dtype::fp16, false));
  EXPECT_EQ(formats("", "auto"), std::tuple(Dtype::bf16, Dtype::bf16, Dtype::bf16, false));
  EXPECT_EQ(formats("INT4", "?"), std::tuple(Dtype::int4, Dtype::bf16, Dtype::bf16, false));
}

TEST_F(PublishedServing, TheModelIsMadeOfItsSizesOrIsTheLibrarys) {
  const models::Llm llm = run_of().job.llm;
  EXPECT_EQ(llm.name, "llama-x");
  EXPECT_EQ(llm.layers, 32);
  EXPECT_EQ(llm.attention.kv_heads, 8);
  EXPECT_EQ(llm.attention.head_dim, 128);  // 4096 / 32
  EXPECT_TRUE(llm.mlp.gated);
  const models::Llm gpt = run_of({{"model", "gptj-6b"}, {"kv_heads", ""}}).job.llm;
  EXPECT_FALSE(gpt.mlp.gated);
  EXPECT_EQ(gpt.attention.kv_heads, 32);
  const models::Llm moe = run_of({{"model", "mixtral-8x7b"}, {"experts", "8"}, {"gpu", "H200"}, {"tp", "2"}}).job.llm;
  EXPECT_EQ(moe.moe.experts, 8);
  EXPECT_THAT(reason({{"model", "mixtral-9x9b"}, {"experts", "9"}}),
              HasSubstr("the library has no model mixtral-9x9b"));
}

TEST_F(PublishedServing, ValuesAreReadInTheUnitOfTheirMetric) {
  for (const auto& [printed, metric, value] : std::vector<std::tuple<std::string, std::string, double>>{
           {"out_tokens_per_s_total", "output_tokens_per_s", 10.0},
           {"out_tokens_per_s_per_gpu", "output_tokens_per_s_per_gpu", 10.0},
           {"requests_per_s", "requests_per_s", 10.0},
           {"first_token_latency", "ttft_s", 0.010},  // ms
           {"mean_ttft", "ttft_s", 0.010},
           {"p99_ttft", "ttft_p99_s", 0.010},
           {"mean_tpot", "tpot_s", 0.010},
           {"mean_itl", "itl_s", 0.010},
           {"mean_e2e", "e2e_s", 0.010}}) {
    const MeasuredRun run = run_of({{"metric", printed}});
    EXPECT_EQ(run.metric, metric) << printed;
    EXPECT_DOUBLE_EQ(run.value, value) << printed;
  }
}

TEST_F(PublishedServing, FiguresAreThoseOfThePrediction) {
  models::ServingResult result;
  result.requests = 20;
  result.duration = Seconds{4.0};
  result.output_tokens = 1200;
  result.ttft = {20, 0.5, 0.4, 0.6, 0.7, 0.9};
  result.tpot.mean = 0.02;
  result.itl.mean = 0.021;
  result.e2e.mean = 2.5;
  MeasuredRun run;
  run.job.config.tensor_parallel = 2;
  run.job.config.pipeline_parallel = 3;
  const auto figure = [&](const std::string& metric) {
    run.metric = metric;
    return published_figure(run, result).value_or(-1.0);
  };
  EXPECT_DOUBLE_EQ(figure("output_tokens_per_s"), 300.0);         // 1,200 / 4 s
  EXPECT_DOUBLE_EQ(figure("output_tokens_per_s_per_gpu"), 50.0);  // on six GPUs
  EXPECT_DOUBLE_EQ(figure("requests_per_s"), 5.0);
  EXPECT_DOUBLE_EQ(figure("ttft_s"), 0.5);
  EXPECT_DOUBLE_EQ(figure("ttft_p99_s"), 0.9);
  EXPECT_DOUBLE_EQ(figure("tpot_s"), 0.02);
  EXPECT_DOUBLE_EQ(figure("itl_s"), 0.021);
  EXPECT_DOUBLE_EQ(figure("e2e_s"), 2.5);
  EXPECT_DOUBLE_EQ(figure("mean_tpot"), -1.0);  // printed names are no names of ours
}

TEST_F(PublishedServing, RowsThatNoRunExpressesSayWhy) {
  const std::vector<std::tuple<std::string, std::string, std::string>> rows = {
      {"metric", "accuracy", "the metric accuracy is not one of a single run"},
      {"engine", "MLC", "the engine 'MLC' is not modelled"},
      {"disaggregation", "yes", "disaggregated prefill is not modelled"},
      {"spec_method", "eagle", "speculative decoding is not modelled"},
      {"dp_attn", "=gpus", "data-parallel attention is not modelled"},
      {"dp_attn", "4", "data-parallel attention is not modelled"},
      {"ep", "8", "expert parallelism is not modelled"},
      {"tp", "", "the row does not say how the model is split"},
      {"arrival", "Poisson", "the arrivals are not told exactly ('Poisson')"},
      {"gpu", "V100", "there is no node profile for the GPU 'V100'"},
      {"weight_dtype", "FP6", "the format FP6 is not modelled"},
      {"kv_dtype", "FP6", "the format FP6 is not modelled"},
      {"isl", "", "isl is not given"},
      {"isl", "0", "isl is 0"},
      {"osl", "-3", "osl is -3"},
      {"concurrency", "", "concurrency is not given"},
      {"concurrency", "1e12", "concurrency is 1e12"},
      {"value", "0", "value is 0"},
      {"value", "nan", "value is \"nan\", no number"},
      {"value", "1e16", "value is 1e16"},
      {"heads", "31", "hidden / heads is not whole"},
      {"heads", "0", "heads is 0"},
      {"vocab", "", "vocab is not given"},
  };
  for (const auto& [column, value, says] : rows) EXPECT_EQ(reason({{column, value}}), says) << column << " " << value;
  EXPECT_EQ(reason({}, "h200_sxm"), "measured on h100_sxm, not h200_sxm");
  EXPECT_THAT(reason({{"tp", "3"}}), HasSubstr("heads"));
}

TEST_F(PublishedServing, SkippedRowsAreNamedByTheirIdOrTheirLine) {
  const ServingTable table = read(row({{"ep", "8"}}) + row({{"id", ""}, {"ep", "8"}}) + row());
  ASSERT_EQ(table.skipped.size(), 2U);
  EXPECT_EQ(table.skipped[0].description, "r1");
  EXPECT_EQ(table.skipped[0].line, 2);
  EXPECT_EQ(table.skipped[1].description, "line 3");
  ASSERT_EQ(table.runs.size(), 1U);
  EXPECT_EQ(table.runs[0].line, 4);
}

// The predicted figure stands in the row, and the error is its ratio to the printed one.
TEST_F(PublishedServing, AValidationComparesTheOneFigureOfEachRow) {
  const std::string table = write("p.csv", kColumns + row() + row({{"metric", "requests_per_s"}}) + row({{"ep", "8"}}));
  const testing::Outcome outcome = orrery({"validate", "serving", table, "--json", path("v.json"), "-q"});
  EXPECT_EQ(outcome.code, kExitWell) << outcome.err;
  const json report = json::parse(testing::read_file(path("v.json")));
  EXPECT_EQ(report["rows"], 2);
  EXPECT_EQ(report["skipped"], 1);
  const json& tpot = report["all"][0];
  EXPECT_EQ(tpot["metric"], "tpot_s");
  EXPECT_DOUBLE_EQ(tpot["measured"].get<double>(), 0.010);
  EXPECT_DOUBLE_EQ(tpot["error"].get<double>(), std::abs(tpot["predicted"].get<double>() / 0.010 - 1.0));
  // One wave of four answers of 64 tokens: 4 requests in TTFT + 63 TPOT.
  const double rate = report["all"][1]["predicted"];
  EXPECT_LT(rate, 4.0 / (63.0 * tpot["predicted"].get<double>()));
  EXPECT_GT(rate, 0.5 * 4.0 / (63.0 * tpot["predicted"].get<double>()));
}

TEST_F(PublishedServing, AModelThatDoesNotFitIsSkippedWithTheEnginesWords) {
  // 80 layers of a 70B in bf16 are no load for one H100.
  const ServingTable table =
      read(row({{"layers", "80"}, {"hidden", "8192"}, {"heads", "64"}, {"ffn", "28672"}, {"weight_dtype", "bf16"}}));
  ASSERT_EQ(table.runs.size(), 1U);
  const ServingErrors errors = compare_serving(table.runs[0], *kernels::timers().back().make());
  EXPECT_TRUE(errors.rows.empty());
  ASSERT_EQ(errors.skipped.size(), 1U);
  EXPECT_EQ(errors.skipped[0].id, "r1");
  EXPECT_THAT(errors.skipped[0].reason, HasSubstr("no memory for the KV cache"));
}

}  // namespace
}  // namespace orrery::scenarios
