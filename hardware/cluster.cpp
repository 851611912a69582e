#include "hardware/cluster.hpp"

#include <algorithm>
#include <numeric>
#include <string_view>
#include <tuple>

#include <fmt/format.h>

namespace orrery::hardware {
namespace {

/// "bus_bandwidth" of NCCL's curves, "one_shot_bandwidth" and "two_shot_bandwidth" of a custom all_reduce.
bool is_link_rate(const std::string& coefficient) {
  constexpr std::string_view kSuffix = "_bandwidth";
  return coefficient.size() > kSuffix.size() &&
         coefficient.compare(coefficient.size() - kSuffix.size(), kSuffix.size(), kSuffix) == 0;
}

/// Bound to the board's links; of an expert exchange the bandwidths are shares of the link, whatever that is.
bool is_of_links(const Fit& fit) { return fit.is_collective() || fit.key.rfind("expert_exchange/", 0) == 0; }

std::string gigabytes(BytesPerSecond rate) { return fmt::format("{:g} GB/s", rate.value() / 1e9); }

/// The fact's source is now whoever changed it; the profile's stays readable.
void note_override(Gpu& gpu, const std::string& key, BytesPerSecond profile) {
  const auto found = gpu.sources.find(key);
  gpu.sources[key] = fmt::format("changed by the scenario; the profile has {}{}", gigabytes(profile),
                                 found == gpu.sources.end() ? "" : " (" + found->second + ")");
}

}  // namespace

// A GPU reaches its NIC over PCIe: the slower of the two sets its rate.
BytesPerSecond Site::network_bandwidth_per_gpu() const {
  if (is_torus()) return torus_link() * static_cast<double>(torus_ports());
  if (node.gpus == 0) return BytesPerSecond{};
  const BytesPerSecond port = nodes > 1 && fabric.link_bandwidth.value() > 0.0
                                  ? min(node.nic_bandwidth, fabric.link_bandwidth)
                                  : node.nic_bandwidth;
  const BytesPerSecond share = port * (static_cast<double>(node.nics) / static_cast<double>(node.gpus));
  return min(share, min(node.pcie_bandwidth, gpu.pcie_bandwidth));
}

BytesPerSecond Site::torus_link() const {
  return min(fabric.link_bandwidth, gpu.nvlink_bandwidth / static_cast<double>(2 * std::max(1, fabric.axes)));
}

int Site::torus_ports() const {
  int ports = 0;
  for (const int chips : fabric.torus) ports += chips > 2 || fabric.closes(chips) ? 2 : chips - 1;
  return fabric.torus.empty() ? 2 * fabric.axes : ports;
}

BytesPerSecond Site::node_bandwidth_per_gpu() const {
  if (is_torus()) return network_bandwidth_per_gpu();
  return has_nvlink() ? gpu.nvlink_bandwidth : min(node.pcie_bandwidth, gpu.pcie_bandwidth);
}

BytesPerSecond Site::nvlink_among(int ranks, bool side_by_side) const {
  const std::vector<int>& mesh = node.nvlink_mesh;
  if (mesh.empty() || ranks < 2) return has_nvlink() ? gpu.nvlink_bandwidth : BytesPerSecond{};
  const bool bridges = mesh.back() == 0;
  if (bridges && !side_by_side) return BytesPerSecond{};
  const double all = *std::max_element(mesh.begin(), mesh.end());
  const int own = mesh[std::min(static_cast<std::size_t>(ranks - 2), mesh.size() - 1)];
  return (node.mesh_bandwidth.value() > 0.0 ? node.mesh_bandwidth : gpu.nvlink_bandwidth) * (own / std::max(all, 1.0));
}

int Site::nodes_per_leaf() const {
  if (fabric.leaf_ports <= 0) return 0;
  // A plain leaf takes all cards of its nodes, a rail's leaf one card of each.
  return has_rails(fabric.kind) ? fabric.leaf_ports : std::max(1, fabric.leaf_ports / std::max(1, node.nics));
}

int Site::nodes_per_pod() const {
  if (fabric.pod_leaves <= 0) return 0;
  const int leaves_per_set = has_rails(fabric.kind) ? std::max(1, node.nics) : 1;
  return std::max(1, fabric.pod_leaves / leaves_per_set) * nodes_per_leaf();
}

bool is_alike(const NodeGroup& a, const NodeGroup& b) {
  const auto figures = [](const NodeGroup& group) {
    const Gpu& gpu = group.gpu;
    const Node& node = group.node;
    return std::tuple(std::string_view(gpu.name), gpu.memory.value(), gpu.memory_bandwidth.value(),
                      gpu.nvlink_bandwidth.value(), std::string_view(node.name), node.gpus, node.nics,
                      node.nic_bandwidth.value(), node.nvlink_mesh, node.mesh_bandwidth.value());
  };
  return figures(a) == figures(b);
}

bool Cluster::has_fabric_links() const {
  return fabric.kind == FabricKind::torus || (node_count() > 1 && fabric.leaf_ports > 0);
}

int Cluster::node_count() const {
  return std::accumulate(groups.begin(), groups.end(), 0, [](int sum, const NodeGroup& g) { return sum + g.count; });
}

int Cluster::gpu_count() const {
  return std::accumulate(groups.begin(), groups.end(), 0,
                         [](int sum, const NodeGroup& g) { return sum + g.gpu_count(); });
}

std::size_t Cluster::group_of_node(int node) const {
  std::size_t group = 0;
  for (int first = groups[0].count; node >= first; first += groups[group].count) ++group;
  return group;
}

std::size_t Cluster::group_of_gpu(std::uint32_t gpu) const {
  std::size_t group = 0;
  for (int first = groups[0].gpu_count(); static_cast<int>(gpu) >= first; first += groups[group].gpu_count()) ++group;
  return group;
}

Site Cluster::site(std::size_t group) const {
  return {groups.at(group).gpu, groups[group].node, fabric, node_count(), nccl};
}

std::string Cluster::gpu_names() const {
  std::vector<std::string> names;
  for (const NodeGroup& group : groups) {
    if (std::find(names.begin(), names.end(), group.gpu.name) == names.end()) names.push_back(group.gpu.name);
  }
  return fmt::format("{}", fmt::join(names, " + "));
}

void set_nvlink_bandwidth(Gpu& gpu, BytesPerSecond rate) {
  const BytesPerSecond profile = gpu.nvlink_bandwidth;
  if (rate == profile) return;
  gpu.nvlink_bandwidth = rate;
  note_override(gpu, "nvlink_bandwidth", profile);
  if (profile.value() <= 0.0 || rate.value() <= 0.0) return drop_collective_fits(gpu);
  const double scale = rate.value() / profile.value();
  for (Fit& fit : gpu.fits) {
    if (!is_of_links(fit)) continue;
    for (auto& [name, value] : fit.coefficients) {
      if (is_link_rate(name)) value *= scale;
    }
    fit.coefficients.emplace_back("link_scale", scale);
    fit.source += fmt::format("; bus bandwidth scaled from NVLink of {} to {}", gigabytes(profile), gigabytes(rate));
  }
}

void set_memory_bandwidth(Gpu& gpu, BytesPerSecond rate) {
  const BytesPerSecond profile = gpu.memory_bandwidth;
  if (rate == profile) return;
  gpu.memory_bandwidth = rate;
  note_override(gpu, "memory_bandwidth", profile);
  for (Fit& fit : gpu.fits) {
    if (is_of_links(fit)) continue;
    fit.source += fmt::format("; measured at {} of memory bandwidth, used at {}", gigabytes(profile), gigabytes(rate));
  }
}

void drop_collective_fits(Gpu& gpu) {
  gpu.fits.erase(std::remove_if(gpu.fits.begin(), gpu.fits.end(), is_of_links), gpu.fits.end());
}

}  // namespace orrery::hardware
