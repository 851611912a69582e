// What an engine's iterations put on the links of a World.
//
// An iteration is lowered to its Plan, and the bytes of its collectives on each link are added up: at each stage
//
//   time(shape) = kernels + collectives + message        the last `work` of the collectives loads their links
//
// so that an iteration is one Operation, and one more for the message to the next stage where there is one. Shapes of
// equally many computed tokens and sampled sequences have the same collectives: they are lowered once.
//
// Limitation: collectives load their links at the end of the iteration, all together, and not between its layers.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "models/serving/step_model.hpp"
#include "sim/links/links.hpp"

namespace orrery::models {

/// Part of a stage's time that no GPU's speed changes, and what it loads.
struct LinkPart {
  sim::SimTime time = 0;
  sim::SimTime work = 0;  ///< its last part
  std::vector<sim::LinkUse> uses;
  std::shared_ptr<const sim::Ways> ways;  ///< as Operation::ways
};

struct StageLinks {
  LinkPart collectives;
  LinkPart message;  ///< to the next stage
};

class IterationLinks {
 public:
  /// Of one replica of the model's job. `steps` must outlive it.
  IterationLinks(const StepModel& steps, int replica);

  /// Makes the replica's groups and messages known to the links, before they are folded.
  void join(sim::LinkClasses& links);
  /// The links of what follows, folded. They must outlive it.
  void use(const sim::LinkClasses& links);

  /// Valid until the next call.
  [[nodiscard]] const StageLinks& at(const StepShape& shape, int stage);

  /// Own links of the rank that stands for a member: out of and into the node, out to and in from the network.
  [[nodiscard]] std::vector<LinkId> own(const sim::LinkClasses& links, int stage) const;

 private:
  [[nodiscard]] std::vector<StageLinks> lower(const StepShape& shape) const;

  const StepModel* steps_;
  int replica_;
  std::unique_ptr<sim::ClusterPrices> prices_;
  std::unique_ptr<const sim::Plan> plan_;  ///< of an iteration with all groups and messages
  std::size_t number_ = 0;                 ///< among the jobs of the links
  const sim::LinkClasses* links_ = nullptr;
  std::unordered_map<std::uint64_t, std::vector<StageLinks>> known_;  ///< only looked up
};

}  // namespace orrery::models
