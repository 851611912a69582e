// Test values from a counter: element i of buffer `seed` is the same on every GPU and on the host.
#pragma once

#include <cstdint>

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_fp8.h>

#include "kernels/cuda/checked.hpp"
#include "kernels/cuda/resources.hpp"

namespace orrery::kernels::cuda {

/// Uniform in [−1, 1): the finaliser of MurmurHash3 over the counter (Appleby, smhasher, MurmurHash3.cpp fmix64).
__host__ __device__ inline float pattern(std::uint64_t seed, std::uint64_t index) {
  std::uint64_t h = index + (seed + 1) * 0x9e3779b97f4a7c15ULL;
  h ^= h >> 33;
  h *= 0xff51afd7ed558ccdULL;
  h ^= h >> 33;
  h *= 0xc4ceb9fe1a85ec53ULL;
  h ^= h >> 33;
  return static_cast<float>(h >> 40) * (2.0F / 16777216.0F) - 1.0F;
}

template <typename T>
__host__ __device__ inline T from_float(float value) {
  return T(value);
}
template <typename T>
__host__ __device__ inline float to_float(T value) {
  return static_cast<float>(value);
}

template <typename T>
__global__ void fill_kernel(T* out, std::uint64_t count, std::uint64_t seed) {
  const std::uint64_t stride = static_cast<std::uint64_t>(gridDim.x) * blockDim.x;
  for (std::uint64_t i = static_cast<std::uint64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < count; i += stride) {
    out[i] = from_float<T>(pattern(seed, i));
  }
}

template <typename T>
void fill(const DeviceBuffer<T>& buffer, std::uint64_t seed, const Stream& stream) {
  if (buffer.count() == 0) return;
  fill_kernel<T><<<1024, 256, 0, stream.get()>>>(buffer.get(), buffer.count(), seed);
  ORRERY_CUDA_CHECK_LAUNCH("fill_kernel");
}

}  // namespace orrery::kernels::cuda
