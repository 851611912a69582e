#include "scenarios/network_section.hpp"

#include <nlohmann/json.hpp>

namespace orrery::scenarios {

namespace {

const std::vector<std::string> kReadings = {"flows", "messages"};
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
  reader.finish();
  return out;
}

nlohmann::json network_json(const hardware::NetworkSettings& settings) {
  const hardware::NetworkSettings plain;
  nlohmann::json json = nlohmann::json::object();
  if (settings.reading != plain.reading) json["reading"] = kReadings[static_cast<std::size_t>(settings.reading)];
  if (settings.completion_batching != plain.completion_batching) {
    json["completion_batching"] = settings.completion_batching;
  }
  if (settings.gpu_shares != plain.gpu_shares) json["gpu_shares"] = settings.gpu_shares;
  return json;
}

}  // namespace orrery::scenarios
