// Rows of attention tables: `attention_prefill*`, `attention_decode*`, `mla_prefill`, `mla_decode`.
//
// MLA tables have one set of columns for both: a row with one new token over a cache is a decode row. Prefill MLA
// expands the latent to heads of 192 (128 + 64 rotary) with values of 128; decode reads the latent of 576.
// Which library measured an MLA table is not in its columns: TensorRT-LLM for every GPU.
// Left out, by name: kernels that no class describes (Triton, FlashAttention-4 at head width 512), and
// workstation Blackwell with an fp8 cache: FlashInfer prefill times there are not those of attention (8 sequences
// of 16,384 tokens with 64 heads in 0.6 ms is 56 PFLOP/s), and decode with heads of 256 beats its memory.
// Source: NVIDIA AIConfigurator @095f58a5; DeepSeek-V3 dimensions: arXiv:2412.19437 §4.2.
#include <optional>

#include <fmt/format.h>

#include "calibrate/rows.hpp"

namespace orrery::calibrate {
namespace {

using kernels::Implementation;

constexpr std::int64_t kMlaQueryWidth = 192, kMlaValueWidth = 128, kMlaLatent = 576;

bool starts_with(const std::string& text, std::string_view prefix) { return text.rfind(prefix, 0) == 0; }

std::optional<Implementation> implementation_of(const std::string& kernel) {
  if (kernel == "torch_flow" || kernel == "torch_flow_flashinfer") return Implementation::trtllm;
  if (kernel == "vllm_flash_attn" || kernel == "vllm_flash_attn_fa3") return Implementation::vllm;
  if (starts_with(kernel, "vllm_flashinfer")) return Implementation::vllm;
  return std::nullopt;
}

// The columns of both kinds of table; −1 where a table has none.
struct Columns {
  explicit Columns(const CsvTable& table)
      : kernel(table.column("kernel")),
        mla_dtype(table.column("mla_dtype")),
        dtype(mla_dtype >= 0 ? mla_dtype : table.column("attn_dtype")),
        kv_dtype(table.column("kv_dtype")),
        batch(table.column("batch")),
        seq(table.column("seq")),
        past(table.column("past")),
        q_heads(mla_dtype >= 0 ? table.column("heads") : table.column("q_heads")),
        kv_heads(table.column("kv_heads")),
        head_dim(table.column("head_dim")),
        window(table.column("window")),
        time(table.column("time_us")) {}

  int kernel, mla_dtype, dtype, kv_dtype, batch, seq, past, q_heads, kv_heads, head_dim, window, time;
};

class Reader {
 public:
  Reader(const CsvTable& table, const hardware::Gpu& gpu)
      : table_(table), columns_(table), no_fp8_(gpu.software.impossible_fp8_attention) {}

  TableRows read() {
    result_.rows.reserve(table_.rows.size());
    for (std::size_t row = 0; row < table_.rows.size(); ++row) read_row(row);
    return std::move(result_);
  }

 private:
  void skip(std::size_t row, std::string what, std::string why) {
    result_.skipped.push_back({line_of(row), std::move(what), std::move(why)});
  }

  [[nodiscard]] std::int64_t integer(std::size_t row, int column) const { return integer_cell(table_, row, column); }

  void read_row(std::size_t row) {
    const auto dtype = parse_dtype(text_cell(table_, row, columns_.dtype));
    const auto kv_dtype = parse_dtype(text_cell(table_, row, columns_.kv_dtype));
    if (!dtype || !kv_dtype) return skip(row, text_cell(table_, row, columns_.dtype), "unknown dtype");
    if (columns_.mla_dtype >= 0) {
      read_mla(row, *dtype, *kv_dtype);
    } else {
      read_plain(row, *dtype, *kv_dtype);
    }
  }

  void read_mla(std::size_t row, Dtype dtype, Dtype kv_dtype) {
    const std::int64_t seq = integer(row, columns_.seq), past = integer(row, columns_.past);
    const std::string mixture = kv_dtype == Dtype::fp8 ? "mla_fp8" : "mla";
    std::string family = fmt::format("mla,h={},kv={}", integer(row, columns_.q_heads), name(kv_dtype));
    if (seq == 1 && past > 0) {
      kernels::AttentionDecodeShape shape;
      shape.dtype = dtype, shape.kv_dtype = kv_dtype;
      shape.batch = integer(row, columns_.batch);
      shape.kv_tokens = shape.batch * (past + 1);
      shape.q_heads = integer(row, columns_.q_heads), shape.kv_heads = 1;
      shape.latent_dim = kMlaLatent;
      shape.implementation = Implementation::trtllm;
      return add(row, shape, "attention_decode/trtllm/" + mixture, std::move(family));
    }
    kernels::AttentionPrefillShape shape;
    shape.dtype = dtype, shape.kv_dtype = kv_dtype;
    shape.batch = integer(row, columns_.batch);
    shape.q_len = seq, shape.kv_len = seq + past;
    shape.q_heads = shape.kv_heads = integer(row, columns_.q_heads);
    shape.head_dim = kMlaQueryWidth, shape.v_head_dim = kMlaValueWidth;
    shape.implementation = Implementation::trtllm;
    add(row, shape, "attention_prefill/trtllm/" + mixture, std::move(family));
  }

  void read_plain(std::size_t row, Dtype dtype, Dtype kv_dtype) {
    const std::string& kernel = text_cell(table_, row, columns_.kernel);
    const auto implementation = implementation_of(kernel);
    if (!implementation) return skip(row, kernel, "no kernel class describes it");
    const std::int64_t q_heads = integer(row, columns_.q_heads), kv_heads = integer(row, columns_.kv_heads);
    const std::int64_t head_dim = integer(row, columns_.head_dim), window = integer(row, columns_.window);
    const std::int64_t batch = integer(row, columns_.batch), past = integer(row, columns_.past);
    if (no_fp8_ && kv_dtype == Dtype::fp8 && (columns_.seq >= 0 || head_dim == 256)) {
      return skip(row, kernel, "fp8 cache on workstation Blackwell: physically impossible times");
    }
    std::string family = fmt::format("h={}/{},d={},w={},{}/{},{}", q_heads, kv_heads, head_dim, window, name(dtype),
                                     name(kv_dtype), kernel);
    const std::string library(kernels::name(*implementation));
    if (columns_.seq < 0) {
      kernels::AttentionDecodeShape shape;
      shape.dtype = dtype, shape.kv_dtype = kv_dtype;
      shape.batch = batch, shape.kv_tokens = batch * (past + 1);
      shape.q_heads = q_heads, shape.kv_heads = kv_heads, shape.head_dim = head_dim, shape.window = window;
      shape.implementation = *implementation;
      return add(row, shape, fmt::format("attention_decode/{}/{}", library, name(kv_dtype)), std::move(family));
    }
    kernels::AttentionPrefillShape shape;
    shape.dtype = dtype, shape.kv_dtype = kv_dtype;
    shape.batch = batch, shape.q_len = integer(row, columns_.seq), shape.kv_len = shape.q_len + past;
    shape.q_heads = q_heads, shape.kv_heads = kv_heads, shape.head_dim = head_dim, shape.window = window;
    shape.implementation = *implementation;
    const std::string mixture =
        dtype == kv_dtype ? std::string(name(dtype)) : fmt::format("{}_kv_{}", name(dtype), name(kv_dtype));
    add(row, shape, fmt::format("attention_prefill/{}/{}", library, mixture), std::move(family));
  }

  void add(std::size_t row, const kernels::Kernel& kernel, std::string fit_key, std::string family_key) {
    MeasuredRow measured;
    measured.line = line_of(row);
    measured.kernel = kernel;
    measured.measured = Seconds{number_cell(table_, row, columns_.time) * 1e-6};
    measured.fit_key = std::move(fit_key);
    measured.family_key = std::move(family_key);
    result_.rows.push_back(std::move(measured));
  }

  const CsvTable& table_;
  Columns columns_;
  bool no_fp8_;  ///< the profile says so of the board's tables
  TableRows result_;
};

TableRows read_rows(const CsvTable& table, const hardware::Gpu& gpu) { return Reader(table, gpu).read(); }

constexpr std::string_view kSoftware = "NVIDIA AIConfigurator @095f58a5, CUDA graph replay";

}  // namespace

TableKind attention_prefill_table() {
  return {"attention_prefill", {"kv_dtype", "batch", "seq", "past", "time_us"}, read_rows, kSoftware};
}

TableKind attention_decode_table() {
  return {"attention_decode",
          {"attn_dtype", "kv_dtype", "batch", "past", "q_heads", "kv_heads", "head_dim", "window", "time_us"},
          read_rows,
          kSoftware};
}

}  // namespace orrery::calibrate
