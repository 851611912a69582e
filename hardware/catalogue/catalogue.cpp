#include "hardware/catalogue/catalogue.hpp"

#include <algorithm>
#include <cstdlib>
#include <system_error>

#include <fmt/format.h>

#include "hardware/catalogue/gpu_words.hpp"
#include "hardware/catalogue/profile_reader.hpp"
#include "hardware/config/config.hpp"
#include "hardware/config/config_numbers.hpp"

namespace orrery::hardware {
namespace {

namespace fs = std::filesystem;

constexpr const char* kProfiles = "hardware/profiles";

bool holds_profiles(const fs::path& root) {
  std::error_code code;
  return fs::is_directory(root / kProfiles, code);
}

fs::path profile_folder(const char* kind) { return data_root() / kProfiles / kind; }

std::vector<std::string> names_in(const char* kind) {
  std::vector<std::string> names;
  std::error_code code;
  for (const fs::directory_entry& entry : fs::directory_iterator(profile_folder(kind), code)) {
    if (entry.path().extension() == ".yaml") names.push_back(entry.path().stem().string());
  }
  // The order of a folder is the file system's business.
  std::sort(names.begin(), names.end());
  return names;
}

/// Names stand in tables and file names: letters, digits and "_-.+" only.
void check_name(const std::string& path, const std::string& name) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '.' || c == '+';
  };
  if (!name.empty() && std::all_of(name.begin(), name.end(), fits)) return;
  throw ConfigError(
      {{path, {}, "a profile is called as its file: letters, digits, '_', '-', '.' and '+', then .yaml"}});
}

/// Path of a profile. `what` names the family in messages ("GPU").
fs::path find_profile(const char* kind, const char* what, std::string_view name) {
  if (is_profile_path(name)) return name;
  const std::vector<std::string> names = names_in(kind);
  if (!std::binary_search(names.begin(), names.end(), name)) {
    const bool is_gpu = std::string_view(kind) == "gpus";
    const std::vector<std::string> called = is_gpu ? gpus_called(name) : std::vector<std::string>();
    std::string advice = called.size() == 1 ? did_you_mean(called.front(), called) : did_you_mean(name, names);
    if (advice.empty() && !called.empty()) advice = fmt::format("; any of {}", listed(called));
    if (advice.empty()) advice = fmt::format("; known: {}", listed(names));
    throw ConfigError(fmt::format("unknown {} {}{}", what, in_quotes(name), advice));
  }
  return profile_folder(kind) / (std::string(name) + ".yaml");
}

template <class Read>
auto load(const char* kind, const char* what, std::string_view name, Read read) {
  const fs::path path = find_profile(kind, what, name);
  const NodePtr root = load_config(path.string());
  const std::string called = is_profile_path(name) ? path.stem().string() : std::string(name);
  check_name(path.string(), called);
  return read(*root, path.string(), called);
}

NodeGroup make_group(const GroupRequest& request) {
  NodeGroup group;
  group.node = load_node(request.node);
  group.gpu = load_gpu(request.gpu.empty() ? group.node.gpu : request.gpu);
  group.count = request.count;
  if (request.nics > 0) {
    if (group.node.nics == 0) {
      throw ConfigError(
          fmt::format("the node '{}' has no network card that {} could be like: its profile says nothing of "
                      "their rate",
                      group.node.name, request.nics));
    }
    group.node.nics = request.nics;
  }
  // An NVLink GPU in a node without its switch talks over PCIe, which its collectives were not measured on.
  if (group.gpu.nvlink_bandwidth.value() > 0.0 && !group.node.nvswitch) drop_collective_fits(group.gpu);
  return group;
}

/// Every node reaches the fabric, rails with equally many cards.
void check_joined(const Cluster& cluster) {
  if (cluster.fabric.kind == FabricKind::torus) return;  // without cards; its axes are the scenario's to give
  if (const std::string misfit = cluster.misfit(); !misfit.empty()) throw ConfigError(misfit);
  const Node& first = cluster.groups.front().node;
  for (const NodeGroup& group : cluster.groups) {
    if (group.node.nics == 0) {
      throw ConfigError(fmt::format("the node '{}' has no network card: it can't be one of {} nodes", group.node.name,
                                    cluster.node_count()));
    }
    if (has_rails(cluster.fabric.kind) && group.node.nics != first.nics) {
      throw ConfigError(
          fmt::format("the rails of the fabric '{}' need equally many network cards in every node, but "
                      "'{}' has {} and '{}' {}",
                      cluster.fabric.name, first.name, first.nics, group.node.name, group.node.nics));
    }
  }
}

}  // namespace

fs::path data_root() {
  std::string looked;
  const auto holds = [&](const fs::path& root) {
    looked += fmt::format("{}{}", looked.empty() ? "" : ", ", root.string());
    return holds_profiles(root);
  };
  // A wrong ORRERY_HOME is an error, not a reason to read other files than the user meant.
  if (const char* home = std::getenv("ORRERY_HOME"); home != nullptr && *home != '\0') {
    if (holds(home)) return home;
    throw ConfigError(fmt::format("ORRERY_HOME={}: no folder {} there", home, kProfiles));
  }
  std::error_code code;
  const fs::path executable = fs::read_symlink("/proc/self/exe", code);
  if (!code) {
    const fs::path installed = executable.parent_path().parent_path() / "share" / "orrery";
    if (holds(installed)) return installed;
  }
  if (holds(ORRERY_SOURCE_ROOT)) return ORRERY_SOURCE_ROOT;
  throw ConfigError(fmt::format("the data files were not found; looked for {} in: {}", kProfiles, looked));
}

std::vector<std::string> gpu_names() { return names_in("gpus"); }
std::vector<std::string> generation_names() { return names_in("generations"); }
std::vector<std::string> node_names() { return names_in("nodes"); }
std::vector<std::string> fabric_names() { return names_in("fabrics"); }

bool is_profile_path(std::string_view name) {
  constexpr std::string_view kEnding = ".yaml";
  return name.find('/') != std::string_view::npos ||
         (name.size() > kEnding.size() && name.substr(name.size() - kEnding.size()) == kEnding);
}

Gpu load_gpu(std::string_view name) { return load("gpus", "GPU", name, read_gpu); }

Generation load_generation(std::string_view name) {
  return load("generations", "GPU generation", name, read_generation);
}

Node load_node(std::string_view name) {
  Node node = load("nodes", "node", name, read_node);
  // A node of one's own may name a GPU of one's own, beside it.
  if (is_profile_path(node.gpu) && fs::path(node.gpu).is_relative()) {
    const fs::path folder = is_profile_path(name) ? fs::path(name).parent_path() : profile_folder("nodes");
    node.gpu = (folder / node.gpu).string();
    if (!is_profile_path(node.gpu)) node.gpu = "./" + node.gpu;
  }
  return node;
}

Fabric load_fabric(std::string_view name) { return load("fabrics", "fabric", name, read_fabric); }

fs::path gpu_profile_path(std::string_view name) { return find_profile("gpus", "GPU", name); }

std::string node_with(std::string_view gpu) {
  for (const std::string& name : node_names()) {
    if (load_node(name).gpu == gpu) return name;
  }
  throw ConfigError(fmt::format("no node profile has the GPU '{}'; name one with --node (orrery list nodes)", gpu));
}

Cluster make_cluster(const std::vector<GroupRequest>& groups, std::string_view fabric) {
  Cluster cluster;
  cluster.fabric = load_fabric(fabric);
  for (const GroupRequest& request : groups) cluster.groups.push_back(make_group(request));
  const int nodes = cluster.node_count();
  if (nodes < 1) throw ConfigError(fmt::format("a cluster needs at least 1 node, found {}", nodes));
  if (nodes > cluster.fabric.max_nodes) {
    throw ConfigError(fmt::format("the fabric '{}' holds at most {} node{}, found {}", fabric, cluster.fabric.max_nodes,
                                  cluster.fabric.max_nodes == 1 ? "" : "s", nodes));
  }
  if (nodes > 1) check_joined(cluster);
  return cluster;
}

Cluster make_cluster(std::string_view node, std::string_view fabric, int nodes, std::string_view gpu) {
  return make_cluster({{std::string(node), nodes, std::string(gpu)}}, fabric);
}

}  // namespace orrery::hardware
