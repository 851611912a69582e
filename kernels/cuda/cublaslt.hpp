// cuBLASLt, opened at run time by its soname: the module loads, and says what it lacks, on a machine without it.
#pragma once

#include <string>

#include <cublasLt.h>

#include "kernels/cuda/checked.hpp"

namespace orrery::kernels::cuda {

/// The entry points that the GEMM launcher calls.
struct CublasLt {
  decltype(&::cublasLtCreate) create = nullptr;
  decltype(&::cublasLtDestroy) destroy = nullptr;
  decltype(&::cublasLtMatmul) matmul = nullptr;
  decltype(&::cublasLtMatmulAlgoGetHeuristic) heuristic = nullptr;
  decltype(&::cublasLtMatmulDescCreate) desc_create = nullptr;
  decltype(&::cublasLtMatmulDescDestroy) desc_destroy = nullptr;
  decltype(&::cublasLtMatmulDescSetAttribute) desc_set = nullptr;
  decltype(&::cublasLtMatrixLayoutCreate) layout_create = nullptr;
  decltype(&::cublasLtMatrixLayoutDestroy) layout_destroy = nullptr;
  decltype(&::cublasLtMatrixLayoutSetAttribute) layout_set = nullptr;
  decltype(&::cublasLtMatmulPreferenceCreate) preference_create = nullptr;
  decltype(&::cublasLtMatmulPreferenceDestroy) preference_destroy = nullptr;
  decltype(&::cublasLtMatmulPreferenceSetAttribute) preference_set = nullptr;
};

/// Opens libcublasLt.so.<major version of the headers>. Throws CudaError (library missing) saying why not.
[[nodiscard]] CublasLt open_cublaslt();

inline void check_cublas(cublasStatus_t status, const char* call, const char* file, int line) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  const std::string place = std::string(call) + " at " + file + ":" + std::to_string(line);
  throw CudaError(status == CUBLAS_STATUS_NOT_SUPPORTED ? ORRERY_CUDA_UNSUPPORTED : ORRERY_CUDA_FAILED,
                  "cuBLASLt status " + std::to_string(static_cast<int>(status)) + " from " + place);
}

}  // namespace orrery::kernels::cuda

#define ORRERY_CUBLAS_CHECK(call) ::orrery::kernels::cuda::check_cublas((call), #call, __FILE__, __LINE__)
