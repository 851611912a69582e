// Dense matrix multiplication: C[m, n] = A[m, k] · B[n, k]ᵀ. See gemm.cpp (work) and gemm_time.cpp (model).
#pragma once

#include "kernels/family.hpp"

namespace orrery::kernels {

[[nodiscard]] FamilyRow gemm_family();

/// The kernels behind one linear layer: the tiled multiplication, and what quantises A before it.
[[nodiscard]] Seconds gemm_time(const GemmShape& shape, const hardware::Gpu& gpu, const std::vector<double>& coefficients);

}  // namespace orrery::kernels
