// What static activation scales save an fp8 linear layer: the pass that looks for the largest activation.
//
// The measured fp8 multiplications quantise dynamically, one scale per tensor: a pass over the activations finds the
// largest ("computescale"), another scales and rounds them, then comes the multiplication. A checkpoint with constant
// input scales (NVIDIA's ModelOpt ones) needs no first pass:
//
//   t = max(t_dynamic − t(amax), roofline)
//
// What the pass takes is a kernel's time as any other's: kernels/elementwise.
//
// Limitations: the second pass is kept, although engines fuse it into the norm or activation before where they can;
// fused experts are measured as they are and keep their time.
#pragma once

#include "hardware/gpu.hpp"
#include "kernels/kernel.hpp"

namespace orrery::models {

/// The pass over the activations of `shape`, in bf16.
[[nodiscard]] kernels::MemoryShape amax_pass(const kernels::GemmShape& shape);

/// Time of an fp8 multiplication without that pass, which takes `pass`; `dynamic` is its time with it.
[[nodiscard]] Seconds without_amax(const kernels::GemmShape& shape, Seconds dynamic, Seconds pass,
                                   const hardware::Gpu& gpu);

}  // namespace orrery::models
