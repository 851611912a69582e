// Attention over prompts: shape rules, work by definition, and which fit prices it.
//
// Pairs of a head: Σ over queries of the keys it sees; causal without cache q(q+1)/2, with p cached keys q·p
// more, a window w caps each addend at w.
//   forward    2·b·h·pairs·(d + dv)          FLOP: Q·Kᵀ and P·V
//   backward   2·b·h·pairs·(3·d + 2·dv)      FLOP: S again, dP, dV, dQ, dK: 2.5 times the forward where d = dv
//   unfused    whole rectangles (masked pairs are computed), scores through HBM; the softmax is a MemoryShape;
//              its backward keeps the probabilities, so S is not computed again
// Bytes: Q, K, V read and O written once (backward: also O, dO and the row statistics read, dQ, dK, dV written).
// Writing the KV cache is left out: it is the engine's, not attention's, so the work is a lower bound of both.
// Source: FlashAttention-2, arXiv:2307.08691 §2.3 and §4.1 (FLOP of the backward = 2.5 times the forward).
#include <algorithm>

#include <fmt/format.h>

#include "kernels/attention/attention.hpp"

namespace orrery::kernels {
namespace {

const AttentionPrefillShape& shape_of(const Kernel& kernel) { return std::get<AttentionPrefillShape>(kernel); }

bool holds(const Kernel& kernel) { return std::holds_alternative<AttentionPrefillShape>(kernel); }

constexpr std::int64_t kLongest = std::int64_t{1} << 28;

std::string check_prefill(const Kernel& kernel) {
  const AttentionPrefillShape& s = shape_of(kernel);
  if (s.batch <= 0 || s.q_len <= 0 || s.kv_len <= 0) {
    return fmt::format("attention needs batch, q_len, kv_len > 0, has {}, {}, {}", s.batch, s.q_len, s.kv_len);
  }
  if (s.q_heads <= 0 || s.kv_heads <= 0 || s.head_dim <= 0) {
    return fmt::format("attention needs q_heads, kv_heads, head_dim > 0, has {}, {}, {}", s.q_heads, s.kv_heads,
                       s.head_dim);
  }
  if (s.q_heads % s.kv_heads != 0) {
    return fmt::format("attention's {} query heads can't share {} KV heads evenly", s.q_heads, s.kv_heads);
  }
  if (s.v_head_dim < 0 || s.window < 0) return "attention's v_head_dim and window can't be negative";
  if (s.causal && s.q_len > s.kv_len) {
    return fmt::format("causal attention has {} queries but only {} keys", s.q_len, s.kv_len);
  }
  if (s.window > 0 && !s.causal) return "an attention window needs causal attention";
  if (s.implementation == Implementation::unfused && s.window > 0) return "unfused attention has no window";
  if (s.kv_len > kLongest || s.q_len > kLongest) return fmt::format("attention is longer than {} tokens", kLongest);
  return {};
}

// Activations are bf16 around quantised attention.
double activation_bytes(Dtype dtype) { return std::max(2.0, element_size(dtype).value()); }

double keys_read(const AttentionPrefillShape& s) {
  const double keys = static_cast<double>(s.kv_len);
  if (s.window == 0) return keys;
  return std::min(keys, static_cast<double>(s.q_len) + static_cast<double>(s.window) - 1.0);
}

Work unfused_work(const AttentionPrefillShape& s) {
  const double heads = static_cast<double>(s.batch) * static_cast<double>(s.q_heads);
  const double q = static_cast<double>(s.q_len), kv = static_cast<double>(s.kv_len);
  const double d = static_cast<double>(s.head_dim), dv = value_width(s);
  const double a = activation_bytes(s.dtype);
  const double kv_heads = static_cast<double>(s.batch) * static_cast<double>(s.kv_heads);
  const double queries = heads * q * d * a, outputs = heads * q * dv * a, scores = heads * q * kv * a;
  const double keys = kv_heads * kv * (d + dv) * a;
  Work work;
  work.flops = Flops{2.0 * heads * q * kv * (d + dv)};
  work.read = Bytes{queries + keys + scores};
  work.written = Bytes{scores + outputs};
  if (s.pass == Pass::backward) {
    work.flops *= 2.0;
    work.read = Bytes{queries + keys + outputs + 3.0 * scores};  // P once, dS twice
    work.written = Bytes{queries + keys + scores};               // dQ, dK, dV and dP
  }
  return work;
}

Work prefill_work(const Kernel& kernel) { return attention_work(shape_of(kernel)); }

std::string describe_prefill(const Kernel& kernel) {
  const AttentionPrefillShape& s = shape_of(kernel);
  std::string text = fmt::format("attention_prefill {}", orrery::name(s.dtype));
  if (s.kv_dtype != s.dtype) text += fmt::format("/{}", orrery::name(s.kv_dtype));
  text += fmt::format(" b{} q{} kv{} h{}/{} d{}", s.batch, s.q_len, s.kv_len, s.q_heads, s.kv_heads, s.head_dim);
  if (s.v_head_dim > 0 && s.v_head_dim != s.head_dim) text += fmt::format("/{}", s.v_head_dim);
  if (s.window > 0) text += fmt::format(" window {}", s.window);
  if (!s.causal) text += " full";
  if (s.pass == Pass::backward) text += " backward";
  if (s.implementation != Implementation::automatic) text += fmt::format(" ({})", name(s.implementation));
  return text;
}

bool is_fp8(Dtype dtype) { return dtype == Dtype::fp8 || dtype == Dtype::fp8_block; }

enum FitDtypes : std::size_t { kLatent, kLatentNarrow, kNarrow, kNarrowCache, kWide, kUnmeasured };

// Matrices and cache can have different dtypes; a missing mixture is priced as the nearest one that is there.
std::vector<std::vector<std::string_view>> fit_dtypes() {
  return {{"mla", "mla_fp8"},
          {"mla_fp8", "mla"},
          {"fp8", "bf16_kv_fp8", "bf16"},
          {"bf16_kv_fp8", "fp8", "bf16"},
          {"bf16"},
          {}};
}

FitDtypes dtypes_of(const AttentionPrefillShape& s) {
  if (s.implementation == Implementation::unfused) return kUnmeasured;
  if (s.v_head_dim > 0 && s.v_head_dim != s.head_dim) return is_fp8(s.kv_dtype) ? kLatentNarrow : kLatent;
  if (is_fp8(s.dtype)) return kNarrow;
  if (is_fp8(s.kv_dtype)) return kNarrowCache;
  return s.dtype == Dtype::bf16 || s.dtype == Dtype::fp16 ? kWide : kUnmeasured;
}

// cuDNN has no measurements of its own; FlashAttention-3's in vLLM are the nearest (kernel_class.hpp).
FitChoice fit_choice(const Kernel& kernel) {
  const AttentionPrefillShape& s = shape_of(kernel);
  return {s.implementation == Implementation::cudnn ? Implementation::vllm : s.implementation, dtypes_of(s)};
}

}  // namespace

Work attention_work(const AttentionPrefillShape& s) {
  if (s.implementation == Implementation::unfused) return unfused_work(s);
  const double heads = static_cast<double>(s.batch) * static_cast<double>(s.q_heads);
  const double kv_heads = static_cast<double>(s.batch) * static_cast<double>(s.kv_heads);
  const double q = static_cast<double>(s.q_len), d = static_cast<double>(s.head_dim), dv = value_width(s);
  const double a = activation_bytes(s.dtype);
  const double queries = heads * q * d * a, outputs = heads * q * dv * a;
  const double keys = kv_heads * keys_read(s) * (d + dv) * element_size(s.kv_dtype).value();
  const double pairs = heads * attention_pairs(s);
  Work work;
  if (s.pass == Pass::forward) {
    work.flops = Flops{2.0 * pairs * (d + dv)};
    work.read = Bytes{queries + keys};
    work.written = Bytes{outputs};
  } else {
    constexpr double kRowStatistic = 4.0;  // log-sum-exp of a score row, fp32
    work.flops = Flops{2.0 * pairs * (3.0 * d + 2.0 * dv)};
    work.read = Bytes{queries + keys + 2.0 * outputs + heads * q * kRowStatistic};
    work.written = Bytes{queries + keys};
  }
  return work;
}

double attention_pairs(const AttentionPrefillShape& s) {
  const double q = static_cast<double>(s.q_len), kv = static_cast<double>(s.kv_len);
  if (!s.causal) return q * kv;
  const double cached = kv - q;
  if (s.window == 0) return q * cached + q * (q + 1.0) / 2.0;
  const double window = static_cast<double>(s.window);
  const double growing = std::clamp(window - cached, 0.0, q);  // queries that see fewer keys than the window
  return growing * cached + growing * (growing + 1.0) / 2.0 + (q - growing) * window;
}

FamilyRow attention_prefill_family() {
  FamilyRow row;
  row.name = "attention_prefill";
  row.equation = "2·b·h·pairs·(d + dv) FLOP, backward 2.5 times; Q, K, V, O cross memory once";
  row.source = "FlashAttention-2, arXiv:2307.08691 §2.3, §4.1";
  row.holds = holds;
  row.check = check_prefill;
  row.work = prefill_work;
  row.describe = describe_prefill;
  row.fit_dtypes = fit_dtypes();
  row.fit_choice = fit_choice;
  row.model = attention_prefill_model();
  return row;
}

}  // namespace orrery::kernels
