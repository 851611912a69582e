// Where the engines of a serving job stand on the cluster's GPUs.
//
// The job's mesh has tensor-parallel ranks, pipeline stages and, on the axis of data, replicas. Undisturbed all
// replicas of a shape take the same time: what prices ask is the first one's placement.
#pragma once

#include <cstdint>
#include <vector>

#include "models/serving/serving.hpp"
#include "sim/plan/placement.hpp"
#include "sim/plan/plan.hpp"

namespace orrery::models {

[[nodiscard]] Mesh serving_mesh(const ServingJob& job);
[[nodiscard]] sim::Placement serving_placement(const ServingJob& job);

/// The members of a stage of a replica, by tensor-parallel rank.
[[nodiscard]] std::vector<std::uint32_t> stage_members(const Mesh& mesh, int replica, int stage);
/// Their communicator, of the one rank that stands for them in an iteration's plan.
[[nodiscard]] sim::Group stage_group(const Mesh& mesh, int replica, int stage, RankId rank);

/// Numbers of the GPUs of a replica in the cluster.
[[nodiscard]] std::vector<std::uint32_t> replica_gpus(const ServingJob& job, int replica);
/// Whether a tensor-parallel group of the replica, or a message between its stages, leaves its node.
[[nodiscard]] bool leaves_node(const ServingJob& job, int replica);

}  // namespace orrery::models
