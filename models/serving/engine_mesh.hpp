// Where the engines of a serving job stand on the cluster's GPUs.
//
// The job's mesh has tensor-parallel ranks, pipeline stages and, on the axis of data, replicas. Undisturbed, replicas
// that stand alike take the same time for an iteration.
#pragma once

#include <cstdint>
#include <vector>

#include "models/serving/serving.hpp"
#include "sim/plan/placement.hpp"
#include "sim/plan/plan.hpp"

namespace orrery::models {

[[nodiscard]] Mesh serving_mesh(const ServingJob& job);
[[nodiscard]] sim::Placement serving_placement(const ServingJob& job);
/// The node groups of the cluster that hold its GPUs, in ascending order.
[[nodiscard]] std::vector<std::size_t> groups_of(const ServingJob& job);
/// The node group of the replica's first GPU; all of its GPUs are alike in a checked job.
[[nodiscard]] std::size_t group_of(const ServingJob& job, int replica);
/// The cluster as the replica `job.replica` sees it.
[[nodiscard]] hardware::Site site_of(const ServingJob& job);
/// How a replica stands: on GPUs of which group, over how many nodes each stage's group goes, and which stages have the
/// next one on their node. What an iteration takes alone is the same for those that stand alike.
struct ReplicaStand {
  std::size_t group = 0;
  std::vector<int> group_nodes;                 ///< by stage
  std::vector<std::uint8_t> next_on_same_node;  ///< by stage but the last

  friend bool operator==(const ReplicaStand&, const ReplicaStand&) = default;
};
[[nodiscard]] ReplicaStand stand_of(const ServingJob& job, int replica);

/// The members of a stage of a replica, by tensor-parallel rank.
[[nodiscard]] std::vector<std::uint32_t> stage_members(const Mesh& mesh, int replica, int stage);
/// Their communicator, of the one rank that stands for them in an iteration's plan.
[[nodiscard]] sim::Group stage_group(const Mesh& mesh, int replica, int stage, RankId rank);

/// Numbers of the GPUs of a replica in the cluster.
[[nodiscard]] std::vector<std::uint32_t> replica_gpus(const ServingJob& job, int replica);
/// Whether a tensor-parallel group of the replica, or a message between its stages, leaves its node.
[[nodiscard]] bool leaves_node(const ServingJob& job, int replica);

}  // namespace orrery::models
