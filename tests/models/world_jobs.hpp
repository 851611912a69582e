// Training jobs that leave their nodes, on clusters with leaves.
#pragma once

#include "models/training/training.hpp"
#include "tests/models/training_jobs.hpp"

namespace orrery::models::testing {

/// TP 2, PP 2, and what is left is data parallel: on nodes of two GPUs every message and every bucket leaves its node.
inline TrainingJob spread_job(int nodes, int gpus_per_node = 2) {
  TrainingJob job = gpt_job(4, 16, nodes);
  job.cluster = small_cluster(nodes, gpus_per_node);
  job.config.tensor_parallel = 2;
  job.config.pipeline_parallel = 2;
  job.config.global_batch_size = 16;
  job.cluster.fabric.leaf_ports = 64;
  job.cluster.fabric.pod_leaves = 64;
  return job;
}

inline hardware::Cluster with_leaves(hardware::Cluster cluster, int leaf_ports, double oversubscription) {
  cluster.fabric.leaf_ports = leaf_ports;
  cluster.fabric.pod_leaves = 64;
  cluster.fabric.oversubscription = oversubscription;
  return cluster;
}

}  // namespace orrery::models::testing
