// NCCL's vocabulary, and the variables by which a user directs it.
//
// Names are those of NCCL_ALGO and NCCL_PROTO, in any case and with or without underscores. Source: NVIDIA/nccl
// 2.28.9 src/include/plugin/nccl_tuner.h (order of the enumerators), src/graph/tuning.cc parseList (lists).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hardware/units.hpp"

namespace orrery::hardware {

enum class NcclFunction : std::uint8_t { broadcast, reduce, all_gather, reduce_scatter, all_reduce };
enum class NcclAlgorithm : std::uint8_t { tree, ring, collnet_direct, collnet_chain, nvls, nvls_tree, pat };
enum class NcclProtocol : std::uint8_t { ll, ll128, simple };
enum class NcclVersion : std::uint8_t { v2_28, v2_30 };

inline constexpr std::size_t kNcclFunctions = 5, kNcclAlgorithms = 7, kNcclProtocols = 3;

[[nodiscard]] std::string_view name(NcclFunction function);    ///< "all_reduce"
[[nodiscard]] std::string_view name(NcclAlgorithm algorithm);  ///< "nvls_tree"
[[nodiscard]] std::string_view name(NcclProtocol protocol);    ///< "LL128"
[[nodiscard]] std::string_view name(NcclVersion version);      ///< "2.28.9"

/// What NCCL_ALGO or NCCL_PROTO leave to each function: a bit for each name of the vocabulary.
struct NcclList {
  std::string text;  ///< as written; empty: NCCL's own choice
  std::array<std::uint8_t, kNcclFunctions> allowed{0xff, 0xff, 0xff, 0xff, 0xff};

  [[nodiscard]] bool allows(NcclFunction function, std::size_t value) const {
    return (allowed[static_cast<std::size_t>(function)] >> value & 1u) != 0;
  }
  /// A list named what the function may use: NCCL then takes LL128 even over links that it isn't safe on.
  [[nodiscard]] bool names(NcclFunction function) const { return (named >> static_cast<int>(function) & 1u) != 0; }
  std::uint8_t named = 0;  ///< functions that the text speaks of

  friend bool operator==(const NcclList&, const NcclList&) = default;
};

/// A list that was read, or why not.
struct ParsedNcclList {
  NcclList list;
  std::string error;  ///< empty where it was read; names the word, its column and the nearest names otherwise
};

/// "[function:][^]name,name;function:name": a first entry without a function holds for all, ^ leaves the names out.
[[nodiscard]] ParsedNcclList parse_nccl_algorithms(std::string_view text);
[[nodiscard]] ParsedNcclList parse_nccl_protocols(std::string_view text);

/// Graphs that NCCL numbers in its files (NCCL_GRAPH_DUMP_FILE, NCCL_GRAPH_FILE).
enum class NcclGraphId : std::uint8_t { ring = 0, tree = 1, collnet_chain = 2, nvls = 3, collnet_direct = 4 };
inline constexpr int kNcclGraphs = 5;
[[nodiscard]] std::string_view name(NcclGraphId id);  ///< "collnet_chain"

/// How far apart two ends of a channel are, as NCCL orders and writes them ("NVL", "PXB", ...).
enum class NcclPath : std::uint8_t { loc, nvlink, nvb, c2c, pix, pxb, p2c, pxn, phb, sys };
[[nodiscard]] std::string_view name(NcclPath path);
[[nodiscard]] std::optional<NcclPath> parse_nccl_path(std::string_view text);

/// One graph as NCCL's search found it on a machine. Bandwidths in GB/s of a channel, as the file has them.
struct NcclGraph {
  NcclGraphId id = NcclGraphId::ring;
  int pattern = 4;   ///< NCCL's number of it: 1 balanced tree, 2 split tree, 3 tree, 4 ring, 5 NVLS, 6 CollNet
  int channels = 0;  ///< 0: the search found none
  int gpus = 0;      ///< of a node that each channel visits
  double intra = 0.0, inter = 0.0;
  NcclPath type_intra = NcclPath::nvlink, type_inter = NcclPath::pix;
  bool same_channels = true;

  friend bool operator==(const NcclGraph&, const NcclGraph&) = default;
};

/// The variables. Numbers are NCCL's own where absent.
struct NcclSettings {
  NcclVersion version = NcclVersion::v2_28;
  NcclList algorithms;                  ///< NCCL_ALGO
  NcclList protocols;                   ///< NCCL_PROTO
  int min_channels = 0;                 ///< NCCL_MIN_NCHANNELS, 0: unset
  int max_channels = 0;                 ///< NCCL_MAX_NCHANNELS
  int min_ctas = 0;                     ///< NCCL_MIN_CTAS
  int max_ctas = 0;                     ///< NCCL_MAX_CTAS
  int threads = 0;                      ///< NCCL_NTHREADS
  int ll128_threads = 0;                ///< NCCL_LL128_NTHREADS
  bool nvls = true;                     ///< NCCL_NVLS_ENABLE
  bool collnet = false;                 ///< NCCL_COLLNET_ENABLE, with a fabric that reduces (SHARP)
  bool pat = true;                      ///< NCCL_PAT_ENABLE
  bool cross_nic = true;                ///< NCCL_CROSS_NIC other than 0: a ring may leave by another card than it came
  bool ll128_c2c = true;                ///< NCCL_LL128_C2C
  std::optional<Seconds> net_overhead;  ///< NCCL_NET_OVERHEAD
  /// NCCL_THREAD_THRESHOLDS: bytes per thread of tree LL, LL128, Simple, then ring; −1: unset.
  std::array<int, 6> thread_thresholds{-1, -1, -1, -1, -1, -1};
  Bytes p2p_ll_threshold{16384.0};  ///< NCCL_P2P_LL_THRESHOLD: bytes of a channel up to which send/recv take LL
  /// The buffers of collectives are windows (ncclCommWindowRegister with NCCL_WIN_COLL_SYMMETRIC) on every rank.
  bool symmetric = false;
  bool pxn = true;  ///< NCCL_PXN_DISABLE=0: a GPU reaches another rail by NVLink to the GPU on it
  /// NCCL_GRAPH_FILE: in place of what the search would find on nodes with as many ranks as its channels have GPUs.
  std::vector<NcclGraph> graphs;

  // What moves the pipeline inside a choice. Taken and reported; no time hangs on it here (idle_keys()).
  Bytes buffer_size{4194304.0};        ///< NCCL_BUFFSIZE, of Simple: 8 steps
  Bytes ll_buffer_size{524288.0};      ///< NCCL_LL_BUFFSIZE: 8 lines x 512 threads x 8 steps x 16 B
  Bytes ll128_buffer_size{4915200.0};  ///< NCCL_LL128_BUFFSIZE: 120 x 640 x 8 x 8 B
  Bytes p2p_net_chunk{131072.0};       ///< NCCL_P2P_NET_CHUNKSIZE
  Bytes p2p_pci_chunk{131072.0};       ///< NCCL_P2P_PCI_CHUNKSIZE
  Bytes p2p_nvl_chunk{524288.0};       ///< NCCL_P2P_NVL_CHUNKSIZE
  Bytes nvls_chunk{131072.0};          ///< NCCL_NVLS_CHUNKSIZE
  int ib_qps = 1;                      ///< NCCL_IB_QPS_PER_CONNECTION
  bool ib_split_data = false;          ///< NCCL_IB_SPLIT_DATA_ON_QPS

  friend bool operator==(const NcclSettings&, const NcclSettings&) = default;
  /// Anything that could change a choice.
  [[nodiscard]] bool directs() const;
  /// Those that are not NCCL's own and change no time in this model: "buffsize", ...
  [[nodiscard]] std::vector<std::string_view> idle_keys() const;
};

/// The processors of a node, as NCCL tells them apart: by the bandwidth between sockets and the cost of its proxy.
enum class HostCpu : std::uint8_t {
  intel_sapphire_rapids,
  intel_emerald_rapids,
  intel_skylake,
  intel_broadwell,
  amd,
  arm,
  power
};
[[nodiscard]] std::string_view name(HostCpu cpu);  ///< "intel_skylake"
inline constexpr std::size_t kHostCpus = 7;

}  // namespace orrery::hardware
