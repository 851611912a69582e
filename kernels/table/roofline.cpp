// The lower bound that no timer may beat.
//
//   t ≥ max(flops / peak, HBM bytes / memory bandwidth, bytes / L2 bandwidth)
//
// HBM bytes are what a kernel can't find in L2 even if everything that fits was left there: cold weights in
// full, and of the rest what exceeds the L2. Flops count against the matrix peak of the faster of the
// shape's dtypes, or against the vector units for element-wise kernels.
// Source: Williams, Waterman & Patterson, CACM 2009; L2 as a second roof: Yang et al., arXiv:2009.05257.
#include "kernels/table/roofline.hpp"

#include "kernels/family.hpp"

namespace orrery::kernels {
namespace {

FlopsPerSecond faster(const hardware::Gpu& gpu, Dtype a, Dtype b) {
  const FlopsPerSecond first = required_peak(gpu, a);
  if (a == b) return first;
  const auto second = gpu.matrix_peak(b);
  return second ? max(first, *second) : first;
}

struct PeakOf {
  const hardware::Gpu& gpu;
  FlopsPerSecond operator()(const GemmShape& s) const { return required_peak(gpu, s.dtype); }
  FlopsPerSecond operator()(const AttentionPrefillShape& s) const { return faster(gpu, s.dtype, s.kv_dtype); }
  FlopsPerSecond operator()(const AttentionDecodeShape& s) const { return faster(gpu, s.dtype, s.kv_dtype); }
  FlopsPerSecond operator()(const MoeShape& s) const { return required_peak(gpu, s.dtype); }
  FlopsPerSecond operator()(const MemoryShape&) const { return gpu.vector_peak; }
  FlopsPerSecond operator()(const HostCopyShape&) const { return gpu.vector_peak; }
};

Bytes cold_bytes(const Kernel& kernel) {
  const auto* gemm = std::get_if<GemmShape>(&kernel);
  if (gemm == nullptr || gemm->weights == CacheState::warm) return Bytes{0.0};
  return static_cast<double>(gemm->batch) * static_cast<double>(gemm->n) * static_cast<double>(gemm->k) *
         element_size(gemm->dtype);
}

Bounds bounds_of(const Kernel& kernel, const Work& need, const hardware::Gpu& gpu) {
  Bounds bounds;
  if (const auto* copy = std::get_if<HostCopyShape>(&kernel)) {
    bounds.memory = gpu.pcie_bandwidth.value() > 0.0 ? copy->bytes / gpu.pcie_bandwidth : Seconds{0.0};
    return bounds;
  }
  if (need.flops.value() > 0.0) bounds.compute = need.flops / std::visit(PeakOf{gpu}, kernel);
  const Bytes cold = cold_bytes(kernel);
  const Bytes beyond = cold + max(Bytes{0.0}, need.bytes() - cold - gpu.l2_size);
  bounds.memory = beyond / gpu.memory_bandwidth;
  bounds.l2 = need.bytes() / gpu.l2_bandwidth;
  return bounds;
}

}  // namespace

Bounds roofline_bounds(const Kernel& kernel, const hardware::Gpu& gpu) { return bounds_of(kernel, work(kernel), gpu); }

Seconds roofline(const Kernel& kernel, const Work& need, const hardware::Gpu& gpu) {
  const Bounds bounds = bounds_of(kernel, need, gpu);
  return max(bounds.compute, max(bounds.memory, bounds.l2));
}

Seconds roofline(const Kernel& kernel, const hardware::Gpu& gpu) { return roofline(kernel, work(kernel), gpu); }

}  // namespace orrery::kernels
