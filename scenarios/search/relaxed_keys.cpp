#include "scenarios/search/relaxed_keys.hpp"

#include <algorithm>
#include <string>

#include <fmt/format.h>

#include "models/experts/exchange.hpp"
#include "models/parallel/tensor_modes.hpp"
#include "models/training/training.hpp"
#include "scenarios/sections.hpp"

namespace orrery::scenarios {

namespace {

std::vector<RelaxedKey> all_rows() {
  constexpr std::string_view kAlone =
      "Megatron-LM, core/transformer/moe/moe_layer.py: a rank that has all experts exchanges nothing";
  constexpr std::string_view kTogether = "arXiv:2311.08105 section 2: one worker alone has nobody to exchange with";
  std::vector<RelaxedKey> rows = {
      {"training.tensor_parallel", "1", "training.sequence_parallel", "false",
       "Megatron-LM, training/arguments.py: sequence parallelism is disabled with one tensor-parallel rank", true},
      {"training.tensor_parallel", "1", "training.overlap_tensor_parallel", "",
       "Megatron-LM, core/tensor_parallel/layers.py: one rank has no collective of input gradients", true},
      {"training.pipeline_parallel", "1", "training.overlap_p2p", "",
       "Megatron-LM, training/arguments.py: one stage sends nothing", true},
      {"training.recompute", "none", "training.recompute_layers", "-1",
       "Megatron-LM, training/arguments.py: recompute_num_layers belongs to full recomputation", true},
      {"training.recompute", "selective", "training.recompute_layers", "-1",
       "Megatron-LM, training/arguments.py: recompute_num_layers belongs to full recomputation"},
      {"training.expert_parallel", "1", "training.expert_exchange", "", kAlone, true},
      {"training.expert_parallel", "1", "training.expert_exchange_sms", "0", kAlone, true},
      {"training.expert_parallel", "1", "training.expert_imbalance", "1", kAlone, true},
      {"training.expert_parallel", "1", "training.expert_group_limit", "0", kAlone, true},
      {"training.outer_workers", "1", "training.outer_steps", "500", kTogether, true},
      {"training.outer_workers", "1", "training.outer_fragments", "1", kTogether, true},
      {"training.outer_workers", "1", "training.outer_dtype", "fp32", kTogether, true},
      {"training.outer_workers", "1", "training.outer_overlap", "false", kTogether, true},
      {"training.outer_workers", "1", "training.outer_state", "gpu", kTogether, true},
      {"serving.replicas", "1", "serving.router", "", "one replica takes every request, whatever routes it", true},
  };
  for (const models::ExchangeRow& row : models::expert_exchanges()) {
    const auto drop = [&](std::string_view key) {
      const bool is_default = models::TrainingConfig{}.expert_exchange == row.name;
      rows.push_back({"training.expert_exchange", row.name, key, "0", row.source, is_default});
    };
    if (!row.takes_sms) drop("training.expert_exchange_sms");
    if (!row.limits_nodes) drop("training.expert_group_limit");
  }
  for (const models::TensorModeRow& row : models::tensor_parallel_modes()) {
    if (row.takes_depth) continue;
    const bool is_default = models::TrainingConfig{}.tensor_parallel_mode == row.name;
    rows.push_back(
        {"training.tensor_parallel_mode", row.name, "training.tensor_parallel_depth", "1", row.source, is_default});
  }
  return rows;
}

}  // namespace

std::string key_beside(const std::string& path, std::string_view key, std::string_view other) {
  if (path.size() < key.size() || path.compare(path.size() - key.size(), key.size(), key) != 0) return {};
  const std::string prefix = path.substr(0, path.size() - key.size());
  if (!prefix.empty() && prefix.back() != '.') return {};
  return prefix + std::string(other);
}

const std::vector<RelaxedKey>& relaxed_key_rows() {
  static const std::vector<RelaxedKey> rows = all_rows();
  return rows;
}

std::vector<Override> relaxed_keys(const hardware::ConfigNode& root, const std::vector<Override>& set) {
  std::vector<Override> relaxed;
  for (const Override& change : set) {
    for (const RelaxedKey& row : relaxed_key_rows()) {
      if (change.value != row.value || row.becomes.empty()) continue;
      const std::string key = key_beside(numbered_key(root, change.key), row.key, row.follows);
      if (key.empty()) continue;
      const hardware::ConfigNode* node = node_at(root, key);
      if (node == nullptr || node->scalar == row.becomes) continue;
      const auto own = [&](const Override& other) { return is_within(key, numbered_key(root, other.key)); };
      if (std::none_of(set.begin(), set.end(), own)) relaxed.push_back({key, std::string(row.becomes), "search"});
    }
  }
  return relaxed;
}

}  // namespace orrery::scenarios
