// Jobs on hand-built hardware, so that no test of the lowering depends on a profile file.
#pragma once

#include <optional>
#include <utility>

#include "hardware/catalogue/catalogue.hpp"
#include "models/training/training.hpp"

namespace orrery::models::testing {

/// Every kernel takes what the datasheet says.
class RooflineTimer : public kernels::KernelTimer {
 public:
  Seconds time(const kernels::Kernel& kernel, const hardware::Gpu& gpu) const override {
    return kernels::roofline(kernel, gpu);
  }
  kernels::Estimate explain(const kernels::Kernel& kernel, const hardware::Gpu& gpu) const override {
    kernels::Estimate estimate;
    estimate.time = time(kernel, gpu);
    return estimate;
  }
};

inline hardware::Cluster small_cluster(int nodes, int gpus_per_node = 8) {
  using namespace orrery::literals;
  hardware::Cluster cluster;
  hardware::NodeGroup& group = cluster.groups.emplace_back();
  group.gpu.name = "test_gpu";
  group.gpu.generation = hardware::load_generation("ampere");
  group.gpu.sm_count = 108;
  group.gpu.boost_clock = Hertz{1.41e9};
  group.gpu.peak = {{Dtype::bf16, 312_TFLOPs}, {Dtype::fp16, 312_TFLOPs}, {Dtype::tf32, 156_TFLOPs}};
  group.gpu.vector_peak = 19.5_TFLOPs;
  group.gpu.memory = 80_GiB;
  group.gpu.reserved_memory = 1_GiB;
  group.gpu.memory_bandwidth = 2000_GBps;
  group.gpu.l2_size = 40_MiB;
  group.gpu.l2_bandwidth = 5000_GBps;
  group.gpu.nvlink_bandwidth = 300_GBps;
  group.gpu.nvlink_latency = 1_us;
  group.gpu.pcie_bandwidth = 32_GBps;
  group.gpu.pcie_latency = 1_us;
  group.gpu.kernel_launch = 5_us;
  group.gpu.kernel_gap = 1_us;
  group.node.name = "test_node";
  group.node.gpus = gpus_per_node;
  group.node.gpu = "test_gpu";
  group.node.nvswitch = true;
  group.node.nics = gpus_per_node;
  group.node.nic_bandwidth = 25_GBps;
  group.node.nic_latency = 2_us;
  group.node.pcie_bandwidth = 32_GBps;
  cluster.fabric.name = "test_fabric";
  cluster.fabric.kind = nodes > 1 ? hardware::FabricKind::fat_tree : hardware::FabricKind::single_node;
  cluster.fabric.link_bandwidth = 25_GBps;
  cluster.fabric.max_nodes = 4096;
  group.count = nodes;
  return cluster;
}

/// The same GPU at half its rates.
inline hardware::Gpu half_gpu(hardware::Gpu gpu) {
  gpu.name = "half_gpu";
  for (const Dtype dtype : {Dtype::bf16, Dtype::fp16, Dtype::tf32}) gpu.peak[dtype] = gpu.peak[dtype] * 0.5;
  gpu.vector_peak = gpu.vector_peak * 0.5;
  gpu.memory_bandwidth = gpu.memory_bandwidth * 0.5;
  gpu.l2_bandwidth = gpu.l2_bandwidth * 0.5;
  return gpu;
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
