#include "scenarios/schema.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "hardware/config/config.hpp"
#include "scenarios/kinds.hpp"
#include "scenarios/schema_fields.hpp"
#include "scenarios/serving/job.hpp"
#include "tests/scenarios/fixture.hpp"
#include "tests/scenarios/serving/fixture.hpp"

namespace orrery::scenarios::testing {
namespace {

const char* const kFile = "schema.yaml";

const KindRow* const kTraining = find_kind("training");
const KindRow* const kServing = find_kind("serving");
const KindRow* const kCollective = find_kind("collective");
std::string text_of(const KindRow* kind) { return std::string(kind->scenario_template()); }

/// A report of the scenario before it was run.
Report read(const std::string& text) {
  Report report;
  report.scenario = parse_scenario(text, kFile);
  return report;
}

std::string with(const std::string& text, const std::string& key, const std::string& value) {
  return hardware::set_value(text, kFile, key, value);
}

/// The message of what reading says, or nothing.
std::string error_of(const std::string& text) {
  try {
    (void)parse_scenario(text, kFile);
    return "";
  } catch (const hardware::ConfigError& error) {
    return error.what();
  }
}

/// Says that the value itself is not accepted, rather than that it does not go with the others.
bool rejects_value(const std::string& error) {
  return error.find("out of range") != std::string::npos || error.find("must be") != std::string::npos ||
         error.find("expected") != std::string::npos;
}

class Schema : public ::testing::TestWithParam<const KindRow*> {
 protected:
  std::vector<Field> fields_ = scenario_fields(*GetParam());
};

INSTANTIATE_TEST_SUITE_P(Kinds, Schema, ::testing::ValuesIn(kinds()));

TEST_P(Schema, HelpsWithEveryKeyInOneShortSentence) {
  std::set<std::string> keys, helps;
  for (const Field& field : fields_) {
    EXPECT_TRUE(keys.insert(field.key).second) << field.key;
    EXPECT_FALSE(field.help.empty()) << field.key;
    EXPECT_LE(field.help.size(), 120U) << field.key;
    EXPECT_TRUE(helps.insert(field.help).second) << field.key << ": " << field.help;
    EXPECT_FALSE(field.section.empty()) << field.key;
    const std::size_t dot = field.key.rfind('.');
    EXPECT_EQ(field.section, dot == std::string::npos ? "scenario" : field.key.substr(0, dot));
  }
}

TEST_P(Schema, SaysWhatAnAbsentKeyMeans) {
  for (const Field& field : fields_) {
    const int said = (field.required ? 1 : 0) + (field.fallback.empty() ? 0 : 1) + (field.automatic.empty() ? 0 : 1);
    EXPECT_EQ(said, 1) << field.key << " fallback '" << field.fallback << "' automatic '" << field.automatic << "'";
  }
}

TEST_P(Schema, DescribesEveryChoiceInALine) {
  for (const Field& field : fields_) {
    EXPECT_EQ(field.kind == FieldKind::choice, !field.choices.empty()) << field.key;
    EXPECT_EQ(field.kind == FieldKind::quantity, !field.units.empty()) << field.key;
    for (const Choice& choice : field.choices) {
      EXPECT_FALSE(choice.summary.empty()) << field.key << " " << choice.name;
      EXPECT_EQ(choice.summary.find('\n'), std::string::npos) << field.key << " " << choice.name;
    }
  }
}

TEST_P(Schema, NamesChoicesThatTheReaderTakes) {
  for (const Field& field : fields_) {
    for (const Choice& choice : field.choices) {
      const std::string error = error_of(with(text_of(GetParam()), field.key, choice.name));
      EXPECT_EQ(error.find("is not valid"), std::string::npos) << field.key << " " << choice.name << ": " << error;
    }
    if (field.kind != FieldKind::choice) continue;
    EXPECT_NE(error_of(with(text_of(GetParam()), field.key, "no_such_choice")), "") << field.key;
  }
}

TEST_P(Schema, HasTheReadersLimits) {
  for (const Field& field : fields_) {
    if (field.kind != FieldKind::integer && field.kind != FieldKind::number) continue;
    const auto number = [&](double value) {
      return field.kind == FieldKind::integer ? fmt::format("{:.0f}", value) : fmt::format("{:g}", value);
    };
    const std::string text = text_of(GetParam());
    const std::string below = number(field.least_open ? field.least : field.least - 1.0);
    EXPECT_TRUE(rejects_value(error_of(with(text, field.key, below)))) << field.key << ": " << below;
    const std::string above = number(field.kind == FieldKind::integer ? field.most + 1.0 : field.most * 2.0);
    EXPECT_TRUE(rejects_value(error_of(with(text, field.key, above)))) << field.key << ": " << above;
    if (field.least_open) continue;
    const std::string least = error_of(with(text, field.key, number(field.least)));
    EXPECT_EQ(least.find("out of range"), std::string::npos) << field.key << ": " << least;
  }
}

/// Values that go with the templates; of menus not listed here the fallback or the first choice.
struct Example {
  const KindRow* kind;
  const char* key;
  const char* value;
  const char* with_key = "";  ///< what else must be set first
  const char* with_value = "";
};

const std::vector<Example>& examples() {
  static const std::vector<Example> all = {
      {kTraining, "scenario", "another"},
      {kTraining, "model", "llama-3.1-8b"},
      {kTraining, "seed", "7"},
      {kTraining, "timer", "roofline"},
      {kTraining, "cluster.node", "dgx_a100"},
      {kTraining, "cluster.nodes", "2", "cluster.fabric", "rail_fat_tree_ndr"},
      {kTraining, "cluster.fabric", "rail_fat_tree_ndr", "cluster.nodes", "2"},
      {kTraining, "cluster.gpu", "h200_sxm"},
      {kTraining, "cluster.price", "1.5 USD/h"},
      {kTraining, "cluster.collective_algorithm", "ring"},
      {kTraining, "cluster.gpu_memory", "100 GiB"},
      {kTraining, "cluster.gpu_memory_bandwidth", "3000 GB/s"},
      {kTraining, "cluster.power_limit", "350 W"},
      {kTraining, "cluster.nvlink_bandwidth", "300 GB/s"},
      {kTraining, "cluster.nics", "4"},
      {kTraining, "cluster.nic_bandwidth", "25 GB/s"},
      {kTraining, "training.sequence_length", "4096"},
      {kTraining, "training.global_batch_size", "128"},
      {kTraining, "training.micro_batch_size", "2"},
      {kTraining, "training.tensor_parallel", "4"},
      {kTraining, "training.pipeline_parallel", "2"},
      {kTraining, "training.data_parallel", "2"},
      {kTraining, "training.expert_exchange", "deepep_normal"},
      {kTraining, "training.sequence_parallel", "false"},
      {kTraining, "training.schedule", "gpipe"},
      {kTraining, "training.stage_layers", "[32]"},
      {kTraining, "training.recompute", "full"},
      {kTraining, "training.recompute_layers", "4", "training.recompute", "full"},
      {kTraining, "training.attention", "unfused"},
      {kTraining, "training.zero", "none"},
      {kTraining, "training.precision", "fp16"},
      {kTraining, "training.gradient_dtype", "bf16"},
      {kTraining, "training.master_weights", "false"},
      {kTraining, "training.overlap_gradient_reduce", "false"},
      {kTraining, "training.bucket_size", "40 MiB"},
      {kTraining, "training.no_sync", "false"},
      {kTraining, "training.overlap_p2p", "true"},
      {kTraining, "training.overlap_tensor_parallel", "false"},
      {kTraining, "training.dropout", "0.1"},
      {kTraining, "training.fused_cross_entropy", "true"},
      {kTraining, "training.cuda_graphs", "true"},
      {kTraining, "training.host_overhead", "15 us"},
      {kTraining, "training.steps", "4"},
      {kTraining, "training.flop_convention", "palm"},
      {kTraining, "training.total_tokens", "1000000000000"},
      {kServing, "serving.engine", "vllm_v1"},
      {kServing, "serving.scheduler", "vllm_v1"},
      {kServing, "serving.router", "least_requests"},
      {kServing, "serving.tensor_parallel", "2"},
      {kServing, "serving.pipeline_parallel", "2"},
      {kServing, "serving.replicas", "2"},
      {kServing, "serving.dtype", "fp16"},
      {kServing, "serving.weight_dtype", "fp8"},
      {kServing, "serving.kv_cache_dtype", "fp8"},
      {kServing, "serving.static_activation_scales", "true", "serving.weight_dtype", "fp8"},
      {kServing, "serving.max_model_len", "8000"},
      {kServing, "serving.max_num_seqs", "64"},
      {kServing, "serving.max_num_batched_tokens", "8192"},
      {kServing, "serving.gpu_memory_utilization", "0.85"},
      {kServing, "serving.enforce_eager", "true"},
      {kServing, "serving.enable_prefix_caching", "false"},
      {kServing, "serving.async_scheduling", "false"},
      {kServing, "serving.reserve_full_input", "false"},
      {kServing, "serving.long_prefill_token_threshold", "512"},
      {kServing, "serving.block_size", "32"},
      {kServing, "serving.num_gpu_blocks", "20000"},
      {kServing, "serving.activation_memory", "3 GiB"},
      {kServing, "serving.kv_cache_memory_bytes", "20 GiB"},
      {kServing, "serving.ignore_eos", "false"},
      {kServing, "serving.kernels", "trtllm"},
      {kServing, "serving.step_overhead", "1.5 ms"},
      {kServing, "serving.request_overhead", "300 us"},
      {kServing, "serving.warmup_requests", "10"},
      {kServing, "serving.load.arrivals", "constant"},
      {kServing, "serving.load.rate", "12.5"},
      {kServing, "serving.load.cv", "2", "serving.load.arrivals", "gamma"},
      {kServing, "serving.load.requests", "40"},
      {kServing, "serving.load.prefix_tokens", "100"},
      {kServing, "serving.load.prefix_groups", "3", "serving.load.prefix_tokens", "100"},
      {kServing, "serving.load.input.distribution", "lognormal"},
      {kServing, "serving.load.input.mean", "500"},
      {kServing, "serving.load.input.cv", "0.5"},
      {kServing, "serving.load.input.least", "10"},
      {kServing, "serving.load.input.most", "5000"},
      {kServing, "serving.load.output.distribution", "lognormal"},
      {kServing, "serving.load.output.mean", "99.5"},
      {kServing, "serving.load.output.cv", "0.25"},
      {kServing, "serving.load.output.least", "2"},
      {kServing, "serving.load.output.most", "400"},
      {kServing, "serving.slo.ttft", "400 ms"},
      {kServing, "serving.slo.tpot", "20 ms"},
      {kServing, "serving.slo.attainment", "0.5"},
      {kCollective, "collective.operation", "broadcast"},
      {kCollective, "collective.bytes", "64 MiB"},
      {kCollective, "collective.dtype", "fp32"},
      {kCollective, "collective.gpus", "8"},
      {kCollective, "collective.gpus_per_node", "4"},
      {kCollective, "collective.receivers", "8", "collective.operation", "incast"},
      {kCollective, "collective.calls", "3"},
      {kCollective, "collective.interval", "2 s"},
      {kCollective, "collective.background", "true"},
  };
  return all;
}

TEST(EffectiveValue, IsWhatWasSet) {
  for (const Example& example : examples()) {
    std::string text = text_of(example.kind);
    if (example.with_key[0] != '\0') text = with(text, example.with_key, example.with_value);
    text = with(text, example.key, example.value);
    const std::string error = error_of(text);
    EXPECT_EQ(error, "") << example.key;
    if (!error.empty()) continue;
    EXPECT_EQ(effective_value(read(text), example.key), example.value) << example.key;
  }
}

/// Keys of loads that the serving template does not have, set together in the test below, and those that its models or
/// schedules don't.
const std::set<std::string>& other_loads() {
  static const std::set<std::string> keys = {"serving.virtual_pipeline",       "serving.load.burst_size",
                                             "serving.load.burst_interval",    "serving.load.concurrency",
                                             "serving.load.think_time",        "serving.load.trace",
                                             "serving.load.trace_format",      "serving.load.rate_scale",
                                             "serving.load.input.values",      "serving.load.input.file",
                                             "serving.load.input.column",      "serving.load.output.values",
                                             "serving.load.output.file",       "serving.load.output.column",
                                             "serving.enable_chunked_prefill", "training.virtual_pipeline",
                                             "training.expert_parallel",       "training.expert_exchange_sms",
                                             "training.expert_imbalance",      "training.expert_group_limit",
                                             "training.tensor_parallel_mode",  "training.tensor_parallel_depth",
                                             "training.outer_workers",         "training.outer_steps",
                                             "training.outer_fragments",       "training.outer_dtype",
                                             "training.outer_overlap",         "training.outer_state"};
  return keys;
}

TEST_P(Schema, HasAnExampleOfEveryKey) {
  std::set<std::string> seen = other_loads();
  for (const Example& example : examples()) seen.insert(example.key);
  for (const Field& field : fields_) EXPECT_TRUE(seen.count(field.key) == 1) << field.key;
}

TEST(EffectiveValue, OfAnExchangeOfExperts) {
  const Report report = read(
      "scenario: s\nmodel: {config: mixtral-8x7b, layers: 1}\ncluster: {node: dgx_h100}\n"
      "training: {sequence_length: 1024, global_batch_size: 8, expert_parallel: 8, expert_exchange: deepep_normal, "
      "expert_exchange_sms: 24, expert_imbalance: 1.5, expert_group_limit: 1}\n");
  EXPECT_EQ(effective_value(report, "training.expert_parallel"), "8");
  EXPECT_EQ(effective_value(report, "training.expert_exchange_sms"), "24");
  EXPECT_EQ(effective_value(report, "training.expert_imbalance"), "1.5");
  EXPECT_EQ(effective_value(report, "training.expert_group_limit"), "1");
}

TEST(EffectiveValue, OfGridsAndWorkers) {
  const std::vector<std::pair<std::string, std::string>> values = {
      {"tensor_parallel_mode", "2.5d"}, {"tensor_parallel_depth", "2"},
      {"outer_workers", "2"},           {"outer_steps", "64"},
      {"outer_fragments", "4"},         {"outer_dtype", "bf16"},
      {"outer_overlap", "true"},        {"outer_state", "host"}};
  std::string text =
      "scenario: s\nmodel: gpt2-124m\ncluster: {node: dgx_h100, nodes: 2, fabric: rail_fat_tree_ndr}\n"
      "training: {sequence_length: 1024, global_batch_size: 8, micro_batch_size: 4, tensor_parallel: 8";
  for (const auto& [key, value] : values) text += fmt::format(", {}: {}", key, value);
  const Report report = read(text + "}\n");
  for (const auto& [key, value] : values) EXPECT_EQ(effective_value(report, "training." + key), value) << key;
}

TEST(EffectiveValue, OfOtherLoads) {
  const std::string text = replaced(small_serving(), "    arrivals: poisson\n    rate: 4\n",
                                    "    arrivals: burst\n    burst_size: 5\n    burst_interval: 2 s\n");
  const Report burst = read(text);
  EXPECT_EQ(effective_value(burst, "serving.load.burst_size"), "5");
  EXPECT_EQ(effective_value(burst, "serving.load.burst_interval"), "2 s");
  EXPECT_EQ(effective_value(burst, "serving.load.input.distribution"), "fixed");
  EXPECT_EQ(effective_value(burst, "serving.load.input.mean"), "128");
  const Report loop = read(replaced(small_serving(), "    arrivals: poisson\n    rate: 4\n",
                                    "    arrivals: closed_loop\n    concurrency: 8\n"
                                    "    think_time: 500 ms\n"));
  EXPECT_EQ(effective_value(loop, "serving.load.concurrency"), "8");
  EXPECT_EQ(effective_value(loop, "serving.load.think_time"), "500 ms");
  EXPECT_EQ(effective_value(loop, "serving.load.rate"), "");
  const Report drawn =
      read(replaced(small_serving(), "input: 128", "input: {distribution: empirical, values: [100, 200]}"));
  EXPECT_EQ(effective_value(drawn, "serving.load.input.values"), "[100, 200]");
}

TEST(EffectiveValue, FillsInWhatProfilesAndEnginesDecide) {
  const Report training = read(text_of(kTraining));
  EXPECT_EQ(effective_value(training, "training.data_parallel"), "4");  // 8 GPUs / tensor_parallel 2
  EXPECT_EQ(effective_value(training, "cluster.gpu"), "h100_sxm");
  EXPECT_EQ(effective_value(training, "cluster.collective_algorithm"), "automatic");
  EXPECT_EQ(effective_value(training, "training.bucket_size"), "160 MB");  // 40 M gradients of 4 bytes
  EXPECT_EQ(effective_value(training, "serving.dtype"), "");
  EXPECT_EQ(effective_value(training, "no.such.key"), "");
  Report serving = read(text_of(kServing));
  EXPECT_EQ(effective_value(serving, "serving.max_num_seqs"), "");
  auto outcome = std::make_shared<ServingOutcome>();
  outcome->result.config = models::resolve(serving_job(serving.scenario));
  const std::string resolved = std::to_string(outcome->result.config.max_num_seqs);
  serving.results.push_back(std::move(outcome));
  EXPECT_EQ(effective_value(serving, "serving.max_num_seqs"), resolved);
  EXPECT_EQ(effective_value(serving, "serving.weight_dtype"), "bf16");
  EXPECT_EQ(effective_value(serving, "training.zero"), "");
}

TEST(EffectiveValue, OfAModelWithOverridesIsItsName) {
  const std::string text = replaced(small_scenario(), "model: gpt2-124m", "model: {config: gpt2-124m, layers: 6}");
  EXPECT_EQ(effective_value(read(text), "model"), "gpt2-124m");
}

/// Keys of cluster: are read by hand; those of training: and serving: come from the lists that the reader visits.
TEST_P(Schema, HasEveryKeyOfTheReader) {
  const auto known = [&](const std::string& key) {
    return std::any_of(fields_.begin(), fields_.end(), [&](const Field& field) { return field.key == key; });
  };
  for (const std::string_view key :
       {"node", "nodes", "fabric", "gpu", "price", "gpu_memory", "gpu_memory_bandwidth", "power_limit",
        "nvlink_bandwidth", "nics", "nic_bandwidth", "collective_algorithm"}) {
    EXPECT_TRUE(known("cluster." + std::string(key))) << key;
    // Each is one that the reader asks for: a wrong value is told, not the key.
    const std::string error = error_of(with(text_of(GetParam()), "cluster." + std::string(key), "[1]"));
    EXPECT_EQ(error.find("unknown key"), std::string::npos) << error;
  }
  EXPECT_NE(error_of(with(text_of(GetParam()), "cluster.no_such_key", "1")), "");
}

TEST(Quantities, ReadBackAsTheSameValue) {
  EXPECT_EQ(bytes_text(Bytes{80.0 * 1073741824.0}), "80 GiB");
  EXPECT_EQ(bytes_text(Bytes{25.0 * 1048576.0}), "25 MiB");
  EXPECT_EQ(bytes_text(Bytes{40e9}), "40 GB");
  EXPECT_EQ(seconds_text(Seconds{0.025}), "25 ms");
  EXPECT_EQ(seconds_text(Seconds{0.0}), "0 s");
  EXPECT_EQ(seconds_text(Seconds{5e-6}), "5 us");
  EXPECT_EQ(bandwidth_text(BytesPerSecond{3.35e12}), "3350 GB/s");
  // To the last bit: 5e-6 and 0.0021 are not what 5 times 1e-6 and 2.1 times 1e-3 come to.
  EXPECT_EQ(seconds_text(Seconds{0.0021}), "2.1 ms");
  EXPECT_EQ(seconds_text(Seconds{5 * 1e-6}), "4.9999999999999996e-06 s");
  for (const double value : {1.0, 3.0, 1e9 / 3.0, 123456789.0, 7e6, 2.1e6, 4.9999999999999996e3, 1e-3}) {
    std::string error;
    EXPECT_EQ(hardware::parse_bytes(bytes_text(Bytes{value}), error)->value(), value);
    EXPECT_EQ(hardware::parse_bandwidth(bandwidth_text(BytesPerSecond{value + 1.0}), error)->value(), value + 1.0);
    EXPECT_EQ(hardware::parse_duration(seconds_text(Seconds{value * 1e-9}), error)->value(), value * 1e-9);
  }
}

}  // namespace
}  // namespace orrery::scenarios::testing
