#include "scenarios/hardware_templates.hpp"

namespace orrery::scenarios {

namespace {

constexpr std::string_view kGpu = R"yaml(# A GPU of your own. Save it as my_gpu.yaml and name it in a scenario:
#   cluster: {node: dgx_h100, gpu: ./my_gpu.yaml}
# The figures below are those of an NVIDIA H100 SXM5; replace each, and say in sources: where it is printed.
title: "My GPU"
architecture: hopper   # orrery list generations: how libraries drive the chip
silicon: h100_sxm      # a measured board with the same chip, whose fits then hold at your rates (orrery list gpus);
                       # leave the line out for another chip: times then rest on the datasheet alone

compute:
  sm_count: 132             # datasheet or whitepaper; or cudaDeviceProp.multiProcessorCount
  boost_clock: 1.98 GHz     # nvidia-smi -q -d CLOCK: Max Clocks, SM
  vector_peak: 66.9 TFLOP/s # fp32 outside the tensor cores
  peak:                     # tensor cores, dense: datasheets often print twice as much, with sparsity
    tf32: 494.7 TFLOP/s     # with fp32 accumulation: GeForce boards halve that rate
    fp16: 989.4 TFLOP/s
    bf16: 989.4 TFLOP/s     # leave out what the chip can't do
    fp8: 1978.9 TFLOP/s
    int8: 1978.9 TOP/s
    # nvfp4: 0 TFLOP/s

memory:
  memory: 81559 MiB         # nvidia-smi: memory in all, less than sold where ECC takes a part
  reserved_memory: 551 MiB  # nvidia-smi: in use by an idle CUDA context
  memory_bandwidth: 3352 GB/s
  l2_size: 50 MiB
  l2_bandwidth: 10.1 TB/s   # a microbenchmark, or bytes per clock x clock

links:
  nvlink_bandwidth: 450 GB/s  # one direction, all links together: half of what datasheets print; 0 GB/s for none
  nvlink_latency: 0.6 us
  pcie_bandwidth: 64 GB/s     # one direction: Gen4 x16 32 GB/s, Gen5 x16 64 GB/s
  pcie_latency: 1 us

board:
  power: 700 W
  price: 2.99 USD/h           # what you pay for one GPU hour
  kernel_launch: 5 us         # host time of a launch outside CUDA graphs
  kernel_gap: 0.9 us          # idle time between dependent kernels

sources:                      # of every figure; default stands for those without a line of their own
  default: "NVIDIA H100 Tensor Core GPU Architecture whitepaper v1.04, SXM5"
  price: "our contract"
)yaml";

constexpr std::string_view kNode = R"yaml(# A node of your own. Save it as my_node.yaml and name it in a scenario:
#   cluster: {node: ./my_node.yaml}
title: "My server, 8 GPUs"

node:
  gpus: 8
  gpu: h100_sxm                  # orrery list gpus; or a profile of your own beside this file: ./my_gpu.yaml
  nvswitch: true                 # all GPUs of the node reach each other over NVLink (nvidia-smi topo -m: NV# everywhere)
  # nvlink_mesh: [1, 0]          # without a switch: NVLinks of a GPU in groups of 2, 3, ... neighbours; so bridged pairs
  # mesh_bandwidth: 300 GB/s     # of a GPU over all of them; default: its NVLink rate
  in_network_reduction: true     # the switch reduces (NVLS): Hopper's NVSwitch and later
  nics: 8                        # network cards; 0 for a machine that stands alone
  nic_bandwidth: 400 Gb/s        # of one card (ibstat: Rate)
  nic_latency: 0.6 us
  pcie_bandwidth: 64 GB/s        # one direction: Gen4 x16 32 GB/s, Gen5 x16 64 GB/s (nvidia-smi -q: PCIe Generation)
  host_memory_bandwidth: 614.4 GB/s   # all sockets: channels x transfers per second x 8 B (dmidecode -t memory)
  host_memory: 2 TB
  # cpu: intel_sapphire_rapids   # or intel_emerald_rapids, intel_skylake, intel_broadwell, amd, arm, power: NCCL asks
  # sockets: 2

sources:
  default: "the quotation of our server"
)yaml";

constexpr std::array<HardwareTemplate, 2> kTemplates = {{{"gpu", kGpu}, {"node", kNode}}};

}  // namespace

const std::array<HardwareTemplate, 2>& hardware_templates() { return kTemplates; }

}  // namespace orrery::scenarios
