/* The one door between Orrery and CUDA: a versioned table of C functions in a shared module.
 *
 * The program links no CUDA library. At run time kernels/cuda/loader.hpp opens orrery_cuda.so, asks
 * orrery_cuda_module() for the table and compares the version; with no module, driver or GPU the program runs
 * on without. Any change of a struct or of a function's meaning raises ORRERY_CUDA_MODULE_VERSION.
 *
 * No function throws, prints or keeps a pointer that it was given. Each returns status->code. The calls of one
 * process may come from several threads, but timings mean something only one at a time.
 */
#ifndef ORRERY_KERNELS_CUDA_MODULE_H
#define ORRERY_KERNELS_CUDA_MODULE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ORRERY_CUDA_MODULE_VERSION 1u
#define ORRERY_CUDA_MODULE_ENTRY "orrery_cuda_module"

enum OrreryCudaCode {
  ORRERY_CUDA_OK = 0,
  ORRERY_CUDA_NO_DRIVER = 1,       /* none, or older than the toolkit's runtime */
  ORRERY_CUDA_NO_GPU = 2,          /* the driver sees no device */
  ORRERY_CUDA_UNSUPPORTED = 3,     /* this GPU, or this module, can't run what was asked: the message says which */
  ORRERY_CUDA_LIBRARY_MISSING = 4, /* cuBLASLt could not be opened */
  ORRERY_CUDA_FAILED = 5           /* a CUDA call failed: call, place and device are in the message */
};

typedef struct OrreryCudaStatus {
  int32_t code;
  char message[500];
} OrreryCudaStatus;

typedef struct OrreryCudaDevice {
  char name[128];
  int32_t compute_major, compute_minor;
  int32_t sm_count;
  int32_t driver_version, runtime_version; /* 13000 is 13.0 */
  uint64_t memory_bytes, l2_bytes;
  double sm_clock_hz;             /* maximum */
  double memory_bytes_per_second; /* bus width × 2 × maximum memory clock; 0 where the driver doesn't say */
} OrreryCudaDevice;

/* How to time: `warmup` unmeasured launches, then `repeats` measured ones. */
typedef struct OrreryCudaMeasure {
  int32_t device;
  int32_t warmup;
  int32_t repeats;
  int32_t cold; /* 1: L2 is overwritten before every measured launch; 0: inputs may stay in L2 */
} OrreryCudaMeasure;

/* Seconds of one launch on the GPU, without the cost of launching. */
typedef struct OrreryCudaTiming {
  double median_s, min_s, p90_s;
  int32_t repeats;
} OrreryCudaTiming;

/* Largest deviation from a reference: see each check for what it is relative to. */
typedef struct OrreryCudaCheck {
  double max_error;
  int64_t compared; /* elements */
} OrreryCudaCheck;

enum OrreryCudaDtype {
  ORRERY_CUDA_FP32 = 0,
  ORRERY_CUDA_TF32 = 1,
  ORRERY_CUDA_FP16 = 2,
  ORRERY_CUDA_BF16 = 3,
  ORRERY_CUDA_FP8_E4M3 = 4
};

/* C[m, n] = A[m, k] · B[n, k]ᵀ, `batch` times, row-major. C is bf16 (fp16 for fp16, fp32 for fp32 and tf32); with
 * `accumulate`, C += … in fp32. fp8 times the conversion of A from bf16 with a given scale too. */
typedef struct OrreryCudaGemm {
  int32_t dtype;
  int32_t accumulate;
  int64_t m, n, k, batch;
} OrreryCudaGemm;

enum OrreryCudaNormKind { ORRERY_CUDA_RMS_NORM = 0, ORRERY_CUDA_LAYER_NORM = 1 };

/* y[rows, columns] = norm(x + residual) · weight (+ bias) in bf16; with `residual`, x + residual is written too. */
typedef struct OrreryCudaNorm {
  int32_t kind;
  int32_t residual;
  int64_t rows, columns;
} OrreryCudaNorm;

enum OrreryCudaCopyKind {
  ORRERY_CUDA_DEVICE_TO_DEVICE = 0,
  ORRERY_CUDA_HOST_TO_DEVICE = 1,
  ORRERY_CUDA_DEVICE_TO_HOST = 2
};

typedef struct OrreryCudaCopy {
  int32_t kind;
  int32_t pinned; /* host memory is page-locked */
  uint64_t bytes;
} OrreryCudaCopy;

typedef struct OrreryCudaModule {
  uint32_t version; /* ORRERY_CUDA_MODULE_VERSION of the module's build */
  uint32_t size;    /* sizeof(OrreryCudaModule) of the module's build */

  int32_t (*device_count)(int32_t* count, OrreryCudaStatus* status);
  int32_t (*device_info)(int32_t device, OrreryCudaDevice* info, OrreryCudaStatus* status);

  int32_t (*time_gemm)(const OrreryCudaGemm* gemm, const OrreryCudaMeasure* measure, OrreryCudaTiming* timing,
                       OrreryCudaStatus* status);
  /* max |C − reference| / Σ|a·b| against a plain kernel with fp32 sums, on up to 2²⁰ elements of C. */
  int32_t (*check_gemm)(const OrreryCudaGemm* gemm, int32_t device, OrreryCudaCheck* check, OrreryCudaStatus* status);

  int32_t (*time_norm)(const OrreryCudaNorm* norm, const OrreryCudaMeasure* measure, OrreryCudaTiming* timing,
                       OrreryCudaStatus* status);
  /* max |y − reference| / max(1, |reference|) against double arithmetic on the host. */
  int32_t (*check_norm)(const OrreryCudaNorm* norm, int32_t device, OrreryCudaCheck* check, OrreryCudaStatus* status);

  int32_t (*time_copy)(const OrreryCudaCopy* copy, const OrreryCudaMeasure* measure, OrreryCudaTiming* timing,
                       OrreryCudaStatus* status);
  /* Number of bytes that arrived wrong. */
  int32_t (*check_copy)(const OrreryCudaCopy* copy, int32_t device, OrreryCudaCheck* check, OrreryCudaStatus* status);
} OrreryCudaModule;

typedef const OrreryCudaModule* (*OrreryCudaModuleEntry)(void);

#ifdef __cplusplus
}
#endif

#endif
