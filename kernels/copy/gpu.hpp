// Copies on the GPU and over PCIe.
#pragma once

#include "kernels/cuda/module.h"

namespace orrery::kernels::cuda {

/// GPU time of one copy. Throws CudaError.
[[nodiscard]] OrreryCudaTiming time_copy(const OrreryCudaCopy& copy, const OrreryCudaMeasure& measure);

/// Bytes that arrived wrong; see OrreryCudaModule::check_copy.
[[nodiscard]] OrreryCudaCheck check_copy(const OrreryCudaCopy& copy, int device);

}  // namespace orrery::kernels::cuda
