// Every row of every table is run: not named somewhere, but used by a prediction that says so.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "hardware/catalogue/catalogue.hpp"
#include "kernels/family.hpp"
#include "kernels/kernel.hpp"
#include "models/architectures/architectures.hpp"
#include "models/communication/communication.hpp"
#include "models/experts/exchange.hpp"
#include "models/parallel/tensor_modes.hpp"
#include "models/schedule/schedule.hpp"
#include "models/serving/routers/router.hpp"
#include "models/serving/schedulers/scheduler.hpp"
#include "models/serving/workload/workload.hpp"
#include "scenarios/explanation.hpp"
#include "scenarios/kinds.hpp"
#include "scenarios/metrics.hpp"
#include "scenarios/report.hpp"
#include "scenarios/training/job.hpp"
#include "sim/collective/collective.hpp"
#include "sim/collective/collectives.hpp"
#include "sim/collective/libraries.hpp"
#include "tests/models/more_family_configs.hpp"
#include "tests/scenarios/row_scenarios.hpp"

namespace orrery {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using scenarios::Report;
using sim::CollectiveKind;
namespace rows = scenarios::testing;

Report run(const std::string& text) {
  try {
    return scenarios::run_scenario(scenarios::parse_scenario(text, rows::row_scenario_file()), {true, false});
  } catch (const std::exception& error) {
    ADD_FAILURE() << error.what() << "\nin\n" << text;
    return {};
  }
}

json resolved(const Report& report) { return json::parse(scenarios::to_json({report}))["scenario"]; }

/// What `orrery explain` prices, of the only job.
json explained(const Report& report) {
  nlohmann::ordered_json out;
  if (!report.results.empty()) scenarios::Explanation(report).jobs().at(0)->write_json(out);
  return json::parse(out.dump());
}

/// Whether some object in the tree has that text under that key, or one that begins so.
bool mentions(const json& tree, const std::string& key, const std::string& begin) {
  for (const auto& item : tree.items()) {
    if (item.value().is_structured() && mentions(item.value(), key, begin)) return true;
    const bool is_key = tree.is_object() && item.key() == key && item.value().is_string();
    if (is_key && item.value().get<std::string>().rfind(begin, 0) == 0) return true;
  }
  return false;
}

/// All requests that came were answered.
void expect_served(const Report& report, std::string_view row) {
  EXPECT_GT(report.metric("serving.requests"), 0.0) << row;
  EXPECT_GT(report.metric("serving.output_tokens_per_s"), 0.0) << row;
}

TEST(RowsRun, EveryPipelineSchedule) {
  for (const models::ScheduleRow& row : models::schedules()) {
    const Report report = run(rows::training_with_schedule(row.name));
    EXPECT_EQ(resolved(report)["training"]["schedule"], row.name);
    EXPECT_GT(report.metric("training.bubble_fraction"), 0.0) << row.name;
  }
}

TEST(RowsRun, EveryExpertExchange) {
  for (const models::ExchangeRow& row : models::expert_exchanges()) {
    const Report report = run(rows::training_with_exchange(row.name));
    EXPECT_EQ(resolved(report)["training"]["expert_exchange"], row.name);
    EXPECT_GT(report.metric("training.communication_s"), 0.0) << row.name;
    if (row.is_of_nccl) continue;
    EXPECT_TRUE(mentions(explained(report), "algorithm", std::string(row.name))) << row.name;
  }
}

/// Whether tensor-parallel ranks of the plan exchange in that way.
bool sends(const Report& report, CollectiveKind kind) {
  const std::vector<sim::CollectiveEntry>& all = scenarios::find_training(report)->plan->collectives;
  return std::any_of(all.begin(), all.end(), [&](const sim::CollectiveEntry& entry) {
    return entry.kind == kind && entry.activity == sim::Activity::tensor_parallel;
  });
}

/// What a rank has of the activations is less than in a line, and what it sends is of the mode's kinds.
TEST(RowsRun, EveryModeOfTensorParallelism) {
  const double line = run(rows::training_with_tensor_mode("1d")).metric("memory.activations_bytes");
  for (const models::TensorModeRow& row : models::tensor_parallel_modes()) {
    const Report report = run(rows::training_with_tensor_mode(row.name));
    EXPECT_GT(report.metric("training.exposed_communication_s"), 0.0) << row.name;
    if (row.name == "1d") continue;
    EXPECT_EQ(resolved(report)["training"]["tensor_parallel_mode"], row.name);
    EXPECT_LT(report.metric("memory.activations_bytes"), line) << row.name;
    EXPECT_TRUE(sends(report, row.has_steps ? CollectiveKind::broadcast : CollectiveKind::all_gather)) << row.name;
    EXPECT_TRUE(sends(report, row.has_steps ? CollectiveKind::reduce : CollectiveKind::reduce_scatter)) << row.name;
  }
}

TEST(RowsRun, EveryScheduler) {
  for (const models::SchedulerRow& row : models::schedulers()) {
    const Report report = run(rows::serving_with("rate: 8, requests: 24, input: 64, output: 8",
                                                 "scheduler: " + std::string(row.name) + ", "));
    EXPECT_EQ(resolved(report)["serving"]["scheduler"], row.name);
    expect_served(report, row.name);
  }
}

TEST(RowsRun, EveryRouterHasAChoice) {
  for (const models::RouterRow& row : models::routers()) {
    const Report report = run(rows::serving_with("rate: 8, requests: 24, input: 64, output: 8",
                                                 "replicas: 3, router: " + std::string(row.name) + ", "));
    EXPECT_EQ(resolved(report)["serving"]["router"], row.name);
    expect_served(report, row.name);
  }
}

TEST(RowsRun, EveryKindOfArrivals) {
  for (const auto& row : models::arrival_processes()) {
    const Report report = run(rows::serving_with_arrivals(row.name));
    EXPECT_EQ(resolved(report)["serving"]["load"]["arrivals"], row.name);
    expect_served(report, row.name);
  }
}

TEST(RowsRun, EveryDistributionOfLengths) {
  for (const auto& row : models::length_distributions()) {
    const Report report = run(rows::serving_with_lengths(row.name));
    EXPECT_EQ(resolved(report)["serving"]["load"]["input"]["distribution"], row.name);
    expect_served(report, row.name);
  }
}

TEST(RowsRun, EveryTraceFormat) {
  for (const auto& row : models::trace_formats()) {
    const Report report = run(rows::serving_with_trace(row.name));
    EXPECT_EQ(resolved(report)["serving"]["load"]["trace_format"], row.name);
    expect_served(report, row.name);
  }
}

TEST(RowsRun, EveryTimer) {
  for (const kernels::TimerRow& row : kernels::timers()) {
    const Report report = run("timer: " + std::string(row.name) + "\n" + rows::training_with_schedule("1f1b"));
    EXPECT_EQ(resolved(report)["timer"], row.name);
    EXPECT_GT(report.metric("training.step_time_s"), 0.0) << row.name;
  }
}

/// Kinds of collective that a training step of this version calls.
constexpr sim::CollectiveKind kOfTraining[] = {sim::CollectiveKind::all_reduce, sim::CollectiveKind::all_gather,
                                               sim::CollectiveKind::reduce_scatter};

TEST(RowsRun, EveryCollectiveAlgorithm) {
  for (const sim::CollectiveRow& row : sim::collective_algorithms()) {
    const auto offered = [&](sim::CollectiveKind kind) { return sim::nccl_offers(row, kind); };
    if (sim::other_library(row) != nullptr || std::any_of(std::begin(kOfTraining), std::end(kOfTraining), offered)) {
      bool used = false;
      for (const int nodes : {1, 4}) {
        const Report report = run(rows::training_with_collective(row.name, nodes));
        EXPECT_EQ(resolved(report)["cluster"]["collective_algorithm"], row.name);
        used = used || mentions(explained(report), "algorithm", std::string(row.name));
      }
      EXPECT_TRUE(used) << "no collective of the step is a " << row.name;
      continue;
    }
    // No plan calls it yet: its price is asked for.
    hardware::Cluster cluster;
    cluster.groups.resize(1);
    cluster.groups[0].node = hardware::load_node("dgx_h100");
    cluster.groups[0].gpu = hardware::load_gpu(cluster.groups[0].node.gpu);
    cluster.fabric = hardware::load_fabric("rail_fat_tree_ndr");
    cluster.groups[0].count = 2;
    sim::CollectiveCall call;
    call.bytes = Bytes{1e8};
    call.ranks = 16;
    call.nodes = 2;
    call.kind = sim::CollectiveKind::all_to_all;
    const sim::CollectiveEstimate estimate = sim::explain_collective(call, cluster.site(0));
    EXPECT_EQ(estimate.algorithm, row.name);
    EXPECT_GT(estimate.time, Seconds{0.0});
  }
}

TEST(RowsRun, EveryOperation) {
  for (const models::OperationRow& row : models::operations()) {
    const Report report =
        run("scenario: operation\ncluster: {node: dgx_h100, nodes: 2, fabric: rail_fat_tree_ndr}\n"
            "collective: {operation: " +
            std::string(row.name) + ", bytes: 1 MiB, receivers: 8}\n");
    EXPECT_EQ(resolved(report)["collective"]["operation"], row.name);
    EXPECT_GT(report.metric("collective.time_s"), 0.0) << row.name;
  }
}

TEST(RowsRun, EveryKindOfFabric) {
  for (const hardware::FabricKindRow& row : hardware::fabric_kinds()) {
    bool used = false;
    for (const std::string& name : hardware::fabric_names()) {
      if (used || hardware::load_fabric(name).kind != row.kind) continue;
      const bool torus = row.kind == hardware::FabricKind::torus, alone = row.kind == hardware::FabricKind::single_node;
      const std::string node = torus                                          ? "tpu_v5p_host"
                               : row.kind == hardware::FabricKind::dual_plane ? "hgx_h800_dual_port"
                                                                              : "dgx_h100";
      const Report report =
          run("scenario: fabric\ncluster: {node: " + node + ", nodes: " + (alone ? "1" : "8") + ", fabric: " + name +
              (torus ? ", torus: [4, 4, 2]" : "") + "}\ncollective: {operation: all_gather, bytes: 64 MiB}\n");
      EXPECT_EQ(resolved(report)["cluster"]["fabric"], name);
      EXPECT_GT(report.metric("collective.time_s"), 0.0) << name;
      used = true;
    }
    EXPECT_TRUE(used) << row.name;
  }
}

TEST(RowsRun, EveryKernelFamily) {
  const json trained = explained(run(rows::training_with_schedule("1f1b")));
  const json served =
      explained(run(rows::serving_with("rate: 8, requests: 24, input: 64, output: 8", "", "mixtral-8x7b")));
  for (const kernels::FamilyRow& row : kernels::families()) {
    const std::string name(row.name);
    if (mentions(trained, "family", name) || mentions(served, "family", name)) continue;
    // Nothing that runs copies over PCIe yet: the family's own timer is asked.
    ASSERT_EQ(name, "host_copy") << "no scenario runs a kernel of this family";
    const kernels::Kernel copy = kernels::HostCopyShape{Bytes{1e9}, true, true};
    ASSERT_TRUE(row.holds(copy));
    EXPECT_GT(scenarios::make_timer("fitted")->time(copy, hardware::load_gpu("h100_sxm")), Seconds{0.0});
  }
}

/// A model of each architecture: a name of the library, or its config.json.
const std::map<std::string_view, std::string>& model_of_architecture() {
  static const std::map<std::string_view, std::string> models = {
      {"deepseek_v3", "deepseek-v3"},
      {"gpt2", "gpt2-124m"},
      {"llama", "llama-3-8b"},
      {"mixtral", "mixtral-8x7b"},
      {"opt", "opt-13b"},
      {"qwen2", "qwen2.5-32b"},
      {"qwen3", "qwen3-32b"},
      {"qwen3_moe", "qwen3-30b-a3b"},
      {"mistral", R"({"model_type": "mistral", "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 8,
        "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 32000, "max_position_embeddings": 8192})"},
      {"deepseek_v2", R"({"model_type": "deepseek_v2", "hidden_size": 2048, "intermediate_size": 10944,
        "moe_intermediate_size": 1408, "num_hidden_layers": 27, "num_attention_heads": 16, "num_key_value_heads": 16,
        "n_routed_experts": 64, "n_shared_experts": 2, "num_experts_per_tok": 6, "first_k_dense_replace": 1,
        "kv_lora_rank": 512, "q_lora_rank": null, "qk_rope_head_dim": 64, "qk_nope_head_dim": 128, "v_head_dim": 128,
        "n_group": 1, "topk_group": 1, "topk_method": "greedy", "vocab_size": 102400, "max_position_embeddings": 163840})"}};
  return models;
}

/// The same, else a small config of its family; a model with images is read as its family without them.
std::string model_of(std::string_view type) {
  const auto found = model_of_architecture().find(type);
  if (found != model_of_architecture().end()) return found->second;
  const std::string_view family = type == "kimi_k25"   ? "kimi_k2"
                                  : type == "step3p7"  ? "step3p5"
                                  : type == "step3_vl" ? "step3"
                                                       : type;
  for (const models::FamilyConfig& config : models::all_family_configs()) {
    if (config.type == family) return models::decoder(type, config.more);
  }
  return "";
}

TEST(RowsRun, EveryArchitecture) {
  const fs::path folder = fs::path(::testing::TempDir()) / "orrery_rows_run_test";
  for (const auto& row : models::architectures()) {
    std::string model = model_of(row.model_type);
    ASSERT_FALSE(model.empty()) << row.model_type << " has no model here";
    if (model.front() == '{') {
      fs::create_directories(folder / row.model_type);
      const fs::path file = folder / row.model_type / "config.json";
      std::ofstream(file) << model;
      model = file.string();
    }
    const std::string parallel = row.model_type == "deepseek_v3" ? "tensor_parallel: 8, weight_dtype: fp8, " : "";
    const std::string text = rows::serving_with("rate: 8, requests: 8, input: 64, output: 8", parallel, model);
    const std::string shorter = row.model_type == "gpt2" ? "max_model_len: 1024" : "max_model_len: 2048";
    std::string fitted = text;
    fitted.replace(fitted.find("max_model_len: 2048"), std::string("max_model_len: 2048").size(), shorter);
    const Report report = run(fitted);
    EXPECT_EQ(resolved(report)["model"]["architecture"], row.model_type);
    expect_served(report, row.model_type);
  }
  fs::remove_all(folder);
}

TEST(RowsRun, EveryMetricHasAValueInSomeReport) {
  std::set<std::string> values;
  std::string repeated = rows::training_with_schedule("1f1b");
  repeated.replace(repeated.find("training: {"), 11, "training: {steps: 2, ");
  for (const std::string& text : {rows::training_with_schedule("1f1b"), repeated, rows::training_with_workers(),
                                  rows::serving_with_arrivals("poisson"), rows::serving_with_arrivals("trace"),
                                  std::string(scenarios::find_kind("collective")->scenario_template())}) {
    for (const scenarios::MetricValue& value : run(text).metrics) values.insert(value.name);
  }
  for (const scenarios::MetricRow& row : scenarios::metric_rows()) {
    EXPECT_EQ(values.count(std::string(row.name)), 1U) << row.name;
  }
}

}  // namespace
}  // namespace orrery
