// NCCL's topology file (NCCL_TOPO_DUMP_FILE, NCCL_TOPO_FILE) as a node of one's own.
//
//   line rate of a slot = lanes x GT/s / 8      a card's rate = Mbit/s / 8      cpu: vendor, family and model as NCCL's
//
// Source: NVIDIA/nccl 2.28.9 src/graph/topo.cc, src/graph/xml.cc (elements, attributes, how it tells processors apart).
// Limitations: all GPUs must be of one kind, and see the same links or bridges between neighbours; cards are taken to
// be shared evenly.
#pragma once

#include <string>
#include <vector>

#include "hardware/nccl.hpp"
#include "hardware/units.hpp"
#include "scenarios/import/node_profile.hpp"

namespace orrery::scenarios {

struct ImportFile;

/// What the file says of the machine.
struct NcclTopology {
  int gpus = 0;
  int compute_capability = 0;   ///< 90
  int nvlinks = 0;              ///< of each GPU to the switch; 0: none
  bool unnamed_switch = false;  ///< which the file gives no bus
  LinkMatrix cables;            ///< NVLinks between each two GPUs, without a switch
  BytesPerSecond slot;          ///< of a GPU, line rate; 0: the file has none (virtual machines)
  int nics = 0;
  BytesPerSecond nic;  ///< of one card
  hardware::HostCpu cpu = hardware::HostCpu::intel_sapphire_rapids;
  int sockets = 1;
  hardware::SourceSpan first_gpu;  ///< where its figures stand
};

/// Throws hardware::ConfigError with file, line and column: no XML, a document type (entities), a missing or wrong
/// attribute, GPUs that are unlike, no GPU, a GPU, card or socket twice, two hosts, links to a GPU that isn't there.
[[nodiscard]] NcclTopology read_nccl_topology(std::string_view text, const std::string& file);

[[nodiscard]] bool is_nccl_topology(const ImportFile& file);

/// The profile of such a node, as YAML. Throws hardware::ConfigError where several boards, or none, fit what the file
/// says and --gpu names none of them, or one that contradicts it.
[[nodiscard]] Imported import_nccl_topology(const ImportFile& file, const ImportOptions& options);

}  // namespace orrery::scenarios
