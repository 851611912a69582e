// Attention of one new token per sequence over a KV cache: shape rules, work, and which fit prices it.
//
//   MHA, MQA, GQA   4·h·d·tokens FLOP; 2·kv_heads·d·tokens cache elements read
//   absorbed MLA    2·h·(2·latent − rope)·tokens FLOP; latent·tokens cache elements read, once for all heads
// tokens: cached tokens over all sequences, each capped by the window. Queries and outputs cross memory once.
// Source: GQA, arXiv:2305.13245; MLA with absorbed projections, DeepSeek-V2, arXiv:2405.04434 §2.1.
// Limitations: a ragged batch goes by its total; a window is applied to the mean length.
#include <algorithm>

#include <fmt/format.h>

#include "kernels/attention/attention.hpp"

namespace orrery::kernels {
namespace {

const AttentionDecodeShape& shape_of(const Kernel& kernel) { return std::get<AttentionDecodeShape>(kernel); }

bool holds(const Kernel& kernel) { return std::holds_alternative<AttentionDecodeShape>(kernel); }

std::string check_decode(const Kernel& kernel) {
  const AttentionDecodeShape& s = shape_of(kernel);
  if (s.batch <= 0) return fmt::format("decode attention needs batch > 0, has {}", s.batch);
  if (s.kv_tokens < s.batch) {
    return fmt::format("decode attention holds {} cached tokens for {} sequences: at least one each", s.kv_tokens,
                       s.batch);
  }
  if (s.window < 0) return "decode attention's window can't be negative";
  if (s.q_heads <= 0) return fmt::format("decode attention needs q_heads > 0, has {}", s.q_heads);
  if (s.latent_dim < 0) return "decode attention's latent_dim can't be negative";
  if (s.latent_dim > 0) {
    if (s.latent_dim <= kMlaRotaryWidth) {
      return fmt::format("an MLA latent of {} leaves no values beside its {} rotary elements", s.latent_dim,
                         kMlaRotaryWidth);
    }
    return {};
  }
  if (s.kv_heads <= 0 || s.head_dim <= 0) {
    return fmt::format("decode attention needs kv_heads and head_dim > 0, has {}, {}", s.kv_heads, s.head_dim);
  }
  if (s.q_heads % s.kv_heads != 0) {
    return fmt::format("decode attention's {} query heads can't share {} KV heads evenly", s.q_heads, s.kv_heads);
  }
  return {};
}

Work decode_work(const Kernel& kernel) { return attention_work(shape_of(kernel)); }

std::string describe_decode(const Kernel& kernel) {
  const AttentionDecodeShape& s = shape_of(kernel);
  std::string text = fmt::format("attention_decode {}", orrery::name(s.dtype));
  if (s.kv_dtype != s.dtype) text += fmt::format("/{}", orrery::name(s.kv_dtype));
  text += fmt::format(" b{} tokens{} h{}", s.batch, s.kv_tokens, s.q_heads);
  text += s.latent_dim > 0 ? fmt::format(" latent{}", s.latent_dim) : fmt::format("/{} d{}", s.kv_heads, s.head_dim);
  if (s.window > 0) text += fmt::format(" window {}", s.window);
  if (s.implementation != Implementation::automatic) text += fmt::format(" ({})", name(s.implementation));
  return text;
}

enum FitDtypes : std::size_t { kLatent, kLatentNarrow, kNarrow, kWide, kUnmeasured };

std::vector<std::vector<std::string_view>> fit_dtypes() {
  return {{"mla", "mla_fp8"}, {"mla_fp8", "mla"}, {"fp8", "bf16"}, {"bf16"}, {}};
}

FitChoice fit_choice(const Kernel& kernel) {
  const AttentionDecodeShape& s = shape_of(kernel);
  const bool narrow = s.kv_dtype == Dtype::fp8 || s.kv_dtype == Dtype::fp8_block;
  if (s.latent_dim > 0) return {s.implementation, narrow ? kLatentNarrow : kLatent};
  if (narrow) return {s.implementation, kNarrow};
  return {s.implementation, s.kv_dtype == Dtype::bf16 || s.kv_dtype == Dtype::fp16 ? kWide : kUnmeasured};
}

}  // namespace

Work attention_work(const AttentionDecodeShape& s) {
  const double batch = static_cast<double>(s.batch), heads = static_cast<double>(s.q_heads);
  const double tokens = visible_tokens(s), cache = element_size(s.kv_dtype).value();
  const double a = std::max(2.0, element_size(s.dtype).value());
  Work work;
  if (s.latent_dim > 0) {
    const double latent = static_cast<double>(s.latent_dim);
    const double values = static_cast<double>(s.latent_dim - kMlaRotaryWidth);
    work.flops = Flops{2.0 * heads * (latent + values) * tokens};
    work.read = Bytes{latent * tokens * cache + batch * heads * latent * a};
    work.written = Bytes{batch * heads * values * a};
    return work;
  }
  const double d = static_cast<double>(s.head_dim), kv_heads = static_cast<double>(s.kv_heads);
  work.flops = Flops{4.0 * heads * d * tokens};
  work.read = Bytes{2.0 * kv_heads * d * tokens * cache + batch * heads * d * a};
  work.written = Bytes{batch * heads * d * a};
  return work;
}

double visible_tokens(const AttentionDecodeShape& s) {
  const double tokens = static_cast<double>(s.kv_tokens);
  if (s.window == 0) return tokens;
  return std::min(tokens, static_cast<double>(s.batch) * static_cast<double>(s.window));
}

FamilyRow attention_decode_family() {
  FamilyRow row;
  row.name = "attention_decode";
  row.equation = "4·h·d·tokens FLOP; the KV cache is read once";
  row.source = "GQA, arXiv:2305.13245; MLA, arXiv:2405.04434 §2.1";
  row.holds = holds;
  row.check = check_decode;
  row.work = decode_work;
  row.describe = describe_decode;
  row.fit_dtypes = fit_dtypes();
  row.fit_choice = fit_choice;
  row.model = attention_decode_model();
  return row;
}

}  // namespace orrery::kernels
