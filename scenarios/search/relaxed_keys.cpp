#include "scenarios/search/relaxed_keys.hpp"

#include <algorithm>
#include <string>

#include <fmt/format.h>

#include "models/experts/exchange.hpp"
#include "scenarios/sections.hpp"

namespace orrery::scenarios {

namespace {

/// "jobs.0.training.tensor_parallel" with its key "training.tensor_parallel" replaced; empty: it is another key.
std::string beside(const std::string& path, std::string_view key, std::string_view other) {
  if (path.size() < key.size() || path.compare(path.size() - key.size(), key.size(), key) != 0) return {};
  const std::string prefix = path.substr(0, path.size() - key.size());
  if (!prefix.empty() && prefix.back() != '.') return {};
  return prefix + std::string(other);
}

std::vector<RelaxedKey> all_rows() {
  constexpr std::string_view kAlone =
      "Megatron-LM, core/transformer/moe/moe_layer.py: a rank that has all experts exchanges nothing";
  std::vector<RelaxedKey> rows = {
      {"training.tensor_parallel", "1", "training.sequence_parallel", "false",
       "Megatron-LM, training/arguments.py: sequence parallelism is disabled with one tensor-parallel rank"},
      {"training.recompute", "none", "training.recompute_layers", "-1",
       "Megatron-LM, training/arguments.py: recompute_num_layers belongs to full recomputation"},
      {"training.recompute", "selective", "training.recompute_layers", "-1",
       "Megatron-LM, training/arguments.py: recompute_num_layers belongs to full recomputation"},
      {"training.expert_parallel", "1", "training.expert_exchange_sms", "0", kAlone},
      {"training.expert_parallel", "1", "training.expert_imbalance", "1", kAlone},
      {"training.expert_parallel", "1", "training.expert_group_limit", "0", kAlone},
  };
  for (const models::ExchangeRow& row : models::expert_exchanges()) {
    const auto drop = [&](std::string_view key) {
      rows.push_back({"training.expert_exchange", row.name, key, "0", row.source});
    };
    if (!row.takes_sms) drop("training.expert_exchange_sms");
    if (!row.limits_nodes) drop("training.expert_group_limit");
  }
  return rows;
}

}  // namespace

const std::vector<RelaxedKey>& relaxed_key_rows() {
  static const std::vector<RelaxedKey> rows = all_rows();
  return rows;
}

std::vector<Override> relaxed_keys(const hardware::ConfigNode& root, const std::vector<Override>& set) {
  std::vector<Override> relaxed;
  for (const Override& change : set) {
    for (const RelaxedKey& row : relaxed_key_rows()) {
      if (change.value != row.value) continue;
      const std::string key = beside(numbered_key(root, change.key), row.key, row.follows);
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
