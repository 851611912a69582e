// Reading NCCL's lists. See nccl.hpp.
#include "hardware/nccl.hpp"

#include <algorithm>
#include <cctype>
#include <span>
#include <vector>

#include "hardware/nearest_names.hpp"

namespace orrery::hardware {
namespace {

constexpr std::array<std::string_view, kNcclFunctions> kFunctions{"broadcast", "reduce", "all_gather", "reduce_scatter",
                                                                  "all_reduce"};
constexpr std::array<std::string_view, kNcclAlgorithms> kAlgorithms{
    "tree", "ring", "collnet_direct", "collnet_chain", "nvls", "nvls_tree", "pat"};
constexpr std::array<std::string_view, kNcclProtocols> kProtocols{"LL", "LL128", "Simple"};
constexpr std::array<std::string_view, kNcclGraphs> kGraphs{"ring", "tree", "collnet_chain", "nvls", "collnet_direct"};
// graph/topo.cc, topoPathTypeStr.
constexpr std::array<std::string_view, 10> kPaths{"LOC", "NVL", "NVB", "C2C", "PIX", "PXB", "P2C", "PXN", "PHB", "SYS"};
constexpr std::array<std::string_view, kHostCpus> kCpus{
    "intel_sapphire_rapids", "intel_emerald_rapids", "intel_skylake", "intel_broadwell", "amd", "arm", "power"};

/// As NCCL compares: without case; and without our underscores.
std::string folded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c != '_' && c != ' ') out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return out;
}

std::optional<std::size_t> find(std::span<const std::string_view> names, std::string_view word) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (folded(names[i]) == folded(word)) return i;
  }
  return std::nullopt;
}

std::string unknown(const char* what, std::string_view word, std::size_t column,
                    std::span<const std::string_view> names) {
  std::vector<std::string> valid;
  for (const std::string_view each : names) valid.emplace_back(each);
  std::string text = "unknown " + std::string(what) + " '" + std::string(word) + "' at character " +
                     std::to_string(column + 1) + " of the list";
  const std::vector<std::string> near = nearest_names(word, valid);
  if (near.empty()) {
    text += "; they are";
    for (std::size_t i = 0; i < valid.size(); ++i) text += (i == 0 ? " " : ", ") + valid[i];
    return text;
  }
  for (std::size_t i = 0; i < near.size(); ++i) text += (i == 0 ? "; did you mean " : " or ") + near[i];
  return text + "?";
}

/// One entry of the list, which starts at `column`.
struct Entry {
  std::string_view functions;  ///< one name, or empty
  std::string_view values;
  std::size_t column = 0;  ///< of `values`
  bool without = false;
};

Entry split(std::string_view text, std::size_t column) {
  Entry entry{{}, text, column, false};
  if (const std::size_t colon = text.find(':'); colon != std::string_view::npos) {
    entry.functions = text.substr(0, colon);
    entry.values.remove_prefix(colon + 1);
    entry.column += colon + 1;
  }
  if (!entry.values.empty() && entry.values.front() == '^') {
    entry.without = true;
    entry.values.remove_prefix(1);
    ++entry.column;
  }
  return entry;
}

/// Bits of the entry's names, or an error.
std::string read_values(const Entry& entry, const char* what, std::span<const std::string_view> names,
                        std::uint8_t& bits) {
  bits = 0;
  for (std::size_t at = 0; at <= entry.values.size();) {
    const std::size_t end = std::min(entry.values.find(',', at), entry.values.size());
    const std::string_view word = entry.values.substr(at, end - at);
    const auto index = find(names, word);
    if (!index) return unknown(what, word, entry.column + at, names);
    bits = static_cast<std::uint8_t>(bits | 1u << *index);
    at = end + 1;
  }
  if (entry.without) bits = static_cast<std::uint8_t>(~bits & ((1u << names.size()) - 1u));
  return {};
}

ParsedNcclList parse(std::string_view text, const char* what, std::span<const std::string_view> names) {
  ParsedNcclList out;
  out.list.text = std::string(text);
  const std::uint8_t all = (1u << kNcclFunctions) - 1u;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(';', at), text.size());
    const Entry entry = split(text.substr(at, end - at), at);
    std::uint8_t functions = all, bits = 0;
    if (!entry.functions.empty()) {
      const auto function = find(kFunctions, entry.functions);
      if (!function) return {{}, unknown("function", entry.functions, at, kFunctions)};
      functions = static_cast<std::uint8_t>(1u << *function);
    } else if (at > 0) {
      return {{}, "only the first entry of the list may stand without a function (all_reduce:ring;all_gather:ring)"};
    }
    if (std::string error = read_values(entry, what, names, bits); !error.empty()) return {{}, std::move(error)};
    for (std::size_t f = 0; f < kNcclFunctions; ++f) {
      if ((functions >> f & 1u) != 0) out.list.allowed[f] = bits;
    }
    out.list.named = static_cast<std::uint8_t>(out.list.named | functions);
    at = end + 1;
  }
  return out;
}

}  // namespace

std::string_view name(NcclFunction function) { return kFunctions[static_cast<std::size_t>(function)]; }
std::string_view name(NcclAlgorithm algorithm) { return kAlgorithms[static_cast<std::size_t>(algorithm)]; }
std::string_view name(NcclProtocol protocol) { return kProtocols[static_cast<std::size_t>(protocol)]; }
std::string_view name(NcclVersion version) { return version == NcclVersion::v2_28 ? "2.28.9" : "2.30"; }
std::string_view name(HostCpu cpu) { return kCpus[static_cast<std::size_t>(cpu)]; }

ParsedNcclList parse_nccl_algorithms(std::string_view text) { return parse(text, "algorithm", kAlgorithms); }
ParsedNcclList parse_nccl_protocols(std::string_view text) { return parse(text, "protocol", kProtocols); }

std::string_view name(NcclGraphId id) { return kGraphs[static_cast<std::size_t>(id)]; }
std::string_view name(NcclPath path) { return kPaths[static_cast<std::size_t>(path)]; }

std::optional<NcclPath> parse_nccl_path(std::string_view text) {
  const auto found = std::find(kPaths.begin(), kPaths.end(), text);
  if (found == kPaths.end()) return std::nullopt;
  return static_cast<NcclPath>(found - kPaths.begin());
}

bool NcclSettings::directs() const { return *this != NcclSettings{}; }

std::vector<std::string_view> NcclSettings::idle_keys() const {
  const NcclSettings usual;
  std::vector<std::string_view> keys;
  const auto add = [&](std::string_view key, bool changed) {
    if (changed) keys.push_back(key);
  };
  add("buffsize", buffer_size != usual.buffer_size);
  add("ll_buffsize", ll_buffer_size != usual.ll_buffer_size);
  add("ll128_buffsize", ll128_buffer_size != usual.ll128_buffer_size);
  add("p2p_net_chunksize", p2p_net_chunk != usual.p2p_net_chunk);
  add("p2p_pci_chunksize", p2p_pci_chunk != usual.p2p_pci_chunk);
  add("p2p_nvl_chunksize", p2p_nvl_chunk != usual.p2p_nvl_chunk);
  add("nvls_chunksize", nvls_chunk != usual.nvls_chunk);
  add("ib_qps_per_connection", ib_qps != usual.ib_qps);
  add("ib_split_data_on_qps", ib_split_data != usual.ib_split_data);
  return keys;
}

}  // namespace orrery::hardware
