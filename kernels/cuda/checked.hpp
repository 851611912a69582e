// Checked CUDA calls: a failure becomes a CudaError that names the call, the place and the device.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

#include <cuda_runtime_api.h>

#include "kernels/cuda/module.h"

namespace orrery::kernels::cuda {

class CudaError : public std::runtime_error {
 public:
  CudaError(OrreryCudaCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  [[nodiscard]] OrreryCudaCode code() const { return code_; }

 private:
  OrreryCudaCode code_;
};

/// What was asked can't be done here; `why` is a sentence for the user.
[[noreturn]] inline void unsupported(const std::string& why) { throw CudaError(ORRERY_CUDA_UNSUPPORTED, why); }

[[nodiscard]] inline OrreryCudaCode code_of(cudaError_t error) {
  switch (error) {
    case cudaErrorInsufficientDriver:
    case cudaErrorStubLibrary:
    case cudaErrorSystemDriverMismatch:
      return ORRERY_CUDA_NO_DRIVER;
    case cudaErrorNoDevice:
    case cudaErrorInvalidDevice:
      return ORRERY_CUDA_NO_GPU;
    case cudaErrorNoKernelImageForDevice:
      return ORRERY_CUDA_UNSUPPORTED;
    default:
      return ORRERY_CUDA_FAILED;
  }
}

inline void check_call(cudaError_t error, const char* call, const char* file, int line) {
  if (error == cudaSuccess) return;
  int device = -1;
  const bool known = cudaGetDevice(&device) == cudaSuccess;
  (void)cudaGetLastError();  // an error that isn't sticky must not meet the next call
  throw CudaError(code_of(error), std::string(cudaGetErrorName(error)) + " (" + cudaGetErrorString(error) + ") from " +
                                      call + " at " + file + ":" + std::to_string(line) +
                                      (known ? ", device " + std::to_string(device) : std::string(", no device")));
}

}  // namespace orrery::kernels::cuda

// A macro, since only a macro sees the text of the call.
#define ORRERY_CUDA_CHECK(call) ::orrery::kernels::cuda::check_call((call), #call, __FILE__, __LINE__)

// After <<<…>>>: the launch's own error, without waiting for the kernel.
#define ORRERY_CUDA_CHECK_LAUNCH(name) \
  ::orrery::kernels::cuda::check_call(cudaGetLastError(), "launch of " name, __FILE__, __LINE__)
