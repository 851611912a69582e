#include "scenarios/nccl_section.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

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

void read_section(const hardware::ConfigNode& node, NcclSettings& out, Diagnostics& diagnostics) {
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
  if (reader.has("net_overhead")) out.net_overhead = reader.duration("net_overhead");
  out.p2p_ll_threshold = reader.bytes_or("p2p_ll_threshold", out.p2p_ll_threshold);
  read_thresholds(reader, out, diagnostics);
  check_order(reader, "min_channels", out.min_channels, "max_channels", out.max_channels, diagnostics);
  check_order(reader, "min_ctas", out.min_ctas, "max_ctas", out.max_ctas, diagnostics);
  reader.finish();
}

/// Of one row of the table; NCCL's exchange has no choice, so that its name leaves all as it is.
NcclList list_of(std::string_view row) {
  ParsedNcclList parsed = hardware::parse_nccl_algorithms(row);
  if (parsed.error.empty()) return parsed.list;
  NcclList all;
  all.text = std::string(row);
  return all;
}

}  // namespace

NcclSettings read_nccl(MapReader& cluster, Diagnostics& diagnostics) {
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
  read_section(*node, out, diagnostics);
  return out;
}

nlohmann::json nccl_json(const NcclSettings& s) {
  const NcclSettings plain;
  nlohmann::json json = nlohmann::json::object();
  const auto add = [&](const char* key, const auto& value, const auto& usual) {
    if (value != usual) json[key] = value;
  };
  if (s.version != plain.version) json["version"] = std::string(hardware::name(s.version));
  add("algo", s.algorithms.text, plain.algorithms.text);
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
  return json;
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
