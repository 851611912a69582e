#include "scenarios/sections.hpp"

#include <algorithm>
#include <deque>
#include <filesystem>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "hardware/catalogue/catalogue.hpp"
#include "hardware/config/shown.hpp"
#include "models/architectures/hf_config.hpp"
#include "scenarios/format.hpp"
#include "scenarios/nccl_section.hpp"
#include "scenarios/network_section.hpp"
#include "scenarios/scenario.hpp"
#include "sim/clock.hpp"

namespace orrery::scenarios {

namespace {

using hardware::ConfigError;
using hardware::ConfigNode;
using hardware::Diagnostics;
using hardware::MapReader;
using hardware::Range;

constexpr double kMostNodes = 1e7;
constexpr std::size_t kMostGroups = 64;

bool is_path(const std::string& text) {
  return text.find('/') != std::string::npos || (text.size() > 5 && text.compare(text.size() - 5, 5, ".json") == 0);
}

models::Llm load_named(const std::string& written, const std::string& as, const ConfigNode& node,
                       const std::string& folder, Diagnostics& diagnostics) {
  try {
    std::string target = expand_variables(written);
    if (is_path(target)) {
      const std::filesystem::path path(target);
      if (path.is_relative()) target = (std::filesystem::path(folder) / path).string();
    }
    return models::load_model(target, as);
  } catch (const ConfigError& error) {
    add_error(error, node.span, diagnostics);
    return {};
  }
}

/// The rules of a config.json, once more: a change of one size may not fit the others.
void check_overridden(const MapReader& reader, const models::Llm& llm, Diagnostics& diagnostics) {
  const models::AttentionConfig& attention = llm.attention;
  if (attention.heads <= 0 || attention.kv_heads <= 0 || attention.kind == models::AttentionKind::latent) return;
  const bool reshaped = reader.has("hidden") || reader.has("heads");
  if (reshaped && !reader.has("head_dim") && llm.hidden % attention.heads != 0) {
    diagnostics.error(reader.span(reader.has("hidden") ? "hidden" : "heads"),
                      fmt::format("model: hidden {} is not a multiple of {} heads; give head_dim too if that is meant",
                                  llm.hidden, attention.heads));
  }
  if (attention.heads % attention.kv_heads != 0) {
    diagnostics.error(reader.span(reader.has("kv_heads") ? "kv_heads" : "heads"),
                      fmt::format("model: kv_heads {} does not divide {} heads", attention.kv_heads, attention.heads));
  }
}

/// Of a model whose layers differ the sizes that all layers share may change, and their number: the pattern is cut, or
/// starts again.
void override_equal_layers_only(MapReader& reader, models::Llm& llm, Diagnostics& diagnostics) {
  for (const std::string_view key : {"heads", "kv_heads", "head_dim", "inter"}) {
    if (!reader.has(key)) continue;
    diagnostics.error(reader.span(key),
                      fmt::format("model: {} can't be changed: the layers of {} differ", key, llm.name));
    (void)reader.integer_or(key, 1, Range::between(1, 1e9));
  }
  llm.tied_embeddings = reader.boolean_or("tied_embeddings", llm.tied_embeddings);
}

/// What-if changes of a library model; head_dim follows hidden / heads unless it is given.
void override_model(MapReader& reader, models::Llm& llm, Diagnostics& diagnostics) {
  const std::size_t before = diagnostics.items().size();
  const Range count = Range::between(1, 1e9);
  const bool reshaped = reader.has("hidden") || reader.has("heads");
  const bool one_kv_per_head = llm.attention.kv_heads == llm.attention.heads;
  llm.layers = reader.integer_or("layers", llm.layers, count);
  llm.hidden = reader.integer_or("hidden", llm.hidden, count);
  llm.vocab = reader.integer_or("vocab", llm.vocab, count);
  llm.max_positions = reader.integer_or("max_positions", llm.max_positions, count);
  if (!llm.kinds.empty()) {
    override_equal_layers_only(reader, llm, diagnostics);
    return;
  }
  llm.attention.heads = reader.integer_or("heads", llm.attention.heads, count);
  llm.attention.kv_heads =
      reader.integer_or("kv_heads", one_kv_per_head ? llm.attention.heads : llm.attention.kv_heads, count);
  const std::int64_t head_dim =
      reshaped && llm.attention.heads > 0 ? llm.hidden / llm.attention.heads : llm.attention.head_dim;
  llm.attention.head_dim = reader.integer_or("head_dim", head_dim, count);
  llm.mlp.inter = reader.integer_or("inter", llm.mlp.inter, count);
  llm.tied_embeddings = reader.boolean_or("tied_embeddings", llm.tied_embeddings);
  if (diagnostics.items().size() == before) check_overridden(reader, llm, diagnostics);
}

}  // namespace

void add_error(const ConfigError& error, const hardware::SourceSpan& span, Diagnostics& diagnostics) {
  const std::vector<hardware::Diagnostic>& items = error.diagnostics();
  if (items.size() < 2 && (items.empty() || items.front().span.line == 0)) {
    diagnostics.error(span, items.empty() || !items.front().file.empty() ? error.what() : items.front().message);
    return;
  }
  // Errors inside another file keep their own position, at the place that names the file.
  for (const hardware::Diagnostic& item : items) diagnostics.error(span, item.str());
}

Seconds read_moment(MapReader& reader, std::string_view key, Seconds fallback) {
  const Seconds moment = reader.duration_or(key, fallback);
  // As a double the last moment rounds up to one past the end.
  if (moment < sim::to_seconds(sim::kNever)) return moment;
  reader.diagnostics().error(reader.span(key), fmt::format("'{}': {:g} s is beyond the clock, which goes to 2^64 "
                                                           "picoseconds (213 days)",
                                                           key, moment.value()));
  return fallback;
}

Dtype read_dtype(MapReader& reader, std::string_view key, Dtype fallback) {
  std::vector<std::string> names;
  std::size_t index = 0;
  for (std::size_t i = 0; i < all_dtypes().size(); ++i) {
    names.emplace_back(name(all_dtypes()[i]));
    if (all_dtypes()[i] == fallback) index = i;
  }
  return all_dtypes()[reader.choice_or(key, names, index)];
}

models::Llm read_model(const ConfigNode& node, const std::string& folder, std::string& model,
                       Diagnostics& diagnostics) {
  if (node.kind == hardware::NodeKind::scalar) {
    model = node.scalar;
    return load_named(model, "", node, folder, diagnostics);
  }
  MapReader reader(&node, "model", diagnostics);
  const ConfigNode* config = reader.required_child("config");
  models::Llm llm;
  if (config != nullptr && config->kind == hardware::NodeKind::scalar) {
    model = config->scalar;
    llm = load_named(model, reader.text_or("as", ""), *config, folder, diagnostics);
  } else if (config != nullptr) {
    diagnostics.error(config->span, "model.config must be a library name or a path to a config.json");
  }
  override_model(reader, llm, diagnostics);
  reader.finish();
  return llm;
}

namespace {

/// A profile's path as seen from `folder`.
std::string profile_path(const std::string& written, const std::string& folder) {
  const std::filesystem::path path(expand_variables(written));
  const std::string found =
      (path.is_relative() ? std::filesystem::path(folder) / path : path).lexically_normal().string();
  return hardware::is_profile_path(found) ? found : "./" + found;
}

/// A profile's name, or the path of one's own as seen from `folder`. A wrong name is left empty.
std::string read_profile(MapReader& reader, std::string_view key, const std::vector<std::string>& names,
                         const std::string& folder) {
  const ConfigNode* written = reader.peek(key);
  if (written != nullptr && written->kind == hardware::NodeKind::scalar && hardware::is_profile_path(written->scalar)) {
    return profile_path(reader.text(key), folder);
  }
  const std::size_t name = reader.choice(key, names);
  return name < names.size() ? names[name] : "";
}

/// Which nodes, by the keys `node`, `count_key` and `gpu`. Wrong names are left empty.
hardware::GroupRequest read_request(MapReader& reader, std::string_view count_key, bool needs_count,
                                    const std::string& folder) {
  const Range count = Range::between(1, kMostNodes);
  hardware::GroupRequest request;
  request.node = read_profile(reader, "node", hardware::node_names(), folder);
  request.count =
      static_cast<int>(needs_count ? reader.integer(count_key, count) : reader.integer_or(count_key, 1, count));
  if (reader.has("gpu")) request.gpu = read_profile(reader, "gpu", hardware::gpu_names(), folder);
  constexpr double kMostNics = 64;
  request.nics = static_cast<int>(reader.integer_or("nics", 0, Range::between(1, kMostNics)));
  return request;
}

/// A figure's source is now whoever changed it; the profile's stays readable.
void note_change(std::map<std::string, std::string>& sources, const std::string& key, const std::string& profile) {
  auto found = sources.find(key);
  if (found == sources.end()) found = sources.find("default");
  sources[key] = fmt::format("{}; the profile has {}{}", kChangedByScenario, profile,
                             found == sources.end() ? "" : " (" + found->second + ")");
}

/// The clock that the board is said to keep: of a state that such boards were found in, or of a power limit.
void set_clock(MapReader& reader, hardware::Gpu& gpu, Diagnostics& diagnostics) {
  const std::string name = reader.text_or("power_state", "");
  const Watts limit = reader.power_or("power_limit", gpu.power);
  if (!name.empty() && reader.has("power_limit")) {
    diagnostics.error(reader.span("power_limit"),
                      "a power_state and a power_limit: a board's clock follows one of them");
  }
  if (!name.empty()) {
    if (const hardware::SustainedClock* state = gpu.find_state(name)) {
      gpu.clock = *state;
    } else {
      std::vector<std::string> known;
      for (const hardware::SustainedClock& one : gpu.states) known.push_back(one.name);
      diagnostics.error(reader.span("power_state"),
                        known.empty()
                            ? fmt::format("no state of {} is known: its clock falls by a power_limit", gpu.name)
                            : fmt::format("no state of {} is called {}; known: {}", gpu.name, hardware::shown(name),
                                          fmt::join(known, ", ")));
    }
  } else if (reader.has("power_limit")) {
    if (limit > gpu.power) {
      diagnostics.error(reader.span("power_limit"),
                        fmt::format("a {} draws {:.0f} W at most", gpu.name, gpu.power.value()));
    }
    gpu.clock = hardware::clock_at_power(gpu.power, limit);
    note_change(gpu.sources, "power", fmt::format("{:g} W", gpu.power.value()));
    gpu.power = limit;
  }
}

/// What the scenario says otherwise than the profiles.
void override_group(MapReader& reader, hardware::NodeGroup& group, Diagnostics& diagnostics) {
  hardware::Gpu& gpu = group.gpu;
  gpu.price = reader.price_or("price", gpu.price);
  if (reader.has("price")) gpu.sources["price"] = kScenarioPrice;
  const Bytes memory = std::exchange(gpu.memory, reader.bytes_or("gpu_memory", gpu.memory));
  if (memory != gpu.memory) note_change(gpu.sources, "memory", readable(memory.value(), Unit::bytes));
  hardware::set_memory_bandwidth(gpu, reader.bandwidth_or("gpu_memory_bandwidth", gpu.memory_bandwidth));
  hardware::set_nvlink_bandwidth(gpu, reader.bandwidth_or("nvlink_bandwidth", gpu.nvlink_bandwidth));
  if (reader.has("nvlink_bandwidth") && group.count > 0 && !group.node.nvswitch) {
    diagnostics.error(reader.span("nvlink_bandwidth"),
                      "the node '" + group.node.name + "' has no NVLink switch: its GPUs talk over PCIe");
  }
  set_clock(reader, gpu, diagnostics);
  hardware::Node& node = group.node;
  if (reader.has("nics")) note_change(node.sources, "nics", "another number");
  const BytesPerSecond card =
      std::exchange(node.nic_bandwidth, reader.bandwidth_or("nic_bandwidth", node.nic_bandwidth));
  if (card != node.nic_bandwidth) {
    note_change(node.sources, "nic_bandwidth", fmt::format("{:g} GB/s", card.value() / 1e9));
  }
}

std::string read_fabric(MapReader& reader, int nodes, const std::string& folder) {
  if (nodes < 2 && !reader.has("fabric")) return "single_node";
  const std::string fabric = read_profile(reader, "fabric", hardware::fabric_names(), folder);
  return fabric.empty() ? "single_node" : fabric;
}

/// Nodes of one kind: their keys stand in the cluster itself.
hardware::Cluster read_alike(MapReader& reader, const std::string& folder, Diagnostics& diagnostics) {
  const std::size_t before = diagnostics.items().size();
  const hardware::GroupRequest request = read_request(reader, "nodes", false, folder);
  const std::string fabric = read_fabric(reader, request.count, folder);
  hardware::Cluster cluster;
  if (diagnostics.items().size() == before) {
    try {
      cluster = hardware::make_cluster({request}, fabric);
    } catch (const ConfigError& error) {
      add_error(error, reader.span(reader.has("nodes") ? "nodes" : "node"), diagnostics);
    }
  }
  if (cluster.groups.empty()) cluster.groups.emplace_back();
  override_group(reader, cluster.groups.front(), diagnostics);
  return cluster;
}

/// What stands for a cluster that could not be read.
hardware::Cluster one_empty_group() {
  hardware::Cluster cluster;
  cluster.groups.emplace_back();
  return cluster;
}

/// nodes: [{node, count, …}, …].
hardware::Cluster read_groups(MapReader& reader, const ConfigNode& cluster_node, const ConfigNode& list,
                              const std::string& folder, Diagnostics& diagnostics) {
  const std::size_t before = diagnostics.items().size();
  for (const std::string_view key : {"node", "gpu", "nics", "price", "gpu_memory", "gpu_memory_bandwidth",
                                     "nvlink_bandwidth", "nic_bandwidth", "power_state", "power_limit"}) {
    if (cluster_node.find(key) == nullptr) continue;
    diagnostics.error(reader.span(key), fmt::format("'{}' belongs to a group of nodes here: nodes: [{{node, count, {}"
                                                    "}}, ...]",
                                                    key, key == "node" ? "gpu" : key));
    (void)reader.child(key);
  }
  std::deque<MapReader> readers;
  std::vector<hardware::GroupRequest> requests;
  if (list.items.size() > kMostGroups) {
    diagnostics.error(list.span,
                      fmt::format("{} groups of nodes; at most {} are accepted: those that are alike are one",
                                  list.items.size(), kMostGroups));
    return one_empty_group();
  }
  for (const hardware::NodePtr& item : list.items) {
    readers.emplace_back(item.get(), "group of nodes", diagnostics);
    requests.push_back(read_request(readers.back(), "count", true, folder));
  }
  if (list.items.empty())
    diagnostics.error(list.span, "nodes must be a number, or a list of at least one {node, count}");
  std::int64_t count = 0;
  for (const hardware::GroupRequest& request : requests) count += request.count;
  if (static_cast<double>(count) > kMostNodes) {
    diagnostics.error(list.span,
                      fmt::format("{} nodes are more than the {:.0f} that a cluster may have", count, kMostNodes));
  }
  const std::string fabric = read_fabric(reader, count > 1 ? 2 : 1, folder);
  hardware::Cluster cluster;
  if (diagnostics.items().size() == before) {
    try {
      cluster = hardware::make_cluster(requests, fabric);
    } catch (const ConfigError& error) {
      add_error(error, list.span, diagnostics);
    }
  }
  cluster.groups.resize(std::max<std::size_t>(1, list.items.size()));
  for (std::size_t i = 0; i < readers.size(); ++i) {
    override_group(readers[i], cluster.groups[i], diagnostics);
    readers[i].finish();
  }
  return cluster;
}

}  // namespace

std::vector<std::string> profile_files(const ConfigNode& cluster, const std::string& folder) {
  std::vector<std::string> files;
  const auto add = [&](const ConfigNode& owner) {
    for (const std::string_view key : {"node", "gpu", "fabric"}) {
      const ConfigNode* value = owner.find(key);
      if (value != nullptr && hardware::is_profile_path(value->scalar)) {
        files.push_back(profile_path(value->scalar, folder));
      }
    }
  };
  add(cluster);
  if (const ConfigNode* nodes = cluster.find("nodes")) {
    for (const hardware::NodePtr& group : nodes->items) add(*group);
  }
  return files;
}

hardware::Cluster read_cluster(const ConfigNode& node, const std::string& folder, PlacementConfig& placement,
                               Diagnostics& diagnostics) {
  MapReader reader(&node, "cluster", diagnostics);
  const ConfigNode* nodes = node.find("nodes");
  const bool groups = nodes != nullptr && nodes->kind == hardware::NodeKind::sequence;
  if (groups) (void)reader.child("nodes");
  const std::size_t before = diagnostics.items().size();
  hardware::Cluster cluster =
      groups ? read_groups(reader, node, *nodes, folder, diagnostics) : read_alike(reader, folder, diagnostics);
  const bool known = diagnostics.items().size() == before;
  cluster.nccl = read_nccl(reader, folder, diagnostics);
  check_nccl(reader, cluster, diagnostics);
  cluster.network = read_network(reader, diagnostics);
  read_torus(reader, cluster, known, diagnostics);
  placement = read_placement(reader.child("placement"), cluster.node_count(), placement, diagnostics);
  reader.finish();
  return cluster;
}

}  // namespace orrery::scenarios
