#include "scenarios/import/nccl_topology.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "hardware/catalogue/catalogue.hpp"
#include "hardware/config/config.hpp"
#include "hardware/config/shown.hpp"
#include "scenarios/ask/names.hpp"
#include "scenarios/import/import.hpp"
#include "scenarios/xml_text.hpp"

namespace orrery::scenarios {
namespace {

using hardware::ConfigError;
using hardware::HostCpu;

constexpr int kDeepest = 64;  // NCCL's own trees have a handful of levels
constexpr std::string_view kSwitchClass = "0x068000", kGpuClass = "0x030200", kCpuClass = "0x060400";

/// Buses that NCCL writes of a device that it can't see, as in virtual machines (src/graph/xml.cc), and no bus.
bool is_nowhere(std::string_view bus) { return bus.empty() || bus == "fffffff:ffff:ff" || bus == "0000:00:00.0"; }

/// Reads one file's elements; what is wrong is told at the element's place.
class Reader {
 public:
  explicit Reader(const XmlText& xml) : xml_(xml) {}

  void system(const pugi::xml_node& root, NcclTopology& out) {
    for (const pugi::xml_node& child : root.children()) {
      const std::string_view name = child.name();
      if (name == "pci" || name == "gpu" || name == "nic" || name == "net") {
        xml_.refuse(child, fmt::format("<{}> hangs on no <cpu>: on which switch it is nobody says", name));
      }
    }
    for (const pugi::xml_node& cpu : root.children("cpu")) {
      socket(cpu);
      out.cpu = cpu_of(cpu);
      descend(cpu, 0.0, 0, out);
    }
    out.sockets = std::max(1, static_cast<int>(sockets_.size()));
    if (out.gpus == 0) xml_.refuse(root, "the topology has no <gpu>");
    join(out);
  }

 private:
  /// NVLinks of one GPU to others, by their bus.
  struct Cable {
    std::size_t from = 0;
    std::string to;
    int count = 0;
    pugi::xml_node at;
  };

  // A dump over NVLink between hosts has the sockets of all of them, told apart by host_hash.
  void socket(const pugi::xml_node& cpu) {
    const std::string host = cpu.attribute("host_hash").value(), numa = cpu.attribute("numaid").value();
    if (sockets_.empty()) host_ = host;
    if (host != host_) xml_.refuse(cpu, "a second host: the topology of one node is read at a time");
    // Files of small machines leave numaid out.
    const std::string key = numa.empty() ? fmt::format("#{}", sockets_.size()) : numa;
    if (!sockets_.insert(key).second)
      xml_.refuse(cpu, fmt::format("the socket {} is there twice", hardware::shown(numa)));
  }

  /// `what` of that name was not there before.
  void once(const pugi::xml_node& node, const char* attribute, std::set<std::string>& seen) const {
    const std::string value = node.attribute(attribute).value();
    if (!value.empty() && !seen.insert(value).second) {
      xml_.refuse(node, fmt::format("<{}>: {}={} is there twice", node.name(), attribute, hardware::shown(value)));
    }
  }

  // Intel by family 6 and model, as NCCL tells them apart.
  [[nodiscard]] HostCpu cpu_of(const pugi::xml_node& cpu) const {
    const std::string_view arch = cpu.attribute("arch").value(), vendor = cpu.attribute("vendor").value();
    if (arch == "arm64" || arch == "aarch64") return HostCpu::arm;
    if (arch == "ppc64") return HostCpu::power;
    if (vendor == "AuthenticAMD") return HostCpu::amd;
    if (vendor != "GenuineIntel") {
      xml_.refuse(cpu, fmt::format("<cpu>: neither arch=\"{}\" nor vendor=\"{}\" is known",
                                   hardware::printable(arch, 40), hardware::printable(vendor, 40)));
    }
    const double model = xml_.number(cpu, "modelid", 1e6);
    if (model >= 207) return HostCpu::intel_emerald_rapids;
    if (model >= 143) return HostCpu::intel_sapphire_rapids;
    return model >= 85 ? HostCpu::intel_skylake : HostCpu::intel_broadwell;
  }

  /// Line rate of a slot; 0 where a switch inside a package has none. Widths of PCIe are x1 to x32 (PCI Express Base
  /// Specification, rev. 6.0: Gen6 runs at 64 GT/s), of which no slot for a GPU has more than x16.
  [[nodiscard]] double slot_rate(const pugi::xml_node& pci) const {
    constexpr double kBitsPerByte = 8.0, kGiga = 1e9, kFastest = 128.0;
    constexpr int kWidest = 32;
    if (std::string_view(pci.attribute("link_speed").value()).empty()) return 0.0;
    const int width = xml_.count(pci, "link_width", kWidest);
    if (width != 12 && (width & (width - 1)) != 0) {
      xml_.refuse(pci,
                  fmt::format("<pci>: link_width=\"{}\" is no width of PCIe: 1, 2, 4, 8, 12, 16 or 32 lanes", width));
    }
    return xml_.number(pci, "link_speed", kFastest) * width / kBitsPerByte * kGiga;
  }

  void descend(const pugi::xml_node& node, double rate, int depth, NcclTopology& out) {
    if (depth > kDeepest) xml_.refuse(node, fmt::format("more than {} elements inside one another", kDeepest));
    for (const pugi::xml_node& child : node.children()) {
      const std::string_view name = child.name();
      if (name == "pci") {
        const double own = slot_rate(child);
        descend(child, rate > 0.0 && own > 0.0 ? std::min(rate, own) : std::max(rate, own), depth + 1, out);
      } else if (name == "gpu") {
        gpu(child, rate, out);
      } else if (name == "nic") {
        descend(child, rate, depth + 1, out);
      } else if (name == "net") {
        net(child, out);
      }
    }
  }

  void gpu(const pugi::xml_node& node, double rate, NcclTopology& out) {
    once(node, "dev", gpus_);
    once(node, "rank", ranks_);
    const auto capability = static_cast<int>(xml_.number(node, "sm", 999.0));
    int to_switch = 0;
    for (const pugi::xml_node& link : node.children("nvlink")) {
      const std::string_view target = link.attribute("tclass").value();
      if (target == kSwitchClass) {
        to_switch += xml_.count(link, "count", 64);
        out.unnamed_switch = out.unnamed_switch || is_nowhere(link.attribute("target").value());
      }
      if (target == kSwitchClass || target == kCpuClass) continue;
      if (target != kGpuClass) {
        xml_.refuse(link, fmt::format("<nvlink>: tclass={} is neither a GPU ({}), a switch ({}) nor a processor ({})",
                                      hardware::shown(target), kGpuClass, kSwitchClass, kCpuClass));
      }
      cables_.push_back({bus_of_gpu_.size(), link.attribute("target").value(), xml_.count(link, "count", 64), link});
    }
    if (out.gpus > 0 &&
        (capability != out.compute_capability || to_switch != out.nvlinks || BytesPerSecond{rate} != out.slot)) {
      xml_.refuse(
          node,
          fmt::format("GPUs that are unlike: sm {} with {} NVLinks at {:g} GB/s of PCIe, before sm {} with "
                      "{} at {:g}; NCCL's search is known for GPUs that are alike",
                      capability, to_switch, rate / 1e9, out.compute_capability, out.nvlinks, out.slot.value() / 1e9));
    }
    if (out.gpus == 0) out.first_gpu = xml_.place_of(node);
    once(node.parent(), "busid", buses_);
    bus_of_gpu_.emplace_back(node.parent().attribute("busid").value());
    ++out.gpus;
    out.compute_capability = capability;
    out.nvlinks = to_switch;
    out.slot = BytesPerSecond{rate};
  }

  void net(const pugi::xml_node& node, NcclTopology& out) {
    constexpr double kMegabit = 1e6 / 8.0;
    once(node, "name", cards_);
    const BytesPerSecond rate{xml_.number(node, "speed", 1e8) * kMegabit};
    if (!(rate > BytesPerSecond{})) xml_.refuse(node, "<net>: a card without speed");
    if (out.nics > 0 && rate != out.nic) {
      xml_.refuse(node, fmt::format("cards that are unlike: {:g} GB/s, before {:g}", rate.value() / 1e9,
                                    out.nic.value() / 1e9));
    }
    ++out.nics;
    out.nic = rate;
  }

  /// Cables by the numbers of the GPUs that they join.
  void join(NcclTopology& out) const {
    const std::size_t n = bus_of_gpu_.size();
    constexpr std::size_t kMostGpus = 1024;  // of a node: more are refused with its profile
    if (n > kMostGpus) return;
    out.cables.assign(n, std::vector<int>(n, 0));
    for (const Cable& cable : cables_) {
      const auto found = std::find(bus_of_gpu_.begin(), bus_of_gpu_.end(), cable.to);
      if (found == bus_of_gpu_.end()) {
        xml_.refuse(cable.at, fmt::format("<nvlink>: no GPU is on the bus {}", hardware::shown(cable.to)));
      }
      out.cables[cable.from][static_cast<std::size_t>(found - bus_of_gpu_.begin())] += cable.count;
    }
    for (const Cable& cable : cables_) {
      const auto to =
          static_cast<std::size_t>(std::find(bus_of_gpu_.begin(), bus_of_gpu_.end(), cable.to) - bus_of_gpu_.begin());
      if (out.cables[cable.from][to] != out.cables[to][cable.from]) {
        xml_.refuse(cable.at, fmt::format("<nvlink>: {} links one way and {} the other", out.cables[cable.from][to],
                                          out.cables[to][cable.from]));
      }
    }
  }

  const XmlText& xml_;
  std::string host_;
  std::set<std::string> sockets_, buses_, gpus_, ranks_, cards_;
  std::vector<std::string> bus_of_gpu_;
  std::vector<Cable> cables_;
};

/// NVLinks of a GPU of the file, to a switch or to others.
int links_in(const NcclTopology& topology) { return nvlink_shape(topology.cables, topology.nvlinks).links; }

/// Boards with a later capability than the least of their generation, which its file has.
/// Source: developer.nvidia.com/cuda-gpus.
constexpr std::array<std::pair<std::string_view, int>, 7> kLater{{{"a10", 86},
                                                                  {"a40", 86},
                                                                  {"rtx_a6000", 86},
                                                                  {"rtx_3060", 86},
                                                                  {"rtx_3090", 86},
                                                                  {"b300_sxm", 103},
                                                                  {"gb300", 103}}};

int capability_of(const hardware::Gpu& gpu) {
  for (const auto& [board, capability] : kLater) {
    if (board == gpu.name) return capability;
  }
  return gpu.generation.compute_capability;
}

/// A profile of one's own says its generation only, some of whose boards may have a later capability.
bool same_capability(const NcclTopology& topology, const hardware::Gpu& gpu) {
  const int own = capability_of(gpu), seen = topology.compute_capability;
  if (own == seen) return true;
  const std::vector<std::string> names = hardware::gpu_names();
  if (std::find(names.begin(), names.end(), gpu.name) != names.end()) return false;
  return std::any_of(kLater.begin(), kLater.end(), [&](const auto& later) {
    return later.second == seen && hardware::load_gpu(std::string(later.first)).generation.name == gpu.generation.name;
  });
}

/// Whoever doesn't name the board means a whole box: a part of one may show no links, whatever board it has.
constexpr int kWholeBox = std::numeric_limits<int>::max();

/// Boards of the catalogue that have that capability, and its links or any.
std::vector<std::string> boards_like(const NcclTopology& topology, bool same_links) {
  std::vector<std::string> names;
  for (const std::string& name : hardware::gpu_names()) {
    const hardware::Gpu gpu = hardware::load_gpu(name);
    if (!same_capability(topology, gpu) || gpu.generation.interconnect == hardware::Interconnect::ici) continue;
    const int links = links_in(topology);
    if (!same_links || nvlinks_of(gpu) == links || has_fewer(links, nvlinks_of(gpu), name, kWholeBox))
      names.push_back(name);
  }
  return names;
}

std::string seen(const NcclTopology& topology) {
  return fmt::format("compute capability {}.{} with {} NVLinks", topology.compute_capability / 10,
                     topology.compute_capability % 10, links_in(topology));
}

/// The board that --gpu names is the one that the file speaks of. A board whose profile has no NVLink may be bridged.
void check_board(const NcclTopology& topology, const std::string& board, const hardware::Gpu& gpu,
                 const std::string& file) {
  if (!same_capability(topology, gpu)) {
    throw ConfigError({{file, topology.first_gpu,
                        fmt::format("sm=\"{}\", and {} has compute capability {}.{}: another board than --gpu says; "
                                    "one of {}",
                                    topology.compute_capability, board, capability_of(gpu) / 10,
                                    capability_of(gpu) % 10, fmt::join(boards_like(topology, false), ", "))}});
  }
  check_links(board, gpu, {topology.gpus, links_in(topology), topology.nvlinks > 0}, file, topology.first_gpu);
}

/// What the user calls it, where that leaves several the one that the file is of. Throws ConfigError with the nearest
/// names.
std::string named_board(const NcclTopology& topology, const std::string& written) {
  if (hardware::is_profile_path(written)) return written;
  const std::vector<std::string> alike = boards_like(topology, true);
  std::vector<std::string> meant;
  for (const std::string& board : gpus_named(written)) {
    if (std::find(alike.begin(), alike.end(), board) != alike.end()) meant.push_back(board);
  }
  if (meant.size() > 1) {
    throw ConfigError(fmt::format("--gpu {}: {} is any of {}; name one", hardware::printable(written, 40),
                                  seen(topology), fmt::join(meant, ", ")));
  }
  return meant.empty() ? gpu_name_of(written) : meant.front();
}

std::string board_of(const NcclTopology& topology, const ImportOptions& options, const std::string& file) {
  if (!options.gpu.empty()) {
    const std::string board = named_board(topology, options.gpu);
    check_board(topology, board, hardware::load_gpu(board), file);
    return board;
  }
  const std::vector<std::string> boards = boards_like(topology, true);
  if (boards.size() == 1) return boards.front();
  const std::vector<std::string> near = boards.empty() ? boards_like(topology, false) : boards;
  throw ConfigError(fmt::format(
      "{}: {} is {}; name the board with --gpu", hardware::quoted_path(file), seen(topology),
      near.empty() ? "none of orrery list gpus"
                   : fmt::format("{}{}", boards.empty() ? "of no board here; its generation has " : "one of ",
                                 fmt::join(near, ", "))));
}

}  // namespace

NcclTopology read_nccl_topology(std::string_view text, const std::string& file) {
  const XmlText xml(text, file);
  NcclTopology topology;
  Reader(xml).system(xml.root("system", "a topology of NCCL"), topology);
  return topology;
}

bool is_nccl_topology(const ImportFile& file) {
  const std::string_view head(file.head);
  const std::size_t first = head.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && head[first] == '<' && head.find("<system") != std::string_view::npos;
}

Imported import_nccl_topology(const ImportFile& file, const ImportOptions& options) {
  const std::string text = file.whole();
  const NcclTopology topology = read_nccl_topology(text, file.path);
  MachineFacts facts;
  facts.what = "NCCL's topology";
  facts.source = file.path == "-" ? "standard input" : file.name();
  facts.board = board_of(topology, options, file.path);
  facts.gpus = topology.gpus;
  facts.nvlink = nvlink_shape(topology.cables, topology.nvlinks);
  facts.nics = topology.nics;
  facts.nic = topology.nic;
  facts.slot = topology.slot;
  facts.cpu = hardware::name(topology.cpu);
  facts.sockets = topology.sockets;
  Imported out = node_profile(facts, file.path);
  if (topology.unnamed_switch) {
    out.notes.emplace_back(
        "nvswitch: the file's NVLinks lead to no device that it names; taken as a switch, as NCCL does");
  }
  return out;
}

}  // namespace orrery::scenarios
