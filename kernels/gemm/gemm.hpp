// Dense matrix multiplication: C[m, n] = A[m, k] · B[n, k]ᵀ. See gemm.cpp (work) and gemm_time.cpp (model).
#pragma once

#include "kernels/family.hpp"

namespace orrery::kernels {

[[nodiscard]] FamilyRow gemm_family();

/// The timing model: the best CTA tile and split-K, waves over the SMs, L2 tier, clock under load.
[[nodiscard]] FittedModel gemm_model();

}  // namespace orrery::kernels
