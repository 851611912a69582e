// The table of module.h: each entry calls the launcher and turns a CudaError into a status.
#include <algorithm>
#include <cstring>
#include <exception>
#include <string>

#include "kernels/copy/gpu.hpp"
#include "kernels/cuda/checked.hpp"
#include "kernels/cuda/module.h"
#include "kernels/elementwise/gpu.hpp"
#include "kernels/gemm/gpu.hpp"

namespace orrery::kernels::cuda {
namespace {

void put(char* out, std::size_t capacity, const std::string& text) {
  const std::size_t length = std::min(text.size(), capacity - 1);
  std::memcpy(out, text.data(), length);
  out[length] = '\0';
}

/// The C boundary: nothing thrown passes it.
template <typename Call>
int32_t guarded(OrreryCudaStatus* status, Call call) {
  status->code = ORRERY_CUDA_OK;
  status->message[0] = '\0';
  try {
    call();
  } catch (const CudaError& error) {
    status->code = error.code();
    put(status->message, sizeof status->message, error.what());
  } catch (const std::exception& error) {
    status->code = ORRERY_CUDA_FAILED;
    put(status->message, sizeof status->message, error.what());
  }
  return status->code;
}

int attribute(cudaDeviceAttr which, int device) {
  int value = 0;
  ORRERY_CUDA_CHECK(cudaDeviceGetAttribute(&value, which, device));
  return value;
}

void describe(int device, OrreryCudaDevice& info) {
  info = OrreryCudaDevice{};
  cudaDeviceProp properties{};
  ORRERY_CUDA_CHECK(cudaGetDeviceProperties(&properties, device));
  put(info.name, sizeof info.name, properties.name);
  info.compute_major = properties.major;
  info.compute_minor = properties.minor;
  info.sm_count = properties.multiProcessorCount;
  ORRERY_CUDA_CHECK(cudaDriverGetVersion(&info.driver_version));
  ORRERY_CUDA_CHECK(cudaRuntimeGetVersion(&info.runtime_version));
  info.memory_bytes = properties.totalGlobalMem;
  info.l2_bytes = static_cast<uint64_t>(properties.l2CacheSize);
  info.sm_clock_hz = 1e3 * attribute(cudaDevAttrClockRate, device);
  info.memory_bytes_per_second = 2.0 * 1e3 * attribute(cudaDevAttrMemoryClockRate, device) *
                                 attribute(cudaDevAttrGlobalMemoryBusWidth, device) / 8.0;
}

int32_t device_count(int32_t* count, OrreryCudaStatus* status) {
  *count = 0;
  return guarded(status, [&] { ORRERY_CUDA_CHECK(cudaGetDeviceCount(count)); });
}

int32_t device_info(int32_t device, OrreryCudaDevice* info, OrreryCudaStatus* status) {
  return guarded(status, [&] { describe(device, *info); });
}

int32_t time_gemm_entry(const OrreryCudaGemm* gemm, const OrreryCudaMeasure* measure, OrreryCudaTiming* timing,
                        OrreryCudaStatus* status) {
  return guarded(status, [&] { *timing = time_gemm(*gemm, *measure); });
}

int32_t check_gemm_entry(const OrreryCudaGemm* gemm, int32_t device, OrreryCudaCheck* check, OrreryCudaStatus* status) {
  return guarded(status, [&] { *check = check_gemm(*gemm, device); });
}

int32_t time_norm_entry(const OrreryCudaNorm* norm, const OrreryCudaMeasure* measure, OrreryCudaTiming* timing,
                        OrreryCudaStatus* status) {
  return guarded(status, [&] { *timing = time_norm(*norm, *measure); });
}

int32_t check_norm_entry(const OrreryCudaNorm* norm, int32_t device, OrreryCudaCheck* check, OrreryCudaStatus* status) {
  return guarded(status, [&] { *check = check_norm(*norm, device); });
}

int32_t time_copy_entry(const OrreryCudaCopy* copy, const OrreryCudaMeasure* measure, OrreryCudaTiming* timing,
                        OrreryCudaStatus* status) {
  return guarded(status, [&] { *timing = time_copy(*copy, *measure); });
}

int32_t check_copy_entry(const OrreryCudaCopy* copy, int32_t device, OrreryCudaCheck* check, OrreryCudaStatus* status) {
  return guarded(status, [&] { *check = check_copy(*copy, device); });
}

constexpr OrreryCudaModule kModule = {
    ORRERY_CUDA_MODULE_VERSION, sizeof(OrreryCudaModule), device_count,     device_info,     time_gemm_entry,
    check_gemm_entry,           time_norm_entry,          check_norm_entry, time_copy_entry, check_copy_entry,
};

}  // namespace
}  // namespace orrery::kernels::cuda

extern "C" __attribute__((visibility("default"))) const OrreryCudaModule* orrery_cuda_module(void) {
  return &orrery::kernels::cuda::kModule;
}
