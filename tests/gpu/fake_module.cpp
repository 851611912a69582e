// A module without CUDA behind it, so that the loader's every state can be met on any machine.
// FAKE_VERSION, FAKE_CODE and FAKE_COUNT say what it reports.
#include <cstdint>
#include <cstdio>

#include "kernels/cuda/module.h"

namespace {

std::int32_t device_count(std::int32_t* count, OrreryCudaStatus* status) {
  *count = FAKE_CODE == ORRERY_CUDA_OK ? FAKE_COUNT : 0;
  status->code = FAKE_CODE;
  std::snprintf(status->message, sizeof status->message, "first line\nsecond line");
  return status->code;
}

std::int32_t device_info(std::int32_t device, OrreryCudaDevice* info, OrreryCudaStatus* status) {
  std::snprintf(info->name, sizeof info->name, "Fake %d", device);
  info->compute_major = 9;
  info->compute_minor = 0;
  info->sm_count = 132;
  status->code = ORRERY_CUDA_OK;
  return status->code;
}

constexpr OrreryCudaModule kModule = {
    FAKE_VERSION, sizeof(OrreryCudaModule), device_count, device_info, nullptr, nullptr, nullptr, nullptr, nullptr,
    nullptr};

}  // namespace

extern "C" const OrreryCudaModule* orrery_cuda_module() { return &kModule; }
