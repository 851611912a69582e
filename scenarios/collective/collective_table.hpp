// The table of `orrery collective`: one operation over sizes, as nccl-tests prints it.
//
//   algbw = size / time      busbw = algbw · 2(n−1)/n (all_reduce), (n−1)/n (all_gather, reduce_scatter, all_to_all), 1
//
// Source: NVIDIA/nccl-tests doc/PERFORMANCE.md (what size, count and the bandwidths mean).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "calibrate/nccl_types.hpp"
#include "hardware/cluster.hpp"
#include "scenarios/collective/nccl_tests.hpp"
#include "scenarios/overrides.hpp"
#include "sim/collective/binding.hpp"
#include "sim/collective/collective.hpp"
#include "sim/collective/collectives.hpp"

namespace orrery::scenarios {

/// What the command line asks for, as it stands there; empty: the usual.
struct CollectiveWords {
  std::string cluster, fabric, bytes, type, compare;
  std::string fit;  ///< the GPU's profile that the measurements are fitted into
  int gpus = 0;     ///< of the group, per node
  int nodes = 0;    ///< that the group spans
  int operations = 1;
};

/// The same, read: a group of ranks and the sizes that it is asked about.
struct CollectiveQuery {
  sim::CollectiveKind kind = sim::CollectiveKind::all_reduce;
  hardware::Cluster cluster;
  int gpus = 1, nodes = 1, operations = 1;
  calibrate::NcclType type = calibrate::nccl_type(Dtype::bf16);
  std::string algorithm_key = "cluster.nccl.algo";  ///< the key that named an algorithm, where one is
  std::vector<Bytes> sizes;                         ///< of whole elements, as nccl-tests rounds them
  std::vector<NcclTestsRow> measured;               ///< as long as `sizes`, or empty

  [[nodiscard]] int ranks() const { return gpus * nodes; }
  /// That nccl-tests counts a rank's one of.
  [[nodiscard]] int parts() const;
};

/// Throws ConfigError: an unknown operation, node, fabric or type with the nearest names, a group larger than the
/// cluster, sizes that are none or less than an element for each rank's part, sums of what NCCL only moves, a log of
/// another group or board, and whatever --set and the file of measurements have.
[[nodiscard]] CollectiveQuery read_query(std::string_view operation, const CollectiveWords& words,
                                         const std::vector<Override>& overrides);

/// The same bytes over fewer nodes, as many GPUs of each.
struct FewerNodes {
  int nodes = 1;
  sim::CollectiveEstimate estimate;
};

/// Where NCCL goes another way than at the next smaller size, and by our laws it should not have gone, or long before.
struct Jump {
  std::string from;  ///< "ring LL"
  Seconds time;      ///< that this would take for the same bytes
};

struct CollectiveLine {
  Bytes size;
  double count = 0.0;  ///< elements, as nccl-tests counts them: of one rank's part where ranks have parts
  sim::CollectiveEstimate estimate;
  sim::LinkLoad load;  ///< of the busiest rank, per direction
  sim::BindingLink bound;
  int rounding_depth = 0;            ///< additions one after the other; 0: nothing is added
  double algbw = 0.0, busbw = 0.0;   ///< bytes per second
  std::string refusal;               ///< why it would not be carried out as it was told (sim::nccl_refuses); or empty
  bool dips = false;                 ///< it takes less than the next smaller size: NCCL goes another way there
  std::optional<Jump> jump;          ///< it takes far more, or far less, than the way before would
  std::optional<FewerNodes> slower;  ///< half as many nodes take longer for the same bytes
  std::optional<Seconds> measured;

  /// predicted/measured − 1; nullopt where nothing was measured.
  [[nodiscard]] std::optional<double> error() const;
};

struct CollectiveTable {
  CollectiveQuery query;
  std::vector<CollectiveLine> lines;
};

[[nodiscard]] CollectiveTable predict(CollectiveQuery query);

/// "2 x 8 h100_sxm (dgx_h100), rail_fat_tree_ndr, NCCL 2.28.9".
[[nodiscard]] std::string describe(const CollectiveQuery& query);
/// What is to be known of the table: refusals, keys that change nothing, sizes that dip, ranks that are faster for
/// being more, why lines are no measurements.
[[nodiscard]] std::vector<std::string> notes_of(const CollectiveTable& table);

/// "ring LL128"
[[nodiscard]] std::string way_of(const sim::CollectiveEstimate& estimate);

/// Places of the lines by size, the smallest first; a log may have them in any order, and a size twice.
[[nodiscard]] std::vector<std::size_t> by_size(const CollectiveTable& table);

[[nodiscard]] std::string table_text(const CollectiveTable& table);
[[nodiscard]] std::string table_csv(const CollectiveTable& table);
[[nodiscard]] std::string table_json(const CollectiveTable& table);
/// Bus bandwidth over size, a colour for each algorithm and protocol, dots for what was measured.
[[nodiscard]] std::string table_svg(const CollectiveTable& table);

}  // namespace orrery::scenarios
