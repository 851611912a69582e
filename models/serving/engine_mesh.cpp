#include "models/serving/engine_mesh.hpp"

#include <algorithm>
#include <string>

namespace orrery::models {

Mesh serving_mesh(const ServingJob& job) {
  return Mesh({job.config.tensor_parallel, job.config.replicas, job.config.pipeline_parallel}, job.placement.order);
}

sim::Placement serving_placement(const ServingJob& job) {
  return sim::place(job.cluster, job.placement.first_node, job.placement.spread, job.placement.per_node,
                    serving_mesh(job).gpus());
}

std::vector<std::size_t> groups_of(const ServingJob& job) {
  return sim::groups_of(job.cluster, serving_placement(job), serving_mesh(job).gpus());
}

std::size_t group_of(const ServingJob& job, int replica) {
  if (job.cluster.groups.size() == 1) return 0;
  const std::uint32_t gpu = serving_placement(job).gpu(serving_mesh(job).member({0, replica, 0}));
  return job.cluster.group_of_gpu(std::min(gpu, static_cast<std::uint32_t>(job.cluster.gpu_count() - 1)));
}

hardware::Site site_of(const ServingJob& job) { return job.cluster.site(group_of(job, job.replica)); }

ReplicaStand stand_of(const ServingJob& job, int replica) {
  const Mesh mesh = serving_mesh(job);
  const sim::Placement placement = serving_placement(job);
  ReplicaStand stand;
  stand.group = group_of(job, replica);
  for (int stage = 0; stage < mesh.pipeline(); ++stage) {
    stand.group_nodes.push_back(sim::nodes_spanned(stage_group(mesh, replica, stage, {}), placement));
    if (stage + 1 == mesh.pipeline()) break;
    const bool near =
        placement.host(mesh.member({0, replica, stage})) == placement.host(mesh.member({0, replica, stage + 1}));
    stand.next_on_same_node.push_back(near ? 1 : 0);
  }
  return stand;
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
  const ReplicaStand stand = stand_of(job, replica);
  const auto wide = [](int nodes) { return nodes > 1; };
  const auto far = [](std::uint8_t near) { return near == 0; };
  return std::any_of(stand.group_nodes.begin(), stand.group_nodes.end(), wide) ||
         std::any_of(stand.next_on_same_node.begin(), stand.next_on_same_node.end(), far);
}

}  // namespace orrery::models
