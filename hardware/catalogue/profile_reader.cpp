#include "hardware/catalogue/profile_reader.hpp"

#include <algorithm>
#include <map>
#include <vector>

#include <fmt/format.h>

#include "hardware/catalogue/catalogue.hpp"
#include "hardware/catalogue/fit_reader.hpp"
#include "hardware/catalogue/profile_sources.hpp"
#include "hardware/catalogue/sister_fits.hpp"

namespace orrery::hardware {
namespace {

void read_compute(MapReader section, Gpu& gpu) {
  gpu.sm_count = static_cast<int>(section.integer("sm_count", Range::between(1, 4096)));
  gpu.boost_clock = section.frequency("boost_clock");
  gpu.vector_peak = section.flop_rate("vector_peak");
  MapReader peaks(section.required_child("peak"), "peak", section.diagnostics());
  for (const Dtype dtype : all_dtypes()) {
    if (peaks.child(name(dtype)) == nullptr) continue;
    gpu.peak[dtype] = peaks.flop_rate(name(dtype));
  }
  peaks.finish();
  section.finish();
}

void read_memory(MapReader section, Gpu& gpu) {
  gpu.memory = section.bytes("memory");
  gpu.reserved_memory = section.bytes("reserved_memory", Range::at_least(0));
  gpu.memory_bandwidth = section.bandwidth("memory_bandwidth");
  gpu.l2_size = section.bytes("l2_size");
  gpu.l2_bandwidth = section.bandwidth("l2_bandwidth");
  section.finish();
}

void read_links(MapReader section, Gpu& gpu) {
  gpu.nvlink_bandwidth = section.bandwidth("nvlink_bandwidth", Range::at_least(0));
  gpu.nvlink_latency = section.duration("nvlink_latency");
  gpu.pcie_bandwidth = section.bandwidth("pcie_bandwidth");
  gpu.pcie_latency = section.duration("pcie_latency");
  section.finish();
}

void read_board(MapReader section, Gpu& gpu) {
  gpu.power = section.power_or("power", Watts{0});
  gpu.price = section.price_or("price", DollarsPerHour{0});
  for (const char* key : {"power", "price"}) section.required_child(key);
  gpu.kernel_launch = section.duration("kernel_launch");
  gpu.kernel_gap = section.duration("kernel_gap");
  section.finish();
}

// Beside `sources`, which are those of the board's own figures.
Software read_software(MapReader section) {
  Software software;
  const std::vector<std::string> libraries{"trtllm", "vllm", "sglang"};
  software.gemm_table = libraries[section.choice_or("gemm_table", libraries, 0)];
  software.impossible_fp8_attention = section.boolean_or("impossible_fp8_attention", false);
  software.vllm_small_batches = section.boolean_or("vllm_small_batches", false);
  software.training_state = section.text_or("training_state", "");
  software.source = section.text("source");
  section.finish();
  return software;
}

std::vector<SustainedClock> read_states(const ConfigNode& node, Diagnostics& diagnostics) {
  std::vector<SustainedClock> states;
  const MapReader report(&node, "power_states", diagnostics);  // of what is no mapping
  for (const auto& [name, value] : node.entries) {
    MapReader row(value.get(), name, diagnostics);
    SustainedClock& state = states.emplace_back();
    state.name = name;
    state.slowdown = row.number("slowdown", Range::between(1, 10));
    state.onset = row.duration("onset", Range::positive());
    state.source = row.text("source");
    row.finish();
  }
  return states;
}

/// A family's coefficients, as the file orders them.
Generation::Coefficients read_coefficients(MapReader& kernels, const char* family) {
  Generation::Coefficients coefficients;
  const ConfigNode* node = kernels.required_child(family);
  MapReader values(node, family, kernels.diagnostics());
  if (node == nullptr) return coefficients;
  for (const auto& [name, unused] : node->entries) {
    coefficients.emplace_back(name, values.number(name, Range::positive()));
  }
  return coefficients;
}

void read_kernels(MapReader section, Generation& generation) {
  generation.gemm_tiles = static_cast<GemmTiles>(section.choice("gemm_tiles", {"powers_of_two", "fine"}));
  generation.attention =
      static_cast<AttentionInstructions>(section.choice("attention", {"plain", "warpgroups", "tensor_memory"}));
  section.required_child("latent_decode_splits");
  generation.latent_decode_splits = section.boolean_or("latent_decode_splits", false);
  for (const char* family : {"gemm", "memory"}) {
    generation.coefficients[family] = read_coefficients(section, family);
  }
  section.finish();
}

void read_collectives(MapReader section, Generation& generation) {
  generation.interconnect = static_cast<Interconnect>(section.choice_or("interconnect", {"nvlink", "ici"}, 0));
  generation.compute_capability = static_cast<int>(section.integer("compute_capability", Range::between(10, 999)));
  generation.link_efficiency = section.number("link_efficiency", Range::between(0, 1));
  generation.nvls_sustained = section.number("nvls_sustained", Range::between(0, 2));
  generation.nvls_limit = section.number("nvls_limit", Range::between(0, 2));
  generation.latency_scale = section.number("latency_scale", Range::positive());
  section.finish();
}

std::map<std::string, Generation::Transfer> read_transfer(const ConfigNode& node, Diagnostics& diagnostics) {
  std::map<std::string, Generation::Transfer> transfer;
  const MapReader report(&node, "transfer", diagnostics);  // of what is no mapping
  for (const auto& [family, value] : node.entries) {
    MapReader row(value.get(), family, diagnostics);
    Generation::Transfer& error = transfer[family];
    error.rows = static_cast<int>(row.integer("rows", Range::between(1, 2e9)));
    error.median = row.number("median", Range::at_least(0));
    error.p95 = row.number("p95", Range::at_least(0));
    row.finish();
  }
  return transfer;
}

/// NVLink cables between the GPUs of a node.
void read_mesh(MapReader& map, Node& node) {
  for (const std::int64_t links : map.integers_or("nvlink_mesh", {}, Range::between(0, 64))) {
    node.nvlink_mesh.push_back(static_cast<int>(links));
  }
  if (map.has("mesh_bandwidth")) node.mesh_bandwidth = map.bandwidth("mesh_bandwidth");
  if (const int most = std::max(1, node.gpus - 1); static_cast<int>(node.nvlink_mesh.size()) > most) {
    map.diagnostics().error(map.span("nvlink_mesh"), fmt::format("nvlink_mesh: at most {} figures", most));
  }
  if (node.nvlink_mesh.empty() && node.mesh_bandwidth.value() > 0.0) {
    map.diagnostics().error(map.span("mesh_bandwidth"), "mesh_bandwidth without nvlink_mesh");
  }
}

}  // namespace

Generation read_generation(const ConfigNode& root, const std::string& file, const std::string& name) {
  Diagnostics diagnostics(file);
  MapReader profile(&root, "profile", diagnostics);
  Generation generation;
  generation.name = name;
  generation.title = profile.text("title");
  std::vector<std::string> facts;
  for (const char* key : {"kernels", "collectives"}) add_facts(facts, profile.required_child(key));
  read_kernels(MapReader(profile.child("kernels"), "kernels", diagnostics), generation);
  read_collectives(MapReader(profile.child("collectives"), "collectives", diagnostics), generation);
  if (const ConfigNode* transfer = profile.child("transfer")) {
    generation.transfer = read_transfer(*transfer, diagnostics);
    facts.emplace_back("transfer");
  }
  generation.sources = read_sources(profile, facts);
  profile.finish();
  diagnostics.throw_if_any();
  return generation;
}

Gpu read_gpu(const ConfigNode& root, const std::string& file, const std::string& name) {
  Diagnostics diagnostics(file);
  MapReader profile(&root, "profile", diagnostics);
  Gpu gpu;
  gpu.name = name;
  gpu.title = profile.text("title");
  const std::vector<std::string> generations = generation_names();
  const std::size_t generation = profile.choice("architecture", generations);
  if (generation < generations.size()) gpu.generation = load_generation(generations[generation]);
  std::vector<std::string> facts;
  const auto section = [&](const char* key) {
    const ConfigNode* node = profile.required_child(key);
    add_facts(facts, node);
    return MapReader(node, key, diagnostics);
  };
  read_compute(section("compute"), gpu);
  read_memory(section("memory"), gpu);
  read_links(section("links"), gpu);
  read_board(section("board"), gpu);
  if (const ConfigNode* software = profile.child("software")) {
    gpu.software = read_software(MapReader(software, "software", diagnostics));
  }
  if (const ConfigNode* states = profile.child("power_states")) gpu.states = read_states(*states, diagnostics);
  if (!gpu.software.training_state.empty() && gpu.find_state(gpu.software.training_state) == nullptr) {
    diagnostics.error(profile.span("software"), "training_state names none of the power_states");
  }
  gpu.sources = read_sources(profile, facts);
  gpu.fits = read_fits(profile.child("fits"), diagnostics);
  inherit_fits(profile, gpu);
  inherit_node_law(profile, gpu);
  profile.finish();
  diagnostics.throw_if_any();
  return gpu;
}

Node read_node(const ConfigNode& root, const std::string& file, const std::string& name) {
  Diagnostics diagnostics(file);
  MapReader profile(&root, "profile", diagnostics);
  Node node;
  node.name = name;
  node.title = profile.text("title");
  std::vector<std::string> facts;
  add_facts(facts, profile.required_child("node"));
  MapReader map(profile.required_child("node"), "node", diagnostics);
  node.gpus = static_cast<int>(map.integer("gpus", Range::between(1, 1024)));
  node.gpu = map.text("gpu");
  node.nvswitch = map.boolean_or("nvswitch", false);
  node.in_network_reduction = map.boolean_or("in_network_reduction", false);
  node.nics = static_cast<int>(map.integer("nics", Range::between(0, 1024)));
  // A card's figures are of a node that has one.
  if (node.nics > 0 || map.has("nic_bandwidth")) node.nic_bandwidth = map.bandwidth("nic_bandwidth");
  if (node.nics > 0 || map.has("nic_latency")) node.nic_latency = map.duration("nic_latency");
  node.pcie_bandwidth = map.bandwidth("pcie_bandwidth");
  node.host_memory_bandwidth = map.bandwidth("host_memory_bandwidth");
  node.host_memory = map.bytes("host_memory");
  std::vector<std::string> cpus;
  for (std::size_t i = 0; i < kHostCpus; ++i) cpus.emplace_back(hardware::name(static_cast<HostCpu>(i)));
  node.cpu = static_cast<HostCpu>(map.choice_or("cpu", cpus, 0));
  node.sockets = static_cast<int>(map.integer_or("sockets", 2, Range::between(1, 1024)));
  read_mesh(map, node);
  map.finish();
  if (node.in_network_reduction && !node.nvswitch) {
    diagnostics.error(map.span("in_network_reduction"), "in-network reduction needs an NVSwitch");
  }
  node.sources = read_sources(profile, facts);
  profile.finish();
  diagnostics.throw_if_any();
  return node;
}

}  // namespace orrery::hardware
