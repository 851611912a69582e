// The kernel vocabulary: what runs on a GPU, how much work it is, and how long a model says it takes.
//
// A Kernel is a closed variant of shapes. A shape is a plain value: it checks itself, counts its work and
// prints itself; it knows nothing of a GPU. A KernelTimer prices a shape on a GPU. No word here is
// specific to language models beyond the operator names that cuDNN and cuBLAS use.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "hardware/dtype.hpp"
#include "hardware/gpu.hpp"
#include "hardware/units.hpp"

namespace orrery::kernels {

/// Work of a kernel: Flops (a multiply-add is two), bytes that must cross the memory interface once.
struct Work {
  Flops flops;
  Bytes read;
  Bytes written;

  [[nodiscard]] Bytes bytes() const { return read + written; }
};

/// Who wrote the kernel: the measured tables differ by it. `automatic` takes the best-known fit.
enum class Implementation : std::uint8_t { automatic, cublaslt, trtllm, vllm, sglang, cudnn, unfused };
inline constexpr Implementation kLastImplementation = Implementation::unfused;
[[nodiscard]] std::string_view name(Implementation implementation);
[[nodiscard]] std::optional<Implementation> parse_implementation(std::string_view text);

/// Where a kernel finds its weights. Serving reads each weight once per step: cold. A benchmark that
/// repeats one small GEMM finds them in L2: warm.
enum class CacheState : std::uint8_t { cold, warm };

/// C[m, n] = A[m, k] · B[n, k]ᵀ, `batch` times. A and B in `dtype`, C in bf16 (fp32 for fp32/tf32).
/// fp8 and nvfp4 include quantising A, as the framework's linear layer does.
struct GemmShape {
  Dtype dtype = Dtype::bf16;
  std::int64_t m = 0, n = 0, k = 0;
  std::int64_t batch = 1;
  CacheState weights = CacheState::cold;
  Implementation implementation = Implementation::automatic;
  bool accumulate = false;  ///< C += …, in fp32: weight gradients with main_grad
  bool strided = false;     ///< one small matrix a head: latent attention's products (bmm)
};

/// Which pass of attention: forward, or backward (dQ, dK, dV with recomputed scores).
enum class Pass : std::uint8_t { forward, backward };

/// Scores, softmax and values for prompts: queries [batch, q_len, q_heads, head_dim] on keys
/// [batch, kv_len, kv_heads, head_dim]. The last query sees all kv_len keys when causal.
struct AttentionPrefillShape {
  Dtype dtype = Dtype::bf16;
  Dtype kv_dtype = Dtype::bf16;
  std::int64_t batch = 0, q_len = 0, kv_len = 0;
  std::int64_t q_heads = 0, kv_heads = 0, head_dim = 0;
  std::int64_t v_head_dim = 0;  ///< 0: same as head_dim (MLA prefill: 192 and 128)
  std::int64_t window = 0;      ///< 0: full
  bool causal = true;
  Pass pass = Pass::forward;
  Implementation implementation = Implementation::automatic;  ///< unfused: scores go through HBM
};

/// One new token for each of `batch` sequences over a paged KV cache holding kv_tokens in all (ragged
/// batches go by the total). latent_dim > 0 is absorbed MLA: one latent head of latent_dim read once.
struct AttentionDecodeShape {
  Dtype dtype = Dtype::bf16;
  Dtype kv_dtype = Dtype::bf16;
  std::int64_t batch = 0, kv_tokens = 0;
  std::int64_t q_heads = 0, kv_heads = 0, head_dim = 0;
  std::int64_t latent_dim = 0;  ///< MLA: 512 + 64; 0: MHA, MQA, GQA
  std::int64_t window = 0;
  Implementation implementation = Implementation::automatic;
};

/// How tokens spread over experts.
enum class ExpertLoad : std::uint8_t { balanced, power_law_1_01, power_law_1_2 };

/// Fused expert block of one rank: `tokens` of the whole expert-parallel group, each to `topk` of `experts`;
/// gate+up [2·inter, hidden], activation, down [hidden, inter], weighted sum. No communication.
struct MoeShape {
  Dtype dtype = Dtype::bf16;
  std::int64_t tokens = 0, hidden = 0, inter = 0, topk = 0, experts = 0;
  std::int64_t tensor_parallel = 1, expert_parallel = 1;
  ExpertLoad load = ExpertLoad::balanced;
  bool gated = true;
  Pass pass = Pass::forward;
  Implementation implementation = Implementation::automatic;
};

/// Kernels whose time is the bytes they move.
enum class MemoryOp : std::uint8_t {
  norm,            ///< LayerNorm or RMSNorm, with the residual add where fused
  rotary,          ///< rotary position embedding in place
  activation,      ///< GELU or SwiGLU
  dropout_add,     ///< bias, dropout and residual add
  softmax,         ///< scores through HBM: mask, softmax and dropout of unfused attention
  elementwise,     ///< casts, adds, scales
  quantize,        ///< values times a scale, rounded to a format of 8 bits or fewer
  amax,            ///< the largest value of a tensor, for such a scale
  embedding,       ///< gather of rows
  embedding_grad,  ///< scatter-add of rows
  cross_entropy,   ///< loss and its gradient over the vocabulary
  router,          ///< gate softmax, top-k
  permute,         ///< tokens to expert order and back
  adam,            ///< optimizer step
  grad_norm,       ///< squared sum of the gradients
  copy,            ///< device to device
  memset,
};
[[nodiscard]] std::string_view name(MemoryOp op);

/// `elements` values, of which bytes are read and written as given; flops are small and on the vector units.
/// `inputs` warm: the kernel before has just written them, so that L2 holds what fits.
struct MemoryShape {
  MemoryOp op = MemoryOp::elementwise;
  Dtype dtype = Dtype::bf16;
  std::int64_t elements = 0;
  Bytes read;
  Bytes written;
  double flops_per_element = 1.0;
  std::int64_t rows = 0;  ///< a block works through one at a time (norms, gathers); 0: every element for itself
  CacheState inputs = CacheState::cold;
};

/// Host to device or back over PCIe.
struct HostCopyShape {
  Bytes bytes;
  bool to_device = true;
  bool pinned = true;
};

using Kernel =
    std::variant<GemmShape, AttentionPrefillShape, AttentionDecodeShape, MoeShape, MemoryShape, HostCopyShape>;

/// An empty string if the shape makes sense, else a sentence saying what is wrong.
[[nodiscard]] std::string check(const Kernel& kernel);

/// Flops and bytes by definition, independent of any GPU. REQUIRES check(kernel).empty().
[[nodiscard]] Work work(const Kernel& kernel);

/// "gemm bf16 4096x5120x5120", stable across runs: used in traces, golden files and memo keys.
[[nodiscard]] std::string describe(const Kernel& kernel);

/// The family part of a fit's key: "gemm", "attention_prefill", "attention_decode", "moe", "memory", "host_copy".
[[nodiscard]] std::string_view family(const Kernel& kernel);

[[nodiscard]] bool operator==(const Kernel& a, const Kernel& b);
[[nodiscard]] std::size_t hash(const Kernel& kernel);

/// How well a number is known.
enum class Provenance : std::uint8_t { datasheet, published, measured };
[[nodiscard]] std::string_view name(Provenance provenance);

/// One addend or bound of an estimate, for `orrery explain`.
struct Term {
  std::string name;  ///< "compute", "memory", "l2", "latency", "wave"
  Seconds time;
  std::string equation;
  std::string source;
};

struct Estimate {
  Seconds time;
  Provenance provenance = Provenance::datasheet;
  std::string fit_key;      ///< the fit that was used, or empty
  std::vector<Term> terms;  ///< filled by explain() only
};

/// A timer with its GPU, for who prices many shapes: what does not depend on the shape was looked up once.
class BoundTimer {
 public:
  virtual ~BoundTimer() = default;

  /// KernelTimer::time() of that GPU, to the last bit. Throws what it throws.
  [[nodiscard]] virtual Seconds time(const Kernel& kernel) const = 0;
};

/// A timing model. Pure: the same shape on the same GPU always costs the same.
class KernelTimer {
 public:
  virtual ~KernelTimer() = default;

  /// GPU time of one kernel without launch cost. REQUIRES check(kernel).empty().
  /// Throws std::invalid_argument if the GPU can't compute the shape's dtype.
  [[nodiscard]] virtual Seconds time(const Kernel& kernel, const hardware::Gpu& gpu) const = 0;

  /// The same number with its terms and their sources.
  [[nodiscard]] virtual Estimate explain(const Kernel& kernel, const hardware::Gpu& gpu) const = 0;

  /// `gpu` and this must outlive the result, and the GPU stay as it is. A timer that gains nothing from it takes this
  /// one, which calls time().
  [[nodiscard]] virtual std::unique_ptr<BoundTimer> bind(const hardware::Gpu& gpu) const;
};

/// A row of the timers' table.
struct TimerRow {
  std::string_view name;
  std::string_view equation;
  std::string_view source;
  std::unique_ptr<KernelTimer> (*make)();
};

/// "roofline" (datasheet peaks, no efficiency) and "fitted" (coefficients of the profile, roofline with
/// default efficiencies where a family has none).
[[nodiscard]] const std::vector<TimerRow>& timers();

/// The lower bound no timer may beat: max(flops / peak, bytes beyond L2 / memory bandwidth, bytes / L2 bandwidth).
[[nodiscard]] Seconds roofline(const Kernel& kernel, const hardware::Gpu& gpu);

}  // namespace orrery::kernels
