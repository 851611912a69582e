// GEMM on the GPU through cuBLASLt.
#pragma once

#include "kernels/cuda/module.h"

namespace orrery::kernels::cuda {

/// GPU time of cuBLASLt's first heuristic choice. Throws CudaError.
[[nodiscard]] OrreryCudaTiming time_gemm(const OrreryCudaGemm& gemm, const OrreryCudaMeasure& measure);

/// Compares with a plain kernel; see OrreryCudaModule::check_gemm.
[[nodiscard]] OrreryCudaCheck check_gemm(const OrreryCudaGemm& gemm, int device);

}  // namespace orrery::kernels::cuda
