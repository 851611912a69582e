// A node's profile from what another program printed of a machine.
#pragma once

#include <string>
#include <vector>

#include "hardware/config/config.hpp"
#include "hardware/gpu.hpp"
#include "hardware/units.hpp"

namespace orrery::scenarios {

struct ImportOptions;
struct Imported;

/// Links between each two GPUs of a node, by their numbers; 0: none.
using LinkMatrix = std::vector<std::vector<int>>;

/// NVLinks as a node's profile has them.
struct NvlinkShape {
  bool nvswitch = false;            ///< every GPU reaches every other over links that all of them share
  std::vector<int> mesh;            ///< see hardware::Node::nvlink_mesh; empty: all groups are alike
  int links = 0;                    ///< of a GPU, all of them
  std::vector<std::string> unused;  ///< links that the profile can't say, as messages
};

inline constexpr int kManyLinks = 1 << 20;

/// Of `to_switch` links of each GPU to a switch, or of cables between the GPUs. A GPU of a group counts with the links
/// to the others of it that rings can use: none where one can't enter and leave by different neighbours. Where all
/// pairs have equally many and a GPU would need more than `most` of them for that, the links are those of a switch,
/// which every pair sees. Bridges count where every two neighbours (0 and 1, 2 and 3, ...) have one, as the weakest.
[[nodiscard]] NvlinkShape nvlink_shape(const LinkMatrix& cables, int to_switch, int most = kManyLinks);

/// NVLinks of a board, by its generation's rate of one (25 GB/s, from Blackwell on 50).
[[nodiscard]] double nvlink_rate(const hardware::Gpu& gpu);
[[nodiscard]] int nvlinks_of(const hardware::Gpu& gpu);

/// A board of the library whose NVLinks, if any, are bridges between pairs, sold one by one.
[[nodiscard]] bool takes_bridges(const std::string& board);

/// A GPU among `gpus` may show fewer NVLinks than its board has: bridges are sold one by one; and a part of a box, as a
/// virtual machine is given it, shows none where the switch or the other end of the cables is not passed on.
[[nodiscard]] bool has_fewer(int links, int own, const std::string& board, int gpus);

/// What a file shows of the NVLinks of a machine.
struct SeenLinks {
  int gpus = 0;            ///< of the machine
  int of_each = 0;         ///< links of a GPU
  bool to_switch = false;  ///< they lead to a switch
};

/// Throws ConfigError, at `at` of the file, where the NVLinks of a GPU there are not the board's: another number than
/// it has, but fewer where has_fewer() says so (a board without any may carry some of one's own), those to a switch of
/// a board of bridges, and any board that NCCL does not run on.
void check_links(const std::string& board, const hardware::Gpu& gpu, const SeenLinks& seen, const std::string& file,
                 const hardware::SourceSpan& at);

/// What is known of the machine; what isn't is assumed, and said so.
struct MachineFacts {
  std::string what;    ///< "NCCL's topology"
  std::string source;  ///< the file as a message names it
  std::string board;   ///< contract name of its GPUs
  int gpus = 0;
  NvlinkShape nvlink;
  int nics = 0;
  BytesPerSecond nic;   ///< of one card; 0: assumed
  BytesPerSecond slot;  ///< of a GPU; 0: the board's own
  std::string cpu;      ///< a name of hardware::HostCpu; empty: assumed
  int sockets = 1;
};

/// The profile as YAML. Throws hardware::ConfigError for what `orrery run` would say of a scenario that names it.
[[nodiscard]] Imported node_profile(const MachineFacts& facts, const std::string& file);

}  // namespace orrery::scenarios
