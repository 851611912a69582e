// What static activation scales save an fp8 linear layer: the pass that looks for the largest activation.
//
// The measured fp8 multiplications quantise dynamically, one scale per tensor: a pass over the activations finds the
// largest ("computescale"), another scales and rounds them, then comes the multiplication. A checkpoint with constant
// input scales (NVIDIA's ModelOpt ones) needs no first pass:
//
//   t = max(t_dynamic − amax, roofline),   amax = ((floor)ᵖ + (2·m·k/rate)ᵖ)^(1/p)
//
//   generation     floor    rate       p   median error, rows kept back (p95)
//   hopper         7.5 us   1.33 TB/s  2   4.3 % (11 %) of H100's 195, 3.9 % (13 %) of H200's
//   blackwell      8.6 us   3.3 TB/s   1   5.2 % (18 %) of B200's 195, 5.1 % (18 %) of GB200's
//
// Source: NVIDIA AIConfigurator @095f58a5, quantize tables of H100, H200, B200 and GB200 (op computescale, 996 rows
// each, every fifth kept back by a hash of m and k). The figures stand in the generations' files; those without such a
// table have the nearest one's.
//
// Limitations: the second pass is kept, although engines fuse it into the norm or activation before where they can;
// fused experts are measured as they are and keep their time.
#pragma once

#include "hardware/gpu.hpp"
#include "kernels/kernel.hpp"

namespace orrery::models {

/// The pass over an m x k activation in bf16.
[[nodiscard]] Seconds amax_time(double m, double k, const hardware::Gpu& gpu);

/// Time of an fp8 multiplication without that pass; `dynamic` is its time with it.
[[nodiscard]] Seconds without_amax(const kernels::GemmShape& shape, Seconds dynamic, const hardware::Gpu& gpu);

}  // namespace orrery::models
