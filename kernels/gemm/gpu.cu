// Runs C[m, n] = A[m, k] · B[n, k]ᵀ with cuBLASLt and checks it against a plain kernel.
//
// cuBLASLt counts columns first, where a row-major matrix is its own transpose: it is asked for
// Cᵀ[n, m] = (Bᵀ)ᵀ · Aᵀ with its first operand transposed and its second not ("TN"), the only layout that
// fp8 takes (cuBLAS documentation, cublasLtMatmul, FP8 requirements). The algorithm is the first that the
// heuristic offers within the workspace, as PyTorch takes without autotuning.
// Limitations: fp8 scales are 1; the conversion of A from bf16 has a given scale, no search for the maximum.
#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_fp8.h>

#include "kernels/cuda/cublaslt.hpp"
#include "kernels/cuda/fill.cuh"
#include "kernels/cuda/resources.hpp"
#include "kernels/cuda/timing.hpp"
#include "kernels/gemm/gpu.hpp"

namespace orrery::kernels::cuda {
namespace {

constexpr std::size_t kWorkspaceBytes = std::size_t{32} << 20;  // PyTorch's default for Hopper (CUDABlas.cpp)
constexpr std::int64_t kCompared = std::int64_t{1} << 20;

/// cuBLASLt's descriptors of one product. Destroyed together.
class Matmul {
 public:
  Matmul(const CublasLt& lt, const OrreryCudaGemm& gemm, cudaDataType_t input, cudaDataType_t output,
         cublasComputeType_t compute)
      : lt_(lt), beta_(gemm.accumulate != 0 ? 1.0F : 0.0F), workspace_(kWorkspaceBytes) {
    const auto m = static_cast<std::uint64_t>(gemm.m);
    const auto n = static_cast<std::uint64_t>(gemm.n);
    const auto k = static_cast<std::uint64_t>(gemm.k);
    try {
      ORRERY_CUBLAS_CHECK(lt_.create(&handle_));
      ORRERY_CUBLAS_CHECK(lt_.desc_create(&desc_, compute, CUDA_R_32F));
      const cublasOperation_t transposed = CUBLAS_OP_T;
      ORRERY_CUBLAS_CHECK(lt_.desc_set(desc_, CUBLASLT_MATMUL_DESC_TRANSA, &transposed, sizeof transposed));
      weights_ = layout(input, k, n, gemm.batch);
      activations_ = layout(input, k, m, gemm.batch);
      result_ = layout(output, n, m, gemm.batch);
      choose(gemm);
    } catch (...) {
      release();
      throw;
    }
  }
  ~Matmul() { release(); }
  Matmul(const Matmul&) = delete;
  Matmul& operator=(const Matmul&) = delete;

  void run(const void* a, const void* b, void* c, const Stream& stream) const {
    const float alpha = 1.0F;
    ORRERY_CUBLAS_CHECK(lt_.matmul(handle_, desc_, &alpha, b, weights_, a, activations_, &beta_, c, result_, c, result_,
                                   &algorithm_.algo, workspace_.get(), workspace_.bytes(), stream.get()));
  }

 private:
  /// A column-major [rows, columns] matrix without padding, `batch` of them one after the other.
  cublasLtMatrixLayout_t layout(cudaDataType_t type, std::uint64_t rows, std::uint64_t columns, std::int64_t batch) {
    cublasLtMatrixLayout_t made = nullptr;
    ORRERY_CUBLAS_CHECK(lt_.layout_create(&made, type, rows, columns, static_cast<std::int64_t>(rows)));
    const auto count = static_cast<std::int32_t>(batch);
    const auto stride = static_cast<std::int64_t>(rows * columns);
    ORRERY_CUBLAS_CHECK(lt_.layout_set(made, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &count, sizeof count));
    ORRERY_CUBLAS_CHECK(lt_.layout_set(made, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &stride, sizeof stride));
    return made;
  }

  void choose(const OrreryCudaGemm& gemm) {
    ORRERY_CUBLAS_CHECK(lt_.preference_create(&preference_));
    ORRERY_CUBLAS_CHECK(lt_.preference_set(preference_, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &kWorkspaceBytes,
                                           sizeof kWorkspaceBytes));
    int found = 0;
    const cublasStatus_t status =
        lt_.heuristic(handle_, desc_, weights_, activations_, result_, result_, preference_, 1, &algorithm_, &found);
    if (status == CUBLAS_STATUS_NOT_SUPPORTED || (status == CUBLAS_STATUS_SUCCESS && found == 0)) {
      unsupported("cuBLASLt offers no algorithm here for dtype " + std::to_string(gemm.dtype) + ", " +
                  std::to_string(gemm.m) + "x" + std::to_string(gemm.n) + "x" + std::to_string(gemm.k));
    }
    ORRERY_CUBLAS_CHECK(status);
  }

  void release() {
    if (preference_ != nullptr) (void)lt_.preference_destroy(preference_);
    for (cublasLtMatrixLayout_t made : {weights_, activations_, result_}) {
      if (made != nullptr) (void)lt_.layout_destroy(made);
    }
    if (desc_ != nullptr) (void)lt_.desc_destroy(desc_);
    if (handle_ != nullptr) (void)lt_.destroy(handle_);
  }

  const CublasLt& lt_;
  float beta_;
  DeviceBuffer<unsigned char> workspace_;
  cublasLtHandle_t handle_ = nullptr;
  cublasLtMatmulDesc_t desc_ = nullptr;
  cublasLtMatrixLayout_t weights_ = nullptr, activations_ = nullptr, result_ = nullptr;
  cublasLtMatmulPreference_t preference_ = nullptr;
  cublasLtMatmulHeuristicResult_t algorithm_{};
};

template <typename T>
__global__ void quantise(const __nv_bfloat16* in, T* out, std::uint64_t count, float scale) {
  const std::uint64_t stride = static_cast<std::uint64_t>(gridDim.x) * blockDim.x;
  for (std::uint64_t i = static_cast<std::uint64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < count; i += stride) {
    out[i] = T(to_float(in[i]) * scale);
  }
}

/// |C − reference| / Σ|a·b| for every `step`-th element of C; the largest goes to *worst, as bits of a float,
/// which order like integers because they are not negative. A NaN counts as infinite.
template <typename In, typename Out>
__global__ void compare(const In* a, const In* b, const Out* c, OrreryCudaGemm gemm, std::int64_t step,
                        std::int64_t samples, float before, unsigned* worst) {
  const std::int64_t sample = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (sample >= samples) return;
  const std::int64_t element = sample * step;
  const std::int64_t in_batch = element % (gemm.m * gemm.n);
  const std::int64_t batch = element / (gemm.m * gemm.n);
  const In* row = a + (batch * gemm.m + in_batch / gemm.n) * gemm.k;
  const In* column = b + (batch * gemm.n + in_batch % gemm.n) * gemm.k;
  float sum = before;
  float magnitude = fabsf(before);
  for (std::int64_t i = 0; i < gemm.k; ++i) {
    const float product = to_float(row[i]) * to_float(column[i]);
    sum += product;
    magnitude += fabsf(product);
  }
  const float error = fabsf(to_float(c[element]) - sum) / fmaxf(magnitude, 1e-20F);
  atomicMax(worst, __float_as_uint(error == error ? error : INFINITY));
}

template <typename T>
__global__ void set_all(T* out, std::uint64_t count, float value) {
  const std::uint64_t stride = static_cast<std::uint64_t>(gridDim.x) * blockDim.x;
  for (std::uint64_t i = static_cast<std::uint64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < count; i += stride) {
    out[i] = from_float<T>(value);
  }
}

/// Operands on the device, filled; A also in bf16 where it is converted on the way.
template <typename In, typename Out>
struct Operands {
  Operands(const OrreryCudaGemm& gemm, const Stream& stream, bool convert)
      : a(elements(gemm.batch, gemm.m, gemm.k)),
        b(elements(gemm.batch, gemm.n, gemm.k)),
        c(elements(gemm.batch, gemm.m, gemm.n)),
        a_bf16(convert ? a.count() : 0) {
    fill(a, 1, stream);
    fill(b, 2, stream);
    fill(a_bf16, 1, stream);
    ORRERY_CUDA_CHECK(cudaMemsetAsync(c.get(), 0, c.bytes(), stream.get()));
    stream.synchronize();
  }
  static std::size_t elements(std::int64_t batch, std::int64_t rows, std::int64_t columns) {
    return static_cast<std::size_t>(batch * rows * columns);
  }

  DeviceBuffer<In> a, b;
  DeviceBuffer<Out> c;
  DeviceBuffer<__nv_bfloat16> a_bf16;
};

template <typename In, typename Out>
struct Product {
  cudaDataType_t input, output;
  cublasComputeType_t compute;
  bool convert;  ///< A comes in bf16

  OrreryCudaTiming time(const OrreryCudaGemm& gemm, const OrreryCudaMeasure& measure) const {
    const CublasLt lt = open_cublaslt();
    const CurrentDevice current(measure.device);
    const Matmul matmul(lt, gemm, input, output, compute);
    const Stream setup;
    const Operands<In, Out> data(gemm, setup, convert);
    return time_launch(measure, [&](const Stream& stream) {
      if (convert) {
        quantise<In><<<1024, 256, 0, stream.get()>>>(data.a_bf16.get(), data.a.get(), data.a.count(), 1.0F);
        ORRERY_CUDA_CHECK_LAUNCH("quantise");
      }
      matmul.run(data.a.get(), data.b.get(), data.c.get(), stream);
    });
  }

  OrreryCudaCheck check(const OrreryCudaGemm& gemm, int device) const {
    const CublasLt lt = open_cublaslt();
    const CurrentDevice current(device);
    const Matmul matmul(lt, gemm, input, output, compute);
    const Stream stream;
    const Operands<In, Out> data(gemm, stream, convert);
    // Without `accumulate` the old value must vanish, with it, it must stay.
    const float before = 3.0F;
    set_all<Out><<<1024, 256, 0, stream.get()>>>(data.c.get(), data.c.count(), before);
    ORRERY_CUDA_CHECK_LAUNCH("set_all");
    if (convert) {
      ORRERY_CUDA_CHECK(cudaMemsetAsync(data.a.get(), 0, data.a.bytes(), stream.get()));
      quantise<In><<<1024, 256, 0, stream.get()>>>(data.a_bf16.get(), data.a.get(), data.a.count(), 1.0F);
      ORRERY_CUDA_CHECK_LAUNCH("quantise");
    }
    matmul.run(data.a.get(), data.b.get(), data.c.get(), stream);

    const auto total = static_cast<std::int64_t>(data.c.count());
    const std::int64_t samples = std::min(total, kCompared);
    DeviceBuffer<unsigned> worst(1);
    ORRERY_CUDA_CHECK(cudaMemsetAsync(worst.get(), 0, worst.bytes(), stream.get()));
    compare<In, Out><<<static_cast<unsigned>((samples + 255) / 256), 256, 0, stream.get()>>>(
        data.a.get(), data.b.get(), data.c.get(), gemm, total / samples, samples, gemm.accumulate != 0 ? before : 0.0F,
        worst.get());
    ORRERY_CUDA_CHECK_LAUNCH("compare");
    unsigned bits = 0;
    ORRERY_CUDA_CHECK(cudaMemcpyAsync(&bits, worst.get(), sizeof bits, cudaMemcpyDeviceToHost, stream.get()));
    stream.synchronize();
    float error = 0.0F;
    static_assert(sizeof error == sizeof bits);
    std::copy_n(reinterpret_cast<const unsigned char*>(&bits), sizeof bits, reinterpret_cast<unsigned char*>(&error));
    return OrreryCudaCheck{static_cast<double>(error), samples};
  }
};

/// Calls `use` with the product that the request's dtype means.
template <typename Use>
auto with_product(const OrreryCudaGemm& gemm, Use use) {
  if (gemm.m < 1 || gemm.n < 1 || gemm.k < 1 || gemm.batch < 1) unsupported("m, n, k and batch must be at least 1");
  const bool wide = gemm.accumulate != 0;  // sums in fp32
  switch (gemm.dtype) {
    case ORRERY_CUDA_FP32:
      return use(Product<float, float>{CUDA_R_32F, CUDA_R_32F, CUBLAS_COMPUTE_32F, false});
    case ORRERY_CUDA_TF32:
      return use(Product<float, float>{CUDA_R_32F, CUDA_R_32F, CUBLAS_COMPUTE_32F_FAST_TF32, false});
    case ORRERY_CUDA_FP16:
      if (wide) return use(Product<__half, float>{CUDA_R_16F, CUDA_R_32F, CUBLAS_COMPUTE_32F, false});
      return use(Product<__half, __half>{CUDA_R_16F, CUDA_R_16F, CUBLAS_COMPUTE_32F, false});
    case ORRERY_CUDA_BF16:
      if (wide) return use(Product<__nv_bfloat16, float>{CUDA_R_16BF, CUDA_R_32F, CUBLAS_COMPUTE_32F, false});
      return use(Product<__nv_bfloat16, __nv_bfloat16>{CUDA_R_16BF, CUDA_R_16BF, CUBLAS_COMPUTE_32F, false});
    case ORRERY_CUDA_FP8_E4M3:
      if (wide) return use(Product<__nv_fp8_e4m3, float>{CUDA_R_8F_E4M3, CUDA_R_32F, CUBLAS_COMPUTE_32F, true});
      return use(Product<__nv_fp8_e4m3, __nv_bfloat16>{CUDA_R_8F_E4M3, CUDA_R_16BF, CUBLAS_COMPUTE_32F, true});
    default:
      unsupported("no GEMM for dtype " + std::to_string(gemm.dtype));
  }
}

}  // namespace

OrreryCudaTiming time_gemm(const OrreryCudaGemm& gemm, const OrreryCudaMeasure& measure) {
  return with_product(gemm, [&](const auto& product) { return product.time(gemm, measure); });
}

OrreryCudaCheck check_gemm(const OrreryCudaGemm& gemm, int device) {
  return with_product(gemm, [&](const auto& product) { return product.check(gemm, device); });
}

}  // namespace orrery::kernels::cuda
