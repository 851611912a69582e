// The price of collectives on one cluster, with the profile's laws looked up once.
//
// collective_time() of collective.hpp builds one of these per call; who prices many calls keeps it.
#pragma once

#include <vector>

#include "sim/collective/collectives.hpp"
#include "sim/collective/custom.hpp"
#include "sim/collective/fitted.hpp"

namespace orrery::sim {

class CollectiveModel {
 public:
  /// What `site` refers to must outlive the model.
  explicit CollectiveModel(const hardware::Site& site);

  /// Uncontended time; 0 for one rank or no bytes. Throws std::invalid_argument unless
  /// 1 ≤ nodes ≤ ranks and bytes ≥ 0.
  [[nodiscard]] Seconds time(const CollectiveCall& call) const;

  /// The same if it were carried out by that choice, whichever NCCL takes: a law beyond the sizes that it was seen at.
  /// REQUIRES ranks ≥ 2 and bytes > 0.
  [[nodiscard]] Seconds time_by(const Choice& choice, const CollectiveCall& call) const;

  /// The same number with its algorithm, provenance and terms.
  [[nodiscard]] CollectiveEstimate explain(const CollectiveCall& call) const;

 private:
  /// select(), with the graphs of communicators on one node found once.
  [[nodiscard]] Choice choose(const CollectiveCall& call) const;
  /// What was measured of the choice, at the choice's rounds and share of the channels' bandwidth.
  [[nodiscard]] std::optional<NodeLaws::Known> law_of(const Choice& choice, const CollectiveCall& call) const;
  /// Why an estimate is none of a measurement; empty where it is one.
  [[nodiscard]] std::string extrapolated(const Choice& choice, const CollectiveCall& call,
                                         const std::optional<NodeLaws::Known>& known) const;
  /// The call is carried out otherwise than NCCL would have chosen by itself.
  [[nodiscard]] bool is_forced(const CollectiveCall& call) const;
  [[nodiscard]] CollectiveConstants constants(const CollectiveCall& call) const;
  /// The closed form of what no law is known of.
  [[nodiscard]] CollectiveCost unmeasured(const Choice& choice, const CollectiveCall& call) const;
  /// The same, a tree on one node: a chain of its GPUs up and down, as many steps as the ring's and twice what a ring
  /// puts on a link of many, so that no part of it takes less than the ring's of the same protocol; and at the pace
  /// that this one was measured at beside its own closed form.
  [[nodiscard]] CollectiveCost chain(const Choice& tree, const CollectiveCall& call, const CollectiveConstants& k,
                                     CollectiveCost cost) const;

  hardware::Site site_;
  NodeLaws laws_;
  CustomCurves custom_;
  std::vector<nccl::Tuner> node_tuners_;  ///< of 2, 3, … all ranks of a node
};

}  // namespace orrery::sim
