// Opening cuBLASLt; see cublaslt.hpp.
#include <dlfcn.h>

#include "kernels/cuda/cublaslt.hpp"

namespace orrery::kernels::cuda {
namespace {

template <typename Function>
void bind(void* library, const char* symbol, Function& function) {
  void* address = dlsym(library, symbol);
  if (address == nullptr) {
    throw CudaError(ORRERY_CUDA_LIBRARY_MISSING, std::string("cuBLASLt has no ") + symbol);
  }
  function = reinterpret_cast<Function>(address);
}

}  // namespace

CublasLt open_cublaslt() {
  const std::string soname = "libcublasLt.so." + std::to_string(CUBLAS_VER_MAJOR);
  // Never closed: cuBLASLt registers device code that must outlive every handle. A second open is the same one.
  void* library = dlopen(soname.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) throw CudaError(ORRERY_CUDA_LIBRARY_MISSING, dlerror());
  CublasLt lt;
  bind(library, "cublasLtCreate", lt.create);
  bind(library, "cublasLtDestroy", lt.destroy);
  bind(library, "cublasLtMatmul", lt.matmul);
  bind(library, "cublasLtMatmulAlgoGetHeuristic", lt.heuristic);
  bind(library, "cublasLtMatmulDescCreate", lt.desc_create);
  bind(library, "cublasLtMatmulDescDestroy", lt.desc_destroy);
  bind(library, "cublasLtMatmulDescSetAttribute", lt.desc_set);
  bind(library, "cublasLtMatrixLayoutCreate", lt.layout_create);
  bind(library, "cublasLtMatrixLayoutDestroy", lt.layout_destroy);
  bind(library, "cublasLtMatrixLayoutSetAttribute", lt.layout_set);
  bind(library, "cublasLtMatmulPreferenceCreate", lt.preference_create);
  bind(library, "cublasLtMatmulPreferenceDestroy", lt.preference_destroy);
  bind(library, "cublasLtMatmulPreferenceSetAttribute", lt.preference_set);
  return lt;
}

}  // namespace orrery::kernels::cuda
