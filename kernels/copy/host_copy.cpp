// Copies between host memory and the GPU over PCIe.
//
//   t = t0 + bytes / (e·PCIe bandwidth)      e: e_pinned by DMA, e_pageable through the driver's staging buffer
//
// Source: 256-byte payloads carry 24 to 28 bytes of headers (PCI Express Base Specification, TLP format), which
// leaves 0.90 of the line rate; nvbandwidth reads 55 of 63 GB/s on PCIe 5 x16 hosts, 0.87. Pageable copies run at
// about 0.4 of pinned ones: Harris, "How to Optimize Data Transfers in CUDA C/C++", NVIDIA 2012.
// Limitations: host memory bandwidth and NUMA distance are not seen; both directions cost the same.
#include "kernels/copy/host_copy.hpp"

#include <fmt/format.h>

namespace orrery::kernels {
namespace {

const HostCopyShape& shape_of(const Kernel& kernel) { return std::get<HostCopyShape>(kernel); }

bool holds(const Kernel& kernel) { return std::holds_alternative<HostCopyShape>(kernel); }

std::string check_copy(const Kernel& kernel) {
  const HostCopyShape& s = shape_of(kernel);
  if (!(s.bytes.value() >= 0.0)) return fmt::format("host copy needs bytes >= 0, has {}", s.bytes.value());
  return {};
}

// The GPU's memory sees the bytes once: written towards the device, read from it.
Work copy_work(const Kernel& kernel) {
  const HostCopyShape& s = shape_of(kernel);
  return s.to_device ? Work{Flops{0.0}, Bytes{0.0}, s.bytes} : Work{Flops{0.0}, s.bytes, Bytes{0.0}};
}

std::string describe_copy(const Kernel& kernel) {
  const HostCopyShape& s = shape_of(kernel);
  return fmt::format("host copy {} {:.0f} B {}", s.to_device ? "to device" : "to host", s.bytes.value(),
                     s.pinned ? "pinned" : "pageable");
}

enum Coefficient : std::size_t { kPinned, kPageable };

Seconds copy_time(const Kernel& kernel, const hardware::Gpu& gpu, const std::vector<double>& c) {
  const HostCopyShape& s = shape_of(kernel);
  return gpu.pcie_latency + s.bytes / ((s.pinned ? c[kPinned] : c[kPageable]) * gpu.pcie_bandwidth);
}

std::vector<double> default_coefficients(const hardware::Gpu&) { return {0.87, 0.35}; }

}  // namespace

FamilyRow host_copy_family() {
  FamilyRow row;
  row.name = "host_copy";
  row.equation = "bytes over PCIe";
  row.source = "by definition";
  row.holds = holds;
  row.check = check_copy;
  row.work = copy_work;
  row.describe = describe_copy;
  row.model.names = {"e_pinned", "e_pageable"};
  row.model.time = copy_time;
  row.model.defaults = default_coefficients;
  row.model.bounds = {{0.1, 1.0}, {0.05, 1.0}};
  row.model.equation = "PCIe latency + bytes / (e·PCIe bandwidth)";
  row.model.source = "TLP headers: PCI Express Base Specification; pageable: Harris, NVIDIA 2012";
  return row;
}

}  // namespace orrery::kernels
