// A run that somebody made fits: every benchmark of the measured table is a test of the memory verdict.
//
// Runs that can't be timed yet are here, too: of disaggregated ones both kinds of engines, with expert parallelism
// (which holds as many bytes on a GPU as tensor parallelism of the same width), on models of the public configs and on
// GPUs without measured kernels. What is left out is data-parallel attention, which holds whole copies of it.
#include <cctype>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "hardware/catalogue/catalogue.hpp"
#include "models/architectures/hf_config.hpp"
#include "models/serving/kv_pool.hpp"
#include "scenarios/table_row.hpp"
#include "tests/scenarios/fixture.hpp"

namespace orrery::scenarios {
namespace {

namespace fs = std::filesystem;

/// gpt-oss-120b: the layers of gpt-oss-20b, more of them, with four times the experts (its config.json).
std::string larger_gpt_oss(const std::string& small) {
  nlohmann::json config = nlohmann::json::parse(small);
  config["num_hidden_layers"] = 36;
  config["num_local_experts"] = 128;
  config["layer_types"] = nlohmann::json::array();
  for (int i = 0; i < 36; ++i) config["layer_types"].push_back(i % 2 == 0 ? "sliding_attention" : "full_attention");
  return config.dump();
}

class Models {
 public:
  /// nullptr: neither among the public configs nor in the library.
  const models::Llm* find(const std::string& path) {
    const auto known = models_.find(path);
    if (known != models_.end()) return known->second ? &*known->second : nullptr;
    std::optional<models::Llm>& model = models_[path];
    try {
      model = load(path);
    } catch (const hardware::ConfigError&) {
    }
    return model ? &*model : nullptr;
  }

 private:
  static models::Llm load(const std::string& path) {
    const fs::path folder = calibrate::data_folder() / "models";
    if (path == "openai/gpt-oss-120b") {
      const std::string text = testing::read_file(folder / "openai--gpt-oss-20b" / "config.json");
      return models::read_hf_config(larger_gpt_oss(text), "gpt-oss-120b.json");
    }
    // GLM-5 has the sizes of GLM-5.2, DeepSeek-R1 those of V3, Qwen3.5-397B is there as NVIDIA quantised it.
    static const std::map<std::string, std::string> alike = {
        {"zhipuai/GLM-5", "zai-org--GLM-5.2"},
        {"deepseek-ai/DeepSeek-R1", "deepseek-ai--DeepSeek-V3"},
        {"nvidia/DeepSeek-R1-NVFP4", "nvidia--DeepSeek-V3.1-NVFP4"},
        {"Qwen/Qwen3.5-397B-A17B", "nvidia--Qwen3.5-397B-A17B-NVFP4"},
        {"nvidia/Qwen3-32B-NVFP4", "Qwen--Qwen3-32B"},
        {"meta-llama/Llama-3.1-8B-Instruct", "meta-llama--Meta-Llama-3.1-8B"},
        {"nvidia/Llama-3.1-8B-Instruct-FP8", "meta-llama--Meta-Llama-3.1-8B"},
        {"meta-llama/Llama-3.1-70B", "meta-llama--Meta-Llama-3.1-70B"},
    };
    const auto other = alike.find(path);
    std::string name = other == alike.end() ? path : other->second;
    if (const std::size_t slash = name.find('/'); slash != std::string::npos) name.replace(slash, 1, "--");
    return models::load_model((folder / name).string());
  }

  std::map<std::string, std::optional<models::Llm>> models_;
};

const hardware::Cluster& cluster_of(const std::string& system) {
  static std::map<std::string, hardware::Cluster> clusters;
  static const std::map<std::string, std::string> nodes = {
      {"a100_sxm", "dgx_a100"}, {"b200_sxm", "hgx_b200"}, {"b300_sxm", "hgx_b300"}, {"gb200", "gb200_nvl72"},
      {"h100_sxm", "dgx_h100"}, {"gb300", "gb300_nvl72"}, {"h200_sxm", "hgx_h200"},
  };
  const auto node = nodes.find(system);
  if (node == nodes.end()) throw NotExpressible{fmt::format("no node with {}", system)};
  const auto found = clusters.find(system);
  if (found != clusters.end()) return found->second;
  return clusters.emplace(system, hardware::make_cluster(node->second, "rail_fat_tree_ndr", 8, system)).first->second;
}

Dtype weights_of(const TableRow& row, const models::Llm& llm) {
  std::string mode = row.text("moe_quant_mode");
  if (mode.empty()) mode = row.text("gemm_quant_mode").empty() ? row.text("precision") : row.text("gemm_quant_mode");
  if (mode == "fp8" || mode == "fp8_block") return llm.dtype == Dtype::fp8_block ? Dtype::fp8_block : Dtype::fp8;
  if (mode == "nvfp4" || mode == "fp4") return llm.dtype == Dtype::int4 ? Dtype::int4 : Dtype::nvfp4;
  if (mode == "int4_wo" || mode == "int4") return Dtype::int4;
  if (mode.empty() || mode == "bf16") return Dtype::bf16;
  throw NotExpressible{fmt::format("precision {}", mode)};
}

/// Rows of disaggregated runs with a 1 for every width and no number of engines, for models that no GPU holds.
bool says_no_split(const TableRow& row, const std::string& prefix) {
  if (prefix.empty() || !row.text(prefix + "num_workers").empty()) return false;
  for (const char* width : {"tp_size", "pp_size", "attention_dp_size", "moe_tp_size", "moe_ep_size"}) {
    if (row.text(prefix + width) != "1") return false;
  }
  return true;
}

/// One engine of the row: `prefix` is "", "prefill_" or "decode_".
models::ServingJob engine_of_row(const TableRow& row, const std::string& prefix, Models& models) {
  const models::Llm* llm = models.find(row.text("model_path"));
  if (llm == nullptr) throw NotExpressible{"no config of " + row.text("model_path")};
  if (row.count_or(prefix + "attention_dp_size", 1) > 1) throw NotExpressible{"data-parallel attention"};
  if (says_no_split(row, prefix)) throw NotExpressible{"the split is not told"};
  models::ServingJob job;
  job.llm = *llm;
  job.cluster = cluster_of(row.text("system"));
  models::ServingConfig& config = job.config;
  config.tensor_parallel = static_cast<int>(row.count(prefix + "tp_size"));
  config.pipeline_parallel = static_cast<int>(std::max<std::int64_t>(1, row.count_or(prefix + "pp_size", 1)));
  config.weight_dtype = weights_of(row, *llm);
  const std::string backend = row.text("backend");
  if (backend == "trtllm" || backend == "sglang") config.engine = backend;
  const bool narrow = models::is_quantised(config.weight_dtype) && backend == "trtllm";
  config.kv_cache_dtype = narrow ? Dtype::fp8 : Dtype::bf16;
  config.max_model_len = row.count("isl") + row.count("osl");
  const std::int64_t batch = row.count_or(prefix.empty() ? "concurrency" : prefix + "batch_size", 0);
  if (batch > 0) config.max_num_seqs = batch;
  config.load.arrivals = "burst";
  config.load.requests = 1;
  config.load.input.mean = 1.0;
  config.load.output.mean = 1.0;
  const std::vector<models::JobError> errors = models::check(job);
  if (!errors.empty()) throw NotExpressible{errors.front().message};
  return job;
}

bool starts(models::ServingJob job) {
  job.config = models::resolve(job);
  const models::KvPool pool = models::size_kv_pool(job);
  return pool.blocks > 0 && pool.longest_blocks() <= pool.blocks;
}

struct Verdicts {
  std::size_t engines = 0, rows = 0;
  std::vector<std::string> refused;
};

Verdicts verdicts(const calibrate::CsvTable& table) {
  Models models;
  Verdicts all;
  std::map<std::string, bool> known;  // benchmarks repeat one deployment under many loads
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    const TableRow row(table, i);
    const bool whole = row.text("mode") == "agg";
    std::size_t engines = 0;
    for (const std::string& prefix :
         whole ? std::vector<std::string>{""} : std::vector<std::string>{"prefill_", "decode_"}) {
      try {
        const models::ServingJob job = engine_of_row(row, prefix, models);
        const models::ServingConfig& c = job.config;
        const std::string description = fmt::format(
            "{} {} on {} TP{} PP{} by {}, {} tokens, {} sequences", row.text("model_path"), name(c.weight_dtype),
            row.text("system"), c.tensor_parallel, c.pipeline_parallel, c.engine, c.max_model_len, c.max_num_seqs);
        const auto [found, is_new] = known.try_emplace(description, false);
        if (is_new) found->second = starts(job);
        if (!found->second) all.refused.push_back(description);
        ++engines;
      } catch (const NotExpressible&) {
      }
    }
    all.engines += engines;
    all.rows += engines > 0 ? 1 : 0;
  }
  return all;
}

TEST(MemoryVerdictRows, AreNotRefusedWhereSomebodyRanThem) {
  const fs::path folder = calibrate::data_folder();
  if (folder.empty()) GTEST_SKIP() << "ORRERY_DATA is not set: no measured runs";
  const Verdicts all = verdicts(calibrate::read_csv(folder / "serving" / "silicon_serving.csv.gz"));
  EXPECT_GT(all.rows, 2300U);
  std::string refused;
  for (const std::string& description : all.refused) refused += "\n  " + description;
  EXPECT_LE(static_cast<double>(all.refused.size()), 0.01 * static_cast<double>(all.engines))
      << all.refused.size() << " of " << all.engines << " engines are refused:" << refused;
}

}  // namespace
}  // namespace orrery::scenarios
