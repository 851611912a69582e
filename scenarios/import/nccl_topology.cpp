#include "scenarios/import/nccl_topology.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <pugixml.hpp>

#include <fmt/format.h>

#include "hardware/catalogue/catalogue.hpp"
#include "hardware/catalogue/profile_reader.hpp"
#include "hardware/config/config.hpp"
#include "hardware/config/shown.hpp"
#include "scenarios/import/import.hpp"

namespace orrery::scenarios {
namespace {

using hardware::ConfigError;
using hardware::HostCpu;
using hardware::SourceSpan;

constexpr int kDeepest = 64;  // NCCL's own trees have a handful of levels
constexpr std::string_view kSwitchClass = "0x068000", kGpuClass = "0x030200";

SourceSpan place_of(std::string_view text, std::ptrdiff_t offset) {
  const std::string_view before = text.substr(0, static_cast<std::size_t>(std::max<std::ptrdiff_t>(0, offset)));
  const auto line = static_cast<int>(std::count(before.begin(), before.end(), '\n')) + 1;
  const std::size_t begin = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  return {line, static_cast<int>(before.size() - begin) + 1};
}

/// Reads one file's elements; what is wrong is told at the element's place.
class Reader {
 public:
  Reader(std::string_view text, const std::string& file) : text_(text), file_(file) {}

  [[noreturn]] void refuse(const pugi::xml_node& node, const std::string& what) const {
    throw ConfigError({{file_, place_of(text_, node.offset_debug()), what}});
  }
  [[noreturn]] void refuse_at(std::ptrdiff_t offset, const std::string& what) const {
    throw ConfigError({{file_, place_of(text_, offset), what}});
  }

  [[nodiscard]] double number(const pugi::xml_node& node, const char* attribute, double most) const {
    const std::string_view value = node.attribute(attribute).value();
    double out = 0.0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), out);
    const bool whole = end == value.data() + value.size() || *end == ' ';  // "32.0 GT/s PCIe"
    if (value.empty() || error != std::errc{} || !whole || !std::isfinite(out) || out < 0.0 || out > most) {
      refuse(node, fmt::format("<{}>: {}=\"{}\" is no number from 0 to {:g}", node.name(), attribute,
                               hardware::printable(value, 40), most));
    }
    return out;
  }

  void system(const pugi::xml_node& root, NcclTopology& out) {
    for (const pugi::xml_node& cpu : root.children("cpu")) {
      ++sockets_;
      out.cpu = cpu_of(cpu);
      descend(cpu, 0.0, 0, out);
    }
    out.sockets = std::max(1, sockets_);
    if (out.gpus == 0) refuse(root, "the topology has no <gpu>");
  }

 private:
  // Intel by family 6 and model, as NCCL tells them apart.
  [[nodiscard]] HostCpu cpu_of(const pugi::xml_node& cpu) const {
    const std::string_view arch = cpu.attribute("arch").value(), vendor = cpu.attribute("vendor").value();
    if (arch == "arm64" || arch == "aarch64") return HostCpu::arm;
    if (arch == "ppc64") return HostCpu::power;
    if (vendor == "AuthenticAMD") return HostCpu::amd;
    if (vendor != "GenuineIntel") {
      refuse(cpu, fmt::format("<cpu>: neither arch=\"{}\" nor vendor=\"{}\" is known", hardware::printable(arch, 40),
                              hardware::printable(vendor, 40)));
    }
    const double model = number(cpu, "modelid", 1e6);
    if (model >= 207) return HostCpu::intel_emerald_rapids;
    if (model >= 143) return HostCpu::intel_sapphire_rapids;
    return model >= 85 ? HostCpu::intel_skylake : HostCpu::intel_broadwell;
  }

  /// Line rate of a slot; 0 where a switch inside a package has none.
  [[nodiscard]] double slot_rate(const pugi::xml_node& pci) const {
    constexpr double kBitsPerByte = 8.0, kGiga = 1e9;
    if (std::string_view(pci.attribute("link_speed").value()).empty()) return 0.0;
    return number(pci, "link_speed", 1000.0) * number(pci, "link_width", 64.0) / kBitsPerByte * kGiga;
  }

  void descend(const pugi::xml_node& node, double rate, int depth, NcclTopology& out) {
    if (depth > kDeepest) refuse(node, fmt::format("more than {} elements inside one another", kDeepest));
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

  void gpu(const pugi::xml_node& node, double rate, NcclTopology& out) const {
    const auto capability = static_cast<int>(number(node, "sm", 999.0));
    int to_switch = 0;
    bool bridged = false;
    for (const pugi::xml_node& link : node.children("nvlink")) {
      const std::string_view target = link.attribute("tclass").value();
      if (target == kSwitchClass) to_switch += static_cast<int>(number(link, "count", 64.0));
      bridged = bridged || target == kGpuClass;
    }
    if (out.gpus > 0 &&
        (capability != out.compute_capability || to_switch != out.nvlinks || BytesPerSecond{rate} != out.slot)) {
      refuse(node, fmt::format("GPUs that are unlike: sm {} with {} NVLinks at {:g} GB/s of PCIe, before sm {} with {} "
                               "at {:g}; NCCL's search is known for GPUs that are alike",
                               capability, to_switch, rate / 1e9, out.compute_capability, out.nvlinks,
                               out.slot.value() / 1e9));
    }
    if (!(rate > 0.0)) refuse(node, "<gpu> is below no <pci> with a link_speed and link_width");
    ++out.gpus;
    out.compute_capability = capability;
    out.nvlinks = to_switch;
    out.bridges = out.bridges || bridged;
    out.slot = BytesPerSecond{rate};
  }

  void net(const pugi::xml_node& node, NcclTopology& out) const {
    constexpr double kMegabit = 1e6 / 8.0;
    const BytesPerSecond rate{number(node, "speed", 1e8) * kMegabit};
    if (!(rate > BytesPerSecond{})) refuse(node, "<net>: a card without speed");
    if (out.nics > 0 && rate != out.nic) {
      refuse(node,
             fmt::format("cards that are unlike: {:g} GB/s, before {:g}", rate.value() / 1e9, out.nic.value() / 1e9));
    }
    ++out.nics;
    out.nic = rate;
  }

  std::string_view text_;
  const std::string& file_;
  int sockets_ = 0;
};

/// Boards of the catalogue that have that capability and links.
std::vector<std::string> boards_like(const NcclTopology& topology) {
  std::vector<std::string> names;
  for (const std::string& name : hardware::gpu_names()) {
    const hardware::Gpu gpu = hardware::load_gpu(name);
    const double link = gpu.generation.compute_capability >= 100 ? 50e9 : 25e9;  // of one NVLink per direction
    const bool same_links = gpu.nvlink_bandwidth.value() == topology.nvlinks * link;
    // A generation has one capability here, its boards may have a later one: A40 8.6, B300 10.3.
    const int own = gpu.generation.compute_capability, seen = topology.compute_capability;
    if (own / 10 == seen / 10 && (own == seen || (own != 89 && seen != 89)) && same_links) names.push_back(name);
  }
  return names;
}

std::string board_of(const NcclTopology& topology, const ImportOptions& options, const std::string& file) {
  if (!options.gpu.empty()) {
    (void)hardware::load_gpu(options.gpu);  // throws with the nearest names
    return options.gpu;
  }
  const std::vector<std::string> boards = boards_like(topology);
  if (boards.size() == 1) return boards.front();
  throw ConfigError(
      fmt::format("{}: compute capability {}.{} with {} NVLinks is {}; name the board with --gpu", file,
                  topology.compute_capability / 10, topology.compute_capability % 10, topology.nvlinks,
                  boards.empty() ? "none of orrery list gpus" : fmt::format("one of {}", fmt::join(boards, ", "))));
}

/// What a scenario that names the profile would say of it, said now: a file may have more GPUs than a node can.
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

}  // namespace

NcclTopology read_nccl_topology(std::string_view text, const std::string& file) {
  const Reader reader_of_errors(text, file);
  if (const std::size_t type = text.find("<!DOCTYPE"); type != std::string_view::npos) {
    reader_of_errors.refuse_at(static_cast<std::ptrdiff_t>(type), "a document type is not read: NCCL writes none");
  }
  pugi::xml_document document;
  const pugi::xml_parse_result result = document.load_buffer(text.data(), text.size(), pugi::parse_minimal);
  if (!result) reader_of_errors.refuse_at(result.offset, fmt::format("no XML: {}", result.description()));
  const pugi::xml_node system = document.child("system");
  if (!system) reader_of_errors.refuse_at(0, "no <system>: not a topology of NCCL");
  NcclTopology topology;
  Reader(text, file).system(system, topology);
  return topology;
}

bool is_nccl_topology(const ImportFile& file) {
  const std::string_view head(file.head);
  const std::size_t first = head.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && head[first] == '<' && head.find("<system") != std::string_view::npos;
}

Imported import_nccl_topology(const ImportFile& file, const ImportOptions& options) {
  const NcclTopology topology = read_nccl_topology(file.whole(), file.path);
  const std::string board = board_of(topology, options, file.path);
  const hardware::Gpu gpu = hardware::load_gpu(board);
  const bool switched = topology.nvlinks > 0;
  const std::string name = file.path == "-" ? "standard input" : file.name();
  Imported out;
  out.yaml = fmt::format(
      "# From {0}, NCCL's topology. Name it in a scenario by its path: cluster: {{node: ./FILE}}\n"
      "title: {1}\n\nnode:\n  gpus: {2}\n  gpu: {3}\n  nvswitch: {4}\n  in_network_reduction: {5}\n  nics: {6}\n"
      "  nic_bandwidth: {7:g} Gb/s\n  nic_latency: 0.6 us\n  pcie_bandwidth: {8:g} GB/s\n"
      "  host_memory_bandwidth: 409.6 GB/s\n  host_memory: 1 TB\n  cpu: {9}\n  sockets: {10}\n\nsources:\n"
      "  default: {11}\n  nic_latency: \"assumed: a ConnectX card\"\n"
      "  host_memory_bandwidth: \"assumed: the topology has none\"\n  host_memory: \"assumed: the topology has "
      "none\"\n",
      hardware::printable(name, 200), quoted_yaml(fmt::format("{} x {}, from {}", topology.gpus, board, name)),
      topology.gpus, board, switched, switched && gpu.generation.compute_capability >= 90, topology.nics,
      topology.nics > 0 ? topology.nic.value() * 8.0 / 1e9 : 1.0, topology.slot.value() / 1e9,
      hardware::name(topology.cpu), topology.sockets, quoted_yaml(fmt::format("NCCL topology, {}", name)));
  check(out.yaml, file.path);
  out.notes = {"nic_latency, host_memory_bandwidth and host_memory: the topology has none"};
  if (switched && gpu.generation.compute_capability >= 90) {
    out.notes.emplace_back("in_network_reduction: true, as this generation's NVSwitch has it");
  }
  if (topology.bridges) out.ignored.emplace_back("NVLink bridges between GPUs: groups talk over PCIe");
  return out;
}

}  // namespace orrery::scenarios
