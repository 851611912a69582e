#include "scenarios/network_section.hpp"

#include <string_view>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace orrery::scenarios {

namespace {

const std::vector<std::string> kReadings = {"flows", "messages"}, kSpreads = {"even", "hash"};
// Beyond a tenth nothing is left of a flow's own end.
constexpr double kMostBatching = 0.1;

}  // namespace

hardware::NetworkSettings read_network(hardware::MapReader& cluster, hardware::Diagnostics& diagnostics) {
  hardware::NetworkSettings out;
  const hardware::ConfigNode* node = cluster.child("network");
  if (node == nullptr) return out;
  hardware::MapReader reader(node, "network", diagnostics);
  out.reading = static_cast<hardware::NetworkReading>(reader.choice_or("reading", kReadings, 0));
  out.completion_batching =
      reader.number_or("completion_batching", out.completion_batching, hardware::Range::between(0, kMostBatching));
  out.gpu_shares = reader.boolean_or("gpu_shares", out.gpu_shares);
  out.spread = static_cast<hardware::FlowSpread>(reader.choice_or("spread", kSpreads, 0));
  out.hash_seed = static_cast<std::uint64_t>(reader.integer_or("hash_seed", 0, hardware::Range::between(0, 1e15)));
  if (reader.has("hash_seed") && out.spread != hardware::FlowSpread::hash) {
    diagnostics.error(reader.span("hash_seed"), "'hash_seed' is of spread: hash alone");
  }
  reader.finish();
  return out;
}

void read_torus(hardware::MapReader& reader, hardware::Cluster& cluster, bool known,
                hardware::Diagnostics& diagnostics) {
  const std::size_t before = diagnostics.items().size();
  const std::vector<std::int64_t> axes = reader.integers_or("torus", {}, hardware::Range::between(1, 1e7));
  if (!known || diagnostics.items().size() > before) return;
  for (const std::int64_t chips : axes) cluster.fabric.torus.push_back(static_cast<int>(chips));
  const bool is_torus = cluster.fabric.kind == hardware::FabricKind::torus;
  const char* fabric = reader.has("fabric") ? "fabric" : reader.has("node") ? "node" : "nodes";
  if (const std::string misfit = cluster.link_misfit(); !misfit.empty()) {
    diagnostics.error(reader.span(fabric), misfit);
  } else if (!is_torus && reader.has("torus")) {
    diagnostics.error(reader.span("torus"), fmt::format("'torus': the fabric '{}' is none", cluster.fabric.name));
  } else if (const std::string shape = is_torus ? cluster.misfit() : std::string(); !shape.empty()) {
    diagnostics.error(reader.span(reader.has("torus") ? "torus" : "fabric"), shape);
  }
}

void check_nccl(const hardware::MapReader& reader, const hardware::Cluster& cluster,
                hardware::Diagnostics& diagnostics) {
  for (const hardware::NodeGroup& group : cluster.groups) {
    const std::string misfit = group.gpu.nccl_misfit();
    if (misfit.empty()) continue;
    for (const char* key : {"nccl", "collective_algorithm"}) {
      const std::string& told = cluster.nccl.algorithms.text;
      const bool own = std::string_view(key) == "collective_algorithm" && (told.empty() || told == "torus");
      if (!reader.has(key) || own) continue;
      diagnostics.error(reader.span(key), fmt::format("'{}': {}", key, misfit));
    }
    return;
  }
}

nlohmann::json network_json(const hardware::NetworkSettings& settings) {
  const hardware::NetworkSettings plain;
  nlohmann::json json = nlohmann::json::object();
  if (settings.reading != plain.reading) json["reading"] = kReadings[static_cast<std::size_t>(settings.reading)];
  if (settings.completion_batching != plain.completion_batching) {
    json["completion_batching"] = settings.completion_batching;
  }
  if (settings.gpu_shares != plain.gpu_shares) json["gpu_shares"] = settings.gpu_shares;
  if (settings.spread != plain.spread) json["spread"] = kSpreads[static_cast<std::size_t>(settings.spread)];
  if (settings.hash_seed != plain.hash_seed) json["hash_seed"] = settings.hash_seed;
  return json;
}

}  // namespace orrery::scenarios
