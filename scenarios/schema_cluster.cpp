// The keys of `cluster:`: read by hand in sections.cpp, since each overrides a profile.

#include <fmt/format.h>

#include "scenarios/format.hpp"
#include "scenarios/schema_fields.hpp"
#include "sim/collective/collectives.hpp"

namespace orrery::scenarios {

namespace {

constexpr std::string_view kSection = "cluster";
constexpr std::string_view kAutomatic = "automatic";

Field quantity(std::string_view key, std::vector<std::string> units) {
  Field field = make_field(kSection, key, FieldKind::quantity);
  field.units = std::move(units);
  return field;
}

std::vector<Choice> algorithms() {
  std::vector<Choice> choices = {{std::string(kAutomatic), "the fastest of those that the collective can take"}};
  for (const auto& row : sim::collective_algorithms()) {
    choices.push_back({std::string(row.name), std::string(row.equation)});
  }
  return choices;
}

}  // namespace

std::vector<Field> cluster_fields() {
  Field node = make_choice(kSection, "node", choices_of("nodes"));
  node.required = true;
  Field nodes = make_integer(kSection, "nodes", {1.0, 1e7});
  nodes.fallback = "1";
  Field algorithm = make_choice(kSection, "collective_algorithm", algorithms());
  algorithm.fallback = kAutomatic;
  const std::vector<std::string> rates = {"GB/s", "Gb/s", "TB/s", "MB/s", "GiB/s", "B/s"};
  return {std::move(node),
          std::move(nodes),
          make_choice(kSection, "fabric", choices_of("fabrics")),
          make_choice(kSection, "gpu", choices_of("gpus")),
          quantity("price", {"USD/h"}),
          std::move(algorithm),
          quantity("gpu_memory", {"GiB", "GB", "MiB", "B"}),
          quantity("gpu_memory_bandwidth", rates),
          quantity("power_limit", {"W"}),
          quantity("nvlink_bandwidth", rates),
          make_integer(kSection, "nics", {1.0, 64.0}),
          quantity("nic_bandwidth", {"Gb/s", "GB/s", "MB/s", "B/s"})};
}

std::string cluster_value(const hardware::Cluster& cluster, std::string_view key) {
  if (key == "cluster.fabric") return cluster.fabric.name;
  if (key == "cluster.collective_algorithm") {
    return cluster.nccl.algorithms.text.empty() ? std::string(kAutomatic) : cluster.nccl.algorithms.text;
  }
  if (cluster.groups.size() != 1) return "";  // each group has its own
  const hardware::NodeGroup& group = cluster.groups.front();
  if (key == "cluster.node") return group.node.name;
  if (key == "cluster.nodes") return std::to_string(group.count);
  if (key == "cluster.gpu") return group.gpu.name;
  if (key == "cluster.price") return fmt::format("{} USD/h", shortest(group.gpu.price.value()));
  if (key == "cluster.gpu_memory") return bytes_text(group.gpu.memory);
  if (key == "cluster.gpu_memory_bandwidth") return bandwidth_text(group.gpu.memory_bandwidth);
  if (key == "cluster.power_limit") return fmt::format("{} W", shortest(group.gpu.power.value()));
  if (key == "cluster.nvlink_bandwidth") {
    return group.gpu.nvlink_bandwidth.value() > 0.0 ? bandwidth_text(group.gpu.nvlink_bandwidth) : "";
  }
  if (key == "cluster.nics") return group.node.nics > 0 ? std::to_string(group.node.nics) : "";
  if (key == "cluster.nic_bandwidth") {
    return group.node.nic_bandwidth.value() > 0.0 ? bandwidth_text(group.node.nic_bandwidth) : "";
  }
  return "";
}

}  // namespace orrery::scenarios
