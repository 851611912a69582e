// Rows of `gemm_training`, `grouped_gemm_training` and `attention_training` tables.
//
// Kernels of a training step in TransformerEngine, timed in wall-clock loops of 75 and more: warm, at the clock that
// the board sustains. Multiplications in three layouts: TN forward, NN the input's gradient, NT the weights' gradient,
// which is added to in fp32 where `accumulate` is 1. A grouped one is as many matrices as experts. Attention is causal;
// its backward pass recomputes the scores.
// No fit sees these rows: forward kernels are priced by the fits of other tables, backward ones by those and what the
// models derive. Groups are a layout, or a pass.
// Source: MooreThreads/SimuMax @4dcaae5, A100 PCIe and one B200.
#include <optional>

#include <fmt/format.h>

#include "calibrate/rows.hpp"

namespace orrery::calibrate {
namespace {

constexpr std::string_view kSoftware = "SimuMax @4dcaae5, TransformerEngine in wall-clock loops";

/// A row of which `kernel` was timed, or why it can't be read.
void add(TableRows& result, const CsvTable& table, std::size_t row, kernels::Kernel kernel, std::string family) {
  MeasuredRow measured;
  measured.line = line_of(row);
  measured.measured = Seconds{number_cell(table, row, table.column("time_us")) * 1e-6};
  measured.kernel = std::move(kernel);
  measured.family_key = std::move(family);
  result.rows.push_back(std::move(measured));
}

std::optional<Dtype> dtype_of(TableRows& result, const CsvTable& table, std::size_t row) {
  const std::string& text = text_cell(table, row, table.column("dtype"));
  const auto dtype = parse_dtype(text);
  if (!dtype) result.skipped.push_back({line_of(row), text, "unknown dtype"});
  return dtype;
}

kernels::GemmShape gemm_of(const CsvTable& table, std::size_t row, Dtype dtype, const hardware::Gpu& gpu) {
  const auto size = [&](const char* name) { return integer_cell(table, row, table.column(name)); };
  kernels::GemmShape shape;
  shape.dtype = dtype;
  shape.m = size("m"), shape.n = size("n"), shape.k = size("k");
  shape.accumulate = size("accumulate") == 1;
  const double weights = static_cast<double>(shape.n) * static_cast<double>(shape.k) * element_size(dtype).value();
  shape.weights = weights < 0.5 * gpu.l2_size.value() ? kernels::CacheState::warm : kernels::CacheState::cold;
  return shape;
}

TableRows read_gemm(const CsvTable& table, const hardware::Gpu& gpu) {
  TableRows result;
  for (std::size_t row = 0; row < table.rows.size(); ++row) {
    const auto dtype = dtype_of(result, table, row);
    if (!dtype) continue;
    kernels::GemmShape shape = gemm_of(table, row, *dtype, gpu);
    if (table.column("batch") >= 0) shape.batch = integer_cell(table, row, table.column("batch"));
    add(result, table, row, shape, text_cell(table, row, table.column("layout")));
  }
  return result;
}

TableRows read_grouped(const CsvTable& table, const hardware::Gpu& gpu) {
  TableRows result;
  for (std::size_t row = 0; row < table.rows.size(); ++row) {
    const auto dtype = dtype_of(result, table, row);
    if (!dtype) continue;
    kernels::GemmShape shape = gemm_of(table, row, *dtype, gpu);
    shape.batch = integer_cell(table, row, table.column("groups"));
    shape.weights = kernels::CacheState::cold;
    add(result, table, row, shape, text_cell(table, row, table.column("stage")));
  }
  return result;
}

TableRows read_attention(const CsvTable& table, const hardware::Gpu&) {
  const int direction = table.column("direction");
  TableRows result;
  for (std::size_t row = 0; row < table.rows.size(); ++row) {
    const auto dtype = dtype_of(result, table, row);
    if (!dtype) continue;
    const std::string& pass = text_cell(table, row, direction);
    if (pass != "fwd" && pass != "bwd") {
      result.skipped.push_back({line_of(row), pass, "neither a forward nor a backward pass"});
      continue;
    }
    const auto size = [&](const char* name) { return integer_cell(table, row, table.column(name)); };
    kernels::AttentionPrefillShape shape;
    shape.dtype = shape.kv_dtype = *dtype;
    shape.batch = size("batch"), shape.q_len = shape.kv_len = size("seq");
    shape.q_heads = size("q_heads"), shape.kv_heads = size("kv_heads");
    shape.head_dim = size("head_dim"), shape.v_head_dim = size("v_head_dim");
    if (shape.v_head_dim == shape.head_dim) shape.v_head_dim = 0;
    shape.pass = pass == "fwd" ? kernels::Pass::forward : kernels::Pass::backward;
    add(result, table, row, shape, pass);
  }
  return result;
}

}  // namespace

TableKind gemm_training_table() {
  return {"gemm", {"dtype", "m", "n", "k", "layout", "accumulate", "time_us"}, read_gemm, kSoftware, true};
}

TableKind grouped_gemm_training_table() {
  return {"gemm", {"dtype", "groups", "m", "n", "k", "stage", "accumulate", "time_us"}, read_grouped, kSoftware, true};
}

TableKind attention_training_table() {
  return {"attention_prefill",
          {"dtype", "direction", "batch", "seq", "q_heads", "kv_heads", "head_dim", "v_head_dim", "time_us"},
          read_attention,
          kSoftware,
          true};
}

}  // namespace orrery::calibrate
