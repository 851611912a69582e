// Where the data files are, and the catalogues read from them: GPUs and their generations, nodes, fabrics.
//
// The data root holds hardware/profiles, models/library and scenarios/library. It is found, in this order:
// the variable ORRERY_HOME; ../share/orrery beside the executable (an installation); the source tree.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "hardware/cluster.hpp"
#include "hardware/gpu.hpp"
#include "hardware/nearest_names.hpp"

namespace orrery::hardware {

/// The data root. Throws ConfigError saying where it looked.
[[nodiscard]] std::filesystem::path data_root();

/// Contract names in alphabetical order.
[[nodiscard]] std::vector<std::string> gpu_names();
[[nodiscard]] std::vector<std::string> generation_names();
[[nodiscard]] std::vector<std::string> node_names();
[[nodiscard]] std::vector<std::string> fabric_names();

/// Whether `name` is the path of a profile ("./my_gpu.yaml") and not a contract name: it holds a slash or ends in
/// ".yaml".
[[nodiscard]] bool is_profile_path(std::string_view name);

/// Reads hardware/profiles/gpus/<name>.yaml (generations/, nodes/, fabrics/), or a profile of one's own by its path;
/// its contract name is then the file's without ".yaml". Throws ConfigError: unknown name with the nearest valid ones,
/// or what is wrong in the file with file:line:column.
[[nodiscard]] Gpu load_gpu(std::string_view name);
[[nodiscard]] Generation load_generation(std::string_view name);
[[nodiscard]] Node load_node(std::string_view name);
[[nodiscard]] Fabric load_fabric(std::string_view name);
[[nodiscard]] std::filesystem::path gpu_profile_path(std::string_view name);

/// The first node profile that carries the GPU: what its collectives were measured on. Throws ConfigError where none
/// does.
[[nodiscard]] std::string node_with(std::string_view gpu);

/// Nodes of one kind, by contract names; `gpu` empty takes the node's own.
struct GroupRequest {
  std::string node;
  int count = 1;
  std::string gpu;
  int nics = 0;  ///< cards of each node in place of the profile's; 0: those
};

/// Throws ConfigError on unknown names, where the fabric can't hold the nodes or join them, and without nodes.
[[nodiscard]] Cluster make_cluster(const std::vector<GroupRequest>& groups, std::string_view fabric);
/// Of one kind.
[[nodiscard]] Cluster make_cluster(std::string_view node, std::string_view fabric, int nodes,
                                   std::string_view gpu = {});

}  // namespace orrery::hardware
