#include "hardware/catalogue/profile_sources.hpp"

#include <fmt/format.h>

namespace orrery::hardware {

Sources read_sources(MapReader& profile, const std::vector<std::string>& facts) {
  const ConfigNode* node = profile.required_child("sources");
  if (node == nullptr || node->kind != NodeKind::mapping) {
    const MapReader report(node, "sources", profile.diagnostics());
    return {};
  }
  std::map<std::string, bool> used;
  MapReader entries(node, "sources", profile.diagnostics());
  for (const auto& [key, value] : node->entries) {
    used[key] = key == "default";
    if (entries.text(key).empty()) profile.diagnostics().error(value->span, fmt::format("'{}' names no source", key));
  }
  Sources sources;
  for (const std::string& fact : facts) {
    std::string key = fact;
    while (used.count(key) == 0 && key.find('.') != std::string::npos) key.resize(key.rfind('.'));
    if (used.count(key) == 0) key = "default";
    if (used.count(key) == 0) {
      profile.diagnostics().error(node->span, fmt::format("the fact '{}' has no source", fact));
      continue;
    }
    used[key] = true;
    sources[fact] = node->find(key)->scalar;
  }
  for (std::size_t i = 0; i < node->entries.size(); ++i) {
    const std::string& key = node->entries[i].first;
    if (used[key]) continue;
    profile.diagnostics().error(node->key_spans[i], fmt::format("'{}' is the source of no fact of this file", key));
  }
  return sources;
}

void add_facts(std::vector<std::string>& facts, const ConfigNode* section) {
  if (section == nullptr) return;
  for (const auto& [key, value] : section->entries) {
    if (value->kind != NodeKind::mapping) {
      facts.push_back(key);
      continue;
    }
    for (const auto& [inner, unused] : value->entries) facts.push_back(key + "." + inner);
  }
}

}  // namespace orrery::hardware
