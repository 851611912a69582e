// Dense matrix multiplication: C[m, n] = A[m, k] · B[n, k]ᵀ. See gemm.cpp (work) gemm_time.cpp (model) and
// gemm_surfaces.cpp (what measurements add to it).
#pragma once

#include "kernels/family.hpp"

namespace orrery::kernels {

[[nodiscard]] FamilyRow gemm_family();

/// The timing model: the best CTA tile and split-K, waves over the SMs, L2 tier, clock under load.
[[nodiscard]] FittedModel gemm_model();

/// What a fit may learn beyond it: gemm_surfaces.cpp.
void add_gemm_surfaces(FittedModel& model);

}  // namespace orrery::kernels
