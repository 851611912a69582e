#include "scenarios/import/node_profile.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "hardware/catalogue/catalogue.hpp"
#include "hardware/catalogue/profile_reader.hpp"
#include "hardware/config/shown.hpp"
#include "scenarios/import/import.hpp"

namespace orrery::scenarios {
namespace {

using hardware::ConfigError;

/// Links of the GPU with the fewest among the first `n`, as rings can use them: what enters by one neighbour leaves by
/// another, so that at most half of all that passes goes over the links to one of them.
int fewest_links(const LinkMatrix& cables, std::size_t n) {
  int fewest = kManyLinks;
  for (std::size_t i = 0; i < n; ++i) {
    int links = 0, most = 0;
    for (std::size_t j = 0; j < n; ++j) {
      links += cables[i][j];
      most = std::max(most, cables[i][j]);
    }
    fewest = std::min(fewest, n > 2 ? std::min(links, 2 * (links - most)) : links);
  }
  return fewest;
}

/// Pairs that are joined though they don't stand side by side: bridges that the profile has no word for.
void name_unused(const LinkMatrix& cables, NvlinkShape& shape) {
  for (std::size_t i = 0; i < cables.size(); ++i) {
    for (std::size_t j = i + 1; j < cables.size(); ++j) {
      if (cables[i][j] > 0 && (i % 2 != 0 || j != i + 1)) {
        shape.unused.push_back(
            fmt::format("NVLink between GPU{} and GPU{}: of bridges, those between neighbours count", i, j));
        return;
      }
    }
  }
}

/// Links of the bridge that has the fewest, of those between neighbours (0 and 1, 2 and 3, ...); 0: a GPU has none.
int fewest_of_neighbours(const LinkMatrix& cables) {
  if (cables.size() % 2 != 0) return 0;
  int fewest = kManyLinks;
  for (std::size_t i = 0; i + 1 < cables.size(); i += 2) fewest = std::min(fewest, cables[i][i + 1]);
  return fewest;
}

/// Bridges between some neighbours, where others have none: a profile's bridges are between all.
void name_lone(const LinkMatrix& cables, NvlinkShape& shape) {
  for (std::size_t i = 0; i + 1 < cables.size(); i += 2) {
    if (cables[i][i + 1] == 0) continue;
    shape.unused.push_back(fmt::format(
        "NVLink between GPU{} and GPU{}: other neighbours have no bridge, and those of a profile are between all", i,
        i + 1));
  }
}

void check(const std::string& yaml, const std::string& file) {
  try {
    (void)hardware::read_node(*hardware::parse_config(yaml, file), file, "imported");
  } catch (const ConfigError& error) {
    std::vector<hardware::Diagnostic> items;
    for (const hardware::Diagnostic& item : error.diagnostics()) {
      items.push_back({file, {}, fmt::format("as a node: {}", item.message)});
    }
    throw ConfigError(std::move(items));
  }
}

std::string mesh_lines(const NvlinkShape& shape, const hardware::Gpu& gpu) {
  if (shape.mesh.empty()) return {};
  std::string out = fmt::format("  nvlink_mesh: [{}]\n", fmt::join(shape.mesh, ", "));
  if (shape.links != nvlinks_of(gpu)) {
    out += fmt::format("  mesh_bandwidth: {:g} GB/s\n", shape.links * nvlink_rate(gpu) / 1e9);
  }
  return out;
}

/// The first node of the library that holds the board and answers.
template <typename Answer>
bool any_node_with(const std::string& board, const Answer& answer) {
  const std::vector<std::string> names = hardware::node_names();
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    const hardware::Node node = hardware::load_node(name);
    return node.gpu == board && answer(node);
  });
}

/// GPUs of the largest node of the library with the board; of a board of one's own those of an HGX board.
int whole_box(const std::string& board) {
  constexpr int kHgx = 8;
  int most = 0;
  for (const std::string& name : hardware::node_names()) {
    const hardware::Node node = hardware::load_node(name);
    if (node.gpu == board) most = std::max(most, node.gpus);
  }
  return most > 0 ? most : kHgx;
}

/// Its NVLinks are cables to the other GPUs of its box: those to GPUs that aren't given aren't seen.
bool is_meshed(const std::string& board) {
  return any_node_with(
      board, [](const hardware::Node& node) { return !node.nvlink_mesh.empty() && node.nvlink_mesh.back() > 0; });
}

}  // namespace

double nvlink_rate(const hardware::Gpu& gpu) { return gpu.generation.compute_capability >= 100 ? 50e9 : 25e9; }
int nvlinks_of(const hardware::Gpu& gpu) {
  return static_cast<int>(std::lround(gpu.nvlink_bandwidth.value() / nvlink_rate(gpu)));
}

bool takes_bridges(const std::string& board) {
  const bool meets_in_switch = any_node_with(board, [](const hardware::Node& node) {
    return node.nvswitch || (!node.nvlink_mesh.empty() && node.nvlink_mesh.back() > 0);
  });
  return !meets_in_switch && any_node_with(board, [](const hardware::Node&) { return true; });
}

bool has_fewer(int links, int own, const std::string& board, int gpus) {
  if (links >= own) return false;
  if (gpus < whole_box(board) && (links == 0 || is_meshed(board))) return true;
  // Three bridges of a third of the links each, or parts that divide the board's.
  const bool whole_bridges = own % 3 == 0 && links % std::max(1, own / 3) == 0;
  return takes_bridges(board) && (links == 0 || own % links == 0 || whole_bridges);
}

void check_links(const std::string& board, const hardware::Gpu& gpu, const SeenLinks& seen, const std::string& file,
                 const hardware::SourceSpan& at) {
  const int links = seen.of_each;
  const bool to_switch = seen.to_switch;
  if (gpu.generation.interconnect == hardware::Interconnect::ici) {
    throw ConfigError({{file, at,
                        fmt::format("NCCL and nvidia-smi see NVIDIA's boards, and {} is none: another board than --gpu "
                                    "says",
                                    board)}});
  }
  const bool bridges = links > 0 && takes_bridges(board);
  const bool has_bridge = any_node_with(board, [](const hardware::Node& node) { return !node.nvlink_mesh.empty(); });
  if (bridges && gpu.nvlink_bandwidth.value() <= 0.0 && !has_bridge) {
    throw ConfigError(
        {{file, at, fmt::format("{} NVLinks of a GPU, and {} has none: another board than --gpu says", links, board)}});
  }
  if (bridges && to_switch) {
    throw ConfigError({{file, at,
                        fmt::format("NVLinks to a switch, and those of {} are bridges between pairs: "
                                    "another board than --gpu says",
                                    board)}});
  }
  const int own = nvlinks_of(gpu);
  const bool bridge_of_own = links > 0 && !to_switch && own == 0;
  if (links != own && !bridge_of_own && !has_fewer(links, own, board, seen.gpus)) {
    throw ConfigError(
        {{file, at,
          fmt::format("{} NVLinks of a GPU, and {} has {}: another board than --gpu says", links, board, own)}});
  }
}

NvlinkShape nvlink_shape(const LinkMatrix& cables, int to_switch, int most) {
  NvlinkShape shape;
  const std::size_t n = cables.size();
  shape.links = to_switch;
  if (to_switch > 0 || n < 2) {
    shape.nvswitch = to_switch > 0;
    return shape;
  }
  // `nvidia-smi topo -m` shows the links to a switch as if all of them led to each GPU.
  const int first = cables[0][1];
  bool even = first > 0;
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) even = even && (i == j || cables[i][j] == first);
  }
  if (even && n > 2 && first * (static_cast<int>(n) - 1) > most) {
    shape.nvswitch = true;
    shape.links = first;
    return shape;
  }
  for (std::size_t group = 2; group <= n; ++group) shape.mesh.push_back(fewest_links(cables, group));
  for (const std::vector<int>& row : cables) {
    int links = 0;
    for (const int count : row) links += count;
    shape.links = std::max(shape.links, links);
  }
  if (shape.links == 0) {
    shape.mesh.clear();
    return shape;
  }
  shape.nvswitch = shape.mesh.back() > 0 && n > 2;  // what all of them share is taken as a switch
  if (!shape.nvswitch && n > 2) {
    shape.mesh = {1, 0};
    name_unused(cables, shape);
    if (const int fewest = fewest_of_neighbours(cables); fewest > 0) {
      shape.links = fewest;
    } else {
      shape.mesh.clear();
      name_lone(cables, shape);
    }
  }
  return shape;
}

namespace {

// The keys of the cards; of none that there are.
std::string cards_text(const MachineFacts& facts) {
  if (facts.nics == 0) return fmt::format("  nics: 0  # {} has no network card\n", facts.what);
  const double nic = facts.nic.value() > 0.0 ? facts.nic.value() : 50e9;
  return fmt::format("  nics: {}\n  nic_bandwidth: {:g} Gb/s\n  nic_latency: 0.6 us\n", facts.nics, nic * 8.0 / 1e9);
}

}  // namespace

Imported node_profile(const MachineFacts& facts, const std::string& file) {
  const hardware::Gpu gpu = hardware::load_gpu(facts.board);
  const std::string name = hardware::printable(facts.source, 200);
  const bool reduces = facts.nvlink.nvswitch && facts.nvlink.mesh.empty() && gpu.generation.compute_capability >= 90;
  const bool rate_known = facts.nics == 0 || facts.nic.value() > 0.0;
  const double slot = facts.slot.value() > 0.0 ? facts.slot.value() : gpu.pcie_bandwidth.value();
  Imported out;
  out.yaml = fmt::format(
      "# From {0}, {1}. Name it in a scenario by its path: cluster: {{node: ./FILE}}\n"
      "title: {2}\n\nnode:\n  gpus: {3}\n  gpu: {4}\n  nvswitch: {5}\n{6}  in_network_reduction: {7}\n{8}"
      "  pcie_bandwidth: {9:g} GB/s\n"
      "  host_memory_bandwidth: 409.6 GB/s\n  host_memory: 1 TB\n{10}  sockets: {11}\n\nsources:\n"
      "  default: {12}\n{13}"
      "  host_memory_bandwidth: \"assumed: {1} has none\"\n  host_memory: \"assumed: {1} has none\"\n",
      name, facts.what, quoted_yaml(fmt::format("{} x {}, from {}", facts.gpus, facts.board, name)), facts.gpus,
      facts.board, facts.nvlink.nvswitch, mesh_lines(facts.nvlink, gpu), reduces, cards_text(facts), slot / 1e9,
      facts.cpu.empty() ? "" : fmt::format("  cpu: {}\n", facts.cpu), facts.sockets,
      quoted_yaml(fmt::format("{}, {}", facts.what, name)),
      facts.nics > 0 ? "  nic_latency: \"assumed: a ConnectX card\"\n" : "");
  if (!rate_known) out.yaml += fmt::format("  nic_bandwidth: \"assumed: {} has none\"\n", facts.what);
  if (facts.slot.value() <= 0.0) out.yaml += "  pcie_bandwidth: \"assumed: the board's own rate\"\n";
  check(out.yaml, file);
  out.notes = {fmt::format("{}host_memory_bandwidth and host_memory: {} has none",
                           facts.nics > 0 ? "nic_latency, " : "", facts.what)};
  if (facts.nics == 0) {
    out.notes.push_back(fmt::format("no network card: {} has none, so that the node stands alone", facts.what));
  }
  if (!rate_known) out.notes.emplace_back("nic_bandwidth: 400 Gb/s a card; correct it where the cards are others");
  if (facts.slot.value() <= 0.0) out.notes.emplace_back("pcie_bandwidth: the board's own rate");
  if (facts.cpu.empty()) out.notes.emplace_back("cpu: that of the default (intel_sapphire_rapids)");
  if (reduces) out.notes.emplace_back("in_network_reduction: true, as this generation's NVSwitch has it");
  if (const int own = nvlinks_of(gpu); facts.gpus > 1 && facts.nvlink.links < own && !takes_bridges(facts.board)) {
    out.notes.push_back(fmt::format(
        "NVLinks: {} of the {} of a {}, as {} shows them: of a part of its box, which a virtual machine has",
        facts.nvlink.links, own, facts.board, facts.what));
  }
  out.ignored = facts.nvlink.unused;
  return out;
}

}  // namespace orrery::scenarios
