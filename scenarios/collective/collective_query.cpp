// From words to a group of ranks. See collective_table.hpp and cluster_query.hpp.
#include <algorithm>
#include <cmath>
#include <filesystem>

#include <fmt/format.h>

#include "calibrate/machines.hpp"
#include "calibrate/nccl_types.hpp"
#include "hardware/catalogue/catalogue.hpp"
#include "hardware/config/shown.hpp"
#include "hardware/nearest_names.hpp"
#include "scenarios/collective/cluster_query.hpp"
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

constexpr sim::CollectiveKind kOperations[] = {sim::CollectiveKind::all_reduce,     sim::CollectiveKind::all_gather,
                                               sim::CollectiveKind::reduce_scatter, sim::CollectiveKind::all_to_all,
                                               sim::CollectiveKind::broadcast,      sim::CollectiveKind::reduce};

sim::CollectiveKind kind_of(std::string_view operation) {
  std::vector<std::string> names;
  for (const sim::CollectiveKind kind : kOperations) {
    if (sim::name(kind) == operation) return kind;
    names.emplace_back(sim::name(kind));
  }
  unknown("operation", operation, names);
}

calibrate::NcclType type_of(const std::string& word, sim::CollectiveKind kind) {
  const calibrate::NcclType* type = calibrate::find_nccl_type(word.empty() ? "bf16" : word);
  if (type == nullptr) {
    std::vector<std::string> words;
    for (const calibrate::NcclType& each : calibrate::nccl_types()) words.emplace_back(each.word);
    unknown("type", word, words);
  }
  if (const std::string refusal = calibrate::sum_refusal(kind, *type); !refusal.empty()) {
    throw ConfigError("collective: " + refusal);
  }
  return *type;
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

/// An element in each operation and, where ranks have parts, in each part.
Bytes least_size(const CollectiveQuery& query) { return Bytes{query.type.bytes * query.parts() * query.operations}; }

/// Of the sizes that nobody asked for, those that are no element of each rank.
void leave_out_small(CollectiveQuery& query) {
  const Bytes least = least_size(query);
  const auto small = [&](Bytes size) { return size < least; };
  query.sizes.erase(std::remove_if(query.sizes.begin(), query.sizes.end(), small), query.sizes.end());
  if (query.sizes.empty()) query.sizes.push_back(least);
}

/// Whole elements of each operation and, where ranks have parts, of each part, as nccl-tests rounds a size down.
void round_sizes(CollectiveQuery& query) {
  const double least = least_size(query).value();
  for (Bytes& size : query.sizes) {
    const double elements = std::floor(size.value() / least);
    if (!(elements >= 1.0)) {
      std::string each = query.parts() > 1 ? fmt::format(" for each of {} ranks", query.parts()) : "";
      if (query.operations > 1) each += fmt::format(" in each of {} operations", query.operations);
      throw ConfigError(fmt::format("collective: --bytes {:.0f} B is no element of {:g} B ({}){}: at least {:.0f} B",
                                    size.value(), query.type.bytes, query.type.name, each, least));
    }
    size = Bytes{elements * least};
  }
  query.sizes.erase(std::unique(query.sizes.begin(), query.sizes.end()), query.sizes.end());
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

/// The key by which the cluster names an algorithm.
std::string algorithm_key_of(const CollectiveWords& words, const std::vector<Override>& overrides) {
  constexpr std::string_view kShort = "cluster.collective_algorithm";
  bool is_short = std::any_of(overrides.begin(), overrides.end(), [&](const Override& o) { return o.key == kShort; });
  if (!is_short && has_cluster(words.cluster)) {
    const hardware::NodePtr root = hardware::load_config(words.cluster);
    const hardware::ConfigNode* cluster = root->find("cluster");
    is_short = cluster != nullptr && cluster->find("collective_algorithm") != nullptr;
  }
  return std::string(is_short ? kShort : "cluster.nccl.algo");
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
  const std::string fabric =
      !words.fabric.empty()
          ? words.fabric
          : (nodes > 1 ? std::string(calibrate::usual_fabric(hardware::load_node(words.cluster))) : "");
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

/// The group and its sizes, once the cluster is there. `where` names it in messages.
void complete(CollectiveQuery& query, const CollectiveWords& words, const std::string& where) {
  query.operations = words.operations;
  if (query.cluster.groups.size() > 1) {
    throw ConfigError(fmt::format("collective: {} has unlike nodes: name one of them with --cluster", where));
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
    if (words.bytes.empty()) leave_out_small(query);
    round_sizes(query);
    return;
  }
  if (!words.bytes.empty()) throw ConfigError("collective: --bytes beside --compare, whose sizes are the file's");
  const std::string_view type = words.type.empty() ? std::string_view{} : query.type.name;
  query.measured = rows_of(read_nccl_tests(words.compare), words.compare, sim::name(query.kind), type,
                           sim::bus_factor(query.kind, query.ranks()));
  check_group(query.measured, words.compare, {query.gpus, query.nodes, group.gpu.name});
  if (words.type.empty()) query.type = type_of(query.measured.front().type, query.kind);
  for (const NcclTestsRow& row : query.measured) query.sizes.push_back(row.size);
}

}  // namespace

std::optional<hardware::Cluster> described_cluster(const std::string& path) {
  if (!has_cluster(path)) return std::nullopt;
  return cluster_in(path, {});
}

std::vector<std::string> collective_operations() {
  std::vector<std::string> names;
  for (const sim::CollectiveKind kind : kOperations) names.emplace_back(sim::name(kind));
  return names;
}

CollectiveQuery read_query(std::string_view operation, const CollectiveWords& words,
                           const std::vector<Override>& overrides) {
  CollectiveQuery query;
  query.kind = kind_of(operation);
  query.type = type_of(words.type, query.kind);
  query.cluster = cluster_of(words, overrides);
  query.algorithm_key = algorithm_key_of(words, overrides);
  complete(query, words, hardware::quoted_path(words.cluster));
  return query;
}

CollectiveQuery query_of_cluster(std::string_view operation, const CollectiveWords& words, hardware::Cluster cluster) {
  CollectiveQuery query;
  query.kind = kind_of(operation);
  query.type = type_of(words.type, query.kind);
  query.cluster = std::move(cluster);
  complete(query, words, "the cluster");
  return query;
}

}  // namespace orrery::scenarios
