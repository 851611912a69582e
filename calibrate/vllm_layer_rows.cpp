// Tables of layers timed inside vLLM: `<GPU>_<Model>_tp<N>_{dense,per_sequence,attention}.csv`.
//
// The model's name and the tensor-parallel degree are in the file's name; the model's dimensions turn a layer and a
// number of tokens into shapes. Linear layers are matrix multiplications with cold weights (a layer's weights are
// read once per pass: 33.5 MB take 38 us on an RTX 4090, 0.88 TB/s, although its L2 would hold them). Attention rows
// have one prompt chunk of `prefill_chunk` tokens over `kv_prefill` cached ones, or `n_decode` sequences with
// `kv_decode` cached tokens each, or both in one batch: those are predicted as in mixed_batch.hpp and enter no fit.
// Norms, rotary embedding, activation and embedding are memory kernels whose inputs are warm, with a row for each
// token, or for each head where heads are normed. A layer that does not depend on the tensor-parallel degree was
// measured once: norms, of heads too, read whole at every degree. A family of the split is a linear layer's (n, k), a
// memory kernel's row, a chunk length or a number of sequences.
//
// Source: casys-kaist/LLMServingSim @5daddb21, layers inside vLLM 0.19 run eagerly, bf16, mean of 3.
// Limitations: on an RTX PRO 6000 (128 MiB of L2) matrices up to about 30 MB were warm, and are predicted a third or
// more too slow: these rows say nothing about serving, where they are cold. The sampler is many kernels and left out,
// as are the tables of fused experts.
#include <algorithm>
#include <cctype>
#include <filesystem>
#include <optional>

#include <fmt/format.h>

#include "calibrate/rows.hpp"
#include "hardware/config/config.hpp"
#include "hardware/config/shown.hpp"
#include "models/architectures/hf_config.hpp"

namespace orrery::calibrate {
namespace {

using kernels::Implementation;
using kernels::MemoryOp;

constexpr std::string_view kSoftware = "LLMServingSim @5daddb21, layers inside vLLM 0.19 in eager mode";

/// What a file's name says.
struct Measured {
  models::Llm llm;
  std::int64_t tensor_parallel = 1;
};

std::string lower_alphanumeric(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
      out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
  }
  return out;
}

std::string library_name(std::string_view model) {
  std::string name;
  for (const char c : model) name += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const std::size_t tuned = name.find("-instruct");
  return tuned == std::string::npos ? name : name.substr(0, tuned);
}

// "RTX4090_Llama-3.1-8B_tp1_dense.csv"
Measured measured_by(const CsvTable& table, const hardware::Gpu& gpu) {
  const std::string name = std::filesystem::path(table.file).filename().string();
  const std::size_t first = name.find('_'), degree = name.find("_tp");
  if (first == std::string::npos || degree == std::string::npos || degree <= first) {
    throw hardware::ConfigError(table.file + ": the file of a table of layers is named <GPU>_<Model>_tp<N>_<kind>.csv");
  }
  const std::string board = lower_alphanumeric(name.substr(0, first));
  if (lower_alphanumeric(gpu.name).rfind(board, 0) != 0) {
    throw hardware::ConfigError(fmt::format("{}: by its name it was measured on {}, not on {}",
                                            hardware::quoted_path(table.file), name.substr(0, first), gpu.name));
  }
  Measured out;
  out.llm = models::load_model(library_name(name.substr(first + 1, degree - first - 1)));
  out.tensor_parallel = std::max(1, std::atoi(name.c_str() + degree + 3));
  return out;
}

kernels::GemmShape linear(std::int64_t tokens, std::int64_t n, std::int64_t k) {
  kernels::GemmShape shape;
  shape.m = tokens, shape.n = n, shape.k = k;
  shape.implementation = Implementation::vllm;
  return shape;
}

// `width` elements a row; `read` and `written` per element.
kernels::MemoryShape stream(MemoryOp op, std::int64_t rows, std::int64_t width, double read, double written) {
  const std::int64_t elements = rows * width;
  kernels::MemoryShape shape;
  shape.op = op;
  shape.elements = elements;
  shape.rows = rows;
  shape.inputs = kernels::CacheState::warm;
  shape.read = Bytes{2.0 * read * static_cast<double>(elements)};
  shape.written = Bytes{2.0 * written * static_cast<double>(elements)};
  return shape;
}

/// The kernel of `layer` for `tokens` tokens (sequences, for the head).
std::optional<kernels::Kernel> kernel_of(const std::string& layer, std::int64_t tokens, const Measured& by) {
  const models::Llm& llm = by.llm;
  const std::int64_t tp = by.tensor_parallel, width = llm.attention.head_dim;
  const std::int64_t heads = llm.attention.heads / tp,
                     kv_heads = std::max<std::int64_t>(1, llm.attention.kv_heads / tp);
  const std::int64_t inter = llm.mlp.inter / tp;
  if (layer == "qkv_proj") return linear(tokens, (heads + 2 * kv_heads) * width, llm.hidden);
  if (layer == "o_proj") return linear(tokens, llm.hidden, heads * width);
  if (layer == "gate_up_proj") return linear(tokens, 2 * inter, llm.hidden);
  if (layer == "down_proj") return linear(tokens, llm.hidden, inter);
  if (layer == "lm_head") return linear(tokens, llm.vocab / tp, llm.hidden);
  // With the residual added: two tensors in, two out.
  if (layer == "layernorm" || layer == "final_layernorm") return stream(MemoryOp::norm, tokens, llm.hidden, 2.0, 2.0);
  if (layer == "qk_norm") {
    return stream(MemoryOp::norm, tokens * (llm.attention.heads + llm.attention.kv_heads), width, 1.0, 1.0);
  }
  if (layer == "rotary_emb") return stream(MemoryOp::rotary, tokens, (heads + kv_heads) * width, 1.0, 1.0);
  if (layer == "act_fn") return stream(MemoryOp::activation, tokens, inter, 2.0, 1.0);
  if (layer == "embedding") return stream(MemoryOp::embedding, tokens, llm.hidden, 1.0, 1.0);
  return std::nullopt;
}

TableRows read_layers(const CsvTable& table, const hardware::Gpu& gpu) {
  const Measured by = measured_by(table, gpu);
  const int layer = table.column("layer"), time = table.column("time_us");
  const int tokens = std::max(table.column("tokens"), table.column("sequences"));
  TableRows result;
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    const std::string& name = text_cell(table, i, layer);
    const auto kernel = kernel_of(name, integer_cell(table, i, tokens), by);
    if (!kernel) {
      result.skipped.push_back({line_of(i), name, "no kernel describes this layer"});
      continue;
    }
    MeasuredRow row;
    row.line = line_of(i);
    row.kernel = *kernel;
    row.measured = Seconds{number_cell(table, i, time) * 1e-6};
    if (const auto* gemm = std::get_if<kernels::GemmShape>(&*kernel)) {
      row.fit_key = "gemm/vllm/bf16";
      row.family_key = fmt::format("n={},k={}", gemm->n, gemm->k);
    } else if (const auto* memory = std::get_if<kernels::MemoryShape>(&*kernel)) {
      row.fit_key = fmt::format("memory/vllm/{}", kernels::name(memory->op));
      row.family_key = fmt::format("{},{}", name, memory->elements / memory->rows);
    }
    result.rows.push_back(std::move(row));
  }
  return result;
}

/// The chunk and the decoding sequences of one attention row; either may be absent.
struct Batch {
  std::optional<kernels::AttentionPrefillShape> prefill;
  std::optional<kernels::AttentionDecodeShape> decode;
};

Batch batch_of(std::int64_t chunk, std::int64_t cached, std::int64_t sequences, std::int64_t length,
               const Measured& by) {
  const models::AttentionConfig& attention = by.llm.attention;
  const std::int64_t heads = attention.heads / by.tensor_parallel;
  const std::int64_t kv_heads = std::max<std::int64_t>(1, attention.kv_heads / by.tensor_parallel);
  Batch out;
  if (chunk > 0) {
    kernels::AttentionPrefillShape shape;
    shape.batch = 1, shape.q_len = chunk, shape.kv_len = cached + chunk;
    shape.q_heads = heads, shape.kv_heads = kv_heads, shape.head_dim = attention.head_dim;
    shape.implementation = Implementation::vllm;
    out.prefill = shape;
  }
  if (sequences > 0) {
    kernels::AttentionDecodeShape shape;
    shape.batch = sequences, shape.kv_tokens = sequences * (length + 1);
    shape.q_heads = heads, shape.kv_heads = kv_heads, shape.head_dim = attention.head_dim;
    shape.implementation = Implementation::vllm;
    out.decode = shape;
  }
  return out;
}

TableRows read_attention(const CsvTable& table, const hardware::Gpu& gpu) {
  const Measured by = measured_by(table, gpu);
  const int chunk = table.column("prefill_chunk"), cached = table.column("kv_prefill");
  const int sequences = table.column("n_decode"), length = table.column("kv_decode"), time = table.column("time_us");
  const std::string heads = fmt::format("h={}/{},d={}", by.llm.attention.heads / by.tensor_parallel,
                                        by.llm.attention.kv_heads / by.tensor_parallel, by.llm.attention.head_dim);
  TableRows result;
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    const std::int64_t q = integer_cell(table, i, chunk), n = integer_cell(table, i, sequences);
    const Batch batch = batch_of(q, integer_cell(table, i, cached), n, integer_cell(table, i, length), by);
    MeasuredRow row;
    row.line = line_of(i);
    row.measured = Seconds{number_cell(table, i, time) * 1e-6};
    if (batch.prefill && batch.decode) {
      row.kernel = *batch.prefill;
      row.second = *batch.decode;
    } else if (batch.prefill) {
      row.kernel = *batch.prefill;
      row.fit_key = "attention_prefill/vllm/bf16";
      row.family_key = fmt::format("{},q={}", heads, q);
    } else if (batch.decode) {
      row.kernel = *batch.decode;
      row.fit_key = "attention_decode/vllm/bf16";
      row.family_key = fmt::format("{},n={}", heads, n);
    } else {
      result.skipped.push_back({row.line, "attention", "an empty batch"});
      continue;
    }
    result.rows.push_back(std::move(row));
  }
  return result;
}

}  // namespace

TableKind vllm_dense_table() { return {"gemm", {"layer", "tokens", "time_us"}, read_layers, kSoftware}; }

TableKind vllm_sequence_table() { return {"gemm", {"layer", "sequences", "time_us"}, read_layers, kSoftware}; }

TableKind vllm_attention_table() {
  return {"attention_prefill",
          {"prefill_chunk", "kv_prefill", "n_decode", "kv_decode", "time_us"},
          read_attention,
          kSoftware};
}

}  // namespace orrery::calibrate
