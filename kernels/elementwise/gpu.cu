// RMSNorm and LayerNorm over rows of bf16, with the residual add fused.
//
//   RMSNorm    y = h / √(mean(h²) + ε) · w                    (Zhang and Sennrich 2019, eq. 4)
//   LayerNorm  y = (h − mean) / √(var + ε) · w + b            (Ba et al. 2016, eq. 3)
//   h = x, or x + residual, which is then written in place of the residual.
// One block per row; a thread keeps its part of the row in registers, so that each byte crosses the memory
// interface once: reads of x (and residual), writes of y (and residual), as kernels::Work counts.
// Limitations: columns a multiple of 8 (16-byte loads), at most 16,384.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <cuda_bf16.h>

#include "kernels/cuda/fill.cuh"
#include "kernels/cuda/resources.hpp"
#include "kernels/cuda/timing.hpp"
#include "kernels/elementwise/gpu.hpp"

namespace orrery::kernels::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kLane = 8;  // bf16 values in a 16-byte load
constexpr float kEpsilon = 1e-5F;
constexpr std::int64_t kCheckedRows = 64;

struct alignas(16) Vector {
  __nv_bfloat162 pair[kLane / 2];
};

/// Sum over the block, in every thread. Called repeatedly: the barrier at the end guards `partial`.
__device__ float block_sum(float value) {
  __shared__ float partial[kThreads / 32];
  for (int offset = 16; offset > 0; offset /= 2) value += __shfl_xor_sync(0xffffffffU, value, offset);
  if (threadIdx.x % 32 == 0) partial[threadIdx.x / 32] = value;
  __syncthreads();
  float sum = 0.0F;
  for (float part : partial) sum += part;
  __syncthreads();
  return sum;
}

template <int kVectors, bool kLayerNorm, bool kResidual>
__global__ void norm_kernel(const Vector* x, Vector* residual, const Vector* weight, const Vector* bias, Vector* y,
                            int columns) {
  const int vectors = columns / kLane;
  const auto row = static_cast<std::size_t>(blockIdx.x) * static_cast<std::size_t>(vectors);
  float2 h[kVectors][kLane / 2];
  float sum = 0.0F;
#pragma unroll
  for (int v = 0; v < kVectors; ++v) {
    const int i = v * kThreads + static_cast<int>(threadIdx.x);
    if (i >= vectors) break;
    const Vector loaded = x[row + i];
    Vector added = kResidual ? residual[row + i] : Vector{};
#pragma unroll
    for (int p = 0; p < kLane / 2; ++p) {
      h[v][p] = __bfloat1622float2(loaded.pair[p]);
      if (kResidual) {
        const float2 r = __bfloat1622float2(added.pair[p]);
        h[v][p] = make_float2(h[v][p].x + r.x, h[v][p].y + r.y);
        added.pair[p] = __float22bfloat162_rn(h[v][p]);
      }
      sum += kLayerNorm ? h[v][p].x + h[v][p].y : h[v][p].x * h[v][p].x + h[v][p].y * h[v][p].y;
    }
    if (kResidual) residual[row + i] = added;
  }
  const float count = static_cast<float>(columns);
  const float mean = kLayerNorm ? block_sum(sum) / count : 0.0F;
  float squares = kLayerNorm ? 0.0F : sum;
  if (kLayerNorm) {  // squares around the mean: the difference of two large sums would cancel
#pragma unroll
    for (int v = 0; v < kVectors; ++v) {
      if (v * kThreads + static_cast<int>(threadIdx.x) >= vectors) break;
#pragma unroll
      for (const float2& value : h[v]) {
        squares += (value.x - mean) * (value.x - mean) + (value.y - mean) * (value.y - mean);
      }
    }
  }
  const float scale = rsqrtf(block_sum(squares) / count + kEpsilon);
#pragma unroll
  for (int v = 0; v < kVectors; ++v) {
    const int i = v * kThreads + static_cast<int>(threadIdx.x);
    if (i >= vectors) break;
    const Vector w = weight[i];
    const Vector b = kLayerNorm ? bias[i] : Vector{};
    Vector out;
#pragma unroll
    for (int p = 0; p < kLane / 2; ++p) {
      const float2 gain = __bfloat1622float2(w.pair[p]);
      const float2 shift = kLayerNorm ? __bfloat1622float2(b.pair[p]) : make_float2(0.0F, 0.0F);
      out.pair[p] = __float22bfloat162_rn(
          make_float2((h[v][p].x - mean) * scale * gain.x + shift.x, (h[v][p].y - mean) * scale * gain.y + shift.y));
    }
    y[row + i] = out;
  }
}

struct Rows {
  Rows(const OrreryCudaNorm& norm, const Stream& stream)
      : x(size(norm)),
        residual(norm.residual != 0 ? size(norm) : 0),
        y(size(norm)),
        weight(static_cast<std::size_t>(norm.columns)),
        bias(static_cast<std::size_t>(norm.columns)) {
    fill(x, 1, stream);
    fill(residual, 2, stream);
    fill(weight, 3, stream);
    fill(bias, 4, stream);
    stream.synchronize();
  }
  static std::size_t size(const OrreryCudaNorm& norm) { return static_cast<std::size_t>(norm.rows * norm.columns); }

  DeviceBuffer<__nv_bfloat16> x, residual, y, weight, bias;
};

Vector* vectors(const DeviceBuffer<__nv_bfloat16>& buffer) { return reinterpret_cast<Vector*>(buffer.get()); }

template <int kVectors>
void launch_wide(const OrreryCudaNorm& norm, const Rows& rows, const Stream& stream) {
  const auto blocks = static_cast<unsigned>(norm.rows);
  const auto columns = static_cast<int>(norm.columns);
  const auto run = [&](auto kernel) {
    kernel<<<blocks, kThreads, 0, stream.get()>>>(vectors(rows.x), vectors(rows.residual), vectors(rows.weight),
                                                  vectors(rows.bias), vectors(rows.y), columns);
  };
  const bool layer = norm.kind == ORRERY_CUDA_LAYER_NORM;
  if (layer && norm.residual != 0) run(norm_kernel<kVectors, true, true>);
  if (layer && norm.residual == 0) run(norm_kernel<kVectors, true, false>);
  if (!layer && norm.residual != 0) run(norm_kernel<kVectors, false, true>);
  if (!layer && norm.residual == 0) run(norm_kernel<kVectors, false, false>);
  ORRERY_CUDA_CHECK_LAUNCH("norm_kernel");
}

void launch(const OrreryCudaNorm& norm, const Rows& rows, const Stream& stream) {
  const std::int64_t per_pass = std::int64_t{kThreads} * kLane;
  const std::int64_t passes = (norm.columns + per_pass - 1) / per_pass;
  if (passes <= 1) return launch_wide<1>(norm, rows, stream);
  if (passes <= 2) return launch_wide<2>(norm, rows, stream);
  if (passes <= 4) return launch_wide<4>(norm, rows, stream);
  launch_wide<8>(norm, rows, stream);
}

void require_possible(const OrreryCudaNorm& norm) {
  if (norm.kind != ORRERY_CUDA_RMS_NORM && norm.kind != ORRERY_CUDA_LAYER_NORM) {
    unsupported("no norm of kind " + std::to_string(norm.kind));
  }
  if (norm.rows < 1 || norm.rows > INT32_MAX) unsupported("rows must lie in 1 … 2147483647");
  if (norm.columns < kLane || norm.columns % kLane != 0 || norm.columns > 8 * kThreads * kLane) {
    unsupported("columns must be a multiple of 8 in 8 … 16384, not " + std::to_string(norm.columns));
  }
}

std::vector<__nv_bfloat16> download(const DeviceBuffer<__nv_bfloat16>& buffer, std::int64_t count,
                                    const Stream& stream) {
  std::vector<__nv_bfloat16> host(static_cast<std::size_t>(count));
  ORRERY_CUDA_CHECK(cudaMemcpyAsync(host.data(), buffer.get(), host.size() * sizeof(__nv_bfloat16),
                                    cudaMemcpyDeviceToHost, stream.get()));
  stream.synchronize();
  return host;
}

}  // namespace

OrreryCudaTiming time_norm(const OrreryCudaNorm& norm, const OrreryCudaMeasure& measure) {
  require_possible(norm);
  const CurrentDevice current(measure.device);
  const Stream setup;
  const Rows rows(norm, setup);
  return time_launch(measure, [&](const Stream& stream) { launch(norm, rows, stream); });
}

OrreryCudaCheck check_norm(const OrreryCudaNorm& norm, int device) {
  require_possible(norm);
  const CurrentDevice current(device);
  const Stream stream;
  const Rows rows(norm, stream);
  const std::int64_t checked = std::min(norm.rows, kCheckedRows);
  const auto x = download(rows.x, checked * norm.columns, stream);
  const auto residual = download(rows.residual, norm.residual != 0 ? checked * norm.columns : 0, stream);
  const auto weight = download(rows.weight, norm.columns, stream);
  const auto bias = download(rows.bias, norm.columns, stream);
  launch(norm, rows, stream);
  const auto y = download(rows.y, checked * norm.columns, stream);

  const bool layer = norm.kind == ORRERY_CUDA_LAYER_NORM;
  const auto columns = static_cast<std::size_t>(norm.columns);
  double worst = 0.0;
  for (std::size_t row = 0; row < static_cast<std::size_t>(checked); ++row) {
    std::vector<double> h(columns);
    double mean = 0.0;
    for (std::size_t i = 0; i < columns; ++i) {
      h[i] = to_float(x[row * columns + i]);
      if (!residual.empty()) h[i] += to_float(residual[row * columns + i]);
      mean += h[i] / static_cast<double>(columns);
    }
    if (!layer) mean = 0.0;
    double square = 0.0;
    for (double value : h) square += (value - mean) * (value - mean) / static_cast<double>(columns);
    const double scale = 1.0 / std::sqrt(square + static_cast<double>(kEpsilon));
    for (std::size_t i = 0; i < columns; ++i) {
      const double shift = layer ? static_cast<double>(to_float(bias[i])) : 0.0;
      const double expected = (h[i] - mean) * scale * static_cast<double>(to_float(weight[i])) + shift;
      const double error = std::abs(static_cast<double>(to_float(y[row * columns + i])) - expected);
      // Written so that a NaN counts.
      if (!(error / std::max(1.0, std::abs(expected)) <= worst)) worst = error / std::max(1.0, std::abs(expected));
    }
  }
  return OrreryCudaCheck{worst, checked * norm.columns};
}

}  // namespace orrery::kernels::cuda
