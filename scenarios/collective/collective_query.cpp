// From words to a group of ranks. See collective_table.hpp.
#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "hardware/catalogue/catalogue.hpp"
#include "hardware/config/shown.hpp"
#include "hardware/nearest_names.hpp"
#include "scenarios/collective/collective_table.hpp"
#include "scenarios/format.hpp"
#include "scenarios/kinds.hpp"
#include "scenarios/scenario.hpp"
#include "scenarios/sections.hpp"

namespace orrery::scenarios {
namespace {

using hardware::ConfigError;

constexpr int kMostSizes = 200;

[[noreturn]] void unknown(std::string_view what, std::string_view word, const std::vector<std::string>& valid) {
  const std::vector<std::string> nearest = hardware::nearest_names(word, valid);
  const std::string hint = nearest.empty() ? fmt::format("; known: {}", fmt::join(valid, ", "))
                                           : fmt::format("; did you mean {}?", fmt::join(nearest, " or "));
  throw ConfigError(fmt::format("collective: unknown {} '{}'{}", what, printable(word), hint));
}

sim::CollectiveKind kind_of(std::string_view operation) {
  constexpr sim::CollectiveKind kKinds[] = {sim::CollectiveKind::all_reduce,     sim::CollectiveKind::all_gather,
                                            sim::CollectiveKind::reduce_scatter, sim::CollectiveKind::all_to_all,
                                            sim::CollectiveKind::broadcast,      sim::CollectiveKind::reduce};
  std::vector<std::string> names;
  for (const sim::CollectiveKind kind : kKinds) {
    if (sim::name(kind) == operation) return kind;
    names.emplace_back(sim::name(kind));
  }
  unknown("operation", operation, names);
}

Dtype dtype_of(const std::string& type) {
  if (type.empty()) return Dtype::bf16;
  // nccl-tests' own names beside ours.
  if (type == "half") return Dtype::fp16;
  if (type == "float") return Dtype::fp32;
  if (type == "f8e4m3" || type == "fp8_e4m3") return Dtype::fp8;
  if (const auto found = parse_dtype(type)) return *found;
  std::vector<std::string> names{"half", "float"};
  for (const Dtype each : all_dtypes()) names.emplace_back(name(each));
  unknown("type", type, names);
}

Bytes size_of(const std::string& text) {
  std::string error;
  const auto bytes = hardware::parse_bytes(text, error);
  if (!bytes || !(*bytes > Bytes{})) {
    throw ConfigError(
        fmt::format("collective: --bytes '{}': {}", printable(text), error.empty() ? "no positive size" : error));
  }
  return *bytes;
}

/// "1KiB..1GiB" by factors of two, or one size.
std::vector<Bytes> sizes_of(const std::string& text) {
  const std::string all = text.empty() ? "1KiB..1GiB" : text;
  const std::size_t dots = all.find("..");
  if (dots == std::string::npos) return {size_of(all)};
  const Bytes first = size_of(all.substr(0, dots)), last = size_of(all.substr(dots + 2));
  if (last < first) {
    throw ConfigError(fmt::format("collective: --bytes {}: the second size is below the first", printable(all)));
  }
  std::vector<Bytes> sizes;
  for (Bytes size = first; size <= last; size = size * 2.0) {
    if (sizes.size() == kMostSizes) {
      throw ConfigError(fmt::format("collective: --bytes {}: more than {} sizes", printable(all), kMostSizes));
    }
    sizes.push_back(size);
  }
  return sizes;
}

/// The file has a cluster; else it is a node's profile.
bool has_cluster(const std::string& path) {
  return std::filesystem::is_regular_file(path) && hardware::load_config(path)->find("cluster") != nullptr;
}

/// The cluster of a file that has nothing else to run: a scenario without a job.
hardware::Cluster cluster_alone(const EditedText& edited, const std::string& folder) {
  const hardware::NodePtr root = hardware::parse_config(edited.text(), edited.file());
  hardware::Diagnostics diagnostics(edited.file());
  hardware::MapReader reader(root.get(), "the file", diagnostics);
  const hardware::ConfigNode* node = reader.required_child("cluster");
  (void)reader.child("scenario");
  PlacementConfig placement;
  hardware::Cluster cluster;
  if (node != nullptr) cluster = read_cluster(*node, folder, placement, diagnostics);
  reader.finish();
  edited.throw_if_any(diagnostics);
  return cluster;
}

/// The cluster of a scenario, or of a file that has only that.
hardware::Cluster cluster_in(const std::string& path, const std::vector<Override>& overrides) {
  const hardware::NodePtr root = hardware::load_config(path);
  bool job = root->find("model") != nullptr || root->find("jobs") != nullptr;
  for (const KindRow* kind : kinds()) job = job || root->find(kind->name) != nullptr;
  if (job) return load_scenario(path, overrides).cluster;
  const EditedText edited(hardware::read_text_file(path), path, overrides);
  return cluster_alone(edited, std::filesystem::path(path).parent_path().string());
}

/// A fabric of the cards' generation.
std::string usual_fabric(const std::string& node) {
  constexpr BytesPerSecond kHdr{25e9};
  const bool ndr = hardware::load_node(node).nic_bandwidth > kHdr;
  return ndr ? "rail_fat_tree_ndr" : "rail_fat_tree_hdr";
}

hardware::Cluster cluster_of(const CollectiveWords& words, const std::vector<Override>& overrides) {
  if (has_cluster(words.cluster)) {
    if (!words.fabric.empty()) {
      throw ConfigError(fmt::format("collective: --fabric beside {}, whose cluster has one: --set cluster.fabric={}",
                                    hardware::quoted_path(words.cluster), printable(words.fabric)));
    }
    return cluster_in(words.cluster, overrides);
  }
  for (const Override& override : overrides) {
    if (override.key.rfind("cluster.", 0) == 0) continue;
    throw ConfigError(fmt::format("collective: --set {}: unknown key; those of a node's cluster begin with cluster.",
                                  printable(override.key)));
  }
  const std::vector<std::string> names = hardware::node_names();
  const bool path = hardware::is_profile_path(words.cluster);
  if (!path && std::find(names.begin(), names.end(), words.cluster) == names.end()) {
    unknown("node (or file with a cluster)", words.cluster, names);
  }
  const int nodes = std::max(1, words.nodes);
  std::string text = fmt::format("cluster:\n  node: {}\n  nodes: {}\n", words.cluster, nodes);
  const std::string fabric = !words.fabric.empty() ? words.fabric : (nodes > 1 ? usual_fabric(words.cluster) : "");
  if (!fabric.empty()) text += fmt::format("  fabric: {}\n", fabric);
  try {
    return cluster_alone(EditedText(std::move(text), "--cluster", overrides), ".");
  } catch (const ConfigError& error) {
    // Places of a text that nobody has seen say nothing.
    std::vector<hardware::Diagnostic> items;
    for (const hardware::Diagnostic& item : error.diagnostics()) items.push_back({"collective", {}, item.message});
    throw ConfigError(std::move(items));
  }
}

}  // namespace

CollectiveQuery read_query(std::string_view operation, const CollectiveWords& words,
                           const std::vector<Override>& overrides) {
  CollectiveQuery query;
  query.kind = kind_of(operation);
  query.dtype = dtype_of(words.type);
  query.cluster = cluster_of(words, overrides);
  query.operations = words.operations;
  if (query.cluster.groups.size() > 1) {
    throw ConfigError(fmt::format("collective: {} has unlike nodes: name one of them with --cluster",
                                  hardware::quoted_path(words.cluster)));
  }
  const hardware::NodeGroup& group = query.cluster.groups.front();
  query.nodes = words.nodes > 0 ? words.nodes : query.cluster.node_count();
  query.gpus = words.gpus > 0 ? words.gpus : group.node.gpus;
  if (query.gpus > group.node.gpus || query.nodes > query.cluster.node_count()) {
    throw ConfigError(fmt::format("collective: {} GPUs on each of {} nodes are more than {} nodes of {} GPUs",
                                  query.gpus, query.nodes, query.cluster.node_count(), group.node.gpus));
  }
  if (query.ranks() < 2) throw ConfigError("collective: a collective needs two GPUs (--gpus, --nodes)");
  if (words.compare.empty()) {
    query.sizes = sizes_of(words.bytes);
    return query;
  }
  if (!words.bytes.empty()) throw ConfigError("collective: --bytes beside --compare, whose sizes are the file's");
  const std::string_view type = words.type.empty() ? std::string_view{} : nccl_type(query.dtype);
  query.measured = rows_of(read_nccl_tests(words.compare), words.compare, sim::name(query.kind), type,
                           sim::bus_factor(query.kind, query.ranks()));
  if (words.type.empty()) query.dtype = dtype_of(query.measured.front().type);
  for (const NcclTestsRow& row : query.measured) query.sizes.push_back(row.size);
  return query;
}

}  // namespace orrery::scenarios
