// The text of `nvidia-smi topo -m` as a node of one's own.
//
//            GPU0   GPU1   NIC0   CPU Affinity   NUMA Affinity
//     GPU0    X     NV18   PIX    0-51           0
//
// A cell says what lies between two devices: NV# NVLinks, PIX one PCIe switch, PXB several, PHB the host bridge, NODE
// host bridges of one NUMA node, SYS the link between sockets.
//
// Source: nvidia-smi topo -m, its legend; NVIDIA DGX-1 and DGX H100 user guides (matrices that they print).
// Limitations: it names neither the board (--gpu) nor the cards' rate; PCIe switches that several GPUs share are not
// told apart.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "scenarios/import/node_profile.hpp"

namespace orrery::scenarios {

struct ImportFile;

/// What the table says.
struct TopoMatrix {
  int gpus = 0;
  LinkMatrix nvlinks;              ///< between each two GPUs
  std::vector<std::string> cards;  ///< as the header names them: "NIC0", "mlx5_0"
  int near_cards = 0;              ///< those that reach a GPU without the host bridge
  int numa_nodes = 1;              ///< that the GPUs are on
};

/// Throws hardware::ConfigError with file, line and column: no header, a row with fewer or more cells than the header
/// has devices, an unknown cell with the nearest names, a device without a row, or twice; links that are not the same
/// both ways.
[[nodiscard]] TopoMatrix read_topo_matrix(std::string_view text, const std::string& file);

[[nodiscard]] bool is_topo_matrix(const ImportFile& file);

/// The profile of such a node. Throws hardware::ConfigError without --gpu, and where the board has other links.
[[nodiscard]] Imported import_topo_matrix(const ImportFile& file, const ImportOptions& options);

}  // namespace orrery::scenarios
