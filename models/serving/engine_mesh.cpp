#include "models/serving/engine_mesh.hpp"

#include <algorithm>
#include <string>

namespace orrery::models {

Mesh serving_mesh(const ServingJob& job) {
  return Mesh({job.config.tensor_parallel, job.config.replicas, job.config.pipeline_parallel}, job.placement.order);
}

sim::Placement serving_placement(const ServingJob& job) {
  sim::Placement placement;
  placement.first_node = job.placement.first_node;
  placement.node_size = std::max(1, job.cluster.gpus_per_node());
  placement.per_node = job.placement.per_node > 0 ? job.placement.per_node : placement.node_size;
  placement.spread = job.placement.spread;
  return placement;
}

std::vector<std::uint32_t> stage_members(const Mesh& mesh, int replica, int stage) {
  std::vector<std::uint32_t> members;
  for (int rank = 0; rank < mesh.tensor(); ++rank) members.push_back(mesh.member({rank, replica, stage}));
  return members;
}

sim::Group stage_group(const Mesh& mesh, int replica, int stage, RankId rank) {
  return {"tp" + std::to_string(stage), {rank}, mesh.along({MeshAxis::tensor}), {mesh.member({0, replica, stage})}};
}

std::vector<std::uint32_t> replica_gpus(const ServingJob& job, int replica) {
  const Mesh mesh = serving_mesh(job);
  const sim::Placement placement = serving_placement(job);
  std::vector<std::uint32_t> gpus;
  for (int stage = 0; stage < mesh.pipeline(); ++stage) {
    for (const std::uint32_t member : stage_members(mesh, replica, stage)) gpus.push_back(placement.gpu(member));
  }
  return gpus;
}

bool leaves_node(const ServingJob& job, int replica) {
  const Mesh mesh = serving_mesh(job);
  const sim::Placement placement = serving_placement(job);
  for (int stage = 0; stage < mesh.pipeline(); ++stage) {
    if (sim::nodes_spanned(stage_group(mesh, replica, stage, {}), placement) > 1) return true;
    if (stage > 0 &&
        placement.node(mesh.member({0, replica, stage})) != placement.node(mesh.member({0, replica, stage - 1}))) {
      return true;
    }
  }
  return false;
}

}  // namespace orrery::models
