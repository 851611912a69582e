#include "scenarios/nccl_section.hpp"

#include <algorithm>
#include <filesystem>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hardware/config/shown.hpp"
#include "scenarios/nccl_graph_file.hpp"
#include "sim/collective/collectives.hpp"

namespace orrery::scenarios {
namespace {

using hardware::Diagnostics;
using hardware::MapReader;
using hardware::NcclList;
using hardware::NcclSettings;
using hardware::ParsedNcclList;
using hardware::Range;

constexpr double kMostChannels = 64, kMostThreads = 640;

NcclList read_list(MapReader& reader, const char* key, ParsedNcclList (*parse)(std::string_view),
                   Diagnostics& diagnostics) {
  const std::string text = reader.text_or(key, "");
  ParsedNcclList parsed = parse(text);
  if (!parsed.error.empty()) diagnostics.error(reader.span(key), fmt::format("nccl.{}: {}", key, parsed.error));
  return parsed.list;
}

int count(MapReader& reader, const char* key, double most) {
  return static_cast<int>(reader.integer_or(key, 0, Range::between(1, most)));
}

void check_order(const MapReader& reader, const char* least_key, int least, const char* most_key, int most,
                 Diagnostics& diagnostics) {
  if (least > 0 && most > 0 && least > most) {
    diagnostics.error(reader.span(least_key),
                      fmt::format("nccl: {} {} is above {} {}", least_key, least, most_key, most));
  }
}

void read_thresholds(MapReader& reader, NcclSettings& out, Diagnostics& diagnostics) {
  const std::vector<std::int64_t> written = reader.integers_or("thread_thresholds", {}, Range::between(0, 1e6));
  if (written.size() > out.thread_thresholds.size()) {
    diagnostics.error(reader.span("thread_thresholds"),
                      "nccl.thread_thresholds: at most six: tree LL, LL128, Simple, then ring LL, LL128, Simple");
    return;
  }
  std::transform(written.begin(), written.end(), out.thread_thresholds.begin(),
                 [](std::int64_t value) { return static_cast<int>(value); });
}

/// One graph as `orrery import` writes it.
hardware::NcclGraph read_graph(const hardware::ConfigNode& node, Diagnostics& diagnostics) {
  MapReader reader(&node, "graphs", diagnostics);
  hardware::NcclGraph graph;
  std::vector<std::string> ids, paths;
  for (int i = 0; i < hardware::kNcclGraphs; ++i)
    ids.emplace_back(hardware::name(static_cast<hardware::NcclGraphId>(i)));
  for (int i = 0; i <= static_cast<int>(hardware::NcclPath::sys); ++i) {
    paths.emplace_back(hardware::name(static_cast<hardware::NcclPath>(i)));
  }
  constexpr double kGiga = 1e9;
  graph.id = static_cast<hardware::NcclGraphId>(reader.choice("graph", ids));
  graph.pattern = static_cast<int>(reader.integer("pattern", Range::between(1, 6)));
  graph.channels = static_cast<int>(reader.integer("channels", Range::between(1, kMostChannels)));
  graph.gpus = static_cast<int>(reader.integer("gpus", Range::between(1, 1024)));
  graph.intra = reader.bandwidth("intra").value() / kGiga;
  graph.inter = reader.bandwidth("inter").value() / kGiga;
  graph.type_intra = static_cast<hardware::NcclPath>(reader.choice("type_intra", paths));
  graph.type_inter = static_cast<hardware::NcclPath>(reader.choice("type_inter", paths));
  graph.same_channels = reader.boolean_or("same_channels", true);
  reader.finish();
  return graph;
}

/// Graphs of a file, or as they stand.
void read_graphs(MapReader& reader, const std::string& folder, NcclSettings& out, Diagnostics& diagnostics) {
  const hardware::ConfigNode* inline_graphs = reader.child("graphs");
  if (reader.has("graph_file")) {
    const std::filesystem::path written = reader.text("graph_file");
    const std::string path = (written.is_relative() ? std::filesystem::path(folder) / written : written).string();
    if (inline_graphs != nullptr) {
      diagnostics.error(reader.span("graphs"), "nccl: graphs beside graph_file: keep one of them");
    }
    const std::string shown_path = hardware::printable(path, 200);
    try {
      out.graphs = read_nccl_graphs(hardware::read_text_file(path), path);
    } catch (const hardware::ConfigError& error) {
      for (const hardware::Diagnostic& item : error.diagnostics()) {
        diagnostics.error(reader.span("graph_file"),
                          item.span.line > 0
                              ? fmt::format("{}:{}:{}: {}", shown_path, item.span.line, item.span.column, item.message)
                              : fmt::format("{}: {}", shown_path, item.message));
      }
    }
    return;
  }
  if (inline_graphs == nullptr) return;
  if (inline_graphs->kind != hardware::NodeKind::sequence) {
    diagnostics.error(inline_graphs->span, "nccl.graphs: expected a list of graphs");
    return;
  }
  for (const hardware::NodePtr& item : inline_graphs->items) out.graphs.push_back(read_graph(*item, diagnostics));
}

/// What moves the pipeline inside a choice, and what the cards do with a message.
void read_transport(MapReader& reader, NcclSettings& out) {
  const auto size = [&](const char* key, Bytes& value) { value = reader.bytes_or(key, value); };
  size("buffsize", out.buffer_size);
  size("ll_buffsize", out.ll_buffer_size);
  size("ll128_buffsize", out.ll128_buffer_size);
  size("p2p_net_chunksize", out.p2p_net_chunk);
  size("p2p_pci_chunksize", out.p2p_pci_chunk);
  size("p2p_nvl_chunksize", out.p2p_nvl_chunk);
  size("nvls_chunksize", out.nvls_chunk);
  constexpr double kMostQps = 128;
  out.ib_qps = static_cast<int>(reader.integer_or("ib_qps_per_connection", 1, Range::between(1, kMostQps)));
  out.ib_split_data = reader.boolean_or("ib_split_data_on_qps", out.ib_split_data);
}

void read_section(const hardware::ConfigNode& node, const std::string& folder, NcclSettings& out,
                  Diagnostics& diagnostics) {
  MapReader reader(&node, "nccl", diagnostics);
  out.version = static_cast<hardware::NcclVersion>(reader.choice_or("version", {"2.28.9", "2.30"}, 0));
  if (reader.has("algo")) out.algorithms = read_list(reader, "algo", hardware::parse_nccl_algorithms, diagnostics);
  out.protocols = read_list(reader, "proto", hardware::parse_nccl_protocols, diagnostics);
  out.min_channels = count(reader, "min_channels", kMostChannels);
  out.max_channels = count(reader, "max_channels", kMostChannels);
  out.min_ctas = count(reader, "min_ctas", kMostChannels);
  out.max_ctas = count(reader, "max_ctas", kMostChannels);
  out.threads = count(reader, "nthreads", kMostThreads);
  out.ll128_threads = count(reader, "ll128_nthreads", kMostThreads);
  out.nvls = reader.boolean_or("nvls", out.nvls);
  out.collnet = reader.boolean_or("collnet", out.collnet);
  out.pat = reader.boolean_or("pat", out.pat);
  out.cross_nic = reader.boolean_or("cross_nic", out.cross_nic);
  out.ll128_c2c = reader.boolean_or("ll128_c2c", out.ll128_c2c);
  out.pxn = reader.boolean_or("pxn", out.pxn);
  out.symmetric = reader.boolean_or("symmetric", out.symmetric);
  if (out.symmetric && (reader.has("algo") || reader.has("proto"))) {
    diagnostics.error(
        reader.span("symmetric"),
        "nccl.symmetric: the kernels of registered windows come before what algo and proto list: keep one");
  }
  if (reader.has("net_overhead")) out.net_overhead = reader.duration("net_overhead");
  out.p2p_ll_threshold = reader.bytes_or("p2p_ll_threshold", out.p2p_ll_threshold);
  read_thresholds(reader, out, diagnostics);
  read_graphs(reader, folder, out, diagnostics);
  read_transport(reader, out);
  check_order(reader, "min_channels", out.min_channels, "max_channels", out.max_channels, diagnostics);
  check_order(reader, "min_ctas", out.min_ctas, "max_ctas", out.max_ctas, diagnostics);
  reader.finish();
}

/// Of one row of the table. NCCL's exchange has no choice and another library's algorithm is none of NCCL's, so that
/// the name alone is kept and the list leaves all as it is.
NcclList list_of(std::string_view row) {
  ParsedNcclList parsed = hardware::parse_nccl_algorithms(row);
  if (parsed.error.empty()) return parsed.list;
  NcclList all;
  all.text = std::string(row);
  return all;
}

}  // namespace

NcclSettings read_nccl(MapReader& cluster, const std::string& folder, Diagnostics& diagnostics) {
  NcclSettings out;
  std::vector<std::string> names{"automatic"};
  for (const sim::CollectiveRow& row : sim::collective_algorithms()) names.emplace_back(row.name);
  const std::size_t index = cluster.choice_or("collective_algorithm", names, 0);
  if (index > 0 && index < names.size()) out.algorithms = list_of(names[index]);
  const hardware::ConfigNode* node = cluster.child("nccl");
  if (node == nullptr) return out;
  if (index > 0 && node->find("algo") != nullptr) {
    diagnostics.error(cluster.span("collective_algorithm"),
                      "collective_algorithm is a short way to write nccl.algo, which is there too: keep one of them");
  }
  read_section(*node, folder, out, diagnostics);
  return out;
}

namespace {

void add_transport_json(const NcclSettings& s, nlohmann::json& json) {
  const NcclSettings plain;
  const auto size = [&](const char* key, Bytes value, Bytes usual) {
    if (value != usual) json[key] = value.value();
  };
  size("buffsize_bytes", s.buffer_size, plain.buffer_size);
  size("ll_buffsize_bytes", s.ll_buffer_size, plain.ll_buffer_size);
  size("ll128_buffsize_bytes", s.ll128_buffer_size, plain.ll128_buffer_size);
  size("p2p_net_chunksize_bytes", s.p2p_net_chunk, plain.p2p_net_chunk);
  size("p2p_pci_chunksize_bytes", s.p2p_pci_chunk, plain.p2p_pci_chunk);
  size("p2p_nvl_chunksize_bytes", s.p2p_nvl_chunk, plain.p2p_nvl_chunk);
  size("nvls_chunksize_bytes", s.nvls_chunk, plain.nvls_chunk);
  if (s.ib_qps != plain.ib_qps) json["ib_qps_per_connection"] = s.ib_qps;
  if (s.ib_split_data) json["ib_split_data_on_qps"] = true;
  for (const hardware::NcclGraph& graph : s.graphs) {
    constexpr double kGiga = 1e9;
    json["graphs"].push_back({{"graph", std::string(hardware::name(graph.id))},
                              {"pattern", graph.pattern},
                              {"channels", graph.channels},
                              {"gpus", graph.gpus},
                              {"intra_bytes_per_s", graph.intra * kGiga},
                              {"inter_bytes_per_s", graph.inter * kGiga},
                              {"type_intra", std::string(hardware::name(graph.type_intra))},
                              {"type_inter", std::string(hardware::name(graph.type_inter))},
                              {"same_channels", graph.same_channels}});
  }
}

}  // namespace

nlohmann::json nccl_json(const NcclSettings& s) {
  const NcclSettings plain;
  nlohmann::json json = nlohmann::json::object();
  const auto add = [&](const char* key, const auto& value, const auto& usual) {
    if (value != usual) json[key] = value;
  };
  if (s.version != plain.version) json["version"] = std::string(hardware::name(s.version));
  // What only collective_algorithm can name is no list of NCCL's.
  if (hardware::parse_nccl_algorithms(s.algorithms.text).error.empty()) {
    add("algo", s.algorithms.text, plain.algorithms.text);
  }
  add("proto", s.protocols.text, plain.protocols.text);
  add("min_channels", s.min_channels, 0);
  add("max_channels", s.max_channels, 0);
  add("min_ctas", s.min_ctas, 0);
  add("max_ctas", s.max_ctas, 0);
  add("nthreads", s.threads, 0);
  add("ll128_nthreads", s.ll128_threads, 0);
  add("nvls", s.nvls, plain.nvls);
  add("collnet", s.collnet, plain.collnet);
  add("pat", s.pat, plain.pat);
  add("cross_nic", s.cross_nic, plain.cross_nic);
  add("ll128_c2c", s.ll128_c2c, plain.ll128_c2c);
  if (s.net_overhead) json["net_overhead_s"] = s.net_overhead->value();
  add("p2p_ll_threshold_bytes", s.p2p_ll_threshold.value(), plain.p2p_ll_threshold.value());
  add("thread_thresholds", s.thread_thresholds, plain.thread_thresholds);
  add("pxn", s.pxn, plain.pxn);
  add("symmetric", s.symmetric, plain.symmetric);
  add_transport_json(s, json);
  return json;
}

std::vector<std::string> nccl_notes(const NcclSettings& settings) {
  std::vector<std::string> notes;
  for (const std::string_view key : settings.idle_keys()) {
    notes.push_back(fmt::format("cluster.nccl.{}: taken, changes no time in this model", key));
  }
  if (settings.min_channels > 0 || settings.max_channels > 0) {
    notes.push_back(
        fmt::format("cluster.nccl.{}: of rings, trees and exchanges; reduction in the switch (nvls) has channels of "
                    "its own, as in NCCL",
                    settings.max_channels > 0 ? "max_channels" : "min_channels"));
  }
  if (settings.min_ctas > 0 || settings.max_ctas > 0) {
    notes.push_back(
        fmt::format("cluster.nccl.{}: of reduction in the switch (nvls) it changes the SMs and, in this model, no time",
                    settings.max_ctas > 0 ? "max_ctas" : "min_ctas"));
  }
  std::set<int> visited;
  for (const hardware::NcclGraph& graph : settings.graphs) {
    if (graph.channels > 0) visited.insert(graph.gpus);
  }
  if (!visited.empty()) {
    notes.push_back(
        fmt::format("cluster.nccl.graph_file (graphs): holds for groups with {} GPUs on each node, which its channels "
                    "visit; of all others NCCL's search is reckoned",
                    fmt::join(visited, " or ")));
  }
  return notes;
}

bool lists_algorithm(const NcclSettings& settings, std::string_view kind, std::string_view algorithm) {
  for (std::size_t f = 0; f < hardware::kNcclFunctions; ++f) {
    const auto function = static_cast<hardware::NcclFunction>(f);
    if (hardware::name(function) != kind || !settings.algorithms.names(function)) continue;
    for (std::size_t a = 0; a < hardware::kNcclAlgorithms; ++a) {
      if (hardware::name(static_cast<hardware::NcclAlgorithm>(a)) == algorithm) {
        return settings.algorithms.allows(function, a);
      }
    }
  }
  return false;
}

}  // namespace orrery::scenarios
