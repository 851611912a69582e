// GPUs made by hand, so that tests do not depend on profiles of boards.
#pragma once

#include "hardware/catalogue/catalogue.hpp"
#include "hardware/gpu.hpp"

namespace orrery::tests {

/// Round numbers: 100 SMs, 1 PFLOP/s bf16, 1 TB/s HBM, 10 TB/s L2 of 10 MB, 1 GHz, PCIe 50 GB/s.
inline hardware::Gpu round_gpu() {
  hardware::Gpu gpu;
  gpu.name = "round";
  gpu.generation = hardware::load_generation("ampere");
  gpu.sm_count = 100;
  gpu.boost_clock = Hertz{1e9};
  gpu.peak = {{Dtype::bf16, FlopsPerSecond{1e15}}, {Dtype::fp16, FlopsPerSecond{1e15}}};
  gpu.vector_peak = FlopsPerSecond{1e13};
  gpu.memory = Bytes{80e9};
  gpu.memory_bandwidth = BytesPerSecond{1e12};
  gpu.l2_size = Bytes{10e6};
  gpu.l2_bandwidth = BytesPerSecond{10e12};
  gpu.pcie_bandwidth = BytesPerSecond{50e9};
  gpu.pcie_latency = Seconds{2e-6};
  return gpu;
}

/// The datasheet of an H100 SXM (NVIDIA H100 datasheet; L2 rate: microbenchmark, Chips and Cheese 2023).
inline hardware::Gpu hopper_gpu() {
  hardware::Gpu gpu = round_gpu();
  gpu.name = "hopper";
  gpu.generation = hardware::load_generation("hopper");
  gpu.sm_count = 132;
  gpu.boost_clock = Hertz{1.98e9};
  gpu.peak = {{Dtype::bf16, FlopsPerSecond{989.4e12}},
              {Dtype::fp16, FlopsPerSecond{989.4e12}},
              {Dtype::tf32, FlopsPerSecond{494.7e12}},
              {Dtype::fp8, FlopsPerSecond{1978.9e12}},
              {Dtype::fp8_block, FlopsPerSecond{1978.9e12}}};
  gpu.vector_peak = FlopsPerSecond{66.9e12};
  gpu.memory_bandwidth = BytesPerSecond{3.35e12};
  gpu.l2_size = Bytes{50.0 * 1048576.0};
  gpu.l2_bandwidth = BytesPerSecond{5.5e12};
  gpu.pcie_bandwidth = BytesPerSecond{63e9};
  return gpu;
}

}  // namespace orrery::tests
