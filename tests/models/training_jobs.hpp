// Jobs on hand-built hardware, so that no test of the lowering depends on a profile file.
#pragma once

#include <optional>
#include <utility>

#include "hardware/catalogue/catalogue.hpp"
#include "models/training/training.hpp"

namespace orrery::models::testing {

inline hardware::Cluster small_cluster(int nodes, int gpus_per_node = 8) {
  using namespace orrery::literals;
  hardware::Cluster cluster;
  cluster.gpu.name = "test_gpu";
  cluster.gpu.generation = hardware::load_generation("ampere");
  cluster.gpu.sm_count = 108;
  cluster.gpu.boost_clock = Hertz{1.41e9};
  cluster.gpu.peak = {{Dtype::bf16, 312_TFLOPs}, {Dtype::fp16, 312_TFLOPs}, {Dtype::tf32, 156_TFLOPs}};
  cluster.gpu.vector_peak = 19.5_TFLOPs;
  cluster.gpu.memory = 80_GiB;
  cluster.gpu.reserved_memory = 1_GiB;
  cluster.gpu.memory_bandwidth = 2000_GBps;
  cluster.gpu.l2_size = 40_MiB;
  cluster.gpu.l2_bandwidth = 5000_GBps;
  cluster.gpu.nvlink_bandwidth = 300_GBps;
  cluster.gpu.nvlink_latency = 1_us;
  cluster.gpu.pcie_bandwidth = 32_GBps;
  cluster.gpu.pcie_latency = 1_us;
  cluster.gpu.kernel_launch = 5_us;
  cluster.gpu.kernel_gap = 1_us;
  cluster.node.name = "test_node";
  cluster.node.gpus = gpus_per_node;
  cluster.node.gpu = "test_gpu";
  cluster.node.nvswitch = true;
  cluster.node.nics = gpus_per_node;
  cluster.node.nic_bandwidth = 25_GBps;
  cluster.node.nic_latency = 2_us;
  cluster.node.pcie_bandwidth = 32_GBps;
  cluster.fabric.name = "test_fabric";
  cluster.fabric.kind = nodes > 1 ? hardware::FabricKind::fat_tree : hardware::FabricKind::single_node;
  cluster.fabric.link_bandwidth = 25_GBps;
  cluster.fabric.max_nodes = 4096;
  cluster.nodes = nodes;
  return cluster;
}

/// A GPT of `layers` layers: `heads` heads of 128, MLP 4·h, untied head.
inline Llm gpt(std::int64_t layers, std::int64_t heads) {
  Llm llm;
  llm.name = "test-gpt";
  llm.hidden = heads * 128;
  llm.layers = layers;
  llm.vocab = 51200;
  llm.max_positions = 2048;
  llm.attention.heads = llm.attention.kv_heads = heads;
  llm.attention.head_dim = 128;
  llm.mlp.inter = 4 * llm.hidden;
  llm.norm = NormKind::layer_norm;
  llm.position = PositionKind::learned;
  return llm;
}

inline TrainingJob gpt_job(std::int64_t layers = 8, std::int64_t heads = 16, int nodes = 1) {
  TrainingJob job;
  job.llm = gpt(layers, heads);
  job.cluster = small_cluster(nodes);
  job.config.sequence_length = 2048;
  job.config.global_batch_size = 8;
  job.config.attention = AttentionImplementation::unfused;
  return job;
}

/// Every span kept; with classes: those members apart.
inline TrainingOptions with_timeline(std::optional<MeshClasses> classes = {}) {
  TrainingOptions options;
  options.keep_timeline = true;
  options.classes = std::move(classes);
  return options;
}

}  // namespace orrery::models::testing
