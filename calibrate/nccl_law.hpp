// Fitting the laws of NCCL's protocols on one node (sim/collective/fitted.hpp) to nccl-tests.
//
// Two stages, each a robust least squares of ln(predicted/measured) over rows that NCCL's choice puts under one law:
//
//   the node's law      all kinds and numbers of ranks together. Where rows say nothing it stays at NCCL's own
//   constants
//                       (base, hop) and at the bus bandwidths that boards of the generation sustain.
//   a family's own      one kind and number of ranks, drawn to the node's law: a family of a few rows, or one that was
//                       seen on one side of a switch only, keeps the node's there.
//
// The strength of the draw (how far a family is expected to be from its node) is the same for all platforms.
// Source: Gelman et al., Bayesian Data Analysis, §5 (partial pooling); NVIDIA/nccl 2.28.9 src/graph/tuning.cc.
#pragma once

#include <string>
#include <vector>

#include "hardware/cluster.hpp"
#include "sim/collective/fitted.hpp"

namespace orrery::calibrate {

/// One measurement under the law that NCCL's choice puts it under.
struct LawRow {
  sim::CollectiveKind kind = sim::CollectiveKind::all_reduce;
  int ranks = 0;
  Bytes bytes;
  Seconds measured;
  sim::Choice choice;
  Dtype dtype = Dtype::bf16;

  [[nodiscard]] std::string law() const { return sim::law_name(choice); }
};

/// The node's law of each protocol that a row is under, in the order of the rows' first.
struct NamedNodeLaw {
  std::string name;
  sim::NodeLaw law;
};
[[nodiscard]] std::vector<NamedNodeLaw> fit_node_laws(const std::vector<const LawRow*>& rows,
                                                      const hardware::Site& site);

/// A family's own law, drawn to `node`. REQUIRES rows of one kind, number of ranks and law.
[[nodiscard]] sim::ProtocolLaw fit_family_law(const std::vector<const LawRow*>& rows, const sim::NodeLaw& node,
                                              const hardware::Site& site);

}  // namespace orrery::calibrate
