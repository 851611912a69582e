// Tables of serving benchmarks: a closed loop of `concurrency` clients a row, and its mean TTFT and TPOT.
//
// What the table doesn't say is taken from how the runs were made, which their source tells:
// - "system/backend/version/model.csv": ai-dynamo/aiconfigurator's own (src/aiconfigurator/eval/benchmarks,
//   genai_perf_runner.py and bench_serving_runner.py): prompts and answers of fixed length, 10 requests per client.
// - all other sources: InferenceMAX (SemiAnalysisAI/InferenceX, .github/workflows/benchmark-tmpl.yml and
//   benchmarks/70b_fp8_{h100_docker,h200_slurm,h200_trt_slurm}.sh): lengths uniform in [0.8, 1] of the nominal ones
//   (RANDOM_RANGE_RATIO), 10 requests per client, no prefix caching, max_num_seqs = clients in vLLM,
//   --kv-cache-dtype fp8 except in vLLM on H100.
// Random prompts share nothing, so prefix caching is off in either case.

#include <algorithm>
#include <charconv>
#include <map>

#include <fmt/format.h>

#include "hardware/catalogue/catalogue.hpp"
#include "hardware/config/config.hpp"
#include "models/architectures/hf_config.hpp"
#include "scenarios/serving/tables.hpp"
#include "scenarios/table_row.hpp"

namespace orrery::scenarios {

namespace {

using calibrate::CsvTable;

constexpr double kLongestTime = 1e9;  // ms

/// The node of a system; systems are named as the GPU profiles are.
std::string_view node_of_system(const std::string& system) {
  static const std::map<std::string, std::string_view, std::less<>> nodes = {
      {"a100_sxm", "dgx_a100"}, {"b200_sxm", "hgx_b200"}, {"gb200", "gb200_nvl72"},
      {"h100_sxm", "dgx_h100"}, {"h200_sxm", "hgx_h200"},
  };
  const auto found = nodes.find(system);
  if (found == nodes.end()) throw NotExpressible{fmt::format("there is no node profile for {}", system)};
  return found->second;
}

bool remove_suffix(std::string& name, std::string_view suffix) {
  if (name.size() < suffix.size() || name.compare(name.size() - suffix.size(), suffix.size(), suffix) != 0) {
    return false;
  }
  name.resize(name.size() - suffix.size());
  return true;
}

/// The library's name of a checkpoint: without owner, precision and fine-tuning, which change no shape.
std::string library_name(const std::string& path) {
  std::string name;
  for (const char c : path.substr(path.rfind('/') + 1)) {
    name += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  while (remove_suffix(name, "-fp8") || remove_suffix(name, "-nvfp4") || remove_suffix(name, "-instruct")) {
  }
  // Same config.json but for the training of its weights.
  if (name == "deepseek-r1" || name == "deepseek-v3.1") name = "deepseek-v3";
  return name;
}

/// Profiles and models, read once for all rows.
class Catalogue {
 public:
  const hardware::Cluster& cluster(const std::string& system) {
    auto found = clusters_.find(system);
    if (found == clusters_.end()) {
      found = clusters_.emplace(system, hardware::make_cluster(node_of_system(system), "single_node", 1, system)).first;
    }
    return found->second;
  }

  const models::Llm& model(const std::string& path) {
    const std::string name = library_name(path);
    if (std::find(names_.begin(), names_.end(), name) == names_.end()) {
      throw NotExpressible{fmt::format("the library has no model {}", path)};
    }
    auto found = models_.find(name);
    if (found == models_.end()) found = models_.emplace(name, models::load_model(name)).first;
    return found->second;
  }

 private:
  std::vector<std::string> names_ = models::model_names();
  std::map<std::string, hardware::Cluster> clusters_;
  std::map<std::string, models::Llm> models_;
};

/// Of the linear layers. Blank stands for the checkpoint's own bf16: Qwen3-32B on one H100 (SGLang, 16 clients)
/// queues for KV blocks as 65 GB of weights make it, and on two takes 16 ms a token, as no 8-bit run of it does.
Dtype weight_dtype(const TableRow& row, const models::Llm& llm) {
  const std::string mode = row.text("gemm_quant_mode").empty() ? row.text("precision") : row.text("gemm_quant_mode");
  // DeepSeek-V3's 8-bit checkpoint has block scales, whatever an engine calls it (its config.json, weight_block_size).
  if (mode == "fp8") return llm.name == "deepseek-v3" ? Dtype::fp8_block : Dtype::fp8;
  if (mode == "fp8_block") return Dtype::fp8_block;
  if (mode == "nvfp4") return Dtype::nvfp4;
  if (mode == "int4_wo") return Dtype::int4;
  if (mode.empty() || mode == "bf16") return Dtype::bf16;
  throw NotExpressible{fmt::format("precision {} is not modelled", mode)};
}

/// InferenceMAX's scripts, see above. TensorRT-LLM's quantised runs keep an 8-bit cache: 128 clients of Qwen3-32B with
/// 4,608 tokens each would not fit two H100 otherwise, and their TTFT shows no queue.
Dtype kv_dtype(const std::string& backend, const std::string& system, bool inference_max, Dtype weights) {
  if (weights == Dtype::bf16) return Dtype::bf16;
  if (backend == "trtllm") return Dtype::fp8;
  return backend == "vllm" && inference_max && system != "h100_sxm" ? Dtype::fp8 : Dtype::bf16;
}

/// NVIDIA's ModelOpt checkpoints carry constant input scales (their hf_quant_config.json; from memory). InferenceMAX
/// serves Llama 70B as nvidia/Llama-3.3-70B-Instruct-FP8 on every engine. Other owners' checkpoints and bf16 ones
/// quantised on loading look for the largest activation.
bool scales_statically(const std::string& model, bool inference_max, Dtype weights) {
  const bool nvidia = model.rfind("nvidia/", 0) == 0 || (inference_max && model.rfind("meta-llama/", 0) == 0);
  return nvidia && weights == Dtype::fp8;
}

kernels::Implementation kernels_of(const std::string& backend) {
  const std::optional<kernels::Implementation> kernels = kernels::parse_implementation(backend);
  if (!kernels) throw NotExpressible{fmt::format("backend {} is not modelled", backend)};
  return *kernels;
}

void check_parallelism(const TableRow& row) {
  if (row.count_or("attention_dp_size", 1) > 1) throw NotExpressible{"data-parallel attention is not modelled"};
  if (row.count_or("moe_ep_size", 1) > 1) throw NotExpressible{"expert parallelism is not modelled"};
}

models::LengthConfig length(std::int64_t tokens, bool inference_max) {
  models::LengthConfig config;
  if (inference_max) {
    config.distribution = "uniform";
    config.least = std::max<std::int64_t>(1, tokens * 8 / 10);
    config.most = tokens;
  } else {
    config.mean = static_cast<double>(tokens);
  }
  return config;
}

/// vLLM schedules asynchronously by default since 0.14.0 (its release notes, PR 27614); InferenceMAX's scripts ask for
/// it.
bool schedules_asynchronously(const TableRow& row, bool inference_max) {
  const std::string version = row.text("backend_version");
  int minor = 0;
  if (inference_max || row.text("backend") != "vllm" || version.rfind("0.", 0) != 0) return true;
  std::from_chars(version.data() + 2, version.data() + version.size(), minor);
  return minor >= 14;
}

/// TensorRT-LLM's budget of a step, without chunked prefill: what aiconfigurator's generator writes
/// (src/aiconfigurator/ generators: max_num_tokens = bs + isl + 1500), 16,384 in InferenceMAX's scripts.
void set_trtllm_budget(const TableRow& row, bool inference_max, models::ServingConfig& config) {
  const std::int64_t batch = row.count_or("batch_size", config.load.concurrency);
  config.max_num_batched_tokens = inference_max ? 16384 : batch + row.count("isl") + 1500;
  config.enable_chunked_prefill = config.max_num_batched_tokens < config.max_model_len;
}

MeasuredRun benchmark(const TableRow& row, const std::string& gpu, Catalogue& catalogue) {
  if (row.text("mode") != "agg") throw NotExpressible{fmt::format("mode {} is not modelled", row.text("mode"))};
  const std::string backend = row.text("backend"), system = row.text("system");
  if (!gpu.empty() && system != gpu) throw NotExpressible{fmt::format("measured on {}, not {}", system, gpu)};
  check_parallelism(row);
  const bool inference_max = row.text("source").find('/') == std::string::npos;
  const std::int64_t clients = row.count("concurrency");
  MeasuredRun run;
  run.line = row.line();
  run.id = row.text("id");
  run.group = fmt::format("{} {}", backend, system);
  run.ttft = Seconds{row.between("silicon_ttft_ms", 0.0, kLongestTime) * 1e-3};
  run.tpot = Seconds{row.between("silicon_tpot_ms", 0.0, kLongestTime) * 1e-3};
  if (run.ttft <= Seconds{} || run.tpot <= Seconds{}) throw NotExpressible{"a measured time is zero"};
  run.job.cluster = catalogue.cluster(system);
  run.job.llm = catalogue.model(row.text("model_path"));
  models::ServingConfig& config = run.job.config;
  config.tensor_parallel = static_cast<int>(row.count("tp_size"));
  config.pipeline_parallel = static_cast<int>(row.count("pp_size"));
  config.weight_dtype = weight_dtype(row, run.job.llm);
  config.kv_cache_dtype = kv_dtype(backend, system, inference_max, config.weight_dtype);
  config.static_activation_scales = scales_statically(row.text("model_path"), inference_max, config.weight_dtype);
  config.kernels = kernels_of(backend);
  if (backend == "trtllm") config.engine = backend;  // whose memory is its own
  config.enable_prefix_caching = false;
  config.async_scheduling = schedules_asynchronously(row, inference_max);
  config.max_model_len = row.count("isl") + row.count("osl");
  if (backend == "vllm" && inference_max) config.max_num_seqs = clients;
  if (clients > 1024) config.max_num_seqs = clients;
  config.load.arrivals = "closed_loop";
  config.load.concurrency = clients;
  config.load.requests = 10 * clients;
  config.load.input = length(row.count("isl"), inference_max);
  config.load.output = length(row.count("osl"), inference_max);
  if (backend == "trtllm") set_trtllm_budget(row, inference_max, config);
  run.description =
      fmt::format("{} {} TP{} {}, {} + {} tokens, {} clients", row.text("model_path"), name(config.weight_dtype),
                  config.tensor_parallel, row.text("backend_version"), row.text("isl"), row.text("osl"), clients);
  const std::vector<models::JobError> errors = models::check(run.job);
  if (!errors.empty()) throw NotExpressible{errors.front().message};
  return run;
}

}  // namespace

ServingTable read_benchmarks(const CsvTable& table, const std::string& gpu) {
  ServingTable result;
  Catalogue catalogue;
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    const TableRow row(table, i);
    try {
      result.runs.push_back(benchmark(row, gpu, catalogue));
    } catch (const NotExpressible& problem) {
      const std::string id = row.text("id");
      result.skipped.push_back({row.line(), id.empty() ? fmt::format("line {}", row.line()) : id, problem.reason, id});
    }
  }
  return result;
}

}  // namespace orrery::scenarios
