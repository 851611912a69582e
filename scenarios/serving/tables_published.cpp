// Tables of published serving results: one printed figure a row, of many engines and releases.
//
// Columns: id, family, engine, model, its sizes (layers, hidden, heads, kv_heads, ffn, vocab, experts), gpu, gpus, tp,
// pp, dp_attn, ep, disaggregation, isl, osl, concurrency, max_batch, num_requests, arrival, weight_dtype, kv_dtype,
// spec_method, metric, value.
//
// Every engine runs under vLLM V1's scheduler, as its group says, with its own kernels where the GPU's profile has
// them. What the columns leave open is taken from the sources they name:
// - "static batch": all sequences start and end together, one session without in-flight batching (gptSessionBenchmark);
//   one wave of `concurrency` requests whose prompts fit one step.
// - "infinite rate", "QPS=inf", "all at t=0": every request is sent at once; `num_requests` of them.
// - TensorRT-LLM's own limits where the row says "engine default": 2,048 sequences and 8,192 tokens a step
//   (tensorrt_llm/llmapi, BuildConfig), and 0.95 of the memory (the rows' notes); vLLM's are those of its engine row.
// - Requests of the data set ShareGPT are as unlike as a lognormal with a standard deviation of the mean, up to 1,024
//   tokens (vLLM's benchmarks/benchmark_serving.py leaves out longer prompts; the deviation is a judgement): the row
//   has means only, and the last long answer sets how long a run takes.
// - Checkpoints of NVIDIA in fp8 and fp4 have an fp8 cache where the row says no more (their hf_quant_config.json).

#include <algorithm>
#include <array>
#include <map>
#include <string_view>

#include <fmt/format.h>

#include "hardware/catalogue/catalogue.hpp"
#include "hardware/config/config.hpp"
#include "models/architectures/hf_config.hpp"
#include "scenarios/serving/tables.hpp"
#include "scenarios/table_model.hpp"
#include "scenarios/table_row.hpp"

namespace orrery::scenarios {

namespace {

using calibrate::CsvTable;
using models::ServingResult;

/// A printed figure: what a run predicts for it, and the factor from the printed unit to seconds or plain numbers.
struct MetricForm {
  std::string_view printed, name;
  double factor;
  double (*predicted)(const ServingResult& result, double gpus);
};

constexpr std::array<MetricForm, 9> kMetrics = {{
    {"out_tokens_per_s_total", "output_tokens_per_s", 1.0,
     [](const ServingResult& r, double) { return r.output_tokens_per_second(); }},
    {"out_tokens_per_s_per_gpu", "output_tokens_per_s_per_gpu", 1.0,
     [](const ServingResult& r, double gpus) { return r.output_tokens_per_second() / gpus; }},
    {"requests_per_s", "requests_per_s", 1.0, [](const ServingResult& r, double) { return r.requests_per_second(); }},
    {"first_token_latency", "ttft_s", 1e-3, [](const ServingResult& r, double) { return r.ttft.mean; }},
    {"mean_ttft", "ttft_s", 1e-3, [](const ServingResult& r, double) { return r.ttft.mean; }},
    {"p99_ttft", "ttft_p99_s", 1e-3, [](const ServingResult& r, double) { return r.ttft.p99; }},
    {"mean_tpot", "tpot_s", 1e-3, [](const ServingResult& r, double) { return r.tpot.mean; }},
    {"mean_itl", "itl_s", 1e-3, [](const ServingResult& r, double) { return r.itl.mean; }},
    {"mean_e2e", "e2e_s", 1e-3, [](const ServingResult& r, double) { return r.e2e.mean; }},
}};

const MetricForm* find_metric(std::string_view name, std::string_view MetricForm::*key) {
  for (const MetricForm& form : kMetrics) {
    if (form.*key == name) return &form;
  }
  return nullptr;
}

/// The node of a GPU as the tables call it.
std::string_view node_named(const std::string& gpu) {
  static const std::map<std::string, std::string_view, std::less<>> nodes = {
      {"A10", "a10_box"},
      {"A100-80", "dgx_a100"},
      {"B200", "hgx_b200"},
      {"GB200", "gb200_nvl72"},
      {"GH200-144", "gh200_144gb_box"},
      {"H100", "dgx_h100"},
      {"H200", "hgx_h200"},
      {"H800", "hgx_h800"},
      {"L40S", "l40s_box"},
      {"RTX-6000-Pro-BSE", "rtx_pro_6000_box"},
  };
  const auto found = nodes.find(gpu);
  if (found == nodes.end()) throw NotExpressible{fmt::format("there is no node profile for the GPU '{}'", gpu)};
  return found->second;
}

struct EngineForm {
  std::string_view printed, kernels, group;
};

/// The engines whose serving can be stood in for, and how their rows are labelled.
const EngineForm& engine_named(const std::string& name) {
  static constexpr std::array<EngineForm, 5> kEngines = {{
      {"TensorRT-LLM PyTorch backend", "trtllm", "TensorRT-LLM as vLLM V1"},
      {"TensorRT-LLM", "trtllm", "TensorRT-LLM as vLLM V1"},
      {"vLLM", "vllm", "vLLM V0 as V1"},
      {"SGLang", "sglang", "SGLang as vLLM V1"},
      {"LMDeploy", "vllm", "LMDeploy as vLLM V1"},
  }};
  for (const EngineForm& engine : kEngines) {
    if (engine.printed == name) return engine;
  }
  throw NotExpressible{fmt::format("the engine '{}' is not modelled", name)};
}

Dtype dtype_named(const std::string& text, Dtype fallback) {
  static const std::map<std::string, Dtype, std::less<>> dtypes = {
      {"FP4", Dtype::nvfp4}, {"FP8", Dtype::fp8},   {"FP8 (checkpoint)", Dtype::fp8},
      {"fp8", Dtype::fp8},   {"INT4", Dtype::int4}, {"FP16", Dtype::fp16},
      {"fp16", Dtype::fp16}, {"bf16", Dtype::bf16}};
  if (text.empty() || text == "auto" || text == "?") return fallback;
  const auto found = dtypes.find(text);
  if (found == dtypes.end()) throw NotExpressible{fmt::format("the format {} is not modelled", text)};
  return found->second;
}

/// Mixtures of experts by the library's name, as their columns don't tell every layer; others by their sizes.
models::Llm model_of(const TableRow& row, std::int64_t longest) {
  const std::string name = row.text("model");
  if (!row.text("experts").empty()) {
    const std::vector<std::string> known = models::model_names();
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      throw NotExpressible{fmt::format("the library has no model {}", name)};
    }
    return models::load_model(name);
  }
  const bool gated = name.rfind("gpt", 0) != 0;
  models::Llm llm =
      table_decoder(row, row.count("vocab"), row.count("ffn"),
                    row.text("kv_heads").empty() ? row.count("heads") : row.count("kv_heads"), gated, longest);
  llm.name = name;
  return llm;
}

void check_expressible(const TableRow& row) {
  const std::string split = row.text("disaggregation"), speculation = row.text("spec_method");
  if (split != "no" && !split.empty()) throw NotExpressible{"disaggregated prefill is not modelled"};
  if (!speculation.empty() && speculation != "none") throw NotExpressible{"speculative decoding is not modelled"};
  if (row.text("dp_attn") == "=gpus" || row.count_or("dp_attn", 1) > 1) {
    throw NotExpressible{"data-parallel attention is not modelled"};
  }
  if (row.count_or("ep", 1) > 1) throw NotExpressible{"expert parallelism is not modelled"};
  if (row.text("tp").empty()) throw NotExpressible{"the row does not say how the model is split"};
}

void set_load(const TableRow& row, bool trtllm, models::ServingConfig& config) {
  const std::string arrival = row.text("arrival");
  const bool at_once = arrival.find("inf") != std::string::npos || arrival.rfind("all at", 0) == 0;
  const bool waves = arrival.rfind("static batch", 0) == 0 || arrival == "batch 1";
  if (!at_once && !waves) throw NotExpressible{fmt::format("the arrivals are not told exactly ('{}')", arrival)};
  config.load.arrivals = "closed_loop";
  config.load.input.mean = static_cast<double>(row.count("isl"));
  config.load.output.mean = static_cast<double>(row.count("osl"));
  if (row.text("dataset").rfind("ShareGPT", 0) == 0) {
    for (models::LengthConfig* length : {&config.load.input, &config.load.output}) {
      length->distribution = "lognormal";
      length->cv = 1.0;
      length->most = 1024;
    }
  }
  config.load.concurrency = waves ? row.count("concurrency") : row.count("num_requests");
  config.load.requests = config.load.concurrency;
  config.max_model_len = std::max<std::int64_t>(row.count("isl") + row.count("osl"), 2048);
  if (waves) {
    config.max_num_seqs = config.load.concurrency;
    config.max_num_batched_tokens = std::max<std::int64_t>(config.load.concurrency * row.count("isl"), 2048);
  } else if (trtllm) {
    config.max_num_seqs = 2048;
    config.max_num_batched_tokens = std::max<std::int64_t>(8192, row.count("isl"));
    config.gpu_memory_utilization = 0.95;
  }
}

MeasuredRun result_of_row(const TableRow& row, const std::string& gpu) {
  const std::string printed = row.text("metric");
  const MetricForm* metric = find_metric(printed, &MetricForm::printed);
  if (metric == nullptr) throw NotExpressible{fmt::format("the metric {} is not one of a single run", printed)};
  const EngineForm& engine = engine_named(row.text("engine"));
  check_expressible(row);
  MeasuredRun run;
  run.line = row.line();
  run.id = row.text("id");
  run.group = fmt::format("{} ({})", row.text("family"), engine.group);
  run.metric = metric->name;
  run.value = row.between("value", 1e-12, 1e15) * metric->factor;
  models::ServingConfig& config = run.job.config;
  config.tensor_parallel = static_cast<int>(row.count("tp"));
  config.pipeline_parallel = static_cast<int>(row.count_or("pp", 1));
  set_load(row, engine.kernels == "trtllm", config);
  run.job.llm = model_of(row, config.max_model_len);
  const std::string_view node = node_named(row.text("gpu"));
  run.job.cluster = hardware::make_cluster(node, "single_node", 1);
  const std::string& own = run.job.cluster.groups[0].gpu.name;
  if (!gpu.empty() && own != gpu) throw NotExpressible{fmt::format("measured on {}, not {}", own, gpu)};
  config.weight_dtype = dtype_named(row.text("weight_dtype"), Dtype::bf16);
  if (config.weight_dtype == Dtype::fp16) config.dtype = Dtype::fp16;
  const bool quantised = config.weight_dtype == Dtype::fp8 || config.weight_dtype == Dtype::nvfp4;
  config.kv_cache_dtype = dtype_named(row.text("kv_dtype"), quantised ? Dtype::fp8 : config.dtype);
  config.static_activation_scales = config.weight_dtype == Dtype::fp8;
  config.kernels = kernels::parse_implementation(engine.kernels).value_or(kernels::Implementation::automatic);
  if (engine.kernels == "trtllm") config.engine = engine.kernels;  // whose memory is its own
  config.enable_prefix_caching = false;
  run.description = fmt::format("{} {} TP{} PP{} on {}, {} + {} tokens, {} at a time", row.text("model"),
                                name(config.weight_dtype), config.tensor_parallel, config.pipeline_parallel, own,
                                row.text("isl"), row.text("osl"), config.load.concurrency);
  const std::vector<models::JobError> errors = models::check(run.job);
  if (!errors.empty()) throw NotExpressible{errors.front().message};
  return run;
}

}  // namespace

ServingTable read_published(const CsvTable& table, const std::string& gpu) {
  ServingTable result;
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    const TableRow row(table, i);
    try {
      result.runs.push_back(result_of_row(row, gpu));
    } catch (const NotExpressible& problem) {
      const std::string id = row.text("id");
      result.skipped.push_back({row.line(), id.empty() ? fmt::format("line {}", row.line()) : id, problem.reason, id});
    }
  }
  return result;
}

std::optional<double> published_figure(const MeasuredRun& run, const ServingResult& result) {
  const MetricForm* metric = find_metric(run.metric, &MetricForm::name);
  if (metric == nullptr) return std::nullopt;
  const double gpus = static_cast<double>(run.job.config.tensor_parallel) * run.job.config.pipeline_parallel;
  return metric->predicted(result, gpus);
}

}  // namespace orrery::scenarios
