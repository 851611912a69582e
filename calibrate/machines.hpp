// The machines that rows of a table over several nodes are predicted on.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "hardware/cluster.hpp"
#include "sim/collective/model.hpp"

namespace orrery::calibrate {

/// A rail fat tree of the generation of the node's cards: NDR above 25 GB/s a card, else HDR.
[[nodiscard]] std::string_view usual_fabric(const hardware::Node& node);

/// A cluster and its prices.
struct Machine {
  hardware::Cluster cluster;
  std::unique_ptr<sim::CollectiveModel> model;

  explicit Machine(hardware::Cluster of);
};

/// Clusters of as many nodes as a row says, each made once.
class Machines {
 public:
  /// Nodes as that of `site`, which the catalogue knows as `node` (a name, or the path of a profile of one's own;
  /// empty: by the node's own name), joined by `fabric`, a name or path; empty: usual_fabric(), which is an assumption.
  explicit Machines(const hardware::Site& site, std::string node = {}, std::string fabric = {});
  /// A cluster that somebody described: a row's nodes are some of its own.
  explicit Machines(hardware::Cluster cluster);

  /// Throws hardware::ConfigError in a sentence for a row: the fabric can't join or hold so many, or there are fewer.
  [[nodiscard]] const Machine& of(int nodes);
  /// One node.
  [[nodiscard]] hardware::Site site() const { return one_.site(0); }
  /// "4 x dgx_h100, 8 cards of 50 GB/s each, rail_fat_tree_ndr", and whether that is assumed.
  [[nodiscard]] std::string describe(int nodes);

 private:
  hardware::Cluster one_;  ///< a node of the site alone, or what was described
  std::string node_, fabric_;
  bool is_whole_ = false;  ///< `one_` is all that there is
  std::map<int, std::unique_ptr<Machine>> by_nodes_;
};

}  // namespace orrery::calibrate
