// RMSNorm and LayerNorm on the GPU.
#pragma once

#include "kernels/cuda/module.h"

namespace orrery::kernels::cuda {

/// GPU time of one norm over rows of bf16. Throws CudaError.
[[nodiscard]] OrreryCudaTiming time_norm(const OrreryCudaNorm& norm, const OrreryCudaMeasure& measure);

/// Compares with double arithmetic on the host; see OrreryCudaModule::check_norm.
[[nodiscard]] OrreryCudaCheck check_norm(const OrreryCudaNorm& norm, int device);

}  // namespace orrery::kernels::cuda
