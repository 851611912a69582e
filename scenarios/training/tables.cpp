#include "scenarios/training/tables.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>

#include <fmt/format.h>

#include "hardware/catalogue/catalogue.hpp"
#include "hardware/config/config.hpp"
#include "hardware/config/shown.hpp"
#include "scenarios/table_model.hpp"
#include "scenarios/table_row.hpp"

namespace orrery::scenarios {

namespace {

using calibrate::CsvTable;
using hardware::ConfigError;

/// Megatron pads the vocabulary to a multiple of 128 · TP (megatron/tokenizer: _vocab_size_with_padding).
std::int64_t padded_vocabulary(std::int64_t vocab, std::int64_t tensor_parallel) {
  const std::int64_t multiple = 128 * tensor_parallel;
  return (vocab + multiple - 1) / multiple * multiple;
}

struct Machine {
  std::string_view node, fabric, gpu;
};

/// The machine that a table means by a GPU's name.
Machine machine_of(const std::string& gpu) {
  static const std::map<std::string, Machine, std::less<>> machines = {
      {"A100-80", {"dgx_a100", "rail_fat_tree_hdr", "a100_sxm"}},
      {"A100-40", {"dgx_a100_40gb", "rail_fat_tree_hdr", "a100_sxm_40gb"}},
      {"H100", {"dgx_h100", "rail_fat_tree_ndr", "h100_sxm"}},
      {"H200", {"hgx_h200", "rail_fat_tree_ndr", "h200_sxm"}},
      {"B200", {"hgx_b200", "rail_fat_tree_ndr", "b200_sxm"}},
      {"GB200", {"gb200_nvl72", "rail_fat_tree_ndr", "gb200"}},
  };
  const auto found = machines.find(gpu);
  if (found == machines.end()) throw NotExpressible{fmt::format("there is no node profile for the GPU {}", gpu)};
  return found->second;
}

hardware::Cluster cluster_for(const Machine& machine, const std::string& gpu, std::int64_t gpus) {
  const std::string name = gpu.empty() ? std::string(machine.gpu) : gpu;
  const std::int64_t per_node = hardware::load_node(machine.node).gpus;
  const std::int64_t nodes = (gpus + per_node - 1) / per_node;
  try {
    return hardware::make_cluster(machine.node, nodes > 1 ? machine.fabric : std::string_view("single_node"),
                                  static_cast<int>(nodes), name);
  } catch (const ConfigError& error) {
    throw NotExpressible{error.what()};
  }
}

models::TrainingConfig common_config(const TableRow& row) {
  models::TrainingConfig config;
  config.sequence_length = row.count("seq");
  config.global_batch_size = row.count("gbs");
  config.micro_batch_size = row.count("mbs");
  config.tensor_parallel = static_cast<int>(row.count("tp"));
  config.pipeline_parallel = static_cast<int>(row.count("pp"));
  config.data_parallel = static_cast<int>(row.count("dp"));
  return config;
}

/// Megatron before FlashAttention: scores through HBM, dropout 0.1.
void set_unfused(models::TrainingConfig& config) {
  config.attention = models::AttentionImplementation::unfused;
  config.dropout = 0.1;
}

MeasuredStep vtrain_step(const TableRow& row, const std::string& group, const std::string& gpu) {
  MeasuredStep step;
  step.line = row.line();
  step.group = group;
  models::TrainingConfig config = common_config(row);
  const std::int64_t hidden = row.count("hidden");
  step.job.llm = table_decoder(row, padded_vocabulary(50257, config.tensor_parallel), 4 * hidden, row.count("heads"),
                               false, config.sequence_length);
  step.job.cluster = cluster_for(machine_of("A100-80"), gpu, row.count("gpus"));
  // vTrain's own description of its cluster: 800 Gb/s per node, half of a DGX A100 (data README, training/).
  if (step.job.cluster.node_count() > 1) step.job.cluster.groups[0].node.nics = 4;
  config.precision = Dtype::fp16;
  config.recompute = models::Recompute::full;
  config.overlap_gradient_reduce = false;
  // What this framework's host needs per operation, read off every tenth row of the single-node table (models/
  // training/pricing.hpp): an input of the job, as batch and model are, and the same for every row.
  config.host_overhead = Seconds{70e-6};
  set_unfused(config);
  step.value = row.number("step_time_ms").value_or(0.0) * 1e-3;
  if (step.value <= 0.0) throw NotExpressible{"step_time_ms is not a positive number"};
  step.description = fmt::format("{} layers x {}, {} GPUs, TP {} PP {} DP {}, batch {} / {}", step.job.llm.layers,
                                 hidden, row.count("gpus"), config.tensor_parallel, config.pipeline_parallel,
                                 config.data_parallel, config.global_batch_size, config.micro_batch_size);
  step.job.config = config;
  return step;
}

void read_published_precision(const TableRow& row, models::TrainingConfig& config) {
  const std::string precision = row.text("precision");
  if (precision == "fp16") {
    config.precision = Dtype::fp16;
  } else if (precision == "bf16" || precision == "BF16" || precision == "amp_bf16") {
    config.precision = Dtype::bf16;
  } else {
    throw NotExpressible{fmt::format("precision {} is not modelled", precision)};
  }
}

void read_published_sharding(const TableRow& row, models::TrainingConfig& config) {
  const std::string schedule = row.text("schedule");
  if (schedule == "1F1B-interleaved" || schedule == "1F1B-I") {
    config.virtual_pipeline = static_cast<int>(row.count("vpp"));
    config.schedule = config.virtual_pipeline > 1 ? "interleaved_1f1b" : "1f1b";
  } else if (schedule != "none" && schedule != "1F1B" && schedule != "DDP ZeRO-1" && !schedule.empty()) {
    throw NotExpressible{fmt::format("schedule {} is not modelled", schedule)};
  }
  const std::int64_t zero = row.count_or("zero", 0);
  if (zero > 1) throw NotExpressible{fmt::format("ZeRO stage {} is not modelled", zero)};
  config.zero = zero == 1 ? models::ZeroStage::optimizer : models::ZeroStage::none;
  if (row.count_or("cp", 1) != 1) throw NotExpressible{"context parallelism is not modelled"};
  if (row.count_or("ep", 1) != 1) throw NotExpressible{"expert parallelism is not modelled"};
  if (!row.text("experts").empty())
    throw NotExpressible{"the row of a mixture of experts says too little of its layers"};
}

void read_published_recompute(const TableRow& row, models::TrainingConfig& config) {
  const std::string recompute = row.text("recompute");
  if (recompute == "full") {
    config.recompute = models::Recompute::full;
  } else if (recompute == "selective" || recompute == "selective+SP") {
    config.recompute = models::Recompute::selective;
    config.sequence_parallel = recompute == "selective+SP";
  } else if (recompute != "none" && !recompute.empty()) {
    throw NotExpressible{fmt::format("recompute {} is not modelled", recompute)};
  }
}

MeasuredStep published_step(const TableRow& row, const std::string& gpu) {
  static constexpr std::array<std::string_view, 7> kMetrics = {
      "step_time", "tokens_per_s_per_gpu", "samples_per_s",       "samples_per_s_per_gpu",
      "mfu",       "hw_tflops_per_gpu",    "model_tflops_per_gpu"};
  MeasuredStep step;
  step.line = row.line();
  step.group = row.text("family");
  step.description =
      fmt::format("{}: {} on {} x {}", row.text("id"), row.text("model"), row.text("gpus"), row.text("gpu"));
  step.metric = row.text("metric");
  if (std::find(kMetrics.begin(), kMetrics.end(), step.metric) == kMetrics.end()) {
    throw NotExpressible{fmt::format("metric {} is no speed", step.metric)};
  }
  step.value = row.number("value").value_or(0.0);
  if (step.value <= 0.0) throw NotExpressible{"the value is not a positive number"};
  const bool gated = row.count_or("gated_mlp", 0) == 1;
  models::TrainingConfig config;
  read_published_precision(row, config);
  const Dtype precision = config.precision;
  config = common_config(row);
  config.precision = precision;
  read_published_sharding(row, config);
  read_published_recompute(row, config);
  // Megatron's papers up to 2022 ran without FlashAttention.
  const bool early = step.group.rfind("megatron-", 0) == 0 || step.group.rfind("korthikanti", 0) == 0;
  if (early) set_unfused(config);
  if (step.group == "llm.c") {
    // Its classifier is one kernel, and gradients stay in bf16 (train_gpt2.cu: fused_classifier, grads_memory).
    config.fused_cross_entropy = true;
    config.gradient_dtype = Dtype::bf16;
  }
  step.job.llm = table_decoder(row, row.count("vocab"), row.count("ffn"),
                               row.text("kv_heads").empty() ? row.count("heads") : row.count("kv_heads"), gated,
                               config.sequence_length);
  step.job.cluster = cluster_for(machine_of(row.text("gpu")), gpu, row.count("gpus"));
  step.job.config = config;
  return step;
}

}  // namespace

TrainingTable read_training_table(const std::string& path, const std::string& gpu) {
  const CsvTable table = calibrate::read_csv(path);
  const bool vtrain = table.column("step_time_ms") >= 0 && table.column("tp") >= 0;
  const bool published = table.column("metric") >= 0 && table.column("value") >= 0 && table.column("recompute") >= 0;
  if (!vtrain && !published) {
    throw ConfigError(
        fmt::format("{}: neither a table of iteration times (… tp, dp, pp, step_time_ms) nor one of "
                    "published training results (… recompute, metric, value)",
                    hardware::quoted_path(path)));
  }
  const std::string group = std::filesystem::path(path).stem().string();
  TrainingTable result;
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    const TableRow row(table, i);
    const auto skip = [&](const std::string& reason) {
      const std::string id = row.text("id");
      result.skipped.push_back({row.line(), id.empty() ? fmt::format("line {}", row.line()) : id, reason, id});
    };
    try {
      MeasuredStep step = vtrain ? vtrain_step(row, group, gpu) : published_step(row, gpu);
      step.id = row.text("id");
      const std::vector<models::JobError> errors = models::check(step.job);
      if (errors.empty()) {
        result.steps.push_back(std::move(step));
      } else {
        skip(errors.front().message);
      }
    } catch (const NotExpressible& problem) {
      skip(problem.reason);
    }
  }
  return result;
}

std::optional<Seconds> implied_step_time(const MeasuredStep& step, const models::TrainingResult& result) {
  // A rate and the step time are inversely proportional, so measured = predicted · rate_predicted / rate_measured.
  const models::TrainingConfig& config = step.job.config;
  const double gpus =
      static_cast<double>(config.tensor_parallel) * config.pipeline_parallel * models::data_parallel_degree(step.job);
  const double samples = static_cast<double>(config.global_batch_size);
  const double tokens = samples * static_cast<double>(config.sequence_length);
  if (step.metric == "step_time") return Seconds{step.value};
  if (step.metric == "tokens_per_s_per_gpu") return Seconds{tokens / gpus / step.value};
  if (step.metric == "samples_per_s") return Seconds{samples / step.value};
  if (step.metric == "samples_per_s_per_gpu") return Seconds{samples / gpus / step.value};
  if (step.metric == "mfu") return result.step_time * (result.mfu / (step.value / 100.0));
  if (step.metric == "hw_tflops_per_gpu") {
    return result.step_time * (result.hardware_flops_per_gpu.value() / (step.value * 1e12));
  }
  if (step.metric == "model_tflops_per_gpu") {
    return result.step_time * (result.model_flops_per_gpu.value() / (step.value * 1e12));
  }
  return std::nullopt;
}

}  // namespace orrery::scenarios
