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
  Dtype dtype = Dtype::bf16;
  std::vector<Bytes> sizes;
  std::vector<NcclTestsRow> measured;  ///< as long as `sizes`, or empty

  [[nodiscard]] int ranks() const { return gpus * nodes; }
};

/// Throws ConfigError: an unknown operation, node, fabric or type with the nearest names, a group larger than the
/// cluster, sizes that are none, and whatever --set and the file of measurements have.
[[nodiscard]] CollectiveQuery read_query(std::string_view operation, const CollectiveWords& words,
                                         const std::vector<Override>& overrides);

struct CollectiveLine {
  Bytes size;
  double count = 0.0;  ///< elements, as nccl-tests counts them: of one rank's part where ranks have parts
  sim::CollectiveEstimate estimate;
  sim::LinkLoad load;  ///< of the busiest rank, per direction
  sim::BindingLink bound;
  int rounding_depth = 0;           ///< additions one after the other; 0: nothing is added
  double algbw = 0.0, busbw = 0.0;  ///< bytes per second
  bool refused = false;             ///< NCCL would not carry it out as it was told: see sim::nccl_refuses
  bool dips = false;                ///< it takes less than the next smaller size: NCCL goes another way there
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
/// As nccl-tests writes a type: "bfloat16".
[[nodiscard]] std::string_view nccl_type(Dtype dtype);

[[nodiscard]] std::string table_text(const CollectiveTable& table);
[[nodiscard]] std::string table_csv(const CollectiveTable& table);
[[nodiscard]] std::string table_json(const CollectiveTable& table);
/// Bus bandwidth over size, a colour for each algorithm and protocol, dots for what was measured.
[[nodiscard]] std::string table_svg(const CollectiveTable& table);

}  // namespace orrery::scenarios
